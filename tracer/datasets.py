"""The data of a scenario: sample sets, row by row or drawn from a named generator and seed."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter, model_validator

from tracer.draws import Draw, drawn, functions, generators
from tracer.fields import Given, Model, NameText, Number, Positive, Spaced, Text, Title, choice
from tracer.layers.shapes import names_of

TRAINING = "training"  # the sample set that a network learns from

_Arrays = TypeAdapter(dict[NameText, Given])


def _or_arrays(schema: dict[str, Any]) -> None:
    """In the JSON Schema: columns and rows, or arrays."""
    schema["properties"]["arrays"] = {"type": "object"}
    schema["anyOf"] = [{"required": schema.pop("required")}, {"required": ["arrays"]}]


class SampleSet(Model):
    """Samples: a name a column, a row a sample; or arrays, whose first axis is the samples."""

    model_config = ConfigDict(json_schema_extra=_or_arrays)

    columns: Annotated[list[NameText], Field(min_length=1)]
    rows: Annotated[list[list[Number]], Field(min_length=1)]
    says: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _by_element(cls, table: object) -> object:
        """`arrays = { x = [[…], […]] }` is short for columns x[1], x[2] … and their rows."""
        if not isinstance(table, dict) or "arrays" not in table:
            return table
        if {"columns", "rows"} & set(table):
            raise ValueError("state arrays, or columns and rows")
        columns: list[str] = []
        parts: list[NDArray[np.object_]] = []
        for name, given in _Arrays.validate_python(table["arrays"], strict=True).items():
            found = _array(name, given)
            columns += names_of(name, found.shape[1:]).ravel().tolist()
            parts.append(found.reshape(len(found), -1))
        if len({len(part) for part in parts}) > 1:
            lengths = sorted({len(part) for part in parts})
            raise ValueError(f"arrays of {' and '.join(map(str, lengths))} samples")
        rows = np.hstack(parts).tolist()
        return {"columns": columns, "rows": rows, **{k: table[k] for k in table if k != "arrays"}}


def _array(name: str, given: Any) -> NDArray[np.object_]:
    """What is given of all samples: [sample, …]."""
    whole = as_given(given.array()) if isinstance(given, Spaced) else given
    try:
        found = np.array(whole, object)
    except ValueError:
        found = np.empty(0, object)
    if not found.ndim or any(isinstance(x, list) for x in found.ravel()):
        raise ValueError(f"arrays.{name}: expected rows of one length, a row a sample")
    return found


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
    return _decimals(values.tolist())


def _decimals(found: object) -> object:
    if isinstance(found, list):
        return [_decimals(part) for part in found]
    return Decimal(repr(found))


__all__ = ["TRAINING", "Drawing", "Random", "SampleSet", "as_given", "functions"]
