"""One iteration after the other, and the way back to the best weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from autograd import detect_anomaly, no_grad, zero_grad

from .blocks import copied, is_node, is_tensor, put
from .choices import count, number
from .losses import Loss, loss_of
from .module import Module
from .optim import Optimizer, clip_grad_norm
from .running import forward_of, number_of

if TYPE_CHECKING:
    from .blocks import Parameter


class Trainer:
    """What an iteration is: a loss, its gradients, a step."""

    def __init__(
        self, model: Module, loss: str | Loss, optimizer: Optimizer, clip: float | None
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss_of(loss), optimizer
        self.clip = None if clip is None else number("clip", clip)
        self.params = model.parameters()
        self.outputs = forward_of(model)
        self.gradients_are_finite = _judge_of(self.params)
        self.before: list[Any] = []  # the weights that the last step started from
        self.stepping = False

    def forward(self, xs: Any, ys: Any) -> Any:
        """The loss of a batch."""
        return self.loss(self.outputs(xs), ys)

    def iterate(self, xs: Any, ys: Any, place: str) -> float:
        """One update from one batch; answers the loss before it."""
        out = self.forward(xs, ys)
        if not is_node(out):
            raise TypeError(f"the loss is {out!r}, which does not depend on any parameter")
        zero_grad(self.params)
        out.backward()
        loss = number_of(out)
        if not math.isfinite(loss):
            cause = self._cause(xs, ys)
            self._set(self.before)
            raise self._error(f"the loss became {loss} in {place}", cause)
        if not self.gradients_are_finite():
            raise self._error(f"a gradient is not finite in {place}", self._cause(xs, ys))
        if self.clip is not None:
            clip_grad_norm(self.params, self.clip)
        self.before = [copied(p.data) for p in self.params]
        self.stepping = True
        self.optimizer.step(out)
        self.stepping = False
        return loss

    def evaluate(self, xs: Any, ys: Any) -> float:
        """The loss of other data."""
        with no_grad():
            return number_of(self.forward(xs, ys))

    def undo_half_a_step(self) -> None:
        """Where a step was interrupted, take back what it had done."""
        if self.stepping:
            self._set(self.before)

    def _set(self, weights: Iterable[Any]) -> None:
        for p, x in zip(self.params, weights, strict=False):
            put(p, x)

    def _cause(self, xs: Any, ys: Any) -> str:
        """The first operation that is not finite, when the batch is computed once more."""
        zero_grad(self.params)
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


def _judge_of(params: list[Parameter]) -> Callable[[], bool]:
    """What says whether every gradient is finite."""

    def judge() -> bool:
        return all(_is_finite(p.grad) for p in params)

    if not any(map(is_tensor, params)):
        return judge
    import numpy as np

    return np.errstate(over="ignore")(judge)


def _is_finite(g: Any) -> bool:
    """Whether a number is, or all of an array: then the sum of their squares is, or overflows."""
    if not hasattr(g, "ravel"):
        return math.isfinite(g)
    row = g.ravel("K")
    return math.isfinite(row.dot(row)) or bool((abs(row) < math.inf).all())


class Best:
    """The weights of the best epoch, where there is a patience that may run out."""

    def __init__(self, model: Module, patience: int | None) -> None:
        self.params = model.parameters()
        self.patience = None if patience is None else count("patience", patience)
        self.epoch, self.loss = 0, math.inf
        self.weights: list[Any] = []

    def enough(self, epoch: int, loss: float) -> bool:
        """Whether nothing has become better for too long."""
        if self.patience is None:
            return False
        if loss < self.loss:
            self.epoch, self.loss = epoch, loss
            self.weights = [copied(p.data) for p in self.params]
        return epoch - self.epoch >= self.patience

    def restore(self) -> int:
        """Go back to the best weights, and answer their epoch; 0 where none were kept."""
        for p, weight in zip(self.params, self.weights, strict=False):
            put(p, weight)
        return self.epoch
