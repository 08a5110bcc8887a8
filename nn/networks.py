"""MLP, Sequential: layers one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from .choices import activation as activation_of
from .init import Initializer
from .layers import Layer, described, held_in
from .module import Module
from .parameters import is_tensor


class MLP(Module):
    """Layers one after the other: `sizes` are their numbers of units, the last that of outputs.

    `activation` bends the hidden layers, `output` the last one (None: it is linear, and gives
    scores, or logits). Called on a list of features, one output unit answers a Value, several a
    list of them. `init` is He's or Xavier's, whichever suits the activation; biases start at 0.

    With backend="tensor" the same numbers are in Tensors of precision `dtype` (float64). Called on
    an array or a Tensor of shape (batch, n_in) it answers a Tensor of shape (batch,) for one output
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
        self,
        n_in: int,
        sizes: Sequence[int],
        activation: str = "relu",
        output: str | None = None,
        seed: int | None = None,
        backend: str = "value",
        *,
        init: str | Initializer | None = None,
        dtype: Any = None,
    ) -> None:
        activation_of(activation)  # refused here even where no layer is hidden
        if isinstance(sizes, int) or not sizes:
            raise ValueError(f"sizes is a list of layer sizes such as [16, 1], not {sizes!r}")
        self.widths = [n_in, *sizes]
        self.activation, self.output = activation, output
        rng = Random(seed)
        bends = [activation] * (len(sizes) - 1) + [output]
        self.layers = [
            Layer(inputs, outputs, bend, init=init, seed=rng, backend=backend, dtype=dtype)
            for inputs, outputs, bend in zip(self.widths, sizes, bends, strict=False)
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
        return x.reshape(x.shape[:-1]) if is_tensor(x) else x[0]

    @property
    def settings(self) -> dict[str, Any]:
        """What, beside the widths, makes it again."""
        held = held_in(self.layers[0].weight)
        return {"activation": self.activation, "output": self.output, **held}

    def describe(self) -> str:
        bend = self.activation if self.output is None else f"{self.activation}, {self.output}"
        return described(self, bend)


class Sequential(Module):
    """Modules one after the other, each called on what the one before answered.

    On Values its modules are given one sample, on Tensors a batch.
    """

    def __init__(self, *parts: Module) -> None:
        for part in parts:
            if not isinstance(part, Module):
                raise TypeError(f"the parts of a Sequential are modules, and not {part!r}")
        self.parts = list(parts)

    def __call__(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x
