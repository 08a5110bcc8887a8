"""Comparisons leave a note as data: of what, how it went, and nothing that keeps a graph alive."""

from __future__ import annotations

import gc
import operator
import pickle
from copy import copy, deepcopy
from typing import Any

import numpy as np
import pytest

from autograd import Tensor, Value, nodes, record_lines, where
from autograd import sum as total
from autograd.seeing.living import Program
from autograd.support import comparisons


@pytest.fixture(autouse=True)
def forgotten() -> None:
    comparisons.noted.clear()


def said(root: Value) -> list[tuple[str, bool]]:
    """The comparisons of a graph, in words, and how they went."""
    return [(says, was) for *_, was, says, _ in Program(root).looks]


def leaf(x: float, label: str = "x") -> Value:
    return Value(x, label=label)


@pytest.mark.parametrize("name", ["lt", "le", "gt", "ge", "eq", "ne"])
def test_every_comparison_of_a_leaf_is_noted_with_its_outcome(name: str) -> None:
    x = leaf(2.0)
    outcome = getattr(operator, name)(x, 1.0)
    sign = {"lt": "<", "le": "≤", "gt": ">", "ge": "≥", "eq": "=", "ne": "≠"}[name]
    assert said(x * 2.0) == [(f"x {sign} 1", outcome)]


def branch(x: Any, y: Any) -> Any:
    return x * 2.0 if x > y else y


def elif_(x: Any, y: Any) -> Any:
    if x - 1.0 > 5.0:
        return x
    if x * y > 100.0:
        return y
    return x * y


def while_(x: Any, y: Any) -> Any:
    while x < 7.0:
        x = x * y
    return x


def chained(x: Any, y: Any) -> Any:
    return x * y if 0.0 < x < y else x


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (branch, [("x > y", False)]),
        (elif_, [("x - 1 > 5", False), ("x * y > 100", False)]),
        (while_, [("x < 7", True), ("v1 < 7", True), ("v2 < 7", False)]),
        (chained, [("x > 0", True), ("x < y", True)]),
        (lambda x, y: max(x, y) * 1.0, [("y > x", True)]),
        (lambda x, y: min(y, x) * 1.0, [("x < y", True)]),
        (lambda x, y: sorted([y, x])[1] * 1.0, [("x < y", True)]),
        (lambda x, y: x * 2.0 if x else y, [("x ≠ 0", True)]),
        (lambda x, y: where(x, x * 2.0, y), [("x ≠ 0", True)]),
        (lambda x, y: where(x > y, x, y), [("x > y", False)]),
        (lambda x, y: x * 2.0 if x > np.float64(0.5) else y, [("x > 0.5", True)]),
        (lambda x, y: x * 2.0 if x > np.arange(3.0)[1] else y, [("x > 1", True)]),
        (lambda x, y: x * 2.0 if x == 2 else y, [("x = 2", True)]),
        (lambda x, y: x * 2.0 if x != x else y * x, [("x ≠ x", False)]),
        (lambda x, y: x * 2.0 if abs(x - y) < 0.1 else y * x, [("|x - y| < 0.1", False)]),
        (lambda x, y: int((x > 0) + (y > 10)) * x, [("x > 0", True), ("y > 10", False)]),
    ],
)
def test_branches_of_every_kind_are_noted(program: Any, expected: Any) -> None:
    x, y = leaf(2.0), leaf(3.0, "y")
    root = program(x, y) + (x + y)  # both are leaves of the graph
    made = Program(root, _names(root))
    assert [(says, was) for *_, was, says, _ in made.looks if says] == expected
    assert made.unfollowed == []


def _names(root: Value) -> Any:
    from autograd.seeing.wording import Names

    return Names(root).__getitem__


def test_an_element_of_a_tensor_is_a_number_of_its_own() -> None:
    x = leaf(2.0)
    t = Tensor(np.array([1.0, 3.0])).values()
    root = x * 2.0 if x > t[0] else x
    assert said(root) == []
    assert len(Program(root).unfollowed) <= 1
    assert said(x * 1.0 if x > float(t[0].data) else x) == [("x > 1", True)]


def test_what_hangs_on_no_leaf_of_the_graph_and_what_came_later_is_left_out() -> None:
    x, other = leaf(2.0), leaf(1.0, "other")
    if other > 0.0 and other * 2.0 < 5.0:
        root = x * 3.0
    assert root.data > 5.0
    assert root > 5.0
    assert said(root) == []


def test_a_leaf_that_was_rebound_has_no_comparisons_from_before() -> None:
    x = leaf(2.0)
    assert x > 1.0
    x.data = -5.0
    assert said(x * 2.0) == []


def test_a_comparison_of_a_larger_side_computation_is_not_followed_and_said() -> None:
    x = leaf(2.0)
    root = side = x * 1.0
    for k in range(60):
        side = side.sin() + float(k)
    with record_lines():
        root = root * 2.0 if side > 0.0 else root
    (look,) = Program(root).unfollowed
    assert look[0] == ">"
    assert "root * 2.0 if side > 0.0" in look[1]


@pytest.mark.parametrize(
    "side",
    [
        lambda x: (x + 1.0) * 2.0 - 4.0,
        lambda x: (x * x + 1.0).tanh().exp(),
        lambda x: total([x] * 9),
        lambda x: total([x.sin()] * 70),
    ],
)
def test_a_side_computed_before_the_graph_is_said_if_it_hangs_on_its_leaves(side: Any) -> None:
    x, other = leaf(2.0), leaf(2.0, "other")
    root = x * 2.0 if side(x) > 0.0 else x
    assert Program(root).unfollowed == [[">", ""]]
    comparisons.noted.clear()
    assert Program(x * 2.0 if total([other] * 9) > 0.0 else x).unfollowed == []


@pytest.mark.parametrize("copied", [deepcopy, copy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_has_no_notes_and_this_is_said(copied: Any) -> None:
    x = leaf(2.0)
    root = copied(x * 2.0 if x > 1.0 else x)
    assert Program(root).unfollowed == [["copied", ""]]
    assert Program(copied(root) + 1.0).unfollowed == [["copied", ""]]
    assert Program(copied(x) * 2.0).unfollowed == []


def test_the_line_is_kept_under_record_lines() -> None:
    x = leaf(2.0)
    with record_lines():
        root = x * 2.0 if x > 1.0 else x
    ((*_, line),) = Program(root).looks
    assert line.endswith("root = x * 2.0 if x > 1.0 else x")


def test_notes_hold_no_node_and_do_not_grow() -> None:
    x = leaf(2.0)
    x > 1.0  # noqa: B015
    before = len(gc.get_objects())
    for k in range(2 * comparisons.MOST):
        (x * 2.0 + float(k)) < 0.0  # noqa: B015
    assert len(comparisons.noted) == comparisons.MOST
    waiting: list[Any] = list(comparisons.noted)
    for part in waiting:  # grows while it is read
        assert not isinstance(part, Value)
        waiting.extend(part if isinstance(part, tuple) else ())
    assert len(gc.get_objects()) - before < 15 * comparisons.MOST


def test_both_engines_note_the_same() -> None:
    x, y = leaf(2.0), leaf(3.0, "y")
    for side in (
        x,
        x - 1.0,
        (x * y + 1.0) * 2.0,
        abs(x - y),
        total([x] * 9),
        total([x.sin()] * 70),
        x.sin().cos().tan(),
        y,
        2.0,
        3,
        True,
    ):
        for sign in ("lt", "le", "eq", "ne", "gt", "ge"):
            outcome = getattr(operator, sign)(y, side)
            *fast, _, _ = comparisons.noted[-1]
            comparisons.note(sign, y, side, outcome)
            *plain, _, _ = comparisons.noted[-1]
            assert fast == plain
    assert bool(x)
    assert comparisons.noted[-1][0] == "ne"


def test_comparing_returns_a_bool_and_changes_nothing() -> None:
    x = leaf(2.0)
    y = x * 3.0
    assert (x > 1) is True
    assert (y == y.data) is True
    assert bool(x) is True
    assert (x > 10**400) is False
    assert (x == "x") is False
    assert [node.op for node in nodes(y)] == ["mul", ""]


def test_a_graph_older_than_what_is_kept_says_so() -> None:
    x = leaf(2.0)
    y = leaf(3.0, "y")
    for k in range(comparisons.MOST + 1):
        y > float(k)  # noqa: B015
    assert Program(x * 2.0).unfollowed == [["", ""]]
    assert Program(leaf(1.0) * 2.0).unfollowed == []
