"""Plain formulas: assignments over givens, earlier formulas and what a network computes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from tracer.build.gates import Gates, gate_rule
from tracer.build.sheet import Sheet
from tracer.catalog.activations import known_as
from tracer.catalog.vectors import VECTORS
from tracer.expression import EULER, Call, Expr, Name, Power, Quotient, Sum
from tracer.labels import Label, OfSample, Version
from tracer.program import Phase
from tracer.rules import Rule, formals, inputs, reduces
from tracer.statements import Binding, Bound

PART, AFTER = "formulas", "further formulas"


def emit_formulas(sheet: Sheet, root: str | None = None) -> None:
    """Emit every formula in the scenario's order; `root` is the name of the error."""
    for b in sheet.s.formulas.bindings:
        _emit(sheet, b, root, PART)


def emit_before(sheet: Sheet, wanted: Iterable[str]) -> None:
    """Emit the formulas that `wanted` names are made of, and those that are wanted."""
    needed = sheet.s.formulas.needed({name.replace(" ", "_") for name in wanted})
    for b in sheet.s.formulas.bindings:
        if not needed.isdisjoint(b.keys):
            _emit(sheet, b, None, PART)


def emit_after(sheet: Sheet, root: str | None = None) -> None:
    """Emit the formulas that are not there yet; `root` is the name of the error."""
    for b in sheet.s.formulas.bindings:
        if sheet.steps.keys().isdisjoint(b.keys):
            _emit(sheet, b, root, AFTER)


def _emit(sheet: Sheet, b: Binding, root: str | None, part: str) -> None:
    whole = sheet.s.conventions.detail == "formulas"
    owner = sheet.own(b.of.name) if b.of.vector else _label(sheet, b.outputs[0])
    gates = Gates(sheet, b.reads, owner, part, whole)
    if b.of.vector and whole:
        _emit_vector(sheet, b, gates, part)
        return
    members = _written_out(b.of.vector, b.of.parts) if b.of.vector else b.of.parts
    for bound, formula in zip(b.outputs, members, strict=True):
        operation, operands = gates.last(formula)
        rule = _rule(bound.key, operation) if whole else gate_rule(operation)
        is_root = bound.key == root
        own = [c for f, c in zip(inputs(rule), operands, strict=True) if f not in reduces(rule)]
        of_sample = is_root and bool(sheet.draft.per_sample[own].any())
        label = _label(sheet, bound)
        called: Label = OfSample(label) if of_sample else label
        phase = Phase.ERROR if is_root else Phase.FORWARD
        _bind(sheet, bound, sheet.compute(rule, [operands], [called], phase, part)[0], of_sample)


def _emit_vector(sheet: Sheet, b: Binding, gates: Gates, part: str) -> None:
    """Emit the members of a vector, each from all numbers that it is made of."""
    rule, z = VECTORS[b.of.vector], [gates.cell(e) for e in b.of.parts]
    each = {f"z_{k}": cell for k, cell in enumerate(z, 1)}
    rows = [[{"z": own, **each}[f] for f in formals(rule, len(z))] for own in z]
    called = [_label(sheet, bound) for bound in b.outputs]
    cells = sheet.compute(rule, rows, called, Phase.FORWARD, part)
    for bound, cell in zip(b.outputs, cells, strict=True):
        _bind(sheet, bound, cell)


def _label(sheet: Sheet, bound: Bound) -> Label:
    own = sheet.own(bound.name)
    return own if bound.last else Version(own, bound.version)


def _bind(sheet: Sheet, bound: Bound, cell: int, of_sample: bool = False) -> None:
    """What a name means from here on; the last version has its number as a further name."""
    sheet.steps[bound.key] = cell
    if bound.last and bound.versions > 1 and not of_sample:
        sheet.draft.alias(Version(sheet.own(bound.name), bound.version), cell)


def _written_out(vector: str, z: tuple[Expr, ...]) -> list[Expr]:
    """The members of a vector as formulas of numbers."""
    powers = tuple(Power(Name(EULER), e) for e in z)
    total = Sum(powers, (False,) * len(powers)) if len(powers) > 1 else powers[0]
    if vector == "softmax":
        return [Quotient(power, total) for power in powers]
    return [Sum((e, Call("ln", (total,))), (False, True)) for e in z]


def _rule(name: str, formula: Expr) -> Rule:
    """A formula as a rule: that of the activation it is, with the derivative a person writes."""
    known = known_as(formula)
    return known[0] if known else formula_rule(name, formula)


@lru_cache(maxsize=1024)
def formula_rule(name: str, formula: Expr) -> Rule:
    """A user's formula as a rule; no name in it can be that of its output."""
    return Rule(name, "=", formula, {})
