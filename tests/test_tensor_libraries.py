"""Tensors that hold arrays of other libraries: one list of operations, and NumPy's answers to all.

`array_api_strict` has what the standard has and nothing else; Dask computes nothing until asked.
PyTorch and JAX are peers: `python -m pytest -m peers tests/test_tensor_libraries.py`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Tensor, grad, gradients, hessian, value_and_grad
from autograd.arrays.libraries import library_of
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import TABLE

pytestmark = pytest.mark.slow

ONLY_HERE = ("array_api_strict", "dask.array")
PEERS = ("torch", "jax.numpy")
EVERY = [*ONLY_HERE, *[pytest.param(name, marks=pytest.mark.peers) for name in PEERS]]
every_library = pytest.mark.parametrize("library", EVERY)


@pytest.fixture
def make(library: str) -> Callable[..., Any]:
    """What makes an array of the library from one of NumPy's."""
    pytest.importorskip("array_api_compat")
    module = pytest.importorskip(library)
    if library == "dask.array":
        return lambda x: module.from_array(np.asarray(x), chunks=2)
    if library == "jax.numpy":
        importlib.import_module("jax").config.update("jax_enable_x64", True)
    return lambda x: module.asarray(np.array(x))


def plain(x: Any) -> Any:
    """An array of any library as one of NumPy's."""
    with np.errstate(all="ignore"):  # Dask computes now, and outside of this package
        return np.asarray(library_of(x).on_host(x))


def array(*shape: int) -> Any:
    return np.random.default_rng(len(shape) + sum(shape)).uniform(0.2, 1.3, shape)


A, B, C, V = array(3, 4), array(3, 4) + 0.5, array(4, 2), array(4) * 0.7

ELSEWHERE = ("acosh", "log1mexp", "logit")  # their domains lie elsewhere
ALONE = ("erfinv", "gammaln", "digamma")  # other libraries have none that is known
UNARY = [
    name
    for name in TABLE
    if FUNCTIONS[name].public and FUNCTIONS[name].arity == 1 and name not in (*ELSEWHERE, *ALONE)
] + ["leaky_relu", "elu"]
CASES: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    **{
        name: (lambda x, name=name: getattr(autograd, name)(x * 0.7 - 0.05), [A])
        for name in UNARY
    },
    "acosh": (lambda x: autograd.acosh(x + 1.5), [A]),
    "log1mexp": (lambda x: autograd.log1mexp(-x), [A]),
    "logit": (lambda x: autograd.logit(x * 0.7), [A]),
    "add": (lambda x, y: x + y + 2 + 1.5 + (3 - x), [A, V]),
    "mul": (lambda x, y: 2.5 * x * y - x, [A, V]),
    "div": (lambda x, y: x / y + 1 / x, [A, V]),
    "pow": (lambda x, y: x**y + x**2 + x**-1.5 + 2**x, [A, B]),
    "mod": (lambda x, y: x % y + x // y + divmod(x, 0.3)[1], [A, B]),
    "neg": (lambda x: -x + +x + abs(-x), [A]),
    "atan2": (autograd.atan2, [A, V]),
    "hypot": (autograd.hypot, [A, V]),
    "logaddexp": (autograd.logaddexp, [A, V]),
    "minimum and maximum": (lambda x, y: x.minimum(y) + x.maximum(0.8) * y, [A, V]),
    "clip": (lambda x: x.clip(0.5, 1.0) * x, [A]),
    "where": (lambda x, y: autograd.where(x > 0.8, x * y, y), [A, V]),
    "round": (lambda x: (x * 3).round() + x, [A]),
    "matmul": (lambda x, y: x @ y, [A, C]),
    "matrix and vector": (lambda x, v: (x @ v).sum() + (v @ x.T).sum() * (v @ v), [A, V]),
    "matmul of stacks": (lambda x, y: x @ y, [array(2, 3, 4), C]),
    "matmul of a row": (lambda v, y: v @ y, [V, array(2, 4, 3)]),
    "sum": (lambda x: x.sum(axis=0) + x.sum(axis=1, keepdims=True) + x.sum(), [A]),
    "mean": (lambda x: x.mean(axis=(0, 1)) + x.mean(1)[:, None], [A]),
    "var and std": (lambda x: x.var(0, ddof=1) + x.std(axis=0), [A]),
    "max and min": (lambda x: x.max(axis=0) - x.min(axis=1, keepdims=True) + x.max(), [A]),
    "prod": (lambda x: x.prod(axis=1) + x.prod() + x.prod(axis=(0, 1)), [A]),
    "cumsum": (lambda x: x.cumsum(axis=1) + x.cumsum().reshape(3, 4), [A]),
    "norm": (lambda x: x.norm(axis=1) + autograd.norm(x, 3, axis=1), [A]),
    "logsumexp": (lambda x: x.logsumexp(axis=1) + x.logsumexp(), [A]),
    "softmax": (lambda x: x.softmax(1) + x.log_softmax(0), [A]),
    "shapes": (lambda x: x.reshape(4, 3).T.unsqueeze(0).squeeze(0) + x.transpose(0, 1), [A]),
    "more shapes": (lambda x: x.swapaxes(0, 1).flatten() + x.view(-1), [A]),
    "broadcast_to": (lambda x: x.broadcast_to(2, 3, 4) * 2, [V]),
    "basic index": (lambda x: x[1:, None, :2] + x[-1, 1] + x[..., 3][0], [A]),
    "backward slice": (lambda x: x[::-1, 3:0:-2] + x[:, ::3], [A]),
    "integer index": (lambda x: x[[0, 2, 2]] + x[np.array([[0], [1], [1]]), [1, 1, 3, 0]], [A]),
    "mask": (lambda x: x[A > 0.8].sum() * x, [A]),
    "cat and stack": (lambda x, y: autograd.cat([x, y]).sum(0) * autograd.stack([x, y], 1), [A, B]),
    "pad": (lambda x: autograd.pad(x, ((1, 2), (0, 1)), 0.5) ** 2, [A]),
    "conv2d": (
        lambda x, w, b: autograd.conv2d(x, w, b, stride=(1, 2), padding=1),
        [array(2, 2, 4, 5), array(3, 2, 2, 3), array(3)],
    ),
    "max_pool2d": (lambda x: autograd.max_pool2d(x, 2), [array(1, 2, 4, 4)]),
    "avg_pool2d": (lambda x: autograd.avg_pool2d(x, 3, stride=1), [array(1, 1, 4, 5)]),
    "a network": (
        lambda x, w, v: -(x @ w).relu().log_softmax(1)[[0, 1, 2], [1, 0, 1]].mean() + (v * v).sum(),
        [A, C, V],
    ),
}  # fmt: skip


def weights(shape: Any) -> Any:
    return np.cos(np.arange(float(np.prod(shape))) + 0.5).reshape(shape)


def answers(function: Callable[..., Any], arrays: list[Any], convert: Any) -> tuple[Any, list[Any]]:
    xs = [Tensor(convert(a)) for a in arrays]
    out = function(*xs)
    found = gradients(out, xs, seed=convert(weights(out.shape).astype(arrays[0].dtype)))
    return out.data, found


@every_library
@pytest.mark.parametrize("precision", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES)
def test_the_answers_are_numpys_and_of_the_same_library(
    case: str, precision: Any, library: str, make: Any
) -> None:
    function, given = CASES[case]
    arrays = [a.astype(precision) for a in given]
    tolerance = 1e-12 if precision == np.float64 else 2e-5
    expected, slopes = answers(function, arrays, np.asarray)
    out, found = answers(function, arrays, make)
    for theirs, ours in zip([out, *found], [expected, *slopes], strict=True):
        assert type(theirs) is type(make(arrays[0]))
        assert str(theirs.dtype).endswith(np.dtype(precision).name)
        np.testing.assert_allclose(plain(theirs), ours, rtol=tolerance, atol=tolerance)


def energy(x: Any) -> Any:
    """A function of an array whose derivatives go through products, powers and sums."""
    return ((x @ x.T).tanh() * x.exp().sum(axis=1) ** 1.5).sum() + autograd.gelu(x).prod()


@every_library
def test_functions_of_functions_answer_in_the_library_to_any_order(make: Any) -> None:
    x = A[:2, :2]
    value, slope = value_and_grad(energy)(make(x))
    assert float(value) == pytest.approx(float(energy(Tensor(x)).item()), rel=1e-12)
    for theirs, ours in [
        (slope, grad(energy)(x)),
        (hessian(energy)(make(x)), hessian(energy)(x)),
        (
            autograd.jacobian(lambda t: t.softmax(1))(make(x)),
            autograd.jacobian(lambda t: t.softmax(1))(x),
        ),
        (autograd.hvp(energy)(make(x), make(x)), autograd.hvp(energy)(x, x)),
        (autograd.jvp(lambda t: t @ t)(make(x), make(x)), autograd.jvp(lambda t: t @ t)(x, x)),
        (autograd.vjp(lambda t: t @ t)(make(x), make(x)), autograd.vjp(lambda t: t @ t)(x, x)),
    ]:
        assert type(theirs) is type(make(x))
        np.testing.assert_allclose(plain(theirs), ours, rtol=1e-10, atol=1e-12)


@every_library
def test_a_training_step_stays_in_the_library(make: Any) -> None:
    x, y = make(A), make(V[:3])
    w, b = Tensor(make(C[:, 0]), label="w"), Tensor(make(np.zeros(1)), label="b")
    losses = []
    for _ in range(6):
        loss = ((Tensor(x) @ w + b - y) ** 2).mean()
        autograd.zero_grad([w, b])
        loss.backward()
        for p in (w, b):
            p.data = p.data - 0.1 * p.grad
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert type(w.data) is type(w.grad) is type(x)
    assert w.detach().shape == (4,)
    with pytest.raises(RuntimeError, match="stale"):
        loss.backward()
    loss = (w * w).sum()
    loss.backward()
    loss.backward()
    assert type(w.grad) is type(x)


@every_library
def test_where_hands_nothing_to_the_branch_not_taken_at_any_order(make: Any) -> None:
    x = Tensor(make(np.array([0.0, 4.0])))
    out = (autograd.where(x > 0, x.sqrt(), 0.0) + autograd.where(x > 0, x.sqrt(), x)).sum()
    assert plain(gradients(out, [x])[0]).tolist() == [1.0, 0.5]
    (g,) = gradients(out, [x], create_graph=True)
    assert plain(g.data).tolist() == [1.0, 0.5]
    assert plain(gradients(g.sum(), [x])[0]).tolist() == [0.0, -1 / 16]
    out.backward()
    assert plain(x.grad).tolist() == [1.0, 0.5]


@every_library
def test_nan_stays_nan_and_edges_are_those_of_numpy(make: Any) -> None:
    at = np.array([np.nan, -np.inf, -1.0, -0.0, 0.0, 1.0, np.inf])
    for name in ("relu", "step", "sign", "sqrt", "log", "tanh", "sigmoid", "abs", "erf", "cbrt"):
        found = []
        for x, ones in ((Tensor(at), np.ones(7)), (Tensor(make(at)), make(np.ones(7)))):
            out = getattr(x, name)()
            found.append((plain(out.data), plain(gradients(out, [x], seed=ones)[0])))
        for theirs, ours in zip(found[1], found[0], strict=True):
            np.testing.assert_allclose(theirs, ours, rtol=1e-14, err_msg=name)


@every_library
def test_plain_arrays_of_the_library_are_constants_and_arguments(library: str, make: Any) -> None:
    x, mask = Tensor(make(A)), make(A) > 0.8
    assert type((x * make(V) + make(np.arange(4))).data) is type(make(A))
    assert plain(autograd.where(mask, x, 0.0).data).tolist() == np.where(A > 0.8, A, 0).tolist()
    assert type(autograd.exp(make(A))) is type(autograd.softmax(make(A), axis=1)) is type(make(A))
    if library != "array_api_strict":  # which refuses any operand that it does not know
        assert isinstance(make(A) * x, Tensor)
        np.testing.assert_allclose(plain((make(V) - x / 2).data), V - A / 2)


@every_library
def test_values_cross_over(make: Any) -> None:
    x = Tensor(make(V))
    a, b, *_ = x.values()
    (a * b).backward()
    assert plain(x.grad).tolist() == [V[1], V[0], 0.0, 0.0]


@every_library
def test_what_cannot_be_is_refused_with_what_to_do(library: str, make: Any) -> None:
    x, w = Tensor(make(A), label="x"), Tensor(make(C), label="w")
    with pytest.raises(TypeError, match=r"mul of arrays of .* and of .*: libraries do not mix"):
        x * A
    with pytest.raises(TypeError, match="libraries do not mix"):
        Tensor(A) + x
    with pytest.raises(TypeError, match="libraries do not mix"):
        autograd.cat([x, Tensor(A)])
    with pytest.raises(ValueError, match=r"the shapes \(3, 4\) of 'x' and \(4, 2\) of 'w'"):
        x + w
    with pytest.raises(ValueError, match=r"matmul of the shapes \(4, 2\) of 'w' and \(3, 4\)"):
        w @ x
    with pytest.raises(IndexError, match="axis 2"):
        x.sum(axis=2)
    with pytest.raises(IndexError, match="out of bounds"):
        x[7]
    with pytest.raises(IndexError, match="too many"):
        x[0, 0, 0]
    with pytest.raises(IndexError, match="out of bounds"):
        x[[0, 3]]
    with pytest.raises(ValueError, match="starts from one number"):
        x.backward()
    with pytest.raises(TypeError, match="complex"):
        Tensor(make(A.astype(complex)))
    with pytest.raises(TypeError, match="float64 or float32"):
        x.astype(int)
    with pytest.raises(TypeError, match="round"):
        x.round(2)
    if library == "array_api_strict":
        with pytest.raises(TypeError, match="array_api_strict has no einsum"):
            autograd.einsum("ij->j", x)
    else:
        found = autograd.einsum("ij,jk->k", x, w)
        np.testing.assert_allclose(plain(found.data), (A @ C).sum(0))


@every_library
def test_an_operation_of_ones_own_works_where_it_takes_arrays(library: str, make: Any) -> None:
    name = "cubed_in_" + library.replace(".", "_")
    cubed = autograd.register(name, lambda x: x * x * x, lambda g, out, x: 3 * g * x * x)
    x = Tensor(make(V))
    np.testing.assert_allclose(plain(gradients(cubed(x).sum(), [x])[0]), 3 * V * V)
    bent = autograd.register(
        "bent_in_" + library.replace(".", "_"), lambda x: x if x > 0 else -x, lambda g, out, x: g
    )
    with pytest.raises(TypeError, match="whole array"):
        bent(x)


def test_integers_become_float64_and_are_shown() -> None:
    strict = pytest.importorskip("array_api_strict")
    x = Tensor(strict.asarray([1, 2]), label="x")
    assert x.dtype == strict.float64
    assert repr(x).startswith("Tensor(Array([1., 2.]")
    assert f"{x[0]:.2f}" == "1.00"
    assert Tensor(strict.asarray([True])).item() == 1.0
    assert bool(x[1])


def test_an_array_is_copied() -> None:
    strict = pytest.importorskip("array_api_strict")
    given = strict.asarray([1.0, 2.0])
    p = Tensor(given)
    given[0] = 5.0
    assert plain(p.data).tolist() == [1.0, 2.0]
    (p + p).backward(strict.asarray([1.0, 1.0]))
    p.grad *= 10
    assert plain(p.grad).tolist() == [20.0, 20.0]


def test_dask_computes_nothing_until_it_is_asked() -> None:
    pytest.importorskip("array_api_compat")
    da, dask = pytest.importorskip("dask.array"), pytest.importorskip("dask")

    def refuse(*args: Any, **named: Any) -> Any:
        raise AssertionError("Dask was made to compute")

    with dask.config.set(scheduler=refuse):
        x = Tensor(da.from_array(A, chunks=2))
        w = Tensor(da.from_array(C, chunks=2))
        loss = ((x @ w).relu().log_softmax(1)[:, 0] ** 2).mean() + autograd.gelu(w).norm()
        loss.backward()
        slope = w.grad
    (expected,) = gradients(
        ((Tensor(A) @ (y := Tensor(C))).relu().log_softmax(1)[:, 0] ** 2).mean()
        + autograd.gelu(y).norm(),
        [y],
    )
    np.testing.assert_allclose(slope.compute(), expected, rtol=1e-12)


def test_without_array_api_compat_the_error_says_what_to_install(monkeypatch: Any) -> None:
    class Foreign:
        __array_namespace__ = shape = dtype = None

    monkeypatch.setitem(importlib.import_module("sys").modules, "array_api_compat", None)
    with pytest.raises(ImportError, match="pip install array-api-compat"):
        Tensor(Foreign())


@pytest.mark.peers
def test_a_torch_tensor_that_records_its_own_gradient_is_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"requires_grad.*detach\(\) it first"):
        Tensor(torch.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match=r"detach\(\)"):
        Tensor(torch.ones(2)) * torch.ones(2, requires_grad=True)
    x = Tensor(torch.ones(2, dtype=torch.bfloat16))
    assert x.dtype == torch.float64
    assert x.astype(torch.float32).dtype == x.astype("float32").dtype == torch.float32
