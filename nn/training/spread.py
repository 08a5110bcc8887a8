"""Gradients of a batch by many workers, each of a part of it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any, Final

from autograd import executors

from ..choices import count
from ..data import Samples, batches
from ..losses import Loss
from ..module import Module
from ..optim import SGD
from ..parameters import Array, Parameter, cut, is_node, joined
from .trainer import SUMS, Trainer, adds_up


class Part:
    """The task of a worker: the loss of some samples, and its gradient, for a row of weights."""

    def __init__(
        self, model: Module, loss: Loss, params: list[Parameter], replays: bool | None
    ) -> None:
        self.model: Module = model
        self.loss: Loss = loss
        self.params: list[Parameter] = params
        self.replays: bool | None = replays
        self.trainer: Trainer | None = None

    def __call__(self, row: Array, xs: Samples, ys: Samples) -> tuple[float, Array]:
        if self.trainer is None:
            self.trainer = Trainer(self.model, self.loss, SGD(self.params), None, self.replays)
        strategy = self.trainer.strategy
        strategy.restore(parted(strategy.params, row))
        loss, _ = self.trainer.differentiate(xs, ys)
        params = self.trainer.strategy.params  # others, where it has stopped to replay
        self.trainer.before = [p.data for p in params]  # so that the next batch is not the first
        return loss, joined([p.grad for p in params])


class Spread:
    """The gradients of batches, each put together from those of its parts, in their order."""

    def __init__(
        self, executor: Any, model: Module, loss: Loss, params: list[Parameter],
        replays: bool | None, parts: int | None,
    ) -> None:  # fmt: skip
        if not adds_up(loss):
            raise ValueError(
                "executor= is for a loss of nn's own other than zero_one: that of a batch is put "
                "together from those of its parts"
            )
        self.loss: Loss = loss
        self.part: Final = Part(model, loss, params, replays)
        self.workers: Final = executors.Workers(self.part, executor)
        self.parts: int | None = None if parts is None else count("parts", parts)

    def read(self) -> None:
        """Send the model anew: else workers get the weights of the optimiser alone."""
        self.workers.send(self.part)

    def differentiate(self, params: Sequence[Any], xs: Samples, ys: Samples) -> float:
        """Leave the gradients of a batch in the parameters; its loss."""
        self.parts = self.parts or self.workers.count or os.cpu_count() or 1
        some = list(batches(xs, ys, math.ceil(len(xs) / self.parts), shuffle=False))
        found = self.workers(joined([p.data for p in params]), some)
        shares = [1.0 if self.loss in SUMS else len(part) / len(xs) for part, _ in some]
        gradient = sum(share * slope for share, (_, slope) in zip(shares, found, strict=True))
        for p, g in zip(params, parted(params, gradient), strict=True):
            p.grad = g
        return math.fsum(share * loss for share, (loss, _) in zip(shares, found, strict=True))


def parted(params: Sequence[Any], row: Array) -> list[Any]:
    """A row of numbers as those of each parameter; it is whole where they are one row."""
    return cut(params, row) if is_node(params[0]) else [row]
