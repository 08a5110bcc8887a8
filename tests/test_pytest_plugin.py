"""The pytest plugin: a fixture, a mark, readable failures, and next to no time of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PLUGIN = "autograd.checking.pytest_plugin"


def run(folder: Path, source: str, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_user.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", *words]
    if not installed():
        command += ["-p", PLUGIN]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def installed() -> bool:
    """Whether the entry point is there, so that pytest finds the plugin by itself."""
    from importlib.metadata import entry_points

    return any(point.value == PLUGIN for point in entry_points(group="pytest11"))


FIXTURE = """
import math
def test_right(gradcheck):
    assert gradcheck(math.sin, 1.0, df=math.cos)
def test_wrong(gradcheck):
    gradcheck(math.sin, 1.0, df=lambda x: 0.5)
"""


def test_the_fixture_fails_a_test_with_the_table(tmp_path):
    done = run(tmp_path, FIXTURE)
    assert "1 failed, 1 passed" in done.stdout
    assert "analytic  numeric" in done.stdout
    assert "wrong" in done.stdout
    assert "autograd/checking/check.py" not in done.stdout, "the traceback ends at the user's line"


MARKED = """
import autograd as ag
import numpy as np
import pytest

@pytest.mark.gradcheck(0.5, [1.0, 2.0])
@pytest.mark.gradcheck(-3.0, [1.0, 4.0])
def test_two_points(x, w):
    return ag.sin(x) * w[0] + w[1]

@pytest.mark.gradcheck(0.0)
def test_of_one(x):
    return ag.relu(x)

@pytest.mark.gradcheck(order=2)
@pytest.mark.parametrize("x", [0.5, 1.5])
def test_parameters(x):
    return ag.log(x)

class TestMethods:
    @pytest.mark.gradcheck(2.0)
    def test_method(self, x):
        return x**3

@pytest.mark.gradcheck(2.0)
def test_cut(x):
    return x.data * x

def test_plain():
    assert True
"""


def test_a_marked_test_is_the_function_that_is_checked(tmp_path):
    done = run(tmp_path, MARKED, "--strict-markers")
    assert "1 failed, 7 passed" in done.stdout, done.stdout
    assert "the gradient of test_cut" in done.stdout


def test_the_mark_selects(tmp_path):
    done = run(tmp_path, MARKED, "-m", "not gradcheck")
    assert "1 passed, 7 deselected" in done.stdout, done.stdout


def test_a_mark_with_too_many_arguments_is_an_error(tmp_path):
    source = "import pytest\n@pytest.mark.gradcheck(1.0, 2.0)\ndef test_one(x):\n    return x\n"
    done = run(tmp_path, source)
    assert done.returncode != 0
    assert "gives 2 arguments, and the test takes 1" in done.stdout + done.stderr


def test_nothing_heavy_is_imported_with_the_plugin():
    code = (
        f"import pytest, sys; before = set(sys.modules); import {PLUGIN}; "
        "print(*sorted(set(sys.modules) - before))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True
    )
    found = done.stdout.split()
    assert PLUGIN in found
    assert not {
        "numpy",
        "hypothesis",
        "autograd.checking.check",
        "autograd.checking.differences",
    } & set(found)


@pytest.mark.skipif(not installed(), reason="valuegrad is not installed here")
def test_pytest_finds_the_plugin_by_itself(tmp_path):
    done = run(tmp_path, "def test_it(gradcheck):\n    assert gradcheck\n")
    assert "1 passed" in done.stdout


DTYPES = """
import numpy as np
import pytest

@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_square(gradcheck, dtype, factor):
    x = np.array([0.5, -1.5], dtype)
    gradcheck(lambda x: (x * x).sum(), x, df=lambda x: dtype(2 * factor) * x)

@pytest.mark.gradcheck(0.5)
@pytest.mark.gradcheck(1.5)
def test_marked(x):
    return x.exp()
"""


@pytest.mark.parametrize("words", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_tests_over_dtypes_fail_where_the_gradient_is_wrong_in_other_processes_too(tmp_path, words):
    if words:
        pytest.importorskip("xdist")
    done = run(tmp_path, DTYPES, *words)
    assert "3 failed, 5 passed" in done.stdout, done.stdout
    failures, _, _ = done.stdout.partition("short test summary info")
    assert failures.count("in common: the gradient by x is too large by the factor 2") == 3
