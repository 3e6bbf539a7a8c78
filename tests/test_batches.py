"""Batches: samples one by one, in parts or all at once, against PyTorch, autograd, plain loops.

Every engine gives the same bits: floats, columns, blocks; a sample of a batch those it has alone.
"""

from __future__ import annotations

import math
import random
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from test_evaluate import blocks, same
from test_networks import ENGINES, RATE, Network

from tracer import evaluate, run, scenario
from tracer.errors import LookupFailed, NotFinite, TooLarge
from tracer.labels import name as name_of
from tracer.program import Phase
from tracer.straight import FEW, Columns, Scalars
from tracer.values import Fed, allocated

SAMPLES = 6
FEEDINGS = {"online": 1, "mini-batch": 2, "full batch": SAMPLES}


def read(text):
    return scenario.read(text, "batch.toml", "batch")


def order_of(seed):
    """An epoch of half of the networks is shuffled."""
    return random.Random(seed).sample(range(SAMPLES), SAMPLES) if seed % 2 else list(range(SAMPLES))


def network_of(seed, size, reduction):
    """A random network and the scenario that trains it with batches of `size` for an epoch."""
    network = Network(seed, SAMPLES)
    order = order_of(seed)
    text = network.stated(f"batch_size = {size}", f'reduction = "{reduction}"', f"order = {order}")
    return network, read(text), order


def batch_of(network, order, size, iteration):
    """The columns of the samples that an iteration is fed."""
    start = iteration * size % len(order)
    chosen = order[start : start + size]
    return {name: [column[k] for k in chosen] for name, column in network.columns.items()}


def before_it_runs_away(s):
    """The passes of three updates, or of fewer where layers without bounds overflow."""
    for updates in (3, 2, 1):
        try:
            return run.trace(s, iterations=updates)
        except NotFinite:
            continue
    return run.trace(s, iterations=0)


def singly(network, samples):
    """The values of the network by name with one sample, for several; one program runs all.

    A sample is what stands in for some of the network's numbers.
    """
    made = run.built(read(network.alone(0).text))
    index = made.program.index
    for numbers in samples:
        own = {index[name]: value for name, value in numbers.items()}
        values = evaluate.run(made.program, {**made.givens, **own}, [0]).at(0, 0)
        yield {name: values[cell] for name, cell in index.items()}


def samples_of(network):
    """Every sample of a network as numbers by name."""
    return [{n: c[k] for n, c in network.columns.items()} for k in range(network.samples)]


# ---- other engines ---------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("feeding", FEEDINGS)
@pytest.mark.parametrize("seeds", [range(k, 200, 4) for k in range(4)], ids=str)
def test_a_random_network_learns_from_its_samples_as_another_engine(
    seeds, feeding, reduction, engine
):
    """Each network of 200 in one of the six ways with either engine, another one; three updates."""
    pytest.importorskip(engine, reason=f"{engine} is not installed: a second engine did not run")
    size = FEEDINGS[feeding]
    ways = [(f, r) for f in FEEDINGS for r in ("sum", "mean")]
    number = ways.index((feeding, reduction)) + (3 if engine == "torch" else 0)
    for seed in (s for s in seeds if s // 4 % 6 == number % 6):
        network, s, order = network_of(seed, size, reduction)
        t = before_it_runs_away(s)
        for k in t.recorded:
            at = t.at(k)
            numbers = {n: at[n] for n in network.parameters}
            fed = batch_of(network, order, size, k)
            error, gradients = ENGINES[engine](network, {**numbers, **fed}, reduction)
            assert error == pytest.approx(at["E"], rel=1e-12, abs=1e-15), seed
            scale = max([1e-3, *map(abs, gradients.values())])
            for name, gradient in gradients.items():
                assert abs(gradient - at[f"dE/d{name}"]) <= 1e-9 * scale, (seed, k, name)
                updated = numbers[name] - RATE * gradient
                room = 1e-9 * max(scale, abs(updated))
                assert abs(updated - at[f"{name}+"]) <= room, (seed, k, name)
                assert k == t.recorded[-1] or at[f"{name}+"] == t.at(k + 1)[name]


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("seed", range(0, 200, 10))
def test_every_sample_has_the_gradients_of_a_network_of_its_own(seed, reduction):
    pytest.importorskip("torch", reason="PyTorch is not installed: a second engine did not run")
    network, s, order = network_of(seed, SAMPLES, reduction)
    t = run.trace(s, iterations=0)
    for k, sample in enumerate(order):
        error, gradients = ENGINES["torch"](network.alone(sample))
        assert error == pytest.approx(t.at(sample=k)["E_n"], rel=1e-12, abs=1e-15)
        scale = max([1e-3, *map(abs, gradients.values())])
        for name, gradient in gradients.items():
            assert abs(gradient - t.at(sample=k)[f"dE_n/d{name}"]) <= 1e-9 * scale, (seed, name)


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_the_gradient_of_a_batch_is_that_of_its_samples_added_up(seed):
    for reduction, share in (("sum", 1.0), ("mean", 1 / SAMPLES)):
        network, s, _ = network_of(seed, SAMPLES, reduction)
        t = run.trace(s, iterations=0)
        assert math.fsum(t.column("E_n")) * share == pytest.approx(t["E"], rel=1e-14)
        for name in network.parameters:
            parts = t.column(f"dE_n/d{name}")
            parts = np.broadcast_to(parts, SAMPLES)  # it may be the same for all of them
            scale = np.abs(parts).max()
            assert math.fsum(parts) * share == pytest.approx(t[f"dE/d{name}"], abs=1e-14 * scale)


# ---- one sample, all samples, any order ------------------------------------------------


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_a_batch_of_one_is_the_network_of_that_sample(seed):
    """Fed row by row, with the parameters of the pass: every value, to the last bit."""
    network, s, order = network_of(seed, 1, "sum")
    t = before_it_runs_away(s)
    for k in t.recorded:
        fed = {name: column[order[k]] for name, column in network.columns.items()}
        (alone,) = singly(network, [{**fed, **{n: t.at(k)[n] for n in network.parameters}}])
        assert alone == {n: t.at(k)[n] for n in alone}


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_a_training_set_of_one_is_the_network_of_that_sample(seed):
    network = Network(seed, 1)
    t = run.trace(read(network.text), iterations=2)
    alone = run.trace(read(network.alone(0).text), iterations=2)
    assert sorted(t.names) == sorted(alone.names)
    for name in t.names:
        assert t.series(name).tolist() == alone.series(name).tolist()


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_a_mini_batch_of_all_samples_is_the_full_batch(seed, reduction):
    network = Network(seed, SAMPLES)
    whole = network.stated(f'reduction = "{reduction}"')
    parts = network.stated(f'reduction = "{reduction}"', f"batch_size = {SAMPLES}")
    one, other = (run.trace(read(text), iterations=2) for text in (whole, parts))
    assert one.names == other.names
    assert same(one.data, other.data)


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_the_order_within_a_batch_changes_no_more_than_last_bits(seed):
    network = Network(seed, SAMPLES)
    backwards = list(range(SAMPLES))[::-1]
    one = run.trace(read(network.text), iterations=1)
    other = run.trace(read(network.stated(f"order = {backwards}")), iterations=1)
    assert one["E"] == pytest.approx(other["E"], rel=1e-12)
    gradients = [f"dE/d{n}" for n in network.parameters]
    for k in (0, 1):
        scale = max(abs(one.at(k)[n]) for n in gradients) + 1e-300
        for name in gradients:
            assert abs(one.at(k)[name] - other.at(k)[name]) <= 1e-12 * scale
    for name in network.columns:
        assert one.column(name).tolist() == other.column(name)[::-1].tolist()


# A 2-2-1 network with sigmoids, as the loops below know it.
ROWS = [(0.3, -0.5, 1.0), (0.9, 0.2, 0.0), (-0.4, 0.8, 1.0), (0.1, 0.6, 0.0)]
START = (0.11, 0.27, -0.19, 0.52, 0.44, -0.48)
SMALL = f"""
title = "small"
[conventions]
CONVENTIONS
[samples.training]
columns = ["x1", "x2", "t"]
rows = {[list(row) for row in ROWS]}
[givens.all]
w1 = 0.11
w2 = 0.27
w3 = -0.19
w4 = 0.52
w5 = 0.44
w6 = -0.48
eta = 0.7
[network]
inputs = ["x1", "x2"]
targets = ["t"]
[[network.layers]]
weights = [["w1", "w2"], ["w3", "w4"]]
activation = "sigmoid"
[[network.layers]]
weights = [["w5", "w6"]]
activation = "sigmoid"
"""


def small(*conventions):
    return read(SMALL.replace("CONVENTIONS", "\n".join(conventions)))


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def slopes(w, row):
    """The error of one sample and its gradient by every weight, as a person programs it."""
    x1, x2, t = row
    h = [sigmoid(w[0] * x1 + w[1] * x2), sigmoid(w[2] * x1 + w[3] * x2)]
    o = sigmoid(w[4] * h[0] + w[5] * h[1])
    d = (o - t) * o * (1 - o)
    e = [d * w[4 + j] * h[j] * (1 - h[j]) for j in (0, 1)]
    return 0.5 * (t - o) ** 2, [e[0] * x1, e[0] * x2, e[1] * x1, e[1] * x2, d * h[0], d * h[1]]


def loop(order, size, updates, share=1.0):
    """(error, weights) of every pass."""
    w, found = list(START), []
    for k in range(updates + 1):
        start = k * size % len(order)
        each = [slopes(w, ROWS[s]) for s in order[start : start + size]]
        found.append((share * sum(e for e, _ in each), tuple(w)))
        total = [share * sum(g[i] for _, g in each) for i in range(6)]
        w = [v - 0.7 * g for v, g in zip(w, total, strict=True)]
    return found


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2], [2, 2, 0, 1]])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_samples_are_fed_as_a_plain_loop_feeds_them(order, size, reduction):
    s = small(f"order = {order}", f"batch_size = {size}", f'reduction = "{reduction}"')
    t = run.trace(s, iterations=30)
    share = 1 / size if reduction == "mean" else 1.0
    for k, (error, weights) in enumerate(loop(order, size, 30, share)):
        assert error == pytest.approx(t.at(k)["E"], rel=1e-11)
        assert weights == pytest.approx([t.at(k)[f"w{i}"] for i in range(1, 7)], rel=1e-11)


def test_online_the_order_matters():
    """Not by last bits: by as much as the plain loops differ."""
    (_, one), (_, other) = (loop(order, 1, 4)[-1] for order in ([0, 1, 2, 3], [3, 1, 0, 2]))
    assert 1e-3 < max(abs(a - b) for a, b in zip(one, other, strict=True))
    traces = [run.trace(small("batch_size = 1", f"order = {order}"), iterations=4, record="last")
              for order in ([0, 1, 2, 3], [3, 1, 0, 2])]  # fmt: skip
    for i in range(6):
        found = [t[f"w{i + 1}"] for t in traces]
        assert (one[i] - other[i]) == pytest.approx(found[0] - found[1], rel=1e-9)


@pytest.mark.parametrize(
    ("expected", "conventions"),
    [
        (12, ("epochs = 3", "batch_size = 1")),
        (6, ("epochs = 3", "batch_size = 2")),
        (3, ("epochs = 3",)),
        (9, ("epochs = 3", "batch_size = 1", "order = [0, 1, 3]")),
        (7, ("iterations = 7", "batch_size = 1")),
        (0, ("epochs = 0", "batch_size = 1")),
    ],
)
def test_an_epoch_is_as_many_updates_as_it_has_batches(expected, conventions):
    t = run.trace(small(*conventions))
    assert expected == t.recorded[-1] == small(*conventions).iterations


# ---- engines of ours -------------------------------------------------------------------


def values_of(engine, s, passes):
    made = run.built(s)
    rows = allocated(made.program, passes, 1, None)
    made_for = engine(made.program, made.givens, rows)
    made_for.keep(made_for.start, 0, passes, rows, 0)
    return rows


@pytest.mark.parametrize("size", [1, 2, 3, 6, 9, 18])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("seed", range(100, 112))
def test_floats_columns_and_blocks_are_bit_identical(seed, reduction, size):
    text = Network(seed, 18).stated(f"batch_size = {size}", f'reduction = "{reduction}"')
    scalars = values_of(Scalars, read(text), 3)
    if not scalars.finite:
        return
    assert same(scalars, values_of(Columns, read(text), 3))
    assert same(scalars, values_of(blocks, read(text), 3))


@pytest.mark.parametrize("samples", [2, 3, 7, FEW, FEW + 1, 40])
@pytest.mark.parametrize("seed", range(200, 210))
def test_a_sample_of_a_batch_has_the_bits_it_has_alone(seed, samples):
    """Every step of the forward pass, and of the backward pass up to the sample's gradients."""
    network = Network(seed, samples)
    t = run.trace(read(network.text), iterations=0)
    each = [step for step in t.program.steps() if step.per_sample]
    assert {"given", "error"} <= {step.phase.value for step in each}
    alone = list(singly(network, samples_of(network)))
    for step in each:
        name = step.name.replace("E_n", "E")
        assert [values[name] for values in alone] == t.column(step.index).tolist(), step.name


@pytest.mark.parametrize("seed", range(200, 206))
def test_many_samples_differ_from_single_ones_by_last_bits_only(seed):
    """From 65 samples on columns use numpy's own functions."""
    network = Network(seed, 70)
    t = run.trace(read(network.text), iterations=0)
    alone = list(singly(network, samples_of(network)))
    for step in t.program.steps(Phase.FORWARD, Phase.ERROR):
        if step.per_sample:
            column = np.array([values[step.name.replace("E_n", "E")] for values in alone])
            room = 32 * np.finfo(float).eps * max(1.0, np.abs(column).max())
            assert np.abs(t.column(step.index) - column).max() <= room, step.name


@pytest.mark.parametrize("size", [1, 3, 9, 18])
@pytest.mark.parametrize("seed", range(300, 310))
def test_a_program_too_long_to_compile_gives_the_same_batches(seed, size, monkeypatch):
    text = Network(seed, 18).stated(f"batch_size = {size}")
    try:
        expected = run.trace(read(text), iterations=4).data
    except NotFinite:
        return
    monkeypatch.setattr(evaluate, "MAX_LINES", 0)
    assert same(expected, run.trace(read(text), iterations=4).data)
    last = run.trace(read(text), iterations=4, record="last").data
    assert same(expected.rows(4, 1), last)


@pytest.mark.parametrize("limit", [0, 5_000])
@pytest.mark.parametrize("variants", [2, FEW + 1])
@pytest.mark.parametrize("size", [1, 2, 3, 18])
def test_variants_of_a_batch_are_as_many_runs(size, variants, limit, monkeypatch):
    monkeypatch.setattr(evaluate, "MAX_LINES", limit)
    made = run.built(read(Network(305, 18).stated(f"batch_size = {size}")))
    chance = np.random.default_rng(2)
    changes = {c: chance.normal(0, 0.1, variants) for c in made.program.carry}
    givens = {c: (float(made.givens[c]) + d)[:, None] for c, d in changes.items()}
    together = evaluate.run(made.program, {**made.givens, **givens}, range(4))
    assert variants == together.variants
    for v in range(variants):
        own = {c: float(column[v, 0]) for c, column in givens.items()}
        assert same(
            evaluate.run(made.program, {**made.givens, **own}, range(4)), together.variant(v)
        )


def test_what_is_fed_starts_again_after_the_last_row():
    made = run.built(small("batch_size = 1"))
    x1 = made.program.index["x1"]
    assert isinstance(made.givens[x1], Fed)
    found = evaluate.run(made.program, made.givens, range(10), only=[x1])
    assert [row[0] for row in (ROWS * 3)[:10]] == found.of(x1)[:, 0, 0].tolist()
    skipped = evaluate.run(made.program, made.givens, [3, 8, 9], only=[x1])
    assert [ROWS[3][0], ROWS[0][0], ROWS[1][0]] == skipped.of(x1)[:, 0, 0].tolist()


# ---- what runs over all samples --------------------------------------------------------

REDUCED = """
title = "over"
[samples.training]
columns = ["x"]
rows = {rows}
[givens.all]
w = 3
[formulas]
sum_x = "total(x)"
mean_x = "average(x)"
most = "largest(x)"
least = "-largest(-x)"
spread = "sqrt(average((x - mean_x)^2))"
shared = "total(w)"
share = "w/total(w)"
both = "w*average(x) - largest(w)"
f = "w*x/most"
"""


@pytest.mark.parametrize("engine", [Scalars, Columns, blocks])
@pytest.mark.parametrize("samples", [1, 2, 5, 30, 100])
def test_totals_averages_and_maxima_are_what_numpy_finds(samples, engine):
    """Also of what all samples share: it counts once for each."""
    x = np.random.default_rng(samples).normal(2, 1, samples).round(3)
    s = read(REDUCED.format(rows=[[float(v)] for v in x]))
    values, program = values_of(engine, s, 1), run.built(s).program
    expected = {
        "sum_x": x.sum(), "mean_x": x.mean(), "most": x.max(), "least": x.min(),
        "spread": x.std(), "shared": 3.0 * samples, "share": 1 / samples,
        "both": 3 * x.mean() - 3,
    }  # fmt: skip
    for name, value in expected.items():
        assert value == pytest.approx(values.of(program.index[name])[0, 0, 0], rel=1e-13, abs=1e-15)
    of_sample = values.of(program.index["f_n" if samples > 1 else "f"])[0, 0]
    assert 3 * x / x.max() == pytest.approx(of_sample, rel=1e-15)


def test_a_gradient_that_is_the_same_for_all_samples_counts_once_for_each():
    """f = w² + x: df_n/dw = 2w for every sample, so that the batch has n·2w, or their mean 2w."""
    text = """
title = "same"
[conventions]
reduction = "{reduction}"
[samples.training]
columns = ["x"]
rows = [[1], [2], [4]]
[givens.all]
w = 3
eta = 0.5
[formulas]
f = "w^2 + x"
"""
    total, mean = (run.trace(read(text.format(reduction=r))) for r in ("sum", "mean"))
    assert (34.0, 18.0) == (total["f"], total["df/dw"])
    assert (34 / 3, 6.0) == (mean["f"], mean["df/dw"])
    assert (6.0, 6.0) == (total["df_n/dw"], mean["df_n/dw"])
    assert (-6.0, 0.0) == (total["w+"], mean["w+"])


# ---- rounded by hand -------------------------------------------------------------------


def by_hand(order, size, places, updates, mean):
    """E and the weights of a line y = w·x + b, each step rounded: a computation of its own."""
    d = Decimal

    def keep(v):
        return v.quantize(d(1).scaleb(-places), rounding=ROUND_HALF_UP)

    rows = [(d("0.35"), d("0.7")), (d("1.25"), d("0.1")), (d("-0.5"), d("0.9")), (d("0.8"), d("1"))]
    w, b, eta = d("0.3"), d("-0.2"), d("0.45")
    for k in range(updates + 1):
        start = k * size % len(order)
        batch = [rows[i] for i in order[start : start + size]]
        z = [keep(w * x + b) for x, _ in batch]
        y = [keep(1 / (1 + (-v).exp())) for v in z]
        e = [keep((t - o) ** 2 / 2) for (_, t), o in zip(batch, y, strict=True)]
        de = [keep(-(t - o)) for (_, t), o in zip(batch, y, strict=True)]
        do = [keep(o * (1 - o)) for o in y]
        gw = [keep(a * s * x) for a, s, (x, _) in zip(de, do, batch, strict=True)]
        gb = [keep(a * s) for a, s in zip(de, do, strict=True)]
        n = len(batch) if mean else 1
        before = (keep(sum(e) / n), w, b)
        w, b = keep(w - eta * keep(sum(gw) / n)), keep(b - eta * keep(sum(gb) / n))
    return before


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("places", [2, 5])
@pytest.mark.parametrize("updates", [0, 1, 7])
def test_rounding_every_step_of_every_sample_is_what_a_person_gets(updates, places, mean, size):
    order = [2, 0, 1, 3]
    s = read(f"""
title = "line"
[conventions]
rounding = {{ decimals = {places} }}
batch_size = {size}
reduction = "{"mean" if mean else "sum"}"
order = {order}
[samples.training]
columns = ["x", "t"]
rows = [[0.35, 0.7], [1.25, 0.1], [-0.5, 0.9], [0.8, 1]]
[givens.all]
w = 0.3
b = -0.2
eta = 0.45
[network]
inputs = ["x"]
targets = ["t"]
[[network.layers]]
weights = [["w"]]
bias = "b"
activation = "sigmoid"
""")
    t = run.trace(s, iterations=updates, record="last")
    expected = by_hand(order, size, places, updates, mean)
    assert tuple(map(float, expected)) == (t["E"], t["w"], t["b"])


# ---- what is recorded ------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 18])
@pytest.mark.parametrize("limit", [0, 5_000])
def test_some_steps_have_the_values_they_have_among_all(size, limit, monkeypatch):
    monkeypatch.setattr(evaluate, "MAX_LINES", limit)
    network = Network(12, 18)
    s = read(network.stated(f"batch_size = {size}"))
    every = run.trace(s, iterations=5)
    weight = network.parameters[0]
    names = ["E", f"dE/d{weight}", *network.columns, *(["E_n"] if size > 1 else [])]
    some = run.trace(s, iterations=5, only=names)
    for name in names:
        cell = every.cell(name)
        assert every.data.of(cell).tolist() == some.data.of(cell).tolist()
    assert some.at(3)["E"] == every.at(3)["E"]
    kept = {some.cell(name) for name in names}
    for cell, name in enumerate(some.names):
        assert (cell in kept) == (cell in some.data)
        if cell not in kept:
            with pytest.raises(LookupFailed, match="was not recorded; record it with only="):
                some[name]


def test_records_of_some_steps_are_theirs_alone():
    t = run.trace(small("iterations = 2"), only=["E", "E_n", "w5"])
    assert {"E", "E_n", "w5"} == {r.name for r in t.records()}
    assert 3 * (1 + 4 + 1) == len(list(t.records()))


@pytest.mark.parametrize("engine", [Scalars, Columns])
@pytest.mark.parametrize("size", [1, 4])
def test_what_is_not_needed_is_not_computed(engine, size):
    made = run.built(small(f"batch_size = {size}"))
    program = made.program
    error = program.root
    values = allocated(program, 1, 1, [error])
    text = engine(program, made.givens, values).source(everything=True)
    lines = {line.strip().partition(" = ")[0] for line in text.splitlines()}
    computed = {cell for cell in range(len(program)) if {f"v{cell}", f"v{cell}_0"} & lines}
    needed = program.cone([error, *program.carry.values()])
    assert needed - {s.index for s in program.steps(Phase.GIVEN)} <= computed <= needed
    least = allocated(program, 1, 1, [program.index["net_h1"]])
    assert len(engine(program, made.givens, least).source(everything=True)) < len(text)


def test_ten_thousand_passes_of_ten_thousand_samples_are_refused_with_their_size():
    text = SMALL.replace("CONVENTIONS", "iterations = 10_000").replace(
        str([list(row) for row in ROWS]), str([list(row) for row in ROWS * 2500])
    )
    with pytest.raises(TooLarge) as refused:
        run.trace(read(text))
    program = run.built(read(text)).program
    each = sum(len(b) for b in program.blocks if b.per_sample)
    size = 10_001 * ((len(program) - each) + each * 10_000) * 8 / 2**30
    assert (
        f"recording 10,001 passes × 10,000 samples × {len(program)} steps takes {size:,.1f} GiB; "
        "record fewer passes (record='last' or every k-th) or fewer steps (only=[…])"
    ) == str(refused.value)
    some = run.trace(read(text), iterations=20, record="last", only=["E"])
    assert math.isfinite(some["E"])


def test_a_step_without_a_value_in_one_sample_is_named():
    s = read(SMALL.replace("CONVENTIONS", "") + '[formulas]\nq = "1/(x1 + 0.4)"\n')
    with pytest.raises(NotFinite, match=r"^batch\.toml: q at iteration 0: division by zero in "):
        run.trace(s)


def test_every_step_of_a_batch_has_a_name_of_its_own():
    for seed in range(0, 60, 3):
        program = run.built(read(Network(seed, 4).text)).program
        names = [name_of(program.label(cell)) for cell in range(len(program))]
        assert len(set(names)) == len(names)
        assert not set(names) & set(program.aliases)


# ---- another sample set ----------------------------------------------------------------

HELD_OUT = """
title = "Held out"
conventions = {{ loss = "squared error", reduction = "{reduction}", batch_size = {size} }}
[samples.training]
columns = ["x1", "x2", "t"]
rows = [[1, 1, 1], [1, -1, 0], [-1, 1, 0], [-1, -1, 0]]
[samples.test]
columns = ["x1", "x2", "t"]
rows = [[0.5, 1, 1], [1, -0.5, 1], [-0.2, 1, 0]]
[givens.All]
w = [[0.1, -0.2]]
b = 0.05
eta = 0.1
[network]
inputs = ["x1", "x2"]
targets = ["t"]
threshold = 0.5
[[network.layers]]
weights = "w"
bias = "b"
activation = "sigmoid"
"""


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("iteration", [0, 6])
def test_another_set_has_its_own_error_and_accuracy(iteration, reduction, size):
    s = read(HELD_OUT.format(reduction=reduction, size=size))
    t = run.trace(s, iterations=6, record=(iteration,)).at(iteration)
    other = run.on(t, "test")
    x, target = np.array([[0.5, 1], [1, -0.5], [-0.2, 1]]), np.array([1, 1, 0])
    out = 1 / (1 + np.exp(-(x @ [t["w[1,1]"], t["w[1,2]"]] + t["b"])))
    told = (target - out) ** 2
    assert other["E"] == pytest.approx(
        told.mean() if reduction == "mean" else told.sum(), rel=1e-14
    )
    assert other["accuracy"] == pytest.approx(((out >= 0.5) == target).mean(), rel=1e-15)
