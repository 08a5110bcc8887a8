"""Models in files: weights as safetensors, the structure as JSON beside them.

No code is stored and none is run.
"""

from __future__ import annotations

import json
import os
from reprlib import repr as short
from typing import Any

from autograd import files

from ..module import Module
from ..optim import Optimizer
from ..parameters import flat
from .safetensors_format import FileError, pack, read, unpack
from .structure import build, structure_of

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
    found = sum(1 for _ in flat(list(weights.values())))
    return build(_json(metadata, "structure"), found)


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
