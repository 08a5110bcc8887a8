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
from typing import IO, Any

import numpy as np

from .. import files
from ..core.kinds import describe
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
TAPE: Any = {
    "constants": float, "code": np.int16, "start": np.int32, "ins": np.int32, "faithful": bool,
    "shut": bool,
}  # fmt: skip
FIELDS: Any = {
    "function": str, "argnums": (int, list), "keep": int, "rewrites": list, "codes": list,
    "recordings": list,
}  # fmt: skip
PARTS: Any = {  # of a recording in the header
    "arguments": list, "settings": dict, "result": (list, type(None)), "inputs": int,
    "labels": list, "rows": list,
}  # fmt: skip
OTHERS: Any = {"leaves": float, "ids": np.int32, "guards": np.int32, "exact": bool, "seen": float}


class DamagedError(ValueError):
    """A file contradicts itself."""


# ---- to a file -----------------------------------------------------------------------------------


def save(path: Path, header: dict[str, Any], kept: list[Stored]) -> None:
    """Write recordings, whole or not at all.

    TypeError for anything that the format cannot hold: keywords that are not plain JSON, keys of
    dicts other than strings and ints, named tuples, Tensors that a function looked at, and millions
    of arguments that nothing is computed from.
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
    if sum(recording.tape.inputs for *_, recording in kept) > _most(arrays):
        raise TypeError(
            f"{header['function']} takes {_most(arrays):,} numbers or more and uses few of them: "
            "pass those, or pickle the replay instead"
        )
    header = {"format": FORMAT, "version": VERSION, "codes": NAMES, **header, "recordings": said}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with files.whole(path) as file:
        np.savez(file, **arrays)


def _plain(keywords: Keywords) -> Keywords:
    for name, x in keywords.items():
        if type(x) not in (str, int, float, bool, type(None)):
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
    with open(path, "rb") as raw:
        try:
            arrays = _arrays(raw)
            header = json.loads(arrays["header"].tobytes())
            _check_fields(header, {"format": str, "version": int}, "its header")
            _require(header["format"] == FORMAT, "it is in another format")
            if header["version"] == VERSION:
                return header, _recordings(header, arrays)
        except (
            OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError, TypeError, RuntimeError,
            AttributeError, ValueError, IndexError, OverflowError, MemoryError,
        ) as error:  # fmt: skip
            reason = error.args[0] if isinstance(error, DamagedError) else "its parts do not fit"
            if isinstance(error, KeyError):
                reason = f"it has no {error.args[0]}"
            raise ValueError(f"{path} is not a replay, or is damaged: {reason}") from error
    raise ValueError(
        f"{path} is of version {header['version']!r} of the format, and this reads {VERSION}: "
        "record the function again"
    )


def _arrays(raw: IO[bytes]) -> dict[str, Array]:
    """The arrays in a file. They take no more memory than the file has bytes."""
    size = raw.seek(0, os.SEEK_END)
    with zipfile.ZipFile(raw) as archive:
        entries = archive.infolist()
        for entry in entries:
            _require(
                entry.compress_type == zipfile.ZIP_STORED
                and entry.compress_size == entry.file_size,
                f"the part {entry.filename!r} is compressed, which those of a replay are not",
            )
        total = sum(entry.file_size for entry in entries)
        _require(total <= size, f"its parts claim {total:,} bytes, and it has {size:,}")
        return {
            x.filename.removesuffix(".npy"): _array(x.filename, archive.read(x)) for x in entries
        }


def _array(name: str, content: bytes) -> Array:
    """The array of one part, whose own header must fit it."""
    file = io.BytesIO(content)
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    is_bool = dtype.kind == "b"  # a byte of a bool may be more than 1
    array = np.frombuffer(content, np.uint8 if is_bool else dtype, offset=file.tell())
    _require(array.shape == shape, f"the part {name!r} has {len(array)} numbers, not {shape}")
    return array != 0 if is_bool else array.copy()


def _check_fields(said: Any, fields: dict[str, Any], where: str) -> None:
    """DamagedError unless it is a dict with these fields, each of its kind."""
    _require(isinstance(said, dict), f"{where} is not a dict")
    for name, kind in fields.items():
        _require(name in said, f"{where} has no {name!r}")
        fits = isinstance(said[name], kind) and not isinstance(said[name], bool)
        _require(fits, f"{name!r} in {where} is {describe(said[name])}")


def _require(holds: object, what: str) -> None:
    if not holds:
        raise DamagedError(what)


def _recordings(header: dict[str, Any], arrays: dict[str, Array]) -> list[Stored]:
    _check_fields(header, FIELDS, "its header")
    numbers, keep = header["argnums"], header["keep"]
    numbers = numbers if isinstance(numbers, list) else [numbers]
    fits = all(type(x) is int for x in numbers) and keep > 0
    _require(fits and chosen(header["rewrites"]) is not None, "its header is wrong")
    for i, said in enumerate(header["recordings"]):
        _check_fields(said, PARTS, f"recording {i} of its header")
    total = sum(said["inputs"] for said in header["recordings"])
    most = _most(arrays)
    _require(total <= most, f"it claims {total:,} arguments, and may have {most:,}")
    return [_recording(header, arrays, i, said) for i, said in enumerate(header["recordings"])]


def _most(arrays: dict[str, Array]) -> int:
    """The most arguments that the recordings in a file may have together."""
    return max(2**23, sum(array.nbytes for array in arrays.values()))


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
    _require(tape.sources + len(tape.code) < 2**31, "it has too many numbers")
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
    sizes = np.diff(start.astype(np.int64))  # which cannot overflow
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
    _require(isinstance(parts, (int, list)) and not isinstance(parts, bool), "a structure is wrong")
    n = parts if isinstance(parts, int) else len(parts)
    if kind == DICT:
        fits = len(set(detail)) == n and all(type(key) in (str, int) for key in detail)
        _require(fits, "the keys of a dict are wrong")
    elif kind == ARRAY:
        fits = all(type(size) is int and size >= 0 for size in detail)
        _require(fits and math.prod(detail) == parts, "the shape of an array is wrong")
    else:
        _require(detail is None, "a list is wrong")
    _require(n >= 0, "a structure has fewer than no parts")
    detail = tuple(detail) if detail is not None else None
    return kind, detail, parts if isinstance(parts, int) else tuple(map(_shape_in, parts))
