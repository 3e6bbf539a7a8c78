"""Slips of the pen and of the calculator: what a single wrong number looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from tracer.check.typed import Typed
from tracer.numbers import Digits, rounded

_POWERS = (1, -1, 2, -2, 3, -3)  # places that a decimal point is off by
_TELLING = 3  # significant digits from which another quantity's value is recognised


@dataclass(frozen=True)
class Wrong:
    """A wrong number, and what the step gives on the person's own numbers."""

    typed: Typed
    value: float
    radius: float

    @property
    def half(self) -> float:
        return float(self.typed.unit or 0) / 2

    def fits(self, number: float, scale: float = 1.0) -> bool:
        """Whether a number made of the typed one is the right one."""
        return abs(number - self.value) <= self.radius + self.half * scale

    @property
    def due(self) -> str:
        """The digits that should have been typed, to as many places."""
        places = self.typed.decimals or 0
        return f"{abs(rounded(Decimal(self.value), Digits(max(places, 0)))):f}"

    @property
    def digits(self) -> str:
        """The digits typed, without sign and power of ten."""
        places = max(self.typed.decimals or 0, 0)
        return f"{abs(Decimal(self.typed.number)):.{places}f}"


def slip(wrong: Wrong, others: Mapping[str, float]) -> str:
    """What happened, as a sentence for the student; empty where nothing is recognised.

    others    other quantities by the label that a reader knows
    """
    if not wrong.typed.unit or not wrong.typed.value:
        return ""
    found = (says(wrong) for says in _KINDS)
    return next((text for text in found if text), "") or _another(wrong, others)


def too_coarse(typed: Typed, value: float) -> bool:
    """Whether a number was rounded until nothing of it was left."""
    return bool(typed.unit) and float(typed.unit or 0) > abs(value) > 0


def _sign(wrong: Wrong) -> str:
    return "The sign is wrong." if wrong.fits(-wrong.typed.number) else ""


def _point(wrong: Wrong) -> str:
    moved = any(wrong.fits(wrong.typed.number * 10.0**k, 10.0**k) for k in _POWERS)
    return "The decimal point is in the wrong place." if moved else ""


def _exchanged(wrong: Wrong) -> str:
    text = wrong.digits
    swaps = (
        f"{text[:k]}{text[j]}{text[k + 1:j]}{text[k]}{text[j + 1:]}"
        for k in range(len(text)) if text[k] != "."
        for j in _next(text, k)
    )  # fmt: skip
    found = any(swap != text and wrong.fits(_signed(swap, wrong)) for swap in swaps)
    return "Two digits are exchanged." if found else ""


def _next(text: str, k: int) -> Iterable[int]:
    """The place of the digit after the k-th character, across the point."""
    return [j for j in range(k + 1, min(k + 3, len(text))) if text[j] != "."][:1]


def _one_digit(wrong: Wrong) -> str:
    typed, due = wrong.digits, wrong.due
    if len(typed) != len(due) or sum(c.isdigit() for c in due.strip("0.")) < _TELLING:
        return ""
    different = sum(a != b for a, b in zip(typed, due, strict=True))
    return "One digit is wrong." if different == 1 and _same_sign(wrong) else ""


def _lost_digit(wrong: Wrong) -> str:
    places = (wrong.typed.decimals or 0) + 1
    longer = f"{abs(rounded(Decimal(wrong.value), Digits(max(places, 0)))):f}"
    typed = wrong.digits
    if len(typed) < _TELLING + 2 or not _same_sign(wrong):
        return ""
    lost = any(
        longer[:k] + longer[k + 1 :] == typed for k in range(len(longer)) if longer[k] != "."
    )
    return "A digit is missing." if lost else ""


def _cut(wrong: Wrong) -> str:
    off = abs(wrong.value) - abs(wrong.typed.number)
    cut = 0 < off <= wrong.radius + 2 * wrong.half and _same_sign(wrong)
    return "Further digits were dropped; a number is rounded to its last digit." if cut else ""


def _signed(digits: str, wrong: Wrong) -> float:
    return float(digits) * (-1 if wrong.typed.value < 0 else 1)


def _same_sign(wrong: Wrong) -> bool:
    return (wrong.typed.value < 0) == (wrong.value < 0)


_KINDS: tuple[Callable[[Wrong], str], ...] = (
    _sign, _point, _cut, _exchanged, _one_digit, _lost_digit,
)  # fmt: skip


def _another(wrong: Wrong, others: Mapping[str, float]) -> str:
    """Another quantity's value written here, if it is only one's."""
    if (wrong.typed.significant or 0) < _TELLING:
        return ""
    number, half = wrong.typed.number, wrong.half
    same = [label for label, value in others.items() if abs(value - number) <= half]
    return f"This is the value of {same[0]}." if len(same) == 1 else ""
