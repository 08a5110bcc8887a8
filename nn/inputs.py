"""What a module is called on: one sample where it holds Values, arrays where it holds Tensors."""

from __future__ import annotations

from typing import Any

from .parameters import is_tensor


def sample_of(x: Any, module: Any) -> Any:
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
    return x.tolist() if hasattr(x, "tolist") else x


def rows_of(x: Any, module: Any) -> Any:
    """Samples as an array or a Tensor in the precision of the module's weights.

    TypeError for what is no array of numbers, ValueError for another number of features.
    """
    x, weight = in_precision(x, module), module.weight
    if not x.ndim or x.shape[-1] != weight.shape[-1]:
        raise ValueError(
            f"a sample has {x.shape[-1] if x.ndim else 'no'} features, but this "
            f"{type(module).__name__} takes {weight.shape[-1]}: the input is of shape {x.shape}, "
            f"the weight of shape {weight.shape}"
        )
    return x


def refuse_values(module: Any) -> None:
    """TypeError for a module that can only hold Tensors, and was to hold Values."""
    if not is_tensor(module.weight):
        raise TypeError(f"a {type(module).__name__} is made of arrays: it holds Tensors, no Values")


def in_precision(x: Any, module: Any) -> Any:
    """An array or a Tensor in the precision of the module's weights."""
    x = array_of(x, module)
    return x if x.dtype == module.weight.dtype else x.astype(module.weight.dtype)


def array_of(x: Any, module: Any) -> Any:
    """An array or a Tensor of numbers as it is, and one of lists; TypeError for anything else."""
    if hasattr(x, "dtype") and x.dtype.kind in "fiub":
        return x
    from autograd import Tensor

    try:
        return Tensor(x).data
    except TypeError as error:
        raise TypeError(
            f"this {type(module).__name__} holds Tensors, and takes an array or a Tensor; "
            f"model.to('value') takes Values. {error}"
        ) from None
