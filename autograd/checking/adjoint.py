"""The adjoint test: a linear map and its transpose agree on every pair of vectors.

`<J v, w> = <v, J' w>`, whatever v and w are (Claerbout 1992, "Earth Soundings Analysis", section 5:
the dot-product test). Both sides are one number, so that is a check to rounding without a single
difference.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.kinds import describe
from ..trees import items, rebuild, replace
from .differences import Estimate
from .frameworks import ROUNDOFF, dtype_of, leaves_of, library, lower, raised
from .report import Report, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Linear = Callable[[Any], Any]
    Vector = list[tuple[str, Any]]  # named arrays of NumPy

FEW = 16.0  # roundings, for as many as the sums have on an average
VISIBLE = 1e-4  # a relative error that must be seen, or the verdict is `noisy`
REAL_PARTS = {"float32": "float32", "complex64": "float32", "complex128": "float64"}


def adjoint_check(
    jvp: Any, vjp: Linear | None = None, v: Any = None, w: Any = None, *, trials: int = 3,
    seed: int = 0,
) -> Report:  # fmt: skip
    """Check that `vjp` is the adjoint of `jvp`: `<J v, w> = <v, J' w>` to rounding; true if so.

    `jvp` maps a vector like `v` to one like `w`, and `vjp` maps back; both are linear. Vectors are
    numbers or arrays of any library, in nested containers; `v` and `w` only show what they look
    like, and random ones are drawn from `seed`, `trials` times. Without `w` it is what jvp returns.
    `jvp` may be a SciPy LinearOperator or a matrix alone. Of complex vectors `<a, b>` is the sum of
    conj(a) * b, and where v or w is real, its real part.

    In the report, a row has `<v, J' w>` as `analytic` and `<J v, w>` as `numeric`. `rounding` is
    measured: a linear map takes 3 v to 3 J v. TypeError or ValueError for what cannot be checked.
    """
    if not (isinstance(trials, int) and trials > 0):
        raise ValueError(f"trials is how many to make, 1 or more, not {trials!r}")
    jvp, vjp, v, w = _operator(jvp, vjp, v, w)
    rng, found = np.random.default_rng(seed), Report()
    w = jvp(_random(v, rng)) if w is None else w
    for trial in range(trials):
        _try(jvp, vjp, _random(v, rng), _random(w, rng), f"trial {trial + 1}", found)
    return found


def _operator(jvp: Any, vjp: Any, v: Any, w: Any) -> tuple[Linear, Linear, Any, Any]:
    """The two maps and what their vectors look like; a matrix or a LinearOperator has all four."""
    if hasattr(jvp, "rmatvec") and vjp is None:
        operator = jvp
        jvp, vjp = operator.matvec, operator.rmatvec
    elif hasattr(jvp, "__matmul__") and hasattr(jvp, "shape") and not callable(jvp):
        operator = matrix = jvp
        jvp = matrix.__matmul__
        vjp = matrix.conj().T.__matmul__ if vjp is None else vjp
    else:
        operator = None
    if operator is not None:
        dtype = np.result_type(operator.dtype or float, np.float32)
        v = np.zeros(operator.shape[1], dtype) if v is None else v
        w = np.zeros(operator.shape[0], dtype) if w is None else w
    for name, part in (("jvp", jvp), ("vjp", vjp)):
        if not callable(part):
            raise TypeError(f"adjoint_check takes functions, but {name} is {describe(part)}")
    if v is None:
        raise TypeError("adjoint_check needs v, a vector like those that jvp takes")
    return jvp, vjp, v, w


def _random(like: Any, rng: np.random.Generator) -> Any:
    """A random vector of the structure, the libraries and the dtypes of another."""

    def draw(x: Any, place: str) -> Any:
        here = np.asarray(x)
        if here.dtype.kind not in "fiuc" or (here.dtype.kind in "iu" and library(x)):
            raise TypeError(f"{place} is {describe(x)}: vectors are of real or complex numbers")
        out = rng.uniform(0.5, 1.5, here.shape) * rng.choice((-1.0, 1.0), here.shape)
        if here.dtype.kind == "c":
            out = out + 1j * rng.uniform(-1.5, 1.5, here.shape)
        out = np.asarray(out).astype(here.dtype if here.dtype.kind in "fc" else float)
        return out if isinstance(x, np.ndarray) else out[()] if hasattr(x, "dtype") else out.item()

    lowered = lower(like)
    drawn = [draw(x, place) for place, x in items(lowered, "the vector", none=False)]
    if not drawn:
        raise ValueError("the vector has no number in it")
    return raised(like, rebuild(lowered, iter(drawn)))


def _flat(tree: Any, name: str) -> Any:
    """The numbers of a vector, as one array."""
    if tree is None:
        raise TypeError(f"{name} returned None: did it forget to return its result?")
    parts = [np.ravel(x) for _, x in items(lower(tree))]
    found = np.concatenate([part.astype(np.result_type(part, float)) for part in parts])
    if not np.all(np.isfinite(found)):
        raise ValueError(f"{name} returned a number that is not finite")
    return found


def _matched(tree: Any, like: Any, name: str) -> Any:
    """The numbers that a map returned, which has to return a vector like another."""
    here, due = ([(place, np.shape(x)) for place, x in items(lower(t), name)] for t in (tree, like))
    for (place, shape), (wanted, wanted_shape) in zip(here, due, strict=False):
        if (place, shape) != (wanted, wanted_shape):
            raise ValueError(
                f"{place} has the shape {shape}, where {wanted} of the shape {wanted_shape} is due"
            )
    if len(here) != len(due):
        raise ValueError(f"{name} returned {len(here)} arrays, where {len(due)} are due")
    return _flat(tree, name)


def _try(jvp: Linear, vjp: Linear, v: Any, w: Any, name: str, found: Report) -> None:
    vs, ws = _flat(v, "v"), _flat(w, "w")
    jv, jw = _matched(jvp(v), w, "jvp"), _matched(vjp(w), v, "vjp")
    roundoff, linear, noise = max(map(_roundoff, (v, w))), True, 0.0
    for f, x, y, other, called in ((jvp, v, jv, ws, "jvp"), (vjp, w, jw, vs, "vjp")):
        off = _flat(f(_tripled(x)), called) / 3.0 - y
        if _norm(off) > max(VISIBLE, 4.0 * FEW * roundoff) * _norm(y):
            found.notes.append(f"{called} is not linear: of 3 x it is not three times that of x")
            linear = False
        noise += FEW * (roundoff * _norm(y * other) + _norm(off * other))
    left, right = _inner(jv, ws), _inner(vs, jw)
    size = max(abs(left), abs(right))
    noise += FEW * roundoff * size
    both = np.iscomplexobj(vs) and np.iscomplexobj(ws)
    for part in ("real", "imag") if both else ("real",):
        a, b = getattr(left, part), getattr(right, part)
        row_name = f"{name}, {part}" if both else name
        wide = noise > max(VISIBLE, 4.0 * FEW * roundoff) * max(size, _norm(jv * ws))
        verdict = "wrong" if abs(a - b) > noise or not linear else "noisy" if wide else "ok"
        row = Row(("", row_name), b, Estimate("smooth", a, noise), verdict, noise)
        plain = _inner(jv.conj(), ws) - _inner(vs.conj(), jw)  # without a conjugate
        if verdict == "wrong" and both and abs(plain) < noise:
            row.note = "vjp is the transpose: the adjoint of a complex map is conjugated too"
        found.rows.append(row)


def _tripled(tree: Any) -> Any:
    def triple(x: Any) -> Any:
        return x * x.dtype.type(3) if hasattr(x, "dtype") else 3.0 * x

    return raised(tree, replace(lower(tree), triple))


def _norm(x: Any) -> float:
    return float(np.linalg.norm(x))


def _inner(a: Any, b: Any) -> complex:
    """The sum of conj(a) * b, its parts summed without rounding."""
    products = np.conj(a) * b
    return complex(math.fsum(products.real), math.fsum(products.imag))


def _roundoff(tree: Any) -> float:
    """The rounding of the coarsest dtype in a vector."""
    kinds = [dtype_of(x) if library(x) else np.asarray(x).dtype.name for x in leaves_of(tree)]
    return max(ROUNDOFF.get(REAL_PARTS.get(kind, kind), ROUNDOFF["float64"]) for kind in kinds)
