"""Arrays of other libraries under a check: PyTorch's, JAX's, those of the array API standard.

They are *lowered* to NumPy's for the check, and *raised* again, in their own library, dtype and
device, where f and df are called. A library is looked up in `sys.modules`, and never imported.
"""

from __future__ import annotations

import sys
from collections import namedtuple
from contextlib import nullcontext
from copy import copy
from dataclasses import fields, is_dataclass
from functools import lru_cache

from ..core.graph import Node
from ..trees import replace
from .arguments import MASKED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Any


ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}


# ---- arrays of other libraries -------------------------------------------------------------------


def library(x: Any) -> str:
    """Name the library that an array is of; "" for NumPy, and for what is not an array."""
    numpy = sys.modules.get("numpy")
    if numpy is None or isinstance(x, (float, int, Node)):
        return ""
    if isinstance(x, (numpy.ndarray, numpy.generic)):
        return "ml_dtypes" if x.dtype.name == "bfloat16" else ""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, getattr(torch, "Tensor", ())):
        return "torch"
    if not hasattr(type(x), "__array_namespace__"):
        return ""
    name: str = x.__array_namespace__().__name__.partition(".")[0]
    return name


def dtype_of(x: Any) -> str:
    """The name of an array's dtype, such as "float32"."""
    return str(x.dtype).rpartition(".")[2]


def lower(tree: Any) -> Any:
    """The same containers with NumPy's arrays in the places of all others, sparse ones made dense.

    A dataclass becomes a NamedTuple.
    """
    return tree if tree.__class__ is float else replace(tree, _lowered)


def _lowered(x: Any) -> Any:
    if library(x):
        return on_host(x)
    if hasattr(x, "toarray") and hasattr(x, "nnz"):  # of scipy.sparse
        return x.toarray()
    if hasattr(x, "rmatvec") and hasattr(x, "shape"):  # a LinearOperator
        return x @ sys.modules["numpy"].eye(x.shape[1])
    if hasattr(x, "mask") and hasattr(x, "filled"):
        raise TypeError(f"what was returned {MASKED}")
    if hasattr(x, "todense") and hasattr(x, "nse"):  # of jax.experimental.sparse
        return on_host(x.todense())
    if is_record(x):
        names = tuple(field.name for field in fields(x))
        return _record(type(x).__name__, names)(*(lower(getattr(x, name)) for name in names))
    return x


def is_record(x: Any) -> bool:
    """True if `x` is an instance of a dataclass."""
    return is_dataclass(x) and not isinstance(x, (type, Node))


@lru_cache
def _record(name: str, names: tuple[str, ...]) -> Any:
    return namedtuple(name, names, rename=True)  # its fields are not known before


def on_host(x: Any) -> Any:
    """An array of any library as NumPy's; bfloat16, which NumPy lacks, as float32."""
    numpy = sys.modules["numpy"]
    if library(x) == "torch":
        if x.device.type == "meta":
            raise ValueError("a tensor is on the device meta, which holds no numbers")
        x = (x if x.layout is sys.modules["torch"].strided else x.to_dense()).detach()
        return (x.float() if dtype_of(x) == "bfloat16" else x).numpy(force=True)
    array = numpy.asarray(x.get() if hasattr(x, "get") else x)  # off CuPy's device
    return array.astype(numpy.float32) if dtype_of(x) == "bfloat16" else array


def raised(given: Any, lowered: Any, double: bool = False) -> Any:
    """The containers of `given`, with the numbers of `lowered` in arrays of its libraries."""
    found: list[Any] = []
    replace(lowered, found.append)
    source = iter(found)
    return opened(given, lambda x: _raised(next(source), x, double))


def opened(tree: Any, make: Callable[[Any], Any]) -> Any:
    """`replace`, which goes into dataclasses too."""

    def fill(x: Any) -> Any:
        if not is_record(x):
            return make(x)
        made = copy(x)
        for field in fields(x):
            object.__setattr__(made, field.name, replace(getattr(x, field.name), fill))
        return made

    return replace(tree, fill)


def leaves_of(tree: Any) -> list[Any]:
    found: list[Any] = []
    opened(tree, found.append)
    return found


def _raised(numbers: Any, x: Any, double: bool) -> Any:
    """Numbers as an array of x's library, on its device; of doubles if `double`."""
    of = library(x)
    if of == "torch":
        torch = sys.modules["torch"]
        dtype = torch.float64 if double else x.dtype
        return torch.tensor(numbers, dtype=dtype, device=x.device)
    if of == "ml_dtypes":
        return sys.modules["numpy"].asarray(numbers, None if double else x.dtype)[()]
    if of:
        xp = x.__array_namespace__()
        dtype = xp.float64 if double else x.dtype
        return xp.asarray(numbers, dtype=dtype, device=getattr(x, "device", None), copy=True)
    return numbers


def doubles(double: bool) -> AbstractContextManager[Any]:
    """The context in which JAX has doubles."""
    jax: Any = sys.modules.get("jax")
    return jax.enable_x64(True) if double and hasattr(jax, "enable_x64") else nullcontext()


def is_elsewhere(args: tuple[Any, ...]) -> bool:
    """True if any argument has an array of another library in it, or is a dataclass."""
    found: list[Any] = []
    replace(args, found.append)
    return any(library(x) or is_record(x) for x in found)
