"""Build the course: `python notebooks/build.py [NAME ...]` writes `en/` and `ko/` from `course/`.

A lesson is one file in jupytext's percent format. Its code is written once; its text stands in
cells of `lang="en"` and `lang="ko"`. The code is run once, and both notebooks get its outputs. A
cell tagged `exercise` holds an attempt that is wrong, and shows what the checks say of it; the cell
tagged `solution` after it is shown folded, and tests run it in the attempt's place.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import jupytext
import nbclient
import nbformat
from nbformat import NotebookNode

HERE = Path(__file__).parent
LANGUAGES = {"en": "A solution", "ko": "풀이"}


def lesson(path: Path) -> NotebookNode:
    """A lesson as it is written: the text in each language, the code, and the solutions."""
    return jupytext.read(path)


def tagged(cell: NotebookNode, tag: str) -> bool:
    """Whether a cell has a tag."""
    return tag in cell.metadata.get("tags", ())


def code(cells: Iterable[NotebookNode], solved: bool = False) -> list[NotebookNode]:
    """The code that is run: with the attempts, or with the solutions in their place."""
    left_out = "exercise" if solved else "solution"
    return [c for c in cells if c.cell_type == "code" and not tagged(c, left_out)]


def run(cells: Iterable[NotebookNode], kernel: str = "python3") -> list[NotebookNode]:
    """These cells, executed in a new kernel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c.source) for c in cells])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name=kernel).execute()
    return list(notebook.cells)


def notebook(written: NotebookNode, language: str, done: Iterable[NotebookNode]) -> NotebookNode:
    """The notebook in a language, its code with the outputs of `done`."""
    cells, ran = [], iter(done)
    for cell in written.cells:
        if tagged(cell, "solution"):
            head = f"<details><summary>{LANGUAGES[language]}</summary>"
            folded = f"{head}\n\n```python\n{cell.source}\n```\n</details>"
            cells.append(nbformat.v4.new_markdown_cell(folded))
        elif cell.cell_type == "code":
            was = next(ran)
            cells.append(nbformat.v4.new_code_cell(
                cell.source, outputs=was.outputs, execution_count=was.execution_count
            ))  # fmt: skip
        elif cell.metadata.get("lang", language) == language:
            cells.append(nbformat.v4.new_markdown_cell(cell.source))
    for i, cell in enumerate(cells):
        cell.id = f"cell-{i + 1}"  # the same at every build
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def main(names: list[str]) -> None:
    """Build the lessons whose file names begin so, or all."""
    for path in sorted((HERE / "course").glob("*.py")):
        if names and not any(path.name.startswith(name) for name in names):
            continue
        written = lesson(path)
        done = run(code(written.cells))
        for language in LANGUAGES:
            (HERE / language).mkdir(exist_ok=True)
            target = HERE / language / f"{path.stem}.ipynb"
            nbformat.write(notebook(written, language, done), target)
            print(f"{target.relative_to(HERE)}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
