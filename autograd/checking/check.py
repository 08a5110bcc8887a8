"""Checking derivatives: a function's gradient against differences that know how good they are."""

from __future__ import annotations

import itertools
import math
import random
import sys
from contextlib import suppress
from typing import NamedTuple

from ..core.graph import nodes
from ..core.kinds import describe
from ..seeing.linting import at_kink
from ..seeing.naming import names_of
from .arguments import limits
from .culprit import check_graph
from .differences import Estimate, Search
from .elsewhere import in_another_library, on_this_engine
from .frameworks import lower
from .probing import DOUBLE
from .report import Report, Row, describe_node
from .second import second_derivatives
from .subjects import Given, NumberError, Recorded, Subject, hold, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Numbers = Sequence[float]

SAFETY = 1.5  # error bars by which two numbers may differ
VISIBLE = 1e-4  # a relative error that must be seen, or the verdict is `noisy`
STATIONARY = 1e-9  # the same, as a part of the slopes nearby, where the slope itself is about 0
MOST_CALLS = 48  # of f, that one element usually takes
MOST_PAIRS = 8  # of inputs at kinks
MANY_OUTPUTS = 12  # that are measured together first
FEW = 256  # roundings, for types coarser than double
INDEPENDENT = "the function does not depend on it"


def gradcheck(
    f: Callable[..., Any], *args: Any, df: Callable[..., Any] | None = None, order: int = 1,
    directions: int | None = None, seed: int = 0, bounds: Any = None,
    hess: Callable[..., Any] | None = None, hvp: Callable[..., Any] | None = None,
    fixed: Any = (), budget: float = 25_000,
) -> Report:  # fmt: skip
    """Compare the gradient of `f` at `args` with finite differences; true when all is well.

    Without `df`, `f` is built on this engine, and called with Values and Tensors in the places of
    the numbers and arrays of `args`, which may be nested; or with arrays of Values, where it takes
    no Tensor. With `df`, `f` is any function of numbers and arrays, and `df(*args)` is the gradient
    that is claimed: one for one argument, a tuple for several, a Jacobian for several outputs; each
    has the structure of its argument. Where PyTorch or JAX computes f's answer, it differentiates f
    without `df`. `hess(*args)` is a Hessian to check, of several arguments a tuple of blocks for
    each, and `hvp(*args, v)` its product with a vector. `Row` says what a row of the
    report holds; where one is wrong, `culprits` names the operation at fault.

    `order=2` checks the derivatives of the gradient too. `directions=n` checks along n random
    directions, instead of by each number alone. `f` has no value where it raises an exception or
    returns nan or inf, and is never called outside `bounds`: a pair (low, high) or SciPy's `Bounds`
    of numbers, arrays or structures. TypeError or ValueError for what cannot be checked.

    `fixed` names parameters of `f` that are handed on as they are, or is a dict of them; `df` gives
    no gradient for those. More elements than `budget` calls of `f` allow (some 48 each) are checked
    along three random directions; the elements at fault, five at most, are found by halving, and
    `notes` says what may have gone unseen. `budget=math.inf` checks each element.

    >>> gradcheck(lambda x: x**2, 3.0, df=lambda x: 12345.0)
    input  analytic  numeric  apart    error bar  rounding  verdict
    x      12345     6        1.2e+04  6.8e-15    1.1e-11   wrong
    """
    _demand(f, {"df": df, "hess": hess, "hvp": hvp}, args, order, directions)
    if fixed:
        (f, df, hess, hvp), args = hold((f, df, hess, hvp), args, fixed)
    subjects, found = _subjects(f, df, args, order), Report()
    for subject in subjects if bounds is not None else ():
        subject.limits = limits(lower(bounds), subject.arguments)
    plain = len(subjects)
    subjects += second_derivatives(subjects[0], df, hess, hvp, args, seed)
    for subject in subjects:
        if directions is None:
            rows = _rows_of_all(subject, found, seed, budget, order == 1)
        else:
            rows = _rows(subject, found, _directions(subject, directions, seed))
        if subject in subjects[1:plain]:
            _same_gradient(subjects[0], subject, rows)
        found.rows += rows
    if df is None and any(row.verdict == "wrong" for row in found.rows):
        _find_culprits(subjects, found)
    return found


def assert_gradients(f: Callable[..., Any], *args: Any, **options: Any) -> Report:
    """`gradcheck`, with an AssertionError that shows the table when something is not well."""
    __tracebackhide__ = True
    found = gradcheck(f, *args, **options)
    if not found:
        name = name_of(f)
        told = f"the gradient of {name} is not what differences say"
        raise AssertionError(f"{told}\n\n{found.failure()}")
    return found


def _demand(
    f: Any, claims: dict[str, Any], args: tuple[Any, ...], order: int, directions: int | None
) -> None:
    for name, part in {"f": f, **claims}.items():
        if part is not None and not callable(part):
            raise TypeError(f"gradcheck takes functions, but {name} is {describe(part)}")
    if f is None:
        raise TypeError("gradcheck(f, *args) takes a function, but f is None")
    if not args:
        raise TypeError("gradcheck(f, *args) needs the point: the arguments at which to check")
    if order not in (1, 2):
        raise ValueError(f"order is 1 or 2, not {order!r}")
    if order == 2 and claims["df"] is not None:
        raise ValueError("order=2 differentiates the gradient itself: give hess= with df=")
    if directions is not None and not (isinstance(directions, int) and directions > 0):
        raise ValueError(f"directions is how many to try, 1 or more, not {directions!r}")


def _subjects(f: Any, df: Any, args: tuple[Any, ...], order: int) -> list[Subject]:
    """The function with its gradient; of order 2, and the gradient with its own."""
    if there := in_another_library(f, df, args):
        if order == 2:
            raise ValueError("order=2 is for functions of this engine: give hess= or hvp=")
        return [there]
    if df is not None:
        return [Given(f, df, args)]
    return [Recorded(f, on_this_engine(args), k + 1) for k in range(order)]


def _rows_of_all(
    subject: Subject, found: Report, seed: int, budget: float, sampled: bool
) -> list[Row]:  # fmt: skip
    """Rows for all elements, alone or together; beyond the budget, if it may be, for samples."""
    elements = len(subject.arguments.numbers)
    if elements >= MANY_OUTPUTS and budget < math.inf and (groups := _groups(subject, elements)):
        from .large import rows_by_colours  # imports NumPy

        return rows_by_colours(subject, *groups, found, seed)
    if sampled and MOST_CALLS * elements > budget:
        from .large import rows_by_directions  # imports NumPy

        return rows_by_directions(subject, found, seed)
    rows = _rows(subject, found, _directions(subject, None, seed))
    if any(row.verdict == "wrong" for row in rows):
        with suppress(ImportError):  # of NumPy
            from .kinds_of_mistake import kinds

            found.mistakes += [kind for kind in kinds(rows, subject) if kind not in found.mistakes]
    return rows


def _groups(subject: Subject, elements: int) -> tuple[Any, list[list[int]]] | None:
    """A claimed sparse Jacobian and its columns in groups, where those save calls."""
    ends = zip(subject.arguments.numbers, subject.limits, strict=False)
    sparse = None if any(x in end for x, end in ends) else subject.sparse_claim()
    if sparse is None:
        return None
    from .large import colours

    groups = colours(sparse)
    return (sparse, groups) if 2 * len(groups) <= elements else None


# ---- the comparison ------------------------------------------------------------------------------


class Direction(NamedTuple):
    """A line through the point, where t is `start`; a step of 1 moves by `weights`."""

    name: str
    start: float
    weights: dict[int, float]

    def at(self, t: float, x: Numbers) -> list[float]:
        point, step = list(x), t - self.start
        for i, weight in self.weights.items():  # along an axis, t is the number itself
            is_axis = weight == 1.0 and self.start == x[i]
            point[i] = t if is_axis else x[i] + step * weight
        return point

    def along(self, gradient: Numbers) -> float:
        return math.fsum(gradient[i] * weight for i, weight in self.weights.items())

    def sizes(self, gradient: Numbers) -> float:
        return math.fsum(abs(gradient[i] * weight) for i, weight in self.weights.items())


def _directions(subject: Subject, count: int | None, seed: int) -> list[Direction]:
    names, x = subject.arguments.names, subject.arguments.numbers
    if count is None:
        return [Direction(name, x[i], {i: 1.0}) for i, name in enumerate(names)]
    rng = random.Random(seed)
    # They start at 1, so that a step has as many digits as x.
    return [
        Direction(f"direction {k + 1}", 1.0, dict(enumerate(subject.weights(rng))))
        for k in range(count)
    ]


def first_values(subject: Subject) -> list[float]:
    """The function's values at the point; ValueError where one is not finite."""
    first = subject.values(subject.arguments.numbers)
    if not first:
        raise ValueError(f"{subject.name} returns no number: there is nothing to differentiate")
    for place, y in zip(subject.outputs, first, strict=True):
        if not math.isfinite(y):
            raise ValueError(f"{place} is {y} at the point: it has no derivative there to check")
    return first


def _rows(subject: Subject, found: Report, lines: list[Direction]) -> list[Row]:
    x = subject.arguments.numbers
    first, claimed = first_values(subject), subject.claimed()
    budgets = [subject.budget(k) for k in range(len(first))]
    rows, table = [], None
    numpy: Any = sys.modules.get("numpy")
    if len(first) >= MANY_OUTPUTS and numpy is not None:
        from .slopes import screened

        table = numpy.array(claimed)
    for line in lines:
        known = {line.start: first}
        clear: list[Row | None] = [None] * len(first)
        if table is not None:
            weights, part = numpy.array([*line.weights.values()]), table[:, [*line.weights]]
            sizes = abs(part) @ abs(weights)
            clear, _ = screened(subject, line, first, part @ weights, sizes)
        rows += [
            row or _row(subject, k, line, known, claimed[k], budgets[k])
            for k, row in enumerate(clear)
        ]
    _recheck(subject, rows, found, lines)
    _pairs_of_kinks(subject, rows, lines, first)
    again = subject.values(x), subject.claimed()
    if repr(again) != repr((first, claimed)):  # as text, nan is the same as nan
        not_deterministic(subject, rows, found)
    return rows


def _pairs_of_kinks(
    subject: Subject, rows: list[Row], lines: list[Direction], first: list[float]
) -> None:
    """Call two kinks wrong where each gradient may be, and both together may not.

    So max(x, y) at a tie may give 1 to x, or to y, or a half to each, but not 1 to both. The slope
    along two inputs, on all sides of the point, has to have the claimed one between its extremes.
    """
    x, count = subject.arguments.numbers, len(first)
    near = 2.0**-20 if subject.arguments.roundoff == DOUBLE else 2.0**-9
    for k, here in enumerate(first):
        at = [i for i, row in enumerate(rows) if i % count == k and row.verdict == "kink"]
        for a, b in [*itertools.pairwise(at)][:MOST_PAIRS]:
            steps = [(lines[i // count], rows[i]) for i in (a, b)]
            if any([*line.weights.values()] != [1.0] for line, _ in steps):
                return  # not along an axis
            i, j = (next(iter(line.weights)) for line, _ in steps)
            sizes = [near * (abs(x[n]) or 1.0) for n in (i, j)]

            def f(p: float, q: float, i: int = i, j: int = j, k: int = k, s: Any = sizes) -> float:
                point = list(x)
                point[i], point[j] = x[i] + p * s[0], x[j] + q * s[1]
                return elsewhere(subject, point)[k]

            with subject.mode():
                for sign in (1.0, -1.0):
                    claimed = rows[a].analytic * sizes[0] + sign * rows[b].analytic * sizes[1]
                    beside = [(p, q) for p in (3.0, -3.0) for q in (4.25, -4.25)]
                    slopes = [f(1.0, sign) - here, here - f(-1.0, -sign)]
                    slopes += [f(p + 1.0, q + sign) - f(p, q) for p, q in beside]
                    slack = (64.0 * near + 8.0 * subject.coarseness) * max(
                        map(abs, (*slopes, claimed))
                    )
                    slack += 16.0 * subject.arguments.roundoff * abs(here)
                    if claimed < min(slopes) - slack or claimed > max(slopes) + slack:
                        for row in (rows[a], rows[b]):
                            row.verdict = "wrong"
                            row.note = "each may be so at its kink, and both together may not"


def not_deterministic(subject: Subject, rows: list[Row], found: Report) -> None:
    note = (
        f"{subject.name} is not deterministic: two calls at the same point differ (fix its "
        "seed; dropout is off after eval()), so nothing can be said"
    )
    found.notes += [note] if note not in found.notes else []
    for row in rows:
        row.verdict = "noisy"


def _recheck(subject: Subject, rows: list[Row], found: Report, lines: list[Direction]) -> None:
    """Put the kinks that a subject has in its own dtype in the places of rows that are not well.

    A constant that was rounded moves a kink.
    """
    doubtful = [row for row in rows if row.verdict in ("wrong", "noisy")]
    coarse = subject.coarsely() if doubtful else None
    if coarse is not None:
        coarse.limits, names = subject.limits, {row.input for row in doubtful}
        there = _rows(coarse, found, [line for line in lines if line.name in names])
        kinks = {row.name: row for row in there if row.verdict == "kink" and row.is_sharp}
        rows[:] = [kinks.get(row.name, row) if row in doubtful else row for row in rows]


def _same_gradient(plain: Subject, recorded: Subject, rows: list[Row]) -> None:
    """Call rows wrong where the gradient that is a graph is not the one that is numbers."""
    due = [g for row in plain.claimed() for g in row]
    got = recorded.values(recorded.arguments.numbers)
    least = STATIONARY * max(map(abs, due))
    for place, a, b in zip(recorded.outputs, due, got, strict=True):
        if not math.isclose(a, b, rel_tol=STATIONARY, abs_tol=least):
            for row in rows:
                if row.output in (place, ""):
                    row.verdict = "wrong"
                    row.note = f"with create_graph it is {b:.6g}, and without it {a:.6g}"


def _row(
    subject: Subject, k: int, line: Direction, known: dict[float, list[float]],
    gradient: list[float], budget: float | None,
) -> Row:  # fmt: skip
    roundoff, coarse = subject.arguments.roundoff, subject.coarseness

    def f(t: float) -> float:
        if t not in known:  # one call serves all outputs
            known[t] = elsewhere(subject, line.at(t, subject.arguments.numbers))
        return known[t][k]

    claimed = line.along(gradient)
    own = 8.0 * coarse * line.sizes(gradient)
    # Of a type coarser than double, a small number beside large ones has their rounding.
    largest = max(map(abs, gradient)) if coarse > DOUBLE else 0.0

    with subject.mode():  # once, and not at every call of f
        search = Search(f, line.start, roundoff)
        estimate = search.quick
    verdict = judged(claimed, estimate, own, coarse, largest)
    if verdict in ("wrong", "noisy"):  # both sides and the gradient's own rounding may tell
        with subject.mode():
            estimate = search.thorough
        own += subject.claim_rounding(k, line)
        verdict = judged(claimed, estimate, own, coarse, largest)
    rounding = own + (estimate.rounding if budget is None else budget * estimate.weight)
    names = (subject.outputs[k] if len(subject.outputs) > 1 else "", line.name)
    row = Row(names, claimed, estimate, verdict, rounding)
    row._values = search.values
    if verdict == "ok" and estimate.flat:
        row.note = INDEPENDENT
    if estimate.kind == "none":
        row.note = "the function has no value beside the point"
    elif estimate.stairs:
        row.note = f"the function is constant on stairs, {estimate.stairs:.1e} high"
    elif verdict == "noisy":
        row.note = "rounding hides what an error of 1e-4 would look like"
    return row


def elsewhere(subject: Subject, point: list[float]) -> list[float]:
    """The function's values at another point; nan where it has none, or may not be asked."""
    nowhere = [math.nan] * len(subject.outputs)
    if not all(low <= x <= high for x, (low, high) in zip(point, subject.limits, strict=False)):
        return nowhere
    try:
        values = subject.values(point)
    except NumberError:
        raise
    except Exception:  # outside its domain a function may raise anything
        return nowhere
    if len(values) != len(subject.outputs):
        raise TypeError(
            f"{subject.name} returns {len(subject.outputs)} numbers at one point and "
            f"{len(values)} at another"
        )
    return values


def judged(
    claimed: float, found: Estimate, own: float, roundoff: float, beside: float = 0.0
) -> str:
    """The verdict of the numbers; `own` is how far rounding can have moved the claimed gradient."""
    if found.kind == "none":
        return "noisy"
    if claimed != claimed:
        return "wrong"
    if found.kind in ("kink", "jump") and found.left and found.right:
        (low, low_bar), (high, high_bar) = sorted((found.left, found.right))
        slack = SAFETY * max(low_bar, high_bar) + own
        return "kink" if low - slack <= claimed <= high + slack else "wrong"
    if found.stairs and claimed == 0.0:  # right of each stair, and of the whole maybe a mistake
        return "noisy"
    if claimed == found.value and (found.flat or math.isinf(claimed)):
        return "ok"
    slack = SAFETY * found.error_bar + own
    if math.isinf(claimed) or abs(claimed - found.value) > slack:
        return "wrong"
    if claimed == 0.0 and found.still and slack <= STATIONARY * found.steepest:
        return "ok"
    largest = max(abs(claimed), abs(found.value))
    stationary = max(STATIONARY, FEW * roundoff) * max(found.scale, beside)
    if slack <= max(VISIBLE * largest, stationary):
        return "ok"
    return "noisy"


def _find_culprits(subjects: Sequence[Any], found: Report) -> None:
    roots = [root for subject in subjects for root in subject.roots]
    found.culprits = next(filter(None, (check_graph(root).findings for root in roots)), [])
    if found.culprits:
        return
    kinks = ((node, root) for root in roots for node in nodes(root) if at_kink(node))
    kink = next((describe_node(node, names_of(root)) for node, root in kinks), "")
    for row in found.rows:
        if row.verdict == "wrong" and kink:
            row.note = f"{kink} is exactly at its kink, where slopes are conventions"
        elif row.verdict == "wrong" and row.analytic == 0.0:
            row.note = "no gradient arrives: is there .data or detach() on the way?"
