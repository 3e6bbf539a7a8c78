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
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, WithJsonSchema

from tracer.catalog import ACTIVATIONS
from tracer.consistency import check
from tracer.errors import ScenarioError, nearest
from tracer.fields import (
    Address,
    Count,
    Given,
    Model,
    NameText,
    Net,
    Number,
    Pattern,
    Places,
    Significant,
    Stated,
    Symbol,
    Text,
    choice,
)
from tracer.numbers import Digits

MAX_SIZE = 1_000_000  # bytes of a scenario file

#: What a loss is made of: one output's error, and how the outputs' errors become one.
LOSSES = {
    "half squared error": ("half squared error", "sum"),
    "squared error": ("squared error", "sum"),
    "mean squared error": ("squared error", "mean"),
}


class Rounding(Model):
    """Rounding by hand after every step: to decimals, or to significant digits."""

    decimals: Places | None = None
    significant: Significant | None = None
    truncate: bool = False

    @property
    def digits(self) -> Digits:
        return Digits(self.decimals, self.significant, self.truncate)


class Conventions(Model):
    """What tutorials do differently; a scenario states it, a reading may change it."""

    loss: Annotated[str, *choice(*LOSSES)] = "half squared error"
    sign: Annotated[str, *choice("t - o", "o - t")] = "t - o"
    net: Net = "sum(w_i*x_i) + b"
    biases: Annotated[str, *choice("trained", "frozen")] = "trained"
    chain: Annotated[str, *choice("full", "deltas")] = "full"
    update: Annotated[str, *choice("simultaneous", "sequential")] = "simultaneous"
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
    givens: dict[NameText, Number] = Field(default_factory=dict)

    @property
    def changed(self) -> dict[str, object]:
        """The conventions this reading states."""
        own = self.model_fields_set - {"says", "givens"}
        return {field: getattr(self, field) for field in own}


class Layer(Model):
    """A dense layer: names of its nets and outputs, its activation, weights and biases."""

    activation: Annotated[str, *choice(*ACTIVATIONS)]
    weights: NameText | list[list[str]]  # a matrix given, or names: a row a unit, `-` for none
    rows: Annotated[str, *choice("units", "inputs")] = "units"  # what a row of the matrix is
    bias: NameText | list[NameText] | None = None  # one for the layer, or one a unit
    net: Pattern | list[NameText] | None = None
    out: Pattern | list[NameText] | None = None
    title: Text = ""


class Network(Model):
    """Inputs, layers, targets and what the errors are called."""

    inputs: NameText | Annotated[list[NameText], Field(min_length=1)]
    targets: NameText | Annotated[list[NameText], Field(min_length=1)]
    layers: Annotated[list[Layer], Field(min_length=1)]
    errors: Pattern | list[NameText] = "E{k}"
    total_error: NameText = "E"


class Published(Model):
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


class Scenario(Model):
    """One worked example."""

    title: Text
    author: Text = ""
    source: Address = ""
    about: Text = ""
    conventions: Conventions = Conventions()
    givens: dict[Text, dict[NameText, Given]]  # tables as the source groups them
    network: Network
    symbols: dict[Text, Symbol] = Field(default_factory=dict)
    readings: dict[Text, Reading] = Field(default_factory=dict)
    published: dict[Text, Entries] = Field(default_factory=dict)

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
                yield from flattened(name, given)

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
            (_MODELS[p] for p in reversed(loc[:-1]) if isinstance(p, str) and p in _MODELS),
            Scenario,
        )
        known = [f for f in model.model_fields if f not in ("name", "file")]
        return f"unknown key{nearest(key, known) or '; known are ' + ', '.join(known)}"
    if kind == "missing":
        return "missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    return re.sub(r"^(Input should be|String should)", r"expected: \1", message)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of scenario files."""
    found = Scenario.model_json_schema()
    for own in ("name", "file"):
        found["properties"].pop(own)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
