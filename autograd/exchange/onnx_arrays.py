"""Arrays of which only the form is known: what is computed from them becomes nodes of ONNX.

To Tensors they are the arrays of one more library, as the stand-ins of a replay are. So a function
runs on them as it is, the walk back too, and an ONNX file gets its gradient from the same rows as
any other. NumPy's arrays are constants, and what is computed from constants alone is a constant.
"""

from __future__ import annotations

import builtins
import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from itertools import islice
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np

from ..arrays import operations
from ..arrays.functions import FORMULAS, compute, is_ours
from ..arrays.libraries import LIBRARIES, Array, Axes, DType, Shape
from ..arrays.matrices import Matrices
from ..arrays.operations import Operations, sliding, whole_index
from ..core import functions as f
from ..core.kinds import ARRAYS, FUNCTIONS, Function
from ..core.modes import caller
from ..replaying.standins import Standins
from ..support.errors import said

inf = math.inf
DOUBLE, SINGLE = FLOATS = np.dtype(float), np.dtype(np.float32)
LARGEST = {DOUBLE: float(np.finfo(float).max), SINGLE: float(np.finfo(np.float32).max)}
INT, BOOL = np.dtype(np.int64), np.dtype(bool)


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
        self.taken = set(taken)
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
    stands_in = True
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, graph: Graph, at: str, shape: Iterable[int], dtype: DType) -> None:
        self.graph, self.at = graph, at
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: math.prod(self.shape))

    def astype(self, dtype: DType) -> Traced:
        dtype = np.dtype(dtype)
        return self if self.dtype == dtype else made("Cast", self.shape, dtype, self, to=dtype)

    def reshape(self, shape: Shape) -> Traced:
        return ON_ONNX.reshape(self, shape)

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

    def __getitem__(self, index: Any) -> Traced:
        return ON_ONNX.getitem(self, index)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __repr__(self) -> str:
        return f"an array of shape {self.shape}"

    def seen(self, *_: Any, **__: Any) -> NoReturn:
        """The error for what reads the numbers, which are not known."""
        refuse("a step that looks at the numbers of an array", ": choose with where()")

    __bool__ = __float__ = __int__ = __iter__ = __array__ = __contains__ = seen


def compared(op: str) -> Callable[..., Traced]:
    return lambda x, y: each(op, x, y, gives=BOOL)


def logical(op: str) -> Callable[..., Traced]:
    return lambda *xs: each(op, *xs, of=BOOL)


equal = compared("Equal")
UFUNCS: dict[Any, Callable[..., Any]] = {
    **{getattr(np, fact.numpy): fact.call for fact in FUNCTIONS.values() if fact.numpy},
    np.power: f.pow, np.equal: equal, np.not_equal: lambda x, y: each("Not", equal(x, y)),
    np.greater: compared("Greater"), np.greater_equal: compared("GreaterOrEqual"),
    np.less: compared("Less"), np.less_equal: compared("LessOrEqual"),
    np.bitwise_and: logical("And"), np.bitwise_or: logical("Or"), np.bitwise_xor: logical("Xor"),
    np.invert: logical("Not"), np.matmul: lambda x, y: operations.matmul(x, y),
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


# ---- operations on whole arrays ------------------------------------------------------------------


def reduced(op: str) -> Callable[..., Traced]:
    def reduction(self: Any, x: Traced, axes: Axes, keepdims: bool) -> Traced:
        kept = [1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes]
        return (
            made(op, kept, x.dtype, x, np.array(axes, INT), keepdims=int(keepdims)) if axes else x
        )

    return reduction


class OnnxOperations(Operations):
    """The operations on such arrays; all others are composed of these, as for other libraries."""

    sum, prod = reduced("ReduceSum"), reduced("ReduceProd")
    max, min = reduced("ReduceMax"), reduced("ReduceMin")

    def __init__(self) -> None:
        self.xp = SimpleNamespace(
            sum=lambda x, axis, keepdims=False: self.sum(x, axis, keepdims),
            max=lambda x, axis, keepdims=False: self.max(x, axis, keepdims),
            where=f.where, sqrt=f.sqrt, log=f.log, exp=f.exp,
            squeeze=lambda x, axis: x.reshape([n for i, n in enumerate(x.shape) if i not in axis]),
        )  # fmt: skip

    library = property(lambda self: LIBRARIES[Traced])

    def softmax(self, x: Traced, axes: Axes) -> Traced:
        return like("Softmax", x, axis=axes[0])

    def log_softmax(self, x: Traced, axes: Axes) -> Traced:
        return like("LogSoftmax", x, axis=axes[0])

    def cumsum(self, x: Traced, axis: int) -> Traced:
        return like("CumSum", x, np.array(axis))

    def flip(self, x: Traced, axis: int) -> Traced:
        return like("Slice", x, *[np.array([end]) for end in (-1, -(2**62), axis, -1)])

    # ---- shapes ----

    def reshape(self, x: Traced, shape: Shape) -> Traced:
        known = math.prod([n for n in shape if n != -1])
        shape = tuple([x.size // known if n == -1 else n for n in shape])
        if math.prod(shape) != x.size:
            raise ValueError(f"{x.size} elements do not fill the shape {shape}")
        if shape == x.shape:
            return x
        one = builtins.sum(isinstance(n, Size) for n in shape) == 1 and 0 not in shape
        told = [-1 if one and isinstance(n, Size) else n for n in shape]
        return made("Reshape", shape, x.dtype, x, x.graph.lengths(told))  # type: ignore[arg-type]

    def transpose(self, x: Traced, axes: Axes) -> Traced:
        if tuple(axes) == tuple(range(x.ndim)):
            return x
        return made("Transpose", [x.shape[i] for i in axes], x.dtype, x, perm=list(axes))

    def broadcast_to(self, x: Traced, shape: Shape) -> Traced:
        return x if shape == x.shape else made("Expand", shape, x.dtype, x, x.graph.lengths(shape))

    def cat(self, *xs: Any, axis: int) -> Traced:
        dtype, xs = joint(xs)  # type: ignore[assignment]
        total = builtins.sum([x.shape[axis] for x in xs])
        shape = (*xs[0].shape[:axis], total, *xs[0].shape[axis + 1 :])
        return made("Concat", shape, dtype, *xs, axis=axis)

    def stack(self, *xs: Any, axis: int) -> Traced:
        return self.cat(*[x.reshape((*x.shape[:axis], 1, *x.shape[axis:])) for x in xs], axis=axis)

    def pad(self, x: Traced, widths: tuple[tuple[int, int], ...], value: float) -> Traced:
        before, after = zip(*widths, strict=True)
        shape = [n + a + b if a or b else n for n, a, b in zip(x.shape, before, after, strict=True)]
        ends = np.array([*before, *after], INT)
        return made("Pad", shape, x.dtype, x, ends, np.array(value, x.dtype))

    # ---- elements ----

    def getitem(self, x: Any, index: Any) -> Traced:
        parts, rows = planned(index, x.shape)
        if rows is not None:
            shape = (*rows.shape[:-1], *x.shape[rows.shape[-1] :])
            return made("GatherND", shape, x.dtype, x, rows)
        for axis, part in reversed([*enumerate(part for part in parts if part is not None)]):
            x = self.take(x, part, axis)  # which leaves the axes before it as they were
        sizes, shape = iter(x.shape), list[int]()  # type: ignore[assignment]
        for part in parts:
            shape += [1] if part is None else islice(sizes, left(part))  # type: ignore[operator]
        return self.reshape(x, shape)

    def scatter(self, g: Any, index: Any, shape: Shape) -> Traced:
        parts, rows = planned(index, shape)
        if rows is not None:
            return self.added(g, rows, shape)
        sizes, kept = iter(g.shape), list[int]()
        for part in parts:
            kept += islice(sizes, left(part)) if part is not None else islice(sizes, 1, 1)
        g = self.reshape(g, tuple(kept))
        for axis, part in enumerate(part for part in parts if part is not None):
            g = self.put(g, part, axis, shape[axis])
        return g

    def element(self, x: Traced, index: Axes) -> Any:
        return self.getitem(x, index)

    def take(self, x: Any, places: Any, axis: int) -> Any:
        """The slices of x at places along an axis, whose axes come in its place."""
        if isinstance(places, slice):
            return x
        if not isinstance(x, Traced) and not isinstance(places, Traced):
            return np.take(x, places, axis)
        shape = (*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])
        return made("Gather", shape, x.dtype, x, places, axis=axis)

    def put(self, g: Any, places: Any, axis: int, n: int) -> Any:
        """Zeros of n along an axis, with slices of g added at places: the transpose of `take`."""
        if isinstance(places, slice):
            return g
        own = tuple(range(axis, axis + places.ndim))
        rest = [i for i in range(g.ndim) if i not in own]
        shape = n, *[g.shape[i] for i in rest]
        rows = places.reshape((*places.shape, 1))
        added = self.added(self.transpose(g, (*own, *rest)), rows, shape)
        return self.transpose(added, (*range(1, axis + 1), 0, *range(axis + 1, added.ndim)))

    def added(self, g: Any, rows: Any, shape: Shape) -> Traced:
        """Zeros of that shape, with the slices of g added at rows of places."""
        zeros = self.library.full(shape, 0.0, g)
        return made("ScatterND", shape, g.dtype, zeros, rows, g, reduction="add")

    def windows(self, x: Traced, size: Shape, stride: Shape, dilation: Shape) -> Traced:
        lead, n = x.ndim - len(size), len(size)
        for i in reversed(range(n)):
            x = self.take(x, along(x.shape[lead + i], i, size, stride, dilation), lead + i)
        order = (*range(lead), *range(lead, lead + 2 * n, 2), *range(lead + 1, lead + 2 * n, 2))
        return self.transpose(x, order)

    def fold(self, g: Traced, shape: Shape, size: Shape, stride: Shape, dilation: Shape) -> Traced:
        n, lead = len(size), g.ndim - 2 * len(size)
        pairs = [axis for i in range(n) for axis in (lead + i, lead + n + i)]
        g = self.transpose(g, (*range(lead), *pairs))
        for i in range(lead, lead + n):
            g = self.put(g, along(shape[i], i - lead, size, stride, dilation), i, shape[i])
        return g

    def matmul(self, x: Any, y: Any) -> Traced:
        dtype, (x, y) = joint((x, y))
        if x.shape[-1] != y.shape[-2:][0]:
            raise ValueError("matmul: the inner sizes differ")
        shape = *spread(x.shape[:-2], y.shape[:-2]), *x.shape[-2:-1], *y.shape[1:][-1:]
        return made("MatMul", shape, dtype, x, y)

    def einsum(self, *xs: Any, inputs: tuple[str, ...], output: str) -> Traced:
        dtype, xs = joint(xs)  # type: ignore[assignment]
        pairs = [
            pair
            for labels, x in zip(inputs, xs, strict=True)
            for pair in zip(labels, x.shape, strict=True)
        ]
        sizes = dict(sorted(pairs, key=lambda pair: pair[1] != 1))
        equation = f"{','.join(inputs)}->{output}"
        return made("Einsum", [sizes[x] for x in output], dtype, *xs, equation=equation)


def along(n: int, i: int, *settings: Shape) -> Array:
    """The places of every window along one axis."""
    return sliding(np.arange(n), *[(setting[i],) for setting in settings])


for _name in set(vars(Matrices)) - {"library", "xp"}:
    if not _name.startswith("_"):
        setattr(OnnxOperations, _name, lambda self, *xs, _name=_name, **settings: refuse(_name))
ON_ONNX = OnnxOperations()


# ---- indices -------------------------------------------------------------------------------------


def planned(index: Any, shape: Shape) -> tuple[list[Any], Any]:
    """What an index takes of each axis: places, or all of it; None is a new axis.

    Or else the rows of places in the first axes, if several arrays index these together.
    """
    parts: list[Any] = []
    for part in whole_index(index, len(shape)):
        if isinstance(part, Traced) and part.dtype == BOOL:
            refuse("an index by a computed mask, whose length depends on numbers", ": use where()")
        parts += part.nonzero() if getattr(part, "dtype", INT) == BOOL else [part]
    fixed = [i for i, part in enumerate(parts) if part is not None and not isinstance(part, slice)]
    arrays = [part for part in parts if hasattr(part, "ndim")]
    if arrays and (len(arrays) > 1 or fixed[-1] - fixed[0] >= len(fixed)):
        if fixed[-1] >= len(fixed) or any(part != slice(None) for part in parts[len(fixed) :]):
            refuse("an index of several arrays that are not in front, or with parts of other axes")
        return parts, paired([parts[i] for i in fixed])
    axes = iter(shape)
    return [part if part is None else taken(part, next(axes)) for part in parts], None


def taken(part: Any, n: int) -> Any:
    """What a part of an index takes of an axis of length n."""
    if not isinstance(part, (int, slice)):
        return part.astype(INT)
    if isinstance(n, Size):
        if isinstance(part, int):
            return np.array(part)
        if part.indices(n) == (0, n, 1):
            return slice(None)
        refuse("a part of an axis whose length is free", ": give the axis a length")
    places = np.arange(n)[part]  # IndexError for an int that is out of range
    return slice(None) if isinstance(part, slice) and part.indices(n) == (0, n, 1) else places


def paired(arrays: Sequence[Any]) -> Any:
    """Indices into several axes as rows along a new last axis."""
    _, arrays = joint(arrays, INT)
    if not any(isinstance(x, Traced) for x in arrays):
        return np.stack(np.broadcast_arrays(*arrays), axis=-1)
    shape = spread(*[x.shape for x in arrays])
    zeros = each("Sub", *[next(x for x in arrays if isinstance(x, Traced))] * 2)
    return ON_ONNX.stack(*[each("Add", x, zeros) for x in arrays], axis=len(shape))


def left(part: Any) -> int:
    """The number of axes that come in the place of one."""
    return getattr(part, "ndim", 1)


# ---- the library ---------------------------------------------------------------------------------


class Onnx(Standins):
    """The library of such arrays; NumPy's are its constants."""

    by_product = False
    operations: Any = ON_ONNX
    function = staticmethod(function)

    def floats(self, x: Array) -> Array:
        return x if x.dtype in FLOATS else x.astype(DOUBLE)

    def full(self, shape: Shape, value: float, x: Array) -> Array:
        if not isinstance(x, Traced):
            return super().full(shape, value, x)
        one = Traced(x.graph, x.graph.constant(np.array(value, x.dtype)), (), x.dtype)
        return ON_ONNX.broadcast_to(one, tuple(shape))

    def compute_at_once(self, op: str, found: Array, given: Iterable[Array], named: Any) -> None:
        if found.dtype == SINGLE and found.ndim == 2 + len(named["strides"]):
            found.at = made(op, found.shape, SINGLE, *joint([*given], SINGLE)[1], **named).at

    def text(self, x: Array) -> str:
        return repr(x)


LIBRARIES[Traced] = Onnx()
ARRAYS[Traced] = compute
