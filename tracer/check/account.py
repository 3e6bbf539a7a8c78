"""A sheet in the order in which it is told: what is right, what to fix first, what follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tracer.check.marks import Judged, Mark, Sheet


@dataclass(frozen=True)
class Account:
    """The answers of a sheet by what is to be said of them; each group in order of computation."""

    fine: bool  # there are answers, and all of them are right
    right: tuple[Judged, ...]
    given: tuple[Judged, ...]  # right given the person's earlier numbers
    untested: tuple[Judged, ...]  # of which nothing can be told at this precision
    first: Judged | None  # the first wrong one
    alike: tuple[Judged, ...]  # wrong by the mistake that the first has
    made: tuple[tuple[Judged, ...], ...]  # of two mistakes at once: where each of them shows
    follows: tuple[tuple[str, tuple[Judged, ...]], ...]  # by the label of what they follow from
    rest: tuple[Judged, ...]  # wrong for another reason
    missing: tuple[Judged, ...]
    line: str  # the first wrong step as it should be written, unless an explanation says it


def account(sheet: Sheet) -> Account:
    """What there is to say of a sheet."""
    first = sheet.first_wrong
    same = set(first.mistakes) if first else set()
    wrong = _those(sheet, lambda j: _wrong(j) and j is not first)
    made = tuple(_those(sheet, lambda j, e=e: e.id in j.mistakes) for e in sheet.explanations)  # type: ignore[misc]
    shown = {j.name for group in made for j in group} if sheet.together else set()
    return Account(
        fine=bool(sheet.judged) and sheet.fine and all(j.mark is Mark.RIGHT for j in sheet.judged),
        right=_those(sheet, lambda j: j.mark is Mark.RIGHT),
        given=_those(sheet, lambda j: j.mark is Mark.GIVEN_YOURS),
        untested=_those(sheet, lambda j: j.mark is Mark.OPEN),
        first=first,
        alike=() if sheet.together else tuple(j for j in wrong if same.intersection(j.mistakes)),
        made=made if sheet.together else (),
        follows=_follows(sheet),
        rest=tuple(j for j in wrong if not same.intersection(j.mistakes) and j.name not in shown),
        missing=_those(sheet, lambda j: j.mark is Mark.MISSING),
        line=_line(sheet, first),
    )


def _those(sheet: Sheet, wanted: Callable[[Judged], bool]) -> tuple[Judged, ...]:
    return tuple(j for j in sheet.judged if wanted(j))


def _wrong(j: Judged) -> bool:
    return not j.mark.accepted and j.mark is not Mark.MISSING


def _follows(sheet: Sheet) -> tuple[tuple[str, tuple[Judged, ...]], ...]:
    """What is right given an earlier wrong step, by that step."""
    given = _those(sheet, lambda j: j.mark is Mark.GIVEN_YOURS and bool(j.follows))
    labels = dict.fromkeys(j.follows for j in given)
    return tuple((label, tuple(j for j in given if j.follows == label)) for label in labels)


def _line(sheet: Sheet, first: Judged | None) -> str:
    if first is None or any(first.line in text for text in _said(sheet, first)):
        return ""
    return first.line


def _said(sheet: Sheet, first: Judged) -> list[str]:
    return [first.says, *(e.says for e in sheet.explanations)]
