"""Whether a graph is what its operations made, and the walk through it what it should be.

The values are computed again from their inputs. The walk is checked by the adjoint equation: the
gradient of a node is the sum of the shares that its consumers hand back, whatever the order in
which it came about.
"""

from __future__ import annotations

import math
from collections import defaultdict

from ..core import graph
from ..core.graph import Node, data_of, hand_back
from ..seeing.abbreviating import plain
from .report import Finding, brief, describe_node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    Shares = list[tuple[Any, Node]]
    Consumers = dict[Node, list[tuple[Node, int]]]

ROUNDINGS = 64.0  # of the largest element, by which the same computation may differ
ARRIVING = -2.0  # a power of two: a sign or a factor that a rule forgets shows, digits stay


def node_inputs(node: Any) -> Iterator[tuple[int, Node]]:
    """The inputs that are nodes, with their positions."""
    return ((i, x) for i, x in enumerate(node._inputs) if isinstance(x, Node))


def consumers_of(found: Sequence[Node]) -> Consumers:
    """For each node, the nodes that it feeds, and as which argument."""
    consumers: Consumers = defaultdict(list)
    for node in found:
        for position, x in node_inputs(node):
            consumers[x].append((node, position))
    return consumers


def missing_inputs(found: list[Node]) -> list[Finding]:
    """The nodes with fewer inputs than their operation takes."""
    findings: list[Finding] = []
    for node in found:
        row, has = node._rule, len(node._inputs)
        if row is None or row.variadic or has == len(row.columns):
            continue
        text = (
            f"{describe_node(node)} takes {len(row.columns)} inputs and keeps {has}: x * x has x "
            "twice, so inputs are kept in a list and not in a set"
        )
        findings.append(Finding("inputs", node, text))
    return findings


def changed_values(sound: list[Any], consumers: Consumers) -> tuple[list[Finding], set[Any]]:
    """The values that are not what their inputs give, and the fewest changes that explain them.

    A leaf that was changed leaves its consumers stale; any other node, itself too.
    """
    stale = {node for node in sound if not _same(node._data, _replayed(node))}
    explains = {node: {node} for node in stale}
    for node in stale:
        for _, x in node_inputs(node):
            if not x._inputs or x in stale:
                explains.setdefault(x, {x} & stale).add(node)
    findings: list[Finding] = []
    while stale_left := stale - {node for fault in findings for node in explains[fault.node]}:
        # The one that explains most; of several, the one with the fewest consumers that should
        # be stale with it and are not; then a leaf.
        found = max(len(reach & stale_left) for reach in explains.values())
        tied = [x for x, reach in explains.items() if len(reach & stale_left) == found]
        tied.sort(key=lambda x: (sum(c not in stale for c, _ in consumers[x]), bool(x._inputs)))
        findings.append(_changed_value(tied, explains[tied[0]] & stale_left))
    return findings, stale


def _changed_value(suspects: list[Any], stale: set[Any]) -> Finding:
    oldest = min(stale, key=lambda node: node._born)
    names = " or ".join(describe_node(x) for x in suspects[:3])
    text = (
        f"{names}: its value changed after {oldest.op} was recorded: {oldest.op} holds "
        f"{brief(oldest._data)}, and computed again it is {brief(_replayed(oldest))}"
    )
    return Finding("value", suspects[0], text)


def _replayed(node: Any) -> Any:
    return node._rule.compute(*map(data_of, node._inputs))


def _same(a: Any, b: Any) -> bool:
    """True if two numbers or arrays are the same result; arrays, rounding aside."""
    if not hasattr(a, "shape"):
        return bool(a == b or (a != a and b != b))
    import numpy as np

    a, b = plain(a), plain(b)
    if a.shape != b.shape:
        return False
    with np.errstate(all="ignore"):
        near = np.abs(a - b) <= ROUNDINGS * np.finfo(a.dtype).eps * np.max(np.abs(b), initial=0.0)
    return bool(np.all(near | (a == b) | (np.isnan(a) & np.isnan(b))))


def walk_faults(root: Node, found: list[Node], consumers: Consumers) -> list[Finding]:
    """The first node whose gradient does not solve the adjoint equation."""
    if any(x._born > node._born for node in found for _, x in node_inputs(node)):
        node, x = next((n, x) for n in found for _, x in node_inputs(n) if x._born > n._born)
        text = f"{describe_node(x)} was rebound after {node.op} was recorded from it: compute again"
        return [Finding("value", x, text)]
    visits: dict[Node, list[int]] = defaultdict(list)
    gradient: dict[Node, Any] = {}
    seed = _seed(root)
    for i, (node, g, _) in enumerate(graph.sweep(root, seed)):
        visits[node].append(i)
        gradient[node] = g
    handed = {node: hand_back(node, gradient[node]) for node in gradient if node._inputs}
    for node in found:  # the youngest first: what is below inherits the fault
        shares = [
            (handed[c][i], c)
            for c, i in consumers[node]
            if c in handed and handed[c][i] is not None
        ]
        first = seed if node is root else None
        index, got, shares, begun = _numbers(node, gradient.get(node), shares, first)
        due = begun + sum(share for share, _ in shares)
        size = abs(begun) + sum(abs(share) for share, _ in shares)
        single = node.broadcasts and "float32" in str(node._data.dtype)
        if math.isfinite(due) and not abs(got - due) <= (1e-3 if single else 1e-9) * size:
            return [_walk_fault(node, index, got, due, shares, visits)]
    return []


def _seed(root: Any) -> Any:
    """A gradient to begin with: of an array, different numbers."""
    if not root.broadcasts:
        return root.start(ARRIVING)
    import numpy as np

    return root.start(-1.5 - np.cos(np.arange(root.size)).reshape(root.shape))


def _numbers(
    node: Any, got: Any, shares: Shares, seed: Any
) -> tuple[tuple[int, ...], float, Shares, float]:
    """A gradient, its shares and the seed as numbers: of arrays, those where they differ most."""
    if not node.broadcasts:
        return (), 0.0 if got is None else got, shares, seed or 0.0
    import numpy as np

    given = [got, seed, *(share for share, _ in shares)]
    arrays = [np.zeros(node.shape) if x is None else plain(x).astype(float) for x in given]
    got, *parts = np.broadcast_arrays(*arrays)
    with np.errstate(all="ignore"):
        due, size = sum(parts), sum(map(np.abs, parts))
        gap = np.where(np.isfinite(due), np.abs(got - due) / np.where(size > 0.0, size, 1.0), 0.0)
    at = np.unravel_index(np.argmax(np.nan_to_num(gap, nan=np.inf)), gap.shape)
    number, begun, *handed = (float(x[at]) for x in (got, *parts))
    consumers = [c for _, c in shares]
    return tuple(map(int, at)), number, list(zip(handed, consumers, strict=True)), begun


def _walk_fault(
    node: Node, index: tuple[int, ...], got: float, due: float, shares: Shares,
    visits: dict[Node, list[int]],
) -> Finding:  # fmt: skip
    """The finding: which kind of mistake gives a node the gradient it got."""
    last = max((visits[c][-1] for _, c in shares), default=-1)
    repeated = {c for _, c in shares if sum(c is other for _, other in shares) > 1}
    once = math.fsum({c: share for share, c in shares}.values())
    kind, why = "sum", "they were not summed"
    if len(visits[node]) > 1 or (visits[node] and visits[node][0] < last):
        kind, why = "order", "it was visited before all that it feeds: the walk's order is wrong"
    elif repeated and _close(got, once):
        kind = "inputs"
        why = "an operation that has it twice counted it once: inputs were kept in a set"
    elif any(_close(got, share) for share, _ in shares):
        kind, why = "overwritten", "one overwrote the others: `=` where `+=` is meant"
    at = f" at [{', '.join(map(str, index))}]" if index else ""
    text = (
        f"{describe_node(node)}: its gradient is {got:.10g}{at}, but the {len(shares)} shares "
        f"handed to it add up to {due:.10g}: {why}"
    )
    return Finding(kind, node, text, None, got, due)


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b))
