"""A chain of 10^6 nodes: memory a node, and the time to build, sweep and free it.

The peer is bare Python running the same loop on floats. Times are medians of 5 passes in one
process, the two loops taking turns.

    python benchmarks/chain.py [--nodes 1000000] [--no-gc]
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import statistics
import sys
import time
import tracemalloc
from typing import Any

import autograd
from autograd import Value


def chain(x: Any, weight: Any, bias: Any, count: int) -> Any:
    """count operations, each on the result of the one before; the result stays near 1."""
    for _ in range(count // 2):
        x = x * weight
        x = x + bias
    return x


def bare(count: int) -> float:
    start = time.perf_counter()
    chain(1.0, 0.999, 0.001, count)
    return time.perf_counter() - start


def recorded(count: int) -> tuple[float, float, float]:
    """Seconds to build, to go back, to free."""
    x = Value(1.0)
    t0 = time.perf_counter()
    y = chain(x, 0.999, 0.001, count)
    t1 = time.perf_counter()
    y.backward()
    t2 = time.perf_counter()
    del y
    return t1 - t0, t2 - t1, time.perf_counter() - t2


def bytes_per_node(value: Any, count: int) -> tuple[float, float, float]:
    """Bytes a node that tracemalloc sees when built, after backward(), and left when freed."""
    gc.collect()
    gc.disable()
    x = value(1.0)
    tracemalloc.start()
    y = chain(x, 0.999, 0.001, count)
    built = tracemalloc.get_traced_memory()[0]
    with contextlib.suppress(RecursionError):  # micrograd's
        y.backward()
    after = tracemalloc.get_traced_memory()[0]
    del y
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    gc.enable()
    gc.collect()
    return built / count, after / count, left / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--no-gc", action="store_true", help="pause the garbage collector")
    args = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, engine {autograd.engine()}, {args.nodes:,} nodes")
    if args.no_gc:
        gc.disable()
    floats, times = [], []
    for _ in range(5):
        floats.append(bare(args.nodes))
        times.append(recorded(args.nodes))
    base = statistics.median(floats)
    build, back, free = (statistics.median(column) for column in zip(*times, strict=True))
    total = statistics.median(map(sum, times))
    print(f"garbage collector {'off' if args.no_gc else 'on'}")
    print(
        f"bare floats {base:.3f} s; build {build:.3f} s, backward {back:.3f} s, free {free:.3f} s"
    )
    print(f"together {total:.3f} s = {total / base:.1f} times bare Python")
    gc.enable()
    built, after, left = bytes_per_node(Value, args.nodes)
    print(
        f"bytes a node: {built:.0f} built, {after:.0f} after backward, {left:.1f} left when freed"
    )
    try:
        from micrograd.engine import Value as Peer
    except ImportError:
        return
    built, _, left = bytes_per_node(Peer, args.nodes // 10)
    print(f"micrograd: {built:.0f} built, {left:.0f} left when freed (until the collector comes)")


if __name__ == "__main__":
    main()
