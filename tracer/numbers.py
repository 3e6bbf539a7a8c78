"""Numbers and text: digits as printed, digits to show, rounding as by hand.

A printed number is a `Decimal` that keeps its zeros: 0.41425240 has eight digits. Rounding
by hand is half away from zero unless stated otherwise, in Decimal: 0.285 to two places is
0.29, which binary floats get wrong.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from typing import NamedTuple

LONG = 20  # letters of a number written out
_EXACT = 400  # digits enough for any float64 and half a unit of any printed digit
_SHORT = 15  # significant digits every float64 carries
_PLAIN = 12  # a float with no more of them stands for that decimal
_LEAST, _SCIENTIFIC = 2, 4  # shown digits below which a number is written as a × 10^n, and then

HALF_UP = "half up"
#: What becomes of further digits: a final 5 away from zero, to the even digit; or they are dropped.
MODES = {HALF_UP: ROUND_HALF_UP, "half even": ROUND_HALF_EVEN, "truncate": ROUND_DOWN}


class Digits(NamedTuple):
    """How many digits to show or to keep: after the point, or significant."""

    decimals: int | None = 8
    significant: int | None = None
    mode: str = HALF_UP  # one of MODES


class Shown(NamedTuple):
    """A number as it is shown: `text`, or `text` × 10^`exponent`."""

    text: str
    exponent: int = 0

    @property
    def decimal(self) -> Decimal:
        """The number exactly as shown."""
        return Decimal(self.plain)

    @property
    def plain(self) -> str:
        """As a program or a terminal writes it: `3.51e-5`."""
        return f"{self.text}e{self.exponent}" if self.exponent else self.text


def rounded(value: Decimal, digits: Digits) -> Decimal:
    """The value as a person rounds it (half away from zero, to even, or cut off)."""
    places = digits.decimals
    if places is None:
        assert digits.significant, digits
        places = digits.significant - 1 - value.adjusted() if value else 0
    with localcontext(prec=_EXACT):
        return value.quantize(Decimal(1).scaleb(-places), rounding=MODES[digits.mode])


def agrees(value: float | Decimal, printed: Decimal) -> bool:
    """Whether the value is the printed number to its last printed digit (half a unit)."""
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int), printed
    with localcontext(prec=_EXACT):
        return abs(Decimal(value) - printed) <= Decimal(5).scaleb(exponent - 1)


def decimals(printed: Decimal) -> int:
    """Digits after the point of a number as printed; negative for 1.2E+5."""
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int), printed
    return -exponent


def show(value: float, digits: Digits) -> Shown:
    """The value correctly rounded to the digits asked for.

    A value that is short by itself, but for the noise of binary floats, is shown short
    (0.4176); any other keeps its zeros (0.41425240). One too small for two digits, or with
    more than 16 before the point, is shown as a × 10^n.
    """
    if value == 0:
        return Shown("0")
    exact = _meant(value)
    places = digits.decimals
    if places is None:
        assert digits.significant, digits
        places = max(digits.significant - 1 - exact.adjusted(), 0)
    if exact.adjusted() > _SHORT:
        return _scientific(exact, digits)
    kept = rounded(exact, Digits(places))
    if digits.decimals is None and places and kept.adjusted() > exact.adjusted():
        kept = rounded(exact, Digits(places - 1))  # 0.99996 to four digits is 1.000
    if kept in (exact, Decimal(format(value, f".{_SHORT}g"))):
        return Shown(_without_zeros(f"{kept:f}"))
    if 0 < places < _LEAST - 1 - exact.adjusted():
        return _scientific(exact, digits)
    return Shown(f"{kept:f}" if kept else "0")


def as_written(number: Decimal, digits: Digits) -> Shown:
    """A number as its author wrote it; one of more digits than people write, to those shown."""
    text = f"{number:f}"
    if len(number.as_tuple().digits) > _PLAIN or len(text) > LONG:
        return show(float(number), digits)
    return Shown(text)


def as_printed(number: Decimal) -> str:
    """All digits of a printed number, with a power of ten where it would be too long."""
    text = f"{number:f}"
    return text if len(text) <= LONG else f"{number:e}"


def _meant(value: float) -> Decimal:
    """The decimal that a float stands for: 0.04205 where the float is its nearest, else exact.

    A final 5 is rounded as by hand only if it is seen: as a float 0.04205 is 0.042049999….
    """
    short = Decimal(format(value, f".{_SHORT}g"))
    plain = len(short.as_tuple().digits) <= _PLAIN and short.adjusted() < _PLAIN
    return short if plain else Decimal(value)


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scientific(exact: Decimal, digits: Digits) -> Shown:
    kept = rounded(exact, Digits(None, digits.significant or _SCIENTIFIC))
    text, _, exponent = f"{kept:e}".partition("e")
    return Shown(text, int(exponent))
