"""The course of a scenario's run, computed: what a page shows of it and of its other readings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from tracer.arithmetic import Machine, Precise
from tracer.build.programs import Built
from tracer.computed import built, stopped
from tracer.course import Course, Reading, decades, points
from tracer.errors import UsageError
from tracer.evaluate import Progress
from tracer.numbers import Digits
from tracer.replicas import replicas
from tracer.run import on, trace
from tracer.scenario import Scenario
from tracer.traces import Trace

#: Times as long as a float64 takes a number of another arithmetic.
SLOWER: dict[type, int] = {Machine: 100, Digits: 2_000, Precise: 4_000}
LONGEST, WORK = 200_000, 3 * 10**9  # updates that a page shows, and values computed for it


class _Length(NamedTuple):
    """How far a run goes."""

    computed: int  # the last iteration that a page waits for
    ends: int  # the iteration the run ends with: its number of updates, or where it stops

    @property
    def whole(self) -> bool:
        return self.computed == self.ends


def course(
    scenario: Scenario, reading: str | None = None, progress: Progress | None = None, *,
    iteration: int = 0,
) -> Course | None:  # fmt: skip
    """What a page shows of a scenario's run; None where there is one pass of one sample.

    iteration    that of the page's own pass
    """
    s = scenario.under(reading)
    if s.iterations <= 1 and not s.columns:
        return None
    made = built(s)
    length = _length(s, made)
    reproducible = length.computed if s.run.reproducible is None else s.run.reproducible
    last = min(length.computed, reproducible)
    root = made.program.root
    shown = [k for k in s.run.show if k <= last]
    wanted = sorted({0, last, *shown}) if shown else decades(last)
    table = trace(scenario, iterations=last, record=wanted, reading=reading, progress=progress)
    updates = len(s.order) // s.batch_size
    together = _together(s) if _has_matrices(s) else None
    batch = together and s.batch_size > 1
    return Course(
        last=last,
        ends=length.ends,
        table=table,
        curve=table if root is None else trace(
            scenario, iterations=last, record=points(last, updates), reading=reading,
            only=[made.program.step(root).name], progress=progress,
        ),
        replicas=(
            replicas(s, wanted, s.run.table, progress) if last > 1 and _sways(s, made) else None
        ),
        outputs=tuple(_outputs(table.at(last), s)),
        readings=tuple(
            _under(scenario, name, progress) for name in scenario.readings if name != reading
        ),
        together=together,
        matrices=_in_deltas(s, iteration, progress) if batch else together,
    )  # fmt: skip


def _length(s: Scenario, made: Built) -> _Length:
    """How much of a run is computed, and where it ends."""
    longest = min(s.iterations if made.program.carry else 0, _patience(s, made))
    stops = stopped(s, made, longest)
    cut = 0 < stops == longest < s.iterations
    return _Length(stops, s.iterations if cut else stops)


def _patience(s: Scenario, made: Built) -> int:
    """How many updates a page waits for: some ten seconds of them."""
    how = s.conventions.how
    work = WORK // (1 if how is Machine.FLOAT64 else SLOWER[type(how)])
    return min(LONGEST, work // (len(made.program) * made.program.samples))


def _sways(s: Scenario, made: Built) -> bool:
    """Whether last bits can carry a run away: those of float64, which a replica changes.

    Where a person rounds, or a perceptron adds whole multiples of its rate, a tie is meant to be
    one, and a replica that breaks it would be another example.
    """
    c = s.conventions
    exact = c.learning == "perceptron" or c.how is not Machine.FLOAT64
    return bool(made.program.carry) and not exact


def _outputs(t: Trace, s: Scenario) -> Iterator[Trace]:
    """Every sample set that has something to compute, with the parameters of a pass."""
    for title in s.columns:
        with suppress(UsageError):  # formulas may use no sample at all
            yield on(t, title)


def _under(scenario: Scenario, reading: str, progress: Progress | None) -> Reading:
    """What a page shows of a run under another reading."""
    first = trace(scenario, iterations=0, reading=reading, progress=progress)
    s = scenario.under(reading)
    made = built(s)
    if not _sways(s, made) or s.run.reproducible is not None:
        return Reading(first, 0, None)
    length = _length(s, made)
    if not length.whole or not length.ends:
        return Reading(first, 0, None)
    return Reading(first, length.ends, replicas(s, [length.ends], [], progress))


def _has_matrices(s: Scenario) -> bool:
    """Whether the pass of all samples is told in matrices; mistakes at single places are not."""
    return s.rows > 1 and s.network is not None and not s.conventions.mistakes


def _together(s: Scenario) -> Trace:
    """The first pass of all samples at once, every net with its delta."""
    stated = _stating(s, chain="deltas", batch_size=None, order=None, update="simultaneous")
    return trace(stated, iterations=0)


def _in_deltas(s: Scenario, iteration: int, progress: Progress | None) -> Trace:
    """A pass of a run, every net with its delta unless the way there would show in the digits."""
    stated = _stating(s, chain="deltas") if s.conventions.how is Machine.FLOAT64 else s
    return trace(stated, iterations=iteration, record=[iteration], progress=progress)


def _stating(s: Scenario, **conventions: object) -> Scenario:
    """The scenario with other conventions."""
    stated = s.conventions.model_copy(update=conventions)
    return s.model_copy(update={"conventions": stated})
