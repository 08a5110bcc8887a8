"""Pictures of samples of two features: decision boundaries, and the lines of a perceptron."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from reprlib import repr as short
from typing import Any

from .data import Samples, checked, outputs_of
from .perceptron import Correction, Perceptron
from .plotting import COLORS, finish, panels, shades, spaced

MARKERS = "os^Dv<>pP*"
LINES = 100  # of a perceptron that are drawn

Point = tuple[float, float]


# ---- samples of two features ---------------------------------------------------------------------


def plot_decision_boundary(
    model: Any, X: Samples, y: Samples, ax: Any = None, resolution: int = 60, *,
    classes: Sequence[str] | None = None, features: Sequence[str] | None = None,
) -> Any:  # fmt: skip
    """Draw two-feature samples over the class that the model gives each place.

    `model` is an estimator with `.predict`, or a Module: the largest of several outputs wins, a
    single one divides at 0, or at 1/2 if it is a probability. `classes` are names for the labels in
    ascending order, `features` those of the axes; ValueError if they are too few or too many.
    """
    rows, labels = _two_features(X, y)
    across, up = (spaced(*widened(column), resolution) for column in zip(*rows, strict=True))
    places = [[a, b] for b in up for a in across]
    known = sorted(set(labels))
    names = _names("classes", classes, [f"class {label:g}" for label in known])
    first, second = _names("features", features, ["feature 1", "feature 2"])
    found = _predict(model, places, known)
    shown = [found[i : i + len(across)] for i in range(0, len(found), len(across))]
    ax = panels(1, ax)[0]
    colors = [COLORS[i % len(COLORS)] for i in range(len(known))]
    levels = [i - 0.5 for i in range(len(known) + 1)]
    ax.contourf(across, up, shown, levels=levels, colors=colors, alpha=0.25)
    _scatter(ax, rows, labels, names)
    return finish(ax, "decision boundary", first, second)


def _names(what: str, given: Sequence[str] | None, usual: list[str]) -> list[str]:
    if given is None:
        return usual
    if isinstance(given, str) or len(given) != len(usual):
        raise ValueError(f"{what} takes {len(usual)} names, for {', '.join(usual)}: got {given!r}")
    return [str(name) for name in given]


def plot_perceptron(unit: Perceptron, X: Samples, y: Samples, ax: Any = None) -> Any:
    """Draw two-feature samples, and the line of a Perceptron after each correction.

    It was fitted with record=True. The lines go from light to dark, and the final one is bold. A
    ring, in the shade of the line after it, is around a sample that was on the wrong side; around
    one that was so again, a wider one. Of more than 100 corrections the last 100 are drawn.

    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
    >>> plot_perceptron(Perceptron(2).fit(X, y, record=True), X, y).get_title()
    '10 corrections in 6 epochs'
    """
    rows, classes = _two_features(X, y)
    if not isinstance(unit, Perceptron) or len(unit.weight) != 2:
        raise TypeError(f"this draws the line of a Perceptron of two inputs, not of {short(unit)}")
    if sum(unit.errors_) != len(unit.corrections_) or not unit.errors_:
        raise ValueError("this Perceptron kept no corrections: fit it with record=True")
    ax = panels(1, ax)[0]
    box = [widened(column) for column in zip(*rows, strict=True)]
    _scatter(ax, rows, classes)
    _draw_corrections(ax, unit.corrections_, box)
    if ends := _segment([w.data for w in unit.weight], unit.bias.data, box):
        ax.plot(*zip(*ends, strict=True), color="black", linewidth=2.5, label="final line")
    ax.set(xlim=box[0], ylim=box[1])
    last = unit.errors_[-1]
    note = "" if ends else "\n(no line: the weights are 0)"
    note = f"\n(not separated: {last} in the last)" if last else note
    title = f"{len(unit.corrections_)} corrections in {len(unit.errors_)} epochs{note}"
    return finish(ax, title, "feature 1", "feature 2")


def _draw_corrections(ax: Any, corrections: list[Correction], box: Any) -> None:
    """Draw the last lines from light to dark, and rings around the samples that moved them."""
    last = [*enumerate(corrections, 1)][-LINES:]
    rings, first = Counter[tuple[float, ...]](), True
    for (i, c), color in zip(last, shades(len(last)), strict=True):
        if ends := _segment(c.weight, c.bias, box):
            label = f"after correction {i}" if first else None
            ax.plot(*zip(*ends, strict=True), color=color, linewidth=1, zorder=0.9, label=label)
            first = False
        rings[tuple(c.x)] += 1
        width = 6 + 4 * min(rings[tuple(c.x)], 8)
        ax.plot(*c.x, "o", markersize=width, markerfacecolor="none", color=color, zorder=3)


def _two_features(X: Samples, y: Samples) -> tuple[list[list[float]], list[Any]]:
    rows, classes = checked(X, y)
    if len(rows[0]) != 2:
        raise ValueError(f"the picture has two axes, but a sample has {len(rows[0])} features")
    return rows, classes


def _scatter(
    ax: Any, rows: list[list[float]], classes: list[Any], names: Sequence[str] = ()
) -> None:
    """Draw samples in the colour and with the marker of their class."""
    for i, label in enumerate(sorted(set(classes))):
        name = names[i] if names else f"class {label:g}"
        points = [row for row, c in zip(rows, classes, strict=True) if c == label]
        ax.scatter(
            *zip(*points, strict=True), color=COLORS[i % len(COLORS)], edgecolor="white",
            marker=MARKERS[i % len(MARKERS)], linewidth=0.5, label=name,
        )  # fmt: skip


def _segment(weight: Sequence[float], bias: float, box: Any) -> list[Point] | None:
    """Two points of the line weight · x + bias = 0, across the box; None if the weights are 0."""
    length = math.hypot(*weight)
    if not 0 < length < math.inf:
        return None
    (a, b), ((left, right), (low, high)) = (w / length for w in weight), box
    x, y, reach = (left + right) / 2, (low + high) / 2, math.hypot(right - left, high - low)
    away = a * x + b * y + bias / length
    x, y = x - away * a, y - away * b
    return [(x - reach * b, y + reach * a), (x + reach * b, y - reach * a)]


def widened(column: Sequence[float]) -> tuple[float, float]:
    """The interval of some numbers, with a margin."""
    low, high = min(column), max(column)
    margin = 0.1 * (high - low) or 1.0
    return low - margin, high + margin


def _predict(model: Any, places: list[list[float]], known: list[Any]) -> list[int]:
    """The number, among the known classes, of the class at each place."""
    if hasattr(model, "predict"):
        return [known.index(c) for c in model.predict(places)]
    outputs = outputs_of(model, places)
    if isinstance(outputs[0], list):
        return [row.index(max(row)) for row in outputs]
    middle = 0.5 if getattr(model, "output", None) == "sigmoid" else 0.0
    return [int(output > middle) for output in outputs]
