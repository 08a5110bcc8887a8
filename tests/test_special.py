"""Special functions at their edges, and what micrograd calls what a Value has."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from mpmath import mp

import autograd
from autograd import (
    Tensor,
    Value,
    erfc,
    erfinv,
    gammaln,
    grad,
    gradients,
    log,
    logit,
    polygamma,
    register,
)
from autograd.arrays.scipy_functions import COLUMNS
from autograd.core.functions import digamma

inf, nan = math.inf, math.nan


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (gammaln, 0.0, inf), (gammaln, -1.0, inf), (gammaln, -1e16, inf), (gammaln, inf, inf),
        (gammaln, 1.0, 0.0), (gammaln, 2.0, 0.0), (gammaln, nan, nan), (gammaln, 1e306, inf),
        (gammaln, 0.5, math.log(math.pi) / 2), (gammaln, 5e-324, -math.log(5e-324)),
        (digamma, 0.0, -inf), (digamma, -0.0, inf), (digamma, -1.0, nan), (digamma, inf, inf),
        (digamma, -inf, nan), (digamma, 1.0, -0.5772156649015329), (erfc, 27.0, 5.237e-319),
        (erfc, -inf, 2.0), (erfinv, 1.0, inf), (erfinv, -1.0, -inf), (erfinv, 1.0000001, nan),
        (logit, 0.0, -inf), (logit, 1.0, inf), (logit, -1e-300, nan), (logit, 1.5, nan),
        (logit, 0.5, 0.0),
    ],
)  # fmt: skip
def test_special_functions_at_their_edges_on_every_kind(function, x, expected) -> None:
    for answer in (function(x), function(Value(x)).data, function(Tensor(x)).data):
        assert float(answer) == pytest.approx(expected, rel=1e-15, abs=1e-322, nan_ok=True)


def test_polygamma_takes_a_whole_number_and_then_x() -> None:
    x = Value(1.0)
    assert polygamma(1, x).data == pytest.approx(math.pi**2 / 6, rel=1e-15)
    assert polygamma(np.int64(0), 1.0) == digamma(1.0)
    assert gradients(x.polygamma(1), [x]) == [polygamma(2, 1.0)]
    for bad in (1.5, "1", x, None):
        with pytest.raises(TypeError, match="polygamma takes a whole number n"):
            polygamma(bad, 1.0)
    for bad in (-1, 171):
        with pytest.raises(ValueError, match="n from 0 to 170"):
            polygamma(bad, 1.0)


@pytest.mark.parametrize("n", [1, 2, 13, 20, 50, 80, 120, 170])
def test_polygamma_of_every_order_has_its_digits(n: int) -> None:
    """A factorial is large where the power beside it is below the smallest float."""
    for x in (0.13, 0.8, 2.5, 9.7, 92.6, 511.6, -0.37, -2.4):
        with mp.workdps(50):
            truth = float(mp.psi(n, mp.mpf(x)))
        if math.isfinite(truth) and abs(truth) > 1e-300:
            assert polygamma(n, x) == pytest.approx(truth, rel=3e-15)
            assert polygamma(n, Tensor([x])).data[0] == pytest.approx(truth, rel=3e-15)


def test_micrograds_names_are_read() -> None:
    a, b = Value(2.0), Value(3.0)
    assert a._prev == set()
    assert (a * b)._prev == {a, b}
    assert (a * a + 1.0)._prev != {a}
    made = [a, a + b, a * b, a**2, a**-0.5, a**b, a.relu(), a.tanh(), a.exp(), a.sigmoid()]
    found = [x._op for x in made]
    assert found == ["", "+", "*", "**2", "**-0.5", "**", "ReLU", "tanh", "exp", "sigmoid"]


def test_micrograds_other_names_are_refused_and_say_what_there_is() -> None:
    a, b = Value(2.0), Value(3.0)
    advice = r"\.inputs and \.op.*register\(\).*draw\(\)"
    assert not hasattr(a, "_backward")
    for name in ("_backward", "_prev", "_op"):
        with pytest.raises(AttributeError, match=f"{name} of a Value cannot be .*{advice}"):
            setattr(a, name, None)
    with pytest.raises(AttributeError, match=advice):
        a._backward()
    for more in (((a, b),), ((a, b), "+"), ("x", "+")):
        with pytest.raises(TypeError, match=advice):
            Value(6.0, *more)


def test_new_names_come_with_a_star_and_hide_nothing_of_pythons() -> None:
    names = {"gammaln", "digamma", "polygamma", "logit", "erfc", "erfinv"}
    assert names <= set(autograd.__all__)
    assert not {"sum", "abs", "round", "min", "max", "pow"} & set(autograd.__all__)


# ---- SciPy's own ---------------------------------------------------------------------------------

KINDS = {"j": mpmath.besselj, "y": mpmath.bessely, "i": mpmath.besseli, "k": mpmath.besselk}
SCIPYS = {
    **{f"{kind}{n}": (lambda x, f=f, n=n: f(n, x)) for kind, f in KINDS.items() for n in (0, 1)},
    **{name: KINDS[name[0]] for name in ("jv", "jn", "yv", "yn", "iv", "kv", "kn")},
    "ive": lambda v, x: mpmath.exp(-abs(x)) * mpmath.besseli(v, x),
    "i0e": lambda x: mpmath.exp(-abs(x)) * mpmath.besseli(0, x),
    "i1e": lambda x: mpmath.exp(-abs(x)) * mpmath.besseli(1, x),
    "gamma": mpmath.gamma, "rgamma": mpmath.rgamma,
    "gammasgn": lambda x: mpmath.sign(mpmath.gamma(x)),
    "gammainc": lambda a, x: mpmath.gammainc(a, 0, x, regularized=True),
    "gammaincc": lambda a, x: mpmath.gammainc(a, x, mpmath.inf, regularized=True),
    "beta": mpmath.beta, "betaln": lambda a, b: mpmath.log(mpmath.beta(a, b)),
    "betainc": lambda a, b, x: mpmath.betainc(a, b, 0, x, regularized=True),
    "betaincc": lambda a, b, x: mpmath.betainc(a, b, x, 1, regularized=True),
    "stdtr": lambda df, x: 1 - mpmath.betainc(df / 2, 0.5, 0, df / (df + x * x), True) / 2,
    "pdtr": lambda k, x: mpmath.gammainc(k + 1, x, mpmath.inf, regularized=True),
    "pdtrc": lambda k, x: mpmath.gammainc(k + 1, 0, x, regularized=True),
    "erfcx": lambda x: mpmath.exp(x * x) * mpmath.erfc(x),
    "erfcinv": lambda x: mpmath.erfinv(1 - x), "erfi": mpmath.erfi,
    "dawsn": lambda x: mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-x * x) * mpmath.erfi(x),
    "ndtri": lambda p: mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1),
    "log_ndtr": lambda x: mpmath.log(mpmath.ncdf(x)), "expi": mpmath.ei, "exp1": mpmath.e1,
}  # fmt: skip
FIRST = {
    "jv": (1.5,), "jn": (2,), "yv": (0.5,), "yn": (2,), "iv": (1.5,), "kv": (0.5,), "kn": (2,),
    "ive": (1.5,), "gammainc": (2.5,), "gammaincc": (2.5,), "beta": (1.3,), "betaln": (1.3,),
    "betainc": (1.2, 2.3), "betaincc": (1.2, 2.3), "stdtr": (2.5,), "pdtr": (2.0,), "pdtrc": (2.0,),
}  # fmt: skip


def test_every_function_of_scipys_that_has_a_row_is_compared_with_mpmath():
    assert SCIPYS.keys() == COLUMNS.keys()


@pytest.mark.parametrize("name", SCIPYS)
def test_a_special_function_of_scipys_has_two_slopes_on_tensors_and_values(name, table):
    special = pytest.importorskip("scipy.special")
    first = FIRST.get(name, ())

    def f(x):
        return getattr(special, name)(*first, x)

    for x in (
        (0.06, 0.34, 0.8)
        if name in ("erfcinv", "ndtri", "betainc", "betaincc")
        else (0.3, 1.7, 4.2)
    ):
        with mpmath.workdps(40):
            terms = mpmath.taylor(lambda t: SCIPYS[name](*first, t), mpmath.mpf(x), 2)
        due = [float(c * k) for c, k in zip(terms, (1, 1, 2), strict=True)]
        for at in (x, np.array(x)):
            slope = grad(f)
            got = [float(f(at)), float(slope(at)), float(grad(slope)(at))]
            assert got == pytest.approx(due, rel=2e-12, abs=1e-13)
    value = Value(0.7)
    f(value).backward()
    assert value.grad == pytest.approx(grad(f)(np.array([0.7]).sum()), rel=1e-14)


def test_the_reciprocal_of_gamma_has_its_slope_at_the_poles(table):
    special = pytest.importorskip("scipy.special")
    x = np.array([0.0, -1.0, -2.0, -3.0, -1.5, 2.0])
    with mpmath.workdps(30):
        due = [float(mpmath.diff(mpmath.rgamma, t)) for t in x.tolist()]
    assert grad(lambda t: special.rgamma(t).sum())(x) == pytest.approx(due, rel=1e-12)


def test_a_slope_that_is_not_known_in_closed_form_is_refused_by_name(table):
    special = pytest.importorskip("scipy.special")
    with pytest.raises(TypeError, match=r"scipy.special.jv in its order has no known slope"):
        grad(lambda n: special.jv(n, 2.0))(np.array(1.5))
    assert grad(lambda x: special.jv(1.5, x))(np.array(2.0)) != 0.0


def test_a_ufunc_may_be_registered_as_an_operation(table):
    special = pytest.importorskip("scipy.special")
    spence = register("spence", special.spence, lambda g, out, x: g * log(x) / (1.0 - x))
    with mpmath.workdps(30):
        due = float(mpmath.log(0.3) / (1 - mpmath.mpf(0.3)))
    assert grad(lambda x: spence(x))(0.3) == pytest.approx(due)
    assert grad(lambda x: special.spence(x).sum())(np.array([0.3])) == pytest.approx([due])
