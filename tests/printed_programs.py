"""Ten programs, and what their printed sources compute: in Python, with NumPy, by cc, in Node."""

from __future__ import annotations

import ctypes
import json
import math
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import autograd
import nn
from autograd import Value, cos, exp, log, sin, tanh

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import gpt
from workloads import Names

RNG = random.Random(5)
CC, NODE = shutil.which("cc"), shutil.which("node")


class Program(NamedTuple):
    """A function and its arguments; with `wrt`, the leaves that it closes over."""

    f: Callable[..., Any]
    args: tuple[Any, ...]
    wrt: Any = None


def some(*shape: int, low: float = -1.0, high: float = 1.0) -> Any:
    """Nested lists of random numbers."""
    if not shape:
        return RNG.uniform(low, high)
    return [some(*shape[1:], low=low, high=high) for _ in range(shape[0])]


def mlp_step() -> Program:
    model = nn.MLP(2, [8, 8, 1])
    for i, leaf in enumerate(model.parameters()):
        leaf.data = some()
        leaf.label = f"w{i}"

    def loss(xs: Any, ys: Any) -> Any:
        missed = [(1.0 - y * model(x)).relu() for x, y in zip(xs, ys, strict=True)]
        return autograd.sum(missed) / len(missed)

    xs, ys = some(6, 2), [1.0, -1.0, 1.0, -1.0, -1.0, 1.0]
    return Program(loss, (xs, ys), model.parameters())


def gpt_step() -> Program:
    names = Names()
    weights = gpt.parameters(Value, len(names.letters) + 1, random.Random(1))
    return Program(lambda: gpt.loss(weights, names.tokens), (), gpt.flat(weights))


def rosenbrock() -> Program:
    def rosenbrock(x: Any) -> Any:
        return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))

    return Program(rosenbrock, (some(7),))


def kalman_step() -> Program:
    """The log-likelihood of one observation of a position, of a state of position and speed."""

    def kalman(state: Any, noise: Any, seen: Any) -> Any:
        (x, v), (q, r) = state, noise
        p = [[1.0 + q, 0.5], [0.5, 0.3 + q]]
        x, v = x + 0.1 * v, v * 0.99
        a = p[0][0] + 0.2 * p[0][1] + 0.01 * p[1][1]
        gap, spread = seen - x, a + r * r
        gain = a / spread
        return -0.5 * (log(2 * math.pi * spread) + gap * gap / spread) + 0.1 * (x + gain * gap) ** 2

    return Program(kalman, ([0.3, -1.2], [0.2, 0.7], 0.9))


def robot_arm() -> Program:
    """How far the hand of an arm of five joints is from a point."""

    def arm(angles: Any, lengths: Any) -> Any:
        total, x, y = 0.0, 0.0, 0.0
        for angle, length in zip(angles, lengths, strict=True):
            total = total + angle
            x, y = x + length * cos(total), y + length * sin(total)
        return autograd.hypot(x - 1.0, y - 2.0) + 0.1 * autograd.atan2(y, x)

    return Program(arm, (some(5), some(5, low=0.5)))


def logistic_regression() -> Program:
    xs, ys = some(20, 3), [RNG.choice((0.0, 1.0)) for _ in range(20)]

    def negative_log_likelihood(weights: Any, bias: Any) -> Any:
        scores = [autograd.dot(weights, x) + bias for x in xs]
        return autograd.mean(
            [autograd.softplus(s) - y * s for s, y in zip(scores, ys, strict=True)]
        )

    return Program(negative_log_likelihood, (some(3), 0.1))


def black_scholes() -> Program:
    def call(spot: Any, strike: Any, rate: Any, sigma: Any, time: Any) -> Any:
        def cdf(x: Any) -> Any:
            return 0.5 * autograd.erfc(-x / math.sqrt(2.0))

        root = sigma * time**0.5
        d = (log(spot / strike) + (rate + 0.5 * sigma**2) * time) / root
        return spot * cdf(d) - strike * exp(-rate * time) * cdf(d - root)

    return Program(call, (100.0, 105.0, 0.03, 0.2, 1.5))


def spline() -> Program:
    """A natural cubic spline through five points, at a point in its third interval."""

    def spline(ys: Any, x: Any) -> Any:
        n = len(ys) - 1
        c, d = [0.0], [0.0]
        for i in range(1, n):
            rest = 4.0 - c[-1]
            c.append(1.0 / rest)
            d.append((6.0 * (ys[i + 1] - 2.0 * ys[i] + ys[i - 1]) - d[-1]) / rest)
        m = [0.0] * (n + 1)
        for i in range(n - 1, 0, -1):
            m[i] = d[i] - c[i] * m[i + 1]
        i = 0
        while x > i + 1:
            i += 1
        t = x - i
        bend = ((1 - t) ** 3 - (1 - t)) * m[i] + (t**3 - t) * m[i + 1]
        return (1 - t) * ys[i] + t * ys[i + 1] + bend / 6.0

    return Program(spline, (some(5), 2.3))


def ode_step() -> Program:
    """The energy of a pendulum with friction after a step of Runge and Kutta's."""

    def energy(state: Any, friction: Any) -> Any:
        def slope(s: Any) -> Any:
            return [s[1], -9.81 * sin(s[0]) - friction * s[1]]

        def after(s: Any, k: Any, h: float) -> Any:
            return [x + h * y for x, y in zip(s, k, strict=True)]

        for _ in range(3):
            k1 = slope(state)
            k2 = slope(after(state, k1, 0.05))
            k3 = slope(after(state, k2, 0.05))
            k4 = slope(after(state, k3, 0.1))
            k = [a + 2 * b + 2 * c + d for a, b, c, d in zip(k1, k2, k3, k4, strict=True)]
            state = after(state, k, 0.1 / 6)
        return 0.5 * state[1] ** 2 + 9.81 * (1 - cos(state[0]))

    return Program(energy, ([0.7, -0.2], 0.1))


def attention() -> Program:
    def attention(queries: Any, keys: Any, values: Any) -> Any:
        total = 0.0
        for q in queries:
            shares = autograd.softmax([autograd.dot(q, k) / 2.0 for k in keys])
            mixed = [autograd.dot(shares, column) for column in zip(*values, strict=True)]
            total = total + sum(tanh(x) ** 2 for x in mixed)
        return total

    return Program(attention, (some(3, 4), some(5, 4), some(5, 2)))


PROGRAMS = {
    make.__name__: make
    for make in (
        mlp_step, gpt_step, rosenbrock, kalman_step, robot_arm, logistic_regression,
        black_scholes, spline, ode_step, attention,
    )
}  # fmt: skip


def flat(tree: Any) -> list[float]:
    """The numbers of a structure, in order."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if hasattr(tree, "tolist"):
        tree = tree.tolist()
    return (
        [x for part in tree for x in flat(part)]
        if isinstance(tree, (list, tuple))
        else [float(tree)]
    )


def given(args: tuple[Any, ...]) -> list[Any]:
    """Arguments as a printed function takes them: numbers, and flat lists."""
    return [
        flat(x) if isinstance(x, (list, tuple, dict)) or getattr(x, "ndim", 0) else x for x in args
    ]


# ---- running a source ----------------------------------------------------------------------------


def function(source: str, name: str) -> Callable[..., Any]:
    """A function of a printed program, in a namespace that has nothing else."""
    namespace: dict[str, Any] = {}
    exec(compile(source, "printed", "exec"), namespace)
    return namespace[name]


def in_python(source: str, name: str, *calls: tuple[Any, ...]) -> list[Any]:
    """What a printed function returns for some arguments."""
    return [function(source, name)(*given(args)) for args in calls]


TOLD = """
const told = (_, x) => ArrayBuffer.isView(x) ? [...x] : typeof x != "number" ? x
  : Number.isFinite(x) && !Object.is(x, -0) ? x : Object.is(x, -0) ? "-0" : String(x);
"""


def in_node(source: str, name: str, *calls: tuple[Any, ...]) -> list[Any]:
    """The same in Node."""
    texts = [", ".join(map(repr, given(args))) for args in calls]
    made = ", ".join(f"{name}({text})" for text in texts)
    made = made.replace("inf", "Infinity").replace("nan", "NaN")
    script = f"{source}{TOLD}console.log(JSON.stringify([{made}], told));"
    done = subprocess.run(
        [NODE or "", "-"], input=script, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


FLAGS = ("-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-fPIC")


def library(source: str, folder: Path, *flags: str) -> ctypes.CDLL:
    """A source as a shared library, compiled with all warnings as errors."""
    path = folder / f"printed{len(list(folder.iterdir()))}.c"
    path.write_text(source)
    made = str(path.with_suffix(".so"))
    command = [CC or "", *FLAGS, "-shared", *flags, "-o", made, str(path), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[:2000]
    return ctypes.CDLL(made)


def doubles(numbers: Any) -> Any:
    return (ctypes.c_double * len(numbers))(*numbers)


def in_c(
    source: str, name: str, *calls: tuple[Any, ...], folder: Path, results: int = 0, slopes: int = 0
) -> list[Any]:
    """The same compiled by cc, where a function returns a number or writes `results` numbers, and
    then so many slopes."""
    function = getattr(library(source, folder, "-Wno-unused-parameter"), name)
    function.restype = None if results else ctypes.c_double
    found = []
    for args in calls:
        passed = [doubles(x) if isinstance(x, list) else ctypes.c_double(x) for x in given(args)]
        outs = [doubles([0.0] * n) for n in (results, slopes) if n]
        answer = function(*passed, *outs)
        found.append([*([] if results else [answer]), *(x for out in outs for x in out)])
    return found
