"""Numbers as people type them: 0,41 and 4.1·10⁻⁴ and 50 %, each with the digits it was given to.

A text is made plain first (one minus sign, ASCII digits, no mark-up), then matched as a whole.
Nothing is computed: a formula is refused.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

MAX_LETTERS = 1_000  # of a cell that may be a number
MAX_DIGITS = 400  # of a number; every float64 written out has fewer that matter
NOTHING = "empty"  # what is wrong with a text of which nothing is seen
_MAX_POWER = 1_000  # beyond float64 by far, and still a small integer


class Unreadable(ValueError):
    """A text that is not one number, with a short reason for the person who typed it."""


@dataclass(frozen=True)
class Typed:
    """A number as typed: what it says exactly, and to which digit."""

    text: str  # as typed, stripped, without letters that nobody sees
    value: Fraction
    unit: Fraction | None  # one unit of the last digit typed; None for an exact fraction

    @property
    def decimals(self) -> int | None:
        """Digits after the point, so that unit = 10^-decimals; negative for 12e3."""
        if self.unit is None:
            return None
        return len(str(self.unit.denominator)) - len(str(self.unit.numerator))

    @property
    def significant(self) -> int | None:
        """Significant digits typed, zeros at the end included; 0 for a zero."""
        if self.unit is None:
            return None
        return len(str(abs(self.value / self.unit))) if self.value else 0

    @cached_property
    def number(self) -> float:
        return float(self.value)


def read(text: str) -> Typed:
    """The number that a text says.

    A single comma is a decimal comma. Thousands may be separated where nothing else can be
    meant: 1 234,5 and 1,234.5 and 1,234,567.

    raises    Unreadable for all else, also for what does not fit a float64
    """
    if len(text) > MAX_LETTERS:
        raise Unreadable("too long for a number")
    if _ORDINARY.fullmatch(text):
        plain, number, seen = text, text, text
    else:
        seen = "".join(c for c in text if unicodedata.category(c) != "Cf").strip()
        plain = _plain(seen)
        number = _unmarked(plain)
    if sum(c.isdigit() for c in number) > MAX_DIGITS:
        raise Unreadable(f"more than {MAX_DIGITS} digits")
    value, unit = _fraction(number) or _decimal(number) or _refused(number, plain)
    _check_range(value, unit)
    return Typed(_CONTROL.sub(" ", seen), value, unit)


_ORDINARY = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")  # nine in ten; plain as it is
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


# ---- making a text plain ---------------------------------------------------------------

_SIGNS = str.maketrans({
    **dict.fromkeys("−–—‒―‐‑﹣", "-"), "﹢": "+", "٪": "%", "⁄": "/", "∕": "/",
    **dict.fromkeys("∼≃≅≒", "≈"), "٫": ".", "٬": "'", "’": "'", "ʼ": "'",
})  # fmt: skip
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_FULL_WIDTH = range(0xFF01, 0xFF5F)  # ASCII, as typed with a Chinese or Japanese keyboard

_BOLD = re.compile(r"\A([=≈~\s]*)(\*{1,3})(.+)\2\Z", re.DOTALL)  # before ** is taken for a power

#: What is written otherwise, in this order.
_SPELLINGS = tuple((re.compile(pattern), plain) for pattern, plain in (
    (r"\{,\}", ","),
    (r"\\[,;:! ]", " "),
    (r"\\%", "%"),
    (r"\\(?:approx|sim|simeq)(?![A-Za-z])", "≈"),
    (r" +", " "),
    (r"\*\*", "^"),
    (r" ?\^ ?(?:\{ ?([+-]?) ?(\d+) ?\}|\( ?([+-]?) ?(\d+) ?\)|([+-]?) ?(?=\d))", r"^\1\2\3\4\5"),
    (r" ?(?:[·×⋅∙•∗✕✖xX*]|\\cdot|\\times) ?(?=10\^)", "·"),
))  # fmt: skip


def _plain(text: str) -> str:
    """The text in ASCII as far as it is a number: 4,1×10⁻⁴ is 4,1·10^-4."""
    text = re.sub("[⁰¹²³⁴-⁹⁺⁻]+", lambda raised: f"^{raised[0].translate(_RAISED)}", text)
    text = "".join(map(_ascii, text)).translate(_SIGNS)
    text = _BOLD.sub(r"\1\3", text)
    for pattern, plain in _SPELLINGS:
        text = pattern.sub(plain, text)
    return text.strip()


def _ascii(letter: str) -> str:
    """A digit of any script, a letter of full width, a blank, or ½ as 1/2."""
    kind = unicodedata.category(letter)
    if kind == "Nd":
        return str(unicodedata.decimal(letter))
    if kind == "Zs":
        return " "
    if ord(letter) in _FULL_WIDTH:
        return chr(ord(letter) - 0xFEE0)
    return " " + unicodedata.normalize("NFKC", letter) if kind == "No" else letter


_WRAPPED = tuple(re.compile(pattern, re.DOTALL) for pattern in (
    r"(?P<mark>\$\$?|`{1,3}|[\"'_])(?P<inside>.+)(?P=mark)",
    r"\\\((?P<inside>.+)\\\)",
    r"\((?P<inside>[+-][^()]*)\)",
))  # fmt: skip


def _unmarked(text: str) -> str:
    """The text without mark-up around it and without one = or ≈ before it."""
    inside = _unwrapped(text)
    return _unwrapped(inside[1:].strip()) if inside[:1] in ("=", "≈", "~") else inside


def _unwrapped(text: str) -> str:
    for _ in range(3):
        found = next((m for wrapped in _WRAPPED if (m := wrapped.fullmatch(text))), None)
        text = found["inside"].strip() if found else text
    return text


# ---- the number ------------------------------------------------------------------------

Read = tuple[Fraction, Fraction | None]

_FRACTION = re.compile(r"([+-]?) ?(\d+) ?/ ?(\d+)")
_DECIMAL = re.compile(
    r"(?P<sign>[+-]?) ?"
    r"(?:(?P<body>[\d.,' ]*\d[.,]?)(?: ?[eE] ?(?P<e>[+-]? ?\d+)|·10\^(?P<ten>[+-]?\d+))?"
    r"|10\^(?P<power>[+-]?\d+))"
    r"(?P<percent> ?%)?"
)
_GROUPS = r"[1-9]\d{0,2}(?:%s\d{3})"
#: The digits before and after the point.
_BODIES = tuple(re.compile(pattern) for pattern in (
    r"(\d*)(?:[.,](\d*))?",
    rf"({_GROUPS % ' '}+)(?:[.,](\d*))?",
    rf"({_GROUPS % chr(39)}+)(?:[.,](\d*))?",
    rf"({_GROUPS % ','}+)\.(\d*)",
    rf"({_GROUPS % '[.]'}+),(\d*)",
    rf"({_GROUPS % ','}{{2,}})()",
    rf"({_GROUPS % '[.]'}{{2,}})()",
))  # fmt: skip


def _fraction(plain: str) -> Read | None:
    found = _FRACTION.fullmatch(plain)
    if not found:
        return None
    sign, top, bottom = found.groups()
    if not int(bottom):
        raise Unreadable("divides by zero")
    return Fraction(int(sign + top), int(bottom)), None


def _decimal(plain: str) -> Read | None:
    found = _DECIMAL.fullmatch(plain)
    if not found:
        return None
    body = (found["body"] or "1").strip()
    digits = next((m for pattern in _BODIES if (m := pattern.fullmatch(body))), None)
    if not digits:
        return None
    whole, part = re.sub(r"\D", "", digits[1]), digits[2] or ""
    power = _power(found["e"] or found["ten"] or found["power"] or "0")
    unit = Fraction(10) ** (power - len(part) - (2 if found["percent"] else 0))
    return int(found["sign"] + whole + part) * unit, unit


def _power(written: str) -> int:
    power = int(written.replace(" ", ""))
    if abs(power) > _MAX_POWER:
        raise Unreadable(_TOO_SMALL if power < 0 else _TOO_LARGE)
    return power


_TOO_LARGE = "too large: the largest numbers here have 308 digits"
_TOO_SMALL = "too small: closer to zero than 1e-323"


def _check_range(value: Fraction, unit: Fraction | None) -> None:
    try:
        number, _ = float(value), float(unit or 0)
    except OverflowError:
        raise Unreadable(_TOO_LARGE) from None
    if value and not number:
        raise Unreadable(_TOO_SMALL)


# ---- what it is instead ----------------------------------------------------------------

_ENOUGH = 60  # letters tell what a text is
_NUMBER = r"[+-]?[\d.,]*\d[.,]?(?:[eE][+-]?\d+|·10\^[+-]?\d+)?%?"
_REASONS = tuple((re.compile(pattern, re.DOTALL | re.IGNORECASE), reason) for pattern, reason in (
    (r"", NOTHING),
    (r"[+-]? ?(?:inf|infinity|infty|\\infty|∞)", "infinite"),
    (r"#[A-Z]+(?:/\w+)?[!?]?.*", "an error of the spreadsheet program"),
    (rf"{_NUMBER}(?:[\s;|]+{_NUMBER})+", "more than one number"),
    (r"(?=.*\d{4})\d+([-/])\d+\1\d+(?: .*)?", "a date"),
    (r"[+-]? ?[\d.,' ]*\d[\d.,' ]*%?", "not one number: look at its points and commas"),
    (r".*<.*", "not a number"),
    (r"[^=]*[^\W\d][^=]*=.*\d.*", "more than a number: write it without a name"),
    (r"=.+|@.*|[^\W\d][\w.]*\(.*|[^A-Za-z]*\d.*[-+*/^·×:()√].*\d[^A-Za-z]*|√.*",
     "a formula: write its value"),
    (r".*\d.*", "more than a number"),
))  # fmt: skip


def _refused(number: str, plain: str) -> Read:
    found = (plain if plain.startswith("=") else number)[:_ENOUGH]
    reasons = (reason for pattern, reason in _REASONS if pattern.fullmatch(found))
    raise Unreadable(next(reasons, "not a number"))
