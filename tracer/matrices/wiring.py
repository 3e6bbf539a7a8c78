"""The dense layers of a program: which weight every unit has for every input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tracer import labels
from tracer.catalog.activations import is_activation
from tracer.program import Phase, Program, Step
from tracer.rules import Rule, inputs

MAX_WIDTH = 8  # inputs and units of a layer whose matrices are shown


@dataclass(frozen=True)
class Layer:
    """A dense layer; cells of its program."""

    part: str
    activation: Rule
    x: tuple[int, ...]
    nets: tuple[int, ...]
    outs: tuple[int, ...]
    weights: tuple[tuple[int | None, ...], ...]  # [unit][input], None for one that is missing
    biases: tuple[int, ...]  # one a unit, or none at all

    @property
    def parameters(self) -> list[int | None]:
        """Every weight, and every bias once."""
        return [*(w for row in self.weights for w in row), *dict.fromkeys(self.biases)]


def dense_layers(program: Program) -> list[Layer]:
    """The layers, each reading the one before; nothing where they are not so, or too wide."""
    blocks = [b for b in program.blocks if b.rule and {"w_i", "x_i"} <= {*inputs(b.rule)}]
    if any(max(len(b), b.size) > MAX_WIDTH for b in blocks):
        return []
    outs = dict(_activated(program))
    nets = [program.step(int(cell)) for block in blocks for cell in block.cells]
    found: list[Layer] = []
    for group in _groups(nets, outs):
        layer = _layer(group, outs, found[-1].outs if found else ())
        if not layer or any(program.block(w).per_sample for w in layer.parameters if w is not None):
            return []
        found.append(layer)
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


def _activated(program: Program) -> Iterator[tuple[int, Step]]:
    """Every weighted sum with the step that makes the unit's output of it."""
    for step in program.steps(Phase.FORWARD):
        if is_activation(step.rule):
            yield step.operands["z"], step


def _groups(nets: Sequence[Step], outs: Mapping[int, Step]) -> list[list[Step]]:
    """The weighted sums layer by layer: a new one begins where one reads the one before."""
    found: list[list[Step]] = []
    before: set[int] = set()
    for net in nets:
        if not found or before & {*net.operands.values()}:
            found.append([])
            before = set()
        found[-1].append(net)
        before |= {outs[net.index].index} if net.index in outs else set()
    return found


def _layer(group: Sequence[Step], outs: Mapping[int, Step], x: Sequence[int]) -> Layer | None:
    """Some weighted sums as a layer that reads `x`, or any inputs where that is empty."""
    wired = [_wired(net) for net in group]
    made = [outs[net.index] for net in group if net.index in outs]
    rules = {step.rule for step in made}
    read = dict.fromkeys(cell for row in sorted(wired, key=len, reverse=True) for cell in row)
    x = tuple(x) or tuple(read)
    wide = max(len(x), len(group)) > MAX_WIDTH
    if len(made) < len(group) or len(rules) > 1 or not {*read} <= {*x} or wide or not all(wired):
        return None
    (rule,) = rules
    assert rule
    return Layer(
        group[0].part, rule, x, tuple(net.index for net in group),
        tuple(step.index for step in made),
        tuple(tuple(row.get(cell) for cell in x) for row in wired),
        tuple(net.operands["b"] for net in group if "b" in net.operands),
    )  # fmt: skip


def _wired(net: Step) -> dict[int, int]:
    """The weight of every input of a unit; nothing where it reads an input twice."""
    pairs = [(x, net.operands[f"w{f[1:]}"]) for f, x in net.operands.items() if f[0] == "x"]
    return dict(pairs) if len(dict(pairs)) == len(pairs) else {}
