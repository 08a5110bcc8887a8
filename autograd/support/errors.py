"""Errors that say where they come from, and what to do."""

from __future__ import annotations

import linecache
import math
from collections.abc import Iterator, Sequence
from typing import Any

from ..core.graph import Node
from ..core.modes import caller, extra
from ..core.rules import Rule


def check_result(node: Node) -> None:
    """FloatingPointError if what a new node holds is not finite."""
    if not is_finite(node._data):
        operands = ", ".join(_shown(node._inputs))
        raise FloatingPointError(f"{node.op} of {operands} is {node._data}{_at(node)}")


def check_shares(node: Node, g: object, shares: Sequence[object]) -> None:
    """FloatingPointError if the gradient that arrives at a node, or a share, is not finite."""
    operands = list(_shown(node._inputs))
    made = f"{node.op} of {', '.join(operands)}" if operands else f"the leaf {next(_shown([node]))}"
    if not is_finite(g):
        raise FloatingPointError(f"the gradient that arrives at {made} is {_number(g)}{_at(node)}")
    for share, operand in zip(shares, operands, strict=True):
        if share is not None and not is_finite(share):
            raise FloatingPointError(
                f"the gradient that {made} passes back to {operand} is {_number(share)} "
                f"(it was handed {_number(g)}){_at(node)}"
            )


def place(error: Exception, row: Rule, inputs: Sequence[object], node: Node | None = None) -> None:
    """Add to an error of a rule where it came: operation, labels, line; backward from a node."""
    way, name, line = "forward", "", said(caller())
    if node is not None:
        way, name = "backward", f"{node.label} = " if node.label else ""
        line = line_of(node) or "a line that record_lines() keeps"
    operation = f"{row.name} of {', '.join(_shown(inputs))}"
    error.add_note(f"in the rule of {row.name}, {way}: {name}{operation}\n  at {line}")


def line_of(node: Any) -> str:
    """The user's line that made a node, as `file:line: code`; "" where none was recorded."""
    where = extra(node).get("line")
    return "" if where is None else said(where)


def said(where: tuple[str, int]) -> str:
    """A file and line, with the code there."""
    return f"{where[0]}:{where[1]}: {linecache.getline(*where).strip()}"


def _number(x: object) -> Any:
    return getattr(x, "_data", x)  # with create_graph a gradient is a node


def is_finite(x: object) -> bool:
    """True for a finite number, and for an array or a node of such numbers."""
    data = _number(x)
    if isinstance(data, (float, int)):
        return math.isfinite(data)
    found = abs(data) < math.inf
    return bool(found.all() if hasattr(found, "all") else found.__array_namespace__().all(found))


def _shown(inputs: Sequence[object]) -> Iterator[str]:
    for x in inputs:
        if not isinstance(x, Node):
            yield f"{x}"
        else:
            yield f"{x.label} = {x._data}" if x.label else f"{x._data}"


def _at(node: Node) -> str:
    line = line_of(node)
    return f"\n  at {line}" if line else ""


def advice(x: object) -> str:
    """Advice on something that is not a real number."""
    if isinstance(x, Node):
        return "use it as it is, or x.detach() for a leaf of your own with its number"
    if isinstance(x, (str, bytes)):
        return "convert it with float() first"
    if isinstance(x, complex):
        return "take .real or .imag; derivatives here are those of real functions"
    if x is None:
        return "did a function forget to return its result?"
    if hasattr(x, "__array__") or hasattr(x, "shape") or isinstance(x, (list, tuple)):
        return "make a Value of each element, or a Tensor of the whole"
    return "convert it with float() first"
