"""Gradients of which some elements have no path, for `where` took another branch there.

Such an element is 0, and stays 0 whatever slope it meets on the way: 0 * inf would be nan.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..functions import where
from ..graph import Node
from ..recording import extra, remember
from ..rules import Rule
from .libraries import is_elsewhere


class Partial(np.ndarray[Any, Any]):
    """A NumPy array that is such a gradient.

    Arithmetic keeps the type, so that it marks everything below that branch, at no cost elsewhere.
    """


class PartialElsewhere:
    """Such a gradient as an array of another library; a sum with it is one too."""

    __slots__ = ("_data",)
    __array_ufunc__ = None  # an array on the left of + leaves it to __radd__

    def __init__(self, array: Any) -> None:
        self._data = array

    def __add__(self, other: Any) -> PartialElsewhere:
        return PartialElsewhere(self._data + bare(other))

    __radd__ = __add__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)

    def __repr__(self) -> str:
        return repr(self._data)


def bare(g: Any) -> Any:
    """The array that a gradient is."""
    return g._data if isinstance(g, PartialElsewhere) else g


def is_partial(g: Any) -> bool:
    """Whether some elements of a gradient may have no path."""
    if isinstance(g, Node):
        return isinstance(g._data, Partial) or "partial" in extra(g)
    return isinstance(g, (Partial, PartialElsewhere))


def marked(g: Any) -> Any:
    """A gradient as one that is partial."""
    if isinstance(g, Node):
        if is_elsewhere(g._data):
            remember(g, "partial", True)
        else:
            g._data = g._data.view(Partial)
        return g
    return PartialElsewhere(g) if is_elsewhere(g) else np.asarray(g).view(Partial)


def partial_share(share: Any, g: Any, row: Rule) -> Any:
    """A share of a partial gradient: 0 where that is 0, even if the slope is infinite or nan."""
    if share.__class__ is float:
        return share
    if type(row) is Rule and is_partial(g):  # rows with settings move elements, or mix them
        gone = (g._data if isinstance(g, (Node, PartialElsewhere)) else g) == 0
        share = where(np.asarray(gone) if isinstance(gone, np.ndarray) else gone, 0.0, share)
    return marked(share)
