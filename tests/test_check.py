"""The gradient checker: it is right about right gradients, and proven able to say `wrong`."""

from __future__ import annotations

import math
import random
import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
from gradient_cases import (
    KINKS,
    MISTAKES,
    ends,
    faulty_sweep,
    ladder,
    random_graph,
    scaled,
    slope,
    smooth_cases,
    wrong_at_a_kink,
)

import autograd as ag
from autograd import (
    Value,
    assert_gradients,
    check_graph,
    grad,
    gradcheck,
    hessian,
    hvp,
    jacobian,
    jvp,
    mutation_score,
    record_lines,
    value_and_grad,
    vjp,
)  # fmt: skip
from autograd.checking import culprit
from autograd.checking.arguments import parameter_names
from autograd.checking.mutation import wrong_columns
from autograd.core import graph
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import RULES

SAMPLE = random.Random(3).sample(list(smooth_cases()), 120)


def verdict(f, x, claim):
    return gradcheck(f, x, df=lambda _: claim).rows[0].verdict


# ---- verdicts ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_right_gradients_are_ok():
    assert {verdict(f, x, slope(f, x)) for _, f, x in SAMPLE} <= {"ok", "noisy"}
    assert sum(verdict(f, x, slope(f, x)) == "noisy" for _, f, x in SAMPLE) <= 0.02 * len(SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("change", [1 + 5e-4, -1.0, 2.0, 0.0])
def test_wrong_gradients_are_wrong(change):
    cases = [(f, x, slope(f, x)) for name, f, x in SAMPLE if (name, x) != ("x exp(-x)", 1.0)]
    assert {verdict(f, x, change * s) for f, x, s in cases} == {"wrong"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("joint", "distances"),
    [(1.0, (0.3, 1e-11)), (0.0, (1e-10,)), (-0.37, (1e-6,)), (1e6, (1e-4,))],
)
def test_beside_a_kink_right_gradients_are_right_and_wrong_ones_wrong(joint, distances):
    for name, f, x, right, wrong in ladder(joint, distances):
        assert verdict(f, x, right) in ("ok", "noisy"), (name, x)
        assert {verdict(f, x, w) for w in wrong[::2]} <= {"wrong"}, (name, x)


@pytest.mark.slow
def test_beside_a_kink_few_right_gradients_are_noisy():
    found = [verdict(f, x, right) for _, f, x, right, _ in ladder(1.0, (0.1, 1e-8))]
    assert found.count("noisy") <= 0.02 * len(found)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_few_floats_from_the_end_of_a_domain_no_right_gradient_is_wrong_and_wrong_ones_are(dtype):
    found = []
    for name, f, x, right in ends(dtype, (1, 2, 5, 16)):
        for claim in (right, -right, 3.0 * right):

            def own(a, f=f):  # in doubles x**0.3 has another exponent
                return f(dtype(a[()]))

            row = gradcheck(own, np.array(x), df=lambda _, c=claim: c).rows[0]
            found.append((row.verdict, claim == right, name, float(x)))
    assert not [case for case in found if case[0] == "wrong" and case[1]]
    seen = [case[0] == "wrong" for case in found if not case[1]]
    assert sum(seen) >= 0.9 * len(seen) > 100


FLAT = {  # a function that saturates, its slope, and where few digits of it are left
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2, np.arange(15.0, 20.0, 0.5)),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: np.exp(-x), np.arange(33.0, 37.0, 0.5)),
    "erf": (math.erf, lambda x: 2 / math.sqrt(math.pi) * math.exp(-x * x), np.arange(5, 6.3, 0.1)),
    "1 + exp(-x)": (lambda x: 1 + np.exp(-x), lambda x: -np.exp(-x), np.arange(30.0, 37.0, 0.5)),
    "exp(x) - 1": (lambda x: np.exp(x) - 1, np.exp, np.arange(-36.75, -30.0, 0.5)),
}


@pytest.mark.parametrize("name", FLAT)
def test_where_a_function_saturates_no_right_gradient_is_wrong(name):
    f, slope_of, points = FLAT[name]
    assert {verdict(f, float(x), slope_of(float(x))) for x in points} <= {"ok", "noisy"}
    x = float(points[0])
    assert verdict(f, x, 10.0 * slope_of(x)) == "wrong"


@pytest.mark.parametrize(
    ("f", "slope_of"),
    [
        (lambda x: np.log(1 + x), lambda x: 1 / (1 + x)),
        (lambda x: np.exp(x) - 1, np.exp),
        (lambda x: np.sqrt(1 + x) - 1, lambda x: 0.5 / np.sqrt(1 + x)),
    ],
)
def test_beside_a_tiny_x_that_a_sum_swallows_the_slope_is_that_of_longer_steps(f, slope_of):
    for x in (1e-18, 1e-17, 1e-16, 2e-16, 1e-15, 1e-12, 1e-9):
        assert verdict(f, x, slope_of(x)) == "ok"
        assert verdict(f, x, 1.01 * slope_of(x)) == "wrong"
        assert verdict(f, x, 0.0) == "wrong"


@pytest.mark.slow
def test_a_millionth_is_seen():
    cases = [(f, x, slope(f, x)) for name, f, x in SAMPLE if (name, x) != ("x exp(-x)", 1.0)]
    seen = sum(verdict(f, x, s * (1 + 1e-6)) == "wrong" for f, x, s in cases)
    assert seen >= 0.99 * len(cases)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINKS)
def test_a_subgradient_at_a_kink_is_a_kink_and_anything_else_wrong(name):
    f, x, left, right = KINKS[name]
    for claim in (left, right, 0.5 * (left + right)):
        report = gradcheck(f, x, df=lambda _, claim=claim: claim)
        assert report
        assert report.rows[0].verdict == "kink"
    for claim in wrong_at_a_kink(left, right):
        assert verdict(f, x, claim) == "wrong"


def test_an_infinite_slope_is_ok_only_where_it_is_claimed():
    assert verdict(math.sqrt, 0.0, math.inf) == "ok"
    assert verdict(math.sqrt, 0.0, 0.0) == "wrong"
    assert verdict(math.cbrt, 0.0, math.inf) == "ok"


def test_what_rounding_hides_is_noisy_and_not_ok():
    report = gradcheck(lambda x: 1e16 + x, 1.0, df=lambda x: 1.0)
    assert report.rows[0].verdict == "noisy"
    assert not report
    assert report.rows[0].rounding > 0.0


def test_an_infinite_or_missing_gradient_is_wrong():
    for claim in (math.nan, math.inf, -math.inf):
        assert verdict(math.sin, 1.0, claim) == "wrong"


def test_12345_is_not_the_derivative_of_a_square():
    assert not gradcheck(lambda x: x**2, 3.0, df=lambda x: 12345.0)


def test_scaling_the_function_hides_nothing():
    for scale in (1e-12, 1e-6, 1.0, 1e6, 1e12):
        sine = scaled(ag.sin, scale)
        assert verdict(sine, 1.0, scale * math.cos(1.0)) == "ok"
        assert verdict(sine, 1.0, 5 * scale * math.cos(1.0)) == "wrong"


# ---- what is checked -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n in RULES])
def test_every_rule_of_the_table_passes(name):
    fact = FUNCTIONS[name]
    inputs = (0.3, 0.7, 0.2, 0.6)[: fact.arity or 4]
    if name in ("where", "round", "power_derivative"):
        return
    if name == "acosh":
        inputs = (1.3,)
    if name == "log1mexp":
        inputs = (-0.3,)
    if name in ("clip", "inside"):
        inputs = (0.3, -0.5, 0.6)
    if "whole" in fact.takes:
        assert gradcheck(lambda x: fact.call(x, 2.0), 0.3, order=2)
        return
    assert gradcheck(lambda *xs: fact.call(*xs), *inputs, order=2)


def test_nested_arguments_are_named_as_the_user_writes_them():
    def f(w, x):
        return w["a"] * x[0] + w["b"][1] * x[1][0]

    report = gradcheck(f, {"a": 2.0, "b": (1.0, 3.0)}, [1.0, [4.0]])
    assert report
    names = [row.input for row in report.rows]
    assert names == ["w['a']", "w['b'][0]", "w['b'][1]", "x[0]", "x[1][0]"]


def test_several_outputs_have_a_row_each():
    report = gradcheck(lambda x, y: [x * y, ag.sin(x)], 0.5, 2.0)
    assert report
    assert [(row.output, row.input) for row in report.rows] == [
        ("f[0]", "x"), ("f[1]", "x"), ("f[0]", "y"), ("f[1]", "y"),
    ]  # fmt: skip


def test_second_derivatives_are_checked_too():
    report = gradcheck(lambda x, y: ag.exp(x) * y**2, 1.0, 2.0, order=2)
    assert report
    assert len(report.rows) == 2 + 4


def test_a_wrong_second_derivative_is_wrong(monkeypatch):
    row = RULES["cos"]
    monkeypatch.setattr(row, "columns", (lambda g, out, x: g * ag.sin(x),))
    assert gradcheck(ag.sin, 0.7)
    report = gradcheck(ag.sin, 0.7, order=2)
    assert not report
    assert report.culprits[0].operation == "cos"


def test_numpy_functions_with_hand_written_gradients():
    x = np.linspace(-1.0, 2.0, 6).reshape(2, 3)
    assert gradcheck(lambda x: np.sum(np.sin(x)), x, df=np.cos)
    report = gradcheck(lambda x: np.sum(np.sin(x)), x, df=lambda x: np.cos(x) + (x > 1.9))
    assert [row.input for row in report.rows if row.verdict == "wrong"] == ["x[1, 2]"]


def test_a_jacobian_is_checked_row_by_row():
    x = np.array([0.5, 1.5])
    assert gradcheck(np.sin, x, df=lambda x: np.diag(np.cos(x)))
    matrix = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert gradcheck(lambda x: matrix @ x, x, df=lambda x: matrix)
    wrong = matrix + np.array([[0.0, 0.0], [0.0, 1e-6], [0.0, 0.0]])
    report = gradcheck(lambda x: matrix @ x, x, df=lambda x: wrong)
    assert [row.name for row in report.rows if row.verdict == "wrong"] == ["df[1]/dx[1]"]


def test_several_arrays_have_a_gradient_each():
    w, x = np.array([[1.0, 2.0]]), np.array([3.0, 4.0])

    def f(w, x):
        return float(np.sum(w @ x) ** 2)

    def df(w, x):
        s = 2.0 * np.sum(w @ x)
        return s * x.reshape(1, 2), s * w[0]

    assert gradcheck(f, w, x, df=df)


def test_single_precision_is_judged_by_its_own_rounding():
    x = np.arange(1.0, 4.0, dtype=np.float32)
    assert gradcheck(lambda x: np.sum(x**2), x, df=lambda x: 2 * x)
    assert not gradcheck(lambda x: np.sum(x**2), x, df=lambda x: 2.01 * x)


def test_directions_check_many_inputs_at_once():
    x = np.linspace(-3.0, 3.0, 400)
    assert gradcheck(lambda x: np.sum(x**3), x, df=lambda x: 3 * x**2, directions=2)
    wrong = gradcheck(
        lambda x: np.sum(x**3), x, df=lambda x: 3 * x**2 + 1e-3 * (x == 3), directions=2
    )
    assert len(wrong.rows) == 2
    assert not wrong


def test_arrays_enter_a_function_of_values_as_arrays_of_values():
    assert gradcheck(lambda x: np.sum(np.tanh(x) * x), np.array([0.5, -0.25]))


def test_a_no_grad_around_the_check_changes_nothing():
    with ag.no_grad():
        assert gradcheck(ag.sin, 1.0)


def test_an_input_that_is_ignored_is_ok_and_said_so():
    report = gradcheck(lambda x, y: x * x, 2.0, 3.0)
    assert report
    assert "y: the function does not depend on it" in str(report)
    assert not gradcheck(lambda x, y: x * x, 2.0, 3.0, df=lambda x, y: (2 * x, 1e-6))


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize("df", [None, lambda x: 0.0])
@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda x: None, TypeError, "returned None"),
        (lambda x: "seven", TypeError, "'seven'"),
        (lambda x: x > 1, TypeError, "bool"),
        (lambda x: 1j, TypeError, "1j"),
        (lambda x: x * math.nan, ValueError, "nan at the point"),
        (lambda x: x * math.inf, ValueError, "inf at the point"),
        (lambda x: [x][3], IndexError, "range"),
        (lambda x: 1 / 0, ZeroDivisionError, "zero"),
    ],
)
def test_what_cannot_be_checked_is_an_error(f, df, error, message):
    with pytest.raises(error, match=message):
        gradcheck(f, 2.0, df=df)


@pytest.mark.parametrize(
    ("df", "error", "message"),
    [
        (lambda x: None, TypeError, "df returned None"),
        (lambda x: "1", TypeError, "df returned '1'"),
        (lambda x: np.ones((3, 1)), ValueError, r"shape \(3, 1\) where \(3,\)"),
        (lambda x: np.ones(2), ValueError, r"shape \(2,\) where \(3,\)"),
        (lambda x: 1.0, ValueError, "1 numbers where 3 are due"),
        (lambda x: [1j] * 3, TypeError, "1j"),
    ],
)
def test_a_gradient_of_another_shape_is_an_error(df, error, message):
    with pytest.raises(error, match=message):
        gradcheck(lambda x: np.sum(x), np.ones(3), df=df)


def test_an_array_where_a_scalar_is_due_says_what_to_do():
    with pytest.raises(ValueError, match="element by element"):
        gradcheck(lambda x: np.sin(x), np.ones(3), df=lambda x: np.cos(x))


def test_a_function_that_is_not_deterministic_never_passes():
    rng = random.Random(0)
    for f, df in ((lambda x: x * rng.random(), None), (lambda x: x + rng.random(), lambda x: 1.0)):
        report = gradcheck(f, 2.0, df=df)
        assert not report
        assert "not deterministic" in str(report)


def test_a_gradient_that_is_not_deterministic_never_passes():
    rng = random.Random(0)
    report = gradcheck(lambda x: x * x, 2.0, df=lambda x: 4.0 + 1e-13 * rng.random())
    assert not report


def test_a_function_that_changes_its_argument_is_an_error():
    def f(x):
        x[0] = x[0] * 2.0
        return x[0] * x[1]

    for point, df in (([1.0, 2.0], None), (np.array([1.0, 2.0]), lambda x: x)):
        with pytest.raises(ValueError, match=r"changes its argument: x\[0\]"):
            gradcheck(f, point, df=df)


ERRORS = (AssertionError, RuntimeError, IndexError, KeyError, FloatingPointError, ValueError)


class OutsideError(Exception):
    """What a framework raises."""


@pytest.mark.parametrize(
    "error",
    [*ERRORS, OutsideError],
)
@pytest.mark.parametrize("x", [0.0, 1e-12, 1e-3])
def test_an_exception_outside_the_domain_is_no_value_there_and_ends_no_check(error, x):
    def f(t):
        if t < 0.0:
            raise error("outside")
        return math.sin(t)

    assert verdict(f, x, math.cos(x)) == "ok"
    assert verdict(f, x, 0.99 * math.cos(x)) == "wrong"


@pytest.mark.parametrize("beyond", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_function_that_is_no_number_on_one_side_has_the_slope_of_the_other(side, beyond):
    def f(t):
        return math.exp(t) if side * (t - 1.0) <= 0.0 else beyond

    assert verdict(f, 1.0, math.e) == "ok"
    assert verdict(f, 1.0, 1.001 * math.e) == "wrong"


def test_bounds_are_never_crossed_and_a_point_outside_them_is_an_error():
    asked = []

    def f(x, y):
        asked.append((x, y))
        return math.sin(x) * y

    def df(x, y):
        return math.cos(x) * y, math.sin(x)

    for at in ((0.0, 2.0), (1.0, 3.0), (0.5, 2.5), (1e-9, 2.0)):
        assert gradcheck(f, *at, df=df, bounds=((0.0, 2.0), (1.0, 3.0)))
        assert not gradcheck(f, *at, df=lambda x, y: (0.9, 1.0), bounds=((0.0, 2.0), (1.0, 3.0)))
    assert all(0.0 <= x <= 1.0 and 2.0 <= y <= 3.0 for x, y in asked)
    for bounds, message in (((2.0, 3.0), "x is 1.0, outside its bounds"), ((3.0, 2.0), "lower")):
        with pytest.raises(ValueError, match=message):
            gradcheck(ag.sin, 1.0, bounds=bounds)
    with pytest.raises(TypeError, match="a pair"):
        gradcheck(ag.sin, 1.0, bounds=3.0)


def test_a_pole_between_the_point_and_the_first_step_is_no_fault():
    for f, df in ((lambda x: 1.0 / (x - 1.0), lambda x: -1.0 / (x - 1.0) ** 2),
                  (math.tan, lambda x: 1.0 / math.cos(x) ** 2)):  # fmt: skip
        for x in (0.4, 0.9, 0.99, 1.01, 1.3, 1.5707, 1.58):
            assert verdict(f, x, df(x)) == "ok"
            assert verdict(f, x, 1.001 * df(x)) == "wrong"


def test_a_kink_in_one_coordinate_is_told_from_one_beside_the_other():
    def f(x, y):
        return abs(x - 1.0) + 2.0 * abs(y - 1.0)

    for d in (1e-9, 1e-4, -1e-4, -1e-9):
        slope = math.copysign(2.0, d)
        for claim, expected in ((slope, "ok"), (0.0, "wrong"), (-slope, "wrong")):
            report = gradcheck(f, 1.0, 1.0 + d, df=lambda x, y, claim=claim: (0.25, claim))
            assert [row.verdict for row in report.rows] == ["kink", expected]


def test_a_function_with_noise_of_its_own_is_judged_by_what_the_noise_lets_be_seen():
    def f(x):
        return math.sin(x) + 1e-7 * random.Random(x).uniform(-1.0, 1.0)

    for x in (0.3, 1.0, 2.0):
        assert verdict(f, x, math.cos(x)) in ("ok", "noisy")
        assert verdict(f, x, 1.1 * math.cos(x)) == "wrong"


def test_a_constant_has_the_gradient_0_and_no_other():
    for f in (lambda x: 3.25, lambda x: 0.0 * x + 3.25, lambda x: 0.0):
        assert verdict(f, 1.0, 0.0) == "ok"
        assert verdict(f, 1.0, 1e-6) == "wrong"


def test_the_arguments_given_are_left_alone():
    x, leaf = np.array([1.0, 2.0]), Value(3.0)
    gradcheck(lambda x: np.sum(x * x), x, df=lambda x: 2 * x)
    gradcheck(lambda v: v * v, leaf)
    assert x.tolist() == [1.0, 2.0]
    assert leaf.grad == 0.0


@pytest.mark.parametrize(
    ("args", "options", "error"),
    [
        ((None, 1.0), {}, TypeError),
        ((3.0, 1.0), {}, TypeError),
        ((ag.sin,), {}, TypeError),
        ((ag.sin, "1.0"), {}, TypeError),
        ((ag.sin, True), {}, TypeError),
        ((ag.sin, 1j), {}, TypeError),
        ((ag.sin, []), {}, ValueError),
        ((ag.sin, np.array(["a"])), {}, TypeError),
        ((ag.sin, 1.0), {"order": 3}, ValueError),
        ((ag.sin, 1.0), {"order": 2, "df": math.cos}, ValueError),
        ((ag.sin, 1.0), {"df": 3.0}, TypeError),
        ((ag.sin, 1.0), {"directions": 0}, ValueError),
        ((ag.log, -1.0), {}, ValueError),
    ],
)
def test_a_check_that_makes_no_sense_is_an_error(args, options, error):
    with pytest.raises(error):
        gradcheck(*args, **options)


def test_a_gradient_cut_off_is_wrong_and_the_report_says_where_to_look():
    report = gradcheck(lambda x: 2.0 * x.data + 0.0 * x, 3.0)
    assert not report
    assert ".data or detach()" in str(report)


# ---- the culprit ---------------------------------------------------------------------------------


def mutants(operations):
    for name in operations:
        row = RULES[name]
        for place in range(len(row.columns)):
            for factor in (-1.0, 2.0, 0.0, 1 + 1e-6):
                yield name, place, wrong_columns(row, place, factor)


def test_a_sound_graph_has_no_culprit():
    for seed in range(3):
        report = check_graph(random_graph(seed))
        assert report, report


def test_screening_seldom_needs_the_full_method(monkeypatch):
    searches = []
    full = culprit.Search
    monkeypatch.setattr(culprit, "Search", lambda *given: searches.append(1) or full(*given))
    edges = sum(check_graph(random_graph(seed)).edges for seed in range(3))
    assert len(searches) < 0.05 * edges


@pytest.mark.slow
def test_every_rule_fault_is_named_with_operation_and_argument(monkeypatch):
    root = random_graph(0, 200)  # as few nodes as have every operation
    found = planted = 0
    for name, place, columns in mutants(sorted({node.op for node in ag.nodes(root)} - {""})):
        with monkeypatch.context() as patch:
            patch.setattr(RULES[name], "columns", columns)
            findings = check_graph(root).findings
        planted += 1
        found += [(f.kind, f.operation, f.argument) for f in findings] == [("rule", name, place)]
    assert found == planted >= 110


def test_a_rule_that_forgets_the_arriving_gradient_is_told(monkeypatch):
    monkeypatch.setattr(RULES["tanh"], "columns", (lambda g, out, x: 1 - out * out,))
    (finding,) = check_graph(ag.tanh(Value(0.5)) * 3.0).findings
    assert finding.operation == "tanh"
    assert "does not multiply by the gradient that arrives" in str(finding)


def test_a_rule_that_raises_is_the_culprit(monkeypatch):
    def broken(g, out, x):
        raise KeyError("typo")

    root = ag.tanh(Value(0.5))
    monkeypatch.setattr(RULES["tanh"], "columns", (broken,))
    with pytest.raises(KeyError):
        check_graph(root)


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_fault_of_the_walk_is_named(mistake, monkeypatch):
    effects = 0
    for seed in range(20):
        root = random_graph(seed, 80)
        right = {node: g for node, g, _ in graph.sweep(root)}
        with monkeypatch.context() as patch:
            patch.setattr(graph, "sweep", faulty_sweep(mistake))
            got = {node: g for node, g, _ in graph.sweep(root)}
            kinds = [finding.kind for finding in check_graph(root).findings]
        harm = any(not math.isclose(got.get(n, 0.0), g, rel_tol=1e-9) for n, g in right.items())
        effects += harm
        assert kinds == [mistake] * harm
    assert effects >= 10


def test_inputs_kept_in_a_set_are_missed():
    x = Value(3.0, label="x")
    square = x * x
    square._inputs = (x,)
    (finding,) = check_graph(square + 1.0).findings
    assert finding.kind == "inputs"
    assert finding.node is square


def test_a_leaf_changed_behind_the_graphs_back_is_named():
    for seed in range(10):
        root = random_graph(seed, 80)
        leaf = next(n for n in ag.nodes(root) if n.label == f"x{seed % 8}")
        leaf._data += 0.25
        (finding,) = (f for f in check_graph(root).findings if f.kind == "value")
        assert f"x{seed % 8} = " in str(finding)
        assert "changed after" in str(finding)


def test_a_node_changed_after_recording_is_named():
    for seed in range(10):
        root = random_graph(seed, 80)
        node = random.Random(seed).choice([n for n in ag.nodes(root)[5:] if n.op])
        node._data *= 1.5
        finding = next(f for f in check_graph(root).findings if f.kind == "value")
        assert finding.node is node


def test_a_rebound_leaf_is_named():
    x = Value(2.0, label="x")
    y = x * x
    x.data = 3.0
    (finding,) = check_graph(y).findings
    assert finding.kind == "value"
    assert "x = 3.0" in str(finding)


def test_seeded_faults_are_seen_and_sound_kinks_are_no_fault():
    x = Value(0.0, label="x")
    report = check_graph(ag.relu(x) + abs(x) * 2.0 + ag.exp(x), mutate=True)
    assert report
    assert len(report.kinks) == 2
    assert report.seeded > 0
    assert not report.missed
    assert "seeded faults seen" in str(report)


def test_a_blind_checker_is_told_by_its_seeded_faults(monkeypatch):
    monkeypatch.setattr("autograd.checking.culprit.Line.contradiction", lambda _: None)
    report = check_graph(ag.exp(Value(0.5)), mutate=True)
    assert not report
    assert report.missed


def test_the_users_line_is_named(monkeypatch):
    monkeypatch.setattr(RULES["mul"], "columns", wrong_columns(RULES["mul"], 1, 1.001))
    report = gradcheck(lambda a, b: ag.sin(a * b), 0.5, 0.25)  # this line
    assert not report
    (finding,) = report.culprits
    assert (finding.operation, finding.argument) == ("mul", 1)
    assert "b = 0.25" in str(finding)
    assert "# this line" in finding.line
    assert "test_check.py" in str(report)


def test_a_registered_operation_with_a_wrong_column_is_the_culprit():
    bad = ag.register("bad_cube", lambda x: x * x * x, lambda g, out, x: 2 * g * x * x)
    report = gradcheck(lambda x: bad(x) + 1.0, 1.5)
    assert not report
    assert report.culprits[0].operation == "bad_cube"


def test_check_graph_keeps_lines_where_they_are_recorded(monkeypatch):
    with record_lines():
        y = ag.exp(Value(0.5))
    monkeypatch.setattr(RULES["exp"], "columns", (lambda g, out, x: 2 * g * out,))
    assert "y = ag.exp(Value(0.5))" in str(check_graph(y))


# ---- the report ----------------------------------------------------------------------------------


def test_the_table_fits_80_columns():
    def f(parameters):
        return ag.sum([x * x for x in parameters["a long name of a layer"]["weights"]])

    report = gradcheck(f, {"a long name of a layer": {"weights": [-1.2345678, 123456.789]}})
    assert report
    assert max(map(len, str(report).splitlines())) <= 80


def test_a_row_has_the_promised_fields():
    row = gradcheck(ag.sin, 1.0).rows[0]
    assert row.analytic == pytest.approx(math.cos(1.0))
    assert abs(row.numeric - math.cos(1.0)) <= row.error_bar
    assert row.verdict == "ok"
    assert row.record()["rounding"] > 0.0


def test_rounding_explains_what_it_does():
    report = gradcheck(lambda x: (x + 1e8) - 1e8, 1.0 / 3.0)
    (row,) = report.rows
    assert row.verdict in ("ok", "noisy")
    assert row.rounding > 1e-10


def test_assert_gradients_shows_the_table():
    def square(x):
        return x * x

    with pytest.raises(AssertionError, match=r"(?s)gradient of square.*wrong"):
        assert_gradients(square, 3.0, df=lambda x: x)
    assert assert_gradients(ag.sin, 1.0)


def test_numpy_is_not_imported_without_an_array():
    code = (
        "import sys, autograd; assert autograd.gradcheck(autograd.sin, 1.0); "
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---- teaching the teacher ------------------------------------------------------------------------


@pytest.mark.slow
def test_a_good_test_kills_every_mutant():
    score = mutation_score(lambda: gradcheck(lambda x, y: ag.sin(x) * y / 3.0, 0.5, 0.75))
    assert score
    assert score.score == 1.0
    assert {mutant.operation for mutant in score.mutants} == {"sin", "mul", "div"}


def test_a_weak_test_leaves_survivors():
    def weak():
        x = Value(0.5)
        ag.sin(x).backward()
        assert x.grad > 0

    score = mutation_score(weak)
    assert not score
    assert "doubled" in {mutant.change for mutant in score.survivors}
    assert "survived: sin, argument 1: doubled" in str(score)


def test_the_table_is_as_it_was_after_a_mutation_score():
    before = {name: row.columns for name, row in RULES.items()}
    mutation_score(lambda: gradcheck(ag.tanh, 0.5))
    assert {name: row.columns for name, row in RULES.items()} == before


def test_an_operation_never_asked_for_survives():
    score = mutation_score(lambda: gradcheck(ag.tanh, 0.5), operations=["cos"])
    assert len(score.survivors) == len(score.mutants)
    assert "never asks" in str(score)


def test_a_mutation_score_needs_a_test_that_passes():
    with pytest.raises(ValueError, match="fails before"):
        mutation_score(lambda: False)
    with pytest.raises(ValueError, match="no derivative"):
        mutation_score(lambda: None)
    with pytest.raises(LookupError):
        mutation_score(lambda: gradcheck(ag.tanh, 0.5), operations=["no such"])
    with pytest.raises(TypeError):
        mutation_score(3)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_second_derivative_at_a_kink_is_wrong_and_the_report_names_the_operation() -> None:
    report = gradcheck(lambda x: ag.maximum(x, -x) ** 2, 0.0, order=2)
    assert not report
    assert "maximum(x = 0.0" in str(report)
    assert "is exactly at its kink" in str(report)
    assert "is there .data" not in str(report)


def test_second_derivatives_of_smooth_functions_of_a_length_that_is_0_are_right() -> None:
    for f, at in (
        (lambda x: abs(x) ** 2, 0.0),
        (lambda x: ag.hypot(x[0], x[1]) ** 2, [0.0, 0.0]),
        (lambda x: ag.norm(x) ** 2, np.zeros(2)),
    ):
        assert gradcheck(f, at, order=2)


@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian, jvp, vjp, hvp])
def test_a_transform_keeps_the_names_of_the_arguments(transform):
    def area(width, height):
        return width * width * height

    assert parameter_names(transform(area), 2) == ["width", "height"]
    assert parameter_names(grad(transform(area)), 3) == ["width", "height", "argument 3"]


def test_the_rows_of_a_gradient_of_a_gradient_have_the_users_names():
    report = gradcheck(grad(lambda width, height: width**2 * height), 3.0, 2.0)
    assert [line.split()[0] for line in str(report).splitlines()[1:]] == ["width", "height"]


# ---- waves, poles, counts, and points alone ------------------------------------------------------

WAVES = {  # a function of x and of a frequency, and its slope
    "sin": (lambda x, w: math.sin(w * x), lambda x, w: w * mp.cos(w * x)),
    "a parabola": (lambda x, w: math.cos(w * x) + x * x, lambda x, w: 2 * x - w * mp.sin(w * x)),
    "exp": (lambda x, w: math.exp(math.sin(w * x)),
            lambda x, w: w * mp.cos(w * x) * mp.exp(mp.sin(w * x))),
    "growing": (lambda x, w: 10 + math.sin(w * x) * x,
                lambda x, w: w * mp.cos(w * x) * x + mp.sin(w * x)),
    "a small one": (lambda x, w: math.sin(w * x) / w + x, lambda x, w: mp.cos(w * x) + 1),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", WAVES)
def test_fast_waves_are_judged_by_the_digits_of_their_phase(name):
    f, slope_of = WAVES[name]
    rng, found = random.Random(name), []
    points = [(1e9, x) for x in (0.3, 1.7, -2.3, 0.5833820394550312)]
    points += [(10.0**e, x) for e in range(1, 12) for x in (0.3, 1.0, -2.3)]
    phases = ((10 ** rng.uniform(0, 11), 10 ** rng.uniform(-3, 3)) for _ in range(60))
    points += [(phase / x, rng.choice([x, -x])) for phase, x in phases]
    for w, x in points:
        per_float = w * math.ulp(x) / math.ulp(w * x)
        if 0.0 < abs(per_float - round(per_float)) < 1e-5:
            continue  # the phase slips once in 100,000 floats: another wave as far as one can see
        with mp.workdps(60):
            right = float(slope_of(mp.mpf(x), mp.mpf(w)))
        found.append((verdict(lambda t, w=w: f(t, w), x, right), w, x))
        if abs(right) > 1e-3 * (1.0 if name == "a small one" else w * min(abs(x), 1.0)):
            off = verdict(lambda t, w=w: f(t, w), x, 1.001 * right)
            assert off in ("wrong", "noisy"), (w, x)
    assert not [case for case in found if case[0] not in ("ok", "noisy")]
    assert sum(case[0] == "ok" for case in found) > 0.6 * len(found)


@pytest.mark.parametrize("distance", [10.0**-e for e in range(1, 14)])
@pytest.mark.parametrize(
    ("f", "slope_of", "pole"),
    [
        (lambda x: 1 / x, lambda x: -1 / x**2, 0.0),
        (lambda x: 1 / (x - 1), lambda x: -1 / (x - 1) ** 2, 1.0),
        (math.tan, lambda x: 1 + mp.tan(x) ** 2, math.pi / 2),
        (lambda x: math.log(abs(x)), lambda x: 1 / x, 0.0),
        (lambda x: math.log(abs(x - 1)), lambda x: 1 / (x - 1), 1.0),
    ],
)
def test_beside_a_pole_no_right_gradient_is_wrong_and_no_wrong_one_passes(
    f, slope_of, pole, distance
):
    for x in (pole + distance, pole - distance, pole + 1.7 * distance):
        with mp.workdps(60):
            right = float(slope_of(mp.mpf(x)))
        assert verdict(f, x, right) in ("ok", "noisy")
        assert verdict(f, x, 1.001 * right) in ("wrong", "noisy")


@pytest.mark.parametrize("x", [0.3, 1.7, -0.5, 3.999, 1000.3, 12345.678])
@pytest.mark.parametrize("unit", [1.0, 10.0, 1e6, 1e9])
@pytest.mark.parametrize("count", [math.floor, math.ceil, round, lambda t: round(math.sin(t))])
def test_a_count_has_the_slope_0_between_its_stairs(count, unit, x):
    assert verdict(lambda t: float(count(unit * t)), x, 0.0) != "wrong"
    assert verdict(lambda t: float(count(unit * t)), x, 1e-3) != "ok"


@pytest.mark.parametrize(
    ("f", "slope_of"),
    [
        (lambda x: x * x, lambda x: 2 * x),
        (lambda x: 1e16 * math.sin(x), lambda x: 1e16 * math.cos(x)),
        (lambda x: 2.0**53 + 1e10 * math.sin(x), lambda x: 1e10 * math.cos(x)),
        (lambda x: 2.0**54 + 8 * x, lambda x: 8.0),
    ],
)
def test_large_values_that_are_whole_are_no_counts(f, slope_of):
    for x in (0.3, 1.0, 3.0, -4.0, 1e3):
        assert verdict(f, x, slope_of(x)) in ("ok", "noisy")
        assert verdict(f, x, 1.001 * slope_of(x)) != "ok"


@pytest.mark.parametrize("exponent", [-3.0, 0.0, 1.0, 2.0, 3.0, 11.0])
@pytest.mark.parametrize("base", [-1e8, -7.0, -2.0, -1.0, -0.3, -1e-8])
def test_a_power_of_a_negative_number_has_no_slope_by_its_exponent_and_is_no_fault(base, exponent):
    for kind in (Value, lambda x: ag.Tensor([x, 2.0])):
        report = check_graph(kind(base) ** kind(exponent), mutate=True)
        assert report, report
        assert not report.missed
    row = gradcheck(lambda p: Value(base) ** p, exponent).rows[0]
    assert (row.verdict, math.isnan(row.analytic)) == ("noisy", True)
    assert gradcheck(lambda x: x**exponent, base)
