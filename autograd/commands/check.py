"""`valuegrad check`, `judge` and `source`: commands on a function FILE.py:function."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..delimited import Notation, Records, add_options
from .arguments import arguments_of, called, is_point, load, parameters_of
from .expression import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..checking.report import Report
    from ..checking.student import StudentReport


# ---- valuegrad check -----------------------------------------------------------------------------


def add_check_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare `check` among the commands of a parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "check", help="compare a function's gradient with finite differences",
        epilog="example: valuegrad check mymodule.py:loss --grad mymodule.py:dloss --at x=1,2,3",
    )  # fmt: skip
    add = parser.add_argument
    add("function", metavar="FILE.py:function", help="the function to check")
    add("--at", action="append", default=[], metavar="NAME=NUMBERS", required=True,
        help="an argument: x=1.0, x=1,2,3 or W=[[1,2],[3,4]]; once for each argument; a list is an "
        "array where the function takes no list; or a .npz, .npy or .json file; or a CSV file with "
        "a column for each, which is checked at every row")  # fmt: skip
    add("--grad", metavar="FILE.py:function", help="a hand-written gradient; f is then any "
        "function of floats and NumPy arrays, and not built on this engine")  # fmt: skip
    add("--order", type=int, choices=(1, 2), default=1, help="2 checks second derivatives too")
    add("--directions", type=int, metavar="N", help="check along N random directions instead")
    add_options(parser)
    add("--json", action="store_true", help="print JSON")
    return parser


def check_command(args: argparse.Namespace) -> int:
    """Print the report; return 0 if the gradient is right, 1 if wrong, 2 if that cannot be told."""
    with redirect_stdout(sys.stderr):  # what the user's functions print
        status, text = _checked(args)
    print(text)
    return status


def _checked(args: argparse.Namespace) -> tuple[int, str]:
    """The exit status and the report."""
    f = load(args.function)
    df = load(args.grad) if args.grad else None
    at = [word for word in args.at if not is_point(word)]
    tables = [word for word in at if "=" not in word and Path(word).is_file()]
    if not tables:
        report = _report(f, df, args.at, args)
        return _status([report]), _json(_record(report)) if args.json else str(report)
    if len(tables) > 1:
        raise UsageError(f"--at names two tables, {tables[0]} and {tables[1]}: give one")
    records, others = Records(tables[0], args.separator), [w for w in args.at if w != tables[0]]
    parameters, open_ended = parameters_of(f)
    taken = [] if open_ended else [p.name for p in parameters]
    columns = [name for name in records.names if name in (taken or records.names)]
    notation, reports = Notation(args.decimal or "point", args.thousands or ""), []
    texts: list[str] = []
    for record, numbers in records.numbers(columns, notation):
        words = [f"{name}={x!r}" for name, x in zip(columns, numbers, strict=True)]
        reports.append((record.line, _report(f, df, [*words, *others], args)))
        texts.append(f"{tables[0]} line {record.line}\n{reports[-1][1]}")
    if args.json:
        texts = [_json([{"line": line, **_record(report)} for line, report in reports])]
    return _status([report for _, report in reports]), "\n".join(texts)


def _status(reports: Sequence[Report]) -> int:
    verdicts = {row.verdict for report in reports for row in report.rows}
    return 1 if "wrong" in verdicts else 2 if "noisy" in verdicts else 0


def _json(record: Any) -> str:
    return json.dumps(record, indent=2, allow_nan=False)


def _record(report: Report) -> dict[str, Any]:
    return {
        "ok": bool(report),
        "rows": [row.record() for row in report.rows],
        "notes": report.notes,
        "culprits": [str(finding) for finding in report.culprits],
    }


def _report(
    f: Callable[..., Any], df: Callable[..., Any] | None, words: Sequence[str],
    args: argparse.Namespace,
) -> Report:  # fmt: skip
    """The check at the arguments that these words give."""
    from ..checking.check import gradcheck

    act = partial(gradcheck, f, df=df, order=args.order, directions=args.directions)
    report: Report = called(act, args.function, f, words, arrays=df is not None)
    return report


# ---- valuegrad source ----------------------------------------------------------------------------


def add_source_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare `source` among the commands of a parser."""
    from ..printing.code import LANGUAGES

    parser: argparse.ArgumentParser = subparsers.add_parser(
        "source", help="print a function and its gradient as a program",
        epilog="example: valuegrad source mymodule.py:loss --at x=1,2,3 --language c > loss.c",
    )  # fmt: skip
    add = parser.add_argument
    add("function", metavar="FILE.py:function", help="a function of numbers and lists of them")
    add("--at", action="append", default=[], metavar="NAME=NUMBERS",
        help="an argument to record it with, such as x=1.0 or x=1,2,3; or a file")  # fmt: skip
    add("--language", choices=LANGUAGES, default="python", help="of the program (python)")
    add("--value", action="store_true", help="without the gradient")
    add("--hvp", action="store_true", help="with the Hessian times a vector")
    return parser


def source_command(args: argparse.Namespace) -> int:
    """Print the program."""
    from ..printing.source import to_source

    with redirect_stdout(sys.stderr):  # what the user's functions print
        f = load(args.function)
        act = partial(to_source, f, language=args.language, gradient=not args.value, hvp=args.hvp)
        text = called(act, args.function, f, args.at)
    print(text, end="")
    return 0


# ---- valuegrad judge -----------------------------------------------------------------------------


def add_judge_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare `judge` among the commands of a parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "judge", help="a learner's gradient, rule or engine, with the mistakes in words",
        epilog="example: valuegrad judge answers.py:df --of exercise.py:f --at x=2 --at y=-3; "
        "the status is 0 for right, 1 for wrong, 2 for neither",
    )  # fmt: skip
    add = parser.add_argument
    add("work", metavar="FILE.py:name", help="the learner's gradient, rule, or class of an engine")
    add("--of", metavar="FILE.py:f", help="the function that it is the gradient of, or the name of "
        "the operation that it is the rule of; an engine needs none")  # fmt: skip
    add("--at", action="append", default=[], metavar="NAME=NUMBER",
        help="a point, once for each argument of f; without it points are chosen")  # fmt: skip
    add("--seconds", type=float, default=5.0, help="the time for one trial")
    add("--json", action="store_true", help="print JSON")
    return parser


def judge_command(args: argparse.Namespace) -> int:
    """Print the report; return 0 if the work is right, 1 if it is wrong and 2 for neither."""
    from ..checking.sandbox import run

    (reply,) = run(_loads, [args.work], args.seconds)  # what the file does happens there first
    if told := reply.get("told"):
        raise UsageError(f"{args.work}: {told}")
    if reply["answer"]:
        raise UsageError(reply["answer"])
    try:
        report = _judged(load(args.work), args)
    except (TypeError, ValueError, LookupError) as error:
        raise UsageError(f"{args.work}: {error}") from error
    print(report.to_json() if args.json else report)
    return 0 if report else 1 if report.of("wrong") or report.faults else 2


def _loads(work: str) -> str:
    """Why the work cannot be had from its file, "" if it can."""
    try:
        load(work)
    except UsageError as error:
        return str(error)
    return ""


def _judged(theirs: Any, args: argparse.Namespace) -> StudentReport:
    from ..checking.student import check_student
    from ..core.rules import RULES

    if args.of is None or args.of in RULES:
        return check_student(theirs, args.of, seconds=args.seconds)
    f = load(args.of)
    at = tuple(arguments_of(f, args.at, arrays=True)) if args.at else None
    return check_student(theirs, f, at=at, seconds=args.seconds)
