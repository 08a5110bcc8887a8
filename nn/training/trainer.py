"""One update of the parameters after another, eager or replayed; and the losses of many batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import autograd
from autograd import detect_anomaly, trees, zero_grad

from ..choices import number
from ..data import Data, Samples, forward_of, is_finite, number_of
from ..losses import LOSSES, MEASURED, Loss, Metric, cross_entropy, sse, zero_one
from ..module import Module
from ..optim import OPTIMIZERS, Newton, Optimizer, clip_grad_norm
from ..pairing import detached, joined
from ..parameters import Array, Node, Numbers, as_array, copied, fill, is_node, is_tensor, np, plain

if TYPE_CHECKING:
    from .spread import Spread

SUMS = (sse,)  # of its samples' losses; the others are means


def adds_up(loss: Loss) -> bool:
    """True for a loss of nn's own that is a sum or a mean over the samples."""
    return loss in LOSSES.values() and loss is not zero_one  # whose threshold is that of a batch


class Trainer:
    """Iterations: a loss, its gradients, a step; an interrupted step is undone.

    `compile` replays the iterations; None does so where it is safe. `spread` computes the gradients
    elsewhere.
    """

    def __init__(
        self, model: Module, loss: Loss, optimizer: Optimizer, clip: float | None,
        compile: bool | None = None,  # noqa: A002  # the user's name for it
        spread: Spread | None = None,
    ) -> None:  # fmt: skip
        optimizer.check_moves(model)
        self.model: Module = model
        self.optimizer: Optimizer = optimizer
        self.clip: Final = None if clip is None else number("clip", clip)
        self.eager: Final = Eager(model, loss, optimizer)
        safe = compile is not False and can_replay(model, loss, optimizer)
        if compile and not safe:
            raise ValueError(
                "compile=True is for a model of Values or one of Tensors, with a loss and an "
                "optimiser of nn's own, other than zero_one and Newton"
            )
        self.must_replay: Final = bool(compile)
        self.spread: Spread | None = spread
        self.strategy: Eager | Replayed = self.eager
        if safe and (compile or is_ours(model)):
            kind = OfArrays if is_tensor(optimizer.params[0]) else Replayed
            self.strategy = kind(model, loss, optimizer)
        self.before: list[Any] = []  # the weights that the last step started from
        self.stepping: bool = False
        self.seen: list[tuple[float, int]] = []  # the loss and the size of each batch of an epoch

    def iterate(self, xs: Samples, ys: Samples, place: str) -> None:
        """Update the parameters from one batch."""
        loss, out = self.differentiate(xs, ys)
        strategy = self.strategy
        if not math.isfinite(loss):
            cause = self._cause(xs, ys)
            strategy.restore(self.before)
            strategy.write()
            raise self._error(f"the loss became {loss} in {place}", cause)
        if not all(is_finite(p.grad) for p in strategy.params):
            raise self._error(f"a gradient is not finite in {place}", self._cause(xs, ys))
        if self.clip is not None:
            clip_grad_norm(strategy.params, self.clip)
        self.before = [copied(p.data) for p in strategy.params]
        self.stepping = True
        strategy.step(out)
        self.stepping = False
        self.seen.append((loss, len(xs)))

    def epoch_loss(self) -> float:
        """The loss over the batches since the last call, in its own units."""
        seen, self.seen = self.seen, []
        if self.eager.kept and (whole := self.eager.loss_of_kept()) is not None:
            return whole
        if self.eager.loss in SUMS or len(seen) == 1:
            return math.fsum(loss for loss, _ in seen)
        return math.fsum(loss * n for loss, n in seen) / sum(n for _, n in seen)

    def differentiate(self, xs: Samples, ys: Samples) -> tuple[float, Node | None]:
        """Compute the loss of a batch and its gradients; the loss as a number and as a node."""
        if self.spread:
            return self.spread.differentiate(self.strategy.params, xs, ys), None
        if self.strategy is not self.eager:
            try:
                if not self.before:  # once: a loss that depends on no parameter is an error
                    self.eager.forward(xs[:1], ys[:1])
                return self.strategy.differentiate(xs, ys)
            except Exception:
                self._stop_replaying()
                self.eager.forward(xs, ys)  # whose message is better
                if self.must_replay:
                    raise
        return self.eager.differentiate(xs, ys)

    def read(self) -> None:
        """Take the numbers that the model holds now."""
        self.strategy.read()
        if self.spread:
            self.spread.read()

    def _stop_replaying(self) -> None:
        self.strategy.write()
        self.before = self.strategy.apart(self.before)
        self.strategy = self.eager

    def evaluate(self, xs: Samples, ys: Samples) -> float:
        """The loss of other data, recorded, for a loss looks behind a last softmax."""
        return number_of(self.eager.loss_of(xs, ys))

    def loss_over(self, some: Iterable[Data], by: Eager | Replayed) -> float:
        """The loss over batches, of the weights as they are."""
        self.seen = [(by.number(xs, ys), len(xs)) for xs, ys in some]
        return self.epoch_loss()

    def measure(self, metrics: Mapping[str, Metric], xs: Samples, ys: Samples) -> dict[str, float]:
        """The metrics of some data, by name; a loss of nn's own in them knows the graph."""
        if not metrics:
            return {}
        outputs = forward_of(self.model)(xs)
        token = MEASURED.set((trees.replace(outputs, plain), outputs))
        try:
            return {
                name: number_of(metric(MEASURED.get()[0], ys)) for name, metric in metrics.items()
            }
        finally:
            MEASURED.reset(token)

    def undo_half_a_step(self) -> None:
        """Restore the weights from before a step that was interrupted."""
        if self.stepping:
            self.strategy.restore(self.before)
        self.strategy.write()

    def _cause(self, xs: Samples, ys: Samples) -> str:
        """The first operation that is not finite when the batch is computed again."""
        self.strategy.write()
        self.eager.zero_grad()
        try:
            with detect_anomaly():
                self.eager.forward(xs, ys).backward()
        except FloatingPointError as error:
            return str(error)
        return "the gradients of several paths add up to more than a float holds"

    def _error(self, what: str, cause: str) -> FloatingPointError:
        return FloatingPointError(
            f"{what}: {cause}\nThe model has the last weights with a finite loss. A lower learning "
            "rate, standardised features or clip=1.0 may help."
        )


class Eager:
    """Iterations as one writes them by hand: loss, `zero_grad`, `backward`, `step`."""

    def __init__(self, model: Module, loss: Loss, optimizer: Optimizer) -> None:
        self.loss: Loss = loss
        self.optimizer: Optimizer = optimizer
        self.params: Final = optimizer.params
        self._reached = list(dict.fromkeys([*model.parameters(), *optimizer.params]))
        self._outputs = forward_of(model)
        self.adds_up: Final = adds_up(loss)  # over batches
        self.kept: list[tuple[Any, Samples]] = []  # the outputs and targets of an epoch, if not

    def loss_of(self, xs: Samples, ys: Samples, keep: bool = False) -> Node | float:
        """The loss of a batch."""
        outputs = self._outputs(xs)
        if keep and not self.adds_up:
            self.kept.append((detached(outputs), ys))
        return self.loss(outputs, ys)

    def loss_of_kept(self) -> float | None:
        """The loss of all batches together; None if they are one, or it takes one at a time."""
        kept, self.kept = self.kept, []
        if len(kept) == 1:
            return None
        try:
            return number_of(self.loss(*map(joined, zip(*kept, strict=True))))
        except Exception:  # it looks at more than outputs and targets
            return None

    def number(self, xs: Samples, ys: Samples) -> float:
        """The loss of a batch as a number."""
        return number_of(self.loss_of(xs, ys, keep=True))

    def forward(self, xs: Samples, ys: Samples, keep: bool = False) -> Node:
        """The loss of a batch as a node; TypeError if it depends on no parameter."""
        out = self.loss_of(xs, ys, keep)
        if not is_node(out):
            raise TypeError(f"the loss is {out!r}, which does not depend on any parameter")
        return out

    def zero_grad(self) -> None:
        """Forget the gradients of the model's and of the optimiser's parameters."""
        zero_grad(self._reached)

    def differentiate(self, xs: Samples, ys: Samples) -> tuple[float, Node]:
        """Leave the gradients in the parameters; the loss as a number and as a node."""
        out = self.forward(xs, ys, keep=True)
        self.zero_grad()
        out.backward()
        return number_of(out), out

    def step(self, out: Node | None) -> None:
        """Move all parameters."""
        self.optimizer.step(out)

    def restore(self, weights: Sequence[Numbers]) -> None:
        """Give the parameters other numbers."""
        fill(self.params, weights)

    def read(self) -> None:
        """Nothing: the parameters are read at each iteration."""

    def write(self) -> None:
        """Nothing: the parameters have their numbers."""

    def apart(self, weights: list[Any]) -> list[Any]:
        """The weights, one for each parameter."""
        return weights


class OfArrays(Eager):
    """Iterations of a model of Tensors, whose losses and gradients are replayed."""

    def __init__(self, model: Module, loss: Loss, optimizer: Optimizer) -> None:
        super().__init__(model, loss, optimizer)
        self.model = model
        self.read()

    def read(self) -> None:
        """Record anew: plain numbers that the model holds are constants of a recording."""
        eager = Eager(self.model, self.loss, self.optimizer)  # self would be held by what it holds
        self._replay = autograd.compile(eager.forward, keep=64)

    def differentiate(self, xs: Samples, ys: Samples) -> tuple[float, None]:  # type: ignore[override]
        """Leave the gradients in the parameters; the loss as a number."""
        self.zero_grad()
        return self._replay.backward(as_array(xs), as_array(ys)), None


# ---- replayed ------------------------------------------------------------------------------------


def is_ours(model: Module) -> bool:
    """True if all modules are of this package: they compute the same at each call."""
    package = __name__.partition(".")[0]

    def ours(things: Iterable[Any]) -> bool:
        return all(type(x).__module__.partition(".")[0] == package for x in things)

    modules = model.modules()
    if not ours(modules):  # whose attributes may have any names
        return False
    held = (vars(m).get(name) for m in modules for name in ("layers", "parts"))
    return all(ours(x) for x in held if isinstance(x, (list, tuple)))


def can_replay(model: Module, loss: Loss, optimizer: Optimizer) -> bool:
    """True for the losses and optimisers of this package, on a model of Values or of Tensors.

    Then the loss of a batch is made of its samples' losses, and the optimiser is plain arithmetic.
    """
    ours = type(optimizer) in OPTIMIZERS.values() and not isinstance(optimizer, Newton)
    return (
        ours
        and adds_up(loss)
        and len({is_tensor(p) for p in [*model.parameters(), *optimizer.params]}) == 1
    )


def _quiet() -> Any:
    """Silence NumPy's warnings: the trainer tests for results that are not finite."""
    return np.errstate(all="ignore")


class _Flat:
    """All parameters as one array, for an optimiser."""

    data: Array
    grad: Array


class Replayed:
    """Iterations as replays: the loss of one sample is recorded, and run for a batch of them.

    The optimiser's parameters are one array, and the samples of a batch are lanes of the replay.
    """

    def __init__(self, model: Module, loss: Loss, optimizer: Optimizer) -> None:
        def of_one(x: Any, y: Any = None, *, target: Any = None) -> Node | float:
            return loss([model(x)], [y if target is None else target])

        self.loss, self.optimizer, self._of_one = loss, optimizer, of_one
        self.flat: Final = _Flat()
        self.params: list[Any] = [self.flat]
        self.read()
        self.flat.grad = 0.0 * self.flat.data

    def number(self, xs: Samples, ys: Samples) -> float:
        """The loss of a batch as a number."""
        return self._loss_and_gradient(xs, ys)[0]

    def differentiate(self, xs: Samples, ys: Samples) -> tuple[float, None]:
        """Leave the gradient in `flat`; the loss of a batch."""
        loss, self.flat.grad = self._loss_and_gradient(xs, ys)
        return loss, None

    def _loss_and_gradient(self, xs: Samples, ys: Samples) -> tuple[float, Array]:
        total, gradient = 0.0, 0.0 * self.flat.data
        with _quiet():
            for args, keywords in self._lanes(xs, ys):
                values, part = self._bound.batch(*args, **keywords)
                total += float(values.sum())
                gradient += part
            share = 1.0 if self.loss in SUMS else 1.0 / len(xs)
            return total * share, gradient * share

    def apart(self, weights: list[Any]) -> list[Any]:
        """The weights, one for each parameter."""
        return [x for row in weights for x in row.tolist()]

    def _lanes(self, xs: Samples, ys: Samples) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """The samples; for a loss that looks classes up by number, one group for each class."""
        if self.loss is not cross_entropy or any(hasattr(y, "__len__") for y in ys):
            return [((list(xs), list(ys)), {})]
        classes: dict[Any, list[Any]] = {}
        for x, y in zip(xs, ys, strict=True):
            classes.setdefault(y, []).append(x)
        return [((some,), {"target": y}) for y, some in classes.items()]

    def step(self, out: Node | None) -> None:
        """Move all parameters at once."""
        optimizer: Any = self.optimizer
        kept = optimizer.params, optimizer.memory
        optimizer.params, optimizer.memory = self.params, [self._memory]
        try:
            with _quiet():
                optimizer.step()
        finally:
            optimizer.params, optimizer.memory = kept

    def restore(self, weights: Sequence[Numbers]) -> None:
        """Give the parameters other numbers, which `write` passes on to the model."""
        for row in weights:
            self.flat.data[:] = row

    def read(self) -> None:
        """Take the numbers of the parameters, and the optimiser's memory of them.

        The model is recorded anew: plain numbers it holds are constants of a recording.
        """
        self._bound: Any = autograd.compile(self._of_one, keep=64).bind(self.optimizer.params)
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
