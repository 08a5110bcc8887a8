"""A learner's whole engine, judged by expressions built on it and on this one."""

from __future__ import annotations

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
from .student import Check, Fault, StudentReport
from .student_gradient import Cause
from .student_trials import DEEP, METHODS, QUESTIONS, Trial, of_one, perform, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    Numbers = Sequence[float]
    Replies = dict[str, dict[str, Any]]
    Explained = dict[Cause, list["Found"]]

SLACK = 1e-9  # a relative error of doubles
ROUNDINGS = 1e3  # for types coarser than double
KINDS = ["rule", "number", "reflected", "power", "chain", "inner", "reuse", "place", "order"]
BARE = {"rule", "chain", "inner", "reuse", "order"}  # the kinds without plain numbers
DUNDERS = {f"__{r}{name}__": op for r in ("", "r") for op, name in METHODS.items()} | {
    "__neg__": "neg"
}
TOO_DEEP = f"{DEEP:,} additions in a row cannot be gone back through: use a loop, not recursion"
TURN = "a node has its turn when all its users have had theirs: sort, and go from root to leaves"
EARLY = "a node hands on its gradient before all its users have handed theirs to it"
OFTEN = "a node hands on its gradient more than once: each node has one turn"
FIRST = Cause("only the inputs of the root are handed a gradient", TURN, "order", "structure")
SEEDED = Cause("the pass does not begin with 1, but with {}", "d root/d root = 1", "seed",
               "structure")  # fmt: skip
UNCHAINED = Cause("the gradient of every operation is wrong: is it the walk?",
                  "each input is handed what arrives times the local derivative", "chain",
                  "structure")  # fmt: skip
OVERWRITES = Cause("a gradient is overwritten: = in the place of +=",
                   "gradients of all uses are added: +=", "overwrite", "structure")  # fmt: skip


class Found(NamedTuple):
    """The gradients that one trial gave, and the right ones; none where its values are wrong.

    `called` are the other operations that this one is made of; `example` shows what is wrong.
    """

    trial: Trial
    got: Numbers
    due: Numbers
    called: set[str]
    slack: float
    example: str = ""

    def gives(self, numbers: Numbers) -> bool:
        """True if what was got is this."""
        return all(map(partial(_close, self.slack), self.got, numbers))


def _close(slack: float, a: float, b: float) -> bool:
    """True if numbers of about 1 agree."""
    return same(a, b, slack * max(1.0, abs(b)))


def judge_engine(theirs: Any, adapter: Any, seconds: float) -> StudentReport:
    """The report on a class with operators, `.data`, `.grad` and `.backward()`."""
    adapter = {} if adapter is None else adapter
    if not isinstance(adapter, dict) or not all(map(callable, adapter.values())):
        raise TypeError(
            'adapter is a dict of functions, such as {"grad": lambda v: v.gradient}, not '
            f"{describe(adapter)}"
        )
    report = StudentReport(theirs.__name__, "engine")
    work = partial(perform, theirs, adapter)
    (look,) = run(work, ["look"], seconds)
    report.note(look)
    if told := look.get("told"):
        fault = Fault(look["kind"], f"{report.name}(2.0).backward(): {told}")
        report.blame(fault, [Check("leaf", "wrong", told)])
        return report
    known = look["answer"]
    if known["missing"]:
        raise TypeError(
            f"{report.name} is not an engine that check_student knows how to use: it has no "
            f"{' and no '.join(known['missing'])}; give adapter, a dict with the functions make (a "
            "number to a node), data and grad (of a node), backward (of a root)"
        )
    absent = {*of_one()} - {*known["functions"]}
    trials = [trial for trial in table().values() if trial.op not in absent]
    asked = [question for question in QUESTIONS if question.split(" ")[0] not in absent]
    report.tried = f"{len(trials)} expressions, and {len(asked)} questions of structure"
    jobs = [*(trial.text for trial in trials), *asked]
    replies = dict(zip(jobs, run(work, jobs, seconds), strict=True))
    for reply in replies.values():
        report.note(reply)
    _judge(report, trials, replies, max(SLACK, ROUNDINGS * known["roundoff"]))
    for question in asked:
        _answered(report, question, replies[question])
    report.faults.sort(key=lambda fault: -len(fault.checks))
    return report


def _answered(report: StudentReport, question: str, reply: dict[str, Any]) -> None:
    """Add the check of one question of structure, and its fault."""
    fields = reply.get("answer")
    if told := reply.get("told"):
        if question == "two passes" and reply["kind"] == "raises":  # a graph may serve one pass
            report.checks.append(Check(question, "missing"))
            return
        deep = question == "depth" and reply["kind"] == "raises"
        kind, text = ("structure", TOO_DEEP) if deep else (reply["kind"], told)
        fields = {"kind": kind, "text": text, "rule": question.split(" ")[0], "examples": [told]}
    if not fields:
        report.checks.append(Check(question))
        return
    fault = Fault(**fields)
    rules = {fault.rule} | (set() if fault.kind == "structure" else {"data", "chain"})
    known = next((x for x in report.faults if x.rule in rules), fault)
    report.blame(known, [Check(question, "wrong", (fault.examples or [fault.text])[0])])


# ---- what a trial shows --------------------------------------------------------------------------


def _found(report: StudentReport, trial: Trial, replies: Replies, slack: float) -> Found | None:
    """The findings of a trial, if gradients came; a fault or a gap is reported."""
    reply = replies[trial.text]
    if told := reply.get("told"):
        report.blame(
            Fault(reply["kind"], told, trial.op, examples=[trial.text]),
            [Check(trial.text, "wrong", of=trial.op)],
        )
        return None
    answers = reply["answer"]
    if refused := next((x for x in answers if "missing" in x), None):
        pair = replies.get(trial.pair(), {}).get("answer", [{"missing": ""}])
        works = not any("missing" in x for x in pair)
        _missing(report, trial, refused["missing"], refused["lacks"] if works else None)
        return None
    called = {DUNDERS.get(name, name) for answer in answers for name in answer["called"]}
    called &= {*DUNDERS.values(), *of_one()} - {trial.op}
    got, due, example = [], [], ""
    right = right_of(trial.text)
    for answer, point, (value, grads) in zip(answers, trial.points, right, strict=True):
        at = f"{trial.text} at " + ", ".join(f"{name} = {number(x)}" for name, x in point.items())
        if not _close(slack, answer["value"], value):
            words = f"{at}: {number(answer['value'])}, and it is {number(value)}"
            return Found(trial, (), (), called, slack, words)
        if not answer["kept"]:
            text = "data is changed by building or by going back, which write gradients only"
            report.blame(
                Fault("structure", text, "data"), [Check(trial.text, "wrong", at, trial.op)]
            )
            return None
        for name, a, b in zip(point, answer["grads"], grads, strict=True):
            words = f"{at}: {name}.grad = {number(a)}, and it is {number(b)}"
            example = example or ("" if _close(slack, a, b) else words)
        got += answer["grads"]
        due += grads
    return Found(trial, got, due, called, slack, example)


def _composed(found: list[Found]) -> list[Found]:
    """The findings, with what each operation is made of as its simplest trial shows it."""
    parts: dict[str, set[str]] = {}
    for x in found:
        if x.trial.kind == "rule":
            parts[x.trial.op] = parts.get(x.trial.op, set()) | x.called
    through = [set() if x.trial.kind in BARE else x.called - x.trial.ops() for x in found]
    return [
        x._replace(called=own | parts.get(x.trial.op, set()))
        for x, own in zip(found, through, strict=True)
    ]


def _missing(report: StudentReport, trial: Trial, told: str, lacks: list[str] | None) -> None:
    """A gap, or a fault: a number is refused where two nodes are not; or what all begins with."""
    fault = None
    if trial.kind == "reflected" and lacks:
        own = f"__r{METHODS[trial.op]}__"
        method = own if own in lacks else lacks[0]
        fault = Fault("structure", f"a number on the left is refused: {method} is missing", method)
    elif trial.kind in ("number", "reflected") and lacks is not None:
        wrap = f"other if isinstance(other, {report.name}) else {report.name}(other)"
        text = f"a number is refused: {trial.text}"
        fault = Fault("structure", text, "number", f"make a node of it: {wrap}")
    elif trial.text in ("a + b", "a * b"):
        fault = Fault("structure", f"{trial.text} is refused", trial.op)
    if fault:
        report.blame(fault, [Check(trial.text, "wrong", f"{trial.text}: {told}", trial.op)])
    else:
        report.checks.append(Check(trial.text, "missing", told, trial.op))


# ---- the numbers that are right, and those that each mistake gives -------------------------------


def _graphs(text: str) -> Iterator[tuple[Any, list[Any]]]:
    trial = table()[text]
    for point in trial.points:
        leaves = {name: Value(x) for name, x in point.items()}
        yield trial.build(lambda name, x: getattr(functions, name)(x), leaves), [*leaves.values()]


@cache
def right_of(text: str) -> list[tuple[float, list[float]]]:
    """The value of an expression and its gradients, at each point."""
    return [(root.data, gradients(root, leaves)) for root, leaves in _graphs(text)]


@cache
def wrong_of(text: str) -> dict[Cause, list[Numbers]]:
    """The gradients that each mistake gives in a trial; one cause may have several ways."""
    each = [
        {
            (cause, turn): [found.get(leaf, 0.0) for leaf in leaves]
            for turn, (cause, found) in enumerate(_mistaken(root))
        }
        for root, leaves in _graphs(text)
    ]
    wrong: dict[Cause, list[Numbers]] = {}
    for cause, turn in each[0]:
        if all((cause, turn) in here for here in each):
            wrong.setdefault(cause, []).append([g for here in each for g in here[cause, turn]])
    return wrong


def _mistaken(root: Any) -> Iterator[tuple[Cause, dict[Any, float]]]:
    """Each mistake that can be made in a graph, with the gradients that it gives."""
    for mistake in catalogue(root):
        walk, kind = mistake.walk, next(iter(mistake.walk))
        if "again" in walk or isinstance(walk.get("seed"), float):
            continue  # there is one pass, and any seed is told by its size
        cause = Cause(mistake.name, mistake.right, mistake.key)
        if mistake.name.startswith((OVERWRITES.text, "only the first")):
            cause = OVERWRITES
        elif not mistake.key:
            rule = "chain" if kind == "rules" else kind
            cause = cause._replace(rule=rule, kind="structure")
        try:
            yield cause, handed(root, **walk)
        except Exception:  # a wrong row may divide by zero
            yield cause, {}
    first, _, shares = next(sweep(root))
    kept: dict[Any, float] = {}
    for x, share in zip(first.inputs, shares, strict=True):
        kept[x] = kept.get(x, 0.0) + (share or 0.0)
    yield FIRST, kept


# ---- the mistakes that explain all ---------------------------------------------------------------


def _judge(report: StudentReport, trials: list[Trial], replies: Replies, slack: float) -> None:
    """Add the checks of numbers, and the fewest faults that explain the wrong ones."""
    found = _composed([x for trial in trials if (x := _found(report, trial, replies, slack))])
    for x in found:
        verdict = "wrong" if x.example else "right"
        report.checks.append(Check(x.trial.text, verdict, x.example, x.trial.op or x.trial.kind))
    right = [x for x in found if not x.example]
    wrong = [x for x in found if x.example]
    if (replies["leaf"].get("answer") or {}).get("rule") == "leaf":  # nothing else can be right
        report.faults.append(Fault(**replies["leaf"]["answer"]))
        report.faults[-1].checks = [x.trial.text for x in wrong]
        return
    while wrong:
        cause, explained = _best(_innermost(wrong), right)
        examples = [x.example for x in explained]
        fault = Fault(cause.kind, cause.text, cause.rule, cause.right, examples)
        report.faults.append(fault)
        wrong, every = [], wrong
        for x in every:
            follows = any(x is y for y in explained) or _follows(x, cause)
            (fault.checks.append(x.trial.text) if follows else wrong.append(x))


def _innermost(wrong: list[Found]) -> list[Found]:
    """Those that go through no other operation that is wrong."""
    broken = {x.trial.op for x in wrong if x.trial.kind in ("rule", "reuse")}
    return [x for x in wrong if not x.called & broken] or wrong


def _follows(x: Found, cause: Cause) -> bool:
    """True if a trial goes through what is at fault."""
    if cause.kind == "structure":
        return cause == UNCHAINED or x.trial.kind != "rule" or bool(x.called)
    return cause.rule in x.trial.ops() | x.called


def _best(wrong: list[Found], right: list[Found]) -> tuple[Cause, list[Found]]:
    """The mistake that explains most of what is wrong, and contradicts nothing that is right."""
    of_values = [x for x in wrong if not x.got]
    if of_values:
        op, text = of_values[0].trial.op, of_values[0].trial.text
        cause = Cause(f"the value of {text} is wrong", "", op, "value")
        return cause, [x for x in of_values if x.trial.op == op]
    explained: Explained = {}
    for x in wrong:
        for cause, ways in wrong_of(x.trial.text).items():
            if any(map(x.gives, ways)):
                explained.setdefault(cause, []).append(x)
        if seed := _scale(x):
            explained.setdefault(SEEDED._replace(text=SEEDED.text.format(seed)), []).append(x)
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


def _scale(x: Found) -> str:
    """The number by which all gradients are too large; "" if there is none."""
    scale = next((a / b for a, b in zip(x.got, x.due, strict=True) if b), None)
    if scale is None or not x.gives([scale * g for g in x.due]):
        return ""
    return number(float(f"{scale:.9g}"))


def _contradicts(x: Found, cause: Cause) -> bool:
    """True if a right trial, made as it is here, would be wrong by this cause."""
    if cause.rule == "seed":
        return any(x.due)
    if x.called or x.trial.kind not in BARE:
        return False
    ways = wrong_of(x.trial.text).get(cause)
    return ways is not None and not any(map(x.gives, ways))


def _in_one_place(wrong: list[Found], explained: Explained) -> tuple[Cause, list[Found]]:
    """The fault of one operation, or of one way to use it, that no mistake of all explains."""
    first = min(wrong, key=lambda x: (KINDS.index(x.trial.kind), len(x.called)))
    op, kind = first.trial.op, first.trial.kind
    of_op = [x for x in wrong if x.trial.op == op]
    if kind in ("reuse", "place", "order"):
        some = of_op if kind == "order" else [first]
        pairs = [pair for x in some for pair in zip(x.got, x.due, strict=True)]
        often = all(abs(a) > abs(b) for a, b in pairs if not _close(first.slack, a, b))
        itself = any(len(x.trial.points[0]) == 1 and x.trial.kind == "reuse" for x in of_op)
        sides = sum(x.trial.kind == "reuse" for x in of_op)
        if often or kind == "order" or (not itself and sides > 1):
            return Cause(OFTEN if often else EARLY, TURN, "order", "structure"), of_op
        return OVERWRITES._replace(text=f"{OVERWRITES.text} in what {op} adds to it"), of_op
    named = next((c for c, trials in explained.items() if first in trials and c.rule == op), None)
    told = f": {named.text}" if named else ""
    text = f"the gradient of {op if kind == 'rule' else first.trial.text} is wrong{told}"
    return Cause(text, named.right if named else "", op), of_op
