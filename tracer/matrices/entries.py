"""The entries of matrices, read off a trace: a row a sample, or one matrix for all samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tracer.labels import Label, Own
from tracer.matrices.views import Factor, Matrix
from tracer.matrices.wiring import Layer, by_inputs
from tracer.numbers import Shown, show
from tracer.traces import Trace

MAX_ROWS = 8  # samples shown one by one
AHEAD = 3  # samples shown before the gap, if there are more

Table = Sequence[Sequence[int | None]]  # cells; None for a weight that is missing


class Stage(NamedTuple):
    """A layer and its matrices."""

    layer: Layer
    across: bool  # W has a row an input
    x: Matrix
    w: Matrix
    b: Matrix | None
    z: Matrix
    a: Matrix

    def turned(self, table: Table) -> Table:
        """What belongs to the weights [unit][input], as W has it."""
        return _turned(table) if self.across else table


class Entries:
    """The selected pass of a trace as matrices."""

    def __init__(self, t: Trace) -> None:
        self.t, self.program, self.samples = t, t.program, t.program.samples
        many = self.samples > MAX_ROWS
        self.shown = [*range(AHEAD), self.samples - 1] if many else [*range(self.samples)]

    def stages(self, layers: Sequence[Layer]) -> Iterator[Stage]:
        """The matrices of every layer; the outputs of one are the inputs of the next."""
        x = self.each(bold("X"), layers[0].x)
        for k, layer in enumerate(layers, 1):
            across = by_inputs(self.program, layer)
            w = self.shared(bold("W", k), _turned(layer.weights) if across else layer.weights)
            b = self.shared(bold("b", k), [layer.biases]) if layer.biases else None
            z, a = self.each(bold("Z", k), layer.nets), self.each(bold("A", k), layer.outs)
            yield Stage(layer, across, x, w, b, z, a)
            x = a

    def each(self, label: Label, cells: Sequence[int]) -> Matrix:
        """A matrix with a row a sample."""
        columns = [np.broadcast_to(self.t.column(c), self.samples)[self.shown] for c in cells]
        rows = np.stack(columns, 1).tolist()
        shown = tuple(tuple(show(value, self.t.digits) for value in row) for row in rows)
        shape = (self.samples, len(cells))
        return Matrix(label, shape, shown, self._called([cells]), by_sample=True)

    def shared(self, label: Label, table: Table) -> Matrix:
        """A matrix that is the same for all samples."""
        shown = tuple(tuple(map(self._number, row)) for row in table)
        return Matrix(label, (len(table), len(table[0])), shown, self._called(table))

    def number(self, label: Label, cell: int) -> Matrix:
        """A single number."""
        return Matrix(label, (1, 1), ((self._number(cell),),), scalar=True)

    def ones(self, count: int) -> Factor:
        """A column of ones, to add up the columns of a matrix."""
        return Factor(Matrix(bold("1"), (count, 1), ((Shown("1"),),) * count))

    def ones_across(self) -> Factor:
        """A row of ones, to add up the samples."""
        ones = ((Shown("1"),),) * len(self.shown)
        return Factor(Matrix(bold("1"), (self.samples, 1), ones), transposed=True)

    def _called(self, table: Table) -> tuple[tuple[Label | None, ...], ...]:
        label = self.program.label
        return tuple(tuple(None if c is None else label(c) for c in row) for row in table)

    def _number(self, cell: int | None) -> Shown:
        return Shown("0") if cell is None else show(float(self.t.column(cell)[0]), self.t.digits)


def bold(letter: str, number: int | None = None) -> Own:
    """What a matrix is called: bold, for W1 and w1 may be numbers of the author's."""
    below = "" if number is None else f"_{number}"
    return Own(f"{letter}{below}", tex=rf"\mathbf {letter}{below}")


def _turned(table: Table) -> Table:
    return [*zip(*table, strict=True)]
