"""The files that a check writes: what they are called, and that none takes the place of another."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tracer.check.feedback import feedback
from tracer.check.marks import Report
from tracer.check.reports import gradebook_csv
from tracer.errors import UsageError

_LONGEST = 180  # bytes of a file's name without number and ending; file systems take 255


def check_apart(outputs: Mapping[str, Path], inputs: Sequence[Path]) -> None:
    """Refuse to write over what is read, or into a folder of answers, where it would be read.

    outputs   by option, files and folders
    raises    UsageError
    """
    for option, path in outputs.items():
        for source in inputs:
            if _same(path, source):
                raise UsageError(f"{option} {path}: this is what is read; choose another name")
            if os.path.isdir(source) and source.resolve() in path.resolve().parents:
                raise UsageError(
                    f"{option} {path}: it would be taken for an answer the next time; "
                    f"choose a place outside of {source}"
                )


def files_of(report: Report, gradebook: Path | None, pages: Path | None) -> dict[Path, str]:
    """What is written, by path.

    pages     the folder of the feedback, a page for every sheet
    """
    book = {gradebook: gradebook_csv(report)} if gradebook else {}
    if not pages:
        return book
    names = file_names(sheet.sheet for sheet in report.sheets)
    paths = [pages / f"{name}.md" for name in names]
    if gradebook and gradebook.resolve() in {path.resolve() for path in paths}:
        raise UsageError(f"--gradebook {gradebook}: a page of the feedback has this name")
    told = (feedback(sheet, report) for sheet in report.sheets)
    return book | dict(zip(paths, told, strict=True))


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


# ---- names of files --------------------------------------------------------------------

_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)  # Windows
_PLAIN = "._@+-"


def file_names(sheets: Iterable[str]) -> Iterator[str]:
    """A file name for every sheet: its own without what file systems mind, no two alike.

    Names alike but for the case, or for how an accent is written, are one to some systems.
    """
    taken: set[str] = set()
    times: Counter[str] = Counter()
    for sheet in sheets:
        plain = _plain(sheet)
        name = plain
        while _folded(name) in taken:
            times[_folded(plain)] += 1
            name = f"{plain}-{times[_folded(plain)] + 1}"
        taken.add(_folded(name))
        yield name


def _plain(sheet: str) -> str:
    letters = (c if c in _PLAIN or _in_a_word(c) else " " for c in sheet)
    name = "-".join("".join(letters).split())
    short = name.encode("utf-8", "ignore")[:_LONGEST].decode("utf-8", "ignore").strip("-.")
    return f"sheet-{short}".strip("-") if not short or _RESERVED.fullmatch(short) else short


def _in_a_word(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter).startswith("M")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKD", name).casefold()
