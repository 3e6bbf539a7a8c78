"""Convolution and pooling: windows that move over rows and columns, with a stride, in padding.

A convolution is the weighted sum of a window (no kernel is flipped); a place of the padding is 0
and has no term. Inputs are rows and columns, or a list; of these there may be several channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import Discriminator, Field, Tag

from tracer.catalog.cells import AVERAGE, MAXIMUM
from tracer.fields import Count, NameOrNames, NameText, PatternOrNames, Positive, Title, choice
from tracer.inventory import counted, not_given
from tracer.layers.base import BIAS, WEIGHT, Checked, Layer, Named, Place, Use, listed
from tracer.layers.parameters import check_biases, offsets, parameter
from tracer.layers.shapes import CHANNEL, Names, Shape, spread, wrongly_named
from tracer.limits import MAX_OPERANDS
from tracer.program import Cells

if TYPE_CHECKING:
    from tracer.build.network import Bench
    from tracer.scenario import Scenario


def _one_or_two(value: object) -> str:
    return "(two)" if isinstance(value, list) else "(one)"


_TWO = Field(min_length=2, max_length=2)
#: One length for rows and columns, or one for each.
Lengths = Annotated[
    Annotated[Positive, Tag("(one)")] | Annotated[list[Positive], _TWO, Tag("(two)")],
    Discriminator(_one_or_two),
]
Padding = Annotated[
    Annotated[Count, Tag("(one)")] | Annotated[list[Count], _TWO, Tag("(two)")],
    Discriminator(_one_or_two),
]
Pair = tuple[int, int]  # along rows, along columns


def _pair(length: int | list[int]) -> Pair:
    return (length[0], length[1]) if isinstance(length, list) else (length, length)


def _axes(x: Shape) -> str:
    """The axes along which a window moves."""
    return x.axes.removeprefix(CHANNEL)


def _maps(x: Shape) -> tuple[int, int, int]:
    """Channels, rows and columns of inputs; a list is one row."""
    sizes = x.sizes if x.axes.startswith(CHANNEL) else (1, *x.sizes)
    return (sizes[0], 1, sizes[1]) if len(sizes) == 2 else (sizes[0], sizes[1], sizes[2])


class _Windows(Layer):
    """What moves a window over its inputs."""

    stride: Lengths | None = None
    padding: Padding = 0
    out: PatternOrNames | None = None

    def _strides(self, size: Pair) -> Pair:
        return (1, 1) if self.stride is None else _pair(self.stride)

    def _padding(self, x: Shape) -> Pair:
        """Above and below, left and right; a list has no rows to add."""
        down, across = _pair(self.padding)
        return (down if len(_axes(x)) > 1 else 0), across

    def _places(self, x: Shape, size: Pair) -> Pair:
        """How many places a window of a size has along rows and columns."""
        lengths = zip(_maps(x)[1:], self._padding(x), size, self._strides(size), strict=True)
        down, across = (max((n + 2 * p - k) // s + 1, 0) for n, p, k, s in lengths)
        return down, across

    def _flat(self, x: Shape) -> Iterator[str]:
        """What is wrong with the axes of the inputs."""
        if len(_axes(x)) > 2:
            yield f"kind: {x.in_words} inputs; a window moves over rows and columns, or a list"

    def _moved(self, x: Shape, size: Pair, key: str) -> Iterator[str]:
        """What is wrong with a window of a size that is moved over the inputs."""
        if not all(self._places(x, size)):
            window = " × ".join(map(str, size[2 - len(_axes(x)) :]))
            padded = " with their padding" if any(self._padding(x)) else "; see padding"
            yield f"{key}: a window of {window} does not fit into {x.in_words} inputs{padded}"
            return
        if any(p > n for p, n in zip(self._padding(x), _maps(x)[1:], strict=True)):
            yield f"padding: more than all {x.in_words} inputs"
        seen = prod((_maps(x)[0], *self._places(x, size), *size))
        if seen > MAX_OPERANDS:
            yield f"{key}: the windows see {seen:,} numbers; at most {MAX_OPERANDS:,}"

    def _shape(self, x: Shape, size: Pair, channels: int) -> Shape:
        """The shape of what comes out; without channels 0."""
        sizes, axes = self._places(x, size)[2 - len(_axes(x)) :], _axes(x)
        return Shape((channels, *sizes), CHANNEL + axes) if channels else Shape(sizes, axes)

    def _border(self, x: Shape, of: str, why: str) -> Iterator[str]:
        """A clause on the padding, if there is any."""
        down, across = self._padding(x)
        each = f"{down} high and {across}" if down != across and len(_axes(x)) > 1 else across
        if down or across:
            yield f"around the inputs stands a border{of}, {each} wide; {why}"

    def _steps_of(self, x: Shape, size: Pair, usual: Pair) -> Iterator[str]:
        """A clause on the stride, if it is not the usual one."""
        down, across = self._strides(size)
        each = f"{down} down and {across} across" if len(_axes(x)) > 1 else f"{across}"
        if (down, across) != usual:
            yield f"the window moves by {across if down == across else each}"

    def _seen(self, cells: Cells, x: Shape, size: Pair) -> Cells:
        """What a window sees at every place: [channel, down, across, row, column]."""
        down, across = self._padding(x)
        around = ((0, 0), (down, down), (across, across))
        padded = np.pad(cells.reshape(_maps(x)), around, constant_values=-1)
        (high, wide), (rows, columns) = self._strides(size), size
        windows = sliding_window_view(padded, (rows, columns), (1, 2))
        return windows[:, ::high, ::wide]


class Convolution(_Windows):
    """Filters that move over the inputs: each sums up the weighted inputs of its window."""

    kind: Literal["convolution"] = "convolution"
    kernel: NameText  # [filter, channel, row, column]; without a filter one map comes out
    bias: NameOrNames | None = None  # one for all filters, or one each
    activation: Title = "identity"
    net: PatternOrNames | None = None

    def uses(self) -> Iterator[Use]:
        yield Use(WEIGHT, "kernel", [self.kernel])
        yield Use(BIAS, "bias", listed(self.bias))

    def _kernel(self, s: Scenario, x: Shape) -> tuple[Names, bool] | None:
        """The weights as [filter, channel, row, column], and whether filters were written."""
        names, channels, window = parameter(s, self.kernel), _maps(x)[0], len(_axes(x))
        if names is None or not 0 <= names.ndim - window <= 2:
            return None
        outer, inner = names.shape[: names.ndim - window], names.shape[names.ndim - window :]
        if len(outer) == 1:
            of_channels = channels > 1 and outer[0] == channels
            outer = (1, *outer) if of_channels else (*outer, 1)
            filters = not of_channels
        else:
            outer, filters = outer or (1, 1), bool(outer)
        return names.reshape(*outer, *(1,) * (2 - window), *inner), filters

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        x = before[-1]
        if wrong := [*self._flat(x)]:
            yield from wrong
            return None
        found, channels = self._kernel(s, x), _maps(x)[0]
        if found is None:
            kind = "a list" if len(_axes(x)) == 1 else "rows and columns"
            wanted = f"{kind}, perhaps by filter and channel"
            yield f"kernel: {not_given(s, self.kernel, wanted)}"
            return None
        kernel, filters = found
        size = (kernel.shape[2], kernel.shape[3])
        if kernel.shape[1] != channels:
            seen = counted(kernel.shape[1], "channel")
            yield f"kernel: {self.kernel} is for {seen}, the inputs have {channels}"
            return None
        if any(p >= k for p, k in zip(self._padding(x), size, strict=True)):
            yield "padding: as large as the kernel, which would see nothing at some places"
            return None
        yield from check_biases(s, "bias", self.bias, len(kernel))
        if wrong := [*self._moved(x, size, "kernel")]:
            yield from wrong
            return None
        out = self._shape(x, size, len(kernel) if filters else 0)
        for key, names in (("net", self.net), ("out", self.out)):
            if wrongly := wrongly_named(names, out, "unit"):
                yield f"{key}: {wrongly}"
        return out

    def steps(self, s: Scenario, before: Sequence[Shape], found: Shape, place: Place) -> Named:
        number = place.number
        out = {"out": spread(self.out or f"a{number + 1}", found, number)}
        if not self.net and self.activation == "identity":
            return out
        return {"net": spread(self.net or f"z{number + 1}", found, number), **out}

    def told(self, s: Scenario, before: Sequence[Shape]) -> Iterator[str]:
        x = before[-1]
        yield from self._steps_of(x, (1, 1), (1, 1))
        yield from self._border(x, " of zeros", "products with them are left out")
        names, found = parameter(s, self.kernel), self._kernel(s, x)
        outer = names.ndim - len(_axes(x)) if names is not None else 0
        if outer and found:
            over = ["filter", "channel"] if outer == 2 else ["filter" if found[1] else "channel"]
            *first, last = [*over, *("row", "column")[2 - len(_axes(x)) :]]
            yield f"the indices of a weight are {', '.join(first)} and {last}"

    def emit(self, on: Bench, x: Cells) -> Cells:
        found = self._kernel(on.s, on.before)
        assert found, self.kernel
        kernel, _ = found
        filters, _, *size = kernel.shape
        weights = on.named(kernel).reshape(filters, 1, 1, -1)
        bias = offsets(on, self.bias, filters)[:, None, None]
        seen = np.moveaxis(self._seen(x, on.before, (size[0], size[1])), 0, 2)
        seen = seen.reshape(*seen.shape[:2], -1)
        outs = on.names["out"]
        nets = on.names.get("net", outs)
        z = on.sums(seen, weights, bias, nets.reshape(filters, *seen.shape[:2]))
        z = z.reshape(outs.shape)
        return on.activated(self.activation, z, outs) if "net" in on.names else z


class Pooling(_Windows):
    """Of every window the greatest number, or the average of those in it that are no padding."""

    kind: Literal["pooling"] = "pooling"
    size: Lengths
    of: Annotated[str, *choice("maximum", "average")] = "maximum"

    @property
    def word(self) -> str:
        return f"{self.of} pooling"

    def _strides(self, size: Pair) -> Pair:
        return size if self.stride is None else _pair(self.stride)

    def _size(self, x: Shape) -> Pair:
        down, across = _pair(self.size)
        return (down if len(_axes(x)) > 1 else 1), across

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        x = before[-1]
        size = self._size(x)
        if wrong := [*self._flat(x)] or [*self._moved(x, size, "size")]:
            yield from wrong
            return None
        if any(2 * p > k for p, k in zip(self._padding(x), size, strict=True)):
            yield "padding: more than half of the window"
            return None
        found = self._shape(x, size, _maps(x)[0] if x.axes.startswith(CHANNEL) else 0)
        if wrongly := wrongly_named(self.out, found, "unit"):
            yield f"out: {wrongly}"
        return found

    def steps(self, s: Scenario, before: Sequence[Shape], found: Shape, place: Place) -> Named:
        return {"out": spread(self.out or f"p{place.number + 1}", found, place.number)}

    def told(self, s: Scenario, before: Sequence[Shape]) -> Iterator[str]:
        size = self._size(before[-1])
        yield from self._steps_of(before[-1], size, size)
        yield from self._border(before[-1], "", f"it is in no {self.of}")

    def emit(self, on: Bench, x: Cells) -> Cells:
        seen = self._seen(x, on.before, self._size(on.before))
        names = on.names["out"]
        rule = MAXIMUM if self.of == "maximum" else AVERAGE
        return on.emit(rule, names, x_i=seen.reshape(*names.shape, -1))


class Flatten(Layer):
    """All inputs in one row: nothing is computed."""

    kind: Literal["flatten"] = "flatten"

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        yield from ()
        return Shape((before[-1].count,), "j")

    def emit(self, on: Bench, x: Cells) -> Cells:
        return x.ravel()
