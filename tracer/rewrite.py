"""Rewrites of a finished program: other operands, stated values, other samples.

Sequential update, where hidden gradients already use the updated weights, is one: the
backward steps read w5+ … w8+ instead of w5 … w8, and move behind them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tracer.errors import ProgramError
from tracer.program import Block, Cells, Draft, Phase, Program
from tracer.rules import reduces

Mask = NDArray[np.bool_]  # [cell]


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


def pinned(program: Program, cells: Collection[int]) -> Program:
    """The program in which some steps are givens: their values are stated, not computed."""
    blocks: list[Block] = []
    for block in program.blocks:
        if not any(cell in cells for cell in block.cells.tolist()):
            blocks.append(block)
            continue
        rows = _rows(block)
        blocks += [_given(row) if row.start in cells else row for row in rows]
    return _written_again(program, blocks)


def _given(block: Block) -> Block:
    empty = np.empty((len(block), 0), np.int64)
    return replace(block, rule=None, size=0, operands=empty, per_sample=False, of=None)


def on_samples(
    program: Program, known: Collection[int], samples: int, kept: Collection[int]
) -> tuple[Program, dict[int, int]]:
    """What the steps `kept` are for other samples: those that depend on a sample's own values.

    known     the givens that the other samples have values for; what depends on other data is
              left out
    returns   the program, and which of this program's cells its givens have their values from
    """
    follows = _follows(program, {*program.data, *known})
    lost = _follows(program, [cell for cell in program.data if cell not in known])
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


def _follows(program: Program, data: Collection[int]) -> Mask:
    """Which cells have a value of their own for every sample, through any of `data`."""
    found = np.zeros(len(program), np.bool_)
    found[list(data)] = True
    for block in program.blocks:
        if block.rule:
            over = reduces(block.rule)
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


def _written_again(program: Program, blocks: Sequence[Block]) -> Program:
    """The blocks emitted in the first order that holds, nearest to the one they have."""
    draft = Draft(samples=program.samples)
    moved = np.full(len(program), -1, np.int64)
    todo = list(blocks)
    while todo:
        ready = next((b for b in todo if (moved[b.operands] >= 0).all()), None)
        if ready is None:
            raise ProgramError("the changed operands leave no order of the steps")
        moved[ready.cells] = _emitted(draft, ready, moved, ready.start in program.data)
        todo.remove(ready)
    place = moved.tolist()
    draft.carry = {place[given]: place[after] for given, after in program.carry.items()}
    draft.gradients = {place[given]: place[cell] for given, cell in program.gradients.items()}
    for cell, further in program.also.items():
        for label in further:
            draft.alias(label, place[cell])
    root = None if program.root is None else place[program.root]
    return draft.finish(root, program.root_names)


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
