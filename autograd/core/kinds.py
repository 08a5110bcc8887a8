"""Kinds of number, and how each of them computes the function of a given name.

Floats are computed by `ieee`, nodes and symbols by their hook `__autograd_function__`, and numbers
of other kinds by what is handed in.
"""

from __future__ import annotations

import math
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Final

    Template = str | Callable[..., str]

LINE = (-math.inf, math.inf)


class Function:
    """A function and the facts about it, each a keyword of its definition, with its default here.

    `floats` computes it on floats, `call` on every kind of number.
    """

    # how it is written: templates with a `{}` for each argument, or functions of the arguments
    symbol: str  # in a picture
    text: Template
    latex: Template
    c: Template

    # its arguments
    arity = 1
    variadic = False  # it takes any number of them
    lists = 1  # of one length, that they are then
    takes: Sequence[str] = ()  # "number", "whole" or "truth" for each; else all are numbers
    settings = 0  # how many of the last are settings, and not arrays, of an operation on arrays
    commutative = False  # their order does not matter
    domain: Sequence[tuple[float, float]] = ()  # a closed interval for each; the whole line
    edges: Sequence[float] = ()  # numbers inside it where a slope may be infinite or a convention
    kink: Callable[..., float] | None = None  # of them, 0 where it jumps or one-sided slopes differ
    length = False  # its kink is where it is 0, and smooth functions of it may be smooth there
    analytic: bool = True

    # its result
    each = False  # a function of a list: a number for each of it
    rounding: float = 4.0  # units of 2^-53 that floats may be off: 1 correctly rounded, 0 exact
    saturates = False  # it has a flat end on either side

    # where it is had
    public = True  # a function of this package, and not an operator or a helper of a slope
    numpy = ""  # NumPy's name for it

    definition: Callable[..., Any] | None = None  # its body, where that is written in primitives

    def __init__(self, name: str, floats: Callable[..., float], **facts: Any) -> None:
        self.name: Final = name
        self.floats: Final = floats
        self.call: Callable[..., Any] = floats
        for fact, x in facts.items():
            if fact not in Function.__annotations__ and not hasattr(Function, fact):
                raise TypeError(f"{name}: {fact} is not a fact about a function")
            setattr(self, fact, x)
        self.symbol = facts.get("symbol") or name
        self.text = facts.get("text") or _call(self.symbol)
        escaped = name.replace("_", r"\_")
        self.latex = facts.get("latex") or _call(rf"\operatorname{{{escaped}}}")
        self.c = facts.get("c") or _call(f"vg_{name}")
        self.domain = tuple(self.domain) or (LINE,) * self.arity
        self.edges = tuple(self.edges)
        self.analytic = self.analytic and self.kink is None


def _call(name: str) -> Callable[..., str]:
    return lambda *args: f"{name}({', '.join(args)})"


FUNCTIONS: dict[str, Function] = {}

# What computes a function on the arrays of a type: they enter themselves when they are loaded.
ARRAYS: dict[type, Callable[[Function, tuple[Any, ...]], Any]] = {}

# What the core has done elsewhere: the package hands it in, and loads each when it is first called.
#   arrays(fact, args)                  a function on arrays of a type that is not in ARRAYS
#   over_axes(name, x, **settings)      a function of a list, over axes of an array
#   each(function, args)                a function at every element of arrays of Values
#   ufunc(*call), function(*call)       NumPy's functions of Values; numpy(name, *xs): by name
#   others(fact, args, x)               a function of complex or mpmath numbers, of which x is one
#   special(name, *xs); label(x)        a special function of floats; what is wrong with a label
#   within(mode, function)              a function whose body runs in a mode
#   check_result(node), check_shares(node, g, shares)   FloatingPointError if one is not finite
#   note(name, x, y, outcome)           the outcome of a comparison, which it keeps a note of
#   advice(x)                           what to do with x, which is not a real number
#   mixed(operation, inputs)            an operation on Values and Tensors, where they may meet
#   bend(node, g, shares)               shares of a length that have a slope where it is 0
#   place(error, row, inputs, node)     a note on an error of a rule, which says where it came
HANDED_IN: dict[str, Callable[..., Any]] = {}


def is_number(x: object) -> bool:
    """Return whether `x` is a real number: an int, float, bool, Fraction or a real NumPy scalar."""
    if isinstance(x, (float, int)):
        return True
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(x, numpy.generic):
        return x.dtype.kind in "biuf"
    from numbers import Real  # 1 ms, and most programs never meet a Fraction

    return isinstance(x, Real)


def interpret(fact: Function, args: tuple[Any, ...]) -> Any:
    """The function on arguments that are not all floats, as their kind computes it."""
    if len(args) == 1 and type(args[0]) in ARRAYS:  # the way of most arrays
        return ARRAYS[type(args[0])](fact, args)
    for x in args:
        hook = getattr(type(x), "__autograd_function__", None)
        if hook is not None:
            return hook(fact.name, args)
    for x in args:
        if type(x) in ARRAYS:
            return ARRAYS[type(x)](fact, args)
    for x in args:
        if isinstance(x, complex) or hasattr(x, "context"):  # mpmath's have one
            return HANDED_IN["others"](fact, args, x)
    if any(hasattr(x, "shape") and not is_number(x) for x in args):
        return HANDED_IN["arrays"](fact, args)
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
