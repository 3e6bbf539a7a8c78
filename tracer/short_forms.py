"""Whether the short form of the output layer's derivatives, p - t, is there and right."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracer.catalog.vectors import SHORT, VECTORS
from tracer.conventions import made_of

if TYPE_CHECKING:
    from tracer.conventions import Conventions
    from tracer.scenario import Scenario

_NEAR = 1e-9  # decimals have no exact sum in float64


def check_short(s: Scenario, where: str, c: Conventions, own: Collection[str]) -> Iterator[str]:
    """What is wrong with conventions that state the short form."""
    if c.output_gradient == "chain" or not {"output_gradient", "loss"} & set(own):
        return
    key = f"{where}output_gradient"
    if not s.network or s.error is not None:
        yield f"{key}: there is a short form for the loss of a network only; state 'chain'"
        return
    activation = getattr(s.network.layers[-1], "activation", s.network.layers[-1].word)
    loss, _ = made_of(c.loss)
    if (activation, loss) not in SHORT:
        yield f"{key}: there is no short form of {activation} with {loss}; state 'chain'"
    elif activation in VECTORS and s.walk.whole:
        yield from _check_targets(s, key)


def _check_targets(s: Scenario, key: str) -> Iterator[str]:
    """The targets of every vector are shares of 1."""
    sums = _sums(s)
    wrong = np.argwhere(abs(sums - 1) > _NEAR)
    if len(wrong):
        sample, vector = wrong[0]
        of = f" of sample {sample + 1}" if len(sums) > 1 else ""
        yield (
            f"{key}: the targets{of} sum up to {sums[sample, vector]:.6g}, not 1, so that the "
            "short form is not the derivative; state 'chain'"
        )


def _sums(s: Scenario) -> NDArray[np.float64]:
    """The sums of the targets, [sample, vector]; none where formulas make them."""
    assert s.network
    names = s.vector(s.network.targets)
    if any(name in s.formulas for name in names) or len(names) != s.walk.outputs:
        return np.empty((0, 0))
    rows = max((len(s.data[name]) for name in names if name in s.data), default=1)
    columns = [
        np.broadcast_to(s.data[name] if name in s.data else float(s.numbers[name]), rows)
        for name in names
        if name in s.data or name in s.numbers
    ]
    size = s.walk.shapes[-1].sizes[-1]
    table: NDArray[np.float64] = np.stack(columns, 1).reshape(rows, -1, size)
    return np.asarray(table.sum(axis=2))
