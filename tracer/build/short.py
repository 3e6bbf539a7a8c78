"""The short form of the output layer's derivatives: p - t in place of a chain through the loss."""

from __future__ import annotations

from tracer.backprop import Shortcut
from tracer.build.sheet import Sheet
from tracer.catalog.vectors import SHORT
from tracer.program import Cells, Phase
from tracer.rules import inputs


def short_forms(sheet: Sheet, loss: str, outputs: Cells, targets: Cells) -> dict[int, Shortcut]:
    """The shortcut of every net of the output layer; of errors by a loss, one an output."""
    found: dict[int, Shortcut] = {}
    for output, target in zip(outputs.tolist(), targets.tolist(), strict=True):
        made = sheet.made[output]
        rule = SHORT[made.activation, loss]
        by_formal = {"o": output, "t": target}
        operands = tuple(by_formal[formal] for formal in inputs(rule))
        found[made.net] = Shortcut(rule, operands, _errors(sheet, made.outputs))
    return found


def _errors(sheet: Sheet, outputs: tuple[int, ...]) -> tuple[int, ...]:
    """The errors that some outputs have."""
    return tuple(
        cell
        for block in sheet.draft.blocks
        if block.phase is Phase.ERROR
        for cell, operands in zip(block.cells.tolist(), block.operands.tolist(), strict=True)
        if not set(outputs).isdisjoint(operands)
    )
