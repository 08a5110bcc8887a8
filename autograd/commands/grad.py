"""`valuegrad grad EXPRESSION name=number ...`: gradients, with a check and a picture."""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import autograd

from ..delimited import Notation, Records, add_options, check_names
from .expression import Expression, UsageError, Worked, assignments, name_of, parse, work_out

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = 'valuegrad grad "tanh(x1*w1 + x2*w2 + b)" x1=2 x2=0 w1=-3 w2=1 b=6.88'


def add_grad_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare `grad` among the commands of a parser."""
    raw = argparse.RawDescriptionHelpFormatter
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "grad", help="gradients of an expression", formatter_class=raw, allow_abbrev=False,
        description="Gradients of an expression, with a check and a picture of its graph.",
        epilog=f"example:\n  {EXAMPLE}",
        usage="valuegrad grad EXPRESSION [name=number ...] [options]",
    )  # fmt: skip
    add = parser.add_argument
    add("expression", nargs="?", metavar="EXPRESSION", help='such as "x**2 + sin(pi*y)", in quotes')
    add("given", nargs="*", metavar="name=number", help="the number for each variable")
    add("--from", dest="file", metavar="FILE", help="a CSV file: a header of names, rows of values")
    add_options(parser)
    add("--json", action="store_true", help="print JSON (and draw only where --output says so)")
    add("-o", "--output", metavar="FILE", help="the picture: .svg .png .pdf .dot (graph.svg)")
    add("--no-graph", action="store_true", help="draw no picture")
    return parser


def grad_command(options: argparse.Namespace) -> int:
    """Print the gradients, and draw the graph."""
    if options.expression is None:
        raise UsageError(f"no expression; for example: {EXAMPLE}")
    expression = parse(options.expression)
    given = assignments(options.given)
    if options.file is None:
        return _once(work_out(expression, given), options)
    if options.output is not None:
        raise UsageError("--output draws one evaluation, and --from makes many: leave one out")
    return _each_row(expression, given, options)


def _once(worked: Worked, options: argparse.Namespace) -> int:
    if options.json:
        _print_json(worked.record())
    else:
        _print_once(worked)
    picture = options.output or ("" if options.json else "graph.svg")
    if picture and not options.no_graph:
        _draw(worked, picture)
        if not options.json:
            print(f"\nwrote {picture}")
    return 0


def _print_once(worked: Worked) -> None:
    _print_table({
        "node": [node.label for node in worked.nodes],
        "operation": [node.op for node in worked.nodes],
        "value": _aligned([node.data for node in worked.nodes]),
    })  # fmt: skip
    slopes = worked.slopes()
    if slopes:
        print()
        _print_table({
            "variable": list(slopes),
            "gradient": _aligned(list(worked.gradients.values())),
            "finite difference": _aligned([slope for slope, _ in slopes.values()]),
            "difference": [
                remark or _brief(abs(worked.gradients[name] - (slope or 0.0)))
                for name, (slope, remark) in slopes.items()
            ],
        })  # fmt: skip


def _each_row(expression: Expression, given: dict[str, float], options: argparse.Namespace) -> int:
    path = options.file
    records = Records(path, options.separator)
    header = [name_of(name) for name in records.names]
    check_names(header, f"{path} line {records.header.line}")
    if both := [name for name in given if name in header]:
        raise UsageError(f"{', '.join(both)}: given both as name=number and as a column of {path}")
    listed = textwrap.shorten(", ".join(header), 200, placeholder=" ...")
    cure = f"{path} has the columns {listed}; write name=number for what it lacks"
    columns = [name for name in expression.names + expression.constants if name in header]
    expression.require([*given, *columns], cure)
    notation = Notation(options.decimal or "point", options.thousands or "")
    as_written = [records.names[header.index(name)] for name in columns]
    rows = [
        work_out(expression, {**given, **dict(zip(columns, numbers, strict=True))})
        for _, numbers in records.numbers(as_written, notation)
    ]
    if options.json:
        _print_json([row.summary() for row in rows])
        return 0
    table = {"row": [str(i + 1) for i in range(len(rows))]}
    for name in columns:
        table[name] = _aligned([row.given[name] for row in rows], 6)
    table["value"] = _aligned([row.out.data for row in rows], 6)
    for name in rows[0].gradients:
        table[f"d/d{name}"] = _aligned([row.gradients[name] for row in rows], 6)
    _print_table(table)
    return 0


# ---- printing ------------------------------------------------------------------------------------


def _print_table(columns: dict[str, list[str]]) -> None:
    widths = [max(map(len, [head, *cells])) for head, cells in columns.items()]
    for cells in [list(columns), *zip(*columns.values(), strict=True)]:
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        print(line.rstrip())


def _aligned(numbers: Sequence[float | None], digits: int = 10) -> list[str]:
    """The numbers as text with aligned decimal points; None is a dash."""
    texts = ["-" if x is None else f"{x:.{digits}g}" for x in numbers]
    points = [len(re.split("[.e]", text)[0]) for text in texts]
    return [" " * (max(points) - point) + text for text, point in zip(texts, points, strict=True)]


def _brief(x: float) -> str:
    return f"{x:.1e}" if x else "0"


def _print_json(record: object) -> None:
    print(json.dumps(record, indent=2, allow_nan=False))


def _draw(worked: Worked, path: str) -> None:
    drawing = autograd.draw(worked.out, quiet=True)  # main prints its own notice

    from ..seeing.render import notice_missing_dot

    try:
        drawing.save(path)
    except (OSError, ValueError, ImportError) as error:
        known = isinstance(error, OSError) and error.strerror
        raise UsageError(f"cannot write {path}: {known}" if known else str(error)) from error
    if notice := notice_missing_dot():
        print(notice, file=sys.stderr)
