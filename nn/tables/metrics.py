"""How good answers are: for the reports of the command line."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence


def shown(text: str) -> str:
    """A text that somebody else has written, without what would steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def r2(answers: Sequence[float], truth: Sequence[float]) -> float:
    """The share of the variance that is explained (1 is perfect, 0 is the mean's)."""
    mean = math.fsum(truth) / len(truth)
    spread = math.fsum((t - mean) ** 2 for t in truth)
    missed = math.fsum((t - a) ** 2 for t, a in zip(truth, answers, strict=True))
    return 1.0 - missed / spread if spread else math.nan


def confusion(classes: Sequence[str], truth: Sequence[str], answers: Sequence[str]) -> str:
    """A table with a row for each true class and a column for each answer."""
    counts = Counter(zip(truth, answers, strict=True))
    names = [shown(name) for name in classes]
    first, widths = max(map(len, names)), [max(len(name), 4) for name in names]
    lines = [" " * first + "".join(f"  {n:>{w}}" for n, w in zip(names, widths, strict=True))]
    for name, true in zip(names, classes, strict=True):
        cells = [f"  {counts[true, c]:>{w}}" for c, w in zip(classes, widths, strict=True)]
        lines.append(f"{name:<{first}}" + "".join(cells))
    return "\n".join(lines)
