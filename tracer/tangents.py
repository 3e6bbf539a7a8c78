"""Forward mode: how fast every step changes when some givens are moved in a direction.

    c   a step       x   an operand of it       ẋ   the tangent of x: how fast x changes

ċ = Σ ∂c/∂x · ẋ, in the order of the forward pass. A partial that is a number or an operand is
written as such: v̇ = y·ẋ + x·ẏ of v = x·y; any other is a step, the one of the reverse pass
where that has it. A partial 0 sends nothing, a factor 1 is left out.

Of a step that runs over the samples, each sample's share is a step: their total is ċ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from tracer import labels
from tracer.errors import ProgramError, RuleError
from tracer.expression import ONE, Expr, Name, Neg, Over, Product, Sum, calls, names, overs
from tracer.labels import Derivative, Label, OfSample, Tangent
from tracer.partials import Taken, slots_of, taken
from tracer.program import Block, Cells, Draft, Phase
from tracer.reaching import Mask, needing, sending
from tracer.rules import Rule, inputs, is_zero

DIRECTION, PART = "direction", "forward mode"  # the part of the seeds, and of what follows
RULE = "tangent"  # the name of the rules that sum partials times tangents


class _Factor(NamedTuple):
    """What a kind of tangent is multiplied with."""

    number: Expr | None  # None: a step
    minus: bool = False
    samples: str = ""  # EACH has its own tangent; TOTAL: it is that of all samples


EACH, TOTAL = "each", "total"


class _Term(NamedTuple):
    """One summand of some tangents."""

    factor: _Factor
    steps: Cells  # [m], where the factor is a step
    tangents: Cells  # [m]


def emit_tangents(
    draft: Draft, seeds: Mapping[int, int], roots: Collection[int], *,
    along: int | None = None, shared: bool = True,
) -> dict[int, int]:  # fmt: skip
    """Add the tangent of every forward and error step that depends on a seeded given.

    seeds     given -> the given that is its tangent
    roots     what must have a tangent, if it depends on a seed
    along     the one given whose tangent is 1 while all others are 0: the tangent of y is then
              also called dy/dx, unless that is a step's name
    shared    whether partials of the reverse pass are used again
    returns   cell -> its tangent
    raises    ProgramError where a root depends on a seed through what has no derivative
    """
    return _Forward(draft, dict(seeds), set(roots), along, shared).run()


@dataclass
class _Forward:
    draft: Draft
    found: dict[int, int]
    roots: set[int]
    along: int | None
    shared: bool

    def run(self) -> dict[int, int]:
        draft = self.draft
        self.forward = [b for b in draft.blocks if b.phase in (Phase.FORWARD, Phase.ERROR)]
        self.needed = draft.finish().cone(self.roots)
        self.lost = np.zeros(draft.size, np.bool_)  # what moves and has no derivative
        self.partials = _partials(draft) if self.shared else {}
        self.tangent = np.full(draft.size, -1)
        self.tangent[list(self.found)] = list(self.found.values())
        for block in self.forward:
            if block.rule and block.operands.size:
                self._block(block)
        if self.along is not None:
            self._name(self.along)
        return self.found

    def _name(self, along: int) -> None:
        """The tangent of every y as dy/dx."""
        for cell, tangent in self.found.items():
            called = Derivative(self.draft.label(cell), self.draft.label(along))
            if cell != along and not self._taken(called):
                self.draft.alias(called, tangent)

    def _taken(self, label: Label) -> bool:
        name = labels.name(label)
        return name in self.draft.index or name in self.draft.aliases

    # ---- one block ---------------------------------------------------------------------

    def _block(self, block: Block) -> None:
        moves: Mask = np.zeros(block.operands.shape, np.bool_)
        columns = sending(block)
        moves[:, columns] = self.tangent[block.operands[:, columns]] >= 0
        gone: Mask = np.any(self.lost[block.operands], axis=1)
        rows = np.flatnonzero(moves.any(axis=1) & ~gone)
        try:
            if len(rows):
                _check(block, np.flatnonzero(moves[rows].any(axis=0)))
                self._tangents(block, rows, moves[rows])
        except (ProgramError, RuleError):
            if not self.needed.isdisjoint((block.start + rows).tolist()):
                raise
            gone[rows] = True
        self.lost[block.cells] = gone

    def _tangents(self, block: Block, rows: Cells, moves: Mask) -> None:
        """The tangents of some steps, those together that are sums of the same kind."""
        assert block.rule
        if isinstance(block.rule.formula, Over) and isinstance(block.rule.formula.body, Name):
            operands, called = self.tangent[block.operands[rows]], self._called(block, rows)
            self._keep(block, rows, self._emit(block.rule, operands, called))
            return
        kinds: dict[_Factor, int] = {}
        factors, steps = np.full(moves.shape, -1), np.full(moves.shape, -1)
        for at, columns, factor, cells in self._factors(block, rows, moves):
            factors[at, columns] = kinds.setdefault(factor, len(kinds))
            steps[at, columns] = cells
        known = list(kinds)
        for kind in np.unique(factors, axis=0):
            at = np.flatnonzero((factors == kind).all(axis=1))
            terms = [
                _Term(known[k], steps[at, c], self.tangent[block.operands[rows[at], c]])
                for c, k in enumerate(kind.tolist()) if k >= 0
            ]  # fmt: skip
            if terms:
                called = self._called(block, rows[at])
                self._keep(block, rows[at], self._total(terms, called))

    def _called(self, block: Block, rows: Cells) -> list[Label]:
        return [Tangent(block.labels[row]) for row in rows.tolist()]

    def _keep(self, block: Block, rows: Cells, tangents: Cells) -> None:
        cells = block.start + rows
        self.found.update(zip(cells.tolist(), tangents.tolist(), strict=True))
        self.tangent[cells] = tangents

    def _total(self, terms: Sequence[_Term], called: Sequence[Label]) -> Cells:
        """The sum of terms, those of the samples totalled."""
        shares = [term for term in terms if term.factor.samples == EACH]
        if not shares:
            return self._sum(terms, called)
        share = shares[0].tangents
        if len(shares) > 1 or shares[0].factor != _Factor(ONE, samples=EACH):
            share = self._sum(shares, [OfSample(label) for label in called])
        others = [term for term in terms if term.factor.samples != EACH]
        total = _Term(_Factor(ONE, samples=TOTAL), share, share)
        return self._sum([total, *others], called)

    def _sum(self, terms: Sequence[_Term], called: Sequence[Label]) -> Cells:
        columns = [
            cells for factor, steps, tangents in terms
            for cells in ((tangents,) if factor.number else (steps, tangents))
        ]  # fmt: skip
        rule = _sum_rule(tuple(term.factor for term in terms))
        return self._emit(rule, np.stack(columns, 1), called)

    def _emit(self, rule: Rule, operands: Cells, called: Sequence[Label]) -> Cells:
        return self.draft.emit(rule, operands, called, Phase.TANGENT, part=PART)

    # ---- partials ----------------------------------------------------------------------

    def _factors(
        self, block: Block, rows: Cells, moves: Mask
    ) -> Iterator[tuple[Cells, Cells, _Factor, Cells]]:
        """(which of the rows, columns, ∂c/∂x, its cells where it is a step), without zeros."""
        assert block.rule
        samples = self.draft.samples
        for formal in inputs(block.rule):
            if formal == block.rule.member:
                continue
            slots = slots_of(block, formal)
            at, member = np.nonzero(moves[:, slots])
            each = self.draft.per_sample[block.operands[rows[at], slots[member]]] | (samples == 1)
            for of_sample in (True, False):
                mine = np.flatnonzero(each == of_sample)
                chosen = rows[at[mine]], member[mine]
                found = taken(block, formal, *chosen, samples, of_sample) if len(mine) else ()
                for partial in found:
                    where = mine[partial.where]
                    columns = slots[member[where]]
                    if not is_zero(partial.rule):
                        kind = EACH if of_sample and samples > 1 and formal in block.over else ""
                        factor, cells = self._factor(block, rows[at[where]], columns, partial)
                        yield at[where], columns, factor._replace(samples=kind), cells

    def _factor(
        self, block: Block, rows: Cells, columns: Cells, partial: Taken
    ) -> tuple[_Factor, Cells]:
        """A partial as a number, as an operand, or as steps of its own."""
        formula = partial.rule.formula
        minus = isinstance(formula, Neg)
        size = formula.body if isinstance(formula, Neg) else formula
        if not names(size):
            return _Factor(size, minus), rows
        if isinstance(size, Name):
            return _Factor(None, minus), partial.operands[:, 0]
        return _Factor(None), self._steps(block, rows, columns, partial)

    def _steps(self, block: Block, rows: Cells, columns: Cells, partial: Taken) -> Cells:
        """The cells of ∂c/∂x: those of the reverse pass, and new ones for the others."""
        consumers, targets = block.start + rows, block.operands[rows, columns]
        known = self.partials.get(partial.rule, {})
        keys = _keys(consumers, targets, partial.operands)
        steps = np.array([known.get(key, -1) for key in keys])
        new = steps < 0
        if new.any():
            called = [
                self._partial_label(block, row, column)
                for row, column in zip(rows[new].tolist(), columns[new].tolist(), strict=True)
            ]
            steps[new] = self.draft.emit(
                partial.rule, partial.operands[new], called, Phase.TANGENT,
                part=PART, of=(consumers[new], targets[new]), group=0,
            )  # fmt: skip
        return steps

    def _partial_label(self, block: Block, row: int, column: int) -> Label:
        """∂c/∂x, with a note where that could be taken for something else."""
        operands = block.operands[row]
        top, by = block.labels[row], self.draft.label(int(operands[column]))
        same = [k for k in sending(block) if operands[k] == operands[column]]
        note = f"place {same.index(column) + 1}" if len(same) > 1 else ""
        if not note and self._also_indirect(block, operands, int(operands[column])):
            note = "direct"
        called = Derivative(top, by, note)
        return Derivative(top, by, f"{note} forward".strip()) if self._taken(called) else called

    def _also_indirect(self, block: Block, operands: Cells, target: int) -> bool:
        """Whether ∂c/∂x would be taken for the whole derivative of an error, or a tangent."""
        if block.phase is not Phase.ERROR and target != self.along:
            return False
        depends = needing(self.forward, np.array([target]), self.draft.size)
        return bool(depends[operands[operands != target]].any())


def _check(block: Block, moved: Cells) -> None:
    """Refuse what has no derivative by the operands that move."""
    assert block.rule
    wrong = ""
    if calls(block.rule.formula, "reached"):
        wrong = "a threshold has no derivative, so no tangent goes through it"
    elif any(block.formals[column] in block.over for column in moved):
        if any(part.how == "largest" for part in overs(block.rule.formula)):
            wrong = "no tangent goes through the largest of all samples"
        elif block.per_sample:
            wrong = (
                "no tangent of a sample's own step goes through what runs over all samples; "
                "make that a formula of its own"
            )
    if wrong:
        label = block.labels[0]
        name = labels.name(label.of if isinstance(label, OfSample) else label)
        raise ProgramError(f"{name}: {wrong}")


_Key = tuple[int, int, tuple[int, ...]]  # what a partial is of, by what, and its operands


def _keys(consumers: Cells, targets: Cells, operands: Cells) -> Iterator[_Key]:
    rows = map(tuple, operands.tolist())
    return zip(consumers.tolist(), targets.tolist(), rows, strict=True)


def _partials(draft: Draft) -> dict[Rule, dict[_Key, int]]:
    """The partials there are, by rule."""
    found: dict[Rule, dict[_Key, int]] = {}
    for block in draft.blocks:
        if block.rule and block.of:
            keys = _keys(*block.of, block.operands)
            found.setdefault(block.rule, {}).update(zip(keys, block.cells.tolist(), strict=True))
    return found


@cache
def _sum_rule(factors: tuple[_Factor, ...]) -> Rule:
    """The sum of factors times tangents, as a person writes it: `p_1*d_1 - d_2 + 2*d_3`."""
    terms = tuple(_times(f, f"p_{k}", Name(f"d_{k}")) for k, f in enumerate(factors, 1))
    first = Neg(terms[0]) if factors[0].minus else terms[0]
    minus = (False, *(f.minus for f in factors[1:]))
    return Rule(RULE, "t", Sum((first, *terms[1:]), minus) if len(terms) > 1 else first, {})


def _times(factor: _Factor, step: str, tangent: Name) -> Expr:
    number = factor.number
    if factor.samples == TOTAL:
        return Over("total", tangent)
    if number == ONE:
        return tangent
    if isinstance(number, Product):
        return Product((*number.factors, tangent))
    return Product((Name(step) if number is None else number, tangent))
