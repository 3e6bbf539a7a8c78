"""Dense networks: weights by the author's names in any wiring, or by matrix.

x  inputs of a layer     j  a unit     i  an input of it
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import groupby

import numpy as np

from tracer.backprop import Cut, backprop
from tracer.build.losses import emit_error
from tracer.build.optimizers import emit_descent
from tracer.catalog import ACTIVATIONS, net
from tracer.consistency import ERROR_NAMES
from tracer.expression import Expr, Neg, Sum, names, parse
from tracer.labels import Own
from tracer.printers import source
from tracer.program import Cells, Draft, Phase, Program
from tracer.rewrite import sequential_update
from tracer.rules import Rule, formals
from tracer.scenario import LOSSES, Layer, Scenario

ROOT = "E"

#: Which adjoints are named, by chain style: of a unit's output, of its net.
CHAINS: dict[str, tuple[Cut | None, Cut]] = {
    "full": (Cut.ALWAYS, Cut.PATHS),
    "deltas": (None, Cut.DELTA),
}


@dataclass(frozen=True)
class Built:
    """A finished program and the numbers it starts from."""

    program: Program
    givens: dict[int, Decimal]


def build(s: Scenario) -> Built:
    """The program of a scenario: forward pass, error, backward pass, update.

    raises    ProgramError when two steps would have one name
    """
    return _Dense(s).build()


class _Dense:
    def __init__(self, s: Scenario) -> None:
        self.s, self.draft = s, Draft()
        self.cells: dict[str, int] = {}
        self.trained: list[int] = []
        self.cuts: dict[int, Cut] = {}

    def build(self) -> Built:
        network, conventions = self.s.network, self.s.conventions
        wiring = [_wiring(self.s, layer) for layer in network.layers]
        biases = [
            _biases(self.s, layer, len(w)) for layer, w in zip(network.layers, wiring, strict=True)
        ]
        titles = layer_titles(self.s)
        x = self._given(_vector(self.s, network.inputs), "inputs")
        for weights, title in zip(wiring, titles, strict=True):
            self._parameters([name for row in weights for name in row if name != "-"], title)
        for row, title in zip(biases, titles, strict=True):
            self._parameters(row, title, conventions.biases == "trained")
        targets = self._given(_vector(self.s, network.targets), "targets")
        rate = self._given([conventions.learning_rate], "learning rate")
        for number, layer in enumerate(network.layers):
            x = self._layer(layer, number, x, wiring[number], biases[number], titles[number])
        root = self._error(x, targets)
        gradients = backprop(self.draft, root, np.array(self.trained), self.cuts)
        emit_descent(self.draft, int(rate[0]), gradients)
        program = self.draft.finish(root, [*dict.fromkeys((*ERROR_NAMES, network.total_error))])
        if conventions.update == "sequential":
            program = sequential_update(program)
        return Built(program, {program.index[n]: self.s.numbers[s] for n, s in self._names()})

    def _names(self) -> list[tuple[str, str]]:
        return [(self.own(name).name, name) for name in self.cells]

    def own(self, text: str) -> Own:
        """The label of one of the author's names."""
        return Own(text.replace(" ", "_"), text, self.s.symbols.get(text, ""))

    def _given(self, names: list[str], part: str) -> Cells:
        new = [name for name in dict.fromkeys(names) if name not in self.cells]
        if new:
            cells = self.draft.given([self.own(name) for name in new], part=part)
            self.cells.update(zip(new, map(int, cells), strict=True))
        return np.array([self.cells[name] for name in names], np.int64)

    def _parameters(self, names: list[str], part: str, trained: bool = True) -> None:
        new = [name for name in dict.fromkeys(names) if name not in self.cells]
        self._given(names, part)
        self.trained += [self.cells[name] for name in new if trained]

    def _layer(
        self, layer: Layer, number: int, x: Cells, wiring: list[list[str]], biases: list[str],
        title: str,
    ) -> Cells:  # fmt: skip
        nets, outs = self.s.network.unit_names(number, len(wiring))
        z: list[int] = []
        for _, run in groupby(range(len(wiring)), lambda j: sum(w != "-" for w in wiring[j])):
            units = list(run)
            rule = net(_net_formula(self.s.conventions.net, bool(biases)))
            rows = [
                self._operands(rule, x, wiring[j], self.cells[biases[j]] if biases else -1)
                for j in units
            ]
            called = [self.own(nets[j]) for j in units]
            z += map(int, self.draft.emit(rule, rows, called, Phase.FORWARD, part=title))
        a = self.draft.emit(
            ACTIVATIONS[layer.activation], np.array(z)[:, None], [self.own(o) for o in outs],
            Phase.FORWARD, part=title,
        )  # fmt: skip
        at_out, at_net = CHAINS[self.s.conventions.chain]
        self.cuts.update({cell: at_net for cell in z})
        if at_out:
            self.cuts.update({int(cell): at_out for cell in a})
        return a

    def _operands(self, rule: Rule, x: Cells, row: list[str], bias: int) -> list[int]:
        wired = [(int(x[i]), self.cells[w]) for i, w in enumerate(row) if w != "-"]
        columns = {"b": bias}
        for i, (source_cell, weight) in enumerate(wired, 1):
            columns[f"x_{i}"], columns[f"w_{i}"] = source_cell, weight
        return [columns[formal] for formal in formals(rule, len(wired))]

    def _error(self, outputs: Cells, targets: Cells) -> int:
        loss, total = LOSSES[self.s.conventions.loss]
        network = self.s.network
        terms = [self.own(t) for t in network.error_names(len(outputs))]
        symbol = self.s.symbols.get(network.total_error, "")
        root = Own(ROOT, network.total_error, symbol)
        return emit_error(
            self.draft, loss, total, self.s.conventions.sign, outputs, targets, terms, root
        )


# ---- names -----------------------------------------------------------------------------


def layer_titles(s: Scenario) -> list[str]:
    """What the layers are called: as the scenario says, or by their place."""
    hidden = len(s.network.layers) - 1
    places = ["hidden layer" if hidden == 1 else f"hidden layer {k + 1}" for k in range(hidden)]
    return [
        layer.title or place
        for layer, place in zip(s.network.layers, [*places, "output layer"], strict=True)
    ]


def _vector(s: Scenario, names: str | list[str]) -> list[str]:
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
        return _vector(s, layer.bias)
    return [layer.bias] * units


@cache
def _net_formula(text: str, biased: bool) -> str:
    """The weighted sum as the author writes it, without the bias where a layer has none."""
    formula = parse(text)
    return text if biased else source(_without_bias(formula))


def _without_bias(e: Expr) -> Expr:
    if not isinstance(e, Sum):
        return e
    pairs = zip(e.terms, e.minus, strict=True)
    (first, negative), *rest = [(t, m) for t, m in pairs if "b" not in names(t)]
    first = Neg(first) if negative else first
    return Sum((first, *(t for t, _ in rest)), (False, *(m for _, m in rest))) if rest else first
