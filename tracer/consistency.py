"""What the parts of a scenario say of each other: names given, shapes that fit, readings cited."""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tracer import expression, labels
from tracer.assignments import check_formulas, computed, in_formulas
from tracer.conventions import no_reading
from tracer.errors import nearest
from tracer.fields import Stated, quoted
from tracer.inventory import (
    check_batches,
    check_data,
    check_givens,
    check_parts,
    check_run,
    counted,
    is_matrix,
    is_vector,
    joined,
    not_given,
)
from tracer.mistakes.stated import wrongly_stated
from tracer.numbers import decimals

if TYPE_CHECKING:
    from tracer.conventions import Conventions
    from tracer.networks import Layer, Network
    from tracer.scenario import Published, Scenario

MAX_GIVENS = 5_000  # names; a larger network has matrices

READINGS = "a given of a reading"  # stands in for another given, whatever that is

#: What the error may always be called.
ERROR_NAMES = ("E", "ETotal", "E_total")

Problems = Iterator[str]
Counted = Generator[str, None, int]  # yields problems; returns how many numbers, 0 if unknown


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
    yield from check_givens(s)
    problems = list(check_data(s))
    yield from problems
    if problems:
        return
    widths = (yield from _check_network(s, s.network)) if s.network else []
    yield from check_formulas(s)
    yield from _check_names(s, widths if all(widths) else [])
    yield from _check_roles(s)
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


def _check_network(s: Scenario, network: Network) -> Generator[str, None, list[int]]:
    """Yields problems; returns the width of every layer."""
    width = yield from _check_vector(s, "network.inputs", network.inputs, computed=True)
    widths = []
    for number, layer in enumerate(network.layers):
        width = yield from _check_layer(s, f"network.layers[{number}]", layer, width)
        widths.append(width)
    targets = yield from _check_vector(s, "network.targets", network.targets, computed=True)
    if width and targets and width != targets:
        yield f"network.targets: {counted(targets, 'target')} for {counted(width, 'output')}"
    if width:
        yield from _check_units("network.errors", network.errors, width, "k", "output")
        if network.threshold is not None:
            yield from _check_units(
                "network.predictions", network.predictions, width, "k", "output"
            )
    return widths


def _check_vector(s: Scenario, key: str, names: str | list[str], computed: bool = False) -> Counted:
    """Yields problems; `computed`: a sample's own value or a formula will do."""
    if isinstance(names, str):
        given = s.given(names)
        if not is_vector(given):
            yield f"{key}: {not_given(s, names, 'a list')}"
            return 0
        return len(given)
    also = {*s.data, *s.formulas} if computed else set()
    for k, name in enumerate(names):
        if name not in s.numbers and name not in also:
            yield f"{key}[{k}]: {not_given(s, name, 'a number')}"
    return len(names)


def _check_layer(s: Scenario, key: str, layer: Layer, width: int) -> Counted:
    units = yield from _check_weights(s, f"{key}.weights", layer, width)
    yield from _check_bias(s, f"{key}.bias", layer.bias, units)
    if units:
        yield from _check_units(f"{key}.net", layer.net, units, "j", "unit")
        yield from _check_units(f"{key}.out", layer.out, units, "j", "unit")
    return units


def _check_bias(s: Scenario, key: str, bias: str | list[str] | None, units: int) -> Problems:
    if bias is None:
        return
    if isinstance(bias, list) or isinstance(s.given(bias), list):
        count = yield from _check_vector(s, key, bias)
        if count and units and count != units:
            yield f"{key}: {counted(count, 'bias')} for {counted(units, 'unit')}"
    elif bias not in s.numbers:
        yield f"{key}: {not_given(s, bias, 'a number')}"


def _check_units(
    key: str, names: str | list[str] | None, units: int, letter: str, what: str
) -> Problems:
    """What is wrong with the names of a layer's units, or of the outputs' errors."""
    if isinstance(names, str) and units > 1 and not {"{j}", "{k}"} & set(_LETTER.findall(names)):
        yield f"{key}: {names!r} names {units} {what}s; write {{{letter}}} for the number"
    elif isinstance(names, list) and len(names) != units:
        yield f"{key}: {counted(len(names), 'name')} for {counted(units, what)}"
    elif isinstance(names, list) and len(set(names)) != units:
        yield f"{key}: a name twice"


_LETTER = re.compile(r"\{[jkl]\}")


def _check_weights(s: Scenario, key: str, layer: Layer, width: int) -> Counted:
    if isinstance(layer.weights, str):
        return (yield from _check_matrix(s, key, layer, width))
    for j, row in enumerate(layer.weights):
        if width and len(row) != width:
            yield f"{key}[{j}]: {counted(len(row), 'weight')} for {counted(width, 'input')}"
        for i, name in enumerate(row):
            if name != "-" and name not in s.numbers:
                yield f"{key}[{j}][{i}]: {not_given(s, name, 'a number')}"
        if set(row) <= {"-"}:
            yield f"{key}[{j}]: a unit without any weight"
    wired = [row for row in layer.weights if set(row) - {"-"}]
    for i in range(width if wired else 0):
        if all(row[i : i + 1] == ["-"] for row in wired):
            yield f"{key}: '-' for input {i + 1} in every row, so that nothing depends on it"
    return len(layer.weights)


def _check_matrix(s: Scenario, key: str, layer: Layer, width: int) -> Counted:
    assert isinstance(layer.weights, str)
    given = s.given(layer.weights)
    if not is_matrix(given):
        yield f"{key}: {not_given(s, layer.weights, 'a matrix')}"
        return 0
    if len({len(row) for row in given}) > 1:
        return 0
    rows, columns = len(given), len(given[0])
    units, inputs = (rows, columns) if layer.rows == "units" else (columns, rows)
    if width and inputs != width:
        yield f"{key}: {layer.weights} is for {counted(inputs, 'input')}, the layer has {width}"
    return units


# ---- names -----------------------------------------------------------------------------


def _written(s: Scenario, widths: list[int]) -> Iterator[tuple[str, str]]:
    """Every name of a number that the author chose, with the key that says it."""
    yield from s.placed()
    yield from ((name, f"formulas.{name}") for name in s.formulas)
    if s.network:
        yield from _written_by(s.network, widths)


def _written_by(network: Network, widths: list[int]) -> Iterator[tuple[str, str]]:
    """The names of a network's steps."""
    for number, width in enumerate(widths):
        nets, outs = network.unit_names(number, width)
        yield from ((name, f"network.layers[{number}].net") for name in dict.fromkeys(nets))
        yield from ((name, f"network.layers[{number}].out") for name in dict.fromkeys(outs))
    if widths:
        classes = network.prediction_names(widths[-1])
        yield from ((name, "network.predictions") for name in dict.fromkeys(classes))
    total = network.total_error
    errors = dict.fromkeys(network.error_names(widths[-1]) if widths else ())
    if widths != [] and widths[-1] == 1:  # its error is the error, under each of its names
        errors = {name: None for name in errors if name not in (*ERROR_NAMES, total)}
    yield from ((name, "network.errors") for name in errors)
    if joined(total) not in ERROR_NAMES:
        yield total, "network.total_error"


def _check_names(s: Scenario, widths: list[int]) -> Problems:
    """Names written twice, numbers that would look the same, symbols for nothing."""
    called = dict.fromkeys(ERROR_NAMES if s.network else (), "the error")
    shown: dict[str, str] = {}
    for name, key in _written(s, widths):
        symbol = labels.latex(labels.Own(joined(name), name, s.symbols.get(name, "")))
        if joined(name) in called:
            yield f"{key}: the name {name!r} is taken by {called[joined(name)]}; choose another"
        elif symbol in shown:
            yield f"{key}: {name!r} would look like {shown[symbol]!r}: {symbol}; choose another"
        called.setdefault(joined(name), key)
        shown.setdefault(symbol, name)
    total = [s.network.total_error] if s.network else []
    names = [*total, *(name for name, _ in _written(s, widths))]
    for name in s.symbols if widths or not s.network else ():
        if name not in names:
            yield f"symbols.{name}: no number is called {name!r}{nearest(name, names)}"


# ---- what names are used for -----------------------------------------------------------

Use = tuple[str, str, Iterable[str]]  # what for, where, the names


def _uses(s: Scenario) -> Iterator[Use]:
    if s.network:
        yield "an input", "network.inputs", _listed(s.network.inputs)
        yield "a target", "network.targets", _listed(s.network.targets)
    for number, layer in enumerate(s.network.layers if s.network else ()):
        yield "a weight", f"network.layers[{number}].weights", _weight_names(layer)
        yield "a bias", f"network.layers[{number}].bias", _listed(layer.bias or [])
    for title, reading in s.readings.items():
        swapped = [other for other in reading.givens.values() if isinstance(other, str)]
        yield READINGS, f"readings.{title}.givens", swapped
    for where, conventions, own in _stated(s):
        if "learning_rate" in own:
            yield "the learning rate", f"{where}learning_rate", [conventions.learning_rate]


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


def _weight_names(layer: Layer) -> list[str]:
    if isinstance(layer.weights, str):
        return [layer.weights]
    return [name for row in layer.weights for name in row if name != "-"]


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
    biased = any(layer.bias for layer in s.network.layers) if s.network else False
    needed = s.network or rate != type(c).model_fields["learning_rate"].default
    if "learning_rate" in own and needed and not isinstance(s.given(rate), Decimal | Stated):
        yield f"{where}learning_rate: {not_given(s, rate, 'one number')}"
    if "net" in own and biased and "b" not in expression.names(expression.parse(c.net)):
        yield f"{where}net: {c.net!r} has no b, but there are biases"
    if "decimals" in own and c.decimals is not None and c.significant is not None:
        yield f"{where}significant: state decimals or significant, not both"
    yield from check_batches(s, where, c, own)
    if rounding and "rounding" in own and not rounding.stated:
        yield f"{where}rounding: state decimals or significant, one of them"
    if rounding and "arithmetic" in own and c.arithmetic != "float64":
        yield f"{where}arithmetic: state rounding or another arithmetic, not both"
    for k, made in enumerate(c.mistakes if "mistakes" in own else ()):
        if wrong := wrongly_stated(made.id, made.decimals):
            yield f"{where}mistakes[{k}]: {wrong}"


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
        elif joined(name).removeprefix("delta_") not in steps:
            yield f"{key}: no step is called {name!r}{nearest(name, computed(s))}"


def _check_swap(s: Scenario, key: str, name: str, other: str) -> Problems:
    """A given that a reading takes from another given must be there, with that one's shape."""
    for one in (name, other):
        if s.given(one) is None:
            yield f"{key}: {not_given(s, one)}"
            return
    if _shape(s.given(name)) != _shape(s.given(other)):
        yield f"{key}: {other!r} has another shape than {name!r}"


def _shape(given: Any) -> tuple[int, ...]:
    if is_matrix(given):
        return len(given), len(given[0])
    return (len(given),) if is_vector(given) else ()


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
