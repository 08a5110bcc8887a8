"""How many of 145 common calls of NumPy's functions work, in value and in gradient.

`python benchmarks/numpy_coverage.py [--hips PYTHON] [--mygrad PYTHON] [-v]`: PYTHON is the
interpreter of another environment, in which HIPS autograd or MyGrad is installed. A form works if
its value is plain NumPy's and its gradient agrees with central differences of plain NumPy.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy

# a, c: matrices of 3 by 3; b: a row of 3; a and b are differentiated. m: a mask; i: indices.
FORMS = """
np.abs(a - 1); np.add(a, b); np.subtract(a, b); np.multiply(a, b); np.divide(a, b); np.power(a, 3)
np.power(a, b); np.negative(a); np.exp(a); np.expm1(a); np.log(a); np.log2(a); np.log10(a)
np.log1p(a); np.sqrt(a); np.square(a); np.sign(a - 1); np.sin(a); np.cos(a); np.tan(a)
np.arcsin(a / 3); np.arccos(a / 3); np.arctan(a); np.sinh(a); np.cosh(a); np.tanh(a)
np.arcsinh(a); np.arccosh(a + 1); np.arctanh(a / 3); np.arctan2(a, b); np.hypot(a, b)
np.logaddexp(a, b); np.maximum(a, b); np.minimum(a, b); np.mod(a, b); np.floor(a); np.ceil(a)
np.round(a); np.clip(a, 0.5, 1.5); np.where(m, a, b); np.where(a > 1, a * a, -a); np.nan_to_num(a)
np.sum(a); np.sum(a, axis=0); np.sum(a, axis=(0, 1)); np.sum(a, axis=1, keepdims=True); np.mean(a)
np.mean(a, axis=0); np.mean(a, axis=-1, keepdims=True); np.prod(a); np.prod(a, axis=1); np.max(a)
np.max(a, axis=0); np.min(a); np.min(a, axis=1); np.var(a); np.var(a, axis=0, ddof=1); np.std(a)
np.std(a, axis=1); np.cumsum(a); np.cumsum(a, axis=1); np.cumprod(b)
np.average(a, axis=0, weights=b); np.median(b); np.quantile(a, 0.3); np.percentile(a, 40, axis=0)
np.ptp(a); np.nansum(a); np.nanmean(a, axis=0); np.cov(a); np.diff(a); np.diff(a, n=2, axis=0)
np.gradient(b); np.trapezoid(a)
np.interp(b, np.array([0.0, 1.0, 3.0]), np.array([1.0, 3.0, 2.0])); np.add.reduce(a); np.sort(a)
np.sort(a, axis=0); np.argsort(b) * b; np.argmax(b) * b; np.reshape(a, (9,)); a.reshape(1, 9)
np.ravel(a); a.flatten(); np.transpose(a); a.T; np.swapaxes(a, 0, 1); np.moveaxis(a, 0, 1)
np.expand_dims(a, 0); np.squeeze(a[None]); np.broadcast_to(b, (3, 3)); np.flip(a, 0); np.fliplr(a)
np.roll(a, 1, axis=0); np.tile(b, (2, 2)); np.repeat(b, 2); np.concatenate([a, a])
np.concatenate((a, c), axis=1); np.stack([a, c]); np.vstack([a, b]); np.hstack([b, b])
np.column_stack([b, a]); np.append(a, b); np.split(a, 3)[1]; np.pad(a, 1)
np.pad(b, (1, 2), mode="edge"); np.diag(b); np.diag(a); np.diagonal(a); np.trace(a); np.tril(a)
np.triu(a); np.meshgrid(b, b)[0]; a[0]; a[:, 1]; a[..., None]; a[i]; a[m]; a[i, i]
np.take(a, i, axis=0); np.delete(a, 1, axis=0); np.dot(a, b); np.dot(a, c); np.matmul(a, c); a @ b
np.inner(a, b); np.outer(b, b); np.vdot(b, b); np.tensordot(a, c, axes=1)
np.einsum("ij,jk->ik", a, c); np.einsum("ii->i", a); np.kron(b, b); np.cross(b, a)
np.convolve(b, b); np.linalg.norm(a); np.linalg.norm(a, axis=1); np.linalg.norm(b, ord=1)
np.linalg.inv(a); np.linalg.det(a); np.linalg.slogdet(a)[1]; np.linalg.solve(a, b)
np.linalg.cholesky(a @ a.T); np.linalg.eigvalsh(a + a.T); np.linalg.pinv(a); np.linalg.svd(a)[1]
"""
CALLS = [form.strip() for line in FORMS.split("\n") for form in line.split("; ") if form.strip()]
RANDOM = numpy.random.default_rng(5)
A = RANDOM.uniform(0.3, 2.0, (3, 3)) + numpy.eye(3)
B = RANDOM.uniform(0.4, 1.8, 3)
CONSTANTS = {
    "c": RANDOM.uniform(0.3, 2.0, (3, 3)),
    "m": numpy.array([True, False, True]),
    "i": numpy.array([2, 0, 0]),
}


def total(form: str, np: Any, a: Any, b: Any, weights: Any = None) -> Any:
    """The weighted sum of a form's value, and the value."""
    value = eval(form, {"np": np, "a": a, "b": b, **CONSTANTS})
    if weights is None:
        weights = numpy.cos(numpy.arange(numpy.size(value)).reshape(numpy.shape(value)))
    return np.sum(value * weights), value, weights


def ours() -> Any:
    from autograd import Tensor, gradients

    def run(form: str, weights: Any) -> Any:
        a, b = Tensor(A), Tensor(B)
        out, value, _ = total(form, numpy, a, b, weights)
        slopes = gradients(out, [a, b]) if isinstance(out, Tensor) else [0.0 * A, 0.0 * B]
        return getattr(value, "data", value), slopes

    return run


def hips() -> Any:
    import autograd.numpy as np
    from autograd import grad

    def run(form: str, weights: Any) -> Any:
        slopes = grad(lambda ab: total(form, np, *ab, weights)[0])((A, B))
        return total(form, np, A, B, weights)[1], slopes

    return run


def mygrad() -> Any:
    import mygrad

    def run(form: str, weights: Any) -> Any:
        a, b = mygrad.tensor(A), mygrad.tensor(B)
        out, value, _ = total(form, numpy, a, b, weights)
        if isinstance(out, mygrad.Tensor):
            out.backward()
        slopes = [numpy.zeros(x.shape) if x.grad is None else x.grad for x in (a, b)]
        return numpy.asarray(value), slopes

    return run


def outcome(form: str, run: Any) -> str:
    """Nothing if the form works; else what is wrong."""
    _, expected, weights = total(form, numpy, A, B)
    try:
        value, slopes = run(form, weights)
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:90]}"
    if not numpy.allclose(value, expected, rtol=1e-9, atol=1e-12):
        return "WRONG value"
    for k, (x, slope) in enumerate(zip((A, B), slopes, strict=True)):
        for place in numpy.ndindex(x.shape):
            h = numpy.zeros(x.shape)
            h[place] = 1e-6
            ends = [[A, B], [A, B]]
            ends[0][k], ends[1][k] = x + h, x - h
            there, back = (total(form, numpy, *end, weights)[0] for end in ends)
            if abs((there - back) / 2e-6 - slope[place]) > 1e-5 * (1 + abs(slope[place])):
                return "WRONG gradient"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hips")
    parser.add_argument("--mygrad")
    parser.add_argument("--as", dest="name", default="ours")
    parser.add_argument("-v", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.name != "ours":
        run = {"hips": hips, "mygrad": mygrad}[given.name]()
        print(json.dumps({form: outcome(form, run) for form in CALLS}))
        return
    run = ours()
    found = {"ours": {form: outcome(form, run) for form in CALLS}}
    for name in ("hips", "mygrad"):
        if python := getattr(given, name):
            command = [python, str(Path(__file__).resolve()), "--as", name]
            named = {key: x for key, x in os.environ.items() if key != "PYTHONPATH"}
            done = subprocess.run(command, capture_output=True, text=True, env=named, cwd="/")
            found[name] = json.loads(done.stdout or f'"{done.stderr[-500:]}"')
    for name, said in found.items():
        good = [form for form in CALLS if not said[form]]
        wrong = [form for form in CALLS if said[form].startswith("WRONG")]
        print(f"{name:8} {len(good)} of {len(CALLS)} forms work, {len(wrong)} give wrong numbers")
        if given.v:
            for form in CALLS:
                if said[form]:
                    print(f"    {form}: {said[form]}")


if __name__ == "__main__":
    sys.exit(main())
