"""A table of numbers and texts, and its columns as features for a network."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..data import standardize

MISSING = {"", "?", "-", "na", "n/a", "nan", "null", "none"}
MOST_TEXTS = 50  # a column of more different texts names its rows rather than describes them
MOST_NUMBERED = 10  # a target of up to this many whole numbers is taken for classes

Record = dict[str, str]


def read_csv(path: str | os.PathLike[str]) -> tuple[list[str], list[Record]]:
    """The header and the rows of a CSV file with commas, semicolons or tabs.

    A missing cell is "". ValueError, with the line, for a row of another length, a name that
    is twice in the header, no rows, or text that is not UTF-8.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text: save it as CSV with UTF-8") from None
    first = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    header: list[str] = []
    rows = []
    for cells in reader:
        cells = ["" if cell.strip().lower() in MISSING else cell.strip() for cell in cells]
        if not any(cells):
            continue
        if not header:
            header = cells
        elif len(cells) != len(header):
            raise ValueError(
                f"{path} line {reader.line_num} has {len(cells)} cells, the header {len(header)}"
            )
        else:
            rows.append(dict(zip(header, cells, strict=True)))
    if doubled := {name for name in header if header.count(name) > 1}:
        raise ValueError(f"{path} has two columns with the name {doubled.pop()!r}")
    if not rows:
        raise ValueError(f"{path} has no rows: it needs a header of names and rows of cells")
    return header, rows


def number_of(cell: str) -> float | None:
    """The number that a cell holds; None for a text."""
    try:
        x = float(cell)
    except ValueError:
        return None
    return x if math.isfinite(x) else None


@dataclass
class Column:
    """A column of features: a number with its mean and scale, or a text out of `texts`."""

    name: str
    mean: float = 0.0
    scale: float = 1.0
    texts: list[str] = field(default_factory=list)

    @classmethod
    def learnt(cls, name: str, cells: list[str]) -> Column | None:
        """Learnt from cells; None if the column is useless: empty, or another text in almost every
        row."""
        known = [cell for cell in cells if cell]
        numbers = [x for cell in known if (x := number_of(cell)) is not None]
        if known and len(numbers) == len(known):
            _, (mean,), (scale,) = standardize([[x] for x in numbers])
            return cls(name, mean, scale)
        texts = sorted(set(known))
        if not texts or len(texts) > MOST_TEXTS or len(texts) > 0.9 * len(known) > 9:
            return None
        return cls(name, texts=texts)

    def features(self, cell: str, place: str = "") -> list[float]:
        """The cell as features; a missing cell is the mean, or none of the texts."""
        if self.texts:
            return [float(cell == text) for text in self.texts]
        if not cell:
            return [0.0]
        if (x := number_of(cell)) is None:
            raise ValueError(f"{place}column {self.name!r} holds numbers, and not {cell!r}")
        return [(x - self.mean) / self.scale]


@dataclass
class Table:
    """Features from rows, and predictions from outputs: classes, or a number without `classes`."""

    target: str
    columns: list[Column]
    classes: list[str]
    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    def learnt(cls, rows: Sequence[Record], names: Sequence[str], target: str, task: str) -> Table:
        """Learnt from the rows to train on; `task` is "classification", "regression" or "auto"."""
        found = [Column.learnt(name, [row[name] for row in rows]) for name in names]
        columns = [column for column in found if column]
        if not columns:
            raise ValueError(f"there is no column to predict {target!r} from")
        cells = [row[target] for row in rows]
        numbers = [number_of(cell) for cell in cells]
        texts = None in numbers
        if task == "regression" and texts:
            raise ValueError(f"{target!r} holds texts: they are classes, not numbers")
        few = len(set(numbers)) <= MOST_NUMBERED and not any(x is None or x % 1 for x in numbers)
        if texts or task == "classification" or (task == "auto" and few):
            if len(classes := sorted(set(cells), key=lambda c: (number_of(c) or 0.0, c))) < 2:
                raise ValueError(f"{target!r} is always {classes[0]!r}: there is nothing to learn")
            return cls(target, columns, classes)
        _, (mean,), (scale,) = standardize([[x] for x in numbers])
        return cls(target, columns, [], mean, scale)

    @classmethod
    def restored(cls, text: str) -> Table:
        """The table of a `record`."""
        try:
            record = json.loads(text)
            columns = [Column(**column) for column in record["columns"]]
            return cls(**{**record, "columns": columns})
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ValueError("the model's description of its table is damaged") from None

    def record(self) -> str:
        """The table as JSON."""
        return json.dumps(asdict(self))

    @property
    def outputs(self) -> int:
        """The number of outputs of the network."""
        return len(self.classes) if len(self.classes) > 2 else 1

    @property
    def loss(self) -> str:
        """The loss to train with."""
        if not self.classes:
            return "mse"
        return "cross_entropy" if self.outputs > 1 else "bce_with_logits"

    def features(self, rows: Sequence[Record]) -> list[list[float]]:
        """The inputs of the network; ValueError for a missing column."""
        if lacking := [c.name for c in self.columns if rows and c.name not in rows[0]]:
            raise ValueError(f"the table lacks the column {lacking[0]!r}")
        return [
            [x for c in self.columns for x in c.features(row[c.name], f"row {i}, ")]
            for i, row in enumerate(rows, 1)
        ]

    def targets(self, rows: Sequence[Record]) -> list[float]:
        """The targets of the network."""
        if self.classes:
            return [float(self.classes.index(row[self.target])) for row in rows]
        return [(float(row[self.target]) - self.mean) / self.scale for row in rows]

    def predictions(self, outputs: Sequence[Any]) -> list[Any]:
        """The predictions of outputs: classes or numbers."""
        if not self.classes:
            return [out * self.scale + self.mean for out in outputs]
        if self.outputs == 1:
            return [self.classes[int(out > 0)] for out in outputs]
        return [self.classes[row.index(max(row))] for row in outputs]
