"""Special functions on floats, in arithmetic that `printing.code` translates too.

Each is exact to a few units in the last place. A table is a polynomial's coefficients, the
highest first: of a Chebyshev interpolation at 50 digits, of Stirling's series, or Wichura's.
"""

from __future__ import annotations

import math
import operator
from math import inf, nan

from ..core.ieee import div, pow_
from ..core.kinds import describe

PI = math.pi
RSQRT2 = math.sqrt(0.5)
LN_R2PI_LESS_HALF = 0.4189385332046727  # ln(sqrt(2 pi)) - 1/2
ROOT, ROOT_REST = 1.4616321449683622, 9.549995429965697e-17  # of digamma, in two parts


def polynomial(x: float, coefficients: tuple[float, ...]) -> float:
    total = 0.0
    for c in coefficients:
        total = total * x + c
    return total


# ---- the logarithm of gamma ----------------------------------------------------------------------

# ln gamma(x) / ((x - 1) (x - 2)) in x - 1.5, and ln gamma(x) / (x - 2) in x - 2.5.
GAMMALN_1_2 = (
    1.1820969445467145e-05, -1.8527803997032962e-05, 1.3584275459130943e-05,
    -2.148770252062576e-05, 4.281642862794779e-05, -6.793733027397047e-05,
    0.00010541715222185904, -0.0001685717945035172, 0.00027130273545114005,
    -0.00043803516132580534, 0.0007115202752051298, -0.001164411377219605,
    0.0019229162321227923, -0.0032120742206072908, 0.005446457842219553, -0.009425622444829649,
    0.01679709863121395, -0.03130848750105327, 0.06291140107456485, -0.14595989591430594,
    0.4831289505409809,
)  # fmt: skip
GAMMALN_2_3 = (
    -1.4586003484400256e-08, 3.8720781951940836e-08, -8.772358424774663e-08,
    2.353723932844072e-07, -6.421417451955873e-07, 1.745641275403404e-06,
    -4.786379987514225e-06, 1.3275711130257407e-05, -3.735336940027229e-05,
    0.00010710021010234954, -0.00031505925035239633, 0.0009610979285520405,
    -0.0030951822936174096, 0.0108770015141976, -0.0448058426973846, 0.2675817993988097,
    0.5693657409458384,
)  # fmt: skip
STIRLING = (
    -0.029550653594771242, 0.00641025641025641, -0.0019175269175269176, 0.0008417508417508417,
    -0.0005952380952380953, 0.0007936507936507937, -0.002777777777777778, 0.08333333333333333,
)  # fmt: skip


def gammaln_above(x: float) -> float:
    """ln gamma(x) for x > 0; each formula has the zeros at 1 and 2 as exact factors."""
    if x < 1.0:
        return x * (x - 1.0) * polynomial(x - 0.5, GAMMALN_1_2) - math.log(x)
    if x <= 2.0:
        return (x - 1.0) * (x - 2.0) * polynomial(x - 1.5, GAMMALN_1_2)
    if x < 8.0:
        y, product = x, 1.0
        while y > 3.0:
            y = y - 1.0
            product = product * y
        return math.log(product) + (y - 2.0) * polynomial(y - 2.5, GAMMALN_2_3)
    series = polynomial(1.0 / (x * x), STIRLING) / x
    return (x - 0.5) * (math.log(x) - 1.0) + (LN_R2PI_LESS_HALF + series)


def gammaln(x: float) -> float:
    """ln |gamma(x)|, inf at the poles 0, -1, -2, ... and at both infinities."""
    if x - x != 0:
        return x * x
    if x > 0:
        return 0.0 + gammaln_above(x)  # at 1 and 2 it is 0, and not -0
    whole = math.floor(x)
    if x == whole:
        return inf
    if x > -1.0:
        return gammaln_above(1.0 + x) - math.log(-x)
    return math.log(PI / abs(x * math.sin(PI * (x - math.floor(x + 0.5))))) - gammaln_above(-x)


# ---- its derivatives -----------------------------------------------------------------------------

# digamma(x) / (x - ROOT) in x - 1.5; what ln x - 1 / (2 x) is above digamma(x), times x^2, in x^-2.
DIGAMMA_1_2 = (
    -0.00017312261802727394, 0.00025968482126430747, -0.00015148586836773365,
    0.0002272331660987376, -0.0004821990530566789, 0.0007233266279287554,
    -0.0010376374098418604, 0.0015566317474486838, -0.002345267632540769, 0.003519006401502276,
    -0.005279964873257405, 0.007926944646403797, -0.011908218001568644, 0.0179072524394512,
    -0.02697579675613825, 0.04076083381242074, -0.061922133273064534, 0.09498872445494122,
    -0.14840492305390884, 0.2405424842407742, -0.4236274212814605, 0.951055876031833,
)  # fmt: skip
DIGAMMA_FROM_8 = (
    -26.456212121212122, 3.0539543302701198, -0.4432598039215686, 0.08333333333333333,
    -0.021092796092796094, 0.007575757575757576, -0.004166666666666667, 0.003968253968253968,
    -0.008333333333333333, 0.08333333333333333,
)  # fmt: skip


def digamma_above(x: float) -> float:
    """The slope of ln gamma for x > 0."""
    if x < 1.0:
        return (x - (ROOT - 1.0) - ROOT_REST) * polynomial(x - 0.5, DIGAMMA_1_2) - div(1.0, x)
    if x < 8.0:
        y, total = x, 0.0
        while y > 2.0:
            y = y - 1.0
            total = total + 1.0 / y
        return total + (y - ROOT - ROOT_REST) * polynomial(y - 1.5, DIGAMMA_1_2)
    w = 1.0 / (x * x)
    return math.log(x) - (0.5 / x + w * polynomial(w, DIGAMMA_FROM_8))


def digamma(x: float) -> float:
    """The slope of gammaln: at 0 that of -ln x on its side, nan at -1, -2, ..."""
    if x - x != 0:
        return x if x > 0 else nan
    if x > 0:
        return digamma_above(x)
    whole = math.floor(x)
    if x == whole:
        return div(-1.0, x) if x == 0 else nan
    if x > -1.0:
        return digamma_above(1.0 + x) - div(1.0, x)
    return digamma_above(1.0 - x) - PI / math.tan(PI * (x - math.floor(x + 0.5)))


def shifted_power(x: float, j: float, p: float, factor: float) -> float:
    """factor (x + j)^p with the digits that the sum lost (TwoSum, Knuth 1969).

    The power is two factors, so that it does not underflow where the product is a number.
    """
    y = x + j
    back = y - x
    lost = (x - (y - back)) + (j - back)
    root = pow_(y, 0.5 * p)
    return factor * root * root * (1.0 + p * lost / y)


def zeta(s: float, x: float, factor: float) -> float:
    """`factor` times Hurwitz's zeta: the sum of (x + k)^-s over k = 0, 1, ..., for x > 0.

    By the formula of Euler and Maclaurin.
    """
    bound = 10.0 + s
    j = math.floor(bound - x) + 1.0 if x < bound else 0.0
    y = x + j
    w = 1.0 / (y * y)
    tail = -2.174868698558062e-16
    tail = 8.586062056277845e-15 + (s + 17.0) * (s + 18.0) * w * tail
    tail = -3.3896802963225827e-13 + (s + 15.0) * (s + 16.0) * w * tail
    tail = 1.3382536530684679e-11 + (s + 13.0) * (s + 14.0) * w * tail
    tail = -5.284190138687493e-10 + (s + 11.0) * (s + 12.0) * w * tail
    tail = 2.08767569878681e-08 + (s + 9.0) * (s + 10.0) * w * tail
    tail = -8.267195767195768e-07 + (s + 7.0) * (s + 8.0) * w * tail
    tail = 3.306878306878307e-05 + (s + 5.0) * (s + 6.0) * w * tail
    tail = -0.001388888888888889 + (s + 3.0) * (s + 4.0) * w * tail
    tail = 0.08333333333333333 + (s + 1.0) * (s + 2.0) * w * tail
    total = shifted_power(x, j, 1.0 - s, factor) * (1.0 / (s - 1.0) + 0.5 / y + s * w * tail)
    while j > 0.0:
        j = j - 1.0
        total = total + shifted_power(x, j, -s, factor)
    return total


def zeta_below(s: float, x: float, factor: float) -> float:
    """The same for x < 0: the sum over all whole numbers without that of (x - k)^-s, k >= 1."""
    r = x - math.floor(x + 0.5)
    other = zeta(s, 1.0 - r, factor) - zeta(s, 1.0 - x, factor)
    around = factor * pow_(r, -s) + zeta(s, 1.0 + r, factor)
    return around + other if 2.0 * math.floor(0.5 * s) == s else around - other


def order(n: object) -> float:
    """The n of polygamma; TypeError for no whole number, ValueError for one out of range."""
    try:
        found = operator.index(n)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"polygamma takes a whole number n, and then x, not {describe(n)}: n is a constant, "
            "and has no derivative"
        ) from None
    if not 0 <= found <= 170:
        raise ValueError(f"polygamma takes n from 0 to 170, not {describe(n)}")
    return float(found)


def polygamma(x: float, n: float) -> float:
    """The n-th derivative of digamma; nan unless n is a whole number from 0 to 170."""
    if not 0.0 <= n <= 170.0 or math.floor(n) != n:
        return nan
    if n == 0:
        return digamma(x)
    if x - x != 0:
        return 0.0 if x > 0 else nan
    odd = n - 2.0 * math.floor(0.5 * n)
    if x <= 0 and math.floor(x) == x:
        return inf if odd == 1.0 else div(-1.0, x) if x == 0 else nan
    factor, k = 2.0 * odd - 1.0, 1.0
    while k < n:
        k = k + 1.0
        factor = factor * k
    return zeta(n + 1.0, x, factor) if x > 0 else zeta_below(n + 1.0, x, factor)


# ---- the inverse of erf --------------------------------------------------------------------------

# Wichura (1988), "Algorithm AS241: The percentage points of the normal distribution".
MIDDLE_ABOVE = (
    2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987,
    13731.69376550946, 1971.5909503065513, 133.14166789178438, 3.3871328727963665,
)  # fmt: skip
MIDDLE_BELOW = (
    5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597,
    5394.196021424751, 687.1870074920579, 42.31333070160091, 1.0,
)  # fmt: skip
TAIL_ABOVE = (
    0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684,
    3.6478483247632045, 5.769497221460691, 4.630337846156546, 1.4234371107496835,
)  # fmt: skip
TAIL_BELOW = (
    1.0507500716444169e-09, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008,
    0.6897673349851, 1.6763848301838038, 2.053191626637759, 1.0,
)  # fmt: skip
END_ABOVE = (
    2.0103343992922881e-07, 2.7115555687434876e-05, 0.0012426609473880784, 0.026532189526576124,
    0.29656057182850487, 1.7848265399172913, 5.463784911164114, 6.657904643501103,
)  # fmt: skip
END_BELOW = (
    2.0442631033899397e-15, 1.421511758316446e-07, 1.8463183175100548e-05,
    0.0007868691311456133, 0.014875361290850615, 0.1369298809227358, 0.599832206555888, 1.0,
)  # fmt: skip


def erfinv(x: float) -> float:
    """The y whose erf is x: infinite at -1 and 1, nan beyond."""
    size = abs(x)
    if not size <= 1.0:
        return nan
    if size == 1.0:
        return x * inf
    if size <= 0.85:
        t = 0.180625 - 0.25 * x * x
        return 0.5 * RSQRT2 * x * polynomial(t, MIDDLE_ABOVE) / polynomial(t, MIDDLE_BELOW)
    r = math.sqrt(-math.log(0.5 - 0.5 * size))
    side = RSQRT2 if x > 0 else -RSQRT2
    if r <= 5.0:
        return side * polynomial(r - 1.6, TAIL_ABOVE) / polynomial(r - 1.6, TAIL_BELOW)
    return side * polynomial(r - 5.0, END_ABOVE) / polynomial(r - 5.0, END_BELOW)


def compute(name: str, *xs: float) -> float:
    """The special function of that name."""
    answer: float = globals()[name](*xs)
    return answer
