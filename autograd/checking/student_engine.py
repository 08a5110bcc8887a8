"""A learner's whole engine, judged by expressions built on it and on this one."""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

from ..core.kinds import describe
from ..seeing.wording import number
from .sandbox import run
from .student_functions import no_answer, note_reply
from .student_mistakes import (
    EARLY,
    OFTEN,
    OVERWRITE,
    OVERWRITES,
    SEEDED,
    TURN,
    UNCHAINED,
    Cause,
    close,
    matches,
    right_of,
    wrong_of,
)
from .student_questions import NEW, QUESTIONS, answered, perform
from .student_report import Check, Fault, StudentReport
from .student_trials import Trial, points, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Numbers = tuple[float, ...]

SLACK = 1e-9
KINDS = ["rule", "number", "reflected", "power", "chain", "inner", "reuse", "place", "order"]
BARE = {"rule", "chain", "inner", "reuse", "order"}  # the kinds without plain numbers
OUTSIDE = {
    "chain": "mul",
    "number": "mul",
    "reflected": "mul",
    "reuse": "add",
    "inner": "add",
    "place": "mul",
}
DUNDERS = {
    **{f"__{r}{name}__": op for r in ("", "r") for name, op in (
        ("add", "add"), ("sub", "sub"), ("mul", "mul"), ("truediv", "div"), ("pow", "pow"))},
    "__neg__": "neg",
}  # fmt: skip


class Found(NamedTuple):
    """The findings of one trial: all numbers of a kind in one row, and the right ones.

    `called` are the other operations that this one is made of; `example` shows what is wrong.
    """

    trial: Trial
    got: Numbers
    due: Numbers
    called: set[str]
    example: str
    of_values: bool = False  # whether values are wrong, and gradients not looked at


def judge_engine(theirs: Any, adapter: Any, seconds: float) -> StudentReport:
    """The report on a class with operators, `.data`, `.grad` and `.backward()`."""
    adapter = _adapter(adapter)
    report = StudentReport(theirs.__name__, "engine")
    work = partial(perform, theirs, adapter)
    jobs = ["look", *table(), *(question for question in QUESTIONS if question != "look")]
    replies = dict(zip(jobs, run(work, jobs, seconds), strict=True))
    look = replies.pop("look")
    if told := no_answer(look):
        report.faults.append(Fault(told[0], f"{report.name}(2.0).backward(): {told[1]}"))
        report.checks.append(Check("leaf", "wrong", told[1]))
        return report
    quiet = QUIET - set(_known(theirs, look))
    trials = [trial for trial in table().values() if trial.op not in quiet]
    asked = [q for q in QUESTIONS if q in replies and q.split(" ")[0] not in quiet]
    for name in [trial.name for trial in trials] + asked:
        note_reply(report, replies[name])
    report.tried = f"{len(trials)} expressions, and {len(asked)} questions of structure"
    found = _composed([x for t in trials if (x := _found(report, t, replies))])
    if replies["leaf"].get("answer", NEW)[:2] != NEW:  # then nothing else can be right
        answered(report, asked.pop(0), replies["leaf"])
    _judge(report, found)
    for question in asked:
        answered(report, question, replies[question])
    report.faults.sort(key=lambda fault: -len(fault.checks))
    return report


QUIET = {name for trial in table().values() if (name := trial.op) and f"{name}(a)" in table()}


def _adapter(adapter: Any) -> dict[str, Any]:
    if adapter is None:
        return {}
    if not isinstance(adapter, dict) or not all(map(callable, adapter.values())):
        raise TypeError(
            'adapter is a dict of functions, such as {"grad": lambda v: v.gradient}, not '
            f"{describe(adapter)}"
        )
    return adapter


def _known(theirs: Any, look: dict[str, Any]) -> list[str]:
    """The functions that the class has; TypeError if it is no engine."""
    if missing := look["answer"]["missing"]:
        raise TypeError(
            f"{theirs.__name__} is not an engine that check_student knows how to use: it has no "
            f"{' and no '.join(missing)}; give adapter, a dict with the functions make (a number "
            "to a node), data and grad (of a node), backward (of a root)"
        )
    known: list[str] = look["answer"]["functions"]
    return known


# ---- what a trial shows --------------------------------------------------------------------------


def _found(report: StudentReport, trial: Trial, replies: dict[str, Any]) -> Found | None:
    """The findings of a trial, if gradients came; a fault or a gap is reported."""
    reply = replies[trial.name]
    if told := no_answer(reply):
        _add(report, trial.name, Fault(told[0], told[1], [trial.name], rule=trial.op))
        return None
    answers = reply["answer"]
    if missing := next((x["missing"] for x in answers if "missing" in x), ""):
        _missing(report, trial, missing, replies)
        return None
    right = right_of(trial.name)
    called = {DUNDERS.get(name, name) for answer in answers for name in answer["called"]}
    called &= {*DUNDERS.values(), *QUIET} - {trial.op}
    values = [(x["value"], value) for x, (value, _) in zip(answers, right, strict=True)]
    shown = [(x, point) for x, point in zip(values, points(trial), strict=True) if not close(*x)]
    if shown:
        (wrong, value), point = shown[0]
        words = f"{trial.name} at {_where(point)}: {number(wrong)}, and it is {number(value)}"
        return Found(trial, (), (), called, words, of_values=True)
    for answer, point in zip(answers, points(trial), strict=True):
        if list(point) != answer["leaves"] or answer["after"] != answer["value"]:
            text = "data is changed by building or by going back, which write gradients only"
            fault = Fault("structure", text, [f"{trial.name} at {_where(point)}"], rule="data")
            _add(report, trial.name, fault)
            return None
    got = tuple(g for answer in answers for g in answer["grads"])
    due = tuple(g for _, grads in right for g in grads)
    return Found(trial, got, due, called, _example(trial, got, due))


def _composed(found: list[Found]) -> list[Found]:
    """The findings, with what each operation is made of as its simplest trial shows it."""
    parts: dict[str, set[str]] = {}
    for x in found:
        if x.trial.kind == "rule":
            parts.setdefault(x.trial.op, set()).update(x.called)
    return [x._replace(called=_parts(x) | parts.get(x.trial.op, set())) for x in found]


def _parts(x: Found) -> set[str]:
    """The operations that a trial goes through, beside its own and those around it."""
    if x.trial.kind in BARE:
        return set()
    return x.called - {OUTSIDE.get(x.trial.kind) if x.trial.leaves > 1 else None}


def _where(point: Numbers) -> str:
    return ", ".join(f"{n} = {number(x)}" for n, x in zip(NAMED[len(point)], point, strict=True))


NAMED = {1: "a", 2: "ab", 3: "abc"}


def _example(trial: Trial, got: Numbers, due: Numbers) -> str:
    for k, (a, b) in enumerate(zip(got, due, strict=True)):
        if not close(a, b):
            at, name = _where(points(trial)[k // trial.leaves]), "abc"[k % trial.leaves]
            return f"{trial.name} at {at}: {name}.grad = {number(a)}, and it is {number(b)}"
    return ""


def _missing(report: StudentReport, trial: Trial, told: str, replies: dict[str, Any]) -> None:
    """A gap, or a fault where what is there calls for it."""
    sign = next(iter(re.findall(r"for ([-+*/]|\*\*):? ", told)), _sign(trial))
    fault = None
    if trial.kind in ("number", "reflected") and _works(f"a {_sign(trial)} b", replies):
        if trial.kind == "number" or not _works(f"a {sign} 2", replies):
            name = report.name
            wrap = f"other if isinstance(other, {name}) else {name}(other)"
            text = f"a number on the right of {sign} is refused"
            fault = Fault("structure", text, right=f"make a node of it: {wrap}", rule="number")
        else:
            method = f"__r{METHODS[sign]}__"
            text = f"a number on the left is refused: {method} is missing"
            fault = Fault("structure", text, rule=method)
    elif trial.name in ("a + b", "a * b"):
        fault = Fault("structure", f"{trial.name} is refused", rule=trial.op)
    if fault is None:
        report.checks.append(Check(trial.name, "missing", told, trial.op))
        return
    fault.examples.append(f"{trial.name}: {told}")
    _add(report, trial.name, fault)


def _works(name: str, replies: dict[str, Any]) -> bool:
    return not any("missing" in x for x in replies[name].get("answer", [{"missing": ""}]))


METHODS = {"+": "add", "-": "sub", "*": "mul", "/": "truediv", "**": "pow"}


def _sign(trial: Trial) -> str:
    found = re.search(r"[-+*/]", trial.name)
    return "+" if trial.name.startswith("sum") or not found else found[0]


def _add(report: StudentReport, check: str, fault: Fault) -> None:
    """A check that is wrong, with its fault, which is told once for several."""
    for known in report.faults:
        same_error = fault.kind == "raises" and fault.text == known.text
        if same_error or (known.kind, known.rule) == (fault.kind, fault.rule) != ("raises", ""):
            fault, known.examples = known, known.examples + fault.examples
            break
    else:
        report.faults.append(fault)
    fault.checks.append(check)
    example = (fault.examples or [""])[-1]
    report.checks.append(Check(check, "wrong", example, table()[check].op))


# ---- the mistakes that explain all ---------------------------------------------------------------


def _judge(report: StudentReport, found: list[Found]) -> None:
    """Add the checks of numbers, and the fewest faults that explain the wrong ones."""
    report.checks += [
        Check(
            x.trial.name, "wrong" if x.example else "right", x.example, x.trial.op or x.trial.kind
        )
        for x in found
    ]
    right = [x for x in found if not x.example]
    wrong = [x for x in found if x.example]
    while wrong:
        if report.faults and report.faults[-1].rule == "leaf":
            report.faults[-1].checks += [x.trial.name for x in wrong]
            return
        cause, explained = _best(_innermost(wrong), right)
        fault = Fault(
            cause.kind, cause.name, [x.example for x in explained], cause.right, cause.rule
        )
        report.faults.append(fault)
        wrong, every = [], wrong
        for x in every:
            follows = any(x is y for y in explained) or _follows(x, fault)
            (fault.checks.append(x.trial.name) if follows else wrong.append(x))


def _innermost(wrong: list[Found]) -> list[Found]:
    """Those that go through no other operation that is wrong."""
    broken = {x.trial.op for x in wrong if x.trial.kind in ("rule", "reuse")}
    return [x for x in wrong if not x.called & broken] or wrong


def _follows(x: Found, fault: Fault) -> bool:
    """Whether a trial goes through what is at fault."""
    if fault.text == UNCHAINED.name:
        return True
    if fault.kind == "structure":
        return x.trial.kind != "rule" or bool(x.called)
    within = {x.trial.op, OUTSIDE.get(x.trial.kind), *x.called}
    return fault.rule in within or (x.trial.kind == "order" and fault.rule in ("add", "mul"))


def _best(wrong: list[Found], right: list[Found]) -> tuple[Cause, list[Found]]:
    """The mistake that explains most of what is wrong, and contradicts nothing that is right."""
    of_values = [x for x in wrong if x.of_values]
    if of_values:
        op = of_values[0].trial.op
        text = f"the value of {of_values[0].trial.name} is wrong"
        return Cause(text, "", op, "value"), [x for x in of_values if x.trial.op == op]
    explained: dict[Cause, list[Found]] = {}
    for x in wrong:
        for cause, ways in wrong_of(x.trial.name).items():
            if any(matches(x.got, way) for way in ways):
                explained.setdefault(cause, []).append(x)
        if (seed := _scale(x)) is not None:
            explained.setdefault(SEEDED._replace(name=SEEDED.name + number(seed)), []).append(x)
    most = max(map(len, explained.values()), default=0)
    plain = {x.trial.op for x in wrong if x.trial.kind == "rule"}
    sound = any(x.trial.kind == "rule" and any(x.due) for x in right)
    if len(plain) > 2 and not sound and 2 * most < len(wrong):
        return UNCHAINED, wrong
    for cause, trials in sorted(explained.items(), key=lambda item: -len(item[1])):
        rare = cause.rule in ("seed", "chain") and 2 * len(trials) < len(wrong)
        # A walk along each path adds up alike what this one hands on once: let some be right.
        allowed = len(trials) // 10 if cause.rule == "chain" else 0
        if not rare and sum(_contradicts(x, cause) for x in right) <= allowed:
            return cause, trials
    return _in_one_place(wrong, explained)


def _scale(x: Found) -> float | None:
    """The number by which all gradients are too large; None if there is none."""
    scale = next((a / b for a, b in zip(x.got, x.due, strict=True) if b), None)
    if scale is None or not all(close(a, scale * b) for a, b in zip(x.got, x.due, strict=True)):
        return None
    return float(f"{scale:.9g}")


def _contradicts(x: Found, cause: Cause) -> bool:
    """Whether a right trial, made as it is here, would be wrong by this cause."""
    if cause.rule == "seed":
        return any(x.due)
    if x.called or x.trial.kind not in BARE:
        return False
    ways = wrong_of(x.trial.name).get(cause)
    return ways is not None and not any(matches(x.got, way) for way in ways)


def _in_one_place(
    wrong: list[Found], explained: dict[Cause, list[Found]]
) -> tuple[Cause, list[Found]]:
    """The fault of one operation, or of one way to use it, that no mistake of all explains."""
    first = min(wrong, key=lambda x: (KINDS.index(x.trial.kind), len(x.called)))
    op, kind = first.trial.op, first.trial.kind
    of_op = [x for x in wrong if x.trial.op == op]
    if kind in ("reuse", "place", "order"):
        some = of_op if kind == "order" else [first]
        pairs = [pair for x in some for pair in zip(x.got, x.due, strict=True) if not close(*pair)]
        often = all(abs(a) > abs(b) for a, b in pairs)
        itself = any(x.trial.name.startswith("a ") and x.trial.kind == "reuse" for x in of_op)
        sides = sum(x.trial.kind == "reuse" for x in of_op)
        if often or kind == "order" or (not itself and sides > 1):
            return Cause(OFTEN if often else EARLY, TURN, "order", "structure"), of_op
        return OVERWRITES._replace(name=f"{OVERWRITE} in what {op} adds to it"), of_op
    names = [cause for cause, trials in explained.items() if first in trials and cause.rule == op]
    told = f": {names[0].name}" if names else ""
    text = f"the gradient of {op if kind == 'rule' else first.trial.name} is wrong{told}"
    return Cause(text, names[0].right if names else "", op), of_op
