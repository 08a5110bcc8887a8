"""The adjoint test: a linear map and its transpose agree on every pair of vectors.

`<J v, w> = <v, J' w>`, whatever v and w are (Claerbout 1992, "Earth Soundings Analysis", section 5:
the dot-product test). Both sides are one number, so that is a check to rounding without a single
difference.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

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
    rng, found, start = np.random.default_rng(seed), Report(), Vectors(v, "vjp")
    end = Vectors(_plain(jvp(start.made(start.random(rng)))) if w is None else w, "jvp")
    for trial in range(trials):
        _try((jvp, vjp), (start, end), rng, f"trial {trial + 1}", found)
    if any(row.verdict == "wrong" for row in found.rows) and not found.notes:
        _forgive(jvp, start, end, found)
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


class Vectors:
    """The vectors of one structure: rows of numbers here; what a map takes is made of a row.

    `name` is that of the map that returns them.
    """

    def __init__(self, like: Any, name: str) -> None:
        self.like, self.name, self.lowered = like, name, lower(like)
        for place, x in items(self.lowered, "the vector", none=False):
            if np.asarray(x).dtype.kind not in "fiuc":
                raise TypeError(f"{place} is {describe(x)}: vectors are of real or complex numbers")
        self.parts: dict[str, Any] = _parts(self.lowered, name)
        self.sizes: list[int] = [np.size(x) for x in self.parts.values()]
        if not sum(self.sizes):
            raise ValueError("the vector has no number in it")
        kinds = [dtype_of(x) if library(x) else np.asarray(x).dtype.name for x in leaves_of(like)]
        self.roundoff: float = max(  # of the coarsest dtype
            ROUNDOFF.get(REAL_PARTS.get(kind, kind), ROUNDOFF["float64"]) for kind in kinds
        )

    def random(self, rng: np.random.Generator) -> Any:
        """Draw a row of numbers, as the vectors hold them: rounded to their dtypes."""
        drawn = {}
        for place, x in self.parts.items():
            out = rng.uniform(0.5, 1.5, np.shape(x)) * rng.choice((-1.0, 1.0), np.shape(x))
            if np.iscomplexobj(x):
                out = out + 1j * rng.uniform(-1.5, 1.5, np.shape(x))
            drawn[place] = out
        return _row(_parts(self.made(_row(drawn, self.name)), self.name), self.name)

    def made(self, row: Any) -> Any:
        """A vector of these numbers, in the structure, the libraries and the dtypes."""
        pieces = np.split(row, np.cumsum(self.sizes)[:-1])
        shaped = (_as(piece, x) for piece, x in zip(pieces, self.parts.values(), strict=True))
        return raised(self.like, rebuild(self.lowered, shaped))

    def image(self, f: Linear, row: Any, start: Vectors) -> Any:
        """The row of f(x), where x is the vector of a row of `start`.

        f has to return a vector of this structure, and to leave x alone.
        """
        name, x = self.name, start.made(row)
        before = _row(_parts(x, name), name)
        answer = f(x)
        if answer is None:
            raise TypeError(f"{name} returned None: did it forget to return its result?")
        here, due = _parts(answer, name), self.parts
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
        found = _row(here, name)  # a copy, whatever f does with its memory
        if answer is not x and not np.array_equal(_row(_parts(x, name), name), before):
            raise ValueError(f"{name} changes its argument: work on a copy")
        return found


def _parts(tree: Any, name: str) -> dict[str, Any]:
    return dict(items(lower(_plain(tree)), name, none=False))


def _row(parts: dict[str, Any], name: str) -> Any:
    """The numbers of a vector, as one array."""
    rows = [np.ravel(x) for x in parts.values()]
    found = np.concatenate([row.astype(np.result_type(row, float)) for row in rows])
    if not np.all(np.isfinite(found)):
        raise ValueError(f"{name} returned a number that is not finite")
    return found


def _as(numbers: Any, x: Any) -> Any:
    """Numbers in the shape and the dtype of an array; or, in the place of a number, one number."""
    dtype = np.asarray(x).dtype
    real = numbers if dtype.kind == "c" else np.real(numbers)
    array = np.reshape(real, np.shape(x)).astype(dtype if dtype.kind in "fc" else float)
    if isinstance(x, np.ndarray):
        return array
    return array[()] if hasattr(x, "dtype") else array.item()


class Image(NamedTuple):
    """The image of a row under a map, and what calls of the map show of it."""

    row: Any
    noise: float  # how far rounding moves its inner product with another row
    nonlinear: str  # in words; "" for a linear map
    unsteady: str  # in words; "" if two calls agree


def _image(
    f: Linear, of: Vectors, to: Vectors, x: Any, more: Any, other: Any
) -> Image:  # fmt: skip
    """The image of x by five calls of f; `more` is added to x, `other` a row of its products."""
    tried = (x, x, more, x + more, x + 2.0 * x)
    y, again, of_more, of_sum, of_triple = (to.image(f, row, of) for row in tried)
    roundoff = max(of.roundoff, to.roundoff)
    most = max(VISIBLE, 4.0 * FEW * roundoff) * max(_norm(y), _norm(of_more))
    offs = {
        "of 3 x it is not three times that of x": of_triple / 3.0 - y,
        "of a sum it is not the sum of those of its parts": (of_sum - of_more - y) / 2.0,
    }
    told = next((told for told, off in offs.items() if not _norm(off) <= most), "")
    nonlinear = told and f"{to.name} is not linear: {told}"
    steady = np.array_equal(y, again)
    unsteady = "" if steady else f"{to.name} is not deterministic: two calls with one vector differ"
    noise = max(_norm(off * other) for off in offs.values()) + roundoff * _norm(y * other)
    return Image(y, FEW * noise, nonlinear, unsteady)


def _try(
    maps: tuple[Linear, Linear], spaces: tuple[Vectors, Vectors], rng: np.random.Generator,
    name: str, found: Report,
) -> None:  # fmt: skip
    """Add the rows of one pair of random vectors, v and w."""
    (jvp, vjp), (start, end) = maps, spaces
    (v, more_v), (w, more_w) = ((space.random(rng), space.random(rng)) for space in spaces)
    there = _image(jvp, start, end, v, more_v, w)
    back = _image(vjp, end, start, w, more_w, v)
    first = there.nonlinear or back.nonlinear
    linear, steady = not first, not (there.unsteady or back.unsteady)
    notes = (there.nonlinear, there.unsteady, "" if there.nonlinear else first, back.unsteady)
    found.notes += [note for note in notes if note and note not in found.notes]
    jv, jw = there.row, back.row
    roundoff = max(start.roundoff, end.roundoff)
    left, right = _inner(jv, w), _inner(v, jw)
    size = max(abs(left), abs(right))
    noise = there.noise + back.noise + FEW * roundoff * size
    both = np.iscomplexobj(v) and np.iscomplexobj(w)
    for part in ("real", "imag") if both else ("real",):
        a, b = getattr(left, part), getattr(right, part)
        row_name = f"{name}, {part}" if both else name
        wide = noise > max(VISIBLE, 8.0 * FEW * roundoff) * max(size, _norm(jv * w))
        verdict = "wrong" if abs(a - b) > noise or not linear else "noisy" if wide else "ok"
        verdict = verdict if steady else "noisy"
        row = Row(("", row_name), b, Estimate("smooth", a, noise), verdict, noise)
        plain = _inner(jv.conj(), w) - _inner(v.conj(), jw)  # without a conjugate
        if verdict == "wrong" and both and abs(plain) < noise:
            row.note = "vjp is the transpose: the adjoint of a complex map is conjugated too"
        found.rows.append(row)


def _forgive(jvp: Linear, start: Vectors, end: Vectors, found: Report) -> None:
    """Widen the rounding of rows that are wrong by what the condition of the map accounts for."""
    roundoff, count = max(start.roundoff, end.roundoff), sum(start.sizes)
    if count > MOST:
        return
    with np.errstate(all="ignore"):
        columns = [end.image(jvp, row, start) for row in np.eye(count)]
        condition = float(np.linalg.cond(np.stack(columns, 1)))
    if not condition < 1.0 / roundoff:
        return  # a map without an inverse does not solve equations
    for row in found.rows:
        size = max(abs(row.analytic), abs(row.numeric))
        slack = FEW * roundoff * condition * size
        if row.verdict == "wrong" and row.difference <= slack:
            row.rounding = row.error_bar = slack
            row.verdict = "noisy" if slack > VISIBLE * size else "ok"
            row.note = f"within rounding for a condition of about {condition:.0e}"


def _norm(x: Any) -> float:
    """The Euclidean norm, of numbers of any size."""
    largest = float(np.max(np.abs(x), initial=0.0))
    return largest * float(np.linalg.norm(x / largest)) if largest else 0.0


def _inner(a: Any, b: Any) -> complex:
    """The sum of conj(a) * b, its parts summed without rounding."""
    products = np.conj(a) * b
    return complex(math.fsum(products.real), math.fsum(products.imag))
