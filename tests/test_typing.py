"""Types: what is declared for type checkers is what Value and Tensor bind from the table."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from autograd import Tensor, Value
from autograd.core.value import BINARY, UNARY
from autograd.support.operators import Operators

PROGRAM = Path(__file__).with_name("typed.py")
CHECKERS = [
    pytest.param(name, marks=pytest.mark.skipif(not find_spec(name), reason=f"{name} is missing"))
    for name in ("mypy", "pyright")
]


COMPARED = {f"__{name}__" for name in ("lt", "le", "gt", "ge", "eq", "ne")}
OF_TWO = COMPARED | {name for name, kind in Operators.__annotations__.items() if "Operator" in kind}
OF_ONE = {name for name, x in vars(Operators).items() if callable(x)} - COMPARED
OF_ONE -= {"__hash__", "__class_getitem__"}


def test_the_functions_that_are_declared_are_those_of_the_table():
    assert {name for name in OF_ONE if name[0] != "_"} == set(UNARY)
    assert {name for name in OF_TWO if name[0] != "_"} == set(BINARY)


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize("name", sorted(OF_ONE | OF_TWO))
def test_a_kind_has_each_operator_and_function_that_is_declared(kind, name):
    x = kind(0.5)
    made = getattr(x, name)(*[0.25] * (name in OF_TWO))
    assert type(made) is (kind if name not in COMPARED else bool if kind is Value else np.bool_)


def complaints(checker: str, program: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", checker, str(program)],
        capture_output=True, text=True, cwd=PROGRAM.parents[1], timeout=500,
    )  # fmt: skip
    return done.stdout if done.returncode else ""


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_the_program_of_a_user_has_the_types_that_it_asserts(checker):
    assert not complaints(checker, PROGRAM)


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_a_mistake_of_a_user_is_found(checker, tmp_path):
    program = tmp_path / "wrong.py"
    program.write_text("from autograd import Value\n\n(Value(2.0) * 3).exp().datum\n")
    assert "datum" in complaints(checker, program)
