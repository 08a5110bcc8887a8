"""A recording knows the table it was made with."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import autograd
from autograd import Replay, Value, compile, grad, register
from autograd.core.functions import FUNCTIONS
from autograd.core.rules import RULES

pytestmark = pytest.mark.filterwarnings("ignore:.*has no form in C:RuntimeWarning")


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    """The table, which is the same again afterwards."""
    before, columns = dict(RULES), {row: row.columns for row in RULES.values()}
    yield
    for name in RULES.keys() - before.keys():
        del RULES[name], FUNCTIONS[name]
    for row, old in columns.items():
        row.columns = old


def eagerly(f: Any, number: float) -> tuple[float, float]:
    x = Value(number)
    result = f(x)
    result.backward()
    return result.data, x.grad


def times(factor: float) -> Any:
    return register("versioned", lambda x: x * factor, lambda g, out, x: factor * g)


ROWS = {
    "identity": lambda x: +x * 3.0, "mul": lambda x: x * 3.0 + x * x, "add": lambda x: x + x * 2.0,
    "neg": lambda x: -x, "tanh": lambda x: x.tanh(), "pow": lambda x: x**3,
    "sum": lambda x: autograd.sum([x, x, 2.0]), "dot": lambda x: autograd.dot([x, 2.0], [x, x]),
    "sech2": lambda x: grad(autograd.tanh)(x),
}  # fmt: skip


@pytest.mark.parametrize("rewrites", [True, False])
@pytest.mark.parametrize("name", [name for name in ROWS if name in RULES])
def test_a_row_that_is_changed_in_place_is_seen(name: str, rewrites: bool) -> None:
    f = ROWS[name]
    step = compile(f, rewrites=rewrites)
    w = Value(0.5)
    bound = compile(lambda: f(w), rewrites=rewrites).bind([w])
    before = eagerly(f, 0.5)
    for columns in (
        RULES[name].columns,
        tuple(
            (lambda g, out, *xs: [444.0] * len(xs))
            if RULES[name].variadic
            else (lambda g, out, *xs: 444.0)
            for _ in RULES[name].columns
        ),
        RULES[name].columns,
    ):
        RULES[name].columns = columns
        assert step.value_and_grad(0.5) == pytest.approx(eagerly(f, 0.5), rel=1e-14)
        assert step.batch([0.5, 0.5])[1] == [pytest.approx(eagerly(f, 0.5)[1])] * 2
        assert bound.value_and_grad()[1].tolist() == [pytest.approx(eagerly(f, 0.5)[1])]
    assert step.value_and_grad(0.5) == pytest.approx(before, rel=1e-14)


@pytest.mark.parametrize("inside", [lambda op: op, grad, lambda op: lambda x: op(op(x))])
def test_an_operation_that_is_registered_anew_is_seen(inside: Any) -> None:
    op = times(4.0)

    def f(x: Any) -> Any:
        return inside(op)(x) * x

    step = compile(f)
    for factor in (5.0, 6.0):
        assert step.value_and_grad(3.0) == eagerly(f, 3.0)
        times(factor)  # the row is another; the function that is called is the old one
        assert step.value_and_grad(3.0) == eagerly(f, 3.0)
        op = times(factor + 0.5)
        assert step.value_and_grad(3.0) == eagerly(f, 3.0)
        assert step.batch([3.0, 3.0])[1] == [eagerly(f, 3.0)[1]] * 2


def test_an_operation_with_a_new_name_changes_no_recording() -> None:
    step = compile(lambda x: x * x)
    step(1.0)
    (recording,) = step.recordings
    times(2.0)
    assert step(3.0) == 9.0
    assert step.recordings == [recording]


def test_a_replay_without_its_function_says_that_it_does_not_hold(tmp_path: Path) -> None:
    op = times(4.0)
    step = compile(lambda x: op(x))
    step(1.0)
    step.save(tmp_path / "f")
    others = Replay.load(tmp_path / "f"), pickle.loads(pickle.dumps(step))
    times(5.0)
    for other in others:
        with pytest.raises(RuntimeError, match="no recording of <lambda> holds"):
            other(2.0)
    assert step(2.0) == 10.0


def test_recordings_with_an_older_table_are_not_kept() -> None:
    op = times(1.0)
    step = compile(lambda x: op(x) * x)
    for i in range(20):  # more than are kept, and no warning of many paths
        op = times(float(i))
        assert step(2.0) == 4.0 * i
    assert len(step.recordings) == 1
