"""What is checked: a function of a list of numbers, and the gradient that is claimed for it."""

from __future__ import annotations

import math
import sys
from contextlib import nullcontext

from .. import graph
from ..graph import Node, gradients
from ..kinds import describe
from ..recording import Mode, no_grad
from ..value import Value
from .arguments import Arguments, is_array, number, walk
from .differences import DOUBLE, noise_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol

    Numbers = Sequence[float]

    class Line(Protocol):
        """A line through the point at which a gradient is checked."""

        weights: dict[int, float]

        def along(self, gradient: Numbers) -> float: ...


def name_of(f: Any) -> str:
    """What to call a function; one without a name is f."""
    name: str = getattr(f, "__name__", "f")
    return name if name.isidentifier() else "f"


class OutsideError(TypeError):
    """A complex result, where a real number is due."""


class Subject:
    """A function of a list of numbers, and the gradient that is claimed for it."""

    outputs: list[str]

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.f = f
        self.name = name_of(f)
        self.arguments = Arguments(f, args)
        if not self.arguments.numbers:
            raise ValueError(f"the arguments of {self.name} have no number in them")

    def result_of(self, args: tuple[Any, ...], numbers: Numbers) -> list[tuple[str, Any]]:
        """f's result as named items; it must have left its arguments alone."""
        items = list(walk(_quietly(self.f, args), self.name))
        after = [x for arg in args for _, x in walk(arg)]
        for place, x, given in zip(self.arguments.names, after, numbers, strict=False):
            now = number(x)
            if now != given and not (now != now and given != given):
                raise ValueError(
                    f"{self.name} changes its argument: {place} is {now!r} after the call and was "
                    f"{given!r} before; work on a copy"
                )
        if len(after) != len(self.arguments.names):
            raise ValueError(f"{self.name} changes its argument: work on a copy")
        return items

    def numbers_of(self, items: list[tuple[str, Any]]) -> list[float]:
        return [self.number_of(place, x) for place, x in items]

    def number_of(self, place: str, x: Any) -> float:
        if x is None:
            raise TypeError(f"{place} returned None: did it forget to return its result?")
        try:
            return number(x)
        except TypeError as error:
            # A root of a negative number is complex in Python: x is outside the domain there.
            kind = OutsideError if isinstance(x, complex) else TypeError
            raise kind(f"{place} returned {error}, where a number is due") from None

    def values(self, numbers: Numbers) -> list[float]:
        raise NotImplementedError

    def claimed(self) -> list[list[float]]:
        raise NotImplementedError

    def claim_rounding(self, output: int, line: Line) -> float:
        raise NotImplementedError

    def budget(self, output: int) -> float | None:
        """How far rounding can have moved this output, where that can be worked out."""
        return None


class Given(Subject):
    """A function of floats and arrays, with a gradient written by the user."""

    def __init__(
        self, f: Callable[..., Any], df: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        super().__init__(f, args)
        self.df = df
        numbers = self.arguments.numbers
        result = _quietly(f, self.arguments.filled(numbers))
        self.shape = result.shape if is_array(result) else ()
        self.outputs = [place for place, _ in walk(result, self.name)]
        self.nearby: list[list[list[float]]] = []

    def values(self, numbers: Numbers) -> list[float]:
        return self.numbers_of(self.result_of(self.arguments.filled(numbers), numbers))

    def claimed(self) -> list[list[float]]:
        return self.gradient(self.arguments.numbers)

    def gradient(self, numbers: Numbers) -> list[list[float]]:
        """df's answer as one row of numbers for each output."""
        args = self.arguments.filled(numbers)
        answer = _quietly(self.df, args)
        one = len(args) == 1
        if not one and not (isinstance(answer, (list, tuple)) and len(answer) == len(args)):
            raise ValueError(
                f"df answers a tuple with a gradient for each of {len(args)} arguments, and not "
                f"{describe(answer)}"
            )
        rows: list[list[float]] = [[] for _ in self.outputs]
        for arg, part, count in zip(
            args, (answer,) if one else answer, self.arguments.counts(), strict=True
        ):
            flat = [self.claim(x) for _, x in walk(part)]
            wanted = self.shape + arg.shape if is_array(arg) else None
            shape = part.shape if is_array(part) else None
            mismatched = wanted is not None and shape is not None and wanted != shape
            if len(flat) != count * len(rows) or mismatched:
                raise ValueError(self.mismatch(shape, wanted, len(flat), count * len(rows)))
            for k, row in enumerate(rows):
                row += flat[k * count : (k + 1) * count]
        return rows

    def claim(self, x: Any) -> float:
        if x is None:
            raise TypeError("df returned None: did it forget to return its result?")
        try:
            return number(x)
        except TypeError as error:
            raise TypeError(f"df returned {error}, where a number is due") from None

    def mismatch(self, shape: Any, wanted: Any, count: int, due: int) -> str:
        text = f"df answered {count} numbers where {due} are due"
        if wanted is not None and shape is not None:
            text = f"df answered an array of shape {shape} where {wanted} is due"
        if len(self.outputs) > 1:
            text += (
                f": {self.name} has {len(self.outputs)} outputs, and each has a row of derivatives "
                "(if it works element by element, check the sum of its elements)"
            )
        return text

    def claim_rounding(self, output: int, line: Line) -> float:
        """The noise of df, seen in its answers at points close by."""
        x = self.arguments.numbers
        if not self.nearby:
            step = 1.25 * 2.0**-32 * self.arguments.roundoff / DOUBLE
            points = [[t * (1.0 + step * i) for t in x] for i in range(8)]
            self.nearby = [self.gradient(point) for point in points]
        table = [line.along(rows[output]) for rows in self.nearby]
        noise = 3.0 * noise_of(table)
        return noise if noise < math.inf else 0.0


class Recorded(Subject):
    """A function built on Values, and the engine's own gradient; of order 2, that gradient's."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], order: int) -> None:
        super().__init__(f, args)
        self.order = order
        self.leaves, self.roots = self.record(self.arguments.numbers, lines=True)
        self.slopes: dict[int, list[Any]] = {}

    def record(self, numbers: Numbers, lines: bool = False) -> tuple[list[Node], list[Any]]:
        """Fresh leaves for these numbers, and what f makes of them."""
        leaves: list[Node] = []

        def enter(x: float) -> Value:
            leaves.append(Value(x, label=self.arguments.names[len(leaves)] if lines else ""))
            return leaves[-1]  # type: ignore[return-value]

        args = self.arguments.filled(numbers, enter)
        with Mode(recording=True, lines=lines):
            items = self.result_of(args, numbers)
            self.outputs = [place for place, _ in items]
            roots = [x if isinstance(x, Node) else Value(self.number_of(*item))
                     for item in items for x in item[1:]]  # fmt: skip
            if self.order == 1:
                return leaves, roots
            slopes = [gradients(root, leaves, create_graph=True) for root in roots]
        names = self.arguments.names
        self.outputs = [f"(d{output}/d{x})" for output in self.outputs for x in names]
        return leaves, [slope for row in slopes for slope in row]

    def values(self, numbers: Numbers) -> list[float]:
        if self.order == 1:
            with no_grad():
                return self.numbers_of(
                    self.result_of(self.arguments.filled(numbers, Value), numbers)
                )
        return [root.data for root in self.record(numbers)[1]]

    def claimed(self) -> list[list[float]]:
        return [gradients(root, self.leaves) for root in self.roots]

    def claim_rounding(self, output: int, line: Line) -> float:
        """The running error analysis of the gradient, which with `create_graph` is a graph too."""
        if output not in self.slopes:
            try:
                self.slopes[output] = gradients(self.roots[output], self.leaves, create_graph=True)
            except Exception:  # a rule of the user's that takes no nodes has no second derivative
                self.slopes[output] = [Value(0.0) for _ in self.leaves]
        slopes = self.slopes[output]
        return sum(abs(w) * rounding_budget(slopes[i]) for i, w in line.weights.items())

    def budget(self, output: int) -> float | None:
        return rounding_budget(self.roots[output])


def _quietly(f: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """f(*args), without NumPy's warnings: outside its domain f is asked too."""
    numpy = sys.modules.get("numpy")
    with numpy.errstate(all="ignore") if numpy else nullcontext():
        return f(*args)


# ---- rounding ------------------------------------------------------------------------------------

EXACT = {"identity", "neg", "abs", "sign", "step", "floor", "minimum", "maximum", "relu", "clip",
         "where", "inside", "share_of_larger", "round"}  # fmt: skip
HALF_ULP = {"add", "sub", "mul", "div", "sqrt", "sum", "mean", "leaky_relu"}


def rounding_budget(root: Node) -> float:
    """How far the rounding of every operation under `root` can have moved its value.

    Running error analysis (Wilkinson; Higham 2002, chapter 3.3): each operation adds its own
    rounding, and how far that reaches the result is what the backward pass knows.
    """
    if not root._inputs:
        return 0.0
    ulps = (
        abs(g * node._data) * (0.0 if node.op in EXACT else 1.0 if node.op in HALF_ULP else 4.0)
        for node, g, _ in graph.sweep(root)
        if node._inputs
    )
    return DOUBLE * math.fsum(u for u in ulps if u < math.inf)
