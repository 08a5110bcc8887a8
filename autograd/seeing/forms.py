"""The formulas of a page as MathML with holes: the page fills in the names or the numbers.

A form is written once, however many nodes have it, and holds no label of the user.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..core.graph import Node
from ..printing.mathml import typeset
from .wording import MOST_OPERANDS, OUT, handed_back, on_arrays, template

RESULT = re.compile(r"\bout\b")


class Forms:
    """The forms of a page, each once. A hole is a private character: an operand, or the result."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {"": 0}  # 0 where there is nothing to show

    def _place(self, text: str) -> int:
        form = typeset(text) if text else ""
        return self.places.setdefault(form, len(self.places))

    def of(self, node: Node) -> int:
        """The place of the operation of a node."""
        return self._place(template(node, None))

    def slopes(self, node: Node, positions: Sequence[int]) -> list[int]:
        """The places of the local derivatives for some inputs; on Tensors, of their shares."""
        if on_arrays(node):
            handed = handed_back(node) if len(node.inputs) <= MOST_OPERANDS else []
            return [self._place(handed[k][0]) for k in positions] if handed else []
        return [self._place(RESULT.sub(OUT, template(node, k))) for k in positions]
