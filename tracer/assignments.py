"""Whether the formulas of a scenario can be computed, one after the other, and differentiated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from tracer.datasets import TRAINING
from tracer.errors import nearest
from tracer.expression import EULER, Expr, loose, names, overs, parse
from tracer.inventory import joined, not_given
from tracer.printers import source

if TYPE_CHECKING:
    from tracer.networks import Layer, Network
    from tracer.scenario import Scenario

Problems = Iterator[str]

ROOT = "E"  # what the error of a network may always be called in a formula


def in_formulas(s: Scenario) -> set[str]:
    """The givens that formulas use, as their author writes them."""
    used = {name for text in s.formulas.values() for name in names(parse(text))}
    return {name for table in s.tables.values() for name in table if joined(name) in used}


def computed(s: Scenario) -> set[str]:
    """The author's names of all that is computed: formulas, and a network's steps."""
    return {*s.formulas, *_steps(s)}


def check_formulas(s: Scenario) -> Problems:
    """Every name in a formula is given, an earlier formula, or a step of the network."""
    spelt = {joined(name): name for table in s.tables.values() for name in table}
    known = {joined(name) for name in (*s.numbers, *s.data, *_steps(s))}
    later = {joined(name) for name in s.formulas}
    for name, text in s.formulas.items():
        for used in names(parse(text)):
            if used in known:
                continue
            if used == joined(name):
                yield f"formulas.{name}: made of itself"
            elif used in later:
                yield f"formulas.{name}: {used!r} is not given; it comes later"
            elif used in spelt:
                yield f"formulas.{name}: {not_given(s, spelt[used], 'a number')}"
            else:
                yield f"formulas.{name}: {used!r} is not given{nearest(used, known)}"
        known.add(joined(name))
        later.discard(joined(name))
    yield from _check_mixed(s)
    yield from _check_euler(s)
    yield from _check_network(s, s.network) if s.network else _check_root(s)


def _check_euler(s: Scenario) -> Problems:
    placed = (*s.placed(), *((name, f"formulas.{name}") for name in s.formulas))
    for name, key in placed if s.formulas else ():
        if name == EULER:
            yield f"{key}: in formulas {EULER} is Euler's number; choose another name"


def _check_mixed(s: Scenario) -> Problems:
    """What runs over the samples trained on stays as it is for others: it has its own formula."""
    each = {joined(name) for name in (*s.data, *(_steps(s) if s.data else ()))}
    for name, text in s.formulas.items():
        formula = parse(text)
        if each & set(loose(formula)):
            each.add(joined(name))
            for part in overs(formula):
                yield (
                    f"formulas.{name}: {source(part)} is the same for all samples; give it a "
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
    inputs = network.inputs if isinstance(network.inputs, list) else ()
    needed = _parts(s, inputs, loose)
    for title, columns in s.columns.items():
        for name in (n for n in s.data if joined(n) in needed and title != TRAINING):
            if name not in columns:
                close = nearest(name, columns)
                yield f"samples.{title}.columns: without {name!r}, which the inputs need{close}"
    if network.threshold is not None:
        yield from _check_classes(s, network)
    if s.error is not None:
        yield "error: a network has an error of its own; see conventions.loss"
    if s.trained is not None:
        yield "trained: a network's weights are trained; see conventions.biases"


def _check_classes(s: Scenario, network: Network) -> Problems:
    """What outputs as 0 or 1 are compared to is 0 or 1."""
    for k, name in enumerate(network.targets if isinstance(network.targets, list) else ()):
        values = s.data[name].tolist() if name in s.data else [s.numbers.get(name, 0)]
        other = next((value for value in values if value not in (0, 1)), None)
        if other is not None:
            yield f"network.targets[{k}]: {name!r} is {other}; with a threshold it is 0 or 1"


def _after(s: Scenario) -> set[str]:
    """The formulas that need a step of the network."""
    late = {joined(name) for name in _steps(s)}
    found = set()
    for name, text in s.formulas.items():
        if late & set(names(parse(text))):
            late.add(joined(name))
            found.add(name)
    return found


def _steps(s: Scenario) -> set[str]:
    """The names of a network's steps that formulas may read."""
    if not s.network:
        return set()
    found: set[str] = {ROOT, s.network.total_error}
    units = 0
    for number, layer in enumerate(s.network.layers):
        units = _units(s, layer)
        nets, outs = s.network.unit_names(number, units)
        found |= {*nets, *outs}
    return {*found, *s.network.error_names(units), *s.network.prediction_names(units)}


def _units(s: Scenario, layer: Layer) -> int:
    if isinstance(layer.weights, list):
        return len(layer.weights)
    matrix = s.given(layer.weights)
    if not isinstance(matrix, list) or not isinstance(matrix[0], list):
        return 0
    return len(matrix) if layer.rows == "units" else len(matrix[0])


# ---- without ---------------------------------------------------------------------------


def _check_root(s: Scenario) -> Problems:
    """The error is a formula, and made of what it is differentiated by."""
    error = s.error or next(reversed(s.formulas))
    if error not in s.formulas:
        yield f"error: no formula {error!r}{nearest(error, s.formulas)}"
        return
    parts = _parts(s, [error], names)
    for k, name in enumerate(s.trained or ()):
        if name not in s.numbers:
            yield f"trained[{k}]: {not_given(s, name, 'a number')}"
        elif joined(name) not in parts:
            yield f"trained[{k}]: {error!r} is not made of {name!r}"
    givens = (name for name in s.numbers if name != s.conventions.learning_rate)
    if s.trained is None and not parts & {joined(name) for name in givens}:
        yield f"formulas.{error}: made of no given, so that there is no derivative"


def _parts(s: Scenario, wanted: Collection[str], of: Callable[[Expr], Collection[str]]) -> set[str]:
    """All names that some are made of, as formulas write them; `of` a formula some or all."""
    texts = {joined(name): text for name, text in s.formulas.items()}
    found, todo = set(map(joined, wanted)), list(map(joined, wanted))
    while todo:
        text = texts.get(todo.pop())
        new = set(of(parse(text))) - found if text else set()
        found |= new
        todo += new
    return found
