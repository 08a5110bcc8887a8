"""`diagnose`: the mistakes that give exactly these wrong gradients, found by making each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice
from operator import itemgetter
from typing import Any, Final, NamedTuple

from ..core.graph import Node, nodes
from ..core.kinds import describe, is_number
from .abbreviating import plain
from .mistakes import Gradients, Mistake, catalogue, handed, masses, whole
from .paths import short
from .places import Places, Trial
from .tracing import Trace, trace
from .wording import Names, Number, folded, number

MOST_SHOWN = 10  # matches that are printed
MOST_ELEMENTS = 2_000  # of an array whose claimed numbers may be rounded
TOLERANCE = 1e-9


def diagnose(root: object, claimed: Mapping[Any, Number]) -> GradientDiagnosis:
    """The mistakes that give exactly the claimed gradients of `root`, the likeliest first.

    `claimed` maps nodes of the graph to the numbers, or arrays, that a learner got for their
    gradients; a number of four digits or more may be rounded. Each mistake is tried in the whole
    pass and at each of up to 10,000 nodes; if none is enough, at each two and three of them, in up
    to 10,000 sets a mistake (200 of Tensors). Those at fewest nodes come first; coincidences are
    listed too. TypeError for anything but nodes and numbers, ValueError for a node that is not in
    the graph.

    >>> from autograd import Value
    >>> w = Value(3.0, label="w")
    >>> print(diagnose(w * w + w, claimed={w: 3.0}).matches[0].mistake.name)
    a gradient is overwritten: = in the place of +=
    """
    if not isinstance(root, Node):
        raise TypeError(f"diagnose takes the root of a graph, not {describe(root)}")
    if not isinstance(claimed, Mapping) or not claimed:
        raise TypeError("claimed is a dict from nodes to numbers: diagnose(loss, claimed={w: 6.0})")
    under = set(nodes(root))
    for node, g in claimed.items():
        if not isinstance(node, Node):
            raise TypeError(f"claimed maps nodes to numbers, and {describe(node)} is not a node")
        if not (is_number(g) or (node.broadcasts and _is_array(g))):
            raise TypeError(
                f"the claimed gradient of {describe(node)} is {describe(g)}, not a number"
            )
        if node not in under:
            raise ValueError(
                f"{describe(node)} is not in the graph of this root, which has no gradient for it: "
                "is it a copy, or was it left out of the computation?"
            )
    return GradientDiagnosis(root, {node: _plain(g) for node, g in claimed.items()})


def _is_array(g: Number) -> bool:
    """Whether a claim is an array of numbers, or lists of them."""
    try:
        return plain(g).dtype.kind in "fiu"
    except ValueError:
        return False


def _plain(g: Number) -> Number:
    return float(g) if is_number(g) else plain(g).astype(float)


# ---- the report ----------------------------------------------------------------------------------


class Match(NamedTuple):
    """A mistake that gives the claimed numbers, and the first node where it shows.

    `nodes` are those where it is made; () if it is made in the whole pass. Only these and the nodes
    of the claims count: no other number is known of the learner's.
    """

    mistake: Mistake
    first: Node
    wrong: float | None
    right: float
    nodes: tuple[Node, ...] = ()


class GradientDiagnosis:
    """Claimed gradients, the right ones, and every mistake that explains the difference."""

    def __init__(self, root: Node, claimed: Gradients) -> None:
        self.root = root
        self.claimed = claimed
        self._trace: Trace = trace(root)
        self.names: Names = self._trace.names
        self._true = {frame.node: whole(frame.g) for frame in self._trace}
        self.true: Gradients = {node: self._true.get(node, 0.0) for node in claimed}
        mass = masses(root)
        self._slack = {x: _slack(x, g, mass.get(x, 0.0)) for x, g in claimed.items()}
        self.right: Final = self._agrees(self._true)
        self.untried: list[str] = []  # what a bound has left out, in words
        self.matches: list[Match] = [] if self.right else self._search()

    def __bool__(self) -> bool:
        """Whether the claimed gradients are right."""
        return self.right

    def _agrees(self, found: Gradients) -> bool:
        return all(self._holds(node, found.get(node, 0.0)) for node in self.claimed)

    def _holds(self, node: Node, g: Number) -> bool:
        return same(g, self.claimed[node], self._slack[node])

    # ---- every mistake, everywhere and at each node ----

    def _search(self) -> list[Match]:
        """The matches, those at fewest nodes first, and vague ones behind others of as many."""
        places = Places(self._trace, self._true, self.claimed, self._slack)
        tried = [(mistake, places.trials(mistake)) for mistake in catalogue(self.root)]
        found: list[tuple[Any, Match]] = []
        for mistake, trials in tried:
            everywhere, named = self._everywhere(mistake), mistake.name == mistake.here
            if everywhere is not None:
                at = tuple(trial.node for trial in trials) if named and len(trials) == 1 else ()
                rank = len(trials) if mistake.key else 1, False
                found.append((rank, self._match(mistake, everywhere, at)))
            if everywhere is None or (named and len(trials) > 1):
                found += self._sets(places, mistake, trials, 1)
        for mistake, trials in places.uses(self.names):
            found += self._sets(places, mistake, trials, 1)
        for count in (2, 3):
            for mistake, trials in tried if not found else ():
                found += self._sets(places, mistake, trials, count)
        self.untried = places.untried()
        return [match for _, match in sorted(found, key=itemgetter(0))]

    def _everywhere(self, mistake: Mistake) -> Gradients | None:
        """The gradients of a pass with the mistake, if they are those claimed."""
        try:
            found = handed(self.root, **mistake.walk)
        except Exception:  # a wrong row may divide by zero, or not fit its operand
            return None
        if mistake.leaves:
            found.update((node, g) for node, g in self._true.items() if node.inputs)
        return found if self._agrees(found) else None

    def _sets(
        self, places: Places, mistake: Mistake, trials: list[Trial], count: int
    ) -> Iterator[tuple[Any, Match]]:
        """The matches of a mistake that is made at so many nodes, with their ranks."""
        here = mistake._replace(name=mistake.here)
        for at, found in places.sets(mistake, trials, count):
            if self._agrees(found):
                yield (count, mistake.name != mistake.here), self._match(here, found, at)

    def _match(self, mistake: Mistake, found: Gradients, at: tuple[Node, ...]) -> Match:
        """The match of a mistake; it shows first at the first node of the walk that differs."""
        counted = {*self.claimed, *at}
        for node, g in self._true.items():
            if node in counted and not same(g, found.get(node, 0.0)):
                return Match(mistake, node, found.get(node), g, at)
        return Match(mistake, self.root, found.get(self.root), self._true[self.root], at)

    # ---- in words ----

    def __str__(self) -> str:
        lines = [self._claim(node) for node in self.claimed]
        if self.right:
            return "\n".join([*lines, "These gradients are right."])
        if not self.matches:
            lines.append("No mistake in the catalogue gives exactly these numbers.")
            lines += self._in_other_words()
        for match in self.matches[:1]:
            lines += ["", *self._told(match), "", *self._right_step(match.first)]
        lines += self._others()
        lines += [f"Not tried: {told}." for told in self.untried]
        return folded("\n".join(lines))

    __repr__ = __str__

    def _claim(self, node: Node) -> str:
        atom = self.names.atom
        d = f"d {atom(self.root)}/d {atom(node)}"
        if self._holds(node, self.true[node]):
            return f"{d}: claimed {number(self.claimed[node])}, which is right"
        return f"{d}: claimed {number(self.claimed[node])}, and it is {number(self.true[node])}"

    def _others(self) -> Iterator[str]:
        """The mistakes that give the same numbers as the likeliest one, each in a line."""
        places: dict[str, list[str]] = {}
        for match in self.matches[1:]:
            at = " and ".join(self.names.atom(node) for node in match.nodes)
            places.setdefault(match.mistake.name, []).append(at and f"at {at}")
        if places:
            yield ""
            yield "Not as likely, but they would give exactly these numbers too:"
        for name, found in islice(places.items(), MOST_SHOWN - 1):
            yield ", ".join(filter(None, [f"* {name}", " or ".join(filter(None, short(found)))]))
        if len(places) >= MOST_SHOWN:
            yield f"and {len(places) - MOST_SHOWN + 1:,} more, in .matches"

    def _told(self, match: Match) -> Iterator[str]:
        """A match in lines: the mistake, where it is made, and where it shows."""
        yield f"* {match.mistake.name}"
        for node in match.nodes:
            frame = self._trace.find(node)
            yield f"  at {frame.equation() if node.op and frame else self.names[node]}"
            if frame and frame.line:
                yield f"  line: {frame.line}"
        yield f"  right: {match.mistake.right}"
        shows = f"{number(match.wrong)}, and not {number(match.right)}"
        yield f"  it shows first at {self.names.atom(match.first)}.grad: {shows}"

    def _right_step(self, node: Node) -> Iterator[str]:
        """The right gradient of a node as a sum of shares."""
        shares = [
            (frame, share, frame.locals[k])
            for frame in self._trace
            for k, share in enumerate(frame.shares)
            if share.input is node
        ]
        total = number(self._true.get(node, 0.0))
        terms = " + ".join(short([number(share.amount) for _, share, _ in shares])) or total
        is_sum = f" = {total}" if len(shares) > 1 else ""
        yield f"The right step: {self.names.atom(node)}.grad = {terms}{is_sum}"
        told = []
        for frame, share, local in shares:
            product = f"{number(frame.g)} × {number(local)} = {number(share.amount)}"
            if frame.on_arrays:
                product = number(share.amount)
            told.append(
                f"  from {self.names[frame.node]}: {product}, for {frame.derivative(share)}"
            )
        yield from short(told, "  ...")

    def _in_other_words(self) -> Iterator[str]:
        """How claimed arrays relate to the right gradients, and the first claim that differs."""
        wrong = [x for x in self.claimed if not self._holds(x, self.true[x])]
        for node in wrong:
            name, g = self.names.atom(node), self.claimed[node]
            if node.broadcasts and (told := _related(g, self.true[node])):
                yield f"{name}.grad: {told}"
            elif not _finite(g):
                yield f"{name}.grad: nothing in this graph makes it {number(g)}"
        first = max(wrong, key=lambda node: node._born)
        before = [self.names[x] for x in self.claimed if x._born > first._born]
        if before:
            is_or_are = "is" if len(before) == 1 else "are"
            yield (
                f"Going back from {self.names[self.root]}, {self.names.atom(first)}.grad is the "
                f"first of these claims that differs; right {is_or_are} {', '.join(short(before))}."
            )
        yield from self._right_step(first)


# ---- whether numbers agree -----------------------------------------------------------------------


def same(x: Number, y: Number, within: Number = None) -> bool:
    """Whether they agree in all elements; one number may stand for all of them."""
    within = abs(y) * TOLERANCE if within is None else within
    if not (hasattr(x, "shape") or hasattr(y, "shape")):
        return x == y or (x != x and y != y) or abs(x - y) <= within
    import numpy as np

    x, y = plain(x).astype(float), plain(y).astype(float)
    if x.shape != y.shape and x.size != 1 != y.size:
        return False
    with np.errstate(all="ignore"):
        return bool(np.all((x == y) | ((x != x) & (y != y)) | (abs(x - y) <= within)))


def _slack(node: Node, claimed: Number, mass: Number) -> Number:
    """How far a claim may be from what it is of: it may be rounded, or added in another order.

    Where terms cancel, a sum keeps the digits of its mass, the sum of their absolute values.
    """
    if not node.broadcasts:
        own = max(TOLERANCE * abs(claimed), _rounded(claimed)) if _finite(claimed) else 0.0
        return max(own, 1e-13 * mass if _finite(mass) else 0.0)
    import numpy as np

    eps = float(np.finfo(plain(node).dtype).eps)
    known = [np.nan_to_num(plain(x), nan=0.0, posinf=0.0, neginf=0.0) for x in (claimed, mass)]
    own, lost = max(TOLERANCE, 16 * eps) * abs(known[0]), 500 * eps * known[1]
    if own.size <= MOST_ELEMENTS:
        rounded = [_rounded(x) for x in known[0].ravel().tolist()]
        own = np.maximum(own, np.reshape(rounded, own.shape))
    fits = own.shape == lost.shape or 1 in (own.size, lost.size)
    return np.maximum(own, lost) if fits else own


def _rounded(claimed: float) -> float:
    """Half a unit in the last digit of a claim of 4 to 14 digits; 0 for others."""
    _, digits, exponent = Decimal(repr(claimed)).normalize().as_tuple()
    return 0.5 * 10.0 ** int(exponent) if 4 <= len(digits) <= 14 else 0.0


def _finite(g: Number) -> bool:
    inside = abs(g) < math.inf
    return bool(inside.all() if hasattr(inside, "all") else inside)


def _related(claimed: Number, right: Number) -> str:
    """How a claimed array relates to the right gradient; "" if that is unknown."""
    import numpy as np

    claimed, right = plain(claimed).astype(float), plain(right).astype(float)
    if claimed.shape == right.shape[::-1] and np.allclose(claimed.T, right):
        return "it is the right one, transposed: a gradient has the shape of its Tensor"
    if claimed.shape != right.shape:
        lead = claimed.ndim - right.ndim
        spread = dict(
            enumerate(zip(claimed.shape[max(lead, 0) :], right.shape, strict=False), lead)
        )
        if lead >= 0 and all(n in (1, m) for m, n in spread.values()):
            axes = [*range(lead), *(i for i, (m, n) in spread.items() if m != n)]
            if np.allclose(claimed.sum(axis=tuple(axes)).reshape(right.shape), right):
                told = f"axis {axes[0]}" if len(axes) == 1 else f"the axes {tuple(axes)}"
                return f"its sum over {told} is the right one: broadcasting is not undone"
        return f"it has the shape {claimed.shape}, and the gradient {right.shape}"
    with np.errstate(all="ignore"):
        ratios = (claimed / right)[right != 0.0]
    if ratios.size and np.allclose(ratios, ratios[0]) and not np.any(claimed[right == 0.0]):
        factor = float(ratios[0])
        return f"every element is {factor:.6g} times what it should be" + (
            f", {1 / factor:.6g} times too small" if 0 < factor < 1 else ""
        )
    return ""
