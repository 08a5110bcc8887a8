"""The command line: what it prints, what it writes, and how it refuses."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

import autograd
from autograd.commands import grad
from autograd.commands import main as command_line
from autograd.commands.doctor import OPTIONAL

TANH = ["tanh(x1*w1 + x2*w2 + b)", "x1=2", "x2=0", "w1=-3", "w2=1", "b=6.8813735870195432"]


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The program in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Outcome:
        status = command_line.main(words)
        return Outcome(status, *capsys.readouterr())

    return run


def refused(outcome: Outcome) -> str:
    """The one line on stderr of a run that was refused and left no file."""
    assert outcome.status == 2
    assert outcome.out == ""
    assert re.fullmatch(r"valuegrad: .*\n", outcome.err)
    assert os.listdir() in ([], ["points.csv"])
    return outcome.err


# ---- valuegrad grad ------------------------------------------------------------------------------


def test_the_main_job_prints_every_value_and_every_gradient_checked(run) -> None:
    outcome = run("grad", *TANH)
    assert outcome.status == 0
    nodes, variables, wrote = outcome.out.split("\n\n")
    assert nodes.splitlines() == [
        "node                     operation  value",
        "x1                                   2",
        "w1                                  -3",
        "x2                                   0",
        "w2                                   1",
        "b                                    6.881373587",
        "x1*w1                    mul        -6",
        "x2*w2                    mul         0",
        "x1*w1 + x2*w2            add        -6",
        "x1*w1 + x2*w2 + b        add         0.881373587",
        "tanh(x1*w1 + x2*w2 + b)  tanh        0.7071067812",
    ]
    rows = [line.split() for line in variables.splitlines()]
    assert rows[0] == ["variable", "gradient", "finite", "difference", "difference"]
    assert [row[:3] for row in rows[1:]] == [
        ["x1", "-1.5", "-1.5"], ["w1", "1", "1"], ["x2", "0.5", "0.5"], ["w2", "0", "0"],
        ["b", "0.5", "0.5"],
    ]  # fmt: skip
    assert all(float(row[3]) < 1e-11 for row in rows[1:])
    assert wrote == "wrote graph.svg\n"


def test_lines_fit_a_terminal_and_end_without_blanks(run) -> None:
    lines = run("grad", *TANH).out.splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)


def test_the_picture_is_an_svg_that_shows_the_names(run) -> None:
    run("grad", *TANH)
    picture = ElementTree.parse("graph.svg")
    assert picture.getroot().tag.endswith("svg")
    assert "x1*w1" in " ".join(picture.getroot().itertext())


@pytest.mark.parametrize("option", ["-o", "--output"])
def test_the_picture_goes_where_it_is_told_to(run, option: str) -> None:
    outcome = run("grad", "x**2", "x=1", option, "other.dot")
    assert outcome.out.endswith("\nwrote other.dot\n")
    assert os.listdir() == ["other.dot"]
    assert "digraph" in Path("other.dot").read_text()


def test_no_picture_is_drawn_where_none_is_wanted(run) -> None:
    assert run("grad", "x**2", "x=1", "--no-graph").status == 0
    assert os.listdir() == []


def test_json_is_one_object_and_nothing_else(run) -> None:
    outcome = run("grad", "x**2 * y", "x=3", "y=2", "--json")
    assert outcome.err == ""
    report = json.loads(outcome.out)
    assert report["expression"] == "x**2 * y"
    assert report["variables"] == {"x": 3.0, "y": 2.0}
    assert report["value"] == 18.0
    assert report["gradients"] == {"x": 12.0, "y": 9.0}
    assert report["finite_differences"] == pytest.approx({"x": 12.0, "y": 9.0}, rel=1e-10)
    assert report["remarks"] == {}
    assert report["nodes"][2:] == [
        {"label": "x**2", "operation": "pow", "value": 9.0, "gradient": 2.0,
         "inputs": [{"node": 0}, {"constant": 2.0}]},
        {"label": "x**2 * y", "operation": "mul", "value": 18.0, "gradient": 1.0,
         "inputs": [{"node": 2}, {"node": 1}]},
    ]  # fmt: skip
    assert os.listdir() == []


def test_json_draws_only_where_it_is_told_to(run) -> None:
    outcome = run("grad", "x**2", "x=3", "--json", "-o", "a.svg")
    json.loads(outcome.out)
    assert os.listdir() == ["a.svg"]


def test_json_has_text_for_what_json_has_no_number_for(run) -> None:
    def no_constant(name: str) -> None:
        raise AssertionError(name)

    out = run("grad", "log(x) + 1/y", "x=-1", "y=inf", "--json").out
    report = json.loads(out, parse_constant=no_constant)
    assert report["value"] == "nan"
    assert report["variables"]["y"] == "inf"
    assert report["gradients"]["x"] == "nan"
    assert report["finite_differences"] == {"x": None, "y": None}
    assert report["remarks"]["x"] == "not finite near here"


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["-x**2", "x=1"], -1.0),
        (["-x", "x=-1e-3"], 0.001),
        (["-1e3*x", "x=2"], -2000.0),
        (["-o*2", "o=1"], -2.0),
        (["-h", "h=1"], None),
        (["--x*2", "x=3"], 6.0),
        (["--", "--x", "x=3"], 3.0),
        (["--", "-h", "h=3"], -3.0),
        (["-(x)", "x=.5"], -0.5),
    ],
)
def test_an_expression_may_begin_with_a_minus(run, words: list[str], value: float | None) -> None:
    outcome = run("grad", "--json", *words)
    assert outcome.status == 0
    if value is None:
        assert outcome.out.startswith("usage: valuegrad grad EXPRESSION")
    else:
        assert json.loads(outcome.out)["value"] == value


def test_options_may_stand_anywhere(run) -> None:
    words = ["x*y", "x=1", "y=2"]
    expected = run("grad", "--json", *words)
    assert run("grad", words[0], "--json", *words[1:]) == expected
    assert run("grad", *words[:2], "--json", words[2]) == expected
    assert run("grad", *words, "--json") == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [("-1e-3", -1e-3), ("inf", math.inf), ("1_000", 1000.0), ("pi/2", math.pi / 2), ("1/3", 1 / 3)],
)
def test_a_number_may_be_written_in_many_ways(run, text: str, number: float) -> None:
    report = json.loads(run("grad", "x", f"x={text}", "--json").out)
    assert float(report["value"]) == number


def test_a_constant_can_be_given_another_value_and_is_a_variable_then(run) -> None:
    assert json.loads(run("grad", "2*e", "--json").out)["gradients"] == {}
    assert json.loads(run("grad", "2*e", "e=3", "--json").out)["gradients"] == {"e": 2.0}


def test_an_expression_without_variables_is_a_calculator(run) -> None:
    assert run("grad", "2 + 3*4", "--no-graph").out == (
        "node     operation  value\n"
        "2 + 3*4             14\n"
    )  # fmt: skip


def test_a_variable_on_the_branch_not_taken_is_shown_with_its_gradient_of_0(run) -> None:
    out = run("grad", "where(x > 0, x, y)", "x=1", "y=2", "--no-graph").out
    assert re.search(r"^y +0 +0 +0$", out, re.MULTILINE)


def test_at_a_kink_both_slopes_are_shown_beside_the_gradient(run) -> None:
    out = run("grad", "relu(x)", "x=0", "--no-graph").out
    assert re.search(r"^x +0 +- +kink: slopes 0, 1$", out, re.MULTILINE)


def test_where_nothing_is_finite_the_table_says_so(run) -> None:
    out = run("grad", "log(x)", "x=-1", "--no-graph").out
    assert re.search(r"^x +nan +- +not finite near here$", out, re.MULTILINE)


def test_decimal_points_stand_one_under_the_other() -> None:
    assert grad._aligned([1.5, -20.25, 1e-30, math.nan, math.inf, 300.0, None]) == [
        "  1.5", "-20.25", "  1e-30", "nan", "inf", "300", "  -",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "no expression; for example: valuegrad grad"),
        (["x*y + z", "y=1"], "no value for x, z: give name=number"),
        (["x", "x=1", "z=3"], "z is not in the expression, which has x"),
        (["2", "z=3"], "z is not in the expression, which has no variables"),
        (["x", "x=1", "x=2"], "x is given twice"),
        (["x", "x=abc"], "x: 'abc' is not a number"),
        (["x", "x="], "x: '' is not a number"),
        (["x", "x=y+1"], "x: 'y+1' is not a number"),
        (["x", "x=a\n\x1b[31m"], r"x: 'a\n\x1b[31m' is not a number"),
        (["x", "*", "y", "x=1"], "'*' is not name=number, such as x=2.5 (is the expression"),
        (["x", "2=1"], "'2=1' is not name=number"),
        (["x", "x=1", "--jsn"], "unrecognized arguments: --jsn (see valuegrad grad --help)"),
        (["x", "x=1", "-o"], "argument -o/--output: expected one argument"),
        (["x", "x=1", "--from"], "argument --from: expected one argument"),
        (['__import__("os")'], "quotes and backslashes are not allowed"),
        (["x.y", "x=1"], "a dot between names"),
        (["tahn(x)", "x=1"], "did you mean tan or tanh?"),
        (["(" * 100_000], "the expression has 100000 characters"),
        (["x\x1b+", "x=1"], r"cannot read 'x\x1b+'"),
        (["\ud800", "x=1"], "is not valid text"),
    ],
)
def test_what_is_wrong_with_the_words_is_one_line(run, words: list[str], told: str) -> None:
    assert told in refused(run("grad", *words))


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("graph.jpeg", "graph.jpeg: the name of a picture ends in .svg"),
        ("nowhere/graph.svg", "nowhere/graph.svg"),
        ("a\ndirectory.svg", r"a\ndirectory.svg"),
        ("graph.png", "python -m pip install vl-convert-python"),
    ],
)
def test_a_picture_that_cannot_be_written_is_one_line_and_no_file(
    run, path: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    if "directory" in path:
        os.mkdir(path)
    before = os.listdir()
    outcome = run("grad", "x", "x=1", "-o", path)
    assert outcome.status == 2
    assert re.fullmatch(r"valuegrad: .*\n", outcome.err)
    assert told in outcome.err
    assert os.listdir() == before


def test_a_missing_dot_is_told_once_on_stderr_and_the_picture_drawn(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    outcome = run("grad", "x**2", "x=1")
    assert outcome.status == 0
    if importlib.util.find_spec("pygraphviz") is None:
        assert outcome.err.count("Graphviz") >= 1
        assert outcome.err.count("\n") == 1
    ElementTree.parse("graph.svg")


# ---- --from --------------------------------------------------------------------------------------


def table(content: bytes) -> str:
    Path("points.csv").write_bytes(content)
    return "points.csv"


def test_each_row_of_a_file_is_a_row_of_a_table(run) -> None:
    outcome = run("grad", "x*w + y**2", "w=2", "--from", table(b"x,y\n1,2\n-3,0.5\n"))
    assert outcome == (0, (
        "row  x   y    value  d/dx  d/dw  d/dy\n"
        "1     1  2     6     2      1    4\n"
        "2    -3  0.5  -5.75  2     -3    1\n"
    ), "")  # fmt: skip
    assert os.listdir() == ["points.csv"]


def test_each_row_of_a_file_is_an_object_of_a_list(run) -> None:
    outcome = run("grad", "x**2", "--json", "--from", table(b"x\n3\ninf\n"))
    assert json.loads(outcome.out) == [
        {"expression": "x**2", "variables": {"x": 3.0}, "value": 9.0, "gradients": {"x": 6.0}},
        {"expression": "x**2", "variables": {"x": "inf"}, "value": "inf",
         "gradients": {"x": "inf"}},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfx,y\n3,4\n",
        b"x,y\r\n3,4\r\n",
        b"x,y\n\n3,4\n\n\n",
        b" x , y\n 3 , 4\n",
        b'"x","y"\n"3","4"\n',
        b"y,x\n4,3",
        b"x,name,y\n3,cat,4\n",
        "x,y,\u00e9t\u00e9\n3,4,\u00e9t\u00e9\n".encode(),
    ],
)
def test_a_file_from_any_spreadsheet_is_read(run, content: bytes) -> None:
    outcome = run("grad", "x*y", "--from", table(content))
    assert outcome.out.splitlines()[1].split() == ["1", "3", "4", "12", "4", "3"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "points.csv is empty"),
        (b"\n\n", "points.csv is empty"),
        (b"x,y\n", "points.csv has a header and no rows"),
        (b"x,y\n1,2\n\n3\n", "points.csv line 4: number of cells 1, in the header 2"),
        (b"x,y\n1,2,3\n", "points.csv line 2: number of cells 3, in the header 2"),
        (b"x,y\n1,2\n3,abc\n", "points.csv line 3, y: 'abc' is not a number"),
        (b"x,y\n1,\n", "points.csv line 2, y: '' is not a number"),
        (b"x,y\n1,2\0\n", r"points.csv line 2"),
        (b"x,z\n1,2\n", "no value for y: points.csv has the columns x, z"),
        (b"1,2\n3,4\n", "no value for x, y: points.csv has the columns 1, 2"),
        (b"x,y,x\n1,2,3\n", "points.csv line 1: two columns are called 'x'"),
        (b"x,y\n1,2\n3,\xff\n", "points.csv line 3 is not UTF-8 text"),
        (b'x,y\n1,"2\n', "points.csv line 2: "),
        (b"x,y,w\n1,2,3\n", "w: given both as name=number and as a column of points.csv"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line_with_its_place(
    run, content: bytes, told: str
) -> None:
    assert told in refused(run("grad", "x*w + y", "w=2", "--from", table(content)))


def test_a_file_that_cannot_be_read_is_one_line(run, tmp_path: Path) -> None:
    assert "cannot read no.csv: " in refused(run("grad", "x", "--from", "no.csv"))
    assert f"cannot read {tmp_path}: " in refused(run("grad", "x", "--from", str(tmp_path)))


def test_one_picture_is_not_drawn_of_many_rows(run) -> None:
    words = ["grad", "x", "--from", table(b"x\n1\n"), "-o", "a.svg"]
    assert "leave one out" in refused(run(*words))


# ---- valuegrad doctor ----------------------------------------------------------------------------


@pytest.fixture
def no_clash(monkeypatch: pytest.MonkeyPatch) -> None:
    owners = {"autograd": ["valuegrad"]}
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: owners)


def test_the_doctor_reports_what_is_installed(run, no_clash) -> None:
    outcome = run("doctor")
    assert (outcome.status, outcome.err) == (0, "")
    found = {line[:18].strip(): line[18:] for line in outcome.out.splitlines()}
    assert list(found) == [
        "valuegrad", "engine", "Python", "NumPy", *OPTIONAL, "Graphviz dot", "graphviz",
        "pygraphviz", "package name",
    ]  # fmt: skip
    assert found["engine"] == autograd.engine()
    assert found["Python"].startswith(sys.version.split()[0])
    assert found["package name"] == "no other distribution owns autograd"


def test_the_doctor_is_content_without_what_is_optional(
    run, no_clash, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    for name in ("numpy", "graphviz", "pygraphviz", *OPTIONAL.values()):
        monkeypatch.setitem(sys.modules, name, None)
    outcome = run("doctor")
    assert outcome.status == 0
    assert outcome.out.count("not installed") == 4 + len(OPTIONAL)
    for name in ("numpy", "matplotlib", "scikit-learn", "jupyterlab"):
        assert f"python -m pip install {name})" in outcome.out
    assert "graphviz.org/download" in outcome.out


def test_the_doctor_outlives_a_broken_installation(
    run, no_clash, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "numpy.py").write_text("raise RuntimeError('half of numpy is missing')")
    monkeypatch.delitem(sys.modules, "numpy", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert "broken: RuntimeError: half of numpy is missing" in run("doctor").out


def test_the_doctor_finds_the_other_autograd_and_names_the_cure(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = {"autograd": ["autograd", "valuegrad"]}
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: owners)
    outcome = run("doctor")
    assert outcome.status == 1
    assert "CLASH" in outcome.out
    assert "python -m pip uninstall autograd valuegrad" in outcome.out


@pytest.mark.slow
@pytest.mark.parametrize("their_init", ["from .tracer import grad\n__version__ = '9'", None])
def test_under_the_other_autograd_the_clash_is_explained(
    tmp_path: Path, their_init: str | None
) -> None:
    package = tmp_path / "autograd"
    shutil.copytree(Path(autograd.__file__).parent, package)
    (package / "__init__.py").unlink()
    if their_init is not None:
        (package / "__init__.py").write_text(their_init)
        (package / "tracer.py").write_text("grad = None")
    # Without site-packages, where this package may be installed too.
    alone = {"flags": ["-S"], "cwd": tmp_path, "env": {}}
    done = program("grad", "x", "x=1", **alone)
    assert done.returncode == 2
    assert re.fullmatch(
        r"valuegrad: `import autograd` finds another package here: .*\n", done.stderr
    )
    if their_init is not None:
        done = program("doctor", **alone)
        assert done.returncode == 1
        assert "CLASH" in done.stdout
        assert "9" not in done.stdout.splitlines()[0]


# ---- valuegrad -----------------------------------------------------------------------------------


def program(
    *words: str, flags: Sequence[str] = (), **settings: object
) -> subprocess.CompletedProcess[str]:
    """`python -m autograd` in a process of its own."""
    command = [sys.executable, *flags, "-m", "autograd", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **settings)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def home() -> dict[str, Path]:
    """Where `python -m autograd` finds this package, installed or not."""
    return {"cwd": Path(autograd.__file__).parent.parent}


@pytest.mark.slow
def test_python_m_autograd_is_the_same_program(run, home) -> None:
    words = ("grad", *TANH, "--no-graph")
    assert program(*words, **home).stdout == run(*words).out


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_has_every_command_and_an_example_that_works(run, words: list[str]) -> None:
    outcome = run(*words)
    assert (outcome.status, outcome.err) == (0, "")
    assert all(f"\n  {name} " in outcome.out for name in command_line.COMMANDS)
    assert max(map(len, outcome.out.splitlines())) <= 80
    valuegrad, *example = shlex.split(outcome.out.splitlines()[-1])
    assert valuegrad == "valuegrad"
    assert run(*example).status == 0


@pytest.mark.parametrize("name", command_line.COMMANDS)
def test_every_command_has_help(run, name: str) -> None:
    outcome = run(name, "--help")
    assert outcome.status == 0
    assert outcome.out.startswith(f"usage: valuegrad {name}")


def test_the_version_is_that_of_the_package(run) -> None:
    outcome = run("--version")
    assert re.fullmatch(r"valuegrad \d+\.\d+.*\n", outcome.out)


def test_an_unknown_command_is_one_line(run) -> None:
    assert "unknown command 'x**2'; the commands are grad, check, " in refused(run("x**2", "x=1"))


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_error(home) -> None:
    words = [sys.executable, "-m", "autograd", "grad", "+".join(["x"] * 2000), "x=1", "--no-graph"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **home
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_is_one_line(home) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "autograd", "grad", "x", "x=1", "--no-graph"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, **home,
        )  # fmt: skip
    assert done.returncode == 2
    assert re.fullmatch(r"valuegrad: cannot write the results: .*\n", done.stderr)


def test_ctrl_c_is_silent_and_has_the_status_of_that_signal(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(grad, "work_out", interrupted)
    assert run("grad", "x", "x=1") == (128 + signal.SIGINT, "", "")


def test_a_letter_that_the_terminal_lacks_is_no_error(home) -> None:
    words = ("grad", "2*\u03b1", "\u03b1=1", "--no-graph")
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    done = program(*words, env=ascii_only, **home)
    assert done.returncode == 0
    assert r"2*\u03b1" in done.stdout


def test_importing_the_engine_loads_nothing_of_the_command_line(home) -> None:
    code = (
        "import sys, autograd; "
        "heavy = ('argparse', 'ast', 'csv', 'json', 'autograd.commands.expression'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **home)
    assert done.stdout == "[]\n"
