"""Sparse Hessians of the chained Rosenbrock function, by the number of its arguments.

    python benchmarks/sparse_hessians.py
    AUTOGRAD_PURE=1 python benchmarks/sparse_hessians.py

Seconds of processor time, medians of seven; the dense Hessian is beside it where it fits.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import autograd
from autograd.optimize import sparse_hessian


def chain(x: Any) -> Any:
    return autograd.sum([100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x)])


def seconds(f: Callable[[Any], Any], x: Any, rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        f(x)
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def main() -> None:
    print(f"| arguments | sparse, s ({autograd.engine()}) | dense, s |\n|---|---|---|")
    for n in (100, 1000, 10_000, 100_000):
        x = np.random.default_rng(0).normal(size=n).tolist()
        dense = f"{seconds(autograd.hessian(chain), x, 1):.3g}" if n <= 1000 else "–"
        print(f"| {n:,} | {seconds(sparse_hessian(chain), x, 7):.3g} | {dense} |", flush=True)


if __name__ == "__main__":
    main()
