"""Rewrites of a finished program: other operands, and an order that still holds.

Sequential update, where hidden gradients already use the updated weights, is one: the
backward steps read w5+ … w8+ instead of w5 … w8, and move behind them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tracer.errors import ProgramError
from tracer.program import Block, Cells, Draft, Phase, Program


def redirect(program: Program, changes: Mapping[tuple[int, int], int]) -> Program:
    """The program in which step s reads `changes[s, c]` instead of c, reordered if need be.

    raises    ProgramError when no order is left
    """
    blocks = [_changed(block, changes) for block in program.blocks]
    try:
        return _written_again(program, blocks)
    except ProgramError:
        single = [row for block in blocks for row in _rows(block)]
        return _written_again(program, single)


def sequential_update(program: Program) -> Program:
    """Backward steps read every parameter that is already updated when they are computed.

    A step on the way to w's own gradient still reads w.
    """
    changes: dict[tuple[int, int], int] = {}
    for family in program.blocks:
        updated = {c: program.carry[c] for c in map(int, family.cells) if c in program.carry}
        own = program.cone(list(updated.values()))
        for block in program.blocks if updated else ():
            if block.phase is Phase.BACKWARD:
                for row, column in np.argwhere(np.isin(block.operands, list(updated))):
                    cell, old = block.start + int(row), int(block.operands[row, column])
                    if cell not in own:
                        changes[cell, old] = updated[old]
    return redirect(program, changes)


def _changed(block: Block, changes: Mapping[tuple[int, int], int]) -> Block:
    operands = block.operands.copy()
    for row, column in np.ndindex(*operands.shape):
        operands[row, column] = changes.get(
            (block.start + row, int(operands[row, column])), int(operands[row, column])
        )
    return _with(block, operands)


def _with(block: Block, operands: Cells, rows: slice = slice(None)) -> Block:
    of = (block.of[0][rows], block.of[1][rows]) if block.of else None
    return Block(
        block.start + (rows.start or 0), block.rule, block.size, operands[rows],
        block.labels[rows], block.phase, block.part, block.per_sample, of,
    )  # fmt: skip


def _rows(block: Block) -> list[Block]:
    return [_with(block, block.operands, slice(k, k + 1)) for k in range(len(block))]


def _written_again(program: Program, blocks: Sequence[Block]) -> Program:
    """The blocks emitted in the first order that holds, nearest to the one they have."""
    draft = Draft()
    moved = np.full(len(program), -1, np.int64)
    todo = list(blocks)
    while todo:
        ready = next((b for b in todo if (moved[b.operands] >= 0).all()), None)
        if ready is None:
            raise ProgramError("the changed operands leave no order of the steps")
        moved[ready.cells] = _emitted(draft, ready, moved)
        todo.remove(ready)
    place = moved.tolist()
    draft.carry = {place[given]: place[after] for given, after in program.carry.items()}
    for cell, further in program.also.items():
        for label in further:
            draft.alias(label, place[cell])
    root = None if program.root is None else place[program.root]
    return draft.finish(root, program.root_names)


def _emitted(draft: Draft, block: Block, moved: Cells) -> Cells:
    if block.rule is None:
        return draft.given(block.labels, part=block.part, per_sample=block.per_sample)
    of = None
    if block.of:
        block_of = tuple(moved[cells] for cells in block.of)
        of = (block_of[0], block_of[1])
    return draft.emit(
        block.rule, moved[block.operands], block.labels, block.phase,
        part=block.part, of=of, group=block.size,
    )  # fmt: skip
