"""The states of the random numbers that a function reaches.

A recording of random numbers would give one draw for ever: where a state moves while a function is
recorded, it is refused.
"""

from __future__ import annotations

import random
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 10_000  # objects that are looked through for generators of random numbers


def states(f: Callable[..., Any]) -> list[str]:
    """The states of all random numbers that f reaches: what it names, closes over, and is bound to.

    Generators in slots, in other modules' globals, or behind more than `MOST` objects are not seen.
    """
    found = [repr(random.getstate()), repr(np.random.get_state())]
    known: dict[int, Any] = {}
    left: list[Any] = [f]
    while left and len(known) < MOST:
        x = left.pop()
        if id(x) in known:
            continue
        known[id(x)] = x  # kept alive, for the id to stay its own
        if isinstance(x, np.random.Generator):
            found.append(repr(x.bit_generator.state))
        elif isinstance(x, np.random.RandomState):
            found.append(repr(x.get_state()))
        elif isinstance(x, random.Random):
            found.append(repr(x.getstate()))
        elif isinstance(x, MethodType):
            left += x.__self__, x.__func__
        elif isinstance(x, partial):
            left += x.func, x.args, x.keywords
        elif isinstance(x, FunctionType):
            left += [x.__defaults__, x.__kwdefaults__]
            left += [cell.cell_contents for cell in x.__closure__ or () if _is_full(cell)]
            left += [x.__globals__[name] for name in _names(x.__code__) & x.__globals__.keys()]
        elif isinstance(x, dict):
            left += x.values()
        elif isinstance(x, (list, tuple)):
            left += x
        elif not isinstance(x, (type, ModuleType)):
            left += [type(x).__dict__.get("__call__"), *getattr(x, "__dict__", {}).values()]
    return found


def _names(code: CodeType) -> set[str]:
    """The names that a function, and the functions within it, look up."""
    within = [_names(x) for x in code.co_consts if isinstance(x, CodeType)]
    return set(code.co_names).union(*within)


def _is_full(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
