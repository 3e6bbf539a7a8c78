"""On which line of a TOML file every table, key and array element stands.

`tomllib` gives values without their places. This reads only what places need: strings, brackets
and commas; a value itself is not looked at. A text that is no TOML is read as far as it goes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

Path = tuple[str | int, ...]  # ("published", "w5+", 0, "printed"); elements count from 0

_DEEPEST = 60  # brackets within brackets; more are in no file that people write
_GAP = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[\w-]+")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|' r"'[^'\n]*'")
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}' r"|'''.*?'{3,5}|" + _QUOTED.pattern, re.DOTALL
)  # of three to five closing marks the first two belong to the text
_PLAIN = re.compile(r"[^,\[\]{}#\n\"']+")  # a number, a date, true


class _Broken(Exception):
    """The text is no TOML from here on."""


def places(text: str) -> dict[Path, int]:
    """The line, counted from 0, of everything that has a key or a place in an array."""
    found: dict[Path, int] = {}
    line, before = 0, 0
    for path, at in _Reader(text).statements():
        line, before = line + text.count("\n", before, at), at
        found.setdefault(path, line)
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.elements: dict[Path, int] = {}  # of arrays of tables: how many there are so far

    def statements(self) -> Iterator[tuple[Path, int]]:
        """(path, position) of everything, in the order of the text."""
        table: Path = ()
        try:
            while self._next():
                if self.text[self.at] == "[":
                    start, table = self.at, self._header()
                    yield table, start
                else:
                    yield from self._pair(table, 0)
        except (_Broken, IndexError):
            return

    def _next(self) -> bool:
        """Go on to the next letter that is neither blank nor part of a comment."""
        found = _GAP.match(self.text, self.at)
        assert found
        self.at = found.end()
        return self.at < len(self.text)

    def _take(self, mark: str) -> None:
        if not self.text.startswith(mark, self.at):
            raise _Broken
        self.at += len(mark)

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if not found:
            raise _Broken
        self.at = found.end()
        return found[0]

    # ---- keys and headers --------------------------------------------------------------

    def _header(self) -> Path:
        """The table that a header opens; of an array of tables its newest element."""
        several = self.text.startswith("[[", self.at)
        self._take("[[" if several else "[")
        table: Path = ()
        key = self._key()
        for part in key[:-1]:
            table = self._newest((*table, part))
        table = (*table, key[-1])
        self._take("]]" if several else "]")
        if several:
            self.elements[table] = self.elements.get(table, -1) + 1
        return self._newest(table)

    def _newest(self, table: Path) -> Path:
        return (*table, self.elements[table]) if table in self.elements else table

    def _key(self) -> tuple[str, ...]:
        """A key by its parts: published."w5+"."""
        parts = []
        while True:
            self._match(_BLANK)
            parts.append(self._part())
            self._match(_BLANK)
            if not self.text.startswith(".", self.at):
                return tuple(parts)
            self.at += 1

    def _part(self) -> str:
        if self.text[self.at] not in "\"'":
            return self._match(_BARE_KEY)
        quoted = self._match(_QUOTED)
        try:
            return str(tomllib.loads(f"key = {quoted}")["key"])
        except tomllib.TOMLDecodeError:
            raise _Broken from None

    # ---- values ------------------------------------------------------------------------

    def _pair(self, table: Path, depth: int) -> Iterator[tuple[Path, int]]:
        start = self.at
        path = (*table, *self._key())
        self._take("=")
        self._match(_BLANK)
        yield path, start
        yield from self._value(path, depth)

    def _value(self, path: Path, depth: int) -> Iterator[tuple[Path, int]]:
        if depth > _DEEPEST:
            raise _Broken
        opening = self.text[self.at]
        if opening == "[":
            yield from self._array(path, depth + 1)
        elif opening == "{":
            yield from self._inline(path, depth + 1)
        else:
            self._match(_TEXT if opening in "\"'" else _PLAIN)

    def _array(self, path: Path, depth: int) -> Iterator[tuple[Path, int]]:
        for k in self._items("[", "]"):
            yield (*path, k), self.at
            yield from self._value((*path, k), depth)

    def _inline(self, path: Path, depth: int) -> Iterator[tuple[Path, int]]:
        for _ in self._items("{", "}"):
            yield from self._pair(path, depth)

    def _items(self, opening: str, closing: str) -> Iterator[int]:
        """Stop at each item between two brackets; whoever asks goes past it."""
        self._take(opening)
        k = 0
        while self._next() and not self.text.startswith(closing, self.at):
            yield k
            k += 1
            self._next()
            if not self.text.startswith(closing, self.at):
                self._take(",")
        self._take(closing)
