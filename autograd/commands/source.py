"""`valuegrad source FILE.py:function --at x=1.0 --language c`: a function as a program."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout
from typing import Any

from .check import arguments_of, load
from .expression import UsageError

LANGUAGES = ("python", "numpy", "c", "javascript", "latex")
EXAMPLE = "valuegrad source mymodule.py:loss --at x=1,2,3 --language c > loss.c"


def add_source_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare `source` among the commands of a parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "source", help="print a function and its gradient as a program",
        epilog=f"example: {EXAMPLE}",
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

    wanted = {"gradient": not args.value, "hvp": args.hvp}
    with redirect_stdout(sys.stderr):  # what the user's functions print
        f = load(args.function)
        for arrays in (False, True):  # f may take lists, or arrays
            given = arguments_of(f, args.at, arrays=arrays)
            try:
                text = to_source(f, *given, language=args.language, **wanted)
                break
            except Exception as error:  # the user's function may raise anything
                refusal = f"{args.function}: {type(error).__name__}: {error}"
        else:
            raise UsageError(refusal)
    print(text, end="")
    return 0
