"""Functions across the border to PyTorch and JAX, with their gradients, in both directions.

The gradient of a function is a function of the same kind: what takes f over takes over what pulls a
gradient back through f, and so derivatives of every order. Numbers cross as arrays in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, wraps
from importlib import import_module
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np

from .. import extras
from ..arrays.crossing import flat_values, gathered, stack_values
from ..arrays.libraries import Array
from ..arrays.methods import record
from ..arrays.operations import getitem, reshape
from ..arrays.rules import ArrayRule, Settled
from ..arrays.tensor import Tensor
from ..checking.frameworks import doubles, dtype_of, library, on_host
from ..core.graph import gradients
from ..core.kinds import Function as Fact
from ..core.kinds import describe
from ..core.modes import Mode
from ..core.value import Value
from ..trees import array_of, leaves, replace

Function = Callable[..., Any]
FLOATS = "float64", "float32"


def _imported(name: str, user: str, f: object) -> Any:
    if not callable(f):
        raise TypeError(f"{user} takes a function, not {describe(f)}")
    return extras.imported(name, user)


# ---- ours for them -------------------------------------------------------------------------------


def _called(f: Function, arrays: Sequence[Array]) -> tuple[list[Any], Any]:
    """The inputs and the result of f; Tensors in the places of arrays of floats."""
    xs = [Tensor(a) if a.dtype.kind == "f" else a for a in arrays]
    with Mode(recording=True):
        result = replace(f(*xs), _as_tensor)
    if not all(isinstance(y, Tensor) for y in leaves(result)):
        raise TypeError(f"the function returned {describe(result)}, and not Tensors")
    return xs, result


def _as_tensor(x: Any) -> Tensor:
    if isinstance(x, Value):
        return gathered([x], ())
    return x if isinstance(x, Tensor) else Tensor(x)


def _pulled(f: Function, n: int, again: bool = True) -> Function:
    """Of n inputs of f and gradients by its outputs: those by the inputs, as nodes if `again`."""

    def back(*args: Any) -> list[Any]:
        xs, gs = args[:n], args[n:]
        outputs = leaves(replace(f(*xs), _as_tensor))
        total = sum((y * g).sum() for y, g in zip(outputs, gs, strict=True))
        return gradients(total, [x for x in xs if isinstance(x, Tensor)], create_graph=again)

    return back


def as_torch(f: Function) -> Function:
    """`f`, a function on Tensors, for PyTorch's tensors: PyTorch differentiates it to any order.

    It computes on the CPU in the precision of its arguments; integers go to f as arrays. What f
    takes from outside is a constant. TypeError for other dtypes, ValueError for another device.
    """
    torch, apply = _imported("torch", "as_torch", f), _torch_function()

    @wraps(f, updated=())
    def call(*args: Any) -> Any:
        results: list[Any] = []
        found = iter(apply(f, results, *[torch.as_tensor(x) for x in args]))
        return replace(results[0], lambda _: next(found))

    return call


@cache
def _torch_function() -> Function:
    """Calls f with tensors, appends its result to a list, and returns its leaves as tensors."""
    torch = import_module("torch")

    def lent(x: Any) -> Array:
        name = dtype_of(x)
        if x.device.type != "cpu":
            raise ValueError(f"a tensor is on the device {x.device}: take x.cpu(), where this runs")
        if name not in FLOATS and (x.is_floating_point() or x.is_complex()):
            raise TypeError(f"a tensor is of {name}: convert it to float64 or float32")
        return x.detach().numpy()  # in its memory

    class Ours(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, f: Function, results: list[Any], *xs: Any) -> Any:
            ctx.f = f
            ctx.save_for_backward(*xs)
            ctx.inputs, result = _called(f, list(map(lent, xs)))
            ctx.outputs = leaves(result)
            results.append(result)
            return tuple([torch.from_numpy(np.array(y._data)) for y in ctx.outputs])

        @staticmethod
        def backward(ctx: Any, *gs: Any) -> Any:
            if torch.is_grad_enabled():
                xs = ctx.saved_tensors
                found = iter(Ours.apply(_pulled(ctx.f, len(xs)), [], *xs, *gs))
            else:
                back = _pulled(lambda *_: ctx.outputs, len(ctx.inputs), again=False)
                found = map(torch.from_numpy, back(*ctx.inputs, *map(lent, gs)))
            own = [next(found) if isinstance(x, Tensor) else None for x in ctx.inputs]
            return None, None, *own

    return Ours.apply


def as_jax(f: Function) -> Function:
    """`f`, a function on Tensors, for JAX's arrays: JAX differentiates it backward, to any order.

    It runs on the host, also within `jit` and `vmap`, and may depend on nothing but its arguments.
    While JAX traces it, it is called on ones, to see the shapes that it returns. TypeError for
    other dtypes than float64, float32, integers and booleans.
    """
    jax = _imported("jax", "as_jax", f)
    call = _jax_function(jax, f)

    @wraps(f, updated=())
    def on_arrays(*args: Any) -> Any:
        return call(*map(jax.numpy.asarray, args))

    return on_arrays


def _jax_function(jax: Any, f: Function) -> Any:
    known = jax.dtypes.canonicalize_dtype

    def host(*xs: Any) -> Any:
        result = _called(f, list(map(np.asarray, xs)))[1]
        return replace(result, lambda y: np.array(y._data, known(y.dtype)))

    @jax.custom_vjp  # type: ignore[untyped-decorator]
    def call(*xs: Any) -> Any:
        for x in xs:
            if x.dtype.name not in FLOATS and x.dtype.kind not in "iub":
                raise TypeError(f"an array is of {x.dtype}: convert it to float64 or float32")
        seen = host(*[np.ones(x.shape, x.dtype) for x in xs])
        forms = replace(seen, lambda y: jax.ShapeDtypeStruct(y.shape, y.dtype))
        return jax.pure_callback(host, forms, *xs, vmap_method="sequential")

    def backward(xs: Any, gs: Any) -> Any:
        found = iter(_jax_function(jax, _pulled(f, len(xs)))(*xs, *leaves(gs)))
        flat = jax.dtypes.float0
        return tuple([next(found) if x.dtype.kind == "f" else np.zeros(x.shape, flat) for x in xs])

    call.defvjp(lambda *xs: (call(*xs), xs), backward)
    return call


# ---- theirs for us -------------------------------------------------------------------------------


class Foreign(ArrayRule):
    """The row of one call of another framework's function."""

    __slots__ = ()

    def __init__(self, name: str, compute: Function, column: Function) -> None:
        self.name, self.compute, self.columns, self.variadic = name, compute, (column,), True
        self.fact = Fact(name, compute, arity=0, variadic=True)


class Framework(NamedTuple):
    """How a framework takes an array in, and pulls a gradient back through a function."""

    name: str
    array: Function
    pulled: Callable[[Function], Function]  # h(*xs) to a function of (*xs, g): all shares in a row


def _torch() -> Framework:
    torch = import_module("torch")

    def pulled(h: Function) -> Function:
        @torch.enable_grad()  # type: ignore[untyped-decorator]
        def back(*args: Any) -> Any:
            xs = [x if x.requires_grad else x.detach().requires_grad_() for x in args[:-1]]
            y = h(*xs)
            found = (
                torch.autograd.grad(y, xs, args[-1], create_graph=True, materialize_grads=True)
                if y.requires_grad
                else [torch.zeros_like(x) for x in xs]
            )
            return torch.cat([share.reshape(-1) for share in found])

        return back

    return Framework("torch", lambda x: torch.tensor(np.asarray(x)), pulled)


def _jax() -> Framework:
    jax = import_module("jax")

    def pulled(h: Function) -> Function:
        def back(*args: Any) -> Any:
            shares = jax.vjp(h, *args[:-1])[1](args[-1])
            return jax.numpy.concatenate([share.ravel() for share in shares])

        return back

    return Framework("jax", jax.numpy.asarray, pulled)


def from_torch(g: Function) -> Function:
    """`g`, a function of PyTorch's tensors, as an operation on Tensors, Values and numbers.

    PyTorch computes it and its derivatives, of every order; Tensors and Values among the arguments
    have a gradient. Arrays and floats enter as tensors too, anything else as it is. The result is
    one tensor of real numbers; TypeError for another.
    """
    _imported("torch", "from_torch", g)
    return _operation(g, _torch())


def from_jax(g: Function) -> Function:
    """`g`, a function of JAX's arrays, as an operation here, in doubles; as `from_torch` has it."""
    _imported("jax", "from_jax", g)
    return _operation(g, _jax())


def _operation(g: Function, framework: Framework) -> Function:
    name = f"{framework.name}.{getattr(g, '__name__', type(g).__name__)}"

    @wraps(g, updated=())
    def call(*given: Any) -> Any:
        of_values = [any(isinstance(item, Value) for item in leaves(x)) for x in given]
        args = [stack_values(x) if has else x for x, has in zip(given, of_values, strict=True)]
        own = [i for i, x in enumerate(args) if isinstance(x, Tensor)]

        def of_own(*xs: Any) -> Any:
            filled = [framework.array(x) if _is_array(x) else x for x in args]
            for i, x in zip(own, xs, strict=True):
                filled[i] = x
            return g(*filled)

        found = _applied(of_own, framework, name, [args[i] for i in own])
        if any(isinstance(x, np.ndarray) for x, has in zip(given, of_values, strict=True) if has):
            return array_of(flat_values(found), found.shape)
        if isinstance(found, Tensor):
            return found.values() if any(of_values) else found
        return found if found.ndim else float(found)

    return call


def _is_array(x: Any) -> bool:
    return isinstance(x, (float, np.ndarray, np.generic))


def _applied(h: Function, framework: Framework, name: str, xs: Sequence[Any]) -> Any:
    """h, a function of the framework's arrays, on arrays; on Tensors it is recorded."""

    def compute(*arrays: Array) -> Array:
        with doubles(framework.name == "jax"):
            y = h(*map(framework.array, arrays))
            if library(y) != framework.name or dtype_of(y) not in FLOATS:
                raise TypeError(
                    f"{name} returned {describe(y)}, and not one {framework.name} array of float64 "
                    "or float32"
                )
            return np.array(on_host(y))

    def column(g: Any, out: Any, *xs: Any) -> list[Any]:
        flat = _applied(framework.pulled(h), framework, f"{name} back", [*xs, g])
        ends = [0, *accumulate(math.prod(x.shape) for x in xs)]
        return [
            reshape(getitem(flat, index=slice(*end)), shape=tuple(x.shape))
            for end, x in zip(pairwise(ends), xs, strict=True)
        ]

    if not any(isinstance(x, Tensor) for x in xs):
        return compute(*xs)
    return record(Settled(name, {}, Foreign(name, compute, column)), tuple(xs))
