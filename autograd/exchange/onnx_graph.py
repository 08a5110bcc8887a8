"""Arrays of which only the form is known: what is computed from them becomes nodes of ONNX.

To Tensors they are the arrays of one more library, as the stand-ins of a replay are. So a function
runs on them as it is, the walk back too, and an ONNX file gets its gradient from the same rows as
any other. NumPy's arrays are constants, and what is computed from constants alone is a constant.
`onnx_arrays` has the operations on whole arrays.
"""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from typing import Any, NoReturn

import numpy as np

from ..arrays import operations
from ..arrays.functions import FORMULAS, is_ours
from ..arrays.libraries import Array, DType, Shape
from ..core import functions as f
from ..core.kinds import FUNCTIONS, Function
from ..core.modes import caller
from ..support.errors import said

inf: float = math.inf
DOUBLE, SINGLE = FLOATS = np.dtype(float), np.dtype(np.float32)
INT, BOOL = np.dtype(np.int64), np.dtype(bool)
LARGEST: Any = {DOUBLE: float(np.finfo(float).max), SINGLE: float(np.finfo(np.float32).max)}


def refuse(what: str, instead: str = "") -> NoReturn:
    """The error for what no file can have, with the line that asked for it."""
    raise TypeError(f"an ONNX file cannot have {what}, at {said(caller())}{instead}")


class Size(int):
    """A length that is free until the file runs, times a whole number; the int is an example."""

    stands_in = True
    names: Counter[str]
    times: int

    @classmethod
    def of(cls, example: int, names: Counter[str], times: int = 1) -> Any:
        if not names or not times:
            return times
        size = cls(example)
        size.names, size.times = names, times
        return size

    @property
    def label(self) -> str | None:
        """The name of a length that is free, and nothing else; None for another."""
        (name, n), *others = self.names.items()
        return name if not others and n == self.times == 1 else None

    def __mul__(self, n: Any) -> Any:
        if not isinstance(n, int):
            return NotImplemented
        names, times = _factors(n)
        return Size.of(int(self) * int(n), self.names + names, self.times * times)

    __rmul__ = __mul__

    def __floordiv__(self, n: Any) -> Any:
        names, times = _factors(n)
        if self.times % times or names - self.names:
            return int(self) // n
        return Size.of(int(self) // int(n), self.names - names, self.times // times)

    def __sub__(self, n: Any) -> Any:
        return int(self) - n if n else self

    def __index__(self) -> Any:
        return self


def _factors(n: int) -> tuple[Counter[str], int]:
    return (n.names, n.times) if isinstance(n, Size) else (Counter(), int(n))


# ---- the graph -----------------------------------------------------------------------------------


class Graph:
    """Nodes, each once, and constants, named in their order."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.nodes: list[tuple[str, tuple[str, ...], str, dict[str, Any]]] = []
        self.constants: dict[str, Array] = {}
        self.free: dict[str, Traced] = {}  # by name: the length, as an array
        self.taken: set[str] = set(taken)
        self._numbers: Counter[str] = Counter()
        self._known: dict[Any, str] = {}

    def name(self, wanted: str) -> str:
        """The name, with a number if it is taken; it is taken now."""
        if not (isinstance(wanted, str) and wanted and wanted.isprintable()):
            raise ValueError(f"an ONNX file cannot have the name {wanted!r}")
        found = wanted
        while found in self.taken:
            self._numbers[wanted] += 1
            found = f"{wanted}_{self._numbers[wanted]}"
        self.taken.add(found)
        return found

    def given(self, name: str, shape: Shape, dtype: DType) -> Traced:
        """An input."""
        x = Traced(self, name, shape, dtype)
        for axis, n in enumerate(shape):
            if isinstance(n, Size) and (label := next(iter(n.names))) not in self.free:
                self.free[label] = made("Shape", (1,), INT, x, start=axis, end=axis + 1)
        return x

    def add(self, op: str, inputs: Sequence[str], attributes: dict[str, Any]) -> str:
        """Add a node, unless it is there, and return the name of its output."""
        key = op, *inputs, repr(attributes)
        if key not in self._known:
            self._known[key] = output = self.name(op.lower())
            self.nodes.append((op, tuple(inputs), output, attributes))
        return self._known[key]

    def constant(self, x: Any) -> str:
        """The name of a constant."""
        key = x.dtype.str, x.shape, x.tobytes()
        if key not in self._known:
            self._known[key] = name = self.name("constant")
            self.constants[name] = x
        return self._known[key]

    def length(self, n: int) -> Any:
        """A length as an array of one integer."""
        names, times = _factors(n)
        factors = [*[self.free[x] for x in names.elements()], *[np.array([times])] * (times != 1)]
        return reduce(partial(each, "Mul"), factors) if names else np.array([times])

    def lengths(self, shape: Shape) -> Any:
        """A shape as an array of integers."""
        if not is_free(shape):
            return np.array(shape, INT)
        return made("Concat", (len(shape),), INT, *map(self.length, shape), axis=0)


def is_free(shape: Iterable[int]) -> bool:
    return Size in map(type, shape)


def graph_of(xs: Iterable[Any]) -> Graph:
    return next(x.graph for x in xs if isinstance(x, Traced))


def made(op: str, shape: Iterable[int], dtype: DType, *xs: Any, **attributes: Any) -> Traced:
    """The array that a node computes from others."""
    graph = graph_of(xs)
    names = [x.at if isinstance(x, Traced) else graph.constant(x) for x in xs]
    return Traced(graph, graph.add(op, names, attributes), shape, dtype)


def like(op: str, x: Traced, *others: Any, **attributes: Any) -> Traced:
    """The array of the form of x that a node computes."""
    return made(op, x.shape, x.dtype, x, *others, **attributes)


def joint(xs: Sequence[Any], dtype: DType = None) -> tuple[DType, list[Any]]:
    """Arrays and numbers in one precision: that in which they meet, unless one is given."""
    if dtype is None:
        kinds = [x.dtype for x in xs if hasattr(x, "dtype")]
        dtype = np.result_type(*kinds, *[x for x in xs if type(x) is float])
    if is_free(xs):
        length = graph_of(xs).length
        xs = [made("Squeeze", (), INT, length(x)) if isinstance(x, Size) else x for x in xs]
    return dtype, [x.astype(dtype) if isinstance(x, Traced) else np.array(x, dtype) for x in xs]


def spread(*shapes: Shape) -> Shape:
    """The shape in which several broadcast; ValueError if they do not."""
    n = max(map(len, shapes))
    columns = list(zip(*[(1,) * (n - len(shape)) + shape for shape in shapes], strict=True))
    if any(len({*column} - {1}) > 1 for column in columns):
        raise ValueError("the shapes do not broadcast")
    return tuple([next((i for i in column if i != 1), 1) for column in columns])


def each(op: str, *xs: Any, of: DType = None, gives: DType = None, **attributes: Any) -> Traced:
    """A function of elements, which broadcasts; its inputs are all `of` a dtype."""
    dtype, xs = joint(xs, of)  # type: ignore[assignment]
    return made(op, spread(*[x.shape for x in xs]), gives or dtype, *xs, **attributes)


# ---- the arrays ----------------------------------------------------------------------------------


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """The output of a node: its name, its shape and its dtype."""

    __slots__ = ("at", "dtype", "graph", "shape")
    stands_in = unseen = True  # nothing may depend on its numbers
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, graph: Graph, at: str, shape: Iterable[int], dtype: DType) -> None:
        self.graph, self.at = graph, at
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: math.prod(self.shape))

    def astype(self, dtype: DType) -> Traced:
        dtype = np.dtype(dtype)
        return self if self.dtype == dtype else made("Cast", self.shape, dtype, self, to=dtype)

    def reshape(self, shape: Shape) -> Any:
        return operations.reshape(self, shape=shape)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **named: Any) -> Any:
        if not all(isinstance(x, (Traced, np.ndarray, np.generic, int, float)) for x in inputs):
            return NotImplemented
        into = named.pop("out", inputs)[0]  # x += y is x = x + y
        if method != "__call__" or named or ufunc not in UFUNCS or into is not inputs[0]:
            refuse(f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method}")
        return UFUNCS[ufunc](*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, named: Any) -> Any:
        if function in (np.shape, np.ndim, np.size) and len(args) == 1:
            return getattr(args[0], function.__name__)
        refuse(f"np.{function.__name__}")

    def __getitem__(self, index: Any) -> Any:
        return operations.getitem(self, index=index)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __repr__(self) -> str:
        return f"an array of shape {self.shape}"

    def seen(self, *_: Any, **__: Any) -> NoReturn:
        """The error for what reads the numbers, which are not known."""
        refuse("a step that looks at the numbers of an array", ": choose with where()")

    __bool__ = __float__ = __int__ = __iter__ = __array__ = __contains__ = seen


compared, logical = partial(partial, each, gives=BOOL), partial(partial, each, of=BOOL)
equal: Any = compared("Equal")
UFUNCS: dict[Any, Callable[..., Any]] = {
    **{getattr(np, fact.numpy): fact.call for fact in FUNCTIONS.values() if fact.numpy},
    np.power: f.pow, np.equal: equal, np.not_equal: lambda x, y: each("Not", equal(x, y)),
    np.greater: compared("Greater"), np.greater_equal: compared("GreaterOrEqual"),
    np.less: compared("Less"), np.less_equal: compared("LessOrEqual"),
    np.bitwise_and: logical("And"), np.bitwise_or: logical("Or"), np.bitwise_xor: logical("Xor"),
    np.invert: logical("Not"), np.matmul: operations.matmul,
}  # fmt: skip


# ---- functions of numbers ------------------------------------------------------------------------

# fmt: off
ALIKE = """identity add sub mul div neg pow exp log sqrt sin cos tan asin acos atan sinh cosh tanh asinh
acosh atanh erf sigmoid softplus relu abs sign floor sum"""  # ONNX has these, with a capital
NATIVE = {name: name.capitalize() for name in ALIKE.split()} | {"minimum": "Min", "maximum": "Max"}
IN_SINGLE = {"Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Erf", "Softplus"}  # in ONNX Runtime
WRITTEN: dict[str, Callable[..., Any]] = {  # what it has not, in what it has
    "positive": lambda x: x > 0.0,
    "negative": lambda x: x < 0.0,
    "equal": equal,
    "step": lambda x: f.sign(f.relu(x)),
    "expm1": lambda x: f.where(abs(x) < 1.0, _near_1(f.exp(x), x, lambda u: (u - 1.0) * (x / f.log(u))), f.exp(x) - 1.0),
    "log1p": lambda x: f.where(x < inf, _near_1(1.0 + x, x, lambda u: f.log(u) * (x / (u - 1.0))), x),
    "log2": lambda x: f.PER_LN2 * f.log(x),
    "log10": lambda x: f.PER_LN10 * f.log(x),
    "tan": lambda x: f.sin(x) / f.cos(x),
    "sinh": lambda x: f.sign(x) * 0.5 * (f.expm1(abs(x)) + 1.0 - f.exp(-abs(x))),
    "cosh": lambda x: 0.5 * (f.exp(x) + f.exp(-x)),
    "asinh": lambda x: f.where(abs(x) < inf, f.sign(x) * f.log1p(abs(x) + abs(x) * f.ratio(abs(x), 1.0 + f.hypot(1.0, x))), x),
    "acosh": lambda x: f.log1p(x - 1.0 + f.sqrt(x - 1.0) * f.sqrt(x + 1.0)),
    "atanh": lambda x: 0.5 * f.log1p(2.0 * (x / (1.0 - x))),
    "atan": lambda x: _atan(f.clip(x, -1e300, 1e300)),
    "asin": lambda x: f.atan(x / f.sqrt((1.0 - x) * (1.0 + x))),
    "acos": lambda x: 2.0 * f.atan(f.sqrt((1.0 - x) / (1.0 + x))),
    "atan2": lambda y, x: _atan2(*[f.clip(z, -LARGEST[z.dtype], LARGEST[z.dtype]) for z in joint((y, x))[1]]),
    "hypot": lambda x, y: f.where((abs(x) == inf) | (abs(y) == inf), inf, _hypot(f.maximum(abs(x), abs(y)), f.minimum(abs(x), abs(y)))),
    "mod": lambda x, y: _with_sign_of(y, each("Mod", x, y, fmod=1)),
    "floordiv": lambda x, y: f.where(y == 0.0, x / y, f.where(abs(y) == inf, f.where(x * y < 0.0, -1.0, 0.0) + 0.0 * x, f.floor((x - f.mod(x, y)) / y + 0.5))),
    "inverse_where_positive": lambda x: f.where(x < 0.0, math.nan, 1.0 / abs(x)),  # ONNX Runtime drops + 0.0
    "normal_cdf": lambda x: 0.5 * (1.0 + f.erf(x * math.sqrt(0.5))),
    "mean": lambda *xs: f.sum_of(*xs) / len(xs),
    "dot": lambda *xys: f.sum_of(*map(operator.mul, xys[: len(xys) // 2], xys[len(xys) // 2 :])),
}
# fmt: on


def _near_1(u: Any, x: Any, corrected: Callable[[Any], Any]) -> Any:
    """x where u rounds to 1, else a formula that undoes the rounding of u (Kahan)."""
    return f.where(u == 1.0, x, corrected(u))


def _atan(x: Any) -> Any:
    """The arctangent in single precision, and a step of Newton's method in double."""
    near = like("Atan", x.astype(SINGLE)).astype(DOUBLE)
    s, c = f.sin(near), f.cos(near)
    return near + (x * c - s) / (c + x * s)


def _atan2(y: Any, x: Any) -> Any:
    turned = ((x < 0.0) | (1.0 / x < 0.0)) & ((x != 0.0) | (y == 0.0))  # to the left, or -0.0
    near = f.where(x == 0.0, f.sign(y) * (math.pi / 2), f.atan(y / x))
    below = (y < 0.0) | (1.0 / y < 0.0)
    return near + f.where(turned, f.where(below, -math.pi, math.pi), 0.0)


def _hypot(large: Any, small: Any) -> Any:
    share = f.ratio(small, large)
    return large * f.sqrt(1.0 + share * share)


def _with_sign_of(y: Any, rest: Any) -> Any:
    """A remainder with the sign of the divisor, as in Python."""
    return f.where((rest != 0.0) & ((rest < 0.0) != (y < 0.0)), rest + y, rest)


def function(fact: Function, *xs: Any) -> Any:
    """A function of numbers on such arrays."""
    name, op = fact.name, NATIVE.get(fact.name)
    if name == "where":
        return _where(*xs)
    dtype, given = joint(xs)
    if dtype not in FLOATS:
        dtype, given = joint(xs, DOUBLE)
    if op and not (op in IN_SINGLE and dtype == DOUBLE):
        return made(op, spread(*[x.shape for x in given]), dtype, *given)
    xs = tuple([x if isinstance(x, Traced) else y for x, y in zip(given, xs, strict=True)])
    if name == "round" and xs[1] == 0:
        return like("Round", xs[0])
    if name in WRITTEN and not (name == "normal_cdf" and dtype == DOUBLE):
        return WRITTEN[name](*xs).astype(dtype)
    if name in FORMULAS:
        double = [x.astype(DOUBLE) if isinstance(x, Traced) else x for x in xs]
        return FORMULAS[name](*double).astype(dtype)
    if fact.definition is None:
        refuse(name, ": it has no counterpart there")
    try:
        return fact.definition(*xs).astype(dtype)
    except (TypeError, ValueError, AttributeError) as error:
        if not is_ours(fact):
            refuse(name, f" ({error}): write it with autograd.where and functions of autograd")
        raise


def _where(condition: Any, x: Any, y: Any) -> Traced:
    dtype, values = joint((x, y))
    if dtype not in FLOATS:
        dtype, values = joint((x, y), DOUBLE)
    if getattr(condition, "dtype", BOOL) != BOOL:
        condition = condition != 0.0
    given = condition if isinstance(condition, Traced) else np.array(condition, BOOL), *values
    return made("Where", spread(*[x.shape for x in given]), dtype, *given)
