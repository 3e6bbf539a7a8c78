"""The command line under attack: what may come out of it, whatever goes in."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from markdown_it import MarkdownIt
from promptly import UNITS, promptly

from tracer.cli import main

HANGS = 120  # seconds after which a process is given up
LONGEST = 500  # characters of a line that says what is wrong
HTML = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"])
_OURS = {
    "h1", "h2", "p", "ul", "li", "strong", "blockquote", "table", "thead", "tbody", "tr", "th",
    "td",
}  # fmt: skip
_HEADINGS = {
    "## What is right", "## What to fix first", "## What follows from it", "## What is left",
    "## All your answers", "## Points",
}  # fmt: skip
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


@dataclass(frozen=True)
class Ran:
    """What a command has left behind."""

    code: int
    out: str
    err: str

    @property
    def sheets(self) -> list[dict[str, Any]]:
        return json.loads(self.out)["sheets"]

    @property
    def line(self) -> str:
        """The only line of an error."""
        (line,) = self.err.splitlines()
        return line


def run(*args: object, input: str | bytes | None = None, units: float = UNITS) -> Ran:
    """A command, checked for what holds of all of them.

    Exit 0 or 1 with nothing on stderr, or 2 with clear lines on stderr and nothing on stdout; no
    traceback, no letter that a terminal obeys, and not for long.
    """
    with promptly(units):
        found = CliRunner().invoke(main, [str(a) for a in args], input=input)
    ran = Ran(found.exit_code, found.stdout, found.stderr)
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    check(ran)
    return ran


def check(ran: Ran) -> None:
    assert ran.code in (0, 1, 2), ran
    for line in (ran.out + ran.err).replace("\n", "").split("\n"):
        bad = sorted({c for c in line if not c.isprintable() and c not in "\u200c\u200d"})
        assert not bad, bad
    if ran.code < 2:
        assert not ran.err, ran.err
    else:
        check_error(ran)


def check_error(ran: Ran) -> None:
    assert not ran.out, ran.out
    assert ran.err
    assert "Traceback" not in ran.err
    lines = ran.err.splitlines()
    if lines[0].startswith("Usage: "):  # click's own way to say it
        assert lines[-1].startswith("Error: "), ran.err
        return
    for line in lines:
        assert line.startswith("tracer: "), ran.err
        assert len(line) <= LONGEST, ran.err
        assert line.removeprefix("tracer: ").strip(), ran.err


def files_in(folder: Path) -> dict[str, int]:
    """Everything in a folder, with sizes."""
    return {
        str(p.relative_to(folder)): p.lstat().st_size if not p.is_dir() else -1
        for p in folder.rglob("*")
    }


def all_reports(
    answers: Path | str, out: Path, *options: object, scenario: object = "mazur",
    input: str | bytes | None = None, gradescope: bool = True,
) -> Ran:  # fmt: skip
    """The answers in every form, all of them harmless; gives back the JSON."""
    plain = run("check", scenario, answers, *options, input=input)
    wanted = ("--gradebook", out / "grades.csv", "--feedback", out / "pages")
    ran = run("check", scenario, answers, *options, *wanted, "--json", input=input)
    assert ran.code == plain.code
    if ran.code == 2:
        assert ran.err == plain.err
        assert not (out / "grades.csv").exists()
        assert not (out / "pages").exists()
        return ran
    check_gradebook((out / "grades.csv").read_text("utf-8"), len(ran.sheets))
    pages = sorted((out / "pages").iterdir())
    assert len(pages) == len(ran.sheets)
    for page in pages:
        check_page(page)
    if gradescope and len(ran.sheets) == 1:
        check_results(run("check", scenario, answers, *options, "--gradescope", input=input))
    return ran


def check_gradebook(text: str, sheets: int) -> None:
    """A table with a row a sheet, and no cell of it a formula."""
    rows = list(csv.reader(io.StringIO(text), strict=True))
    assert len(rows) == sheets + 1
    assert {len(row) for row in rows} == {len(rows[0])}
    for cell in (cell for row in rows for cell in row):
        assert cell.isprintable(), cell
        assert not cell.startswith(tuple("=+-@\t\r＝＋－＠")) or _NUMBER.fullmatch(cell), cell


def check_page(page: Path) -> None:
    assert page.suffix == ".md"
    assert len(page.name.encode()) <= 255
    check_markdown(page.read_text("utf-8"))


def check_markdown(text: str) -> None:
    """Only our mark-up is in it: no links, no images, no HTML, no headings of others."""
    found = set(re.findall(r"<(\w+)", HTML.render(text)))
    assert found <= _OURS, found
    headings = [line for line in text.splitlines() if re.match(r" {0,3}#", line)]
    assert all(line.startswith("# ") or line in _HEADINGS for line in headings), headings
    assert "\x1b" not in text


def check_results(ran: Ran) -> dict[str, Any]:
    """Gradescope's results.json, its Markdown harmless."""
    found = json.loads(ran.out, parse_constant=_not_json)
    check_markdown(found["output"])
    for test in found["tests"]:
        assert test["name"].isprintable()
        check_markdown(test["output"])
        assert 0 <= test["score"] <= test["max_score"]
    return found


def _not_json(constant: str) -> None:
    raise AssertionError(constant)


def marks(ran: Ran) -> dict[str, str]:
    """The marks of the only sheet by name."""
    (sheet,) = ran.sheets
    return {m["name"]: m["mark"] for m in sheet["marks"]}


def only(ran: Ran, name: str) -> dict[str, Any]:
    """The only mark of a step."""
    (found,) = (m for s in ran.sheets for m in s["marks"] if m["name"] == name)
    return found
