"""A picture of a check: how far differences are from the gradient, against their step."""

from __future__ import annotations

from .. import extras

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .report import Row

COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00")  # Okabe and Ito 2008
MARKS = "os^Dv"
FEW, UNSEEN = 5, 1e-300  # steps at either end that a slope is laid through; as good as 0


def plot_steps(rows: Sequence[Row], ax: Any = None) -> Any:
    """Draw the errors of central differences of these rows, and the slopes that are due."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise extras.missing("report.plot", "matplotlib") from None
    curves = [(row, found) for row in rows if (found := differences(row))]
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
    rounding, truncation = max(e * h for h, e in off[:FEW]), max(e / h**2 for h, e in off[-FEW:])
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


def differences(row: Row) -> list[tuple[float, float]]:
    """The steps at which a row was measured to both sides, the least first, with the slopes."""
    values = row._values
    pairs = ((h, values[h], values[-h]) for h in sorted(values) if h > 0.0 and -h in values)
    return [(h, (b - a) / (2.0 * h)) for h, b, a in pairs if b - b == 0.0 == a - a]
