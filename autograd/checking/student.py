"""`check_student`: a learner's gradient, rule or engine, judged in words."""

from __future__ import annotations

import html
import json
from dataclasses import asdict, dataclass, field

from ..core.graph import Node
from ..core.kinds import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_EXAMPLES = 2  # of one fault, that are printed


def check_student(
    theirs: Any, f: Any = None, *, at: Any = None, seconds: float = 5.0, adapter: Any = None
) -> StudentReport:
    """Judge a learner's work, and name the mistakes in words; true when all is right.

    `check_student(df, f)` judges a gradient: `df(*args)` is to be the gradient of `f(*args)`, a
    tuple of several for several arguments. `f` is built on Values or plain Python. `at` is a point
    (a tuple of arguments) or a list of them; points close by are tried too. Without it, points are
    chosen.

    `check_student(rule, "tanh")` judges a rule: `rule(g, out, x)` is to be what `tanh` hands back
    to x where g arrives; of an operation on two, it is a tuple of two functions.

    `check_student(TheirValue)` judges a whole engine: a class with operators, `.data`, `.grad` and
    `.backward()`. For other names give `adapter`, a dict with any of "make" (a number to a node),
    "data", "grad" (a node to a number), "backward" (of a root), and functions such as "tanh".

    Their code runs in a process of its own, in which each trial may take `seconds`. It is not to
    call this package's derivatives. TypeError or ValueError for what cannot be judged.

    >>> report = check_student(lambda x, y: (y, y), lambda x, y: x * y, at=[(2.0, -3.0)])
    >>> print(report.faults[0].text)
    the gradient by y is wrong: it is the gradient by x
    """
    if not isinstance(seconds, (int, float)) or not seconds > 0:
        raise ValueError(f"seconds is the time for one trial, more than 0, not {describe(seconds)}")
    if isinstance(theirs, type) and f is None:
        if issubclass(theirs, Node):
            raise TypeError(f"{theirs.__name__} is this package's own: give a class of theirs")
        from .student_engine import judge_engine

        return judge_engine(theirs, adapter, seconds)
    from .student_gradient import judge_gradient, judge_rule

    if isinstance(f, str):
        return judge_rule(theirs, f, seconds)
    return judge_gradient(theirs, f, at, seconds)


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
    rule: str = ""
    right: str = ""
    examples: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        right = [f"right: {self.right}"] if self.right else []
        return "\n    ".join([self.text, *self.examples[:MOST_EXAMPLES], *right])

    def like(self, other: Fault) -> bool:
        """True if two are one: in the same words, or of the same kind in the same operation."""
        again = self.rule == other.rule != "" or self.kind == "endless"
        return self.text == other.text or (self.kind == other.kind and again)


@dataclass
class StudentReport:
    """The findings of `check_student`: true when all that was tried is right.

    `checks` is all that was tried, `faults` the mistakes that explain what is wrong, the one that
    explains most first. `score` is the part of the checks that are right, 0 where this package
    did the work; what is missing is not counted.
    """

    name: str
    kind: str  # "gradient", "rule" or "engine"
    tried: str = ""
    faults: list[Fault] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def of(self, verdict: str) -> list[Check]:
        """The checks with that verdict."""
        return [check for check in self.checks if check.verdict == verdict]

    @property
    def passed(self) -> bool:
        """True if something was tried, and nothing is wrong."""
        return not self.faults and not self.of("wrong") and bool(self.of("right"))

    @property
    def score(self) -> float:
        """The part of the checks that are right, from 0 to 1."""
        right, wrong = len(self.of("right")), len(self.of("wrong"))
        if not right or any(fault.kind == "ours" for fault in self.faults):
            return 0.0
        return right / (right + wrong)

    # ---- how it is written ----

    def blame(self, fault: Fault, checks: list[Check]) -> None:
        """Add checks that are wrong, and the fault that explains them, which is told once."""
        known = next((x for x in self.faults if x is fault or x.like(fault)), None)
        if known is None:
            known = fault
            self.faults.append(fault)
        self.checks += checks
        examples = [*known.examples, *fault.examples, *(check.example for check in checks)]
        known.examples = list(dict.fromkeys(filter(None, examples)))
        known.checks = list(dict.fromkeys([*known.checks, *(check.name for check in checks)]))

    def note(self, reply: dict[str, Any]) -> None:
        """Say what the code called that it should not, and what it printed."""
        if (used := reply.get("used")) and not any(x.kind == "ours" for x in self.faults):
            names = " and ".join(used[:3])
            text = f"this answer calls {names}: write the derivative yourself"
            self.faults.insert(0, Fault("ours", text))
        said = "it prints "
        if reply.get("printed") and not any(x.startswith(said) for x in self.notes):
            self.notes.append(f"{said}{reply['printed']!r}")

    # ---- how it is read ----

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        right, wrong = self.of("right"), self.of("wrong")
        verdict = ("right" if self.passed else "wrong") if right or wrong else "not judged"
        verdict = "not your own work" if any(x.kind == "ours" for x in self.faults) else verdict
        counted = f"{len(right)} of {len(right) + len(wrong)} checks passed"
        lines = [f"{self.name}: {verdict} ({counted}, score {self.score:.2f})"]
        lines += [f"  tried: {self.tried}"] if self.tried else []
        lines += [f"  fault: {fault}" for fault in self.faults]
        faulty = _listed(wrong)
        if sound := [x for x in _listed(right) if x not in faulty and wrong]:
            lines.append(f"  right throughout: {', '.join(sound)}")
        tried = {check.of for check in right + wrong}
        missing = [Check(x.name) if x.of in tried else x for x in self.of("missing")]
        if missing:
            lines.append(f"  missing, and not counted: {', '.join(_listed(missing))}")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """The report for a program: of strings, numbers, lists and dicts."""
        counts = {verdict: len(self.of(verdict)) for verdict in ("right", "wrong", "missing")}
        return asdict(self) | {"passed": self.passed, "score": self.score, "counts": counts}

    def to_json(self, indent: int | None = 2) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        edge = "#2a9d4a" if self.passed else "#d1495b"
        style = f"white-space: pre-wrap; border-left: 4px solid {edge}; padding-left: 0.8em"
        shown = f'<pre style="{style}">{html.escape(str(self))}</pre>'
        return {"text/html": shown, "text/plain": str(self)}


def _listed(checks: list[Check]) -> list[str]:
    return list(dict.fromkeys(check.of or check.name for check in checks))
