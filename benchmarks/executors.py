"""From what cost of f `map_gradients` pays: steps by processes beside the same steps in one.

    OMP_NUM_THREADS=1 python benchmarks/executors.py [--rounds 40] [--dask]

A step is one call of f and of its gradient for each worker, f a chain of matrix products that takes
the milliseconds in the first column. Serial steps, steps by `map_gradients` and by
`executor.submit` alone take turns. On a machine that others use, the least of many turns is nearer
to what it can do than the median. The ratio "by processor time" is that of the serial steps over
that of the longest way of the others, through this process and its busiest worker: an idle machine
comes near to it. Then the overhead a step: f is one product, and the weights are two numbers or a
million.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from autograd import map_gradients, value_and_grad

COSTS = (0.1, 0.3, 1.0, 3.0, 10.0, 50.0)  # milliseconds
WORKERS = (1, 2, 4)


WEIGHTS = np.full(1, 0.5)  # an array, so that f computes with Tensors
MATRIX = np.random.default_rng(0).normal(size=(100, 100)) / 10.0


def chain(w: Any, x: float, length: int) -> Any:
    layer = x * w * MATRIX
    for _ in range(length):
        layer = np.tanh(layer @ MATRIX)
    return layer.sum()


def product(w: Any, x: float) -> Any:
    return w["a"] * x if isinstance(w, dict) else (w * x).sum()


def milliseconds(step: Callable[[Any], Any], weights: Any, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        step(weights)
    return 1e3 * (time.perf_counter() - start) / calls


def chain_and_slope(x: float, length: int) -> Any:
    return value_and_grad(chain)(WEIGHTS, x, length)


def processor_time(step: Callable[[Any], Any], executor: Any, calls: int) -> float:
    """The seconds of this process and of the busiest worker; the system counts in hundredths."""

    def of_workers() -> list[float]:
        texts = [Path(f"/proc/{pid}/stat").read_text() for pid in sorted(executor._processes)]
        fields = [text.rpartition(")")[2].split() for text in texts]
        return [(int(x[11]) + int(x[12])) / os.sysconf("SC_CLK_TCK") for x in fields]

    before, start = of_workers(), time.process_time()
    for _ in range(calls):
        step(WEIGHTS)
    here = time.process_time() - start
    return here + max(b - a for a, b in zip(before, of_workers(), strict=True))


def length_for(cost: float) -> int:
    """How long a chain takes so many milliseconds."""
    step = map_gradients(chain, [(1.1, 10)])
    each = min(milliseconds(step, WEIGHTS, 3) for _ in range(20)) / 10
    return max(round(cost / each), 1)


def compare(workers: int, cost: float, executor: Any, rounds: int) -> None:
    batches = [(1.1 + i / 100, length_for(cost)) for i in range(workers)]
    serial, spread = map_gradients(chain, batches), map_gradients(chain, batches, executor=executor)
    assert serial(WEIGHTS) == spread(WEIGHTS)

    def bare(weights: Any) -> list[Any]:
        futures = [executor.submit(chain_and_slope, *batch) for batch in batches]
        return [future.result() for future in futures]

    calls = max(round(20 / cost / workers), 1)
    steps = serial, spread, bare
    turns = [[milliseconds(step, WEIGHTS, calls) for step in steps] for _ in range(rounds)]
    columns = list(zip(*turns, strict=True))
    least, median = map(min, columns), map(statistics.median, columns)
    (a, b, c), (d, e, _) = least, median
    repeats = max(round(2000 / cost / workers), 1)
    alone = processor_time(serial, executor, repeats)
    ratio = alone / processor_time(spread, executor, repeats)
    print(
        f"| {cost:g} | {a:.2f} | {b:.2f} | {a / b:.2f} | {a / c:.2f} | {d / e:.2f} | {ratio:.2f} |",
        flush=True,
    )


def overhead(name: str, workers: int, executor: Any, rounds: int) -> None:
    found = []
    for weights in ({"a": 0.5, "b": 0.5}, np.full(1_000_000, 0.5)):
        step = map_gradients(product, [(1.0,)] * workers, executor=executor)
        step(weights)
        calls = 3 if len(weights) > 2 else 50
        found.append(statistics.median(milliseconds(step, weights, calls) for _ in range(rounds)))
    print(f"| {name} | {workers} | {found[0]:.2f} | {found[1]:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--dask", action="store_true", help="a LocalCluster of two workers too")
    told = parser.parse_args()
    print(
        "| f, ms | serial, ms a step, least | spread, least | times faster: least of both |", end=""
    )
    print(" `submit` alone | medians of both | by processor time |\n" + "|---" * 7 + "|")
    with ProcessPoolExecutor(2) as executor:
        for cost in COSTS:
            compare(2, cost, executor, told.rounds)
    print("\n| overhead, ms a step | workers | two numbers | a million |\n|---|---|---|---|")
    for workers in WORKERS:
        with ProcessPoolExecutor(workers) as executor:
            overhead("processes", workers, executor, told.rounds)
    if told.dask:
        from distributed import Client

        with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
            overhead("Dask", 2, client.get_executor(), told.rounds)


if __name__ == "__main__":
    main()
