"""Numbers, arrays and labels in few words.

A small array is written whole, a big one by its shape and the range of its elements. NumPy is
imported only when there is an array to show.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from ..arrays.partial import bare
from ..core.graph import data_of

Array = Any  # of NumPy
Nested = Any  # a number, or nested lists of numbers

MOST_ELEMENTS = 6  # of an array that is written out
MOST_TOLD = 60  # elements of an array in `closely`
MOST_LETTERS = 28  # of a label
UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


class Brief(NamedTuple):
    """An array as it was at some time: its shape and dtype, and its elements."""

    form: str
    elements: str


Shown = float | Brief | None


def plain(x: Any) -> Array:
    """The number or array of a node, or an array of any library, as a NumPy array."""
    import numpy as np

    from ..arrays.libraries import library_of

    x = bare(data_of(x))
    return np.asarray(library_of(x).on_host(x))


def shape(x: Any, dtype: bool = False) -> str:
    """`(100, 16)`, followed by the dtype if that is not float64, or if `dtype` is true."""
    array = plain(x)
    told = dtype or array.dtype.kind != "f" or array.dtype.itemsize != 8
    return f"{array.shape} {array.dtype}" if told else f"{array.shape}"


def elements(x: Any) -> str:
    """The elements of a small array, in four digits; the range of a big one."""
    array = plain(x)
    if array.dtype.kind == "b" and array.size > MOST_ELEMENTS:
        return f"{int(array.sum()):,} of {array.size:,} true"
    if array.size <= MOST_ELEMENTS:
        return _nested(array.tolist()) if array.size else "empty"
    finite = array[abs(array) < math.inf]
    parts = [_range(finite)] if finite.size else []
    parts += [f"{n:,} nan" for n in [(array != array).sum()] if n]
    parts += [f"{n:,} {x}" for x in (math.inf, -math.inf) for n in [(array == x).sum()] if n]
    return ", ".join(parts)


def _range(finite: Array) -> str:
    import numpy as np

    low, high = finite.min() + 0.0, finite.max() + 0.0  # no -0
    if low == high:
        return f"all {low:.4g}"
    with np.errstate(over="ignore"):
        mean = finite.mean(dtype=float)
    return f"min {low:.3g} mean {mean:.3g} max {high:.3g}"


def _nested(x: Nested) -> str:
    if isinstance(x, list):
        return f"[{', '.join(map(_nested, x))}]"
    return str(x).lower() if isinstance(x, bool) else f"{x:.4g}"


def text(x: Any) -> str:
    """An array in one line: its shape and its elements."""
    return f"{shape(x)} {elements(x)}"


def operand(x: Any) -> str:
    """An array inside a formula: its elements if they are few, otherwise its shape."""
    return elements(x) if plain(x).size <= MOST_ELEMENTS else shape(x)


def closely(x: Any) -> str:
    """An array in several lines: its shape, precision and norm, and the elements at its corners."""
    import numpy as np

    array = plain(x)
    with np.errstate(all="ignore"):
        size = np.linalg.norm(array.astype(float).ravel())
    head = f"{shape(array, dtype=True)}, norm {size:.6g}"
    if array.size > MOST_TOLD:
        head += f"\n{elements(array)}"
    with np.printoptions(
        threshold=MOST_TOLD, edgeitems=3, precision=6, suppress=False, linewidth=100
    ):
        return f"{head}\n{array}"


def latex(x: Any) -> str:
    """A small array as a matrix; a big one as text."""
    array = plain(x)
    if array.ndim > 2 or not 0 < array.size <= MOST_ELEMENTS:
        return rf"\text{{{text(array)}}}"
    rows = array.reshape(1, -1).tolist() if array.ndim < 2 else array.tolist()
    cells = r" \\ ".join(" & ".join(map(_nested, row)) for row in rows)
    return rf"\begin{{pmatrix}} {cells} \end{{pmatrix}}"


# ---- numbers and labels --------------------------------------------------------------------------


def shape_of(x: object) -> tuple[int, ...]:
    """The shape of a node's array, or of an array; () for a number."""
    return tuple(getattr(data_of(x), "shape", ()))


def is_array(x: object) -> bool:
    """Whether x is an array with axes; one without any is shown as its number."""
    return bool(getattr(x, "shape", ()))


def brief(x: Any) -> Shown:
    """An array, with axes or without, as a `Brief`; any number unchanged."""
    if not hasattr(x, "shape"):
        return x
    return Brief(shape(x, dtype=True), elements(x))


def gradient(x: Any) -> Any:
    """A gradient as it is shown: -0 is a 0 that a relu has multiplied."""
    return x if x is None or isinstance(x, Brief) else x + 0.0


def number(x: Any) -> str:
    """A number in four digits; an array's elements, or their range; a dash for None."""
    if x is None:
        return "—"
    if is_array(x):
        x = brief(x)
    return x.elements if isinstance(x, Brief) else f"{float(x):.4g}"


def words(text: str, most: int = MOST_LETTERS) -> str:
    """A label on one line, without unprintable characters and marks of direction."""
    if len(text) <= most and text.isascii() and text.isprintable():
        return text
    text = UNPRINTABLE.sub("\ufffd", re.sub(r"\s", " ", text[: 4 * most]))
    return text if len(text) <= most else text[: most - 1] + "…"
