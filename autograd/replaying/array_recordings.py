"""A recording of a function on Tensors: the calls of NumPy's that it made, as a program.

A `Request` is a call of f, with the key of the recordings that may serve it. `Traced` is f, run on
stand-ins; a `Recording` is what several such runs agree on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Lock
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

import numpy as np

from ..arrays.libraries import NUMPY, Array, has_own_arithmetic, library_of
from ..arrays.tensor import Tensor
from ..core.graph import Node, birth, gradients
from ..core.kinds import describe, is_number
from ..core.modes import Mode
from ..core.rules import RULES
from ..support.meeting import meeting
from ..trees import branches, leaves, replace
from .array_program import Program, frozen
from .recordings import name_of
from .shelf import _same as same_setting
from .standins import MeetsValues, Place, Refused, Standin, Tape, plain

Tree = Any
Function = Callable[..., Any]
ALL = "all leaves"
recording_alone: Final = Lock()  # leaves hold stand-ins of one recording
REPEATS = 3  # a few coins may fall alike twice


# ---- what f is given -----------------------------------------------------------------------------


def has_tensor(tree: Tree) -> bool:
    """Whether a Tensor is among some arguments; none is in what is nested too deep."""
    try:
        return any(isinstance(x, Tensor) for x in leaves(tree))
    except RecursionError:
        return False


def is_given(x: object) -> bool:
    """Whether a leaf is an array that a replay is given, and not a setting."""
    return isinstance(x, Tensor) or (isinstance(x, np.ndarray) and x.dtype.kind in "fiub")


def _key(tree: Tree, chosen: bool) -> Any:
    """A part of an argument as a key: its structure, the forms of its arrays, and settings.

    The numbers in an argument to differentiate by are arrays of one form.
    """
    parts = branches(tree)
    if parts is not None:
        names = tuple(tree) if isinstance(tree, Mapping) else ()
        return type(tree), names, tuple([_key(part, chosen) for part in parts])
    if is_given(tree):
        x = tree._data if isinstance(tree, Tensor) else tree
        return type(tree), x.dtype.str, x.shape, x.flags.c_contiguous, x.flags.f_contiguous
    return float if chosen and is_plain_number(tree) else _setting(tree, "an argument")


def is_plain_number(x: object) -> bool:
    """Whether a leaf is a number by which a gradient may be asked for."""
    return is_number(x) and not isinstance(x, bool)


def _setting(x: Any, name: str) -> Any:
    """What is equal for two settings that are the same; what may change is refused."""
    try:
        return same_setting(x, name)
    except TypeError:
        raise Refused(
            f"takes {describe(x)} as {name}, which may change unnoticed: pass arrays by position"
        ) from None


class Watcher(dict[Any, Any]):
    """Notes which leaves a function reads, and refuses what a replay would not repeat.

    It is its own dict of `pasts`: what leaves were computed from without a gradient.
    """

    rules = RULES
    pasts: Any = property(lambda self: self)

    def __init__(self, tape: Tape) -> None:
        self.tape: Tape = tape
        self.start: Final = birth()
        self.leaves: dict[Tensor, None] = {}

    def __setitem__(self, leaf: Any, past: Any) -> None:
        super().__setitem__(leaf, past)
        for x in past[1]:
            if isinstance(x, Node):
                self.read(x)

    def __bool__(self) -> bool:
        return True

    def owns(self, node: object) -> bool:
        return False

    def take(self, inputs: Sequence[Any]) -> None:
        """Note the leaves among the inputs of an operation, even if no result depends on it."""
        for x in inputs:
            if isinstance(x, Node):
                self.read(x)

    def read(self, node: Any) -> None:
        """Note a leaf from outside; refuse a Value, whose number would be a constant."""
        if isinstance(node, Tensor):
            if isinstance(node._data, Standin) or node._born >= self.start:
                return  # it follows what is given, or is a constant that f made
            if node._inputs:
                self.tape.refuse("uses a Tensor that was computed outside")
            self.leaves[node] = None
        else:
            self.truth(node)

    def refuse(self, node: object, how: str) -> None:
        """Give the recording up, for an effect that no replay would repeat."""
        self.tape.refuse(f"{how} a {type(node).__name__}")

    def compare(self, name: str, *nodes: object) -> None:
        self.tape.refuse("compares a Value", MeetsValues)

    def truth(self, node: object) -> None:
        self.tape.refuse("reads a Value", MeetsValues)

    def arrived(self, g: Any) -> Any:
        return g


# ---- one recording -------------------------------------------------------------------------------


class Traced:
    """One call of f on stand-ins: the tape, what f returned, and the gradients."""

    def __init__(self, request: Request, swapped: Sequence[Tensor]) -> None:
        tape = Tape()
        self.tape: Tape = tape
        self.leaves: list[Tensor]
        self.inputs: list[Tensor]
        watcher = Watcher(tape)
        self.args: Final = [
            tape.given(x._data if isinstance(x, Tensor) else x) for x in request.arrays
        ]
        with holding({x: tape.given(x._data, True) for x in swapped}) as self.leaves:
            try:
                result, self.inputs = self._called(request, watcher)
                wanted = self._wanted(request, result, watcher)
                slopes = gradients(self.root(request, result), wanted) if wanted is not None else []
                found = leaves(result, none=False)
                self.returned: list[Any] = [x._data if isinstance(x, Tensor) else x for x in found]
            finally:
                tape.is_open = False
                request.met |= bool(swapped or watcher.leaves)
        request.met |= not self.inputs and has_tensor(result)
        if tape.refusal is not None:  # f may have caught it
            kind, how = tape.refusal
            raise kind(how)
        self.result: Final = replace(result, lambda _: 0)
        self.kinds: Final = [isinstance(x, (Tensor, Standin)) for x in found]
        self.slopes = slopes
        self.new: Final = [x for x in watcher.leaves if x not in set(swapped)]

    def _called(self, request: Request, watcher: Watcher) -> tuple[Any, list[Tensor]]:
        given, inputs = iter(self.args), list[Tensor]()

        def enter(x: Any, chosen: bool) -> Any:
            if not is_given(x) and not (chosen and is_plain_number(x)):
                return x
            array = next(given)
            if not isinstance(x, Tensor) and not chosen:
                return array
            tensor = Tensor(array)
            if isinstance(x, Tensor) and x.label:
                tensor.label = x.label
            if chosen:
                inputs.append(tensor)
            return tensor

        entered = [
            replace(arg, partial(enter, chosen=i in request.chosen))
            for i, arg in enumerate(request.args)
        ]
        with meeting(inputs), Mode(recorder=watcher, recording=True):
            return request.f(*entered, **request.named), inputs

    def _wanted(self, request: Request, result: Any, watcher: Watcher) -> list[Any] | None:
        """The nodes to differentiate by; a leaf that is returned is noted."""
        watcher.take(leaves(result))
        if request.wrt is ALL:
            return list(self.leaves)
        return self.inputs if request.chosen else request.wrt

    def root(self, request: Request, result: Any) -> Any:
        """The result to differentiate."""
        if isinstance(result, Tensor) and result.size == 1:
            return result
        raise TypeError("a gradient is that of one number")  # f as it is has a better message

    def noted(self) -> Any:
        """All that it did, as a key."""
        return frozen([self.tape.calls, self.tape.guards, self.returned, self.slopes])


@contextmanager
def holding(arrays: Mapping[Tensor, Array]) -> Iterator[list[Tensor]]:
    """Within it, leaves hold other arrays, or stand-ins for their own."""
    held = {leaf: leaf._data for leaf in arrays}
    try:
        for leaf, array in arrays.items():
            leaf._data = array
        yield list(arrays)
    finally:
        for leaf, array in held.items():
            if leaf._data is arrays[leaf]:  # else another thread gave it a new one
                leaf._data = array


class Recording:
    """A program, and what it is given: the arrays among the arguments, and leaves."""

    def __init__(self, request: Request) -> None:
        leaves: list[Tensor] = []
        traced = Traced(request, leaves)
        while traced.new:
            for leaf in traced.new:
                if library_of(leaf._data) is not NUMPY:
                    raise Refused(f"takes arrays of {library_of(leaf._data).name}")
            leaves = [*leaves, *traced.new]
            traced = Traced(request, leaves)
        drawn = states(request.f)
        noted = traced.noted()
        same = all(Traced(request, leaves).noted() == noted for _ in range(REPEATS))
        if not same or drawn != states(request.f):
            raise RuntimeError(
                f"{name_of(request.f)} did not do the same when it was recorded again. A replay "
                "repeats what was recorded: draw random numbers outside, and pass them, and "
                "counters, as arguments"
            )
        self.leaves: Final = leaves
        self.result: Final = traced.result
        self.kinds: Final = traced.kinds
        self._known = request.named, request.wrt  # told apart by their ids: kept alive
        outs = [*traced.returned, *traced.slopes]
        self._fixed = [x.copy("K") if isinstance(x, np.ndarray) else x for x in outs]
        self._which = [i for i, x in enumerate(outs) if isinstance(x, Standin)]
        self._is_flat = branches(traced.result) is None and len(self._which) == len(outs)
        given = [x.at for x in traced.args] + [len(traced.args) + i for i in range(len(leaves))]
        results = [Place(outs[i].at) for i in self._which]
        self.program: Final = Program(traced.tape, given, len(traced.args), results)

    def run(
        self, arrays: Sequence[Array], held: Mapping[Tensor, Array] | None = None
    ) -> tuple[Tree, list[Array]] | None:
        """The result, arrays in place of Tensors, and the gradients; None if it fails to hold."""
        others = [leaf._data for leaf in self.leaves]
        if Standin in map(type, others):  # another thread is recording
            others = list(map(plain, others))
        if held is not None:
            others = [held.get(leaf, x) for leaf, x in zip(self.leaves, others, strict=True)]
        found = self.program.run(arrays, others)
        if found is None:
            return None
        if self._is_flat and self.kinds == [True]:
            return number_of(found[0]), [*found[1:]]
        outs = [x.copy("K") if isinstance(x, np.ndarray) else x for x in self._fixed]
        for i, x in zip(self._which, found, strict=True):
            outs[i] = x
        n = len(self.kinds)
        result = iter(
            [number_of(x) if kind else x for x, kind in zip(outs, self.kinds, strict=False)]
        )
        return replace(self.result, lambda _: next(result)), outs[n:]


def number_of(x: Array) -> Any:
    return x if x.ndim else x.item()


class Request:
    """A call: the function, its arguments, and by what it is to be differentiated."""

    def __init__(
        self, f: Function, args: tuple[Tree, ...], named: dict[str, Any], chosen: Sequence[int],
        wrt: Any,
    ) -> None:  # fmt: skip
        self.f: Function = f
        self.args: tuple[Tree, ...] = args
        self.named: dict[str, Any] = named
        self.chosen: Sequence[int] = chosen
        self.wrt: Any = wrt
        self.met = False  # f computed with Tensors that are not among its arguments
        self.arrays: list[Any] = []
        self.is_flat: bool = not (named or chosen) and all(x.__class__ is np.ndarray for x in args)
        if self.is_flat and all(x.dtype.kind in "fiub" for x in args):
            self.arrays += args
            return
        self.is_flat = False
        for i, arg in enumerate(args):
            for x in leaves(arg, none=False):
                if is_given(x):
                    self.arrays.append(x)
                elif i in chosen and is_plain_number(x):
                    self.arrays.append(np.array(float(x)))
                elif i in chosen:
                    raise Refused(f"is differentiated by {describe(x)}")

    def key(self) -> Any:
        """Equal for calls for which a recording may hold."""
        for x in self.arrays:
            if library_of(x._data if isinstance(x, Tensor) else x) is not NUMPY:
                raise Refused("takes arrays of another library")
            if has_own_arithmetic(x):
                raise Refused(f"takes a {type(x).__name__}, which has arithmetic of its own")
        return (
            tuple([_key(arg, i in self.chosen) for i, arg in enumerate(self.args)]),
            tuple(
                (name, _setting(x, f"the keyword {name}")) for name, x in sorted(self.named.items())
            ),
            tuple(self.chosen),
            self.wrt if self.wrt is ALL or self.wrt is None else tuple(map(id, self.wrt)),
        )


# ---- random numbers ------------------------------------------------------------------------------

MOST = 10_000  # objects that are looked through for generators of random numbers


def states(f: Callable[..., Any]) -> list[str]:
    """The states of all random numbers that f reaches: what it names, closes over, and is bound to.

    A recording of random numbers would give one draw for ever: it is refused where a state moves.
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
