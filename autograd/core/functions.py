"""The functions: what each computes, and what is known about it.

Throughout, a *kind* is a kind of number: float, array, node, complex, mpmath number, symbol. A
function takes any kind and returns the same kind. On floats it follows IEEE 754: `log(0)` is
-inf, `log(-1)` is nan, `exp(1000)` is inf; nothing raises, nothing turns complex, and nothing
turns a nan into a number.

A *primitive* is a function that a library computes (C's, NumPy, cmath, mpmath). A
*definition* is written here, once, in primitives, so that it runs on every kind. Facts about a
function (its symbol, its domain, where it has a kink, whether it is analytic) stand beside it.
Derivatives are elsewhere: in `rules`.
"""

from __future__ import annotations

import builtins
import math
import operator
from functools import partial
from math import inf, nan

from . import ieee
from .kinds import FUNCTIONS as FUNCTIONS
from .kinds import HANDED_IN, Function, describe, interpret
from .twin import engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final, TypeVar

    from ..support.operators import Definition, OfOne, OfTwo

    F = TypeVar("F", bound=Callable[..., Any])


def primitive(
    name: str, floats: Callable[..., float], body: Any = None, **facts: Any
) -> Callable[..., Any]:
    """A function computed by `floats` on floats, and by a library's of that name on other kinds."""
    fact = FUNCTIONS[name] = Function(name, floats, **facts)

    def of_one(x: Any) -> Any:
        return floats(x) if x.__class__ is float else interpret(fact, (x,))

    def of_several(*args: Any) -> Any:
        for x in args:
            if x.__class__ is not float:
                return interpret(fact, args)
        return floats(*args)

    call: Any = of_one if fact.arity == 1 else of_several
    call.__name__ = call.__qualname__ = name
    call.__doc__ = body.__doc__ if body else f"The function {name}, on every kind of number."
    if body is not None:
        call.__wrapped__ = body  # the signature in help()
    fact.call = in_c("row")(call)
    return fact.call


hidden: Final = partial(primitive, public=False)  # an operator, or a helper of slopes


def in_c(way: str) -> Callable[[F], F]:
    """Compute a function in C where it was built; `way` says how C reads the arguments."""
    return lambda f: f if engine is None else engine.operation(f.__name__, f, way)


def define(**facts: Any) -> Definition:
    """A function that is written here, in primitives, and so runs on every kind."""

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        name = body.__name__.strip("_")
        arity = body.__code__.co_argcount
        return primitive(name, body, body, arity=arity, definition=body, **facts)

    return decorate


# ---- constants -----------------------------------------------------------------------------------


class Constant(float):
    """A number that is a float among floats, has 50 digits among mpmath's, and a name in a formula.

    It stands on the left of a product, where Python asks it first.
    """

    exact: Callable[[Any], Any]
    text: str
    latex: str

    def __new__(cls, value: float, exact: Callable[[Any], Any], text: str, latex: str) -> Constant:
        self = super().__new__(cls, value)
        self.exact, self.text, self.latex = exact, text, latex
        return self

    def __mul__(self, other: Any) -> Any:
        if hasattr(other, "context"):  # an mpmath number
            return self.exact(other.context) * other
        return float.__mul__(self, other)


# fmt: off
PER_LN2     = Constant(1 / math.log(2),            lambda mp: 1 / mp.ln(2),           "1/ln 2",  r"\tfrac{1}{\ln 2}")
PER_LN10    = Constant(1 / math.log(10),           lambda mp: 1 / mp.ln(10),          "1/ln 10", r"\tfrac{1}{\ln 10}")
TWO_PER_RPI = Constant(2 / math.sqrt(math.pi),     lambda mp: 2 / mp.sqrt(mp.pi),     "2/√π",    r"\tfrac{2}{\sqrt{\pi}}")
RPI_BY_2    = Constant(math.sqrt(math.pi) / 2,     lambda mp: mp.sqrt(mp.pi) / 2,     "√π/2",    r"\tfrac{\sqrt{\pi}}{2}")
# fmt: on


# ---- primitives ----------------------------------------------------------------------------------

LINE, POSITIVE, UNIT = (-inf, inf), (0.0, inf), (-1.0, 1.0)


def _elementary(name: str, latex: str = "", **facts: Any) -> Callable[..., Any]:
    """A function of C's math.h with one argument."""
    poles, odd = facts.pop("poles", None), facts.pop("odd", False)
    floats = ieee.ieee(getattr(math, name), poles, odd)
    latex = latex or rf"\{name}({{}})"
    return primitive(name, floats, latex=latex, c=f"{name}({{}})", **facts)


def _special(name: str, **facts: Any) -> Callable[..., Any]:
    return primitive(name, lambda *xs: HANDED_IN["special"](name, *xs), **facts)


# fmt: off
identity: Final = hidden("identity", lambda x: x, rounding=0, text="{}", latex="{}", c="{}", numpy="positive")
add:      Final = hidden("add",      operator.add,  arity=2, symbol="+",  rounding=1, commutative=True, numpy="add")
sub:      Final = hidden("sub",      operator.sub,  arity=2, symbol="-",  rounding=1, numpy="subtract")
mul:      Final = hidden("mul",      operator.mul,  arity=2, symbol="*",  rounding=1, commutative=True, numpy="multiply")
div:      Final = hidden("div",      ieee.div,      arity=2, symbol="/",  rounding=1, numpy="true_divide", edges=(0.0,))
neg:      Final = hidden("neg",      operator.neg,           symbol="-",  rounding=0, numpy="negative")
floordiv: Final = hidden("floordiv", ieee.floordiv, arity=2, symbol="//", numpy="floor_divide", kink=ieee.past_multiple, text="{:a} // {:a}", latex=r"\lfloor {:a} / {:a} \rfloor")
mod:      Final = hidden("mod",      ieee.mod,      arity=2, symbol="%",  numpy="remainder",    kink=ieee.past_multiple, text="{:a} % {:a}",  latex=r"{:a} \bmod {:a}")
pow:      Final = hidden("pow",      ieee.pow_,     arity=2, symbol="**", numpy="float_power",  c="pow({}, {})", edges=(0.0,), domain=(POSITIVE, LINE))

exp:      OfOne = _elementary("exp",   "e^{{{}}}",      numpy="exp")
expm1:    OfOne = _elementary("expm1", "e^{{{}}} - 1",  numpy="expm1")
log:      OfOne = _elementary("log",   r"\ln({})",      numpy="log",   domain=[POSITIVE], poles={0.0: -inf})
log1p:    OfOne = _elementary("log1p", r"\ln(1 + {})",  numpy="log1p", domain=[(-1.0, inf)], poles={-1.0: -inf})
log2:     OfOne = _elementary("log2",  r"\log_2({})",   numpy="log2",  domain=[POSITIVE], poles={0.0: -inf})
log10:    OfOne = _elementary("log10", r"\log_{{10}}({})", numpy="log10", domain=[POSITIVE], poles={0.0: -inf})
sqrt:     OfOne = _elementary("sqrt",  r"\sqrt{{{}}}",  numpy="sqrt",  domain=[POSITIVE], rounding=1)
cbrt:     OfOne = primitive("cbrt", ieee.cbrt,          numpy="cbrt", latex=r"\sqrt[3]{{{}}}", edges=(0.0,))
sin:      OfOne = _elementary("sin",                    numpy="sin")
cos:      OfOne = _elementary("cos",                    numpy="cos")
tan:      OfOne = _elementary("tan",                    numpy="tan")
asin:     OfOne = _elementary("asin",  r"\arcsin({})",  numpy="arcsin", domain=[UNIT])
acos:     OfOne = _elementary("acos",  r"\arccos({})",  numpy="arccos", domain=[UNIT])
atan:     OfOne = _elementary("atan",  r"\arctan({})",  numpy="arctan", saturates=True)
sinh:     OfOne = _elementary("sinh",                   numpy="sinh", odd=True)
cosh:     OfOne = _elementary("cosh",                   numpy="cosh")
tanh:     OfOne = _elementary("tanh",                   numpy="tanh", saturates=True)
asinh:    OfOne = _elementary("asinh", r"\operatorname{{asinh}}({})", numpy="arcsinh")
acosh:    OfOne = _elementary("acosh", r"\operatorname{{acosh}}({})", numpy="arccosh", domain=[(1.0, inf)])
atanh:    OfOne = _elementary("atanh", r"\operatorname{{atanh}}({})", numpy="arctanh", domain=[UNIT], poles={1.0: inf, -1.0: -inf})
erf:      OfOne = _elementary("erf",   r"\operatorname{{erf}}({})", saturates=True)
erfc:     OfOne = _elementary("erfc",  r"\operatorname{{erfc}}({})", saturates=True)
erfinv:   OfOne = _special("erfinv",  latex=r"\operatorname{{erf}}^{{-1}}({})", domain=[UNIT])
gammaln:  OfOne = _special("gammaln", latex=r"\ln|\Gamma({})|", text="ln|Γ({})|", edges=(0.0,))
digamma:  OfOne = _special("digamma", latex=r"\psi({})", symbol="ψ", edges=(0.0,))
polygamma_of: Final = _special("polygamma", arity=2, settings=1, takes=("number", "whole"), edges=(0.0,), text="polygamma({1}, {0})", latex=r"\psi^{{({1})}}({0})")
atan2:    OfTwo = primitive("atan2", math.atan2, arity=2, numpy="arctan2", edges=(0.0,), c="atan2({}, {})")
hypot:    OfTwo = primitive("hypot", ieee.hypot, arity=2, numpy="hypot", commutative=True, edges=(0.0,), length=True, c="hypot({}, {})", latex=r"\sqrt{{{0:a}^2 + {1:a}^2}}")

abs:      OfOne = primitive("abs",   builtins.abs, rounding=0, numpy="abs",   kink=lambda x: x, length=True, text="|{}|", latex="|{}|", c="fabs({})")
sign:     OfOne = primitive("sign",  ieee.sign,    rounding=0, numpy="sign",  kink=lambda x: x)
step:     OfOne = primitive("step",  ieee.step,    rounding=0,                kink=lambda x: x)
floor:    OfOne = primitive("floor", ieee.floor,   rounding=0, numpy="floor", kink=lambda x: ieee.past_multiple(x, 1.0), text="⌊{}⌋", latex=r"\lfloor {} \rfloor", c="floor({})")
minimum:  OfTwo = primitive("minimum", ieee.minimum, arity=2, rounding=0, numpy="minimum", commutative=True, kink=operator.sub, text="min({}, {})", latex=r"\min({}, {})")
maximum:  OfTwo = primitive("maximum", ieee.maximum, arity=2, rounding=0, numpy="maximum", commutative=True, kink=operator.sub, text="max({}, {})", latex=r"\max({}, {})")

_positive  = hidden("positive",  lambda x: x > 0, c="({} > 0)")
_negative  = hidden("negative",  lambda x: x < 0, c="({} < 0)")
# fmt: on


MISSED = """

    NumPy by itself (`np.max`, `np.clip`, `np.sort` of an array of Values) passes over a nan, and
    gives the gradient of a tie to one. This function takes such arrays and does neither.
"""
abs.__doc__ = "The size of x; its slope at 0 is 0."
hypot.__doc__ = "The length of (x, y), without overflow; its slopes at (0, 0) are 0."
maximum.__doc__ = "The larger of x and y, nan if either is; one half each at a tie." + MISSED
minimum.__doc__ = "The smaller of x and y, nan if either is; one half each at a tie." + MISSED


@in_c("where")
def where(condition: Any, x: Any, y: Any) -> Any:
    """`x` where the condition holds, else `y`; the gradient follows the branch taken only."""
    if condition.__class__ is bool and x.__class__ is float and y.__class__ is float:
        return x if condition else y
    if is_node_like(condition):
        condition = condition != 0
    return _where(condition, x, y)


def _choose(condition: Any, x: Any, y: Any) -> Any:
    """`where` inside a definition: an element at a time when the condition is an array."""
    if condition.__class__ is bool:
        return x if condition else y
    return _where(condition, x, y)


def is_node_like(x: object) -> bool:
    """Return whether `x` is a node or a symbol, which computes functions by its own hook."""
    return hasattr(type(x), "__autograd_function__")


def only_if(condition: Any, x: Any) -> Any:
    """`x` where the condition holds; elsewhere None: no path, not even a zero."""
    if condition.__class__ is float or condition.__class__ is bool:
        return x if condition else None
    return _where(condition, x, 0.0)


def unless(condition: Any, x: Any) -> Any:
    """`x` where the condition fails; elsewhere None."""
    if condition.__class__ is float or condition.__class__ is bool:
        return None if condition else x
    return _where(condition, 0.0, x)


_where = primitive(
    "where", lambda c, x, y: x if c else y, arity=3, takes=("truth", "number", "number"),
    text="({1} if {0} else {2})", c="({0} ? {1} : {2})", numpy="where", rounding=0, analytic=False,
    latex=r"\begin{{cases}} {1} & {0} \\ {2} & \text{{else}} \end{{cases}}",
)  # fmt: skip


def round(x: Any, digits: int = 0) -> Any:
    """`x` rounded to `digits` decimals, halves to even, as Python rounds; flat, so gradient 0."""
    return _rounded(x, float(operator.index(digits)))


_rounded = primitive(
    "round", ieee.round_, arity=2, settings=1, rounding=1, takes=("number", "whole"),
    kink=lambda x, digits: ieee.past_multiple(x * 10**digits - 0.5, 1.0),
    text=lambda x, digits: f"round({x})" if digits == "0" else f"round({x}, {digits})",
)  # fmt: skip


def polygamma(n: int, x: Any) -> Any:
    """The n-th derivative of `digamma`, n = 0, 1, ..., 170; at 0 that on its side, nan at a pole."""
    return polygamma_of(x, HANDED_IN["special"]("order", n))


def _power_formula(x: Any, y: Any, n: str, m: str, latex: bool) -> str:
    """A derivative of x ** y in the usual letters; a number for y is worked out."""
    if "0" not in (n, m) or not (n + m).isdigit():
        name = r"\operatorname{power\_derivative}" if latex else "power_derivative"
        return f"{name}({x}, {y}, {n}, {m})"
    orders, ln = int(n), r"\ln " if latex else "ln "
    try:
        number = float(y)
    except ValueError:
        factors = [f"{y:a}", *(f"({y} - {i})" for i in range(1, orders))] if orders else []
        power = f"{y} - {n}" if orders else f"{y}"
    else:
        factor = math.prod(number - i for i in range(orders))
        if factor == 0:
            return "0"
        factors = [f"{factor:g}"] if factor != 1 else []
        power = f"{number - orders:g}"
    if power != "0":
        raised = f"^{{{power}}}" if latex else f"^{power}" if power.isalnum() else f"^({power})"
        factors.append(f"{x:a}{raised if power != '1' else ''}")
    if m != "0":
        factors.append(f"{ln}{x:a}" if m == "1" else f"({ln}{x:a})^{m}")
    return " ".join(factors) or "1"


# The n-th derivative with respect to x of the m-th with respect to y of x ** y: the whole family in
# one function, so that no order of derivative meets 0 * inf where the slope is exactly 0.
power_derivative: Final = hidden(
    "power_derivative",
    ieee.power_derivative,
    arity=4,
    settings=2,
    domain=(POSITIVE, LINE, POSITIVE, POSITIVE),
    edges=(0.0,),
    text=partial(_power_formula, latex=False),
    latex=partial(_power_formula, latex=True),
)


# ---- definitions ---------------------------------------------------------------------------------


def _magnitude(x: Any) -> Any:
    """|x|, continued analytically: on complex numbers it looks at the real part alone."""
    return _choose(_positive(x), x, -x)


@define(public=False, text="sech²({})", latex=r"\operatorname{{sech}}^2({})")
def sech2(x: Any) -> Any:
    """The slope of tanh, 1 / cosh(x)^2, with all its digits in the tails.

    1 - tanh(x)^2 has lost three quarters of its value at 19 and everything from 20 on.
    """
    t = exp(-2.0 * _magnitude(x))
    return 4.0 * t / ((1.0 + t) * (1.0 + t))


@define(symbol="σ", saturates=True, latex=r"\sigma({})")
def sigmoid(x: Any) -> Any:
    """The logistic function 1 / (1 + e^-x), without overflow on either side."""
    t = exp(-_magnitude(x))
    return _choose(_positive(x), 1.0, t) / (1.0 + t)


@define()
def softplus(x: Any) -> Any:
    """ln(1 + e^x), without overflow and without a threshold."""
    return _choose(_positive(x), x, 0.0) + log1p(exp(-_magnitude(x)))


@define(domain=[(0.0, 1.0)])
def logit(x: Any) -> Any:
    """ln(x / (1 - x)), the inverse of `sigmoid`: -inf at 0, inf at 1, nan outside."""
    return _choose(_positive(x - 0.25), 2.0 * atanh(2.0 * x - 1.0), log(div(x, 1.0 - x)))


@define(text="ln(1 - e^{:a})", latex=r"\ln(1 - e^{{{}}})", domain=[(-inf, 0.0)])
def log1mexp(x: Any) -> Any:
    """ln(1 - e^x) for x <= 0, with all its digits: -inf at 0, nan above.

    The log of 1 - p from the log x of a probability p. The sign is that of Stan's log1m_exp; JAX's
    log1mexp(x) is log1mexp(-x) here. Each formula is used where it loses nothing, as in Maechler
    (2012), "Accurately Computing log(1 - exp(-|a|))".
    """
    return _choose(_positive(x + math.log(2.0)), log(-expm1(x)), log1p(-exp(x)))


@define()
def logsigmoid(x: Any) -> Any:
    """ln(sigmoid(x)), finite where sigmoid(x) underflows."""
    return -softplus(-x)


@define()
def silu(x: Any) -> Any:
    """x * sigmoid(x), also called swish (Hendrycks and Gimpel 2016)."""
    return x * sigmoid(x)


@define(kink=lambda x: x, rounding=0)
def relu(x: Any) -> Any:
    """The positive part of x; its slope at 0 is 0."""
    return maximum(x, 0.0)


@define(kink=lambda x, slope: x if slope != 1 else 1.0, rounding=1)
def _leaky_relu(x: Any, slope: Any) -> Any:
    return _choose(_positive(x), x, slope * x)


def leaky_relu(x: Any, slope: Any = 0.01) -> Any:
    """x where it is positive, slope * x elsewhere; its slope at 0 is `slope`."""
    return _leaky_relu(x, slope)


@define(kink=lambda x, alpha: x if alpha != 1 else 1.0)
def _elu(x: Any, alpha: Any) -> Any:
    return _choose(_positive(x), x, alpha * expm1(x))


def elu(x: Any, alpha: Any = 1.0) -> Any:
    """x where it is positive, alpha * (e^x - 1) elsewhere (Clevert et al. 2015)."""
    return _elu(x, alpha)


# The standard normal distribution: its density e^(-x^2 / 2) / sqrt(2 pi), and its share below x.
normal_pdf: Final = hidden("normal_pdf", ieee.normal_pdf, text="φ({})", latex=r"\varphi({})")
normal_cdf: Final = hidden("normal_cdf", ieee.normal_cdf, text="Φ({})", latex=r"\Phi({})")


@define()
def gelu(x: Any) -> Any:
    """x times the normal distribution's share below x (Hendrycks and Gimpel 2016, exact form)."""
    return x * normal_cdf(x)


@define(commutative=True, numpy="logaddexp")
def logaddexp(x: Any, y: Any) -> Any:
    """ln(e^x + e^y), without overflow."""
    gap = _gap(x, y)
    return _choose(_positive(gap), x, y) + log1p(exp(-_magnitude(gap)))


_equal = hidden(
    "equal", lambda x, y: x == y, arity=2, numpy="equal", c="({} == {})", text="{} = {}"
)


def _gap(x: Any, y: Any) -> Any:
    """x - y, and 0 between two infinities of one sign."""
    return _choose(_equal(x, y), 0.0, x - y)


@define(public=False, text="1/{:a}", latex=r"\tfrac{{1}}{{{}}}", domain=[POSITIVE])
def inverse_where_positive(x: Any) -> Any:
    """1 / x for x >= 0 (inf at either zero), nan below: the slope of log, which ends at 0."""
    return _choose(_negative(x), nan, div(1.0, x + 0.0))  # -0.0 + 0.0 is 0.0


@define(public=False, text="{:a}/{:a}", latex=r"\tfrac{{{}}}{{{}}}", edges=(0.0,))
def ratio(x: Any, y: Any) -> Any:
    """x / y, and 0 where y is 0: the direction of a vector, and of the vector of length 0."""
    return _choose(_equal(y, 0.0), 0.0 * x, div(x, y))


@define(public=False, text="[{} > {}]", latex="[{} > {}]", kink=operator.sub, rounding=0)
def share_of_larger(x: Any, y: Any) -> Any:
    """1 where x > y, a half at a tie, 0 where x < y, nan where either is nan."""
    return _choose(_equal(x, y), 0.5, step(_gap(x, y)))


@define(kink=lambda x, low, high: min(x - low, high - x), rounding=0)
def clip(x: Any, low: Any, high: Any) -> Any:
    """x, but no less than `low` and no more than `high`; flat at the bounds and beyond them."""
    return minimum(maximum(x, low), high)


@define(
    public=False,
    rounding=0,
    kink=lambda x, low, high: min(x - low, high - x),
    text="[{1} < {0} < {2}]",
)
def inside(x: Any, low: Any, high: Any) -> Any:
    """1 where low < x < high, 0 at the bounds and beyond, nan where x is nan."""
    return step(_gap(x, low)) * step(_gap(high, x))


# What a program's own comparisons are while a replay is recorded.


@define(public=False, symbol="<", text="[{} < {}]", latex="[{} < {}]", c="({} < {} ? 1.0 : 0.0)", kink=operator.sub)  # fmt: skip
def less(x: Any, y: Any) -> Any:
    """1 where x < y, 0 elsewhere, and where either is nan."""
    return _choose(_negative(_gap(x, y)), 1.0, 0.0)


@define(public=False, symbol="≤", text="[{} ≤ {}]", latex=r"[{} \le {}]", c="({} <= {} ? 1.0 : 0.0)", kink=operator.sub)  # fmt: skip
def less_equal(x: Any, y: Any) -> Any:
    """1 where x <= y, 0 elsewhere, and where either is nan."""
    return _choose(_equal(x, y), 1.0, less(x, y))


# ---- functions of a list -------------------------------------------------------------------------


def _variadic(name: str, floats: Callable[..., float], **facts: Any) -> Callable[..., Any]:
    return primitive(name, floats, arity=0, variadic=True, **facts)


def _dot_text(*xys: str) -> str:
    half = len(xys) // 2
    return f"dot([{', '.join(xys[:half])}], [{', '.join(xys[half:])}])"


# fmt: off
sum_of:         Final = _variadic("sum",         ieee.sum_, rounding=1, commutative=True)
mean_of:        Final = _variadic("mean",        ieee.mean, rounding=2, commutative=True)
dot_of:         Final = _variadic("dot",         ieee.dot,  lists=2, text=_dot_text)
logsumexp_of:   Final = _variadic("logsumexp",   ieee.logsumexp, commutative=True)
softmax_of:     Final = _variadic("softmax",     ieee.softmax,     each=True)
log_softmax_of: Final = _variadic("log_softmax", ieee.log_softmax, each=True)
# fmt: on


def _items(name: str, xs: Iterable[Any]) -> list[Any]:
    try:
        items = list(xs)
    except TypeError:
        raise TypeError(f"{name} takes a list of numbers, not {describe(xs)}") from None
    if not items and name not in ("sum", "dot"):
        raise ValueError(f"{name} of an empty list has no value")
    return items


def _has_axes(x: Any) -> bool:
    """Return whether x is a Tensor or an array, of numbers or of Values, and not a list."""
    return getattr(x, "ndim", 0) > 0


def _takes_axes(name: str, xs: Any, axis: Any) -> bool:
    """Return whether xs is an array; TypeError, with what to do, if `axis` is not an axis of it."""
    of_array = _has_axes(xs)
    if axis is not None and not _is_axis(axis, of_array):
        known = "an axis is an int" if of_array else "the axis of a list is None, 0 or -1"
        start = "; Python's sum(xs, start) is sum(xs) + start, as in sum(xs) + b"
        raise TypeError(f"{name}: {known}, not {describe(axis)}{start if name == 'sum' else ''}")
    return of_array


def _is_axis(axis: Any, of_array: bool) -> bool:
    try:
        return not isinstance(axis, bool) and (operator.index(axis) in (0, -1) or of_array)
    except TypeError:
        return of_array and isinstance(axis, (tuple, list))


def _over_axes(name: str, x: Any, **settings: Any) -> Any:
    """A function of a list on an array or a Tensor, as a Tensor's method has it."""
    if is_node_like(x):
        return getattr(x, name)(**settings)
    return HANDED_IN["over_axes"](name, x, **settings)


def _reduced(name: str, xs: Iterable[Any], axis: Any, keepdims: bool) -> Any:
    """One number for a list, which is in a list of its own with `keepdims`."""
    if _takes_axes(name, xs, axis):
        return _over_axes(name, xs, axis=axis, keepdims=keepdims)
    answer = FUNCTIONS[name].call(*_items(name, xs))
    return [answer] if keepdims else answer


def _each(name: str, xs: Iterable[Any], axis: Any) -> Any:
    """A number for each of a list, from a row whose first input it is."""
    if _takes_axes(name, xs, axis):
        return _over_axes(name, xs, axis=axis)
    items, row = _items(name, xs), FUNCTIONS[name].call
    return [row(x, *items[:i], *items[i + 1 :]) for i, x in enumerate(items)]


@in_c("list")
def sum(xs: Iterable[Any], axis: Any = None, keepdims: bool = False) -> Any:
    """The sum of a list, correctly rounded, as one operation; of an array over `axis`.

    Python's `sum(xs, start)` is `sum(xs) + start`.
    """
    return _reduced("sum", xs, axis, keepdims)


@in_c("list")
def mean(xs: Iterable[Any], axis: Any = None, keepdims: bool = False) -> Any:
    """The mean of a list that is not empty; of an array over `axis`."""
    return _reduced("mean", xs, axis, keepdims)


@in_c("lists")
def dot(xs: Iterable[Any], ys: Iterable[Any]) -> Any:
    """The sum of the products of two lists of one length, as one operation; x @ y of arrays."""
    both: tuple[Any, Any] = (xs, ys)
    if any(_has_axes(x) and (x.ndim > 1 or x.dtype != object) for x in both):
        return HANDED_IN["matmul"](xs, ys)
    left, right = _items("dot", xs), _items("dot", ys)
    if len(left) != len(right):
        raise ValueError(f"dot takes two lists of one length, not {len(left)} and {len(right)}")
    return dot_of(*left, *right)


@in_c("list")
def logsumexp(xs: Iterable[Any], axis: Any = None, keepdims: bool = False) -> Any:
    """ln(e^x1 + e^x2 + ...), without overflow; of an array over `axis`."""
    return _reduced("logsumexp", xs, axis, keepdims)


@in_c("each")
def softmax(xs: Iterable[Any], axis: int = -1) -> Any:
    """e^x over the sum of all e^x, for each x of a list, or of an array along `axis`.

    Each result is one operation on the whole list, so that its slope keeps all digits where one
    share is close to 1; n results record n * n edges. Where all are -inf, every share is 0; an x
    that is inf has all of it, shared with those that are inf too.
    """
    return _each("softmax", xs, axis)


@in_c("each")
def log_softmax(xs: Iterable[Any], axis: int = -1) -> Any:
    """ln(softmax(xs)), finite where a share underflows."""
    return _each("log_softmax", xs, axis)
