"""Replays in files: the tapes of their recordings as arrays, in NumPy's own format, and a header.

Nothing in a file is executed, and everything is checked before a loop in C reads it.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
import zlib
from typing import Any

import numpy as np

from .. import files
from ..core.rules import rule
from ..core.value import Value
from .kernels import Array
from .recordings import Guards, Recording
from .rewriting import chosen
from .structure import ARRAY, DICT, LIST, TUPLE, Keywords, Shape, count
from .tape import CODES, INNER, NAMES, TOTAL, USER, Tape, numbers_in

Path = str | os.PathLike[str]
Stored = tuple[Shape, Keywords, Recording]  # with the shape and the keywords it is for
FORMAT, VERSION = "valuegrad replay", 2
TAPE = {
    "constants": float, "code": np.int16, "start": np.int32, "ins": np.int32, "faithful": bool,
    "shut": bool,
}  # fmt: skip
OTHERS = {"leaves": float, "ids": np.int32, "guards": np.int32, "exact": bool, "seen": float}


class DamagedError(ValueError):
    """A file contradicts itself."""


# ---- to a file -----------------------------------------------------------------------------------


def save(path: Path, header: dict[str, Any], kept: list[Stored]) -> None:
    """Write recordings, whole or not at all.

    TypeError for anything that the format cannot hold: keywords that are not plain JSON, keys of
    dicts other than strings and ints, named tuples.
    """
    arrays: dict[str, Array] = {}
    said = []
    for i, (shape, keywords, recording) in enumerate(kept):
        tape, guards = recording.tape, recording.guards
        if recording.arrays:
            raise TypeError(
                f"{header['function']} looks at Tensors that it closes over, which a file does not "
                "hold: pickle the replay instead"
            )
        said.append(
            {
                "arguments": _shape_out(shape),
                "settings": _plain(keywords),
                "result": _shape_out(recording.shape),
                "inputs": tape.inputs,
                "labels": [leaf.label for leaf in recording.leaves],
                "rows": [row.name for row in tape.rows],
            }
        )
        numbers = {
            **{name: getattr(tape, name) for name in TAPE},
            "leaves": numbers_in(recording.leaves), "ids": recording.ids,
            "guards": guards.ids, "exact": guards.exact, "seen": guards.seen,
        }  # fmt: skip
        arrays |= {f"{i}.{name}": array for name, array in numbers.items()}
    header = {"format": FORMAT, "version": VERSION, "codes": NAMES, **header, "recordings": said}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with files.whole(path) as file:
        np.savez(file, **arrays)


def _plain(keywords: Keywords) -> Keywords:
    for name, x in keywords.items():
        if not isinstance(x, (str, int, float, bool, type(None))):
            raise TypeError(
                f"the keyword {name}={x!r} cannot be written to a file, which holds strings, "
                "numbers, booleans and None: pickle the replay instead"
            )
    return keywords


def _shape_out(shape: Shape) -> Any:
    if shape is None:
        return None
    kind, detail, parts = shape
    if kind == TUPLE and detail is not None:
        raise TypeError(f"{detail.__name__} cannot be written to a file: pickle the replay instead")
    if kind == DICT and not all(type(key) in (str, int) for key in detail):
        raise TypeError(
            f"the keys {detail} cannot be written to a file, which holds strings and ints: pickle "
            "the replay instead"
        )
    return [kind, detail, parts if isinstance(parts, int) else list(map(_shape_out, parts))]


# ---- from a file ---------------------------------------------------------------------------------


def load(path: Path) -> tuple[dict[str, Any], list[Stored]]:
    """The header and the recordings of a file; ValueError for one that is damaged or of another
    version, LookupError for an operation that is not registered here."""
    try:
        arrays = _arrays(path)
        header = json.loads(arrays["header"].tobytes())
        _require(header["format"] == FORMAT, "it is in another format")
        if header["version"] == VERSION:
            numbers, keep = header["argnums"], header["keep"]
            numbers = numbers if isinstance(numbers, list) else [numbers]
            fits = all(type(x) is int for x in [*numbers, keep]) and keep > 0
            _require(fits and chosen(header["rewrites"]) is not None, "its header is wrong")
            said = enumerate(header["recordings"])
            return header, [_recording(header, arrays, i, x) for i, x in said]
    except (
        OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError, TypeError, RuntimeError,
        AttributeError, ValueError, IndexError, OverflowError, NotImplementedError,
    ) as error:  # fmt: skip
        if isinstance(error, FileNotFoundError):
            raise
        reason: object = "what should be there is not"
        if isinstance(error, DamagedError):
            reason = error
        elif isinstance(error, KeyError):
            reason = f"it has no {error.args[0]}"
        raise ValueError(f"{path} is not a replay, or is damaged: {reason}") from error
    raise ValueError(
        f"{path} is of version {header['version']!r} of the format, and this reads {VERSION}: "
        "record the function again"
    )


def _arrays(path: Path) -> dict[str, Array]:
    """The arrays of a file, none of which takes more memory than the file has bytes."""
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        total = sum(part.file_size for part in parts)
        stored = all(part.compress_type == zipfile.ZIP_STORED for part in parts)
        _require(stored and total <= os.path.getsize(path), "it holds more than its size allows")
        return {part.filename.removesuffix(".npy"): _array(archive.read(part)) for part in parts}


def _array(data: bytes) -> Array:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    _require(version == (1, 0), "an array is of another version")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    start, kind = stream.tell(), dtype.kind in "biuf" and len(shape) == 1
    _require(kind and shape[0] * dtype.itemsize == len(data) - start, "an array is cut short")
    return np.frombuffer(data, dtype, offset=start)


def _require(holds: object, what: str) -> None:
    if not holds:
        raise DamagedError(what)


def _recording(
    header: dict[str, Any], arrays: dict[str, Array], i: int, said: dict[str, Any]
) -> Stored:
    part = {name: arrays[f"{i}.{name}"] for name in (*TAPE, *OTHERS)}
    for name, dtype in (TAPE | OTHERS).items():
        _require(part[name].ndim == 1 and part[name].dtype == dtype, f"{name} is of another kind")
    shape, result = _shape_in(said["arguments"]), _shape_in(said["result"])
    leaves = [
        Value(x, label) for x, label in zip(part["leaves"].tolist(), said["labels"], strict=True)
    ]
    rows = tuple(rule(name) for name in said["rows"])
    part["code"] = _codes(part["code"], header["codes"], len(rows))
    arrays = {name: part[name] for name in TAPE}
    tape = Tape(inputs=said["inputs"], leaves=len(leaves), rows=rows, **arrays)
    _require(tape.inputs == count(shape), "the arguments are not as many as it says")
    _check(tape)
    ids, guards = part["ids"], Guards(part["guards"], part["exact"], part["seen"])
    _check_ids(tape, ids, -len(tape.constants))
    _check_ids(tape, guards.ids, 0)
    _require(len(ids) == count(result), "the results are not as many as it says")
    _require(len(set(map(len, guards))) == 1, "the guards do not fit together")
    return shape, _plain(said["settings"]), Recording(tape, leaves, result, ids, guards)


def _codes(code: Array, names: list[str], rows: int) -> Array:
    """Codes of the table that wrote the file, as codes of this one."""
    own, most = code < USER, USER + rows
    _require(np.all((code >= 0) & (code < np.where(own, len(names), most))), "a code is unknown")
    for name in {names[c] for c in np.unique(code[own])}:
        _require(name in CODES, f"there is no operation {name!r} here")
    new = np.array([CODES.get(name, 0) for name in names] or [0])
    return np.where(own, new[np.where(own, code, 0)], code).astype(np.int16)


def _check(tape: Tape) -> None:
    """DamagedError unless every input comes before its operation, and arities are right."""
    start, n = tape.start, len(tape.code)
    sizes = np.diff(start)
    ends = len(start) == n + 1 and start[0] == 0 and start[-1] == len(tape.ins)
    _require(ends and np.all(sizes > 0), "the operations do not fit together")
    _require(len(tape.shut) == n and len(tape.faithful) == n, "the operations do not fit")
    first = -len(tape.constants)
    _require(
        np.all((tape.ins >= first) & (tape.ins < tape.sources + tape.owner)),
        "an input is not there",
    )
    for code in np.unique(tape.code).tolist():
        some = sizes[tape.code == code]
        if code in (TOTAL, INNER):
            fits = some % (2 if code == INNER else 1) == 0
        else:
            row = tape.row(code)
            fits = (some % 2 == 0) | (row.name != "dot") if row.variadic else some == row.fact.arity
        _require(np.all(fits), "an operation takes another number of inputs")


def _check_ids(tape: Tape, ids: Array, least: int) -> None:
    most = tape.sources + len(tape.code)
    _require(np.all((ids >= least) & (ids < most)), "a result is not there")


def _shape_in(said: Any) -> Shape:
    if said is None:
        return None
    kind, detail, parts = said
    _require(kind in (LIST, TUPLE, DICT, ARRAY), "a structure is of no kind")
    n = parts if isinstance(parts, int) else len(parts)
    if kind == DICT:
        _require(len(detail) == n and all(type(key) in (str, int) for key in detail), "a dict")
    if kind == ARRAY:
        _require(isinstance(parts, int) and math.prod(detail) == parts, "an array")
    else:
        _require(kind == DICT or detail is None, "a list")
    _require(n >= 0, "a structure has fewer than no parts")
    detail = tuple(detail) if detail is not None else None
    return kind, detail, parts if isinstance(parts, int) else tuple(map(_shape_in, parts))
