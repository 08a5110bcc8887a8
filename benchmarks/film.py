"""What a film costs: `nn.fit(watch=True)` over `nn.fit`, MLP 2-16-16-1 on 100 two-moons points.

    OMP_NUM_THREADS=1 python benchmarks/film.py

Microseconds an iteration without a film, the medians of the ratios with one and, for the noise, of
the same twice without; then seconds to compute the page, and its size.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import nn

X, Y = nn.data.two_moons(100, seed=1)
TURNS = 15
CASES: dict[str, dict[str, Any]] = {
    "Tensors, batch 20": {"backend": "tensor", "batch_size": 20, "epochs": 60},
    "Tensors, batch 1": {"backend": "tensor", "batch_size": 1, "epochs": 6},
    "Values replayed, batch 20": {"batch_size": 20, "epochs": 30},
    "Values replayed, batch 1": {"batch_size": 1, "epochs": 6},
    "Values eager, batch 20": {"compile": False, "batch_size": 20, "epochs": 6},
    "Values eager, batch 1": {"compile": False, "batch_size": 1, "epochs": 6},
}


def seconds(watch: bool, backend: str = "value", **settings: Any) -> float:
    model = nn.MLP(2, [16, 16, 1], seed=0, backend=backend)
    start = time.process_time()
    nn.fit(model, X, Y, "bce_with_logits", seed=0, progress=False, watch=watch, **settings)
    return time.process_time() - start


def main() -> None:
    for name, settings in CASES.items():
        turns = [
            [seconds(watch, **settings) for watch in (False, True, False)] for _ in range(TURNS)
        ]
        iterations = settings["epochs"] * -(-100 // settings["batch_size"])
        alone = 1e6 * statistics.median(a for a, *_ in turns) / iterations
        ratio = statistics.median(2 * b / (a + c) for a, b, c in turns)
        same = statistics.median(c / a for a, _, c in turns)
        print(f"{name:<26}{alone:>6.0f} us, with a film {ratio:.3f} times (without, {same:.3f})")
    model = nn.MLP(2, [16, 16, 1], seed=0)
    history = nn.fit(model, X, Y, "bce_with_logits", progress=False, watch=True)
    start = time.process_time()
    page = history.play().html
    taken = time.process_time() - start
    print(f"page of 200 frames: {taken:.2f} s, {len(page) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
