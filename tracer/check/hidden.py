"""Slips at steps that nobody asked for: which value there explains the wrong ones it leads to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tracer.check.graph import Node
from tracer.check.judge import Numbers, Pass, fits

_SECANTS = 12


@dataclass(frozen=True)
class HiddenSlip:
    """A number that was not asked for and must have been another one."""

    node: int
    value: float


def solved(
    node: int, after: Sequence[tuple[int, Node]], numbers: Numbers, own: Pass, target: int
) -> HiddenSlip | None:
    """The slip at a node that explains all typed numbers it leads to, if there is one.

    after     what the node leads to before the next typed numbers, in order
    target    the earliest wrong one of them
    """
    value = _Solving(node, after, numbers, own, target).value()
    return None if value is None else HiddenSlip(node, value)


@dataclass(frozen=True, eq=False)
class _Solving:
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
        own = self.numbers.typed[self.target].half
        return other if self._explains(other, (own + radius) / abs(slope)) else None

    def _off(self, x: float) -> tuple[float, float]:
        """How far the earliest wrong step would be from what was typed, and its radius."""
        for at, v, r in self._steps(x, 0.0):
            if at == self.target:
                return v - self.numbers.typed[at].value, r
        raise AssertionError("a step that leads nowhere")

    def _explains(self, x: float, radius: float) -> bool:
        typed = self.numbers.typed
        return math.isfinite(x) and all(
            fits(abs(typed[at].value - v), v, r + typed[at].half)
            for at, v, r in self._steps(x, radius)
        )

    def _steps(self, x: float, radius: float) -> Iterator[tuple[int, float, float]]:
        """The typed steps with their values, if the one in question is x."""
        values, radii = [*self.own.values], [*self.own.radii]
        values[self.node], radii[self.node] = x, radius
        typed, half = self.numbers.typed, self.numbers.half
        for at, node in self.after:
            assert node.bound
            v, r = node.bound(values, radii, node.operands, half)
            if at in typed:
                yield at, v, r
            else:
                values[at], radii[at] = v, r + half(v, r)
