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


def _hushed(function: Function, *args: Any, **named: Any) -> Any:
    is_quiet.set(True)
    with np.errstate(all="ignore"):
        return function(*args, **named)


def _in_a_copy(function: Function, *args: Any, **named: Any) -> Any:
    return copy_context().run(_hushed, function, *args, **named)


class _Still(local):
    """`run` calls a function quietly, in a context of this thread that no other may enter."""

    def __init__(self) -> None:
        self.run: Function = _in_a_copy
        if np.lib.NumpyVersion(np.__version__) >= "2.0.0":  # before, errstate was the thread's
            self.run = Context().run
            self.run(np.seterr, all="ignore")
            self.run(is_quiet.set, True)


still = _Still()


def quiet(function: Function, theirs: bool = False) -> Function:
    """The function without NumPy's warnings.

    It must compute arrays from arrays and record nothing. A function that records, or that is
    `theirs` (a user's or another library's), runs in a copy of its caller's context instead.
    """

    @wraps(function)
    def within(*args: Any, **named: Any) -> Any:
        if is_quiet.get():
            return function(*args, **named)
        return (_in_a_copy if theirs else still.run)(function, *args, **named)

    return within
