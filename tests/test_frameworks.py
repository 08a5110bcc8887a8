"""Functions across the border: PyTorch's and JAX's own checks accept ours, and ours accept theirs.

Most is not part of the ordinary run: `python -m pytest -m peers tests/test_frameworks.py`, with
torch and jax.
"""

from __future__ import annotations

import copy
import importlib
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, Value, as_jax, as_torch, from_jax, from_torch, gradcheck, where

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2))


def together(x: Any, w: Any) -> Any:
    return ((x @ w).tanh() * x.sum()).logsumexp(0)


def several(x: Any, w: Any) -> Any:
    return {"product": x.sin() @ w, "rest": [x.sum(), (w * w).mean(0)]}


def test_nothing_is_imported_before_it_is_used():
    code = (
        "import sys, autograd, nn\n"
        "autograd.as_torch, autograd.as_jax, autograd.export_onnx, nn.from_torch\n"
        "assert not {'torch', 'jax', 'onnx'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_framework_says_what_to_install(monkeypatch):
    for name, calls in {"torch": (as_torch, from_torch), "jax": (as_jax, from_jax)}.items():
        monkeypatch.setitem(sys.modules, name, None)
        for call in calls:
            with pytest.raises(ImportError, match=rf"{call.__name__} needs {name}: python -m pip"):
                call(together)
            with pytest.raises(TypeError, match=f"{call.__name__} takes a function, not 3"):
                call(3)
    with pytest.raises(ImportError, match=r"nn.from_torch needs torch"):
        nn.from_torch(3)


# ---- ours for PyTorch ---------------------------------------------------------------------------


def doubles(*arrays: Any) -> Any:
    torch = pytest.importorskip("torch")
    return [torch.tensor(x, requires_grad=True) for x in arrays]


@pytest.mark.peers
def test_pytorch_checks_our_gradients_and_those_of_our_gradients():
    xs = doubles(X, W)
    torch = pytest.importorskip("torch")
    ours = as_torch(together)
    assert torch.autograd.gradcheck(ours, xs)
    assert torch.autograd.gradgradcheck(ours, xs)
    split = as_torch(several)

    def flat(*xs: Any) -> Any:
        found = split(*xs)
        return found["product"], *found["rest"]

    assert torch.autograd.gradcheck(flat, xs)
    assert torch.autograd.gradgradcheck(flat, xs)
    x = doubles(np.array([0.5, -0.25]))[0]
    hessian = torch.autograd.functional.hessian
    found = hessian(lambda x: (as_torch(lambda x: x**4)(x) * x).sum(), x)
    assert found.diagonal().tolist() == pytest.approx((20 * x**3).tolist())


@pytest.mark.peers
def test_a_function_computes_for_pytorch_what_it_computes_here():
    torch = pytest.importorskip("torch")
    for dtype in (torch.float32, torch.float64):
        x = torch.tensor(X, dtype=dtype, requires_grad=True)
        y = as_torch(together)(x, torch.tensor(W, dtype=dtype))
        assert y.dtype == dtype
        expected = together(t := Tensor(x.detach().numpy()), W.astype(y.detach().numpy().dtype))
        assert y.detach().numpy() == pytest.approx(expected.data, rel=1e-6)
        y.sum().backward()
        (g,) = autograd.gradients(expected.sum(), [t])
        assert x.grad.dtype == dtype
        assert x.grad.numpy() == pytest.approx(g, rel=1e-5)
    table = Tensor(np.eye(3))
    rows = as_torch(lambda x, i: table[i] * x)
    (x,) = doubles(np.ones(3))
    found = rows(x, torch.tensor([2, 0]))
    found.sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 1.0]
    assert as_torch(lambda x, y: x * y)(x, 2.0).tolist() == [2.0] * 3
    layer = nn.Layer(4, 2, "tanh", seed=0, backend="tensor")
    assert torch.autograd.gradcheck(as_torch(layer), doubles(X))


@pytest.mark.peers
def test_arrays_cross_to_pytorch_by_dlpack_with_their_memory():
    torch = pytest.importorskip("torch")
    t = Tensor([1.0, 2.0])
    there = torch.from_dlpack(t.data)
    there[0] = 5.0
    assert t.data.tolist() == [5.0, 2.0]
    assert Tensor(np.from_dlpack(torch.ones(2))).dtype == np.float32


@pytest.mark.peers
def test_what_pytorch_hands_over_and_cannot_be_computed_is_refused():
    torch = pytest.importorskip("torch")
    ours = as_torch(lambda x: x * 2.0)
    for x, error, said in (
        (torch.ones(2, dtype=torch.float16), TypeError, "of float16: convert it to float64 or"),
        (torch.ones(2, dtype=torch.bfloat16), TypeError, "of bfloat16"),
        (torch.ones(2, dtype=torch.complex64), TypeError, "of complex64"),
        (torch.ones(2, device="meta"), ValueError, r"on the device meta: take x.cpu\(\)"),
    ):
        with pytest.raises(error, match=said):
            ours(x)
    for f in (lambda x: None, lambda x: [x, None], lambda x: "a"):
        with pytest.raises(TypeError, match=r"returned|array of real numbers"):
            as_torch(f)(torch.ones(2))
    with pytest.raises(TypeError, match=r"requires_grad.*detach\(\) it first"):
        Tensor(torch.ones(2, requires_grad=True))
    with pytest.raises(ZeroDivisionError):
        as_torch(lambda x: 1 / 0)(torch.ones(2))
    with pytest.raises(ValueError, match="they do not broadcast"):
        Tensor(torch.ones(2)) + Tensor(torch.ones(3))


# ---- ours for JAX -------------------------------------------------------------------------------


@pytest.mark.peers
def test_jax_checks_our_gradients_to_the_third_order():
    jax = pytest.importorskip("jax")
    check = importlib.import_module("jax.test_util").check_grads
    ours = as_jax(together)
    with jax.enable_x64(True):
        xs = jax.numpy.asarray(X), jax.numpy.asarray(W)
        check(ours, xs, order=3, modes=["rev"])
        check(as_jax(several), xs, order=2, modes=["rev"])
        slope = jax.jit(jax.grad(lambda x: ours(x, xs[1]).sum()))(xs[0])
        expected = autograd.grad(lambda x: together(x, W).sum())(X)
        assert np.asarray(slope) == pytest.approx(expected, rel=1e-12)
        both = jax.vmap(lambda x: ours(x, xs[1]))(jax.numpy.stack([xs[0], 2.0 * xs[0]]))
        assert np.asarray(both[1]) == pytest.approx(together(Tensor(2.0 * X), W).data, rel=1e-12)
        picked = jax.grad(lambda x, i: as_jax(lambda x, i: x[i].sum())(x, i))
        assert picked(xs[0][0], np.array([1, 1])).tolist() == [0.0, 2.0, 0.0, 0.0]
        _, back = jax.vjp(as_jax(lambda x, i: x[i].sum()), xs[0][0], jax.numpy.array([1, 1]))
        assert back(jax.numpy.array(1.0))[1].dtype == jax.dtypes.float0


@pytest.mark.peers
def test_a_function_is_in_single_precision_in_jax_unless_doubles_are_enabled():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(False):
        x = jax.numpy.asarray(X)
        found = as_jax(lambda x: x * np.arange(4.0))(x)
        assert found.dtype == np.float32
        slope = jax.grad(lambda x: as_jax(lambda x: (x * x).sum())(x))(x)
        assert slope.dtype == np.float32
        assert np.asarray(slope) == pytest.approx(2 * X, rel=1e-6)
        with pytest.raises(TypeError, match="of bfloat16: convert it"):
            as_jax(lambda x: x)(x.astype("bfloat16"))
        with pytest.raises(TypeError, match="returned None"):
            as_jax(lambda x: None)(x)


# ---- theirs for us ------------------------------------------------------------------------------


def of_torch() -> Any:
    torch = pytest.importorskip("torch")
    return from_torch(lambda x, y: torch.special.i0(x) * torch.sin(y))


def of_jax() -> Any:
    jax = pytest.importorskip("jax")
    return from_jax(lambda x, y: jax.scipy.special.i0(x) * jax.numpy.sin(y))


both_ways = pytest.mark.parametrize("make", [of_torch, of_jax])


@pytest.mark.peers
@both_ways
def test_a_function_of_theirs_is_an_operation_of_every_kind_and_order(make):
    special = pytest.importorskip("scipy.special")
    g = make()
    x, y = Value(0.5), Value(0.3)
    z = g(x, y)
    z.backward()
    assert z.data == g(0.5, 0.3) == pytest.approx(special.i0(0.5) * np.sin(0.3), rel=1e-12)
    assert x.grad == pytest.approx(special.i1(0.5) * np.sin(0.3), rel=1e-12)
    assert y.grad == pytest.approx(special.i0(0.5) * np.cos(0.3), rel=1e-12)
    a, b = RNG.uniform(0.2, 1.0, (2, 3, 2))
    assert isinstance(g(a, b), np.ndarray)
    assert gradcheck(lambda a, b: (g(a, b) * a).sum(), a, b)
    found = autograd.hessian(lambda a: (g(a, 2.0 * a) ** 2).sum())(a[0])
    slopes = autograd.grad(lambda a: (g(a, 2.0 * a) ** 2).sum())
    step = 1e-5
    for i in range(2):
        h = step * np.eye(2)[i]
        expected = (slopes(a[0] + h) - slopes(a[0] - h)) / (2 * step)
        assert found[i] == pytest.approx(expected, rel=1e-7, abs=1e-8)
    lists = g([Value(0.5), Value(1.0)], [0.3, Value(0.4)])
    assert [z.data for z in lists] == pytest.approx([g(0.5, 0.3), g(1.0, 0.4)], rel=1e-14)
    objects = g(np.array([x, x]), 0.3)
    assert objects.shape == (2,)
    assert objects[1].data == z.data


@pytest.mark.peers
@both_ways
def test_a_matrix_function_of_theirs_has_the_slope_of_ours(make):
    library = "torch" if make is of_torch else "jax.numpy"
    xp = pytest.importorskip(library)
    take = from_torch if make is of_torch else from_jax
    theirs = take(lambda x: xp.linalg.eigvalsh(x @ x.T))
    a = RNG.normal(size=(3, 3))
    found = autograd.jacobian(theirs)(a)
    expected = autograd.jacobian(lambda x: np.linalg.eigvalsh(x @ x.T))(a)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    single = Tensor(a.astype(np.float32))
    y = take(lambda x: xp.sin(x))(single)
    (g,) = autograd.gradients(y.sum(), [single])
    assert (y.dtype, g.dtype) == (np.float32, np.float32)
    assert g == pytest.approx(np.cos(a), rel=1e-6)


@pytest.mark.peers
def test_an_operation_of_pytorch_is_looked_at_replayed_and_copied_as_others_are():
    torch = pytest.importorskip("torch")
    g = from_torch(lambda x: torch.sin(x) * 2.0)
    x = Tensor([1.0, 2.0], "x")
    y = where(g(x) > 1.7, g(x), 0.0).sum() + (g(x) * where(x > 1.5, 1.0, 0.0)).sum()
    (slope,) = autograd.gradients(y, [x])
    assert slope == pytest.approx([0.0, 4.0 * np.cos(2.0)])
    assert r"torch.\<lambda\>" in autograd.draw(y).source
    assert "torch.<lambda>" in str(autograd.explain(y, x))
    assert "its framework says what each operand is handed" in autograd.trace(y).html
    assert copy.deepcopy(y).item() == y.item()
    with pytest.raises(TypeError, match=r"torch.<lambda>, of another framework, is not pickled"):
        pickle.dumps(y)
    replay = autograd.compile(lambda x: (g(x) ** 2).sum())
    for k in (2.0, 3.0):
        value, (slope,) = replay.value_and_grad(Tensor([k]))
        assert (value, slope) == pytest.approx((4 * np.sin(k) ** 2, 4 * np.sin(2 * k)))
    assert autograd.grad(from_torch(lambda x: x.detach() * 2.0))(1.0) == 0.0
    assert from_torch(lambda x, d: x.sum(d))(Tensor([[1.0, 2.0]]), 1).tolist() == [3.0]
    before = Tensor([1.0, 2.0])
    assert from_torch(lambda x: x.mul_(2.0))(before).tolist() == [2.0, 4.0]
    assert before.tolist() == [1.0, 2.0]


@pytest.mark.peers
def test_a_function_of_theirs_that_returns_no_numbers_is_refused():
    torch = pytest.importorskip("torch")
    for f in (lambda x: (x, x), lambda x: x > 0, lambda x: None, lambda x: x.half()):
        with pytest.raises(TypeError, match=r"torch.<lambda> returned .* not one torch array"):
            from_torch(f)(Tensor([1.0]))
    jax = pytest.importorskip("jax")
    with pytest.raises(TypeError, match=r"jax.<lambda> returned .* not one jax array"):
        from_jax(lambda x: jax.numpy.argmax(x))(Tensor([1.0]))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        from_torch(lambda x: torch.matmul(x, x))(Tensor([[1.0, 2.0]]))


# ---- modules ------------------------------------------------------------------------------------


@pytest.mark.peers
def test_modules_of_pytorch_become_layers_here():
    torch = pytest.importorskip("torch")
    n = torch.nn
    deep = n.Sequential(
        n.Linear(2, 3), n.ReLU(inplace=True), n.Dropout(0.2), n.Identity(),
        n.Sequential(n.Linear(3, 4), n.Softplus()), n.Linear(4, 2), n.Softmax(dim=1),
    ).eval()  # fmt: skip
    seen = n.Sequential(
        n.Conv2d(1, 2, 3, padding=1), n.GELU(), n.MaxPool2d(2), n.Flatten(), n.Linear(8, 2)
    )
    for module, shape in ((deep, (5, 2)), (seen, (5, 1, 4, 4)), (n.Linear(2, 3), (5, 2))):
        x = torch.randn(shape)
        found = nn.from_torch(module)(x.numpy())
        assert found.dtype == np.float32
        assert found.data == pytest.approx(module(x).detach().numpy(), rel=1e-5, abs=1e-6)
    words = n.Embedding(5, 3)
    assert nn.from_torch(words)(np.array([1, 4])).data == pytest.approx(
        words(torch.tensor([1, 4])).detach().numpy()
    )
    model = nn.from_torch(deep)
    for p in model.parameters():
        p.data += 1.0  # a copy
    assert not np.allclose(model.parameters()[0].data, deep[0].weight.detach().numpy())


@pytest.mark.peers
def test_a_layer_without_a_counterpart_is_named_with_its_place():
    torch = pytest.importorskip("torch")
    n = torch.nn

    class Own(n.Module):
        pass

    class Linear(n.Linear):
        pass

    hooked = n.Linear(2, 2)
    hooked.register_forward_hook(lambda module, given, out: 2 * out)
    for module, said in (
        (n.Sequential(n.Linear(2, 3), n.Sequential(n.BatchNorm1d(3))), r"layer 1\.0, BatchNorm1d"),
        (n.Linear(2, 3, bias=False), "bias=False"),
        (n.Conv2d(2, 2, 3, groups=2), "groups=2"),
        (n.Conv2d(1, 1, 3, padding="same"), "padding=same"),
        (n.Conv2d(1, 1, 3, padding_mode="reflect", padding=1), "padding_mode=reflect"),
        (n.MaxPool2d(2, padding=1), "padding=1"),
        (n.Embedding(3, 2, padding_idx=0), "padding_idx=0"),
        (n.Flatten(0), "start_dim=0"),
        (n.Sequential(n.Linear(2, 2), n.LeakyReLU(0.2)), r"layer 1, LeakyReLU\(negative_slope=0.2"),
        (n.Sequential(n.Linear(2, 2), n.ReLU(), n.ReLU()), r"layer 2, ReLU\(\)"),
        (n.ReLU(), "ReLU"),
        (n.Dropout(), "Dropout"),
        (n.LSTM(2, 2), "LSTM"),
        (Own(), "Own"),
        (Linear(2, 2), "Linear"),
        (hooked, "Linear"),
        (n.utils.parametrizations.weight_norm(n.Linear(2, 2)), "ParametrizedLinear"),
        (n.Linear(2, 2).half(), "float16 on cpu"),
        (n.Linear(2, 2, device="meta"), "on meta"),
    ):
        with pytest.raises(TypeError, match=f"there is no counterpart of .*{said}"):
            nn.from_torch(module)
    with pytest.raises(TypeError, match="takes a module of PyTorch, not 3"):
        nn.from_torch(3)
