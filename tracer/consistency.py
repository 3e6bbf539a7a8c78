"""What the parts of a scenario say of each other: names given, shapes that fit, readings cited."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tracer.errors import nearest
from tracer.fields import Stated
from tracer.numbers import decimals

if TYPE_CHECKING:
    from tracer.scenario import Conventions, Layer, Scenario


def check(s: Scenario) -> Iterator[str]:
    """Problems between the parts of a scenario, each `key: what, and the remedy`."""
    yield from _check_givens(s)
    width = yield from _check_vector(s, "network.inputs", s.network.inputs)
    for number, layer in enumerate(s.network.layers):
        width = yield from _check_layer(s, f"network.layers[{number}]", layer, width)
    outputs = yield from _check_vector(s, "network.targets", s.network.targets)
    if width and outputs and width != outputs:
        yield f"network.targets: {outputs} targets for {width} outputs"
    for where, conventions in _all_conventions(s):
        if not isinstance(s.given(conventions.learning_rate), Decimal | Stated):
            rate = conventions.learning_rate
            yield f"{where}learning_rate: {rate!r} is not given{nearest(rate, s.numbers)}"
        if conventions.decimals is not None and conventions.significant is not None:
            yield f"{where}significant: state decimals or significant, not both"
        if (r := conventions.rounding) and (r.decimals is None) == (r.significant is None):
            yield f"{where}rounding: state decimals or significant, one of them"
    yield from _check_readings(s)
    yield from _check_published(s)


def _all_conventions(s: Scenario) -> Iterator[tuple[str, Conventions]]:
    yield "conventions.", s.conventions
    for name, reading in s.readings.items():
        yield f"readings.{name}.", s.conventions.model_copy(update=reading.changed)


def _check_givens(s: Scenario) -> Iterator[str]:
    seen: dict[str, str] = {}
    for title, table in s.givens.items():
        for name, given in table.items():
            if name in seen:
                yield f"givens.{title}.{name}: given twice, also in {seen[name]}"
            seen[name] = title
            if isinstance(given, list) and not given:
                yield f"givens.{title}.{name}: empty"
            rows = given if isinstance(given, list) else []
            widths = {len(row) for row in rows if isinstance(row, list)}
            if len(widths) > 1:
                yield f"givens.{title}.{name}: rows of {' and '.join(map(str, sorted(widths)))}"
    used = _used(s)
    for name in seen:
        if name not in used:
            yield f"givens.{seen[name]}.{name}: given but not used{nearest(name, used - set(seen))}"


def _used(s: Scenario) -> set[str]:
    used = {c.learning_rate for _, c in _all_conventions(s)}
    for names in (s.network.inputs, s.network.targets):
        used |= {names} if isinstance(names, str) else set(names)
    for layer in s.network.layers:
        used |= _weight_names(layer)
        used |= {layer.bias} if isinstance(layer.bias, str) else set(layer.bias or ())
    return used


def _weight_names(layer: Layer) -> set[str]:
    if isinstance(layer.weights, str):
        return {layer.weights}
    return {name for row in layer.weights for name in row}


def _check_vector(s: Scenario, key: str, names: str | list[str]) -> Any:
    """Yields problems; returns how many numbers there are (0 if unknown)."""
    if isinstance(names, str):
        given = s.given(names)
        if not isinstance(given, list) or (given and isinstance(given[0], list)):
            yield f"{key}: {names!r} is not given as a list{nearest(names, s.numbers)}"
            return 0
        return len(given)
    for k, name in enumerate(names):
        if name not in s.numbers:
            yield f"{key}[{k}]: {name!r} is not given{nearest(name, s.numbers)}"
    return len(names)


def _check_layer(s: Scenario, key: str, layer: Layer, width: int) -> Any:
    """Yields problems; returns the layer's number of units (0 if unknown)."""
    units = yield from _check_weights(s, f"{key}.weights", layer, width)
    if isinstance(layer.bias, list):
        if units and len(layer.bias) != units:
            yield f"{key}.bias: {len(layer.bias)} biases for {units} units"
        yield from _check_vector(s, f"{key}.bias", layer.bias)
    elif layer.bias and isinstance(given := s.given(layer.bias), list):
        if units and len(given) != units:
            yield f"{key}.bias: {len(given)} biases for {units} units"
    elif layer.bias and layer.bias not in s.numbers:
        yield f"{key}.bias: {layer.bias!r} is not given{nearest(layer.bias, s.numbers)}"
    for field in ("net", "out"):
        names = getattr(layer, field)
        if isinstance(names, list) and units and len(names) != units:
            yield f"{key}.{field}: {len(names)} names for {units} units"
        elif isinstance(names, str) and units > 1 and "{j}" not in names:
            yield f"{key}.{field}: {names!r} names {units} units; write {{j}} for the number"
    return units


def _check_weights(s: Scenario, key: str, layer: Layer, width: int) -> Any:
    if isinstance(layer.weights, str):
        given = s.given(layer.weights)
        if not isinstance(given, list) or not given or not isinstance(given[0], list):
            close = nearest(layer.weights, s.numbers)
            yield f"{key}: {layer.weights!r} is not given as a matrix{close}"
            return 0
        rows, columns = len(given), len(given[0])
        units, inputs = (rows, columns) if layer.rows == "units" else (columns, rows)
        if width and inputs != width:
            yield f"{key}: {layer.weights} is for {inputs} inputs, the layer has {width}"
        return units
    if not layer.weights or not all(layer.weights):
        yield f"{key}: empty; write a row of names for every unit"
        return 0
    for j, row in enumerate(layer.weights):
        if width and len(row) != width:
            yield f"{key}[{j}]: {len(row)} weights for {width} inputs"
        for i, name in enumerate(row):
            if name != "-" and name not in s.numbers:
                yield f"{key}[{j}][{i}]: {name!r} is not given{nearest(name, s.numbers)}"
        if set(row) == {"-"}:
            yield f"{key}[{j}]: a unit without any weight"
    return len(layer.weights)


def _check_readings(s: Scenario) -> Iterator[str]:
    for title, reading in s.readings.items():
        for name in reading.givens:
            if not isinstance(s.given(name), Decimal | Stated):
                close = nearest(name, s.numbers)
                yield f"readings.{title}.givens.{name}: not a given number{close}"
        if not reading.changed and not reading.givens:
            yield f"readings.{title}: changes nothing"


def _check_published(s: Scenario) -> Iterator[str]:
    for name, entries in s.published.items():
        for k, entry in enumerate(entries):
            key = f"published.{name}[{k}]" if len(entries) > 1 else f"published.{name}"
            if entry.reading is not None and entry.reading not in s.readings:
                close = nearest(entry.reading, s.readings)
                yield f"{key}.reading: no reading {entry.reading!r}{close}"
            if entry.right is not None and not entry.reason:
                yield f"{key}.reason: missing; say why {entry.printed} is wrong"
            if entry.right is not None and decimals(entry.right) < decimals(entry.printed):
                yield f"{key}.right: fewer digits than the printed {entry.printed}"
            if entry.right is not None and not entry.reproducible:
                yield f"{key}.right: a number that nobody can reproduce has no right value"
            if not entry.reproducible and not entry.reason:
                yield f"{key}.reason: missing; say why {entry.printed} cannot be reproduced"
