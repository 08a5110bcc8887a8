"""Losses: how far outputs are from targets, as one number to make small.

Each takes the outputs of a batch and their targets: a number for each sample, or a row of numbers,
in lists (of Values or numbers) or in a Tensor. All but `sse` are means.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import autograd
from autograd import dot, log, log1p, maximum, mean, minimum, relu, softplus, step, where

from .choices import choose
from .parameters import flat, is_array, plain
from .training.batching import (
    before,
    each,
    each_row,
    failing,
    is_share,
    largest,
    matched,
    parted,
    weighted_sum,
)

Loss = Callable[[Any, Any], Any]

# Where the log is clamped, at -100 (in float32, with no inverse below 2^-126, at -87); and the
# largest float below 1.
ENDS = math.exp(-100.0), 1.0 - 2.0**-53
ENDS32 = 2.0**-126, 1.0 - 2.0**-24


def sse(outputs: Any, targets: Any) -> Any:
    """The sum of the squared errors."""
    errors = each(operator.sub, outputs, targets)
    return dot(errors, errors)


def mse(outputs: Any, targets: Any) -> Any:
    """The mean of the squared errors."""
    errors = each(operator.sub, outputs, targets)
    return dot(errors, errors) / len(errors)


def mae(outputs: Any, targets: Any) -> Any:
    """The mean of the absolute errors."""
    return mean(each(lambda output, y: abs(output - y), outputs, targets))


def huber(outputs: Any, targets: Any, delta: float = 1.0) -> Any:
    """Half the squared error up to `delta`, and the straight line from there (Huber 1964)."""

    def cost(output: Any, y: Any) -> Any:
        s = abs(output - y)
        return where(s <= delta, 0.5 * s * s, delta * (s - 0.5 * delta))

    return mean(each(cost, outputs, targets))


def bce(outputs: Any, targets: Any) -> Any:
    """The mean of -y log(p) - (1 - y) log(1 - p) for probabilities p of class 1.

    Where p is a sigmoid this is `bce_with_logits` of what went into it; elsewhere the log is
    clamped at -100, so that p = 0 and p = 1 cost a finite 100.
    """

    def cost(p: Any, y: Any) -> Any:
        z = before("sigmoid", p)
        return _probability_cost(p, y) if z is None else _logit_cost(z, y)

    return mean(each(cost, outputs, targets))


def bce_with_logits(outputs: Any, targets: Any) -> Any:
    """`bce` of sigmoid(z) for logits z, with all digits however large they are."""
    return mean(each(_logit_cost, outputs, targets))


def _logit_cost(z: Any, y: Any) -> Any:
    def against(k: Any) -> Any:
        """The logit of what is not class k."""
        return (1 - 2 * k).astype(z.dtype) * z if is_array(k) else -z if k else z

    return _between(y, lambda k: softplus(against(k)))


def _probability_cost(p: Any, y: Any) -> Any:
    if wrong := failing(p, p < 0, p > 1):
        raise ValueError(
            f"bce takes probabilities, and an output is {wrong[0]:.6g}: end the network in "
            "output='sigmoid', or take loss='bce_with_logits'"
        )

    low, high = ENDS32 if is_array(p) and p.dtype == "f4" else ENDS

    def cost(k: Any) -> Any:
        if is_array(k):
            return where(k, cost(1), cost(0))
        return -log(maximum(p, low)) if k else where(p < 1, -log1p(-minimum(p, high)), 100.0)

    return _between(y, cost)


def _between(y: Any, cost: Callable[[Any], Any]) -> Any:
    """The cost(1) of class 1 and the cost(0) of class 0, weighted by y and 1 - y.

    At y = 0 and 1 the other one is not even looked at.
    """
    if wrong := failing(y, y < 0, y > 1, y != y):
        raise ValueError(f"the targets of bce are 0, 1 or between, not {wrong[0]!r}")
    k = y > 0.5
    hard = y == k
    if hard.all() if is_array(hard) else hard:
        return cost(k)
    mixed = y * cost(1) + (1 - y) * cost(0)
    return where(hard, cost(k), mixed) if is_array(hard) else mixed


def cross_entropy(outputs: Any, targets: Any) -> Any:
    """The mean of -log(softmax(row)[k]) for rows of logits; k is the number of the right class.

    A target may also be a row of probabilities. Rows that come from a softmax are taken as the
    logits that went into it. In a Tensor, rows may stand along several axes.
    """
    return mean(each_row(_entropy, outputs, targets))


def _entropy(row: Any, target: Any) -> Any:
    logits = before("softmax", row)
    row = row if logits is None else logits
    if is_share(target):
        return -weighted_sum(target, autograd.log_softmax(row))
    right, others = parted(row, target)
    # log(1 + (the others' e^x) / e^x_k): exact in its digits when the right class has won by far
    return softplus(autograd.logsumexp(others, axis=-1) - right)


def hinge(outputs: Any, targets: Any) -> Any:
    """The mean of max(0, 1 - y s) for scores s and classes -1 and 1."""

    def cost(s: Any, y: Any) -> Any:
        if wrong := failing(y, abs(y) != 1):
            raise ValueError(f"the classes of the hinge loss are -1 and 1, not {wrong[0]!r}")
        return relu(1 - s * y)

    return mean(each(cost, outputs, targets))


def zero_one(outputs: Any, targets: Any, threshold: float | None = None) -> Any:
    """The share of samples on the wrong side; flat, so nothing can be learnt from its gradient.

    Of a row the largest output wins. A single output is class 1 above the threshold: half-way
    between the classes where none is given, so 0 for -1 and 1, and 1/2 for 0 and 1.
    """
    outputs, targets = matched(outputs, targets)
    if getattr(outputs, "ndim", 1) > 1 or isinstance(outputs[0], (list, tuple)):
        return mean(each_row(_is_beaten, outputs, targets))
    low = min(0, *flat(plain(targets)))
    middle = (low + 1) / 2 if threshold is None else threshold

    def cost(s: Any, y: Any) -> Any:
        if wrong := failing(y, (y != low) * (y != 1)):
            raise ValueError(f"the classes are 0 and 1, or -1 and 1, not {wrong[0]!r}")
        return abs(step(s - middle) - 1.0 * (y == 1))

    return mean(each(cost, outputs, targets))


def _is_beaten(row: Any, k: Any) -> Any:
    """1 if another output is larger than that of the right class, else 0."""
    right, others = parted(row, k)
    return step(largest(others) - right)


LOSSES: dict[str, Loss] = {
    loss.__name__: loss
    for loss in (mse, sse, mae, huber, bce, bce_with_logits, cross_entropy, hinge, zero_one)
}


def loss_of(loss: str | Loss) -> Loss:
    """The loss of that name, or the user's own function of outputs and targets."""
    return loss if callable(loss) else choose("loss", loss, LOSSES)
