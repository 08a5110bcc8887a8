"""Models for other programs, in ONNX files."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import autograd

from ..data import on_tensors
from ..embedding import Embedding
from ..layers import MLP, Layer, Neuron, Sequential, Standardize
from ..module import Module
from ..parameters import is_tensor
from ..perceptron import Perceptron
from .serialize import NAMES


def export_onnx(
    model: Module,
    path: str | os.PathLike[str],
    shape: Sequence[int] | None = None,
    *,
    gradient: bool = False,
) -> None:
    """Write a model to an ONNX file, in the precision of its weights; one of Values as of Tensors.

    Its input is called "input", its output "output", its weights as in `state_dict`, and a batch
    may have any length. The names of a Sequential's features and classes are in the file's
    metadata, as JSON lists. `shape` is that of one sample, if the first layer does not tell: for a
    picture to be flattened, for single words instead of rows, and for a module of your own.

    With `gradient` there are more outputs, "grad_input" and "grad_" with the name of each weight,
    for the input "grad_output"; and the weights are inputs that may be left out, so that another
    program can train the model. What cannot be in a file is in `autograd.export_onnx`.
    """
    model = _on_tensors(model)
    names = {p: name for name, p in model.named_parameters() if is_tensor(p)}
    if not names:
        raise ValueError("this model has no weights to write")
    first = _first(model)
    sizes = _shape_of(first) if shape is None else shape
    dtype = "int64" if isinstance(first, Embedding) else next(iter(names)).dtype
    forms = {"input": (("batch", *sizes), dtype)}
    kept = {name: json.dumps(found) for name in NAMES if (found := getattr(model, name, None))}
    autograd.export_onnx(model, path, forms, gradient=gradient, names=names, metadata=kept)


def _on_tensors(model: Module) -> Module:
    """The model with Tensors for Values; a Perceptron as the neuron that it is."""
    if on_tensors(model) or not model.parameters():
        return model
    if type(model) is Sequential:
        names = {name: getattr(model, name) for name in NAMES}
        return Sequential(*map(_on_tensors, model.parts), **names)
    if not isinstance(model, Perceptron):
        return model.to("tensor")
    unit = Neuron(model.widths[0], model.activation, backend="tensor")
    unit.load_state_dict(model.state_dict())
    return unit


def _first(model: Any) -> Module:
    """The module that takes the input."""
    while type(model) in (Sequential, MLP) and (
        parts := getattr(model, "parts", None) or model.layers
    ):
        model = parts[0]
    return model


def _shape_of(first: Module) -> list[Any]:
    """The shape of a sample as far as the first layer fixes it; names stand for any size."""
    if isinstance(first, (Layer, Neuron)):
        return [first.widths[0]]
    if isinstance(first, Standardize):
        return [len(first.means)]
    if isinstance(first, Embedding):
        return ["length"]
    raise ValueError(
        f"the input of {type(first).__name__} may have any shape: give that of one sample, as "
        "shape=(8, 8)"
    )
