"""A scenario: a tutorial's table of givens, its network, conventions, readings and numbers.

Read from TOML, numbers kept as written, validated by pydantic; every problem is reported at
once, each with file, key and the nearest right spelling. A scenario is data: nothing in it
is executed, its formulas go through the whitelist parser, its symbols through a whitelist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    WithJsonSchema,
)

from tracer.catalog.optimizers import Optimizer
from tracer.check.points import Points
from tracer.consistency import check, unused
from tracer.conventions import (
    Conventions,
    Made,
    Penalty,
    Precision,
    Reading,
    Rounding,
    implicit,
    in_words,
    no_reading,
)
from tracer.datasets import TRAINING, Drawing, Random, SampleSet, as_given
from tracer.errors import ScenarioError
from tracer.fields import (
    Address,
    Count,
    Given,
    Model,
    NameText,
    Number,
    Spaced,
    Stated,
    Symbol,
    Text,
    Title,
)
from tracer.layers.shapes import Names, element, names_of
from tracer.networks import Network, keys_of
from tracer.problems import Keys, explained, listed, mended
from tracer.rulebook import ActivationText, LossText
from tracer.sources import start_of
from tracer.statements import Formulas, FormulasField
from tracer.toml import tables, text_of
from tracer.training import (
    SETTINGS,
    Clip,
    Gradient,
    OwnOptimizer,
    Training,
    method,
    settings_table,
)
from tracer.walk import Walk, walked

DRAWN = "Drawn from the generator"  # the table of the numbers that nobody wrote down
MAX_SIZE = 1_000_000  # bytes of a scenario file
_WORKED_OUT = ("numbers", "assumed", "tables", "arrays", "columns", "walk", "_measured")
_OWN: Any = Field(exclude=True, default_factory=dict)  # of a scenario under a reading, of no file


class Published(Model):
    """A number as the source prints it."""

    printed: Number
    where: Text = ""
    iteration: Count = 0
    sample: Count = 0
    samples: Title | None = None  # another sample set than the one that is trained on
    reading: str | None = None
    right: Number | None = None  # for a misprint: what it should have been
    reproducible: bool = True
    recomputed: bool = False  # not printed by the source: what its text or listing leads to
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


class Run(Model):
    """What a page shows of a long run."""

    sample: Count = 0  # the sample of a batch whose lines are shown
    show: list[Count] = Field(default_factory=list)  # iterations of its table
    table: list[Title] = Field(default_factory=list)  # and its columns, by the names of steps
    elements: list[Title] = Field(default_factory=list)  # what a folded page works out, by name
    reproducible: Count | None = None  # the last iteration that does not hang on last bits


class Scenario(Model):
    """One worked example."""

    title: Title
    author: Text = ""
    source: Address = ""
    about: Text = ""
    conventions: Conventions = Conventions()
    givens: dict[Title, dict[NameText, Given]] = Field(default_factory=dict)  # as in the source
    samples: dict[Title, SampleSet] = Field(default_factory=dict)
    random: Random | None = None
    activations: dict[Title, ActivationText] = Field(default_factory=dict)  # of its own
    losses: dict[Title, LossText] = Field(default_factory=dict)
    formulas: FormulasField = Formulas()  # each from earlier names
    network: Network | None = None
    error: NameText | None = None  # without a network: the formula to differentiate, the last one
    trained: Annotated[list[NameText], Field(min_length=1)] | None = None  # and by which givens
    gradients: dict[NameText, Gradient] = Field(default_factory=dict)  # stated, of nothing
    optimizer: Training | None = None  # gradient descent if nothing is said
    optimizers: dict[Title, OwnOptimizer] = Field(default_factory=dict)
    run: Run = Run()
    index_notation: bool = False  # whether a page derives the equations of all networks
    symbols: dict[Title, Symbol] = Field(default_factory=dict)
    readings: dict[Title, Reading] = Field(default_factory=dict)
    published: dict[Title, Entries] = Field(default_factory=dict)
    points: Points | None = None  # what a person's answers are worth

    name: Annotated[str, Field(exclude=True)] = ""  # file name without its ending
    file: Annotated[str, Field(exclude=True)] = ""

    pins: Annotated[dict[str, Decimal], _OWN]  # steps held at a value
    # givens by the name of another, or a number in place of one that is drawn
    replaced: Annotated[dict[str, str | Decimal], _OWN]
    _table: dict[str, Any] = PrivateAttr(default_factory=dict)  # as a file states it

    def to_toml(self) -> str:
        """The scenario as a file states it, numbers as written; `tracer.load` reads it back."""
        return text_of(self._table)

    @cached_property
    def numbers(self) -> Mapping[str, Decimal]:
        """Every given number by its name, matrices by element: `W1[2,3]`."""
        return {name: number for name, number, _ in self._flat()}

    @cached_property
    def assumed(self) -> frozenset[str]:
        """Givens that the source does not state."""
        return frozenset(name for name, _, assumed in self._flat() if assumed)

    @cached_property
    def arrays(self) -> Mapping[str, NDArray[np.float64]]:
        """What is drawn from the generator, by name."""
        return self.random.arrays() if self.random else {}

    @cached_property
    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """All givens as they were written, by the table they stand in; the drawn ones last."""
        drawn = self.random.draw if self.random else ()
        table = {d.name: as_given(self.arrays[d.name]) for d in drawn if d.samples is None}
        drawn_too = {DRAWN: table} if table else {}
        tables: dict[str, Mapping[str, Any]] = {**self.givens, **drawn_too}
        if further := settings_table(self, {name for t in tables.values() for name in t}):
            tables[SETTINGS] = {**tables.get(SETTINGS, {}), **further}
        return {
            title: {name: self._replaced(name, given, tables) for name, given in found.items()}
            for title, found in tables.items()
        }

    def _replaced(self, name: str, given: Any, tables: Mapping[str, Mapping[str, Any]]) -> Any:
        other = self.replaced.get(name)
        if isinstance(other, Decimal):
            return other
        if other:
            given = next((t[other] for t in tables.values() if other in t), given)
        return as_given(given.array()) if isinstance(given, Spaced) else given

    @cached_property
    def columns(self) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        """The columns of every sample set, by its name and theirs."""
        found = {
            title: dict(zip(s.columns, np.array(s.rows, np.float64).T, strict=True))
            for title, s in self.samples.items()
        }
        for d in self.random.draw if self.random else ():
            if d.samples is not None:
                drawn = zip(d.columns or (), self.arrays[d.name].T, strict=True)
                found[d.samples] = {**found.get(d.samples, {}), **dict(drawn)}
        return found

    @property
    def has_loss(self) -> bool:
        """Whether the network's outputs are compared with targets; else a formula is the error."""
        return self.network is not None and bool(self.network.targets) and self.error is None

    @property
    def forward_only(self) -> bool:
        """Whether there is a network, and nothing that its outputs are compared with."""
        if self.network is None or self.network.threshold is not None:
            return False
        return not self.has_loss and self.error is None

    @property
    def data(self) -> Mapping[str, NDArray[np.float64]]:
        """The columns of the samples that are trained on."""
        return self.columns.get(TRAINING, {})

    @property
    def rows(self) -> int:
        """How many samples there are to train on; 1 where the givens are the only one."""
        return max((len(column) for column in self.data.values()), default=1)

    @property
    def order(self) -> Sequence[int]:
        """The samples of an epoch, in the order in which they are fed."""
        return self.conventions.order or range(self.rows)

    @property
    def batch_size(self) -> int:
        return self.conventions.batch_size or len(self.order)

    @property
    def iterations(self) -> int:
        """Updates."""
        epochs = self.conventions.epochs
        if epochs is None:
            return self.conventions.iterations
        return epochs * len(self.order) // self.batch_size

    def _flat(self) -> Iterator[tuple[str, Decimal, bool]]:
        for table in self.tables.values():
            for name, given in table.items():
                yield from flattened(name, given)

    def placed(self) -> Iterator[tuple[str, str]]:
        """The name of every given number, with the key it stands under."""
        for title, table in self.tables.items():
            for name, given in table.items():
                key = f"random.{name}" if title == DRAWN else f"givens.{title}.{name}"
                if name not in self.givens.get(title, {}) and title == SETTINGS:
                    key = f"optimizer.{name}"
                yield from ((element, key) for element, _, _ in flattened(name, given))
        yield from ((name, f"samples.{TRAINING}.columns") for name in self.data)

    def given(self, name: str) -> Any:
        """A given as it was written, or None."""
        return next((t[name] for t in self.tables.values() if name in t), None)

    def elements(self, name: str) -> Names | None:
        """The names of all that is given or measured under a name, in its shape."""
        given = self.given(name)
        if given is not None:
            sizes = np.shape(np.array(given, object)) if isinstance(given, list) else ()
            return names_of(name, sizes)
        if name in self.numbers or name in self.data:
            return names_of(name, ())
        return self._measured.get(name)

    def vector(self, names: str | list[str]) -> list[str]:
        """The names of numbers that are listed, or given under one name, in order."""
        if isinstance(names, list):
            return names
        found = self.elements(names)
        return [] if found is None else [str(name) for name in found.ravel()]

    @cached_property
    def _measured(self) -> Mapping[str, Names]:
        """Arrays whose elements are columns of the samples: x of x[1,1] … x[3,4]."""
        sizes: dict[str, tuple[int, ...]] = {}
        for column in self.data:
            stem, bracket, index = column.rstrip("]").partition("[")
            if bracket:
                found = tuple(int(k.removeprefix("t=")) for k in index.split(","))
                sizes[stem] = tuple(map(max, zip(sizes.get(stem, found), found, strict=False)))
        whole = {stem: names_of(stem, size) for stem, size in sizes.items()}
        return {k: names for k, names in whole.items() if set(names.ravel()) <= set(self.data)}

    @cached_property
    def walk(self) -> Walk:
        """The layers of the network, what each takes and gives."""
        assert self.network, "no network"
        return walked(self, self.network)

    @cached_property
    def method(self) -> Optimizer | None:
        """How parameters are updated; None where there is no optimizer of that name."""
        return method(self)

    def found_reading(self, name: str) -> Reading | None:
        """A reading of its own, or one that needs no definition: `float32`."""
        return self.readings.get(name) or implicit(name)

    def reading(self, name: str) -> Reading:
        """The reading of a name; raises ScenarioError where there is none."""
        found = self.found_reading(name)
        if found is None:
            raise ScenarioError([f"{self.file}: {no_reading(name, self.readings)}"])
        return found

    def in_words(self, reading: str) -> str:
        """What a reading is called: by its own name, or in words where it is a mistake's id."""
        return reading if reading in self.readings else in_words(reading)

    def under(self, reading: str | None) -> Scenario:
        """The scenario as a reading has it; raises ScenarioError as `reading` does."""
        if not reading:
            return self
        chosen = self.reading(reading)
        numbers = {n: v for n, v in chosen.givens.items() if not isinstance(v, str)}
        givens = {
            title: {name: numbers.get(name, value) for name, value in table.items()}
            for title, table in self.givens.items()
        }
        written = {name for table in self.givens.values() for name in table}
        replaced = {
            n: v for n, v in chosen.givens.items() if isinstance(v, str) or n not in written
        }
        conventions = self.conventions.model_copy(update=chosen.changed)
        return self._with(
            conventions=conventions, givens=givens, pins=dict(chosen.pins), replaced=replaced
        )

    def seeded(self, further: int) -> Scenario:
        """The scenario as another seed draws it."""
        assert self.random, "nothing is drawn"
        seed = self.random.seed + further
        return self._with(random=self.random.model_copy(update={"seed": seed}))

    def _with(self, **changes: object) -> Scenario:
        """A copy with other fields; what was worked out from the old ones is forgotten."""
        copy = self.model_copy(update=changes)
        for worked_out in _WORKED_OUT:
            copy.__dict__.pop(worked_out, None)
        return copy


def flattened(name: str, given: Any) -> Iterator[tuple[str, Decimal, bool]]:
    """(name, number, assumed) of a given, a matrix by its elements."""
    if isinstance(given, Stated):
        yield name, given.value, given.assumed
    elif not isinstance(given, list):
        yield name, given, False
    else:
        for index, number in np.ndenumerate(np.array(given, object)):
            yield element(name, index), number, False


# ---- reading a file --------------------------------------------------------------------

#: Which keys a table may have, by where it stands: the top key, how deep, its own key.
_TABLES: dict[tuple[str, int] | tuple[str, int, str], type[BaseModel]] = {
    ("conventions", 1): Conventions,
    ("conventions", 2, "rounding"): Rounding,
    ("conventions", 2, "arithmetic"): Precision,
    ("conventions", 3): Made,
    ("givens", 3): Stated,
    ("samples", 2): SampleSet,
    ("random", 1): Random,
    ("random", 3): Drawing,
    ("run", 1): Run,
    ("optimizer", 1): Training,
    ("optimizer", 2, "clip"): Clip,
    ("optimizers", 2): OwnOptimizer,
    ("gradients", 2): Stated,
    ("network", 1): Network,
    ("readings", 2): Reading,
    ("conventions", 2, "penalty"): Penalty,
    ("readings", 3, "penalty"): Penalty,
    ("readings", 3, "rounding"): Rounding,
    ("readings", 3, "arithmetic"): Precision,
    ("readings", 4): Made,
    ("published", 2): Published,
    ("published", 3): Published,
    ("points", 1): Points,
}
_OURS = ("name", "file", "pins", "replaced")  # fields of a scenario that no file states


def _known(table: Mapping[str, Any], place: Keys) -> Sequence[str]:
    """The keys of the table at a place of a file's whole table."""
    if tuple(place[:2]) == ("network", "layers") and len(place) == 3:
        return keys_of(table["network"]["layers"][place[2]])
    where = (str(place[0]), len(place), str(place[-1])) if place else ("", 0, "")
    if model := _TABLES.get(where) or _TABLES.get(where[:2]):
        return list(model.model_fields)
    return [field for field in Scenario.model_fields if field not in _OURS]


def read(text: str, file: str, name: str) -> Scenario:
    """A scenario from TOML text; `file` is what error lines call it.

    raises    ScenarioError with every problem found
    """
    table = tables(text, file)
    ours = [f"{key}: unknown key" for key in _OURS if table.pop(key, None) is not None]
    scenario, problems = _validated(table, file, name)
    lines = listed(file, chain(ours, problems))
    if lines:
        raise ScenarioError(lines)
    assert scenario
    return scenario


def made(table: dict[str, Any], called: str) -> Scenario:
    """A scenario from a table that a program has filled, as TOML would have; raises as `read`."""
    scenario, problems = _validated(table, called, "model")
    lines = listed(called, problems)
    if lines:
        raise ScenarioError(lines)
    assert scenario
    return scenario


def _validated(
    table: dict[str, Any], file: str, name: str
) -> tuple[Scenario | None, Iterable[str]]:
    """The scenario and its problems; what can be checked in spite of a problem is checked."""
    own, known = {"name": name, "file": file}, partial(_known, table)
    try:
        scenario = Scenario.model_validate({**table, **own})
    except ValidationError as wrong:
        problems = explained(wrong, table, known)
        if not mended(wrong, table, known):
            return None, problems
    else:
        scenario._table = table
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
        raw = start_of(path, MAX_SIZE + 1)
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


def json_schema() -> dict[str, Any]:
    """The JSON Schema of scenario files."""
    found = Scenario.model_json_schema()
    for own in _OURS:
        found["properties"].pop(own)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
