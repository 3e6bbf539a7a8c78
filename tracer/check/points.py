"""Points: what each answer is worth, and how much of it a mark gets.

    [points]
    default = 1                     # every answer that is asked for
    each = { "w5+" = 2, "E" = 1 }   # these are worth something else
    mistake = 0.5                   # the share of it for a named mistake

The table is part of a scenario, or a marks file of its own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from tracer.check.marks import Judged, Mark, Report, Sheet
from tracer.check.wording import POINT_DIGITS
from tracer.errors import LookupFailed, ScenarioError
from tracer.fields import Model, Number, Title
from tracer.problems import Keys, explained, listed
from tracer.sources import start_of

MAX_SIZE = 20_000  # bytes of a marks file
MAX_WORTH = 1_000_000

_TABLE = "points"
_UNIT = Decimal(1).scaleb(-POINT_DIGITS)
_NONE, _ALL = Decimal(0), Decimal(1)

Worth = Annotated[Number, Field(ge=0, le=MAX_WORTH)]
Share = Annotated[Number, Field(ge=0, le=1)]


class Points(Model):
    """What answers are worth, and the share of it that each mark gets."""

    default: Worth = Decimal(1)
    each: dict[Title, Worth] = Field(default_factory=dict)  # by name, in any of its spellings
    given_yours: Share = Decimal(1)
    not_testable: Share = Decimal(1)
    mistake: Share = Decimal("0.5")
    slip: Share = Decimal("0.5")
    digits: Share = Decimal(1)  # times this where too few digits were written

    def share(self, mark: Mark) -> Decimal:
        """The part of its worth that an answer with this mark gets."""
        shares = {
            Mark.RIGHT: _ALL,
            Mark.GIVEN_YOURS: self.given_yours,
            Mark.OPEN: self.not_testable,
            Mark.MISTAKE: self.mistake,
            Mark.SLIP: self.slip,
        }
        return shares.get(mark, _NONE)


# ---- giving them -----------------------------------------------------------------------


def award(
    report: Report, points: Points, find: Callable[[str], str], file: str = f"[{_TABLE}]"
) -> Report:
    """The report with the worth of every answer and the points it gets.

    find      the name of the step that a person means; raises LookupFailed
    file      what error lines call the table
    raises    ScenarioError for names under `each` that are no steps, or the same step twice
    """
    worth = _worth(points, find, file)
    return replace(report, sheets=tuple(_awarded(s, points, worth) for s in report.sheets))


def _worth(points: Points, find: Callable[[str], str], file: str) -> Mapping[str, Decimal]:
    """What the steps under `each` are worth, by their own names."""
    found: dict[str, str] = {}
    problems = []
    for typed in points.each:
        try:
            name = find(typed)
        except LookupFailed as wrong:
            problems.append(f"each: {wrong}")
            continue
        if name in found:
            problems.append(f"each: {found[name]!r} and {typed!r} are the same step")
        found[name] = typed
    if problems:
        raise ScenarioError(listed(file, problems))
    return {name: points.each[typed] for name, typed in found.items()}


def _awarded(sheet: Sheet, points: Points, worth: Mapping[str, Decimal]) -> Sheet:
    judged = (_scored(j, points, worth.get(j.name, points.default)) for j in sheet.judged)
    return replace(sheet, judged=tuple(judged))


def _scored(j: Judged, points: Points, worth: Decimal) -> Judged:
    """An answer with its points, computed in decimals and rounded once."""
    few = points.digits if j.enough_digits is False else _ALL
    with localcontext(prec=400):
        gets = worth * points.share(j.mark) * few
        return replace(j, points=_rounded(gets), worth=_rounded(worth))


def _rounded(value: Decimal) -> float:
    return float(value.quantize(_UNIT, ROUND_HALF_UP))


# ---- reading a marks file --------------------------------------------------------------


def read_points(path: Path) -> Points:
    """The points of a marks file: a table [points], or its keys at the top.

    raises    ScenarioError with every problem of the file, also if it cannot be read
    """
    table = _toml(path)
    model = _File if _TABLE in table else Points
    try:
        found = model.model_validate(table)
    except ValidationError as wrong:
        raise ScenarioError(listed(str(path), explained(wrong, table, _known))) from None
    return found.points if isinstance(found, _File) else found


class _File(Model):
    """A marks file with the table that a scenario has."""

    points: Points


def _known(place: Keys) -> list[str]:
    """The keys that a table may have; at the top also the table itself."""
    return [*Points.model_fields, *([] if place else [_TABLE])]


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path), parse_float=Decimal)
    except OSError as wrong:
        problem = wrong.strerror or str(wrong)
    except UnicodeDecodeError:
        problem = "not UTF-8; save it as UTF-8 text"
    except RecursionError:
        problem = "nested too deeply"
    except (ValueError, ArithmeticError) as wrong:
        problem = f"not valid TOML: {wrong}"
    raise ScenarioError([f"{path}: {problem}"])


def _text(path: Path) -> str:
    raw = start_of(path, MAX_SIZE + 1)
    if len(raw) > MAX_SIZE:
        raise ScenarioError([f"{path}: larger than {MAX_SIZE:,} bytes, not a marks file"])
    return raw.decode("utf-8-sig")
