"""Every public name has a docstring and an example that runs.

Examples stand in docstrings, or in `docs/examples.md`: one place to add one.
"""

from __future__ import annotations

import importlib.util
import re
import sys
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
