"""The border of a unit with two inputs: the line w1·x1 + w2·x2 + b = 0, and where it is seen.

w1 w2 b  weights and bias    x y  the axes, across and up
"""

from __future__ import annotations

from collections.abc import Iterator
from math import dist, isfinite
from typing import NamedTuple

from tracer.charts.axes import Axis
from tracer.charts.captions import Caption, Words, is_rounded, number
from tracer.charts.thinning import Point
from tracer.labels import Label

TOUCH = 1e-6  # of the frame's side: a shorter line is none
SLACK = 1e-9  # … by which rounding may put a corner outside


class Border(NamedTuple):
    """Where a unit of two inputs changes its mind."""

    w1: float
    w2: float
    b: float
    name: Words = ""  # in the legend, before the equation


def clipped(border: Border, x: Axis, y: Axis) -> tuple[Point, Point] | None:
    """The two points where a border meets the frame; None if it does not cross it."""
    right, up = border.w1 * (x.high - x.low), border.w2 * (y.high - y.low)
    corner = border.w1 * x.low + border.w2 * y.low + border.b
    assert all(map(isfinite, (right, up, corner))), border
    met = [(part, -(corner + right * part) / up) for part in (0.0, 1.0) if up]
    met += [(-(corner + up * part) / right, part) for part in (0.0, 1.0) if right]
    seen = sorted(place for place in met if all(-SLACK <= part <= 1 + SLACK for part in place))
    if not seen or dist(seen[0], seen[-1]) < TOUCH:
        return None
    return _point(seen[0], x, y), _point(seen[-1], x, y)


def _point(place: Point, x: Axis, y: Axis) -> Point:
    """A place in the frame, in parts of its sides, along the axes."""
    return x.value(place[0]), y.value(place[1])


def equation(border: Border, x: Caption, y: Caption) -> Caption:
    """`0.5 x1 − x2 + 0.3 = 0`; with ≈ if a number is rounded."""
    parts = list[str | Label]()
    for factor, symbol in ((border.w1, x), (border.w2, y), (border.b, ())):
        if factor:
            parts += _term(factor, symbol, leading=not parts)
    rounded = any(map(is_rounded, (border.w1, border.w2, border.b)))
    return (*parts, " ≈ 0" if rounded else " = 0")


def _term(factor: float, symbol: Caption, leading: bool) -> Iterator[str | Label]:
    yield ("−" if leading else " − ") if factor < 0 else ("" if leading else " + ")
    if abs(factor) != 1 or not symbol:
        yield from number(abs(factor))
        yield " " if symbol else ""
    yield from symbol
