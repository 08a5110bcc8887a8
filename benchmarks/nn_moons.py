"""micrograd's demo from start to end: an MLP 2-16-16-1 learns 100 points of two moons.

Full-batch steps with the demo's hinge loss, its L2 term and its falling learning rate, once with
micrograd's own `nn` and once with this project's, from the same first weights and with the same
arithmetic. Python's garbage collector stays on.

    python benchmarks/nn_moons.py --steps 100          (micrograd takes a minute or more)
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import micrograd.nn
from micrograd.engine import Value as MicrogradValue
from two_moons import two_moons

import autograd
import nn

POINTS, ALPHA = 100, 1e-4


def ours(seed: int) -> tuple[Any, Callable[..., Any], Callable[..., None]]:
    """A model, its loss from scores, and one step."""
    model = nn.MLP(2, [16, 16, 1], init="uniform", seed=seed)
    sgd = nn.optim.SGD(model.parameters())

    def loss_of(scores: list[Any], ys: list[int]) -> Any:
        penalty = autograd.sum([p * p for p in model.parameters()])
        return nn.losses.hinge(scores, ys) + ALPHA * penalty

    def step(loss: Any, lr: float) -> None:
        sgd.zero_grad()
        loss.backward()
        sgd.lr = lr
        sgd.step()

    return model, loss_of, step


def theirs(seed: int) -> tuple[Any, Callable[..., Any], Callable[..., None]]:
    """The same on micrograd, written as in its demo."""
    model = micrograd.nn.MLP(2, [16, 16, 1])
    for layer, like in zip(model.layers, ours(seed)[0].layers, strict=True):
        for neuron, weights in zip(layer.neurons, like.weight, strict=True):
            for w, start in zip(neuron.w, weights, strict=True):
                w.data = start.data

    def loss_of(scores: list[Any], ys: list[int]) -> Any:
        losses = [(1 + -yi * score).relu() for yi, score in zip(ys, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        return data_loss + ALPHA * sum(p * p for p in model.parameters())

    def step(loss: Any, lr: float) -> None:
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= lr * p.grad

    return model, loss_of, step


def train(
    make: Callable[[int], Any], kind: Any, steps: int, seed: int
) -> tuple[float, int | None, list[float]]:
    """Seconds, the first step with every point right (None if there is none), the losses."""
    xs, ys = two_moons(POINTS)
    model, loss_of, step = make(seed)
    perfect, losses = None, []
    start = time.perf_counter()
    for k in range(steps):
        scores = [model([kind(x) for x in point]) for point in xs]
        loss = loss_of(scores, ys)
        right = sum((y > 0) == (score.data > 0) for y, score in zip(ys, scores, strict=True))
        if right == POINTS and perfect is None:
            perfect = k
        step(loss, 1.0 - 0.9 * k / 100)
        losses.append(loss.data)
    return time.perf_counter() - start, perfect, losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print(f"engine {autograd.engine()}")
    runs = {}
    for name, make, kind in (
        ("valuegrad", ours, autograd.Value),
        ("micrograd", theirs, MicrogradValue),
    ):
        seconds, perfect, losses = runs[name] = train(make, kind, args.steps, args.seed)
        print(f"{name}: {seconds:.2f} s, all {POINTS} points right from step {perfect}, "
              f"loss {losses[0]:.6f} → {losses[-1]:.6f}", flush=True)  # fmt: skip
    ratio = runs["valuegrad"][0] / runs["micrograd"][0]
    print(f"valuegrad's time / micrograd's: {ratio:.3f}")
    pairs = zip(runs["valuegrad"][2], runs["micrograd"][2], strict=True)
    print(f"largest difference of two losses at one step: {max(abs(a - b) for a, b in pairs):.1e}")


if __name__ == "__main__":
    main()
