"""One pass over a person's numbers: which steps do not follow from their own operands.

Every step is judged on the numbers before it that were typed. What a typed number stands for
is known to half a unit of its last digit; where the step came out as it should, it is also
near what the step gives on its operands, whichever of the two the person went on with. What
was not typed is computed, and may have been rounded in between.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tracer.check.bounds import Half
from tracer.check.graph import Graph, Node

FACTOR, RELATIVE, ABSOLUTE = 1 + 1e-9, 1e-12, 1e-14  # what double precision itself may do


class Typed(NamedTuple):
    """A number somebody typed, and half a unit of its last digit (all of it where cut off)."""

    value: float
    half: float


@dataclass(frozen=True, eq=False)
class Numbers:
    """A sheet's numbers at the nodes of a graph, and how far what was not typed may be rounded."""

    typed: Mapping[int, Typed]
    half: Half

    def __post_init__(self) -> None:
        assert all(math.isfinite(t.value) for t in self.typed.values())


@dataclass(frozen=True, eq=False)
class Pass:
    """What a pass found: at every node the value gone on with and its radius."""

    values: list[float]
    radii: list[float]
    expected: dict[int, tuple[float, float]]  # of the typed nodes: the step's value and radius
    bad: frozenset[int]  # typed nodes that do not follow


def judged(graph: Graph, givens: Sequence[float], numbers: Numbers, repair: bool = False) -> Pass:
    """Judge every step on the person's own numbers.

    repair    go on with what a bad step should have been, not with what was typed
    """
    values, radii = list(givens), [0.0] * len(graph)
    expected: dict[int, tuple[float, float]] = {}
    bad = []
    typed, half = numbers.typed, numbers.half
    for at, node in enumerate(graph.nodes):
        own = typed.get(at)
        if node.bound is None:
            if own is None:
                continue
            v, r = values[at], 0.0  # a given, copied
        else:
            v, r = node.bound(values, radii, node.operands, half)
        if own is None:
            values[at], radii[at] = v, r + half(v, r)
            continue
        expected[at] = v, r
        off = abs(own.value - v)
        if fits(off, v, r + own.half):
            values[at], radii[at] = own.value, min(own.half, r + off)
        else:
            bad.append(at)
            values[at], radii[at] = (v, r + half(v, r)) if repair else (own.value, own.half)
    return Pass(values, radii, expected, frozenset(bad))


def fits(off: float, value: float, radius: float) -> bool:
    """Whether a number that is off by so much is within a radius of a value.

    A radius that is not a number bounds nothing: 0 times what may be anything.
    """
    return not off > radius * FACTOR + RELATIVE * abs(value) + ABSOLUTE


def rejudged(
    steps: Sequence[tuple[int, Node]], found: Pass, numbers: Numbers, extra: int, *, first: bool
) -> list[int]:
    """The typed steps among some, computed in another way, that do not follow.

    steps     in an order in which they can be computed
    extra     how many further nodes they have among them
    first     whether to stop at the first
    """
    values, radii = [*found.values, *([0.0] * extra)], [*found.radii, *([0.0] * extra)]
    typed, half = numbers.typed, numbers.half
    bad = []
    for at, node in steps:
        assert node.bound
        v, r = node.bound(values, radii, node.operands, half)
        own = typed.get(at)
        if own is None:
            values[at], radii[at] = v, r + half(v, r)
            continue
        off = abs(own.value - v)
        if fits(off, v, r + own.half) and (r < math.inf or at not in found.bad):
            radii[at] = min(own.half, r + off)
            continue
        bad.append(at)
        if first:
            break
        radii[at] = own.half
    return bad
