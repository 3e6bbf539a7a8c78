"""Updates of the trained parameters, and what the next pass starts from."""

from __future__ import annotations

from collections.abc import Mapping

from tracer.catalog import DESCENT
from tracer.labels import Updated
from tracer.program import Draft, Phase


def emit_descent(draft: Draft, rate: int, gradients: Mapping[int, int]) -> None:
    """w⁺ = w − η·∂E/∂w for every parameter, layer by layer from the last to the first."""
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
