"""What every kind of layer answers: what it uses, which shapes it takes, which steps it emits.

A layer is one class in one module. `shape` says what comes out of it and yields what is wrong
with it; `emit` writes its steps. Both are given what they need, so that a scenario can be read
without anything that builds.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from tracer.fields import Model, Text
from tracer.layers.shapes import Names, Shape
from tracer.program import Cells

if TYPE_CHECKING:
    from tracer.build.network import Bench
    from tracer.scenario import Scenario

WEIGHT, BIAS, CONSTANT = "a weight", "a bias", "a constant"

#: Yields problems as `field: what`; returns the shape that comes out, None where that is unknown.
Checked = Generator[str, None, Shape | None]
#: Yields problems as `field: what`; returns how many units there are, 0 where that is unknown.
Counted = Generator[str, None, int]
#: The names of steps, by the key that says them.
Named = Mapping[str, Names]


class Use(NamedTuple):
    """What some givens are used for by a layer."""

    role: str  # WEIGHT and BIAS are trained, a CONSTANT is not
    field: str  # the key that names them
    names: Sequence[str]  # as written, a matrix by its own name


class Place(NamedTuple):
    """Where a layer stands."""

    number: int  # from 0
    layers: int
    mark: str = ""  # its number from 1, where another layer would use the same names

    @property
    def unit(self) -> str:
        """What its units are called: o in the last layer, h in one before, h1, h2 … in several."""
        if self.number == self.layers - 1:
            return "o"
        return "h" if self.layers == 2 else f"h{self.number + 1}"


class Layer(Model):
    """One layer of a network."""

    kind: str
    title: Text = ""

    #: Whether the gradient of a weight is spelled ∂E/∂out · ∂out/∂net · ∂net/∂w, as tutorials of
    #: dense networks have it; otherwise ∂E/∂net has a name, for weights are shared over places.
    spelled: ClassVar[bool] = False

    @property
    def word(self) -> str:
        """What it is called where it has no title."""
        return self.kind

    def uses(self) -> Iterator[Use]:
        """The givens it uses."""
        yield from ()

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        """What comes out; `before` are the shapes of the inputs and of every earlier layer's."""
        raise NotImplementedError

    def steps(self, s: Scenario, before: Sequence[Shape], found: Shape, place: Place) -> Named:
        """The names of its steps, of a layer that gives `found`."""
        return {}

    def told(self, s: Scenario, before: Sequence[Shape]) -> Iterator[str]:
        """Clauses that a reader of a page needs, of what its formulas do not show."""
        yield from ()

    def emit(self, on: Bench, x: Cells) -> Cells:
        """Write its steps; returns the cells that come out, in the shape that `shape` says."""
        raise NotImplementedError


def listed(names: str | list[str] | None) -> list[str]:
    """A name as a list of one; nothing as none."""
    if names is None:
        return []
    return [names] if isinstance(names, str) else names
