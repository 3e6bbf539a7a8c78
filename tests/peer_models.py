"""Networks of every kind of layer, drawn at random as TOML; the same in PyTorch.

A layer is drawn by a function that writes its table, and answers how PyTorch computes it. What
PyTorch's own modules do not show, such as gates, is computed beside them and told by name.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import product
from math import prod

import numpy as np

RATE = 0.02
LOSSES = ["half squared error", "squared error", "mean squared error"]
LINKS = ["sigmoid", "tanh", "relu", "identity", "softplus", "silu"]


class Model:
    """A network drawn at random: its TOML, and its numbers as arrays by name.

    With samples the inputs and targets have rows of their own, fed all at once or in batches.
    """

    def __init__(self, seed, samples=0, batch=0):
        self.r, self.samples, self.batch = random.Random(seed), samples, batch
        self.loss, self.sign = self.r.choice(LOSSES), self.r.choice(["t - o", "o - t"])
        self.reduction = self.r.choice(["sum", "mean"])
        self.chain = self.r.choice(["full", "deltas"])
        self.numbers = {}  # givens by name, arrays of any shape
        self.arrays = {}  # samples by name: [sample, …]
        self.trained = []
        self.tables, self.forwards = [], []
        self.axes = []  # of what the last layer gives: (letter, size)
        self.came = []  # the axes of what went into every layer
        self.names = []  # of every layer: its number, the names, and what they are made of

    # ---- numbers and names -----------------------------------------------------------------

    def whole(self, low, high):
        return self.r.randint(low, high)

    def maybe(self, share=0.5):
        return self.r.random() < share

    def drawn(self, sizes):
        values = [round(self.r.uniform(-1.2, 1.2), 4) or 0.1 for _ in range(prod(sizes))]
        return np.array(values).reshape(sizes)

    def new(self, name, *sizes, trained=True):
        """A new given of a shape."""
        self.numbers[name] = self.drawn(sizes)
        self.trained += [name] if trained else []
        return name

    def matrix(self, name, units, inputs, rows):
        return self.new(name, *((units, inputs) if rows == "units" else (inputs, units)))

    @property
    def sizes(self):
        return tuple(size for _, size in self.axes)

    @property
    def number(self):
        """The number of the layer that is being drawn."""
        return len(self.tables) + 1

    def inputs(self, *axes):
        self.axes = list(axes)
        self._measure("x")

    def _measure(self, name):
        """What a sample has of its own, in the shape of the last layer."""
        if self.samples:
            self.arrays[name] = self.drawn((self.samples, *self.sizes))
        else:
            self.new(name, *self.sizes, trained=False)

    def called(self, table, key, usual, axes):
        """The names of a layer's numbers, written in one way or another."""
        way = self.r.choice(["usual", "usual", "name", "pattern", "list"])
        base = f"{''.join('abcdefghij'[int(d)] for d in str(self.number))}{key}"
        if way == "usual" or (way == "list" and prod(s for _, s in axes) > 12):
            return self.usual(usual, axes)
        if way == "name":
            table[key] = base
            return self.noted(by_element(base, axes))
        index = "_".join(f"{{{letter}}}" for letter, _ in axes)
        found = filled(f"{base}_{index}", axes)
        table[key] = f"{base}_{index}" if way == "pattern" else found.ravel().tolist()
        return self.noted(found)

    def noted(self, found, *made_of):
        self.names.append((self.number, found, *made_of))
        return found

    def usual(self, base, axes):
        """The names of a layer's numbers if nothing is said."""
        return self.noted(by_element(base, axes), base, axes)

    def settle(self):
        """Layers of which two would have the same names have their numbers in them."""
        count = Counter(name for _, found, *_ in self.names for name in found.flat)
        alike = {k for k, found, *_ in self.names if any(count[name] > 1 for name in found.flat)}
        for number, found, *made_of in self.names:
            if number in alike and made_of:
                base, axes = made_of
                found[...] = by_element(f"{base}{number}", axes)

    def add(self, table, forward, *axes):
        """A further layer; `forward` is given what it needs and the inputs [sample, …]."""
        self.came.append(self.axes)
        self.tables.append(table)
        self.forwards.append(forward)
        self.axes = list(axes)

    # ---- as TOML -----------------------------------------------------------------------------

    def text(self, *conventions):
        """The whole scenario, whose targets have the shape of the outputs."""
        if "t" not in self.numbers and "t" not in self.arrays:
            self._measure("t")
        arrays = [f"{name} = {value.tolist()}" for name, value in self.arrays.items()]
        return "\n".join([
            'title = "random"', "[conventions]", f'loss = "{self.loss}"', f'sign = "{self.sign}"',
            f'chain = "{self.chain}"', f'reduction = "{self.reduction}"', *conventions,
            *([f"batch_size = {self.batch}"] if self.batch else []),
            "[givens.all]", f"eta = {RATE}",
            *(f"{name} = {value.tolist()}" for name, value in self.numbers.items()),
            *(["[samples.training.arrays]", *arrays] if arrays else []),
            "[network]", 'inputs = "x"', 'targets = "t"',
            *(line for table in self.tables for line in layer(table)),
        ])  # fmt: skip


def layer(table):
    """A layer's table as TOML."""
    yield "[[network.layers]]"
    yield from (f"{key} = {written(value)}" for key, value in table.items())


def written(value):
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {written(v)}' for key, v in value.items())} }}"
    return (
        str(value).replace("'", '"')
        if isinstance(value, list)
        else f'"{value}"'
        if isinstance(value, str)
        else str(value)
    )


def by_element(name, axes):
    """`name[2,3]`; time is always written and is `t=2`, of what there is one of nothing is."""
    found = np.empty([size for _, size in axes], object)
    for index in np.ndindex(*found.shape):
        marks = [
            f"t={k + 1}" if letter == "t" else str(k + 1)
            for k, (letter, size) in zip(index, axes, strict=True)
            if size > 1 or letter == "t"
        ]
        found[index] = f"{name}[{','.join(marks)}]" if marks else name
    return found


def filled(pattern, axes):
    """A pattern like `h_{t}_{j}` with numbers."""
    found = np.empty([size for _, size in axes], object)
    for index in np.ndindex(*found.shape):
        name = pattern
        for (letter, _), k in zip(axes, index, strict=True):
            name = name.replace(f"{{{letter}}}", str(k + 1))
        found[index] = name
    return found


# ---- the same in PyTorch -----------------------------------------------------------------


class Torch:
    """A model's numbers as tensors, what came into each layer, and what was computed by name."""

    def __init__(self, model):
        import torch

        model.settle()
        self.torch, self.model = torch, model
        self.v = {n: torch.tensor(a, dtype=torch.float64) for n, a in model.numbers.items()}
        self.data = {n: torch.tensor(a, dtype=torch.float64) for n, a in model.arrays.items()}
        for name in model.trained:
            self.v[name].requires_grad_()

    def measured(self, name):
        """What the samples of the batch have of their own: [sample, …]."""
        return self.data[name][self.batch] if name in self.data else self.v[name][None]

    def see(self, names, values):
        """Numbers by name: [sample, …], or what all samples share."""
        values = values.detach()
        alone = values.ndim == names.ndim
        flat = values.reshape(1 if alone else len(values), -1)
        self.seen |= dict(zip(names.ravel().tolist(), flat.T, strict=True))

    def run(self, iteration=0):
        """Forward and backward: the error, what was seen, and the gradients by element."""
        model, torch = self.model, self.torch
        size, samples = model.batch or model.samples, max(model.samples, 1)
        self.batch = [k % samples for k in range(iteration * size, (iteration + 1) * size)]
        self.seen, self.came, x = {}, [], self.measured("x")
        for name in model.trained:
            self.v[name].grad = None
        for forward in model.forwards:
            self.came.append(x)
            x = forward(self, x)
        each = (self.measured("t") - x).reshape(len(x), -1) ** 2
        each = each.mean(1) if model.loss == LOSSES[2] else each.sum(1)
        each = each / 2 if model.loss == LOSSES[0] else each
        error = each.mean() if model.reduction == "mean" else each.sum()
        error.backward()
        found = {name: self.v[name].grad for name in model.trained}
        return float(error.detach()), {
            f"{name}{index}": float(g)
            for name, gradient in found.items()
            for index, g in elements(
                torch.zeros(()) if gradient is None else gradient, self.v[name]
            )
        }

    def descend(self):
        with self.torch.no_grad():
            for name in self.model.trained:
                if self.v[name].grad is not None:
                    self.v[name] -= RATE * self.v[name].grad

    def parameters(self):
        return {
            f"{name}{index}": float(value.detach())
            for name in self.model.trained
            for index, value in elements(self.v[name], self.v[name])
        }

    def oriented(self, name, rows):
        """A matrix as [unit, input]."""
        return self.v[name] if rows == "units" else self.v[name].T

    def link(self, activation, z):
        F = self.torch.nn.functional
        if activation == "softmax":
            return F.softmax(z, -1)
        if activation == "identity":
            return z
        return getattr(F, activation, None or getattr(self.torch, activation, None))(z)

    def module(self, kind, parameters, x, *more, **settings):
        """The outputs of one of PyTorch's modules with these parameters."""
        from torch.func import functional_call

        made = getattr(self.torch.nn, kind)(**settings, dtype=self.torch.float64)
        names = dict(made.named_parameters())
        assert names.keys() == parameters.keys(), (names.keys(), parameters.keys())
        return functional_call(made, parameters, (x, *more))


def elements(values, like):
    """(index as it is written, value) of every element."""
    values = values.expand(like.shape)
    for index in product(*map(range, like.shape)):
        yield f"[{','.join(str(k + 1) for k in index)}]" if index else "", values[index]
