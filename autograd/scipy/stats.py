"""`scipy.stats`; the functions of eight distributions take Values and Tensors.

`norm`, `t`, `beta`, `gamma`, `chi2`, `poisson`, `dirichlet` and `multivariate_normal` have the
arguments, results and errors of SciPy's; derivatives are exact. Outside of a support they are 0,
and for arguments that SciPy calls invalid they are nan, as the result is.

>>> from autograd import grad
>>> grad(norm.logpdf)(0.5)
-0.5
>>> import autograd.scipy.stats.multivariate_normal as mvn
>>> grad(mvn.logpdf)(np.array([0.5, 2.0]), np.zeros(2), np.eye(2))
array([-0.5, -2. ])
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import Parameter, Signature
from math import inf, log, nan, pi
from typing import Any

import numpy as np

from .. import extras
from ..arrays.numpy_arguments import as_array
from ..arrays.scipy_functions import log_beta_density, log_gamma_density, log_t_density
from ..core.functions import floor, log1p, where
from ..core.functions import log as log_of
from . import of_nodes, special

scipy: Any = extras.imported("scipy.stats", "autograd.scipy.stats")
Rule = Callable[..., Any]
# What a function is below its distribution's support, and above it.
OUTSIDE = {"logpdf": (-inf, -inf), "logpmf": (-inf, -inf), "cdf": (0.0, 1.0), "sf": (1.0, 0.0),
           "logcdf": (-inf, 0.0), "logsf": (0.0, -inf)}  # fmt: skip


class Distribution:
    """A distribution of SciPy's, some of whose functions are ours; all else is SciPy's."""

    def __init__(self, name: str, **own: Rule) -> None:
        self.theirs = getattr(scipy, name)
        for key, rule in own.items():
            setattr(self, key, of_nodes(rule, getattr(self.theirs, key)))
        sys.modules[f"{__name__}.{name}"] = self  # type: ignore[assignment]

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self.theirs(*args, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.theirs, name)


def _log_share(share: Any, rest: Any) -> Any:
    """The logarithm of a probability, which keeps its digits where `rest` of 1 is small."""
    small = share < 0.5
    return where(small, log_of(where(small, share, 1.0)), log1p(-rest))


def _univariate(name: str, low: float, high: float, inside: float, **rules: Rule) -> Distribution:
    """A distribution from its rules, functions of a point and shapes for loc = 0 and scale = 1.

    `inside` is a point of its support; at it a rule is computed for points outside.
    """
    theirs = getattr(scipy, name)
    is_discrete = "logpmf" in rules
    rules.setdefault("logcdf", lambda *at: _log_share(rules["cdf"](*at), rules["sf"](*at)))
    rules.setdefault("logsf", lambda *at: _log_share(rules["sf"](*at), rules["cdf"](*at)))
    kind = Parameter.POSITIONAL_OR_KEYWORD
    shapes = theirs.shapes.split(", ") if theirs.shapes else []
    signature = Signature(
        [Parameter(key, kind) for key in ("k" if is_discrete else "x", *shapes)]
        + [Parameter("loc", kind, default=0.0)]
        + [Parameter("scale", kind, default=1.0)] * (not is_discrete)
    )

    def method(key: str) -> Rule:
        rule, (below, above) = rules[key], OUTSIDE[key]

        def call(*args: Any, **named: Any) -> Any:
            bound = signature.bind(*args, **named)
            bound.apply_defaults()
            x, *given = map(as_array, bound.args)
            scale = 1.0 if is_discrete else given.pop()
            loc = given.pop()
            z = (x - loc) / scale
            is_below, is_above = z < low, z > high
            out = rule(where(np.logical_or(is_below, is_above), inside, z), *given)
            if key == "logpdf":
                out = out - log_of(scale)
            out = where(is_below, below, where(is_above, above, out))
            valid = np.logical_and(scale > 0.0, np.equal(z, z))
            for shape in given:
                valid = np.logical_and(valid, shape >= 0.0 if is_discrete else shape > 0.0)
            total = sum(given, z + loc + scale)
            return where(valid, out, nan * np.exp(total))  # whose slopes of any order are nan

        return call

    own = {key: method(key) for key in rules}
    density = "logpmf" if is_discrete else "logpdf"
    own[density[3:]] = lambda *args, **named: np.exp(own[density](*args, **named))
    return Distribution(name, **own)


def _log_mass(k: Any, mu: Any) -> Any:
    found = special.xlogy(k, mu) - special.gammaln(k + 1.0) - mu
    return where(k - floor(k) > 0.0, -inf, found)


norm = _univariate(
    "norm", -inf, inf, 0.0,
    logpdf=lambda z: -0.5 * z * z - 0.5 * log(2.0 * pi),
    cdf=special.ndtr, logcdf=special.log_ndtr,
    sf=lambda z: special.ndtr(-z), logsf=lambda z: special.log_ndtr(-z),
)  # fmt: skip
t = _univariate(
    "t", -inf, inf, 0.0, logpdf=log_t_density,
    cdf=lambda z, df: special.stdtr(df, z), sf=lambda z, df: special.stdtr(df, -z),
)  # fmt: skip
beta = _univariate(
    "beta", 0.0, 1.0, 0.5, logpdf=log_beta_density,
    cdf=lambda z, a, b: special.betainc(a, b, z), sf=lambda z, a, b: special.betaincc(a, b, z),
)  # fmt: skip
gamma = _univariate(
    "gamma", 0.0, inf, 1.0, logpdf=log_gamma_density,
    cdf=lambda z, a: special.gammainc(a, z), sf=lambda z, a: special.gammaincc(a, z),
)  # fmt: skip
chi2 = _univariate(
    "chi2", 0.0, inf, 1.0,
    logpdf=lambda z, df: log_gamma_density(0.5 * z, 0.5 * df) - log(2.0),
    cdf=lambda z, df: special.gammainc(0.5 * df, 0.5 * z),
    sf=lambda z, df: special.gammaincc(0.5 * df, 0.5 * z),
)  # fmt: skip
poisson = _univariate(
    "poisson", 0.0, inf, 1.0, logpmf=_log_mass,
    cdf=special.pdtr, sf=special.pdtrc,
)  # fmt: skip


# ---- distributions of vectors --------------------------------------------------------------------


def _dirichlet_logpdf(x: Any, alpha: Any) -> Any:
    x, alpha = as_array(x), as_array(alpha)
    if np.ndim(alpha) != 1 or not np.all(alpha > 0.0):
        raise ValueError("dirichlet: alpha is a vector of positive numbers")
    if np.shape(x)[0] + 1 == np.shape(alpha)[0]:
        x = np.concatenate([x, 1.0 - np.sum(x, axis=0, keepdims=True)])
    if np.shape(x)[0] != np.shape(alpha)[0]:
        raise ValueError(
            f"dirichlet: x has {np.shape(x)[0]} rows and alpha {np.shape(alpha)[0]} numbers: x has "
            "as many as alpha, or one fewer"
        )
    if not np.all(x >= 0.0) or not np.all(np.abs(np.sum(x, axis=0) - 1.0) < 1e-9):
        raise ValueError("dirichlet: the numbers of a column of x are from 0 to 1 and add up to 1")
    constant = special.gammaln(np.sum(alpha)) - np.sum(special.gammaln(alpha))
    weights = np.reshape(alpha - 1.0, (-1,) + (1,) * (np.ndim(x) - 1))
    if np.any(np.logical_and(np.equal(x, 0.0), weights < 0.0)):
        raise ValueError("dirichlet: a number of x is 0 where alpha is below 1: take one above 0")
    return constant + np.sum(special.xlogy(weights, x), axis=0)


def _moments(mean: Any, cov: Any) -> tuple[Any, Any]:
    """The mean as a vector, and the covariance, of which SciPy reads the lower triangle only."""
    cov = as_array(cov)
    size = np.shape(cov)[0] if np.ndim(cov) == 2 else 1
    mean = np.reshape(np.zeros(size) if mean is None else as_array(mean), (-1,))
    if np.ndim(cov) < 2:
        cov = cov * np.eye(len(mean))
    if np.shape(cov) != (len(mean), len(mean)):
        raise ValueError(
            f"multivariate_normal: {len(mean)} means and a covariance of the shape "
            f"{np.shape(cov)} do not fit: of n means the covariance is (n, n)"
        )
    return mean, np.tril(cov) + np.transpose(np.tril(cov, -1))


def _factors(cov: Any, allow_singular: bool) -> tuple[Any, Any, int, Any]:
    """The inverse of a covariance, the logarithm of its determinant, its rank and what is 0.

    Of a singular one that is allowed: of the part that is not, as SciPy has it.
    """
    eigenvalues = np.linalg.eigvalsh(cov)
    relative = 1e6 * np.finfo(float).eps
    least = relative * np.max(np.abs(eigenvalues))
    large = eigenvalues > least
    rank = int(np.sum(large))
    if rank == len(large):
        return np.linalg.inv(cov), np.linalg.slogdet(cov)[1], rank, least
    if not allow_singular or np.any(eigenvalues < -least):
        raise np.linalg.LinAlgError(
            "multivariate_normal: the covariance is not positive definite; allow_singular=True "
            "takes one with eigenvalues that are 0"
        )
    log_size = np.sum(np.log(where(large, eigenvalues, 1.0)))
    return np.linalg.pinv(cov, hermitian=True, rcond=relative), log_size, rank, least


def _mvn_logpdf(x: Any, mean: Any = None, cov: Any = 1.0, allow_singular: bool = False) -> Any:
    x, (mean, cov) = as_array(x), _moments(mean, cov)
    inverse, log_size, rank, least = _factors(cov, allow_singular)
    gaps = (np.reshape(x, (*np.shape(x), 1)) if len(mean) == 1 and np.ndim(x) < 2 else x) - mean
    along = gaps @ inverse
    out = -0.5 * (rank * log(2.0 * pi) + log_size + np.sum(along * gaps, axis=-1))
    if rank == len(mean):
        return out
    across = gaps - along @ cov  # where nothing varies
    return where(np.sum(across * across, axis=-1) <= least * least, out, -inf)


def _mvn_entropy(mean: Any = None, cov: Any = 1.0) -> Any:
    mean, cov = _moments(mean, cov)
    return 0.5 * (len(mean) * (1.0 + log(2.0 * pi)) + _factors(cov, False)[1])


dirichlet = Distribution(
    "dirichlet", logpdf=_dirichlet_logpdf, pdf=lambda x, alpha: np.exp(_dirichlet_logpdf(x, alpha))
)
multivariate_normal = Distribution(
    "multivariate_normal", logpdf=_mvn_logpdf, entropy=_mvn_entropy,
    pdf=lambda *args, **named: np.exp(_mvn_logpdf(*args, **named)),
)  # fmt: skip


def __getattr__(name: str) -> Any:
    return getattr(scipy, name)
