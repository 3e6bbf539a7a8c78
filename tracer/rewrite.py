"""Rewrites of a finished program: other rules and operands, stated values, other samples.

Sequential update, where hidden gradients already use the updated weights, is one: the
backward steps read w5+ … w8+ instead of w5 … w8, and move behind them. Mistakes are others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracer.errors import ProgramError
from tracer.labels import Label, Own, Updated, latex, name, text
from tracer.program import Block, Cells, Draft, Phase, Program, group_size
from tracer.rules import Rule, reduces

Mask = NDArray[np.bool_]  # [cell]


class Past(NamedTuple):
    """A step as it was in another pass: in the first one, or in the one before."""

    cell: int
    when: str  # FIRST or BEFORE


FIRST, BEFORE = "first", "before"


class Change(NamedTuple):
    """What a step is computed by instead; as an operand, a step that has no name."""

    rule: Rule
    operands: tuple[Operand, ...]  # as many as the rule has formals, its group written out


Operand = int | Past | Change


def redirect(program: Program, changes: Mapping[tuple[int, int], int]) -> Program:
    """The program in which step s reads `changes[s, c]` instead of c, reordered if need be.

    raises    ProgramError when no order is left
    """
    return _in_some_order(program, [_changed(block, changes) for block in program.blocks])[0]


def sequential_update(program: Program) -> Program:
    """Backward steps read every parameter that is already updated when they are computed."""
    return redirect(program, updated_before(program))


def updated_before(program: Program) -> dict[tuple[int, int], int]:
    """(backward step, parameter it reads) -> the parameter as it is after its update.

    Parameters are updated block by block in the order of the program; a step on the way to the
    update of a block reads only what is updated before that block.
    """
    families = [
        {c: program.carry[c] for c in map(int, block.cells) if c in program.carry}
        for block in program.blocks
    ]
    changes: dict[tuple[int, int], int] = {}
    passed: set[int] = set()
    for updated in sorted(filter(None, families), key=lambda family: min(family.values())):
        passed |= program.cone(list(updated.values()))
        for block in program.blocks:
            if block.phase is Phase.BACKWARD:
                for row, column in np.argwhere(np.isin(block.operands, list(updated))):
                    cell, old = block.start + int(row), int(block.operands[row, column])
                    if cell not in passed:
                        changes[cell, old] = updated[old]
    return changes


def changed(
    program: Program,
    changes: Mapping[int, Change],
    carry: Mapping[int, Operand] = MappingProxyType({}),
) -> tuple[Program, dict[int, Past]]:
    """The program with some steps computed in another way, reordered if need be.

    carry     givens that start the next pass from another step than they did
    returns   the program, and for its further givens which given of the old program they copy.
              A step of the past is computed again from such copies.
    raises    ProgramError when no order is left
    """
    copies = _Copies(program, {*program.carry, *carry, *program.data})
    rows: list[Block] = []
    for block in program.blocks:
        for row in _rows(block) if any(c in changes for c in block.cells.tolist()) else [block]:
            change = changes.get(row.start)
            rows.append(row if change is None else _computed_by(row, change, copies))
    after = {given: copies.update(given, operand) for given, operand in carry.items()}
    program = replace(program, carry={**program.carry, **after})
    return _in_some_order(program, [*copies.blocks, *rows], copies.givens)


class _Copies:
    """The further steps that a changed program needs; numbered after its own."""

    def __init__(self, program: Program, varying: Collection[int]) -> None:
        self.program = program
        self.varying = varying  # the givens that are not the same in every pass
        self.blocks: list[Block] = []
        self.cells: dict[Operand, int] = {}
        self.called: set[Label] = set()

    @property
    def givens(self) -> dict[int, Past]:
        """The copies that nothing computes."""
        return {
            cell: past for past, cell in self.cells.items()
            if isinstance(past, Past) and self._row(past.cell).rule is None
        }  # fmt: skip

    def of(self, operand: Operand) -> int:
        """The cell that stands for an operand; what never varies needs no copy."""
        if isinstance(operand, int):
            return operand
        if isinstance(operand, Past) and self._is_constant(operand.cell):
            return operand.cell
        if operand not in self.cells:
            block = self._past(operand) if isinstance(operand, Past) else self._made(operand)
            self._add(operand, block)
        return self.cells[operand]

    def update(self, given: int, operand: Operand) -> int:
        """The cell that a given starts the next pass from."""
        if isinstance(operand, Change) and given not in self.program.carry:
            labels, part = [Updated(self.program.label(given))], self._row(given).part
            block = replace(self._made(operand), labels=labels, phase=Phase.UPDATE, part=part)
            self._add(operand, block)
        return self.of(operand)

    def _add(self, operand: Operand, block: Block) -> None:
        self.cells[operand] = len(self.program) + len(self.cells)
        self.blocks.append(replace(block, start=self.cells[operand], of=None))

    def _is_constant(self, cell: int) -> bool:
        return self._row(cell).rule is None and cell not in self.varying

    def _row(self, cell: int) -> Block:
        block = self.program.block(cell)
        row = cell - block.start
        return _with(block, block.operands, slice(row, row + 1))

    def _past(self, past: Past) -> Block:
        row = self._row(past.cell)
        operands = [self.of(Past(c, past.when)) for c in map(int, row.operands[0])]
        label = _in_the_past(self.program.label(past.cell), past.when)
        table = np.array([operands], np.int64).reshape(1, -1)
        # no network has it twice: what is computed again is told where it is needed
        phase = row.phase if row.rule is None else Phase.BACKWARD
        return replace(row, operands=table, labels=[label], phase=phase)

    def _made(self, made: Change) -> Block:
        empty = Block(
            0, None, 0, np.empty((1, 0), np.int64), [Own("")], Phase.BACKWARD, "further steps",
            False, None,
        )  # fmt: skip
        block = _computed_by(empty, made, self)  # its operands are numbered before it
        return replace(block, labels=[self._called(made)])

    def _called(self, made: Change) -> Label:
        """`sigmoid(out)` where one operand makes the step, else a number."""
        match made.operands:
            case (int(cell),) if found := _applied(made.rule, self.program.label(cell)):
                if found not in self.called:
                    self.called.add(found)
                    return found
        number = 1 + len(self.cells)
        return Own(f"further_step_{number}", f"further step {number}", _FURTHER.format(number))


#: What is added to the name of a step of the past, and to its symbol.
_MARKS = {FIRST: ("@0", "(0)"), BEFORE: ("@-1", "(-1)")}
PAST = tuple(mark for mark, _ in _MARKS.values())
_FURTHER = r"\text{{further step {}}}"


def _in_the_past(label: Label, when: str) -> Label:
    mark, raised = _MARKS[when]
    return Own(f"{name(label)}{mark}", f"{text(label)}{mark}", f"{{{latex(label)}}}^{{{raised}}}")


def present(program: Program, cell: int) -> int:
    """The step that a given of the past is a copy of; any other step itself."""
    called = name(program.label(cell))
    mark = next((m for m in PAST if called.endswith(m)), "")
    return program.index[called.removesuffix(mark)]


def _applied(rule: Rule, to: Label) -> Own:
    word = rf"\text{{{rule.name}}}"
    return Own(f"{rule.name}({name(to)})", f"{rule.name}({text(to)})", f"{word}({latex(to)})")


def _computed_by(row: Block, change: Change, copies: _Copies) -> Block:
    cells = np.array([[copies.of(operand) for operand in change.operands]], np.int64)
    return replace(
        row, rule=change.rule, size=group_size(change.rule, len(change.operands)),
        operands=cells.reshape(1, -1), of=None if row.rule is None else row.of,
    )  # fmt: skip


def pinned(program: Program, cells: Collection[int]) -> Program:
    """The program in which some steps are givens: their values are stated, not computed."""
    blocks: list[Block] = []
    for block in program.blocks:
        if not any(cell in cells for cell in block.cells.tolist()):
            blocks.append(block)
            continue
        rows = _rows(block)
        blocks += [_given(row) if row.start in cells else row for row in rows]
    return _in_some_order(program, blocks)[0]


def _given(block: Block) -> Block:
    empty = np.empty((len(block), 0), np.int64)
    return replace(block, rule=None, size=0, operands=empty, per_sample=False, of=None)


def on_samples(
    program: Program, known: Collection[int], samples: int, kept: Collection[int],
    summary: frozenset[int] = frozenset(),
) -> tuple[Program, dict[int, int]]:  # fmt: skip
    """What the steps `kept` are for other samples: those that depend on a sample's own values.

    known     the givens that the other samples have values for; what depends on other data is
              left out
    summary   steps that are made of all samples anew; what else is stays as it is
    returns   the program, and which of this program's cells its givens have their values from
    """
    follows = _follows(program, {*program.data, *known}, summary)
    lost = _follows(program, [cell for cell in program.data if cell not in known], summary)
    wanted = np.zeros(len(program), np.bool_)
    chosen = [cell for cell in kept if follows[cell] and not lost[cell]]
    wanted[list(program.cone(chosen, through=follows))] = True
    draft, moved = Draft(samples=samples), np.full(len(program), -1, np.int64)
    taken: dict[int, int] = {}
    for block in program.blocks:
        for part in _alike(block, wanted, follows):
            if follows[part.start] and part.rule:
                moved[part.cells] = _emitted(draft, part, moved, False)
                continue
            given = draft.given(part.labels, part=part.part, data=bool(follows[part.start]))
            moved[part.cells] = given
            taken.update(zip(given.tolist(), part.cells.tolist(), strict=True))
    for cell, further in program.also.items():
        for label in further if moved[cell] >= 0 else ():
            draft.alias(label, int(moved[cell]))
    return draft.finish(), taken


def _alike(block: Block, wanted: Mask, follows: Mask) -> list[Block]:
    """The wanted rows of a block, in one where they are all alike."""
    want, follow = wanted[block.cells], follows[block.cells]
    if want.all() and (follow.all() or not follow.any()):
        return [block]
    return [row for row, chosen in zip(_rows(block), want, strict=True) if chosen]


def _follows(program: Program, data: Collection[int], summary: frozenset[int]) -> Mask:
    """Which cells have a value of their own for every sample, or all of them in a summary."""
    found = np.zeros(len(program), np.bool_)
    found[list(data)] = True
    for block in program.blocks:
        if block.rule:
            summed = not summary.isdisjoint(block.cells.tolist())
            over = () if summed else reduces(block.rule, block.size)
            own = [k for k, formal in enumerate(block.formals) if formal not in over]
            found[block.cells] = found[block.operands[:, own]].any(axis=1)
    return found


def _changed(block: Block, changes: Mapping[tuple[int, int], int]) -> Block:
    operands = block.operands.copy()
    for row, column in np.ndindex(*operands.shape):
        operands[row, column] = changes.get(
            (block.start + row, int(operands[row, column])), int(operands[row, column])
        )
    return _with(block, operands)


def _with(block: Block, operands: Cells, rows: slice = slice(None)) -> Block:
    of = (block.of[0][rows], block.of[1][rows]) if block.of else None
    return replace(
        block, start=block.start + (rows.start or 0), operands=operands[rows],
        labels=block.labels[rows], of=of,
    )  # fmt: skip


def _rows(block: Block) -> list[Block]:
    return [_with(block, block.operands, slice(k, k + 1)) for k in range(len(block))]


def _in_some_order(
    program: Program, blocks: Sequence[Block], copies: Mapping[int, Past] = MappingProxyType({})
) -> tuple[Program, dict[int, Past]]:
    """The blocks written again, step by step where their order asks for it."""
    try:
        return _written_again(program, blocks, copies)
    except ProgramError:
        single = [row for block in blocks for row in _rows(block)]
        return _written_again(program, single, copies)


def _written_again(
    program: Program, blocks: Sequence[Block], copies: Mapping[int, Past]
) -> tuple[Program, dict[int, Past]]:
    """The blocks emitted in the first order that holds, nearest to the one they have."""
    draft = Draft(samples=program.samples)
    moved = np.full(1 + max(int(block.cells[-1]) for block in blocks), -1, np.int64)
    data = {*program.data, *(cell for cell, past in copies.items() if past.cell in program.data)}
    todo = list(blocks)
    while todo:
        ready = next((b for b in todo if _is_ready(b, moved)), None)
        if ready is None:
            raise ProgramError("the changed operands leave no order of the steps")
        moved[ready.cells] = _emitted(draft, ready, moved, ready.start in data)
        todo.remove(ready)
    place = moved.tolist()
    draft.carry = {place[given]: place[after] for given, after in program.carry.items()}
    draft.carry |= {
        place[cell]: place[past.cell] for cell, past in copies.items()
        if past.when == BEFORE and past.cell not in program.data
    }  # fmt: skip
    draft.gradients = {place[given]: place[cell] for given, cell in program.gradients.items()}
    for cell, further in program.also.items():
        for label in further:
            draft.alias(label, place[cell])
    root = None if program.root is None else place[program.root]
    copied = {place[cell]: past for cell, past in copies.items()}
    return draft.finish(root, program.root_names), copied


def _is_ready(block: Block, moved: Cells) -> bool:
    """Whether all that a block reads, or is the derivative of, is written."""
    return all((moved[cells] >= 0).all() for cells in (block.operands, *(block.of or ())))


def _emitted(draft: Draft, block: Block, moved: Cells, data: bool) -> Cells:
    if block.rule is None:
        return draft.given(block.labels, part=block.part, data=data, phase=block.phase)
    of = None
    if block.of:
        block_of = tuple(moved[cells] for cells in block.of)
        of = (block_of[0], block_of[1])
    return draft.emit(
        block.rule, moved[block.operands], block.labels, block.phase,
        part=block.part, of=of, group=block.size,
    )  # fmt: skip
