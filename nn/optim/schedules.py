"""Learning rates that change: a factor for each step, or a cut on a plateau."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from reprlib import repr as short
from typing import Any, Final

from ..choices import count, number
from .base import Optimizer

Factor = Callable[[int], float]


class Schedule:
    """The learning rate is `initial_lr` times factor(number of steps).

    The first schedule of an optimiser gives it its `initial_lr`, the rate of then; the next ones
    start from that one too, as PyTorch's do. Factors multiply:
    `lambda n: warm_up(5)(n) * cosine(100)(n)`.
    """

    def __init__(self, optimizer: Optimizer, factor: Factor) -> None:
        self.optimizer: Optimizer = optimizer
        self.factor: Factor = factor
        self.load_state_dict({"steps": 0})

    def step(self, loss: float | None = None) -> None:
        """Count one step: an epoch or an iteration, as the caller chooses."""
        self.load_state_dict({"steps": self.steps + 1})

    def state_dict(self) -> dict[str, Any]:
        """The number of steps."""
        return {"steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on after so many steps; give the optimiser its own state first."""
        steps = count("steps", state["steps"], least=0)
        if self.optimizer.initial_lr is None:
            self.optimizer.initial_lr = self.optimizer.lr
        self.optimizer.lr = self.optimizer.initial_lr * self.factor(steps)
        self.steps = steps


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

    def state_dict(self) -> dict[str, Any]:
        """The best loss, and the steps since."""
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from that loss; the rate is in the optimiser's own state."""
        self.best, self.waited = float(state["best"]), count("steps", state["waited"], least=0)

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
