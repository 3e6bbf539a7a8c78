"""Bounded time: told in units of plain work done in the same run, not in seconds of a clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

UNITS = 1_000  # of slow blocks the slowest takes a fifth; what hangs takes far more


@contextmanager
def promptly(units: float = UNITS) -> Iterator[None]:
    """Fails where a block takes longer than so many units of plain work.

    The unit is measured before and after the block, in processor time, and the larger counts: a
    slow or a busy machine slows both.
    """
    before = _unit()
    begun = time.process_time()
    try:
        yield
    finally:
        took = time.process_time() - begun
        assert took / max(before, _unit()) < units


def _unit() -> float:
    """The time of about 15 ms of plain work."""
    begun = time.process_time()
    assert sum(k * k % 7 for k in range(200_000))
    return time.process_time() - begun
