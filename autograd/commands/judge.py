"""`valuegrad judge FILE.py:df --of FILE.py:f`: a learner's work judged from the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..checking.sandbox import run
from ..checking.student import check_student
from ..core.rules import RULES
from .check import arguments_of, load
from .expression import UsageError

if TYPE_CHECKING:
    from ..checking.student import StudentReport

EXAMPLE = "valuegrad judge answers.py:df --of exercise.py:f --at x=2,y=-3"


def add_judge_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare `judge` among the commands of a parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "judge", help="a learner's gradient, rule or engine, with the mistakes in words",
        epilog=f"example: {EXAMPLE}; the status is 0 for right, 1 for wrong, 2 for neither",
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
    (reply,) = run(_loads, [args.work], args.seconds)  # what the file does happens there first
    if told := reply.get("told"):
        raise UsageError(f"{args.work}: {told}")
    if reply["answer"]:
        raise UsageError(reply["answer"])
    try:
        report = _report(load(args.work), args)
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


def _report(theirs: Any, args: argparse.Namespace) -> StudentReport:
    if args.of is None or args.of in RULES:
        return check_student(theirs, args.of, seconds=args.seconds)
    f = load(args.of)
    at = tuple(arguments_of(f, args.at, arrays=True)) if args.at else None
    return check_student(theirs, f, at=at, seconds=args.seconds)
