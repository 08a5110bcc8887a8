"""Kinds of number, and how each of them computes the function of a given name.

Floats are computed by `ieee`. A node or a symbol answers for itself, through the hook
`__autograd_function__`. For complex numbers, mpmath numbers and NumPy arrays the tables here say
which library's function is meant.
"""

from __future__ import annotations

import cmath
import math
import operator
import sys
from functools import partial

from . import ieee

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

LINE = (-math.inf, math.inf)


class Function:
    """What is known about a function, beside what it computes.

    `floats` computes it on floats. `text`, `latex` and `c` are templates with a `{}` for each
    argument (or functions of the arguments). `domain` has a closed interval for each argument;
    `edges` are numbers inside it at which an argument may find a slope that is infinite or a
    convention. `kink` maps the arguments to a number that is 0 exactly where the function jumps
    or its one-sided slopes differ.
    """

    __slots__ = (
        "analytic", "arity", "c", "call", "definition", "domain", "edges", "floats", "kink",
        "latex", "name", "symbol", "text", "variadic",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        floats: Callable[..., float],
        *,
        arity: int = 1,
        symbol: str = "",
        text: Any = None,
        latex: Any = None,
        c: Any = None,
        domain: Sequence[tuple[float, float]] = (),
        edges: Sequence[float] = (),
        kink: Callable[..., float] | None = None,
        analytic: bool = True,
        variadic: bool = False,
        definition: Callable[..., Any] | None = None,
    ) -> None:
        self.name = name
        self.floats = floats
        self.arity = arity
        self.symbol = symbol or name
        self.text = text or _call(self.symbol)
        self.latex = latex or _call(rf"\operatorname{{{name.replace('_', chr(92) + '_')}}}")
        self.c = c or _call(f"vg_{name}")
        self.domain = tuple(domain) or (LINE,) * arity
        self.edges = tuple(edges)
        self.kink = kink
        self.analytic = analytic and kink is None
        self.variadic = variadic
        self.definition = definition
        self.call: Callable[..., Any] = floats


def _call(name: str) -> Callable[..., str]:
    return lambda *args: f"{name}({', '.join(args)})"


FUNCTIONS: dict[str, Function] = {}

# What computes a function on arrays, and what a method of Tensors on one, by the type of the array.
# The package hands in what is for any type (`object`). It is loaded with the first array, for it
# imports NumPy, and then enters the types that it knows.
ARRAYS: dict[type, Callable[[Function, tuple[Any, ...]], Any]] = {}
ARRAY_METHODS: dict[type, Callable[..., Any]] = {}


def is_number(x: object) -> bool:
    """Whether `x` is a real number: an int, float, bool, Fraction or a real NumPy scalar."""
    if isinstance(x, (float, int)):
        return True
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(x, numpy.generic):
        return x.dtype.kind in "biuf"
    from numbers import Real  # 1 ms, and most programs never meet a Fraction

    return isinstance(x, Real)


def interpret(fact: Function, args: tuple[Any, ...]) -> Any:
    """The function on arguments that are not all floats: each kind answers in its own way."""
    if len(args) == 1 and type(args[0]) in ARRAYS:  # an array, to be asked without further ado
        return ARRAYS[type(args[0])](fact, args)
    for x in args:
        hook = getattr(type(x), "__autograd_function__", None)
        if hook is not None:
            return hook(fact.name, args)
    for x in args:
        if type(x) in ARRAYS:
            return ARRAYS[type(x)](fact, args)
    for x in args:
        if hasattr(x, "context"):  # mpmath
            return _by_name(fact, args, partial(_mpmath_function, x.context), x)
        if isinstance(x, complex):
            return _by_name(fact, args, COMPLEX.__getitem__, x)
    if any(hasattr(x, "shape") and not is_number(x) for x in args):
        return ARRAYS[object](fact, args)
    for x in args:
        if not is_number(x):
            raise TypeError(f"{fact.name} takes a number, a Value or an array, not {describe(x)}")
    try:
        return fact.floats(*map(float, args))
    except OverflowError:
        raise ValueError(TOO_LARGE) from None


TOO_LARGE = "this integer is beyond the largest float, about 1.8e308: scale it first"


def describe(x: object) -> str:
    """`x` and its type in a few words, for a message."""
    import reprlib  # repr() itself ends the process where a list is nested deep enough

    short = reprlib.Repr()
    short.maxtuple = short.maxlist = short.maxdict = short.maxset = 20
    short.maxstring = short.maxother = short.maxlong = 80
    text = short.repr(x)
    return f"{text if len(text) <= 40 else text[:37] + '...'} ({type(x).__name__})"


def _by_name(
    fact: Function, args: tuple[Any, ...], find: Callable[[str], Any], culprit: object
) -> Any:
    try:
        function = fact.definition or find(fact.name)
        return function(*args)
    except (KeyError, AttributeError, TypeError) as error:
        raise TypeError(f"{fact.name} is not known for {describe(culprit)}") from error


def _f(name: str) -> Callable[..., Any]:
    return FUNCTIONS[name].call


def _complex_pow(x: complex, y: complex) -> complex:
    return cmath.exp(y * cmath.log(x)) if x != 0 else 0j**y


def _power_derivative(power: Any, log: Any, x: Any, y: Any, n: float, m: float) -> Any:
    terms = ieee.power_terms(y, n, m)
    if not terms:
        return 0.0 * x
    return power(x, y - n) * sum(c * log(x) ** p if p else c for c, p in terms)


# What Python's own operators answer for any kind that has no library of its own.
GENERIC: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in ("add", "sub", "mul", "neg", "floordiv", "mod")},
    "identity": lambda x: x,
    "div": operator.truediv,
    "pow": operator.pow,
    "abs": abs,
    "positive": lambda x: x.real > 0,
    "negative": lambda x: x.real < 0,
    "equal": operator.eq,
    "where": lambda c, x, y: x if c else y,
    "sign": lambda x: x * 0 + ieee.sign(float(x)),
    "step": lambda x: x * 0 + ieee.step(float(x)),
    "maximum": lambda x, y: x if x > y else y,
    "minimum": lambda x, y: x if x < y else y,
    "sum": lambda *xs: sum(xs),
    "mean": lambda *xs: sum(xs) / len(xs),
    "dot": lambda *xs: sum(map(operator.mul, xs[: len(xs) // 2], xs[len(xs) // 2 :])),
    "logsumexp": lambda *xs: _f("log")(sum(map(_f("exp"), xs))),
    "softmax": lambda *xs: _f("exp")(xs[0]) / sum(map(_f("exp"), xs)),
    "log_softmax": lambda *xs: xs[0] - _f("log")(sum(map(_f("exp"), xs))),
}

CMATH = ("exp", "log", "log10", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan",
         "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")  # fmt: skip
COMPLEX: dict[str, Callable[..., Any]] = {
    **GENERIC,
    **{name: getattr(cmath, name) for name in CMATH},
    "pow": _complex_pow,
    "power_derivative": partial(_power_derivative, _complex_pow, cmath.log),
    "expm1": lambda z: complex(
        math.expm1(z.real) * math.cos(z.imag) - 2 * math.sin(z.imag / 2) ** 2,
        math.exp(z.real) * math.sin(z.imag),
    ),
    "log1p": lambda z: complex(
        0.5 * math.log1p(z.real * (2 + z.real) + z.imag**2), math.atan2(z.imag, 1 + z.real)
    ),
    "log2": lambda z: cmath.log(z) / math.log(2),
    "cbrt": lambda z: cmath.exp(cmath.log(z) / 3) if z.real > 0 else -cmath.exp(cmath.log(-z) / 3),
    "normal_pdf": lambda z: cmath.exp(-0.5 * z * z) * ieee.PER_R2PI,
    "hypot": lambda z, w: cmath.sqrt(z * z + w * w),
    "atan2": lambda w, z: (
        cmath.atan(w / z) + (z.real < 0) * math.copysign(math.pi, w.real)
        if abs(z) >= abs(w)
        else math.copysign(math.pi / 2, w.real) - cmath.atan(z / w)
    ),
}


def _mpmath_function(mp: Any, name: str) -> Callable[..., Any]:
    """mpmath's function of that name; `mp` is the context a number belongs to."""
    special = {
        "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
        "log2": lambda x: mp.log(x, 2),
        "normal_cdf": mp.ncdf,
        "normal_pdf": mp.npdf,
        "power_derivative": partial(_power_derivative, operator.pow, mp.ln),
        "floor": mp.floor,
        "floordiv": lambda x, y: mp.floor(x / y),
        "round": lambda x, digits: mp.nint(x * mp.mpf(10) ** digits) / mp.mpf(10) ** digits,
    }
    return special.get(name) or GENERIC.get(name) or getattr(mp, name)


NUMPY = {
    "add": "add", "sub": "subtract", "mul": "multiply", "div": "true_divide", "neg": "negative",
    "floordiv": "floor_divide", "mod": "remainder", "pow": "float_power", "identity": "positive",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2",
    "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
}  # fmt: skip
