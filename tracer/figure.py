"""A drawing as data: circles, lines between them, columns; and where they touch.

x y  right and down, in px    r  radius of a circle
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import hypot

from tracer.labels import Label
from tracer.symbols import breadth

SYMBOL, NET, EDGE, TITLE = 16.0, 11.5, 14.0, 14.0  # font sizes, px

Box = tuple[float, float, float, float]  # left, top, right, bottom


class Kind(Enum):
    """What a circle stands for."""

    INPUT = "input"
    HIDDEN = "hidden"
    OUTPUT = "output"
    BIAS = "bias"
    ERROR = "error"
    MORE = "more"  # the dots in a column that is not shown whole


@dataclass(frozen=True)
class Node:
    """A circle, what is written in it, and below that, smaller, a unit's net."""

    kind: Kind
    x: float
    y: float
    r: float
    label: Label | None = None
    size: float = SYMBOL  # font size of the label
    net: Label | None = None
    net_size: float = NET


@dataclass(frozen=True)
class Edge:
    """A line between two nodes, by their index."""

    start: int
    end: int
    label: Label | None = None
    at: float = 0.0  # where the label sits, from centre (0) to centre (1)
    size: float = EDGE  # its font size
    faint: bool = False  # one of many


@dataclass(frozen=True)
class Column:
    """What a column is called, and how many circles it stands for."""

    title: str
    x: float
    count: int
    size: float = TITLE


@dataclass(frozen=True)
class Diagram:
    """A drawing; empty for a program without a network."""

    width: float
    height: float
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    columns: tuple[Column, ...]  # inputs, layers, error

    def spot(self, edge: Edge) -> tuple[float, float]:
        """Where an edge's label has its centre."""
        return along(self.nodes[edge.start], self.nodes[edge.end], edge.at)

    def box(self, edge: Edge) -> Box:
        """The white ground of an edge's label."""
        return ground(named(edge), *self.spot(edge), edge.size)


def ground(label: Label, x: float, y: float, size: float) -> Box:
    """The room a label takes around its centre."""
    half = breadth(label, size) / 2 + 3
    return x - half, y - 0.68 * size, x + half, y + 0.68 * size


def named(edge: Edge) -> Label:
    """The label of an edge that has one."""
    assert edge.label, edge
    return edge.label


def along(start: Node, end: Node, at: float) -> tuple[float, float]:
    """A point on the way from one centre to another."""
    return start.x + at * (end.x - start.x), start.y + at * (end.y - start.y)


def meet(a: Box, b: Box) -> bool:
    """Whether two boxes overlap."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def touches(box: Box, node: Node) -> bool:
    """Whether a box reaches into a circle."""
    x, y = min(max(node.x, box[0]), box[2]), min(max(node.y, box[1]), box[3])
    return hypot(x - node.x, y - node.y) < node.r + 2


def crosses(box: Box, a: Node, b: Node) -> bool:
    """Whether the line between two nodes passes through a box."""
    first, last = 0.0, 1.0
    for start, way, low, high in (
        (a.x, b.x - a.x, box[0], box[2]),
        (a.y, b.y - a.y, box[1], box[3]),
    ):
        if way == 0:
            if not low < start < high:
                return False
        else:
            enter, leave = sorted(((low - start) / way, (high - start) / way))
            first, last = max(first, enter), min(last, leave)
    return first < last
