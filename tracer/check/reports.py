"""A report as data: JSON with everything, and a gradebook with a row a student."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from typing import Any

from tracer.check.marks import Judged, Report, Sheet
from tracer.check.wording import alternatives, as_points, names, seen, writable

SCHEMA = 1  # counted up when a field of the JSON changes its meaning


def to_json(report: Report) -> str:
    """`{"schema", "scenario", "title", "sheets": [{"sheet", "marks": [{"name", …}], …}]}`.

    A number that is not finite is null, and so is a range with such an end.
    """
    found = {
        "schema": SCHEMA,
        "scenario": report.scenario,
        "title": report.title,
        "sheets": [_sheet(sheet) for sheet in report.sheets],
    }
    return writable(json.dumps(found, ensure_ascii=False, allow_nan=False, indent=1)) + "\n"


def _sheet(sheet: Sheet) -> dict[str, Any]:
    first = sheet.first_wrong
    return {
        "sheet": sheet.sheet,
        "marks": [_mark(j) for j in sheet.judged],
        "first_wrong": first.name if first else None,
        "mistakes": [
            {"id": e.id, "at": e.at, "explains": e.explains, "says": e.says}
            for e in sheet.explanations
        ],
        "together": sheet.together,
        "says": list(sheet.says),
        "remarks": list(sheet.remarks),
        "unknown": list(sheet.unknown),
        "points": as_points(sheet.points),
        "worth": as_points(sheet.worth),
    }


def _mark(j: Judged) -> dict[str, Any]:
    return {
        "name": j.name,
        "iteration": j.iteration,
        "sample": j.sample,
        "typed": j.typed,
        "value": j.value if math.isfinite(j.value) else None,
        "accepted": list(j.accepted)
        if j.accepted and all(map(math.isfinite, j.accepted))
        else None,
        "mark": j.mark.value,
        "enough_digits": j.enough_digits,
        "testable": j.testable,
        "mistakes": list(j.mistakes),
        "follows": j.follows,
        "says": j.says,
        "line": j.line,
        "points": as_points(j.points),
        "worth": as_points(j.worth),
    }


# ---- gradebook -------------------------------------------------------------------------

Key = tuple[str, int, int | None]  # what is the same step in all sheets


def gradebook_csv(report: Report) -> str:
    """A row a student: points, the mistakes' ids, the mark of every step.

    No cell is a formula to a spreadsheet: a text that would be one begins with an apostrophe.
    Ids of alternatives are separated by `|`, of mistakes made together by `+`.
    """
    namer = names(report.sheets)
    steps = {_key(j): namer.name(j) for sheet in report.sheets for j in sheet.judged}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ("sheet", "points", "worth", "percent", "mistakes", *steps.values())
    for row in (head, *(_row(sheet, list(steps)) for sheet in report.sheets)):
        writer.writerow([_harmless(cell) for cell in row])
    return writable(out.getvalue())


def _key(j: Judged) -> Key:
    return j.name, j.iteration, j.sample


def _row(sheet: Sheet, steps: list[Key]) -> tuple[str | float, ...]:
    marks = {_key(j): j.mark.value for j in sheet.judged}
    share = round(100 * sheet.points / sheet.worth, 1) if sheet.worth else ""
    ids = dict.fromkeys(e.id for e in sheet.explanations)
    return (
        sheet.sheet,
        as_points(sheet.points),
        as_points(sheet.worth),
        as_points(share) if isinstance(share, float) else share,
        (" | " if alternatives(sheet) else " + ").join(ids),
        *(marks.get(step, "") for step in steps),
    )


_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_FORMULA = tuple("=+-@＝＋－＠")  # full width ones count in East Asian spreadsheets


def _harmless(cell: str | float) -> str | float:
    """A text as one line that no spreadsheet takes for a formula; a number stays one."""
    if not isinstance(cell, str):
        return cell
    text = seen(cell)  # csv leaves a carriage return unquoted, which would begin a row
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
