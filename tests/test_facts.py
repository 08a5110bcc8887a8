"""Facts about functions stand beside them: each is true, and what must follow from them has."""

from __future__ import annotations

import math
import random
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from mpmath import mp
from truth import TRUTH, Case, Rows, points_of, slopes, units_off

import autograd
from autograd import Tensor, Value, register
from autograd.core.kinds import FUNCTIONS, Function
from autograd.core.rules import RULES, TABLE

pytestmark = pytest.mark.slow

every_row = pytest.mark.parametrize("name", TABLE)


def rows(fact: str, x: Any = True) -> list[str]:
    """The rows of which a fact holds."""
    return [name for name in TABLE if getattr(FUNCTIONS[name], fact) == x]


# ---- what an operation needs ---------------------------------------------------------------------


@every_row
def test_a_public_function_is_had_from_the_package_and_a_helper_is_not(name):
    """Add `from .core.functions import NAME as NAME` to autograd/__init__.py."""
    missing = f"{name} is public: import it in autograd/__init__.py, or say public=False"
    assert hasattr(autograd, name) == FUNCTIONS[name].public, missing


@every_row
def test_a_public_function_of_numbers_is_a_method_of_every_kind_of_node(name):
    fact = FUNCTIONS[name]
    if fact.public and not fact.variadic:
        for kind in (Value, Tensor):
            said = f"{name} is public: give {kind.__name__} the method `{name} = _unary({name!r})`"
            assert hasattr(kind, name), said


@every_row
def test_every_row_has_a_fact_a_truth_and_a_column_for_each_input(name):
    fact, case = FUNCTIONS[name], TRUTH[name]
    assert isinstance(case, Case)
    assert len(TABLE[name]) == (1 if fact.variadic else fact.arity), name
    for point in case.ordinary:
        assert fact.variadic or len(point) == fact.arity == len(fact.domain)


def test_a_missing_truth_says_in_a_sentence_what_to_add():
    with pytest.raises(LookupError, match="nothing says what cosec is: add its function in mpmath"):
        Rows()["cosec"]


def test_what_is_no_fact_is_refused():
    with pytest.raises(TypeError, match="cosec: rouding is not a fact about a function"):
        Function("cosec", math.sin, rouding=1)


# ---- the facts are true --------------------------------------------------------------------------


@every_row
def test_the_order_matters_to_all_functions_but_those_that_are_commutative(name):
    fact = FUNCTIONS[name]
    points = [xs for xs in TRUTH[name].ordinary if len(set(xs)) > 1]
    same = [len({fact.floats(*ys) for ys in permutations(xs)}) == 1 for xs in points]
    assert fact.commutative == (bool(same) and all(same))


@every_row
def test_rounding_is_what_the_value_is_off_by_at_most(name):
    """0: exact. 1: correctly rounded, which is half of the gap, or 1 unit of 2^-53."""
    fact, case = FUNCTIONS[name], TRUTH[name]
    if not case.cancels and name not in ("floordiv", "mod"):
        truths = [(p, slopes(case.truth, p, ()).value) for p in points_of(name)]
        worst = max(units_off(fact.floats(*p), true) for p, true in truths)
        assert worst <= (fact.rounding if fact.rounding != 4.0 else 8.0)


@every_row
def test_what_saturates_has_a_flat_end_on_either_side_and_no_other_function_has(name):
    fact = FUNCTIONS[name]
    if fact.arity == 1 and fact.kink is None and fact.public:
        ends = [fact.floats(x) for x in (-1e9, 1e9)]
        steep = [fact.call(Value(x)).partials[0] for x in (-1e9, 1e9)]
        flat = all(map(math.isfinite, ends)) and max(map(abs, steep)) < 1e-9
        assert fact.saturates == (flat and ends[0] != ends[1])


@every_row
def test_the_last_inputs_are_settings_where_they_have_no_slope_and_are_whole_numbers(name):
    case, fact = TRUTH[name], FUNCTIONS[name]
    if not fact.variadic:
        last = [p[len(p) - fact.settings :] for p in case.points(random.Random(0))]
        assert all(x.is_integer() for xs in last for x in xs)
        assert not set(range(fact.arity - fact.settings, fact.arity)) & set(case.wrt)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if FUNCTIONS[name].numpy])
def test_numpys_function_of_that_name_computes_the_same(name):
    theirs = getattr(np, FUNCTIONS[name].numpy)
    points = TRUTH[name].ordinary if name in TABLE else [(1.0, 2.0), (2.0, 2.0)]
    for xs in points:
        with np.errstate(all="ignore"):
            expected = theirs(
                *(bool(x) if name == "where" and not i else x for i, x in enumerate(xs))
            )
        assert FUNCTIONS[name].floats(*xs) == pytest.approx(float(expected), rel=1e-15, nan_ok=True)


@pytest.mark.parametrize("name", rows("variadic"))
def test_a_function_of_a_list_that_gives_a_number_for_each_says_so(name):
    given = [[1.0, 2.0]] * (2 if name == "dot" else 1)
    assert isinstance(getattr(autograd, name)(*given), list) == FUNCTIONS[name].each


def test_facts_of_a_users_own_operation_are_the_defaults():
    call = register("cubed_as_a_fact", lambda x: x * x * x, lambda g, out, x: 3 * g * x * x)
    try:
        fact = FUNCTIONS["cubed_as_a_fact"]
        assert (fact.public, fact.rounding, fact.saturates, fact.numpy) == (True, 4.0, False, "")
        assert call(2.0) == 8.0
    finally:
        del FUNCTIONS["cubed_as_a_fact"], RULES["cubed_as_a_fact"]


# ---- the one that shows the way ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "value", "slope"),
    [
        (0.0, -math.inf, -math.inf),
        (-0.0, -math.inf, -math.inf),
        (-math.inf, 0.0, 0.0),
        (-5e-324, math.log(5e-324), -math.inf),
        (-800.0, 0.0, 0.0),
        (1.0, math.nan, math.nan),
        (math.inf, math.nan, math.nan),
        (math.nan, math.nan, math.nan),
        (-math.log(2.0), -math.log(2.0), -1.0),
    ],
)
def test_log1mexp_at_its_edges(x, value, slope):
    for kind in (Value, Tensor):
        node = kind(x)
        node.log1mexp().backward()
        assert float(node.log1mexp().data) == pytest.approx(value, rel=1e-15, nan_ok=True)
        assert float(node.grad) == pytest.approx(slope, rel=1e-15, nan_ok=True)


def test_second_derivatives_of_log1mexp_have_their_digits_in_the_tails_too():
    for x in (-1e-100, -1e-5, -0.7, -30.0, -400.0, -700.0):
        node = Value(x)
        (first,) = autograd.gradients(node.log1mexp(), [node], create_graph=True)
        (second,) = autograd.gradients(first, [node])
        with mp.workdps(400):
            true = -mp.exp(mp.mpf(x)) / mp.expm1(mp.mpf(x)) ** 2
        assert units_off(second, true) < 30
