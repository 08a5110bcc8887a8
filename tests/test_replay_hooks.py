"""What a function does to nodes while it is recorded: kept in the replay, guarded, or refused."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import autograd
from autograd import Value, compile, grad, gradients, no_grad

XS = (2.0, -1.0, 0.5, 3.0)


def agrees(f: Any, recordings: int = 1) -> None:
    """The replay of f, which has been f on all of XS, with so many recordings."""
    step = compile(f)
    for x in (*XS, *XS):
        assert step.value_and_grad(x) == (f(Value(x)).data, grad(f)(x)), x
    assert len(step.recordings) == recordings


def test_no_gradient_goes_through_what_was_not_recorded() -> None:
    def f(x: Any) -> Any:
        with no_grad():
            scale = x * x + 1.0
            more = scale.exp()
        return x * scale + more * 0.5

    agrees(f)


def test_no_gradient_goes_through_a_detached_node() -> None:
    agrees(lambda x: x * (x * 2.0).detach() + x.detach())
    w = Value(2.0)
    step = compile(lambda x: w * w.detach() * x)
    assert step.value_and_grad(3.0, wrt=[w]) == (12.0, [6.0])
    w.data = 10.0
    assert step.value_and_grad(3.0, wrt=[w]) == (300.0, [30.0])


def test_gradients_within_a_function_are_replayed() -> None:
    def f(x: Any) -> Any:
        y = x * x * x
        (slope,) = gradients(y, [x])
        return y + slope

    step = compile(f)
    assert [step(x) for x in XS] == [x**3 + 3 * x**2 for x in XS]
    assert len(step.recordings) == 1

    w = Value(2.0)
    step = compile(lambda x: gradients(w * w * x, [w])[0] * 1.0)
    assert step(3.0) == 12.0
    w.data = 5.0
    assert step(3.0) == 30.0


def test_partials_are_guarded() -> None:
    def f(x: Any) -> Any:
        return x * (x * x * 1.0).inputs[0].partials[0] * (x * 1.0).partials[0]

    step = compile(f)
    assert [step(x) for x in XS] == [x * x for x in XS]
    assert len(step.recordings) == len(XS)


def test_copies_of_arguments_are_the_arguments_and_others_are_guarded() -> None:
    agrees(lambda x: x * copy.deepcopy(x) + copy.copy(x))
    agrees(lambda x: x * copy.deepcopy([x, x])[1] + copy.copy(x))
    with pytest.raises(TypeError, match="which a pickle would lose"):
        compile(lambda x: x * pickle.loads(pickle.dumps(x * 2.0)))(1.0)
    w = Value(2.0)
    step = compile(lambda x: x * copy.copy(w))
    assert step(1.0) == 2.0
    w.data = 7.0
    assert step(1.0) == 7.0


@pytest.mark.parametrize(
    ("act", "how"),
    [
        (lambda w, y: y.backward(), "calls backward"),
        (lambda w, y: setattr(w, "data", 3.0), r"assigns \.data of"),
        (lambda w, y: setattr(w, "grad", 3.0), r"assigns \.grad of"),
        (lambda w, y: setattr(w, "grad", None), r"forgets \.grad of"),
        (lambda w, y: w.grad, r"reads \.grad of"),
    ],
)
@pytest.mark.parametrize("used", [True, False])
def test_what_no_replay_would_do_is_refused(act: Any, how: str, used: bool) -> None:
    w = Value(2.0, "w")

    def f(x: Any) -> Any:
        y = w * x
        act(w, y)
        return y if used else x * 2.0

    with pytest.raises(RuntimeError, match=f"a function {how}.*which no replay would do: let it"):
        compile(f)(1.0)
    assert w.data == 2.0
    assert not hasattr(w, "_grad")
    act(w, w * 1.0)  # elsewhere it goes


def test_nodes_made_on_the_way_are_the_functions_own() -> None:
    def f(x: Any) -> Any:
        own = Value(1.0)
        own.data = 4.0
        own.grad = 1.0
        return x * own * own.grad

    assert compile(f)(2.0) == 8.0


def test_an_array_that_is_read_is_refused() -> None:
    def f(x: Any) -> Any:
        return x * float(autograd.stack_values([x, x]).sum().data)

    with pytest.raises(TypeError, match=r"a replay runs on Values, and Tensor\.data was read"):
        compile(f)(1.0)
