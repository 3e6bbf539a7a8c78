"""A program as straight-line Python, compiled: one line a step, in the printed order.

The source is made of cell numbers and operators of the formula language; no text of a scenario
gets in. `Scalars` has a name for every value, also of every sample: the quickest for a few.
`Columns` has a column of one value a sample, or a variant and sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from struct import Struct
from types import CodeType
from typing import Any

import numpy as np

from tracer import arithmetic
from tracer.arithmetic import FLOAT, steadily
from tracer.expression import member, spread
from tracer.printers import COLUMNS, PYTHON, Leaf, Template, Text, fill, template
from tracer.program import Block, Program
from tracer.rules import stable_form, written_out
from tracer.values import Column, Fed, Given, Values

State = Sequence[Any]  # the carried givens
Passes = Callable[..., State]

FEW = 12  # samples, and variants, up to which scalars are quicker than columns

_FLOATS: dict[str, object] = {**FLOAT.calls, "pow": FLOAT.power, "e": math.e}
_COLUMNS: dict[str, object] = {
    **{f"{name}s": call for name, call in arithmetic.COLUMNS.calls.items()},
    "pows": arithmetic.COLUMNS.power,
    "steadily": steadily,
}


def source(
    program: Program, fed: Sequence[str], lines: Sequence[str], keeping: Sequence[str]
) -> str:
    """The function `passes`: n passes from iteration `first` on; returns the next state."""
    carried = "".join(f", v{cell}" for cell in program.carry)
    after = "".join(f"v{cell}, " for cell in program.carry.values())
    step = [f"({carried[2:]},) = ({after})"] if carried else []
    body = [*fed, *lines, *keeping, *step, "pass"]
    return "\n".join([
        f"def passes(first, n, batch, each, at, there{carried}):",
        "    for k in range(first, first + n):",
        *(f"        {line}" for line in body),
        f"    return ({carried[2:]}{',' if carried else ''})",
    ])  # fmt: skip


def needed(program: Program, values: Values, everything: bool) -> set[int]:
    """The cells to compute: those kept, and what the next pass starts from."""
    kept = [*values.batch_cells, *values.each_cells] if everything else []
    return program.cone([*program.carry.values(), *kept])


def _row(given: Fed) -> str:
    """Which row of what is fed belongs to pass k, as `Fed.at` has it."""
    since = f"max(k - {given.late}, 0)" if given.late else "k"
    return f"min({since}, {len(given.rows) - 1})" if given.once else f"{since} % {len(given.rows)}"


def _compiled(text: str, space: Mapping[str, object]) -> Passes:
    return _function(compile(text, "<program>", "exec"), space)


def _function(code: CodeType, space: Mapping[str, object]) -> Passes:
    """The function `passes` of a generated source; it holds only our own formulas."""
    found: dict[str, object] = dict(space)
    exec(code, found)
    made = found["passes"]
    assert callable(made)
    return made


def _forms(block: Block, samples: int, language: Text) -> list[Template]:
    """The formula of a block, and its stable form if it has one."""
    assert block.rule
    formula = written_out(block.rule, block.size, samples)
    if block.over and language is PYTHON:
        formula = spread(formula, samples)
    forms = (formula, stable_form(block.rule, block.size))
    return [template(form, language) for form in forms if form]


def _scalar(forms: Sequence[Template], names: Mapping[str, Leaf]) -> str:
    """A float, by the stable form where an operand is beyond the limit."""
    usual, *stable = (fill(form, names.__getitem__) for form in forms)
    large = " or ".join(f"abs({v.text}) > {FLOAT.limit}" for v in names.values())
    return f"({stable[0]}) if {large} else ({usual})" if stable else usual


def _column(forms: Sequence[Template], names: Mapping[str, Leaf]) -> str:
    """A column, by the stable form where an operand is beyond the limit."""
    usual, *stable = (fill(form, names.__getitem__) for form in forms)
    operands = "".join(f"{v.text}, " for v in names.values())
    lines = f"lambda: {usual}, lambda: {stable[0]}" if stable else ""
    return f"steadily({FLOAT.limit}, ({operands}), {lines})" if stable else usual


# ---- scalars ---------------------------------------------------------------------------


class Scalars:
    """A float for every step and sample; variants one after the other."""

    def __init__(self, program: Program, givens: Mapping[int, Given], values: Values) -> None:
        self.program, self.givens, self.values = program, givens, values
        self.per_sample = {c for b in program.blocks if b.per_sample for c in b.cells.tolist()}
        self.samples = range(program.samples)
        self.variants = range(values.variants)
        self.start: State = [
            tuple(_number(givens[cell], v, 0) for cell in program.carry) for v in self.variants
        ]
        self.sizes = len(values.batch_cells), len(values.each_cells) * program.samples

    def keep(self, state: State, first: int, passes: int, values: Values, row: int) -> State:
        rows = values.rows(row, passes)
        batch, each = (8 * size for size in self.sizes)
        return [
            keep(first, passes, rows.batch, rows.each, v * batch, v * each, *own)
            for v, keep, own in zip(self.variants, self._keep, state, strict=True)
        ]

    def skip(self, state: State, first: int, passes: int) -> State:
        pairs = zip(self._skip, state, strict=True)
        return [skip(first, passes, None, None, 0, 0, *own) for skip, own in pairs]

    @cached_property
    def _keep(self) -> list[Passes]:
        return self._functions(everything=True)

    @cached_property
    def _skip(self) -> list[Passes]:
        return self._functions(everything=False)

    def _functions(self, *, everything: bool) -> list[Passes]:
        code = compile(self.source(everything=everything), "<program>", "exec")
        return [_function(code, self._space(v)) for v in self.variants]

    def _space(self, variant: int) -> dict[str, object]:
        """What the source refers to: functions, givens, what is fed."""
        batch, each = (Struct(f"{size}d").pack_into for size in self.sizes)
        space: dict[str, object] = {**_FLOATS, "pack": batch, "pack_each": each}
        for cell, given in self.givens.items():
            if isinstance(given, Fed):
                rows = given.rows.tolist()
                space[f"f{cell}"] = rows if cell in self.per_sample else [row[0] for row in rows]
            else:
                names = dict.fromkeys(self._name(cell, s) for s in self.samples)
                space |= {name: _number(given, variant, s) for s, name in enumerate(names)}
        return space

    def _name(self, cell: int, sample: int) -> str:
        return f"v{cell}_{sample}" if cell in self.per_sample else f"v{cell}"

    def _names(self, cell: int) -> str:
        return ", ".join(dict.fromkeys(self._name(cell, s) for s in self.samples))

    def source(self, *, everything: bool) -> str:
        """The Python source: every step kept in rows, or only what the next pass needs."""
        cells = needed(self.program, self.values, everything)
        fed = [
            f"{self._names(c)} = f{c}[{_row(given)}]"
            for c, given in self.givens.items() if isinstance(given, Fed) and c in cells
        ]  # fmt: skip
        lines = [
            line for block in self.program.blocks if block.rule
            for line in self._lines(block, cells)
        ]  # fmt: skip
        return source(self.program, fed, lines, list(self._keeping()) if everything else [])

    def _lines(self, block: Block, cells: set[int]) -> Iterator[str]:
        assert block.rule
        parts = _forms(block, self.program.samples, PYTHON)
        rows = zip(block.cells.tolist(), block.operands.tolist(), strict=True)
        for cell, operands in ((c, row) for c, row in rows if c in cells):
            for sample in self.samples if block.per_sample else (0,):
                names = {}
                for formal, operand in zip(block.formals, operands, strict=True):
                    names[formal] = Leaf(self._name(operand, sample))
                    for s in self.samples if formal in block.over else ():
                        names[member(formal, s)] = Leaf(self._name(operand, s))
                yield f"{self._name(cell, sample)} = {_scalar(parts, names)}"

    def _keeping(self) -> Iterator[str]:
        """Statements that put a pass into its row, and go on to the next."""
        variants, values = len(self.variants), self.values
        for pack, array, at, size, cells in (
            ("pack", "batch", "at", self.sizes[0], values.batch_cells),
            ("pack_each", "each", "there", self.sizes[1], values.each_cells),
        ):
            if size:
                kept = [self._name(c, s) for c in cells for s in self.samples]
                names = kept if array == "each" else list(map(self._names, cells))
                yield f"{pack}({array}, {at}, {', '.join(names)})"
                yield f"{at} += {8 * size * variants}"


def _number(given: Given, variant: int, sample: int) -> float:
    """One number of a given that is a number or an array [sample] or [variant, sample]."""
    assert not isinstance(given, Fed)
    if not isinstance(given, np.ndarray):
        return float(given)
    row = given[variant % len(given)] if given.ndim == 2 else given
    return float(row[sample % len(row)])


# ---- columns ---------------------------------------------------------------------------


class Columns:
    """A column for every per-sample step; with variants for every step, [variant, sample]."""

    def __init__(self, program: Program, givens: Mapping[int, Given], values: Values) -> None:
        self.program, self.givens, self.values = program, givens, values
        self.several = values.variants > 1
        ready = {cell: self._ready(given) for cell, given in givens.items()}
        self.start: State = [ready[cell] for cell in program.carry]
        row = Struct(f"{len(values.batch_cells)}d")
        fed = {cell for cell, given in givens.items() if isinstance(given, Fed)}
        named = {f"{'f' if c in fed else 'v'}{c}": given for c, given in ready.items()}
        over = {f"{how}s": _over(how, program.samples) for how in ("total", "largest")}
        self.space = {**_FLOATS, **_COLUMNS, **over, **named, "pack": row.pack_into}

    def _ready(self, given: Given) -> object:
        if isinstance(given, Fed):
            single = given.rows.shape[1] == 1 and not self.several
            return [float(row[0]) for row in given.rows] if single else list(given.rows)
        return given if isinstance(given, np.ndarray) else float(given)

    def keep(self, state: State, first: int, passes: int, values: Values, row: int) -> State:
        rows = values.rows(row, passes)
        with np.errstate(all="ignore"):
            return self._keep(first, passes, rows.batch, rows.each, 0, 0, *state)

    def skip(self, state: State, first: int, passes: int) -> State:
        with np.errstate(all="ignore"):
            return self._skip(first, passes, None, None, 0, 0, *state)

    @cached_property
    def _keep(self) -> Passes:
        return _compiled(self.source(everything=True), self.space)

    @cached_property
    def _skip(self) -> Passes:
        return _compiled(self.source(everything=False), self.space)

    def source(self, *, everything: bool) -> str:
        """The Python source: every step kept in rows, or only what the next pass needs."""
        cells = needed(self.program, self.values, everything)
        fed = [
            f"v{c} = f{c}[{_row(given)}]"
            for c, given in self.givens.items() if isinstance(given, Fed) and c in cells
        ]  # fmt: skip
        lines = [f"v{cell} = {line}" for cell, line in self._assignments() if cell in cells]
        return source(self.program, fed, lines, list(self._keeping()) if everything else [])

    def _keeping(self) -> Iterator[str]:
        batch, each = self.values.batch_cells, self.values.each_cells
        if self.several:
            yield from (f"batch[k - first, :, {p}:{p + 1}] = v{c}" for p, c in enumerate(batch))
        elif batch:
            yield f"pack(batch, at, {', '.join(f'v{cell}' for cell in batch)})"
            yield f"at += {8 * len(batch)}"
        yield from (f"each[k - first, :, {p}] = v{c}" for p, c in enumerate(each))

    def _assignments(self) -> Iterator[tuple[int, str]]:
        for block in self.program.blocks:
            if block.rule is None:
                continue
            wide = block.per_sample or self.several
            columns = wide or bool(block.over)
            parts = _forms(block, self.program.samples, COLUMNS if columns else PYTHON)
            for cell, operands in zip(block.cells.tolist(), block.operands.tolist(), strict=True):
                names = {f: Leaf(f"v{o}") for f, o in zip(block.formals, operands, strict=True)}
                line = (_column if columns else _scalar)(parts, names)
                yield cell, f"({line}).item()" if block.over and not wide else line


def _over(how: str, samples: int) -> Callable[[Any], Column]:
    """What runs over all samples; a value that they share counts once for each."""
    call = arithmetic.COLUMNS.calls[how]
    return lambda x: call(np.broadcast_to(x, (*np.shape(x)[:-1], samples)))
