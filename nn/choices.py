"""Choices by name, with the nearest name in the error; checked numbers; the activations."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from reprlib import repr as short
from typing import Any, TypeVar

from autograd import elu, gelu, leaky_relu, relu, sigmoid, silu, softmax, softplus, step, tanh

T = TypeVar("T")


def choose(kind: str, name: object, table: Mapping[str, T]) -> T:
    """The entry of that name; ValueError, with the nearest name, if the table has none."""
    if isinstance(name, str) and name in table:
        return table[name]
    near = difflib.get_close_matches(str(name).lower(), table, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"there is no {kind} {name!r}: {hint}There are {', '.join(table)}")


def count(what: str, n: object, least: int = 1) -> int:
    """`n`, which must be a whole number of at least `least`."""
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"{what} is a whole number, not {n!r}")
    if n.__index__() < least:
        raise ValueError(f"{what} is {n}, and must be at least {least}")
    return n.__index__()


def sizes(what: str, found: Any, such_as: str, least: int = 0) -> list[int]:
    """The sizes of layers as a list; ValueError for anything but a list, a tuple or an array."""
    listed = hasattr(found, "__getitem__") and getattr(found, "ndim", 1) == 1
    if not listed or isinstance(found, (str, bytes, Mapping)) or len(found) < least:
        raise ValueError(f"{what} is a list of layer sizes such as {such_as}, not {short(found)}")
    return [count("the size of a layer", n) for n in found]


def number(what: str, x: object, least: float = 0.0, below: float = math.inf) -> float:
    """`x` as a float, which must be finite, at least `least` and below `below`."""
    if isinstance(x, str) or not hasattr(x, "__float__"):
        raise TypeError(f"{what} is a number, not {x!r}")
    if not least <= float(x) < below:
        raise ValueError(f"{what} is {x}, and must be at least {least:g} and below {below:g}")
    return float(x)


def linear(x: T) -> T:
    """x itself."""
    return x


Activation = Callable[[Any], Any]  # of a Value, a list of them or a Tensor

_ALL: tuple[Any, ...] = (
    linear, step, sigmoid, tanh, relu, leaky_relu, elu, gelu, silu, softplus,
    softmax,  # of a whole layer
)  # fmt: skip
ACTIVATIONS: dict[str, Activation] = {function.__name__: function for function in _ALL}


def activation(name: str | None) -> Activation:
    """The activation of that name; None is "linear"."""
    return choose("activation", name or "linear", ACTIVATIONS)
