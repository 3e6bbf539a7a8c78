"""Numbers and their texts, against exact arithmetic with Decimal and Fraction."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal, getcontext, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer.numbers import Digits, Shown, agrees, decimals, rounded, show


@pytest.mark.parametrize(
    ("expected", "value", "digits"),
    [
        ("0.29", "0.285", Digits(2)),  # round(0.285, 2) is 0.28
        ("-0.29", "-0.285", Digits(2)),
        ("2.7", "2.65", Digits(1)),
        ("3", "2.5", Digits(0)),
        ("-3", "-2.5", Digits(0)),
        ("0.28", "0.289", Digits(2, mode="truncate")),
        ("-0.28", "-0.289", Digits(2, mode="truncate")),
        ("-0.0012", "-0.00129", Digits(None, 2, mode="truncate")),
        ("-0.12", "-0.125", Digits(2, mode="half even")),
        ("-0.13", "-0.125", Digits(2)),
        ("2", "2.5", Digits(0, mode="half even")),
        ("4", "3.5", Digits(0, mode="half even")),
        ("0.13", "0.1250000000000000000000000001", Digits(2, mode="half even")),
        ("0.0012", "0.00125", Digits(None, 2, mode="half even")),
        ("0.0012", "0.001249", Digits(None, 2)),
        ("0.0013", "0.00125", Digits(None, 2)),
        ("0.0012", "0.00129", Digits(None, 2, mode="truncate")),
        ("1.2E+5", "123456", Digits(None, 2)),
        ("0.41425240", "0.41425240191309903", Digits(8)),
        ("0", "0", Digits(None, 3)),
    ],
)
def test_rounding_by_hand_is_half_away_from_zero_or_cut_off(expected, value, digits):
    assert expected == str(rounded(Decimal(value), digits))


@given(st.decimals(-10_000, 10_000, places=9), st.integers(0, 12))
def test_rounding_by_hand_is_the_nearest_number_with_these_decimals(value, places):
    found = rounded(value, Digits(places))
    unit = Fraction(1, 10**places)
    assert 0 == Fraction(found) % unit
    gap = Fraction(found) - Fraction(value)
    assert abs(gap) <= unit / 2
    if abs(gap) == unit / 2:
        assert abs(found) > abs(value)


EIGHTHS = [Decimal(k) / 8 for k in range(-40, 41)]  # every other ends in a 5 at two places


@pytest.mark.parametrize("value", EIGHTHS)
@pytest.mark.parametrize(
    ("mode", "way"), [("half even", ROUND_HALF_EVEN), ("truncate", ROUND_DOWN)]
)
def test_each_way_of_rounding_is_that_of_decimal(value, mode, way):
    assert value.quantize(Decimal("0.01"), rounding=way) == rounded(value, Digits(2, mode=mode))


@pytest.mark.parametrize("value", EIGHTHS)
def test_half_to_even_is_what_python_rounds_to(value):
    """Eighths are exact as floats, and `round` of a float is half to even."""
    assert round(float(value), 2) == float(rounded(value, Digits(2, mode="half even")))


@given(st.decimals(-10_000, 10_000, places=9), st.integers(0, 12))
def test_cutting_off_is_towards_zero_on_both_sides(value, places):
    found = rounded(value, Digits(places, mode="truncate"))
    scaled = Fraction(value) * 10**places
    assert Fraction(found) * 10**places == int(scaled)  # int() of a fraction is towards 0


@pytest.mark.parametrize(
    ("expected", "value", "digits"),
    [
        ("0.41425240", 0.41425240191309903, Digits(8)),  # keeps its zero
        ("0.4176", 0.4176, Digits(8)),  # short by itself
        ("0.3925", 0.39249999999999996, Digits(9)),  # short but for binary noise
        ("0.3", 0.1 + 0.2, Digits(8)),
        ("0.05", 0.05, Digits(2)),
        ("0.1", 0.1, Digits(0 + 1)),
        ("1.00000", 0.9999999, Digits(5)),
        ("0", 0.0, Digits(8)),
        ("0", -0.0, Digits(8)),
        ("0", -0.3, Digits(0)),
        ("100", 100.0, Digits(8)),
        ("-2", -2.0, Digits(3)),
        ("123456", 123456.0, Digits(None, 3)),  # digits before the point are never dropped
        ("0.00001235", 0.000012345678, Digits(None, 4)),
        ("3.510e-5", 3.5101877e-05, Digits(5)),
        ("-3.510e-5", -3.5101877e-05, Digits(5)),
        ("0.000035102", 3.5101877e-05, Digits(9)),
        ("1.000e22", 1e22, Digits(8)),
        ("1.798e308", 1.7976931348623157e308, Digits(8)),
        ("4.941e-324", 5e-324, Digits(8)),
        ("1234567890.12345672", 1234567890.1234567, Digits(8)),
        ("1234567890123456", 1234567890123456.0, Digits(8)),
    ],
)
def test_a_number_is_shown_short_or_with_its_zeros_or_with_a_power_of_ten(expected, value, digits):
    assert expected == show(value, digits).plain


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(FLOATS | st.floats(-100, 100), st.integers(0, 15))
def test_a_shown_number_is_correctly_rounded(value, places):
    """Within half a unit of its last digit, and of the last digit asked for."""
    shown = show(value, Digits(places))
    gap = abs(Fraction(shown.decimal) - Fraction(value))
    last = Fraction(10) ** (shown.exponent - decimals(Decimal(shown.text)))
    noise = abs(Fraction(value)) / 10**14  # what a short number may leave out of a binary one
    assert gap <= last / 2 + noise
    if not shown.exponent:
        assert gap <= Fraction(1, 10**places) / 2 + noise
        assert decimals(Decimal(shown.text)) <= places
    assert not shown.text.startswith("-0") or Decimal(shown.text)


@given(FLOATS, st.integers(1, 15))
def test_significant_digits_are_correctly_rounded(value, significant):
    shown = show(value, Digits(None, significant))
    assert abs(Fraction(shown.decimal) - Fraction(value)) <= abs(Fraction(value)) * Fraction(
        1, 2 * 10 ** (significant - 1)
    )


@given(st.decimals(-1000, 1000, places=6))
def test_a_short_number_is_shown_as_it_was_written(value):
    assert value.normalize() == show(float(value), Digits(8)).decimal
    assert not show(float(value), Digits(8)).exponent


@given(FLOATS, st.integers(0, 15))
def test_the_precision_of_the_caller_does_not_change_a_shown_number(value, places):
    with localcontext(prec=3):
        narrow = show(value, Digits(places))
    assert narrow == show(value, Digits(places))
    assert 28 == getcontext().prec


@pytest.mark.parametrize(
    ("expected", "value", "printed"),
    [
        (True, 0.41425240191309903, "0.41425240"),
        (True, 0.414252405, "0.41425240"),  # half a unit of the last digit
        (True, 0.4142523950000001, "0.41425240"),
        (False, 0.41425240501, "0.41425240"),
        (True, 0.41425240501, "0.4142524"),
        (True, Decimal("0.5"), "1"),
        (False, Decimal("0.4999999999999999999999999999999999999"), "1"),
        (True, 1.249e5, "1.2E+5"),
        (False, 1.251e5, "1.2E+5"),
        (False, -0.29, "0.29"),
    ],
)
def test_a_value_agrees_with_a_printed_number_to_half_its_last_digit(expected, value, printed):
    assert expected is agrees(value, Decimal(printed))


def test_decimals_of_a_printed_number_count_its_zeros():
    assert (8, 0, -4) == (
        decimals(Decimal("0.41425240")), decimals(Decimal("12")), decimals(Decimal("1.2E+5")),
    )  # fmt: skip


def test_a_shown_number_is_exactly_what_is_printed():
    assert Decimal("-0.0000351") == Shown("-3.51", -5).decimal
    assert "-3.51e-5" == Shown("-3.51", -5).plain


def test_a_carry_does_not_add_a_significant_digit() -> None:
    assert show(0.99996, Digits(None, 4)).text == "1.000"
    assert show(9.99996, Digits(None, 4)).text == "10.00"
    assert show(0.99994, Digits(None, 4)).text == "0.9999"
