"""Batch and layer normalisation: numbers without their mean, in standard deviations.

Batch normalisation takes the mean over the samples, for every number or channel; layer
normalisation over the numbers of a sample or of each of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from tracer.catalog.cells import (
    BATCH_MEAN,
    BATCH_MEANS,
    BATCH_VARIANCE,
    BATCH_VARIANCES,
    MEAN,
    SCALED,
    VARIANCE,
    normalised,
)
from tracer.fields import NameText, Number, PatternOrNames
from tracer.inventory import counted, not_given
from tracer.layers.base import BIAS, WEIGHT, Checked, Layer, Named, Place, Use, listed
from tracer.layers.parameters import parameter
from tracer.layers.shapes import CHANNEL, Shape, spread, wrongly_named
from tracer.program import Cells

if TYPE_CHECKING:
    from tracer.build.network import Bench
    from tracer.scenario import Scenario


class _Norm(Layer):
    """What takes away a mean and divides by a standard deviation, then scales and shifts."""

    scale: NameText | None = None  # gamma, one a feature; neither scaled nor shifted without both
    shift: NameText | None = None  # beta
    epsilon: Number = Decimal("1e-5")
    mean: PatternOrNames | None = None
    variance: PatternOrNames | None = None
    normalised: PatternOrNames | None = None
    out: PatternOrNames | None = None

    def uses(self) -> Iterator[Use]:
        yield Use(WEIGHT, "scale", listed(self.scale))
        yield Use(BIAS, "shift", listed(self.shift))

    def _features(self, x: Shape) -> Shape:
        """What has a scale and a shift of its own."""
        raise NotImplementedError

    def _means(self, x: Shape) -> Shape:
        """What has a mean of its own."""
        raise NotImplementedError

    def _shapes(self, x: Shape) -> dict[str, Shape]:
        """The shapes of the steps, by the key that names them."""
        means = self._means(x)
        hats = {} if self.scale is None else {"normalised": x}
        return {"mean": means, "variance": means, **hats, "out": x}

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        x = before[-1]
        if (self.scale is None) != (self.shift is None):
            missing = "shift" if self.shift is None else "scale"
            yield f"{missing}: missing; state scale and shift, or neither"
        for field in ("scale", "shift"):
            name, features = getattr(self, field), self._features(x).count
            found = parameter(s, name) if name else None
            if name and found is None:
                yield f"{field}: {not_given(s, name, 'a list')}"
            elif found is not None and found.size not in (1, features):
                numbers = counted(found.size, "number")
                yield f"{field}: {numbers} for {counted(features, 'feature')}"
        if self.epsilon < 0:
            yield f"epsilon: {self.epsilon}; expected 0 or more"
        for key, shape in self._shapes(x).items():
            if wrong := wrongly_named(getattr(self, key), shape, "number"):
                yield f"{key}: {wrong}"
        return x

    def steps(self, s: Scenario, before: Sequence[Shape], found: Shape, place: Place) -> Named:
        usual = {"mean": "mu", "variance": "var", "normalised": "xhat", "out": "y"}
        return {
            key: spread(getattr(self, key) or usual[key] + place.mark, shape, place.number)
            for key, shape in self._shapes(before[-1]).items()
        }

    def emit(self, on: Bench, x: Cells) -> Cells:
        mean, variance = self._statistics(on, x)
        rule, names = normalised(f"{self.epsilon:f}"), on.names
        if self.scale is None or self.shift is None:
            return on.emit(rule, names["out"], x=x, m=mean, s=variance)
        hats = on.emit(rule, names["normalised"], x=x, m=mean, s=variance)
        gamma, beta = (self._spread(on.cells(name), x) for name in (self.scale, self.shift))
        return on.emit(SCALED, names["out"], gamma=gamma, x=hats, beta=beta)

    def _spread(self, features: Cells, x: Cells) -> Cells:
        """A number of every feature as it stands at every place."""
        raise NotImplementedError

    def _statistics(self, on: Bench, x: Cells) -> tuple[Cells, Cells]:
        """Mean and variance as they stand at every place."""
        raise NotImplementedError


class BatchNorm(_Norm):
    """Over the samples of the batch; of channels over their rows and columns too."""

    kind: Literal["batch norm"] = "batch norm"

    @property
    def word(self) -> str:
        return "batch normalisation"

    def _features(self, x: Shape) -> Shape:
        return Shape(x.sizes[:1], CHANNEL) if x.axes.startswith(CHANNEL) else x

    def _means(self, x: Shape) -> Shape:
        return self._features(x)

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        if s.batch_size < 2:
            yield "kind: batch norm takes the mean over several samples; there is one in a batch"
            return None
        return (yield from super().shape(s, before))

    def _spread(self, features: Cells, x: Cells) -> Cells:
        return _at_every_place(features, x)

    def _statistics(self, on: Bench, x: Cells) -> tuple[Cells, Cells]:
        means, variances = on.names["mean"], on.names["variance"]
        if means.shape == x.shape:
            mean = on.emit(BATCH_MEAN, means, x=x)
            return mean, on.emit(BATCH_VARIANCE, variances, x=x, m=mean)
        each = x.reshape(len(x), -1)
        mean = on.emit(BATCH_MEANS, means, x_i=each)
        variance = on.emit(BATCH_VARIANCES, variances, x_i=each, m=mean)
        return _at_every_place(mean, x), _at_every_place(variance, x)


class LayerNorm(_Norm):
    """Over the numbers of a sample, or of each of its rows."""

    kind: Literal["layer norm"] = "layer norm"

    @property
    def word(self) -> str:
        return "layer normalisation"

    def _features(self, x: Shape) -> Shape:
        return Shape(x.sizes[-1:], "j")

    def _means(self, x: Shape) -> Shape:
        return Shape(x.sizes[:-1], x.axes[:-1])

    def _spread(self, features: Cells, x: Cells) -> Cells:
        return features.ravel()

    def _statistics(self, on: Bench, x: Cells) -> tuple[Cells, Cells]:
        mean = on.emit(MEAN, on.names["mean"], x_i=x)
        variance = on.emit(VARIANCE, on.names["variance"], x_i=x, m=mean)
        return mean[..., None], variance[..., None]


def _at_every_place(features: Cells, x: Cells) -> Cells:
    """Numbers of the features as they stand at every place; of channels one after the other."""
    return features.reshape(x.shape if features.size == x.size else (-1, *(1,) * (x.ndim - 1)))
