"""The adjoint test: a linear map and its transpose agree on every pair of vectors.

`<J v, w> = <v, J' w>`, whatever v and w are (Claerbout 1992, "Earth Soundings Analysis", section 5:
the dot-product test). Both sides are one number, so that is a check to rounding without a single
difference.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.kinds import describe
from ..seeing.abbreviating import plain
from ..trees import items, rebuild, replace
from .differences import Estimate
from .frameworks import ROUNDOFF, dtype_of, leaves_of, library, lower, raised
from .report import Report, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Linear = Callable[[Any], Any]
    Vector = list[tuple[str, Any]]  # named arrays of NumPy

MOST = 1000  # columns of a map that is written out
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
    measured: a linear map takes 3 v to 3 J v, and a sum to a sum. Where the two are further apart,
    J is written out, of up to 1,000 columns, and its condition is how many roundings a solve may be
    off by (Higham 2002, chapter 7). TypeError or ValueError for what cannot be checked.
    """
    if not (isinstance(trials, int) and trials > 0):
        raise ValueError(f"trials is how many to make, 1 or more, not {trials!r}")
    jvp, vjp, v, w = _operator(jvp, vjp, v, w)
    rng, found = np.random.default_rng(seed), Report()
    w = _plain(jvp(_random(v, rng))) if w is None else w
    for trial in range(trials):
        vs, ws = ((_random(x, rng), _random(x, rng)) for x in (v, w))
        _try(jvp, vjp, vs, ws, f"trial {trial + 1}", found)
    if any(row.verdict == "wrong" for row in found.rows) and not found.notes:
        _forgive(jvp, v, w, found)
    return found


def _operator(jvp: Any, vjp: Any, v: Any, w: Any) -> tuple[Linear, Linear, Any, Any]:
    """The two maps and what their vectors look like; a matrix or a LinearOperator has all four."""
    if hasattr(jvp, "rmatvec") and vjp is None:
        operator = jvp
        jvp, vjp = operator.matvec, operator.rmatvec
    elif hasattr(jvp, "__matmul__") and hasattr(jvp, "shape") and not callable(jvp):
        operator = matrix = jvp
        jvp = matrix.__matmul__
        if vjp is None:
            vjp = (matrix.conj() if hasattr(matrix, "conj") else matrix).T.__matmul__
        if library(matrix):
            v, w = matrix[0, :] if v is None else v, matrix[:, 0] if w is None else w
    else:
        operator = None
    if operator is not None and not library(operator):
        dtype = np.result_type(operator.dtype or float, np.float32)
        v = np.zeros(operator.shape[1], dtype) if v is None else v
        w = np.zeros(operator.shape[0], dtype) if w is None else w
    for name, part in (("jvp", jvp), ("vjp", vjp)):
        if not callable(part):
            raise TypeError(f"adjoint_check takes functions, but {name} is {describe(part)}")
    if v is None:
        raise TypeError("adjoint_check needs v, a vector like those that jvp takes")
    return jvp, vjp, _plain(v), _plain(w)


def _plain(tree: Any) -> Any:
    """The same with the numbers of this engine's nodes in their places."""
    return replace(tree, lambda x: plain(x) if isinstance(x, Node) else x)


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
        return _as_kind(out, x)

    lowered = lower(like)
    drawn = [draw(x, place) for place, x in items(lowered, "the vector", none=False)]
    if not sum(map(np.size, drawn)):
        raise ValueError("the vector has no number in it")
    return raised(like, rebuild(lowered, iter(drawn)))


def _as_kind(numbers: Any, x: Any) -> Any:
    """An array; or, in the place of a number, the number in it."""
    if isinstance(x, np.ndarray):
        return numbers
    return numbers[()] if hasattr(x, "dtype") else numbers.item()


def _parts(tree: Any, name: str) -> dict[str, Any]:
    return dict(items(lower(_plain(tree)), name, none=False))


def _flat(parts: dict[str, Any], name: str) -> Any:
    """The numbers of a vector, as one array."""
    rows = [np.ravel(x) for x in parts.values()]
    found = np.concatenate([row.astype(np.result_type(row, float)) for row in rows])
    if not np.all(np.isfinite(found)):
        raise ValueError(f"{name} returned a number that is not finite")
    return found


def _applied(f: Linear, x: Any, like: Any, name: str) -> Any:
    """The numbers of f(x), which has to return a vector like another and to leave x alone."""
    before = _flat(_parts(x, name), name)
    answer = f(x)
    if answer is None:
        raise TypeError(f"{name} returned None: did it forget to return its result?")
    here, due = _parts(answer, name), _parts(like, name)
    if [*here] != [*due] and sorted(here) == sorted(due):  # a dict in another order
        here = {place: here[place] for place in due}
    for (place, part), (wanted, other) in zip(here.items(), due.items(), strict=False):
        if (place, np.shape(part)) != (wanted, np.shape(other)):
            raise ValueError(
                f"{place} has the shape {np.shape(part)}, where {wanted} of the shape "
                f"{np.shape(other)} is due"
            )
    if len(here) != len(due):
        raise ValueError(f"{name} returned {len(here)} arrays, where {len(due)} are due")
    found = _flat(here, name)  # a copy, whatever f does with its memory
    if answer is not x and not np.array_equal(_flat(_parts(x, name), name), before):
        raise ValueError(f"{name} changes its argument: work on a copy")
    return found


def _try(jvp: Linear, vjp: Linear, vs: Any, ws: Any, name: str, found: Report) -> None:
    (v, _), (w, _) = vs, ws
    roundoff, linear, steady, noise = max(map(_roundoff, (v, w))), True, True, 0.0
    images: list[Any] = []
    for f, (x, more), like, called in ((jvp, vs, w, "jvp"), (vjp, ws, v, "vjp")):
        y, again, of_more = (_applied(f, x, like, called) for x in (x, x, more))
        of_sum = _applied(f, _combined(x, more, 1.0), like, called)
        of_triple = _applied(f, _combined(x, x, 2.0), like, called)
        other, images = np.abs(_flat(_parts(like, called), called)), [*images, y]
        most = max(VISIBLE, 4.0 * FEW * roundoff) * max(_norm(y), _norm(of_more))
        offs = {
            "of 3 x it is not three times that of x": of_triple / 3.0 - y,
            "of a sum it is not the sum of those of its parts": (of_sum - of_more - y) / 2.0,
        }
        noise += FEW * max(_norm(off * other) for off in offs.values())
        for told, off in offs.items():
            if linear and not _norm(off) <= most:
                linear = False
                _note(found, f"{called} is not linear: {told}")
        noise += FEW * roundoff * _norm(y * other)
        if not np.array_equal(y, again):
            steady = False
            _note(found, f"{called} is not deterministic: two calls with one vector differ")
    (jv, jw), vs, ws = images, _flat(_parts(v, "v"), "v"), _flat(_parts(w, "w"), "w")
    left, right = _inner(jv, ws), _inner(vs, jw)
    size = max(abs(left), abs(right))
    noise += FEW * roundoff * size
    both = np.iscomplexobj(vs) and np.iscomplexobj(ws)
    for part in ("real", "imag") if both else ("real",):
        a, b = getattr(left, part), getattr(right, part)
        row_name = f"{name}, {part}" if both else name
        wide = noise > max(VISIBLE, 8.0 * FEW * roundoff) * max(size, _norm(jv * ws))
        verdict = "wrong" if abs(a - b) > noise or not linear else "noisy" if wide else "ok"
        verdict = verdict if steady else "noisy"
        row = Row(("", row_name), b, Estimate("smooth", a, noise), verdict, noise)
        plain = _inner(jv.conj(), ws) - _inner(vs.conj(), jw)  # without a conjugate
        if verdict == "wrong" and both and abs(plain) < noise:
            row.note = "vjp is the transpose: the adjoint of a complex map is conjugated too"
        found.rows.append(row)


def _note(found: Report, text: str) -> None:
    found.notes += [text] if text not in found.notes else []


def _forgive(jvp: Linear, v: Any, w: Any, found: Report) -> None:
    """Widen the rounding of rows that are wrong by what the condition of the map accounts for."""
    lowered, parts = lower(v), [*_parts(v, "v").values()]
    roundoff, sizes = max(map(_roundoff, (v, w))), [np.size(part) for part in parts]
    if sum(sizes) > MOST:
        return

    def column(numbers: Any) -> Any:
        pieces = np.split(numbers, np.cumsum(sizes)[:-1])
        shaped = [
            _as_kind(piece.reshape(np.shape(x)).astype(np.result_type(x, np.float16)), x)
            for piece, x in zip(pieces, parts, strict=True)
        ]
        return _applied(jvp, raised(v, rebuild(lowered, iter(shaped))), w, "jvp")

    with np.errstate(all="ignore"):
        condition = float(np.linalg.cond(np.stack([*map(column, np.eye(sum(sizes)))], 1)))
    if not condition < 1.0 / roundoff:
        return  # a map without an inverse does not solve equations
    for row in found.rows:
        size = max(abs(row.analytic), abs(row.numeric))
        slack = FEW * roundoff * condition * size
        if row.verdict == "wrong" and row.difference <= slack:
            row.rounding = row.error_bar = slack
            row.verdict = "noisy" if slack > VISIBLE * size else "ok"
            row.note = f"within rounding for a condition of about {condition:.0e}"


def _combined(a: Any, b: Any, times: float) -> Any:
    """a + times * b, in the dtypes of a."""
    others = iter([x for _, x in items(lower(b), none=False)])

    def combine(x: Any) -> Any:
        other = next(others)
        return x + other * x.dtype.type(times) if hasattr(x, "dtype") else x + times * other

    return raised(a, replace(lower(a), combine))


def _norm(x: Any) -> float:
    """The Euclidean norm, of numbers of any size."""
    largest = float(np.max(np.abs(x), initial=0.0))
    return largest * float(np.linalg.norm(x / largest)) if largest else 0.0


def _inner(a: Any, b: Any) -> complex:
    """The sum of conj(a) * b, its parts summed without rounding."""
    products = np.conj(a) * b
    return complex(math.fsum(products.real), math.fsum(products.imag))


def _roundoff(tree: Any) -> float:
    """The rounding of the coarsest dtype in a vector."""
    kinds = [dtype_of(x) if library(x) else np.asarray(x).dtype.name for x in leaves_of(tree)]
    return max(ROUNDOFF.get(REAL_PARTS.get(kind, kind), ROUNDOFF["float64"]) for kind in kinds)
