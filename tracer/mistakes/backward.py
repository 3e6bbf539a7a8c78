"""Mistakes of the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tracer.catalog.losses import ERROR
from tracer.catalog.penalties import PENALTY
from tracer.catalog.sums import CHAIN, NET
from tracer.expression import Quotient, names
from tracer.mistakes import edits
from tracer.mistakes.anatomy import Anatomy, Cell
from tracer.mistakes.edits import Edit
from tracer.mistakes.forward import IDENTITY
from tracer.mistakes.sites import Site, Sites, site
from tracer.program import Phase
from tracer.rewrite import Change, Operand, updated_before
from tracer.rules import rule


def by_output(a: Anatomy) -> Iterable[Cell]:
    return list(a.partials([ERROR], "o"))


def doubled(a: Anatomy, partial: Cell) -> Edit | None:
    """The 2 of the square kept where the ½ cancels it."""
    whole = edits.leading(a.cells[a.consumer(partial.index)].rule) == 0.5
    return edits.altered(edits.scaled("2")) if whole else None


def halved(a: Anatomy, partial: Cell) -> Edit | None:
    return edits.altered(edits.scaled("1/2"))


def error_itself(a: Anatomy, partial: Cell) -> Edit | None:
    return edits.computed_by(IDENTITY, a.consumer(partial.index))


def slopes(*names: str) -> Callable[[Anatomy], list[Cell]]:
    """The derivatives of activations."""
    return lambda a: list(a.partials(names or _squashing(a), "z"))


def _squashing(a: Anatomy) -> set[str]:
    """The activations that there are; the identity is none."""
    return {cell.rule.name for cell in a.activations}


def _is_relu(a: Anatomy, partial: Cell) -> bool:
    return a.kinds[partial.index].of == "relu"


def no_relu(a: Anatomy, partial: Cell) -> bool:
    return not _is_relu(a, partial)


def of_output(a: Anatomy, partial: Cell) -> Edit | None:
    """f′ taken at the output: σ(out)(1 − σ(out))."""
    activation = a.cells[a.consumer(partial.index)]
    if "a" not in partial.formals:
        return edits.redirected({activation.operands[0]: activation.index})
    return edits.redirected({activation.index: Change(activation.rule, (activation.index,))})


def of_net(a: Anatomy, partial: Cell) -> Edit | None:
    """out(1 − out) with the weighted sum in place of out."""
    activation = a.cells[a.consumer(partial.index)]
    if "a" not in partial.formals:
        return None
    return edits.redirected({activation.index: activation.operands[0]})


def slope_as(formula: str) -> Callable[[Anatomy, Cell], Edit | None]:
    """The slope as something else made of the output a."""
    other = rule("slope", f"s = {formula}")
    return lambda a, partial: (
        edits.computed_by(other, a.consumer(partial.index)) if "a" in partial.formals else None
    )


def slope_elsewhere(a: Anatomy) -> Iterator[Site]:
    """The slope of the layer above, unit by unit."""
    if len(a.layers) < 2:
        return
    slopes: dict[str, list[Cell]] = {}
    for cell in a.partials(_squashing(a), "z"):
        slopes.setdefault(a.part(a.consumer(cell.index)), []).append(cell)
    rows = list(slopes.values())
    for k, row in enumerate(rows):
        others = rows[k - 1] if k else (rows[1] if len(rows) > 1 else [])
        for j, cell in enumerate(row):
            chains = [c.index for c in a.chains if cell.index in c.operands]
            if others and chains:
                other = others[min(j, len(others) - 1)].index
                edit = edits.redirected({cell.index: other})
                yield site(a, a.consumer(cell.index), dict.fromkeys(chains, edit))


def ways(a: Anatomy) -> Iterable[Cell]:
    return a.ways


def shared(a: Anatomy) -> Iterable[Cell]:
    """The sums of what several units say of a parameter, without those a penalty is part of."""
    return [cell for cell in a.shared if len(_of_data(a, cell)) == len(cell.operands)]


def unpenalised(a: Anatomy) -> Iterator[Site]:
    """Gradients without the part that a penalty adds."""
    for cell in a.shared:
        kept = _of_data(a, cell)
        if 0 < len(kept) < len(cell.operands):
            yield site(a, cell.index, {cell.index: edits.those(kept)})


def _of_data(a: Anatomy, cell: Cell) -> list[int]:
    """The places of a gradient's parts that come from no penalty."""
    penalties = [
        p in a.kinds and a.cells[a.consumer(p)].rule.name == PENALTY for p in cell.operands
    ]
    return [k for k, penalty in enumerate(penalties) if not penalty]


def own_path(a: Anatomy) -> Iterator[Site]:
    """Of the ways to a unit only the one through the unit of the same number."""
    parts: dict[str, list[Cell]] = {}
    for cell in a.ways:
        parts.setdefault(cell.block.part, []).append(cell)
    for row in parts.values():
        if len({len(c.operands) for c in row}) == 1 and len(row) > 1:
            for k, cell in enumerate(row):
                yield site(a, cell.index, {cell.index: edits.only(k)})


def softmax_diagonal(a: Anatomy) -> Iterator[Site]:
    """Of the ways back through a softmax only the one through the value's own share."""
    for cell in (*a.ways, *a.shared):
        own = [k for k, p in enumerate(cell.operands) if _through_own_share(a, p)]
        if len(own) == 1 and len(own) < len(cell.operands):
            yield site(a, cell.index, {cell.index: edits.only(own[0])})


def _through_own_share(a: Anatomy, contribution: int) -> bool:
    """Whether a contribution comes back through e^z of the share's own numerator."""
    cell = a.cells[contribution]
    factors = cell.operands if cell.rule.name == CHAIN.name else (contribution,)
    for f in factors:
        share = a.cells[a.consumer(f)].rule.formula if f in a.kinds else None
        if isinstance(share, Quotient) and edits.is_share(share):
            return a.kinds[f].by in names(share.top)
    return False


def already_updated(a: Anatomy) -> Iterator[Site]:
    """Backward steps that read the weights as they are after the update."""
    changes: dict[int, dict[int, int]] = {}
    for (cell, old), new in updated_before(a.program).items():
        changes.setdefault(cell, {})[old] = new
    for cell, own in changes.items():
        if a.cells[cell].block.phase is Phase.BACKWARD:
            yield site(a, cell, {cell: edits.redirected(own)})


def not_yet_updated(a: Anatomy) -> Iterator[Site]:
    """Backward steps of a sequential update that read the weights as they were."""
    before = {after: given for given, after in a.program.carry.items()}
    for cell in a.backward():
        own = {c: before[c] for c in cell.operands if c in before}
        if own:
            yield site(a, cell.index, {cell.index: edits.redirected(own)})


def weight_chains(a: Anatomy) -> list[Cell]:
    """The products that are a parameter's gradient."""
    return [c for c in a.chains if a.leads_to(c) in a.parameters]


def _adjoints(a: Anatomy) -> dict[str, list[set[int]]]:
    """What arrives at each unit from the error, by layer: errors' slopes, deltas, sums of paths."""
    found: dict[str, list[set[int]]] = {}
    for layer in a.layers:
        units = [_adjoint(a, net) for net in layer]
        found[layer[0].block.part] = units
    return found


def _adjoint(a: Anatomy, net: Cell) -> set[int]:
    """The steps that are ∂E/∂net or ∂E/∂out of a unit, as factors of chains."""
    out = next((o for o, z in a.net_of.items() if z == net.index), net.index)
    wanted = {net.index, out}
    own = {c.index for c in a.partials([ERROR], "o") if a.target(c.index) in wanted}
    products = {c.index for c in a.chains if a.leads_to(c) in wanted and not _is_contribution(a, c)}
    sums = {p.index for p in a.ways if a.leads_to(a.cells[p.operands[0]]) in wanted}
    return own | products | sums


def _is_contribution(a: Anatomy, chain: Cell) -> bool:
    return any(chain.index in p.operands for p in a.ways)


def neighbour(part_is_last: bool, chains: Callable[[Anatomy], Iterable[Cell]]) -> Sites:
    """What belongs to the next unit of the layer, in some products."""

    def sites(a: Anatomy) -> Iterator[Site]:
        chosen = list(chains(a))
        for part, units in _adjoints(a).items():
            if (part == a.last) is part_is_last and len(units) > 1:
                yield from _next_unit(a, units, chosen)

    return sites


def _next_unit(a: Anatomy, units: list[set[int]], chains: list[Cell]) -> Iterator[Site]:
    for k, own in enumerate(units):
        pairs = zip(sorted(own), sorted(units[(k + 1) % len(units)]), strict=False)
        other: dict[int, Operand] = dict(pairs)
        readers = [c for c in chains if own & set(c.operands)]
        if readers:
            edit = edits.redirected(other)
            yield site(a, readers[0].index, {c.index: edit for c in readers})


def path_chains(a: Anatomy) -> list[Cell]:
    """The products that go on to an earlier unit."""
    return [c for c in a.chains if any(a.kinds.get(f) == (NET, "x_i") for f in c.operands)]


def local(by: str) -> Callable[[Anatomy], list[Cell]]:
    return lambda a: list(a.partials([NET], by))


def input_of_neighbour(a: Anatomy) -> Iterator[Site]:
    """∂net/∂w as the next input of the same weighted sum."""
    for partial in a.partials([NET], "w_i"):
        net = a.cells[a.consumer(partial.index)]
        inputs = [net.operands[t.x] for t in a.terms(net)]
        at = partial.operands[0] if partial.operands else -1
        if at in inputs and len(set(inputs)) > 1:
            other = inputs[(inputs.index(at) + 1) % len(inputs)]
            yield site(a, net.index, {partial.index: edits.redirected({at: other})})


def weight_for_input(a: Anatomy, partial: Cell) -> Edit | None:
    return edits.computed_by(IDENTITY, a.target(partial.index))


def net_for_input(a: Anatomy, partial: Cell) -> Edit | None:
    """∂net/∂w as the weighted sum of the unit before, not its output."""
    inner = {c: a.net_of[c] for c in partial.operands if c in a.net_of and a.net_of[c] != c}
    return edits.redirected(inner) if inner else None
