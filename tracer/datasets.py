"""The data of a scenario: sample sets, row by row or drawn from a named generator and seed."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tracer.draws import Draw, drawn, functions, generators
from tracer.fields import Model, NameText, Number, Positive, Text, Title, choice

TRAINING = "training"  # the sample set that a network learns from


class SampleSet(Model):
    """Samples: a name a column, a row a sample."""

    columns: Annotated[list[NameText], Field(min_length=1)]
    rows: Annotated[list[list[Number]], Field(min_length=1)]
    says: Text = ""


class Drawing(Model):
    """One call of the generator: a number, a vector, a matrix, or the columns of a sample set."""

    name: NameText
    function: Text
    shape: Annotated[list[Positive], Field(max_length=2, default_factory=list)]
    low: Number | None = None
    high: Number | None = None
    mean: Number | None = None
    deviation: Number | None = None
    samples: Title | None = None  # the sample set that the rows are
    columns: list[NameText] | None = None  # and what its columns are called


class Random(Model):
    """A generator, its seed, and everything drawn from it, in this order."""

    generator: Annotated[str, *choice(*generators())]
    seed: Annotated[int, Field(ge=0)]  # how large is the generator's to say
    assumed: bool = False  # the source does not state it: another may have been meant
    draw: Annotated[list[Drawing], Field(min_length=1)]

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """What is drawn, by name."""
        return drawn(self.generator, self.seed, [_draw(d) for d in self.draw])


def _draw(d: Drawing) -> Draw:
    bounds = (None if x is None else float(x) for x in (d.low, d.high, d.mean, d.deviation))
    return Draw(d.name, d.function, tuple(d.shape), *bounds)


def as_given(values: NDArray[np.float64]) -> object:
    """A drawn array as a scenario's givens are: decimals, each the shortest for its float."""
    found = values.tolist()
    if values.ndim == 0:
        return Decimal(repr(found))
    if values.ndim == 1:
        return [Decimal(repr(x)) for x in found]
    return [[Decimal(repr(x)) for x in row] for row in found]


__all__ = ["TRAINING", "Drawing", "Random", "SampleSet", "as_given", "functions"]
