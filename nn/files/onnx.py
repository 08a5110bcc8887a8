"""Models for other programs, in ONNX files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from autograd import files

from ..convolution import Conv2d, Flatten, MaxPool2d
from ..embedding import Embedding
from ..layers import Layer, Neuron, Standardize
from ..module import Module
from ..parameters import DType
from .structure import NAMES, array_of, library, links

OPSET = 17  # of 2022: what runtimes of today read
OURS = "valuegrad"


def export_onnx(
    model: Module, path: str | os.PathLike[str], shape: Sequence[int] | None = None
) -> None:
    """Write a model to an ONNX file, in the precision of its weights.

    The model is an MLP, a Neuron, a Layer, or a Sequential of layers of this package; TypeError for
    any other. Its input is called "input", its output "output", and a batch may have any length.
    The names of a Sequential's features and classes are in the file's metadata, as JSON lists.
    `shape` is that of one sample, if the first layer does not tell: for a picture to be flattened,
    or for single words instead of rows. Needs `onnx`. ValueError for a convolution or a gelu in
    float64, which ONNX Runtime cannot compute.
    """
    onnx = library("onnx", "export_onnx")
    chain = list(links(model))
    graph = _Graph(onnx, _precision(chain))
    name = "input"
    for module in chain:
        name = WRITERS[type(module).__name__](graph, module, name)
    graph.add("Identity", name, output="output")
    describe = onnx.helper.make_tensor_value_info
    kind = onnx.TensorProto.INT64 if isinstance(chain[0], Embedding) else graph.kind
    sizes = _shape_of(chain[0]) if shape is None else shape
    made = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes, type(model).__name__, [describe("input", kind, ["batch", *sizes])],
            [describe("output", graph.kind, None)], graph.constants,
        ),
        producer_name=OURS, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8,
    )  # fmt: skip
    kept = {name: json.dumps(found) for name in NAMES if (found := getattr(model, name, None))}
    onnx.helper.set_model_props(made, kept)
    made = onnx.shape_inference.infer_shapes(made, strict_mode=True)
    onnx.checker.check_model(made)
    files.write(path, made.SerializeToString())


def _precision(chain: list[Module]) -> Any:
    import numpy as np

    weights = [p for module in chain for p in module.parameters()]
    if not weights:
        raise ValueError("this model has no weights to write")
    return getattr(weights[0], "dtype", np.dtype(float))


def _shape_of(first: Module) -> list[Any]:
    """The shape of a sample as far as the first layer fixes it; names stand for any size."""
    if isinstance(first, Flatten):
        raise ValueError(
            "the input of Flatten may have any shape: give that of one sample, as shape=(8, 8)"
        )
    if isinstance(first, (Layer, Neuron)):
        return [first.widths[0]]
    if isinstance(first, Standardize):
        return [len(first.means)]
    if isinstance(first, Embedding):
        return ["length"]
    return [first.widths[0] if isinstance(first, Conv2d) else "channels", "height", "width"]


class _Graph:
    """Nodes and constants, named in their order."""

    def __init__(self, onnx: ModuleType, dtype: DType) -> None:
        self.onnx, self.dtype = onnx, dtype
        self.kind = onnx.helper.np_dtype_to_tensor_dtype(dtype)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, op: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        output = output or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(op, inputs, [output], **attributes))
        return output

    def refuse_float64(self, what: str) -> None:
        """ValueError in double precision, which ONNX Runtime cannot compute."""
        if self.dtype == "float64":
            raise ValueError(
                f"ONNX Runtime knows {what} in float32 only: export model.to('tensor', 'float32')"
            )

    def constant(self, x: object, dtype: DType = None) -> str:
        """Add a constant, and return its name."""
        import numpy as np

        name = f"constant_{len(self.constants)}"
        array = np.asarray(x, dtype or self.dtype)
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name


# ---- layers --------------------------------------------------------------------------------------


def _layer(graph: _Graph, layer: Layer | Neuron, x: str) -> str:
    product = graph.add("MatMul", x, graph.constant(array_of(layer.weight).T))
    return _activated(graph, layer, graph.add("Add", product, graph.constant(array_of(layer.bias))))


def _conv2d(graph: _Graph, conv: Conv2d, x: str) -> str:
    graph.refuse_float64("a convolution")
    weight, bias = (graph.constant(array_of(p)) for p in (conv.weight, conv.bias))
    out = graph.add("Conv", x, weight, bias, strides=conv.stride, pads=[*conv.padding] * 2)
    return _activated(graph, conv, out)


def _max_pool2d(graph: _Graph, pool: MaxPool2d, x: str) -> str:
    return graph.add("MaxPool", x, kernel_shape=pool.size, strides=pool.stride)


def _embedding(graph: _Graph, embedding: Embedding, x: str) -> str:
    return graph.add("Gather", graph.constant(array_of(embedding.weight)), x)


def _standardize(graph: _Graph, scaling: Standardize, x: str) -> str:
    centred = graph.add("Sub", x, graph.constant(scaling.means))
    return graph.add("Div", centred, graph.constant(scaling.scales))


def _squeeze(graph: _Graph, module: Module, x: str) -> str:
    return graph.add("Squeeze", x, graph.constant([-1], "int64"))


WRITERS: dict[str, Callable[[_Graph, Any, str], str]] = {
    "Layer": _layer,
    "Neuron": _layer,
    "Perceptron": _layer,
    "Conv2d": _conv2d,
    "MaxPool2d": _max_pool2d,
    "Flatten": lambda graph, module, x: graph.add("Flatten", x),
    "Embedding": _embedding,
    "Squeeze": _squeeze,
    "Standardize": _standardize,
}


# ---- activations ---------------------------------------------------------------------------------


def _activated(graph: _Graph, module: Layer | Neuron | Conv2d, x: str) -> str:
    return ACTIVATIONS[module.activation](graph, x)


def _elu(g: _Graph, x: str) -> str:
    below = g.add("Sub", g.add("Exp", g.add("Min", x, g.constant(0.0))), g.constant(1.0))
    return g.add("Add", g.add("Relu", x), below)


def _softplus(g: _Graph, x: str) -> str:
    tail = g.add("Exp", g.add("Neg", g.add("Abs", x)))
    return g.add("Add", g.add("Relu", x), g.add("Log", g.add("Add", tail, g.constant(1.0))))


def _gelu(g: _Graph, x: str) -> str:
    g.refuse_float64("gelu")
    erf = g.add("Erf", g.add("Mul", x, g.constant(0.5**0.5)))
    return g.add("Mul", g.add("Mul", x, g.constant(0.5)), g.add("Add", erf, g.constant(1.0)))


# Elu, Softplus and LeakyRelu are written out: ONNX Runtime has the first two in float32 only, and
# the slope of the third is a float32.
ACTIVATIONS: dict[str, Callable[[_Graph, str], str]] = {
    "linear": lambda g, x: x,
    "step": lambda g, x: g.add("Sign", g.add("Relu", x)),
    "sigmoid": lambda g, x: g.add("Sigmoid", x),
    "tanh": lambda g, x: g.add("Tanh", x),
    "relu": lambda g, x: g.add("Relu", x),
    "leaky_relu": lambda g, x: g.add("Max", x, g.add("Mul", x, g.constant(0.01))),
    "elu": _elu,
    "gelu": _gelu,
    "silu": lambda g, x: g.add("Mul", x, g.add("Sigmoid", x)),
    "softplus": _softplus,
    "softmax": lambda g, x: g.add("Softmax", x, axis=-1),
}
