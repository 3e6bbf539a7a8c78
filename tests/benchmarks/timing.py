"""Ratios that survive a noisy machine: both sides in turn, the median of the ratios.

The absolute times of a shared machine drift by half from one minute to the next. Two runs
that follow each other drift together, so every round gives one ratio, and one disturbed
round does not move the median.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import NamedTuple

Work = Callable[[], object]

SAMPLE = 0.004  # seconds that one timed sample takes at least


class Ratio(NamedTuple):
    """Medians of one comparison."""

    ours: float  # seconds
    peer: float
    ratio: float  # of the ratios of every round, not of the two medians


def compare(ours: Work, peer: Work, rounds: int = 7, *, scale: float = 1.0) -> Ratio:
    """Run both in turn, after one run of each to warm up.

    scale       the peer's time is multiplied by it: a peer that does a tenth of the work has 10
    """
    gc.collect()
    gc.freeze()  # what is loaded (PyTorch's modules!) must not be searched for garbage meanwhile
    try:
        pairs = _pairs(ours, peer, rounds, scale)
    finally:
        gc.unfreeze()
    return Ratio(
        median(mine for mine, _ in pairs),
        median(theirs for _, theirs in pairs),
        median(mine / theirs for mine, theirs in pairs),
    )


def _pairs(ours: Work, peer: Work, rounds: int, scale: float) -> list[tuple[float, float]]:
    """Seconds of both in every round."""
    ours_number, peer_number = _number(ours), _number(peer)
    pairs = []
    for number in range(rounds):
        # who goes first changes, so that neither always finds the other's cache
        if number % 2:
            theirs = _time(peer, peer_number) * scale
            mine = _time(ours, ours_number)
        else:
            mine = _time(ours, ours_number)
            theirs = _time(peer, peer_number) * scale
        pairs.append((mine, theirs))
    return pairs


def _number(work: Work) -> int:
    """How often to repeat work for one sample."""
    work()
    once = _time(work, 1)
    return max(1, round(SAMPLE / once)) if once else 1


def _time(work: Work, number: int) -> float:
    """Seconds that one of `number` runs takes."""
    begun = time.perf_counter()
    for _ in range(number):
        work()
    return (time.perf_counter() - begun) / number


def rows(cells: list[tuple[str, ...]]) -> Iterator[str]:
    """A table's lines, every column as wide as its widest cell; the first two to the left."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )  # fmt: skip
        yield "  ".join(padded).rstrip()


def shown(seconds: float) -> str:
    """A time in the unit a person would choose."""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
