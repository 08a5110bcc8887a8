"""Libraries of arrays: NumPy, and those that follow the array API standard.

`library_of(x)` returns the `Library` of an array, which makes and converts arrays there. The
package `array_api_compat` provides the standard's functions for each library; it is imported with
the first array that is not NumPy's.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

from ..core.kinds import ARRAYS, describe
from ..extras import missing

ndarray = np.ndarray
Array = Any  # of any library; to an operation or a column, also a node or a number
DType = Any  # of any library
Shape = tuple[int, ...]
Axes = tuple[int, ...]


class Library:
    """A library of arrays; `xp` is its array namespace."""

    stands_in = False  # for NumPy, with stand-ins that note what is computed
    by_product = False  # whether it sums rows by a product with ones, as NumPy's arrays are summed

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.name: str = xp.__name__.removeprefix("array_api_compat.")

    def array(self, x: Array) -> Array:
        """x as an array of this library; TypeError if it cannot be one."""
        return x

    def floats(self, x: Array) -> Array:
        """The array in float64 or float32; TypeError for other than real numbers."""
        if getattr(x, "requires_grad", False):
            raise TypeError(
                f"this {self.name} array records its own gradient (requires_grad), and two engines "
                "do not mix: detach() it first"
            )
        if x.dtype in (self.xp.float32, self.xp.float64):
            return x
        if not self.xp.isdtype(x.dtype, ("bool", "integral", "real floating")):
            raise TypeError(f"a Tensor holds an array of real numbers, not one of {x.dtype}")
        return self.xp.astype(x, self.double)

    @property
    def double(self) -> DType:
        """float64, or float32 if doubles are not enabled (JAX's default)."""
        known = self.xp.__array_namespace_info__().dtypes(kind="real floating")
        return known.get("float64", self.xp.float32)

    def held(self, x: Array) -> Array:
        """A computed result as an array that a Tensor can hold."""
        return x

    def is_bool(self, x: Array) -> bool:
        return "bool" in str(x.dtype)

    def is_integral(self, x: Array) -> bool:
        return "int" in str(x.dtype)

    def dtype(self, name: DType) -> DType:
        """float64 or float32 of this library, given its own or NumPy's; other dtypes unchanged."""
        known = {"float32": self.xp.float32, "float64": self.xp.float64}
        try:
            return known.get(np.dtype(name).name, name)
        except TypeError:
            return name

    def like(self, numbers: Array, x: Array, dtype: DType = None) -> Array:
        """Numbers or a NumPy array as an array of this library, on the device of x."""
        if isinstance(numbers, ndarray) and not numbers.flags.writeable:
            numbers = np.array(numbers)  # PyTorch warns that it could be written to
        return self.xp.asarray(numbers, dtype=dtype, device=self.device(x))

    def full(self, shape: Shape, value: float, x: Array) -> Array:
        """An array of one number, with the dtype and the device of x."""
        return self.xp.full(tuple(shape), value, dtype=x.dtype, device=self.device(x))

    def device(self, x: Array) -> Any:
        from array_api_compat import device

        return device(x)

    def copy(self, x: Array) -> Array:
        return self.xp.asarray(x, copy=True)

    def astype(self, x: Array, dtype: DType) -> Array:
        """x in another precision."""
        return self.xp.astype(x, dtype)

    def read_only(self, x: Array) -> Array:
        """A read-only view of x; a copy, since few libraries have such views."""
        return self.copy(x)

    def on_host(self, x: Array) -> Array:
        """x as a NumPy array."""
        for leave in ("cpu", "get"):  # PyTorch's and CuPy's way off a GPU
            x = getattr(x, leave)() if hasattr(x, leave) else x
        return np.asarray(x)

    def text(self, x: Array) -> str:
        """The array in a message or at the prompt."""
        return repr(x)

    def compute_at_once(self, op: str, found: Array, given: Iterable[Array], named: Any) -> None:
        """Exchange how an array is computed, where the library has an operation of ONNX's."""


class NumPy(Library):
    """NumPy, and whatever NumPy makes an array of."""

    operations: Any  # of a library that stands in for it
    function: Any

    def __init__(self) -> None:
        super().__init__(np)

    def array(self, x: Array) -> Array:
        refuse_own_arithmetic(x)
        try:
            return np.asarray(x)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"a Tensor holds an array of real numbers, not {describe(x)}: {error}"
            ) from None

    def floats(self, x: Array) -> Array:
        array = self.array(x)
        if array.dtype.kind == "f" and array.dtype.itemsize in (4, 8):
            return array
        if array.dtype.kind in "fiub":
            return array.astype(float)
        advice = "convert it with astype(float) first"
        if array.dtype.kind == "O":
            advice = "stack_values(values) makes one of Values, stack(tensors) one of Tensors"
        elif array.dtype.kind == "c":
            advice = "take .real or .imag; derivatives here are those of real functions"
        elif array.dtype.kind == "V":
            advice = "take one of its fields, such as x['name'], or stack several"
        raise TypeError(
            f"a Tensor holds an array of real numbers, not one of {array.dtype}: {advice}"
        )

    def held(self, x: Array) -> Array:
        return np.asarray(x)

    @property
    def double(self) -> DType:
        return np.dtype(float)

    def dtype(self, name: DType) -> DType:
        return np.dtype(name)

    def like(self, numbers: Array, x: Array, dtype: DType = None) -> Array:
        return np.asarray(numbers, dtype)

    def full(self, shape: Shape, value: float, x: Array) -> Array:
        out = np.empty(shape, x.dtype)
        out.fill(value)  # in a fifth of the time of np.full
        return out

    def copy(self, x: Array) -> Array:
        return np.array(x)

    def astype(self, x: Array, dtype: DType) -> Array:
        return x.astype(dtype)

    def read_only(self, x: Array) -> Array:
        view = x.view(ndarray)
        view.flags.writeable = False
        return view

    def on_host(self, x: Array) -> Array:
        return x

    def text(self, x: Array) -> str:
        text = np.array2string(x, threshold=100, edgeitems=3, separator=", ", prefix="Tensor(")
        return text if x.dtype == np.float64 else f"{text}, dtype={x.dtype}"


def has_own_arithmetic(x: object) -> bool:
    """True for an instance of a subclass of NumPy's array that changes its sums or products."""
    kind: Any = x.__class__
    if kind is ndarray or not isinstance(x, ndarray) or hasattr(kind, "of_values"):
        return False
    own = kind.__mul__, kind.__array_ufunc__
    return own != (ndarray.__mul__, ndarray.__array_ufunc__)


def refuse_own_arithmetic(x: object) -> None:
    """TypeError for a subclass of NumPy's array whose sums and products are not an array's.

    Otherwise a mask, a unit or a matrix product would be lost silently. A memory-mapped file, or a
    subclass that only adds attributes, computes as an array does.
    """
    if not has_own_arithmetic(x):
        return
    advice = "np.asarray(x) takes its numbers alone"
    if isinstance(x, np.ma.MaskedArray):
        advice = "fill its gaps with x.filled(0.0), and leave them out with where(x.mask, 0.0, t)"
    name = type(x).__name__
    raise TypeError(f"a {name} has arithmetic of its own, which would be lost: {advice}")


NUMPY = NumPy()
LIBRARIES: dict[type, Library] = {ndarray: NUMPY}
# Libraries whose arrays lack `__array_namespace__`, but for which array_api_compat stands in.
OTHERS = ("torch", "dask", "cupy", "sparse")


def library_of(x: object) -> Library:
    """The library of an array; NumPy for anything that is not an array."""
    found = LIBRARIES.get(x.__class__)
    if found is None:
        found = LIBRARIES[x.__class__] = _found(x)
    return found


def is_elsewhere(x: object) -> bool:
    """True for an array of a library other than NumPy."""
    return x.__class__ is not float and library_of(x) is not NUMPY


def _found(x: object) -> Library:
    kind = type(x)
    if isinstance(x, (ndarray, np.generic)) or not (
        hasattr(kind, "__array_namespace__")
        or (kind.__module__.partition(".")[0] in OTHERS and hasattr(kind, "dtype"))
    ):
        return NUMPY
    try:
        from array_api_compat import array_namespace
    except ImportError:
        user = f"a {kind.__name__} of {kind.__module__.partition('.')[0]}"
        raise missing(user, "array-api-compat") from None
    from .functions import compute

    ARRAYS[kind] = compute
    return _library(array_namespace(x))


_library = cache(Library)


def one_library(name: str, xs: Iterable[Any]) -> Library:
    """The library of all arrays among `xs`; TypeError if they are of several."""
    arrays = [x for x in xs if hasattr(x, "shape") and not isinstance(x, np.generic)]
    found = list(dict.fromkeys(map(library_of, arrays)))
    if len(found) > 1 and any(library.stands_in for library in found):
        found = [library for library in found if library is not NUMPY]  # those are constants
    if len(found) > 1:
        names = " and of ".join(sorted(library.name for library in found))
        raise TypeError(
            f"{name} of arrays of {names}: libraries do not mix; convert one to the other's first"
        )
    return found[0] if found else NUMPY
