"""What a scenario, a reading or a command line may state as a mistake.

All of the catalog, by id or by the words that explain it; and the rounding of gradients, which a
listing does though it should not. That one says how far, and nobody looks for it in a sheet:
honest work by hand is rounded too.
"""

from __future__ import annotations

from functools import cache

from tracer.errors import nearest
from tracer.mistakes import edits
from tracer.mistakes.catalog import MISTAKES, Mistake
from tracer.mistakes.running import gradients

ROUNDED, HALVED_ID = "rounded-gradients", "gradient-halved"


def rounded_gradients(decimals: int) -> Mistake:
    """That every gradient is rounded before the update uses it."""
    return Mistake(
        ROUNDED,
        f"the gradients are rounded to {decimals} decimals",
        "Digits that are rounded away are missing in all that follows. A program computes with all "
        "it has, and rounds only what it prints.",
        gradients(edits.altered(edits.rounded(decimals))),
    )


@cache
def named(text: str) -> Mistake | None:
    """The mistake of an id, or of the words that explain it."""
    return next((m for m in MISTAKES if text in (m.id, m.explains)), None)


#: What a source does that leaves out the 2 of a square's derivative, and says so.
_HALVED = named(HALVED_ID)
assert _HALVED, HALVED_ID
HALVED: Mistake = _HALVED


def names() -> tuple[str, ...]:
    """The ids and the words of the catalog."""
    return tuple(name for m in MISTAKES for name in (m.id, m.explains))


def wrongly_stated(name: str, decimals: int | None) -> str | None:
    """What is wrong with a mistake as it is stated, or nothing."""
    if name == ROUNDED:
        return f"{ROUNDED} needs decimals" if decimals is None else None
    if named(name) is None:
        return f"no mistake {name!r}{nearest(name, (ROUNDED, *names()))}"
    return f"decimals belong to {ROUNDED} alone" if decimals is not None else None
