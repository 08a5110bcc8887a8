"""Learning rates that change: a factor for each step, or a cut on a plateau."""

from __future__ import annotations

import math
from collections.abc import Callable
from reprlib import repr as short
from typing import Any, Final

from ..choices import count, number
from .base import Optimizer

Factor = Callable[[int], float]


class Schedule:
    """The learning rate is its first value times factor(number of steps).

    Factors multiply: `lambda n: warm_up(5)(n) * cosine(100)(n)`.
    """

    def __init__(self, optimizer: Optimizer, factor: Factor) -> None:
        self.optimizer: Optimizer = optimizer
        self.factor: Factor = factor
        self.first: Final = optimizer.lr
        self.steps: int = 0
        optimizer.lr = self.first * factor(0)

    def step(self, loss: float | None = None) -> None:
        """Count one step: an epoch or an iteration, as the caller chooses."""
        self.steps += 1
        self.optimizer.lr = self.first * self.factor(self.steps)


def schedule_of(schedule: Any, optimizer: Optimizer) -> Any:
    """The schedule of a factor, or the given one; ValueError if it is of another optimiser."""
    if not hasattr(schedule, "step"):
        if not callable(schedule):
            raise TypeError(
                f"a schedule is a function, or has .step(loss), unlike {short(schedule)}"
            )
        return Schedule(optimizer, schedule)
    if getattr(schedule, "optimizer", optimizer) is not optimizer:
        raise ValueError(
            f"this {type(schedule).__name__} changes the learning rate of another optimiser: fit "
            "with optimizer=schedule.optimizer"
        )
    return schedule


def step_decay(every: int, by: float = 0.1) -> Factor:
    """Multiply by `by` after every `every` steps."""
    every, by = count("every", every), number("by", by)
    return lambda n: by ** (n // every)


def cosine(steps: int, floor: float = 0.0) -> Factor:
    """Half a cosine wave from 1 down to `floor`, then constant (Loshchilov and Hutter 2017)."""
    steps, floor = count("steps", steps), number("floor", floor)
    return lambda n: floor + (1 - floor) * (1 + math.cos(math.pi * min(n, steps) / steps)) / 2


def warm_up(steps: int, start: float = 0.0) -> Factor:
    """A straight line from `start` to 1, then constant (Goyal et al. 2017)."""
    steps, start = count("steps", steps), number("start", start)
    return lambda n: start + (1 - start) * min(n, steps) / steps


class Plateau:
    """Multiplies the learning rate by `by` after more than `patience` steps without a better loss.

    Better is below (1 - threshold) times the best so far, as in PyTorch's ReduceLROnPlateau.
    """

    def __init__(
        self, optimizer: Optimizer, by: float = 0.1, patience: int = 10, threshold: float = 1e-4
    ) -> None:
        self.optimizer: Optimizer = optimizer
        self.by: Final = number("by", by, below=1.0)
        self.patience: Final = count("patience", patience, least=0)
        self.threshold: Final = number("threshold", threshold)
        self.best: float = math.inf
        self.waited: int = 0

    def step(self, loss: float | None = None) -> None:
        """Compare a loss with the best."""
        if loss is None:
            raise TypeError("a Plateau watches the loss: plateau.step(loss)")
        if loss < self.best * (1 - self.threshold):
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.optimizer.lr, self.waited = self.optimizer.lr * self.by, 0
