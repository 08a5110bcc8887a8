"""Optimisers that use curvature: Newton's method, and SciPy's with our derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Final

import autograd
from autograd import dot, extras, gradients, nodes

from ..choices import number
from ..parameters import Array, Node, Parameter, copied, cut, fill, is_node, is_tensor, joined, np
from .base import Optimizer


class Newton(Optimizer):
    """x -= lr * (H + damping * I)^-1 g, with the exact second derivatives H.

    H has a row for each parameter, so this is for tens of them, not for thousands. If the loss is
    not convex a step may lead uphill; `damping` turns it towards gradient descent (Levenberg 1944).
    ValueError if H + damping * I is singular.
    """

    def __init__(self, params: Iterable[Parameter], lr: float = 1.0, damping: float = 0.0) -> None:
        super().__init__(params, lr)
        self.damping: Final = number("damping", damping)

    def step(self, loss: Node | None = None) -> None:
        """Move every parameter once; the loss is differentiated here, without `backward()`."""
        if loss is None or not is_node(loss):
            raise TypeError("Newton's method needs the loss itself: optimizer.step(loss)")
        slopes = _in_a_row(gradients(loss, self.params, create_graph=True))
        curvature = np.array([joined(gradients(slope, self.params)) for slope in slopes])
        curvature += self.damping * np.eye(len(slopes))
        try:
            change = np.linalg.solve(curvature, [float(slope.data) for slope in slopes])
        except np.linalg.LinAlgError:
            raise ValueError(
                "the matrix of second derivatives is singular (some direction has no curvature): "
                "give Newton a damping, such as 0.01"
            ) from None
        self.steps += 1
        for p, d in zip(self.params, cut(self.params, change), strict=True):
            p.data -= self.lr * d


def _in_a_row(nodes: list[Node]) -> Any:
    """All elements in a row: a list of Values, or one Tensor."""
    tensors = [x.reshape(-1) for x in nodes if is_tensor(x)]
    return autograd.cat(tensors) if tensors else nodes


def minimize(
    loss: Callable[[], Node], params: Iterable[Parameter], method: str = "BFGS", **options: Any
) -> Any:
    """Move the parameters to a minimum of `loss()`, with `scipy.optimize.minimize`.

    `method` is any of SciPy's ("BFGS", "L-BFGS-B", "Newton-CG" ...); it gets exact gradients, and
    exact products of Hessian and vector if it takes them. `options` are SciPy's (`tol`,
    `options={"maxiter": 100}`, `callback`). Returns SciPy's result, and leaves the parameters at
    its `x`; after Ctrl-C or an error they are at the best point so far.
    """
    try:
        from scipy.optimize import minimize as search
    except ImportError:
        raise extras.missing("nn.optim.minimize", "scipy") from None

    goal = _Objective(loss, Optimizer(params, lr=0.0).params)  # which checks them
    if method in ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"):
        options["hessp"] = goal.curvature_along
    if set(goal.params).isdisjoint(nodes(loss())):
        raise ValueError("the loss depends on none of these parameters: nothing would move")
    start = goal.best
    try:
        result = search(goal.value_and_slopes, start, method=method, jac=True, **options)
        goal.best = result.x
    finally:
        goal.move(goal.best)
    return result


class _Objective:
    """The loss as a function of one row of numbers, which remembers the best row."""

    def __init__(self, loss: Callable[[], Node], params: list[Parameter]) -> None:
        self.loss, self.params = loss, params
        self.best, self.lowest = joined([p.data for p in params]), math.inf

    def move(self, x: Array) -> None:
        """Give the parameters these numbers."""
        fill(self.params, cut(self.params, x))

    def value_and_slopes(self, x: Array) -> tuple[float, Array]:
        """The loss and its gradient."""
        self.move(x)
        out = self.loss()
        if out.data < self.lowest:
            self.best, self.lowest = copied(x), float(out.data)
        return float(out.data), joined(gradients(out, self.params))

    def curvature_along(self, x: Array, v: Array) -> Array:
        """The product of the Hessian and a vector."""
        self.move(x)
        slopes = _in_a_row(gradients(self.loss(), self.params, create_graph=True))
        return joined(gradients(dot(slopes, v.tolist()), self.params))
