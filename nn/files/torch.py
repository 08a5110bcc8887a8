"""Models for PyTorch: the same layers with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from ..convolution import Conv2d, MaxPool2d
from ..embedding import Embedding
from ..layers import Layer, Neuron, Standardize
from ..module import Module
from .structure import NAMES, array_of, library, links

T = TypeVar("T")
Parts = list[Any]  # modules of PyTorch


def to_torch(model: Module) -> Any:
    """A `torch.nn.Sequential` with the weights of a model, in their precision; needs PyTorch.

    The model is an MLP, a Neuron, a Layer, or a Sequential of layers of this package; TypeError for
    any other. The result takes batches, and its weights are copies that can be trained further. The
    names of a Sequential's features and classes are attributes of the result.
    """
    torch = library("torch", "to_torch")
    parts = [
        part for module in links(model) for part in MAKERS[type(module).__name__](torch, module)
    ]
    made = torch.nn.Sequential(*parts)
    for name in NAMES:
        if kept := getattr(model, name, None):
            setattr(made, name, list(kept))
    return made


def _filled(torch: ModuleType, made: T, module: Any) -> T:
    """A module of PyTorch, given our weights."""
    for name, own in (("weight", module.weight), ("bias", getattr(module, "bias", None))):
        if own is not None:
            like = getattr(made, name)
            numbers = torch.from_numpy(array_of(own)).clone().reshape(like.shape)
            setattr(made, name, torch.nn.Parameter(numbers))
    return made


def _linear(torch: ModuleType, layer: Layer | Neuron) -> Parts:
    made = _filled(torch, torch.nn.Linear(*layer.widths), layer)
    return [made, *ACTIVATIONS[layer.activation](torch)]


def _neuron(torch: ModuleType, neuron: Neuron) -> Parts:
    return [*_linear(torch, neuron), *_squeeze(torch)]


def _conv2d(torch: ModuleType, conv: Conv2d) -> Parts:
    n_in, n_out, *window = conv.widths
    made = torch.nn.Conv2d(n_in, n_out, window, tuple(conv.stride), tuple(conv.padding))
    return [_filled(torch, made, conv), *ACTIVATIONS[conv.activation](torch)]


def _max_pool2d(torch: ModuleType, pool: MaxPool2d) -> Parts:
    return [torch.nn.MaxPool2d(tuple(pool.size), tuple(pool.stride))]


def _embedding(torch: ModuleType, embedding: Embedding) -> Parts:
    return [_filled(torch, torch.nn.Embedding(*embedding.widths), embedding)]


def _standardize(torch: ModuleType, scaling: Standardize) -> Parts:
    class Standardized(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            for name, found in scaling.settings.items():
                self.register_buffer(name, torch.tensor(found, dtype=torch.float64))

        def forward(self, x: Any) -> Any:
            return ((x - self.means) / self.scales).to(x.dtype)

    return [Standardized()]


def _squeeze(torch: ModuleType) -> Parts:
    return [torch.nn.Flatten(-2)]  # the last axis is of length 1


MAKERS: dict[str, Callable[[ModuleType, Any], Parts]] = {
    "Layer": _linear,
    "Neuron": _neuron,
    "Perceptron": _neuron,
    "Conv2d": _conv2d,
    "MaxPool2d": _max_pool2d,
    "Flatten": lambda torch, module: [torch.nn.Flatten()],
    "Embedding": _embedding,
    "Squeeze": lambda torch, module: _squeeze(torch),
    "Standardize": _standardize,
}


def _step(torch: ModuleType) -> Parts:
    class Step(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return torch.sign(torch.relu(x))

    return [Step()]


# PyTorch's softplus is the identity above a threshold; above 40 it is so to all digits.
ACTIVATIONS: dict[str, Callable[[ModuleType], Parts]] = {
    "linear": lambda torch: [],
    "step": _step,
    "sigmoid": lambda torch: [torch.nn.Sigmoid()],
    "tanh": lambda torch: [torch.nn.Tanh()],
    "relu": lambda torch: [torch.nn.ReLU()],
    "leaky_relu": lambda torch: [torch.nn.LeakyReLU(0.01)],
    "elu": lambda torch: [torch.nn.ELU()],
    "gelu": lambda torch: [torch.nn.GELU()],
    "silu": lambda torch: [torch.nn.SiLU()],
    "softplus": lambda torch: [torch.nn.Softplus(threshold=40.0)],
    "softmax": lambda torch: [torch.nn.Softmax(dim=-1)],
}
