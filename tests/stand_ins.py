"""Small stand-ins for PyTorch and JAX on this engine, with what a check of gradients asks of them.

They let the ordinary run go where only those libraries would; `-m peers` goes there with them.
"""

from __future__ import annotations

import contextlib
import types
from typing import Any

import numpy as np

import autograd
from autograd import Tensor


class Array:
    """An array with arithmetic, in one dtype; `node` records where a gradient is wanted."""

    def __init__(self, numbers: Any, dtype: Any = None, node: Any = None) -> None:
        self.data, self.node = np.array(numbers, dtype), node
        self.dtype, self.shape, self.size = self.data.dtype, self.data.shape, self.data.size

    def _with(self, other: Any, how: Any) -> Any:
        both = self, other
        nodes = [x.node if isinstance(x, Array) and x.node is not None else x for x in both]
        plain = [x.data if isinstance(x, Array) else x for x in both]
        made = None
        if any(isinstance(x, Tensor) for x in nodes):
            made = how(*[x.data if isinstance(x, Array) else x for x in nodes])
        return type(self)(np.asarray(how(*plain)).astype(self.dtype), None, made)

    def __add__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a + b)

    def __mul__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a * b)

    __radd__, __rmul__ = __add__, __mul__

    def sum(self) -> Any:
        return self._with(0.0, lambda a, _: a.sum())

    def reshape(self, *shape: Any) -> Any:
        return type(self)(self.data.reshape(*shape))


def shares(out: Any, leaves: Any, seed: Any) -> list[Any]:
    """The gradients of an array by others, as NumPy's arrays."""
    found = autograd.gradients(out.node, [x.node for x in leaves], out.node.start(seed.data))
    return [np.asarray(g.data if hasattr(g, "data") else g) for g in found]


# ---- PyTorch -------------------------------------------------------------------------------------


class TorchTensor(Array):
    device, layout = types.SimpleNamespace(type="cpu"), "strided"

    @property
    def requires_grad(self) -> bool:
        return self.node is not None

    def detach(self) -> Any:
        return type(self)(self.data)

    clone = detach

    def requires_grad_(self) -> Any:
        self.node = Tensor(self.data)
        return self

    def numel(self) -> int:
        return self.size

    def numpy(self, force: bool) -> Any:
        return self.data

    def __setitem__(self, index: Any, x: Any) -> None:
        self.data[index] = x

    def mul_(self, factor: float) -> Any:
        self.data *= factor
        return self


def torch() -> Any:
    module: Any = types.ModuleType("torch")
    module.Tensor, module.float64, module.strided = TorchTensor, np.dtype(float), "strided"
    module.tensor = lambda x, dtype=np.float32, device=None: TorchTensor(x, dtype)
    module.zeros = lambda n, dtype, device=None: TorchTensor(np.zeros(n), dtype)
    module.zeros_like = lambda x: TorchTensor(np.zeros(x.shape), x.dtype)
    module.enable_grad = contextlib.nullcontext
    module.inference_mode = lambda mode: contextlib.nullcontext()
    module.as_tensor = lambda x: x
    module.nn = types.SimpleNamespace(Module=type("Module", (), {}))

    def grad(out: Any, leaves: Any, seed: Any, retain_graph: bool, allow_unused: bool) -> Any:
        return [TorchTensor(g) for g in shares(out, leaves, seed)]

    module.autograd = types.SimpleNamespace(grad=grad)
    return module


# ---- JAX -----------------------------------------------------------------------------------------


class JaxArray(Array):
    def __array_namespace__(self) -> Any:
        return jax().numpy

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.data

    @property
    def at(self) -> Any:
        def set_at(i: int, x: float) -> Any:
            made = self.data.copy()
            made[i] = x
            return JaxArray(made)

        class At:
            def __getitem__(self, i: int) -> Any:
                return types.SimpleNamespace(set=lambda x: set_at(i, x))

        return At()


def jax() -> Any:
    module: Any = types.ModuleType("jax")
    module.numpy = types.ModuleType("jax.numpy")
    module.numpy.float64 = np.dtype(float)

    def asarray(x: Any, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
        return x if isinstance(x, JaxArray) and dtype is None else JaxArray(x, dtype)

    module.numpy.asarray = asarray
    module.numpy.zeros = lambda n, dtype: JaxArray(np.zeros(n), dtype)

    def vjp(f: Any, *leaves: Any) -> Any:
        entered = [JaxArray(x.data, None, Tensor(x.data)) for x in leaves]
        outs = f(*entered)

        def pull(seeds: Any) -> Any:
            rows = [shares(o, entered, s) for o, s in zip(outs, seeds, strict=True) if s.data.any()]
            return [JaxArray(g) for g in rows[0]]

        return outs, pull

    module.vjp = vjp
    return module
