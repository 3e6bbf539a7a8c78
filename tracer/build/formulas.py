"""Plain formulas: assignments over givens, earlier formulas and what a network computes."""

from __future__ import annotations

from functools import lru_cache

from tracer.build.sheet import Sheet
from tracer.expression import names, parse
from tracer.labels import Label, OfSample
from tracer.program import Phase
from tracer.rules import Rule, inputs, reduces

PART, AFTER = "formulas", "further formulas"


def emit_formulas(sheet: Sheet, root: str | None = None, part: str = PART) -> None:
    """Emit every formula whose operands are there, in the scenario's order."""
    for name, text in sheet.s.formulas.items():
        if sheet.find(name) < 0 and all(map(sheet.known, names(parse(text)))):
            _emit(sheet, name, formula_rule(name, text), name == root, part)


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
