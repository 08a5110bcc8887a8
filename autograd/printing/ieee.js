/* Arithmetic on doubles that JavaScript has otherwise than Python, or not at all: the counterpart
   of `ieee.h`. Under C's names, for the rows are printed in them; `ieee_` is for
   what is no function of the table, so that no user's function can have the name. */
const {exp, expm1, log, log1p, log2, log10, sqrt, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh,
  acosh, atanh, cbrt, floor, atan2, hypot} = Math, fabs = Math.abs, NAN = NaN, INFINITY = Infinity;

function pow(x, y) {  // JavaScript has nan for the first, and for (-1) ** inf
  return x === 1 || x === -1 && fabs(y) === INFINITY ? 1 : x ** y;
}

/* erf as a series of positive terms, e^(-x^2) 2x / sqrt(pi) (1 + 2x^2/3 (1 + 2x^2/5 (...)));
   Abramowitz and Stegun 7.1.6. */
function erf(x) {
  if (!(fabs(x) < 2)) return x > 0 ? 1 - erfc(x) : x < 0 ? erfc(-x) - 1 : x;
  let sum = 1;
  for (let n = 2 * Math.ceil(15 + 4 * x * x) + 1; n > 1; n -= 2) sum = 1 + 2 * x * x / n * sum;
  return 1.1283791670955126 * x * exp(-x * x) * sum;
}

/* erfc from 2 on as a continued fraction (7.1.14), with the digits that x^2 lost. */
function erfc(x) {
  if (!(x >= 2)) return x < -6 ? 2 : 1 - erf(x);
  if (x > 27.3) return 0;
  let below = x;
  for (let n = 140; n > 0; n--) below = x + n / 2 / below;
  const head = 134217729 * x - (134217729 * x - x);
  return exp(-head * head) * exp(-(x - head) * (x + head)) / below * 0.5641895835477563;
}

function vg_mod(x, y) {
  const rest = x % y;
  return rest === 0 ? (y < 0 || Object.is(y, -0) ? -0 : 0) : (rest < 0) !== (y < 0) ? rest + y : rest;
}

function vg_floordiv(x, y) {
  if (y === 0) return x / y;
  const rest = x % y, quotient = (x - rest) / y - (rest !== 0 && (rest < 0) !== (y < 0) ? 1 : 0);
  if (quotient === 0) return x / y < 0 || Object.is(x / y, -0) ? -0 : 0;
  const whole = floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

/* x as a fraction of two whole numbers, times 10^digits, rounded with halves to even. */
function vg_round(x, digits) {
  const sign = x < 0 || Object.is(x, -0) ? -1 : 1;
  digits = Math.trunc(digits);
  if (digits !== digits) return NAN;  // Python raises
  if (x - x !== 0 || digits > 323) return x;
  if (x === 0 || digits < -308) return sign * 0;
  let power = 0, scaled = fabs(x);
  while (scaled !== floor(scaled)) { scaled *= 2; power += 1; }  // exact
  let above = BigInt(scaled), below = 1n << BigInt(power);
  if (digits > 0) above *= 10n ** BigInt(digits); else below *= 10n ** BigInt(-digits);
  const whole = above / below, twice = 2n * (above % below);
  return sign * Number(`${whole + (twice > below || twice === below && whole % 2n ? 1n : 0n)}e${-digits}`);
}

/* The sum of xs[i] / divisor, or of xs[i] xs[half + i], rounded once. Two doubles mostly hold its
   exact value: the sum, and what rounding has taken from it (TwoSum, Knuth 1969). */
function ieee_sum_of(n, xs, half, divisor) {
  let sum = 0, lost = 0;
  for (let i = 0; i < n; i++) {
    const x = half ? xs[i] * xs[half + i] : xs[i] / divisor;
    const next = sum + x, back = next - sum, low = sum - (next - back) + (x - back);
    const both = lost + low, away = both - lost, rest = lost - (both - away) + (low - away);
    if (rest !== 0) return ieee_at_length(Array.from({length: n}, (_, k) => half ? xs[k] * xs[half + k] : xs[k] / divisor));
    sum = next;
    lost = both;
  }
  return sum + lost;
}

/* Where the sum passes the largest double on its way, all is made smaller. */
function ieee_at_length(xs) {
  const [sum, overflow] = ieee_exact(xs);
  return overflow ? ieee_exact(xs.map(x => x * 2 ** -64))[0] * 2 ** 64 : sum;
}

/* Doubles of growing size that share no bit (Shewchuk 1997). */
function ieee_exact(xs) {
  const parts = [];
  let unbounded = 0, overflow = false;
  for (let x of xs) {
    let kept = 0;
    if (x - x !== 0) { unbounded += x; continue; }
    for (const y of parts) {
      const sum = x + y, back = sum - x, low = x - (sum - back) + (y - back);
      if (low !== 0) parts[kept++] = low;
      x = sum;
    }
    if (x - x !== 0) { overflow = true; kept = 0; x = 0; }
    parts.length = kept;
    if (x !== 0) parts.push(x);
  }
  return [unbounded !== 0 ? unbounded : ieee_rounded(parts), overflow];
}

function ieee_rounded(parts) {
  let high = parts.pop() ?? 0, low = 0;
  while (parts.length && low === 0) {
    const x = high, y = parts.pop();
    high = x + y;
    low = y - (high - x);
  }
  // At a tie, `high` was rounded to even, though what is left may say which way to go.
  if (parts.length && low !== 0 && (low < 0) === (parts.at(-1) < 0) && high + 2 * low - high === 2 * low) high += 2 * low;
  return high;
}

function vg_sum(xs) {
  return ieee_sum_of(xs.length, xs, 0, 1);
}

function vg_mean(xs) {
  const total = vg_sum(xs) / xs.length;
  return total - total === 0 ? total : ieee_sum_of(xs.length, xs, 0, xs.length);
}

function vg_dot(xs) {
  return ieee_sum_of(xs.length / 2, xs, xs.length / 2, 1);
}

/* The largest of a list, and the sum of e^(x - largest) over all the others. */
function ieee_tops(xs) {
  if (xs.some(x => x !== x)) return [NAN, NAN];
  const first = xs.reduce((found, x, i) => x > xs[found] ? i : found, 0);
  return [xs[first], vg_sum(xs.filter((_, i) => i !== first).map(x => ieee_exp_minus(x, xs[first])))];
}

function vg_logsumexp(xs) {
  const [top, rest] = ieee_tops(xs);
  return top + log1p(rest);
}

/* The share of x, which is one of the list. */
function ieee_part(x, [top, rest]) {
  return top === -INFINITY ? 0 : ieee_exp_minus(x, top) / (1 + rest);
}

function ieee_other_parts(xs, tops) {
  return vg_sum(xs.slice(1).map(x => ieee_part(x, tops)));
}

function vg_softmax(xs) {
  return ieee_part(xs[0], ieee_tops(xs));
}

function vg_log_softmax(xs) {
  const [top, rest] = ieee_tops(xs);
  return top === -INFINITY ? top : (xs[0] === top ? 0 : xs[0] - top) - log1p(rest);
}

/* The n-th derivative by x of the m-th by y of x^y: x^(y - n) times a sum of c (ln x)^p, where the
   c are Taylor coefficients in y of y (y - 1) ... (y - n + 1). */
function vg_power_derivative(x, y, n, m) {
  let factors = [1], ways = 1;
  for (let i = 0; i < Math.trunc(n); i++) factors = [...factors, 0].map((f, k) => (y - i) * f + (k ? factors[k - 1] : 0));
  const terms = [], logs = Math.trunc(m);
  for (let k = 0; k <= logs && k < factors.length; ways *= logs - k++)
    if (factors[k] !== 0) terms.push([ways * factors[k], logs - k]);
  if (!terms.length) return 0;
  const [leading, first] = terms[0];
  if (m === 0) return leading * pow(x, y - n);
  if (x === 0) return y >= n ? 0 : y < n ? leading * INFINITY * (first % 2 ? -1 : 1) : NAN;
  const log_x = x > 0 ? log(x) : NAN;
  return pow(x, y - n) * vg_sum(terms.map(([c, p]) => c * pow(log_x, p)));
}
