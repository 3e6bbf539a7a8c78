"""From a scenario to its program: forward pass, error, backward pass, update."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import numpy as np

from tracer.backprop import Cut, backprop
from tracer.build.dense import Dense, vector
from tracer.build.formulas import emit_after, emit_before, emit_formulas
from tracer.build.losses import emit_classes, emit_error
from tracer.build.optimizers import emit_batch, emit_descent
from tracer.build.perceptron import emit_corrections, of_correction
from tracer.build.sheet import Sheet
from tracer.catalog.sums import BATCHES
from tracer.consistency import ERROR_NAMES
from tracer.conventions import LOSSES
from tracer.labels import Derivative, Label, OfSample, Own
from tracer.mistakes.applied import Slip, mistaken
from tracer.names import names_of
from tracer.networks import Network
from tracer.program import Cells, Phase, Program
from tracer.rewrite import BEFORE, pinned, sequential_update
from tracer.scenario import Scenario
from tracer.values import Fed, Given

ROOT = "E"


@dataclass(frozen=True)
class Built:
    """A finished program and the numbers it starts from."""

    program: Program
    givens: Mapping[int, Given]
    copies: Mapping[int, int] = field(default_factory=dict)  # a given that starts as another does
    slips: Mapping[int, tuple[int, ...]] = field(default_factory=dict)  # of changed steps


def build(s: Scenario) -> Built:
    """The program of a scenario.

    raises    ProgramError when two steps would have one name, or nothing can be differentiated;
              MistakeError for a mistake that cannot be made
    """
    sheet = Sheet(s)
    root, names = _network(sheet, s.network) if s.network else _formulas(sheet)
    program = sheet.draft.finish(root, names)
    if s.conventions.update == "sequential":
        program = sequential_update(program)
    givens = {program.index[n]: v for n, v in sheet.values().items()}
    built = Built(program, givens)
    slips = s.conventions.slips
    return _pinned(_mistaken(built, slips) if slips else built, s.pins)


def _mistaken(right: Built, slips: Sequence[Slip]) -> Built:
    """A program with mistakes; a given of the past starts from what it was then."""
    found = mistaken(right.program, slips)
    moved = _moved(right.program, found.program)
    past = {cell: _in_the_past(right.givens[p.cell], p.when) for cell, p in found.copies.items()}
    givens = {moved[cell]: value for cell, value in right.givens.items()} | past
    copies = {cell: moved[p.cell] for cell, p in found.copies.items()}
    return Built(found.program, givens, copies, found.slips)


def _in_the_past(given: Given, when: str) -> Given:
    """A given as it was in the first pass, or in the one before."""
    if not isinstance(given, Fed):
        return given
    if when == BEFORE:
        return replace(given, late=given.late + 1)
    first = given.at(0)
    return first if len(first) > 1 else Decimal(repr(float(first[0])))


def _pinned(built: Built, values: Mapping[str, Decimal]) -> Built:
    """A program in which some steps are held at a value."""
    if not values:
        return built
    names = names_of(built.program)
    pins = {names.find(name): value for name, value in values.items()}
    program = pinned(built.program, pins)
    moved = _moved(built.program, program)
    return Built(
        program,
        {moved[c]: v for c, v in {**built.givens, **pins}.items()},
        {moved[copy]: moved[c] for copy, c in built.copies.items()},
        {moved[c]: numbers for c, numbers in built.slips.items() if c not in pins},
    )


def _moved(before: Program, after: Program) -> dict[int, int]:
    """Where the steps of a program are in a rewritten one that has all of them."""
    return {cell: after.index[name] for name, cell in before.index.items()}


# ---- with a network --------------------------------------------------------------------


def _network(sheet: Sheet, network: Network) -> tuple[int, list[str]]:
    """A network's program; returns the error and what it may be called."""
    dense, conventions = Dense(sheet, network), sheet.s.conventions
    for part, names in (("inputs", network.inputs), ("targets", network.targets)):
        sheet.given([n for n in vector(sheet.s, names) if n not in sheet.s.formulas], part)
    targets = vector(sheet.s, network.targets)
    emit_before(sheet, [*vector(sheet.s, network.inputs), *targets])
    x = dense.givens()
    t = sheet.given(targets, "targets")
    rate = sheet.given([conventions.learning_rate], "learning rate")
    outputs = dense.layers(x)
    classes = _classes(sheet, network, outputs, t)
    learns = conventions.learning == "perceptron"
    total = Own(ROOT, network.total_error, sheet.s.symbols.get(network.total_error, ""))
    of_sample, root = _error(sheet, network, classes if learns else outputs, t, total)
    sheet.steps.update({ROOT: root, sheet.own(network.total_error).name: root})
    emit_after(sheet)
    if learns:
        gradients = emit_corrections(sheet, x, dense, classes, t)
        called: Callable[[Label], Label] = of_correction
    else:
        gradients = backprop(sheet.draft, of_sample, np.array(sheet.trained), dense.cuts)
        called = _derivative_of(total)
    if root != of_sample:
        gradients = emit_batch(sheet.draft, conventions.reduction, gradients, called)
    sheet.draft.gradients = gradients
    emit_descent(sheet.draft, int(rate[0]))
    return root, [*dict.fromkeys((*ERROR_NAMES, network.total_error))]


def _classes(sheet: Sheet, network: Network, outputs: Cells, targets: Cells) -> Cells:
    """The outputs as 0 or 1, and how many are right; nothing without a threshold."""
    if network.threshold is None:
        return outputs
    names = network.prediction_names(len(outputs))
    called: list[Label] = [sheet.own(name) for name in names]
    return emit_classes(sheet.draft, f"{network.threshold:f}", called, outputs, targets)


def _error(
    sheet: Sheet, network: Network, outputs: Cells, targets: Cells, total: Own
) -> tuple[int, int]:
    """The error of a sample and of the batch; they are one for a batch of one."""
    loss, sum_of = LOSSES[sheet.s.conventions.loss]
    terms = [sheet.own(name) for name in network.error_names(len(outputs))]
    many = sheet.draft.samples > 1
    label: Label = OfSample(total) if many else total
    sign = sheet.s.conventions.sign
    cell = emit_error(sheet.draft, loss, sum_of, sign, outputs, targets, terms, label)
    return cell, _of_batch(sheet, cell, total) if many else cell


def _of_batch(sheet: Sheet, cell: int, total: Own) -> int:
    rule = BATCHES[sheet.s.conventions.reduction]
    return int(sheet.draft.emit(rule, [[cell]], [total], Phase.ERROR, part="error")[0])


def _derivative_of(total: Own) -> Callable[[Label], Label]:
    return lambda parameter: Derivative(total, parameter)


# ---- without ---------------------------------------------------------------------------


def _formulas(sheet: Sheet) -> tuple[int, list[str]]:
    """A program of formulas alone; its gradients, and updates where there is a learning rate."""
    s = sheet.s
    name = s.error or list(s.formulas)[-1]
    emit_formulas(sheet, root=name)
    of_sample = sheet.steps[name]
    total = sheet.own(name)
    root = _of_batch(sheet, of_sample, total) if sheet.draft.per_sample[of_sample] else of_sample
    rate = s.conventions.learning_rate
    wanted = s.trained or [n for n in sheet.cells if n not in s.data and n != rate]
    reached = sheet.draft.finish().cone([of_sample])
    trained = [sheet.cells[n] for n in wanted if sheet.cells.get(n) in reached]
    cuts = {cell: Cut.ALWAYS for cell in sheet.steps.values()}
    gradients = backprop(sheet.draft, of_sample, np.array(trained), cuts)
    if root != of_sample:
        called = _derivative_of(total)
        gradients = emit_batch(sheet.draft, s.conventions.reduction, gradients, called)
    sheet.draft.gradients = gradients
    if rate in s.numbers:
        emit_descent(sheet.draft, int(sheet.given([rate], "learning rate")[0]))
    return root, [name]
