"""Comparisons that a program made, for a page that changes the numbers they were made of.

A note is data and holds no node: a node is named by its birth. A comparison of what was made on the
side, as in `if x - 1 > 0:`, comes with the operations near it, which nothing else may hold. The
latest `MOST` different comparisons are kept. What a program reads with `.data` is not seen.
"""

from __future__ import annotations

from ..core.graph import Node, birth
from ..core.kinds import HANDED_IN
from ..core.modes import active, caller, lock, settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Side = tuple[int] | float  # the birth of a node, or a number
    Made = tuple[Any, float, tuple[Side, ...]]  # of a node: its row, its number, its inputs

MOST = 1000
NEAR = 24  # operations and leaves on either side


class Comparison:
    """A comparison of two sides, each a number or the birth of a node, and how it went."""

    __slots__ = ("line", "name", "near", "outcome", "when", "x", "y")

    def __init__(self, name: str, x: Side, y: Side, outcome: bool) -> None:
        self.name, self.x, self.y, self.outcome = name, x, y, outcome
        self.when = birth()
        self.line = caller() if active and settings()["lines"] else None
        self.near: dict[Side, Made] = {}


noted: dict[tuple[Any, ...], Comparison] = {}


def note(name: str, x: Any, y: Any, outcome: bool) -> bool:
    """Keep a note of a comparison, and return its outcome."""
    key = name, _side(x), _side(y)
    with lock:
        found = noted.pop(key, None)
        if found is None:
            found = Comparison(*key, outcome)
            for side in (x, y):
                found.near.update(_near(side))
        noted[key] = found
        if len(noted) > MOST:
            del noted[next(iter(noted))]
    return outcome


def _side(x: Any) -> Side:
    if isinstance(x, Node):
        return (x._born,)
    try:
        return float(x)
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")


def _near(x: Any) -> dict[Side, Made]:
    """The node, and the nodes under it, the nearest first."""
    found: dict[Side, Made] = {}
    waiting = [x] if isinstance(x, Node) else []
    for node in waiting:  # grows while it is read
        if len(found) == NEAR or node.broadcasts:
            break
        if (node._born,) not in found:
            inputs = node._inputs
            found[node._born,] = node._rule, node._data, tuple(map(_side, inputs))
            waiting.extend([v for v in inputs if isinstance(v, Node)])
    return found


HANDED_IN.update(note=note)
