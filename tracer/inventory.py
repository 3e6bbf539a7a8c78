"""What a scenario has: its givens, sample sets and draws, and how the samples are fed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tracer.datasets import TRAINING
from tracer.draws import functions
from tracer.errors import TracerError, nearest
from tracer.expression import inside
from tracer.fields import Stated, found
from tracer.labels import GREEK

if TYPE_CHECKING:
    from tracer.conventions import Conventions
    from tracer.scenario import Scenario

Problems = Iterator[str]


# ---- givens ----------------------------------------------------------------------------


def check_parts(s: Scenario) -> Problems:
    """A scenario has numbers, and something to compute from them."""
    if not s.givens and not s.samples and not s.random:
        yield "givens: missing"
    if not s.network and not s.formulas and not s.gradients:
        yield "network: missing; a scenario has a network, formulas or gradients"


def check_givens(s: Scenario) -> Problems:
    """A matrix has rows of one length, and so have matrices of matrices."""
    for title, table in s.givens.items():
        for name, given in table.items():
            rows: list[Any] = [given]
            while rows and isinstance(rows[0], list):
                widths = {len(row) for row in rows}
                if len(widths) > 1:
                    yield f"givens.{title}.{name}: rows of {' and '.join(map(str, sorted(widths)))}"
                    break
                rows = [part for row in rows for part in row]


def not_given(s: Scenario, name: str, wanted: str = "a given") -> str:
    """What is wrong with a name that is not given, or not given as `wanted`."""
    given = s.given(name)
    if given is not None:
        kind = "a matrix" if is_matrix(given) else found(_plain(given))
        return f"{name!r} is given as {kind}, expected {wanted}"
    if name in s.formulas:
        return f"{name!r} is a formula, expected {wanted}"
    for title, columns in s.columns.items():
        if name in columns and title == TRAINING:
            return f"{name!r} is a column of samples, expected {wanted}"
        if name in columns:
            return f"{name!r} is not given; it is in samples.{title}, not in samples.{TRAINING}"
    if s.elements(name) is not None:
        return f"{name!r} is measured in samples, expected {wanted}"
    spelt = GREEK.get(name, "")
    if spelt in s.numbers:
        return f"{name!r} is not given; write it as {spelt!r}, as the givens do"
    known = (*(other for table in s.tables.values() for other in table), *s.data, *s.formulas)
    return f"{name!r} is not given{nearest(name, known)}"


def _plain(given: Any) -> Any:
    return given.value if isinstance(given, Stated) else given


def is_matrix(given: Any) -> bool:
    return isinstance(given, list) and isinstance(given[0], list)


def is_vector(given: Any) -> bool:
    return isinstance(given, list) and not isinstance(given[0], list)


def joined(name: str) -> str:
    """A name as formulas write it."""
    return name.replace(" ", "_")


def counted(number: int, what: str) -> str:
    """`1 bias`, `2 biases`."""
    plural = {"bias": "biases"}.get(what, f"{what}s")
    return f"{number} {what if number == 1 else plural}"


# ---- data ------------------------------------------------------------------------------


def check_data(s: Scenario) -> Problems:
    """Problems of sample sets and of what is drawn."""
    trained = s.samples[TRAINING].columns if TRAINING in s.samples else ()
    for title, samples in s.samples.items():
        for k, row in enumerate(samples.rows):
            if len(row) != len(samples.columns):
                numbers, columns = (
                    counted(len(row), "number"),
                    counted(len(samples.columns), "column"),
                )
                yield f"samples.{title}.rows[{k}]: {numbers} for {columns}"
        if len(set(samples.columns)) < len(samples.columns):
            yield f"samples.{title}.columns: a name twice"
        yield from _check_elements(title, samples.columns, trained)
    if s.random:
        yield from _check_draws(s)


def _check_elements(title: str, columns: Sequence[str], trained: Sequence[str]) -> Problems:
    """An array has the elements that it has in training, no further ones."""
    arrays = {column.partition("[")[0] for column in trained if "[" in column}
    for column in columns:
        array = column.partition("[")[0]
        if column not in trained and array in arrays:
            yield f"samples.{title}: {column!r} is no element of {array} in samples.{TRAINING}"
            return


def _check_draws(s: Scenario) -> Problems:
    assert s.random
    problems = [*_check_calls(s), *_check_sets(s)]
    yield from problems
    if problems:
        return
    try:
        s.arrays  # noqa: B018  drawing is the check
    except TracerError as wrong:
        yield f"random: {wrong}"


def _check_calls(s: Scenario) -> Problems:
    """The functions that are called and what their numbers are called."""
    assert s.random
    taken: set[str] = set()
    known = functions(s.random.generator)
    for k, draw in enumerate(s.random.draw):
        key = f"random.draw[{k}]"
        if draw.function not in known:
            close = nearest(draw.function, known) or f"; there are {', '.join(known)}"
            yield f"{key}.function: {s.random.generator} has no {draw.function!r}{close}"
        if draw.name in taken or any(draw.name in table for table in s.givens.values()):
            yield f"{key}.name: {draw.name!r} is given already"
        taken.add(draw.name)


def _check_sets(s: Scenario) -> Problems:
    """The sample sets that are drawn, one column or more with a call."""
    assert s.random
    rows: dict[str, int] = {}
    called: dict[str, set[str]] = {}
    for k, draw in enumerate(s.random.draw):
        key, title, columns = f"random.draw[{k}]", draw.samples, draw.columns
        if title is None and columns is None:
            continue
        if title is None or columns is None:
            yield f"{key}: samples and columns go together"
        elif len(draw.shape) != 2 or draw.shape[1] != len(columns):
            yield f"{key}.shape: expected [rows, {len(columns)}], a column a name"
        elif title in s.samples:
            yield f"{key}.samples: {title!r} has rows already"
        elif rows.setdefault(title, draw.shape[0]) != draw.shape[0]:
            yield f"{key}.shape: {draw.shape[0]} rows, but {title!r} has {rows[title]}"
        elif len({*columns, *called.get(title, ())}) < len(columns) + len(called.get(title, ())):
            yield f"{key}.columns: a name twice"
        else:
            called.setdefault(title, set()).update(columns)


# ---- runs ----------------------------------------------------------------------------


def check_run(s: Scenario) -> Problems:
    """Whether a page can show what it is told to of a run."""
    last = s.iterations if s.run.reproducible is None else s.run.reproducible
    if last > s.iterations:
        yield f"run.reproducible: no iteration {last}; the run ends with {s.iterations}"
    elif any(k > last for k in s.run.show if k <= s.iterations):
        yield f"run.show: beyond {last}, where the run is no longer reproducible"
    if s.run.sample >= s.batch_size:
        yield f"run.sample: no sample {s.run.sample}; a batch has {s.batch_size}, from 0"


# ---- forward mode ---------------------------------------------------------------------


def check_direction(s: Scenario, where: str, direction: Mapping[str, Decimal]) -> Problems:
    """The givens that are moved for the tangents of forward mode."""
    known = (*s.numbers, *s.data)
    for name in direction:
        if name not in known:
            near = nearest(name, known) if name.endswith("]") else ""
            wrong = f"{name!r} is not given{near}" if near else not_given(s, name, "a number")
            yield f"{where}tangents: {wrong}"
    if direction and not any(direction.values()):
        yield f"{where}tangents: nothing moves; at least one number is not 0"


# ---- batches ---------------------------------------------------------------------------


def check_batches(s: Scenario, where: str, c: Conventions, own: Collection[str]) -> Problems:
    """Whether the samples can be fed as a scenario or a reading says."""
    if {"batch_size", "order"} & set(own):
        yield from _check_size(s, where, c)
    if "learning" in own and c.learning == "perceptron":
        yield from _check_perceptron(s, where)


def _check_size(s: Scenario, where: str, c: Conventions) -> Problems:
    beyond = [k for k in c.order or () if k >= s.rows]
    if beyond:
        yield f"{where}order: no sample {beyond[0]}; there are {s.rows}, from 0"
    samples = len(c.order) if c.order else s.rows
    size = c.batch_size or samples
    if samples % size:
        all_of_them = counted(samples, "sample")
        yield f"{where}batch_size: {all_of_them} cannot be split into batches of {size}"
    over = next((b.of.place for b in s.formulas.bindings if any(map(inside, b.of.parts))), None)
    if over and size < samples:
        yield f"{where}batch_size: {size}, but {over} runs over all {samples} samples"


def _check_perceptron(s: Scenario, where: str) -> Problems:
    layers = s.network.layers if s.network else []
    if [layer.kind for layer in layers] != ["dense"] or _threshold(s) is None:
        yield f"{where}learning: a perceptron has one dense layer and a network.threshold"
        return
    for use in layers[0].uses():
        names = list(use.names)
        if use.role == "a bias" and names and names[0] in s.numbers:  # one for all units
            names *= s.walk.outputs if len(names) == 1 else 1
        twice = next((name for k, name in enumerate(names) if name in names[:k]), None)
        if twice:
            key = f"network.layers[0].{use.field}"
            yield f"{key}: {twice!r} twice; the perceptron's rule moves it once"


def _threshold(s: Scenario) -> Decimal | str | None:
    return s.network.threshold if s.network else None
