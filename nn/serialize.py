"""Models in files: weights as safetensors, the structure as JSON beside them.

No code is stored and none is run: `load` makes only the modules of its own list, whose sizes must
agree with the numbers that are there before anything is built.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from .choices import ACTIVATIONS
from .layers import MLP, Layer, Neuron
from .module import Module, flat
from .optim import Optimizer
from .perceptron import Perceptron
from .safetensors_format import FileError, pack, read, write

Path = str | os.PathLike[str]
MEMORY = "optimizer."  # before the name of what an optimiser remembers

# From the widths (inputs, units of each layer) and the other settings.
BUILDERS: dict[str, Callable[..., Module]] = {
    "MLP": lambda widths, **settings: MLP(widths[0], widths[1:], **settings),
    "Layer": lambda widths, **settings: Layer(*widths, **settings),
    "Neuron": lambda widths, **settings: Neuron(widths[0], **settings),
    "Perceptron": lambda widths: Perceptron(widths[0]),
}
SETTINGS = {
    "MLP": {"activation", "output"},
    "Layer": {"activation"},
    "Neuron": {"activation"},
    "Perceptron": set[str](),
}


def save(model: Module, path: Path, optimizer: Optimizer | None = None, **metadata: str) -> None:
    """Write the model's weights, and the optimiser's state, to a safetensors file.

    `load` rebuilds the modules of this package; of a module of your own it fills one that you have
    built. `metadata` are strings of your own to go with it. An interrupted save leaves the old
    file as it was.
    """
    blocks = model.state_dict()
    structure: dict[str, Any] = {"module": type(model).__name__}
    if type(model) in (MLP, Layer, Neuron, Perceptron):
        structure |= {"widths": model.widths, "settings": model.settings}  # type: ignore[attr-defined]
    metadata |= {"format": "valuegrad 1", "structure": json.dumps(structure)}
    if optimizer is not None:
        state = optimizer.state_dict()
        blocks |= {MEMORY + name: column for name, column in state.pop("memory").items()}
        metadata["optimizer"] = json.dumps({"name": type(optimizer).__name__, **state})
    write(path, pack(blocks, metadata))


def load(path: Path, model: Module | None = None, optimizer: Optimizer | None = None) -> Module:
    """The model of a file, or the given model with the weights of the file.

    With an optimiser, its state is taken from the file too. ValueError, and nothing changed, for a
    file that is damaged, no safetensors, of an unknown module, or of other shapes.
    """
    blocks, metadata = read(path)
    weights = {name: block for name, block in blocks.items() if not name.startswith(MEMORY)}
    try:
        if model is None:
            model = _build(metadata, weights)
        before = model.state_dict()
        model.load_state_dict(weights)
        if optimizer is not None:
            try:
                _fill(optimizer, blocks, metadata)
            except (ValueError, TypeError):
                model.load_state_dict(before)
                raise
    except (ValueError, TypeError) as error:
        raise FileError(f"{os.fspath(path)}: {error}") from None
    return model


def _json(metadata: dict[str, str], name: str) -> dict[str, Any]:
    try:
        found = json.loads(metadata[name])
    except KeyError:
        raise FileError(f"it has no {name} in its metadata") from None
    except (ValueError, RecursionError):
        raise FileError(f"its {name} is no JSON") from None
    if not isinstance(found, dict):
        raise FileError(f"its {name} is no JSON object")
    return found


def _build(metadata: dict[str, str], weights: dict[str, Any]) -> Module:
    """The module that the metadata describe, if it is known and as large as the weights."""
    if "structure" not in metadata:
        raise FileError("it holds weights without a structure: build the model, load(path, model)")
    structure = _json(metadata, "structure")
    name = structure.get("module")
    if not isinstance(name, str) or name not in BUILDERS or "widths" not in structure:
        raise FileError(
            f"there is no module {name!r} here, and none is imported because a file says so: "
            "build the model yourself and call load(path, model)"
        )
    widths, settings = structure["widths"], structure.get("settings", {})
    if not isinstance(widths, list) or not all(type(n) is int and n > 0 for n in widths):
        raise FileError(f"its widths are {widths!r}, and no list of sizes")
    if len(widths) < 2 or (name != "MLP" and len(widths) > 2):
        raise FileError(f"its widths are {widths!r}: too few or too many for {name}")
    needed = sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths))
    found = sum(1 for _ in flat(list(weights.values())))
    if needed != found:
        raise FileError(f"{name} {widths} has {needed} parameters, but the file has {found}")
    if not isinstance(settings, dict) or not set(settings) <= SETTINGS[name]:
        raise FileError(f"the settings of its {name} are {settings!r}")
    if bad := [x for x in settings.values() if x is not None and x not in list(ACTIVATIONS)]:
        raise FileError(f"there is no activation {bad[0]!r} here")
    return BUILDERS[name](widths, **settings)


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
            raise FileError(f"the optimiser's {key!r} is no list of numbers")
    try:
        optimizer.load_state_dict({"lr": state["lr"], "steps": state["steps"], "memory": memory})
    except KeyError as error:
        raise FileError(f"the state of its optimiser lacks {error}") from None
