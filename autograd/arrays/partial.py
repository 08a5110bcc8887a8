"""A gradient of which some elements have no path, for `where` took another branch there.

Such an element is 0, and stays 0 whatever slope it meets on the way: 0 * inf would be nan.
"""

from __future__ import annotations

from typing import Any


class Partial:
    """The gradient itself, `bare`, and `paths`: nan in each element that has a path, else 0.

    Paths are walked back as gradients are, since what a nan reaches is nan. The number nan stands
    for a path everywhere, and None for a gradient that no `where` has had to do with. A sum has a
    path where either part has one.
    """

    __slots__ = ("bare", "paths")
    __array_ufunc__ = None  # an array on the left of + leaves it to __radd__

    def __init__(self, bare: Any, paths: Any) -> None:
        self.bare = bare
        self.paths = paths

    def __add__(self, other: Any) -> Any:
        total, theirs = self.bare + bare(other), paths_of(other)
        whole = self.paths is None or theirs is None
        return Partial(total, None if whole else self.paths + theirs)

    def __radd__(self, other: Any) -> Any:
        return Partial(other + self.bare, None)

    @property
    def _data(self) -> Any:
        """The array, of a node too."""
        return getattr(self.bare, "_data", self.bare)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return bare, (self.bare,)


def bare(g: Any) -> Any:
    """The number, array or node that a gradient is."""
    return g.bare if isinstance(g, Partial) else g


def paths_of(g: Any) -> Any:
    """The paths of a gradient; None where no `where` has taken any away."""
    return getattr(g, "paths", None)
