"""One iteration after the other, and the way back to the best weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from autograd import detect_anomaly, no_grad, zero_grad

from ..choices import count, number
from ..losses import Loss, loss_of
from ..module import Module
from ..optim import Optimizer, clip_grad_norm
from ..parameters import copied, is_node, put
from .replayed import Replayed, is_safe
from .running import forward_of, number_of


class Trainer:
    """What an iteration is: a loss, its gradients, a step.

    `compile` says whether iterations are replays; None is where that is safe.
    """

    def __init__(
        self,
        model: Module,
        loss: str | Loss,
        optimizer: Optimizer,
        clip: float | None,
        compile: bool | None = None,  # noqa: A002  # what the user calls it
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss_of(loss), optimizer
        self.clip = None if clip is None else number("clip", clip)
        self.params: list[Any] = model.parameters()
        self.outputs = forward_of(model)
        safe = compile is not False and is_safe(model, self.loss, optimizer)
        if compile and not safe:
            raise ValueError(
                "compile=True is for a model of Values with a loss and an optimiser of nn's own, "
                "other than zero_one and Newton"
            )
        self.must_replay = bool(compile)
        self.replay = Replayed(model, self.loss, optimizer) if safe else None
        self.moving: list[Any] = [self.replay.flat] if self.replay else self.params
        self.gradients_are_finite = _judge_of(self.moving)
        self.before: list[Any] = []  # the weights that the last step started from
        self.stepping = False

    def forward(self, xs: Any, ys: Any) -> Any:
        """The loss of a batch."""
        return self.loss(self.outputs(xs), ys)

    def iterate(self, xs: Any, ys: Any, place: str) -> float:
        """One update from one batch; answers the loss before it."""
        loss, out = self._differentiate(xs, ys)
        if not math.isfinite(loss):
            self.write()
            cause = self._cause(xs, ys)
            self._set(self.before)
            raise self._error(f"the loss became {loss} in {place}", cause)
        if not self.gradients_are_finite():
            self.write()
            raise self._error(f"a gradient is not finite in {place}", self._cause(xs, ys))
        if self.clip is not None:
            clip_grad_norm(self.moving, self.clip)
        self.before = [copied(p.data) for p in self.moving]
        self.stepping = True
        if self.replay:
            self.replay.step()
        else:
            self.optimizer.step(out)
        self.stepping = False
        return loss

    def _differentiate(self, xs: Any, ys: Any) -> tuple[float, Any]:
        """The loss of a batch, with its gradients where the step looks for them; and its node."""
        if self.replay:
            try:
                if not self.before:  # this is the first
                    self._recorded(xs[:1], ys[:1])
                return self.replay.iterate(xs, ys), None
            except Exception:
                self._stop_replaying()
                self._recorded(xs, ys)  # which says better what is wrong
                if self.must_replay:
                    raise
        out = self._recorded(xs, ys)
        zero_grad(self.params)
        out.backward()
        return number_of(out), out

    def _recorded(self, xs: Any, ys: Any) -> Any:
        """The node of the loss of a batch."""
        out = self.forward(xs, ys)
        if not is_node(out):
            raise TypeError(f"the loss is {out!r}, which does not depend on any parameter")
        return out

    def _stop_replaying(self) -> None:
        self.write()
        self.replay, self.moving = None, self.optimizer.params
        self.before = [x for row in self.before for x in row.tolist()]
        self.gradients_are_finite = _judge_of(self.moving)

    def read(self) -> None:
        """Take the parameters as they are now: somebody may have changed them."""
        if self.replay:
            self.replay.read()

    def write(self) -> None:
        """Let the parameters, and the optimiser, have what iterations have made of them."""
        if self.replay:
            self.replay.write()

    def evaluate(self, xs: Any, ys: Any) -> float:
        """The loss of other data."""
        with no_grad():
            return number_of(self.forward(xs, ys))

    def undo_half_a_step(self) -> None:
        """Where a step was interrupted, take back what it had done."""
        if self.stepping:
            self._set(self.before)
        self.write()

    def _set(self, weights: Iterable[Any]) -> None:
        for p, x in zip(self.moving, weights, strict=False):
            if self.replay:
                p.data[:] = x
            else:
                put(p, x)
        self.write()

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


def _judge_of(params: list[Any]) -> Callable[[], bool]:
    """What says whether every gradient is finite."""

    def judge() -> bool:
        return all(_is_finite(p.grad) for p in params)

    if not any(hasattr(p.data, "shape") for p in params):
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
