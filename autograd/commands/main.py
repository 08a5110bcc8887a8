"""The command line: `valuegrad COMMAND ...`, which is also `python -m autograd COMMAND ...`.

A command is a function from its words to an exit status, listed in COMMANDS under its name; its
docstring is its line in `--help`. A `UsageError` is printed in one line on stderr; the exit status
is 2.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import re
import sys
import textwrap
from typing import TYPE_CHECKING, NoReturn

import autograd

from ..delimited import Notation, Records, TableError, add_options, check_names
from .doctor import CURE, clash, findings, ours, version
from .expression import (
    Expression,
    UsageError,
    Worked,
    assignments,
    name_of,
    parse,
    work_out,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EXAMPLE = 'valuegrad grad "tanh(x1*w1 + x2*w2 + b)" x1=2 x2=0 w1=-3 w2=1 b=6.88'


class Parser(argparse.ArgumentParser):
    """An argparse parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


# ---- valuegrad grad ------------------------------------------------------------------------------

TAKES_VALUE = ("-o", "--output", "--from", "--separator", "--decimal", "--thousands")
OPTION = re.compile("-h|--[a-z][a-z-]*(=.*)?", re.DOTALL)


def grad(words: Sequence[str]) -> int:
    """Gradients of an expression, with a check and a picture of its graph."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(
        prog="valuegrad grad", description=grad.__doc__, formatter_class=raw,
        allow_abbrev=False, epilog=f"example:\n  {EXAMPLE}",
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
    options = parser.parse_args(_options_first(words))

    if options.expression is None:
        raise UsageError(f"no expression; for example: {EXAMPLE}")
    expression = parse(options.expression)
    given = assignments(options.given)
    if options.file is None:
        return _once(work_out(expression, given), options)
    if options.output is not None:
        raise UsageError("--output draws one evaluation, and --from makes many: leave one out")
    return _each_row(expression, given, options)


def _options_first(words: Sequence[str]) -> list[str]:
    """Options first, then "--", then the rest: argparse would take `-x**2` for an option."""
    options: list[str] = []
    others: list[str] = []
    remaining = iter(words)
    for word in remaining:
        if word == "--":
            others.extend(remaining)
        elif word in TAKES_VALUE:
            options.extend([word, *([] if (value := next(remaining, None)) is None else [value])])
        elif OPTION.fullmatch(word):
            options.append(word)
        else:
            others.append(word)
    return [*options, "--", *others]


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


# ---- valuegrad doctor ----------------------------------------------------------------------------


def doctor(words: Sequence[str]) -> int:
    """Versions of engine, Python, NumPy and Graphviz; a clash of names."""
    Parser(prog="valuegrad doctor", description=doctor.__doc__).parse_args(words)
    for name, found in findings().items():
        print(f"{name:<18}{found}")
    return 1 if clash() else 0


# ---- valuegrad -----------------------------------------------------------------------------------


def _elsewhere(room: str, name: str, about: str) -> Callable[[Sequence[str]], int]:
    """A command of another module, which is imported when the command runs."""

    def command(words: Sequence[str]) -> int:
        module = importlib.import_module(room)
        parsers = Parser(prog="valuegrad").add_subparsers(prog="valuegrad", parser_class=Parser)
        parser = getattr(module, f"add_{name}_parser")(parsers)
        carry_out: Callable[[argparse.Namespace], int] = getattr(module, f"{name}_command")
        return carry_out(parser.parse_args(_options_first(words) if name == "step" else words))

    command.__doc__ = about
    return command


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "grad": grad,
    "check": _elsewhere(
        "autograd.commands.check", "check", "Your own function's gradient, against differences."
    ),
    "source": _elsewhere(
        "autograd.commands.source", "source", "Your own function and its gradient as a program."
    ),
    "judge": _elsewhere(
        "autograd.commands.judge", "judge", "A learner's gradient, rule or engine, in words."
    ),
    "step": _elsewhere(
        "autograd.commands.serving", "step", "Backprop of an expression as a page to step through."
    ),
    "serve": _elsewhere(
        "autograd.commands.serving", "serve", "The same in a browser, for expressions typed there."
    ),
    "train": _elsewhere(
        "nn.tables.command_line", "train", "A network on a CSV file, saved as a model."
    ),
    "predict": _elsewhere(
        "nn.tables.command_line", "predict", "Predictions of a saved model for a CSV file."
    ),
    "draw": _elsewhere("nn.tables.command_line", "draw", "A picture of a saved model."),
    "doctor": doctor,
}


def _help() -> str:
    about = "\n".join(f"  {name:<8}{command.__doc__}" for name, command in COMMANDS.items())
    return f"""\
usage: valuegrad COMMAND ...    (valuegrad COMMAND --help says more)

Derivatives of scalar expressions, with the graph they come from.

commands:
{about}

  --version, --help

example:
  {EXAMPLE}"""


def _run(words: Sequence[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if words[0] == "--version":
        print(f"valuegrad {version()}")
        return 0
    if words[0] not in COMMANDS:
        raise UsageError(
            f"unknown command {words[0]!r}; the commands are {', '.join(COMMANDS)} (see --help)"
        )
    command = COMMANDS[words[0]]
    if command is not doctor and not ours():
        raise UsageError(f"`import autograd` finds another package here: {CURE}")
    return command(words[1:])


def main(words: Sequence[str] | None = None) -> int:
    """Run the program with these words (without its own name) and return its exit status."""
    if isinstance(
        sys.stdout, io.TextIOWrapper
    ):  # a character the terminal cannot encode must not raise
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            status = _run(sys.argv[1:] if words is None else words)
        except SystemExit as finished:  # argparse, after --help
            status = int(finished.code or 0)
        print(end="", flush=True)  # now, while an error can still be reported
    except (UsageError, TableError) as error:
        return _complain(error)
    except BrokenPipeError:  # the reader, such as `head`, has stopped reading
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python's last flush raises
        return 141
    except OSError as error:
        return _complain(UsageError(f"cannot write the results: {error.strerror or error}"))
    except KeyboardInterrupt:
        return 130
    return status


def _complain(error: Exception) -> int:
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(error))
    print(f"valuegrad: {text}", file=sys.stderr)
    return 2
