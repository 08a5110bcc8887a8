"""Formulas for arrays of what no library has with all its digits, against mpmath."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Tensor, gradients
from autograd.arrays import formulas
from autograd.core.kinds import FUNCTIONS

mpmath = pytest.importorskip("mpmath")

RNG = np.random.default_rng(7)
POINTS = np.concatenate(
    [
        *(RNG.uniform(-end, end, 300) for end in (1.2, 7, 39)),
        [0.0, -0.0, 1.0, -1.0, 1e-290, -1e-290, 26.5, -37.6, 38.4],
        10.0 ** RNG.uniform(-20, 0, 60),
    ]
)

TRUTH: dict[str, tuple[Callable[..., Any], float]] = {
    "erf": (mpmath.erf, 4),
    "erfc": (mpmath.erfc, 6),
    "normal_cdf": (mpmath.ncdf, 6),
    "normal_pdf": (mpmath.npdf, 4),
    "cbrt": (lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), 2),
}


def ulps(found: float, truth: Any) -> float:
    """The distance in units in the last place of the truth, or of the least normal number."""
    if abs(truth) < 2.0**-1074:
        return 0.0 if abs(found) <= 2.0**-1074 else math.inf
    return float(abs(mpmath.mpf(found) - truth) / max(math.ulp(float(truth)), 2.0**-1074))


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUTH)
def test_each_formula_is_right_to_a_few_units(name: str) -> None:
    truth, allowed = TRUTH[name]
    with mpmath.workdps(50), np.errstate(all="ignore"):
        found = getattr(formulas, name)(POINTS)
        for x, y in zip(POINTS.tolist(), found.tolist(), strict=True):
            assert ulps(y, truth(mpmath.mpf(x))) <= allowed, x


@pytest.mark.parametrize("name", ["erf", "erfc", "normal_cdf", "normal_pdf", "cbrt"])
def test_each_formula_answers_at_the_ends_and_keeps_nan(name: str) -> None:
    at = [math.inf, -math.inf, math.nan, 1e300, -1e300, 0.0]
    with np.errstate(all="ignore"):
        found = getattr(formulas, name)(np.array(at))
    np.testing.assert_array_equal(found, [FUNCTIONS[name].floats(x) for x in at])


@pytest.mark.slow
@pytest.mark.parametrize("scipy", ["with", "without"])
def test_erf_and_gelu_of_tensors_need_no_scipy(scipy: str, monkeypatch: Any) -> None:
    if scipy == "without":
        monkeypatch.setitem(sys.modules, "scipy.special", None)
    else:
        pytest.importorskip("scipy")
    x = Tensor(POINTS)
    erf, gelu = x.erf(), x.gelu()
    (slope,) = gradients(gelu, [x], seed=np.ones(x.shape))
    with mpmath.workdps(50):
        for i, point in enumerate(POINTS.tolist()):
            p = mpmath.mpf(point)
            assert ulps(erf.data[i], mpmath.erf(p)) <= 4, point
            if point > -37.5:  # further out the share is subnormal, and a product has its digits
                assert ulps(gelu.data[i], p * mpmath.ncdf(p)) <= 8, point
            true = mpmath.ncdf(p) + p * mpmath.npdf(p)
            scale = mpmath.ncdf(p) + abs(p) * mpmath.npdf(p)
            assert abs(slope[i] - true) <= 16 * 2.0**-53 * scale + 2.0**-1060, point
    single = Tensor(POINTS.astype(np.float32)).erf()
    assert single.dtype == np.float32
    with np.errstate(under="ignore"):
        expected = [math.erf(v) for v in POINTS.astype(np.float32)]
    np.testing.assert_allclose(single.data, expected, rtol=2e-7, atol=1e-45)


def test_functions_of_several_arrays_are_those_of_floats() -> None:
    x, y = RNG.uniform(-3, 3, (2, 50))
    y[:2] = [math.inf, -math.inf]
    x[2], y[2] = -math.inf, -math.inf
    x[3] = math.nan
    for name in ("softmax", "log_softmax", "logsumexp"):
        with np.errstate(all="ignore"):
            found = getattr(formulas, name)(x, y, 0.5)
        expected = [
            FUNCTIONS[name].floats(a, b, 0.5) for a, b in zip(x.tolist(), y.tolist(), strict=True)
        ]
        np.testing.assert_allclose(found, expected, rtol=4e-16, err_msg=name)


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("m", [0, 1, 2])
def test_the_derivatives_of_powers_are_those_of_floats(n: int, m: int) -> None:
    if n == m == 0:
        return
    x = np.array([0.0, 0.5, 2.0, 3.0, -1.5, math.nan])
    fact = FUNCTIONS["power_derivative"]
    for y in (0.0, 1.0, 2.0, 2.5, -1.0, np.array([0.0, 2.0, 1.5, 3.0, 2.0, 1.0])):
        found = autograd.core.functions.power_derivative(x, y, float(n), float(m))
        each = np.broadcast_to(y, x.shape).tolist()
        expected = [fact.floats(a, b, n, m) for a, b in zip(x.tolist(), each, strict=True)]
        np.testing.assert_allclose(found, expected, rtol=1e-15, err_msg=f"{y}")
