"""Second derivatives where a length is 0: those of what is smooth there, or a refusal."""

from __future__ import annotations

import math
from contextlib import nullcontext, suppress

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, grad, hessian, hvp, jacobian, jvp

# A function of a length r with slope 0 at r = 0, and its second derivative there.
SMOOTH = {
    "r ** 2": (lambda r: r**2, 2.0),
    "r * r": (lambda r: r * r, 2.0),
    "cosh(3 r)": (lambda r: ag.cosh(3 * r), 9.0),
    "1 - cos(r)": (lambda r: 1 - ag.cos(r), 1.0),
    "sqrt(1 + r ** 2)": (lambda r: ag.sqrt(1 + r**2), 1.0),
    "log1p(5 r ** 2)": (lambda r: ag.log1p(5 * r**2), 10.0),
    "r ** 3": (lambda r: r**3, 0.0),
    "r ** 4 - r ** 2": (lambda r: r**4 - r**2, -2.0),
    "(r ** 2).abs() + 1": (lambda r: abs(r**2 + 1), 2.0),
    "huber": (lambda r: ag.where(r < 1.0, 0.5 * r**2, r - 0.5), 1.0),
    "|r| ** 2": (lambda r: abs(r) ** 2, 2.0),
}
# A length of three numbers, and the second derivatives of half its square.
CENTRED = np.eye(3) - 1 / 3
LENGTHS = {
    "norm": (lambda x: ag.norm(x), np.eye(3)),
    "np.linalg.norm": (lambda x: np.linalg.norm(x), np.eye(3)),
    "norm of 2 x": (lambda x: ag.norm(2 * x), 4 * np.eye(3)),
    "hypot": (lambda x: ag.hypot(ag.hypot(x[0], x[1]), x[2]), np.eye(3)),
    "one of them": (lambda x: abs(x[1]), np.diag([0.0, 1.0, 0.0])),
    "their sum": (lambda x: abs(x.sum()), np.ones((3, 3))),
    "std": (lambda x: x.std(), CENTRED / 3),
    "std, ddof": (lambda x: x.std(ddof=1), CENTRED / 2),
}


@pytest.mark.parametrize("smooth", SMOOTH)
@pytest.mark.parametrize("length", LENGTHS)
def test_a_smooth_function_of_a_length_has_its_hessian_where_the_length_is_0(length, smooth):
    r, half = LENGTHS[length]
    outer, bend = SMOOTH[smooth]
    x = np.full(3, 0.25) if length.startswith("std") else np.zeros(3)

    def f(x):
        return outer(r(x))

    wanted = bend * half
    assert hessian(f)(x) == pytest.approx(wanted, abs=1e-14)
    assert jacobian(grad(f))(x) == pytest.approx(wanted, abs=1e-14)
    v = np.array([1.0, -2.0, 4.0])
    assert hvp(f)(x, v) == pytest.approx(wanted @ v, abs=1e-14)
    assert jvp(grad(f))(x, v) == pytest.approx(wanted @ v, abs=1e-14)
    assert hessian(f)(x.astype(np.float32)) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("smooth", SMOOTH)
def test_the_same_holds_of_values(smooth):
    outer, bend = SMOOTH[smooth]
    assert grad(grad(lambda x: outer(abs(x))))(0.0) == bend
    assert grad(grad(lambda x: outer(abs(-3 * x))))(0.0) == pytest.approx(9 * bend)
    found = hessian(lambda v: v[2] * outer(ag.hypot(v[0], v[1])))([0.0, 0.0, 5.0])
    assert found == [[5 * bend, 0, 0], [0, 5 * bend, 0], [0, 0, 0]]
    assert grad(lambda w: hessian(lambda x: w * outer(abs(x)))(0.0))(3.0) == bend


def test_elements_are_told_apart():
    x = np.array([0.0, 3.0, -2.0, 0.0, np.inf])
    assert hessian(lambda x: (abs(x) ** 2).sum())(x) == pytest.approx(2 * np.eye(5))
    rows = np.array([[0.0, 0.0], [3.0, 4.0]])
    for keepdims in (False, True):
        found = hessian(lambda x, k=keepdims: (ag.norm(x, axis=1, keepdims=k) ** 2).sum())(rows)
        assert found.reshape(4, 4) == pytest.approx(2 * np.eye(4))
    weights = np.array([1.0, 2.0, 3.0])
    found = hessian(lambda x: (weights * ag.hypot(x[0], x[1]) ** 2).sum())(np.zeros((2, 3)))
    assert found.reshape(6, 6) == pytest.approx(2 * np.diag([1.0, 2.0, 3.0, 1.0, 2.0, 3.0]))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: abs(x[0]) * abs(x[1]),
        lambda x: (abs(x[0]) + abs(x[1])) ** 2,
        lambda x: abs(x[0]) * abs(2 * x[0]),
        lambda x: ag.hypot(x[0], x[1]) * abs(x[0]),
    ],
)
def test_slopes_that_depend_on_the_direction_are_refused_and_first_derivatives_are_not(f):
    kinds = [[0.0, 0.0], np.zeros(2)]
    for x in kinds:
        assert list(grad(f)(x)) == [0.0, 0.0]
        with pytest.raises(FloatingPointError, match="depends on the direction"):
            hessian(f)(x)
        assert np.isfinite(hessian(f)([1.0, 2.0])).all()


def test_lengths_that_meet_across_elements_are_refused():
    for f in (lambda x: abs(x).sum() ** 2, lambda x: ag.norm(x, ord=3) ** 2):
        assert grad(f)(np.zeros(2)).tolist() == [0.0, 0.0]
        with pytest.raises(FloatingPointError, match="depends on the direction"):
            hessian(f)(np.zeros(2))


@pytest.mark.parametrize(
    ("f", "wanted"),
    [(lambda x: x * abs(x), 0.0), (lambda x: abs(x), 0.0), (lambda x: x**2 * abs(x), 0.0)],
)
def test_a_kink_that_is_left_keeps_its_convention(f, wanted):
    assert grad(grad(f))(0.0) == wanted
    assert hessian(lambda x: f(x).sum())(np.zeros(1)).item() == wanted


def test_an_infinite_second_derivative_leaves_first_ones_as_they_are():
    f = lambda x: abs(x) ** 1.5
    assert jvp(f)(0.0, 1.0) == grad(f)(0.0) == 0.0
    assert math.isnan(grad(grad(f))(0.0))
    x = np.array([0.0, 4.0])
    assert jvp(lambda x: f(x).sum())(x, np.ones(2)) == 3.0
    found = hessian(lambda x: (f(x) + x**2).sum())(x)
    assert np.isnan(found[0, 0])
    assert found[1].tolist() == [0.0, 0.375 + 2.0]


def test_a_length_whose_gradient_is_flat_by_other_lengths_has_the_curvature_0():
    found = hessian(lambda x: ag.norm(x[:2]) * ag.norm(x[2:]) ** 3)(np.zeros(4))
    assert found.tolist() == np.zeros((4, 4)).tolist()


def test_third_derivatives_hold_and_fourth_ones_are_right_or_refused():
    for length, square in (
        (lambda x: abs(x[0]), lambda x: x[0] * x[0]),
        (lambda x: ag.hypot(x[0], x[1]), lambda x: x[0] * x[0] + x[1] * x[1]),
        (lambda x: ag.norm(x), lambda x: (x * x).sum()),
    ):
        for outer, of_square in (
            (lambda r: r * r, lambda q: q),
            (lambda r: r**4, lambda q: q**2),
            (lambda r: 1 - ag.cos(r), lambda q: q / 2 - q**2 / 24),
        ):
            kinky = lambda x, r=length, f=outer: ag.exp(x[1]) * f(r(x))
            plain = lambda x, q=square, f=of_square: ag.exp(x[1]) * f(q(x))
            for order in (1, 2, 3, 4):
                kinky, plain = jacobian(kinky), jacobian(plain)
                with suppress(FloatingPointError) if order == 4 else nullcontext():
                    assert kinky(np.zeros(2)) == pytest.approx(plain(np.zeros(2)), abs=1e-13)
    with pytest.raises(FloatingPointError, match="fourth"):
        grad(grad(grad(grad(lambda x: abs(x) ** 4))))(0.0)
    assert grad(grad(grad(grad(lambda x: abs(x) ** 4))))(0.5) == pytest.approx(24.0)


@pytest.mark.parametrize("first", [0.0, 1.0])
def test_a_replay_takes_the_way_of_each_point(first):
    replays = [
        (ag.compile(hessian(lambda x: abs(x) ** 2)), float),
        (ag.compile(hessian(lambda x: (abs(x) ** 2).sum())), lambda x: np.array([x])),
        (ag.compile(hessian(lambda x: ag.norm(x) ** 2)), lambda x: Tensor([x])),
    ]
    for replay, kind in replays:
        for x in (first, 0.0, 2.0, 0.0, -1.0):
            found = replay(kind(x))
            assert np.asarray(getattr(found, "data", found)).reshape(-1).tolist() == [2.0]


def test_a_replay_refuses_what_its_function_refuses():
    slope = ag.compile(lambda x: grad(lambda x: abs(x[0]) * abs(x[1]))(x)[0])
    assert slope([0.0, 0.0]) == 0.0
    with pytest.raises(FloatingPointError, match="depends on the direction"):
        slope.value_and_grad([0.0, 0.0])


@pytest.mark.peers
@pytest.mark.parametrize("name", ["array_api_strict", "torch", "jax.numpy"])
def test_the_same_holds_of_arrays_of_other_libraries(name):
    library = pytest.importorskip(name)
    x = library.asarray([0.0, 1.0, -2.0])
    for f in (lambda x: (abs(x) ** 2).sum(), lambda x: ag.norm(x) ** 2):
        found = hessian(f)(x * 0.0)
        assert np.asarray(found) == pytest.approx(2 * np.eye(3))
    assert np.asarray(hessian(lambda x: (abs(x) ** 2).sum())(x)) == pytest.approx(2 * np.eye(3))
    with pytest.raises(FloatingPointError, match="depends on the direction"):
        hessian(lambda x: abs(x).sum() ** 2)(x * 0.0)
