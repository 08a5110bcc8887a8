"""Pictures, with matplotlib, of activations, losses, trainings and layers; what all pictures share.

Each function draws on `ax` (a list of axes where it has several panels) or on a new figure, and
returns the axes. A number that is not finite is a gap, and the title counts the gaps. The colours
are those of Okabe and Ito (2008), told apart by colour-blind readers; line styles differ for print.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from reprlib import repr as short
from typing import Any

from autograd import extras, files, value_and_grad

from .choices import activation as activation_of
from .choices import choose
from .data import number_of
from .diagnose import LayerReport, TrainingReport
from .losses import loss_of
from .training.fit import History

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
STYLES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (7, 1, 1, 1, 1, 1)))
INTERVALS = 400  # of a curve
Function = Callable[[float], float]


# ---- what all pictures share ---------------------------------------------------------------------


def library() -> Any:
    """matplotlib.pyplot; ImportError, which says what to install, without matplotlib."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise extras.missing("a picture of nn", "matplotlib") from None
    return pyplot


def panels(n: int, ax: Any = None) -> list[Any]:
    """The axes given, or new ones; ValueError unless n are given."""
    if ax is not None:
        given = list(getattr(ax, "flat", ax if isinstance(ax, (list, tuple)) else [ax]))
        if len(given) != n:
            raise ValueError(f"this picture has {n} panels, but ax has {len(given)} axes")
        return given
    across = 2 if n == 4 else min(n, 3)
    down = math.ceil(n / across)
    size = None if n == 1 else (3.6 * across, 3.2 * down)
    figure, axes = library().subplots(
        down, across, figsize=size, layout="constrained", squeeze=False
    )
    for spare in axes.flat[n:]:
        figure.delaxes(spare)
    return list(axes.flat[:n])


def style(i: int) -> dict[str, Any]:
    """The colour and the line style of curve number i."""
    return {"color": COLORS[i % len(COLORS)], "linestyle": STYLES[i % len(STYLES)]}


def named(what: str, things: Any, kind: Any, name: Callable[[Any], str]) -> dict[str, Any]:
    """One thing, a list or a dict of them, by name; TypeError for another kind."""
    keyed = isinstance(things, Mapping)
    keys = list(map(str, things)) if keyed else []
    listed = things.values() if keyed else things
    found = list(listed) if keyed or isinstance(listed, (list, tuple)) else [listed]
    if not found:
        raise ValueError(f"the list of {what} is empty: there is nothing to draw")
    for x in found:
        if not isinstance(x, kind):
            raise TypeError(f"{what} are drawn, one or a list or a dict of them, not {short(x)}")
    keys = keys or [name(x) for x in found]
    if len(set(keys)) < len(keys):
        keys = [f"{key} ({i})" for i, key in enumerate(keys, 1)]
    return dict(zip(keys, found, strict=True))


def finish(ax: Any, title: str, x: str, y: str, missing: int = 0, legend: str = "outside") -> Any:
    """Name the axes, and say in the title how many numbers are gaps.

    The legend is "outside", where the layout of the figure makes room for it, "inside" or "none".
    """
    note = f"\n({missing} not finite)" if missing else ""
    ax.set_title(title + note, fontsize="medium")
    ax.set(xlabel=x, ylabel=y)
    ax.spines[["top", "right"]].set_visible(False)
    if legend != "none" and ax.get_legend_handles_labels()[1]:
        look: dict[str, Any] = {"fontsize": "small", "framealpha": 0.8, "edgecolor": "none"}
        if legend == "outside":
            look["loc"] = "upper right"  # the best place is slow to find among many points
            if ax.figure.get_layout_engine() is not None:
                look |= {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
        ax.legend(**look)
    return ax


def gaps(ys: Iterable[float]) -> tuple[list[float], int]:
    """The numbers with nan for each that is not finite, and how many these are."""
    found = [y if math.isfinite(y) else math.nan for y in map(float, ys)]
    return found, sum(map(math.isnan, found))


# ---- functions of one number, and their slopes ---------------------------------------------------


def plot_activation(activation: Any, ax: Any = None, over: Sequence[float] = (-4.0, 4.0)) -> Any:
    """Draw an activation and its slope, which the engine computes; a list or a dict, side by side.

    An activation is a name, or any function of a Value. Where it or its slope jumps, the line is
    broken: an open point is a limit, a filled one the number there, for a slope a convention.

    >>> print(plot_activation("relu").get_title())
    relu
    slope at 0: 0
    """
    chosen = named("activations", activation, (str, Callable), _name_of)
    pairs = {
        name: _curves(activation_of(f) if isinstance(f, str) else f, over)
        for name, f in chosen.items()
    }
    axes = panels(len(pairs), ax)
    for place, (name, (value, slope)) in zip(axes, pairs.items(), strict=True):
        value.draw(place, "value", 0)
        slope.draw(place, "slope", 1, marked=True)
        known = [(x, slope.at(x)) for x in slope.places if math.isfinite(slope.at(x))]
        told = f"\nslope at {known[0][0]:.4g}: {known[0][1]:.4g}" if len(known) == 1 else ""
        legend, missing = "inside" if place is axes[0] else "none", value.missing + slope.missing
        finish(place, name + told, "x", "value and slope", missing, legend)
    return axes if isinstance(activation, (list, tuple, Mapping)) else axes[0]


def plot_losses(
    losses: Any = ("mse", "bce"), target: float = 1.0, ax: Any = None,
    over: Sequence[float] = (0.02, 0.98), activation: str | None = None,
) -> Any:  # fmt: skip
    """Draw losses of one prediction, and their gradients beside them.

    A loss is a name, or a function of a list of outputs and a list of targets. The default shows
    why classes are learnt by cross-entropy: as the prediction p of the target 1 goes to 0, -log p
    and its gradient -1/p grow without bound, while (p - 1)^2 and 2 (p - 1) do not. With
    activation="sigmoid" they are functions of its input z: then the gradient p - 1 of -log p goes
    to -1, and 2 (p - 1) p (1 - p) to 0 (Bishop 2006, sections 4.3.2 and 5.2).
    """
    chosen, squash = named("losses", losses, (str, Callable), _name_of), activation_of(activation)

    def both(loss: Any) -> tuple[_Curve, _Curve]:
        return _curves(lambda x: loss_of(loss)([squash(x)], [target]), over)

    pairs = [*map(both, chosen.values())]
    axes = panels(2, ax)
    for i, (name, curves) in enumerate(zip(chosen, pairs, strict=True)):
        for place, curve in zip(axes, curves, strict=True):
            curve.draw(place, name, i)
    x = f"z, the input of {activation}" if activation else "prediction"
    for k, (what, legend) in enumerate((("loss", "none"), ("gradient", "outside"))):
        missing = sum(curves[k].missing for curves in pairs)
        finish(axes[k], f"{what}, target {target:g}", x, what, missing, legend)
    return axes


def _name_of(f: Any) -> str:
    name = f if isinstance(f, str) else getattr(f, "__name__", type(f).__name__)
    return "f" if name == "<lambda>" else name


class _Curve:
    """A function at many places, with nan where its line is broken, and where that is."""

    def __init__(self, at: Function, xs: list[float], places: Iterable[float] = ()) -> None:
        self.first, self.last = xs[0], xs[-1]
        self.at, self.places, self.near = at, sorted(places), 1e-9 * (self.last - self.first)
        self.xs = [x for x in xs if all(abs(x - place) > self.near for place in self.places)]
        known = [y for y in map(at, self.xs) if math.isfinite(y)] or [0.0]
        self.low, self.high, self.missing = min(known), max(known), len(self.xs) - len(known)
        # a change that can be seen, and that is not rounding
        self.least = max(1e-3 * (self.high - self.low), 1e-9 * max(map(abs, known)))

    def jumps(self) -> Iterator[float]:
        """The places where the function jumps, found by bisection; at a pole too."""
        for a, b in pairwise(self.xs):
            if not math.isfinite(self.at(a) + self.at(b)):
                continue  # a gap already
            while self.change(a, b) > self.least:
                x = (a + b) / 2
                close = b - a < 1e-6 * self.near or x in (a, b)
                if close or not math.isfinite(self.at(x)):
                    tidy = round(x, 12) + 0.0
                    yield tidy if a <= tidy <= b else x
                    break
                a, b = (a, x) if self.change(a, x) > self.change(x, b) else (x, b)

    def change(self, a: float, b: float) -> float:
        return abs(self.at(b) - self.at(a))

    def shown(self, y: float) -> bool:
        """False for nan, and for what is so far out as the limits at a pole."""
        return 2 * self.low - self.high <= y <= 2 * self.high - self.low

    def limits(self, x: float) -> list[float]:
        """The limits from the left and the right, nan if not shown; [] if the line is unbroken."""
        both = [self.at(max(x - self.near, self.first)), self.at(min(x + self.near, self.last))]
        if not any(abs(y - self.at(x)) > self.least for y in both):
            return []
        return [y if self.shown(y) else math.nan for y in both]

    def draw(self, ax: Any, label: str, i: int, marked: bool = False) -> None:
        """Draw it as curve number i, with points where it is broken; at all places if `marked`."""
        points: list[tuple[float, float]] = []
        marks: list[tuple[float, float, dict[str, Any]]] = []
        for x in sorted({*self.xs, *self.places}):
            y, limits = self.at(x), self.limits(x) if x in self.places else []
            points += [(x, limits[0]), (x, math.nan), (x, limits[1])] if limits else [(x, y)]
            apart = [limit for limit in limits if abs(limit - y) > self.least]
            marks += [(x, limit, {"markerfacecolor": "white"}) for limit in apart]
            told = limits or (marked and x in self.places)
            if told and (self.shown(y) or not any(map(math.isnan, limits))):
                marks.append((x, y, {}))
        xs, ys = zip(*points, strict=True)
        ax.plot(xs, gaps(ys)[0], label=label, **style(i))
        size, color = max(8 - 3 * i, 4), style(i)["color"]  # a mark on another leaves it visible
        for x, y, look in marks:
            ax.plot([x], gaps([y])[0], "o", markersize=size, color=color, zorder=4, **look)


def _curves(f: Callable[[Any], Any], over: Sequence[float]) -> tuple[_Curve, _Curve]:
    """A function of a Value and its slope; the error of a function that fails says where."""
    low, high = bounds("over", over)
    differentiated = value_and_grad(f)

    @cache
    def both(x: float) -> tuple[float, float]:
        try:
            value, slope = differentiated(x)
        except Exception as error:
            error.add_note(f"the picture asks for the number and the slope at x = {x:.4g}")
            raise
        return number_of(value), number_of(slope)

    xs = spaced(low, high, INTERVALS + 1)
    sides: list[Function] = [lambda x: both(x)[0], lambda x: both(x)[1]]
    places = {x for side in sides for x in _Curve(side, xs).jumps()}
    value, slope = (_Curve(side, xs, places) for side in sides)
    return value, slope


def spaced(low: float, high: float, n: int) -> list[float]:
    """That many places from one end to the other."""
    return [low + (high - low) * i / (n - 1) for i in range(n)]


def bounds(what: str, pair: Any) -> tuple[float, float]:
    """Two finite numbers, the lower one first; ValueError for anything else."""
    try:
        low, high = map(float, pair)
    except (TypeError, ValueError):
        raise ValueError(f"{what} is a pair of numbers (low, high), not {short(pair)}") from None
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"{what} goes from a number up to a larger one, not {short(pair)}")
    return low, high


# ---- trainings -----------------------------------------------------------------------------------


SCALES = {"epochs": "epoch", "iterations": "iteration (a gradient of one batch)"}


def plot_history(history: Any, ax: Any = None, against: str = "epochs") -> Any:
    """Draw the losses of a training, or of several in a list or a dict by name.

    `against` is "epochs", or "iterations": an epoch has one for each batch, with one evaluation of
    the gradient. A list names each training by its batch size; a thin line is a validation loss.
    The iterations of an epoch that was interrupted count for the epochs before it.

    >>> small = History([0.5, 0.2], iterations=20, settings={"batch_size": 10})
    >>> whole = History([0.9, 0.7], iterations=2, settings={"batch_size": 100})
    >>> ax = plot_history([small, whole], against="iterations")
    >>> [line.get_xdata().tolist() for line in ax.lines]
    [[10.0, 20.0], [1.0, 2.0]]
    """
    unit = choose("scale", against, SCALES)
    chosen = named("histories", history, History, _batch_size)
    losses, missing = gaps(y for x in chosen.values() for y in (*x.loss, *x.validation_loss))
    if not all(0 < x.epochs >= len(x.validation_loss) for x in chosen.values()):
        raise ValueError(
            "a history has a loss for each epoch, at least one, and no more for the "
            "validation: was a training stopped before its first epoch?"
        )
    ax, alone = panels(1, ax)[0], len(chosen) == 1
    for i, (name, run) in enumerate(chosen.items()):
        per = run.iterations / run.epochs if against == "iterations" else 1
        for k, ys in enumerate(filter(None, (run.loss, run.validation_loss))):
            look = style(k) if alone else style(i) | {"linewidth": 0.8 if k else 1.8}
            look["label"] = ("training", "validation")[k] if alone else None if k else name
            xs, (known, unknown) = [per * n for n in range(1, len(ys) + 1)], gaps(ys)
            look["marker"] = "." if unknown else None  # one point between two gaps makes no line
            ax.plot(xs, known, **look)
        if alone and run.stopped == "early":
            ax.axvline(per * run.best_epoch, color="0.6", linewidth=1, label="best epoch")
    if min((y for y in losses if y == y), default=0) > 0:
        ax.set_yscale("log")
    ax.locator_params(axis="x", integer=True, nbins=3)
    thin = not alone and any(x.validation_loss for x in chosen.values())
    title = "learning curve" + "\n(thin: validation)" * thin
    return finish(ax, title, unit, "loss", missing)


def _batch_size(run: History) -> str:
    size = run.settings.get("batch_size")
    return f"batch size {size}" if size else "training"


def save_history(history: History, path: str | os.PathLike[str]) -> None:
    """Write the picture of the losses to a .png, .svg or .pdf; no window is opened."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise extras.missing("a picture of nn", "matplotlib") from None
    figure, picture = Figure(layout="constrained"), io.BytesIO()
    plot_history(history, figure.subplots())
    figure.savefig(picture, format=Path(path).suffix.lstrip(".") or "png", dpi=150)
    files.write(path, picture.getvalue())


# the panels of a training: a title, a unit, and the number of a layer, None if it has none
BY_LAYER: tuple[tuple[str, str, Callable[[LayerReport], float | None]], ...] = (
    ("outputs", "mean ± deviation", lambda row: row.mean),
    ("gradient by the weights", "rms", lambda row: row.gradient),
    ("dead units", "share (relu)",
     lambda row: row.dead if row.activation == "relu" else None),
    ("saturated outputs", "share (sigmoid, tanh)",
     lambda row: row.saturated if row.activation in ("sigmoid", "tanh") else None),
)  # fmt: skip


def plot_training(report: Any, ax: Any = None) -> list[Any]:
    """Draw what `diagnose_training` reports of each layer, on four axes.

    Several reports, of epochs or of equally deep networks, are a list or a dict by name, from light
    to dark. A layer whose activation cannot have dead or saturated units has no point there.

    >>> rows = [LayerReport(f"layer {i}", "tanh", 8, 0, i / 4, 0.1**i, 0, 1) for i in (1, 2)]
    >>> axes = plot_training(TrainingReport(rows, []))
    >>> axes[3].lines[0].get_ydata().tolist()
    [0.25, 0.5]
    """
    chosen = named("reports", report, TrainingReport, lambda _: "report")
    layers, *others = ([x.name for x in one.layers] for one in chosen.values())
    if not layers or any(other != layers for other in others):
        raise ValueError("a report without layers, or reports of different layers, are not drawn")
    for i, rows in enumerate(zip(*(one.layers for one in chosen.values()), strict=True)):
        first, *more = {row.activation for row in rows}
        layers[i] += "" if more else f"\n{first}"
    axes, every = panels(4, ax), math.ceil(len(layers) / 12)
    for place, (title, unit, number) in zip(axes, BY_LAYER, strict=True):
        missing = sum(_draw_layers(place, chosen, number))
        ticks = range(0, len(layers), every)
        place.set_xticks(ticks, layers[::every], rotation=90 if len(layers) > 2 else 0)
        place.set_xlim(-0.5, len(layers) - 0.5)
        if "share" in unit:
            place.set_ylim(-0.05, 1.05)
        elif unit == "rms" and all(x.gradient > 0 for one in chosen.values() for x in one.layers):
            place.set_yscale("log")
        finish(place, title, "layer", unit, missing, "outside" if place is axes[1] else "none")
    return axes


def _draw_layers(ax: Any, reports: dict[str, TrainingReport], number: Any) -> Iterator[int]:
    """Draw one number of each layer for each report, and yield how many are not finite."""
    colors = shades(len(reports))
    for i, (name, one) in enumerate(reports.items()):
        look = style(i) | ({"color": colors[i]} if len(colors) > 1 else {})
        found = [number(row) for row in one.layers]
        label = name if len(colors) > 1 and i % math.ceil(len(colors) / 8) == 0 else None
        shift = min(0.08, 0.5 / len(colors)) * (i - (len(colors) - 1) / 2)
        xs = [n + shift for n in range(len(found))]
        ys = [math.nan if y is None else y for y in found]
        ax.plot(xs, gaps(ys)[0], marker="o", label=label, **look)
        if number is BY_LAYER[0][2]:
            ends = [gaps(x.mean + k * x.deviation for x in one.layers)[0] for k in (-1, 1)]
            ax.vlines(xs, *ends, color=look["color"], linewidth=1)
        yield gaps(y for y in found if y is not None)[1]


def shades(n: int) -> list[Any]:
    """That many greys, from light to dark."""
    from matplotlib import colormaps

    return [colormaps["Greys"](0.3 + 0.7 * i / n) for i in range(1, n + 1)]
