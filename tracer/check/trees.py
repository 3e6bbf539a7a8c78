"""JSON and TOML as people's entries: names with values, or lists of them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tracer.check.cells import (
    MAX_CELLS,
    Cell,
    Entry,
    Grid,
    NotRead,
    Person,
    Row,
    cell_of,
    shown,
)
from tracer.check.separated import separated
from tracer.check.tables import columns, people

MAX_TOML = 1_000_000  # bytes; tomllib is slow


class _Object(NamedTuple):
    """A table of JSON or TOML; a name may be there twice."""

    pairs: Sequence[tuple[str, Any]]

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.pairs]


def read_json(text: str, file: str) -> list[Person]:
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


def read_toml(text: str, file: str) -> list[Person]:
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
    if len(tree.pairs) > MAX_CELLS:
        raise NotRead(f"more than {MAX_CELLS:,} answers; split the file")
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
        cell, iteration, sample = (cell_of(part, where) for part in parts)
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
        rows.append([cell_of(values.get(key), where) for key in keys])
    return people(Grid(rows))


def _person(record: _Object, count: int, file: str) -> list[Person]:
    rest = [(key, value) for key, value in record.pairs if key.casefold() != "answers"]
    at = columns([key for key, _ in rest]).get("person")
    name = cell_of(rest[at][1], "").text if at is not None else ""
    return _under(name or f"entry {count}", _inside(record), f"{file}: entry {count}")
