"""The gradient of a Tensor whose elements are Values: a list of shares of single elements."""

from __future__ import annotations

from typing import Any, Final, Self

import numpy as np

from .libraries import Array, Axes
from .operations import like, reshape


class Scattered:
    """The shares of single elements of an array, in order of arrival.

    A sum extends the list of its left operand, which keeps its own `count`: adding n shares costs
    O(n), not O(n^2).
    """

    __slots__ = ("arrived", "count", "shape")

    def __init__(self, arrived: list[tuple[Axes, Any]], shape: Axes) -> None:
        self.arrived: Final = arrived
        self.count: Final = len(arrived)
        self.shape: Final = shape

    def __add__(self, other: Self) -> Scattered:
        mine = self.arrived if len(self.arrived) == self.count else self.arrived[: self.count]
        mine.extend(other.elements())
        return Scattered(mine, self.shape)

    def elements(self) -> list[tuple[Axes, Any]]:
        """Pairs of an index and a share, in order of arrival."""
        return self.arrived[: self.count]

    @property
    def paths(self) -> Array:
        """nan where a share has arrived, else 0 (see `partial`); None if all have."""
        paths = np.zeros(self.shape)
        for index, _ in self.elements():
            paths[index] = np.nan
        return None if np.isnan(paths).all() else paths

    @property
    def _data(self) -> Array:
        """The shares as an array, for a check that all are finite."""
        return np.array([getattr(g, "_data", g) for _, g in self.elements()])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = np.zeros(self.shape)
        for index, g in self.elements():
            array[index] += getattr(g, "_data", g)
        return array

    def __repr__(self) -> str:
        return repr(self.__array__())


def one_of(g: Any, index: Axes, x: Any) -> Scattered:
    """The share of x if g is the share of its element at `index`."""
    return Scattered([(index, g)], tuple(x.shape))


def dense(g: Any, x: Any) -> Array:
    """A scattered gradient as an array of the library of x; a Tensor if the shares are Values.

    Many gradients, if a share is that (see `rows`); a gradient that is an array stays as it is.
    """
    if not isinstance(g, Scattered):
        return g
    shares = [share for _, share in g.elements()]
    hooks = (getattr(owner, "__autograd_gather__", None) for owner in (x, *shares))
    gather = next(filter(None, hooks), None)
    if gather is None:
        return like(g.__array__(), x)
    places: dict[Axes, Any] = {}
    for index, share in g.elements():
        places[index] = places[index] + share if index in places else share
    return reshape(gather([places.get(i, 0.0) for i in np.ndindex(g.shape)]), shape=g.shape)
