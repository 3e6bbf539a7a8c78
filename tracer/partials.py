"""The partials of a rule by each of its operands, as a program emits them.

Where one formula holds for every member of a group (w_i of a weighted sum by x_i), they share
one rule. Where it names siblings (a product, a norm), it is written out for the group's size;
what runs over the samples of a batch is differentiated as one sample has it, or as all do.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tracer.differentiation import TOO_LONG, chained, differentiate
from tracer.errors import FormulaError, ProgramError, RuleError
from tracer.expression import (
    ONE,
    Expr,
    Name,
    Num,
    Over,
    Quotient,
    children,
    expand,
    group_of,
    names,
    overs,
    rebuild,
    rename,
)
from tracer.parsing import parse
from tracer.printers import source
from tracer.program import Block, Cells
from tracer.rules import (
    Rule,
    at_member,
    gathered,
    inputs,
    kink_of,
    member_of,
    partial_rule,
)


class Partial(NamedTuple):
    """A partial, and which of its step's formals, or its output, it takes."""

    rule: Rule
    operands: tuple[str, ...]


class Taken(NamedTuple):
    """A partial's rule, the places it is for among those asked for, and its operands there."""

    rule: Rule
    where: Cells  # [m]
    operands: Cells  # [m, formal]


def partials(
    r: Rule, formal: str, size: int, samples: int = 1, each: bool = True
) -> tuple[Partial, ...]:
    """∂output/∂formal, one for every member of a group of `size`, one for any other formal.

    samples   of a batch, where the formula runs over them
    each      whether the operand is a sample's own: then ∂output/∂(its value in one sample)
    raises    RuleError when there is none, or it is longer than a formula may be
    """
    over = formal in gathered(r)
    return _partials(r, formal, size, samples if over else 1, each or not over)


@lru_cache(maxsize=4096)
def _partials(r: Rule, formal: str, size: int, samples: int, each: bool) -> tuple[Partial, ...]:
    members = range(1, size + 1) if group_of(formal) else (0,)
    called, by = f"{r.name}, by {formal}", f"d{r.output}/d{formal}"
    rules: dict[tuple[Expr, str], Rule] = {}
    found = []
    for formula, kink in _formulas(r, formal, size, members, samples, each):
        own, operands = _named(formula, r)
        shared = rules.setdefault((own, kink), Rule(called, by, own, {}, kink=kink))
        found.append(Partial(shared, operands))
    return tuple(found)


def _formulas(
    r: Rule, formal: str, size: int, members: range | tuple[int, ...], samples: int, each: bool
) -> Iterator[tuple[Expr, str]]:
    """The formula and the kink of every partial, in the names of the step's formals."""
    if formal not in gathered(r):
        try:
            general = partial_rule(r, formal)
        except RuleError:
            if formal in r.teaching:
                raise
        else:
            yield from ((at_member(general.formula, k, size), general.kink) for k in members)
            return
    whole = expand(r.formula, size)
    for k in members:
        by = member_of(formal, k)
        try:
            found = _checked(_through(whole, by, samples, each), by)
            yield found, r.kink or kink_of(whole, by)
        except RuleError as wrong:
            raise RuleError(f"{r.name}: {wrong}") from wrong


def _checked(found: Expr, by: str) -> Expr:
    """A formula that is no longer than one may be."""
    try:
        return parse(source(found))
    except FormulaError as wrong:
        raise RuleError(f"the derivative by {by} is {TOO_LONG}") from wrong


def _named(formula: Expr, r: Rule) -> tuple[Expr, tuple[str, ...]]:
    """A formula in names of its own, and what they stand for.

    Members of a group are numbered as they appear, so that siblings' partials are one rule:
    f_2*f_3 and f_1*f_3 are both f_1*f_2. A member that is alone needs no number.
    """
    used, given = names(formula), inputs(r)
    groups: dict[str, list[str]] = {}
    for name in used:
        base, _, number = name.rpartition("_")
        if f"{base}_i" in given and number.isdigit():
            groups.setdefault(base, []).append(name)
    new = {name: name for name in used}
    for base, own in groups.items():
        alone = len(own) == 1 and base not in (*given, r.output)
        new |= {name: base if alone else f"{base}_{k}" for k, name in enumerate(own, 1)}
    return rename(formula, lambda s: Name(new.get(s, s))), used


# ---- through what runs over the samples ------------------------------------------------


def _through(e: Expr, by: str, samples: int, each: bool) -> Expr:
    """∂e/∂by, also where the name stands in what runs over the samples."""
    parts = list(dict.fromkeys(part for part in overs(e) if by in names(part)))
    marks = [Name(f"{part.how}@{k}") for k, part in enumerate(parts)]  # in no formula read
    outer = _replaced(e, dict(zip(parts, marks, strict=True)))
    back = {mark.text: part for part, mark in zip(parts, marks, strict=True)}
    terms: list[tuple[Expr, ...]] = [(differentiate(outer, by),)]
    for part, mark in zip(parts, marks, strict=True):
        terms.append((differentiate(outer, mark.text), *_of_part(part, by, samples, each)))
    return rename(chained(terms), lambda s: back.get(s, Name(s)))


def _of_part(part: Over, by: str, samples: int, each: bool) -> tuple[Expr, ...]:
    """The factors of ∂part/∂by."""
    if part.how == "largest":
        raise RuleError("no derivative through the largest of all samples")
    slope, total = differentiate(part.body, by), part.how == "total"
    if each:
        return (slope,) if total else (Quotient(ONE, Num(str(samples))), slope)
    if names(slope):
        return (Over(part.how, slope),)
    return (Num(str(samples)), slope) if total else (slope,)


def _replaced(e: Expr, new: dict[Over, Name]) -> Expr:
    if isinstance(e, Over):
        return new.get(e, e)
    return rebuild(e, tuple(_replaced(part, new) for part in children(e)))


# ---- of steps --------------------------------------------------------------------------


def slots_of(block: Block, formal: str) -> Cells:
    """The operand columns of a formal: one, or one per member of a group."""
    places = {name: k for k, name in enumerate(block.formals)}
    if not group_of(formal):
        return np.array([places[formal]])
    return np.array([places[member_of(formal, k)] for k in range(1, block.size + 1)])


def taken(
    block: Block, formal: str, row: Cells, member: Cells, samples: int = 1, each: bool = True
) -> Iterator[Taken]:
    """The partials of steps of a block by members of a group (0: the first, or no group).

    row, member   [m], the steps and which operand of the formal
    """
    assert block.rule
    if block.rule.member:
        yield from _of_vector(block, block.rule, row, member)
        return
    found = partials(block.rule, formal, block.size, samples, each)
    table = np.hstack([block.operands, block.cells[:, None]])  # the output is the last column
    places = {name: k for k, name in enumerate((*block.formals, block.rule.output))}
    for rule in dict.fromkeys(partial.rule for partial in found):
        fits = np.array([partial.rule is rule for partial in found])
        chosen = [[places[n] for n in p.operands] for p in found if p.rule is rule]
        columns = np.array(chosen, np.int64)
        where = np.flatnonzero(fits[member])
        if len(where):
            mine = columns[(np.cumsum(fits) - 1)[member[where]]]
            yield Taken(rule, where, table[row[where, None], mine])


def _of_vector(block: Block, rule: Rule, row: Cells, member: Cells) -> Iterator[Taken]:
    """The partials of a vector's outputs: by the own member, and by its siblings'."""
    group = block.operands[:, slots_of(block, f"{rule.member}_i")]
    own = block.operands[:, block.formals.index(rule.member)]
    outputs: dict[tuple[int, ...], dict[int, int]] = {}
    for cell, vector, z in zip(block.cells.tolist(), group.tolist(), own.tolist(), strict=True):
        outputs.setdefault(tuple(vector), {}).setdefault(z, cell)
    mine = (group == own[:, None]).argmax(axis=1)[row] == member
    for formal, chosen in ((rule.member, mine), (f"{rule.member}_i", ~mine)):
        partial, where = partial_rule(rule, formal), np.flatnonzero(chosen)
        operands = [
            block.start + row[where] if name == rule.output
            else _siblings(outputs, group[row[where]], group[row[where], member[where]])
            for name in names(partial.formula)
        ]  # fmt: skip
        if len(where):
            yield Taken(partial, where, np.stack(operands, 1))


def _siblings(
    outputs: dict[tuple[int, ...], dict[int, int]], vectors: Cells, members: Cells
) -> Cells:
    """The outputs of the same vectors whose own members are given."""
    found = [
        outputs[tuple(vector)].get(member, -1)
        for vector, member in zip(vectors.tolist(), members.tolist(), strict=True)
    ]
    if -1 in found:
        raise ProgramError("a vector lacks an output; emit all of them as one block")
    return np.array(found, np.int64)
