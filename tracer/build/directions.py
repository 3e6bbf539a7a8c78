"""The direction that a scenario moves its givens in, and the tangents that follow."""

from __future__ import annotations

from tracer import labels
from tracer.build.sheet import Sheet
from tracer.errors import ProgramError
from tracer.labels import Label, Tangent
from tracer.tangents import DIRECTION, emit_tangents


def emit_direction(sheet: Sheet, root: int | None) -> None:
    """Emit the tangents of forward mode, those of the moved givens first.

    raises    ProgramError for a direction in which the error, or any step at all, does not change
    """
    stated = sheet.s.conventions.tangents or {}
    if not stated:
        return
    if unread := [name for name in stated if name not in sheet.cells]:
        raise ProgramError(f"conventions.tangents: no step reads {unread[0]!r}")
    cells = [sheet.cells[name] for name in stated]
    called: list[Label] = [Tangent(sheet.draft.label(cell)) for cell in cells]
    seeds = sheet.draft.given(called, part=DIRECTION)
    sheet.further.update(zip(map(labels.name, called), stated.values(), strict=True))
    moved = [name for name, number in stated.items() if number]
    found = emit_tangents(
        sheet.draft, dict(zip(cells, map(int, seeds), strict=True)),
        [] if root is None else [root],
        along=sheet.cells[moved[0]] if [stated[name] for name in moved] == [1] else None,
        shared=sheet.s.conventions.update == "simultaneous",
    )  # fmt: skip
    if (root not in found) if root is not None else (len(found) == len(seeds)):
        what = "no step" if root is None else labels.name(sheet.draft.label(root))
        still = "depends" if root is None else "does not depend"
        raise ProgramError(f"conventions.tangents: {what} {still} on {', '.join(stated)}")
