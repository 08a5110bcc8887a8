"""Second derivatives at the kink of a length, which no rule of one operation can tell.

A length r (`abs`, `hypot`, `norm`, `std`) has a kink where it is 0; a function G of it may be
smooth there all the same, as r ** 2 is. Of r = |x|, x is handed G'(r) x / r. Where G'(0) = 0 that
is G''(0) x to first order: 0, as the rule says, but with the slope G''(0), which is added here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import Any

from ..core import modes
from ..core.functions import where
from ..core.graph import Node, apply, data_of, gradients, nodes
from ..core.rules import RULES, Rule

_inside: ContextVar[bool] = ContextVar("inside", default=False)


def bend(node: Any, g: Any, shares: Sequence[Any]) -> Sequence[Any]:
    """The shares of a length, with their slopes where it is 0 and so is its gradient.

    FloatingPointError, when such a share is differentiated, if there is no such slope: the gradient
    depends on another length that is 0, or on this one otherwise than element by element.
    """
    g = getattr(g, "bare", g)
    if _inside.get() or not isinstance(g, Node) or hasattr(node._data, "unseen"):
        return shares
    recorded = modes.active and modes.recorder_of(node, g) is not None
    # A recorder must be told which way this went: it sees what is asked of nodes, or of arrays.
    read = _itself if recorded and not node.broadcasts else data_of
    if not recorded and not _any((read(node) == 0.0) & (read(g) == 0.0)):
        return shares
    lengths = [x for x in nodes(g) if x._inputs and x._rule.fact.length]
    if not lengths or not _any(flat := (read(node) == 0.0) & (read(g) == 0.0)):
        return shares
    token = _inside.set(True)
    try:
        slope = _slope(node, g, flat, lengths, read)
        if slope is not None:
            shares = _added(node, slope, flat, shares)
    finally:
        _inside.reset(token)
    if slope is None:
        return _through(REFUSED, shares)
    # A fourth derivative needs the slope by another factor: G'(r) / r has a third of what G''(r)
    # has of r ** 2. The third derivative is right.
    again = any(_is_length(x._rule.length, node) for x in nodes(g) if type(x._rule) is Own)
    return _through(LATER, shares) if again else shares


def _through(row: Rule, shares: Iterable[Any]) -> Sequence[Any]:
    bare = [getattr(x, "bare", x) for x in shares]
    if _inside.get():  # the walk that asks for a slope marks and refuses for it
        return bare
    return [apply(row, x) if isinstance(x, Node) else x for x in bare]


class Own(Rule):
    """The identity with a column of its own in every table."""

    __slots__ = ("length",)

    def __init__(self, column: Any, length: Any = None) -> None:
        super().__init__("identity", RULES["identity"].compute, column)
        self.length: Any = length  # whose slope has handed this gradient on

    def of(self, rules: Any) -> Rule:
        return self


def _mark(length: Any) -> Own:
    """A row that marks what it hands back."""
    mark = Own(lambda g, out, x: g, length)
    return Own(lambda g, out, x: _through(mark, [g])[0])


def _slope(node: Any, g: Any, flat: Any, lengths: list[Any], read: Any) -> Any:
    """d g / d length for each element that is `flat`, else 0; None if it is not one number each.

    0 too where it is infinite, as that of r ** 0.5 is: the rule's own slope is nan there.
    """
    mask, other = _seeds(node, flat)
    found = gradients(g, lengths, mask, create_graph=True)
    again = gradients(g, lengths, other)
    slope: Any = 0.0
    check: Any = 0.0
    for x, d, e in zip(lengths, found, again, strict=True):
        if _is_length(x, node):
            slope, check = slope + d * mask, check + data_of(e) * mask
        elif _any((read(x) == 0.0) & (read(d) != 0.0)):
            return None
    finite = abs(data_of(slope)) < math.inf
    slope = where(finite, slope, 0.0) if _any(finite ^ True) else slope
    numbers, check = data_of(slope) * other, where(finite, check, 0.0)
    if _any(abs(numbers - check) > 1e-5 * abs(numbers)):
        return None
    power = getattr(node._rule, "settings", {}).get("p", 2.0)
    return None if power != 2.0 and _any(numbers != 0.0) else slope


def _seeds(node: Any, flat: Any) -> tuple[Any, Any]:
    """1 for each element that is flat, else 0; and other numbers in place of the ones."""
    if not node.broadcasts:
        return 1.0, 1.0
    n = math.prod(flat.shape)
    numbers = node.admit([1.0 + i / n for i in range(n)]).reshape(flat.shape)
    mask = where(flat, 1.0 + node._data, 0.0)
    return mask, mask * node.as_data(numbers)


def _added(node: Any, slope: Any, flat: Any, shares: Sequence[Any]) -> Sequence[Any]:
    """The shares, and `slope` times what a length of 1 would hand back; for `abs` that is x."""
    if not isinstance(slope, Node):  # the gradient depends on other lengths alone
        return shares
    row, inputs = node._rule, node._inputs
    if node.op == "abs":
        row, inputs = RULES["hypot"], (*inputs, 0.0)
    values = inputs
    if node.broadcasts and row.name == "hypot":  # elsewhere x may be infinite, and 0 * inf is nan
        values = tuple([where(flat, x, 0.0) for x in inputs])
    more = node.ask(row, inputs, apply(_mark(node), slope), 1.0 + 0.0 * data_of(slope), values)
    return [x if x is None else x + y for x, y in zip(shares, more, strict=False)]


def _any(found: Any) -> bool:
    if hasattr(found, "any") or not hasattr(found, "shape"):
        return bool(found.any() if hasattr(found, "any") else found)
    return bool(found.__array_namespace__().any(found))


def _itself(x: Any) -> Any:
    return x


def _same(x: Any, y: Any) -> bool:
    return x is y or (x.__class__ is y.__class__ is float and x == y)


def _is_length(x: Any, node: Any) -> bool:
    return x is not None and x.op == node.op and all(map(_same, x._inputs, node._inputs))


def _refuse(g: Any, out: Any, x: Any) -> Any:
    if _inside.get():
        return g
    raise FloatingPointError(
        "a derivative at the kink of abs, hypot, norm or std, where the length is 0, that depends "
        "on the direction, or the fourth at all: write what is smooth there without the length, "
        "as x * x for abs(x) ** 2 and (x * x).sum() for norm(x) ** 2"
    )


REFUSED = Own(_refuse)
LATER = Own(lambda g, out, x: _through(REFUSED, [g])[0])
