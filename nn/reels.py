"""A film as a page: network, predictions, losses and layers at each frame.

The model computes all numbers when the film plays; the page shows them.
"""

from __future__ import annotations

import base64
import os
import re
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from html import escape
from typing import Any, Final, NamedTuple

import numpy as np

from autograd import draw, gradients, no_grad, nodes, pages, trees

from .boundaries import widened
from .choices import count
from .data import forward_of, number_of, on_tensors, ready
from .diagnose import numbers_of, observed, report_of
from .film import Film, load, numbers_in, row_of, spread
from .losses import CLASSIFIES, LOSSES, accuracy, bce_with_logits, cross_entropy, hinge, predicted
from .module import Module, title_of
from .parameters import Array, Parameter, cut, fill, is_parameter, size
from .training.fit import History
from .training.trainer import is_ours

SECONDS = 5.0  # that the scenes of a run may take to compute; where one takes long there are fewer
FEWEST = 12
ACROSS, COARSE, ALONG = 40, 12, 121  # places of a region in each direction, and of a curve
MOST_POINTS = 2_000  # of a curve of losses
MOST_CLASSES = 20
NOWHERE = 255  # the byte of what is not finite
SCALES = {id(bce_with_logits): (-4.0, 4.0), id(hinge): (-2.0, 2.0)}  # of scores whose middle is 0
ROOM = "nn.pages"  # of the page's files

Outputs = Callable[[Any], Any]


class Playing:
    """The film of some runs side by side: it shows itself, and `.save("film.html")`.

    ValueError for a run that was not watched, or for other titles than one for each run.
    """

    def __init__(
        self, runs: Sequence[History], titles: Iterable[str] = (), frames: int = 200,
        lang: str | None = None,
    ) -> None:  # fmt: skip
        for run in runs:
            if not isinstance(run, History):
                raise TypeError(f"a film is of histories of nn.fit, not of {run!r}")
            if run.film is None:
                raise ValueError(
                    "this run was not watched: nn.fit(..., watch=True) keeps the weights of which "
                    "a film is made"
                )
        self.runs: Final = list(runs)
        self.lang: Final = pages.language(lang)
        self.frames: Final = count("frames", frames, 2)
        self.titles: Final = [titles] if isinstance(titles, str) else list(map(str, titles))
        if self.titles and len(self.titles) != len(self.runs):
            raise ValueError(f"there are {len(self.runs)} runs and {len(self.titles)} titles")

    @cached_property
    def html(self) -> str:
        """The page, which loads nothing from a network."""
        reels = [Reel(run, self.frames) for run in self.runs]
        titles: Sequence[str | None] = self.titles or [None] * len(reels)
        told = [reel.record() | {"title": x} for reel, x in zip(reels, titles, strict=True)]
        pictures = (f"<template>{''.join(reel.pictures)}</template>" for reel in reels)
        parts = {
            "LANG": self.lang, "TITLE": escape(self._say("title")), "PICTURES": "".join(pictures),
            "DATA": pages.data(told),
        }  # fmt: skip
        return pages.filled("film.html", parts, ROOM)

    def _say(self, key: str) -> str:
        return pages.say(self.lang, key, room=ROOM)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, whole or not at all; the name ends in .html."""
        pages.save(path, self.html, "a film")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        last = [draw(run.film[-1], quiet=True) for run in self.runs if run.film]
        still = "".join(picture._repr_mimebundle_()["text/html"] for picture in last)
        framed = pages.framed(self.html, still, escape(self._say("title")), 800)
        return {"text/html": framed, "text/plain": repr(self)}

    def __repr__(self) -> str:
        films = " and ".join(repr(run.film) for run in self.runs)
        return f"{films}: .save('film.html') writes a page"


class Scene(NamedTuple):
    """The numbers of the model at one frame."""

    loss: float
    accuracy: float
    layers: list[list[float]]  # of each: gradient, mean, deviation, dead, saturated
    predictions: Array
    region: Array


class Reel:
    """A run, and its scenes at some frames of the film."""

    def __init__(self, run: History, frames: int) -> None:
        film = run.film
        assert film is not None
        self.run: History = run
        self.film: Final = film
        self.held, self.params = film.copy()
        known = film.loss in LOSSES.values() and is_ours(self.held)
        self.model: Final = (
            self.held if on_tensors(self.held) or not known else self.held.to("tensor")
        )
        self.rows, self.targets = ready(self.model, *film.data)
        self.layers: Final = list(layers_of(self.model))
        self.load(0)
        self.view: Final = View(film.loss, self.rows, self.targets, self.outputs)
        self.check()
        start = time.perf_counter()
        first = self.scene()
        most = int(SECONDS / (time.perf_counter() - start))
        self.places: Final = spread(len(film), min(frames, max(FEWEST, most)))
        self.scenes: Final = [first, *(self.scene_at(k, first) for k in self.places[1:])]
        self.pictures, self.weights = moving(film, self.places)

    def check(self) -> None:
        """UserWarning for a loss of parameters that the film has no weights of."""
        out = self.film.loss(forward_of(self.model)(self.rows), self.targets)
        known = set(self.model.parameters())
        if others := [x for x in nodes(out) if not x.inputs and x not in known]:
            warnings.warn(
                f"the loss depends on {len(others)} parameters that are not in the film's copy of "
                "the model: in the film they have the numbers of now",
                stacklevel=2,
            )

    def load(self, k: int) -> None:
        """Give the model the weights of a frame."""
        load(self.params, self.film.rows[k])
        if self.model is not self.held:  # on Tensors the numbers are the same, and sooner there
            self.model.load_state_dict(self.held.state_dict())

    def outputs(self, rows: Any) -> Any:
        """The outputs for samples as an array; None if they are not numbers."""
        with no_grad(), np.errstate(all="ignore"):
            return numbers_of(forward_of(self.model)(rows))

    def scene_at(self, k: int, first: Scene) -> Scene:
        """The scene of a frame; nan if it cannot be computed, as in a training that diverged."""
        self.load(k)
        try:
            return self.scene()
        except (ArithmeticError, ValueError):
            return Scene(*(_nowhere(x) for x in first))

    def scene(self) -> Scene:
        """The scene of the weights that the model has."""
        modules = [module for module, _, _ in self.layers]
        weights = [p for _, _, params in self.layers for p in params]
        with np.errstate(all="ignore"):
            given = self.rows, self.targets, self.film.loss, modules
            returned, out, heard = observed(self.model, *given)
            slopes = iter(gradients(out, weights))
            layers = [
                _numbers(module, name, heard.get(id(module)), [next(slopes) for _ in params])
                for module, name, params in self.layers
            ]
        outputs, view = numbers_of(returned), self.view
        region = view.shown(None if view.places is None else self.outputs(view.places))
        return Scene(number_of(out), view.accuracy(outputs), layers, view.told(outputs), region)

    def record(self) -> dict[str, Any]:
        """All of it for the page, arrays as texts."""
        losses, accuracies, layers, told, regions = zip(*self.scenes, strict=True)
        run, film, epochs = self.run, self.film, self.film.epochs
        curves = {"training": run.loss, "validation": run.validation_loss}
        return {
            "epochs": packed([epochs[k] for k in self.places], "<f8"),
            "loss": packed(losses, "<f8"),
            "accuracy": packed(accuracies, "<f8") if self.view.classes else None,
            "weights": packed(self.weights, "<f4"),
            "layers": [[name, activation_of(m)] for m, name, _ in self.layers],
            "numbers": packed(layers, "<f8"),
            "view": self.view.record() | {"told": packed(told), "region": packed(regions)},
            "curves": {name: _curve(ys) for name, ys in curves.items() if ys},
            "size": run.settings.get("batch_size"),
            "stopped": run.stopped, "best": run.best_epoch, "last": run.epochs,
            "samples": [len(film.data[0]), film.samples], "frames": [len(self.places), len(film)],
        }  # fmt: skip


# ---- predictions ---------------------------------------------------------------------------------


class View:
    """How predictions are shown: a region, a curve, a scatter, a table of classes, or "none"."""

    def __init__(self, loss: Any, rows: Any, targets: Any, outputs: Outputs) -> None:
        self.loss: Any = loss
        self.targets: Any = targets
        self.x: Any = numbers_of(rows)
        self.y: Any = numbers_of(targets)
        found = outputs(rows)
        known = found is not None and self.y is not None and len(found) == len(self.y)
        one = known and found.ndim == self.y.ndim == 1
        self.many: Final = known and found.ndim == 2 and loss is cross_entropy
        pair = one and set(np.unique(self.y)) in ({0.0, 1.0}, {-1.0, 1.0})
        self.classes: Final = self.many or (one and (loss in CLASSIFIES or pair))
        self.kind: str = self._kind(one, known and found.shape == self.y.shape)
        low, high = (self.y.min(), self.y.max()) if known else (0.0, 1.0)
        self.scale: Final = SCALES.get(
            id(loss), (low, high) if low < high else (low - 1.0, high + 1.0)
        )
        if self.kind == "table" and self.many and found.shape[1] > MOST_CLASSES:
            self.kind = "none"
        self.count = found.shape[1] if self.many else 2
        self.places: Any = None
        self.across: int = 0
        self.axes: list[tuple[float, float]] = (
            [*map(widened, self.x.T.tolist())] if self.kind in ("region", "curve") else []
        )
        if self.axes:
            self._place(outputs, rows, ALONG if self.kind == "curve" else ACROSS)

    def _kind(self, one: bool, alike: bool) -> str:
        features = self.x.shape[1] if self.x is not None and self.x.ndim == 2 else 0
        if features == 2 and (self.many or one):
            return "region"
        if features == 1 and one:
            return "curve"
        return "table" if self.classes else "scatter" if alike else "none"

    def _place(self, outputs: Outputs, rows: Any, n: int) -> None:
        """Find the places between the samples; none if the model takes no such numbers."""
        sides = [np.linspace(low, high, n) for low, high in self.axes]
        if self.kind == "region":
            sides[1] = sides[1][::-1]  # as a picture is written, from the top
            sides = [x.ravel() for x in np.meshgrid(*sides)]
        places = np.stack(sides, axis=1)
        if not hasattr(rows, "dtype"):
            places = places.tolist()
        elif rows.dtype.kind == "f":
            places = places.astype(rows.dtype)
        start = time.perf_counter()
        try:
            outputs(places)
        except (TypeError, ValueError):  # words, say
            self.kind, self.axes = "table" if self.classes else "scatter", []
            return
        self.places, self.across = places, n
        if n == ACROSS and time.perf_counter() - start > SECONDS / FEWEST / 2:
            self._place(outputs, rows, COARSE)

    def told(self, outputs: Any) -> Array:
        """The predictions for the samples: numbers, or classes as bytes."""
        if self.kind == "none":
            return np.zeros(0, "<f4")
        if self.many or self.kind == "table":
            return _bytes(predicted(outputs, self.targets, self.loss)[0], outputs)
        with np.errstate(all="ignore"):
            return np.ravel(outputs).astype("<f4")

    def accuracy(self, outputs: Any) -> float:
        """The share of right classes; nan if there are no classes."""
        if not self.classes or not np.isfinite(outputs).all():
            return float("nan")
        return accuracy(outputs, self.targets, self.loss)

    def shown(self, outputs: Any) -> Array:
        """The outputs between the samples: numbers of a curve, or a byte for each place."""
        if outputs is None:
            return np.zeros(0, "<f4")
        if self.many:
            return _bytes(outputs.argmax(axis=1), outputs)
        with np.errstate(all="ignore"):
            if self.kind == "curve":
                return outputs.astype("<f4")
            low, high = self.scale
            return _bytes(np.rint((outputs - low) / (high - low) * 254.0).clip(0, 254), outputs)

    def record(self) -> dict[str, Any]:
        """The facts for the page."""
        table = self.many or self.kind == "table"
        row = (self.count,) if self.many else ()
        any_outputs = np.zeros((len(self.targets), *row))
        right = predicted(any_outputs, self.targets, self.loss)[1] if table else self.y
        known = self.kind != "none"
        return {
            "kind": self.kind, "axes": self.axes, "scale": self.scale, "classes": self.classes,
            "count": self.count, "many": self.many, "across": self.across,
            "x": packed(self.x, "<f4") if self.axes else "",
            "y": packed(np.ravel(right), "<f8") if known else "",
        }  # fmt: skip


def _bytes(found: Array, outputs: Array) -> Array:
    finite = np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1)
    return np.where(finite, np.nan_to_num(found), NOWHERE).astype("u1")


def _nowhere(x: Any) -> Any:
    """The same shape without a number in it."""
    if isinstance(x, np.ndarray):
        return np.full_like(x, NOWHERE if x.dtype.kind == "u" else np.nan)
    return [_nowhere(inner) for inner in x] if isinstance(x, list) else float("nan")


# ---- network and layers --------------------------------------------------------------------------


def layers_of(model: Module) -> Iterator[tuple[Module, str, list[Parameter]]]:
    """The modules with parameters of their own, their names, and their weights."""
    seen, count = set[int](), 0
    for module in model.modules():
        held = [x for found in vars(module).values() for x in trees.leaves(found)]
        own = [p for p in held if is_parameter(p) and id(p) not in seen]
        seen.update(map(id, own))
        if own:
            weight = [p for p in trees.leaves(vars(module).get("weight")) if is_parameter(p)]
            count += 1
            yield module, title_of(module) or f"{type(module).__name__} {count}", weight or own


def activation_of(module: Module) -> str:
    """The name of a layer's activation; "" of a module that has none."""
    name = vars(module).get("activation")
    return name if isinstance(name, str) else ""


def _numbers(module: Any, name: str, outputs: Any, slopes: list[Any]) -> list[float]:
    outputs = np.full((1, 1), np.nan) if outputs is None else outputs
    row = report_of(activation_of(module), name, outputs, slopes)
    return [row.gradient, row.mean, row.deviation, row.dead, row.saturated]


def moving(film: Film, places: list[int]) -> tuple[list[str], Array]:
    """Pictures of the network, wide and tall, and the numbers of their lines and dots at frames.

    A model of other than layers of units has boxes, in which nothing moves.
    """
    model, params = film.copy()
    trained = set(map(id, params))
    others = [p for p in model.parameters() if id(p) not in trained]
    held = row_of(others) if others else b""
    every = [*params, *others]
    fill(every, cut(every, np.arange(size(every), dtype=float)))  # each line tells whose it is
    picture: Any = draw(model, quiet=True)
    if not hasattr(picture, "moving"):
        return [draw(film[-1], rankdir="TB", quiet=True).svg], np.zeros((len(places), 0))
    svgs = [picture.moving(), picture.moving(tall=True)]
    drawn = [int(float(x)) for x in re.findall('data-x="([^"]+)"', svgs[0])]
    return svgs, np.stack([numbers_in(film.rows[k] + held)[drawn] for k in places])


# ---- for the page --------------------------------------------------------------------------------


def packed(numbers: Any, kind: str | None = None) -> str:
    """An array as text: its bytes, from the lowest, in base64."""
    with np.errstate(all="ignore"):  # beyond float32 it is inf
        return base64.b64encode(np.ascontiguousarray(numbers, kind).tobytes()).decode()


def _curve(ys: list[float]) -> list[str]:
    """Epochs and losses."""
    places = spread(len(ys), MOST_POINTS)
    return [packed([k + 1 for k in places], "<f8"), packed([ys[k] for k in places], "<f8")]
