"""Where somebody's program first differs from a trace, and the mistake that explains it.

Every number is judged on the program's own earlier numbers, as a student's are, with what the
number type itself may round: so a difference is named where it comes from, not where it shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tracer.arithmetic import Machine
from tracer.check import judge
from tracer.check.arrays import SINGLE, Filled, Number, Part
from tracer.check.diagnosis import Diagnosis, Tier
from tracer.check.examination import Exercise
from tracer.check.graph import MAX_NODES, unrolled
from tracer.check.judge import Numbers
from tracer.check.precision import Precision
from tracer.errors import TooLarge, UsageError
from tracer.numbers import Digits
from tracer.traces import Trace

_SEARCHED = 5_000  # values among which mistakes are looked for: ten seconds for none
_FEW = 500  # values up to which the passes before the selected one are judged along
_ROUNDINGS = 4  # a step may be made of so many operations, or of one an operand


@dataclass(frozen=True, eq=False)
class Difference:
    """What is wrong with a program's numbers."""

    exercise: Exercise
    given: Mapping[int, Number]  # by node
    numbers: Numbers
    found: Diagnosis
    undefined: frozenset[int]  # nodes whose numbers are none, or infinite
    parts: Sequence[Part]

    @property
    def first(self) -> int:
        """The first node that differs, in order of computation."""
        return min({*self.found.bad, *self.undefined})


def difference(t: Trace, given: Filled, declared: Precision | None) -> Difference | None:
    """What differs from the selected pass of a trace, or None.

    declared    digits that the numbers are rounded to, if they are
    raises      UsageError for a trace without all its steps, TooLarge
    """
    exercise = _exercise(t)
    graph = exercise.graph
    by_node = {
        node: number
        for (cell, sample), number in given.numbers().items()
        if (node := graph.find(t.iteration, cell, sample)) is not None
    }
    undefined = frozenset(n for n, number in by_node.items() if not math.isfinite(number.value))
    finite = {n: number for n, number in by_node.items() if n not in undefined}
    numbers = _numbers(exercise, finite, declared or _by_hand(t))
    found = _examined(exercise, numbers)
    if not found.bad and not undefined:
        return None
    return Difference(exercise, by_node, numbers, found, undefined, given.parts)


def searched(exercise: Exercise) -> bool:
    """Whether mistakes are looked for; among too many values nobody would wait for that."""
    return len(exercise.graph) <= _SEARCHED


# ---- judging ---------------------------------------------------------------------------


def _exercise(t: Trace) -> Exercise:
    """The selected pass, with those before it where they are recorded and few."""
    if any(cell not in t.data for cell in range(len(t))):
        raise UsageError("trace: it keeps some steps alone; trace the scenario without only=[…]")
    size = len(t) * t.program.samples
    if size > MAX_NODES:
        raise TooLarge(
            f"trace: a pass of {size:,} values is too large to compare (at most {MAX_NODES:,}); "
            "take fewer samples"
        )
    before = range(t.iteration + 1)
    every = size * len(before) <= _FEW and all(k in t.recorded for k in before)
    return Exercise(unrolled(t, before if every else [t.iteration]), (), None, t.iteration)


def _examined(exercise: Exercise, numbers: Numbers) -> Diagnosis:
    """What is wrong, and the mistake behind it."""
    if searched(exercise):
        return exercise.examiner.examine(numbers)
    graph = exercise.graph
    own, mended = (
        judge.judged(graph, graph.values, numbers, repair=repair) for repair in (False, True)
    )
    bad = own.bad & mended.bad or frozenset(sorted(own.bad)[:1])
    return Diagnosis(own, mended.bad - own.bad, bad, Tier.UNKNOWN if bad else Tier.FINE)


def _by_hand(t: Trace) -> Precision | None:
    """How the trace itself rounds its steps."""
    how = t.scenario.under(t.reading).conventions.how if t.scenario else None
    if not isinstance(how, Digits):
        return None
    return Precision(how.decimals, how.significant)


def _numbers(
    exercise: Exercise, given: Mapping[int, Number], declared: Precision | None
) -> Numbers:
    """The numbers with what each may be off: digits that are declared, or what its type rounds."""
    graph, t = exercise.graph, exercise.trace
    often = max(_ROUNDINGS, *(len(node.operands) for node in graph.nodes))
    often *= graph.iterations[0] + 1  # every update before this pass rounds once more
    by_hand = declared.half if declared else (lambda value: 0.0)
    coarsest = max((n.rounding for n in given.values()), default=0.0)
    how = t.scenario.under(t.reading).conventions.how if t.scenario else None
    coarsest = max(coarsest, SINGLE if how is Machine.FLOAT32 else 0.0)

    def half(value: float, rounding: float) -> float:
        return max(by_hand(value), often * rounding * abs(value))

    typed = {n: judge.Typed(g.value, half(g.value, g.rounding)) for n, g in given.items()}
    return Numbers(typed, lambda value, radius: half(value, coarsest))
