"""The ledger: what the source printed, and a verdict on every number.

A published number is compared to its printed digits under the conventions of the scenario,
or under the reading its entry cites. It cannot excuse itself: a misprint needs a right value
that the engine reproduces, an unreproducible number needs replicas that disagree.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Protocol

from tracer.errors import LookupFailed, ScenarioError
from tracer.numbers import agrees
from tracer.scenario import Published, Scenario
from tracer.traces import Trace


class Verdict(Enum):
    """What can be said of a published number."""

    REPRODUCED = "reproduced"
    ROUNDED_PATH = "rounded-path"
    MISPRINT = "misprint"
    NOT_REPRODUCIBLE = "not-reproducible"
    DIFFERS = "differs"


@dataclass(frozen=True)
class Checked:
    """One published number with its verdict."""

    name: str
    printed: Decimal
    value: float  # the engine's, under the reading cited
    verdict: Verdict
    under: str | None
    reason: str
    where: str
    iteration: int
    usual: float  # the engine's, under the scenario's own conventions
    right: Decimal | None


@dataclass(frozen=True)
class Verification:
    """All published numbers of a scenario."""

    scenario: str
    numbers: tuple[Checked, ...]

    @property
    def ok(self) -> bool:
        """Whether every number is explained."""
        return all(n.verdict is not Verdict.DIFFERS for n in self.numbers)

    @property
    def remarkable(self) -> tuple[Checked, ...]:
        """The numbers a reader should be told about: slips, and those that need a reading."""
        return tuple(n for n in self.numbers if n.under or n.verdict is not Verdict.REPRODUCED)

    def as_dict(self) -> dict[str, object]:
        """The verification as JSON has it."""
        rows = [
            {
                "name": n.name,
                "printed": f"{n.printed:f}",
                "value": n.value,
                "verdict": n.verdict.value,
                "under": n.under,
                "reason": n.reason,
                "where": n.where,
                "iteration": n.iteration,
            }
            for n in self.numbers
        ]
        return {"scenario": self.scenario, "numbers": rows}


def to_json(verifications: Iterable[Verification]) -> str:
    """`{"scenarios": [{"scenario", "numbers": [{"name", "printed", "value", …}]}]}`."""
    found = {"scenarios": [v.as_dict() for v in verifications]}
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


class Runs(Protocol):
    """How the ledger gets its values; whoever builds networks provides it."""

    def trace(self, reading: str | None, iterations: Sequence[int]) -> Trace:
        """The passes asked for, under a reading."""

    def replicas(self, reading: str | None, iteration: int, name: str) -> Sequence[float]:
        """A value as it comes out when the last bits of the parameters are changed."""


def verify(scenario: Scenario, runs: Runs) -> Verification:
    """The verdict on every published number.

    raises    ScenarioError for entries whose name is no step; NotFinite from the runs
    """
    passes = _passes(scenario)
    traces = {reading: runs.trace(reading, sorted(needed)) for reading, needed in passes.items()}
    problems, found = [], []
    for name, entries in scenario.published.items():
        for entry in entries:
            try:
                usual = traces[None].at(entry.iteration, entry.sample)[name]
                value = traces[entry.reading].at(entry.iteration, entry.sample)[name]
                found.append(_checked(scenario, runs, name, entry, value, usual))
            except LookupFailed as wrong:
                problems.append(f"{scenario.file}: published.{name}: {wrong}")
    if problems:
        raise ScenarioError(dict.fromkeys(problems))
    return Verification(scenario.name, tuple(found))


def _passes(scenario: Scenario) -> dict[str | None, set[int]]:
    """The iterations needed under every reading; all of them under none, to compare."""
    entries = [entry for group in scenario.published.values() for entry in group]
    passes: dict[str | None, set[int]] = {None: {0}}
    for entry in entries:
        for reading in (None, entry.reading):
            passes.setdefault(reading, set()).add(entry.iteration)
    return passes


def _checked(
    scenario: Scenario, runs: Runs, name: str, entry: Published, value: float, usual: float
) -> Checked:
    verdict, under = _verdict(scenario, runs, name, entry, value, usual)
    return Checked(
        name, entry.printed, value if under else usual, verdict, under,
        entry.reason, entry.where, entry.iteration, usual, entry.right,
    )  # fmt: skip


def _verdict(
    scenario: Scenario, runs: Runs, name: str, entry: Published, value: float, usual: float
) -> tuple[Verdict, str | None]:
    """The verdict, and the reading it holds under."""
    by_hand = _rounds(scenario, entry.reading)
    if agrees(value, entry.printed):
        if by_hand and agrees(usual, entry.printed):
            return Verdict.REPRODUCED, None
        return (Verdict.ROUNDED_PATH if by_hand else Verdict.REPRODUCED), entry.reading
    if entry.right is not None and agrees(value, entry.right):
        return Verdict.MISPRINT, entry.reading
    if not entry.reproducible:
        replicas = runs.replicas(entry.reading, entry.iteration, name)
        if not _survive(replicas, entry.printed):
            return Verdict.NOT_REPRODUCIBLE, entry.reading
    return Verdict.DIFFERS, entry.reading


def _rounds(scenario: Scenario, reading: str | None) -> bool:
    """Whether a reading rounds by hand where the scenario itself does not."""
    rounding = scenario.under(reading).conventions.rounding
    return rounding is not None and rounding != scenario.conventions.rounding


def _survive(replicas: Sequence[float], printed: Decimal) -> bool:
    """Whether the printed digits are the same in every replica."""
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int), printed
    return Decimal(max(replicas)) - Decimal(min(replicas)) <= Decimal(5).scaleb(exponent - 1)
