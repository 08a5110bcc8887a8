"""Tensor: a node whose data is an array."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..core import functions
from ..core.graph import birth
from ..core.rules import RULES
from ..core.value import BINARY, UNARY
from ..trees import array_of
from .keywords import Axis, axes_of, index_of, one_axis, permutation, shape_of, truth
from .libraries import Array, library_of
from .methods import (
    along,
    binary,
    comparison,
    in_place,
    of_numpy,
    record,
    reduction,
    reflected,
    settled,
    unary,
)
from .node import ArrayNode

if TYPE_CHECKING:
    from ..support.operators import Along, Operator, Operators, Reduction

    class Base(ArrayNode, Operators["Tensor", Any, Any, Any]):
        """An array node, with the operators."""

        __matmul__: Operator[Tensor, Any]
        __rmatmul__: Operator[Tensor, Any]
else:
    Base = ArrayNode

ELSE = "where, cat and stack make a new Tensor"


class Tensor(Base):
    """An array that remembers how it was computed.

    `array` is anything that NumPy converts to an array of real numbers, or an array of another
    library that follows the array API standard (PyTorch, JAX, CuPy, Dask), which stays one of that
    library. It is copied: float64 and float32 are kept, other types become float64. `label` appears
    in pictures and messages. TypeError for complex numbers, strings and objects.

    What was recorded is what it was: constants are copied, and no result shares the memory of a
    leaf. `.data` is a leaf's own array, and a read-only view of a recorded node's. A leaf is
    updated through the attribute (`p.data -= step`, `p.data = array`): a graph recorded before
    that is stale, and going back through it raises. To write into the array itself (`p.data[0] =
    1.0`) is right only when no such graph will be used again, for its gradients would mix old and
    new numbers. That is noticed under `detect_anomaly`, around both the recording and the way
    back, and in `gradcheck`.

    >>> w = Tensor([[1.0, 2.0], [3.0, 4.0]], label="w")
    >>> loss = (w @ [1.0, -1.0]).tanh().sum()
    >>> loss.backward()
    >>> w.grad.round(4)
    array([[ 0.42, -0.42],
           [ 0.42, -0.42]])
    """

    __slots__ = ()
    kind: type[Tensor]

    def __init__(self, array: Array, label: str = "") -> None:
        given = self.admit(array)
        self._data = library_of(given).copy(given)
        self._inputs = ()
        self._rule = None
        self._born = birth()
        if label.__class__ is not str or label:
            self.label = label

    # ---- operators, and the functions of the table: `Operators` declares their types ----

    if not TYPE_CHECKING:
        __add__, __radd__ = binary("add"), reflected("add")
        __sub__, __rsub__ = binary("sub"), reflected("sub")
        __mul__, __rmul__ = binary("mul"), reflected("mul")
        __truediv__, __rtruediv__ = binary("div"), reflected("div")
        __floordiv__, __rfloordiv__ = binary("floordiv"), reflected("floordiv")
        __mod__, __rmod__ = binary("mod"), reflected("mod")
        __pow__, __rpow__ = binary("pow"), reflected("pow")
        __matmul__, __rmatmul__ = binary("matmul"), reflected("matmul")
        __neg__, __pos__, __abs__ = unary("neg"), unary("identity"), unary("abs")
        __lt__, __le__ = comparison("lt"), comparison("le")
        __gt__, __ge__ = comparison("gt"), comparison("ge")
        __eq__, __ne__ = comparison("eq"), comparison("ne")
        __hash__ = object.__hash__

        vars().update({name: unary(name) for name in UNARY})
        vars().update({name: binary(name) for name in BINARY})

    def __divmod__(self, other: Array) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Array) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    # ---- functions with settings ----

    def leaky_relu(self, slope: Any = 0.01) -> Tensor:
        """x where it is positive, slope * x elsewhere."""
        return functions.leaky_relu(self, slope)

    def elu(self, alpha: Any = 1.0) -> Tensor:
        """x where it is positive, alpha * (e^x - 1) elsewhere."""
        return functions.elu(self, alpha)

    def round(self, digits: int = 0) -> Tensor:
        """Rounded to `digits` decimals, halves to even."""
        return functions.round(self, digits)

    __round__: Callable[..., Tensor] = round

    def polygamma(self, n: int) -> Tensor:
        """The n-th derivative of `digamma` at each element."""
        return functions.polygamma(n, self)

    def clip(self, low: Any = None, high: Any = None, **named: Any) -> Tensor:
        """x, but at least `low` and at most `high`; NumPy's `min=` and `max=` are the same."""
        if low is None or high is None or named:
            return np.clip(self, low, high, **named)
        return functions.clip(self, low, high)

    def where(self, condition: Array, other: Array) -> Tensor:
        """This Tensor's elements where the condition holds, else those of `other`."""
        return functions.where(condition, self, other)

    # ---- over axes ----

    sum: Reduction[Tensor] = reduction("sum")
    mean: Reduction[Tensor] = reduction("mean")
    prod: Reduction[Tensor] = reduction("prod")
    max: Reduction[Tensor] = reduction("max")
    min: Reduction[Tensor] = reduction("min")
    logsumexp: Reduction[Tensor] = reduction("logsumexp")
    norm: Reduction[Tensor] = reduction("norm")
    softmax: Along[Tensor] = along("softmax")
    log_softmax: Along[Tensor] = along("log_softmax")

    def var(self, axis: Axis = None, keepdims: bool = False, ddof: float = 0) -> Tensor:
        """The mean squared distance from the mean; the divisor is the count minus `ddof`."""
        axes = axes_of("var", axis, self.ndim)
        return settled("var", self, axes=axes, keepdims=truth("var", keepdims), ddof=ddof)

    def std(self, axis: Axis = None, keepdims: bool = False, ddof: float = 0) -> Tensor:
        """The square root of `var`; its slope is 0 if all numbers are equal."""
        axes = axes_of("std", axis, self.ndim)
        return settled("std", self, axes=axes, keepdims=truth("std", keepdims), ddof=ddof)

    def cumsum(self, axis: int | None = None) -> Tensor:
        """Running sums along an axis; for None, of the flattened Tensor."""
        if axis is None:
            return self.reshape(-1).cumsum(0)
        return settled("cumsum", self, axis=one_axis("cumsum", axis, self.ndim))

    # ---- shapes ----

    def reshape(self, *shape: Any) -> Tensor:
        """The same elements in another shape; one size may be -1."""
        return settled("reshape", self, shape=shape_of(shape, self.size))

    view: Callable[..., Tensor] = reshape

    def transpose(self, *axes: Any) -> Tensor:
        """The axes in another order, reversed if none is given."""
        return settled("transpose", self, axes=permutation(axes, self.ndim))

    @property
    def T(self) -> Tensor:  # noqa: N802  # as NumPy has it
        """The axes in reversed order."""
        return self.transpose()

    def swapaxes(self, first: int, second: int) -> Tensor:
        """Two axes swapped."""
        order = list(range(self.ndim))
        i, j = (one_axis("swapaxes", axis, self.ndim) for axis in (first, second))
        order[i], order[j] = j, i
        return settled("transpose", self, axes=tuple(order))

    def squeeze(self, axis: Axis = None) -> Tensor:
        """Without all axes of length 1, or without the given ones, which must have length 1."""
        ones = [i for i, n in enumerate(self.shape) if n == 1]
        gone = ones if axis is None else axes_of("squeeze", axis, self.ndim)
        if not set(gone) <= set(ones):
            raise ValueError(f"squeeze removes axes of length 1 only, from the shape {self.shape}")
        return self.reshape([n for i, n in enumerate(self.shape) if i not in gone])

    # ---- as NumPy's arrays have them ----

    dot: Callable[..., Any] = of_numpy("dot")
    trace: Callable[..., Any] = of_numpy("trace")
    diagonal: Callable[..., Any] = of_numpy("diagonal")
    ptp: Callable[..., Any] = of_numpy("ptp")
    ravel: Callable[..., Any] = of_numpy("ravel")
    repeat: Callable[..., Any] = of_numpy("repeat")
    take: Callable[..., Any] = of_numpy("take")
    cumprod: Callable[..., Any] = of_numpy("cumprod")
    argmax: Callable[..., Any] = of_numpy("argmax")
    argmin: Callable[..., Any] = of_numpy("argmin")
    argsort: Callable[..., Any] = of_numpy("argsort")
    any: Callable[..., Any] = of_numpy("any")
    all: Callable[..., Any] = of_numpy("all")
    nonzero: Callable[..., Any] = of_numpy("nonzero")
    argpartition: Callable[..., Any] = of_numpy("argpartition")
    searchsorted: Callable[..., Any] = of_numpy("searchsorted")
    copy: Callable[..., Any] = of_numpy("copy")
    conj: Callable[..., Any] = of_numpy("conj")
    conjugate: Callable[..., Any] = of_numpy("conjugate")
    sort: Callable[..., NoReturn] = in_place("sort", "np.sort(t) is a new Tensor")
    partition: Callable[..., NoReturn] = in_place(
        "partition", "np.partition(t, kth) is a new Tensor"
    )
    fill: Callable[..., NoReturn] = in_place("fill", ELSE)
    put: Callable[..., NoReturn] = in_place("put", ELSE)
    resize: Callable[..., NoReturn] = in_place("resize", ELSE)

    @property
    def real(self) -> Tensor:
        """The Tensor: its numbers are real."""
        return +self

    def compress(self, condition: Array, axis: int | None = None) -> Any:
        """The elements, or the slices along an axis, where the condition holds."""
        return np.compress(condition, self, axis)

    def tolist(self) -> Any:
        """The numbers in nested lists, as `item` gives one: constants, with no gradient."""
        return library_of(self._data).on_host(self.data).tolist()

    # ---- shapes of their own ----

    def unsqueeze(self, axis: int) -> Tensor:
        """With a new axis of length 1 at `axis`."""
        place = one_axis("unsqueeze", axis, self.ndim + 1)
        return self.reshape((*self.shape[:place], 1, *self.shape[place:]))

    def flatten(self) -> Tensor:
        """All elements along one axis."""
        return self.reshape(-1)

    def broadcast_to(self, *shape: Any) -> Tensor:
        """Repeated along new axes and axes of length 1, to this shape."""
        return settled("broadcast_to", self, shape=shape_of(shape))

    def astype(self, dtype: Any) -> Tensor:
        """In another precision: float64 or float32."""
        library = library_of(self._data)
        wanted = library.dtype(dtype)
        if wanted not in (library.xp.float64, library.xp.float32):
            raise TypeError(f"a Tensor is of float64 or float32, not {wanted}: take .data.astype()")
        return settled("astype", self, dtype=wanted)

    def __getitem__(self, index: Any) -> Tensor:
        return settled("getitem", self, index=index_of(index))

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def values(self) -> Any:
        """The elements as Values, in nested lists of this shape; gradients flow through them."""
        return array_of(self.__autograd_numbers__(self), self.shape).tolist()

    # ---- dispatch ----

    @classmethod
    def __autograd_function__(cls, name: str, args: tuple[Any, ...]) -> Any:
        return record(RULES[name], args)

    @classmethod
    def __autograd_arrays__(cls, name: str, xs: tuple[Array, ...], settings: Any) -> Any:
        return settled(name, *xs, **settings)

    @staticmethod
    def __autograd_numbers__(x: Array) -> list[Any]:
        from .crossing import flat_values

        return flat_values(x)

    def __autograd_gather__(self, values: list[Any]) -> Any:
        from .crossing import gathered

        return gathered(values, (len(values),), self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = method == "__call__" and not options
        if plain and ufunc in REFLECTED and not isinstance(inputs[0], ArrayNode):
            return REFLECTED[ufunc](self, inputs[0])  # `array * t`
        from .numpy_protocols import call_ufunc

        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, named: Any) -> Any:
        from .numpy_protocols import call_function

        return call_function(function, args, named)


REFLECTED: dict[Any, Callable[..., Any]] = {
    np.add: reflected("add"),
    np.subtract: reflected("sub"),
    np.multiply: reflected("mul"),
    np.divide: reflected("div"),
    np.matmul: reflected("matmul"),
}
Tensor.kind = Tensor
