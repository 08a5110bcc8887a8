"""Per-task modes: record operations or not, keep source lines, check for anomalies.

Every operation tests one set, `active`; only while it is not empty does it look up what its own
task has switched on.
"""

from __future__ import annotations

import gc
import os
import sys
from _thread import RLock  # what `threading` is made of, 2 ms sooner
from _weakref import ref
from contextvars import ContextVar
from functools import partial
from operator import call

from .kinds import HANDED_IN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Final, TypeVar

    from .graph import Node
    from .rules import Rule

    F = TypeVar("F", bound=Callable[..., Any])
    N = TypeVar("N", bound=Node)

lock: Final = RLock()  # held while what threads share is replaced: gradients, recordings
if hasattr(os, "register_at_fork"):  # no other thread is left in the child to release it
    os.register_at_fork(after_in_child=lock._at_fork_reinit)  # type: ignore[attr-defined]

DEFAULTS: dict[str, Any] = {
    "recording": True,
    "lines": False,
    "anomaly": False,
    "recorder": None,  # who wants to know when a number is looked at, while a replay is recorded
}
UNENTERED: dict[str, Any] = {}

# Weak references to the entries of modes that any context still holds, and to those of them that
# want to see every new node. C takes them out again, so no interrupt comes between.
active: set[ref[_Entry]] = set()
watching: set[ref[_Entry]] = set()
recorders: list[Any] = []  # those at work, in any thread

mixing: Final = ContextVar("mixing", default=False)  # whether nodes of several kinds may meet
is_input: ContextVar[Any] = ContextVar("is_input", default=set().__contains__)  # of grad's call
_entries: ContextVar[tuple[_Entry, ...]] = ContextVar("entries", default=())
_always: Any = partial(bool, 1)
_left: Any = partial(bool, 2)


class _Entry:
    """One entering of a mode; it counts in every context that holds it, while `hold()` is true.

    Where `hold` is `_left`, it counts in contexts copied meanwhile, and not in its own.
    """

    changes = UNENTERED
    hold: Callable[[], object]
    token: Any  # of its own context

    def enter(self, changes: dict[str, Any]) -> None:
        if not changes.items() <= DEFAULTS.items():
            active.add(ref(self, active.discard))
            if {x for x, y in changes.items() if y != DEFAULTS[x]} != {"recorder"}:
                watching.add(ref(self, watching.discard))
        self.changes = changes


def settings() -> Mapping[str, Any]:
    """The modes of this task, or of this thread outside of tasks."""
    found = DEFAULTS
    for entry in _entries.get():
        if entry.hold is _left or not entry.hold():
            _at_once(partial(_entries.set, _counting()))
            return settings()
        found = {**found, **entry.changes}
    return found


def _counting() -> tuple[_Entry, ...]:
    """The entries that count in this context."""
    return tuple(filter(None, map(_here, _entries.get())))


def _here(entry: _Entry) -> _Entry | None:
    """The entry, if it counts in this context; one of this context's own for one left elsewhere."""
    if entry.hold is not _left:
        return entry if entry.hold() else None
    try:  # a token can be used in the context that it was made in, and in no other
        back, again = partial(_entries.reset, entry.token), partial(_entries.set, _entries.get())
        entry.token = _at_once(back, again)[1]
    except ValueError:
        own = _Entry()
        own.hold, own.token = _always, _at_once(partial(_entries.set, _entries.get()))[0]
        own.enter(entry.changes)
        return own
    except RuntimeError:  # it was used, and an interrupt came
        pass
    return None


def _at_once(*changes: Callable[[], Any]) -> list[Any]:
    """Changes of context variables, one after the other, with nothing that comes between.

    No instruction of Python's is run, so no interrupt and no other thread. CPython 3.11 collects
    garbage amid a change, and crashes if something collected then makes another.
    """
    if sys.version_info >= (3, 12) or not gc.isenabled():
        return list(map(call, changes))
    try:
        return list(map(call, (gc.disable, *changes, gc.enable)))[1:-1]
    except BaseException:
        gc.enable()
        raise


class _Exit:
    """`__exit__` of a mode: a function made anew each time that it is looked up.

    `with` looks it up before it enters, and keeps it until the block is left, by whatever way. So
    the entry counts while this function lives, and an interrupt at any instruction leaves no mode
    on: it may keep `__exit__` from being called, but not from being dropped.
    """

    def __get__(self, mode: Mode | None, _: Any = None) -> Callable[..., None]:
        entry = _Entry()
        leave = partial(_leave, ref(entry), *([] if mode is None else [mode]))
        entry.hold = ref(leave)
        (entry.token,) = _at_once(partial(_entries.set, (*_counting(), entry)))
        return leave


def _leave(found: Callable[[], _Entry | None], mode: Mode, *_: object) -> None:
    entry = found()
    if entry is not None and entry.changes is UNENTERED:  # called by hand, as __enter__ was
        own = [e for e in _entries.get() if e.changes is mode.changes]
        if not own:
            raise RuntimeError("this mode was not entered: write `with` instead of __exit__()")
        entry = own[-1]
    if entry is not None:  # else the context in which it was entered is gone
        entry.hold = _left
        others = tuple([e for e in _entries.get() if e is not entry and e.hold()])
        _at_once(partial(_entries.set, others))


class Mode:
    """A context, or a decorator, in which some settings of this task or thread differ.

    A task, or a thread started by `asyncio.to_thread`, has a copy of the settings of the one that
    started it, as with every context variable; other new threads start without. As a decorator it
    is on while the body of the function runs; between the steps of a generator, a coroutine or an
    asynchronous generator it is off.
    """

    __slots__ = ("changes",)

    def __init__(self, **changes: Any) -> None:
        self.changes: Final = changes

    def __enter__(self) -> None:
        for entry in reversed(_entries.get()):
            if entry.changes is UNENTERED and entry.hold():
                break
        else:
            _held = self.__exit__  # by hand, without `with`: until __exit__() is called
            entry = _entries.get()[-1]
            entry.hold = _always
        entry.enter(self.changes)

    if TYPE_CHECKING:

        def __exit__(self, *_: object) -> None: ...
    else:
        __exit__ = _Exit()

    def __call__(self, function: F) -> F:
        decorated: F = HANDED_IN["within"](self, function)
        return decorated


def no_grad() -> Mode:
    """A context in which this task or thread records nothing: results are leaves."""
    return Mode(recording=False)


def record_lines() -> Mode:
    """A context in which every node this task records keeps the user's own line of code."""
    return Mode(lines=True)


def detect_anomaly() -> Mode:
    """A context in which the first value or gradient that is not finite raises.

    The FloatingPointError names the operation, its inputs with their labels and numbers, and the
    user's own line of code. RuntimeError where the array of a leaf was written into since an
    operation was recorded from it.
    """
    return Mode(lines=True, anomaly=True)


def recorder_of(*nodes: object) -> Any:
    """The recorder of this task; else one, of another thread, that one of the nodes belongs to."""
    found = settings()["recorder"]
    return found or next((x for x in recorders if any(map(x.owns, nodes))), None)


def look_at(node: Node) -> None:
    """Tell the recorder, if any, that the program reads a node's number and may branch on it."""
    if (recorder := recorder_of(node)) is not None:
        recorder.read(node)


def change(node: Node, how: str) -> None:
    """Tell the recorder, if any, that the program changes a node as no replay would."""
    if (recorder := recorder_of(node)) is not None:
        recorder.refuse(node, how)


def derive(leaf: Node, row: Rule | None, inputs: tuple[object, ...]) -> None:
    """Tell the recorder, if any, what a leaf was computed from without a gradient."""
    if (recorder := recorder_of(*inputs)) is not None:
        recorder.pasts[leaf] = row, inputs


def watched(node: N) -> N:
    """Apply the modes of this task to a new node."""
    now = settings()
    if not now["recording"]:
        derive(node, node._rule, node._inputs)
        node._inputs, node._rule = (), None
        return node
    if now["lines"]:
        remember(node, "line", caller())
    if now["anomaly"]:
        HANDED_IN["check_result"](node)
    return node


def check_shares(node: Node, g: object, shares: Sequence[object]) -> None:
    """Under `detect_anomaly`: raise at the first share of a gradient that is not finite."""
    node.refuse_written()
    if settings()["anomaly"]:
        HANDED_IN["check_shares"](node, g, shares)


def caller() -> tuple[str, int]:
    """The file and line of the innermost frame that is not this project's."""
    frame = sys._getframe(1)
    while str(frame.f_globals.get("__package__")).partition(".")[0] in ("autograd", "nn"):
        if frame.f_back is None:
            break
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def extra(node: Node) -> Mapping[str, Any]:
    """The notes on a node, which few have: a label, a line, scopes."""
    try:
        return node._extra
    except AttributeError:
        return {}


def remember(node: Node, name: str, value: object) -> None:
    """Keep a note on a node. Nodes may share their notes: these are replaced, and never changed."""
    try:
        node._extra = {**node._extra, name: value}
    except AttributeError:
        node._extra = {name: value}
