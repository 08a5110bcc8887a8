"""Data on its way in: checked, cut into batches, coded, standardised."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from .choices import count, number

Row = list[float]


def checked(X: Any, y: Any) -> tuple[list[Row], list[Any]]:
    """X as rows of floats and y as floats or rows of floats.

    X is a list of samples, each a list of features, or anything with rows: an array, a data frame.
    ValueError where one has nothing in it, a nan, an infinity or a ragged row, or where the
    lengths differ.
    """
    rows = table("X", X)
    targets = numbers("y", y)
    if len(rows) != len(targets):
        raise ValueError(
            f"X has {len(rows)} samples and y has {len(targets)}: every sample has one target"
        )
    return rows, targets


def table(what: str, X: Any) -> list[Row]:
    """X as rows of finite floats, all of one length."""
    rows = numbers(what, X)
    if not isinstance(rows[0], list):
        raise ValueError(f"{what} is a list of samples, each a list of features: write [[x] ...]")
    return rows


def numbers(what: str, xs: Any) -> list[Any]:
    """A list of finite floats, or of rows of them, all of one length."""
    xs = getattr(xs, "values", xs) if not isinstance(xs, dict) else xs  # of a data frame
    listed = xs.tolist() if hasattr(xs, "tolist") else list(xs)
    if not listed:
        raise ValueError(f"{what} is empty: there is nothing to learn from")
    result = [_floats(what, i, x) for i, x in enumerate(listed)]
    lengths = [len(x) if isinstance(x, list) else None for x in result]
    for i, length in enumerate(lengths):
        if length != lengths[0] or length == 0:
            raise ValueError(f"{what}[{i}] has {length} numbers, and {what}[0] has {lengths[0]}")
    return result


def _floats(what: str, i: int, x: Any) -> Any:
    if hasattr(x, "tolist"):
        x = x.tolist()
    if isinstance(x, (list, tuple)):
        return [_floats(f"{what}[{i}]", j, item) for j, item in enumerate(x)]
    if isinstance(x, (str, bytes, complex)) or not hasattr(x, "__float__"):
        raise TypeError(f"{what}[{i}] is {x!r}, and must be a real number: code or convert it")
    if not math.isfinite(x):
        raise ValueError(f"{what}[{i}] is {x}: fill in or leave out what is missing first")
    return float(x)


def batches(
    X: Sequence[Any],
    y: Sequence[Any],
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int | Random | None = None,
) -> Iterator[tuple[list[Any], list[Any]]]:
    """The samples in batches (X, y) of that size, the last one with what is left.

    None is all samples in one batch, 1 is one sample at a time. Shuffled anew at each call; the
    same seed gives the same order.
    """
    if len(X) != len(y):
        raise ValueError(f"X has {len(X)} samples and y has {len(y)}: every sample has one target")
    size = len(X) if batch_size is None else count("batch_size", batch_size)
    order = list(range(len(X)))
    if shuffle:
        (seed if isinstance(seed, Random) else Random(seed)).shuffle(order)
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        yield [X[i] for i in chosen], [y[i] for i in chosen]


def split(
    X: Sequence[Any], y: Sequence[Any], share: float, seed: int | Random | None = None
) -> tuple[tuple[list[Any], list[Any]], tuple[list[Any], list[Any]]]:
    """((X, y) to learn from, (X, y) held out), where that share of the samples is held out."""
    order = list(range(len(X)))
    (seed if isinstance(seed, Random) else Random(seed)).shuffle(order)
    n = round(number("the share to hold out", share, below=1.0) * len(X))
    if not 0 < n < len(X):
        raise ValueError(f"a share of {share:g} of {len(X)} samples leaves one side empty")
    parts = order[n:], order[:n]
    learn, hold = (([X[i] for i in part], [y[i] for i in part]) for part in parts)
    return learn, hold


def one_hot(labels: Sequence[int], classes: int | None = None) -> list[Row]:
    """For each label a row of zeros with a 1 at the label.

    >>> one_hot([0, 2])
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    size = int(max(labels)) + 1 if classes is None else count("the number of classes", classes)
    for label in labels:
        if not (0 <= label < size and label == int(label)):
            raise ValueError(f"{label} is no class: they are the whole numbers 0 to {size - 1}")
    return [[1.0 if i == label else 0.0 for i in range(size)] for label in labels]


def standardize(
    X: Any, means: Sequence[float] | None = None, scales: Sequence[float] | None = None
) -> tuple[list[Row], Row, Row]:
    """(X with mean 0 and standard deviation 1 in each column, the means, the scales).

    For new data give the means and scales of the data that the model has learnt from. A column
    that does not vary has scale 1.

    >>> standardize([[1.0, 5.0], [3.0, 5.0]])
    ([[-1.0, 0.0], [1.0, 0.0]], [2.0, 5.0], [1.0, 1.0])
    """
    rows = table("X", X)
    columns = list(zip(*rows, strict=True))
    if means is None or scales is None:
        means = [math.fsum(column) / len(column) for column in columns]
        scales = [_spread(column, mean) for column, mean in zip(columns, means, strict=True)]
    if not len(means) == len(scales) == len(columns):
        raise ValueError(f"X has {len(columns)} features, but the scales are for {len(scales)}")
    scaled = [[(x - m) / s for x, m, s in zip(row, means, scales, strict=True)] for row in rows]
    return scaled, list(means), list(scales)


def _spread(column: Sequence[float], mean: float) -> float:
    spread = math.sqrt(math.fsum((x - mean) ** 2 for x in column) / len(column))
    return spread if spread > 1e-12 * abs(mean) else 1.0  # what is left of a constant is rounding


def two_moons(
    samples: int = 100, noise: float = 0.1, seed: int | None = None
) -> tuple[list[Row], list[int]]:
    """Points of two interleaved half circles with normal noise, and their classes 0 and 1."""
    rng, noise = Random(seed), number("noise", noise)
    rows, classes = [], []
    for i in range(count("samples", samples)):
        angle = rng.uniform(0.0, math.pi)
        x, y = math.cos(angle), math.sin(angle)
        if i % 2:
            x, y = 1.0 - x, 0.5 - y
        rows.append([x + rng.gauss(0.0, noise), y + rng.gauss(0.0, noise)])
        classes.append(i % 2)
    return rows, classes
