"""The perceptron's learning rule: every weight moves by its input times the mistake.

x  inputs      y  classes      t  targets      d  mistakes, y - t
"""

from __future__ import annotations

import numpy as np

from tracer.build.network import Bench
from tracer.build.sheet import Sheet
from tracer.catalog.sums import CORRECTION, CORRECTION_OF_BIAS, MISTAKE
from tracer.labels import Label, OfSample, Own, latex, name, text
from tracer.layers.dense import Dense
from tracer.layers.parameters import bias_names
from tracer.program import Cells, Phase

PART = "mistakes"


def emit_corrections(
    sheet: Sheet, x: Cells, bench: Bench, classes: Cells, targets: Cells
) -> dict[int, int]:
    """Emit what the rule says of every weight and bias of the one layer; returns it."""
    draft, many = sheet.draft, sheet.draft.samples > 1
    layer, title = bench.walk.layers[0], bench.walk.titles[0]
    assert isinstance(layer, Dense)
    wiring = layer.wiring(sheet.s)
    numbers = [""] if len(classes) == 1 else [str(k) for k in range(1, len(classes) + 1)]
    mistakes = draft.emit(
        MISTAKE, np.stack([classes, targets], 1), [Own(f"d{k}") for k in numbers],
        Phase.BACKWARD, part=PART,
    )  # fmt: skip
    found: dict[int, int] = {}
    rows = [
        (sheet.cells[weight], int(x[i]), int(mistakes[j]))
        for j, row in enumerate(wiring)
        for i, weight in enumerate(row)
        if weight != "-"
    ]
    called = [_called(draft.label(weight), many) for weight, _, _ in rows]
    operands = np.array([[source, mistake] for _, source, mistake in rows])
    cells = draft.emit(CORRECTION, operands, called, Phase.BACKWARD, part=title)
    found.update((weight, int(cell)) for (weight, _, _), cell in zip(rows, cells, strict=True))
    for bias, mistake in zip(bias_names(sheet.s, layer.bias, len(wiring)), mistakes, strict=True):
        cell = sheet.find(bias)
        if cell in sheet.trained:
            label = _called(draft.label(cell), many)
            (found[cell],) = map(int, draft.emit(
                CORRECTION_OF_BIAS, [[int(mistake)]], [label], Phase.BACKWARD,
                part=title,
            ))  # fmt: skip
    return found


def of_correction(parameter: Label) -> Label:
    """What is subtracted from a parameter, as the rule calls it: Δw."""
    return Own(f"d{name(parameter)}", f"Δ{text(parameter)}", rf"\Delta {latex(parameter)}")


def _called(parameter: Label, many: bool) -> Label:
    own = of_correction(parameter)
    return OfSample(own) if many else own
