"""Activations of nets, one by one or of a whole vector, in one step an output or in several."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

import numpy as np

from tracer.build.sheet import Made, Sheet
from tracer.catalog.vectors import DIFFERENCE, EXPONENTIAL, LOGARITHM, SHARE, SUM, VECTORS
from tracer.program import Cells, Phase
from tracer.rulebook import activations
from tracer.rules import Rule, formals


def emit_activation(
    sheet: Sheet, activation: str, nets: Cells, names: Sequence[str], part: str
) -> Cells:
    """Emit the outputs of nets; an activation of vectors takes all of them as one."""
    if activation in VECTORS:
        return emit_vector(sheet, activation, nets, names, sheet.s.conventions.softmax, part)
    a = sheet.emit(activations(sheet.s)[activation], nets[:, None], names, Phase.FORWARD, part)
    for net, output in zip(nets.tolist(), a.tolist(), strict=True):
        sheet.made[output] = Made(activation, net, (output,))
    return a


def emit_vector(
    sheet: Sheet, function: str, nets: Cells, names: Sequence[str], how: str, part: str
) -> Cells:
    """Emit the outputs of one vector: "whole", a step each, or their parts in "steps" before."""
    emit = _WAYS[function, how]
    a = emit(_Bench(sheet, part), function, nets, names)
    for net, output in zip(nets.tolist(), a.tolist(), strict=True):
        sheet.made[output] = Made(function, net, tuple(a.tolist()))
    return a


class _Bench(NamedTuple):
    sheet: Sheet
    part: str

    def emit(self, rule: Rule, operands: Cells, names: Sequence[str]) -> Cells:
        return self.sheet.emit(rule, operands, names, Phase.FORWARD, self.part)

    def total(self, nets: Cells, names: Sequence[str]) -> tuple[Cells, Cells]:
        """Emit e^z of every net, and their sum."""
        powers = self.emit(EXPONENTIAL, nets[:, None], [f"exp_{name}" for name in names])
        return powers, self.emit(SUM, powers[None, :], [_sum_of(names)])


def _whole(bench: _Bench, function: str, nets: Cells, names: Sequence[str]) -> Cells:
    rule, each = VECTORS[function], {f"z_{k}": z for k, z in enumerate(nets.tolist(), 1)}
    wanted = formals(rule, len(nets))
    rows = [[{**each, rule.member: z}[formal] for formal in wanted] for z in nets.tolist()]
    return bench.emit(rule, np.array(rows), names)


def _softmax_in_steps(bench: _Bench, _: str, nets: Cells, names: Sequence[str]) -> Cells:
    powers, total = bench.total(nets, names)
    return bench.emit(SHARE, _with(powers, total), names)


def _log_softmax_in_steps(bench: _Bench, _: str, nets: Cells, names: Sequence[str]) -> Cells:
    total = bench.total(nets, names)[1]
    logarithm = bench.emit(LOGARITHM, total[:, None], [f"ln_{_sum_of(names)}"])
    return bench.emit(DIFFERENCE, _with(nets, logarithm), names)


_WAYS = {
    ("softmax", "whole"): _whole,
    ("softmax", "steps"): _softmax_in_steps,
    ("log-softmax", "whole"): _whole,
    ("log-softmax", "steps"): _log_softmax_in_steps,
}


def _with(cells: Cells, other: Cells) -> Cells:
    """Rows of a cell and the one other."""
    return np.stack([cells, np.repeat(other, len(cells))], 1)


def _sum_of(names: Sequence[str]) -> str:
    return f"sum_exp_{_stem(names)}"


def _stem(names: Sequence[str]) -> str:
    """What the names of a vector have in common: `p` of p1 and p2, `a[2]` of a[2,1] and a[2,2]."""
    if len(names) == 1:
        return names[0]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    stem = "".join(letters[0] for letters in alike).rstrip("_ [,=")
    return (f"{stem}]" if "[" in stem else stem) or names[0]
