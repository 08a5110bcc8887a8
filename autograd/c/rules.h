/* The scalar rows of the table, as C. Printed from it by `python -m autograd.printing.emit`.

   Included for its functions, it defines them once. Included with RULE and LIST defined, it is a
   list of all rows, in the order of the table, and forgets both at its end:

     RULE(name, arity, FORWARD, SHARES)    a row with 1 to 4 inputs
     LIST(name, FORWARD, SHARES)           a row with any number of inputs

   FORWARD is an expression. SHARES is a sequence of

     PASS(i, share)                 hand `share` to input i
     PASS_IF(i, condition, share)   the same where the condition holds, and else nothing at all

   and, in a LIST, of what is defined below in terms of PASS. The file that includes this
   defines PASS, PASS_IF and the letters: a local variable, the field of a struct, the lane of an
   array.

     X Y Z W   the inputs of a RULE        N XS      the number of inputs of a LIST, and an array
     OUT       the result                  G         the gradient that arrives

   In a LIST:

     EACH(share) FIRST(share) REST(share)    PASS for every input, the first one, all others;
                                             VG_I is the input's place
     OTHER         in a dot product: the factor of this input
     PARTS         declares what the next two need
     PART          this input's share of the softmax of all
     OTHER_PARTS   the sum of the PARTs of all inputs but the first
*/

#ifndef VG_RULES_H
#define VG_RULES_H

#include <math.h>
#include <stddef.h>

#define VG_FINGERPRINT 0x4e658ce3u

static inline double vg_minimum(double x, double y)
{
    return ((x < y) || (x != x)) ? x : y;
}

static inline double vg_maximum(double x, double y)
{
    return ((x > y) || (x != x)) ? x : y;
}

static inline double vg_sign(double x)
{
    return (x > 0.0) ? 1.0 : ((x < 0.0) ? -1.0 : (x * 0.0));
}

static inline double vg_step(double x)
{
    return (x > 0.0) ? 1.0 : ((x <= 0.0) ? 0.0 : x);
}

/* The C library's cube root is off by up to 3 units in the last place: one step of Newton's. */
static inline double vg_cbrt(double x)
{
    const double root = cbrt(x);
    if (!(1e-300 < fabs(x) && fabs(x) < INFINITY)) {
        return root;
    }
    const double square = root * root;
    return root - (((square * root) - x) / (3.0 * square));
}

/* The leading 26 bits of x (Dekker 1971), so that head * head is exact. */
static inline double vg_head(double x)
{
    const double shifted = 134217729.0 * x;
    return shifted - (shifted - x);
}

static inline double vg_normal_cdf(double x)
{
    if (!(-40.0 < x && x < -0.5)) {
        return 0.5 * erfc(-x * sqrt(0.5));
    }
    const double z = -x * sqrt(0.5);
    const double z_head = vg_head(z);
    const double x_head = vg_head(x);
    const double lost = ((z_head * z_head) - (0.5 * (x_head * x_head))) + (((z - z_head) * (z + z_head)) - (0.5 * ((x - x_head) * (x + x_head))));
    return (0.5 * erfc(z)) * (1.0 + lost);
}

static inline double vg_normal_pdf(double x)
{
    if (!(fabs(x) < 40.0)) {
        return exp(-0.5 * (x * x)) * 0.3989422804014327;
    }
    const double x_head = vg_head(x);
    const double tail = 0.5 * ((x - x_head) * (x + x_head));
    return (exp(-0.5 * (x_head * x_head)) * exp(-tail)) * 0.3989422804014327;
}

/* e^(x - top) with the digits that the difference lost (TwoSum, Knuth 1969, 4.2.2). */
static inline double vg_exp_minus(double x, double top)
{
    const double d = x - top;
    if ((d - d) != 0.0) {
        return (x == top) ? 1.0 : exp(d);
    }
    const double back = d - x;
    const double lost = (x - (d - back)) - (top + back);
    return exp(d) * (1.0 + lost);
}

/* ln gamma(x) for x > 0; each formula has the zeros at 1 and 2 as exact factors. */
static inline double vg_gammaln_above(double x)
{
    if (x < 1.0) {
        return ((x * (x - 1.0)) * ((((((((((((((((((((1.1820969445467145e-05 * (x - 0.5) + -1.8527803997032962e-05) * (x - 0.5) + 1.3584275459130943e-05) * (x - 0.5) + -2.148770252062576e-05) * (x - 0.5) + 4.281642862794779e-05) * (x - 0.5) + -6.793733027397047e-05) * (x - 0.5) + 0.00010541715222185904) * (x - 0.5) + -0.0001685717945035172) * (x - 0.5) + 0.00027130273545114005) * (x - 0.5) + -0.00043803516132580534) * (x - 0.5) + 0.0007115202752051298) * (x - 0.5) + -0.001164411377219605) * (x - 0.5) + 0.0019229162321227923) * (x - 0.5) + -0.0032120742206072908) * (x - 0.5) + 0.005446457842219553) * (x - 0.5) + -0.009425622444829649) * (x - 0.5) + 0.01679709863121395) * (x - 0.5) + -0.03130848750105327) * (x - 0.5) + 0.06291140107456485) * (x - 0.5) + -0.14595989591430594) * (x - 0.5) + 0.4831289505409809)) - log(x);
    }
    if (x <= 2.0) {
        return ((x - 1.0) * (x - 2.0)) * ((((((((((((((((((((1.1820969445467145e-05 * (x - 1.5) + -1.8527803997032962e-05) * (x - 1.5) + 1.3584275459130943e-05) * (x - 1.5) + -2.148770252062576e-05) * (x - 1.5) + 4.281642862794779e-05) * (x - 1.5) + -6.793733027397047e-05) * (x - 1.5) + 0.00010541715222185904) * (x - 1.5) + -0.0001685717945035172) * (x - 1.5) + 0.00027130273545114005) * (x - 1.5) + -0.00043803516132580534) * (x - 1.5) + 0.0007115202752051298) * (x - 1.5) + -0.001164411377219605) * (x - 1.5) + 0.0019229162321227923) * (x - 1.5) + -0.0032120742206072908) * (x - 1.5) + 0.005446457842219553) * (x - 1.5) + -0.009425622444829649) * (x - 1.5) + 0.01679709863121395) * (x - 1.5) + -0.03130848750105327) * (x - 1.5) + 0.06291140107456485) * (x - 1.5) + -0.14595989591430594) * (x - 1.5) + 0.4831289505409809);
    }
    if (x < 8.0) {
        double y = x;
        double product = 1.0;
        while (y > 3.0) {
            y = y - 1.0;
            product = product * y;
        }
        return log(product) + ((y - 2.0) * ((((((((((((((((-1.4586003484400256e-08 * (y - 2.5) + 3.8720781951940836e-08) * (y - 2.5) + -8.772358424774663e-08) * (y - 2.5) + 2.353723932844072e-07) * (y - 2.5) + -6.421417451955873e-07) * (y - 2.5) + 1.745641275403404e-06) * (y - 2.5) + -4.786379987514225e-06) * (y - 2.5) + 1.3275711130257407e-05) * (y - 2.5) + -3.735336940027229e-05) * (y - 2.5) + 0.00010710021010234954) * (y - 2.5) + -0.00031505925035239633) * (y - 2.5) + 0.0009610979285520405) * (y - 2.5) + -0.0030951822936174096) * (y - 2.5) + 0.0108770015141976) * (y - 2.5) + -0.0448058426973846) * (y - 2.5) + 0.2675817993988097) * (y - 2.5) + 0.5693657409458384));
    }
    const double series = (((((((-0.029550653594771242 * (1.0 / (x * x)) + 0.00641025641025641) * (1.0 / (x * x)) + -0.0019175269175269176) * (1.0 / (x * x)) + 0.0008417508417508417) * (1.0 / (x * x)) + -0.0005952380952380953) * (1.0 / (x * x)) + 0.0007936507936507937) * (1.0 / (x * x)) + -0.002777777777777778) * (1.0 / (x * x)) + 0.08333333333333333) / x;
    return ((x - 0.5) * (log(x) - 1.0)) + (0.4189385332046727 + series);
}

/* ln |gamma(x)|, inf at the poles 0, -1, -2, ... and at both infinities. */
static inline double vg_gammaln(double x)
{
    if ((x - x) != 0.0) {
        return x * x;
    }
    if (x > 0.0) {
        return 0.0 + vg_gammaln_above(x);
    }
    const double whole = floor(x);
    if (x == whole) {
        return INFINITY;
    }
    if (x > -1.0) {
        return vg_gammaln_above(1.0 + x) - log(-x);
    }
    return log(3.141592653589793 / fabs(x * sin(3.141592653589793 * (x - floor(x + 0.5))))) - vg_gammaln_above(-x);
}

/* The slope of ln gamma for x > 0. */
static inline double vg_digamma_above(double x)
{
    if (x < 1.0) {
        return (((x - (1.4616321449683622 - 1.0)) - 9.549995429965697e-17) * (((((((((((((((((((((-0.00017312261802727394 * (x - 0.5) + 0.00025968482126430747) * (x - 0.5) + -0.00015148586836773365) * (x - 0.5) + 0.0002272331660987376) * (x - 0.5) + -0.0004821990530566789) * (x - 0.5) + 0.0007233266279287554) * (x - 0.5) + -0.0010376374098418604) * (x - 0.5) + 0.0015566317474486838) * (x - 0.5) + -0.002345267632540769) * (x - 0.5) + 0.003519006401502276) * (x - 0.5) + -0.005279964873257405) * (x - 0.5) + 0.007926944646403797) * (x - 0.5) + -0.011908218001568644) * (x - 0.5) + 0.0179072524394512) * (x - 0.5) + -0.02697579675613825) * (x - 0.5) + 0.04076083381242074) * (x - 0.5) + -0.061922133273064534) * (x - 0.5) + 0.09498872445494122) * (x - 0.5) + -0.14840492305390884) * (x - 0.5) + 0.2405424842407742) * (x - 0.5) + -0.4236274212814605) * (x - 0.5) + 0.951055876031833)) - (1.0 / x);
    }
    if (x < 8.0) {
        double y = x;
        double total = 0.0;
        while (y > 2.0) {
            y = y - 1.0;
            total = total + (1.0 / y);
        }
        return total + (((y - 1.4616321449683622) - 9.549995429965697e-17) * (((((((((((((((((((((-0.00017312261802727394 * (y - 1.5) + 0.00025968482126430747) * (y - 1.5) + -0.00015148586836773365) * (y - 1.5) + 0.0002272331660987376) * (y - 1.5) + -0.0004821990530566789) * (y - 1.5) + 0.0007233266279287554) * (y - 1.5) + -0.0010376374098418604) * (y - 1.5) + 0.0015566317474486838) * (y - 1.5) + -0.002345267632540769) * (y - 1.5) + 0.003519006401502276) * (y - 1.5) + -0.005279964873257405) * (y - 1.5) + 0.007926944646403797) * (y - 1.5) + -0.011908218001568644) * (y - 1.5) + 0.0179072524394512) * (y - 1.5) + -0.02697579675613825) * (y - 1.5) + 0.04076083381242074) * (y - 1.5) + -0.061922133273064534) * (y - 1.5) + 0.09498872445494122) * (y - 1.5) + -0.14840492305390884) * (y - 1.5) + 0.2405424842407742) * (y - 1.5) + -0.4236274212814605) * (y - 1.5) + 0.951055876031833));
    }
    const double w = 1.0 / (x * x);
    return log(x) - ((0.5 / x) + (w * (((((((((-26.456212121212122 * w + 3.0539543302701198) * w + -0.4432598039215686) * w + 0.08333333333333333) * w + -0.021092796092796094) * w + 0.007575757575757576) * w + -0.004166666666666667) * w + 0.003968253968253968) * w + -0.008333333333333333) * w + 0.08333333333333333)));
}

/* The slope of gammaln: at 0 that of -ln x on its side, nan at -1, -2, ... */
static inline double vg_digamma(double x)
{
    if ((x - x) != 0.0) {
        return (x > 0.0) ? x : NAN;
    }
    if (x > 0.0) {
        return vg_digamma_above(x);
    }
    const double whole = floor(x);
    if (x == whole) {
        return (x == 0.0) ? (-1.0 / x) : NAN;
    }
    if (x > -1.0) {
        return vg_digamma_above(1.0 + x) - (1.0 / x);
    }
    return vg_digamma_above(1.0 - x) - (3.141592653589793 / tan(3.141592653589793 * (x - floor(x + 0.5))));
}

/* factor (x + j)^p with the digits that the sum lost (TwoSum, Knuth 1969). */
static inline double vg_shifted_power(double x, double j, double p, double factor)
{
    const double y = x + j;
    const double back = y - x;
    const double lost = (x - (y - back)) + (j - back);
    const double root = pow(y, 0.5 * p);
    return ((factor * root) * root) * (1.0 + ((p * lost) / y));
}

/* `factor` times Hurwitz's zeta: the sum of (x + k)^-s over k = 0, 1, ..., for x > 0. */
static inline double vg_zeta(double s, double x, double factor)
{
    const double bound = 10.0 + s;
    double j = (x < bound) ? (floor(bound - x) + 1.0) : 0.0;
    const double y = x + j;
    const double w = 1.0 / (y * y);
    double tail = -2.174868698558062e-16;
    tail = 8.586062056277845e-15 + ((((s + 17.0) * (s + 18.0)) * w) * tail);
    tail = -3.3896802963225827e-13 + ((((s + 15.0) * (s + 16.0)) * w) * tail);
    tail = 1.3382536530684679e-11 + ((((s + 13.0) * (s + 14.0)) * w) * tail);
    tail = -5.284190138687493e-10 + ((((s + 11.0) * (s + 12.0)) * w) * tail);
    tail = 2.08767569878681e-08 + ((((s + 9.0) * (s + 10.0)) * w) * tail);
    tail = -8.267195767195768e-07 + ((((s + 7.0) * (s + 8.0)) * w) * tail);
    tail = 3.306878306878307e-05 + ((((s + 5.0) * (s + 6.0)) * w) * tail);
    tail = -0.001388888888888889 + ((((s + 3.0) * (s + 4.0)) * w) * tail);
    tail = 0.08333333333333333 + ((((s + 1.0) * (s + 2.0)) * w) * tail);
    double total = vg_shifted_power(x, j, 1.0 - s, factor) * (((1.0 / (s - 1.0)) + (0.5 / y)) + ((s * w) * tail));
    while (j > 0.0) {
        j = j - 1.0;
        total = total + vg_shifted_power(x, j, -s, factor);
    }
    return total;
}

/* The same for x < 0: the sum over all whole numbers without that of (x - k)^-s, k >= 1. */
static inline double vg_zeta_below(double s, double x, double factor)
{
    const double r = x - floor(x + 0.5);
    const double other = vg_zeta(s, 1.0 - r, factor) - vg_zeta(s, 1.0 - x, factor);
    const double around = (factor * pow(r, -s)) + vg_zeta(s, 1.0 + r, factor);
    return ((2.0 * floor(0.5 * s)) == s) ? (around + other) : (around - other);
}

/* The n-th derivative of digamma; nan unless n is a whole number from 0 to 170. */
static inline double vg_polygamma(double x, double n)
{
    if (!(0.0 <= n && n <= 170.0) || (floor(n) != n)) {
        return NAN;
    }
    if (n == 0.0) {
        return vg_digamma(x);
    }
    if ((x - x) != 0.0) {
        return (x > 0.0) ? 0.0 : NAN;
    }
    const double odd = n - (2.0 * floor(0.5 * n));
    if ((x <= 0.0) && (floor(x) == x)) {
        return (odd == 1.0) ? INFINITY : ((x == 0.0) ? (-1.0 / x) : NAN);
    }
    double factor = (2.0 * odd) - 1.0;
    double k = 1.0;
    while (k < n) {
        k = k + 1.0;
        factor = factor * k;
    }
    return (x > 0.0) ? vg_zeta(n + 1.0, x, factor) : vg_zeta_below(n + 1.0, x, factor);
}

/* The y whose erf is x: infinite at -1 and 1, nan beyond. */
static inline double vg_erfinv(double x)
{
    const double size = fabs(x);
    if (!(size <= 1.0)) {
        return NAN;
    }
    if (size == 1.0) {
        return x * INFINITY;
    }
    if (size <= 0.85) {
        const double t = 0.180625 - ((0.25 * x) * x);
        return (((0.5 * 0.7071067811865476) * x) * (((((((2509.0809287301227 * t + 33430.57558358813) * t + 67265.7709270087) * t + 45921.95393154987) * t + 13731.69376550946) * t + 1971.5909503065513) * t + 133.14166789178438) * t + 3.3871328727963665)) / (((((((5226.495278852854 * t + 28729.085735721943) * t + 39307.89580009271) * t + 21213.794301586597) * t + 5394.196021424751) * t + 687.1870074920579) * t + 42.31333070160091) * t + 1.0);
    }
    const double r = sqrt(-log(0.5 - (0.5 * size)));
    const double side = (x > 0.0) ? 0.7071067811865476 : -0.7071067811865476;
    if (r <= 5.0) {
        return (side * (((((((0.0007745450142783414 * (r - 1.6) + 0.022723844989269184) * (r - 1.6) + 0.2417807251774506) * (r - 1.6) + 1.2704582524523684) * (r - 1.6) + 3.6478483247632045) * (r - 1.6) + 5.769497221460691) * (r - 1.6) + 4.630337846156546) * (r - 1.6) + 1.4234371107496835)) / (((((((1.0507500716444169e-09 * (r - 1.6) + 0.0005475938084995345) * (r - 1.6) + 0.015198666563616457) * (r - 1.6) + 0.14810397642748008) * (r - 1.6) + 0.6897673349851) * (r - 1.6) + 1.6763848301838038) * (r - 1.6) + 2.053191626637759) * (r - 1.6) + 1.0);
    }
    return (side * (((((((2.0103343992922881e-07 * (r - 5.0) + 2.7115555687434876e-05) * (r - 5.0) + 0.0012426609473880784) * (r - 5.0) + 0.026532189526576124) * (r - 5.0) + 0.29656057182850487) * (r - 5.0) + 1.7848265399172913) * (r - 5.0) + 5.463784911164114) * (r - 5.0) + 6.657904643501103)) / (((((((2.0442631033899397e-15 * (r - 5.0) + 1.421511758316446e-07) * (r - 5.0) + 1.8463183175100548e-05) * (r - 5.0) + 0.0007868691311456133) * (r - 5.0) + 0.014875361290850615) * (r - 5.0) + 0.1369298809227358) * (r - 5.0) + 0.599832206555888) * (r - 5.0) + 1.0);
}

#include "ieee.h" /* which stands on the functions above */

/* The slope of tanh, 1 / cosh(x)^2, with all its digits in the tails. */
static inline double vg_sech2(double x)
{
    const double t1 = exp(-2.0 * ((x > 0) ? x : -x));
    return 4.0 * t1 / ((1.0 + t1) * (1.0 + t1));
}

/* The logistic function 1 / (1 + e^-x), without overflow on either side. */
static inline double vg_sigmoid(double x)
{
    const double t1 = exp(-((x > 0) ? x : -x));
    return ((x > 0) ? 1.0 : t1) / (1.0 + t1);
}

/* ln(1 + e^x), without overflow and without a threshold. */
static inline double vg_softplus(double x)
{
    return ((x > 0) ? x : 0.0) + log1p(exp(-((x > 0) ? x : -x)));
}

/* ln(x / (1 - x)), the inverse of `sigmoid`: -inf at 0, inf at 1, nan outside. */
static inline double vg_logit(double x)
{
    return ((x - 0.25 > 0) ? 2.0 * atanh(2.0 * x - 1.0) : log(x / (1.0 - x)));
}

/* ln(1 - e^x) for x <= 0, with all its digits: -inf at 0, nan above. */
static inline double vg_log1mexp(double x)
{
    return ((x + 0.6931471805599453 > 0) ? log(-expm1(x)) : log1p(-exp(x)));
}

/* ln(sigmoid(x)), finite where sigmoid(x) underflows. */
static inline double vg_logsigmoid(double x)
{
    return -vg_softplus(-x);
}

/* x * sigmoid(x), also called swish (Hendrycks and Gimpel 2016). */
static inline double vg_silu(double x)
{
    return x * vg_sigmoid(x);
}

/* The positive part of x; its slope at 0 is 0. */
static inline double vg_relu(double x)
{
    return vg_maximum(x, 0.0);
}

static inline double vg_leaky_relu(double x, double slope)
{
    return ((x > 0) ? x : slope * x);
}

static inline double vg_elu(double x, double alpha)
{
    return ((x > 0) ? x : alpha * expm1(x));
}

/* x times the normal distribution's share below x (Hendrycks and Gimpel 2016, exact form). */
static inline double vg_gelu(double x)
{
    return x * vg_normal_cdf(x);
}

/* ln(e^x + e^y), without overflow. */
static inline double vg_logaddexp(double x, double y)
{
    const double t1 = ((x == y) ? 0.0 : x - y);
    return ((t1 > 0) ? x : y) + log1p(exp(-((t1 > 0) ? t1 : -t1)));
}

/* 1 / x for x >= 0 (inf at either zero), nan below: the slope of log, which ends at 0. */
static inline double vg_inverse_where_positive(double x)
{
    return ((x < 0) ? NAN : 1.0 / (x + 0.0));
}

/* x / y, and 0 where y is 0: the direction of a vector, and of the vector of length 0. */
static inline double vg_ratio(double x, double y)
{
    return ((y == 0.0) ? 0.0 * x : x / y);
}

/* 1 where x > y, a half at a tie, 0 where x < y, nan where either is nan. */
static inline double vg_share_of_larger(double x, double y)
{
    return ((x == y) ? 0.5 : vg_step(((x == y) ? 0.0 : x - y)));
}

/* x, but no less than `low` and no more than `high`; flat at the bounds and beyond them. */
static inline double vg_clip(double x, double low, double high)
{
    return vg_minimum(vg_maximum(x, low), high);
}

/* 1 where low < x < high, 0 at the bounds and beyond, nan where x is nan. */
static inline double vg_inside(double x, double low, double high)
{
    return vg_step(((x == low) ? 0.0 : x - low)) * vg_step(((high == x) ? 0.0 : high - x));
}

/* 1 where x < y, 0 elsewhere, and where either is nan. */
static inline double vg_less(double x, double y)
{
    return ((((x == y) ? 0.0 : x - y) < 0) ? 1.0 : 0.0);
}

/* 1 where x <= y, 0 elsewhere, and where either is nan. */
static inline double vg_less_equal(double x, double y)
{
    return ((x == y) ? 1.0 : (x < y ? 1.0 : 0.0));
}

#endif

#ifdef RULE

#define EACH(share) for (ptrdiff_t VG_I = 0; VG_I < N; VG_I++) { PASS(VG_I, share) }
#define FIRST(share) { const ptrdiff_t VG_I = 0; PASS(VG_I, share) }
#define REST(share) for (ptrdiff_t VG_I = 1; VG_I < N; VG_I++) { PASS(VG_I, share) }
#define OTHER (XS[VG_I < N / 2 ? VG_I + N / 2 : VG_I - N / 2])
#define PARTS const vg_tops_of VG_TOPS = vg_tops(N, XS);
#define PART vg_part(XS[VG_I], VG_TOPS)
#define OTHER_PARTS vg_other_parts(N, XS, VG_TOPS)

RULE(identity, 1, X,
     PASS(0, G))
RULE(neg, 1, -X,
     PASS(0, -G))
RULE(add, 2, X + Y,
     PASS(0, G)
     PASS(1, G))
RULE(sub, 2, X - Y,
     PASS(0, G)
     PASS(1, -G))
RULE(mul, 2, X * Y,
     PASS(0, G * Y)
     PASS(1, G * X))
RULE(div, 2, X / Y,
     PASS(0, G / Y)
     PASS(1, -G * OUT / Y))
RULE(floordiv, 2, vg_floordiv(X, Y),
     PASS(0, 0.0)
     PASS(1, 0.0))
RULE(mod, 2, vg_mod(X, Y),
     PASS(0, G)
     PASS(1, -G * vg_floordiv(X, Y)))
RULE(pow, 2, pow(X, Y),
     PASS(0, G * vg_power_derivative(X, Y, 1.0, 0.0))
     PASS(1, G * vg_power_derivative(X, Y, 0.0, 1.0)))
RULE(exp, 1, exp(X),
     PASS(0, G * OUT))
RULE(expm1, 1, expm1(X),
     PASS(0, G * exp(X)))
RULE(log, 1, log(X),
     PASS(0, G * vg_inverse_where_positive(X)))
RULE(log1p, 1, log1p(X),
     PASS(0, G * vg_inverse_where_positive(1.0 + X)))
RULE(log2, 1, log2(X),
     PASS(0, G * (1.4426950408889634 * vg_inverse_where_positive(X))))
RULE(log10, 1, log10(X),
     PASS(0, G * (0.43429448190325176 * vg_inverse_where_positive(X))))
RULE(sqrt, 1, sqrt(X),
     PASS(0, G * vg_inverse_where_positive(2.0 * OUT)))
RULE(cbrt, 1, vg_cbrt(X),
     PASS(0, G / (3.0 * OUT * OUT)))
RULE(sin, 1, sin(X),
     PASS(0, G * cos(X)))
RULE(cos, 1, cos(X),
     PASS(0, -G * sin(X)))
RULE(tan, 1, tan(X),
     PASS(0, G * (1.0 + OUT * OUT)))
RULE(asin, 1, asin(X),
     PASS(0, G / sqrt((1.0 - X) * (1.0 + X))))
RULE(acos, 1, acos(X),
     PASS(0, -G / sqrt((1.0 - X) * (1.0 + X))))
RULE(atan, 1, atan(X),
     PASS(0, G / (1.0 + X * X)))
RULE(atan2, 2, atan2(X, Y),
     PASS(0, G * vg_ratio(vg_ratio(Y, hypot(X, Y)), hypot(X, Y)))
     PASS(1, -G * vg_ratio(vg_ratio(X, hypot(X, Y)), hypot(X, Y))))
RULE(sinh, 1, sinh(X),
     PASS(0, G * cosh(X)))
RULE(cosh, 1, cosh(X),
     PASS(0, G * sinh(X)))
RULE(tanh, 1, tanh(X),
     PASS(0, G * vg_sech2(X)))
RULE(asinh, 1, asinh(X),
     PASS(0, G / hypot(1.0, X)))
RULE(acosh, 1, acosh(X),
     PASS(0, G / (sqrt(X - 1.0) * sqrt(X + 1.0))))
RULE(atanh, 1, atanh(X),
     PASS(0, G * vg_inverse_where_positive((1.0 - X) * (1.0 + X))))
RULE(erf, 1, erf(X),
     PASS(0, G * (1.1283791670955126 * exp(-X * X))))
RULE(erfc, 1, erfc(X),
     PASS(0, -G * (1.1283791670955126 * exp(-X * X))))
RULE(erfinv, 1, vg_erfinv(X),
     PASS(0, G * (0.8862269254527579 * exp(OUT * OUT))))
RULE(gammaln, 1, vg_gammaln(X),
     PASS(0, G * vg_digamma(X)))
RULE(digamma, 1, vg_digamma(X),
     PASS(0, G * vg_polygamma(X, 1.0)))
RULE(polygamma, 2, vg_polygamma(X, Y),
     PASS(0, G * vg_polygamma(X, Y + 1.0))
     PASS(1, 0.0))
RULE(hypot, 2, hypot(X, Y),
     PASS(0, G * vg_ratio(X, OUT))
     PASS(1, G * vg_ratio(Y, OUT)))
RULE(logaddexp, 2, vg_logaddexp(X, Y),
     PASS(0, G * vg_softmax(2, (const double[]){X, Y}))
     PASS(1, G * vg_softmax(2, (const double[]){Y, X})))
RULE(sigmoid, 1, vg_sigmoid(X),
     PASS(0, G * vg_sigmoid(X) * vg_sigmoid(-X)))
RULE(logit, 1, vg_logit(X),
     PASS(0, G * vg_inverse_where_positive(X * (1.0 - X))))
RULE(log1mexp, 1, vg_log1mexp(X),
     PASS(0, -G * exp(X) * vg_inverse_where_positive(-expm1(X))))
RULE(logsigmoid, 1, vg_logsigmoid(X),
     PASS(0, G * vg_sigmoid(-X)))
RULE(softplus, 1, vg_softplus(X),
     PASS(0, G * vg_sigmoid(X)))
RULE(silu, 1, vg_silu(X),
     PASS(0, G * vg_sigmoid(X) * (1.0 + X * vg_sigmoid(-X))))
RULE(gelu, 1, vg_gelu(X),
     PASS(0, G * (vg_normal_cdf(X) + X * vg_normal_pdf(X))))
RULE(relu, 1, vg_relu(X),
     PASS(0, G * vg_step(X)))
RULE(leaky_relu, 2, vg_leaky_relu(X, Y),
     PASS(0, G * (vg_step(X) + Y * (1.0 - vg_step(X))))
     PASS(1, G * vg_minimum(X, 0.0)))
RULE(elu, 2, vg_elu(X, Y),
     PASS(0, G * (X > 0.0 ? 1.0 : Y * exp(X)))
     PASS(1, G * expm1(vg_minimum(X, 0.0))))
RULE(abs, 1, fabs(X),
     PASS(0, G * vg_sign(X)))
RULE(sign, 1, vg_sign(X),
     PASS(0, 0.0))
RULE(step, 1, vg_step(X),
     PASS(0, 0.0))
RULE(floor, 1, floor(X),
     PASS(0, 0.0))
RULE(round, 2, vg_round(X, Y),
     PASS(0, 0.0)
     PASS(1, 0.0))
RULE(minimum, 2, vg_minimum(X, Y),
     PASS(0, G * vg_share_of_larger(Y, X))
     PASS(1, G * vg_share_of_larger(X, Y)))
RULE(maximum, 2, vg_maximum(X, Y),
     PASS(0, G * vg_share_of_larger(X, Y))
     PASS(1, G * vg_share_of_larger(Y, X)))
RULE(clip, 3, vg_clip(X, Y, Z),
     PASS(0, G * vg_inside(X, Y, Z))
     PASS(1, G * (X <= Y ? (Y < Z ? 1.0 : 0.0) : 0.0))
     PASS(2, G * (vg_maximum(X, Y) >= Z ? 1.0 : 0.0)))
RULE(where, 3, (X ? Y : Z),
     PASS_IF(1, X, G)
     PASS_IF(2, !(X), G))
LIST(sum, vg_sum(N, XS),
     EACH(G))
LIST(mean, vg_mean(N, XS),
     EACH(G / N))
LIST(dot, vg_dot(N, XS),
     EACH(G * OTHER))
LIST(logsumexp, vg_logsumexp(N, XS),
     PARTS
     EACH(G * PART))
LIST(softmax, vg_softmax(N, XS),
     PARTS
     FIRST(G * OUT * OTHER_PARTS)
     REST(-G * OUT * PART))
LIST(log_softmax, vg_log_softmax(N, XS),
     PARTS
     FIRST(G * OTHER_PARTS)
     REST(-G * PART))
RULE(sech2, 1, vg_sech2(X),
     PASS(0, -2.0 * G * OUT * tanh(X)))
RULE(normal_cdf, 1, vg_normal_cdf(X),
     PASS(0, G * vg_normal_pdf(X)))
RULE(normal_pdf, 1, vg_normal_pdf(X),
     PASS(0, -G * X * OUT))
RULE(ratio, 2, vg_ratio(X, Y),
     PASS(0, vg_ratio(G, Y))
     PASS(1, -vg_ratio(G * OUT, Y)))
RULE(inside, 3, vg_inside(X, Y, Z),
     PASS(0, 0.0)
     PASS(1, 0.0)
     PASS(2, 0.0))
RULE(inverse_where_positive, 1, vg_inverse_where_positive(X),
     PASS(0, -G * OUT * OUT))
RULE(share_of_larger, 2, vg_share_of_larger(X, Y),
     PASS(0, 0.0)
     PASS(1, 0.0))
RULE(less, 2, (X < Y ? 1.0 : 0.0),
     PASS(0, 0.0)
     PASS(1, 0.0))
RULE(less_equal, 2, (X <= Y ? 1.0 : 0.0),
     PASS(0, 0.0)
     PASS(1, 0.0))
RULE(power_derivative, 4, vg_power_derivative(X, Y, Z, W),
     PASS(0, G * vg_power_derivative(X, Y, Z + 1.0, W))
     PASS(1, G * vg_power_derivative(X, Y, Z, W + 1.0))
     PASS(2, 0.0)
     PASS(3, 0.0))

#undef EACH
#undef FIRST
#undef REST
#undef OTHER
#undef PARTS
#undef PART
#undef OTHER_PARTS
#undef RULE
#undef LIST

#endif
