"""The structure of a model as plain data, and the model that such data describe.

Data from files are not trusted: only the modules listed here are built, and only after their sizes
have been compared with the numbers in the file.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import inf, prod
from typing import Any, NamedTuple

from ..choices import ACTIVATIONS
from ..convolution import Conv2d, Flatten, MaxPool2d
from ..embedding import Embedding
from ..layers import MLP, Layer, Neuron, Sequential, Standardize
from ..module import Module
from ..parameters import BACKENDS
from ..perceptron import Perceptron


def _between(widths: list[int]) -> int:
    """A weight for each pair of units in neighbouring layers, and a bias for each unit."""
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths))


def _conv2d(widths: list[int], **settings: Any) -> Module:
    n_in, n_out, *window = widths
    return Conv2d(n_in, n_out, window, **settings)


class Kind(NamedTuple):
    """The keyword arguments and the number of widths of a module, and its number of parameters."""

    settings: str
    make: Callable[..., Module]
    widths: int = 2
    needed: Callable[[list[int]], int] = _between


# fmt: off
KINDS: dict[type[Module], Kind] = {
    MLP:        Kind("activation output backend dtype", lambda w, **s: MLP(w[0], w[1:], **s)),
    Layer:      Kind("activation backend dtype",        lambda w, **s: Layer(*w, **s)),
    Neuron:     Kind("activation backend dtype",        lambda w, **s: Neuron(w[0], **s)),
    Perceptron: Kind("low",                             lambda w, **s: Perceptron(w[0], **s)),
    Conv2d:     Kind("activation stride padding dtype", _conv2d, 4, lambda w: prod(w) + w[1]),
    Embedding:  Kind("dtype",                           lambda w, **s: Embedding(*w, **s), 2, prod),
    MaxPool2d:  Kind("size stride",                     lambda w, **s: MaxPool2d(**s), 0),
    Flatten:    Kind("",                                lambda w: Flatten(), 0),
    Standardize: Kind("means scales",                   lambda w, **s: Standardize(**s), 0),
}
# fmt: on
NAMES = ("features", "classes")  # of a Sequential
BY_NAME = {kind.__name__: row for kind, row in KINDS.items()}


def structure_of(model: Module) -> dict[str, Any]:
    """A module's class by name, and the arguments that build it if it is of this package."""
    found: dict[str, Any] = {"module": type(model).__name__}
    if type(model) is Sequential:
        found["parts"] = [structure_of(part) for part in model.parts]
        found |= {name: kept for name in NAMES if (kept := getattr(model, name, None))}
    elif type(model) in KINDS:
        settings = model.settings  # type: ignore[attr-defined]
        found |= {"widths": getattr(model, "widths", []), "settings": settings}
    return found


def build(structure: dict[str, Any], found: int) -> Module:
    """The module of a structure, whose parameters must be `found` numbers."""
    needed = _needed(structure)
    if needed != found:
        name, widths = structure["module"], structure.get("widths", "")
        raise ValueError(f"{name} {widths} has {needed} parameters, but the file has {found}")
    return _made(structure)


def _needed(structure: Any) -> int:
    """The number of parameters; ValueError for anything unknown here."""
    name = structure.get("module") if isinstance(structure, dict) else None
    if name == "Sequential" and isinstance(structure.get("parts"), list):
        for key in NAMES:
            kept = structure.get(key, [])
            if not isinstance(kept, list) or not all(isinstance(x, str) for x in kept):
                raise ValueError(f"the {key} of its Sequential are not a list of names")
        return sum(map(_needed, structure["parts"]))
    if not isinstance(name, str) or name not in BY_NAME or "widths" not in structure:
        raise ValueError(
            f"there is no module {name!r} here, and none is imported because a file says so: "
            "build the model yourself and call load(path, model)"
        )
    kind, widths, settings = BY_NAME[name], structure["widths"], structure.get("settings", {})
    if not isinstance(widths, list) or not all(type(n) is int and n > 0 for n in widths):
        raise ValueError(f"its widths are {widths!r}, not a list of sizes")
    if len(widths) < kind.widths or (name != "MLP" and len(widths) > kind.widths):
        raise ValueError(f"its widths are {widths!r}: too few or too many for {name}")
    if not isinstance(settings, dict) or not set(settings) <= set(kind.settings.split()):
        raise ValueError(f"the settings of its {name} are {settings!r}")
    for key, x in settings.items():
        if not SETTINGS[key](x):
            word = "activation" if key == "output" else key
            raise ValueError(f"there is no {word} {x!r} here")
    return kind.needed(widths)


def _made(structure: Any) -> Module:
    if structure["module"] == "Sequential":
        names = {name: structure.get(name, []) for name in NAMES}
        return Sequential(*map(_made, structure["parts"]), **names)
    kind = BY_NAME[structure["module"]]
    return kind.make(structure["widths"], **structure.get("settings", {}))


def _is_pair(x: object) -> bool:
    return isinstance(x, list) and len(x) == 2 and all(type(n) is int and n >= 0 for n in x)


def _are_numbers(x: object) -> bool:
    return isinstance(x, list) and all(type(n) in (int, float) and abs(n) < inf for n in x)


def _is_activation(x: object) -> bool:
    return x is None or x in list(ACTIVATIONS)


SETTINGS: dict[str, Callable[[Any], bool]] = {
    "activation": _is_activation,
    "output": _is_activation,
    "backend": lambda x: x in list(BACKENDS),
    "dtype": lambda x: x in ["float64", "float32"],
    "stride": _is_pair,
    "padding": _is_pair,
    "size": _is_pair,
    "low": lambda x: type(x) is int and x in (0, -1),
    "means": _are_numbers,
    "scales": _are_numbers,
}
