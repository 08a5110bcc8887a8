"""Sizes of pictures and pages, and the time they take: `python benchmarks/pictures.py`."""

import random
import re
import time

import nn
from autograd import Value, diagnose, draw, nodes, trace


def loss(model, samples):
    """The squared error of a model over random samples."""
    rng = random.Random(0)
    rows = [[rng.random() for _ in range(2)] for _ in range(samples)]
    return nn.losses.mse([model(row) for row in rows], [1.0] * samples)


def size(picture):
    return " x ".join(re.findall(r' (?:width|height)="(\d+)"', picture.svg.partition(">")[0]))


def timed(name, action, told):
    began = time.process_time()
    found = told(action())
    print(f"{name:55} {time.process_time() - began:6.2f} s  {found}")


def main():
    small, moons = nn.MLP(2, [4, 1], seed=0), nn.MLP(2, [16, 16, 1], seed=0)
    tensors = moons.to("tensor")
    timed("draw: MLP 2-4-1 with its loss", lambda: draw(loss(small, 1)), size)
    timed("draw: MLP 2-16-16-1, 100 samples", lambda: draw(loss(moons, 100)), size)
    rows = [[0.1 * k, 1.0] for k in range(100)]
    whole = nn.losses.mse(tensors(rows), [1.0] * 100)
    timed("draw: MLP 2-16-16-1 on Tensors", lambda: draw(whole), size)
    digits = nn.MLP(64, [128, 10], backend="tensor", seed=0)
    timed("draw: the model 64-128-10", lambda: draw(digits), size)
    for model, samples in ((small, 49), (moons, 977)):
        root = loss(model, samples)
        timed(
            f"page of {len(nodes(root)):,} nodes",
            lambda root=root: trace(root).html,
            lambda page: f"{len(page.encode()) / 1e6:.2f} MB",
        )
    x = Value(1.0, label="x")
    total = x
    for k in range(249):
        total = total * Value(1.0 + k / 1e3) + x.sin()
    wrong = {x: 0.123456}
    timed(
        f"diagnose: {len(nodes(total)):,} nodes, nothing explains the claim",
        lambda: diagnose(total, wrong),
        lambda found: f"{len(found.matches)} matches",
    )


if __name__ == "__main__":
    main()
