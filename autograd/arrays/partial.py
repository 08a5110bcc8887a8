"""A gradient some of whose elements have no path, because `where` took the other branch there.

Such an element is 0, and stays 0 if it is multiplied by an infinite slope (0 * inf would be nan).
"""

from __future__ import annotations

from typing import Any


class Partial:
    """A gradient, `bare`, and its `paths`: nan in each element that has a path, else 0.

    The columns propagate paths as they propagate gradients, since nan propagates. The number nan
    means that all elements have a path; None means that no `where` was involved. An element of a
    sum has a path if it has one in either operand.
    """

    __slots__ = ("bare", "paths")
    __array_ufunc__ = None  # an array on the left of + returns NotImplemented: __radd__ is called

    def __init__(self, bare: Any, paths: Any) -> None:
        self.bare: Any = bare
        self.paths: Any = paths

    def __add__(self, other: Any) -> Any:
        total, theirs = self.bare + bare(other), paths_of(other)
        whole = self.paths is None or theirs is None
        return Partial(total, None if whole else self.paths + theirs)

    def __radd__(self, other: Any) -> Any:
        return Partial(other + self.bare, None)

    @property
    def _data(self) -> Any:
        """The array; if the gradient is a node, the array of that."""
        return getattr(self.bare, "_data", self.bare)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return bare, (self.bare,)


def bare(g: Any) -> Any:
    """The gradient without its paths."""
    return g.bare if isinstance(g, Partial) else g


def paths_of(g: Any) -> Any:
    """The paths of a gradient; None if all elements have one."""
    return getattr(g, "paths", None)
