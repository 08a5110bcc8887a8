"""Numerical derivatives: accurate, with an error bar that is meant, and never fooled by a kink."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from gradient_cases import KINKS, blur, positive_part, slope, smooth_cases

import autograd as ag
from autograd.checking.differences import derivative, stencil
from autograd.checking.probing import noise_of

CASES = [(f, x, slope(f, x)) for _, f, x in smooth_cases()]
CASES = [(f, x, s) for f, x, s in CASES if blur(f, x, s) < 0.01]
FOUND = [(derivative(f, x), s) for f, x, s in CASES]


def test_there_are_enough_cases():
    assert len(CASES) >= 350


def test_the_median_error_is_below_1e_14():
    assert statistics.median(abs(e.value - s) / abs(s) for e, s in FOUND) < 1e-14


def test_the_error_bar_is_honest_in_99_cases_of_100():
    honest = sum(abs(e.value - s) <= e.error_bar for e, s in FOUND)
    assert honest >= 0.99 * len(FOUND)


def test_the_error_bar_is_narrow_enough_to_be_of_use():
    assert statistics.median(e.error_bar / abs(s) for e, s in FOUND) < 1e-12


def test_no_smooth_function_has_a_kink():
    assert {e.kind for e, _ in FOUND} == {"smooth"}


def test_few_calls_are_enough():
    calls = []
    derivative(lambda x: calls.append(x) or math.exp(x), 1.0)  # type: ignore[func-returns-value]
    assert len(calls) < 80
    assert len(calls) == len(set(calls))


@pytest.mark.parametrize("name", KINKS)
def test_both_slopes_of_a_kink_are_found(name):
    f, x, left, right = KINKS[name]
    found = derivative(f, x)
    assert found.kind == "kink"
    assert found.left is not None
    assert found.right is not None
    assert found.left[0] == pytest.approx(left, rel=1e-9, abs=1e-15)
    assert found.right[0] == pytest.approx(right, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9, 1e-11, -1e-11, -1e-9, -1e-6, -1e-3])
def test_beside_a_kink_the_slope_of_that_side_is_found(distance):
    found = derivative(lambda x: positive_part(x - 1.0 + distance), 1.0)
    assert found.kind == "smooth"
    assert found.value == pytest.approx(float(distance > 0), abs=1e-6)


@pytest.mark.parametrize(
    ("f", "x"),
    [(ag.sign, 0.0), (ag.step, 0.0), (math.floor, 3.0), (round, 2.5), (lambda x: x // 2.0, 4.0)],
)
def test_a_jump_is_not_a_slope(f, x):
    found = derivative(f, x)
    assert found.kind == "jump"
    assert found.left is not None
    assert found.right is not None
    assert abs(found.left[0]) + abs(found.right[0]) < 1e-12


@pytest.mark.parametrize(("f", "x"), [(math.sqrt, 0.0), (math.asin, 1.0), (math.acosh, 1.0)])
def test_at_the_end_of_a_domain_the_slope_is_that_of_the_inside(f, x):
    found = derivative(f, x)
    assert (found.kind, found.value) == ("edge", math.inf)


def test_a_vertical_tangent_is_infinite():
    assert derivative(math.cbrt, 0.0).value == math.inf


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (lambda x: x * abs(x), 0.0, 0.0),
        (ag.elu, 0.0, 1.0),
        (lambda x: 0.5 * x * x if abs(x) <= 1 else abs(x) - 0.5, 1.0, 1.0),
        (lambda x: positive_part(x) ** 2, 0.0, 0.0),
    ],
)
def test_a_function_smooth_to_first_order_only_has_a_slope(f, x, expected):
    found = derivative(f, x)
    assert found.kind == "smooth"
    assert found.value == pytest.approx(expected, abs=1e-9)


def test_an_oscillation_is_not_mistaken_for_its_mean():
    assert derivative(lambda x: math.sin(1e6 * x), 1.0).value == pytest.approx(
        1e6 * math.cos(1e6), rel=1e-9
    )


def test_a_constant_is_flat():
    found = derivative(lambda x: 3.25, 1.0)
    assert found.flat
    assert found.value == 0.0


@pytest.mark.parametrize("x", [1e-300, 1e300, -1e-300])
def test_extreme_points_have_a_slope_too(x):
    assert derivative(math.tanh, math.copysign(1.7e308, x)).value == 0.0
    assert derivative(math.tanh, math.copysign(5e-324, x)).value == pytest.approx(1.0)
    assert derivative(lambda t: 3.0 * t, x).value == pytest.approx(3.0, rel=1e-9)


def test_a_noisy_function_gets_a_wide_bar():
    def noisy(x: float) -> float:
        return math.sin(x) + 1e-8 * random.Random(x).uniform(-1.0, 1.0)

    found = derivative(noisy, 1.0)
    assert found.error_bar > 1e-9
    assert abs(found.value - math.cos(1.0)) <= found.error_bar


def test_without_a_value_there_is_no_slope():
    assert derivative(math.log, -1.0).kind == "none"


def test_the_noise_of_a_smooth_table_is_its_rounding():
    table = [math.exp(1.0 + i * 2.0**-30) for i in range(8)]
    assert 1e-17 < noise_of(table) < 1e-15


def test_the_stencil_says_when_its_step_is_too_large():
    slope_there, bar = stencil(math.sin, 100.0, 0.25, math.sin(100.0))
    assert abs(slope_there - math.cos(100.0)) <= bar
    slope_there, bar = stencil(math.exp, 1.0, 2.0**-9, math.e)
    assert abs(slope_there - math.e) <= bar < 1e-6


@pytest.mark.parametrize(
    ("x", "v"),
    [(2.0526623569382476, 2.375), (-2.0238020125834613, -3.625), (2.037772261231999, 3.625)],
)
def test_roundings_between_neighbouring_floats_are_no_bend(x, v):
    """Near a zero of f the rounding of x + (t - 1) v is many times that of f itself."""

    def f(t):
        y = x + (t - 1.0) * v
        return math.sin(y) + y * math.cos(y)

    found = derivative(f, 1.0, thorough=True)
    slope = (2.0 * math.cos(x) - x * math.sin(x)) * v
    assert abs(found.value - slope) <= found.error_bar + 1e-9 * abs(slope)
    assert abs(found.value - slope) <= 1e-9 * abs(slope)
