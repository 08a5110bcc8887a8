"""Ufuncs of NumPy and SciPy that have no row in the table: compositions of its rows.

Each runs on Values and on Tensors. Ufuncs are told apart as objects: one of another library that
has a name of NumPy's is not NumPy's. What would lose digits as a composition is not here, and is
refused by name.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import functions
from ..core.functions import abs, floor, gammaln, log, log1p, maximum, minimum, mod, sign, where
from ..core.kinds import FUNCTIONS
from ..core.rules import RULES, TABLE
from .scipy_functions import row_of

LN2, RADIAN = float(np.log(2.0)), float(np.pi / 180.0)


def _trunc(x: Any) -> Any:
    return sign(x) * floor(abs(x))


def _fmod(x: Any, y: Any) -> Any:
    """C's: with the sign of x."""
    return where(x < 0, -mod(-x, abs(y)), mod(x, abs(y)))


def _passing_over_nan(choose: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, y: where(x != x, y, where(y != y, x, choose(x, y)))


def _copysign(x: Any, y: Any) -> Any:
    """The angle of (-1, y) has the sign of y, of a zero too, and a slope there; nan has none."""
    y = where(y != y, 1.0, y)
    return abs(x) * sign(functions.atan2(y, -1.0))


def _times_log(x: Any, y: Any, logarithm: Callable[..., Any], pole: float) -> Any:
    """x log(y), and 0 where x is 0 and the logarithm is not finite."""
    harmless = where(y <= pole, pole + 1.0, where(y == np.inf, pole + 1.0, y))
    return x * logarithm(where(x == 0, harmless, y))


def _entropy(x: Any) -> Any:
    """-x ln x; sqrt has its value and its infinite slope at 0."""
    return where(x < 0, -np.inf, where(x == 0, functions.sqrt(x), -x * log(x)))


def _relative_entropy(x: Any, y: Any) -> Any:
    at_zero = where(y >= 0, -functions.sqrt(x), np.inf)
    inside = where(y > 0, x * log(functions.div(x, y)), np.inf)
    return where(x == 0, at_zero, where(x < 0, np.inf, inside))


def _huber(delta: Any, r: Any) -> Any:
    size = abs(r)
    loss = where(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta))
    return where(delta < 0, np.inf, loss)


# What NumPy has beside the functions that a row says it has.
NUMPY_ALONE: dict[str, Callable[..., Any]] = {
    "divide": functions.div, "power": functions.pow,
    "divmod": lambda x, y: (functions.floordiv(x, y), mod(x, y)),
    "modf": lambda x: (where(abs(x) == np.inf, 0.0, x - _trunc(x)), _trunc(x)),
    "absolute": abs, "fabs": abs, "rint": functions.round, "trunc": _trunc, "fmod": _fmod,
    "square": lambda x: x * x, "reciprocal": lambda x: functions.div(1.0, x),
    "ceil": lambda x: -floor(-x), "conjugate": operator.pos,
    "exp2": lambda x: functions.pow(2.0, x),
    "logaddexp2": lambda x, y: functions.logaddexp(LN2 * x, LN2 * y) / LN2,
    "deg2rad": lambda x: x * RADIAN, "radians": lambda x: x * RADIAN,
    "rad2deg": lambda x: x * (180 / np.pi), "degrees": lambda x: x * (180 / np.pi),
    "copysign": _copysign, "heaviside": lambda x, h: where(x == 0, h, functions.step(x)),
    "fmax": _passing_over_nan(maximum), "fmin": _passing_over_nan(minimum),
}  # fmt: skip
NUMPY = {FUNCTIONS[name].numpy: FUNCTIONS[name].call for name in TABLE if FUNCTIONS[name].numpy}
NUMPY |= NUMPY_ALONE

SCIPY: dict[str, Callable[..., Any]] = {
    **{name: FUNCTIONS[name].call for name in ("erf", "erfc", "erfinv", "logit", "gammaln")},
    **{name: NUMPY[name] for name in ("cbrt", "exp2", "expm1", "log1p")},
    "expit": functions.sigmoid, "log_expit": functions.logsigmoid,
    "digamma": functions.digamma, "psi": functions.digamma, "ndtr": functions.normal_cdf,
    "loggamma": lambda x: where(x < 0, np.nan, gammaln(x)),  # which is complex there
    "exp10": lambda x: functions.pow(10.0, x),
    "xlogy": lambda x, y: _times_log(x, y, log, 0.0),
    "xlog1py": lambda x, y: _times_log(x, y, log1p, -1.0),
    "entr": _entropy, "rel_entr": _relative_entropy, "huber": _huber,
    "kl_div": lambda x, y: _relative_entropy(x, y) - x + y,
}  # fmt: skip

# What has no slope: NumPy's own answer is right.
FLAT = [
    "less", "less_equal", "equal", "greater", "greater_equal", "not_equal", "isnan", "isinf",
    "isfinite", "signbit", "logical_not", "logical_and", "logical_or", "logical_xor",
]  # fmt: skip


def rule_of(ufunc: Any) -> Callable[..., Any] | None:
    """The function for a ufunc of NumPy's, of SciPy's, or with a user's row's name; or None."""
    name, theirs = ufunc.__name__, False
    for module, known in (("numpy", NUMPY), ("scipy.special", SCIPY)):
        if getattr(sys.modules.get(module), name, None) is ufunc:
            theirs = True  # the one inside np.clip is not, and is found by its name
            found = known.get(name) or (row_of(name) if known is SCIPY else None)
            if found is not None:
                return found
    return FUNCTIONS[name].call if name in RULES and not (theirs and name in TABLE) else None


def on_element(name: str, *xs: Any) -> Any:
    """NumPy's function of that name on an element of an array of Values."""
    if name == "logical_xor":
        return bool(xs[0]) != bool(xs[1])
    return NUMPY[name](*xs)
