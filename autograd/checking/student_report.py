"""What a judge has to say of a learner's answer: for people, for notebooks and for programs."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_EXAMPLES = 2  # of one fault, that are printed


@dataclass
class Check:
    """One thing that was tried: "right", "wrong", or "missing" where there is nothing to try.

    `example` shows that it is wrong; `of` is what is tried, as the operation of an expression.
    """

    name: str
    verdict: str = "right"
    example: str = ""
    of: str = ""


@dataclass
class Fault:
    """One mistake in words, with what shows it.

    `kind` is "gradient", "rule", "structure", "value", "raises", "endless", "answer" (no numbers)
    or "ours" (this package did the work). `rule` is the operation at fault, if it is one. `checks`
    are the names of those that it explains, and `right` says what would be right.
    """

    kind: str
    text: str
    examples: list[str] = field(default_factory=list)
    right: str = ""
    rule: str = ""
    checks: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        right = [f"right: {self.right}"] if self.right else []
        return "\n    ".join([self.text, *self.examples[:MOST_EXAMPLES], *right])


class StudentReport:
    """The findings of `check_student`: true when all that was tried is right.

    `checks` is all that was tried, `faults` the mistakes that explain what is wrong, the one that
    explains most first. `score` is the part of the checks that are right, 0 where this package
    did the work; what is missing is not counted.
    """

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind  # "gradient", "rule" or "engine"
        self.checks: list[Check] = []
        self.faults: list[Fault] = []
        self.notes: list[str] = []
        self.tried = ""

    def of(self, verdict: str) -> list[Check]:
        """The checks with that verdict."""
        return [check for check in self.checks if check.verdict == verdict]

    @property
    def passed(self) -> bool:
        """Whether something was tried, and nothing is wrong."""
        return not self.faults and not self.of("wrong") and bool(self.of("right"))

    @property
    def score(self) -> float:
        """The part of the checks that are right, from 0 to 1."""
        right, wrong = len(self.of("right")), len(self.of("wrong"))
        if not right or any(fault.kind == "ours" for fault in self.faults):
            return 0.0
        return right / (right + wrong)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        right, wrong = self.of("right"), self.of("wrong")
        verdict = "right" if self.passed else "wrong"
        counted = f"{len(right)} of {len(right) + len(wrong)} checks passed"
        verdict = verdict if right or wrong else "not judged"
        verdict = "not your own work" if any(x.kind == "ours" for x in self.faults) else verdict
        lines = [f"{self.name}: {verdict} ({counted}, score {self.score:.2f})"]
        lines += [f"  tried: {self.tried}"] if self.tried else []
        lines += [f"  fault: {fault}" for fault in self.faults]
        faulty = {check.of or check.name for check in wrong}
        if sound := [check for check in right if (check.of or check.name) not in faulty and wrong]:
            lines.append(f"  right throughout: {_listed(sound)}")
        tried = {check.of for check in right + wrong}
        if missing := [
            Check(x.name, of=x.of if x.of not in tried else "") for x in self.of("missing")
        ]:
            lines.append(f"  missing, and not counted: {_listed(missing)}")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """The report for a program: of strings, numbers, lists and dicts."""
        return {
            "name": self.name,
            "kind": self.kind,
            "passed": self.passed,
            "score": self.score,
            "counts": {v: len(self.of(v)) for v in ("right", "wrong", "missing")},
            "faults": [dict(vars(fault)) for fault in self.faults],
            "checks": [dict(vars(check)) for check in self.checks],
            "notes": list(self.notes),
        }

    def to_json(self, indent: int | None = 2) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        edge = "#2a9d4a" if self.passed else "#d1495b"
        style = f"white-space: pre-wrap; border-left: 4px solid {edge}; padding-left: 0.8em"
        shown = f'<pre style="{style}">{html.escape(str(self))}</pre>'
        return {"text/html": shown, "text/plain": str(self)}


def _listed(checks: list[Check]) -> str:
    return ", ".join(dict.fromkeys(check.of or check.name for check in checks))
