"""Which library an array is of, and how arrays are made there.

NumPy is the ordinary case. Any other library is spoken to in the words of the array API standard,
which `array_api_compat` knows of each; it is imported with the first such array. A type of array is
looked up once.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

from ..core.kinds import ARRAYS, describe

ndarray = np.ndarray


class Library:
    """A library of arrays that is not NumPy; `xp` is its array namespace."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.name: str = xp.__name__.removeprefix("array_api_compat.")

    def array(self, x: Any) -> Any:
        """x as an array that computes as this library's do; TypeError for what is none."""
        return x

    def floats(self, x: Any) -> Any:
        """The array in float64 or float32; TypeError for what has no such form."""
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
    def double(self) -> Any:
        """Its float64; its float32 where it is not set up for more, as JAX is not at first."""
        known = self.xp.__array_namespace_info__().dtypes(kind="real floating")
        return known.get("float64", self.xp.float32)

    def held(self, x: Any) -> Any:
        """What was computed, as a Tensor holds it."""
        return x

    def is_bool(self, x: Any) -> bool:
        """Whether an array is a mask."""
        return bool(self.xp.isdtype(x.dtype, "bool"))

    def is_integral(self, x: Any) -> bool:
        """Whether an array holds whole numbers, as an index does."""
        return bool(self.xp.isdtype(x.dtype, "integral"))

    def dtype(self, name: Any) -> Any:
        """This library's float64 or float32, by its own name or NumPy's; else what was given."""
        known = {"float32": self.xp.float32, "float64": self.xp.float64}
        try:
            return known.get(np.dtype(name).name, name)
        except TypeError:
            return name

    def like(self, numbers: Any, x: Any, dtype: Any = None) -> Any:
        """Numbers or a NumPy array as an array of this library, where x is."""
        if isinstance(numbers, ndarray) and not numbers.flags.writeable:
            numbers = np.array(numbers)  # PyTorch warns that it could be written to
        return self.xp.asarray(numbers, dtype=dtype, device=self.device(x))

    def full(self, shape: Any, value: float, x: Any) -> Any:
        """An array of one number, as precise as x and where x is."""
        return self.xp.full(tuple(shape), value, dtype=x.dtype, device=self.device(x))

    def one(self, x: Any, seed: float) -> Any:
        """A gradient to start from, for an array of one element."""
        return self.full(x.shape, seed, x)

    def item(self, x: Any) -> float:
        """The number in an array of one element."""
        return float(self.xp.reshape(x, ()))

    def plain(self, x: Any) -> Any:
        """An array of no special type."""
        return x

    def device(self, x: Any) -> Any:
        """Where x is."""
        from array_api_compat import device

        return device(x)

    def copy(self, x: Any) -> Any:
        """An array of one's own."""
        return self.xp.asarray(x, copy=True)

    def astype(self, x: Any, dtype: Any) -> Any:
        """x in another precision."""
        return self.xp.astype(x, dtype)

    def read_only(self, x: Any) -> Any:
        """x for looking at: a copy, for few libraries can keep an array from being written to."""
        return self.copy(x)

    def on_host(self, x: Any) -> Any:
        """x as a NumPy array."""
        for leave in ("cpu", "get"):  # PyTorch's and CuPy's way off a GPU
            x = getattr(x, leave)() if hasattr(x, leave) else x
        return np.asarray(x)

    def text(self, x: Any) -> str:
        """The array in a message or at the prompt."""
        return repr(x)


class NumPy(Library):
    """NumPy, and whatever NumPy makes an array of."""

    def __init__(self) -> None:
        super().__init__(np)

    def array(self, x: Any) -> Any:
        refuse_own_arithmetic(x)
        try:
            return np.asarray(x)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"a Tensor holds an array of real numbers, not {describe(x)}: {error}"
            ) from None

    def floats(self, x: Any) -> Any:
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

    def held(self, x: Any) -> Any:
        return np.asanyarray(x)

    @property
    def double(self) -> Any:
        return np.dtype(float)

    def is_bool(self, x: Any) -> bool:
        return bool(x.dtype.kind == "b")

    def is_integral(self, x: Any) -> bool:
        return x.dtype.kind in "iu"

    def dtype(self, name: Any) -> Any:
        return np.dtype(name)

    def like(self, numbers: Any, x: Any, dtype: Any = None) -> Any:
        return np.asarray(numbers, dtype)

    def full(self, shape: Any, value: float, x: Any) -> Any:
        return np.full(shape, value, x.dtype)

    def one(self, x: Any, seed: float) -> Any:
        return np.full(x.shape, seed, x.dtype) if x.shape else x.dtype.type(seed)

    def item(self, x: Any) -> float:
        return float(x.item())

    def plain(self, x: Any) -> Any:
        return np.asarray(x)

    def copy(self, x: Any) -> Any:
        return np.array(x)

    def astype(self, x: Any, dtype: Any) -> Any:
        return x.astype(dtype)

    def read_only(self, x: Any) -> Any:
        view = x.view(ndarray)
        view.flags.writeable = False
        return view

    def on_host(self, x: Any) -> Any:
        return x

    def text(self, x: Any) -> str:
        text = np.array2string(x, threshold=100, edgeitems=3, separator=", ", prefix="Tensor(")
        return text if x.dtype == np.float64 else f"{text}, dtype={x.dtype}"


def refuse_own_arithmetic(x: Any) -> None:
    """TypeError for a subclass of NumPy's array whose sums and products are not an array's.

    A mask, a unit or a matrix product would be lost without a word. A memory-mapped file, or a
    subclass that only adds attributes, computes as an array.
    """
    kind = x.__class__
    if kind is ndarray or not isinstance(x, ndarray):
        return
    if kind.__mul__ is ndarray.__mul__ and kind.__array_ufunc__ is ndarray.__array_ufunc__:
        return
    advice = "np.asarray(x) takes its numbers alone"
    if isinstance(x, np.ma.MaskedArray):
        advice = "fill its gaps with x.filled(0.0), and leave them out with where(x.mask, 0.0, t)"
    raise TypeError(f"a {kind.__name__} has arithmetic of its own, which would be lost: {advice}")


NUMPY = NumPy()
LIBRARIES: dict[type, Library] = {ndarray: NUMPY}
# Libraries whose arrays do not say themselves that they follow the standard.
OTHERS = ("torch", "dask", "cupy", "sparse")


def library_of(x: Any) -> Library:
    """The library that an array is of; NumPy for anything that is not an array of another."""
    found = LIBRARIES.get(x.__class__)
    if found is None:
        found = LIBRARIES[x.__class__] = _found(x)
    return found


def is_elsewhere(x: Any) -> bool:
    """Whether x is an array of another library than NumPy."""
    return x.__class__ is not float and library_of(x) is not NUMPY


def _found(x: Any) -> Library:
    kind = type(x)
    if isinstance(x, (ndarray, np.generic)) or not (
        hasattr(kind, "__array_namespace__")
        or (kind.__module__.partition(".")[0] in OTHERS and hasattr(kind, "dtype"))
    ):
        return NUMPY
    try:
        from array_api_compat import array_namespace
    except ImportError:
        raise ImportError(
            f"arrays of {kind.__module__.partition('.')[0]} need the package array-api-compat: "
            "pip install array-api-compat"
        ) from None
    from .functions import compute

    ARRAYS[kind] = compute
    return _library(array_namespace(x))


@cache
def _library(xp: Any) -> Library:
    return Library(xp)


def one_library(name: str, xs: Iterable[Any]) -> Library:
    """The library of all arrays among these; TypeError if there are arrays of several."""
    arrays = [x for x in xs if hasattr(x, "shape") and not isinstance(x, np.generic)]
    found = list(dict.fromkeys(map(library_of, arrays)))
    if len(found) > 1:
        names = " and of ".join(sorted(library.name for library in found))
        raise TypeError(
            f"{name} of arrays of {names}: libraries do not mix; convert one to the other's first"
        )
    return found[0] if found else NUMPY
