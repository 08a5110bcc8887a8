"""A function and its derivatives as the source of a program that needs nothing of this package.

The operations of a replay are printed: its loops as loops, its guards as assertions. Formulas come
from the table, by the printers that print its rows; `lines` says what is printed.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from ..core.kinds import describe
from ..core.rules import RULES, TABLE
from ..replaying.recordings import name_of
from ..replaying.replay import Replay
from ..replaying.replay import compile as recorded
from ..replaying.structure import parts_of
from ..transforms import _positions as positions
from ..transforms import hvp as hessian_product
from ..trees import leaves, rebuild
from .code import LANGUAGES, SYMBOLS
from .lines import Draft, operations
from .needs import with_needs
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
    return with_needs("\n".join(parts), language)


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
