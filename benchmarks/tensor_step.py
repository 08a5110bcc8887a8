"""One training step on arrays: this engine beside hand-written NumPy, and beside the peers.

    OMP_NUM_THREADS=1 python benchmarks/tensor_step.py              # NumPy by hand, this engine
    OMP_NUM_THREADS=1 python benchmarks/tensor_step.py torch jax    # and peers that are installed
    OMP_NUM_THREADS=1 python benchmarks/tensor_step.py scalar memory # Values; and bytes

All run in one process and take turns, some steps each; a figure is the median over all turns, in
microseconds for one step of stochastic gradient descent, and a ratio is the median of the ratios
turn by turn. Peers: torch, jax, mygrad, and hips, whose package has this one's name: it is run in
an environment of its own, from another directory, beside `by_hand` alone.
"""

from __future__ import annotations

import statistics
import sys
import time
import tracemalloc
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
    """The step as one writes it in NumPy, gradients worked out on paper."""
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


def network(name: str, params: Any, x: Any, y: Any) -> Any:
    """The loss of the network in Tensors."""
    h = x
    for i in range(0, len(params), 2):
        h = h @ params[i] + params[i + 1]
        if i + 2 < len(params):
            h = h.relu()
    hinge = name == "moons"
    return (1 - y * h).relu().mean() if hinge else -h.log_softmax(1)[np.arange(len(y)), y].mean()


def ours(name: str, dtype: Any) -> Any:
    from autograd import Tensor, zero_grad

    arrays, x, y = problem(name, dtype)
    params = [Tensor(p) for p in arrays]

    def step() -> float:
        loss = network(name, params, x, y)
        zero_grad(params)
        loss.backward()
        for p in params:
            p.data -= RATE * p.grad
        return loss.item()

    return step


def replayed(name: str, dtype: Any) -> Any:
    """The same source, compiled: recorded once, and run into buffers that are kept."""
    from autograd import Tensor, compile

    arrays, x, y = problem(name, dtype)
    params = [Tensor(p) for p in arrays]
    weights = [p.data for p in params]
    replay = compile(lambda x, y: network(name, params, x, y))

    def step() -> float:
        loss, gradients = replay.value_and_grad(x, y, wrt=params)
        for w, g in zip(weights, gradients, strict=True):
            w -= RATE * g
        return loss

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


def scalar(name: str, dtype: Any) -> Any:
    """The same network on Values, a number at a time."""
    from autograd import Value, dot, mean, relu, zero_grad

    arrays, x, y = problem(name, dtype)
    layers = [
        ([[Value(v) for v in column] for column in w.T.tolist()], [Value(v) for v in b.tolist()])
        for w, b in zip(arrays[::2], arrays[1::2], strict=True)
    ]
    params = [p for columns, biases in layers for row in (*columns, biases) for p in row]
    samples, signs = x.tolist(), y[:, 0].tolist()

    def score(h: Any) -> Any:
        for i, (columns, biases) in enumerate(layers):
            h = [dot(h, w) + b for w, b in zip(columns, biases, strict=True)]
            if i + 1 < len(layers):
                h = [relu(v) for v in h]
        return h[0]

    def step() -> float:
        loss = mean([relu(1 - s * score(h)) for h, s in zip(samples, signs, strict=True)])
        zero_grad(params)
        loss.backward()
        for p in params:
            p.data -= RATE * p.grad
        return loss.data

    return step


def memory() -> None:
    """What one recorded operation takes beside its array, in bytes."""
    from autograd import Tensor

    n = 10_000
    x = Tensor(np.ones(1))
    for operation in ("x + x", "x.exp()", "x.sum(0, True)", "x @ x", "x[0:1]"):
        record = eval(f"lambda x: {operation}")
        tracemalloc.start()
        kept = [record(x) for _ in range(n)]
        whole = tracemalloc.get_traced_memory()[0] - sys.getsizeof(kept)
        tracemalloc.stop()
        arrays = sum(sys.getsizeof(t.data.base) + t.data.nbytes for t in kept)
        print(f"memory  {operation:15} {(whole - arrays) / n:6.0f} bytes, and an array")


def measure(name: str, dtype: Any, chosen: list[str], turns: int = 40) -> None:
    """Let everybody take turns, and print medians and ratios."""
    big = np.empty(4_000_000)  # glibc gives large arrays back to the system, and pays for every
    del big  # page when it takes them again, until it has once seen a larger one go
    steps = {who: globals()[who](name, dtype) for who in chosen}
    first = {who: step() for who, step in steps.items()}
    times: dict[str, list[float]] = {who: [] for who in chosen}
    for _ in range(turns):
        for who, step in steps.items():
            times[who].append(turn(step, 1 if who == "scalar" else 25))
    for who in chosen:
        ratios = [a / b for a, b in zip(times[who], times[chosen[0]], strict=True)]
        micros, ratio = statistics.median(times[who]), statistics.median(ratios)
        print(
            f"{name:6} {np.dtype(dtype).name} {who:8} {1e6 * micros:8.0f} us  "
            f"{ratio:7.2f} x {chosen[0]}   loss {first[who]:.6f}"
        )


def turn(step: Any, steps: int) -> float:
    """The median time of some steps, after a few to get warm again."""
    times = []
    for k in range(steps + steps // 5):
        start = time.perf_counter()
        step()
        if k >= steps // 5:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    chosen = [who for who in sys.argv[1:] if who != "memory"]
    if "by_hand" not in chosen:
        chosen = ["by_hand", *([] if "hips" in chosen else ["ours", "replayed"]), *chosen]
    for name, dtypes in {"moons": [np.float64], "digits": [np.float64, np.float32]}.items():
        for dtype in dtypes:
            measure(name, dtype, [who for who in chosen if name == "moons" or who != "scalar"])
    if "memory" in sys.argv:
        memory()


if __name__ == "__main__":
    main()
