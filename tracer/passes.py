"""The answers that can be looked at: one hostile sheet must not stop a class, nor slow it down.

Every iteration that a sheet names has to be computed, and every step of it becomes a node of the
graph; every name that is no step costs a search for the nearest one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tracer import run
from tracer.check.answers import Answer, Answers
from tracer.check.lookup import cell_of
from tracer.errors import LookupFailed
from tracer.program import Program
from tracer.scenario import Scenario

MAX_VALUES = 50_000_000  # of the passes up to one that only a sheet asks for; about a second
MAX_NODES = 6_000  # of iterations that only sheets ask for
MAX_UNKNOWN = 500  # names of a sheet that are no steps


def within(
    scenario: Scenario, answers: Sequence[Answers], *, reading: str | None, iteration: int,
    ask: Sequence[str],
) -> tuple[list[Answers], list[Answers]]:  # fmt: skip
    """The sheets as they are marked, and what of them decides which passes are computed.

    A sheet with very many names that are no steps is cut short. Of the iterations that only
    sheets name, those too late to compute or too many to judge are left out of the second.
    """
    if not any(map(_needs_care, answers)):
        return list(answers), list(answers)
    first = run.trace(scenario, iterations=0, reading=reading)
    marked = [_cut(sheet, first.program) for sheet in answers]
    size = max(len(first) * first.program.samples, 1)
    agreed = {iteration, *filter(None, map(_asked, ask))}
    last = max(*agreed, scenario.under(reading).iterations, MAX_VALUES // size)
    kept = agreed | set(_common(marked, last, MAX_NODES // size - len(agreed) - 1))
    return marked, [_only(sheet, kept) for sheet in marked]


def _needs_care(sheet: Answers) -> bool:
    return len(sheet.answers) > MAX_UNKNOWN or any(a.iteration for a in sheet.answers)


def _asked(name: str) -> int | None:
    """The iteration of a question: 1 in E@1."""
    at = name.rpartition("@")[2]
    return int(at) if "@" in name and at.isdecimal() and len(at) < 10 else None


def _common(answers: Sequence[Answers], last: int, room: int) -> Iterator[int]:
    """The iterations that most sheets name, as many as there is room for."""
    named = Counter(k for sheet in answers for k in {a.iteration for a in sheet.answers} if k)
    fine = ((k, times) for k, times in named.items() if k is not None and k <= last)
    order = sorted(fine, key=lambda pair: (-pair[1], pair[0]))
    yield from (k for k, _ in order[: max(room, 0)])


def _only(sheet: Answers, iterations: set[int]) -> Answers:
    """The sheet; its answers of other iterations lose their names, so that they mean no step."""
    known = {None, 0, *iterations}
    kept = (
        a if a.iteration in known else replace(a, name="", iteration=None) for a in sheet.answers
    )
    return replace(sheet, answers=tuple(kept))


def _cut(sheet: Answers, program: Program) -> Answers:
    """The sheet up to where names that are no steps are too many."""
    kept = tuple(_known(sheet.answers, program))
    if len(kept) == len(sheet.answers):
        return sheet
    said = f"more than {MAX_UNKNOWN:,} names are no steps: what is below them is not read"
    return replace(sheet, answers=kept, remarks=(said, *sheet.remarks))


def _known(answers: Sequence[Answer], program: Program) -> Iterator[Answer]:
    unknown: set[str] = set()
    for answer in answers:
        if answer.name not in unknown:
            try:
                cell_of(program, answer.name)
            except LookupFailed:
                unknown.add(answer.name)
        if len(unknown) > MAX_UNKNOWN:
            return
        yield answer
