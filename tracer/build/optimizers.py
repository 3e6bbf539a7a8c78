"""What a batch says of the parameters, their updates, and what the next pass starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tracer.catalog.optimizers import DESCENT
from tracer.catalog.sums import BATCHES
from tracer.labels import Label, Updated
from tracer.program import Draft, Phase


def emit_batch(
    draft: Draft, reduction: str, gradients: Mapping[int, int], called: Callable[[Label], Label]
) -> dict[int, int]:
    """The samples' gradients summed or averaged, `called` after their parameters.

    One that does not depend on the sample, as that of w + x, still counts once for each.
    """
    found = dict(gradients)
    for block in list(draft.blocks):
        cells = [c for c in block.cells.tolist() if c in found]
        if cells:
            summed = draft.emit(
                BATCHES[reduction],
                np.array([[found[cell]] for cell in cells]),
                [called(draft.label(cell)) for cell in cells],
                Phase.BACKWARD,
                part=block.part,
            )
            found.update(zip(cells, map(int, summed), strict=True))
    return found


def emit_descent(draft: Draft, rate: int) -> None:
    """w⁺ = w − η·∂E/∂w for every parameter, layer by layer from the last to the first."""
    gradients = draft.gradients
    families = [b for b in draft.blocks if any(int(c) in gradients for c in b.cells)]
    first = {family.part: family.start for family in reversed(families)}
    for family in sorted(families, key=lambda block: (-first[block.part], block.start)):
        cells = [int(cell) for cell in family.cells if int(cell) in gradients]
        updated = draft.emit(
            DESCENT,
            [[cell, rate, gradients[cell]] for cell in cells],
            [Updated(draft.label(cell)) for cell in cells],
            Phase.UPDATE,
            part=family.part,
        )
        draft.carry.update(zip(cells, map(int, updated), strict=True))
