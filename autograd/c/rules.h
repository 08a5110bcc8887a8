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

#define VG_FINGERPRINT 0x77d28fb0u

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
RULE(hypot, 2, hypot(X, Y),
     PASS(0, G * vg_ratio(X, OUT))
     PASS(1, G * vg_ratio(Y, OUT)))
RULE(logaddexp, 2, vg_logaddexp(X, Y),
     PASS(0, G * vg_softmax(2, (const double[]){X, Y}))
     PASS(1, G * vg_softmax(2, (const double[]){Y, X})))
RULE(sigmoid, 1, vg_sigmoid(X),
     PASS(0, G * vg_sigmoid(X) * vg_sigmoid(-X)))
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
