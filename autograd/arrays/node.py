"""ArrayNode, the base class of Tensor: gradients of arrays, their shapes, and their checks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Self
from zlib import crc32

import numpy as np

from ..core.graph import Node, Slotted
from ..core.kinds import describe
from ..core.modes import extra, remember
from ..support.errors import line_of
from ..trees import leaves
from . import operations
from .libraries import Array, DType, library_of, refuse_own_arithmetic
from .operations import PLAIN
from .partial import bare
from .quiet import is_quiet, quiet
from .rows import Rows
from .shares import ask_any, handed, unbroadcast

ndarray = np.ndarray


def as_floats(x: Array) -> Array:
    """x as an array of float64 or float32; TypeError for anything but real numbers.

    Of a list of nodes or masked arrays, NumPy would keep only the data.
    """
    for item in leaves(x) if isinstance(x, (list, tuple)) else [x]:
        if isinstance(item, Node):
            raise TypeError(
                f"a Tensor holds an array of real numbers, not a list with {describe(item)}: "
                "stack(tensors) makes one of Tensors, stack_values(values) one of Values"
            )
        if item is not x:
            refuse_own_arithmetic(item)
    return library_of(x).floats(x)


def shown(x: Array) -> str:
    """The shape of an array, in a message."""
    return str(tuple(x.shape))


def _checksum(leaf: Any) -> int:
    return crc32(library_of(leaf._data).on_host(leaf._data).tobytes())


class ArrayNode(Slotted):
    """A node that holds an array."""

    __slots__ = ()
    broadcasts = True

    @classmethod
    def admit(cls, x: Array) -> Array:
        """`x` as an array of float64 or float32; TypeError if it cannot be one."""
        if isinstance(x, Node):
            raise TypeError(
                f"a Tensor holds an array of real numbers, not {describe(x)}: use it as it is, "
                "stack_values(values) for Values, or x.detach() for a leaf of your own"
            )
        return as_floats(x)

    def start(self, seed: Any = 1.0) -> Array:
        """The gradient to start from: 1 for one element, else an array of this shape."""
        shape, dtype, library = self._data.shape, self._data.dtype, library_of(self._data)
        if seed.__class__ is float and math.prod(shape) == 1:
            return library.full(shape, seed, self._data)
        given = self.admit(seed)
        if given.shape == shape:  # a copy, for the seed may be written to
            return library.astype(library.like(given, self._data), dtype)
        if given.ndim == 0:
            raise ValueError(
                f"a gradient starts from one number, but this Tensor has the shape {shown(self)}: "
                "add its elements up first, or give a seed of its shape"
            )
        raise ValueError(f"the seed has the shape {shown(given)}, but the Tensor {shown(self)}")

    @staticmethod
    def ask(
        row: Any, inputs: tuple[Any, ...], g: Array, out: Array,
        values: Sequence[Array] | None = None,
    ) -> Sequence[Array]:  # fmt: skip
        """The share of each input, fitted to it; None for a constant, and if there is no path.

        The frequent cases are here: NumPy arrays, and one input, or two inputs and no settings.
        """
        if not is_quiet.get():
            return ask_quietly(row, inputs, g, out, values)
        columns, settings = (row.row.columns, row.settings) if row.of_arrays else (row.columns, {})
        if values is None and g.__class__ in PLAIN and not row.variadic:
            if len(inputs) == 1:
                (x,), (to_x,) = inputs, columns
                share = to_x(g, out, x._data, **settings) if settings else to_x(g, out, x._data)
                return (handed(x, share, g),)
            if len(inputs) == 2 and not settings:
                (x, y), (to_x, to_y) = inputs, columns
                a = x._data if isinstance(x, Node) else x
                b = y._data if isinstance(y, Node) else y
                return (
                    None if a is x else handed(x, to_x(g, out, a, b), g),
                    None if b is y else handed(y, to_y(g, out, a, b), g),
                )
        return ask_any(row, columns, settings, inputs, g, out, values)

    if not TYPE_CHECKING:
        backward = quiet(Node.backward, theirs=True)

    def own(self, g: Array) -> Array:
        """A gradient that shares no memory."""
        g = bare(g)
        return g if isinstance(g, (Node, Rows)) else library_of(g).copy(g)

    def fit(self, g: Array) -> Array:
        """A share in the shape and precision of this Tensor; broadcast axes are summed."""
        data, g = self._data, bare(g)
        if g.__class__ is float:
            return library_of(data).full(data.shape, g, data)
        if g.shape != data.shape:
            g = unbroadcast(g, tuple(data.shape))
        if g.dtype is data.dtype or g.dtype == data.dtype:
            return g
        return operations.astype(g, dtype=data.dtype)

    def keep_checksums(self) -> None:
        """Keep checksums of the leaves among the inputs."""
        leaves = [x if isinstance(x, ArrayNode) and not x._inputs else None for x in self._inputs]
        if any(x is not None for x in leaves):
            remember(self, "checksums", [None if x is None else _checksum(x) for x in leaves])

    def refuse_written(self) -> None:
        """RuntimeError if the array of a leaf was written into since this node was recorded."""
        for x, then in zip(self._inputs, extra(self).get("checksums", ()), strict=False):
            if then is not None and x._born < self._born and _checksum(x) != then:
                name = f"{x.label!r} " if x.label else ""
                text = (
                    f"the array of the leaf {name}was written into (it is {x._data} now) after "
                    f"{self.op} was recorded from it: compute the result again, then go back"
                )
                raise RuntimeError("\n  at ".join(filter(None, (text, line_of(self)))))

    # ---- what it holds ----

    def lend_data(self) -> Array:
        """The array: a leaf's own, and a read-only view of a recorded node's."""
        return self._data if not self._inputs else library_of(self._data).read_only(self._data)

    def as_data(self, array: Array) -> Array:
        """An array of this Tensor's shape, in its library and precision."""
        if array is self._data:  # as it is after `p.data -= step`
            return array
        return self._like_this(
            array, "this Tensor has the shape {}, and the new array {}: make another Tensor"
        )

    def lend_gradient(self, g: Array | None) -> Array:
        """The gradient as an array of this Tensor's library, of zeros for None."""
        if g.__class__ is ndarray:
            return g
        library = library_of(self._data)
        if g is None:
            return library.full(self._data.shape, 0.0, self._data)
        return library.held(bare(g))

    def as_gradient(self, g: Array) -> Array:
        """A copy of `g`, in this Tensor's library and precision; a number is for every element."""
        given = self.admit(g)
        if not given.shape:
            given = operations.broadcast_to(given, shape=tuple(self._data.shape))
        said = "a gradient has the shape of its Tensor, {}, not {}"
        return library_of(self._data).copy(self._like_this(given, said))

    def _like_this(self, array: Array, complaint: str) -> Array:
        """An array in this Tensor's library and precision; ValueError for another shape."""
        data, library = self._data, library_of(self._data)
        given = self.admit(array)
        if given.shape != data.shape:
            raise ValueError(complaint.format(shown(data), shown(given)))
        return library.astype(library.like(given, data), data.dtype)

    def detach(self) -> Self:
        """A copy under the same label, with no past: gradients stop here."""
        leaf = super().detach()
        leaf._data = library_of(self._data).copy(self._data)
        return leaf

    def item(self) -> float:
        """The number in a Tensor of one element."""
        if self.size != 1:
            raise ValueError(f"item() is for one element, and this Tensor has {self.size}")
        return float(library_of(self._data).on_host(self.data).item())

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return tuple(self._data.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._data.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self._data.shape)

    @property
    def dtype(self) -> DType:
        """float64 or float32, as its library says."""
        return self._data.dtype

    # ---- Python's protocols ----

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(
                f"bool() needs one element, and this Tensor has {self.size}: "
                "say which is meant, (t != 0).any() or (t != 0).all()"
            )
        return self.item() != 0

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "a Tensor's elements are not assigned to, for that would cut the graph: build a new "
            "one with where, cat or stack, or write `p.data[...] = array` for a leaf between graphs"
        )

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("a Tensor of no dimensions has no length")
        return self.shape[0]

    def __float__(self) -> float:
        raise TypeError(
            "a Tensor is not turned into a plain number silently, for that would cut the graph: "
            "write t.item() (or t.data), and autograd.exp(t) or t.exp() instead of math.exp(t)"
        )

    if not TYPE_CHECKING:
        __int__ = __index__ = __float__

    def __format__(self, spec: str) -> str:
        return format(self.item() if self.size == 1 else self.data, spec)

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Tensor({library_of(self._data).text(self.data)}{label})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise TypeError(
            "a Tensor is not turned into a plain array silently, for that would cut the graph: "
            "take t.data for the numbers; stack(tensors), cat(tensors), where(mask, t, array), "
            "array @ t and np.sum(t) keep the gradient"
        )


ask_quietly: Final = quiet(ArrayNode.ask, theirs=True)
