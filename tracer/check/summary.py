"""What a class got right and wrong: the step most fail at first, the mistakes, the digits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tracer.check import typed
from tracer.check.marks import Judged, Mark, Report, Sheet
from tracer.check.wording import (
    alternatives,
    as_points,
    escaped,
    listed,
    names,
    percent,
    score,
    seen,
)

WORST = 10  # steps that a terminal shows


@dataclass(frozen=True)
class Failed:
    """How the sheets of a class did at one step."""

    label: str
    first: int  # sheets whose first wrong step this is
    wrong: int  # sheets where it is wrong in itself
    missing: int
    sheets: int  # that ask for it

    @property
    def share(self) -> str:
        return percent(self.wrong, self.sheets)


@dataclass(frozen=True)
class Made:
    """How often a mistake was made."""

    id: str
    explains: str
    sheets: int  # it explains for certain
    maybe: int  # where others fit as well

    @property
    def often(self) -> str:
        """`3`, or `3 (and 2 possible)`."""
        return f"{self.sheets} (and {self.maybe} possible)" if self.maybe else f"{self.sheets}"


@dataclass(frozen=True)
class Summary:
    """All sheets of a report in numbers."""

    title: str
    sheets: int
    fine: int  # sheets with nothing missing or wrong
    points: float  # mean
    worth: float  # mean
    steps: tuple[Failed, ...]  # in the order of computation
    mistakes: tuple[Made, ...]  # the most frequent first
    unexplained: int  # sheets with a wrong step and no explanation
    decimals: tuple[tuple[int, int], ...]  # digits after the point that a sheet keeps; sheets

    @property
    def failing(self) -> tuple[Failed, ...]:
        """The steps at which somebody fails; first where most fail first."""
        bad = (step for step in self.steps if step.wrong)
        return tuple(sorted(bad, key=lambda step: (-step.first, -step.wrong)))


def summary(report: Report) -> Summary:
    """The report in numbers."""
    sheets = report.sheets
    many = max(len(sheets), 1)
    digits = Counter(kept for kept in map(_decimals, sheets) if kept is not None)
    return Summary(
        title=report.title,
        sheets=len(sheets),
        fine=sum(s.fine for s in sheets),
        points=as_points(sum(s.points for s in sheets) / many),
        worth=as_points(sum(s.worth for s in sheets) / many),
        steps=_steps(sheets),
        mistakes=_mistakes(sheets),
        unexplained=sum(s.first_wrong is not None and not s.explanations for s in sheets),
        decimals=tuple(sorted(digits.items())),
    )


def _steps(sheets: Sequence[Sheet]) -> tuple[Failed, ...]:
    namer = names(sheets)
    asked = Counter(namer.label(j) for s in sheets for j in s.judged)
    first = Counter(namer.label(s.first_wrong) for s in sheets if s.first_wrong)
    missing = Counter(namer.label(j) for s in sheets for j in s.judged if _missing(j))
    wrong = Counter(namer.label(j) for s in sheets for j in s.judged if _wrong(j))
    return tuple(
        Failed(label, first[label], wrong[label], missing[label], count)
        for label, count in asked.items()
    )


def _missing(j: Judged) -> bool:
    return j.mark is Mark.MISSING


def _wrong(j: Judged) -> bool:
    return not j.mark.accepted and not _missing(j)


def _mistakes(sheets: Sequence[Sheet]) -> tuple[Made, ...]:
    explains = {e.id: e.explains for s in sheets for e in s.explanations}
    sure, maybe = Counter[str](), Counter[str]()
    for sheet in sheets:
        (maybe if alternatives(sheet) else sure).update({e.id for e in sheet.explanations})
    made = (Made(id, text, sure[id], maybe[id]) for id, text in explains.items())
    return tuple(sorted(made, key=lambda m: (-m.sheets, -m.maybe)))


def _decimals(sheet: Sheet) -> int | None:
    """The digits after the point that most of a sheet's numbers have; None without numbers."""
    kept = Counter(d for d in (_places(j.typed) for j in sheet.judged) if d is not None)
    return max(kept, key=lambda d: (kept[d], d), default=None)


def _places(text: str) -> int | None:
    try:
        found = typed.read(text)
    except typed.Unreadable:
        return None
    return found.decimals


# ---- in words --------------------------------------------------------------------------


def sentences(s: Summary) -> list[str]:
    """What is said above the tables."""
    found = [f"{_count(s.sheets)}, {s.fine} without a mistake."]
    if s.worth:
        found.append(f"On average {score(s.points, s.worth)} ({percent(s.points, s.worth)}).")
    if s.failing and s.failing[0].first:
        worst = s.failing[0]
        found.append(f"Most often {seen(worst.label)} is the first wrong step ({worst.first}).")
    if s.unexplained:
        found.append(f"{_count(s.unexplained)} with a wrong number that no known mistake explains.")
    if s.decimals:
        kept = [f"{places} ({_count(sheets)})" for places, sheets in s.decimals]
        found.append(f"Digits after the point: {listed(kept)}.")
    return found


def _count(sheets: int) -> str:
    return f"{sheets} sheet{'' if sheets == 1 else 's'}"


def summary_markdown(s: Summary) -> str:
    """The summary as a page of its own."""
    parts = [f"# {escaped(s.title)}", *map(escaped, sentences(s))]
    if s.failing:
        rows = [(escaped(f.label), f.first, f.wrong, f.share, f.missing) for f in s.failing]
        head = ("step", "first wrong step", "wrong", "of the sheets", "no answer")
        parts += ["## Steps", _table(head, rows)]
    if s.mistakes:
        made = [(escaped(m.explains), m.often, escaped(m.id)) for m in s.mistakes]
        parts += ["## Mistakes", _table(("mistake", "sheets", "id"), made)]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
