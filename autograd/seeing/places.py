"""A mistake at one, two or three nodes of a graph: which of these sets give the claimed gradients.

The walk is linear: what a mistake at one node adds to a gradient that it hands on reaches the
claims by a walk without mistakes. One pass forward through the graph, with a random weight for each
claim, says how much that adds to the weighted sum of all claims. So a trial at one node costs what
that node's own row costs, and only trials with the right sum are walked to the end.
"""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from random import Random
from typing import NamedTuple

from ..core.graph import Node, hand_back, nodes
from .abbreviating import plain, shape_of
from .mistakes import Change, Gradients, Mistake, changes, handed, whole
from .tracing import Trace
from .wording import Names, Number, number, on_arrays

MOST_NODES = 10_000  # between root and claims; of more, none is tried alone
MOST_SETS = 10_000  # of two or three nodes that are tried with one mistake; of Tensors, 200


class Trial(NamedTuple):
    """A node at which a mistake is made, and what that adds to gradients and to the claims' sum."""

    node: Node
    changes: list[Change]
    effect: float
    linear: bool = False  # in the gradient that arrives


Moved = list[tuple[Gradients, Number]]  # what is added to gradients: each times a factor


class Places:
    """The nodes between a root and its claims, and the mistakes that show there."""

    def __init__(
        self, trace: Trace, true: Gradients, claimed: Gradients, slack: Mapping[Node, Number]
    ) -> None:
        self._skipped: Counter[int] = Counter()  # mistakes by how many nodes
        self._true = true
        self._claimed = claimed
        weights = {node: _weights(node, Random(i)) for i, node in enumerate(claimed)}
        self._missing, self._slack, self._along = math.nan, 0.0, {}
        if all(shape_of(g) in ((), shape_of(x)) for x, g in claimed.items()):
            missing = {x: g - true.get(x, 0.0) for x, g in claimed.items()}
            self._missing = sum(_product(w, missing[x]) for x, w in weights.items())
            self._slack = sum(_product(w, slack[x]) for x, w in weights.items())
        if math.isfinite(self._missing):
            self._along = _along(trace.root, weights)
        self._frames = [frame for frame in trace if frame.node in self._along]
        if len(self._frames) > MOST_NODES:
            self._skipped[1] = len(self._frames)
            self._frames = []
        self._shares: dict[Node, list[tuple[Node, int, Number]]] = {}
        for frame in trace:
            for share in frame.shares:
                told = frame.node, share.position, share.amount
                self._shares.setdefault(share.input, []).append(told)
        self._units: dict[Node, Gradients] = {}

    def untried(self) -> list[str]:
        """The mistakes that a bound has left out, in words."""
        return [
            f"{many} of the mistakes at {count} nodes at a time: the sets are too many"
            if count > 1
            else f"any mistake at one node alone: {many:,} nodes are too many"
            for count, many in self._skipped.items()
        ]

    def trials(self, mistake: Mistake) -> list[Trial]:
        """The nodes at which a mistake changes the claimed gradients, youngest first."""
        found = []
        for node in [frame.node for frame in self._frames] if mistake.here else ():
            if mistake.fits(node, len(self._shares.get(node, ()))):
                found.append(self._trial(mistake, node, []))
        return [trial for trial in found if trial.effect]

    def uses(self, names: Names) -> Iterator[tuple[Mistake, list[Trial]]]:
        """Each share of an operation on a list, as one that is forgotten."""
        for frame in self._frames:
            for share in frame.shares if frame.node.op and frame.node._rule.variadic else ():
                name = f"one use is forgotten: that of {names[share.input]} in {names[frame.node]}"
                right = f"every use hands a share back: here {number(share.amount)}"
                mistake = Mistake(name, right, {"use": share.position}, name)
                yield mistake, [self._trial(mistake, frame.node, [])]

    def sets(
        self, mistake: Mistake, trials: Sequence[Trial], count: int
    ) -> Iterator[tuple[tuple[Node, ...], Gradients]]:
        """The sets of nodes at which the mistake gives the claims' sum, with all gradients."""
        most = MOST_SETS // 50 if any(on_arrays(trial.node) for trial in trials) else MOST_SETS
        if math.comb(len(trials), count) > most and count > 1:
            self._skipped[count] += 1
        else:
            yield from self._extended(mistake, trials, count, (), [], 0.0)

    def _extended(
        self, mistake: Mistake, trials: Sequence[Trial], count: int, chosen: tuple[Node, ...],
        moved: Moved, effect: float,
    ) -> Iterator[tuple[tuple[Node, ...], Gradients]]:  # fmt: skip
        """The sets that extend the nodes chosen, which have moved gradients and the claims' sum."""
        for i, first in enumerate(trials):
            trial = self._after(mistake, first, moved) if moved else first
            at, total = (*chosen, trial.node), effect + trial.effect
            if count > 1:
                further = [*moved, *map(self._carried, trial.changes)]
                yield from self._extended(mistake, trials[i + 1 :], count - 1, at, further, total)
            elif abs(total - self._missing) <= self._slack:
                further = [*moved, *map(self._carried, trial.changes)]
                known = {node for part, _ in [(self._true, 1.0), *further] for node in part}
                yield at, {node: self._g(node, further) for node in known}

    def _after(self, mistake: Mistake, trial: Trial, moved: Moved) -> Trial:
        """A trial after others have moved gradients."""
        node = trial.node
        told = [node] if mistake.key else [user for user, _, _ in self._shares[node]]
        if "again" not in mistake.walk and not any(x in part for part, _ in moved for x in told):
            return trial
        if trial.linear:
            ratio = self._g(node, moved) / self._true[node]
            more = [(x, g * ratio) for x, g in trial.changes]
            return trial._replace(changes=more, effect=trial.effect * ratio)
        return self._trial(mistake, node, moved)

    def _trial(self, mistake: Mistake, node: Node, moved: Moved) -> Trial:
        """A mistake at one node, after others have moved gradients."""
        again = mistake.walk.get("again")
        g = self._g(node, [] if again else moved)  # what survives is of a pass without mistakes
        arrived = (
            ()
            if mistake.key
            else [
                whole(hand_back(user, self._g(user, moved))[i]) if moved else amount
                for user, i, amount in self._shares.get(node, ())
            ]
        )
        try:
            found = [(x, x.fit(more)) for x, more in changes(mistake, node, g, arrived)]
            linear = (
                bool(mistake.key)
                and not on_arrays(node)
                and [(x, 2 * more) for x, more in found] == changes(mistake, node, 2 * g, arrived)
            )
        except Exception:  # a wrong row may divide by zero, or not fit its operand
            return Trial(node, [], 0.0)
        if again and not moved:
            kept = [x for x in self._claimed if not x.inputs and again(x)]
            found += [(x, self._true[x]) for x in kept if x in self._true]
        effect = sum(_product(self._along[x], more) for x, more in found if x in self._along)
        return Trial(node, found, effect, linear)

    def _g(self, node: Node, moved: Moved) -> Number:
        """The gradient of a node after others were moved."""
        g = self._true.get(node, 0.0)
        for part, factor in moved:
            if node in part:
                g = g + part[node] * factor
        return g

    def _carried(self, change: Change) -> tuple[Gradients, Number]:
        """A change carried on to all gradients, as gradients and a factor."""
        x, g = change
        if x.broadcasts:
            return handed(x, g), 1.0
        if x not in self._units:
            self._units[x] = handed(x)
        return self._units[x], g


def _weights(node: Node, random: Random) -> Number:
    """A random positive number for each element of a node."""
    if not node.broadcasts:
        return random.uniform(1, 2)
    import numpy as np

    return np.random.default_rng(random.randrange(99)).uniform(1, 2, plain(node).shape)


def _product(weights: Number, g: Number) -> float:
    """The weighted sum of the elements of a gradient."""
    product = weights * whole(g)
    return float(product.sum()) if hasattr(product, "sum") else product


def _along(root: Node, weights: Gradients) -> Gradients:
    """For each node that depends on a claimed one, its derivative along the claims' weights."""
    found: Gradients = {}
    for node in reversed(nodes(root)):
        parts = [weights[node]] if node in weights else []
        ways = [(i, x) for i, x in enumerate(node.inputs) if isinstance(x, Node) and x in found]
        if ways and on_arrays(node):
            from .array_explaining import pushed

            parts += [along for i, x in ways for along in pushed(node, i, [found[x]])]
        elif ways:
            slopes = hand_back(node, 1.0)
            parts += [slopes[i] * found[x] for i, x in ways if slopes[i] is not None]
        if parts:
            found[node] = reduce(operator.add, parts)
    return found
