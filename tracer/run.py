"""From a scenario to its trace, and to the verdicts: build, evaluate, keep what was asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from tracer import ledger
from tracer.build.programs import Built
from tracer.catalog.sums import ACCURACY
from tracer.computed import built, stopped, values
from tracer.errors import UsageError, nearest
from tracer.evaluate import Progress
from tracer.ledger import Verification
from tracer.names import names_of
from tracer.program import Phase, Program
from tracer.replicas import last_bits, other_seeds, replicas
from tracer.rewrite import on_samples
from tracer.scenario import Scenario
from tracer.traces import Trace
from tracer.values import Given

Recorded = str | int | Iterable[int]


class _AndLast(Sequence[int]):
    """Every k-th pass and the last; no list, for there may be a thousand million."""

    def __init__(self, every: range, last: int) -> None:
        self.every, self.last = every, last

    def __len__(self) -> int:
        return len(self.every) + 1

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[k] for k in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        return self.every[place] if place < len(self.every) else self.last


def passes(iterations: int, record: Recorded) -> Sequence[int]:
    """The iterations to record: "all", "last", every k-th and the last, or those named.

    N iterations are N updates and one more pass: 0 … N.
    """
    if record == "all":
        return range(iterations + 1)
    if record == "last":
        return (iterations,)
    if isinstance(record, str):
        raise UsageError(f"record={record!r}: expected 'all', 'last', a number k or iterations")
    if isinstance(record, int):
        if record < 1:
            raise UsageError(f"record={record}: every k-th pass needs k of 1 or more")
        every = range(0, iterations + 1, record)
        return every if iterations in every else _AndLast(every, iterations)
    chosen = sorted(set(record))
    if not chosen or chosen[0] < 0 or chosen[-1] > iterations:
        raise UsageError(f"record={chosen}: expected iterations from 0 to {iterations}")
    return chosen


def trace(
    scenario: Scenario,
    *,
    iterations: int | None = None,
    record: Recorded = "all",
    reading: str | None = None,
    only: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Trace:
    """The values of a scenario's passes.

    iterations  updates; the scenario's own number if None, fewer where it stops before
    record      "all", "last", k for every k-th pass, or the iterations themselves
    only        the steps to keep, by name; all of them if None
    raises      ScenarioError, NotFinite, TooLarge, UsageError, LookupFailed
    """
    chosen = scenario.under(reading)
    count = chosen.iterations if iterations is None else iterations
    if count < 0:
        raise UsageError(f"iterations={count}: expected 0 or more")
    made = built(chosen)
    stops = stopped(chosen, made, count)
    recorded = passes(stops, record if stops == count else _until(stops, record))
    cells = None if only is None else [names_of(made.program).find(name) for name in only]
    kept = values(chosen, made, made.givens, recorded, progress, cells)
    digits = chosen.conventions.digits
    return Trace(
        made.program, recorded, kept, digits, scenario.name, reading or "", scenario,
        slips=made.slips,
    )  # fmt: skip


def _until(stops: int, record: Recorded) -> Recorded:
    """What is left to record of a run that stops before its last iteration."""
    if isinstance(record, str | int):
        return record
    asked = list(record)
    left = [k for k in asked if k <= stops]
    if not left:
        raise UsageError(f"no iteration {min(asked)}: the run stops at {stops} (stop_below)")
    return left


def on(t: Trace, samples: str) -> Trace:
    """The forward pass of another sample set, with the parameters of a trace's selected pass.

    What is made of all the samples trained on, such as their maxima, stays as it is there. A
    column may also stand in for a given that all those samples share.
    raises    UsageError for a set the scenario does not have, or one without the inputs;
              LookupFailed where a parameter was not recorded
    """
    assert t.scenario, "other samples are the scenario's"
    s = t.scenario.under(t.reading)
    if samples not in s.columns:
        raise UsageError(f"{s.file}: no samples {samples!r}{nearest(samples, s.columns)}")
    columns = {name.replace(" ", "_"): column for name, column in s.columns[samples].items()}
    given = [step.index for step in t.program.steps(Phase.GIVEN)]
    own = {cell: columns[t.names[cell]] for cell in given if t.names[cell] in columns}
    size = len(next(iter(columns.values())))
    kept = [step.index for step in t.program.steps(Phase.FORWARD, Phase.ERROR)]
    other, taken = on_samples(t.program, own, size, kept, _summary(t.program))
    if not len(other):
        raise UsageError(f"{s.file}: samples.{samples}: without a column for every input")
    givens: dict[int, Given] = {}
    for cell, source in taken.items():
        column = t.column(source)[:1] if source not in own else own[source]
        givens[cell] = column if len(column) > 1 else float(column[0])
    made = values(s, Built(other, givens), givens, [0])
    return Trace(other, (t.iteration,), made, t.digits, t.title, t.reading, t.scenario, samples)


def _summary(program: Program) -> frozenset[int]:
    """How well all samples do: their error, and how often they are right."""
    found = {step.index for step in program.steps(Phase.ERROR)}
    return frozenset(found | {s.index for s in program.steps(Phase.FORWARD) if s.rule == ACCURACY})


class Runs:
    """The passes of a scenario that its ledger needs."""

    def __init__(self, scenario: Scenario, progress: Progress | None = None) -> None:
        self.scenario, self.progress = scenario, progress

    def trace(
        self, reading: str | None, iterations: Sequence[int], unrounded: bool = False
    ) -> Trace:
        """The passes asked for that are, under a reading, or under all of it but its rounding."""
        scenario = _without_rounding(self.scenario, reading) if unrounded else self.scenario
        s, ends = scenario.under(reading), max(iterations)
        if s.conventions.stop_below is not None:
            ends = stopped(s, built(s), ends)
        recorded = {min(k, ends) for k in iterations}
        return trace(
            scenario, iterations=ends, record=recorded, reading=reading, progress=self.progress
        )

    def on(self, t: Trace, samples: str) -> Trace:
        """Another sample set with the parameters of a trace's selected pass."""
        return on(t, samples)

    def replicas(
        self, reading: str | None, iterations: Sequence[int], names: Collection[str]
    ) -> Trace:
        """The passes as variants of one trace, from parameters whose last bits are changed."""
        s = self.scenario.under(reading)
        starts = other_seeds if s.random and s.random.assumed else last_bits
        return replicas(s, iterations, names, self.progress, starts)


def _without_rounding(s: Scenario, reading: str | None) -> Scenario:
    """The scenario with a reading that rounds no more than the scenario does."""
    assert reading, "a scenario's own rounding is not taken away"
    own = {key: getattr(s.conventions, key) for key in ("rounding", "arithmetic")}
    plain = s.reading(reading).model_copy(update=own)
    return s.model_copy(update={"readings": {**s.readings, reading: plain}})


def verify(scenario: Scenario, progress: Progress | None = None) -> Verification:
    """The verdict on every published number of a scenario."""
    return ledger.verify(scenario, Runs(scenario, progress))
