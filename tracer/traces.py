"""A trace: a program and the values of every recorded pass."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tracer import labels
from tracer.errors import LookupFailed
from tracer.evaluate import Values
from tracer.labels import Label
from tracer.lines import IN_TEXT, Line, line
from tracer.names import names_of
from tracer.numbers import Digits
from tracer.program import Program
from tracer.scenario import Scenario

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
    sample: int


@dataclass(frozen=True, eq=False)
class Trace:
    """The values of a program, one pass and sample selected; `at` selects another.

    t["w5+"]          a value by name
    t.record("w5+")   with its formula, substitution, operands
    """

    program: Program
    recorded: Sequence[int]  # iterations, ascending
    data: Values  # [pass, sample, cell]
    digits: Digits
    title: str = ""
    reading: str = ""
    scenario: Scenario | None = None  # without the reading
    row: int = 0
    sample: int = 0

    @property
    def iteration(self) -> int:
        """The iteration of the selected pass."""
        return self.recorded[self.row]

    @property
    def values(self) -> Values:
        """Every step of the selected pass and sample, in order; float64."""
        selected: Values = self.data[self.row, self.sample]
        return selected

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every step, in order."""
        return names_of(self.program).listed

    def cell(self, name: str) -> int:
        """The place of a step in `names` and `values`."""
        return names_of(self.program).find(name)

    def __getitem__(self, name: str) -> float:
        return float(self.values[self.cell(name)])

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

    def at(self, iteration: int | None = None, sample: int | None = None) -> Trace:
        """The same trace with another pass or sample selected.

        raises    LookupFailed for one that is not recorded
        """
        row, chosen = self.row, self.sample if sample is None else sample
        if iteration is not None:
            if iteration not in self.recorded:
                raise LookupFailed(f"iteration {iteration} is not recorded; {self._passes()} are")
            row = self.recorded.index(iteration)
        if not 0 <= chosen < self.data.shape[1]:
            raise LookupFailed(f"no sample {chosen}; there are {self.data.shape[1]}, from 0")
        return replace(self, row=row, sample=chosen)

    def _passes(self) -> str:
        return (
            ", ".join(map(str, self.recorded)) if len(self.recorded) < 8
            else f"{self.recorded[0]}, {self.recorded[1]} … {self.recorded[-1]}"
        )  # fmt: skip

    def line(self, cell: int, called: Label | None = None) -> Line:
        """A step of the selected pass as a line to show."""
        return line(self.program, cell, lambda c: float(self.values[c]), self.digits, called)

    def record(self, name: str) -> Record:
        """Everything about a step of the selected pass."""
        return self._record(self.cell(name))

    def _record(self, cell: int) -> Record:
        step, shown = self.program.step(cell), self.line(cell)
        has = step.formula is not None
        return Record(
            step.name,
            labels.text(step.label),
            IN_TEXT.formula(shown) if has else "",
            IN_TEXT.substitution(shown) if has else "",
            float(self.values[cell]),
            step.phase.value,
            {self.names[o]: float(self.values[o]) for o in step.operands.values()},
            self.iteration,
            self.sample,
        )

    def records(self, cells: Sequence[int] | None = None) -> Iterator[Record]:
        """Every step (or those chosen) of every recorded pass and sample."""
        for iteration in self.recorded:
            for sample in range(self.data.shape[1]):
                selected = self.at(iteration, sample)
                chosen = range(len(self)) if cells is None else cells
                yield from (selected._record(cell) for cell in chosen)

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
