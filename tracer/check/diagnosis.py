"""Where somebody went wrong: the smallest explanation of a whole sheet, and all that are as small.

In tiers, and the first that leaves no step unexplained ends the search: one mistake made
throughout or in one layer; a slip at one typed step; a slip at one step that was not asked for;
a mistake at one unit; two mistakes. Otherwise the first wrong step is all that can be said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tracer.check.graph import Graph
from tracer.check.hidden import HiddenSlip
from tracer.check.hypotheses import KEPT, UNIT, Hypothesis, hypotheses
from tracer.check.judge import Numbers, Pass, judged
from tracer.check.search import Reach, Search, Tier

__all__ = ["Diagnosis", "Examiner", "HiddenSlip", "Tier"]


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What a sheet's numbers are, step by step and as a whole."""

    own: Pass  # on the person's own numbers
    follows: frozenset[int]  # typed nodes that follow from a wrong one: right given one's own
    bad: frozenset[int]  # typed nodes that are wrong in themselves
    tier: Tier
    explanations: tuple[Hypothesis, ...] = ()
    hidden: tuple[HiddenSlip, ...] = ()
    mended: Pass | None = None  # with what the wrong steps should have been

    def expected(self, node: int) -> tuple[float, float]:
        """What a typed step should be, and its radius, on the numbers it was judged right by."""
        if self.mended and node in self.own.bad and node not in self.bad:
            return self.mended.expected[node]
        return self.own.expected[node]


class Examiner:
    """Judges sheets of one exercise; what it learns about mistakes serves all of them."""

    def __init__(self, graph: Graph, known: Sequence[Hypothesis] | None = None) -> None:
        self.graph = graph
        self._known = known
        self._reach: dict[frozenset[int], Reach] = {}

    @cached_property
    def known(self) -> Sequence[Hypothesis]:
        """Every mistake at every place."""
        return hypotheses(self.graph) if self._known is None else self._known

    @cached_property
    def broad(self) -> Sequence[Hypothesis]:
        """Mistakes made throughout or in one layer."""
        return [h for h in self.known if h.scope != UNIT]

    def examine(self, numbers: Numbers) -> Diagnosis:
        """What can be said of a sheet."""
        own = judged(self.graph, self.graph.values, numbers)
        if not own.bad:
            return Diagnosis(own, frozenset(), frozenset(), Tier.FINE)
        mended = judged(self.graph, self.graph.values, numbers, repair=True)
        # every wrong number may follow from another's slip: blame the first
        bad = own.bad & mended.bad or frozenset([min(own.bad)])
        follows = self._sound(own, mended.bad - own.bad)
        found = Search(self.reach(frozenset(numbers.typed)), numbers, own, bad).found()
        trivial = mended.bad - own.bad - follows
        return Diagnosis(
            own, follows, bad | trivial, found.tier, found.explanations, found.hidden, mended
        )  # fmt: skip

    def reach(self, typed: frozenset[int]) -> Reach:
        """What mistakes reach where these nodes are typed."""
        if typed not in self._reach:
            if len(self._reach) >= KEPT:
                del self._reach[next(iter(self._reach))]
            self._reach[typed] = Reach(self.graph, self.known, typed)
        return self._reach[typed]

    # ---- what follows ------------------------------------------------------------------

    def _sound(self, own: Pass, nodes: frozenset[int]) -> frozenset[int]:
        """The steps that say something on the person's own numbers: no factor was made 0.

        What comes out as 0 from wrong numbers that are none, as relu may, was still computed.
        """
        if not any(self._zeroed(n, own.values[n], own.radii[n]) for n in own.bad):
            return nodes
        return frozenset(n for n in nodes if self._says_something(n, own))

    def _says_something(self, node: int, own: Pass) -> bool:
        value, radius = own.expected[node]
        made_zero = (o for o in self.graph.nodes[node].operands if o in own.bad)
        return not self._zeroed(node, value, radius) and not any(
            self._zeroed(o, own.values[o], own.radii[o]) for o in made_zero
        )

    def _zeroed(self, node: int, value: float, radius: float) -> bool:
        """Whether a value is 0 to the digits known, and should not be."""
        return abs(value) <= radius < abs(self.graph.values[node])
