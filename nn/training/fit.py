"""The training loop.

An *epoch* is one pass over all samples, an *iteration* one update of the parameters: with 100
samples in batches of 20 an epoch has 5 iterations, with the full batch it has 1, and with single
samples 100.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ..choices import count
from ..data import Data, Samples, batches, split
from ..inputs import ready
from ..losses import Loss
from ..module import Module
from ..optim import Optimizer, Schedule, optimizer_of
from .trainer import Best, Trainer


@dataclass
class History:
    """The losses of a run, an entry for each epoch.

    An epoch is one pass over all samples, an iteration one update of the parameters. `stopped` is
    "finished", "early" (no more progress), "callback" or "interrupted" (Ctrl-C).
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    iterations: int = 0
    stopped: str = "finished"
    best_epoch: int = 0

    @property
    def epochs(self) -> int:
        """The number of complete passes over the data."""
        return len(self.loss)

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses against the epochs, with matplotlib, and return the axes."""
        from ..plotting import plot_history

        return plot_history(self, ax)

    def __str__(self) -> str:
        if not self.loss:
            return f"{self.stopped} before the first epoch was complete"
        text = f"{self.stopped}: {self.epochs} epochs, {self.iterations} iterations"
        text += f", loss {self.loss[0]:.4g} → {self.loss[-1]:.4g}"
        if self.validation_loss:
            text += f", validation {self.validation_loss[0]:.4g} → {self.validation_loss[-1]:.4g}"
        return text


Callback = Callable[[Module, History], object]


def fit(
    model: Module, X: Samples, y: Samples, loss: str | Loss = "mse",
    optimizer: str | Optimizer | Callable[..., Optimizer] = "adam",
    epochs: int = 100, batch_size: int | None = 32, *, lr: float | None = None,
    validation: Data | float | None = None, patience: int | None = None,
    callbacks: Iterable[Callback] = (), schedule: Any = None,
    clip: float | None = None, shuffle: bool = True, seed: int | None = None,
    progress: bool = True, compile: bool | None = None,  # noqa: A002  # as in autograd.compile
) -> History:  # fmt: skip
    """Train the model on X and y, and return the history of its losses.

    A model of Values takes lists of numbers, one sample at a time; one of Tensors takes the arrays
    of a batch, of floats in its own precision or of whole numbers, with any number of axes.
    `batch_size` None is the full batch. `validation` is a pair (X, y), or the share of the samples
    to hold out. `patience` stops the training after that many epochs without a lower loss (of the
    validation data if there are any) and restores the weights of the best epoch.
    `callback(model, history)` is called after each epoch; a true result stops the training.
    `schedule` maps the epoch to a factor for the learning rate, or has `.step(loss)`. `clip` bounds
    the joint length of the gradients. The same seed gives the same run.

    `compile` replays one recorded sample for the samples of a batch: the same numbers but for
    rounding, in less time. None does so where it is safe: Values, `nn`'s losses and optimisers.
    Ctrl-C ends the training, not the program, and keeps the weights of the last whole iteration. A
    loss or gradient that is not finite raises FloatingPointError, which names the epoch, the batch
    and the operation; the weights are then the last ones that gave a finite loss.
    """
    rng = Random(seed)
    learn, held_out = _divided(model, X, y, validation, rng)
    epochs, samples = count("epochs", epochs), len(learn[0])
    size = samples if batch_size is None else count("batch_size", batch_size)
    shuffled = shuffle and size < samples  # the order within a batch changes nothing
    trainer = Trainer(model, loss, optimizer_of(optimizer, model.parameters(), lr), clip, compile)
    plan = Schedule(trainer.optimizer, schedule) if callable(schedule) else schedule
    best, bar = Best(model, patience), progress_bar(epochs * math.ceil(samples / size), progress)
    run = _Run(trainer, held_out, plan, tuple(callbacks), best, bar)
    return run.train(epochs, lambda: batches(*learn, size, shuffled, rng))


def _divided(
    model: Module, X: Samples, y: Samples, validation: Data | float | None, rng: Random
) -> tuple[Data, Data | None]:
    """The data to learn from, and the data to validate with, both checked."""
    learn = ready(model, X, y)
    if isinstance(validation, (tuple, list)):
        return learn, ready(model, *validation)
    return (learn, None) if validation is None else split(*learn, validation, rng)


@dataclass
class _Run:
    """One training run: what happens in an epoch and after it, and what stops it."""

    trainer: Trainer
    held_out: Data | None
    schedule: Any
    callbacks: tuple[Callback, ...]
    best: Best
    bar: Any
    history: History = field(default_factory=History)

    def train(self, epochs: int, all_batches: Callable[[], Iterator[Data]]) -> History:
        """Run up to that many epochs; Ctrl-C ends the run without an error."""
        history = self.history
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
        finally:
            self.bar and self.bar.close()
        history.best_epoch = self.best.restore() or history.epochs
        return history

    def _learn(self, epoch: int, some: Iterator[Data]) -> float:
        """Learn from every batch once, and return the loss to watch."""
        total, samples, history = 0.0, 0, self.history
        for i, (xs, ys) in enumerate(some, 1):
            total += self.trainer.iterate(xs, ys, f"epoch {epoch}, batch {i}") * len(xs)
            samples += len(xs)
            history.iterations += 1
            self.bar and self.bar.update()
        self.trainer.strategy.write()
        history.loss.append(total / samples)
        if not self.held_out:
            return history.loss[-1]
        history.validation_loss.append(self.trainer.evaluate(*self.held_out))
        return history.validation_loss[-1]

    def _stop_reason(self, epoch: int, watched: float) -> str:
        """Call the callbacks, and return the reason to stop now, or ""."""
        if [c for c in self.callbacks if c(self.trainer.model, self.history)]:
            return "callback"
        if self.callbacks:  # they may have changed parameters
            self.trainer.strategy.read()
        return "early" if self.best.patience_is_over(epoch, watched) else ""

    def _title(self, epochs: int) -> str:
        history = self.history
        text = f"epoch {history.epochs}/{epochs} loss {history.loss[-1]:.4g}"
        if history.validation_loss:
            text += f" validation {history.validation_loss[-1]:.4g}"
        return text


def progress_bar(total: int, wanted: bool = True) -> Any:
    """tqdm's bar for that many iterations; None if it is not wanted or tqdm is not installed.

    It shows nothing where the output goes to a file.
    """
    if not wanted:
        return None
    notebook = "ipykernel" in sys.modules
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm warns when a notebook lacks ipywidgets
            from tqdm.auto import tqdm

            return tqdm(total=total, unit="it", disable=False if notebook else None)
    except ImportError:
        return None
