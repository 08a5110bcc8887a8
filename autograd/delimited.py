"""Delimited text files: records with their lines, and the numbers in their cells.

The standard library's `csv` reads the records, and each keeps its raw text, so that a table can be
written back as it was. Decided here: the separator, and what a number looks like. See RFC 4180.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "spaces": " "}
DECIMALS = {"point": ".", "comma": ","}
THOUSANDS = {
    "comma": ",", "point": ".", "apostrophe": "'\u2019", "spaces": " \u00a0\u2009\u202f",
}  # fmt: skip
LOOKED_AT = 20  # records that must have as many cells as the header, for a separator to be found
LONGEST_SHOWN = 40
AT_ONCE = 2000  # records
SEP_LINE = re.compile(rb'(\xef\xbb\xbf)?"?sep=(.)"?\r?\n', re.IGNORECASE)

# What people write for a number and a program cannot know to be one, and what to do about it.
NUMBER = r"[+-]?\d[\d.,' ]*"
NUMERAL = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
LOOKS = [
    (re.compile(pattern, re.IGNORECASE), what, cure)
    for pattern, what, cure in (
        (rf"{NUMBER}[%‰]", "a percentage", ""),
        (rf"[<>≤≥~≈±]+ *{NUMBER}", "a bound", ""),
        (r"[+-]?\d+(_\d+)+(\.\d*)?", "a number with underscores", ""),
        (r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ].*)?", "a date", ""),
        (r"(\d{1,2}[- ])?[a-z]{3,9}\.?[- ]\d{1,2},?[- ]?\d{2,4}|\d{1,2}[- ][a-z]{3,9}[- ]\d{2,4}",
         "a date", ""),
        (r"\d{1,2}:\d{2}(:\d{2}(\.\d*)?)?", "a time", ""),
        (r"[+-]?\d{1,3}(,\d{3})+", "a number with commas", "--thousands comma or --decimal comma"),
        (r"[+-]?\d{1,3}(,\d{3})+\.\d*", "a number with thousands separators", "--thousands comma"),
        (r"[+-]?\d{1,3}(\.\d{3})+,\d*", "a number with a decimal comma",
         "--decimal comma --thousands point"),
        (r"[+-]?\d*,\d+", "a number with a decimal comma", "--decimal comma"),
        (r"[+-]?\d{1,3}(\.\d{3}){2,}", "a number with thousands separators", "--thousands point"),
        (r"[+-]?\d{1,3}(['’]\d{3})+(\.\d*)?", "a number with thousands separators",
         "--thousands apostrophe"),
        (r"[+-]?\d{1,3}([ \xa0\u2009\u202f]\d{3})+([.,]\d*)?", "a number with thousands separators",
         "--thousands spaces"),
        (r"[+-]?[0-9]{0,300}\.[0-9]+(e[+-]?[0-9]{1,2})?", "a number with a decimal point",
         "--decimal point"),
        (r"[+-]?inf(inity)?", "infinite", ""),
        (rf"{NUMBER}(e[+-]?\d+)? *[a-zµμ°²³/]+", "a number with a unit", ""),
    )
]  # fmt: skip


class TableError(ValueError):
    """A table that cannot be read as it is: where, what, and what to do, in one line."""


class Notation:
    """How numbers are written: with which decimal mark, and with which separator of thousands.

    A sign, ASCII digits, the decimal mark and an exponent; `inf` in the plain notation. The
    typographic minus is a minus. A mark is named, "comma", or given, ",". TableError for an unknown
    one, or for the same one twice.
    """

    def __init__(self, decimal: str = "point", thousands: str = "") -> None:
        self.decimal: Final = mark_of("--decimal", decimal, DECIMALS)
        self.thousands: Final = mark_of("--thousands", thousands, THOUSANDS) if thousands else ""
        if self.decimal in self.thousands:
            raise TableError(f"{decimal!r} is given for the decimal mark and for thousands")
        self._marks = str.maketrans(self.decimal, ".", self.thousands)
        digits, point = r"\d+", re.escape(self.decimal)
        if self.thousands:
            digits = rf"(\d{{1,3}}([{re.escape(self.thousands)}]\d{{3}})+|\d+)"
        self._fits = re.compile(rf"[+-]?({digits})?({point}\d*)?(e[+-]?\d+)?", re.IGNORECASE)
        self._plain = self.decimal == "." and not self.thousands

    def number(self, cell: str) -> float | None:
        """The number that a cell holds; None for a text."""
        cell = cell.replace("\u2212", "-")
        if not self._plain:
            if not self._fits.fullmatch(cell):
                return None
            cell = cell.translate(self._marks)
        try:
            x = float(cell)
        except ValueError:
            return None  # float() also takes nan, 1_2 and the digits of other scripts
        if x - x and "n" not in cell.lower():
            return None  # too large
        return x if x == x and "_" not in cell and cell.isascii() else None

    def exact(self, cell: str) -> Decimal:
        """The number of a cell that has one, with all of its digits."""
        return Decimal(cell.replace("\u2212", "-").translate(self._marks))

    def written(self, x: float) -> str:
        """A number as a cell."""
        return repr(x).replace(".", self.decimal)


def mark_of(option: str, word: str, marks: dict[str, str]) -> str:
    """The mark that a word names; TableError for an unknown one."""
    for name, mark in marks.items():
        if word == name or (word and word in mark):
            return mark
    raise TableError(f"{option} is one of {', '.join(marks)}, and not {word!r}")


def look(cell: str) -> tuple[str, str]:
    """The kind of text that a cell is, such as "a percentage", and the option that reads it."""
    text = cell.strip().replace("\u2212", "-")
    for pattern, what, cure in LOOKS:
        if pattern.fullmatch(text):
            return what, cure
    if any(unicodedata.category(c) == "Sc" for c in text) and any(map(str.isdecimal, text)):
        return "a currency", ""
    if any(unicodedata.category(c) == "Cf" for c in text):
        return "a text with invisible characters", ""
    return ("too large a number" if NUMERAL.fullmatch(text) else "a text"), ""


def shown(cell: str) -> str:
    """A cell in quotes, cut if it is long."""
    return repr(cell if len(cell) <= LONGEST_SHOWN else f"{cell[:LONGEST_SHOWN]}...")


class Record(NamedTuple):
    """A record: the line it starts in, its cells without spaces around them, its raw text."""

    line: int
    cells: list[str]
    raw: str

    @property
    def blank(self) -> bool:
        """True if no cell holds anything."""
        return not any(self.cells)


class Records:
    """The records of a delimited text file under a header of names, read anew at each pass.

    `separator` is a word or the mark; by default the file's own `sep=` line, or the one mark that
    cuts the header and the next records into equally many cells. A blank line is a record of empty
    cells. TableError, with the line, for text that is not UTF-8, a quote that is not closed, a
    record of another length, a name that is twice in the header, or no records.
    """

    def __init__(self, path: str, separator: str | None = None) -> None:
        self.path: str = path
        self._raw = _bytes_of(path)
        # A cell may be as long as the file: the module's own limit of 131,072 is for streams.
        csv.field_size_limit(max(csv.field_size_limit(), len(self._raw)))
        declared = SEP_LINE.match(self._raw)
        if separator is not None:
            self.separator: str = mark_of("--separator", separator, SEPARATORS)
        elif declared:
            self.separator = declared[2].decode("latin-1")
        else:
            self.separator = self._found_separator()
        self.preamble: str = ("\ufeff" if self._raw[:3] == b"\xef\xbb\xbf" else "") + (
            declared[0].decode().lstrip("\ufeff") if declared else ""
        )
        records = self._parsed(self.separator)
        for record in records:
            if not record.blank:
                break
            self.preamble += record.raw
        else:
            raise TableError(f"{path} is empty: a header of names and records are wanted")
        self.header: Record = record
        self._first = record.line
        self.names: Final = [name or f"column {i}" for i, name in enumerate(record.cells, 1)]
        self.nameless: Final = {n for n, name in zip(self.names, record.cells, strict=True)
                         if not name or name.startswith("Unnamed: ")}  # fmt: skip
        check_names(self.names, f"{path} line {record.line}")
        if all(record.blank for record in records):
            raise TableError(f"{path} has a header and no rows: it needs a record of cells")

    def __iter__(self) -> Iterator[Record]:
        """The records under the header; TableError for one of another length."""
        width = len(self.names)
        for record in self._parsed(self.separator):
            if record.line <= self._first:
                continue
            found = len(record.cells)
            if record.blank and found != width:
                body, end = _cut(record.raw)
                pad = self.separator * (width - max(found, 1))
                record = Record(record.line, [""] * width, body + pad + end)
            elif found != width:
                raise TableError(
                    f"{self.path} line {record.line}: number of cells {found}, in the header "
                    f"{width}; put a cell with {self.separator!r} in it into quotes, or say "
                    "--separator"
                )
            yield record

    def chunks(self) -> Iterator[list[Record]]:
        """The records in lists, to be taken column by column."""
        records = iter(self)
        while chunk := list(islice(records, AT_ONCE)):
            yield chunk

    def rows(self, names: Sequence[str]) -> Iterator[tuple[Record, list[str]]]:
        """Each record, and its cells of these columns."""
        places = [self.names.index(name) for name in names]
        for record in self:
            yield record, [record.cells[i] for i in places]

    def numbers(
        self, names: Sequence[str], notation: Notation
    ) -> Iterator[tuple[Record, list[float]]]:
        """The numbers in these columns, for each record that is not blank; TableError for a cell
        without one."""
        for record, cells in self.rows(names):
            if record.blank:
                continue
            found = []
            for name, cell in zip(names, cells, strict=True):
                if (x := notation.number(cell)) is None:
                    what, option = look(cell)
                    kind = f"not a number but {what}" if cell else "not a number: it is empty"
                    cure = f": correct it, or say {option}" if option else ""
                    raise self.refused(record.line, name, cell, kind + cure)
                found.append(x)
            yield record, found

    def extended(self, record: Record, cells: Sequence[str]) -> str:
        """The raw text of a record with cells added at its end."""
        text = io.StringIO()
        spaced = self.separator == " "  # where an empty cell would be none
        writer = csv.writer(
            text, delimiter=self.separator, lineterminator="",
            quoting=csv.QUOTE_ALL if spaced else csv.QUOTE_MINIMAL,
        )  # fmt: skip
        writer.writerow(["", *cells])
        body, end = _cut(record.raw)
        return body + text.getvalue().removeprefix('""') + end

    def refused(self, line: int, name: str, cell: str, reason: str) -> TableError:
        """An error that names a cell's place."""
        return TableError(f"{self.path} line {line}, {name}: {shown(cell)} is {reason}")

    def _parsed(self, separator: str) -> Iterator[Record]:
        """Every record, from the top of the file."""
        raw: list[str] = []

        def lines() -> Iterator[str]:
            file = io.TextIOWrapper(io.BytesIO(self._raw), "utf-8-sig", newline="")
            for line in file:
                raw.append(line)
                yield line.rstrip(" \r\n") + "\n" if separator == " " else line

        reader = csv.reader(
            lines(), delimiter=separator, strict=True, skipinitialspace=separator == " "
        )
        if SEP_LINE.match(self._raw):
            next(reader)
        while True:
            line, raw[:] = reader.line_num + 1, []
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise TableError(f"{self.path} line {line}: {_told(error)}") from None
            yield Record(line, [cell.strip() for cell in cells], "".join(raw))

    def _found_separator(self) -> str:
        widths: dict[str, list[int]] = {}
        for mark in (",", ";", "\t", "|"):
            widths[mark] = found = []
            try:
                for record in islice((r for r in self._parsed(mark) if not r.blank), LOOKED_AT):
                    found.append(len(record.cells))
            except TableError:
                found.append(0)  # does not fit, as far as it was read
        fits = [mark for mark, found in widths.items() if found and min(found) == max(found) > 1]
        if len(fits) > 1:
            marks = " and by ".join(map(repr, fits))
            raise TableError(
                f"{self.path} line 1: every line can be cut by {marks}: say which, --separator"
            )
        return fits[0] if fits else max(widths, key=lambda mark: widths[mark][:1])


def _bytes_of(path: str) -> bytes:
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise TableError(f"cannot read {path}: {error.strerror or error}") from None
    try:
        raw.decode()
        place = raw.find(b"\0")
    except UnicodeDecodeError as error:
        place = error.start
    if place < 0:
        return raw
    line = raw.count(b"\n", 0, place) + 1
    raise TableError(f"{path} line {line} is not UTF-8 text: save the table as CSV with UTF-8")


def _cut(raw: str) -> tuple[str, str]:
    """A record's text, and the end of its line."""
    body = raw.rstrip("\r\n")
    return body, raw[len(body) :]


def _told(error: csv.Error) -> str:
    if "end of data" in str(error):
        return 'a quote is opened and never closed: close it, or write "" for a quote in a cell'
    if "expected after" in str(error):
        return 'text follows a closing quote: write "" for a quote in a quoted cell'
    return str(error)


def check_names(names: Sequence[str], place: str) -> None:
    """TableError if a name is there twice."""
    for i, name in enumerate(names):
        if name in names[:i]:
            raise TableError(f"{place}: two columns are called {shown(name)}; rename one")


def add_options(parser: Any) -> None:
    """Add the options that say how a table is written."""
    add = parser.add_argument
    add("--separator", metavar="MARK", help=f"of cells: {', '.join(SEPARATORS)}; else found")
    add("--decimal", metavar="MARK", help=f"of numbers: {', '.join(DECIMALS)}")
    add("--thousands", metavar="MARK", help=f"of numbers: {', '.join(THOUSANDS)}")
