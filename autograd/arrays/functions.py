"""What the functions of numbers compute on NumPy arrays, element by element.

Most are NumPy's own. A definition runs as it is written, on arrays instead of floats. What neither
has is computed by the function for floats, one element at a time. float32 stays float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .. import ieee
from ..kinds import ARRAYS, FUNCTIONS, NUMPY, Function, describe

# As a decorator, errstate costs half of what a `with` does, and every operation pays it: an edge
# has an IEEE answer here, and no warning.
quiet = np.errstate(all="ignore")


def _floats(x: Any) -> Any:
    """Integers and booleans as float64: what NumPy would compute on integers is another thing."""
    return x.astype(float) if getattr(x, "dtype", None) is not None and x.dtype.kind != "f" else x


def _pow(x: Any, y: Any) -> Any:
    if y.__class__ is float and y in (1.0, 2.0):  # NumPy's power is ten times slower
        return np.square(_floats(x)) if y == 2.0 else _floats(x)
    return np.power(_floats(x), _floats(y))


def _power_derivative(x: Any, y: Any, n: Any, m: Any) -> Any:
    """`ieee.power_derivative` on arrays: the sum of c x^(y - n) (ln x)^p, 0 where every c is."""
    order, logs = int(n), int(m)
    x = np.asarray(x)
    leading: Any = np.zeros(())
    sign: Any = 1.0
    terms = list(enumerate(_falling_factors(y, order)[: logs + 1]))
    for k, factor in reversed(terms):
        c = math.comb(logs, k) * math.factorial(k) * factor
        leading, sign = np.where(c != 0, c, leading), np.where(c != 0, (-1.0) ** (logs - k), sign)
    if logs == 0:
        return np.where(leading == 0, 0.0, leading * _pow(x, y - n)).astype(x.dtype)
    log_x = np.log(np.where(x > 0, x, np.nan))
    total: Any = 0.0
    for k, factor in terms:
        c = math.comb(logs, k) * math.factorial(k) * factor
        total = total + np.where(c == 0, 0.0, c * log_x ** (logs - k))
    at_zero = np.where(y >= n, 0.0, np.where(y < n, leading * math.inf * sign, math.nan))
    answer = np.where(x == 0, at_zero, _pow(x, y - n) * total)
    return np.where(leading == 0, 0.0, answer).astype(x.dtype)


def _falling_factors(y: Any, order: int) -> list[Any]:
    """The k-th derivative by y, over k!, of y (y - 1) ... (y - order + 1)."""
    factors: list[Any] = [1.0]
    for i in range(order):
        shifted = [0.0, *factors]
        factors = [(y - i) * f + s for f, s in zip([*factors, 0.0], shifted, strict=True)]
    return factors


def _round(x: Any, digits: Any) -> Any:
    return np.rint(x) if digits == 0 else _elementwise(FUNCTIONS["round"])(x, digits)


def _tops(xs: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """As `ieee.tops`: the largest, the sum of e^(x - largest) over all others, and that for x."""
    x = np.stack(np.broadcast_arrays(*map(_floats, xs)))
    top = np.maximum.reduce(x, axis=0)
    d = x - top
    back = d - x
    lost = (x - (d - back)) - (top + back)  # TwoSum: what rounding took from d
    e = np.where(np.isfinite(d), np.exp(d) * (1.0 + lost), np.exp(d))
    first = e[0].copy()
    np.put_along_axis(e, np.argmax(x, axis=0)[None], 0.0, axis=0)
    return top, np.add.reduce(e, axis=0), first


def _softmax_of(*xs: Any) -> Any:
    top, rest, first = _tops(xs)
    return np.where(top == -np.inf, 0.0, first / (1.0 + rest))


def _log_softmax_of(*xs: Any) -> Any:
    top, rest, _ = _tops(xs)
    return (xs[0] - top) - np.log1p(rest)


def _logsumexp_of(*xs: Any) -> Any:
    top, rest, _ = _tops(xs)
    return np.where(np.isfinite(top), top + np.log1p(rest), top)


def softmax(x: Any, axis: int) -> Any:
    """The shares of e^x along an axis; all 0 where every x is -inf."""
    top = np.max(x, axis=axis, keepdims=True)
    e = np.exp(x - np.where(top == -np.inf, 0.0, top))
    return e / np.maximum(np.add.reduce(e, axis=axis, keepdims=True), np.finfo(x.dtype).tiny)


def logsumexp(x: Any, axes: tuple[int, ...], keepdims: bool = False) -> Any:
    """ln(sum e^x) over some axes, without overflow."""
    top = np.maximum.reduce(x, axis=axes, keepdims=True, initial=-np.inf)
    offset = np.where(np.isfinite(top), top, 0.0)
    total = np.add.reduce(np.exp(x - offset), axis=axes, keepdims=True)
    answer = offset + np.log(total)
    return answer if keepdims else np.squeeze(answer, axis=axes)


def log_softmax(x: Any, axis: int) -> Any:
    """ln(softmax(x)), finite where a share underflows."""
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


def _normal_pdf(x: Any) -> Any:
    """As `ieee.normal_pdf`: x^2 / 2 in two parts, for exp would multiply its rounding error."""
    head = ieee.head(x)
    tail = 0.5 * ((x - head) * (x + head))
    density = np.exp(-0.5 * (head * head)) * np.exp(-tail) * ieee.PER_R2PI
    return np.where(abs(x) < 40.0, density, np.exp(-0.5 * (x * x)) * ieee.PER_R2PI)


def _step(x: Any) -> Any:
    return np.sign(np.maximum(x, 0.0))  # nan stays nan


# fmt: off
NAMES = {
    **NUMPY,
    "abs": "abs",
    **{name: name for name in (
        "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "sin", "cos", "tan",
        "sinh", "cosh", "tanh", "hypot", "logaddexp", "sign", "floor", "minimum", "maximum",
        "where", "equal")},
}
SPECIAL: dict[str, Callable[..., Any]] = {
    "pow":         _pow,
    "positive":    lambda x: x > 0,
    "negative":    lambda x: x < 0,
    "step":        _step,
    "relu":        lambda x: np.maximum(x, 0.0),
    "round":       _round,
    "normal_pdf":  _normal_pdf,
    "softmax":     _softmax_of,
    "log_softmax": _log_softmax_of,
    "logsumexp":   _logsumexp_of,
    "power_derivative": _power_derivative,
}
SILENT = {  # NumPy has no reason to warn of
    "identity", "neg", "positive", "negative", "equal", "where", "abs", "sign", "step", "relu",
    "minimum", "maximum",
}
# relative error 2e-13 at worst
SCIPY = {"erf": "erf", "erfc": "erfc", "normal_cdf": "ndtr"}
# fmt: on


@cache
def on_arrays(fact: Function) -> Callable[..., Any]:
    """The function on arrays and plain numbers; NumPy may warn where the answer is inf or nan."""
    if fact.name in SPECIAL:
        return SPECIAL[fact.name]
    if fact.name in NAMES:
        found: Callable[..., Any] = getattr(np, NAMES[fact.name])
        return found
    if fact.name in SCIPY:
        return _from_scipy(fact) or _elementwise(fact)
    if fact.definition is None:
        return _elementwise(fact)
    ours = fact.definition.__module__ == "autograd.functions"
    return fact.definition if ours else _at_once_or_elementwise(fact)


@cache
def quietly(fact: Function) -> Callable[..., Any]:
    """`on_arrays` without NumPy's warnings."""
    return on_arrays(fact) if fact.name in SILENT else quiet(on_arrays(fact))


def _from_scipy(fact: Function) -> Callable[..., Any] | None:
    """SciPy's function, which rounds to 0 far out where the one for floats still has digits."""
    try:
        from scipy import special
    except ImportError:
        return None
    theirs, each = getattr(special, SCIPY[fact.name]), _elementwise(fact)

    def found(x: Any) -> Any:
        answer = theirs(x)
        far = answer == 0
        return np.where(far, each(x), answer).astype(answer.dtype) if far.any() else answer

    return found


def _elementwise(fact: Function) -> Callable[..., Any]:
    """The function for floats at every element, in the precision of the arrays."""

    def each(*args: Any) -> Any:
        inputs = [np.asarray(x, dtype=float) for x in args]
        answers = np.frompyfunc(lambda *xs: fact.floats(*map(float, xs)), len(args), 1)(*inputs)
        dtypes = [x.dtype for x in args if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
        return np.asarray(answers, dtype=np.result_type(*dtypes) if dtypes else float)

    return each


def _at_once_or_elementwise(fact: Function) -> Callable[..., Any]:
    """A user's function, written for floats: on whole arrays where it can be."""
    whole, each = fact.definition, _elementwise(fact)
    assert whole is not None

    def either(*args: Any) -> Any:
        try:
            answer = whole(*args)
        except (TypeError, ValueError, DeprecationWarning):  # `if x > 0`, math.exp(x)
            return each(*args)
        return answer if np.shape(answer) == np.broadcast(*args).shape else each(*args)

    return either


def compute(fact: Function, args: tuple[Any, ...]) -> Any:
    """A function of arrays and numbers; TypeError for arrays of anything but numbers."""
    for x in args:
        if isinstance(x, np.ndarray) and x.dtype.kind not in "fiubc":
            if x.dtype.kind == "O":  # of Values, say: each answers for itself
                return np.frompyfunc(fact.call, len(args), 1)(*args)
            raise TypeError(f"{fact.name} is not known for {describe(x)}")
    return quietly(fact)(*args)


ARRAYS[np.ndarray] = compute
