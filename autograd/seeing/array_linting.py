"""What `linting` asks of arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.graph import hand_back
from .abbreviating import plain


def ones(root: Any) -> Any:
    """A gradient to begin with."""
    return root.start(np.ones(root.shape))


def rate_of(step: Any, g: Any) -> float:
    """The number that a gradient was multiplied with to give a step; nan if there is none."""
    step, g = plain(step).astype(float), plain(g).astype(float)
    if step.shape != g.shape or not g.any():
        return math.nan
    rate = float(np.sum(step * g) / np.sum(g * g))
    return rate if np.allclose(step, rate * g, rtol=1e-9, atol=0.0) else math.nan


def saturated(node: Any, flat: float) -> int:
    """In how many elements the slope of an elementwise operation is as good as 0."""
    (slope,) = hand_back(node, ones(node))
    return int(np.sum(np.abs(plain(slope)) < flat))


def kinks(node: Any, lengths: Sequence[str]) -> int:
    """In how many elements an operation is exactly at a kink: a length of 0, or a tie."""
    values, kink = [plain(x) for x in node.inputs], node._rule.fact.kink
    if node.op in ("max", "min"):
        x, axes = values[0], node._rule.settings["axes"]
        ties = x == getattr(np, node.op)(x, axis=axes, keepdims=True)
        return int(np.sum(np.sum(ties, axis=axes) > 1))
    if node.op in lengths:
        return int(np.sum(plain(node) == 0.0))
    if kink is None:
        return 0
    return int(np.sum(np.frompyfunc(kink, len(values), 1)(*values) == 0.0))


def is_shifted(softmax: Any) -> bool:
    """Whether the largest exponent of each sum in exp(x) / sum(exp(x)) is 0."""
    exps, total = softmax.inputs
    (exponent,) = exps.inputs
    largest = np.max(plain(exponent), axis=total._rule.settings["axes"])
    return bool(np.all(largest == 0.0))


def new_nonfinite(data: Sequence[Any]) -> str:
    """How many elements of a result are not finite, where all of its inputs are; else ""."""
    own, *others = map(plain, data)
    if not others or not all(np.all(np.isfinite(x)) for x in others):
        return ""
    nan, infinite = int(np.isnan(own).sum()), int(np.isinf(own).sum())
    told = [f"{n:,} {name}" for n, name in ((nan, "nan"), (infinite, "inf")) if n]
    return " and ".join(told)
