"""A model on many samples: one by one where it holds Values, at once where it holds Tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd import no_grad

from ..module import Module
from ..parameters import is_tensor, plain
from .checks import arrays, checked


def on_tensors(model: Module) -> bool:
    """Whether the parameters of a model are Tensors, so that it takes a batch."""
    return any(map(is_tensor, model.parameters()))


def ready(model: Module, X: Any, y: Any) -> tuple[Any, Any]:
    """Samples and targets, checked, as the model takes them: lists, or arrays in its precision."""
    if not on_tensors(model):
        return checked(X, y)
    dtypes: list[Any] = [plain(p).dtype for p in model.parameters() if is_tensor(p)]
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
    x = plain(output)
    return float(x.item() if hasattr(x, "item") else x)
