"""The search for what explains the wrong steps of one sheet, tier by tier.

Everything that a set of typed nodes determines (`Reach`) is made once for all sheets that have
it. Sets of nodes are whole numbers with a bit a node, so that most mistakes are ruled out by
one operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from tracer.check.graph import Graph, Node
from tracer.check.hidden import HiddenSlip, solved
from tracer.check.hypotheses import UNIT, Hypothesis, Plan, reached_from
from tracer.check.judge import Numbers, Pass, rejudged
from tracer.errors import ProgramError

MAX_TIES = 12  # explanations that are told; with more, nothing is known
LARGE = 1_500  # nodes of a graph in which nobody looks for two mistakes at once
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
class Found:
    """What explains a sheet."""

    tier: Tier
    explanations: tuple[Hypothesis, ...] = ()
    hidden: tuple[HiddenSlip, ...] = ()


def bits(nodes: Iterable[int]) -> int:
    """A set of nodes as one number."""
    found = 0
    for node in nodes:
        found |= 1 << node
    return found


@dataclass(frozen=True, eq=False)
class Reached:
    """A hypothesis with what it makes to be judged anew, for one set of typed nodes."""

    h: Hypothesis
    plan: Plan
    typed: int  # the typed nodes that are judged anew
    altered: int  # all nodes that come out differently
    reads: int  # nodes that are read where they were not


class Reach:
    """What every known mistake reaches before the next typed nodes."""

    def __init__(self, graph: Graph, known: Sequence[Hypothesis], typed: frozenset[int]) -> None:
        self.graph, self.known, self.typed = graph, known, typed
        self._pairs: dict[tuple[int, int], Sequence[Reached]] = {}
        self._after: dict[int, Sequence[tuple[int, Node]]] = {}

    @cached_property
    def broad(self) -> Sequence[Reached]:
        """Mistakes made throughout or in one layer."""
        return self._of(h for h in self.known if h.scope != UNIT)

    @cached_property
    def narrow(self) -> Sequence[Reached]:
        """Mistakes made at one unit."""
        return self._of(h for h in self.known if h.scope == UNIT)

    @cached_property
    def touching(self) -> Sequence[Sequence[int]]:
        """For every node the places of the broad mistakes that make it to be judged anew."""
        found: list[list[int]] = [[] for _ in self.graph.nodes]
        for place, reached in enumerate(self.broad):
            for node in reached.plan.reached:
                found[node].append(place)
        return found

    def _of(self, known: Iterable[Hypothesis]) -> Sequence[Reached]:
        return [reached for h in known if (reached := self.reached(h))]

    def reached(self, h: Hypothesis) -> Reached | None:
        """What a hypothesis reaches; None where nothing can be computed first."""
        try:
            plan = h.plan(self.typed)
        except ProgramError:
            return None
        altered = bits(n for n, _ in plan.steps)
        return Reached(h, plan, bits(plan.reached), altered, bits(self._newly_read(h)))

    def _newly_read(self, h: Hypothesis) -> Iterator[int]:
        changed, extra = h.changes
        for n, node in changed.items():
            yield from set(node.operands) - set(self.graph.nodes[n].operands)
        for node in extra:
            yield from node.operands

    def both(self, first: int, second: int) -> Sequence[Reached]:
        """Two broad mistakes at once; in both orders where they change the same steps."""
        key = first, second
        if key not in self._pairs:
            a, b = self.broad[first].h, self.broad[second].h
            ways = [a.and_also(b), *([b.and_also(a)] if _edited(a) & _edited(b) else [])]
            self._pairs[key] = self._of(ways)
        return self._pairs[key]

    @cached_property
    def leads_to(self) -> Sequence[int]:
        """For every node the typed ones it reaches before another typed one, as bits."""
        found = [0] * len(self.graph)
        for node in reversed(range(len(self.graph))):
            for reader in self.graph.readers[node]:
                found[node] |= 1 << reader if reader in self.typed else found[reader]
        return found

    def after(self, node: int) -> Sequence[tuple[int, Node]]:
        """What a node reaches before the next typed ones, in order."""
        if node not in self._after:
            self._after[node] = reached_from(self.graph, node, self.typed)
        return self._after[node]


def _edited(h: Hypothesis) -> set[int]:
    """The steps of a program that a hypothesis changes."""
    return {cell for site in h.sites for cell in site.edits}


class Search:
    """The search for what explains one sheet."""

    def __init__(self, reach: Reach, numbers: Numbers, own: Pass, bad: frozenset[int]) -> None:
        self.reach, self.numbers, self.own, self.bad = reach, numbers, own, bad
        self.wanted = bits(bad)
        self._left: dict[int, int] = {}

    def found(self) -> Found:
        """The smallest explanation, and all that are as small."""
        broad = self._single(self.reach.broad)
        if broad:
            return Found(Tier.MISTAKE, broad)
        if len(self.bad) == 1:
            return Found(Tier.SLIP)
        hidden = tuple(self._hidden_slips())
        narrow = self._single(self.reach.narrow)
        if narrow:
            return Found(Tier.UNIT, narrow, hidden)
        two = self._double() if len(self.reach.graph) <= LARGE else ()
        if 0 < len(two) <= MAX_TIES:
            return Found(Tier.TWO, two, hidden)
        return Found(Tier.HIDDEN_SLIP, (), hidden) if hidden else Found(Tier.UNKNOWN)

    # ---- mistakes ----------------------------------------------------------------------

    def _single(self, known: Sequence[Reached]) -> tuple[Hypothesis, ...]:
        """The mistakes that explain every wrong step; of one made in several ways the widest."""
        found = [k.h for k in known if not self.wanted & ~k.typed and self._explains(k)]
        first: dict[tuple[str, ...], Hypothesis] = {}
        for h in found:
            first.setdefault(h.ids, h)
        return tuple(h for h in found if h.scope == UNIT or first[h.ids] is h)

    def _explains(self, k: Reached) -> bool:
        """Whether a hypothesis leaves no step wrong."""
        if self.wanted & ~k.typed:
            return False
        return not rejudged(k.plan.steps, self.own, self.numbers, k.plan.extra, first=True)

    def _double(self) -> tuple[Hypothesis, ...]:
        """Two mistakes at once: each of them touches the earliest step that the other leaves."""
        found: dict[frozenset[str], Hypothesis] = {}
        touching = self.reach.touching
        for first in touching[min(self.bad)]:
            left = self._left_by(first)
            for second in touching[_lowest(left)] if left else ():
                ids = frozenset((*self._ids(first), *self._ids(second)))
                if len(ids) < 2 or ids in found or not self._may_be(first, second):
                    continue
                both = next(filter(self._explains, self.reach.both(first, second)), None)
                if both:
                    found[ids] = both.h
        return tuple(found.values())

    def _ids(self, place: int) -> tuple[str, ...]:
        return self.reach.broad[place].h.ids

    def _may_be(self, first: int, second: int) -> bool:
        """Whether each of two mistakes reaches all that the other leaves wrong.

        What only one of them reaches is judged as it is under that one alone, unless one reads
        what it did not and the other has altered.
        """
        a, b = self.reach.broad[first], self.reach.broad[second]
        if self._left_by(first) & ~b.typed and not a.reads & b.altered:
            return False
        return not self._left_by(second) & ~a.typed or bool(b.reads & a.altered)

    def _left_by(self, place: int) -> int:
        """The steps that are wrong under a hypothesis."""
        if place not in self._left:
            k = self.reach.broad[place]
            still = rejudged(k.plan.steps, self.own, self.numbers, k.plan.extra, first=False)
            self._left[place] = self.wanted & ~k.typed | bits(still)
        return self._left[place]

    # ---- slips at steps nobody asked for -------------------------------------------------

    def _hidden_slips(self) -> Iterator[HiddenSlip]:
        """Steps that were not typed, and the values there that explain every wrong step."""
        for node, leads_to in enumerate(self.reach.leads_to):
            if self.wanted & ~leads_to or node in self.reach.typed:
                continue
            slip = solved(
                self.reach.graph, node, self.reach.after(node), self.numbers, self.own,
                min(self.bad),
            )  # fmt: skip
            if slip and abs(slip.value) > _NOTHING * abs(self.own.values[node]):
                yield slip


def _lowest(nodes: int) -> int:
    """The first node of a set."""
    return (nodes & -nodes).bit_length() - 1
