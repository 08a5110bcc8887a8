"""NumPy without its warnings: an edge has an IEEE answer here, so every operation is quiet.

`np.errstate` costs as much as NumPy itself on a small array. What is entered here instead, at a
tenth of that, is a context (as in `contextvars`) in which NumPy was told once to say nothing. It
knows no other variable, and no mode: it is for functions that compute arrays from arrays. Whatever
records, or is written by others, runs in a copy of its caller's context. The settings of the user
are never touched, and an interrupt has nothing to leave behind.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from functools import wraps
from threading import local
from typing import Any

import numpy as np

Function = Callable[..., Any]

is_quiet = ContextVar("is_quiet", default=False)  # whether the caller is inside already


def _silent(run: Function) -> Function:
    run(np.seterr, all="ignore")
    run(is_quiet.set, True)
    return run


class _Quiet(local):
    """What calls a function quietly: in a context of this thread, which no other may enter."""

    def __init__(self) -> None:
        self.run: Function = _silent(Context().run) if CONTEXTUAL else _ignored


def _ignored(function: Function, *args: Any, **named: Any) -> Any:
    with np.errstate(all="ignore"):
        return function(*args, **named)


CONTEXTUAL = np.lib.NumpyVersion(np.__version__) >= "2.0.0"  # before, errstate was the thread's
still = _Quiet()


def calmly(function: Function, *args: Any, **named: Any) -> Any:
    """A function from arrays to arrays, NumPy's or ours, called without NumPy's warnings."""
    if is_quiet.get():
        return function(*args, **named)
    return still.run(function, *args, **named)


def quiet(function: Function) -> Function:
    """The function without NumPy's warnings; it must record nothing."""

    @wraps(function)
    def within(*args: Any, **named: Any) -> Any:
        return calmly(function, *args, **named)

    return within


def openly(function: Function, *args: Any, **named: Any) -> Any:
    """The same for any function: it runs in a copy of the context of the caller."""
    if is_quiet.get():
        return function(*args, **named)
    return copy_context().run(_hushed, function, *args, **named)


def _hushed(function: Function, *args: Any, **named: Any) -> Any:
    is_quiet.set(True)
    return _ignored(function, *args, **named)


def quiet_around(function: Function) -> Function:
    """The function without NumPy's warnings, whatever it calls."""

    @wraps(function)
    def within(*args: Any, **named: Any) -> Any:
        return openly(function, *args, **named)

    return within
