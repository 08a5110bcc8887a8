"""Replays of functions on Tensors: recorded as calls of NumPy's, and run into buffers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from operator import is_
from threading import get_ident
from typing import Any, Final, NamedTuple

import numpy as np

from ..arrays.libraries import Array
from ..arrays.tensor import Tensor
from ..core import modes
from ..core.graph import Node, gradient_or_none, gradients
from ..core.kinds import describe
from ..core.modes import Mode, caller
from ..transforms import _positions as positions
from ..trees import leaves, replace
from .array_recordings import (
    ALL,
    Function,
    Recording,
    Request,
    Tree,
    has_tensor,
    holding,
    is_given,
    number_of,
    recording_alone,
)
from .batches import axes_of, check_reduce, lanes_in
from .recordings import name_of
from .standins import Busy, MeetsValues, Refused


class Found(NamedTuple):
    """What a recording gave."""

    recording: Recording
    result: Tree
    slopes: list[Array]


class OfTensors:
    """The recordings of a function that computes with Tensors; what has none runs as it is."""

    def __init__(self, f: Function, argnums: Any, keep: int) -> None:
        self.f: Function = f
        self.argnums: Any = argnums
        self.keep: int = keep
        self.kept: dict[Any, list[Recording]] = {}
        self.always: bool = False  # f computes with Tensors that are not among its arguments
        self.is_beside_values: bool = False  # f reads Values
        self._alone: set[int] = set()  # threads in which f must not run as it is
        self._said: set[str] = set()
        self._last: tuple[Any, ...] = None, None, None  # forms, leaves and key of the last call
        self._asked: list[Tensor] = []  # the leaves by which the last gradient was

    def run(
        self, args: Any, named: Any, chosen: Sequence[int], wrt: Any, held: Any = None
    ) -> Found | None:
        """What a recording gives; None if f is to run as it is."""
        if modes.active and (modes.settings()["recorder"] or modes.settings()["anomaly"]):
            return None
        try:
            return self._found(Request(self.f, args, named, chosen, wrt), held)
        except Refused as error:
            self._say(error)
        except RuntimeError:
            raise
        except Exception:  # f's own error, or what only real arrays do
            pass
        return None

    def _found(self, request: Request, held: Any) -> Found | None:
        """What the first recording that holds gives, or a new one; None while another is made."""
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

    def _say(self, error: Refused) -> None:
        if isinstance(error, MeetsValues) and get_ident() in self._alone:
            raise error
        if str(error) not in self._said and not isinstance(error, Busy):
            self._said.add(str(error))
            warnings.warn_explicit(
                f"{name_of(self.f)} runs as it is, and is not replayed: it {error}", RuntimeWarning,
                *caller(),
            )  # fmt: skip

    # ---- as a Replay's ----

    def value(self, *args: Tree, **named: Any) -> Tree:
        """f(*args), with arrays in place of Tensors; Tensors among the arguments go to f itself."""
        if has_tensor(args) or modes.settings()["recorder"] is not None:
            return self.f(*args, **named)
        found = self.run(args, named, (), None)
        return _numbers(self.f(*args, **named)) if found is None else found.result

    def value_and_grad(self, *args: Tree, wrt: Tree = None, **named: Any) -> tuple[Any, Tree]:
        """f(*args), and its gradient."""
        if wrt is not None:
            return self.by_leaves(args, named, wrt)
        chosen = positions(self.f, self.argnums, args)
        found = self.run(args, named, chosen, None)
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
        found = None
        if all(isinstance(x, Tensor) for x in wanted):
            found = self.run(args, named, (), wanted, held)
        else:
            self._say(MeetsValues("computes with Values"))
        if found is None:
            with Mode(recording=True), holding(held or {}):
                result = self._scalar(self.f(*args, **named))
                value, slopes = _numbers(result), iter(gradients(result, wanted))
        elif is_list:
            return _one(found.result), found.slopes
        else:
            value, slopes = found.result, iter(found.slopes)
        return _one(value), replace(wrt, lambda _: next(slopes))

    def backward(self, *args: Tree, **named: Any) -> float:
        """f(*args); its gradient is added to `.grad` of the leaves that f closes over."""
        found = self.run(args, named, (), ALL)
        if found is None:
            result = self._scalar(self.f(*replace(args, _detached), **named))
            result.backward()
            return float(_one(_numbers(result)))
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
        check_reduce(reduce)
        axes = axes_of(in_axes, len(args))
        found = [self.value_and_grad(*lane, wrt=wrt, **named) for lane in _lanes(args, axes)]
        values, slopes = zip(*found, strict=True)
        if wrt is not None:
            return np.array(values), _joined(slopes, reduce is None)
        chosen, is_one = positions(self.f, self.argnums, args), isinstance(self.argnums, int)
        joined = [
            _joined(part, reduce is None or axes[i] == 0)
            for i, part in zip(
                chosen, [slopes] if is_one else zip(*slopes, strict=True), strict=True
            )
        ]
        return np.array(values), joined[0] if is_one else tuple(joined)

    def batch_value(self, *args: Tree, in_axes: Any = 0, **named: Any) -> Tree:
        """f of many argument sets: its structure, with the arrays of all lanes stacked."""
        lanes = _lanes(args, axes_of(in_axes, len(args)))
        return _joined([_numbers(self.value(*lane, **named)) for lane in lanes], True)

    def alone(self, name: str, args: Any, named: Any) -> Any:
        """What f gives where it reads no Values; MeetsValues where it does."""
        self._alone.add(get_ident())
        try:
            return getattr(self, name)(*args, **named)
        finally:
            self._alone.discard(get_ident())

    def instead(self, error: TypeError, needed: bool, name: str, args: Any, named: Any) -> Any:
        """What f gives where it computes with Tensors, after an error of Values.

        Where it does not, the error is raised; if Tensors were `needed`, the one that made them so.
        """
        given = has_tensor((args, named))
        if given and name == "value":
            raise error
        try:
            found = getattr(self, name)(*args, **named)
        except RuntimeError:
            raise
        except Exception as other:
            if given:
                raise
            raise (error.__cause__ or other) if needed else error from None
        self.always |= needed
        if not given and not self.always:
            raise error
        return found

    def _scalar(self, result: Any) -> Any:
        if isinstance(result, Node):
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
        self._replay = replay
        self.leaves: Final = leaves(wrt, none=False)
        check_leaves(self.leaves, Tensor)
        self.numbers: Final = np.concatenate([np.ravel(x._data) for x in self.leaves]).astype(float)
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


def check_leaves(wanted: Sequence[Any], kind: type[Node] = Node) -> None:
    """TypeError unless all are nodes of a kind that were not computed."""
    for x in wanted:
        if not isinstance(x, kind) or x.inputs:
            raise TypeError(
                f"gradients are by leaves ({kind.__name__}s that were not computed), and not by "
                f"{describe(x)}"
            )


def _lanes(args: Sequence[Tree], axes: Sequence[int | None]) -> list[tuple[Tree, ...]]:
    """The arguments of each lane. An argument that varies is a list, or has arrays of lanes."""

    def of_lane(x: Tree, lane: int) -> Tree:
        return x[lane] if isinstance(x, list) else replace(x, lambda array: array[lane])

    varied = [(i, x) for i, x in enumerate(args) if axes[i] == 0]
    held = [(i, [x] if isinstance(x, list) else leaves(x, none=False)) for i, x in varied]
    n = lanes_in([(i, len(part)) for i, parts in held for part in parts])
    return [
        tuple(x if axes[i] is None else of_lane(x, lane) for i, x in enumerate(args))
        for lane in range(n)
    ]


def _joined(slopes: Sequence[Tree], each: bool) -> Tree:
    """Gradients of all lanes: stacked, or added up."""
    rows = zip(*map(leaves, slopes), strict=True)
    join = np.stack if each else np.add.reduce
    joined = iter([join([np.asarray(x) for x in row]) for row in rows])
    return replace(slopes[0], lambda _: next(joined))


def _detached(x: Any) -> Any:
    return x.detach() if isinstance(x, Node) else x


def _one(x: Any) -> Any:
    return x if x.__class__ is float else float(np.asarray(x).item())


def _numbers(result: Tree) -> Tree:
    """A result with arrays, or numbers, in place of Tensors."""
    return replace(result, lambda x: number_of(np.array(x._data)) if isinstance(x, Node) else x)


def _like(g: Array, x: Any) -> Any:
    """A gradient for a leaf: a float for a number, else an array."""
    return g if is_given(x) else g.item()
