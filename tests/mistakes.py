"""Thirty gradients written wrong, in ways that are common in gradients written by hand.

Each has the kind that a report should name. The rules of `autograd.checking.kinds_of_mistake` were
tuned on those with odd numbers; those with even numbers, written before, judge them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

RNG = np.random.default_rng(21)


def normal(*shape: int) -> Any:
    """Numbers that are not small, of both signs."""
    return RNG.choice((-1.0, 1.0), shape) * RNG.uniform(0.3, 2.0, shape)


class Fault(NamedTuple):
    """A function, a gradient that is wrong, where, and the kind of mistake."""

    name: str
    f: Callable[..., Any]
    df: Callable[..., Any]
    args: tuple[Any, ...]
    kind: str
    options: dict[str, Any] = {}  # never written to


X, W, Y, T = normal(5, 3), normal(3), normal(5), np.eye(4)[[0, 3, 1, 1, 2, 0]]
A, B, G = normal(4, 4), normal(4, 4), normal(4, 4)
V, U, S = normal(6), normal(6), normal(9)
K, C = normal(4), normal(6, 3)


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def cross_entropy(z: Any) -> Any:
    return -np.mean(np.sum(T * np.log(softmax(z)), axis=1))


def huber(r: Any) -> Any:
    return np.sum(np.where(abs(r) < 1.0, 0.5 * r * r, abs(r) - 0.5))


def hinge(x: Any, y: Any) -> Any:
    return np.sum(np.maximum(0.0, 1.0 - x * y))


def bell(x: Any, sigma: Any) -> Any:
    return np.sum(np.exp(-x * x / (2.0 * sigma**2)))


FAULTS = [
    Fault("squared error without the 2", lambda w: np.mean((X @ w - Y) ** 2),
          lambda w: X.T @ (X @ w - Y) / 5, (W,), "factor"),
    Fault("squared error not divided by n", lambda w: np.mean((X @ w - Y) ** 2),
          lambda w: 2 * X.T @ (X @ w - Y), (W,), "factor"),
    Fault("cross-entropy not divided by the batch", cross_entropy,
          lambda z: softmax(z) - T, (normal(6, 4),), "factor"),
    Fault("half the square, with a 2", lambda x: 0.5 * np.sum(x * x), lambda x: 2 * x, (V,),
          "factor"),
    Fault("minus the log-likelihood, without the minus", lambda p: -np.sum(np.log(p)),
          lambda p: 1 / p, (abs(V),), "sign"),
    Fault("the residual the wrong way round", lambda w: np.sum((Y - X @ w) ** 2),
          lambda w: 2 * X.T @ (Y - X @ w), (W,), "sign"),
    Fault("a square matrix transposed", lambda w: np.sum(A * np.sin(w)),
          lambda w: (A * np.cos(w)).T, (B,), "transposed"),
    Fault("the outer product in the wrong order", lambda w: K @ w @ K[::-1] ** 2,
          lambda w: np.outer(K[::-1] ** 2, K), (B,), "transposed"),
    Fault("two arguments swapped", lambda x, y: np.sum(x * y**2),
          lambda x, y: (2 * x * y, y**2), (V, U), "swapped"),
    Fault("the factors of a matrix product swapped", lambda a, b: np.sum(G * (a @ b)),
          lambda a, b: (a.T @ G, G @ b.T), (A, B), "swapped"),
    Fault("a convolution's kernel not flipped", lambda k: np.sum(V * np.convolve(S, k, "valid")),
          lambda k: np.correlate(S, V, "valid"), (K,), "reversed"),
    Fault("cumsum: the flip back forgotten", lambda x: np.sum(V * np.cumsum(x)),
          lambda x: np.cumsum(V[::-1]), (U,), "reversed"),
    Fault("a difference off by one", lambda x: np.sum(V[1:] * np.diff(x) ** 2),
          lambda x: np.roll(np.diff(np.r_[0, -2 * V[1:] * np.diff(x), 0]), 1), (U,), "shifted"),
    Fault("a delay not undone", lambda x: np.sum(V * np.roll(x, 1)), lambda x: V, (U,), "shifted"),
    Fault("tanh: what arrives is ignored", lambda x, g: np.sum(g * np.tanh(x)),
          lambda x, g: 1 - np.tanh(x) ** 2, (V, U), "chain", {"fixed": "g"}),
    Fault("softplus: what arrives is ignored", lambda x, g: np.sum(g * np.logaddexp(0, x)),
          lambda x, g: (1 / (1 + np.exp(-x)), np.logaddexp(0, x)), (A, G), "chain"),
    Fault("a bias: a mean over the batch", lambda x, b: np.sum((x + b) ** 2),
          lambda x, b: (2 * (x + b), np.mean(2 * (x + b), axis=0)), (C, W), "factor"),
    Fault("a mean: not divided", lambda x: np.mean(np.exp(x)), np.exp, (A,), "factor"),
    Fault("Huber: 0 beyond the corner", huber, lambda r: np.where(abs(r) < 1.0, r, 0.0),
          (np.array([0.2, -0.7, 1.5, 3.0, -2.0, 0.4]),), "zero"),
    Fault("leaky ReLU with the gradient of ReLU",
          lambda x: np.sum(U * np.where(x > 0, x, 0.1 * x)), lambda x: U * (x > 0), (V,), "zero"),
    Fault("clip: no mask", lambda x: np.sum(V * np.clip(x, -1.0, 1.0)), lambda x: V,
          (np.array([0.2, -0.7, 1.5, 3.0, -2.0, 0.4]),), "mask"),
    Fault("hinge: the margin forgotten", hinge, lambda x, y: -y,
          (np.sign(Y) * np.array([2.0, 0.5, 1.7, -0.3, 3.0]), np.sign(Y)), "mask",
          {"fixed": "y"}),
    Fault("a bell without 1 / sigma squared", bell,
          lambda x, sigma: (-x * np.exp(-x * x / (2 * sigma**2)),
                            np.sum(x * x / sigma**3 * np.exp(-x * x / (2 * sigma**2)))),
          (V, 1.7), "chain"),
    Fault("the inner derivative forgotten", lambda x, rate: np.sum(np.sin(rate * x) ** 2),
          lambda x, rate: np.sin(2 * rate * x), (V, 1.3), "chain", {"fixed": ("rate",)}),
    Fault("computed in float32", lambda x: np.sum(np.sin(x) * V),
          lambda x: (np.cos(x.astype(np.float32)) * V.astype(np.float32)).astype(float), (U,),
          "float32"),
    Fault("a product in float32", lambda w: np.sum(G * np.tanh(A @ w)),
          lambda w: A.T @ ((1 - np.tanh((A @ w).astype(np.float32)) ** 2) * G), (B,), "float32"),
    Fault("weight decay forgotten", lambda w: np.sum((X @ w - Y) ** 2) + 0.05 * np.sum(w * w),
          lambda w: 2 * X.T @ (X @ w - Y), (W,), "term"),
    Fault("softmax without minus the target", lambda z, y: np.log(np.sum(np.exp(z))) - y @ z,
          lambda z, y: softmax(z), (V, np.array([0.1, 0.2, 0.05, 0.3, 0.15, 0.2])), "term",
          {"fixed": "y"}),
    Fault("a logarithm of base 10", lambda x: np.sum(np.log10(x)), lambda x: 1 / x, (abs(V),),
          "factor"),
    Fault("a norm's gradient not divided by the norm", lambda x: np.sqrt(np.sum(x * x)),
          lambda x: x, (V,), "chain"),
]  # fmt: skip
ODD, EVEN = FAULTS[::2], FAULTS[1::2]  # number 1 is the first
