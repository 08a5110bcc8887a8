"""SciPy's `minimize`, `least_squares` and `root` with exact derivatives, and sparse ones.

Names and settings are SciPy's. `x0`, and what f gets, is a number, an array, or lists, tuples and
dicts of them, and so is `.x` of the result, SciPy's `OptimizeResult`; its other fields are of the
row of all numbers, in the order of the leaves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import reduce, wraps
from inspect import signature
from operator import or_
from typing import Any

import numpy as np

from . import extras
from .arrays.libraries import Array
from .arrays.transforms import at_once, one_by_one
from .arrays.value_arrays import Unfit, values_in
from .checking.arguments import Arguments, _pairs, limits
from .core.functions import sum as total
from .core.graph import Node, data_of, gradients
from .core.kinds import describe
from .replaying.replay import Replay
from .support.names import by_element
from .transforms import _Call, _has_axes, _inner, _scalar
from .trees import leaves, named_parts, replace

Function = Callable[..., Any]
WITHOUT_SLOPES = ("nelder-mead", "powell", "cobyla", "cobyqa")
BY_PRODUCTS = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")
BY_MATRIX = ("dogleg", "trust-exact")


def minimize(
    f: Function, x0: Any, args: tuple[Any, ...] = (), method: Any = None, *, bounds: Any = None,
    constraints: Any = (), callback: Function | None = None, **settings: Any,
) -> Any:  # fmt: skip
    """Minimise f, by `scipy.optimize.minimize` with exact gradients and products with the Hessian.

    f(x, *args) returns one number, and may be a replay (`autograd.compile`). `bounds` has a pair
    (low, high), None for an open end, in the place of each number of x0, or one pair for an array;
    or it is SciPy's `Bounds`. `constraints` are SciPy's, and get their Jacobians here. A `hess` of
    your own takes x as f does: `sparse_hessian(f)` suits method="trust-constr".

    ImportError without SciPy. TypeError, with the place, for anything in x0 but real numbers.

    >>> rosenbrock = lambda p: (1 - p["x"]) ** 2 + 100 * (p["y"] - p["x"] ** 2) ** 2
    >>> found = minimize(rosenbrock, {"x": -1.2, "y": 1.0}, method="trust-exact")
    >>> {name: round(x, 6) for name, x in found.x.items()}
    {'x': 1.0, 'y': 1.0}
    """
    scipy = _scipy("minimize")
    goal = _Recorded(f, x0, args)
    if bounds is not None and not isinstance(bounds, scipy.Bounds):
        bounds = goal.pairs(bounds)
    if callback is not None:
        callback = goal.told(callback)
    if not isinstance(constraints, (list, tuple)):
        constraints = [constraints]
    constraints = [_constraint(c, x0) for c in constraints]
    derivatives = goal.derivatives(method, settings.pop("hess", None))
    return goal.placed(
        scipy.minimize(
            x0=goal.start, method=method, bounds=bounds, constraints=constraints,
            callback=callback, **derivatives, **settings,
        )
    )  # fmt: skip


def least_squares(
    f: Function, x0: Any, jac: Function | None = None, bounds: Any = None, *,
    args: tuple[Any, ...] = (), **settings: Any,
) -> Any:  # fmt: skip
    """Minimise the sum of squares of f(x, *args), by `scipy.optimize.least_squares`.

    f returns residuals: an array, or numbers in any structure, as many each time. `bounds` is a
    pair (low, high), each one number or of the structure of x0. A `jac` of your own takes x as f
    does: `sparse_jacobian(f)` where most of the Jacobian is 0.

    >>> t, y = np.array([0.0, 1.0, 2.0]), np.array([3.0, 1.5, 0.75])
    >>> found = least_squares(lambda p: p["a"] * np.exp(-p["k"] * t) - y, {"a": 1.0, "k": 0.1})
    >>> {name: round(x, 6) for name, x in found.x.items()}  # log(2) = 0.693147
    {'a': 3.0, 'k': 0.693147}
    """
    search = _scipy("least_squares").least_squares
    goal = _Recorded(f, x0, args)
    if bounds is not None:
        settings["bounds"] = tuple(np.array(limits(bounds, goal.arguments)).T)
    slopes = goal.matrix if jac is None else goal.taking_rows(jac)
    return goal.placed(search(goal.values, goal.start, jac=slopes, **settings))


def root(
    f: Function, x0: Any, args: tuple[Any, ...] = (), method: str = "hybr", **settings: Any
) -> Any:
    """Solve f(x, *args) = 0, by `scipy.optimize.root`, with the exact Jacobian if it takes one.

    f returns as many numbers as there are in x0, in any structure; ValueError for another number.

    >>> found = root(lambda p: [p[0] + 2 * p[1] - 2, p[0] ** 2 + 4 * p[1] ** 2 - 4], [1.0, 2.0])
    >>> [round(x, 6) + 0.0 for x in found.x]
    [0.0, 1.0]
    """
    search = _scipy("root").root
    goal = _Recorded(f, x0, args)
    if (count := len(goal.values(goal.start))) != len(goal.start):
        raise ValueError(
            f"a root is of as many equations as unknowns: f returned {count} numbers, and x0 has "
            f"{len(goal.start)}; least_squares takes any number of them"
        )
    jac = goal.matrix if method.lower() in ("hybr", "lm") else None
    if "callback" in settings:
        settings["callback"] = goal.told(settings["callback"])
    return goal.placed(search(goal.values, goal.start, method=method, jac=jac, **settings))


def _scipy(name: str) -> Any:
    return extras.imported("scipy.optimize", f"autograd.optimize.{name}")


class _Recorded:
    """f as a function of one row of numbers; its latest call is recorded, for all derivatives."""

    def __init__(self, f: Function, x0: Any, args: tuple[Any, ...]) -> None:
        self.f, self.args = f, args
        self.arguments = Arguments(f.f if isinstance(f, Replay) else f, (x0,))
        self.start = np.array(self.arguments.numbers, float)
        if not len(self.start):
            raise ValueError(f"x0 has no numbers: it is {describe(x0)}")
        for place, x in zip(self.arguments.names, self.start.tolist(), strict=True):
            if not math.isfinite(x):
                raise ValueError(f"{place} is {x} in x0: a search starts from finite numbers")
        self.row: Array = None
        self.count: int | None = None  # of numbers that f returns

    def tree(self, row: Array) -> Any:
        """A row of numbers in the structure of x0."""
        return self.arguments.filled(row.tolist())[0]

    def call(self, row: Array) -> _Call:
        """The recorded call at a row."""
        if self.row is None or not np.array_equal(row, self.row):
            self.latest = _Call(self.f, 0, (self.tree(row), *self.args), {})
            self.slopes: list[Any] = []  # as nodes, when they are first asked for
            self.row = row.copy()
        return self.latest

    # ---- one number ----

    def value(self, row: Array) -> float:
        """The number that f returns."""
        if isinstance(self.f, Replay):
            return float(self.f(self.tree(row), *self.args))
        return float(data_of(_scalar(self.f, self.call(row).result)))

    def value_and_slope(self, row: Array) -> tuple[float, Array]:
        """The number that f returns, and its gradient."""
        if isinstance(self.f, Replay):
            value, slope = self.f.value_and_grad(self.tree(row), *self.args)
            return value, _row(leaves(slope))
        value = self.value(row)
        return value, _row(self.latest.pull(_scalar(self.f, self.latest.result)))

    def product(self, row: Array, v: Array) -> Array:
        """The Hessian times a vector, from the gradient that is recorded once at each point."""
        call = self.call(row)
        if not self.slopes:
            self.slopes = call.pull(_scalar(self.f, call.result), create_graph=True)
        pairs = zip(self.slopes, leaves(self.tree(v)), strict=True)
        return _row(gradients(total([_inner(g, d) for g, d in pairs]), call.inputs))

    def curvature(self, row: Array) -> Array:
        """The Hessian."""
        return np.array([self.product(row, unit) for unit in np.eye(len(row))])

    # ---- many numbers ----

    def values(self, row: Array) -> Array:
        """The numbers that f returns; ValueError where they are not as many as before."""
        found = _row([data_of(y) for y in self.call(row).outputs()])
        if not len(found):
            raise ValueError("f returned no numbers")
        if self.count not in (None, len(found)):
            raise ValueError(
                f"f returned {len(found)} numbers, and {self.count} at an x before: return as many "
                "at every x, such as 0 for one that does not apply"
            )
        self.count = len(found)
        return found

    def matrix(self, row: Array) -> Array:
        """The Jacobian, with a row for each number that f returns."""
        call = self.call(row)

        def block(y: Any) -> Array:
            if not isinstance(y, Node):
                return np.zeros((np.size(y), len(row)))
            if not _has_axes(y):
                return _row(call.pull(y))[None]
            parts = at_once(call, y) or one_by_one(call, y)
            return np.hstack([np.reshape(part, (np.size(y._data), -1)) for part in parts])

        return np.vstack([block(y) for y in call.outputs()])

    # ---- to and from SciPy ----

    def derivatives(self, method: Any, hess: Any) -> dict[str, Any]:
        """The function, with its slopes and its curvature if the method uses them."""
        name = str(method).lower()
        found: dict[str, Any] = {"fun": self.value_and_slope, "jac": True}
        if name in WITHOUT_SLOPES:
            found = {"fun": self.value}
        if hess is not None:
            found["hess"] = self.taking_rows(hess) if callable(hess) else hess
        elif name in BY_PRODUCTS or callable(method):
            found["hessp"] = self.product
        elif name in BY_MATRIX:
            found["hess"] = self.curvature
        return found

    def taking_rows(self, g: Function) -> Function:
        """A function of x0's structure as a function of a row."""
        return lambda row, *more: g(self.tree(row), *self.args, *more)

    def placed(self, result: Any) -> Any:
        """A result with `.x` in the structure of x0."""
        result.x = self.tree(result.x)
        return result

    def told(self, callback: Function) -> Function:
        """A callback that is told x in the structure of x0."""
        if "intermediate_result" in signature(callback).parameters:
            return lambda intermediate_result: callback(
                intermediate_result=self.placed(type(intermediate_result)(intermediate_result))
            )
        return lambda row, *more: callback(self.tree(row), *more)

    def pairs(self, bounds: Any) -> Array:
        """The bounds of each number, from pairs in the structure of x0."""

        def rows(given: Any, tree: Any, place: str) -> Iterable[Any]:
            if named_parts(tree) is None:
                ends = np.array(given, float)  # None is nan
                ends = np.where(np.isnan(ends), (-math.inf, math.inf), ends)
                return np.broadcast_to(ends, (*np.shape(data_of(tree)), 2)).reshape(-1, 2)
            parts = _pairs(tree, given, place)
            if parts is None:
                raise ValueError(f"{len(tree)} parts are due")
            return [pair for at, x, part in parts for pair in rows(part, x, at)]

        try:
            return np.array(list(rows(bounds, self.arguments.given[0], "bounds")))
        except (TypeError, ValueError) as error:
            raise ValueError(
                "bounds has a pair (low, high) in the place of each number of x0, or is SciPy's "
                f"Bounds of the row of them, and {describe(bounds)} does not fit: {error}"
            ) from None


def _constraint(given: Any, x0: Any) -> Any:
    """A constraint of SciPy's as one of a row, with its Jacobian; a linear one is of rows."""
    if isinstance(given, dict):
        goal = _Recorded(given["fun"], x0, tuple(given.get("args", ())))
        return {"type": given["type"], "fun": goal.values, "jac": goal.matrix}
    if not hasattr(given, "fun"):
        return given
    goal = _Recorded(given.fun, x0, ())
    ends = {name: getattr(given, name) for name in ("lb", "ub", "hess", "keep_feasible")}
    return type(given)(goal.values, jac=goal.matrix, **ends)


def _row(parts: Sequence[Any]) -> Array:
    """Numbers and arrays as one row."""
    return np.concatenate([np.ravel(part) for part in parts] or [np.zeros(0)]).astype(float)


# ---- sparse --------------------------------------------------------------------------------------

ADVICE = (
    "a sparse matrix is read off the graph of Values, so use functions that compute element by "
    "element, sums and products, or jacobian and hessian"
)


def sparse_jacobian(f: Function) -> Function:
    """The function that returns the Jacobian of f as a `scipy.sparse.csr_array`.

    Its rows are the numbers that f returns, its columns those of the first argument; arrays enter f
    as arrays of Values. An element is kept, 0 or not, if there is a path from its column to its row
    in the graph of this call. Rows without a common column have one walk for all of them (Curtis,
    Powell and Reid 1974). TypeError if f computes with Tensors, in which paths are not to be seen.

    >>> sparse_jacobian(lambda x: [x[0] * x[1], x[2] ** 2])([2.0, 3.0, 4.0]).toarray()
    array([[3., 2., 0.],
           [0., 0., 8.]])
    """

    @wraps(f)
    def jacobian(x: Any, *args: Any, **named: Any) -> Any:
        call = _by_element(f, x, args, named)
        parts = [np.ravel(y) if isinstance(y, np.ndarray) else [y] for y in call.outputs()]
        return _sparse(call, [y for part in parts for y in part])

    return jacobian


def sparse_hessian(f: Function) -> Function:
    """The function that returns the Hessian of f as a `scipy.sparse.csr_array`.

    As `sparse_jacobian` of the gradient: its columns that share no row have one walk for all.

    >>> sparse_hessian(lambda x: x[0] ** 2 * x[1] + x[2] ** 3)([3.0, 5.0, 1.0]).toarray()
    array([[10.,  6.,  0.],
           [ 6.,  0.,  0.],
           [ 0.,  0.,  6.]])
    """

    @wraps(f)
    def hessian(x: Any, *args: Any, **named: Any) -> Any:
        call = _by_element(f, x, args, named)
        return _sparse(call, call.pull(_scalar(f, call.result), create_graph=True))

    return hessian


def _by_element(f: Function, x: Any, args: Any, named: Any) -> _Call:
    """A recorded call of f with a Value for each number."""

    def apart(leaf: Any) -> Any:
        return np.asarray(data_of(leaf)).astype(object) if _has_axes(leaf) else leaf

    @wraps(f)
    def on_values(x: Any, *args: Any, **named: Any) -> Any:
        before = by_element.set(True)
        try:
            return f(values_in(x), *args, **named)
        except Unfit as error:
            raise TypeError(f"{error} of an array of Values: {ADVICE}") from None
        finally:
            by_element.reset(before)

    return _Call(on_values, 0, (replace(x, apart), *args), named)


def _sparse(call: _Call, outputs: Sequence[Any]) -> Any:
    """The derivatives of the outputs by the inputs of a call."""
    scipy: Any = extras.imported("scipy.sparse", "a sparse matrix")
    place = {x: j for j, x in enumerate(call.inputs)}
    reached = [_reached(y, place) for y in outputs]
    data, rows, columns = list[float](), list[int](), list[int]()
    for some in _coloured(reached, len(place)):
        ours = [j for i in some for j in reached[i]]
        data += gradients(total([outputs[i] for i in some]), [call.inputs[j] for j in ours])
        rows += [i for i in some for _ in reached[i]]
        columns += ours
    shape = len(outputs), len(place)
    return scipy.csr_array((np.array(data, float), (rows, columns)), shape=shape)


def _reached(output: Any, place: dict[Node, int]) -> list[int]:
    """The places of the inputs that an output depends on."""
    if not isinstance(output, Node):
        return []
    if output.broadcasts:
        raise TypeError(f"this function made a Tensor of Values: {ADVICE}")
    seen, waiting = {output}, [output]
    for node in waiting:
        fresh = {x for x in node._inputs if isinstance(x, Node)} - seen
        seen |= fresh
        waiting += fresh
    return [place[node] for node in waiting if node in place]


def _coloured(rows: Sequence[Sequence[int]], width: int) -> Iterable[list[int]]:
    """The rows that are not empty, in groups: those of one have no column in common."""
    groups: dict[int, list[int]] = {}
    taken = [0] * width  # by column, a bit for each group that has it
    for i, row in enumerate(rows):
        busy = reduce(or_, [taken[j] for j in row], 0)
        free = ~busy & (busy + 1)  # the lowest bit that is not set
        for j in row:
            taken[j] |= free
        if row:
            groups.setdefault(free, []).append(i)
    return groups.values()
