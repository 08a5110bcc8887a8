"""Layers of a network that looks at pictures; on Tensors of shape (batch, channels, height, width).

A picture is an array, so these are on the tensor backend only.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from .choices import activation as activation_of
from .choices import count
from .init import Initializer, initializer
from .layers import array_of, described, in_precision, refuse_values
from .module import Module
from .parameters import Array, DType, Tensor, as_tensor, np

Size = int | Sequence[int]


class Conv2d(Module):
    """The same weights at every place: the products of a window, a bias and an activation.

    `weight` is of shape (n_out, n_in, height, width), `size` a window's side, or height and width.
    The first weights are those of a layer with as many inputs as a window has numbers. An input of
    shape (batch, n_in, h, w) gives one of shape (batch, n_out, ...).
    """

    def __init__(
        self, n_in: int, n_out: int, size: Size, activation: str | None = None, *,
        stride: Size = 1, padding: Size = 0, init: str | Initializer | None = None,
        seed: int | Random | None = None, dtype: DType = None,
    ) -> None:  # fmt: skip
        n_in, n_out = count("the number of inputs", n_in), count("the number of outputs", n_out)
        if activation == "softmax":
            raise ValueError("softmax compares the units of a layer: it is not for a convolution")
        window = pair("the size of a window", size)
        self.activation: Final = activation or "linear"
        self.stride: Final = pair("the stride", stride)
        self.padding: Final = pair("the padding", padding, 0)
        self._activate = activation_of(activation)
        rng, places = seed if isinstance(seed, Random) else Random(seed), window[0] * window[1]
        rows = initializer(init, activation)(n_in * places, n_out * places, rng)[:n_out]
        self.weight: Tensor = as_tensor(np.reshape(rows, (n_out, n_in, *window)), dtype)
        self.bias: Tensor = as_tensor([0.0] * n_out, dtype)

    def __call__(self, x: Array | Tensor) -> Array | Tensor:
        from autograd import conv2d

        x, weight = in_precision(x, self), self.weight
        return self._activate(conv2d(x, weight, self.bias, self.stride, self.padding))

    def _assemble(self) -> None:
        refuse_values(self)

    @property
    def widths(self) -> list[int]:
        """The number of channels in and out, and a window's height and width."""
        n_out, n_in, *window = self.weight.shape
        return [n_in, n_out, *window]

    @property
    def settings(self) -> dict[str, Any]:
        """Keyword arguments that, with the widths, build it again."""
        return {
            "activation": self.activation, "stride": self.stride, "padding": self.padding,
            "dtype": str(self.weight.dtype),
        }  # fmt: skip

    def describe(self) -> str:
        height, width = self.weight.shape[2:]
        return described(self, f"{height}×{width}, {self.activation}", self.widths[:2])


class MaxPool2d(Module):
    """The largest number of each window; windows are side by side unless there is a stride."""

    def __init__(self, size: Size, stride: Size | None = None) -> None:
        self.size: Final = pair("the size of a window", size)
        self.stride: Final = self.size if stride is None else pair("the stride", stride)

    def __call__(self, x: Array | Tensor) -> Array | Tensor:
        from autograd import max_pool2d

        return max_pool2d(array_of(x, self), self.size, self.stride)

    @property
    def settings(self) -> dict[str, Any]:
        """Keyword arguments that build it again."""
        return {"size": self.size, "stride": self.stride}

    def describe(self) -> str:
        return f"MaxPool2d({self.size[0]}×{self.size[1]})"


class Flatten(Module):
    """All numbers of a sample in one row: (batch, ...) becomes (batch, n)."""

    settings: dict[str, Any] = {}

    def __call__(self, x: Array | Tensor) -> Array | Tensor:
        x = array_of(x, self)
        return x.reshape((x.shape[0], -1))


def pair(what: str, given: Size, least: int = 1) -> list[int]:
    """One whole number for both height and width, or one for each."""
    both = list(given) if isinstance(given, (list, tuple)) else [given, given]
    if len(both) != 2:
        raise ValueError(f"{what} is one whole number, or two for height and width, not {given!r}")
    return [count(what, n, least) for n in both]
