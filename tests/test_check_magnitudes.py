"""check_graph at all magnitudes: right rows are never accused, wrong ones named where it shows."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from test_tensor_rules import CASES
from truth import TRUTH

import autograd as ag
from autograd import Tensor, Value, check_graph, register
from autograd.arrays.matrix_rules import OWN_AXES
from autograd.checking.mutation import wrong_columns
from autograd.core.graph import hand_back
from autograd.core.rules import RULES

pytestmark = pytest.mark.slow


def magnitude(rng: random.Random, largest: float) -> float:
    """A number of any size, many between 1e-20 and 1000, and some that are round."""
    sign, kind = rng.choice((-1.0, 1.0)), rng.random()
    if kind < 0.35:
        return sign * 10.0 ** rng.uniform(-largest, largest)
    if kind < 0.75:
        return sign * 10.0 ** rng.uniform(-20.0, 3.0)
    return rng.choice((1.0, -1.0, 0.5, 2.0, 0.0, rng.uniform(-2.0, 2.0)))


def within(name: str, i: int, x: float, otherwise: float) -> float:
    """x, or what is like it in the domain of the operation."""
    fact = RULES[name].fact
    low, high = (-math.inf, math.inf) if fact.variadic else fact.domain[i]
    return x if low <= x <= high else -x if low <= -x <= high else otherwise


def points(name: str, rng: random.Random, count: int) -> list[list[float]]:
    case, found = TRUTH[name], []
    for _ in range(count):
        point = list(rng.choice(case.ordinary))
        for i in case.wrt:
            point[i] = within(name, i, magnitude(rng, 300.0), point[i])
        found.append(point)
    return found


@pytest.mark.parametrize("name", TRUTH)
def test_no_right_row_is_accused_whatever_the_size_of_its_numbers(name: str) -> None:
    for point in points(name, random.Random(name), 12):
        root = RULES[name].compute(
            *[Value(x) if i in TRUTH[name].wrt else x for i, x in enumerate(point)]
        )
        known = [share for share in hand_back(root, 1.0) if share is not None]
        if not any(math.isnan(share) for share in known):  # as inf * 0 is, past the largest number
            report = check_graph(root)
            assert report, report


@pytest.mark.parametrize("name", TRUTH)
def test_no_right_row_is_accused_on_arrays_whatever_the_size_of_their_numbers(name: str) -> None:
    rng, wrt = random.Random(name + "arrays"), TRUTH[name].wrt
    for size in (1, 4):
        xs: list[Any] = list(TRUTH[name].ordinary[0])
        columns = list(zip(*points(name, rng, size), strict=True))
        xs = [Tensor(columns[i]) if i in wrt else x for i, x in enumerate(xs)]
        if name == "where":
            xs[0] = np.array([True])
        root = RULES[name].compute(*xs)
        shares = [s for s in hand_back(root, root.start(np.ones(root.shape))) if s is not None]
        if not any(np.isnan(share).any() for share in shares):
            report = check_graph(root)
            assert report, report


@pytest.mark.parametrize("case", [case for case in CASES if case != "pow broadcasts"])
def test_no_right_row_of_arrays_is_accused_where_its_numbers_are_of_many_sizes(case: str) -> None:
    function, arrays = CASES[case]
    rng = random.Random(case)
    for _ in range(2):
        given = [
            a * 10.0 ** rng.randint(-30, 30)  # an inverse is as exact as its largest number
            if case in OWN_AXES
            else np.array([magnitude(rng, 30.0) for _ in range(a.size)]).reshape(a.shape)
            for a in arrays
        ]
        report = check_graph(function(*map(Tensor, given)))
        assert report, report


@pytest.mark.parametrize("name", [name for name in TRUTH if name != "where"])
def test_no_right_row_is_accused_at_subnormal_numbers(name: str) -> None:
    """They have few digits, and steps along a direction fewer."""
    case, rng = TRUTH[name], random.Random(name + "subnormal")
    for k in (16, 794, 7_000_003, 3_141_592_653_589_793):
        at = list(rng.choice(case.ordinary))
        i = rng.choice(case.wrt)
        at[i] = within(name, i, rng.choice((-1, 1)) * k * 2.0**-1074, at[i])
        for kind in (Value, lambda x: Tensor([x]), lambda x: Tensor([x, x])):
            if kind is Value or not RULES[name].variadic:
                root = RULES[name].compute(
                    *[kind(x) if j in case.wrt else x for j, x in enumerate(at)]
                )
                report = check_graph(root)
                assert report, (at, report)


@pytest.mark.parametrize(
    "name", [name for name in TRUTH if RULES[name].fact.arity == 1 and name != "identity"]
)
def test_no_right_row_is_accused_where_it_flattens_or_grows(name: str) -> None:
    """The slope of tanh at 16 is 100 roundings of its value, and long steps see none of it."""
    for x in np.linspace(-40.0, 40.0, 134):
        at = within(name, 0, float(x), 0.5)
        report = check_graph(RULES[name].compute(Value(at)))
        assert report, (at, report)
    at_all = [within(name, 0, x, 0.5) for x in (-16.3, -5.5, 16.3, 16.4, 33.0, 36.0)]
    assert check_graph(RULES[name].compute(Tensor(at_all)))


SMALL = [
    (ag.hypot, (1e-10, 1.0)), (ag.hypot, (1e-12, 1e-20)), (ag.hypot, (1e-18, 1e-4)),
    (lambda x, y: x + y, (1.0, 1e-12)), (lambda x, y: x - y, (1e20, 1.0)),
    (ag.logaddexp, (1e-12, 1.0)), (ag.logaddexp, (-40.0, 1e-10)), (ag.atan2, (1e-24, 1e-38)),
    (lambda x, y: x % y, (1.0, 1e-9)), (lambda x, y: x // y, (1.0, 1e-13)), (ag.sin, (1e17,)),
    (ag.floor, (1e17,)), (lambda x, y: x**y, (1.0, 1e100)), (ag.maximum, (1e-10, 1e-11)),
    (lambda *xs: ag.logsumexp(list(xs)), (1.0, 1e-12, -30.0)),
    (lambda *xs: ag.softmax(list(xs))[1], (1.0, 1e-12, -30.0)),
    (lambda *xs: ag.dot(list(xs[:2]), list(xs[2:])), (1.0, 1e-12, 1e-10, 1.0)),
]  # fmt: skip


@pytest.mark.parametrize(("f", "at"), SMALL)
def test_small_numbers_beside_large_ones_raise_no_alarm(f: Any, at: tuple[float, ...]) -> None:
    for kind in (Value, lambda x: Tensor([x]), lambda x: Tensor([x, 1.0, 1e-15])):
        if kind is not Value and "list" in str(f.__code__.co_names):
            continue
        report = check_graph(f(*map(kind, at)))
        assert report, report


def test_bounds_of_clip_that_nearly_meet_are_no_fault() -> None:
    for high in (1e-300, 1e-200, 1e-12):
        for kind in (Value, lambda x: Tensor([x])):
            report = check_graph(ag.clip(*map(kind, (0.0, 0.0, high))))
            assert report, report


def test_a_softmax_with_tiny_shares_and_a_sum_that_loses_its_small_terms_are_right() -> None:
    for x in ([0.0, -30.0, -60.0], [1e-12, 1.0, 40.0], [1e20, 1.0, 1e-12]):
        for f in (lambda t: t.softmax(0), lambda t: t.logsumexp(0), lambda t: t.log_softmax(0),
                  lambda t: t.sum(), lambda t: t @ t, lambda t: t.norm()):  # fmt: skip
            report = check_graph(f(Tensor(x)))
            assert report, report


@pytest.mark.parametrize("kind", [Value, lambda x: Tensor([x]), lambda x: Tensor([x, 0.5])])
@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("hypot", (1e-9, 1e-12)), ("hypot", (3e-20, 1e-20)), ("atan2", (1e-24, 3e-24)),
        ("add", (1.0, 1e-6)), ("mul", (1e-200, 1e150)), ("div", (1e-12, 1e-3)),
        ("logaddexp", (1e-12, 1.0)), ("sub", (1e-12, 1e-13)), ("log", (1e-200,)),
        ("exp", (1e-12,)), ("mod", (1.0, 0.3)), ("mod", (1e-9, 0.3e-9)), ("maximum", (2.0, 1.0)),
        ("ratio", (1e-12, 1e-20)), ("sqrt", (1e-100,)), ("sin", (1e6,)), ("pow", (1e-5, 2.5)),
    ],
)  # fmt: skip
def test_a_fault_of_a_thousandth_is_named_at_all_magnitudes(
    name: str, at: tuple[float, ...], kind: Any, monkeypatch: Any
) -> None:
    row = RULES[name]
    root = row.compute(*map(kind, at))
    for factor in (1.001, -1.0, 2.0, 0.0):
        with monkeypatch.context() as patch:
            patch.setattr(row, "columns", wrong_columns(row, 0, factor))
            (finding,) = check_graph(root).findings
        assert (finding.operation, finding.argument) == (name, 0)


def test_a_kink_of_ones_own_beside_tiny_numbers_is_no_fault() -> None:
    def to_y(g: Any, out: Any, x: Any, y: Any) -> Any:
        return g * float(x <= y)

    bend = register("bend_near", lambda x, y: max(x, y), lambda g, o, x, y: g * float(x > y), to_y)
    for x, y in ((1e-12, 1e-13), (1e-13, 1e-12), (1.0, 1.0 + 1e-12), (0.0, 1e-20)):
        assert check_graph(bend(Value(x), Value(y)))
    wrong = register("bend_wrong", lambda x, y: max(x, y), lambda g, o, x, y: 0.5 * g, to_y)
    assert not check_graph(wrong(Value(1e-12), Value(1e-13)))
