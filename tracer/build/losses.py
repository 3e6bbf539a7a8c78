"""The error: one step an output, and one for all of them; outputs as classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

import numpy as np

from tracer.catalog.penalties import PENALISED, PENALTIES
from tracer.catalog.sums import ACCURACY, CORRECT, LARGEST, TOTALS, threshold
from tracer.labels import Label, Own
from tracer.program import Cells, Draft, Phase
from tracer.rules import Rule, formals

PART = "error"


def emit_error(
    draft: Draft, rule: Rule, total: str, outputs: Cells, targets: Cells, terms: list[Own],
    root: Label,
) -> int:  # fmt: skip
    """Emit E_k for every output and E for all; with one output that is one step. Returns E."""
    by_formal = {"t": targets, "o": outputs}
    operands = np.stack([by_formal[formal] for formal in formals(rule, 0)], 1)
    if len(outputs) == 1:
        cell = int(draft.emit(rule, operands, [root], Phase.ERROR, part=PART)[0])
        draft.alias(terms[0], cell)
        return cell
    cells = draft.emit(rule, operands, terms, Phase.ERROR, part=PART)
    return int(draft.emit(TOTALS[total], cells[None, :], [root], Phase.ERROR, part=PART)[0])


def emit_penalties(
    draft: Draft, strengths: Mapping[str, int], half: Collection[str], weights: Sequence[int],
    data: int, root: Label,
) -> int:  # fmt: skip
    """Emit what the weights add to the error of the data, and the error; returns it.

    strengths    the cells that say how strongly, by the kind of penalty
    half         the kinds that are halved
    """
    added = []
    for kind, strength in strengths.items():
        by_formal = {f"w_{k}": cell for k, cell in enumerate(weights, 1)} | {"lambda": strength}
        rule = PENALTIES[kind, kind in half]
        row = [by_formal[formal] for formal in formals(rule, len(weights))]
        label = Own(f"penalty_{kind}", tex=rf"P_{{{kind.upper()}}}")
        added += draft.emit(rule, [row], [label], Phase.ERROR, part=PART).tolist()
    return int(draft.emit(PENALISED, [[data, *added]], [root], Phase.ERROR, part=PART)[0])


def emit_classes(
    draft: Draft, least: Decimal | str, lower: int, names: list[Label], outputs: Cells,
    targets: Cells,
) -> Cells:  # fmt: skip
    """Emit the class of every output, and how often all are right; returns the classes.

    least     from which an output counts as 1; or the largest of all does
    lower     what it counts as below: 0 or -1
    """
    part, rule, each = "classes", LARGEST, np.tile(outputs, (len(outputs), 1))
    operands = np.hstack([outputs[:, None], each])
    if isinstance(least, Decimal):
        rule, operands = threshold(f"{least:f}", lower), outputs[:, None]
    classes = draft.emit(rule, operands, names, Phase.FORWARD, part=part)
    by_formal = {"y": classes, "t": targets}
    row = [int(by_formal[f[0]][int(f[2:]) - 1]) for f in formals(CORRECT[lower], len(classes))]
    correct = draft.emit(CORRECT[lower], [row], [Own("correct")], Phase.FORWARD, part=part)
    if draft.samples > 1:
        draft.emit(ACCURACY, correct[:, None], [Own("accuracy")], Phase.FORWARD, part=part)
    return classes
