"""The functions of numbers on arrays, element by element.

Most are the library's own. A function with a definition runs it on arrays instead of floats. Others
have a formula for arrays of any library (`formulas`). The rest apply the function of floats to one
element at a time, on NumPy arrays only. float32 stays float32.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NoReturn

import numpy as np

from ..core.kinds import ARRAYS, FUNCTIONS, Function, describe
from ..support.numbers import OPERATORS
from . import formulas
from .libraries import NUMPY, Array, DType, Library, NumPy, library_of, one_library
from .quiet import quiet

ndarray = np.ndarray
Computed = Callable[..., Any]


def float_dtype(xs: tuple[Array, ...]) -> DType:
    """The dtype of the arrays of floats among some arguments; None if there are none."""
    dtypes = [x.dtype for x in xs if isinstance(x, ndarray) and x.dtype.kind == "f"]
    return np.result_type(*dtypes) if len(dtypes) > 1 else dtypes[0] if dtypes else None


def _pow(x: Array, y: Array) -> Array:
    if y.__class__ is float and y in (1.0, 2.0):  # NumPy's power is ten times slower
        return np.square(x) if y == 2.0 else np.positive(x)
    return np.power(x, y)


def _round(x: Array, digits: float) -> Array:
    return np.rint(x) if digits == 0 else _elementwise(FUNCTIONS["round"])(x, digits)


def _step(x: Array) -> Array:
    """1 where x is positive, nan where x is nan, else 0."""
    if x.__class__ is not ndarray or x.dtype.kind != "f":
        x = np.asarray(x, dtype=float)
    above = (x > 0.0).astype(x.dtype)
    square = np.vdot(x, x)  # nan if an element is nan
    return above if square == square else np.sign(np.maximum(x, 0.0))


def _erf(x: Array) -> Array:
    try:
        from scipy.special import erf
    except ImportError:
        return _in_double(formulas.erf)(x)
    return erf(x)


def _as_precise(formula: Computed) -> Computed:
    """A formula whose result is cast to the precision of the arrays.

    It gets arrays of at least one axis, since NumPy turns others into numbers on the way.
    """

    def computed(*xs: Array) -> Array:
        single = not any(x.ndim for x in xs if isinstance(x, ndarray))
        inputs = [x[None] if isinstance(x, ndarray) else x for x in xs] if single else xs
        answer, dtype = np.asanyarray(formula(*inputs)), float_dtype(xs) or float
        if answer.dtype != dtype and answer.dtype.kind != "c":
            answer = answer.astype(dtype)
        return answer[0] if single and answer.ndim else answer

    return computed


def _in_double(formula: Computed) -> Computed:
    """A formula computed in double precision, and cast to the precision of the arrays."""
    return _as_precise(
        lambda *xs: formula(*[x.astype(float) if isinstance(x, ndarray) else x for x in xs])
    )


# fmt: off
SPECIAL: dict[str, Computed] = {
    "pow":         _pow,
    "positive":    lambda x: x > 0,
    "negative":    lambda x: x < 0,
    "step":        _step,
    "relu":        lambda x: np.maximum(x, 0.0),
    "round":       _round,
    "erf":         _erf,
    "erfc":        lambda x: _elementwise(FUNCTIONS["erfc"])(x),
}
# fmt: on
FORMULAS: dict[str, Computed] = {  # of libraries of arrays, in double precision
    name: getattr(formulas, name)
    for name in (
        "erf",
        "erfc",
        "normal_cdf",
        "normal_pdf",
        "cbrt",
        "power_derivative",
        "softmax",
        "log_softmax",
        "logsumexp",
    )
}  # fmt: skip


@cache
def on_arrays(fact: Function) -> Computed:
    """The function on NumPy arrays and numbers; NumPy may warn about inf and nan."""
    if fact.name in SPECIAL:
        return SPECIAL[fact.name]
    if fact.numpy:
        found: Computed = getattr(np, fact.numpy)
        return found
    if fact.name in FORMULAS:
        return _in_double(FORMULAS[fact.name])
    if fact.definition is None:
        return _elementwise(fact)
    if not is_ours(fact):
        return _as_precise(_at_once_or_elementwise(fact))
    body, precise = fact.definition, _as_precise(fact.definition)
    if fact.arity > 1:
        return precise
    return lambda x: body(x) if x.ndim else precise(x)  # the usual case, without a cast


def is_ours(fact: Function) -> bool:
    """True for a function of this package, False for one that a user registered."""
    return (
        fact.definition is None
        or getattr(fact.definition, "__module__", "") == "autograd.core.functions"
    )


@cache
def quietly(fact: Function, library: Library = NUMPY) -> Computed:
    """The function on the arrays of a library and numbers, without NumPy's warnings."""
    if library is not NUMPY:
        return quiet(elsewhere(fact, library), theirs=True)
    return quiet(on_arrays(fact), theirs=not is_ours(fact))


def _elementwise(fact: Function) -> Computed:
    """The function of floats applied to each element, in the precision of the arrays."""

    def each(*args: Any) -> Array:
        inputs = [np.asarray(x, dtype=float) for x in args]
        answers = np.frompyfunc(lambda *xs: fact.floats(*map(float, xs)), len(args), 1)(*inputs)
        return np.asarray(answers, dtype=float_dtype(args) or float)

    return each


def _at_once_or_elementwise(fact: Function) -> Computed:
    """A user's function, written for floats: on whole arrays where it can be."""
    whole, each = fact.definition, _elementwise(fact)
    assert whole is not None

    def either(*args: Any) -> Array:
        try:
            answer = whole(*args)
        except (TypeError, ValueError, DeprecationWarning):  # `if x > 0`, math.exp(x)
            return each(*args)
        if np.shape(answer) != np.broadcast(*args).shape:
            return each(*args)
        return np.array(answer, subok=True)  # a copy: the user may keep what it returned

    return either


def compute(fact: Function, args: tuple[Any, ...]) -> Array:
    """Apply a function to arrays and numbers; TypeError for arrays of anything but numbers."""
    for i, x in enumerate(args):
        if isinstance(x, ndarray):
            if x.dtype.kind in "iub" and (i or fact.name != "where"):  # NumPy's exp(True) is half
                args = (*args[:i], x.astype(float), *args[i + 1 :])
            elif x.dtype.kind not in "fiubc":
                if x.dtype.kind == "O":  # such as Values: call the function at each element
                    return quiet(np.frompyfunc(fact.call, len(args), 1), theirs=True)(*args)
                raise TypeError(f"{fact.name} is not known for {describe(x)}")
        elif hasattr(x, "shape") and library_of(x) is not NUMPY:
            return quietly(fact, one_library(fact.name, args))(*args)
    return quietly(fact)(*args)


ARRAYS[ndarray] = compute


# ---- other libraries -----------------------------------------------------------------------------

BY_OPERATORS: dict[str, Computed] = {
    **OPERATORS,
    "positive": lambda x: x > 0.0,
    "negative": lambda x: x < 0.0,
}


@cache
def elsewhere(fact: Function, library: Library) -> Computed:
    """The function on arrays of another library; it raises TypeError if the library has none."""
    name = fact.name
    if isinstance(library, NumPy) and library.stands_in:
        return partial(library.function, fact)
    if name in BY_OPERATORS:
        return BY_OPERATORS[name]
    if name in FORMULAS:
        return _precisely(FORMULAS[name], library)
    if name in ("step", "sign"):
        return _flat(name, library)
    if name == "round":
        return partial(_round_elsewhere, fact, library)
    if fact.numpy and hasattr(library.xp, name):
        return _lifted(getattr(library.xp, name), library)
    if fact.definition is None:
        return partial(_no_counterpart, fact, library)
    return fact.definition if is_ours(fact) else _at_once(fact, library)


def _round_elsewhere(fact: Function, library: Library, x: Array, digits: float) -> Array:
    return library.xp.round(x) if digits == 0 else _no_counterpart(fact, library)


def _no_counterpart(fact: Function, library: Library, *xs: Array) -> NoReturn:
    raise TypeError(
        f"{library.name} has no counterpart of {fact.name}: take the array to NumPy for it"
    )


def _lifted(function: Computed, library: Library) -> Computed:
    """A library's function that takes numbers too, as arrays of the library."""

    def computed(*xs: Array) -> Array:
        dtype, like = _precision(xs, library)
        dtypes = [library.xp.bool if isinstance(x, bool) else dtype for x in xs]
        given = zip(xs, dtypes, strict=True)
        return function(*[x if hasattr(x, "shape") else library.like(x, like, d) for x, d in given])

    return computed


def _precision(xs: tuple[Array, ...], library: Library) -> tuple[DType, Array]:
    """The dtype of the arrays of floats among some arguments, and one of the arrays."""
    arrays = [x for x in xs if hasattr(x, "shape")]
    floats = [x for x in arrays if library.xp.isdtype(x.dtype, "real floating")]
    dtype = library.xp.result_type(*[x.dtype for x in floats]) if floats else library.double
    return dtype, (floats or arrays)[0]


def _precisely(formula: Computed, library: Library) -> Computed:
    """A formula computed in double precision, and cast to the precision of the arrays."""

    def computed(*xs: Array) -> Array:
        dtype, _ = _precision(xs, library)
        double = [library.astype(x, library.double) if hasattr(x, "shape") else x for x in xs]
        return library.astype(formula(*double), dtype)

    return computed


def _flat(name: str, library: Library) -> Computed:
    """step or sign, nan where x is nan."""

    def step(x: Array) -> Array:
        above, below = library.astype(x > 0.0, x.dtype), library.astype(x < 0.0, x.dtype)
        return library.xp.where(x == x, above - below if name == "sign" else above, x)

    return step


def _at_once(fact: Function, library: Library) -> Computed:
    """A user's function on a whole array; TypeError if it is not written for arrays."""

    def computed(*xs: Array) -> Array:
        try:
            answer = fact.definition(*xs)  # type: ignore[misc]  # a user's function has one
            return library.copy(answer) if hasattr(answer, "shape") else answer
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(
                f"{fact.name} cannot be computed on a whole array of {library.name} ({error}): "
                "write it with autograd.where and the functions of autograd"
            ) from error

    return computed
