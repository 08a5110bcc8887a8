"""Derivatives beside PyTorch's and JAX's, at ordinary points (at the edges they differ).

Not part of the ordinary run: `python -m pip install -e ".[test,peers]"`, then
`python -m pytest -m peers tests/test_peers.py`.
"""

from __future__ import annotations

import math
import random

import pytest

import autograd
from autograd import Value, gradients
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import RULES

pytestmark = pytest.mark.peers

TORCH = {
    "neg": "neg", "gelu": "nn.functional.gelu",
    "silu": "nn.functional.silu", "softplus": "nn.functional.softplus",
    "logsigmoid": "nn.functional.logsigmoid", "relu": "relu",
    "normal_cdf": "special.ndtr",
}  # fmt: skip
JAX = {
    "gelu": None, "silu": "nn.silu", "softplus": "nn.softplus", "logsigmoid": "nn.log_sigmoid",
    "relu": "nn.relu", "sigmoid": "nn.sigmoid", "asin": "numpy.arcsin", "acos": "numpy.arccos",
    "atan": "numpy.arctan", "asinh": "numpy.arcsinh", "acosh": "numpy.arccosh",
    "atanh": "numpy.arctanh", "erf": "scipy.special.erf", "neg": "numpy.negative",
    "normal_cdf": "scipy.stats.norm.cdf", "normal_pdf": "scipy.stats.norm.pdf",
}  # fmt: skip
UNARY = [name for name, row in RULES.items() if row.fact.arity == 1 and name != "identity"]


def find(module: object, path: str) -> object:
    for part in path.split("."):
        module = getattr(module, part)
    return module


def points(name: str) -> list[float]:
    """Points inside the domain of a function, away from its ends."""
    low, high = FUNCTIONS[name].domain[0]
    low, high = max(low, -3.0), min(high, 3.0)
    rng = random.Random(name)
    return [low + (high - low) * rng.uniform(0.05, 0.95) for _ in range(20)]


def ours(name: str, x: float) -> tuple[float, float, float]:
    """Value, first and second derivative."""
    node = Value(x)
    out = FUNCTIONS[name].call(node)
    (first,) = gradients(out, [node], create_graph=True)
    (second,) = gradients(first, [node])
    return out.data, first.data, second


@pytest.mark.parametrize("name", UNARY)
def test_a_function_and_two_derivatives_agree_with_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    try:
        function = find(torch, TORCH.get(name, name))
    except AttributeError:
        pytest.skip(f"PyTorch has no {name}")
    for x in points(name):
        t = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        out = function(t)
        (first,) = torch.autograd.grad(out, t, create_graph=True)
        second = torch.autograd.grad(first, t)[0] if first.requires_grad else 0.0
        assert ours(name, x) == pytest.approx(
            (out.item(), first.item(), float(second)), rel=1e-10, abs=1e-12
        )


@pytest.mark.parametrize("name", UNARY)
def test_a_function_and_two_derivatives_agree_with_jax(name: str) -> None:
    jax = pytest.importorskip("jax")
    pytest.importorskip("jax.scipy")
    jax.config.update("jax_enable_x64", True)
    path = JAX.get(name, f"numpy.{name}")
    try:
        function = find(jax, path) if path else lambda x: jax.nn.gelu(x, approximate=False)
    except AttributeError:
        pytest.skip(f"JAX has no {name}")
    for x in points(name):
        slope = jax.grad(function)
        theirs = float(function(x)), float(slope(x)), float(jax.grad(slope)(x))
        assert ours(name, x) == pytest.approx(theirs, rel=1e-9, abs=1e-12)


BINARY = {
    "add": "add", "sub": "sub", "mul": "mul", "div": "div", "pow": "pow", "mod": "remainder",
    "atan2": "atan2", "hypot": "hypot", "logaddexp": "logaddexp", "minimum": "minimum",
    "maximum": "maximum",
}  # fmt: skip


@pytest.mark.parametrize("name", BINARY)
def test_a_function_of_two_and_its_gradient_agree_with_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    rng = random.Random(name)
    for _ in range(20):
        x, y = rng.uniform(0.2, 3.0), rng.uniform(0.2, 3.0)
        a, b = Value(x), Value(y)
        FUNCTIONS[name].call(a, b).backward()
        t, u = (torch.tensor(z, dtype=torch.float64, requires_grad=True) for z in (x, y))
        getattr(torch, BINARY[name])(t, u).backward()
        assert (a.grad, b.grad) == pytest.approx((t.grad.item(), u.grad.item()), rel=1e-12)


def test_a_network_and_its_gradients_agree_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    rng = random.Random(0)
    weights = [[rng.gauss(0, 1) for _ in range(3)] for _ in range(4)]
    inputs = [rng.gauss(0, 1) for _ in range(3)]
    w = [[Value(number) for number in row] for row in weights]
    hidden = [autograd.dot(row, inputs).tanh() for row in w]
    loss = -autograd.log_softmax(hidden)[2]
    loss.backward()
    t = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    scores = torch.tanh(t @ torch.tensor(inputs, dtype=torch.float64))
    expected = -torch.log_softmax(scores, 0)[2]
    expected.backward()
    assert math.isclose(loss.data, expected.item(), rel_tol=1e-13)
    for row, peer in zip(w, t.grad.tolist(), strict=True):
        assert [p.grad for p in row] == pytest.approx(peer, rel=1e-12)
