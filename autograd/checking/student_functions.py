"""A learner's gradient of a function, judged at several points."""

from __future__ import annotations

import copy
import inspect
import math
import random
from contextlib import suppress
from functools import partial
from types import FunctionType, SimpleNamespace

from ..core import functions
from ..core.graph import gradients
from ..core.kinds import describe
from ..core.modes import no_grad
from .arguments import Arguments, is_array
from .check import gradcheck
from .sandbox import ask, packed, run, unpacked
from .student_causes import Place, Told, causes
from .student_report import Check, Fault, StudentReport
from .subjects import Recorded, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Point = tuple[Any, ...]

POINTS = 5  # that are chosen
BESIDE = 2  # points tried beside each that is given
SHOWN = 4  # numbers of a point that are told
NEARLY = 1e-7  # the relative error of good finite differences


def judge_gradient(df: Any, f: Any, at: Any, seconds: float) -> StudentReport:
    """The report on `df` as the gradient of `f`."""
    report = StudentReport(_title(df), "gradient")
    given, points = _points(f, df, at)
    replies = run(partial(_answer, df), points, seconds, f)
    names = Arguments(f, points[0]).names
    report.tried = f"the gradient of {name_of(f)} at {len(points)} points, such as " + _said(
        names, points[0]
    )
    places = []
    for args, reply in zip(points, replies, strict=True):
        told = no_answer(reply)
        if not told:
            try:
                places.append(_place(f, args, unpacked(reply["answer"])))
            except (TypeError, ValueError) as error:
                told = "answer", _their_words(error)
        if told:
            blame(
                report,
                *told,
                [Check(f"by {x}", "wrong", f"at {_said(names, args)}") for x in names],
            )
        note_reply(report, reply)
    judge(report, places, given)
    return report


def _title(df: Any) -> str:
    return name_of(df) if name_of(df) != "f" else "your gradient"


def _answer(df: Any, args: Point) -> Any:
    return packed(ask(df, *copy.deepcopy(args)))


def no_answer(reply: dict[str, Any]) -> tuple[str, str] | None:
    """The kind and the words of a fault where no answer came."""
    if "ended" in reply:
        return "endless", reply["ended"]
    if "error" in reply:
        line = f" ({reply['line']})" if reply["line"] else ""
        return "raises", f"it raises {reply['error']}{line}"
    return None


def _their_words(error: Exception) -> str:
    told = str(error).replace("df returned", "it returns").replace(" for argument 1", "")
    return told.replace("df returns", "it is to return")


def blame(report: StudentReport, kind: str, text: str, checks: list[Check]) -> None:
    """Add checks that are wrong, and their fault, which is told once."""
    report.checks += checks
    known = next((x for x in report.faults if x.text == text or x.kind == kind == "endless"), None)
    fault = known or Fault(kind, text)
    if not known:
        report.faults.append(fault)
    fault.checks = list(dict.fromkeys([*fault.checks, *(check.name for check in checks)]))
    fault.examples = list(dict.fromkeys([*fault.examples, *(check.example for check in checks)]))


def note_reply(report: StudentReport, reply: dict[str, Any]) -> None:
    """Say what the code called that it should not, and what it printed."""
    used = reply.get("used", [])
    if not used and "{'node'" in str(reply.get("answer", "")):
        used = ["autograd.Value"]
    known = any(fault.kind == "ours" for fault in report.faults)
    if used and not known:
        text = f"this answer calls {' and '.join(used[:3])}: write the derivative yourself"
        report.faults.insert(0, Fault("ours", text))
    note = f"it prints {reply.get('printed', '')!r}"
    if reply.get("printed") and not any(x.startswith("it prints") for x in report.notes):
        report.notes.append(note)


# ---- points --------------------------------------------------------------------------------------


def _points(f: Any, df: Any, at: Any) -> tuple[int, list[Point]]:
    """How many points are given, and those with others: beside each, or anywhere."""
    rng = random.Random(0)
    if at is None:
        return 0, _anywhere(f, _count(f) or _count(df), rng)
    given = at if isinstance(at, list) else [at]
    points = [x if isinstance(x, tuple) else (x,) for x in given]
    if not points or not all(points):
        raise ValueError("at is a point, a tuple of arguments, or a list of points: it is empty")
    for args in points:
        _refuse(f, args)
    beside = [_beside(args, rng) for args in points[:POINTS] for _ in range(BESIDE)]
    return len(points), points + [args for args in beside if _has_value(f, args)]


def _count(f: Any) -> int:
    """How many arguments a function needs; 0 if it does not tell."""
    with suppress(TypeError, ValueError):
        parameters = inspect.signature(f).parameters.values()
        due = [p for p in parameters if p.default is p.empty]
        if all(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in due):
            return len(due)
    return 0


def _anywhere(f: Any, count: int, rng: random.Random) -> list[Point]:
    """Points at which f has a value."""
    if not count:
        raise ValueError(f"how many arguments {name_of(f)} takes is not told: give points as at=")
    found: list[Point] = []
    for turn in range(200):
        low = (-3.0, 0.1)[turn % 2]  # some functions take positive numbers only
        args = tuple(round(rng.uniform(low, 3.0), 2) or 1.0 for _ in range(count))
        if _has_value(f, args):
            found.append(args)
        if len(found) == POINTS:
            return found
    if not found:
        _refuse(f, args)
    return found


def _refuse(f: Any, args: Point) -> None:
    """Raise if f has no value at a point."""
    try:
        value = _value(f, args)
    except Exception as error:
        raise ValueError(
            f"{name_of(f)} raises {type(error).__name__} at {args}: {error}; give other points, "
            "as a list of tuples, at=[(2.0, -3.0)]"
        ) from error
    if not value - value == 0.0:
        raise ValueError(f"{name_of(f)} is {value} at {args}: it has no gradient there")


def _has_value(f: Any, args: Point) -> bool:
    try:
        _refuse(f, args)
    except ValueError:
        return False
    return True


def _value(f: Any, args: Point) -> float:
    """The sum of f's outputs, whether it takes numbers or Values."""
    with no_grad():
        try:
            return math.fsum(Recorded(f, args, 1).values(Arguments(f, args).numbers))
        except Exception:  # it may be plain Python: math.exp takes no Value
            return math.fsum(Arguments(lambda: None, (f(*copy.deepcopy(args)),)).numbers)


def _beside(args: Point, rng: random.Random) -> Point:
    """The point with each number a little off."""
    arguments = Arguments(lambda: None, args)
    off = [
        (x or 0.1) * (1.0 + rng.choice((-1, 1)) * rng.uniform(0.03, 0.2)) for x in arguments.numbers
    ]
    return arguments.filled(off)


# ---- one point -----------------------------------------------------------------------------------


def _place(f: Any, args: Point, answer: Any) -> Place:
    """The verdicts of finite differences at a point on what is claimed there."""
    function, graph = f, None
    with suppress(Exception):  # where f takes no Values, differences alone speak
        recorded = _recorded(f, args)
        function = partial(_plainly, recorded)
        if len(recorded.found) == 1 and not recorded.on_arrays and recorded.found[0][0].inputs:
            graph = recorded.found[0][0], recorded.leaves
    answer = answer if len(args) == 1 or is_array(answer) else tuple(_several(answer, len(args), f))
    if len(args) == 1 and isinstance(answer, tuple) and len(answer) == 1:
        (answer,) = answer
    rows = gradcheck(function, *args, df=lambda *_: answer).rows
    names, right = Arguments(f, args).names, [row.numeric for row in rows]
    if graph and len(rows) == len(graph[1]):
        right = gradients(*graph)
    for row in rows:
        scale = max(abs(row.numeric), max(map(abs, right)) * NEARLY)
        if row.verdict == "wrong" and row.difference <= NEARLY * scale:
            row.verdict = "nearly"
    for row, due in zip(rows, right if graph else (), strict=False):
        if row.verdict == "noisy":  # as on stairs: then the graph knows better
            apart = abs(row.analytic - due)
            row.verdict = "ok" if apart <= NEARLY * max(abs(due), 1e-300) else "wrong"
    words = {"ok": "right", "kink": "right", "noisy": ""}
    return Place(
        _said(names, args), [f"by {names[i % len(names)]}" for i in range(len(rows))],
        [row.analytic for row in rows], right,
        [words.get(row.verdict, row.verdict) for row in rows], graph,
    )  # fmt: skip


def _recorded(f: Any, args: Point) -> Recorded:
    """The record of f at a point; for functions of `math` stand those of this package."""
    try:
        return Recorded(f, args, 1)
    except TypeError:
        ours = {name: getattr(functions, name, x) for name, x in vars(math).items()}
        of_math = {id(x): ours[name] for name, x in vars(math).items() if callable(x)}
        known = {name: of_math.get(id(x), x) for name, x in f.__globals__.items()}
        known |= {n: SimpleNamespace(**ours) for n, x in f.__globals__.items() if x is math}
        named = f.__code__, known, f.__name__, f.__defaults__, f.__closure__
        return Recorded(FunctionType(*named), args, 1)


def _plainly(recorded: Any, *args: Any) -> Any:
    """The value of a function of nodes as a plain number, or a list of several."""
    found = recorded.values(Arguments(lambda: None, args).numbers)
    return found[0] if len(found) == 1 else found


def _several(answer: Any, count: int, f: Any) -> Any:
    if isinstance(answer, dict):
        answer = tuple(answer.values()) if len(answer) == count else answer
    if not isinstance(answer, tuple):
        raise ValueError(
            f"it returns {describe(answer)}, where {count} gradients are due: one for each "
            f"argument of {name_of(f)}"
        )
    if len(answer) != count:
        raise ValueError(
            f"it returns {len(answer)} where {count} gradients are due: one for each argument of "
            f"{name_of(f)}"
        )
    return answer


def _said(names: list[str], args: Point) -> str:
    numbers = Arguments(lambda: None, args).numbers
    more = ", ..." if len(numbers) > SHOWN else ""
    pairs = zip(names[:SHOWN], numbers, strict=False)
    return ", ".join(f"{name} = {x:.6g}" for name, x in pairs) + more


# ---- the verdict ---------------------------------------------------------------------------------


def judge(report: StudentReport, places: list[Place], given: int, op: str = "") -> None:
    """Add a check for each number at each place, and the faults that explain what is wrong."""
    for place in places:
        for i, (name, verdict) in enumerate(zip(place.names, place.verdicts, strict=True)):
            if verdict:
                told = place.example(i) if verdict == "wrong" else ""
                report.checks.append(Check(name, "wrong" if told else "right", told))
            else:
                report.notes.append(f"{name} at {place.point}: rounding hides whether it is right")
    if any("nearly" in place.verdicts for place in places):
        report.notes.append("its last digits are off, as those of finite differences are")
    if not places:
        return
    numbers = range(len(places[0].names))
    wrong = [i for i in numbers if any(place.verdicts[i] == "wrong" for place in places)]
    together = causes(places, wrong, op) if len(wrong) > 1 else []
    groups: dict[Any, list[int]] = {tuple(together): wrong} if together else {}
    for i in [] if together else wrong:  # those with one explanation are told together
        groups.setdefault(tuple(causes(places, [i], op)) or i, []).append(i)
    for key, group in groups.items():
        report.faults.append(_fault(places, group, key if isinstance(key, tuple) else (), given))


def _fault(places: list[Place], group: list[int], told: tuple[Told, ...], given: int) -> Fault:
    names = [places[0].names[i] for i in group]
    subject = "the gradient" if len(group) == 1 else "the gradients"
    shows = [(i, p) for p in places for i in group if p.verdicts[i] == "wrong"]
    text = f"{subject} {' and '.join(names)} {'is' if len(group) == 1 else 'are'} wrong"
    right_where_given = given and all(p not in places[:given] for _, p in shows)
    if right_where_given:
        text += ", but at the points that were given"
    if told:
        text += ": " + "; or ".join(words for words, _, _ in told)
    right = next((right for _, right, _ in told if right), "")
    op = next((op for _, _, op in told if op), "")
    return Fault("gradient", text, [p.example(i) for i, p in shows], right, op, names)
