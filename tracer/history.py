"""The history of a run: its table, its curves, what it started from and led to."""

from __future__ import annotations

from collections.abc import Iterator

from tracer.course import Course
from tracer.course import Reading as Under
from tracer.errors import LookupFailed, ScenarioError
from tracer.figures import figures
from tracer.labels import Label
from tracer.numbers import Digits, Shown, show
from tracer.scenario import Scenario
from tracer.tables import SHOWN, forward_table, outputs_table
from tracer.traces import Trace
from tracer.updating import updates_of
from tracer.views import History, Reading, Row, SampleTable

NO_DIGIT = Shown("\\text{–}")  # stands where no digit survives
MAX_COLUMNS = 6  # of the table of a run; more parameters stand only in their own


def history(course: Course, s: Scenario) -> History:
    """The view of a run."""
    found = _History(course, s)
    rows = tuple(found.rows())
    return History(
        last=course.last,
        ends=course.ends,
        chaotic=course.last == s.run.reproducible and course.last < course.ends,
        stopped=course.ends < s.iterations,
        batches=len(s.order) // s.batch_size,
        labels=tuple(found.label(cell) for cell in found.columns),
        rows=rows,
        lost=found.lost,
        parameters=tuple(found.parameters()),
        outputs=() if found.lost_at_last() else tuple(map(outputs_table, course.outputs)),
        figures=figures(course, s),
    )


def readings(course: Course, s: Scenario) -> tuple[Reading, ...]:
    """What the first and the last pass give under every other reading."""
    return tuple(_reading(r, s, _forward(course.table.at(0))) for r in course.readings)


def _reading(r: Under, s: Scenario, shown: SampleTable | None) -> Reading:
    t, root = r.first, r.first.program.root
    outputs, final = _forward(t), None
    if r.last and root is not None:
        values = r.last.data.of(root)[0, :, 0].tolist()
        digits = surviving(values, t.digits)
        final = show(values[0], digits) if digits else None
    told = outputs if outputs and shown and outputs.rows != shown.rows else None
    error = None if root is None else t.line(root)
    return Reading(t.reading, s.readings[t.reading].says, error, told, r.ends, final)


def _forward(t: Trace) -> SampleTable | None:
    """The forward pass of few samples."""
    return forward_table(t) if 1 < t.program.samples <= SHOWN else None


class _History:
    def __init__(self, course: Course, s: Scenario) -> None:
        self.course, self.s, self.t = course, s, course.table
        self.program = self.t.program
        self.lost = False
        self.columns = list(self._stated()) or self._usual()

    def _stated(self) -> Iterator[int]:
        """The columns that the scenario asks for."""
        for k, name in enumerate(self.s.run.table):
            try:
                yield self.t.cell(name)
            except LookupFailed as wrong:
                raise ScenarioError([f"{self.s.file}: run.table[{k}]: {wrong}"]) from wrong

    def _usual(self) -> list[int]:
        """The error, then the parameters if they are few."""
        root = [] if self.program.root is None else [self.program.root]
        also = [self.t.cell(name) for name in ("accuracy",) if name in self.t.program.index]
        shown = [*root, *also, *sorted(self.program.gradients)]
        return shown if len(shown) <= MAX_COLUMNS else shown[: len(root) + len(also)]

    def label(self, cell: int) -> Label:
        return self.program.label(cell)

    def rows(self) -> Iterator[tuple[int, tuple[Shown | None, ...]]]:
        for k in self.t.recorded:
            yield k, tuple(self.shown(cell, k) for cell in self.columns)

    def shown(self, cell: int, iteration: int) -> Shown | None:
        """A value to the digits that survive other last bits of the weights."""
        value = float(self.t.at(iteration).series(cell)[self.t.recorded.index(iteration)])
        digits = self._surviving(cell, iteration)
        return show(value, digits) if digits else None

    def _surviving(self, cell: int, iteration: int) -> Digits | None:
        digits, replicas = self.t.digits, self.course.replicas
        if replicas is None:
            return digits
        row = replicas.recorded.index(iteration)
        values = replicas.data.of(cell)[row, :, 0].tolist()
        found = surviving(values, digits)
        self.lost |= found != digits
        return found

    def lost_at_last(self) -> bool:
        """Whether digits of the last pass hang on last bits, so that its outputs' do too."""
        cells = [*self.columns[:1], *updates_of(self.program)]
        return any(self._surviving(c, self.course.last) != self.t.digits for c in cells)

    def parameters(self) -> Iterator[Row]:
        """Every parameter before the run and after it."""
        for cell in sorted(updates_of(self.program)):
            before, after = self.shown(cell, 0), self.shown(cell, self.course.last)
            yield Row(self.label(cell), before or NO_DIGIT, None, after or NO_DIGIT)


def surviving(values: list[float], digits: Digits) -> Digits | None:
    """The digits to which all values are shown alike; None if there are none."""
    most = digits.significant if digits.decimals is None else digits.decimals
    assert most is not None, digits
    for count in range(most, 0, -1):
        fewer = Digits(None, count) if digits.decimals is None else Digits(count)
        if len({show(value, fewer).decimal for value in values}) == 1:
            return fewer
    return None
