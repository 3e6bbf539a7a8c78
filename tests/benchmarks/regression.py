"""The regression of 10,000 samples beside the same in plain numpy arrays.

x y  data, [sample, …]     w1 w2  weights     a o  hidden and output activations
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import tracer
from tracer import evaluate
from tracer.computed import built

Array = NDArray[np.float64]

NAME, RATE = "sum-regression", 0.01
SAMPLES, INPUTS, HIDDEN = 10_000, 2, 3
MEASURE = (
    "import resource, sys, tracer; "
    "tracer.trace('sum-regression', iterations={count}, record='last'); "
    "sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
)


def start() -> tuple[Array, Array, Array, Array]:
    """Data and weights as the tutorial draws them."""
    draw = np.random.RandomState(4)
    x = draw.rand(SAMPLES, INPUTS)
    return x, x.sum(axis=1, keepdims=True), draw.randn(INPUTS, HIDDEN), draw.randn(HIDDEN, 1)


def by_numpy(updates: int) -> tuple[Array, Array]:
    """The weights after some updates, by arrays: the sigmoid's derivative is a(1 - a)."""
    x, y, w1, w2 = start()
    for _ in range(updates):
        a = 1 / (1 + np.exp(-(x @ w1)))
        o = 1 / (1 + np.exp(-(a @ w2)))
        d2 = -(y - o) * (o * (1 - o))
        d1 = (d2 @ w2.T) * (a * (1 - a))
        w1, w2 = w1 - RATE * (x.T @ d1), w2 - RATE * (a.T @ d2)
    return w1, w2


def by_tracer(updates: int) -> tuple[Array, Array]:
    """The same by tracer."""
    t = tracer.trace(NAME, iterations=updates, record="last", only=_WEIGHTS)
    found = [t[name] for name in _WEIGHTS]
    hidden, output = found[: INPUTS * HIDDEN], found[-HIDDEN:]
    return np.reshape(hidden, (INPUTS, HIDDEN)), np.reshape(output, (-1, 1))


_WEIGHTS = [
    *(f"W1[{i},{j}]" for i in range(1, INPUTS + 1) for j in range(1, HIDDEN + 1)),
    *(f"W2[{j},1]" for j in range(1, HIDDEN + 1)),
]


def difference(updates: int) -> float:
    """The largest relative difference of a weight after some updates."""
    pairs = zip(by_numpy(updates), by_tracer(updates), strict=True)
    return max(float(np.max(np.abs(ours - theirs) / np.abs(theirs))) for theirs, ours in pairs)


def evaluation(updates: int) -> Callable[[], object]:
    """Tracer's updates without building the program, as a work to time."""
    made = built(tracer.load(NAME))
    return lambda: evaluate.run(made.program, made.givens, [updates], only=[])
