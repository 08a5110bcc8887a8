"""The mistakes that explain a learner's wrong numbers, at every point where they were tried."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import NamedTuple

from ..core import functions
from ..core.graph import Node, gradients, nodes
from ..core.value import Value
from ..printing.symbols import Symbol, render
from ..seeing.diagnosing import Match, diagnose, same
from ..seeing.wording import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

MOST = 3  # causes that are told of one fault
NEARLY = 1e-7  # the relative error of good finite differences
SCALED = "times what it should be"
CHAIN = "follow every path to the root, and multiply along each: the chain rule"
OTHERS = ("exp", "log", "sin", "cos", "tan", "tanh", "sigmoid", "sqrt", "relu", "atan", "sinh",
          "cosh")  # fmt: skip


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
    graph: Any
    given: bool = False  # by the teacher

    def example(self, i: int) -> str:
        """What was claimed here for one number, beside what is right."""
        apart = abs(self.claimed[i] - self.right[i])
        shown = f"{number(self.claimed[i])}, and it is {number(self.right[i])}"
        return f"at {self.point}: {shown} ({apart:.2g} apart)"


class Cause(NamedTuple):
    """A mistake in words, what is right, and the operation or the structure at fault."""

    text: str
    right: str = ""
    rule: str = ""
    kind: str = "rule"


def causes(places: Sequence[Place], wrong: Sequence[int], op: str = "") -> list[Cause]:
    """The mistakes that give what is claimed for these numbers at every place, likeliest first.

    With `op` only the row of that operation may be wrong.
    """

    def holding(guesses: Iterable[tuple[Cause, Any]]) -> list[Cause]:
        return [cause for cause, due in guesses if all(_agree(places, i, due) for i in wrong)]

    alone = len(wrong) == 1
    found = holding(_relations(places, wrong))
    found = found or ([] if op else holding(_parts(places)))
    if not found or found[0].text.endswith(SCALED):
        found += [cause for cause in _diagnosed(places, wrong, op) if cause.rule or not found]
        if alone and all(cause.text.endswith(SCALED) for cause in found):
            found += holding(_other_derivatives(places))
    return found[:MOST]


def _agree(places: Sequence[Place], i: int, due: Callable[[Place, int], float]) -> bool:
    """Whether what is claimed for a number is this everywhere."""
    with suppress(Exception):  # outside a domain
        return all(same(p.claimed[i], x := due(p, i), abs(x) * NEARLY) for p in places)
    return False


def _relations(places: Sequence[Place], wrong: Sequence[int]) -> Iterator[tuple[Cause, Any]]:
    """How numbers may relate to the right ones, or to others at hand."""
    first, i = places[0], wrong[0]
    if not any(p.claimed[k] for p in places for k in wrong):
        yield Cause("it is 0: nothing is handed to it"), lambda p, i: 0.0
        return
    for k, name in enumerate(first.names):
        if [k] != wrong:
            words = f"it is the gradient {name}", "each argument has a gradient of its own"
            yield Cause(*words), lambda p, i, k=k: p.right[k]
    scale = next((p.claimed[i] / p.right[i] for p in places if p.right[i]), 1.0)
    turned = abs(scale + 1.0) < NEARLY
    if scale != 1.0:
        text = "its sign is turned" if turned else f"it is {number(scale)} {SCALED}"
        yield Cause(text), lambda p, i: scale * p.right[i]
    text = "it is the value of the function, and not its derivative"
    yield Cause(text), lambda p, i: p.graph[0].data
    if any(p.right[i] != first.right[i] for p in places):
        accident = f"it is right by accident at {first.point}: "
        text = accident * (first.verdicts[i] == "right") + "it is the same number at all points"
        words = text, "a derivative changes with the point"
        yield Cause(*words), lambda p, i: first.claimed[i]


def _parts(places: Sequence[Place]) -> Iterator[tuple[Cause, Any]]:
    """The gradient of a part of the function, where the rest of the chain is lost."""
    for k, node in enumerate(_nodes(places[0])):
        if k and node.inputs:  # the root is the whole
            cause = Cause(f"it is the gradient of {formula(node)} alone", CHAIN)
            yield cause, lambda p, i, k=k: gradients(_nodes(p)[k], [p.graph[1][i]])[0]


def _nodes(place: Place) -> list[Any]:
    return nodes(place.graph[0]) if place.graph else []


def _other_derivatives(places: Sequence[Place]) -> Iterator[tuple[Cause, Any]]:
    """The second derivative, or that of another function in the place of an operation's."""
    yield Cause("it is the second derivative"), _second
    for k, node in enumerate(_nodes(places[0])):
        for other in OTHERS if len(node.inputs) == 1 else ():
            for sign, minus in ((1.0, ""), (-1.0, "minus ")):
                text = f"{minus}the derivative of {other} stands in the place of that of {node.op}"
                cause = Cause(text, f"{node.op} has a derivative of its own", node.op)
                yield cause, partial(_with_other, k, getattr(functions, other), sign)


def _second(place: Place, i: int) -> float:
    root, leaves = place.graph
    slope = gradients(root, leaves, create_graph=True)[i]
    return float(gradients(slope, [leaves[i]])[0])


def _with_other(k: int, other: Any, sign: float, place: Place, i: int) -> float:
    """The right number, with the slope of another function in the place of one node's."""
    node = _nodes(place)[k]
    leaf = Value(node.inputs[0].data)
    return float(sign * place.right[i] * gradients(other(leaf), [leaf])[0] / node.partials[0])


def _diagnosed(places: Sequence[Place], wrong: Sequence[int], op: str) -> list[Cause]:
    """The mistakes of the catalogue that give the same wrong numbers at every place."""
    found: dict[Any, Cause] | None = None
    for place in places:
        order = {node: k for k, node in enumerate(_nodes(place))}
        leaves = place.graph[1] if order else []
        claimed = {leaves[i]: place.claimed[i] for i in wrong if order and leaves[i] in order}
        diagnosis = diagnose(place.graph[0], claimed) if claimed else None
        if not diagnosis:  # the mistake is too small to be seen here, or f does not depend on it
            here = {
                (match.mistake.name, *map(order.get, match.nodes)): _told(match, op)
                for match in (diagnosis.matches if diagnosis is not None else [])
                if op in ("", match.mistake.key)
            }
            found = here if found is None else {k: found[k] for k in found if k in here}
    return list((found or {}).values())


def _told(match: Match, op: str) -> Cause:
    at = " and ".join(formula(node) for node in match.nodes) if not op else ""
    row = match.mistake.key or (match.nodes[0].op if match.nodes else "")
    return Cause(match.mistake.name + (f", at {at}" if at else ""), match.mistake.right, row)


def formula(node: Any) -> str:
    """A node as a formula of the leaves."""
    return render(_symbol(node), "text")


def _symbol(node: Any) -> Any:
    if not isinstance(node, Node):
        return node
    if not node.inputs:
        return Symbol.named(node.label or number(node.data))
    return Symbol(node.op, *map(_symbol, node.inputs))
