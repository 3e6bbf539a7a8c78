"""The reverse pass: one procedure for any program.

    x   an operand       c   a step that consumes it       E   the error, E_k its terms

Every partial ∂c/∂x is a step; every contribution to ∂E/∂x is a product of steps; several
contributions are summed by a step. A factor 1 is left out. The adjoint of a step is kept as
the factors of a product not yet written, until a cut makes it a step with a name.

The chain style is that cut set. Where the nets are not cut, a weight's gradient is written
∂E/∂out · ∂out/∂net · ∂net/∂w; where they are, it is δ · ∂net/∂w.

Of a batch, E is one sample's error or, where steps on the way run over all samples, the
batch's. Then what the samples say of a step that they share is totalled by a step.
What the steps are called is up to `calling`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from tracer import labels
from tracer.calling import Calling, share
from tracer.catalog.sums import BATCHES, CHAIN, PATHS
from tracer.contributions import SAMPLES, Contributions, Incoming
from tracer.errors import ProgramError
from tracer.expression import ONE, calls, overs
from tracer.labels import Label, OfSample
from tracer.partials import Taken, slots_of, taken
from tracer.program import Block, Cells, Draft, Phase
from tracer.reaching import Reach, leading, needing
from tracer.rules import Rule, inputs, is_one, is_zero


class Cut(Enum):
    """Where a step's adjoint appears as one named factor."""

    ALWAYS = "always"
    PATHS = "paths"  # on the way to earlier steps, not in the gradient of a parameter
    DELTA = "delta"  # always, and called δ
    EVERY = "every"  # always; a 1 is a step too, though no factor


class Shortcut(NamedTuple):
    """∂(some terms of the error)/∂cell as one step, in place of the chain through them."""

    rule: Rule
    operands: tuple[int, ...]
    terms: tuple[int, ...]  # each with the same ∂E/∂term


Shortcuts = Mapping[int, Shortcut]  # by cell


class _Adjoint(NamedTuple):
    """∂E/∂cell for some cells of a block, as factors not yet multiplied."""

    cells: Cells  # [m]
    full: Cells  # [m, f], the factors as a parameter's gradient spells them
    named: Cells  # [m, g], the factors as earlier steps see them


_ONE = Rule("one", "g", ONE, {})


def backprop(
    draft: Draft, root: int, trained: Cells, cuts: Mapping[int, Cut],
    shortcuts: Shortcuts = MappingProxyType({}),
) -> dict[int, int]:  # fmt: skip
    """Add the backward steps for ∂root/∂(every trained given); returns given -> gradient."""
    return _Reverse(draft, root, np.asarray(trained, np.int64), cuts, shortcuts).run()


def through_batch(draft: Draft, root: int, trained: Cells) -> bool:
    """Whether a step that runs over all samples lies between the root and what is trained."""
    needs = needing(draft.blocks, trained, draft.size)
    leads = leading(draft.blocks, root, draft.size)
    return draft.samples > 1 and any(
        leads[block.cells].any() and needs[block.operands[:, _over(block)]].any()
        for block in draft.blocks
    )


def _over(block: Block) -> list[int]:
    """The operand columns that run over the samples."""
    return [k for k, formal in enumerate(block.formals) if formal in block.over]


@dataclass
class _Reverse:
    draft: Draft
    root: int
    trained: Cells
    cuts: Mapping[int, Cut]
    shortcuts: Shortcuts

    def run(self) -> dict[int, int]:
        draft, forward = self.draft, list(self.draft.blocks)
        self.paths = Reach(forward, self.root, draft.size)
        self.called = Calling(draft, self.paths)
        self.leaf = np.zeros(draft.size, np.bool_)
        self.leaf[self.trained] = True
        self.of_batch = draft.samples > 1 and not draft.per_sample[self.root]
        terms = {term for shortcut in self.shortcuts.values() for term in shortcut.terms}
        sources = np.array([*self.trained.tolist(), *terms], np.int64)
        self.needs = needing(forward, sources, draft.size, self.shortcuts)
        self.sends = self.needs.copy()  # a shortcut takes nothing from its consumers
        self.sends[list(self.shortcuts)] = False
        self._check_shortcuts(terms)
        self.seeds: dict[int, Cells] = dict.fromkeys(terms, np.empty(0, np.int64))
        self.totals: dict[int, Label] = {}  # of what all samples say of a step that they share
        self.sent = Contributions(self.paths)
        self.gradients: dict[int, int] = {}
        last = self._last_reader(forward)
        for block in reversed(forward):
            if block.rule and self.needs[block.cells].any():
                for adjoint in self._adjoints(block):
                    self._send(block, adjoint)
            for given in last.get(block.start, ()):
                self._adjoints(given)
        return self.gradients

    def _check_shortcuts(self, terms: set[int]) -> None:
        """Refuse a shortcut that is not the whole derivative."""
        leads = leading(self.draft.blocks, self.root, self.draft.size, terms)
        for cell in self.shortcuts:
            if leads[cell]:
                name = labels.name(self.draft.label(cell))
                raise ProgramError(
                    f"{name} reaches the error on other ways than through the outputs' errors, so "
                    "that its derivative has no short form; state the chain"
                )

    def _last_reader(self, forward: list[Block]) -> dict[int, list[Block]]:
        """Start of a block -> blocks of trained givens that nothing earlier reads."""
        first = np.full(self.draft.size, -1, np.int64)
        for block in reversed(forward):
            first[block.operands] = block.start
        found: dict[int, list[Block]] = {}
        for given in forward:
            readers = first[given.cells]
            if not given.rule and self.needs[given.cells].any() and (readers >= 0).any():
                found.setdefault(int(readers[readers >= 0].min()), []).append(given)
        return found

    # ---- sending adjoints to operands --------------------------------------------------

    def _send(self, block: Block, adjoint: _Adjoint) -> None:
        """Multiply an adjoint by each partial, towards the operands that need it."""
        assert block.rule
        self._check(block, block.rule)
        rows = adjoint.cells - block.start
        for formal in inputs(block.rule):
            if formal == block.rule.member:
                continue
            slots = slots_of(block, formal)
            at, member = np.nonzero(self.sends[block.operands[rows][:, slots]])
            target = block.operands[rows[at], slots[member]]
            each = self.draft.per_sample[target] | (self.draft.samples == 1)
            for of_sample in set(each.tolist()):
                mine = np.flatnonzero(each == of_sample)
                row, of = rows[at[mine]], member[mine]
                for partial in taken(block, formal, row, of, self.draft.samples, of_sample):
                    where = mine[partial.where]
                    slot = slots[member[where]]
                    if not is_zero(partial.rule):
                        self._contribute(adjoint, at[where], target[where], slot, partial)

    def _contribute(
        self, adjoint: _Adjoint, at: Cells, target: Cells, slot: Cells, found: Taken
    ) -> None:
        """Send adjoints times a partial."""
        local = np.empty((len(at), 0), np.int64)
        consumer = adjoint.cells[at]
        if not is_one(found.rule):
            ids = zip(*(cells.tolist() for cells in (consumer, target, slot)), strict=True)
            called = [self.called.partial(*each) for each in ids]
            local = self.draft.emit(
                found.rule, found.operands, called, Phase.BACKWARD,
                part=self.paths.block(int(target[0])).part, of=(consumer, target), group=0,
            )[:, None]  # fmt: skip
        leaf = self.leaf[target]
        for mask, factors in ((leaf, adjoint.full), (~leaf, adjoint.named)):
            chain = np.hstack([factors[at], local])[mask]
            self.sent.send(target[mask], consumer[mask], slot[mask], chain)

    def _check(self, block: Block, rule: Rule) -> None:
        """Refuse what has no derivative to send."""
        label = block.labels[0]
        name = labels.name(label.of if isinstance(label, OfSample) else label)
        if self.sends[block.operands[:, _over(block)]].any():
            if self.draft.samples > 1 and not self.of_batch:
                raise ProgramError(
                    f"{name}: no derivative of one sample's error through what runs over all"
                )
            if self.draft.samples > 1 and block.per_sample:
                raise ProgramError(
                    f"{name}: no derivative of a sample's own step through what runs over all "
                    "samples; make that a formula of its own"
                )
            if any(part.how == "largest" for part in overs(rule.formula)):
                raise ProgramError(f"{name}: no derivative through the largest of all samples")
        if calls(rule.formula, "reached"):
            raise ProgramError(f"{name}: a threshold has no derivative to learn from")

    # ---- collecting contributions ------------------------------------------------------

    def _adjoints(self, block: Block) -> list[_Adjoint]:
        """The adjoint of every cell of a block that reaches the error."""
        if block.start <= self.root < block.start + len(block):
            self._ones(block, np.array([self.root]))
            empty = np.empty((1, 0), np.int64)
            return [_Adjoint(np.array([self.root]), empty, empty)]
        found = self._short(block)
        incoming = self._shared(block, self.sent.collect(block))
        single = incoming.counts == 1
        if single.any():
            first = incoming.first[single]
            chains = [incoming.factors[k] for k in first]
            found += self._single(block, incoming.target[first], chains)
        if (~single).any():
            found.append(self._several(block, incoming))
        for adjoint in found:
            for cell, factors in zip(adjoint.cells.tolist(), adjoint.named, strict=True):
                if cell in self.seeds:
                    self.seeds[cell] = factors
        return found

    def _short(self, block: Block) -> list[_Adjoint]:
        """The adjoints of cells that have a shortcut: what it says, times that of its terms."""
        found = []
        short = [c for c in block.cells.tolist() if c in self.shortcuts and self.needs[c]]
        seeds = {cell: self.seeds[self.shortcuts[cell].terms[0]] for cell in short}
        for rule, length in dict.fromkeys((self.shortcuts[c].rule, len(seeds[c])) for c in short):
            cells = [c for c in short if self.shortcuts[c].rule is rule and len(seeds[c]) == length]
            called = [
                self.called.noted(c, "short") if length else self._total(block, c)
                for c in cells
            ]  # fmt: skip
            made = self.draft.emit(
                rule, [self.shortcuts[c].operands for c in cells], called, Phase.BACKWARD,
                part=block.part,
            )  # fmt: skip
            chain = np.hstack([np.stack([seeds[c] for c in cells]), made[:, None]])
            found += self._cut(block, np.array(cells), chain)
        return found

    def _shared(self, block: Block, incoming: Incoming) -> Incoming:
        """What the samples of a batch say of steps that they share, totalled by a step each."""
        consumers = np.array([consumer for consumer, _ in incoming.via], np.int64)
        of_sample = self.draft.per_sample[consumers]
        if not self.of_batch or block.per_sample or not of_sample.any():
            return incoming
        each, other = incoming.where(of_sample), incoming.where(~of_sample)
        targets = np.unique(each.target)
        for cell in targets.tolist():
            others = other.consumers(cell)
            self.totals[cell] = (
                self.called.of_samples(cell, each.consumers(cell), others)
                if others else self._total(block, cell)
            )  # fmt: skip
        called = [self.totals[cell] for cell in targets.tolist()]
        shares = self._shares(block, each, targets, list(map(share, called)))
        totals = self.draft.emit(
            BATCHES["sum"], shares[:, None], called, Phase.BACKWARD, part=block.part
        )
        return other.joined(targets, totals)

    def _shares(self, block: Block, each: Incoming, targets: Cells, called: list[Label]) -> Cells:
        """What one sample says of the targets, one step each."""
        shares = np.empty(len(targets), np.int64)
        label = dict(zip(targets.tolist(), called, strict=True))
        cells, sums = self._summed(block, each, self.called.via, label.__getitem__)
        shares[np.searchsorted(targets, cells)] = sums
        single = each.first[each.counts == 1]
        for length in sorted({len(each.factors[k]) for k in single}):
            rows = [k for k in single.tolist() if len(each.factors[k]) == length]
            cells = each.target[rows]
            chains = np.stack([each.factors[k] for k in rows])
            made = self._product(block, chains, [label[cell] for cell in cells.tolist()])
            shares[np.searchsorted(targets, cells)] = made
        return shares

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
        if one:
            self._ones(block, cells)
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
            called = [self.called.total(int(cell), kind is Cut.DELTA) for cell in some]
            named = self._product(block, chain, called)[:, None]
            self._name(some, named[:, 0])
            found.append(_Adjoint(some, chain if kind is Cut.PATHS else named, named))
        return found

    def _ones(self, block: Block, cells: Cells) -> None:
        """Steps that are 1, for adjoints that are to be found by their names."""
        some = cells[[self.cuts.get(cell) is Cut.EVERY for cell in cells.tolist()]]
        if len(some):
            called = [self.called.total(cell) for cell in some.tolist()]
            self._name(some, self._product(block, np.empty((len(some), 0), np.int64), called))

    def _cut_of(self, block: Block, cell: int) -> Cut | None:
        if not block.rule:
            return Cut.ALWAYS
        kind = self.cuts.get(cell)
        operands = block.operands[cell - block.start]
        inner = self.needs[operands] & ~self.leaf[operands]
        return None if kind is Cut.PATHS and not inner.any() else kind

    def _several(self, block: Block, incoming: Incoming) -> _Adjoint:
        """Adjoints with several contributions: a step each, and a step for their sum."""
        cells, totals = self._summed(block, incoming, self._contribution, self.called.total)
        self._name(cells, totals)
        return _Adjoint(cells, totals[:, None], totals[:, None])

    def _contribution(self, cell: int, consumer: int, slot: int) -> Label:
        if consumer == SAMPLES:
            return self.totals[cell]
        return self.called.contribution(cell, consumer, slot)

    def _total(self, block: Block, cell: int) -> Label:
        """The name of a whole adjoint that one step makes."""
        return self.called.total(cell, self._cut_of(block, cell) is Cut.DELTA)

    def _summed(
        self, block: Block, incoming: Incoming,
        contribution: Callable[[int, int, int], Label], total: Callable[[int], Label],
    ) -> tuple[Cells, Cells]:  # fmt: skip
        """The cells with several contributions, and the steps that sum these."""
        target, via, factors = incoming
        counts = incoming.counts
        which = np.repeat(counts > 1, counts)
        parts = np.empty(len(target), np.int64)
        for length in sorted({len(f) for f, w in zip(factors, which, strict=True) if w}):
            rows = [k for k, f in enumerate(factors) if which[k] and len(f) == length]
            called = [contribution(int(target[k]), *via[k]) for k in rows]
            chains = np.stack([factors[k] for k in rows]).reshape(len(rows), length)
            parts[rows] = self._product(block, chains, called)
        cells, totals = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for count in sorted(set(counts[counts > 1])):
            first = incoming.first[counts == count]
            paths = parts[first[:, None] + np.arange(count)]
            called = [total(int(cell)) for cell in target[first]]
            cells.append(target[first])
            totals.append(self.draft.emit(
                PATHS, paths, called, Phase.BACKWARD, part=block.part
            ))  # fmt: skip
        return np.concatenate(cells), np.concatenate(totals)

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

    def _name(self, cells: Cells, adjoints: Cells) -> None:
        """Further names of ∂E/∂x: itself where it is called δ, and ∂E_k/∂x where that is true."""
        for cell, adjoint in zip(map(int, cells), map(int, adjoints), strict=True):
            if not self.paths.block(cell).rule:
                self.gradients[cell] = adjoint
            self.draft.alias(self.called.total(cell), adjoint)
            if also := self.called.of_term(cell):
                self.draft.alias(also, adjoint)
