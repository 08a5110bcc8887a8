"""Modes around functions, coroutines and generators."""

from __future__ import annotations

from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from types import coroutine
from typing import Any

from ..core.modes import Mode


def within(mode: Mode, function: Any) -> Any:
    """The function, with the mode on while its body runs."""
    decorated: Any
    if isgeneratorfunction(function):

        def decorated(*args: Any, **named: Any) -> Any:
            return (yield from _run(mode, function(*args, **named)))

    elif iscoroutinefunction(function):

        async def decorated(*args: Any, **named: Any) -> Any:
            return await _run(mode, function(*args, **named))

    elif isasyncgenfunction(function):

        async def decorated(*args: Any, **named: Any) -> Any:
            body = function(*args, **named)
            step = body.asend(None)
            while True:
                try:
                    item = await _run(mode, step)
                except StopAsyncIteration:
                    return
                try:
                    step = body.asend((yield item))
                except BaseException as error:
                    step = body.athrow(error)

    else:

        def decorated(*args: Any, **named: Any) -> Any:
            with mode:
                return function(*args, **named)

    return wraps(function)(decorated)


@coroutine
def _run(mode: Mode, body: Any) -> Any:
    """`yield from body`, with the mode on in each of its steps and off between them."""
    step, given = body.send, None
    while True:
        try:
            with mode:
                item = step(given)
        except StopIteration as stop:
            return stop.value
        finally:
            given = None  # an error holds this frame
        try:
            step, given = body.send, (yield item)
        except BaseException as error:
            step, given = body.throw, error
