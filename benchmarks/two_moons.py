"""One training step of micrograd's demo, on micrograd's Value and on this project's.

The same source runs on both: an MLP 2-16-16-1 of relu units written on plain Values, the hinge loss
over all points, L2 regularisation, backward(). Python's garbage collector stays on.

    python benchmarks/two_moons.py --points 100          (add --fast for a quick look)
"""

from __future__ import annotations

import math
import random
from functools import partial
from typing import Any

import pyperf
from micrograd.engine import Value as MicrogradValue

import autograd


def two_moons(points: int, seed: int = 1337) -> tuple[list[tuple[float, float]], list[int]]:
    """Points of two interleaved half circles with noise 0.1, and their classes -1 and 1."""
    rng = random.Random(seed)
    xs, ys = [], []
    for i in range(points):
        angle = rng.uniform(0.0, math.pi)
        x, y = math.cos(angle), math.sin(angle)
        if i % 2:
            x, y = 1.0 - x, 0.5 - y
        xs.append((x + rng.gauss(0.0, 0.1), y + rng.gauss(0.0, 0.1)))
        ys.append(1 if i % 2 else -1)
    return xs, ys


class MLP:
    """micrograd's network on any Value: weights uniform in (-1, 1), biases 0, relu inside."""

    def __init__(self, value: Any, sizes: list[int], seed: int = 1) -> None:
        rng = random.Random(seed)
        lasts = [False] * (len(sizes) - 2) + [True]
        self.layers = [
            [
                ([value(rng.uniform(-1, 1)) for _ in range(n_in)], value(0), not last)
                for _ in range(n_out)
            ]
            for n_in, n_out, last in zip(sizes, sizes[1:], lasts, strict=False)
        ]

    def parameters(self) -> list[Any]:
        return [p for layer in self.layers for w, b, _ in layer for p in [*w, b]]

    def __call__(self, x: list[Any]) -> Any:
        for layer in self.layers:
            out = []
            for weights, bias, is_relu in layer:
                act = sum((wi * xi for wi, xi in zip(weights, x, strict=True)), bias)
                out.append(act.relu() if is_relu else act)
            x = out
        return x[0]


def step(value: Any, model: MLP, xs: list[tuple[float, float]], ys: list[int]) -> float:
    """Forward, loss, backward: the loss."""
    scores = [model([value(x) for x in point]) for point in xs]
    losses = [(1 + -y * score).relu() for y, score in zip(ys, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    loss = data_loss + 1e-4 * sum(p * p for p in model.parameters())
    for p in model.parameters():
        p.grad = 0.0
    loss.backward()
    return loss.data


def main() -> None:
    def pass_on(command: list[str], args: Any) -> None:
        command += ["--points", str(args.points)]

    runner = pyperf.Runner(processes=3, values=3, warmups=1, loops=1, add_cmdline_args=pass_on)
    runner.argparser.add_argument("--points", type=int, default=100)
    args = runner.parse_args()
    xs, ys = two_moons(args.points)
    medians = {}
    for name, value in (("micrograd", MicrogradValue), ("valuegrad", autograd.Value)):
        model = MLP(value, [2, 16, 16, 1])
        work = partial(step, value, model, xs, ys)
        result = runner.bench_func(f"{name}, {args.points} points", work)
        if result is not None and not args.worker:
            medians[name] = result.median()
    if len(medians) == 2:
        print(f"engine {autograd.engine()}; same loss to the last digit: {_losses_agree(xs, ys)}")
        for name, seconds in medians.items():
            print(f"median {name}: {seconds:.4f} s")
        print(f"ratio micrograd / valuegrad: {medians['micrograd'] / medians['valuegrad']:.2f}")


def _losses_agree(xs: list[tuple[float, float]], ys: list[int]) -> bool:
    found = {step(v, MLP(v, [2, 16, 16, 1]), xs, ys) for v in (MicrogradValue, autograd.Value)}
    return len(found) == 1


if __name__ == "__main__":
    main()
