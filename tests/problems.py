"""Test problems of least squares: residuals, where to start, and the minima that are published.

The 35 of Moré, Garbow and Hillstrom 1981, "Testing unconstrained optimization software" (ACM TOMS
7), in their order, and the models of the 27 regressions of NIST's Statistical Reference Datasets,
which are in the public domain; their numbers are in `nist.json`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd import atan, exp, hypot, sin, sum
from autograd import cos as cosine

NIST = json.loads((Path(__file__).parent / "nist.json").read_text("utf-8"))


class Problem(NamedTuple):
    """Residuals of numbers, where to start, and the sums of squares at minima, least first."""

    residuals: Callable[[Sequence[Any]], Sequence[Any]]
    start: Sequence[float]
    minima: tuple[float, ...] = (0.0,)


def times(n: int, step: float) -> list[float]:
    return [step * i for i in range(1, n + 1)]


def helix(x: Any) -> Any:
    turn = atan(x[1] / x[0]) / (2 * math.pi) + (0.5 if x[0] < 0 else 0.0)
    return [10 * (x[2] - 10 * turn), 10 * (hypot(x[0], x[1]) - 1), x[2]]


BARD = [
    *(0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39),
]  # fmt: skip
BELL = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521]
BELL = [*BELL, 0.3989, *BELL[::-1]]
KOWALIK, MEYER, OSBORNE = NIST["MGH09"], NIST["MGH10"], NIST["MGH17"]
OSBORNE_2 = [
    *(1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608),
    *(0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661),
    *(0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428),
    *(0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559),
    *(0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054),
]  # fmt: skip


def bard(x: Any) -> Any:
    data = [(u, 16 - u, y) for u, y in enumerate(BARD, 1)]
    return [y - (x[0] + u / (v * x[1] + min(u, v) * x[2])) for u, v, y in data]


def gulf(x: Any) -> Any:
    places = [(25 + (-50 * math.log(t)) ** (2 / 3), t) for t in times(99, 0.01)]
    return [exp(-(abs(y - x[1]) ** x[2]) / x[0]) - t for y, t in places]


def wood(x: Any) -> Any:
    a, b, c, d = x
    return [
        *(10 * (b - a**2), 1 - a, math.sqrt(90) * (d - c**2), 1 - c),
        *(math.sqrt(10) * (b + d - 2), (b - d) / math.sqrt(10)),
    ]  # fmt: skip


def biggs(x: Any) -> Any:
    return [
        x[2] * exp(-t * x[0]) - x[3] * exp(-t * x[1]) + x[5] * exp(-t * x[4])
        - (math.exp(-t) - 5 * math.exp(-10 * t) + 3 * math.exp(-4 * t))
        for t in times(13, 0.1)
    ]  # fmt: skip


def osborne(x: Any) -> Any:
    data = [(10.0 * i, y) for i, y in enumerate(OSBORNE["y"])]
    return [y - (x[0] + x[1] * exp(-t * x[3]) + x[2] * exp(-t * x[4])) for t, y in data]


def osborne_2(x: Any) -> Any:
    def curve(t: float) -> Any:
        bumps = [x[i] * exp(-((t - x[i + 7]) ** 2) * x[i + 4]) for i in (1, 2, 3)]
        return x[0] * exp(-t * x[4]) + sum(bumps)

    return [y - curve(i / 10) for i, y in enumerate(OSBORNE_2)]


def watson(x: Any) -> Any:
    def at(t: float) -> Any:
        slope = sum([j * a * t ** (j - 1) for j, a in enumerate(x) if j])
        return slope - sum([a * t**j for j, a in enumerate(x)]) ** 2 - 1

    return [*map(at, times(29, 1 / 29)), x[0], x[1] - x[0] ** 2 - 1]


def powell(x: Any) -> Any:
    fours = [x[i : i + 4] for i in range(0, len(x), 4)]
    return [
        y
        for a, b, c, d in fours
        for y in (
            a + 10 * b, math.sqrt(5) * (c - d), (b - 2 * c) ** 2, math.sqrt(10) * (a - d) ** 2
        )
    ]  # fmt: skip


def penalty_1(x: Any) -> Any:
    return [*(math.sqrt(1e-5) * (a - 1) for a in x), sum([a**2 for a in x]) - 0.25]


def penalty_2(x: Any) -> Any:
    root, n = math.sqrt(1e-5), len(x)
    ends = [(i, math.exp(i / 10) + math.exp((i - 1) / 10)) for i in range(2, n + 1)]
    return [
        x[0] - 0.2,
        *(root * (exp(x[i - 1] / 10) + exp(x[i - 2] / 10) - y) for i, y in ends),
        *(root * (exp(a / 10) - math.exp(-0.1)) for a in x[1:]),
        sum([(n - j) * a**2 for j, a in enumerate(x)]) - 1,
    ]


def variable_dimensions(x: Any) -> Any:
    weighted = sum([j * (a - 1) for j, a in enumerate(x, 1)])
    return [*(a - 1 for a in x), weighted, weighted**2]


def trigonometric(x: Any) -> Any:
    rest = len(x) - sum([cosine(a) for a in x])
    return [rest + i * (1 - cosine(a)) - sin(a) for i, a in enumerate(x, 1)]


def almost_linear(x: Any) -> Any:
    return [*(a + sum(x) - (len(x) + 1) for a in x[:-1]), math.prod(x) - 1]


def boundary_value(x: Any) -> Any:
    h, around = 1 / (len(x) + 1), [0.0, *x, 0.0]
    return [
        2 * x[i] - around[i] - around[i + 2] + h**2 * (x[i] + (i + 1) * h + 1) ** 3 / 2
        for i in range(len(x))
    ]


def integral_equation(x: Any) -> Any:
    h = 1 / (len(x) + 1)
    ts = times(len(x), h)
    cubes = [(a + t + 1) ** 3 for a, t in zip(x, ts, strict=True)]
    return [
        a + h / 2 * sum([min(t, s) * (1 - max(t, s)) * c for s, c in zip(ts, cubes, strict=True)])
        for a, t in zip(x, ts, strict=True)
    ]


def tridiagonal(x: Any) -> Any:
    around = [0.0, *x, 0.0]
    return [(3 - 2 * a) * a - around[i] - 2 * around[i + 2] + 1 for i, a in enumerate(x)]


def banded(x: Any) -> Any:
    def others(i: int) -> Any:
        return sum([x[j] * (1 + x[j]) for j in range(max(0, i - 5), min(len(x), i + 2)) if j != i])

    return [a * (2 + 5 * a**2) + 1 - others(i) for i, a in enumerate(x)]


def full_rank(x: Any) -> Any:
    mean = sum(x) / len(x)  # 2 / m of the sum, where m is 2 n
    return [*(a - mean - 1 for a in x), *(-mean - 1 for _ in x)]


def rank_1(x: Any) -> Any:
    weighted = sum([j * a for j, a in enumerate(x, 1)])
    return [i * weighted - 1 for i in range(1, 2 * len(x) + 1)]


def rank_1_with_zeros(x: Any) -> Any:
    weighted = sum([j * a for j, a in enumerate(x, 1) if 1 < j < len(x)])
    return [-1.0, *(i * weighted - 1 for i in range(1, 2 * len(x) - 1)), -1.0]


def chebyquad(x: Any) -> Any:
    columns = []
    for a in x:
        column = [1.0, 2 * a - 1]
        while len(column) <= len(x):
            column.append(2 * (2 * a - 1) * column[-1] - column[-2])
        columns.append(column)
    means = [sum(list(row)) / len(x) for row in zip(*columns, strict=True)]
    return [mean + (1 / (i**2 - 1) if i % 2 == 0 else 0.0) for i, mean in enumerate(means) if i]


def rosenbrock(x: Any) -> Any:
    pairs = zip(x[::2], x[1::2], strict=True)
    return [y for a, b in pairs for y in (10 * (b - a**2), 1 - a)]


def falling(n: int) -> list[float]:
    return [t * (t - 1) for t in times(n, 1 / (n + 1))]


# A minimum at infinity is the sum of squares that is approached.
MGH = {
    "Rosenbrock": Problem(rosenbrock, [-1.2, 1.0]),
    "Freudenstein and Roth": Problem(
        lambda x: [
            -13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1],
            -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1],
        ], [0.5, -2.0], (0.0, 48.9842),
    ),
    "Powell, badly scaled": Problem(
        lambda x: [1e4 * x[0] * x[1] - 1, exp(-x[0]) + exp(-x[1]) - 1.0001], [0.0, 1.0]
    ),
    "Brown, badly scaled": Problem(
        lambda x: [x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2], [1.0, 1.0]
    ),
    "Beale": Problem(
        lambda x: [
            y - x[0] * (1 - x[1] ** i) for i, y in enumerate((1.5, 2.25, 2.625), 1)
        ], [1.0, 1.0],
    ),
    "Jennrich and Sampson": Problem(
        lambda x: [2 + 2 * i - (exp(i * x[0]) + exp(i * x[1])) for i in range(1, 11)],
        [0.3, 0.4], (124.362,),
    ),
    "Helical valley": Problem(helix, [-1.0, 0.0, 0.0]),
    "Bard": Problem(bard, [1.0, 1.0, 1.0], (8.21487e-3, 17.4286)),
    "Gaussian": Problem(
        lambda x: [
            x[0] * exp(-x[1] * ((8 - i) / 2 - x[2]) ** 2 / 2) - y for i, y in enumerate(BELL, 1)
        ], [0.4, 1.0, 0.0], (1.12793e-8,),
    ),
    "Meyer": Problem(
        lambda x: [
            x[0] * exp(x[1] / (t + x[2])) - y for t, y in zip(MEYER["x"], MEYER["y"], strict=True)
        ], [0.02, 4000.0, 250.0], (87.9458,),
    ),
    "Gulf research and development": Problem(gulf, [5.0, 2.5, 0.15]),
    "Box, three-dimensional": Problem(
        lambda x: [
            exp(-t * x[0]) - exp(-t * x[1]) - x[2] * (math.exp(-t) - math.exp(-10 * t))
            for t in times(10, 0.1)
        ], [0.0, 10.0, 20.0],
    ),
    "Powell, singular": Problem(powell, [3.0, -1.0, 0.0, 1.0]),
    "Wood": Problem(wood, [-3.0, -1.0, -3.0, -1.0]),
    "Kowalik and Osborne": Problem(
        lambda x: [
            y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])
            for u, y in zip(KOWALIK["x"], KOWALIK["y"], strict=True)
        ], [0.25, 0.39, 0.415, 0.39], (3.07505e-4, 1.02734e-3),
    ),
    "Brown and Dennis": Problem(
        lambda x: [
            (x[0] + t * x[1] - math.exp(t)) ** 2 + (x[2] + x[3] * math.sin(t) - math.cos(t)) ** 2
            for t in times(20, 0.2)
        ], [25.0, 5.0, -5.0, -1.0], (85822.2,),
    ),
    "Osborne 1": Problem(osborne, [0.5, 1.5, -1.0, 0.01, 0.02], (5.46489e-5,)),
    "Biggs EXP6": Problem(biggs, [1.0, 2.0, 1.0, 1.0, 1.0, 1.0], (0.0, 5.65565e-3)),
    "Osborne 2": Problem(
        osborne_2, [1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5], (4.01377e-2,)
    ),
    "Watson, 6": Problem(watson, [0.0] * 6, (2.28767e-3,)),
    "Watson, 9": Problem(watson, [0.0] * 9, (1.39976e-6,)),
    "Watson, 12": Problem(watson, [0.0] * 12, (4.72238e-10,)),
    "Rosenbrock, extended": Problem(rosenbrock, [-1.2, 1.0] * 10),
    "Powell, extended": Problem(powell, [3.0, -1.0, 0.0, 1.0] * 4),
    "Penalty I, 4": Problem(penalty_1, times(4, 1.0), (2.24997e-5,)),
    "Penalty I, 10": Problem(penalty_1, times(10, 1.0), (7.08765e-5,)),
    "Penalty II, 4": Problem(penalty_2, [0.5] * 4, (9.37629e-6,)),
    "Penalty II, 10": Problem(penalty_2, [0.5] * 10, (2.93660e-4,)),
    "Variably dimensioned": Problem(variable_dimensions, [1 - t for t in times(10, 0.1)]),
    "Trigonometric": Problem(trigonometric, [0.1] * 10, (0.0, 2.79506e-5)),
    "Brown, almost linear": Problem(almost_linear, [0.5] * 10, (0.0, 1.0)),
    "Discrete boundary value": Problem(boundary_value, falling(10)),
    "Discrete integral equation": Problem(integral_equation, falling(10)),
    "Broyden, tridiagonal": Problem(tridiagonal, [-1.0] * 10),
    "Broyden, banded": Problem(banded, [-1.0] * 10),
    "Linear, full rank": Problem(full_rank, [1.0] * 5, (5.0,)),
    "Linear, rank 1": Problem(rank_1, [1.0] * 5, (10 * 9 / (2 * 21),)),
    "Linear, rank 1 with zeros": Problem(rank_1_with_zeros, [1.0] * 5, (124 / (2 * 17),)),
    "Chebyquad, 7": Problem(chebyquad, times(7, 1 / 8)),
    "Chebyquad, 8": Problem(chebyquad, times(8, 1 / 9), (3.51687e-3,)),
    "Chebyquad, 10": Problem(chebyquad, times(10, 1 / 11), (4.77271e-3, 6.50395e-3)),
}  # fmt: skip


# ---- NIST's regressions: the model as a function of the predictor and of all parameters ----------


def saturation(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * (1 - np.exp(-b2 * x))


def chwirut(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return np.exp(-b1 * x) / (b2 + b3 * x)


def gauss(x: Any, *b: Any) -> Any:
    bumps = [b[i] * np.exp(-((x - b[i + 1]) ** 2) / b[i + 2] ** 2) for i in (2, 5)]
    return b[0] * np.exp(-b[1] * x) + bumps[0] + bumps[1]


def lanczos(x: Any, *b: Any) -> Any:
    return b[0] * np.exp(-b[1] * x) + b[2] * np.exp(-b[3] * x) + b[4] * np.exp(-b[5] * x)


def cubics(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any, b7: Any) -> Any:
    return (b1 + b2 * x + b3 * x**2 + b4 * x**3) / (1 + b5 * x + b6 * x**2 + b7 * x**3)


def enso(x: Any, *b: Any) -> Any:
    def wave(period: Any, c: Any, s: Any) -> Any:
        return c * np.cos(2 * math.pi * x / period) + s * np.sin(2 * math.pi * x / period)

    return b[0] + wave(12, b[1], b[2]) + wave(*b[3:6]) + wave(*b[6:9])


MODELS: dict[str, Callable[..., Any]] = {
    "Bennett5": lambda x, b1, b2, b3: b1 * (b2 + x) ** (-1 / b3),
    "BoxBOD": saturation,
    "Chwirut1": chwirut,
    "Chwirut2": chwirut,
    "DanWood": lambda x, b1, b2: b1 * x**b2,
    "ENSO": enso,
    "Eckerle4": lambda x, b1, b2, b3: b1 / b2 * np.exp(-0.5 * ((x - b3) / b2) ** 2),
    "Gauss1": gauss,
    "Gauss2": gauss,
    "Gauss3": gauss,
    "Hahn1": cubics,
    "Kirby2": lambda x, b1, b2, b3, b4, b5: (b1 + b2 * x + b3 * x**2) / (1 + b4 * x + b5 * x**2),
    "Lanczos1": lanczos,
    "Lanczos2": lanczos,
    "Lanczos3": lanczos,
    "MGH09": lambda x, b1, b2, b3, b4: b1 * (x**2 + x * b2) / (x**2 + x * b3 + b4),
    "MGH10": lambda x, b1, b2, b3: b1 * np.exp(b2 / (x + b3)),
    "MGH17": lambda x, b1, b2, b3, b4, b5: b1 + b2 * np.exp(-x * b4) + b3 * np.exp(-x * b5),
    "Misra1a": saturation,
    "Misra1b": lambda x, b1, b2: b1 * (1 - (1 + b2 * x / 2) ** -2),
    "Misra1c": lambda x, b1, b2: b1 * (1 - (1 + 2 * b2 * x) ** -0.5),
    "Misra1d": lambda x, b1, b2: b1 * b2 * x / (1 + b2 * x),
    "Nelson": lambda x, b1, b2, b3: b1 - b2 * x[:, 0] * np.exp(-b3 * x[:, 1]),  # of log y
    "Rat42": lambda x, b1, b2, b3: b1 / (1 + np.exp(b2 - b3 * x)),
    "Rat43": lambda x, b1, b2, b3, b4: b1 / (1 + np.exp(b2 - b3 * x)) ** (1 / b4),
    "Roszman1": lambda x, b1, b2, b3, b4: b1 - b2 * x - np.arctan(b3 / (x - b4)) / math.pi,
    "Thurber": cubics,
}
