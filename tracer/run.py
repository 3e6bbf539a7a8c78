"""From a scenario to its trace: build, evaluate, keep what was asked for."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tracer import ledger
from tracer.build.dense import Built, build
from tracer.errors import NotFinite, ProgramError, RuleError, ScenarioError, UsageError
from tracer.evaluate import Given, Progress, Values, run
from tracer.ledger import Verification
from tracer.names import names_of
from tracer.scenario import Scenario
from tracer.traces import Trace

Recorded = str | int | Iterable[int]

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
    file, net = scenario.file, scenario.conventions.net
    try:
        return build(scenario)
    except ProgramError as wrong:
        raise ScenarioError([f"{file}: network: {wrong}; choose another name"]) from wrong
    except RuleError as wrong:
        raise ScenarioError([f"{file}: conventions.net: {net!r} is no {wrong}"]) from wrong


def trace(
    scenario: Scenario,
    *,
    iterations: int | None = None,
    record: Recorded = "all",
    reading: str | None = None,
    progress: Progress | None = None,
) -> Trace:
    """The values of a scenario's passes.

    iterations  updates; the scenario's own number if None
    record      "all", "last", k for every k-th pass, or the iterations themselves
    raises      ScenarioError, NotFinite, TooLarge, UsageError
    """
    chosen = scenario.under(reading)
    conventions = chosen.conventions
    count = conventions.iterations if iterations is None else iterations
    if count < 0:
        raise UsageError(f"iterations={count}: expected 0 or more")
    made, recorded = built(chosen), passes(count, record)
    values = _values(chosen, made, made.givens, recorded, progress)
    return Trace(
        made.program, recorded, values, conventions.digits, scenario.name, reading or "", scenario
    )


def _values(
    s: Scenario, made: Built, givens: Mapping[int, Given], recorded: Sequence[int],
    progress: Progress | None,
) -> Values:  # fmt: skip
    """The values of a scenario's passes; what is not finite is told with the file."""
    rounding = s.conventions.rounding.digits if s.conventions.rounding else None
    try:
        return run(made.program, givens, recorded, rounding=rounding, progress=progress)
    except NotFinite as wrong:
        raise NotFinite(f"{s.file}: {wrong}") from wrong


class Runs:
    """The passes of a scenario that its ledger needs."""

    def __init__(self, scenario: Scenario, progress: Progress | None = None) -> None:
        self.scenario, self.progress = scenario, progress

    def trace(
        self, reading: str | None, iterations: Sequence[int], unrounded: bool = False
    ) -> Trace:
        """The passes asked for, under a reading, or under all of it but its rounding."""
        scenario = _without_rounding(self.scenario, reading) if unrounded else self.scenario
        return trace(
            scenario, iterations=max(iterations), record=iterations, reading=reading,
            progress=self.progress,
        )  # fmt: skip

    def replicas(self, reading: str | None, iteration: int, name: str) -> Sequence[float]:
        """A value computed again from parameters whose last bits are changed at random."""
        chosen = self.scenario.under(reading)
        made = built(chosen)
        chance = random.Random(0)
        givens: dict[int, Given] = dict(made.givens)
        for cell in made.program.carry:
            value = float(made.givens[cell])
            changes = [0, *(chance.choice(CHANGES) for _ in range(REPLICAS - 1))]
            givens[cell] = value + np.array(changes) * math.ulp(value)
        values = _values(chosen, made, givens, [iteration], self.progress)
        return [float(v) for v in values[0, :, names_of(made.program).find(name)]]


def _without_rounding(s: Scenario, reading: str | None) -> Scenario:
    """The scenario with a reading that rounds no more than the scenario does."""
    assert reading, "a scenario's own rounding is not taken away"
    plain = s.readings[reading].model_copy(update={"rounding": s.conventions.rounding})
    return s.model_copy(update={"readings": {**s.readings, reading: plain}})


def verify(scenario: Scenario, progress: Progress | None = None) -> Verification:
    """The verdict on every published number of a scenario."""
    return ledger.verify(scenario, Runs(scenario, progress))
