"""A program's passes unrolled: one node for every step of every pass and sample.

Judging goes node by node, because every person has other numbers in other places. A mistake is
the same graph with some nodes computed in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import NamedTuple

from tracer.check.bounds import Bound, Half, bound, formula_of
from tracer.check.spans import whole
from tracer.errors import TooLarge
from tracer.expression import Expr, names
from tracer.program import group_size
from tracer.rewrite import Change, Operand
from tracer.rules import Rule, formals, stable_form
from tracer.traces import Trace

MAX_NODES = 60_000


class Place(NamedTuple):
    """Where a node stands."""

    iteration: int
    cell: int
    sample: int  # 0 for a step that all samples share


class Node(NamedTuple):
    """How a node is computed: a bound over other nodes; without one it is a given number."""

    bound: Bound | None
    operands: tuple[int, ...]
    formula: Expr | None = None  # its names are the operands, in order; None: a copy


class Printed(NamedTuple):
    """Numbers on a page."""

    decimals: int  # digits after the point that they have at most
    largest: float


#: The node of an operand; of a certain sample where a rule runs over all of them.
Read = Callable[[Operand, int | None], int]


@dataclass(frozen=True, eq=False)
class Graph:
    """Some passes of a program, in order of computation."""

    trace: Trace  # of these passes
    iterations: tuple[int, ...]  # ascending
    places: tuple[Place, ...]
    nodes: tuple[Node, ...]
    index: Mapping[Place, int]

    def __len__(self) -> int:
        return len(self.nodes)

    def find(self, iteration: int, cell: int, sample: int) -> int | None:
        """The node of a step, if its pass is there; one that all samples share has a single one."""
        each = self.trace.program.block(cell).per_sample
        return self.index.get(Place(iteration, cell, sample if each else 0))

    @cached_property
    def readers(self) -> Sequence[Sequence[int]]:
        """The nodes that read a node, ascending."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for reader, node in enumerate(self.nodes):
            for operand in dict.fromkeys(node.operands):
                found[operand].append(reader)
        return found

    @cached_property
    def whole(self) -> frozenset[int]:
        """The steps that can only be whole numbers: thresholds, and what is counted of them."""
        found: set[int] = set()
        for n, node in enumerate(self.nodes):
            of_anything = whole(node.formula) if node.formula else False
            if of_anything or (of_anything is None and self._counts(node.operands, found)):
                found.add(n)
        return frozenset(found)

    def _counts(self, operands: Sequence[int], found: set[int]) -> bool:
        """Whether all of some operands are whole, and a step among them."""
        whole_given = (
            self.nodes[o].bound is None and self.values[o].is_integer() for o in operands
        )
        both = zip(operands, whole_given, strict=True)
        return all(o in found or given for o, given in both) and not found.isdisjoint(operands)

    @cached_property
    def printed(self) -> Printed:
        """What the numbers that are given look like."""
        given = [v for v, node in zip(self.values, self.nodes, strict=True) if node.bound is None]
        exponents = (Decimal(repr(v)).normalize().as_tuple().exponent for v in given)
        return Printed(
            max((-e for e in exponents if isinstance(e, int)), default=0),
            max(map(abs, given), default=0.0),
        )

    @cached_property
    def values(self) -> tuple[float, ...]:
        """What the engine computes at every node."""
        passes = {k: self.trace.at(k) for k in self.iterations}
        columns = {
            (k, cell): t.column(cell).tolist() for k, t in passes.items() for cell in range(len(t))
        }
        return tuple(float(columns[p.iteration, p.cell][p.sample]) for p in self.places)


def unrolled(trace: Trace, iterations: Sequence[int]) -> Graph:
    """The graph of some recorded passes; a pass goes on from the one before where that is there.

    raises    TooLarge for more nodes than anybody works out by hand
    """
    program = trace.program
    size = sum(len(b) * (program.samples if b.per_sample else 1) for b in program.blocks)
    if size * len(iterations) > MAX_NODES:
        raise TooLarge(
            f"{len(iterations):,} passes of {size:,} values are too many to judge one by one; "
            "ask for fewer iterations"
        )
    made = _Unrolling(trace)
    for iteration in iterations:
        made.add(iteration)
    return Graph(trace, tuple(iterations), tuple(made.places), tuple(made.nodes), made.index)


class _Unrolling:
    def __init__(self, trace: Trace) -> None:
        self.program = trace.program
        self.places: list[Place] = []
        self.nodes: list[Node] = []
        self.index: dict[Place, int] = {}

    def add(self, iteration: int) -> None:
        """Add a pass."""
        for block in self.program.blocks:
            samples = range(self.program.samples if block.per_sample else 1)
            for cell, row in zip(block.cells.tolist(), block.operands.tolist(), strict=True):
                change = Change(block.rule, tuple(row)) if block.rule else None
                for sample in samples:
                    place = Place(iteration, cell, sample)
                    self.index[place] = len(self.nodes)
                    self.places.append(place)
                    self.nodes.append(self._node(place, change))

    def _node(self, place: Place, change: Change | None) -> Node:
        if change:
            return computed(change, self.program.samples, self._reader(place))
        after = self.program.carry.get(place.cell)
        before = None if after is None else self.index.get(Place(place.iteration - 1, after, 0))
        return Node(None, ()) if before is None else Node(copied, (before,))

    def _reader(self, at: Place) -> Read:
        def read(operand: Operand, sample: int | None) -> int:
            assert isinstance(operand, int), "a program's own steps read its own steps"
            each = self.program.block(operand).per_sample
            chosen = at.sample if sample is None else sample
            return self.index[Place(at.iteration, operand, chosen if each else 0)]

        return read


class _Form(NamedTuple):
    """A rule of so many operands, ready to be a node."""

    bound: Bound
    formula: Expr
    slots: tuple[tuple[int, int | None], ...]  # of its names: which operand, of which sample


@lru_cache(maxsize=4096)
def _form(rule: Rule, arity: int, samples: int) -> _Form:
    size = group_size(rule, arity)
    formula = formula_of(rule, size, samples)
    place = {formal: k for k, formal in enumerate(formals(rule, size))}
    parts = (name.partition("@") for name in names(formula))
    slots = tuple((place[formal], int(k) if k else None) for formal, _, k in parts)
    return _Form(bound(formula, stable_form(rule, size)), formula, slots)


def computed(change: Change, samples: int, read: Read) -> Node:
    """The node of a rule on operands."""
    form = _form(change.rule, len(change.operands), samples)
    operands = tuple(read(change.operands[place], sample) for place, sample in form.slots)
    return Node(form.bound, operands, form.formula)


def copied(v: list[float], r: list[float], o: Sequence[int], half: Half) -> tuple[float, float]:
    """What a pass starts from is what the one before ended with."""
    return v[o[0]], r[o[0]]
