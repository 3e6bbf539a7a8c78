"""Mistakes on an unrolled program: which nodes they compute in another way, and what that reaches.

A hypothesis is a mistake made throughout, in one layer or at one unit. Judging it needs only the
nodes it changes and what they reach before the next typed number; that plan is made once for
all sheets with the same steps filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import heapify, heappop, heappush

from tracer.check.graph import Graph, Node, Place, computed, copied
from tracer.errors import ProgramError
from tracer.mistakes.anatomy import anatomy_of
from tracer.mistakes.catalog import MISTAKES, Mistake
from tracer.mistakes.sites import Site, merge
from tracer.rewrite import BEFORE, Change, Operand, Past

THROUGHOUT, LAYER, UNIT = "throughout", "layer", "unit"
KEPT = 32  # sets of typed nodes for which plans are kept


@dataclass(frozen=True, eq=False)
class Plan:
    """What to judge anew under a hypothesis, for one set of typed nodes."""

    steps: tuple[tuple[int, Node], ...]  # in an order in which they can be computed
    reached: frozenset[int]  # the typed nodes among them
    touched: frozenset[int]  # those of them that come out differently
    extra: int  # further nodes, numbered after the graph's own


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """Some mistakes, made at certain places."""

    graph: Graph
    mistakes: tuple[tuple[Mistake, str], ...]  # each with where: "" throughout
    scope: str
    sites: tuple[Site, ...]
    parts: tuple[Hypothesis, ...] = ()  # of two mistakes made at once

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(mistake.id for mistake, _ in self.mistakes)

    @cached_property
    def changes(self) -> tuple[Mapping[int, Node], Sequence[Node]]:
        """The nodes that are computed in another way, and further ones that they read."""
        return _Patching(self.graph).of(merge(self.sites))

    def plan(self, typed: frozenset[int]) -> Plan:
        """What to judge anew.

        raises    ProgramError where nothing can be computed first: no such mistake can be made
        """
        if typed not in self._plans:
            if len(self._plans) >= KEPT:
                del self._plans[next(iter(self._plans))]
            self._plans[typed] = _plan(self.graph, *self.changes, typed)
        return self._plans[typed]

    @cached_property
    def _plans(self) -> dict[frozenset[int], Plan]:
        return {}

    def and_also(self, other: Hypothesis) -> Hypothesis:
        """Both at once."""
        return replace(
            self, mistakes=(*self.mistakes, *other.mistakes), sites=(*self.sites, *other.sites),
            parts=(self, other),
        )  # fmt: skip


def hypotheses(graph: Graph, mistakes: Iterable[Mistake] = MISTAKES) -> list[Hypothesis]:
    """Every mistake that can be made in a program: throughout, layer by layer, unit by unit."""
    return [h for mistake in mistakes for h in _of(graph, mistake) if h.changes[0]]


def _of(graph: Graph, mistake: Mistake) -> Iterator[Hypothesis]:
    sites = [s for s in mistake.sites(anatomy_of(graph.trace.program)) if s.edits or s.carry]
    if not sites:
        return
    yield Hypothesis(graph, ((mistake, ""),), THROUGHOUT, tuple(sites))
    parts: dict[str, list[Site]] = {}
    for site in sites:
        parts.setdefault(site.part, []).append(site)
    if len(parts) > 1:
        for part, own in parts.items():
            yield Hypothesis(graph, ((mistake, part),), LAYER, tuple(own))
    for own in parts.values():
        if len(own) > 1:
            for site in own:
                yield Hypothesis(graph, ((mistake, site.at),), UNIT, (site,))


# ---- changed nodes ---------------------------------------------------------------------


class _Patching:
    """The nodes of a site's changes in every pass and sample."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.program = graph, graph.trace.program
        self.extra: list[Node] = []
        self.known: dict[tuple[Operand, Place], int] = {}

    def of(self, site: Site) -> tuple[dict[int, Node], list[Node]]:
        """Changed nodes by their number, and further ones numbered after the graph's."""
        cells = anatomy_of(self.program).cells
        changed: dict[int, Node] = {}
        for cell, edit in site.edits.items():
            change = edit(cells[cell].change)
            for place in self._places(cell):
                changed[self.graph.index[place]] = self._computed(change, place)
        for given, operand in site.carry.items():
            for place in self._places(given):
                before = place._replace(iteration=place.iteration - 1)
                if before in self.graph.index:
                    node = Node(copied, (self._node(operand, before),))
                    changed[self.graph.index[place]] = node
        own = self.graph.nodes
        return {n: node for n, node in changed.items() if node != own[n]}, self.extra

    def _places(self, cell: int) -> Iterator[Place]:
        each = self.program.block(cell).per_sample
        for iteration in self.graph.iterations:
            for sample in range(self.program.samples if each else 1):
                yield Place(iteration, cell, sample)

    def _computed(self, change: Change, at: Place) -> Node:
        def read(operand: Operand, sample: int | None) -> int:
            return self._node(operand, at if sample is None else at._replace(sample=sample))

        return computed(change, self.program.samples, read)

    def _node(self, operand: Operand, at: Place) -> int:
        if isinstance(operand, Change):
            key = operand, at
            if key not in self.known:
                node = self._computed(operand, at)
                self.known[key] = len(self.graph) + len(self.extra)
                self.extra.append(node)
            return self.known[key]
        cell, iteration = operand, at.iteration
        if isinstance(operand, Past):
            cell, iteration = operand.cell, self._past(operand.when, at.iteration)
        found = self.graph.find(iteration, cell, at.sample)  # type: ignore[arg-type]
        assert found is not None
        return found

    def _past(self, when: str, iteration: int) -> int:
        """The pass meant, as far back as the graph goes."""
        first = self.graph.iterations[0]
        if when == BEFORE:
            return iteration - 1 if iteration - 1 in self.graph.iterations else iteration
        return first


# ---- what they reach -------------------------------------------------------------------


def _plan(
    graph: Graph, changed: Mapping[int, Node], extra: Sequence[Node], typed: frozenset[int]
) -> Plan:
    """The changed nodes and all they reach, in an order of computation.

    The readers of a typed number that came out differently are judged again too: how exactly
    that number is known may have changed.
    """
    size = len(graph)
    further = dict(enumerate(extra, size))
    readers = _further_readers(graph, {**changed, **further})
    reached = _spread([*further, *changed], readers, typed)
    ends = [n for n in reached if n in typed]
    again = _spread([r for n in ends for r in readers(n)], readers, typed)
    wanted = reached | again
    nodes = {n: further[n] if n >= size else changed.get(n, graph.nodes[n]) for n in wanted}
    steps = tuple((n, nodes[n]) for n in ordered(nodes, typed))
    return Plan(steps, typed & wanted, typed & reached, len(extra))


def reached_from(graph: Graph, start: int, typed: frozenset[int]) -> tuple[tuple[int, Node], ...]:
    """What a node leads to before the next typed numbers, in order of computation."""
    reached = _spread([start], graph.readers.__getitem__, typed) - {start}
    return tuple((n, graph.nodes[n]) for n in sorted(reached))


def _further_readers(graph: Graph, changed: Mapping[int, Node]) -> Callable[[int], Iterable[int]]:
    """Who reads a node once some are computed in another way."""
    new: dict[int, list[int]] = {}
    for reader, node in changed.items():
        for operand in node.operands:
            new.setdefault(operand, []).append(reader)

    def readers(node: int) -> list[int]:
        own = graph.readers[node] if node < len(graph) else ()
        return [*(r for r in own if r not in changed), *new.get(node, ())]

    return readers


def _spread(
    start: Iterable[int], readers: Callable[[int], Iterable[int]], typed: frozenset[int]
) -> set[int]:
    """Nodes and what they reach, up to the next typed numbers."""
    found = set(start)
    todo = list(found)
    while todo:
        node = todo.pop()
        if node in typed:
            continue
        for reader in readers(node):
            if reader not in found:
                found.add(reader)
                todo.append(reader)
    return found


def ordered(nodes: Mapping[int, Node], typed: frozenset[int]) -> list[int]:
    """Nodes in an order in which each comes after what it reads; of several the earliest.

    A typed number is there before it is judged, so that nothing has to wait for it.
    """
    waits = {
        n: {o for o in node.operands if o in nodes and o not in typed} for n, node in nodes.items()
    }
    behind: dict[int, list[int]] = {}
    for n, operands in waits.items():
        for operand in operands:
            behind.setdefault(operand, []).append(n)
    ready = [n for n, operands in waits.items() if not operands]
    heapify(ready)
    found = []
    while ready:
        n = heappop(ready)
        found.append(n)
        for reader in behind.get(n, ()):
            waits[reader].discard(n)
            if not waits[reader]:
                heappush(ready, reader)
    if len(found) < len(nodes):
        raise ProgramError("no order is left in which the steps can be computed")
    return found
