"""`compile(f)`: f recorded once for each structure of its arguments, and then run in flat loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from operator import is_
from typing import Any, Final

import numpy as np

from ..core import graph
from ..core.graph import Node
from ..core.kinds import describe
from ..core.modes import settings
from ..core.value import Value
from ..transforms import _positions as positions
from ..transforms import value_and_grad
from ..trees import leaves, rebuild
from . import storing
from .array_recordings import has_tensor
from .batches import InAxes, Lanes, check_reduce
from .kernels import Array
from .listing import listed
from .recordings import Held, Recording, name_of
from .rewriting import Rewrites, chosen
from .shelf import Form, Gone, Kept, NeedsTensorsError, Shelf, as_pickled
from .standins import MeetsValues
from .storing import Path, Stored
from .structure import (
    ALL_LEAVES,
    LIST,
    Args,
    Keywords,
    Shape,
    Tree,
    Wanted,
    as_given,
    built,
    number_alone,
    put_together,
    taken_apart,
    tuple_of,
    words,
)
from .tape import add_to_gradients, numbers_in
from .tensors import BoundTensors, OfTensors, check_leaves

Function = Callable[..., Any]
Argnums = int | Sequence[int]


def compile(
    f: Function, argnums: Argnums = 0, *, rewrites: Rewrites = True, keep: int = 8
) -> Replay:
    """f as a replay: recorded once for each structure of its arguments, then run in flat loops.

    Arguments are numbers, or nested lists, tuples, dicts and arrays of them. An array of float64
    enters f as an array of Values, and as a Tensor where f does with it what needs an array of
    floats (`np.max`, `np.std`, `np.sort`); an array of another type keeps its type. f is recorded
    anew for each value of a keyword argument. Leaves that f closes over are read in every call;
    numbers, arrays, and nodes that are not leaves are constants with the value they had when f was
    recorded. Where f looks at a number (`if`, `.data`, formatting), a recording is used as long as
    f would see the same, and otherwise f is recorded again; `keep` recordings are kept, and of each
    the programs of the last 8 `wrt`.

    Where f computes with Tensors, its calls of NumPy's functions are recorded, with those of its
    gradient, and run into buffers that are kept; sums may differ in their last bits. An array to
    differentiate by enters f as a Tensor, any other as a stand-in for it; what f looks at leaves a
    guard. What a replay would not repeat (`backward()`, `.grad`, a write into an array) and arrays
    of other libraries run as they are, with a RuntimeWarning once; RuntimeError for random numbers.

    `argnums` selects the arguments to differentiate by, as in `grad`. `rewrites` are names from
    "constants", "sums", "dots" and "plain", or True for all of them, or False for none:
    see `autograd.replaying.rewriting`.

    >>> from autograd import compile
    >>> area = compile(lambda x: x[0] * x[1])
    >>> area([2.0, 3.0])
    6.0
    >>> area.value_and_grad([2.0, 3.0])
    (6.0, [3.0, 2.0])
    >>> losses, gradients = area.batch([[1.0, 2.0], [3.0, 4.0]])
    >>> losses.tolist(), gradients
    ([2.0, 12.0], [[2.0, 1.0], [4.0, 3.0]])
    """
    if not callable(f):
        raise TypeError(f"compile takes a function, not {describe(f)}")
    return Replay(f, argnums, rewrites=rewrites, keep=keep)


def _or_tensors(method: Function) -> Function:
    """A method of `Replay` that its `OfTensors` computes where Tensors take part."""
    name = method.__name__

    @wraps(method)
    def chosen(self: Replay, *args: Any, **named: Any) -> Any:
        of_tensors = self._tensors
        if of_tensors.always or (of_tensors.kept and has_tensor((args, named))):
            return getattr(of_tensors, name)(*args, **named)
        if "batch" not in name and not of_tensors.is_beside_values and self._shelf.is_typed(args):
            try:
                return of_tensors.alone(name, args, named)
            except MeetsValues:
                of_tensors.is_beside_values = True
        try:
            return method(self, *args, **named)
        except TypeError as error:
            needed = isinstance(error, NeedsTensorsError)
            return of_tensors.instead(error, needed, name, args, named)

    return chosen


class Replay:
    """A function that is recorded, and run again with new numbers: see `compile`."""

    def __init__(
        self, f: Function, argnums: Argnums = 0, *, rewrites: Rewrites = True, keep: int = 8
    ) -> None:
        if not isinstance(keep, int) or keep < 1:
            raise ValueError(f"keep is a number of recordings, 1 or more, not {describe(keep)}")
        self.f: Function = f
        self.argnums: Argnums = argnums
        self._shelf = Shelf(f, chosen(rewrites), keep)
        self._tensors = OfTensors(f, argnums, keep)
        self._asked = by_leaves([])

    @property
    def recordings(self) -> list[Recording]:
        """The kept recordings, the one used last first."""
        return [kept.recording for kept in self._shelf.kept]

    # ---- one argument set ----

    @_or_tensors
    def value(self, *args: Tree, **keywords: Any) -> Tree:
        """f(*args), in floats. Nodes go to f itself, and so does a call in another recording."""
        given = self._shelf.given(args, number_alone)
        if given is None or settings()["recorder"] is not None:
            return self.f(*args, **keywords)
        recording, results, _ = self._run(*given, args, keywords, None)
        return built(recording.shape, results)

    __call__ = value

    @_or_tensors
    def value_and_grad(self, *args: Tree, wrt: Tree = None, **keywords: Any) -> tuple[float, Tree]:
        """f(*args), and its gradient in the structure of the arguments that `argnums` selects.

        With `wrt`, a structure of leaves that f closes over, the gradient by these instead. A node
        among the arguments counts as its number. While another replay is recorded, it is f that
        is recorded, as a part of that one.
        """
        if settings()["recorder"] is not None:
            return self._recorded(args, wrt, keywords)
        form, numbers = self._shelf.numbers(args)
        wanted = self._by_arguments(args, form) if wrt is None else self._by_leaves(wrt)
        _, results, gradients = self._run(form, numbers, args, keywords, wanted)
        gradient = built(wanted.shape, gradients)
        if wrt is None and form.has_own_types:
            chosen = tuple([args[i] for i in wanted.arguments])
            is_one = isinstance(self.argnums, int)
            gradient = as_given(wanted.shape, chosen[0] if is_one else chosen, gradient)
        return results.item(), gradient

    def _recorded(self, args: Args, wrt: Tree, keywords: Keywords) -> tuple[Any, Tree]:
        """The same as a part of the recording around it; no gradient flows into numbers."""
        if wrt is None:
            found = value_and_grad(self.f, self.argnums)(*args, **keywords)
        else:
            wanted, result = by_leaves(wrt), self.f(*args, **keywords)
            slopes = graph.gradients(result, wanted.leaves or ())
            found = result, put_together(wanted.shape, iter(slopes))
        value, gradient = rebuild(
            found, (x.detach() if isinstance(x, Node) else x for x in leaves(found))
        )
        return value, gradient

    @_or_tensors
    def backward(self, *args: Tree, **keywords: Any) -> float:
        """f(*args); its gradient is added to `.grad` of the leaves that f closes over."""
        recording, results, gradients = self.run(args, keywords, ALL_LEAVES)
        add_to_gradients(recording.leaves, gradients)
        return float(results.item())

    def bind(self, leaves: Tree) -> Bound | BoundTensors:
        """This replay with the numbers of some leaves in one array, for an optimiser."""
        if has_tensor(leaves):
            return BoundTensors(self._tensors, leaves)
        return Bound(self, by_leaves(leaves))

    def _by_leaves(self, wrt: Tree) -> Wanted:
        """`by_leaves`, which is not asked again where the last call had the same list of leaves."""
        last = self._asked
        is_flat = wrt.__class__ is list and last.shape == (LIST, None, len(wrt))
        if not is_flat or not all(map(is_, wrt, last.leaves or ())):
            self._asked = last = by_leaves(wrt)
        return last

    def run(
        self, args: Args, keywords: Keywords, wanted: Wanted, held: Held = numbers_in
    ) -> tuple[Recording, Array, Array]:
        """The recording that holds, the numbers of its result, and gradients."""
        return self._run(*self._shelf.numbers(args), args, keywords, wanted, held)

    def _run(
        self, form: Form, numbers: Array, args: Args, keywords: Keywords, wanted: Wanted | None,
        held: Held = numbers_in,
    ) -> tuple[Recording, Array, Array]:  # fmt: skip
        for recording in self._shelf.find(form, keywords, wanted):
            found = recording.replay(numbers, wanted, held)
            if found is not None:
                self._shelf.used(recording)
                return recording, *found
        recording = self._shelf.record(form, keywords, args, wanted)
        found = recording.replay(numbers, wanted, held)
        if found is None:
            raise self._shelf.unstable()
        return recording, *found

    def _by_arguments(self, args: Sequence[Tree], form: Form) -> Wanted:
        if form.wanted is None:
            places = positions(self.f, self.argnums, tuple(args))
            shapes = [form.parts[i] for i in places]
            ends = np.cumsum([0, *form.sizes]).tolist()
            ids = tuple([x for i in places for x in range(ends[i], ends[i + 1])])
            shape = shapes[0] if isinstance(self.argnums, int) else tuple_of(shapes)
            form.wanted = Wanted(shape, tuple(places), ids)
        return form.wanted

    # ---- many ----

    @_or_tensors
    def batch(
        self,
        *args: Tree,
        in_axes: InAxes = 0,
        reduce: str | None = "sum",
        wrt: Tree = None,
        **keywords: Any,
    ) -> tuple[Array, Tree]:
        """f of many argument sets, a lane for each: an array of values, and the gradients.

        `in_axes`, one for all arguments or one for each, is 0 for an argument that is a list or an
        array of lanes, and None for one that all lanes share. The gradient by a shared number is
        summed over the lanes; with `reduce=None` it is an array with a number for each lane. The
        gradient by an argument that varies has the lanes of that argument. As many lanes as once
        before run as one program, unless there are guards or `rewrites` is False.
        """
        check_reduce(reduce)
        lanes = self.lanes(args, in_axes)
        form = self._shelf.form(lanes.shape)
        wanted = self._by_arguments(args, form) if wrt is None else self._by_leaves(wrt)
        each = lanes.vary(wanted) if reduce else np.ones(len(lanes.vary(wanted)), bool)
        values, rows = np.empty(lanes.count), np.empty((np.count_nonzero(each), lanes.count))
        sums = np.zeros(len(each) - len(rows))
        for _, done, results, gradients, added in self.run_lanes(lanes, keywords, wanted, each):
            values[done], rows[:, done] = results[0], gradients
            with np.errstate(all="ignore"):
                sums += added
        found = lanes.gradients(wanted, reduce is None, rows, sums)
        alone = wrt is not None or isinstance(self.argnums, int)
        return values, found[0] if alone else tuple(found)

    @_or_tensors
    def batch_value(self, *args: Tree, in_axes: InAxes = 0, **keywords: Any) -> Tree:
        """f of many argument sets: its structure, with an array in the place of each number."""
        lanes = self.lanes(args, in_axes)
        found, shapes, none = np.empty((0, 0)), set(), np.zeros(0, bool)
        for recording, done, results, _, _ in self.run_lanes(lanes, keywords, None, none):
            shapes.add(recording.shape)
            if len(shapes) > 1:
                said = " in some lanes, and in others ".join(map(words, shapes))
                raise ValueError(f"{name_of(self.f)} returned {said}")
            found = found if found.size else np.empty((len(results), lanes.count))
            found[:, done] = results
        return put_together(recording.shape, iter(found), lanes.count)

    def lanes(self, args: Args, in_axes: InAxes) -> Lanes:
        """The arguments of many lanes."""
        known = self._shelf.kept[0].form if self._shelf.kept else Form(tuple_of([]))
        return Lanes(args, in_axes, list(zip(known.parts, known.sizes, strict=True)))

    def run_lanes(
        self, lanes: Lanes, keywords: Keywords, wanted: Wanted | None, each: Array,
        held: Held = numbers_in,
    ) -> Iterator[tuple[Recording, Array, Array, Array, Array]]:  # fmt: skip
        """Each recording that holds for some lanes: which, their results, gradients, and sums."""
        form, left = self._shelf.form(lanes.shape), np.arange(lanes.count)
        kept = self._shelf.find(form, keywords, wanted)
        while len(left):
            old = next(kept, None)
            recording = old or self._shelf.record(form, keywords, lanes.args(left[0]), wanted)
            done, *found = recording.replay_lanes(lanes, left, wanted, each, held)
            if old is None and left[0] not in done[:1]:
                raise self._shelf.unstable()
            if len(done):
                left = left[:0] if len(done) == len(left) else np.setdiff1d(left, done)
                yield recording, done, *found

    # ---- seen and kept ----

    def recorded(
        self, args: Args, gradient: bool, wrt: Tree = None
    ) -> tuple[Shape, Recording, Wanted | None]:
        """The recording for some arguments, or the one used last; their shape, and the wanted.

        TypeError for a function of Tensors.
        """
        if not args and self._tensors.kept:
            raise TypeError(f"the recordings of {name_of(self.f)} are of Tensors")
        if not args and self._shelf.kept:
            form, _, recording = self._shelf.kept[0]
        else:
            form, numbers = self._shelf.numbers(args)
            recording, _, _ = self._run(form, numbers, args, {}, None)
        wanted = None
        if gradient:
            wanted = self._by_form(form) if wrt is None else self._by_leaves(wrt)
            self._shelf.checked(recording, wanted)
        return form.shape, recording, wanted

    def _by_form(self, form: Form) -> Wanted:
        """The arguments to differentiate by, or all leaves where there are none."""
        return self._by_arguments(form.parts, form) if form.parts else ALL_LEAVES

    def __repr__(self) -> str:
        count = len(self.recordings) + sum(map(len, self._tensors.kept.values()))
        return f"<replay of {name_of(self.f)}: {count} recordings>"

    def listing(self, gradient: bool = True) -> str:
        """The programs of all recordings, and of their gradients, as text; runs are cut short."""
        found = []
        for form, _, recording in self._shelf.kept:
            wanted, by = None, ""
            if gradient and recording.shape is None and not recording.is_plain:
                wanted = self._by_form(form)
                by = f"argument {', '.join(map(str, wanted.arguments))}" if form.parts else "leaves"
            program = recording.machine(wanted).program
            found.append(listed(name_of(self.f), form.shape, recording, program, by))
        found += self._tensors.listing()
        return "\n\n".join(found) or f"{name_of(self.f)} has not been recorded yet: call it"

    def save(self, path: Path) -> None:
        """Write all recordings, but not f itself, to a file that `load` reads: whole or not at all.

        TypeError for arguments or keywords that the format cannot hold; pickle can. TypeError for
        recordings of Tensors, which are made anew instead.
        """
        if self._tensors.kept:
            raise TypeError(
                f"the recordings of {name_of(self.f)} are of Tensors, and are not saved: they are "
                "made anew in a moment, where the function is compiled again"
            )
        header = {
            "function": name_of(self.f), "argnums": self.argnums, "keep": self._shelf.most,
            "rewrites": sorted(self._shelf.rewrites),
        }  # fmt: skip
        storing.save(path, header, self._stored())

    @classmethod
    def load(cls, path: Path, f: Function | None = None) -> Replay:
        """The replay that `save` wrote. Its leaves are new Values, in `recordings[i].leaves`.

        Without f it cannot record again: RuntimeError for arguments for which no recording holds.
        ValueError for a file that is damaged, or of another version of the format.
        """
        header, kept = storing.load(path)
        function = f or Gone(header["function"])
        return restored(function, header["argnums"], header["rewrites"], header["keep"], kept)

    def _stored(self) -> list[Stored]:
        return [(form.shape, keywords, recording) for form, keywords, recording in self._shelf.kept]

    def __reduce__(self) -> tuple[object, ...]:
        shelf = self._shelf
        return restored, (
            as_pickled(self.f), self.argnums, shelf.rewrites, shelf.most, self._stored(),
        )  # fmt: skip


def restored(
    f: Function, argnums: Argnums, rewrites: Rewrites, keep: int, kept: list[Stored]
) -> Replay:
    """A replay with recordings that were stored."""
    made = Replay(f, argnums, rewrites=rewrites, keep=keep)
    made._shelf.kept = tuple(Kept(Form(shape), keywords, x) for shape, keywords, x in kept)
    return made


class Bound:
    """A replay that takes the numbers of some leaves from `numbers`, and not from the leaves.

    `numbers` is an array of floats that may be written to; `write` puts them into the leaves, and
    `read` takes them from there. Gradients are arrays in the same order.
    """

    def __init__(self, replay: Replay, wanted: Wanted) -> None:
        self._replay, self._wanted = replay, wanted
        self.leaves: Final = list(wanted.leaves or ())
        self.numbers: Final = numbers_in(self.leaves)
        self._place = {leaf: i for i, leaf in enumerate(self.leaves)}
        self._known: tuple[object, Array, Array] = (None, np.zeros(0), np.zeros(0))

    def read(self) -> None:
        """Take the numbers that the leaves hold."""
        self.numbers[:] = numbers_in(self.leaves)

    def write(self) -> None:
        """Put the numbers into the leaves."""
        for leaf, x in zip(self.leaves, self.numbers.tolist(), strict=True):
            leaf.data = x

    def value_and_grad(self, *args: Tree, **keywords: Any) -> tuple[float, Array]:
        """f(*args), and its gradient by the leaves as an array."""
        _, results, gradients = self._replay.run(args, keywords, self._wanted, self._held)
        return results.item(), gradients

    def batch(self, *args: Tree, in_axes: InAxes = 0, **keywords: Any) -> tuple[Array, Array]:
        """f of many argument sets, and the sum of its gradients by the leaves, as arrays."""
        lanes = self._replay.lanes(args, in_axes)
        values, total = np.empty(lanes.count), np.zeros(len(self.leaves))
        for _, done, results, _, added in self._replay.run_lanes(
            lanes, keywords, self._wanted, lanes.vary(self._wanted), self._held
        ):
            values[done] = results[0]
            with np.errstate(all="ignore"):
                total += added
        return values, total

    def _held(self, leaves: list[Value]) -> Array:
        """The numbers of a recording's leaves: from `numbers`, or from a leaf that is not there."""
        known, place, others = self._known
        if known is not leaves:
            place = np.array([self._place.get(leaf, -1) for leaf in leaves], int)
            others = np.flatnonzero(place < 0)
            if np.array_equal(place, np.arange(len(self.leaves))):
                place = slice(None)  # nothing to gather
            self._known = leaves, place, others
        if not len(others):
            return self.numbers[place]
        numbers = np.append(self.numbers, 0.0)[place]
        numbers[others] = numbers_in([leaves[i] for i in others])
        return numbers


def by_leaves(wrt: Tree) -> Wanted:
    """Leaves to differentiate by; TypeError for anything else in the structure."""
    found: list[Any] = []
    shape = taken_apart(wrt, lambda x: (x,), found)
    leaves = tuple([x[0] if isinstance(x, tuple) else x for x in found])
    check_leaves(leaves, Value)
    return Wanted(shape, (), (), leaves)
