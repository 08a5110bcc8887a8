"""The meaning of the columns of a table to learn from, judged on all of its rows."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from math import inf
from typing import Any, Final

from autograd import delimited

from ..parameters import Array, np
from .tabular import WORDS, Column, Table, is_missing, numbers_in

look: Final = delimited.look
shown: Final = delimited.shown

MOST_TEXTS = 50  # a column of more different texts names its rows rather than describes them
MOST_NUMBERED = 10  # a target of up to this many whole numbers is taken for classes
MOSTLY = 0.9  # a column with this share of numbers is one of numbers, and the rest are mistakes
WHOLE = 2.0**53  # up to which all whole numbers are floats
ENOUGH = 20  # rows, to tell a column that predicts the target from a coincidence
CODE = re.compile("0[0-9]+")
# All other looks are of numbers written in another way.
TEXTUAL = {"a text", "a date", "a time", "a number with a unit"}


@dataclass
class Reading:
    """The user's settings: how numbers look, which cells are missing, which columns hold what."""

    notation: delimited.Notation
    missing: Sequence[str] = ()
    category: Sequence[str] = ()
    number: Sequence[str] = ()

    @cached_property
    def absent(self) -> set[str]:
        """The cells that are missing in any column."""
        return {"", *self.missing}


def _is_swallowed(cell: str, reading: Reading) -> bool:
    """Whether a cell is a whole number, all its digits given, that no float is."""
    if "e" in cell.lower() or reading.notation.number(cell) is None:
        return False
    exact = reading.notation.exact(cell)
    return exact == int(exact) != int(float(exact))


@dataclass
class Tally:
    """The cells of a column, counted over all rows."""

    name: str
    most: float = MOST_TEXTS
    numbers: int = 0
    empty: int = 0
    words: int = 0  # that stand for a missing number
    odd: int = 0
    first: tuple[int, str] = (0, "")  # the line and the text of the first odd cell
    swallowed: tuple[int, str] = (0, "")  # the first whole number that no float is
    texts: set[str] = field(default_factory=set)  # different ones, no more than needed
    odds: set[str] = field(default_factory=set)
    values: dict[Decimal, str] = field(default_factory=dict)  # different numbers, as first written
    respelled: str = ""  # a number that was written before in another way
    code: str = ""  # the first whole number that begins with 0, as codes do
    last: float | None = None
    counts: bool = True  # each number is the one before, and one more

    def add(self, cells: Sequence[str], lines: Sequence[int], reading: Reading) -> None:
        """Count the cells of the next rows."""
        if len(self.texts) <= self.most:
            self.texts.update(cells)
        self.code = self.code or next((c for c in cells if CODE.fullmatch(c)), "")
        xs, gaps = numbers_in(cells, reading.notation, reading.absent)
        for k in gaps:
            self._count(cells[k], lines[k], reading)
        found = [x for x in xs if x == x]
        self.numbers += len(found)
        if not self.swallowed[1] and found and max(map(abs, found)) >= WHOLE:
            rows = zip(lines, cells, strict=True)
            self.swallowed = next((r for r in rows if _is_swallowed(r[1], reading)), (0, ""))
        if self.most == inf:
            for cell in (cell for x, cell in zip(xs, cells, strict=True) if x == x):
                if self.values.setdefault(reading.notation.exact(cell), cell) != cell:
                    self.respelled = self.respelled or cell
        if self.counts and found:
            before = found[0] - 1.0 if self.last is None else self.last
            self.counts = all(b == a + 1.0 for a, b in pairwise([before, *found]))
            self.last = found[-1]

    def _count(self, cell: str, line: int, reading: Reading) -> None:
        """Count a cell without a number."""
        if is_missing(cell, reading.notation, reading.absent):
            self.empty += 1
        elif cell.lower() in WORDS:
            self.words += 1
        else:
            self.first = self.first if self.odd else (line, cell)
            self.odd += 1
            if len(self.odds) <= MOST_TEXTS:
                self.odds.add(cell)

    def is_numeric(self, reading: Reading, records: delimited.Records) -> bool:
        """True for a column of numbers; TableError if it cannot be told what it is."""
        if self.name in reading.number and not self.numbers:
            raise delimited.TableError(f"{records.path}: no cell of {shown(self.name)} is a number")
        classes = self.most == inf and len(self.values) <= MOST_NUMBERED  # told by all digits
        if self.swallowed[1] and self.name not in reading.category and not classes:
            raise records.refused(
                self.swallowed[0], f"column {shown(self.name)}", self.swallowed[1],
                "a whole number of more digits than a float holds, so that different ones are one: "
                f"say --category {shown(self.name)} if the column holds names, --ignore "
                f"{shown(self.name)} if it tells nothing, or write it as 1.2e18",
            )  # fmt: skip
        if self.name in reading.category or self.name in reading.number or not self.odd:
            return self.numbers > 0 and self.name not in reading.category
        filled = self.numbers + self.odd
        alike = sum(look(text)[0] not in TEXTUAL for text in self.odds) / len(self.odds)
        few = self.numbers >= MOSTLY * filled
        one = len(self.odds) == 1 and self.numbers > max(1, self.odd)
        written_otherwise = (
            len(self.odds) > MOST_NUMBERED and self.numbers + alike * self.odd >= MOSTLY * filled
        )
        if not (few or one or written_otherwise):
            return False
        what, option = look(self.first[1])
        raise records.refused(
            self.first[0], f"column {shown(self.name)}", self.first[1],
            f"{what}, and {self.numbers} of {filled} cells are numbers: correct it, or say "
            f"{option + ', ' if option else ''}--missing {shown(self.first[1])} if such a cell "
            f"stands for none, --number {shown(self.name)} if all that are not numbers do, "
            f"--category {shown(self.name)} if the column holds names",
        )  # fmt: skip

    def useless(self, rows: int) -> str:
        """The reason to leave a column of texts out; empty if there is none."""
        known, n = rows - self.empty, len(self.texts)
        if not known:
            return "empty"
        kinds = {look(text)[0] for text in self.texts} - {"a text"} if self.odd else set()
        such = f", {', '.join(sorted(kinds))}" if kinds else ""
        if self.most > MOST_TEXTS:
            return ""
        if n > MOST_TEXTS:
            return f"more than {MOST_TEXTS} different texts{such}"
        return f"{n} different texts in {known} rows{such}" if n > MOSTLY * known > 9 else ""


def tallied(
    records: delimited.Records, reading: Reading, uncapped: Sequence[str]
) -> tuple[list[Tally], int, int]:
    """A tally for each column, over all rows that are not blank; how many those are, and all."""
    tallies = [Tally(n, inf if n in uncapped else MOST_TEXTS) for n in records.names]
    rows = total = 0
    for chunk in records.chunks():
        total += len(chunk)
        kept = [record for record in chunk if not record.blank]
        rows += len(kept)
        lines = [record.line for record in kept]
        for i, tally in enumerate(tallies):
            tally.add([record.cells[i] for record in kept], lines, reading)
    for tally in tallies:
        tally.texts -= reading.absent
    return tallies, rows, total


@dataclass
class Judged:
    """A table to learn from: what its columns mean, judged on all rows, and what is left out."""

    table: Table
    numeric_target: bool
    left_out: dict[str, str]  # names of columns, and why
    notes: list[str]
    spellings: dict[Decimal, str]  # a class that is a number, as it was first written
    rows: int  # all of them


def judge(
    records: delimited.Records, target: str, ignored: Sequence[str], task: str, reading: Reading
) -> Judged:
    """The contents of the columns. TableError if they cannot be told, or nothing can be learnt."""
    tallies, rows, total = tallied(records, reading, [target, *reading.category])
    columns, left_out, notes = [], {}, []
    goal = next(tally for tally in tallies if tally.name == target)
    for tally in tallies:
        if tally is goal or tally.name in ignored:
            continue
        name, index = tally.name, tally.counts and tally.numbers == rows
        if name in records.nameless and (index or _numbers_rows(tally, records, reading, rows)):
            left_out[name] = "an index without a name, which counts the rows"
        elif tally.is_numeric(reading, records):
            if index and rows >= ENOUGH:
                notes.append(f"column {shown(name)} counts the rows: --ignore it unless it means "
                             "something")  # fmt: skip
            lenient = name in reading.number
            holes = tally.empty + tally.words + lenient * tally.odd > 0
            columns.append(Column(name, holes=holes, lenient=lenient))
        elif reason := tally.useless(rows):
            left_out[name] = reason
        else:
            columns.append(Column(name, texts=sorted(tally.texts), holes=tally.empty > 0))
            if kinds := {look(text)[0] for text in tally.odds} - {"a text"}:
                notes.append(f"column {shown(name)} is read as texts: {', '.join(sorted(kinds))}")
    if not columns:
        why = "; ".join(f"{name!r} is left out: {reason}" for name, reason in left_out.items())
        raise ValueError(f"there is no column to predict {target!r} from{why and ': ' + why}")
    numbered = {column.name for column in columns if not column.texts}
    classes, numeric = _classes(goal, task, reading, records)
    if numeric and not classes:
        numbered.add(target)
    if goal.respelled and classes and numeric:
        first = goal.values[reading.notation.exact(goal.respelled)]
        notes.append(
            f"column {shown(target)}: {shown(goal.respelled)} and {shown(first)} are one number and"
            f" one class; --category {shown(target)} keeps them apart"
        )
    notes += [
        f"column {shown(tally.name)} is read as numbers, {shown(tally.code)} as {int(tally.code)}: "
        f"say --category {shown(tally.name)} if it holds codes, --number {shown(tally.name)} if not"
        for tally in tallies
        if tally.code and tally.name in numbered and tally.name not in reading.number
    ]
    notation = reading.notation
    table = Table(target, columns, classes, decimal=notation.decimal, thousands=notation.thousands,
                  missing=list(reading.missing))  # fmt: skip
    return Judged(table, numeric, left_out, notes, goal.values, total)


def _numbers_rows(tally: Tally, records: delimited.Records, reading: Reading, rows: int) -> bool:
    """True if a column has another whole number in every row, as rows that were taken out of a
    larger table have."""
    if tally.numbers < rows:
        return False
    found = {reading.notation.number(cells[0]) for _, cells in records.rows([tally.name])} - {None}
    return len(found) == rows and all(x is not None and x == int(x) for x in found)


def _classes(
    goal: Tally, task: str, reading: Reading, records: delimited.Records
) -> tuple[list[str], bool]:
    """The classes of a target, none for a number; and whether its cells are numbers."""
    if not (filled := goal.numbers + goal.words + goal.odd):
        raise ValueError(f"the target {goal.name!r} is empty in every row")
    numeric = goal.is_numeric(reading, records)
    if task == "regression" and not numeric:
        raise ValueError(f"{goal.name!r} holds texts, such as {shown(min(goal.texts))}: they are "
                         "classes, not numbers")  # fmt: skip
    if numeric and len(goal.values) < 2:
        (only,) = goal.values.values()
        raise ValueError(f"{goal.name!r} is always {only!r}: there is nothing to learn")
    few = len(goal.values) <= MOST_NUMBERED and all(x == int(x) for x in goal.values)
    if numeric and (task == "regression" or (task == "auto" and not few)):
        return [], True
    classes = [goal.values[x] for x in sorted(goal.values)] if numeric else sorted(goal.texts)
    if len(classes) < 2:
        raise ValueError(f"{goal.name!r} is always {classes[0]!r}: there is nothing to learn")
    told = task == "classification" or goal.name in reading.category
    if not told and len(classes) > MOSTLY * filled > 9:
        raise records.refused(
            *_place(goal), f"{look(goal.first[1])[0]}, one of {len(classes)} classes in {filled} "
            f"rows: predict another column, or say --category {shown(goal.name)}",
        )  # fmt: skip
    return classes, numeric


def _place(goal: Tally) -> tuple[int, str, str]:
    return goal.first[0], f"column {shown(goal.name)}", goal.first[1]


def read_training(
    records: delimited.Records, judged: Judged, reading: Reading
) -> tuple[Array, list[Any], int, int]:
    """The features, with nan for a missing number, and the targets, of all rows that have a target
    and a feature; the number of missing cells, and of rows with a target alone.

    A class of which no such row is left is one no more. ValueError if there is nothing to learn.
    """
    table, flat, targets, holes, bare = judged.table, array("d"), list[Any](), 0, 0
    place, exact = records.names.index(table.target), reading.notation.exact
    for chunk, X, lacks in table.features(records, reading.notation):
        cells = [record.cells[place] for record in chunk]
        found: list[Any] = cells
        gaps = [k for k, cell in enumerate(cells) if cell in reading.absent]
        if judged.numeric_target:  # a text there was judged already: it stands for a missing number
            found, gaps = numbers_in(cells, reading.notation, reading.absent)
        aimed = sorted({*range(len(cells))}.difference(gaps))
        kept = [k for k in aimed if not lacks[k].all()]
        bare += len(aimed) - len(kept)
        if judged.numeric_target and table.classes:
            targets += [judged.spellings[exact(cells[k])] for k in kept]
        else:
            targets += [found[k] for k in kept]
        flat.frombytes(X[kept].tobytes())
        holes += int(lacks[kept].sum())
    left = set(targets)
    if len(left) < 2:
        only = f"always {targets[0]!r}" if targets else "empty"
        raise ValueError(f"{table.target!r} is {only} where a column that predicts it has a value: "
                         "there is nothing to learn")  # fmt: skip
    table.classes = [name for name in table.classes if name in left]
    return np.frombuffer(flat).reshape(-1, table.width), targets, holes, bare


def giveaways(table: Table, X: Array, y: Array) -> Iterator[str]:
    """Notes on columns that are equal to the target, or that alone predict it.

    y holds numbers, or the places of classes. X has nan for what is missing.
    """
    for column, place in table.placed():
        block = X[:, place : place + column.width]
        known = ~np.isnan(block[:, 0])
        x = block[:, 0] if not column.texts else block @ np.arange(1.0, column.width + 1)
        told = _tells(x[known], y[known], bool(table.classes), bool(column.texts))
        if told:
            yield (f"column {shown(column.name)} {told} the target: --ignore it if it is not known "
                   "before the target is")  # fmt: skip


def _tells(x: Array, y: Array, classes: bool, texts: bool) -> str:
    if len(x) < ENOUGH or y.min() == y.max():
        return ""
    if np.array_equal(x, y):
        return "is equal to"
    order = np.lexsort((y, x))
    xs, ys = x[order], y[order]
    same, changes = np.diff(xs) == 0, np.diff(ys) != 0
    function = not (same & changes).any()
    values = len(xs) - int(same.sum())
    if function and values <= len(xs) / 4:
        one_to_one = classes and values == len(np.unique(y))
        return "is equal, up to its names, to" if one_to_one else "alone predicts"
    if texts:
        return ""
    if classes:
        return "alone predicts" if function and changes.sum() + 1 == len(np.unique(y)) else ""
    if function and ((np.diff(ys) >= 0).all() or (np.diff(ys) <= 0).all()):
        return "alone predicts"
    spread = np.std(x / np.abs(x).max()) if np.abs(x).max() else 0.0
    if spread == 0.0:
        return ""
    r = np.corrcoef(x / np.abs(x).max(), y / np.abs(y).max())[0, 1]
    return "alone predicts" if abs(r) > 0.9999 else ""
