"""What is true of every row, from mathematics and mpmath alone: nothing here reads a column."""
# ruff: noqa: E501  # its table is aligned

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from mpmath import mp

UNIT = 2.0**-53  # half the gap between 1 and the next float
SMALLEST_NORMAL = 2.0**-1022
DIGITS = (100, 250, 600, 1000)  # tried in turn, until a difference stands out from the rounding

Points = list[tuple[float, ...]]


class Case(NamedTuple):
    """A row's function in mpmath's numbers, and where to try it."""

    truth: Callable[..., Any]
    points: Callable[[random.Random], Points]  # over the whole domain, tails and edges included
    ordinary: Points  # a few points where nothing is extreme, the most telling first
    wrt: tuple[int, ...] = (0,)  # the inputs that have a slope
    cancels: bool = False  # whether the value may cancel, and is measured by its condition then
    complex: bool = True  # whether the function for complex numbers is here (if analytic at all)


# ---- where to look -------------------------------------------------------------------------------


def logs(rng: random.Random, low: float, high: float, n: int = 24) -> list[float]:
    """Positive numbers, evenly spread over the magnitudes from 10^low to 10^high."""
    return [10.0 ** rng.uniform(low, high) for _ in range(n)]


def near(edge: float, *sides: int) -> list[float]:
    """Numbers at the distances 1/2, 1/4, ... 2^-52 (and what the scale of `edge` makes of them)."""
    scale = abs(edge) or 1.0
    steps = (1, 2, 3, 5, 8, 13, 20, 26, 27, 33, 40, 46, 50, 52)
    return [edge + side * scale * 2.0**-k for k in steps for side in sides or (1, -1)]


def signed(xs: list[float]) -> list[float]:
    return [*xs, *(-x for x in xs)]


def line(low: float = -150, high: float = 150, *more: float) -> Callable[[random.Random], Points]:
    """Both signs, all magnitudes, and denser where functions bend."""

    def points(rng: random.Random) -> Points:
        xs = signed(logs(rng, low, high)) + signed(logs(rng, -3, min(high, 2.8), 16))
        xs += [rng.uniform(-4, 4) for _ in range(16)]
        return [(x,) for x in (*xs, *signed(list(more)))]

    return points


def half_line(
    edge: float = 0.0, high: float = 300, *more: float
) -> Callable[[random.Random], Points]:
    """Everything above `edge`, and close to it."""

    def points(rng: random.Random) -> Points:
        xs = [edge + x for x in logs(rng, -8 if edge else -300, high, 40)] + near(1.0)
        xs += [x for x in (*near(edge, 1), *more) if edge]
        return [(x,) for x in xs if x > edge]

    return points


def unit(rng: random.Random) -> Points:
    """Everything between -1 and 1, and close to both."""
    xs = [rng.uniform(-1, 1) for _ in range(16)] + signed(logs(rng, -150, 0, 16)) + near(1.0, -1)
    return [(x,) for x in (*xs, *near(-1.0, 1))]


def plane(low: float = -150, high: float = 150, n: int = 60) -> Callable[[random.Random], Points]:
    """Pairs of both signs: of unlike magnitudes, of like magnitudes, and nearly equal."""

    def points(rng: random.Random) -> Points:
        def any_sign(x: float) -> float:
            return rng.choice((-1, 1)) * x

        pairs = []
        for x in logs(rng, low, high, n):
            y = 10.0 ** rng.uniform(low, high)
            alike = x * 10.0 ** rng.uniform(-2, 2)
            close = x * (1 + rng.uniform(-1, 1) * 2.0 ** -rng.randrange(5, 50))
            pairs.append((any_sign(x), any_sign(rng.choice((y, alike, alike, close)))))
        return pairs

    return points


def powers(rng: random.Random) -> Points:
    """Bases and exponents of all sizes whose power is a float, and negative bases too."""
    pairs = [(x, rng.uniform(-5, 5)) for x in logs(rng, -60, 60, 30)]
    pairs += [(x, rng.choice((-1, 1)) * 10 ** rng.uniform(-8, 2.4)) for x in logs(rng, -1, 1, 20)]
    pairs += [(1 + 2.0**-k, rng.choice((-1, 1)) * 2.0**j) for k in (10, 30, 50) for j in (1, 9, 29)]
    pairs += [(x, e) for x in logs(rng, -30, 30, 8) for e in (0.5, 1 / 3, 2.0, 3.0, -1.0, -7.0)]
    pairs += [(1e200, 1.5), (1e-200, 1.5), (1e200, -1.2), (1e-200, -1.2), (0.1, 300.0)]
    return [(x, y) for x, y in pairs if abs(y * math.log(x)) < 690]


def powers_of_both_signs(rng: random.Random) -> Points:
    return powers(rng) + [(-x, e) for x in logs(rng, -20, 20, 9) for e in (1.0, 2.0, 3.0, -3.0)]


def derivatives_of_powers(rng: random.Random) -> Points:
    orders = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]
    return [(x, y, *map(float, rng.choice(orders))) for x, y in powers(rng)]


def lists(
    low: float, high: float, spread: float = 0.0, *more: tuple[float, ...]
) -> Callable[[random.Random], Points]:
    """Lists of three, one of two and one of four; `spread` is how far apart the entries are."""

    def points(rng: random.Random) -> Points:
        found: Points = []
        for x in logs(rng, low, high, 30):
            near_to = rng.choice((-1, 1)) * x if spread else 0.0
            reach = spread or x
            size = rng.choice((2, 3, 3, 3, 4))
            found.append(tuple(near_to + rng.uniform(-reach, reach) for _ in range(size)))
        return [*found, *more]

    return points


def wide_lists(rng: random.Random) -> Points:
    """Lists whose differences are large and not floats, and lists close together far from 0."""
    return lists(-3, 6, 5.0)(rng) + lists(2, 2.5)(rng) + [(1000.0, 1000.0), (0.0, -800.0)]


def even_lists(rng: random.Random) -> Points:
    return [xs for xs in lists(-80, 80)(rng) if len(xs) % 2 == 0]


def with_slope(rng: random.Random) -> Points:
    slopes = (0.01, 0.1, 0.3, 1.0, 2.5, 0.0, 1e-9, 12345.678, 1e17)
    return [(x, rng.choice(slopes)) for (x,) in line(-100, 100)(rng)]


def with_alpha(rng: random.Random) -> Points:
    return [(x, rng.choice((1.0, 0.5, 1.7, 1e-9))) for (x,) in line(-100, 2.8)(rng)]


def bounded(rng: random.Random) -> Points:
    """A number and two bounds in order, all different."""
    triples = []
    for x in logs(rng, -100, 100, 40):
        low, high = sorted((rng.uniform(-2, 2) * x, rng.uniform(-2, 2) * x))
        triples.append((rng.uniform(-2, 2) * x, low, high))
    return triples


def wrapped(rng: random.Random) -> Points:
    """Pairs for // and %: none at a multiple, where they jump."""
    pairs = plane(-100, 100)(rng) + plane(-1, 1)(rng)
    return [(x, y) for x, y in pairs if abs(x / y) < 1e12 and x % y not in (0.0, y)]


# ---- what is true --------------------------------------------------------------------------------


def whole_below(x: Any) -> Any:
    return mp.floor(x)


def iverson(x: Any) -> Any:
    """1 if x holds, else 0."""
    return mp.mpf(bool(x))


def clamp(x: Any, low: Any, high: Any) -> Any:
    return low if x < low else high if x > high else x


def total(xs: Any) -> Any:
    """The plain sum: mp.fsum is for numbers without an imaginary part to lose."""
    answer = 0 * xs[0]
    for x in xs:
        answer += x
    return answer


def log_sum(*xs: Any) -> Any:
    return mp.log(total([mp.exp(x) for x in xs]))


def inner(*xys: Any) -> Any:
    half = len(xys) // 2
    return total([x * y for x, y in zip(xys[:half], xys[half:], strict=True)])


def gaussian_share(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def derivative_of_power(x: Any, y: Any, n: Any, m: Any) -> Any:
    """The n-th derivative with respect to x of the m-th with respect to y, spelt out."""
    power, log = mp.power(x, y), mp.log(x) if m else 0
    return {
        (0, 0): lambda: power,
        (1, 0): lambda: y * power / x,
        (0, 1): lambda: power * log,
        (2, 0): lambda: y * (y - 1) * power / x**2,
        (1, 1): lambda: (1 + y * log) * power / x,
        (0, 2): lambda: power * log**2,
    }[int(n), int(m)]()


def off_the_poles(low: float, high: float = 300) -> Callable[[random.Random], Points]:
    """Numbers of all magnitudes, those below 0 between the poles 0, -1, -2, ..."""

    def points(rng: random.Random) -> Points:
        xs = logs(rng, low, high) + logs(rng, -1, 1.5) + near(1.0) + near(2.0) + near(1.4616321)
        xs += [-rng.randrange(9) - rng.uniform(0.05, 0.95) for _ in range(24)]
        return [(x,) for x in (*xs, *(-x for x in logs(rng, low, -2)), -1234.3, -99.51)]

    return points


def with_order(rng: random.Random) -> Points:
    return [(x, rng.choice((0.0, 1.0, 2.0, 3.0, 5.0, 8.0))) for (x,) in off_the_poles(-20, 20)(rng)]


class Rows(dict[str, Case]):
    """What is true of each row."""

    def __missing__(self, name: str) -> Case:
        raise LookupError(
            f"nothing says what {name} is: add its function in mpmath's numbers, and where to try "
            f'it, to TRUTH in tests/truth.py, as "{name}": Case(truth, points, ordinary)'
        )


ONE: Points = [(0.7,), (-1.3,), (2.1,)]
ABOVE: Points = [(0.7,), (1.9,), (0.03,)]
INSIDE: Points = [(0.3,), (-0.7,), (0.05,)]
TWO: Points = [(0.7, -1.3), (-2.1, 0.4), (1.7, 2.9)]
THREE: Points = [(0.7, -1.3, 0.2), (2.1, 1.9, -0.6)]
FOUR: Points = [(0.7, -1.3, 0.2, 1.1), (2.1, 1.9, -0.6, 0.3)]
BOTH = (0, 1)

# fmt: off
TRUTH = Rows({
    "identity":    Case(lambda x: x,                         line(-300, 300), ONE),
    "neg":         Case(lambda x: -x,                        line(-300, 300), ONE),
    "add":         Case(lambda x, y: x + y,                  plane(-150, 150), TWO, BOTH),
    "sub":         Case(lambda x, y: x - y,                  plane(-150, 150), TWO, BOTH),
    "mul":         Case(lambda x, y: x * y,                  plane(-150, 150), TWO, BOTH),
    "div":         Case(lambda x, y: x / y,                  plane(-150, 150), TWO, BOTH),
    "floordiv":    Case(lambda x, y: whole_below(x / y),     wrapped, TWO, BOTH),
    "mod":         Case(lambda x, y: x - y * whole_below(x / y), wrapped, TWO, BOTH),
    "pow":         Case(mp.power,                            powers_of_both_signs, [(0.7, -1.3), (2.1, 0.4), (1.7, 3.0)], BOTH),

    "exp":         Case(mp.exp,                              line(-150, 2.84, 700.0, 1e-300), ONE),
    "expm1":       Case(mp.expm1,                            line(-150, 2.84, 700.0), ONE),
    "log":         Case(mp.log,                              half_line(), ABOVE),
    "log1p":       Case(mp.log1p,                            lambda rng: half_line(-1.0)(rng) + line(-150, 150)(rng)[:24], ABOVE),
    "log2":        Case(lambda x: mp.log(x) / mp.log(2),     half_line(), ABOVE),
    "log10":       Case(lambda x: mp.log(x) / mp.log(10),    half_line(), ABOVE),
    "sqrt":        Case(mp.sqrt,                             half_line(), ABOVE),
    "cbrt":        Case(lambda x: mp.sign(mp.re(x)) * mp.power(mp.sign(mp.re(x)) * x, mp.mpf(1) / 3), line(-300, 300), ONE),
    "sin":         Case(mp.sin,                              line(-150, 15, 1e22, 1e200), ONE),
    "cos":         Case(mp.cos,                              line(-150, 15, 1e22, 1e200), ONE),
    "tan":         Case(mp.tan,                              line(-150, 15, 1e22, 1e200, math.pi / 2), ONE),
    "asin":        Case(mp.asin,                             unit, INSIDE),
    "acos":        Case(mp.acos,                             unit, INSIDE),
    "atan":        Case(mp.atan,                             line(-150, 300), ONE),
    "atan2":       Case(lambda x, y: mp.atan2(x, y) if not isinstance(x + y, mp.mpc) else mp.atan(x / y), plane(-150, 150), [(0.7, 1.3), (2.1, 0.4), (1.7, 2.9), (-0.3, -0.8), (0.4, -0.3)], BOTH),
    "sinh":        Case(mp.sinh,                             line(-150, 2.84, 700.0), ONE),
    "cosh":        Case(mp.cosh,                             line(-150, 2.84, 700.0), ONE),
    "tanh":        Case(mp.tanh,                             line(-150, 2.5, 19.0, 20.0, 350.0), ONE),
    "asinh":       Case(mp.asinh,                            line(-150, 300, 1e200), ONE),
    "acosh":       Case(mp.acosh,                            half_line(1.0), [(1.3,), (2.1,), (7.0,)]),
    "atanh":       Case(mp.atanh,                            unit, INSIDE),
    "erf":         Case(mp.erf,                              line(-150, 1.4), ONE, complex=False),
    "erfc":        Case(mp.erfc,                             line(-150, 1.4), ONE, complex=False),
    "erfinv":      Case(mp.erfinv,                           unit, INSIDE, complex=False),
    "gammaln":     Case(lambda x: mp.log(abs(mp.gamma(x))) if abs(x) < 1e4 else mp.loggamma(x), off_the_poles(-300), [(0.7,), (-1.3,), (4.1,)], cancels=True, complex=False),
    "digamma":     Case(mp.digamma,                          off_the_poles(-300), [(0.7,), (-1.3,), (4.1,)], cancels=True, complex=False),
    "polygamma":   Case(lambda x, n: mp.psi(int(n), x),      with_order, [(0.7, 1.0), (-1.3, 2.0), (4.1, 0.0)], cancels=True, complex=False),
    "hypot":       Case(lambda x, y: mp.sqrt(x * x + y * y), lambda rng: [*plane(-150, 150)(rng), (1e200, 1e200), (3e-200, 4e-200), (1e100, 1e-100)], TWO, BOTH),
    "logaddexp":   Case(log_sum,                             lambda rng: plane(-30, 2.8)(rng) + plane(0, 2.8)(rng), TWO, BOTH, cancels=True),

    "sigmoid":     Case(lambda x: 1 / (1 + mp.exp(-x)),      line(-150, 2.8, 37.0, 40.0, 700.0), ONE),
    "logsigmoid":  Case(lambda x: -mp.log1p(mp.exp(-x)),     line(-150, 2.84, 40.0, 1000.0), ONE),
    "logit":       Case(lambda x: mp.log(x) - mp.log1p(-x),  lambda rng: [(x,) for x in (*logs(rng, -300, 0), *near(0.5), *near(0.25), *near(1.0, -1))], [(0.3,), (0.7,), (0.05,)]),
    "log1mexp":    Case(lambda x: mp.log(-mp.expm1(x)) if mp.re(x) > -1 else mp.log1p(-mp.exp(x)), lambda rng: [(-x,) for x in (*logs(rng, -300, 2.84, 60), *near(math.log(2)), *near(37.0), 700.0, 800.0)], [(-0.7,), (-1.3,), (-0.03,)]),
    "softplus":    Case(lambda x: mp.log1p(mp.exp(x)),       line(-150, 2.84, 40.0, 1000.0), ONE),
    "silu":        Case(lambda x: x / (1 + mp.exp(-x)),      line(-150, 2.84, 40.0, 700.0), ONE),
    "gelu":        Case(lambda x: x * gaussian_share(x),     line(-150, 1.55, 10.0, 30.0, 37.0, 37.5), ONE, complex=False),
    "relu":        Case(lambda x: x if x > 0 else 0 * x,     line(-300, 300), ONE),
    "leaky_relu":  Case(lambda x, a: x if x > 0 else a * x,  with_slope, [(0.7, 0.1), (-1.3, 0.3)], BOTH),
    "elu":         Case(lambda x, a: x if x > 0 else a * mp.expm1(x), with_alpha, [(0.7, 1.0), (-1.3, 1.7)], BOTH),

    "abs":         Case(lambda x: x if x > 0 else -x,        line(-300, 300), ONE),
    "sign":        Case(mp.sign,                             line(-300, 300), ONE),
    "step":        Case(lambda x: iverson(x > 0),            line(-300, 300), ONE),
    "floor":       Case(whole_below,                         line(-150, 12), ONE),
    "round":       Case(lambda x, digits: mp.nint(x * 10**digits) / 10**digits, lambda rng: [(x, rng.choice((0.0, 1.0, 3.0, -2.0))) for (x,) in line(-150, 9)(rng)], [(0.7, 0.0), (-1.333, 1.0)]),
    "minimum":     Case(lambda x, y: x if x < y else y,      plane(-300, 300), TWO, BOTH),
    "maximum":     Case(lambda x, y: x if x > y else y,      plane(-300, 300), TWO, BOTH),
    "clip":        Case(clamp,                               bounded, [(0.3, -1.0, 1.0), (-1.3, -1.0, 1.0), (2.1, -1.0, 1.0)], (0, 1, 2)),
    "where":       Case(lambda c, x, y: x if c else y,       lambda rng: [(float(c), x, y) for c in (0, 1) for x, y in plane()(rng)[:9]], [(1.0, 0.7, -1.3), (0.0, 0.7, -1.3)], (1, 2)),

    "sum":         Case(lambda *xs: total(xs),               lists(-150, 150, 0.0, (1e16, 1.0, -1e16), (1e308, 1e308, -1e308)), THREE, (0, 1, 2)),
    "mean":        Case(lambda *xs: total(xs) / len(xs),     lists(-150, 150, 0.0, (1e308, 1.5e308, 1e308)), THREE, (0, 1, 2)),
    "dot":         Case(inner,                               even_lists, FOUR, (0, 1, 2, 3), cancels=True),
    "logsumexp":   Case(log_sum,                             wide_lists, THREE, (0, 1, 2), cancels=True),
    "softmax":     Case(lambda x, *xs: mp.exp(x - log_sum(x, *xs)), wide_lists, THREE, (0, 1, 2)),
    "log_softmax": Case(lambda x, *xs: -mp.log1p(total([mp.exp(y - x) for y in xs])), wide_lists, THREE, (0, 1, 2)),

    "sech2":       Case(lambda x: mp.cosh(x) ** -2,          line(-150, 2.5, 20.0, 350.0), ONE),
    "normal_cdf":  Case(gaussian_share,                      line(-150, 1.55, 10.0, 30.0, 37.0), ONE, complex=False),
    "normal_pdf":  Case(lambda x: mp.npdf(x),                line(-150, 1.55, 10.0, 30.0, 37.0), ONE),
    "ratio":       Case(lambda x, y: x / y,                  plane(-150, 150), TWO, BOTH),
    "inside":      Case(lambda x, low, high: iverson(low < x < high), bounded, [(0.3, -1.0, 1.0), (-1.3, -1.0, 1.0)], (0, 1, 2)),
    "inverse_where_positive": Case(lambda x: 1 / x,          half_line(), ABOVE),
    "share_of_larger":  Case(lambda x, y: iverson(x > y),    plane(-300, 300), TWO, BOTH),
    "less":        Case(lambda x, y: iverson(x < y),         plane(-300, 300), TWO, BOTH),
    "less_equal":  Case(lambda x, y: iverson(x <= y),        plane(-300, 300), TWO, BOTH),
    "power_derivative": Case(derivative_of_power,            derivatives_of_powers, [(0.7, -1.3, 1.0, 0.0), (2.1, 0.4, 0.0, 1.0), (1.7, 3.0, 2.0, 0.0), (1.7, 2.2, 1.0, 1.0)], BOTH, cancels=True),
})
# fmt: on


# ---- slopes, from differences of hundreds of digits ----------------------------------------------


class Slopes(NamedTuple):
    """A function's value, its slope in each input, and how sensitive value and slopes are.

    `condition` is the sum of |x_j f_j / f|; `sensitivity[i]` that of |x_j f_ij / f_i|: by how much
    more than its inputs' rounding any formula for slope i must be off.
    """

    value: Any
    slope: dict[int, Any]
    condition: float
    sensitivity: dict[int, float]


def slopes(truth: Callable[..., Any], xs: tuple[float, ...], wrt: tuple[int, ...]) -> Slopes:
    """By central differences: their steps of 10^-30 make errors of 10^-60, and mpmath none."""
    for digits in DIGITS:
        with mp.workdps(digits):
            found, lost = _differences(truth, xs, wrt)
            if not lost:
                break
    return found


def _differences(
    truth: Callable[..., Any], xs: tuple[float, ...], wrt: tuple[int, ...]
) -> tuple[Slopes, bool]:
    at = [mp.mpf(x) for x in xs]
    h = {i: mp.mpf(10) ** -30 * min(abs(at[i]) or 1, 1) for i in wrt}
    noise = mp.mpf(10) ** (30 - mp.dps)
    lost = False

    def f(**moved: int) -> Any:
        steps = {int(name[1:]): n for name, n in moved.items()}
        return truth(*[x + steps.get(i, 0) * h.get(i, 0) for i, x in enumerate(at)])

    def difference(d: Any) -> Any:
        nonlocal lost
        if abs(d) > noise * size:
            return d
        lost = True  # or it is 0
        return mp.mpf(0)

    value = f()
    size = max(abs(value), mp.mpf(10) ** -1000)
    up = {i: f(**{f"_{i}": 1}) for i in wrt}
    down = {i: f(**{f"_{i}": -1}) for i in wrt}
    slope = {i: difference(up[i] - down[i]) / (2 * h[i]) for i in wrt}
    slope = {i: mp.nan if isinstance(d, mp.mpc) else d for i, d in slope.items()}
    second = {(i, i): difference(up[i] - 2 * value + down[i]) / h[i] ** 2 for i in wrt}
    for i in wrt:
        for j in wrt:
            if i < j:
                corners = {(a, b): f(**{f"_{i}": a, f"_{j}": b}) for a in (1, -1) for b in (1, -1)}
                mixed = corners[1, 1] - corners[1, -1] - corners[-1, 1] + corners[-1, -1]
                second[i, j] = second[j, i] = difference(mixed) / (4 * h[i] * h[j])

    def relative(parts: Iterator[Any], whole: Any) -> float:
        ratio = mp.fsum(abs(x) for x in parts) / abs(whole) if whole else mp.mpf(0)
        return 0.0 if mp.isnan(ratio) else float(ratio)

    return (
        Slopes(
            value,
            slope,
            relative((at[i] * slope[i] for i in wrt), value),
            {i: relative((at[j] * second[i, j] for j in wrt), slope[i]) for i in wrt},
        ),
        lost,
    )


def units_off(answer: float, true: Any) -> float:
    """By how many times 2^-53 of the truth `answer` is off.

    0 where the truth lies below the normal numbers and the answer is as close as they are, and
    where both are beyond the largest.
    """
    if math.isnan(answer) or mp.isnan(true):
        return 0.0 if math.isnan(answer) and mp.isnan(true) else math.inf
    with mp.workdps(60):
        true = +true
        if abs(true) < SMALLEST_NORMAL:
            return 0.0 if abs(mp.mpf(answer) - true) <= SMALLEST_NORMAL else math.inf
        if math.isinf(answer):
            return 0.0 if float(true) == answer else math.inf
        return float(abs(mp.mpf(answer) - true) / abs(true) / UNIT)


def points_of(name: str) -> Points:
    """The points of a row, the same in every run."""
    case = TRUTH[name]
    return case.ordinary + case.points(random.Random(name))
