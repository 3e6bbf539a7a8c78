"""Through the layers of a scenario's network: what each is called, takes and gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.errors import TooLarge, nearest
from tracer.fields import quoted
from tracer.inventory import not_given
from tracer.layers.base import Checked, Layer, Place
from tracer.layers.shapes import Names, Shape, of_given
from tracer.problems import MAX_PROBLEMS
from tracer.rulebook import known_activations

if TYPE_CHECKING:
    from tracer.networks import Network
    from tracer.scenario import Scenario


@dataclass(frozen=True)
class Walk:
    """The layers in order; after one whose shape is unknown there is nothing."""

    layers: tuple[Layer, ...]
    titles: tuple[str, ...]
    shapes: tuple[Shape, ...]  # of the inputs, then of what every layer gives
    steps: tuple[Mapping[str, Names], ...]  # the names of every layer's steps, by key
    problems: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether the shape of everything is known."""
        return len(self.shapes) == len(self.layers) + 1

    @property
    def outputs(self) -> int:
        """How many outputs there are; 0 if that is not known."""
        return self.shapes[-1].count if self.whole else 0

    def told(self, s: Scenario) -> Iterator[str]:
        """What a reader of a page has to know of the layers, a sentence for each."""
        for number, (layer, title) in enumerate(zip(self.layers, self.titles, strict=True)):
            if clauses := [*layer.told(s, self.shapes[: number + 1])]:
                yield f"{title[0].upper()}{title[1:]}: {'; '.join(clauses)}."


def walked(s: Scenario, network: Network) -> Walk:
    """Go through the layers, from the shape of the inputs on."""
    problems: list[str] = []
    first = shape_of(s, network.inputs)
    shapes = [first] if first else []
    for number, layer in enumerate(network.layers):
        wrong = [*_check_activation(s, layer)]
        if len(shapes) == number + 1:
            told, found = _checked(layer.shape(s, tuple(shapes)))
            wrong += told
            shapes += [found] if found else []
        problems += [f"network.layers[{number}].{problem}" for problem in wrong]
    layers, titles = tuple(network.layers), tuple(_titles(network))
    try:
        steps = _steps(s, layers, shapes)
    except TooLarge as wrong:
        shapes, steps = shapes[:1], ()
        problems.append(f"network: {wrong}")
    return Walk(layers, titles, tuple(shapes), steps, tuple(problems))


def _steps(
    s: Scenario, layers: Sequence[Layer], shapes: Sequence[Shape]
) -> tuple[Mapping[str, Names], ...]:
    """What the steps are called; layers that would use the same names have their numbers in them.

    A list of names that is too short or too long is a problem told elsewhere.
    """

    def named(number: int, mark: str = "") -> Mapping[str, Names]:
        place = Place(number, len(layers), mark)
        return layers[number].steps(s, shapes[: number + 1], shapes[number + 1], place)

    def called(steps: Mapping[str, Names]) -> set[str]:
        return {name for names in steps.values() for name in names.ravel()}

    known = range(len(shapes) - 1)
    plain = [named(number) for number in known]
    count = Counter(name for steps in plain for name in called(steps))
    alone = [all(count[name] == 1 for name in called(steps)) for steps in plain]
    return tuple(plain[k] if alone[k] else named(k, str(k + 1)) for k in known)


def _checked(checked: Checked) -> tuple[list[str], Shape | None]:
    """What is wrong with a layer, and the shape that comes out; of very many problems the first."""
    problems: list[str] = []
    while len(problems) <= MAX_PROBLEMS:
        try:
            problems.append(next(checked))
        except StopIteration as done:
            return problems, done.value
    return problems, None


def _check_activation(s: Scenario, layer: Layer) -> Iterator[str]:
    """Whether there is such an activation, where a layer states one."""
    stated, known = getattr(layer, "activation", None), known_activations(s)
    if stated is not None and stated not in known:
        near = nearest(stated, known) or f"; known are {', '.join(known)}"
        yield f"activation: no {quoted(stated)}{near}"


def shape_of(s: Scenario, names: str | list[str]) -> Shape | None:
    """The shape of a list of numbers, or of what is given under a name."""
    if isinstance(names, list):
        return Shape((len(names),), "j")
    found = s.elements(names)
    return of_given(found.shape) if found is not None and found.ndim else None


def check_vector(s: Scenario, key: str, names: str | list[str]) -> Iterator[str]:
    """What is wrong with the inputs or targets: given, a sample's own, or a formula."""
    if isinstance(names, str):
        if shape_of(s, names) is None:
            yield f"{key}: {not_given(s, names, 'a list')}"
        return
    for k, name in enumerate(names):
        if name not in s.numbers and name not in s.data and name not in s.formulas:
            yield f"{key}[{k}]: {not_given(s, name, 'a number')}"


def _titles(network: Network) -> list[str]:
    """What the layers are called: as the scenario says, by their place, or by their kind."""
    layers = network.layers
    if all(layer.kind == "dense" for layer in layers):
        hidden = len(layers) - 1
        places = ["hidden layer" if hidden == 1 else f"hidden layer {k + 1}" for k in range(hidden)]
        places.append("output layer")
    else:
        places = list(_numbered([layer.word for layer in layers]))
    return [layer.title or place for layer, place in zip(layers, places, strict=True)]


def _numbered(words: Sequence[str]) -> Iterator[str]:
    """Words with a number where there are several of one."""
    many, met = Counter(words), Counter[str]()
    for word in words:
        met[word] += 1
        yield f"{word} {met[word]}" if many[word] > 1 else word
