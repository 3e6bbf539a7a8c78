"""Slips at steps that nobody asked for: which value there explains the wrong ones it leads to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tracer.check.graph import Graph, Node
from tracer.check.judge import Numbers, Pass, fits
from tracer.check.spans import span

_SECANTS = 12
_LARGER = 10  # times the largest number given: a decimal point may be in the wrong place


@dataclass(frozen=True)
class HiddenSlip:
    """A number that was not asked for and must have been another one."""

    node: int
    value: float


def solved(
    graph: Graph, node: int, after: Sequence[tuple[int, Node]], numbers: Numbers, own: Pass,
    target: int,
) -> HiddenSlip | None:  # fmt: skip
    """The slip at a node that explains all typed numbers it leads to, if there is one.

    after     what the node leads to before the next typed numbers, in order
    target    the earliest wrong one of them
    """
    value = _Solving(graph, node, after, numbers, own, target).value()
    return None if value is None else HiddenSlip(node, value)


@dataclass(frozen=True, eq=False)
class _Solving:
    graph: Graph
    node: int
    after: Sequence[tuple[int, Node]]
    numbers: Numbers
    own: Pass
    target: int

    def value(self) -> float | None:
        """The value, found by secants at the earliest wrong step and tried at all others."""
        start = self.own.values[self.node]
        x, other = start, start + 1e-3 * max(1.0, abs(start))
        f, _ = self._off(x)
        for _ in range(_SECANTS):
            g, radius = self._off(other)
            if not math.isfinite(g) or g == f:
                return None
            slope = (g - f) / (other - x)
            x, f, other = other, g, other - g / slope
            if abs(other - x) <= 1e-12 * max(1.0, abs(x)):
                break
        known = (self.numbers.typed[self.target].half + radius) / abs(slope)
        likely = math.isfinite(other + known) and self._likely(other, known)
        return other if likely and self._explains(other, known) else None

    def _off(self, x: float) -> tuple[float, float]:
        """How far the earliest wrong step would be from what was typed, and its radius."""
        for at, v, r in self._steps(x):
            if at == self.target:
                return v - self.numbers.typed[at].value, r
        raise AssertionError("a step that leads nowhere")

    def _likely(self, x: float, radius: float) -> bool:
        """Whether somebody can have had a value: the step's formula gives such, or it was copied.

        A number copied wrong looks like those on the page: it is no longer than they are, not much
        larger than all of them, and the only such number that it can have been.
        """
        node = self.graph.nodes[self.node]
        if node.bound is not None:
            return node.formula is None or span(node.formula).holds(x, radius)
        decimals, largest = self.graph.printed
        copied = round(x, decimals)
        only = radius <= 10.0**-decimals / 2
        return only and abs(copied - x) <= radius and abs(copied) <= _LARGER * largest

    def _explains(self, x: float, radius: float) -> bool:
        """Whether all typed steps come out of a value, computed anew, and would not of the due."""
        at_ends = (self._steps(x + end) for end in (-radius, radius))
        return all(
            self._comes_out(at, v, r + max(abs(low - v), abs(high - v)))
            for (at, v, r), (_, low, _), (_, high, _) in zip(self._steps(x), *at_ends, strict=True)
        )

    def _comes_out(self, at: int, value: float, radius: float) -> bool:
        typed = self.numbers.typed[at]
        if not radius < math.inf or not fits(abs(typed.value - value), value, radius + typed.half):
            return False
        return at not in self.own.bad or abs(self.own.expected[at][0] - value) > radius

    def _steps(self, x: float) -> Iterator[tuple[int, float, float]]:
        """The typed steps with their values, if the one in question is x."""
        values, radii = [*self.own.values], [*self.own.radii]
        values[self.node], radii[self.node] = x, 0.0
        typed = self.numbers.typed

        def half(value: float, _: float) -> float:  # where x is not known, nothing is exact
            return self.numbers.half(value, math.inf)

        for at, node in self.after:
            assert node.bound
            v, r = node.bound(values, radii, node.operands, half)
            if at in typed:
                yield at, v, r
            else:
                values[at], radii[at] = v, r + half(v, 0.0)
