"""Losses: their values, their slopes, their extremes, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nn
from autograd import Tensor, Value, detect_anomaly, grad, gradients, sigmoid, softmax, trees

LOSSES = nn.losses.LOSSES


def slopes(loss, outputs, targets):
    nodes = [Value(x) for x in outputs]
    out = LOSSES[loss](nodes, targets)
    return out.data, gradients(out, nodes)


VALUES = [
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
]  # fmt: skip


@pytest.mark.parametrize(("loss", "outputs", "targets", "value"), VALUES)
def test_each_loss_has_the_value_of_its_formula(loss, outputs, targets, value):
    assert LOSSES[loss](outputs, targets) == pytest.approx(value, rel=1e-15)
    assert LOSSES[loss](np.array(outputs), targets) == pytest.approx(value, rel=1e-15)
    assert LOSSES[loss](Tensor(outputs), targets).data == pytest.approx(value, rel=1e-15)


SLOPES = [
    ("sse", [1.0, 4.0], [0.0, 2.0], [2.0, 4.0]),
    ("mse", [1.0, 4.0], [0.0, 2.0], [1.0, 2.0]),
    ("mae", [1.0, -4.0], [0.0, 2.0], [0.5, -0.5]),
    ("mae", [1.0], [1.0], [0.0]),
    ("huber", [0.5, 4.0], [0.0, 1.0], [0.25, 0.5]),
    ("bce", [0.25, 0.25], [1.0, 0.0], [-2.0, 2 / 3]),
    ("bce_with_logits", [0.0, 0.0], [1.0, 0.0], [-0.25, 0.25]),
    ("hinge", [0.5, -3.0], [1, -1], [-0.5, 0.0]),
    ("zero_one", [0.9, 0.2], [1, 1], [0.0, 0.0]),
]


@pytest.mark.parametrize(("loss", "outputs", "targets", "expected"), SLOPES)
def test_each_loss_has_the_slope_of_its_formula(loss, outputs, targets, expected):
    assert slopes(loss, outputs, targets)[1] == pytest.approx(expected, rel=1e-15)
    t = Tensor(outputs)
    (found,) = gradients(LOSSES[loss](t, np.array(targets)), [t])
    assert found == pytest.approx(np.array(expected), rel=1e-15)


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


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_extremes_are_as_finite_in_a_tensor(dtype):
    """The costs are the two numbers of each line above, whichever the precision."""

    def both(loss, outputs, targets):
        t = Tensor(np.array(outputs, dtype))
        out = LOSSES[loss](t, targets)
        out.backward()
        assert out.dtype == t.grad.dtype == dtype
        return out.item(), t.grad.tolist()

    rel = 1e-12 if dtype == "float64" else 1e-5
    with detect_anomaly():
        for p, y, value in [(0.0, 1, 100.0), (1.0, 0, 100.0), (0.0, 0, 0.0), (1.0, 1, 0.0)]:
            cost, (slope,) = both("bce", [p], [y])
            if dtype == "float32" and p < y:
                value = 126 * math.log(2)  # the smallest float32 with an inverse is 2 ** -126
            assert cost == pytest.approx(value, rel=1e-6)
            assert math.isfinite(slope)
        for z in (-1000.0, -40.0, 40.0, 1000.0):
            small = math.exp(-abs(z))
            right, (slope,) = both("bce_with_logits", [z], [int(z > 0)])
            assert (right, abs(slope)) == pytest.approx((small, small), rel=rel)
            wrong, (slope,) = both("bce_with_logits", [z], [int(z < 0)])
            assert (wrong, slope) == pytest.approx((abs(z), math.copysign(1.0, z)), rel=rel)
        cost, slopes = both("cross_entropy", [[50.0, 0.0]], [0])
        small = math.exp(-50)
        assert cost == pytest.approx(small, rel=rel)
        assert slopes[0] == pytest.approx([-small, small], rel=rel)
        cost, slopes = both("cross_entropy", [[1000.0, -1000.0, 0.0]], [1])
        assert (cost, slopes[0]) == (2000.0, pytest.approx([1.0, -1.0, 0.0]))


def test_what_went_into_a_sigmoid_or_softmax_is_found_in_a_tensor_of_any_shape():
    z = Tensor([[800.0], [-800.0]])
    assert LOSSES["bce"](z.sigmoid().reshape(2), [0, 1]).item() == 800.0
    rows = Tensor([[800.0, 0.0], [0.0, 800.0]])
    assert LOSSES["cross_entropy"](rows.softmax(), [1, 0]).item() == 800.0
    assert LOSSES["cross_entropy"](rows.reshape(1, 2, 2).softmax(), [[1, 0]]).item() == 800.0


def test_a_softmax_along_another_axis_is_not_taken_for_that_of_the_rows():
    columns = Tensor([[3.0, 1.0, 0.5], [0.0, 2.0, 1.0]]).softmax(axis=0)
    expected = LOSSES["cross_entropy"](columns.data.tolist(), [0, 1])
    assert LOSSES["cross_entropy"](columns, [0, 1]).item() == pytest.approx(expected, rel=1e-15)


def test_targets_of_0_1_and_between_may_stand_in_one_array():
    z, y = [-2.0, 0.5, 3.0, 1.0], [1.0, 0.25, 0.0, 0.9]
    nodes, t = [Value(x) for x in z], Tensor(z)
    for loss, f in (("bce_with_logits", lambda x: x), ("bce", lambda x: (0.1 * x + 0.5).tanh())):
        outputs = [abs(f(x)) for x in nodes]
        one_by_one, at_once = LOSSES[loss](outputs, y), LOSSES[loss](abs(f(t)), y)
        assert at_once.item() == pytest.approx(one_by_one.data, rel=1e-15)
        (found,) = gradients(at_once, [t])
        assert found == pytest.approx(np.array(gradients(one_by_one, nodes)), rel=1e-14)


def test_beside_a_target_between_the_wrong_class_of_another_is_still_not_looked_at():
    """0 * inf would be nan."""
    t = Tensor([math.inf, -math.inf, 0.0])
    out = LOSSES["bce_with_logits"](t, [1.0, 0.0, 0.5])
    out.backward()
    assert out.item() == pytest.approx(math.log(2) / 3, rel=1e-15)
    assert t.grad.tolist() == [0.0, 0.0, 0.0]


# ---- kinds ---------------------------------------------------------------------------------------


def test_a_list_of_tensors_is_a_batch():
    t = Tensor([[0.3, -1.2], [2.0, 0.1]])
    assert LOSSES["cross_entropy"]([t[0], t[1]], [1, 0]).item() == (
        LOSSES["cross_entropy"](t, [1, 0]).item()
    )
    assert LOSSES["mse"]([t[0, 0], t[1, 1]], [0.0, 0.0]).item() == pytest.approx(0.05)


def test_rows_along_two_axes_have_classes_along_two_axes():
    rows = np.array([[[0.3, -1.2, 2.0], [1.0, 0.0, -1.0]], [[0.1, 0.2, 0.3], [2.0, 1.0, 0.0]]])
    classes = np.array([[0, 1], [2, 0]])
    flat = LOSSES["cross_entropy"](rows.reshape(4, 3).tolist(), classes.ravel().tolist())
    assert LOSSES["cross_entropy"](Tensor(rows), classes).item() == pytest.approx(flat, rel=1e-15)
    with pytest.raises(ValueError, match=r"shape \(2, 2, 3\) have classes of shape \(2, 2\)"):
        LOSSES["cross_entropy"](Tensor(rows), [[0, 1, 0], [2, 0, 1]])


def test_a_gradient_flows_into_targets_that_are_tensors():
    t, y = Tensor([1.0, 4.0]), Tensor([0.0, 2.0])
    LOSSES["mse"](t, y).backward()
    assert (t.grad.tolist(), y.grad.tolist()) == ([1.0, 2.0], [-1.0, -2.0])


def test_values_for_targets_of_a_tensor_are_refused():
    with pytest.raises(TypeError, match="stack_values"):
        LOSSES["mse"](Tensor([1.0]), [Value(1.0)])


@pytest.mark.parametrize("loss", [n for n in LOSSES if n not in ("cross_entropy",)])
def test_a_column_of_targets_fits_a_row_of_outputs(loss):
    t, y = Tensor([0.5, 0.25]), np.array([1, 1])
    assert LOSSES[loss](t, y[:, None]).item() == LOSSES[loss](t, y).item()


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


REFUSED = [
    ("mse", [], [], "the batch is empty"),
    ("mse", [1.0], [1.0, 2.0], "1 outputs for 2 targets"),
    ("mse", [[1.0, 2.0]], [1.0], "an output has 2 numbers, and its target 1"),
    ("mse", [[1.0, 2.0]], [[1.0]], "an output has 2 numbers, and its target 1"),
    ("bce", [1.5], [1], "bce takes probabilities, and an output is 1.5"),
    ("bce", [0.5], [2], "targets of bce are 0, 1 or between, not 2"),
    ("bce_with_logits", [0.5], [-1], "targets of bce are 0, 1 or between, not -1"),
    ("cross_entropy", [[1.0, 2.0]], [2], "2 is not a class: they are 0 to 1"),
    ("cross_entropy", [[1.0, 2.0]], [-1], "-1 is not a class"),
    ("cross_entropy", [[1.0, 2.0]], [0.5], "0.5 is not a class"),
    ("cross_entropy", [1.0], [0], "needs an output for each class"),
    ("cross_entropy", [[1.0, 2.0]], [[1.0]], "1 probabilities for 2 outputs"),
    ("cross_entropy", [], [], "the batch is empty"),
    ("cross_entropy", [[0.0, 0.0]], [[-1.0, 2.0]], "a target is -1.0, and must be a probability"),
    ("cross_entropy", [[0.0, 0.0]], [[1.0, 1.0]], "of a target add up to 2, and not to 1"),
    ("cross_entropy", [[0.0, 0.0]] * 2, [[0.5, 0.5], [0.25, 0.25]], "add up to 0.5, and not"),
    ("cross_entropy", [[0.0, 0.0, 0.0]], [[math.nan, 0.0, 1.0]], "a target is nan, and must be"),
    ("zero_one", [[1.0, 2.0]], [[0.0, 1.0]], "takes the number of the right class"),
    ("hinge", [1.0], [0], "classes of the hinge loss are -1 and 1, not 0"),
    ("zero_one", [1.0], [2], "classes are 0 and 1, or -1 and 1, not 2"),
    ("zero_one", [[1.0, 2.0]], [3], "3 is not a class"),
]


@pytest.mark.parametrize(("loss", "outputs", "targets", "message"), REFUSED)
def test_a_loss_refuses_what_it_cannot_compare(loss, outputs, targets, message):
    with pytest.raises(ValueError, match=message):
        LOSSES[loss](outputs, targets)
    with pytest.raises(ValueError, match=message.replace(r"-1 ", r"-1(.0)? ")):
        LOSSES[loss](Tensor(outputs), targets)


@pytest.mark.parametrize("delta", [0.0, -1.0, math.nan])
def test_the_bend_of_huber_is_above_0(delta):
    with pytest.raises(ValueError, match=r"delta is .*, and must be above 0"):
        LOSSES["huber"]([1.0], [3.0], delta=delta)


@pytest.mark.parametrize("target", [None, object])
def test_what_is_no_class_at_all_is_named(target):
    with pytest.raises(TypeError, match="is not a class: it is a whole number"):
        LOSSES["cross_entropy"]([[1.0, 2.0]], [target])


def test_probabilities_add_up_to_1_but_for_rounding():
    row = [[0.1, 0.2, 0.7]]
    thirds = np.array([[1, 1, 1]], "f4") / np.float32(3)
    for target in ([[0.3, 0.3, 0.4]], [[1, 0, 0]], thirds, thirds.tolist(), [[0.0, True, False]]):
        expected = -(np.asarray(target, float) * np.log(np.exp(row) / np.exp(row).sum())).sum()
        for outputs in (row, np.array(row), Tensor(row)):
            found = LOSSES["cross_entropy"](outputs, target)
            assert nn.data.number_of(found) == pytest.approx(expected, rel=1e-6)


def test_an_unknown_loss_is_answered_with_the_nearest_name():
    with pytest.raises(ValueError, match="no loss 'cross_entrpy': did you mean 'cross_entropy'"):
        nn.fit(nn.MLP(1, [1]), [[1.0]], [1.0], "cross_entrpy", progress=False)


WEIGHTED = {
    "cross_entropy": ([[1.0, -2.0, 0.5], [0.3, 0.1, 2.0], [-1.0, 1.0, 0.0]], [0, 1, 2]),
    "hinge": ([0.5, -2.0, 0.1], [1, 1, -1]),
    "bce": ([0.2, 0.5, 0.9], [0, 1, 1]),
    "zero_one": ([0.2, 0.7, 0.9], [0, 1, 0]),
    "two numbers": ([[1.0, 2.0], [3.0, -1.0], [0.0, 0.5]], [[0.0, 2.5], [1.0, 1.0], [0.0, 0.0]]),
}


RAGGED = {
    "mse": 14 / 3, "sse": 14.0, "mae": 2.0, "huber": (0.5 + 1.5 + 2.5) / 3,
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), RAGGED.items())
@pytest.mark.parametrize("made", [lambda x: x, lambda x: trees.replace(x, Value)])
def test_a_weight_is_of_all_numbers_of_its_sample_however_many(name, value, made):
    outputs, targets = [[1.0, 2.0, 3.0], [4.0]], [[0.0, 0.0, 0.0], [0.0]]
    loss = LOSSES[name]
    out = loss(made(outputs), targets, weights=[1, 0])
    assert nn.data.number_of(out) == pytest.approx(value, rel=1e-12)
    twice = loss(made([outputs[0], outputs[1], outputs[1]]), [targets[0], targets[1], targets[1]])
    out = loss(made(outputs), targets, weights=[1, 2])
    assert nn.data.number_of(out) == pytest.approx(nn.data.number_of(twice), rel=1e-12)


def test_weights_that_are_a_tensor_are_refused_by_name():
    with pytest.raises(TypeError, match=r"weights are data, .* take weights\.data"):
        LOSSES["mse"](Tensor([1.0, 2.0]), [0.0, 0.0], weights=Tensor([1.0, 2.0]))


@pytest.mark.parametrize("name", [*LOSSES, "two numbers"])
@pytest.mark.parametrize("kind", ["lists", "values", "arrays"])
def test_a_weight_is_that_many_copies_of_the_sample(name, kind):
    loss = LOSSES.get(name, LOSSES["mse"])
    outputs, targets = WEIGHTED.get(name, ([0.2, -1.5, 0.9], [0.0, 1.0, 1.0]))
    repeated = [0, 0, 0, 2], [3, 0, 1]
    many = loss([outputs[i] for i in repeated[0]], [targets[i] for i in repeated[0]])
    made = {
        "lists": lambda x: x, "values": lambda x: trees.replace(x, Value),
        "arrays": lambda x: Tensor(np.array(x)),
    }[kind](outputs)  # fmt: skip
    out = loss(made, targets, weights=repeated[1])
    assert getattr(out, "data", out) == pytest.approx(many, rel=1e-12)
    for wrong in ([0, 0, 0], [1, -1, 1], [1, 1], [], [math.nan, 1, 1]):
        with pytest.raises(ValueError, match="weights are a number for each sample"):
            loss(made, targets, weights=wrong)
