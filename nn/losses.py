"""Losses: how far outputs are from targets, as one number to make small.

Each takes the outputs of a batch and their targets: a number for each sample, or a row of numbers.
All but `sse` are means.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any

import autograd
from autograd import dot, log, log1p, maximum, mean, minimum, relu, softplus, step, where

from .choices import choose

Loss = Callable[[Sequence[Any], Sequence[Any]], Any]

SMALLEST = math.exp(-100.0)  # the log is clamped at -100
BELOW_ONE = 1.0 - 2.0**-53  # the largest float below 1


def _check_lengths(outputs: Sequence[Any], targets: Sequence[Any]) -> None:
    if len(outputs) != len(targets):
        raise ValueError(f"there are {len(outputs)} outputs for {len(targets)} targets")
    if not len(outputs):
        raise ValueError("the batch is empty: a loss is taken over at least one sample")


def _pairs(outputs: Sequence[Any], targets: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Each output with its target, rows taken apart."""
    _check_lengths(outputs, targets)
    for output, target in zip(outputs, targets, strict=True):
        row, wanted = _row(output), _row(target)
        if len(row) != len(wanted):
            raise ValueError(f"an output has {len(row)} numbers, and its target {len(wanted)}")
        yield from zip(row, wanted, strict=True)


def _row(x: Any) -> Sequence[Any]:
    return x if hasattr(x, "__len__") else [x]


def _errors(outputs: Sequence[Any], targets: Sequence[Any]) -> list[Any]:
    return [output - y for output, y in _pairs(outputs, targets)]


def sse(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    """The sum of the squared errors."""
    errors = _errors(outputs, targets)
    return dot(errors, errors)


def mse(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    """The mean of the squared errors."""
    errors = _errors(outputs, targets)
    return dot(errors, errors) / len(errors)


def mae(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    """The mean of the absolute errors."""
    return mean(map(abs, _errors(outputs, targets)))


def huber(outputs: Sequence[Any], targets: Sequence[Any], delta: float = 1.0) -> Any:
    """Half the squared error up to `delta`, and the straight line from there (Huber 1964)."""
    sizes = map(abs, _errors(outputs, targets))
    return mean(where(s <= delta, 0.5 * s * s, delta * (s - 0.5 * delta)) for s in sizes)


def bce(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    """The mean of -y log(p) - (1 - y) log(1 - p) for probabilities p of class 1.

    Where p is a sigmoid this is `bce_with_logits` of what went into it; elsewhere the log is
    clamped at -100, so that p = 0 and p = 1 cost a finite 100.
    """
    return mean(
        _logit_cost(p.inputs[0], y) if _comes_from("sigmoid", p) else _probability_cost(p, y)
        for p, y in _shares(outputs, targets)
    )


def bce_with_logits(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    """`bce` of sigmoid(z) for logits z, with all digits however large they are."""
    return mean(_logit_cost(z, y) for z, y in _shares(outputs, targets))


def _shares(outputs: Sequence[Any], targets: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    for output, y in _pairs(outputs, targets):
        if not 0 <= y <= 1:
            raise ValueError(f"the targets of bce are 0, 1 or between, not {y!r}")
        yield output, y


def _comes_from(operation: str, x: Any) -> bool:
    return getattr(x, "op", "") == operation


def _weighted(y: Any, if_one: Callable[[], Any], if_zero: Callable[[], Any]) -> Any:
    """y of the one and 1 - y of the other; at y = 0 and 1 the other is not even looked at."""
    if y == 1:
        return if_one()
    return if_zero() if y == 0 else y * if_one() + (1 - y) * if_zero()


def _logit_cost(z: Any, y: Any) -> Any:
    return _weighted(y, lambda: softplus(-z), lambda: softplus(z))


def _probability_cost(p: Any, y: Any) -> Any:
    if not (0 <= p <= 1 or p != p):
        raise ValueError(
            f"bce takes probabilities, and an output is {p:.6g}: end the network in "
            "output='sigmoid', or take loss='bce_with_logits'"
        )
    return _weighted(
        y,
        lambda: -log(maximum(p, SMALLEST)),
        lambda: where(p < 1, -log1p(-minimum(p, BELOW_ONE)), 100.0),
    )


def cross_entropy(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    """The mean of -log(softmax(row)[k]) for rows of logits; k is the number of the right class.

    A target may also be a row of probabilities. Rows that come from a softmax are taken as the
    logits that went into it.
    """
    _check_lengths(outputs, targets)
    return mean(_entropy(row, target) for row, target in zip(outputs, targets, strict=True))


def _entropy(row: Any, target: Any) -> Any:
    _check_class(row, target)
    if all(_comes_from("softmax", p) for p in row):
        row = [p.inputs[0] for p in row]
    if hasattr(target, "__len__"):
        return -dot(target, autograd.log_softmax(row))
    k = int(target)
    # log(1 + (the others' e^x) / e^x_k): exact in its digits when the right class has won by far
    return softplus(autograd.logsumexp(_others(row, k)) - row[k])


def _check_class(row: Any, target: Any) -> None:
    if not isinstance(row, (list, tuple)) or len(row) < 2:
        raise ValueError("cross_entropy needs an output for each class; or take bce or hinge")
    if hasattr(target, "__len__"):
        if len(target) != len(row):
            raise ValueError(f"a target has {len(target)} probabilities for {len(row)} outputs")
    elif not 0 <= target < len(row) or target != int(target):
        raise ValueError(f"{target!r} is no class: they are 0 to {len(row) - 1}, one an output")


def hinge(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    """The mean of max(0, 1 - y s) for scores s and classes -1 and 1."""
    pairs = list(_pairs(outputs, targets))
    if wrong := [y for _, y in pairs if y not in (-1, 1)]:
        raise ValueError(f"the classes of the hinge loss are -1 and 1, not {wrong[0]!r}")
    return mean(relu(1 - y * s) for s, y in pairs)


def zero_one(outputs: Sequence[Any], targets: Sequence[Any], threshold: float | None = None) -> Any:
    """The share of samples on the wrong side; flat, so nothing can be learnt from its gradient.

    Of a row the largest output wins. A single output is class 1 above the threshold: half-way
    between the classes where none is given, so 0 for -1 and 1, and 1/2 for 0 and 1.
    """
    _check_lengths(outputs, targets)
    if isinstance(outputs[0], (list, tuple)):
        return mean(_is_beaten(row, k) for row, k in zip(outputs, targets, strict=True))
    pairs = list(_pairs(outputs, targets))
    low = min(0, *(y for _, y in pairs))
    if wrong := [y for _, y in pairs if y not in (low, 1)]:
        raise ValueError(f"the classes are 0 and 1, or -1 and 1, not {wrong[0]!r}")
    middle = (low + 1) / 2 if threshold is None else threshold
    return mean(abs(step(s - middle) - (1.0 if y == 1 else 0.0)) for s, y in pairs)


def _is_beaten(row: Any, k: Any) -> Any:
    """1 if another output is larger than that of the right class, else 0."""
    _check_class(row, k)
    return step(reduce(maximum, _others(row, int(k))) - row[int(k)])


def _others(row: Any, k: int) -> list[Any]:
    return [*row[:k], *row[k + 1 :]]


LOSSES: dict[str, Loss] = {
    loss.__name__: loss
    for loss in (mse, sse, mae, huber, bce, bce_with_logits, cross_entropy, hinge, zero_one)
}


def loss_of(loss: str | Loss) -> Loss:
    """The loss of that name, or the user's own function of outputs and targets."""
    return loss if callable(loss) else choose("loss", loss, LOSSES)
