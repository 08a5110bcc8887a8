"""Comparisons that a program made, for a page that changes the numbers they were made of.

A note is data and holds no node: a node is named by its birth, and comes with what it was made of,
since nothing else may hold what was computed on the side, as in `if x - 1 > 0:`. The latest notes
are kept. Numbers read with `.data`, detached, or computed under `no_grad` are constants here.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from ..core.graph import Node, birth
from ..core.kinds import HANDED_IN
from ..core.modes import active, caller, settings
from ..core.twin import engine
from ..core.value import Scalar

# A number; or a node as its birth, its row, its number, and its inputs. If these are not kept, the
# births of the leaves that it is made of; None if it is made of too much.
Side = float | tuple[int, Any, Any, Any]
Comparison = tuple[str, Side, Side, bool, int, tuple[str, int] | None]

MOST = 1000
DEPTH = 2  # operations behind that of a side
WIDTH = 4  # inputs of each
UNDER = 64  # nodes on all ways from a node to its leaves

noted: deque[Comparison] = deque(maxlen=MOST)


def note(name: str, x: Any, y: Any, outcome: bool) -> bool:
    """Keep a note of a comparison, when it was made and in which line, and return its outcome."""
    line = caller() if active and settings()["lines"] else None
    noted.append((name, _side(x, DEPTH), _side(y, DEPTH), outcome, birth(), line))
    return outcome


def _side(x: Any, depth: int) -> Side:
    if isinstance(x, Scalar):
        inputs = x._inputs
        if inputs and (not depth or len(inputs) > WIDTH):
            return x._born, x._rule, x._data, _leaves(x)
        return x._born, x._rule, x._data, tuple([_side(v, depth - 1) for v in inputs])
    if isinstance(x, Node):
        return x._born, None, None, None
    try:
        return float(x)
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")


def _leaves(x: Scalar) -> frozenset[int] | None:
    """The births of the leaves under a node; None if that is too much to look at."""
    waiting: list[Any] = [x]
    for node in waiting:  # grows while it is read
        if len(waiting) > UNDER or not isinstance(node, Scalar):
            return None
        waiting.extend(v for v in node._inputs if isinstance(v, Node))
    return frozenset(node._born for node in waiting if not node._inputs)


HANDED_IN.update(note=note)
if engine is not None:
    engine.keep_notes(noted.append)
