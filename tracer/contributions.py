"""What consumers send to their operands in a reverse pass, kept until all of it is there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracer.program import Block, Cells
from tracer.reaching import Reach

SAMPLES = -1  # in place of a consumer: all samples


class Incoming(NamedTuple):
    """Contributions to the cells of a block, sorted by target."""

    target: Cells  # [m]
    via: list[tuple[int, int]]  # [m], consumer and place
    factors: list[Cells]  # [m]

    @property
    def counts(self) -> Cells:
        """How many contributions each target has."""
        return np.unique(self.target, return_counts=True)[1]

    @property
    def first(self) -> Cells:
        """Where each target's contributions begin."""
        return np.cumsum(self.counts) - self.counts

    def consumers(self, cell: int) -> list[int]:
        """What sends contributions to a target."""
        return [self.via[k][0] for k in np.flatnonzero(self.target == cell)]

    def where(self, chosen: NDArray[np.bool_]) -> Incoming:
        """Some of the contributions."""
        rows = np.flatnonzero(chosen)
        return Incoming(
            self.target[rows], [self.via[k] for k in rows], [self.factors[k] for k in rows]
        )

    def joined(self, targets: Cells, totals: Cells) -> Incoming:
        """With totals over the samples as further contributions, each its target's first."""
        target = np.concatenate([targets, self.target])
        order = np.argsort(target, kind="stable").tolist()
        via = [*((SAMPLES, 0) for _ in targets), *self.via]
        factors = [*totals[:, None], *self.factors]
        return Incoming(target[order], [via[k] for k in order], [factors[k] for k in order])


class _Sent(NamedTuple):
    target: Cells  # [m], of one block
    consumer: Cells  # [m]
    slot: Cells  # [m]
    factors: Cells  # [m, f]


class Contributions:
    """What was sent and not yet collected, by the blocks that it goes to."""

    def __init__(self, paths: Reach) -> None:
        self.paths = paths
        self.sent: dict[int, list[_Sent]] = {}

    def send(self, target: Cells, consumer: Cells, slot: Cells, factors: Cells) -> None:
        """Keep contributions to some operands, products of factors."""
        blocks = self.paths.number[target]
        for number in set(blocks.tolist()):
            own = blocks == number
            sent = _Sent(target[own], consumer[own], slot[own], factors[own])
            self.sent.setdefault(number, []).append(sent)

    def collect(self, block: Block) -> Incoming:
        """What came for a block, in order of target, then consumer, then place."""
        rows = [
            row for sent in self.sent.pop(int(self.paths.number[block.start]), ())
            for row in zip(*(part.tolist() for part in sent[:3]), sent.factors, strict=True)
        ]  # fmt: skip
        rows.sort(key=lambda row: row[:3])
        via = [(consumer, slot) for _, consumer, slot, _ in rows]
        return Incoming(np.array([row[0] for row in rows], np.int64), via, [r[3] for r in rows])
