"""Faults planted in five small engines: which does `check_student` name, and what does it cost?

    python benchmarks/judge.py
    python benchmarks/judge.py --mutants

The engines and the faults are in `tests/student_engines.py`. A fault is named if the report names
its rule or structure, and nothing else. The second and the third set were written before the judge
had met any of their faults; it was mended after each, and the counts here are those of today.

A mutant is an engine with one operator, comparison or number changed, wherever there is one; those
that are not called wrong are shown.
"""

from __future__ import annotations

import ast
import copy
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from student_engines import ENGINES, FAULTS, FRESH, UNSEEN

from autograd import check_student

OTHER = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.Lt: ast.GtE, ast.Gt: ast.LtE, ast.Eq: ast.NotEq, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


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


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Each line that is changed, as it was and as it is, with the source that has it so."""
    tree = ast.parse(source)
    for k, node in enumerate(ast.walk(tree)):
        changed = copy.deepcopy(tree)
        same = list(ast.walk(changed))[k]
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in OTHER:
            same.op = OTHER[type(node.op)]()
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in OTHER:
            same.ops[0] = OTHER[type(node.ops[0])]()
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            same.value = node.value + 1
        else:
            continue
        line = source.splitlines()[node.lineno - 1].strip()
        yield f"{line}  ->  {ast.unparse(same)}", ast.unparse(changed)


def judge_mutants() -> None:
    """Print how many mutants are called wrong, and those that are not."""
    wrong, several, right = 0, 0, []
    for key, (name, source) in ENGINES.items():
        for told, changed in mutants(source):
            try:
                report = check_student(engine(changed, name), seconds=2)
            except TypeError:  # it is refused: no engine any more
                wrong += 1
                continue
            wrong += not report
            several += len({fault.rule for fault in report.faults}) > 2
            right += [f"{key}: {told}"] * bool(report)
    print(f"{wrong} of {wrong + len(right)} mutants are called wrong; for {several} three or more")
    print("faults are named; those that are not called wrong:", *right, sep="\n  ")


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
    judge_mutants() if "--mutants" in sys.argv else main()
