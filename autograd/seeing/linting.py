"""What is probably not meant in a graph: `lint(root)` reads it and says so. It changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from ..core.graph import Node, gradient_or_none, nodes, sweep, youngest_first
from ..core.kinds import describe
from ..core.rules import flat
from ..support.errors import line_of
from .formats import is_array
from .wording import Names, folded, number

FLAT = 1e-6  # the slope below which a unit counts as saturated
LENGTHS = ("hypot", "norm", "std")  # each has its kink where it is 0
MOST_TOLD = 5  # of one kind of finding
Found = Iterator[tuple[Node, str]]


def lint(root: Any, parameters: Iterable[Any] = ()) -> Lint:
    """What in this graph is probably a mistake, and what to do; an empty answer is good news.

    `parameters` are the nodes that are to be trained, such as `model.parameters()`: with them,
    those that the root does not depend on are found too.

    >>> from autograd import Value
    >>> x = Value(30.0, label="x")
    >>> print(lint(x.sigmoid().log()))
    v1 = sigmoid(x) is saturated: its slope is 9.35762e-14
        scale its input down, or use a loss that takes the input itself (logits)
    v2 is the log of sigmoid(x): a sigmoid that rounds to 0 or 1 spoils it
        use x.logsigmoid(), or a loss that takes logits
    """
    if not isinstance(root, Node):
        raise TypeError(f"lint takes the node a graph hangs on, a loss say, not {describe(root)}")
    trained = list(parameters)
    for node in trained:
        if not isinstance(node, Node):
            raise TypeError(f"parameters are nodes, not {describe(node)}")
    return Lint(root, trained)


class Finding(NamedTuple):
    """Something odd about a node: which check found it, what it is, and what to do."""

    check: str
    node: Node
    what: str
    cure: str
    line: str = ""

    def __str__(self) -> str:
        at = f"\n    at {self.line}" if self.line else ""
        return folded(f"{self.what}\n    {self.cure}{at}")


class Graph:
    """What the checks ask of a graph."""

    def __init__(self, root: Node, parameters: list[Node]) -> None:
        self.root = root
        self.parameters = parameters
        self.nodes = nodes(root)[::-1]
        self.names = Names(root)

    def name(self, node: Node) -> str:
        """What the node is called, and what it is made of."""
        if len(node.inputs) == 1 and isinstance(node.inputs[0], Node):
            return f"{self.names[node]} = {node.op}({self.names[node.inputs[0]]})"
        return self.names[node]


class Lint(list[Finding]):
    """The findings, oldest node first within each check."""

    def __init__(self, root: Node, parameters: list[Node]) -> None:
        graph = Graph(root, parameters)
        for name, (check, cure) in CHECKS.items():
            for node, what in check(graph):
                self.append(Finding(name, node, what, cure, line_of(node)))

    def __str__(self) -> str:
        if not self:
            return "nothing odd was found"
        lines = []
        for name in CHECKS:
            same = [finding for finding in self if finding.check == name]
            lines += [str(finding) for finding in same[:MOST_TOLD]]
            if len(same) > MOST_TOLD:
                lines.append(f"... and {len(same) - MOST_TOLD:,} more like these ({name})")
        return "\n".join(lines)

    __repr__ = __str__


# ---- the checks ----------------------------------------------------------------------------------


def _stale(graph: Graph) -> Found:
    for node in graph.nodes:
        for x in node.inputs:
            if isinstance(x, Node) and x._born > node._born:
                name = graph.names[x]
                yield x, f"{name} was rebound (it is {number(x.data)} now) after it was used"
                return  # one such leaf spoils the whole graph


def _unreached(graph: Graph) -> Found:
    if any(True for _ in _stale(graph)):
        return  # no walk is possible
    reached = {node for node, _, _ in sweep(graph.root, _seed(graph.root))}
    root = graph.names[graph.root]
    for node in graph.parameters:
        if node not in reached:
            yield node, f"{root} does not depend on the parameter {graph.names[node]}"


def _flat(graph: Graph) -> Found:
    live = {graph.root}
    for node in reversed(graph.nodes):
        if node in live:
            live.update(x for x, passes in _ways(node) if passes)
    wanted = graph.parameters or [node for node in graph.nodes if not node.inputs]
    dead = set(wanted) - live
    below = set(dead)  # the nodes that a gradient for these would pass
    for node in graph.nodes:
        ways = [(x, passes) for x, passes in _ways(node) if x in below]
        if any(passes for _, passes in ways):
            below.add(node)
        if stopped := [x for x, passes in ways if not passes]:
            lost = dead.intersection(chain.from_iterable(map(nodes, stopped)))
            names = [graph.names[x] for x in sorted(lost, key=youngest_first, reverse=True)]
            more = f" and {len(names) - MOST_TOLD:,} more" if len(names) > MOST_TOLD else ""
            made = f"{graph.names[node]} = {node.op}({', '.join(graph.names[x] for x in stopped)})"
            of = ", ".join(names[:MOST_TOLD]) + more
            yield node, f"{made} lets no gradient through: the gradient of {of} is 0"


def _ways(node: Any) -> Iterator[tuple[Node, bool]]:
    """The inputs that are nodes, each with whether it may have a gradient other than 0."""
    for i, x in enumerate(node.inputs):
        if isinstance(x, Node):
            column = node._rule.columns[0 if node._rule.variadic else i]
            yield x, column is not flat and (node.op, i) != ("where", 0)


def _seed(root: Any) -> Any:
    if not root.broadcasts:
        return root.start(1.0)
    from .array_linting import ones

    return ones(root)


def _recorded_update(graph: Graph) -> Found:
    for node in graph.parameters:
        if node.inputs:
            yield node, f"the parameter {graph.names[node]} is the result of {node.op}, and no leaf"
    known = set(graph.parameters)
    for node in graph.nodes:
        if node not in known and _is_update(node):
            name = graph.names[node.inputs[0]]
            yield (
                node,
                f"{graph.names[node]} looks like a recorded update: {name} - rate * {name}.grad",
            )


def _is_update(node: Node) -> bool:
    """Whether it is x - c where c is x's own gradient times a short number."""
    if node.op not in ("sub", "add") or len(node.inputs) != 2:
        return False
    x, step = node.inputs
    g = gradient_or_none(x) if isinstance(x, Node) else None
    if is_array(step) and g is not None:
        from .array_linting import rate_of

        rate = rate_of(step, g) * (1.0 if node.op == "sub" else -1.0)
        return 0 < rate <= 10 and math.isclose(rate, float(f"{rate:.3g}"), rel_tol=1e-9)
    if not isinstance(step, float) or not isinstance(g, float) or not g or not step:
        return False
    if step == float(f"{step:.4g}"):
        return False  # a number that somebody may have typed
    rate = step / g if node.op == "sub" else -step / g
    return 0 < rate <= 10 and math.isclose(rate, float(f"{rate:.3g}"), rel_tol=1e-12)


def _saturated(graph: Graph) -> Found:
    for node in graph.nodes:
        if node._rule is None or not node._rule.fact.saturates:
            continue
        if node.broadcasts:
            from .array_linting import saturated

            flat, size = saturated(node, FLAT), math.prod(_shape(node))
            if 2 * flat > size:
                yield node, f"{graph.name(node)} is saturated in {flat:,} of {size:,} elements"
            continue
        slope = _slope(node)
        if slope is not None and abs(slope) < FLAT:
            yield node, f"{graph.name(node)} is saturated: its slope is {number(slope)}"


def _slope(node: Any) -> float | None:
    try:
        slope: float | None = node.partials[0]
    except RuntimeError:  # a stale graph
        return None
    return slope


def _at_kink(graph: Graph) -> Found:
    for node in graph.nodes:
        if count := at_kink(node):
            inputs = [x for x in node.inputs if isinstance(x, Node)]
            where = ", ".join(f"{graph.names[x]} = {number(x.data)}" for x in inputs)
            if node.broadcasts:
                where = f"in {count:,} of {math.prod(_shape(node)):,} elements"
            made = f"{graph.names[node]} = {node.op}({', '.join(graph.names[x] for x in inputs)})"
            yield node, f"{made} is exactly at its kink: {where}"


def at_kink(node: Any) -> int:
    """In how many elements an operation is exactly at a kink, so that its slope is a convention."""
    if not node.inputs or all(column is flat for column in node._rule.columns):
        return 0
    if node.broadcasts:
        from .array_linting import kinks

        return kinks(node, LENGTHS)
    kink = node._rule.fact.kink
    if kink is None:
        return int(node.op in LENGTHS and node._data == 0.0)
    return int(kink(*(x._data if isinstance(x, Node) else x for x in node.inputs)) == 0.0)


def _softmax_by_hand(graph: Graph) -> Found:
    for node in graph.nodes:
        exps = _softmax_terms(node)
        if exps and exps[0].broadcasts:
            from .array_linting import is_shifted

            if not is_shifted(node):
                softmax = f"{graph.names[node]} is a softmax"
                yield node, f"{softmax} written without the shift: exp overflows from 710 on"
        elif exps and max(_exponent(x) for x in exps) != 0.0:
            softmax = f"{graph.names[node]} is a softmax of {len(exps)}"
            yield node, f"{softmax} written without the shift: exp overflows from 710 on"


def _softmax_terms(node: Any) -> list[Any]:
    """The exponentials of exp(x) / (exp(x) + exp(y) + ...), [] for anything else."""
    if node.op != "div" or not all(isinstance(x, Node) for x in node.inputs):
        return []
    above, below = node.inputs
    if above.op == "exp" and below.op == "sum" and below._rule.of_arrays:
        return [above] if below.inputs[0] is above else []
    terms = _terms(below)
    exps = [x for x in terms if isinstance(x, Node) and x.op == "exp"]
    whole = len(exps) == len(terms) > 1
    return exps if whole and any(x is above for x in exps) else []


def _terms(node: Any) -> list[Any]:
    """What a tree of additions adds up."""
    found, waiting = [], [node]
    while waiting:
        x = waiting.pop()
        if isinstance(x, Node) and x.op in ("add", "sum"):
            waiting += x.inputs
        elif isinstance(x, Node) or is_array(x) or x != 0.0:  # sum() begins with a 0
            found.append(x)
    return found


def _exponent(exp: Any) -> float:
    (x,) = exp.inputs
    return float(x.data)


def _log_of_softmax(graph: Graph) -> Found:
    for node in graph.nodes:
        x = node.inputs[0] if node.op == "log" else None
        if isinstance(x, Node) and (x.op == "softmax" or _softmax_terms(x)):
            yield (
                node,
                f"{graph.names[node]} is the log of a softmax: it is -inf where that rounds to 0",
            )


def _log_of_sigmoid(graph: Graph) -> Found:
    for node in graph.nodes:
        x: Any = node.inputs[0] if node.op == "log" else None
        if isinstance(x, Node) and x.op == "sub" and isinstance(x.inputs[0], float):
            x = x.inputs[1] if x.inputs[0] == 1.0 else x
        if isinstance(x, Node) and x.op == "sigmoid":
            z = graph.names[x.inputs[0]]
            log = f"{graph.names[node]} is the log of sigmoid({z})"
            yield node, f"{log}: a sigmoid that rounds to 0 or 1 spoils it"


def _not_finite(graph: Graph) -> Found:
    for node in graph.nodes:
        data = [x.data if isinstance(x, Node) else x for x in (node, *node.inputs)]
        if any(hasattr(x, "shape") for x in data):
            from .array_linting import new_nonfinite

            if told := new_nonfinite(data):
                yield node, f"{graph.name(node)} has {told}, and its inputs have none"
            continue
        if all(isinstance(x, float) for x in data):
            own, *others = map(math.isfinite, data)
            if not own and all(others):
                given = ", ".join(map(number, data[1:]))
                of = f" = {node.op}({given})" if given else ""
                yield node, f"{graph.names[node]}{of} is {number(data[0])}"


def _outer(graph: Graph) -> Found:
    for node in graph.nodes:
        if not node.broadcasts or len(node.inputs) != 2 or node._rule.of_arrays:
            continue
        a, b = (_shape(x) for x in node.inputs)
        out = _shape(node)
        if a and b and sorted(a) != sorted(b) and math.prod(a) == math.prod(b) < math.prod(out):
            made = f"{graph.names[node]} = {node.op} of the shapes {a} and {b}"
            yield node, f"{made} has the shape {out}"


def _shape(x: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = getattr(x.data if isinstance(x, Node) else x, "shape", ())
    return shape


CHECKS: dict[str, tuple[Callable[[Graph], Found], str]] = {
    "stale": (_stale, "compute the result again after changing .data, then go back"),
    "unreached": (
        _unreached,
        "use it where it counts, or leave it out; was .data taken where the node is meant?",
    ),
    "flat": (
        _flat,
        "put something smooth in its place, or register an operation whose rule passes g on",
    ),
    "recorded update": (
        _recorded_update,
        "update the number and not the graph: p.data -= rate * p.grad",
    ),
    "not finite": (
        _not_finite,
        "see which of its inputs is out of range; detect_anomaly() stops there",
    ),
    "outer": (
        _outer,
        "was each element meant to meet its own? then bring both to one shape with reshape",
    ),
    "at a kink": (
        _at_kink,
        "its slope there is a convention, and second derivatives may be wrong: that of abs(x) ** 2 "
        "at 0 is 0; write what is smooth without it: x * x",
    ),
    "saturated": (
        _saturated,
        "scale its input down, or use a loss that takes the input itself (logits)",
    ),
    "softmax without shift": (
        _softmax_by_hand,
        "use softmax(xs), or subtract the largest x first",
    ),
    "log of softmax": (
        _log_of_softmax,
        "use log_softmax(xs), or a cross entropy that takes logits",
    ),
    "log of sigmoid": (
        _log_of_sigmoid,
        "use x.logsigmoid(), or a loss that takes logits",
    ),
}
