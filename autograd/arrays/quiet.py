"""NumPy without its warnings: operations return inf and nan as IEEE arithmetic defines them.

`np.errstate` costs as much as NumPy itself on a small array. At a tenth of that, `still.run` runs a
function in a context (of `contextvars`) in which NumPy's warnings were switched off once. That
context has no other variables and no modes, so it is only for functions that compute arrays from
arrays. A function that records, or that is not ours, runs in a copy of its caller's context. The
user's own settings never change, even if a call is interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from functools import wraps
from threading import local
from typing import Any, Final

import numpy as np

Function = Callable[..., Any]

is_quiet: Final = ContextVar("is_quiet", default=False)  # True inside a quiet call


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


still: Final = _Still()


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
