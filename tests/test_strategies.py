"""The Hypothesis strategies draw what operations take, and the places where they break."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from autograd import Value
from autograd.checking import strategies
from autograd.core.rules import RULES

pytestmark = pytest.mark.slow

NAMES = [name for name in RULES if name != "power_derivative"]
QUICK = settings(
    deadline=None, max_examples=200, database=None, suppress_health_check=list(HealthCheck)
)


@given(st.data())
@settings(deadline=None, max_examples=100, database=None)
def test_arguments_are_inside_the_domain(data):
    name = data.draw(st.sampled_from(NAMES))
    args = data.draw(strategies.arguments(name))
    fact = RULES[name].fact
    assert all(math.isfinite(x) for x in args)
    assert all(low <= x <= high for x, (low, high) in zip(args, fact.domain, strict=False))
    RULES[name].compute(*args)


@pytest.mark.parametrize("name", ["log", "sqrt", "asin", "acosh", "atanh", "log1p"])
def test_both_ends_of_a_domain_are_drawn(name):
    for end in RULES[name].fact.domain[0]:
        if math.isfinite(end):
            assert find(strategies.arguments(name), lambda args: args[0] == end, settings=QUICK)  # noqa: B023


@pytest.mark.parametrize("name", ["relu", "abs", "floor", "maximum", "minimum", "clip"])
def test_kinks_are_drawn(name):
    kink = RULES[name].fact.kink
    assert find(strategies.arguments(name), lambda args: kink(*args) == 0, settings=QUICK)


def test_values_are_leaves():
    leaf = find(strategies.values(0.0, 1.0), lambda v: v.data == 1.0, settings=QUICK)
    assert isinstance(leaf, Value)
    assert not leaf.inputs


def test_an_unknown_operation_is_an_error():
    with pytest.raises(LookupError):
        strategies.arguments("no such")
    with pytest.raises(ValueError, match="at most"):
        strategies.numbers(2.0, 1.0)
