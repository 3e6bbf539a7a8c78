"""Formulas gate by gate, as circuits are drawn: every operation is a step of its own.

Sums and products are taken two by two from the left. A gate is called by the formula it
computes, a long one by a number; where the same is computed from the same, it is one gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, count

from tracer.build.sheet import Sheet
from tracer.expression import Expr, Name, Product, Sum, children, names, rebuild, rename
from tracer.labels import Gate, Label, Part
from tracer.printers import source
from tracer.program import Phase
from tracer.rules import Rule

SHORT = 20  # letters of a gate's name
_LETTERS = "abcdfghkmpqruvwxyz"  # of operands: e and n mean something else

Wire = Expr | int  # what goes into a gate: a number, or the cell of a step


class Gates:
    """The gates of one assignment, on a sheet that has those of others."""

    def __init__(
        self, sheet: Sheet, reads: Mapping[str, str], owner: Label, part: str, whole: bool
    ) -> None:
        self.sheet, self.owner, self.part = sheet, owner, part
        self.reads = reads  # a name in the formula -> the step it means
        self.whole = whole  # whether a formula is a single gate

    def last(self, e: Expr) -> tuple[Expr, list[int]]:
        """What a formula does last and on which steps; all that it does before become gates."""
        if self.whole or not children(e):
            return e, [self._read(name) for name in names(e)]
        for _, operation, wires in self._folded(e):
            found = operation, wires
        return _applied(*found)

    def cell(self, e: Expr) -> int:
        """The step that computes an expression."""
        wire = self._wire(e)
        return wire if isinstance(wire, int) else self._made(e, e, [])

    def _read(self, name: str) -> int:
        step = self.reads[name]
        return int(self.sheet.given([self.sheet.written(step)], self.part)[0])

    def _wire(self, e: Expr) -> Wire:
        if isinstance(e, Name) and names(e):
            return self._read(e.text)
        return self._made(e, *self.last(e)) if names(e) else e

    def _folded(self, e: Expr) -> Iterator[tuple[Expr, Expr, list[Wire]]]:
        """(part of the expression, its last operation, what goes into that); all of it last."""
        parts = children(e)
        if not isinstance(e, Sum | Product) or len(parts) < 3:
            yield e, e, [self._wire(part) for part in parts]
            return
        left = self._wire(parts[0])
        for k in range(2, len(parts) + 1):
            start, pair = _cut(e, slice(k)), _cut(e, slice(k - 2, k))
            wires = [left, self._wire(parts[k - 1])]
            yield start, pair, wires
            if k < len(parts):
                steps = any(isinstance(wire, int) for wire in wires)
                left = self._made(start, *_applied(pair, wires)) if steps else start

    def _made(self, e: Expr, formula: Expr, operands: Sequence[int]) -> int:
        """The gate of an expression: one that is there, or a new one."""
        same = formula, tuple(operands)
        if same not in self.sheet.gates:
            rule, called = gate_rule(formula), [self._label(e)]
            cells = self.sheet.compute(rule, [operands], called, Phase.FORWARD, self.part)
            self.sheet.gates[same] = cells[0]
        return self.sheet.gates[same]

    def _label(self, e: Expr) -> Label:
        """A gate's name: its formula where that is short, or a number."""
        if _leaves(e, SHORT) and names(e):
            written = rename(e, lambda name: Name(self.reads.get(name, name)))
            called = source(written).replace(" ", "")
            # d and /d make the name of a derivative
            if len(called) <= SHORT and "/d" not in called and self.sheet.find(called) < 0:
                own = (self.sheet.draft.label(self._read(name)) for name in names(e))
                return Gate(called, written, tuple(own))
        self.sheet.numbered[self.owner] += 1
        return Part(self.owner, self.sheet.numbered[self.owner])


def _cut(e: Sum | Product, chosen: slice) -> Expr:
    """Some terms of a sum or factors of a product; the first term is never subtracted."""
    if isinstance(e, Product):
        return Product(e.factors[chosen])
    return Sum(e.terms[chosen], (False, *e.minus[chosen][1:]))


def _applied(operation: Expr, wires: Sequence[Wire]) -> tuple[Expr, list[int]]:
    """An operation with letters for steps and the numbers as they are, and the steps."""
    cells = list(dict.fromkeys(wire for wire in wires if isinstance(wire, int)))
    letters = dict(zip(cells, chain(_LETTERS, (f"a{k}" for k in count())), strict=False))
    parts = [Name(letters[wire]) if isinstance(wire, int) else wire for wire in wires]
    return rebuild(operation, tuple(parts)), cells


def _leaves(e: Expr, most: int) -> bool:
    """Whether an expression has at most so many leaves."""
    todo = [e]
    while todo and len(todo) <= most:
        todo += children(todo.pop())
        most -= 1
    return len(todo) <= most


@lru_cache(maxsize=4096)
def gate_rule(formula: Expr) -> Rule:
    """The rule of a gate: all that compute the same share it."""
    return Rule(source(formula), "=", formula, {})
