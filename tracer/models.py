"""A scenario of numbers that a program has: arrays here, PyTorch's modules in `pytorch/`.

    from_arrays({"W1": …, "b1": …, "W2": …, "b2": …}, x, t, activations=["relu", "softmax"])

Numbers are taken as they are, every float by its shortest decimal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer.datasets import TRAINING, as_given
from tracer.errors import UsageError, nearest
from tracer.scenario import Scenario, made

Array = NDArray[np.float64]
Table = dict[str, Any]

ROWS = ("units", "inputs")
#: Losses of classes: their targets may be the numbers of the classes.
_OF_CLASSES = ("cross-entropy", "cross-entropy with log10", "negative log-likelihood")


def from_arrays(
    parameters: Mapping[str, Any], x: Any, target: Any, *, activations: Sequence[str],
    loss: str = "half squared error", reduction: str = "sum", learning_rate: float = 0.1,
    optimizer: str | Mapping[str, Any] = "gradient descent", rows: str = "",
    title: str = "A network of arrays",
) -> Scenario:  # fmt: skip
    """The scenario of a dense network that is given as arrays or lists of numbers.

        s = tracer.from_arrays({"W1": W1, "b1": b1}, x, t, activations=["sigmoid"])
        tracer.testing.assert_matches(tracer.trace(s), {"W1": W1, "dW1": my_dW1})

    parameters     weights W1, W2 … and biases b1, b2 …, which may be left out
    x, target      one sample [i], or several [sample, i]; where samples are columns, x.T. With a
                   cross-entropy the target may be the number of the class, from 0
    activations    one a layer, by their names in a scenario: "sigmoid", "relu", "softmax" …
    loss           as in a scenario: "mean squared error", "cross-entropy" …
    reduction      "sum" or "mean" over the samples
    optimizer      its name, or {"kind": "adam", "beta1": 0.8}
    rows           what a row of the weights is: "units" for W·x, "inputs" for x·W. It need not be
                   said where only one of them fits
    raises         UsageError, ScenarioError: one line a problem, with the array's name
    """
    draft = Draft("from_arrays", title, x)
    count = _layers(parameters, activations)
    if rows and rows not in ROWS:
        raise draft.error(f"rows={rows!r}; expected 'units' or 'inputs'")
    width = draft.x.shape[-1] if draft.x.ndim else 1
    for k, activation in enumerate(activations, 1):
        if f"W{k}" not in parameters:
            raise draft.error(f"W{k} is missing; there is one of {count} activations for it")
        weights = array(draft.who, f"W{k}", parameters[f"W{k}"])
        own = _rows(draft, weights, width, rows, f"W{k}")
        width = weights.shape[ROWS.index(own)]
        layer = {"weights": draft.given(f"W{k}", weights), "rows": own, "activation": activation}
        if parameters.get(f"b{k}") is not None:
            bias = array(draft.who, f"b{k}", parameters[f"b{k}"]).ravel()
            if len(bias) not in (1, width):
                raise draft.error(f"b{k} has {len(bias)} numbers for the {width} units of W{k}")
            one = len(bias) < width  # for all units
            layer["bias"] = draft.given(f"b{k}", bias.reshape(()) if one else bias)
        draft.layers.append(layer)
    draft.t = _targets(draft, array(draft.who, "target", target), width, loss)
    draft.conventions = {"loss": loss, "reduction": reduction}
    if optimizer != "gradient descent":
        table = {"kind": optimizer} if isinstance(optimizer, str) else optimizer
        draft.optimizer = {key: _plain(value) for key, value in table.items()}
    return draft.scenario(learning_rate)


def _layers(parameters: Any, activations: Any) -> int:
    """How many layers there are; raises UsageError for parameters of others."""
    if not isinstance(parameters, Mapping):
        raise UsageError(
            f"from_arrays: parameters: expected arrays by name, {{'W1': …, 'b1': …}}, found a "
            f"{type(parameters).__name__}"
        )
    if isinstance(activations, str) or not len(activations):
        raise UsageError(f"from_arrays: activations={activations!r}; expected a list, one a layer")
    count = len(activations)
    wanted = [f"{letter}{k}" for k in range(1, count + 1) for letter in "Wb"]
    for name in parameters:
        if name not in wanted:
            number = f"there are {count} activations" if count > 1 else "there is one activation"
            close = nearest(str(name), [n for n in wanted if n not in parameters])
            raise UsageError(f"from_arrays: no parameter {name!r}{close or f'; {number}'}")
    return count


def _rows(draft: Draft, weights: Array, width: int, stated: str, name: str) -> str:
    """What a row of some weights is: as stated, or what fits the inputs."""
    if weights.ndim != 2:
        raise draft.error(f"{name} is {in_words(weights.shape)}; expected a matrix")
    fits = [r for r, inputs in zip(ROWS, weights.shape[::-1], strict=True) if inputs == width]
    if stated in fits or (len(fits) == 1 and not stated):
        return stated or fits[0]
    if fits and not stated:
        raise draft.error(f"{name} is square; say rows='units' for W·x, or rows='inputs' for x·W")
    has = f"with rows of {stated} " if stated and weights.shape[0] != weights.shape[1] else ""
    wrong = f"{name} is {in_words(weights.shape)}, which {has}does not fit {width} inputs"
    turned = not draft.layers and draft.x.ndim == 2 and len(draft.x) in weights.shape
    raise draft.error(f"{wrong}; x is {in_words(draft.x.shape)}" + "; pass x.T?" * turned)


def _targets(draft: Draft, t: Array, outputs: int, loss: str) -> Array:
    """The targets as the outputs are, in a row a sample."""
    before = draft.x.shape[:-1]
    if loss.removeprefix("mean ") in _OF_CLASSES and t.shape == before and outputs > 1:
        return one_hot(draft, t, outputs)
    wanted = (*before, outputs)
    if t.size == prod(wanted) and (t.shape[:1] == wanted[:1] or draft.x.ndim == 1):
        return t.reshape(wanted)
    raise draft.error(f"target is {in_words(t.shape)}, the outputs are {in_words(wanted)}")


def one_hot(draft: Draft, classes: Array, count: int) -> Array:
    """Numbers of classes, from 0, as 1 at their place and 0 elsewhere."""
    for number in classes.ravel().tolist():
        if number not in range(count):
            raise draft.error(f"target: no class {number:g}; there are 0 to {count - 1}")
    found: Array = np.eye(count)[classes.astype(int)]
    return found


def _plain(value: Any) -> Any:
    """A number as a scenario has it; what is none as it is."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return number(value) if is_number else value


# ---- arrays ----------------------------------------------------------------------------


def number(value: float) -> Decimal:
    """A float by its shortest decimal."""
    return Decimal(repr(float(value)))


def in_words(shape: Sequence[int]) -> str:
    """`3 × 2`; a number has no shape."""
    return " × ".join(map(str, shape)) or "one number"


def array(who: str, name: str, value: Any) -> Array:
    """Anything array-like as float64, on the processor and without its history.

    raises    UsageError for what holds no numbers, or one that is not finite
    """
    for method in ("detach", "cpu", "double"):
        value = getattr(value, method, lambda value=value: value)()
    try:
        found = np.asarray([] if value is None else value, np.float64)
    except (TypeError, ValueError) as wrong:
        ragged = "inhomogeneous" in str(wrong)
        says = "rows of different lengths" if ragged else f"a {type(value).__name__}"
        raise UsageError(f"{who}: {name}: expected numbers, found {says}") from wrong
    if not np.isfinite(found).all():
        raise UsageError(f"{who}: {name}: holds a number that is not finite")
    if not found.size:
        raise UsageError(f"{who}: {name}: empty")
    return found


class Draft:
    """The table of a scenario while it is filled: givens, samples, layers, conventions."""

    def __init__(self, who: str, title: str, x: Any) -> None:
        self.who, self.title, self.about = who, title, ""
        self.x = array(who, "x", x)
        self.t: Array | None = None
        self.sampled = self.x.ndim > 1  # whether the first axis of x are the samples
        self.givens: Table = {}
        self.layers: list[Table] = []
        self.rules: dict[str, Table] = {"activations": {}, "losses": {}}  # of its own
        self.conventions: Table = {}
        self.optimizer: Table = {}

    def error(self, says: str) -> UsageError:
        """What is wrong, said of the function that was called."""
        return UsageError(f"{self.who}: {says}")

    def given(self, name: str, values: Array) -> str:
        """Add a parameter; returns its name."""
        self.givens[name] = as_given(values)
        return name

    def outputs(self) -> tuple[int, ...]:
        """The shape of what comes out of one sample; raises ScenarioError where that is wrong."""
        return made(self._table(), self.who).walk.shapes[-1].sizes

    def scenario(self, rate: float) -> Scenario:
        """The scenario, which trains for one update."""
        table = self._table() | {"conventions": {"iterations": 1, **self.conventions}}
        table["givens"]["Learning rate"] = {"eta": number(rate)}
        if self.optimizer:
            table["optimizer"] = self.optimizer
        return made(table, self.who)

    def _table(self) -> Table:
        """Title, rules, givens, samples and network; without targets where there are none yet."""
        table: Table = {"title": self.title}
        if self.about:
            table["about"] = self.about
        table |= {key: rules for key, rules in self.rules.items() if rules}
        table["givens"] = {"Parameters": dict(self.givens)}
        arrays = {"x": self._of_sample(self.x)}
        if self.t is not None:
            arrays["t"] = self._of_sample(self.t)
        lists = {name: as_given(values) for name, values in arrays.items()}
        if self._samples > 1:
            table["samples"] = {TRAINING: {"arrays": lists}}
        else:
            table["givens"]["Sample"] = lists
        targets = {} if self.t is None else {"targets": "t"}
        table["network"] = {"inputs": "x", **targets, "layers": self.layers}
        return table

    @property
    def _samples(self) -> int:
        return len(self.x) if self.sampled else 1

    def _of_sample(self, values: Array) -> Array:
        """An array with its samples; one alone without that axis, and a number as a list of one."""
        if self._samples > 1:
            return values if values.ndim > 1 else values[:, None]
        return np.atleast_1d(values[0] if self.sampled else values)
