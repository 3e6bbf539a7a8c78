"""What a file holds as people's entries: its kind by its ending, or by how it starts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import chain

from tracer.check.cells import Grid, NotRead, Person
from tracer.check.separated import markdown, separated
from tracer.check.tables import EXPECTED, people
from tracer.check.trees import read_json, read_toml
from tracer.check.workbooks import AS_TABLE, worksheets

_WORKBOOKS = ("xlsx", "xlsm")  # told by their first bytes, whatever their ending
_MAGIC = (
    (b"%PDF", f"a PDF; {AS_TABLE}"),
    (b"{\\rtf", f"a text document; {AS_TABLE}"),
    (b"\xd0\xcf\x11\xe0", "an old Office file, or one with a password; save it as XLSX without"),
)
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def read_people(raw: bytes, file: str, ending: str) -> list[Person]:
    """Everybody's entries in a file.

    file      its name, for the places of cells
    ending    of its name, in lower case, without the point; an unknown one is guessed
    raises    NotRead
    """
    if raw.startswith(b"PK\x03\x04"):
        return _joined(worksheets(raw, file))
    wrong = next((what for magic, what in _MAGIC if raw.startswith(magic)), None)
    if wrong or ending in _WORKBOOKS:
        raise NotRead(wrong or "not an XLSX file; save it as XLSX in your spreadsheet program")
    text = _decoded(raw).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise NotRead(f"empty; {EXPECTED}")
    if text.lstrip().startswith("<"):
        raise NotRead(f"a web page, not a table; {AS_TABLE}")
    return _READERS.get(ending, _guessed)(text, file)


def _decoded(raw: bytes) -> str:
    """The text: by its byte order mark, UTF-8, or what Windows wrote before."""
    mark, encoding = next(((m, e) for m, e in _MARKS if raw.startswith(m)), (b"", "utf-8"))
    text = _tried(raw.removeprefix(mark), encoding)
    if text is None and not mark and b"\0" not in raw:
        text = _tried(raw, "cp1252") or raw.decode("latin-1")
    if text is None or "\0" in text or 100 * len(_CONTROL.findall(text)) > len(text):
        raise NotRead(f"not a text file (or in an unknown encoding); {AS_TABLE}, in UTF-8")
    return text


def _tried(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _guessed(text: str, file: str) -> list[Person]:
    start = _COMMENTS.match(text)
    assert start, text
    kind = next(read for pattern, read in _STARTS if pattern.match(text, start.end()))
    return kind(text, file)


def _table(text: str, file: str) -> list[Person]:
    return people(separated(text, file))


def _markdown(text: str, file: str) -> list[Person]:
    return _joined(markdown(text, file))


def _joined(grids: Iterable[Grid]) -> list[Person]:
    """Several tables of a file: those of a name and a value a row are one person's."""
    found, problems = [], []
    for grid in filter(_has_cells, grids):
        try:
            found += people(grid)
        except NotRead as wrong:
            place = next(cell.where for row in grid.rows for cell in row)
            problems.append(f"{place}: {wrong}")
    if not found:
        raise NotRead(problems[0] if len(problems) == 1 else f"no table in it; {EXPECTED}")
    own = [person for person in found if not person.name]
    entries = [entry for person in own for entry in person.entries]
    remarks = (*chain(*(person.remarks for person in own)), *problems)
    one = [Person("", entries, remarks)] if own else []
    return one + [person for person in found if person.name]


def _has_cells(grid: Grid) -> bool:
    return any(cell.text.strip() or cell.problem for row in grid.rows for cell in row)


_COMMENTS = re.compile(r"(?:\s++|#[^\n]*+)*+")
#: What a file of an unknown kind is, by how it starts.
_STARTS = tuple((re.compile(pattern), kind) for pattern, kind in (
    (r"\[[^\[\]\n{]*\][ \t]*\n", read_toml),
    (r"[{\[]", read_json),
    (r"\|", _markdown),
    (r"sep=.\n", _table),
    (r'["\w][^=,;\t\n]*=', read_toml),
    (r"", _table),
))  # fmt: skip
_READERS: dict[str, Callable[[str, str], list[Person]]] = {
    "csv": _table, "tsv": _table, "tab": _table, "txt": _guessed, "json": read_json,
    "toml": read_toml, "md": _markdown, "markdown": _markdown,
}  # fmt: skip
ENDINGS = (*_READERS, *_WORKBOOKS)
