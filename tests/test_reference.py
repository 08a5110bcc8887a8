"""Every public name has a docstring and an example that runs, and is used where one learns it.

Examples stand in docstrings, or in `docs/examples.md`: one place to add one.
"""

from __future__ import annotations

import ast
import doctest
import functools
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("numpy")
DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS))
import reference  # noqa: E402

PUBLIC = reference.public()
EXAMPLES = reference.examples()


@pytest.mark.parametrize("entry", PUBLIC, ids=lambda entry: entry.name)
def test_a_public_name_says_what_it_is(entry: reference.Public) -> None:
    text = reference.docstring(entry.x)
    assert not callable(entry.x) or text, f"{entry.name} has no docstring"
    assert not text or re.match(r"\S.*[.:]$", text.splitlines()[0]), f"{entry.name}: {text!r}"


@pytest.mark.parametrize("entry", PUBLIC, ids=lambda entry: entry.name)
@pytest.mark.filterwarnings("ignore:the built-in layout drew this picture")
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
def test_a_public_name_has_an_example_that_runs(
    entry: reference.Public, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    code = reference.shown(entry)
    assert ">>>" in code, f"{entry.name} has no example: add one to docs/examples.md"
    for package in re.findall(r"^needs: (\w+)", EXAMPLES.get(entry.name, ""), re.MULTILINE):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}")
    assert not (said := reference.failures(entry)), said


def code_of_documents() -> Iterator[str]:
    """The code of the notebooks, of the README's and the site's pages, and of their examples."""
    for path in sorted((DOCS.parent / "notebooks" / "en").glob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        yield from ("".join(x["source"]) for x in cells if x["cell_type"] == "code")
    for path in (DOCS.parent / "README.md", *DOCS.glob("*.md"), *DOCS.glob("how-to/*.md")):
        text = path.read_text("utf-8")
        yield from re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        yield from (example.source for example in doctest.DocTestParser().get_examples(text))


@functools.cache
def used() -> set[str]:
    """The names that are read there: `exp`, and `losses.mse` of `nn.losses.mse`."""
    found = set()
    for code in code_of_documents():
        for x in ast.walk(ast.parse(re.sub(r"^[%!].*$", "", code, flags=re.MULTILINE))):
            if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Load):
                found.add(x.id)
            elif isinstance(x, ast.Attribute):
                found.add(".".join(ast.unparse(x).split(".")[-2:]))
    return found


@pytest.mark.parametrize("entry", PUBLIC, ids=lambda entry: entry.name)
def test_a_public_name_is_used_in_a_notebook_or_on_a_page(entry: reference.Public) -> None:
    page, _, name = entry.name.rpartition(".")
    uses = used() & {name, f"{page.rpartition('.')[2]}.{name}"}
    assert uses, f"{entry.name} is used nowhere: add an example to docs/examples.md"


def test_an_example_that_is_wrong_is_noticed() -> None:
    entry = reference.Public("autograd.wrong", lambda: None)
    entry.x.__doc__ = "Wrong.\n\n>>> 1 + 1\n3\n"
    assert "Expected" in reference.failures(entry)


@pytest.mark.parametrize("page", reference.PAGES)
def test_a_page_of_the_reference_has_every_name_with_its_source(page: str) -> None:
    text = reference.pages()[page]
    names = [e.name for e in PUBLIC if e.name.rpartition(".")[0] == page]
    assert all(re.search(rf"^`+{{py:\w+}} {re.escape(name)}(\(|$)", text, re.M) for name in names)
    assert text.count("Source: ") >= 0.9 * sum(callable(e.x) for e in PUBLIC if e.name in names)
