"""Run a program: every step of the passes asked for, in one of several arithmetics.

A small program becomes straight-line Python, one line a step in the printed order, that
packs each recorded pass into a row. Passes that nobody asked for run only what the next
pass needs. A wide program, or one with many samples, runs block by block on columns with
the same results; hand rounding runs step by step in Decimal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, DecimalException, localcontext
from functools import cached_property
from struct import Struct
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tracer.arithmetic import COLUMNS, DECIMAL, FLOAT, apply, decimal_context
from tracer.errors import NotFinite, TooLarge
from tracer.expression import Expr
from tracer.numbers import Digits, rounded
from tracer.printers import PYTHON, Leaf, fill, source, template
from tracer.program import Program, Step
from tracer.rules import written_out

Values = NDArray[np.float64]
Given = Decimal | float | Values  # one value, or one a sample
Progress = Callable[[int, int], None]  # passes done, passes in all

MAX_BYTES = 4 * 2**30
MAX_LINES = 5_000  # steps beyond which straight-line code takes longer to compile than to run
_CHUNK = 2_000  # passes between two reports of progress


class _Engine(Protocol):
    """Passes from a state (the carried givens) to the next state."""

    start: Sequence[Given]

    def keep(self, state: Sequence[Given], passes: int, rows: Values) -> Sequence[Given]: ...

    def skip(self, state: Sequence[Given], passes: int) -> Sequence[Given]: ...


def run(
    program: Program,
    givens: Mapping[int, Given],
    recorded: Sequence[int],
    *,
    rounding: Digits | None = None,
    progress: Progress | None = None,
) -> Values:
    """Evaluate every step of the recorded passes.

    givens    a value for every given, or a column of one a sample
    recorded  iterations in ascending order; iteration k has the weights after k updates
    rounding  round every step by hand; None: float64
    returns   values[pass, sample, cell]
    raises    NotFinite naming the first step and iteration that fail, TooLarge
    accuracy  each value is the rounded formula on its stored operands, in printed order; a
              power of e too large for a float is infinite, so that sigmoid(-800) is 0
    """
    samples = _samples(givens)
    _check_size(len(recorded), samples, len(program))
    values = np.empty((len(recorded), samples, len(program)))
    if rounding:
        for sample in range(samples):
            engine: _Engine = _ByHand(program, _of_sample(givens, sample), rounding)
            _fill(engine, recorded, values[:, sample : sample + 1], progress)
        return values
    try:
        _fill(_engine(program, givens, samples), recorded, values, progress)
    except (OverflowError, ZeroDivisionError, ValueError):
        # a float operation refuses what is infinite; columns go on, and a step may be finite
        _fill(_Columns(program, givens, samples), recorded, values, progress)
    if not np.isfinite(values).all():
        raise _first_failure(program, givens, recorded[-1])
    return values


def _fill(
    engine: _Engine, recorded: Sequence[int], values: Values, progress: Progress | None
) -> None:
    """Run an engine through every pass up to the last recorded one."""
    state = engine.start
    at = row = 0
    while row < len(recorded):
        while at < recorded[row]:
            count = min(recorded[row] - at, _CHUNK)
            state, at = engine.skip(state, count), at + count
            _report(progress, at, recorded[-1])
        count = _together(recorded, row)
        state = engine.keep(state, count, values[row : row + count])
        at, row = at + count, row + count
        _report(progress, at, recorded[-1])


def _together(recorded: Sequence[int], row: int) -> int:
    """How many recorded passes follow each other from `row` on, up to a chunk."""
    end = min(row + _CHUNK, len(recorded))
    gaps = (k for k in range(row + 1, end) if recorded[k] != recorded[k - 1] + 1)
    return next(gaps, end) - row


def _of_sample(givens: Mapping[int, Given], sample: int) -> dict[int, Given]:
    """The givens of one sample."""
    return {
        c: float(v[sample % v.size]) if isinstance(v, np.ndarray) else v for c, v in givens.items()
    }


def _samples(givens: Mapping[int, Given]) -> int:
    return max((v.size for v in givens.values() if isinstance(v, np.ndarray)), default=1)


def _report(progress: Progress | None, done: int, total: int) -> None:
    if progress:
        progress(min(done, total), total)


def _check_size(passes: int, samples: int, cells: int) -> None:
    size = passes * samples * cells * 8
    if size > MAX_BYTES:
        raise TooLarge(
            f"recording {passes:,} passes × {samples:,} samples × {cells:,} steps takes "
            f"{size / 2**30:,.1f} GiB; record fewer passes (record='last' or every k-th)"
        )


def _engine(program: Program, givens: Mapping[int, Given], samples: int) -> _Engine:
    if samples > 1 or len(program) > MAX_LINES:
        return _Columns(program, givens, samples)
    return _Straight(program, _of_sample(givens, 0))


def _carried(program: Program, givens: Mapping[int, Given]) -> Sequence[Given]:
    return [givens[cell] for cell in program.carry]


# ---- straight-line Python --------------------------------------------------------------


class _Straight:
    """One sample: generated Python on floats."""

    def __init__(self, program: Program, givens: Mapping[int, Given]) -> None:
        self.start = _carried(program, givens)
        self.row = Struct(f"{len(program)}d")
        constants = {f"v{c}": float(v) for c, v in givens.items() if c not in program.carry}
        self.program = program
        self.shared: dict[str, object] = {
            **FLOAT.calls,
            "pow": FLOAT.power,
            "e": math.e,
            **constants,
            "pack": self.row.pack_into,
            "size": self.row.size,
        }

    @cached_property
    def _keep(self) -> Callable[..., Sequence[Given]]:
        return _compiled(straight_line(self.program, everything=True), self.shared)

    @cached_property
    def _skip(self) -> Callable[..., Sequence[Given]]:
        return _compiled(straight_line(self.program, everything=False), self.shared)

    def keep(self, state: Sequence[Given], passes: int, rows: Values) -> Sequence[Given]:
        return self._keep(passes, rows, *map(float, state))

    def skip(self, state: Sequence[Given], passes: int) -> Sequence[Given]:
        return self._skip(passes, None, *map(float, state))


def _compiled(source: str, shared: Mapping[str, object]) -> Callable[..., Sequence[Given]]:
    """The function `passes` of a generated source; it holds only our own formulas."""
    space: dict[str, object] = dict(shared)
    exec(compile(source, "<program>", "exec"), space)
    made = space["passes"]
    assert callable(made)
    return made


def straight_line(program: Program, *, everything: bool) -> str:
    """The program as a Python function: every step packed into rows, or only the updates.

    The source is made of cell numbers and catalog operators; no text of a scenario gets in.
    """
    carried = [f"v{cell}" for cell in program.carry]
    needed = None if everything else program.cone(list(program.carry.values()))
    lines = [f"def passes(n, rows, {', '.join(carried)}):", "    at = 0", "    for _ in range(n):"]
    lines += [
        f"        v{cell} = {line}" for cell, line in _assignments(program)
        if needed is None or cell in needed
    ]  # fmt: skip
    if everything:
        packed = ", ".join(f"v{cell}" for cell in range(len(program)))
        lines += [f"        pack(rows, at, {packed})", "        at += size"]
    if carried:
        after = ", ".join(f"v{cell}" for cell in program.carry.values())
        lines.append(f"        {', '.join(carried)} = {after}")
    lines += ["        pass", f"    return ({''.join(f'{name}, ' for name in carried)})"]
    return "\n".join(lines)


def _assignments(program: Program) -> list[tuple[int, str]]:
    found = []
    for block in program.blocks:
        if block.rule is None:
            continue
        parts = template(written_out(block.rule, block.size), PYTHON)
        for cell, operands in zip(block.cells.tolist(), block.operands.tolist(), strict=True):
            names = {f: Leaf(f"v{o}") for f, o in zip(block.formals, operands, strict=True)}
            found.append((cell, fill(parts, names.__getitem__)))
    return found


# ---- columns ---------------------------------------------------------------------------


class _Columns:
    """Many samples or a wide program: block by block, values[sample, cell]."""

    def __init__(self, program: Program, givens: Mapping[int, Given], samples: int) -> None:
        self.start = _carried(program, givens)
        self.program = program
        self.values = np.zeros((samples, len(program)))
        for cell, value in givens.items():
            self.values[:, cell] = value if isinstance(value, np.ndarray) else float(value)

    def keep(self, state: Sequence[Given], passes: int, rows: Values) -> Sequence[Given]:
        for row in rows[:passes]:
            state = self._pass(state)
            row[:] = self.values
        return state

    def skip(self, state: Sequence[Given], passes: int) -> Sequence[Given]:
        for _ in range(passes):
            state = self._pass(state)
        return state

    def _pass(self, state: Sequence[Given]) -> Sequence[Given]:
        values = self.values
        for cell, value in zip(self.program.carry, state, strict=True):
            values[:, cell] = value
        with np.errstate(all="ignore"):
            for block in self.program.blocks:
                if block.rule:
                    columns = {
                        f: values[:, block.operands[:, k]] for k, f in enumerate(block.formals)
                    }
                    values[:, block.cells] = apply(
                        written_out(block.rule, block.size), columns, COLUMNS
                    )
        return [values[:, cell].copy() for cell in self.program.carry.values()]


# ---- decimals --------------------------------------------------------------------------


class _ByHand:
    """One sample: every step computed to 50 digits and rounded as a person does."""

    def __init__(self, program: Program, givens: Mapping[int, Given], digits: Digits) -> None:
        self.start = _carried(program, givens)
        self.steps = [step for step in program.steps() if step.formula is not None]
        self.program, self.digits, self.passes = program, digits, 0
        self.values: dict[int, Decimal] = {c: _decimal(v) for c, v in givens.items()}

    def keep(self, state: Sequence[Given], passes: int, rows: Values) -> Sequence[Given]:
        for row in rows[:passes]:
            state = self.skip(state, 1)
            row[0] = [float(self.values[cell]) for cell in range(len(self.program))]
        return state

    def skip(self, state: Sequence[Given], passes: int) -> Sequence[Given]:
        for _ in range(passes):
            self.values.update(zip(self.program.carry, map(_decimal, state), strict=True))
            with localcontext(decimal_context()):
                for step in self.steps:
                    self.values[step.index] = self._step(step)
            self.passes += 1
            state = [self.values[cell] for cell in self.program.carry.values()]
        return state

    def _step(self, step: Step) -> Decimal:
        assert step.formula is not None
        env = {formal: self.values[cell] for formal, cell in step.operands.items()}
        try:
            found = rounded(apply(step.formula, env, DECIMAL), self.digits)
        except DecimalException as failure:
            raise _not_finite(step, self.passes, self.values) from failure
        if math.isinf(float(found)):
            raise _not_finite(step, self.passes, self.values)
        return found


def _decimal(value: Given) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(float(value))


# ---- what went wrong -------------------------------------------------------------------


def _first_failure(program: Program, givens: Mapping[int, Given], last: int) -> NotFinite:
    """The first step without a finite value, found by going through every pass again."""
    engine = _Columns(program, givens, _samples(givens))
    state = engine.start
    for iteration in range(last + 1):
        state = engine.skip(state, 1)
        bad = np.argwhere(~np.isfinite(engine.values.T))
        if len(bad):
            cell, sample = map(int, bad[0])
            return _not_finite(
                program.step(cell), iteration, dict(enumerate(engine.values[sample]))
            )
    raise AssertionError("a value is not finite, but not on a second run")


def _not_finite(step: Step, iteration: int, values: Mapping[int, float | Decimal]) -> NotFinite:
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
    except OverflowError:
        return "overflow"
    return "overflow"
