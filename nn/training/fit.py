"""The training loop.

An *epoch* is one pass over all samples, an *iteration* one update of the parameters: with 100
samples in batches of 20 an epoch has 5 iterations, with the full batch it has 1, and with single
samples 100.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from ..choices import count
from ..data import batches, split
from ..losses import Loss
from ..module import Module
from ..optim import Optimizer, Schedule, optimizer_of
from .history import History
from .progress import progress_bar, title
from .running import ready
from .trainer import Best, Trainer

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
    compile: bool | None = None,  # noqa: A002  # the name of what it does, autograd.compile
) -> History:
    """Train the model on X and y, and answer what happened.

    A model of Values is given one sample at a time. One of Tensors is given the arrays of a batch,
    of floats in its own precision or of whole numbers; X may then have any number of axes.
    `batch_size` None is the full batch, 1 one sample at a time. `validation` is a pair (X, y), or
    the share of the samples to hold out. With `patience`, training stops after that many epochs
    without a lower loss (of the validation data, where there are any), and the weights are those
    of the best epoch. A callback is called as `callback(model, history)` after each epoch, and
    stops the training by answering something true. `schedule` is a function of the epoch that
    answers a factor for the learning rate, or an object with `.step(loss)`; `clip` bounds the
    joint length of the gradients. The same seed gives the same run. `progress` shows a bar in a
    terminal or a notebook, where tqdm is installed.

    With `compile`, one sample of a model of Values is recorded, and replayed for those of a batch
    with all parameters in one array (`autograd.compile`): the same numbers, but for rounding, in a
    fraction of the time. None does so where it is safe: with the losses and optimisers of `nn`.

    Ctrl-C ends the training, not the program: the weights are those of the last whole iteration.
    FloatingPointError, which names the epoch, the batch and the operation, where the loss or a
    gradient is no longer finite; the weights are then the last ones that gave a finite loss.
    """
    rows, targets = ready(model, X, y)
    epochs, rng = count("epochs", epochs), Random(seed)
    held_out = None
    if isinstance(validation, (tuple, list)):
        held_out = ready(model, *validation)
    elif validation is not None:
        (rows, targets), held_out = split(rows, targets, validation, rng)
    size = len(rows) if batch_size is None else count("batch_size", batch_size)
    shuffled = shuffle and size < len(rows)  # the order within a batch is of no account
    trainer = Trainer(model, loss, optimizer_of(optimizer, model.parameters(), lr), clip, compile)
    if callable(schedule):
        schedule = Schedule(trainer.optimizer, schedule)
    best = Best(model, patience)
    history = History()
    bar = progress_bar(epochs * math.ceil(len(rows) / size), progress)
    try:
        for epoch in range(1, epochs + 1):
            total = 0.0
            for i, (xs, ys) in enumerate(batches(rows, targets, size, shuffled, rng), 1):
                total += trainer.iterate(xs, ys, f"epoch {epoch}, batch {i}") * len(xs)
                history.iterations += 1
                bar and bar.update()
            trainer.write()
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
            if callbacks:  # which may have changed anything
                trainer.read()
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
