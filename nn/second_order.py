"""Optimisers that look at curvature: Newton's method, and SciPy's through our derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autograd import Value, dot, gradients

from .choices import number
from .optimizer import Optimizer


class Newton(Optimizer):
    """x -= lr * (H + damping * I)^-1 g, with the exact second derivatives H.

    H has a row for each parameter, so this is for tens of them, not for thousands. Where the loss
    is not convex a step may lead uphill; `damping` turns it towards gradient descent (Levenberg
    1944). ValueError if H + damping * I is singular.
    """

    def __init__(self, params: Iterable[Value], lr: float = 1.0, damping: float = 0.0) -> None:
        super().__init__(params, lr)
        self.damping = number("damping", damping)

    def step(self, loss: Value | None = None) -> None:
        """Move every parameter once; the loss is differentiated here, without `backward()`."""
        if not isinstance(loss, Value):
            raise TypeError("Newton's method needs the loss itself: optimizer.step(loss)")
        import numpy as np

        slopes = gradients(loss, self.params, create_graph=True)
        curvature = np.array([gradients(slope, self.params) for slope in slopes])
        curvature += self.damping * np.eye(len(slopes))
        try:
            change = np.linalg.solve(curvature, [slope.data for slope in slopes])
        except np.linalg.LinAlgError:
            raise ValueError(
                "the matrix of second derivatives is singular (some direction has no curvature): "
                "give Newton a damping, such as 0.01"
            ) from None
        self.steps += 1
        for p, d in zip(self.params, change, strict=True):
            p.data = p.data - self.lr * float(d)


def minimize(
    loss: Callable[[], Value], params: Iterable[Value], method: str = "BFGS", **options: Any
) -> Any:
    """Move the parameters to a minimum of `loss()`, with `scipy.optimize.minimize`.

    `method` is any of SciPy's ("BFGS", "L-BFGS-B", "Newton-CG" ...); it is given exact gradients,
    and exact products of Hessian and vector where it takes them. `options` are SciPy's (`tol`,
    `options={"maxiter": 100}`, `callback`). The answer is SciPy's result, and the parameters are
    at its `x`, also after Ctrl-C or an error on the way: then at the best point so far.
    """
    try:
        from scipy.optimize import minimize as search
    except ImportError:
        raise ImportError("minimize needs SciPy: python -m pip install scipy") from None

    params = Optimizer(params, lr=0.0).params  # checks them
    start = best = [p.data for p in params]
    lowest = float("inf")

    def at(x: Any) -> Value:
        for p, number in zip(params, x, strict=True):
            p.data = float(number)
        return loss()

    def value_and_slopes(x: Any) -> tuple[float, list[float]]:
        nonlocal best, lowest
        out = at(x)
        if out.data < lowest:
            best, lowest = [p.data for p in params], out.data
        return out.data, gradients(out, params)

    def curvature_along(x: Any, v: Any) -> list[float]:
        slopes = gradients(at(x), params, create_graph=True)
        return gradients(dot(slopes, [float(number) for number in v]), params)

    if method in ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"):
        options["hessp"] = curvature_along
    result = None
    try:
        result = search(value_and_slopes, start, method=method, jac=True, **options)
    finally:
        for p, number in zip(params, best if result is None else result.x, strict=True):
            p.data = float(number)
    return result
