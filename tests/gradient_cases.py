"""Cases for the gradient checker: smooth functions, kinks, and graphs to plant faults in.

Used by the tests and by `benchmarks/gradcheck.py`.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Any

import mpmath
import numpy as np

import autograd as ag
from autograd import Value
from autograd.core import graph
from autograd.core.kinds import FUNCTIONS

Function = Callable[[Any], Any]

POSITIVE = (1e-6, 1e-3, 0.037, 0.3, 0.7, 1.0, 1.7, 3.3, 7.0, 12.5)
BOTH = tuple(s * x for x in (1e-6, 1e-3, 0.037, 0.5, 1.0, 2.3, 3.3, 8.0) for s in (1, -1))
MIDDLE = tuple(x for x in BOTH if abs(x) < 5)
LARGE = (40.0, 250.0, 1e3, 12345.6, 1e6)
UNIT = tuple(s * x for x in (1e-6, 1e-3, 0.1, 0.5, 0.9, 0.999, 0.999999) for s in (1, -1))

# fmt: off
SMOOTH: dict[str, tuple[Function, tuple[float, ...]]] = {
    "exp":         (ag.exp,      (*BOTH, 40.0, -20.0, 300.0)),
    "log":         (ag.log,      POSITIVE + LARGE),
    "sqrt":        (ag.sqrt,     POSITIVE + LARGE),
    "cbrt":        (ag.cbrt,     POSITIVE + LARGE),
    "sin":         (ag.sin,      BOTH + LARGE),
    "cos":         (ag.cos,      BOTH + LARGE),
    "tan":         (ag.tan,      (*BOTH, 1.57, 1.5707, 250.0)),
    "asin":        (ag.asin,     UNIT),
    "acos":        (ag.acos,     UNIT),
    "atan":        (ag.atan,     BOTH + LARGE),
    "sinh":        (ag.sinh,     (*BOTH, 40.0)),
    "cosh":        (ag.cosh,     (*BOTH, 40.0)),
    "tanh":        (ag.tanh,     (*BOTH, 12.0)),
    "asinh":       (ag.asinh,    BOTH + LARGE),
    "acosh":       (ag.acosh,    (*(1 + x for x in POSITIVE), *LARGE)),
    "atanh":       (ag.atanh,    UNIT),
    "erf":         (ag.erf,      MIDDLE),
    "sigmoid":     (ag.sigmoid,  (*BOTH, -30.0, 15.0)),
    "softplus":    (ag.softplus, (*BOTH, -30.0, 40.0, 1000.0)),
    "gelu":        (ag.gelu,     (*(x for x in BOTH if x > -4), 40.0)),
    "silu":        (ag.silu,     (*BOTH, 40.0)),
    "log1p":       (ag.log1p,    (*POSITIVE, *LARGE, -0.5, -0.999, -0.999999)),
    "expm1":       (ag.expm1,    (*BOTH, 40.0)),
    "1/x":         (lambda x: 1.0 / x, BOTH + LARGE),
    "x^3-2x+1":    (lambda x: x * x * x - 2.0 * x + 1.0, BOTH + LARGE),
    "x^2.5":       (lambda x: FUNCTIONS["pow"].call(x, 2.5), POSITIVE + LARGE),
    "log(1+x^2)":  (lambda x: ag.log(1.0 + x * x), BOTH + LARGE),
    "sin(x^2)":    (lambda x: ag.sin(x * x), (*BOTH, 12.5, 40.0, 250.0)),
    "sin(x)/x":    (lambda x: ag.sin(x) / x, BOTH + LARGE),
    "1/(1+25x^2)": (lambda x: 1.0 / (1.0 + 25.0 * x * x), BOTH + LARGE),
    "exp(-x^2)":   (lambda x: ag.exp(-x * x), MIDDLE),
    "x exp(-x)":   (lambda x: x * ag.exp(-x), (*BOTH, 30.0)),
    "1/(1-x)":     (lambda x: 1.0 / (1.0 - x), (*UNIT, 1.000001, 1.5)),
}
# fmt: on
SCALES = (1.0, 1e-12, 1e12, 1e-6, 1e6)


def smooth_cases(
    scales: tuple[float, ...] = SCALES,
) -> Iterator[tuple[str, Function, float]]:
    """Name, function and point; the scales take turns."""
    count = 0
    for name, (f, points) in SMOOTH.items():
        for x in points:
            yield name, scaled(f, scales[count % len(scales)]), x
            count += 1


def scaled(f: Function, scale: float) -> Function:
    return lambda x: scale * f(x)


def slope(f: Function, x: float) -> float:
    """The derivative to double precision: a central difference of 1e-25 in 80 digits."""
    with mpmath.workdps(80):
        h, at = mpmath.mpf(10) ** -25, mpmath.mpf(x)
        return float((f(at + h) - f(at - h)) / (2 * h))


def blur(f: Function, x: float, slope_there: float) -> float:
    """How much of the slope, relatively, f's own rounding hides over the distance f is smooth."""
    return 2.0**-53 * abs(f(x)) / (abs(slope_there) * max(1.0, abs(x)))


# ---- kinks ---------------------------------------------------------------------------------------


def positive_part(x: float) -> float:
    return x if x > 0 else 0.0


# A function, the point of its kink, and the slopes on the left and on the right.
KINKS: dict[str, tuple[Callable[[float], float], float, float, float]] = {
    "relu": (positive_part, 0.0, 0.0, 1.0),
    "relu(x-2)": (lambda x: positive_part(x - 2), 2.0, 0.0, 1.0),
    "abs": (abs, 0.0, -1.0, 1.0),
    "abs(x-1e6)": (lambda x: abs(x - 1e6), 1e6, -1.0, 1.0),
    "abs(x-1e-6)": (lambda x: abs(x - 1e-6), 1e-6, -1.0, 1.0),
    "1e-9 abs": (lambda x: 1e-9 * abs(x), 0.0, -1e-9, 1e-9),
    "leaky": (lambda x: ag.leaky_relu(x), 0.0, 0.01, 1.0),
    "elu": (lambda x: ag.elu(x, 0.5), 0.0, 0.5, 1.0),
    "relu6": (lambda x: min(positive_part(x), 6.0), 6.0, 1.0, 0.0),
    "max(x,x^2)": (lambda x: max(x, x * x), 1.0, 1.0, 2.0),
    "min(x,2x)": (lambda x: min(x, 2 * x), 0.0, 2.0, 1.0),
    "clip": (lambda x: ag.clip(x, -1.0, 2.5), 2.5, 1.0, 0.0),
    "hinge": (lambda x: max(0.0, 1.0 - x), 1.0, -1.0, 0.0),
    "abs(sin)": (lambda x: abs(math.sin(x)), 0.0, -1.0, 1.0),
    "exp(-abs)": (lambda x: math.exp(-abs(x)), 0.0, 1.0, -1.0),
    "log1p(abs)": (lambda x: math.log1p(abs(x)), 0.0, -1.0, 1.0),
    "sqrt(x^2)": (lambda x: math.sqrt(x * x), 0.0, -1.0, 1.0),
    "abs+exp": (lambda x: abs(x - 1) + math.exp(x), 1.0, math.e - 1, math.e + 1),
    "1+abs/1000": (lambda x: 1 + 1e-3 * abs(x - 3), 3.0, -1e-3, 1e-3),
    "sin+1e-4abs": (
        lambda x: math.sin(x) + 1e-4 * abs(x - 0.7), 0.7, math.cos(0.7) - 1e-4,
        math.cos(0.7) + 1e-4,
    ),
}  # fmt: skip


def wrong_at_a_kink(left: float, right: float) -> list[float]:
    """Five gradients that are no subgradient, near the two slopes and far from them."""
    low, high = min(left, right), max(left, right)
    gap = high - low
    return [low - 1e-3 * gap, high + 1e-3 * gap, low - gap, high + 2 * gap, -high - low - 5 * gap]


# Functions of u = x - c with a kink at c, and their derivatives where u is not 0.
# fmt: off
PIECEWISE: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "relu":         (lambda u: max(u, 0.0),             lambda u: float(u > 0)),
    "maximum":      (lambda u: max(2.0 * u, -u),        lambda u: 2.0 if u > 0 else -1.0),
    "min":          (lambda u: min(u, 0.25 * u),        lambda u: 0.25 if u > 0 else 1.0),
    "leaky_relu":   (lambda u: max(u, 0.01 * u),        lambda u: 1.0 if u > 0 else 0.01),
    "abs":          (abs,                               lambda u: math.copysign(1.0, u)),
    "abs(u) + exp": (lambda u: abs(u) + math.exp(0.5 * u),
                     lambda u: math.copysign(1.0, u) + 0.5 * math.exp(0.5 * u)),
    "1 + abs/100":  (lambda u: 1.0 + 0.01 * abs(u),     lambda u: math.copysign(0.01, u)),
    "clip":         (lambda u: min(max(u, 0.0), 4.0),   lambda u: float(0 < u < 4)),
    "clip squared": (lambda u: min(max(u, 0.0), 4.0) ** 2, lambda u: 2.0 * u * (0 < u < 4)),
    "relu cubed":   (lambda u: max(u, 0.0) ** 3,        lambda u: 3.0 * max(u, 0.0) ** 2),
    "huber":        (lambda u: 0.5 * (u + 1.0) ** 2 if abs(u + 1.0) <= 1.0 else abs(u + 1.0) - 0.5,
                     lambda u: min(max(u + 1.0, -1.0), 1.0)),
    "elu":          (lambda u: u if u > 0 else 0.5 * math.expm1(u),
                     lambda u: 1.0 if u > 0 else 0.5 * math.exp(u)),
    "floor":        (math.floor,                        lambda u: 0.0),
    "round":        (lambda u: round(u + 0.5),          lambda u: 0.0),
    "step":         (lambda u: float(u > 0),            lambda u: 0.0),
    "jump":         (lambda u: math.sin(u) + (u > 0),   math.cos),
    "pole":         (lambda u: 1.0 / u,                 lambda u: -1.0 / u / u),
    "sqrt(abs)":    (lambda u: math.sqrt(abs(u)),
                     lambda u: math.copysign(0.5, u) / math.sqrt(abs(u))),
    "norm":         (lambda u: math.hypot(u, 0.5 * u),  lambda u: math.copysign(math.sqrt(1.25), u)),
    "triangle":     (lambda u: abs(u % 2.0 - 1.0),      lambda u: 1.0 if u % 2.0 > 1.0 else -1.0),
    "polynomials":  (lambda u: u * u + u if u > 0 else 3.0 * u - u ** 3,
                     lambda u: 2.0 * u + 1.0 if u > 0 else 3.0 - 3.0 * u * u),
    "where":        (lambda u: math.sin(u) if u > 0 else math.sinh(2.0 * u),
                     lambda u: math.cos(u) if u > 0 else 2.0 * math.cosh(2.0 * u)),
    "log1p(abs)":   (lambda u: math.log1p(abs(u)),      lambda u: math.copysign(1.0, u) / (1.0 + abs(u))),
    "edge of log":  (lambda u: u if u <= 0 else u + u * math.log(u), lambda u: 1.0 if u < 0 else 2.0 + math.log(u)),
}
# fmt: on
Rung = tuple[str, Callable[[float], float], float, float, list[float]]


def ladder(joint: float, distances: Iterable[float]) -> Iterator[Rung]:
    """Each piecewise function beside its joint: name, function, point, slope, and wrong slopes.

    A wrong slope is off by at least 1e-3 and ten times the rounding of f over the distance.
    """
    for (name, (g, slope)), d, side in itertools.product(PIECEWISE.items(), distances, (-1, 1)):
        x = joint + side * d
        u = x - joint
        if u == int(u) or abs(u) < 16.0 * math.ulp(max(abs(x), abs(joint))):
            continue  # at a kink, or within the resolution of x

        def f(x: float, g: Callable[[float], float] = g) -> float:
            return g(x - joint)

        right = slope(u)
        error = max(1e-3 * max(1.0, abs(right)), 10.0 * 2.0**-53 * abs(f(x)) / abs(u))
        wrong = (right + error, right - error, right + 1.0 + error, -right - error, slope(-u))
        yield name, f, x, right, [w for w in wrong if abs(w - right) >= 0.999 * error]


# Functions with an end of their domain or a pole, where that is, to which sides of it they have
# values, and their derivatives (1 + x and 1 - x are exact beside an end, and x - c is everywhere).
# fmt: off
ENDS: dict[str, tuple[Function, float, tuple[int, ...], Function]] = {
    "acosh":      (np.arccosh, 1.0, (1,),     lambda x: 1.0 / math.sqrt((x - 1.0) * (x + 1.0))),
    "acos":       (np.arccos, 1.0, (-1,),     lambda x: -1.0 / math.sqrt((1.0 - x) * (1.0 + x))),
    "acos, left": (np.arccos, -1.0, (1,),     lambda x: -1.0 / math.sqrt((1.0 - x) * (1.0 + x))),
    "asin":       (np.arcsin, 1.0, (-1,),     lambda x: 1.0 / math.sqrt((1.0 - x) * (1.0 + x))),
    "asin, left": (np.arcsin, -1.0, (1,),     lambda x: 1.0 / math.sqrt((1.0 - x) * (1.0 + x))),
    "atanh":      (np.arctanh, 1.0, (-1,),    lambda x: 1.0 / ((1.0 - x) * (1.0 + x))),
    "atanh, left": (np.arctanh, -1.0, (1,),   lambda x: 1.0 / ((1.0 - x) * (1.0 + x))),
    "log":        (np.log, 0.0, (1,),         lambda x: 1.0 / x),
    "log1p":      (np.log1p, -1.0, (1,),      lambda x: 1.0 / (1.0 + x)),
    "log(x - 1)": (lambda x: np.log(x - x / x), 1.0, (1,), lambda x: 1.0 / (x - 1.0)),
    "sqrt":       (np.sqrt, 0.0, (1,),        lambda x: 0.5 / math.sqrt(x)),
    "sqrt(x - 3)": (lambda x: np.sqrt(x - x.dtype.type(3)), 3.0, (1,),
                    lambda x: 0.5 / math.sqrt(x - 3.0)),
    "rsqrt":      (lambda x: x / x / np.sqrt(x), 0.0, (1,), lambda x: -0.5 / math.sqrt(x) / x),
    "x^0.3":      (lambda x: x ** x.dtype.type(0.3), 0.0, (1,),
                   lambda x: float(x.dtype.type(0.3)) * float(x) ** (float(x.dtype.type(0.3)) - 1)),
    "x^1.5":      (lambda x: x ** x.dtype.type(1.5), 0.0, (1,), lambda x: 1.5 * math.sqrt(x)),
    "x log x":    (lambda x: x * np.log(x), 0.0, (1,), lambda x: 1.0 + math.log(x)),
    "1/(x - 1)":  (lambda x: x / x / (x - x / x), 1.0, (-1, 1), lambda x: -1.0 / (x - 1.0) ** 2),
    "lgamma":     (lambda x: x.dtype.type(math.lgamma(x)), -1.0, (-1, 1),
                   lambda x: float(mpmath.digamma(mpmath.mpf(float(x))))),
    "lgamma at 0": (lambda x: x.dtype.type(math.lgamma(x)), 0.0, (-1, 1),
                    lambda x: float(mpmath.digamma(mpmath.mpf(float(x))))),
}
# fmt: on


def ends(
    dtype: Any, steps: Iterable[int] = (1, 2, 3, 5, 16, 100)
) -> Iterator[tuple[str, Callable[[Any], Any], Any, float]]:
    """Points a few floats from the end of a domain: name, function, point, slope, if it is one."""
    for (name, (f, end, sides, slope)), k in itertools.product(ENDS.items(), steps):
        for side in sides:
            x = dtype(end)
            for _ in range(k):
                x = np.nextafter(x, dtype(side * np.inf))
            with np.errstate(all="ignore"), contextlib.suppress(ArithmeticError):
                if np.isfinite(dtype(right := slope(x))):
                    yield name, f, x, right


# ---- graphs --------------------------------------------------------------------------------------

UNARY = (
    "exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "softplus", "atan", "erf", "gelu",
    "silu", "asinh", "cbrt", "log1p", "relu", "expm1", "abs", "sinh", "cosh",
)  # fmt: skip
BINARY = ("add", "sub", "mul", "div", "pow", "atan2", "hypot", "maximum", "minimum", "logaddexp")


def random_graph(seed: int, size: int = 300) -> Value:
    """A graph of about `size` nodes that share inputs, of every operation above."""
    rng = random.Random(seed)
    pool = [Value(rng.uniform(0.3, 2.0), label=f"x{i}") for i in range(8)]
    names = [*UNARY, *BINARY, *BINARY] * (size // 40 + 1)
    rng.shuffle(names)
    while len(pool) < size // 2:
        name = names[len(pool) % len(names)]
        x, y = rng.choice(pool[-20:] + pool[:8]), rng.choice(pool)
        node = FUNCTIONS[name].call(x) if name in UNARY else FUNCTIONS[name].call(x, y)
        if not 0.01 < abs(node.data) < 20.0:
            node = 1.1 + 0.5 * ag.sin(node)
        pool.append(node if node.data > 0 else abs(node) + 0.1)
    out = pool[0]
    for node in pool[1:]:
        out = out + node * 0.5
    return out


def faulty_sweep(mistake: str) -> Callable[..., Any]:
    """The walk with one of the mistakes that people make in it."""

    def sweep(root: Any, seed: float = 1.0, **_: Any) -> Iterator[tuple[Any, Any, Any]]:
        gathered = {root: seed}
        frontier = [(0, root)]
        while frontier:
            node = heappop(frontier)[1]
            g = gathered.pop(node)
            shares = graph.hand_back(node, g) if node._inputs else ()
            yield node, g, shares
            pairs = list(zip(node._inputs, shares, strict=True))
            for x, share in dict(pairs).items() if mistake == "inputs" else pairs:
                if share is None:
                    continue
                if x in gathered:
                    gathered[x] = share if mistake == "overwritten" else gathered[x] + share
                else:
                    gathered[x] = share
                    heappush(frontier, (x._born if mistake == "order" else -x._born, x))

    return sweep


MISTAKES = ("overwritten", "order", "inputs")
