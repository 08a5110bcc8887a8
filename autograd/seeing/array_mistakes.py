"""Well-known wrong slopes of the rows that only arrays have, and claims of the wrong shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import operations, rules
from ..arrays.rules import spread
from .abbreviating import plain
from .mistakes import Wrong, with_share

Array = Any  # of any library, or a Tensor
Axes = tuple[int, ...]


def _assigned(g: Array, out: Array, x: Array, index: Any) -> Array:
    share = np.zeros(x.shape, x.dtype)
    share[index] = g
    return share


def _to_each_extreme(g: Array, out: Array, x: Array, axes: Axes, keepdims: bool) -> Array:
    return spread(g, x, axes, keepdims) * (x == spread(out, x, axes, keepdims))


def _shared_out(g: Array, out: Array, x: Array, axes: Axes, keepdims: bool) -> Array:
    return spread(g / operations.count(x, axes), x, axes, keepdims)


def _transposed(g: Array, share: Array) -> Array:
    return share.swapaxes(-1, -2) if share.ndim > 1 else share


# fmt: off
BY_NAME: dict[str, tuple[Wrong, ...]] = {
    "mean":    (("mean hands on a sum's share, without 1/n", "mean hands each of n elements g / n",
                 (lambda g, out, x, axes, keepdims: spread(g, x, axes, keepdims),)),),
    "sum":     (("sum hands on a mean's share, with 1/n", "sum hands each element all of g",
                 (_shared_out,)),),
    "matmul":  (("matmul hands back g @ y, with y not transposed", "x of x @ y is handed g @ y.T",
                 (lambda g, out, x, y: g @ y, rules.TABLE["matmul"][1])),
                ("matmul hands back x @ g, with x not transposed", "y of x @ y is handed x.T @ g",
                 (rules.TABLE["matmul"][0], lambda g, out, x, y: x @ g)),
                ("matmul hands back neither operand transposed",
                 "x of x @ y is handed g @ y.T, and y x.T @ g",
                 (lambda g, out, x, y: g @ y, lambda g, out, x, y: x @ g)),
                ("what matmul hands x of x @ y is transposed", "x of x @ y is handed g @ y.T",
                 (with_share(rules.TABLE["matmul"][0], _transposed), rules.TABLE["matmul"][1])),
                ("what matmul hands y of x @ y is transposed", "y of x @ y is handed x.T @ g",
                 (rules.TABLE["matmul"][0], with_share(rules.TABLE["matmul"][1], _transposed)))),
    "max":     (("max hands g to every element, and not to the largest alone",
                 "only the largest is handed g",
                 (lambda g, out, x, axes, keepdims: spread(g, x, axes, keepdims),)),
                ("max hands all of g to each element that ties for it", "ties share g evenly",
                 (_to_each_extreme,))),
    "min":     (("min hands g to every element, and not to the smallest alone",
                 "only the smallest is handed g",
                 (lambda g, out, x, axes, keepdims: spread(g, x, axes, keepdims),)),
                ("min hands all of g to each element that ties for it", "ties share g evenly",
                 (_to_each_extreme,))),
    "var":     (("the derivative of var lacks its factor 2", "d (x - m)^2/dx = 2 (x - m)",
                 (with_share(rules.TABLE["var"][0], lambda g, share: share / 2),)),),
    "softmax": (("softmax is differentiated element by element: s (1 - s)",
                 "each share of a softmax depends on every x: s (g - sum(g s))",
                 (lambda g, out, x, axes: g * out * (1 - out),)),),
    "log_softmax": (("log_softmax is differentiated element by element: 1 - s",
                     "each share of a softmax depends on every x: g - s sum(g)",
                     (lambda g, out, x, axes: g * (1 - np.exp(out)),)),),
    "logsumexp": (("logsumexp hands g to every x", "each x is handed its softmax's part of g",
                   (lambda g, out, x, axes, keepdims: spread(g, x, axes, keepdims),)),),
    "cumsum":  (("cumsum hands back running sums from the front", "they run from the back",
                 (lambda g, out, x, axis: operations.cumsum(g, axis=axis),)),),
    "getitem": (("an element that was picked twice is handed one share: = in the place of +=",
                 "shares of one element are added: np.add.at", (_assigned,)),),
}
# fmt: on


# ---- claims of another kind ----------------------------------------------------------------------


def in_other_words(claimed: Array, right: Array) -> str:
    """How a claim that no mistake explains relates to the right gradient; "" if that is unknown."""
    claimed, right = plain(claimed).astype(float), plain(right).astype(float)
    if claimed.shape == right.shape[::-1] and np.allclose(claimed.T, right):
        return "it is the right one, transposed: a gradient has the shape of its Tensor"
    if claimed.shape != right.shape:
        lead = claimed.ndim - right.ndim
        if lead >= 0:
            full = np.broadcast_shapes(right.shape, claimed.shape) == claimed.shape
            axes = [
                i for i, n in enumerate(claimed.shape) if i < lead or right.shape[i - lead] != n
            ]
            if full and np.allclose(claimed.sum(axis=tuple(axes)).reshape(right.shape), right):
                return f"its sum over {_axes(axes)} is the right one: broadcasting is not undone"
        return f"it has the shape {claimed.shape}, and the gradient {right.shape}"
    with np.errstate(all="ignore"):
        ratios = (claimed / right)[right != 0.0]
    if ratios.size and np.allclose(ratios, ratios[0]) and not np.any(claimed[right == 0.0]):
        factor = float(ratios[0])
        return f"every element is {factor:.6g} times what it should be" + (
            f", {1 / factor:.6g} times too small" if 0 < factor < 1 else ""
        )
    return ""


def _axes(axes: Sequence[int]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"the axes {tuple(axes)}"
