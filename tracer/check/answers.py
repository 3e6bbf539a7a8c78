"""A person's answers from a file: CSV, JSON, TOML, a Markdown table, XLSX, or a folder of them.

A file that cannot be read is one UsageError; a cell that is no number is an answer with its
problem, and the rest is read on. Nothing in a file is executed.
"""

from __future__ import annotations

import io
import json
import os
import re
import tomllib
import unicodedata
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from tracer.check.tables import (
    EXPECTED,
    MAX_CELLS,
    Cell,
    Entry,
    Grid,
    NotRead,
    Person,
    Row,
    bounded,
    columns,
    markdown,
    people,
    separated,
)
from tracer.check.typed import Typed, Unreadable, read
from tracer.errors import UsageError

MAX_SIZE = 10_000_000  # bytes of a file
MAX_UNPACKED = 10_000_000  # bytes in an XLSX file
MAX_TOML = 1_000_000  # bytes; tomllib is slow
MAX_FILES = 5_000  # of a folder
_MAX_ROWS, _MAX_COLUMNS = 20_000, 1_000  # of a worksheet
_MAX_REMARKS = 30  # of a file; nobody reads more
_LONG = 200  # letters shown of a name or a cell


@dataclass(frozen=True)
class Answer:
    """One cell: a number, why it is none, or nothing (asked, not answered)."""

    name: str  # as written, without letters that nobody sees
    text: str  # the cell as it is, shortened
    typed: Typed | None
    problem: str  # why there is no number; empty if there is one, and for an empty cell
    where: str  # "answers.csv:7" or "answers.xlsx: Sheet1!B7"
    iteration: int | None = None
    sample: int | None = None


@dataclass(frozen=True)
class Answers:
    """One person's answers, each name once for an iteration and a sample."""

    sheet: str  # the file's name without its ending, or the person's where a file has several
    answers: tuple[Answer, ...]
    remarks: tuple[str, ...] = ()


def read_answers(path: Path) -> list[Answers]:
    """The answers of a file, or of every file of a folder.

    In a folder a file that cannot be read is one person's: an empty `Answers` that says so.

    raises    UsageError for a file that cannot be read, or a folder without any
    """
    if os.path.isdir(path):  # Path.is_dir fails for a name that is too long
        return _folder(path)
    try:
        return _file(path, path.stem)
    except NotRead as wrong:
        raise UsageError(f"{shown(str(path))}: {wrong}") from wrong


def read_answers_text(text: bytes, name: str, ending: str | None = None) -> list[Answers]:
    """The answers of what a file holds; without an ending its kind is guessed.

    name      what the file is called in errors, places and as a sheet
    raises    UsageError
    """
    try:
        return _sheets(text, name, name, ending or "")
    except NotRead as wrong:
        raise UsageError(f"{shown(name)}: {wrong}") from wrong


def shown(text: str) -> str:
    """A text on one line, shortened, nothing in it that a terminal obeys or nobody sees."""
    kinds = {"Cc": " ", "Zl": " ", "Zp": " ", "Zs": " ", "Cf": ""}
    clean = "".join(
        c if c.isprintable() else kinds.get(unicodedata.category(c), "\N{REPLACEMENT CHARACTER}")
        for c in text[: 2 * _LONG].strip()
    ).strip()
    return clean if len(clean) <= _LONG else clean[: _LONG - 1] + "…"


# ---- files -----------------------------------------------------------------------------

#: Files of a folder that nobody hands in.
_IGNORED = re.compile(
    r"[.~].*|readme(\..*)?|thumbs\.db|desktop\.ini|__macosx|.*\.(png|jpe?g|gif|svg|webp|heic|bmp)",
    re.IGNORECASE,
)


def _folder(path: Path) -> list[Answers]:
    files = list(islice(_files(path), MAX_FILES + 1))
    if len(files) > MAX_FILES:
        raise UsageError(f"{shown(str(path))}: more than {MAX_FILES:,} files")
    if not files:
        kinds = ", ".join(f".{ending}" for ending in (*_READERS, *_WORKBOOKS))
        raise UsageError(
            f"{shown(str(path))}: no files of answers in this folder; read are {kinds}"
        )
    stems = [file.stem for file in files]
    names = (f.stem if stems.count(f.stem) == 1 or f.parent != path else f.name for f in files)
    return [sheet for f, name in zip(files, names, strict=True) for sheet in _one_of(path, f, name)]


def _files(path: Path) -> Iterator[Path]:
    """The files of a folder and of the folders in it, one for each person, sorted."""
    try:
        found = sorted(p for p in path.iterdir() if not _IGNORED.fullmatch(p.name))
        inside = [sorted(p.iterdir()) if p.is_dir() else [p] for p in found]
    except OSError as wrong:
        raise UsageError(f"{shown(str(path))}: {wrong.strerror or wrong}") from wrong
    yield from (p for p in chain(*inside) if p.is_file() and not _IGNORED.fullmatch(p.name))


def _one_of(folder: Path, path: Path, name: str) -> list[Answers]:
    """A file of a folder; what is wrong with it is a remark."""
    name = name if path.parent == folder else f"{path.parent.name}/{name}"
    try:
        if _ending(path.suffix) not in (*_READERS, *_WORKBOOKS):
            raise NotRead("not a kind of file that is read; save it as CSV or XLSX")
        return _file(path, name)
    except NotRead as wrong:
        return [Answers(shown(name), (), (f"{shown(path.name)}: {wrong}",))]


def _file(path: Path, sheet: str) -> list[Answers]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SIZE + 1)
    except FileNotFoundError:
        raise NotRead("no such file or folder") from None
    except (OSError, ValueError) as wrong:
        raise NotRead(getattr(wrong, "strerror", None) or str(wrong)) from wrong
    return _sheets(raw, path.name, sheet, path.suffix)


def _ending(suffix: str) -> str:
    return suffix.lower().removeprefix(".")


def _sheets(raw: bytes, file: str, sheet: str, ending: str) -> list[Answers]:
    if len(raw) > MAX_SIZE:
        raise NotRead(f"larger than {MAX_SIZE // 1_000_000} MB, not a file of answers")
    found = _people(raw, shown(file), _ending(ending))
    if sum(len(person.entries) + 1 for person in found) > MAX_CELLS:
        raise NotRead(f"more than {MAX_CELLS:,} answers; split the file")
    return [_sheet(person, sheet) for person in found]


# ---- kinds of files --------------------------------------------------------------------

_WORKBOOKS = ("xlsx", "xlsm")
_AS_TABLE = "export it as CSV or XLSX"
_MAGIC = (
    (b"%PDF", f"a PDF; {_AS_TABLE}"),
    (b"{\\rtf", f"a text document; {_AS_TABLE}"),
    (b"\xd0\xcf\x11\xe0", "an old Office file, or one with a password; save it as XLSX without"),
)
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def _people(raw: bytes, file: str, ending: str) -> list[Person]:
    if raw.startswith(b"PK\x03\x04"):
        return _joined(_workbook(raw, file))
    wrong = next((what for magic, what in _MAGIC if raw.startswith(magic)), None)
    if wrong or ending in _WORKBOOKS:
        raise NotRead(wrong or "not an XLSX file; save it as XLSX in your spreadsheet program")
    text = _decoded(raw).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise NotRead(f"empty; {EXPECTED}")
    if text.lstrip().startswith("<"):
        raise NotRead(f"a web page, not a table; {_AS_TABLE}")
    return _READERS.get(ending, _guessed)(text, file)


def _decoded(raw: bytes) -> str:
    """The text: by its byte order mark, UTF-8, or what Windows wrote before."""
    mark, encoding = next(((m, e) for m, e in _MARKS if raw.startswith(m)), (b"", "utf-8"))
    text = _tried(raw.removeprefix(mark), encoding)
    if text is None and not mark and b"\0" not in raw:
        text = _tried(raw, "cp1252") or raw.decode("latin-1")
    if text is None or "\0" in text or 100 * len(_CONTROL.findall(text)) > len(text):
        raise NotRead(f"not a text file (or in an unknown encoding); {_AS_TABLE}, in UTF-8")
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


# ---- JSON and TOML ---------------------------------------------------------------------


class _Object(NamedTuple):
    """A table of JSON or TOML; a name may be there twice."""

    pairs: Sequence[tuple[str, Any]]

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.pairs]


def _json(text: str, file: str) -> list[Person]:
    try:
        tree = json.loads(
            text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_Object
        )
    except json.JSONDecodeError as wrong:
        raise NotRead(f"not valid JSON: line {wrong.lineno}: {wrong.msg}") from wrong
    except RecursionError:
        raise NotRead("nested too deeply") from None
    return _tree(tree, file)


_DEEP = 10  # parts of a key; w1.new has two
_NOT_KEYS = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|#[^\n]*")


def _toml(text: str, file: str) -> list[Person]:
    """TOML, or lines like it: w5+ = 0,41 has a name and a comma that TOML has not."""
    if len(text) > MAX_TOML:
        raise NotRead(f"larger than {MAX_TOML // 1_000_000} MB, not a file of answers")
    bare = _NOT_KEYS.sub("", text).split("\n")
    if any(part.count(".") > _DEEP for line in bare for part in line.split("=")):
        raise NotRead("nested too deeply")  # tomllib takes minutes
    try:
        return _tree(_from_toml(tomllib.loads(text, parse_float=_without_gaps)), file)
    except tomllib.TOMLDecodeError as wrong:
        lines = (line.strip() for line in text.split("\n"))
        if all("=" in line for line in lines if line and not line.startswith("#")):
            return people(separated(text, file, "="))
        hint = 'a name with signs needs quotes: "w5+" = 0.41'
        raise NotRead(f"not valid TOML: {shown(str(wrong))}; {hint}") from wrong
    except RecursionError:
        raise NotRead("nested too deeply") from None
    except ValueError:
        raise NotRead("not valid TOML: a number with too many digits") from None


def _without_gaps(number: str) -> str:
    return number.replace("_", "")


def _from_toml(value: Any) -> Any:
    match value:
        case dict():
            return _Object([(key, _from_toml(v)) for key, v in value.items()])
        case list():
            return [_from_toml(v) for v in value]
        case int() if not isinstance(value, bool):
            return str(value)
    return value


def _tree(tree: Any, file: str) -> list[Person]:
    tree = _inside(tree)
    if _is_list(tree):
        return _records(tree, file)
    if not isinstance(tree, _Object) or not tree.pairs:
        raise NotRead(
            'no answers in it; expected {"w5+": 0.41} or [{"name": "w5+", "value": 0.41}]'
        )
    own = _Object([(key, value) for key, value in tree.pairs if not _is_sheet(value)])
    found = [Person("", list(_entries(own, file)))] if own.pairs else []
    for name, value in tree.pairs:
        if _is_sheet(value):
            found += _under(name, _inside(value), f"{file}: {shown(name)}")
    return found


def _under(name: str, tree: Any, where: str) -> list[Person]:
    """What stands under a person's name."""
    if _is_list(tree):
        return [Person(person.name or name, person.entries) for person in _records(tree, where)]
    if not isinstance(tree, _Object):
        return [Person(name, (), (f"{where}: no answers in it",))]
    return [Person(name, list(_entries(tree, where)))]


def _inside(tree: Any) -> Any:
    """What stands under `answers`, if anything."""
    if not isinstance(tree, _Object):
        return tree
    named = (
        v for k, v in tree.pairs if k.casefold() == "answers" and isinstance(v, _Object | list)
    )
    return next(named, tree)


def _is_list(tree: Any) -> bool:
    return isinstance(tree, list) and bool(tree) and all(isinstance(v, _Object) for v in tree)


def _is_sheet(value: Any) -> bool:
    """Whether a table or list holds answers; {"value": 0.41, "iteration": 3} is one answer."""
    value = _inside(value)
    return _is_list(value) or (isinstance(value, _Object) and not _one_answer(value))


def _one_answer(table: _Object) -> bool:
    roles = columns(table.keys)
    return "value" in roles and len(roles) == len(table.pairs)


def _entries(tree: _Object, where: str) -> Iterator[Entry]:
    for name, value in tree.pairs:
        if isinstance(value, _Object) and _one_answer(value):
            roles = columns(value.keys)
            parts = [value.pairs[roles[w]][1] if w in roles else None for w in _PARTS]
        else:
            parts = [value, None, None]
        cell, iteration, sample = (_cell(part, where) for part in parts)
        yield Entry(name, cell, iteration.text, sample.text)


_PARTS = ("value", "iteration", "sample")


def _records(records: Sequence[_Object], file: str) -> list[Person]:
    """A list of tables: a number each, or a person each."""
    if all(_inside(record) is not record for record in records):
        return [p for i, record in enumerate(records, 1) for p in _person(record, i, file)]
    keys = list(dict.fromkeys(key for record in records for key in record.keys))
    if len(keys) * len(records) > MAX_CELLS:
        raise NotRead(f"more than {MAX_CELLS:,} cells; split the file")
    if not ({"name", "value"} <= columns(keys).keys() or "person" in columns(keys)):
        raise NotRead('a list of what? expected [{"name": "w5+", "value": 0.41}]')
    rows: list[Row] = [[Cell(key, file) for key in keys]]
    for i, record in enumerate(records, 1):
        values, where = dict(record.pairs), f"{file}: entry {i}"
        rows.append([_cell(values.get(key), where) for key in keys])
    return people(Grid(rows))


def _person(record: _Object, count: int, file: str) -> list[Person]:
    rest = [(key, value) for key, value in record.pairs if key.casefold() != "answers"]
    at = columns([key for key, _ in rest]).get("person")
    name = _cell(rest[at][1], "").text if at is not None else ""
    return _under(name or f"entry {count}", _inside(record), f"{file}: entry {count}")


def _cell(value: Any, where: str) -> Cell:
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


# ---- XLSX ------------------------------------------------------------------------------


def _workbook(raw: bytes, file: str) -> list[Grid]:
    """Every worksheet; of a formula its value, as the spreadsheet program left it."""
    _check_archive(raw)
    try:
        # An extra, slow to import, and without types.
        from openpyxl import load_workbook  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        needed = "reading XLSX needs openpyxl: pip install 'backprop-tracer[xlsx]'"
        raise UsageError(f"{file}: {needed}, or save it as CSV") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is lost in writing; nothing is written
            books = [
                load_workbook(io.BytesIO(raw), read_only=True, data_only=d) for d in (True, False)
            ]
            pairs = zip(*(book.worksheets for book in books), strict=True)
            return [Grid(bounded(_rows(v, f, file))) for v, f in pairs]
    except NotRead:
        raise
    except Exception as wrong:  # openpyxl raises whatever its parsers meet
        raise NotRead("a damaged XLSX file; save it again as XLSX or as CSV") from wrong


def _check_archive(raw: bytes) -> None:
    """Refuse what would not be a workbook, or unpack to too much."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError) as wrong:
        raise NotRead("a damaged XLSX file; save it again as XLSX or as CSV") from wrong
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise NotRead(f"unpacks to more than {MAX_UNPACKED // 1_000_000} MB, not a file of answers")
    if not any(member.filename.startswith("xl/") for member in members):
        raise NotRead(f"an archive or a document, not a workbook; {_AS_TABLE}")


def _rows(values: Any, formulas: Any, file: str) -> Iterator[Row]:
    """Rows of a worksheet: what openpyxl has read without and with formulas."""
    for sheet in (values, formulas):
        sheet.reset_dimensions()  # what the file claims
    both = zip(values.iter_rows(), formulas.iter_rows(), strict=True)
    place = f"{file}: {shown(values.title)}"
    for count, (row, written) in enumerate(both, 1):
        if count > _MAX_ROWS or len(row) > _MAX_COLUMNS:
            raise NotRead(
                f"more than {_MAX_ROWS:,} rows or {_MAX_COLUMNS:,} columns in a worksheet"
            )
        pairs = enumerate(zip(row, written, strict=True), 1)
        yield [_calculated(v, f, f"{place}!{_letters(i)}{count}") for i, (v, f) in pairs]


def _calculated(value: Any, formula: Any, where: str) -> Cell:
    if value.value is None and formula.data_type == "f":
        text = formula.value if isinstance(formula.value, str) else "="
        problem = "a formula without a value: save the file in your spreadsheet program first"
        return Cell(text, where, problem)
    return _cell(value.value, where)


def _letters(column: int) -> str:
    """A, B, …, Z, AA, …"""
    before, last = divmod(column - 1, 26)
    return (_letters(before) if before else "") + chr(ord("A") + last)


# ---- tables of kinds ----------------------------------------------------------------------

_COMMENTS = re.compile(r"(?:\s++|#[^\n]*+)*+")
#: What a file of an unknown kind is, by how it starts.
_STARTS = tuple((re.compile(pattern), kind) for pattern, kind in (
    (r"\[[^\[\]\n{]*\][ \t]*\n", _toml),
    (r"[{\[]", _json),
    (r"\|", _markdown),
    (r"sep=.\n", _table),
    (r'["\w][^=,;\t\n]*=', _toml),
    (r"", _table),
))  # fmt: skip
_READERS: dict[str, Callable[[str, str], list[Person]]] = {
    "csv": _table, "tsv": _table, "tab": _table, "txt": _guessed, "json": _json, "toml": _toml,
    "md": _markdown, "markdown": _markdown,
}  # fmt: skip


# ---- answers ---------------------------------------------------------------------------


def _sheet(person: Person, sheet: str) -> Answers:
    kept, remarks = _once(map(_answer, person.entries))
    said = [*map(shown, person.remarks), *remarks]
    if len(said) > _MAX_REMARKS:
        said[_MAX_REMARKS - 1 :] = ["and more of this kind"]
    return Answers(shown(person.name or sheet), tuple(kept), tuple(said))


def _answer(entry: Entry) -> Answer:
    text, where, problem = entry.value
    typed, problem = (None, problem) if problem or not text.strip() else _typed(text)
    passes = [_whole(part) for part in (entry.iteration, entry.sample)]
    for what, found in zip(("iteration", "sample"), passes, strict=True):
        if found is not None and found < 0:
            typed, problem = None, f"its {what} is not a whole number"
    iteration, sample = (None if found is None or found < 0 else found for found in passes)
    name = shown(entry.name.strip().strip('$`"'))
    return Answer(name, shown(text), typed, problem, where, iteration, sample)


def _typed(text: str) -> tuple[Typed | None, str]:
    try:
        return read(text), ""
    except Unreadable as wrong:
        return None, str(wrong)


def _whole(text: str) -> int | None:
    """A count; None for nothing, -1 for what is none."""
    if not text.strip():
        return None
    typed, _ = _typed(text)
    fits = typed and typed.value.denominator == 1 and 0 <= typed.value <= 10**9
    return int(typed.value) if typed and fits else -1


def _once(answers: Iterable[Answer]) -> tuple[Iterable[Answer], list[str]]:
    """Each name once, and what is said about those that are there with different numbers."""
    kept: dict[object, Answer] = {}
    remarks = []
    for answer in answers:
        key = (answer.name, answer.iteration, answer.sample)
        first = kept.setdefault(key, answer)
        better = answer if answer.text and (not first.text or not first.typed) else first
        better = better if better.typed or not first.text else first
        kept[key] = better
        if first.text and answer.text and not _same(first, answer):
            counts = "first" if better is first else "number"
            both = f"{first.text} and {answer.text}"
            remarks.append(f"{answer.name} is answered twice, {both}; the {counts} counts")
    return kept.values(), remarks


def _same(first: Answer, second: Answer) -> bool:
    if first.typed and second.typed:
        return first.typed.value == second.typed.value
    return first.text == second.text
