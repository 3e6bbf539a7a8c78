"""Axes: the range a chart shows, its scale, its ticks and what is written at them.

low high  ends of an axis, its first and last tick; exponents of ten on a logarithmic one
step      from tick to tick: 1, 2 or 5 times a power of ten
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from math import ceil, floor, isfinite, log10

from tracer.charts.captions import PLAIN, Caption, breadth, power, times_power

TICK = 12.0  # font size, px
TICK_GAP = 14.0  # between the texts of two ticks side by side, at least
MAX_TICKS, LEAST_TICKS = 8, 3  # -1 … 1 has no two ticks that are 1, 2 or 5 apart
MAX_MINOR = 5  # decades with marks at 2 … 9

LARGEST, SMALLEST = 1e300, 1e-300  # of a linear axis; what is smaller is 0
NARROW = 1e-6  # a range of less, relative to its numbers, is shown as a single value
NOISE = 12  # significant digits of a float that are no noise: 0.1 + 0.2 is 0.3


@dataclass(frozen=True)
class Tick:
    at: float
    caption: Caption


@dataclass(frozen=True)
class Axis:
    """A scale from its first tick to its last."""

    caption: Caption
    ticks: tuple[Tick, ...]
    minor: tuple[float, ...] = ()  # marks without text
    logarithmic: bool = False

    @property
    def low(self) -> float:
        return self.ticks[0].at

    @property
    def high(self) -> float:
        return self.ticks[-1].at

    def part(self, at: float) -> float:
        """How far along the axis a tick or mark stands, from 0 to 1."""
        return (at - self.low) / (self.high - self.low)

    def place(self, value: float) -> float:
        """How far along the axis a value stands, from 0 to 1."""
        part = self.part(log10(value) if self.logarithmic else value)
        assert -NARROW < part < 1 + NARROW, (value, self.low, self.high)
        return min(max(part, 0.0), 1.0)

    def value(self, part: float) -> float:
        """The value at a part of a linear axis, its ends exactly."""
        return self.low * (1 - part) + self.high * part


def linear(
    caption: Caption, values: Sequence[float], most: int = MAX_TICKS, whole: bool = False
) -> Axis:
    """An axis around the values with at most so many ticks, all of them integers if `whole`."""
    assert most >= LEAST_TICKS, most
    low, high = _widened(*extent(values))
    step = _step(low, high, most, whole)
    first, last = _around(low, high, step)
    numbers = [k * step for k in range(first, last + 1)]
    texts = _numerals(numbers, step)
    return Axis(
        caption, tuple(Tick(float(n), text) for n, text in zip(numbers, texts, strict=True))
    )


def logarithmic(caption: Caption, values: Sequence[float], most: int = MAX_TICKS) -> Axis:
    """An axis around positive values with ticks at powers of ten."""
    low, high = extent(values)
    assert low > 0, f"no logarithm of {low}"
    bottom, top = floor(log10(low)), ceil(log10(high))
    top = max(top, bottom + 1)
    for step in (1, 2, 3, 5, 10, 20, 50, 100, 200, 500):
        exponents = range(bottom // step * step, -(-top // step) * step + 1, step)
        if len(exponents) <= most:
            break
    ticks = tuple(Tick(n, (power(n),)) for n in exponents)
    few = step == 1 and len(ticks) <= MAX_MINOR + 1
    marks = [n + log10(k) for n in exponents[:-1] for k in range(2, 10)] if few else []
    return Axis(caption, ticks, tuple(marks), logarithmic=True)


def across(caption: Caption, values: Sequence[float], room: float, whole: bool = False) -> Axis:
    """A linear axis from left to right with as many ticks as have room for their texts."""
    for most in range(MAX_TICKS, LEAST_TICKS - 1, -1):
        axis = linear(caption, values, most, whole)
        widest = max(breadth(tick.caption, TICK) for tick in axis.ticks)
        if (len(axis.ticks) - 1) * (widest + TICK_GAP) <= room:
            break
    return axis


def spans_decades(values: Sequence[float]) -> bool:
    """Whether positive values lie more than two powers of ten apart."""
    low, high = extent(values)
    return low > 0 and log10(high) - log10(low) > 2


def extent(values: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest of the values, which are numbers and not infinite."""
    assert len(values), "no values to show"
    for value in values:
        assert isfinite(value), f"no place for {value}"
    return min(values), max(values)


def _widened(low: float, high: float) -> tuple[float, float]:
    """The range, or one from 0 around a single value."""
    largest = max(-low, high)
    assert largest < LARGEST, f"{largest} is too large for a linear axis"
    if largest < SMALLEST:
        return 0.0, 1.0
    if high - low < NARROW * largest:
        return min(0.0, 2 * low), max(0.0, 2 * high)
    return low, high


def _step(low: float, high: float, most: int, whole: bool) -> Decimal:
    """The smallest step with which at most so many ticks cover the range."""
    least = floor(log10((high - low) / most))
    for exponent in count(max(least, 0) if whole else least):
        for leading in (1, 2, 5):
            step = Decimal(leading).scaleb(exponent)
            first, last = _around(low, high, step)
            if last - first < most:
                return step
    raise AssertionError((low, high, most))


def _around(low: float, high: float, step: Decimal) -> tuple[int, int]:
    """The ticks just outside of a range, counted in steps from 0."""
    below, above = (Decimal(format(value, f".{NOISE}g")) / step for value in (low, high))
    return floor(below), ceil(above)


def _numerals(numbers: Sequence[Decimal], step: Decimal) -> Iterator[Caption]:
    """Ticks as written: all with the decimals that the step has, or all times one power of ten."""
    largest = max(map(abs, numbers)).adjusted()
    shift = 0 if largest in PLAIN else largest
    places = max(shift - step.adjusted(), 0)
    for number in numbers:
        digits = f"{number.scaleb(-shift):,.{places}f}"
        yield times_power(digits, shift) if number else ("0",)
