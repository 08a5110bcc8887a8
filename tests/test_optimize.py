"""SciPy's searches with derivatives from here: they reach what is published, in any structure."""

from __future__ import annotations

import sys
import traceback
from collections import OrderedDict
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from problems import MGH, MODELS, NIST

import autograd
from autograd import Tensor, Value
from autograd.optimize import least_squares, minimize, root, sparse_hessian, sparse_jacobian

pytest.importorskip("scipy")
import scipy.optimize
import scipy.sparse

EXACT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": 3000, "x_scale": "jac"}
LOCAL = {"Freudenstein and Roth", "Trigonometric", "Chebyquad, 10"}  # where the search ends so


def rosenbrock(x: Any) -> Any:
    """Chained, of a list of numbers: 0 where all are 1."""
    return autograd.sum([100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x)])


# ---- published minima ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", MGH)
def test_a_problem_of_more_garbow_and_hillstrom_ends_at_a_published_minimum(name: str) -> None:
    problem = MGH[name]
    with np.errstate(all="ignore"):  # a step may go too far, and is taken back
        found = least_squares(problem.residuals, problem.start, **EXACT)
    (which,) = [
        i for i, q in enumerate(problem.minima) if abs(2 * found.cost - q) <= 1e-5 * q + 1e-20
    ]
    assert (which > 0) == (name in LOCAL)


@pytest.mark.parametrize("name", MGH)
def test_newtons_method_ends_at_a_published_minimum_too(name: str) -> None:
    problem = MGH[name]

    def squares(x: Any) -> Any:
        return autograd.sum([y**2 for y in problem.residuals(x)])

    told = {"maxiter": 2000, "gtol": 1e-9}
    with np.errstate(all="ignore"):
        found = minimize(squares, problem.start, method="trust-exact", options=told)
    assert any(abs(found.fun - q) <= 1e-5 * q + 1e-12 for q in problem.minima)


@pytest.mark.parametrize("start", ["start 1", "start 2"])
@pytest.mark.parametrize("name", MODELS)
def test_a_regression_of_nist_has_the_certified_parameters(name: str, start: str) -> None:
    data = NIST[name]
    x, y = np.array(data["x"], float), np.array(data["y"], float)
    y = np.log(y) if name == "Nelson" else y
    with np.errstate(all="ignore"):
        found = least_squares(lambda b: MODELS[name](x, *b) - y, data[start], **EXACT)
    np.testing.assert_allclose(found.x, data["certified"], rtol=2e-6)
    if name != "Lanczos1":  # whose 1.4e-25 is below the rounding of its data
        assert 2 * found.cost == pytest.approx(data["sum of squares"], rel=1e-9)


# ---- structures ----------------------------------------------------------------------------------


class Line(NamedTuple):
    slope: Any
    offset: Any


STRUCTURES = {
    "a list": ([0, 0.0, 0.0], lambda w: (w[0], w[1], w[2])),
    "a tuple": ((0.0, [0.0, 0.0]), lambda w: (w[0], w[1][0], w[1][1])),
    "an array": (np.zeros(3), lambda w: (w[0], w[1], w[2])),
    "an array of ints": (np.zeros(3, int), lambda w: (w[0], w[1], w[2])),
    "a Tensor": (Tensor(np.zeros(3)), lambda w: (w[0], w[1], w[2])),
    "Values": ([Value(0.0), Value(0.0), 0.0], lambda w: (w[0], w[1], w[2])),
    "a NamedTuple": (Line(np.zeros(2), 0.0), lambda w: (w.slope[0], w.slope[1], w.offset)),
    "dicts": (
        OrderedDict(b={"c": 0.0}, a=np.zeros((1, 2))),
        lambda w: (w["a"][0, 0], w["a"][0, 1], w["b"]["c"]),
    ),
}  # fmt: skip
GOAL = 1.0, -2.0, 3.0


@pytest.mark.parametrize("search", [minimize, least_squares, root])
@pytest.mark.parametrize("kind", STRUCTURES)
def test_the_result_has_the_structure_of_the_start(search: Any, kind: str) -> None:
    start, apart = STRUCTURES[kind]
    weights = (1.0, 2.0, 5.0)

    def residuals(w: Any) -> Any:
        return [c * (x - x0) for c, x, x0 in zip(weights, apart(w), GOAL, strict=True)]

    def squares(w: Any) -> Any:
        return autograd.sum([r * r for r in residuals(w)])

    found = search(squares if search is minimize else residuals, start)
    assert type(found).__module__.startswith("scipy")
    if kind not in ("a Tensor", "Values"):
        assert type(found.x) is type(start)
    assert np.array(apart(found.x), float) == pytest.approx(GOAL, abs=1e-6)


METHODS = [
    *("Nelder-Mead", "Powell", "CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "COBYLA", "COBYQA"),
    *("SLSQP", "trust-constr", "dogleg", "trust-ncg", "trust-exact", "trust-krylov"),
]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_scipys_is_given_what_it_takes(method: str) -> None:
    if method.lower() not in scipy.optimize._minimize.MINIMIZE_METHODS:
        pytest.skip("an older SciPy")

    def f(p: Any) -> Any:
        return (p["x"] - 1) ** 4 + (p["x"] - 1) ** 2 + (p["y"][0] - p["x"]) ** 2

    found = minimize(f, {"x": 1.5, "y": [1.9]}, method=method)
    assert found.x["x"] == pytest.approx(1.0, abs=1e-3)
    assert found.x["y"] == pytest.approx([1.0], abs=1e-3)


@pytest.mark.parametrize("method", ["BFGS", "Newton-CG", "trust-krylov", "dogleg"])
def test_f_is_called_once_at_each_point(method: str) -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append(tuple(v.data for v in x))
        return rosenbrock(x)

    minimize(f, [0.8, 0.9, 1.1], method=method)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("method", ["hybr", "lm", "broyden1", "krylov", "df-sane"])
def test_every_method_of_root_is_given_what_it_takes(method: str) -> None:
    def f(p: Any) -> Any:
        return [p["a"] + 0.1 * p["b"] ** 2, p["b"] - 1]

    found = root(f, {"a": 1.0, "b": 2.0}, method=method)
    assert list(found.x.values()) == pytest.approx([-0.1, 1.0], abs=1e-4)


def test_a_jacobian_is_the_exact_one_whatever_is_returned() -> None:
    def f(p: Any) -> Any:
        return {"array": p["w"] ** 2, "number": p["b"] * 3, "constants": np.ones(2), "one": 1}

    found = least_squares(f, {"b": 0.5, "w": np.array([1.0, 2.0])}, max_nfev=1)
    rows = [[0, 2, 0], [0, 0, 4], [3, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert found.jac.tolist() == rows


def test_a_replay_is_searched_as_its_function_is() -> None:
    start = {"x": -1.2, "y": 1.0}

    def f(p: Any, power: Any) -> Any:
        return rosenbrock([p["x"], p["y"]]) ** power

    replay = autograd.compile(f)
    ours, theirs = (minimize(g, start, (1.0,), "Newton-CG") for g in (replay, f))
    assert ours.x == pytest.approx(theirs.x, rel=1e-9)
    assert len(replay.recordings) == 1


def test_a_callback_is_told_the_structure() -> None:
    seen: list[Any] = []

    def told(intermediate_result: Any) -> None:
        seen.append(intermediate_result.x)

    start = {"x": -1.2, "y": np.zeros(1)}
    ways = ("BFGS", seen.append), ("trust-constr", lambda x, state: seen.append(x)), ("CG", told)
    for method, callback in ways:
        seen.clear()
        minimize(lambda p: rosenbrock([p["x"], p["y"][0]]), start, method=method, callback=callback)
        assert seen[-1].keys() == start.keys()
        assert seen[-1]["y"].shape == (1,)
    root(lambda x: [x[0] ** 2 - 2], [1.0], method="broyden1", callback=lambda x, f: seen.append(x))
    assert isinstance(seen[-1], list)


# ---- bounds and constraints ----------------------------------------------------------------------

CORNER = {"w": np.zeros((2, 2)), "b": (0.5, [0.5])}


@pytest.mark.parametrize(
    ("bounds", "w"),
    [
        ({"w": (None, 0.25), "b": ((0, 1), [(0, None)])}, [0.25] * 4),
        ({"w": [[(0, 1), (None, 0.5)], [(0, 0.75), (0, 2)]], "b": ((0, 1), [(0, None)])},
         [1.0, 0.5, 0.75, 1.0]),
        (scipy.optimize.Bounds([-1.0] * 4 + [0.0, 0.0], [0.25] * 4 + [1.0, np.inf]), [0.25] * 4),
    ],
)  # fmt: skip
def test_bounds_stand_in_the_places_of_the_numbers(bounds: Any, w: Any) -> None:
    def f(p: Any) -> Any:  # unbounded: all 1, 3, 5
        return ((p["w"] - 1) ** 2).sum() + (p["b"][0] - 3) ** 2 + (p["b"][1][0] - 5) ** 2

    found = minimize(f, CORNER, bounds=bounds)
    assert found.x["w"].ravel() == pytest.approx(w)
    assert found.x["b"] == (pytest.approx(1.0), [pytest.approx(5.0, rel=1e-4)])


def test_an_open_end_is_infinite() -> None:
    pairs = autograd.optimize._Recorded(rosenbrock, [0.0, 0.0], ()).pairs([(None, 2), (1, None)])
    assert pairs.tolist() == [[-np.inf, 2.0], [1.0, np.inf]]


def test_bounds_of_a_list_are_read_as_scipy_reads_them() -> None:
    bounds, start = [(0.0, 0.5), (0.0, 0.7)], [0.1, 0.1]
    theirs = scipy.optimize.minimize(scipy.optimize.rosen, start, bounds=bounds)
    assert minimize(rosenbrock, start, bounds=bounds).x == pytest.approx(theirs.x, abs=1e-4)


def test_bounds_of_least_squares_are_two_structures_or_numbers() -> None:
    def f(p: Any) -> Any:
        return [p["a"] - 3, p["b"] - np.ones(2) * 5]

    start = {"a": 0.5, "b": np.zeros(2)}
    high = {"b": np.array([2.0, 9.0]), "a": 1.0}
    found = least_squares(f, start, bounds=(-10, high))
    assert found.x["a"] == pytest.approx(1.0)
    assert found.x["b"] == pytest.approx([2.0, 5.0])


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr", "COBYLA"])
def test_constraints_take_the_structure_and_give_exact_jacobians(method: str) -> None:
    def circle(p: Any) -> Any:
        return 2 - p["x"] ** 2 - p["y"] ** 2

    for constraint in (
        {"type": "ineq", "fun": circle},
        [{"type": "ineq", "fun": lambda p, r: r - p["x"] ** 2 - p["y"] ** 2, "args": (2,)}],
        scipy.optimize.NonlinearConstraint(circle, 0, np.inf),
    ):
        found = minimize(
            lambda p: p["x"] + p["y"], {"x": 0.1, "y": 0.2}, method=method, constraints=constraint
        )
        assert list(found.x.values()) == pytest.approx([-1, -1], abs=2e-3)


def test_a_constraint_is_not_differenced_and_keeps_its_settings() -> None:
    seen = set()

    def circle(p: Any) -> Any:
        seen.add((p["x"].data, p["y"].data))
        return 2 - p["x"] ** 2 - p["y"] ** 2

    found = minimize(
        lambda p: p["x"] + p["y"], {"x": 0.1, "y": 0.2}, method="SLSQP",
        constraints={"type": "ineq", "fun": circle},
    )  # fmt: skip
    assert len(seen) <= found.nfev + 1
    strict = scipy.optimize.NonlinearConstraint(circle, 0, np.inf, keep_feasible=True)
    assert autograd.optimize._constraint(strict, {"x": 0.1, "y": 0.2}).keep_feasible


def test_a_linear_constraint_is_of_the_row_of_all_numbers() -> None:
    line = scipy.optimize.LinearConstraint([[1, 1]], 2, 2)
    far = {"x": 0.0, "y": 5.0}
    found = minimize(lambda p: p["x"] ** 2 + p["y"] ** 2, far, method="SLSQP", constraints=line)
    assert list(found.x.values()) == pytest.approx([1, 1])


# ---- sparse --------------------------------------------------------------------------------------

POINT = [0.3, -1.2, 0.8, 2.0, -0.4]
FUNCTIONS = {
    "neighbours": lambda x: [b * a.exp() for a, b in pairwise(x)],
    "an arrow": lambda x: [x[0] * x[0], *(x[0] * v.sin() for v in x)],
    "one for all": lambda x: [autograd.sum(list(x)) ** 2],
    "all for one": lambda x: [x[0] * i for i in range(4)],
    "constants and inputs": lambda x: [1.0, x[2], np.array([3.0, 4.0]), x[2] * 0],
    "branches": lambda x: [autograd.where(v > 0, v**2, v * x[0]) for v in x],
    "nested": lambda x: {"a": [x[0] * x[1], (x[2] / x[3],)], "b": x[4] ** 3},
    "none": lambda x: [],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_sparse_jacobian_is_the_dense_one(name: str) -> None:
    f = FUNCTIONS[name]

    def row(x: Any) -> Any:  # the numbers of the result
        return [y for leaf in autograd.trees.leaves(f(x)) for y in np.ravel(leaf).tolist()]

    found = sparse_jacobian(f)(POINT)
    dense = np.array(autograd.jacobian(row)(POINT), float).reshape(-1, len(POINT))
    assert isinstance(found, scipy.sparse.csr_array)
    assert found.toarray() == pytest.approx(dense, rel=1e-13)


def test_a_sparse_hessian_is_the_dense_one_for_arrays_and_structures() -> None:
    def f(p: Any, c: float) -> Any:
        w, b = p["w"], p["b"]
        return np.sum(np.exp(w[0] * w[1])) + c * b * w[0, 0] ** 2 + np.sum(w[1] ** 3)

    point = {"w": np.array([[1.0, 2.0, -1.0], [0.5, 0.1, 0.3]]), "b": 2.0}

    def row(v: Any) -> Any:
        return f({"w": v[:6].reshape(2, 3), "b": v[6]}, 3.0)

    flat = np.array([*point["w"].ravel(), 2.0])
    found = sparse_hessian(f)(point, 3.0)
    assert found.toarray() == pytest.approx(autograd.hessian(row)(flat), rel=1e-13)
    assert found.nnz < 49


def test_a_hessian_of_a_chain_takes_three_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    walks = []
    original = autograd.optimize.gradients
    monkeypatch.setattr(autograd.optimize, "gradients", lambda *a: walks.append(a) or original(*a))
    x = np.random.default_rng(0).normal(size=200)
    found = sparse_hessian(rosenbrock)(x.tolist())
    assert len(walks) == 3
    assert found.nnz == 3 * 200 - 2
    assert found.toarray() == pytest.approx(scipy.optimize.rosen_hess(x), rel=1e-12)


@pytest.mark.slow
def test_a_hessian_of_ten_thousand_numbers_is_the_published_one() -> None:
    x = np.random.default_rng(0).normal(size=10_000)
    found = sparse_hessian(rosenbrock)(x.tolist())
    middle = 1200 * x**2 - 400 * np.append(x[1:], 0) + 202
    middle[0], middle[-1] = 1200 * x[0] ** 2 - 400 * x[1] + 2, 200
    beside = -400 * x[:-1]
    expected = scipy.sparse.diags_array([beside, middle, beside], offsets=[-1, 0, 1]).tocsr()
    assert abs(found - expected).max() <= 1e-12 * abs(expected).max()


def test_sparse_derivatives_are_handed_over() -> None:
    def chain(p: Any) -> Any:
        return rosenbrock(p["x"])

    n = 30
    ours = minimize(
        chain, {"x": [0.5] * n}, method="trust-constr", hess=sparse_hessian(chain), tol=1e-8
    )
    assert ours.x["x"] == pytest.approx([1.0] * n, abs=1e-5)
    f = MGH["Broyden, tridiagonal"].residuals
    found = least_squares(f, [-1.0] * n, jac=sparse_jacobian(f), method="trf")
    assert found.cost < 1e-15
    assert scipy.sparse.issparse(found.jac)
    assert found.jac.nnz == 3 * n - 2


def test_a_sparse_matrix_of_tensors_is_refused_with_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"Tensor of Values.*read off the graph"):
        sparse_jacobian(lambda x: Tensor.sum(autograd.stack_values(x)) * np.ones(3))(POINT)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: np.maximum(x[:1], x[1:]), [1.0, 1.0]),
        (lambda x: np.hypot(1.0, x), [1.0, 0.0]),
        (lambda x: np.hypot(x, x[::-1]), [0.0, 0.0]),
        (lambda x: np.arctan2(1.0, x), [1.0, 2.0]),
        (lambda x: np.fmod(1.0, x), [1.0, 0.7]),
        (lambda x: np.where(x > 1, x**2, 0.0), [1.0, 2.0]),
        (lambda x: np.concatenate([x[1:] ** 2, np.cumsum(x)]), [1.0, 2.0, 4.0]),
        (lambda x: np.minimum(x, 1) * x[::-1], [1.0, 2.0, 4.0]),
    ],
)
def test_a_sparse_jacobian_has_the_numbers_of_the_whole_one(f, x) -> None:
    assert (
        sparse_jacobian(f)(np.array(x)).toarray().tolist()
        == autograd.jacobian(f)(np.array(x)).tolist()
    )


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.clip(x, -1, 1),
        lambda x: np.nan_to_num(x) * 2,
        lambda x: [np.max(x), x.std()],
        lambda x: x.max() + x,
        lambda x: np.linalg.norm(x) * x,
        lambda x: np.median(x) * x,
        lambda x: np.sort(x),
    ],
)
def test_what_numpy_would_compute_otherwise_on_values_is_refused_in_a_sparse_matrix(f) -> None:
    for sparse in (sparse_jacobian(f), sparse_hessian(lambda x: sum(f(x)))):
        with pytest.raises(TypeError, match=r"of an array of Values.*or jacobian and hessian"):
            sparse(np.array([1.0, 1.0, 0.5]))


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "error", "said"),
    [
        ([1.0, "a"], TypeError, r"x\[1\] is .*'a'"),
        ({"w": None}, ValueError, "x0 has no numbers"),
        ([1.0, True], TypeError, r"x\[1\] is True"),
        (np.array([1 + 2j]), TypeError, r"x\[0\] is .*1\+2j"),
        ([], ValueError, "x0 has no numbers"),
        ({"a": np.array([1.0, np.nan])}, ValueError, r"x\['a'\]\[1\] is nan in x0"),
        ([np.inf], ValueError, r"x\[0\] is inf in x0"),
    ],
)
@pytest.mark.parametrize("search", [minimize, least_squares, root])
def test_a_start_that_is_not_of_finite_numbers_is_named(
    search: Any, start: Any, error: type[Exception], said: str
) -> None:
    def f(x: Any) -> Any:
        raise AssertionError("it is not called")

    with pytest.raises(error, match=said):
        search(f, start)


def test_a_function_that_returns_no_number_is_named() -> None:
    def f(x: Any) -> Any:
        return [x[0], x[1]]

    with pytest.raises(TypeError, match=r"one number as its result, but f returned"):
        minimize(f, [1.0, 2.0])


def test_residuals_change_their_number() -> None:
    def f(x: Any) -> Any:
        return [x[0] - 2] * (2 if x[0] == 1 else 3)

    with pytest.raises(ValueError, match="f returned 3 numbers, and 2 at an x before"):
        least_squares(f, [1.0])

    with pytest.raises(ValueError, match="f returned no numbers"):
        least_squares(lambda x: [], [1.0])


def test_a_root_needs_as_many_equations_as_unknowns() -> None:
    with pytest.raises(ValueError, match="f returned 3 numbers, and x0 has 2"):
        root(lambda x: [x[0], x[1], x[0]], [1.0, 2.0])


@pytest.mark.parametrize("method", ["hybr", "lm", "krylov"])
def test_an_error_of_the_users_comes_out_of_the_solver_with_its_line(method: str) -> None:
    def f(x: Any) -> Any:
        if x[0] != 1.0:
            raise KeyError("mine")
        return [x[0] ** 2 - 2]

    with pytest.raises(KeyError, match="mine") as caught:
        root(f, [1.0], method=method)
    assert 'raise KeyError("mine")' in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "bounds",
    [[(0, 1)], [(0, 1), "a"], {"a": (0, 1)}, [(0, 1, 2), (0, 1)], 3, [(0, 1), [(0, 1), (0, 1)]]],
)
def test_bounds_that_do_not_fit_are_refused(bounds: Any) -> None:
    with pytest.raises(ValueError, match=r"bounds has a pair \(low, high\) in the place of each"):
        minimize(rosenbrock, [0.1, 0.2], bounds=bounds)


def test_a_start_outside_its_bounds_is_named() -> None:
    with pytest.raises(ValueError, match=r"x\['a'\] is 2.0, outside its bounds"):
        least_squares(lambda x: [x["a"]], {"a": 2.0}, bounds=(0, {"a": 1.0}))


def test_what_is_not_a_number_on_the_way_ends_the_search_as_scipy_ends_it() -> None:
    found = minimize(lambda x: (x[0] - 5.0).log() + x[0], [1.0], method="L-BFGS-B")
    assert not found.success
    assert np.isnan(found.fun)


def test_derivatives_are_not_given_twice() -> None:
    for given in ({"jac": True}, {"hessp": None, "method": "Newton-CG"}):
        with pytest.raises(TypeError, match="multiple values for keyword argument"):
            minimize(rosenbrock, [0.0, 0.0], **given)


@pytest.mark.parametrize("search", [minimize, least_squares, root])
def test_a_missing_scipy_is_named_with_what_installs_it(
    search: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=rf"autograd.optimize.{search.__name__} needs scipy: "):
        search(rosenbrock, [1.0, 2.0])


def test_a_missing_scipy_is_named_for_sparse_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(ImportError, match="needs scipy: python -m pip install scipy"):
        sparse_hessian(rosenbrock)([1.0, 2.0])
