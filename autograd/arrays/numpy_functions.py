"""The rules of NumPy's functions: each a composition of functions that have a gradient.

A rule's parameters before its slash are arrays, and one with a star is a list of arrays; its
settings have NumPy's names and defaults. `dtype` casts the arrays, unless the rule takes it. What
a rule does not take is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_lowercase
from typing import Any

import numpy

from ..core import functions
from . import operations
from .building import cat, einsum, norm, stack
from .keywords import one_axis
from .libraries import Array, DType
from .linalg import RULES as LINEAR_ALGEBRA
from .numpy_arguments import as_array, by_name, holds_nodes, plain
from .numpy_places import PLACES
from .numpy_statistics import STATISTICS
from .operations import matmul
from .rules import cut

Function = Callable[..., Any]
np: Any = numpy  # its types know no Tensors


# ---- products ------------------------------------------------------------------------------------


def dot(x: Array, y: Array, /) -> Array:
    if not np.ndim(x) or not np.ndim(y):
        return x * y
    return matmul(x, y) if np.ndim(y) <= 2 else tensordot(x, y, ([-1], [-2]))


def tensordot(x: Array, y: Array, /, axes: Any = 2) -> Array:
    if not np.iterable(axes):
        axes = range(-axes, 0), range(axes)
    left, right = ([i] if not np.iterable(i) else list(i) for i in axes)
    shapes = np.shape(x), np.shape(y)
    if [shapes[0][i] for i in left] != [shapes[1][i] for i in right]:
        raise ValueError(f"tensordot: the shapes {shapes} differ along the axes {left} and {right}")
    letters = iter(ascii_lowercase)
    a, b = ([next(letters) for _ in shape] for shape in shapes)
    for i, j in zip(left, right, strict=True):
        b[j] = a[i]
    out = [letter for letter in a + b if (a + b).count(letter) == 1]
    return einsum(f"{''.join(a)},{''.join(b)}->{''.join(out)}", x, y)


def kron(a: Array, b: Array, /) -> Array:
    n = max(np.ndim(a), np.ndim(b))
    left, right = ((1,) * (n - np.ndim(x)) + np.shape(x) for x in (a, b))
    a = np.reshape(a, [k for size in left for k in (size, 1)])
    b = np.reshape(b, [k for size in right for k in (1, size)])
    return np.reshape(a * b, [i * j for i, j in zip(left, right, strict=True)])


def polyval(p: Array, x: Array, /) -> Array:
    out: Array = np.zeros_like(plain(x))
    for coefficient in p:
        out = out * x + coefficient
    return out


def vander(x: Array, /, N: int | None = None, increasing: bool = False) -> Array:
    if x.ndim != 1:
        raise ValueError(f"np.vander is for a row, not for the shape {x.shape}")
    exponents = np.arange(x.size if N is None else N)
    return x[:, None] ** (exponents if increasing else exponents[::-1])


# ---- along an axis -------------------------------------------------------------------------------


def trapezoid(y: Array, /, x: Array = None, dx: Array = 1.0, axis: int = -1) -> Array:
    axis = one_axis("trapezoid", axis, np.ndim(y))
    steps = dx
    if x is not None:
        x = as_array(x)
        steps = np.diff(x) if np.ndim(x) == 1 else np.diff(x, axis=axis)
        if np.ndim(x) == 1:
            steps = np.reshape(steps, [-1 if i == axis else 1 for i in range(np.ndim(y))])
    means = (cut(y, axis, slice(1, None)) + cut(y, axis, slice(None, -1))) / 2
    return np.sum(means * steps, axis)


def gradient(f: Array, /, varargs: Any = (), axis: Any = None, edge_order: int = 1) -> Any:
    every = range(f.ndim) if axis is None else np.ravel(axis).tolist()
    axes = [one_axis("gradient", i, f.ndim) for i in every]
    spacings = list(map(as_array, varargs or (1.0,)))
    spacings = spacings * len(axes) if len(spacings) == 1 and len(axes) != 1 else spacings
    if len(spacings) != len(axes):
        raise TypeError(f"np.gradient: {len(axes)} axes and {len(spacings)} spacings")
    if edge_order not in (1, 2):
        raise ValueError(f"np.gradient: edge_order is 1 or 2, not {edge_order}")
    out = [slopes(f, h, i, edge_order) for h, i in zip(spacings, axes, strict=True)]
    return out[0] if len(out) == 1 else tuple(out)


def slopes(f: Array, spacing: Array, axis: int, edge_order: int) -> Array:
    """Slopes along an axis, from three neighbours each; at the ends from two, or from three."""
    f = np.moveaxis(f, axis, -1)
    n = f.shape[-1]
    if n < edge_order + 1:
        raise ValueError(f"np.gradient: {n} elements along axis {axis} are too few")
    if np.ndim(spacing) and len(spacing) != n:
        raise ValueError(f"np.gradient: {len(spacing)} places for {n} elements along axis {axis}")
    h = np.diff(spacing) if np.ndim(spacing) else spacing * np.ones(n - 1, f.dtype)
    rise = (f[..., 1:] - f[..., :-1]) / h
    first, last = rise[..., :1], rise[..., -1:]
    a, b = h[:-1], h[1:]
    inner = (b * rise[..., :-1] + a * rise[..., 1:]) / (a + b)
    if not np.ndim(spacing):  # an element has no say in its own slope
        inner = (f[..., 2:] - f[..., :-2]) / (2 * spacing)
    if edge_order == 2:
        bends = (rise[..., 1:] - rise[..., :-1]) / (a + b)
        first = first - h[:1] * bends[..., :1]
        last = last + h[-1:] * bends[..., -1:]
    return np.moveaxis(cat([first, inner, last], axis=-1), -1, axis)


def interp(
    x: Array, xp: Array, fp: Array, /, left: Array = None, right: Array = None,
    period: float | None = None,
) -> Array:  # fmt: skip
    """Straight lines between the points; at a point, the slope of the line on its right."""
    np.interp(0.0, plain(xp), plain(fp), period=period)  # NumPy refuses what does not fit
    if period is not None:
        x, xp = x % abs(period), xp % abs(period)
        order = np.argsort(plain(xp), kind="stable")
        around = [order[-1], *order, order[0]]
        turn = np.array([-abs(period), *[0.0] * len(order), abs(period)])
        xp, fp, left, right = xp[around] + turn, fp[around], None, None
    at, knots = plain(x), plain(xp)
    if len(knots) > 1:
        i = np.clip(np.searchsorted(knots, at, "right") - 1, 0, len(knots) - 2)
        slope = (fp[i + 1] - fp[i]) / (xp[i + 1] - xp[i])
        out = np.where(at == knots[-1], fp[-1] + slope * (x - xp[-1]), fp[i] + slope * (x - xp[i]))
    else:
        out = fp[0] + 0.0 * x
    low, high = fp[0] if left is None else left, fp[-1] if right is None else right
    return np.where(at < knots[0], low, np.where(at > knots[-1], high, out))


def unwrap(
    p: Array, /, discont: float | None = None, axis: int = -1, *, period: float = 2 * np.pi
) -> Array:
    turns = np.unwrap(p.data, discont, axis, period=period) - p.data
    return p + np.round(turns / period) * period


def ediff1d(x: Array, /, to_end: Array = None, to_begin: Array = None) -> Array:
    parts = [to_begin, np.diff(np.reshape(x, -1)), to_end]
    return cat(np.reshape(as_array(part), -1).astype(x.dtype) for part in parts if part is not None)


# ---- elements ------------------------------------------------------------------------------------


def rounded(x: Array, /, decimals: int = 0) -> Array:
    """NumPy scales, rounds and scales back: 2.675 is 2.68, where Python's `round` says 2.67."""
    if not decimals:
        return functions.round(x)
    power = 10.0 ** abs(decimals)
    if decimals > 0:
        return functions.round(x * power) / power
    return functions.round(x / power) * power


def clip(x: Array, low: Array, high: Array, /, min: Array = None, max: Array = None) -> Array:
    if (low is not None and min is not None) or (high is not None and max is not None):
        raise ValueError("np.clip takes a_min and a_max, or min and max, and not both")
    low, high = (b if a is None else a for a, b in ((low, as_array(min)), (high, as_array(max))))
    if low is high is None:
        return +x
    return functions.clip(x, -np.inf if low is None else low, np.inf if high is None else high)


def where(condition: Array, x: Array, y: Array, /) -> Array:
    if x is y is None:
        return np.where(plain(condition))
    return functions.where(np.asarray(plain(condition), bool), x, y)


def full_like(x: Array, fill: Array, /, dtype: DType = None, shape: Any = None) -> Array:
    if not holds_nodes(fill):
        return np.full_like(plain(x), fill, dtype, shape=shape)
    return fill.astype(dtype or x.dtype).broadcast_to(x.shape if shape is None else shape)


def nan_to_num(x: Array, /, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Array:
    limits = np.finfo(x.dtype)
    out = functions.where(np.isnan(plain(x)), nan, x)
    out = functions.where(np.isposinf(plain(x)), limits.max if posinf is None else posinf, out)
    return functions.where(np.isneginf(plain(x)), limits.min if neginf is None else neginf, out)


def sinc(x: Array, /) -> Array:
    """sin(y) / y for y = pi x; near 0 its series, whose slopes of every order are those of sinc."""
    y = np.pi * x
    near = abs(plain(y)) < 1.0
    series = 0.0 * y + 1.0
    for k in range(20, 0, -2):
        series = 1.0 - y * y * series / (k * (k + 1.0))
    far = functions.where(near, 1.0, y)
    return functions.where(near, series, functions.sin(far) / far)


def linspace(
    start: Array, stop: Array, /, num: int = 50, endpoint: bool = True, retstep: bool = False,
    *, axis: int = 0,
) -> Any:  # fmt: skip
    precision = np.result_type(*[x.dtype for x in (start, stop) if hasattr(x, "dtype")])
    shares = np.linspace(0.0, 1.0, num, endpoint, dtype=np.result_type(precision, np.float32))
    shares = shares.reshape(-1, *(1,) * len(np.broadcast_shapes(np.shape(start), np.shape(stop))))
    out = np.moveaxis(start * (1.0 - shares) + stop * shares, 0, axis)
    parts = num - bool(endpoint)
    return (out, (stop - start) / (parts or np.nan)) if retstep else out


def logspace(
    start: Array, stop: Array, /, num: int = 50, endpoint: bool = True, base: Array = 10.0,
    *, axis: int = 0,
) -> Array:  # fmt: skip
    base = as_array(base)
    if np.ndim(base):
        raise TypeError("np.logspace of a Tensor takes one number as its base=")
    return base ** linspace(start, stop, num, endpoint, axis=axis)


def geomspace(
    start: Array, stop: Array, /, num: int = 50, endpoint: bool = True, *, axis: int = 0
) -> Array:
    np.geomspace(plain(start), plain(stop), 1)  # NumPy refuses zeros
    if np.any(np.sign(plain(start)) != np.sign(plain(stop))):
        raise ValueError("np.geomspace of Tensors is for a start and a stop of one sign")
    sign = np.sign(plain(start))
    logs = linspace(np.log(start * sign), np.log(stop * sign), num, endpoint, axis=0)
    return np.moveaxis(sign * np.exp(logs), 0, axis)


def bincount(x: Array, /, weights: Array = None, minlength: int = 0) -> Array:
    if not holds_nodes(weights):
        return np.bincount(plain(x), weights, minlength)
    size = len(np.bincount(x, minlength=minlength))
    return operations.scatter(as_array(weights), index=(np.asarray(x),), shape=(size,))


FUNCTION_TABLE: dict[str, Function] = {
    **STATISTICS,
    **PLACES,
    **LINEAR_ALGEBRA,
    **by_name(
        dot, tensordot, kron, polyval, vander, trapezoid, gradient, interp, unwrap, ediff1d, where,
        clip, full_like, nan_to_num, sinc, linspace, logspace, geomspace, bincount,
    ),
    "linalg.vector_norm": lambda x, /, axis=None, keepdims=False, ord=2: norm(
        x, None if ord == 2 else ord, axis, keepdims
    ),
    **dict.fromkeys(("copy", "real", "real_if_close"), lambda x, /: +x),
    "astype": lambda x, /, dtype: x.astype(dtype),
    "matrix_transpose": lambda x, /: x.swapaxes(-1, -2),
    "broadcast_to": lambda x, /, shape: x.broadcast_to(shape),
    "concatenate": lambda *xs, axis=0: cat(xs, axis),
    "append": lambda x, y, /, axis=None: cat([x, y], axis),
    "stack": lambda *xs, axis=0: stack(xs, axis),
    "vstack": lambda *xs: cat([np.atleast_2d(x) for x in xs]),
    "hstack": lambda *xs: cat(list(map(np.atleast_1d, xs)), axis=int(np.ndim(xs[0]) > 1)),
    "dstack": lambda *xs: cat([np.atleast_3d(x) for x in xs], axis=2),
    "column_stack": lambda *xs: cat(
        [np.reshape(x, (-1, 1)) if np.ndim(x) < 2 else x for x in xs], axis=1
    ),
    "einsum": lambda *operands, optimize=False: einsum(*operands),
    "vdot": lambda x, y, /: matmul(np.reshape(x, -1), np.reshape(y, -1)),
    "inner": lambda x, y, /: tensordot(x, y, ([-1], [-1])) if np.ndim(x) and np.ndim(y) else x * y,
    "outer": lambda x, y, /: np.reshape(x, (-1, 1)) * np.reshape(y, -1),
    "linalg.outer": lambda x, y, /: einsum("i,j->ij", x, y),
    "linalg.matmul": lambda x, y, /: matmul(x, y),
    "trace": lambda x, /, offset=0, axis1=0, axis2=1: np.diagonal(x, offset, axis1, axis2).sum(-1),
    "linalg.trace": lambda x, /, offset=0: np.diagonal(x, offset, -2, -1).sum(-1),
    "linalg.diagonal": lambda x, /, offset=0: np.diagonal(x, offset, -2, -1),
    "round": rounded,
    "fix": lambda x, /: np.sign(x) * np.floor(np.abs(x)),
}  # fmt: skip
FUNCTION_TABLE |= {alias: FUNCTION_TABLE[name] for alias, name in {
    "amax": "max", "amin": "min", "around": "round", "linalg.tensordot": "tensordot",
    "trapz": "trapezoid",
    "linalg.matrix_transpose": "matrix_transpose"}.items()}  # fmt: skip
