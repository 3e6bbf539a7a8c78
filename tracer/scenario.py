"""A scenario: a tutorial's table of givens, its network, conventions, readings and numbers.

Read from TOML, numbers kept as written, validated by pydantic; every problem is reported at
once, each with file, key and the nearest right spelling. A scenario is data: nothing in it
is executed, its formulas go through the whitelist parser, its symbols through a whitelist.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, WithJsonSchema

from tracer.catalog import ACTIVATIONS
from tracer.consistency import check, unused
from tracer.errors import ScenarioError, nearest
from tracer.fields import (
    Address,
    Count,
    Given,
    Model,
    NameOrNames,
    NameText,
    Net,
    Number,
    PatternOrNames,
    Places,
    Significant,
    Stated,
    Symbol,
    Text,
    Title,
    Vector,
    Weights,
    choice,
)
from tracer.numbers import Digits
from tracer.problems import Keys, explained, listed, mended

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
    def stated(self) -> bool:
        """Whether it is decimals or significant digits, and not both."""
        return (self.decimals is None) != (self.significant is None)

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
        shown = {"decimals": None, "significant": None}  # stating one replaces the other
        stated = {field: getattr(self, field) for field in own}
        return {**(shown if shown.keys() & own else {}), **stated}


class Layer(Model):
    """A dense layer: names of its nets and outputs, its activation, weights and biases."""

    activation: Annotated[str, *choice(*ACTIVATIONS)]
    weights: Weights
    rows: Annotated[str, *choice("units", "inputs")] = "units"  # what a row of the matrix is
    bias: NameOrNames | None = None  # one for the layer, or one a unit
    net: PatternOrNames | None = None
    out: PatternOrNames | None = None
    title: Text = ""


class Network(Model):
    """Inputs, layers, targets and what the errors are called."""

    inputs: Vector
    targets: Vector
    layers: Annotated[list[Layer], Field(min_length=1)]
    errors: PatternOrNames = "E{k}"
    total_error: NameText = "E"

    def unit_names(self, number: int, units: int) -> tuple[list[str], list[str]]:
        """Names of a layer's nets and outputs."""
        layer, last = self.layers[number], number == len(self.layers) - 1
        hidden = "h{j}" if len(self.layers) == 2 else "h{l}_{j}"
        place = "o{j}" if last else hidden
        nets, outs = layer.net or f"net_{place}", layer.out or f"out_{place}"
        return spread(nets, units, number), spread(outs, units, number)

    def error_names(self, outputs: int) -> list[str]:
        """What every output's error is called."""
        return spread(self.errors, outputs, 0)


def spread(pattern: str | list[str], count: int, number: int) -> list[str]:
    """`h{j}` as h1 … hn; a list of names as it is."""
    if isinstance(pattern, list):
        return pattern
    return [
        pattern.replace("{j}", str(j)).replace("{k}", str(j)).replace("{l}", str(number + 1))
        for j in range(1, count + 1)
    ]


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


_ENTRY: dict[str, Any] = {"anyOf": [{"type": "number"}, Published.model_json_schema()]}
Entries = Annotated[
    list[Published],
    BeforeValidator(_entries),
    Field(min_length=1),
    WithJsonSchema(
        {"anyOf": [*_ENTRY["anyOf"], {"type": "array", "items": _ENTRY, "minItems": 1}]},
        mode="validation",
    ),
]


class Scenario(Model):
    """One worked example."""

    title: Title
    author: Text = ""
    source: Address = ""
    about: Text = ""
    conventions: Conventions = Conventions()
    givens: dict[Title, dict[NameText, Given]]  # tables as the source groups them
    network: Network
    symbols: dict[Title, Symbol] = Field(default_factory=dict)
    readings: dict[Title, Reading] = Field(default_factory=dict)
    published: dict[Title, Entries] = Field(default_factory=dict)

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

    def placed(self) -> Iterator[tuple[str, str]]:
        """The name of every given number, with the key it stands under."""
        for title, table in self.givens.items():
            for name, given in table.items():
                for element, _, _ in flattened(name, given):
                    yield element, f"givens.{title}.{name}"

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
        return self._with(conventions=conventions, givens=givens)

    def _with(self, **changes: object) -> Scenario:
        """A copy with other fields; what was worked out from the old ones is forgotten."""
        copy = self.model_copy(update=changes)
        for worked_out in ("numbers", "assumed"):
            copy.__dict__.pop(worked_out, None)
        return copy


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

#: Which keys a table may have, by where it stands: the top key, and how deep.
_TABLES: dict[tuple[str, int], type[BaseModel]] = {
    ("conventions", 1): Conventions,
    ("conventions", 2): Rounding,
    ("givens", 3): Stated,
    ("network", 1): Network,
    ("network", 3): Layer,
    ("readings", 2): Reading,
    ("readings", 3): Rounding,
    ("published", 2): Published,
    ("published", 3): Published,
}
_OURS = ("name", "file")  # fields of a scenario that no file states


def _known(place: Keys) -> list[str]:
    """The keys of the table at a place."""
    model = _TABLES.get((str(place[0]), len(place)), Scenario) if place else Scenario
    return [field for field in model.model_fields if field not in _OURS]


def read(text: str, file: str, name: str) -> Scenario:
    """A scenario from TOML text; `file` is what error lines call it.

    raises    ScenarioError with every problem found
    """
    table = _toml(text, file)
    ours = [f"{key}: unknown key" for key in _OURS if table.pop(key, None) is not None]
    scenario, problems = _validated(table, file, name)
    lines = listed(file, chain(ours, problems))
    if lines:
        raise ScenarioError(lines)
    assert scenario
    return scenario


def _validated(
    table: dict[str, Any], file: str, name: str
) -> tuple[Scenario | None, Iterable[str]]:
    """The scenario and its problems; what can be checked in spite of a problem is checked."""
    own = {"name": name, "file": file}
    try:
        scenario = Scenario.model_validate({**table, **own})
    except ValidationError as wrong:
        problems = explained(wrong, table, _known)
        if not mended(wrong, table, _known):
            return None, problems
    else:
        return scenario, chain(check(scenario), unused(scenario))
    try:
        return None, chain(problems, check(Scenario.model_validate({**table, **own})))
    except ValidationError:
        return None, problems


def read_file(path: Path) -> Scenario:
    """A scenario from a file; raises ScenarioError, also for a file that cannot be read."""
    try:
        if path.is_dir():
            raise ScenarioError([f"{path}: a folder, not a scenario file"])
        with path.open("rb") as file:
            raw = file.read(MAX_SIZE + 1)
    except OSError as wrong:
        raise ScenarioError([f"{path}: {wrong.strerror or wrong}"]) from wrong
    return read_bytes(raw, str(path), path.stem)


def read_bytes(raw: bytes, file: str, name: str) -> Scenario:
    """A scenario from what a file holds, with or without a byte order mark."""
    if len(raw) > MAX_SIZE:
        raise ScenarioError([f"{file}: larger than {MAX_SIZE:,} bytes, not a scenario"])
    try:
        return read(raw.decode("utf-8-sig"), file, name)
    except UnicodeDecodeError as wrong:
        line = raw.count(b"\n", 0, wrong.start) + 1
        raise ScenarioError([f"{file}: line {line}: not UTF-8; save it as UTF-8 text"]) from wrong


#: A key of so many parts is nested deeper than any scenario; tomllib takes a minute for 50,000.
_PART = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_DEEP = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*\.[ \t]*{_PART}){{50}}")


def _toml(text: str, file: str) -> dict[str, Any]:
    if _DEEP.search(text):
        raise ScenarioError([f"{file}: nested too deeply"])
    try:
        return tomllib.loads(text, parse_float=_as_written)
    except tomllib.TOMLDecodeError as wrong:
        raise ScenarioError([f"{file}: not valid TOML: {wrong}{_line_hint(text, wrong)}"]) from None
    except RecursionError:
        raise ScenarioError([f"{file}: nested too deeply"]) from None
    except ValueError:
        raise ScenarioError([f"{file}: not valid TOML: a number with too many digits"]) from None


def _line_hint(text: str, wrong: Exception) -> str:
    """What the line of a TOML error should have been, where that is known."""
    found = re.search(r"at line (\d+)", str(wrong))
    line = text.splitlines()[int(found[1]) - 1] if found else ""
    return next((hint for pattern, hint in _HINTS if re.match(pattern, line)), "")


_HINTS = (
    (r"\s*[^\W\d_]*[^\x00-\x7f]\S*\s*=", '; a name with other letters than A-Z needs quotes: "η"'),
    (r"[^=#]*=\s*[+-]?\d+,\d", "; a decimal point is written as a dot"),
    (r"[^=#]*=\s*[+-]?\.\d", "; a number starts with a digit: 0.5"),
    (r"[^=#]*=\s*\d+\s*/", "; a number is written out, not as a fraction"),
    (r"[^=#]*=.*[\[,]\s*[A-Za-z]\w*\s*[],]", "; a name on the right needs quotes"),
    (r"[^=#]*=\s*[A-Za-z]", "; a text needs quotes"),
)


def _as_written(number: str) -> Decimal:
    try:
        return Decimal(number)
    except InvalidOperation:
        raise ValueError(number) from None


def json_schema() -> dict[str, Any]:
    """The JSON Schema of scenario files."""
    found = Scenario.model_json_schema()
    for own in _OURS:
        found["properties"].pop(own)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
