"""The parts of `autograd.transforms` for arguments and results that are arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from ..core.functions import where
from ..core.graph import Node, data_of, gradients, nodes, sweep
from ..core.kinds import is_number
from ..core.modes import Mode, active
from ..trees import array_of, branches, is_objects, rectangle
from ..trees import like as container_like
from .building import stack
from .crossing import flat_values, stack_values
from .libraries import Array, Shape, is_elsewhere, library_of
from .operations import like, reshape
from .operations import sum as add_up
from .partial import Partial, bare
from .quiet import quiet
from .rows import Rows, whole
from .tensor import Tensor


def enter(array: Array) -> Any:
    """A new node of an array; a recorded one, so that it is read-only."""
    return +Tensor(array)


def zero(output: Array) -> Tensor:
    """A leaf of zeros in the shape of an output."""
    return Tensor(_zeros(data_of(output)))


def plain(tensor: Array) -> Any:
    """The array of a Tensor; a number if it is NumPy's and has no axes."""
    return tensor._data if is_elsewhere(tensor._data) else tensor._data[()]


def total(product: Array) -> Any:
    """The sum of a Tensor as a Value; of an array, as a float."""
    if isinstance(product, Tensor):
        return product.sum().values()
    return float(add_up(product, axes=tuple(range(product.ndim)), keepdims=False))


def fitted(v: Array, x: Array) -> list[Any]:
    """v, which has the shape of x, as a list: its elements if x is an array of objects, else v."""
    if is_objects(x):
        return flat_values(v) if isinstance(v, Tensor) else v.ravel().tolist()
    if is_objects(v):
        v = stack_values(v) if any(isinstance(x, Node) for x in v.flat) else v.astype(float)
    if _is_array(x):
        return [v]
    return [v.values() if isinstance(v, Tensor) else v[()]]


def _zeros(x: Array, shape: tuple[int, ...] | None = None) -> Any:
    """Zeros in the shape of x, or in another, in the library of x."""
    x = x if hasattr(x, "shape") else np.asarray(float(x))
    return library_of(x).full(x.shape if shape is None else shape, 0.0, x)


def rows(call: Any, output: Array) -> Any:
    """d output / d input for an array, in the structure of the arguments.

    Each leaf becomes an array; its shape is that of the output, then that of the leaf. Rectangular
    lists of numbers count as one leaf, so that the Jacobian of a list is a matrix too.
    """
    shape = tuple(output.shape)
    found = at_once(call, output) if isinstance(output, Node) else None
    if found is None:
        found = one_by_one(call, output)
    if isinstance(output, Node) and not all(map(_is_finite, found)):
        found = list(map(_apart, found, _along_paths(call, output)))
    parts = iter(found)
    if call.alone:
        return _placed(call.tree, parts, shape)
    return tuple([_placed(tree, parts, shape) for tree in call.tree])


def one_by_one(call: Any, output: Array) -> list[Array]:
    """The Jacobian by each input, from a walk for each element of the output."""
    shape = tuple(output.shape)
    if is_objects(output):
        pulled = [call.pull(y) for y in output.flat]
    else:
        pulled = [call.pull(output, like(seed, output)) for seed in _units(shape)]
    return _columns(call, output, pulled)


def _columns(call: Any, output: Array, pulled: list[list[Any]]) -> list[Array]:
    """The Jacobian by each input, from the gradients of each element of the output."""
    shape = tuple(output.shape)
    columns = zip(*pulled, strict=True) if pulled else [()] * len(call.inputs)
    inputs = zip(columns, call.inputs, strict=True)
    return [_stacked(list(column), x, shape, isinstance(output, Node)) for column, x in inputs]


def _along_paths(call: Any, output: Any) -> list[Array]:
    """The numbers of `one_by_one` along the paths of each element alone: 0 * inf is not met."""
    pulled = []
    for unit in _units(tuple(output.shape)):
        paths = np.where(unit == 1.0, math.nan, 0.0)
        start = Partial(like(unit, output), like(paths, output))
        found = {node: g for node, g, _ in sweep(output, start, since=call.start)}
        pulled.append([x.own(x.fit(found.get(x, 0.0))) for x in call.inputs])
    return _columns(call, output, pulled)


def _apart(found: Any, numbers: Array) -> Any:
    """A Jacobian that is a node, or else its numbers, with these where it is not finite."""
    if not isinstance(found, Node):
        return numbers
    return where(abs(found._data) < math.inf, found, numbers)


def _is_finite(x: Array) -> bool:
    x = data_of(x)
    if not hasattr(x, "dtype") or x.dtype == object or hasattr(x, "unseen"):
        return True
    xp = library_of(x).xp if is_elsewhere(x) else np
    return bool(xp.all(xp.isfinite(x)))


def _stacked(column: list[Any], x: Any, shape: Shape, on_arrays: bool) -> Array:
    """The gradients by one input, for each element of an output of that shape, as one array."""
    if x.broadcasts:
        whole = (*shape, *x.shape)
        return _zeros(x._data, whole) if 0 in whole else reshape(stack(column), shape=whole)
    if on_arrays and any(isinstance(g, Node) for g in column):
        return stack_values(column).reshape(shape)
    return array_of(column, shape)


def at_once(call: Any, output: Any) -> list[Array] | None:
    """`one_by_one` in one walk, or a few; None where that is not possible.

    That is: while modes are on or a node from outside is met, for arrays of other libraries, and
    where a column does with the gradient what `Rows` cannot do.
    """
    n = output.size
    if active or n < 2 or output._data.__class__ is not np.ndarray or call.outer([output], {}):
        return None
    if n > WIDE * sum(x.size if x.broadcasts else 1 for x in call.inputs):
        found = _forward(call, output)
        if found is not None:
            return found
    columns = _walk_many(partial(call.numbers, output), output)
    if columns is None:
        return None
    shapes = [x.shape if x.broadcasts else () for x in call.inputs]
    return [c.reshape(*output.shape, *s) for c, s in zip(columns, shapes, strict=True)]


WIDE = 4  # from so many outputs an input on, going forward is the shorter way
LARGEST = 2**22  # elements in one array of many gradients


def _walk_many(walk: Any, output: Any) -> list[Array] | None:
    """The gradients that `walk` returns for unit gradients, in blocks; None if it cannot."""
    under: list[Any] = nodes(output)
    largest = max(x.size for x in under if x.broadcasts)
    length = max(LARGEST // max(largest, 1), 1)
    units = np.eye(output.size, dtype=output.dtype).reshape(-1, *output.shape)
    blocks = [units[i : i + length] for i in range(0, len(units), length)]
    try:
        found = [_quietly(walk, Rows(block)) for block in blocks]
    except Exception:  # of a column, maybe a user's; one by one it is raised again
        return None
    if None in found:
        return None
    sizes = list(map(len, blocks))
    return [
        np.concatenate([whole(bare(g), n) for g, n in zip(column, sizes, strict=True)])
        for column in zip(*found, strict=True)
    ]


def _forward(call: Any, output: Any) -> list[Array] | None:
    """The Jacobian by columns: u^T J is linear in u, and J^T is its Jacobian by u.

    None where something in it is not finite, for a slope that is infinite is then met by other
    zeros than on the way back.
    """
    found = []
    with Mode(recording=True):
        u = zero(output)
        row = call.pull(output, u, create_graph=True)
    for g, x in zip(row, call.inputs, strict=True):
        inputs = tuple(x.shape) if x.broadcasts else ()
        if x.broadcasts and x.size > 1:
            walked = _walk_many(partial(_gradient_at, g, u), g)
            if walked is None:
                return None
            (columns,) = walked
        else:
            columns = gradients(g, [u])[0]
        if not np.isfinite(columns).all():
            return None
        columns = columns.reshape(*inputs, *output.shape)
        order = (*range(len(inputs), columns.ndim), *range(len(inputs)))
        found.append(np.ascontiguousarray(columns.transpose(order)))
    return found


def _gradient_at(g: Any, u: Any, start: Rows) -> list[Any]:
    """The gradient of g at the leaf u, from where many start."""
    answer: Any = 0.0
    for node, share, _ in sweep(g, start):
        answer = share if node is u else answer
    return [u.fit(answer)]


_quietly = quiet(lambda walk, start: walk(start), theirs=True)


def _units(shape: tuple[int, ...]) -> Iterator[Any]:
    """The arrays of that shape with a single 1."""
    for index in np.ndindex(shape):
        unit = np.zeros(shape)
        unit[index] = 1.0
        yield unit


def _placed(tree: Any, parts: Iterator[Any], shape: Shape) -> Any:
    """The Jacobian by each leaf, in the structure of the arguments."""
    inner = branches(tree)
    if inner is not None and not _is_rectangle(tree):
        return container_like(tree, [_placed(part, parts, shape) for part in inner])
    if tree is None:
        return None
    if _is_array(tree) and not is_objects(tree):
        return next(parts)
    whole = (*shape, *rectangle(data_of(tree)))
    numbers = list(islice(parts, math.prod(whole[len(shape) :])))
    if not numbers:
        return np.zeros(whole)
    return stack(numbers, axis=len(shape)).reshape(whole)


def _is_rectangle(tree: Any) -> bool:
    """True for nested lists or tuples of numbers with equal lengths."""

    def numbers(x: Array) -> bool:
        if type(x) in (list, tuple):
            return all(map(numbers, x))
        return branches(x) is None and x is not None and not _is_array(x)

    try:
        return numbers(tree) and rectangle(tree) is not None
    except ValueError:
        return False


def _is_array(x: Array) -> bool:
    return hasattr(x, "shape") and not is_number(x)
