"""A network as a plain chain of layers, for programs that know nothing of this one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from ..convolution import Conv2d, Flatten, MaxPool2d
from ..embedding import Embedding
from ..layers import Layer, Neuron
from ..module import Module
from ..networks import MLP, Sequential
from ..parameters import numbers
from ..perceptron import Perceptron

LINKS = (Layer, Neuron, Perceptron, Conv2d, MaxPool2d, Flatten, Embedding)


class Squeeze(Module):
    """What an MLP with one output unit does last: (batch, 1) becomes (batch,)."""


def links(model: Module) -> Iterator[Module]:
    """The layers that a model calls one after the other; TypeError where it is no such chain."""
    if type(model) is MLP:
        yield from model.layers
        if model.widths[-1] == 1:
            yield Squeeze()
    elif type(model) is Sequential:
        for part in model.parts:
            yield from links(part)
    elif type(model) in LINKS:
        yield model
    else:
        names = ", ".join(kind.__name__ for kind in (MLP, Sequential, *LINKS))
        raise TypeError(
            f"what a {type(model).__name__} computes is known to Python only: what can be written "
            f"down for others is made of {names}"
        )


def array_of(parameter: Any) -> Any:
    """The numbers of a weight or a bias as an array, in their precision."""
    import numpy as np

    return np.array(numbers(parameter), order="C")


def library(name: str, function: str) -> Any:
    """An optional library; ImportError with what to install, where it is not there."""
    try:
        return import_module(name)
    except ImportError:
        raise ImportError(f"nn.{function} needs {name}: python -m pip install {name}") from None
