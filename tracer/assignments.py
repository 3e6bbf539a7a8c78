"""Whether the formulas of a scenario can be computed, one after the other, and differentiated."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from tracer.datasets import TRAINING
from tracer.errors import nearest
from tracer.expression import EULER, loose, overs
from tracer.inventory import joined, not_given
from tracer.networks import LARGEST
from tracer.printers import source
from tracer.statements import MAX_STEPS, Binding

if TYPE_CHECKING:
    from tracer.networks import Network
    from tracer.scenario import Scenario

Problems = Iterator[str]

ROOT = "E"  # what the error of a network may always be called in a formula


def in_formulas(s: Scenario) -> set[str]:
    """The givens that formulas use, as their author writes them; of an element its whole."""
    used = {_base(name) for b in s.formulas.bindings for name in b.needs()}
    return {name for table in s.tables.values() for name in table if joined(name) in used}


def _base(name: str) -> str:
    return name.partition("[")[0]


def computed(s: Scenario) -> set[str]:
    """The author's names of all that is computed: formulas, and a network's steps."""
    return {*s.formulas, *_steps(s)}


def check_formulas(s: Scenario) -> Problems:
    """Every name in a formula is given, an earlier formula, or a step of the network."""
    bindings = s.formulas.bindings
    steps = sum(b.of.steps(s.conventions.detail == "gates") for b in bindings)
    if steps > MAX_STEPS:
        yield f"formulas: {steps:,} steps; at most {MAX_STEPS:,}"
        return
    spelt = {joined(name): name for table in s.tables.values() for name in table}
    known = {joined(name) for name in (*s.numbers, *s.data, *_steps(s))}
    named = {joined(name) for name in s.formulas}
    vectors = {joined(b.of.name): b for b in bindings if b.of.vector}
    met: set[str] = set()
    for b in bindings:
        for used, step in b.reads.items():
            if used in known or step in met:
                continue
            if used in map(joined, b.of.outputs):
                wrong = "made of itself"
            elif used in named:
                wrong = f"{used!r} is not given; it comes later"
            elif used in vectors:
                wrong = f"{used!r} is a vector; its members are {_listed(vectors[used])}"
            elif used in spelt:
                wrong = not_given(s, spelt[used], "a number")
            else:
                wrong = f"{used!r} is not given{nearest(used, {*known, *named})}"
            yield f"{b.of.place}: {wrong}"
        met |= set(b.keys)
    yield from _check_mixed(s)
    yield from _check_euler(s)
    if s.network or not s.gradients:
        yield from _check_network(s, s.network) if s.network else _check_root(s)


def _listed(b: Binding) -> str:
    """The members of a vector, as few as needed."""
    names = b.of.outputs
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) < 4 else f"{names[0]}, …"


def _check_euler(s: Scenario) -> Problems:
    placed = (*s.placed(), *((name, s.formulas.place(name)) for name in s.formulas))
    for name, key in placed if s.formulas else ():
        if name == EULER:
            yield f"{key}: in formulas {EULER} is Euler's number; choose another name"


def _check_mixed(s: Scenario) -> Problems:
    """What runs over the samples trained on stays as it is for others: it has its own formula."""
    each = {joined(name) for name in (*s.data, *(_steps(s) if s.data else ()))}
    for b in s.formulas.bindings:
        if each.isdisjoint(b.needs(loose)):
            continue
        each |= set(b.keys)
        for over in chain.from_iterable(map(overs, b.of.parts)):
            yield (
                f"{b.of.place}: {source(over)} is the same for all samples; give it a "
                "formula of its own"
            )


# ---- with a network --------------------------------------------------------------------


def _check_network(s: Scenario, network: Network) -> Problems:
    """What a network reads is there before it, in every sample set."""
    late = _after(s)
    for key in ("inputs", "targets"):
        read = getattr(network, key)
        for k, name in enumerate(read if isinstance(read, list) else ()):
            if name in late:
                yield f"network.{key}[{k}]: formula {name!r} is made of what the network computes"
    inputs = s.vector(network.inputs)
    needed = s.formulas.needed(set(map(joined, inputs)), loose)
    for title, columns in s.columns.items():
        for name in (n for n in s.data if joined(n) in needed and title != TRAINING):
            if name not in columns:
                close = nearest(name, columns)
                yield f"samples.{title}.columns: without {name!r}, which the inputs need{close}"
    if network.threshold is not None:
        yield from _check_classes(s, network)
    if s.error is not None:
        yield from _check_error(s, s.error, late)
    if s.trained is not None:
        yield "trained: a network's weights are trained; see conventions.biases"


def _check_classes(s: Scenario, network: Network) -> Problems:
    """What classes are compared to is a class, and the largest is one of several."""
    lower, upper = map(int, network.classes)
    if network.threshold == LARGEST and s.walk.outputs == 1:
        yield f"network.threshold: {LARGEST!r} of one output; state a number"
    if network.threshold == LARGEST and lower:
        yield f"network.classes: with the {LARGEST} output they are 0 and 1"
    for k, name in enumerate(s.vector(network.targets)):
        values = {"": [float(s.numbers[name])] if name in s.numbers else []}
        values |= {t: columns[name].tolist() for t, columns in s.columns.items() if name in columns}
        for title, given in values.items():
            where = f"samples.{title}" if title not in ("", TRAINING) else f"network.targets[{k}]"
            for other in [value for value in given if value not in (lower, upper)][:1]:
                said = f"with a threshold it is {lower} or {upper} (network.classes)"
                yield f"{where}: {name!r} is {other}; {said}"


def _check_error(s: Scenario, error: str, late: set[str]) -> Problems:
    """A formula that takes the place of the loss is made of the outputs."""
    if error not in s.formulas:
        yield f"error: no formula {error!r}{nearest(error, s.formulas)}"
        return
    if error not in late:
        yield f"error: {error!r} is not made of what the network computes"
    readings = {f"readings.{title}": reading for title, reading in s.readings.items()}
    for where, conventions in {"conventions": s.conventions, **readings}.items():
        for key in ("loss", "penalty"):
            if key in conventions.model_fields_set:
                yield f"{where}.{key}: the error is the formula {error!r}; state one of them"


def _after(s: Scenario) -> set[str]:
    """The formulas that need a step of the network."""
    late = {joined(name) for name in _steps(s)}
    found: set[str] = set()
    for b in s.formulas.bindings:
        if not late.isdisjoint(b.needs()):
            late |= set(b.keys)
            found |= {bound.name for bound in b.outputs if bound.last}
    return found


def _steps(s: Scenario) -> set[str]:
    """The names of a network's steps that formulas may read."""
    if not s.network:
        return set()
    units = s.walk.outputs
    found: set[str] = set(s.network.prediction_names(units))
    if s.has_loss:
        found |= {ROOT, s.network.total_error, *s.network.error_names(units)}
    for steps in s.walk.steps:
        found |= {name for names in steps.values() for name in names.ravel().tolist()}
    return found


# ---- without ---------------------------------------------------------------------------


def _check_root(s: Scenario) -> Problems:
    """The error is a formula, and made of what it is differentiated by."""
    last = s.formulas.bindings[-1]
    if s.error is None and last.of.vector:
        yield f"error: missing; {last.of.place} makes a vector: state what to differentiate"
        return
    error = s.error or last.of.name
    if error not in s.formulas:
        yield f"error: no formula {error!r}{nearest(error, s.formulas)}"
        return
    parts = s.formulas.needed({joined(error)})
    for k, name in enumerate(s.trained or ()):
        if name not in s.numbers:
            yield f"trained[{k}]: {not_given(s, name, 'a number')}"
        elif joined(name) not in parts:
            yield f"trained[{k}]: {error!r} is not made of {name!r}"
    givens = (name for name in s.numbers if name != s.conventions.learning_rate)
    if s.trained is None and not parts & {joined(name) for name in givens}:
        place = s.formulas.place(error)
        yield f"{place}: made of no given, so that there is no derivative"
