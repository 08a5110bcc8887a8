"""What a Tensor is: an array that can be started from, fitted to, and looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from ..functions import where
from ..graph import Node, Slotted, birth, gradient_or_none
from ..kinds import describe
from ..rules import Rule
from .functions import quiet

ndarray = np.ndarray


def as_floats(x: Any) -> Any:
    """An array of float64 or float32; TypeError, with what to do, for what has no such form."""
    _refuse_nodes(x)
    try:
        array = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"a Tensor holds an array of real numbers, not {describe(x)}: {error}"
        ) from None
    if array.dtype.kind == "f" and array.dtype.itemsize in (4, 8):
        return array
    if array.dtype.kind in "fiub":
        return array.astype(float)
    advice = "convert it with astype(float) first"
    if array.dtype.kind == "O":
        advice = "stack_values(values) makes one of Values, stack(tensors) one of Tensors"
    elif array.dtype.kind == "c":
        advice = "take .real or .imag; derivatives here are those of real functions"
    raise TypeError(f"a Tensor holds an array of real numbers, not one of {array.dtype}: {advice}")


def _refuse_nodes(x: Any) -> None:
    """TypeError for lists of nodes, of which NumPy would make an array and cut their graphs."""
    if isinstance(x, (list, tuple)):
        for item in x:
            _refuse_nodes(item)
    elif isinstance(x, Node):
        raise TypeError(
            f"a Tensor holds an array of real numbers, not a list with {describe(x)}: "
            "stack(tensors) makes one of Tensors, stack_values(values) one of Values"
        )


class Partial(np.ndarray[Any, Any]):
    """A gradient with 0 where `where` took another branch: there is no path, whatever the slope.

    Arithmetic keeps the type, so that it marks everything below that branch, at no cost elsewhere.
    """


def is_partial(g: Any) -> bool:
    """Whether some elements of a gradient may have no path."""
    return g.__class__ is not ndarray and isinstance(g._data if isinstance(g, Node) else g, Partial)


def partial_share(share: Any, g: Any, row: Rule) -> Any:
    """A share of a partial gradient: 0 where that is 0, even if the slope is infinite or nan."""
    if share.__class__ is float:
        return share
    if type(row) is Rule and is_partial(g):  # rows with settings move elements, or mix them
        gone = (g._data if isinstance(g, Node) else g) == 0
        share = where(np.asarray(gone), 0.0, share)
    if isinstance(share, Node):
        share._data = share._data.view(Partial)
        return share
    return np.asarray(share).view(Partial)


def _shared(share: Any, g: Any, row: Rule) -> bool:
    """Whether somebody else may hold the memory of a share."""
    if share.__class__ is not np.ndarray:
        return isinstance(share, Partial)
    return share is g or share.base is not None or row.variadic


def _unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """g summed over the axes that an array of this shape was stretched along."""
    lead = g.ndim - len(shape)
    if lead < 0:
        return g + np.zeros(shape, g.dtype)
    stretched = [i + lead for i, n in enumerate(shape) if n == 1 != g.shape[i + lead]]
    axes = (*range(lead), *stretched)
    if axes:
        g = g.sum(axis=axes)
    return (
        g.reshape(shape) if stretched else g if g.shape == shape else g + np.zeros(shape, g.dtype)
    )


class ArrayNode(Slotted):
    """A node that holds an array."""

    __slots__ = ()
    broadcasts = True

    @classmethod
    def admit(cls, x: Any) -> Any:
        """`x` as an array of float64 or float32; TypeError for what is none."""
        if isinstance(x, Node):
            raise TypeError(
                f"a Tensor holds an array of real numbers, not {describe(x)}: use it as it is, "
                "stack_values(values) for Values, or x.detach() for a leaf of your own"
            )
        return as_floats(x)

    def start(self, seed: Any = 1.0) -> Any:
        """The gradient to start from: 1 for one element, else an array of this shape."""
        shape, dtype = self._data.shape, self._data.dtype
        if seed.__class__ is float and self._data.size == 1:
            return np.full(shape, seed, dtype)
        given = self.admit(seed)
        if given.shape == shape:
            return given.astype(dtype)  # a copy: what is walked must not change
        if given.ndim == 0:
            raise ValueError(
                f"a gradient starts from one number, but this Tensor has the shape {shape}: add "
                "its elements up first, or give a seed of its shape"
            )
        raise ValueError(f"the seed has the shape {given.shape}, but the Tensor {shape}")

    @staticmethod
    @quiet
    def ask(
        row: Rule, inputs: tuple[Any, ...], g: Any, out: Any, values: tuple[Any, ...]
    ) -> Sequence[Any]:
        """Each column's answer, fitted to the input it is for; a leaf's is an array of its own."""
        columns, several, partial = row.columns, row.variadic, row.name == "where" or is_partial(g)
        answers = columns[0](g, out, *values) if several else ()
        shares: list[Any] = []
        for i, x in enumerate(inputs):
            if not isinstance(x, Node):
                shares.append(None)
                continue
            s = answers[i] if several else columns[i](g, out, *values)
            if s is not None:
                if partial:
                    s = partial_share(s, g, row)
                data = x._data  # the next line is `fit`, where there is nothing to do
                if s.__class__ is not ndarray or s.shape != data.shape or s.dtype != data.dtype:
                    s = x.fit(s)
                if not x._inputs and _shared(s, g, row):
                    s = np.array(s)
            shares.append(s)
        return shares

    def own(self, g: Any) -> Any:
        """A gradient that nobody else holds."""
        return g if isinstance(g, Node) else np.array(g)

    def fit(self, g: Any) -> Any:
        """A share with the shape and precision of this Tensor: what was broadcast is summed."""
        data = self._data
        if g.__class__ is float:
            return np.full(data.shape, g, data.dtype)
        if g.shape != data.shape:
            g = _unbroadcast(g, data.shape)
        return g if g.dtype is data.dtype or g.dtype == data.dtype else g.astype(data.dtype)

    # ---- what it holds ----

    @property
    def data(self) -> Any:
        """The array: a leaf's own, and a read-only view of a recorded node's.

        A leaf is updated through the attribute (`p.data -= step`, `p.data = array`): a graph
        recorded before that is stale, and going back through it raises. To write into the array
        itself (`p.data[0] = 1.0`) is right only when no such graph will be used again.
        """
        if not self._inputs:
            return self._data
        view = self._data.view(np.ndarray)
        view.flags.writeable = False
        return view

    @data.setter
    def data(self, array: Any) -> None:
        if self._inputs:
            raise AttributeError(
                f".data of a recorded node is read-only, and this one is the result of {self.op}: "
                "rebind a leaf and compute again, or take detach() for a leaf of your own"
            )
        if array is not self._data:  # it is after `p.data -= step`
            given = self.admit(array)
            if given.shape != self._data.shape:
                raise ValueError(
                    f"this Tensor has the shape {self._data.shape}, and the new array "
                    f"{given.shape}: make another Tensor"
                )
            self._data = given.astype(self._data.dtype)
        self._born = birth()  # what was recorded from the old numbers is stale from now on

    @property
    def grad(self) -> Any:
        """The gradient that backward passes have left here; zeros before any has."""
        held = gradient_or_none(self)
        return np.zeros(self._data.shape, self._data.dtype) if held is None else np.asarray(held)

    @grad.setter
    def grad(self, g: Any) -> None:
        if g is not None:
            given = self.admit(g)
            if given.shape not in ((), self._data.shape):
                raise ValueError(
                    f"a gradient has the shape of its Tensor, {self._data.shape}, not {given.shape}"
                )
            g = np.broadcast_to(given, self._data.shape).astype(self._data.dtype)
        Node.grad.__set__(self, g)  # type: ignore[attr-defined]

    def detach(self) -> Self:
        """A copy under the same label, with no past: gradients stop here."""
        leaf = super().detach()
        leaf._data = np.array(self._data)
        return leaf

    def item(self) -> float:
        """The number in a Tensor of one element."""
        if self._data.size != 1:
            raise ValueError(f"item() is for one element, and this Tensor has {self._data.size}")
        return float(self._data.item())

    shape = property(lambda self: self._data.shape, doc="The length of each axis.")
    ndim = property(lambda self: self._data.ndim, doc="The number of axes.")
    size = property(lambda self: self._data.size, doc="The number of elements.")
    dtype = property(lambda self: self._data.dtype, doc="float64 or float32, as NumPy has it.")

    # ---- Python's protocols ----

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise ValueError(
                f"bool() needs one element, and this Tensor has {self._data.size}: "
                "say which is meant, (t != 0).any() or (t != 0).all()"
            )
        return bool(self._data.item() != 0)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "a Tensor's elements are not assigned to, for that would cut the graph: build a new "
            "one with where, cat or stack, or write `p.data[...] = array` for a leaf between graphs"
        )

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("a Tensor of no dimensions has no length")
        return len(self._data)

    def __float__(self) -> float:
        raise TypeError(
            "a Tensor is not turned into a plain float silently, for that would cut the graph: "
            "write t.item() for the number, and autograd.exp(t) or t.exp() instead of math.exp(t)"
        )

    __int__ = __float__

    def __format__(self, spec: str) -> str:
        return format(self._data.item() if self._data.size == 1 else self._data, spec)

    def __repr__(self) -> str:
        text = np.array2string(
            self._data, threshold=100, edgeitems=3, separator=", ", prefix="Tensor("
        )
        dtype = "" if self._data.dtype == np.float64 else f", dtype={self._data.dtype}"
        label = f", label={self.label!r}" if self.label else ""
        return f"Tensor({text}{dtype}{label})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self._inputs:
            raise TypeError(
                "a recorded Tensor is not turned into a plain array silently, for that would cut "
                "the graph: take t.data, or t.detach()"
            )
        return np.array(self._data, dtype=dtype)
