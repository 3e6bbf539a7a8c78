"""The error: one step an output, and one for all of them; outputs as classes."""

from __future__ import annotations

import numpy as np

from tracer.catalog.losses import LOSSES
from tracer.catalog.sums import ACCURACY, CORRECT, TOTALS, threshold
from tracer.labels import Label, Own
from tracer.program import Cells, Draft, Phase
from tracer.rules import formals

PART = "error"


def emit_error(
    draft: Draft, loss: str, total: str, sign: str, outputs: Cells, targets: Cells,
    terms: list[Own], root: Label,
) -> int:  # fmt: skip
    """Emit E_k for every output and E for all; with one output that is one step. Returns E."""
    rule = LOSSES[loss, sign]
    by_formal = {"t": targets, "o": outputs}
    operands = np.stack([by_formal[formal] for formal in formals(rule, 0)], 1)
    if len(outputs) == 1:
        cell = int(draft.emit(rule, operands, [root], Phase.ERROR, part=PART)[0])
        draft.alias(terms[0], cell)
        return cell
    cells = draft.emit(rule, operands, terms, Phase.ERROR, part=PART)
    return int(draft.emit(TOTALS[total], cells[None, :], [root], Phase.ERROR, part=PART)[0])


def emit_classes(
    draft: Draft, least: str, names: list[Label], outputs: Cells, targets: Cells
) -> Cells:
    """Emit every output as 0 or 1, and how often all are right; returns the classes."""
    part = "classes"
    classes = draft.emit(threshold(least), outputs[:, None], names, Phase.FORWARD, part=part)
    by_formal = {"y": classes, "t": targets}
    row = [int(by_formal[f[0]][int(f[2:]) - 1]) for f in formals(CORRECT, len(classes))]
    correct = draft.emit(CORRECT, [row], [Own("correct")], Phase.FORWARD, part=part)
    if draft.samples > 1:
        draft.emit(ACCURACY, correct[:, None], [Own("accuracy")], Phase.FORWARD, part=part)
    return classes
