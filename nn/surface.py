"""Pictures of a loss over a plane in the space of its parameters, with the paths of optimisers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from reprlib import repr as short
from typing import Any

from autograd import Value, gradients, zero_grad

from .choices import choose, count
from .data import Data, forward_of, ready
from .losses import Loss, loss_of
from .module import Module
from .optim import OPTIMIZERS, Optimizer, minimize, optimizer_of
from .parameters import (
    Array,
    copied,
    cut,
    fill,
    flat,
    is_parameter,
    joined,
    np,
    numbers,
    plain,
    shape,
    size,
)
from .plotting import bounds, finish, library, named, panels, spaced, style

LEVELS = 13  # of the contours
Goal = Callable[[], Any]


def plot_surface(
    f: Any, params: Any = (0.0, 0.0), *, data: Data | None = None, loss: str | Loss = "mse",
    directions: Sequence[Any] | None = None, over: Any = None, paths: Any = (), steps: int = 100,
    resolution: int = 41, seed: int | None = None, ax: Any = None,
) -> Any:  # fmt: skip
    """Draw the contours of a loss in two directions from the parameters, and paths of optimisers.

    `f` is a function of numbers, which start at `params`; or a function without arguments that
    returns the loss of `params`, a Module or a list of parameters; or a Module with its `data`
    (X, y) and `loss`. A direction is a parameter, its name in the Module, or a number for each
    parameter. By default they are the parameters if these are two, else random: each filter of a
    direction (the weights of a unit, or the biases of a layer) is made as long as that of the
    parameters (Li et al. 2018, section 4). `over` is a pair (low, high), or one for each direction.

    `paths` is a list of optimisers by name, or a dict by title of names, of functions that make an
    optimiser of parameters, or of points (each the numbers of all parameters, or a state_dict).
    Optimisers take `steps` steps; "bfgs" is `nn.optim.minimize`. Points outside the plane are
    projected. The parameters and gradients are kept, but graphs recorded before are stale.

    >>> def bowl(x, y):
    ...     return x * x + 4 * y * y
    >>> ax = plot_surface(bowl, (3.0, 1.0), paths=["newton"], steps=1)
    >>> ax.lines[0].get_xydata().tolist()
    [[3.0, 1.0], [0.0, 0.0]]
    """
    library()  # before what takes long
    plane, ways = _Plane(*_goal(f, params, data, loss), directions, seed), _ways(paths)
    steps, resolution = count("steps", steps), count("resolution", resolution, 2)
    with plane.kept():
        walks = {title: plane.walk(title, way, steps) for title, way in ways.items()}
        sides = _sides(over, [plane.centre[None], *walks.values()])
        us, vs = (spaced(*side, resolution) for side in sides)
        losses = [[plane.loss_at(u, v) for u in us] for v in vs]
    ax = panels(1, ax)[0]
    missing = _draw_contours(ax, us, vs, losses) + _draw_walks(ax, walks, sides)
    label = "start" if any(map(_is_run, ways.values())) else "parameters"
    ax.plot(*plane.centre, "o", color="black", label=label, zorder=4)
    ax.set(xlim=sides[0], ylim=sides[1])
    title = "loss surface" if missing or ax.collections else "the loss is the same everywhere"
    return finish(ax, title, plane.labels[0], plane.labels[1], missing)


def _goal(f: Any, params: Any, data: Data | None, loss: str | Loss) -> tuple[Goal, Any]:
    """The loss as a function without arguments, and the Module or the parameters it depends on."""
    if isinstance(f, Module):
        if data is None:
            raise TypeError("a model has a loss on data: plot_surface(model, data=(X, y))")
        criterion, (rows, targets) = loss_of(loss), ready(f, *data)
        return lambda: criterion(forward_of(f)(rows), targets), f
    if not callable(f):
        raise TypeError(f"a surface is that of a function or a Module, not of {short(f)}")
    params = [params] if is_parameter(params) else params
    if isinstance(params, Module) or all(map(is_parameter, params)):
        return f, params
    names = "xy" if len(params) == 2 else [f"x{i}" for i in range(1, len(params) + 1)]
    values = [Value(x, name) for x, name in zip(params, names, strict=True)]
    return lambda: f(*values), values


def _is_run(way: Any) -> bool:
    """True for a path that an optimiser will take, rather than for its points."""
    return callable(way) or isinstance(way, str)


def _ways(paths: Any) -> dict[str, Any]:
    """Paths by title; ValueError for a name that no optimiser has, TypeError for an optimiser."""
    listed = [paths] if isinstance(paths, str) else paths
    ways = dict(listed) if isinstance(listed, Mapping) else {str(way): way for way in listed}
    for title, way in ways.items():
        if isinstance(way, str):
            choose("optimiser", way, {**OPTIMIZERS, "bfgs": None})
        elif isinstance(way, Optimizer) or not (callable(way) or hasattr(way, "__len__")):
            raise TypeError(
                f"the path {title!r} is a name, a list of points, or a function that makes an "
                f"optimiser of parameters such as lambda params: SGD(params, lr=0.1), not {way!r}"
            )
    return ways


class _Plane:
    """The parameters origin + (place - centre) @ frame for each place, a pair of numbers."""

    def __init__(self, goal: Goal, holder: Any, directions: Any, seed: int | None) -> None:
        if isinstance(holder, Module):
            self.named = dict(holder.named_parameters())
        else:
            self.named = named("parameters", [*holder], object, lambda p: p.label or "parameter")
        self.goal, self.params = goal, [*self.named.values()]
        if (n := size(self.params)) < 2:
            raise ValueError(f"a surface needs two parameters or more, and has only {n}")
        self.origin, self.centre = self.row(), np.zeros(2)
        self.labels = ["direction 1", "direction 2"]
        if directions is None and len(self.params) == n == 2:
            directions = self.params
        if directions is None:
            rng = np.random.default_rng(seed)
            self.frame = np.array([_as_long(self.origin, _filters(holder), rng) for _ in range(2)])
        else:
            if len(directions) != 2:
                raise ValueError(f"a surface has two directions, and not {len(directions)}")
            self.frame = np.array([self.along(i, x) for i, x in enumerate(directions)])
        if np.linalg.matrix_rank(self.frame) < 2:
            raise ValueError(
                "the two directions are parallel, or one is 0 (the parameters are, if it is as "
                "long as these): give two others as directions=[..., ...]"
            )

    def along(self, i: int, direction: Any) -> Array:
        """The vector of direction i, which takes its label and centre from a parameter."""
        if isinstance(direction, str):
            direction = choose("parameter", direction, self.named)
        if not is_parameter(direction):
            vector = np.array([*flat(direction)], dtype=float)
            if vector.size != self.origin.size or not np.isfinite(vector).all():
                raise ValueError(
                    f"a direction is a parameter, or {self.origin.size} finite numbers, one for "
                    f"each parameter, and not {short(direction)}"
                )
            return vector
        place = [p is direction for p in self.params]
        if size([direction]) != 1 or not any(place):
            raise ValueError(f"{short(direction)} is not one of the parameters with one number")
        before = size(self.params[: place.index(True)])
        self.labels[i], self.centre[i] = [*self.named][place.index(True)], self.origin[before]
        return np.eye(1, self.origin.size, before)[0]

    def row(self) -> Array:
        """The numbers of all parameters."""
        return joined(p.data for p in self.params)

    def move(self, x: Array) -> None:
        """Give the parameters these numbers."""
        fill(self.params, cut(self.params, x))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """A context after which the parameters and their gradients are what they were."""
        slopes = [copied(p.grad) for p in self.params]
        try:
            yield
        finally:
            self.move(self.origin)
            zero_grad(self.params)
            for p, slope in zip(self.params, slopes, strict=True):
                if any(flat(slope)):
                    p.grad = slope

    def loss_at(self, u: float, v: float) -> float:
        """The loss at a place; TypeError if it is not a number."""
        self.move(self.origin + ((u, v) - self.centre) @ self.frame)
        try:
            out = plain(self.goal())
        except Exception as error:
            error.add_note(f"the picture asks for the loss at ({u:.4g}, {v:.4g})")
            raise
        if isinstance(out, str) or not hasattr(out, "__float__") or getattr(out, "size", 1) != 1:
            raise TypeError(f"a loss is one number, and the function returned {short(out)}")
        return float(out)

    def walk(self, title: str, way: Any, steps: int) -> Array:
        """The places of a path, each row one; nan where it is not finite."""
        try:
            points = self.optimised(way, steps) if _is_run(way) else way
            listed = [[*map(float, flat(point))] for point in points]
            if {*map(len, listed)} != {n := self.origin.size}:
                raise ValueError(
                    f"a path has points, and a point a number for each of {n} parameters"
                )
        except Exception as error:
            error.add_note(f"this is of the path {title!r}")
            raise
        rows = np.array(listed)
        away = np.where(np.isfinite(rows).all(axis=1, keepdims=True), rows - self.origin, math.nan)
        return self.centre + np.linalg.solve(self.frame @ self.frame.T, self.frame @ away.T).T

    def optimised(self, way: Any, steps: int) -> Iterator[Array]:
        """The parameters at first and after each step of an optimiser, up to the first nan."""
        self.move(self.origin)
        yield self.origin
        if way == "bfgs":
            rows: list[Array] = []
            options = {"maxiter": steps}
            minimize(self.goal, self.params, callback=lambda x: rows.append(x * 1), options=options)
            yield from rows
            return
        optimizer = optimizer_of(way, self.params)
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"the function returned {short(optimizer)}, not an optimiser")
        for _ in range(steps):
            loss = self.goal()
            for p, slope in zip(self.params, gradients(loss, self.params), strict=True):
                p.grad = slope
            optimizer.step(loss)
            yield (point := self.row())
            if not all(map(math.isfinite, point)):
                return


def _filters(holder: Any) -> Iterator[int]:
    """The sizes of filters, in the order of the parameters: rows of matrices, and vectors."""
    if isinstance(holder, Module):
        blocks = [*holder.state_dict().values()]
    else:
        blocks = [*map(numbers, holder)] if any(map(shape, holder)) else [numbers(holder)]
    for block in blocks:
        first, *rest = shape(block) or (1,)
        yield from [math.prod(rest)] * first if rest else [first]


def _as_long(origin: Array, filters: Iterable[int], rng: Any) -> Array:
    """A random direction, each of whose filters is as long as that of the origin."""
    direction = rng.standard_normal(origin.size)
    cuts = np.cumsum([*filters])[:-1]
    pairs = zip(np.split(direction, cuts), np.split(origin, cuts), strict=True)
    return np.concatenate([d * (np.linalg.norm(x) / np.linalg.norm(d)) for d, x in pairs])


def _sides(over: Any, walks: list[Array]) -> list[tuple[float, float]]:
    """The interval of each direction: what is asked for, or around all paths."""
    if over is not None:
        return [bounds("over", x) for x in (over if np.shape(over) == (2, 2) else (over, over))]
    found = np.concatenate(walks)
    lowest, highest = np.nanmin(found, axis=0), np.nanmax(found, axis=0)
    margin = np.where(highest > lowest, (highest - lowest) / 4, 1.0)
    return [bounds("over", pair) for pair in zip(lowest - margin, highest + margin, strict=True)]


def _draw_contours(ax: Any, us: list[float], vs: list[float], losses: list[list[float]]) -> int:
    """Draw the contours and their scale; the number of places without a finite loss.

    The levels are evenly spaced, or from the lowest one up each a multiple further if most of the
    surface would be below the first.
    """
    from matplotlib import colormaps

    z = np.ma.masked_invalid(losses)
    known = z.compressed()
    low, high = (known.min(), known.max()) if known.size else (0.0, 0.0)
    if not high > low:
        return int(z.mask.sum())
    steep = np.median(known) - low < 0.2 * (high - low)
    parts = np.append(0.0, np.geomspace(1e-3, 1.0, LEVELS)) if steep else np.linspace(0, 1, LEVELS)
    levels = np.unique(low + (high - low) * parts)  # rounding may make two of them one
    greys = colormaps["Greys"](np.linspace(0.02, 0.55, len(levels) - 1))
    filled = ax.contourf(us, vs, z, levels, colors=greys)
    ax.contour(us, vs, z, levels, colors="0.5", linewidths=0.6, linestyles="solid")
    look = {"label": "loss", "format": "%.3g", "location": "bottom", "ticks": levels[::4]}
    ax.figure.colorbar(filled, ax=ax, **look)
    return int(z.mask.sum())


def _draw_walks(ax: Any, walks: dict[str, Array], sides: Any) -> int:
    """Draw the paths, each with a star at its end; the number of points that are not finite."""
    missing = 0
    for i, (title, places) in enumerate(walks.items()):
        known = np.isfinite(places).all(axis=1)
        missing += int((~known).sum())
        low, high = np.transpose(sides)
        leaves = ((places < low) | (places > high)).any()
        title += " (diverges)" * (not known.all()) or " (leaves)" * bool(leaves)
        every, color = math.ceil(len(places) / 40), style(i)["color"]
        ax.plot(*places.T, marker="o", markersize=3, markevery=every, label=title, **style(i))
        if known.any():
            ax.plot(*places[known][-1], "*", markersize=12, color=color, markeredgecolor="white")
    return missing
