"""The steps of an update, parameter by parameter, read off the program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from tracer.catalog.optimizers import DESCENT, RATE
from tracer.expression import names
from tracer.inventory import joined
from tracer.labels import Label
from tracer.numbers import show
from tracer.program import Phase, Program
from tracer.rewrite import PAST
from tracer.scenario import Scenario
from tracer.traces import Trace
from tracer.training import rates
from tracer.views import Given, GivenTable

_PLAIN = set(names(DESCENT.formula))  # what an update reads that is plain gradient descent


def updates_of(program: Program) -> Mapping[int, int]:
    """Every parameter that is updated, with its new value."""
    return {p: after for p, after in program.carry.items() if p in program.gradients}


def kept(program: Program) -> list[int]:
    """What is carried to the next pass besides parameters: the state of an optimizer."""
    called = {cell: name for name, cell in program.index.items()}
    others = [cell for cell in program.carry if cell not in program.gradients]
    return [cell for cell in others if not called[cell].endswith(PAST)]


def plain_rate(program: Program) -> Label | None:
    """The learning rate, where the updates subtract nothing but the gradient times it."""
    updates = (program.step(cell).operands for cell in updates_of(program).values())
    found = (operands[RATE] for operands in updates if set(operands) == _PLAIN)
    return next(map(program.label, found), None)


def varies(t: Trace, cell: int, name: str) -> bool:
    """Whether a given has other values in other passes: it is carried, or a listed rate."""
    assert t.scenario, "a page needs the scenario's words"
    listed = rates(t.scenario) and name == t.scenario.conventions.learning_rate
    return cell in t.program.carry or bool(listed)


def keeps(s: Scenario) -> str:
    """What the optimizer keeps, in words: `m and v of every parameter, and t for all of them`."""
    own = s.method
    if own is None or not (own.state or own.shared):
        return ""
    each = f"{_listed(own.state)} of every parameter" if own.state else ""
    once = _listed(own.shared) + (" for all of them" if each else "") if own.shared else ""
    stated = s.optimizer.start if s.optimizer else {}
    zeros = not stated and not any((*own.state.values(), *own.shared.values()))
    whole = ", and ".join(filter(None, (each, once)))
    return f"{whole} from pass to pass{', from 0 on' if zeros else ''}"


def _listed(found: Iterable[str]) -> str:
    *some, last = found
    return f"{', '.join(some)} and {last}" if some else last


def state_table(t: Trace) -> Iterator[GivenTable]:
    """What an optimizer keeps, if a pass does not start from zeros alone."""
    assert t.scenario, "a page needs the scenario's words"
    written = {joined(name) for name in t.scenario.numbers}
    own = [cell for cell in kept(t.program) if t.names[cell] not in written]
    if any(t.values[cell] for cell in own):
        rows = (Given(t.program.label(c), show(float(t.values[c]), t.digits), False) for c in own)
        yield GivenTable("Kept by the optimizer", tuple(rows))


def update_steps(program: Program) -> Mapping[int, tuple[int, ...]]:
    """The steps that lead from a parameter's gradient to its new value, each told once.

    What parameters share stands with the first of them. What does not lead to a new value of
    this pass stands with the parameter whose steps it reads.
    """
    updates = updates_of(program)
    made = np.zeros(len(program), np.bool_)
    for block in program.blocks:
        made[block.cells] = block.phase is Phase.UPDATE
    cones = {p: _cone(program, after, made) for p, after in updates.items()}
    readers = Counter(cell for cone in cones.values() for cell in cone)
    alone = {cell: p for p, cone in cones.items() for cell in cone if readers[cell] == 1}
    alone |= {cell: p for p in updates for cell in (p, program.gradients[p])}
    known = set(readers)
    for cell in np.flatnonzero(made)[::-1].tolist():
        further = _cone(program, cell, made) - known
        known |= further
        read = (c for new in sorted(further) for c in program.step(new).operands.values())
        owner = next((alone[c] for c in read if c in alone), next(iter(cones), None))
        if owner is not None:
            cones[owner] |= further
    found, told = dict[int, tuple[int, ...]](), set[int]()
    for p, cone in cones.items():
        found[p] = tuple(sorted(cone - told))
        told |= cone
    return found


def _cone(program: Program, cell: int, made: np.typing.NDArray[np.bool_]) -> set[int]:
    """The steps of the update that a step needs, itself included."""
    return {c for c in program.cone([cell], through=made) if made[c]}
