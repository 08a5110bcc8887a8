"""A learner's rule of one operation, judged by the table's row."""

from __future__ import annotations

import math
import random
from functools import partial

from ..core.graph import apply, gradients
from ..core.kinds import describe, is_number
from ..core.rules import rule
from ..core.value import Value
from ..seeing.diagnosing import same
from .sandbox import ask, packed, run, unpacked
from .student_causes import Place
from .student_functions import blame, judge, no_answer, note_reply
from .student_report import Check, StudentReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Point = tuple[Any, ...]

SPREAD = 6  # points of an operation
ARRIVING = (1.0, -2.0, 0.5, 3.0, 1.5, -1.0)  # gradients that reach the operation


def judge_rule(columns: Any, name: str, seconds: float) -> StudentReport:
    """The report on `columns` as those of the row of that name."""
    row = rule(name)
    if row.of_arrays or row.variadic:
        raise ValueError(f"{name} takes a list: check_student judges rules of single numbers")
    count = len(row.columns)
    theirs = list(columns) if isinstance(columns, (tuple, list)) else [columns]
    if len(theirs) not in (1, count) or not all(map(callable, theirs)):
        raise TypeError(
            f"{name} has {count} inputs: give a tuple of {count} functions (g, out, ...)"
        )
    report = StudentReport(f"the rule of {name}", "rule")
    points = _points_of_rule(row)
    replies = run(partial(_shares, theirs), points, seconds, None)
    names = ["x", "y", "z"][:count] if count < 4 else [f"x{k + 1}" for k in range(count)]
    report.tried = f"{name} at {len(points)} points, with several gradients that arrive"
    places = []
    for (g, _, *xs), reply in zip(points, replies, strict=True):
        said = ", ".join(f"{n} = {x:.6g}" for n, x in zip(["g", *names], [g, *xs], strict=True))
        told = no_answer(reply)
        if not told:
            try:
                places.append(_rule_place(row, g, xs, names, unpacked(reply["answer"]), said))
            except (TypeError, ValueError) as error:
                told = "answer", str(error)
        if told:
            blame(report, *told, [Check(f"by {x}", "wrong", f"at {said}") for x in names])
        note_reply(report, reply)
    judge(report, places, 0, name)
    for fault in report.faults:
        fault.rule = name
    return report


def _shares(theirs: list[Any], point: Point) -> Any:
    answers = [ask(column, *point) for column in theirs]
    return packed(answers if len(theirs) > 1 else answers[0])


def _points_of_rule(row: Any) -> list[Point]:
    """Points in the domain, each after a gradient that arrives and the result."""
    found: list[Point] = []
    for args, g in zip(points_of(row), ARRIVING, strict=False):
        found.append((g, float(row.compute(*args)), *args))
    return found


def points_of(row: Any) -> list[Point]:
    """Points spread over the domain of an operation; none if it is flat at all of them."""
    rng = random.Random(1)
    parts = [rng.sample(range(SPREAD), SPREAD) for _ in row.columns]
    every = [
        tuple(_inside(ends, (part + rng.uniform(0.1, 0.9)) / SPREAD) for ends, part in at)
        for at in (list(zip(row.fact.domain, cut, strict=True)) for cut in zip(*parts, strict=True))
    ]
    steep = [slope for args in every for slope in _slopes(row, args)]
    return every if any(steep) else []


def _inside(ends: tuple[float, float], part: float) -> float:
    """A number that far from the lower end to the upper; an open side is 2.6 or 5.2 long."""
    low, high = ends
    if high == math.inf:
        low, high = (-2.6, 2.6) if low == -math.inf else (low, low + 2.6)
    elif low == -math.inf:
        low = high - 2.6
    return round(low + (high - low) * part, 2)


def _slopes(row: Any, args: Point) -> list[float]:
    leaves = [Value(x) for x in args]
    return gradients(apply(row, *leaves), leaves)


def _rule_place(
    row: Any, g: float, xs: list[float], names: list[str], answer: Any, said: str
) -> Place:
    """What the rule hands back at one point, beside what the table does."""
    claimed = list(answer) if isinstance(answer, tuple) else [answer]
    if len(claimed) != len(xs) or not all(map(is_number, claimed)):
        raise ValueError(f"it returns {describe(answer)}, where {len(xs)} numbers are due")
    leaves = [Value(x, label=label) for x, label in zip(xs, names, strict=True)]
    root = apply(row, *leaves) * g
    right = gradients(root, leaves)
    verdicts = [
        "right" if same(c, r, abs(r) * 1e-9 + 1e-300) else "wrong"
        for c, r in zip(claimed, right, strict=True)
    ]
    return Place(said, [f"by {x}" for x in names], claimed, right, verdicts, (root, leaves))
