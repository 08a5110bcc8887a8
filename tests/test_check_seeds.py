"""A rule that forgets the gradient that arrives is called wrong, at the root too."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from test_tensor_rules import CASES
from truth import TRUTH

import autograd as ag
from autograd import (
    Tensor,
    Value,
    assert_gradients,
    check_graph,
    gradcheck,
    mutation_score,
    register,
)
from autograd.checking.mutation import wrong_columns
from autograd.core import graph
from autograd.core.graph import hand_back
from autograd.core.rules import RULES, flat
from autograd.seeing.abbreviating import plain

pytestmark = pytest.mark.slow

FORGETS = "it does not multiply by the gradient that arrives"


@contextmanager
def forgetful(row: Any, place: int) -> Iterator[None]:
    """The row, with one column that hands back the share of a gradient of 1."""
    kept = row.columns
    row.columns = wrong_columns(row, place, None)
    try:
        yield
    finally:
        row.columns = kept


def moves(node: Any, place: int) -> bool:
    """Whether a share of this node depends on the gradient that arrives."""
    share = hand_back(node, node.start(-2.0 if not node.broadcasts else -2 * np.ones(node.shape)))
    return share[place] is not None and bool(np.any(plain(share[place])))


def is_named(findings: Any, name: str) -> bool:
    return [f.operation for f in findings] == [name] and FORGETS in str(findings[0])


@pytest.mark.parametrize("kind", [float, np.atleast_1d])
@pytest.mark.parametrize("name", TRUTH)
def test_a_row_that_forgets_what_arrives_at_the_root_is_wrong_and_named(
    name: str, kind: Any
) -> None:
    row, case, tried = RULES[name], TRUTH[name], 0
    for place in case.wrt if not row.variadic else (0,):
        for point in case.ordinary:

            def f(*xs: Any, point: Any = point) -> Any:
                given = iter(xs)
                at = (next(given) if i in case.wrt else x for i, x in enumerate(point))
                return row.compute(*at)

            xs = [kind(point[i]) for i in case.wrt]
            root = f(*map(Value if kind is float else Tensor, xs))
            if not moves(root, place):
                continue
            tried += 1
            with forgetful(row, place):
                if place or kind is not float:  # by the check that names culprits, alone
                    assert is_named(check_graph(root).findings, name)
                else:
                    report = gradcheck(f, *xs, directions=1)
                    assert is_named(report.culprits, name), report
            break
    assert tried or all(column is flat for column in row.columns)


def roots() -> dict[str, str]:
    """A case for each operation that is the root of one."""
    found = {}
    for case, (function, arrays) in CASES.items():
        found.setdefault(function(*map(Tensor, arrays)).op, case)
    return found


@pytest.mark.parametrize("case", roots().values())
def test_a_row_of_arrays_that_forgets_what_arrives_at_the_root_is_wrong_and_named(
    case: str,
) -> None:
    function, arrays = CASES[case]
    root = function(*map(Tensor, arrays))
    row = root._rule.row if root._rule.of_arrays else root._rule
    for place in range(len(row.columns)):
        with forgetful(row, place):
            if not moves(root, place):
                continue
            report = check_graph(root)
            assert is_named(report.findings, root.op), report


def test_a_registered_rule_that_forgets_what_arrives_is_wrong_and_named() -> None:
    forgets = register("forgets", math.sin, lambda g, out, x: ag.cos(x))
    half = register("half_forgets", lambda x, y: x * y, lambda g, out, x, y: g * y,
                    lambda g, out, x, y: x)  # fmt: skip
    for f, at, name in (
        (forgets, (0.5,), "forgets"), (half, (0.5, 0.25), "half_forgets"),
        (lambda x: forgets(x), (np.array([0.5, 0.25]),), "forgets"),
        (lambda x: {"b": forgets(x), "a": 2.0 * x}, (0.5,), "forgets"),
        (lambda x: [x * x, half(x, 2.0), half(2.0, x)], (0.5,), "half_forgets"),
    ):  # fmt: skip
        assert is_named(gradcheck(f, *at).culprits, name)
        with pytest.raises(AssertionError, match=FORGETS):
            assert_gradients(f, *at)


def test_the_rows_of_a_jacobian_are_each_judged_by_what_arrives() -> None:
    with forgetful(RULES["sin"], 0):
        report = gradcheck(lambda x: [ag.sin(x), 3.0 * ag.cos(x)], 0.5)
    assert [row.verdict for row in report.rows] == ["wrong", "ok"]


def test_a_gradient_near_the_largest_number_is_still_right() -> None:
    steep = gradcheck(lambda x: x * 1.5e308, 1e-10)
    assert steep
    assert steep.rows[0].analytic == 1.5e308
    assert str(gradcheck(ag.step, 0.5).rows[0].analytic) == "0.0"
    assert gradcheck(ag.sqrt, 0.0).rows[0].analytic == math.inf


def test_a_mutation_score_has_a_mutant_that_forgets_what_arrives() -> None:
    good = mutation_score(lambda: gradcheck(lambda x: ag.sin(x), 0.5))
    assert good
    assert any("forgets" in mutant.change for mutant in good.mutants)

    def blind() -> None:
        x = Value(0.5)
        ag.sin(x).backward()
        assert x.grad == pytest.approx(math.cos(0.5), rel=1e-9)

    (survivor,) = mutation_score(blind).survivors
    assert str(survivor) == "sin, argument 1: forgets the gradient that arrives"
    assert mutation_score(lambda: gradcheck(lambda x: x.softmax(0), np.array([0.5, 1.5])))


def test_the_fixture_tells_of_a_rule_that_forgets(gradcheck: Any) -> None:
    with forgetful(RULES["sin"], 0), pytest.raises(AssertionError, match=FORGETS):
        gradcheck(ag.sin, 0.5)


def test_a_gradient_that_is_wrong_only_where_it_is_recorded_is_wrong_in_order_two() -> None:
    def to_x(g: Any, out: Any, x: Any) -> Any:
        return g * ag.cos(x) if isinstance(g, float) else ag.cos(x)

    forgets = register("forgets_nodes", math.sin, to_x)
    assert gradcheck(forgets, 0.5)
    report = gradcheck(forgets, 0.5, order=2)
    assert [row.verdict for row in report.rows] == ["ok", "wrong"]
    assert "with create_graph it is -1.75517, and without it 0.877583" in str(report)
    for f, at in ((ag.sin, 0.5), (lambda x: x * x * 4e307, 1.0), (lambda x: x.sin(), np.ones(2))):
        assert gradcheck(f, at, order=2)


def test_a_walk_that_begins_with_one_whatever_it_is_given_is_named(monkeypatch: Any) -> None:
    right = graph.sweep
    for x in (Value(0.5), Tensor([0.5, 1.5])):
        root = x.sin() * x
        with monkeypatch.context() as patch:
            patch.setattr(
                graph, "sweep", lambda root, *_, **k: right(root, 0.0 * root._data + 1.0, **k)
            )
            assert check_graph(root).findings[0].kind == "sum"
        assert check_graph(root)
