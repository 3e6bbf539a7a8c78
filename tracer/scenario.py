"""A scenario: a tutorial's table of givens, its network, conventions, readings and numbers.

Read from TOML, numbers kept as written, validated by pydantic; every problem is reported at
once, each with file, key and the nearest right spelling. A scenario is data: nothing in it
is executed, its formulas go through the whitelist parser, its symbols through a whitelist.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)

from tracer.catalog import ACTIVATIONS
from tracer.errors import FormulaError, ScenarioError, nearest
from tracer.expression import names, parse
from tracer.labels import GREEK
from tracer.numbers import Digits, decimals

MAX_SIZE = 1_000_000  # bytes of a scenario file

#: What a loss is made of: one output's error, and how the outputs' errors become one.
LOSSES = {
    "half squared error": ("half squared error", "sum"),
    "squared error": ("squared error", "sum"),
    "mean squared error": ("squared error", "mean"),
}

# ---- fields ----------------------------------------------------------------------------


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"expected a number, found {_kind(value)}")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"{value} is not a finite number")
    if abs(float(number)) == float("inf"):
        raise ValueError(f"{number:.3e} does not fit a float64")
    return number


def _kind(value: object) -> str:
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    return {bool: "true or false", list: "a list", dict: "a table"}.get(type(value), "no number")


def _choice(*allowed: str) -> Any:
    """A text that is one of `allowed`, refused with the nearest."""

    def check(value: str) -> str:
        if value not in allowed:
            close = nearest(value, allowed) or f"; expected one of {', '.join(map(repr, allowed))}"
            raise ValueError(f"no {value!r}{close}")
        return value

    return (AfterValidator(check), Field(json_schema_extra={"enum": list(allowed)}))


_NAME = re.compile(r"[A-Za-z\u0370-\u03ff][A-Za-z0-9_ \u0370-\u03ff]*'*(\[[0-9,]+\])?")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value) or value != value.strip() or len(value) > 60:
        raise ValueError(f"{value[:60]!r} cannot be a name: letters, digits, _ and spaces")
    return value


def _pattern(value: str) -> str:
    _name(value.replace("{j}", "1").replace("{l}", "1").replace("{k}", "1"))
    return value


_SYMBOL = re.compile(
    r"(?:[A-Za-z0-9 ,'()+*=-]|[_^]|\{|\}|\\(?:mathrm|mathbf|mathit|text|hat|bar|tilde|vec|prime|ell|"
    r"thinspace|quad|" + "|".join((*GREEK, "varepsilon", "Delta", "Sigma")) + r")(?![A-Za-z]))+"
)


def _symbol(value: str) -> str:
    opened = value.count("{") - value.count("}")
    if not _SYMBOL.fullmatch(value) or opened or len(value) > 100:
        raise ValueError(
            f"{value[:60]!r} is not a plain LaTeX symbol (letters, digits, _ ^ {{ }}, Greek "
            "letters, \\mathrm, \\text, \\hat, \\bar)"
        )
    return value


def _net(value: str) -> str:
    try:
        used = set(names(parse(value)))
    except FormulaError as wrong:
        raise ValueError(str(wrong)) from wrong
    if not {"x_i", "w_i"} <= used <= {"x_i", "w_i", "b"}:
        raise ValueError(f"{value!r} must be made of x_i, w_i and b: 'sum(w_i*x_i) + b'")
    return value


def _text(value: str) -> str:
    if any(ord(c) < 32 and c != "\n" for c in value):
        raise ValueError("a text holds no control characters")
    return value


def _url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]+", value):
        raise ValueError("expected an address that starts with https://")
    return value


Number = Annotated[
    Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number"}, mode="validation")
]
NameText = Annotated[str, AfterValidator(_name)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Text = Annotated[str, AfterValidator(_text)]
Count = Annotated[int, Field(ge=0, le=10**9)]
Places = Annotated[int, Field(ge=0, le=15)]
Significant = Annotated[int, Field(ge=1, le=15)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Rounding(_Model):
    """Rounding by hand after every step: to decimals, or to significant digits."""

    decimals: Places | None = None
    significant: Significant | None = None
    truncate: bool = False

    @property
    def digits(self) -> Digits:
        return Digits(self.decimals, self.significant, self.truncate)


class Conventions(_Model):
    """What tutorials do differently; a scenario states it, a reading may change it."""

    loss: Annotated[str, *_choice(*LOSSES)] = "half squared error"
    sign: Annotated[str, *_choice("t - o", "o - t")] = "t - o"
    net: Annotated[str, AfterValidator(_net)] = "sum(w_i*x_i) + b"
    biases: Annotated[str, *_choice("trained", "frozen")] = "trained"
    chain: Annotated[str, *_choice("full", "deltas")] = "full"
    update: Annotated[str, *_choice("simultaneous", "sequential")] = "simultaneous"
    learning_rate: NameText = "eta"
    iterations: Count = 1
    decimals: Places | None = None  # digits shown after the point; 8 if nothing is said
    significant: Significant | None = None  # or significant digits shown
    rounding: Rounding | None = None  # None: float64

    @property
    def digits(self) -> Digits:
        if self.significant is not None:
            return Digits(None, self.significant)
        return Digits(8 if self.decimals is None else self.decimals)


class Reading(Conventions):
    """A named override of conventions and givens."""

    says: Text = ""
    givens: dict[NameText, Number] = {}

    @property
    def changed(self) -> dict[str, object]:
        """The conventions this reading states."""
        own = self.model_fields_set - {"says", "givens"}
        return {field: getattr(self, field) for field in own}


class Stated(_Model):
    """A given with a remark: `{ value = 0.3, assumed = true }`."""

    value: Number
    assumed: bool = False


def _given(value: object) -> object:
    if isinstance(value, dict):
        return Stated.model_validate(value)
    if isinstance(value, list):
        return [_given(v) if isinstance(v, list) else _number(v) for v in value]
    return _number(value)


_VECTOR = {"type": "array", "items": {"type": "number"}}
Given = Annotated[
    Decimal | Stated | list[Decimal] | list[list[Decimal]],
    BeforeValidator(_given),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number"},
                _VECTOR,
                {"type": "array", "items": _VECTOR},
                Stated.model_json_schema(),
            ]
        },
        mode="validation",
    ),
]


class Layer(_Model):
    """A dense layer: names of its nets and outputs, its activation, weights and biases."""

    activation: Annotated[str, *_choice(*ACTIVATIONS)]
    weights: NameText | list[list[str]]  # a matrix given, or names: a row a unit, `-` for none
    rows: Annotated[str, *_choice("units", "inputs")] = "units"  # what a row of the matrix is
    bias: NameText | list[NameText] | None = None  # one for the layer, or one a unit
    net: Pattern | list[NameText] | None = None
    out: Pattern | list[NameText] | None = None
    title: Text = ""


class Network(_Model):
    """Inputs, layers, targets and what the errors are called."""

    inputs: NameText | Annotated[list[NameText], Field(min_length=1)]
    targets: NameText | Annotated[list[NameText], Field(min_length=1)]
    layers: Annotated[list[Layer], Field(min_length=1)]
    errors: Pattern | list[NameText] = "E{k}"
    total_error: NameText = "E"


class Published(_Model):
    """A number as the source prints it."""

    printed: Number
    where: Text = ""
    iteration: Count = 0
    sample: Count = 0
    reading: str | None = None
    right: Number | None = None  # for a misprint: what it should have been
    reproducible: bool = True
    reason: Text = ""


def _entries(value: object) -> object:
    """One number, one table or a list of them, as a list of tables."""
    found = value if isinstance(value, list) else [value]
    return [v if isinstance(v, dict) else {"printed": v} for v in found]


Entries = Annotated[
    list[Published],
    BeforeValidator(_entries),
    WithJsonSchema(
        {"anyOf": [{"type": "number"}, {"type": "object"}, {"type": "array"}]}, mode="validation"
    ),
]


class Scenario(_Model):
    """One worked example."""

    title: Text
    author: Text = ""
    source: Annotated[str, AfterValidator(_url)] = ""
    about: Text = ""
    conventions: Conventions = Conventions()
    givens: dict[Text, dict[NameText, Given]]  # tables as the source groups them
    network: Network
    symbols: dict[Text, Annotated[str, AfterValidator(_symbol)]] = {}
    readings: dict[Text, Reading] = {}
    published: dict[Text, Entries] = {}

    name: Annotated[str, Field(exclude=True)] = ""  # file name without its ending
    file: Annotated[str, Field(exclude=True)] = ""

    @cached_property
    def numbers(self) -> Mapping[str, Decimal]:
        """Every given number by its name, matrices by element: `W1[2,3]`."""
        return {name: number for name, number, _ in self._flat()}

    @cached_property
    def assumed(self) -> frozenset[str]:
        """Givens that the source does not state."""
        return frozenset(name for name, _, assumed in self._flat() if assumed)

    def _flat(self) -> Iterator[tuple[str, Decimal, bool]]:
        for table in self.givens.values():
            for name, given in table.items():
                for element, number, assumed in flattened(name, given):
                    yield element, number, assumed

    def given(self, name: str) -> Any:
        """A given as it was written, or None."""
        return next((t[name] for t in self.givens.values() if name in t), None)

    def under(self, reading: str | None) -> Scenario:
        """The scenario as a reading of it has it.

        raises    ScenarioError for a reading it does not have
        """
        if not reading:
            return self
        if reading not in self.readings:
            raise ScenarioError(
                [f"{self.file}: no reading {reading!r}{nearest(reading, self.readings)}"]
            )
        chosen = self.readings[reading]
        givens = {
            title: {name: chosen.givens.get(name, value) for name, value in table.items()}
            for title, table in self.givens.items()
        }
        conventions = self.conventions.model_copy(update=chosen.changed)
        return self.model_copy(update={"conventions": conventions, "givens": givens})


def flattened(name: str, given: Any) -> Iterator[tuple[str, Decimal, bool]]:
    """(name, number, assumed) of a given, a matrix by its elements."""
    if isinstance(given, Stated):
        yield name, given.value, given.assumed
    elif not isinstance(given, list):
        yield name, given, False
    else:
        for i, row in enumerate(given, 1):
            if isinstance(row, list):
                yield from ((f"{name}[{i},{j}]", x, False) for j, x in enumerate(row, 1))
            else:
                yield f"{name}[{i}]", row, False


# ---- reading a file --------------------------------------------------------------------


def read(text: str, file: str, name: str) -> Scenario:
    """A scenario from TOML text; `file` is what error lines call it.

    raises    ScenarioError with every problem found
    """
    table = _toml(text, file)
    for reserved in ("name", "file"):
        if reserved in table:
            raise ScenarioError([f"{file}: {reserved}: unknown key"])
    try:
        scenario = Scenario.model_validate({**table, "name": name, "file": file})
    except ValidationError as wrong:
        raise ScenarioError(_problems(wrong, table, file)) from None
    problems = [f"{file}: {problem}" for problem in check(scenario)]
    if problems:
        raise ScenarioError(problems)
    return scenario


def read_file(path: Path) -> Scenario:
    """A scenario from a file; raises ScenarioError, also for a file that cannot be read."""
    file = str(path)
    try:
        if path.is_dir():
            raise ScenarioError([f"{file}: a folder, not a scenario file"])
        if path.stat().st_size > MAX_SIZE:
            raise ScenarioError([f"{file}: larger than {MAX_SIZE:,} bytes, not a scenario"])
        text = path.read_text("utf-8")
    except OSError as wrong:
        raise ScenarioError([f"{file}: {wrong.strerror or wrong}"]) from wrong
    except UnicodeDecodeError as wrong:
        raise ScenarioError([f"{file}: not a text file (UTF-8)"]) from wrong
    return read(text, file, path.stem)


def _toml(text: str, file: str) -> dict[str, Any]:
    if len(text) > MAX_SIZE:
        raise ScenarioError([f"{file}: larger than {MAX_SIZE:,} characters, not a scenario"])
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as wrong:
        raise ScenarioError([f"{file}: not valid TOML: {wrong}"]) from None
    except RecursionError:
        raise ScenarioError([f"{file}: nested too deeply"]) from None
    except (ValueError, InvalidOperation) as wrong:
        raise ScenarioError([f"{file}: not valid TOML: {wrong}"]) from None


_MODELS: dict[str, type[BaseModel]] = {
    "conventions": Conventions,
    "network": Network,
    "layers": Layer,
    "readings": Reading,
    "published": Published,
    "rounding": Rounding,
    "givens": Stated,
}


def _problems(wrong: ValidationError, table: dict[str, Any], file: str) -> list[str]:
    lines = []
    for error in wrong.errors(include_url=False):
        loc = _plain(error["loc"], table)
        where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc).lstrip(".")
        lines.append(f"{file}: {where}: {_says(error, loc)}")
    return list(dict.fromkeys(lines))


def _plain(loc: tuple[int | str, ...], table: Any) -> list[int | str]:
    """A location without the marks pydantic adds for unions, as the author's file has it."""
    plain: list[int | str] = []
    for part in loc:
        inside = (isinstance(part, int) and isinstance(table, list) and part < len(table)) or (
            isinstance(part, str) and isinstance(table, dict) and part in table
        )
        if inside:
            table = table[part]
            plain.append(part)
        elif isinstance(table, dict) and part == loc[-1] and not _is_mark(str(part)):
            plain.append(part)
    return plain


def _is_mark(part: str) -> bool:
    return bool(re.search(r"[\[\](]", part)) or part in ("str", "decimal")


def _says(error: Any, loc: list[int | str]) -> str:
    kind, key = error["type"], str(loc[-1]) if loc else ""
    if kind == "extra_forbidden":
        model = next(
            (_MODELS[p] for p in reversed(loc[:-1]) if isinstance(p, str) and p in _MODELS), Scenario
        )
        known = [f for f in model.model_fields if f not in ("name", "file")]
        return f"unknown key{nearest(key, known) or '; known are ' + ', '.join(known)}"
    if kind == "missing":
        return "missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    return re.sub(r"^(Input should be|String should)", r"expected: \1", message)


# ---- what the parts say of each other --------------------------------------------------


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


_Width = Iterator[str]


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
            yield f"{key}: {layer.weights!r} is not given as a matrix{nearest(layer.weights, s.numbers)}"
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
                yield f"readings.{title}.givens.{name}: not a given number{nearest(name, s.numbers)}"
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
