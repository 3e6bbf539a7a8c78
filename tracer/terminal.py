"""What goes to a terminal besides lines: progress, tables, and files written whole."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tracer.evaluate import Progress
    from tracer.ledger import Verification

PATIENCE = 1.0  # seconds before a terminal is shown progress
PIPE_WIDTH = 200  # columns of a table that no terminal limits

# rich is imported inside functions: most commands print plain lines and should not wait for it.


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """A bar on stderr for what takes longer than a second; nothing where nobody watches."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    bar = Bar(console=Console(stderr=True), transient=True)
    task, begun = bar.add_task(what), time.monotonic()

    def tell(done: int, total: int) -> None:
        if time.monotonic() - begun > PATIENCE:
            bar.start()
            bar.update(task, completed=done, total=total)

    try:
        yield tell
    finally:
        bar.stop()


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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

    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
    table = Table(title=verification.scenario, box=SIMPLE_HEAD, title_justify="left")
    for column in ("name", "printed", "value", "verdict", "under"):
        table.add_column(column, justify="right" if column in ("printed", "value") else "left")
    for n in verification.numbers:
        name = f"{n.name} @{n.iteration}" if n.iteration else n.name
        verdict = Text(n.verdict.value, style=_COLOURS[n.verdict.value])
        table.add_row(Text(name), f"{n.printed:f}", repr(n.value), verdict, Text(n.under or ""))
    console.print(table)
    for n in verification.remarkable:
        if n.reason:
            where = f" {n.where}" if n.where else ""
            right = f" It should be {n.right:f}." if n.right is not None else ""
            click.echo(f"  {n.name}{where}: printed {n.printed:f}.{right} {n.reason}")
    counts = Counter(n.verdict.value for n in verification.numbers)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    click.echo(f"  {len(verification.numbers)} numbers: {said or 'none published'}\n")
