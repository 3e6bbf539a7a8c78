"""The dense layers of a network: which weight every unit has for every input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tracer import labels
from tracer.catalog.activations import ACTIVATIONS, is_activation
from tracer.catalog.sums import NETS, net
from tracer.layers.shapes import Names
from tracer.names import names_of
from tracer.program import Program, Step
from tracer.rules import Rule
from tracer.scenario import Scenario

MAX_WIDTH = 8  # inputs and units of a layer whose matrices are shown
_SUMS = {net(written).formula for written in NETS}  # those that are x·w + b


@dataclass(frozen=True)
class Layer:
    """A dense layer; cells of its program."""

    part: str
    activation: Rule
    x: tuple[int, ...]
    nets: tuple[int, ...]
    sums: tuple[int, ...]  # what the activation reads: the nets, by whatever name
    outs: tuple[int, ...]
    weights: tuple[tuple[int | None, ...], ...]  # [unit][input], None for one that is missing
    biases: tuple[int, ...]  # one a unit, or none at all

    @property
    def parameters(self) -> list[int | None]:
        """Every weight, and every bias once."""
        return [*(w for row in self.weights for w in row), *dict.fromkeys(self.biases)]


def dense_layers(program: Program, s: Scenario) -> list[Layer]:
    """The layers, each reading the one before; nothing where another kind computes, or too wide.

    An activation that is a layer of its own is that of a dense layer which has none.
    """
    assert s.network
    if any(shape.count > MAX_WIDTH for shape in s.walk.shapes):
        return []
    found: list[Layer] = []
    x = tuple(map(names_of(program).find, s.vector(s.network.inputs)))
    for layer, named in zip(s.walk.layers, s.walk.steps, strict=True):
        match layer.kind:
            case "dense":
                nets, outs = (_steps(program, named[key]) for key in ("net", "out"))
                made = _layer(program, x, nets, outs)
            case "activation" if found and found[-1].activation is ACTIVATIONS["identity"]:
                made = _activated(found.pop(), _steps(program, named["out"]))
            case _:
                return []
        if not made:
            return []
        found.append(made)
        x = made.outs
    return found


def by_inputs(program: Program, layer: Layer) -> bool:
    """Whether the author's own matrix has a row an input: W1[2,3] leads from input 2 to unit 3."""
    places = [(j, i) for j, row in enumerate(layer.weights, 1) for i in range(1, len(row) + 1)]
    called = [labels.name(program.label(w)) if w is not None else ""
              for row in layer.weights for w in row]  # fmt: skip
    rows_are_units, rows_are_inputs = (
        all(name.endswith(f"[{a},{b}]") for name, (a, b) in zip(called, pairs, strict=True))
        for pairs in (places, [(i, j) for j, i in places])
    )
    return rows_are_inputs and not rows_are_units


def _steps(program: Program, names: Names) -> list[Step]:
    find = names_of(program).find
    return [program.step(find(name)) for name in names.ravel().tolist()]


def _layer(
    program: Program, x: tuple[int, ...], nets: Sequence[Step], outs: Sequence[Step]
) -> Layer | None:
    """A dense layer that reads `x`; None where what it computes is no product with a matrix."""
    wired = [_wired(step) for step in nets]
    written = all(step.rule and step.rule.formula in _SUMS for step in nets)
    if not written or not all(row and row.keys() <= {*x} for row in wired):
        return None
    z = tuple(step.index for step in nets)
    layer = Layer(
        nets[0].part, ACTIVATIONS["identity"], x, z, z, z,
        tuple(tuple(row.get(cell) for cell in x) for row in wired),
        tuple(step.operands["b"] for step in nets if "b" in step.operands),
    )  # fmt: skip
    if any(program.block(w).per_sample for w in layer.parameters if w is not None):
        return None
    return _activated(layer, outs)


def _activated(layer: Layer, outs: Sequence[Step]) -> Layer | None:
    """The layer with an activation of what it gives; None where that is one of vectors."""
    (activation,) = {step.rule for step in outs}
    if not activation or not is_activation(activation):
        return None
    return replace(
        layer, activation=activation, sums=layer.outs, outs=tuple(step.index for step in outs)
    )


def _wired(net: Step) -> dict[int, int]:
    """The weight of every input of a unit; nothing where it reads an input twice."""
    pairs = [(x, net.operands[f"w{f[1:]}"]) for f, x in net.operands.items() if f[0] == "x"]
    return dict(pairs) if len(dict(pairs)) == len(pairs) else {}
