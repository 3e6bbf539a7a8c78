"""A person's answers from a file: CSV, JSON, TOML, a Markdown table, XLSX, or a folder of them.

A file that cannot be read is one UsageError; a cell that is no number is an answer with its
problem, and the rest is read on. Nothing in a file is executed.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, islice
from pathlib import Path

from tracer.check.cells import MAX_CELLS, Entry, NotRead, Person, shown
from tracer.check.formats import ENDINGS, read_people
from tracer.check.typed import NOTHING, Typed, Unreadable, read
from tracer.errors import UsageError
from tracer.sources import start_of

MAX_SIZE = 10_000_000  # bytes of a file
MAX_FILES = 5_000  # of a folder
_UNSEEN = "\N{REPLACEMENT CHARACTER}"  # a cell of which nothing can be shown
_MAX_REMARKS = 30  # of a file; nobody reads more


@dataclass(frozen=True)
class Answer:
    """One cell: a number, why it is none, or nothing (asked, not answered)."""

    name: str  # as written, without letters that nobody sees
    text: str  # the cell as it is, shortened
    typed: Typed | None
    problem: str  # why there is no number; empty if there is one, and for an empty cell
    where: str  # "answers.csv:7" or "answers.xlsx: Sheet1!B7"
    iteration: int | None = None
    sample: int | None = None


@dataclass(frozen=True)
class Answers:
    """One person's answers, each name once for an iteration and a sample."""

    sheet: str  # the file's name without its ending, or the person's where a file has several
    answers: tuple[Answer, ...]
    remarks: tuple[str, ...] = ()


def read_answers(path: Path) -> list[Answers]:
    """The answers of a file, or of every file of a folder; no two sheets of one name.

    In a folder a file that cannot be read is one person's: an empty `Answers` that says so.

    raises    UsageError for a file that cannot be read, or a folder without any
    """
    if os.path.isdir(path):  # Path.is_dir fails for a name that is too long
        return _apart(_folder(path))
    try:
        return _apart(_file(path, path.stem))
    except NotRead as wrong:
        raise UsageError(f"{shown(str(path))}: {wrong}") from wrong


def read_answers_text(text: bytes, name: str, ending: str | None = None) -> list[Answers]:
    """The answers of what a file holds; without an ending its kind is guessed.

    name      what the file is called in errors, places and as a sheet
    raises    UsageError
    """
    try:
        return _apart(_sheets(text, name, name, ending or ""))
    except NotRead as wrong:
        raise UsageError(f"{shown(name)}: {wrong}") from wrong


def _apart(sheets: Iterable[Answers]) -> list[Answers]:
    """The sheets, each name once: the second Ada is Ada (2)."""
    taken: set[str] = set()
    return [replace(s, sheet=_another(s.sheet, taken)) for s in sheets]


def _another(name: str, taken: set[str]) -> str:
    names = chain([name], (f"{name} ({k})" for k in count(2)))
    free = next(n for n in names if n not in taken)
    taken.add(free)
    return free


# ---- files -----------------------------------------------------------------------------

#: Files of a folder that nobody hands in.
_IGNORED = re.compile(
    r"[.~].*|readme(\..*)?|thumbs\.db|desktop\.ini|__macosx|.*\.(png|jpe?g|gif|svg|webp|heic|bmp)",
    re.IGNORECASE | re.DOTALL,
)


def _folder(path: Path) -> Iterator[Answers]:
    """Everybody's answers in a folder, and in a folder in it for each person."""
    try:
        files = list(islice(_files(path), MAX_FILES + 1))
    except OSError as wrong:
        raise UsageError(f"{shown(str(path))}: {wrong.strerror or wrong}") from wrong
    if len(files) > MAX_FILES:
        raise UsageError(f"{shown(str(path))}: more than {MAX_FILES:,} files")
    if not files:
        kinds = ", ".join(f".{ending}" for ending in ENDINGS)
        raise UsageError(
            f"{shown(str(path))}: no files of answers in this folder; read are {kinds}"
        )
    stems = Counter(file.stem for file in files)
    return chain(*(_one_of(path, f, f.stem if stems[f.stem] == 1 else f.name) for f in files))


def _files(path: Path) -> Iterator[Path]:
    """What was handed in, sorted; of a folder that cannot be opened the folder itself."""
    for found in _listed(path):
        try:
            inside = _listed(found) if found.is_dir() else [found]
        except OSError:
            inside = [found]
        yield from (p for p in inside if p == found or not p.is_dir())


def _listed(path: Path) -> list[Path]:
    found = (p for p in path.iterdir() if not _IGNORED.fullmatch(p.name))
    return sorted(islice(found, MAX_FILES + 1))


def _one_of(folder: Path, path: Path, name: str) -> list[Answers]:
    """A file of a folder; what is wrong with it is a remark."""
    name = name if path.parent == folder else f"{path.parent.name}/{path.stem}"
    try:
        if not path.is_dir() and _ending(path.suffix) not in ENDINGS:
            raise NotRead("not a kind of file that is read; save it as CSV or XLSX")
        return _file(path, name)
    except NotRead as wrong:
        return [Answers(shown(name), (), (f"{shown(path.name)}: {wrong}",))]


def _file(path: Path, sheet: str) -> list[Answers]:
    try:
        raw = start_of(path, MAX_SIZE + 1)
    except FileNotFoundError:
        gone = path.is_symlink()
        raise NotRead("a link to nothing" if gone else "no such file or folder") from None
    except (OSError, ValueError) as wrong:
        raise NotRead(getattr(wrong, "strerror", None) or str(wrong)) from wrong
    return _sheets(raw, path.name, sheet, path.suffix)


def _ending(suffix: str) -> str:
    return suffix.lower().removeprefix(".")


def _sheets(raw: bytes, file: str, sheet: str, ending: str) -> list[Answers]:
    if len(raw) > MAX_SIZE:
        raise NotRead(f"larger than {MAX_SIZE // 1_000_000} MB, not a file of answers")
    found = read_people(raw, shown(file), _ending(ending))
    if sum(len(person.entries) + 1 for person in found) > MAX_CELLS:
        raise NotRead(f"more than {MAX_CELLS:,} answers; split the file")
    return [_sheet(person, sheet) for person in found]


# ---- answers ---------------------------------------------------------------------------


def _sheet(person: Person, sheet: str) -> Answers:
    kept, remarks = _once(map(_answer, person.entries))
    said = few([*map(shown, person.remarks), *remarks])
    return Answers(shown(person.name or sheet), tuple(kept), tuple(said))


def few(remarks: Sequence[str]) -> Sequence[str]:
    """Remarks that somebody reads: of very many the first."""
    if len(remarks) <= _MAX_REMARKS:
        return remarks
    return [*remarks[: _MAX_REMARKS - 1], "and more of this kind"]


def _answer(entry: Entry) -> Answer:
    text, where, problem = entry.value
    typed, problem = (None, problem) if problem or not text.strip() else _typed(text)
    passes = [_whole(part) for part in (entry.iteration, entry.sample)]
    for what, found in zip(("iteration", "sample"), passes, strict=True):
        if found is not None and found < 0:
            typed, problem = None, f"its {what} is not a whole number"
    iteration, sample = (None if found is None or found < 0 else found for found in passes)
    name = shown(entry.name.strip().strip('$`"'))
    seen = shown(text) or (_UNSEEN if problem else "")
    return Answer(name, seen, typed, problem, where, iteration, sample)


def _typed(text: str) -> tuple[Typed | None, str]:
    try:
        return read(text), ""
    except Unreadable as wrong:
        return None, "" if str(wrong) == NOTHING else str(wrong)


def _whole(text: str) -> int | None:
    """A count; None for nothing, -1 for what is none."""
    if not text.strip():
        return None
    typed, _ = _typed(text)
    fits = typed and typed.value.denominator == 1 and 0 <= typed.value <= 10**9
    return int(typed.value) if typed and fits else -1


def _once(answers: Iterable[Answer]) -> tuple[Iterable[Answer], list[str]]:
    """Each name once, and what is said about those that are there with different numbers."""
    kept: dict[object, Answer] = {}
    remarks = []
    for answer in answers:
        key = (answer.name, answer.iteration, answer.sample)
        first = kept.setdefault(key, answer)
        better = answer if answer.text and (not first.text or not first.typed) else first
        better = better if better.typed or not first.text else first
        kept[key] = better
        if first.text and answer.text and not _same(first, answer):
            counts = "first" if better is first else "number"
            both = f"{first.text} and {answer.text}"
            remarks.append(f"{answer.name} is answered twice, {both}; the {counts} counts")
    return kept.values(), remarks


def _same(first: Answer, second: Answer) -> bool:
    if first.typed and second.typed:
        return first.typed.value == second.typed.value
    return first.text == second.text
