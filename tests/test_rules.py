"""Every row of the table against mathematics: its digits, its derivatives, its kinds of number.

The truth is mpmath's, in `truth`: functions written down independently of the table, and slopes by
differences of hundreds of digits.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from mpmath import mp
from truth import TRUTH, Points, points_of, slopes, units_off

import autograd
from autograd import Value, gradients
from autograd.core.graph import hand_back
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import RULES, TABLE, Rule, register, rule

every_row = pytest.mark.parametrize("name", TABLE)
analytic_rows = [name for name in TABLE if RULES[name].fact.analytic]


def variables(name: str, point: tuple[float, ...]) -> tuple[int, ...]:
    """The positions of the inputs that have a slope."""
    return tuple(range(len(point))) if RULES[name].variadic else TRUTH[name].wrt


def shares(
    name: str, g: Any, out: Any, xs: tuple[Any, ...], wrt: tuple[int, ...]
) -> dict[int, Any]:
    """What each column answers."""
    row = RULES[name]
    if row.variadic:
        return dict(enumerate(row.columns[0](g, out, *xs)))
    return {i: row.columns[i](g, out, *xs) for i in wrt}


def leaves(name: str, point: tuple[float, ...]) -> list[Any]:
    wrt = variables(name, point)
    return [Value(x) if i in wrt else x for i, x in enumerate(point)]


def test_the_truth_has_every_row_and_no_other() -> None:
    assert set(TRUTH) == set(TABLE) <= set(RULES)


# ---- digits --------------------------------------------------------------------------------------


@pytest.mark.slow
@every_row
def test_values_have_all_their_digits(name: str) -> None:
    """Within 8 units of 2^-53.

    Where the terms of a sum cancel (logaddexp, logsumexp, dot, the higher derivatives of a power),
    within 8 units times the value's own sensitivity to its inputs.
    """
    case = TRUTH[name]
    for point in points_of(name):
        true = slopes(case.truth, point, variables(name, point) if case.cancels else ())
        off = units_off(RULES[name].compute(*point), true.value)
        assert off <= 8 * (1 + case.cancels * true.condition), point


@pytest.mark.slow
@every_row
def test_slopes_have_all_their_digits(name: str) -> None:
    """Within 5 (1 + k) units of 2^-53, where k is the slope's own sensitivity to the inputs."""
    for point in points_of(name):
        wrt = variables(name, point)
        true = slopes(TRUTH[name].truth, point, wrt)
        partials = RULES[name].compute(*leaves(name, point)).partials
        for i in wrt:
            off = units_off(partials[i], true.slope[i])
            assert off <= 5 * (1 + true.sensitivity[i]), (point, i, partials[i])


@pytest.mark.parametrize(
    ("name", "x", "slope"),
    [  # to 17 digits, by hand from the definition
        ("tanh", 20.0, 4 * mp.exp(-40) / (1 + mp.exp(-40)) ** 2),
        ("sigmoid", 40.0, mp.exp(-40) / (1 + mp.exp(-40)) ** 2),
        ("sigmoid", -700.0, mp.exp(-700) / (1 + mp.exp(-700)) ** 2),
        ("softplus", 1000.0, mp.mpf(1)),
        ("asin", 1 - 2.0**-53, 1 / mp.sqrt(mp.mpf(2) ** -52 - mp.mpf(2) ** -106)),
        ("acosh", 1 + 2.0**-52, 1 / mp.sqrt(mp.mpf(2) ** -51 + mp.mpf(2) ** -104)),
        ("atanh", 1 - 2.0**-53, 1 / (mp.mpf(2) ** -52 - mp.mpf(2) ** -106)),
        ("log1p", -1 + 2.0**-53, mp.mpf(2) ** 53),
    ],
)
def test_slopes_in_the_tails_where_others_lose_them(name: str, x: float, slope: Any) -> None:
    assert RULES[name].compute(Value(x)).partials[0] == pytest.approx(float(slope), rel=1e-15)


def test_a_bound_that_every_row_meets_is_one_that_a_wrong_slope_does_not() -> None:
    """The measure sees an error of 1e-14, a sign, a dropped share, and the textbook's tanh'."""
    true = slopes(TRUTH["tanh"].truth, (19.0,), (0,))
    right = RULES["tanh"].compute(Value(19.0)).partials[0]
    bound = 5 * (1 + true.sensitivity[0])
    out = math.tanh(19.0)
    assert units_off(right, true.slope[0]) <= bound
    for wrong in (right * (1 + 1e-13), -right, 0.0, math.nan, 1 - out * out):
        assert units_off(wrong, true.slope[0]) > bound


# ---- kinds of number -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in analytic_rows if TRUTH[name].complex])
def test_complex_steps_give_the_columns_of_analytic_rows(name: str) -> None:
    """Im f(x + ih) / h is f'(x) to rounding (Squire and Trapp 1998).

    Python has no erf and no gamma of a complex number: the next test is of those.
    """
    h = 1e-20
    for point in TRUTH[name].ordinary:
        wrt = variables(name, point)
        found = shares(name, 1.0, RULES[name].compute(*point), point, wrt)
        for i in wrt:
            moved = [x + 1j * h * (i == j) if j in wrt else x for j, x in enumerate(point)]
            stepped = RULES[name].compute(*moved).imag / h
            k = slopes(TRUTH[name].truth, point, wrt).sensitivity[i]
            assert found[i] == pytest.approx(stepped, rel=2e-15 * (1 + k), abs=0), (point, i)


OF_MPMATH = ["erf", "erfc", "normal_cdf", "gelu", "digamma"]
OF_REALS = ["erfinv", "gammaln", "polygamma"]  # whose truth is real: see the differences


@pytest.mark.parametrize("name", OF_MPMATH)
def test_complex_steps_in_mpmath_give_the_columns_of_the_others(name: str) -> None:
    for (x,) in TRUTH[name].ordinary:
        with mp.workdps(60):
            h = mp.mpf(10) ** -30
            stepped = TRUTH[name].truth(mp.mpc(x, h)).imag / h
        found = shares(name, 1.0, RULES[name].compute(x), (x,), (0,))[0]
        assert found == pytest.approx(float(stepped), rel=4e-15, abs=0)


def test_every_analytic_row_is_tested_by_complex_step() -> None:
    others = {name for name in analytic_rows if not TRUTH[name].complex}
    assert others == {*OF_MPMATH, *OF_REALS}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in analytic_rows if TRUTH[name].complex])
def test_columns_take_complex_numbers_and_so_give_second_derivatives(name: str) -> None:
    h = 1e-20
    for point in TRUTH[name].ordinary:
        wrt = variables(name, point)
        for i in wrt:
            moved = tuple(x + 1j * h * (i == j) if j in wrt else x for j, x in enumerate(point))
            found = shares(name, 1.0, RULES[name].compute(*moved), moved, wrt)
            for j in wrt:
                with mp.workdps(100):
                    orders = tuple((k == i) + (k == j) for k in range(len(point)))
                    true = mp.diff(TRUTH[name].truth, tuple(map(mp.mpf, point)), orders)
                second = complex(found[j]).imag / h
                assert second == pytest.approx(float(true), rel=2e-14, abs=1e-30), (point, i, j)


@pytest.mark.slow
@every_row
def test_columns_have_40_digits_on_mpmath_numbers(name: str) -> None:
    """So that a bug is told from rounding: a constant cut at 16 digits shows here."""
    for point in TRUTH[name].ordinary:
        wrt = variables(name, point)
        true = slopes(TRUTH[name].truth, point, wrt)
        with mp.workdps(50):
            xs = tuple(mp.mpf(x) if i in wrt else x for i, x in enumerate(point))
            out = RULES[name].compute(*xs)
            assert abs(out - true.value) <= mp.mpf(10) ** -45 * abs(true.value)
            found = shares(name, mp.mpf(1), out, xs, wrt)
            for i in wrt:
                slope = 0 if found[i] is None else found[i]
                assert abs(slope - true.slope[i]) <= mp.mpf(10) ** -40 * abs(true.slope[i]), point


@every_row
def test_columns_on_nodes_give_the_floats_exactly(name: str) -> None:
    """A picture of the second derivative starts from the very numbers of the first."""
    for point in points_of(name)[::7] + TRUTH[name].ordinary:
        node = RULES[name].compute(*leaves(name, point))
        on_floats = hand_back(node, -1.25)
        on_nodes = hand_back(node, Value(-1.25), create_graph=True)
        for x, number, share in zip(node.inputs, on_floats, on_nodes, strict=True):
            if isinstance(x, Value):
                share = share.data if isinstance(share, Value) else share
                assert share == number or (share != share and number != number), point


@every_row
def test_values_on_arrays_agree_with_floats_without_a_warning(name: str) -> None:
    ulps = 8 if name in ("gelu", "normal_cdf") else 2
    for arrays, points in in_columns(name, points_of(name)):
        out = np.broadcast_to(RULES[name].compute(*arrays), len(points))
        for found, point in zip(out.tolist(), points, strict=True):
            assert within_ulps(found, RULES[name].compute(*point), ulps), point


@pytest.mark.slow
@every_row
def test_columns_on_arrays_agree_with_floats_without_a_warning(name: str) -> None:
    """A column composes up to four functions, each of which NumPy may round the other way."""
    ordinary = [p for p in points_of(name) if all(x == 0 or 1e-60 < abs(x) < 1e60 for x in p)]
    for arrays, points in in_columns(name, ordinary):
        wrt = variables(name, points[0])
        with np.errstate(under="ignore", over="ignore"):  # of a product: IEEE's own answer
            found = shares(name, 1.0, RULES[name].compute(*arrays), arrays, wrt)
        for place, point in enumerate(points):
            node = RULES[name].compute(*leaves(name, point))
            for i in wrt:
                if found[i] is None:
                    continue
                share = float(np.broadcast_to(found[i], len(points))[place])
                if not within_ulps(share, node.partials[i], 4):  # then close to a zero of the slope
                    k = slopes(TRUTH[name].truth, point, wrt).sensitivity[i]
                    assert within_ulps(share, node.partials[i], 4 * (1 + k)), (point, i)


def in_columns(name: str, points: Points) -> list[tuple[tuple[Any, ...], Points]]:
    """The points as arrays, one for each input; an input that is a setting stays a number."""
    alike: dict[Any, Points] = defaultdict(list)
    for p in points:
        wrt = variables(name, p)
        alike[len(p), tuple(x for i, x in enumerate(p) if i not in wrt)].append(p)
    return [
        (
            tuple(
                np.array([p[i] for p in group]) if i in variables(name, group[0]) else x
                for i, x in enumerate(group[0])
            ),
            group,
        )
        for group in alike.values()
    ]


def within_ulps(found: float, expected: float, ulps: float) -> bool:
    if found == expected or (math.isnan(found) and math.isnan(expected)):
        return True
    return abs(found - expected) <= ulps * max(math.ulp(expected), 2.0**-1022)


# ---- derivatives of derivatives ------------------------------------------------------------------


def derivative(function: Any, x: float, order: int) -> float:
    """The derivative of that order, by walking back through the walk back."""
    leaf = Value(x)
    result = function(leaf)
    for _ in range(order):
        (result,) = gradients(result, [leaf], create_graph=True)
    return float(result.data)


@pytest.mark.slow
@pytest.mark.parametrize("order", [2, 3])
@every_row
def test_second_and_third_derivatives_of_every_row(name: str, order: int) -> None:
    """In each input, and mixed: first in one, then in the others."""
    for point in TRUTH[name].ordinary[:3]:
        wrt = variables(name, point)
        for i in wrt:
            for j in wrt:
                xs = leaves(name, point)
                (slope,) = gradients(RULES[name].compute(*xs), [xs[i]], create_graph=True)
                for _ in range(order - 1):
                    (slope,) = gradients(slope, [xs[j]], create_graph=True)
                orders = tuple((k == i) + (k == j) * (order - 1) for k in range(len(point)))
                with mp.workdps(120):
                    true = mp.diff(TRUTH[name].truth, tuple(map(mp.mpf, point)), orders)
                assert slope.data == pytest.approx(float(mp.re(true)), rel=1e-12, abs=1e-15), (
                    point, i, j,
                )  # fmt: skip


@pytest.mark.parametrize(
    ("exponent", "x", "expected"),
    [
        (2, 0.0, (0.0, 2.0, 0.0, 0.0, 0.0)),
        (2, 3.0, (6.0, 2.0, 0.0, 0.0, 0.0)),
        (2, -3.0, (-6.0, 2.0, 0.0, 0.0, 0.0)),
        (3, 0.0, (0.0, 0.0, 6.0, 0.0, 0.0)),
        (3, 2.0, (12.0, 12.0, 6.0, 0.0, 0.0)),
        (3, -2.0, (12.0, -12.0, 6.0, 0.0, 0.0)),
        (1, 0.0, (1.0, 0.0, 0.0, 0.0, 0.0)),
        (0, 0.0, (0.0, 0.0, 0.0, 0.0, 0.0)),
        (0.5, 4.0, (1 / 4, -1 / 32, 3 / 256, -15 / 2048, 105 / 16384)),
        (0.5, 0.0, (math.inf, -math.inf, math.inf, -math.inf, math.inf)),
        (-1, 2.0, (-1 / 4, 1 / 4, -3 / 8, 3 / 4, -15 / 8)),
    ],
)
def test_the_first_five_derivatives_of_a_power(
    exponent: float, x: float, expected: tuple[float, ...]
) -> None:
    found = tuple(derivative(lambda x: x**exponent, x, n) for n in range(1, 6))
    assert found == pytest.approx(expected, rel=1e-15, abs=0)


@pytest.mark.slow
def test_the_fifth_derivatives_of_functions_with_helpers_of_their_own() -> None:
    for name in ("tanh", "sigmoid", "gelu", "erf", "asin", "acosh", "log", "sqrt", "exp"):
        for (x,) in TRUTH[name].ordinary:
            with mp.workdps(120):
                true = mp.diff(TRUTH[name].truth, mp.mpf(x), 5)
            found = derivative(RULES[name].compute, x, 5)
            assert found == pytest.approx(float(true), rel=1e-11), (name, x)


def test_the_slope_of_a_straight_line_is_constant() -> None:
    for function in (lambda x: 3.0 * x + 1.0, lambda x: -x, lambda x: x / 2.0, autograd.relu):
        assert derivative(function, 1.5, 2) == 0.0


# ---- facts ---------------------------------------------------------------------------------------

NOT_NAN_OUTSIDE = ("pow", "power_derivative")  # (-2) ** 3 is a number: see the next test but one


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in TABLE
        if any(side != (-math.inf, math.inf) for side in FUNCTIONS[name].domain)
        and name not in NOT_NAN_OUTSIDE
    ],
)
def test_outside_its_domain_a_function_and_its_slope_are_nan(name: str) -> None:
    ((low, high),) = FUNCTIONS[name].domain
    below = [low - 1e-9, low - 1.0, -math.inf] if low > -math.inf else []
    above = [high + 1e-9, high + 1.0, math.inf] if high < math.inf else []
    for x in (*below, *above):
        node = RULES[name].compute(Value(x))
        assert math.isnan(node.data), x
        assert math.isnan(node.partials[0]), x
    for inside in (x for x in (low, high) if abs(x) < math.inf):
        assert not math.isnan(RULES[name].compute(inside))


@every_row
def test_inside_its_domain_a_function_is_a_number(name: str) -> None:
    for point in points_of(name):
        if not name.startswith("pow"):
            assert all(
                low <= x <= high
                for x, (low, high) in zip(point, FUNCTIONS[name].domain)  # noqa: B905
            )
        assert not math.isnan(RULES[name].compute(*point))


def test_a_negative_base_has_powers_with_whole_exponents_only() -> None:
    assert Value(-2.0) ** 3 == -8.0
    assert math.isnan((Value(-2.0) ** 0.5).data)
    assert math.isnan((Value(-8.0) ** (1 / 3)).data)


def at_kinks(name: str) -> list[tuple[tuple[float, ...], int]]:
    """Points where a function has a kink or a jump, and the input that moves across it."""
    return {
        "floordiv": [((6.0, 2.0), 0), ((-4.0, 0.5), 0)],
        "mod": [((6.0, 2.0), 0), ((-4.0, 0.5), 0)],
        "relu": [((0.0,), 0)],
        "leaky_relu": [((0.0, 0.1), 0), ((0.0, 3.0), 0)],
        "elu": [((0.0, 0.5), 0), ((0.0, 2.0), 0)],
        "abs": [((0.0,), 0)],
        "sign": [((0.0,), 0)],
        "step": [((0.0,), 0)],
        "floor": [((0.0,), 0), ((3.0,), 0), ((-7.0,), 0), ((2.0**40,), 0)],
        "round": [
            ((0.5, 0.0), 0),
            ((1.5, 0.0), 0),
            ((2.5, 0.0), 0),
            ((0.25, 1.0), 0),
            ((-1.5, 0.0), 0),
        ],
        "minimum": [((1.5, 1.5), 0), ((1.5, 1.5), 1)],
        "maximum": [((1.5, 1.5), 0), ((-2.0, -2.0), 1)],
        "clip": [((-1.0, -1.0, 1.0), 0), ((1.0, -1.0, 1.0), 0), ((1e-200, 1e-200, 2e-200), 0)],
        "inside": [((-1.0, -1.0, 1.0), 0), ((1.0, -1.0, 1.0), 0)],
        "share_of_larger": [((1.5, 1.5), 0), ((1.5, 1.5), 1)],
        "less": [((1.5, 1.5), 0), ((1.5, 1.5), 1)],
        "less_equal": [((1.5, 1.5), 0), ((1.5, 1.5), 1)],
    }[name]


kinked = [name for name in TABLE if FUNCTIONS[name].kink is not None]


def one_sided(name: str, point: tuple[float, ...], moving: int) -> tuple[Any, Any]:
    """The slopes to the left and to the right, by differences of 60 digits; a jump's is huge."""
    with mp.workdps(400):
        h = mp.mpf(10) ** -300

        def at(step: int) -> Any:
            return TRUTH[name].truth(
                *[mp.mpf(x) + (i == moving) * step * h for i, x in enumerate(point)]
            )

        # From points next to the kink, and between it and them, so that a jump shows as well.
        left, right = (at(-1) - at(-2)) / h, (at(2) - at(1)) / h
        jump = abs(at(1) - at(-1)) > mp.mpf(10) ** -200
    return (left, right) if not jump else (mp.inf, right)


@pytest.mark.parametrize("name", kinked)
def test_a_kink_is_0_where_the_one_sided_slopes_differ(name: str) -> None:
    kink: Any = FUNCTIONS[name].kink
    for point, moving in at_kinks(name):
        left, right = one_sided(name, point, moving)
        assert abs(left - right) > 1e-3, "the point is no kink"
        assert kink(*point) == 0.0, point


@pytest.mark.slow
@pytest.mark.parametrize("name", kinked)
def test_a_kink_is_not_0_where_the_one_sided_slopes_agree(name: str) -> None:
    kink: Any = FUNCTIONS[name].kink
    for point in points_of(name):
        if all(1e-60 < abs(x) < 1e60 for x in point):
            for moving in TRUTH[name].wrt:
                left, right = one_sided(name, point, moving)
                assert abs(left - right) < 1e-30
            assert kink(*point) != 0.0, point


def test_an_elu_of_alpha_1_and_a_leaky_relu_of_slope_1_have_no_kink() -> None:
    assert FUNCTIONS["elu"].kink(0.0, 1.0) != 0.0
    assert FUNCTIONS["leaky_relu"].kink(0.0, 1.0) != 0.0


@pytest.mark.parametrize("name", kinked)
def test_a_kink_of_an_infinite_number_raises_nothing(name: str) -> None:
    fact = FUNCTIONS[name]
    for x in (math.inf, -math.inf, math.nan):
        fact.kink(x, *[1.0] * (fact.arity - 1))


@every_row
def test_the_edges_are_where_a_slope_is_infinite_or_a_convention(name: str) -> None:
    """At an edge some slope is not what it is close by."""
    for edge in FUNCTIONS[name].edges:
        arity = FUNCTIONS[name].arity
        orders = {"power_derivative": (1.0, 0.0)}.get(name, ())
        others = {"pow": (0.5,), "power_derivative": (0.5,), "atan2": (edge,), "hypot": (edge,)}
        xs = [edge, *others.get(name, (edge,) * (arity - 1))]
        node = RULES[name].compute(*map(Value, xs), *orders)
        close = RULES[name].compute(*[Value(x + 1e-3) for x in xs], *orders)
        assert any(
            not math.isfinite(at) or (at == 0 and abs(by) > 0.1)
            for at, by in zip(node.partials, close.partials, strict=True)
            if at is not None
        )


# ---- the table itself ----------------------------------------------------------------------------


@every_row
def test_a_row_has_a_column_for_each_input(name: str) -> None:
    row = RULES[name]
    assert len(row.columns) == (1 if row.variadic else row.fact.arity)
    assert row.compute is FUNCTIONS[name].call
    assert row.symbol
    assert repr(row) == f"<rule {name}>"


def test_an_unknown_operation_is_named_with_what_to_do() -> None:
    with pytest.raises(LookupError, match=r"no operation 'sine' here; .* register it first"):
        rule("sine")


def test_a_registered_row_has_derivatives_of_every_order() -> None:
    quartic = register("quartic", lambda x: x**4, lambda g, out, x: 4 * g * x**3)
    try:
        assert [derivative(quartic, 2.0, n) for n in range(6)] == [16, 32, 48, 48, 24, 0]
        assert quartic(3) == 81.0
        assert quartic(np.array([1.0, 2.0])).tolist() == [1.0, 16.0]
        assert quartic(mp.mpf(2)) == 16
    finally:
        del RULES["quartic"], FUNCTIONS["quartic"]


def test_a_registered_row_of_a_list_has_one_column_with_a_share_for_each() -> None:
    squares = register(
        "squares", lambda *xs: sum(x * x for x in xs), lambda g, out, *xs: [2 * g * x for x in xs]
    )
    try:
        node = squares(Value(1.0), 2.0, Value(3.0))
        assert node.data == 14.0
        assert node.partials == (2.0, None, 6.0)
        assert squares.__name__ == "squares"
        with pytest.raises(ValueError, match="1 inputs and 2 columns"):
            register("squares", lambda *xs: sum(xs), lambda g, out, *xs: [g], lambda *xs: xs)
    finally:
        del RULES["squares"], FUNCTIONS["squares"]


class Nameless:
    """Something that can be called, and raises when its name is read."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("__name__", "__doc__"):
            raise OSError("it has no name")
        return super().__getattribute__(name)

    def __call__(self, *args: float) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        *[
            (
                ("mine", abs, abs, domain),
                ValueError,
                r"domain is \(low, high\) for each input of mi",
            )
            for domain in (5, [5], [(1.0,)], [(0.0, 1.0)] * 2, [("a", "b")], [(2.0, 1.0)])
        ],
        (("mine", Nameless(), abs), OSError, "has no name"),
        (("mine", abs, Nameless()), OSError, "has no name"),
        (("tanh", abs, abs), ValueError, "'tanh' is an operation of this package"),
        (("not a name", abs, abs), ValueError, "identifier, not 'not a name'"),
        (("mine", 3, abs), TypeError, "register takes functions, not 3"),
        (("mine", abs, 3), TypeError, "register takes functions, not 3"),
        (("mine", lambda x, y: x, lambda g, out, x, y: g), ValueError, "2 inputs and 1 columns"),
        (("mine", lambda x: x), ValueError, "1 inputs and 0 columns"),
    ],
)
def test_register_says_what_is_wrong(
    arguments: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    name, forward, *columns = arguments
    facts = {} if all(map(callable, columns[1:])) else {"domain": columns.pop()}
    with pytest.raises(error, match=message):
        register(name, forward, *columns, **facts)
    assert "mine" not in RULES
    assert "mine" not in FUNCTIONS


# ---- a test that cannot fail tests nothing -------------------------------------------------------


def broken(name: str, position: int, change: Any) -> Rule:
    """The row with one column changed."""
    row = RULES[name]

    def column(g: Any, out: Any, *xs: Any) -> Any:
        share = row.columns[position](g, out, *xs)
        if row.variadic:
            return [change(s) for s in share]
        return None if share is None else change(share)

    return Rule(name, row.compute, *row.columns[:position], column, *row.columns[position + 1 :])


MOVING = [
    (name, i)
    for name in TABLE
    for i in range(len(RULES[name].columns))
    if any(
        slopes(TRUTH[name].truth, point, (i,)).slope[i] != 0
        for point in TRUTH[name].ordinary
        if RULES[name].variadic or i in TRUTH[name].wrt
    )
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "position"), MOVING)
def test_a_column_that_is_slightly_wrong_is_noticed(
    name: str, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    factor = 1 + 2.0**-40
    monkeypatch.setitem(RULES, name, broken(name, position, lambda share: share * factor))
    with pytest.raises(AssertionError):
        test_slopes_have_all_their_digits(name)
