"""Special functions at their edges, and what micrograd calls what a Value has."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mpmath import mp

import autograd
from autograd import Tensor, Value, erfc, erfinv, gammaln, gradients, logit, polygamma
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
