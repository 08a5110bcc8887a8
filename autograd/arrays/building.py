"""Functions of several arrays or of none: joining, padding, einsum, and new Tensors."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any, Final

import numpy as np

from ..core import functions, modes
from ..core.graph import Node
from ..core.kinds import FUNCTIONS, describe, is_number
from ..core.modes import no_grad
from ..core.value import Scalar
from . import operations as array_operations
from .crossing import stack_values
from .keywords import Axis, axes_of, one_axis, shape_of
from .libraries import Array, is_elsewhere, library_of
from .node import as_floats
from .operations import count
from .tensor import Tensor

LETTERS = ascii_uppercase + ascii_lowercase  # in the order of the labels 0, 1, 2, ...


def _arrays(name: str, xs: Iterable[Array]) -> list[Array]:
    """The items of a list, each a Tensor or an array."""
    items = [x if isinstance(x, Node) else library_of(x).array(x) for x in xs]
    if not items:
        raise ValueError(f"{name} of an empty list has no shape")
    if any(isinstance(x, Scalar) for x in items):
        if not modes.mixing.get():
            raise TypeError(
                f"{name} takes Tensors and arrays, and a Value is among them: stack_values(values) "
                "makes a Tensor of Values, and .data a constant of one"
            )
        items = [stack_values(x) if isinstance(x, Scalar) else x for x in items]
    return items


def _inexact(items: Sequence[Array]) -> list[Array]:
    """Arrays of integers as float64, where no sum wraps around; beside a Tensor as they are."""
    beside = any(isinstance(x, Node) for x in items)
    return [x if beside or not hasattr(x, "dtype") else _as_float(x) for x in items]


def _as_float(x: Array) -> Array:
    library = library_of(x)
    whole = library.is_bool(x) or library.is_integral(x)
    return library.astype(x, library.double) if whole else x


def product(x: Array, y: Array) -> Array:
    """x @ y of arrays, and of Tensors."""
    return operator.matmul(*_inexact([x, y]))


def cat(tensors: Iterable[Array], axis: int | None = 0) -> Array:
    """Tensors and arrays joined along an existing axis; for None, flattened first.

    >>> cat([Tensor([1.0]), Tensor([2.0, 3.0])])
    Tensor([1., 2., 3.])
    """
    items = _arrays("cat", tensors)
    if axis is None:
        items, axis = [array_operations.reshape(x, shape=(-1,)) for x in items], 0
    return array_operations.cat(*items, axis=one_axis("cat", axis, items[0].ndim))


def stack(tensors: Iterable[Array], axis: int = 0) -> Array:
    """Tensors and arrays of one shape, stacked along a new axis."""
    items = _arrays("stack", tensors)
    return array_operations.stack(*items, axis=one_axis("stack", axis, items[0].ndim + 1))


def pad(x: Array, widths: Any, value: float = 0.0) -> Array:
    """`x` with `value` around it: `widths` is one number, a pair, or a pair for each axis."""
    pairs = np.broadcast_to(np.asarray(widths), (x.ndim, 2))
    if pairs.dtype.kind not in "iu" or (pairs < 0).any():
        raise ValueError(f"pad: widths are whole numbers that are not negative, not {widths}")
    plain = tuple((int(before), int(after)) for before, after in pairs)
    return array_operations.pad(x, widths=plain, value=float(value))


def norm(x: Array, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Array:
    """The length of a vector: the square root of the sum of squares over `axis`, all by default.

    `ord` may be 1, 2, inf, -inf or another number p for the p-norm of a vector; 0 counts what is
    not 0, so its gradient is 0. The share of an element that is 0 is 0, also in a vector of zeros.
    The Hessian of `norm(x) ** 2` there is 2 I.
    """
    if isinstance(x, np.ndarray) and x.dtype == object:  # of Values
        return np.array(norm(stack_values(x), ord, axis, keepdims).values(), dtype=object)[()]
    x = x if isinstance(x, Node) else as_floats(x)
    axes = axes_of("norm", axis, x.ndim)
    settings: dict[str, Any] = {"axes": axes, "keepdims": bool(keepdims)}
    if ord is None or (ord == "fro" and len(axes) == 2):
        return array_operations.norm(x, **settings)
    if not is_number(ord) or len(axes) != 1:
        raise ValueError(f"norm: ord={ord!r} is for vectors; give one axis, or leave ord out")
    if abs(ord) == np.inf:
        extreme = array_operations.max if ord > 0 else array_operations.min
        return extreme(abs(x), **settings)
    if ord in (0, 1):
        return array_operations.sum(abs(x) if ord else functions.step(abs(x)), **settings)
    return array_operations.norm(x, p=float(ord), **settings)


def einsum(subscripts: Any, *operands: Array) -> Array:
    """Sums of products in Einstein's notation, as `np.einsum` has it, "..." included.

    In NumPy's other form each operand is followed by the list of its labels, which are integers.

    >>> einsum("ij,j->i", Tensor([[1.0, 2.0], [3.0, 4.0]]), [1.0, 0.0])
    Tensor([1., 3.])
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _spelled(subscripts, *operands)
    items = _inexact(_arrays("einsum", operands))
    inputs, output = _explicit(subscripts.replace(" ", ""), items)
    return array_operations.einsum(*items, inputs=inputs, output=output)


def _spelled(*given: Any) -> tuple[str, tuple[Array, ...]]:
    """The subscripts as a string, and the operands, of einsum's form with lists of labels."""
    try:
        words = [
            "".join("..." if i is Ellipsis else LETTERS[operator.index(i)] for i in labels)
            for labels in (*given[1::2], *(given[-1:] if len(given) % 2 else ()))
        ]
    except (TypeError, IndexError):
        words = []
    if len(words) < 1 or len(given) < 2:
        raise TypeError(
            f"einsum takes its subscripts as a string first, not {describe(given[0])}; or a list "
            f"of labels, integers from 0 to {len(LETTERS) - 1}, after each operand"
        )
    n = len(given) // 2
    return ",".join(words[:n]) + "".join(f"->{w}" for w in words[n:]), given[: 2 * n : 2]


def _explicit(subscripts: str, items: Sequence[Array]) -> tuple[tuple[str, ...], str]:
    """The labels of each input and of the output, with letters in place of "..."."""
    left, arrow, output = subscripts.partition("->")
    terms = left.split(",")
    if len(terms) != len(items):
        raise ValueError(f"einsum: {subscripts!r} has {len(terms)} inputs, and {len(items)} came")
    spare = [letter for letter in ascii_letters if letter not in subscripts]
    hidden = [x.ndim - len(t.replace("...", "")) for t, x in zip(terms, items, strict=True)]
    for term, x, n in zip(terms, items, hidden, strict=True):
        if n < 0 or (n and "..." not in term):
            raise ValueError(f"einsum: {term!r} does not label the {x.ndim} axes of {x.shape}")
    most = max((n for t, n in zip(terms, hidden, strict=True) if "..." in t), default=0)
    dots = "".join(spare[:most])
    if arrow and most and "..." not in output:
        raise ValueError(
            f"einsum: the output of {subscripts!r} has no '...', and an input has axes"
        )
    if not arrow:
        letters = left.replace("...", "").replace(",", "")
        output = "..." + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    inputs = [t.replace("...", dots[most - n :]) for t, n in zip(terms, hidden, strict=True)]
    return tuple(inputs), output.replace("...", dots)


def on_plain(name: str, array: Array, **settings: Any) -> Array:
    """A method of Tensor applied to an array; returns an array. An array of Values works too."""
    if array.dtype == object:
        return _on_objects(name, array, **settings)
    with no_grad():
        answer = getattr(Tensor(array), name)(**settings)._data
    return answer if is_elsewhere(answer) else answer[()]


def _on_objects(name: str, array: Array, axis: Axis, keepdims: bool = False) -> Array:
    """A function of a list applied to each row along the axes."""
    keeps, shape = FUNCTIONS[name].each, array.shape
    along = (one_axis(name, axis, array.ndim),) if keeps else axes_of(name, axis, array.ndim)
    kept = [i for i in range(array.ndim) if i not in along]
    rows = array.transpose(*kept, *along).reshape(*[shape[i] for i in kept], count(array, along))
    answers = np.empty(rows.shape if keeps else rows.shape[:-1], dtype=object)
    for place in np.ndindex(rows.shape[:-1]):
        answers[place] = getattr(functions, name)(list(rows[place]))
    if keeps:
        return np.moveaxis(answers, -1, along[0])
    ones = [1 if i in along else n for i, n in enumerate(shape)]
    return (answers.reshape(ones) if keepdims else answers)[()]


# ---- new Tensors ---------------------------------------------------------------------------------


def _maker(name: str, doc: str) -> Callable[..., Tensor]:
    def make(*args: Any, dtype: Any = float, label: str = "") -> Tensor:
        if name in ("zeros", "ones"):
            args = (shape_of(args),)
        return Tensor(getattr(np, name)(*args, dtype=dtype), label=label)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = doc
    return make


arange: Final = _maker(
    "arange", "The numbers from `start` up to `stop` in steps: arange(4), arange(0, 1, 0.1)."
)
linspace: Final = _maker("linspace", "`num` numbers from `start` to `stop`, both included.")
zeros: Final = _maker("zeros", "Zeros of a shape: zeros(2, 3) or zeros((2, 3)).")
ones: Final = _maker("ones", "Ones of a shape: ones(2, 3) or ones((2, 3)).")
eye: Final = _maker("eye", "The identity matrix of n rows.")
