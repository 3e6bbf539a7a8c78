"""The charts that belong to a scenario's page: its error, its data, what its unit does.

z  weighted sum of a unit     w b  its weights and bias
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tracer import labels
from tracer.catalog.activations import ACTIVATIONS
from tracer.charts.borders import Border
from tracer.charts.chart import Chart
from tracer.charts.plots import (
    Losses,
    bias_chart,
    decision_chart,
    loss_chart,
    losses_chart,
    weight_chart,
)
from tracer.course import Course
from tracer.program import Phase, Program
from tracer.rules import has_group
from tracer.scenario import Scenario
from tracer.tables import own
from tracer.traces import Trace

SINGLE = 6  # samples fed one by one up to which each has a curve of its own
POINTS = 200  # of data; more would be one dark cloud
PLANE = 5  # two weights, two inputs, a bias: what a tutorial shows such charts for
WEIGHTS, BIASES = (0.5, 1.0, 2.0), (-2.0, 0.0, 2.0)  # that show what they do to a unit


@dataclass(frozen=True)
class Figure:
    """A chart with what is said of it."""

    name: str  # the end of its file's name
    title: str
    says: str
    chart: Chart


#: Titles and what is said, by name.
_SAID = {
    "loss": ("The error over the run", ""),
    "samples": ("The error over the run, a curve for each sample", ""),
    "border": (
        "The data and the line that decides",
        "On the line the weighted sum is 0; the output is more than one half on one side of it and "
        "less on the other.",
    ),
    "weight": (
        "What a weight does",
        "A larger weight makes the curve steeper; it goes through one half where the weighted sum "
        "is 0.",
    ),
    "bias": (
        "What a bias does",
        "A bias shifts the curve: a positive one to the left, a negative one to the right.",
    ),
}


def figures(course: Course, s: Scenario) -> tuple[Figure, ...]:
    """The charts of a run and of what it trains."""
    found = [*_errors(course, s), *_border(course, s), *_unit(course.table.program)]
    return tuple(Figure(name, *_SAID[name], chart) for name, chart in found)


def _errors(course: Course, s: Scenario) -> Iterator[tuple[str, Chart]]:
    t, root = course.curve, course.curve.program.root
    if course.last < 2 or root is None:
        return
    label, count = t.program.label(root), len(s.order)
    errors = t.series(root).tolist()
    if s.batch_size > 1 or count == 1:
        yield "loss", loss_chart(t.recorded, errors, label)
    elif count <= SINGLE:
        runs = []
        for place, sample in enumerate(s.order):
            own_rows = [row for row, k in enumerate(t.recorded) if k % count == place]
            iterations = [t.recorded[row] for row in own_rows]
            runs.append(Losses(f"sample {sample}", iterations, [errors[row] for row in own_rows]))
        yield "samples", losses_chart(runs, label)


def _border(course: Course, s: Scenario) -> Iterator[tuple[str, Chart]]:
    """Two inputs, one sigmoid unit, targets 0 and 1: a line in the plane."""
    t, names = course.together, _single(course.table.program)
    if t is None or not s.network or len(names) not in (4, 5) or t.program.samples > POINTS:
        return
    points = [t.column(names[f"x_{k}"]).tolist() for k in (1, 2)]
    targets = [x for name in s.vector(s.network.targets) for x in t.column(name).tolist()]
    if {len(points[0]), len(points[1])} == {len(targets)} and set(targets) <= {0.0, 1.0}:
        borders = [
            _of_pass(course.table.at(k), names, name)
            for k, name in ((0, "before"), (course.last, f"after {course.last:,} updates"))
        ]
        axes = tuple(own(s, names[f"x_{k}"]) for k in (1, 2))
        yield "border", decision_chart(
            list(zip(*points, strict=True)), [t == 1 for t in targets], borders[: 1 + course.last],
            (axes[0], axes[1]),
        )  # fmt: skip


def _of_pass(t: Trace, names: dict[str, str], called: str) -> Border:
    bias = t[names["b"]] if "b" in names else 0.0
    return Border(t[names["w_1"]], t[names["w_2"]], bias, called)


def _unit(program: Program) -> Iterator[tuple[str, Chart]]:
    """What weight and bias do to the one unit there is."""
    names = _single(program)
    if len(names) > PLANE:
        return
    if names:
        yield "weight", weight_chart(WEIGHTS)
    if "b" in names:
        yield "bias", bias_chart(BIASES)


def _single(program: Program) -> dict[str, str]:
    """The operands of the one weighted sum, by formal, if a sigmoid makes the output of it."""
    sums = [b for b in program.blocks if b.rule and b.phase is Phase.FORWARD and has_group(b.rule)]
    sums = [block for block in sums if any(f.startswith("w_") for f in block.formals)]
    rules = {block.rule for block in program.blocks}
    if len(sums) != 1 or len(sums[0]) != 1 or ACTIVATIONS["sigmoid"] not in rules:
        return {}
    operands = zip(sums[0].formals, sums[0].operands[0].tolist(), strict=True)
    return {formal: labels.name(program.label(cell)) for formal, cell in operands}
