"""Diagnoses: a wrong gradient is matched with the mistake that makes it, and only with such."""

import math
import random

import pytest

import autograd
from autograd import Value, diagnose, gradients, nodes
from autograd.core.graph import Node
from autograd.seeing.mistakes import catalogue, handed


def busy():
    """A graph in which most mistakes show, with its leaves."""
    a, b, c = Value(1.3, label="a"), Value(-0.7, label="b"), Value(0.4, label="c")
    h = a * b + c
    t = h.tanh()
    loss = (t * h - b / a) ** 3 + t.exp() * a
    loss.label = "loss"
    return loss, [a, b, c]


def names(diagnosis):
    return [match.mistake.name for match in diagnosis.matches]


def test_right_gradients_are_called_right():
    loss, leaves = busy()
    diagnosis = diagnose(loss, dict(zip(leaves, gradients(loss, leaves), strict=True)))
    assert diagnosis
    assert diagnosis.matches == []
    assert str(diagnosis).endswith("These gradients are right.")


def test_the_catalogue_has_many_mistakes_and_each_changes_one_argument_of_the_walk():
    mistakes = list(catalogue(busy()[0]))
    assert len({mistake.name for mistake in mistakes}) == len(mistakes) >= 30
    assert all(len(mistake.walk) == 1 for mistake in mistakes)
    assert {key for mistake in mistakes for key in mistake.walk} == {
        "order", "gather", "rules", "seed", "again",
    }  # fmt: skip


def test_the_walk_without_a_mistake_hands_out_the_gradients():
    loss, leaves = busy()
    assert [handed(loss)[x] for x in leaves] == gradients(loss, leaves)


@pytest.mark.slow
@pytest.mark.parametrize("mistake", [*catalogue(busy()[0])], ids=lambda m: m.name[:40])
def test_every_mistake_is_found_from_the_numbers_it_gives(mistake):
    loss, leaves = busy()
    wrong = handed(loss, **mistake.walk)
    claimed = {x: wrong.get(x, 0.0) for x in leaves}
    found = diagnose(loss, claimed)
    assert found or mistake.name in names(found)


@pytest.mark.slow
def test_most_mistakes_show():
    loss, leaves = busy()
    wrong = [handed(loss, **mistake.walk) for mistake in catalogue(loss)]
    showing = [w for w in wrong if not diagnose(loss, {x: w.get(x, 0.0) for x in leaves})]
    assert len(showing) >= 40


# Each of these is written as a learner would, with no part of the engine.


def recursive(node, g, grads, assign):
    """Backprop by recursion, once per path."""
    grads[node] = g if assign else grads.get(node, 0.0) + g
    for x, local in zip(node.inputs, node.partials, strict=True):
        if isinstance(x, Node):
            recursive(x, g * local, grads, assign)
    return grads


def test_assignment_for_addition_is_recognised():
    w = Value(3.0, label="w")
    wrong = recursive(w * w + w, 1.0, {}, assign=True)
    assert wrong[w] == 1.0
    y = w * w
    loss = w + y
    assert "a gradient is overwritten: = in the place of +=" in names(diagnose(loss, {w: 3.0}))


def test_an_unsorted_walk_is_recognised():
    x = Value(1.5, label="x")
    y = x * 2.0
    z = y.sin()
    u = y + z
    loss = u * y
    grads, seen = {loss: 1.0}, set()

    def visit(node):  # each node once, depth first, before all its users are done
        if node in seen:
            return
        seen.add(node)
        for k, local in zip(node.inputs, node.partials, strict=True):
            if isinstance(k, Node):
                grads[k] = grads.get(k, 0.0) + grads[node] * local
        for k in node.inputs[::-1]:
            if isinstance(k, Node):
                visit(k)

    visit(loss)
    assert grads[x] != pytest.approx(gradients(loss, [x])[0])
    assert "depth first, without sorting" in names(diagnose(loss, {x: grads[x]}))


def test_a_forgotten_zero_grad_is_recognised():
    loss, leaves = busy()
    loss.backward()
    loss.backward()
    found = diagnose(loss, {x: x.grad for x in leaves})
    assert names(found) == ["the pass ran 2 times without zero_grad between"]
    assert found.matches[0].first in leaves


def test_a_lost_use_is_recognised_and_named():
    w, x = Value(3.0, label="w"), Value(5.0, label="x")
    loss = w * w * x + w.sin()
    right = gradients(loss, [w])[0]
    found = diagnose(loss, {w: right - math.cos(3.0)})
    at = {match.mistake.name: match.nodes for match in found.matches}
    assert at["nothing is handed to sin: a path is lost"] == (loss.inputs[1],)
    xs = [Value(2.0, label="w"), Value(3.0)]
    found = diagnose(autograd.sum([*xs, xs[0]]), dict.fromkeys(xs, 1.0))
    assert "one use is forgotten: that of w in v2" in names(found)


def test_a_missing_upstream_factor_is_recognised():
    x = Value(0.3, label="x")
    loss = 7.0 * x.tanh()
    found = diagnose(loss, {x: 1 - math.tanh(0.3) ** 2})
    assert "tanh does not multiply by the gradient that arrives" in names(found)
    assert "the local derivative alone, without the gradient that arrives" in names(found)


def test_swapped_operands_are_recognised():
    a, b = Value(2.0, label="a"), Value(7.0, label="b")
    assert any("swapped" in name for name in names(diagnose(a * b + a, {a: 3.0, b: 7.0})))


def test_a_mean_taken_for_a_sum_is_recognised():
    xs = [Value(float(i), f"x{i}") for i in range(4)]
    loss = autograd.mean(xs)
    found = diagnose(loss, dict.fromkeys(xs, 1.0))
    assert any("without 1/n" in name for name in names(found))


def test_all_coincidences_are_listed():
    x = Value(2.0, label="x")
    found = diagnose(x * x, {x: 2.0})
    assert {
        "a gradient is overwritten: = in the place of +=",
        "only the first share of a gradient is kept",
        "nothing is handed to operand 1 of mul: a path is lost",
    } <= set(names(found))
    assert f"{len(found.matches)} mistakes give exactly these numbers" in str(found)


def test_one_right_and_one_wrong_number_must_both_fit():
    a, b = Value(2.0, label="a"), Value(7.0, label="b")
    loss = a * b
    assert any("path is lost" in n for n in names(diagnose(loss, {a: 7.0, b: 0.0})))
    assert not any("begun" in n for n in names(diagnose(loss, {a: 7.0, b: 0.0})))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_numbers_that_nothing_explains_are_matched_with_nothing(seed):
    loss, leaves = busy()
    claimed = {x: random.Random(seed).uniform(-9, 9) for x in leaves}
    assert diagnose(loss, claimed).matches == []
    assert "No mistake in the catalogue" in str(diagnose(loss, claimed))


def test_a_rounded_claim_is_still_recognised_and_a_short_one_is_not_stretched():
    loss, (a, *_) = busy()
    right = gradients(loss, [a])[0]
    assert diagnose(loss, {a: float(f"{right:.6g}")})
    x = Value(2.02, label="x")
    assert not diagnose(x * 1.004, {x: 1.0})


def test_the_report_says_where_it_shows_and_what_the_right_step_is():
    w = Value(3.0, label="w")
    text = str(diagnose(w * w + w, {w: 3.0}))
    assert "d v2/d w: claimed 3.0, and it is 7.0" in text
    assert "it shows first at w.grad: 3.0, and not 7.0" in text
    assert "The right step: w.grad = 1.0 + 3.0 + 3.0 = 7.0" in text
    assert "from v2: 1.0 × 1.0 = 1.0, for d(v1 + w)/dw = 1" in text
    assert text.count("The right step") == 1


def test_nan_and_infinity_can_be_claimed():
    x = Value(0.0, label="x")
    assert diagnose(x.log(), {x: math.inf})
    assert not diagnose(x.log(), {x: math.nan})
    assert not diagnose(x * 2.0, {x: math.nan})


@pytest.mark.slow
def test_coincidences_in_a_large_graph_are_counted_after_the_likelier_mistake():
    x = Value(0.5, label="x")
    y = x
    for _ in range(400):
        y = y.sin() + x
    right = gradients(y, [x])[0]
    found = diagnose(y, {x: 2 * right})
    assert names(found)[0] == "the pass ran 2 times without zero_grad between"
    assert "more, in .matches" in str(found)  # far from the root one more 1 adds as much


def test_a_diagnosis_writes_nothing():
    loss, leaves = busy()
    diagnose(loss, {leaves[0]: 1.0})
    assert not any("grad" in repr(node) for node in nodes(loss))


@pytest.mark.parametrize(
    ("claimed", "error", "words"),
    [
        ({}, TypeError, "dict from nodes to numbers"),
        ([1.0], TypeError, "dict from nodes to numbers"),
        ({"a": 1.0}, TypeError, "'a' .* is not a node"),
        ({Value(1.0): "6"}, TypeError, "not a number"),
        ({Value(1.0): None}, TypeError, "not a number"),
        ({Value(1.0, label="other"): 1.0}, ValueError, "other.* is not in the graph"),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused_with_what_is_wrong(claimed, error, words):
    with pytest.raises(error, match=words):
        diagnose(busy()[0], claimed)


def test_a_root_that_is_no_node_is_refused():
    with pytest.raises(TypeError, match="diagnose takes the root of a graph"):
        diagnose(3.0, {Value(1.0): 1.0})
