"""One rule and its derivatives as a program of their own, computed by every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tracer import evaluate
from tracer.arithmetic import How, Machine
from tracer.evaluate import _Blocks
from tracer.expression import names
from tracer.labels import Own
from tracer.program import Draft, Phase, Program
from tracer.rules import Rule, inputs, partial_rule
from tracer.straight import Columns, Scalars
from tracer.values import Given, Values, allocated

Table = dict[str, list[float]]  # by formal the derivative by it, the value under the output
ENGINES = (Scalars, Columns, lambda program, givens, v: _Blocks(program, givens, v.variants))


def program_of(rule: Rule, samples: int) -> Program:
    """The rule and its partials; its operands are data."""
    draft = Draft(samples=samples)
    operands = inputs(rule)
    cells = dict(zip(operands, draft.given([*map(Own, operands)], data=True), strict=True))
    output = [Own(rule.output)]
    cells[rule.output] = draft.emit(rule, [[*cells.values()]], output, Phase.FORWARD)[0]
    for formal in operands:
        partial = partial_rule(rule, formal)
        row = [[cells[name] for name in names(partial.formula)]]
        draft.emit(partial, row, [Own(f"by {formal}")], Phase.BACKWARD)
    return draft.finish()


def _table(rule: Rule, program: Program, found: Values, samples: int) -> Table:
    called = {rule.output: rule.output, **{f"by {f}": f for f in inputs(rule)}}
    rows = {f: found.of(program.index[name])[0, 0].tolist() for name, f in called.items()}
    return {name: row if len(row) == samples else row * samples for name, row in rows.items()}


def _given(program: Program, columns: Mapping[str, Sequence[float]]) -> dict[int, Given]:
    return {
        program.index[name]: np.array(column) if len(column) > 1 else column[0]
        for name, column in columns.items()
    }


def computed(
    rule: Rule, columns: Mapping[str, Sequence[float]], how: How = Machine.FLOAT64
) -> Table:
    """The rule's value and derivatives for columns of operands, as a run computes them."""
    samples = len(next(iter(columns.values())))
    program = program_of(rule, samples)
    found = evaluate.run(program, _given(program, columns), [0], how=how)
    return _table(rule, program, found, samples)


def by_every_engine(rule: Rule, columns: Mapping[str, Sequence[float]]) -> list[Table]:
    """The same by each engine; one that gives up, as a float operation may, is left out."""
    samples = len(next(iter(columns.values())))
    program = program_of(rule, samples)
    givens, tables = _given(program, columns), []
    for engine in ENGINES:
        found = allocated(program, 1, 1, None)
        made = engine(program, givens, found)
        try:
            made.keep(made.start, 0, 1, found, 0)
        except (OverflowError, ZeroDivisionError, ValueError):
            continue
        tables.append(_table(rule, program, found, samples))
    return tables
