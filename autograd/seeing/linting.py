"""Probable mistakes in a graph: `lint(root)` reads it and reports them. It changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from itertools import chain
from typing import Any, Final, NamedTuple

from ..core.functions import maximum
from ..core.graph import Node, data_of, gradient_or_none, hand_back, nodes, sweep, youngest_first
from ..core.kinds import describe
from ..core.rules import flat
from ..support.errors import is_finite, line_of
from .abbreviating import is_array, plain, shape_of
from .mistakes import whole
from .wording import Names, folded, number

FLAT = 1e-6  # the slope below which a unit counts as saturated
MOST_TOLD = 5  # of one kind of finding
TWICE = {
    "sigmoid": ("sigmoid", "logsigmoid", "softplus"),  # the last two are in losses of logits
    "softmax": ("softmax", "log_softmax", "logsumexp"),
}
CARRIERS = ("neg", "mul", "reshape", "getitem", "transpose")
Found = Iterator[tuple[Node, str]]


def lint(root: object, parameters: Iterable[Any] = ()) -> Lint:
    """Probable mistakes in this graph, each with a cure; an empty list is good news.

    `parameters` are the nodes to be trained, such as `model.parameters()`: with them, those that
    the root does not depend on are found too.

    >>> from autograd import Value
    >>> x = Value(30.0, label="x")
    >>> print(lint(x.sigmoid().log()))
    v1 = sigmoid(x) is saturated: its slope is 9.35762e-14
        scale its input down, or use a loss that takes the input itself (logits)
    v2 is the log of sigmoid(x): a sigmoid that rounds to 0 or 1 spoils it
        use x.logsigmoid(), or a loss that takes logits
    """
    if not isinstance(root, Node):
        raise TypeError(f"lint takes the root of a graph, such as a loss, not {describe(root)}")
    trained = list(parameters)
    for node in trained:
        if not isinstance(node, Node):
            raise TypeError(f"parameters are nodes, not {describe(node)}")
    return Lint(root, trained)


class LintFinding(NamedTuple):
    """A probable mistake at a node: the check that found it, what it is, and what to do."""

    check: str
    node: Node
    what: str
    cure: str
    line: str = ""

    def __str__(self) -> str:
        at = f"\n    at {self.line}" if self.line else ""
        return folded(f"{self.what}\n    {self.cure}{at}")


class LintedGraph:
    """A graph as the checks read it."""

    def __init__(self, root: Node, parameters: list[Node]) -> None:
        self.root = root
        self.parameters = parameters
        self.nodes: Final = nodes(root)[::-1]
        self.names: Final = Names(root)

    def name(self, node: Node) -> str:
        """The node's name, and how it was made, if that is from one node."""
        single = len(node.inputs) == 1 and isinstance(node.inputs[0], Node)
        return self.made(node, node.inputs) if single else self.names[node]

    def made(self, node: Node, inputs: Iterable[Any]) -> str:
        """How a node was made from these inputs."""
        return f"{self.names[node]} = {node.op}({', '.join(self.names[x] for x in inputs)})"


class Lint(list[LintFinding]):
    """The findings, oldest node first within each check."""

    def __init__(self, root: Node, parameters: list[Node]) -> None:
        graph = LintedGraph(root, parameters)
        for name, (check, cure) in CHECKS.items():
            for node, what in check(graph):
                self.append(LintFinding(name, node, what, cure, line_of(node)))

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

Check = Callable[[LintedGraph], Found]
CHECKS: dict[str, tuple[Check, str]] = {}  # in the order in which findings are listed


def _check(name: str, cure: str) -> Callable[[Check], Check]:
    """Add a check under its name; `cure` says what to do about its findings."""

    def add(check: Check) -> Check:
        CHECKS[name] = check, cure
        return check

    return add


@_check("stale", "compute the result again after changing .data, then go back")
def _stale(graph: LintedGraph) -> Found:
    for node in graph.nodes:
        for x in node.inputs:
            if isinstance(x, Node) and x._born > node._born:
                name = graph.names[x]
                yield x, f"{name} was rebound (it is {number(x.data)} now) after it was used"
                return  # one such leaf spoils the whole graph


@_check(
    "unreached", "use it where it counts, or leave it out; was .data taken where the node is meant?"
)
def _unreached(graph: LintedGraph) -> Found:
    if any(True for _ in _stale(graph)):
        return  # the walk would raise
    reached = {node for node, _, _ in sweep(graph.root, _ones(graph.root))}
    root = graph.names[graph.root]
    for node in graph.parameters:
        if node not in reached:
            yield node, f"{root} does not depend on the parameter {graph.names[node]}"


@_check(
    "flat", "put something smooth in its place, or register an operation whose rule passes g on"
)
def _flat(graph: LintedGraph) -> Found:
    live = {graph.root}
    for node in reversed(graph.nodes):
        if node in live:
            live.update(x for x, passes in _ways(node) if passes)
    wanted = graph.parameters or [node for node in graph.nodes if not node.inputs]
    dead = set(wanted) - live
    below = set(dead)  # the nodes that a gradient would have to pass on its way
    for node in graph.nodes:
        ways = [(x, passes) for x, passes in _ways(node) if x in below]
        if any(passes for _, passes in ways):
            below.add(node)
        if stopped := [x for x, passes in ways if not passes]:
            lost = dead.intersection(chain.from_iterable(map(nodes, stopped)))
            names = [graph.names[x] for x in sorted(lost, key=youngest_first, reverse=True)]
            more = f" and {len(names) - MOST_TOLD:,} more" if len(names) > MOST_TOLD else ""
            of = ", ".join(names[:MOST_TOLD]) + more
            yield (
                node,
                f"{graph.made(node, stopped)} lets no gradient through: the gradient of {of} is 0",
            )


def _ways(node: Any) -> Iterator[tuple[Node, bool]]:
    """The inputs that are nodes, and whether a gradient other than 0 may reach each."""
    for i, x in enumerate(node.inputs):
        if isinstance(x, Node):
            column = node._rule.columns[0 if node._rule.variadic else i]
            yield x, column is not flat and (node.op, i) != ("where", 0)


@_check("recorded update", "update the number and not the graph: p.data -= rate * p.grad")
def _recorded_update(graph: LintedGraph) -> Found:
    for node in graph.parameters:
        if node.inputs:
            yield node, f"the parameter {graph.names[node]} is the result of {node.op}, and no leaf"
    known = set(graph.parameters)
    for node in graph.nodes:
        if node not in known and _is_update(node):
            made, name = graph.names[node], graph.names[node.inputs[0]]
            yield node, f"{made} looks like a recorded update: {name} - rate * {name}.grad"


def _is_update(node: Node) -> bool:
    """Whether it is x - c, where c is x's own gradient times a short number."""
    if node.op not in ("sub", "add") or len(node.inputs) != 2:
        return False
    x, step = node.inputs
    g = gradient_or_none(x) if isinstance(x, Node) else None
    if g is None or isinstance(step, Node):
        return False
    rate = _rate(step, g) * (1.0 if node.op == "sub" else -1.0)
    within = 1e-9 if is_array(step) else 1e-12
    return 0 < rate <= 10 and math.isclose(rate, float(f"{rate:.3g}"), rel_tol=within)


@_check("not finite", "see which of its inputs is out of range; detect_anomaly() stops there")
def _not_finite(graph: LintedGraph) -> Found:
    for node in graph.nodes:
        data = [x.data if isinstance(x, Node) else x for x in (node, *node.inputs)]
        if any(hasattr(x, "shape") for x in data):
            if told := _new_nonfinite(data):
                yield node, f"{graph.name(node)} has {told}, and its inputs have none"
            continue
        if all(isinstance(x, float) for x in data):
            own, *others = data
            new_inf = abs(own) == math.inf and all(map(math.isfinite, others))
            if new_inf or (math.isnan(own) and not any(map(math.isnan, others))):
                given = ", ".join(map(number, data[1:]))
                of = f" = {node.op}({given})" if given else ""
                yield node, f"{graph.names[node]}{of} is {number(data[0])}"


@_check(
    "infinite slope",
    "keep its input away from there, or choose with where(): the branch not taken has no gradient",
)
def _infinite_slope(graph: LintedGraph) -> Found:
    if any(True for _ in _stale(graph)):
        return
    found = [
        (node, node.inputs[i])
        for node, g, shares in sweep(graph.root, _ones(graph.root))
        if is_finite(node) and is_finite(whole(g))
        for i, share in enumerate(shares)
        if share is not None and not is_finite(whole(share)) and is_finite(node.inputs[i])
    ]
    for node, x in reversed(found):
        at = f": {graph.names[x]} = {number(x.data)}" if not node.broadcasts else ""
        yield node, f"{graph.made(node, [x])} has an infinite slope{at}"


@_check(
    "outer", "was each element meant to meet its own? then bring both to one shape with reshape"
)
def _outer(graph: LintedGraph) -> Found:
    for node in graph.nodes:
        if not node.broadcasts or len(node.inputs) != 2 or node._rule.of_arrays:
            continue
        a, b, out = map(shape_of, (*node.inputs, node))
        if a and b and sorted(a) != sorted(b) and math.prod(a) == math.prod(b) < math.prod(out):
            made = f"{graph.names[node]} = {node.op} of the shapes {a} and {b}"
            yield node, f"{made} has the shape {out}"


@_check(
    "at a kink",
    "its slope there is a convention, and so are second derivatives: that of relu(x) ** 2 at 0 is "
    "0, though it is 2 on one side",
)
def _at_kink(graph: LintedGraph) -> Found:
    for node in graph.nodes:
        if count := at_kink(node):
            inputs = [x for x in node.inputs if isinstance(x, Node)]
            where = ", ".join(f"{graph.names[x]} = {number(x.data)}" for x in inputs)
            if node.broadcasts:
                where = f"in {count:,} of {math.prod(shape_of(node)):,} elements"
            yield node, f"{graph.made(node, inputs)} is exactly at its kink: {where}"


def at_kink(node: Any) -> int:
    """The number of elements at a kink of an operation, where its slope is a convention."""
    if not node.inputs or all(column is flat for column in node._rule.columns):
        return 0
    if node.broadcasts:
        return _array_kinks(node)
    kink = node._rule.fact.kink
    if kink is None:
        return int(node._rule.fact.length and node._data == 0.0)
    return int(kink(*map(data_of, node.inputs)) == 0.0)


@_check("saturated", "scale its input down, or use a loss that takes the input itself (logits)")
def _saturated(graph: LintedGraph) -> Found:
    for node in graph.nodes:
        if node._rule is None or not node._rule.fact.saturates:
            continue
        if node.broadcasts:
            (slope,) = hand_back(node, _ones(node))
            count, size = int((abs(plain(slope)) < FLAT).sum()), math.prod(shape_of(node))
            if 2 * count > size:
                yield node, f"{graph.name(node)} is saturated in {count:,} of {size:,} elements"
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


@_check("softmax without shift", "use softmax(xs), or subtract the largest x first")
def _softmax_by_hand(graph: LintedGraph) -> Found:
    for node in graph.nodes:
        exps = _softmax_terms(node)
        if exps and not _is_shifted(node, exps):
            many = "" if exps[0].broadcasts else f" of {len(exps)}"
            softmax = f"{graph.names[node]} is a softmax{many}"
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
    """The terms that a tree of additions adds up."""
    found, waiting = [], [node]
    while waiting:
        x = waiting.pop()
        if isinstance(x, Node) and x.op in ("add", "sum"):
            waiting += x.inputs
        elif isinstance(x, Node) or is_array(x) or x != 0.0:  # sum() begins with a 0
            found.append(x)
    return found


@_check("log of softmax", "use log_softmax(xs), or a cross entropy that takes logits")
def _log_of_softmax(graph: LintedGraph) -> Found:
    for node in graph.nodes:
        x = node.inputs[0] if node.op == "log" else None
        if isinstance(x, Node) and (x.op == "softmax" or _softmax_terms(x)):
            log = f"{graph.names[node]} is the log of a softmax"
            yield node, f"{log}: it is -inf where that rounds to 0"


@_check("log of sigmoid", "use x.logsigmoid(), or a loss that takes logits")
def _log_of_sigmoid(graph: LintedGraph) -> Found:
    for node in graph.nodes:
        x: Any = node.inputs[0] if node.op == "log" else None
        if isinstance(x, Node) and x.op == "sub" and isinstance(x.inputs[0], float):
            x = x.inputs[1] if x.inputs[0] == 1.0 else x
        if isinstance(x, Node) and x.op == "sigmoid":
            z = graph.names[x.inputs[0]]
            log = f"{graph.names[node]} is the log of sigmoid({z})"
            yield node, f"{log}: a sigmoid that rounds to 0 or 1 spoils it"


@_check("squashed twice", "leave the first one out: the second takes logits, which have no bounds")
def _squashed_twice(graph: LintedGraph) -> Found:
    for node in graph.nodes:
        for first, later in TWICE.items():
            inputs = [x for x in node.inputs if isinstance(x, Node)] if node.op in later else []
            sources = map(_source, inputs)
            if any(x.op == first or (first == "softmax" and _softmax_terms(x)) for x in sources):
                yield node, f"{graph.names[node]} is the {node.op} of what a {first} returned"


def _source(x: Any) -> Any:
    """The node whose elements x has, reordered or with other signs."""
    while isinstance(x, Node) and x.op in CARRIERS:
        inner = [y for y in x.inputs if isinstance(y, Node)]
        signs = [abs(plain(y)) == 1.0 for y in x.inputs if not isinstance(y, Node)]
        if len(inner) != 1 or not all(s if isinstance(s, bool) else s.all() for s in signs):
            break
        x = inner[0]
    return x


# ---- the checks of arrays ------------------------------------------------------------------------


def _ones(node: Any) -> Any:
    """A gradient of ones to begin with."""
    if not node.broadcasts:
        return node.start(1.0)
    ones = plain(node).copy()
    ones[...] = 1.0
    return node.start(ones)


def _rate(step: Any, g: Any) -> float:
    """The rate for which step = rate * g; nan if there is none."""
    if not is_array(step):  # a short number may have been typed
        typed = is_array(g) or not g or step == float(f"{step:.4g}")
        return math.nan if typed else step / g
    step, g = plain(step).astype(float), plain(g).astype(float)
    if step.shape != g.shape or not g.any():
        return math.nan
    rate = float((step * g).sum() / (g * g).sum())
    return rate if (abs(step - rate * g) <= 1e-9 * abs(rate * g)).all() else math.nan


def _array_kinks(node: Any) -> int:
    """The number of elements in which an operation has a length of 0, or a tie."""
    import numpy as np

    values, kink = [plain(x) for x in node.inputs], node._rule.fact.kink
    if node.op in ("max", "min"):
        x, axes = values[0], node._rule.settings["axes"]
        ties = x == getattr(np, node.op)(x, axis=axes, keepdims=True)
        return int(np.sum(np.sum(ties, axis=axes) > 1))
    if node._rule.fact.length:
        return int(np.sum(plain(node) == 0.0))
    if kink is None:
        return 0
    return int(np.sum(np.frompyfunc(kink, len(values), 1)(*values) == 0.0))


def _is_shifted(softmax: Any, exps: list[Any]) -> bool:
    """Whether the largest exponent of each sum in exp(x) / sum(exp(x)) is 0."""
    if not softmax.broadcasts:
        return max(float(exp.inputs[0].data) for exp in exps) == 0.0
    total = softmax.inputs[1]
    axes = total._rule.settings["axes"] if total._rule.of_arrays else ()
    largest = reduce(maximum, [plain(exp.inputs[0]).max(axis=axes) for exp in exps])
    return bool((largest == 0.0).all())


def _new_nonfinite(data: Iterable[Any]) -> str:
    """The counts of nan in a result whose inputs have none, and of inf if they are finite."""
    own, *others = map(plain, data)
    if not others or any((x != x).any() for x in others):
        return ""
    finite = all((abs(x) < math.inf).all() for x in others)
    counts = {"nan": int((own != own).sum()), "inf": int((abs(own) == math.inf).sum() * finite)}
    return " and ".join(f"{n:,} {name}" for name, n in counts.items() if n)
