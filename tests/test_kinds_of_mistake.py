"""What the wrong rows of a report have in common: thirty faults, and none for what has no kind."""

from __future__ import annotations

import json
import sys

import mistakes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd import assert_gradients, gradcheck
from autograd.core.rules import RULES


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


def test_rows_that_one_kind_does_not_explain_have_none():
    x = np.array([[0.3, 1.1], [2.0, 0.7]])
    twice_but_one = np.array([[2.0, 2.0], [2.0, 2.1]])
    report = gradcheck(lambda x: np.sum(np.exp(x)), x, df=lambda x: np.exp(x) * twice_but_one)
    assert report.mistakes == []
    both = gradcheck(
        lambda x, y: np.sum(np.exp(x) * y), x, x.T,
        df=lambda x, y: (-np.exp(x) * y, np.exp(x) + x**3 / 7.0),
    )  # fmt: skip
    assert both.mistakes == []


def test_each_argument_may_have_its_own_kind():
    x, y = np.array([0.3, 1.1, 0.8]), np.array([2.0, 0.7, 1.9])
    report = gradcheck(
        lambda x, y: np.sum(np.exp(x) * y), x, y,
        df=lambda x, y: (-np.exp(x) * y, np.exp(x)[::-1]),
    )  # fmt: skip
    assert [kind.text for kind in report.mistakes] == [
        "the gradient by x has the wrong sign",
        "the gradient by y is reversed",
    ]


def test_the_kind_is_told_wherever_a_report_is_shown():
    told = "the gradient by x is too small by the factor 2"
    x = np.linspace(0.5, 2.0, 7)
    report = gradcheck(lambda x: np.sum(x * x), x, df=lambda x: x)
    assert told in str(report)
    assert told in report._repr_html_()
    assert report.failure().startswith(f"in common: {told}")
    assert json.loads(json.dumps(report.to_dict()))["mistakes"] == [{"key": "factor", "text": told}]
    with pytest.raises(AssertionError, match=told):
        assert_gradients(lambda x: np.sum(x * x), x, df=lambda x: x)


def test_a_right_gradient_has_no_kind():
    report = gradcheck(lambda x: np.sum(x * x), np.ones(3), df=lambda x: 2 * x)
    assert report
    assert report.mistakes == report.to_dict()["mistakes"] == []


@pytest.mark.parametrize("point", [[0.3, 0.8], (0.3, 0.8), {"a": 0.3, "b": np.array([0.8])}])
def test_a_kind_is_found_in_every_container(point):
    def squares(x):
        return sum(np.sum(np.square(t)) for t in (x.values() if isinstance(x, dict) else x))

    def half(x):
        return dict(x) if isinstance(x, dict) else list(x)

    report = gradcheck(squares, point, df=half)
    assert [kind.key for kind in report.mistakes] == ["factor"]


@pytest.mark.parametrize(("f", "point"), [
    (lambda x: 3.0 * ag.exp(-x * x), 0.7),
    (lambda x: ag.sum(3.0 * ag.exp(-x * x)), np.array([0.7, 1.2, 0.3])),
])  # fmt: skip
def test_of_a_recorded_function_a_missing_factor_may_be_a_node(f, point):
    assert gradcheck(f, point)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RULES["exp"], "columns", (lambda g, out, x: g,))
        report = gradcheck(f, point)
    (kind,) = report.mistakes
    assert kind.key == "chain"
    assert kind.text.startswith("the gradient by x lacks the factor exp(")


def test_a_transposed_jacobian_is_told():
    a = np.array([[1.0, 2.0, -0.5], [3.0, 4.0, 0.2], [0.3, 5.0, 6.0]])
    report = gradcheck(lambda x: a @ np.sin(x), np.array([0.1, 0.7, 2.0]),
                       df=lambda x: (a * np.cos(x)).T)  # fmt: skip
    assert [kind.text for kind in report.mistakes] == [
        "the gradient by x is the transpose of the Jacobian"
    ]


# ---- the picture ---------------------------------------------------------------------------------


def slope_of(line, start, stop):
    """The slope of a curve between two steps, on logarithmic axes."""
    inside = [(h, e) for h, e in line.get_xydata() if start <= h <= stop]
    return np.polyfit(*np.log(np.array(inside)).T, 1)[0]


def test_a_picture_has_the_slopes_of_rounding_and_truncation():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    point, off = np.array([0.5, 1.0, 2.0]), np.array([1.0, 1.0, 1.1])
    report = gradcheck(
        lambda x: np.sum(np.exp(np.sin(x))), point,
        df=lambda x: off * np.exp(np.sin(x)) * np.cos(x),
    )  # fmt: skip
    ax = report.plot()
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert next(iter(lines)) == "x[2]: wrong", "the worst comes first"
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert abs(slope_of(lines["x[2]: wrong"], 1e-10, 1e-3)) < 0.05
    for name in ("x[0]: ok", "x[1]: ok"):
        assert slope_of(lines[name], 1e-3, 0.2) == pytest.approx(2.0, abs=0.1)
        assert slope_of(lines[name], 1e-14, 1e-8) == pytest.approx(-1.0, abs=0.4)
    assert slope_of(lines["rounding: slope \N{MINUS SIGN}1"], 0, 1e9) == pytest.approx(-1.0)
    assert slope_of(lines["truncation: slope 2"], 0, 1e9) == pytest.approx(2.0)
    assert report.plot(ax) is ax
    pyplot.close(ax.figure)


def test_a_picture_needs_matplotlib_and_steps(monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    operator = ag.adjoint_check(np.array([[1.0, 2.0]]))
    with pytest.raises(ValueError, match="no row was measured at steps"):
        operator.plot()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"report\.plot needs matplotlib: python -m pip install"):
        operator.plot()
