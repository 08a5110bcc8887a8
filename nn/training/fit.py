"""The training loop.

An *epoch* is one pass over all samples, an *iteration* one update of the parameters: with 100
samples in batches of 20 an epoch has 5 iterations, with the full batch it has 1, and with single
samples 100.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any
from weakref import WeakKeyDictionary

from autograd import extras

from ..choices import choose, count
from ..data import Data, Samples, batches, split
from ..film import Film, budget_of
from ..inputs import ready
from ..losses import LOSSES, Loss, bce, bce_with_logits, cross_entropy, hinge, loss_of, zero_one
from ..module import Module
from ..optim import Optimizer, optimizer_of, schedule_of
from ..parameters import Array, flat
from .trainer import Best, Metric, Trainer


def accuracy(
    outputs: Any, targets: Any, loss: Loss | None = None, threshold: float | None = None
) -> float:
    """The share of right classes, for numbers in lists or arrays; `loss` is what trains the model.

    The largest output of a row wins, the first of those that tie; for `bce`, `bce_with_logits` and
    `hinge` each output of a row is a mark of its own. A single output above the threshold is class
    1: by default 1/2, but 0 if it is a logit or a score (`bce_with_logits`, `hinge`), or if a class
    is -1. nan if an output is; ValueError for targets that are no such classes.
    """
    import numpy as np

    found, classes = predicted(outputs, targets, loss, threshold)
    return math.nan if np.isnan(outputs).any() else float((found == classes).mean())


def predicted(
    outputs: Any, targets: Any, loss: Loss | None = None, threshold: float | None = None
) -> tuple[Array, Array]:
    """The predicted classes and the right ones, as `accuracy` compares them."""
    import numpy as np

    scores, classes = np.asarray(outputs), np.asarray(targets)
    single = loss in MARKS or scores.ndim == 1 or scores.shape[-1] == 1
    if single:  # a column is a row
        scores, classes = (x[..., 0] if x.ndim > 1 == x.shape[-1] else x for x in (scores, classes))
    if classes.shape != scores.shape and (single or classes.shape != scores.shape[:-1]):
        raise ValueError(f"outputs of shape {scores.shape} have no classes of {classes.shape}")
    if single:
        low = -1 if (classes < 0).any() else 0
        between = (classes >= 0) & (classes <= 1) & (loss in (bce, bce_with_logits))
        _check(classes, between | (classes == low) | (classes == 1), "0 and 1, or -1 and 1")
        middle = threshold_of(classes, loss) if threshold is None else threshold
        return scores > middle, classes > 0.5
    n = scores.shape[-1]
    if classes.ndim < scores.ndim:
        right = (classes % 1 == 0) & (classes >= 0) & (classes < n)
        _check(classes, right, f"0 to {n - 1}, one an output")
        return scores.argmax(axis=-1), classes
    if loss is not cross_entropy:
        hot = (classes == 1).sum(axis=-1, keepdims=True) == 1
        _check(classes, ((classes == 0) | (classes == 1)) & hot, "a single 1 in each row")
    return scores.argmax(axis=-1), classes.argmax(axis=-1)


def _check(classes: Array, right: Array, what: str) -> None:
    if not right.all():
        wrong = classes[~right].flat[0]
        raise ValueError(f"accuracy is of classes, {what}, and a target is {wrong:g}")


def threshold_of(targets: Any, loss: Loss | None) -> float:
    """The score between two classes: 0 for logits, and for -1 and 1; else 1/2."""
    lowest = targets.min() if hasattr(targets, "min") else min(flat(targets))
    return 0.0 if loss in (bce_with_logits, hinge) or lowest < 0 else 0.5


METRICS: dict[str, Metric] = {"accuracy": accuracy, **LOSSES}
MARKS = (bce, bce_with_logits, hinge)  # of an output each
CLASSIFIES = (*MARKS, cross_entropy)


@dataclass(repr=False)
class History:
    """The losses and metrics of a run, an entry for each epoch.

    A loss is that of all samples of the epoch, each computed before the update by its batch; a
    metric is computed after the epoch. An epoch is one pass over all samples, an iteration one
    update of the parameters. `stopped` is "finished", "early" (no more progress), "callback",
    "interrupted" (Ctrl-C) or "diverged" (not finite). `history` is all of it as a dict of lists, as
    Keras has it.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    iterations: int = 0
    stopped: str = "finished"
    best_epoch: int = 0
    metrics: dict[str, list[float]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)  # batch_size and shuffle
    film: Film | None = field(default=None, compare=False)  # of `fit(watch=True)`

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({"metrics": {}, "settings": {}, "film": None, **state})  # of earlier ones

    @property
    def history(self) -> dict[str, list[float]]:
        """The losses and the metrics by name, those of the validation data as "val_" and a name."""
        validated = {"val_loss": self.validation_loss} if self.validation_loss else {}
        return {"loss": self.loss, **validated, **self.metrics}

    @property
    def epochs(self) -> int:
        """The number of complete passes over the data."""
        return len(self.loss)

    def add(self, found: Mapping[str, float]) -> None:
        """Add the numbers of an epoch, by their names in `history`."""
        losses = {"loss": self.loss, "val_loss": self.validation_loss}
        for name, x in found.items():
            row = losses[name] if name in losses else self.metrics.setdefault(name, [])
            row.append(x)

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses against the epochs, with matplotlib, and return the axes."""
        from ..plotting import plot_history

        return plot_history(self, ax)

    def play(
        self, *others: History, titles: Iterable[str] = (), frames: int = 200,
        lang: str | None = None,
    ) -> Any:  # fmt: skip
        """The training as a film, beside the `others`: it shows itself, and `.save("film.html")`.

        The runs were watched, `fit(..., watch=True)`, and share a cursor, by epoch; `titles` are
        their names. Up to so many frames are played, fewer if they take seconds to compute. The
        page is in English for lang="en", in Korean for "ko", else in the browser's language.
        """
        from ..playing import Playing

        return Playing([self, *others], titles, frames, lang)

    def __str__(self) -> str:
        if not self.loss:
            return f"{self.stopped} before the first epoch was complete"
        text = f"{self.stopped}: {self.epochs} epochs, {self.iterations} iterations"
        text += f", loss {self.loss[0]:.4g} → {self.loss[-1]:.4g}"
        if self.validation_loss:
            text += f", validation {self.validation_loss[0]:.4g} → {self.validation_loss[-1]:.4g}"
        return text + "".join(f", {name} {row[-1]:.4g}" for name, row in self.metrics.items())

    def __repr__(self) -> str:
        return f"History({self})"


Callback = Callable[[Module, History], object]
LATEST: WeakKeyDictionary[Module, History] = WeakKeyDictionary()


def latest(model: Module) -> History | None:
    """The history of the latest fit of this model; None if there was none."""
    with suppress(TypeError):
        return LATEST.get(model)
    return None


def fit(
    model: Module, X: Samples, y: Samples, loss: str | Loss = "mse",
    optimizer: str | Optimizer | Callable[..., Optimizer] = "adam",
    epochs: int = 100, batch_size: int | None = 32, *, lr: float | None = None,
    validation: Data | float | None = None, patience: int | None = None,
    callbacks: Iterable[Callback] = (), schedule: Any = None,
    clip: float | None = None, shuffle: bool = True, seed: int | None = None,
    metrics: Iterable[str | Metric] | Mapping[str, Metric] = (), progress: bool = True,
    compile: bool | None = None,  # noqa: A002  # as in autograd.compile
    watch: bool | int = False,
) -> History:  # fmt: skip
    """Train the model on X and y, and return the history of its losses.

    A model of Values takes lists of numbers, one sample at a time; one of Tensors takes the arrays
    of a batch, of floats in its own precision or of whole numbers, with any number of axes.
    `batch_size` None is the full batch. `validation` is a pair (X, y), or the share of the samples
    to hold out. `patience` stops the training after that many epochs without a lower loss (of the
    validation data if there are any) and restores the weights of the best epoch.
    `metrics` are "accuracy", names of losses or functions of outputs and targets, for `history`.
    `callback(model, history)` is called after each epoch; a true result stops the training. One
    that logs, and tells whether the training goes on:

    >>> def log(model, history):
    ...     with open("training.csv", "a") as file:
    ...         print(history.epochs, *(row[-1] for row in history.history.values()),
    ...               sep=",", file=file)
    ...     return history.loss[-1] < 1e-6

    `schedule` maps the epoch to a factor for the learning rate, or has `.step(loss)`. `clip` bounds
    the joint length of the gradients. The same seed gives the same run.

    `compile` replays one recorded sample for the samples of a batch: the same numbers but for
    rounding, in less time. None does so where it is safe: Values in modules of this package, its
    losses and optimisers. True does so with modules of your own too, whose output must depend on
    the sample and the parameters alone: a replay repeats what was recorded, so dropout, noise, a
    counter or a schedule inside the module would stand still.

    `watch` keeps the weights of the run for `history.play()`, a film of the training: True within
    16 MB, a number within so many bytes. Each call makes a film of its own.

    ValueError if the optimiser or the schedule is not of this model's parameters, or the validation
    data do not fit the model; UserWarning for a class that only they have.
    Ctrl-C ends the training, not the program, and keeps the weights of the last whole iteration. A
    loss or gradient that is not finite raises FloatingPointError, which names the epoch, the batch
    and the operation; the weights are then the last ones that gave a finite loss.
    """
    rng = Random(seed)
    learn, held_out = _divided(model, X, y, validation, rng)
    epochs, samples = count("epochs", epochs), len(learn[0])
    size = samples if batch_size is None else count("batch_size", batch_size)
    shuffled = shuffle and size < samples  # the order within a batch changes nothing
    loss = loss_of(loss)
    middle = threshold_of(learn[1], loss)
    best, chosen = Best(model, patience), _metrics_of(metrics, loss, middle)
    loss = partial(zero_one, threshold=middle) if loss is zero_one else loss
    trainer = Trainer(model, loss, optimizer_of(optimizer, model.parameters(), lr), clip, compile)
    trainer.measure(chosen, *learn)  # what does not fit is an error before anything is learnt
    if held_out:
        trainer.evaluate(*held_out)
        _warn_of_unseen(loss, learn[1], held_out[1])
    plan = schedule and schedule_of(schedule, trainer.optimizer)
    bar = progress_bar(epochs * math.ceil(samples / size), progress)
    history = History(settings={"batch_size": size, "shuffle": shuffle})
    if budget := budget_of(watch):
        params, per_epoch = trainer.optimizer.params, math.ceil(samples / size)
        history.film = Film(model, params, trainer.eager.loss, learn, per_epoch, budget)
    with suppress(TypeError):  # a module that has no hash
        LATEST[model] = history
    run = _Run(trainer, learn, held_out, plan, tuple(callbacks), chosen, best, bar, history)
    return run.train(epochs, lambda: batches(*learn, size, shuffled, rng))


def _divided(
    model: Module, X: Samples, y: Samples, validation: Data | float | None, rng: Random
) -> tuple[Data, Data | None]:
    """The data to learn from, and the data to validate with, both checked."""
    learn = ready(model, X, y)
    if isinstance(validation, (tuple, list)):
        return learn, ready(model, *validation)
    return (learn, None) if validation is None else split(*learn, validation, rng)


def _metrics_of(metrics: Any, loss: Loss, threshold: float) -> dict[str, Metric]:
    """The metrics by name, told what classes are; ValueError if two have one name."""
    listed = [metrics] if isinstance(metrics, str) or callable(metrics) else metrics
    pairs = [(m, m) if isinstance(m, str) else (getattr(m, "__name__", repr(m)), m) for m in listed]
    if isinstance(metrics, Mapping):
        pairs = list(metrics.items())
    if len(found := dict(pairs)) < len(pairs) or "loss" in found:
        raise ValueError("each metric has a name of its own: give them as {name: function}")
    for name, m in found.items():
        if m in ("accuracy", accuracy):
            found[name] = partial(accuracy, loss=loss, threshold=threshold)
        elif m in ("zero_one", zero_one):
            found[name] = partial(zero_one, threshold=threshold)
        elif isinstance(m, str):
            found[name] = choose("metric", m, METRICS)
    return found


def _warn_of_unseen(loss: Loss, learnt: Samples, held_out: Samples) -> None:
    """UserWarning for classes in the targets held out that the model cannot learn."""
    classes, others = set(flat(learnt)), set(flat(held_out))
    unseen = sorted(others - classes) if loss in CLASSIFIES else []
    if unseen and all(float(c).is_integer() for c in classes | others):
        warnings.warn(
            f"the validation data have the class {unseen[0]:g}, of which the training data have no "
            "sample: it cannot be learnt. Split the data class by class",
            stacklevel=3,
        )


@dataclass
class _Run:
    """One training run: what happens in an epoch and after it, and what stops it."""

    trainer: Trainer
    learnt: Data
    held_out: Data | None
    schedule: Any
    callbacks: tuple[Callback, ...]
    metrics: dict[str, Metric]
    best: Best
    bar: Any
    history: History

    def train(self, epochs: int, all_batches: Callable[[], Iterator[Data]]) -> History:
        """Run up to that many epochs; Ctrl-C ends the run without an error."""
        history = self.history
        self._watch()
        try:
            for epoch in range(1, epochs + 1):
                watched = self._learn(epoch, all_batches())
                if self.schedule:
                    self.schedule.step(watched)
                self.bar and self.bar.set_description(self._title(epochs), refresh=False)
                if reason := self._stop_reason(epoch, watched):
                    history.stopped = reason
                    break
        except KeyboardInterrupt:
            self.trainer.undo_half_a_step()
            history.stopped = "interrupted"
        except FloatingPointError as error:
            history.stopped = "diverged"
            if history.film is not None:
                error.add_note("nn.latest(model).play() shows how it came to this.")
            raise
        finally:
            self.bar and self.bar.close()
        history.best_epoch = self.best.restore() or history.epochs
        return history

    def _learn(self, epoch: int, some: Iterator[Data]) -> float:
        """Learn from every batch once, and return the loss to watch."""
        trainer, history = self.trainer, self.history
        for i, (xs, ys) in enumerate(some, 1):
            trainer.iterate(xs, ys, f"epoch {epoch}, batch {i}")
            history.iterations += 1
            self._watch()
            self.bar and self.bar.update()
        trainer.strategy.write()
        found = {"loss": trainer.epoch_loss(), **trainer.measure(self.metrics, *self.learnt)}
        if held := self.held_out:
            validated = {"loss": trainer.evaluate(*held), **trainer.measure(self.metrics, *held)}
            found |= {f"val_{name}": x for name, x in validated.items()}
        history.add(found)
        return found.get("val_loss", found["loss"])

    def _watch(self) -> None:
        """Keep a frame of the film, if there is one."""
        if (film := self.history.film) is not None:
            film.add(self.history.iterations, self.trainer.strategy.params)

    def _stop_reason(self, epoch: int, watched: float) -> str:
        """Call the callbacks, and return the reason to stop now, or ""."""
        if [c for c in self.callbacks if c(self.trainer.model, self.history)]:
            return "callback"
        if self.callbacks:  # they may have changed parameters
            self.trainer.strategy.read()
        return "early" if self.best.patience_is_over(epoch, watched) else ""

    def _title(self, epochs: int) -> str:
        history = self.history
        last = [f" {name} {row[-1]:.4g}" for name, row in history.history.items()]
        return f"epoch {history.epochs}/{epochs}{''.join(last)}"


def progress_bar(total: int, wanted: bool = True) -> Any:
    """tqdm's bar for that many iterations; None if it is not wanted or tqdm is not installed.

    It shows nothing where the output goes to a file.
    """
    if not wanted:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm warns when a notebook lacks ipywidgets
            from tqdm.auto import tqdm

            return tqdm(total=total, unit="it", disable=False if extras.in_a_cell() else None)
    except ImportError:
        return None
