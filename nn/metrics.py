"""Metrics: the accuracy, and losses as numbers to look at."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .choices import choose
from .losses import LOSSES, Loss, bce, bce_with_logits, cross_entropy, hinge, zero_one
from .parameters import Array, flat, np

Metric = Callable[[Any, Any], Any]  # of outputs and targets, in lists or arrays


def accuracy(
    outputs: Any, targets: Any, loss: Loss | None = None, threshold: float | None = None
) -> float:
    """The share of right classes, for numbers in lists or arrays; `loss` is what trains the model.

    The largest output of a row wins, the first of those that tie; for `bce`, `bce_with_logits` and
    `hinge` each output of a row is a mark of its own. A single output above the threshold is class
    1: by default 1/2, but 0 if it is a logit or a score (`bce_with_logits`, `hinge`), or if a class
    is -1. nan if an output is; ValueError for targets that are no such classes.
    """
    found, classes = predicted(outputs, targets, loss, threshold)
    return math.nan if np.isnan(outputs).any() else float((found == classes).mean())


def predicted(
    outputs: Any, targets: Any, loss: Loss | None = None, threshold: float | None = None
) -> tuple[Array, Array]:
    """The predicted classes and the right ones, as `accuracy` compares them."""
    scores, classes = np.asarray(outputs), np.asarray(targets)
    single = loss in MARKS or scores.ndim == 1 or scores.shape[-1] == 1
    if single:  # a column is a row
        scores, classes = (x[..., 0] if x.ndim > 1 == x.shape[-1] else x for x in (scores, classes))
    if classes.shape != scores.shape and (single or classes.shape != scores.shape[:-1]):
        raise ValueError(f"outputs of shape {scores.shape} have no classes of {classes.shape}")
    if single:
        low = -1 if (classes < 0).any() else 0
        between = (classes >= 0) & (classes <= 1) & (loss in (bce, bce_with_logits))
        _check(classes, between | (classes == low) | (classes == 1), "0 and 1, or -1 and 1")
        middle = threshold_of(classes, loss) if threshold is None else threshold
        return scores > middle, classes > 0.5
    n = scores.shape[-1]
    if classes.ndim < scores.ndim:
        right = (classes % 1 == 0) & (classes >= 0) & (classes < n)
        _check(classes, right, f"0 to {n - 1}, one an output")
        return scores.argmax(axis=-1), classes
    if loss is not cross_entropy:
        hot = (classes == 1).sum(axis=-1, keepdims=True) == 1
        _check(classes, ((classes == 0) | (classes == 1)) & hot, "a single 1 in each row")
    return scores.argmax(axis=-1), classes.argmax(axis=-1)


def _check(classes: Array, right: Array, what: str) -> None:
    if not right.all():
        wrong = classes[~right].flat[0]
        raise ValueError(f"accuracy is of classes, {what}, and a target is {wrong:g}")


def threshold_of(targets: Any, loss: Loss | None) -> float:
    """The score between two classes: 0 for logits, and for -1 and 1; else 1/2."""
    lowest = targets.min() if hasattr(targets, "min") else min(flat(targets))
    return 0.0 if loss in (bce_with_logits, hinge) or lowest < 0 else 0.5


METRICS: dict[str, Metric] = {"accuracy": accuracy, **LOSSES}
MARKS = (bce, bce_with_logits, hinge)  # of an output each
CLASSIFIES = (*MARKS, cross_entropy)


def metrics_of(metrics: Any, loss: Loss, threshold: float) -> dict[str, Metric]:
    """The metrics by name, told what classes are; ValueError if two have one name."""
    listed = [metrics] if isinstance(metrics, str) or callable(metrics) else metrics
    pairs = [(m, m) if isinstance(m, str) else (getattr(m, "__name__", repr(m)), m) for m in listed]
    if isinstance(metrics, Mapping):
        pairs = list(metrics.items())
    if len(found := dict(pairs)) < len(pairs) or "loss" in found:
        raise ValueError("each metric has a name of its own: give them as {name: function}")
    for name, m in found.items():
        if m in ("accuracy", accuracy):
            found[name] = partial(accuracy, loss=loss, threshold=threshold)
        elif m in ("zero_one", zero_one):
            found[name] = partial(zero_one, threshold=threshold)
        elif isinstance(m, str):
            found[name] = choose("metric", m, METRICS)
    return found
