"""What goes to a terminal or a disk besides lines: progress, tables, files written whole."""

from __future__ import annotations

import io
import os
import shutil
import stat
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from tracer.errors import UsageError
from tracer.numbers import Digits, decimals, show

if TYPE_CHECKING:
    from tracer.evaluate import Progress
    from tracer.ledger import Checked, Verification

PATIENCE = 1.0  # seconds before a terminal is shown progress
PIPE_WIDTH = 200  # columns of a table that no terminal limits
MORE = 2  # digits of a value beside the printed number

# rich is imported inside functions: most commands print plain lines and should not wait for it.


def write_utf8() -> None:
    """Let a file or pipe get UTF-8, as all our formats are, and a terminal what it can show."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")


def _watched(stream: TextIO | None) -> bool:
    """Whether a person looks on; a stream that was closed from the start is None."""
    return stream is not None and stream.isatty()


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """A bar on stderr for what takes longer than a second; nothing where nobody watches."""
    if not _watched(sys.stderr):
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress as Bar

    bar = Bar(console=Console(stderr=True), transient=True)
    task, begun = bar.add_task(escape(what)), time.monotonic()

    def tell(done: int, total: int) -> None:
        if time.monotonic() - begun > PATIENCE:
            bar.start()
            bar.update(task, completed=done, total=total)

    try:
        yield tell
    finally:
        bar.stop()


# ---- files -----------------------------------------------------------------------------


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    raises    UsageError for what cannot be replaced by a file, OSError with the name of the file
    """
    write_all({path: text})


def write_all(files: Mapping[Path, str]) -> None:
    """Write files whole: if one of them cannot be written, none is.

    raises    as `write_whole`
    """
    for path in files:
        check_target(path)
    staged: dict[Path, str] = {}
    try:
        for path, text in files.items():
            with _failing_at(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                _stage(path, text, staged)
        for path, temporary in staged.items():
            with _failing_at(path):
                os.replace(temporary, path)
    finally:
        for temporary in staged.values():
            with suppress(OSError):
                os.unlink(temporary)


def check_target(path: Path) -> None:
    """Refuse what a file must not replace: a folder, and a device, which root could lose."""
    with _failing_at(path):
        if path.parent.exists() and not path.parent.is_dir():
            raise UsageError(f"{path.parent}: a file, not a folder")
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            return
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
        raise UsageError(f"{path}: {what}, not a file that can be written anew")


@contextmanager
def _failing_at(path: Path) -> Iterator[None]:
    """Name the file that is meant in errors, whichever file the system failed at."""
    try:
        yield
    except OSError as wrong:
        raise OSError(wrong.errno, wrong.strerror, str(path)) from wrong


def _stage(path: Path, text: str, staged: dict[Path, str]) -> None:
    """Write the text beside where it will stand."""
    handle, staged[path] = tempfile.mkstemp(dir=path.parent, prefix=".tracer.")
    with open(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    os.chmod(staged[path], 0o666 & ~_umask())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# ---- verdicts --------------------------------------------------------------------------

_COLOURS = {
    "reproduced": "green",
    "rounded-path": "green",
    "misprint": "yellow",
    "not-reproducible": "yellow",
    "differs": "bold red",
}


def report(verification: Verification) -> None:
    """The verdicts as a table, and a note for every number that needs one."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if _watched(sys.stdout) else PIPE_WIDTH, highlight=False)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("name", "printed", "value", "verdict"):
        number = column in ("printed", "value")
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    table.add_column("under", overflow="fold")
    for n in verification.numbers:
        verdict = Text(n.verdict.value, style=_COLOURS[n.verdict.value])
        table.add_row(Text(_name(n)), f"{n.printed:f}", _beside(n), verdict, Text(n.under or ""))
    click.echo(verification.scenario)
    console.print(table)
    for said, numbers in groupby(verification.remarkable, _says):
        if said:
            tell(f"{'; '.join(map(_printed, numbers))}. {said}")
    counts = Counter(n.verdict.value for n in verification.numbers)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    count = len(verification.numbers)
    in_all = "1 number" if count == 1 else f"{count} numbers"
    click.echo(f"{in_all}: {said or 'none published'}\n")


def tell(line: str) -> None:
    """A line of text; on a terminal broken between words."""
    if _watched(sys.stdout):
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(line, width, subsequent_indent="    ", break_on_hyphens=False)
    click.echo(line)


def _beside(n: Checked) -> str:
    """The value with a few digits more than are printed; none where last bits decide it."""
    if n.verdict.value == "not-reproducible":
        return "–"
    return show(n.value, Digits(max(decimals(n.printed), 0) + MORE)).plain


def _name(n: Checked) -> str:
    """Which number is meant: the step, its sample where it is not the first, its iteration."""
    set_of = f"{n.samples}:" if n.samples else ""
    sample = f"[{set_of}{n.sample}]" if n.samples or n.sample else ""
    return f"{n.name}{sample}" + (f" @{n.iteration}" if n.iteration else "")


def _printed(n: Checked) -> str:
    where = f" {n.where}" if n.where else ""
    return f"{n.name}{where}: printed {n.printed:f}"


def _says(n: Checked) -> str:
    """What must be said of a number besides its row, or nothing."""
    broken = n.verdict.value == "differs" and n.claim.value != "reproduced"
    parts = (
        f"The ledger calls it {n.claim.value}; that does not hold." if broken else "",
        f"It should be {n.right:f}." if n.right is not None else "",
        " ".join(n.reason.split()),
    )
    return " ".join(part for part in parts if part)
