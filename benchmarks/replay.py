"""What autograd.compile costs: recording, a replay, many lanes, memory. Ours only; see engines.py.

Nodes are those of the eager graph, whatever the rewrites make of them.

    python benchmarks/replay.py
    AUTOGRAD_PURE=1 python benchmarks/replay.py      the pure engine, and NumPy for the loops
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from workloads import POINTS, Moons, Names

import autograd
from autograd import Value
from autograd.replaying.kernels import native


def seconds(work: Callable[[], Any], times: int, calls: int = 1) -> float:
    """The median of several runs of some calls, for one call."""
    taken = []
    work()
    for _ in range(times):
        start = time.perf_counter()
        for _ in range(calls):
            work()
        taken.append((time.perf_counter() - start) / calls)
    return median(taken)


def one_step(work: Any, times: int) -> None:
    """The whole step: eager, recorded, replayed with parameters as arguments and as leaves."""
    leaves, on_leaves = work.parameters(Value), work.step(Value)

    def eager() -> Any:
        loss = on_leaves(leaves)
        loss.backward()
        return loss

    nodes = len(autograd.nodes(eager()))
    params = work.parameters(float)
    f, args = work.step(float), (params,)
    if isinstance(work, Moons):
        f, args = work.loss, (params, work.xs, work.signs)

    def record() -> Any:
        step = autograd.compile(f)
        step.value_and_grad(*args)
        return step

    step, closed = record(), autograd.compile(lambda: on_leaves(leaves))
    one_pass, recording = seconds(eager, times), seconds(record, times)
    calls = 20 if native else 1
    replay = seconds(lambda: step.value_and_grad(*args), times, calls)
    leaf = seconds(closed.backward, times, calls)
    (recorded,) = step.recordings
    program = recorded.machine(step._shelf.kept[0].form.wanted).program
    kept = program.nbytes + sum(getattr(part, "nbytes", 0) for part in recorded.tape)
    print(f"{work.name}: {nodes:,} nodes, {len(program.loops)} loops on {program.slots:,} slots")
    print(
        f"  eager pass          {one_pass * 1e3:9.2f} ms   {one_pass / nodes * 1e9:7.2f} ns a node"
    )
    print(f"  recording and once  {recording * 1e3:9.2f} ms   {recording / one_pass:7.2f} passes")
    for what, taken in (("arguments", replay), ("leaves", leaf)):
        per = taken / nodes * 1e9
        print(f"  replay, {what:11} {taken * 1e3:9.3f} ms   {per:7.2f} ns a node")
    print(f"  memory              {kept / 1e6:9.2f} MB   {kept / nodes:7.1f} bytes a node")


def lanes(work: Moons, times: int) -> None:
    """100 points as lanes of one point's loss; and 100 whole steps, each with its own numbers."""
    params = work.parameters(float)
    point = autograd.compile(lambda params, x, sign: work.loss(params, [x], [sign]))
    one = [params, work.xs[0], work.signs[0]]
    nodes = len(autograd.nodes(work.loss(work.parameters(Value), [one[1]], [one[2]])))
    xs, signs = np.array(work.xs), np.array(work.signs)
    taken = seconds(lambda: point.batch(params, xs, signs, in_axes=(None, 0, 0)), times, 20)
    report("a point a lane", taken, nodes * POINTS)
    flat = np.array(work.flat(params))
    many = flat + 0.01 * np.random.default_rng(0).normal(size=(POINTS, len(flat)))

    def loss(flat: Any) -> Any:
        numbers = iter(flat)
        return work.loss(work.parameters(lambda _: next(numbers)), work.xs, work.signs)

    step = autograd.compile(loss)
    whole = len(autograd.nodes(work.step(Value)(work.parameters(Value))))
    report("a step a lane", seconds(lambda: step.batch(many), times), whole * POINTS)


def report(what: str, taken: float, node_lanes: int) -> None:
    print(f"  {what:19} {taken * 1e3:9.3f} ms   {taken / node_lanes * 1e9:7.2f} ns a node-lane")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=9)
    times = parser.parse_args().times
    print(f"engine {autograd.engine()}; loops in {'C' if native else 'NumPy'}; medians of {times}")
    for work in (Moons(), Names()):
        one_step(work, times)
    print(f"moons, {POINTS} lanes")
    lanes(Moons(), times)


if __name__ == "__main__":
    main()
