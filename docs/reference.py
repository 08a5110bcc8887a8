"""The reference, read from the code: every public name with its signature, docstring and example.

An example stands in the docstring, or in `examples.md` under a heading with the name.
`tests/test_reference.py` runs them all, and says which name has none.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import inspect
import io
import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import autograd
import nn
from autograd.core.kinds import FUNCTIONS, LINE
from autograd.core.rules import TABLE
from autograd.printing.symbols import formula

HERE = Path(__file__).parent
ROOT = HERE.parent
EXAMPLES = HERE / "examples.md"
NOT_NAMES = {"annotations", "TYPE_CHECKING"}
PAGES = {  # a page of the reference: its title, and the names on it
    "autograd": "autograd: numbers that remember, and what looks at them",
    "autograd.optimize": "autograd.optimize: SciPy's searches, and sparse derivatives",
    "nn": "nn: networks and their training",
    "nn.losses": "nn.losses: how wrong, in one number",
    "nn.optim": "nn.optim: optimisers and schedules",
    "nn.init": "nn.init: first weights",
    "nn.data": "nn.data: samples",
}
LISTED = {  # modules that have helpers too: what is public of them
    "autograd.optimize": ("least_squares", "minimize", "root", "sparse_hessian", "sparse_jacobian"),
    "nn.losses": (*nn.losses.LOSSES, "LOSSES", "loss_of"),
    "nn.init": (*nn.init.INITIALIZERS, "INITIALIZERS", "initializer"),
    "nn.data": ("batches", "one_hot", "split", "standardize", "two_moons"),
}


class Public(NamedTuple):
    """A public name: its dotted name, and what it is."""

    name: str
    x: Any


def public() -> list[Public]:
    """Every public name, in the order of the pages."""
    found = []
    for page in PAGES:
        module = importlib.import_module(page)
        names = LISTED.get(page) or [n for n in dir(module) if n[0] != "_" and n not in NOT_NAMES]
        if page == "nn":
            names = [*names, "MLPClassifier", "MLPRegressor"]
        for name in sorted(names, key=str.lower):
            try:
                x = getattr(module, name)
            except ModuleNotFoundError:  # an extra that is not installed here
                continue
            if not isinstance(x, types.ModuleType):
                found.append(Public(f"{page}.{name}", x))
    return found


def examples() -> dict[str, str]:
    """The examples of `examples.md`, by the name in the heading."""
    parts = re.split(r"^## (.+)\n", EXAMPLES.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def docstring(x: Any) -> str:
    """The docstring of a name; of a class without one of its own, of its constructor."""
    return inspect.cleandoc(x.__doc__) if callable(x) and x.__doc__ else ""


def shown(entry: Public) -> str:
    """The code of the examples of a name, as doctest reads them."""
    texts = [docstring(entry.x), examples().get(entry.name, "")]
    if inspect.isclass(entry.x):
        texts += [docstring(method) for _, method in methods(entry.x)]
    return "\n\n".join(text for text in texts if ">>>" in text)


def failures(entry: Public) -> str:
    """What doctest says of the examples of a name; empty where all hold."""
    import numpy

    module = inspect.getmodule(entry.x)
    names = {**vars(module or autograd), "autograd": autograd, "nn": nn, "np": numpy}
    names |= {name: getattr(autograd, name) for name in ("Value", "Tensor", "grad")}
    test = doctest.DocTestParser().get_doctest(shown(entry), names, entry.name, None, 0)
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    return "".join(said)


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties of a class that say what they do, in order."""
    seen = set()
    for base in kind.__mro__[:-1]:
        if not base.__module__.startswith(("autograd", "nn")):
            continue
        for name, x in vars(base).items():
            if name[0] != "_" and name not in seen and getattr(x, "__doc__", None):
                seen.add(name)
                if callable(x) or isinstance(x, property | types.GetSetDescriptorType):
                    yield name, x


def signature(x: Any, name: str = "") -> str:
    """The parameters of a callable, without types."""
    if (fact := FUNCTIONS.get(name)) and not fact.definition and not fact.variadic:
        return f"({', '.join(('x', 'y', 'z')[: fact.arity])})"
    try:
        found = inspect.signature(x)
    except (TypeError, ValueError):
        return "(...)"
    bare = [p.replace(annotation=p.empty) for p in found.parameters.values() if p.name != "self"]
    shown = str(found.replace(parameters=bare, return_annotation=found.empty))
    return re.sub(r"<(?:class )?'?([\w.]+).*?>", r"\1", shown)


def markdown(text: str) -> str:
    """A docstring as Markdown: examples in fences, words in angle brackets as they are."""
    done, fenced = [], False
    for line in text.splitlines():
        starts = line.startswith(">>>")
        if starts and not fenced:
            done += ["", "```pycon"]
            fenced = True
        elif fenced and not line.strip():
            done += ["```"]
            fenced = False
        done.append(line if fenced else re.sub(r"(?<!`)([*<|\\_])(?![^`]*`[^`]*$)", r"\\\1", line))
    return "\n".join([*done, "```"] if fenced else done)


def place(x: Any) -> str:
    """The file and line of a definition, and a link to the page with its source."""
    try:
        body = inspect.unwrap(x)
        path = Path(inspect.getsourcefile(body) or "").relative_to(ROOT)
        line = inspect.getsourcelines(body)[1]
    except (OSError, TypeError, ValueError):
        return ""
    page = path.as_posix().replace("/", "-")
    return f"Source: [`{path.as_posix()}`, line {line}](../source/{page}.md)\n"


def facts(name: str) -> str:
    """What the table knows of a function: its derivatives, and where it is defined."""
    fact = FUNCTIONS.get(name)
    if fact is None or name not in TABLE or fact.variadic:
        return ""
    inputs = ("x", "y", "z")[: fact.arity]
    slopes = [(x, formula(name, i, inputs)) for i, x in enumerate(inputs)]
    said = [f"d/d{x}: `{slope}`" for x, slope in slopes if slope]
    for x, (low, high) in zip(inputs, fact.domain, strict=False):
        if (low, high) != LINE:
            said.append(f"{x} from {low:g} to {high:g}, nan outside")
    return f"Derivatives, from the [table](operations.md): {'; '.join(said)}.\n" if said else ""


def entry_page(entry: Public) -> str:
    """One name as a directive of Sphinx, in Markdown."""
    module, _, short = entry.name.rpartition(".")
    kind = "class" if inspect.isclass(entry.x) else "function" if callable(entry.x) else "data"
    head = "" if kind == "data" else signature(entry.x, short if module == "autograd" else "")
    own = facts(short) if module == "autograd" else ""
    text = docstring(entry.x) if kind != "data" else ""
    fence = "`" * 5
    parts = [f"{fence}{{py:{kind}}} {entry.name}{head}", "", markdown(text), "", own]
    if example := examples().get(entry.name):
        parts.append(markdown(example.strip()))
    if kind == "class":
        for name, method in methods(entry.x):
            what = "method" if callable(method) else "property"
            tail = signature(method) if what == "method" else ""
            body = markdown(docstring(method) if what == "method" else inspect.getdoc(method) or "")
            parts += ["", f"````{{py:{what}}} {name}{tail}", body, "````"]
    return "\n".join([*parts, "", place(entry.x), fence, ""])


def command_line() -> str:
    """What each command says of itself, as Markdown."""
    from autograd.commands import main

    def said(*words: str) -> str:
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
            main.main(list(words))
        return f"```text\n{text.getvalue().strip()}\n```\n"

    each = (f"## {name}\n\n{said(name, '--help')}" for name in main.COMMANDS)
    return "\n".join([said("--help"), *each])


def pages() -> dict[str, str]:
    """The pages of the reference, by name."""
    found = {}
    for page, title in PAGES.items():
        own = [e for e in public() if e.name.rpartition(".")[0] == page]
        found[page] = f"# {title}\n\n" + "\n".join(entry_page(e) for e in own)
    return found


def sources() -> dict[str, str]:
    """A page for each file in which a public name is defined."""
    paths = {m[1] for e in public() if (m := re.search(r"`(.+?)`, line", place(e.x)))}
    up = "../../../.."  # from docs/_build/source/source
    page = "---\norphan: true\n---\n# {0}\n\n```{{literalinclude}} {1}\n:linenos:\n```\n"
    return {p.replace("/", "-"): page.format(p, f"{up}/{p}") for p in sorted(paths)}
