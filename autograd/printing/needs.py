"""The functions that a printed program calls, of the table and of arithmetic, in its language."""

from __future__ import annotations

import ast
import builtins
import inspect
import pkgutil
import re
import textwrap
from functools import cache
from types import FunctionType
from typing import Any

from ..core import ieee
from ..core.kinds import FUNCTIONS
from ..support import special
from . import javascript
from .code import ARITHMETIC, NUMPY, PYTHON, C, arithmetic, closure, definition


def with_needs(text: str, language: str) -> str:
    """A program with the functions that it calls, and those that these call, before it."""
    if language == "c":
        return _in_c(text)
    if language == "javascript":
        body, head = "".join([*javascript.needed(text), text]), javascript.head()
        words = [{*re.findall(r"\w+", part)} - {"const"} for part in (head, body)]
        return head + body if words[0] & words[1] else body
    found = closure(_free(text), lambda name: _in_python(name, language), _free)
    spaced = ["def " in part for part in (*found, text)]
    gaps = ["\n\n" * (a or b) for a, b in zip([False, *spaced], spaced, strict=False)]
    body = "".join(map("".join, zip(gaps, (*found, text), strict=True)))
    modules = [name for name in ("math", "operator") if re.search(rf"\b{name}\.", body)]
    lines = [f"import {name}\n" for name in modules] + ["import numpy as np\n"] * ("np." in body)
    return ("".join(lines) + "\n" * bool(lines) + body).lstrip()


# ---- C -------------------------------------------------------------------------------------------


@cache
def _by_hand() -> dict[str, str]:
    """The parts of `ieee.h`, by the names that they define."""
    data = pkgutil.get_data("autograd", "c/ieee.h")
    assert data is not None
    defined = r"^static inline .*?\b(vg_\w+)\(|^enum \{ (VG_\w+)|^\} (vg_\w+);"
    parts = re.split(r"\n\n(?=\S)", data.decode())
    return {
        "".join(names): part + "\n"
        for part in parts for names in re.findall(defined, part, re.MULTILINE)
    }  # fmt: skip


def _in_c(text: str) -> str:
    by_name = {f"vg_{function.__name__}": function for function in ARITHMETIC}

    def source(name: str) -> str:
        if name in by_name:
            return arithmetic(by_name[name], C)
        return _by_hand().get(name) or definition(FUNCTIONS[name[3:]], C)

    def names_in(text: str) -> list[str]:
        return re.findall(r"\b(?:vg_\w+(?=\()|VG_(?!I\b)[A-Z]+|vg_exact\b|vg_tops_of\b)", text)

    found = closure(names_in(text), source, names_in)
    headers = ["math"] + ["assert"] * ("assert(" in text)
    if any(part in _by_hand().values() for part in found):
        headers += ["stdbool", "stddef", "stdio", "stdlib", "string"]
    includes = "".join(f"#include <{name}.h>\n" for name in sorted(headers))
    return "\n".join([includes, *found, text])


# ---- Python --------------------------------------------------------------------------------------


def _free(text: str) -> list[str]:
    """The names that a program uses and does not define."""
    tree = ast.walk(ast.parse(text))
    names = [x for x in tree if isinstance(x, (ast.Name, ast.arg, ast.FunctionDef))]
    bound = {
        x.arg if isinstance(x, ast.arg) else x.name if isinstance(x, ast.FunctionDef) else x.id
        for x in names if not (isinstance(x, ast.Name) and isinstance(x.ctx, ast.Load))
    }  # fmt: skip
    found = dict.fromkeys(x.id for x in names if isinstance(x, ast.Name))
    return [x for x in found if x not in {*bound, *dir(builtins), "math", "operator", "np"}]


def _in_python(name: str, language: str) -> str:
    """The source of a function or a number, by its name in the table or in `ieee` and `special`."""
    fact = FUNCTIONS.get(name.rstrip("_"))
    if fact is not None and fact.definition is not None and name in FUNCTIONS:
        return definition(fact, NUMPY if language == "numpy" else PYTHON)
    known = vars(special).get(name, vars(ieee).get(name))
    x: Any = known if known is not None or fact is None else fact.floats
    if isinstance(x, float):
        return f"{name} = {f'math.{x!r}' if x - x != 0 else repr(x)}\n"
    if isinstance(x, tuple):
        return "\n".join(textwrap.wrap(f"{name} = {x!r}", 96, subsequent_indent="    ")) + "\n"
    if not isinstance(x, FunctionType):
        return f"{name} = math.{x.__name__}\n"
    if x.__qualname__.startswith("ieee."):  # one of math's functions, without its exceptions
        held = inspect.getclosurevars(x).nonlocals
        poles = {point: float(y) for point, y in held["at_pole"].items()}
        told = f"math.{held['function'].__name__}, {poles}, {held['odd']}"
        return (
            f"{name} = ieee({told.replace(': inf', ': math.inf').replace('-inf', '-math.inf')})\n"
        )
    text = _plain(x)
    alone = language == "numpy" and fact is not None and not fact.numpy
    return text + f"\n\n{name} = np.vectorize({name}, otypes=[float])\n" * alone


def _plain(function: FunctionType) -> str:
    """The source of a function without decorators and annotations."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list, node.returns = [], None
        if isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(tree) + "\n"
