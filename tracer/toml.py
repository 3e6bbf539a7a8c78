"""The TOML of a scenario: its numbers as they are written, a fault with its line and a hint."""

from __future__ import annotations

import re
import tomllib
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
