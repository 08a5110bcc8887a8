"""A learner's whole engine, judged by expressions built on it and on this one."""

from __future__ import annotations

import math
import re
from functools import cache, partial
from typing import NamedTuple

from ..core import functions
from ..core.graph import gradients, sweep
from ..core.kinds import describe
from ..core.value import Value
from ..seeing.diagnosing import same
from ..seeing.mistakes import catalogue, handed
from ..seeing.wording import number
from .sandbox import run
from .student_functions import no_answer, note_reply
from .student_report import Check, Fault, StudentReport
from .student_trials import DEEP, FEW, MANY, QUESTIONS, Trial, perform, points, table

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
TURN = "a node has its turn when all its users have had theirs: sort, and go from root to leaves"
EARLY = "a node hands on its gradient before all its users have handed theirs to it"
OFTEN = "a node hands on its gradient more than once: each node has one turn"
OVERWRITE = "a gradient is overwritten: = in the place of +="


class Cause(NamedTuple):
    """A mistake that may explain trials; `rule` is the operation or the structure at fault."""

    name: str
    right: str
    rule: str
    kind: str = "rule"


SEEDED = Cause(
    "the pass does not begin with 1, but with ", "d root/d root = 1", "seed", "structure"
)
UNCHAINED = Cause(
    "the gradient of every operation is wrong: is it the walk?",
    "each input is handed what arrives times the local derivative",
    "chain",
    "structure",
)
OVERWRITES = Cause(OVERWRITE, "gradients of all uses are added: +=", "overwrite", "structure")


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
    _judge(report, _composed([x for t in trials if (x := _found(report, t, replies))]))
    for question in asked:
        _answered(report, question, replies[question])
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
        _add(report, trial.name, Fault(told[0], f"{trial.name}: {told[1]}", rule=trial.op))
        return None
    answers = reply["answer"]
    if missing := next((x["missing"] for x in answers if "missing" in x), ""):
        _missing(report, trial, missing, replies)
        return None
    right = _right_of(trial.name)
    called = {DUNDERS.get(name, name) for answer in answers for name in answer["called"]}
    called &= {*DUNDERS.values(), *QUIET} - {trial.op}
    values = [(x["value"], value) for x, (value, _) in zip(answers, right, strict=True)]
    shown = [(x, point) for x, point in zip(values, points(trial), strict=True) if not _close(*x)]
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


def _close(a: float, b: float) -> bool:
    """Whether numbers of about 1 agree."""
    return same(a, b, SLACK * max(1.0, abs(b)))


def _example(trial: Trial, got: Numbers, due: Numbers) -> str:
    for k, (a, b) in enumerate(zip(got, due, strict=True)):
        if not _close(a, b):
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
        if (known.kind, known.rule) == (fault.kind, fault.rule):
            fault, known.examples = known, known.examples + fault.examples
            break
    else:
        report.faults.append(fault)
    fault.checks.append(check)
    example = (fault.examples or [""])[-1]
    report.checks.append(Check(check, "wrong", example, table()[check].op))


# ---- what is right, and what each mistake would give ---------------------------------------------


class _Call:
    """This engine's functions, by name."""

    def __call__(self, name: str, x: Any) -> Any:
        return getattr(functions, name)(x)


def _graphs(trial: Trial) -> list[tuple[Any, list[Any]]]:
    every = [[Value(x) for x in point] for point in points(trial)]
    return [(trial.build(_Call(), *leaves), leaves) for leaves in every]


@cache
def _right_of(name: str) -> list[tuple[float, list[float]]]:
    return [(root.data, gradients(root, leaves)) for root, leaves in _graphs(table()[name])]


@cache
def _wrong_of(name: str) -> dict[Cause, list[Numbers]]:
    """The gradients that each mistake gives in a trial; one cause may have several ways."""
    trial = table()[name]
    each: list[dict[tuple[Cause, int], list[float]]] = []
    for root, leaves in _graphs(trial):
        here: dict[tuple[Cause, int], list[float]] = {}
        for turn, (cause, found) in enumerate(_mistaken(root)):
            here[cause, turn] = [found.get(leaf, 0.0) for leaf in leaves]
        each.append(here)
    wrong: dict[Cause, list[Numbers]] = {}
    for cause, turn in each[0]:
        if all((cause, turn) in here for here in each):
            numbers = tuple(g for here in each for g in here[cause, turn])
            wrong.setdefault(cause, []).append(numbers)
    return wrong


def _mistaken(root: Any) -> Any:
    """Each mistake that can be made in a graph, with the gradients that it gives."""
    for mistake in catalogue(root):
        walk = mistake.walk
        cause = Cause(mistake.name, mistake.right, mistake.key)
        if "again" in walk or isinstance(walk.get("seed"), float):
            continue  # there is one pass, and any seed is told by its size
        if "gather" in walk and mistake.name.startswith(("a gradient is", "only the first")):
            cause = OVERWRITES
        elif not mistake.key:
            kind = STRUCTURES.get(next(iter(walk)), next(iter(walk)))
            cause = Cause(mistake.name, mistake.right, kind, "structure")
        try:
            yield cause, handed(root, **walk)
        except Exception:  # a wrong row may divide by zero
            yield cause, {}
    first, _, shares = next(sweep(root))
    kept: dict[Any, float] = {}
    for x, share in zip(first.inputs, shares, strict=True):
        kept[x] = kept.get(x, 0.0) + (share or 0.0)
    yield (
        Cause("only the inputs of the root are handed a gradient", TURN, "order", "structure"),
        kept,
    )


STRUCTURES = {"rules": "chain"}  # of a change in the walk, where it is not called as the change is


def _matches(got: Numbers, due: Numbers) -> bool:
    return all(map(_close, got, due))


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
        for cause, ways in _wrong_of(x.trial.name).items():
            if any(_matches(x.got, way) for way in ways):
                explained.setdefault(cause, []).append(x)
        if (seed := _scale(x)) is not None:
            explained.setdefault(SEEDED._replace(name=SEEDED.name + number(seed)), []).append(x)
    for cause, trials in sorted(explained.items(), key=lambda item: -len(item[1])):
        rare = cause.rule in ("seed", "chain") and 2 * len(trials) < len(wrong)
        if not rare and not any(_contradicts(x, cause) for x in right):
            return cause, trials
    return _in_one_place(wrong, right, explained)


def _scale(x: Found) -> float | None:
    """The number by which all gradients are too large; None if there is none."""
    scale = next((a / b for a, b in zip(x.got, x.due, strict=True) if b), None)
    if scale is None or not all(_close(a, scale * b) for a, b in zip(x.got, x.due, strict=True)):
        return None
    return float(f"{scale:.9g}")


def _contradicts(x: Found, cause: Cause) -> bool:
    """Whether a right trial, made as it is here, would be wrong by this cause."""
    if cause.rule == "seed":
        return any(x.due)
    if x.called or x.trial.kind not in BARE:
        return False
    ways = _wrong_of(x.trial.name).get(cause)
    return ways is not None and not any(_matches(x.got, way) for way in ways)


def _in_one_place(
    wrong: list[Found], right: list[Found], explained: dict[Cause, list[Found]]
) -> tuple[Cause, list[Found]]:
    """The fault of one operation, or of one way to use it, that no mistake of all explains."""
    first = min(wrong, key=lambda x: (KINDS.index(x.trial.kind), len(x.called)))
    op, kind = first.trial.op, first.trial.kind
    of_op = [x for x in wrong if x.trial.op == op]
    plain = {x.trial.op for x in wrong if x.trial.kind == "rule"}
    if len(plain) > 2 and not any(x.trial.kind == "rule" and any(x.due) for x in right):
        return UNCHAINED, wrong
    if kind in ("reuse", "place", "order"):
        some = of_op if kind == "order" else [first]
        pairs = [pair for x in some for pair in zip(x.got, x.due, strict=True) if not _close(*pair)]
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


# ---- questions of structure ----------------------------------------------------------------------


def _answered(report: StudentReport, question: str, reply: dict[str, Any]) -> None:
    """Add the check of one question, and its fault."""
    fault = _fault_in(report, question, reply)
    if fault == "missing":
        report.checks.append(Check(question, "missing"))
    elif isinstance(fault, Fault):
        known = next((x for x in report.faults if x.rule in (fault.rule, "data", "chain")), None)
        report.checks.append(Check(question, "wrong", (fault.examples or [fault.text])[0]))
        (known or fault).checks.append(question)
        report.faults += [] if known else [fault]
    else:
        report.checks.append(Check(question))


def _fault_in(report: StudentReport, question: str, reply: dict[str, Any]) -> Fault | str | None:
    told = no_answer(reply)
    if told and "NotImplementedError: no " in told[1]:
        return "missing"
    if question == "depth" and told:
        text = f"{DEEP:,} additions in a row cannot be gone back through: use a loop, not recursion"
        return Fault("structure", text, [told[1]], rule="depth")
    if told:
        name, _, large = question.partition(" of ")
        return Fault("value" if large else told[0], f"{question}: {told[1]}", rule=name)
    answer = reply["answer"]
    return _SPECIAL[question](answer) if question in _SPECIAL else _large(question, answer)


def _of_leaf(answer: list[float]) -> Fault | None:
    before, data, after = answer
    if data != 2.0 or before != 0.0:
        text = (
            f"a new leaf of 2.0 has data {number(data)} and grad {number(before)}: 2 and 0 are due"
        )
        return Fault("structure", text, rule="leaf")
    if after != 1.0:
        text = f"backward() leaves grad {number(after)} at its root"
        return Fault("structure", text, right="a pass begins with 1 at the root", rule="seed")
    return None


def _of_two_passes(answer: list[float]) -> Fault | None:
    first, second = answer
    if not first or any(same(second, k * first, SLACK) for k in (1.0, 2.0)):
        return None
    shown = (
        f"d = a * b * c: a.grad is {number(first)} after one backward(), {number(second)} after two"
    )
    return Fault("structure", "what is between leaves and root keeps its gradient for another pass",
                 [shown], "zero what is not a leaf before each pass: twice gives the double",
                 "zero")  # fmt: skip


def _of_two_graphs(answer: list[float]) -> Fault | None:
    first, second = answer
    if any(same(second, due, SLACK) for due in (first + 0.7, 0.7)) or not same(first, 2.1, SLACK):
        return None
    shown = f"after (a * b).backward() and (a * c).backward() a.grad is {number(second)}, not 2.8"
    return Fault("structure", "gradients of two graphs that share a leaf are mixed", [shown],
                 "a leaf adds up what each graph hands to it", "zero")  # fmt: skip


def _of_cost(answer: list[int]) -> Fault | None:
    few, many = answer
    if many <= 8 * max(few, 1):
        return None
    shown = f"x = x + x, {FEW} times: {few:,} calls; {MANY} times: {many:,} calls"
    text = "the time doubles with each diamond: a node is visited once for each path to it"
    return Fault("structure", text, [shown], "visit each node once", "cost")


def _of_kink(answer: float) -> Fault | None:
    if 0.0 <= answer <= 1.0:
        return None
    text = f"relu at 0 hands back {number(answer)}: 0 is due, or a slope from 0 to 1"
    return Fault("gradient", text, rule="relu")


def _large(question: str, answer: list[float]) -> Fault | None:
    name = question.split(" ")[0]
    for x, value in zip((800.0, -800.0), answer[::2], strict=True):
        due = getattr(functions, name)(x)
        if not math.isclose(value, due, abs_tol=1e-12):
            text = f"{name}({number(x)}) is {number(value)}, and it is {number(due)}"
            return Fault("value", text, rule=name)
    if any(g != g or abs(g) > 1e-12 for g in answer[1::2]):
        return Fault("gradient", f"{name} of 800 hands back {number(answer[1])}, not 0", rule=name)
    return None


_SPECIAL: dict[str, Any] = {
    "leaf": _of_leaf, "two passes": _of_two_passes, "two graphs": _of_two_graphs,
    "relu at 0": _of_kink, "cost": _of_cost, "depth": lambda answer: None,
}  # fmt: skip
