"""Explanations of Tensors: op by op along a path, or number by number for one element.

An operation on arrays hands back more than a product with a number. So a path is shown as the
gradients that arrive at its nodes, and weighed by the norm of the one at its end. One element of a
Tensor does have local derivatives, those of the elements it feeds; they are read off the graph that
each operation's own row records for what it hands back.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..arrays.partial import bare
from ..core.graph import Node, gradients, hand_back
from ..core.kinds import describe
from ..core.modes import Mode
from .abbreviating import plain, shape_of
from .paths import Explanation, Index, Path, PathStep, Place, Step, between
from .tracing import Trace, trace
from .wording import bracketed, latex_name, mathematical, number

MOST_FOLLOWED = 32  # ways to a node that are followed; of more, those that carry most
MOST_LINES = 16  # of a path
MOST_ELEMENTS = 20_000  # that one element may feed


def explain_arrays(root: Node, wrt: Node, paths: int, at: Index) -> Explanation:
    """`explain` for a graph with Tensors."""
    if math.prod(shape_of(root)) != 1:
        raise ValueError(
            "explain takes the gradient of one number, and this root has the shape "
            f"{shape_of(root)}: explain its sum, or one element of it"
        )
    if at is None:
        return TensorExplanation(trace(root), wrt, paths)
    index = at if isinstance(at, tuple) else (at,)
    shape = shape_of(wrt)
    try:
        place = tuple(range(n)[operator.index(i)] for i, n in zip(index, shape, strict=True))
    except (IndexError, TypeError, ValueError):
        raise ValueError(
            f"at is an index of one element of the shape {shape}, not {describe(at)}"
        ) from None
    return ElementExplanation(trace(root), wrt, paths, place)


# ---- op by op ------------------------------------------------------------------------------------


class TensorExplanation(Explanation):
    """A Tensor's gradient as the sum of what each path brings."""

    complete: bool = True  # whether every path was followed to its end

    def _seed(self) -> float:
        """Arrays have no sign, so positive and negative products are not told apart."""
        return math.nan

    def _heaviest(self) -> list[tuple[Any, Any]]:
        found = sorted(self._followed(), key=lambda way: -_norm(way[0]))
        self.norm: float = _norm(self.gradient)
        self.total = sum(_norm(amount) for amount, _ in found)
        return found[: self._most]

    def _followed(self) -> list[tuple[Any, tuple[PathStep, ...]]]:
        """The gradient that each path brings to `wrt`, and the path."""
        carried: dict[Node, list[Any]] = {self.root: [(self._trace.seed, ())]}
        for node, steps in self._steps:
            ways = carried.pop(node)
            if len(ways) > MOST_FOLLOWED:
                self.complete = False
                ways = sorted(ways, key=lambda way: -_norm(way[0]))[:MOST_FOLLOWED]
            for g, path in ways:
                shares = hand_back(node, g)
                for step in steps:
                    way = shares[step.position], (*path, step)
                    carried.setdefault(step.input, []).append(way)
        return carried.get(self.wrt, [])

    def _path(self, amount: Any, steps: tuple[PathStep, ...]) -> Path:
        norm = _norm(amount)
        known = self.complete and self.total and math.isfinite(self.total)
        return Path(bare(amount), norm / self.total if known else math.nan, steps)

    # ---- in words ----

    def _head(self) -> str:
        if not self.count and self.wrt.op == "getitem":
            base = self.names[self.wrt.inputs[0]]
            return (
                f"{super()._head()}: it was made afterwards; for one element of {base}, write "
                f"explain(root, {base}, at=...)"
            )
        head = super()._head()
        return head.replace("the product along one path", "handed back along one path")

    def _rows(self, path: Path) -> Iterator[tuple[int, str]]:
        yield 2, self._along(path, f"norm {number(_norm(path.product))}")
        lines = [f"at {self.names[self.root]}: ḡ = {number(self._trace.seed)}"]
        for step, g in zip(path.steps, self._arriving(path), strict=True):
            formula = self._formula(step, "text")
            told = f"{formula} = {number(g)}" if formula else number(g)
            lines.append(f"at {self.names[step.input]}: {told}")
        if len(lines) > MOST_LINES:
            lines[MOST_LINES // 2 : -MOST_LINES // 2] = ["..."]
        yield from ((4, line) for line in lines)

    def _formula(self, step: Step, style: str) -> str:
        """The share that a step hands on, in terms of the ḡ that arrives."""
        frame = self._trace.frames[step.node]
        share = next(s for s in frame.shares if s.position == step.position)
        formula = frame.formula(share, style)
        if frame.on_arrays or not formula:
            return formula
        return rf"\bar g \cdot {formula}" if style == "latex" else f"ḡ * {bracketed(formula)}"

    def _arriving(self, path: Path) -> list[Any]:
        """The gradient that arrives at each node of a path."""
        g, found = self._trace.seed, []
        for step in path.steps:
            g = hand_back(step.node, g)[step.position]
            found.append(bare(g))
        return found

    def _tail(self) -> Iterator[str]:
        yield from super()._tail()
        if not self.complete:
            yield f"from each node, only the {MOST_FOLLOWED} ways that carry most were followed"
        elif self.count > 1:
            yield (
                f"the norms of the paths add up to {number(self.total)}, and what they bring "
                f"together has the norm {number(self.norm)}"
            )

    # ---- in mathematics ----

    def latex(self) -> str:
        """The gradients along each path, op by op."""
        d = self._fraction(self.root, self.wrt)
        rows = []
        for path in self.paths:
            name = self._latex_name(self.root)
            if len(self.paths) > 1:
                stops = [name, *(self._latex_name(step.input) for step in path.steps)]
                way = r" \to ".join(stops[::-1])
                rows.append(rf"\text{{along }} & {way}")
            rows.append(rf"\text{{at }} {name}: \quad \bar g &= {mathematical(self._trace.seed)}")
            for step, g in zip(path.steps, self._arriving(path), strict=True):
                told = self._formula(step, "latex") or r"\bar g"
                name = self._latex_name(step.input)
                rows.append(rf"\text{{at }} {name}: \quad {told} &= {mathematical(g)}")
        if len(self.paths) == 1 and self.paths[0].steps:  # its last step is the gradient
            rows[-1] = f"{d} = {told} &= {mathematical(self.gradient)}"
        else:
            rows.append(f"{d} &= {mathematical(self.gradient)}")
        return r"\begin{aligned} " + r" \\ ".join(rows) + r" \end{aligned}"


def _norm(x: Any) -> float:
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.sum(np.square(plain(x).astype(float)))))


# ---- number by number ----------------------------------------------------------------------------


class Element(NamedTuple):
    """One element of a node's array, or a node's number."""

    node: Any
    place: tuple[int, ...]


class ElementStep(NamedTuple):
    """From an element of a result to one of its inputs, with the local derivative."""

    node: Element
    input: Element
    local: float


class ElementExplanation(Explanation):
    """The gradient of one element of a Tensor as a sum over paths, like that of a Value.

    A path on which a local derivative is 0 is left out: most elements have only those.
    """

    def __init__(self, trace: Trace, wrt: Any, most: int, index: tuple[int, ...]) -> None:
        self._index = index
        super().__init__(trace, wrt, most)

    def _search(self) -> None:
        g = plain(self.gradient)
        self.gradient: Any = float(g[self._index] if g.shape else g)  # 0.0 where no share arrives
        self._frames = between(self._trace, self.wrt)
        self.wrt: Any = Element(self.wrt, self._index)
        self.root: Any = Element(self.root, (0,) * len(shape_of(self.root)))
        super()._search()

    def _between(self) -> list[tuple[Place, list[Step]]]:
        """Forward, from the element to all elements that it feeds; then reversed."""
        fed: dict[Node, list[Element]] = {self.wrt.node: [self.wrt]}
        found: list[tuple[Any, list[Any]]] = []
        total = 0
        for frame, ways in reversed(self._frames):
            node = frame.node
            steps: dict[Element, list[Any]] = {}
            for i in ways:
                share = frame.shares[i]
                known = fed.get(share.input, [])
                along = pushed(node, share.position, map(unit, known))
                for x, column in zip(known, along, strict=False):
                    for index in np.argwhere(column != 0.0):
                        out = Element(node, tuple(map(int, index)))
                        local = float(column[out.place])
                        steps.setdefault(out, []).append(ElementStep(out, x, local))
            total += len(steps)
            if total > MOST_ELEMENTS:
                raise ValueError(
                    f"this element feeds more than {MOST_ELEMENTS:,} numbers, too many for paths "
                    "from number to number: leave out `at`, or take a smaller batch"
                )
            fed[node] = list(steps)
            found += steps.items()
        leads, kept = {self.root}, []
        for out, ways in reversed(found):
            if out in leads:  # the others do not feed the root
                leads.update(step.input for step in ways)
                kept.append((out, ways))
        return kept

    def _name(self, x: Place) -> str:
        return self.names[x.node] + self._place(x)

    def _atom(self, x: Place) -> str:
        return self.names.atom(x.node) + self._place(x)

    def _latex_name(self, x: Place) -> str:
        place = f"_{{{self._place(x)[1:-1]}}}" if x.place else ""
        return f"{{{latex_name(self.names[x.node])}}}{place}"

    def _place(self, x: Element) -> str:
        return f"[{', '.join(map(str, x.place))}]" if x.place else ""

    def _formula(self, step: Step, style: str) -> str:
        return ""


def pushed(node: Any, position: int, directions: Iterable[Any]) -> Iterator[Any]:
    """The derivatives of a node along directions of an input; none if there is no path.

    A share is linear in the gradient that arrives, so its derivative by that gradient is the
    transpose of the operation's own.
    """
    if node.op in ("element", "elements"):  # elements are passed on unchanged
        index = node._rule.settings["index"] if node.op == "element" else ...
        yield from (np.asarray(direction)[index] for direction in directions)
        return
    with Mode(recording=True, lines=False, anomaly=False):
        arriving = node.kind(node.start(np.ones(shape_of(node)) if shape_of(node) else 1.0))
        share = bare(hand_back(node, arriving, create_graph=True)[position])
        for direction in directions if isinstance(share, Node) else ():
            yield plain(gradients(share, [arriving], direction)[0]).astype(float)


def unit(x: Element) -> Any:
    """1 in the place of an element, and 0 elsewhere; the number 1 for a number."""
    direction: Any = np.zeros(shape_of(x.node))
    direction[x.place] = 1.0
    return direction if x.place else 1.0
