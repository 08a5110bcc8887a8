"""Models for PyTorch and back: the same layers with the same weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, TypeVar

from autograd import extras

from ..convolution import Conv2d, Flatten, MaxPool2d
from ..embedding import Embedding
from ..layers import MLP, Layer, Neuron, Sequential, Standardize
from ..module import Module
from ..parameters import as_tensor, np, numbers
from ..perceptron import Perceptron
from .serialize import NAMES

T = TypeVar("T")
Parts = list[Any]  # modules of PyTorch
FLOATS = "float64", "float32"


def to_torch(model: Module) -> Any:
    """A `torch.nn.Sequential` with the weights of a model, in their precision; needs PyTorch.

    The model is an MLP, a Neuron, a Layer, or a Sequential of layers of this package; TypeError for
    any other. The result takes batches, and its weights are copies that can be trained further. The
    names of a Sequential's features and classes are attributes of the result.
    """
    torch = extras.imported("torch", "nn.to_torch")
    made = torch.nn.Sequential(*_converted(torch, model))
    for name in NAMES:
        if kept := getattr(model, name, None):
            setattr(made, name, list(kept))
    return made


def _filled(torch: ModuleType, made: T, module: Any) -> T:
    """A module of PyTorch, given our weights."""
    for name, own in (("weight", module.weight), ("bias", getattr(module, "bias", None))):
        if own is not None:
            like = getattr(made, name)
            array = torch.from_numpy(np.array(numbers(own), order="C"))
            setattr(made, name, torch.nn.Parameter(array.clone().reshape(like.shape)))
    return made


def _converted(torch: ModuleType, model: Any) -> Parts:
    """The modules of PyTorch that compute what a model does; TypeError for an unknown model."""
    if type(model) not in MAKERS:
        names = ", ".join(kind.__name__ for kind in MAKERS)
        raise TypeError(
            f"a {type(model).__name__} computes in Python only: a model for other programs is made "
            f"of {names}"
        )
    return MAKERS[type(model)](torch, model)


def _chain_of(torch: ModuleType, modules: Iterable[Module]) -> Parts:
    return [part for module in modules for part in _converted(torch, module)]


def _mlp(torch: ModuleType, model: MLP) -> Parts:
    squeezed = _squeeze(torch) if model.widths[-1] == 1 else []
    return [*_chain_of(torch, model.layers), *squeezed]


def _linear(torch: ModuleType, layer: Layer | Neuron) -> Parts:
    made = _filled(torch, torch.nn.Linear(*layer.widths), layer)
    return [made, *ACTIVATIONS[layer.activation](torch)]


def _neuron(torch: ModuleType, neuron: Neuron) -> Parts:
    return [*_linear(torch, neuron), *_squeeze(torch)]


def _conv2d(torch: ModuleType, conv: Conv2d) -> Parts:
    n_in, n_out, *window = conv.widths
    made = torch.nn.Conv2d(n_in, n_out, window, tuple(conv.stride), tuple(conv.padding))
    return [_filled(torch, made, conv), *ACTIVATIONS[conv.activation](torch)]


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


MAKERS: dict[type[Module], Callable[[ModuleType, Any], Parts]] = {
    MLP: _mlp,
    Sequential: lambda torch, model: _chain_of(torch, model.parts),
    Layer: _linear,
    Neuron: _neuron,
    Perceptron: _neuron,
    Conv2d: _conv2d,
    Embedding: lambda torch, rows: [_filled(torch, torch.nn.Embedding(*rows.widths), rows)],
    MaxPool2d: lambda torch, pool: [torch.nn.MaxPool2d(tuple(pool.size), tuple(pool.stride))],
    Flatten: lambda torch, module: [torch.nn.Flatten()],
    Standardize: _standardize,
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


# ---- back ----------------------------------------------------------------------------------------


def from_torch(module: Any) -> Sequential:
    """A Sequential of layers of this package, on Tensors, with the weights of a PyTorch module.

    The module is one of Linear, Conv2d, MaxPool2d, Flatten and Embedding, or a Sequential of them;
    after the first two may stand an activation that this package has. Weights are copies
    in their precision. Identity is left out, and Dropout after `module.eval()`. TypeError, with the
    layer and its place, for another layer and another setting. Needs PyTorch.
    """
    torch = extras.imported("torch", "nn.from_torch")
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"from_torch takes a module of PyTorch, not {module!r}")
    bends = {_text(part): name for name, make in ACTIVATIONS.items() for part in make(torch)}
    bends |= {"Softplus(beta=1.0, threshold=20.0)": "softplus", "Softmax(dim=1)": "softmax"}
    chain, parts = list(_chain(torch, module, "")), list[Module]()
    while chain:
        place, layer = chain.pop(0)
        if _text(layer) == SQUEEZE and parts and getattr(parts[-1], "widths", [0])[1:] == [1]:
            parts[-1] = _neuron_of(parts[-1])
            continue
        bend = bends.get(_text(chain[0][1])) if chain and type(layer).__name__ in BENT else None
        made = _made(torch, layer, bend or "linear")
        if made is None or _text(to_torch(made)[0]) != _text(layer):
            held = "".join({f" of {w.dtype} on {w.device}" for w in layer.parameters()})
            raise TypeError(
                f"there is no counterpart of {place and f'layer {place}, '}{layer!r}{held}: "
                f"from_torch knows a Sequential of {', '.join(READERS)}, and activations "
                "after the first two"
            )
        parts.append(made)
        del chain[: bend is not None]
    found = {name: getattr(module, name, None) for name in NAMES}
    return Sequential(*parts, **{k: x for k, x in found.items() if isinstance(x, list)})


SQUEEZE = "Flatten(start_dim=-2, end_dim=-1)"  # of an MLP with one output
BENT = "Linear", "Conv2d"
READERS: dict[str, Callable[..., Module]] = {
    "Linear": lambda x, **kept: Layer(x.in_features, x.out_features, backend="tensor", **kept),
    "Conv2d": lambda x, **kept: Conv2d(
        x.in_channels, x.out_channels, x.kernel_size, stride=x.stride, padding=x.padding, **kept
    ),
    "MaxPool2d": lambda x: MaxPool2d(x.kernel_size, x.stride),
    "Flatten": lambda x: Flatten(),
    "Embedding": lambda x, **kept: Embedding(x.num_embeddings, x.embedding_dim, **kept),
    "Standardized": lambda x: Standardize(x.means.tolist(), x.scales.tolist()),
}


def _chain(torch: ModuleType, module: Any, place: str) -> Iterator[tuple[str, Any]]:
    """The layers that compute, with their places."""
    if type(module) is torch.nn.Sequential and not (
        module._forward_hooks | module._forward_pre_hooks
    ):
        for i, part in enumerate(module):
            yield from _chain(torch, part, f"{place}.{i}" if place else str(i))
    elif not (
        isinstance(module, torch.nn.Identity)
        or (type(module) is torch.nn.Dropout and not module.training)
    ):
        yield place, module


def _text(layer: Any) -> str:
    """A layer's settings as its repr has them; those that change no number are left out."""
    return re.sub(r"(, )?inplace=True", "", re.sub(r"\((\d+), \1\)", r"\1", repr(layer)))


def _made(torch: ModuleType, layer: Any, bend: str) -> Module | None:
    """Our layer with the weights of one of PyTorch's, or None."""
    kind, held = type(layer).__name__, dict(layer.named_parameters())
    known = type(layer) is getattr(torch.nn, kind, None) or kind == "Standardized"
    if kind not in READERS or not known or layer._forward_hooks or layer._forward_pre_hooks:
        return None
    if any(w.device.type == "meta" or str(w.dtype)[6:] not in FLOATS for w in held.values()):
        return None
    kept = {"init": "zeros", "dtype": str(layer.weight.dtype)[6:]} if held else {}
    try:
        made = READERS[kind](layer, **kept, **({"activation": bend} if kind in BENT else {}))
    except (TypeError, ValueError):
        return None
    for name, w in held.items():
        setattr(made, name, as_tensor(w.detach().cpu().numpy()))
    return made


def _neuron_of(layer: Any) -> Neuron:
    """A layer of one unit as a neuron, whose output has no axis for it."""
    unit = Neuron(layer.widths[0], layer.activation, backend="tensor", dtype=layer.weight.dtype)
    unit.load_state_dict({"weight": layer.weight.data[0], "bias": layer.bias.data[0]})
    return unit
