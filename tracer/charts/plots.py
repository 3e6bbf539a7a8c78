"""The charts of tracer: errors over the iterations, outputs of units, data with a border.

w b  weights and bias    x y  across and up
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tracer.arithmetic import COLUMNS, apply
from tracer.catalog.activations import ACTIVATIONS
from tracer.charts.axes import Axis, across, extent, linear, logarithmic, spans_decades
from tracer.charts.borders import Border, clipped, equation
from tracer.charts.captions import Caption, Words, caption, number
from tracer.charts.chart import LOOKS, PLAIN, Chart, Curve, Group, Plot, Shape
from tracer.charts.layout import laid_out
from tracer.charts.thinning import Point
from tracer.labels import Label, Own
from tracer.rules import Rule, inputs

WIDE, HIGH, SQUARE = 460.0, 250.0, 320.0  # of frames, px
FEW = 16  # points of a curve that are marked one by one
SAMPLES = 241  # of a function
AROUND = 0.15  # of the data's range, left free on each side of it
BORDER_LOOKS = (PLAIN, 2, 3, 4, 5)  # not the colours of the points
E, W, B, X, X1, X2 = (Own(name) for name in ("E", "w", "b", "x", "x1", "x2"))
SIGMOID = ACTIVATIONS["sigmoid"]


class Losses(NamedTuple):
    """The errors of one run."""

    name: Words  # in the legend
    iterations: Sequence[float]
    errors: Sequence[float]


class Function(NamedTuple):
    """A function of one variable."""

    name: Words  # in the legend
    value: Callable[[float], float]


# ---- errors ----------------------------------------------------------------------------


def loss_chart(
    iterations: Sequence[float],
    errors: Sequence[float],
    label: Words = E,
    unit: str = "iteration",
    title: str = "",
) -> Chart:
    """The error over the iterations (or epochs: the unit)."""
    return losses_chart([Losses("", iterations, errors)], label, unit, title)


def losses_chart(
    runs: Sequence[Losses], label: Words = E, unit: str = "iteration", title: str = ""
) -> Chart:
    """The errors of up to six runs over the iterations.

    The scale is logarithmic if all errors are positive and span more than two decades.
    """
    assert len(runs) <= LOOKS, f"more than {LOOKS} runs"
    for run in runs:
        assert all(a < b for a, b in pairwise(run.iterations)), "iterations that do not rise"
    values = [error for run in runs for error in run.errors]
    scale = logarithmic if spans_decades(values) else linear
    return laid_out(
        Plot(
            across((unit,), [at for run in runs for at in run.iterations], WIDE, whole=True),
            scale(caption(label), values),
            WIDE,
            HIGH,
            tuple(_loss(look, run) for look, run in enumerate(runs)),
            title=title,
        )
    )


def _loss(look: int, run: Losses) -> Curve:
    points = tuple(zip(run.iterations, run.errors, strict=True))
    return Curve(points, look, caption(run.name), dotted=len(points) <= FEW)


# ---- functions -------------------------------------------------------------------------


def function_chart(
    functions: Sequence[Function],
    between: tuple[float, float],
    across_label: Words = X,
    label: Words = "",
    title: str = "",
) -> Chart:
    """Up to six functions of one variable."""
    assert len(functions) <= LOOKS, f"more than {LOOKS} functions"
    low, high = between
    at = [low + (high - low) * k / (SAMPLES - 1) for k in range(SAMPLES)]
    curves = tuple(
        Curve(tuple((x, f.value(x)) for x in at), look, caption(f.name))
        for look, f in enumerate(functions)
    )
    return laid_out(
        Plot(
            across(caption(across_label), between, WIDE),
            linear(caption(label), [y for curve in curves for _, y in curve.points]),
            WIDE,
            HIGH,
            curves,
            title=title,
        )
    )


def weight_chart(
    weights: Sequence[float],
    bias: float = 0.0,
    activation: Rule = SIGMOID,
    between: tuple[float, float] = (-6.0, 6.0),
    title: str = "",
) -> Chart:
    """A unit's output over its input for several weights: how steep it is."""
    units = [Function(_equals(W, w), _unit(activation, w, bias)) for w in weights]
    return function_chart(units, between, X, _output(activation, _equals(B, bias)), title)


def bias_chart(
    biases: Sequence[float],
    weight: float = 1.0,
    activation: Rule = SIGMOID,
    between: tuple[float, float] = (-6.0, 6.0),
    title: str = "",
) -> Chart:
    """A unit's output over its input for several biases: where it rises."""
    units = [Function(_equals(B, b), _unit(activation, weight, b)) for b in biases]
    return function_chart(units, between, X, _output(activation, _equals(W, weight)), title)


def _unit(activation: Rule, w: float, b: float) -> Callable[[float], float]:
    (formal,) = inputs(activation)

    def output(x: float) -> float:
        """In columns: e^800 is infinite there, and one divided by it is 0."""
        net = np.array([w * x + b])
        return float(apply(activation.formula, {formal: net}, COLUMNS)[0])

    return output


def _output(activation: Rule, held: Caption) -> Caption:
    return (f"{activation.name}(", W, "·", X, " + ", B, ") with ", *held)


# ---- data with a border ----------------------------------------------------------------


def decision_chart(
    points: Sequence[Point],
    targets: Sequence[bool],
    borders: Sequence[Border] = (),
    axes: tuple[Words, Words] = (X1, X2),
    classes: tuple[str, str] = ("target 0", "target 1"),
    title: str = "",
) -> Chart:
    """Points of two classes in the plane of two inputs, and the borders that cross it."""
    assert len(borders) <= len(BORDER_LOOKS), f"more than {len(BORDER_LOOKS)} borders"
    x, y = (
        across(caption(label), _roomy([point[k] for point in points]), SQUARE)
        for k, label in enumerate(axes)
    )
    groups = tuple(_classes(points, targets, classes))
    lines = tuple(_lines(borders, x, y))
    return laid_out(Plot(x, y, SQUARE, SQUARE, lines, groups, title))


def _roomy(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis on which no value stands at the edge."""
    low, high = extent(values)
    free = AROUND * (high - low)
    return low - free, high + free


def _classes(
    points: Sequence[Point], targets: Sequence[bool], names: Sequence[str]
) -> Iterator[Group]:
    """The points of target 0 and those of target 1."""
    assert all(target in (0, 1) for target in targets), targets
    for target, (shape, look) in enumerate(((Shape.CIRCLE, 1), (Shape.SQUARE, 0))):
        own = (p for p, of in zip(points, targets, strict=True) if of == target)
        yield Group(tuple(own), shape, look, (names[target],))


def _lines(borders: Sequence[Border], x: Axis, y: Axis) -> Iterator[Curve]:
    """The borders that cross the frame, with their equations."""
    for border, look in zip(borders, BORDER_LOOKS, strict=False):
        if ends := clipped(border, x, y):
            before = (*caption(border.name), ": ") if border.name else ()
            yield Curve(ends, look, (*before, *equation(border, x.caption, y.caption)))


def _equals(symbol: Label, value: float) -> Caption:
    return symbol, " = ", *number(value)
