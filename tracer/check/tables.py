"""Tables of answers: rows of cells become names and texts, a list for each person.

Long      name, value [, iteration, sample, student]   a number a row, with or without a header
Wide      student, w5+, w6+, …                         a person a row
Turned    step, Ada, Ben, …                            a person a column

A cell is only tried as a number to tell a header from answers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tracer.check.cells import Cell, Entry, Grid, NotRead, Person, Row
from tracer.check.typed import Typed, Unreadable, read

_LOOK = 20  # rows looked at to know what a table is

# ---- what a table is -------------------------------------------------------------------

_STEP = ("step", "steps", "quantity", "symbol", "variable", "parameter", "what")
_PERSON = (
    "student", "student name", "student id", "id", "name", "names", "user", "username",
    "email", "e-mail", "participant", "matriculation number", "person", "full name", "your name",
)  # fmt: skip
_WORDS = {
    "value": ("value", "values", "answer", "answers", "result", "results", "number", "your answer",
              "your value", "your result"),
    "iteration": ("iteration", "iter", "update"),
    "sample": ("sample",),
}  # fmt: skip
EXPECTED = "expected a name and a value in each row, or a header name,value"


def columns(words: Sequence[str]) -> Mapping[str, int]:
    """Which column or key is what: name, value, iteration, sample, person."""
    plain = [" ".join(re.sub(r"[*_`:?]", " ", word).casefold().split()) for word in words]
    found = {what: _first(plain, spellings) for what, spellings in _WORDS.items()}
    step = _first(plain, _STEP)
    person = _first(plain, _PERSON)
    if found["value"] is not None and step is None:  # name, value
        step = _first(plain, ("name", "names"))
        person = _first(plain, [p for p in _PERSON if p not in ("id", "name", "names")])
    found |= {"name": step, "person": person}
    return {what: index for what, index in found.items() if index is not None}


def _first(words: Sequence[str], spellings: Iterable[str]) -> int | None:
    return next((words.index(spelling) for spelling in spellings if spelling in words), None)


def number(cell: Cell) -> Typed | None:
    """The cell's number, if it is one."""
    try:
        return read(cell.text)
    except Unreadable:
        return None


def people(grid: Grid) -> list[Person]:
    """Everybody's entries in a table.

    raises    NotRead for a table that is none of those above
    """
    rows = _trimmed(grid.rows)
    if not rows:
        raise NotRead(f"no answers in it; {EXPECTED}")
    for index, row in enumerate(rows[:_LOOK]):
        if {"name", "value"} <= (roles := columns(_texts(row))).keys():
            return _long(rows[index:], roles, grid.commas, skipped=rows[:index])
    roles, width = columns(_texts(rows[0])), len(rows[0])
    if width > 2 and roles.get("name") == 0:
        return _wide(_turned(rows), {"person": 0})
    if _is_wide(rows, roles):
        return _wide(rows, roles)
    return _bare(rows, grid)


def _texts(row: Row) -> list[str]:
    return [cell.text for cell in row]


def _trimmed(rows: Sequence[Row]) -> list[Row]:
    """The rows without empty ones and without columns that are empty in all of them."""
    rows = [row for row in rows if any(_filled(c) for c in row)]
    used = {i for row in rows for i, cell in enumerate(row) if _filled(cell)}
    last = [max(i for i, cell in enumerate(row) if _filled(cell)) for row in rows]
    return [
        [cell for i, cell in enumerate(row[: end + 1]) if i in used]
        for row, end in zip(rows, last, strict=True)
    ]


def _filled(cell: Cell) -> bool:
    return bool(cell.text.strip() or cell.problem)


def _turned(rows: Sequence[Row]) -> list[Row]:
    return [
        [row[i] if i < len(row) else Cell("", row[0].where) for row in rows]
        for i in range(len(rows[0]))
    ]


_STEP_LIKE = re.compile(r"[^\w .,'-]|[\d_]|\A\w\Z")


def _is_wide(rows: Sequence[Row], roles: Mapping[str, int]) -> bool:
    header, below = rows[0], rows[1 : 1 + _LOOK]
    if len(header) < 2 or any(number(cell) for cell in header):
        return False
    if len(header) == 2:  # student,w5+ but not student,Ada
        return _texts(header)[0].casefold() in _PERSON[:3] and bool(
            _STEP_LIKE.search(header[1].text)
        )
    cells = [cell for row in below for cell in row[1:] if _filled(cell)]
    readable = sum(number(cell) is not None for cell in cells)
    return "person" in roles or 2 * readable >= len(cells) > 0


# ---- a number a row --------------------------------------------------------------------

_TOO_MANY = "more cells than there are columns"
_DIGITS = re.compile(r"[-+−–]?\d+")
_REST = re.compile(r"\d+(?:[eE][-+−–]?\d+)? ?%?")


def _long(
    rows: Sequence[Row], roles: Mapping[str, int], commas: bool, skipped: Sequence[Row] = ()
) -> list[Person]:
    """Rows under a header; they may be of several people."""
    header, names = rows[0], _texts(rows[0])
    remarks = [f"{row[0].where}: above the header, not read" for row in skipped]
    found: dict[str, list[Entry]] = {}
    for row in rows[1:]:
        if _texts(row) == names:
            continue  # files put together
        fitted = _fitted(row, len(header), roles["value"], commas)
        entry = _entry(fitted, roles)
        if entry.name:
            found.setdefault(_at(fitted, roles.get("person")).text, []).append(entry)
        elif _filled(entry.value):
            remarks.append(f"{entry.value.where}: a value without a name")
    if not found:
        raise NotRead(f"no answers in it; {EXPECTED}")
    return [Person(name, entries, tuple(remarks)) for name, entries in found.items()]


def _fitted(row: Row, width: int, value: int, commas: bool) -> Row:
    """The row with as many cells as the header: a decimal comma separated two."""
    if len(row) <= width:
        return row
    whole, rest = row[value : value + 2]
    fits = _DIGITS.fullmatch(whole.text) and _REST.fullmatch(rest.text)
    if commas and len(row) == width + 1 and fits:
        return [*row[:value], whole._replace(text=f"{whole.text},{rest.text}"), *row[value + 2 :]]
    text = ", ".join(_texts(row[value:]))[:1_000]
    return [*row[:value], Cell(text, whole.where, _TOO_MANY)]


def _entry(row: Row, roles: Mapping[str, int]) -> Entry:
    texts = (_at(row, roles.get(what)).text.strip() for what in ("name", "iteration", "sample"))
    name, iteration, sample = texts
    return Entry(name, _at(row, roles["value"]), iteration, sample)


def _at(row: Row, index: int | None) -> Cell:
    return row[index] if index is not None and index < len(row) else Cell("", row[0].where)


def _bare(rows: Sequence[Row], grid: Grid) -> list[Person]:
    """Rows of a name and a value."""
    if grid.headed and len(rows[0]) > 1 and not number(rows[0][1]):
        rows = rows[1:]
    fitted = [_fitted(row, 2, 1, grid.commas) for row in rows]
    if 2 * sum(row[-1].problem == _TOO_MANY for row in fitted) > len(rows):
        raise NotRead(f"rows of more than two cells; {EXPECTED}")
    first = [row[0] for row in fitted[:_LOOK]]
    if 2 * sum(number(cell) is not None for cell in first) > len(first):
        raise NotRead(f"numbers without names; {EXPECTED}")
    header = [Cell("name", ""), Cell("value", "")]
    return _long([header, *fitted], {"name": 0, "value": 1}, grid.commas)


# ---- a person a row --------------------------------------------------------------------


def _wide(rows: Sequence[Row], roles: Mapping[str, int]) -> list[Person]:
    """Rows under a header of names; those of one person are one if they tell the iteration."""
    header, below = rows[0], [row for row in rows[1:] if _texts(row) != _texts(rows[0])]
    if not below:
        raise NotRead("only a header, no answers")
    person = roles.get("person", None if _anonymous(below) else 0)
    apart = not {"iteration", "sample"} & roles.keys()
    found: dict[str, list[Entry]] = {}
    times: Counter[str] = Counter()
    for count, row in enumerate(below, 1):
        name = _at(row, person).text.strip() or (f"row {count}" if len(below) > 1 else "")
        name = _another(name, times) if apart else name
        taken = {person, roles.get("iteration"), roles.get("sample")}
        found.setdefault(name, []).extend(_across(header, row, roles, taken))
    return [Person(name, entries) for name, entries in found.items()]


def _anonymous(rows: Iterable[Row]) -> bool:
    """Whether the first column has answers, not people."""
    first = [number(row[0]) for row in rows if _filled(row[0])]
    return all(n is not None and n.decimals != 0 for n in first)


def _another(name: str, times: Counter[str]) -> str:
    """The name, counted if somebody before has it."""
    times[name] += 1
    return name if times[name] == 1 else _another(f"{name} ({times[name]})", times)


def _across(
    header: Row, row: Row, roles: Mapping[str, int], taken: set[int | None]
) -> Iterator[Entry]:
    iteration, sample = (_at(row, roles.get(what)).text for what in ("iteration", "sample"))
    problem = "its row has more cells than the header" if len(row) > len(header) else ""
    for i, column in enumerate(header):
        if i not in taken and column.text.strip():
            cell = _at(row, i)
            yield Entry(column.text.strip(), cell._replace(problem=cell.problem or problem),
                        iteration.strip(), sample.strip())  # fmt: skip
