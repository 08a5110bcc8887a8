"""What the wrong rows of a report have in common: thirty faults, and none for what has no kind."""

from __future__ import annotations

import mistakes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import gradcheck


def named(fault):
    """The kinds that the report names."""
    report = gradcheck(fault.f, *fault.args, df=fault.df, **fault.options)
    assert not report
    return {kind.key for kind in report.mistakes}


@pytest.mark.parametrize("fault", mistakes.ODD, ids=lambda fault: fault.name)
def test_the_kind_of_a_mistake_is_named(fault):
    assert named(fault) == {fault.kind}


def test_four_of_five_are_named_of_those_that_no_rule_was_tuned_on():
    assert sum(named(fault) == {fault.kind} for fault in mistakes.EVEN) >= 0.8 * len(mistakes.EVEN)


SHAPES = [(2,), (3,), (4,), (2, 2), (3, 3), (2, 3), (4, 1), (2, 2, 2)]


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SHAPES), st.integers(0, 2**32), st.sampled_from([1e-4, 0.1, 1.0, 30.0]))
def test_random_errors_have_no_kind(shape, seed, size):
    rng = np.random.default_rng(seed)
    x, a, b = rng.uniform(0.5, 2.0, (3, *shape))
    off = size * rng.normal(size=(2, *shape))
    report = gradcheck(
        lambda x, a, b: np.sum(b * np.sin(x) * a**2), x, a, b, fixed=("b",),
        df=lambda x, a, b: (b * np.cos(x) * a**2 + off[0], 2 * a * b * np.sin(x) + off[1]),
    )  # fmt: skip
    assert not report
    assert report.mistakes == []


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 3))
def test_a_few_rows_that_are_off_by_chance_have_no_kind(seed, count):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.5, 2.0, (3, 3))
    off = np.zeros(9)
    off[rng.choice(9, count, replace=False)] = rng.normal(size=count)
    report = gradcheck(lambda x: np.sum(np.exp(x)), x, df=lambda x: np.exp(x) + off.reshape(3, 3))
    assert not report
    assert report.mistakes == []
