"""What a graph computes, in one line: `loss = tanh(w·x + b)`."""

from __future__ import annotations

from typing import Any

from ..core.graph import Node
from ..printing.symbols import Symbol, render
from .wording import PLACE, Names, bracketed, on_arrays

MOST_OPERATIONS, MOST_LETTERS = 12, 64  # of a line; what takes more is called by its name


def headline(root: Node, names: Names) -> str:
    """The root in terms of the leaves if that is short, or else its name."""
    name, leaves = names[root], list[Node]()
    try:
        formula = _formula(root, leaves, [MOST_OPERATIONS])
    except _TooLongError:
        return name
    text = render(formula).replace(" * ", "·") if root.inputs else name
    for i, leaf in enumerate(leaves):
        text = text.replace(chr(PLACE + i), bracketed(names[leaf]))
    if len(text) > MOST_LETTERS or not root.inputs:
        return name
    return f"{name} = {text}" if root.label.strip() else text


class _TooLongError(Exception):
    """A formula has too many operations, or one on arrays."""


def _formula(node: Node, leaves: list[Node], left: list[int]) -> Any:
    """The graph under a node as a formula in which a private character stands for each leaf."""
    if not node.inputs:
        if node not in leaves:
            leaves.append(node)
        return Symbol.named(chr(PLACE + leaves.index(node)))
    left[0] -= 1
    if left[0] < 0 or on_arrays(node) or len(node.inputs) > MOST_OPERATIONS:
        raise _TooLongError
    args = [_formula(x, leaves, left) if isinstance(x, Node) else x for x in node.inputs]
    return Symbol(node.op, *args)
