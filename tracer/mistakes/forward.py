"""Mistakes of the forward pass and of the error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import reduce

from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.sums import NET, TOTALS, unbiased
from tracer.expression import Name, Quotient, calls
from tracer.mistakes import edits
from tracer.mistakes.anatomy import Anatomy, Cell, bias_of
from tracer.mistakes.edits import Edit
from tracer.mistakes.sites import Site, site
from tracer.rewrite import Change, Operand
from tracer.rules import rule

IDENTITY = ACTIVATIONS["identity"]
GROWING = rule("sigmoid with e^z", "a = 1/(1 + e^z)")
NO_BRACKETS = rule("sigmoid without brackets", "a = 1/1 + e^(-z)")
INSTEAD = {"sigmoid": ACTIVATIONS["tanh"], "tanh": ACTIVATIONS["sigmoid"]}


def activations(*names: str) -> Callable[[Anatomy], list[Cell]]:
    return lambda a: [c for c in a.activations if not names or c.rule.name in names]


def other_activation(a: Anatomy, cell: Cell) -> Edit | None:
    return edits.computed_by(INSTEAD[cell.rule.name], cell.operands[0])


def nets(a: Anatomy) -> Iterable[Cell]:
    return a.nets


def net_passed_on(a: Anatomy, net: Cell) -> Edit | None:
    inner = {c: a.net_of[c] for c in net.operands if c in a.net_of and a.net_of[c] != c}
    return edits.redirected(inner) if inner else None


def without_bias(a: Anatomy, net: Cell) -> Edit | None:
    return edits.altered(unbiased) if bias_of(net) is not None else None


def bias_elsewhere(a: Anatomy, net: Cell) -> Edit | None:
    """The bias of another layer."""
    elsewhere = [n for n in a.nets if a.part(n.index) != a.part(net.index)]
    others = [n.operands[place] for n in elsewhere if (place := bias_of(n)) is not None]
    own = bias_of(net)
    if own is None or not others or net.operands[own] in others:
        return None
    return edits.redirected({net.operands[own]: others[0]})


def transposed(a: Anatomy) -> Iterator[Site]:
    """The weights of a layer read by columns instead of by rows, by everything that reads them."""
    for layer in a.layers:
        exchanged = _exchanged(a, layer)
        if exchanged:
            reading = [
                c
                for c in a.cells.values()
                if _reads_weights(a, c) and exchanged.keys() & set(c.operands)
            ]
            yield site(a, layer[0].index, {c.index: edits.redirected(exchanged) for c in reading})


def _exchanged(a: Anatomy, layer: tuple[Cell, ...]) -> dict[int, Operand]:
    """Weight -> the one that stands there if the table of weights is read by columns."""
    table = [[net.operands[t.weight] for t in a.terms(net)] for net in layer]
    if len({len(row) for row in table}) != 1:
        return {}
    right = [w for row in table for w in row]
    taken = [w for column in zip(*table, strict=True) for w in column]
    if len(set(right)) != len(right):
        return {}
    # reading a list by columns puts at (unit, input) what stands at that place of the transpose
    return {w: other for w, other in zip(taken, right, strict=True) if w != other}


def _reads_weights(a: Anatomy, cell: Cell) -> bool:
    return cell.rule.name == NET or a.kinds.get(cell.index) == (NET, "x_i")


def backward_transposed(a: Anatomy) -> Iterator[Site]:
    for layer in a.layers[1:]:
        exchanged = _exchanged(a, layer)
        paths = [c for c in a.partials([NET], "x_i") if exchanged.keys() & set(c.operands)]
        if paths:
            yield site(a, layer[0].index, {c.index: edits.redirected(exchanged) for c in paths})


def first_two(phase_part: str) -> Callable[[Anatomy], Iterator[tuple[int, int]]]:
    """The first two givens of a part: inputs, targets."""

    def pairs(a: Anatomy) -> Iterator[tuple[int, int]]:
        found = [
            cell for block in a.program.blocks
            if not block.rule and block.part == phase_part for cell in block.cells.tolist()
        ]  # fmt: skip
        if len(found) > 1:
            yield found[0], found[1]

    return pairs


_LARGER = rule("larger", "m = max(a, b)")
_LARGEST = rule("largest of the samples", "m = largest(x)")


def own_maximum(a: Anatomy) -> Iterator[Site]:
    """Inputs that are divided by a stated number, divided by their own maximum instead.

    Of several samples each column has one; of a single sample the row.
    """
    data = set(a.program.data)
    scaled = [c for c in a.cells.values() if _is_scaled(a, c, data)]
    row = reduce(lambda m, x: Change(_LARGER, (m, x)), _operands(scaled)) if scaled else None
    for cell in scaled:
        own = Change(_LARGEST, (cell.operands[0],)) if a.program.samples > 1 else row
        assert own is not None
        yield site(a, cell.index, {cell.index: edits.redirected({cell.operands[1]: own})})


def _operands(cells: Iterable[Cell]) -> list[Operand]:
    return [cell.operands[0] for cell in cells]


def _is_scaled(a: Anatomy, cell: Cell, data: set[int]) -> bool:
    """Whether a step is an input divided by a given that all samples share."""
    match cell.rule.formula:
        case Quotient(Name(_), Name(_)):
            top, bottom = cell.operands
            return top in data and bottom in a.givens - data
    return False


# ---- error ---------------------------------------------------------------------------
def errors(a: Anatomy) -> Iterable[Cell]:
    return a.errors


def totals(*names: str) -> Callable[[Anatomy], list[Cell]]:
    return lambda a: [c for c in a.totals if c.rule.name in names and c.block.size > 1]


def mean_forgotten(a: Anatomy) -> Iterator[Site]:
    """The sum of the errors in a mean's place, and 1 as its derivative by each of them."""
    mean = TOTALS["mean"].name
    for total in totals(mean)(a):
        by_each = [p.index for p in a.partials([mean], "e_i") if a.consumer(p.index) == total.index]
        if by_each:
            added = edits.altered(lambda r: TOTALS["sum"])
            ones = dict.fromkeys(by_each, edits.computed_by(edits.ONE))
            yield site(a, total.index, {total.index: added, **ones})


def half(a: Anatomy, error: Cell) -> Edit | None:
    return edits.altered(edits.without_factor) if edits.leading(error.rule) == 0.5 else None


def half_again(a: Anatomy, error: Cell) -> Edit | None:
    return edits.altered(edits.scaled("1/2")) if half(a, error) else None


def no_half(a: Anatomy, error: Cell) -> Edit | None:
    return edits.altered(edits.scaled("1/2")) if edits.leading(error.rule) is None else None


def with_ln(a: Anatomy) -> list[Cell]:
    return [c for c in a.cells.values() if calls(c.rule.formula, "ln")]


def shares(a: Anatomy) -> list[Cell]:
    return [c for c in a.cells.values() if edits.is_share(c.rule.formula)]
