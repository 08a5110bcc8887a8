"""`autograd.scipy`, the names under which code written for HIPS autograd imports SciPy.

SciPy itself gives the numbers that are expected, and `gradcheck` differences of those.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from mpmath import mp

from autograd import Tensor, Value, compile, grad, gradcheck, gradients, hessian

scipy_stats = pytest.importorskip("scipy.stats")
import autograd.scipy.stats.multivariate_normal as mvn  # noqa: E402
import scipy.special as scipy_special  # noqa: E402

import autograd.scipy.special as special  # noqa: E402
import autograd.scipy.stats as stats  # noqa: E402

pytestmark = pytest.mark.usefixtures("table")
nan, inf = np.nan, np.inf
# Of each: points inside, at the ends and outside of the support, and shapes; () if it has none.
UNIVARIATE: dict[str, tuple[list[float], list[tuple[float, ...]]]] = {
    "norm": ([-40.0, -1.3, 0.0, 2.5, 45.0, inf, -inf, nan], [()]),
    "t": ([-30.0, -1.3, 0.0, 2.5, 1e4, nan], [(0.7,), (1.0,), (inf,), (30.0,), (-1.0,)]),
    "beta": ([-0.5, 0.0, 1e-9, 0.3, 0.99, 1.0, 1.5, nan], [(1.0, 1.0), (0.5, 2.5), (3.0, 1.0),
             (0.0, 1.0)]),
    "gamma": ([-0.5, 0.0, 1e-9, 0.3, 20.0, nan], [(1.0,), (0.4,), (7.5,), (-2.0,)]),
    "chi2": ([-0.5, 0.0, 1e-9, 0.3, 20.0, nan], [(2.0,), (1.0,), (7.5,), (0.0,)]),
    "poisson": ([-1.0, 0.0, 1.0, 2.5, 40.0, nan], [(0.0,), (0.4,), (7.5,), (-2.0,)]),
}  # fmt: skip
FUNCTIONS = [
    (name, key)
    for name in UNIVARIATE
    for key in ("pmf", "logpmf", "pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
    if key[-3:] not in (("pdf",) if name == "poisson" else ("pmf",))
]
SCALES = [(0.0, 1.0), (0.5, 2.0), (0.0, -1.0)]


@pytest.mark.parametrize(("name", "key"), FUNCTIONS)
def test_the_numbers_of_values_and_tensors_are_scipys(name: str, key: str) -> None:
    ours, theirs = getattr(getattr(stats, name), key), getattr(getattr(scipy_stats, name), key)
    points, all_shapes = UNIVARIATE[name]
    for shapes, (loc, scale) in itertools.product(all_shapes, SCALES):
        place = (loc,) if name == "poisson" else (loc, scale)
        with np.errstate(all="ignore"):
            wanted = theirs(np.array(points), *shapes, *place)
        found = ours(Tensor(points), *shapes, *place).data
        least = 1e-16 if name == "poisson" else 1e-60  # SciPy takes the log of its cdf there
        np.testing.assert_allclose(
            found, wanted, rtol=1e-11, atol=least, err_msg=f"{shapes} {place}"
        )
        one_by_one = [ours(Value(x), *shapes, *place).data for x in points]
        np.testing.assert_allclose(one_by_one, found, rtol=1e-13)


@pytest.mark.parametrize(("name", "key"), FUNCTIONS)
def test_the_slopes_are_those_of_scipys_numbers(name: str, key: str) -> None:
    f = getattr(getattr(stats, name), key)
    place = (0.2,) if name == "poisson" else (0.2, 1.5)
    inside = {"beta": [0.3, 0.9, 1.6], "poisson": [2.2, 7.2]}.get(name, [0.5, 2.6, 9.0])
    shapes = [np.array(s) for s in UNIVARIATE[name][1][-2 if name != "norm" else 0]]
    moving = [i for i in range(1 + len(shapes) + len(place)) if name != "poisson" or i == 1]
    if key[-3:] not in ("pdf", "pmf"):
        no_shapes = range(1, 1 + len(shapes))
        moving = [i for i in moving if i not in no_shapes or name == "poisson"]
    args = [np.array(inside), *shapes, *map(np.array, place)]

    def of_moving(*given: Any) -> Any:
        moved = dict(zip(moving, given, strict=True))
        return f(*(moved.get(i, x) for i, x in enumerate(args)))

    assert gradcheck(of_moving, *(args[i] for i in moving))


@pytest.mark.parametrize(("name", "key"), FUNCTIONS)
def test_beside_a_support_slopes_are_zero_and_beside_valid_arguments_nan(
    name: str, key: str
) -> None:
    f = getattr(getattr(stats, name), key)
    bad = {"norm": (0.0, -1.0), "t": (-1.0,), "beta": (0.0, 1.0)}.get(name, (-2.0,))
    good = {"poisson": (0.4,)}.get(name, UNIVARIATE[name][1][0])
    for args in ((0.5, *bad), (nan, *good)):
        with_slopes = args if key[-3:] in ("pdf", "pmf") else args[:1]  # shapes of a cdf have none
        xs = [Tensor([x, x]) for x in with_slopes]
        found = f(*xs, *args[len(xs) :])
        for slope in gradients(found, xs, np.ones(2), create_graph=True):
            seconds = gradients(slope, xs, np.ones(2))
            assert all(np.isnan(part).all() for part in (found.data, slope.data, *seconds))
    recorded = compile(lambda *args: np.sum(f(*args)))
    for x in (0.5, nan, 0.5):
        valued = recorded.value_and_grad(*(np.array([part]) for part in (x, *good)))
        assert np.isnan(valued[0]) == all(np.isnan(part) for part in valued[1]) == np.isnan(x)
    if name not in ("norm", "t"):
        x = Tensor([-2.0])
        f(x, *good).backward(np.ones(1))
        assert x.grad == 0.0


@pytest.mark.parametrize(("name", "key"), FUNCTIONS)
def test_a_value_takes_part_beside_an_array_of_points(name: str, key: str) -> None:
    f = getattr(getattr(stats, name), key)
    points, good = [0.3, 0.8, 1.6], UNIVARIATE[name][1][-2 if name != "norm" else 0]
    place = dict.fromkeys(("loc", "scale")[: 1 if name == "poisson" else 2], 0.7)
    for x in (points, np.array([points])):
        v = {place_name: Value(part) for place_name, part in place.items()}
        found, wanted = f(x, *good, **v), f(Tensor(x), *good, **place)
        assert found.shape == wanted.shape
        np.testing.assert_allclose([y.data for y in found.flat], wanted.data.ravel(), rtol=1e-14)
        t = {place_name: Tensor(part) for place_name, part in place.items()}
        slopes = gradients(np.sum(f(Tensor(x), *good, **t)), list(t.values()))
        assert gradients(np.sum(found) + v["loc"], list(v.values())) == pytest.approx(
            np.array(slopes) + [1.0, 0.0][: len(v)], rel=1e-13
        )


def test_second_derivatives_of_densities_are_right() -> None:
    for name, shapes, x, log_density in (
        ("norm", (), -1.3, lambda x: -x * x / 2),
        ("t", (3.0,), 0.7, lambda x: -2 * mp.log(1 + x * x / 3)),
        ("gamma", (2.5,), 0.7, lambda x: 1.5 * mp.log(x) - x),
        ("beta", (2.5, 0.5), 0.3, lambda x: 1.5 * mp.log(x) - 0.5 * mp.log(1 - x)),
    ):
        f = getattr(stats, name).logpdf
        second = hessian(lambda x, f=f, s=shapes: f(x, *s))(x)  # type: ignore[misc]
        assert second == pytest.approx(float(mp.diff(log_density, x, 2)), rel=1e-12)


@pytest.mark.parametrize("x", [-1e8, -300.0, -30.0, -5.0, 0.0, 5.0, 30.0])
def test_a_normal_tail_keeps_its_digits(x: float) -> None:
    with mp.workdps(40):
        ratio = mp.exp(-(mp.mpf(x) ** 2) / 2) / mp.sqrt(2 * mp.pi) / (mp.erfc(-x / mp.sqrt(2)) / 2)
    assert grad(stats.norm.logcdf)(x) == pytest.approx(float(ratio), rel=4e-15)
    assert grad(stats.norm.logsf)(-x) == pytest.approx(-float(ratio), rel=4e-15)


def test_slopes_at_the_ends_of_a_support() -> None:
    for key in ("logpdf", "cdf", "logsf"):  # of t without end: those of the normal distribution
        found = grad(getattr(stats.t, key))(0.7, inf)
        assert found == pytest.approx(grad(getattr(stats.norm, key))(0.7), rel=1e-13)
    assert grad(stats.t.logpdf, 1)(0.7, inf) == 0.0
    assert grad(lambda x: stats.gamma.cdf(x, 1.0))(0.0) == 1.0
    assert grad(lambda x: stats.beta.cdf(x, 1.0, 3.0))(0.0) == pytest.approx(3.0, rel=1e-14)
    assert grad(lambda x: stats.beta.sf(x, 3.0, 1.0))(1.0) == pytest.approx(-3.0, rel=1e-14)


# ---- vectors -------------------------------------------------------------------------------------

COV = np.array([[2.0, 0.3, -0.2], [0.3, 1.0, 0.1], [-0.2, 0.1, 0.7]])
MEAN = np.array([0.1, -0.4, 0.3])
SINGULAR = np.diag([2.0, 0.5, 0.0])


@pytest.mark.parametrize(
    ("x", "mean", "cov", "settings"),
    [
        (np.array([0.5, 0.2, -1.0]), MEAN, COV, {}),
        (np.linspace(-1, 1, 12).reshape(2, 2, 3), MEAN, COV, {}),
        (np.array([0.5, 0.2, -1.0]), None, COV, {}),
        (np.array([0.5, 0.2, -1.0]), MEAN, 2.0, {}),
        (np.array([0.5, 0.2, -1.0]), MEAN, np.array([2.0, 1.0, 0.5]), {}),
        (np.array([0.5, 0.2, -1.0]), None, 1.0, {}),
        (np.array(0.5), 0.25, 2.0, {}),
        (np.array([[0.5], [0.25]]), [0.25], [[2.0]], {}),
        (np.array([0.5, 0.2, 0.3]), MEAN, SINGULAR, {"allow_singular": True}),
        (np.array([0.5, 0.2, 0.4]), MEAN, SINGULAR, {"allow_singular": True}),
    ],
)
@pytest.mark.parametrize("key", ["pdf", "logpdf"])
def test_a_normal_vector_has_scipys_density(
    x: Any, mean: Any, cov: Any, settings: Any, key: str
) -> None:
    wanted = getattr(scipy_stats.multivariate_normal, key)(x, mean, cov, **settings)
    found = getattr(mvn, key)(Tensor(x), mean, cov, **settings)
    np.testing.assert_allclose(found.data, wanted, rtol=1e-12)
    assert found.shape == np.shape(wanted)


def test_a_normal_vector_has_the_slopes_of_its_density_and_entropy() -> None:
    x = np.array([[0.5, 0.2, -1.0], [0.1, 0.0, 0.4]])
    assert gradcheck(lambda x, mean, cov: mvn.logpdf(x, mean, cov @ cov.T), x, MEAN, COV)
    assert gradcheck(lambda x, mean, cov: mvn.pdf(x, mean, cov @ cov.T), x, MEAN, COV)
    assert gradcheck(lambda cov: mvn.entropy(MEAN, cov @ cov.T), COV)
    slope = grad(lambda cov: mvn.logpdf(np.zeros(3), np.zeros(3), cov))(COV)
    inverse = np.linalg.inv(COV)  # its lower triangle is read, and moves both
    assert slope == pytest.approx(-0.5 * np.tril(inverse) - 0.5 * np.tril(inverse, -1), rel=1e-12)
    uneven = COV + np.triu(np.ones((3, 3)), 1)
    assert gradcheck(lambda x, cov: mvn.logpdf(x, MEAN, cov), x, uneven)
    assert mvn.logpdf(Tensor(x), MEAN, uneven).data == pytest.approx(mvn.logpdf(x, MEAN, uneven))
    equal = hessian(lambda cov: mvn.entropy(None, cov))(np.eye(2))  # its eigenvalues are equal
    assert equal[0, 0, 0, 0] == pytest.approx(-0.5, rel=1e-12)
    flat = gradients(mvn.logpdf(x := Tensor([1.0, 0.0]), None, np.diag([2.0, 0.0]), True), [x])
    assert flat[0] == pytest.approx(np.array([-0.5, 0.0]))


@pytest.mark.parametrize("key", ["pdf", "logpdf"])
def test_a_dirichlet_vector_has_scipys_density_and_its_slopes(key: str) -> None:
    alpha = np.array([0.7, 2.0, 1.0])
    for x in (np.array([0.2, 0.5, 0.3]), np.array([0.2, 0.5]), np.array([[0.2, 0.5, 0.3]] * 2).T):
        wanted = getattr(scipy_stats.dirichlet, key)(x, alpha)
        found = getattr(stats.dirichlet, key)(Tensor(x), alpha)
        np.testing.assert_allclose(found.data, wanted, rtol=1e-13)
        f = getattr(stats.dirichlet, key)
        assert gradcheck(lambda alpha, f=f, x=x: f(x, alpha), alpha)
        if len(x) == 2:
            assert gradcheck(lambda x, f=f: f(x, alpha), x)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: mvn.logpdf(Tensor(MEAN), MEAN, SINGULAR), np.linalg.LinAlgError, "allow_singular"),
        (lambda: mvn.logpdf(Tensor(MEAN), MEAN, -COV), np.linalg.LinAlgError, "positive definite"),
        (lambda: mvn.logpdf(Tensor(MEAN), MEAN, np.eye(2)), ValueError, "3 means"),
        (lambda: stats.dirichlet.pdf(Tensor([0.2, 0.2]), [1.0, 1.0]), ValueError, "add up to 1"),
        (lambda: stats.dirichlet.pdf(Tensor([1.2, -0.2]), [1.0, 1.0]), ValueError, "from 0 to 1"),
        (lambda: stats.dirichlet.pdf(Tensor([0.2, 0.8]), [1.0, -1.0]), ValueError, "positive"),
        (lambda: stats.dirichlet.pdf(Tensor([0.0, 1.0]), [0.5, 1.0]), ValueError, "is below 1"),
        (lambda: stats.dirichlet.pdf(np.eye(2), Tensor([2.0, 0.5])), ValueError, "is below 1"),
        (lambda: stats.dirichlet.pdf(Tensor([1.0]), np.ones(4)), ValueError, "one fewer"),
        (lambda: special.multigammaln(Tensor([2.0, 0.7]), 3), ValueError, "above 1 with d = 3"),
        (lambda: special.multigammaln(Value(1.0), 3), ValueError, "greater a"),
        (lambda: stats.t.pdf(Tensor([1.0])), TypeError, "missing .* 'df'"),
        (lambda: stats.norm.pdf(Tensor([1.0]), mean=1.0), TypeError, "unexpected .* 'mean'"),
        (lambda: stats.norm.ppf(Tensor([0.5])), TypeError, r"\.data"),
        (lambda: stats.expon.pdf(Tensor([0.5])), TypeError, r"\.data"),
        (lambda: grad(lambda a: stats.gamma.cdf(0.5, a))(1.0), TypeError, "no known slope"),
    ],
)
def test_bad_input_and_what_has_no_rule_is_named(call: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        call()


def test_what_has_no_rule_of_ours_is_scipys() -> None:
    assert stats.norm.ppf(0.5) == 0.0
    assert stats.norm(1.0, 2.0).mean() == 1.0
    assert stats.expon is scipy_stats.expon
    assert special.gammaln is scipy_special.gammaln
    assert stats.norm.pdf(0.5) == scipy_stats.norm.pdf(0.5)
    with pytest.raises(AttributeError):
        stats.norm.no_such_function  # noqa: B018


# ---- scipy.special -------------------------------------------------------------------------------

ROWS = [
    np.array([[0.3, -2.0, 5.0], [1e3, 1e3, 0.0]]),
    np.array([[-inf, 1.0, 2.0], [-inf, -inf, 0.0]]),
    np.array([[0.0, inf, 2.0], [1.0, 1.0, 0.0]]),  # whose weight is 0 in one case
]
WEIGHTS = [None, np.array([1.0, 0.5, 2.0]), np.array([[1.0, 0.0, -3.0], [2.0, 1.0, 1.0]]), 2.0]


@pytest.mark.parametrize("b", WEIGHTS)
@pytest.mark.parametrize(("axis", "keepdims"), [(None, False), (0, True), (1, False), (-1, True)])
@pytest.mark.parametrize("return_sign", [False, True])
def test_logsumexp_is_scipys(b: Any, axis: Any, keepdims: bool, return_sign: bool) -> None:
    settings = {"axis": axis, "b": b, "keepdims": keepdims, "return_sign": return_sign}
    for a in ROWS:
        with np.errstate(all="ignore"):
            wanted = scipy_special.logsumexp(a, **settings)
        found = special.logsumexp(Tensor(a), **settings)
        for x, y in zip(*([found, wanted] if return_sign else [[found], [wanted]]), strict=True):
            np.testing.assert_allclose(x.data, y, rtol=1e-13)


def test_logsumexp_has_the_slopes_of_its_numbers_in_both_arguments() -> None:
    a, b = ROWS[0] / 7.0, np.array([1.0, 0.0, 2.0])
    assert gradcheck(lambda a, b: special.logsumexp(a, axis=1, b=b), a[:1], b)
    assert gradcheck(lambda a, b: special.logsumexp(a, b=b, return_sign=True)[0], a[0], b - 1.5)
    by_absent = grad(lambda b: special.logsumexp([0.0, 1.0, 3.0], b=b))(np.array([2.0, 0.0, 0.0]))
    assert by_absent == pytest.approx(np.exp([0.0, 1.0, 3.0]) / 2.0, rel=1e-14)
    x = Tensor([2.0, 2.0, -inf])
    special.logsumexp(x, b=[1.0, 3.0, 1.0]).backward()
    assert x.grad == pytest.approx(np.array([0.25, 0.75, 0.0]))


def test_functions_of_special_that_are_no_ufuncs_take_values_lists_and_tensors() -> None:
    v, w = Value(0.3), Value(2.0)
    special.logsumexp([v, w, 1.0]).backward()
    assert w.grad == pytest.approx(scipy_special.softmax([0.3, 2.0, 1.0])[1])
    assert special.polygamma(2, Value(1.5)).data == pytest.approx(scipy_special.polygamma(2, 1.5))
    assert grad(lambda x: special.polygamma(1, x))(1.5) == pytest.approx(
        scipy_special.polygamma(2, 1.5)
    )
    assert gradcheck(lambda a: special.multigammaln(a, 3), np.array([2.5, 4.0]))
    signed = special.logsumexp([1.0, 2.0], b=v, return_sign=True)
    assert [part.data for part in signed] == pytest.approx(
        scipy_special.logsumexp([1.0, 2.0], b=0.3, return_sign=True)
    )
    near = mvn.logpdf(np.zeros(2), np.ones(2), w)
    assert near.data == pytest.approx(scipy_stats.multivariate_normal.logpdf([0, 0], [1, 1], 2.0))
    assert gradients(near, [w])[0] == pytest.approx(-0.25)
    x = np.array([Value(1.0), Value(2.0)])
    assert stats.norm.logpdf(x).sum().data == pytest.approx(scipy_stats.norm.logpdf([1, 2]).sum())


def test_a_recording_of_a_density_is_replayed_with_other_numbers() -> None:
    for f in (stats.norm.logpdf, lambda x: stats.gamma.pdf(x, 2.0), special.logsumexp):
        replay = compile(lambda x, f=f: np.sum(f(x) * x[0]))
        for x in (np.array([0.1, 0.2, 0.3]), np.array([0.4, -0.2, 0.3]), np.ones(3)):
            assert replay.value(x) == pytest.approx(float(np.sum(f(x) * x[0])), rel=1e-13)
            wanted = grad(lambda x, f=f: np.sum(f(x) * x[0]))(x)
            assert replay.value_and_grad(x)[1] == pytest.approx(wanted, rel=1e-12)
    replay = compile(lambda a: np.sum(special.multigammaln(a, 3)))
    assert replay.value(np.array([2.5])) == pytest.approx(scipy_special.multigammaln(2.5, 3))
    with pytest.raises(ValueError, match="greater a"):
        replay.value(np.array([0.7]))
