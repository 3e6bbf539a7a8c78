"""What the steps of a reverse pass are called, so that no name promises what is not true.

∂E_k/∂x is the name of a contribution only if its consumer is the sole one through which x
reaches E_k, reaches no other term, and ∂E/∂E_k = 1; any other is ∂E/∂x via c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tracer import labels
from tracer.labels import Delta, Derivative, Label, OfSample
from tracer.program import Draft
from tracer.reaching import Reach, sending


@dataclass(frozen=True)
class Calling:
    """The names of derivatives of one error."""

    draft: Draft
    paths: Reach

    def total(self, cell: int, delta: bool = False) -> Label:
        """∂E/∂x, or δ."""
        own = self.draft.label(cell)
        return Delta(own) if delta else Derivative(self.draft.label(self.paths.root), own)

    def noted(self, cell: int, note: str) -> Label:
        """A part of ∂E/∂x."""
        return Derivative(self.draft.label(self.paths.root), self.draft.label(cell), note)

    def of_term(self, cell: int) -> Label | None:
        """∂E_k/∂x where that is ∂E/∂x too."""
        term = int(self.paths.only[cell])
        return self._of(term, cell) if term not in (-1, cell, self.paths.root) else None

    def partial(self, consumer: int, target: int, slot: int) -> Label:
        """∂c/∂x; marked where it would be taken for all of an error's derivative."""
        note = self._place(consumer, target, slot)
        end = self.paths.place.get(consumer, -1)
        if not note and end >= 0 and self.paths.routes[target, end] > 1:
            note = "direct"
        return Derivative(self.draft.label(consumer), self.draft.label(target), note)

    def contribution(self, cell: int, consumer: int, slot: int) -> Label:
        """What a consumer contributes to ∂E/∂x."""
        term = int(self.paths.only[consumer])
        known = term not in (-1, self.paths.root)
        if known and self.paths.routes[cell, self.paths.place[term]] == 1:
            return self._of(term, cell)
        return self.via(cell, consumer, slot)

    def via(self, cell: int, consumer: int, slot: int) -> Label:
        """The same by the name of the consumer."""
        place = self._place(consumer, cell, slot)
        through = labels.name(self.draft.label(consumer))
        return self.noted(cell, f"via {through} {place}".rstrip())

    def of_samples(self, cell: int, each: Sequence[int], others: Sequence[int]) -> Label:
        """What consumers of all samples contribute beside others, which are the batch's."""
        term, *terms = set(self.paths.only[list(each)].tolist())
        known = not terms and term not in (-1, self.paths.root)
        if known and not self.paths.reach[list(others), self.paths.place[term]].any():
            return self._of(term, cell)
        return self.noted(cell, "via samples")

    def _of(self, term: int, cell: int) -> Label:
        return Derivative(self.draft.label(term), self.draft.label(cell))

    def _place(self, consumer: int, target: int, slot: int) -> str:
        """Which of a consumer's places an operand has that is there several times."""
        block = self.paths.block(consumer)
        found = np.flatnonzero(block.operands[consumer - block.start] == target)
        same = [k for k in found.tolist() if k in sending(block)]
        return f"place {same.index(slot) + 1}" if len(same) > 1 else ""


def share(total: Label) -> Label:
    """What one sample adds to a total."""
    return OfSample(replace(total, note="") if isinstance(total, Derivative) else total)
