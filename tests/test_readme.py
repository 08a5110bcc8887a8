"""The README is true: its example prints what it says. The table of operations is that of rules.

`python tests/test_readme.py` writes the table and the picture anew.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path
from unittest import mock

import pytest

from autograd import Value, zero_grad
from autograd.commands.main import main
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import TABLE
from autograd.printing.symbols import formula, operation

PICTURE = Path(__file__).parent.parent / "notebooks" / "neuron.svg"
README = Path(__file__).parent.parent / "README.md"
OPERATIONS = README.parent / "docs" / "reference" / "operations.md"
HOW_TO = sorted((README.parent / "docs" / "how-to").glob("*.md"))
PAGES = [README, README.with_name("README.ko.md"), *(README.parent / "docs").rglob("[a-z]*.md")]
PAGES = [path for path in PAGES if "_build" not in path.parts and path.stem != "examples"]
KOREAN = README.with_name("README.ko.md")
BEGIN = "<!-- operations: written by `python tests/test_readme.py` -->\n"
END = "<!-- end of operations -->"


def names_of(name: str) -> tuple[str, ...]:
    """Inputs as the table of operations calls them."""
    special = {
        "leaky_relu": ("x", "slope"), "elu": ("x", "α"), "clip": ("x", "low", "high"),
        "where": ("c", "x", "y"), "atan2": ("y", "x"), "dot": ("x", "y"), "round": ("x", "n"),
        "power_derivative": ("x", "y", "n", "m"),
    }  # fmt: skip
    variadic = FUNCTIONS[name].variadic
    return special.get(name, ("x", "y") if variadic else ("x", "y", "z")[: FUNCTIONS[name].arity])


def table() -> str:
    """Every row of the rules as a row of Markdown."""
    lines = ["| operation | computes | local derivatives |", "|---|---|---|"]
    for name in TABLE:
        inputs = names_of(name)
        slopes = [
            f"d/d{x}: `{formula(name, i, inputs)}`"
            for i, x in enumerate(inputs)
            if formula(name, i, inputs)
        ]
        cells = [f"`{name}`", f"`{operation(name, inputs)}`", ", ".join(slopes)]
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def test_the_table_of_operations_is_the_table_of_rules() -> None:
    written = OPERATIONS.read_text("utf-8").split(BEGIN)[1].split(END)[0]
    assert written == table(), "run `python tests/test_readme.py` to write it anew"


def blocks(text: str, language: str = "python") -> list[str]:
    """The blocks of code in a text."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_korean_readme_has_code_of_the_english_one_and_its_own_words() -> None:
    english, korean = (path.read_text("utf-8") for path in (README, KOREAN))
    for language in ("python", "sh"):
        known = [without_comments(block) for block in blocks(english, language)]
        assert blocks(korean, language)
        assert all(without_comments(block) in known for block in blocks(korean, language))
    assert results(blocks(korean)[0]) == results(blocks(english)[0])


def without_comments(code: str) -> str:
    return re.sub(r" *# .*", "", code)


def results(code: str) -> list[str]:
    """What the comments beside each print say."""
    return [line.split("#")[1].strip() for line in code.splitlines() if "print(" in line]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_links_of_a_page_lead_to_files(path: Path) -> None:
    for link in re.findall(r"\]\(((?!https?:)[^)#]+)\)", path.read_text("utf-8")):
        if link.startswith("tutorial/"):  # laid beside the pages by docs/build.py
            link = link.replace("tutorial/", "../notebooks/")
        if link == "_static/neuron.svg":  # likewise
            continue
        assert path.parent.joinpath(link).exists(), link


@pytest.mark.filterwarnings("ignore:the built-in layout drew this picture")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")  # of Python 3.12
@pytest.mark.parametrize("path", [README, *HOW_TO], ids=lambda path: path.stem)
def test_the_blocks_of_a_page_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("numpy")
    names: dict[str, object] = {"__name__": "__main__"}  # a block goes on from those before
    for code in blocks(path.read_text("utf-8")):
        exec(compile(code, path.name, "exec"), names)


def test_the_readme_is_short() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= 190


@pytest.mark.parametrize("graphviz", ["as it is", "missing"])
@pytest.mark.filterwarnings("ignore:the built-in layout drew this picture")
def test_the_worked_example_prints_what_its_comments_say(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    graphviz: str,
) -> None:  # fmt: skip
    if graphviz == "missing":
        monkeypatch.setenv("PATH", str(tmp_path))
    code = README.read_text("utf-8").split("## A worked example\n")[1]
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks(code)[0], "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == results(blocks(code)[0])
    assert (tmp_path / "loss.svg").stat().st_size > 1000


def picture(folder: Path) -> str:
    """What the README's first command draws, where there is no Graphviz."""
    command = r"^python -m pip install \. && valuegrad (.*)$"
    (line,) = re.findall(command, README.read_text("utf-8"), re.MULTILINE)
    path = folder / "graph.svg"
    hidden = mock.patch.dict(sys.modules, pygraphviz=None)
    with hidden, mock.patch.dict(os.environ, PATH=str(folder)):
        assert main([*shlex.split(line), "-o", str(path)]) == 0
    return path.read_text("utf-8")


def test_the_picture_is_the_one_that_the_first_command_draws(tmp_path: Path) -> None:
    assert "![The graph of a neuron" in README.read_text("utf-8")
    assert PICTURE.read_text("utf-8") == picture(tmp_path), "run `python tests/test_readme.py`"


def test_the_commands_of_the_readme_are_those_of_ci() -> None:
    script = (README.parent / ".ci" / "run").read_text("utf-8")
    text = README.read_text("utf-8")
    expression = (
        'valuegrad grad "tanh(x1*w1 + x2*w2 + b)" x1=2 x2=0 w1=-3 w2=1 b=6.8813735870195432'
    )
    assert expression in text
    assert expression in script


def test_what_micrograd_teaches_runs_unchanged() -> None:
    """A neuron through tanh, and again through exp; then weights that descend."""
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(6.8813735870195432, label="b")
    direct = (x * w + b).tanh()
    e = (2 * (x * w + b)).exp()
    through_exp = (e - 1) / (e + 1)
    slope = 1 - math.tanh(2.0 * -3.0 + 6.8813735870195432) ** 2
    for out in (direct, through_exp):
        zero_grad([x, w, b])
        out.backward()
        assert [x.grad, w.grad, b.grad] == pytest.approx([-3.0 * slope, 2.0 * slope, slope])

    parameters = [Value(0.5), Value(-0.25)]
    losses = []
    for _ in range(50):
        ypred = [parameters[0] * x + parameters[1] for x in (0.0, 1.0, 2.0)]
        loss = sum((yout - ygt) ** 2 for ygt, yout in zip((1.0, 3.0, 5.0), ypred, strict=True))
        for p in parameters:
            p.grad = 0.0
        loss.backward()
        for p in parameters:
            p.data += -0.1 * p.grad
        losses.append(loss.data)
    assert losses[-1] < 1e-3 * losses[0]
    assert [p.data for p in parameters] == pytest.approx([2.0, 1.0], abs=0.05)


if __name__ == "__main__":
    before, rest = OPERATIONS.read_text("utf-8").split(BEGIN)
    OPERATIONS.write_text(before + BEGIN + table() + END + rest.split(END)[1], "utf-8")
    with tempfile.TemporaryDirectory() as folder:
        PICTURE.write_text(picture(Path(folder)), "utf-8")
