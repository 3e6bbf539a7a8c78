"""Numbers as people type them: what is read, to which digit, and what is refused and why."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction as F

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promptly import promptly

from tracer.check.typed import MAX_DIGITS, MAX_LETTERS, Typed, Unreadable, read

#: text, what it says, decimals, significant digits
READ = [
    ("0.41425240", "0.4142524", 8, 8),
    ("0.4143", "0.4143", 4, 4),
    ("0.50", "0.5", 2, 2),
    (".5", "0.5", 1, 1),
    ("-.5", "-0.5", 1, 1),
    ("5.", "5", 0, 1),
    ("5", "5", 0, 1),
    ("0012", "12", 0, 2),
    ("1200", "1200", 0, 4),
    ("0,41425", "0.41425", 5, 5),
    (",5", "0.5", 1, 1),
    ("0", "0", 0, 0),
    ("0.000", "0", 3, 0),
    ("-0.0", "0", 1, 0),
    # signs
    ("-0.2", "-0.2", 1, 1),
    ("\u22120.2", "-0.2", 1, 1),
    ("\u20130.2", "-0.2", 1, 1),
    ("\u20140.2", "-0.2", 1, 1),
    ("\uff0d0.2", "-0.2", 1, 1),
    ("- 0.2", "-0.2", 1, 1),
    ("+0.3", "0.3", 1, 1),
    ("(-0.2)", "-0.2", 1, 1),
    ("≈ 0.41", "0.41", 2, 2),
    ("~0.41", "0.41", 2, 2),
    ("= 0.41", "0.41", 2, 2),
    ("=-0.41", "-0.41", 2, 2),
    (r"\approx 0.41", "0.41", 2, 2),
    # powers of ten
    ("1.2e-3", "0.0012", 4, 2),
    ("1.2E-3", "0.0012", 4, 2),
    ("1,2E-03", "0.0012", 4, 2),
    ("1.20 E-3", "0.0012", 5, 3),
    ("4.1e+2", "410", -1, 2),
    ("12e3", "12000", -3, 2),
    ("4.1e-4", "0.00041", 5, 2),
    ("4.1e\u22124", "0.00041", 5, 2),
    ("4.1·10^-4", "0.00041", 5, 2),
    ("4.1×10^-4", "0.00041", 5, 2),
    ("4.1 x 10^-4", "0.00041", 5, 2),
    ("4.1X10^-4", "0.00041", 5, 2),
    ("4.1*10^-4", "0.00041", 5, 2),
    ("4.1*10**-4", "0.00041", 5, 2),
    ("4.1 * 10 ** -4", "0.00041", 5, 2),
    ("4.1·10⁻⁴", "0.00041", 5, 2),
    ("4.1×10⁺²", "410", -1, 2),
    ("4.1 * 10^(-4)", "0.00041", 5, 2),
    (r"4.1 \cdot 10^{-4}", "0.00041", 5, 2),
    (r"4.1\times10^{-4}", "0.00041", 5, 2),
    (r"$-4{,}1\cdot 10^{-4}$", "-0.00041", 5, 2),
    ("10^-3", "0.001", 3, 1),
    ("-10^-3", "-0.001", 3, 1),
    ("10²", "100", -2, 1),
    ("1e308", "1" + "0" * 308, -308, 1),
    ("5e-324", Decimal("5e-324"), 324, 1),
    # percent
    ("50 %", "0.5", 2, 2),
    ("50%", "0.5", 2, 2),
    ("12,5 %", "0.125", 3, 3),
    (r"50\%", "0.5", 2, 2),
    ("５０％", "0.5", 2, 2),
    # thousands
    ("1,234", "1.234", 3, 4),
    ("1.234", "1.234", 3, 4),
    ("1.234,5", "1234.5", 1, 5),
    ("1,234.5", "1234.5", 1, 5),
    ("1,234,567", "1234567", 0, 7),
    ("1.234.567", "1234567", 0, 7),
    ("1,234,567.25", "1234567.25", 2, 9),
    ("1 234.5", "1234.5", 1, 5),
    ("1\u00a0234.5", "1234.5", 1, 5),
    ("1\u2009234,5", "1234.5", 1, 5),
    ("1\u202f234\u202f567", "1234567", 0, 7),
    ("1'234.5", "1234.5", 1, 5),
    ("1’234.5", "1234.5", 1, 5),
    (r"1\,234.5", "1234.5", 1, 5),
    # mark-up
    ("$0.41$", "0.41", 2, 2),
    ("$$0.41$$", "0.41", 2, 2),
    (r"\(0.41\)", "0.41", 2, 2),
    ("**0.41**", "0.41", 2, 2),
    ("*0.41*", "0.41", 2, 2),
    ("__0.41__", "0.41", 2, 2),
    ("`0.41`", "0.41", 2, 2),
    ('"0.41"', "0.41", 2, 2),
    ("**`0.41`**", "0.41", 2, 2),
    ("**4.1*10**-4**", "0.00041", 5, 2),
    ("≈ $0.41$", "0.41", 2, 2),
    (r"$\approx 0.41$", "0.41", 2, 2),
    ("≈ **0.41**", "0.41", 2, 2),
    # scripts
    ("０．４１", "0.41", 2, 2),
    ("٠٫٤١", "0.41", 2, 2),
    ("١٬٢٣٤٫٥", "1234.5", 1, 5),
    ("०.४१", "0.41", 2, 2),
    # what nobody sees
    ("  0.41\t", "0.41", 2, 2),
    ("\u00a00.41\n", "0.41", 2, 2),
    ("\ufeff0.41\u200b", "0.41", 2, 2),
    ("\u202d0.41\u202c", "0.41", 2, 2),
]


@pytest.mark.parametrize(("text", "says", "decimals", "significant"), READ)
def test_a_number_is_what_its_text_says(text, says, decimals, significant) -> None:
    typed = read(text)
    assert (F(says), decimals, significant) == (typed.value, typed.decimals, typed.significant)
    assert F(10) ** -decimals == typed.unit
    assert float(F(says)) == typed.number


FRACTIONS = [
    ("1/3", F(1, 3)), ("-1/3", F(-1, 3)), ("\u22121 / 3", F(-1, 3)), ("= 2/6", F(1, 3)),
    ("½", F(1, 2)), ("-¾", F(-3, 4)), ("⅔", F(2, 3)), ("1⁄3", F(1, 3)), ("1∕3", F(1, 3)),
    ("$1/3$", F(1, 3)), ("0/5", F(0)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), FRACTIONS)
def test_a_fraction_is_exact_and_has_no_last_digit(text, value) -> None:
    typed = read(text)
    assert Typed(typed.text, value, None) == typed
    assert (None, None) == (typed.decimals, typed.significant)


def test_the_text_is_kept_as_typed() -> None:
    assert "≈ **0,410**" == read("  ≈ **0,410**\n").text


REFUSED = [
    ("", "empty"),
    ("  \t\n", "empty"),
    ("\u200b", "empty"),
    ("abc", "not a number"),
    ("-", "not a number"),
    ("—", "not a number"),
    (".", "not a number"),
    (",", "not a number"),
    ("=", "not a number"),
    ("%", "not a number"),
    ("?", "not a number"),
    ("e", "not a number"),
    ("''", "not a number"),
    ("TRUE", "not a number"),
    ("nan", "not a number"),
    ("NaN", "not a number"),
    ("-nan", "not a number"),
    ("None", "not a number"),
    ("<b>0.41</b>", "not a number"),
    ("<script>alert(1)</script>", "not a number"),
    ("\U0001f600", "not a number"),
    ("一", "not a number"),
    ("inf", "infinite"),
    ("-Infinity", "infinite"),
    ("∞", "infinite"),
    (r"\infty", "infinite"),
    ("1e400", "too large: the largest numbers here have 308 digits"),
    ("-1e309", "too large: the largest numbers here have 308 digits"),
    ("10^400000", "too large: the largest numbers here have 308 digits"),
    ("10^400", "too large: the largest numbers here have 308 digits"),
    ("1e999999999999999999999", "too large: the largest numbers here have 308 digits"),
    ("0e999999999", "too large: the largest numbers here have 308 digits"),
    ("0e400", "too large: the largest numbers here have 308 digits"),
    ("9" * 310, "too large: the largest numbers here have 308 digits"),
    ("9" * 310 + "/3", "too large: the largest numbers here have 308 digits"),
    ("1e-400", "too small: closer to zero than 1e-323"),
    ("10^-400000", "too small: closer to zero than 1e-323"),
    ("1/" + "9" * 350, "too small: closer to zero than 1e-323"),
    ("9" * (MAX_DIGITS + 1), f"more than {MAX_DIGITS} digits"),
    ("0." + "1" * 500, f"more than {MAX_DIGITS} digits"),
    ("1/" + "3" * 500, f"more than {MAX_DIGITS} digits"),
    ("1e" + "0" * 500, f"more than {MAX_DIGITS} digits"),
    ("1" * (MAX_LETTERS + 1), "too long for a number"),
    ("0.4" + " " * MAX_LETTERS, "too long for a number"),
    ("#DIV/0!", "an error of the spreadsheet program"),
    ("#VALUE!", "an error of the spreadsheet program"),
    ("#NAME?", "an error of the spreadsheet program"),
    ("#N/A", "an error of the spreadsheet program"),
    ("0.3 0.4", "more than one number"),
    ("0.3; 0.4", "more than one number"),
    ("0.3\n0.4", "more than one number"),
    ("1\n234", "more than one number"),
    ("1\x1c234", "more than one number"),
    ("0 123", "more than one number"),
    ("2½", "a formula: write its value"),
    ("0,3, 0,4", "more than one number"),
    ("0.4.1", "not one number: look at its points and commas"),
    ("1,23.4", "not one number: look at its points and commas"),
    ("1,2,3", "not one number: look at its points and commas"),
    ("0,123,456", "not one number: look at its points and commas"),
    ("0.333...", "not one number: look at its points and commas"),
    ("1..2", "not one number: look at its points and commas"),
    ("w5 = 0.41", "more than a number: write it without a name"),
    ("w5+=0.41", "more than a number: write it without a name"),
    ("=CMD()", "a formula: write its value"),
    ("=CMD|' /C calc'!A0", "a formula: write its value"),
    ("=SUM(A1:A9)", "a formula: write its value"),
    ("=A1", "a formula: write its value"),
    ("=1+1", "a formula: write its value"),
    ("==0.4", "a formula: write its value"),
    ("@SUM(1)", "a formula: write its value"),
    ("1+1", "a formula: write its value"),
    ("0.3*0.4", "a formula: write its value"),
    ("0.5/3", "a formula: write its value"),
    ("1/-3", "a formula: write its value"),
    ("2/3/4", "a formula: write its value"),
    ("4.1x10-4", "a formula: write its value"),
    ("5²", "a formula: write its value"),
    ("5^2", "a formula: write its value"),
    ("sqrt(2)", "a formula: write its value"),
    ("√2", "a formula: write its value"),
    ("exp(-0.4)", "a formula: write its value"),
    ("1/0", "divides by zero"),
    ("0/000", "divides by zero"),
    ("2024-01-03", "a date"),
    ("2024-01-03 00:00:00", "a date"),
    ("1-2-2024", "a date"),
    ("0.41 V", "more than a number"),
    ("about 0.41", "more than a number"),
    ("0x1F", "more than a number"),
    ("1_000", "more than a number"),
    ("--1", "more than a number"),
    ("(0.2)", "more than a number"),
    ("±0.2", "more than a number"),
    ("0.1%%", "more than a number"),
    ("1e", "more than a number"),
    ("e5", "more than a number"),
    ("1e5e5", "more than a number"),
    ("0.4\x00", "more than a number"),
    ("0.4\x1b[31m", "more than a number"),
    ("'; DROP TABLE answers; --", "not a number"),
    ("__import__('os').system('ls')", "a formula: write its value"),
    ("{{7*7}}", "a formula: write its value"),
    ("w₂", "more than a number"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_is_no_number_is_refused_with_its_reason(text, reason) -> None:
    with pytest.raises(Unreadable) as refused:
        read(text)
    assert reason == str(refused.value)


def _tried(text: str) -> Typed | str:
    """The number, or why there is none."""
    try:
        return read(text)
    except Unreadable as refused:
        return str(refused)


@pytest.mark.parametrize("piece", [
    "9", "1 ", "1,", "9.", "-", "1-", "*", "`", "$", "(", "((", "e", "1e", "=", "≈", " ", "\n", "½",
    "⁻", "²", "10^", "^{", "\\cdot", "a1(", "a=", "#A", "1/", "1·", "{,}", "'", "0 ", "\u202e", "x",
    "1+a", "a.", "<", "\\(", "_", "\ud800",
])  # fmt: skip
@pytest.mark.parametrize("times", [10, 1_000, 1_000_000])
def test_no_text_takes_long(piece, times) -> None:
    for text in (piece * times, (piece * times)[: MAX_LETTERS - 1] + "!"):
        with promptly(20):
            found = _tried(text)
        assert isinstance(found, Typed) or 0 < len(found) < 80


_LIKELY = st.text("0123456789.,-+−–eE^*·x×/%$`'\"=≈~()[]{} \t\n\u00a0½²⁻\\abw#<", max_size=30)


@given(st.one_of(st.text(), _LIKELY, st.text(st.characters(codec=None), max_size=20)))
def test_any_text_is_a_number_or_unreadable(text: str) -> None:
    found = _tried(text)
    if isinstance(found, str):
        assert found.isprintable()
        assert found
    else:
        assert abs(found.number) < float("inf")
        assert found.unit is None or (found.value / found.unit).denominator == 1
        assert found.decimals is None or F(10) ** -found.decimals == found.unit
        assert found.text.replace("\u00a0", " ").isprintable()


_NUMBERS = st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=9)
_NOTATIONS = [
    "{}", " {} ", "+{}", "≈ {}", "= {}", "${}$", "**{}**", "`{}`", '"{}"', "{}e0", "{}·10^0",
    r"{} \cdot 10^{{0}}", "{} x 10⁰",
]  # fmt: skip


def _plain(number: Decimal) -> str:
    return f"{abs(number):f}"


@given(_NUMBERS, st.sampled_from(_NOTATIONS))
def test_a_decimal_reads_back_exactly(number: Decimal, notation: str) -> None:
    typed = read(notation.format(_plain(number)))
    assert (F(abs(number)), 9) == (typed.value, typed.decimals)


@given(_NUMBERS, st.sampled_from("-−–—"))
def test_every_minus_sign_is_one(number: Decimal, sign: str) -> None:
    assert -F(abs(number)) == read(sign + _plain(number)).value


@given(_NUMBERS, st.sampled_from([
    (",", "."), (".", ","), (" ", "."), (" ", ","), ("\u00a0", ","), ("\u2009", "."), ("'", "."),
]))  # fmt: skip
def test_separated_thousands_read_back(number: Decimal, signs: tuple[str, str]) -> None:
    grouped = f"{abs(number):,f}".replace(".", "#").replace(",", signs[0]).replace("#", signs[1])
    assert F(abs(number)) == read(grouped).value


@given(_NUMBERS)
def test_a_decimal_comma_is_a_point(number: Decimal) -> None:
    assert F(abs(number)) == read(_plain(number).replace(".", ",")).value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_reads_back(number: float) -> None:
    assert number == read(repr(number)).number


@given(st.integers(-(10**6), 10**6).filter(bool), st.integers(-300, 290))
def test_scientific_notations_agree(digits: int, power: int) -> None:
    texts = (f"{digits}e{power}", f"{digits}·10^{power}", rf"${digits}\cdot10^{{{power}}}$",
             f"{digits} × 10^({power})", f"{digits}*10**{power}")  # fmt: skip
    found = {(t.value, t.unit) for t in map(read, texts)}
    assert {(digits * F(10) ** power, F(10) ** power)} == found


@given(st.integers(), st.integers(1, 10**9))
def test_a_fraction_reads_back(top: int, bottom: int) -> None:
    assert F(top, bottom) == read(f"{top}/{bottom}").value
