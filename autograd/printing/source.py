"""A function and its derivatives as the source of a program that needs nothing of this package.

The operations of a replay are printed: its loops as loops, its guards as assertions. Formulas come
from the table, by the printers that print its rows; `lines` says what is printed.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import pkgutil
import re
import textwrap
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from types import FunctionType
from typing import Any

from ..core import ieee
from ..core.kinds import FUNCTIONS, describe
from ..core.rules import RULES, TABLE
from ..replaying.recordings import name_of
from ..replaying.replay import Replay
from ..replaying.replay import compile as recorded
from ..replaying.structure import parts_of
from ..support import special
from ..transforms import _positions as positions
from ..transforms import hvp as hessian_product
from ..trees import leaves, rebuild
from . import javascript
from .code import (
    ARITHMETIC,
    LANGUAGES,
    NUMPY,
    PYTHON,
    SYMBOLS,
    C,
    arithmetic,
    closure,
    definition,
)
from .lines import Draft, operations
from .writer import WORDS, Writer, identifier

SAID = {
    "value": "its value", "value_and_grad": "its value, and its gradient by {}",
    "hvp": "its Hessian times v",
}  # fmt: skip


def to_source(
    f: Callable[..., Any],
    *args: Any,
    language: str = "python",
    argnums: int | Sequence[int] = 0,
    gradient: bool = True,
    hvp: bool = False,
    wrt: Any = None,
) -> str:
    """A function of numbers, with its gradient, as a program that needs nothing of this package.

    `f` is a function or a replay of it, recorded for `args`; without them, as a replay was used
    last. The language is "python", "numpy" (numbers may be arrays of one shape: a number for each
    lane of a batch), "c", "javascript" or "latex". Structures of numbers are flat lists, in order.

    The gradient is as the replay has it, else by the arguments in `argnums`, or by the leaves in
    `wrt`. Leaves that f closes over are an argument, those in `wrt` first and the others by age,
    with their present numbers beside it. With `hvp`, a second function is the Hessian by the
    arguments, times v.

    What f saw of a number (`if`, `.data`) is asserted. Results are those of IEEE 754, as here:
    1 / 0 is inf. TypeError for a function that computes with Tensors, for an operation without a
    form in the language, and where f returns more than one number, of which `gradient=False` is
    the values.

    >>> from autograd import to_source
    >>> print(to_source(lambda x, y: x * y + y, 2.0, 3.0, gradient=False), end="")
    # <lambda>(x, y): its value.
    # x: a number
    # y: a number
    def function_value(x, y):
        return x * y + y
    """
    if language not in LANGUAGES:
        raise ValueError(f"language is one of {', '.join(LANGUAGES)}, not {describe(language)}")
    replay = f if isinstance(f, Replay) else recorded(f, argnums)
    called: set[str] = set(WORDS)
    asked = [(replay, args, "value_and_grad" if gradient else "value")]
    if hvp:
        asked.append((*_product(replay, args), "hvp"))
    parts = [_program(*each, language, called, wrt) for each in asked]
    if language == "latex":
        return "\n".join(parts)
    return _with_needs("\n".join(parts), language)


def _product(replay: Replay, args: tuple[Any, ...]) -> tuple[Replay, tuple[Any, ...]]:
    """The Hessian-vector product of a function as a replay, and arguments for it."""
    if not args:
        raise ValueError(f"the hvp of {name_of(replay.f)} is recorded anew: pass its arguments too")
    chosen = positions(replay.f, replay.argnums, args)
    tree = args[chosen[0]] if isinstance(replay.argnums, int) else tuple(args[i] for i in chosen)
    direction = rebuild(tree, (1.0 for _ in leaves(tree)))
    return Replay(hessian_product(replay.f, replay.argnums)), (*args, direction)


def _program(
    replay: Replay, args: tuple[Any, ...], role: str, language: str, called: set[str], wrt: Any
) -> str:
    """The source of one function."""
    name = name_of(replay.f)
    try:
        with warnings.catch_warnings():  # that replays compute an operation in Python
            warnings.simplefilter("ignore")
            shape, recording, wanted = replay.recorded(args, role == "value_and_grad", wrt)
    except TypeError as error:
        if "Tensor" not in str(error):
            raise
        raise TypeError(
            f"{name} computes with Tensors, in calls of NumPy's, and a program is printed of "
            "operations on numbers: write it for lists of numbers, or take export_onnx"
        ) from error
    program = recording.machine(wanted).program
    if not len(program.results):
        raise ValueError(f"{name} returned no number, so there is nothing to print")
    n = len(parts_of(shape)) - (role == "hvp")
    names = [*_parameters(replay.f, n), *["v"] * (role == "hvp")]
    draft = Draft(shape, recording, program, names, wanted is not None)
    _refuse_unprinted(draft, name, language)
    bare = re.sub(r"\W+", "_", name.replace("<lambda>", "function"), flags=re.ASCII).strip("_")
    title = identifier(f"{bare or 'function'}_{role}", called)
    by = "its leaves"
    if wanted and wanted.leaves is None and wanted.arguments != (...,):
        by = ", ".join([names[i] for i in wanted.arguments])
    told = f"{name}({', '.join(names)}): {SAID[role].format(by)}"
    first = wanted.leaves or () if wanted else ()
    given_leaves = [*dict.fromkeys([*first, *recording.leaves])]
    writer = Writer(draft, recording, shape, names, title, told, language, called, given_leaves)
    return writer.latex() if language == "latex" else writer.text()


def _parameters(f: Callable[..., Any], n: int) -> list[str]:
    """Names for n arguments."""
    try:
        found = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        found = []
    names = [x.name for x in found if x.kind not in (x.VAR_POSITIONAL, x.VAR_KEYWORD)][:n]
    return names if len(names) == n else [f"x{i}" for i in range(n)]


def _refuse_unprinted(draft: Draft, name: str, language: str) -> None:
    """TypeError for a user's operation that is left, with the name of its result."""
    for op in (op for line in draft.lines for op in operations(line.formula)):
        row = op.partition(".")[0]  # `cube.share0` is a share that Python computes
        if row in RULES and row not in TABLE:
            raise TypeError(
                f"{name} uses the operation {row}, for {draft.named(row)}, which has no formula to "
                f"print in {language}: {SYMBOLS}"
            )


# ---- the functions that a program calls ----------------------------------------------------------


def _with_needs(text: str, language: str) -> str:
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
