"""Mistakes of the update, of a batch and of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tracer.catalog.optimizers import DESCENT, RATE
from tracer.catalog.sums import BATCHES, CHAIN, NET, PATHS
from tracer.mistakes import edits
from tracer.mistakes.anatomy import Anatomy, Cell, bias_of
from tracer.mistakes.backward import weight_chains
from tracer.mistakes.edits import Edit
from tracer.mistakes.forward import IDENTITY
from tracer.mistakes.sites import Site, Sites, at_each, site, together, where
from tracer.program import Phase
from tracer.rewrite import BEFORE, FIRST, Change, Operand, Past

SUM, MEAN = BATCHES["sum"], BATCHES["mean"]


def updates(a: Anatomy) -> Iterable[Cell]:
    return a.updates


def rated(a: Anatomy) -> Iterable[Cell]:
    return a.rated


def gradients(edit: Edit) -> Sites:
    """An edit of every gradient that an update uses."""
    return lambda a: [site(a, c, {c: edit}) for c in a.program.gradients.values() if c in a.cells]


SQUARED_RATE = edits.substituted("eta", "eta^2")
NO_RATE = edits.substituted("eta", "1")


def _biases(a: Anatomy) -> set[int]:
    return {net.operands[place] for net in a.nets if (place := bias_of(net)) is not None}


def bias_stays(a: Anatomy, update: Cell) -> Edit | None:
    bias = next((c for c in update.operands if c in _biases(a)), None)
    return None if bias is None else edits.computed_by(IDENTITY, bias)


def bias_moves(a: Anatomy) -> Iterator[Site]:
    """A frozen bias that is updated all the same."""
    rates = [u.operand(RATE) for u in a.updates if u.rule is DESCENT]
    frozen = sorted(_biases(a) - a.parameters)
    if a.program.samples > 1 or not rates:
        return
    for bias in frozen:
        nets = [n for n in a.nets if (p := bias_of(n)) is not None and n.operands[p] == bias]
        deltas = tuple(d for d in (_delta(a, n) for n in nets) if d is not None)
        if deltas:
            gradient: Operand = Change(PATHS, deltas) if len(deltas) > 1 else deltas[0]
            after = Change(DESCENT, (bias, rates[0], gradient))
            yield Site({}, a.part(nets[0].index), a.name(bias), {bias: after})


def _delta(a: Anatomy, net: Cell) -> Operand | None:
    """∂E/∂net of a unit: its gradient by a weight without the weight's own factor."""
    for chain in weight_chains(a):
        own = [f for f in chain.operands if f in a.kinds and a.consumer(f) == net.index]
        if own and a.kinds[own[0]].by == "w_i":
            rest = tuple(f for f in chain.operands if f not in own)
            return Change(CHAIN, rest) if len(rest) > 1 else rest[0]
    return None


def other_reduction(a: Anatomy, cell: Cell) -> Edit | None:
    other = SUM if cell.rule.name == MEAN.name else MEAN
    return edits.altered(lambda r: other)


def reduced_gradients(name: str) -> Callable[[Anatomy], list[Cell]]:
    return lambda a: [
        c for c in a.reductions if c.block.phase is Phase.BACKWARD and c.rule.name == name
    ]


def whole_batch(name: str) -> Sites:
    """The other reduction of the samples' errors and of their gradients alike."""

    def sites(a: Anatomy) -> Iterator[Site]:
        reduced = [c for c in a.reductions if c.rule.name == name]
        by_each = list(a.partials([name], "p"))  # where a mean is differentiated, 1/n
        if any(c.block.phase is Phase.ERROR for c in reduced) and (
            by_each or any(c.block.phase is Phase.BACKWARD for c in reduced)
        ):
            yield from where(lambda _: reduced, other_reduction)(a)
            yield from at_each(lambda _: by_each, edits.computed_by(edits.ONE))(a)

    return together(sites)


def _carried(a: Anatomy, cell: Cell) -> dict[int, Operand]:
    return {c: Past(c, FIRST) for c in cell.operands if c in a.parameters}


def stale_forward(a: Anatomy) -> Iterator[Site]:
    """A forward pass computed once, with the weights of the start."""
    for cell in a.cells.values():
        if cell.block.phase is not Phase.UPDATE and _carried(a, cell):
            yield site(a, cell.index, {cell.index: edits.redirected(_carried(a, cell))})


def initial_in_paths(a: Anatomy) -> Iterator[Site]:
    """Hidden gradients that use the weights of the start in every pass."""
    for cell in a.backward():
        if _carried(a, cell):
            yield site(a, cell.index, {cell.index: edits.redirected(_carried(a, cell))})


def data_before(a: Anatomy) -> Iterator[Site]:
    """The values of the sample before, in some phase."""
    data = set(a.program.data)
    if a.program.samples > 1:
        return
    for cell in a.cells.values():
        own: dict[int, Operand] = {c: Past(c, BEFORE) for c in cell.operands if c in data}
        if own:
            yield site(a, cell.index, {cell.index: edits.redirected(own)})


def first_outputs(a: Anatomy) -> Iterator[Site]:
    """The outputs of the first sample's forward pass, in the gradients of every sample."""
    for cell in a.partials([NET], "w_i"):
        own: dict[int, Operand] = {c: Past(c, FIRST) for c in cell.operands if c in a.net_of}
        if own and a.program.data:
            yield site(a, cell.index, {cell.index: edits.redirected(own)})
