"""The findings of a check of derivatives, as rows and as a table."""

from __future__ import annotations

import math
from contextvars import ContextVar
from dataclasses import dataclass
from html import escape
from types import MappingProxyType

from .. import extras
from ..core.graph import Node, data_of
from ..seeing.naming import printable
from ..support.errors import line_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final

    from .differences import Estimate
    from .kinds_of_mistake import Kind

WIDTH = 80
MOST_ROWS, MOST_NAMES = 60, 8  # that are printed
SHARP = 0.05  # the part of a slope by which that to the other side differs
WORST = 5  # rows that a failing test shows first
ULPS = 16.0  # by which the value of an operation on numbers may be off; that of a list may cancel
SEEDED = (("its sign flipped", -1.0), ("dropped", 0.0), ("doubled", 2.0), ("off by 1e-6", 1 + 1e-6))
FORGETS_G = "; it does not multiply by the gradient that arrives"
# The names of nodes without a label in the graph that is being checked.
called: ContextVar[Mapping[Node, str]] = ContextVar("called", default=MappingProxyType({}))
HEAD = ("input", "analytic", "numeric", "apart", "error bar", "rounding", "verdict")


class Row:
    """One derivative: that of `output` by `input`, as claimed and as measured.

    `analytic` is the gradient's number, `numeric` the one by differences, which is off by
    `error_bar` at most. At a kink `left` and `right` are the slopes to the two sides, and `numeric`
    with its bar covers both. `rounding` is how much of the difference rounding can explain.

    `verdict` is "ok", "wrong", "kink" (the slopes to the two sides of the point differ, as nearly
    as x can be told from its neighbours, and the gradient lies between them) or "noisy" (rounding
    or stairs hide what a gradient wrong by 1e-4 would look like; that is not a pass). The tolerance
    is the error bar, so it follows the scale of the function. Beside a kink, a gradient is "ok"
    only where it is that of its own side; beside the end of the domain, the slope is one-sided.
    """

    note: str = ""
    _values: Mapping[float, float] = MappingProxyType({})  # by the step, as the search found them

    def __init__(
        self, names: tuple[str, str], analytic: float, found: Estimate, verdict: str,
        rounding: float,
    ) -> None:  # fmt: skip
        self.output: str = names[0]
        self.input: str = names[1]
        self.analytic: float = analytic
        self.numeric: float = found.value
        self.error_bar: float = found.error_bar
        self.kind: Final = found.kind
        self.verdict: str = verdict
        self.rounding: float = rounding
        self.left: float = found.left[0] if found.left else math.nan
        self.right: float = found.right[0] if found.right else math.nan
        if found.kind in ("kink", "jump"):
            self.numeric = 0.5 * (self.left + self.right)
            self.error_bar = 0.5 * abs(self.right - self.left)
        if found.kind == "jump":
            self.note = "the function jumps here; the slopes are those beside the jump"
        if found.kind == "edge":
            side = "left" if self.right != self.right else "right"
            self.note = f"the function has values on the {side} only"

    @property
    def difference(self) -> float:
        """How far apart the two are; what `rounding` may explain."""
        return 0.0 if self.analytic == self.numeric else abs(self.analytic - self.numeric)

    @property
    def is_sharp(self) -> bool:
        """True if the slopes to the two sides differ by more than coarse rounding may show."""
        return abs(self.left - self.right) > SHARP * max(abs(self.left), abs(self.right))

    @property
    def name(self) -> str:
        """Which derivative: the input's name, with the output's where there are several."""
        return f"d{self.output}/d{self.input}" if self.output else self.input

    def record(self) -> dict[str, Any]:
        """The row as a dictionary that JSON can hold: what is not finite is a string."""
        parts = {name: x for name, x in vars(self).items() if name[0] != "_"}
        parts |= {"difference": self.difference, "note": self.note}
        odd = {part: x for part, x in parts.items() if isinstance(x, float) and x - x != 0.0}
        return parts | {part: str(x) if x == x else None for part, x in odd.items()}

    def cells(self) -> tuple[str, ...]:
        """The row as texts, in the order of the table's head."""
        numeric = f"{self.numeric:.7g}"
        if self.kind in ("kink", "jump"):
            numeric = f"{self.left:.4g}|{self.right:.4g}"
        return (
            self.name, f"{self.analytic:.7g}", numeric, _brief(self.difference),
            _brief(self.error_bar), _brief(self.rounding), self.verdict,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<{self.name}: {self.verdict}>"


@dataclass(eq=False, repr=False)
class Finding:
    """One fault: what is wrong, where, and by how much.

    `kind` is "rule" (a local derivative), "value" (changed after recording), "inputs" (some are
    missing, as when they are kept in a set), "overwritten" (`=` for `+=`), "order" (a node was
    visited before all that it feeds) or "sum". `argument` is the position of the input for a rule,
    and `index` the element of an array where it is worst.
    """

    kind: str
    node: Any
    text: str
    argument: int | None = None
    claimed: float = math.nan
    measured: float = math.nan
    error_bar: float = math.nan
    index: tuple[int, ...] | None = None
    count: int = 1

    @property
    def operation(self) -> str:
        """The name of the operation at fault."""
        name: str = self.node.op
        return name

    @property
    def line(self) -> str:
        """The user's line of code, where `record_lines()` was on."""
        return line_of(self.node)

    def __str__(self) -> str:
        more = f" (and {self.count - 1} more nodes like it)" if self.count > 1 else ""
        return self.text + more + (f"\n  at {self.line}" if self.line else "")

    __repr__ = __str__


class GraphReport:
    """The findings of `check_graph`; true when nothing is wrong.

    `findings` has one entry for each fault. `edges` counts the local derivatives that were
    checked, `kinks` the nodes that stand at a kink. With `mutate`, `seeded` counts the faults that
    were planted and `missed` lists those that went unseen.
    """

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.names: Mapping[Node, str] = {}  # of the nodes without a label
        self.kinks: list[Any] = []
        self.missed: list[str] = []
        self.edges = 0
        self.seeded = 0

    def __bool__(self) -> bool:
        return not self.findings and not self.missed

    def __str__(self) -> str:
        lines = [f"{self.edges} local derivatives checked, {len(self.findings)} faults"]
        lines += map(str, self.findings)
        lines += [f"kink: {describe_node(node, self.names)}" for node in self.kinks]
        if self.seeded:
            seen = self.seeded - len(self.missed)
            lines.append(f"{seen} of {self.seeded} seeded faults seen")
        lines += [f"not seen: {text}" for text in self.missed]
        return "\n".join(lines)

    __repr__ = __str__


class Report:
    """The findings of `gradcheck`: true when every row is "ok" or "kink".

    `rows` has one `Row` for each input element and output; `culprits` the faults found in the
    graph where a row is wrong; `mistakes` what the wrong rows have in common, where that is a known
    kind of mistake; `notes` what else there is to say.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.culprits: list[Finding] = []
        self.mistakes: list[Kind] = []
        self.notes: list[str] = []

    def __bool__(self) -> bool:
        return all(row.verdict in ("ok", "kink") for row in self.rows)

    def __str__(self) -> str:
        shown = self.rows
        if len(shown) > MOST_ROWS:  # what is well is told in a line
            shown = [row for row in self.rows if row.verdict != "ok"][:MOST_ROWS]
        lines = table([HEAD, *(row.cells() for row in shown)])
        if hidden := len(self.rows) - len(shown):
            well = sum(row.verdict == "ok" for row in self.rows)
            lines.append(f"... and {hidden:,} rows more; {well:,} of all {len(self.rows):,} are ok")
        for note in dict.fromkeys(row.note for row in self.rows if row.note):
            names = [row.name for row in self.rows if row.note == note]
            more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
            lines.append(f"{', '.join(names[:MOST_NAMES])}{more}: {note}")
        return "\n".join([*lines, *self.notes, *self.causes()])

    __repr__ = __str__

    def causes(self) -> list[str]:
        """The faults, and the mistakes that the wrong rows have in common, a line each."""
        common = [f"in common: {kind.text}" for kind in self.mistakes]
        return common + [f"at fault: {finding}" for finding in self.culprits]

    def worst(self) -> list[Row]:
        """The five rows that are worst: wrong ones first, then those that are furthest off."""
        well = {"wrong": 0, "noisy": 1}
        ranked = sorted(self.rows, key=lambda row: (well.get(row.verdict, 2), -row.difference))
        return ranked[:WORST]

    def plot(self, ax: Any = None) -> Any:
        """Draw how far differences are from the gradient, against their step, of the worst rows.

        Both axes are logarithmic. A right gradient falls with the square of the step, down to where
        rounding rises; a wrong one stays level. The picture is drawn by matplotlib on `ax` or on a
        new figure, and the axes are returned. ImportError without matplotlib; ValueError where no
        row was measured at steps.
        """
        return _plot_steps(self.worst(), ax)

    def failure(self) -> str:
        """The report for a test that failed: of many rows, what is at fault and the worst first."""
        if len(self.rows) <= WORST:
            return str(self)
        bad = [row for row in self.worst() if row.verdict not in ("ok", "kink")]
        lines = table([HEAD, *(row.cells() for row in bad)])
        return "\n".join([*self.causes(), *lines, "", "all that was checked:", str(self)])

    def to_dict(self) -> dict[str, Any]:
        """The report as a dictionary that JSON can hold: "ok", "rows", "notes", "mistakes"..."""
        rows = [row.record() for row in self.rows]
        culprits = [str(finding) for finding in self.culprits]
        mistakes = [kind._asdict() for kind in self.mistakes]
        return {
            "ok": bool(self), "rows": rows, "notes": list(self.notes), "mistakes": mistakes,
            "culprits": culprits,
        }  # fmt: skip

    def _repr_html_(self) -> str:
        """Return the report as an HTML table, with the rows that are not ok first."""
        ranked = sorted(self.rows, key=lambda row: row.verdict in ("ok", "kink"))[:MOST_ROWS]
        lines = [("th", HEAD), *(("td", row.cells()) for row in ranked)]
        body = "".join(
            "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
            for tag, cells in lines
        )
        said = [f"{row.name}: {row.note}" for row in ranked if row.note]
        if hidden := len(self.rows) - len(ranked):
            said.append(f"... and {hidden:,} rows more")
        said += [*self.notes, *self.causes()]
        return f"<table>{body}</table>" + "".join(f"<p>{escape(text)}</p>" for text in said)


def describe_node(node: Any, names: Mapping[Node, str] | None = None) -> str:
    """A node in a sentence: its operation, its label or name, its operands."""
    return printable(_described(node, called.get() if names is None else names))


def _described(node: Any, names: Mapping[Node, str]) -> str:
    if not node._inputs:
        held, name = brief(node._data), node.label or names.get(node)
        return f"the input {name} = {held}" if name else f"an input {held}"
    shown = []
    for x in node._inputs[:4]:
        name = isinstance(x, Node) and (x.label or names.get(x))
        shown.append(f"{name} = {_operand(x)}" if name else _operand(x))
    operands = ", ".join(shown + ["..."] * (len(node._inputs) > 4))
    name = repr(node.label) if node.label else names.get(node)
    return f"{node.op}({operands})" + (f" labelled {name}" if name else "")


def measured(found: Estimate) -> str:
    """The slope that differences give, in words."""
    if found.kind in ("kink", "jump") and found.left and found.right:
        left, right = found.left[0], found.right[0]
        return f"and its slopes are {left:.6g} on the left, {right:.6g} on the right"
    return f"measured {found.value:.10g} +- {found.error_bar:.1e}"


def _operand(x: Any) -> str:
    data = data_of(x)
    return f"{data.shape} array" if getattr(data, "shape", ()) else brief(data)


def brief(x: Any) -> str:
    """A number in full; an array by its shape and its elements, or their range."""
    if not getattr(x, "shape", ()):
        return str(x) if hasattr(x, "shape") else repr(x)
    from ..seeing.abbreviating import text

    return text(x)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines with aligned columns; the first column gives way to keep 80 columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[0] = min(widths[0], max(8, WIDTH - sum(widths[1:]) - 2 * len(widths[1:])))
    lines = []
    for first, *others in rows:
        if len(first) > widths[0]:
            first = "..." + first[3 - widths[0] :]
        cells = [first, *others]
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append("  ".join(padded).rstrip())
    return lines


def _brief(x: float) -> str:
    return f"{x:.1e}" if x else "0"


# ---- the picture ---------------------------------------------------------------------------------

COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00")  # Okabe and Ito 2008
MARKS = "os^Dv"
ENDS, UNSEEN = 5, 1e-300  # steps at either end that a slope is laid through; as good as 0


def _plot_steps(rows: Sequence[Row], ax: Any = None) -> Any:
    """Draw the errors of central differences of these rows, and the slopes that are due."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise extras.missing("report.plot", "matplotlib") from None
    curves = [(row, found) for row in rows if (found := _differences(row))]
    if not curves:
        raise ValueError("no row was measured at steps on both sides: there is nothing to draw")
    if ax is None:
        ax = pyplot.subplots(layout="constrained")[1]
    lengths = [h for _, found in curves for h, _ in found]
    for (row, found), color, mark in zip(curves, COLORS, MARKS, strict=False):
        off = [(h, abs(slope - row.analytic)) for h, slope in found]
        steps, errors = zip(*((h, e or UNSEEN) for h, e in off), strict=True)
        look = {"color": color, "marker": mark, "markersize": 4, "linewidth": 1.2}
        ax.plot(steps, errors, label=f"{row.name}: {row.verdict}", **look)
    seen = [e for line in ax.get_lines() for e in line.get_ydata() if e > UNSEEN]
    row, found = curves[0]
    off = [(h, abs(slope - row.numeric)) for h, slope in found]
    rounding, truncation = max(e * h for h, e in off[:ENDS]), max(e / h**2 for h, e in off[-ENDS:])
    for size, power, name, dashes in (
        (rounding, -1, "rounding: slope \N{MINUS SIGN}1", "--"),
        (truncation, 2, "truncation: slope 2", ":"),
    ):
        if size > 0.0:
            ends = [min(lengths), max(lengths)]
            ax.plot(ends, [size * h**power for h in ends], dashes, color="#777777", label=name)
    ax.set(xscale="log", yscale="log", xlabel="step", ylabel="|difference \N{MINUS SIGN} gradient|")
    if seen:
        ax.set_ylim(min(seen) / 10.0, max(seen) * 10.0)
    ax.set_title("A wrong gradient stays level", fontsize="medium")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(fontsize="small", framealpha=0.8, edgecolor="none")
    return ax


def _differences(row: Row) -> list[tuple[float, float]]:
    """The steps at which a row was measured to both sides, the least first, with the slopes."""
    values = row._values
    pairs = ((h, values[h], values[-h]) for h in sorted(values) if h > 0.0 and -h in values)
    return [(h, (b - a) / (2.0 * h)) for h, b, a in pairs if b - b == 0.0 == a - a]
