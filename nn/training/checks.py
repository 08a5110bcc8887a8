"""What comes from outside: made rows of floats or arrays, or refused by its place."""

from __future__ import annotations

import math
from typing import Any

from autograd import trees

from ..parameters import is_tensor

Row = list[float]


def checked(X: Any, y: Any) -> tuple[list[Row], list[Any]]:
    """X as rows of floats and y as floats or rows of floats.

    X is a list of samples, each a list of features, or anything with rows: an array, a data frame.
    ValueError where one has nothing in it, a nan, an infinity or a ragged row, or where the
    lengths differ.
    """
    rows = table("X", X)
    targets = numbers("y", y)
    check_lengths(rows, targets)
    return rows, targets


def table(what: str, X: Any) -> list[Row]:
    """X as rows of finite floats, all of one length."""
    rows = numbers(what, X)
    if not isinstance(rows[0], list):
        raise ValueError(f"{what} is a list of samples, each a list of features: write [[x] ...]")
    return rows


def numbers(what: str, xs: Any) -> list[Any]:
    """A list of finite floats, or of rows of them, all of one length."""
    xs = bare(xs)
    listed = xs.tolist() if hasattr(xs, "tolist") else list(xs)
    if not listed:
        raise ValueError(f"{what} is empty: there is nothing to learn from")
    result = [_floats(what, i, x) for i, x in enumerate(listed)]
    lengths = [len(x) if isinstance(x, list) else None for x in result]
    for i, length in enumerate(lengths):
        if length != lengths[0] or length == 0:
            raise ValueError(f"{what}[{i}] has {length} numbers, and {what}[0] has {lengths[0]}")
    return result


def _floats(what: str, i: int, x: Any, level: int = 0) -> Any:
    if hasattr(x, "tolist"):
        x = x.tolist()
    if isinstance(x, (list, tuple)):
        level = trees.deeper(level)
        return [_floats(f"{what}[{i}]", j, item, level) for j, item in enumerate(x)]
    if isinstance(x, (str, bytes, complex)) or not hasattr(x, "__float__"):
        raise TypeError(f"{what}[{i}] is {x!r}, and must be a real number: code or convert it")
    if not math.isfinite(x):
        raise ValueError(f"{what}[{i}] is {x}: fill in or leave out what is missing first")
    return float(x)


def bare(xs: Any) -> Any:
    """The array in a Tensor or a data frame; anything else as it is."""
    if is_tensor(xs):
        return xs.data
    found = xs if isinstance(xs, dict) else getattr(xs, "values", xs)
    return xs if callable(found) else found


def arrays(X: Any, y: Any, dtype: Any = None) -> tuple[Any, Any]:
    """X and y as arrays: whole numbers as they are, others in that precision.

    Arrays are copied only where they have another. ValueError as of `checked`; X may have any
    number of axes, but of one axis only if it is of whole numbers, such as words by their number.
    """
    found = array("X", X, dtype), array("y", y, dtype)
    if found[0].ndim == 1 and found[0].dtype.kind == "f":
        table("X", found[0])  # which says why not
    check_lengths(*found)
    return found


def array(what: str, xs: Any, dtype: Any = None) -> Any:
    """An array of finite numbers; the errors are those of `numbers`."""
    import numpy as np

    xs = bare(xs)
    try:
        found = np.asarray(xs)
    except ValueError:  # rows of different lengths
        found = np.empty(0)
    masked = np.ma.isMaskedArray(xs)
    if masked or not (found.size and found.dtype.kind in "fiub" and np.isfinite(found).all()):
        found = np.array(numbers(what, xs))
    return found.astype(dtype, copy=False) if found.dtype.kind == "f" and dtype else found


def check_lengths(X: Any, y: Any) -> None:
    """ValueError unless every sample has one target."""
    if len(X) != len(y):
        raise ValueError(f"X has {len(X)} samples and y has {len(y)}: every sample has one target")
