"""Diagnoses: a wrong gradient is matched with the mistake that makes it, and only with such."""

import functools
import itertools
import math
import operator
import random

import numpy as np
import pytest
from counting import calls
from hypothesis import given, settings
from hypothesis import strategies as st
from test_rules import leaves as leaves_at
from test_tensor_rules import CASES, weighted
from truth import TRUTH

import autograd
from autograd import Tensor, Value, diagnose, gradients, nodes, record_lines
from autograd.core.graph import Node, hand_back
from autograd.core.rules import RULES
from autograd.seeing import places
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
    told = str(found)
    assert "Not as likely, but they would give exactly these numbers too:" in told
    assert all(match.mistake.name in told for match in found.matches)
    assert told.count("right:") == told.count("The right step") == 1  # the others: a line each


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
    told = str(found)
    assert "or ... or" in told  # far from the root one more 1 adds as much
    assert "1.0 + 0.0734298 + " in told
    assert len(told.splitlines()) < 30  # of 400 shares and places a few are told


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


# ---- a mistake at one node -----------------------------------------------------------------------

OPERATIONS = [
    operator.add, operator.sub, operator.mul, operator.mul, lambda x, y: x / (y * y + 1.0),
    lambda x, y: (x + y).sigmoid(), lambda x, y: (x * 0.3).exp() - y, lambda x, y: x.tanh(),
    lambda x, y: x**2 + y, lambda x, y: y / (x.sigmoid() + 1.0), lambda x, y: (x * x + 1).log() * y,
]  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 99), st.integers(1, 4)),
    min_size=3,
    max_size=12,
)


def grown(made, steps):
    """One node over all that is made, after more operations on it."""
    made = [x if abs(x.data) < 20 else x.tanh() for x in made]
    for operation, i, j in steps:
        made.append(operation(made[i % len(made)], made[-min(j, len(made))]))
        made[-1] = made[-1] if abs(made[-1].data) < 20 else made[-1].tanh()
    return functools.reduce(lambda x, y: x * 0.9 + y, made)


def planted(root, mistake, at, kept=None):
    """All gradients of a walk, written by hand, in which the nodes `at` make a mistake."""
    walk, wrong = mistake.walk, {}
    arrived = {root: [root.start()]}
    for node, g in (kept or {}).items():
        arrived.setdefault(node, []).append(g)
    for node in nodes(root):
        if node not in arrived:
            continue
        here = walk if node in at else {}
        g = functools.reduce(here.get("gather", operator.add), arrived[node])
        if "seed" in here:
            g = g * (node.data if callable(here["seed"]) else here["seed"])
        wrong[node] = g
        begun = arrived[node][0] if "order" in here else g
        rules = here.get("rules", RULES)
        shares = hand_back(node, begun, rules=rules) if node.inputs else ()
        for x, share in zip(node.inputs, shares, strict=True):
            if share is not None:
                share = share.__array__() if hasattr(share, "arrived") else share
                arrived.setdefault(x, []).append(getattr(share, "bare", share))
    if "again" in walk and kept is None:
        again = {x: g for x, g in wrong.items() if x in at or (not x.inputs and walk["again"](x))}
        return planted(root, mistake._replace(walk={}), (), again)
    return wrong


def fitting(root, mistake):
    """The nodes of a graph at which a mistake can be made."""
    every = nodes(root)
    uses = [x for node in every for x in node.inputs if isinstance(x, Node)]
    return [x for x in every if mistake.here and mistake.fits(x, uses.count(x))]


def check_planted(root, mistake, at, claimed):
    """The claims of a walk with the mistake `at` these nodes are matched with it; how they rank.

    Before it there are only matches that explain the same claims with as few nodes; without it, a
    match at fewer nodes, or a bound that is told.
    """
    try:
        wrong = planted(root, mistake, at)
    except (ValueError, IndexError, TypeError):  # it would have been an error
        return None
    claims = {x: wrong.get(x, 0.0 * x.data) for x in claimed}
    if not all(np.all(np.isfinite(g)) for g in claims.values()):
        return None
    right = planted(root, mistake, ()) if "again" not in mistake.walk else {}
    found = diagnose(root, claims)
    if found:  # it changes nothing, but for the digits of what cancels
        for x in claimed if right else ():
            np.testing.assert_allclose(claims[x], right.get(x, 0.0), rtol=1e-6, atol=1e-9)
        return None
    ranks = [
        i
        for i, match in enumerate(found.matches)
        if match.mistake.name in (mistake.name, mistake.here)
        and (set(match.nodes) == set(at) or (not match.nodes and len(at) == 1 and not mistake.key))
    ]
    fewest = min((len(match.nodes) for match in found.matches), default=4)
    bounded = len(at) > 1 and any(f"at {len(at)} nodes" in told for told in found.untried)
    assert ranks or fewest < len(at) or bounded, f"{mistake.here} at {at}"
    assert all(len(match.nodes) <= len(at) for match in found.matches[: (ranks or [0])[0]])
    return ranks[0] if ranks else None


ROWS_OF_ARRAYS = [
    name for name in CASES if " " not in name and name not in ("conv2d", "avg_pool2d")
]
ROWS_OF_ARRAYS += ["index that repeats", "matmul (3, 4) (4, 2)", "matmul (4,) (4, 2)"]
ROWS_OF_ARRAYS += ["einsum ij,jk->ik", "prod with a zero", "max_pool2d", "div broadcasts"]
FRAME = {"tanh", "sin", "mul", "sum"}  # rows around every case: looked at in the first of all


def check_every_mistake(root, node):
    """Each mistake of a row at one node, claimed for leaves alone or for all nodes in turn."""
    every = nodes(root)
    of_row = [m for m in catalogue(root) if m.key == getattr(node._rule, "row", node._rule).key]
    for mistake, claimed in zip(
        of_row, itertools.cycle([every, [x for x in every if not x.inputs]]), strict=False
    ):
        check_planted(root, mistake, {node}, claimed)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUTH)
@settings(deadline=None, max_examples=3)
@given(data=st.data(), steps=STEPS)
def test_every_mistake_of_every_row_is_found_at_its_node(name, data, steps):
    points = st.sampled_from(TRUTH[name].ordinary)
    inputs = [leaves_at(name, data.draw(points)) for _ in range(2)]
    made = [autograd.core.graph.apply(RULES[name], *xs) for xs in inputs]
    root = grown([x for x in (*made, *inputs[0], *inputs[1]) if isinstance(x, Value)], steps)
    check_every_mistake(root, data.draw(st.sampled_from(made)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS_OF_ARRAYS)
def test_every_mistake_of_every_row_of_arrays_is_found_at_its_node(name):
    function, arrays = CASES[name]
    xs = [Tensor(x * 0.9 + 0.01, label=f"x{i}") for i, x in enumerate(arrays)]
    root = weighted(function, [x.tanh() for x in xs]) * weighted(function, xs).sin()
    of_rows = {node._rule.name: node for node in nodes(root) if node.inputs}
    for row, node in of_rows.items():
        if row not in FRAME - {name} or name == ROWS_OF_ARRAYS[0]:
            check_every_mistake(root, node)


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(data=st.data(), steps=STEPS, at=st.integers(1, 3))
def test_a_mistake_at_one_to_three_nodes_is_found_with_them(data, steps, at):
    xs = [Value(x, f"x{i}") for i, x in enumerate((0.7, -1.3, 1.9))]
    root = grown(list(xs), steps)
    mistakes = [mistake for mistake in catalogue(root) if len(fitting(root, mistake)) >= at]
    mistake = data.draw(st.sampled_from(mistakes))
    wrong = st.sampled_from(fitting(root, mistake))
    places = data.draw(st.lists(wrong, min_size=at, max_size=at, unique=True))
    claimed = data.draw(st.sampled_from([nodes(root), xs, xs[:1]]))
    check_planted(root, mistake, set(places), claimed)


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(steps=STEPS, xs=st.lists(st.floats(-2, 2), min_size=1, max_size=4))
def test_a_right_gradient_added_in_another_order_is_not_accused(steps, xs):
    leaves = [Value(x) for x in xs]
    root = grown(list(leaves), steps)
    claims = {}
    for leaf in leaves:  # forward mode
        along = {leaf: 1.0}
        for node in reversed(nodes(root)):
            terms = zip(node.inputs, node.partials, strict=True)
            if node.inputs:
                along[node] = sum(along.get(x, 0.0) * d for x, d in terms if isinstance(x, Node))
        claims[leaf] = along.get(root, 0.0)
    assert diagnose(root, {x: g for x, g in claims.items() if x in nodes(root)})


def found_at(root, claims):
    """The names of matches with the nodes at which they are made."""
    return [(match.mistake.name, match.nodes) for match in diagnose(root, claims).matches]


def test_factors_swapped_at_one_product_of_several_are_named_with_it():
    a, b, c = Value(2.0, label="a"), Value(7.0, label="b"), Value(0.5, label="c")
    with record_lines():
        product = b * c
        root = (a * b + product) * c
    swapped = {a: 7.0 * 0.5, b: 0.5 * (2.0 + 7.0), c: 17.5 + 0.5 * 0.5}  # b is handed b, and c c
    assert found_at(root, swapped) == [
        ("the operands of mul are swapped: each is handed the other's share", (product,))
    ]
    text = str(diagnose(root, swapped))
    assert "  at v1 = b * c = 3.5\n  line: " in text
    assert "product = b * c" in text


def test_a_forgotten_quotient_rule_is_found_at_its_division():
    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    first, second = x / y, y / (x + y)
    root = first + second
    dx, dy = 1 / 2 - 2 / 25, 1 / 5 - 2 / 25
    for wrong, name in (
        (0.0, "nothing is handed to the denominator of x/y: a path is lost"),
        (3.0, "the denominator of x/y is handed x, as a factor is: no quotient rule"),
        (-1.5, "the denominator of x/y is handed -x/y, without the square"),
        (-0.25, "the denominator of x/y is handed -1/y^2, without the numerator"),
        (0.75, "the sign of what the denominator of x/y is handed is turned"),
    ):
        assert (name, (first,)) in found_at(root, {x: dx, y: dy + wrong})


def test_the_slope_of_a_sigmoid_taken_of_its_input_is_found_at_one_node_and_everywhere():
    x, y = Value(0.7, label="x"), Value(-1.3, label="y")
    outputs = [x.sigmoid(), y.sigmoid()]
    root = outputs[0] * outputs[1]
    s, t = (z.data for z in outputs)
    name = "sigmoid' is taken for x (1 - x) of its input"
    once = {x: t * 0.7 * 0.3, y: s * t * (1 - t)}
    assert found_at(root, once)[0] == (name, (outputs[0],))
    assert found_at(root, {**once, y: s * -1.3 * 2.3})[0] == (name, ())


@pytest.mark.parametrize("leaves_kept", [False, True])
def test_one_node_that_kept_its_gradient_for_a_second_pass_is_found(leaves_kept):
    x = Value(0.7, label="x")
    y = x * 3.0
    z = y.sin()
    root = z * z + y.exp()
    g = 2 * z.data * math.cos(y.data) + math.exp(y.data)
    claims = {x: 3 * 2 * g + 3 * g * leaves_kept, z: 2 * z.data}
    assert any(
        at == (y,) and "kept its gradient" in name if leaves_kept else "not one node" in name
        for name, at in found_at(root, claims)
    )


def test_one_right_interior_claim_tells_two_nodes_apart():
    x = Value(0.7, label="x")
    y = x.tanh()
    z = y.sin()
    wrong = {x: -gradients(z, [x])[0]}
    turned = "the sign of what {} is handed is turned".format
    assert {(turned("tanh"), (y,)), (turned("sin"), (z,))} <= set(found_at(z, wrong))
    told = found_at(z, {**wrong, y: math.cos(y.data)})
    assert (turned("tanh"), (y,)) in told
    assert (turned("sin"), (z,)) not in told


def test_the_first_claim_that_differs_is_told_where_nothing_explains():
    x = Value(0.7, label="x")
    y = x.tanh()
    y.label = "y"
    z = y.sin() * y
    z.label = "z"
    text = str(diagnose(z, {z: 1.0, y: 0.123, x: 4.567}))
    assert "Going back from z, y.grad is the first of these claims that differs; right" in text
    assert "right is z." in " ".join(text.split())
    assert "The right step: y.grad = " in text


@pytest.mark.parametrize("claim", [math.nan, math.inf, -math.inf])
def test_a_claim_that_is_not_finite_is_said_to_be_made_by_nothing(claim):
    x = Value(0.7, label="x")
    assert f"x.grad: nothing in this graph makes it {claim}" in str(diagnose(x.tanh(), {x: claim}))
    t = Tensor([0.7, 0.3], label="t")
    assert "t.grad: nothing in" in str(diagnose(t.tanh().sum(), {t: [claim, 0.7]}))


@pytest.mark.parametrize("shape", [(3,), (3, 2), (0, 2), (2, 2, 2), (1, 2, 1), (1,)])
def test_a_claim_of_another_shape_is_told(shape):
    t = Tensor([[0.7, 0.3], [0.1, 0.2]], label="t")
    text = str(diagnose((t @ t).sum(), {t: np.full(shape, 0.5)}))
    assert f"t.grad: it has the shape {shape}, and the gradient (2, 2)" in text


def test_a_graph_without_an_operation_is_diagnosed():
    x = Value(2.5, label="x")
    assert diagnose(x, {x: 1.0})
    assert "the pass begins with the root's own value" in names(diagnose(x, {x: 2.5}))
    assert "No mistake in the catalogue" in str(diagnose(x, {x: 7.0}))


def test_a_claim_for_a_node_that_no_share_reaches_is_diagnosed():
    x, y = Value(0.7, label="x"), Value(0.3, label="y")
    text = str(diagnose(autograd.where(True, x, y), {y: 0.123}))
    assert "d v1/d y: claimed 0.123, and it is 0.0" in text
    assert "The right step: y.grad = 0.0" in text
    assert "Not tried" not in text


def test_what_a_bound_leaves_out_is_said(monkeypatch):
    x = Value(0.7, label="x")
    y = x
    for _ in range(8):
        y = (y * x).sin()
    monkeypatch.setattr(places, "MOST_SETS", 10)
    assert "of the mistakes at 2 nodes at a time: the sets are too many" in str(
        diagnose(y, {x: 0.123})
    )
    monkeypatch.setattr(places, "MOST_NODES", 10)
    assert "Not tried: any mistake at one node alone: 17 nodes are too many" in str(
        diagnose(y, {x: 0.123})
    )


@pytest.mark.slow
def test_500_nodes_are_tried_one_by_one_in_a_bounded_number_of_calls():
    draw = random.Random(0)
    xs = [Value(draw.uniform(0.5, 1.5), f"x{i}") for i in range(6)]
    made = list(xs)
    while len(made) < 500:
        x, y = draw.choice(made[-6:]), draw.choice(made[-30:])
        made.append(draw.choice([x + y, x * y, x - y, x.tanh(), y.sin(), x / (y * y + 1.0)]))
    root = autograd.sum(made[6:])
    claims = dict.fromkeys([x for x in nodes(root) if not x.inputs], 1.2345678901234567)
    found = []
    assert calls(lambda: found.append(diagnose(root, claims))) < 10_000_000
    assert not found[0].matches


@pytest.mark.parametrize("claimed", [{"w"}, {"x"}, {"w", "x"}])
def test_a_mistake_of_the_whole_pass_shows_first_at_a_claim(claimed):
    leaves = {name: Value(number, label=name) for name, number in (("w", 3.0), ("x", 2.0))}
    loss = leaves["w"] * leaves["w"] * leaves["x"]
    right = {"w": 12.0, "x": 9.0}
    found = diagnose(loss, {leaves[name]: 2 * right[name] for name in claimed})
    assert {match.first for match in found.matches} <= {leaves[name] for name in claimed}
    assert "passes" in found.matches[0].mistake.here
    unclaimed = {"w", "x"} - claimed
    assert not any(f"at {name}.grad" in str(found) for name in unclaimed)
