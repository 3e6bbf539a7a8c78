"""Dense layers: weights by the author's names in any wiring, or by matrix.

x  inputs of a layer     j  a unit     i  an input of it
"""

from __future__ import annotations

from itertools import groupby

import numpy as np

from tracer.backprop import Cut
from tracer.build.sheet import Sheet
from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.sums import net, unbiased
from tracer.networks import Layer, Network
from tracer.program import Cells, Phase
from tracer.rules import Rule, formals
from tracer.scenario import Scenario

#: Which adjoints are named, by chain style: of a unit's output, of its net.
CHAINS: dict[str, tuple[Cut | None, Cut]] = {
    "full": (Cut.ALWAYS, Cut.PATHS),
    "deltas": (None, Cut.DELTA),
}


class Dense:
    """The layers of a network, written on a sheet."""

    def __init__(self, sheet: Sheet, network: Network) -> None:
        self.sheet, self.s, self.network = sheet, sheet.s, network
        self.wiring = [_wiring(self.s, layer) for layer in network.layers]
        self.biases = [
            _biases(self.s, layer, len(rows))
            for layer, rows in zip(network.layers, self.wiring, strict=True)
        ]
        self.titles = layer_titles(network)
        self.cuts: dict[int, Cut] = {}

    def givens(self) -> Cells:
        """Emit inputs and parameters; returns the inputs."""
        x = self.sheet.given(vector(self.s, self.network.inputs), "inputs")
        for weights, title in zip(self.wiring, self.titles, strict=True):
            self.sheet.parameters([n for row in weights for n in row if n != "-"], title)
        trained = self.s.conventions.biases == "trained"
        for row, title in zip(self.biases, self.titles, strict=True):
            self.sheet.parameters(row, title, trained)
        return x

    def layers(self, x: Cells) -> Cells:
        """Emit every layer; returns the outputs."""
        for number, layer in enumerate(self.network.layers):
            x = self.layer(number, layer, x)
        return x

    def layer(self, number: int, layer: Layer, x: Cells) -> Cells:
        """Emit the nets and outputs of one layer."""
        wiring, biases, title = self.wiring[number], self.biases[number], self.titles[number]
        nets, outs = self.network.unit_names(number, len(wiring))
        z: list[int] = []
        for _, run in groupby(range(len(wiring)), lambda j: sum(w != "-" for w in wiring[j])):
            units = list(run)
            rule = net(self.s.conventions.net) if biases else unbiased(net(self.s.conventions.net))
            bias = [self.sheet.cells[biases[j]] if biases else -1 for j in units]
            rows = [self._operands(rule, x, wiring[j], b) for j, b in zip(units, bias, strict=True)]
            z += self.sheet.emit(
                rule, rows, [nets[j] for j in units], Phase.FORWARD, title
            ).tolist()
        a = self.sheet.emit(
            ACTIVATIONS[layer.activation], np.array(z)[:, None], outs, Phase.FORWARD, title
        )
        at_out, at_net = CHAINS[self.s.conventions.chain]
        self.cuts.update({cell: at_net for cell in z})
        if at_out:
            self.cuts.update({int(cell): at_out for cell in a})
        return a

    def _operands(self, rule: Rule, x: Cells, row: list[str], bias: int) -> list[int]:
        wired = [(int(x[i]), self.sheet.cells[w]) for i, w in enumerate(row) if w != "-"]
        columns = {"b": bias}
        for i, (source_cell, weight) in enumerate(wired, 1):
            columns[f"x_{i}"], columns[f"w_{i}"] = source_cell, weight
        return [columns[formal] for formal in formals(rule, len(wired))]


# ---- names -----------------------------------------------------------------------------


def layer_titles(network: Network) -> list[str]:
    """What the layers are called: as the scenario says, or by their place."""
    hidden = len(network.layers) - 1
    places = ["hidden layer" if hidden == 1 else f"hidden layer {k + 1}" for k in range(hidden)]
    return [
        layer.title or place
        for layer, place in zip(network.layers, [*places, "output layer"], strict=True)
    ]


def vector(s: Scenario, names: str | list[str]) -> list[str]:
    """The names of a vector's numbers, given one by one or as a list."""
    if isinstance(names, list):
        return names
    return [f"{names}[{i}]" for i in range(1, len(s.given(names)) + 1)]


def _wiring(s: Scenario, layer: Layer) -> list[list[str]]:
    """Weight names, a row a unit and a column an input, whatever the matrix's orientation."""
    if isinstance(layer.weights, list):
        return layer.weights
    matrix = s.given(layer.weights)
    rows, columns = len(matrix), len(matrix[0])
    table = [
        [f"{layer.weights}[{r},{c}]" for c in range(1, columns + 1)] for r in range(1, rows + 1)
    ]
    return table if layer.rows == "units" else [list(column) for column in zip(*table, strict=True)]


def _biases(s: Scenario, layer: Layer, units: int) -> list[str]:
    """The bias of every unit by name; none at all without biases."""
    if layer.bias is None:
        return []
    if isinstance(layer.bias, list):
        return layer.bias
    if isinstance(s.given(layer.bias), list):
        return vector(s, layer.bias)
    return [layer.bias] * units
