"""Faults of a training that its data, its loss and its history show, each as one sentence.

A sentence begins with a title and a colon. The thresholds were tuned on half of the trainings in
`benchmarks/diagnosing_training.py`, and measured on the other half.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .data import on_tensors
from .embedding import Embedding
from .layers import MLP, Layer, Sequential
from .losses import (
    CLASSIFIES,
    LOSSES,
    Loss,
    accuracy,
    bce,
    bce_with_logits,
    cross_entropy,
    predicted,
    zero_one,
)
from .module import Module
from .parameters import Array, np, numbers
from .training.fit import History, fit
from .training.trainer import is_ours

LOGITS = (bce_with_logits, cross_entropy)
RANGES = {  # of what an activation returns
    "sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, math.inf),
    "softplus": (0.0, math.inf), "elu": (-1.0, math.inf), "silu": (-0.28, math.inf),
    "gelu": (-0.17, math.inf), "step": (0.0, 1.0),
}  # fmt: skip
LARGE, SMALL = 30.0, 0.01  # root mean squares of features and of targets
UNBALANCED = 6.0  # the samples of the largest class to those of the smallest
GAIN = 8.0, 0.05  # what a layer makes of the deviation of its inputs
LEARNT = 0.35  # the part of the constant's loss below which a training has succeeded
STUCK = 0.95  # the part of it above which nothing was learnt
PROBES = 200  # steps of a trial on a copy
RELATED = 0.02  # the part of the variance that is explained
UNFINISHED = 0.4  # what they bring the loss down by, in parts of the constant's


@dataclass
class Training:
    """A model with its data and its loss, and with the history of its training if there is one.

    `outputs` are an array of numbers, or None if they are none; `last` is the layer that returned
    them. `constant` is the least loss of an output that is the same for all samples.
    """

    model: Module
    rows: Any
    targets: Any
    loss: Loss
    value: float
    outputs: Array | None
    last: Layer | None
    history: History | None

    def __post_init__(self) -> None:
        self.y: Array = np.asarray(self.targets, dtype=float)
        with np.errstate(all="ignore"):
            known = self.outputs is not None
            self.constant: float = constant_loss(self.loss, self.y) if known else math.nan
        self.classes, self.counts = np.unique(self.y, return_counts=True)
        self.whole: bool = bool((self.classes % 1 == 0).all())
        if self.loss in (bce, bce_with_logits, cross_entropy) and self.y.ndim > 1 and self.y.size:
            self.whole = False  # rows of probabilities, or marks

    @property
    def succeeded(self) -> bool:
        """True if a training has brought the loss, or the wrong classes, far below a constant's."""
        if self.history is None:
            return False
        if self.loss in CLASSIFIES and self.whole and self.outputs is not None:
            wrong = 1.0 - accuracy(self.outputs, self.y, self.loss)
            if wrong < 0.1 * (1.0 - max(self.counts) / self.y.size):
                return True
        return self.value < LEARNT * self.constant

    @property
    def stuck(self) -> bool:
        """True if a training has left the loss at that of guessing."""
        return self.history is not None and self.value > STUCK * self.constant


def constant_loss(loss: Loss, y: Array) -> float:
    """The least loss of an output that is the same for all samples; nan for a user's own loss."""
    if loss not in LOSSES.values() or not y.size:
        return math.nan
    if loss is cross_entropy:
        rows = y.ndim > 1 and bool(np.allclose(y.sum(axis=-1), 1.0))
        shares = y.reshape(-1, y.shape[-1]).mean(axis=0) if rows else None
        if shares is None:
            shares = np.unique(y, return_counts=True)[1] / y.size
        return float(-(shares * np.log(np.maximum(shares, 1e-300))).sum())
    mean = np.clip(y.mean(axis=0), 1e-12, None) if loss is bce else y.mean(axis=0)
    tried = [mean, np.median(y, axis=0), 1.0, -1.0]
    if loss is bce_with_logits:
        share = np.clip(y.mean(axis=0), 1e-12, 1 - 1e-12)
        tried = [np.log(share / (1 - share))]
    found = []
    for c in tried:
        try:
            found.append(float(loss(np.full(y.shape, c), y)))
        except ValueError:  # out of the loss's range
            continue
    return min(found)


def findings(training: Training) -> list[str]:
    """A sentence for each fault."""
    checks = [_loss_findings, _target_findings, _feature_findings, _weight_findings]
    with np.errstate(all="ignore"):
        found = [sentence for check in checks for sentence in check(training)]
        if training.history is not None:
            found += _history_findings(training, training.history)
    return found


# ---- the loss and the output layer ---------------------------------------------------------------


def _loss_findings(t: Training) -> Iterator[str]:
    name = getattr(t.loss, "__name__", "this loss")
    activation = t.last.activation if t.last else "linear"
    if t.loss is zero_one:
        yield "Flat loss: zero_one has the gradient 0 everywhere, so nothing can be learnt from it."
    elif t.loss is cross_entropy and activation == "softmax":
        yield (
            "Softmax before cross_entropy: this loss takes logits, and uses what the softmax was "
            "given instead. Leave the output layer linear, and take the softmax of its outputs."
        )
    elif t.loss in LOGITS and activation not in ("linear", "sigmoid"):
        yield (
            f"Output activation: {name} takes logits, which may be any number, but the output "
            f"layer returns {activation}. Leave it linear."
        )
    low, high = RANGES.get(activation, (-math.inf, math.inf))
    if t.loss not in (*LOGITS, bce) and t.outputs is not None:
        missed = float(((t.y < low) | (t.y > high)).mean())
        if missed > 0.02:
            yield (
                f"Targets out of reach: {missed:.0%} of the targets are outside {low:g} to {high:g}"
                f", the range of the output activation {activation}. Leave the output layer "
                "linear, or scale the targets."
            )
    k = len(t.classes)
    in_a_row = t.whole and 3 <= k <= 10 and list(t.classes) == list(range(k))
    if in_a_row and t.y.ndim == 1 and t.loss not in CLASSIFIES and min(t.counts) >= 3:
        yield (
            f"Classes as numbers: {name} takes the targets 0 to {k - 1} for amounts, class 2 for "
            f"twice class 1. If they are classes, take {k} outputs and the loss cross_entropy."
        )


# ---- targets and features ------------------------------------------------------------------------


def _target_findings(t: Training) -> Iterator[str]:
    if t.loss in CLASSIFIES and t.whole:
        yield from _class_findings(t)
    elif t.loss not in CLASSIFIES and t.y.size:
        size, spread = float((t.y**2).mean()) ** 0.5, float(t.y.std())
        if size > LARGE or 0 < spread < SMALL:
            yield (
                f"Scale of the targets: they are about {size:.2g} with a deviation of {spread:.2g}."
                " Standardise them: subtract their mean, and divide by their deviation."
            )
    if t.y.size > 1 and len(t.classes) == 1:
        yield f"Equal targets: all labels are {t.classes[0]:g}, so there is nothing to learn."
    elif len(t.y) >= 60 and not _is_related(t):
        yield (
            "Targets unrelated to the features: the nearest samples and a straight line tell no "
            "more of a target than the mean does. Are the labels in the order of the samples?"
        )


def _class_findings(t: Training) -> Iterator[str]:
    outputs = t.outputs.shape[-1] if t.outputs is not None and t.loss is cross_entropy else 0
    absent = [c for c in range(outputs) if c not in t.classes]
    if absent and len(t.y) >= 10 * outputs:
        yield (
            f"Classes without samples: no label is {', '.join(map(str, absent))}, of {outputs} "
            "outputs. Do the labels begin with 0?"
        )
    if len(t.classes) > 1 and max(t.counts) > UNBALANCED * min(t.counts):
        c = t.classes[t.counts.argmin()]
        yield (
            f"Imbalance: class {c:g} is {min(t.counts) / t.y.size:.1%} of the labels. Weigh its "
            "samples, or repeat them, and look at the accuracy of each class."
        )
    if t.history is None or t.history.epochs < 10 or t.outputs is None:
        return
    found, right = predicted(t.outputs, t.y, t.loss)
    never, counts = np.unique(t.y[~np.isin(right, found).reshape(t.y.shape)], return_counts=True)
    if len(never):
        yield (
            f"Classes never predicted: no sample is taken for one of class "
            f"{', '.join(f'{c:g}' for c in never)}, which {counts[0]} labels are. Look at the "
            "labels, the loss and the learning rate."
        )


def _is_related(t: Training) -> bool:
    """False if neither a linear fit nor neighbours predict a target left out better than the mean.

    The residuals of both fits for a sample left out are in closed form (Allen 1974).
    """
    X = _table(t)
    if X is None or len(X) != len(t.y) or len(X) < 3 * X.shape[1]:
        return True
    some = np.random.default_rng(0).permutation(len(X))[:300]
    X, y = X[some], t.y[some].reshape(len(some), -1)
    if t.loss is cross_entropy and t.whole:
        y = (y == t.classes).astype(float)
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-12)
    y = y - y.mean(axis=0)
    size = (X**2).sum(axis=1)
    apart = np.maximum(size[:, None] + size - 2.0 * X @ X.T, 0.0)
    near = np.exp(-apart / max(np.median(apart), 1e-12) * 4.0)
    best = -math.inf
    for kernel in (X @ X.T, near, near**10):
        size, frame = np.linalg.eigh(kernel + 1.0)
        for penalty in (0.1, 1.0, 10.0):
            inverse = (frame / (np.maximum(size, 0.0) + penalty)) @ frame.T
            left_out = inverse @ y / np.diag(inverse)[:, None]
            best = max(best, 1.0 - float((left_out**2).sum() / (y**2).sum()))
    return best > RELATED


def _table(t: Training) -> Array | None:
    """The features as an array (samples, features); None if they are words by their number."""
    if any(isinstance(m, Embedding) for m in t.model.modules()):
        return None
    X = np.asarray(t.rows, dtype=float)
    return X.reshape(len(X), -1) if X.ndim > 1 else None


def _feature_findings(t: Training) -> Iterator[str]:
    if (X := _table(t)) is None:
        return
    sizes = np.sqrt((X**2).mean(axis=0))
    worst, spread, centre = int(sizes.argmax()), X.std(axis=0), abs(X.mean(axis=0))
    shifted = (centre > 3.0) & (centre > 10.0 * spread) & (spread > 0)
    if sizes[worst] > LARGE or sizes[worst] < SMALL * 10 or shifted.any():
        i = worst if not shifted.any() else int(shifted.argmax())
        yield (
            f"Scale of the features: feature {i} has mean {X[:, i].mean():.2g} and deviation "
            f"{spread[i]:.2g}. Standardise the features (normalisation): nn.data.standardize."
        )


# ---- weights -------------------------------------------------------------------------------------


def _weight_findings(t: Training) -> Iterator[str]:
    for part in t.model.modules():
        parts = part.layers if isinstance(part, MLP) else []
        for a, b in pairwise(part.parts if isinstance(part, Sequential) else parts):
            if not isinstance(a, Layer) or not isinstance(b, Layer):
                continue
            if a.activation == "softmax":
                yield (
                    f"Hidden activation: the softmax of {a.name or 'a layer'} makes its outputs "
                    "small, for their sum is 1. Take relu or tanh there, and softmax at the end."
                )
            if a.activation == "linear":
                yield (
                    f"No activation: {a.name or 'a layer'} is linear, so with the next one it is "
                    "one linear map. Give the hidden layers an activation such as relu."
                )
    diverged = t.history is not None and t.history.stopped == "diverged"
    for layer in (m for m in t.model.modules() if isinstance(m, Layer)):
        weight = np.array(numbers(layer.weight), float)
        name = layer.name or "a layer"
        gain = float(np.linalg.norm(weight / max(abs(weight).max(), 1e-300), axis=1).mean())
        gain *= float(abs(weight).max())
        if len(weight) > 1 and len(np.unique(weight, axis=0)) <= len(weight) / 2:
            yield (
                f"Equal units: {len(weight)} units of {name} have the same weights, and learn the "
                "same. Start from random first weights (initialisation), such as He's."
            )
        elif not (diverged or t.succeeded or GAIN[1] < gain < GAIN[0]):
            size = "Large" if gain > 1 else "Small"
            yield (
                f"{size} weights: {name} multiplies the deviation of its inputs by about {gain:.2g}"
                ". Take the first weights (initialisation) of He or Xavier"
                + (", or a lower learning rate." if gain > 1 else ".")
            )


# ---- the history ---------------------------------------------------------------------------------


def _history_findings(t: Training, history: History) -> Iterator[str]:
    yield from _batch_findings(t, history)
    losses, validation, c = history.loss, history.validation_loss, t.constant
    if history.stopped == "diverged":
        yield f"The loss diverges: it became infinite or nan. {_cure(history)}"
        return
    if not losses or not c > 0:
        return
    late = losses[len(losses) // 2 :]
    jumps = [abs(b - a) for a, b in pairwise(late)]
    if len(losses) > 2 and losses[-1] > 1.2 * c and losses[-1] > min(losses) + 0.1 * c:
        yield (
            f"The loss diverges: {losses[-1]:.3g} at the end, where a constant output has {c:.3g}. "
            + _cure(history)
        )
    elif len(jumps) > 3 and math.fsum(jumps) / len(jumps) > max(
        0.08 * c, abs(late[-1] - late[0]) / 2
    ):
        yield f"The loss jumps from epoch to epoch. {_cure(history)}"
    elif not t.succeeded and history.stopped != "early" and (told := _is_unfinished(t, history)):
        yield told
    if len(validation) > 4 and history.stopped != "early":
        best = min(range(len(validation)), key=validation.__getitem__)
        if validation[-1] > 1.25 * validation[best] + 0.05 * c and losses[-1] < losses[best]:
            yield (
                f"Overfitting: the validation loss rises from {validation[best]:.3g} in epoch "
                f"{best + 1} to {validation[-1]:.3g}. Train for fewer epochs: patience stops there."
            )


def _cure(history: History) -> str:
    if history.settings.get("batch_size", 32) <= 2:
        return "Take larger batches, or lower the learning rate."
    return "Lower the learning rate, or standardise the features."


def _batch_findings(t: Training, history: History) -> Iterator[str]:
    size, shuffled = history.settings.get("batch_size", 0), history.settings.get("shuffle", True)
    if not shuffled and 0 < size < len(t.y) and t.y.ndim == 1:
        order = t.y.tolist()
        changes = sum(a != b for a, b in pairwise(order))
        rising = order in (sorted(order), sorted(order, reverse=True))
        if rising or (t.loss in CLASSIFIES and changes < len(order) / 8):
            yield (
                "Batches in the order of the targets: each has few classes or one part of the "
                "range. Shuffle the samples."
            )


def _is_unfinished(t: Training, history: History) -> str:
    """A sentence if some steps on a copy of the model bring the loss far down, else ""."""
    gain = (t.value - _after_more(t)) / t.constant
    if not gain > UNFINISHED:
        return ""
    moved = (history.loss[0] - history.loss[-1]) / t.constant
    updates, batches = history.iterations, history.iterations / history.epochs
    start = f"after {history.epochs} epochs the loss is {t.value:.3g}, and {PROBES} steps of Adam "
    start += f"bring it down by {gain:.0%} of a constant's. "
    if updates >= 2 * PROBES or (updates >= 50 and moved < 0.15 * gain):
        return f"Learning rate too low: {start}Raise the learning rate."
    if batches <= 2 and history.epochs >= 10:
        return f"Few updates: {start}Take smaller batches: an epoch has {batches:g} updates."
    if 4 < history.epochs <= 10 and updates > 20:
        return ""  # a short run that gets on
    return f"Stopped too early: {start}Train for more epochs."


def _after_more(t: Training) -> float:
    """The loss of a copy after some more steps on some of the samples."""
    try:
        copy = t.model.to("tensor") if is_ours(t.model) else deepcopy(t.model)
        n = 300 if on_tensors(copy) else 30
        some = np.random.default_rng(0).permutation(len(t.y))[:n].tolist()
        X, y = [t.rows[i] for i in some], [t.targets[i] for i in some]
        steps = fit(copy, X, y, t.loss, "adam", PROBES, None, lr=0.02, clip=1.0, progress=False)
    except Exception:  # not every module can be copied, and not every copy can be trained
        return math.nan
    return min(steps.loss)
