"""A chart as data: what it shows (`Plot`), and what is drawn and where (`Chart`).

x y  right and down, in px; in a `Plot`, along its axes
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import hypot

from tracer.charts.axes import Axis
from tracer.charts.captions import Caption, breadth
from tracer.charts.thinning import Point
from tracer.figure import Box

LOOKS = 6  # curves that a reader can tell apart, in print too
PLAIN = 6  # the look after them: a dark line

RADIUS = 8.0  # of the room a marker takes, px


class Anchor(Enum):
    """Which part of a text stands at its place."""

    START = "start"
    MIDDLE = "middle"
    END = "end"


class Shape(Enum):
    """What a point is drawn as; a square fits into a circle and both are seen."""

    DOT = "dot"  # on a curve
    CIRCLE = "circle"  # open
    SQUARE = "square"  # filled


@dataclass(frozen=True)
class Curve:
    """Points joined from left to right."""

    points: tuple[Point, ...]
    look: int = 0  # its colour and dashes: 0 … LOOKS - 1, or PLAIN
    caption: Caption = ()  # in the legend
    dotted: bool = False  # a dot at every point


@dataclass(frozen=True)
class Group:
    """Points of one kind."""

    points: tuple[Point, ...]
    shape: Shape
    look: int
    caption: Caption = ()


@dataclass(frozen=True)
class Plot:
    """What a chart shows, and how large its frame is."""

    x: Axis
    y: Axis
    wide: float
    high: float
    curves: tuple[Curve, ...] = ()
    groups: tuple[Group, ...] = ()
    title: str = ""


@dataclass(frozen=True)
class Text:
    caption: Caption
    x: float
    y: float  # of its middle
    size: float
    anchor: Anchor = Anchor.START
    faint: bool = False
    look: int | None = None  # the colour of what it belongs to

    @property
    def box(self) -> Box:
        """The room it takes."""
        wide = breadth(self.caption, self.size)
        left = self.x - wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor.value]
        return left, self.y - 0.68 * self.size, left + wide, self.y + 0.68 * self.size

    def touches(self, marker: Marker) -> bool:
        """Whether it reaches into a marker."""
        left, top, right, bottom = self.box
        x, y = min(max(marker.x, left), right), min(max(marker.y, top), bottom)
        return hypot(x - marker.x, y - marker.y) < RADIUS


@dataclass(frozen=True)
class Path:
    points: tuple[Point, ...]
    look: int


@dataclass(frozen=True)
class Marker:
    x: float
    y: float
    shape: Shape
    look: int

    @property
    def box(self) -> Box:
        return self.x - RADIUS, self.y - RADIUS, self.x + RADIUS, self.y + RADIUS


Segment = tuple[float, float, float, float]  # x and y of its start, of its end


@dataclass(frozen=True)
class Chart:
    """A plot as it is drawn."""

    plot: Plot
    width: float
    height: float
    frame: Box
    grid: tuple[Segment, ...]
    marks: tuple[Segment, ...]  # of the ticks
    paths: tuple[Path, ...]
    markers: tuple[Marker, ...]
    counts: tuple[Text, ...]  # of points in one place
    keys: tuple[Path | Marker, ...]  # the legend's samples
    texts: tuple[Text, ...]
