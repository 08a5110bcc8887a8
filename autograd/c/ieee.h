/* Arithmetic on doubles that C has otherwise than Python, or not at all: the counterpart of what
   `ieee.py` takes from Python and its library. No derivative is known here.

   Included by `rules.h`, whose vg_exp_minus it uses. */

#ifndef VG_IEEE_H
#define VG_IEEE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- division with the sign of the divisor, as Python has it ---- */

/* x - y * floor(x / y), exactly; a zero has the sign of y. */
static inline double vg_mod(double x, double y)
{
    const double remainder = fmod(x, y); /* nan where y is 0, as it shall be */
    if (remainder == 0) {
        return copysign(0.0, y);
    }
    return (remainder < 0) != (y < 0) ? remainder + y : remainder;
}

static inline double vg_floordiv(double x, double y)
{
    if (y == 0) {
        return x / y;
    }
    double remainder = fmod(x, y);
    double quotient = (x - remainder) / y; /* a whole number but for rounding */
    if (remainder != 0 && (remainder < 0) != (y < 0)) {
        quotient -= 1.0;
    }
    if (quotient == 0) {
        return copysign(0.0, x / y);
    }
    const double whole = floor(quotient);
    return quotient - whole > 0.5 ? whole + 1.0 : whole;
}

/* ---- rounding to decimals: correctly, for the decimal digits of x are printed exactly ---- */

enum { VG_TEXT = 1200 }; /* a double has at most 309 digits before the point and 1074 after it */

/* x rounded to a multiple of 10^zeros, for a power whose exponent is that of x plus one: 0 or 1
   times that power, as x lies below or above its half; a tie is even, and so 0. */
static inline double vg_round_to_one_digit_more(double x, int zeros)
{
    char text[VG_TEXT];
    snprintf(text, sizeof text, "%.1100e", fabs(x));
    char *mantissa_end = strchr(text, 'e');
    *mantissa_end = '\0';
    const bool five = text[0] == '5' && strspn(text + 2, "0") == strlen(text + 2);
    if (text[0] < '5' || five) {
        return copysign(0.0, x);
    }
    snprintf(text, sizeof text, "1e%d", zeros);
    return copysign(strtod(text, NULL), x);
}

static inline double vg_round(double x, double digits)
{
    char text[VG_TEXT];
    if (!isfinite(x) || digits > 323) {
        return x;
    }
    if (digits == 0) {
        return rint(x);
    }
    if (digits < -308 || x == 0) {
        return copysign(0.0, x);
    }
    if (digits > 0) {
        snprintf(text, sizeof text, "%.*f", (int)digits, x);
        return strtod(text, NULL);
    }
    snprintf(text, sizeof text, "%.17e", x);
    const int exponent = atoi(strchr(text, 'e') + 1), kept = exponent + (int)digits;
    if (kept < -1) {
        return copysign(0.0, x);
    }
    if (kept == -1) {
        return vg_round_to_one_digit_more(x, exponent + 1);
    }
    snprintf(text, sizeof text, "%.*e", kept, x);
    return strtod(text, NULL);
}

/* ---- sums that are rounded once ---- */

/* The exact value of a sum. Two doubles mostly do: the sum, and what rounding has taken from it.
   Where they do not, it is kept as doubles of growing size that share no bit (Shewchuk 1997); of
   these there cannot be more than a double has places for bits, so no memory is asked for. */
enum { VG_PLACES = 2100 };

typedef struct {
    double sum, lost;
    double infinite; /* the sum of what is inf or nan */
    bool overflow;   /* on the way past the largest double, though it might have come back */
    bool many;       /* whether `part` is used */
    int count;
    double part[VG_PLACES];
} vg_exact;

static inline void vg_exact_start(vg_exact *total)
{
    total->sum = total->lost = total->infinite = 0.0;
    total->overflow = total->many = false;
    total->count = 0;
}

/* x + y, rounded, and in `lost` the rest (TwoSum, Knuth 1969). */
static inline double vg_two_sum(double x, double y, double *lost)
{
    const double sum = x + y, back = sum - x;
    *lost = (x - (sum - back)) + (y - back);
    return sum;
}

static inline void vg_exact_add_part(vg_exact *total, double x)
{
    int kept = 0;
    if (!isfinite(x)) {
        total->infinite += x;
        return;
    }
    for (int i = 0; i < total->count; i++) {
        double low;
        x = vg_two_sum(x, total->part[i], &low);
        if (low != 0) {
            total->part[kept++] = low;
        }
    }
    if (!isfinite(x)) {
        total->overflow = true;
        kept = 0;
    } else if (x != 0) {
        total->part[kept++] = x;
    }
    total->count = kept;
}

static inline void vg_exact_add(vg_exact *total, double x)
{
    if (!total->many) {
        double low, rest;
        const double sum = vg_two_sum(total->sum, x, &low);
        const double lost = vg_two_sum(total->lost, low, &rest);
        if (rest == 0) { /* nan, where the sum is not finite, is not 0 */
            total->sum = sum;
            total->lost = lost;
            return;
        }
        total->many = true;
        vg_exact_add_part(total, total->lost);
        vg_exact_add_part(total, total->sum);
    }
    vg_exact_add_part(total, x);
}

static inline double vg_exact_value(const vg_exact *total)
{
    int left = total->count;
    if (!total->many) {
        return total->sum + total->lost;
    }
    if (total->infinite != 0) {
        return total->infinite;
    }
    if (left == 0) {
        return 0.0;
    }
    double high = total->part[--left], low = 0.0;
    while (left > 0 && low == 0) {
        high = vg_two_sum(high, total->part[--left], &low);
    }
    /* At a tie, `high` was rounded to even, though what is left may say which way to go. */
    if (left > 0 && low != 0 && (low < 0) == (total->part[left - 1] < 0)) {
        const double twice = low * 2.0, moved = high + twice;
        if (moved - high == twice) {
            high = moved;
        }
    }
    return high;
}

/* The sum of xs[i] / divisor, times ys[i] where ys is given; past the largest double and back. */
static inline double vg_sum_of(ptrdiff_t n, const double *xs, const double *ys, double divisor)
{
    for (double scale = 1.0;; scale = 0x1p-64) {
        vg_exact total;
        vg_exact_start(&total);
        for (ptrdiff_t i = 0; i < n; i++) {
            vg_exact_add(&total, (ys ? xs[i] * ys[i] : xs[i] / divisor) * scale);
        }
        if (!total.overflow || scale != 1.0) {
            return vg_exact_value(&total) / scale;
        }
    }
}

static inline double vg_sum(ptrdiff_t n, const double *xs)
{
    return vg_sum_of(n, xs, NULL, 1.0);
}

static inline double vg_mean(ptrdiff_t n, const double *xs)
{
    const double total = vg_sum(n, xs) / (double)n;
    return isfinite(total) ? total : vg_sum_of(n, xs, NULL, (double)n);
}

/* The first half of xs with the second half. */
static inline double vg_dot(ptrdiff_t n, const double *xs)
{
    return vg_sum_of(n / 2, xs, xs + n / 2, 1.0);
}

/* ---- softmax and its relatives ---- */

/* The largest number of a list, and the sum of e^(x - largest) over all the others. */
typedef struct {
    double top, rest;
} vg_tops_of;

static inline vg_tops_of vg_tops(ptrdiff_t n, const double *xs)
{
    ptrdiff_t first = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        if (isnan(xs[i])) {
            return (vg_tops_of){NAN, NAN};
        }
        if (xs[i] > xs[first]) {
            first = i;
        }
    }
    vg_exact rest;
    vg_exact_start(&rest);
    for (ptrdiff_t i = 0; i < n; i++) {
        if (i != first) {
            vg_exact_add(&rest, vg_exp_minus(xs[i], xs[first]));
        }
    }
    return (vg_tops_of){xs[first], vg_exact_value(&rest)};
}

static inline double vg_logsumexp(ptrdiff_t n, const double *xs)
{
    const vg_tops_of tops = vg_tops(n, xs);
    return tops.top + log1p(tops.rest);
}

/* The share of x, which is one of the list. */
static inline double vg_part(double x, vg_tops_of tops)
{
    return tops.top == -INFINITY ? 0.0 : vg_exp_minus(x, tops.top) / (1.0 + tops.rest);
}

static inline double vg_other_parts(ptrdiff_t n, const double *xs, vg_tops_of tops)
{
    vg_exact sum;
    vg_exact_start(&sum);
    for (ptrdiff_t i = 1; i < n; i++) {
        vg_exact_add(&sum, vg_part(xs[i], tops));
    }
    return vg_exact_value(&sum);
}

static inline double vg_softmax(ptrdiff_t n, const double *xs)
{
    return vg_part(xs[0], vg_tops(n, xs));
}

static inline double vg_log_softmax(ptrdiff_t n, const double *xs)
{
    const vg_tops_of tops = vg_tops(n, xs);
    if (tops.top == -INFINITY) {
        return -INFINITY;
    }
    return (xs[0] == tops.top ? 0.0 : xs[0] - tops.top) - log1p(tops.rest);
}

/* ---- the derivatives of x^y ---- */

enum { VG_LOGS = 64 }; /* by y that often at most; beyond it the answer is nan */

/* The n-th derivative by x of x^y: y (y - 1) ... (y - n + 1) x^(y - n); 0 where the factor is 0. */
static inline double vg_power_derivative_by_x(double x, double y, double n)
{
    double factor = 1.0;
    for (int i = 0; i < (int)n; i++) {
        factor *= y - i;
    }
    return factor == 0 ? 0.0 : factor * pow(x, y - n);
}

/* Of the m-th by y of x^y: x^(y - n) times a sum of c (ln x)^p, where the c are Taylor coefficients
   in y of the factor above. */
static inline double vg_power_derivative(double x, double y, double n, double m)
{
    if (m == 0) {
        return vg_power_derivative_by_x(x, y, n);
    }
    double factor[VG_LOGS + 1] = {1.0}, term[VG_LOGS + 1];
    const int order = (int)n, logs = (int)m;
    if (logs > VG_LOGS) {
        return NAN;
    }
    for (int i = 0; i < order; i++) {
        for (int k = i + 1 < logs ? i + 1 : logs; k >= 0; k--) {
            factor[k] = (y - i) * factor[k] + (k ? factor[k - 1] : 0.0);
        }
    }
    int terms = 0, first = -1; /* the power of the first term */
    double leading = 0.0, ways = 1.0; /* logs! / (logs - k)! */
    const double log_x = x > 0 ? log(x) : NAN;
    for (int k = 0; k <= (logs < order ? logs : order); ways *= logs - k++) {
        if (factor[k] == 0) {
            continue; /* a slope that is exactly 0 stays 0, whatever it multiplies */
        }
        if (first < 0) {
            first = logs - k;
            leading = ways * factor[k];
        }
        term[terms++] = ways * factor[k] * pow(log_x, logs - k);
    }
    if (terms == 0) {
        return 0.0;
    }
    if (x == 0) {
        return y >= n ? 0.0 : y < n ? leading * INFINITY * (first % 2 ? -1.0 : 1.0) : NAN;
    }
    return pow(x, y - n) * vg_sum(terms, term);
}

#endif
