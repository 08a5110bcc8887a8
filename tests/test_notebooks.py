"""The course: lessons run, notebooks in both languages hold what they show."""

import functools
import importlib.util
import itertools
import re
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
for needed in ("nbclient", "jupytext", "ipykernel", "PIL"):
    pytest.importorskip(needed)

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"

spec = importlib.util.spec_from_file_location("build", NOTEBOOKS / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

EVERY_LESSON = pytest.mark.parametrize("path", build.LESSONS, ids=lambda path: path.stem)
EVERY_NOTEBOOK = pytest.mark.parametrize(
    "saved", [f"{o}/{path.stem}.ipynb" for path in build.LESSONS for o in build.LANGUAGES]
)


@functools.cache
def written(path):
    return build.lesson(path)


def cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell):
    """What a cell shows as text, without what may differ between machines."""
    return "".join(
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
        if output.get("name") != "stderr"  # where Matplotlib may say that it looks for fonts
    )


def read(name):
    return nbformat.read(NOTEBOOKS / name, as_version=4)


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """A kernel that is this Python, with this package, whatever kernels are installed."""
    (tmp_path / "kernels" / "python3").mkdir(parents=True)
    (tmp_path / "kernels" / "python3" / "kernel.json").write_text(
        '{"display_name": "Python 3", "language": "python", "argv": '
        f'["{sys.executable}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"]}}'
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


# ---- as they are written -------------------------------------------------------------------------


@EVERY_LESSON
def test_text_stands_in_pairs_of_an_english_cell_and_a_korean_one(path):
    both = written(path).cells
    languages = [c.metadata.get("lang") for c in both if c.cell_type == "markdown"]
    assert languages == ["en", "ko"] * (len(languages) // 2)
    for english, korean in itertools.pairwise(both):
        if english.metadata.get("lang") == "en":
            assert korean.metadata.get("lang") == "ko", english.source
            assert marks(english.source) == marks(korean.source), english.source
            assert re.search("[가-힣]", korean.source)
            assert not re.search("[가-힣]", english.source.replace("한국어", ""))


def marks(text):
    """What two languages have in common: headings, items of lists, formulas on their own lines."""
    return re.findall(r"^(?:#+|\* |\d\. |\$\$)", text, re.MULTILINE)


@EVERY_LESSON
def test_a_lesson_begins_with_its_title_and_ends_with_three_exercises(path):
    lesson = written(path)
    code = [c for c in lesson.cells if c.cell_type == "code"]
    attempts = [i for i, c in enumerate(code) if build.tagged(c, "exercise")]
    solutions = [i for i, c in enumerate(code) if build.tagged(c, "solution")]
    assert len(attempts) == 3
    assert solutions == [i + 1 for i in attempts]
    assert all(re.search(r"^assert .*\Z", code[i].source, re.M) for i in solutions)
    for language, exercises in (("en", "## Exercises"), ("ko", "## 연습 문제")):
        text = build.text(lesson, language)
        headings = re.findall(r"^#+ .*", "\n".join(text), re.MULTILINE)
        assert headings[0].startswith("# ")
        assert headings[-1] == exercises
        assert all(heading.startswith("## ") for heading in headings[1:])


@EVERY_LESSON
def test_no_star_is_left_over_where_markdown_sees_no_emphasis(path):
    """`**(b)**가` shows its stars: between punctuation and a letter, they do not close."""
    markdown = pytest.importorskip("markdown_it").MarkdownIt()
    for language in build.LANGUAGES:
        for text in build.text(written(path), language):
            shown = markdown.render(re.sub(r"\$\$?[^$]*\$", "x", text))
            assert "*" not in re.sub(r"<code>.*?</code>", "", shown), text


# ---- as they are saved ---------------------------------------------------------------------------


@pytest.mark.slow
@EVERY_LESSON
@pytest.mark.filterwarnings("default")  # of Jupyter's own libraries
def test_a_lesson_runs_with_its_solutions_and_shows_what_is_saved(path, kernels):
    """The attempts of learners run before their solutions, as they do for a learner."""
    lesson = written(path)
    fresh = build.run(lesson)
    kept = build.saved(path, lesson)
    solutions = [build.tagged(c, "solution") for c in cells(lesson)]
    for now, before, solution in zip(fresh, kept, solutions, strict=True):
        assert solution or shown(now) == shown(before), now.source


@pytest.mark.filterwarnings("default")
def test_an_attempt_that_is_right_is_refused(kernels):
    cell = nbformat.v4.new_code_cell
    attempt = cell("x = 1", metadata={"tags": ["exercise"]})
    solution = cell("x = 1\nassert x == 1", metadata={"tags": ["solution"]})
    with pytest.raises(build.nbclient.exceptions.CellExecutionError, match="right already"):
        build.run(nbformat.v4.new_notebook(cells=[attempt, solution]))


@EVERY_LESSON
@pytest.mark.parametrize("language", build.LANGUAGES)
def test_a_notebook_is_its_lesson_with_the_outputs_of_the_other_language(path, language):
    lesson = written(path)
    expected = build.notebook(path, lesson, language, build.saved(path, lesson))
    assert read(f"{language}/{path.stem}.ipynb") == expected, "run `python notebooks/build.py`"


def test_there_is_a_notebook_in_each_language_for_each_lesson_and_no_other():
    found = {str(path.relative_to(NOTEBOOKS)) for path in NOTEBOOKS.rglob("*.ipynb")}
    found = {name for name in found if "checkpoint" not in name}
    assert found == {f"{o}/{path.stem}.ipynb" for path in build.LESSONS for o in build.LANGUAGES}
    assert (NOTEBOOKS / "README.md").read_text("utf-8") == build.contents()
    assert (NOTEBOOKS / "glossary.md").read_text("utf-8") == build.glossary()


@EVERY_NOTEBOOK
def test_a_notebook_is_saved_with_its_outputs_and_nothing_of_the_machine(saved):
    text, notebook = (NOTEBOOKS / saved).read_text("utf-8"), read(saved)
    nbformat.validate(notebook)
    outputs = [output for cell in cells(notebook) for output in cell.outputs]
    assert sum(bool(cell.outputs) for cell in cells(notebook)) > len(cells(notebook)) / 2
    assert [cell.execution_count for cell in cells(notebook)] == [
        i + 1 for i in range(len(cells(notebook)))
    ]
    assert not [o for o in outputs if o.get("name") == "stderr" or o.output_type == "error"]
    assert not re.search(r"/tmp/|/home/|/root/|ipykernel_\d", text)
    assert (NOTEBOOKS / saved).stat().st_size < 250_000


@EVERY_NOTEBOOK
def test_the_links_of_a_notebook_lead_somewhere(saved):
    text = "\n".join(c.source for c in read(saved).cells if c.cell_type == "markdown")
    for link in re.findall(r"\]\(((?!https?:)[^)#]*)\)", text):
        assert (NOTEBOOKS / saved).parent.joinpath(link).exists(), link
