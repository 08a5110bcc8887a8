"""Loops over a tape in which each step needs the one before; in C where that was built."""

from __future__ import annotations

import warnings
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np

from ..core.rules import TABLE
from ..core.twin import FINGERPRINT, REQUIRED, is_set, refused

Array = Any  # of NumPy

native: Any = None
try:
    if is_set("AUTOGRAD_PURE"):
        raise ModuleNotFoundError("AUTOGRAD_PURE switches what is compiled off")
    native = import_module(".._replay", __package__)
    if tuple(TABLE) != native.NAMES or native.FINGERPRINT != FINGERPRINT:
        native = None
        raise ImportError("_replay was compiled from another table: install valuegrad again")
except ImportError as error:
    if REQUIRED:
        raise
    if not (refused or isinstance(error, ModuleNotFoundError)):  # what was refused has been said
        warnings.warn(
            f"{error} (meanwhile replays run in Python, with the same answers)",
            RuntimeWarning,
            stacklevel=2,
        )


def levels(sources: Array, start: Array, ins: Array, least: int = 0) -> Array:
    """For each operation one more than the highest level of its inputs; `least` if that is 0.

    `sources` has the levels of the ids before the first operation; the level of a constant is 0.
    """
    if native is not None:
        found = np.zeros(len(sources) + len(start) - 1, np.int32)
        found[: len(sources)] = sources
        native.levels(found, start, ins, least)
        return found
    level = sources.tolist()
    ends, taken = start.tolist(), ins.tolist()
    for first, last in pairwise(ends):
        top = 0
        for x in taken[first:last]:
            if x >= 0 and level[x] > top:
                top = level[x]
        level.append(top + 1 if top else least)
    return np.array(level, np.int32)


def reach(marked: Array, start: Array, ins: Array) -> Array:
    """The marked ids, and every id that one of them is computed from."""
    if native is not None:
        marked = marked.copy()
        native.reach(marked, start, ins)
        return marked
    found = marked.tolist()
    ends, taken = start.tolist(), ins.tolist()
    sources = len(found) - len(ends) + 1
    for i in range(len(ends) - 2, -1, -1):
        if found[sources + i]:
            for x in taken[ends[i] : ends[i + 1]]:
                if x >= 0:
                    found[x] = True
    return np.array(found, bool)
