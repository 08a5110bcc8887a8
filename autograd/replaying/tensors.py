"""Replays of functions on Tensors: recorded as calls of NumPy's, and run into buffers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from operator import is_
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from ..arrays.libraries import NUMPY, Array, library_of
from ..arrays.tensor import Tensor
from ..core import modes
from ..core.graph import Node, birth, gradient_or_none, gradients, nodes
from ..core.kinds import describe, is_number
from ..core.modes import Mode, caller
from ..core.rules import RULES
from ..transforms import _positions as positions
from ..trees import branches, leaves, replace
from .array_program import Program
from .generators import states
from .recordings import name_of
from .shelf import _same as same_setting
from .standins import BUSY, Place, Refused, Standin, Tape, is_same, plain

Tree = Any
Function = Callable[..., Any]
ALL = "all leaves"
recording_alone = Lock()  # leaves hold stand-ins of one recording
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


def _form(tree: Tree) -> Any:
    """A structure as a key."""
    parts = branches(tree)
    if parts is None:
        return None
    keys = tuple(tree) if isinstance(tree, Mapping) else ()
    return type(tree), keys, tuple(map(_form, parts))


def _key_of(x: Any) -> Any:
    """A leaf as a key: the form of an array, or a setting."""
    if not is_given(x):
        return _setting(x, "an argument")
    data = x._data if isinstance(x, Tensor) else x
    return type(x), data.dtype.str, data.shape, data.flags.c_contiguous, data.flags.f_contiguous


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
    pasts = property(lambda self: self)

    def __init__(self, tape: Tape) -> None:
        self.tape, self.start = tape, birth()
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

    def read(self, node: Any) -> None:
        """Note a leaf from outside; refuse a Value, whose number would be a constant."""
        if isinstance(node, Tensor):
            if isinstance(node._data, Standin) or node._born >= self.start:
                return  # it follows what is given, or is a constant that f made
            if node._inputs:
                self.tape.refuse("uses a Tensor that was computed outside")
            self.leaves[node] = None
        else:
            self.refuse(node, "reads")

    def refuse(self, node: object, how: str) -> None:
        """Give the recording up."""
        self.tape.refuse(f"{how} a {type(node).__name__}")

    def compare(self, name: str, *nodes: object) -> None:
        self.refuse(nodes[0], "compares")

    def truth(self, node: object) -> None:
        self.refuse(node, "reads")

    def arrived(self, g: Any) -> Any:
        return g


# ---- one recording -------------------------------------------------------------------------------


class Traced:
    """One call of f on stand-ins: the tape, what f returned, and the gradients."""

    def __init__(self, request: Request, swapped: Sequence[Tensor]) -> None:
        self.tape = tape = Tape()
        watcher = Watcher(tape)
        self.args = [tape.given(x._data if isinstance(x, Tensor) else x) for x in request.arrays]
        with _holding({x: tape.given(x._data, True) for x in swapped}) as self.leaves:
            try:
                result, self.inputs = self._called(request, watcher)
                wanted = self._wanted(request, result, watcher)
                slopes = gradients(self.root(request, result), wanted) if wanted is not None else []
            finally:
                tape.is_open = False
                request.met |= bool(swapped or watcher.leaves)
        request.met |= not self.inputs and has_tensor(result)
        if tape.refusal:
            raise Refused(tape.refusal)
        found = leaves(result, none=False)
        self.result = replace(result, lambda _: 0)
        self.kinds = [isinstance(x, (Tensor, Standin)) for x in found]
        self.returned = [x._data if isinstance(x, Tensor) else x for x in found]
        self.slopes = slopes
        self.new = [x for x in watcher.leaves if x not in set(swapped)]

    def _called(self, request: Request, watcher: Watcher) -> tuple[Any, list[Tensor]]:
        given, inputs = iter(self.args), list[Tensor]()

        def enter(x: Any, chosen: bool) -> Any:
            if not is_given(x) and not (chosen and is_number(x) and not isinstance(x, bool)):
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
        with Mode(recorder=watcher, recording=True):
            return request.f(*entered, **request.named), inputs

    def _wanted(self, request: Request, result: Any, watcher: Watcher) -> list[Any] | None:
        """The nodes to differentiate by; every leaf from outside that a result has is noted."""
        known = set(self.inputs)
        outside = dict.fromkeys(self.leaves)
        for root in leaves(result):
            for node in nodes(root) if isinstance(root, Node) else ():
                if node not in known and node not in outside:
                    watcher.read(node)
        if request.wrt is ALL:
            return list(self.leaves)
        return self.inputs if request.chosen else request.wrt

    def root(self, request: Request, result: Any) -> Any:
        """The result to differentiate."""
        if isinstance(result, Tensor) and result.size == 1:
            return result
        raise TypeError("a gradient is that of one number")  # f as it is has a better message

    def is_like(self, other: Traced) -> bool:
        """Whether another call did the same."""
        return (
            _are_same(self.tape.calls, other.tape.calls)
            and _are_same(self.tape.guards, other.tape.guards)
            and _are_same(self.returned + self.slopes, other.returned + other.slopes)
        )


def _are_same(x: Any, y: Any) -> bool:
    """Whether two notes are equal: of calls, their arguments, and the arrays among them."""
    if isinstance(x, Standin):
        return isinstance(y, Standin) and x.at == y.at
    if isinstance(x, np.ndarray):
        return isinstance(y, np.ndarray) and is_same(x, y)
    if isinstance(x, (list, tuple)):
        return type(x) is type(y) and len(x) == len(y) and all(map(_are_same, x, y))
    if isinstance(x, dict):
        return (
            isinstance(y, dict) and x.keys() == y.keys() and all(_are_same(x[k], y[k]) for k in x)
        )
    if isinstance(x, slice):
        return isinstance(y, slice) and _are_same(
            (x.start, x.stop, x.step), (y.start, y.stop, y.step)
        )
    return type(x) is type(y) and (x is y or bool(x == y) or repr(x) == repr(y))


@contextmanager
def _holding(arrays: Mapping[Tensor, Array]) -> Iterator[list[Tensor]]:
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
        same = (traced.is_like(Traced(request, leaves)) for _ in range(REPEATS))
        if not all(same) or drawn != states(request.f):
            raise RuntimeError(
                f"{name_of(request.f)} did not do the same when it was recorded again. A replay "
                "repeats what was recorded: draw random numbers outside, and pass them, and "
                "counters, as arguments"
            )
        self.leaves, self.result, self.kinds = leaves, traced.result, traced.kinds
        self._known = request.named, request.wrt  # told apart by their ids: kept alive
        outs = [*traced.returned, *traced.slopes]
        self._fixed = [x.copy("K") if isinstance(x, np.ndarray) else x for x in outs]
        self._which = [i for i, x in enumerate(outs) if isinstance(x, Standin)]
        self._is_flat = branches(traced.result) is None and len(self._which) == len(outs)
        given = [x.at for x in traced.args] + [len(traced.args) + i for i in range(len(leaves))]
        results = [Place(outs[i].at) for i in self._which]
        self.program = Program(traced.tape, given, len(traced.args), results)

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
            return _number(found[0]), [*found[1:]]
        outs = [x.copy("K") if isinstance(x, np.ndarray) else x for x in self._fixed]
        for i, x in zip(self._which, found, strict=True):
            outs[i] = x
        n = len(self.kinds)
        result = iter(
            [_number(x) if kind else x for x, kind in zip(outs, self.kinds, strict=False)]
        )
        return replace(self.result, lambda _: next(result)), outs[n:]


def _number(x: Array) -> Any:
    return x if x.ndim else x.item()


class Request:
    """A call: the function, its arguments, and by what it is to be differentiated."""

    def __init__(
        self, f: Function, args: tuple[Tree, ...], named: dict[str, Any], chosen: Sequence[int],
        wrt: Any,
    ) -> None:  # fmt: skip
        self.f, self.args, self.named = f, args, named
        self.chosen, self.wrt = chosen, wrt
        self.met = False  # f computed with Tensors that are not among its arguments
        self.arrays: list[Any] = []
        self.is_flat = not (named or chosen) and all(x.__class__ is np.ndarray for x in args)
        if self.is_flat and all(x.dtype.kind in "fiub" for x in args):
            self.arrays += args
            return
        self.is_flat = False
        for i, arg in enumerate(args):
            for x in leaves(arg, none=False):
                if is_given(x):
                    self.arrays.append(x)
                elif i in chosen and is_number(x) and not isinstance(x, bool):
                    self.arrays.append(np.array(float(x)))
                elif i in chosen:
                    raise Refused(f"is differentiated by {describe(x)}")

    def key(self) -> Any:
        """Equal for calls for which a recording may hold."""
        for x in self.arrays:
            if library_of(x._data if isinstance(x, Tensor) else x) is not NUMPY:
                raise Refused("takes arrays of another library")
        settings = [
            None if i in self.chosen else _key_of(x)
            for i, arg in enumerate(self.args)
            for x in leaves(arg)
        ]
        return (
            _form(self.args),
            tuple([_key_of(x) for x in self.arrays]),
            tuple(settings),
            tuple(
                (name, _setting(x, f"the keyword {name}")) for name, x in sorted(self.named.items())
            ),
            tuple(self.chosen),
            self.wrt if self.wrt is ALL or self.wrt is None else tuple(map(id, self.wrt)),
        )


# ---- all of them ---------------------------------------------------------------------------------


class Found(NamedTuple):
    """What a recording gave."""

    recording: Recording
    result: Tree
    slopes: list[Array]


class OfTensors:
    """The recordings of a function that computes with Tensors; what has none runs as it is."""

    def __init__(self, f: Function, argnums: Any, keep: int) -> None:
        self.f, self.argnums, self.keep = f, argnums, keep
        self.kept: dict[Any, list[Recording]] = {}
        self.always = False  # f computes with Tensors that are not among its arguments
        self._said: set[str] = set()
        self._last: tuple[Any, ...] = None, None, None  # forms, leaves and key of the last call
        self._asked: list[Tensor] = []  # the leaves by which the last gradient was

    def run(self, request: Request, held: Any = None) -> Found | None:
        """What a recording gives; None if f is to run as it is."""
        if modes.active and (modes.settings()["recorder"] or modes.settings()["anomaly"]):
            return None
        try:
            key = self._key(request)
            arrays = [x._data if isinstance(x, Tensor) else x for x in request.arrays]
            kept = self.kept.get(key, [])
            for recording in kept:
                if (found := recording.run(arrays, held)) is not None:
                    return Found(recording, *found)
            if sum(map(len, self.kept.values())) >= self.keep:
                raise Refused(f"has taken more than {self.keep} different paths or forms")
            if not recording_alone.acquire(blocking=False):
                return None
            try:
                recording = Recording(request)
            finally:
                recording_alone.release()
        except Refused as error:
            self._say(str(error))
            return None
        except RuntimeError:
            raise
        except Exception:  # f's own error, or what only real arrays do
            return None
        finally:
            self.always |= request.met
        self.kept[key] = [recording, *kept]
        found = recording.run(arrays, held)
        return found and Found(recording, *found)

    def _key(self, request: Request) -> Any:
        """The key of a request, which is known if it is for the same as the last one."""
        if not request.is_flat:
            return request.key()
        forms = [(x.dtype, x.shape, x.strides) for x in request.arrays]
        last, wrt, key = self._last
        if forms != last or request.wrt is not wrt:
            key = request.key()
            self._last = forms, request.wrt, key
        return key

    def _say(self, why: str) -> None:
        if why not in self._said and why != BUSY:
            self._said.add(why)
            warnings.warn_explicit(
                f"{name_of(self.f)} runs as it is, and is not replayed: it {why}", RuntimeWarning,
                *caller(),
            )  # fmt: skip

    # ---- as a Replay's ----

    def value(self, *args: Tree, **named: Any) -> Tree:
        """f(*args), with arrays in place of Tensors; Tensors among the arguments go to f itself."""
        if has_tensor(args) or modes.settings()["recorder"] is not None:
            return self.f(*args, **named)
        found = self.run(Request(self.f, args, named, (), None))
        return _numbers(self.f(*args, **named)) if found is None else found.result

    def value_and_grad(self, *args: Tree, wrt: Tree = None, **named: Any) -> tuple[Any, Tree]:
        """f(*args), and its gradient."""
        if wrt is not None:
            return self.by_leaves(args, named, wrt)
        chosen = positions(self.f, self.argnums, args)
        try:
            found = self.run(Request(self.f, args, named, chosen, None))
        except Refused as error:
            self._say(str(error))
            found = None
        if found is None:
            from ..transforms import value_and_grad

            result, slope = value_and_grad(self.f, self.argnums)(*args, **named)
            return _numbers(result), replace(slope, _numbers)
        slopes = iter(found.slopes)
        parts = [replace(args[i], lambda x: _like(next(slopes), x)) for i in chosen]
        return _one(found.result), parts[0] if isinstance(self.argnums, int) else tuple(parts)

    def by_leaves(self, args: Any, named: Any, wrt: Tree, held: Any = None) -> tuple[Any, Tree]:
        """f(*args), and its gradient by leaves, of which some hold other arrays."""
        wanted = self._asked
        is_list = wrt.__class__ is list and len(wrt) == len(wanted) and all(map(is_, wrt, wanted))
        if not is_list:
            wanted = leaves(wrt, none=False)
            check_leaves(wanted)
            self._asked = wanted
        found = self.run(Request(self.f, args, named, (), wanted), held)
        if found is None:
            with Mode(recording=True), _holding(held or {}):
                result = self._scalar(self.f(*args, **named))
                value, slopes = _numbers(result), iter(gradients(result, wanted))
        elif is_list:
            return _one(found.result), found.slopes
        else:
            value, slopes = found.result, iter(found.slopes)
        return _one(value), replace(wrt, lambda _: next(slopes))

    def backward(self, *args: Tree, **named: Any) -> float:
        """f(*args); its gradient is added to `.grad` of the leaves that f closes over."""
        found = self.run(Request(self.f, args, named, (), ALL))
        if found is None:
            result = self._scalar(self.f(*replace(args, _detached), **named))
            result.backward()
            return float(result.item())
        with modes.lock:  # += must not interleave with another thread's
            for leaf, g in zip(found.recording.leaves, found.slopes, strict=True):
                held = gradient_or_none(leaf)
                leaf._grad = g if held is None else held + g
        return float(_one(found.result))

    def batch(
        self, *args: Tree, in_axes: Any = 0, reduce: str | None = "sum", wrt: Tree = None,
        **named: Any,
    ) -> tuple[Array, Tree]:  # fmt: skip
        """f of many argument sets, one after the other, as `Replay.batch` has them in lanes."""
        if reduce not in ("sum", None):
            raise ValueError(f"reduce is 'sum' or None, not {describe(reduce)}")
        axes = [in_axes] * len(args) if in_axes in (0, None) else list(in_axes)
        varied = [i for i, axis in enumerate(axes) if axis == 0]
        counts = {len(x) for i in varied for x in _lanes_of(args[i])}
        if len(axes) != len(args) or set(axes) - {0, None} or len(counts) != 1:
            raise ValueError(
                f"in_axes is 0 or None for each argument, and all lanes of an argument that "
                f"varies are as many: got {in_axes!r}, and {sorted(counts)} lanes"
            )
        values, slopes = [], []
        for lane in range(counts.pop()):
            own = [_lane(x, lane) if axes[i] == 0 else x for i, x in enumerate(args)]
            value, slope = self.value_and_grad(*own, wrt=wrt, **named)
            values.append(value)
            slopes.append(slope if wrt is not None or isinstance(self.argnums, int) else [*slope])
        if wrt is not None:
            return np.array(values), _joined(slopes, reduce is None)
        chosen = positions(self.f, self.argnums, args)
        if isinstance(self.argnums, int):
            return np.array(values), _joined(slopes, reduce is None or axes[chosen[0]] == 0)
        return np.array(values), tuple(
            _joined([s[k] for s in slopes], reduce is None or axes[i] == 0)
            for k, i in enumerate(chosen)
        )

    def instead(self, error: TypeError, name: str, args: Any, named: Any) -> Any:
        """What f gives where it computes with Tensors; the error where it does not."""
        given = has_tensor((args, named))
        if given and name == "value":
            raise error
        try:
            found = getattr(self, name)(*args, **named)
        except RuntimeError:
            raise
        except Exception:
            if given:
                raise
            raise error from None
        if not given and not self.always:
            raise error
        return found

    def _scalar(self, result: Any) -> Any:
        if isinstance(result, Tensor):
            return result
        raise TypeError(
            f"{name_of(self.f)} returned {describe(result)}, which has no gradient: did it take "
            ".data, or leave its arguments alone?"
        )

    def listing(self) -> list[str]:
        """The programs of all recordings, with the bytes of their buffers."""
        programs = [recording.program for kept in self.kept.values() for recording in kept]
        return [f"# {p.nbytes} bytes of buffers\n{p.source}" for p in programs]


class BoundTensors:
    """A replay that takes the numbers of some Tensors from `numbers`, and not from the leaves.

    As `Bound`: the elements of all the leaves stand in one array of floats, one leaf after the
    other, and gradients are arrays in the same order.
    """

    def __init__(self, replay: OfTensors, wrt: Tree) -> None:
        self._replay, self.leaves = replay, leaves(wrt, none=False)
        check_leaves(self.leaves)
        self.numbers = np.concatenate([np.ravel(x._data) for x in self.leaves]).astype(float)
        ends = np.cumsum([x.size for x in self.leaves])[:-1]
        self._parts = [
            part.reshape(x.shape)
            for x, part in zip(self.leaves, np.split(self.numbers, ends), strict=True)
        ]

    def read(self) -> None:
        """Take the numbers that the leaves hold."""
        for part, leaf in zip(self._parts, self.leaves, strict=True):
            part[...] = leaf._data

    def write(self) -> None:
        """Put the numbers into the leaves."""
        for part, leaf in zip(self._parts, self.leaves, strict=True):
            leaf.data = part.copy()

    def value_and_grad(self, *args: Tree, **named: Any) -> tuple[float, Array]:
        """f(*args), and its gradient by the leaves as an array."""
        held = {
            x: part.astype(x.dtype, copy=False)
            for x, part in zip(self.leaves, self._parts, strict=True)
        }
        value, slopes = self._replay.by_leaves(args, named, self.leaves, held)
        return value, np.concatenate([np.ravel(g) for g in slopes]).astype(float)


def check_leaves(wanted: Sequence[Any]) -> None:
    """TypeError unless all are Tensors that were not computed."""
    for x in wanted:
        if not isinstance(x, Tensor) or x._inputs:
            raise TypeError(
                f"gradients are by leaves (Tensors that were not computed), and not by "
                f"{describe(x)}"
            )


def _lanes_of(tree: Tree) -> list[Any]:
    """What holds the lanes of an argument: lists, or the arrays at its leaves."""
    return [tree] if isinstance(tree, list) else leaves(tree, none=False)


def _lane(tree: Tree, i: int) -> Any:
    return tree[i] if isinstance(tree, list) else replace(tree, lambda x: x[i])


def _joined(slopes: list[Tree], each: bool) -> Tree:
    """Gradients of all lanes: stacked, or added up."""
    rows = zip(*map(leaves, slopes), strict=True)
    join = np.stack if each else sum_of
    joined = iter([join([np.asarray(x) for x in row]) for row in rows])
    return replace(slopes[0], lambda _: next(joined))


def sum_of(rows: list[Array]) -> Array:
    return np.add.reduce(rows)


def _detached(x: Any) -> Any:
    return x.detach() if isinstance(x, Node) else x


def _one(x: Any) -> Any:
    return x if x.__class__ is float else float(np.asarray(x).item())


def _numbers(result: Tree) -> Tree:
    """A result with arrays, or numbers, in place of Tensors."""
    return replace(result, lambda x: _number(np.array(x._data)) if isinstance(x, Tensor) else x)


def _like(g: Array, x: Any) -> Any:
    """A gradient for a leaf: a float for a number, else an array."""
    return g if is_given(x) else g.item()
