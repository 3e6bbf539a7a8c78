"""Where mistakes can be made: places in a program, with the edits of the steps there.

`at_each`, `where`, `factor`, `swapped` and `together` make the sites of a mistake from a
selection of steps and an edit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tracer.mistakes import edits
from tracer.mistakes.anatomy import Anatomy, Cell
from tracer.mistakes.edits import Edit
from tracer.rewrite import Operand


@dataclass(frozen=True)
class Site:
    """One place where a mistake can be made."""

    edits: Mapping[int, Edit]  # by step
    part: str = ""  # of the network: "hidden layer"
    at: str = ""  # the step that names the place
    carry: Mapping[int, Operand] = field(default_factory=lambda: MappingProxyType({}))


Sites = Callable[[Anatomy], Iterable[Site]]
Select = Callable[[Anatomy], Iterable[Cell]]


def site(a: Anatomy, cell: int, changes: Mapping[int, Edit]) -> Site:
    """Edits at the place that a step names."""
    return Site(changes, a.part(cell), a.name(cell))


def at_each(cells: Select, edit: Edit) -> Sites:
    """The same edit at each of some steps."""
    return lambda a: [site(a, cell.index, {cell.index: edit}) for cell in cells(a)]


def where(cells: Select, edit: Callable[[Anatomy, Cell], Edit | None]) -> Sites:
    """An edit made for each of some steps, where there is one to make."""

    def sites(a: Anatomy) -> Iterator[Site]:
        for cell in cells(a):
            made = edit(a, cell)
            if made:
                yield site(a, cell.index, {cell.index: made})

    return sites


def together(sites: Sites) -> Sites:
    """All of it or nothing: a mistake that is made at no single place."""

    def merged(a: Anatomy) -> Iterator[Site]:
        found = list(sites(a))
        if found:
            yield merge(found)

    return merged


def merge(sites: Iterable[Site]) -> Site:
    """Several sites as one; edits of one step are made one after the other."""
    chosen = list(sites)
    merged: dict[int, Edit] = {}
    carry: dict[int, Operand] = {}
    for site in chosen:
        carry |= site.carry
        for cell, edit in site.edits.items():
            merged[cell] = _then(merged[cell], edit) if cell in merged else edit
    return Site(merged, chosen[0].part, "", carry)


def _then(first: Edit, second: Edit) -> Edit:
    return lambda was: second(first(was))


def by_kind(of: str, by: str) -> Callable[[Anatomy], Iterable[Cell]]:
    """The partials of one rule by one of its formals."""
    return lambda a: list(a.partials([of], by))


def factor(
    partials: Callable[[Anatomy], Iterable[Cell]],
    wanted: Callable[[Anatomy, Cell], bool] | None = None,
) -> Sites:
    """Partials left out wherever they are factors; a site a partial, or a unit's."""

    def sites(a: Anatomy) -> Iterator[Site]:
        for partial in partials(a):
            if wanted and not wanted(a, partial):
                continue
            chains = [c.index for c in a.chains if partial.index in c.operands]
            if chains:
                place = a.consumer(partial.index)
                yield site(a, place, {c: edits.without(partial.index) for c in chains})

    return sites


def swapped(pairs: Callable[[Anatomy], Iterable[tuple[int, int]]]) -> Sites:
    """Two steps taken for each other by everything that reads them."""

    def sites(a: Anatomy) -> Iterator[Site]:
        for one, other in pairs(a):
            exchange = edits.redirected({one: other, other: one})
            readers = [c for c in a.cells.values() if {one, other} & set(c.operands)]
            if readers:
                yield site(
                    a, one, {c.index: exchange for c in readers if not _own(a, c, one, other)}
                )

    return sites


def _own(a: Anatomy, cell: Cell, *parameters: int) -> bool:
    """Whether a step updates one of some parameters: that is not mistaken for another."""
    return any(a.program.carry.get(parameter) == cell.index for parameter in parameters)
