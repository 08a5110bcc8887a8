"""Neuron, Layer, MLP, Sequential: weighted sums with an activation, networks, and their inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from operator import methodcaller
from random import Random
from reprlib import repr as short
from typing import Any, Final, Protocol

from autograd import Value, dot

from . import choices
from .choices import Activation, choose, count
from .choices import activation as activation_of
from .data import check_scales, listed_of
from .init import Initializer, initializer
from .module import Above, Module, Part, chain_of, part_of
from .parameters import BACKENDS, Array, Block, DType, Tensor, as_array, is_tensor, np


class _Unit(Module):
    """A `weight`, a `bias` and an activation."""

    weight: Block
    bias: Block
    activation: str
    _known = ""  # the activation that `_activate` computes

    def _follow(self) -> None:
        if self._known is not self.activation:
            self._assemble()

    def _assemble(self) -> None:
        self._activate = _method_of(self.activation)
        self._known = self.activation

    @property
    def settings(self) -> dict[str, Any]:
        """Keyword arguments that, with the widths, build it again."""
        return {"activation": self.activation, **held_in(self.weight)}

    def describe(self) -> str:
        return described(self, self.activation)

    def _anatomy(self, title: str = "", above: Above = ()) -> Part:
        known = {"activation": self.activation, "weight": self.weight, "bias": self.bias}
        return part_of(self, title, **known)


class Neuron(_Unit):
    """activation(weight · x + bias): a weight for each input, and a bias.

    On the tensor backend `weight` is one Tensor, and a batch of shape (samples, n_in) gives one
    output for each sample. ValueError for an unknown activation or initialiser, or for no inputs.
    """

    def __init__(
        self, n_in: int, activation: str | None = None, *, init: str | Initializer | None = None,
        seed: int | None = None, backend: str = "value", dtype: DType = None,
    ) -> None:  # fmt: skip
        hold = choose("backend", backend, BACKENDS)
        n_in = count("the number of inputs", n_in)
        if activation == "softmax":
            raise ValueError("softmax compares the units of a layer: it is not for a single neuron")
        self.activation: str = activation or "linear"
        (row,) = initializer(init, activation)(n_in, 1, Random(seed))
        self.weight: Block = hold(row, dtype)
        self.bias: Block = hold(0.0, dtype)
        self._assemble()

    @classmethod
    def of(cls, weight: list[Value], bias: Value, activation: str) -> Neuron:
        """A neuron of parameters that a layer holds too."""
        neuron = cls(len(weight), activation, init="zeros")
        neuron.weight, neuron.bias = weight, bias
        return neuron

    def __call__(self, x: Any) -> Any:
        self._follow()
        if self.weight.__class__ is not list:
            return self._activate(rows_of(x, self) @ self.weight + self.bias)
        if x.__class__ is not list:
            x = sample_of(x, self)
        if len(x) != len(self.weight):
            raise ValueError(
                f"a sample has {len(x)} features, but this {type(self).__name__} takes "
                f"{len(self.weight)}"
            )
        return self._activate(dot(self.weight, x) + self.bias)

    @property
    def widths(self) -> list[int]:
        """The number of inputs, and of outputs."""
        return [len(self.weight), 1]


class Layer(_Unit):
    """Neurons side by side on the same inputs: one output for each.

    `weight` has a row for each neuron and `bias` a number, as in other libraries; `neurons` hold
    the same Values. On the tensor backend they are two Tensors, `neurons` is empty, and an input
    of shape (..., n_in) gives an output of shape (..., n_out).
    """

    def __init__(
        self, n_in: int, n_out: int, activation: str | None = None, *,
        init: str | Initializer | None = None, seed: int | Random | None = None,
        backend: str = "value", dtype: DType = None,
    ) -> None:  # fmt: skip
        hold = choose("backend", backend, BACKENDS)
        n_in = count("the number of inputs", n_in)
        n_out = count("the size of a layer", n_out)
        self.activation: str = activation or "linear"
        rng = seed if isinstance(seed, Random) else Random(seed)
        rows = initializer(init, activation)(n_in, n_out, rng)
        self.weight: Block = hold(rows, dtype)
        self.bias: Block = hold([0.0] * n_out, dtype)
        self._assemble()

    def _follow(self) -> None:
        listed = isinstance(self.weight, list) and isinstance(self.bias, list)
        if listed and len(self.weight) != len(self.bias):
            raise ValueError(
                f"the weight of this Layer has {len(self.weight)} rows, and its bias "
                f"{len(self.bias)} numbers: assign both"
            )
        if not (listed or is_tensor(self.weight)):
            return  # the call says what is wrong
        count = len(self.weight) if listed else 0
        if self._known is not self.activation or len(self.neurons) != count:
            self._assemble()
        for neuron, row, bias in zip(self.neurons, self.weight, self.bias, strict=False):
            neuron.weight, neuron.bias = row, bias

    def _assemble(self) -> None:
        super()._assemble()
        self.neurons: list[Neuron] = []
        if is_tensor(self.weight):
            return
        together = self.activation == "softmax"
        self._activate = self._activate if together else list
        alone = "linear" if together else self.activation
        self.neurons = [
            Neuron.of(row, bias, alone) for row, bias in zip(self.weight, self.bias, strict=True)
        ]
        for i, neuron in enumerate(self.neurons, 1):
            neuron.name = f"neuron {i}"

    def __call__(self, x: Any) -> Any:
        self._follow()
        if not self.neurons:
            return self._activate(rows_of(x, self) @ self.weight.T + self.bias)
        if x.__class__ is not list:
            x = sample_of(x, self)
        return self._activate([neuron(x) for neuron in self.neurons])

    @property
    def widths(self) -> list[int]:
        """The number of inputs, and of outputs."""
        return [len(self.weight[0]), len(self.weight)]


def _method_of(activation: str | None) -> Activation:
    """A call of the method of that name, which skops can store; else the activation's function."""
    function = activation_of(activation)
    return methodcaller(activation) if activation and hasattr(Value, activation) else function


def held_in(weight: Block) -> dict[str, str]:
    """The keyword arguments for the backend of a weight; none for Values."""
    return {"backend": "tensor", "dtype": str(weight.dtype)} if is_tensor(weight) else {}


def described(module: Any, activations: str, widths: Sequence[int] = ()) -> str:
    """A module's name, widths and activations, and the precision of its Tensors."""
    dtype = module.settings.get("dtype")
    where = f", {dtype} tensors" if dtype else ""
    arrow = " → ".join(map(str, widths or module.widths))
    return f"{type(module).__name__}({arrow}, {activations}{where})"


# ---- networks ------------------------------------------------------------------------------------


class MLP(Module):
    """Layers one after the other: `sizes` are their numbers of units, the last that of outputs.

    `activation` is applied in the hidden layers, `output` in the last one (None is linear: scores,
    or logits). On a list of features, one output unit returns a Value, several return a list of
    them. `init` is He's or Xavier's, as suits the activation; biases start at 0.

    With backend="tensor" the same numbers are in Tensors of precision `dtype` (float64). On an
    array or a Tensor of shape (batch, n_in) it returns a Tensor of shape (batch,) for one output
    unit, else (batch, n_out); on one sample a Tensor of shape () or (n_out,).

    >>> model = MLP(2, [3, 1], seed=0)
    >>> model
    MLP(2 → 3 → 1, relu): 13 parameters
      layers.0: Layer(2 → 3, relu): 9 parameters
        neurons.0 ... neurons.2, each: Neuron(2 → 1, relu): 3 parameters
      layers.1: Layer(3 → 1, linear): 4 parameters
        neurons.0: Neuron(3 → 1, linear): 4 parameters
    >>> model.to("tensor")
    MLP(2 → 3 → 1, relu, float64 tensors): 13 parameters
      layers.0: Layer(2 → 3, relu, float64 tensors): 9 parameters
      layers.1: Layer(3 → 1, linear, float64 tensors): 4 parameters
    """

    def __init__(
        self, n_in: int, sizes: Sequence[int], activation: str = "relu",
        output: str | None = None, seed: int | None = None, backend: str = "value", *,
        init: str | Initializer | None = None, dtype: DType = None,
    ) -> None:  # fmt: skip
        activation_of(activation)  # checked even without hidden layers
        sizes = choices.sizes("sizes", sizes, "[16, 1]", least=1)
        widths = [n_in, *sizes]
        self.activation: str = activation
        self.output: str | None = output
        rng = Random(seed)
        activations = [activation] * (len(sizes) - 1) + [output]
        self.layers: Final = [
            Layer(inputs, outputs, act, init=init, seed=rng, backend=backend, dtype=dtype)
            for inputs, outputs, act in zip(widths, sizes, activations, strict=False)
        ]
        self._assemble()

    def _assemble(self) -> None:
        for i, layer in enumerate(self.layers, 1):
            layer.name = f"layer {i}"
            for j, neuron in enumerate(layer.neurons, 1):
                neuron.name = f"neuron {i}.{j}"

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        if len(self.layers[-1].bias) > 1:
            return x
        return x[0] if self.layers[-1].neurons else x.reshape(x.shape[:-1])

    @property
    def widths(self) -> list[int]:
        """The number of inputs, and of the units of each layer."""
        return [self.layers[0].widths[0], *(layer.widths[-1] for layer in self.layers)]

    @property
    def settings(self) -> dict[str, Any]:
        """Keyword arguments that, with the widths, build it again."""
        held = held_in(self.layers[0].weight)
        return {"activation": self.activation, "output": self.output, **held}

    def describe(self) -> str:
        output = "" if self.output is None else f", {self.output}"
        return described(self, self.activation + output)

    def _anatomy(self, title: str = "", above: Above = ()) -> Part:
        return chain_of(self, title, self.layers, above)


class Standardize(Module):
    """(x - means) / scales for each feature: preprocessing that is saved and exported with a model.

    The means and scales are data, not parameters. With means -m / s and scales 1 / s it is the way
    back, x * s + m. Takes lists of numbers or Values, arrays and Tensors. ValueError for scales
    that are not finite and above 0, or for another number of features.
    """

    def __init__(self, means: Sequence[float], scales: Sequence[float]) -> None:
        self.means: Final = [*map(float, means)]
        self.scales: Final = [*map(float, scales)]
        check_scales(self.means, self.scales)

    def __call__(self, x: Any) -> Any:
        if isinstance(x, Value):
            return (x - self.means[0]) / self.scales[0]
        if not hasattr(x, "dtype") and not (len(x) and hasattr(x[0], "__len__")):
            self._check(len(x))
            return [(a - m) / s for a, m, s in zip(x, self.means, self.scales, strict=True)]
        x = x if hasattr(x, "dtype") else np.asarray(x)
        if len(self.means) > 1:
            self._check(x.shape[-1] if x.ndim else 1)
        dtype = x.dtype if x.dtype.kind == "f" else float
        means, scales = np.array([self.means, self.scales], dtype)
        return (x - means) / scales if x.ndim else (x - means[0]) / scales[0]

    def _check(self, width: int) -> None:
        if width != len(self.means):
            raise ValueError(
                f"a sample has {width} features, but the scales are for {len(self.means)}"
            )

    @property
    def settings(self) -> dict[str, Any]:
        """Keyword arguments that build it again."""
        return {"means": self.means, "scales": self.scales}

    def describe(self) -> str:
        return f"Standardize({len(self.means)})"


class Sequential(Module):
    """Modules one after the other, each called on the result of the one before.

    Modules of Values take one sample, modules of Tensors a batch. `features` and `classes` are
    names of the inputs and of the classes to tell apart; files and exports keep them.
    """

    def __init__(
        self, *parts: Module, features: Sequence[str] = (), classes: Sequence[str] = ()
    ) -> None:
        for part in parts:
            if not isinstance(part, Module):
                raise TypeError(f"the parts of a Sequential are modules, not {part!r}")
        self.parts: Final = list(parts)
        self.features: Final = list(features)
        self.classes: Final = list(classes)

    def __call__(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x

    def _anatomy(self, title: str = "", above: Above = ()) -> Part:
        names = {"inputs": tuple(self.features), "outputs": tuple(self.classes)}
        return chain_of(self, title, self.parts, above, **names)


# ---- inputs: one sample on Values, arrays of samples on Tensors ----------------------------------


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
