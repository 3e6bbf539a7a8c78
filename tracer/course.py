"""The course of a run: the passes that a page shows of it, and what came out at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracer.traces import Trace

POINTS = 150  # of a curve, spread evenly; and as many with growing distances


@dataclass(frozen=True, eq=False)
class Course:
    """The passes of a run, under one reading."""

    last: int  # the last iteration shown
    ends: int  # the iteration the run ends with
    table: Trace  # the iterations of the table
    curve: Trace  # the error alone, in more iterations
    replicas: Trace | None  # the table's passes from weights with other last bits
    outputs: tuple[Trace, ...]  # every sample set with the parameters of the last iteration
    readings: tuple[Reading, ...]  # the others
    together: Trace | None  # all samples at once, with the parameters the run starts from
    matrices: Trace | None  # the pass that is told in matrices: the page's own, or `together`


@dataclass(frozen=True, eq=False)
class Reading:
    """A run under another reading."""

    first: Trace  # its first pass
    ends: int  # the iteration it ends with
    last: Trace | None  # its last pass from weights with other last bits, if it has a run


def decades(last: int) -> list[int]:
    """The iterations of a table nobody chose: 0, 1, 10, 100 … and the last."""
    found = [0, *(10**k for k in range(10) if 10**k < last), last]
    return sorted(set(found))


def points(last: int, every: int = 1) -> Sequence[int]:
    """The iterations of a curve; of epochs with `every` updates all updates."""
    epochs = last // every
    if epochs <= 2 * POINTS:
        return range(last + 1)
    even = (round(k * epochs / POINTS) for k in range(POINTS + 1))
    growing = (round(epochs ** (k / POINTS)) for k in range(POINTS + 1))
    chosen = sorted({0, *even, *growing})
    return [k for e in chosen for k in range(e * every, e * every + every) if k <= last]
