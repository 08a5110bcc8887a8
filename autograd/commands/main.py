"""The command line: `valuegrad COMMAND ...`, which is also `python -m autograd COMMAND ...`.

COMMANDS has the module of each command: `add_NAME_parser` there declares it, `NAME_command` carries
it out and returns the exit status. A `UsageError` is printed in one line on stderr; the exit status
is 2.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import re
import sys
from typing import TYPE_CHECKING, NoReturn

from ..delimited import TableError
from .doctor import CURE, ours, version
from .expression import UsageError
from .grad import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = "autograd.commands"
COMMANDS = {  # by name the module, and what `--help` says
    "grad": (
        f"{HERE}.grad",
        "Gradients of an expression, with a check and a picture of its graph.",
    ),
    "check": (f"{HERE}.check", "Your own function's gradient, against differences."),
    "source": (f"{HERE}.check", "Your own function and its gradient as a program."),
    "judge": (f"{HERE}.check", "A learner's gradient, rule or engine, in words."),
    "step": (f"{HERE}.serving", "Backprop of an expression as a page to step through."),
    "serve": (f"{HERE}.serving", "The same in a browser, for expressions typed there."),
    "train": ("nn.tables.command_line", "A network on a CSV file, saved as a model."),
    "predict": ("nn.tables.command_line", "Predictions of a saved model for a CSV file."),
    "draw": ("nn.tables.command_line", "A picture of a saved model."),
    "doctor": (
        f"{HERE}.doctor",
        "Versions of engine, Python, NumPy and Graphviz; a clash of names.",
    ),
}
OF_EXPRESSIONS = ("grad", "step")
TAKES_VALUE = ("-o", "--output", "--from", "--separator", "--decimal", "--thousands")
OPTION = re.compile("-h|--[a-z][a-z-]*(=.*)?", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """An argparse parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


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


def _help() -> str:
    about = "\n".join(f"  {name:<8}{line}" for name, (_, line) in COMMANDS.items())
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
    name = words[0]
    if name != "doctor" and not ours():
        raise UsageError(f"`import autograd` finds another package here: {CURE}")
    module = importlib.import_module(COMMANDS[name][0])
    parsers = Parser(prog="valuegrad").add_subparsers(prog="valuegrad", parser_class=Parser)
    parser = getattr(module, f"add_{name}_parser")(parsers)
    given = _options_first(words[1:]) if name in OF_EXPRESSIONS else words[1:]
    status: int = getattr(module, f"{name}_command")(parser.parse_args(given))
    return status


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
