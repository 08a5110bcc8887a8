"""Handwritten digits (8 x 8, bundled with scikit-learn): a plain and a convolutional network.

    OMP_NUM_THREADS=1 python benchmarks/digits.py            # accuracy and seconds of training
    OMP_NUM_THREADS=1 python benchmarks/digits.py --memory   # after 10 and after 1,000 steps
    OMP_NUM_THREADS=1 python benchmarks/digits.py --replay   # seconds replayed : seconds eager

A fifth of the 1,797 digits is held out for the accuracy. The memory is measured with Python's
garbage collector switched off, so what a step leaves behind would pile up. Before each measurement
it is called once: it must find nothing, and empties the interpreter's own lists of spare objects.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
import time
import tracemalloc
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nn
from autograd import no_grad

WANTED = 0.97
STEPS = (10, 1000)  # after which the memory is measured


def mlp(seed: int) -> nn.Module:
    return nn.MLP(64, [128, 10], seed=seed, backend="tensor", dtype="float32")


def convolutional(seed: int) -> nn.Module:
    def settings(i: int) -> dict[str, Any]:
        return {"seed": 3 * seed + i, "dtype": "float32"}

    return nn.Sequential(
        nn.Conv2d(1, 16, 3, "relu", padding=1, **settings(0)),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, "relu", padding=1, **settings(1)),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Layer(128, 10, backend="tensor", **settings(2)),
    )


# how it is made, the shape of a sample, the epochs, the first learning rate
NETWORKS = {
    "MLP 64-128-10": (mlp, (64,), 30, 0.005),
    "convolutional": (convolutional, (1, 8, 8), 10, 0.01),
}


def data(shape: tuple[int, ...], seed: int) -> Any:
    """(images to learn from, images held out, their digits, the digits held out)."""
    images, digits = load_digits(return_X_y=True)
    images = (images / 16).astype("float32").reshape(-1, *shape)
    return train_test_split(images, digits, test_size=0.2, random_state=seed, stratify=digits)


def train(name: str, seed: int, **settings: Any) -> float:
    """Train a network, say how well and how fast, and return the seconds."""
    make, shape, epochs, lr = NETWORKS[name]
    images, held, digits, truth = data(shape, seed)
    model = make(seed)
    start = time.perf_counter()
    history = nn.fit(
        model, images, digits, "cross_entropy", "adam", epochs, batch_size=32, lr=lr,
        schedule=nn.optim.cosine(epochs), seed=seed, progress=False, **settings,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    with no_grad():
        accuracy = float((model(held).data.argmax(axis=1) == truth).mean())
    mark = "" if accuracy >= WANTED and seconds < 5 else "   MISSED"
    print(f"{name:<14} seed {seed}: {accuracy:.1%} in {seconds:.2f} s, {history.iterations} steps, "
          f"{1e6 * seconds / history.iterations:.0f} us each{mark}")  # fmt: skip
    return seconds


def replayed(name: str, seeds: int) -> None:
    """The time of training replayed, as a ratio of that of training eager, in turns."""
    ratios = [train(name, i, compile=True) / train(name, i, compile=False) for i in range(seeds)]
    print(f"{name:<14} replayed : eager {statistics.median(ratios):.2f}, {sorted(ratios)}")


def resident() -> int:
    """Bytes of memory that the process has now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def memory(name: str) -> None:
    """What is allocated, and resident, after 10 and after 1,000 steps."""
    make, shape, _, _ = NETWORKS[name]
    images, _, digits, _ = data(shape, 0)
    model = make(0)
    adam = nn.optim.Adam(model.parameters())
    gc.collect()
    gc.disable()
    tracemalloc.start()
    found = {}
    rng = np.random.default_rng(0)
    for step in range(1, STEPS[-1] + 1):
        chosen = rng.integers(0, len(images), 32)
        loss = nn.losses.cross_entropy(model(images[chosen]), digits[chosen])
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step in STEPS:
            del loss, chosen
            unreachable = gc.collect()
            found[step] = tracemalloc.get_traced_memory()[0], resident(), unreachable
    tracemalloc.stop()
    gc.enable()
    for step, (traced, rss, unreachable) in found.items():
        print(f"{name:<14} after {step:>5,} steps {traced:>9,} bytes, {rss / 2**20:.1f} MiB "
              f"resident, {unreachable} objects that only the collector would find")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--memory", action="store_true", help="memory instead of accuracy")
    parser.add_argument("--replay", action="store_true", help="replayed beside eager")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    for name in NETWORKS:
        if args.memory:
            memory(name)
        elif args.replay:
            replayed(name, args.seeds)
        else:
            for seed in range(args.seeds):
                train(name, seed)


if __name__ == "__main__":
    main()
