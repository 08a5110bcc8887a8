"""A pytest plugin: garbage is collected at every turn, and each time the engine is used meanwhile.

`python -m pytest -p collecting tests/test_engine.py`, with tests/ on PYTHONPATH.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest

from autograd import Value, gradients
from autograd import sum as total
from autograd.core.modes import Mode
from autograd.core.rules import altered

X, Y = Value(0.5, "x"), Value(-2.0)
ROOT = (X * Y + X.tanh()) ** 2.0 + total([X, Y, X * 3.0])
SLOPES = gradients(ROOT, [X, Y])
calls = 0


def use_the_engine() -> None:
    """Record, and walk back over a new graph and over one that is always there."""
    a = Value(3.0)
    b = a * X + a.exp()
    b.backward()
    assert a.grad == 0.5 + math.exp(3.0)
    assert gradients(b, [a, X]) == [0.5 + math.exp(3.0), 3.0]
    assert gradients(ROOT, [X, Y]) == SLOPES


@Mode(recording=True, lines=False, anomaly=False, recorder=None)
def alone() -> None:
    """In a context of its own: CPython 3.11 collects amid its changes of context variables."""
    use_the_engine()


def collecting(phase: str, _: Any) -> None:
    global calls
    if phase == "start" or altered:  # a test has changed the table
        return
    calls += 1
    enabled = gc.isenabled()
    gc.disable()  # what is made here is not collected in turn
    try:
        copy_context().run(alone)
    finally:
        if enabled:
            gc.enable()


@pytest.fixture(autouse=True)
def garbage() -> Iterator[None]:
    before = gc.get_threshold()
    gc.freeze()  # there is much that need not be looked through
    gc.callbacks.append(collecting)
    gc.set_threshold(1)
    yield
    gc.set_threshold(*before)
    gc.unfreeze()
    gc.callbacks.remove(collecting)


def pytest_sessionfinish() -> None:
    assert calls
