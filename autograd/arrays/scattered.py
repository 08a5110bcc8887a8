"""A gradient of which single elements have arrived: what Values of one Tensor pass back to it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .operations import like, reshape

Index = tuple[int, ...]


class Scattered:
    """The share of one element of an array; added up, the shares of many.

    A sum goes on with the list of its left part, which looks no further than its own length: n
    elements cost n, and not n * n.
    """

    __slots__ = ("arrived", "count", "shape")

    def __init__(self, arrived: list[tuple[Index, Any]], shape: Index) -> None:
        self.arrived, self.count, self.shape = arrived, len(arrived), shape

    def __add__(self, other: Self) -> Scattered:
        mine = self.arrived if len(self.arrived) == self.count else self.arrived[: self.count]
        mine.extend(other.elements())
        return Scattered(mine, self.shape)

    def elements(self) -> list[tuple[Index, Any]]:
        """Each index, and what has arrived there, in order of arrival."""
        return self.arrived[: self.count]

    @property
    def paths(self) -> Any:
        """nan where something has arrived, else 0 (see `partial`); None if it has everywhere."""
        paths = np.zeros(self.shape)
        for index, _ in self.elements():
            paths[index] = np.nan
        return None if np.isnan(paths).all() else paths

    @property
    def _data(self) -> Any:
        """The numbers that have arrived, for who asks whether all are finite."""
        return np.array([getattr(g, "_data", g) for _, g in self.elements()])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = np.zeros(self.shape)
        for index, g in self.elements():
            array[index] += getattr(g, "_data", g)
        return array

    def __repr__(self) -> str:
        return repr(self.__array__())


def one_of(g: Any, index: Index, x: Any) -> Scattered:
    """The share of x when g is the share of one of its elements."""
    return Scattered([(index, g)], tuple(x.shape))


def dense(g: Any, x: Any) -> Any:
    """A scattered gradient as an array of the kind of x, or as a Tensor where it holds Values."""
    gather = getattr(x, "__autograd_gather__", None)
    if gather is None:
        return like(g.__array__(), x)
    places: dict[Index, Any] = {}
    for index, share in g.elements():
        places[index] = places[index] + share if index in places else share
    return reshape(gather([places.get(i, 0.0) for i in np.ndindex(g.shape)]), shape=g.shape)
