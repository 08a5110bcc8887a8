"""Replays of derivatives, replays within replays, and what a replay knows of the table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd
from autograd import (
    Value,
    compile,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    register,
    value_and_grad,
    vjp,
    where,
)  # fmt: skip
from autograd.core.rules import RULES


def unrecorded(x: Any) -> Any:
    with no_grad():
        y = x * 2
    return x * y


FUNCTIONS = {
    "a choice": lambda x: where(x > 0, x, -x),
    "a branch that overflows": lambda x: where(x < 100, autograd.exp(x), x * x),
    "a pole beside": lambda x: where(x > 0, autograd.log(x), x * 2),
    "choices in choices": lambda x: where(x > 0, where(x > 2, x**3, autograd.sqrt(x)), x * 2) * x,
    "two conditions": lambda x: where(x > 0, autograd.sqrt(x), x) + where(x < 2, x.exp(), x * x),
    "a factor": lambda x: (x > 0) * x + (x <= 0) * x * 3,
    "of a factor": lambda x: x * (x > 0) * (x < 3) + x * x,
    "relu and elu": lambda x: autograd.elu(x) + x.relu() * x,
    "clipped": lambda x: autograd.clip(x * x, 0.5, 5.0) * x,
    "detached": lambda x: x * x.detach(),
    "unrecorded": unrecorded,
    "constant": lambda x: 3.0 + 0.0 * x,
}
POINTS = (1.0, -1.0, 3.0, 0.0, 800.0, 1.0)
TRANSFORMS: dict[str, Any] = {
    "grad": lambda f: grad(f),
    "value and grad": lambda f: value_and_grad(f),
    "second": lambda f: grad(grad(f)),
    "jacobian": lambda f: jacobian(lambda x: [f(x), x * f(x)]),
    "hessian": lambda f: hessian(lambda xs: f(xs[0]) * xs[1]),
    "jvp": lambda f: lambda x: jvp(f)(x, 2.0),
    "vjp": lambda f: lambda x: vjp(f)(x, 2.0),
    "hvp": lambda f: lambda x: hvp(f)(x, 2.0),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_derivative_that_is_replayed_is_the_derivative(name: str, transform: str) -> None:
    f = TRANSFORMS[transform](FUNCTIONS[name])
    step = compile(f)
    for x in POINTS:
        given: Any = [x, 1.5] if transform == "hessian" else x
        expected, found = f(given), step(given)
        assert np.allclose(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True), x
    assert len(step.recordings) == 1


def test_its_own_gradient_is_right_too() -> None:
    for f in list(FUNCTIONS.values())[:-1]:  # the last has a plain number for its gradient
        step = compile(grad(f))
        for x in POINTS:
            found, expected = step.value_and_grad(x), value_and_grad(grad(f))(x)
            assert np.allclose(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True), x


def test_arrays_of_arguments_have_their_gradient_replayed() -> None:
    f = lambda a: (where(a[0] > 0, a[0], -a[0]) * a).sum()
    step = compile(grad(f))
    for a in (np.array([1.0, 2.0]), np.array([-1.0, 2.0])):
        assert np.allclose(step(a), grad(f)(a))


# ---- replays within replays ----------------------------------------------------------------------


def test_a_replay_within_a_replay_depends_on_what_the_outer_one_is_given() -> None:
    def outer(x: Any) -> Any:
        z = x * 2
        value, slope = compile(lambda y: y * z * y).value_and_grad(3.0)
        return value * x + slope + compile(lambda y: y + z)(x)

    step = compile(outer)
    for x in (1.0, 2.0, -3.0):
        assert step(x) == pytest.approx(18 * x * x + 12 * x + 3 * x)
        assert step.value_and_grad(x)[1] == pytest.approx(18 * x + 3)  # as outside: of numbers
        assert step.value_and_grad(x)[1] == grad(outer)(x)


def test_gradients_by_leaves_within_a_replay() -> None:
    w = Value(2.0)
    inner = compile(lambda x: w * w * x)
    step = compile(lambda x: inner.value_and_grad(x, wrt=[w])[1][0] * x)
    for x in (1.0, 3.0):
        assert step(x) == 4.0 * x * x
    w.data = 5.0
    assert step(1.0) == 10.0


def test_what_else_a_replay_does_within_another_looks_at_the_numbers_of_the_outer_one() -> None:
    w = Value(2.0)

    def outer(x: Any) -> Any:
        z = x * 3
        inner = compile(lambda y: w * y * z)
        return inner.batch([1.0, 2.0])[0][1] * x + inner.bind([w]).value_and_grad(1.0)[0]

    step = compile(outer)
    for x in (1.0, 2.0, -1.0, 1.0):
        assert step(x) == 12 * x * x + 6 * x
    with pytest.raises(RuntimeError, match="calls backward"):
        compile(lambda x: compile(lambda: w * x).backward())(1.0)


# ---- what a recording was made with --------------------------------------------------------------


def test_a_row_that_changed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    step = compile(lambda x: x.tanh() * x)
    before = step.value_and_grad(0.5)
    monkeypatch.setattr(RULES["tanh"], "columns", (lambda g, out, x: g * 7.0,))
    value, slope = step.value_and_grad(0.5)
    assert value == before[0]
    assert slope == pytest.approx(np.tanh(0.5) + 0.5 * 7.0)
    monkeypatch.undo()
    assert step.value_and_grad(0.5) == before


def test_an_operation_that_was_registered_anew_is_seen() -> None:
    double = register("replay_twice", lambda x: 2 * x, lambda g, out, x: 2 * g)
    step = compile(lambda x: registered[0](x))
    registered = [double]
    with pytest.warns(RuntimeWarning, match="replay_twice"):
        assert step.value_and_grad(3.0) == (6.0, 2.0)
    registered[0] = register("replay_twice", lambda x: 5 * x, lambda g, out, x: 5 * g)
    assert step.value_and_grad(3.0) == (15.0, 5.0)


def test_the_programs_of_a_recording_are_bounded() -> None:
    leaves = [Value(float(i)) for i in range(60)]
    step = compile(lambda: autograd.sum([w * w for w in leaves]))
    for i, w in enumerate(leaves):
        assert step.value_and_grad(wrt=[w])[1] == [2.0 * i]
    assert len(step.recordings[0]._machines) <= 8
    assert step.value_and_grad(wrt=[leaves[3]])[1] == [6.0]


def test_batches_of_many_sizes_keep_memory_for_a_few() -> None:
    step = compile(lambda x: x * x)
    for n in range(1, 200, 7):
        values, slopes = step.batch(np.arange(float(n)))
        assert values.tolist() == [x * x for x in range(n)]
        assert slopes.tolist() == [2.0 * x for x in range(n)]
        step.batch(np.arange(float(n)))
    assert len(step.recordings[0]._machines) == 1
    assert len(step.recordings[0]._of_lanes) <= 8
    for machine in step.recordings[0]._machines.values():
        assert len(machine._widths) <= 5


def test_a_gradient_by_nothing_is_empty_and_leaves_the_others_be() -> None:
    w = Value(3.0)
    step = compile(lambda: w * w)
    assert step.value_and_grad(wrt=[]) == (9.0, [])
    assert step.backward() == 9.0
    assert w.grad == 6.0
    assert gradients(w * w, [w]) == [6.0]
