"""Checks of Tensors: every fault in a row of arrays is named, and nothing sound is accused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from test_rules import variables
from test_tensor_rules import CASES, array

import autograd
from autograd import (
    Tensor,
    Value,
    assert_gradients,
    check_graph,
    gradcheck,
    gradients,
    mutation_score,
    nodes,
    record_lines,
    stack_values,
)
from autograd.arrays import operations, rules
from autograd.arrays.node import ArrayNode
from autograd.arrays.partial import bare
from autograd.checking import strategies
from autograd.core.graph import hand_back
from autograd.core.rules import RULES, TABLE

pytestmark = pytest.mark.slow

CASES = {**CASES, "flip": (lambda x: operations.flip(x, axis=1), [array(3, 4)])}
every_case = pytest.mark.parametrize("case", CASES)
every_row = pytest.mark.parametrize("name", TABLE)


def graph_of(case: str) -> Any:
    function, arrays = CASES[case]
    return function(*[Tensor(a, label="xyzw"[i]) for i, a in enumerate(arrays)])


def network(dtype: Any = float) -> tuple[Any, list[Tensor]]:
    """A step of an MLP in which there is a bit of everything."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(9, 4)).astype(dtype)
    w = Tensor(rng.normal(size=(4, 5)).astype(dtype), label="w")
    b = Tensor(np.zeros(5, dtype), label="b")
    v = Tensor(rng.normal(size=(5, 3)).astype(dtype), label="v")
    scores = (x @ w + b).tanh() @ v
    loss = -scores.log_softmax(1)[np.arange(9), np.arange(9) % 3].mean() + (w * w).mean()
    return loss, [w, b, v]


# ---- sound graphs --------------------------------------------------------------------------------


@every_case
def test_a_sound_graph_has_no_fault_and_every_planted_one_is_seen(case: str) -> None:
    report = check_graph(graph_of(case), mutate=True)
    assert report, report
    assert report.edges > 0


def test_a_network_is_sound_in_either_precision() -> None:
    for dtype in (np.float64, np.float32):
        report = check_graph(network(dtype)[0])
        assert report, report


@every_row
def test_no_row_that_numbers_share_is_accused_on_arrays(name: str) -> None:
    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(st.lists(strategies.arguments(name, largest=1e3), min_size=1, max_size=6))
    def judge(points: list[tuple[float, ...]]) -> None:
        if name == "power_derivative":  # from the third derivative on, that at 0 is infinite
            assume(all(point[0] > 1e-300 for point in points))
        if name in ("power_derivative", "round"):  # the order, the digits
            points = [(*p[:-1], points[0][-1]) for p in points]
        if name == "power_derivative":
            points = [(x, y, 1.0, 1.0) for x, y, _, _ in points]
        wrt = variables(name, points[0])
        columns = [[p[i] for p in points] for i in range(len(points[0]))]
        xs = [Tensor(c) if i in wrt else np.array(c) if name == "where" else c[0]
              for i, c in enumerate(columns)]  # fmt: skip
        if wrt:
            report = check_graph(RULES[name].compute(*xs))
            assert report, report

    judge()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.relu(), lambda x: abs(x), lambda x: x.max(axis=1), lambda x: x.min(),
        lambda x: autograd.maximum(x, 0.0), lambda x: autograd.clip(x, 0.0, 1.0),
        lambda x: x.norm(axis=1), lambda x: x.std(axis=1),
        lambda x: autograd.max_pool2d(x.reshape(1, 1, 4, 6), 2),
    ],
)  # fmt: skip
def test_kinks_are_told_and_are_no_faults(function: Callable[..., Any]) -> None:
    x = Tensor(np.array([[0, 0, 1, 1, 0, -1], [0, 0, 0, 0, 0, 0], [2, 2, 2, 2, 2, 2],
                         [1, -1, 0, 0, 0, 1]], float))  # fmt: skip
    report = check_graph(function(x).relu().sum())
    assert report, report
    assert report.kinks


def test_kinks_that_nobody_told_of_are_found_out() -> None:
    bend = autograd.register(
        "bend", lambda x: np.where(x > 0, 3.0 * x, x), lambda g, out, x: g * (1.0 + 2.0 * (x > 0))
    )
    assert check_graph(bend(Tensor([0.0, 0.0, 0.0, 1.0, -1.0])).sum()).kinks
    assert check_graph(bend(Tensor(np.zeros((30, 30)))).sum())


def test_values_that_are_not_finite_are_no_faults() -> None:
    x = Tensor([0.0, -1.0, 4.0, np.inf, np.nan], label="x")
    with np.errstate(all="ignore"):
        for y in (x.log(), x.sqrt(), 1.0 / x, x.softmax(0), x * x):
            assert check_graph(y)


def test_a_graph_of_values_and_tensors_is_checked_throughout() -> None:
    a, b = Value(0.5, label="a"), Value(-1.5, label="b")
    t = stack_values([a * b, a, b]).tanh()
    root = t.values()[0] * t.values()[2] + a
    report = check_graph(root, mutate=True)
    assert report, report
    assert report.edges >= 9


def test_a_large_array_is_checked_along_directions_and_not_element_by_element() -> None:
    x = Tensor(np.random.default_rng(0).normal(size=(300, 400)))
    calls = []
    tanh = autograd.register(
        "slow_tanh", lambda x: calls.append(1) or np.tanh(x), lambda g, out, x: g * (1 - out * out)
    )
    assert check_graph(tanh(x).sum())
    assert len(calls) < 60


# ---- faults --------------------------------------------------------------------------------------


def swapped(a: Any) -> Any:
    return np.swapaxes(a, -1, -2).reshape(a.shape) if a.ndim > 1 else a[::-1] if a.ndim else a


def without_last(a: Any) -> Any:
    kept = a.copy()
    kept.ravel()[-1:] = 0.0
    return kept


FAULTS: dict[str, Callable[[Any], Any]] = {
    "transposed": swapped,
    "a scale is missing": lambda a: a * a.size,
    "half": lambda a: a / 2,
    "the sign": lambda a: -a,
    "along another axis": lambda a: np.roll(a.ravel(), 1).reshape(a.shape),
    "spread evenly": lambda a: np.full(a.shape, a.mean()) if a.size else a,
    "one element forgotten": without_last,
    "a millionth": lambda a: a * (1 + 1e-6),
    "g forgotten": lambda a: np.where(a == 0, 0.0, 0.37),
}


def faulty(name: str, fault: Callable[[Any], Any]) -> tuple[Any, ...]:
    """The columns of a row, with the fault in what they answer."""

    def one(share: Any) -> Any:
        changed = fault(np.asarray(share, float))
        return float(changed) if isinstance(share, float) else changed

    def wrong(column: Any) -> Any:
        def ask(g: Any, out: Any, *xs: Any, **settled: Any) -> Any:
            share = column(g, out, *xs, **settled)
            if share is None:
                return None
            return [one(s) for s in share] if isinstance(share, list) else one(share)

        return ask

    return tuple(wrong(column) for column in rules.TABLE[name])


def differs(root: Any, name: str) -> Callable[[], bool]:
    """Whether what the operations of that name hand back is not what it is now."""
    found = [n for n in nodes(root) if n.op == name and n._rule.of_arrays]
    gs = [np.cos(np.arange(np.size(n._data)) + 0.3).reshape(np.shape(n._data)) for n in found]
    gs = [g if n.broadcasts else float(g) for n, g in zip(found, gs, strict=True)]
    right = [hand_back(n, g) for n, g in zip(found, gs, strict=True)]

    def changed() -> bool:
        for n, g, shares in zip(found, gs, right, strict=True):
            for a, b in zip(hand_back(n, g), shares, strict=True):
                if b is not None and not np.allclose(a, b, rtol=1e-9, atol=1e-12):
                    return True
        return False

    return changed


@every_case
def test_every_fault_in_a_row_of_arrays_is_named(case: str, monkeypatch: Any) -> None:
    root = graph_of(case)
    names = {n.op for n in nodes(root) if n._rule and n._rule.of_arrays}
    chosen = list(FAULTS)[hash_of(case) % 3 :: 3]
    for name in names:
        changed = differs(root, name)
        for kind in chosen:
            with monkeypatch.context() as patch:
                patch.setattr(rules.ROWS[name], "columns", faulty(name, FAULTS[kind]))
                report = check_graph(root)
                named = {finding.operation for finding in report.findings}
                assert named == ({name} if changed() else set()), (name, kind, report)


def hash_of(text: str) -> int:
    return sum(map(ord, text))


def test_all_kinds_of_fault_are_planted_in_every_row() -> None:
    """The test above tries a third of the faults in each case; no row and no kind is left out."""
    planted = {
        (n.op, kind)
        for case in CASES
        for n in nodes(graph_of(case))
        if n._rule and n._rule.of_arrays
        for kind in list(FAULTS)[hash_of(case) % 3 :: 3]
    }
    assert {kind for _, kind in planted} == set(FAULTS)
    assert {op for op, _ in planted} >= set(rules.TABLE) - {"ties", "scatter", "fold"}


def test_a_fault_names_the_operation_the_argument_the_element_and_the_line(
    monkeypatch: Any,
) -> None:
    x, w = Tensor(array(4, 3), label="x"), Tensor(array(3, 2), label="w")
    with record_lines():
        root = (x @ w).tanh().sum()  # this line
    right = rules.TABLE["matmul"]

    def wrong(g: Any, out: Any, x: Any, y: Any) -> Any:
        share = right[1](g, out, x, y).copy()
        share[2, 1] *= 3.0
        return share

    monkeypatch.setattr(rules.ROWS["matmul"], "columns", (right[0], wrong))
    (finding,) = check_graph(root).findings
    assert (finding.operation, finding.argument, finding.index) == ("matmul", 1, (2, 1))
    assert finding.claimed == pytest.approx(3 * x.data[:, 2].sum())
    assert finding.measured == pytest.approx(x.data[:, 2].sum())
    text = str(finding)
    assert "matmul(x = (4, 3) array, w = (3, 2) array)" in text
    assert "argument 2 of 2 (w)" in text
    assert "handed a gradient of ones, its rule says" in text
    assert " at [2, 1], measured " in text
    assert "# this line" in text


def test_the_element_is_found_in_a_large_array_too(monkeypatch: Any) -> None:
    x = Tensor(np.random.default_rng(0).normal(size=(70, 80)), label="x")
    root = x.cumsum(1)
    right = rules.TABLE["cumsum"][0]

    def wrong(g: Any, out: Any, x: Any, axis: int) -> Any:
        share = right(g, out, x, axis).copy()
        share[41, 7] += 1e-3
        return share

    monkeypatch.setattr(rules.ROWS["cumsum"], "columns", (wrong,))
    (finding,) = check_graph(root).findings
    assert finding.index == (41, 7)


def test_a_row_that_forgets_what_arrives_is_told(monkeypatch: Any) -> None:
    monkeypatch.setattr(
        rules.ROWS["sum"], "columns", (lambda g, out, x, axes, keepdims: np.ones(x.shape),)
    )
    (finding,) = check_graph(Tensor(array(3, 4)).sum(axis=1) * 2.0).findings
    assert "does not multiply by the gradient that arrives" in str(finding)


def test_a_broadcast_that_is_not_undone_is_told(monkeypatch: Any) -> None:
    monkeypatch.setattr(ArrayNode, "fit", lambda self, g: g)
    b = Tensor(np.ones(3), label="b")
    report = check_graph(array(4, 3) + b)
    assert any("is a broadcast not undone?" in str(finding) for finding in report.findings)


def test_a_wrong_precision_is_told(monkeypatch: Any) -> None:
    monkeypatch.setattr(
        ArrayNode, "fit", lambda self, g: g.astype(np.float64) * np.ones(self._data.shape)
    )
    report = check_graph(Tensor(np.ones(3, np.float32)) * np.ones(3))
    assert "it is of float64, and the input of float32" in str(report)


@pytest.mark.parametrize("name", ["tanh", "exp", "mul", "div", "relu", "sigmoid"])
def test_a_fault_in_a_row_that_numbers_share_is_named_on_tensors(
    name: str, monkeypatch: Any
) -> None:
    x, y = Tensor(array(3, 4), label="x"), Tensor(array(4), label="y")
    root = ((x * y) / (y + 5.0)).tanh().exp().sigmoid().relu().sum()
    right = RULES[name].columns
    wrong = (lambda g, out, *xs: right[0](g, out, *xs) * 1.00001, *right[1:])
    monkeypatch.setattr(RULES[name], "columns", wrong)
    (finding,) = check_graph(root).findings
    assert (finding.operation, finding.argument) == (name, 0)


def test_an_array_changed_in_place_behind_the_graphs_back_is_named() -> None:
    w = Tensor(array(3, 2), label="w")
    root = (array(4, 3) @ w).sum() + (w * w).sum()
    w.data[1, 1] += 0.5
    report = check_graph(root)
    assert report.findings[0].kind == "value"
    assert report.findings[0].node is w
    assert "its value changed after" in str(report)


def test_a_rebound_tensor_is_named() -> None:
    w = Tensor(array(3), label="w")
    root = (w * w).sum()
    w.data = np.zeros(3)
    assert "w = (3,)" in str(check_graph(root)) or "the input w" in str(check_graph(root))
    assert not check_graph(root)


def test_a_walk_that_overwrites_is_named_with_the_element(monkeypatch: Any) -> None:
    from autograd.core import graph

    right = graph.sweep
    monkeypatch.setattr(
        graph, "sweep", lambda *a, **k: right(*a, **{**k, "gather": lambda held, share: share})
    )
    x = Tensor(array(3), label="x")
    root = (x * 2.0 + x.tanh()).sum()
    finding = check_graph(root).findings[0]
    assert finding.kind == "overwritten"
    assert finding.node is x
    assert "its gradient is" in str(finding)
    assert " at [" in str(finding)


# ---- gradcheck -----------------------------------------------------------------------------------


@every_case
def test_gradcheck_takes_functions_of_arrays(case: str) -> None:
    function, arrays = CASES[case]
    report = gradcheck(function, *arrays, directions=2)
    assert report, report


def test_each_element_has_a_row_under_its_own_name() -> None:
    x = array(4, 3)
    report = gradcheck(lambda w, b: (x @ w + b).tanh().sum(), array(3, 2), np.zeros(2))
    assert report
    assert [row.name for row in report.rows] == [
        "w[0, 0]", "w[0, 1]", "w[1, 0]", "w[1, 1]", "w[2, 0]", "w[2, 1]", "b[0]", "b[1]",
    ]  # fmt: skip


def test_an_array_that_is_returned_has_rows_for_each_element() -> None:
    report = gradcheck(lambda w: w @ w, Tensor(array(2, 2)))
    assert report
    assert [row.name for row in report.rows][:5] == [
        f"df[{i}, {j}]/dw[0, 0]" for i in (0, 1) for j in (0, 1)
    ] + ["df[0, 0]/dw[0, 1]"]


def test_tensors_lists_of_arrays_and_numbers_may_be_mixed() -> None:
    def f(p: Any, s: Any) -> Any:
        return ((p["w"] @ p["xs"][0]) ** 2).sum() * 0.5

    assert gradcheck(f, {"w": Tensor(array(2, 3)), "xs": [array(3)]}, 2.0)
    assert gradcheck(lambda xs: stack_values(xs).prod(), [1.0, 2.0, 3.0])
    assert gradcheck(lambda t: t.values()[0] * t.values()[1], Tensor([1.0, 2.0]))


def test_second_derivatives_of_arrays_are_checked() -> None:
    assert gradcheck(lambda w: (w @ w).tanh().sum(), array(2, 2), order=2)


def test_a_function_that_mixes_elements_with_values_gets_an_array_of_values() -> None:
    w = Value(2.0)
    report = gradcheck(lambda x: w * x[0] + x[1].sin(), np.array([1.0, 2.0]))
    assert [row.analytic for row in report.rows] == [2.0, pytest.approx(math.cos(2.0))]


def test_a_function_that_takes_neither_says_what_is_wrong_with_the_tensor() -> None:
    with pytest.raises(ValueError, match=r"matmul of the shapes \(2, 2\) of 'x' and \(3,\)"):
        gradcheck(lambda x: (x @ np.ones(3)).sum(), np.eye(2))


def test_single_precision_is_checked_in_double() -> None:
    report = gradcheck(lambda x: x.exp().sum(), np.array([0.5, 1.5], np.float32))
    assert report
    assert report.rows[0].error_bar < 1e-10


def test_kinks_of_arrays_are_kinks() -> None:
    report = gradcheck(lambda x: x.relu().sum() + x.max(), np.array([0.0, 2.0, 2.0]))
    assert report
    assert [row.verdict for row in report.rows] == ["kink", "kink", "kink"]


def test_gradcheck_names_the_culprit_among_tensors(monkeypatch: Any) -> None:
    right = rules.TABLE["einsum"][0]

    def wrong(g: Any, out: Any, *xs: Any, inputs: Any, output: str) -> Any:
        first, second = right(g, out, *xs, inputs=inputs, output=output)
        return [first, 1.01 * second]

    monkeypatch.setattr(rules.ROWS["einsum"], "columns", (wrong,))
    x = array(4, 3)
    report = gradcheck(
        lambda w: autograd.einsum("ij,jk->ik", x, w).sum(),
        array(3, 2),  # here
    )
    assert not report
    (finding,) = report.culprits
    assert (finding.operation, finding.argument) == ("einsum", 1)
    assert "# here" in str(finding) or "einsum(" in finding.line
    with pytest.raises(AssertionError, match="einsum"):
        assert_gradients(lambda w: autograd.einsum("ij,jk->ik", x, w).sum(), array(3, 2))


def test_a_long_table_shows_what_is_not_well() -> None:
    w = np.random.default_rng(0).normal(size=(9, 9))

    def df(w: Any) -> Any:
        g = 2 * w
        g[3, 4] *= 1.001
        return g

    text = str(gradcheck(lambda w: float(np.sum(w * w)), w, df=df))
    assert "w[3, 4]" in text
    assert "w[3, 5]" not in text
    assert "80 of all 81 are ok" in text


def test_a_gradient_by_hand_of_an_array_is_checked_as_before() -> None:
    x = array(3, 2)
    assert gradcheck(lambda x: np.sum(x**2), x, df=lambda x: 2 * x)
    assert gradcheck(lambda x: np.sum(x**2), Tensor(x), df=lambda x: 2 * x)


# ---- the rest ------------------------------------------------------------------------------------


def shares(node: Any, table: Any = RULES) -> list[Any]:
    """What a node hands back for one gradient, as NumPy arrays."""
    g = np.cos(np.arange(np.size(node._data)) + 0.3).reshape(np.shape(node._data))
    handed = hand_back(node, g if node.broadcasts else float(g), rules=table)
    return [None if s is None else np.asarray(s) for s in map(bare, handed)]


def recorded(case: str) -> list[Any]:
    """Up to two nodes of each operation in a case and in its gradients, where slopes are rows."""
    root = graph_of(case)
    leaves = [n for n in nodes(root) if not n.inputs]
    slopes = gradients(root, leaves, np.ones(np.shape(root.data)), create_graph=True)
    found: dict[Any, list[Any]] = {}
    for node in dict.fromkeys(n for r in (root, *slopes) for n in nodes(r) if n.inputs):
        found.setdefault((node.op, node._rule.of_arrays), []).append(node)
    return [node for same in found.values() for node in same[:2]]


@every_case
def test_a_row_that_rules_gives_changes_the_shares_of_its_own_operation_alone(case: str) -> None:
    found = recorded(case)
    right = {n: shares(n) for n in found}
    tried = {n.op for n in found if n._rule.of_arrays}
    for name in tried:
        doubled = [
            lambda g, *xs, c=column, **settings: c(2.0 * g, *xs, **settings)
            for column in rules.TABLE[name]
        ]
        row = rules.ArrayRule(name, *doubled)
        for node in found:
            times = 2.0 if node._rule.of_arrays and node.op == name else 1.0
            for a, b in zip(shares(node, {**RULES, row.key: row}), right[node], strict=True):
                if b is None:
                    assert a is None
                else:
                    np.testing.assert_allclose(a, times * b, rtol=1e-12, atol=1e-300)
        assert rules.ROWS[name].columns == rules.TABLE[name]


def test_every_row_of_arrays_is_given_by_rules_in_some_case_above() -> None:
    reached = {n.op for case in CASES for n in recorded(case) if n._rule.of_arrays}
    assert reached == set(rules.TABLE)


def test_a_row_of_numbers_that_a_user_names_like_one_of_arrays_is_another(
    monkeypatch: Any,
) -> None:
    node = Tensor(array(3, 4)) @ array(4, 2)
    right = shares(node)
    row = rules.ROWS["matmul"]
    assert row.key == "matmul"
    monkeypatch.setitem(RULES, "matmul", RULES["mul"])
    np.testing.assert_array_equal(shares(node, dict(RULES))[0], right[0])
    assert row.key == "matmul of arrays"


def test_a_mutation_score_counts_the_rows_of_arrays() -> None:
    x, w = array(4, 3), array(3, 2)

    def strong() -> bool:
        return bool(gradcheck(lambda w: ((x @ w).softmax(1)[0] ** 2).sum(), w, directions=1))

    good = mutation_score(strong)
    assert {m.operation for m in good.mutants} >= {"matmul", "softmax of arrays", "getitem"}

    def weak() -> None:
        leaf = Tensor(w)
        (x @ leaf).sum().backward()
        assert leaf.grad.shape == w.shape

    found = mutation_score(weak)
    assert "survived: matmul, argument 2: doubled" in str(found)
    assert "survived: sum of arrays, argument 1: dropped" in str(found)
    before = {name: row.columns for name, row in rules.ROWS.items()}
    assert mutation_score(weak, ["matmul"]).mutants
    assert before == rules.TABLE == {name: row.columns for name, row in rules.ROWS.items()}


def test_the_fixture_takes_functions_of_arrays(gradcheck: Any) -> None:
    assert gradcheck(lambda w: (w @ w).sum(), array(2, 2))
