"""Every concept of the course has a function, a section in both languages, and a picture.

`notebooks/concepts.csv` is the table. A row names the functions by their public names, with spaces
between; the lesson by its number; its section by heading. The last column names another section
that has the picture, as `lesson: heading`; empty where the section has one itself.
"""

from __future__ import annotations

import csv
import importlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
CONCEPTS = [*csv.DictReader((NOTEBOOKS / "concepts.csv").read_text("utf-8").splitlines())]
PICTURES = {"image/png", "image/svg+xml"}
EVERY_CONCEPT = pytest.mark.parametrize(
    "row", CONCEPTS, ids=[f"{row['number']} {row['concept']}" for row in CONCEPTS]
)


@cache
def sections(language: str, lesson: str) -> dict[str, list[Any]]:
    """The cells of a notebook by the heading above them."""
    (path,) = (NOTEBOOKS / language).glob(f"{lesson}_*.ipynb")
    found: dict[str, list[Any]] = {}
    under: list[Any] = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown" and (heading := re.match(r"#+ (.*)", cell.source)):
            under = found.setdefault(heading[1], [])
        under.append(cell)
    return found


def pictured(cells: list[Any]) -> bool:
    """Whether cells show a picture, or a page in a frame."""
    data = [o.get("data", {}) for cell in cells for o in cell.get("outputs", ())]
    return any(
        PICTURES & d.keys() or re.search("<(iframe|svg|img)", d.get("text/html", "")) for d in data
    )


def resolved(name: str) -> Any:
    """What a public name stands for; AttributeError if there is nothing of that name."""
    first, *rest = name.split(".")
    found = importlib.import_module(first)
    for part in rest:
        found = getattr(found, part)
    return found


def test_there_are_86_concepts_each_once() -> None:
    assert sorted(int(row["number"]) for row in CONCEPTS) == [*range(1, 87)]


@EVERY_CONCEPT
def test_a_concept_has_a_function(row: dict[str, str]) -> None:
    names = row["functions"].split()
    assert names
    assert all(name.split(".")[0] in ("autograd", "nn") for name in names)
    assert all(resolved(name) is not None for name in names)


@EVERY_CONCEPT
def test_a_concept_is_explained_in_a_section_in_both_languages(row: dict[str, str]) -> None:
    for language, heading in (("en", row["heading"]), ("ko", row["heading_ko"])):
        found = sections(language, row["lesson"])
        assert heading in found, f"no such heading: {heading!r}"
        words = re.sub(r"^#.*", "", found[heading][0].source, flags=re.MULTILINE)
        assert len(words.split()) > 8, f"no paragraph under {heading!r}"


@EVERY_CONCEPT
def test_a_concept_is_seen_in_a_picture(row: dict[str, str]) -> None:
    lesson, _, heading = (row["picture"] or f"{row['lesson']}: {row['heading']}").partition(": ")
    assert pictured(sections("en", lesson)[heading])
