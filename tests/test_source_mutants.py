"""Mutants of a gradient that a user wrote: what a good test notices, and what a weak one not."""

from __future__ import annotations

import functools

import pytest

np = pytest.importorskip("numpy")
from autograd import gradcheck, mutation_score  # noqa: E402

W = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
X = np.array([0.1, -0.2])


def loss(x):
    return float(np.sum(np.tanh(W @ x) ** 2) / 3)


def dloss(x):
    """The gradient of `loss`."""
    if x.shape != (2,):
        raise ValueError("of another shape")
    y = np.tanh(W @ x)
    g = 2.0 * y * (1.0 - y**2) / 3
    return W.T @ g


def rows_slope(x):
    return np.sum(2.0 * x, axis=0)


def changes(score):
    return {mutant.change for mutant in score.survivors}


def test_a_check_at_an_ordinary_point_notices_every_wrong_gradient():
    score = mutation_score(lambda: gradcheck(loss, X, df=dloss), dloss)
    assert all("shape" in change for change in changes(score)), score
    assert len(score.mutants) > 40
    assert {mutant.line for mutant in score.mutants} <= set(range(20, 40))


def test_a_check_where_all_is_zero_notices_little_and_the_line_is_said():
    score = mutation_score(lambda: gradcheck(loss, 0.0 * X, df=dloss), dloss)
    assert not score
    assert {"2.0 -> 4.0", "1.0 - y ** 2 -> 1.0", "np.tanh -> np.sin"} <= changes(score)
    line = dloss.__code__.co_firstlineno + 5
    assert f"survived: dloss, line {line}: 2.0 -> 4.0" in str(score)


def test_axes_signs_operators_and_namesakes_are_changed():
    score = mutation_score(lambda: True, rows_slope)
    assert {
        "axis=0 -> axis=1", "2.0 * x -> 2.0 / x", "np.sum -> np.mean", "2.0 -> -2.0",
        "return np.sum(2.0 * x, axis=0) -> return -np.sum(2.0 * x, axis=0)",
    } <= changes(score)  # fmt: skip


def made(factor):
    @functools.wraps(rows_slope)
    def unused(x):
        return rows_slope(x)

    return (lambda x: 2 * factor * x), unused


def test_lambdas_closures_methods_and_what_is_wrapped_have_mutants():
    slope, wrapped = made(3.0)
    assert mutation_score(lambda: gradcheck(lambda x: 3.0 * x * x, 2.0, df=slope), slope)

    class Model:
        factor = 3.0

        def slope(self, x):
            return 2 * self.factor * x

    model = Model()
    assert mutation_score(
        lambda: gradcheck(lambda x: 3.0 * x * x, 2.0, df=model.slope), model.slope
    )
    assert mutation_score(lambda: True, wrapped).mutants[0].function == "rows_slope"


def test_the_function_is_as_it_was_whatever_the_test_does():
    before = dloss.__code__

    def stops():
        if dloss.__code__ is not before:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mutation_score(stops, dloss)
    assert dloss.__code__ is before


def test_what_cannot_be_mutated_is_an_error():
    with pytest.raises(TypeError, match="written in Python"):
        mutation_score(lambda: True, np.sin)
    with pytest.raises(ValueError, match="fails before"):
        mutation_score(lambda: False, dloss)
    made = compile("lambda x: 2 * x", "<a text>", "eval")  # "<string>" may be what runs the tests
    with pytest.raises(ValueError, match="source of"):
        mutation_score(lambda: True, eval(made))
