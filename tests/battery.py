"""Fast checks for the mutation run: each raises where something is wrong, and all take 0.1 s."""

from __future__ import annotations

import copy
import io
import math
import operator
import pickle
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache, partial
from threading import Event, Thread, get_ident
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import test_modes
from mpmath import mp
from truth import TRUTH, points_of, slopes

import autograd
from autograd import (
    Value,
    detect_anomaly,
    grad,
    gradients,
    jacobian,
    no_grad,
    nodes,
    record_lines,
    trees,
    value_and_grad,
    zero_grad,
)
from autograd.arrays.value_protocols import on_values
from autograd.core import graph, modes
from autograd.core.graph import (
    Node,
    _unpickle,
    apply,
    gradient_or_none,
    hand_back,
    kind_of,
    sweep,
)
from autograd.core.kinds import FUNCTIONS
from autograd.core.modes import Mode, extra, mixing, remember
from autograd.core.rules import RULES, TABLE, Rule, register, rule
from autograd.support import comparisons
from autograd.support.errors import is_finite, line_of
from autograd.support.scopes import calls, scope, scopes

inf, nan = math.inf, math.nan
Check = Callable[[], None]
Interval = tuple[float, float]


def raises(error: type[BaseException], text: str, action: Callable[[], Any]) -> None:
    """The action raises that error with that text in its message."""
    with pytest.raises(error) as raised:
        action()
    assert text in str(raised.value), str(raised.value)


def same(found: Any, expected: float, rel: float = 1e-12) -> None:
    """A float of that value, nan and the infinities included."""
    assert type(found) is float, found
    if expected != expected:
        assert found != found
    elif abs(expected) == inf or expected == 0:
        assert found == expected, (found, expected)
    else:
        assert abs(found - expected) <= rel * abs(expected), (found, expected)


def reset() -> None:
    """Undo what a mutant left behind in the modes of this thread and on the classes."""
    for kind, before in CLASSES.items():
        for name in [name for name in vars(kind) if name not in before]:
            delattr(kind, name)
    modes._entries.set(())
    graph._pickled.set(lambda: None)
    modes.active.clear()
    modes.watching.clear()
    trees._kind.cache_clear()


# ---- rows ----------------------------------------------------------------------------------------


class Case(NamedTuple):
    """A point of a row, and the intervals in which its value and its slopes must lie."""

    point: tuple[float, ...]
    wrt: tuple[int, ...]
    value: Interval
    slope: dict[int, Interval]


def around(true: Any, units: float) -> Interval:
    """The floats within so many times 2^-53 of the truth."""
    if mp.isnan(true):
        return nan, nan
    with mp.workdps(60):
        room = abs(true) * units * mp.mpf(2) ** -53
        low, high = float(true - room), float(true + room)
        if math.isfinite(low + high):
            low = low if low >= true - room else math.nextafter(low, inf)
            high = high if high <= true + room else math.nextafter(high, -inf)
        return low, high


@cache
def expected(name: str) -> list[Case]:
    """A few points of a row, and what mpmath says of them."""
    case, found = TRUTH[name], []
    points = points_of(name)
    for point in [*case.ordinary, *points[len(case.ordinary) :: max(1, len(points) // 10)]]:
        wrt = tuple(range(len(point))) if RULES[name].variadic else case.wrt
        true = slopes(case.truth, point, wrt)
        value = around(true.value, 8 * (1 + case.cancels * true.condition))
        slope = {i: around(true.slope[i], 5 * (1 + true.sensitivity[i])) for i in wrt}
        found.append(Case(point, wrt, value, slope))
    return found


def within(found: Any, interval: Interval) -> None:
    low, high = interval
    tiny = 2.0**-1022 if abs(high) < 2.0**-1021 else 0.0
    assert type(found) is float, found
    if low != low:
        assert found != found
        return
    assert low - tiny <= found <= high + tiny, (low, found, high)


def row(name: str) -> None:
    """The row's value and slopes against mpmath, and a gradient other than 1."""
    operation = RULES[name]
    for point, wrt, value, slope in expected(name):
        out = operation.compute(*point)
        within(out, value)
        node = operation.compute(*[Value(x) if i in wrt else x for i, x in enumerate(point)])
        assert node.data == out
        for i, partial_ in enumerate(node.partials):
            if i in wrt:
                within(partial_, slope[i])
            else:
                assert partial_ is None
        for x, y in zip(hand_back(node, 4.0), node.partials, strict=True):
            if y is not None and (y == 0 or 1e-290 < abs(y) < 1e300):  # where a factor is exact
                same(0.0 if x is None else x, 4.0 * y)
    for i, column in enumerate(operation.columns):
        if i not in TRUTH[name].wrt and not operation.variadic:  # a setting: flat, or no path
            share = column(1.0, out, *point)
            assert share is None if name == "where" else share == 0.0


# What takes pains over its last digits, and to how many units of 2^-53 it then has them.
PAINS = {
    "cbrt": (1.3, [(s * 10.0**k,) for k in range(-290, 290, 7) for s in (1, -1)]),
    "log1mexp": (2.0, [(-0.01 * k,) for k in range(1, 600)]),
    "normal_cdf": (5.0, [(-0.37 * k,) for k in range(-20, 100)]),
    "normal_pdf": (3.5, [(0.37 * k,) for k in range(-100, 100)]),
    "softmax": (3.0, [*points_of("softmax"), (-600.123, 50.456), (0.1, 37.7), (-3.3, 700.1, 9.9)]),
    "log_softmax": (3.0, points_of("log_softmax")),
    "logsumexp": (2.0, points_of("logsumexp")),
    "mean": (2.0, points_of("mean")),
}


@cache
def true_values(name: str) -> list[tuple[tuple[float, ...], Interval]]:
    units, points = PAINS[name]
    with mp.workdps(60):
        return [(p, around(TRUTH[name].truth(*map(mp.mpf, p)), units)) for p in points]


def pains(name: str) -> None:
    for point, interval in true_values(name):
        within(RULES[name].compute(*point), interval)


X = Value  # an input that is a node
LN2 = math.log(2.0)
Edge = tuple[str, tuple[Any, ...], float, tuple[float | None, ...]]
EDGES: list[Edge] = [
    ("relu", (X(0.0),), 0.0, (0.0,)), ("relu", (X(nan),), nan, (nan,)),
    ("leaky_relu", (X(0.0), X(0.1)), 0.0, (0.1, 0.0)), ("elu", (X(0.0), X(2.0)), 0.0, (2.0, 0.0)),
    ("leaky_relu", (X(-1.0), X(-0.5)), 0.5, (-0.5, -1.0)),
    ("elu", (X(-1.0), X(-2.0)), -2 * math.expm1(-1), (-2 * math.exp(-1), math.expm1(-1))),
    ("abs", (X(0.0),), 0.0, (0.0,)), ("sign", (X(0.0),), 0.0, (0.0,)),
    ("sign", (X(nan),), nan, (0.0,)), ("step", (X(0.0),), 0.0, (0.0,)),
    ("step", (X(nan),), nan, (0.0,)), ("floor", (X(2.0),), 2.0, (0.0,)),
    ("floor", (X(-2.5),), -3.0, (0.0,)), ("floor", (X(inf),), inf, (0.0,)),
    ("floor", (X(-1e300),), -1e300, (0.0,)),
    ("floor", (X(-inf),), -inf, (0.0,)), ("floor", (X(nan),), nan, (0.0,)),
    ("round", (X(1.7e308), -308.0), inf, (0.0, None)),
    ("round", (X(-1.7e308), -308.0), -inf, (0.0, None)),
    ("round", (X(2.5), 0.0), 2.0, (0.0, None)), ("round", (X(inf), 0.0), inf, (0.0, None)),
    ("round", (X(-inf), 0.0), -inf, (0.0, None)), ("round", (X(-1.25), 1.0), -1.2, (0.0, None)),
    ("clip", (X(-1.0), X(-1.0), X(1.0)), -1.0, (0.0, 1.0, 0.0)),
    ("clip", (X(1.0), X(-1.0), X(1.0)), 1.0, (0.0, 0.0, 1.0)),
    ("clip", (X(5.0), X(-1.0), X(1.0)), 1.0, (0.0, 0.0, 1.0)),
    ("clip", (X(0.5), X(2.0), X(1.0)), 1.0, (0.0, 0.0, 1.0)),
    ("clip", (X(0.5), X(1.0), X(1.0)), 1.0, (0.0, 0.0, 1.0)),
    ("minimum", (X(1.5), X(1.5)), 1.5, (0.5, 0.5)), ("maximum", (X(1.5), X(1.5)), 1.5, (0.5, 0.5)),
    ("minimum", (X(inf), X(inf)), inf, (0.5, 0.5)), ("maximum", (X(nan), X(1.0)), nan, (nan, nan)),
    ("maximum", (X(1.0), X(nan)), nan, (nan, nan)), ("minimum", (X(nan), X(1.0)), nan, (nan, nan)),
    ("minimum", (X(1.0), X(nan)), nan, (nan, nan)),
    ("sqrt", (X(0.0),), 0.0, (inf,)), ("sqrt", (X(-1.0),), nan, (nan,)),
    ("log", (X(0.0),), -inf, (inf,)), ("log", (X(-1.0),), nan, (nan,)),
    ("log1p", (X(-1.0),), -inf, (inf,)), ("log2", (X(-1.0),), nan, (nan,)),
    ("acosh", (X(0.5),), nan, (nan,)), ("atanh", (X(2.0),), nan, (nan,)),
    ("atanh", (X(1.0),), inf, (inf,)), ("atanh", (X(-1.0),), -inf, (inf,)),
    ("asin", (X(2.0),), nan, (nan,)), ("asin", (X(1.0),), math.pi / 2, (inf,)),
    ("acos", (X(-1.0),), math.pi, (-inf,)), ("cbrt", (X(0.0),), 0.0, (inf,)),
    ("cbrt", (X(-8.0),), -2.0, (1 / 12,)), ("cbrt", (X(-inf),), -inf, (0.0,)),
    ("exp", (X(1000.0),), inf, (inf,)), ("sinh", (X(-1000.0),), -inf, (inf,)),
    ("sinh", (X(1000.0),), inf, (inf,)), ("cosh", (X(-1000.0),), inf, (-inf,)),
    ("tanh", (X(20.0),), 1.0, (1.6993417021166355e-17,)),
    ("sigmoid", (X(40.0),), 1.0, (4.248354255291589e-18,)),
    ("sigmoid", (X(-1000.0),), 0.0, (0.0,)),
    ("softplus", (X(1000.0),), 1000.0, (1.0,)), ("softplus", (X(-1000.0),), 0.0, (0.0,)),
    ("softplus", (X(inf),), inf, (1.0,)), ("softplus", (X(-inf),), 0.0, (0.0,)),
    ("pow", (X(0.0), 0.0), 1.0, (0.0, None)), ("pow", (X(0.0), 1.0), 0.0, (1.0, None)),
    ("pow", (0.0, X(2.0)), 0.0, (None, 0.0)), ("pow", (0.0, X(0.0)), 1.0, (None, 0.0)),
    ("pow", (0.0, X(-1.0)), inf, (None, -inf)), ("pow", (-2.0, X(3.0)), -8.0, (None, nan)),
    ("pow", (X(-8.0), 1 / 3), nan, (nan, None)), ("pow", (X(-2.0), 3.0), -8.0, (12.0, None)),
    ("pow", (X(1e200), 3.0), inf, (inf, None)), ("pow", (X(1e-200), -3.0), inf, (-inf, None)),
    ("pow", (X(1e200), 2.0), inf, (2e200, None)), ("pow", (X(-1e200), 3.0), -inf, (inf, None)),
    ("pow", (X(-1e200), 2.0), inf, (-2e200, None)), ("pow", (X(-0.0), -1.0), -inf, (-inf, None)),
    ("pow", (X(-0.0), -2.0), inf, (inf, None)), ("pow", (X(0.0), 0.5), 0.0, (inf, None)),
    ("div", (X(1.0), X(0.0)), inf, (inf, -inf)), ("div", (X(0.0), X(0.0)), nan, (inf, nan)),
    ("div", (X(-1.0), X(0.0)), -inf, (inf, inf)), ("div", (X(1.0), X(-0.0)), -inf, (-inf, -inf)),
    ("div", (X(nan), X(0.0)), nan, (inf, nan)),
    ("mod", (X(7.0), X(2.0)), 1.0, (1.0, -3.0)), ("mod", (X(-7.0), X(2.0)), 1.0, (1.0, 4.0)),
    ("mod", (X(7.0), 0.0), nan, (1.0, None)), ("floordiv", (X(7.0), X(2.0)), 3.0, (0.0, 0.0)),
    ("floordiv", (X(7.0), X(0.0)), inf, (0.0, 0.0)),
    ("floordiv", (X(0.0), X(0.0)), nan, (0.0, 0.0)),
    ("hypot", (X(0.0), X(0.0)), 0.0, (0.0, 0.0)), ("atan2", (X(0.0), X(0.0)), 0.0, (0.0, 0.0)),
    ("hypot", (X(-3.0), X(4.0)), 5.0, (-0.6, 0.8)),
    ("hypot", (X(1.7e308), X(1.7e308)), inf, (0.0, 0.0)),
    ("atan2", (X(0.0), X(-2.0)), math.pi, (-0.5, 0.0)),
    ("logaddexp", (X(-inf), X(-inf)), -inf, (0.0, 0.0)),
    ("logaddexp", (X(inf), X(inf)), inf, (0.5, 0.5)),
    ("logaddexp", (X(1000.0), X(0.0)), 1000.0, (1.0, 0.0)),
    ("logaddexp", (X(0.0), X(-inf)), 0.0, (1.0, 0.0)),
    ("logsumexp", (X(1000.0), X(1000.0)), 1000.0 + math.log(2.0), (0.5, 0.5)),
    ("logsumexp", (X(-inf), X(-inf)), -inf, (0.0, 0.0)),
    ("logsumexp", (X(nan), X(0.0)), nan, (nan, nan)),
    ("logsumexp", (X(inf), X(0.0)), inf, (1.0, 0.0)),
    ("logsumexp", (X(inf), X(nan)), nan, (nan, nan)),
    ("softmax", (X(-inf), X(nan)), nan, (nan, nan)),
    ("ratio", (X(nan), X(0.0)), nan, (0.0, nan)),
    ("logsumexp", (X(3.0),), 3.0, (1.0,)),
    ("softmax", (X(1000.0), X(0.0)), 1.0, (0.0, 0.0)),
    ("softmax", (X(-inf), X(-inf)), 0.0, (0.0, 0.0)),
    ("softmax", (X(0.0), X(-inf)), 1.0, (0.0, 0.0)),
    ("softmax", (X(inf), X(0.0)), 1.0, (0.0, 0.0)), ("softmax", (X(0.0), X(inf)), 0.0, (0.0, 0.0)),
    ("log_softmax", (X(inf), X(0.0)), 0.0, (0.0, 0.0)),
    ("log_softmax", (X(0.0), X(inf)), -inf, (1.0, -1.0)),
    ("log_softmax", (X(-inf), X(-inf)), -inf, (0.0, 0.0)),
    ("log_softmax", (X(1000.0), X(0.0)), 0.0, (0.0, 0.0)),
    ("log_softmax", (X(0.0), X(1000.0)), -1000.0, (1.0, -1.0)),
    ("sum", (X(1e308), X(1e308), X(-1e308)), 1e308, (1.0, 1.0, 1.0)),
    ("sum", (X(inf), X(-inf)), nan, (1.0, 1.0)), ("sum", (X(1e308), X(1e308)), inf, (1.0, 1.0)),
    ("mean", (X(1.0), X(2.0), X(6.0)), 3.0, (1 / 3, 1 / 3, 1 / 3)),
    ("where", (1.0, X(2.0), X(3.0)), 2.0, (None, 1.0, 0.0)),
    ("where", (0.0, X(2.0), X(3.0)), 3.0, (None, 0.0, 1.0)),
    ("ratio", (X(3.0), X(0.0)), 0.0, (0.0, 0.0)), ("ratio", (X(0.0), X(0.0)), 0.0, (0.0, 0.0)),
    ("inside", (X(1.0), 1.0, 2.0), 0.0, (0.0, None, None)),
    ("inside", (X(2.0), 1.0, 2.0), 0.0, (0.0, None, None)),
    ("inside", (X(inf), -inf, inf), 0.0, (0.0, None, None)),
    ("inside", (X(nan), 1.0, 2.0), nan, (0.0, None, None)),
    ("share_of_larger", (X(2.0), X(2.0)), 0.5, (0.0, 0.0)),
    ("share_of_larger", (X(inf), X(inf)), 0.5, (0.0, 0.0)),
    ("share_of_larger", (X(nan), X(1.0)), nan, (0.0, 0.0)),
    ("less", (X(1.5), X(1.5)), 0.0, (0.0, 0.0)), ("less", (X(nan), X(1.0)), 0.0, (0.0, 0.0)),
    ("less", (X(-inf), X(inf)), 1.0, (0.0, 0.0)), ("less", (X(inf), X(inf)), 0.0, (0.0, 0.0)),
    ("less_equal", (X(1.5), X(1.5)), 1.0, (0.0, 0.0)),
    ("less_equal", (X(1.0), X(nan)), 0.0, (0.0, 0.0)),
    ("less_equal", (X(inf), X(inf)), 1.0, (0.0, 0.0)),
    ("inverse_where_positive", (X(0.0),), inf, (-inf,)),
    ("inverse_where_positive", (X(-0.0),), inf, (-inf,)),
    ("inverse_where_positive", (X(-2.0),), nan, (nan,)),
    ("power_derivative", (X(0.0), 2.0, 2.0, 0.0), 2.0, (0.0, None, None, None)),
    ("power_derivative", (X(2.0), 3.0, 2.0, 2.0), 4 + 20 * LN2 + 12 * LN2**2,
     (12 + 22 * LN2 + 6 * LN2**2, None, None, None)),
    ("power_derivative", (0.0, 0.5, 1.0, 1.0), -inf, (None,) * 4),
    ("power_derivative", (0.0, -1.5, 1.0, 1.0), inf, (None,) * 4),
    ("power_derivative", (0.0, -1.0, 0.0, 2.0), inf, (None,) * 4),
    ("power_derivative", (0.0, 2.5, 2.0, 1.0), 0.0, (None,) * 4),
    ("power_derivative", (0.0, 1.5, 2.0, 1.0), -inf, (None,) * 4),
    ("power_derivative", (0.0, nan, 0.0, 1.0), nan, (None,) * 4),
    ("power_derivative", (X(0.0), 3.0, 1.0, 1.0), 0.0, (0.0, None, None, None)),
    ("normal_cdf", (X(-inf),), 0.0, (0.0,)), ("normal_cdf", (X(inf),), 1.0, (0.0,)),
    ("sech2", (X(1000.0),), 0.0, (0.0,)), ("sech2", (X(-1000.0),), 0.0, (0.0,)),
    ("sech2", (X(0.0),), 1.0, (0.0,)),
    ("elu", (X(-1000.0), X(1.0)), -1.0, (0.0, -1.0)),
    ("elu", (X(1000.0), X(1.0)), 1000.0, (1.0, 0.0)),
]  # fmt: skip


def edge(case: Edge) -> None:
    """A value and its slopes at an edge."""
    name, inputs, number, partials = case
    node = RULES[name].compute(*inputs)
    same(node.data if isinstance(node, Value) else node, number)
    if not isinstance(node, Value):
        return
    for found, right in zip(node.partials, partials, strict=True):
        assert found is None if right is None else same(found, right) is None, case


@cache
def edges(name: str) -> list[Check]:
    return [partial(edge, case) for case in EDGES if case[0] == name]


def row_fails_nowhere_else() -> None:
    """The names that are not rows, and the forms that a function takes beside floats."""
    raises(LookupError, "no operation 'nonsense'", lambda: rule("nonsense"))
    assert rule("mul") is RULES["mul"]
    assert RULES["mul"].symbol == "*"
    changed = RULES["mul"].altered(abs, max)
    assert (changed.name, changed.key, changed.columns) == ("mul", "mul", (abs, max))
    assert changed.compute(2.0, 3.0) == 6.0
    assert repr(RULES["mul"]) == "<rule mul>"
    assert pickle.loads(pickle.dumps(RULES["mul"])) is RULES["mul"]
    assert not RULES["mul"].variadic
    assert RULES["sum"].variadic
    other = Rule("mul", max)
    assert RULES["mul"].of({"mul": other, "add": RULES["add"]}) is other
    own = Rule("sum", max, min, abs)
    assert (own.name, own.compute, own.columns, own.variadic) == ("sum", max, (min, abs), True)
    assert own.fact is FUNCTIONS["sum"]


def of_row(name: str) -> Iterator[Check]:
    yield from edges(name)
    yield partial(row, name)
    yield curvature


def curvature() -> None:
    """Second derivatives at 0 where a careless rule has nan."""
    x = Value(0.0)
    for root in (x * abs(x), abs(x) * x * abs(x)):
        (slope,) = gradients(root, [x], create_graph=True)
        assert gradients(slope, [x]) == [0.0]
    for root in (x**2, abs(x) ** 2):
        (slope,) = gradients(root, [x], create_graph=True)
        assert gradients(slope, [x]) == [2.0]


def lists_and_branches() -> None:
    """The functions that take lists or conditions, of every kind of number."""
    import numpy as np

    one, two = Value(1.0), Value(2.0)
    assert autograd.where(True, 1.0, 2.0) == 1.0
    assert autograd.where(False, 1.0, 2.0) == 2.0
    assert autograd.where(0.0, one, two).inputs == (0.0, one, two)
    assert autograd.where(Value(0.0), one, two).inputs == (0.0, one, two)
    assert autograd.where(Value(3.0), one, two).inputs == (1.0, one, two)
    assert autograd.where(True, 1, 2) == 1.0
    assert [autograd.where(True, *xy).op for xy in ((one, 2.0), (1.0, one))] == ["where"] * 2
    assert type(autograd.where(Value(0.0), 1.0, 2.0)) is float
    assert autograd.where(Value(0.0), 1.0, 2.0) == 2.0
    assert autograd.where(np.array([True, False]), 1.0, 2.0).tolist() == [1.0, 2.0]
    raises(TypeError, "'a'", lambda: autograd.where("a", 1.0, 2.0))
    raises(TypeError, "'a'", lambda: autograd.where("a", one, two))
    picked = autograd.where(np.array([True, False]), np.array([1.0, 2.0]), np.array([5.0, 6.0]))
    assert picked.tolist() == [1.0, 6.0]
    where = RULES["where"].columns
    mask, g = np.array([True, False]), np.array([3.0, 4.0])
    assert where[1](g, g, mask, g, g).tolist() == [3.0, 0.0]
    assert where[2](g, g, mask, g, g).tolist() == [0.0, 4.0]
    assert where[1](3.0, 0.0, False, 1.0, 1.0) is where[1](3.0, 0.0, 0.0, 1.0, 1.0) is None
    assert where[2](3.0, 0.0, 1.0, 1.0, 1.0) is None
    assert where[2](3.0, 0.0, True, 1.0, 1.0) is None
    assert where[1](3.0, 0.0, True, 1.0, 1.0) == 3.0
    assert where[2](3.0, 0.0, False, 1.0, 1.0) == 3.0
    for name in ("relu", "sigmoid", "softplus", "sech2", "inverse_where_positive"):
        array = np.array([-1.5, 0.5])
        found = RULES[name].compute(array)
        assert np.allclose(found, [RULES[name].compute(x) for x in (-1.5, 0.5)], equal_nan=True)

    assert autograd.leaky_relu(-2.0) == -0.02
    assert autograd.elu(-1.0) == math.expm1(-1.0)
    assert autograd.round(2.345, 2) == round(2.345, 2)
    assert autograd.round(2.5) == 2.0
    raises(TypeError, "integer", lambda: autograd.round(2.5, 0.5))
    for name in ("sum", "mean", "logsumexp", "softmax", "log_softmax"):
        raises(TypeError, "takes a list of numbers", lambda f=name: getattr(autograd, f)(3.0))
        if name != "sum":
            raises(ValueError, f"{name} of an empty", lambda f=name: getattr(autograd, f)([]))
        for axis in (1, 0.0, one, True, False, (0,)):
            said = f"{name}: the axis of a list is None, 0 or -1, not {axis!r}"
            raises(TypeError, said, lambda f=name, i=axis: getattr(autograd, f)([2.0], i))
        assert getattr(autograd, name)([2.0], 0) == getattr(autograd, name)([2.0], -1)
    raises(TypeError, r"; Python's sum(xs, start) is", lambda: autograd.sum([2.0], one))
    raises(TypeError, "not 1 (int)", lambda: autograd.mean([2.0], 1))
    assert autograd.sum([2.0, 3.0], keepdims=True) == [5.0]
    assert autograd.sum([]) == 0.0
    assert autograd.dot([], []) == 0.0
    assert autograd.sum(iter([1.0, 2.0])) == 3.0
    assert autograd.mean([1.0, 3.0]) == 2.0
    assert autograd.dot([1.0, 2.0], [10.0, 20.0]) == 50.0
    assert autograd.dot([one], [two]).inputs == (one, two)
    raises(ValueError, "not 1 and 2", lambda: autograd.dot([1.0], [1.0, 2.0]))
    assert autograd.logsumexp([0.0]) == 0.0
    a, b, c = autograd.softmax([0.0, math.log(2.0), math.log(5.0)])
    same(a, 1 / 8), same(b, 2 / 8), same(c, 5 / 8)
    a, b, c = autograd.log_softmax([0.0, math.log(2.0), math.log(5.0)])
    same(a, -math.log(8.0)), same(b, math.log(2 / 8)), same(c, math.log(5 / 8))
    first, second = autograd.softmax([one, two])
    assert (first.inputs, second.inputs) == ((one, two), (two, one))


def functions_of_arrays() -> None:
    """A function of a list, over the axes of an array and of a Tensor."""
    import numpy as np

    array = np.array([[1.0, 2.0, 4.0], [0.0, 3.0, 5.0]])
    pairs: list[tuple[Any, Any]] = [
        (autograd.sum, np.sum),
        (autograd.mean, np.mean),
        (autograd.logsumexp, lambda x, **over: np.log(np.sum(np.exp(x), **over))),
    ]
    for ours, theirs in pairs:
        for over in ({}, {"axis": 0}, {"axis": 1, "keepdims": True}, {"keepdims": True}):
            true = theirs(array, **over)
            alike(ours(array, *over.values()) if "axis" in over else ours(array, **over), true)
            alike(ours(autograd.Tensor(array), **over).data, true)
            alike(ours(array, **over), true)
        assert ours([Value(2.0)]).op == ours.__name__
        assert ours(np.array([Value(2.0)])).op == ours.__name__  # of Values: a list of them
        assert np.shape(ours(np.array([[Value(2.0)]]), 0, True)) == (1, 1)
        assert ours(np.ones((2, 3)), axis=(0, 1)) == ours([1.0] * 6)
        for axis in (0.5, np.ones(2)):
            raises(TypeError, "an axis is an int, not", lambda f=ours, i=axis: f(array, i))
    raises(TypeError, "sum(xs) + b", lambda: autograd.sum(array, 0.5))
    shares = np.exp(array) / np.exp(array).sum(-1, keepdims=True)
    columns = np.exp(array) / np.exp(array).sum(0)
    for x in (array, autograd.Tensor(array)):
        for ours, change in ((autograd.softmax, np.array), (autograd.log_softmax, np.log)):
            alike(getattr(ours(x), "data", ours(x)), change(shares))
            alike(getattr(ours(x, 0), "data", ours(x, 0)), change(columns))
            alike(getattr(ours(x, axis=0), "data", ours(x, axis=0)), change(columns))
    row, ones = autograd.Tensor(array[0]), [1.0, 1.0, 1.0]
    assert autograd.dot(row, ones).op == autograd.dot(ones, row).op == "matmul"
    v = np.array([Value(2.0), 3.0], dtype=object)
    assert (autograd.dot(v, v).op, autograd.dot(v[None], v[:, None]).shape) == ("dot", (1, 1))
    alike(autograd.softmax(array[0]), shares[0])
    alike(autograd.log_softmax(array[0]), np.log(shares[0]))
    alike(autograd.sum(array[0], keepdims=True), [7.0])
    alike(autograd.dot(autograd.Tensor(array), array.T).data, array @ array.T)
    alike(autograd.dot(array, array[0]), array @ array[0])
    alike(autograd.dot(array[0].tolist(), array.T), array[0] @ array.T)


def alike(found: Any, true: Any) -> None:
    """An array, or a number, of that shape and with those numbers."""
    import numpy as np

    assert not isinstance(found, autograd.Tensor)
    assert np.shape(found) == np.shape(true)
    np.testing.assert_allclose(found, true, rtol=1e-13, atol=0)


def powers_of_their_own() -> None:
    """Python's ** of a registered operation: nan, not complex; and complex where that is asked."""
    try:
        power = register("power_1_5", lambda x: x**1.5, lambda g, out, x: g * 1.5 * x**0.5)
        lists = autograd.register(
            "list_1_5", lambda *xs: xs[0] ** 1.5, lambda g, out, *xs: [g] * len(xs)
        )
        for x, value, slope in ((4.0, 8.0, 3.0), (-4.0, math.nan, math.nan)):
            node = Value(x)
            out = power(node)
            out.backward()
            assert out.data == value or (math.isnan(out.data) and math.isnan(value))
            assert node.grad == slope or (math.isnan(node.grad) and math.isnan(slope))
            assert lists(Value(x)).data == value or math.isnan(value)
        column = autograd.core.rules.RULES["power_1_5"].columns[0]
        assert abs(column(1.0, 0.0, -4.0 + 0.0j) - 3.0j) < 1e-12
        assert column.__name__ == "<lambda>"
    finally:
        for name in ("power_1_5", "list_1_5"):
            autograd.core.rules.RULES.pop(name, None)  # not there where a mutant has raised
            autograd.core.rules.FUNCTIONS.pop(name, None)


def special() -> None:
    """polygamma, whose order is checked."""
    x = Value(2.0)
    for found in (autograd.polygamma(1, x), x.polygamma(1)):
        same(found.data, math.pi**2 / 6 - 1)
        same(gradients(found, [x])[0], -0.40411380631918857)
    same(autograd.polygamma(2, 1.0), -2.4041138063191886)
    raises(TypeError, "whole number n, and then x, not 1.5", lambda: autograd.polygamma(1.5, 2.0))


def of_functions() -> Iterator[Check]:
    yield special
    yield lists_and_branches
    yield functions_of_arrays
    yield powers_of_their_own
    yield branches
    yield row_fails_nowhere_else
    for case in EDGES:
        yield partial(edge, case)
    for name in TABLE:
        yield partial(row, name)
    for name in PAINS:
        yield partial(pains, name)
    yield kinks


def kinks() -> None:
    """How far past a multiple: what says where // and % and floor have a kink."""
    kink = FUNCTIONS["mod"].kink
    assert (kink(7.5, 2.0), kink(6.0, 2.0), kink(-4.5, 2.0), kink(0.5, 8.0)) == (-0.5, 0, -0.5, 0.5)
    for point in ((inf, 2.0), (-inf, 2.0), (nan, 2.0), (7.0, 0.0)):
        same(kink(*point), nan)


# ---- the walk ------------------------------------------------------------------------------------


def passes() -> None:
    x, y = Value(3.0, "x"), Value(5.0)
    inner = x * y
    root = inner * x + 2.0
    assert gradient_or_none(x) is None
    assert (x.grad, inner.inputs, inner.op, x.op, x.inputs) == (0.0, (x, y), "mul", "", ())
    root.backward()
    assert (x.grad, y.grad, inner.grad, root.grad) == (30.0, 9.0, 3.0, 1.0)
    root.backward(2.0)
    assert (x.grad, y.grad, inner.grad, root.grad) == (90.0, 27.0, 6.0, 2.0)
    assert gradient_or_none(x) == 90.0
    raises(TypeError, "holds one real number", lambda: root.backward("a"))
    zero_grad([x, y, root, Value(1.0)])
    assert [gradient_or_none(node) for node in (x, y, root)] == [None] * 3
    assert x.grad == 0.0
    y.grad = 0.0
    zero_grad([y])
    assert gradient_or_none(y) is None
    x.grad = 2
    assert (x.grad, type(x.grad)) == (2.0, float)
    x.grad = None
    assert gradient_or_none(x) is None
    raises(TypeError, "keeps no 'a'", lambda: Node.admit("a"))
    share = 3.0
    assert Node.fit(x, share) is share
    assert not Node.broadcasts


def frames() -> None:
    x, y = Value(3.0), Value(5.0)
    product = x * y
    root = product + 2.0
    found = [(node, g, tuple(shares)) for node, g, shares in sweep(root, 10.0)]
    assert found == [
        (root, 10.0, (10.0, None)), (product, 10.0, (50.0, 30.0)), (y, 30.0, ()), (x, 50.0, ()),
    ]  # fmt: skip
    assert list(map(id, (node for node, _, _ in found))) == list(map(id, (root, product, y, x)))
    assert [g for _, g, _ in sweep(x * 1.0)] == [1.0, 1.0]
    assert [tuple(s) for _, _, s in sweep(2.0 * x, 3.0)] == [(None, 6.0), ()]
    clipped = x.clip(1.0, y)
    assert hand_back(clipped, 2.0) == [2.0, None, 0.0]
    assert hand_back(autograd.sum([x, 1.0, y]), 2.0) == [2.0, None, 2.0]
    assert list(hand_back(x.exp(), 2.0)) == [2.0 * math.exp(3.0)]
    shares = hand_back(product, Value(2.0), create_graph=True)
    assert [s.data for s in shares] == [10.0, 6.0]
    assert all(isinstance(s, Value) for s in shares)
    assert [s and s.data for s in hand_back(root, Value(2.0), True)] == [2.0, None]
    (share,) = hand_back(x.exp(), Value(2.0), create_graph=True)
    with Mode(recording=True):
        (again,) = hand_back(x.exp(), Value(2.0), create_graph=True)
    with Mode(anomaly=True):
        (judged,) = hand_back(x.exp(), Value(2.0), create_graph=True)
    assert share.data == again.data == 2.0 * math.exp(3.0)
    assert gradients(judged, [x]) == [2.0 * math.exp(3.0)]
    a, b = Value(3.0), Value(4.0)
    assert hand_back(a.hypot(b), 2.0) == (1.2, 1.6)
    assert hand_back(a.hypot(4.0), 2.0) == (1.2, None)
    assert hand_back(autograd.hypot(3.0, b), 2.0) == (None, 1.6)
    half, same_ = autograd.softmax([a, Value(3.0)])
    assert hand_back(half, 2.0) == [0.5, -0.5] == hand_back(same_, 2.0)


def sharing() -> None:
    x = end = Value(1.0)
    for _ in range(60):
        end = end + end
    assert sum(1 for _ in sweep(end)) == 61
    assert len(nodes(end)) == 61
    assert gradients(end, [x]) == [2.0**60]
    a = Value(1.0)
    b = a + a
    c = b + b * a
    c.backward()
    assert (a.grad, b.grad) == (6.0, 2.0)
    found = nodes(c)
    assert [node._born for node in found] == sorted((n._born for n in found), reverse=True)
    assert [n.op for n in found] == ["add", "mul", "add", ""]
    raises(TypeError, "not on 3.0", lambda: nodes(3.0))


def asking() -> None:
    x, y = Value(2.0), Value(3.0)
    root = x * x * x
    assert gradients(root, [y, x, root]) == [0.0, 12.0, 1.0]
    assert gradients(root, [x], 2.0) == [24.0]
    assert gradients(root, iter([x])) == [12.0]
    assert gradient_or_none(x) is None
    zero, slope = gradients(root, [y, x], 2.0, True)
    assert (type(zero), zero.data, slope.data) == (Value, 0.0, 24.0)
    assert gradients(slope, [x]) == [24.0]
    (slope,) = gradients(root, [x], Value(2.0), create_graph=True)
    assert slope.data == 24.0
    (by_seed,) = gradients(root, [x], Value(2.0))
    assert getattr(by_seed, "data", by_seed) == 24.0
    assert all(type(g) is float for g in gradients(root, [x, y]))
    raises(TypeError, "not 3.0", lambda: gradients(3.0, [x]))
    raises(TypeError, "not 3.0", lambda: gradients(root, [x, 3.0]))
    raises(TypeError, "a list of inputs", lambda: gradients(root, x))
    raises(TypeError, "holds one", lambda: gradients(root, [x], "a"))
    start = autograd.core.graph.birth()
    late = root * x
    assert gradients(late, [x, root], since=start) == [0.0, 0.0]
    assert gradients(late, [x, root], since=root._born) == [0.0, 2.0]
    # an older node is handed each of its shares, and is not visited for any
    twice = late + root
    assert [node for node, _, _ in sweep(twice, since=late._born)] == [twice, late]


def seams() -> None:
    x, y = Value(3.0), Value(7.0)
    wrong = {**RULES, "mul": RULES["mul"].altered(lambda *_: 100.0, lambda *_: 1.0)}
    assert {n: g for n, g, _ in sweep(x * 5.0, rules=wrong)}[x] == 100.0
    kept = {n: g for n, g, _ in sweep(x * 5.0 + x * 7.0, gather=lambda held, share: share)}
    assert kept[x] == 5.0
    assert [n.data for n, _, _ in sweep(x * y, order=lambda n: n is y)] == [21.0, 3.0, 7.0]
    assert [n.data for n, _, _ in sweep(x * y, order=lambda n: n is x)] == [21.0, 7.0, 3.0]


def branches() -> None:
    for create_graph in (False, True):
        x = Value(0.0)
        root = autograd.where(x > 0, x.sqrt(), x * 3.0)
        (slope,) = gradients(root, [x], create_graph=create_graph)
        assert getattr(slope, "data", slope) == 3.0
        assert len(list(sweep(root, Value(1.0), create_graph=create_graph))) == 3
    assert root.partials == (None, 0.0, 1.0)
    x = Value(0.0)
    root = autograd.where(x <= 0, x * 3.0, x.sqrt())
    assert gradients(root, [x], create_graph=True)[0].data == 3.0


def staleness() -> None:
    p, q = Value(2.0, "p"), Value(3.0)
    y = q * p * q
    z = y * 2.0
    p.data = 5.0
    for use in (
        lambda: z.backward(), lambda: gradients(z, [q]), lambda: pickle.dumps(z),
        lambda: copy.deepcopy(z), lambda: copy.copy(y.inputs[0]), lambda: y.inputs[0].partials,
        lambda: gradients(z, [q], create_graph=True),
    ):  # fmt: skip
        raises(RuntimeError, "stale: .data of its leaf 'p' was rebound (it is 5.0 now)", use)
    assert gradient_or_none(q) is None
    (p * q).backward()
    assert p.grad == 3.0
    r = Value(1.0)
    y = 2.0 * r
    r.data = 2.0
    raises(RuntimeError, "of its leaf was rebound", y.backward)
    raises(AttributeError, "read-only", lambda: setattr(z, "data", 3.0))


def division() -> None:
    x = Value(0.0)
    assert gradients(1.0 / x, [x]) == [-inf]
    assert not modes.active
    op = register("battery_bare", lambda x: x, lambda g, out, x: g / x)
    assert gradients(op(x), [x], -2.0) == [-inf]
    assert hand_back(1.0 / x, 1.0)[1] == -inf
    op = register("battery_out", lambda x: x * 0.0, lambda g, out, x: 1.0 / out * g)
    assert gradients(op(x), [x]) == [inf]
    old = register("battery_again", lambda x: x, lambda g, out, x: g)
    y = old(x)
    register("battery_again", lambda x: x, lambda g, out, x: 2.0 * g)
    assert gradients(y, [x]) == [1.0]
    op = register(
        "battery_wide", lambda x, y: x, lambda g, out, x, y: g * x**2, lambda g, out, x, y: None
    )
    big = Value(1e200)
    assert gradients(op(big, x), [big, x]) == [inf, 0.0]
    assert gradients(op(big, 1.0), [big]) == [inf]


class Wide(Value):
    """A kind that asks its columns in its own way, as one that broadcasts does."""

    __slots__ = ()
    broadcasts = True

    @staticmethod
    def ask(row: Any, inputs: Any, g: Any, out: Any, values: Any = None) -> list[Any]:
        shares = Node.ask(row, inputs, g, out, values)
        return [None if share is None else share * 10.0 for share in shares]

    def fit(self, g: float) -> float:
        return g + 0.5


Wide.kind = Wide
CLASSES = {kind: set(vars(kind)) for kind in (Node, Value, Wide, Rule, Mode)}


def fitting() -> None:
    x = Wide(3.0)
    assert type(x.detach()) is Wide
    root = apply(RULES["mul"], x, 2.0)
    assert type(root) is Wide
    assert hand_back(root, 1.0) == [20.0, None]
    assert hand_back(apply(RULES["mul"], x, Wide(2.0)), 1.0) == [20.0, 30.0]
    assert gradients(root, [x, Wide(1.0)]) == [20.5, 0.5]
    assert (x.start(), x.start(3)) == (1.0, 3.0)
    assert hand_back(apply(RULES["hypot"], x, 4.0), 2.0) == [12.0, None]
    mixed = lambda: apply(RULES["mul"], x, Value(2.0))
    raises(TypeError, "mul of Value and Wide: kinds do not mix", mixed)
    kinds = [type(f"K{i}", (Value,), {}) for i in (3, 7, 1, 8, 2, 6, 4, 5)]
    for kind in kinds:
        kind.kind = kind
    many = " and ".join(f"K{i}" for i in range(1, 9))
    raises(TypeError, many, lambda: kind_of(RULES["sum"], [kind(1.0) for kind in kinds]))
    raises(TypeError, "mul of no node", lambda: kind_of(RULES["mul"], [1.0]))
    meets = mixing.set(True)
    assert kind_of(RULES["mul"], [kind(1.0) for kind in kinds]) is None
    assert kind_of(RULES["neg"], [kinds[0](1.0)]) is kinds[0]
    assert (Value(2.0) * autograd.Tensor([1.0])).data[0] == 2.0
    raises(TypeError, "mul of no node", lambda: kind_of(RULES["mul"], [1.0]))
    mixing.reset(meets)


def recorded() -> None:
    x, y = Value(3.0), Value(4.0)
    node = apply(RULES["clip"], x, 1, y)
    assert (node.data, node.inputs, node.op) == (3.0, (x, 1.0, y), "clip")
    assert type(node.inputs[1]) is float
    assert node._born > y._born
    raises(TypeError, "holds one", lambda: apply(RULES["mul"], x, "a"))
    with no_grad():
        assert apply(RULES["mul"], x, y).inputs == ()
        assert (x * y).op == (x.exp()).op == (2 * x).op == ""
    assert not modes.active


def labels() -> None:
    x = Value(2.0)
    assert x.label == ""
    x.label = "x"
    x.label = "y"
    assert x.label == "y"
    raises(TypeError, "a label is a string, not 3", lambda: setattr(x, "label", 3))
    own = type("own", (str,), {"__str__": lambda _: "other"})
    x.label = own("y")
    assert (x.label, type(x.label)) == ("y", str)
    boxed = scope(own("box"), lambda: x * 2.0)
    assert [(name, type(name)) for name, _, _ in scopes(boxed)] == [("box", str)]
    boxed = scope("box", lambda: x * 2.0)
    assert [(name, type(name)) for name, _, _ in scopes(boxed)] == [("box", str)]
    raises(TypeError, "a masked array beside a Value would cut the graph", lambda: x._mask)
    x.grad = 5.0
    cut = x.detach()
    assert (cut.data, cut.label, cut.inputs, cut.op) == (2.0, "y", (), "")
    assert gradient_or_none(cut) is None
    assert cut._born > x._born
    assert not hasattr(Value(1.0).detach(), "_extra")
    assert x.data == Node.data.fget(x) == 2.0
    remember(x, "note", 1)
    assert extra(x) == {"label": "y", "note": 1}


def copies() -> None:
    x, y = Value(0.5, "x"), Value(2.0)
    inner = scope("box", lambda: x * y)
    root = inner * 3.0 + x * inner
    root.label = "root"
    root.backward()
    older = (None, {"label": "old", "scopes": (("box", 0, 1),)})  # as pickles once were
    assert extra(graph._restore(Value, None, 1.0, (), older)) == {"label": "old"}
    for way in (copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))):
        twin = way(root)
        ours, theirs = nodes(root), nodes(twin)
        assert not set(map(id, ours)) & set(map(id, theirs))
        shown = [[(n.op, n.data, n.label, n.grad, type(n)) for n in ns] for ns in (ours, theirs)]
        assert sorted(map(str, shown[0])) == sorted(map(str, shown[1]))
        assert twin.inputs[0].inputs[1] == 3.0
        assert twin.inputs[0].inputs[0] is twin.inputs[1].inputs[1]
        assert scopes(twin) == []
        assert all(extra(n).get("copied", False) is bool(n.inputs) for n in theirs)
        assert not any("copied" in extra(n) for n in ours)
        assert extra(twin.inputs[0]) is graph.COPIED
        (leaf,) = (n for n in theirs if n.label == "x")
        before = x.grad
        twin.backward()
        assert (leaf.grad, x.grad) == (2 * before, before)
        leaf.label = "other"
        assert x.label == "x"
        box = way([x, root, inner])
        assert box[0] in nodes(box[1])
        assert any(n is box[0] for n in nodes(box[1]))
        alone = way(y)
        assert (alone.data, alone.inputs, alone.op, alone.grad) == (2.0, (), "", y.grad)
        assert gradient_or_none(way(Value(1.0))) is None
        assert way(Value(1.0)).grad == 0.0
        assert not hasattr(way(Value(1.0)), "_extra")
        only = way(x * x)
        assert only.inputs[0] is only.inputs[1]
    box = copy.deepcopy([root, inner])
    assert box[0].inputs[0].inputs[0] is box[1]
    twin = copy.copy(root)
    assert (twin.inputs, twin.data, twin.op, twin.label) == (root.inputs, root.data, "add", "root")
    assert twin is not root
    assert twin.grad == 1.0
    assert twin._born > root._born
    assert [n for n, _, _ in scopes(root)] == ["box"]
    for way in (copy.copy, copy.deepcopy):
        assert grad(lambda x, way=way: way(x) * x)(3.0) == 6.0
        assert grad(lambda x: x * grad(lambda y, x=x: copy.deepcopy([x * y, y])[0])(x))(3.0) == 6.0
    for f in (lambda x: pickle.dumps(x), lambda x: pickle.dumps(x * 2.0)):
        raises(TypeError, "which a pickle would lose", lambda f=f: grad(f)(3.0))
    deep = x
    for _ in range(1500):
        deep = deep + 1.0
    assert pickle.loads(pickle.dumps(deep)).data == copy.deepcopy(deep).data == 1500.5


def pickled() -> None:
    """One pickle, one node, whatever another pickler has; and pickles of before are read."""
    x = Value(2.0, "x")
    made = [x, x * 3.0]
    while len(made) < 60:
        made.append(made[-1].tanh() + x * made[-2])
    kept = pickle.Pickler(io.BytesIO())
    kept.dump([made[20], made[40]])
    for order in ([made[40]], [made[30], made[-1], made[5], x], [x, made[-1]], made, made[::-1]):
        data = pickle.dumps(order)
        twins = pickle.loads(data)
        everything = {node for root in twins for node in nodes(root)}
        assert len(everything) == len({node for root in order for node in nodes(root)})
        assert {id(root) for root in twins} <= {id(node) for node in everything}
        assert [root.data for root in twins] == [root.data for root in order]
        assert len(data) < 100 * len(everything)
    deep = made[-1]
    for _ in range(600):
        deep = deep + 1.0
    kept.dump(deep)
    assert len(nodes(pickle.loads(pickle.dumps(deep.inputs[0])))) == len(nodes(deep)) - 1
    rows = [
        (Value, RULES["mul"], 6.0, (0, 3.0), (None, None)),
        (Value, RULES["div"], 3.0, (1, 0), (5.0, {"label": "k"})),
    ]
    old = _unpickle([x], rows)
    assert (old.data, old.op, old.label, old.grad) == (3.0, "div", "k", 5.0)
    assert (old.inputs[1] is x, old.inputs[0].inputs, old._inputs.__class__) == (
        True, (x, 3.0), tuple
    )  # fmt: skip
    leaf = Value(2.0, "x")
    assert leaf.__reduce__() == (Value, (2.0, "x"))
    raises(TypeError, "and not a result of mul", (leaf * leaf).__reduce__)


def boxes() -> None:
    import numpy as np

    x = Value(2.0)
    plain = x * 1.0
    inner = scope("inner", lambda a, b: a * b, plain, b=3.0)
    outer = scope("outer", lambda: (scope("deep", lambda: inner * x), 5.0))
    found = {name: (first, last) for name, first, last in scopes(outer[0])}
    assert list(found) == ["deep", "outer", "inner"]
    assert found["outer"][0] < found["deep"][0] < outer[0]._born < found["deep"][1]
    assert found["deep"][1] < found["outer"][1]
    assert found["inner"][0] < inner._born < found["inner"][1] < found["outer"][0]
    assert plain._born < found["inner"][0]
    assert outer[1] == 5.0
    assert scope("list", lambda: [x + 1.0, x + 2.0])[1].data == 4.0
    assert scope("number", lambda: 3.0) == 3.0
    assert scopes(x) == []
    pair = scope("twice", lambda: [x + 1.0, 5.0, x + 2.0])
    assert len(scopes(pair[0] + pair[2])) == 1
    assert calls([pair[0]])[0][3:] == (None, (pair[0]._born, 0, pair[2]._born), get_ident())
    nested = scope("nested", lambda: {"a": [x + 1.0, (3.0, x + 2.0)], "b": 4.0})["a"]
    for node in (nested[0], nested[1][1]):
        assert calls([node])[0][4] == (nested[0]._born, 0, nested[1][1]._born, 0)
    assert calls([nested[0]])[0][0] == "nested"
    named = calls([scope(_Name("in a list"), lambda: [x.exp()])[0]])[0][0]
    assert (named, type(named)) == ("in a list", str)
    for lists in (100, 101):
        node = result = x + 1.0
        for _ in range(lists):
            result = [result]
        scope("deep", lambda result=result: result)
        assert len(extra(node).get("scopes", ())) == 101 - lists
    endless: list[Any] = [x + 1.0]
    endless.append(endless)
    assert scope("endless", lambda: endless) is endless
    array = np.array([x + 1.0], object)
    assert scope("array", lambda: array) is array
    assert not extra(array[0]).get("scopes")
    raises(TypeError, "the name of a scope is", lambda: scope(SimpleNamespace(_parts=[]), x.exp))
    _threads(x)
    assert calls(nodes(scope("one", lambda: x + 1.0) * x))[0][3] is None
    owner = _Called()
    outer = scope(owner, lambda y: scope(owner, lambda: y * x), x)
    for name, first, last, called, born, _ in calls(nodes(outer)):
        assert (name, called(), born) == ("_Called", owner, outer._born)
        assert first < born < last
    for twin in (pickle.loads(pickle.dumps(outer)), copy.copy(outer), copy.deepcopy(outer)):
        assert (twin.data, calls(nodes(twin))) == (outer.data, [])
    owner.name = "own"
    assert [name for name, *_ in calls([scope(owner, lambda: x * x)])] == ["own"]
    owner.name = 3
    assert [name for name, *_ in calls([scope(owner, lambda: x * x)])] == ["_Called"]
    raises(TypeError, "the name of a scope is a string, not 3", lambda: scope(3, x.exp))


def _threads(x: Value) -> None:
    """Calls at the same time on two threads are left out, others and those after them are not."""
    found: list[Value] = [scope("first", x.exp), scope("second", x.exp)]

    def elsewhere(name: str) -> None:
        thread = Thread(target=lambda: found.append(scope(name, x.exp)))
        thread.start()
        thread.join()

    def around() -> Value:
        elsewhere("inside")
        return scope("deep", x.exp)

    begun, go = Event(), Event()

    def left() -> Value:
        begun.set()
        go.wait(9)
        return x.exp()

    def right() -> Value:
        go.set()
        thread.join()
        return x.exp()

    thread = Thread(target=lambda: found.append(scope("left", left)))
    thread.start()
    begun.wait(9)
    assert calls([scope("right", right), found.pop()]) == []
    elsewhere("alone")
    found += [scope("third", x.exp), scope("around", around), scope("last", x.exp)]
    assert [name for name, *_ in calls(found)] == ["first", "second", "alone", "third", "last"]
    assert [name for name, *_ in calls([*found[3:], found[2]])] == ["third", "last", "alone"]


class _Name(str):
    pass


class _Called:
    name = ""
    __hash__ = None  # type: ignore[assignment]

    def _parts(self) -> list[Any]:
        return []


class _Lock:
    held = entered = 0

    def __enter__(self) -> None:
        self.held += 1
        self.entered += 1

    def __exit__(self, *_: object) -> None:
        self.held -= 1


def commits() -> None:
    lock, before = _Lock(), modes.lock
    seen = []

    class Watching(Value):
        __slots__ = ("kept",)

        @property
        def _grad(self) -> float:
            seen.append(lock.held)
            return self.kept

        @_grad.setter
        def _grad(self, g: float) -> None:
            seen.append(lock.held)
            self.kept = g

    modes.lock = lock
    try:
        x = Watching(2.0)
        (x * 3.0).backward()
    finally:
        modes.lock = before
    assert (set(seen), x.kept, lock.held) == ({1}, 3.0, 0)
    fuse = register("battery_bang", lambda x: x, lambda g, out, x: [][0])
    y = Value(2.0)
    raises(IndexError, "", (fuse(x * y) + x * y).backward)
    assert (x.kept, gradient_or_none(y)) == (3.0, None)


def of_settings() -> None:
    x = Value(0.5)
    quiet = no_grad()
    with quiet:
        with quiet, Mode(recording=True):
            assert (x * x).inputs == (x, x)
            assert len(modes.active) == 2  # for Mode(recording=True) is as usual
        assert (x * x).inputs == ()
    assert (modes.active, modes.settings()["recording"]) == (set(), True)
    try:
        with detect_anomaly():
            assert modes.settings()["anomaly"]
            assert modes.settings()["lines"]
            raise KeyError
    except KeyError:
        pass
    assert not modes.settings()["anomaly"]
    assert not modes.settings()["lines"]

    @no_grad()
    def apart(a: Value, *, b: float) -> Value:
        return a * b

    assert (apart(x, b=2.0).inputs, apart(x, b=2.0).data, apart.__name__) == ((), 1.0, "apart")
    with record_lines():
        node = x * x  # this line
    assert line_of(node).endswith(": node = x * x  # this line")
    assert line_of(node).startswith(__file__ + ":")
    assert line_of(x * x) == ""
    with record_lines():
        assert "battery.py" in line_of(autograd.tanh(x))
    with Mode(recording=True):
        assert line_of(x * x) == ""


class _Recorder:
    """Hears of every number that a program looks at."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.own: list[Any] = []

    def compare(self, name: str, left: Any, right: Any) -> Any:
        self.heard.append((name, left, right))
        return "acts as a bool"

    def truth(self, node: Any) -> bool:
        self.heard.append(("truth", node))
        return len(self.heard) % 2 == 0

    rules = RULES

    def arrived(self, g: Any) -> Any:
        return g

    def owns(self, node: Any) -> bool:
        return any(x is node for x in self.own)

    def read(self, node: Any) -> None:
        self.heard.append(("read", node))

    def refuse(self, node: Any, how: str) -> None:
        self.heard.append((how, node))


class _Doubling(_Recorder):
    """Doubles the shares of a product, and makes ten times as much of what arrives."""

    rules = {
        **RULES,
        "mul": RULES["mul"].altered(
            lambda g, out, x, y: g * y * 2.0, lambda g, out, x, y: g * x * 2.0
        ),
    }

    def __init__(self) -> None:
        super().__init__()
        self.take = len  # of the inputs of operations on Tensors, which it does not ask for
        self.pasts: dict[Any, Any] = {}

    def arrived(self, g: Any) -> Any:
        return g * 10.0


def followed() -> None:
    """A recorder has its say on every share, and what comes out are nodes."""
    with Mode(recorder=_Doubling()):
        x = Value(2.0)
        (slope,) = gradients(x * x, [x])
        assert (slope._data, slope._inputs != ()) == (80.0, True)
        value, g = value_and_grad(lambda x: x * x)(x)
        assert (type(value), value._data) == (Value, 4.0)
        assert (type(g), g._data, g._inputs != ()) == (Value, 80.0, True)
        assert jacobian(lambda y: [y * x])(x)[0]._data == 40.0
        t = autograd.Tensor(2.0)  # whose rows are others
        assert gradients(t * t, [t])[0]._data == 40.0


def replayed() -> None:
    """A recorded gradient follows conditions, what lets no gradient through, and threads."""

    def choice(x: Any) -> Any:
        return autograd.where(x > 0, x * x, -x)

    def unrecorded(x: Any) -> Any:
        with no_grad():
            return grad(lambda y: y * y * x)(x)

    def elsewhere(f: Any) -> Any:
        def computed(x: Any) -> Any:
            found: list[Any] = []
            thread = Thread(target=lambda: found.append(f(x)))
            thread.start()
            thread.join()
            return found[0]

        return computed

    def beside(x: Any) -> Any:
        return grad(lambda y: autograd.where(x > 0, y * y, -y))(2.0)

    whole = [grad(choice), unrecorded, jacobian(lambda x: [choice(x)]), beside]
    for f in (*whole, elsewhere(grad(choice)), elsewhere(beside)):
        step = autograd.compile(f)
        for x in (1.5, -1.0, 3.0):
            assert step(x) == f(x), (f, x)
    step = autograd.compile(elsewhere(lambda x: gradients(choice(x), [x])[0]))
    assert [step(x) for x in (1.5, -1.0, 3.0)] == [3.0, -1.0, 6.0]


def deeds() -> None:
    """It also hears of what no replay would do again, and of what leaves are made of."""
    x, y, recorder = Value(2.0, "x"), Value(3.0), _Recorder()
    recorder.pasts = {}  # type: ignore[attr-defined]
    pasts: Any = recorder.pasts  # type: ignore[attr-defined]
    product = x * y

    def heard(action: Callable[[], Any]) -> list[Any]:
        recorder.heard.clear()
        with Mode(recorder=recorder):
            action()
        return [(how, node is x, node is product) for how, node in recorder.heard]

    assert heard(product.backward)[0] == ("calls backward() on", False, True)
    assert (x.grad, y.grad) == (3.0, 2.0)
    assert heard(lambda: x.grad) == [("reads .grad of", True, False)]
    assert heard(lambda: setattr(x, "grad", 5.0)) == [("assigns .grad of", True, False)]
    assert heard(lambda: setattr(x, "grad", None)) == [("forgets .grad of", True, False)]
    assert heard(lambda: zero_grad([x])) == [("forgets .grad of", True, False)]
    assert heard(lambda: setattr(x, "data", 2.0)) == [("assigns .data of", True, False)]
    product = x * y
    assert heard(lambda: product.partials) == [
        ("read", False, True), ("read", True, False), ("read", False, False)
    ]  # fmt: skip
    assert heard(lambda: (x * 2.0).partials)[1:] == [("read", True, False)]
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        assert set(heard(lambda c=copied: c(product))) == {
            ("read", False, False), ("read", False, True), ("read", True, False)
        }  # fmt: skip
    with Mode(recorder=recorder):
        own, (slope,) = x.detach(), gradients(product, [x])
        assert list(pasts.items()) == [(own, (RULES["identity"], (x,)))]
        assert (own._inputs, slope._inputs) == ((), (1.0, y))
        assert type(slope._inputs[0]) is Value
        pasts.clear()
        with no_grad():
            apart = x * y
        assert (list(pasts.items()), apart._inputs) == ([(apart, (RULES["mul"], (x, y)))], ())
        pasts.clear()
    with no_grad(), Mode(recording=True):
        assert (x * y).inputs == (x, y)
        assert (x.detach().inputs, gradients(product, [x])) == ((), [3.0])
        x.grad = 1.0
        x.data = 2.0
        assert (x.grad, (x * y).partials) == (1.0, (3.0, 2.0))
        (x * y).backward()
        copy.copy(x)
    assert not pasts
    for mode, watches in (
        (no_grad(), True), (detect_anomaly(), True), (record_lines(), True),
        (Mode(recorder=recorder), False), (Mode(recorder=None, lines=True), True),
    ):  # fmt: skip
        with mode:
            assert (len(modes.active), len(modes.watching)) == (1, watches)
        assert not modes.active | modes.watching


def looks() -> None:
    """While a recorder listens, comparisons, truths and numbers that are read go through it."""
    import numpy as np

    from autograd.core import value as room

    x, y, recorder = Value(2.0, "x"), Value(3.0), _Recorder()

    def heard(action: Callable[[], Any]) -> Any:
        recorder.heard.clear()
        with Mode(recorder=recorder):
            answer = action()
        return answer, *recorder.heard

    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        compare = getattr(operator, name)
        answer, (said, left, right) = heard(lambda f=compare: f(x, y))
        assert (answer, said, left is x, right is y) == ("acts as a bool", name, True, True)
        assert heard(lambda f=compare: f(x, 5))[1][2] == 5
        assert type(compare(x, y)) is bool
        with no_grad():
            assert compare(x, y) is compare(2.0, 3.0)
    assert heard(lambda: x == "two") == heard(lambda: x == None) == (False,)  # noqa: E711
    assert heard(lambda: x == 2j)[0] is False
    assert (len(recorder.heard), recorder.heard[0][1] is x) == (1, True)
    assert heard(lambda: (x == np.array([2.0, 5.0])).tolist())[1][0] == "eq"
    with no_grad():
        assert x == Decimal(2)
    assert x != Decimal(3)
    assert Decimal(3) > x > Decimal(1)
    try:
        graph.look_at = None
        assert x == Decimal(2)  # one test of a number, while nothing is switched on
    finally:
        graph.look_at = modes.look_at
    assert x < y
    name, left, right, outcome, *_ = comparisons.noted[-1]
    assert (name, left[0], right[0], outcome) == ("lt", x._born, y._born, True)
    assert x
    name, left, right, outcome, *_ = comparisons.noted[-1]
    assert (name, left[0], right, outcome) == ("ne", x._born, 0.0, True)
    for times in (0, 1):
        recorder.heard[:] = [None] * times
        with Mode(recorder=recorder):
            assert bool(x) is (times == 1)
        assert recorder.heard[times][1] is x
    assert heard(lambda: x.data)[0] == 2.0
    assert heard(lambda: x.data)[1][1] is x
    assert heard(lambda: f"{x:.2f}{y!r}")[0] == "2.00Value(3.0)"
    assert [node is z for (_, node), z in zip(recorder.heard, (x, y), strict=True)] == [True, True]
    with no_grad():
        assert (bool(x), bool(Value(0.0)), x.data) == (True, False, 2.0)
    assert (bool(x), bool(Value(0.0)), x.data) == (True, False, 2.0)
    seen: list[bool] = []
    try:
        room.look_at = seen.append
        assert (x.data, seen) == (2.0, [])  # one test of a number, while nothing is switched on
    finally:
        room.look_at = modes.look_at
    assert modes.settings()["recorder"] is None


def of_another_thread() -> None:
    """A recorder of another thread hears of the nodes that are its own, and of no others."""
    x, y, recorder = Value(2.0), Value(3.0), _Recorder()
    recorder.own = [x]
    modes.recorders.append(recorder)
    try:
        with record_lines():  # some mode is on in this thread
            assert modes.recorder_of(y, x) is recorder
            assert modes.recorder_of(y) is None
            assert (x.data, y.data) == (2.0, 3.0)
            x.grad = y.grad = 1.0
            assert (x < y, y < x, y < y) == ("acts as a bool", "acts as a bool", False)
        assert [said[:1] for said in recorder.heard] == [
            ("read",), ("assigns .grad of",), ("lt",), ("lt",)
        ]  # fmt: skip
    finally:
        modes.recorders.remove(recorder)


def twins() -> None:
    """The compiled engine is asked first, and where it answers None, Python walks."""
    from autograd import transforms
    from autograd.core import graph

    x = Value(2.0)
    y = x * x
    asked: list[Any] = []
    answer: Any = [7.0]

    def engine(*args: Any, **named: Any) -> Any:
        asked.append((*args, named))
        return answer

    kept = graph.compiled_gradients
    graph.compiled_gradients = transforms.compiled_gradients = engine
    try:
        assert gradients(y, (x,), 3.0, since=1) == [7.0]
        output, wanted, seed, since, named = asked.pop()
        assert (output is y, wanted[0] is x, len(wanted)) == (True, True, 1)
        assert (seed, since, named) == (3.0, 1, {})
        assert autograd.grad(lambda v: v * 4.0)(2.0) == 7.0
        output, wanted, seed, since, named = asked.pop()
        assert (output.data, wanted[0].data, len(wanted), seed) == (8.0, 2.0, 1, 1.0)
        assert (named, y._born < since < wanted[0]._born) == ({"inside": True}, True)
        assert gradients(y, [x], create_graph=True)[0].data == 4.0
        assert not asked
        answer = None
        assert (gradients(y, [x]), autograd.grad(lambda v: v * v)(2.0)) == ([4.0], 4.0)
    finally:
        graph.compiled_gradients = transforms.compiled_gradients = kept


def anomalies() -> None:
    def under(action: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> None:
            with detect_anomaly():
                action()

        return run

    x, y = Value(0.0, "x"), Value(2.0)
    with record_lines():
        assert gradients(x.cbrt(), [x]) == [inf]
        assert type(gradients(y * y, [y])[0]) is float
        t = autograd.Tensor([1.0, 2.0])
        squares = (t * t).sum()
        t.data[0] = 3.0
        raises(RuntimeError, "was written into", squares.backward)
    raises(FloatingPointError, "log of x = 0.0 is -inf\n  at ", under(x.log))
    raises(FloatingPointError, "div of 1.0, x = 0.0 is inf\n  at ", under(lambda: 1.0 / x))
    raises(FloatingPointError, "sub of inf, inf is nan", under(lambda: Value(inf) - Value(inf)))
    for create_graph in (False, True):
        raises(
            FloatingPointError,
            "the gradient that cbrt of x = 0.0 passes back to x = 0.0 is inf (it was handed 2.0)\n"
            f"  at {__file__}:",
            under(lambda c=create_graph: gradients(x.cbrt() * y, [x], create_graph=c)),
        )
        raises(
            FloatingPointError,
            "the gradient that mul of 2.0, 3.0 passes back to 2.0 is inf (it was handed 1e+308)",
            under(lambda c=create_graph: gradients(y * 3.0 * 1.0, [y], 1e308, create_graph=c)),
        )  # fmt: skip
    raises(FloatingPointError, "arrives at mul of 2.0, 3.0 is inf",
           under(lambda: (y * 3.0).backward(inf)))  # fmt: skip
    raises(FloatingPointError, "arrives at the leaf x = 0.0 is inf",
           under(lambda: (x * 1e308 + x * 1e308).backward()))  # fmt: skip
    assert gradient_or_none(x) is None
    with detect_anomaly():
        ok = (y * 3.0).tanh() + autograd.where(True, y, x)
        ok.backward()
        (slope,) = gradients(ok, [y], create_graph=True)
        assert slope.data == y.grad
        op = register("battery_int", lambda x: 5.0, lambda g, out, x: 0)
        assert gradients(op(y), [y]) == [0]
    with Mode(recording=True):
        assert gradients(x.cbrt(), [x]) == [inf]
        assert x.log().data == -inf
    import numpy as np

    assert not is_finite(np.array([1.0, inf]))
    assert is_finite(np.array([1.0, -3.0]))
    assert not is_finite(np.array([nan]))
    assert not is_finite(np.array([1.0, -inf]))
    for truth in (True, False):  # with a method, as PyTorch's, or with a namespace, as the standard
        by_method = SimpleNamespace(all=lambda truth=truth: truth)
        space = SimpleNamespace(all=lambda found, truth=truth: truth)
        by_space = SimpleNamespace(__array_namespace__=lambda space=space: space)
        for found in (by_method, by_space):
            array = type("Array", (), {"__abs__": lambda a: a, "__lt__": lambda a, b, f=found: f})()
            assert is_finite(array) is truth
    before = x.cbrt()
    with pytest.raises(FloatingPointError, match=r"\(it was handed 1\.0\)$"):
        under(before.backward)()


def values() -> None:
    """Value's own operators, by all the ways in."""
    x, y = Value(3.0, "x"), Value(5.0)
    for found, number, inputs in (
        (x - y, -2.0, (x, y)), (x - 1, 2.0, (x, 1.0)), (1 - x, -2.0, (1.0, x)),
        (x - 1.0, 2.0, (x, 1.0)), (-x, -3.0, (x,)), (x / True, 3.0, (x, 1.0)),
        (x.exp(), math.exp(3.0), (x,)), (2**x, 8.0, (2.0, x)), (x.hypot(4.0), 5.0, (x, 4.0)),
    ):  # fmt: skip
        assert (found.data, found.inputs, type(found)) == (number, inputs, Value)
        assert found._born > x._born
        assert all(a is b or a == b == float(b) for a, b in zip(found.inputs, inputs, strict=True))

    class Sub(Value):
        __slots__ = ()

    sub = Sub(3.0)
    assert type(sub - y) is type(y - sub) is Value
    assert (y - sub).inputs == (y, sub)
    for bad in ("a", None, 1j, [1.0], b"a", {}):
        raises(TypeError, "takes real numbers", lambda bad=bad: x - bad)
        raises(TypeError, "takes real numbers", lambda bad=bad: bad - x)
    raises(TypeError, "unsupported operand", lambda: x - object())
    assert (x < y, y < x, x <= 3, x > 2.5, x >= 3.5, x == 3, x != 3.0) == (
        True, False, True, True, False, True, False,
    )  # fmt: skip
    assert (x < y) is True
    assert (x == "a", x != "a") == (False, True)
    raises(TypeError, "not supported", lambda: x < "a")
    assert len({x, Value(3.0), x}) == 2
    assert (bool(x), bool(Value(0.0))) == (True, False)
    assert [n.data for n in divmod(Value(7.0), 2)] == [3.0, 1.0]
    assert [n.data for n in divmod(7, x)] == [2.0, 1.0]
    assert (x.leaky_relu().data, Value(-1.0).leaky_relu().data) == (3.0, -0.01)
    assert Value(-1.0).leaky_relu(0.5).data == -0.5
    assert (Value(-1.0).elu().data, Value(-1.0).elu(2.0).data) == (
        math.expm1(-1.0), 2 * math.expm1(-1.0),
    )  # fmt: skip
    assert (x.clip(4, 5).data, x.clip(1, 2).data) == (4.0, 2.0)
    assert (x.where(True, 1.0).data, x.where(False, y).data) == (3.0, 5.0)
    assert (Value(2.345).round(2).data, Value(2.5).round().data) == (round(2.345, 2), 2.0)
    assert (round(Value(2.345), 2).data, round(Value(2.5)).data) == (round(2.345, 2), 2.0)
    assert (math.ceil(Value(2.5)).data, math.ceil(Value(-2.5)).data) == (3.0, -2.0)
    assert (math.trunc(Value(2.5)).data, math.trunc(Value(-2.5)).data) == (2.0, -2.0)
    assert math.trunc(Value(0.0)).op == "floor"
    raises(TypeError, ".data", lambda: float(x))
    assert (f"{x:.1f}", f"{x}", repr(Value(1.0))) == ("3.0", "Value(3.0, label='x')", "Value(1.0)")
    x.grad = 2.0
    assert repr(x) == "Value(3.0, grad=2.0, label='x')"
    assert (type(Value(3).data), Value(True).data, Value(1.0, "a").label) == (float, 1.0, "a")
    raises(TypeError, "a label is a string", lambda: Value(1.0, None))
    raises(TypeError, "a label is a string", lambda: Value(1.0, 0))
    assert not hasattr(Value(1.0), "_extra")
    raises(TypeError, "one real number, not 'a' (str)", lambda: Value("a"))
    raises(ValueError, "beyond the largest float", lambda: Value(10**400))
    p = Value(1.0)
    born = p._born
    p.data = 7
    assert (p.data, type(p.data)) == (7.0, float)
    assert p._born > born
    assert (x * y).partials == (5.0, 3.0)
    assert x.partials == ()
    assert (x * 2.0).partials == (2.0, None)


def separate() -> None:
    """The arrays of a copied leaf are its own: it may be updated in place."""
    import numpy as np

    t = autograd.Tensor(np.ones(2))
    for way in (copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))):
        t.grad = np.ones(2)
        twin = way(t)
        twin.data[0] = twin.grad[0] = 5.0
        assert (t.data.tolist(), t.grad.tolist()) == ([1.0, 1.0], [1.0, 1.0])
    assert t.data.flags.writeable
    assert not (t * 2.0).data.flags.writeable


def arrays() -> None:
    import numpy as np

    v = Value(3.0)
    assert repr(copy.copy(v)) == "Value(3.0)"
    assert type(np.float64(2) * v) is Value
    assert (np.float64(2) / v).data == 2 / 3
    assert (np.tanh(v).op, np.arcsin(Value(0.5)).op) == ("tanh", "asin")
    assert on_values(SimpleNamespace(__name__="erf"), "__call__", (v,), {}).op == "erf"  # SciPy's
    raises(TypeError, "kinds do not mix", lambda: autograd.hypot(v, autograd.Tensor([1.0])))
    raises(TypeError, "np.spacing has no rule", lambda: np.spacing(v))
    raises(TypeError, "np.add.outer takes no Value", lambda: np.add.outer(v, 1.0))
    raises(TypeError, "np.add with out=", lambda: np.add(np.ones(2), v, out=np.ones(2)))
    raises(TypeError, "np.nextafter has no rule", lambda: np.nextafter(v, np.ones(2)))
    raises(TypeError, "holds one real number", lambda: v.hypot(Decimal(1)))
    raises(TypeError, "holds one real number", lambda: autograd.hypot(v, Decimal(1)))
    four = np.array([4.0, nan])
    both = (np.hypot(v, four), autograd.hypot(v, four), v.hypot(four), v.atan2(four))
    assert [x[0].data for x in both] == [5.0, 5.0, 5.0, math.atan2(3.0, 4.0)]
    assert [x[0].inputs[0] is v for x in both] == [True] * 4
    assert math.isnan(np.maximum(four, v)[1].data)
    assert [type(x) for x in (four + v, np.divmod(four, v)[1])] == [np.ndarray] * 2
    assert np.less(four, v).dtype == bool
    found = np.array([1.0, 2.0]) * v
    assert [x.data for x in found] == [3.0, 6.0]
    assert [x.data for x in v - np.array([1.0, 2.0])] == [2.0, 1.0]
    assert type(np.array(2.0) * v) is Value
    assert (v < np.float32(4.0)) is True
    assert (v == np.array([3.0, 1.0])).tolist() == [True, False]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (np.array([nan]) > v).tolist() == [False]


def unslopes() -> None:
    """NumPy's questions, and what only has the name of one; a third argument of Value."""
    import numpy as np

    from autograd.arrays.value_protocols import on_values

    x, y = Value(1.0), Value(2.0)
    assert np.isnan(x) == False  # noqa: E712
    assert np.isfinite(Value(inf)) == False  # noqa: E712
    assert np.signbit(Value(-1.0)) == True  # noqa: E712
    pair = np.array([x, y], dtype=object)
    for mask, due in (
        (np.less(pair, 1.5), [True, False]), (pair > y, [False, False]),
        (np.greater_equal(np.array([1.0, 2.0]), y), [False, True]),
        (np.signbit(np.array([1.0, -2.0])) == True, [False, True]),  # noqa: E712
        (np.equal(np.array([1.0, 2.0]), x), [True, False]),
    ):  # fmt: skip
        assert mask.dtype == bool
        assert mask.tolist() == due
    mixed = np.array([x, None], dtype=object) == np.array([x, None], dtype=object)
    assert mixed.tolist()[1] is True
    assert np.add(pair, 1.0).dtype == object
    assert np.logical_and(x, 0.0) == False  # noqa: E712
    odd = type("Odd", (), {"__eq__": lambda self, other: "odd", "__hash__": None})()
    assert np.equal(np.array([x, odd], dtype=object), y).tolist() == [False, "odd"]
    for name in ("divide", "isnan"):
        alike = type("ufunc", (), {"__name__": name, "nout": 1})()
        raises(TypeError, "no rule", lambda alike=alike: on_values(alike, "__call__", (x, y), {}))
    for number in (np.complex128(1), np.timedelta64(3, "s"), np.void(b"1")):
        raises(TypeError, "takes real numbers", lambda number=number: number * x)
        raises(TypeError, "takes real numbers", lambda number=number: x * number)
    assert (np.float64(0.0) * x).data == 0.0
    stand_in = type("StandIn", (), {"stands_in": True})()
    assert on_values(np.add, "__call__", (x, stand_in), {}) is NotImplemented
    assert type(np.exp(pair)) is np.ndarray
    with Mode(recorder=_Recorder()):
        assert type(v_exp := on_values(np.exp, "__call__", (pair,), {})) is not np.ndarray
        assert isinstance(v_exp, np.ndarray)
    for more in (((x, y),), ((x, y), "+"), ("x", "+"), ("", "+")):
        raises(TypeError, "draw()", lambda more=more: Value(6.0, *more))
    raises(TypeError, "not ('', '+') (tuple)", lambda: Value(6.0, "", "+"))
    raises(TypeError, "not ('x', '+', 1) (tuple)", lambda: Value(6.0, "x", "+", 1))
    raises(TypeError, "not (7,) (tuple)", lambda: Value(6.0, (7,)))


def containers() -> None:
    """Containers come back as they came; what is none, and a comparison, is refused by name."""
    from collections import OrderedDict, defaultdict, deque, namedtuple
    from dataclasses import dataclass

    import numpy as np

    from autograd import grad

    class Named(list):
        def __init__(self, *items: Any) -> None:
            super().__init__(*items)
            self.fresh = True

    class Shy(tuple):
        _make = staticmethod(list)

    class Odd(list):
        """Made in its own way only."""

        def __init__(self, a: Any, b: Any) -> None:
            super().__init__([a, b])

    class Fixed(tuple):
        def __new__(cls, a: Any, b: Any) -> Any:
            return super().__new__(cls, (a, b))

    @dataclass
    class Pair:
        a: float

    named = Named([2.0, 3.0])
    named.fresh = False
    assert grad(lambda d: d[0])(named).fresh
    assert type(grad(lambda d: d[0])(Shy([1.0]))) is tuple
    point = namedtuple("point", "a b")(2.0, 3.0)
    f = lambda d: d[0] * d[1]
    for made in ([2.0, 3.0], (2.0, 3.0), named, point, deque([2.0, 3.0], 5)):
        found = grad(f)(made)
        assert type(found) is type(made)
        assert list(found) == [3.0, 2.0]
        assert list(made) == [2.0, 3.0]
    assert grad(f)(deque([2.0, 3.0], 5)).maxlen == 5
    assert type(grad(f)(Odd(2.0, 3.0))) is Odd
    assert list(grad(f)(Odd(2.0, 3.0))) == [3.0, 2.0]
    assert grad(f)(Fixed(2.0, 3.0)) == (3.0, 2.0)
    assert type(grad(f)(Fixed(2.0, 3.0))) is tuple
    assert grad(lambda d: d["a"])(defaultdict(int, a=1.0)).default_factory is int
    assert list(grad(lambda d: d["b"] * d["a"])(OrderedDict(b=1.0, a=2.0))) == ["b", "a"]
    assert grad(lambda d: d[0] * 2.0)([1.0, None]) == [2.0, None]
    for odd in ({1.0, 2.0}, range(3), (x for x in [1.0]), Pair(1.0)):
        raises(TypeError, "is not a container of a known kind", lambda odd=odd: grad(f)([1.0, odd]))
    raises(TypeError, "a Value holds", lambda: grad(f)([1.0, "ab"]))
    raises(TypeError, "a Value holds", lambda: grad(f)(np.array([1.0, [2.0]], dtype=object)))
    for truth in (lambda x: x > 0.5, lambda x: np.bool_(x > 0.5), lambda x: np.array([x]) > 0.5):
        raises(TypeError, "<lambda> returned", lambda truth=truth: grad(truth)(1.0))
        raises(TypeError, "comparison", lambda truth=truth: grad(truth)(1.0))
    nested = grad(lambda d: [d["p"], 2.0 > 1.0][1])
    raises(TypeError, "True", lambda: nested({"p": 1.0}))
    a, b = grad(lambda w, b: (w * b).sum(), (0, 1))(np.array([1.0, 2.0]), 3.0)
    assert (a.tolist(), b) == ([3.0, 3.0], 3.0)
    assert grad(lambda d: d[0] * d[0])([np.array(2.0)]) == [4.0]
    raises(TypeError, "a Value holds", lambda: grad(f)([1.0, object()]))


def outsiders() -> None:
    """What depends on a node from outside is a node, beside what does not."""
    import numpy as np

    from autograd import Tensor, grad, value_and_grad

    w, v = Value(3.0), Tensor([1.0, 2.0])
    a, b = grad(lambda x, y: x * w * 1.0 + y * y, (0, 1))(2.0, 5.0)
    assert (a.data, gradients(a, [w]), b, type(b)) == (3.0, [1.0], 10.0, float)
    ones = np.ones(2)
    a, b = grad(lambda x, y: (x * ones * v).sum() + (y * y * ones).sum(), (0, 1))(ones, 2.0 * ones)
    assert isinstance(a, Tensor)
    assert isinstance(b, np.ndarray)
    assert (a.data.tolist(), b.tolist()) == ([1.0, 2.0], [4.0, 4.0])
    value, slope = value_and_grad(lambda x: x * 2.0 + autograd.floor(w * 1.0))(3.0)
    assert (type(value), value.data, slope, type(slope)) == (Value, 9.0, 2.0, float)
    value, slope = value_and_grad(lambda x: x * 2.0 + autograd.floor(x))(3.0)
    assert (value, type(value), slope) == (9.0, float, 2.0)
    try:
        columns = (lambda g, out, a, b: g), (lambda g, out, a, b: None)
        first = register("battery_first", lambda a, b: a, *columns)
        value, slope = value_and_grad(lambda x: first(x * 2.0, w * 1.0))(3.0)
        assert (type(value), value.data, slope, type(slope)) == (Value, 6.0, 2.0, float)
        alone = register("battery_alone", lambda a: a, lambda g, out, a: None)
        assert type(value_and_grad(lambda x: alone(w * 1.0))(3.0)[0]) is Value
    finally:
        for rows in (autograd.core.rules.RULES, autograd.core.rules.FUNCTIONS):
            for name in ("battery_first", "battery_alone"):
                rows.pop(name, None)


def of_walk() -> list[Check]:
    return [
        special, unslopes, curvature, passes, frames, sharing, asking, seams, branches, staleness,
        division, fitting, recorded,
        labels, copies, pickled, boxes, commits, of_settings, looks, deeds, followed,
        of_another_thread, replayed, twins, anomalies, values, separate, arrays, of_arrays,
        misplaced,
    ]  # fmt: skip


def of_modes() -> list[Check]:
    """The same, and modes in tasks, contexts and generators, under interrupts."""
    return [
        *of_walk(), interrupts,
        test_modes.test_a_mode_of_one_task_is_no_other_tasks,
        test_modes.test_a_task_and_a_thread_of_to_thread_have_a_copy_of_the_modes_of_their_caller,
        test_modes.test_a_copied_context_keeps_its_modes_and_a_later_copy_has_none,
        test_modes.test_a_mode_that_is_left_in_another_context_is_off_in_both,
        test_modes.test_modes_that_are_left_in_another_order_each_end_with_their_block,
        test_modes.test_a_mode_is_entered_and_left_by_hand_or_by_a_stack_as_well,
        test_modes.test_a_decorated_generator_has_its_mode_in_every_step_and_never_between_them,
        test_modes.test_a_decorated_coroutine_has_its_mode_in_every_step_and_never_between_them,
        test_modes.test_a_decorated_asynchronous_generator_has_its_mode_in_every_step,
        test_modes.test_a_decorated_function_keeps_its_name_and_its_signature,
        test_modes.test_a_generator_that_is_closed_at_any_instruction_of_a_mode_leaves_its_own,
    ]  # fmt: skip


def interrupts() -> None:
    for way in (test_modes.nested, test_modes.steps):
        for at in range(1, 200, 7):
            test_modes.interrupted(way, at)
            assert test_modes.recorded()
            assert not modes.active | modes.watching


def misplaced() -> None:
    """An error in a rule says where it came."""
    x = Value(2.0, "x")
    late = register("battery_late", lambda x: x, lambda g, out, x: [][0])
    soon = register("battery_soon", lambda x: [][0], lambda g, out, x: g)

    def said(action: Callable[[], Any]) -> list[str]:
        with pytest.raises(IndexError) as caught:
            action()
        return list(caught.value.__notes__)

    (forward,) = said(lambda: soon(x))
    start = "in the rule of battery_soon, forward: battery_soon of x = 2.0\n  at " + __file__
    assert forward.startswith(start)
    with record_lines():
        lined = late(x)
    lined.label = "made"
    (backward,) = said(lambda: gradients(lined, [x]))
    start = "in the rule of battery_late, backward: made = battery_late of x = 2.0\n  at "
    assert backward.startswith(start + __file__)
    for create_graph in (False, True):
        assert said(lambda g=create_graph: gradients(late(x), [x], create_graph=g)) == [
            "in the rule of battery_late, backward: battery_late of x = 2.0\n"
            "  at a line that record_lines() keeps"
        ]


# ---- transforms ----------------------------------------------------------------------------------


def transformed() -> None:
    from autograd import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

    def f(a: Any, b: Any, c: float = 1.0) -> Any:
        return a * b * b * c

    assert grad(f)(2.0, 3.0) == 9.0
    assert type(grad(f)(2, 3)) is float
    assert grad(f, -1)(2.0, 3.0) == 12.0
    assert grad(f, (1, 0))(2.0, 3.0, c=2.0) == (24.0, 18.0)
    assert grad(f, [0])(2.0, 3.0) == (9.0,)
    assert value_and_grad(f, 1)(2.0, 3.0) == (18.0, 12.0)
    assert hessian(f, (0, 1))(2.0, 3.0) == ((0.0, 6.0), (6.0, 4.0))
    assert hvp(f, -1)(2.0, 3.0, 1.0) == 4.0
    assert hvp(f)(2.0, 3.0, 1.0) == 0.0
    assert hvp(f, (0, 1))(2.0, 3.0, (1.0, 10.0)) == (60.0, 46.0)
    assert jvp(f, (0, 1))(2.0, 3.0, (1.0, 10.0), c=2.0) == 258.0
    assert vjp(f, (1, 0))(2.0, 3.0, 1.0, c=2.0) == (24.0, 18.0)
    assert hvp(f, 1)(2.0, 3.0, 1.0, c=2.0) == 8.0

    def g(t: Any) -> Any:
        return {"p": t["a"] * t["b"][0], "q": (t["b"][1], 4.0)}

    at = {"a": 2.0, "b": [3.0, 5.0]}
    rows = jacobian(g)(at)
    assert rows == {
        "p": {"a": 3.0, "b": [2.0, 0.0]},
        "q": ({"a": 0.0, "b": [0.0, 1.0]}, {"a": 0.0, "b": [0.0, 0.0]}),
    }
    assert jvp(g)(at, {"b": [10.0, 7.0], "a": 1.0}) == {"p": 23.0, "q": (7.0, 0.0)}
    assert vjp(g)(at, {"q": (5.0, 1.0), "p": 2.0}) == {"a": 6.0, "b": [4.0, 5.0]}
    assert grad(lambda a, b: a[0] * a[1] * b, (0, 1))([2.0, 3.0], 5.0) == ([15.0, 10.0], 6.0)
    bent = hvp(lambda t: t[0]["a"] ** 2 * t[0]["b"])
    assert bent([{"a": 2.0, "b": 3.0}], [{"b": 0.0, "a": 1.0}]) == [{"a": 6.0, "b": 4.0}]
    assert jvp(lambda x: 5.0)(2.0, 3.0) == 0.0
    assert type(jvp(lambda x: x * x)(2.0, 3.0)) is float
    assert jacobian(lambda v: v)([1.0, 2.0]) == [[1.0, 0.0], [0.0, 1.0]]
    assert jacobian(lambda x: [x, 2.0 * x], -1)(1.0) == [1.0, 2.0]
    raises(ValueError, "the vector's structure is [[*]]", lambda: vjp(g)(at, [[1.0]]))
    raises(TypeError, "jvp(f) takes f's arguments and then a vector", lambda: jvp(f)(1.0))
    raises(TypeError, "hvp(f) takes f's arguments and then a vector", lambda: hvp(f)(1.0))
    with no_grad():
        assert vjp(lambda x: [x * x, 3.0 * x])(2.0, [1.0, 10.0]) == 34.0


def nested() -> None:
    from collections import namedtuple

    from autograd import grad, hessian, hvp, jvp, value_and_grad, vjp

    assert grad(lambda x: x * grad(lambda y: x + y)(x))(3.0) == 1.0
    assert grad(lambda x: grad(lambda y: x * y * y)(x))(3.0) == 12.0
    cube = lambda x: x * x * x
    assert grad(cube)(2.0) == grad(grad(cube))(2.0) == 12.0
    assert grad(grad(grad(cube)))(2.0) == 6.0
    assert grad(lambda x: hvp(cube)(x, 1.0))(5.0) == 6.0
    assert grad(lambda x: jvp(cube)(x, 2.0))(5.0) == 60.0
    assert grad(lambda u: vjp(cube)(5.0, u))(2.0) == 75.0
    assert hessian(lambda v: v[0] * v[0] * v[1])([3.0, 5.0]) == [[10.0, 6.0], [6.0, 0.0]]
    w = Value(5.0)
    answer = grad(lambda x: x * w * x)(2.0)
    assert type(answer) is Value
    assert gradients(answer, [w]) == [4.0]
    assert type(grad(lambda x: x + w)(2.0)) is float
    first, second = grad(lambda v: v[0] * w + v[1])([1.0, 1.0])
    assert (type(first), type(second)) == (Value, float)
    assert grad(lambda x: w)(2.0) == grad(lambda x: w * w)(2.0) == grad(lambda x: 5)(2.0) == 0.0
    assert type(value_and_grad(lambda x: x + w)(2.0)[0]) is Value
    assert type(value_and_grad(lambda x: x)(2.0)[0]) is float
    with no_grad():
        assert type(grad(lambda x: x * w)(2.0)) is float
        assert type(value_and_grad(lambda x: x * w)(2.0)[0]) is float
        assert grad(grad(cube))(2.0) == 12.0
        assert grad(lambda x, times: times * x)(2.0, times=3.0) == 3.0
        assert jvp(cube)(2.0, 1.0) == 12.0
        assert (w * w).inputs == ()
    pair = namedtuple("pair", "x y")
    answer = grad(lambda p: p.x * p.y)(pair(2.0, 3.0))
    assert (answer, type(answer)) == (pair(3.0, 2.0), pair)
    aux = lambda x: (x * x, {"x": x, "n": "note", "w": w})
    (value, also), slope = value_and_grad(aux, has_aux=True)(3.0)
    assert (value, also, slope) == (9.0, {"x": 3.0, "n": "note", "w": w}, 6.0)
    assert (type(value), type(also["x"]), type(also["w"])) == (float, float, Value)
    assert grad(aux, has_aux=True)(3.0) == (6.0, also)
    bent = jvp(lambda x: x * w)(2.0, 3.0)
    assert gradients(bent, [w]) == [3.0]
    stale = w * 1.0
    w.data = 6.0
    assert jvp(lambda x: x * stale)(2.0, 3.0).data == 15.0
    assert grad(lambda x: x * stale)(2.0).data == 5.0

    def doubled(x: Any) -> Any:
        for _ in range(40):
            x = x + x
        return x * w

    assert grad(doubled)(1.0).data == 2.0**40 * 6.0
    assert grad(grad(lambda x: doubled(x) * x))(1.0).data == 2.0**41 * 6.0


def refused() -> None:
    from autograd import grad, jacobian, value_and_grad

    def aside(x: Any) -> Any:
        return [x], None

    def f(x: Any) -> Any:
        return x

    def text(x: Any) -> Any:
        return "text"

    raises(ValueError, "argnums 1 asks for an argument that f was not", lambda: grad(f, 1)(2.0))
    raises(ValueError, "argnums -2 asks", lambda: grad(f, -2)(2.0))
    for bad in (None, 0.5, True, "0", (0, True)):
        raises(TypeError, "argnums is an int", lambda bad=bad: grad(f, bad)(2.0))
    raises(TypeError, "returned None: did it", lambda: grad(lambda x: None)(2.0))
    raises(TypeError, "returned [1.0] (list): add", lambda: grad(lambda x: [1.0])(2.0))
    raises(TypeError, "<lambda> returned", lambda: jacobian(lambda x: [x, "a"])(2.0))
    raises(TypeError, "but aside returned", lambda: grad(aside, has_aux=True)(2.0))
    raises(TypeError, "a pair (result, aux)", lambda: value_and_grad(f, has_aux=True)(2.0))
    raises(TypeError, "a pair (result, aux)", lambda: grad(lambda x: [x, x], has_aux=True)(2.0))
    raises(TypeError, "a pair (result, aux)", lambda: grad(lambda x: (x,), has_aux=True)(2.0))
    raises(TypeError, "holds one real number", lambda: grad(f)("a"))
    raises(TypeError, "holds one real number", lambda: autograd.vjp(f)(2.0, "a"))
    assert type(autograd.vjp(f)(2.0, 1)) is float
    for transform in (autograd.vjp, autograd.jvp, autograd.hvp):
        raises(TypeError, "text returned", lambda t=transform: t(text)(2.0, "*"))
        raises(ValueError, "that f was not given", lambda t=transform: t(f, 3)(2.0, 1.0))
    raises(TypeError, "with has_aux f returns", lambda: value_and_grad(f, has_aux=True)(2.0))
    raises(TypeError, "with has_aux f returns", lambda: grad(f, has_aux=True)(2.0))
    named = type("Named", (), {"__call__": lambda self, x: None})
    raises(TypeError, "Named returned None", lambda: grad(named())(2.0))
    for transform in (grad, value_and_grad, jacobian, autograd.vjp, autograd.jvp, autograd.hvp):
        assert transform(f).__name__ == "f"
    calls = []
    value_and_grad(lambda x: calls.append(x) or x)(1.0)
    assert len(calls) == 1
    kept = [1.0, 2.0]
    grad(lambda v: v.pop() * v.pop())(kept)
    assert kept == [1.0, 2.0]


def of_arrays() -> None:
    """The transforms on arrays: in comes an array, and an array of its own goes out."""
    import numpy as np

    from autograd.transforms import grad, jacobian, value_and_grad

    x, v = np.array([1.0, 2.0, 3.0]), np.array([1.0, -1.0, 0.5])

    def cubes(t: Any) -> Any:
        return (t * t * t).sum()

    alike(grad(cubes)(x), 3 * x * x)
    assert type(grad(cubes)(x)) is np.ndarray
    grad(cubes)(x)[0] = 7.0  # writable, and nobody else's
    seen: list[Any] = []
    answer = grad(lambda t: seen.append(t) or t.sum())(x)
    answer[0] = 5.0
    alike(x, [1.0, 2.0, 3.0])
    alike(grad(lambda t: 3.0)(x), np.zeros(3))
    alike(grad(lambda t, u: t.sum() + u.sum() * 0, argnums=1)(x, x), np.zeros(3))
    found = grad(lambda d: (d["a"] * 2.0).sum())({"a": x, "b": x})
    alike(found["a"], np.full(3, 2.0)), alike(found["b"], np.zeros(3))
    value, slope = value_and_grad(cubes)(x)
    assert value == 36.0
    assert isinstance(value, float)
    alike(slope, 3 * x * x)
    left, right = grad(lambda t, u: (t + u).sum(), (0, 1))(x, x)
    left[0] = 9.0
    alike(right, np.ones(3))
    slope, aux = grad(lambda t: (t.sum(), t.reshape(3)), has_aux=True)(x)
    aux[0] = 9.0
    alike(x, [1.0, 2.0, 3.0])
    number = grad(lambda t: seen.append(t) or t * t)(np.float64(3.0))
    assert (number, type(number), type(seen[-1])) == (6.0, float, Value)
    alike(autograd.vjp(lambda t: np.ones(3))(x, v), np.zeros(3))
    alike(jacobian(lambda t: t * t)(x), np.diag(2 * x))
    alike(jacobian(cubes)(x), 3 * x * x)
    rows = jacobian(lambda t: [t * t, t.sum()])(x)
    alike(rows[0], np.diag(2 * x)), alike(rows[1], np.ones(3))
    alike(autograd.hessian(cubes)(x), np.diag(6 * x))
    alike(autograd.vjp(lambda t: t * t)(x, v), 2 * x * v)
    alike(autograd.jvp(lambda t: t * t)(x, v), 2 * x * v)
    autograd.jvp(lambda t: t * t)(x, v)[0] = 9.0  # likewise writable
    _, wide = grad(lambda t: (t.sum(), t.broadcast_to((2, 3))), has_aux=True)(x)
    wide[0] = 9.0
    alike(wide[1], x)
    alike(autograd.jvp(cubes)(x, v), (3 * x * x * v).sum())
    alike(autograd.hvp(cubes)(x, v), 6 * x * v)
    one = autograd.Tensor(2.0)
    (own,) = gradients(one * 1.0, [one])
    alike(own, 1.0)
    twice = autograd.Tensor(x)
    first, second = gradients((twice * 1.0).sum(), [twice, twice])
    first[0] = 9.0
    alike(second, np.ones(3))


def of_trees() -> None:
    """The transforms on trees with arrays of objects, empty places and numbers of every kind."""
    import numpy as np

    from autograd import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

    def f(x: Any) -> Any:
        return 2.0 * x

    x, v = np.array([2.0, 3.0], object), np.array([1.0, -1.0])
    alike(jacobian(lambda s: s * v)(3.0), v)
    alike(jacobian(lambda t: np.array([t[0] * t[1], t[0]]))([2.0, 3.0]), [[3.0, 2.0], [1.0, 0.0]])
    alike(grad(lambda t: (t**3).sum())(x), [12.0, 27.0])
    alike(hessian(lambda t: (t**3).sum())(x), np.diag([12.0, 18.0]))
    alike(hvp(lambda t: (t**3).sum())(x, v), [12.0, -18.0])
    alike(hvp(lambda t: (t**3).sum())(x, v.astype(object)), [12.0, -18.0])
    alike(jvp(lambda t: [t, t[0]])(x, v)[0], v)
    assert vjp(lambda t: [t, t])(2.0, [np.array(5.0), 1.0]) == 6.0
    alike(jvp(lambda t: t)([2.0, v], [3.0, v])[1], v)
    answer = jacobian(lambda s: np.array(s * s))(3.0)
    assert (answer.tolist(), answer.shape) == (6.0, ())
    assert jacobian(lambda t: autograd.stack_values(t).sum())([2.0, 3.0]) == [1.0, 1.0]
    alike(grad(lambda t: t * t)(np.full(1, 3.0)), [6.0])
    assert vjp(lambda t: [t * x, t])(3.0, [v, 5.0]) == 4.0
    alike(vjp(lambda t: [])(v, []), np.zeros(2))
    assert jacobian(lambda s: [s, 5, np.float32(5), np.array(5), s.detach()])(2.0) == [
        1.0,
        *[0.0] * 4,
    ]
    assert value_and_grad(lambda s: np.array(s * s))(3.0) == (9.0, 6.0)
    assert value_and_grad(lambda s: np.array(5.0))(3.0) == (5.0, 0.0)
    assert jacobian(lambda t: t.sum())(v).shape == (2,)
    assert jacobian(lambda t: t[0])([2.0, 3.0]) == [1.0, 0.0]
    at = {"w": [2.0, None, 3], "b": None}
    assert grad(lambda t: t["w"][0] * t["w"][2])(at) == {"w": [3.0, None, 2.0], "b": None}
    assert jacobian(lambda t: [t["b"], 5])(at) == [None, {"w": [0.0, None, 0.0], "b": None}]
    assert jvp(lambda t: t)(at, {"w": [1.0, None, 5.0], "b": None}) == {
        "w": [1.0, None, 5.0],
        "b": None,
    }
    assert vjp(lambda t: [5, None])([2.0, None], [1.0, None]) == [0.0, None]
    for empty in ([2.0, None], [None, 2.0]):
        raises(TypeError, "returned None: did it", lambda at=empty: jacobian(lambda t: None)(at))
    raises(TypeError, "returned None at [1]: did it", lambda: jacobian(lambda t: [t, None])(2.0))
    raises(
        TypeError, "None at [1]", lambda: jacobian(lambda t: np.array([t[0], None]))([2.0, None])
    )
    for bad in ("a", {1.0}, np.array(["a"])):
        raises(TypeError, "where a number, a", lambda bad=bad: jacobian(lambda t: [t, bad])(2.0))
    raises(TypeError, "{1.0} (set), where a number", lambda: grad(lambda t: {1.0})(2.0))
    for many in (np.ones(2), np.array([f, f]), [1.0], np.array(["a"])):
        raises(TypeError, "add its parts up", lambda many=many: grad(lambda t: many)(2.0))
    raises(TypeError, "argument 1 at [2]: a Value", lambda: grad(f, -1)(2.0, [None, 1.0, "a"]))
    raises(ValueError, "argument 0 at [1]: this", lambda: grad(f)([1.0, 10**400]))
    square = hvp(lambda t: t * t)
    squares, first = (hvp(lambda t, i=i: (t[i] * t[i]).sum()) for i in (..., 0))
    raises(ValueError, "shape is (1,) at [0], and (2,) is", lambda: first([v], [np.ones(1)]))
    raises(ValueError, "shape is (), and (2,) is wanted", lambda: squares(v, 1.0))
    raises(ValueError, "shape is (2,), and () is wanted", lambda: square(1.0, v))
    _, aux = grad(lambda t: (t, {"n": None, "a": [t * x, None, t]}), has_aux=True)(2.0)
    assert (aux["n"], aux["a"][1:]) == (None, [None, 2.0])
    alike(aux["a"][0], [4.0, 6.0])
    assert type(grad(f)(np.float64(2.0))) is float
    answer = grad(f)(5.0)
    assert answer == 2.0


def of_walker() -> None:
    """Trees taken apart, put together, described and matched."""
    from collections import OrderedDict, UserDict, defaultdict, namedtuple

    import numpy as np

    pair = namedtuple("pair", "x y")
    matrix = type("Matrix", (dict,), {"toarray": None})({(0, 0): 1.0})  # as SciPy's dok
    assert trees.leaves([matrix]) == [matrix]

    class Signed(dict):
        def __init__(self, name: str, **items: Any) -> None:
            super().__init__(**items)
            self.name = name

    class Secret(UserDict):
        def __init__(self, a: int, b: int) -> None:
            super().__init__({a: b})

    class Careful(UserDict):
        def __copy__(self) -> Any:
            raise AssertionError("only a dict is copied")

        def __init__(self, *items: Any, **named: Any) -> None:
            assert named
            super().__init__(**named)

    class Rounded(dict):
        def __getitem__(self, key: Any) -> Any:
            return round(super().__getitem__(key)) if key == "b" else super().__getitem__(key)

    class Longer(UserDict):
        def __init__(self, items: Any) -> None:
            super().__init__(items)
            self.data[len(self.data)] = 1.0

    objects = np.array([[3.0, None]], object)
    tree = {"a": [1.0, pair(2.0, objects)], 0: (None, np.ones(2))}
    found = trees.leaves(tree)
    assert found[:5] == [1.0, 2.0, 3.0, None, None]
    assert found[5] is tree[0][1]
    assert trees.leaves(tree, none=False)[:4] == [1.0, 2.0, 3.0, None]
    assert len(trees.leaves(tree, none=False)) == 5
    places = ["t['a'][0]", "t['a'][1].x", "t['a'][1].y[0, 0]", "t['a'][1].y[0, 1]"]
    assert [place for place, _ in trees.items(tree, "t")] == [*places, "t[0][0]", "t[0][1]"]
    assert [place for place, _ in trees.items(tree, "t", none=False)] == [*places, "t[0][1]"]
    assert [x for _, x in trees.items(tree)][:5] == found[:5]
    assert list(trees.items(np.array(2.0, object), "t")) == [("t", 2.0)]
    assert list(trees.items([(7.0,)])) == [("[0][0]", 7.0)]
    assert trees.named_parts({"k": 5.0}) == [("['k']", 5.0)]
    again = trees.rebuild(tree, iter([5.0, 6.0, 7.0, 8.0, "x"]))
    assert list(again) == ["a", 0]
    assert (again["a"][0], again["a"][1].x, again[0]) == (5.0, 6.0, (None, "x"))
    assert type(again["a"][1]) is pair
    assert (again["a"][1].y.dtype, again["a"][1].y.tolist()) == (float, [[7.0, 8.0]])
    mixed = trees.rebuild(objects, iter([np.ones(2), 1.0]))
    assert (mixed.shape, mixed.dtype, mixed[0, 0].shape) == ((1, 2), object, (2,))
    own = type("own", (np.ndarray,), {})
    assert type(trees.rebuild([np.array([2.0], object).view(own)], iter([1.0]))[0]) is own
    empty = np.empty((0, 2), object)
    assert trees.rebuild([empty], iter([]))[0] is empty
    deep: Any = 1.0
    for _ in range(100):
        deep = [deep]
    walks: list[Callable[[Any], Any]] = [
        trees.leaves, trees.shape, trees.rectangle, lambda t: list(trees.items(t)),
        lambda t: trees.replace(t, float), lambda t: list(trees.match(t, t)),
    ]  # fmt: skip
    for walk in walks:
        walk(deep)
        raises(RecursionError, "nested deeper than 100 levels: flatten", partial(walk, [deep]))
    assert trees.array_of([1.0, 2], (2,)).dtype == object
    assert trees.replace([objects, None], lambda leaf: leaf is objects) == [True, None]
    for kind in (dict, OrderedDict, UserDict, lambda t: defaultdict(int, t)):
        given = kind({"b": 1.0, "a": 2.0})
        made = trees.rebuild(given, iter([3.0, 4.0]))
        assert type(made) is type(given)
        assert (dict(made), dict(given)) == ({"b": 3.0, "a": 4.0}, {"b": 1.0, "a": 2.0})
    assert trees.rebuild(Signed("n", a=1.0), iter([2.0])).name == "n"
    for given in (Secret("a", 1.0), Careful(a=1.0), Rounded(a=1.0, b=1.5), Longer({})):
        numbers = [2.5] * len(given)
        made = trees.rebuild(given, iter(numbers))
        assert (type(made), made) == (dict, dict(zip(given, numbers, strict=True)))
    shown = "{'w': array(3, 2), 'b': (None, *), 'c': [*, *]}"
    assert trees.shape({"w": np.ones((3, 2)), "b": (None, 2), "c": [1.0, "a"]}) == shown
    assert trees.shape([1.0] * 8) == "[*, *, *, *, *, *, *, *]"
    assert trees.shape([*"abcd", [], (), 7, None, {}]) == "[*, *, *, *, ..., None, {}]"
    assert trees.rectangle([[1.0, 2.0, 3.0]] * 2) == (2, 3)
    assert trees.rectangle([np.ones((3, 1))] * 2) == (2, 3, 1)
    assert (trees.rectangle(1.0), trees.rectangle([]), trees.rectangle([[]])) == ((), (0,), (1, 0))
    raises(ValueError, "different lengths", lambda: trees.rectangle([[1.0], [2.0, 3.0]]))
    matched = list(trees.match({"b": [1.0, None], "a": 3.0}, {"a": "x", "b": ["y", None]}))
    assert matched == [("['a']", 3.0, "x"), ("['b'][0]", 1.0, "y"), ("['b'][1]", None, None)]
    assert list(trees.match((1.0, 2.0), pair(3.0, 4.0), place="t")) == [
        ("t.x", 1.0, 3.0), ("t.y", 2.0, 4.0),
    ]  # fmt: skip
    for given, due, said in (
        ([1.0], 1.0, "the vector's structure is [*], and * is wanted"),
        (1.0, [1.0], "the vector's structure is *, and [*] is wanted"),
        ((1.0,), 1.0, "the vector's structure is (*), and * is wanted"),
        (None, 1.0, "the vector's structure is None, and * is wanted"),
        ([[1.0, None]], [[1.0, 2.0]], "the vector's structure is None at [0][1], and * is wanted"),
        ([1.0, 2.0], [1.0, None], "the vector's structure is * at [1], and None is wanted"),
        ((1.0,), [1.0], "is (*), and [*] is wanted"),
        ([1.0], (1.0,), "is [*], and (*) is wanted"),
        ([1.0, 2.0], [1.0], "is [*, *], and [*] is wanted"),
        ({0: 1.0}, [1.0], "is {0: *}, and [*] is wanted"),
        ([1.0], {0: 1.0}, "is [*], and {0: *} is wanted"),
        ({0: 1.0, 1: 1.0}, {0: 1.0}, "is {0: *, 1: *}, and {0: *} is wanted"),
        ({1: 1.0}, {0: 1.0}, "is {1: *}, and {0: *} is wanted"),
    ):
        raises(ValueError, said, lambda g=given, d=due: list(trees.match(g, d)))
    raises(ValueError, "the vector's structure is [*]", lambda: list(trees.match([1.0], 1.0)))


def of_transforms() -> list[Check]:
    return [
        transformed, nested, refused, followed, replayed, twins, of_arrays, of_trees, of_walker,
        containers, outsiders,
    ]  # fmt: skip


# ---- before the run ------------------------------------------------------------------------------


def all_pass() -> None:
    """Everything passes on the original, and what is cached is there."""
    for check in (*of_functions(), *of_walk(), *of_transforms(), curvature):
        check()
    reset()
