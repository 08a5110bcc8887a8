"""What all optimisers share: parameters, a memory for each, and the step; and gradient clipping."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from autograd import Value, zero_grad

from .choices import count, number


class Optimizer:
    """Moves parameters against their gradients; a subclass says how far, in `change`.

    ValueError for no parameters, or for a negative or infinite learning rate or weight decay;
    TypeError for anything that is not a leaf.
    """

    def __init__(self, params: Iterable[Value], lr: float, weight_decay: float = 0.0) -> None:
        self.params = list(dict.fromkeys(params))
        if not self.params:
            raise ValueError("there are no parameters to optimise")
        for p in self.params:
            if not isinstance(p, Value) or p.inputs:
                raise TypeError(f"a parameter is a Value that is no operation's result, not {p!r}")
        self.lr = number("the learning rate", lr)
        self.weight_decay = number("weight_decay", weight_decay)
        self.steps = 0
        self.memory: list[dict[str, Any]] = [{} for _ in self.params]

    def step(self, loss: Value | None = None) -> None:
        """Move every parameter once. Only `Newton` needs the loss itself."""
        self.steps += 1
        for p, memory in zip(self.params, self.memory, strict=True):
            p.data = p.data - self.change(p.data, p.grad + self.weight_decay * p.data, memory)

    def change(self, x: Any, g: Any, memory: dict[str, Any]) -> Any:
        """What to take off a parameter x with gradient g; `memory` stays with the parameter."""
        raise TypeError(f"{type(self).__name__} does not say how to change a parameter")

    def zero_grad(self) -> None:
        """Forget the gradients of the parameters."""
        zero_grad(self.params)

    def state_dict(self) -> dict[str, Any]:
        """The learning rate, the number of steps, and what is remembered for each parameter."""
        names = list(self.memory[0])
        memory = {name: [held[name] for held in self.memory] for name in names}
        return {"lr": self.lr, "steps": self.steps, "memory": memory}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take these numbers. ValueError, and nothing changed, where they do not fit."""
        for name, column in state["memory"].items():
            if len(column) != len(self.params):
                raise ValueError(
                    f"{name!r} is of {len(column)} parameters, but there are {len(self.params)}"
                )
        memory = [
            {name: column[i] for name, column in state["memory"].items()}
            for i in range(len(self.params))
        ]
        lr, steps = number("the learning rate", state["lr"]), count("steps", state["steps"], 0)
        self.lr, self.steps, self.memory = lr, steps, memory

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.params)} parameters, lr={self.lr:g})"


def clip_grad_norm(params: Iterable[Value], max_norm: float) -> float:
    """Shrink all gradients by one factor so that their joint length is at most `max_norm`.

    Answers the length before (Pascanu et al. 2013, with PyTorch's 1e-6 under the fraction).
    """
    params, max_norm = list(params), number("max_norm", max_norm)
    length = math.hypot(*(p.grad for p in params))
    factor = max_norm / (length + 1e-6)
    if factor < 1.0:
        for p in params:
            p.grad = p.grad * factor
    return length


def clip_grad_value(params: Iterable[Value], limit: float) -> None:
    """Cut every gradient off at -limit and limit."""
    limit = number("the limit", limit)
    for p in params:
        p.grad = min(max(p.grad, -limit), limit)
