"""What a batch says of the parameters, their updates, and what the next pass starts from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from tracer.build.sheet import Sheet
from tracer.catalog.optimizers import AHEAD, GRADIENT, PARAMETER, RATE, SCHEDULED, Equation
from tracer.catalog.sums import BATCHES
from tracer.errors import ProgramError
from tracer.expression import group_of
from tracer.labels import Belonging, Label, Own, Updated, name
from tracer.program import Draft, Phase, Program
from tracer.rewrite import redirect
from tracer.rules import formals, inputs
from tracer.training import Value, givens_of, rates
from tracer.values import Fed

PART, LOOK_AHEAD = "optimizer", "look-ahead"


def emit_batch(
    draft: Draft, reduction: str, gradients: Mapping[int, int], called: Callable[[Label], Label]
) -> dict[int, int]:
    """The samples' gradients summed or averaged, `called` after their parameters.

    One that does not depend on the sample, as that of w + x, still counts once for each.
    """
    found = dict(gradients)
    for block in list(draft.blocks):
        cells = [c for c in block.cells.tolist() if c in found]
        if cells:
            summed = draft.emit(
                BATCHES[reduction],
                np.array([[found[cell]] for cell in cells]),
                [called(draft.label(cell)) for cell in cells],
                Phase.BACKWARD,
                part=block.part,
            )
            found.update(zip(cells, map(int, summed), strict=True))
    return found


def emit_rate(sheet: Sheet) -> None:
    """Emit the learning rate where there is one; of several the one of every pass."""
    rate = sheet.s.conventions.learning_rate
    if rate in sheet.s.numbers and not sheet.s.forward_only:
        sheet.given([rate], "learning rate")
    if listed := rates(sheet.s):
        rows = np.array(listed, np.float64)[:, None]
        sheet.further[sheet.own(rate).name] = Fed(rows, once=True)


def emit_updates(sheet: Sheet) -> None:
    """Emit the optimizer's steps for every gradient, layer by layer from the last to the first."""
    emit_rate(sheet)
    _Updates(sheet).emit()


@dataclass
class _Family:
    """Parameters of one kind, and the cells of what belongs to them, by the optimizer's names."""

    part: str
    own: dict[str, list[int]]
    state: dict[str, list[int]] = field(default_factory=dict)  # as it is before the update


class _Updates:
    """The steps of an optimizer while they are written."""

    def __init__(self, sheet: Sheet) -> None:
        assert sheet.s.method, "its kind was checked"
        self.sheet, self.draft, self.method = sheet, sheet.draft, sheet.s.method
        self.families = list(_families(self.draft))
        self.single = sum(len(f.own[PARAMETER]) for f in self.families) == 1
        self.start = sheet.s.optimizer.start if sheet.s.optimizer else {}
        self.once: dict[str, int] = {}  # what all parameters share

    def emit(self) -> None:
        """Emit all steps, and carry to the next pass what they give a value to."""
        self._settings()
        parameters = [list(family.own[PARAMETER]) for family in self.families]
        for family in self.families:
            self._states(family)
        before = {left: self._shared(left, usual) for left, usual in self.method.shared.items()}
        self.once |= before
        if self.method.ahead:
            self._look_ahead()
        for stage in _stages(self.method.equations):
            self._stage(stage)
        for family, cells in zip(self.families, parameters, strict=True):
            self._carry(cells, family.own[PARAMETER])
        for family in self.families:
            for left, cells in family.state.items():
                self._carry(cells, family.own[left])
        for left, cell in before.items():
            self._carry([cell], [self.once[left]])

    def _carry(self, before: Sequence[int], after: Sequence[int]) -> None:
        pairs = zip(before, after, strict=True)
        self.draft.carry.update((old, new) for old, new in pairs if old != new)

    # ---- givens ----------------------------------------------------------------------------

    def _settings(self) -> None:
        rate = self.sheet.s.conventions.learning_rate
        if self.sheet.find(rate) >= 0:
            self.once[RATE] = self.sheet.find(rate)
        for setting, given in givens_of(self.sheet.s).items():
            self.once[setting] = int(self.sheet.given([given], PART)[0])

    def _shared(self, left: str, usual: Decimal) -> int:
        """The given that all parameters share under a name; one that is taken gets another."""
        start = self.start.get(left, usual)
        if isinstance(start, str):
            return int(self.sheet.given([start], PART)[0])
        assert isinstance(start, Decimal), "a number was checked for"
        return self._given([self._once(left)], [start], PART)[0]

    def _states(self, family: _Family) -> None:
        """What is kept of every parameter, with its start: a number, or the given that it is."""
        for left, usual in self.method.state.items():
            starts = [self._start(left, cell, usual) for cell in family.own[PARAMETER]]
            found = [self._named(s) if isinstance(s, str) else -1 for s in starts]
            new = [k for k, cell in enumerate(found) if cell < 0]
            labels = [self._belonging(left, family.own[PARAMETER][k]) for k in new]
            numbers = [s for s in starts if isinstance(s, Decimal)]
            for k, cell in zip(new, self._given(labels, numbers, family.part), strict=True):
                found[k] = cell
            family.state[left] = found
            family.own[left] = list(found)
            self._also(left, found)

    def _given(self, labels: Sequence[Label], values: Sequence[Decimal], part: str) -> list[int]:
        if not labels:
            return []
        self.sheet.further.update((name(x), v) for x, v in zip(labels, values, strict=True))
        found: list[int] = self.draft.given(labels, part=part).tolist()
        return found

    def _start(self, left: str, parameter: int, usual: Decimal) -> Value:
        """A number, or the name of an element of what is given."""
        stated, whole = self.start.get(left, usual), name(self.draft.label(parameter))
        base, bracket, index = whole.partition("[")
        if isinstance(stated, Mapping):
            own = {k.replace(" ", "_"): v for k, v in stated.items()}
            stated = own.get(whole, own.get(base, usual))
        return f"{stated}{bracket}{index}" if isinstance(stated, str) else stated

    def _named(self, given: str) -> int:
        """The cell of a given that an optimizer keeps up to date."""
        if given not in self.sheet.s.numbers:
            raise ProgramError(f"optimizer.start: there is no {given!r} to start from")
        cell = int(self.sheet.given([given], PART)[0])
        if any(cell in cells for f in self.families for cells in f.state.values()):
            raise ProgramError(f"optimizer.start: {given!r} twice; write one for every parameter")
        return cell

    # ---- names -----------------------------------------------------------------------------

    def _belonging(self, left: str, parameter: int) -> Belonging:
        return Belonging(Own(left), self.draft.label(parameter))

    def _once(self, left: str) -> Own:
        if left == SCHEDULED:
            left = f"{self.sheet.s.conventions.learning_rate}_{SCHEDULED[-1]}".replace(" ", "_")
        taken = self.sheet.find(left) >= 0
        return Own(f"{left}_{self.method.name.split(',')[0].replace(' ', '_')}" if taken else left)

    def _also(self, left: str, cells: Sequence[int], updated: bool = False) -> None:
        """The short name of what belongs to the only parameter there is."""
        short: Label = Updated(Own(left)) if updated else Own(left)
        if self.single and self.sheet.find(name(short)) < 0 and left not in self.sheet.s.numbers:
            self.draft.alias(short, cells[0])

    # ---- steps -----------------------------------------------------------------------------

    def _look_ahead(self) -> None:
        """Emit where the gradients are taken."""
        assert self.method.ahead
        for family in self.families:
            cells = family.own[PARAMETER]
            columns = [self._column(family, f, self.once) for f in formals(self.method.ahead, 0)]
            self.draft.emit(
                self.method.ahead, list(zip(*columns, strict=True)),
                [self._belonging(AHEAD, cell) for cell in cells],
                Phase.FORWARD, part=LOOK_AHEAD,
            )  # fmt: skip

    def _stage(self, stage: Sequence[Equation]) -> None:
        """Emit what all parameters share, then the rest, parameters of a kind together."""
        seen = []
        for equation in stage:
            seen.append(dict(self.once))
            if not equation.each:
                self.once[equation.left] = self._one(equation)
        for family in self.families:
            parameters = list(family.own[PARAMETER])
            for equation, once in zip(stage, seen, strict=True):
                if equation.each:
                    self._each(family, parameters, equation, once)

    def _one(self, equation: Equation) -> int:
        rule, left = equation.rule, equation.left
        whole = {group_of(formal) or "" for formal in inputs(rule)}
        size = sum(len(f.own[PARAMETER]) for f in self.families) if equation.over else 0
        row = []
        for formal in formals(rule, size):
            base, _, number = formal.rpartition("_")
            if base in whole and number.isdigit():
                row.append([c for f in self.families for c in f.own[base]][int(number) - 1])
            else:
                row.append(self.once[formal])
        before = self.once.get(left)
        label: Label = self._once(left) if before is None else Updated(self.draft.label(before))
        return int(self.draft.emit(rule, [row], [label], Phase.UPDATE, part=PART)[0])

    def _each(
        self, family: _Family, parameters: Sequence[int], equation: Equation,
        once: Mapping[str, int],
    ) -> None:  # fmt: skip
        left, before = equation.left, family.own.get(equation.left)
        columns = [self._column(family, formal, once) for formal in formals(equation.rule, 0)]
        labels: list[Label] = [
            Updated(self.draft.label(cell)) if before else self._belonging(left, cell)
            for cell in before or parameters
        ]
        rows = np.array(columns, np.int64).reshape(-1, len(labels)).T
        cells = self.draft.emit(equation.rule, rows, labels, Phase.UPDATE, part=family.part)
        family.own[left] = cells.tolist()
        if left != PARAMETER:
            self._also(left, family.own[left], updated=bool(before))

    def _column(self, family: _Family, formal: str, once: Mapping[str, int]) -> list[int]:
        """The operands of a family in a formal's place."""
        return family.own.get(formal) or [once[formal]] * len(family.own[PARAMETER])


def _families(draft: Draft) -> Iterator[_Family]:
    """The parameters that have a gradient, layer by layer from the last to the first."""
    blocks = [b for b in draft.blocks if any(int(c) in draft.gradients for c in b.cells)]
    first = {block.part: block.start for block in reversed(blocks)}
    for block in sorted(blocks, key=lambda block: (-first[block.part], block.start)):
        cells = [c for c in block.cells.tolist() if c in draft.gradients]
        yield _Family(block.part, {PARAMETER: cells, GRADIENT: [draft.gradients[c] for c in cells]})


def _stages(equations: Sequence[Equation]) -> Iterator[list[Equation]]:
    """The equations, cut before each that runs over all parameters."""
    stage: list[Equation] = []
    for equation in equations:
        if equation.over and stage:
            yield stage
            stage = []
        stage.append(equation)
    yield stage


def looking_ahead(program: Program) -> Program:
    """The program whose passes read every parameter where its gradient is taken."""
    ahead = {
        int(row[block.formals.index(PARAMETER)]): cell
        for block in program.blocks if block.part == LOOK_AHEAD
        for cell, row in zip(block.cells.tolist(), block.operands, strict=True)
    }  # fmt: skip
    changes = {}
    for block in program.blocks:
        if block.phase is not Phase.UPDATE and block.part != LOOK_AHEAD:
            for row, column in np.argwhere(np.isin(block.operands, list(ahead))):
                parameter = int(block.operands[row, column])
                changes[block.start + int(row), parameter] = ahead[parameter]
    return redirect(program, changes)
