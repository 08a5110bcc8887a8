"""Two pictures, with matplotlib: the learning curve, and the decision boundary of a model."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograd import files

from .data import Samples, checked
from .inputs import outputs_of
from .training.fit import History

MISSING = "pictures need matplotlib: python -m pip install matplotlib"
LINES = ("#1f5a99", "#c5511c")  # blue and vermilion: told apart by most colour-blind readers
MARKERS = "os^Dv<>pP*"


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError(MISSING) from None
    return pyplot.subplots(layout="constrained")[1]


def plot_history(history: History, ax: Any = None) -> Any:
    """Draw the losses against the epochs, and return the axes."""
    ax = _axes(ax)
    epochs = range(1, history.epochs + 1)
    ax.plot(epochs, history.loss, color=LINES[0], label="training")
    if history.validation_loss:
        # an interrupted epoch may have a training loss only
        losses = history.validation_loss
        ax.plot(epochs[: len(losses)], losses, color=LINES[1], linestyle="--", label="validation")
    if history.stopped == "early":
        ax.axvline(history.best_epoch, color="0.6", linewidth=1, label="best epoch")
    ax.set(xlabel="epoch", ylabel="loss")
    ax.spines[["top", "right"]].set_visible(False)
    if all(loss > 0 for loss in history.loss + history.validation_loss):
        ax.set_yscale("log")
    ax.legend(frameon=False)
    return ax


def save_history(history: History, path: str | os.PathLike[str]) -> None:
    """Write the picture of the losses to a .png, .svg or .pdf; no window is opened."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(MISSING) from None
    figure, picture = Figure(layout="constrained"), io.BytesIO()
    plot_history(history, figure.subplots())
    figure.savefig(picture, format=Path(path).suffix.lstrip(".") or "png", dpi=150)
    files.write(path, picture.getvalue())


def plot_decision_boundary(
    model: Any, X: Samples, y: Samples, ax: Any = None, resolution: int = 60
) -> Any:
    """Draw two-feature samples over the class that the model gives each place; return the axes.

    `model` is an estimator with `.predict`, or a Module: the largest of several outputs wins, a
    single one divides at 0, or at 1/2 if it is a probability.
    """
    rows, classes = checked(X, y)
    if len(rows[0]) != 2:
        raise ValueError(f"the picture has two axes, but a sample has {len(rows[0])} features")
    ax = _axes(ax)
    across, up = (_span(column, resolution) for column in zip(*rows, strict=True))
    places = [[a, b] for b in up for a in across]
    known = sorted(set(classes))
    found = _predict(model, places, known)
    shades = [found[i : i + len(across)] for i in range(0, len(found), len(across))]
    from matplotlib import colormaps

    colors = [colormaps["tab10"](i % 10) for i in range(len(known))]
    levels = [i - 0.5 for i in range(len(known) + 1)]
    ax.contourf(across, up, shades, levels=levels, colors=colors, alpha=0.25)
    for i, label in enumerate(known):
        points = [row for row, c in zip(rows, classes, strict=True) if c == label]
        ax.scatter(
            *zip(*points, strict=True), color=colors[i], marker=MARKERS[i % len(MARKERS)],
            edgecolor="white", linewidth=0.5, label=f"{label:g}",
        )  # fmt: skip
    ax.set(xlabel="feature 1", ylabel="feature 2")
    ax.legend(title="class", frameon=False)
    return ax


def _span(column: Sequence[float], n: int) -> list[float]:
    low, high = min(column), max(column)
    margin = 0.1 * (high - low) or 1.0
    return [low - margin + i * (high - low + 2 * margin) / (n - 1) for i in range(n)]


def _predict(model: Any, places: list[list[float]], known: list[Any]) -> list[int]:
    """The number, among the known classes, of the class at each place."""
    if hasattr(model, "predict"):
        return [known.index(c) for c in model.predict(places)]
    outputs = outputs_of(model, places)
    if isinstance(outputs[0], list):
        return [row.index(max(row)) for row in outputs]
    middle = 0.5 if getattr(model, "output", None) == "sigmoid" else 0.0
    return [int(output > middle) for output in outputs]
