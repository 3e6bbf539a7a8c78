"""A draft with the author's names: what scenario and program call a number, kept together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tracer.expression import Expr
from tracer.labels import Label, Own, name
from tracer.program import Cells, Draft, Phase
from tracer.rules import Rule
from tracer.scenario import Scenario
from tracer.values import Fed, Given


class Made(NamedTuple):
    """What an output is made of: its net, by an activation, perhaps together with others."""

    activation: str
    net: int
    outputs: tuple[int, ...]  # of the same vector, itself included


class Sheet:
    """The program of a scenario while it is written."""

    def __init__(self, s: Scenario) -> None:
        self.s, self.draft = s, Draft(samples=s.batch_size)
        self.cells: dict[str, int] = {}  # the givens, by the author's name
        self.steps: dict[str, int] = {}  # the author's formulas, and the error
        self.gates: dict[tuple[Expr, tuple[int, ...]], int] = {}  # by operation and operands
        self.made: dict[int, Made] = {}  # outputs of layers
        self.numbered = Counter[Label]()  # gates without a name of their own, by what they are of
        self.trained: list[int] = []
        self.further: dict[str, Given] = {}  # values of givens that the author did not write

    def own(self, text: str) -> Own:
        """The label of one of the author's names."""
        return Own(text.replace(" ", "_"), text, self.s.symbols.get(text, ""))

    @cached_property
    def spellings(self) -> dict[str, str]:
        """The author's spelling of givens that formulas write without spaces."""
        return {name.replace(" ", "_"): name for name in (*self.s.numbers, *self.s.data)}

    def written(self, used: str) -> str:
        """What a formula calls `used`, as the author writes it."""
        return self.spellings.get(used, used)

    def find(self, name: str) -> int:
        """The cell of a name, -1 for one that has none yet."""
        for found in (self.cells, self.steps, self.draft.index, self.draft.aliases):
            if name in found:
                return found[name]
        return -1

    def given(self, names: Sequence[str], part: str) -> Cells:
        """The cells of names; those that have none yet are givens."""
        new = [name for name in dict.fromkeys(names) if self.find(name) < 0]
        for data in (False, True):
            some = [name for name in new if (name in self.s.data) is data]
            if some:
                labels = [self.own(name) for name in some]
                cells = self.draft.given(labels, part=part, data=data)
                self.cells.update(zip(some, map(int, cells), strict=True))
        return np.array([self.find(name) for name in names], np.int64)

    def parameters(self, names: Sequence[str], part: str, trained: bool = True) -> None:
        """Givens that may be trained; a formula may have read them before."""
        self.given(names, part)
        known = set(self.trained)
        cells = dict.fromkeys(self.cells[name] for name in names if trained)
        self.trained += [cell for cell in cells if cell not in known]

    def emit(
        self, rule: Rule, operands: Cells | Sequence[Sequence[int]], names: Sequence[str],
        phase: Phase, part: str,
    ) -> Cells:  # fmt: skip
        """Emit steps under the author's names."""
        called: list[Label] = [self.own(name) for name in names]
        return self.draft.emit(rule, operands, called, phase, part=part)

    def compute(
        self, rule: Rule, operands: Sequence[Sequence[int]], called: Sequence[Label],
        phase: Phase, part: str,
    ) -> list[int]:  # fmt: skip
        """Emit steps of formulas, which find each other by their names."""
        table = np.array(operands, np.int64).reshape(len(called), -1)
        cells = list(map(int, self.draft.emit(rule, table, called, phase, part=part)))
        self.steps.update(zip(map(name, called), cells, strict=True))
        return cells

    def values(self) -> dict[str, Given]:
        """The values of all givens by canonical name."""
        written = {self.own(name).name: self._value(name) for name in self.cells}
        return {**written, **self.further}

    def _value(self, name: str) -> Given:
        if name not in self.s.data:
            return self.s.numbers[name]
        column = self.s.data[name][list(self.s.order)]
        if len(column) == 1:
            return Decimal(repr(float(column[0])))
        size = self.s.batch_size
        return column if size == len(column) else Fed(column.reshape(-1, size))
