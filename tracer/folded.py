"""A long pass folded: one way through it line by line, everything else as matrices.

Shown are the steps asked for (`run.elements`, or the first number of every parameter), and what
each is made of. Of several alike — the terms of a sum, the paths that a derivative adds up — one
is followed further: the others' numbers stand in the matrices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tracer import labels
from tracer.catalog.sums import CHAIN, PATHS
from tracer.errors import LookupFailed, ScenarioError
from tracer.expression import Call, Expr, Name, Product, Sum, children, names, rebuild, rename
from tracer.grids import Grids, grids, member
from tracer.labels import Derivative, Label, OfSample
from tracer.lines import GAP, Line, bears, called_by
from tracer.names import names_of
from tracer.numbers import Shown, show
from tracer.program import Phase, Program, Step
from tracer.rules import Rule, has_group
from tracer.traces import Trace
from tracer.views import Local

LONGEST = 250  # numbers in the formulas of a page that is not folded
LARGEST = 12  # elements of a matrix whose updates are written one by one
TERMS = 6  # of a sum that is written out


Entry = Line | Local | Grids


@dataclass(frozen=True)
class Section:
    """Lines of one part of the network, each kind with the numbers of all that is like it."""

    part: str
    entries: tuple[Entry, ...]
    numbers: tuple[tuple[Label, Shown], ...] = ()  # of what is in no matrix and no line


@dataclass(frozen=True)
class Folded:
    """A pass in its order: forward, error, backward, update."""

    givens: tuple[Section, ...]
    forward: tuple[Section, ...]
    error: tuple[Section, ...]
    backward: tuple[Section, ...]
    update: tuple[Section, ...]

    @property
    def lines(self) -> Iterator[Line]:
        """All lines that are shown."""
        for section in (*self.forward, *self.error, *self.backward, *self.update):
            yield from filter(None, map(_line, section.entries))

    @property
    def approximate(self) -> bool:
        """Whether any line needs ≈."""
        return not all(line.exact for line in self.lines)

    @property
    def dotted(self) -> bool:
        """Whether any line leaves out terms."""
        return any(
            GAP in names(e) for line in self.lines for e in (line.formula, line.written) if e
        )


def folded(t: Trace, entry: Callable[[Step, Label], Line | Local]) -> Folded:
    """The folded view of a trace's pass; `entry` makes a line of a backward step."""
    return _Fold(t, entry).folded()


def too_long(program: Program) -> bool:
    """Whether a pass, told step by step, is longer than anybody reads."""
    parameters = (member(program.label(cell)) for cell in program.gradients)
    matrices = (found for found in parameters if found and len(found.place) > 1)
    elements = Counter(labels.name(found.stem) for found in matrices)
    numbers = sum(block.operands.size for block in program.blocks)
    return numbers > LONGEST or max(elements.values(), default=0) > LARGEST


def stated(t: Trace) -> list[int]:
    """The steps that a scenario asks for; raises ScenarioError where there is none."""
    assert t.scenario, "a page needs the scenario's words"
    found, names = [], names_of(t.program)
    for k, name in enumerate(t.scenario.run.elements):
        try:
            found.append(names.find(name))
        except LookupFailed as wrong:
            raise ScenarioError([f"{t.scenario.file}: run.elements[{k}]: {wrong}"]) from wrong
    return found


class _Fold:
    def __init__(self, t: Trace, entry: Callable[[Step, Label], Line | Local]) -> None:
        self.t, self.program, self.entry = t, t.program, entry
        self.whole = set(self._adjoints())
        root = self.program.root
        self.made = self.program.cone([] if root is None else [root])  # what the error is made of
        self.chosen = self._followed(self._asked())

    def folded(self) -> Folded:
        return Folded(
            tuple(self._givens()),
            tuple(self._sections(Phase.FORWARD, self._steps(Phase.FORWARD))),
            tuple(self._sections(Phase.ERROR, self._steps(Phase.ERROR))),
            tuple(self._sections(Phase.BACKWARD, self._adjoints())),
            tuple(self._sections(Phase.UPDATE, self._steps(Phase.UPDATE))),
        )

    # ---- which steps ---------------------------------------------------------------------

    def _asked(self) -> list[int]:
        """The steps asked for: those of the scenario, or of the first of every parameter."""
        cells = stated(self.t)
        if not cells:
            first: dict[str, int] = {}
            for parameter in sorted(self.program.gradients):
                found = member(self.program.label(parameter))
                stem = labels.name(found.stem if found else self.program.label(parameter))
                first.setdefault(stem, parameter)
            cells = list(first.values())
        root = [] if self.program.root is None else [self.program.root]
        last = [] if self.program.gradients or root else self._ends()
        return [*(cell for own in cells for cell in self._led_to(own)), *root, *last]

    def _led_to(self, cell: int) -> list[int]:
        """What a parameter leads to: its gradient and its new value; any other step itself."""
        both = (self.program.gradients.get(cell), self.program.carry.get(cell))
        return [c for c in both if c is not None] or [cell]

    def _ends(self) -> list[int]:
        """The first of the last steps, where there is no error."""
        computed = [block for block in self.program.blocks if block.rule]
        return [computed[-1].start] if computed else []

    def _followed(self, asked: Sequence[int]) -> set[int]:
        """Steps with what they are made of; of operands that are alike one is followed."""
        found, todo = set(asked), list(asked)
        while todo:
            step = self.program.step(todo.pop())
            for cell in self._operands(step):
                if cell not in found:
                    found.add(cell)
                    todo.append(cell)
        return found

    def _operands(self, step: Step) -> Iterable[int]:
        """What a step is followed to."""
        if step.rule is None or not has_group(step.rule):
            return step.operands.values()
        if step.rule is PATHS:
            return self._ways(list(step.operands.values()))
        if step.phase in (Phase.FORWARD, Phase.ERROR):
            return [c for f, c in step.operands.items() if not _numbered(f) or f.endswith("_1")]
        return step.operands.values()

    def _ways(self, contributions: Sequence[int]) -> Iterator[int]:
        """The factors of the first way, and of the others the derivatives of another kind."""
        met: set[Rule | None] = set()
        for k, contribution in enumerate(contributions):
            for factor in self._factors(contribution):
                step = self.program.step(factor)
                if k == 0 or (step.of and step.rule not in met):
                    yield factor
                met.add(step.rule if step.of else None)

    def _factors(self, contribution: int) -> list[int]:
        """What a contribution is the product of; what has a name of its own is one factor."""
        step = self.program.step(contribution)
        spelled = step.rule is CHAIN and contribution not in self.whole
        return list(step.operands.values()) if spelled else [contribution]

    # ---- sections ------------------------------------------------------------------------

    def _givens(self) -> Iterator[Section]:
        """The tables of the scenario."""
        assert self.t.scenario, "a page needs the scenario's words"
        given = {name: cell for name, cell in self.program.index.items()}
        for title, table in self.t.scenario.under(self.t.reading).tables.items():
            cells = [
                given[name] for element in table for name in given
                if name == element.replace(" ", "_")
                or name.startswith(element.replace(" ", "_") + "[")
                if self.program.block(given[name]).rule is None
            ]  # fmt: skip
            yield self._numbers(title, cells)
        kept = [cell for cell in self.program.carry if cell not in self.program.gradients]
        untold = [cell for cell in kept if not self._is_given(cell)]
        if untold:
            yield self._numbers("Kept from pass to pass", untold)
        if self.program.data:
            yield self._numbers(f"Sample {self.t.sample}", self.program.data)

    def _is_given(self, cell: int) -> bool:
        """Whether a given stands in a table of the scenario."""
        assert self.t.scenario, "a page needs the scenario's words"
        called = labels.name(self.program.label(cell))
        return called in {name.replace(" ", "_") for name in self.t.scenario.numbers}

    def _numbers(self, title: str, cells: Sequence[int]) -> Section:
        whole, alone = grids((self.program.label(c), self._shown(c)) for c in cells)
        return Section(title, tuple(whole), tuple(alone))

    def _steps(self, phase: Phase) -> list[int]:
        return [step.index for step in self.program.steps(phase)]

    def _adjoints(self) -> list[int]:
        """The backward steps that are the derivative of the error by one step."""
        tops: set[Label] = set()
        if self.program.root is not None:
            own = self.program.label(self.program.root)
            tops = {own, OfSample(own)}
        found = []
        for step in self.program.steps(Phase.BACKWARD):
            named = (step.label, *self.program.also.get(step.index, ()))
            if any(isinstance(n, labels.Delta) or _is_whole(n, tops) for n in named):
                found.append(step.index)
        return found

    def _sections(self, phase: Phase, tabled: Sequence[int]) -> Iterator[Section]:
        """The parts of a phase, in the order in which they are first computed."""
        lines: dict[str, list[Line | Local]]
        chosen = [step for step in self.program.steps(phase) if step.index in self.chosen]
        readers = self._readers(chosen)
        lines = {step.part: [] for step in chosen if step.index not in readers}
        for step in chosen:
            part = readers.get(step.index, step).part
            lines[part].append(_shortened(self._entry(step)))
        cells: dict[str, list[int]] = {}
        for cell in tabled:
            cells.setdefault(self.program.block(cell).part, []).append(cell)
        for part in dict.fromkeys((*lines, *cells)):
            if part not in lines:
                lines[part] = [_shortened(self._entry(self.program.step(cells[part][0])))]
            yield self._section(part, lines[part], cells.get(part, ()))

    def _readers(self, steps: Sequence[Step]) -> dict[int, Step]:
        """The first of some steps that reads each derivative of one step by another."""
        found: dict[int, Step] = {}
        for step in steps:
            cells = step.operands.values()
            factors = [f for c in cells for f in self._factors(c)] if step.rule is PATHS else cells
            for cell in factors:
                if self.program.step(cell).of and cell not in self.whole:
                    found.setdefault(cell, step)
        return found

    def _entry(self, step: Step) -> Line | Local:
        if step.rule is PATHS:
            return self._summed(step)
        return self.entry(step, self._called(step.index))

    def _summed(self, step: Step) -> Line:
        """A derivative as the sum of products over all ways, each factor by its own name.

        A factor that no line and no matrix shows is written with its own formula where the
        numbers stand.
        """
        formula: list[Expr] = []
        written: list[Expr] = []
        operands: dict[str, Label] = {}
        numbers: dict[str, Shown] = {}
        for k, contribution in enumerate(step.operands.values()):
            named: list[Expr] = []
            spelled: list[Expr] = []
            for i, cell in enumerate(self._factors(contribution)):
                formal = f"f{k}_{i}"
                operands[formal] = called_by(self.program, cell, step.label)
                named.append(Name(formal))
                spelled.append(self._spelled(cell, formal, numbers))
            formula.append(_times(named))
            written.append(_times(spelled))
        shown = self._shown(step.index)
        exact = bears(_plus(written), numbers, shown, self.t.digits)
        kept = self._kept(list(step.operands.values()))
        whole, each = _with_gaps(formula, kept), _with_gaps(written, kept)
        return Line(step.name, step.label, whole, each, operands, numbers, shown, exact)

    def _kept(self, contributions: Sequence[int]) -> list[int]:
        """The ways that are written out: of many the first and the last that are not 0."""
        if len(contributions) <= TERMS:
            return list(range(len(contributions)))
        heavy = [k for k, c in enumerate(contributions) if self.t.values[c]]
        chosen = heavy if len(heavy) > 1 else [0, len(contributions) - 1]
        return chosen if len(chosen) <= TERMS else [*chosen[:2], *chosen[-2:]]

    def _spelled(self, cell: int, formal: str, numbers: dict[str, Shown]) -> Expr:
        """A factor as its number is written; `numbers` gets what it is made of."""
        step = self.program.step(cell)
        if cell in self.chosen or cell in self.whole or not step.of or step.formula is None:
            numbers[formal] = self._shown(cell)
            return Name(formal)
        own = {f: f"{formal}_{f}" for f in step.operands}
        numbers |= {own[f]: self._shown(c) for f, c in step.operands.items()}
        return rename(step.formula, lambda s: Name(own.get(s, s)))

    def _section(self, part: str, lines: Sequence[Line | Local], cells: Sequence[int]) -> Section:
        """The lines; all numbers of a kind are behind its first line, and before they are used."""
        numbers = [(self._called(cell), self._shown(cell)) for cell in cells]
        whole, alone = grids([*numbers, *self._zeros(part, [label for label, _ in numbers])])
        at: dict[int, list[Grids]] = {}
        for family in whole:
            first = next((k + 1 for k, line in enumerate(lines) if _belongs(line, family)), None)
            used = next((k for k, line in enumerate(lines) if _uses(line, family)), len(lines))
            at.setdefault(used if first is None else min(first, used), []).append(family)
        entries: list[Entry] = [*at.get(0, ())]
        for k, line in enumerate(lines, 1):
            entries += [line, *at.get(k, ())]
        told = {name for line in lines for name in _names(line)}
        left = tuple((label, shown) for label, shown in alone if labels.name(label) not in told)
        return Section(part, tuple(entries), left)

    def _zeros(self, part: str, told: Sequence[Label]) -> Iterator[tuple[Label, Shown]]:
        """The derivatives by what the error is not made of, of families of which others are."""
        tops = {_family(d): d.top for d in told if isinstance(d, Derivative) and member(d)}
        for step in self.program.steps(Phase.FORWARD) if tops else ():
            if step.part == part and step.index not in self.made:
                by = (Derivative(top, step.label) for top in dict.fromkeys(tops.values()))
                zero = show(0.0, self.t.digits)
                yield from ((d, zero) for d in by if member(d) and _family(d) in tops)

    def _called(self, cell: int) -> Label:
        """A derivative by the whole error, where it has that name too."""
        own = self.program.label(cell)
        root = None if self.program.root is None else self.program.label(self.program.root)
        for label in (own, *self.program.also.get(cell, ())):
            if isinstance(label, Derivative) and label.top == root and not label.note:
                return label
        return own

    def _shown(self, cell: int) -> Shown:
        return show(float(self.t.values[cell]), self.t.digits)


def _family(label: Label) -> str:
    """What all of a family are called."""
    found = member(label)
    return labels.name(found.stem) if found else ""


def _times(factors: Sequence[Expr]) -> Expr:
    return factors[0] if len(factors) == 1 else Product(tuple(factors))


def _plus(terms: Sequence[Expr]) -> Expr:
    return terms[0] if len(terms) == 1 else Sum(tuple(terms), (False,) * len(terms))


def _with_gaps(terms: Sequence[Expr], kept: Sequence[int]) -> Expr:
    """Some of the terms of a sum, dots for those between them."""
    found: list[Expr] = []
    before = -1
    for k in kept:
        found += [Name(GAP)] if k != before + 1 else []
        found.append(terms[k])
        before = k
    return _plus([*found, *([Name(GAP)] if before != len(terms) - 1 else [])])


def _is_whole(label: Label, tops: set[Label]) -> bool:
    return isinstance(label, Derivative) and label.top in tops and not label.note


def _numbered(formal: str) -> bool:
    base, _, number = formal.rpartition("_")
    return bool(base) and number.isdigit()


def _belongs(entry: Line | Local, family: Grids) -> bool:
    line = entry.line if isinstance(entry, Local) else entry
    named = (member(label) for label in (line.label, line.also) if label)
    return any(found and labels.name(found.stem) == labels.name(family.label) for found in named)


def _uses(entry: Line | Local, family: Grids) -> bool:
    """Whether a line has another member of a family than the first among its numbers."""
    line = entry.line if isinstance(entry, Local) else entry
    found = [member(label) for label in line.operands.values()]
    places = {f.place for f in found if f and labels.name(f.stem) == labels.name(family.label)}
    return len(places) > 1


def _line(entry: Entry) -> Line | None:
    if isinstance(entry, Grids):
        return None
    return entry.line if isinstance(entry, Local) else entry


def _names(entry: Line | Local) -> Iterator[str]:
    line = entry.line if isinstance(entry, Local) else entry
    yield labels.name(line.label)
    if line.also:
        yield labels.name(line.also)


# ---- long sums -------------------------------------------------------------------------


def _shortened(entry: Line | Local) -> Line | Local:
    """A line whose long sums are written with dots."""
    if isinstance(entry, Local):
        consumer = _shortened(entry.consumer)
        line = _shortened(entry.line)
        assert isinstance(consumer, Line), "a line stays one"
        assert isinstance(line, Line), "a line stays one"
        return replace(entry, consumer=consumer, line=line)
    formula = None if entry.formula is None else _dotted(entry.formula)
    written = None if entry.written is None else _dotted(entry.written)
    return replace(entry, formula=formula, written=written)


def _dotted(e: Expr) -> Expr:
    """An expression with dots for the middle of every long sum."""
    parts = tuple(map(_dotted, children(e)))
    if isinstance(e, Sum) and len(parts) > TERMS and Name(GAP) not in parts:
        return Sum((*parts[:2], Name(GAP), *parts[-2:]), (*e.minus[:2], False, *e.minus[-2:]))
    if isinstance(e, Call) and len(parts) > TERMS:
        return Call(e.function, (*parts[:3], Name(GAP), parts[-1]))
    return rebuild(e, parts)
