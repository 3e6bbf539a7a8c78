"""Tables of samples: some steps, a row a sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tracer.catalog.sums import ACCURACY, CLASS, PATHS
from tracer.datasets import TRAINING
from tracer.labels import Derivative, Label, OfSample, Own
from tracer.numbers import Shown, as_written, show
from tracer.program import Block, Phase, Program
from tracer.scenario import Scenario
from tracer.traces import Trace
from tracer.views import SampleTable

SHOWN = 12  # samples of a table; of more, the first few
FIRST = 5


def data_tables(s: Scenario) -> tuple[SampleTable, ...]:
    """The sample sets of a scenario as they are given."""
    return tuple(_data_table(s, title) for title in s.columns)


def _data_table(s: Scenario, title: str) -> SampleTable:
    columns = s.columns[title]
    labels = tuple(own(s, name) for name in columns)
    count = len(next(iter(columns.values())))
    rows = tuple(
        (k, tuple(_as_given(s, title, k, place, float(column[k])) for place, column in
                  enumerate(columns.values())))
        for k in range(_shown(count))
    )  # fmt: skip
    says = s.samples[title].says if title in s.samples else ""
    return SampleTable(title, labels, rows, count, says)


def _as_given(s: Scenario, title: str, row: int, place: int, value: float) -> Shown:
    """A number as it is written; one that was drawn to the digits shown."""
    if title in s.samples:
        return as_written(s.samples[title].rows[row][place], s.conventions.digits)
    return show(value, s.conventions.digits)


def own(s: Scenario, name: str) -> Label:
    """The label of one of the author's names."""
    return Own(name.replace(" ", "_"), name, s.symbols.get(name, ""))


def _shown(count: int) -> int:
    return count if count <= SHOWN else FIRST


def table_of(t: Trace, cells: Sequence[int], title: str = "") -> SampleTable:
    """Some steps of the samples of a trace's selected pass."""
    count = t.program.samples
    columns = [t.column(cell) for cell in cells]
    rows = tuple(
        (k, tuple(show(float(c[k if len(c) > 1 else 0]), t.digits) for c in columns))
        for k in range(_shown(count))
    )
    return SampleTable(title, tuple(map(t.program.label, cells)), rows, count)


def forward_table(t: Trace) -> SampleTable:
    """The forward pass of every sample of a batch, with its error."""
    program = t.program
    cells = [
        step.index for step in program.steps(Phase.GIVEN, Phase.FORWARD, Phase.ERROR)
        if step.per_sample and step.phase is not Phase.GIVEN
    ]  # fmt: skip
    return table_of(t, [*program.data, *cells])


def gradients_table(t: Trace) -> SampleTable | None:
    """What every sample of a batch says of every parameter; None if the samples say nothing."""
    cells = _shares(t.program)
    return table_of(t, cells) if cells else None


def of_batch(program: Program) -> bool:
    """Whether gradients are of the batch's error, to which samples add a part, not their own."""
    shares = _shares(program)
    called = (label for c in shares for label in (program.label(c), *program.also.get(c, ())))
    own = any(isinstance(x, OfSample) and isinstance(x.of, Derivative) for x in called)
    return bool(program.gradients) and (own or not shares)


def _shares(program: Program) -> list[int]:
    """What one sample says of the parameters."""
    gradients = program.gradients.values()
    paths = [c for g in gradients if program.block(g).rule is PATHS for c in _operands(program, g)]
    totals = [cell for cell in (*gradients, *paths) if is_total(program.block(cell))]
    return list(dict.fromkeys(c for total in totals for c in _operands(program, total)))


def is_total(block: Block) -> bool:
    """Whether steps are totals or averages of what each sample says; a partial is none."""
    return bool(block.over) and block.of is None


def _operands(program: Program, cell: int) -> Iterable[int]:
    return program.step(cell).operands.values()


def outputs_table(t: Trace) -> SampleTable:
    """What comes out for every sample: its data, and the steps that no other step reads.

    Where outputs have classes, the outputs themselves too.
    """
    program = t.program
    single = program.samples == 1
    steps = [s for s in program.steps(Phase.FORWARD) if s.rule and (s.per_sample or single)]
    read = {cell for step in steps for cell in step.operands.values()}
    last = {step.index for step in steps if step.index not in read}
    classes = [step for step in steps if step.rule and step.rule.name == CLASS]
    last |= {step.index for step in classes}
    last |= {cell for step in classes for cell in step.operands.values()}
    title = t.samples_of or TRAINING
    outputs = replace(table_of(t, sorted(last), title), summary=_summary(t))
    return outputs if t.scenario is None else _beside(_data_table(t.scenario, title), outputs)


def _summary(t: Trace) -> tuple[tuple[Label, Shown], ...]:
    """How often several samples are right, and their error."""
    steps = [s for s in t.program.steps(Phase.FORWARD, Phase.ERROR) if not s.per_sample]
    right = [s for s in steps if s.rule == ACCURACY]
    errors = [s for s in steps if s.phase is Phase.ERROR and s.rule][-1:]
    told = [*right, *errors] if t.program.samples > 1 else []
    return tuple((s.label, show(float(t.values[s.index]), t.digits)) for s in told)


def _beside(left: SampleTable, right: SampleTable) -> SampleTable:
    """Two tables of the same samples as one."""
    rows = zip(left.rows, right.rows, strict=True)
    both = tuple((k, (*given, *found)) for (k, given), (_, found) in rows)
    labels = (*left.labels, *right.labels)
    return SampleTable(right.title, labels, both, right.count, summary=right.summary)
