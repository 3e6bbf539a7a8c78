"""Texts as rows of cells: CSV and its relatives, lines `name = value`, tables of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from tracer.check.cells import Cell, Grid, Row, bounded, check_count

#: What separates the cells of most lines, the surest sign first.
_SIGNS = tuple((re.compile(pattern), sign) for pattern, sign in (
    (r".*\t", "\t"),
    (r".*;", ";"),
    (r"[^=,:]*=", "="),
    (r"[^:,=]*: ", ":"),
    (r".*,", ","),
    (r"[^:=]*:", ":"),
    (r".*\S +[-+−.\d]\S*\s*\Z", " "),
))  # fmt: skip
_INDEX = r"\[[\d, t=]{1,20}\]"  # W1[2,3] is one name, and so is h[t=2]
_INSIDE = re.compile(rf'"[^"\n]*"|{_INDEX}')
_NO_CELLS = re.compile(r"(?:[ \t]*+(?:#[^\n]*+)?+\n)*+(?:[ \t]*+(?:#[^\n]*+)?+\Z)?+")
_SPLITS = {
    "=": re.compile(rf"((?:{_INDEX}|[^=])*+)=(.*?)(?:\s#.*)?"),
    ":": re.compile(r"([^:]*):(.*)"),
    " ": re.compile(r"(.*\S)\s+(\S+)\s*"),
}


def separated(text: str, file: str, separator: str | None = None) -> Grid:
    """The cells of CSV, TSV, semicolons, or of lines `name = value`; comments are skipped."""
    told = re.match(r"sep=([;,\t|])\n", text)  # what Excel is told
    if told:
        text = "#" + text[1:]
    sign = separator or (told[1] if told else _sign(text))
    lines = _pairs(text, _SPLITS[sign]) if sign in _SPLITS else _fields(text, sign)
    return Grid(bounded(_cells(lines, file)), commas=sign == ",")


def _sign(text: str) -> str:
    lines = (line for line in islice(_lines(text), 10_000) if not line.lstrip().startswith("#"))
    bare = [_INSIDE.sub("", line[:1_000]) for line in islice(filter(str.strip, lines), 50)]
    votes = [(sum(bool(p.match(line)) for line in bare), sign) for p, sign in _SIGNS]
    count, sign = max(votes, key=lambda vote: vote[0])  # the first of several
    return sign if count and 2 * count >= len(bare) else ","


def _lines(text: str) -> Iterator[str]:
    return (found[0] for found in re.finditer(r"[^\n]+", text))


def _pairs(text: str, split: re.Pattern[str]) -> Iterator[tuple[int, list[str]]]:
    """(line number, name and value) of lines."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            found = split.fullmatch(line)
            yield number, [c.strip("\"' \t") for c in found.groups()] if found else [line.strip()]


def _fields(text: str, sign: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of separated text; a quote that is not closed is a letter.

    A quoted cell may go over lines if it is short: a header that was broken in a form.
    """
    end = rf'" *+(?={re.escape(sign)}|\n|\Z)'
    field = re.compile(
        rf' *+"((?:[^"\n]|"")*+){end}| *+"((?:[^"]|""){{0,500}}+){end}'
        rf"|((?:{_INDEX}|[^{re.escape(sign)}\n])*+)"
    )
    line, at, seen = 1, 0, 0
    while (at := _no_cells(text, at)) < len(text):
        line, seen = line + text.count("\n", seen, at), at
        cells, ended = [], False
        while not ended:
            found = field.match(text, at)
            assert found, (sign, at)
            quoted = found[1] if found[1] is not None else found[2]
            cells.append(found[3].strip() if quoted is None else quoted.replace('""', '"'))
            ended = not text.startswith(sign, found.end())
            at = found.end() + 1
            check_count(len(cells))
        yield line, cells


def _no_cells(text: str, at: int) -> int:
    found = _NO_CELLS.match(text, at)
    return found.end() if found else at


def _cells(lines: Iterable[tuple[int, list[str]]], file: str) -> Iterator[Row]:
    for number, texts in lines:
        yield [Cell(text, f"{file}:{number}") for text in texts]


_BAR = re.compile(r"(?<!\\)\|")


def markdown(text: str, file: str) -> list[Grid]:
    """Every table of a Markdown text whose lines start with a bar."""
    tables: list[list[Row]] = [[]]
    headed: set[int] = set()
    count = 0
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line.startswith("|"):
            tables += [[]] if tables[-1] else []
        elif "-" in line and not line.strip("|:- \t"):
            headed |= {len(tables) - 1} if len(tables[-1]) == 1 else set()
        else:
            count += line.count("|")
            check_count(count)
            tables[-1].append(_between_bars(line, f"{file}:{number}"))
    return [Grid(t, headed=i in headed) for i, t in enumerate(tables) if t]


def _between_bars(line: str, where: str) -> Row:
    texts = _BAR.split(line.removeprefix("|").removesuffix("|"))
    return [Cell(text.replace("\\|", "|").strip(), where) for text in texts]
