"""A function and its arguments, named on the command line.

A function is FILE.py:function. Arguments are given as NAME=NUMBERS, or in a `.npz`, `.npy` or
`.json` file.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..delimited import Notation, look, shown
from .expression import UsageError, named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LEAF = re.compile(r"[^\[\](),\s]+")
KINDS = (".npz", ".npy", ".json")


# ---- a function ----------------------------------------------------------------------------------


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


# ---- its arguments -------------------------------------------------------------------------------


def parameters_of(f: Callable[..., Any]) -> tuple[list[inspect.Parameter], bool]:
    """The parameters of f, and whether it takes any others, or tells none."""
    try:
        found = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return [], True
    return found, any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in found)


def called(
    act: Callable[..., Any], place: str, f: Callable[..., Any], words: Sequence[str],
    arrays: bool = False,
) -> Any:  # fmt: skip
    """act(*arguments); if that fails with lists among them, f may take arrays in their place."""
    ways = [arguments_of(f, words, arrays)]
    for given in ways:
        try:
            return act(*given)
        except Exception as error:  # the user's function may raise anything
            refusal = f"{place}: {type(error).__name__}: {error}"
        if not arrays and len(ways) == 1 and any(isinstance(x, (list, dict)) for x in given):
            ways.append(arguments_of(f, words, arrays=True))
    raise UsageError(refusal)


def arguments_of(f: Callable[..., Any], words: Sequence[str], arrays: bool) -> list[Any]:
    """The arguments that `--at` gives, in the order of f; lists become arrays if `arrays`."""
    files = [word for word in words if is_point(word)]
    texts = named([w for w in words if w not in files], "NAME=NUMBERS, such as x=1.0 or x=1,2,3")
    given = {name: _numbers(name, text) for name, text in texts.items()}
    parameters, open_ended = parameters_of(f)
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    for file in files:
        found = _in_file(file, [] if open_ended else names)
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
    ordered += [name for name in given if name not in names]
    return [_in_arrays(name, given[name]) if arrays else given[name] for name in ordered]


def _in_arrays(name: str, x: Any) -> Any:
    """An argument with arrays in the place of lists."""
    if isinstance(x, dict):
        return {key: _in_arrays(name, part) for key, part in x.items()}
    if not isinstance(x, list):
        return x
    import numpy as np

    try:
        return np.array(x, dtype=float)
    except (TypeError, ValueError):  # of a list of dicts, say
        raise UsageError(
            f"the rows of {name} are not of one length, or not of numbers, as those of an array are"
        ) from None


def _numbers(name: str, text: str) -> Any:
    """A number, or nested lists of them; each looks as in a table."""
    wrong, number = f"--at {name}: {text!r} is neither a number nor a list of numbers", Notation()

    def read(leaf: re.Match[str]) -> str:
        if (x := number.number(leaf[0])) is None:
            raise UsageError(f"{wrong}: {shown(leaf[0])} is not a number but {look(leaf[0])[0]}")
        return repr(x)

    numbers = LEAF.sub(read, text.strip())
    try:
        return _listed(ast.literal_eval(numbers))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise UsageError(wrong) from None


def _listed(x: Any) -> Any:
    """Tuples as lists; ValueError for an empty one."""
    if isinstance(x, float):
        return x
    if not x:
        raise ValueError("an empty list")
    return [_listed(item) for item in x]


# ---- files of arguments --------------------------------------------------------------------------


def is_point(word: str) -> bool:
    """Return whether a word names a file that holds arguments."""
    return word.endswith(KINDS) and ("=" not in word or Path(word).is_file())


def _in_file(file: str, names: Sequence[str]) -> dict[str, Any]:
    """The arguments in a file, by name; one without names has the first argument.

    Of a file with names, those are taken that are among `names`, or all if there are none.
    UsageError for what cannot be read.
    """
    try:
        if file.endswith(".json"):
            found = json.loads(Path(file).read_text(encoding="utf-8"), parse_int=float)
        else:
            found = _saved(file)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    if not isinstance(found, dict):
        found = {names[0] if names else "x": found}
    taken = {name: x for name, x in found.items() if name in (names or found)}
    if not taken:
        held = ", ".join(map(str, found)) or "nothing"
        raise UsageError(f"{file} has {held}, and the function takes {', '.join(names)}")
    return taken


def _saved(file: str) -> Any:
    """Read what NumPy has saved: an array, or several by name."""
    import numpy as np

    found = np.load(file)  # without pickles, which could run anything
    if isinstance(found, np.ndarray):
        return found[()]
    with found:
        return {name: found[name][()] for name in found.files}
