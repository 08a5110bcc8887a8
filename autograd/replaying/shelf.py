"""The recordings of a function: those that may hold for some arguments, and new ones."""

from __future__ import annotations

import functools
import numbers
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final, NamedTuple

import numpy as np

from ..arrays.value_arrays import Unfit
from ..core import modes
from ..core.graph import Node, gradients
from ..core.kinds import describe
from ..core.modes import caller, lock
from ..core.value import Value
from ..support.kinks import Own
from ..trees import leaves
from .kernels import Array
from .recordings import Recording, name_of, record
from .structure import (
    ALL_LEAVES,
    ARRAY,
    Args,
    Keywords,
    Shape,
    Take,
    Wanted,
    count,
    fill,
    has_arrays,
    has_own_types,
    kinds_of,
    not_a_number,
    number_as_given,
    number_of,
    parts_of,
    put_together,
    taken_apart,
    words,
)


class Form:
    """A structure of arguments, and what follows from it for their gradient."""

    def __init__(self, shape: Shape, kinds: tuple[type, ...] | None = None) -> None:
        self.shape: Shape = shape
        self.parts: Final = parts_of(shape)
        self.kinds: tuple[type, ...] | None = kinds
        self._lanes = None if kinds is None else Form(shape)
        self.sizes: Final = list(map(count, self.parts))
        self.size: Final = sum(self.sizes)
        inner = [part for part in self.parts if part is None or part[0] != ARRAY]
        self.has_arrays: Final = any(map(has_arrays, inner))  # within containers
        self.has_own_types: Final = any(map(has_own_types, inner))
        self.wanted: Wanted | None = None  # set when a gradient is first asked for

    @property
    def lanes(self) -> Form:
        """The same form for numbers of any kind."""
        return self._lanes or self


DOUBLE = np.dtype(float)


class NeedsTensorsError(TypeError):
    """A function does what arrays of Values do not compute as arrays of floats do."""


class Kept(NamedTuple):
    """A recording, with the structure and the keywords that it was made for."""

    form: Form
    keywords: Keywords
    recording: Recording


class Shelf:
    """The recordings of one function, the one used last first."""

    def __init__(self, f: Callable[..., Any], rewrites: frozenset[str], most: int) -> None:
        self.f: Callable[..., Any] = f
        self.rewrites: frozenset[str] = rewrites
        self.most: int = most
        self.kept: tuple[Kept, ...] = ()  # replaced as a whole: other threads may be reading it
        self._said: set[str] = set()

    # ---- arguments ----

    def given(self, args: Args, take: Take = number_of) -> tuple[Form, Array] | None:
        """The form of the arguments and their numbers; None if `take` refuses a node."""
        kinds = kinds_of(args)
        for kept in self.kept:
            if kinds is not None and kept.form.kinds in (kinds, None):
                numbers = np.empty(kept.form.size)
                if fill(kept.form.shape, args, numbers):
                    return kept.form, numbers
        into: list[float] = []
        try:
            shape = taken_apart(args, take, into)
        except ValueError as error:
            (culprit,) = error.args
            if isinstance(culprit, Node) and take is not number_of:
                return None
            named = [(f"argument {i}", x) for i, x in enumerate(args)]
            raise not_a_number(named, culprit) from None
        return Form(shape, kinds), np.array(into, float)

    def numbers(self, args: Args) -> tuple[Form, Array]:
        """The form of the arguments and their numbers; a node counts as its number."""
        given = self.given(args)
        if given is None:
            raise TypeError(f"a replay of Values takes no Tensor, and {name_of(self.f)} got one")
        return given

    def form(self, shape: Shape) -> Form:
        """The form that has that shape, for numbers of any kind."""
        known = next((x.form for x in self.kept if x.form.shape == shape), None) or Form(shape)
        return known.lanes

    def is_typed(self, args: Args) -> bool:
        """Whether an argument has an array that is not of float64, whose type f may depend on."""
        if not self.kept or self.kept[0].form.has_arrays:
            args = tuple(leaves(args, none=False))
        for x in args:
            if x.__class__ is np.ndarray and x.dtype is not DOUBLE and x.dtype != DOUBLE:
                return x.dtype.kind in "fiub"
        return False

    # ---- recordings ----

    def find(self, form: Form, keywords: Keywords, wanted: Wanted | None) -> Iterator[Recording]:
        """The kept recordings that may hold; TypeError for one that cannot give `wanted`."""
        key = _key(keywords)
        if modes.active:
            self._refuse_adding(wanted)
            if modes.settings()["anomaly"] and not isinstance(self.f, Gone):
                return  # it is recorded where operations are checked
        for kept in self.kept:
            alike = kept.form is form or (
                kept.form.shape == form.shape
                and (form.kinds is None or kept.form.kinds in (form.kinds, None))
            )
            if alike and _key(kept.keywords) == key and kept.recording.is_current():
                yield self.checked(kept.recording, wanted)

    def record(
        self, form: Form, keywords: Keywords, args: Args, wanted: Wanted | None
    ) -> Recording:
        """A new recording, made with these arguments, which is kept."""
        given: list[Any] = []
        taken_apart(args, number_as_given, given)
        try:
            recording = record(self.f, form.shape, given, keywords, self.rewrites)
        except Unfit as error:
            raise NeedsTensorsError(
                f"{name_of(self.f)} calls {error} of an argument, which is recorded with Tensors "
                "only: compute it before, or make the leaves that this function reads Tensors"
            ) from error.__cause__
        if modes.active and modes.settings()["anomaly"]:
            self._look_for_anomalies(form, given, keywords, wanted)
            return self.checked(recording, wanted)
        with lock:  # what was made with another table holds no more
            self.kept = tuple([x for x in self.kept if x.recording.table == recording.table])
        self._warn(recording)
        form = form if form.kinds else Form(form.shape, kinds_of(args))
        with lock:
            self.kept = (Kept(form, keywords, recording), *self.kept)[: self.most]
        return self.checked(recording, wanted)

    def unstable(self) -> RuntimeError:
        """The error where a new recording does not hold for the arguments it was made with."""
        return RuntimeError(
            f"{name_of(self.f)} branches on a comparison that rounding decides, and the replay "
            "rounds differently: compare with a tolerance, or use where()"
        )

    def used(self, recording: Recording) -> None:
        """Try this recording first from now on."""
        if self.kept[0].recording is not recording:
            with lock:
                order = sorted(self.kept, key=lambda kept: kept.recording is not recording)
                self.kept = tuple(order)

    def checked(self, recording: Recording, wanted: Wanted | None) -> Recording:
        if wanted is not None and recording.shape is not None:
            raise TypeError(
                f"a gradient needs a function that returns one number, but {name_of(self.f)} "
                f"returned {words(recording.shape)}: add its parts up, or compile "
                f"jacobian({name_of(self.f)})"
            )
        if wanted is not None and recording.is_plain:
            raise TypeError(
                f"{name_of(self.f)} returned a plain number that it read from its arguments, "
                "which has no gradient: did it take .data?"
            )
        return recording

    def _refuse_adding(self, wanted: Wanted | None) -> None:
        if wanted is ALL_LEAVES and modes.settings()["recorder"] is not None:
            modes.settings()["recorder"].refuse(self, "calls backward() of")

    def _look_for_anomalies(
        self, form: Form, given: list[Any], keywords: Keywords, wanted: Wanted | None
    ) -> None:
        """FloatingPointError at the first gradient that is not finite."""
        result = self.f(*put_together(form.shape, map(Value, given), settings=True), **keywords)
        if wanted is not None and isinstance(result, Value):
            gradients(result, [])

    def __repr__(self) -> str:
        return f"the replay of {name_of(self.f)}"

    def _warn(self, recording: Recording) -> None:
        """Warn, once for each reason, of what makes replays slow."""
        said = {
            f"{row.name} has no form in C, so replays compute it in Python"
            for row in recording.tape.rows
            if not isinstance(row, Own)  # those of a kink, met at few points
        }
        if len(self.kept) == self.most:
            said.add(
                f"{name_of(self.f)} has taken more than {self.most} different paths, and no more "
                "recordings are kept: it looks at numbers (if, .data, formatting) that change from "
                "call to call; where() takes either branch without looking"
            )
        for sentence in sorted(said - self._said):
            warnings.warn_explicit(sentence, RuntimeWarning, *caller())
        self._said |= said


def _key(keywords: Keywords) -> dict[str, Any]:
    """Equal for keywords that a function cannot tell apart."""
    return {name: _same(x, name) for name, x in keywords.items()}


# Objects of these types do not change, or only as a closure does.
FIXED = (
    str, bytes, type(None), type(...), type, range, Enum, ModuleType, np.dtype, np.ufunc,
    FunctionType, BuiltinFunctionType, type(functools.lru_cache(lambda: None)),
)  # fmt: skip


def _same(x: Any, name: str) -> Any:
    """What is equal for two settings of the same types, signs and parts only."""
    if isinstance(x, (numbers.Number, np.generic, Decimal)):
        return type(x), repr(x)
    if isinstance(x, Node):
        return type(x), id(x)
    if type(x) is frozenset:
        return frozenset, frozenset([_same(part, name) for part in x])
    if isinstance(x, tuple):
        return type(x), tuple([_same(part, name) for part in x])
    if isinstance(x, functools.partial):
        return _same((x.func, x.args, tuple(x.keywords.items())), name)
    if isinstance(x, MethodType):
        return MethodType, id(x.__self__), x.__func__
    if isinstance(x, FIXED):
        return type(x), x
    if is_dataclass(x) and getattr(type(x), "__dataclass_params__").frozen:  # noqa: B009
        return type(x), tuple([_same(getattr(x, field.name), name) for field in fields(x)])
    raise TypeError(
        f"f is recorded anew for each value of a keyword, and {name} is {describe(x)}, which may "
        "change unnoticed: pass numbers by position, and let f close over what stays as it is"
    )


class Gone:
    """Stands for a function that a replay was saved without."""

    def __init__(self, name: str) -> None:
        self.__name__: Final = str(name)

    def __call__(self, *args: object, **keywords: object) -> Any:
        raise RuntimeError(
            f"no recording of {self.__name__} holds for these arguments, and it cannot be recorded "
            "again: the replay was saved without it (compile the function anew, or load(path, f))"
        )


def as_pickled(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, if a pickle can find it by its name; else a `Gone`."""
    found: Any = sys.modules.get(getattr(f, "__module__", ""))
    for name in getattr(f, "__qualname__", "").split("."):
        found = getattr(found, name, None)
    return f if found is f else Gone(name_of(f))
