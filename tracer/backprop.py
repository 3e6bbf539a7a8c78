"""The reverse pass: one procedure for any program.

    x   an operand       c   a step that consumes it       E   the error, E_k its terms

Every partial ∂c/∂x is a step; every contribution to ∂E/∂x is a product of steps; several
contributions are summed by a step. A factor 1 is left out. The adjoint of a step is kept as
the factors of a product not yet written, until a cut makes it a step with a name.

The chain style is that cut set. Where the nets are not cut, a weight's gradient is written
∂E/∂out · ∂out/∂net · ∂net/∂w; where they are, it is δ · ∂net/∂w.

Names: ∂E_k/∂x is the name of a contribution only if its consumer is the sole one through
which x reaches E_k, reaches no other term, and ∂E/∂E_k = 1; any other is ∂E/∂x via c.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracer import labels
from tracer.catalog.sums import CHAIN, PATHS
from tracer.errors import ProgramError
from tracer.expression import ONE, SIZE, Name, Num, calls, group_of, names, rename
from tracer.labels import Delta, Derivative, Label, OfSample
from tracer.program import Block, Cells, Draft, Phase
from tracer.rules import Rule, inputs, is_one, is_zero, partial_rule


class Cut(Enum):
    """Where a step's adjoint appears as one named factor."""

    ALWAYS = "always"
    PATHS = "paths"  # on the way to earlier steps, not in the gradient of a parameter
    DELTA = "delta"  # always, and called δ


class _Adjoint(NamedTuple):
    """∂E/∂cell for some cells of a block, as factors not yet multiplied."""

    cells: Cells  # [m]
    full: Cells  # [m, f], the factors as a parameter's gradient spells them
    named: Cells  # [m, g], the factors as earlier steps see them


class _Edges(NamedTuple):
    """Contributions of consumers to their operands."""

    target: Cells  # [m]
    consumer: Cells  # [m]
    slot: Cells  # [m]
    factors: Cells  # [m, f]


class _Incoming(NamedTuple):
    """Contributions to the cells of a block, sorted by target; `counts` for each target."""

    target: Cells  # [m]
    via: list[tuple[int, int]]  # [m], consumer and place
    factors: list[Cells]  # [m]
    counts: Cells  # [targets]

    @property
    def first(self) -> Cells:
        """Where each target's contributions begin."""
        return np.cumsum(self.counts) - self.counts


_ONE = Rule("one", "g", ONE, {})


def backprop(draft: Draft, root: int, trained: Cells, cuts: Mapping[int, Cut]) -> dict[int, int]:
    """Add the backward steps for ∂root/∂(every trained given); returns given -> gradient."""
    return _Reverse(draft, root, trained, cuts).run()


@dataclass
class _Reverse:
    draft: Draft
    root: int
    trained: Cells
    cuts: Mapping[int, Cut]

    def run(self) -> dict[int, int]:
        self.forward = list(self.draft.blocks)
        self.starts = [block.start for block in self.forward]
        self.needs = _needs(self.forward, self.trained, self.draft.size)
        self.terms, self.seed_is_one = self._terms()
        self.ends = np.unique([*self.terms, self.root])  # what a name ∂c/∂x may promise of
        self.reach, self.routes = self._reach()
        self.only = self._only_terms()
        self.edges: list[_Edges] = []
        self.gradients: dict[int, int] = {}
        last = self._last_reader()
        for block in reversed(self.forward):
            if block.rule and self.needs[block.cells].any():
                for adjoint in self._adjoints(block):
                    self._send(block, adjoint)
            for given in last.get(block.start, ()):
                self._adjoints(given)
        return self.gradients

    # ---- what reaches what -------------------------------------------------------------

    def _terms(self) -> tuple[Cells, bool]:
        """The error's terms (the root itself if it is no plain sum or mean), and if ∂E/∂E_k = 1."""
        block = self._block(self.root)
        operands = block.operands[self.root - block.start]
        assert block.rule, "the error is a step"
        if block.over:
            return np.array([self.root]), True
        partials = [partial_rule(block.rule, formal) for formal in inputs(block.rule)]
        if any(_formals(p) for p in partials):
            return np.array([self.root]), True
        terms = np.unique(operands)
        return terms, len(terms) == len(operands) and all(is_one(p) for p in partials)

    def _reach(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which ends a cell reaches [cell, end], and through how many operand places."""
        reach = np.zeros((self.draft.size, len(self.ends)), np.bool_)
        routes = np.zeros((self.draft.size, len(self.ends)), np.int64)
        reach[self.ends, np.arange(len(self.ends))] = True
        for block in reversed(self.forward):
            for column in block.operands.T:
                np.logical_or.at(reach, column, reach[block.cells])
                np.add.at(routes, column, reach[block.cells])
        return reach, routes

    def _only_terms(self) -> Cells:
        """The one term a cell reaches, if ∂E/∂cell is that term's derivative too; else -1."""
        which = np.isin(self.ends, self.terms)
        reach = self.reach[:, which]
        alone = (reach.sum(axis=1) == 1) & self.seed_is_one
        return np.where(alone, self.ends[which][reach.argmax(axis=1)], -1)

    def _last_reader(self) -> dict[int, list[Block]]:
        """Start of a block -> blocks of trained givens that nothing earlier reads."""
        found: dict[int, list[Block]] = {}
        for given in self.forward:
            if given.rule or not self.needs[given.cells].any():
                continue
            readers = (b for b in self.forward if np.isin(b.operands, given.cells).any())
            first = next(readers, None)
            if first:
                found.setdefault(first.start, []).append(given)
        return found

    def _block(self, cell: int) -> Block:
        return self.forward[bisect_right(self.starts, cell) - 1]

    # ---- sending adjoints to operands --------------------------------------------------

    def _send(self, block: Block, adjoint: _Adjoint) -> None:
        """Multiply an adjoint by each partial, towards the operands that need it."""
        assert block.rule
        self._check(block, block.rule)
        rows = adjoint.cells - block.start
        for formal in inputs(block.rule):
            slots = _slots(block, formal)
            targets = block.operands[rows][:, slots]
            at, member = np.nonzero(self.needs[targets])
            if not len(at) or is_zero(partial := partial_rule(block.rule, formal)):
                continue
            target, slot = targets[at, member], np.array(slots)[member]
            local = np.empty((len(at), 0), np.int64)
            if not is_one(partial):
                local = self._partials(block, partial, rows[at], member, target, slot)[:, None]
            leaf = np.isin(target, self.trained)
            for mask, factors in ((leaf, adjoint.full), (~leaf, adjoint.named)):
                chain = np.hstack([factors[at], local])[mask]
                self.edges.append(_Edges(target[mask], adjoint.cells[at][mask], slot[mask], chain))

    def _check(self, block: Block, rule: Rule) -> None:
        """Refuse what has no derivative to send."""
        label = block.labels[0]
        name = labels.name(label.of if isinstance(label, OfSample) else label)
        over = [k for k, formal in enumerate(block.formals) if formal in block.over]
        if self.needs[block.operands[:, over]].any():
            raise ProgramError(
                f"{name}: no derivative through what runs over all samples; the error is that of "
                "one sample, conventions.reduction makes it the batch's"
            )
        if calls(rule.formula, "reached"):
            raise ProgramError(f"{name}: a threshold has no derivative to learn from")

    def _partials(
        self, block: Block, partial: Rule, row: Cells, member: Cells, target: Cells, slot: Cells
    ) -> Cells:
        """Emit ∂c/∂x for the operands chosen; [m]."""
        assert block.rule
        rule = _of_member(partial, block.size)
        columns = []
        for formal in _formals(partial):
            if formal == block.rule.output:
                columns.append(block.start + row)
            else:
                slots = np.array(_slots(block, formal))
                columns.append(block.operands[row, slots[member] if len(slots) > 1 else slots[0]])
        operands = np.stack(columns, 1) if columns else np.empty((len(row), 0), np.int64)
        consumer = block.start + row
        called = [self._partial_label(*ids) for ids in zip(consumer, target, slot, strict=True)]
        return self.draft.emit(
            rule, operands, called, Phase.BACKWARD,
            part=self._block(int(target[0])).part, of=(consumer, target), group=0,
        )  # fmt: skip

    def _partial_label(self, consumer: int, target: int, slot: int) -> Label:
        note = self._place(consumer, target, slot)
        if not note and self._also_indirect(consumer, target):
            note = "direct"
        return Derivative(self.draft.label(consumer), self.draft.label(target), note)

    def _also_indirect(self, consumer: int, target: int) -> bool:
        """Whether ∂c/∂x would be taken for the whole derivative of a term or the error."""
        which = np.flatnonzero(self.ends == consumer)
        return bool(len(which)) and bool((self.routes[target, which] > 1).any())

    def _place(self, consumer: int, target: int, slot: int) -> str:
        block = self._block(consumer)
        same = np.flatnonzero(block.operands[consumer - block.start] == target).tolist()
        return f"place {same.index(slot) + 1}" if len(same) > 1 else ""

    # ---- collecting contributions ------------------------------------------------------

    def _adjoints(self, block: Block) -> list[_Adjoint]:
        """The adjoint of every cell of a block that reaches the error."""
        if block.start <= self.root < block.start + len(block):
            empty = np.empty((1, 0), np.int64)
            return [_Adjoint(np.array([self.root]), empty, empty)]
        found, incoming = [], self._incoming(block)
        single = incoming.counts == 1
        if single.any():
            first = incoming.first[single]
            chains = [incoming.factors[k] for k in first]
            found += self._single(block, incoming.target[first], chains)
        if (~single).any():
            found.append(self._several(block, incoming))
        return found

    def _incoming(self, block: Block) -> _Incoming:
        """Contributions to a block's cells, in order of target, then consumer, then place."""
        rows: list[tuple[int, int, int, Cells]] = []
        for edge in self.edges:
            inside = (edge.target >= block.start) & (edge.target < block.start + len(block))
            for k in np.flatnonzero(inside):
                rows.append(
                    (int(edge.target[k]), int(edge.consumer[k]), int(edge.slot[k]), edge.factors[k])
                )
        rows.sort(key=lambda row: row[:3])
        target = np.array([row[0] for row in rows], np.int64)
        _, counts = np.unique(target, return_counts=True)
        via = [(row[1], row[2]) for row in rows]
        return _Incoming(target, via, [row[3] for row in rows], counts)

    def _single(self, block: Block, cells: Cells, chains: list[Cells]) -> list[_Adjoint]:
        """Adjoints with one contribution: a chain that goes on, or is cut into a step."""
        found = []
        for length in sorted({len(chain) for chain in chains}):
            chosen = np.array([k for k, chain in enumerate(chains) if len(chain) == length])
            full = np.stack([chains[k] for k in chosen]).reshape(len(chosen), length)
            found += self._cut(block, cells[chosen], full)
        return found

    def _cut(self, block: Block, cells: Cells, full: Cells) -> list[_Adjoint]:
        found = []
        one = block.rule and not full.shape[1]  # a factor 1 is left out, not named
        cut = [None if one else self._cut_of(block, int(cell)) for cell in cells]
        for kind in (None, *Cut):
            mask = np.array([c == kind for c in cut])
            if not mask.any():
                continue
            some, chain = cells[mask], full[mask]
            if kind is None:
                if chain.shape[1] == 1:  # one factor: that step is ∂E/∂x, without a step of its own
                    self._name(some, chain[:, 0])
                found.append(_Adjoint(some, chain, chain))
                continue
            called = [self._total(int(cell), kind) for cell in some]
            named = self._product(block, chain, called)[:, None]
            self._name(some, named[:, 0])
            found.append(_Adjoint(some, chain if kind is Cut.PATHS else named, named))
        return found

    def _cut_of(self, block: Block, cell: int) -> Cut | None:
        if not block.rule:
            return Cut.ALWAYS
        kind = self.cuts.get(cell)
        inner = self.needs[block.operands[cell - block.start]]
        leaf = np.isin(block.operands[cell - block.start], self.trained)
        return None if kind is Cut.PATHS and not (inner & ~leaf).any() else kind

    def _several(self, block: Block, incoming: _Incoming) -> _Adjoint:
        """Adjoints with several contributions: a step each, and a step for their sum."""
        target, via, factors, counts = incoming
        which = np.repeat(counts > 1, counts)
        parts = np.empty(len(target), np.int64)
        for length in sorted({len(f) for f, w in zip(factors, which, strict=True) if w}):
            rows = [k for k, f in enumerate(factors) if which[k] and len(f) == length]
            called = [self._contribution(int(target[k]), *via[k]) for k in rows]
            chains = np.stack([factors[k] for k in rows]).reshape(len(rows), length)
            parts[rows] = self._product(block, chains, called)
        cells, totals = [], []
        for count in sorted(set(counts[counts > 1])):
            chosen = np.flatnonzero(counts == count)
            first = incoming.first[chosen]
            some = target[first]
            paths = parts[first[:, None] + np.arange(count)]
            called = [self._total(int(cell), None) for cell in some]
            cells.append(some)
            totals.append(self.draft.emit(
                PATHS, paths, called, Phase.BACKWARD, part=block.part
            ))  # fmt: skip
            self._name(some, totals[-1])
        total = np.concatenate(totals)[:, None]
        return _Adjoint(np.concatenate(cells), total, total)

    def _product(self, block: Block, chains: Cells, called: list[Label]) -> Cells:
        """Multiply chains [m, f] into steps; one factor is that step under a further name."""
        if chains.shape[1] == 0:
            return self.draft.emit(
                _ONE, np.empty((len(called), 0), np.int64), called, Phase.BACKWARD,
                part=block.part, group=0,
            )  # fmt: skip
        if chains.shape[1] > 1:
            return self.draft.emit(CHAIN, chains, called, Phase.BACKWARD, part=block.part)
        for label, cell in zip(called, chains[:, 0], strict=True):
            self.draft.alias(label, int(cell))
        return chains[:, 0]

    # ---- names -------------------------------------------------------------------------

    def _total(self, cell: int, kind: Cut | None) -> Label:
        own = self.draft.label(cell)
        return Delta(own) if kind is Cut.DELTA else Derivative(self.draft.label(self.root), own)

    def _name(self, cells: Cells, adjoints: Cells) -> None:
        """Further names of ∂E/∂x: itself where it is called δ, and ∂E_k/∂x where that is true."""
        for cell, adjoint in zip(map(int, cells), map(int, adjoints), strict=True):
            own = self.draft.label(cell)
            if not self._block(cell).rule:
                self.gradients[cell] = adjoint
            self.draft.alias(Derivative(self.draft.label(self.root), own), adjoint)
            term = int(self.only[cell])
            if term not in (-1, cell, self.root):
                self.draft.alias(Derivative(self.draft.label(term), own), adjoint)

    def _routes(self, cell: int, end: int) -> int:
        """Through how many operand places a cell reaches a term."""
        return int(self.routes[cell, np.searchsorted(self.ends, end)])

    def _contribution(self, cell: int, consumer: int, slot: int) -> Label:
        own = self.draft.label(cell)
        term = int(self.only[consumer])
        if term not in (-1, self.root) and self._routes(cell, term) == 1:
            return Derivative(self.draft.label(term), own)
        place = self._place(consumer, cell, slot)
        via = f"via {labels.name(self.draft.label(consumer))}" + (f" {place}" if place else "")
        return Derivative(self.draft.label(self.root), own, via)


def _needs(blocks: list[Block], trained: Cells, size: int) -> NDArray[np.bool_]:
    """Which cells depend on a trained given."""
    needs = np.zeros(size, np.bool_)
    needs[trained] = True
    for block in blocks:
        if block.operands.size:
            needs[block.cells] = needs[block.operands].any(axis=1)
    return needs


def _slots(block: Block, formal: str) -> list[int]:
    """The operand columns of a formal: one, or one per member of a group."""
    base = group_of(formal)
    wanted = [f"{base}_{k + 1}" for k in range(block.size)] if base else [formal]
    return [block.formals.index(name) for name in wanted]


def _formals(partial: Rule) -> tuple[str, ...]:
    return tuple(name for name in names(partial.formula) if name != SIZE)


@cache
def _of_member(partial: Rule, size: int) -> Rule:
    """A partial for one member of a group: `x_i` is that member, `n` the group's size."""
    formula = rename(
        partial.formula,
        lambda s: Num(str(size)) if s == SIZE else Name(group_of(s) or s),
    )
    return Rule(partial.name, partial.output, formula, {}, kink=partial.kink)
