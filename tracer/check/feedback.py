"""Feedback for one student as Markdown: what is right, what to fix first, what follows from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from jinja2 import Environment

from tracer.check import wording
from tracer.check.account import account
from tracer.check.marks import Judged, Report, Sheet
from tracer.markup import environment


def feedback(sheet: Sheet, report: Report) -> str:
    """A page for one student."""
    return _rendered(sheet, title=report.title, whole=True)


def in_short(sheet: Sheet) -> str:
    """The same without its heading and its table, for where the answers are listed anyway."""
    return _rendered(sheet, title="", whole=False)


def _rendered(sheet: Sheet, *, title: str, whole: bool) -> str:
    text = (
        _environment()
        .get_template("feedback.md")
        .render(
            sheet=sheet,
            told=account(sheet),
            title=title,
            whole=whole,
            label=wording.names([sheet]).label,
            intro=wording.intro(sheet),
            few=wording.FEW,
        )
    )
    return wording.writable(re.sub(r"\n{3,}", "\n\n", text).strip() + "\n")


@cache
def _environment() -> Environment:
    """Every text of other people goes through `escaped`."""
    found = environment(
        {
            "escaped": wording.escaped,
            "typed": _typed,
            "note": wording.note,
            "accepted": wording.accepted,
            "word": lambda j: wording.WORDS[j.mark].both,
            "steps": _steps,
            "answers": _answers,
        }
    )
    found.globals["score"] = wording.score
    return found


def _typed(j: Judged) -> str:
    return wording.escaped(j.typed, wording.TYPED) or "–"


def _steps(judged: Sequence[Judged], sheet: Sheet) -> str:
    """`h1, h2 and 4 more`, names in bold."""
    return wording.listed(
        [f"**{wording.escaped(label)}**" for label in map(wording.names([sheet]).label, judged)]
    )


def _answers(judged: Sequence[Judged]) -> str:
    return "1 answer" if len(judged) == 1 else f"{len(judged)} answers"
