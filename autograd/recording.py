"""What may differ while a computation is recorded: whether, with which lines, and how warily.

Every operation asks one plain number, `active`; only when it is not 0 does it look up what its own
thread has switched on.
"""

from __future__ import annotations

import math
import sys
from _thread import RLock, _local  # what `threading` is made of, 2 ms sooner
from functools import wraps

from .compiled import engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

active = 0  # how many contexts are open, in all threads together
lock = RLock()


watching = 0  # how many of them want to see every new node
_announce = (lambda *counts: None) if engine is None else engine.set_active


def _count(step: int, watches: bool) -> None:
    global active, watching
    with lock:
        active += step
        watching += step * watches
        _announce(active, watching)


class _Settings(_local):
    """What this thread has switched on."""

    recording = True
    lines = False
    anomaly = False
    recorder: Any = None  # who wants to know when a number is looked at, while a replay is recorded

    def __init__(self) -> None:  # once in each thread
        self.saved: list[dict[str, Any]] = []


settings = _Settings()


class Mode:
    """A context, or a decorator, in which some of this thread's settings differ."""

    __slots__ = ("changes", "watches")

    def __init__(self, **changes: Any) -> None:
        self.changes = changes
        self.watches = changes != {"recorder": changes.get("recorder")}

    def __call__(self, function: Any) -> Any:
        @wraps(function)
        def within(*args: Any, **named: Any) -> Any:
            with self:
                return function(*args, **named)

        return within

    def __enter__(self) -> None:
        settings.saved.append({name: getattr(settings, name) for name in self.changes})
        _count(1, self.watches)
        settings.__dict__.update(self.changes)

    def __exit__(self, *_: object) -> None:
        settings.__dict__.update(settings.saved.pop())
        _count(-1, self.watches)


def no_grad() -> Mode:
    """A context in which this thread records nothing: results are leaves."""
    return Mode(recording=False)


def record_lines() -> Mode:
    """A context in which every node this thread records keeps the user's own line of code."""
    return Mode(lines=True)


def detect_anomaly() -> Mode:
    """A context in which the first value or gradient that is not finite raises.

    The FloatingPointError names the operation, its inputs with their labels and numbers, and the
    user's own line of code. RuntimeError where the array of a leaf was written into since an
    operation was recorded from it.
    """
    return Mode(lines=True, anomaly=True)


def look_at(node: Any) -> None:
    """The program is about to use a node's number itself, and so may take another way next time."""
    if settings.recorder is not None:
        settings.recorder.read(node)


def change(node: Any, how: str) -> None:
    """The program is about to do to a node what no replay would do."""
    if settings.recorder is not None:
        settings.recorder.refuse(node, how)


def derive(leaf: Any, row: Any, inputs: tuple[Any, ...]) -> None:
    """A leaf is about to be made of what it does not show, so that no gradient goes through it."""
    if settings.recorder is not None:
        settings.recorder.pasts[leaf] = row, inputs


def watched(node: Any) -> Any:
    """A new node as this thread's settings want it."""
    if not settings.recording:
        derive(node, node._rule, node._inputs)
        node._inputs, node._rule = (), None
        return node
    if settings.lines:
        remember(node, "line", caller())
    if settings.anomaly and not _finite(node._data):
        operands = ", ".join(_shown(node._inputs))
        raise FloatingPointError(f"{node.op} of {operands} is {node._data}{_at(node)}")
    return node


def check_shares(node: Any, g: Any, shares: Sequence[Any]) -> None:
    """Under `detect_anomaly`: raise at the first share of a gradient that is not finite."""
    node.refuse_written()
    if not settings.anomaly:
        return
    operands = list(_shown(node._inputs))
    made = f"{node.op} of {', '.join(operands)}" if operands else f"the leaf {next(_shown([node]))}"
    if not _finite(g):
        raise FloatingPointError(f"the gradient that arrives at {made} is {_number(g)}{_at(node)}")
    for share, operand in zip(shares, operands, strict=True):
        if share is not None and not _finite(share):
            raise FloatingPointError(
                f"the gradient that {made} passes back to {operand} is {_number(share)} "
                f"(it was handed {_number(g)}){_at(node)}"
            )


def _number(x: Any) -> Any:
    return getattr(x, "_data", x)  # with create_graph a gradient is a node


def _finite(x: Any) -> bool:
    data = _number(x)
    if isinstance(data, (float, int)):
        return math.isfinite(data)
    return bool((abs(data) < math.inf).all())


def _shown(inputs: Sequence[Any]) -> Iterator[str]:
    for x in inputs:
        if not hasattr(x, "_inputs"):
            yield f"{x}"
        else:
            yield f"{x.label} = {x._data}" if x.label else f"{x._data}"


def _at(node: Any) -> str:
    line = line_of(node)
    return f"\n  at {line}" if line else ""


def caller() -> tuple[str, int]:
    """The file and line of the innermost frame that is not this project's."""
    frame = sys._getframe(1)
    while str(frame.f_globals.get("__package__")).partition(".")[0] in ("autograd", "nn"):
        if frame.f_back is None:
            break
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def line_of(node: Any) -> str:
    """The user's line that made a node, as `file:line: code`; "" where none was recorded."""
    where = extra(node).get("line")
    if where is None:
        return ""
    import linecache

    return f"{where[0]}:{where[1]}: {linecache.getline(*where).strip()}"


def extra(node: Any) -> Mapping[str, Any]:
    """What few nodes have: a label, a line, scopes."""
    try:
        return node._extra
    except AttributeError:
        return {}


def remember(node: Any, name: str, value: Any) -> None:
    """Keep one such thing on a node."""
    try:
        node._extra[name] = value
    except AttributeError:
        node._extra = {name: value}
