"""The perceptron's learning rule: every weight moves by its input times the mistake.

x  inputs      y  outputs as 0 or 1      t  targets      d  mistakes, y - t
"""

from __future__ import annotations

import numpy as np

from tracer.build.dense import Dense
from tracer.build.sheet import Sheet
from tracer.catalog.sums import CORRECTION, CORRECTION_OF_BIAS, MISTAKE
from tracer.labels import Label, OfSample, Own, latex, name, text
from tracer.program import Cells, Phase

PART = "mistakes"


def emit_corrections(
    sheet: Sheet, x: Cells, dense: Dense, classes: Cells, targets: Cells
) -> dict[int, int]:
    """Emit what the rule says of every weight and bias of the one layer; returns it."""
    draft, many = sheet.draft, sheet.draft.samples > 1
    numbers = [""] if len(classes) == 1 else [str(k) for k in range(1, len(classes) + 1)]
    mistakes = draft.emit(
        MISTAKE, np.stack([classes, targets], 1), [Own(f"d{k}") for k in numbers],
        Phase.BACKWARD, part=PART,
    )  # fmt: skip
    found: dict[int, int] = {}
    rows = [
        (sheet.cells[weight], int(x[i]), int(mistakes[j]))
        for j, row in enumerate(dense.wiring[0])
        for i, weight in enumerate(row)
        if weight != "-"
    ]
    called = [_called(draft.label(weight), many) for weight, _, _ in rows]
    operands = np.array([[source, mistake] for _, source, mistake in rows])
    cells = draft.emit(CORRECTION, operands, called, Phase.BACKWARD, part=dense.titles[0])
    found.update((weight, int(cell)) for (weight, _, _), cell in zip(rows, cells, strict=True))
    for bias, mistake in zip(dense.biases[0], mistakes, strict=False):
        cell = sheet.cells[bias]
        if cell in sheet.trained:
            label = _called(draft.label(cell), many)
            (found[cell],) = map(int, draft.emit(
                CORRECTION_OF_BIAS, [[int(mistake)]], [label], Phase.BACKWARD,
                part=dense.titles[0],
            ))  # fmt: skip
    return found


def of_correction(parameter: Label) -> Label:
    """What is subtracted from a parameter, as the rule calls it: Δw."""
    return Own(f"d{name(parameter)}", f"Δ{text(parameter)}", rf"\Delta {latex(parameter)}")


def _called(parameter: Label, many: bool) -> Label:
    own = of_correction(parameter)
    return OfSample(own) if many else own
