"""`compile(f)`: f recorded once for each structure of its arguments, and then run in flat loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..core.kinds import describe
from ..core.modes import settings
from ..core.value import Value
from ..transforms import _positions as positions
from . import storing
from .batches import Lanes
from .bound import Bound
from .listing import listed
from .recordings import ALL_LEAVES, Held, Recording, Wanted, name_of
from .rewriting import chosen
from .shelf import Form, Gone, Kept, Shelf, as_pickled
from .structure import built, number_alone, put_together, taken_apart, tuple_of, words
from .tape import add_to_gradients, numbers_in

Array = Any  # of NumPy


def compile(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    rewrites: bool | str | Sequence[str] = True,
    keep: int = 8,
) -> Replay:
    """f as a replay: recorded once for each structure of its arguments, then run in flat loops.

    Arguments are numbers, or nested lists, tuples, dicts and arrays of them; an array enters f as
    an array of Values. What is passed by keyword is a setting, and f is recorded for each of them.
    Leaves that f closes over are read anew in every call; numbers, arrays, and nodes that are no
    leaves, are constants, and stay what they were when f was recorded. Where f looks at a number
    (`if`, `.data`, formatting), a recording holds as long as f would see the same, and else f is
    recorded again; `keep` recordings are kept.

    `argnums` says which arguments to differentiate by, as in `grad`. `rewrites` are names out of
    "constants", "common", "sums", "dots" and "plain", or True for all of them, or False for none:
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


class Replay:
    """A function that is recorded, and run again and again with new numbers: see `compile`."""

    def __init__(
        self,
        f: Callable[..., Any],
        argnums: int | Sequence[int] = 0,
        *,
        rewrites: bool | str | Sequence[str] = True,
        keep: int = 8,
    ) -> None:
        if not isinstance(keep, int) or keep < 1:
            raise ValueError(f"keep is a number of recordings, 1 or more, not {describe(keep)}")
        self.f, self.argnums = f, argnums
        self._shelf = Shelf(f, chosen(rewrites), keep)

    @property
    def recordings(self) -> list[Recording]:
        """The recordings that are kept, the one used last first."""
        return [kept.recording for kept in self._shelf.kept]

    # ---- one argument set ----

    def value(self, *args: Any, **named: Any) -> Any:
        """f(*args), with floats for numbers; of nodes, or while somebody records, f itself."""
        given = self._shelf.given(args, number_alone)
        if given is None or settings()["recorder"] is not None:
            return self.f(*args, **named)
        recording, results, _ = self._run(*given, args, named, None)
        return built(recording.shape, results)

    __call__ = value

    def value_and_grad(self, *args: Any, wrt: Any = None, **named: Any) -> tuple[float, Any]:
        """f(*args), and its gradient in the structure of the arguments that `argnums` names.

        `wrt` asks for the gradient by leaves that f closes over instead, in a structure of them.
        A node among the arguments counts as its number.
        """
        form, numbers = self._shelf.numbers(args)
        wanted = self._by_arguments(args, form) if wrt is None else by_leaves(wrt)
        _, results, gradients = self._run(form, numbers, args, named, wanted)
        return results.item(), built(wanted.shape, gradients)

    def backward(self, *args: Any, **named: Any) -> float:
        """f(*args), whose gradient is added to `.grad` of the leaves that f closes over."""
        recording, results, gradients = self.run(args, named, ALL_LEAVES)
        add_to_gradients(recording.leaves, gradients)
        return float(results.item())

    def bind(self, leaves: Any) -> Bound:
        """This replay with the numbers of some leaves in one array, as an optimiser wants them."""
        return Bound(self, by_leaves(leaves))

    def run(
        self, args: tuple[Any, ...], named: dict[str, Any], wanted: Wanted, held: Held = numbers_in
    ) -> tuple[Recording, Array, Array]:
        """The recording that holds, the numbers of its result, and gradients."""
        return self._run(*self._shelf.numbers(args), args, named, wanted, held)

    def _run(
        self, form: Form, numbers: Array, args: Any, named: Any, wanted: Any, held: Any = numbers_in
    ) -> tuple[Recording, Array, Array]:
        for recording in self._shelf.recordings(form, named, args, wanted):
            answer = recording.replay(numbers, wanted, held)
            if answer is not None:
                self._shelf.used(recording)
                return recording, *answer
        raise AssertionError  # the shelf has raised before

    def _by_arguments(self, args: tuple[Any, ...], form: Form) -> Wanted:
        if form.wanted is None:
            places = positions(self.f, self.argnums, args)
            shapes = [form.parts[i] for i in places]
            ends = np.cumsum([0, *form.sizes]).tolist()
            ids = tuple([x for i in places for x in range(ends[i], ends[i + 1])])
            shape = shapes[0] if isinstance(self.argnums, int) else tuple_of(shapes)
            form.wanted = Wanted(shape, tuple(places), ids)
        return form.wanted

    # ---- many ----

    def batch(
        self,
        *args: Any,
        in_axes: Any = 0,
        reduce: str | None = "sum",
        wrt: Any = None,
        **named: Any,
    ) -> tuple[Array, Any]:
        """f of many argument sets, a lane for each: an array of values, and the gradients.

        `in_axes`, one for all arguments or one for each, is 0 for an argument that is a list or an
        array of lanes, and None for one that all lanes share. The gradient by a shared number is
        added up over the lanes, or an array with a number for each lane if `reduce` is None; that
        by an argument that varies has lanes as the argument has.
        """
        if reduce not in ("sum", None):
            raise ValueError(f"reduce is 'sum' or None, not {describe(reduce)}")
        lanes = self.lanes(args, in_axes)
        form = self._shelf.form(lanes.shape)
        wanted = self._by_arguments(args, form) if wrt is None else by_leaves(wrt)
        each = lanes.vary(wanted) | (reduce is None)
        values, rows = np.empty(lanes.count), np.empty((np.count_nonzero(each), lanes.count))
        sums = np.zeros(len(each) - len(rows))
        for _, done, results, gradients, added in self.run_lanes(lanes, named, wanted, each):
            values[done], rows[:, done] = results[0], gradients
            sums += added
        answers = lanes.answers(wanted, each, rows, sums)
        alone = wrt is not None or isinstance(self.argnums, int)
        return values, answers[0] if alone else tuple(answers)

    def batch_value(self, *args: Any, in_axes: Any = 0, **named: Any) -> Any:
        """f of many argument sets: its structure, with an array in the place of each number."""
        lanes = self.lanes(args, in_axes)
        found, shapes, none = np.empty((0, 0)), set(), np.zeros(0, bool)
        for recording, done, results, _, _ in self.run_lanes(lanes, named, None, none):
            shapes.add(recording.shape)
            if len(shapes) > 1:
                said = " in some lanes, and in others ".join(map(words, shapes))
                raise ValueError(f"{name_of(self.f)} returned {said}")
            found = found if found.size else np.empty((len(results), lanes.count))
            found[:, done] = results
        return put_together(recording.shape, iter(found))

    def lanes(self, args: tuple[Any, ...], in_axes: Any) -> Lanes:
        """The arguments of many lanes."""
        known = self._shelf.kept[0].form if self._shelf.kept else Form(tuple_of([]))
        return Lanes(args, in_axes, list(zip(known.parts, known.sizes, strict=True)))

    def run_lanes(
        self,
        lanes: Lanes,
        named: dict[str, Any],
        wanted: Wanted | None,
        each: Array,
        held: Held = numbers_in,
    ) -> Iterator[tuple[Recording, Array, Array, Array, Array]]:
        """Each recording that holds for some lanes: which, their results, gradients, and sums."""
        form, left = self._shelf.form(lanes.shape), np.arange(lanes.count)
        tried: list[Recording] = []
        while len(left):
            args = lanes.args(int(left[0]))
            for recording in self._shelf.recordings(form, named, args, wanted):
                if any(recording is x for x in tried):
                    continue
                tried.append(recording)
                done, *answer = recording.replay_lanes(lanes, left, wanted, each, held)
                if len(done):
                    first_is_done = done[0] == left[0]
                    left = left[:0] if len(done) == len(left) else np.setdiff1d(left, done)
                    yield recording, done, *answer
                    if first_is_done:
                        break

    # ---- seen and kept ----

    def __repr__(self) -> str:
        return f"<replay of {name_of(self.f)}: {len(self.recordings)} recordings>"

    def listing(self, gradient: bool = True) -> str:
        """The programs of all recordings as text, and of their gradients; runs are cut short."""
        found = []
        for form, _, recording in self._shelf.kept:
            wanted, by = None, ""
            if gradient and recording.shape is None and not recording.is_plain:
                wanted = self._by_arguments(form.parts, form) if form.parts else ALL_LEAVES
                by = f"argument {', '.join(map(str, wanted.arguments))}" if form.parts else "leaves"
            program = recording.machine(wanted).program
            found.append(listed(name_of(self.f), form.shape, recording, program, by))
        return "\n\n".join(found) or f"{name_of(self.f)} has not been recorded yet: call it"

    def save(self, path: Any) -> None:
        """Write all recordings to a file, which `load` reads; f itself is not in it.

        It is written under a temporary name first. TypeError where arguments or settings have what
        the format cannot say; pickle can.
        """
        header = {
            "function": name_of(self.f), "argnums": self.argnums, "keep": self._shelf.most,
            "rewrites": sorted(self._shelf.rewrites),
        }  # fmt: skip
        storing.save(path, header, self._stored())

    @classmethod
    def load(cls, path: Any, f: Callable[..., Any] | None = None) -> Replay:
        """The replay that `save` wrote. Its leaves are new Values, in `recordings[i].leaves`.

        Without f it cannot record again: arguments for which no recording holds are an error.
        ValueError for a file that is damaged, or of another version of the format.
        """
        header, kept = storing.load(path)
        function = f or Gone(header["function"])
        return restored(function, header["argnums"], header["rewrites"], header["keep"], kept)

    def _stored(self) -> list[tuple[Any, dict[str, Any], Recording]]:
        return [(form.shape, named, recording) for form, named, recording in self._shelf.kept]

    def __reduce__(self) -> tuple[Any, ...]:
        shelf = self._shelf
        return restored, (
            as_pickled(self.f), self.argnums, shelf.rewrites, shelf.most, self._stored(),
        )  # fmt: skip


def restored(f: Any, argnums: Any, rewrites: Any, keep: int, kept: Any) -> Replay:
    """A replay with recordings that were stored."""
    made = Replay(f, argnums, rewrites=rewrites, keep=keep)
    made._shelf.kept = tuple(Kept(Form(shape), named, x) for shape, named, x in kept)
    return made


def by_leaves(wrt: Any) -> Wanted:
    """Leaves to differentiate by; TypeError for anything else in the structure."""
    leaves: list[Any] = []
    shape = taken_apart(wrt, lambda x: (x,), leaves)
    found = [x[0] if isinstance(x, tuple) else x for x in leaves]
    for x in found:
        if not isinstance(x, Value) or x.inputs:
            raise TypeError(
                f"gradients are by leaves, Values that were computed from nothing, and not by "
                f"{describe(x)}"
            )
    return Wanted(shape, (), (), tuple(found))
