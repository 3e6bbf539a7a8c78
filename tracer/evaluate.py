"""Run a program: every step of the passes asked for, in one of several arithmetics.

A small program runs as straight-line Python, on floats or, where there are many samples or
variants, on columns. Passes that nobody asked for run only what the next pass needs. A wide
program, and any in float32, runs block by block; a program rounded by hand, or to a number of
digits, step by step. All of them compute the same formulas in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

import numpy as np

from tracer.arithmetic import FLOAT, MACHINES, How, Machine, apply, steadily
from tracer.errors import NotFinite
from tracer.exact import Stepwise, stepwise
from tracer.expression import Expr, member, spread
from tracer.printers import source
from tracer.program import Program, Step
from tracer.rules import Rule, stable_form, written_out
from tracer.straight import FEW, Columns, Scalars, State
from tracer.values import (
    Column,
    Fed,
    Given,
    Values,
    allocated,
    check_columns,
    of_variant,
    variants_of,
)

Progress = Callable[[int, int], None]  # passes done, passes in all

MAX_LINES = 5_000  # steps beyond which straight-line code takes longer to compile than to run
_CHUNK = 2_000  # passes between two reports of progress


class _Engine(Protocol):
    """Passes from a state (the carried givens) to the next state; `first` is their iteration."""

    start: State

    def keep(self, state: State, first: int, passes: int, values: Values, row: int) -> State: ...

    def skip(self, state: State, first: int, passes: int) -> State: ...


def run(
    program: Program,
    givens: Mapping[int, Given],
    recorded: Sequence[int],
    *,
    only: Sequence[int] | None = None,
    how: How = Machine.FLOAT64,
    progress: Progress | None = None,
) -> Values:
    """Evaluate the steps of the recorded passes, all of them or `only` some.

    givens    a value for every given: a number, a column of one a sample (or, [variant, 1], of
              one a variant), or what is fed, a row a pass
    recorded  iterations in ascending order; iteration k has the weights after k updates
    how       the arithmetic; what is kept is rounded to float64
    raises    NotFinite naming the first step and iteration that fail, TooLarge
    accuracy  each value is the rounded formula on its stored operands, in printed order; a
              power of e too large for a float is infinite, so that sigmoid(-800) is 0. Columns
              of more than 64 samples use numpy's exp, ln, tanh and pairwise sums
    """
    variants = variants_of(program, givens)
    check_columns(program, givens)
    values = allocated(program, len(recorded), variants, only)
    if not isinstance(how, Machine):
        for variant in range(variants):
            own = {cell: of_variant(given, variant) for cell, given in givens.items()}
            engine = _Steps(program, own, stepwise(how))
            _fill(engine, recorded, values.variant(variant), progress)
        return values
    try:
        _fill(_engine(program, givens, values, how), recorded, values, progress)
    except (OverflowError, ZeroDivisionError, ValueError):
        # a float operation refuses what is infinite; columns go on, and a step may be finite
        _fill(_Blocks(program, givens, variants, how), recorded, values, progress)
    if not values.finite:
        raise _first_failure(program, givens, recorded[-1], how)
    return values


def first_below(
    program: Program, givens: Mapping[int, Given], cell: int, bound: float, limit: int,
    *, how: How = Machine.FLOAT64,
) -> int:  # fmt: skip
    """The first iteration in which a step is less than `bound`, or `limit`."""
    at, size = 0, 16
    while at <= limit:
        last = min(at + size, limit + 1) - 1
        found = run(program, givens, range(at, last + 1), only=[cell], how=how)
        below = np.flatnonzero(found.of(cell)[:, 0, 0] < bound)
        if len(below):
            return at + int(below[0])
        at, size = last + 1, size * 2
    return limit


def _fill(
    engine: _Engine, recorded: Sequence[int], values: Values, progress: Progress | None
) -> None:
    """Run an engine through every pass up to the last recorded one."""
    state = engine.start
    at = row = 0
    while row < len(recorded):
        while at < recorded[row]:
            count = min(recorded[row] - at, _CHUNK)
            state, at = engine.skip(state, at, count), at + count
            _report(progress, at, recorded[-1])
        count = _together(recorded, row)
        state = engine.keep(state, at, count, values, row)
        at, row = at + count, row + count
        _report(progress, at, recorded[-1])


def _together(recorded: Sequence[int], row: int) -> int:
    """How many recorded passes follow each other from `row` on, up to a chunk."""
    end = min(row + _CHUNK, len(recorded))
    gaps = (k for k in range(row + 1, end) if recorded[k] != recorded[k - 1] + 1)
    return next(gaps, end) - row


def _report(progress: Progress | None, done: int, total: int) -> None:
    if progress:
        progress(min(done, total), total)


def _engine(
    program: Program, givens: Mapping[int, Given], values: Values, machine: Machine
) -> _Engine:
    """The quickest engine for a program: in float64 all give the same values."""
    if machine is not Machine.FLOAT64:
        _check_fit(program, givens, machine)
        return _Blocks(program, givens, values.variants, machine)
    few = program.samples <= FEW and values.variants <= FEW
    if few and len(program) * program.samples <= MAX_LINES:
        return Scalars(program, givens, values)
    if len(program) <= MAX_LINES:
        return Columns(program, givens, values)
    return _Blocks(program, givens, values.variants)


# ---- blocks ----------------------------------------------------------------------------


class _Blocks:
    """A wide program, or one in other floats: block by block on arrays [cell, variant, sample]."""

    def __init__(
        self, program: Program, givens: Mapping[int, Given], variants: int,
        machine: Machine = Machine.FLOAT64,
    ) -> None:  # fmt: skip
        floats, self.arithmetic = MACHINES[machine]
        self.program = program
        self.values = np.zeros((len(program), variants, program.samples), floats)
        self.fed = {cell: given for cell, given in givens.items() if isinstance(given, Fed)}
        for cell, given in givens.items():
            if not isinstance(given, Fed):
                self.values[cell] = given if isinstance(given, np.ndarray) else float(given)
        self.start: State = [self.values[cell].copy() for cell in program.carry]

    def keep(self, state: State, first: int, passes: int, values: Values, row: int) -> State:
        for k in range(passes):
            state = self._pass(state, first + k)
            values.put(row + k, self.values)
        return state

    def skip(self, state: State, first: int, passes: int) -> State:
        for k in range(first, first + passes):
            state = self._pass(state, k)
        return state

    def _pass(self, state: State, iteration: int) -> State:
        values, samples = self.values, self.program.samples
        for cell, value in zip(self.program.carry, state, strict=True):
            values[cell] = value
        for cell, fed in self.fed.items():
            values[cell] = fed.at(iteration)
        with np.errstate(all="ignore"):
            for block in self.program.blocks:
                if block.rule:
                    wide = block.per_sample or bool(block.over)
                    columns = {
                        f: values[block.operands[:, k]][..., : samples if wide else 1]
                        for k, f in enumerate(block.formals)
                    }
                    values[block.cells] = self._computed(block.rule, block.size, columns)
        return [values[cell].copy() for cell in self.program.carry.values()]

    def _computed(self, rule: Rule, size: int, columns: Mapping[str, Column]) -> Column:
        usual, stable = written_out(rule, size, self.program.samples), stable_form(rule, size)
        if stable is None:
            return apply(usual, columns, self.arithmetic)
        forms = (partial(apply, form, columns, self.arithmetic) for form in (usual, stable))
        return steadily(self.arithmetic.limit, columns.values(), *forms)


# ---- numbers one by one ----------------------------------------------------------------

_Row = list[Any]  # numbers of the arithmetic: one, or one a sample


class _Steps:
    """Step by step in numbers that are no floats: rounded by hand, or to a number of digits."""

    def __init__(
        self, program: Program, givens: Mapping[int, Given], numbers: Stepwise[Any]
    ) -> None:
        self.steps = [step for step in program.steps() if step.formula is not None]
        self.program, self.numbers = program, numbers
        self.fed = {cell: given for cell, given in givens.items() if isinstance(given, Fed)}
        self.values: dict[int, _Row] = {
            c: self._given(g) for c, g in givens.items() if not isinstance(g, Fed)
        }
        self.start: State = [self.values[cell] for cell in program.carry]

    def keep(self, state: State, first: int, passes: int, values: Values, row: int) -> State:
        for k in range(passes):
            state = self.skip(state, first + k, 1)
            found = [self.values[cell] for cell in range(len(self.program))]
            samples = self.program.samples
            full = [[float(v) for v in (x if len(x) == samples else x * samples)] for x in found]
            values.put(row + k, np.array(full)[:, None, :])
        return state

    def skip(self, state: State, first: int, passes: int) -> State:
        for iteration in range(first, first + passes):
            self.values.update(zip(self.program.carry, state, strict=True))
            for cell, fed in self.fed.items():
                self.values[cell] = self._given(fed.at(iteration))
            with self.numbers.context():
                for step in self.steps:
                    self.values[step.index] = self._step(step, iteration)
            state = [self.values[cell] for cell in self.program.carry.values()]
        return state

    def _given(self, value: Given | Column) -> _Row:
        """A given as it is written: of a float the shortest decimal that stands for it."""
        assert not isinstance(value, Fed)
        number = self.numbers.arithmetic.number
        if isinstance(value, Decimal):
            return [number(str(value))]
        return [number(repr(v)) for v in np.ravel(value).tolist()]

    def _step(self, step: Step, iteration: int) -> _Row:
        return [
            self._one(step, sample, iteration)
            for sample in range(self.program.samples if step.per_sample else 1)
        ]

    def _one(self, step: Step, sample: int, iteration: int) -> Any:
        assert step.formula is not None
        over = self.program.block(step.index).over
        env: dict[str, Any] = {}
        for formal, cell in step.operands.items():
            values = self.values[cell]
            env[formal] = _of(values, sample)
            if formal in over:
                env |= {member(formal, k): _of(values, k) for k in range(self.program.samples)}
        try:
            formula = spread(step.formula, self.program.samples)
            found = self.numbers.finish(apply(formula, env, self.numbers.arithmetic))
        except (ArithmeticError, ValueError) as failure:  # what Decimal and mpmath refuse with
            raise self._not_finite(step, sample, iteration) from failure
        if math.isinf(float(found)):
            raise self._not_finite(step, sample, iteration)
        return found

    def _not_finite(self, step: Step, sample: int, iteration: int) -> NotFinite:
        values = {cell: _of(self.values[cell], sample) for cell in step.operands.values()}
        return _not_finite(step, iteration, values)


def _of(values: _Row, sample: int) -> Any:
    return values[sample if len(values) > 1 else 0]


# ---- what went wrong -------------------------------------------------------------------


def _check_fit(program: Program, givens: Mapping[int, Given], machine: Machine) -> None:
    """What is given is finite in the floats of a machine, as it is in float64."""
    floats, _ = MACHINES[machine]
    for cell, given in givens.items():
        values = given.rows if isinstance(given, Fed) else given
        if (np.abs(np.asarray(values, np.float64)) > np.finfo(floats).max).any():
            name = program.step(cell).name
            raise NotFinite(f"{name} is given and does not fit a {machine.value}")


def _first_failure(
    program: Program, givens: Mapping[int, Given], last: int, machine: Machine
) -> NotFinite:
    """The first step without a finite value, found by going through every pass again."""
    engine = _Blocks(program, givens, variants_of(program, givens), machine)
    state = engine.start
    for iteration in range(last + 1):
        state = engine.skip(state, iteration, 1)
        bad = np.argwhere(~np.isfinite(engine.values))
        if len(bad):
            cell, variant, sample = map(int, bad[0])
            found = dict(enumerate(engine.values[:, variant, sample]))
            return _not_finite(program.step(cell), iteration, found)
    raise AssertionError("a value is not finite, but not on a second run")


def _not_finite(step: Step, iteration: int, values: Mapping[int, Any]) -> NotFinite:
    given = {formal: float(values[cell]) for formal, cell in step.operands.items()}
    shown = ", ".join(f"{formal} = {value:.6g}" for formal, value in given.items())
    assert step.formula is not None, f"{step.name} is given and not finite"
    return NotFinite(
        f"{step.name} at iteration {iteration}: {_reason(step.formula, given)} in "
        f"{source(step.formula)} with {shown}"
    )


def _reason(formula: Expr, given: Mapping[str, float]) -> str:
    try:
        apply(formula, given, FLOAT)
    except ZeroDivisionError:
        return "division by zero"
    except ValueError:
        return "no real value"
    except (KeyError, OverflowError):  # a sum over the batch has no single operands
        return "overflow"
    return "overflow"
