"""`valuegrad step` and `valuegrad serve`: an expression, step by step, in a page."""

from __future__ import annotations

import argparse
from typing import Any

from .expression import UsageError, assignments

EXAMPLE = 'valuegrad step "tanh(x*w + b)" x=2 w=-1 b=1 -o backprop.html'


def add_step_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare `step` among the commands of a parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "step", help="step through an expression's backward pass", epilog=f"example: {EXAMPLE}"
    )
    add = parser.add_argument
    add("expression", metavar="EXPRESSION", help='such as "x**2 + sin(pi*y)", in quotes')
    add("given", nargs="*", metavar="name=number", help="the number for each variable")
    add("-o", "--output", metavar="FILE", help="write a page that plays it, instead of the text")
    return parser


def step_command(options: argparse.Namespace) -> int:
    """Print every step, or write the player."""
    from .serving import stepped

    found = stepped(options.expression, assignments(options.given))
    if options.output:
        try:
            found.save(options.output)
        except (OSError, ValueError) as error:
            raise UsageError(str(error)) from error
        print(f"wrote {options.output}: open it in a browser")
        return 0
    for frame in (*found.forward, *found):
        print(frame)
    return 0


def add_serve_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare `serve` among the commands of a parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "serve", help="a local page where you type an expression and step through it"
    )
    add = parser.add_argument
    add("--port", type=int, default=8000, help="on 127.0.0.1 (8000); 0 takes a free one")
    add("--export", metavar="FOLDER", help="write the examples as files that need no server")
    return parser


def serve_command(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C, or write the examples."""
    from .serving import HOST, export, server

    if not 0 <= options.port <= 65535:
        raise UsageError(f"a port is a number from 0 to 65535, not {options.port}")
    try:
        if options.export:
            for path in export(options.export):
                print(f"wrote {path}")
            return 0
        made = server(options.port)
    except OSError as error:
        what = options.export or f"port {options.port}"
        raise UsageError(f"cannot use {what}: {error.strerror}; choose another") from error
    with made:
        print(f"http://{HOST}:{made.server_address[1]}/  (Ctrl-C stops it)", flush=True)
        try:
            made.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0
