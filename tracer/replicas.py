"""A run again from slightly other parameters, side by side: which of its digits survive?"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal

import numpy as np

from tracer.build.programs import Built
from tracer.computed import built, values
from tracer.evaluate import Progress
from tracer.names import names_of
from tracer.scenario import Scenario
from tracer.traces import Trace
from tracer.values import Given

Starts = dict[int, Given]  # parameters by cell, each with a value a variant

REPLICAS = 6  # computed side by side
# Of a parameter, in units of its last place; a single unit may be lost in the first pass.
CHANGES = (-4, -3, -2, -1, 1, 2, 3, 4)


def last_bits(s: Scenario, made: Built) -> Starts:
    """The parameters, and again with their last bits changed at random."""
    chance, found = random.Random(0), Starts()
    for cell in _parameters(made):
        start = made.givens[cell]
        assert isinstance(start, Decimal), "what is carried is no data"
        value = float(start)
        changes = [0, *(chance.choice(CHANGES) for _ in range(REPLICAS - 1))]
        unit = math.ulp(value) if value else 0.0  # a 0 has no last place
        found[cell] = (value + np.array(changes) * unit)[:, None]
    return found


def other_seeds(s: Scenario, made: Built) -> Starts:
    """The parameters, and as other seeds draw them: for a source that does not state its own."""
    others = [built(s.seeded(k)).givens for k in range(1, REPLICAS)]
    found = Starts()
    for cell in _parameters(made):
        starts = [givens[cell] for givens in (made.givens, *others)]
        found[cell] = np.array([[float(start)] for start in starts if isinstance(start, Decimal)])
    return found


def _parameters(made: Built) -> list[int]:
    """The parameters that are updated, but for what starts as a copy of them."""
    program = made.program
    return [c for c in program.carry if c in program.gradients and c not in made.copies]


def replicas(
    s: Scenario, iterations: Sequence[int], names: Collection[str],
    progress: Progress | None = None, starts: Callable[[Scenario, Built], Starts] = last_bits,
) -> Trace:  # fmt: skip
    """Passes computed side by side from other parameters: other in their last bits, if not stated.

    Variant 0 is unchanged. Kept are the steps named and all that the samples share.
    """
    made = built(s)
    changed = starts(s, made)
    copies = {copy: changed[cell] for copy, cell in made.copies.items() if cell in changed}
    givens = {**made.givens, **changed, **copies}
    shared = [c for b in made.program.blocks if not b.per_sample for c in b.cells.tolist()]
    named = [cell for cell in map(names_of(made.program).get, names) if cell is not None]
    kept = values(s, made, givens, iterations, progress, [*shared, *named])
    return Trace(made.program, iterations, kept, s.conventions.digits, s.name, "", s)
