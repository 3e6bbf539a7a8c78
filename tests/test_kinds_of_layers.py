"""Every kind of layer against PyTorch, in float64, on shapes drawn at random."""

from __future__ import annotations

import random
from typing import Literal

import numpy as np
import pytest
from peer_layers import NETWORKS, PEERS, alone, network
from peer_models import Torch

from tracer import evaluate, run, scenario
from tracer.errors import ScenarioError
from tracer.fields import Positive
from tracer.layers.base import Layer
from tracer.layers.kinds import KINDS
from tracer.layers.shapes import spread
from tracer.pages import page
from tracer.rules import rule

pytest.importorskip("torch", reason="PyTorch is not installed: the layers had no peer")

UPDATES = 3
CLOSE = 1e-9


def read(text):
    return scenario.read(text, "layers.toml", "layers")


def close(ours, theirs, scale=0.0):
    """Alike to nine digits; of what cancels out, as a key's bias does, nothing is left."""
    return abs(ours - theirs) <= CLOSE * max(abs(theirs), 1e-3 * max(scale, 1.0))


def compare(model):
    """Every number of every pass: forward, gradients, parameters."""
    text = model.text()
    t = run.trace(read(text), iterations=UPDATES)
    other = Torch(model)
    for iteration in range(UPDATES + 1):
        now = t.at(iteration)
        for name, value in other.parameters().items():
            assert close(now[name], value), (iteration, name, now[name], value, text)
        error, gradients = other.run(iteration)
        for name, values in other.seen.items():
            for k, (ours, theirs) in enumerate(np.broadcast(now.column(name), values.numpy())):
                assert close(ours, theirs), (iteration, name, k, ours, theirs, text)
        assert close(now["E"], error), (iteration, now["E"], error, text)
        scale = max(map(abs, gradients.values()))
        for name, theirs in gradients.items():
            if f"dE/d{name}" not in now:  # nothing reads it
                assert theirs == 0, (name, text)
                continue
            assert close(now[f"dE/d{name}"], theirs, scale), (
                iteration, name, now[f"dE/d{name}"], theirs, text,
            )  # fmt: skip
        other.descend()
    return t


def feedings(seed, together):
    """One sample, a batch, or batches of two; some layers need several samples."""
    return [(4, 0), (4, 2)][seed % 2] if together else [(0, 0), (3, 0), (4, 2), (2, 1)][seed % 4]


SEEDS = [range(k, k + 5) for k in range(0, 15, 5)]
BATCHED = ("batch norm", "regular", "normalised image")  # whose samples belong together


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_peer(kind):
    assert kind in PEERS, f"{kind}: against nothing; compared are {', '.join(PEERS)}"


@pytest.mark.parametrize("seeds", SEEDS, ids=lambda seeds: f"from {seeds[0]}")
@pytest.mark.parametrize("kind", PEERS)
def test_a_layer_is_that_of_pytorch(kind, seeds):
    for seed in seeds:
        compare(alone(kind, seed, *feedings(seed, kind in BATCHED)))


@pytest.mark.parametrize("seeds", SEEDS[:2], ids=lambda seeds: f"from {seeds[0]}")
@pytest.mark.parametrize("kind", NETWORKS)
def test_layers_on_each_other_are_those_of_pytorch(kind, seeds):
    for seed in seeds:
        compare(network(kind, seed, *feedings(seed, kind in BATCHED)))


# ---- slopes ------------------------------------------------------------------------------

STEP = 1e-3  # the five-point rule is off by the step to the fourth
PLACES, WEIGHTS = np.array([-2, -1, 1, 2]), np.array([1, -8, 8, -1]) / 12


def slope(made, cell, step):
    """The slope of the error, by the error alone at four places."""
    beside = float(made.givens[cell]) + step * PLACES
    givens = {**made.givens, cell: beside[:, None]}
    root = made.program.root
    return WEIGHTS @ evaluate.run(made.program, givens, [0], only=[root]).of(root)[0, :, 0] / step


@pytest.mark.parametrize("kind", PEERS)
def test_gradients_are_the_slopes_of_the_error(kind):
    compared = 0
    for seed in range(3):
        s = read(alone(kind, seed, *feedings(seed, kind in BATCHED)).text())
        made, t = run.built(s), run.trace(s, iterations=0)
        gradients = {cell: t.values[g] for cell, g in made.program.gradients.items()}
        scale = max(map(abs, gradients.values()))
        for cell in random.Random(seed).sample(sorted(gradients), min(len(gradients), 12)):
            gradient = gradients[cell]
            wide, narrow = (slope(made, cell, step) for step in (STEP, STEP / 2))
            if abs(wide - narrow) <= 1e-8 * scale:  # no kink between the places
                assert abs(narrow - gradient) <= 1e-8 * scale, (seed, t.names[cell])
                compared += 1
    assert compared > 5


# ---- kinds from outside ------------------------------------------------------------------


class Doubled(Layer):
    """Every number times a whole number."""

    kind: Literal["doubled"] = "doubled"
    times: Positive = 2

    def shape(self, s, before):
        yield from ()
        return before[-1]

    def steps(self, s, before, found, place):
        return {"out": spread(f"d{place.mark}", found)}

    def emit(self, on, x):
        return on.emit(rule("multiple", f"y = {self.times}*x"), on.names["out"], x=x)


OUTSIDE = """
title = "outside"
[givens.all]
eta = 0.1
x = [0.5, -1]
W = [[1, 2], [3, 4]]
t = [0, 1]
[network]
inputs = "x"
targets = "t"
[[network.layers]]
weights = "W"
activation = "identity"
[[network.layers]]
kind = "doubled"
times = 3
"""


def test_a_kind_from_outside_is_a_layer_like_any_other(monkeypatch):
    monkeypatch.setitem(KINDS, "doubled", Doubled)
    t = run.trace(read(OUTSIDE))
    assert (t["d[1]"], t["d[2]"]) == (-4.5, -7.5)
    assert t["dE/dW[2,1]"] == (-7.5 - 1) * 3 * 0.5


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("times = 3", "time = 3", "time: unknown key; did you mean 'times'?"),
        ("times = 3", "times = 0", "times: expected 1 or more, found 0"),
    ],
)
def test_a_mistake_in_a_layer_from_outside_has_its_key(monkeypatch, old, new, problem):
    monkeypatch.setitem(KINDS, "doubled", Doubled)
    with pytest.raises(ScenarioError) as wrong:
        read(OUTSIDE.replace(old, new))
    assert str(wrong.value) == f"layers.toml: network.layers[1].{problem}"


# ---- updated one after the other -------------------------------------------------------

LOOKED_UP = """
title = "Look-up"
conventions.update = "sequential"
[givens.All]
W = [[0.1, 0.3], [0.2, -0.4], [0.5, 0.1]]
V = [[0.1, 0.3]]
k = [1]
t = [0.4]
eta = 0.1
[network]
inputs = "k"
targets = "t"
[[network.layers]]
kind = "embedding"
table = "W"
[[network.layers]]
weights = "V"
rows = "units"
activation = "identity"
"""


def test_a_table_is_updated_after_the_layer_that_reads_it():
    """The gradient of V is made with the row as it was, that of the row with the new V."""
    t = run.trace(read(LOOKED_UP))
    V, row, error = np.array([0.1, 0.3]), np.array([0.1, 0.3]), 0.1 * 0.1 + 0.3 * 0.3 - 0.4
    new = V - 0.1 * error * row
    assert [t["V[1,1]+"], t["V[1,2]+"]] == pytest.approx(new, rel=1e-14)
    assert [t["W[1,1]+"], t["W[1,2]+"]] == pytest.approx(row - 0.1 * error * new, rel=1e-14)


# ---- what a page says of them ----------------------------------------------------------

WINDOWS = {
    name: f"{name} = {{ first = -0.5, last = 1, shape = {shape} }}"
    for name, shape in {
        "X": [5, 5], "XX": [2, 5, 5], "K": [3, 3], "M": [4, 3, 3], "N": [2, 3, 3],
        "KK": [4, 2, 3, 3],
    }.items()
} | {"L": "L = [1, 3]"}  # fmt: skip


@pytest.mark.parametrize(
    ("inputs", "layer", "says"),
    [
        ("X", 'kind = "convolution"\nkernel = "K"', []),
        ("X", 'kind = "convolution"\nkernel = "M"\nstride = [1, 2]',
         ["Convolution: the window moves by 1 down and 2 across; "
          "the indices of a weight are filter, row and column."]),
        ("XX", 'kind = "convolution"\nkernel = "N"\npadding = 1',
         ["Convolution: around the inputs stands a border of zeros, 1 wide; products with them are "
          "left out; the indices of a weight are channel, row and column."]),
        ("XX", 'kind = "convolution"\nkernel = "KK"\npadding = [1, 2]\ntitle = "first filters"',
         ["First filters: around the inputs stands a border of zeros, 1 high and 2 wide; products "
          "with them are left out; the indices of a weight are filter, channel, row and column."]),
        ("X", 'kind = "pooling"\nsize = 2', []),
        ("X", 'kind = "pooling"\nsize = 3\nstride = 2\npadding = 1\nof = "average"',
         ["Average pooling: the window moves by 2; around the inputs stands a border, 1 wide; "
          "it is in no average."]),
        ("L", 'kind = "embedding"\ntable = "K"',
         ["Embedding: an input stands for the row of K with its number."]),
        ("K", 'kind = "attention"', []),
        ("K", 'kind = "attention"\nheads = 3\nmask = "causal"',
         ["Attention: a row asks only itself and those before it; queries, keys and values are "
          "split among 3 heads; the indices of a score are the head, the row that asks and the row "
          "that is asked."]),
    ],
)  # fmt: skip
def test_a_page_tells_what_the_formulas_of_a_layer_do_not_show(inputs, layer, says):
    used = "\n".join(of for n, of in WINDOWS.items() if n == inputs or f'"{n}"' in layer)
    text = f"""
title = "Windows"
[givens.All]
{used}
[network]
inputs = "{inputs}"
[[network.layers]]
{layer}
"""
    t = run.trace(read(text))
    assert says == [*t.scenario.walk.told(t.scenario)]
    assert all(f"- {sentence}\n" in page(t, "md") for sentence in says)
