"""Recurrent layers, unrolled over time: the same weights at every step.

    x  inputs at a time      z  net      h  hidden state

Inputs are a row a time step, or one number each. The first hidden state is 0 where none is given:
then its terms are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from tracer.fields import NameOrNames, NameText, PatternOrNames, Title, choice
from tracer.inventory import counted, not_given
from tracer.layers.base import (
    BIAS,
    CONSTANT,
    WEIGHT,
    Checked,
    Counted,
    Layer,
    Named,
    Place,
    Use,
    listed,
)
from tracer.layers.parameters import Rows, check_biases, matrix, offsets, oriented
from tracer.layers.shapes import TIME, Shape, spread, wrongly_named
from tracer.program import Cells

if TYPE_CHECKING:
    from tracer.build.network import Bench
    from tracer.scenario import Scenario


class Recurrent(Layer):
    """What goes through time, with a hidden state that comes out."""

    rows: Rows = "units"
    start: NameText | None = None  # the first hidden state
    out: PatternOrNames | None = None
    returns: Annotated[str, *choice("sequence", "last")] = "sequence"

    def _starts(self) -> Mapping[str, str | None]:
        """What it starts from, by the key that names it."""
        return {"start": self.start}

    def _check_units(self, s: Scenario, width: int) -> Counted:
        """Yields what is wrong with the parameters for so many inputs; returns the units."""
        raise NotImplementedError

    def _patterns(self, place: Place) -> Mapping[str, str | list[str]]:
        """What is called how, by key, of all that every unit has at every time."""
        return {"out": self.out or f"h{place.mark}"}

    def uses(self) -> Iterator[Use]:
        for field, name in self._starts().items():
            yield Use(CONSTANT, field, listed(name))

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        x = before[-1]
        if len(x.sizes) > 2:
            yield f"kind: {x.in_words} inputs; a recurrent layer takes a row a time step"
            return None
        units = yield from self._check_units(s, x.sizes[1] if len(x.sizes) == 2 else 1)
        if not units:
            return None
        for field, name in self._starts().items():
            found = s.elements(name) if name else None
            if name and found is None:
                yield f"{field}: {not_given(s, name, 'a list')}"
            elif found is not None and found.size != units:
                yield f"{field}: {counted(found.size, 'number')} for {counted(units, 'unit')}"
        yield from self._check_patterns(every(x, units))
        return every(x, units) if self.returns == "sequence" else Shape((units,), "j")

    def _check_patterns(self, shape: Shape) -> Iterator[str]:
        for key in self._patterns(Place(0, 1)):
            if wrong := wrongly_named(getattr(self, key), shape, "state"):
                yield f"{key}: {wrong}"

    def steps(self, s: Scenario, before: Sequence[Shape], found: Shape, place: Place) -> Named:
        shape, patterns = every(before[-1], found.sizes[-1]), self._patterns(place)
        return {key: spread(pattern, shape, place.number) for key, pattern in patterns.items()}

    def emit(self, on: Bench, x: Cells) -> Cells:
        names = self._starts().values()
        start = (None if name is None else on.cells(name).ravel() for name in names)
        found = self._through(on, x if x.ndim == 2 else x[:, None], *start)
        return found if self.returns == "sequence" else found[-1]

    def _through(self, on: Bench, x: Cells, *start: Cells | None) -> Cells:
        """The hidden states of all times."""
        raise NotImplementedError


class Simple(Recurrent):
    """A hidden state made of the inputs and of the one before."""

    kind: Literal["recurrent"] = "recurrent"
    weights: NameText
    recurrent: NameText
    bias: NameOrNames | None = None
    activation: Title = "tanh"
    net: PatternOrNames | None = None

    @property
    def word(self) -> str:
        return "recurrent layer"

    def uses(self) -> Iterator[Use]:
        yield Use(WEIGHT, "weights", [self.weights])
        yield Use(WEIGHT, "recurrent", [self.recurrent])
        yield Use(BIAS, "bias", listed(self.bias))
        yield from super().uses()

    def _check_units(self, s: Scenario, width: int) -> Counted:
        units = yield from matrix(s, "weights", self.weights, self.rows, width)
        if units:
            again = yield from matrix(s, "recurrent", self.recurrent, self.rows, units)
            if again and again != units:
                yield f"recurrent: {self.recurrent} has {counted(again, 'unit')}, not {units}"
        yield from check_biases(s, "bias", self.bias, units)
        return units

    def _patterns(self, place: Place) -> Mapping[str, str | list[str]]:
        return {"net": self.net or f"z{place.mark}", **super()._patterns(place)}

    def _through(self, on: Bench, x: Cells, *start: Cells | None) -> Cells:
        w = on.named(oriented(on.s, self.weights, self.rows))
        u = on.named(oriented(on.s, self.recurrent, self.rows))
        b = offsets(on, self.bias, len(w))
        (h,), states = start, []
        for now, nets, outs in zip(x, on.names["net"], on.names["out"], strict=True):
            h = on.activated(self.activation, on.sums(*joined(now, w, h, u), b, nets), outs)
            states.append(h)
        return np.stack(states)


def joined(x: Cells, w: Cells, h: Cells | None, u: Cells) -> tuple[Cells, Cells]:
    """Inputs and the hidden state before in one row, and their weights; without one as they are."""
    return (x, w) if h is None else (np.concatenate([x, h]), np.hstack([w, u]))


def every(x: Shape, units: int) -> Shape:
    """The shape of what every unit has at every time."""
    return Shape((x.sizes[0], units), TIME + "j")
