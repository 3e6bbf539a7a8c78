"""Shapes of what layers pass on, and what their elements are called.

net_h{j}    net_h1 net_h2            a number for every unit
y{i}{j}     y11 y12 y21 y22          row and column; {c} is the channel
h_{t}       h_1 h_2 h_3              time
z{l}_{j}    z2_1 z2_2                the layer's number
y           y[1,2] … h[t=2,3]        by element, where there are several
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from tracer.errors import TooLarge
from tracer.limits import MAX_STEPS

Names = NDArray[np.object_]  # names of elements, of any shape

TIME, CHANNEL = "t", "c"
_AXES = ("", "j", "ij", "cij", "fcij")  # of givens, by how many there are
_LETTER = re.compile(r"\{([a-z])\}")


@dataclass(frozen=True)
class Shape:
    """How many elements there are along each axis, and what the axes are called."""

    sizes: tuple[int, ...]
    axes: str  # a letter each: t time, c channel, i row, j column or unit, h head, k number

    @property
    def count(self) -> int:
        return prod(self.sizes)

    @property
    def in_words(self) -> str:
        """`3`, or `2 × 4 × 4`."""
        return " × ".join(map(str, self.sizes))

    def index(self) -> Iterator[tuple[int, ...]]:
        """Every element, in the order in which they are written, counted from 0."""
        return np.ndindex(*self.sizes)


def of_given(sizes: tuple[int, ...]) -> Shape:
    """The shape of what a scenario gives."""
    return Shape(sizes, _AXES[len(sizes)])


def element(name: str, index: Sequence[int], axes: str = "") -> str:
    """`W[2,3]` of an index counted from 0; time is written `h[t=2,3]`."""
    if not index:
        return name
    marks = axes or " " * len(index)
    parts = (f"{m}={k + 1}" if m == TIME else str(k + 1) for m, k in zip(marks, index, strict=True))
    return f"{name}[{','.join(parts)}]"


def names_of(name: str, sizes: tuple[int, ...]) -> Names:
    """The names of a given's elements."""
    found = np.empty(sizes, object)
    for index in np.ndindex(*sizes):
        found[index] = element(name, index)
    return found


def spread(pattern: str | Sequence[str], shape: Shape, number: int = 0) -> Names:
    """The names of a layer's elements; a list of them is taken as it is.

    raises    TooLarge for more than anybody computes by hand, or with this
    """
    if shape.count > MAX_STEPS:
        raise TooLarge(f"{shape.in_words} numbers; at most {MAX_STEPS:,} are named")
    found = np.empty(shape.sizes, object)
    listed = None if isinstance(pattern, str) else iter(pattern)
    for index in shape.index():
        if listed is not None:
            found[index] = next(listed, "")
            continue
        assert isinstance(pattern, str)
        found[index] = _named(pattern.replace("{l}", str(number + 1)), shape, index)
    return found


def _named(pattern: str, shape: Shape, index: tuple[int, ...]) -> str:
    if _LETTER.search(pattern):
        marks = {letter: str(k + 1) for letter, k in zip(shape.axes, index, strict=True)}
        marks.setdefault("k", marks.get(shape.axes[-1:], ""))
        return _LETTER.sub(lambda found: marks.get(found[1], found[0]), pattern)
    kept = [k for k, axis in enumerate(shape.axes) if shape.sizes[k] > 1 or axis == TIME]
    return element(pattern, [index[k] for k in kept], "".join(shape.axes[k] for k in kept))


def wrongly_named(pattern: str | Sequence[str] | None, shape: Shape, what: str) -> str:
    """What is wrong with the names of a layer's elements; nothing where they tell all apart."""
    if pattern is None:
        return ""
    if not isinstance(pattern, str):
        if len(pattern) != shape.count:
            return f"{_counted(len(pattern), 'name')} for {_counted(shape.count, what)}"
        return "" if len(set(pattern)) == shape.count else "a name twice"
    used = set(_LETTER.findall(pattern)) - {"l"}
    axes = {*shape.axes, "k"} if shape.axes else set()
    if not used <= axes:
        known = ", ".join(f"{{{axis}}}" for axis in (*shape.axes, "l"))
        return f"{pattern!r} has {{{min(used - axes)}}}; there is {known}"
    last = shape.axes[-1:]
    missing = [
        axis for axis, size in zip(shape.axes, shape.sizes, strict=True)
        if size > 1 and axis not in used and not (axis == last and "k" in used)
    ]  # fmt: skip
    if used and missing:
        return f"{pattern!r} names {shape.count} {what}s; write {{{missing[0]}}} for the number"
    return ""


def _counted(number: int, what: str) -> str:
    return f"{number} {what if number == 1 else what + 's'}"
