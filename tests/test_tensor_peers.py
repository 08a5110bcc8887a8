"""Tensors beside PyTorch: convolution, pooling, einsum, indexing and reductions.

Not part of the ordinary run: `python -m pytest -m peers tests/test_tensor_peers.py`, with PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Tensor

pytestmark = pytest.mark.peers

RNG = np.random.default_rng(5)


def array(*shape: int) -> Any:
    return RNG.standard_normal(shape)


def functional() -> Any:
    return pytest.importorskip("torch").nn.functional


CASES: dict[str, tuple[Callable[..., Any], Callable[..., Any], list[tuple[int, ...]]]] = {
    "conv1d": (
        lambda x, w, b: autograd.conv1d(x, w, b, stride=2, padding=1),
        lambda x, w, b: functional().conv1d(x, w, b, stride=2, padding=1),
        [(3, 4, 9), (5, 4, 3), (5,)],
    ),
    "conv2d": (
        lambda x, w, b: autograd.conv2d(x, w, b, stride=(1, 2), padding=(2, 1), dilation=(2, 1)),
        lambda x, w, b: functional().conv2d(x, w, b, (1, 2), (2, 1), (2, 1)),
        [(2, 3, 7, 8), (4, 3, 3, 2), (4,)],
    ),
    "max_pool2d": (
        lambda x: autograd.max_pool2d(x, (2, 3), 2),
        lambda x: functional().max_pool2d(x, (2, 3), 2),
        [(2, 3, 7, 8)],
    ),
    "avg_pool2d": (
        lambda x: autograd.avg_pool2d(x, 3, 2),
        lambda x: functional().avg_pool2d(x, 3, 2),
        [(2, 3, 7, 8)],
    ),
    "einsum": (
        lambda a, b, c: autograd.einsum("bhid,bhjd,bhje->bhie", a, b, c),
        lambda a, b, c: __import__("torch").einsum("bhid,bhjd,bhje->bhie", a, b, c),
        [(2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 3)],
    ),
    "indexing": (
        lambda x: x[[0, 2, 2], :, None][..., 1:] * x[1, 2] + x[:, x[0, :, 0].data > 0].sum(),
        lambda x: x[[0, 2, 2], :, None][..., 1:] * x[1, 2] + x[:, x[0, :, 0] > 0].sum(),
        [(3, 4, 2)],
    ),
    "attention": (
        lambda q, k, v: (q @ k.swapaxes(-1, -2) / 2).softmax(-1) @ v,
        lambda q, k, v: (q @ k.swapaxes(-1, -2) / 2).softmax(-1) @ v,
        [(2, 3, 4), (2, 5, 4), (2, 5, 4)],
    ),
    "reductions": (
        lambda x: x.prod(1) + x.logsumexp(1) + x.std(1, ddof=1) + x.norm(axis=1),
        lambda x: x.prod(1) + x.logsumexp(1) + x.std(1) + x.norm(dim=1),
        [(3, 4)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_agree_with_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs, shapes = CASES[name]
    arrays = [array(*shape) for shape in shapes]
    xs = [Tensor(a) for a in arrays]
    ys = [torch.tensor(a, requires_grad=True) for a in arrays]
    out, expected = ours(*xs), theirs(*ys)
    np.testing.assert_allclose(out.data, expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    seed = array(*out.shape)
    out.backward(seed)
    expected.backward(torch.tensor(seed))
    for x, y in zip(xs, ys, strict=True):
        np.testing.assert_allclose(x.grad, y.grad.numpy(), rtol=1e-9, atol=1e-11)
