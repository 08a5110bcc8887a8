"""Names for things: what a word like "relu" or "adam" stands for, and the nearest when it is none.

Also the activations, by name.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import autograd

T = TypeVar("T")


def choose(kind: str, name: object, table: Mapping[str, T]) -> T:
    """What the name stands for. ValueError, with the nearest name, where it stands for nothing."""
    if isinstance(name, str) and name in table:
        return table[name]
    near = difflib.get_close_matches(str(name).lower(), table, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"there is no {kind} {name!r}: {hint}There are {', '.join(table)}")


def count(what: str, n: object, least: int = 1) -> int:
    """`n`, which must be a whole number and no less than `least`."""
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"{what} is a whole number, not {n!r}")
    if n.__index__() < least:
        raise ValueError(f"{what} is {n}, and must be at least {least}")
    return n.__index__()


def number(what: str, x: Any, least: float = 0.0, below: float = math.inf) -> float:
    """`x`, which must be finite, no less than `least` and below `below`."""
    if isinstance(x, str) or not hasattr(x, "__float__"):
        raise TypeError(f"{what} is a number, not {x!r}")
    if not least <= float(x) < below:
        raise ValueError(f"{what} is {x}, and must be at least {least:g} and below {below:g}")
    return float(x)


def linear(x: Any) -> Any:
    """x itself."""
    return x


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": linear,
    "step": autograd.step,
    "sigmoid": autograd.sigmoid,
    "tanh": autograd.tanh,
    "relu": autograd.relu,
    "leaky_relu": autograd.leaky_relu,
    "elu": autograd.elu,
    "gelu": autograd.gelu,
    "silu": autograd.silu,
    "softplus": autograd.softplus,
    "softmax": autograd.softmax,  # of a whole layer
}


def activation(name: str | None) -> Callable[[Any], Any]:
    """The activation of that name; None is "linear"."""
    return choose("activation", name or "linear", ACTIVATIONS)
