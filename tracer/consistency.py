"""What the parts of a scenario say of each other: names given, shapes that fit, readings cited."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from tracer import expression, labels, parsing
from tracer.assignments import check_formulas, computed, in_formulas
from tracer.conventions import MEAN, made_of, no_reading
from tracer.errors import nearest
from tracer.fields import Stated, quoted
from tracer.inventory import (
    check_batches,
    check_data,
    check_direction,
    check_givens,
    check_parts,
    check_run,
    counted,
    joined,
    not_given,
)
from tracer.layers.base import BIAS, listed
from tracer.layers.shapes import Shape, wrongly_named
from tracer.mistakes.stated import wrongly_stated
from tracer.numbers import decimals
from tracer.rulebook import check_rules, losses
from tracer.short_forms import check_short
from tracer.training import check_penalty, check_training, needs_rate, uses
from tracer.walk import check_vector, shape_of

if TYPE_CHECKING:
    from tracer.conventions import Conventions
    from tracer.networks import Network
    from tracer.scenario import Published, Scenario

MAX_GIVENS = 5_000  # names; a larger network has matrices

READINGS = "a given of a reading"  # stands in for another given, whatever that is

#: What the error may always be called.
ERROR_NAMES = ("E", "ETotal", "E_total")

Problems = Iterator[str]


def check(s: Scenario) -> Problems:
    """Problems between the parts of a scenario, each `key: what, and the remedy`."""
    missing = list(check_parts(s))
    if missing:
        yield from missing
        return
    count = sum(map(len, s.givens.values()))
    if count > MAX_GIVENS:
        yield f"givens: {count:,} names; write matrices where there are more than {MAX_GIVENS:,}"
        return
    problems = [*check_givens(s), *check_data(s)]
    yield from problems
    if problems:
        return
    if s.network:
        yield from _check_network(s, s.network)
    yield from check_formulas(s)
    training = list(check_training(s))
    yield from training
    if training:
        return
    yield from _check_names(s)
    yield from _check_roles(s)
    yield from check_rules(s)
    for where, conventions, own in _stated(s):
        yield from _check_conventions(s, where, conventions, own)
    yield from _check_lengths(s)
    yield from check_run(s)
    yield from _check_readings(s)
    yield from _check_published(s)


def unused(s: Scenario) -> Problems:
    """Givens that no part of the network uses: misspelt, most likely."""
    if any(check_parts(s)) or any(check_data(s)):
        return
    used = {_base(name) for _, _, names in _uses(s) for name in names} | in_formulas(s)
    given = {name for table in s.tables.values() for name in table}
    for title, table in s.givens.items():  # what is drawn may be drawn for the stream alone
        for name in table:
            if name not in used:
                yield f"givens.{title}.{name}: given but not used{nearest(name, used - given)}"


def _base(name: str) -> str:
    """The given that an element belongs to: `W` of `W[2,3]`."""
    return name.partition("[")[0] if name.endswith("]") else name


# ---- the network -----------------------------------------------------------------------


def _check_network(s: Scenario, network: Network) -> Problems:
    """What is wrong with the shapes of inputs, layers and targets."""
    yield from check_vector(s, "network.inputs", network.inputs)
    yield from s.walk.problems
    if network.targets:
        yield from check_vector(s, "network.targets", network.targets)
    elif network.threshold is not None:
        yield "network.targets: missing; with a threshold the outputs are compared to them"
    if network.threshold is None:
        for key in sorted({"classes", "predictions"} & network.model_fields_set):
            yield f"network.{key}: there are no classes; state network.threshold"
    outputs = s.walk.outputs
    targets = shape_of(s, network.targets) if network.targets else None
    if outputs and targets and outputs != targets.count:
        found = counted(targets.count, "target")
        yield f"network.targets: {found} for {counted(outputs, 'output')}"
    if outputs:
        shape = Shape((outputs,), "k")
        patterns = {"errors": network.errors}
        if network.threshold is not None:
            patterns["predictions"] = network.predictions
        for key, pattern in patterns.items():
            if wrong := wrongly_named(pattern, shape, "output"):
                yield f"network.{key}: {wrong}"
    if s.forward_only:
        yield from _check_forward_only(s, network)


#: Conventions that say something of the error, or of a run that leads to a smaller one.
_OF_ERROR = {"loss", "stop_below", "tangents", "penalty", "output_gradient", "factor"}


def _check_forward_only(s: Scenario, network: Network) -> Problems:
    """Without an error nothing is said of one, nor of training."""
    told = {"network": network.model_fields_set & {"errors", "total_error"}}
    for where, conventions, own in _stated(s):
        told[where] = conventions.model_fields_set & set(own) & _OF_ERROR
    keys = [f"{where.rstrip('.')}.{key}" for where, own in told.items() for key in sorted(own)]
    for key in (*keys, *(["optimizer"] if s.optimizer else [])):
        yield f"{key}: there is no error; state network.targets, or a formula as the error"


# ---- names -----------------------------------------------------------------------------


def _written(s: Scenario) -> Iterator[tuple[str, str]]:
    """Every name of a number that the author chose, with the key that says it."""
    yield from s.placed()
    yield from ((name, s.formulas.place(name)) for name in s.formulas)
    if s.network:
        yield from _written_by(s, s.network)


def _written_by(s: Scenario, network: Network) -> Iterator[tuple[str, str]]:
    """The names of a network's steps."""
    for number, steps in enumerate(s.walk.steps):
        for field, names in steps.items():
            key = f"network.layers[{number}].{field}"
            yield from ((name, key) for name in dict.fromkeys(names.ravel().tolist()))
    outputs = s.walk.outputs
    classes = network.prediction_names(outputs)
    yield from ((name, "network.predictions") for name in dict.fromkeys(classes))
    if not s.has_loss:
        return
    total = network.total_error
    errors = dict.fromkeys(network.error_names(outputs))
    if outputs == 1:  # its error is the error, under each of its names
        errors = {name: None for name in errors if name not in (*ERROR_NAMES, total)}
    yield from ((name, "network.errors") for name in errors)
    if joined(total) not in ERROR_NAMES:
        yield total, "network.total_error"


def _check_names(s: Scenario) -> Problems:
    """Names written twice, numbers that would look the same, symbols for nothing."""
    errors = dict.fromkeys(ERROR_NAMES if s.has_loss else (), "the error")
    called = dict(errors)
    shown: dict[str, str] = {}
    told: set[str] = set()  # of a matrix the first element is enough
    for name, key in _written(s):
        symbol = labels.latex(labels.Own(joined(name), name, s.symbols.get(name, "")))
        taken = _base(joined(name)) if _base(joined(name)) in errors else joined(name)
        if taken in called and key not in told:
            yield f"{key}: the name {taken!r} is taken by {called[taken]}; choose another"
            told.add(key)
        elif symbol in shown and key not in told:
            yield f"{key}: {name!r} would look like {shown[symbol]!r}: {symbol}; choose another"
            told.add(key)
        called.setdefault(joined(name), key)
        shown.setdefault(symbol, name)
    total = [s.network.total_error] if s.network and s.has_loss else []
    names = [*total, *(name for name, _ in _written(s))]
    for name in s.symbols if not s.network or s.walk.whole else ():
        if name not in names:
            yield f"symbols.{name}: no number is called {name!r}{nearest(name, names)}"


# ---- what names are used for -----------------------------------------------------------

Use = tuple[str, str, Iterable[str]]  # what for, where, the names


def _uses(s: Scenario) -> Iterator[Use]:
    if s.network:
        yield "an input", "network.inputs", listed(s.network.inputs)
        yield "a target", "network.targets", listed(s.network.targets)
    for number, layer in enumerate(s.network.layers if s.network else ()):
        for use in layer.uses():
            yield use.role, f"network.layers[{number}].{use.field}", use.names
    yield from uses(s)
    for title, reading in s.readings.items():
        swapped = [other for other in reading.givens.values() if isinstance(other, str)]
        yield READINGS, f"readings.{title}.givens", swapped
    for where, conventions, own in _stated(s):
        if "learning_rate" in own and not s.forward_only:
            yield "the learning rate", f"{where}learning_rate", [conventions.learning_rate]
        if "penalty" in own and conventions.penalty:
            strengths = [*conventions.penalty.strengths.values()]
            yield "of a penalty", f"{where}penalty", strengths


def _check_roles(s: Scenario) -> Problems:
    """A number that is trained is a weight or a bias, and nothing else."""
    taken: dict[str, str] = {}
    for role, key, names in _uses(s):
        for name in dict.fromkeys(names):
            other = role if role == READINGS else taken.setdefault(name, role)
            if role != other and {role, other} != {"an input", "a target"}:
                yield f"{key}: {name!r} is {other}; it cannot be {role} too"


# ---- conventions and readings ----------------------------------------------------------


def _stated(s: Scenario) -> Iterator[tuple[str, Conventions, Collection[str]]]:
    """The scenario's conventions and those of every reading, each with what it states itself."""
    yield "conventions.", s.conventions, tuple(type(s.conventions).model_fields)
    for name, reading in s.readings.items():
        changed = reading.changed
        yield f"readings.{name}.", s.conventions.model_copy(update=changed), tuple(changed)


def _check_conventions(s: Scenario, where: str, c: Conventions, own: Collection[str]) -> Problems:
    """What is wrong with the conventions that are its own."""
    rate, rounding = c.learning_rate, c.rounding
    biased = any(role == BIAS and list(names) for role, _, names in _uses(s))
    needed = needs_rate(s) or rate != type(c).model_fields["learning_rate"].default
    if "learning_rate" in own and needed and not isinstance(s.given(rate), Decimal | Stated):
        yield f"{where}learning_rate: {not_given(s, rate, 'one number')}"
    if "net" in own and biased and "b" not in expression.names(parsing.parse(c.net)):
        yield f"{where}net: {c.net!r} has no b, but there are biases"
    if "decimals" in own and c.decimals is not None and c.significant is not None:
        yield f"{where}significant: state decimals or significant, not both"
    if "loss" in own and (made_of(c.loss)[0], c.sign) not in losses(s):
        known = [f"{mean}{name}" for name, _ in losses(s) for mean in ("", MEAN)]
        yield f"{where}loss: no {quoted(c.loss)}{nearest(c.loss, known) or _listed(known)}"
    if "factor" in own and c.factor == "dropped" and made_of(c.loss)[0] != "squared error":
        yield f"{where}factor: only the derivative of a squared error has a 2 to drop"
    yield from check_batches(s, where, c, own)
    yield from check_short(s, where, c, own)
    yield from check_penalty(s, where, c, own)
    if "tangents" in own:
        yield from check_direction(s, where, c.tangents or {})
    if rounding and "rounding" in own and not rounding.stated:
        yield f"{where}rounding: state decimals or significant, one of them"
    if rounding and "arithmetic" in own and c.arithmetic != "float64":
        yield f"{where}arithmetic: state rounding or another arithmetic, not both"
    for k, made in enumerate(c.mistakes if "mistakes" in own else ()):
        if wrong := wrongly_stated(made.id, made.decimals):
            yield f"{where}mistakes[{k}]: {wrong}"


def _listed(known: Iterable[str]) -> str:
    return f"; expected one of {', '.join(map(repr, dict.fromkeys(known)))}"


def _check_lengths(s: Scenario) -> Problems:
    """How long a run is stated to be, and how much of it a page shows."""
    readings = ((f"readings.{title}.", reading) for title, reading in s.readings.items())
    for where, c in (("conventions.", s.conventions), *readings):
        if {"iterations", "epochs"} <= c.model_fields_set:
            yield f"{where}epochs: state iterations or epochs, not both"
    for k, shown in enumerate(s.run.show):
        if shown > s.iterations:
            yield f"run.show[{k}]: no iteration {shown:,}; the run ends with {s.iterations:,}"


def _check_readings(s: Scenario) -> Problems:
    for title, reading in s.readings.items():
        for name, value in reading.givens.items():
            key, given = f"readings.{title}.givens.{name}", s.given(name)
            if isinstance(value, str):
                yield from _check_swap(s, key, name, value)
            elif not isinstance(given, Decimal | Stated):
                yield f"{key}: {not_given(s, name, 'one number')}"
        yield from _check_pins(s, title, reading.pins)
        if not reading.changed and not reading.givens and not reading.pins:
            yield f"readings.{title}: changes nothing"


def _check_pins(s: Scenario, title: str, pins: Collection[str]) -> Problems:
    """A reading holds what is computed at a value."""
    steps = {joined(name) for name in computed(s)}
    for name in pins:
        key = f"readings.{title}.pins.{name}"
        if name in s.numbers or name in s.data:
            yield f"{key}: {name!r} is given, not computed; a reading states it under givens"
        elif _derived_by(joined(name)) not in steps:
            yield f"{key}: no step is called {name!r}{nearest(name, computed(s))}"


def _derived_by(name: str) -> str:
    """The step that a derivative is by: `h` of delta_h, dE/dh and h itself."""
    return name.removeprefix("delta_").rpartition("/d")[2]


def _check_swap(s: Scenario, key: str, name: str, other: str) -> Problems:
    """A given that a reading takes from another given must be there, with that one's shape."""
    for one in (name, other):
        if s.given(one) is None:
            yield f"{key}: {not_given(s, one)}"
            return
    if _sizes(s, name) != _sizes(s, other):
        yield f"{key}: {other!r} has another shape than {name!r}"


def _sizes(s: Scenario, name: str) -> tuple[int, ...]:
    found = s.elements(name)
    return () if found is None else found.shape


# ---- published numbers -----------------------------------------------------------------


def entry_key(name: str, entries: list[Published], k: int) -> str:
    """Where an entry stands: `published.w5+`, or `published.w5+[1]` among several."""
    return f"published.{name}[{k}]" if len(entries) > 1 else f"published.{name}"


def _check_published(s: Scenario) -> Problems:
    for name, entries in s.published.items():
        for k, entry in enumerate(entries):
            key = entry_key(name, entries, k)
            if entry.reading is not None and s.found_reading(entry.reading) is None:
                yield f"{key}.reading: {no_reading(entry.reading, s.readings)}"
            if entry.samples is not None and entry.samples not in s.columns:
                close = nearest(entry.samples, s.columns)
                yield f"{key}.samples: no samples {quoted(entry.samples)}{close}"
            yield from _check_claim(key, entry)


def _check_claim(key: str, entry: Published) -> Problems:
    """What an entry must say that calls its number a misprint or not reproducible."""
    printed, right = entry.printed, entry.right
    if not entry.reproducible and not entry.reason:
        yield f"{key}.reason: missing; say why {printed} cannot be reproduced"
    if right is None:
        return
    if not entry.reason:
        yield f"{key}.reason: missing; say why {printed} is wrong"
    if not entry.reproducible:
        yield f"{key}.right: a number that nobody can reproduce has no right value"
    if decimals(right) < decimals(printed):
        yield f"{key}.right: fewer digits than the printed {printed}"
    if right == printed:
        yield f"{key}.right: the same as the printed {printed}"
