"""Optimisers that look at curvature: Newton's method, and SciPy's through our derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import autograd
from autograd import dot, gradients

from ..choices import number
from ..parameters import copied, cut, is_node, is_tensor, put
from .base import Optimizer

if TYPE_CHECKING:
    from ..parameters import Parameter


class Newton(Optimizer):
    """x -= lr * (H + damping * I)^-1 g, with the exact second derivatives H.

    H has a row for each parameter, so this is for tens of them, not for thousands. Where the loss
    is not convex a step may lead uphill; `damping` turns it towards gradient descent (Levenberg
    1944). ValueError if H + damping * I is singular.
    """

    def __init__(self, params: Iterable[Parameter], lr: float = 1.0, damping: float = 0.0) -> None:
        super().__init__(params, lr)
        self.damping = number("damping", damping)

    def step(self, loss: Parameter | None = None) -> None:
        """Move every parameter once; the loss is differentiated here, without `backward()`."""
        if loss is None or not is_node(loss):
            raise TypeError("Newton's method needs the loss itself: optimizer.step(loss)")
        import numpy as np

        slopes = _joined(gradients(loss, self.params, create_graph=True))
        curvature = np.array([_row(gradients(slope, self.params)) for slope in slopes])
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


def _joined(nodes: list[Any]) -> Any:
    """The elements of nodes in a row: a list of Values, or one Tensor."""
    return autograd.cat([x.reshape(-1) for x in nodes]) if is_tensor(nodes[0]) else nodes


def _row(blocks: Sequence[Any]) -> Any:
    """Numbers and arrays as one row of numbers."""
    import numpy as np

    return np.concatenate([np.ravel(block) for block in blocks]).astype(float)


def minimize(
    loss: Callable[[], Parameter], params: Iterable[Parameter], method: str = "BFGS", **options: Any
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
    start = best = _row([p.data for p in params])
    lowest = float("inf")

    def at(x: Any) -> Any:
        for p, number in zip(params, cut(params, x), strict=True):
            put(p, number)
        return loss()

    def value_and_slopes(x: Any) -> tuple[float, Any]:
        nonlocal best, lowest
        out = at(x)
        if out.data < lowest:
            best, lowest = copied(x), float(out.data)
        return float(out.data), _row(gradients(out, params))

    def curvature_along(x: Any, v: Any) -> Any:
        slopes = _joined(gradients(at(x), params, create_graph=True))
        return _row(gradients(dot(slopes, v.tolist()), params))

    if method in ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"):
        options["hessp"] = curvature_along
    result = None
    try:
        result = search(value_and_slopes, start, method=method, jac=True, **options)
    finally:
        at_best = cut(params, best if result is None else result.x)
        for p, number in zip(params, at_best, strict=True):
            put(p, number)
    return result
