"""Layers of one kind of step: activations alone, residual sums, dropout, embeddings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from tracer.catalog.cells import ADDED, dropped
from tracer.fields import NameText, Number, PatternOrNames, Positive, Title
from tracer.inventory import counted, not_given
from tracer.layers.base import CONSTANT, WEIGHT, Checked, Layer, Named, Place, Use, listed
from tracer.layers.parameters import other_than_mask, parameter
from tracer.layers.shapes import Shape, spread, wrongly_named
from tracer.program import Cells

if TYPE_CHECKING:
    from tracer.build.network import Bench
    from tracer.scenario import Scenario


class _Same(Layer):
    """What gives as many numbers as it takes."""

    out: PatternOrNames | None = None

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        if wrong := wrongly_named(self.out, before[-1], "number"):
            yield f"out: {wrong}"
        return before[-1]

    def steps(self, s: Scenario, before: Sequence[Shape], found: Shape, place: Place) -> Named:
        return {"out": spread(self.out or f"a{place.number + 1}", found, place.number)}


class Activation(_Same):
    """An activation of every number that comes in."""

    kind: Literal["activation"] = "activation"
    activation: Title

    @property
    def word(self) -> str:
        return self.activation

    def emit(self, on: Bench, x: Cells) -> Cells:
        return on.activated(self.activation, x, on.names["out"])


class Residual(_Same):
    """What came in some layers before, added to what comes in now."""

    kind: Literal["residual"] = "residual"
    over: Positive  # how many layers before: with 2, the inputs of the layer before the last

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        if self.over >= len(before):
            yield f"over: {self.over}, but there are {counted(len(before) - 1, 'layer')} before"
            return None
        past = before[-1 - self.over]
        if past.sizes != before[-1].sizes:
            yield f"over: adds {past.in_words} numbers to {before[-1].in_words}"
            return None
        return (yield from super().shape(s, before))

    def emit(self, on: Bench, x: Cells) -> Cells:
        return on.emit(ADDED, on.names["out"], x=on.came[-1 - self.over], f=x)


class Dropout(_Same):
    """A stated mask of 0 and 1; what is left is divided by the share that is kept.

    With rate = 0 the mask is multiplied as it is: it may hold 1/(1 - rate) itself.
    """

    kind: Literal["dropout"] = "dropout"
    mask: NameText
    rate: Number = Decimal("0.5")  # the share that is dropped

    def uses(self) -> Iterator[Use]:
        yield Use(CONSTANT, "mask", listed(self.mask))

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        found = s.elements(self.mask)
        if found is None:
            wanted = f"a list of {counted(before[-1].count, 'number')}"
            yield f"mask: {not_given(s, self.mask, wanted)}"
        elif found.size != before[-1].count:
            numbers = counted(found.size, "number")
            yield f"mask: {self.mask} has {numbers} for {before[-1].in_words}"
        elif self.rate:
            for name in other_than_mask(s, found):
                yield f"mask: {name} is {s.numbers[name]}; expected 0 or 1, or rate = 0"
        if not 0 <= self.rate < 1:
            yield f"rate: {self.rate}; expected from 0 to less than 1"
        return (yield from super().shape(s, before))

    def emit(self, on: Bench, x: Cells) -> Cells:
        mask = on.cells(self.mask).reshape(x.shape)
        return on.emit(dropped(f"{self.rate:f}"), on.names["out"], x=x, m=mask)


class Embedding(Layer):
    """Rows of a table, looked up by the inputs: numbers counted from 1; nothing is computed."""

    kind: Literal["embedding"] = "embedding"
    table: NameText

    def uses(self) -> Iterator[Use]:
        yield Use(WEIGHT, "table", [self.table])

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        found = parameter(s, self.table)
        if len(before) > 1 or len(before[0].sizes) != 1:
            yield "kind: an embedding is the first layer, and takes a list of numbers"
            return None
        if found is None or found.ndim != 2:
            yield f"table: {not_given(s, self.table, 'a matrix')}"
            return None
        for name in _inputs(s):
            number = s.numbers.get(name)
            if number is None:
                yield (
                    f"table: looked up by {name!r}, which is no given number; for samples of "
                    "their own take one-hot inputs and a dense layer"
                )
            elif number not in range(1, len(found) + 1):
                rows = counted(len(found), "row")
                yield f"table: {self.table} has {rows}, counted from 1; {name} is {number}"
        return Shape((before[0].count, found.shape[1]), "ij")

    def told(self, s: Scenario, before: Sequence[Shape]) -> Iterator[str]:
        yield f"an input stands for the row of {self.table} with its number"

    def emit(self, on: Bench, x: Cells) -> Cells:
        return on.cells(self.table)[[int(on.s.numbers[name]) - 1 for name in _inputs(on.s)]]


def _inputs(s: Scenario) -> list[str]:
    assert s.network
    return s.vector(s.network.inputs)
