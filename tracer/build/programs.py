"""From a scenario to its program: forward pass, error, backward pass, update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType

import numpy as np

from tracer.backprop import Cut, Shortcut, backprop, through_batch
from tracer.build.directions import emit_direction
from tracer.build.formulas import emit_after, emit_before, emit_formulas
from tracer.build.gradients import emit_gradients
from tracer.build.losses import emit_classes, emit_error, emit_penalties
from tracer.build.network import Bench
from tracer.build.optimizers import emit_batch, emit_rate, emit_updates, looking_ahead
from tracer.build.perceptron import emit_corrections, of_correction
from tracer.build.sheet import Sheet
from tracer.build.short import short_forms
from tracer.catalog.sums import BATCHES, NO_CHANGE
from tracer.consistency import ERROR_NAMES
from tracer.conventions import made_of
from tracer.labels import Derivative, Label, OfSample, Own
from tracer.layers.base import BIAS, WEIGHT
from tracer.mistakes.applied import Slip, mistaken
from tracer.mistakes.stated import HALVED
from tracer.names import names_of
from tracer.networks import Network
from tracer.program import Cells, Draft, Phase, Program
from tracer.rewrite import BEFORE, pinned, sequential_update
from tracer.rulebook import losses
from tracer.scenario import Scenario
from tracer.training import givens_of
from tracer.values import Fed, Given

ROOT, DATA = "E", Own("E_data")


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
    root, names = _written(sheet)
    emit_direction(sheet, root)
    program = sheet.draft.finish(root, names)
    if s.method and s.method.ahead and program.carry:
        program = looking_ahead(program)
    if s.conventions.update == "sequential":
        program = sequential_update(program)
    givens = {program.index[n]: v for n, v in sheet.values().items()}
    built = Built(program, givens)
    if s.conventions.factor == "dropped":
        built = replace(_mistaken(built, [Slip(HALVED)]), slips={})
    slips = s.conventions.slips
    return _pinned(_mistaken(built, slips) if slips else built, s.pins)


def _written(sheet: Sheet) -> tuple[int | None, list[str]]:
    """Write all steps of a pass; returns the error, if there is one, and what it may be called."""
    if sheet.s.network:
        return _network(sheet, sheet.s.network)
    if not sheet.s.gradients:
        return _formulas(sheet)
    sheet.draft.gradients = emit_gradients(sheet)
    emit_updates(sheet)
    return None, []


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


def _network(sheet: Sheet, network: Network) -> tuple[int | None, list[str]]:
    """A network's program; returns the error, if there is one, and what it may be called."""
    bench, conventions = Bench(sheet), sheet.s.conventions
    inputs, targets = sheet.s.vector(network.inputs), sheet.s.vector(network.targets)
    for part, names in (("inputs", inputs), ("targets", targets)):
        sheet.given([n for n in names if n not in sheet.s.formulas], part)
    emit_before(sheet, [*inputs, *targets])
    x = sheet.given(inputs, "inputs").reshape(bench.walk.shapes[0].sizes)
    bench.givens()
    t = sheet.given(targets, "targets")
    emit_rate(sheet)
    outputs = bench.run(x).ravel()
    if sheet.s.forward_only:
        emit_after(sheet)
        return None, []
    classes = _classes(sheet, network, outputs, t)
    learns = conventions.learning == "perceptron"
    compared = classes if learns else outputs
    of_sample, root, names = _error_of(sheet, network, bench, compared, t)
    if learns:
        gradients = emit_corrections(sheet, x, bench, classes, t)
        if root != of_sample:
            gradients = emit_batch(sheet.draft, conventions.reduction, gradients, of_correction)
    else:
        short = _short(sheet, outputs, t)
        gradients = _gradients(sheet, of_sample, root, sheet.trained, bench.cuts, short)
    sheet.draft.gradients = gradients
    emit_updates(sheet)
    return root, names


def _error_of(
    sheet: Sheet, network: Network, bench: Bench, outputs: Cells, targets: Cells
) -> tuple[int, int, list[str]]:
    """The error of a sample and of the batch, by a loss or a formula, and what it may be called."""
    if sheet.s.error is not None:
        total = sheet.own(sheet.s.error)
        emit_after(sheet, root=total.name)
        bench.cuts.update(dict.fromkeys(sheet.steps.values(), Cut.EVERY))
        return *_formula_error(sheet, total), [sheet.s.error]
    total = Own(ROOT, network.total_error, sheet.s.symbols.get(network.total_error, ""))
    of_sample, root = _error(sheet, network, outputs, targets, total)
    root = _penalised(sheet, root, total)
    sheet.steps.update({ROOT: root, sheet.own(network.total_error).name: root})
    emit_after(sheet)
    return of_sample, root, [*dict.fromkeys((*ERROR_NAMES, network.total_error))]


def _classes(sheet: Sheet, network: Network, outputs: Cells, targets: Cells) -> Cells:
    """The classes of the outputs, and how many are right; nothing without a threshold."""
    if network.threshold is None:
        return outputs
    names = network.prediction_names(len(outputs))
    called: list[Label] = [sheet.own(name) for name in names]
    lower = network.classes[0]
    return emit_classes(sheet.draft, network.threshold, int(lower), called, outputs, targets)


def _error(
    sheet: Sheet, network: Network, outputs: Cells, targets: Cells, total: Own
) -> tuple[int, int]:
    """The error of a sample and of the batch; they are one for a batch of one."""
    loss, sum_of = made_of(sheet.s.conventions.loss)
    rule = losses(sheet.s)[loss, sheet.s.conventions.sign]
    terms = [sheet.own(name) for name in network.error_names(len(outputs))]
    total = total if sheet.s.conventions.penalty is None else DATA
    many = sheet.draft.samples > 1
    label: Label = OfSample(total) if many else total
    cell = emit_error(sheet.draft, rule, sum_of, outputs, targets, terms, label)
    return cell, _of_batch(sheet, cell, total) if many else cell


def _penalised(sheet: Sheet, data: int, total: Own) -> int:
    """The error with what the weights add to that of the data."""
    penalty = sheet.s.conventions.penalty
    if penalty is None:
        return data
    roles = (WEIGHT, BIAS) if penalty.biases else (WEIGHT,)
    used = (use for layer in sheet.s.walk.layers for use in layer.uses() if use.role in roles)
    names = [n for use in used for given in use.names for n in sheet.s.vector(given)]
    weights = list(dict.fromkeys(c for c in sheet.given(names, "").tolist() if c in sheet.trained))
    strengths = {
        kind: int(sheet.given([name], "penalty")[0]) for kind, name in penalty.strengths.items()
    }
    return emit_penalties(sheet.draft, strengths, penalty.half, weights, data, total)


def _formula_error(sheet: Sheet, total: Own) -> tuple[int, int]:
    """The error of a sample and of the batch, where it is a formula."""
    cell = sheet.steps[total.name]
    return cell, _of_batch(sheet, cell, total) if sheet.draft.per_sample[cell] else cell


def _of_batch(sheet: Sheet, cell: int, total: Own) -> int:
    rule = BATCHES[sheet.s.conventions.reduction]
    return int(sheet.draft.emit(rule, [[cell]], [total], Phase.ERROR, part="error")[0])


def _short(sheet: Sheet, outputs: Cells, targets: Cells) -> Mapping[int, Shortcut]:
    """The short forms of the output layer's derivatives, where the scenario states them."""
    conventions = sheet.s.conventions
    if conventions.output_gradient == "chain" or sheet.s.error is not None:
        return {}
    return short_forms(sheet, made_of(conventions.loss)[0], outputs, targets)


def _gradients(
    sheet: Sheet, of_sample: int, root: int, trained: Sequence[int], cuts: Mapping[int, Cut],
    short: Mapping[int, Shortcut] = MappingProxyType({}),
) -> dict[int, int]:  # fmt: skip
    """The gradients of the batch's error: of each sample's, summed up, where that is all of it."""
    draft, learned = sheet.draft, np.array(trained, np.int64)
    total = draft.block(root)
    plain = total.rule in BATCHES.values() and not through_batch(draft, of_sample, learned)
    if root == of_sample or not plain:
        found = backprop(draft, root, learned, cuts, short)
    else:
        found, label = backprop(draft, of_sample, learned, cuts, short), draft.label(root)
        found = emit_batch(
            draft, sheet.s.conventions.reduction, found,
            lambda parameter: Derivative(label, parameter),
        )  # fmt: skip
    return found | _zeros(draft, root, [cell for cell in trained if cell not in found])


def _zeros(draft: Draft, root: int, cells: Sequence[int]) -> dict[int, int]:
    """Gradients of what is trained, but does not change the error: a row that nobody looks up."""
    found: dict[int, int] = {}
    for part in dict.fromkeys(draft.block(cell).part for cell in cells):
        own = [cell for cell in cells if draft.block(cell).part == part]
        called: list[Label] = [Derivative(draft.label(root), draft.label(cell)) for cell in own]
        none = np.empty((len(own), 0), np.int64)
        zeros = draft.emit(NO_CHANGE, none, called, Phase.BACKWARD, part=part, group=0)
        found |= zip(own, map(int, zeros), strict=True)
    return found


# ---- without ---------------------------------------------------------------------------


def _formulas(sheet: Sheet) -> tuple[int, list[str]]:
    """A program of formulas alone; its gradients, and updates where there is a learning rate."""
    s = sheet.s
    name = s.error or s.formulas.assignments[-1].name
    total = sheet.own(name)
    emit_formulas(sheet, root=total.name)
    of_sample, root = _formula_error(sheet, total)
    rate = s.conventions.learning_rate
    settings = {rate, *givens_of(s).values()}
    wanted = s.trained or [n for n in sheet.cells if n not in s.data and n not in settings]
    reached = sheet.draft.finish().cone([of_sample])
    trained = [sheet.cells[n] for n in wanted if sheet.cells.get(n) in reached]
    cuts = {cell: Cut.EVERY for cell in sheet.steps.values()}
    sheet.draft.gradients = _gradients(sheet, of_sample, root, trained, cuts)
    if rate in s.numbers or s.optimizer:
        emit_updates(sheet)
    return root, [name]
