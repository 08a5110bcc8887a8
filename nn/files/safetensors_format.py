"""The safetensors file format: named blocks of numbers, without code.

The file is a length (8 bytes, little-endian), a JSON header of that length, and the numbers. For
each block the header says `{"dtype": "F64", "shape": [3, 2], "data_offsets": [0, 48]}`; under
`__metadata__` it has strings by name. See https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Mapping
from io import BytesIO
from typing import Any, BinaryIO

from ..parameters import np, shape

TYPES = {"F64": "<f8", "F32": "<f4"}  # to NumPy's names
LONGEST_HEADER = 100_000_000  # the limit of the format's own library


class FileError(ValueError):
    """A file that cannot be read, with the reason."""


def pack(blocks: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a file with these numbers (floats and nested lists of them) and strings."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    body = b""
    for name, block in blocks.items():
        lengths = shape(block)
        dtype = "F32" if getattr(block, "dtype", "") == "float32" else "F64"
        packed = np.array(block, TYPES[dtype]).tobytes()
        place = [len(body), len(body) + len(packed)]
        header[name] = {"dtype": dtype, "shape": lengths, "data_offsets": place}
        body += packed
    text = json.dumps(header, ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-len(text) % 8)  # the numbers start at a multiple of 8
    return struct.pack("<Q", len(text)) + text + body


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The blocks and the metadata of a file.

    FileError unless every byte is accounted for: nothing is read or built before it is known to
    be there. OSError if the file does not exist.
    """
    try:
        with open(path, "rb") as file:
            return _read(file, os.fstat(file.fileno()).st_size)
    except FileError as error:
        raise FileError(f"{os.fspath(path)}: {error}") from None


def unpack(packed: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """The blocks and the metadata in the bytes of a file; FileError as for `read`."""
    return _read(BytesIO(packed), len(packed))


def _read(file: BinaryIO, size: int) -> tuple[dict[str, Any], dict[str, str]]:
    start = file.read(8)
    foreign = start[:1] == b"\x80" or start[:2] == b"PK"  # or a header of such a length
    if foreign and (len(start) < 8 or struct.unpack("<Q", start)[0] > size - 8):
        raise FileError(
            "this is a pickle, or a zip file as torch.save writes it: opening one can run any "
            "code, so it is not opened here. Save the weights as safetensors"
        )
    if len(start) < 8:
        raise FileError("the file is truncated: a safetensors file has 8 bytes at least")
    length = struct.unpack("<Q", start)[0]
    if length > LONGEST_HEADER:
        raise FileError(f"its header would have {length:,} bytes: this is not a safetensors file")
    if length > size - 8:
        raise FileError(
            f"the file is truncated: its header has {length} bytes, {size - 8} are there"
        )
    header = _header(file.read(length))
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(
        isinstance(text, str) for text in metadata.values()
    ):
        raise FileError("its metadata are not strings by name")
    places = _places(header, size - 8 - length)
    body = file.read(size - 8 - length)
    return {name: _block(body, *place) for name, place in places.items()}, metadata


def _header(text: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) < len(pairs):
            raise FileError("its header has the same name twice")
        return found

    try:
        header = json.loads(text.decode(), object_pairs_hook=once)
    except FileError:
        raise
    except (ValueError, RecursionError):
        raise FileError("its header is not JSON: the file is damaged, or not safetensors") from None
    if not isinstance(header, dict):
        raise FileError("its header is not a JSON object: this is not a safetensors file")
    result: dict[str, Any] = header
    return result


def _places(header: dict[str, Any], size: int) -> dict[str, tuple[str, list[int], int]]:
    """(dtype, shape, start) of each block, if the blocks fill `size` bytes without a gap."""
    found, end = {}, 0
    blocks = {name: _described(name, entry) for name, entry in header.items()}
    for name, (dtype, lengths, first, last) in sorted(blocks.items(), key=lambda kv: kv[1][2:]):
        if first != end:
            raise FileError(f"block {name!r} starts at byte {first}, where {end} is free next")
        if last - first != math.prod(lengths) * np.dtype(TYPES[dtype]).itemsize:
            raise FileError(
                f"block {name!r} has {last - first} bytes, too few or too many for {lengths}"
            )
        found[name], end = (dtype, lengths, first), last
    if end > size:
        raise FileError(f"the file is truncated: its numbers take {end} bytes, {size} are there")
    if end < size:
        raise FileError(f"it has {size - end} bytes more than its header says")
    return found


def _described(name: str, entry: Any) -> tuple[str, list[int], int, int]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise FileError(f"block {name!r} is not described as dtype, shape and data_offsets")
    dtype, lengths, place = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in TYPES:
        raise FileError(f"block {name!r} has numbers of type {dtype!r}, not {' or '.join(TYPES)}")
    if not (_is_sizes(lengths, 1) and _is_sizes(place, 0) and len(place) == 2 and len(lengths) < 9):
        raise FileError(f"block {name!r} has the shape {lengths!r} and the place {place!r}")
    return dtype, lengths, place[0], place[1]


def _is_sizes(x: object, least: int) -> bool:
    return isinstance(x, list) and all(type(n) is int and n >= least for n in x)


def _block(body: bytes, dtype: str, lengths: list[int], start: int) -> Any:
    """The numbers of one block, as nested lists."""
    found = np.frombuffer(body, TYPES[dtype], math.prod(lengths), start)
    return found.reshape(lengths).tolist()
