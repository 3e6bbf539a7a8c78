"""The network of a scenario: its layers, and what their outputs and errors are called."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag

from tracer.fields import Model, NameText, Number, PatternOrNames, Vector, found, quoted
from tracer.layers.base import Layer
from tracer.layers.kinds import KINDS, AnyLayer, kind_of
from tracer.layers.shapes import Shape, spread

LARGEST = "largest"  # the class of a sample is its largest output


def _largest(value: str) -> str:
    if value != LARGEST:
        raise ValueError(f"expected a number or {LARGEST!r}, found {found(value)}")
    return value


def _largest_or_number(value: object) -> str:
    return "(largest)" if isinstance(value, str) else "(number)"


_Largest = Annotated[str, AfterValidator(_largest), Tag("(largest)")]
Threshold = Annotated[
    Annotated[Number, Tag("(number)")] | _Largest,
    Discriminator(_largest_or_number),
]


def _two(value: list[Decimal]) -> list[Decimal]:
    if value not in ([0, 1], [-1, 1]):
        raise ValueError(f"expected [0, 1] or [-1, 1], found {quoted(', '.join(map(str, value)))}")
    return value


Classes = Annotated[list[Number], AfterValidator(_two)]


class Network(Model):
    """Inputs, layers, targets and what the errors are called."""

    inputs: Vector
    targets: Vector = Field(default_factory=list)  # none where a formula is the error, or none is
    layers: Annotated[list[AnyLayer], Field(min_length=1)]
    errors: PatternOrNames = "E{k}"
    total_error: NameText = "E"
    threshold: Threshold | None = None  # from which an output counts as the upper class
    classes: Classes = Field(default_factory=lambda: [Decimal(0), Decimal(1)])  # or -1 and 1
    predictions: PatternOrNames = "class{k}"  # the outputs as classes

    def error_names(self, outputs: int) -> list[str]:
        """What every output's error is called."""
        return _numbered(self.errors, outputs)

    def prediction_names(self, outputs: int) -> list[str]:
        """What every output's class is called; nothing without a threshold."""
        return [] if self.threshold is None else _numbered(self.predictions, outputs)


def _numbered(pattern: str | list[str], outputs: int) -> list[str]:
    found: list[str] = spread(pattern, Shape((outputs,), "j")).tolist()
    return found


def keys_of(table: Any) -> Sequence[str]:
    """The keys that a layer's table may have, by its kind."""
    kind = KINDS.get(kind_of(table), Layer)
    return list(kind.model_fields)
