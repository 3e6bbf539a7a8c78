"""Captions: words, symbols and numbers in a line, beside a drawing."""

from __future__ import annotations

from decimal import Decimal

from tracer import labels, symbols
from tracer.labels import Label, Own
from tracer.numbers import Digits, rounded, show

Caption = tuple[str | Label, ...]
Words = str | Label | Caption

SIGNIFICANT = Digits(None, 4)  # of a number in a caption
PLAIN = range(-4, 7)  # powers of ten of a number's first digit with which it is written out


def caption(words: Words) -> Caption:
    """A text, a label, or several of them, as a caption; empty for the empty text."""
    if isinstance(words, tuple):
        return words
    return (words,) if words else ()


def text(line: Caption) -> str:
    """The caption as a terminal shows it."""
    return "".join(part if isinstance(part, str) else labels.text(part) for part in line)


def breadth(line: Caption, size: float) -> float:
    """Roughly how wide a caption is, in px."""
    return sum(
        symbols.text_breadth(part, size) if isinstance(part, str) else symbols.breadth(part, size)
        for part in line
    )


def number(value: float) -> Caption:
    """A number to four digits: `0.35`, `12,000`, `−3.51 × 10^-5`."""
    kept = _short(value)
    shift = 0 if kept.adjusted() in PLAIN else kept.adjusted()
    return times_power(f"{kept.scaleb(-shift):,f}", shift)


def is_rounded(value: float) -> bool:
    """Whether a number in a caption is not all of it."""
    return Decimal(repr(float(value))) != _short(value)


def _short(value: float) -> Decimal:
    """The number to four digits, or all digits before its point if they are written out."""
    kept = show(float(value), SIGNIFICANT).decimal
    return kept if kept.adjusted() in PLAIN else rounded(kept, SIGNIFICANT).normalize()


def times_power(digits: str, exponent: int) -> Caption:
    """A number's digits, with a true minus, and the power of ten they are multiplied by."""
    digits = digits.replace("-", "−")
    return (f"{digits} × ", power(exponent)) if exponent else (digits,)


def power(exponent: int) -> Label:
    """A power of ten."""
    return Own(f"10^{exponent}", tex=f"10^{{{exponent}}}")
