"""The gradient checker beside those of PyTorch, JAX and SciPy, on the same cases.

Each checker gets a function of one number as a black box and a claimed derivative: the true one
(from mpmath), and wrong ones. What is counted is how often it objects.

    python -m pip install -e ".[test,peers]" scipy numdifftools
    python benchmarks/gradcheck.py [--no-peers] [--hidden] [--only smooth beside ...]

SciPy's `check_grad` gives a number and no verdict: here it objects when that is above 1e-6.
`scipy.differentiate` and numdifftools give a derivative and an error: here they object to a claim
that is twice the error away. JAX and
PyTorch run with their defaults in double precision.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from autograd import check_graph, gradcheck, nodes
from autograd.checking.differences import derivative
from autograd.checking.mutation import wrong_columns
from autograd.core import graph
from autograd.core.rules import RULES

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from gradient_cases import (  # the tests check the same cases
    KINKS,
    MISTAKES,
    PIECEWISE,
    SCALES,
    blur,
    ends,
    faulty_sweep,
    ladder,
    random_graph,
    slope,
    smooth_cases,
    wrong_at_a_kink,
)

Checker = Callable[[Callable[[float], float], float, float], bool]
Case = tuple[Callable[[float], float], float, float, list[float]]  # f, x, its slope, wrong ones
ERRORS = {
    "5e-4": lambda s: s * (1 + 5e-4),
    "1e-4": lambda s: s * (1 + 1e-4),
    "1e-6": lambda s: s * (1 + 1e-6),
    "1e-8": lambda s: s * (1 + 1e-8),
    "1e-10": lambda s: s * (1 + 1e-10),
    "sign": lambda s: -s,
    "dropped": lambda s: 0.0 * s,
}
SIZE = {"sign": 2.0, "dropped": 1.0}
BARS = 2.0  # error estimates of those that give one
MARGIN = 100.0  # an error is visible where it is this many times what rounding hides


def ours(f: Callable[[float], float], x: float, claim: float) -> bool:
    """Whether this project's checker objects."""
    return gradcheck(f, x, df=lambda _: claim).rows[0].verdict == "wrong"


def noisy(f: Callable[[float], float], x: float, claim: float) -> bool:
    """Whether this project's checker says that nothing can be said."""
    return gradcheck(f, x, df=lambda _: claim).rows[0].verdict == "noisy"


def torch_checker() -> Checker:
    import torch

    class BlackBox(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return torch.tensor(current["f"](x.item()), dtype=torch.float64)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * current["claim"]

    def check(f: Callable[[float], float], x: float, claim: float) -> bool:
        current.update(f=f, claim=claim)
        point = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        return not torch.autograd.gradcheck(BlackBox.apply, (point,), raise_exception=False)

    current: dict[str, Any] = {}
    return check


def jax_checker() -> Checker:
    import logging

    import jax
    import jax.numpy as jnp
    import numpy as np
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    logging.getLogger("jax").setLevel(logging.CRITICAL)  # what f raises is the checker's to judge
    shape = jax.ShapeDtypeStruct((), jnp.float64)

    def compute(x: Any) -> Any:
        return np.float64(current["f"](float(x)))

    def claimed(g: Any) -> Any:
        return np.float64(float(g) * current["claim"])

    @jax.custom_vjp
    def black_box(x: Any) -> Any:
        return jax.pure_callback(compute, shape, x)

    black_box.defvjp(
        lambda x: (black_box(x), None), lambda _, g: (jax.pure_callback(claimed, shape, g),)
    )

    def check(f: Callable[[float], float], x: float, claim: float) -> bool:
        current.update(f=f, claim=claim)
        try:
            check_grads(black_box, (jnp.float64(x),), order=1, modes=["rev"])
        except AssertionError:
            return True
        return False

    current: dict[str, Any] = {}
    return check


def scipy_checker() -> Checker:
    from scipy.optimize import check_grad

    def check(f: Callable[[float], float], x: float, claim: float) -> bool:
        off = check_grad(lambda v: f(float(v[0])), lambda v: [claim], [x])
        return not off <= 1e-6

    return check


def on_arrays(f: Callable[[float], float]) -> Callable[[Any], Any]:
    return lambda t: np.array([f(float(s)) for s in np.ravel(t)]).reshape(np.shape(t))


def differentiate_checker() -> Checker:
    from scipy.differentiate import derivative

    def check(f: Callable[[float], float], x: float, claim: float) -> bool:
        found = derivative(on_arrays(f), x)
        return not abs(claim - found.df) <= BARS * found.error

    return check


def numdifftools_checker() -> Checker:
    import numdifftools

    def check(f: Callable[[float], float], x: float, claim: float) -> bool:
        info = numdifftools.Derivative(on_arrays(f), full_output=True)(x)
        found, error = (float(np.ravel(part)[0]) for part in (info.estimate, info.error_estimate))
        return not abs(claim - found) <= BARS * error

    return check


def guarded(check: Checker) -> Checker:
    """A checker that cannot cope (it stepped out of the domain, say) objects."""

    def asked(f: Callable[[float], float], x: float, claim: float) -> bool:
        try:
            return check(f, x, claim)
        except Exception:
            return True

    return asked


def smooth(checkers: dict[str, Checker], scales: tuple[float, ...]) -> None:
    everything = list(smooth_cases(scales))
    cases = [(f, x, slope(f, x)) for _, f, x in everything]
    cases = [(f, x, s) for f, x, s in cases if blur(f, x, s) < 0.01]
    print(f"\n{len(cases)} of {len(everything)} cases (the others are flat within rounding)")
    print(f"function scales {', '.join(f'{scale:g}' for scale in scales)}")
    head = ["false alarms", *ERRORS, "ms"]
    print(f"{'objections, %':<14}" + "".join(f"{title:>13}" for title in head))
    size = {error: SIZE.get(error) or float(error) for error in ERRORS}
    visible = {
        error: [MARGIN * blur(f, x, s) < size[error] for f, x, s in cases] for error in ERRORS
    }
    for name, check in checkers.items():
        start = time.perf_counter()
        rows = [100.0 * sum(check(f, x, s) for f, x, s in cases) / len(cases)]
        spent = (time.perf_counter() - start) / len(cases)
        seen = []
        for error, change in ERRORS.items():
            found = [check(f, x, change(s)) for f, x, s in cases]
            rows.append(100.0 * sum(found) / len(cases))
            those = [a for a, b in zip(found, visible[error], strict=True) if b]
            seen.append(f"{100.0 * sum(those) / len(those):.1f}")
        print(f"{name:<14}" + "".join(f"{row:>13.1f}" for row in rows) + f"{1e3 * spent:>13.2f}")
        print(f"{'  visible':<14}{'':>13}" + "".join(f"{part:>13}" for part in seen), flush=True)
    print(f"{'  how many':<14}{'':>13}" + "".join(f"{sum(v):>13}" for v in visible.values()))
    verdicts = [gradcheck(f, x, df=lambda _, s=s: s).rows[0].verdict for f, x, s in cases]
    print("\nverdicts on right gradients:", {v: verdicts.count(v) for v in sorted({*verdicts})})
    estimates = [(derivative(f, x), s) for f, x, s in cases]
    errors = sorted(abs(e.value - s) / abs(s) for e, s in estimates)
    honest = sum(abs(e.value - s) <= e.error_bar for e, s in estimates)
    print(
        f"numeric derivative: relative error median {errors[len(errors) // 2]:.1e}, "
        f"90 % {errors[len(errors) * 9 // 10]:.1e}, 99 % {errors[len(errors) * 99 // 100]:.1e}; "
        f"honest bars {100.0 * honest / len(cases):.1f} %"
    )


def least_visible(f: Callable[[Any], Any], x: float, slope_there: float) -> float:
    """The least relative error of a slope that is certain to show through the rounding of f.

    A central formula of 2m points (Fornberg 1988) at step h is off by its truncation, here computed
    in 40 digits, and by as much as the rounding of f's values adds up to (Gill, Murray, Saunders
    and Wright 1983). The least sum over formulas and steps is what the best of them knows the slope
    to; a claim that is off by less than twice that may be the slope itself.
    """
    with mpmath.workdps(40):
        at, tiny = mpmath.mpf(x), mpmath.mpf(10) ** -13 * max(abs(x), 1e-9)
        exact = (f(at + tiny) - f(at - tiny)) / (2 * tiny)
        near = [x + k * 2.0**-20 * max(abs(x), 2.0**-20) for k in range(-8, 9)]
        own = max((abs(f(t) - f(mpmath.mpf(t))) for t in near if in_domain(f, t)), default=0.0)

        def value(t: Any) -> Any:
            found = f(t) if in_domain(f, t) else mpmath.nan
            return found if isinstance(found, mpmath.mpf) else mpmath.nan

        least = mpmath.inf
        for k, m in itertools.product(range(-3, 34), (1, 2, 3, 4, 6, 8, 10)):
            h = max(1.0, abs(x)) * mpmath.mpf(2) ** -k
            total = rounding = mpmath.mpf(0)
            for j in range(1, m + 1):
                weight = mpmath.binomial(2 * m, m - j) / mpmath.binomial(2 * m, m) / j / h
                a, b = value(at - j * h), value(at + j * h)
                total -= (-1) ** j * weight * (b - a)
                rounding += weight * sum(max(abs(y) * 2.0**-53, own) for y in (a, b))
            if total == total:
                least = min(least, abs(total - exact) + rounding)
        return float(2 * least / abs(slope_there))


def in_domain(f: Callable[[Any], Any], t: Any) -> bool:
    try:
        return bool(f(t) == f(t))
    except (ArithmeticError, ValueError):
        return False


def hidden() -> None:
    """Each case in which an error of 1e-10 is missed, and the least that rounding lets be seen."""
    cases = [(name, f, x, slope(f, x)) for name, f, x in smooth_cases()]
    cases = [case for case in cases if blur(*case[1:]) < 0.01]
    missed = [case for case in cases if not ours(case[1], case[2], case[3] * (1 + 1e-10))]
    print(f"{len(missed)} of {len(cases)} cases in which an error of 1e-10 is not seen")
    print(f"{'function':<14}{'x':>12}{'f(x)':>12}{'slope':>12}{'visible from':>14}")
    forbidden = 0
    for name, f, x, s in missed:
        least = least_visible(f, x, s)
        forbidden += least > 1e-10
        print(f"{name:<14}{x:>12g}{f(x):>12.3g}{s:>12.3g}{least:>14.1e}", flush=True)
    most = 100.0 * (len(cases) - forbidden) / len(cases)
    print(
        f"rounding forbids {forbidden} of them, so at most {most:.1f} % of all can be seen, and "
        f"{100.0 * (len(cases) - len(missed)) / (len(cases) - forbidden):.1f} % of those are"
    )


def kinks(checkers: dict[str, Checker]) -> None:
    print(f"\n{len(KINKS)} kinks: right (a subgradient) and wrong gradients objected to")
    reports = [
        gradcheck(f, x, df=lambda _, a=a, b=b: 0.5 * (a + b)).rows[0]
        for f, x, a, b in KINKS.values()
    ]
    exact = sum(
        row.verdict == "kink" and abs(row.left - a) + abs(row.right - b) < 1e-9 * (abs(a) + abs(b))
        for row, (_, _, a, b) in zip(reports, KINKS.values(), strict=True)
    )
    print(f"valuegrad calls {exact} a kink with both slopes")
    for name, check in checkers.items():
        alarms = sum(check(f, x, min(a, b)) for f, x, a, b in KINKS.values())
        wrong = [check(f, x, w) for f, x, a, b in KINKS.values() for w in wrong_at_a_kink(a, b)]
        print(f"{name:<14} right {alarms} of {len(KINKS)}, wrong {sum(wrong)} of {len(wrong)}")


def tally(title: str, cases: list[Case], checkers: dict[str, Checker]) -> None:
    """How many right gradients are called wrong, and how many wrong ones pass."""
    wrong = sum(len(case[3]) for case in cases)
    print(f"\n{title}: {len(cases)} right gradients and {wrong} wrong ones")
    for name, check in checkers.items():
        alarms = sum(check(f, x, right) for f, x, right, _ in cases)
        passed = sum(not check(f, x, claim) for f, x, _, claims in cases for claim in claims)
        line = f"{name:<14} right called wrong {alarms:>4}, wrong passed {passed:>4}"
        if name == "valuegrad":
            unsure = [sum(noisy(f, x, right) for f, x, right, _ in cases)]
            unsure += [sum(noisy(f, x, claim) for f, x, _, claims in cases for claim in claims)]
            line = (
                f"{name:<14} right called wrong {alarms:>4}, wrong passed {passed - unsure[1]:>4}"
            )
            line += f"; noisy, which is no pass: {unsure[0]} right, {unsure[1]} wrong"
        print(line, flush=True)


def beside_kinks(checkers: dict[str, Checker]) -> None:
    rungs = ladder(1.0, [10.0**-k for k in range(13)])
    title = f"{len(PIECEWISE)} piecewise functions, 1e-12 to 1 from the kink, to both sides"
    tally(title, [rung[1:] for rung in rungs], checkers)


def stairs(checkers: dict[str, Checker]) -> None:
    """Half precision, whose values are constant at the scale of most steps: x^2 at 40 points."""
    points = [(0.5 + i / 16.0, 1.0 + i / 8.0) for i in range(40)]
    cases = [(lambda x: float(np.float16(x)) ** 2, x, s, [1.5 * s, -s, s + 1.0]) for x, s in points]
    tally("stairs of half precision", cases, checkers)


def edges(checkers: dict[str, Checker]) -> None:
    """Points down to one float from the end of a domain, beyond which f raises or is nan."""

    def log(x: float) -> float:
        assert x > 0.0
        return math.log(x)

    def scalar(f: Callable[[Any], Any]) -> Callable[[float], float]:
        return lambda x: float(f(np.float64(x)))

    near = [(10.0**-k, 10.0**k) for k in range(13)]
    far: list[Case] = [(log, x, s, [1.001 * s, -s, 3.0 * s, 0.0]) for x, s in near]
    tally("1e-12 to 1 from the end of a domain", far, checkers)
    few: list[Case] = [
        (scalar(f), float(x), s, [-s, 3.0 * s, 0.0]) for _, f, x, s in ends(np.float64)
    ]
    with np.errstate(all="ignore"):
        tally("1 to 100 floats from the end of a domain or a pole", few, checkers)


def graphs() -> None:
    root = random_graph(0)
    spent = min(_seconds(lambda: check_graph(root)) for _ in range(5))
    edges = check_graph(root).edges
    print(f"\ngraph of {len(nodes(root))} nodes, {edges} local derivatives: ", end="")
    print(f"{1e3 * spent:.1f} ms, {1e6 * spent / edges:.1f} us each")
    named = planted = 0
    for name in sorted({node.op for node in nodes(root)} - {""}):
        row = RULES[name]
        kept = row.columns
        for place in range(len(kept)):
            wrong = [wrong_columns(row, place, k) for k in (-1.0, 2.0, 0.0, 1 + 1e-6)]
            if len(kept) == 2 and name != "add":
                wrong.append(tuple(kept[1 - place] if i == place else kept[i] for i in (0, 1)))
            for columns in wrong:
                row.columns = columns
                try:
                    findings = check_graph(root).findings
                finally:
                    row.columns = kept
                planted += 1
                named += [(f.operation, f.argument) for f in findings] == [(name, place)]
    print(f"rule faults named, operation and argument: {named} of {planted}")
    for mistake in MISTAKES:
        effect = named = 0
        for seed in range(20):
            root = random_graph(seed, 80)
            right = {node: g for node, g, _ in graph.sweep(root)}
            kept, graph.sweep = graph.sweep, faulty_sweep(mistake)  # type: ignore[assignment]
            try:
                got = {node: g for node, g, _ in graph.sweep(root)}
                kinds = [f.kind for f in check_graph(root).findings]
            finally:
                graph.sweep = kept
            if any(not math.isclose(got.get(n, 0.0), g, rel_tol=1e-9) for n, g in right.items()):
                effect += 1
                named += kinds == [mistake]
        print(f"faults of the walk, {mistake}: {named} of {effect} (20 graphs)")


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


PARTS: dict[str, Callable[[dict[str, Checker]], None]] = {
    "smooth": partial(smooth, scales=SCALES),
    "scale 1": partial(smooth, scales=(1.0,)),
    "hidden": lambda _: hidden(),
    "kinks": kinks,
    "beside": beside_kinks,
    "stairs": stairs,
    "edges": edges,
    "graphs": lambda _: graphs(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--no-peers", action="store_true", help="this project's checker alone")
    parser.add_argument("--hidden", action="store_true", help="what rounding hides, case by case")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    given = parser.parse_args()
    checkers: dict[str, Checker] = {"valuegrad": ours}
    peers = {
        "torch": torch_checker, "jax": jax_checker, "scipy": scipy_checker,
        "differentiate": differentiate_checker, "numdifftools": numdifftools_checker,
    }  # fmt: skip
    for name, make in ({} if given.no_peers or given.hidden else peers).items():
        try:
            checkers[name] = guarded(make())
        except ImportError:
            print(f"{name}: not installed")
    for part in ["hidden"] if given.hidden else given.only:
        PARTS[part](checkers)


if __name__ == "__main__":
    main()
