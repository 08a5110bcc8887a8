"""THE TABLE: one row per operation: what it computes, and what it passes back to each input.

In every row `g` is the gradient of the result with respect to the operation's output, `out` that
output, and `x, y, ...` its inputs. A column is ordinary arithmetic. Given floats it returns a
float; given arrays, an array; given nodes, a node (and so every higher derivative); given symbols,
a formula; given complex or mpmath numbers, the slope in theirs. No column knows which it is.

A column that returns None says that there is no path. An input of the last column of a
`*xs` row may repeat, and that column returns one share for each.

A slope that the textbook's formula would get wrong, in its digits or at an edge, is an operation
with a row of its own (`sech2`, `power_derivative`, `inverse_where_positive`, ...), which keeps the
row above it to one line, and the table closed under differentiation.
"""

from __future__ import annotations

from functools import wraps

from . import functions

from .functions import (  # isort: skip
    PER_LN2, PER_LN10, RPI_BY_2, TWO_PER_RPI, cos, cosh, digamma, exp, expm1, floordiv, hypot,
    inside, inverse_where_positive, maximum, minimum, normal_cdf, normal_pdf, only_if, polygamma_of,
    power_derivative, ratio, sech2, share_of_larger, sigmoid, sign, sin, sinh, softmax, softmax_of,
    sqrt, step, sum, tanh, unless, where,
)  # fmt: skip
from .kinds import FUNCTIONS, describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from .kinds import Function

    Column = Callable[..., Any]


# The table's rows, and those whose columns were changed: while there are any, Python walks.
table_rows: frozenset[Rule] = frozenset()
altered: set[Rule] = set()
changes: list[str] = []  # as many as rows were changed or registered anew: the version


class Rule:
    """One row of the table."""

    __slots__ = ("columns", "compute", "fact", "key", "name", "variadic")
    of_arrays = False  # whether the operation takes whole arrays, with settings

    def __init__(self, name: str, compute: Callable[..., Any], *columns: Column) -> None:
        self.name: str = name
        self.key: str = name  # in a table
        self.compute: Callable[..., Any] = compute
        self.columns: tuple[Column, ...] = columns
        self.fact: Function = FUNCTIONS[name]
        self.variadic: bool = self.fact.variadic

    def __setattr__(self, name: str, value: Any) -> None:
        changes.extend([name] * hasattr(self, name))
        object.__setattr__(self, name, value)
        if name == "columns" and self in table_rows:
            (altered.discard if value == TABLE[self.name] else altered.add)(self)

    @property
    def symbol(self) -> str:
        """The operation in a picture: `+`, `tanh`."""
        return self.fact.symbol

    def altered(self, *columns: Column) -> Rule:
        """The same operation with other columns."""
        return Rule(self.name, self.compute, *columns)

    def of(self, rules: Mapping[str, Rule]) -> Rule:
        """The row that another table has in this one's place."""
        return rules[self.name]

    def __repr__(self) -> str:
        return f"<rule {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return rule, (self.name,)


def rule(name: str) -> Rule:
    """The row of that name."""
    try:
        return RULES[name]
    except KeyError:
        raise LookupError(
            f"there is no operation {name!r} here; if it is your own, register it first"
        ) from None


def flat(g: Any, out: Any, *inputs: Any) -> float:
    """The share of a function that is flat."""
    return 0.0


# fmt: off
TABLE: dict[str, tuple[Column, ...]] = {
    #               passes to x                                           passes to y
    "identity":    (lambda g, out, x: g,),
    "neg":         (lambda g, out, x: -g,),
    "add":         (lambda g, out, x, y: g,                               lambda g, out, x, y: g),
    "sub":         (lambda g, out, x, y: g,                               lambda g, out, x, y: -g),
    "mul":         (lambda g, out, x, y: g * y,                           lambda g, out, x, y: g * x),
    "div":         (lambda g, out, x, y: g / y,                           lambda g, out, x, y: -g * out / y),
    "floordiv":    (flat,                                                 flat),
    "mod":         (lambda g, out, x, y: g,                               lambda g, out, x, y: -g * floordiv(x, y)),
    "pow":         (lambda g, out, x, y: g * power_derivative(x, y, 1, 0), lambda g, out, x, y: g * power_derivative(x, y, 0, 1)),

    "exp":         (lambda g, out, x: g * out,),
    "expm1":       (lambda g, out, x: g * exp(x),),
    "log":         (lambda g, out, x: g * inverse_where_positive(x),),
    "log1p":       (lambda g, out, x: g * inverse_where_positive(1 + x),),
    "log2":        (lambda g, out, x: g * (PER_LN2 * inverse_where_positive(x)),),
    "log10":       (lambda g, out, x: g * (PER_LN10 * inverse_where_positive(x)),),
    "sqrt":        (lambda g, out, x: g * inverse_where_positive(2 * out),),
    "cbrt":        (lambda g, out, x: g / (3 * out * out),),
    "sin":         (lambda g, out, x: g * cos(x),),
    "cos":         (lambda g, out, x: -g * sin(x),),
    "tan":         (lambda g, out, x: g * (1 + out * out),),
    "asin":        (lambda g, out, x: g / sqrt((1 - x) * (1 + x)),),
    "acos":        (lambda g, out, x: -g / sqrt((1 - x) * (1 + x)),),
    "atan":        (lambda g, out, x: g / (1 + x * x),),
    "atan2":       (lambda g, out, x, y: g * ratio(ratio(y, hypot(x, y)), hypot(x, y)),
                    lambda g, out, x, y: -g * ratio(ratio(x, hypot(x, y)), hypot(x, y))),
    "sinh":        (lambda g, out, x: g * cosh(x),),
    "cosh":        (lambda g, out, x: g * sinh(x),),
    "tanh":        (lambda g, out, x: g * sech2(x),),
    "asinh":       (lambda g, out, x: g / hypot(1, x),),
    "acosh":       (lambda g, out, x: g / (sqrt(x - 1) * sqrt(x + 1)),),
    "atanh":       (lambda g, out, x: g * inverse_where_positive((1 - x) * (1 + x)),),
    "erf":         (lambda g, out, x: g * (TWO_PER_RPI * exp(-x * x)),),
    "erfc":        (lambda g, out, x: -g * (TWO_PER_RPI * exp(-x * x)),),
    "erfinv":      (lambda g, out, x: g * (RPI_BY_2 * exp(out * out)),),
    "gammaln":     (lambda g, out, x: g * digamma(x),),
    "digamma":     (lambda g, out, x: g * polygamma_of(x, 1.0),),
    "polygamma":   (lambda g, out, x, n: g * polygamma_of(x, n + 1),      flat),
    "hypot":       (lambda g, out, x, y: g * ratio(x, out),               lambda g, out, x, y: g * ratio(y, out)),
    "logaddexp":   (lambda g, out, x, y: g * softmax_of(x, y),            lambda g, out, x, y: g * softmax_of(y, x)),

    "sigmoid":     (lambda g, out, x: g * sigmoid(x) * sigmoid(-x),),
    "logit":       (lambda g, out, x: g * inverse_where_positive(x * (1 - x)),),
    "log1mexp":    (lambda g, out, x: -g * exp(x) * inverse_where_positive(-expm1(x)),),
    "logsigmoid":  (lambda g, out, x: g * sigmoid(-x),),
    "softplus":    (lambda g, out, x: g * sigmoid(x),),
    "silu":        (lambda g, out, x: g * sigmoid(x) * (1 + x * sigmoid(-x)),),
    "gelu":        (lambda g, out, x: g * (normal_cdf(x) + x * normal_pdf(x)),),
    "relu":        (lambda g, out, x: g * step(x),),
    "leaky_relu":  (lambda g, out, x, a: g * (step(x) + a * (1 - step(x))),   lambda g, out, x, a: g * minimum(x, 0.0)),
    "elu":         (lambda g, out, x, a: g * where(x > 0, 1.0, a * exp(x)), lambda g, out, x, a: g * expm1(minimum(x, 0.0))),

    "abs":         (lambda g, out, x: g * sign(x),),
    "sign":        (flat,),
    "step":        (flat,),
    "floor":       (flat,),
    "round":       (flat,                                                 flat),
    "minimum":     (lambda g, out, x, y: g * share_of_larger(y, x),       lambda g, out, x, y: g * share_of_larger(x, y)),
    "maximum":     (lambda g, out, x, y: g * share_of_larger(x, y),       lambda g, out, x, y: g * share_of_larger(y, x)),
    "clip":        (lambda g, out, x, low, high: g * inside(x, low, high),
                    lambda g, out, x, low, high: g * where(x <= low, where(low < high, 1.0, 0.0), 0.0),
                    lambda g, out, x, low, high: g * where(maximum(x, low) >= high, 1.0, 0.0)),
    "where":       (lambda g, out, c, x, y: None,
                    lambda g, out, c, x, y: only_if(c, g),
                    lambda g, out, c, x, y: unless(c, g)),

    # operations on a list: one column, which returns a share for each
    "sum":         (lambda g, out, *xs: [g] * len(xs),),
    "mean":        (lambda g, out, *xs: [g / len(xs)] * len(xs),),
    "dot":         (lambda g, out, *xys: [g * z for z in (*xys[len(xys) // 2:], *xys[:len(xys) // 2])],),
    "logsumexp":   (lambda g, out, *xs: [g * s for s in softmax(xs)],),
    "softmax":     (lambda g, out, x, *others: _softmax_shares(g * out, softmax([x, *others])),),
    "log_softmax": (lambda g, out, x, *others: _softmax_shares(g, softmax([x, *others])),),

    # slopes that need care, and the slopes of those slopes
    "sech2":       (lambda g, out, x: -2 * g * out * tanh(x),),
    "normal_cdf":  (lambda g, out, x: g * normal_pdf(x),),
    "normal_pdf":  (lambda g, out, x: -g * x * out,),
    "ratio":       (lambda g, out, x, y: ratio(g, y),                     lambda g, out, x, y: -ratio(g * out, y)),
    "inside":      (flat,                                                 flat,                             flat),
    "inverse_where_positive": (lambda g, out, x: -g * out * out,),
    "share_of_larger":        (flat,                                      flat),
    "less":                   (flat,                                      flat),
    "less_equal":             (flat,                                      flat),
    "power_derivative":       (lambda g, out, x, y, n, m: g * power_derivative(x, y, n + 1, m),
                               lambda g, out, x, y, n, m: g * power_derivative(x, y, n, m + 1),
                               flat,                                      flat),
}
# fmt: on

RULES = {name: Rule(name, FUNCTIONS[name].call, *columns) for name, columns in TABLE.items()}
table_rows = frozenset(RULES.values())


def _softmax_shares(g: Any, shares: list[Any]) -> list[Any]:
    """The first of `shares` gains what all the others lose: 1 - s without the cancellation."""
    _, *others = shares
    return [g * sum(others), *(-g * s for s in others)]


def register(
    name: str,
    forward: Callable[..., Any],
    *columns: Column,
    symbol: str = "",
    domain: Sequence[tuple[float, float]] = (),
) -> Callable[..., Any]:
    """Add a row to the table, and return its function.

    `forward` computes the operation on floats; each of `columns` returns, from
    `(g, out, x, y, ...)`, the share of one input; the one of a `forward(*xs)`, a share for each.
    Written with operators and the functions of this package, a column gives higher derivatives too.
    `domain` is a closed interval for each input. TypeError if something is not callable, ValueError
    for a name that is taken, or a wrong number of columns or intervals; nothing is added then.

    >>> from autograd import Value, register
    >>> cube = register("cube", lambda x: x * x * x, lambda g, out, x: 3 * g * x * x)
    >>> x = Value(2.0)
    >>> cube(x).backward()
    >>> x.grad
    12.0
    """
    variadic, intervals = _refuse_row(name, forward, columns, domain)
    doc, on_reals, *columns_of_reals = forward.__doc__, *map(_real, (forward, *columns))
    call = functions.primitive(  # nothing that a user wrote runs from here on, and so nothing fails
        name, lambda *xs: float(on_reals(*xs)), arity=0 if variadic else len(columns),
        symbol=symbol, domain=intervals, definition=forward, variadic=variadic,
    )  # fmt: skip
    call.__doc__ = doc
    changes.extend([name] * (name in RULES))
    RULES[name] = Rule(name, call, *columns_of_reals)
    return call


def _refuse_row(name: Any, forward: Any, columns: tuple[Any, ...], domain: Any) -> tuple[bool, Any]:
    """Raise for what cannot be a row; else whether it takes any number of inputs, and the domain."""
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"the name of an operation is an identifier, not {name!r}")
    if name in FUNCTIONS and (name in TABLE or name not in RULES):
        raise ValueError(f"{name!r} is an operation of this package: take another name")
    for part in (forward, *columns):
        if not callable(part):
            raise TypeError(f"register takes functions, not {describe(part)}")
    code = getattr(forward, "__code__", None)
    variadic = bool(code and code.co_flags & 0x04)
    expected = 1 if variadic or code is None else code.co_argcount
    if not columns or (code is not None and len(columns) != expected):
        raise ValueError(
            f"{name} has {expected} inputs and {len(columns)} columns: give one for each"
        )
    try:
        intervals = [(float(low), float(high)) for low, high in domain]
    except (TypeError, ValueError):
        intervals = [(1.0, 0.0)]
    if len(intervals) not in (0, len(columns)) or not all(low <= high for low, high in intervals):
        raise ValueError(f"domain is (low, high) for each input of {name}, not {describe(domain)}")
    return variadic, intervals


def _real(function: Callable[..., Any]) -> Callable[..., Any]:
    """A user's function with nan where Python's ** would turn real numbers complex."""

    @wraps(function)
    def on_reals(*xs: Any) -> Any:
        answer = function(*xs)
        if isinstance(answer, complex) and not any(isinstance(x, complex) for x in xs):
            return float("nan")
        return answer

    return on_reals
