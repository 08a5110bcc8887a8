"""The mistakes that explain a learner's wrong numbers, at every point where they were tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from ..core.graph import Node, apply, gradients, nodes
from ..core.rules import rule
from ..core.value import Value
from ..printing.symbols import Symbol, render
from ..seeing.diagnosing import Match, diagnose, same
from ..seeing.wording import number

MOST = 3  # causes that are told of one fault
CLOSE = 1e-7  # a relative error that finite differences may have
SCALED = "times what it should be"
OTHERS = (
    "exp",
    "log",
    "sin",
    "cos",
    "tan",
    "tanh",
    "sigmoid",
    "sqrt",
    "relu",
    "atan",
    "sinh",
    "cosh",
)
Told = tuple[str, str, str]  # a mistake, what is right, and the operation at fault


class Place(NamedTuple):
    """One point, and what is known there: of each number its name, what is claimed, what is right.

    A verdict is "right", "nearly", "wrong" or "" where nothing can be said. `graph` is that of f,
    as a root and its leaves; None if f has none of single numbers.
    """

    point: str
    names: list[str]
    claimed: list[float]
    right: list[float]
    verdicts: list[str]
    graph: tuple[Any, list[Any]] | None

    def example(self, i: int) -> str:
        """What was claimed here for one number, beside what is right."""
        apart = abs(self.claimed[i] - self.right[i])
        shown = f"{number(self.claimed[i])}, and it is {number(self.right[i])}"
        return f"at {self.point}: {shown} ({apart:.2g} apart)"


def causes(places: Sequence[Place], wrong: Sequence[int], op: str = "") -> list[Told]:
    """The mistakes that give what is claimed for these numbers at every place, likeliest first.

    With `op` only the row of that operation may be wrong.
    """
    simple = [] if len(wrong) > 1 else list(_relations(places, wrong[0]))
    simple = simple or ([] if op else list(_of_a_part(places, wrong)))
    scaled = any(told[0].endswith(SCALED) for told in simple)
    if simple and not scaled:
        return simple[:MOST]
    found = simple + [told for told in _diagnosed(places, wrong, op) if told[2] or not simple]
    if len(wrong) == 1 and len(found) == len(simple):
        found += _of_parts(places, wrong[0])
    return found[:MOST]


def _agree(places: Sequence[Place], i: int, due: Callable[[Place], float]) -> bool:
    """Whether what is claimed for a number is this everywhere, and is wrong somewhere."""
    return all(same(p.claimed[i], x := due(p), abs(x) * CLOSE) for p in places)


def _relations(places: Sequence[Place], i: int) -> Iterator[Told]:
    """How one number relates to the right one, or to other numbers at hand."""
    first = places[0]
    if _agree(places, i, lambda p: 0.0):
        yield "it is 0: nothing is handed to it", "", ""
        return
    for k, name in enumerate(first.names):
        if k != i and _agree(places, i, lambda p, k=k: p.right[k]):  # type: ignore[misc]
            yield f"it is the gradient {name}", "each argument has a gradient of its own", ""
    scale = next((p.claimed[i] / p.right[i] for p in places if p.right[i]), 1.0)
    if scale != 1.0 and _agree(places, i, lambda p: scale * p.right[i]):
        times = f"it is {number(scale)} {SCALED}"
        yield ("its sign is turned" if abs(scale + 1.0) < CLOSE else times), "", ""
    if all(p.graph for p in places) and _agree(places, i, _value):
        yield "it is the value of the function, and not its derivative", "", ""
    changes = any(p.right[i] != first.right[i] for p in places)
    if changes and _agree(places, i, lambda p: first.claimed[i]):
        if first.verdicts[i] == "right":
            accident = f"it is right by accident at {first.point}"
            yield f"{accident}: it is the same number at all points", "", ""
        else:
            yield "it is the same number at all points", "a derivative changes with the point", ""


def _value(place: Place) -> float:
    return float(place.graph[0].data) if place.graph else 0.0


# ---- mistakes in the walk, found by making each --------------------------------------------------


def _diagnosed(places: Sequence[Place], wrong: Sequence[int], op: str) -> list[Told]:
    """The mistakes of the catalogue that give the same wrong numbers at every place."""
    found: dict[Any, Told] | None = None
    for place in places:
        if place.graph is None:
            return []
        root, leaves = place.graph
        order = {node: k for k, node in enumerate(nodes(root))}
        claimed = {leaves[i]: place.claimed[i] for i in wrong if leaves[i] in order}
        diagnosis = diagnose(root, claimed) if claimed else None
        if not diagnosis:  # the mistake is too small to be seen here, or f does not depend on it
            matches = (
                [m for m in diagnosis.matches if op in ("", m.mistake.key)]
                if diagnosis is not None
                else []
            )
            here = {_key(match, order): _told(match, root, op) for match in matches}
            found = here if found is None else {k: told for k, told in found.items() if k in here}
    return list((found or {}).values())


def _key(match: Match, order: dict[Any, int]) -> Any:
    return match.mistake.name, tuple(order[node] for node in match.nodes)


def _told(match: Match, root: Any, op: str) -> Told:
    at = " and ".join(formula(node) for node in match.nodes if node is not root and not op)
    rule = match.mistake.key or (match.nodes[0].op if match.nodes else "")
    return match.mistake.name + (f", at {at}" if at else ""), match.mistake.right, rule


# ---- parts of the function -----------------------------------------------------------------------


def _graphs(places: Sequence[Place]) -> list[list[Any]]:
    """The nodes of each graph, youngest first; none if they are not all of one form."""
    graphs: list[list[Any]] = [nodes(p.graph[0]) for p in places if p.graph]
    forms = {tuple(node.op for node in graph) for graph in graphs}
    return graphs if len(graphs) == len(places) and len(forms) == 1 else []


def _of_a_part(places: Sequence[Place], wrong: Sequence[int]) -> Iterator[Told]:
    """The gradient of a part of the function, where the rest of the chain is lost."""
    right = "follow every path to the root, and multiply along each: the chain rule"
    for node, *others in list(zip(*_graphs(places), strict=False))[1:]:  # the root is the whole
        if node.inputs and all(_is_gradient_of(places, i, [node, *others]) for i in wrong):
            yield f"it is the gradient of {formula(node)} alone", right, ""


def _of_parts(places: Sequence[Place], i: int) -> Iterator[Told]:
    """A factor of the chain that is lost or too many; the derivative of another function."""
    graphs = _graphs(places)
    if not graphs:
        return
    if _agree(places, i, lambda p: _second(p, i)):
        yield "it is the second derivative", "", ""
    for name, factors in _factors(graphs):
        pairs = list(zip(places, factors, strict=True))
        if all(same(p.claimed[i] * x, p.right[i], abs(p.right[i]) * CLOSE) for p, x in pairs):
            yield f"the factor {name} is missing", "multiply along the path: the chain rule", ""
        elif all(same(p.claimed[i], p.right[i] * x, abs(p.claimed[i]) * CLOSE) for p, x in pairs):
            yield f"the factor {name} is one too many", "", ""
    for k, node in enumerate(graphs[0]):
        if len(node.inputs) == 1:
            yield from _of_others(places, i, [graph[k] for graph in graphs])


def _of_others(places: Sequence[Place], i: int, several: list[Any]) -> Iterator[Told]:
    """The derivative of another function in the place of that of an operation on one number."""
    op = several[0].op
    for other in OTHERS:
        with suppress(Exception):  # outside its domain
            pairs = [(*_slopes(node, other), p) for node, p in zip(several, places, strict=True)]
            for sign, minus in ((1.0, ""), (-1.0, "minus ")):
                if other != op and all(
                    same(p.claimed[i] * due, sign * p.right[i] * got, abs(p.right[i] * got) * CLOSE)
                    for due, got, p in pairs
                ):
                    yield (f"{minus}the derivative of {other} stands in the place of that of {op}",
                           f"{op} has a derivative of its own", op)  # fmt: skip


def _slopes(node: Any, other: str) -> tuple[float, float]:
    """The slope of an operation at its input, and that of another operation there."""
    leaf = Value(node.inputs[0].data)
    return float(node.partials[0]), gradients(apply(rule(other), leaf), [leaf])[0]


def _second(place: Place, i: int) -> float:
    root, leaves = place.graph or (Value(0.0), [Value(0.0)])
    slope = gradients(root, leaves, create_graph=True)[i]
    return float(gradients(slope, [leaves[i]])[0])


def _is_gradient_of(places: Sequence[Place], i: int, parts: Sequence[Any]) -> bool:
    return all(
        same(p.claimed[i], x := gradients(part, [p.graph[1][i]])[0], abs(x) * CLOSE)
        for p, part in zip(places, parts, strict=True)
        if p.graph
    )


def _factors(graphs: list[list[Any]]) -> Iterator[tuple[str, list[float]]]:
    """The local derivatives and values in the graphs, with their formulas."""
    for k, node in enumerate(graphs[0]):
        several = [graph[k] for graph in graphs]
        for j, local in enumerate(node.partials if node.inputs else ()):
            if local is not None:
                name = f"d({formula(node)})/d({formula(node.inputs[j])})"
                yield name, [x.partials[j] for x in several]
        yield formula(node), [x.data for x in several]


def formula(node: Any) -> str:
    """A node as a formula of the leaves."""
    return render(_symbol(node), "text")


def _symbol(node: Any) -> Any:
    if not isinstance(node, Node):
        return node
    if not node.inputs:
        return Symbol.named(node.label or number(node.data))
    return Symbol(node.op, *map(_symbol, node.inputs))
