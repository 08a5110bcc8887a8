"""The training loop.

An *epoch* is one pass over all samples, an *iteration* one update of the parameters: with 100
samples in batches of 20 an epoch has 5 iterations, with the full batch it has 1, and with single
samples 100.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

from autograd import Value, detect_anomaly, no_grad

from .choices import count, number
from .data import batches, checked, split
from .history import History
from .losses import Loss, loss_of
from .module import Module
from .optim import Optimizer, Schedule, clip_grad_norm, optimizer_of
from .progress import progress_bar, title

Callback = Callable[[Module, History], object]


def fit(
    model: Module,
    X: Any,
    y: Any,
    loss: str | Loss = "mse",
    optimizer: str | Optimizer | Callable[..., Optimizer] = "adam",
    epochs: int = 100,
    batch_size: int | None = 32,
    *,
    lr: float | None = None,
    validation: tuple[Any, Any] | float | None = None,
    patience: int | None = None,
    callbacks: Iterable[Callback] = (),
    schedule: Any = None,
    clip: float | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    progress: bool = True,
) -> History:
    """Train the model on X and y, and answer what happened.

    `batch_size` None is the full batch, 1 one sample at a time. `validation` is a pair (X, y), or
    the share of the samples to hold out. With `patience`, training stops after that many epochs
    without a lower loss (of the validation data, where there are any), and the weights are those
    of the best epoch. A callback is called as `callback(model, history)` after each epoch, and
    stops the training by answering something true. `schedule` is a function of the epoch that
    answers a factor for the learning rate, or an object with `.step(loss)`; `clip` bounds the
    joint length of the gradients. The same seed gives the same run. `progress` shows a bar in a
    terminal or a notebook, where tqdm is installed.

    Ctrl-C ends the training, not the program: the weights are those of the last whole iteration.
    FloatingPointError, which names the epoch, the batch and the operation, where the loss or a
    gradient is no longer finite; the weights are then the last ones that gave a finite loss.
    """
    rows, targets = checked(X, y)
    epochs, rng = count("epochs", epochs), Random(seed)
    held_out = None
    if isinstance(validation, (tuple, list)):
        held_out = checked(*validation)
    elif validation is not None:
        (rows, targets), held_out = split(rows, targets, validation, rng)
    size = len(rows) if batch_size is None else count("batch_size", batch_size)
    shuffled = shuffle and size < len(rows)  # the order within a batch is of no account
    trainer = _Trainer(model, loss, optimizer_of(optimizer, model.parameters(), lr), clip)
    if callable(schedule):
        schedule = Schedule(trainer.optimizer, schedule)
    best = _Best(model, patience)
    history = History()
    bar = progress_bar(epochs * math.ceil(len(rows) / size), progress)
    try:
        for epoch in range(1, epochs + 1):
            total = 0.0
            for i, (xs, ys) in enumerate(batches(rows, targets, size, shuffled, rng), 1):
                total += trainer.iterate(xs, ys, f"epoch {epoch}, batch {i}") * len(xs)
                history.iterations += 1
                bar and bar.update()
            history.loss.append(total / len(rows))
            watched = history.loss[-1]
            if held_out:
                watched = trainer.evaluate(*held_out)
                history.validation_loss.append(watched)
            if schedule:
                schedule.step(watched)
            bar and bar.set_description(title(epoch, epochs, history), refresh=False)
            if [c for c in callbacks if c(model, history)]:
                history.stopped = "callback"
                break
            if best.enough(epoch, watched):
                history.stopped = "early"
                break
    except KeyboardInterrupt:
        trainer.undo_half_a_step()
        history.stopped = "interrupted"
    finally:
        bar and bar.close()
    history.best_epoch = best.restore() or history.epochs
    return history


class _Trainer:
    """One iteration after the other."""

    def __init__(
        self, model: Module, loss: str | Loss, optimizer: Optimizer, clip: float | None
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss_of(loss), optimizer
        self.clip = None if clip is None else number("clip", clip)
        self.params = model.parameters()
        self.before: list[float] = []  # the weights that the last step started from
        self.stepping = False

    def forward(self, xs: Sequence[Any], ys: Sequence[Any]) -> Any:
        """The loss of a batch."""
        return self.loss([self.model(x) for x in xs], ys)

    def iterate(self, xs: Sequence[Any], ys: Sequence[Any], place: str) -> float:
        """One update from one batch; answers the loss before it."""
        out = self.forward(xs, ys)
        if not isinstance(out, Value):
            raise TypeError(f"the loss is {out!r}, which does not depend on any parameter")
        self.model.zero_grad()
        out.backward()
        if not math.isfinite(out.data):
            cause = self._cause(xs, ys)
            self._set(self.before)
            raise self._error(f"the loss became {out.data} in {place}", cause)
        if not all(math.isfinite(p.grad) for p in self.params):
            raise self._error(f"a gradient is not finite in {place}", self._cause(xs, ys))
        if self.clip is not None:
            clip_grad_norm(self.params, self.clip)
        self.before = [p.data for p in self.params]
        self.stepping = True
        self.optimizer.step(out)
        self.stepping = False
        return out.data

    def evaluate(self, xs: Sequence[Any], ys: Sequence[Any]) -> float:
        """The loss of other data."""
        with no_grad():
            return float(getattr(out := self.forward(xs, ys), "data", out))

    def undo_half_a_step(self) -> None:
        if self.stepping:
            self._set(self.before)

    def _set(self, weights: Iterable[float]) -> None:
        for p, number_ in zip(self.params, weights, strict=False):
            p.data = number_

    def _cause(self, xs: Sequence[Any], ys: Sequence[Any]) -> str:
        """The first operation that is not finite, when the batch is computed once more."""
        self.model.zero_grad()
        try:
            with detect_anomaly():
                self.forward(xs, ys).backward()
        except FloatingPointError as error:
            return str(error)
        return "the gradients of several paths add up to more than a float holds"

    def _error(self, what: str, cause: str) -> FloatingPointError:
        return FloatingPointError(
            f"{what}: {cause}\nThe model has the last weights with a finite loss. A lower learning "
            "rate, standardised features or clip=1.0 may help."
        )


class _Best:
    """The weights of the best epoch, where there is a patience that may run out."""

    def __init__(self, model: Module, patience: int | None) -> None:
        self.params = model.parameters()
        self.patience = None if patience is None else count("patience", patience)
        self.epoch, self.loss = 0, math.inf
        self.weights: list[float] = []

    def enough(self, epoch: int, loss: float) -> bool:
        """Whether nothing has become better for too long."""
        if self.patience is None:
            return False
        if loss < self.loss:
            self.epoch, self.loss = epoch, loss
            self.weights = [p.data for p in self.params]
        return epoch - self.epoch >= self.patience

    def restore(self) -> int:
        """Go back to the best weights, and answer their epoch; 0 where none were kept."""
        for p, weight in zip(self.params, self.weights, strict=False):
            p.data = weight
        return self.epoch
