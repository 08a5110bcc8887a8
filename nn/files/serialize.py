"""Models in files: weights as safetensors, the structure as JSON beside them.

No code is stored and none is run. Data from files are not trusted: only the modules listed here are
built, and only after their sizes have been compared with the numbers in the file.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from itertools import pairwise
from math import inf, prod
from reprlib import repr as short
from typing import Any, NamedTuple

from autograd import files

from ..choices import ACTIVATIONS
from ..convolution import Conv2d, Flatten, MaxPool2d
from ..embedding import Embedding
from ..layers import MLP, Layer, Neuron, Sequential, Standardize
from ..module import Module
from ..optim import Optimizer
from ..parameters import BACKENDS, flat
from ..perceptron import Perceptron
from .safetensors_format import FileError, pack, read, unpack

Path = str | os.PathLike[str]
MEMORY = "optimizer."  # before the names in an optimiser's memory
OURS = ("format", "structure", "optimizer")  # in the metadata


def save(model: Module, path: Path, optimizer: Optimizer | None = None, **metadata: str) -> None:
    """Write the model's weights, and the optimiser's state, to a safetensors file.

    `load` rebuilds the modules of this package, and a Sequential of them; for a module of your own,
    build it and `load` fills it. float32 is kept. `metadata` are strings of your own: TypeError for
    anything else, ValueError for a name or a shape that could not be read again. An error or an
    interrupt leaves the old file as it was.
    """
    blocks = model.state_dict()
    _check(blocks, metadata)
    metadata |= {"format": "valuegrad 1", "structure": json.dumps(structure_of(model))}
    if optimizer is not None:
        optimizer.check_moves(model)
        state = optimizer.state_dict()
        columns = state.pop("memory").items()
        blocks |= {MEMORY + name: list(flat(column)) for name, column in columns}
        metadata["optimizer"] = json.dumps({"name": type(optimizer).__name__, **state})
    packed = pack(blocks, metadata)
    try:
        unpack(packed)
    except FileError as error:
        raise ValueError(f"a file of this model could not be read again: {error}") from None
    files.write(path, packed)


def _check(blocks: dict[str, Any], metadata: dict[str, str]) -> None:
    for name, text in metadata.items():
        if not isinstance(text, str):
            raise TypeError(
                f"metadata are strings: write {name}={short(str(text))}, not {short(text)}"
            )
        if name in OURS:
            raise ValueError(f"{name!r} in the metadata is where nn.save keeps its own: rename it")
    for text in (*blocks, *metadata, *metadata.values()):
        if text.encode(errors="replace").decode() != text:
            raise ValueError(f"{text!r} cannot be written as UTF-8: it has half a character")
    if taken := [name for name in blocks if name.startswith(MEMORY) or name == "__metadata__"]:
        raise ValueError(f"the name {taken[0]!r} is taken in the file: rename the attribute")


def load(path: Path, model: Module | None = None, optimizer: Optimizer | None = None) -> Module:
    """The model of a file, or the given model with the weights of the file.

    With an optimiser, its state is taken from the file too. ValueError, with nothing changed, for a
    file that is damaged, not safetensors, of an unknown module, or of other shapes.
    """
    blocks, metadata = read(path)
    weights = {name: block for name, block in blocks.items() if not name.startswith(MEMORY)}
    try:
        if model is None:
            model = _build(metadata, weights)
        if optimizer is not None:
            optimizer.check_moves(model)
        before = model.state_dict()
        model.load_state_dict(weights)
        if optimizer is not None:
            try:
                _fill(optimizer, blocks, metadata)
            except (ValueError, TypeError):
                model.load_state_dict(before)
                raise
    except (ValueError, TypeError, RecursionError) as error:
        raise FileError(f"{os.fspath(path)}: {error}") from None
    return model


def _json(metadata: dict[str, str], name: str) -> dict[str, Any]:
    try:
        found = json.loads(metadata[name])
    except KeyError:
        raise FileError(f"it has no {name} in its metadata") from None
    except (ValueError, RecursionError):
        raise FileError(f"its {name} is not JSON") from None
    if not isinstance(found, dict):
        raise FileError(f"its {name} is not a JSON object")
    return found


def _build(metadata: dict[str, str], weights: dict[str, Any]) -> Module:
    """The module that the metadata describe, if it is known and as large as the weights."""
    if "structure" not in metadata:
        raise FileError("it holds weights without a structure: build the model, load(path, model)")
    structure, found = _json(metadata, "structure"), sum(1 for _ in flat(list(weights.values())))
    if (needed := _needed(structure)) != found:
        name, widths = structure["module"], structure.get("widths", "")
        raise FileError(f"{name} {widths} has {needed} parameters, but the file has {found}")
    return _made(structure)


def _fill(optimizer: Optimizer, blocks: dict[str, Any], metadata: dict[str, str]) -> None:
    state = _json(metadata, "optimizer")
    name = state.get("name")
    if name != type(optimizer).__name__:
        raise FileError(f"its optimiser is {name!r}, not {type(optimizer).__name__}")
    memory = {
        key.removeprefix(MEMORY): column for key, column in blocks.items() if key.startswith(MEMORY)
    }
    for key, column in memory.items():
        if not isinstance(column, list) or not all(isinstance(x, float) for x in column):
            raise FileError(f"the optimiser's {key!r} is not a list of numbers")
    try:
        optimizer.load_state_dict({**state, "memory": memory})
    except KeyError as error:
        raise FileError(f"the state of its optimiser lacks {error}") from None


# ---- the structure of a model --------------------------------------------------------------------


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
    """A module's class by name, and the arguments that build it if it is of this package.

    The class alone, with a warning, where these would build another: its layers were exchanged, or
    two of them share parameters.
    """
    found = _arguments_of(model)
    try:
        is_built_by_them = repr(_made(found)) == repr(model)
    except KeyError:  # a module of your own, or one among its parts
        return found
    if not is_built_by_them:
        warnings.warn(
            f"this {type(model).__name__} is not what its arguments would build (layers exchanged, "
            "or shared?), so the file has its weights alone: build it, and nn.load(path, model) "
            "fills it",
            stacklevel=3,
        )
        return {"module": type(model).__name__}
    return found


def _arguments_of(model: Module) -> dict[str, Any]:
    found: dict[str, Any] = {"module": type(model).__name__}
    if type(model) is Sequential:
        found["parts"] = [_arguments_of(part) for part in model.parts]
        found |= {name: kept for name in NAMES if (kept := getattr(model, name, None))}
    elif type(model) in KINDS:
        settings = model.settings  # type: ignore[attr-defined]
        found |= {"widths": getattr(model, "widths", []), "settings": settings}
    return found


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
