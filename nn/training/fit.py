"""The training loop.

An *epoch* is one pass over all samples, an *iteration* one update of the parameters: with 100
samples in batches of 20 an epoch has 5 iterations, with the full batch it has 1, and with single
samples 100.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any
from weakref import WeakKeyDictionary

from autograd import extras

from ..choices import count
from ..data import Data, Samples, batches, ready, split
from ..film import Film, budget_of
from ..losses import CLASSIFIES, Loss, Metric, loss_of, metrics_of, threshold_of, zero_one
from ..module import Module
from ..optim import Optimizer, optimizer_of, schedule_of
from ..parameters import Numbers, copied, fill, flat
from .trainer import Trainer


@dataclass(repr=False)
class History:
    """The losses and metrics of a run, an entry for each epoch.

    A loss is that of all samples of the epoch, each computed before the update by its batch: with
    the full batch, the loss of the weights that the epoch starts from. A validation loss or a
    metric is computed after the epoch. An epoch is one pass over all samples, an iteration one
    update of the parameters. `best_epoch` is the epoch after which the watched loss was lowest (0:
    before the first), the last if there is no `patience`. `stopped` is "finished", "early" (no more
    progress), "callback", "interrupted" (Ctrl-C) or "diverged" (not finite). `history` is all of it
    as a dict of lists, as Keras has it.
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
        from ..reels import Playing

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
    callbacks: Callback | Iterable[Callback] | None = (), schedule: Any = None,
    clip: float | None = None, shuffle: bool = True, seed: int | None = None,
    metrics: str | Metric | Iterable[str | Metric] | Mapping[str, Metric] | None = (),
    progress: bool = True,
    compile: bool | None = None,  # noqa: A002  # as in autograd.compile
    watch: bool | int = False, executor: Any = None, parts: int | None = None,
) -> History:  # fmt: skip
    """Train the model on X and y, and return the history of its losses.

    A model of Values takes lists of numbers, one sample at a time; one of Tensors takes the arrays
    of a batch, of floats in its own precision or of whole numbers, with any number of axes.
    `batch_size` None is the full batch. `validation` is a pair (X, y), or the share of the samples
    to hold out. `patience` stops the training after that many epochs without a lower loss, and
    restores the weights of the best: the loss after an epoch, of the validation data if there are
    any, else of all the training data.
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

    `executor`, a `concurrent.futures.Executor` or a function that makes one, computes the gradient
    of each batch in `parts`, as many as it has workers: see `autograd.map_gradients`. The loss is
    one of nn's own, and the numbers are the same but for rounding.

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
    called = _callbacks(callbacks)
    best, chosen = Best(model, patience), metrics_of(metrics, loss, middle)
    loss = partial(zero_one, threshold=middle) if loss is zero_one else loss
    mover = optimizer_of(optimizer, model.parameters(), lr)
    spread = None
    if executor is not None:
        from .spread import Spread  # which imports NumPy

        spread = Spread(executor, model, loss, mover.params, compile, parts)
    trainer = Trainer(model, loss, mover, clip, compile, spread)
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
    run = _Run(trainer, learn, held_out, plan, called, chosen, best, bar, history)
    if patience is not None and not held_out:
        run.in_order = lambda: batches(*learn, size, shuffle=False)
    try:
        return run.train(epochs, lambda: batches(*learn, size, shuffled, rng))
    finally:
        if spread is not None:
            spread.workers.close()


def _divided(
    model: Module, X: Samples, y: Samples, validation: Any, rng: Random
) -> tuple[Data, Data | None]:
    """The data to learn from, and the data to validate with, both checked."""
    learn = ready(model, X, y)
    if isinstance(validation, (tuple, list)) and len(validation) == 2:
        return learn, ready(model, *validation)
    sized = isinstance(validation, Sized)
    if validation is not None and (sized or not hasattr(validation, "__float__")):
        many = f" of {len(validation)}" if isinstance(validation, (tuple, list)) else ""
        raise TypeError(
            "validation is a pair (X, y), or the share of the samples to hold out, such as 0.2: "
            f"not a {type(validation).__name__}{many}"
        )
    return (learn, None) if validation is None else split(*learn, validation, rng)


def _callbacks(found: Callback | Iterable[Callback] | None) -> tuple[Callback, ...]:
    """The callbacks, one or several; TypeError for what cannot be called."""
    listed = (found,) if callable(found) else (found,) if isinstance(found, str) else found or ()
    for callback in (listed := tuple(listed)):
        if not callable(callback):
            raise TypeError(
                f"a callback is a function of the model and the history, not {callback!r}"
            )
    return listed


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
    in_order: Callable[[], Iterator[Data]] | None = None  # to watch the loss of, after an epoch

    def train(self, epochs: int, all_batches: Callable[[], Iterator[Data]]) -> History:
        """Run up to that many epochs; Ctrl-C ends the run without an error."""
        history = self.history
        self._watch()
        try:
            if self.in_order:
                trainer = self.trainer
                self.best.patience_is_over(0, trainer.loss_over(self.in_order(), trainer.eager))
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
        if history.epochs:  # else keep what an interrupted epoch has learnt
            history.best_epoch = self.best.restore(history.epochs)
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
        stops = [c for c in self.callbacks if c(self.trainer.model, self.history)]
        if self.callbacks:  # they may have changed parameters
            self.trainer.read()
        if self.in_order:
            watched = self.trainer.loss_over(self.in_order(), self.trainer.strategy)
        over = self.best.patience_is_over(epoch, watched)
        return "callback" if stops else "early" if over else ""

    def _title(self, epochs: int) -> str:
        history = self.history
        last = [f" {name} {row[-1]:.4g}" for name, row in history.history.items()]
        return f"epoch {history.epochs}/{epochs}{''.join(last)}"


class Best:
    """The weights of the best epoch, kept if there is a patience that may run out."""

    def __init__(self, model: Module, patience: int | None) -> None:
        self.params = model.parameters()
        self.patience = None if patience is None else count("patience", patience)
        self.epoch, self.loss = 0, math.inf
        self.weights: list[Numbers] = []

    def patience_is_over(self, epoch: int, loss: float) -> bool:
        """True if the patience has run out; the weights are kept if none had a lower loss."""
        if self.patience is None:
            return False
        if loss < self.loss:
            self.epoch, self.loss = epoch, loss
            self.weights = [copied(p.data) for p in self.params]
        return epoch - self.epoch >= self.patience

    def restore(self, last: int) -> int:
        """Return to the best weights; their epoch, or the last if none were kept."""
        fill(self.params, self.weights)
        return self.epoch if self.weights else last


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
