"""A trace: a program and the values of every recorded pass."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from tracer import labels
from tracer.errors import LookupFailed
from tracer.labels import Label
from tracer.lines import IN_TEXT, MAX_SPREAD, Line, line
from tracer.names import names_of
from tracer.numbers import Digits
from tracer.program import Program, Step
from tracer.scenario import Scenario
from tracer.values import Column, Values

SCHEMA = 1  # version of the rows that `to_json` and `to_csv` write
COLUMNS = (
    "iteration", "sample", "name", "symbol", "phase", "formula", "substitution", "value",
    "operands",
)  # fmt: skip


@dataclass(frozen=True)
class Record:
    """Everything about one step of one pass."""

    name: str
    symbol: str  # as a terminal shows it: ∂E/∂w5
    formula: str  # with symbols; empty for a given
    substitution: str  # with numbers, to the digits shown
    value: float
    phase: str
    operands: Mapping[str, float]  # by name; a repeated operand once
    iteration: int
    sample: int | None  # None for a step that all samples of a batch share


@dataclass(frozen=True, eq=False)
class Trace:
    """The values of a program, one pass and sample selected; `at` selects another.

    t["w5+"]          a value by name
    t.record("w5+")   with its formula, substitution, operands
    t.column("E_n")   of all samples    t.series("E")   of all recorded passes
    """

    program: Program
    recorded: Sequence[int]  # iterations, ascending
    data: Values
    digits: Digits
    title: str = ""
    reading: str = ""
    scenario: Scenario | None = None  # without the reading
    samples_of: str = ""  # the sample set, if not the one that is trained on
    row: int = 0
    sample: int = 0
    variant: int = 0
    slips: Mapping[int, tuple[int, ...]] = field(default_factory=dict)  # of steps done wrong

    @property
    def iteration(self) -> int:
        """The iteration of the selected pass."""
        return self.recorded[self.row]

    @cached_property
    def values(self) -> Column:
        """Every step of the selected pass and sample, in order; float64.

        A step that was not recorded is not a number.
        """
        return self.data.at(self.row, self.sample, self.variant)

    def column(self, step: str | int) -> Column:
        """A step of the selected pass in every sample; one value if the samples share it."""
        cell = self.cell(step) if isinstance(step, str) else step
        selected: Column = self.data.of(cell)[self.row, self.variant]
        return selected

    def series(self, step: str | int) -> Column:
        """A step of the selected sample in every recorded pass."""
        cell = self.cell(step) if isinstance(step, str) else step
        found = self.data.of(cell)[:, self.variant]
        selected: Column = found[:, self.sample if found.shape[1] > 1 else 0]
        return selected

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every step, in order."""
        return names_of(self.program).listed

    def cell(self, name: str) -> int:
        """The place of a step in `names` and `values`."""
        return names_of(self.program).find(name)

    def __getitem__(self, name: str) -> float:
        found = self.column(self.cell(name))
        return float(found[self.sample if len(found) > 1 else 0])

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and self.cell(name) >= 0
        except LookupFailed:
            return False

    def __len__(self) -> int:
        return len(self.program)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __repr__(self) -> str:
        under = f", reading {self.reading!r}" if self.reading else ""
        return (
            f"<Trace {self.title or 'program'}{under}: {len(self)} steps × "
            f"{len(self.recorded)} passes, at iteration {self.iteration}>"
        )

    def variants(self) -> Iterator[Trace]:
        """The selected pass and sample in every variant computed."""
        return (replace(self, variant=k) for k in range(self.data.variants))

    def at(self, iteration: int | None = None, sample: int | None = None) -> Trace:
        """The same trace with another pass or sample selected.

        raises    LookupFailed for one that is not recorded
        """
        row, chosen = self.row, self.sample if sample is None else sample
        if iteration is not None:
            if iteration not in self.recorded:
                raise LookupFailed(f"iteration {iteration} is not recorded; {self._passes()} are")
            row = self.recorded.index(iteration)
        if not 0 <= chosen < self.program.samples:
            raise LookupFailed(f"no sample {chosen}; there are {self.program.samples}, from 0")
        return replace(self, row=row, sample=chosen)

    def _passes(self) -> str:
        return (
            ", ".join(map(str, self.recorded)) if len(self.recorded) < 8
            else f"{self.recorded[0]}, {self.recorded[1]} … {self.recorded[-1]}"
        )  # fmt: skip

    def line(self, cell: int, called: Label | None = None) -> Line:
        """A step of the selected pass as a line to show."""
        found = line(
            self.program, cell, lambda c: float(self.values[c]), self.column, self.digits, called
        )
        return replace(found, slips=self.slips[cell]) if cell in self.slips else found

    def record(self, name: str) -> Record:
        """Everything about a step of the selected pass."""
        return self._record(self.cell(name))

    def _record(self, cell: int) -> Record:
        step, shown = self.program.step(cell), self.line(cell)
        shared = self.program.samples > 1 and not step.per_sample
        return Record(
            step.name,
            labels.text(step.label),
            IN_TEXT.formula(shown) if shown.formula else "",
            IN_TEXT.substitution(shown) if shown.written else "",
            float(self.values[cell]),
            step.phase.value,
            dict(self._operands(step)),
            self.iteration,
            None if shared else self.sample,
        )

    def _operands(self, step: Step) -> Iterator[tuple[str, float]]:
        """The operands by name; of what runs over all samples, each sample's if they are few."""
        block = self.program.block(step.index)
        for formal, cell in step.operands.items():
            if formal in block.own:
                yield self.names[cell], float(self.values[cell])
            if formal in block.over and self.program.samples <= MAX_SPREAD:
                values = self.column(cell).tolist()
                yield from ((f"{self.names[cell]} of sample {k}", v) for k, v in enumerate(values))

    def records(self, cells: Sequence[int] | None = None) -> Iterator[Record]:
        """Every step (or those chosen) of every recorded pass, in every sample that has its own."""
        chosen = [c for c in (range(len(self)) if cells is None else cells) if c in self.data]
        samples = range(self.program.samples)
        for iteration in self.recorded:
            passes = [self.at(iteration, sample) for sample in samples]
            for cell in chosen:
                own = passes if self.program.block(cell).per_sample else passes[:1]
                yield from (selected._record(cell) for selected in own)

    def to_json(self, cells: Sequence[int] | None = None) -> str:
        """One object a step, full precision: `{"schema": 1, "steps": [...]}`."""
        rows = [{c: getattr(r, c) for c in COLUMNS} for r in self.records(cells)]
        head = {"schema": SCHEMA, "title": self.title, "reading": self.reading}
        return json.dumps({**head, "steps": rows}, ensure_ascii=False, indent=1) + "\n"

    def to_csv(self, cells: Sequence[int] | None = None) -> str:
        """One row a step, full precision; the operands as `name=value` joined by `;`."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("schema", *COLUMNS))
        for r in self.records(cells):
            joined = ";".join(f"{name}={value!r}" for name, value in r.operands.items())
            row = (getattr(r, c) for c in COLUMNS[:-2])
            writer.writerow((SCHEMA, *row, repr(r.value), joined))
        return out.getvalue()
