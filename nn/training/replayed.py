"""Iterations as replays: a model of Values recorded for one sample, and run for a batch of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd
from autograd import Value

from ..losses import LOSSES, cross_entropy, sse, zero_one
from ..module import Module
from ..optim import OPTIMIZERS, Newton, Optimizer

SUMS = (sse,)  # of its samples' losses; the others are means


def is_safe(model: Module, loss: Any, optimizer: Optimizer) -> bool:
    """Whether the loss of a batch is made of its samples' losses, and the optimiser of arithmetic.

    So it is for the losses and the optimisers of this package, on a model that holds Values.
    """
    ours = type(optimizer) in OPTIMIZERS.values() and not isinstance(optimizer, Newton)
    return (
        ours
        and loss in LOSSES.values()
        and loss is not zero_one
        and all(isinstance(p, Value) for p in [*model.parameters(), *optimizer.params])
    )


def _quiet() -> Any:
    """As floats have it: what is not finite is no warning, and is seen to later."""
    import numpy as np

    return np.errstate(all="ignore")


class _Flat:
    """All parameters as one: what an optimiser takes for a parameter."""

    data: Any
    grad: Any


class Replayed:
    """The optimiser's parameters as one array, and the loss of a batch as lanes of a replay."""

    def __init__(self, model: Module, loss: Callable[..., Any], optimizer: Optimizer) -> None:
        def of_one(x: Any, y: Any = None, *, target: Any = None) -> Any:
            return loss([model(x)], [y if target is None else target])

        self.loss, self.optimizer, self._of_one = loss, optimizer, of_one
        self.flat = _Flat()
        self.read()
        self.flat.grad = 0.0 * self.flat.data

    def iterate(self, xs: Any, ys: Any) -> float:
        """The loss of a batch; its gradient is in `flat.grad`."""
        total, gradient = 0.0, 0.0 * self.flat.data
        with _quiet():
            for args, setting in self._lanes(xs, ys):
                values, part = self._bound.batch(*args, **setting)
                total += float(values.sum())
                gradient += part
            share = 1.0 if self.loss in SUMS else 1.0 / len(xs)
            self.flat.grad = gradient * share
        return total * share

    def _lanes(self, xs: Any, ys: Any) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """The samples; where a class is looked up by its number, those of each class apart."""
        if self.loss is not cross_entropy or any(hasattr(y, "__len__") for y in ys):
            return [((list(xs), list(ys)), {})]
        classes: dict[Any, list[Any]] = {}
        for x, y in zip(xs, ys, strict=True):
            classes.setdefault(y, []).append(x)
        return [((some,), {"target": y}) for y, some in classes.items()]

    def step(self) -> None:
        """Move all parameters at once."""
        optimizer: Any = self.optimizer
        kept = optimizer.params, optimizer.memory
        optimizer.params, optimizer.memory = [self.flat], [self._memory]
        try:
            with _quiet():
                optimizer.step()
        finally:
            optimizer.params, optimizer.memory = kept

    def read(self) -> None:
        """Take the numbers of the parameters, and the optimiser's memory of them.

        The model is recorded anew: plain numbers it holds are constants of a recording.
        """
        import numpy as np

        self._bound = autograd.compile(self._of_one, keep=64).bind(self.optimizer.params)
        self.flat.data = self._bound.numbers
        memory = self.optimizer.memory
        self._memory = {name: np.array([held[name] for held in memory]) for name in memory[0]}

    def write(self) -> None:
        """Give the parameters their numbers and gradients, and the optimiser its memory."""
        self._bound.write()
        columns = {name: column.tolist() for name, column in self._memory.items()}
        for i, (p, g) in enumerate(
            zip(self.optimizer.params, self.flat.grad.tolist(), strict=True)
        ):
            p.grad = g
            self.optimizer.memory[i].update({name: column[i] for name, column in columns.items()})
