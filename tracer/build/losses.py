"""The error: one step an output, and one for all of them."""

from __future__ import annotations

import numpy as np

from tracer.catalog import LOSSES, TOTALS
from tracer.labels import Own
from tracer.program import Cells, Draft, Phase
from tracer.rules import formals

PART = "error"


def emit_error(
    draft: Draft, loss: str, total: str, sign: str, outputs: Cells, targets: Cells,
    terms: list[Own], root: Own,
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
