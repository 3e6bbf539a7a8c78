"""The dual-number table of a page: every step beside its tangent, forward mode beside reverse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import fsum, isclose

from tracer import labels
from tracer.expression import ONE, Expr, Name, Neg, Product, Quotient, Sum, overs, rename
from tracer.labels import Derivative, Label, OfSample, Tangent
from tracer.lines import Line, bears
from tracer.numbers import as_written, show
from tracer.program import Phase, Program, Step
from tracer.tangents import DIRECTION
from tracer.traces import Trace
from tracer.views import Dual, ForwardMode, Given, GivenTable

LONGEST = 120  # rows of the table


def forward_mode(t: Trace) -> ForwardMode | None:
    """The tangents of a trace's selected pass; None without any."""
    seeds = _seeds(t.program)
    if not seeds:
        return None
    rows = [*_given(t, seeds), *sorted(_computed(t), key=lambda row: row[:2])]
    directions = tuple(t.line(seed) for seed in seeds.values())
    table, more = tuple(dual for _, _, dual in rows[:LONGEST]), max(len(rows) - LONGEST, 0)
    if t.program.root is None:
        return ForwardMode(directions, table, more, None, None, (), False)
    last = _tangent(t, t.program.index[labels.name(Tangent(t.program.label(t.program.root)))])
    moved = {cell: seed for cell, seed in seeds.items() if t.values[seed]}
    unknown = tuple(t.program.label(cell) for cell in moved if cell not in t.program.gradients)
    reverse = None if unknown else _by_gradients(t, moved, last.label)
    agrees = reverse is not None and _agree(t, moved, last, reverse)
    return ForwardMode(directions, table, more, last, reverse, unknown, agrees)


def direction(t: Trace) -> Iterator[GivenTable]:
    """How the givens are moved, as the scenario states it."""
    assert t.scenario, "a page needs the scenario's words"
    stated = t.scenario.under(t.reading).conventions.tangents or {}
    if moved := _seeds(t.program).values():
        numbers = zip(map(t.program.label, moved), stated.values(), strict=True)
        givens = (Given(label, as_written(number, t.digits), False) for label, number in numbers)
        yield GivenTable("Direction", tuple(givens))


def _seeds(program: Program) -> dict[int, int]:
    """Given -> the given that is its tangent."""
    return {
        _of(program, step.label): step.index
        for step in program.steps(Phase.GIVEN) if step.part == DIRECTION
    }  # fmt: skip


def _of(program: Program, label: Label) -> int:
    """The cell that a tangent is of; of a sample's share, the one that the samples share."""
    while not isinstance(label, Tangent):
        assert isinstance(label, OfSample)
        label = label.of
    return program.index[labels.name(label.of)]


_Row = tuple[int, int, Dual]  # step, tangent, both as lines


def _given(t: Trace, seeds: dict[int, int]) -> Iterator[_Row]:
    return ((cell, seed, Dual(t.line(cell), t.line(seed))) for cell, seed in seeds.items())


def _computed(t: Trace) -> Iterator[_Row]:
    """The tangents that are computed; their parts have no step beside them."""
    for step in t.program.steps(Phase.TANGENT):
        if step.of is None:
            cell = _of(t.program, step.label)
            own = t.line(cell) if isinstance(step.label, Tangent) else None
            yield cell, step.index, Dual(own, _tangent(t, step.index))
        elif not _is_inlined(step):
            yield step.of[0], step.index, Dual(None, t.line(step.index))


# ---- the formula of a tangent ----------------------------------------------------------


def _tangent(t: Trace, cell: int) -> Line:
    """A tangent as a line, with the formulas of its partials in place of their names."""
    line, step = t.line(cell), t.program.step(cell)
    formula, operands = step.formula, dict(step.operands)
    for formal, operand in step.operands.items():
        partial = t.program.step(operand)
        if not formula or not partial.formula or not _is_inlined(partial):
            continue
        inner = rename(partial.formula, lambda s, f=formal: Name(f"{f} {s}"))  # type: ignore[misc]
        formula = rename(formula, lambda s, f=formal, e=inner: e if s == f else Name(s))  # type: ignore[misc]
        del operands[formal]
        operands |= {f"{formal} {inside}": cell for inside, cell in partial.operands.items()}
    if formula is None or operands == step.operands:
        return line
    formula = _tidied(formula)
    numbers = {f: show(float(t.values[operand]), t.digits) for f, operand in operands.items()}
    called = {f: t.program.label(operand) for f, operand in operands.items()}
    exact = bears(formula, numbers, line.value, t.digits)
    return replace(
        line, formula=formula, written=formula, operands=called, numbers=numbers, exact=exact
    )


def _is_inlined(step: Step) -> bool:
    """Whether a step is a partial whose formula stands where it is used."""
    return step.of is not None and step.formula is not None and not any(overs(step.formula))


def _tidied(e: Expr) -> Expr:
    """Partials times tangents as a person writes them: ẋ/x of 1/x·ẋ, - x·ẏ of + (-x)·ẏ."""
    if not isinstance(e, Sum):
        term, negative = _term(e)
        return Neg(term) if negative else term
    parts = [_term(term) for term in e.terms]
    minus = tuple(own != inner for own, (_, inner) in zip(e.minus, parts, strict=True))
    first = Neg(parts[0][0]) if minus[0] else parts[0][0]
    return Sum((first, *(term for term, _ in parts[1:])), (False, *minus[1:]))


def _term(e: Expr) -> tuple[Expr, bool]:
    """A term without its sign, and whether it had one."""
    if isinstance(e, Neg):
        term, minus = _term(e.body)
        return term, not minus
    if not isinstance(e, Product):
        return e, False
    first, *others = e.factors
    if isinstance(first, Neg):
        term, minus = _term(Product((first.body, *others)))
        return term, not minus
    if isinstance(first, Quotient) and first.top == ONE and len(others) == 1:
        return Quotient(others[0], first.bottom), False
    factors = first.factors if isinstance(first, Product) else (first,)
    return Product((*factors, *others)), False


# ---- the same by reverse mode ----------------------------------------------------------


def _by_gradients(t: Trace, moved: dict[int, int], called: Label) -> Line:
    """Σ ∂E/∂x·ẋ from the gradients of the reverse pass."""
    assert t.program.root is not None
    root = t.program.label(t.program.root)
    terms: list[Expr] = []
    operands: dict[str, Label] = {}
    cells: dict[str, int] = {}
    for k, (cell, seed) in enumerate(moved.items()):
        gradient, tangent = f"g{k}", f"d{k}"
        terms.append(Product((Name(gradient), Name(tangent))))
        operands |= {
            gradient: Derivative(root, t.program.label(cell)),
            tangent: t.program.label(seed),
        }
        cells |= {gradient: t.program.gradients[cell], tangent: seed}
    formula = Sum(tuple(terms), (False,) * len(terms)) if len(terms) > 1 else terms[0]
    numbers = {f: show(float(t.values[cell]), t.digits) for f, cell in cells.items()}
    value = show(_directional(t, moved), t.digits)
    exact = bears(formula, numbers, value, t.digits)
    name = labels.name(called)
    return Line(name, called, formula, formula, operands, numbers, value, exact)


def _directional(t: Trace, moved: dict[int, int]) -> float:
    """The derivative of the error in the direction, from its gradients."""
    gradients = t.program.gradients
    return fsum(float(t.values[gradients[cell]] * t.values[seed]) for cell, seed in moved.items())


def _agree(t: Trace, moved: dict[int, int], last: Line, reverse: Line) -> bool:
    """Whether both modes give the same number, up to what a float loses."""
    same = isclose(_directional(t, moved), t[last.name], rel_tol=1e-9, abs_tol=1e-12)
    return same or last.value == reverse.value
