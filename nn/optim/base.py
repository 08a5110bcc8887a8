"""The base of all optimisers: parameters, a memory for each, and the step; gradient clipping."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from inspect import signature
from typing import Any, Final

from autograd import clip, zero_grad

from ..choices import count, number
from ..parameters import Node, Numbers, Parameter, copied, cut, flat, is_parameter, shape, size

Memory = dict[str, Any]  # numbers or arrays of a parameter, by name


class Optimizer:
    """Moves parameters against their gradients; a subclass defines how far, in `change`.

    ValueError without parameters, or for a negative or infinite learning rate or weight decay;
    TypeError for anything that is not a leaf.
    """

    initial_lr: float | None = None  # what a schedule multiplies, once there is one
    penalises = True  # weight decay is added to the gradient, as that of an L2 penalty

    def __init__(self, params: Iterable[Parameter], lr: float, weight_decay: float = 0.0) -> None:
        given = list(params)
        if not given:
            raise ValueError("there are no parameters to optimise")
        for p in given:
            if not is_parameter(p):
                raise TypeError(
                    f"a parameter is a Value or a Tensor that no operation has made, not {p!r}"
                )
        self.params: Final = list(dict.fromkeys(given))
        self.lr: float = number("the learning rate", lr)
        self.weight_decay: Final = number("weight_decay", weight_decay)
        self.steps: int = 0
        self.memory: list[Memory] = [{} for _ in self.params]

    def step(self, loss: Node | None = None) -> None:
        """Move every parameter once. Only `Newton` needs the loss itself."""
        self.steps += 1
        for p, memory in zip(self.params, self.memory, strict=True):
            decayed = self.weight_decay and self.penalises
            g = p.grad + self.weight_decay * p.data if decayed else p.grad
            p.data -= self.change(p.data, g, memory)

    def check_moves(self, model: Any) -> None:
        """ValueError if it moves no parameter of the model."""
        if set(self.params).isdisjoint(model.parameters()):
            raise ValueError(
                f"this {type(self).__name__} moves no parameter of this {type(model).__name__}, so "
                "it would train nothing: make it of model.parameters(), and after model.to(...)"
            )

    def change(self, x: Numbers, g: Numbers, memory: Memory) -> Numbers:
        """The step to subtract from a parameter x with gradient g; `memory` belongs to it.

        They are floats, or arrays of one shape: write plain arithmetic, and change neither.
        """
        raise TypeError(f"{type(self).__name__} does not define how to change a parameter")

    def zero_grad(self) -> None:
        """Forget the gradients of the parameters."""
        zero_grad(self.params)

    def state_dict(self) -> dict[str, Any]:
        """The learning rates of now and before any schedule, the steps, and the memories."""
        names = list(self.memory[0])
        memory = {name: [copied(held[name]) for held in self.memory] for name in names}
        rates = {"lr": self.lr, "initial_lr": self.initial_lr}
        return {**rates, "steps": self.steps, "memory": memory}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take these numbers. ValueError, with nothing changed, if they do not fit.

        The memory may also be one row of numbers for all parameters, so that each backend takes the
        other's state.
        """
        columns = {name: self._parts(name, column) for name, column in state["memory"].items()}
        lr, steps = number("the learning rate", state["lr"]), count("steps", state["steps"], 0)
        if (first := state.get("initial_lr")) is not None:  # earlier states have none
            first = number("the initial learning rate", first)
        self.lr, self.initial_lr, self.steps = lr, first, steps
        self.memory = [
            {name: parts[i] for name, parts in columns.items()} for i in range(len(self.params))
        ]

    def _parts(self, name: str, column: Sequence[Numbers]) -> list[Numbers]:
        """A number or an array for each parameter."""
        shapes = [shape(p) for p in self.params]
        if len(column) == len(shapes) and all(
            shape(x) in ((), s) for x, s in zip(column, shapes, strict=True)
        ):
            return list(map(copied, column))
        row = list(flat(list(column)))
        if len(row) != size(self.params):
            raise ValueError(
                f"{name!r} is of {len(row)} parameters, but there are {size(self.params)}"
            )
        return cut(self.params, row)

    def __repr__(self) -> str:
        names = [name for name in signature(type(self)).parameters if name != "params"]
        settings = [f", {name}={getattr(self, name)!r}" for name in names if hasattr(self, name)]
        return f"{type(self).__name__}({size(self.params)} parameters{''.join(settings)})"


def clip_grad_norm(params: Iterable[Parameter], max_norm: float) -> float:
    """Shrink all gradients by one factor so that their joint length is at most `max_norm`.

    Returns the length before (Pascanu et al. 2013, with PyTorch's 1e-6 under the fraction).
    """
    params, max_norm = list(params), number("max_norm", max_norm)
    length = math.hypot(*(_length(p.grad) for p in params))
    factor = max_norm / (length + 1e-6)
    if factor < 1.0:
        for p in params:
            p.grad = p.grad * factor
    return length


def _length(g: Any) -> float:
    """The length of a gradient; its square may overflow."""
    if not hasattr(g, "ravel"):
        return abs(g)
    largest = float(abs(g).max(initial=0.0))
    if not 0.0 < largest < math.inf:
        return largest
    row = (g / largest).ravel().astype(float)
    return largest * math.sqrt(row @ row)


def clip_grad_value(params: Iterable[Parameter], limit: float) -> None:
    """Cut every gradient off at -limit and limit."""
    limit = number("the limit", limit)
    for p in params:
        p.grad = clip(p.grad, -limit, limit)
