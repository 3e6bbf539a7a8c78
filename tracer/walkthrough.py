"""The walkthrough of one pass, read off the program.

Which steps lead to a gradient, which sum several paths, in which part of the network they
stand: the program says it. A step is shown once, where it is first needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from tracer.catalog import PATHS
from tracer.labels import Derivative, Label
from tracer.ledger import Checked, Verification
from tracer.lines import Line, called_by, same
from tracer.numbers import Digits, Shown, decimals, show
from tracer.program import Phase, Step
from tracer.rules import Rule, has_group
from tracer.scenario import flattened
from tracer.traces import Trace
from tracer.views import (
    Backward,
    Detail,
    Forward,
    Given,
    GivenTable,
    Group,
    Local,
    Path,
    Paths,
    Published,
    Row,
    Walkthrough,
    Work,
)


def walkthrough(t: Trace, detail: Detail, verification: Verification | None) -> Walkthrough:
    """The view of a trace's selected pass."""
    return _View(t, detail).walkthrough(verification)


def derivation_of(t: Trace, parameter: int) -> Work:
    """Everything that leads to one parameter's gradient, each derivative with what it derives."""
    return _View(t, "full", every_local=True).work(parameter)


class _View:
    def __init__(self, t: Trace, detail: Detail, every_local: bool = False) -> None:
        assert t.scenario, "a walkthrough needs the scenario's words"
        self.t, self.program, self.detail = t, t.program, detail
        self.every_local = every_local
        self.scenario = t.scenario.under(t.reading)
        self.seen: set[int] = set()
        self.kinds: set[Rule | None] = set()
        self.updates = dict(self.program.carry)

    def walkthrough(self, verification: Verification | None) -> Walkthrough:
        assert self.program.root is not None
        forward, error = self.forward(), self.error()
        backward = tuple(self.backward())
        following = self.following()
        return Walkthrough(
            scenario=self.scenario,
            reading=self.t.reading,
            says=self.scenario.readings[self.t.reading].says if self.t.reading else "",
            iteration=self.t.iteration,
            givens=tuple(self.givens()),
            forward=forward,
            error=error,
            backward=backward,
            frozen=tuple(dict.fromkeys(self.frozen())),
            table=tuple(self.row(cell) for cell in sorted(self.updates)),
            root=self.line(self.program.root),
            next_root=following,
            equations=tuple(self.equations(forward, error, backward)),
            functions=tuple(rule.name for rule in self.rules(lambda rule: not has_group(rule))),
            activations=tuple(self.rules(_has_derivation)),
            kinks=tuple(self.rules(lambda rule: rule.kink)),
            published=tuple(self.published(verification)),
            checked=len(verification.numbers) if verification else 0,
            approximate=not all(line.exact for line in self.all_lines()),
            biased=any("b" in block.formals for block in self.program.blocks),
            rate=self.program.label(self.rate()),
        )

    def line(self, cell: int, called: Label | None = None) -> Line:
        return self.t.line(cell, called)

    def all_lines(self) -> Iterator[Line]:
        return (self.line(s.index) for s in self.program.steps() if s.formula is not None)

    def shown(self, cell: int) -> Shown:
        return show(float(self.t.values[cell]), self.t.digits)

    # ---- givens ------------------------------------------------------------------------

    def givens(self) -> Iterator[GivenTable]:
        """The tables of the scenario, with the values of the pass that is shown."""
        for title, table in self.scenario.givens.items():
            entries = [e for name, given in table.items() for e in flattened(name, given)]
            yield GivenTable(
                title, tuple(self.given(name, assumed) for name, _, assumed in entries)
            )

    def given(self, name: str, assumed: bool) -> Given:
        cell = self.t.cell(name.replace(" ", "_"))
        written = self.scenario.numbers[name]
        carried = self.t.iteration and cell in self.updates
        return Given(
            self.program.label(cell),
            self.shown(cell) if carried else Shown(f"{written:f}"),
            assumed,
        )

    # ---- forward and error -------------------------------------------------------------

    def forward(self) -> tuple[Forward, ...]:
        parts: dict[str, list[Step]] = {}
        for step in self.program.steps(Phase.FORWARD):
            parts.setdefault(step.part, []).append(step)
        return tuple(Forward(part, tuple(self.units(steps))) for part, steps in parts.items())

    def units(self, steps: Sequence[Step]) -> Iterator[tuple[Line, ...]]:
        """The steps of a part, unit by unit: a net followed by what is made of it."""
        inside = {step.index: step for step in steps}
        read = {cell for step in steps for cell in step.operands.values()}
        for last in (step for step in steps if step.index not in read):
            cone, todo = [last], [last]
            while todo:
                found = [inside[c] for c in todo.pop().operands.values() if c in inside]
                cone += found
                todo += found
            yield tuple(self.line(i) for i in sorted({step.index for step in cone}))

    def error(self) -> tuple[Line, ...]:
        return tuple(self.line(step.index) for step in self.program.steps(Phase.ERROR))

    # ---- backward ----------------------------------------------------------------------

    def backward(self) -> Iterator[Backward]:
        parts: dict[str, list[int]] = {}
        for cell, after in self.updates.items():
            parts.setdefault(self.program.step(after).part, []).append(cell)
        for part, cells in parts.items():
            chosen = cells if self.detail == "full" else cells[:1]
            works = tuple(self.work(cell) for cell in chosen)
            yield Backward(part, works, tuple(self.row(c) for c in cells if c not in chosen))

    def gradient(self, parameter: int) -> int:
        """The step that the update of a parameter subtracts."""
        step = self.program.step(self.updates[parameter])
        return step.operands["g"]

    def rate(self) -> int:
        """The learning rate that the updates use."""
        return next(self.program.step(after).operands["eta"] for after in self.updates.values())

    def work(self, parameter: int) -> Work:
        label, cell = self.program.label(parameter), self.gradient(parameter)
        called = self.gradient_label(cell, label)
        groups = list(self.expand(cell, called))
        shown = bool(groups) and self.program.label(cell) == called
        if shown and not isinstance(groups[-1], Paths):
            groups.pop()
        gradient = self.line(cell, called)
        if not shown:
            value = float(self.t.values[cell])
            gradient = same(self.program, cell, value, self.t.digits, called)
        summed = bool(groups) and isinstance(groups[-1], Paths) and groups[-1].total == gradient
        return Work(label, gradient, tuple(groups), self.line(self.updates[parameter]), summed)

    def gradient_label(self, cell: int, parameter: Label) -> Label:
        """The name of a gradient that says whose it is."""
        candidates = (self.program.label(cell), *self.program.also.get(cell, ()))
        return next(
            (
                c
                for c in candidates
                if isinstance(c, Derivative) and c.bottom == parameter and not c.note
            ),
            candidates[0],
        )

    def expand(self, cell: int, called: Label) -> Iterator[Group]:
        """What leads to a backward step and is not shown yet, and the step as it is called."""
        step = self.program.step(cell)
        if cell in self.seen or step.phase is not Phase.BACKWARD:
            return
        self.seen.add(cell)
        if step.rule is PATHS:
            yield from self.paths(step, called)
            return
        for operand in step.operands.values():
            yield from self.expand(operand, called_by(self.program, operand, called))
        yield self.backward_line(step, called)

    def paths(self, step: Step, called: Label) -> Iterator[Group]:
        """A sum over paths, after the sums that its paths need."""
        found, before = [], []
        for operand in step.operands.values():
            label = called_by(self.program, operand, self.program.label(operand))
            groups = list(self.expand(operand, label))
            before += [group for group in groups if isinstance(group, Paths)]
            lines = tuple(group for group in groups if not isinstance(group, Paths))
            found.append(Path(label, self.through(operand), lines))
        yield from before
        bottom = called.bottom if isinstance(called, Derivative) else called
        yield Paths(bottom, tuple(found), self.line(step.index, called))

    def through(self, contribution: int) -> Label | None:
        """The step that a path goes through first, seen from where it starts."""
        *_, last = (contribution, *self.program.step(contribution).operands.values())
        of = self.program.step(last).of
        return self.program.label(of[0]) if of else None

    def backward_line(self, step: Step, called: Label) -> Line | Local:
        """A backward step; the first local derivative of its kind with what it derives."""
        if not step.of:
            return self.line(step.index, called)
        also = called if called != step.label else None
        line = replace(self.line(step.index), also=also)
        if step.rule in self.kinds and not self.every_local:
            return line
        self.kinds.add(step.rule)
        consumer, by = step.of
        rule = self.program.step(consumer).rule
        derived = rule.name if rule and _has_derivation(rule) else ""
        return Local(line, self.line(consumer), self.program.label(by), derived)

    # ---- tables ------------------------------------------------------------------------

    def row(self, parameter: int) -> Row:
        return Row(
            self.program.label(parameter),
            self.shown(parameter),
            self.shown(self.gradient(parameter)),
            self.shown(self.updates[parameter]),
        )

    def frozen(self) -> Iterator[Label]:
        """Biases that keep their values."""
        for block in self.program.blocks:
            for row, formal in ((r, f) for f in block.formals if f == "b" for r in block.operands):
                cell = int(row[block.formals.index(formal)])
                if cell not in self.updates and block.phase is Phase.FORWARD:
                    yield self.program.label(cell)

    def following(self) -> Shown | None:
        root, after = self.program.root, self.t.iteration + 1
        if root is None or after not in self.t.recorded:
            return None
        return show(float(self.t.at(after).values[root]), self.t.digits)

    def equations(
        self, forward: Sequence[Forward], error: Sequence[Line], backward: Sequence[Backward]
    ) -> Iterator[tuple[str, tuple[Line, ...]]]:
        """Every formula shown once more, as it is called above, without numbers."""
        works = [work for part in backward for work in part.works]
        yield "Forward pass", tuple(x for part in forward for unit in part.units for x in unit)
        yield "Error", tuple(error)
        yield "Backward pass", tuple(x for work in works for x in _lines(work))
        yield "Update", tuple(work.update for work in works)

    def rules(self, wanted: Callable[[Rule], object]) -> Iterable[Rule]:
        """The forward rules of the program that `wanted` chooses, once each."""
        found = {block.rule for block in self.program.blocks if block.phase is Phase.FORWARD}
        ordered = [b.rule for b in self.program.blocks if b.rule in found]
        return [rule for rule in dict.fromkeys(ordered) if rule and wanted(rule)]

    def published(self, verification: Verification | None) -> Iterator[Published]:
        for n in verification.remarkable if verification else ():
            yield self._published(n)

    def _published(self, n: Checked) -> Published:
        reason = n.reason or (self.scenario.readings[n.under].says if n.under else "")
        return Published(
            n.label,
            n.where, n.iteration, f"{n.printed:f}", n.verdict.value, n.under or "",
            show(n.usual, Digits(max(decimals(n.printed), 0))),
            "" if n.right is None else f"{n.right:f}", reason,
        )  # fmt: skip


def _has_derivation(rule: Rule) -> bool:
    return rule.definition is not None or bool(rule.ending)


def _lines(work: Work) -> Iterator[Line]:
    """The lines of a parameter's work up to its gradient."""
    for group in work.groups:
        if isinstance(group, Paths):
            steps = [step for path in group.paths for step in path.lines]
            yield from (step.line if isinstance(step, Local) else step for step in steps)
            yield group.total
        else:
            yield group.line if isinstance(group, Local) else group
    if not work.summed:
        yield work.gradient
