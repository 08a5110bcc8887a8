"""What the wrong rows of a check have in common, in a sentence: the kind of mistake.

A kind is a guess of what was claimed instead of the derivative: twice as much, its transpose, that
by another argument. It is named where it gives every wrong row within the error bars, which must be
far smaller than the mistake; a factor that has no name needs three rows that agree.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..core.graph import nodes
from ..trees import items, rectangle
from .frameworks import lower
from .report import describe_node
from .soundness import ARRIVING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .report import Row
    from .subjects import Subject

SHARPER = 4.0  # times that an error bar is smaller than the mistake which it explains
FEW = 3  # rows that agree by no accident
SINGLE = 2.0**-20, 2.0**-30  # relative errors of float32, the largest and the least
MOST_NODES = 200  # of a graph, that may be factors: among many, one fits by accident
PLACES = "transposed", "reversed", "shifted", "swapped"
POWERS = {1.0: "{}", -1.0: "1 / {}", 2.0: "{}**2", -2.0: "1 / {}**2", 0.5: "sqrt({})",
          -0.5: "1 / sqrt({})"}  # fmt: skip
CONSTANTS = {2.0: "", 3.0: "", 4.0: "", math.log(10.0): "ln 10: a logarithm of another base?",
             math.log(2.0): "ln 2: a logarithm of another base?",
             math.degrees(1.0): "180 / pi: degrees for radians?"}  # fmt: skip


class Part(NamedTuple):
    """An array among the arguments, or a number, and its columns in the table."""

    name: str
    shape: tuple[int, ...]
    columns: slice


class Kind(NamedTuple):
    """A kind of mistake: its key, and what to say of a gradient that has it."""

    key: str
    text: str


Guess = tuple[str, str, Any, Any]  # a key, its text, what would be claimed, and how far it is off


class Table:
    """Wrong rows as a matrix, outputs by inputs, and what is known of the point."""

    def __init__(self, rows: Sequence[Row], subject: Subject) -> None:
        count = len(subject.outputs)

        def matrix(numbers: list[float]) -> Any:
            return np.array(numbers).reshape(-1, count).T

        self.claimed: Any = matrix([row.analytic for row in rows])
        self.numeric: Any = matrix([row.numeric for row in rows])
        self.bar: Any = matrix([1.5 * row.error_bar + row.rounding for row in rows])
        self.wrong: Any = matrix([row.verdict == "wrong" for row in rows])
        self.x, self.parts = np.array(subject.arguments.numbers), _parts(subject.arguments)
        self.held: dict[str, Any] = _arrays(getattr(subject.f, "held", {}))
        self.owned: bool = bool(getattr(subject, "owned", ""))
        values = np.array(subject.values(subject.arguments.numbers))
        self.known: Any = {
            part.name: self.x[part.columns].reshape(part.shape) for part in self.parts
        }
        self.known |= self.held | {
            f"the value of {subject.name}": values if count > 1 else values[0]
        }
        inner = [n for root in subject.roots for n in nodes(root) if n._inputs]
        for node in inner[:MOST_NODES]:
            self.known.setdefault(describe_node(node), np.asarray(node._data))

    def holds(self, predicted: Any, bar: Any, wrong: Any) -> bool:
        """True if a prediction gives all wrong rows, by far more closely than the numeric ones."""
        off = abs(self.claimed - predicted)[wrong]
        bar = (bar + self.bar + 4e-15 * abs(self.claimed))[wrong]
        return bool(
            np.all((off <= bar) & (SHARPER * bar < abs(self.claimed - self.numeric)[wrong]))
        )

    def by_part(self, change: Callable[[Any], Any], x: Any) -> Any:
        """Change the block of each argument in a matrix; nan where the change does not apply."""
        out = np.full_like(x, np.nan)
        for part in self.parts:
            block = x[:, part.columns].reshape(-1, *part.shape)
            changed = change(block)
            if changed is not None:
                out[:, part.columns] = changed.reshape(len(x), -1)
        return out


def kinds(rows: Sequence[Row], subject: Subject) -> list[Kind]:
    """The kind of mistake of all wrong rows, or of each argument by itself; else none."""
    parts = _parts(subject.arguments)
    if len(rows) != len(subject.outputs) * len(subject.arguments.names) or not parts:
        return []
    with np.errstate(all="ignore"), subject.mode():
        table = Table(rows, subject)
        parts = [part for part in parts if table.wrong[:, part.columns].any()]
        found = _kind(table, table.wrong, parts)
        if found or len(parts) == 1:
            return [found] if found else []
        several = []
        for part in parts:
            here = np.zeros_like(table.wrong)
            here[:, part.columns] = table.wrong[:, part.columns]
            several.append(_kind(table, here, [part]))
    return [kind for kind in several if kind] if all(several) else []


def _parts(arguments: Any) -> list[Part]:
    """The arrays and numbers of the arguments; a list of numbers is an array."""
    parts, start = [], 0
    for name, arg in arguments.named:
        for place, x in _leaves(arg, name):
            shape = getattr(x, "shape", None)
            shape = tuple(shape if shape is not None else rectangle(x))
            size = math.prod(shape)
            parts += [Part(place, shape, slice(start, start + size))] if size else []
            start += size
    return parts if start == len(arguments.names) else []


def _leaves(arg: Any, name: str) -> Iterator[tuple[str, Any]]:
    try:
        regular = isinstance(arg, (list, tuple)) and len(rectangle(arg)) > 0
        regular = regular and all(isinstance(x, (int, float)) for _, x in items(arg))
    except ValueError:
        regular = False
    yield from [(name, arg)] if regular else items(arg, name, none=False)


def _arrays(held: dict[str, Any]) -> dict[str, Any]:
    """The numbers and arrays of numbers in what is held fixed, with their names."""
    named = [item for name, x in held.items() for item in items(lower(x), name, none=False)]
    found = {place: np.asarray(x) for place, x in named}
    return {place: x.astype(float) for place, x in found.items() if x.dtype.kind in "fiu"}


# ---- the kinds -----------------------------------------------------------------------------------


def _kind(table: Table, wrong: Any, parts: list[Part]) -> Kind | None:
    """The first kind that gives all of these wrong rows."""
    if not np.all(np.isfinite(table.claimed[wrong])):
        return None
    here = np.zeros_like(wrong)
    for part in parts:
        here[:, part.columns] = True
    who = f"the gradient by {' and '.join(part.name for part in parts)}"
    only = "where it is wrong, " if (here & ~wrong & (table.numeric != 0.0)).any() else ""
    for guess in (_single, _factors, _places, _swaps, _branches, _chains, _terms, _common):
        for key, text, predicted, bar in guess(table, wrong, parts):
            if table.holds(predicted, bar, wrong):
                return Kind(key, f"{'' if key in PLACES else only}{who} {text}")
    return None


def _single(table: Table, wrong: Any, parts: list[Part]) -> Iterator[Guess]:
    """Right but for roundings of float32."""
    error, largest = abs(table.claimed - table.numeric)[wrong], np.max(abs(table.numeric[wrong]))
    rounded = np.array_equal(table.claimed, table.claimed.astype(np.float32))
    enough = rounded or (error.size >= FEW and np.max(error) >= SINGLE[1] * largest)
    if enough and np.max(error) <= SINGLE[0] * largest:
        text = "is right to the rounding of float32 only: is something computed in that?"
        yield "float32", text, table.claimed, 0.0


def _factors(table: Table, wrong: Any, parts: list[Part]) -> Iterator[Guess]:
    """All off by one factor that has a name."""
    if table.owned:  # what arrived was not 1
        forgets = "does not multiply by the gradient that arrives"
        yield "arriving", forgets, table.numeric / ARRIVING, table.bar
    yield "sign", "has the wrong sign", -table.numeric, table.bar
    for factor, text in _named_factors(table).items():
        yield "factor", text, factor * table.numeric, abs(factor) * table.bar


def _named_factors(table: Table) -> dict[float, str]:
    """The factors by which a gradient may be wrong, with what to say of each."""
    named: dict[float, list[str]] = {x: [told] if told else [] for x, told in CONSTANTS.items()}
    for part in table.parts:
        if part.shape:
            size = math.prod(part.shape)
            named.setdefault(size, []).append(f"the number of elements of {part.name}")
        for axis, length in enumerate(part.shape if len(part.shape) > 1 else ()):
            batch = " (the batch?)" if axis == 0 else ""
            told = f"the length of axis {axis} of {part.name}{batch}"
            named.setdefault(length, []).append(told)
    for name, held in table.known.items():
        for length in held.shape if name in table.held else ():
            named.setdefault(length, []).append(f"the length of an axis of {name}")
    if len(table.claimed) > 1:
        named.setdefault(len(table.claimed), []).append("the number of outputs")
    found: dict[float, str] = {}
    for x, names in named.items():
        if x > 1:
            what = f"{x:.6g}" + "".join(f", {text}" for text in dict.fromkeys(names))
            sums = any(word in text for text in names for word in ("number", "length"))
            high, low = (": a sum for a mean?", ": a mean for a sum?") if sums else ("", "")
            for sign, also in ((1.0, ""), (-1.0, "has the wrong sign and ")):
                found[sign * x] = f"{also}is too large by the factor {what}{high}"
                found[sign / x] = f"{also}is too small by the factor {what}{low}"
    return found


def _places(table: Table, wrong: Any, parts: list[Part]) -> Iterator[Guess]:
    """The right numbers in the wrong places, of each array or of a Jacobian."""

    def everywhere(change: Any) -> tuple[Any, Any]:
        return table.by_part(change, table.numeric), table.by_part(change, table.bar)

    if table.claimed.shape[0] == table.claimed.shape[1] > 1:
        yield "transposed", "is the transpose of the Jacobian", table.numeric.T, table.bar.T
    most = max(len(part.shape) for part in parts)
    for i in range(1, most + 1):
        for j in range(i + 1, most + 1):
            axes = f" (axes {i - 1} and {j - 1})" if most > 2 else ""

            def transposed(x: Any, i: int = i, j: int = j) -> Any:
                return x.swapaxes(i, j) if x.ndim > j else None

            yield ("transposed", f"is transposed{axes}", *everywhere(transposed))
    for i in range(1, most + 1):
        along = f" along axis {i - 1}" if most > 1 else ""

        def flipped(x: Any, i: int = i) -> Any:
            return np.flip(x, i) if i < x.ndim else None

        yield ("reversed", f"is reversed{along}", *everywhere(flipped))
        for step in (1, -1):
            way = "forwards" if step > 0 else "backwards"

            def rolled(x: Any, i: int = i, step: int = step) -> Any:
                return np.roll(x, step, i) if i < x.ndim else None

            def pushed(x: Any, i: int = i, step: int = step) -> Any:
                if i >= x.ndim:
                    return None
                out = np.moveaxis(np.roll(x, step, i), i, 0).copy()
                out[0 if step > 0 else -1] = 0.0
                return np.moveaxis(out, 0, i)

            for change in (rolled, pushed):
                yield ("shifted", f"is shifted by one, {way}{along}", *everywhere(change))


def _swaps(table: Table, wrong: Any, parts: list[Part]) -> Iterator[Guess]:
    """The gradient by another argument of the same shape."""
    for a in table.parts:
        for b in table.parts:
            if a.columns.start >= b.columns.start or a.shape != b.shape:
                continue
            predicted, bar = table.numeric.copy(), table.bar.copy()
            for here, there in ((a, b), (b, a)):
                predicted[:, here.columns] = table.numeric[:, there.columns]
                bar[:, here.columns] = table.bar[:, there.columns]
            text = f"is swapped: {a.name} has that of {b.name}, and {b.name} that of {a.name}"
            if len(parts) == 1:
                other = b if parts[0] == a else a
                text = f"is that by {other.name}"
            yield "swapped", text, predicted, bar


def _branches(table: Table, wrong: Any, parts: list[Part]) -> Iterator[Guess]:
    """0 for a branch that was not taken, or not 0 for it."""
    x = np.broadcast_to(table.x, wrong.shape)
    here = np.zeros_like(wrong)
    for part in parts:
        here[:, part.columns] = True
    right = here & ~wrong & (table.claimed != 0.0) & (table.numeric != 0.0)
    beyond = _beyond(x[wrong], x[right])
    if not table.claimed[wrong].any():
        where = f", {beyond}" if beyond else "" if right.any() else ": nothing arrives"
        zero = np.zeros_like(table.claimed)
        yield "zero", f"is 0 where it must not be{where}", zero, zero
    elif beyond and wrong.sum() > 1 and np.all(abs(table.numeric) <= table.bar, where=wrong):
        text = f"must be 0, {beyond}: is a mask forgotten?"
        yield "mask", text, table.claimed, 0.0


def _beyond(wrong: Any, right: Any) -> str:
    """Say on which side of some number the wrong rows are, beside the others; "" for none."""
    if not right.size:
        return ""
    if wrong.max() < right.min():
        return f"where the argument is at most {wrong.max():.3g}"
    if wrong.min() > right.max():
        return f"where the argument is at least {wrong.min():.3g}"
    if abs(wrong).min() > abs(right).max():
        return f"where the argument is at least {abs(wrong).min():.3g} in size"
    if abs(wrong).max() < abs(right).min():
        return f"where the argument is at most {abs(wrong).max():.3g} in size"
    return ""


def _candidates(table: Table, parts: list[Part]) -> Iterator[tuple[str, Any]]:
    """Numbers that are known, spread over the table, with their names."""
    for name, known in table.known.items():
        spread = np.full_like(table.claimed, np.nan)
        if known.shape == (len(table.claimed),):  # one for each output
            yield name, np.broadcast_to(known[:, None], spread.shape)
        for part in parts:
            ending = known.reshape(known.shape + (1,) * (len(part.shape) - known.ndim))
            for shaped in (known, ending):  # as in broadcasting, and by the first axes
                try:
                    block = np.broadcast_to(shaped, part.shape)
                except ValueError:
                    continue
                spread[:, part.columns] = block.reshape(-1)
                break
        if not np.isnan(spread).all():
            yield name, spread


def _chains(table: Table, wrong: Any, parts: list[Part]) -> Iterator[Guess]:
    """A factor that is missing or too many, and is known: what arrives, an argument, a value."""
    for name, known in _candidates(table, parts):
        for power, wording in POWERS.items():
            factor = known**power
            told = wording.format(name)
            for sign, also in ((1.0, ""), (-1.0, " and has the wrong sign")):
                yield (
                    "chain", f"lacks the factor {told}{also}",
                    sign * table.numeric / factor, table.bar / abs(factor),
                )  # fmt: skip


def _terms(table: Table, wrong: Any, parts: list[Part]) -> Iterator[Guess]:
    """A term that is missing or too many: a multiple of something known."""
    gap = (table.claimed - table.numeric)[wrong]
    for name, known in _candidates(table, parts):
        here = known[wrong]
        if np.unique(here).size >= FEW and np.all(here != 0.0):
            times = float(np.median(gap / here))
            kind = "has" if times > 0.0 else "lacks"
            size = "" if math.isclose(abs(times), 1.0, rel_tol=1e-6) else f"{abs(times):.6g} * "
            text = f"{kind} a term {size}{name}" + (" too many" if times > 0.0 else "")
            yield "term", text, table.numeric + times * known, table.bar


def _common(table: Table, wrong: Any, parts: list[Part]) -> Iterator[Guess]:
    """All off by one factor, or by one number, without a name."""
    claimed, numeric = table.claimed[wrong], table.numeric[wrong]
    if np.unique(numeric).size < FEW or not np.all(numeric != 0.0):
        return
    factor = float(np.median(claimed / numeric))
    text = f"is off by one factor: it is {factor:.6g} times what is due"
    yield "factor", text, factor * table.numeric, abs(factor) * table.bar
    gap = float(np.median(claimed - numeric))
    text = f"is off by one number: it is {abs(gap):.6g} too {'large' if gap > 0 else 'small'}"
    yield "term", text, table.numeric + gap, table.bar
