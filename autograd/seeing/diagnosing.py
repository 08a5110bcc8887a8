"""`diagnose`: the mistakes that give exactly these wrong gradients, found by making each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from ..core.graph import Node, nodes
from ..core.kinds import describe, is_number
from .abbreviating import plain
from .mistakes import Gradients, Mistake, catalogue, handed
from .tracing import Trace, trace
from .wording import Names, Number, folded, number

MOST_EDGES = 400  # in a graph of more, lost edges are not tried one by one
MOST_ELEMENTS = 2_000  # of an array whose claimed numbers may be rounded
TOLERANCE = 1e-9


def diagnose(root: object, claimed: Mapping[Any, Number]) -> GradientDiagnosis:
    """The mistakes that give exactly the claimed gradients of `root`, coincidences included.

    `claimed` maps nodes of the graph to the numbers, or arrays, that a learner got for their
    gradients; a number of four digits or more may be rounded. TypeError for anything but nodes and
    numbers, ValueError for a node that is not in the graph.

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
    """A mistake that gives the claimed numbers, and the first node where it shows."""

    mistake: Mistake
    first: Node
    wrong: float | None
    right: float


class GradientDiagnosis:
    """Claimed gradients, the right ones, and every mistake that explains the difference."""

    def __init__(self, root: Node, claimed: Gradients) -> None:
        self.root = root
        self.claimed = claimed
        self._trace: Trace = trace(root)
        self.names: Names = self._trace.names
        self._true = {frame.node: frame.g for frame in self._trace}
        self.true: Gradients = {node: self._true.get(node, 0.0) for node in claimed}
        self.right = self._agrees(self._true)
        self.matches = [] if self.right else [*self._search()]

    def __bool__(self) -> bool:
        """Whether the claimed gradients are right."""
        return self.right

    def _agrees(self, found: Gradients) -> bool:
        return all(same(found.get(node, 0.0), g) for node, g in self.claimed.items())

    def _search(self) -> Iterator[Match]:
        for mistake in catalogue(self.root):
            try:
                found = handed(self.root, **mistake.walk)
            except Exception:  # a wrong row may divide by zero, or not fit its operand
                continue
            if mistake.leaves:
                found.update((node, g) for node, g in self._true.items() if node.inputs)
            if self._agrees(found):
                yield self._match(mistake, found)
        yield from self._lost_edges()

    def _lost_edges(self) -> Iterator[Match]:
        """The matches if one share is lost: gradients lack those of a walk from that share."""
        shares = [(frame.node, share) for frame in self._trace for share in frame.shares]
        for node, share in shares if len(shares) <= MOST_EDGES else ():
            missing = handed(share.input, share.amount)
            found = {n: g - missing.get(n, 0.0) for n, g in self._true.items()}
            if self._agrees(found):
                use = f"{self.names[share.input]} in {self.names[node]}"
                right = f"every use hands a share back: here {number(share.amount)}"
                mistake = Mistake(f"one use is forgotten: that of {use}", right, {})
                yield self._match(mistake, found)

    def _match(self, mistake: Mistake, found: Gradients) -> Match:
        """The match of a mistake; it shows first at the first node of the walk that differs."""
        for node, g in self._true.items():
            if not same(g, found.get(node, 0.0)):
                return Match(mistake, node, found.get(node), g)
        return Match(mistake, self.root, found.get(self.root), self._true[self.root])

    # ---- in words ----

    def __str__(self) -> str:
        lines = [self._claim(node) for node in self.claimed]
        if self.right:
            return "\n".join([*lines, "These gradients are right."])
        if not self.matches:
            lines.append("No mistake in the catalogue gives exactly these numbers.")
            lines += self._in_other_words()
        elif len(self.matches) > 1:
            lines.append(f"{len(self.matches)} mistakes give exactly these numbers:")
        for match in self.matches:
            name = self.names.atom(match.first)
            shows = f"{name}.grad: {number(match.wrong)}, and not {number(match.right)}"
            lines += ["", f"* {match.mistake.name}", f"  right: {match.mistake.right}"]
            lines.append(f"  it shows first at {shows}")
        for node in dict.fromkeys(match.first for match in self.matches):
            lines += ["", *self._right_step(node)]
        return folded("\n".join(lines))

    __repr__ = __str__

    def _claim(self, node: Node) -> str:
        atom = self.names.atom
        d = f"d {atom(self.root)}/d {atom(node)}"
        if same(self.true[node], self.claimed[node]):
            return f"{d}: claimed {number(self.claimed[node])}, which is right"
        return f"{d}: claimed {number(self.claimed[node])}, and it is {number(self.true[node])}"

    def _right_step(self, node: Node) -> Iterator[str]:
        """The right gradient of a node as a sum of shares."""
        shares = [
            (frame, share, frame.locals[k])
            for frame in self._trace
            for k, share in enumerate(frame.shares)
            if share.input is node
        ]
        total = number(self._true[node])
        terms = " + ".join(number(share.amount) for _, share, _ in shares) or total
        is_sum = f" = {total}" if len(shares) > 1 else ""
        yield f"The right step: {self.names.atom(node)}.grad = {terms}{is_sum}"
        for frame, share, local in shares:
            product = f"{number(frame.g)} × {number(local)} = {number(share.amount)}"
            if frame.on_arrays:
                product = number(share.amount)
            yield f"  from {self.names[frame.node]}: {product}, for {frame.derivative(share)}"

    def _in_other_words(self) -> Iterator[str]:
        """How claimed arrays relate to the right gradients."""
        for node, g in self.claimed.items():
            if node.broadcasts and not same(self.true[node], g):
                from .array_mistakes import in_other_words

                if told := in_other_words(g, self.true[node]):
                    yield f"{self.names.atom(node)}.grad: {told}"


def same(x: Number, claimed: Number) -> bool:
    """Whether they agree; a claim of 4 to 14 digits may have been rounded to them."""
    if hasattr(x, "shape") or hasattr(claimed, "shape"):
        return _same_arrays(x, claimed)
    if not math.isfinite(claimed):
        return x == claimed or (math.isnan(x) and math.isnan(claimed))
    _, digits, exponent = Decimal(repr(claimed)).normalize().as_tuple()
    rounded = 0.5 * 10.0 ** int(exponent) if 4 <= len(digits) <= 14 else 0.0
    return math.isclose(x, claimed, rel_tol=TOLERANCE, abs_tol=max(1e-12, rounded))


def _same_arrays(x: Number, claimed: Number) -> bool:
    """Whether all elements agree; one number may stand for all of them."""
    import numpy as np

    x, claimed = plain(x).astype(float), plain(claimed).astype(float)
    if x.shape != claimed.shape and x.size != 1 != claimed.size:
        return False
    x, claimed = np.broadcast_arrays(x, claimed)
    if np.allclose(x, claimed, rtol=TOLERANCE, atol=1e-12, equal_nan=True):
        return True
    if x.size > MOST_ELEMENTS or not np.allclose(x, claimed, rtol=1e-2, equal_nan=True):
        return False  # too far for rounding
    return all(map(same, x.ravel().tolist(), claimed.ravel().tolist()))
