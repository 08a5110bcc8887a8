"""The recordings of a function: which of them may hold for some arguments, and when to make one."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..core.graph import Node
from ..core.kinds import describe
from ..core.modes import caller, lock
from .recordings import Recording, Wanted, name_of, record
from .structure import (
    Shape,
    count,
    fill,
    not_a_number,
    number_as_given,
    number_of,
    parts_of,
    taken_apart,
    words,
)

Array = Any  # of NumPy


class Form:
    """A structure of arguments, and what it says about their gradient."""

    def __init__(self, shape: Shape) -> None:
        self.shape, self.parts = shape, parts_of(shape)
        self.sizes = list(map(count, self.parts))
        self.size = sum(self.sizes)
        self.wanted: Wanted | None = None  # once somebody has asked


class Kept(NamedTuple):
    """A recording, and what it is good for."""

    form: Form
    settings: dict[str, Any]
    recording: Recording


class Shelf:
    """The recordings of one function; the one used last is the first."""

    def __init__(self, f: Callable[..., Any], rewrites: frozenset[str], most: int) -> None:
        self.f, self.rewrites, self.most = f, rewrites, most
        self.kept: tuple[Kept, ...] = ()  # replaced as a whole: threads read it as it is
        self._said: set[str] = set()

    def given(self, args: tuple[Any, ...], take: Any = number_of) -> tuple[Form, Array] | None:
        """The form of the arguments and their numbers; None if `take` does not take a node."""
        for kept in self.kept:
            numbers = np.empty(kept.form.size)
            if fill(kept.form.shape, args, numbers):
                return kept.form, numbers
        into: list[float] = []
        try:
            shape = taken_apart(args, take, into)
        except ValueError as error:
            place, culprit = error.args
            if isinstance(culprit, Node):
                return None
            i, _, rest = place[1:].partition("]")
            raise not_a_number(f"argument {i}{rest}", culprit) from None
        return self.form(shape), np.array(into, float)

    def numbers(self, args: tuple[Any, ...]) -> tuple[Form, Array]:
        """The same, where a node counts as its number."""
        given = self.given(args)
        assert given is not None
        return given

    def form(self, shape: Shape) -> Form:
        """The form that has that shape."""
        return next((x.form for x in self.kept if x.form.shape == shape), None) or Form(shape)

    def recordings(
        self, form: Form, named: dict[str, Any], args: Any, wanted: Wanted | None
    ) -> Iterator[Recording]:
        """Those that may hold, and then a new one, made with these arguments.

        TypeError if a gradient is wanted, and the result has none. RuntimeError in the end.
        """
        settings = _key(named)
        for kept in self.kept:
            alike = kept.form.shape == form.shape and _key(kept.settings) == settings
            if alike and kept.recording.is_current():
                yield self._fit(kept.recording, wanted)
        yield self._fit(self._record(form, named, args), wanted)
        raise RuntimeError(
            f"{name_of(self.f)} looks at a number whose truth hangs on its last digit, which a "
            "replay rounds otherwise: compare with a tolerance, or use where()"
        )

    def _fit(self, recording: Recording, wanted: Wanted | None) -> Recording:
        if wanted is not None and recording.shape is not None:
            raise TypeError(
                f"the gradient is that of a function with one number as its result, but "
                f"{name_of(self.f)} returned {words(recording.shape)}: add its parts up, or "
                f"compile jacobian({name_of(self.f)})"
            )
        if wanted is not None and recording.is_plain:
            raise TypeError(
                f"{name_of(self.f)} returned a plain number, which nothing can be differentiated "
                "by: did it take .data, or leave its arguments alone?"
            )
        return recording

    def _record(self, form: Form, named: dict[str, Any], args: Any) -> Recording:
        given: list[Any] = []
        taken_apart(args, number_as_given, given)
        numbers = np.array(given, float)
        recording = record(self.f, form.shape, given, named, self.rewrites)
        if not recording.calibrate(numbers):  # a truth hangs on a last digit
            exact = self.rewrites - {"plain"}
            recording = record(self.f, form.shape, given, named, exact)
            recording.calibrate(numbers)
        self._mention(recording)
        with lock:
            self.kept = (Kept(form, named, recording), *self.kept)[: self.most]
        return recording

    def used(self, recording: Recording) -> None:
        """Have this one tried first from now on."""
        if self.kept[0].recording is not recording:
            with lock:
                order = sorted(self.kept, key=lambda kept: kept.recording is not recording)
                self.kept = tuple(order)

    def _mention(self, recording: Recording) -> None:
        """Say, once, what makes replays slow."""
        said = {
            f"{row.name} has no form in C, so replays compute it in Python"
            for row in recording.tape.rows
        }
        if len(self.kept) == self.most:
            said.add(
                f"{name_of(self.f)} has gone more than {self.most} ways, and no more recordings "
                "are kept: it looks at numbers (if, .data, formatting) that are others in every "
                "call; where() takes either branch without a look"
            )
        for sentence in sorted(said - self._said):
            warnings.warn_explicit(sentence, RuntimeWarning, *caller())
        self._said |= said


def _key(settings: dict[str, Any]) -> Any:
    """What only equal settings share; a node is equal to itself alone."""
    for name, x in settings.items():
        try:
            hash(x)
        except TypeError:
            raise TypeError(
                f"what is passed by keyword is a setting, for which f is recorded anew, and {name} "
                f"is {describe(x)}, which cannot be looked up: pass numbers by position"
            ) from None
    return {
        name: (type(x), id(x) if isinstance(x, Node) else repr(x) if type(x) is float else x)
        for name, x in settings.items()
    }


class Gone:
    """Stands for a function that a replay was saved without."""

    def __init__(self, name: str) -> None:
        self.__name__ = str(name)

    def __call__(self, *args: Any, **named: Any) -> Any:
        raise RuntimeError(
            f"no recording of {self.__name__} holds for these arguments, and it cannot be recorded "
            "again: the replay was saved without it (compile the function anew, or load(path, f))"
        )


def as_pickled(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function if a pickle finds it by its name, and else what stands for it."""
    found: Any = sys.modules.get(getattr(f, "__module__", ""))
    for name in getattr(f, "__qualname__", "").split("."):
        found = getattr(found, name, None)
    return f if found is f else Gone(name_of(f))
