"""What `gradcheck` costs on a million elements: calls, and microseconds an element.

python benchmarks/large_gradients.py [elements]
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from autograd import gradcheck

count = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10**6
x = np.random.default_rng(1).normal(size=count)
calls = 0


def f(x: Any) -> float:
    global calls
    calls += 1
    return float(np.sum(np.sin(x) * x))


def right(x: Any) -> Any:
    return np.cos(x) * x + np.sin(x)


def wrong(x: Any) -> Any:
    g = right(x)
    g[count // 3] += 1e-3 * np.linalg.norm(g)
    return g


for name, df in (("right", right), ("one wrong by 1e-3 of the norm", wrong)):
    calls, start = 0, time.perf_counter()
    found = gradcheck(f, x, df=df)
    each = (time.perf_counter() - start) / count * 1e6
    named = [row.name for row in found.rows if row.verdict != "ok"]
    print(f"{name}: {bool(found)}, {calls} calls, {each:.1f} us an element, not ok: {named}")
