"""What every kind of file becomes: cells, tables of them, and a person's entries."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any, NamedTuple

MAX_CELLS = 100_000  # of one file
_LONG = 200  # letters shown of a name or a cell


class NotRead(Exception):
    """What is wrong with a file, and the remedy."""


class Cell(NamedTuple):
    """What stands at one place of a file."""

    text: str
    where: str
    problem: str = ""  # known without reading the text: a formula without a value


class Entry(NamedTuple):
    """A name with its value, and which pass is meant."""

    name: str
    value: Cell
    iteration: str = ""
    sample: str = ""


@dataclass(frozen=True)
class Person:
    """The entries of one person; `name` is empty where the file is this person's."""

    name: str
    entries: Sequence[Entry]
    remarks: tuple[str, ...] = ()


Row = Sequence[Cell]


@dataclass(frozen=True)
class Grid:
    """A table as found."""

    rows: Sequence[Row]
    commas: bool = False  # cells are separated by commas: a decimal comma separates too
    headed: bool = False  # the first row is marked as a header


def bounded(rows: Iterable[Row]) -> list[Row]:
    """All rows, if they are not too many."""
    kept, count = [], 0
    for row in rows:
        count += len(row)
        check_count(count)
        kept.append(row)
    return kept


def check_count(cells: int) -> None:
    if cells > MAX_CELLS:
        raise NotRead(f"more than {MAX_CELLS:,} cells; split the file")


def cell_of(value: Any, where: str) -> Cell:
    """A value of JSON or TOML, or of a worksheet."""
    match value:
        case None:
            return Cell("", where)
        case bool():
            return Cell(str(value).upper(), where)
        case str():
            return Cell(value, where)
        case int() | float():
            return Cell(repr(value), where)
        case date() | time() | timedelta():
            return Cell(str(value), where, "a date, not a number")
        case list():
            return Cell("[…]", where, "a list, not a number")
    return Cell("{…}", where, "a table, not a number")


def shown(text: str) -> str:
    """A text on one line, shortened, nothing in it that a terminal obeys or nobody sees."""
    kinds = {"Cc": " ", "Zl": " ", "Zp": " ", "Zs": " ", "Cf": ""}
    clean = "".join(
        c if c.isprintable() else kinds.get(unicodedata.category(c), "\N{REPLACEMENT CHARACTER}")
        for c in text.strip()[: 2 * _LONG]
    ).strip()
    return clean if len(clean) <= _LONG else clean[: _LONG - 1] + "…"
