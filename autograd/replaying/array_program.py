"""A tape of calls on arrays as a program in Python, with a buffer kept for each result."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Sequence
from operator import is_not
from typing import Any

import numpy as np

from ..arrays.functions import on_arrays
from ..arrays.libraries import Array
from ..arrays.numpy_arguments import mapped
from ..arrays.operations import ON_NUMPY
from ..arrays.quiet import still
from ..core.kinds import FUNCTIONS
from .standins import Call, Guard, Place, Standin, Tape, parts

PRINTED = (bool, int, str, type(None), type(...))
INTO: Any = {np.concatenate, np.dot, np.stack}  # functions, no ufuncs, that take `out`


def places(x: Any) -> set[int]:
    """The places that arguments name."""
    return {part.at for part in parts(x) if isinstance(part, Place)}


def frozen(x: Any) -> Any:
    """Arguments as a key: equal for what a function cannot tell apart."""
    if isinstance(x, np.ndarray):
        return x.dtype.str, x.shape, x.strides, x.tobytes()
    if isinstance(x, (Place, Standin)):
        return Place(x.at)
    if isinstance(x, dict):
        return tuple([(name, frozen(part)) for name, part in x.items()])
    if isinstance(x, (list, tuple)):
        return type(x), tuple(map(frozen, x))
    if isinstance(x, slice):
        return slice, frozen((x.start, x.stop, x.step))
    return type(x), repr(x)


def renamed(x: Any, same: dict[int, int]) -> Any:
    """Arguments with other places."""
    if isinstance(x, Place):
        return Place(same.get(x.at, x.at))
    return mapped(lambda part: renamed(part, same), x)


def needed(tape: Tape, outputs: Sequence[Place]) -> tuple[list[Call | Guard], list[Place]]:
    """The calls and guards that the outputs need, each call once, and the outputs' places."""
    same: dict[int, int] = {}
    known: dict[Any, int] = {}
    steps: list[Call | Guard] = []
    guards = iter([*tape.guards, Guard(len(tape.calls) + 1, 0, bool, None)])
    guard = next(guards)
    for i, call in enumerate(tape.calls):
        while guard.calls == i:
            steps.append(guard._replace(at=same.get(guard.at, guard.at)))
            guard = next(guards)
        call = call._replace(args=renamed(call.args, same), named=renamed(call.named, same))
        above = known.get((np.maximum, frozen((*call.args, 0.0)), ()))
        if call.function is on_arrays(FUNCTIONS["step"]) and above is not None:  # a relu's slope
            call = call._replace(function=np.sign, args=(Place(above),))
        key = call.function, frozen(call.args), frozen(call.named)
        if same.setdefault(call.at, known.setdefault(key, call.at)) == call.at:
            steps.append(call)
    while guard.calls == len(tape.calls):
        steps.append(guard._replace(at=same.get(guard.at, guard.at)))
        guard = next(guards)
    wanted: list[Place] = renamed(list(outputs), same)
    used, kept = places(wanted), list[Call | Guard]()
    for step in reversed(steps):
        if isinstance(step, Guard) or step.at in used:
            kept.append(step)
            used |= {step.at} if isinstance(step, Guard) else places([step.args, step.named])
    return kept[::-1], wanted


class Program:
    """The calls of a tape, printed as a Python function and run into buffers that are kept.

    Views of a buffer are made once, and results computed into new arrays. `given` are the places
    of the arrays that each call gives: of these `own` change from call to call, and are copied into
    buffers where they lie in memory in another way; the others are mostly the same in every call.
    """

    def __init__(
        self, tape: Tape, given: Sequence[int], own: int, outputs: Sequence[Place]
    ) -> None:
        self.given: Sequence[int] = given
        self.own: int = own
        self.names: dict[str, Any] = {}
        self._known: dict[Any, str] = {}
        self._likes = [np.empty_like(tape.arrays[at]) for at in given[:own]]
        self._leaves = [tape.arrays[at] for at in given[own:]]
        steps, outputs = needed(tape, outputs)
        self.source: str
        self.nbytes: int
        self.source, self.nbytes = self._printed(tape, steps, outputs)
        exec(self.source, self.names)
        self._setup = self.names.pop("setup")  # else each would hold the other
        self._frames: list[tuple[list[Array], Callable[..., Any]]] = []

    def run(self, own: Sequence[Array], others: Sequence[Array]) -> Sequence[Array] | None:
        """The outputs for other arrays, the caller's own; None where a guard does not hold."""
        try:  # a frame is taken away while it runs: another thread, or f itself, makes a new one
            last, run = self._frames.pop()
        except IndexError:
            last, run = [], bool
        if len(last) != len(others) or any(map(is_not, last, others)) or run is bool:
            last = list(others)
            if any(map(_is_other, last, self._leaves)):
                return None
            run = self._setup(*last)
        found = still.run(run, *map(_laid_out, own, self._likes))
        self._frames.append((last, run))
        return found

    # ---- printing ----

    def _printed(
        self, tape: Tape, steps: Sequence[Call | Guard], outputs: Sequence[Place]
    ) -> tuple[str, int]:
        before: list[str] = []
        body: list[str] = []
        fixed, nbytes = set(self.given[self.own :]), 0  # whose array is the same in every run
        new, fresh = {x.at for x in outputs}, set[int]()  # results, and the caller's own of them
        last, buffers = _last_uses(tape, steps), set[int]()
        for i, step in enumerate(steps):
            if isinstance(step, Guard):
                look, seen = self._name(step.look, "look"), self._name(step.seen, "seen", id)
                body.append(f"if {look}(v{step.at}) != {seen}: return None")
                continue
            if step.function is np.matmul and self._are_matrices(tape, step):
                step = step._replace(function=np.dot)  # asks less, and has BLAS compute more forms
            array, arguments = tape.arrays[step.at], self._arguments(step)
            name = self._name(step.function, _title(step.function))
            of, into = places([step.args, step.named]), f"v{step.at}"
            if len(of) == 1 and of <= fixed and _is_view(array, tape.arrays[min(of)]):
                before.append(f"{into} = {name}({arguments})")
                fixed.add(step.at)
            elif (text := self._into(step, name, arguments, array)) is not None:
                made = f"{self._name(np.empty_like, 'empty_like')}({self._name(array, 'like', id)})"
                if step.at in new:
                    body.append(f"{into} = {made}")
                    fresh.add(step.at)
                else:
                    free = {at for at in of & buffers - new if last[at] == i}
                    old = next((at for at in free if _fits(step, tape.arrays[at], array)), None)
                    before.append(f"{into} = {made if old is None else f'v{old}'}")
                    nbytes += array.nbytes if old is None else 0
                    buffers.add(step.at)
                    fixed.add(step.at)
                body.append(text)
            elif isinstance(array, np.ndarray) and not array.ndim:
                body.append(f"{into} = {self._name(np.asarray, 'asarray')}({name}({arguments}))")
            else:
                body.append(f"{into} = {name}({arguments})")
        results = list[str]()
        for x in outputs:
            copied = f"{self._name(np.array, 'array')}(v{x.at})"
            results.append(f"v{x.at}" if x.at in fresh else copied)
            fresh.discard(x.at)  # a result that is there twice is two arrays
        own, others = (
            ", ".join(f"v{at}" for at in part)
            for part in (self.given[: self.own], self.given[self.own :])
        )
        lines = [f"def setup({others}):", *(f"    {line}" for line in before),
                 f"    def run({own}):", *(f"        {line}" for line in body),
                 f"        return [{', '.join(results)}]", "    return run"]  # fmt: skip
        return "\n".join(lines), nbytes

    def _into(self, call: Call, name: str, arguments: str, array: Any) -> str | None:
        """The call with its result in a buffer, or None."""
        function, into = call.function, f"v{call.at}"
        if not isinstance(array, np.ndarray):
            return None
        if function == ON_NUMPY.broadcast_to:
            return f"{self._name(np.copyto, 'copyto')}({into}, {self._text(call.args[0])})"
        reduces = getattr(function, "__name__", "") in ("reduce", "accumulate") and isinstance(
            getattr(function, "__self__", None), np.ufunc
        )
        if reduces or isinstance(function, np.ufunc) or function in INTO:
            return f"{name}({arguments}, out={into})"
        return None

    def _are_matrices(self, tape: Tape, call: Call) -> bool:
        """Whether a product is of two matrices of one precision, with nothing asked beside."""
        xs = [tape.arrays[x.at] if isinstance(x, Place) else x for x in call.args]
        alike = len({getattr(x, "dtype", None) for x in xs}) == 1
        return alike and not call.named and all(np.ndim(x) == 2 for x in xs)

    def _arguments(self, call: Call) -> str:
        named = [f"{name}={self._text(x)}" for name, x in call.named.items()]
        return ", ".join([*map(self._text, call.args), *named])

    def _text(self, x: Any) -> str:
        if isinstance(x, Place):
            return f"v{x.at}"
        if x.__class__ in PRINTED or (x.__class__ is float and x - x == 0):
            return repr(x)
        if x.__class__ is tuple:
            return f"({''.join(f'{self._text(part)}, ' for part in x)})"
        if x.__class__ is list:
            return f"[{', '.join(map(self._text, x))}]"
        if isinstance(x, slice):
            return f"slice({', '.join(map(self._text, (x.start, x.stop, x.step)))})"
        return self._name(x, "constant", id)

    def _name(self, x: Any, title: str, key: Callable[[Any], Any] | None = None) -> str:
        """The name of a function or a constant in the program."""
        known = (title, key(x)) if key else x
        if known not in self._known:
            name, n = title, 2
            while name in self.names or keyword.iskeyword(name):
                name, n = f"{title}_{n}", n + 1
            self.names[name], self._known[known] = x, name
        return self._known[known]


def _last_uses(tape: Tape, steps: Sequence[Call | Guard]) -> dict[int, int]:
    """The last step that reads each place; none for a place of which there are views."""
    last: dict[int, int] = {}
    for i, step in enumerate(steps):
        if isinstance(step, Guard):
            last[step.at] = max(i, last.get(step.at, 0))
            continue
        for at in places([step.args, step.named]):
            seen = _shares(tape.arrays[step.at], tape.arrays[at])
            last[at] = len(steps) if seen else max(i, last.get(at, 0))
    return last


def _shares(found: Any, array: Any) -> bool:
    """Whether a result, or a part of one, may lie in an array's memory."""
    if isinstance(found, (tuple, list)):
        return any(_shares(part, array) for part in found)
    return isinstance(found, np.ndarray) and np.may_share_memory(found, array)


def _fits(call: Call, old: Any, new: Array) -> bool:
    """Whether a call may compute its result in the array of an operand."""
    is_elementwise = isinstance(call.function, np.ufunc) and not call.function.signature
    alike = (old.dtype, old.shape, old.strides) == (new.dtype, new.shape, new.strides)
    return is_elementwise and alike


def _laid_out(x: Array, like: Array) -> Array:
    """An array that lies in memory as that of the recording: x, or a copy."""
    if x.__class__ is np.ndarray and x.strides == like.strides:
        return x
    made = np.empty_like(like)
    np.copyto(made, x)
    return made


def _is_other(x: Array, y: Array) -> bool:
    """Whether a view of x may be a copy where that of y was none."""
    return bool(x.strides != y.strides or x.dtype != y.dtype)


def _is_view(array: Any, of: Any) -> bool:
    both = isinstance(array, np.ndarray) and isinstance(of, np.ndarray)
    return both and array.base is not None and np.may_share_memory(array, of)


def _title(function: Callable[..., Any]) -> str:
    """The name of a function in a program: add, add_reduce, log_softmax."""
    name = getattr(function, "__name__", type(function).__name__)
    owner = getattr(function, "__self__", None)
    name = f"{owner.__name__}_{name}" if isinstance(owner, np.ufunc) else name
    return name if name.isidentifier() else "function"
