"""Evaluation: one program, several engines, the same numbers."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer import evaluate, run, scenario
from tracer.arithmetic import Machine, Precise
from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.optimizers import DESCENT
from tracer.errors import NotFinite, TooLarge, UsageError
from tracer.evaluate import _Blocks
from tracer.labels import Own
from tracer.numbers import Digits
from tracer.program import Draft, Phase
from tracer.rules import rule
from tracer.straight import FEW, Columns, Scalars
from tracer.values import allocated


def two_layers(activation="sigmoid", rate="0.5", more="", inputs=("0.05", "0.10")):
    """Mazur's network (2-2-2), with its numbers."""
    return scenario.read(
        f"""
title = "two layers"
[conventions]
{more}
[givens.all]
i1 = {inputs[0]}
i2 = {inputs[1]}
w1 = 0.15
w2 = 0.20
w3 = 0.25
w4 = 0.30
w5 = 0.40
w6 = 0.45
w7 = 0.50
w8 = 0.55
b1 = 0.35
b2 = 0.60
t1 = 0.01
t2 = 0.99
eta = {rate}
[network]
inputs = ["i1", "i2"]
targets = ["t1", "t2"]
[[network.layers]]
weights = [["w1", "w2"], ["w3", "w4"]]
bias = "b1"
activation = "{activation}"
[[network.layers]]
weights = [["w5", "w6"], ["w7", "w8"]]
bias = "b2"
activation = "{activation}"
""",
        "two.toml",
        "two",
    )


def blocks(program, givens, values):
    return _Blocks(program, givens, values.variants)


def passes_of(engine, made, count):
    rows = allocated(made.program, count, 1, None)
    made_for = engine(made.program, made.givens, rows)
    made_for.keep(made_for.start, 0, count, rows, 0)
    return rows


def same(one, other):
    """Whether two runs kept the same steps, with the same values to the last bit."""
    assert (one.batch_cells, one.each_cells) == (other.batch_cells, other.each_cells)
    return all(
        a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in ((one.batch, other.batch), (one.each, other.each))
    )


# ---- engines ---------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("update", ["simultaneous", "sequential"])
def test_straight_lines_and_columns_are_bit_identical(activation, update):
    made = run.built(two_layers(activation, more=f'update = "{update}"'))
    scalars = passes_of(Scalars, made, 50)
    assert same(scalars, passes_of(Columns, made, 50))
    assert same(scalars, passes_of(blocks, made, 50))


def test_passes_that_are_not_recorded_leave_the_others_bit_identical():
    s = two_layers()
    every = run.trace(s, iterations=1000)
    for recorded in ("last", 7, [0, 3, 4, 5, 999], [1000]):
        some = run.trace(s, iterations=1000, record=recorded)
        for iteration in some.recorded:
            assert np.array_equal(some.at(iteration).values, every.at(iteration).values)


def test_a_program_too_long_to_compile_gives_the_same(monkeypatch):
    s = two_layers()
    expected = run.trace(s, iterations=20).data
    monkeypatch.setattr(evaluate, "MAX_LINES", 10)
    assert same(expected, run.trace(s, iterations=20).data)


def test_many_passes_are_run_in_chunks(monkeypatch):
    s, told = two_layers(), []
    expected = run.trace(s, iterations=50).data
    monkeypatch.setattr(evaluate, "_CHUNK", 7)
    found = run.trace(s, iterations=50, progress=lambda done, of: told.append((done, of)))
    assert same(expected, found.data)
    assert told == sorted(told)
    assert (50, 50) == told[-1]
    last = run.trace(s, iterations=50, record="last")
    assert same(expected.rows(50, 1), last.data)


def source_of(engine, everything):
    made = run.built(two_layers())
    values = allocated(made.program, 1, 1, None)
    return engine(made.program, made.givens, values).source(everything=everything), made.program


@pytest.mark.parametrize("engine", [Scalars, Columns])
def test_generated_code_holds_no_text_of_the_scenario(engine):
    text, _ = source_of(engine, everything=True)
    for name in ("w5", "out_h1", "net", "eta", "two"):
        assert name not in text


@pytest.mark.parametrize("engine", [Scalars, Columns])
def test_code_of_a_skipped_pass_computes_only_what_the_next_needs(engine):
    text, program = source_of(engine, everything=False)
    assert f"v{program.root} =" not in text
    assert f"v{program.index['w5+']} =" in text


# ---- what is recorded ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "record"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], "all"),
        ([7], "last"),
        ([0, 3, 6, 7], 3),
        ([0, 7], 100),
        ([0, 1, 2, 3, 4, 5, 6, 7], 1),
        ([2, 5], [5, 2, 5]),
    ],
)
def test_the_passes_asked_for_are_recorded(expected, record):
    t = run.trace(two_layers(), iterations=7, record=record)
    assert expected == list(t.recorded)
    assert len(expected) == len(t.data.batch)


@pytest.mark.parametrize("record", ["first", 0, -1, [], [8], [-1]])
def test_a_pass_that_does_not_exist_cannot_be_recorded(record):
    with pytest.raises(UsageError, match="record="):
        run.trace(two_layers(), iterations=7, record=record)


def test_pass_k_has_the_weights_after_k_updates():
    t = run.trace(two_layers(), iterations=5)
    for k in range(5):
        for weight in ("w1", "w5", "w8", "b2"):
            assert t.at(k)[f"{weight}+"] == t.at(k + 1)[weight]
            assert t.at(k)[f"{weight}+"] == t.at(k)[weight] - 0.5 * t.at(k)[f"dE/d{weight}"]


# ---- rounding by hand ------------------------------------------------------------------


def _by_hand(keep, updates):
    """E and w5 of Mazur's network, each step rounded: a computation of its own."""
    d = Decimal
    i, t, eta = (d("0.05"), d("0.10")), (d("0.01"), d("0.99")), d("0.5")
    w = [d(v) for v in ("0.15", "0.20", "0.25", "0.30", "0.40", "0.45", "0.50", "0.55")]
    b = [d("0.35"), d("0.60")]
    for _ in range(updates + 1):
        start = w[4]
        h = [keep(w[2 * j] * i[0] + w[2 * j + 1] * i[1] + b[0]) for j in (0, 1)]
        a = [keep(1 / (1 + (-z).exp())) for z in h]
        y = [keep(w[4 + 2 * k] * a[0] + w[5 + 2 * k] * a[1] + b[1]) for k in (0, 1)]
        o = [keep(1 / (1 + (-z).exp())) for z in y]
        e = [keep((t[k] - o[k]) ** 2 / 2) for k in (0, 1)]
        de = [keep(-(t[k] - o[k])) for k in (0, 1)]
        do = [keep(o[k] * (1 - o[k])) for k in (0, 1)]
        dy = [keep(de[k] * do[k]) for k in (0, 1)]  # ∂E_k/∂y_k
        g = [keep(de[k] * do[k] * a[j]) for k in (0, 1) for j in (0, 1)]
        back = [keep(keep(dy[0] * w[4 + j]) + keep(dy[1] * w[6 + j])) for j in (0, 1)]
        slope = [keep(a[j] * (1 - a[j])) for j in (0, 1)]
        g = [keep(back[j] * slope[j] * i[n]) for j in (0, 1) for n in (0, 1)] + g
        w = [keep(v - eta * s) for v, s in zip(w, g, strict=True)]
    return keep(e[0] + e[1]), start


@pytest.mark.parametrize(
    ("mode", "way"),
    [("half up", ROUND_HALF_UP), ("half even", ROUND_HALF_EVEN), ("truncate", ROUND_DOWN)],
)
@pytest.mark.parametrize("places", [2, 4, 9])
@pytest.mark.parametrize("updates", [0, 1, 10])
def test_rounding_every_step_is_what_a_person_gets(mode, way, places, updates):
    error, w5 = _by_hand(lambda v: v.quantize(Decimal(1).scaleb(-places), rounding=way), updates)
    kept = f"rounding = {{ decimals = {places}, mode = '{mode}' }}"
    t = run.trace(two_layers(more=f'biases = "frozen"\n{kept}'), iterations=updates, record="last")
    assert (float(error), float(w5)) == (t["E"], t["w5"])


def test_rounding_to_many_digits_is_nearly_exact():
    plain = run.trace(two_layers(), iterations=100)
    rounded = run.trace(two_layers(more="rounding = { significant = 15 }"), iterations=100)
    assert np.allclose(plain.data.batch, rounded.data.batch, rtol=1e-11, atol=1e-14)


# ---- variants --------------------------------------------------------------------------


def _variants_of_givens(made, variants):
    chance = np.random.default_rng(1)
    return {
        cell: np.array([[float(v) + d] for d in chance.normal(0, 0.1, variants)])
        for cell, v in made.givens.items()
    }


@pytest.mark.parametrize("how", [Machine.FLOAT64, Machine.FLOAT32, Digits(6), Precise(9)])
@pytest.mark.parametrize("variants", [1, 2, 12, 13, 33])  # few run on floats, many on columns
def test_variants_are_as_many_single_runs(variants, how):
    made = run.built(two_layers())
    columns = _variants_of_givens(made, variants)
    together = evaluate.run(made.program, columns, range(4), how=how)
    assert (4, variants, len(made.program)) == together.batch.shape
    for k in range(variants):
        alone = {cell: float(column[k, 0]) for cell, column in columns.items()}
        one = evaluate.run(made.program, alone, range(4), how=how)
        assert same(one, together.variant(k))


def test_a_variant_and_single_numbers_mix():
    made = run.built(two_layers())
    first = made.program.index["i1"]
    columns = {**made.givens, first: np.array([[0.05], [0.5]])}
    found = evaluate.run(made.program, columns, [0])
    assert same(evaluate.run(made.program, made.givens, [0]), found.variant(0))
    errors = found.of(made.program.root)[0, :, 0]
    assert errors[1] != errors[0]


def test_a_column_for_a_given_that_all_samples_share_is_our_mistake():
    """Its first number alone would be taken, and nobody would notice."""
    made = run.built(two_layers())
    givens = {**made.givens, made.program.index["i1"]: np.array([0.05, 0.5])}
    with pytest.raises(AssertionError, match="i1: 2 samples"):
        evaluate.run(made.program, givens, [0])


# ---- what cannot be a number -----------------------------------------------------------


def _one(formula, value, updated="w - eta*g"):
    """w → a = formula(w); w⁺ = w − 1·a: a program that can be made to fail when one likes."""
    draft = Draft()
    w, eta = draft.given([Own("w"), Own("eta")]).tolist()
    a = int(draft.emit(rule("f", f"a = {formula}"), [[w]], [Own("a")], Phase.FORWARD)[0])
    after = draft.emit(DESCENT, [[w, eta, a]], [Own("w+")], Phase.UPDATE)
    draft.carry[w] = int(after[0])
    return draft.finish(a), {w: Decimal(value), eta: Decimal(1)}


EVERY = {
    "float64": Machine.FLOAT64, "float32": Machine.FLOAT32, "by hand": Digits(8),
    "digits": Precise(30),
}  # fmt: skip


@pytest.mark.parametrize("how", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("variants", [1, 3])
@pytest.mark.parametrize("recorded", [[9], [0, 9], range(10), [3]])
@pytest.mark.parametrize(
    ("says", "formula", "start"),
    [
        ("a at iteration 3: division by zero in 1 + 0/z with z = 0", "1 + 0/z", "3"),
        ("a at iteration 3: no real value in 1 + 0*ln(z) with z = 0", "1 + 0*ln(z)", "3"),
        ("a at iteration 3: no real value in 1 + 0*sqrt(z) with z = -1", "1 + 0*sqrt(z)", "2"),
        ("a at iteration 3: no real value in 1 + 0*z^0.5 with z = -1", "1 + 0*z^0.5", "2"),
    ],
)
def test_a_step_without_a_value_is_named_with_its_pass(
    says, formula, start, recorded, variants, how
):
    """Also where the pass in which it happens is not recorded."""
    program, givens = _one(formula, start)
    if variants > 1:
        givens[0] = np.array([[50.0], [float(start)], [60.0]])
    with pytest.raises(NotFinite) as failed:
        evaluate.run(program, givens, recorded, how=how)
    assert says == str(failed.value)


@pytest.mark.parametrize(
    "kept",
    ["", "rounding = { decimals = 8 }", 'arithmetic = "float32"', "arithmetic = { digits = 20 }"],
)
@pytest.mark.parametrize("record", ["all", "last", 5])
def test_training_that_diverges_says_where(record, kept):
    s = two_layers("identity", rate="1000000000000000000.0", more=kept)
    with pytest.raises(NotFinite, match=r"at iteration \d+: overflow in .* with "):
        run.trace(s, iterations=40, record=record)


def test_a_square_too_large_for_a_float_is_an_overflow_in_every_arithmetic():
    for how in (Machine.FLOAT64, Digits(3), Precise(30)):
        program, givens = _one("z^2", "1e200")
        with pytest.raises(
            NotFinite, match=r"^a at iteration 0: overflow in z\^2 with z = 1e\+200"
        ):
            evaluate.run(program, givens, [0], how=how)


@pytest.mark.parametrize("how", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("variants", [1, 2])
def test_a_sigmoid_far_below_zero_is_zero(variants, how):
    """e^800 does not fit a float64, 1/(1 + e^800) = 3.7e-348 rounds to 0; so has PyTorch."""
    program, givens = _one("1/(1 + e^(-z))", "-800")
    if variants > 1:
        givens[0] = np.array([[-800.0], [0.0]])
    found = evaluate.run(program, givens, [0, 1], how=how).of(program.root)
    assert [0.0, 0.0] == found[:, 0, 0].tolist()


def test_a_run_that_does_not_fit_is_refused_with_its_size():
    made = run.built(two_layers())
    with pytest.raises(TooLarge) as refused:
        run.trace(two_layers(), iterations=10**9)
    # 1,000,000,001 passes × 1 sample × steps × 8 bytes
    size = 1_000_000_001 * len(made.program) * 8 / 2**30
    assert f"takes {size:,.1f} GiB" in str(refused.value)
    assert "1,000,000,001 passes" in str(refused.value)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_every_kth_pass_of_a_billion_is_refused_at_once(k):
    with pytest.raises(TooLarge):
        run.trace(two_layers(), iterations=10**9, record=k)


# ---- any number ------------------------------------------------------------------------


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=2), st.sampled_from(sorted(ACTIVATIONS)))
def test_any_inputs_give_the_same_in_both_engines(inputs, activation):
    made = run.built(two_layers(activation))
    cells = [made.program.index[name] for name in ("i1", "i2")]
    givens = {**made.givens, **dict(zip(cells, inputs, strict=True))}
    straight = _run_or_refusal(made.program, givens)
    for variants in (2, FEW + 1):
        several = {c: np.array([[float(v)]] * variants) for c, v in givens.items()}
        columns = _run_or_refusal(made.program, several)
        if isinstance(straight, str):
            assert straight == columns
        else:
            assert same(straight, columns.variant(0))
            assert same(straight, columns.variant(variants - 1))


def _run_or_refusal(program, givens):
    try:
        return evaluate.run(program, givens, range(3))
    except NotFinite as refused:
        return str(refused)
