"""Gradients that a scenario states, in place of an error to differentiate."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from tracer.build.formulas import emit_formulas
from tracer.build.optimizers import emit_batch
from tracer.build.sheet import Sheet
from tracer.catalog.optimizers import GRADIENT
from tracer.expression import Name
from tracer.inventory import joined
from tracer.labels import Belonging, Label, OfSample, Own, name
from tracer.parsing import parse
from tracer.program import Cells, Phase
from tracer.rules import Rule, inputs
from tracer.training import over_passes
from tracer.values import Fed

PART = "parameters"


def emit_gradients(sheet: Sheet) -> dict[int, int]:
    """Emit the gradient of every parameter that has one; returns them."""
    found: dict[int, int] = {}
    elements = {parameter: _elements(sheet, parameter) for parameter in sheet.s.gradients}
    for parameter in elements.values():
        sheet.given([str(x) for x in parameter.ravel()], PART)
    emit_formulas(sheet)
    for parameter, gradient in sheet.s.gradients.items():
        names = elements[parameter]
        w = sheet.given([str(x) for x in names.ravel()], PART)
        emit = _by_formula if isinstance(gradient, str) else _given
        found.update(zip(w.tolist(), emit(sheet, gradient, names, w).tolist(), strict=True))
    if any(sheet.draft.per_sample[cell] for cell in found.values()):
        reduction = sheet.s.conventions.reduction
        return emit_batch(sheet.draft, reduction, found, lambda label: _of(label))
    return found


def _elements(sheet: Sheet, given: str) -> Any:
    found = sheet.s.elements(given)
    assert found is not None, "what has a gradient is given"
    return found


def _of(parameter: Label) -> Label:
    return Belonging(Own(GRADIENT), parameter)


def _given(sheet: Sheet, gradient: Any, names: Any, w: Cells) -> Cells:
    """Numbers, the same in every pass or one after the other."""
    passes = over_passes(gradient, names.shape)
    assert passes is not None, "its shape was checked"
    labels = [_of(sheet.draft.label(cell)) for cell in w.tolist()]
    for label, column in zip(labels, passes.reshape(len(passes), -1).T, strict=True):
        rows = column.astype(np.float64)[:, None]
        value = Decimal(str(column[0])) if len(rows) == 1 else Fed(rows, once=True)
        sheet.further[name(label)] = value
    return sheet.draft.given(labels, part="gradients")


def _by_formula(sheet: Sheet, text: Any, names: Any, w: Cells) -> Cells:
    """A formula for every element; what has several numbers gives each its own."""
    spelt = {joined(given): given for table in sheet.s.tables.values() for given in table}
    rule = Rule("gradient", GRADIENT, parse(text), {})
    columns = []
    for formal in inputs(rule):
        own = _elements(sheet, spelt[formal]) if formal in spelt else np.array(formal, object)
        called = [str(x) for x in np.broadcast_to(own, names.shape).ravel()]
        columns.append(sheet.given([sheet.written(x) for x in called], "gradients"))
    if isinstance(rule.formula, Name) and spelt.get(rule.formula.text) not in sheet.s.gradients:
        return columns[0]
    rows = np.array(columns, np.int64).reshape(-1, len(w)).T
    labels = [_of(sheet.draft.label(cell)) for cell in w.tolist()]
    if rows.size and sheet.draft.per_sample[rows].any():
        labels = [OfSample(label) for label in labels]
    return sheet.draft.emit(rule, rows, labels, Phase.BACKWARD, part="gradients")
