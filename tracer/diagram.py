"""The network as a drawing, read from a program alone.

A forward step over weights `w_i` and sources `x_i` is a unit's net, a forward step on a net
alone is that unit's output, a step of the error on an output is its error term; a source
that no unit gives is an input. Nothing here makes markup.

Only layers of such units are drawn: what computes something else, or shares its weights over
places or times, has no drawing in which an arrow is a weight.

    x y  right and down, in px    r  radius of a circle    gap  between two columns
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from tracer.figure import EDGE, TITLE, Column, Diagram, Edge, Kind, Node
from tracer.placing import placed
from tracer.program import Block, Phase, Program
from tracer.rewrite import present
from tracer.symbols import fitted, text_breadth

MAX_ROWS = 8  # a column of more units shows the first few, dots and the last
FIRST_ROWS = 3
MAX_SINGLE_BIASES = 3  # of a layer with a bias a unit; more are drawn without their names

BIAS = 13.0  # font size of a bias, px
ROWS = {1: 150.0, 2: 150.0, 3: 126.0, 4: 116.0, 5: 112.0}  # from circle to circle; else 104
BIAS_RADIUS, ERROR_RADIUS, DOT_RADIUS = 15.0, 20.0, 4.0
BIAS_RISE = 84.0  # a layer's bias above the topmost circle beside it
BIAS_PLACE = 0.3  # … and how far into the gap
ERROR_GAP = 110.0
MARGIN, TITLE_ROOM = 18.0, 50.0
MAX_TITLE = 32  # letters


def diagram(program: Program) -> Diagram:
    """The network of a program, laid out."""
    layers = _layers(program)
    return _Sketch(program, layers).finish() if layers else Diagram(0, 0, (), (), ())


# ---- what the program says -------------------------------------------------------------


@dataclass(frozen=True)
class _Unit:
    out: int
    net: int | None  # None: the net is the output
    wires: tuple[tuple[int, int], ...]  # (source, weight)
    bias: int | None
    part: str


@dataclass(frozen=True)
class _Layer:
    """A column: its cells from the top, with their units; inputs have none."""

    title: str
    cells: tuple[int, ...]
    units: Mapping[int, _Unit]

    @property
    def whole(self) -> bool:
        return len(self.cells) <= MAX_ROWS

    @property
    def shown(self) -> tuple[int | None, ...]:
        """The cells drawn; None where dots stand for some."""
        if self.whole:
            return self.cells
        return (*self.cells[:FIRST_ROWS], None, self.cells[-1])


def _layers(program: Program) -> tuple[_Layer, ...]:
    units = {unit.out: unit for unit in _units(program)}
    if not units or not _layered(program, units):
        return ()
    inputs = _inputs(program, units)
    depth = dict.fromkeys(inputs, 0)
    for out, unit in sorted(units.items()):
        depth[out] = 1 + max((depth[source] for source, _ in unit.wires), default=0)
    columns = groupby(sorted(depth, key=lambda cell: (depth[cell], cell)), depth.__getitem__)
    return tuple(_layer(program, tuple(cells), units) for _, cells in columns)


def _layered(program: Program, units: Mapping[int, _Unit]) -> bool:
    """Whether all that layers compute are units, wired to earlier ones by weights of their own."""
    parts = {unit.part for unit in units.values()}
    computed = {cell for unit in units.values() for cell in (unit.out, unit.net)}
    for block in program.blocks:
        inside = block.rule and block.phase is Phase.FORWARD and block.part in parts
        if inside and not computed.issuperset(block.cells.tolist()):
            return False
    for part in parts:
        wires = [wire for unit in units.values() if unit.part == part for wire in unit.wires]
        if any(program.block(source).part == part for source, _ in wires):
            return False
        if 2 * len({weight for _, weight in wires}) < len(wires):
            return False
    return not _hidden(program, units)


def _hidden(program: Program, units: Mapping[int, _Unit]) -> bool:
    """Whether something that is no unit is made of units and passed on, to units or the error."""
    sources = {source for unit in units.values() for source, _ in unit.wires} - set(units)
    nets = {unit.net for unit in units.values()}
    if (units.keys() | program.gradients.keys()) & program.cone(sources):
        return True
    learned = {cell for block in program.blocks if block.of for cell in block.of[1].tolist()}
    read = {
        cell
        for block in program.blocks
        if block.phase is Phase.ERROR
        for cell in block.operands.ravel().tolist()
        if program.block(cell).phase is Phase.FORWARD
    }
    between = (read & learned) - units.keys() - nets
    return bool(between) and not read & units.keys()


def _layer(program: Program, cells: tuple[int, ...], units: Mapping[int, _Unit]) -> _Layer:
    own = {cell: units[cell] for cell in cells if cell in units}
    title = next(iter(own.values())).part if own else "inputs"
    return _Layer(" ".join(title.split()), cells, own)


def _units(program: Program) -> Iterator[_Unit]:
    forward = [block for block in program.blocks if block.phase is Phase.FORWARD]
    outputs = {
        int(source): block.start + row
        for block in forward if block.operands.shape[1] == 1 or (block.rule and block.rule.member)
        for row, source in enumerate(block.operands[:, 0])
    }  # fmt: skip
    for block in forward:
        place = {formal: k for k, formal in enumerate(block.formals)}
        if "x_1" in place and "w_1" in place:
            for row in range(len(block)):
                operands = [present(program, c) for c in block.operands[row].tolist()]
                yield _unit(block, block.start + row, operands, place, outputs)


def _unit(
    block: Block, net: int, operands: Sequence[int], place: Mapping[str, int],
    outputs: Mapping[int, int],
) -> _Unit:  # fmt: skip
    wires = tuple(
        (operands[place[f"x_{i}"]], operands[place[f"w_{i}"]]) for i in range(1, block.size + 1)
    )
    bias = operands[place["b"]] if "b" in place else None
    out = outputs.get(net)
    if out is None:
        return _Unit(net, None, wires, bias, block.part)
    return _Unit(out, net, wires, bias, block.part)


def _inputs(program: Program, units: Mapping[int, _Unit]) -> list[int]:
    """Sources that are no unit, with those emitted beside them that no unit reads."""
    sources = {source for unit in units.values() for source, _ in unit.wires} - set(units)
    blocks = {block.start: block for block in map(program.block, sources)}
    return sorted(int(cell) for block in blocks.values() for cell in block.cells)


def _error_terms(program: Program, outputs: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(output, the error's step that reads it)."""
    for block in program.blocks:
        if block.phase is Phase.ERROR:
            for row, formal in np.argwhere(np.isin(block.operands, outputs)).tolist():
                yield int(block.operands[row, formal]), block.start + row


# ---- laying out ------------------------------------------------------------------------


class _Sketch:
    """A drawing in the making, y = 0 in the middle of every column."""

    def __init__(self, program: Program, layers: tuple[_Layer, ...]) -> None:
        self.program, self.layers = program, layers
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.drawn: dict[int, int] = {}  # cell -> node
        rows = max(len(layer.shown) for layer in layers)
        single = any(_one_each(layer) for layer in layers)
        self.row = max(ROWS.get(rows, 104.0), 136.0 * single)
        self.r = 36.0 if rows <= 4 else 32.0
        self.gap = min(max(250.0, 0.85 * self.row * (rows - 1)), 460.0)

    def finish(self) -> Diagram:
        for number, layer in enumerate(self.layers):
            self._circles(number, layer)
        for number, layer in enumerate(self.layers):
            self._weights(number, layer)
            self._biases(number, layer)
        columns = [
            self._column(layer.title, self._x(number), len(layer.cells))
            for number, layer in enumerate(self.layers)
        ]
        return _framed(self.nodes, self.edges, [*columns, *self._errors()])

    def _x(self, number: float) -> float:
        return number * self.gap

    def _node(self, node: Node) -> int:
        room = 1.75 * node.r  # of a chord a little off the middle
        if node.label:
            node = replace(node, size=fitted(node.label, node.size, room))
        if node.net:
            node = replace(node, net_size=fitted(node.net, node.net_size, 0.85 * room))
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _circles(self, number: int, layer: _Layer) -> None:
        last = number == len(self.layers) - 1
        kind = Kind.INPUT if not layer.units else Kind.OUTPUT if last else Kind.HIDDEN
        for place, cell in enumerate(layer.shown):
            x, y = self._x(number), (place - (len(layer.shown) - 1) / 2) * self.row
            if cell is None:
                self._node(Node(Kind.MORE, x, y, self.r))
                continue
            net = layer.units[cell].net if layer.units else None
            shown = self.program.label(net) if net is not None else None
            label = self.program.label(cell)
            self.drawn[cell] = self._node(Node(kind, x, y, self.r, label, net=shown))

    def _whole(self, number: int) -> bool:
        """Whether nothing is left out in front of a layer."""
        return all(layer.whole for layer in self.layers[max(number - 1, 0) : number + 1])

    def _shown_units(self, layer: _Layer) -> list[_Unit]:
        return [layer.units[cell] for cell in layer.shown if cell is not None and layer.units]

    def _weights(self, number: int, layer: _Layer) -> None:
        whole = self._whole(number)
        for unit in self._shown_units(layer):
            for source, weight in unit.wires:
                if source in self.drawn:
                    label = self.program.label(weight) if whole else None
                    ends = self.drawn[source], self.drawn[unit.out]
                    self.edges.append(Edge(*ends, label, faint=not whole))

    def _biases(self, number: int, layer: _Layer) -> None:
        biased = [(unit, unit.bias) for unit in self._shown_units(layer) if unit.bias is not None]
        if _one_each(layer):
            for unit, bias in biased:
                self._single_bias(unit, bias, len(biased) <= MAX_SINGLE_BIASES)
        elif biased:
            beside = range(max(number - 1, 0), number + 1)
            top = min(self.nodes[self.drawn[c]].y for k in beside for c in self.layers[k].cells[:1])
            x, y = self._x(number - 1 + BIAS_PLACE), top - BIAS_RISE
            label = self.program.label(biased[0][1])
            start = self._node(Node(Kind.BIAS, x, y, BIAS_RADIUS, label, BIAS))
            self.edges += [
                Edge(start, self.drawn[unit.out], faint=not self._whole(number))
                for unit, _ in biased
            ]

    def _single_bias(self, unit: _Unit, bias: int, named: bool) -> None:
        """A small circle straight above its unit, where no other line passes."""
        end = self.drawn[unit.out]
        x, y = self.nodes[end].x, self.nodes[end].y - self.r
        r, label = (BIAS_RADIUS, self.program.label(bias)) if named else (DOT_RADIUS, None)
        self.edges.append(Edge(self._node(Node(Kind.BIAS, x, y - 14 - r, r, label, BIAS)), end))

    def _errors(self) -> list[Column]:
        """Each output's error term to its right; the column, where there are any."""
        x = self._x(len(self.layers) - 1) + ERROR_GAP
        terms = list(_error_terms(self.program, self.layers[-1].cells))
        for out, term in terms:
            if out in self.drawn:
                start, label = self.drawn[out], self.program.label(term)
                node = Node(Kind.ERROR, x, self.nodes[start].y, ERROR_RADIUS, label, EDGE)
                self.edges.append(Edge(start, self._node(node)))
        parts = {self.program.block(term).part for _, term in terms}
        return [self._column(part, x, len(terms)) for part in sorted(parts)[:1]]

    def _column(self, title: str, x: float, count: int) -> Column:
        short = title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…"
        last = x >= self._x(len(self.layers) - 1)  # the error's title is near
        room = 2 * (ERROR_GAP - 30) if last else self.gap - 20
        return Column(
            short, x, count, TITLE * min(1.0, room / max(text_breadth(short, TITLE), 1.0))
        )


def _one_each(layer: _Layer) -> bool:
    """Whether the units have biases of their own."""
    return len({unit.bias for unit in layer.units.values()}) > 1


def _framed(nodes: Sequence[Node], edges: Sequence[Edge], columns: Sequence[Column]) -> Diagram:
    """The sketch with its labels placed, moved to where no coordinate is negative."""
    halves = [(c.x, text_breadth(c.title, c.size) / 2) for c in columns]
    halves += [(node.x, node.r) for node in nodes]
    left, right = min(x - half for x, half in halves), max(x + half for x, half in halves)
    top, bottom = min(n.y - n.r for n in nodes), max(n.y + n.r for n in nodes)
    dx, dy = MARGIN - left, TITLE_ROOM - top
    return Diagram(
        right + dx + MARGIN,
        bottom + dy + MARGIN,
        tuple(replace(node, x=node.x + dx, y=node.y + dy) for node in nodes),
        tuple(placed(nodes, edges)),
        tuple(replace(column, x=column.x + dx) for column in columns),
    )
