"""The loops over a tape in which every step needs the one before; in C where that was compiled."""

from __future__ import annotations

from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np

from ..core.rules import TABLE
from ..core.twin import REQUIRED, is_set

Array = Any  # of NumPy

native: Any = None
try:
    if is_set("AUTOGRAD_PURE"):
        raise ImportError("AUTOGRAD_PURE switches what is compiled off")
    native = import_module(".._replay", __package__)
    if tuple(TABLE) != native.NAMES:
        native = None
        raise ImportError("_replay was compiled from another table: install valuegrad again")
except ImportError:
    if REQUIRED:
        raise


def levels(sources: Array, start: Array, ins: Array, least: int = 0) -> Array:
    """One more than the highest level among an operation's inputs, if one is above 0; else `least`.

    `sources` has the levels of the ids before the first operation; a constant's is 0.
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
    """Every id from which a marked one is computed, the marked ones included."""
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


def number(
    sources: int, constants: int, key: Array, start: Array, ins: Array, fold: bool, common: bool
) -> tuple[Array, Array]:
    """For each id the one that stands for it, and the operations that are constants now.

    With `fold` an operation on constants becomes one more constant; with `common` an operation
    stands for all later ones of its key and inputs. A negative key is left as it is.
    """
    same = list(range(sources))
    folded: list[int] = []
    seen: dict[Any, int] = {}
    ends, taken, keys = start.tolist(), ins.tolist(), key.tolist()
    for i, code in enumerate(keys):
        inputs = tuple([same[x] if x >= 0 else x for x in taken[ends[i] : ends[i + 1]]])
        own = sources + i
        if code >= 0:
            if fold and max(inputs) < 0:
                folded.append(i)
                own = -constants - len(folded)
            elif common:
                own = seen.setdefault((code, inputs), own)
        same.append(own)
    return np.array(same, np.int32), np.array(folded, np.int32)
