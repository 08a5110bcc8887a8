"""`explain`: a gradient as the sum, over all paths, of the products of local derivatives.

The number of paths grows like 2^n, so they are not enumerated: their count, the mass of each sign,
and the heaviest paths are one dynamic programme each over the frames of a trace.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from heapq import nlargest
from typing import Any, NamedTuple

from ..core.graph import Node, nodes
from ..core.kinds import describe
from ..printing.symbols import render
from .frames import Frame
from .tracing import Trace, trace
from .wording import Names, folded, latex_name, number, signed, slope

MOST_PATHS = 5
MOST_STEPS = 6  # of a path that are written out
Place = Any  # a node, or an element of one
Step = Any  # a PathStep, or one from element to element
Index = Any  # an int, or a tuple of them; None for all elements


def explain(root: object, wrt: object, paths: int = MOST_PATHS, at: Index = None) -> Explanation:
    """Why d root / d wrt has its value: the number of paths, the heaviest, and what cancels.

    For a node between leaves and root, also what its own rule hands on of that gradient.

    For Tensors, op by op: what each operation hands back along a path, with shapes and norms. With
    `at`, an index, the gradient of that one element of `wrt`, number by number.

    >>> from autograd import Value
    >>> x = Value(3.0, label="x")
    >>> print(explain(x * x - 2 * x, x))
    d v3/d x = 4.0, the sum over 3 paths from x to v3
      3.0 (37.5 %) along x → v1 → v3
        = d v3/d v1 × d v1/d x
        = 1 × x
        = 1.0 × 3.0
      3.0 (37.5 %) along x → v1 → v3
        = d v3/d v1 × d v1/d x
        = 1 × x
        = 1.0 × 3.0
      -2.0 (25 %) along x → v2 → v3
        = d v3/d v2 × d v2/d x
        = -1 × 2
        = -1.0 × 2.0
    6.0 and -2.0 meet: 2.0 cancels
    """
    if not isinstance(root, Node) or not isinstance(wrt, Node):
        culprit = wrt if isinstance(root, Node) else root
        advice = "pass the Value or Tensor itself"
        raise TypeError(f"explain(root, wrt) takes two nodes, not {describe(culprit)}: {advice}")
    if isinstance(paths, bool) or not isinstance(paths, int) or paths < 1:
        raise ValueError(f"paths is how many to show, 1 or more, not {paths!r}")
    if any(node.broadcasts for node in (wrt, *nodes(root))):
        from .array_explaining import explain_arrays

        return explain_arrays(root, wrt, paths, at)
    if at is not None:
        raise TypeError(f"at is an element of a Tensor, and {describe(wrt)} is a number")
    return Explanation(trace(root), wrt, paths)


class PathStep(NamedTuple):
    """One edge of a path, from a node to its input at that position, with the local derivative."""

    node: Node
    position: int
    local: float

    @property
    def input(self) -> Node:
        """The node that the step leads to, going back."""
        x: Node = self.node.inputs[self.position]
        return x


class Path(NamedTuple):
    """A path from the root back to the input, the product along it, and its part of all mass."""

    product: float
    part: float
    steps: tuple[PathStep, ...]


class Explanation:
    """A gradient taken apart into paths."""

    def __init__(self, trace: Trace, wrt: Node, most: int) -> None:
        self._trace = trace
        self._most = most
        self.root: Any = trace.root  # or one element of it, as `wrt`
        self.wrt: Any = wrt
        self.names: Names = trace.names
        frame = trace.find(wrt)
        self.gradient: Any = frame.g if frame else 0.0
        self.paths: list[Any] = []
        self._search()

    def _search(self) -> None:
        self._steps = self._between()
        self.count: int
        self.positive: float
        self.negative: float
        self.count, self.positive, self.negative = self._weighed()
        self.paths = [self._path(*found) for found in self._heaviest()]

    def _between(self) -> list[tuple[Place, list[Step]]]:
        """The nodes on paths to `wrt`, with the steps that lead to it."""
        found = []
        for frame, ways in between(self._trace, self.wrt):
            shares, slopes = frame.shares, frame.locals
            steps = [PathStep(frame.node, shares[i].position, slopes[i] or 0.0) for i in ways]
            found.append((frame.node, steps))
        return found

    def _seed(self) -> float:
        return float(self._trace.seed)

    def _weighed(self) -> tuple[int, float, float]:
        """The number of paths, the sum of their positive products, and that of the negative ones.

        The paths to a node are those to its users, edge by edge.
        """
        seed = self._seed()
        known = {self.root: (1, max(seed, 0.0), min(seed, 0.0))}
        for node, steps in self._steps:
            paths, plus, minus = known[node]
            for step in steps:
                count, up, down = known.get(step.input, (0, 0.0, 0.0))
                one, two = _times(step.local, plus), _times(step.local, minus)
                known[step.input] = count + paths, up + max(one, two), down + min(one, two)
        return known.get(self.wrt, (0, 0.0, 0.0))

    def _heaviest(self) -> list[tuple[float, Any]]:
        """The paths with the largest products: a node's are extensions of its inputs' largest."""
        best: dict[Any, list[tuple[float, Any]]] = {self.wrt: [(1.0, None)]}
        for node, steps in reversed(self._steps):
            longer = [
                (step.local * product, (step, rest))
                for step in steps
                for product, rest in best.get(step.input, ())
            ]
            best[node] = nlargest(
                self._most, longer, key=lambda way: math.inf if math.isnan(way[0]) else abs(way[0])
            )
        return best.get(self.root, [])

    def _path(self, product: float, linked: Any) -> Path:
        steps = []
        while linked is not None:
            step, linked = linked
            steps.append(step)
        product *= self._seed()
        mass = self.positive - self.negative
        part = abs(product) / mass if mass and math.isfinite(mass) else math.nan
        return Path(product, part, tuple(steps))

    @property
    def cancelled(self) -> float:
        """The part of the positive mass that the negative mass cancels."""
        return min(self.positive, -self.negative)

    # ---- in words ----

    def __str__(self) -> str:
        lines = [(0, line) for line in (self._head(), *self._tail(), *self._own())]
        lines[1:1] = [row for path in self.paths if path.steps for row in self._rows(path)]
        return folded("\n".join(" " * n + line for n, line in lines))

    __repr__ = __str__

    def _head(self) -> str:
        root, wrt = self._name(self.root), self._name(self.wrt)
        d = f"d {self._atom(self.root)}/d {self._atom(self.wrt)} = {number(self.gradient)}"
        if not self.count:
            return f"{d}: there is no path from {wrt} to {root}, which does not depend on it"
        if self.wrt is self.root:
            return f"{d}, the seed with which the pass begins"
        many = f"sum over {self.count:,} paths" if self.count > 1 else "product along one path"
        return f"{d}, the {many} from {wrt} to {root}"

    def _rows(self, path: Path) -> Iterator[tuple[int, str]]:
        """One path in lines, each with its indentation."""
        yield 2, self._along(path, number(path.product))
        quotients = [f"d {self._atom(x.node)}/d {self._atom(x.input)}" for x in path.steps]
        yield 4, f"= {' × '.join(short(quotients))}"
        formulas = [self._formula(step, "text") for step in path.steps]
        if all(formulas):
            factors = [f"({text})" if " " in text else text for text in formulas]
            yield 4, f"= {' × '.join(short(factors))}"
        seed = [] if self._trace.seed == 1.0 else [f"{number(self._trace.seed)} (the seed)"]
        yield 4, f"= {' × '.join([*seed, *short([number(step.local) for step in path.steps])])}"

    def _along(self, path: Path, brings: str) -> str:
        stops = [self._name(self.root), *(self._name(step.input) for step in path.steps)]
        part = f" ({100 * path.part:.3g} %)" if path.part == path.part else ""
        return f"{brings}{part} along {' → '.join(short(stops[::-1]))}"

    def _name(self, x: Place) -> str:
        return self.names[x]

    def _atom(self, x: Place) -> str:
        return self.names.atom(x)

    def _latex_name(self, x: Place) -> str:
        return latex_name(self.names[x])

    def _formula(self, step: Step, style: str) -> str:
        """The local derivative of a step; "" if there is none to show."""
        return slope(step.node, step.position, self.names, style)

    def _tail(self) -> Iterator[str]:
        if (others := self.count - len(self.paths)) > 0:
            told = math.fsum(path.part for path in self.paths)
            share = f", {100 * max(0.0, 1 - told):.3g} % of all" if told == told else ""
            yield f"and {others:,} more path{'s' * (others > 1)}{share}"
        if self.positive > 0 > self.negative:
            both = f"{number(self.positive)} and {number(self.negative)}"
            yield f"{both} meet: {number(self.cancelled)} cancels"

    def _own(self) -> Iterator[str]:
        """The shares that a recorded node hands on, by its own rule; nothing for a leaf."""
        frame = self._trace.find(self.wrt)
        if frame and frame.node.op:
            yield f"{frame.equation()} hands its gradient on:"
            yield from str(frame).splitlines()[1:]

    # ---- in mathematics ----

    def latex(self) -> str:
        """The sum over paths: with symbols, with numbers, and its value."""
        d = self._fraction(self.root, self.wrt)
        if not self.paths or self.wrt is self.root:
            return f"{d} = {render(self.gradient, 'latex')}"
        hidden = self.count - len(self.paths)
        more = [rf"\underbrace{{\cdots}}_{{{hidden} \text{{ more}}}}"] if hidden else []
        symbols, numbers = zip(*map(self._products, self.paths), strict=True)
        totals = [signed(path.product) for path in self.paths]
        ways = [" + ".join([*terms, *more]) for terms in (numbers, totals)]
        last = render(self.gradient, "latex")
        told = [way for way in dict.fromkeys(ways) if way not in (last, signed(self.gradient))]
        rows = [f"{d} &= " + r" \\ &\quad + ".join([*symbols, *more]), *told, last]
        return r"\begin{aligned} " + r" \\ &= ".join(rows) + r" \end{aligned}"

    def _products(self, path: Path) -> tuple[str, str]:
        """The product along a path, of symbols and of numbers."""
        symbols = short([self._slot(step) for step in path.steps], r"\cdots")
        numbers = short([signed(step.local) for step in path.steps], r"\cdots")
        seed = [] if self._trace.seed == 1.0 else [signed(self._seed())]
        return r" \, ".join([*seed, *symbols]), r" \cdot ".join([*seed, *numbers])

    def _fraction(self, top: Place, bottom: Place) -> str:
        up, down = self._latex_name(top), self._latex_name(bottom)
        return rf"\frac{{\partial {up}}}{{\partial {down}}}"

    def _slot(self, step: Step) -> str:
        fraction = self._fraction(step.node, step.input)
        formula = self._formula(step, "latex")
        return rf"\underbrace{{{fraction}}}_{{{formula}}}" if formula else fraction

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/latex": f"$$ {self.latex()} $$", "text/plain": str(self)}


def between(trace: Trace, wrt: Node) -> list[tuple[Frame, list[int]]]:
    """The frames on paths to a node, and which of their shares lead to it."""
    leads = {wrt}
    found = []
    for frame in reversed(trace[:]):
        ways = [i for i, share in enumerate(frame.shares) if share.input in leads]
        if ways and frame.node is not wrt:
            leads.add(frame.node)
            found.append((frame, ways))
    return found[::-1]


def _times(local: float, mass: float) -> float:
    """The product; 0 if the mass is 0, even if the slope is infinite."""
    return local * mass if mass else 0.0


def short(parts: Sequence[str], dots: str = "...") -> list[str]:
    """The parts, or the first and last few of many."""
    if len(parts) <= MOST_STEPS + 1:
        return list(parts)
    return [*parts[: MOST_STEPS - 2], dots, *parts[-2:]]
