"""First weights: each function returns `n_out` rows of `n_in` numbers drawn from `rng`.

A layer should keep the variance of the signal. With inputs of variance 1 the sum of n_in products
has variance 1 if the weights have variance 1 / n_in; for the gradient, in the backward pass, it is
1 / n_out. Xavier uses 2 / (n_in + n_out) (Glorot and Bengio 2010); He uses 2 / n_in, because relu
stops half of the signal (He et al. 2015).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from random import Random
from reprlib import repr as short
from typing import Any

from .choices import ACTIVATIONS, choose

Rows = list[list[float]]
Initializer = Callable[[int, int, Random], Rows]


def _rows(n_in: int, n_out: int, draw: Callable[[], float]) -> Rows:
    return [[draw() for _ in range(n_in)] for _ in range(n_out)]


def zeros(n_in: int, n_out: int, rng: Random) -> Rows:
    """All 0: the hidden units of a layer then stay copies of one another."""
    return _rows(n_in, n_out, float)


def uniform(n_in: int, n_out: int, rng: Random) -> Rows:
    """Uniform between -1 and 1."""
    return _rows(n_in, n_out, lambda: rng.uniform(-1.0, 1.0))


def normal(n_in: int, n_out: int, rng: Random) -> Rows:
    """Normal with standard deviation 1."""
    return _rows(n_in, n_out, lambda: rng.gauss(0.0, 1.0))


def _uniform_with(n_in: int, n_out: int, rng: Random, variance: float) -> Rows:
    bound = math.sqrt(3.0 * variance)  # a uniform number in (-b, b) has variance b^2 / 3
    return _rows(n_in, n_out, lambda: rng.uniform(-bound, bound))


def _normal_with(n_in: int, n_out: int, rng: Random, variance: float) -> Rows:
    return _rows(n_in, n_out, lambda: rng.gauss(0.0, math.sqrt(variance)))


def xavier_uniform(n_in: int, n_out: int, rng: Random) -> Rows:
    """Uniform with variance 2 / (n_in + n_out)."""
    return _uniform_with(n_in, n_out, rng, 2.0 / (n_in + n_out))


def xavier_normal(n_in: int, n_out: int, rng: Random) -> Rows:
    """Normal with variance 2 / (n_in + n_out)."""
    return _normal_with(n_in, n_out, rng, 2.0 / (n_in + n_out))


def he_uniform(n_in: int, n_out: int, rng: Random) -> Rows:
    """Uniform with variance 2 / n_in."""
    return _uniform_with(n_in, n_out, rng, 2.0 / n_in)


def he_normal(n_in: int, n_out: int, rng: Random) -> Rows:
    """Normal with variance 2 / n_in."""
    return _normal_with(n_in, n_out, rng, 2.0 / n_in)


_ALL = zeros, uniform, normal, xavier_uniform, xavier_normal, he_uniform, he_normal
INITIALIZERS: dict[str, Initializer] = {function.__name__: function for function in _ALL}


def initializer(name: str | Initializer | None, activation: str | None) -> Initializer:
    """The initialiser of that name; None is the right one for the activation.

    That is He for those that pass one side and nearly stop the other, and Xavier for the others.
    """
    if callable(name):
        return partial(_checked, name)
    default = "he_uniform" if _is_one_sided(activation) else "xavier_uniform"
    return choose("initialiser", name or default, INITIALIZERS)


def _checked(init: Initializer, n_in: int, n_out: int, rng: Random) -> Rows:
    """The rows of a user's function; ValueError for another shape."""
    rows: Any = init(n_in, n_out, rng)
    sizes = [getattr(row, "__len__", int)() for row in rows] if hasattr(rows, "__len__") else []
    if sizes != [n_in] * n_out:
        raise ValueError(
            f"init returns a row of {n_in} numbers for each of {n_out} units, and not {short(rows)}"
        )
    return rows


def _is_one_sided(activation: str | None) -> bool:
    """True for an activation that, far from 0, rises on the right and hardly on the left."""
    if activation in (None, "softmax") or activation not in ACTIVATIONS:
        return False
    f = ACTIVATIONS[activation]
    return bool(abs(f(-29.0) - f(-30.0)) < 0.5 * abs(f(30.0) - f(29.0)))
