"""What the steps of a program are: weighted sums, activations, errors, partials, chains, updates.

A mistake is said of kinds of steps, never of a network. Kinds are read off the rules alone, so
whatever emits the catalog's rules can be got wrong in the same ways.

x  an input of a weighted sum    w  its weight    b  the bias    a partial is ∂of/∂by
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from tracer import labels
from tracer.catalog.activations import is_activation
from tracer.catalog.losses import ERROR
from tracer.catalog.optimizers import RATE
from tracer.catalog.sums import BATCHES, CHAIN, NET, PATHS, TOTALS
from tracer.expression import group_of
from tracer.program import Block, Phase, Program
from tracer.rewrite import Change
from tracer.rules import Rule


class Term(NamedTuple):
    """One summand of a weighted sum: the columns of its weight and input among the operands."""

    weight: int
    x: int


class Kind(NamedTuple):
    """What a partial is a derivative of: ∂(weighted sum)/∂x_i is ("weighted sum", "x_i")."""

    of: str
    by: str


@dataclass(frozen=True)
class Cell:
    """One step with its rule and operands; no text is made until somebody asks."""

    index: int
    rule: Rule
    operands: tuple[int, ...]
    block: Block

    @property
    def formals(self) -> tuple[str, ...]:
        return self.block.formals

    def operand(self, formal: str) -> int:
        """The operand in a formal's place."""
        return self.operands[self.formals.index(formal)]

    @property
    def change(self) -> Change:
        """The step as nobody has changed it."""
        return Change(self.rule, self.operands)


class Anatomy:
    """A program's steps by what they are."""

    def __init__(self, program: Program) -> None:
        self.program = program

    @cached_property
    def cells(self) -> Mapping[int, Cell]:
        """Every step that is computed."""
        return {
            cell: Cell(cell, block.rule, tuple(operands), block)
            for block in self.program.blocks if block.rule
            for cell, operands in zip(block.cells.tolist(), block.operands.tolist(), strict=True)
        }  # fmt: skip

    def name(self, cell: int) -> str:
        return labels.name(self.program.label(cell))

    def of_rule(self, *names: str) -> Iterator[Cell]:
        """The steps of rules with a name, in the order of computation."""
        return (cell for cell in self.cells.values() if cell.rule.name in names)

    @cached_property
    def nets(self) -> tuple[Cell, ...]:
        return tuple(self.of_rule(NET))

    @cached_property
    def activations(self) -> tuple[Cell, ...]:
        """The steps that apply an activation; the identity is none."""
        applied = (self.cells[cell] for cell in self.net_of)
        return tuple(cell for cell in applied if cell.rule.name != "identity")

    @cached_property
    def net_of(self) -> Mapping[int, int]:
        """The weighted sum that an activation is applied to, by its output."""
        applied = (cell for cell in self.cells.values() if is_activation(cell.rule))
        return {cell.index: cell.operands[0] for cell in applied}

    @cached_property
    def errors(self) -> tuple[Cell, ...]:
        """The errors of single outputs."""
        return tuple(self.of_rule(ERROR))

    @cached_property
    def totals(self) -> tuple[Cell, ...]:
        """The errors of all outputs together."""
        return tuple(self.of_rule(*(rule.name for rule in TOTALS.values())))

    @cached_property
    def chains(self) -> tuple[Cell, ...]:
        return tuple(self.of_rule(CHAIN.name))

    @cached_property
    def paths(self) -> tuple[Cell, ...]:
        """The sums of what reaches a unit on several ways."""
        return tuple(self.of_rule(PATHS.name))

    @cached_property
    def ways(self) -> tuple[Cell, ...]:
        """The sums over several ways to a unit, from which the error goes on to earlier layers."""
        onward = {factor for chain in self.chains for factor in chain.operands}
        return tuple(p for p in self.paths if p.index in onward and len(p.operands) > 1)

    @cached_property
    def shared(self) -> tuple[Cell, ...]:
        """The sums of what several units say of a parameter that they share."""
        ways = {p.index for p in self.ways}
        return tuple(p for p in self.paths if p.index not in ways and len(p.operands) > 1)

    @cached_property
    def updates(self) -> tuple[Cell, ...]:
        """The new values of parameters, in the order of computation."""
        after = {self.program.carry.get(p) for p in self.program.gradients}
        return tuple(cell for index, cell in self.cells.items() if index in after)

    @cached_property
    def rated(self) -> tuple[Cell, ...]:
        """The steps of an update that the learning rate is a factor of."""
        updates = (c for c in self.cells.values() if c.block.phase is Phase.UPDATE)
        return tuple(c for c in updates if RATE in c.formals)

    @cached_property
    def reductions(self) -> tuple[Cell, ...]:
        """What the samples of a batch say together."""
        return tuple(self.of_rule(*(rule.name for rule in BATCHES.values())))

    @cached_property
    def kinds(self) -> Mapping[int, Kind]:
        """The kind of every partial."""
        return {
            cell.index: Kind(*cell.rule.name.split(", by ", 1))
            for cell in self.cells.values()
            if cell.block.of is not None and ", by " in cell.rule.name
        }

    def partials(self, of: Iterable[str], by: str) -> Iterator[Cell]:
        """The partials of some rules by one of their formals."""
        wanted = {Kind(name, by) for name in of}
        return (self.cells[cell] for cell, kind in self.kinds.items() if kind in wanted)

    def consumer(self, partial: int) -> int:
        """The step that a partial is the derivative of."""
        return self._of(partial, 0)

    def target(self, partial: int) -> int:
        """The step that a partial is the derivative by."""
        return self._of(partial, 1)

    def _of(self, partial: int, side: int) -> int:
        block = self.program.block(partial)
        assert block.of is not None, "a partial says what of"
        return int(block.of[side][partial - block.start])

    def part(self, cell: int) -> str:
        return self.program.block(cell).part

    # ---- layers ------------------------------------------------------------------------

    @cached_property
    def layers(self) -> tuple[tuple[Cell, ...], ...]:
        """The weighted sums by layer, first to last."""
        found: dict[str, list[Cell]] = {}
        for net in self.nets:
            found.setdefault(net.block.part, []).append(net)
        return tuple(map(tuple, found.values()))

    @cached_property
    def last(self) -> str:
        """The part that is called the output layer."""
        return self.layers[-1][0].block.part if self.layers else ""

    @staticmethod
    def terms(net: Cell) -> tuple[Term, ...]:
        """The summands of a weighted sum, in order."""
        places = {formal: k for k, formal in enumerate(net.formals)}
        size = net.block.size
        return tuple(Term(places[f"w_{k}"], places[f"x_{k}"]) for k in range(1, size + 1))

    @cached_property
    def parameters(self) -> frozenset[int]:
        """The givens that are carried from pass to pass."""
        return frozenset(self.program.carry)

    @cached_property
    def givens(self) -> frozenset[int]:
        return frozenset(
            cell for block in self.program.blocks if not block.rule for cell in block.cells.tolist()
        )

    def backward(self) -> Iterator[Cell]:
        """All steps of the backward pass."""
        return (c for c in self.cells.values() if c.block.phase is Phase.BACKWARD)

    def leads_to(self, chain: Cell) -> int | None:
        """The step whose gradient a chain multiplies: the one its last partial is taken by."""
        own = [self.target(f) for f in chain.operands if f in self.kinds]
        return own[-1] if own else None


def bias_of(cell: Cell) -> int | None:
    """The column of a weighted sum's bias."""
    return cell.formals.index("b") if "b" in cell.formals else None


def member(formal: str) -> str:
    """`w_i` for `w_2`, any other formal as it is."""
    base, _, number = formal.rpartition("_")
    return f"{base}_i" if base and number.isdigit() and group_of(f"{base}_i") else formal


@lru_cache(maxsize=32)
def anatomy_of(program: Program) -> Anatomy:
    """The anatomy of a program, prepared once."""
    return Anatomy(program)
