"""Models for PyTorch: the same layers with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..module import Module
from .structure import array_of, library, links


def to_torch(model: Module) -> Any:
    """A `torch.nn.Sequential` with the weights of a model, in their precision; needs PyTorch.

    The model is an MLP, a Neuron, a Layer, or a Sequential of layers of this package; TypeError for
    any other. It is given batches, and its weights are copies that can be trained further.
    """
    torch = library("torch", "to_torch")
    parts = [
        part for module in links(model) for part in MAKERS[type(module).__name__](torch, module)
    ]
    return torch.nn.Sequential(*parts)


def _filled(torch: Any, made: Any, module: Any) -> Any:
    """A module of PyTorch with our weights."""
    for name, own in (("weight", module.weight), ("bias", getattr(module, "bias", None))):
        if own is not None:
            like = getattr(made, name)
            numbers = torch.from_numpy(array_of(own)).clone().reshape(like.shape)
            setattr(made, name, torch.nn.Parameter(numbers))
    return made


def _linear(torch: Any, layer: Any) -> list[Any]:
    made = _filled(torch, torch.nn.Linear(*layer.widths), layer)
    return [made, *BENDS[layer.activation](torch)]


def _neuron(torch: Any, neuron: Any) -> list[Any]:
    return [*_linear(torch, neuron), *_squeeze(torch)]


def _conv2d(torch: Any, conv: Any) -> list[Any]:
    n_in, n_out, *window = conv.widths
    made = torch.nn.Conv2d(n_in, n_out, window, tuple(conv.stride), tuple(conv.padding))
    return [_filled(torch, made, conv), *BENDS[conv.activation](torch)]


def _max_pool2d(torch: Any, pool: Any) -> list[Any]:
    return [torch.nn.MaxPool2d(tuple(pool.size), tuple(pool.stride))]


def _embedding(torch: Any, embedding: Any) -> list[Any]:
    return [_filled(torch, torch.nn.Embedding(*embedding.widths), embedding)]


def _squeeze(torch: Any) -> list[Any]:
    return [torch.nn.Flatten(-2)]  # the last axis is of length 1


MAKERS: dict[str, Callable[[Any, Any], list[Any]]] = {
    "Layer": _linear,
    "Neuron": _neuron,
    "Perceptron": _neuron,
    "Conv2d": _conv2d,
    "MaxPool2d": _max_pool2d,
    "Flatten": lambda torch, module: [torch.nn.Flatten()],
    "Embedding": _embedding,
    "Squeeze": lambda torch, module: _squeeze(torch),
}


def _step(torch: Any) -> list[Any]:
    class Step(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return torch.sign(torch.relu(x))

    return [Step()]


# PyTorch's softplus is the identity from a threshold on: at 40 not one digit is lost to that.
BENDS: dict[str, Callable[[Any], list[Any]]] = {
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
