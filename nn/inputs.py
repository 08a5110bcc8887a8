"""Inputs of a module: one sample if it holds Values, arrays of samples if it holds Tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autograd import no_grad

from .data import arrays, checked
from .parameters import data_of, is_tensor

if TYPE_CHECKING:
    from .module import Module


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


# ---- many samples --------------------------------------------------------------------------------


def on_tensors(model: Module) -> bool:
    """Whether the parameters of a model are Tensors, so that it takes a batch."""
    return any(map(is_tensor, model.parameters()))


def ready(model: Module, X: Any, y: Any) -> tuple[Any, Any]:
    """Samples and targets, checked, as the model takes them: lists, or arrays in its precision."""
    if not on_tensors(model):
        return checked(X, y)
    dtypes: list[Any] = [data_of(p).dtype for p in model.parameters() if is_tensor(p)]
    return arrays(X, y, dtypes[0])


def forward_of(model: Module) -> Callable[[Any], Any]:
    """What answers the outputs for samples: a list of them, or a Tensor."""
    return model if on_tensors(model) else lambda xs: [model(x) for x in xs]


def answers(model: Module, xs: Any) -> Any:
    """The outputs for samples as plain numbers: for each a float, or a list of them."""
    with no_grad():
        outputs = forward_of(model)(xs)
    return outputs.data.tolist() if is_tensor(outputs) else [_plainly(out) for out in outputs]


def _plainly(output: Any) -> Any:
    if isinstance(output, (list, tuple)):
        return [_plainly(z) for z in output]
    return number_of(output)


def number_of(output: Any) -> float:
    """The number that a loss or an output is, whether or not it is recorded."""
    x = data_of(output)
    return float(x.item() if hasattr(x, "item") else x)
