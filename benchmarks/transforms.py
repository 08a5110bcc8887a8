"""What `grad`, `jacobian` and `hessian` cost, in times of recording and `backward()`, and of HIPS.

    python benchmarks/transforms.py
    python benchmarks/transforms.py --hips /path/to/another/venv/bin/python

Medians, with all contenders taking turns, in milliseconds of wall time. HIPS autograd has the name
of this package, so that it has an interpreter of its own, and times itself when it is told to.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy

RNG = numpy.random.default_rng(0)
A, B = RNG.normal(size=(250, 8)), RNG.normal(size=(200, 30))
AT, BT = RNG.normal(size=8) / 4.0, RNG.normal(size=30) / 10.0
CAMERA = [0.1, -0.2, 0.3, 0.5, 0.1, -0.4, 1.2, 0.3, -0.2, 0.05, 0.02, 0.7, -0.3, 2.0, 0.9]
NODES = 600_000


def rotated(turn: list[Any], x: list[Any], np: Any) -> list[Any]:
    """A point turned about an axis by the length of it (Rodrigues)."""
    angle = np.sqrt(turn[0] * turn[0] + turn[1] * turn[1] + turn[2] * turn[2])
    u = [t / angle for t in turn]
    along = (u[0] * x[0] + u[1] * x[1] + u[2] * x[2]) * (1.0 - np.cos(angle))
    sine, cosine = np.sin(angle), np.cos(angle)
    cross = [u[i - 2] * x[i - 1] - u[i - 1] * x[i - 2] for i in range(3)]
    return [x[i] * cosine + cross[i] * sine + u[i] * along for i in range(3)]


def projected(p: Any, np: Any) -> list[Any]:
    """Where a camera of eleven numbers sees a point, and the weight of that: bundle adjustment."""
    point = [p[11 + i] - p[3 + i] for i in range(3)]
    x, y, z = rotated([p[0], p[1], p[2]], point, np)
    x, y = x / z, y / z
    square = x * x + y * y
    lens = 1.0 + square * (p[9] + square * p[10])
    return [p[14] * (x * lens * p[6] + p[7]), p[14] * (y * lens * p[6] + p[8]), 1.0 - p[14] * p[14]]


def of_arrays(np: Any, jacobian: Any, hessian: Any) -> dict[str, Callable[[], Any]]:
    """The workloads that both packages are given."""
    rows = jacobian(lambda w: np.tanh(np.dot(A, w)))
    curved = hessian(lambda w: np.sum(np.log(1.0 + np.exp(np.dot(B, w)))))
    camera = jacobian(lambda p: np.stack(projected(p, np)))
    return {
        "jacobian, 250 x 8": lambda: rows(AT),
        "hessian, 30 x 30": lambda: curved(BT),
        "bundle adjustment, arrays": lambda: camera(numpy.array(CAMERA)),
    }


def chain(xs: list[Any]) -> Any:
    """A number of 600,000 nodes, from 500."""
    total: Any = 0.1
    for _ in range(NODES // 2 // len(xs)):
        for x in xs:
            total = (total * x).tanh()
    return total


def ours() -> dict[str, Callable[[], Any]]:
    import autograd as ag

    found = of_arrays(numpy, ag.jacobian, ag.hessian)
    at = [0.5 + i / 2000 for i in range(500)]
    found["bundle adjustment, Values"] = lambda: ag.jacobian(lambda p: projected(p, ag))(CAMERA)
    found["grad of 600,000 nodes"] = lambda: ag.grad(chain)(at)
    found["recording and backward()"] = lambda: chain([ag.Value(x) for x in at]).backward()
    return found


def hips() -> dict[str, Callable[[], Any]]:
    import autograd.numpy as np  # type: ignore[import-not-found]  # of another venv
    from autograd import hessian, jacobian

    return of_arrays(np, jacobian, hessian)


def timed(contenders: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """The median milliseconds of each."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for i in range(rounds + 1):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            times[name] += [time.perf_counter() - start] if i else []  # the first warms up
    return {name: 1e3 * median(t) for name, t in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--hips", metavar="PYTHON", help="an interpreter that has HIPS autograd")
    parser.add_argument("--as-hips", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.as_hips:
        print(json.dumps(timed(hips(), given.rounds)))
        return
    found, theirs = timed(ours(), given.rounds), {}
    if given.hips:
        command = [given.hips, __file__, "--as-hips", "--rounds", str(given.rounds)]
        theirs = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    for name, t in found.items():
        beside = theirs.get(name, math.nan)
        peer = "" if math.isnan(beside) else f"   HIPS {beside:9.3f}   {beside / t:6.1f} times"
        print(f"{name:28} {t:9.3f} ms{peer}")
    ratio = found["grad of 600,000 nodes"] / found["recording and backward()"]
    print(f"grad, in times of recording and backward(): {ratio:.2f}")


if __name__ == "__main__":
    sys.exit(main())
