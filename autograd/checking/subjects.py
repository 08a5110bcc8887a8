"""The subjects of a check: a function of a list of numbers, and the gradient claimed for it."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from functools import partial
from types import SimpleNamespace

from ..core import graph
from ..core.graph import Node, data_of, gradients, nodes
from ..core.kinds import describe
from ..core.modes import Mode, no_grad
from ..core.value import Value
from ..seeing.abbreviating import plain
from ..support.meeting import meeting
from ..trees import items
from .arguments import (
    Arguments,
    flat,
    is_array,
    is_tensor,
    is_value,
    number,
    parameter_names,
    rows_of,
    walk,
)
from .frameworks import lower
from .probing import DOUBLE, noise_of
from .soundness import ARRIVING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from random import Random
    from typing import Any, Final

    from .check import Direction
    from .large import Along

    Numbers = Sequence[float]
    Element = tuple[Node, tuple[int, ...]]


ENDS = -math.inf, math.inf  # of a number that has no bounds


def name_of(f: Any) -> str:
    """The name of a function; one without a name is f."""
    name: str = getattr(f, "__name__", "f")
    return name if name.isidentifier() else "f"


class NumberError(TypeError):
    """A result that should be a number, and is not."""


class Subject:
    """A function of a list of numbers, and the gradient that is claimed for it."""

    roots: Sequence[Any] = ()  # the nodes of a graph that they are
    outputs: list[str]  # their names
    values: Callable[[Numbers], list[float]]  # the outputs for other numbers
    claimed: Callable[[], list[list[float]]]  # the gradient that is judged: a row for each output
    gradient: Callable[[Numbers], list[list[float]]]  # for other numbers

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.f = f
        self.name: Final = name_of(f)
        self.arguments: Final = Arguments(f, args)
        self.coarseness: float = self.arguments.roundoff  # of the claimed gradient
        self.limits: list[tuple[float, float]] = []  # none
        self.nearby: list[list[list[float]]] | None = None
        self.places: dict[str, int] = {}
        if not self.arguments.numbers:
            raise ValueError(f"the arguments of {self.name} have no number in them")

    def result_of(self, args: tuple[Any, ...], numbers: Numbers) -> list[tuple[str, Any]]:
        """f's result as named items; it must have left its arguments alone."""
        result = lower(_quietly(self.f, args))
        alone = result.__class__ is float or is_value(result)
        found = [(self.name, result)] if alone else list(items(result, self.name))
        if len(found) > 1:  # the keys of a dict may come in another order at another point
            self.places = self.places or {place: i for i, (place, _) in enumerate(found)}
            found.sort(key=lambda item: self.places.get(item[0], len(found)))
        after = args if self.arguments.plain else flat(args, none=False)
        if len(after) == len(numbers) and all(map(operator.eq, after, numbers)):
            return found
        changes = f"{self.name} changes its argument: "
        for place, x, given in zip(self.arguments.names, after, numbers, strict=False):
            now = number(x)
            if now != given and not (now != now and given != given):
                here = f"{place} is {now!r} after the call and was {given!r} before"
                raise ValueError(f"{changes}{here}; work on a copy")
        if len(after) != len(numbers):
            raise ValueError(f"{changes}work on a copy")
        return found

    def numbers_of(self, found: list[tuple[str, Any]]) -> list[float]:
        numbers: list[float] = []
        for place, x in found:
            if is_array(x) and x.dtype.kind in "fiu":
                numbers += x.ravel().astype(float).tolist()
            else:
                parts = [(place, x)] if is_value(x) else walk(x, place)
                numbers += [self.number_of(*part) for part in parts]
        return numbers

    def number_of(self, place: str, x: Any) -> float:
        if x is None:
            raise NumberError(f"{place} returned None: did it forget to return its result?")
        try:
            return number(x)
        except TypeError as error:
            # A root of a negative number is complex in Python: x is outside the domain there.
            kind = TypeError if isinstance(x, complex) else NumberError
            raise kind(f"{place} returned {error}, where a number is due") from None

    def mode(self) -> AbstractContextManager[Any]:
        """The context in which `values` is called at many points."""
        return nullcontext()

    def claim_rounding(self, output: int, line: Direction | Along) -> float:
        """The noise of the gradient, seen at points close by; 0 where it has no values there."""
        if self.nearby is None:
            self.nearby = []
            with suppress(Exception):  # outside its domain a gradient may raise anything
                self.nearby = [self.gradient(point) for point in self.close_by()]
        table = [line.along(rows[output]) for rows in self.nearby]
        noise = 3.0 * noise_of(table) if table else 0.0
        return noise if noise < math.inf else 0.0

    def weights(self, rng: Random) -> list[float]:
        """A random direction for a line through the point, which leads inwards from a bound.

        Its weights are of few digits, so that x plus a step is exact for most steps; and as large
        as x, so that no input is lost beside the others.
        """
        found = []
        x = self.arguments.numbers
        for t, (low, high) in zip(x, self.limits or [ENDS] * len(x), strict=True):
            sign = rng.choice((-1, 1))
            inwards = 1 if t == low else -1 if t == high else sign
            found.append(inwards * rng.randint(16, 31) * 2.0 ** (math.frexp(t or 1.0)[1] - 5))
        return found

    def close_by(self) -> list[list[float]]:
        """Eight points a small step apart, the first of them x, all within the limits."""
        roundoff = self.arguments.roundoff
        relative = 1.25 * (2.0**-32 if roundoff == DOUBLE else 32.0 * roundoff)
        x, steps = self.arguments.numbers, []
        for t, (low, high) in zip(x, self.limits or [ENDS] * len(x), strict=True):
            step = relative * t
            ways = [s for s in (step, -step, 0.0) if low <= t + 7.0 * s <= high]
            steps.append(ways[0])
        return [[t + i * step for t, step in zip(x, steps, strict=True)] for i in range(8)]

    def budget(self, output: int) -> float | None:
        """How far rounding can have moved this output, where that can be worked out."""
        return None

    def sparse_claim(self) -> Any:
        """The claimed Jacobian as a sparse matrix, where that is what df returns."""
        return None

    def coarsely(self) -> Subject | None:
        """The same in the dtype of its arguments, if it is measured in a finer one."""
        return None


class Given(Subject):
    """A function of floats and arrays, with a gradient written by the user."""

    def __init__(
        self, f: Callable[..., Any], df: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        super().__init__(f, args)
        self.df, self.kept = df, None  # an answer of df for the point, that is not used yet
        numbers = self.arguments.numbers
        self.result: Final = lower(_quietly(f, self.arguments.filled(numbers)))
        self.outputs: list[str] = [place for place, _ in walk(self.result, self.name)]

    def values(self, numbers: Numbers) -> list[float]:
        return self.numbers_of(self.result_of(self.arguments.filled(numbers), numbers))

    def claimed(self) -> list[list[float]]:
        return self.gradient(self.arguments.numbers)

    def gradient(self, numbers: Numbers) -> list[list[float]]:
        """The result of df, as one row of numbers for each output."""
        args = self.arguments.filled(numbers)
        kept, self.kept = self.kept, None
        answer = lower(_quietly(self.df, args) if kept is None else kept)
        names = parameter_names(self.f, len(args))
        fields = getattr(answer, "_fields", ())
        if len(args) == 1:
            alone = type(answer) is tuple and len(answer) == 1 and not isinstance(args[0], tuple)
            answer = answer if alone else (answer,)
        elif not isinstance(answer, (list, tuple)) or len(answer) != len(args):
            raise ValueError(
                f"df returns a tuple with a gradient for each of {len(args)} arguments, and not "
                f"{describe(answer)}"
            )
        elif sorted(fields) == sorted(names):
            answer = [getattr(answer, name) for name in names]
        parts = [self.rows_of(*part) for part in zip(args, answer, names, strict=True)]
        return [[x for rows in parts for x in rows[k]] for k in range(len(self.outputs))]

    def sparse_claim(self) -> Any:
        numbers = self.arguments.numbers
        self.kept = answer = _quietly(self.df, self.arguments.filled(numbers))
        fits = getattr(answer, "shape", None) == (len(self.outputs), len(numbers))
        if not fits or not hasattr(answer, "tocsr") or not math.isfinite(abs(answer).sum()):
            return None
        self.kept = None
        return answer.tocsr()

    def rows_of(self, arg: Any, df: Any, name: str) -> list[list[float]]:
        """The rows by one argument; of a single output, df may be the gradient itself."""
        if len(self.outputs) == 1:
            row = df.reshape(df.shape[1:]) if is_array(df) and df.shape[:1] == (1,) else df
            for answer in (df, row):  # a Jacobian may have its one row
                with suppress(ValueError):
                    return rows_of(0.0, arg, answer, name)
        try:
            return rows_of(self.result, arg, df, name)
        except ValueError as error:
            if len(self.outputs) == 1:
                raise
            raise ValueError(
                f"{error}: {self.name} has {len(self.outputs)} outputs, and each has a row of "
                "derivatives (if it works element by element, check the sum of its elements)"
            ) from None


class Recorded(Subject):
    """A function built on nodes, and the engine's own gradient; of order 2, that gradient's.

    An array enters as a Tensor of doubles; where f cannot take one, as an array of Values.
    """

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], order: int) -> None:
        super().__init__(f, args)
        self.arguments.roundoff = self.coarseness = DOUBLE  # whatever came, nodes are of doubles
        self.order = order
        self.leaves, self.found = self._first_record([x for arg in args for _, x in items(arg)])
        self.roots: list[Any] = list(dict.fromkeys(root for root, _ in self.found))
        self.on_arrays: Final = any(is_tensor(node) for root in self.roots for node in nodes(root))
        self.slopes: dict[int, list[Any]] = {}

    def _first_record(self, given: list[Any]) -> tuple[list[Any], list[Element]]:
        """The result of f, which settles how arrays enter."""
        tensors, arrays = any(map(is_tensor, given)), any(map(is_array, given))
        self.gather = _tensor if tensors or arrays else None
        try:
            return self.record(self.arguments.numbers, lines=True)
        except (AttributeError, TypeError, ValueError):
            if tensors or not arrays:
                raise
            self.gather = None
            with suppress(AttributeError, TypeError, ValueError):
                return self.record(self.arguments.numbers, lines=True)
            raise

    def record(self, numbers: Numbers, lines: bool = False) -> tuple[list[Any], list[Element]]:
        """Fresh leaves for these numbers, and the numbers that f makes of them."""
        leaves: list[Any] = []
        labels = self.arguments.places() if self.gather else self.arguments.names

        def enter(kind: Any, *x: Any) -> Any:
            leaves.append(kind(*x, label=labels[len(leaves)] if lines else ""))
            return leaves[-1]

        gather = partial(enter, self.gather) if self.gather else None
        args = self.arguments.filled(numbers, partial(enter, Value), gather)
        with Mode(recording=True, lines=lines), meeting(leaves):
            result = self.result_of(args, numbers)
            self.outputs = [place for name, x in result for place, _ in walk(x, name)]
            found = [e for item in result for e in _elements(self._node(*item))]
            for root in dict.fromkeys(root for root, _ in found) if lines else ():
                for node in nodes(root):
                    node.refuse_written()
            if self.order == 1:
                return leaves, found
            slopes = [
                [ARRIVING * g for g in gradients(root, leaves, _one(root, at, 1 / ARRIVING), True)]
                for root, at in found
            ]
        names = self.arguments.names
        self.outputs: list[str] = [f"(d{output}/d{x})" for output in self.outputs for x in names]
        return leaves, [e for row in slopes for slope in row for e in _elements(slope)]

    def _node(self, place: str, x: Any) -> Any:
        """An item of f's result as a node."""
        if isinstance(x, Node):
            return x
        if is_array(x) and self.gather and x.dtype.kind in "fiu":
            return self.gather(x, x)
        return Value(self.number_of(place, x))

    def mode(self) -> AbstractContextManager[Any]:
        return no_grad() if self.order == 1 else nullcontext()

    def values(self, numbers: Numbers) -> list[float]:
        if self.order == 1:
            args = self.arguments.filled(numbers, Value, self.gather)
            with meeting([x for arg in args for _, x in items(arg) if isinstance(x, Node)]):
                return self.numbers_of(self.result_of(args, numbers))
        return [float(root._data[at] if at else root._data) for root, at in self.record(numbers)[1]]

    def claimed(self) -> list[list[float]]:
        return [_slopes(root, at, self.leaves) for root, at in self.found]

    def gradient(self, numbers: Numbers) -> list[list[float]]:
        """The gradients at another point."""
        leaves, found = self.record(numbers)
        return [_slopes(root, at, leaves) for root, at in found]

    def claim_rounding(self, output: int, line: Direction | Along) -> float:
        """The running error analysis of the gradient, which with `create_graph` is a graph too."""
        if self.on_arrays:
            return super().claim_rounding(output, line)
        if output not in self.slopes:
            root, _ = self.found[output]
            try:
                self.slopes[output] = gradients(root, self.leaves, create_graph=True)
            except Exception:  # a rule of the user's that takes no nodes has no second derivative
                self.slopes[output] = [Value(0.0) for _ in self.leaves]
        slopes = self.slopes[output]
        return sum(abs(w) * rounding_budget(slopes[i]) for i, w in line.weights.items())

    def budget(self, output: int) -> float | None:
        return None if self.on_arrays else rounding_budget(self.found[output][0])


def _tensor(array: Any, given: Any, label: str = "") -> Any:
    """A Tensor of doubles, in the library of the one that was given."""
    from ..arrays.libraries import library_of
    from ..arrays.tensor import Tensor

    data = data_of(given)
    return Tensor(library_of(data).like(array.astype(float), data), label=label)


def _elements(node: Any) -> list[Element]:
    """A node that holds a number, or each element of one that holds an array."""
    indices = sys.modules["numpy"].ndindex(node.shape) if node.broadcasts else [()]
    return [(node, index) for index in indices]


def _one(root: Any, index: tuple[int, ...], size: float = 1.0) -> Any:
    """The gradient to start from for one element."""
    if not root.broadcasts:
        return size
    seed = sys.modules["numpy"].zeros(root.shape)
    seed[index] = size
    return root.start(seed)


def _slopes(root: Any, index: tuple[int, ...], leaves: list[Any]) -> list[float]:
    """The derivatives of one element. The walk starts from -2, which no rule can forget unseen."""
    found = _flat(gradients(root, leaves, _one(root, index, ARRIVING)))
    if all(map(math.isfinite, found)):
        return [g / ARRIVING + 0.0 for g in found]  # never -0.0
    once = _flat(gradients(root, leaves, _one(root, index)))  # twice as much may be too much
    return [g / ARRIVING + 0.0 if math.isfinite(g) else h for g, h in zip(found, once, strict=True)]


def _flat(answers: Sequence[Any]) -> list[float]:
    """The elements of gradients, one after the other."""
    return [float(x) for g in answers for x in (flat(plain(g)) if hasattr(g, "shape") else [g])]


def _quietly(f: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """f(*args), without NumPy's warnings: outside its domain f is asked too."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return f(*args)
    with numpy.errstate(all="ignore"):
        return f(*args)


# ---- arguments that are fixed --------------------------------------------------------------------


class Held:
    """A function of those arguments that are not fixed, under its own name and theirs."""

    def __init__(self, f: Any, names: list[str], fixed: dict[int, Any], named: Any) -> None:
        self.f: Any = f
        self.fixed: dict[int, Any] = fixed
        self.named: Any = named
        self.__name__: Final = name_of(f)
        self.held: Final = {**{names[i]: x for i, x in fixed.items()}, **named}
        free = tuple(name for i, name in enumerate(names) if i not in fixed)
        self.__code__: Final = SimpleNamespace(co_varnames=free, co_argcount=len(free), co_flags=0)

    def __call__(self, *args: Any) -> Any:
        rest = iter(args)
        count = len(args) + len(self.fixed)
        places = [self.fixed[i] if i in self.fixed else next(rest) for i in range(count)]
        return self.f(*places, **self.named)


def hold(
    functions: tuple[Any, ...], args: tuple[Any, ...], fixed: Any
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Functions, and the arguments, without those that are fixed; ValueError for an unknown name.

    `fixed` is a name, several, or a dict of what the functions take by name besides `args`. The
    first function has the names.

    >>> (f, _), args = hold((lambda x, n: x**n, None), (2.0, 3), ("n",))
    >>> f(*args), args
    (8.0, (2.0,))
    """
    names = parameter_names(functions[0], len(args))
    if isinstance(fixed, Mapping):
        taken, named = [], dict(fixed)
    else:
        taken, named = [fixed] if isinstance(fixed, str) else list(fixed), {}
    for name in taken:
        if name not in names:
            raise ValueError(f"fixed has {name!r}, but the arguments are {', '.join(names)}")
    places = {i: args[i] for i, name in enumerate(names) if name in taken}
    free = tuple(x for i, x in enumerate(args) if i not in places)
    if not free:
        raise ValueError("all arguments are fixed: there is nothing to differentiate by")
    return tuple(f and Held(f, names, places, named) for f in functions), free


# ---- rounding ------------------------------------------------------------------------------------


def rounding_budget(root: Node) -> float:
    """How far the rounding of every operation under `root` can have moved its value.

    Running error analysis (Wilkinson; Higham 2002, chapter 3.3): each operation adds its own
    rounding, and how far that reaches the result is what the backward pass knows.
    """
    if not root._inputs:
        return 0.0
    ulps = (
        abs(g * node._data) * node._rule.fact.rounding
        for node, g, _ in graph.sweep(root)
        if node._rule is not None
    )
    return math.fsum(DOUBLE * u for u in ulps if u < math.inf)
