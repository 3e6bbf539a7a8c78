"""Mistakes made in a finished program, as a scenario or a reading states them: which, and where.

A place is named by a layer's title, by a step (`dE/dw7`), or by the parameter that a step is the
gradient or the update of (`w7`). A layer has all that is made in it; a step or a parameter only
what is changed there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tracer.catalog.optimizers import DESCENT
from tracer.errors import LookupFailed, MistakeError, ProgramError, nearest
from tracer.mistakes.anatomy import Anatomy, anatomy_of
from tracer.mistakes.catalog import Mistake
from tracer.mistakes.sites import Site, merge
from tracer.names import names_of
from tracer.program import Program
from tracer.rewrite import Change, Past, changed

MAX_PLACES = 12  # named in an error


class Slip(NamedTuple):
    """A mistake and where it is made: everywhere it can be, if no place is named."""

    mistake: Mistake
    at: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mistaken:
    """A program with mistakes."""

    program: Program
    copies: Mapping[int, Past]  # its further givens: which of the right program each copies
    slips: Mapping[int, tuple[int, ...]]  # a changed step -> its mistakes, by their place in order


def mistaken(program: Program, slips: Sequence[Slip]) -> Mistaken:
    """The program with some mistakes; of several at one step the later changes the earlier.

    raises    MistakeError for one that cannot be made, or not where it is said to be
    """
    anatomy = anatomy_of(program)
    made = [_site(anatomy, slip) for slip in slips]
    together = merge(made)
    changes = _changes(anatomy, together)
    try:
        found, copies = changed(program, changes, together.carry)
    except ProgramError as wrong:
        raise MistakeError("these mistakes leave no order to compute the steps in") from wrong
    found = replace(found, gradients={**found.gradients, **_further(found)})
    places = {cell: found.index[anatomy.name(cell)] for cell in {*changes, *together.carry}}
    return Mistaken(found, copies, {place: _of(made, cell) for cell, place in places.items()})


def _further(program: Program) -> dict[int, int]:
    """The gradients of what a mistake trains besides."""
    rows = {p: program.step(after) for p, after in program.carry.items()}
    return {p: step.operands["g"] for p, step in rows.items() if step.rule is DESCENT}


def _of(made: Sequence[Site], cell: int) -> tuple[int, ...]:
    return tuple(k for k, site in enumerate(made) if cell in {*site.edits, *site.carry})


def _site(a: Anatomy, slip: Slip) -> Site:
    """All that a mistake changes, as one site."""
    mistake, at = slip
    sites = [s for s in map(lambda s: _effective(a, s), mistake.sites(a)) if s.edits or s.carry]
    if not sites:
        raise MistakeError(f"{mistake.id}: cannot be made in this program")
    if not at:
        return merge(sites)
    return merge([part for place in at for part in _there(a, mistake, sites, place)])


def _effective(a: Anatomy, site: Site) -> Site:
    """A site without the edits that change nothing."""
    before = {cell: a.cells[cell].change for cell in site.edits}
    edits = {cell: edit for cell, edit in site.edits.items() if edit(before[cell]) != before[cell]}
    return replace(site, edits=edits)


def _changes(a: Anatomy, site: Site) -> dict[int, Change]:
    return {cell: edit(a.cells[cell].change) for cell, edit in site.edits.items()}


# ---- places ----------------------------------------------------------------------------


def _there(a: Anatomy, mistake: Mistake, sites: Sequence[Site], place: str) -> list[Site]:
    """What a mistake changes at a place.

    raises    MistakeError for a place that is none, or not one of this mistake
    """
    if place in _parts(a) and place not in a.program.index:
        found = [_in_part(a, site, place) for site in sites]
    else:
        cells = _cells(a, mistake, sites, place)
        found = [_at_cells(a, site, cells) for site in sites]
    chosen = [site for site in found if site.edits or site.carry]
    if not chosen:
        raise MistakeError(f"{mistake.id}: not made at {place!r}; {_elsewhere(a, sites)}")
    return chosen


def _parts(a: Anatomy) -> set[str]:
    return {block.part for block in a.program.blocks if block.part}


def _in_part(a: Anatomy, site: Site, part: str) -> Site:
    """What a site changes in a layer; one that has no single place is cut step by step."""
    if site.at:
        return site if site.part == part else Site({})
    return Site({cell: edit for cell, edit in site.edits.items() if a.part(cell) == part})


def _cells(a: Anatomy, mistake: Mistake, sites: Sequence[Site], place: str) -> set[int]:
    """The steps and parameters that a name means: w7 is also ∂E/∂w7 and w7⁺."""
    try:
        cell = names_of(a.program).find(place)
    except LookupFailed:
        close = nearest(place, [*_parts(a), *names_of(a.program).listed])
        said = f"{mistake.id}: no layer or step is called {place!r}"
        raise MistakeError(f"{said}{close or '; ' + _elsewhere(a, sites)}") from None
    owners = {c: p for table in (a.program.gradients, a.program.carry) for p, c in table.items()}
    return {cell, owners.get(cell, cell)}


def _at_cells(a: Anatomy, site: Site, cells: Collection[int]) -> Site:
    """What a site changes at some steps; all of it where they only name it."""
    named = names_of(a.program).get(site.at) if site.at else None
    if named in cells and named not in site.edits:
        return site
    own = {c: edit for c, edit in site.edits.items() if not _handles(a, c).isdisjoint(cells)}
    return Site(own, site.part, site.at)


def _handles(a: Anatomy, cell: int) -> set[int]:
    """What a changed step may be called by: itself, and the parameter it belongs to."""
    return {cell, *(p for p in _owners(a, cell) if p in a.parameters)}


def _owners(a: Anatomy, cell: int) -> Iterator[int]:
    if cell in a.kinds:
        yield a.target(cell)
    leads_to = a.leads_to(a.cells[cell])
    if leads_to is not None:
        yield leads_to
    for table in (a.program.gradients, a.program.carry):
        yield from (parameter for parameter, own in table.items() if own == cell)


def _elsewhere(a: Anatomy, sites: Sequence[Site]) -> str:
    """Where a mistake can be made, by the shortest names of its places."""
    cells = dict.fromkeys(c for site in sites for c in (*site.edits, *site.carry))
    names = dict.fromkeys(a.name(min(_handles(a, c))) if c in a.cells else a.name(c) for c in cells)
    listed = list(names)
    more = ", …" if len(listed) > MAX_PLACES else ""
    return f"it can be at {', '.join(listed[:MAX_PLACES])}{more}"
