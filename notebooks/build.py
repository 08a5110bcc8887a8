"""Build the course: `python notebooks/build.py [NAME ...]` writes `en/` and `ko/` from `course/`.

A lesson is one file in jupytext's percent format. Its code is written once; its text stands in
pairs of cells, `lang="en"` and `lang="ko"`. The code is run once, and both notebooks get its
outputs. A cell tagged `exercise` holds an attempt that is wrong, and shows what the check says of
it; the cell tagged `solution` after it is run too, and is shown folded.

`--text` writes the text anew and keeps the outputs that are saved. Every build writes `README.md`,
the table of contents, and `glossary.md` from `glossary.csv`.
"""

from __future__ import annotations

import ast
import base64
import csv
import io
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import jupytext
import nbclient
import nbformat
from nbformat import NotebookNode
from PIL import Image

HERE = Path(__file__).parent
LESSONS = sorted((HERE / "course").glob("*.py"))
LANGUAGES = {"en": "English", "ko": "한국어"}
FOLDED = {"en": "A solution", "ko": "풀이"}
GLOSSARY = {"en": "Glossary", "ko": "용어집"}
OVERVIEW = {"en": "Contents", "ko": "목차"}
INSTALL = '`python -m pip install ".[notebooks]"`'
TO_RUN = {
    "en": f"to run it: {INSTALL} in the folder of `pyproject.toml`",
    "ko": f"실행하려면: `pyproject.toml`이 있는 폴더에서 {INSTALL}",
}
NEXT = {"en": "Next", "ko": "다음"}
CONTENTS = """# A course of small notebooks · 작은 노트북으로 배우는 신경망

Each takes ten to twenty minutes. All that they show is saved in them, so read them here. Terms
are in the [glossary](glossary.md). The attempts in the exercises are wrong: mend them until the
check agrees. To run the notebooks, in the folder above this one:

한 편에 10~20분이 걸립니다. 결과가 모두 저장되어 있어 여기서 바로 읽을 수 있습니다. 용어는
[용어집](glossary.md)에 있습니다. 연습 문제의 답은 일부러 틀리게 쓴 것이니, 검사가 맞다고 할
때까지 고쳐 보세요. 직접 실행하려면 상위 폴더에서 다음과 같이 하세요.

```sh
python -m pip install ".[notebooks]" && jupyter lab notebooks
```

| | English | 한국어 |
|---|---|---|
"""
STILL_WRONG = """
try:
    {test}
except Exception:
    pass
else:
    raise ValueError("this attempt is right already")
"""
TERMS = """# Glossary · 용어집

A term leads to the lesson that explains it. 용어를 누르면 그것을 설명하는 노트북으로 갑니다.

| English | 한국어 | meaning | 뜻 |
|---|---|---|---|
"""


def lesson(path: Path) -> NotebookNode:
    """A lesson as it is written: the text in each language, the code, and the solutions."""
    return jupytext.read(path)


def tagged(cell: NotebookNode, tag: str) -> bool:
    """Whether a cell has a tag."""
    return tag in cell.metadata.get("tags", ())


def text(written: NotebookNode, language: str) -> list[str]:
    """The text of a lesson in a language, cell by cell."""
    cells = [c for c in written.cells if c.cell_type == "markdown"]
    return [c.source for c in cells if c.metadata.get("lang") == language]


def title(path: Path, language: str) -> str:
    """The heading of a lesson."""
    return text(lesson(path), language)[0].splitlines()[0].removeprefix("# ")


def run(written: NotebookNode, kernel: str = "python3") -> list[NotebookNode]:
    """The code of a lesson, executed in a new kernel: every attempt, and its solution after it.

    nbclient's CellExecutionError where a cell raises, or where an attempt is right: the assert that
    ends its solution must not hold yet.
    """
    kept, cells = [], []
    for cell in (c for c in written.cells if c.cell_type == "code"):
        if tagged(cell, "solution"):
            test = ast.unparse(ast.parse(cell.source).body[-1])
            cells.append(nbformat.v4.new_code_cell(STILL_WRONG.format(test=test)))
        kept.append(nbformat.v4.new_code_cell(cell.source))
        cells.append(kept[-1])
    notebook = nbformat.v4.new_notebook(cells=cells)
    settings = {"timeout": 120, "kernel_name": kernel, "coalesce_streams": True}
    nbclient.NotebookClient(notebook, **settings).execute()
    return kept


def lighten(done: Iterable[NotebookNode]) -> None:
    """Give every PNG a palette of 64 colours: a quarter of its size, and the same to the eye."""
    for output in (output for cell in done for output in cell.outputs):
        if png := output.get("data", {}).get("image/png"):
            light = io.BytesIO()
            picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
            # the default method gives a thin line the colour of another
            palette = picture.quantize(64, Image.Quantize.FASTOCTREE)
            palette.putpalette([255 if c == 254 else c for c in palette.getpalette()])  # white
            palette.save(light, "PNG", optimize=True)
            output.data["image/png"] = base64.b64encode(light.getvalue()).decode()


def saved(path: Path, written: NotebookNode) -> list[NotebookNode]:
    """The code of a lesson with the outputs saved before; ValueError if it is not the same code."""
    before = HERE / "en" / f"{path.stem}.ipynb"
    known = nbformat.read(before, as_version=4).cells if before.exists() else []
    shown = iter(c for c in known if c.cell_type == "code")
    cells = []
    for cell in (c for c in written.cells if c.cell_type == "code"):
        was = cell if tagged(cell, "solution") else next(shown, None)
        if was is None or was.source != cell.source:
            raise ValueError("its code has changed: build it without --text")
        cells.append(was)
    return cells


def links(path: Path, language: str) -> str:
    """A line that leads to the other language, the contents and the glossary."""
    others = [f"[{LANGUAGES[o]}](../{o}/{path.stem}.ipynb)" for o in LANGUAGES if o != language]
    pages = [f"[{OVERVIEW[language]}](../README.md)", f"[{GLOSSARY[language]}](../glossary.md)"]
    return " · ".join([*others, *pages, TO_RUN[language]])


def following(path: Path, language: str) -> str:
    """A line that leads to the next lesson, if there is one."""
    after = dict(pairwise(LESSONS)).get(path)
    return f"{NEXT[language]}: [{title(after, language)}]({after.stem}.ipynb)" if after else ""


def notebook(
    path: Path, written: NotebookNode, language: str, done: Iterable[NotebookNode]
) -> NotebookNode:
    """The notebook of a lesson in a language, its code with the outputs of `done`."""
    cells, ran, markdown, count = [], iter(done), nbformat.v4.new_markdown_cell, 0
    for cell in written.cells:
        if cell.cell_type == "code":
            was = next(ran)
            if tagged(cell, "solution"):
                head = f"<details><summary>{FOLDED[language]}</summary>"
                cells.append(markdown(f"{head}\n\n```python\n{cell.source}\n```\n</details>"))
                continue
            count += 1
            outputs = [numbered(output, count) for output in was.outputs]
            shown = nbformat.v4.new_code_cell(cell.source, outputs=outputs, execution_count=count)
            cells.append(shown)
        elif cell.metadata.get("lang") == language:
            cells.append(
                markdown(cell.source if cells else f"{cell.source}\n\n{links(path, language)}")
            )
    if after := following(path, language):
        cells.append(markdown(after))
    for i, cell in enumerate(cells):
        cell.id = f"cell-{i + 1}"  # the same at every build
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def numbered(output: NotebookNode, count: int) -> NotebookNode:
    """An output with the number of its cell, which counts no solutions."""
    return NotebookNode(
        output, **({"execution_count": count} if "execution_count" in output else {})
    )


def contents() -> str:
    """The table of contents, in Markdown."""
    rows = []
    for path in LESSONS:
        names = [f"[{title(path, o)}]({o}/{path.stem}.ipynb)" for o in LANGUAGES]
        rows.append(f"| {path.stem[:2]} | {' | '.join(names)} |\n")
    return CONTENTS + "".join(rows)


def glossary() -> str:
    """The terms in both languages, each with links to its lesson, in Markdown."""
    paths, lines = {path.stem[:2]: path.stem for path in LESSONS}, [TERMS]
    for row in csv.DictReader((HERE / "glossary.csv").read_text("utf-8").splitlines()):
        english, korean, meaning, in_korean, number = row.values()
        if stem := paths.get(number):
            english = f"[{english}](en/{stem}.ipynb)"
            korean = f"[{korean}](ko/{stem}.ipynb)"
        lines.append(f"| {english} | {korean} | {meaning} | {in_korean} |\n")
    return "".join(lines)


def main(names: list[str]) -> None:
    """Build the lessons whose file names begin so, or all; say which it could not."""
    keep, failed = "--text" in names, []
    names = [name for name in names if name != "--text"]
    for path in LESSONS:
        if names and not path.name.startswith(tuple(names)):
            continue
        written = lesson(path)
        try:
            done = saved(path, written) if keep else run(written)
        except (ValueError, nbclient.exceptions.CellExecutionError) as error:
            failed.append(f"{path.name}: {error}")
            continue
        lighten([] if keep else done)
        for language in LANGUAGES:
            (HERE / language).mkdir(exist_ok=True)
            target = HERE / language / f"{path.stem}.ipynb"
            nbformat.write(notebook(path, written, language, done), target)
            print(f"{target.relative_to(HERE)}: {target.stat().st_size / 1000:.0f} kB")
    (HERE / "README.md").write_text(contents(), "utf-8")
    (HERE / "glossary.md").write_text(glossary(), "utf-8")
    if failed:
        sys.exit("\n\n".join(failed))


if __name__ == "__main__":
    main(sys.argv[1:])
