"""Reports on a terminal: one sheet in full, or a class with one line a sheet."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING

import click

from tracer.check.account import Account, account
from tracer.check.marks import Judged, Report, Sheet
from tracer.check.summary import WORST, Summary, sentences, summary
from tracer.check.wording import (
    FEW,
    GIVEN,
    WORDS,
    accepted,
    intro,
    listed,
    names,
    note,
    points,
    score,
    seen,
    typed,
    why,
)

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod, RenderableType
    from rich.table import Table
    from rich.text import Text

WIDTH = 100  # columns where no terminal limits them
COLUMN = 24  # characters of a column but the last

# rich is imported inside functions, as in tracer.terminal: other commands should not wait for it.


def show(report: Report) -> None:
    """The report on standard output, in colours on a terminal."""
    if sys.stdout is None or not sys.stdout.isatty():
        click.echo(report_text(report), nl=False)
        return
    from rich.console import Console

    _print(_parts(report), Console(highlight=False))


def report_text(report: Report, width: int = WIDTH) -> str:
    """The report as `show` prints it: one sheet in full, or a line a sheet and the summary."""
    return _plain(_parts(report), width)


def summary_text(found: Summary, width: int = WIDTH) -> str:
    """The summary of a class, as `show` prints it below the sheets."""
    return _plain(_summed(found), width)


def _plain(parts: Iterator[RenderableType], width: int) -> str:
    from rich.console import Console

    out = io.StringIO()
    _print(parts, Console(file=out, width=width, highlight=False, color_system=None))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _print(parts: Iterator[RenderableType], console: Console) -> None:
    for part in parts:
        console.print(part)


def _parts(report: Report) -> Iterator[RenderableType]:
    if len(report.sheets) == 1:
        return _sheet(report.sheets[0])
    return _class(report)


def _text(text: str, style: str = "", *, indent: int = 0) -> RenderableType:
    """A text that breaks between words, all its lines indented."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(seen(text), style=style), (0, 0, 0, indent))


# ---- one sheet -------------------------------------------------------------------------


def report_table(sheet: Sheet) -> Table:
    """Every answer: what was typed, its mark, what is accepted, and below it what to say."""
    table = _table("step", ">you wrote", "mark", last="accepted")
    label = names([sheet]).label
    for j in sheet.judged:
        table.add_row(*_cells(label(j), typed(j) or "–"), _mark(j), _accepted(j))
    return table


def _table(*columns: str, last: str = "") -> Table:
    """A table whose widest columns break first; > puts one on the right, `last` has no limit."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        side: JustifyMethod = "right" if column.startswith(">") else "left"
        table.add_column(column.lstrip(">"), justify=side, overflow="fold", max_width=COLUMN)
    if last:
        table.add_column(last, overflow="fold")
    return table


def _cells(*cells: object) -> Iterator[Text]:
    """Cells that are text to rich, whatever they look like."""
    from rich.text import Text

    return (Text(str(cell)) for cell in cells)


def _mark(j: Judged) -> Text:
    from rich.text import Text

    word = WORDS[j.mark]
    return Text(word.both, style=word.colour)


def _accepted(j: Judged) -> Text:
    """The range, and what is to be said on the lines below it."""
    from rich.text import Text

    lines = [Text(accepted(j.accepted), style="dim")]
    if note(j):
        lines.append(Text(seen(note(j))))
    return Text("\n").join(lines)


def _sheet(sheet: Sheet) -> Iterator[RenderableType]:
    told = account(sheet)
    table = [report_table(sheet)] if sheet.judged else []
    parts = (_first(sheet, told), _explained(sheet, told), _follows(sheet, told), _said(sheet))
    yield from _spaced([_text(sheet.sheet, "bold")], table, *parts)
    yield _text(_score(sheet, told), "bold")


def _spaced(*parts: Iterable[RenderableType]) -> Iterator[RenderableType]:
    """The parts that hold anything, an empty line after each."""
    for part in map(list, parts):
        yield from part
        if part:
            yield ""


def _first(sheet: Sheet, told: Account) -> Iterator[RenderableType]:
    if told.first:
        yield _text(f"The first wrong step is {names([sheet]).label(told.first)}.", "bold")
    if told.line:
        yield _text("It should have been:")
        yield _text(told.line, indent=4)


def _explained(sheet: Sheet, told: Account) -> Iterator[RenderableType]:
    """The explanations, one below the other."""
    several = len(sheet.explanations) > 1
    label = names([sheet]).label
    if sheet.explanations:
        yield _text(intro(sheet) if several else "What explains these numbers:")
    for e, made in zip(sheet.explanations, told.made or repeat(()), strict=False):
        yield _text(f"{'- ' if several else ''}{e.explains}{f' ({e.at})' if e.at else ''}", "bold")
        yield _text(e.says, indent=4)
        if made:
            yield _text(f"It shows in {listed([label(j) for j in made])}.", indent=4)


def _follows(sheet: Sheet, told: Account) -> Iterator[RenderableType]:
    label = names([sheet]).label
    if told.alike:
        yield _text(f"The same mistake: {listed([label(j) for j in told.alike])}.")
    if len(told.follows) > FEW:
        said = listed([label(j) for j in told.given])
        yield _text(f"Right given the wrong numbers as written: {said}.")
        return
    for step, given in told.follows:
        yield _text(f"Right given {step} as written: {listed([label(j) for j in given])}.")


def _said(sheet: Sheet) -> Iterator[RenderableType]:
    return (_text(text) for text in (*sheet.says, *sheet.remarks))


def _score(sheet: Sheet, told: Account) -> str:
    """`8 of 11 answers right, 2 right given earlier numbers; 9.5 of 11 points`."""
    others = ((told.given, GIVEN), (told.untested, "not testable"))
    given = "".join(f", {len(judged)} {what}" for judged, what in others if judged)
    given += f", {len(sheet.unknown)} to no step" if sheet.unknown else ""
    gets = f"; {score(sheet.points, sheet.worth)}" if sheet.worth else ""
    return f"{len(told.right)} of {len(sheet.judged)} answers right{given}{gets}"


# ---- many sheets -----------------------------------------------------------------------


def _class(report: Report) -> Iterator[RenderableType]:
    yield class_table(report)
    yield ""
    yield from _summed(summary(report))


def class_table(report: Report) -> Table:
    """A line a sheet."""
    worth = any(sheet.worth for sheet in report.sheets)
    columns = ("sheet", ">right", *([">points"] if worth else []), "first wrong")
    table = _table(*columns, last="why")
    for sheet in report.sheets:
        table.add_row(*_cells(*_line(sheet, worth), why(sheet)))
    return table


def _line(sheet: Sheet, worth: bool) -> Iterator[str]:
    fine = sum(j.mark.accepted for j in sheet.judged)
    first = sheet.first_wrong
    yield seen(sheet.sheet, 2 * COLUMN)
    yield f"{fine}/{len(sheet.judged)}" + (f", {len(sheet.unknown)} ?" if sheet.unknown else "")
    if worth:
        yield f"{points(sheet.points)}/{points(sheet.worth)}"
    yield names([sheet]).label(first) if first else ""


def _summed(found: Summary) -> Iterator[RenderableType]:
    yield from map(_text, sentences(found))
    for table in (_failing(found), _made(found)):
        if table.rows:
            yield ""
            yield table


def _failing(found: Summary) -> Table:
    table = _table("step", ">first wrong", ">wrong", ">of sheets", ">no answer")
    for f in found.failing[:WORST]:
        table.add_row(*_cells(f.label, f.first, f.wrong, f.share, f.missing or ""))
    return table


def _made(found: Summary) -> Table:
    table = _table(">sheets", last="mistake")
    for m in found.mistakes:
        table.add_row(*_cells(m.often, seen(m.explains)))
    return table
