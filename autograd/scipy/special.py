"""`scipy.special`, whose ufuncs have rules; the functions of it that are no ufuncs follow here.

Formulas: Abramowitz and Stegun (1964), 6.4.1 (polygamma); Muirhead, Aspects of Multivariate
Statistical Theory (1982), theorem 2.1.12 (multigammaln).

>>> from autograd import Tensor
>>> logsumexp(Tensor([[0.0, 1.0], [2.0, 2.0]]), axis=1)
Tensor([1.31326169, 2.69314718])
"""

from __future__ import annotations

import operator
from math import log, pi
from typing import Any

import numpy as np

from .. import extras
from ..arrays.numpy_arguments import as_array
from ..core import functions
from . import of_nodes

scipy: Any = extras.imported("scipy.special", "autograd.scipy.special")


def __getattr__(name: str) -> Any:
    return getattr(scipy, name)


def _logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    a = as_array(a)
    if b is None and not return_sign:
        total: Any = np.logaddexp.reduce  # whose stub knows no bool of a caller's
        return total(a, axis=axis, keepdims=keepdims)
    weights = 1.0 if b is None else as_array(b)
    is_absent = np.equal(weights, 0.0)
    top = np.max(functions.where(is_absent, -np.inf, a), axis=axis, keepdims=True)
    top = functions.where(np.isfinite(top), top, 0.0)
    gaps = a - top  # of what is absent small enough for 0 times its power, whose slope stays
    gaps = functions.where(is_absent, np.fmin(gaps, 700.0), gaps)
    total = np.sum(weights * np.exp(gaps), axis=axis, keepdims=True)
    out = np.log(np.abs(total) if return_sign else total) + top
    parts = [out, np.sign(total)]
    if not keepdims:
        parts = [np.squeeze(part, axis=axis) for part in parts]
    return tuple(parts) if return_sign else parts[0]


def _multigammaln(a: Any, d: int) -> Any:
    a, least = as_array(a), 0.5 * (operator.index(d) - 1)
    if np.any(a <= least):
        raise ValueError(f"multigammaln takes a above {least:g} with d = {d}: take a greater a")
    return 0.25 * d * (d - 1) * log(pi) + sum(scipy.gammaln(a - 0.5 * j) for j in range(d))


logsumexp = of_nodes(_logsumexp, scipy.logsumexp)
multigammaln = of_nodes(_multigammaln, scipy.multigammaln)
polygamma = of_nodes(functions.polygamma, scipy.polygamma)
