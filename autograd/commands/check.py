"""`valuegrad check FILE.py:function --at x=1.0`: a gradient check from the command line."""

from __future__ import annotations

import argparse
import ast
import importlib.util
import inspect
import json
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..delimited import Notation, Records, add_options, look, shown
from .expression import UsageError, named
from .points import is_point, read_point

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..checking.report import Report

LEAF = re.compile(r"[^\[\](),\s]+")
EXAMPLE = "valuegrad check mymodule.py:loss --grad mymodule.py:dloss --at x=1,2,3"


def add_check_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare `check` among the commands of a parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "check", help="compare a function's gradient with finite differences",
        epilog=f"example: {EXAMPLE}",
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
    parameters, open_ended = _parameters(f)
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

    ways = [arguments_of(f, words, arrays=df is not None)]
    if df is None and any(isinstance(x, (list, dict)) for x in ways[0]):  # f may take arrays
        ways.append(arguments_of(f, words, arrays=True))
    for given in ways:
        try:
            return gradcheck(f, *given, df=df, order=args.order, directions=args.directions)
        except Exception as error:  # the user's function may raise anything
            refusal = f"{type(error).__name__}: {error}"
    raise UsageError(f"{args.function}: {refusal}")


def load(place: str) -> Callable[..., Any]:
    """The function that `FILE.py:function` names; the file is run, as Python would run it."""
    file, colon, name = place.rpartition(":")
    if not colon or not file.endswith(".py") or not name.isidentifier():
        raise UsageError(f"{place!r} is not FILE.py:function")
    path = Path(file).resolve()
    if not path.is_file():
        raise UsageError(f"there is no file {file}")
    module = sys.modules.get(path.stem)
    if module is None or getattr(module, "__file__", None) != str(path):
        module = _run(path)
    function = getattr(module, name, None)
    if not callable(function):
        known = [n for n, x in vars(module).items() if callable(x) and not n.startswith("_")]
        raise UsageError(f"{file} has no function {name}; it has {', '.join(known) or 'none'}")
    return function


def _run(path: Path) -> Any:
    name = path.stem if path.stem not in sys.modules else f"_checked_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # a .py file has one
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # its own imports, as for `python FILE.py`
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{path.name} cannot be run: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def _parameters(f: Callable[..., Any]) -> tuple[list[inspect.Parameter], bool]:
    """The parameters of f, and whether it takes any others, or tells none."""
    try:
        found = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return [], True
    return found, any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in found)


def arguments_of(f: Callable[..., Any], words: Sequence[str], arrays: bool) -> list[Any]:
    """The arguments that `--at` gives, in the order of f; lists become arrays if `arrays`."""
    files = [word for word in words if is_point(word)]
    texts = named([w for w in words if w not in files], "NAME=NUMBERS, such as x=1.0 or x=1,2,3")
    given = {name: _numbers(name, text, arrays) for name, text in texts.items()}
    parameters, open_ended = _parameters(f)
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    for file in files:
        found = read_point(file, [] if open_ended else names, arrays)
        if twice := [name for name in found if name in given]:
            raise UsageError(f"{twice[0]} is given twice, in {file} too")
        given |= found
    needed = [p.name for p in parameters if p.name in names and p.default is p.empty]
    if unknown := [name for name in given if name not in names and not open_ended]:
        raise UsageError(f"the function has no argument {unknown[0]}; it has {', '.join(names)}")
    if missing := [name for name in needed if name not in given]:
        raise UsageError(f"no --at for {', '.join(missing)}")
    ordered = [name for name in names if name in given]
    if ordered != names[: len(ordered)]:
        raise UsageError(f"--at must give {', '.join(names[: len(ordered)])} first")
    return [given[name] for name in (*ordered, *(n for n in given if n not in names))]


def _numbers(name: str, text: str, arrays: bool) -> Any:
    """A number, or nested lists of them; each looks as in a table."""
    wrong, number = f"--at {name}: {text!r} is neither a number nor a list of numbers", Notation()

    def read(leaf: re.Match[str]) -> str:
        if (x := number.number(leaf[0])) is None:
            raise UsageError(f"{wrong}: {shown(leaf[0])} is not a number but {look(leaf[0])[0]}")
        return repr(x)

    numbers = LEAF.sub(read, text.strip())
    try:
        tree = _listed(ast.literal_eval(numbers))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise UsageError(wrong) from None
    if not arrays or isinstance(tree, float):
        return tree
    import numpy as np

    try:
        return np.array(tree, dtype=float)
    except ValueError:
        raise UsageError(f"--at {name}: the rows of {text!r} are not of one length") from None


def _listed(x: Any) -> Any:
    """Tuples as lists; ValueError for an empty one."""
    if isinstance(x, float):
        return x
    if not x:
        raise ValueError("an empty list")
    return [_listed(item) for item in x]
