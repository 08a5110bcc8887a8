"""Neuron, Layer, MLP: sums of products with a bend, side by side, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from operator import methodcaller
from random import Random
from typing import Any

from autograd import Value, dot

from .choices import activation as activation_of
from .choices import choose, count
from .init import Initializer, initializer
from .module import Module

BACKENDS = {"value": Value}


class Neuron(Module):
    """activation(weight · x + bias): a weight for each input, and a bias.

    ValueError for an unknown activation or initialiser, or for no inputs.
    """

    def __init__(
        self,
        n_in: int,
        activation: str | None = None,
        *,
        init: str | Initializer | None = None,
        seed: int | None = None,
    ) -> None:
        n_in = count("the number of inputs", n_in)
        if activation == "softmax":
            raise ValueError("softmax compares the units of a layer: it is no neuron's activation")
        self.activation = activation or "linear"
        self._activate = activation_of(activation)
        if hasattr(Value, self.activation):
            self._activate = methodcaller(self.activation)  # the same, and quicker to find
        (row,) = initializer(init, activation)(n_in, 1, Random(seed))
        self.weight = [Value(w) for w in row]
        self.bias = Value(0.0)

    @classmethod
    def of(cls, weight: list[Value], bias: Value, activation: str) -> Neuron:
        """A neuron that shares parameters which somebody else holds too."""
        neuron = cls(len(weight), activation, init="zeros")
        neuron.weight, neuron.bias = weight, bias
        return neuron

    def __call__(self, x: Sequence[Any]) -> Any:
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

    @property
    def settings(self) -> dict[str, Any]:
        """What, beside the widths, makes it again."""
        return {"activation": self.activation}

    def describe(self) -> str:
        return f"{type(self).__name__}({' → '.join(map(str, self.widths))}, {self.activation})"


class Layer(Module):
    """Neurons side by side on the same inputs: one output for each.

    `weight` has a row for each neuron and `bias` a number, as in other libraries; the neurons hold
    the very same Values.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: str | None = None,
        *,
        init: str | Initializer | None = None,
        seed: int | Random | None = None,
    ) -> None:
        n_in = count("the number of inputs", n_in)
        n_out = count("the size of a layer", n_out)
        self.activation = activation or "linear"
        activate = activation_of(activation)
        rng = seed if isinstance(seed, Random) else Random(seed)
        rows = initializer(init, activation)(n_in, n_out, rng)
        self.weight = [[Value(w) for w in row] for row in rows]
        self.bias = [Value(0.0) for _ in rows]
        together = activation == "softmax"
        self._activate = activate if together else list
        alone = "linear" if together else self.activation
        self.neurons = [
            Neuron.of(row, bias, alone) for row, bias in zip(self.weight, self.bias, strict=True)
        ]
        for i, neuron in enumerate(self.neurons, 1):
            neuron.name = f"neuron {i}"

    def __call__(self, x: Sequence[Any]) -> list[Any]:
        outputs: list[Any] = self._activate([neuron(x) for neuron in self.neurons])
        return outputs

    @property
    def widths(self) -> list[int]:
        """The number of inputs, and of outputs."""
        return [len(self.weight[0]), len(self.weight)]

    @property
    def settings(self) -> dict[str, Any]:
        """What, beside the widths, makes it again."""
        return {"activation": self.activation}

    describe = Neuron.describe


class MLP(Module):
    """Layers one after the other: `sizes` are their numbers of units, the last that of outputs.

    `activation` bends the hidden layers, `output` the last one (None: it is linear, and gives
    scores, or logits). Called on a list of features, one output unit answers a Value, several a
    list of them. `init` is He's or Xavier's, whichever suits the activation; biases start at 0.

    >>> model = MLP(2, [3, 1], seed=0)
    >>> model
    MLP(2 → 3 → 1, relu): 13 parameters
      layers.0: Layer(2 → 3, relu): 9 parameters
        neurons.0 ... neurons.2, each: Neuron(2 → 1, relu): 3 parameters
      layers.1: Layer(3 → 1, linear): 4 parameters
        neurons.0: Neuron(3 → 1, linear): 4 parameters
    """

    def __init__(
        self,
        n_in: int,
        sizes: Sequence[int],
        activation: str = "relu",
        output: str | None = None,
        seed: int | None = None,
        backend: str = "value",
        *,
        init: str | Initializer | None = None,
    ) -> None:
        choose("backend", backend, BACKENDS)
        activation_of(activation)  # refused here even where no layer is hidden
        if isinstance(sizes, int) or not sizes:
            raise ValueError(f"sizes is a list of layer sizes such as [16, 1], not {sizes!r}")
        self.widths = [n_in, *sizes]
        self.activation, self.output = activation, output
        rng = Random(seed)
        bends = [activation] * (len(sizes) - 1) + [output]
        self.layers = [
            Layer(inputs, outputs, bend, init=init, seed=rng)
            for inputs, outputs, bend in zip(self.widths, sizes, bends, strict=False)
        ]
        for i, layer in enumerate(self.layers, 1):
            layer.name = f"layer {i}"
            for j, neuron in enumerate(layer.neurons, 1):
                neuron.name = f"neuron {i}.{j}"

    def __call__(self, x: Sequence[Any]) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x[0] if len(x) == 1 else x

    @property
    def settings(self) -> dict[str, Any]:
        """What, beside the widths, makes it again."""
        return {"activation": self.activation, "output": self.output}

    def describe(self) -> str:
        bend = self.activation if self.output is None else f"{self.activation}, {self.output}"
        return f"MLP({' → '.join(map(str, self.widths))}, {bend})"
