"""Whether every line of a derivation in index notation is true: all sides computed and compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise, product

from tracer.errors import RuleError
from tracer.indexed.derivation import EQUATIONS, Chain, Equation
from tracer.indexed.notation import Apply, Expr, Partial, Sigma, Var, children, parse, text
from tracer.indexed.values import Network, Place, each, random_network, value

DIGITS = 40  # that have to agree, of the 50 computed
SIZES = ((2, 3, 2), (1, 1, 1), (3, 2, 4))
DEEP_SIZES = ((2, 3, 2, 2), (1, 1, 1, 1), (2, 2, 3, 1, 2))


def check(equations: Iterable[Equation] = EQUATIONS) -> None:
    """Compute every side of every equation on random networks, for every unit it speaks of.

    All sides must be the same number. And what a line differentiates must be a part of the line
    before: by its derivative alone, b_i + Σ a_i w_ij could pass for z_j = b_j + Σ a_i w_ij.

    raises    RuleError naming the first line that fails
    """
    shallow = [random_network(s, n, by_layer=False) for n, s in enumerate(SIZES)]
    deep = [random_network(s, n, by_layer=True) for n, s in enumerate(DEEP_SIZES)]
    known: dict[tuple[bool, str], str] = {}  # the line that an equation of a left side goes on from
    for equation in equations:
        for chain in equation.chains:
            for network in deep if equation.deep else shallow:
                before = known.get((equation.deep, chain.left), chain.left)
                _check_chain(equation, chain, network, before)
            known[equation.deep, chain.left] = chain.lines[-1].formula


def _check_chain(equation: Equation, chain: Chain, network: Network, before: str) -> None:
    formulas = (before, *(line.formula for line in chain.lines))
    for place in places(equation, chain, network):
        for number, (above, formula) in enumerate(pairwise(formulas), 1):
            try:
                _check_line(chain.left, parse(above), parse(formula), place)
            except RuleError as wrong:
                raise RuleError(f"{equation.name}, line {number}: {wrong}") from wrong


def _check_line(left: str, above: Expr, line: Expr, place: Place) -> None:
    wanted, found = value(parse(left), place), value(line, place)
    if not _agree(wanted, found):
        raise RuleError(f"{text(line)} is {found:.6g}, but {left} is {wanted:.6g}")
    worked_on = [(e.body, at) for e, at in parts(line, place) if isinstance(e, Partial)]
    bodies = [(body, at) for body, at in worked_on if not isinstance(body, Var)]
    given = {value(e, at) for e, at in parts(above, place)} if bodies else set()
    for body, at in bodies:
        if not any(_agree(value(body, at), number) for number in given):
            raise RuleError(f"{text(body)} is not a part of the line before")


def _agree(left: Decimal, right: Decimal) -> bool:
    return abs(left - right) <= Decimal(10) ** -DIGITS * max(abs(left), abs(right))


def parts(e: Expr, place: Place) -> Iterator[tuple[Expr, Place]]:
    """An expression that has a number and all its parts that have, for every unit in a sum."""
    yield e, place
    for inner in each(place, e.index, e.over) if isinstance(e, Sigma) else (place,):
        for part in children(e)[isinstance(e, Apply) :]:  # a function is no number
            yield from parts(part, inner)


def places(equation: Equation, chain: Chain, network: Network) -> Iterator[Place]:
    """Every place on a network where a chain holds: each layer l, each unit of each index."""
    depth = len(network.sizes) - 1
    if equation.deep:
        layers = [{"l": n, "L": depth} for n in range(1, depth + 1 - equation.until)]
    else:
        layers = [{"I": 0, "J": 1, "K": 2}]
    for place in (Place(network, named, {}) for named in layers):
        free = _free(parse(chain.left), place)
        for numbers in product(*(range(network.sizes[layer]) for layer in free.values())):
            units = zip(free.values(), numbers, strict=True)
            yield replace(place, units=dict(zip(free, units, strict=True)))


def _free(left: Expr, place: Place) -> dict[str, int]:
    """The layer of each index on the left of a chain: of j in z_j^l, of i and j in w_ij."""
    assert isinstance(left, Var | Partial), left
    names = (left,) if isinstance(left, Var) else (left.body, left.by)
    return {
        index: place.layer(v.layer) - back if v.layer else place.layer(index.upper())
        for v in names
        if isinstance(v, Var)
        for back, index in enumerate(reversed(v.below))
    }
