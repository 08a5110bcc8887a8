"""A table of numbers and texts, and its columns as features for a network."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from math import nan
from typing import Any, Final, TypeGuard

from autograd import delimited

from ..data import LARGEST, moments
from ..layers import Sequential, Standardize
from ..module import Module
from ..parameters import Array, np

look: Final = delimited.look
shown: Final = delimited.shown

# In a column of numbers these stand for a missing one; in a column of texts they are data.
WORDS = {
    "?", "-", "--", ".", "na", "n/a", "#n/a", "n.a.", "<na>", "nan", "null", "#null!", "none",
    "#div/0!", "#value!", "#ref!", "#num!", "#name?",
}  # fmt: skip


DAMAGED = "the model's description of its table is damaged"


def are_numbers(xs: list[float | None]) -> TypeGuard[list[float]]:
    """True if all are numbers that a network can take."""
    return not xs or (None not in xs and min(xs) >= -LARGEST and max(xs) <= LARGEST)  # type: ignore[type-var, operator]


def is_missing(cell: str, notation: delimited.Notation, absent: set[str]) -> bool:
    """Whether a cell is one of `absent`, or a number that one of them is: -999.0 is -999."""
    if cell in absent:
        return True
    x = notation.number(cell)
    return x is not None and any(notation.number(word) == x for word in absent)


def numbers_in(
    cells: Sequence[str], notation: delimited.Notation, absent: set[str]
) -> tuple[list[float], list[int]]:
    """The numbers in cells, and the places of the cells without one, which have nan."""
    xs: list[Any] = list(map(notation.number, cells))
    codes = set(map(notation.number, absent)) - {None}
    if are_numbers(xs) and absent.isdisjoint(cells) and codes.isdisjoint(xs):
        return xs, []
    places = [
        k
        for k, (cell, x) in enumerate(zip(cells, xs, strict=True))
        if cell in absent or x in codes or not are_numbers([x])
    ]
    for k in places:
        xs[k] = nan
    return xs, places


@dataclass
class Column:
    """A column of features: a number with its mean and scale, or a text out of `texts`.

    `holes` tells whether cells were missing in training, and so may be; a `lenient` column of
    numbers takes every text for a missing number.
    """

    name: str
    mean: float = 0.0
    scale: float = 1.0
    texts: list[str] = field(default_factory=list)
    holes: bool = True
    lenient: bool = False

    @property
    def width(self) -> int:
        """The number of features."""
        return len(self.texts) or 1


@dataclass
class Table:
    """Features from cells, and predictions from outputs: classes, or a number without `classes`."""

    target: str
    columns: list[Column]
    classes: list[str]
    mean: float = 0.0
    scale: float = 1.0
    decimal: str = "point"
    thousands: str = ""
    missing: list[str] = field(default_factory=list)

    @classmethod
    def restored(cls, text: str) -> Table:
        """The table of a `record`."""
        try:
            record = json.loads(text)
            columns = [Column(**column) for column in record["columns"]]
            table = cls(**{**record, "columns": columns})
            lists = [table.classes, table.missing, *(c.texts for c in columns)]
            words = [table.target, table.decimal, table.thousands, *(c.name for c in columns)]
            words += [word for found in lists for word in found]
            scales = [(table.mean, table.scale), *((c.mean, c.scale) for c in columns)]
            typed = all(isinstance(x, list) for x in lists) and all(
                isinstance(x, str) for x in words
            )
            if typed and columns:
                Standardize(*zip(*scales, strict=True))
                return table
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        raise ValueError(DAMAGED)

    def record(self) -> str:
        """The table as JSON."""
        return json.dumps(asdict(self))

    @property
    def loss(self) -> str:
        """The loss to train with."""
        if not self.classes:
            return "mse"
        return "cross_entropy" if len(self.classes) > 2 else "bce_with_logits"

    def features(
        self,
        records: delimited.Records,
        notation: delimited.Notation,
        unseen: Counter[tuple[str, str]] | None = None,
    ) -> Iterator[tuple[list[delimited.Record], Array, Array]]:
        """For some records at a time: their features, nan for a missing number, and which of the
        columns each lacks.

        `unseen` counts the texts that no column knows. ValueError for a column that the table
        lacks, TableError for a text in a column of numbers.
        """
        for name in (c.name for c in self.columns if c.name not in records.names):
            raise ValueError(f"the table lacks the column {name!r}: {records.path} has "
                             f"{', '.join(map(shown, records.names))}")  # fmt: skip
        where = [records.names.index(column.name) for column in self.columns]
        absent, unseen = {"", *self.missing}, Counter() if unseen is None else unseen
        for chunk in records.chunks():
            X = np.zeros((len(chunk), self.width))
            lacks = np.zeros((len(chunk), len(self.columns)), bool)
            for i, (column, start) in enumerate(self.placed()):
                cells = [record.cells[where[i]] for record in chunk]
                if not column.texts:
                    X[:, start], gaps = numbers_in(cells, notation, absent)
                    lacks[gaps, i] = True
                    for k in gaps if not column.lenient else ():
                        known = cells[k].lower() in WORDS or is_missing(cells[k], notation, absent)
                        if not known:
                            raise _misplaced(records, chunk[k], column, cells[k])
                    continue
                lacks[:, i] = [cell in absent for cell in cells]
                code = {text: j for j, text in enumerate(column.texts, start)}
                places = np.array([code.get(cell, -1) for cell in cells])
                X[places >= 0, places[places >= 0]] = 1.0
                new = np.flatnonzero((places < 0) & ~lacks[:, i])
                unseen.update((column.name, cells[k]) for k in new)
            yield chunk, X, lacks

    def fill(self, X: Array) -> None:
        """Put the mean of the training data where a number is missing."""
        for column, j in self.placed():
            X[np.isnan(X[:, j]), j] = column.mean

    def fit(self, X: Array, y: Array) -> None:
        """Learn the means and scales of the columns of numbers, and of a target that is one."""
        for column, j in self.placed():
            if not column.texts and (known := X[~np.isnan(X[:, j]), j].tolist()):
                column.mean, column.scale = moments(known)
        if not self.classes:
            self.mean, self.scale = moments(y.tolist())

    def placed(self) -> Iterator[tuple[Column, int]]:
        """Each column, and the place of its first feature."""
        place = 0
        for column in self.columns:
            yield column, place
            place += column.width

    @property
    def width(self) -> int:
        """The number of features."""
        return sum(column.width for column in self.columns)

    @property
    def scaling(self) -> Standardize:
        """The module that standardises the features."""
        pairs = [(c.mean, c.scale) for c in self.columns for _ in range(c.width)]
        return Standardize(*map(list, zip(*pairs, strict=True)))

    def model(self, network: Module) -> Sequential:
        """The whole model: from the numbers in the table to logits, or to the target's number."""
        names = [n for c in self.columns for n in [f"{c.name}={t}" for t in c.texts] or [c.name]]
        parts = [self.scaling, network]
        if not self.classes:  # y * scale + mean
            parts.append(Standardize([-self.mean / self.scale], [1.0 / self.scale]))
        return Sequential(*parts, features=names, classes=self.classes)

    def predictions(self, outputs: Sequence[Any]) -> list[Any]:
        """The predictions of the whole model's outputs: classes or numbers."""
        if not self.classes:
            return list(outputs)
        if len(self.classes) == 2:
            return [self.classes[int(out > 0)] for out in outputs]
        return [self.classes[row.index(max(row))] for row in outputs]


def _misplaced(
    records: delimited.Records, record: delimited.Record, column: Column, cell: str
) -> delimited.TableError:
    what, option = look(cell)
    cure = f"say {option}" if option else "leave the cell empty"
    return records.refused(
        record.line, f"column {shown(column.name)}", cell,
        f"{what}, and the column holds numbers: correct it, or {cure}",
    )  # fmt: skip
