"""Words for marks, numbers and steps that every report uses; other people's text made harmless.

All texts of a Report are plain text: what a student typed may be quoted in any of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from tracer.check.marks import Judged, Mark, Sheet
from tracer.numbers import Digits, as_printed, show

POINT_DIGITS = 4  # after the point; points are rounded to what is displayed
TYPED = 40  # characters of what was typed that a report repeats
LISTED = 8  # steps that a sentence names
FEW = 2  # wrong steps of which each is told what follows from it

_MOST = 4_000  # characters of any other text
_UNITS = 5  # an accepted range is at least so many units of its last digit wide
_NO_WIDTH = 1e-300
_NOISE = Decimal("1e-6")  # units; what a bound is off by less is noise of binary floats
_SEEN_UNITS = 10**15


@dataclass(frozen=True)
class Word:
    """How a mark is shown."""

    sign: str
    word: str
    colour: str

    @property
    def both(self) -> str:
        return f"{self.sign} {self.word}"


WORDS: Mapping[Mark, Word] = {
    Mark.RIGHT: Word("✓", "right", "green"),
    Mark.GIVEN_YOURS: Word("↳", "given yours", "green"),
    Mark.OPEN: Word("?", "not testable", "yellow"),
    Mark.MISTAKE: Word("✗", "mistake", "bold red"),
    Mark.SLIP: Word("~", "slip", "yellow"),
    Mark.WRONG: Word("✗", "wrong", "bold red"),
    Mark.MISSING: Word("–", "no answer", "dim"),
    Mark.UNREADABLE: Word("?", "not a number", "yellow"),
}
GIVEN = "right given earlier numbers"


# ---- numbers ---------------------------------------------------------------------------


def as_points(value: float) -> float:
    """Points rounded as they are displayed; a whole number without a point."""
    kept = round(value, POINT_DIGITS)
    return int(kept) if kept == int(kept) else kept


def points(value: float) -> str:
    """`1.5`, `2`, `0.3333`."""
    return f"{as_points(value):.{POINT_DIGITS}f}".rstrip("0").rstrip(".")


def score(part: float, whole: float) -> str:
    """`7.5 of 11 points`."""
    return f"{points(part)} of {points(whole)} point{'' if as_points(whole) == 1 else 's'}"


def percent(part: float, whole: float) -> str:
    """A share rounded to a whole per cent; empty of nothing."""
    return f"{100 * part / whole:.0f} %" if whole else ""


def accepted(bounds: tuple[float, float] | None) -> str:
    """`0.0003 … 0.0005`: the digits that matter, both bounds rounded inwards; or a dash."""
    if bounds is None or not all(map(math.isfinite, (*bounds, bounds[1] - bounds[0]))):
        return "–"
    low, high = bounds
    if high - low < _NO_WIDTH:
        return show(low, Digits(None, 10)).plain
    place = math.floor(math.log10((high - low) / _UNITS))
    ends = _to(low, place, ROUND_CEILING), _to(high, place, ROUND_FLOOR)
    return " … ".join(_trimmed([as_printed(end) for end in ends]))


def _to(value: float, place: int, direction: str) -> Decimal:
    """A bound in units of 10^place; the noise of its last bits decides nothing."""
    units = Decimal(value).scaleb(-place)
    if abs(units) < _SEEN_UNITS:
        units = units.quantize(_NOISE, ROUND_HALF_UP)
    return units.to_integral_value(direction).scaleb(place)


def _trimmed(texts: Sequence[str]) -> Sequence[str]:
    """Without the zeros at the end that all have after the point."""
    while all("." in text and "e" not in text and text[-1] in "0." for text in texts):
        texts = [text[:-1] for text in texts]
    return texts


# ---- steps -----------------------------------------------------------------------------


def names(sheets: Sequence[Sheet]) -> Namer:
    """How the steps of these sheets are told apart: by sample and iteration where it matters."""
    judged = [j for sheet in sheets for j in sheet.judged]
    return Namer(any(j.sample for j in judged), any(j.iteration for j in judged))


@dataclass(frozen=True)
class Namer:
    """What a step is called, with its sample and iteration only if others have another."""

    samples: bool
    iterations: bool

    def label(self, j: Judged) -> str:
        """`∂E/∂w5[2] @5`, as `tracer verify` writes it: samples are counted from 0."""
        return seen(j.label + self._where(j))

    def name(self, j: Judged) -> str:
        """The same with the name that is typed: `dE/dw5[2] @5`."""
        return seen(j.name + self._where(j))

    def _where(self, j: Judged) -> str:
        sample = f"[{j.sample}]" if self.samples and j.sample is not None else ""
        return sample + (f" @{j.iteration}" if self.iterations else "")


def listed(words: Sequence[str], most: int = LISTED) -> str:
    """`a, b and c`; of more than `most`, these and how many more."""
    if len(words) > most + 1:
        words = [*words[:most], f"{len(words) - most} more"]
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def note(j: Judged) -> str:
    """What is to be said of one answer, its digits included."""
    few = j.enough_digits is False and "digit" not in j.says
    return " ".join(filter(None, (j.says, "Too few digits." if few else "")))


# ---- what explains a sheet -------------------------------------------------------------


def alternatives(sheet: Sheet) -> bool:
    """Whether several explanations fit and only one of them can be true."""
    return len(sheet.explanations) > 1 and not sheet.together


def intro(sheet: Sheet) -> str:
    """What stands before several explanations; empty before one."""
    if len(sheet.explanations) < 2:
        return ""
    return "Two things at once:" if sheet.together else "Your numbers fit any of these:"


def why(sheet: Sheet, word: str = "explains") -> str:
    """The explanations in a few words, or another field of them: `a and b`, or `a, or b`."""
    joint = ", or " if alternatives(sheet) else " and "
    return joint.join(dict.fromkeys(seen(getattr(e, word)) for e in sheet.explanations))


# ---- text of others --------------------------------------------------------------------

_JOINERS = "\u200c\u200d"  # harmless, and part of Persian words and of emoji


def seen(text: str, most: int = _MOST) -> str:
    """A text as one line that hides nothing and that a terminal does not obey."""
    line = " ".join(text.split())
    shown = "".join(c if c.isprintable() or c in _JOINERS else "\ufffd" for c in line)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def typed(j: Judged) -> str:
    """What a student wrote, shortened."""
    return seen(j.typed, TYPED)


# What would be markup, also in GitHub's and Pandoc's Markdown: HTML, tables, links, mathematics,
# addresses that become links by themselves; and at the start what would make a list or a rule.
_MARKUP = re.compile(r"[\\`*_\[\]{}#|$~^@]|:(?=\S)|(?<=[Ww]{3})\.|^[-+=](?!\d)")
_LIST = re.compile(r"^(\d{1,9})([.)])(?!\d)")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escaped(text: str, most: int = _MOST) -> str:
    """A text as Markdown that shows it and nothing else, wherever it stands."""
    plain = _LIST.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", seen(text, most)))
    return plain.translate(_ENTITIES)


def writable(text: str) -> str:
    """A text without halves of surrogate pairs, which no UTF-8 file can hold.

    The name of a file that is no UTF-8 has them, and so may a text of a JSON file.
    """
    return text.encode("utf-8", "replace").decode("utf-8")
