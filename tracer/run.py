"""From a scenario to its trace: build, evaluate, keep what was asked for."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

import numpy as np

from tracer import ledger
from tracer.arithmetic import Machine, Precise
from tracer.build.programs import Built, build
from tracer.catalog import NET
from tracer.course import Course, Reading, decades, points
from tracer.errors import (
    LookupFailed,
    NameTaken,
    NotFinite,
    ProgramError,
    RuleError,
    ScenarioError,
    UsageError,
    nearest,
)
from tracer.evaluate import Progress, first_below, run
from tracer.ledger import Verification
from tracer.names import names_of
from tracer.numbers import Digits
from tracer.program import Phase
from tracer.rewrite import on_samples
from tracer.scenario import Scenario
from tracer.traces import Trace
from tracer.values import Given, Values

Recorded = str | int | Iterable[int]

#: Times as long as a float64 takes a number of another arithmetic.
SLOWER: dict[type, int] = {Machine: 100, Digits: 2_000, Precise: 4_000}
LONGEST, WORK = 200_000, 3 * 10**9  # updates that a page shows, and values computed for it
REPLICAS = 6  # computed side by side to see which digits survive
# Of a parameter, in units of its last place; a single unit may be lost in the first pass.
CHANGES = (-4, -3, -2, -1, 1, 2, 3, 4)


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


def built(scenario: Scenario) -> Built:
    """The program of a scenario; raises ScenarioError where it cannot be one."""
    try:
        return build(scenario)
    except NameTaken as wrong:
        part = "network" if scenario.network else "formulas"
        raise ScenarioError([f"{scenario.file}: {part}: {wrong}; choose another name"]) from wrong
    except LookupFailed as wrong:
        raise ScenarioError([f"{scenario.file}: pins: {wrong}"]) from wrong
    except ProgramError as wrong:
        place = "formulas." if str(wrong).partition(":")[0] in scenario.formulas else ""
        raise ScenarioError([f"{scenario.file}: {place}{wrong}"]) from wrong
    except RuleError as wrong:
        net = f"conventions.net: {scenario.conventions.net!r} is no "
        place = net if str(wrong).startswith(NET) else "formulas."
        raise ScenarioError([f"{scenario.file}: {place}{wrong}"]) from wrong


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
    stops = _stopped(chosen, made, count)
    recorded = passes(stops, record if stops == count else _until(stops, record))
    cells = None if only is None else [names_of(made.program).find(name) for name in only]
    values = _values(chosen, made, made.givens, recorded, progress, cells)
    digits = chosen.conventions.digits
    return Trace(made.program, recorded, values, digits, scenario.name, reading or "", scenario)


def _until(stops: int, record: Recorded) -> Recorded:
    """What is left to record of a run that stops before its last iteration."""
    if isinstance(record, str | int):
        return record
    asked = list(record)
    left = [k for k in asked if k <= stops]
    if not left:
        raise UsageError(f"no iteration {min(asked)}: the run stops at {stops} (stop_below)")
    return left


def _stopped(s: Scenario, made: Built, limit: int) -> int:
    """The iteration at which a scenario stops: the limit, or where its error is small enough."""
    bound, root = s.conventions.stop_below, made.program.root
    if bound is None or root is None:
        return limit
    how = s.conventions.how
    with _told(s):
        return first_below(made.program, made.givens, root, float(bound), limit, how=how)


def _values(
    s: Scenario, made: Built, givens: Mapping[int, Given], recorded: Sequence[int],
    progress: Progress | None = None, only: Sequence[int] | None = None,
) -> Values:  # fmt: skip
    """The values of a scenario's passes."""
    how = s.conventions.how
    with _told(s):
        return run(made.program, givens, recorded, only=only, how=how, progress=progress)


@contextmanager
def _told(s: Scenario) -> Iterator[None]:
    """What is not finite is told with the file."""
    try:
        yield
    except NotFinite as wrong:
        raise NotFinite(f"{s.file}: {wrong}") from wrong


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
    phases = (Phase.FORWARD,) if s.network else (Phase.FORWARD, Phase.ERROR)
    kept = [step.index for step in t.program.steps(*phases)]
    other, taken = on_samples(t.program, own, size, kept)
    if not len(other):
        raise UsageError(f"{s.file}: samples.{samples}: without a column for every input")
    givens: dict[int, Given] = {}
    for cell, source in taken.items():
        column = t.column(source)[:1] if source not in own else own[source]
        givens[cell] = column if len(column) > 1 else float(column[0])
    values = _values(s, Built(other, givens), givens, [0])
    return Trace(other, (t.iteration,), values, t.digits, t.title, t.reading, t.scenario, samples)


def course(
    scenario: Scenario, reading: str | None = None, progress: Progress | None = None
) -> Course | None:
    """What a page shows of a scenario's run; None where there is one pass of one sample."""
    s = scenario.under(reading)
    if s.iterations <= 1 and not s.columns:
        return None
    made = built(s)
    longest = min(s.iterations if made.program.carry else 0, _patience(s, made))
    stops = _stopped(s, made, longest)
    ends = s.iterations if stops == longest < s.iterations and longest else stops
    last = min(stops, longest if s.run.reproducible is None else s.run.reproducible)
    root = made.program.root
    assert root is not None, "a scenario has an error"
    shown = [k for k in s.run.show if k <= last]
    wanted = sorted({0, last, *shown}) if shown else decades(last)
    table = trace(scenario, iterations=last, record=wanted, reading=reading, progress=progress)
    updates = len(s.order) // s.batch_size
    return Course(
        last=last,
        ends=ends,
        table=table,
        curve=trace(
            scenario, iterations=last, record=points(last, updates), reading=reading,
            only=[made.program.step(root).name], progress=progress,
        ),
        replicas=replicas(s, wanted, [], progress) if last > 1 and _sways(s, made) else None,
        outputs=tuple(_outputs(table.at(last), s)),
        readings=tuple(
            _under(scenario, name, progress) for name in scenario.readings if name != reading
        ),
        together=_together(s) if s.rows > 1 and s.network else None,
    )  # fmt: skip


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
    longest = min(s.iterations, _patience(s, made))
    if longest < s.iterations or not _sways(s, made) or s.run.reproducible is not None:
        return Reading(first, 0, None)
    ends = _stopped(s, made, longest)
    return Reading(first, ends, replicas(s, [ends], [], progress) if ends else None)


def _together(s: Scenario) -> Trace:
    """The first pass of all samples at once, every net with its delta."""
    stated = {"chain": "deltas", "batch_size": None, "order": None, "update": "simultaneous"}
    conventions = s.conventions.model_copy(update=stated)
    return trace(s.model_copy(update={"conventions": conventions}), iterations=0)


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
            ends = _stopped(s, built(s), ends)
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
        starts = _other_seeds if s.random and s.random.assumed else _last_bits
        return replicas(s, iterations, names, self.progress, starts)


def _last_bits(s: Scenario, made: Built) -> dict[int, Given]:
    """The parameters, and again with their last bits changed at random."""
    chance, found = random.Random(0), dict[int, Given]()
    for cell in made.program.carry:
        start = made.givens[cell]
        assert isinstance(start, Decimal), "what is carried is no data"
        value = float(start)
        changes = [0, *(chance.choice(CHANGES) for _ in range(REPLICAS - 1))]
        found[cell] = (value + np.array(changes) * math.ulp(value))[:, None]
    return found


def _other_seeds(s: Scenario, made: Built) -> dict[int, Given]:
    """The parameters, and as other seeds draw them: for a source that does not state its own."""
    others = [built(s.seeded(k)).givens for k in range(1, REPLICAS)]
    found = dict[int, Given]()
    for cell in made.program.carry:
        starts = [givens[cell] for givens in (made.givens, *others)]
        found[cell] = np.array([[float(start)] for start in starts if isinstance(start, Decimal)])
    return found


def replicas(
    s: Scenario, iterations: Sequence[int], names: Collection[str],
    progress: Progress | None = None, starts: Callable[..., dict[int, Given]] = _last_bits,
) -> Trace:  # fmt: skip
    """Passes computed side by side from other parameters: other in their last bits, if not stated.

    Variant 0 is unchanged. Kept are the steps named and all that the samples share.
    """
    made = built(s)
    givens = {**made.givens, **starts(s, made)}
    shared = [c for b in made.program.blocks if not b.per_sample for c in b.cells.tolist()]
    named = [cell for cell in map(names_of(made.program).get, names) if cell is not None]
    values = _values(s, made, givens, iterations, progress, [*shared, *named])
    return Trace(made.program, iterations, values, s.conventions.digits, s.name, "", s)


def _without_rounding(s: Scenario, reading: str | None) -> Scenario:
    """The scenario with a reading that rounds no more than the scenario does."""
    assert reading, "a scenario's own rounding is not taken away"
    own = {key: getattr(s.conventions, key) for key in ("rounding", "arithmetic")}
    plain = s.reading(reading).model_copy(update=own)
    return s.model_copy(update={"readings": {**s.readings, reading: plain}})


def verify(scenario: Scenario, progress: Progress | None = None) -> Verification:
    """The verdict on every published number of a scenario."""
    return ledger.verify(scenario, Runs(scenario, progress))
