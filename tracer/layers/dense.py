"""Dense layers: weights by the author's names in any wiring, or by matrix.

Of inputs with several axes (time, positions) the last one is summed over; the weights are the
same at every place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tracer.fields import NameOrNames, PatternOrNames, Title, Weights
from tracer.inventory import counted, not_given
from tracer.layers.base import (
    BIAS,
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
from tracer.layers.shapes import Shape, spread, wrongly_named
from tracer.program import Cells

if TYPE_CHECKING:
    from tracer.build.network import Bench
    from tracer.scenario import Scenario


class Dense(Layer):
    """Every unit sums up weighted inputs, and its activation makes the output of the net."""

    kind: Literal["dense"] = "dense"
    spelled: ClassVar[bool] = True
    activation: Title
    weights: Weights
    rows: Rows = "units"
    bias: NameOrNames | None = None  # one for the layer, or one a unit
    net: PatternOrNames | None = None
    out: PatternOrNames | None = None

    @property
    def word(self) -> str:
        return "dense layer"

    def uses(self) -> Iterator[Use]:
        weights = self.weights
        if isinstance(weights, list):
            yield Use(WEIGHT, "weights", [n for row in weights for n in row if n != "-"])
        else:
            yield Use(WEIGHT, "weights", [weights])
        yield Use(BIAS, "bias", listed(self.bias))

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        x = before[-1]
        width = x.sizes[-1]
        if isinstance(self.weights, str):
            units = yield from matrix(s, "weights", self.weights, self.rows, width)
        elif self.rows != "units":
            yield "rows: rows of names are a unit each; rows of inputs are a matrix"
            return None
        else:
            units = yield from self._wired(s, self.weights, width)
        yield from check_biases(s, "bias", self.bias, units)
        if not units:
            return None
        found = Shape((*x.sizes[:-1], units), x.axes)
        for key, names in (("net", self.net), ("out", self.out)):
            if wrong := wrongly_named(names, found, "unit"):
                yield f"{key}: {wrong}"
        return found

    def _wired(self, s: Scenario, weights: list[list[str]], width: int) -> Counted:
        for j, row in enumerate(weights):
            if len(row) != width:
                yield f"weights[{j}]: {counted(len(row), 'weight')} for {counted(width, 'input')}"
            for i, name in enumerate(row):
                if name != "-" and name not in s.numbers:
                    yield f"weights[{j}][{i}]: {not_given(s, name, 'a number')}"
            if set(row) <= {"-"}:
                yield f"weights[{j}]: a unit without any weight"
        wired = [row for row in weights if set(row) - {"-"}]
        for i in range(width if wired else 0):
            if all(row[i : i + 1] == ["-"] for row in wired):
                yield f"weights: '-' for input {i + 1} in every row, so that nothing depends on it"
        return len(weights)

    def steps(self, s: Scenario, before: Sequence[Shape], found: Shape, place: Place) -> Named:
        number = "" if len(found.sizes) > 1 else "_{j}" if place.unit[1:] else "{j}"
        return {
            key: spread(given or f"{key}_{place.unit}{number}", found, place.number)
            for key, given in (("net", self.net), ("out", self.out))
        }

    def wiring(self, s: Scenario) -> list[list[str]]:
        """Weight names, a row a unit and a column an input, whatever the matrix's orientation."""
        if isinstance(self.weights, list):
            return self.weights
        found: list[list[str]] = oriented(s, self.weights, self.rows).tolist()
        return found

    def emit(self, on: Bench, x: Cells) -> Cells:
        wiring = np.array(self.wiring(on.s), object)
        weights = on.named(np.where(wiring == "-", "", wiring))
        bias = offsets(on, self.bias, len(wiring))
        z = on.sums(x[..., None, :], weights, bias, on.names["net"])
        return on.activated(self.activation, z, on.names["out"])
