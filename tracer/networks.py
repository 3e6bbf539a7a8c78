"""The network of a scenario: its layers, and what their units, outputs and errors are called."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tracer.catalog.activations import ACTIVATIONS
from tracer.fields import (
    Model,
    NameOrNames,
    NameText,
    Number,
    PatternOrNames,
    Text,
    Vector,
    Weights,
    choice,
)


class Layer(Model):
    """A dense layer: names of its nets and outputs, its activation, weights and biases."""

    activation: Annotated[str, *choice(*ACTIVATIONS)]
    weights: Weights
    rows: Annotated[str, *choice("units", "inputs")] = "units"  # what a row of the matrix is
    bias: NameOrNames | None = None  # one for the layer, or one a unit
    net: PatternOrNames | None = None
    out: PatternOrNames | None = None
    title: Text = ""


class Network(Model):
    """Inputs, layers, targets and what the errors are called."""

    inputs: Vector
    targets: Vector
    layers: Annotated[list[Layer], Field(min_length=1)]
    errors: PatternOrNames = "E{k}"
    total_error: NameText = "E"
    threshold: Number | None = None  # from which an output counts as 1, below it as 0
    predictions: PatternOrNames = "class{k}"  # the outputs as 0 or 1

    def unit_names(self, number: int, units: int) -> tuple[list[str], list[str]]:
        """Names of a layer's nets and outputs."""
        layer, last = self.layers[number], number == len(self.layers) - 1
        hidden = "h{j}" if len(self.layers) == 2 else "h{l}_{j}"
        place = "o{j}" if last else hidden
        nets, outs = layer.net or f"net_{place}", layer.out or f"out_{place}"
        return spread(nets, units, number), spread(outs, units, number)

    def error_names(self, outputs: int) -> list[str]:
        """What every output's error is called."""
        return spread(self.errors, outputs, 0)

    def prediction_names(self, outputs: int) -> list[str]:
        """What every output is called as 0 or 1; nothing without a threshold."""
        return [] if self.threshold is None else spread(self.predictions, outputs, 0)


def spread(pattern: str | list[str], count: int, number: int) -> list[str]:
    """`h{j}` as h1 … hn; a list of names as it is."""
    if isinstance(pattern, list):
        return pattern
    return [
        pattern.replace("{j}", str(j)).replace("{k}", str(j)).replace("{l}", str(number + 1))
        for j in range(1, count + 1)
    ]
