"""What a recording may assume: each assumption with its guard or its refusal."""

from __future__ import annotations

import contextlib
import enum
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd
from autograd import (
    Tensor,
    Value,
    compile,
    detect_anomaly,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    value_and_grad,
    vjp,
    where,
    zero_grad,
)

# ---- ints, bools and strings ---------------------------------------------------------------------

WITH_INTS: list[Callable[[Any, Any], Any]] = [
    lambda x, n: sum((x * i for i in range(n + 1)), x),
    lambda x, n: [x, 2 * x, 3 * x, 4 * x, 5 * x][n - 1],
    lambda x, n: x * {"k1": 2.0}.get(f"k{n}", 7.0),
    lambda x, n: x * {"1": 2.0}.get(str(n), 7.0),
    lambda x, n: x * len(f"{n:03d}") + n,
    lambda x, n: x if n % 2 == 0 else -x,
    lambda x, n: x * [1.0, 2.0, 3.0][n // 2],
    lambda x, n: x * n + n**2,
    lambda x, n: x * math.comb(n + 2, 2),
    lambda x, n: x * (n / 2) + abs(-n),
]


@pytest.mark.parametrize("f", WITH_INTS)
def test_an_int_is_a_number_and_an_index(f: Any) -> None:
    step = compile(f, keep=99)
    for n in (1, 2, 4, 1, 4, 2):
        for x in (1.5, -2.0):
            assert step(x, n) == f(x, n)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, n: x * {1: 2.0}.get(n, 7.0),
        lambda x, n: x * {2: 2.0}.get(n + 1, 7.0),
        lambda x, n: x * {-1: 2.0}.get(-n, 7.0),
        lambda x, n: x * (n in {1, 2}),
        lambda x, n: x * len({n, 1}),
        lambda x, n: x * {True: 2.0, False: 3.0}.get(x > 0, 7.0),
        lambda x, n: x * {n * 2: 2.0}[n * 2],
    ],
)
@pytest.mark.parametrize("n", [1, np.int64(1), np.uint8(1)])
def test_a_hashed_int_is_refused_even_if_the_function_looks_away(f: Any, n: Any) -> None:
    def quiet(x: Any, n: Any) -> Any:
        try:
            return f(x, n)
        except TypeError:
            return x

    for g in (f, quiet):
        step = compile(g)
        with pytest.raises(TypeError, match="pass the int by keyword, and write bool"):
            step(1.0, n)
        assert not step.recordings


def test_a_float_is_not_an_int() -> None:
    step = compile(lambda x, n: x * len(str(n)))
    assert step(1.0, 3.0) == len("Value(3.0)")  # as grad(f) would write it
    assert step(1.0, 3) == 1.0
    assert step(1.0, 3.0) == len("Value(3.0)")


def test_bools_and_strings_are_settings() -> None:
    step = compile(lambda x, b: x * (2.0 if b is True else 3.0 if b is False else 4.0))
    assert [step(1.0, b) for b in (True, False, 1, 1.0, True, 0)] == [2.0, 3.0, 4.0, 4.0, 2.0, 4.0]
    assert step.value_and_grad(1.0, True) == (2.0, 2.0)
    step = compile(lambda x, s: x * {"a": 2.0, "b": 3.0}[s["name"]])
    assert [step(1.0, {"name": s}) for s in "aba"] == [2.0, 3.0, 2.0]
    assert "'b'" in step.listing()
    step = compile(lambda t: t[0] * (2.0 if t[1] is True else 3.0))
    assert step.value_and_grad([1.0, True]) == (2.0, [2.0, None])
    assert step.value_and_grad([1.0, False]) == (3.0, [3.0, None])


@pytest.mark.parametrize("n", [2**53 + 1, -(2**53) - 2, 2**60, 10**400, np.int64(2**53 + 1)])
def test_an_int_that_floats_do_not_hold_is_refused(n: Any) -> None:
    step = compile(lambda x, n: x * n)
    step(1.0, 3)
    with pytest.raises(TypeError, match=r"argument 1 is .*past 2\*\*53"):
        step(1.0, n)
    step = compile(lambda x, ns: x * ns[0])
    step(1.0, np.array([3.0]))
    if abs(n) < 2**63:  # an array of ints is one of ints in f too
        assert step(1.0, np.array([int(n)])) == 1.0 * n
    with pytest.raises(TypeError, match=r"2\*\*53"):
        step(1.0, np.array([int(n)], object))


# ---- keywords ------------------------------------------------------------------------------------


class Point(NamedTuple):
    x: Any


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True)
class Frozen:
    x: Any


@pytest.mark.parametrize(
    "settings",
    [
        ((0.0,), (-0.0,)),
        ((1,), (True,), (1.0,)),
        (((0.0,),), ((-0.0,),)),
        (frozenset([1]), frozenset([True]), frozenset([1.0])),
        (0.0, -0.0, 0, False),
        (0j, -0j, complex(-0.0, 0.0)),
        (Point(0.0), Point(-0.0), (0.0,)),
        (Frozen(0.0), Frozen(-0.0), Frozen(0)),
        (partial(max, 0.0), partial(max, -0.0)),
        (np.float32(0.0), np.float64(0.0), np.float64(-0.0)),
        (Colour.RED, Colour.BLUE),
        ("1", 1, b"1"),
    ],
)
def test_a_setting_is_told_from_those_it_equals(settings: tuple[Any, ...]) -> None:
    step = compile(lambda x, k: x * len(repr(k)) * (1 + settings_place(k)), keep=99)

    def settings_place(k: Any) -> float:
        return float([repr(s) + str(type(s)) for s in settings].index(repr(k) + str(type(k))))

    for k in (*settings, *settings):
        assert step(1.0, k=k) == len(repr(k)) * (1 + settings_place(k))
    assert len(step.recordings) == len(settings)


@pytest.mark.parametrize("k", [[1.0], {"a": 1.0}, np.zeros(2), object(), (1, [2]), Frozen([1])])
def test_a_setting_that_may_change_is_refused(k: Any) -> None:
    with pytest.raises(TypeError, match=r"k is .*may change unnoticed"):
        compile(lambda x, k: x)(1.0, k=k)


# ---- arrays, threads and effects -----------------------------------------------------------------


def test_a_tensor_from_outside_is_read_again() -> None:
    t = Tensor([1.0, 2.0])
    reads: list[Callable[[], Any]] = [
        lambda: float(t.data[0]),
        lambda: t.data.sum(),
        lambda: 1.0 if (t > 2.0).any() else 2.0,
        lambda: float(len(repr(t))) + float(len(f"{t}")),
    ]
    for read in reads:
        step = compile(lambda x, read=read: x * read())
        for number in (1.0, 5.25, 1.0):
            t.data[0] = number
            assert step(2.0) == 2.0 * read()


def test_writing_into_an_array_is_refused() -> None:
    def add(t: Tensor) -> None:
        a = t.data
        a += 1

    def assign(t: Tensor) -> None:
        t.data[0] = 5.0

    def rebind(t: Tensor) -> None:
        t.data = t.data + 1

    for write in (add, assign, rebind):
        t = Tensor([1.0, 2.0])

        def f(x: Any, write: Any = None, t: Tensor = t) -> Any:
            with contextlib.suppress(RuntimeError):
                write(t)
            return x * 2

        with pytest.raises(RuntimeError, match=r"writes into the array|assigns \.data"):
            compile(f)(1.0, write=write)


def in_thread(f: Callable[[Any], Any], x: Any) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(f(x)))
    thread.start()
    thread.join()
    return found[0]


def unrecorded(x: Any) -> Any:
    with no_grad():
        return x * x


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.data,
        lambda x: (x * 2).data,
        lambda x: 1.0 if x > 0 else 2.0,
        lambda x: 1.0 if x * x > 5 else 2.0,
        lambda x: 1.0 if x else 2.0,
        lambda x: (x * 2).detach(),
        unrecorded,
        grad(lambda y: y * y),
        grad(lambda y: where(y > 0, y, -y)),
    ],
)
def test_what_another_thread_looks_at_is_noted(f: Any) -> None:
    step = compile(lambda x: x * in_thread(f, x))
    for x in (1.0, 3.0, -2.0, 0.0, 1.0):
        expected = f(Value(x))
        assert step(x) == x * getattr(expected, "data", expected)


def test_effects_are_refused_even_if_the_function_looks_away() -> None:
    w = Value(3.0, "w")
    inner = compile(lambda y: y * w)
    effects: list[Callable[[], Any]] = [
        lambda: zero_grad([w]),
        lambda: w.grad,
        lambda: setattr(w, "grad", 1.0),
        lambda: setattr(w, "data", 1.0),
        lambda: (w * 2).backward(),
        lambda: inner.backward(2.0),
        lambda: inner.bind([w]).write(),
    ]
    for effect in effects:

        def f(x: Any, effect: Any = None) -> Any:
            with contextlib.suppress(RuntimeError):
                effect()
            return x * 2

        (w * 2).backward()
        with pytest.raises(RuntimeError, match="no replay would"):
            compile(f)(1.0, effect=effect)
        assert (w.data, w.grad) == (3.0, 2.0)
        zero_grad([w])


def test_a_replay_in_a_recording_closes_over_the_outer_one() -> None:
    def by_gradient(x: Any) -> Any:
        z = x * 2
        return compile(lambda y: y * z).value_and_grad(3.0)[0] * x

    def by_branch(x: Any) -> Any:
        z = x * 2
        return compile(lambda y: y * z if z > 3 else y + z).value_and_grad(3.0)[1] * x

    def by_detached(x: Any) -> Any:
        z = (x * 2).detach()
        return compile(lambda y: y * z).value_and_grad(3.0)[1] * x

    def by_argument(x: Any) -> Any:
        return compile(lambda y: y * x).value_and_grad(3.0)[0] * x

    def by_batch(x: Any) -> Any:
        z = x * 2
        return compile(lambda y: y * z).batch([1.0, 2.0])[0].sum() * x

    for f in (by_gradient, by_branch, by_detached, by_argument, by_batch):
        step = compile(f, keep=99)
        for x in (1.0, 2.0, 5.0, 1.0):
            assert step(x) == f(Value(x)).data, f


# ---- anomalies -----------------------------------------------------------------------------------


def test_anomalies_are_found_in_a_replay() -> None:
    log, root = compile(lambda x: x.log()), compile(lambda x: x**0.5)
    w = Value(4.0)
    of_leaf = compile(lambda x: x * w**0.5)
    for step in (log, root, of_leaf):
        step(1.0)
    with detect_anomaly():
        assert (log(1.0), root.value_and_grad(4.0)) == (0.0, (2.0, 0.25))
        with pytest.raises(FloatingPointError, match=r"log of -1.0 is nan\n  at .*x\.log\(\)"):
            log(-1.0)
        with pytest.raises(FloatingPointError, match=r"pow of 0\.0, 0\.5 passes back"):
            root.value_and_grad(0.0)
        with pytest.raises(FloatingPointError, match="passes back"):
            root.batch([1.0, 2.0, 0.0])
        assert root.batch_value([1.0, 4.0]).tolist() == [1.0, 2.0]
        w.data = 0.0
        with pytest.raises(FloatingPointError, match="passes back"):
            of_leaf.backward(1.0)
        assert w.grad == 0.0
    assert [len(step.recordings) for step in (log, root, of_leaf)] == [1, 1, 1]
    assert math.isnan(log(-1.0))


# ---- gradients -----------------------------------------------------------------------------------

CHOICES: list[Callable[[Any], Any]] = [
    lambda x: where(x > 0, x, -x),
    lambda x: where(x < 100, autograd.exp(x), x * x),
    lambda x: where(x < 100, where(x > 0, autograd.exp(x), x * x), x * x * x),
    lambda x: where(x < 100, autograd.exp(x), x * x) + where(x > -5, x * x, x.log()),
    lambda x: where(x < 100, autograd.logsumexp([autograd.exp(x), x]), x * x) * x,
    lambda x: where((x > 0) & (x < 100), autograd.exp(x), x * x) ** 2,
    lambda x: (x > 0) * x,
    lambda x: (x > 0) * x * x + (x < 3) * 2.0 * x,
    lambda x: x * x.detach(),
    lambda x: x * x * x.detach() ** 2,
    lambda x: x * unrecorded(x),
    lambda x: x * x.data * x,
    lambda x: x.elu() * x,
    lambda x: x.clip(-1.0, 2.0) * x.relu(),
    lambda x: x * x if x > 1 else x.sin(),
    lambda x: autograd.maximum(x, 1.0) * x,
    lambda x: where(x > 0, 1.0, 2.0),
    lambda x: x * grad(lambda y: where(y > x.detach() - 1, y * y * x, y))(x),
]


def by_gradients(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def slope(x: Any) -> Any:
        y = x * 1.0
        return gradients(f(y) + 0 * y, [y])[0]

    return slope


TRANSFORMS: list[Callable[[Any], Any]] = [
    grad,
    lambda f: grad(grad(f)),
    lambda f: lambda x: value_and_grad(f)(x)[1],
    lambda f: jacobian(lambda x: [f(x), f(x) * x]),
    hessian,
    lambda f: lambda x: jvp(f)(x, 2.0),
    lambda f: lambda x: vjp(f)(x, 2.0),
    lambda f: lambda x: hvp(f)(x, 2.0),
]


@pytest.mark.parametrize("transform", range(len(TRANSFORMS)))
@pytest.mark.parametrize("f", CHOICES)
def test_gradients_depend_on_what_the_function_depends_on(f: Any, transform: int) -> None:
    made = TRANSFORMS[transform](f)
    for xs in ((1.0, -1.0, 800.0, 1.0, -7.0, 0.0), (-7.0, 800.0, 0.5)):
        step = compile(made, keep=99)
        for x in xs:
            expected = autograd.trees.leaves(made(x))
            found = autograd.trees.leaves(step(x))
            assert found == pytest.approx(expected, rel=1e-12, nan_ok=True), x


@pytest.mark.parametrize("f", CHOICES)
def test_gradients_with_respect_to_nodes(f: Any) -> None:
    step = compile(by_gradients(f), keep=99)
    for x in (1.0, -1.0, 800.0, -7.0, 0.5):
        expected = by_gradients(f)(Value(x))
        assert step(x) == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_gradients_of_arrays_depend_on_what_has_no_path() -> None:
    fs: list[Callable[[Any], Any]] = [
        lambda xs: xs[0] * xs[1].detach(),
        lambda xs: (xs * xs).sum() * (xs[0] > 1),
        lambda xs: autograd.where(xs > 1, autograd.exp(xs), xs * xs).sum(),
        lambda xs: np.dot(xs, xs) * xs[1].data,
    ]
    for f in fs:
        step = compile(grad(f))
        for xs in ([1.0, 2.0], [1.0, 5.0], [2.0, 0.5], [800.0, 1.0]):
            inputs = [Value(x) for x in xs]
            expected = gradients(f(np.array(inputs)), inputs)
            assert step(np.array(xs)) == pytest.approx(expected, rel=1e-12), xs
