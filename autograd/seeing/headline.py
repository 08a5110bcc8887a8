"""What a graph computes, in one line: `loss = tanh(w·x + b)`."""

from __future__ import annotations

import re
from typing import Any

from ..core.graph import Node
from ..printing.symbols import Symbol, render
from .naming import RAISED
from .wording import PLACE, Names, bracketed, on_arrays, operation

MOST_OPERATIONS, MOST_LETTERS = 12, 64  # of a line; what takes more is called by its name
POWER = re.compile(r"\^(\d)(?:\.0)?(?![\w.^])")
INVENTED = re.compile(r"v\d+")  # a name that says nothing


def headline(root: Node, names: Names) -> str:
    """The root in terms of the leaves if that is short, or else of its inputs, or else its name."""
    name, leaves = names[root], list[Node]()
    if not root.inputs:
        return name
    try:
        text = render(_formula(root, leaves, [MOST_OPERATIONS])).replace(" * ", "·")
    except _TooLongError:
        text = operation(root, names) if INVENTED.fullmatch(name) else name
    text = POWER.sub(lambda found: found[1].translate(RAISED), text)
    for i, leaf in enumerate(leaves):
        text = text.replace(chr(PLACE + i), bracketed(names[leaf]))
    if len(text) > MOST_LETTERS or text == name:
        return name
    return f"{name} = {text}" if root.label.strip() or not leaves else text


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
