"""The walkthrough of one pass, read off the program.

Which steps lead to a gradient, which sum several paths, in which part of the network they
stand: the program says it. A step is shown once, where it is first needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from typing import Any

from tracer import labels
from tracer.catalog.activations import is_activation
from tracer.catalog.losses import ERROR
from tracer.catalog.sums import NET, PATHS
from tracer.course import Course
from tracer.duals import direction, forward_mode
from tracer.errors import RuleError, TooLarge
from tracer.expression import PICKS, calls
from tracer.folded import folded, stated, too_long
from tracer.labels import Derivative, Label, OfSample
from tracer.ledger import Checked, Verdict, Verification
from tracer.lines import Line, called_by, same
from tracer.names import names_of
from tracer.numbers import Digits, Shown, as_printed, as_written, decimals, show
from tracer.program import Phase, Step
from tracer.rewrite import PAST
from tracer.rules import Rule, has_group, inputs, is_one, partial_rule
from tracer.scenario import DRAWN, flattened
from tracer.tables import data_tables, forward_table, gradients_table, is_total, of_batch, own
from tracer.traces import Trace
from tracer.updating import keeps, plain_rate, state_table, update_steps, updates_of, varies
from tracer.views import (
    Backward,
    Detail,
    Forward,
    ForwardMode,
    Given,
    GivenTable,
    Group,
    Local,
    Path,
    Paths,
    Published,
    Row,
    Slip,
    Walkthrough,
    Work,
)


def walkthrough(
    t: Trace, detail: Detail, verification: Verification | None, course: Course | None = None
) -> Walkthrough:
    """The view of a trace's selected pass, and of the run it belongs to."""
    return _View(t, detail).walkthrough(verification, course)


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
        self.updates = updates_of(self.program)
        self.gradients = self.program.gradients
        self.steps = update_steps(self.program)

    def walkthrough(self, verification: Verification | None, course: Course | None) -> Walkthrough:
        root = self.program.root
        stated(self.t)  # what is misspelt is told on every page
        fold = folded(self.t, self.entry) if self.folds() else None
        forward, error = ((), ()) if fold else (self.forward(), self.error())
        backward, tangents = () if fold else tuple(self.backward()), forward_mode(self.t)
        following = self.following()
        numbers = verification.numbers if verification else ()
        learns = self.scenario.conventions.learning == "perceptron"
        differentiated = bool(self.gradients) and not learns
        return Walkthrough(
            scenario=self.scenario,
            reading=self.t.reading,
            says=self.scenario.reading(self.t.reading).says if self.t.reading else "",
            slips=tuple(self.slips()),
            past=tuple(m for m in PAST if any(n.endswith(m) for n in self.program.index)),
            iteration=self.t.iteration,
            givens=tuple(self.givens()),
            data=data_tables(self.scenario),
            sample=self.fed(),
            samples=self.program.samples,
            folded=fold,
            forward=forward,
            together=forward_table(self.t) if self.program.samples > 1 and not fold else None,
            gradients=gradients_table(self.t) if self.program.samples > 1 and not fold else None,
            of_batch=self.program.samples > 1 and of_batch(self.program),
            error=error,
            outputs=sum(_is_loss(step.rule) for step in self.program.steps(Phase.ERROR)),
            backward=backward,
            tangents=tangents,
            frozen=tuple(dict.fromkeys(self.frozen())),
            table=() if fold else tuple(self.row(cell) for cell in sorted(self.gradients)),
            root=None if root is None else self.line(root),
            next_root=following,
            equations=tuple(self.equations(forward, error, backward, tangents)),
            functions=tuple(rule.name for rule in self.rules(_is_function)),
            activations=tuple(self.rules(_has_derivation)) if differentiated else (),
            kinks=tuple(dict.fromkeys(kink for kink, _ in self.kinked())),
            brackets=any(bracket for _, bracket in self.kinked()),
            ones=any(is_one(slope) for rule in self.rules(_is_plain) for slope in _slopes(rule)),
            published=tuple(self.published(verification)),
            checked=sum(not n.recomputed for n in numbers),
            recomputed=sum(n.recomputed for n in numbers),
            used=tuple(self.used(numbers)),
            approximate=fold.approximate if fold else self.approximate(),
            weighted=any(self.weighted()),
            biased=any(self.biases()),
            rate=plain_rate(self.program),
            updates=bool(self.updates),
            keeps=keeps(self.scenario),
            learns=learns,
            **self.of_run(course),
        )

    def slips(self) -> Iterator[Slip]:
        for mistake, at in self.scenario.conventions.slips:
            places = (names_of(self.program).get(place) for place in at)
            called = (
                p if c is None else self.program.label(c) for p, c in zip(at, places, strict=True)
            )
            yield Slip(mistake.explains, mistake.says, tuple(called))

    def of_run(self, course: Course | None) -> dict[str, Any]:
        """What a page has besides, where its pass is one of many."""
        if course is None:
            return {"history": None, "readings": (), "matrices": None}
        # a tenth of a second of modules that a page of a single pass does without
        from tracer.history import history, readings
        from tracer.matrices.form import matrix_form

        return {
            "history": history(course, self.scenario),
            "readings": readings(course, self.scenario),
            "matrices": matrix_form(course.matrices) if course.matrices else None,
        }

    def fed(self) -> int:
        """The sample whose lines are shown: the one selected of a batch, or the one fed."""
        s = self.scenario
        if s.rows == 1 or s.batch_size > 1:
            return self.t.sample
        return s.order[self.t.iteration % len(s.order)]

    def folds(self) -> bool:
        """Whether the pass is folded: asked for, or longer than anybody reads."""
        return self.detail == "folded" or (self.detail == "auto" and too_long(self.program))

    def entry(self, step: Step, called: Label) -> Line | Local:
        """A step as a line, a derivative with what it derives."""
        backward = step.phase is Phase.BACKWARD
        return self.backward_line(step, called) if backward else self.line(step.index)

    def line(self, cell: int, called: Label | None = None) -> Line:
        return self.t.line(cell, called)

    def all_lines(self) -> Iterator[Line]:
        return (self.line(s.index) for s in self.program.steps() if s.formula is not None)

    def shown(self, cell: int) -> Shown:
        return show(float(self.t.values[cell]), self.t.digits)

    # ---- givens ------------------------------------------------------------------------

    def givens(self) -> Iterator[GivenTable]:
        """The tables of the scenario, with the values of the pass that is shown."""
        for title, table in self.scenario.tables.items():
            entries = [e for name, given in table.items() for e in flattened(name, given)]
            digits = self.t.digits if title == DRAWN else None
            yield GivenTable(
                title, tuple(self.given(name, assumed, digits) for name, _, assumed in entries)
            )
        yield from direction(self.t)
        yield from state_table(self.t)

    def given(self, name: str, assumed: bool, digits: Digits | None) -> Given:
        """A given as it is written; what was drawn, or has been updated, to the digits shown."""
        label = own(self.scenario, name)
        cell = self.program.index.get(labels.name(label))
        written = self.scenario.numbers[name]
        shown = show(float(written), digits) if digits else as_written(written, self.t.digits)
        if cell is not None and self.t.iteration and varies(self.t, cell, name):
            shown = self.shown(cell)
        return Given(label, shown, assumed)

    # ---- forward and error -------------------------------------------------------------

    def forward(self) -> tuple[Forward, ...]:
        steps = self.program.steps(Phase.FORWARD)
        parts = ((part, list(found)) for part, found in groupby(steps, lambda step: step.part))
        return tuple(Forward(part, tuple(self.units(found))) for part, found in parts)

    def units(self, steps: Sequence[Step]) -> Iterator[tuple[Line, ...]]:
        """The steps of a part, unit by unit: a net followed by what is made of it."""
        inside = {step.index: step for step in steps}
        read = {cell for step in steps for cell in step.operands.values()}
        shown: set[int] = set()
        for last in (step.index for step in steps if step.index not in read):
            cone, todo = {last}, [last]
            while todo:
                operands = {c for c in inside[todo.pop()].operands.values() if c in inside}
                todo += operands - cone - shown
                cone |= operands - shown
            shown |= cone
            yield tuple(map(self.line, sorted(cone)))

    def error(self) -> tuple[Line, ...]:
        return tuple(self.line(step.index) for step in self.program.steps(Phase.ERROR))

    # ---- backward ----------------------------------------------------------------------

    def backward(self) -> Iterator[Backward]:
        parts: dict[str, list[int]] = {}
        for cell in self.updates or self.gradients:
            parts.setdefault(self.program.block(cell).part, []).append(cell)
        for part, cells in parts.items():
            chosen = cells[:1] if self.detail == "first" else cells
            works = tuple(self.work(cell) for cell in chosen)
            yield Backward(part, works, tuple(self.row(c) for c in cells if c not in chosen))

    def work(self, parameter: int) -> Work:
        label, cell, batch = self.program.label(parameter), self.gradients[parameter], None
        if is_total(self.program.block(cell)):  # of what the samples say
            batch = self.line(cell)
            (cell,) = self.program.step(cell).operands.values()
        called = self.gradient_label(cell, label)
        try:
            groups = list(self.expand(cell, called))
        except RecursionError:
            derivative = labels.name(called)
            raise TooLarge(
                f"{derivative} goes through too many steps to be written out; show has its value"
            ) from None
        shown = bool(groups) and self.program.label(cell) == called
        if shown and not isinstance(groups[-1], Paths):
            groups.pop()
        gradient = self.line(cell, called)
        if not shown and gradient.formula:
            value = float(self.t.values[cell])
            gradient = same(self.program, cell, value, self.t.digits, called)
        summed = bool(groups) and isinstance(groups[-1], Paths) and groups[-1].total == gradient
        updates = tuple(self.line(step) for step in self.steps.get(parameter, ()))
        return Work(label, gradient, tuple(groups), batch, updates, summed)

    def gradient_label(self, cell: int, parameter: Label) -> Label:
        """The name of a gradient that says whose it is."""
        candidates = (self.program.label(cell), *self.program.also.get(cell, ()))
        return next(
            (
                c
                for c in candidates
                for of in (c.of if isinstance(c, OfSample) else c,)
                if isinstance(of, Derivative) and of.bottom == parameter and not of.note
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
        if not of and is_total(self.program.block(contribution)):
            return self.through(last)
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
            self.shown(self.gradients[parameter]),
            self.shown(self.updates[parameter]) if parameter in self.updates else None,
        )

    def frozen(self) -> Iterator[Label]:
        """Biases that keep their values where others are updated."""
        kept = (cell for cell in self.biases() if self.updates and cell not in self.updates)
        return map(self.program.label, kept)

    def weighted(self) -> Iterator[Rule]:
        """The weighted sums of the network."""
        forward = (b for b in self.program.blocks if b.rule and b.phase is Phase.FORWARD)
        return (b.rule for b in forward if b.rule and "w_1" in b.formals)

    def biases(self) -> Iterator[int]:
        """The biases of the network."""
        for block in self.program.blocks:
            if block.rule and has_group(block.rule) and "b" in block.formals:
                yield from map(int, block.operands[:, block.formals.index("b")])

    def following(self) -> Shown | None:
        root, after = self.program.root, self.t.iteration + 1
        other_samples = self.scenario.batch_size < self.scenario.rows
        if root is None or after not in self.t.recorded or not self.updates or other_samples:
            return None
        return show(float(self.t.at(after).values[root]), self.t.digits)

    def equations(
        self, forward: Sequence[Forward], error: Sequence[Line], backward: Sequence[Backward],
        tangents: ForwardMode | None,
    ) -> Iterator[tuple[str, tuple[Line, ...]]]:  # fmt: skip
        """Every formula shown once more, as it is called above, without numbers."""
        works = [work for part in backward for work in part.works]
        learns = self.scenario.conventions.learning == "perceptron"
        derived = "Gradients" if self.program.root is None else "Backward pass"
        backward_title = "Learning rule" if learns else derived
        lines = {
            "Forward pass": tuple(
                x for part in forward for unit in part.units for x in unit if not x.spelled
            ),
            "Error" if self.scenario.network else "The value to differentiate": tuple(error),
            backward_title: tuple(x for work in works for x in _lines(work)),
            "Update": tuple(line for work in works for line in work.updates),
            "Forward mode": tangents.lines if tangents else (),
        }
        return ((title, found) for title, found in lines.items() if found)

    def rules(self, wanted: Callable[[Rule], object]) -> Iterable[Rule]:
        """The forward rules of the program that `wanted` chooses, once each."""
        found = {block.rule for block in self.program.blocks if block.phase is Phase.FORWARD}
        ordered = [b.rule for b in self.program.blocks if b.rule in found]
        return [rule for rule in dict.fromkeys(ordered) if rule and wanted(rule)]

    def kinked(self) -> Iterator[tuple[tuple[str, str], bool]]:
        """Whose derivative is what at a kink, of those taken; whether it is written in brackets."""
        for block in self.program.blocks:
            of = self.program.step(block.start).of
            if of and block.rule and block.rule.kink:
                consumer = self.program.step(of[0]).rule
                assert consumer, "a given is not differentiated"
                bracket = calls(block.rule.formula, "step", "reached", *PICKS)
                yield (consumer.name, block.rule.kink), bracket

    def approximate(self) -> bool:
        """Whether any line needs ≈."""
        return not all(line.exact for line in self.all_lines())

    def used(self, numbers: Sequence[Checked]) -> Iterator[tuple[str, str]]:
        """The readings that numbers of the ledger are explained by."""
        for name in dict.fromkeys(n.under for n in numbers if n.under):
            yield name, self.scenario.reading(name).says

    def published(self, verification: Verification | None) -> Iterator[Published]:
        before = ""
        for n in verification.remarkable if verification else ():
            found = self._published(n)
            again = found.reason and found.reason == before
            yield replace(found, reason="As above.") if again else found
            before = found.reason

    def _published(self, n: Checked) -> Published:
        reason = n.reason or (self.scenario.reading(n.under).says if n.under else "")
        return Published(
            n.label,
            n.where, n.iteration, _of_sample(n), as_printed(n.printed), n.verdict.value,
            n.under or "", _right(n), n.recomputed, reason,
        )  # fmt: skip


def _right(n: Checked) -> str:
    """The value that a printed number should have; nothing where last bits decide it."""
    if n.verdict is Verdict.NOT_REPRODUCIBLE:
        return ""
    if n.right is not None:
        return f"{n.right:f}"
    return show(n.usual, Digits(max(decimals(n.printed), 0))).plain


def _of_sample(n: Checked) -> str:
    """Which sample a published number belongs to, where it is not the only one."""
    if n.samples:
        return f"sample {n.sample} of {n.samples}"
    return f"sample {n.sample}" if n.sample else ""


def _is_plain(rule: Rule) -> bool:
    """Whether a rule is no weighted sum, whose bias is spoken of by itself, and no vector's."""
    return rule.name != NET and not rule.member and not is_activation(rule)


def _slopes(rule: Rule) -> Iterator[Rule]:
    """The partials of a rule that are the same for all members of a group."""
    for formal in inputs(rule):
        with suppress(RuleError):
            yield partial_rule(rule, formal)


def _is_function(rule: Rule) -> bool:
    return is_activation(rule) or bool(rule.member)


def _is_loss(rule: Rule | None) -> bool:
    return rule is not None and rule.name == ERROR


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
    if work.batch:
        yield work.batch
