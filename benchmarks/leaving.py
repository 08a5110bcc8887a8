"""Where others are ahead: steps of growing size here, in CasADi, PyTorch and JAX.

    OMP_NUM_THREADS=1 python benchmarks/leaving.py [nodes] [arrays]

Nodes: the loss of an MLP 2-16-16-1 written in scalars, of 1 to 1,000 points, 656 nodes each, with
its gradient; in brackets what recording or compiling and the first run take. Arrays: a step of an
MLP with two hidden layers, float32. Those that are installed take turns; a figure is the median of
the turns, in milliseconds, on one core.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import contenders
import numpy as np
import tensor_step
from workloads import Moons

NODES = {
    "Value": contenders.EAGER["valuegrad compiled"],
    "replay": contenders.RECORDED["valuegrad replay"],
    "CasADi": contenders.RECORDED["CasADi"],
    "PyTorch, scalars": contenders.EAGER["PyTorch 0-d"],
    "JAX, arrays": contenders.ON_ARRAYS["jax.jit"],
}
SLOW = {"PyTorch, scalars": 100}  # points, beyond which it is left out
ARRAYS = {
    "Tensor": tensor_step.ours, "replay": tensor_step.replayed, "PyTorch": tensor_step.torch,
    "JAX": tensor_step.jax,
}  # fmt: skip


def taken(step: Callable[[], Any], seconds: float = 0.05) -> float:
    """The milliseconds of a call, from as many as fit."""
    count, start = 0, time.perf_counter()
    while not count or time.perf_counter() - start < seconds:
        step()
        count += 1
    return 1e3 * (time.perf_counter() - start) / count


def turns(steps: dict[str, Callable[[], Any]], rounds: int = 9) -> dict[str, float]:
    found = [{name: taken(step) for name, step in steps.items()} for _ in range(rounds)]
    return {name: statistics.median(turn[name] for turn in found) for name in steps}


def row(first: str, names: Any, cells: dict[str, str]) -> None:
    print("|", " | ".join([first, *(cells.get(name, "") for name in names)]), "|", flush=True)


def head(first: str, names: Any) -> None:
    row(first, names, {name: name for name in names})
    print("|---" * (len(names) + 1) + "|")


def nodes() -> None:
    head("nodes: ms a step (first)", NODES)
    for points in (1, 10, 100, 1000):
        work = Moons()
        work.xs, work.signs = (
            np.resize(x, (points, *np.shape(x)[1:])).tolist() for x in (work.xs, work.signs)
        )
        steps, first, losses = {}, {}, {}
        for name, contender in NODES.items():
            if points > SLOW.get(name, points):
                continue
            start = time.perf_counter()
            try:
                steps[name] = contender(work).step
                losses[name] = float(steps[name]()[0])
            except (ImportError, contenders.UnableError) as error:
                print(f"{name}: {error}", file=sys.stderr)
                steps.pop(name, None)
                continue
            first[name] = 1e3 * (time.perf_counter() - start)
        assert max(losses.values()) - min(losses.values()) < 1e-9, losses
        found = turns(steps)
        row(
            f"{656 * points:,}", NODES,
            {name: f"{x:.3g} ({first[name]:.3g})" for name, x in found.items()},
        )  # fmt: skip


def arrays() -> None:
    head("parameters, batch: ms a step", ARRAYS)
    for width in (16, 64, 256, 1024):
        for batch in (16, 256):
            size = f"width {width}"
            tensor_step.WIDTHS[size] = (width, width, width, 10)
            tensor_step.BATCH[size] = batch
            steps, losses = {}, {}
            for name, contender in ARRAYS.items():
                try:
                    steps[name] = contender(size, np.float32)
                except ImportError as error:
                    print(f"{name}: {error}", file=sys.stderr)
                    continue
                losses[name] = steps[name]()
            assert max(losses.values()) - min(losses.values()) < 1e-3, losses
            count = 2 * (width * width + width) + 10 * width + 10
            found = turns(steps)
            row(f"{count:,}, {batch}", ARRAYS, {name: f"{x:.3g}" for name, x in found.items()})


if __name__ == "__main__":
    for task in (nodes, arrays):
        if task.__name__ in sys.argv[1:] or not sys.argv[1:]:
            task()
            print()
