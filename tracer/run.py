"""From a scenario to its trace: build, evaluate, keep what was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tracer.build.dense import Built, build
from tracer.errors import ProgramError, ScenarioError, UsageError
from tracer.evaluate import Progress, run
from tracer.scenario import Scenario
from tracer.traces import Trace

Recorded = str | int | Iterable[int]


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
        return sorted({*range(0, iterations + 1, record), iterations})
    chosen = sorted(set(record))
    if not chosen or chosen[0] < 0 or chosen[-1] > iterations:
        raise UsageError(f"record={chosen}: expected iterations from 0 to {iterations}")
    return chosen


def built(scenario: Scenario) -> Built:
    """The program of a scenario; raises ScenarioError where its names collide."""
    try:
        return build(scenario)
    except ProgramError as wrong:
        raise ScenarioError([f"{scenario.file}: network: {wrong}"]) from wrong


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
    rounding = conventions.rounding.digits if conventions.rounding else None
    values = run(made.program, made.givens, recorded, rounding=rounding, progress=progress)
    return Trace(
        made.program, recorded, values, conventions.digits, scenario.name, reading or "",
    )  # fmt: skip
