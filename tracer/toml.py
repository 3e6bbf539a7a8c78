"""The TOML of a scenario, read and written: its numbers as they are, a fault with its line."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from tracer.errors import ScenarioError

#: A key of so many parts is nested deeper than any scenario; tomllib takes a minute for 50,000.
_PART = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_DEEP = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*\.[ \t]*{_PART}){{50}}")


def tables(text: str, file: str) -> dict[str, Any]:
    """What a TOML text holds; raises ScenarioError with the line that is wrong."""
    if _DEEP.search(text):
        raise ScenarioError([f"{file}: nested too deeply"])
    try:
        return tomllib.loads(text, parse_float=_as_written)
    except tomllib.TOMLDecodeError as wrong:
        raise ScenarioError([f"{file}: not valid TOML: {wrong}{_line_hint(text, wrong)}"]) from None
    except RecursionError:
        raise ScenarioError([f"{file}: nested too deeply"]) from None
    except ValueError:
        raise ScenarioError([f"{file}: not valid TOML: a number with too many digits"]) from None


def _line_hint(text: str, wrong: Exception) -> str:
    """What the line of a TOML error should have been, where that is known."""
    found = re.search(r"at line (\d+)", str(wrong))
    line = text.splitlines()[int(found[1]) - 1] if found else ""
    return next((hint for pattern, hint in _HINTS if re.match(pattern, line)), "")


_HINTS = (
    (r"\s*[^\W\d_]*[^\x00-\x7f]\S*\s*=", '; a name with other letters than A-Z needs quotes: "η"'),
    (r"[^=#]*=\s*[+-]?\d+,\d", "; a decimal point is written as a dot"),
    (r"[^=#]*=\s*[+-]?\.\d", "; a number starts with a digit: 0.5"),
    (r"[^=#]*=\s*\d+\s*/", "; a number is written out, not as a fraction"),
    (r"[^=#]*=.*[\[,]\s*[A-Za-z]\w*\s*[],]", "; a name on the right needs quotes"),
    (r"[^=#]*=\s*[A-Za-z]", "; a text needs quotes"),
)


def _as_written(number: str) -> Decimal:
    try:
        return Decimal(number)
    except InvalidOperation:
        raise ValueError(number) from None


# ---- written ---------------------------------------------------------------------------


def text_of(table: Mapping[str, Any]) -> str:
    """A table as a TOML text, numbers as they are; `tables` reads it back."""
    return "\n".join(_lines(table, ())).lstrip("\n") + "\n"


def _lines(table: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[str]:
    """What stands in a table; then the tables in it, each under its own heading."""
    inner = {key: value for key, value in table.items() if _is_table(value) or _are_tables(value)}
    plain = {key: value for key, value in table.items() if key not in inner}
    if place and (plain or not inner):
        yield from ("", f"[{_keys(place)}]")
    for key, value in plain.items():
        yield f"{_keys([key])} = {_value(value)}"
    for key, value in inner.items():
        if _is_table(value):
            yield from _lines(value, (*place, key))
        for entry in value if _are_tables(value) else ():
            yield from ("", f"[[{_keys((*place, key))}]]")
            yield from (f"{_keys([own])} = {_value(part)}" for own, part in entry.items())


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_table, value))


def _keys(keys: Sequence[str]) -> str:
    return ".".join(k if re.fullmatch(r"[A-Za-z0-9_-]+", k) else _value(k) for k in keys)


def _value(value: Any, indent: str = "") -> str:
    """A value on one line; a list of lists with a line for each."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
        case Mapping():
            pairs = ", ".join(f"{_keys([key])} = {_value(part)}" for key, part in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list() if any(isinstance(part, list) for part in value):
            rows = "".join(f"{indent}  {_value(row, indent + '  ')},\n" for row in value)
            return f"[\n{rows}{indent}]"
        case list():
            return f"[{', '.join(map(_value, value))}]"
    return str(value)
