"""One training step on arrays: this engine beside hand-written NumPy, and beside the peers.

    python benchmarks/tensor_step.py              # this engine and NumPy
    python benchmarks/tensor_step.py torch        # a peer, in an environment that has it

Each line is the median of a run, in microseconds, for one step of stochastic gradient descent.
Peers: torch, jax, mygrad, hips.
"""

from __future__ import annotations

import statistics
import sys
import time
from itertools import pairwise
from typing import Any

import numpy as np

WIDTHS = {"moons": (2, 16, 16, 1), "digits": (784, 128, 10)}
BATCH = {"moons": 100, "digits": 64}
RATE = 0.01


def problem(name: str, dtype: Any) -> tuple[list[Any], Any, Any]:
    """Weights and biases, inputs, and targets."""
    rng = np.random.default_rng(0)
    widths = WIDTHS[name]
    params = []
    for n, m in pairwise(widths):
        params.append((rng.standard_normal((n, m)) / np.sqrt(n)).astype(dtype))
        params.append(np.zeros(m, dtype))
    x = rng.standard_normal((BATCH[name], widths[0])).astype(dtype)
    if name == "moons":
        return params, x, np.sign(rng.standard_normal((BATCH[name], 1))).astype(dtype)
    return params, x, rng.integers(0, widths[-1], BATCH[name])


def by_hand(name: str, dtype: Any) -> Any:
    params, x, y = problem(name, dtype)
    rows = np.arange(len(x))

    def step() -> float:
        hidden = [x]
        for i in range(0, len(params), 2):
            z = hidden[-1] @ params[i] + params[i + 1]
            hidden.append(np.maximum(z, 0) if i + 2 < len(params) else z)
        scores = hidden.pop()
        if name == "moons":
            margin = np.maximum(1 - y * scores, 0)
            loss = margin.mean()
            g = -y * (margin > 0) / margin.size
        else:
            shifted = scores - scores.max(axis=1, keepdims=True)
            logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            loss = -logs[rows, y].mean()
            g = np.exp(logs)
            g[rows, y] -= 1
            g /= len(x)
        for i in range(len(params) - 2, -1, -2):
            h = hidden.pop()
            grad_w, grad_b = h.T @ g, g.sum(axis=0)
            if i:
                g = (g @ params[i].T) * (h > 0)
            params[i] -= RATE * grad_w
            params[i + 1] -= RATE * grad_b
        return float(loss)

    return step


def ours(name: str, dtype: Any) -> Any:
    from autograd import Tensor, zero_grad

    arrays, x, y = problem(name, dtype)
    params = [Tensor(p) for p in arrays]
    rows = np.arange(len(x))

    def step() -> float:
        h = x
        for i in range(0, len(params), 2):
            h = h @ params[i] + params[i + 1]
            if i + 2 < len(params):
                h = h.relu()
        hinge = name == "moons"
        loss = (1 - y * h).relu().mean() if hinge else -h.log_softmax(1)[rows, y].mean()
        zero_grad(params)
        loss.backward()
        for p in params:
            p.data -= RATE * p.grad
        return loss.item()

    return step


def torch(name: str, dtype: Any) -> Any:
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    arrays, x, y = problem(name, dtype)
    params = [torch.tensor(p, requires_grad=True) for p in arrays]
    x, y = torch.tensor(x), torch.tensor(y)
    optimizer = torch.optim.SGD(params, lr=RATE)

    def step() -> float:
        h = x
        for i in range(0, len(params), 2):
            h = h @ params[i] + params[i + 1]
            if i + 2 < len(params):
                h = h.relu()
        loss = (1 - y * h).relu().mean() if name == "moons" else functional.cross_entropy(h, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def jax(name: str, dtype: Any) -> Any:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", dtype == np.float64)
    arrays, x, y = problem(name, dtype)

    def loss_of(params: Any, x: Any, y: Any) -> Any:
        h = x
        for i in range(0, len(params), 2):
            h = h @ params[i] + params[i + 1]
            if i + 2 < len(params):
                h = jax.nn.relu(h)
        if name == "moons":
            return jax.nn.relu(1 - y * h).mean()
        return -jax.nn.log_softmax(h)[jnp.arange(len(x)), y].mean()

    @jax.jit
    def update(params: Any, x: Any, y: Any) -> Any:
        loss, g = jax.value_and_grad(loss_of)(params, x, y)
        return loss, [p - RATE * d for p, d in zip(params, g, strict=True)]

    state = [[jnp.asarray(p) for p in arrays]]
    x, y = jnp.asarray(x), jnp.asarray(y)

    def step() -> float:
        loss, state[0] = update(state[0], x, y)
        return float(loss)

    return step


def mygrad(name: str, dtype: Any) -> Any:
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    arrays, x, y = problem(name, dtype)
    params = [mg.tensor(p) for p in arrays]

    def step() -> float:
        h: Any = x
        for i in range(0, len(params), 2):
            h = mg.matmul(h, params[i]) + params[i + 1]
            if i + 2 < len(params):
                h = relu(h)
        loss = mg.mean(relu(1 - y * h)) if name == "moons" else softmax_crossentropy(h, y)
        loss.backward()
        for p in params:
            p.data -= RATE * p.grad
        return float(loss.item())

    return step


def hips(name: str, dtype: Any) -> Any:
    import autograd.numpy as anp

    from autograd import value_and_grad

    params, x, y = problem(name, dtype)
    rows = np.arange(len(x))

    def loss_of(params: Any) -> Any:
        h = x
        for i in range(0, len(params), 2):
            h = anp.dot(h, params[i]) + params[i + 1]
            if i + 2 < len(params):
                h = anp.maximum(h, 0)
        if name == "moons":
            return anp.mean(anp.maximum(1 - y * h, 0))
        h = h - anp.max(h, axis=1, keepdims=True)
        return -anp.mean((h - anp.log(anp.sum(anp.exp(h), axis=1, keepdims=True)))[rows, y])

    both = value_and_grad(loss_of)

    def step() -> float:
        loss, g = both(params)
        for p, d in zip(params, g, strict=True):
            p -= RATE * d
        return float(loss)

    return step


def median_of(step: Any, seconds: float = 2.0) -> float:
    """The median time of a step in microseconds, after a warm-up."""
    for _ in range(20):
        step()
    times, stop = [], time.perf_counter() + seconds
    while time.perf_counter() < stop:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return 1e6 * statistics.median(times)


def main() -> None:
    chosen = sys.argv[1:] or ["by_hand", "ours"]
    for name, dtypes in {"moons": [np.float64], "digits": [np.float64, np.float32]}.items():
        for dtype in dtypes:
            for who in chosen:
                step = globals()[who](name, dtype)
                first = step()
                micros = median_of(step)
                print(
                    f"{name:7} {np.dtype(dtype).name} {who:8} {micros:8.0f} us   loss {first:.6f}"
                )


if __name__ == "__main__":
    main()
