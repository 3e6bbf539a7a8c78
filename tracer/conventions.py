"""What tutorials do differently, stated by a scenario; and readings, which change some of it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from tracer.fields import (
    Count,
    Model,
    NameText,
    Net,
    Number,
    NumberOrName,
    Places,
    Positive,
    Significant,
    Text,
    choice,
)
from tracer.numbers import Digits

#: What a loss is made of: one output's error, and how the outputs' errors become one.
LOSSES = {
    "half squared error": ("half squared error", "sum"),
    "squared error": ("squared error", "sum"),
    "mean squared error": ("squared error", "mean"),
}


class Rounding(Model):
    """Rounding by hand after every step: to decimals, or to significant digits."""

    decimals: Places | None = None
    significant: Significant | None = None
    truncate: bool = False

    @property
    def stated(self) -> bool:
        """Whether it is decimals or significant digits, and not both."""
        return (self.decimals is None) != (self.significant is None)

    @property
    def digits(self) -> Digits:
        return Digits(self.decimals, self.significant, self.truncate)


def _rounding(value: object) -> object:
    """`"none"` takes away the rounding that a reading would have from its scenario."""
    return None if value == "none" else value


_ROUNDING: Any = {"anyOf": [Rounding.model_json_schema(), {"const": "none"}]}


class Conventions(Model):
    """What tutorials do differently; a scenario states it, a reading may change it."""

    loss: Annotated[str, *choice(*LOSSES)] = "half squared error"
    sign: Annotated[str, *choice("t - o", "o - t")] = "t - o"
    net: Net = "sum(w_i*x_i) + b"
    biases: Annotated[str, *choice("trained", "frozen")] = "trained"
    chain: Annotated[str, *choice("full", "deltas")] = "full"
    learning: Annotated[str, *choice("gradient", "perceptron")] = "gradient"
    update: Annotated[str, *choice("simultaneous", "sequential")] = "simultaneous"
    batch_size: Positive | None = None  # samples an update; None: all of them
    reduction: Annotated[str, *choice("sum", "mean")] = "sum"  # over the samples of a batch
    order: Annotated[list[Count], Field(min_length=1)] | None = None  # of an epoch's samples
    learning_rate: NameText = "eta"
    iterations: Count = 1  # updates
    epochs: Count | None = None  # or updates as rounds through all samples
    stop_below: Number | None = None  # stop before the update when the error is less
    decimals: Places | None = None  # digits shown after the point; 8 if nothing is said
    significant: Significant | None = None  # or significant digits shown
    rounding: Annotated[
        Rounding | None, BeforeValidator(_rounding), WithJsonSchema(_ROUNDING, mode="validation")
    ] = None  # None: float64

    @property
    def digits(self) -> Digits:
        if self.significant is not None:
            return Digits(None, self.significant)
        return Digits(8 if self.decimals is None else self.decimals)


#: Stating one of these replaces the other.
_EITHER = (("decimals", "significant"), ("iterations", "epochs"))


class Reading(Conventions):
    """A named override of conventions, givens and steps."""

    says: Text = ""
    givens: dict[NameText, NumberOrName] = Field(default_factory=dict)
    pins: dict[NameText, Number] = Field(default_factory=dict)  # values that steps are held at

    @property
    def changed(self) -> dict[str, object]:
        """The conventions this reading states."""
        own = self.model_fields_set - {"says", "givens", "pins"}
        found: dict[str, object] = {}
        for pair in _EITHER:
            if own & set(pair):
                found |= {field: type(self).model_fields[field].default for field in pair}
        return {**found, **{field: getattr(self, field) for field in own}}
