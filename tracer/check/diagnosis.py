"""Where somebody went wrong: the smallest explanation of a whole sheet, and all that are as small.

In tiers, and the first that leaves no step unexplained ends the search: one mistake made
throughout or in one layer; a slip at one typed step; a slip at one step that was not asked for;
a mistake at one unit; two mistakes. Otherwise the first wrong step is all that can be said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from tracer.check.graph import Graph, Node
from tracer.check.hypotheses import UNIT, Hypothesis, Plan, hypotheses, reached_from
from tracer.check.judge import Numbers, Pass, fits, judged, rejudged
from tracer.errors import ProgramError

MAX_TIES = 12  # explanations that are told; with more, nothing is known
_SECANTS = 12
_NOTHING = 1e-6  # of a value: a factor that is lost, and no slip


class Tier(Enum):
    """What kind of explanation was found."""

    FINE = "fine"
    MISTAKE = "mistake"
    SLIP = "slip"
    HIDDEN_SLIP = "hidden slip"
    UNIT = "unit"
    TWO = "two mistakes"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class HiddenSlip:
    """A number that was not asked for and must have been another one."""

    node: int
    value: float


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What a sheet's numbers are, step by step and as a whole."""

    own: Pass  # on the person's own numbers
    follows: frozenset[
        int
    ]  # typed nodes that follow from a wrong one: right given the person's own
    bad: frozenset[int]  # typed nodes that are wrong in themselves
    tier: Tier
    explanations: tuple[Hypothesis, ...] = ()
    hidden: tuple[HiddenSlip, ...] = ()


class Examiner:
    """Judges sheets of one exercise; what it learns about mistakes serves all of them."""

    def __init__(self, graph: Graph, known: Sequence[Hypothesis] | None = None) -> None:
        self.graph = graph
        self._known = known
        self._pairs: dict[tuple[int, int], Hypothesis] = {}
        self._bits: dict[frozenset[int], Sequence[int]] = {}
        self._after: dict[tuple[int, frozenset[int]], Sequence[tuple[int, Node]]] = {}

    @cached_property
    def known(self) -> Sequence[Hypothesis]:
        """Every mistake at every place."""
        return hypotheses(self.graph) if self._known is None else self._known

    @cached_property
    def broad(self) -> Sequence[Hypothesis]:
        """Mistakes made throughout or in one layer."""
        return [h for h in self.known if h.scope != UNIT]

    @cached_property
    def narrow(self) -> Sequence[Hypothesis]:
        """Mistakes made at one unit."""
        return [h for h in self.known if h.scope == UNIT]

    def examine(self, numbers: Numbers) -> Diagnosis:
        """What can be said of a sheet."""
        own = judged(self.graph, self.graph.values, numbers)
        if not own.bad:
            return Diagnosis(own, frozenset(), frozenset(), Tier.FINE)
        mended = judged(self.graph, self.graph.values, numbers, repair=True)
        bad = own.bad & mended.bad
        follows = frozenset(n for n in mended.bad - own.bad if self._sound(n, own))
        trivial = mended.bad - own.bad - follows
        if not bad:  # every wrong number follows from another's slip: blame the first
            bad = frozenset([min(own.bad)])
        found = _Search(self, numbers, own, bad)
        tier, explanations, hidden = found.result()
        return Diagnosis(own, follows, bad | trivial, tier, explanations, hidden)

    def _sound(self, node: int, own: Pass) -> bool:
        """Whether a step says something on the person's own numbers: no factor that was made 0."""
        value, radius = own.expected[node]
        made_zero = (o for o in self.graph.nodes[node].operands if o in own.bad)
        return not self._zeroed(node, value, radius) and not any(
            self._zeroed(o, own.values[o], own.radii[o]) for o in made_zero
        )

    def _zeroed(self, node: int, value: float, radius: float) -> bool:
        """Whether a value is 0 to the digits known, and should not be."""
        return abs(value) <= radius < abs(self.graph.values[node])

    def bits(self, typed: frozenset[int]) -> Sequence[int]:
        """For every node the typed ones it reaches before another typed one, as a set of bits."""
        if typed not in self._bits:
            found = [0] * len(self.graph)
            for node in reversed(range(len(self.graph))):
                for reader in self.graph.readers[node]:
                    found[node] |= 1 << reader if reader in typed else found[reader]
            self._bits[typed] = found
        return self._bits[typed]

    def steps_after(self, node: int, typed: frozenset[int]) -> Sequence[tuple[int, Node]]:
        """What a node reaches before the next typed ones, in order."""
        if (node, typed) not in self._after:
            self._after[node, typed] = reached_from(self.graph, node, typed)
        return self._after[node, typed]

    def both(self, first: Hypothesis, second: Hypothesis) -> Hypothesis:
        """Two mistakes at once."""
        key = id(first), id(second)
        if key not in self._pairs:
            self._pairs[key] = first.and_also(second)
        return self._pairs[key]


class _Search:
    """The search for what explains one sheet."""

    def __init__(self, by: Examiner, numbers: Numbers, own: Pass, bad: frozenset[int]) -> None:
        self.by, self.numbers, self.own, self.bad = by, numbers, own, bad
        self.typed = frozenset(numbers.typed)

    def result(self) -> tuple[Tier, tuple[Hypothesis, ...], tuple[HiddenSlip, ...]]:
        found = self._single(self.by.broad)
        if found:
            return Tier.MISTAKE, found, ()
        if len(self.bad) == 1:
            return Tier.SLIP, (), ()
        hidden = tuple(self._hidden_slips())
        if hidden:
            return Tier.HIDDEN_SLIP, (), hidden
        found = self._single(self.by.narrow)
        if found:
            return Tier.UNIT, found, ()
        found = self._double()
        if 0 < len(found) <= MAX_TIES:
            return Tier.TWO, found, ()
        return Tier.UNKNOWN, (), ()

    # ---- mistakes ----------------------------------------------------------------------

    def _single(self, known: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
        """The mistakes that explain every wrong step; of one made in several ways the widest."""
        found = [h for h in known if self._explains(h)]
        first: dict[tuple[str, ...], Hypothesis] = {}
        for h in found:
            first.setdefault(h.ids, h)
        return tuple(h for h in found if h.scope == UNIT or first[h.ids] is h)

    def _plan(self, h: Hypothesis) -> Plan | None:
        try:
            return h.plan(self.typed)
        except ProgramError:
            return None

    def _explains(self, h: Hypothesis) -> bool:
        plan = self._plan(h)
        if plan is None or not self.bad <= plan.reached:
            return False
        return not rejudged(plan.steps, self.own, self.numbers, plan.extra, first=True)

    def _double(self) -> tuple[Hypothesis, ...]:
        """Two mistakes at once: each of them touches the earliest step that the other leaves."""
        found: dict[frozenset[str], Hypothesis] = {}
        for first in self._touching(min(self.bad)):
            plan = self._plan(first)
            assert plan
            left = self._left(plan)
            for second in self._touching(min(left)) if left else ():
                ids = frozenset((*first.ids, *second.ids))
                if len(ids) == 2 and ids not in found:
                    both = self.by.both(first, second)
                    if self._explains(both):
                        found[ids] = both
        return tuple(found.values())

    def _touching(self, node: int) -> Iterator[Hypothesis]:
        for h in self.by.broad:
            plan = self._plan(h)
            if plan is not None and node in plan.reached:
                yield h

    def _left(self, plan: Plan) -> frozenset[int]:
        """The steps that are wrong under a hypothesis."""
        still = rejudged(plan.steps, self.own, self.numbers, plan.extra, first=False)
        return (self.bad - plan.reached) | frozenset(still)

    # ---- slips at steps nobody asked for -------------------------------------------------

    def _hidden_slips(self) -> Iterator[HiddenSlip]:
        """Steps that were not typed, and the values there that explain every wrong step."""
        bits = self.by.bits(self.typed)
        wanted = sum(1 << n for n in self.bad)
        for node in range(len(self.by.graph)):
            if node not in self.typed and wanted & ~bits[node] == 0:
                value = _Solving(self, node).value()
                if value is not None and abs(value) > _NOTHING * abs(self.own.values[node]):
                    yield HiddenSlip(node, value)


class _Solving:
    """Which value at one step explains all the wrong ones it leads to."""

    def __init__(self, search: _Search, node: int) -> None:
        self.search, self.node = search, node
        self.steps = search.by.steps_after(node, search.typed)
        self.target = min(search.bad)

    def value(self) -> float | None:
        """The value, found by secants at the earliest wrong step and tried at all others."""
        start = self.search.own.values[self.node]
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
        own = self.search.numbers.typed[self.target].half
        return other if self._explains(other, (own + radius) / abs(slope)) else None

    def _off(self, x: float) -> tuple[float, float]:
        """How far the earliest wrong step would be from what was typed, and its radius."""
        for at, v, r in self._steps(x, 0.0):
            if at == self.target:
                return v - self.search.numbers.typed[at].value, r
        raise AssertionError("a step that leads nowhere")

    def _explains(self, x: float, radius: float) -> bool:
        typed = self.search.numbers.typed
        return math.isfinite(x) and all(
            fits(abs(typed[at].value - v), v, r + typed[at].half)
            for at, v, r in self._steps(x, radius)
        )

    def _steps(self, x: float, radius: float) -> Iterator[tuple[int, float, float]]:
        """The typed steps with their values, if the one in question is x."""
        values, radii = [*self.search.own.values], [*self.search.own.radii]
        values[self.node], radii[self.node] = x, radius
        half = self.search.numbers.half
        for at, node in self.steps:
            assert node.bound
            v, r = node.bound(values, radii, node.operands, half)
            if at in self.search.typed:
                yield at, v, r
            else:
                values[at], radii[at] = v, r + half(v)
