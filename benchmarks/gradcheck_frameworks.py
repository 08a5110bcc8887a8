"""The gradient checker on functions of PyTorch and JAX in single precision.

Each smooth case of the tests is computed by PyTorch and by JAX in float32. The claimed gradients
are the library's own, and the same with a relative error. What is counted is how often the checker
objects.

    python -m pip install -e ".[test,peers]"
    python benchmarks/gradcheck_frameworks.py [--every 1] [--error 1e-3]
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from autograd import gradcheck

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from gradient_cases import SCALES, SMOOTH  # the tests check the same cases

LIBRARIES = "torch", "jax"


def functions(library: str) -> dict[str, Callable[[Any], Any]]:
    """The functions of the cases, as one writes them in a library."""
    if library == "torch":
        xp = of = importlib.import_module("torch")
        of = xp.nn.functional
        names = {"gelu": of.gelu, "silu": of.silu, "softplus": of.softplus, "erf": xp.erf}
    else:
        xp = importlib.import_module("jax.numpy")
        of = importlib.import_module("jax.nn")
        erf = importlib.import_module("jax.scipy.special").erf
        names = {
            "gelu": lambda x: of.gelu(x, approximate=False), "silu": of.silu,
            "softplus": of.softplus, "erf": erf,
        }  # fmt: skip
    cbrt = getattr(xp, "cbrt", lambda x: x ** (1.0 / 3.0))
    sigmoid = getattr(xp, "sigmoid", getattr(of, "sigmoid", None))
    plain = ["exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh"]
    plain += ["tanh", "asinh", "acosh", "atanh", "log1p", "expm1"]
    return {
        **{name: getattr(xp, name) for name in plain}, **names,
        "cbrt": cbrt, "sigmoid": sigmoid,
        "1/x": lambda x: 1.0 / x,
        "x^3-2x+1": lambda x: x * x * x - 2.0 * x + 1.0,
        "x^2.5": lambda x: x**2.5,
        "log(1+x^2)": lambda x: xp.log(1.0 + x * x),
        "sin(x^2)": lambda x: xp.sin(x * x),
        "sin(x)/x": lambda x: xp.sin(x) / x,
        "1/(1+25x^2)": lambda x: 1.0 / (1.0 + 25.0 * x * x),
        "exp(-x^2)": lambda x: xp.exp(-x * x),
        "x exp(-x)": lambda x: x * xp.exp(-x),
        "1/(1-x)": lambda x: 1.0 / (1.0 - x),
    }  # fmt: skip


def gradient(library: str, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The gradient of a function of one number by the library."""
    if library == "jax":
        return importlib.import_module("jax").grad(f)
    torch = importlib.import_module("torch")

    def df(x: Any) -> Any:
        x = x.detach().requires_grad_()
        return torch.autograd.grad(f(x), x)[0]

    return df


def cases(library: str, every: int = 1) -> Iterator[tuple[str, Any, Any, Any]]:
    """Name, function, gradient and point of every so many cases, in float32."""
    xp = importlib.import_module("torch" if library == "torch" else "jax.numpy")
    known = functions(library)
    pairs = [(name, x) for name, (_, points) in SMOOTH.items() for x in points]
    for count, (name, x) in enumerate(pairs):
        if count % every:
            continue
        scale = SCALES[count % len(SCALES)]

        def f(x: Any, g: Any = known[name], scale: float = scale) -> Any:
            return scale * g(x)

        point = xp.asarray(x, dtype=xp.float32)
        if xp.isfinite(f(point)) and xp.isfinite(gradient(library, f)(point)):
            yield name, f, gradient(library, f), point


def verdict(f: Any, df: Any, x: Any, factor: float) -> str:
    return gradcheck(f, x, df=lambda x: factor * df(x)).rows[0].verdict


def tally(library: str, error: float, every: int = 1) -> tuple[Counter[str], Counter[str], float]:
    """The verdicts on right gradients and on wrong ones, and the seconds that a check takes."""
    start, right, wrong, shown = time.perf_counter(), Counter[str](), Counter[str](), []
    for name, f, df, x in cases(library, every):
        of_right, of_wrong = verdict(f, df, x, 1.0), verdict(f, df, x, 1.0 + error)
        right[of_right] += 1
        if df(x) != 0.0:
            wrong[of_wrong] += 1
        if of_right != "ok" or (df(x) != 0.0 and of_wrong != "wrong"):
            shown.append(f"  {name} at {float(x):g}: right is {of_right}, wrong is {of_wrong}")
    checks = right.total() + wrong.total()
    print(f"{library}: {dict(right)} of right gradients, {dict(wrong)} of those {error:g} off")
    print("\n".join(shown), flush=True)
    return right, wrong, (time.perf_counter() - start) / checks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="one case in so many")
    parser.add_argument("--error", type=float, default=1e-3, help="the relative error planted")
    given = parser.parse_args()
    for library in LIBRARIES:
        try:
            importlib.import_module(library)
        except ImportError:
            print(f"{library}: not installed")
            continue
        right, wrong, spent = tally(library, given.error, given.every)
        seen = 100.0 * wrong["wrong"] / wrong.total()
        print(
            f"{library}: {right.total()} cases, {right['wrong']} false alarms, {right['noisy']} "
            f"noisy; {seen:.2f} % of the wrong ones found; {1e3 * spent:.1f} ms a check"
        )


if __name__ == "__main__":
    main()
