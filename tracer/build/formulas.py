"""Plain formulas: assignments over givens, earlier formulas and what a network computes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from tracer.build.sheet import Sheet
from tracer.expression import names, parse
from tracer.labels import Label, OfSample
from tracer.program import Phase
from tracer.rules import Rule, inputs, reduces

PART, AFTER = "formulas", "further formulas"


def emit_formulas(sheet: Sheet, root: str | None = None) -> None:
    """Emit every formula in the scenario's order."""
    for name, text in sheet.s.formulas.items():
        _emit(sheet, name, formula_rule(name, text), name == root, PART)


def emit_before(sheet: Sheet, wanted: Iterable[str]) -> None:
    """Emit the formulas that `wanted` names are made of, and those that are wanted."""
    needed = {name.replace(" ", "_") for name in wanted}
    for name, text in reversed(sheet.s.formulas.items()):
        if name.replace(" ", "_") in needed:
            needed.update(names(parse(text)))
    for name, text in sheet.s.formulas.items():
        if name.replace(" ", "_") in needed:
            _emit(sheet, name, formula_rule(name, text), False, PART)


def emit_after(sheet: Sheet) -> None:
    """Emit the formulas that are not there yet."""
    for name, text in sheet.s.formulas.items():
        if name not in sheet.steps:
            _emit(sheet, name, formula_rule(name, text), False, AFTER)


def _emit(sheet: Sheet, name: str, formula: Rule, is_root: bool, part: str) -> None:
    operands = sheet.given([sheet.written(formal) for formal in inputs(formula)], part)
    own = [k for k, formal in enumerate(inputs(formula)) if formal not in reduces(formula)]
    of_sample = is_root and bool(sheet.draft.per_sample[operands[own]].any())
    label: Label = OfSample(sheet.own(name)) if of_sample else sheet.own(name)
    phase = Phase.ERROR if is_root else Phase.FORWARD
    cells = sheet.draft.emit(formula, operands[None, :], [label], phase, part=part)
    sheet.steps[name] = int(cells[0])


@lru_cache(maxsize=1024)
def formula_rule(name: str, text: str) -> Rule:
    """A user's formula as a rule; no name in it can be that of its output."""
    return Rule(name, "=", parse(text), {})
