"""Inputs of a module: one sample if it holds Values, arrays of samples if it holds Tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from reprlib import repr as short
from typing import Any, Protocol

from autograd import no_grad

from .data import Data, Samples, arrays, bare, checked, listed_of
from .module import Module
from .parameters import Array, Tensor, as_array, is_tensor, np, plain


class Weighted(Protocol):
    """A module with a weight."""

    weight: Any


def sample_of(x: Any, module: Module) -> Sequence[Any]:
    """One sample as a list of features; TypeError for a Tensor, ValueError for a batch."""
    if is_tensor(x):
        raise TypeError(
            f"this {type(module).__name__} holds Values and takes a list of numbers or Values, "
            "not a Tensor: take model.to('tensor'), or the Tensor's .values()"
        )
    if getattr(x, "ndim", 1) != 1:
        raise ValueError(
            f"this {type(module).__name__} holds Values and takes one sample at a time, not an "
            f"array of shape {x.shape}: take [model(x) for x in X], or model.to('tensor')"
        )
    x = listed_of("a sample", x)
    if isinstance(x, (str, Mapping, Set)) or not hasattr(x, "__len__"):
        raise TypeError(f"a sample is a list of numbers or Values, not {short(x)}")
    return x


def rows_of(x: Any, module: Weighted) -> Array | Tensor:
    """Samples as an array or a Tensor in the precision of the module's weights.

    TypeError unless x is an array of numbers, ValueError for another number of features.
    """
    x, weight = in_precision(x, module), module.weight
    if not x.ndim or x.shape[-1] != weight.shape[-1]:
        raise ValueError(
            f"a sample has {x.shape[-1] if x.ndim else 'no'} features, but this "
            f"{type(module).__name__} takes {weight.shape[-1]}: the input is of shape {x.shape}, "
            f"the weight of shape {weight.shape}"
        )
    return x


def refuse_values(module: Weighted) -> None:
    """TypeError if a module that can only hold Tensors holds Values."""
    if not is_tensor(module.weight):
        raise TypeError(f"a {type(module).__name__} is made of arrays: it holds Tensors, no Values")


def in_precision(x: Any, module: Weighted) -> Array | Tensor:
    """An array or a Tensor in the precision of the module's weights."""
    x = array_of(x, module)
    return x if x.dtype == module.weight.dtype else x.astype(module.weight.dtype)


def array_of(x: Any, module: object) -> Any:
    """An array or a Tensor of numbers unchanged, lists as an array; TypeError for anything else."""
    if hasattr(x, "dtype") and x.dtype.kind in "fiub":
        return as_array(x)
    from autograd import Tensor

    try:
        return Tensor(x).data
    except TypeError as error:
        raise TypeError(
            f"this {type(module).__name__} holds Tensors, and takes an array or a Tensor; "
            f"model.to('value') takes Values. {error}"
        ) from None


# ---- many samples --------------------------------------------------------------------------------


def on_tensors(model: Module) -> bool:
    """True for a model of Tensors, which takes a batch."""
    return any(map(is_tensor, model.parameters()))


def ready(model: Module, X: Samples, y: Samples) -> Data:
    """Samples and targets, checked, as lists or as arrays in the model's precision."""
    if not on_tensors(model):
        return checked(X, y)
    dtypes = [p.dtype for p in model.parameters() if is_tensor(p)]
    return arrays(X, y, dtypes[0])


def forward_of(model: Module) -> Callable[[Samples], Any]:
    """A function that maps samples to a list of outputs, or to a Tensor."""
    return model if on_tensors(model) else lambda xs: [model(x) for x in bare(xs)]


def outputs_of(model: Module, xs: Samples) -> list[Any]:
    """The outputs for samples as numbers: for each sample a float, or a list of them."""
    with no_grad():
        outputs = forward_of(model)(xs)
    return outputs.data.tolist() if is_tensor(outputs) else [_plainly(out) for out in outputs]


def _plainly(output: Any) -> Any:
    if isinstance(output, (list, tuple)):
        return [_plainly(z) for z in output]
    return number_of(output)


def number_of(output: object) -> float:
    """The number of a loss or an output, recorded or not."""
    x = plain(output)
    return float(x.item() if hasattr(x, "item") else x)


def is_finite(g: Any) -> bool:
    """True if a number, or each number of an array, is finite."""
    if not hasattr(g, "ravel"):
        return math.isfinite(g)
    return bool(np.isfinite(g).all())
