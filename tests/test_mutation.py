"""The mutation run: what is broken in the rules and the walk is noticed.

Here a few mutants are tried; `python tests/mutation.py` tries all, in CI.
"""

from __future__ import annotations

import ast

import battery
import mutation
import pytest

import autograd

EVERY = 29
on_python = pytest.mark.skipif(
    autograd.engine() == "compiled", reason="what is mutated is Python: run with AUTOGRAD_PURE=1"
)


@pytest.mark.slow
def test_the_checks_pass_on_the_original() -> None:
    battery.all_pass()


@on_python
@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # a mutant may be odd
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # or in __del__
def test_every_mutant_that_changes_behaviour_is_noticed() -> None:
    score = mutation.run(every=EVERY)
    assert score.survivors == []
    assert score.made.total() > 3500 / EVERY
    assert all(score.made[room] for room in mutation.targets())


def test_a_check_that_sees_nothing_lets_mutants_survive() -> None:
    (target,) = [t for t in mutation.targets()["rules"] if t.name == "TABLE['sin'][0]"]
    blind = target._replace(checks=lambda: [lambda: None])
    assert all(mutation.survives(blind, tree) for _, tree in mutation.mutants(blind))
    assert not any(mutation.survives(target, tree) for _, tree in mutation.mutants(target))


@on_python
def test_mutants_are_put_in_force_and_taken_out_again() -> None:
    (target,) = [t for t in mutation.targets()["graph"] if t.name == "graph.Node.backward"]
    (tree,) = [tree for label, tree in mutation.mutants(target) if label.endswith(" - g")]
    battery.passes()
    with target.install(tree), pytest.raises(AssertionError):
        battery.passes()
    battery.passes()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("lambda g, x: -g", {"-g -> g", "g -> x"}),
        ("lambda x, y: x - y", {"x - y -> x + y", "x - y -> x", "x - y -> y", "x - y -> y - x",
                                "x -> y", "y -> x"}),
        ("lambda x: x < 1", {"x < 1 -> x <= 1", "x < 1 -> x > 1", "1 -> 2"}),
        ("lambda x: 2 if x else 3", {"2 if x else 3 -> 3 if x else 2", "2 if x else 3 -> 2",
                                     "2 if x else 3 -> 3", "2 -> 3", "3 -> 4"}),
        ("lambda x: sin(x)", {"sin(x) -> x", "sin -> cos"}),
    ],
)  # fmt: skip
def test_a_tree_has_these_mutants(code: str, expected: set[str]) -> None:
    tree = ast.parse(code, mode="eval").body
    target = mutation.Target("t", tree, lambda tree: None, list)
    assert {label.removeprefix("t: ") for label, _ in mutation.mutants(target)} == expected


def test_statements_have_these_mutants() -> None:
    code = "def f(x):\n    total += x\n    if x:\n        return total\n    g(x)\n"
    target = mutation.Target("t", ast.parse(code).body[0], lambda tree: None, list)
    labels = {label.removeprefix("t: ") for label, _ in mutation.mutants(target)}
    assert labels >= {
        "total += x -> total = x", "total += x -> total -= x", "return total -> return None",
        "if x: return total -> if not x: return total", "g(x) -> pass",
        "if x: return total -> if False: return total",
    }  # fmt: skip


def test_every_listed_equivalent_has_a_reason_and_is_listed_once() -> None:
    labels = [label for labels in mutation.REASONS.values() for label in labels]
    assert len(labels) == len(set(labels))
    assert all(mutation._room(label) in mutation.targets() for label in labels)
