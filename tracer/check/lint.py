"""What an exercise cannot show: mistakes its numbers do not tell apart, values that say nothing.

Every mistake is made on paper, rounded as agreed, and examined as a person's sheet would be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from tracer.check import judge
from tracer.check.diagnosis import Examiner, Tier
from tracer.check.examination import Exercise
from tracer.check.graph import Graph
from tracer.check.hypotheses import UNIT, Hypothesis, ordered
from tracer.check.judge import Numbers
from tracer.check.precision import Precision
from tracer.errors import ProgramError
from tracer.expression import Name
from tracer.mistakes.anatomy import anatomy_of
from tracer.numbers import HALF_UP, Digits, rounded

MAX_EXTRA = 5  # quantities that are suggested
_VACUOUS = 0.5  # of a value: what rounding may change by so much shows nothing
_APART = 3  # times half a unit by which two values can be told apart


@dataclass(frozen=True)
class Alike:
    """Mistakes that the numbers asked for cannot tell apart; alone: one they cannot show."""

    mistakes: tuple[str, ...]  # in words
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Findings:
    """What is wrong with an exercise; labels of steps as a reader knows them."""

    asked: tuple[str, ...]
    digits: str
    silent: tuple[Alike, ...]  # no number asked for shows them
    alike: tuple[Alike, ...]
    zero: tuple[str, ...]  # 0 to the digits agreed
    saturated: tuple[str, ...]  # outputs at an end of their activation
    equal: tuple[tuple[str, ...], ...]  # the same digits by coincidence
    vague: tuple[str, ...]  # rounding alone may change them by half
    extra: tuple[str, ...]  # to ask for as well
    left: tuple[Alike, ...]  # what even those do not tell apart

    @property
    def ok(self) -> bool:
        """Whether everything can be told from everything else."""
        return not (self.silent or self.alike or self.zero or self.equal or self.vague)


def lint(exercise: Exercise) -> Findings:
    """Examine an exercise; its precision must be declared."""
    return _Lint(exercise).findings()


@dataclass(frozen=True, eq=False)
class _Made:
    """A mistake on paper: the values of all nodes, rounded step by step."""

    mistake: Hypothesis
    values: dict[int, float]


class _Lint:
    def __init__(self, exercise: Exercise) -> None:
        assert exercise.precision, "digits are agreed"
        self.by, self.graph, self.precision = exercise, exercise.graph, exercise.precision
        self.examiner = Examiner(self.graph)
        self.computed = [n for n, node in enumerate(self.graph.nodes) if node.bound]
        self.honest = _filled(self.graph, None, self.precision)
        self.made = list(self._made())

    def _made(self) -> Iterator[_Made]:
        """Every mistake made throughout, or in one layer where that is another sheet."""
        for h in self.examiner.known:
            if h.scope != UNIT:
                try:
                    yield _Made(h, _filled(self.graph, h, self.precision))
                except (ProgramError, ArithmeticError, ValueError):
                    continue  # nobody gets a number that way

    def findings(self) -> Findings:
        asked = self.by.asked
        silent, alike = self._told_apart(asked)
        extra = self._extra(asked, silent, alike)
        left = self._told_apart((*asked, *extra)) if extra else (silent, alike)
        label = self.by.label
        return Findings(
            asked=tuple(map(label, asked)),
            digits=self.precision.words(),
            silent=tuple(map(_alike, silent)),
            alike=tuple(map(_alike, alike)),
            zero=tuple(label(n) for n in asked if not self.honest[n]),
            saturated=tuple(map(label, self._saturated())),
            equal=tuple(tuple(map(label, group)) for group in self._equal(asked)),
            vague=tuple(label(n) for n in self._vague(asked)),
            extra=tuple(map(label, extra)),
            left=tuple(map(_alike, (*left[0], *left[1]))),
        )

    # ---- mistakes ----------------------------------------------------------------------

    def _told_apart(
        self, asked: Sequence[int]
    ) -> tuple[list[tuple[Hypothesis, ...]], list[tuple[Hypothesis, ...]]]:
        """Mistakes that nothing shows, and those that look like others."""
        silent: dict[str, tuple[Hypothesis, ...]] = {}
        alike: dict[frozenset[str], tuple[Hypothesis, ...]] = {}
        for made in self.made:
            if made.mistake.mistakes[0][1]:
                continue
            found = self.examiner.examine(self._numbers(made.values, asked))
            ids = frozenset(h.ids[0] for h in found.explanations)
            if found.tier is Tier.FINE:
                silent[made.mistake.ids[0]] = (made.mistake,)
            elif len(ids) > 1:
                alike[ids] = found.explanations
        return list(silent.values()), list(alike.values())

    def _numbers(self, values: dict[int, float], asked: Iterable[int]) -> Numbers:
        half = self.precision.half
        typed = {n: judge.Typed(values[n], half(values[n])) for n in asked}
        return Numbers(typed, self.precision.rounding)

    # ---- what else to ask --------------------------------------------------------------

    def _extra(
        self, asked: Sequence[int], silent: Sequence[tuple[Hypothesis, ...]],
        alike: Sequence[tuple[Hypothesis, ...]],
    ) -> list[int]:  # fmt: skip
        """The few steps that tell most of what is alike apart, the most telling first."""
        by_id = {m.mistake.ids[0]: m.values for m in reversed(self.made)}
        pairs = [(by_id[h.ids[0]], self.honest) for (h,) in silent]
        pairs += [
            (by_id[a.ids[0]], by_id[b.ids[0]])
            for group in alike for a, b in combinations(group, 2)
            if a.ids[0] in by_id and b.ids[0] in by_id
        ]  # fmt: skip
        found: list[int] = []
        while pairs and len(found) < MAX_EXTRA:
            others = [n for n in self.worth_asking if n not in asked and n not in found]
            best = max(others, key=lambda n: sum(self._apart(n, *p) for p in pairs), default=None)
            left = pairs if best is None else [p for p in pairs if not self._apart(best, *p)]
            if best is None or len(left) == len(pairs):
                break
            found.append(best)
            pairs = left
        return found

    @property
    def worth_asking(self) -> list[int]:
        """The steps that are no mere copy of another."""
        return [n for n in self.computed if not isinstance(self.graph.nodes[n].formula, Name)]

    def _apart(self, node: int, one: dict[int, float], other: dict[int, float]) -> bool:
        reach = self.precision.half(one[node]) + self.precision.half(other[node])
        return abs(one[node] - other[node]) > _APART * reach

    # ---- numbers that say nothing ------------------------------------------------------

    def _saturated(self) -> Iterator[int]:
        """Outputs whose activation does not move any more, to the digits agreed."""
        a = anatomy_of(self.by.trace.program)
        slopes = {cell for cell, kind in a.kinds.items() if kind.by == "z" and kind.of != "relu"}
        for n in self.computed:
            cell = self.graph.places[n].cell
            if cell in slopes and not self.honest[n]:
                place = self.graph.places[n]
                found = self.graph.find(place.iteration, a.consumer(cell), place.sample)
                if found is not None:
                    yield found

    def _equal(self, asked: Iterable[int]) -> Iterator[tuple[int, ...]]:
        """Steps with the same digits that are not the same number by their formulas."""
        groups: dict[float, list[int]] = {}
        for n in asked:
            if self.honest[n] and not isinstance(self.graph.nodes[n].formula, Name):
                groups.setdefault(self.honest[n], []).append(n)
        return (tuple(group) for group in groups.values() if len(group) > 1)

    def _vague(self, asked: Iterable[int]) -> Iterator[int]:
        """Steps that honest rounding may change by half of their value."""
        own = judge.judged(self.graph, self.graph.values, self._numbers(self.honest, asked))
        for n, (value, radius) in own.expected.items():
            if self.honest[n] and radius + self.precision.half(value) >= _VACUOUS * abs(value):
                yield n


def _filled(graph: Graph, h: Hypothesis | None, precision: Precision) -> dict[int, float]:
    """The values somebody writes down who rounds every step and goes on with that."""
    changed, extra = h.changes if h else ({}, ())
    nodes = {**dict(enumerate(graph.nodes)), **changed, **dict(enumerate(extra, len(graph)))}
    values, zeros = [*graph.values, *([0.0] * len(extra))], [0.0] * len(nodes)
    for n in ordered(nodes, frozenset()):
        node = nodes[n]
        if node.bound:
            v, radius = node.bound(values, zeros, node.operands, _exactly)
            if radius:
                raise ArithmeticError("no value")
            values[n] = _rounded(v, precision)
    return dict(enumerate(values))


def _exactly(value: float, radius: float) -> float:
    return 0.0


def _rounded(value: float, precision: Precision) -> float:
    mode = "truncate" if precision.cut else HALF_UP
    return float(rounded(Decimal(value), Digits(precision.decimals, precision.significant, mode)))


def _alike(group: tuple[Hypothesis, ...]) -> Alike:
    return Alike(tuple(h.mistakes[0][0].explains for h in group), tuple(h.ids[0] for h in group))
