"""One step of a pass, in words and in mathematics: a `Frame`, and the `Share`s it hands on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from ..core.graph import Node
from ..support.errors import line_of
from .formats import columns, shown
from .wording import (
    WIDTH,
    Number,
    folded,
    gradient_of,
    handed_back,
    mathematical,
    number,
    on_arrays,
    operation,
    padded,
    signed,
    slope,
)

if TYPE_CHECKING:
    from .tracing import Trace

MOST_SHARES = 12  # in a frame's text


class Share(NamedTuple):
    """The part of the gradient for one input, and that input's gradient before and after."""

    input: Node
    position: int
    amount: Number
    before: Number
    after: Number


class Frame:
    """One step: a node and, going backward, the gradient `g` that arrives and the shares of it.

    Going forward there are no `g` and no shares. An operation on Tensors does not hand back a
    product with a local derivative, so its shares are shown as formulas in `ḡ`, which means `g`.
    """

    __slots__ = ("_handed", "_trace", "g", "index", "node", "shares")

    def __init__(
        self, trace: Trace, index: int, node: Node, g: Number = None, shares: tuple[Share, ...] = ()
    ) -> None:
        self._trace = trace
        self.index: int = index
        self.node: Node = node
        self.g: Number = g
        self.shares: tuple[Share, ...] = shares
        self._handed: list[tuple[str, str]] | None = None

    @property
    def number(self) -> int:
        """Its place in its pass, the first being 1: `.goto` takes it, and the player shows it."""
        return self.index + 1

    @property
    def on_arrays(self) -> bool:
        """Whether the operation takes or makes a Tensor."""
        return on_arrays(self.node)

    @property
    def locals(self) -> tuple[float | None, ...]:
        """The local derivative for each share as a number; None in a step of Tensors."""
        partials = () if self.on_arrays else self.node.partials  # type: ignore[attr-defined]
        return tuple(partials[s.position] if partials else None for s in self.shares)

    @property
    def formulas(self) -> tuple[str, ...]:
        """The local derivative for each share as a formula, "" if none can be printed.

        In a step of Tensors, the share itself: `ḡ @ Wᵀ`, `ḡ * sech²(x)`, `sum(ḡ, axis=0)`.
        """
        return tuple(self.formula(share) for share in self.shares)

    def formula(self, share: Share, style: str = "text") -> str:
        """One of the `formulas`, in text or LaTeX."""
        if not self.on_arrays:
            return slope(self.node, share.position, self._trace.names, style)
        if self._handed is None:
            self._handed = handed_back(self.node, self._trace.names)
        return self._handed[share.position][style == "latex"]

    @property
    def words(self) -> str:
        """A sentence about the shares of an operation on Tensors; "" if it needs none."""
        if not self.on_arrays:
            return ""
        from .array_wording import in_words

        return in_words(self.node)

    @property
    def line(self) -> str:
        """The user's line that made the node, "" if lines were not recorded."""
        return line_of(self.node)

    # ---- in words ----

    def __str__(self) -> str:
        body = [*self._table(), *([f"line: {self.line}"] if self.line else [])]
        return "\n".join([folded(self._head()), *(folded(f"  {line}") for line in body)])

    __repr__ = __str__

    def _head(self) -> str:
        name = self._trace.names[self.node]
        made = self.equation() if self.node.op else f"{name} = {number(self.node.data)}"
        if self.g is None:
            return f"forward {self.number} of {len(self._trace.forward)}: {made}"
        place = f"frame {self.number} of {len(self._trace)}"
        if not self.node.op:
            return f"{place}, the leaf {name}: its gradient is finished, {self._arriving()}"
        return f"{place}, backward through {made}"

    def equation(self, style: str = "text") -> str:
        """The node's operation, in names and in numbers: `c = a * b = -6.0`."""
        names = self._trace.names
        if style == "latex":
            parts = [names.latex(self.node), operation(self.node, names, style)]
            return " = ".join([*parts, mathematical(self.node.data)])
        parts = [names[self.node], operation(self.node, names)]
        if self.g is None:
            parts.append(operation(self.node, names, numbers=True))
        return " = ".join([*dict.fromkeys(parts), number(self.node.data)])

    def _table(self) -> Iterator[str]:
        """The shares, one below the other."""
        if not self.shares:
            if self.g is not None and self.node.op:
                yield f"arriving: {self._arriving()}; nothing is handed on"
            return
        yield f"arriving: {self._arriving()}"
        few = self.shares[:MOST_SHARES]
        if self.on_arrays:
            yield from self._array_rows(few)
            return
        rows = [self._row(*pair) for pair in zip(few, self.locals[:MOST_SHARES], strict=True)]
        widths = [max(map(columns, cells)) for cells in zip(*rows, strict=True)]
        between = "" if sum(widths) + 2 <= WIDTH else "\n    "
        for row in rows:
            *cells, slope = map(padded, row, widths, (False, True, True, False, False, False))
            left = "".join(cells)
            yield (left.rstrip() + between if between else left) + slope.rstrip()
        yield from self._more()

    def _array_rows(self, shares: Sequence[Share]) -> Iterator[str]:
        names = self._trace.names
        for share in shares:
            formula, amount = self.formula(share), gradient_of(share.amount)
            yield f"to {names[share.input]}: {f'{formula} = ' if formula else ''}{amount}"
            after = "this" if share.after is share.amount else gradient_of(share.after)
            yield f"  {names.atom(share.input)}.grad {gradient_of(share.before)} → {after}"
        yield from self._more()
        if self.words:
            yield f"{self.node.op}: {self.words}"

    def _more(self) -> Iterator[str]:
        if len(self.shares) > MOST_SHARES:
            yield f"... and {len(self.shares) - MOST_SHARES:,} shares more"

    def _arriving(self) -> str:
        atom = self._trace.names.atom
        g = "ḡ = " if self.shares and self.on_arrays else ""
        return f"{g}d {atom(self._trace.root)}/d {atom(self.node)} = {gradient_of(self.g)}"

    def _row(self, share: Share, local: float | None) -> list[str]:
        names = self._trace.names
        before, after = gradient_of(share.before), gradient_of(share.after)
        return [
            f"to {names[share.input]}: ",
            f"{gradient_of(self.g)} × ",
            number(local),
            f" = {gradient_of(share.amount)}",
            f"  {names.atom(share.input)}.grad {before} → {after}",
            f"  local: {self.derivative(share)}",
        ]

    def derivative(self, share: Share) -> str:
        """The local derivative for one share: `d(a * b)/da = b`; for Tensors, the share."""
        names = self._trace.names
        formula = self.formula(share)
        if self.on_arrays:
            return f"{operation(self.node, names)} hands {names[share.input]} {formula}".rstrip()
        left = f"d({operation(self.node, names)})/d{names.atom(share.input)}"
        return f"{left} = {formula}" if formula else left

    # ---- in a notebook ----

    def latex(self) -> str:
        """The frame in mathematics, a line for each share."""
        if self.g is None:
            return self.equation("latex")
        names = self._trace.names
        top = names.latex(self._trace.root)
        arriving = rf"\frac{{\partial {top}}}{{\partial {names.latex(self.node)}}}"
        g = r"\bar g = " if self.shares and self.on_arrays else ""
        lines = [rf"{g}{arriving} &= {mathematical(self.g)}"]
        few = self.shares[:MOST_SHARES]
        for share, local in zip(few, self.locals[:MOST_SHARES], strict=True):
            lines.append(self._latex_row(share, local, arriving))
        return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"

    def _latex_row(self, share: Share, local: float | None, arriving: str) -> str:
        names = self._trace.names
        x = names.latex(share.input)
        formula, told = self.formula(share, "latex"), mathematical(share.amount)
        if local is not None:
            slot = rf"\frac{{\partial {names.latex(self.node)}}}{{\partial {x}}}"
            slot = rf"\underbrace{{{slot}}}_{{{formula}}}" if formula else slot
            formula = rf"{arriving} \, {slot}"
            told = rf"{signed(self.g)} \cdot {signed(local)} = {told}"
        return rf"\text{{to }} {x}: \quad {formula} &= {told}"

    def svg(self) -> str:
        """The picture of the graph at this step."""
        from .player import still

        return still(self._trace, self)[0]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from .player import still

        mathematics = f"<div>$$ {escape(self.latex())} $$</div>"
        pictures = still(self._trace, self)
        return {
            "text/html": f"{shown(str(self), *pictures)}{mathematics}",
            "text/latex": f"$$ {self.latex()} $$",
            "text/plain": str(self),
        }
