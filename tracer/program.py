"""Programs: steps in order, each name written once, each operand earlier.

A step is a rule applied to earlier steps. Steps of one kind (all units of a layer, all
weights between two layers) are one block: a rule, the operands as an array of indices, a
label each. `Draft.emit` is the only way in and checks everything; `Program` is what it
leaves. A `Step` is a view of one cell, made when somebody looks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tracer import labels
from tracer.errors import NameTaken, ProgramError
from tracer.expression import Expr, group_of
from tracer.labels import Label
from tracer.limits import MAX_OPERANDS, MAX_STEPS
from tracer.rules import Rule, formals, gathered, has_group, inputs, reduces, written_out

Cells = NDArray[np.int64]


class Phase(Enum):
    """What a step is for: a label, never an order."""

    GIVEN = "given"
    FORWARD = "forward"
    ERROR = "error"
    BACKWARD = "backward"
    UPDATE = "update"
    TANGENT = "tangent"


@dataclass(frozen=True, eq=False)
class Block:
    """Steps that apply one rule, at cells `start` … `start + len(labels) - 1`."""

    start: int
    rule: Rule | None  # None: givens
    size: int  # operands in the rule's repeated group; 0 without one
    operands: Cells  # [cell, formal], in the order the formula is written
    labels: Sequence[Label]
    phase: Phase
    part: str  # which part of the network: "hidden layer", "error"
    per_sample: bool  # one value a sample, or one a batch
    of: tuple[Cells, Cells] | None  # for partials: ∂(of[0]) / ∂(of[1]), per cell

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def cells(self) -> Cells:
        return np.arange(self.start, self.start + len(self))

    @property
    def over(self) -> tuple[str, ...]:
        """The formals that are taken from all samples of the batch."""
        return gathered(self.rule, self.size) if self.rule else ()

    @property
    def own(self) -> tuple[str, ...]:
        """The formals that are taken from the sample itself; some may be in `over` too."""
        alone = reduces(self.rule, self.size) if self.rule else ()
        return tuple(formal for formal in self.formals if formal not in alone)

    @property
    def formals(self) -> tuple[str, ...]:
        return formals(self.rule, self.size) if self.rule else ()


@dataclass(frozen=True)
class Step:
    """One cell of a program."""

    index: int
    name: str
    label: Label
    rule: Rule | None
    formula: Expr | None  # in the rule's formals, the group written out
    operands: Mapping[str, int]  # formal -> cell
    phase: Phase
    part: str
    of: tuple[int, int] | None
    per_sample: bool


@dataclass(frozen=True, eq=False)
class Program:
    """A finished program."""

    blocks: tuple[Block, ...]
    index: Mapping[str, int]  # name -> cell
    aliases: Mapping[str, int]  # further names of cells
    also: Mapping[int, tuple[Label, ...]]  # the same as labels, by cell
    carry: Mapping[int, int]  # a given -> the step that gives its value in the next pass
    gradients: Mapping[int, int]  # a trained given -> what its update subtracts
    root: int | None  # the error
    root_names: tuple[str, ...]  # what the error may be called
    samples: int  # in a batch
    data: tuple[int, ...]  # the givens that a sample has values of its own for

    def __len__(self) -> int:
        return self.blocks[-1].start + len(self.blocks[-1]) if self.blocks else 0

    @cached_property
    def _starts(self) -> list[int]:
        return [block.start for block in self.blocks]

    def block(self, cell: int) -> Block:
        """The block a cell belongs to."""
        return self.blocks[bisect_right(self._starts, cell) - 1]

    def label(self, cell: int) -> Label:
        """What a cell is called."""
        block = self.block(cell)
        return block.labels[cell - block.start]

    def step(self, cell: int) -> Step:
        """One cell as a step."""
        block = self.block(cell)
        row = cell - block.start
        label = block.labels[row]
        operands = dict(zip(block.formals, map(int, block.operands[row]), strict=True))
        formula = written_out(block.rule, block.size, self.samples) if block.rule else None
        of = (int(block.of[0][row]), int(block.of[1][row])) if block.of else None
        return Step(
            cell, labels.name(label), label, block.rule, formula, operands,
            block.phase, block.part, of, block.per_sample,
        )  # fmt: skip

    def steps(self, *phases: Phase) -> Iterator[Step]:
        """The steps of the phases named, or all, in order."""
        for block in self.blocks:
            if not phases or block.phase in phases:
                yield from map(self.step, map(int, block.cells))

    def cone(self, roots: Iterable[int], through: NDArray[np.bool_] | None = None) -> set[int]:
        """The cells needed for `roots`, themselves included, looking only into some."""
        found = set(roots)
        todo = list(found)
        while todo:
            cell = todo.pop()
            if through is not None and not through[cell]:
                continue
            block = self.block(cell)
            for operand in map(int, block.operands[cell - block.start]):
                if operand not in found:
                    found.add(operand)
                    todo.append(operand)
        return found


@dataclass
class Draft:
    """A program being written."""

    samples: int = 1  # in a batch
    blocks: list[Block] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)  # the first cell of every block
    index: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    also: dict[int, tuple[Label, ...]] = field(default_factory=dict)
    carry: dict[int, int] = field(default_factory=dict)
    gradients: dict[int, int] = field(default_factory=dict)
    data: list[int] = field(default_factory=list)
    size: int = 0
    read: int = 0  # operands of all steps
    per_sample: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))  # a cell

    def given(
        self, names: Sequence[Label], *, part: str = "", data: bool = False,
        phase: Phase = Phase.GIVEN,
    ) -> Cells:  # fmt: skip
        """Emit givens: cells whose values come from outside; `data` are a sample's own."""
        empty = np.empty((len(names), 0), np.int64)
        per_sample = data and self.samples > 1
        cells = self._add(Block(
            self.size, None, 0, empty, names, phase, part, per_sample, None
        ))  # fmt: skip
        if data:
            self.data += map(int, cells)
        return cells

    def emit(
        self,
        rule: Rule,
        operands: Cells | Sequence[Sequence[int]],
        names: Sequence[Label],
        phase: Phase,
        *,
        part: str = "",
        of: tuple[Cells, Cells] | None = None,
        group: int | None = None,
    ) -> Cells:
        """Add one step a row of `operands` ([cell, formal]); returns their cells.

        `group` is the size of the rule's repeated group where the operands do not tell
        raises    ProgramError: a name twice, an operand not earlier, the wrong number of them
        """
        table = np.asarray(operands, np.int64).reshape(len(names), -1)
        size = group_size(rule, table.shape[1]) if group is None else group
        expected = formals(rule, size) if size or not has_group(rule) else ("an operand",)
        if table.shape[1] != len(expected):
            raise ProgramError(
                f"{labels.name(names[0])}: {rule.name} takes {len(expected)} operands, "
                f"not {table.shape[1]}"
            )
        if table.size and (table.min() < 0 or table.max() >= self.size):
            raise ProgramError(f"{labels.name(names[0])}: an operand is not an earlier step")
        per_sample = self._is_per_sample(rule, size, table)
        return self._add(Block(
            self.size, rule, size, table, names, phase, part, per_sample, of
        ))  # fmt: skip

    def _is_per_sample(self, rule: Rule, size: int, table: Cells) -> bool:
        """Whether a step reads a sample's own values, other than over the whole batch."""
        over = reduces(rule, size)
        columns = [k for k, formal in enumerate(formals(rule, size)) if formal not in over]
        return bool(self.per_sample[table[:, columns]].any())

    def _add(self, block: Block) -> Cells:
        self.read += block.operands.size
        if self.size + len(block) > MAX_STEPS or self.read > MAX_OPERANDS:
            raise ProgramError(
                f"too large to compute: more than {MAX_STEPS:,} steps or {MAX_OPERANDS:,} operands"
            )
        for row, label in enumerate(block.labels):
            name = labels.name(label)
            if name in self.index or name in self.aliases:
                raise NameTaken(f"the name {name!r} is written twice")
            self.index[name] = block.start + row
        self.blocks.append(block)
        self.starts.append(block.start)
        self.size += len(block)
        self.per_sample = np.append(self.per_sample, np.full(len(block), block.per_sample))
        return block.cells

    def alias(self, label: Label, cell: int) -> None:
        """A further name of a cell."""
        name = labels.name(label)
        if self.index.get(name, cell) != cell or self.aliases.get(name, cell) != cell:
            raise NameTaken(f"the name {name!r} is written twice")
        if name not in self.index and name not in self.aliases:
            self.aliases[name] = cell
            self.also[cell] = (*self.also.get(cell, ()), label)

    def block(self, cell: int) -> Block:
        """The block a cell belongs to."""
        return self.blocks[bisect_right(self.starts, cell) - 1]

    def label(self, cell: int) -> Label:
        """What a cell is called."""
        block = self.block(cell)
        return block.labels[cell - block.start]

    def finish(self, root: int | None = None, root_names: Sequence[str] = ()) -> Program:
        """The program as written so far."""
        return Program(
            tuple(self.blocks), self.index, self.aliases, self.also, self.carry,
            self.gradients, root, tuple(root_names), self.samples, tuple(self.data),
        )  # fmt: skip


def group_size(rule: Rule, arity: int) -> int:
    """How often a rule repeats its group to take `arity` operands; 0 if it has none."""
    own = inputs(rule)
    groups = sum(1 for name in own if group_of(name))
    return (arity - (len(own) - groups)) // groups if groups else 0
