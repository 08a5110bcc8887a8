"""What `nn.fit` adds to a step: MLP 2-16-16-1 on 100 two-moons points, hinge loss, full batch.

    OMP_NUM_THREADS=1 python benchmarks/nn_fit.py

Microseconds a step, the median of seven turns that alternate: the operations on Tensors written out
by hand; the model and the loss of `nn` in a loop written by hand; `nn.fit`; and `nn.fit` on Values.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

import nn
from autograd import Tensor, zero_grad

RATE = 0.01
X, CLASSES = map(np.array, nn.data.two_moons(100, seed=1))
Y = 2.0 * CLASSES - 1.0


def network(backend: str = "tensor") -> nn.MLP:
    return nn.MLP(2, [16, 16, 1], seed=0, backend=backend)


def by_hand(steps: int) -> float:
    params = [Tensor(np.array(p.data.T, order="C")) for p in network().parameters()]
    column = Y[:, None]
    for _ in range(steps):
        h = X
        for i in range(0, len(params), 2):
            h = h @ params[i] + params[i + 1]
            if i + 2 < len(params):
                h = h.relu()
        loss = (1 - column * h).relu().mean()
        zero_grad(params)
        loss.backward()
        for p in params:
            p.data -= RATE * p.grad
    return loss.item()


def in_a_loop(steps: int) -> float:
    model = network()
    params = model.parameters()
    for _ in range(steps):
        loss = nn.losses.hinge(model(X), Y)
        zero_grad(params)
        loss.backward()
        for p in params:
            p.data -= RATE * p.grad
    return loss.item()


def fit(steps: int, backend: str = "tensor") -> float:
    model = network(backend)
    return nn.fit(model, X, Y, "hinge", "sgd", steps, None, lr=RATE, progress=False).loss[-1]


def on_values(steps: int) -> float:
    return fit(steps, "value")


def microseconds(run: Callable[[int], float], steps: int) -> float:
    start = time.perf_counter()
    run(steps)
    return 1e6 * (time.perf_counter() - start) / steps


def main() -> None:
    runs = {by_hand: 500, in_a_loop: 500, fit: 500, on_values: 3}
    losses = {run(3) for run in runs}
    assert max(losses) - min(losses) < 1e-12  # they do the same
    turns = [{run: microseconds(run, steps) for run, steps in runs.items()} for _ in range(7)]
    for run in runs:
        print(
            f"{run.__name__:<10} {statistics.median(turn[run] for turn in turns):>8.0f} us a step"
        )
    for above, below in ((fit, by_hand), (fit, in_a_loop), (on_values, fit)):
        ratio = statistics.median(turn[above] / turn[below] for turn in turns)
        print(f"{above.__name__} / {below.__name__}: {ratio:.2f}")


if __name__ == "__main__":
    main()
