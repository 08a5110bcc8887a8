"""Faults planted in five small engines: which does `check_student` name, and what does it cost?

    python benchmarks/judge.py

The engines and the faults are in `tests/student_engines.py`. A fault is named if the report names
its rule or structure, and nothing else. The second and the third set were written before the judge
had met any of their faults; it was mended after each, and the counts here are those of today.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from student_engines import ENGINES, FAULTS, FRESH, UNSEEN

from autograd import check_student


def engine(source: str, name: str) -> type:
    """The class of an engine, in a module of its own."""
    module = types.ModuleType("learner")
    sys.modules["learner"] = module  # where its functions are looked for
    exec(compile(source, "learner.py", "exec"), module.__dict__)
    return getattr(module, name)


def named(source: str, name: str, fault: tuple[str, str, str]) -> bool:
    """Whether the judge names the fault, and nothing else."""
    old, new, expected = fault
    report = check_student(engine(source.replace(old, new, 1), name), seconds=2)
    rules = {fault.rule for fault in report.faults}
    return rules <= set(expected.split()) and (bool(rules) or "none" in expected)


def main() -> None:
    print(f"{'engine':<12}{'faults when right':<20}{'planted':<12}{'second set':<12}third set")
    started, judged = perf_counter(), 0
    for key, (name, source) in ENGINES.items():
        right = check_student(engine(source, name))
        cells = []
        for faults in (FAULTS[key], UNSEEN[key], FRESH[key]):
            found = sum(named(source, name, fault) for fault in faults)
            cells.append(f"{found} of {len(faults)}".ljust(12))
            judged += len(faults)
        print(f"{key:<12}{f'{len(right.faults)} in {len(right.checks)}':<20}{''.join(cells)}")
    print(f"{1000 * (perf_counter() - started) / (judged + len(ENGINES)):.0f} ms an engine")


if __name__ == "__main__":
    main()
