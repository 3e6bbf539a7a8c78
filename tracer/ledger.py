"""The ledger: what the source printed, and a verdict on every number.

A published number is compared to its printed digits under the conventions of the scenario,
or under the reading its entry cites. It cannot excuse itself: an entry that calls its number
a misprint needs a right value that the engine reproduces, one that calls it unreproducible
needs replicas that disagree. A claim that does not hold differs, whatever the number.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Protocol

from tracer import labels
from tracer.consistency import entry_key
from tracer.errors import LookupFailed, ScenarioError
from tracer.labels import Label
from tracer.names import names_of
from tracer.numbers import Digits, agrees
from tracer.scenario import Published, Scenario
from tracer.traces import Trace

REACH = 10  # times the spread of the replicas that an unreproducible number may be off


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
    label: Label
    printed: Decimal
    value: float  # the engine's, under the reading cited
    verdict: Verdict
    under: str | None
    reason: str
    where: str
    iteration: int
    sample: int
    samples: str | None  # another set than the one trained on
    usual: float  # the engine's, under the scenario's own conventions
    right: Decimal | None
    claim: Verdict  # what the entry says of its number
    recomputed: bool  # the source does not print it


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
                "sample": n.sample,
                "samples": n.samples,
                "right": None if n.right is None else f"{n.right:f}",
                "recomputed": n.recomputed,
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

    def trace(
        self, reading: str | None, iterations: Sequence[int], unrounded: bool = False
    ) -> Trace:
        """The passes asked for, under a reading, or under all of it but its rounding.

        Of those beyond the iteration where the scenario stops, that one.
        """

    def on(self, t: Trace, samples: str) -> Trace:
        """Another sample set with the parameters of a trace's selected pass."""

    def replicas(
        self, reading: str | None, iterations: Sequence[int], names: Collection[str]
    ) -> Trace:
        """The passes as variants, as they come out when last bits of parameters are changed."""


def verify(scenario: Scenario, runs: Runs) -> Verification:
    """The verdict on every published number.

    raises    ScenarioError for entries whose name is no step; NotFinite from the runs
    """
    return _Verifier(scenario, runs).verify()


class _Verifier:
    """The runs that a ledger needs, each made once and when it is needed."""

    def __init__(self, scenario: Scenario, runs: Runs) -> None:
        self.scenario, self.runs = scenario, runs
        self.passes = _passes(scenario)
        self.traces: dict[tuple[str | None, bool], Trace] = {}
        self.perturbed: dict[str | None, Trace] = {}

    def verify(self) -> Verification:
        problems: list[str] = []
        found = tuple(self.checked(problems))
        if problems:
            raise ScenarioError(dict.fromkeys(problems))
        return Verification(self.scenario.name, found)

    def checked(self, problems: list[str]) -> Iterator[Checked]:
        for name, entries in self.scenario.published.items():
            for k, entry in enumerate(entries):
                try:
                    yield self.check(name, entry)
                except LookupFailed as wrong:
                    key = entry_key(name, entries, k)
                    problems.append(f"{self.scenario.file}: {key}: {wrong}")

    def check(self, name: str, entry: Published) -> Checked:
        value, usual = self.value(name, entry, entry.reading), self.usual(name, entry)
        verdict, under = self.verdict(name, entry, value, usual)
        words = self.scenario.in_words(under) if under else None
        return Checked(
            name, self.label(name, entry), entry.printed,
            value if under else usual, verdict, words, entry.reason, entry.where,
            entry.iteration, entry.sample, entry.samples, usual, entry.right, _claim(entry),
            entry.recomputed,
        )  # fmt: skip

    def label(self, name: str, entry: Published) -> Label:
        """What a step is called where it is asked for by `name`."""
        t = self.trace(entry.reading)
        program = self.runs.on(t, entry.samples).program if entry.samples else t.program
        cell = names_of(program).find(name)
        own = program.label(cell)
        also = program.also.get(cell, ())
        return next((label for label in (own, *also) if labels.name(label) == name), own)

    def trace(self, reading: str | None, unrounded: bool = False) -> Trace:
        if reading and self.scenario.under(reading) == self.scenario:
            reading = None  # it states what the scenario does anyway
        wanted = reading, unrounded
        if wanted not in self.traces:
            needed = sorted(self.passes[reading])
            self.traces[wanted] = self.runs.trace(reading, needed, unrounded)
        return self.traces[wanted]

    def value(
        self, name: str, entry: Published, reading: str | None, unrounded: bool = False
    ) -> float:
        return self.looked_up(name, entry, self.trace(reading, unrounded))

    def looked_up(self, name: str, entry: Published, t: Trace) -> float:
        """The value an entry means in the trace of its reading."""
        if entry.iteration > t.recorded[-1]:
            raise LookupFailed(f"no iteration {entry.iteration}; the run stops at {t.recorded[-1]}")
        selected = t.at(entry.iteration)
        if entry.samples:
            selected = self.runs.on(selected, entry.samples)
        return selected.at(sample=entry.sample)[name]

    def replicas(self, name: str, entry: Published) -> list[float]:
        """The value as it comes out when last bits are changed."""
        if entry.reading not in self.perturbed:
            lost = {
                name: e
                for name, entries in self.scenario.published.items()
                for e in entries
                if not e.reproducible and e.reading == entry.reading
            }
            self.perturbed[entry.reading] = self.runs.replicas(
                entry.reading, sorted(self.passes[entry.reading]), lost
            )
        variants = self.perturbed[entry.reading].variants()
        return [self.looked_up(name, entry, t) for t in variants]

    def usual(self, name: str, entry: Published) -> float:
        """Under the scenario's own conventions; some names exist only under a reading."""
        try:
            return self.value(name, entry, None)
        except LookupFailed:
            return self.value(name, entry, entry.reading)

    def verdict(
        self, name: str, entry: Published, value: float, usual: float
    ) -> tuple[Verdict, str | None]:
        """The verdict, and the reading it holds under."""
        claim, printed = _claim(entry), entry.printed
        if not self.holds(claim, name, entry, value):
            return Verdict.DIFFERS, entry.reading
        how, own = (self.scenario.under(r).conventions.how for r in (entry.reading, None))
        if claim is not Verdict.REPRODUCED or how == own:
            return claim, entry.reading
        if agrees(usual, printed):
            return claim, None
        if not isinstance(how, Digits):
            return claim, entry.reading
        unrounded = self.value(name, entry, entry.reading, unrounded=True)
        return claim if agrees(unrounded, printed) else Verdict.ROUNDED_PATH, entry.reading

    def holds(self, claim: Verdict, name: str, entry: Published, value: float) -> bool:
        """Whether a number is what its entry calls it."""
        if claim is Verdict.NOT_REPRODUCIBLE:
            return _lost(self.replicas(name, entry), entry.printed)
        comes_out = agrees(value, entry.printed)
        if entry.right is None:
            return comes_out
        return not comes_out and agrees(value, entry.right)


def _claim(entry: Published) -> Verdict:
    """What an entry says of its number."""
    if not entry.reproducible:
        return Verdict.NOT_REPRODUCIBLE
    return Verdict.REPRODUCED if entry.right is None else Verdict.MISPRINT


def _passes(scenario: Scenario) -> dict[str | None, set[int]]:
    """The iterations needed under every reading; all of them under none, to compare."""
    entries = [entry for group in scenario.published.values() for entry in group]
    passes: dict[str | None, set[int]] = {None: {0}}
    for entry in entries:
        for reading in (None, entry.reading):
            passes.setdefault(reading, set()).add(entry.iteration)
    return passes


def _lost(replicas: Sequence[float], printed: Decimal) -> bool:
    """Whether last bits decide the printed digits, and by about as much as they are off.

    The second keeps a wrong number from hiding behind digits that no float64 has.
    """
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int), printed
    values = [Decimal(value) for value in replicas]
    spread, off = max(values) - min(values), min(abs(value - printed) for value in values)
    return spread > Decimal(5).scaleb(exponent - 1) and off <= REACH * spread
