"""A scenario's program, and the values of its passes; what goes wrong is told with the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from tracer.build.programs import Built, build
from tracer.catalog.sums import NET
from tracer.errors import (
    LookupFailed,
    MistakeError,
    NameTaken,
    NotFinite,
    ProgramError,
    RuleError,
    ScenarioError,
)
from tracer.evaluate import Progress, first_below, run
from tracer.scenario import Scenario
from tracer.values import Given, Values


def built(scenario: Scenario) -> Built:
    """The program of a scenario; raises ScenarioError where it cannot be one."""
    try:
        return build(scenario)
    except NameTaken as wrong:
        part = "network" if scenario.network else "formulas"
        raise ScenarioError([f"{scenario.file}: {part}: {wrong}; choose another name"]) from wrong
    except MistakeError as wrong:
        raise ScenarioError([f"{scenario.file}: mistakes: {wrong}"]) from wrong
    except LookupFailed as wrong:
        raise ScenarioError([f"{scenario.file}: pins: {wrong}"]) from wrong
    except ProgramError as wrong:
        raise ScenarioError([f"{scenario.file}: {_placed(scenario, wrong)}"]) from wrong
    except RuleError as wrong:
        net = f"conventions.net: {scenario.conventions.net!r} is no {wrong}"
        place = net if str(wrong).startswith(NET) else _placed(scenario, wrong)
        raise ScenarioError([f"{scenario.file}: {place}"]) from wrong


def _placed(s: Scenario, wrong: Exception) -> str:
    """What is wrong with a formula, with its place instead of its name."""
    name, _, what = str(wrong).partition(": ")
    place = s.formulas.place(name)
    return f"{place}: {what}" if place else str(wrong)


def stopped(s: Scenario, made: Built, limit: int) -> int:
    """The iteration at which a scenario stops: the limit, or where its error is small enough."""
    bound, root = s.conventions.stop_below, made.program.root
    if bound is None or root is None:
        return limit
    how = s.conventions.how
    with _told(s):
        return first_below(made.program, made.givens, root, float(bound), limit, how=how)


def values(
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
