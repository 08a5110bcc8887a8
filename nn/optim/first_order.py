"""Optimisers: the step to subtract from a parameter x with gradient g.

Each is the update of its paper, with PyTorch's definitions and defaults: weight decay is added to
the gradient (L2), except in AdamW.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from autograd import sqrt

from ..choices import choose, number
from ..parameters import Numbers, Parameter
from .base import Memory, Optimizer
from .second_order import Newton

Params = Iterable["Parameter"]


class SGD(Optimizer):
    """Gradient descent: x -= lr * g, with momentum v = momentum * v + g and x -= lr * v.

    Nesterov's momentum looks ahead: x -= lr * (g + momentum * v) (Sutskever et al. 2013). On all
    samples at once it is gradient descent, on a batch of them it is stochastic.
    """

    def __init__(
        self, params: Params, lr: float = 0.01, momentum: float = 0.0, nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, weight_decay)
        self.momentum: Final = number("momentum", momentum)
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise ValueError("nesterov needs a momentum, such as 0.9")

    def change(self, x: Numbers, g: Numbers, memory: Memory) -> Numbers:
        if not self.momentum:
            return self.lr * g
        v = memory["velocity"] = self.momentum * memory.get("velocity", 0.0) + g
        return self.lr * (g + self.momentum * v if self.nesterov else v)


class Adagrad(Optimizer):
    """x -= lr * g / sqrt(the sum of all g^2 so far) (Duchi et al. 2011)."""

    def __init__(
        self, params: Params, lr: float = 0.01, weight_decay: float = 0.0, eps: float = 1e-10
    ) -> None:
        super().__init__(params, lr, weight_decay)
        self.eps: Final = number("eps", eps)

    def change(self, x: Numbers, g: Numbers, memory: Memory) -> Numbers:
        total = memory["sum of squares"] = memory.get("sum of squares", 0.0) + g * g
        return self.lr * g / (sqrt(total) + self.eps)


class RMSProp(Optimizer):
    """x -= lr * g / sqrt(a moving mean of g^2) (Tieleman and Hinton 2012, lecture 6.5)."""

    def __init__(
        self, params: Params, lr: float = 0.01, alpha: float = 0.99, momentum: float = 0.0,
        weight_decay: float = 0.0, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, weight_decay)
        self.alpha: Final = number("alpha", alpha, below=1.0)
        self.eps: Final = number("eps", eps)
        self.momentum: Final = number("momentum", momentum)

    def change(self, x: Numbers, g: Numbers, memory: Memory) -> Numbers:
        square = self.alpha * memory.get("mean square", 0.0) + (1 - self.alpha) * g * g
        memory["mean square"] = square
        scaled = g / (sqrt(square) + self.eps)
        if not self.momentum:
            return self.lr * scaled
        v = memory["velocity"] = self.momentum * memory.get("velocity", 0.0) + scaled
        return self.lr * v


class Adam(Optimizer):
    """x -= lr * m / sqrt(v): moving means of g and g^2, corrected for their start at 0.

    Kingma and Ba 2015, algorithm 1.
    """

    def __init__(
        self, params: Params, lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, weight_decay)
        self.eps: Final = number("eps", eps)
        self.betas: Final = (
            number("beta 1", betas[0], below=1.0),
            number("beta 2", betas[1], below=1.0),
        )

    def change(self, x: Numbers, g: Numbers, memory: Memory) -> Numbers:
        b1, b2 = self.betas
        m = memory["mean"] = b1 * memory.get("mean", 0.0) + (1 - b1) * g
        v = memory["mean square"] = b2 * memory.get("mean square", 0.0) + (1 - b2) * g * g
        m, v = m / (1 - b1**self.steps), v / (1 - b2**self.steps)
        return self.lr * m / (sqrt(v) + self.eps)


class AdamW(Adam):
    """Adam, whose weight decay shrinks the parameter itself (Loshchilov and Hutter 2019)."""

    penalises = False

    def __init__(
        self, params: Params, lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.01, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, weight_decay, eps)

    def __setstate__(self, state: dict[str, Any]) -> None:
        state["weight_decay"] = state.pop("decay", state["weight_decay"])  # of earlier versions
        vars(self).update(state)

    def change(self, x: Numbers, g: Numbers, memory: Memory) -> Numbers:
        return self.lr * self.weight_decay * x + super().change(x, g, memory)


_ALL: tuple[type[Optimizer], ...] = SGD, Adagrad, RMSProp, Adam, AdamW, Newton
OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {kind.__name__.lower(): kind for kind in _ALL}


def optimizer_of(
    optimizer: str | Optimizer | Callable[[list[Parameter]], Optimizer],
    params: list[Parameter],
    lr: float | None = None,
    weight_decay: float = 0.0,
) -> Optimizer:
    """The optimiser of that name, the one that a function returns, or the user's own."""
    if isinstance(optimizer, Optimizer):
        if lr is not None:
            raise ValueError("this optimiser has its learning rate already: leave out lr")
        return optimizer
    settings = {} if lr is None else {"lr": lr}
    if weight_decay:
        settings["weight_decay"] = weight_decay
    make = optimizer if callable(optimizer) else choose("optimiser", optimizer, OPTIMIZERS)
    return make(params, **settings)
