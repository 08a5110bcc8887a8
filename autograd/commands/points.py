"""The point of a check, read from a file: `.npz`, `.npy` or `.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .expression import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = (".npz", ".npy", ".json")


def is_point(word: str) -> bool:
    """Whether a word names a file that holds arguments."""
    return word.endswith(KINDS) and ("=" not in word or Path(word).is_file())


def read_point(file: str, names: Sequence[str], arrays: bool) -> dict[str, Any]:
    """The arguments in a file, by name; one without names has the first argument.

    Of a file with names, those are taken that are among `names`, or all if there are none. Lists
    become arrays if `arrays`. UsageError for what cannot be read.
    """
    try:
        found = _json(file, arrays) if file.endswith(".json") else _numpy(file)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    if not isinstance(found, dict):
        found = {names[0] if names else "x": found}
    taken = {name: x for name, x in found.items() if name in (names or found)}
    if not taken:
        held = ", ".join(map(str, found)) or "nothing"
        raise UsageError(f"{file} has {held}, and the function takes {', '.join(names)}")
    return taken


def _numpy(file: str) -> Any:
    import numpy as np

    found = np.load(file)  # without pickles, which could run anything
    if isinstance(found, np.ndarray):
        return found[()]
    with found:
        return {name: found[name][()] for name in found.files}


def _json(file: str, arrays: bool) -> Any:
    def made(x: Any) -> Any:
        if isinstance(x, dict):
            return {name: made(part) for name, part in x.items()}
        if isinstance(x, list):
            return _array(x) if arrays else [made(part) for part in x]
        return float(x) if isinstance(x, int) and not isinstance(x, bool) else x

    return made(json.loads(Path(file).read_text(encoding="utf-8")))


def _array(x: list[Any]) -> Any:
    import numpy as np

    try:
        return np.array(x, dtype=float)
    except TypeError as error:  # a list of dicts, say
        raise ValueError(error) from None
