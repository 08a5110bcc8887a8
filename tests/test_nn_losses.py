"""Losses: their values, their slopes, their extremes, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nn
from autograd import Value, detect_anomaly, grad, gradients, sigmoid, softmax

LOSSES = nn.losses.LOSSES


def slopes(loss, outputs, targets):
    nodes = [Value(x) for x in outputs]
    out = LOSSES[loss](nodes, targets)
    return out.data, gradients(out, nodes)


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "value"),
    [
        ("sse", [1.0, 4.0], [0.0, 2.0], 5.0),
        ("mse", [1.0, 4.0], [0.0, 2.0], 2.5),
        ("mse", [[1.0, 4.0], [0.0, 0.0]], [[0.0, 2.0], [0.0, 0.0]], 1.25),
        ("mae", [1.0, 4.0], [0.0, 2.0], 1.5),
        ("huber", [0.5, 4.0], [0.0, 1.0], (0.125 + 2.5) / 2),
        ("huber", [1.5], [0.0], 1.0),
        ("bce", [0.25, 0.25], [1.0, 0.0], (math.log(4) + math.log(4 / 3)) / 2),
        ("bce_with_logits", [0.0, 0.0], [1.0, 0.25], math.log(2)),
        ("cross_entropy", [[0.0, 0.0, 0.0, 0.0]], [2], math.log(4)),
        ("cross_entropy", [[math.log(3), 0.0]], [[0.5, 0.5]], math.log(4) - math.log(3) / 2),
        ("hinge", [0.5, -3.0], [1, -1], 0.25),
        ("hinge", [0.5, -3.0], [-1, 1], 2.75),
        ("zero_one", [0.9, 0.2, 0.6], [1, 1, 0], 2 / 3),
        ("zero_one", [0.9, -0.2], [1, 1, ], 0.5),
        ("zero_one", [0.3, -0.2], [-1, 1], 1.0),
        ("zero_one", [[3.0, 1.0], [0.0, 2.0]], [0, 0], 0.5),
    ],
)  # fmt: skip
def test_each_loss_has_the_value_of_its_formula(loss, outputs, targets, value):
    assert LOSSES[loss](outputs, targets) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "expected"),
    [
        ("sse", [1.0, 4.0], [0.0, 2.0], [2.0, 4.0]),
        ("mse", [1.0, 4.0], [0.0, 2.0], [1.0, 2.0]),
        ("mae", [1.0, -4.0], [0.0, 2.0], [0.5, -0.5]),
        ("mae", [1.0], [1.0], [0.0]),
        ("huber", [0.5, 4.0], [0.0, 1.0], [0.25, 0.5]),
        ("bce", [0.25, 0.25], [1.0, 0.0], [-2.0, 2 / 3]),
        ("bce_with_logits", [0.0, 0.0], [1.0, 0.0], [-0.25, 0.25]),
        ("hinge", [0.5, -3.0], [1, -1], [-0.5, 0.0]),
        ("zero_one", [0.9, 0.2], [1, 1], [0.0, 0.0]),
    ],
)
def test_each_loss_has_the_slope_of_its_formula(loss, outputs, targets, expected):
    assert slopes(loss, outputs, targets)[1] == pytest.approx(expected, rel=1e-15)


def test_the_slope_of_cross_entropy_is_softmax_less_the_one_hot_target():
    logits = [0.3, -1.2, 2.0]
    nodes = [Value(x) for x in logits]
    found = gradients(LOSSES["cross_entropy"]([nodes], [1]), nodes)
    shares = softmax(logits)
    assert found == pytest.approx([shares[0], shares[1] - 1, shares[2]], rel=1e-14)


def test_cross_entropy_of_a_class_and_of_its_one_hot_row_agree():
    rows = [[0.3, -1.2, 2.0], [1.0, 0.0, -1.0]]
    by_class = LOSSES["cross_entropy"](rows, [1, 0])
    assert by_class == pytest.approx(LOSSES["cross_entropy"](rows, [[0, 1, 0], [1, 0, 0]]))


# ---- the extremes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "y", "value"), [(0.0, 1, 100.0), (1.0, 0, 100.0), (0.0, 0, 0.0), (1.0, 1, 0.0)]
)
def test_bce_is_finite_at_both_ends_and_so_is_its_slope(p, y, value):
    with detect_anomaly():
        cost, (slope,) = slopes("bce", [p], [y])
    assert cost == pytest.approx(value)
    assert math.isfinite(slope)


@pytest.mark.parametrize("z", [-1000.0, -40.0, 40.0, 1000.0])
@pytest.mark.parametrize("y", [0, 1])
def test_bce_of_a_sigmoid_is_taken_from_its_logit(z, y):
    x = Value(z)
    out = LOSSES["bce"]([sigmoid(x)], [y])
    against = -z if y else z  # the logit of the wrong class
    assert out.data == pytest.approx(against if against > 30 else math.exp(against), rel=1e-12)
    (slope,) = gradients(out, [x])
    expected = (1.0 if against > 30 else math.exp(against)) * (-1 if y else 1)
    assert slope == pytest.approx(expected, rel=1e-12)


def test_cross_entropy_keeps_its_digits_where_the_right_class_has_won():
    nodes = [Value(50.0), Value(0.0)]
    out = LOSSES["cross_entropy"]([nodes], [0])
    assert out.data == pytest.approx(math.exp(-50), rel=1e-14)
    assert gradients(out, nodes) == pytest.approx([-math.exp(-50), math.exp(-50)], rel=1e-13)


def test_cross_entropy_is_finite_for_huge_logits():
    nodes = [Value(1000.0), Value(-1000.0), Value(0.0)]
    out = LOSSES["cross_entropy"]([nodes], [1])
    assert out.data == 2000.0
    assert gradients(out, nodes) == pytest.approx([1.0, -1.0, 0.0])


def test_cross_entropy_of_a_softmax_is_taken_from_its_logits():
    nodes = [Value(800.0), Value(0.0)]
    assert LOSSES["cross_entropy"]([softmax(nodes)], [1]).data == 800.0


def test_the_square_of_the_largest_error_is_inf_and_no_exception():
    assert LOSSES["mse"]([1e200], [0.0]) == math.inf


# ---- kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "bce_with_logits", "sse"])
def test_numpy_targets_are_numbers_like_any_other(loss):
    outputs = [Value(0.5), Value(-1.0)]
    assert (
        LOSSES[loss](outputs, np.array([0.0, 1.0])).data == LOSSES[loss](outputs, [0.0, 1.0]).data
    )


def test_losses_can_be_differentiated_twice():
    second = grad(grad(lambda z: LOSSES["bce_with_logits"]([z], [1])))
    assert second(0.0) == pytest.approx(0.25)  # sigmoid(z) sigmoid(-z)


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "message"),
    [
        ("mse", [], [], "the batch is empty"),
        ("mse", [1.0], [1.0, 2.0], "1 outputs for 2 targets"),
        ("mse", [[1.0, 2.0]], [1.0], "an output has 2 numbers, and its target 1"),
        ("mse", [[1.0, 2.0]], [[1.0]], "an output has 2 numbers, and its target 1"),
        ("bce", [1.5], [1], "bce takes probabilities, and an output is 1.5"),
        ("bce", [0.5], [2], "targets of bce are 0, 1 or between, not 2"),
        ("bce_with_logits", [0.5], [-1], "targets of bce are 0, 1 or between, not -1"),
        ("cross_entropy", [[1.0, 2.0]], [2], "2 is no class: they are 0 to 1"),
        ("cross_entropy", [[1.0, 2.0]], [-1], "-1 is no class"),
        ("cross_entropy", [[1.0, 2.0]], [0.5], "0.5 is no class"),
        ("cross_entropy", [1.0], [0], "needs an output for each class"),
        ("cross_entropy", [[1.0, 2.0]], [[1.0]], "1 probabilities for 2 outputs"),
        ("cross_entropy", [], [], "the batch is empty"),
        ("hinge", [1.0], [0], "classes of the hinge loss are -1 and 1, not 0"),
        ("zero_one", [1.0], [2], "classes are 0 and 1, or -1 and 1, not 2"),
        ("zero_one", [[1.0, 2.0]], [3], "3 is no class"),
    ],
)
def test_a_loss_refuses_what_it_cannot_compare(loss, outputs, targets, message):
    with pytest.raises(ValueError, match=message):
        LOSSES[loss](outputs, targets)


def test_an_unknown_loss_is_answered_with_the_nearest_name():
    with pytest.raises(ValueError, match="no loss 'cross_entrpy': did you mean 'cross_entropy'"):
        nn.fit(nn.MLP(1, [1]), [[1.0]], [1.0], "cross_entrpy", progress=False)
