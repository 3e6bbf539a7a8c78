"""What a scenario has: its givens, sample sets and draws, and how the samples are fed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from tracer.datasets import TRAINING
from tracer.draws import functions
from tracer.errors import TracerError, nearest
from tracer.expression import inside, parse
from tracer.fields import Stated, found
from tracer.labels import GREEK

if TYPE_CHECKING:
    from tracer.conventions import Conventions
    from tracer.networks import Layer
    from tracer.scenario import Scenario

Problems = Iterator[str]


# ---- givens ----------------------------------------------------------------------------


def check_parts(s: Scenario) -> Problems:
    """A scenario has numbers, and something to compute from them."""
    if not s.givens and not s.samples and not s.random:
        yield "givens: missing"
    if not s.network and not s.formulas:
        yield "network: missing; a scenario has a network or formulas"


def check_givens(s: Scenario) -> Problems:
    """A matrix has rows of one length."""
    for title, table in s.givens.items():
        for name, given in table.items():
            rows = given if isinstance(given, list) else []
            widths = {len(row) for row in rows if isinstance(row, list)}
            if len(widths) > 1:
                yield f"givens.{title}.{name}: rows of {' and '.join(map(str, sorted(widths)))}"


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
    if s.random:
        yield from _check_draws(s)


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
    over = next((name for name, text in s.formulas.items() if inside(parse(text))), None)
    if over and size < samples:
        yield f"{where}batch_size: {size}, but formulas.{over} runs over all {samples} samples"


def _check_perceptron(s: Scenario, where: str) -> Problems:
    if not s.network or len(s.network.layers) > 1 or s.network.threshold is None:
        yield f"{where}learning: a perceptron has one layer and a network.threshold"
        return
    layer = s.network.layers[0]
    for key, names in (("weights", _weights(layer)), ("bias", _biases(s, layer))):
        twice = next((name for k, name in enumerate(names) if name in names[:k]), None)
        if twice:
            yield f"network.layers[0].{key}: {twice!r} twice; the perceptron's rule moves it once"


def _weights(layer: Layer) -> list[str]:
    rows = layer.weights if isinstance(layer.weights, list) else ()
    return [name for row in rows for name in row if name != "-"]


def _biases(s: Scenario, layer: Layer) -> list[str]:
    """The biases of a layer's units, as far as they have names of their own."""
    if layer.bias is None or isinstance(layer.bias, list):
        return layer.bias or []
    if isinstance(s.given(layer.bias), list):
        return []
    assert s.network
    targets = s.network.targets
    units = len(targets) if isinstance(targets, list) else len(s.given(targets) or ())
    return [layer.bias] * units
