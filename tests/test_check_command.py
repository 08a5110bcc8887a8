"""`valuegrad check`: a gradient check from the command line."""

from __future__ import annotations

import json

import pytest

from autograd.commands.main import main

SOURCE = """
import math
import numpy as np
from autograd import sin

def loss(x):
    return np.sum(np.sin(x) ** 2)

def dloss(x):
    return np.sin(2 * x)

def wrong(x):
    return np.sin(2 * x) + 1e-6

def built(x, y=2.0):
    return sin(x[0]) * x[1] * y

def product(a, b):
    return a * b

def layer(w, x):
    return (x @ w).tanh().sum(axis=1).max()

def narrow(w):
    return (w @ np.ones(3)).sum()

def fails(x):
    raise RuntimeError("no such file")

scale = 3.0
"""


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with a module; its status, stdout and stderr."""
    (tmp_path / "functions_of_mine.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["check", *words])
        out, err = capsys.readouterr()
        return status, out, err

    return run


FILE = "functions_of_mine.py"


def test_a_right_gradient_is_status_0(check):
    status, out, _ = check(f"{FILE}:loss", "--grad", f"{FILE}:dloss", "--at", "x=1,2,3")
    assert status == 0
    assert out.count(" ok") == 3


def test_a_wrong_gradient_is_status_1(check):
    status, out, _ = check(f"{FILE}:loss", "--grad", f"{FILE}:wrong", "--at", "x=1,2,3")
    assert status == 1
    assert out.count(" wrong") == 3


def test_functions_of_the_engine_need_no_gradient(check):
    status, out, _ = check(f"{FILE}:built", "--at", "x=[0.5, 2]", "--at", "y=3", "--order", "2")
    assert status == 0
    assert "x[1]" in out
    status, out, _ = check(f"{FILE}:built", "--at", "x=0.5,2")
    assert status == 0
    assert "y" not in {line.split()[0] for line in out.splitlines()}


def test_json_has_every_field(check):
    status, out, _ = check(f"{FILE}:product", "--at", "b=3", "--at", "a=2", "--json")
    record = json.loads(out)
    assert status == 0
    assert record["ok"] is True
    assert [(row["input"], row["analytic"]) for row in record["rows"]] == [("a", 3.0), ("b", 2.0)]
    assert {"numeric", "error_bar", "verdict", "rounding"} <= set(record["rows"][0])


def test_a_matrix_is_nested_lists(check):
    words = (f"{FILE}:loss", "--grad", f"{FILE}:dloss", "--at", "x=[[1,2],[3,4]]")
    status, out, _ = check(*words)
    assert status == 0
    assert "x[1, 0]" in out


def test_directions_are_rows(check):
    words = ("--grad", f"{FILE}:dloss", "--at", "x=1,2,3", "--directions", "2")
    status, out, _ = check(f"{FILE}:loss", *words)
    assert status == 0
    assert "direction 2" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.py:f", "--at", "x=1"], "no file nowhere.py"),
        ([FILE, "--at", "x=1"], "is not FILE.py:function"),
        ([f"{FILE}:nothing", "--at", "x=1"], "has no function nothing"),
        ([f"{FILE}:scale", "--at", "x=1"], "has no function scale"),
        ([f"{FILE}:product", "--at", "a=1"], "no --at for b"),
        ([f"{FILE}:product", "--at", "a=1", "--at", "a=2"], "a is given twice"),
        ([f"{FILE}:product", "--at", "a=1", "--at", "c=2"], "has no argument c"),
        ([f"{FILE}:product", "--at", "1,2"], "is not NAME=NUMBERS"),
        ([f"{FILE}:product", "--at", "a=one"], "neither a number nor a list of numbers"),
        ([f"{FILE}:product", "--at", "a='1'"], "is not a number"),
        ([f"{FILE}:fails", "--at", "x=1"], "RuntimeError: no such file"),
        (
            [f"{FILE}:loss", "--grad", f"{FILE}:dloss", "--at", "x=[[1],[2,3]]"],
            "not of one length",
        ),
    ],
)
def test_misuse_is_status_2_and_one_line(check, words, message):
    status, out, err = check(*words)
    assert (status, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_file_that_cannot_be_run_is_misuse(check, tmp_path):
    (tmp_path / "broken_module.py").write_text("1 +\n")
    status, _, err = check("broken_module.py:f", "--at", "x=1")
    assert status == 2
    assert "SyntaxError" in err


def test_a_file_named_like_a_module_of_python_is_itself(check, tmp_path):
    (tmp_path / "json.py").write_text("def f(x):\n    return x * x\n")
    status, _, _ = check("json.py:f", "--at", "x=3")
    assert status == 0


@pytest.mark.slow
def test_a_list_is_an_array_where_the_function_takes_no_list(check):
    given = ("--at", "w=[[1,2],[3,4]]", "--at", "x=[[0.1,0.2],[0.3,-0.4],[0,0.1]]")
    status, out, _ = check(f"{FILE}:layer", *given)
    assert status == 0
    assert "w[1, 0]" in out
    assert "x[2, 1]" in out


def test_a_function_that_takes_neither_says_why_not_the_array(check):
    status, _, err = check(f"{FILE}:narrow", "--at", "w=[[1,2],[3,4]]")
    assert status == 2
    assert "matmul of the shapes (2, 2) of 'w' and (3,)" in err


# ---- the point from a file -----------------------------------------------------------------------


@pytest.fixture
def points(tmp_path):
    """Files with the point of a check."""
    numpy = pytest.importorskip("numpy")
    numpy.savez(tmp_path / "d.npz", a=2.0, b=numpy.array(3.0), unused=numpy.ones(2))
    numpy.savez(tmp_path / "other.npz", c=2.0)
    numpy.save(tmp_path / "x.npy", numpy.array([1.0, 2.0, 3.0]))
    numpy.save(tmp_path / "objects.npy", numpy.array([{}]), allow_pickle=True)
    (tmp_path / "d.json").write_text('{"a": 2, "b": 3.5}')
    (tmp_path / "x.json").write_text('{"x": [[1, 2], [3, 4]]}')
    (tmp_path / "broken.json").write_text('{"x":')


@pytest.mark.parametrize("file", ["x.npy", "x.json"])
def test_a_file_holds_the_point(check, points, file):
    assert check(f"{FILE}:loss", "--grad", f"{FILE}:dloss", "--at", file)[0] == 0
    assert check(f"{FILE}:loss", "--grad", f"{FILE}:wrong", "--at", file, "--json")[0] == 1


@pytest.mark.parametrize("words", [["d.npz"], ["d.json"]])
def test_a_file_holds_arguments_by_name(check, points, words):
    status, out, _ = check(f"{FILE}:product", "--at", *words, "--json")
    assert status == 0
    assert [row["input"] for row in json.loads(out)["rows"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["broken.json"], "broken.json cannot be read"),
        (["objects.npy"], "objects.npy cannot be read"),
        (["none.npz"], "cannot read none.npz: No such file"),
        (["other.npz"], "other.npz has c, and the function takes a, b"),
        (["d.npz", "--at", "a=1"], "a is given twice, in d.npz too"),
    ],
)
def test_a_file_that_cannot_be_used_is_status_2(check, points, words, message):
    status, out, err = check(f"{FILE}:product", "--at", *words)
    assert (status, out) == (2, "")
    assert message in err


def test_what_a_function_prints_leaves_the_report_alone(check, tmp_path):
    (tmp_path / "chatty.py").write_text("def f(x):\n    print('hello')\n    return x * x\n")
    status, out, err = check("chatty.py:f", "--at", "x=3", "--json")
    assert status == 0
    assert json.loads(out)["ok"] is True
    assert "hello" in err


def test_a_gradient_that_nothing_can_be_said_of_is_status_2(check, tmp_path):
    (tmp_path / "rough.py").write_text(
        "import random\ndef f(x):\n    return x * random.random()\ndef df(x):\n    return 0.5\n"
    )
    assert check("rough.py:f", "--grad", "rough.py:df", "--at", "x=3")[0] == 2
