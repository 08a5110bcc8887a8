"""A learner's gradient of a function, or rule of an operation, judged at several points.

A rule is the gradient of its operation, times what arrives. The mistakes that are named explain the
wrong numbers at every point.
"""

from __future__ import annotations

import copy
import inspect
import math
import random
import re
from contextlib import suppress
from functools import partial
from itertools import islice
from types import FunctionType, SimpleNamespace
from typing import NamedTuple

from ..core import functions
from ..core.graph import Node, gradients, nodes
from ..core.kinds import describe
from ..core.modes import no_grad
from ..core.rules import rule
from ..core.value import Value
from ..printing.symbols import Symbol, render
from ..seeing.diagnosing import Match, diagnose, same
from ..seeing.wording import number
from .arguments import Arguments, rows_of
from .check import gradcheck
from .sandbox import ask, run
from .student import Check, Fault, StudentReport
from .subjects import Recorded, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    Point = tuple[Any, ...]
    Reply = dict[str, Any]

POINTS = 5  # that are chosen
BESIDE = 2  # points tried beside each that is given
SPREAD = 6  # points of an operation
ARRIVING = (1.0, -2.0, 0.5, 3.0, 1.5, -1.0)  # gradients that reach it
SHOWN = 4  # numbers of a point that are told
MOST = 3  # causes that are told of one fault
NEARLY = 1e-7  # the relative error of good finite differences
SCALED = "times what it should be"
CHAIN = "follow every path to the root, and multiply along each: the chain rule"
OTHERS = ("exp", "log", "sin", "cos", "tan", "tanh", "sigmoid", "sqrt", "relu", "atan", "sinh",
          "cosh")  # fmt: skip


class Place(NamedTuple):
    """One point, and what is known there: of each number its name, what is claimed, what is right.

    A verdict is "right", "nearly", "wrong" or "" where nothing can be said. `graph` is that of f,
    as a root and its leaves; None if f has none of single numbers.
    """

    point: str
    names: list[str]
    claimed: list[float]
    right: list[float]
    verdicts: list[str]
    graph: Any
    given: bool = False  # by the teacher

    def example(self, i: int) -> str:
        """Show the claim for one number beside the right one."""
        apart = abs(self.claimed[i] - self.right[i])
        shown = f"{number(self.claimed[i])}, and it is {number(self.right[i])}"
        return f"at {self.point}: {shown} ({apart:.2g} apart)"


class Cause(NamedTuple):
    """A mistake in words, what is right, and the operation or the structure at fault."""

    text: str
    right: str = ""
    rule: str = ""
    kind: str = "rule"


def judge_gradient(df: Any, f: Any, at: Any, seconds: float) -> StudentReport:
    """The report on `df` as the gradient of `f`."""
    for name, part in (("theirs", df), ("f", f)):
        if not callable(part):
            raise TypeError(
                f"{name} is {describe(part)}: check_student takes a gradient and its function f, a "
                "rule and the name of its operation, or a class alone"
            )
    title = name_of(df) if name_of(df) != "f" else "your gradient"
    report = StudentReport(title, "gradient")
    given, points = _points(f, df, at)
    replies = run(partial(_answer, df), points, seconds, f)
    names = Arguments(f, points[0]).names
    first = _said(names, points[0])
    report.tried = f"the gradient of {name_of(f)} at {len(points)} points, such as {first}"
    _judge(report, [(f, args, _said(names, args)) for args in points], replies, given)
    return report


def _answer(df: Any, args: Point) -> Any:
    return ask(df, *copy.deepcopy(args))


def judge_rule(columns: Any, name: str, seconds: float) -> StudentReport:
    """The report on `columns` as those of the row of that name."""
    row = rule(name)
    count = len(row.columns)
    if row.of_arrays or row.variadic or count > 3:
        raise ValueError(f"{name} takes a list: check_student judges rules of single numbers")
    theirs = columns if isinstance(columns, (tuple, list)) else [columns]
    if len(theirs) not in (1, count) or not all(map(callable, theirs)):
        raise TypeError(
            f"{name} has {count} inputs: give a tuple of {count} functions (g, out, ...)"
        )
    report = StudentReport(f"the rule of {name}", "rule")
    points = list(zip(ARRIVING, spread(row), strict=True))
    report.tried = f"{name} at {len(points)} points, with several gradients that arrive"
    jobs = [(g, float(row.compute(*args)), *args) for g, args in points]
    said = [_said(["g", "x", "y", "z"], (g, *args)) for g, args in points]
    tried = [(_times(row, g), args, words) for (g, args), words in zip(points, said, strict=True)]
    _judge(report, tried, run(partial(_shares, theirs), jobs, seconds), op=name)
    return report


def _shares(theirs: Sequence[Any], job: Point) -> Any:
    answers = [ask(column, *job) for column in theirs]
    return answers if len(answers) > 1 else answers[0]


def _times(row: Any, g: float) -> Callable[..., Any]:
    """The operation times what arrives, as a function of inputs with names."""
    of = row.compute
    one, two = lambda x: of(x) * g, lambda x, y: of(x, y) * g
    return (one, two, lambda x, y, z: of(x, y, z) * g)[len(row.columns) - 1]


# ---- points --------------------------------------------------------------------------------------


def spread(row: Any) -> list[Point]:
    """Points spread over the domain of an operation."""
    rng = random.Random(1)
    parts = [rng.sample(range(SPREAD), SPREAD) for _ in row.columns]
    return [
        tuple(
            _inside(low, high, (part + rng.uniform(0.1, 0.9)) / SPREAD)
            for (low, high), part in zip(row.fact.domain, cut, strict=True)
        )
        for cut in zip(*parts, strict=True)
    ]


def _inside(low: float, high: float, part: float) -> float:
    """A number that far from the lower end to the upper; an open side is 2.6 or 5.2 long."""
    if high == math.inf:
        low, high = (-2.6, 2.6) if low == -math.inf else (low, low + 2.6)
    elif low == -math.inf:
        low = high - 2.6
    return round(low + (high - low) * part, 2)


def _points(f: Any, df: Any, at: Any) -> tuple[int, list[Point]]:
    """How many points are given, and those with others: beside each, or anywhere."""
    rng = random.Random(0)
    if at is None:
        if not (count := _count(f) or _count(df)):
            raise ValueError(
                f"how many arguments {name_of(f)} takes is not told: give points as at="
            )
        some = [  # some functions take positive numbers only
            tuple(round(rng.uniform(low, 3.0), 2) or 1.0 for _ in range(count))
            for low in (-3.0, 0.1) * 100
        ]
        found = list(islice(_with_values(f, some), POINTS))
        if not found:
            _refuse(f, some[0])
        return 0, found
    points = [x if isinstance(x, tuple) else (x,) for x in (at if isinstance(at, list) else [at])]
    if not points or not all(points):
        raise ValueError("at is a point, a tuple of arguments, or a list of points: it is empty")
    for args in points:
        _refuse(f, args)
    beside = [_beside(args, rng) for args in points[:POINTS] for _ in range(BESIDE)]
    return len(points), [*points, *_with_values(f, beside)]


def _count(f: Any) -> int:
    """How many arguments a function needs; 0 if it does not tell."""
    with suppress(TypeError, ValueError):
        parameters = inspect.signature(f).parameters.values()
        return sum(p.default is p.empty and p.kind < p.VAR_POSITIONAL for p in parameters)
    return 0


def _with_values(f: Any, points: Iterable[Point]) -> Iterator[Point]:
    """The points at which f has a value."""
    for args in points:
        with suppress(ValueError):
            _refuse(f, args)
            yield args


def _refuse(f: Any, args: Point) -> None:
    """Raise if f has no value at a point."""
    try:
        function, _ = _as_plain(f, args)
        value = math.fsum(Arguments(list, (function(*copy.deepcopy(args)),)).numbers)
    except Exception as error:
        raise ValueError(
            f"{name_of(f)} raises {type(error).__name__} at {args}: {error}; give other points, "
            "as a list of tuples, at=[(2.0, -3.0)]"
        ) from error
    if not math.isfinite(value):
        raise ValueError(f"{name_of(f)} is {value} at {args}: it has no gradient there")


def _beside(args: Point, rng: random.Random) -> Point:
    """The point with each number a little off."""
    arguments = Arguments(list, args)
    return arguments.filled(
        (x or 0.1) * (1.0 + rng.choice((-1, 1)) * rng.uniform(0.03, 0.2)) for x in arguments.numbers
    )


def _said(names: list[str], args: Point) -> str:
    numbers = Arguments(list, args).numbers
    more = ", ..." if len(numbers) > SHOWN else ""
    pairs = zip(names[:SHOWN], numbers, strict=False)
    return ", ".join(f"{name} = {x:.6g}" for name, x in pairs) + more


# ---- one point -----------------------------------------------------------------------------------


def _place(f: Any, args: Point, said: str, answer: Any) -> Place:
    """The verdicts at a point on what is claimed there: of the graph of f, or of differences."""
    function, graph = _as_plain(f, args)
    if len(args) > 1 or (isinstance(answer, list) and len(answer) == 1):
        answer = _several(answer, len(args), f)
    claimed = answer[0] if isinstance(answer, tuple) and len(args) == 1 else answer
    names = [f"by {name}" for name in Arguments(f, args).names]
    right = gradients(*graph) if graph else []
    if graph:
        (found,) = rows_of(0.0, args if len(args) > 1 else args[0], claimed, "args[0]")
        if all(map(same, found, right)):
            return Place(said, names, found, right, ["right"] * len(right), graph)
    rows = gradcheck(function, *args, df=lambda *_: claimed).rows
    right = right or [row.numeric for row in rows]
    largest = NEARLY * max(map(abs, right), default=0.0)
    verdicts = []
    for row, due in zip(rows, right, strict=True):
        apart, seen = abs(row.analytic - due), row.verdict
        if seen == "wrong" and apart <= NEARLY * max(abs(due), largest):
            seen = "nearly"
        elif seen == "noisy" and graph:  # as on stairs: then the graph knows better
            seen = "ok" if apart <= NEARLY * max(abs(due), 1e-300) else "wrong"
        verdicts.append({"ok": "right", "kink": "right", "noisy": ""}.get(seen, seen))
    names *= len(rows) // len(names)  # f may have several results
    return Place(said, names, [row.analytic for row in rows], right, verdicts, graph)


def _as_plain(f: Any, args: Point) -> tuple[Any, Any]:
    """A function as one of plain numbers, and its graph; f alone if it takes no Values."""
    with suppress(Exception), no_grad():
        recorded = _recorded(f, args)
        one = len(recorded.found) == 1 and not recorded.on_arrays and recorded.found[0][0].inputs

        def function(*args: Any) -> Any:
            found = recorded.values(Arguments(list, args).numbers)
            return found[0] if len(found) == 1 else found

        return function, (recorded.found[0][0], recorded.leaves) if one else None
    return f, None


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


def _several(answer: Any, count: int, f: Any) -> tuple[Any, ...]:
    """A gradient for each argument."""
    parts = list(answer.values()) if isinstance(answer, dict) else answer
    if not isinstance(parts, list) or len(parts) != count:
        told = len(parts) if isinstance(parts, list) else describe(answer)
        raise ValueError(
            f"it returns {told} where {count} gradients are due: one for each argument of "
            f"{name_of(f)}"
        )
    return tuple(parts)


# ---- the verdict ---------------------------------------------------------------------------------


def _judge(
    report: StudentReport, tried: list[tuple[Any, Point, str]], replies: list[Reply],
    given: int = 0, op: str = "",
) -> None:  # fmt: skip
    """Add a check for each number at each point, and the faults that explain what is wrong."""
    places: list[Place] = []
    for k, ((f, args, said), reply) in enumerate(zip(tried, replies, strict=True)):
        try:
            if "told" in reply:
                raise ValueError(reply["told"])
            place = _place(f, args, said, reply["answer"])
            places.append(place._replace(given=k < given))
            _check(report, places[-1])
        except (TypeError, ValueError) as error:
            told = re.sub(r" for args[][\d]*", "", str(error)).replace("df returned", "it returns")
            fault = Fault(reply.get("kind", "answer"), told)
            names = Arguments(f, args).names
            report.blame(fault, [Check(f"by {x}", "wrong", f"at {said}") for x in names])
        report.note(reply)
    if any("nearly" in place.verdicts for place in places):
        report.notes.append("its last digits are off, as those of finite differences are")
    numbers = range(len(places[0].names) if places else 0)
    wrong = [i for i in numbers if any(place.verdicts[i] == "wrong" for place in places)]
    together = causes(places, wrong, op) if len(wrong) > 1 else []
    groups = [(wrong, together)] if together else [([i], causes(places, [i], op)) for i in wrong]
    report.faults += [_fault(places, group, told) for group, told in groups]
    for fault in report.faults:
        fault.rule = op or fault.rule


def _check(report: StudentReport, place: Place) -> None:
    for i, (name, verdict) in enumerate(zip(place.names, place.verdicts, strict=True)):
        if verdict:
            told = place.example(i) if verdict == "wrong" else ""
            report.checks.append(Check(name, "wrong" if told else "right", told))
        else:
            report.notes.append(f"{name} at {place.point}: rounding hides whether it is right")


def _fault(places: list[Place], group: list[int], told: list[Cause]) -> Fault:
    names = [places[0].names[i] for i in group]
    subject = "the gradient {} is wrong" if len(group) == 1 else "the gradients {} are wrong"
    shows = [(i, p) for p in places for i in group if p.verdicts[i] == "wrong"]
    text = subject.format(" and ".join(names))
    if any(p.given for p in places) and not any(p.given for _, p in shows):
        text += ", but at the points that were given"
    if told:
        text += ": " + "; or ".join(cause.text for cause in told)
    right = next((cause.right for cause in told if cause.right), "")
    op = next((cause.rule for cause in told if cause.rule), "")
    return Fault("gradient", text, op, right, [p.example(i) for i, p in shows], names)


# ---- the mistakes that explain what is wrong -----------------------------------------------------


def causes(places: Sequence[Place], wrong: Sequence[int], op: str = "") -> list[Cause]:
    """The mistakes that give what is claimed for these numbers at every place, likeliest first.

    With `op` only the row of that operation may be wrong.
    """

    def holding(guesses: Iterable[tuple[Cause, Any]]) -> list[Cause]:
        return [cause for cause, due in guesses if all(_agree(places, i, due) for i in wrong)]

    alone = len(wrong) == 1
    found = holding(_relations(places, wrong))
    found = found or ([] if op else holding(_parts(places)))
    if not found or found[0].text.endswith(SCALED):
        found += [cause for cause in _diagnosed(places, wrong, op) if cause.rule or not found]
        if alone and all(cause.text.endswith(SCALED) for cause in found):
            found += holding(_other_derivatives(places))
    return found[:MOST]


def _agree(places: Sequence[Place], i: int, due: Callable[[Place, int], float]) -> bool:
    """True if what is claimed for a number is this everywhere."""
    with suppress(Exception):  # outside a domain
        return all(same(p.claimed[i], x := due(p, i), abs(x) * NEARLY) for p in places)
    return False


def _relations(places: Sequence[Place], wrong: Sequence[int]) -> Iterator[tuple[Cause, Any]]:
    """How numbers may relate to the right ones, or to others at hand."""
    first, i = places[0], wrong[0]
    if not any(p.claimed[k] for p in places for k in wrong):
        yield Cause("it is 0: nothing is handed to it"), lambda p, i: 0.0
        return
    for k, name in enumerate(first.names):
        if [k] != wrong:
            words = f"it is the gradient {name}", "each argument has a gradient of its own"
            yield Cause(*words), lambda p, i, k=k: p.right[k]
    scale = next((p.claimed[i] / p.right[i] for p in places if p.right[i]), 1.0)
    turned = abs(scale + 1.0) < NEARLY
    if scale != 1.0:
        text = "its sign is turned" if turned else f"it is {number(scale)} {SCALED}"
        yield Cause(text), lambda p, i: scale * p.right[i]
    text = "it is the value of the function, and not its derivative"
    yield Cause(text), lambda p, i: p.graph[0].data
    if any(p.right[i] != first.right[i] for p in places):
        accident = f"it is right by accident at {first.point}: "
        text = accident * (first.verdicts[i] == "right") + "it is the same number at all points"
        words = text, "a derivative changes with the point"
        yield Cause(*words), lambda p, i: first.claimed[i]


def _parts(places: Sequence[Place]) -> Iterator[tuple[Cause, Any]]:
    """The gradient of a part of the function, where the rest of the chain is lost."""
    for k, node in enumerate(_nodes(places[0])):
        if k and node.inputs:  # the root is the whole
            cause = Cause(f"it is the gradient of {formula(node)} alone", CHAIN)
            yield cause, lambda p, i, k=k: gradients(_nodes(p)[k], [p.graph[1][i]])[0]


def _nodes(place: Place) -> list[Any]:
    return nodes(place.graph[0]) if place.graph else []


def _other_derivatives(places: Sequence[Place]) -> Iterator[tuple[Cause, Any]]:
    """The second derivative, or that of another function in the place of an operation's."""
    yield Cause("it is the second derivative"), _second
    for k, node in enumerate(_nodes(places[0])):
        for other in OTHERS if len(node.inputs) == 1 else ():
            for sign, minus in ((1.0, ""), (-1.0, "minus ")):
                text = f"{minus}the derivative of {other} stands in the place of that of {node.op}"
                cause = Cause(text, f"{node.op} has a derivative of its own", node.op)
                yield cause, partial(_with_other, k, getattr(functions, other), sign)


def _second(place: Place, i: int) -> float:
    root, leaves = place.graph
    slope = gradients(root, leaves, create_graph=True)[i]
    return float(gradients(slope, [leaves[i]])[0])


def _with_other(k: int, other: Any, sign: float, place: Place, i: int) -> float:
    """The right number, with the slope of another function in the place of one node's."""
    node = _nodes(place)[k]
    leaf = Value(node.inputs[0].data)
    return float(sign * place.right[i] * gradients(other(leaf), [leaf])[0] / node.partials[0])


def _diagnosed(places: Sequence[Place], wrong: Sequence[int], op: str) -> list[Cause]:
    """The mistakes of the catalogue that give the same wrong numbers at every place."""
    found: dict[Any, Cause] | None = None
    for place in places:
        order = {node: k for k, node in enumerate(_nodes(place))}
        leaves = place.graph[1] if order else []
        claimed = {leaves[i]: place.claimed[i] for i in wrong if order and leaves[i] in order}
        diagnosis = diagnose(place.graph[0], claimed) if claimed else None
        if not diagnosis:  # the mistake is too small to be seen here, or f does not depend on it
            here = {
                (match.mistake.name, *map(order.get, match.nodes)): _told(match, op)
                for match in (diagnosis.matches if diagnosis is not None else [])
                if op in ("", match.mistake.key)
            }
            found = here if found is None else {k: found[k] for k in found if k in here}
    return list((found or {}).values())


def _told(match: Match, op: str) -> Cause:
    at = " and ".join(formula(node) for node in match.nodes) if not op else ""
    row = match.mistake.key or (match.nodes[0].op if match.nodes else "")
    return Cause(match.mistake.name + (f", at {at}" if at else ""), match.mistake.right, row)


def formula(node: Any) -> str:
    """A node as a formula of the leaves."""
    return render(_symbol(node), "text")


def _symbol(node: Any) -> Any:
    if not isinstance(node, Node):
        return node
    if not node.inputs:
        return Symbol.named(node.label or number(node.data))
    return Symbol(node.op, *map(_symbol, node.inputs))
