"""What `soundness` asks of arrays: whether two are the same, and where two are furthest apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..seeing.abbreviating import plain

ROUNDINGS = 64.0  # of the largest element, by which the same computation may differ


def same(a: Any, b: Any) -> bool:
    """Whether two arrays are one and the same result, rounding aside."""
    a, b = plain(a), plain(b)
    if a.shape != b.shape:
        return False
    with np.errstate(all="ignore"):
        near = np.abs(a - b) <= ROUNDINGS * np.finfo(a.dtype).eps * np.max(np.abs(b), initial=0.0)
    return bool(np.all(near | (a == b) | (np.isnan(a) & np.isnan(b))))


def seed_of(root: Any) -> Any:
    """A gradient of different numbers to begin with."""
    shape = root.shape
    return root.start(-1.5 - np.cos(np.arange(np.prod(shape, dtype=int))).reshape(shape))


def worst_element(
    node: Any, got: Any, shares: Sequence[Any], seed: Any
) -> tuple[tuple[int, ...], float, list[float], float]:
    """Where a gradient is furthest from the sum of its shares: the place, and the numbers there.

    They are the gradient, the shares, and the seed; None stands for zeros.
    """
    got, seed, *shares = (
        np.zeros(node.shape) if x is None else plain(x) for x in (got, seed, *shares)
    )
    due, size = seed.astype(float), np.abs(seed.astype(float))
    with np.errstate(all="ignore"):
        for share in shares:
            due, size = due + share, size + np.abs(share)
        gap = np.where(np.isfinite(due), np.abs(got - due) / np.where(size > 0.0, size, 1.0), 0.0)
    got, first, *shares = np.broadcast_arrays(got, seed, *shares)
    at = np.unravel_index(np.argmax(np.nan_to_num(gap, nan=np.inf)), gap.shape)
    index = tuple(map(int, at))
    return (
        index,
        float(got[index]),
        [float(s[index]) for s in shares],
        float(first[index]),
    )
