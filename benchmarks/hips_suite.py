"""HIPS autograd's public test suite, on this package: `python benchmarks/hips_suite.py TESTS`.

TESTS is the folder `tests` of HIPS autograd's source distribution; nothing of it is copied. Its
tests say `import autograd.numpy as np`: a pytest plugin, which is this file, lets that mean NumPy
itself, and lets `check_grads` compare our gradients, first and second, with finite differences.
Checks of complex numbers are passed over, as this package has real ones only; a test that has no
other check, or that asks for HIPS' internals, does not count.
"""

from __future__ import annotations

import importlib
import itertools
import os
import re
import subprocess
import sys
import types
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

STEP = 1e-6
SEEN: Counter[str] = Counter()


class NotRealError(Exception):
    """A test of what this package does not claim to have."""


# ---- nested containers ---------------------------------------------------------------------------


def leaves(x: Any) -> list[Any]:
    if isinstance(x, dict):
        x = list(x.values())
    return [leaf for part in x for leaf in leaves(part)] if isinstance(x, (list, tuple)) else [x]


def rebuilt(x: Any, parts: Any) -> Any:
    if isinstance(x, dict):
        return {key: rebuilt(part, parts) for key, part in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x)([rebuilt(part, parts) for part in x])
    return next(parts)


def data_of(x: Any) -> Any:
    return x.data if hasattr(x, "backward") else x


# ---- what stands for HIPS' test_util -------------------------------------------------------------


def check_grads(f: Any, argnum: Any = 0, modes: Any = None, order: int = 2) -> Any:
    """Compare gradients in random directions with differences, up to this order."""
    from autograd import Tensor, gradients

    places = [argnum] if isinstance(argnum, int) else list(argnum)

    def check(*args: Any, **named: Any) -> None:
        chosen = [args[i] for i in places]
        if any(np.iscomplexobj(x) for x in leaves(list(args))):
            SEEN["complex"] += 1
            return
        at = [np.array(x, float) for x in leaves(chosen)]

        def outs(xs: Any) -> list[Any]:
            given = list(args)
            for i, x in zip(places, rebuilt(chosen, iter(xs)), strict=True):
                given[i] = x
            return leaves(f(*given, **named))

        plain = [np.asarray(x) for x in outs([x.copy() for x in at])]
        if any(x.dtype.kind == "c" for x in plain):
            SEEN["complex"] += 1
            return
        SEEN["real"] += 1
        weights = [np.random.standard_normal(x.shape) for x in plain]
        ours = outs([Tensor(x) for x in at])
        for x, y in zip(ours, plain, strict=True):
            np.testing.assert_allclose(data_of(x), y, rtol=1e-9, atol=1e-9, err_msg="WRONG value")

        def total(xs: Any) -> Any:
            return sum((np.sum(x * w) for x, w in zip(outs(xs), weights, strict=True)), start=0.0)

        compare(total, at, order)

    def compare(total: Any, at: list[Any], order: int) -> None:
        ways = [np.random.standard_normal(x.shape) for x in at]
        there, back = ([x + s * STEP * w for x, w in zip(at, ways, strict=True)] for s in (1, -1))
        numeric = (float(data_of(total(there))) - float(data_of(total(back)))) / (2 * STEP)
        xs = [Tensor(x) for x in at]
        out = total(xs)
        shares = gradients(out, xs, create_graph=True) if isinstance(out, Tensor) else []
        exact = sum(float(np.sum(data_of(g) * w)) for g, w in zip(shares, ways, strict=False))
        close = abs(exact - numeric) <= 1e-5 * (1 + abs(exact) + abs(numeric))
        assert close, f"WRONG derivative {exact}, by differences {numeric}"
        if order < 2:
            return
        others = [np.random.standard_normal(x.shape) for x in at]

        def slope(xs: Any) -> Any:
            xs = [x if isinstance(x, Tensor) else Tensor(x) for x in xs]
            out = total(xs)
            if not isinstance(out, Tensor):
                return 0.0
            shares = gradients(out, xs, create_graph=True)
            return sum((np.sum(g * u) for g, u in zip(shares, others, strict=True)), start=0.0)

        compare(slope, at, order - 1)

    return check


def combo_check(f: Any, *places: Any, **settings: Any) -> Any:
    def check(*args: Any, **named: Any) -> None:
        options = [[(key, x) for x in xs] for key, xs in named.items()]
        for given in itertools.product(*args):
            for chosen in itertools.product(*options):
                check_grads(f, *places, **settings)(*given, **dict(chosen))

    return check


def scalar_close(a: Any, b: Any) -> bool:
    return bool(abs(a - b) < 1e-6 or abs(a - b) / abs(a + b) < 1e-6)


def check_equivalent(a: Any, b: Any) -> None:
    for x, y in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_allclose(data_of(x), data_of(y), rtol=1e-6, atol=1e-6, err_msg="WRONG")


# ---- what stands for HIPS' functions of functions ------------------------------------------------


def lifted(x: Any) -> Any:
    """Numbers as arrays of no axes: ours would be Values, which np.sum and its kin do not know."""
    if np.iscomplexobj(x):
        raise NotRealError("complex numbers")
    return np.asarray(float(x)) if isinstance(x, (int, float)) else x


def of_ours(name: str) -> Any:
    import autograd

    ours = getattr(autograd, name)

    def maker(f: Any, argnum: Any = 0, **named: Any) -> Any:
        places = (argnum,) if isinstance(argnum, int) else argnum

        def run(*args: Any, **more: Any) -> Any:
            given = [
                rebuilt(x, iter(map(lifted, leaves(x)))) if i in places else x
                for i, x in enumerate(args)
            ]
            return ours(f, argnum, **named)(*given, **more)

        run.__name__ = f"{name}_of_{getattr(f, '__name__', 'f')}_wrt_argnum_{argnum}"
        return run

    return maker


def elementwise(f: Any, argnum: int = 0) -> Any:
    """The derivative of each element of a result with respect to its own element."""
    import autograd

    def total(*args: Any, **named: Any) -> Any:
        return np.sum(f(*args, **named))

    return autograd.grad(total, argnum)


def make_vjp(f: Any, argnum: int = 0) -> Any:
    import autograd

    def make(*args: Any) -> Any:
        return lambda g: autograd.vjp(f, argnum)(*args, g), f(*args)

    return make


def make_jvp(f: Any, argnum: int = 0) -> Any:
    import autograd

    def make(*args: Any) -> Any:
        return lambda v: (f(*args), autograd.jvp(f, argnum)(*args, v))

    return make


def make_hvp(f: Any, argnum: int = 0) -> Any:
    import autograd

    def make(*args: Any) -> Any:
        return lambda v: autograd.hvp(f, argnum)(*args, v), autograd.grad(f, argnum)(*args)

    return make


def hessian_product(f: Any, argnum: int = 0) -> Any:
    return lambda *given: make_hvp(f, argnum)(*given[:-1])[0](given[-1])


def jacobian_product(f: Any, argnum: int = 0) -> Any:
    return lambda *given: make_vjp(f, argnum)(*given[:-1])[0](given[-1])


class Joined:
    """`np.r_` and `np.c_`, which HIPS makes differentiable."""

    def __init__(self, join: Any) -> None:
        self.join = join

    def __getitem__(self, parts: Any) -> Any:
        items = parts if isinstance(parts, tuple) else (parts,)
        return self.join([np.r_[p] if isinstance(p, slice) else np.atleast_1d(p) for p in items])


class OwnNumPy(types.ModuleType):
    """NumPy; `np.array` of Tensors, which ours refuses and HIPS' takes, is a stack of them."""

    r_, c_ = Joined(np.concatenate), Joined(np.column_stack)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def array(x: Any, *args: Any, **named: Any) -> Any:
        from autograd.arrays.numpy_arguments import as_array, holds_nodes

        return as_array(x) if holds_nodes(x) else np.array(x, *args, **named)


def missing(name: str) -> Any:
    def call(*args: Any, **named: Any) -> Any:
        raise NotRealError(f"HIPS' {name}")

    return call


class Shim(types.ModuleType):
    """A module of HIPS': what is not among its names is one of HIPS' internals."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return missing(name)


def install() -> None:
    """Let `import autograd.numpy` and its kin find NumPy, SciPy and the functions above."""
    import autograd
    import autograd.arrays.numpy_protocols  # before names of this package are given away
    import autograd.core
    import autograd.transforms

    for name in ("primitive", "make_vjp", "vspace", "primitive_vjps"):
        setattr(autograd.core, name, missing(name))
    own = {
        "test_util": {
            "check_grads": check_grads, "combo_check": combo_check,
            "scalar_close": scalar_close, "check_equivalent": check_equivalent,
        },
        **{name: {} for name in ("tracer", "extend", "util", "wrap_util", "misc")},
        "builtins": {"isinstance": isinstance, "list": list, "tuple": tuple, "dict": dict},
    }  # fmt: skip
    modules: dict[str, Any] = {"numpy": OwnNumPy("autograd.numpy")}
    for name, names in own.items():
        modules[name] = Shim(f"autograd.{name}")
        vars(modules[name]).update(names)
    for part in ("random", "linalg", "fft"):
        modules[f"numpy.{part}"] = getattr(np, part)
    for part in ("special", "stats"):
        importlib.import_module(f"autograd.scipy.{part}")
    for part in ("linalg", "integrate", "signal"):
        modules[f"scipy.{part}"] = importlib.import_module(f"scipy.{part}")
        setattr(sys.modules["autograd.scipy"], part, modules[f"scipy.{part}"])
    for name, module in modules.items():
        sys.modules[f"autograd.{name}"] = module
        if "." not in name:
            setattr(autograd, name, module)
    made = {name: of_ours(name) for name in ("grad", "jacobian", "hessian", "value_and_grad")}
    vars(autograd).update(
        made, elementwise_grad=elementwise, deriv=elementwise, isinstance=isinstance,
        list=list, tuple=tuple, dict=dict, primitive=missing("primitive"), make_vjp=make_vjp,
        make_jvp=make_jvp, make_hvp=make_hvp, hessian_tensor_product=hessian_product,
        hessian_vector_product=hessian_product, tensor_jacobian_product=jacobian_product,
        vector_jacobian_product=jacobian_product,
        **{name: missing(name) for name in (
            "holomorphic_grad", "multigrad_dict", "checkpoint", "grad_and_aux", "make_ggnvp",
            "make_jvp_reversemode", "grad_named", "value_and_multigrad_dict")},
    )  # fmt: skip


# ---- the plugin ----------------------------------------------------------------------------------


def cause(error: BaseException) -> str:
    """Why a test failed, in a few words."""
    text = str(error)
    if isinstance(error, NotRealError) or re.search("holds? .*complex|complex numbers", text):
        return "not real"
    if "WRONG" in text:
        return "WRONG"
    if isinstance(error, (TypeError, ValueError, IndexError)) and re.search(
        r"has no rule|does not take|\.data|of a Tensor|Tensor|Value", text
    ):
        return "refused by name"
    return type(error).__name__


def pytest_configure(config: Any) -> None:
    install()


def pytest_runtest_call(item: Any) -> None:
    SEEN.clear()


def pytest_runtest_makereport(item: Any, call: Any) -> None:
    if call.when != "call":
        return
    if call.excinfo is None:
        said = "not real" if SEEN["complex"] and not SEEN["real"] else "passed"
        text = ""
    elif call.excinfo.typename == "Skipped":
        said, text = "not real", "skipped"
    else:
        said, text = cause(call.excinfo.value), str(call.excinfo.value).split("\n")[0][:160]
    print(f"\n@@ {said} @@ {item.nodeid} @@ {text}")


def main() -> None:
    """Run the suite in a process of its own and print what came of it."""
    folder = Path(sys.argv[1]).resolve()
    here = Path(__file__).resolve().parent
    paths = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    files = [str(path) for path in sorted(folder.glob("test_*.py"))]
    command = [sys.executable, "-m", "pytest", "-p", "hips_suite", "-p", "no:cacheprovider",
               "-c", os.devnull, "--rootdir", str(folder), "-q", "-s", "--tb=no",
               "--continue-on-collection-errors", *files]  # fmt: skip
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    found = re.findall("^@@ (.*?) @@ (.*?) @@ (.*)$", done.stdout, re.MULTILINE)
    if "-v" in sys.argv:
        for said, test, text in found:
            if said not in ("passed", "not real"):
                print(f"{said:16} {test}: {text}")
        print(done.stdout[-1500:], done.stderr[-500:])
    counts = Counter(said for said, _, _ in found)
    real = len(found) - counts.pop("not real", 0)
    print(f"{counts.pop('passed', 0)} of {real} tests of real numbers passed ({len(found)} in all)")
    for said, count in counts.most_common():
        print(f"{count:5} {said}")


if __name__ == "__main__":
    main()
