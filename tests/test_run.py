"""Runs of a scenario: where they stop, other samples, readings that pin, swap or round."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from test_batches import ROWS, SMALL, START, loop, read, sigmoid, small
from test_networks import Network

import tracer
from tracer import evaluate, run
from tracer.errors import LookupFailed, NotFinite, UsageError
from tracer.replicas import REPLICAS, replicas

# ---- stopping early --------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("bound", [0.27, 0.2, 0.12, 0.05, 0.02])
def test_a_run_stops_at_the_first_error_below_its_bound(size, reduction, bound):
    """The error of the pass, of one row where it is fed row by row."""
    share = 1 / size if reduction == "mean" else 1.0
    errors = [e for e, _ in loop([0, 1, 2, 3], size, 300, share)]
    expected = next((k for k, e in enumerate(errors) if e < bound), 300)
    conventions = (f"batch_size = {size}", f'reduction = "{reduction}"', "iterations = 300")
    t = run.trace(small(*conventions, f"stop_below = {bound}"))
    assert expected == t.recorded[-1]
    assert list(range(expected + 1)) == list(t.recorded)
    last = run.trace(small(*conventions, f"stop_below = {bound}"), record="last")
    assert last["E"] == t.at(expected)["E"]
    assert expected == 300 or last["E"] < bound


@pytest.mark.parametrize(("stops", "bound"), [(0, "1e9"), (40, "0"), (40, "-1"), (40, "1e-9")])
def test_a_run_stops_at_once_or_never(stops, bound):
    assert stops == run.trace(small("iterations = 40", f"stop_below = {bound}")).recorded[-1]


def test_the_error_that_a_run_stops_at_is_less_than_its_bound():
    """Not equal to it: the bound is the error of iteration 3 itself."""
    errors = run.trace(small("iterations = 10")).series("E")
    assert np.all(np.diff(errors[:6]) < 0)
    stopped = run.trace(small("iterations = 10", f"stop_below = {float(errors[3])!r}"))
    assert 4 == stopped.recorded[-1]


def test_a_run_that_is_rounded_stops_where_its_rounded_error_is_below():
    kept = "rounding = { decimals = 3 }"
    errors = run.trace(small("iterations = 80", kept)).series("E")
    bound = errors[50]
    expected = next(k for k, e in enumerate(errors) if e < bound)
    found = run.trace(small("iterations = 80", kept, f"stop_below = {float(bound)!r}"))
    assert expected == found.recorded[-1]


def test_a_run_that_overflows_before_it_stops_is_told_with_the_file():
    text = SMALL.replace("sigmoid", "identity").replace("eta = 0.7", "eta = 1e9")
    s = read(text.replace("CONVENTIONS", "iterations = 100\nstop_below = 1e-300"))
    with pytest.raises(NotFinite, match=r"^batch\.toml: .* at iteration \d+: overflow"):
        run.trace(s)


def test_what_is_asked_of_a_run_that_stops_before_is_recorded_as_far_as_it_goes():
    s = small("iterations = 100", "stop_below = 0.48")
    ends = run.trace(s, record="last").iteration
    assert 0 < ends < 50
    for expected, record in (
        ([0], [0, 50]), (range(ends + 1), range(60)), ([0, 10, 20, 30, 40, ends], 10),
    ):  # fmt: skip
        assert list(expected) == list(run.trace(s, record=record).recorded)
    with pytest.raises(UsageError, match=f"no iteration 50: the run stops at {ends}"):
        run.trace(s, record=[50, 60])


# ---- other samples ---------------------------------------------------------------------

ASKED = [(0.5, 0.5), (-1.0, 0.25), (0.3, -0.5)]


def asked(*conventions, rows=ASKED, more=""):
    text = SMALL.replace("CONVENTIONS", "\n".join(conventions))
    inputs = [list(row) for row in rows]
    return read(f'{text}{more}[samples.asked]\ncolumns = ["x1", "x2"]\nrows = {inputs}\n')


def forward(w, row):
    x1, x2, *_ = row
    h = [sigmoid(w[0] * x1 + w[1] * x2), sigmoid(w[2] * x1 + w[3] * x2)]
    return sigmoid(w[4] * h[0] + w[5] * h[1])


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("rows", [ASKED, ASKED[:1], ASKED * 30], ids=len)
@pytest.mark.parametrize("iteration", [0, 7])
def test_other_samples_are_computed_with_the_parameters_of_a_pass(iteration, rows, size):
    """Also one alone, though four are trained on; also many, though fed one by one."""
    t = run.trace(asked(f"batch_size = {size}", rows=rows), iterations=7).at(iteration)
    other = run.on(t, "asked")
    weights = loop([0, 1, 2, 3], size, iteration)[-1][1]
    assert [forward(weights, row) for row in rows] == pytest.approx(
        other.column("out_o1").tolist(), rel=1e-11
    )
    assert (len(rows), iteration, "asked") == (
        other.program.samples, other.iteration, other.samples_of,
    )  # fmt: skip
    assert [row[0] for row in rows] == other.column("x1").tolist()


def test_the_samples_trained_on_have_the_values_they_have_in_training():
    s = small("iterations = 5")
    t = run.trace(s).at(5)
    again = run.on(t, "training")
    for step in again.program.steps():
        assert t.column(step.name).tolist() == again.column(step.name).tolist()


def test_other_samples_have_no_error_no_gradients_and_no_updates():
    other = run.on(run.trace(asked()), "asked")
    assert {"given", "forward"} == {step.phase.value for step in other.program.steps()}
    assert not {"t", "E", "E_n", "eta", "w1+"} & set(other.names)


def test_a_formula_beside_the_network_is_computed_for_other_samples_too():
    more = '[formulas]\nsure = "2*out_o1 - 1"\nmistake = "out_o1 - t"\n'
    other = run.on(run.trace(asked(more=more)), "asked")
    assert [2 * o - 1 for o in other.column("out_o1")] == other.column("sure").tolist()
    assert "mistake" not in other  # nobody knows the target


SCALED = """
title = "scaled"
[conventions]
CONVENTIONS
[samples.training]
columns = ["x", "t"]
rows = [[2, 1], [8, 0.5], [4, 0.25]]
[samples.asked]
columns = ["x"]
rows = [[16], [3]]
[givens.all]
w = 0.5
eta = 0.1
[formulas]
most = "largest(x)"
middle = "average(x)"
u = "(x - middle)/most"
[network]
inputs = ["u"]
targets = ["t"]
[[network.layers]]
weights = [["w"]]
activation = "identity"
net = "z"
out = "o"
"""


def test_maxima_and_averages_stay_those_of_the_samples_trained_on():
    """u = (x - 14/3)/8: for x = 16 it is 17/12, far above 1; of the asked alone it would be ½."""
    t = run.trace(read(SCALED.replace("CONVENTIONS", "")))
    other = run.on(t, "asked")
    assert [(16 - 14 / 3) / 8, (3 - 14 / 3) / 8] == pytest.approx(other.column("u").tolist())
    assert (8.0, 14 / 3) == (other["most"], other["middle"])
    assert 0.5 * 17 / 12 == pytest.approx(other["o"], rel=1e-15)


def test_a_set_whose_columns_are_not_all_known_computes_what_it_can():
    text = SMALL.replace("CONVENTIONS", "") + '[formulas]\nhalf = "x1/2"\n'
    s = read(text + '[samples.whole]\ncolumns = ["x1", "x2", "t"]\nrows = [[1, 2, 3]]\n')
    other = run.on(run.trace(s), "whole")
    assert 0.5 == other["half"]


ONE = """
title = "one"
[samples.asked]
columns = ["x1", "b"]
rows = [[0.1, 0.2], [0.3, 0.4], [-1, 2]]
[givens.all]
x1 = 0.5
x2 = 2
b = 1
w1 = 0.25
w2 = 0.75
t = 1
eta = 0.1
[network]
inputs = ["x1", "x2"]
targets = ["t"]
[[network.layers]]
weights = [["w1", "w2"]]
bias = "b"
activation = "identity"
net = "z"
out = "o"
"""


def test_a_column_stands_in_for_a_given_that_all_samples_share():
    """Nothing was trained but one sample; x2 stays 2 and w1, w2 are those of the pass."""
    t = run.trace(read(ONE), iterations=1).at(1)
    other = run.on(t, "asked")
    assert [0.1, 0.3, -1.0] == other.column("x1").tolist()
    expected = [t["w1"] * x1 + t["w2"] * 2 + b for x1, b in ((0.1, 0.2), (0.3, 0.4), (-1, 2))]
    assert expected == other.column("o").tolist()
    assert 2.0 == other["x2"]


def test_other_samples_need_the_parameters_to_be_recorded():
    t = run.trace(asked(), only=["E"])
    with pytest.raises(LookupFailed, match="was not recorded"):
        run.on(t, "asked")


def test_an_unknown_set_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r"batch\.toml: no samples 'askd'; did you mean 'asked'\?"):
        run.on(run.trace(asked()), "askd")


def test_a_set_without_what_formulas_need_is_refused():
    text = """
title = "f"
[samples.training]
columns = ["x", "y"]
rows = [[1, 2], [3, 4]]
[samples.half]
columns = ["x"]
rows = [[1]]
[givens.all]
w = 2
[formulas]
f = "(w*x - y)^2"
"""
    t = run.trace(read(text))
    assert [0.0, 4.0] == run.on(t, "training").column("f_n").tolist()
    with pytest.raises(UsageError, match=r"samples\.half: without a column for every input"):
        run.on(t, "half")


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_a_random_network_answers_other_samples_as_it_does_alone(seed):
    network = Network(seed, 5)
    names = [n for n in network.columns if n in network.x]
    if not names:
        return
    rows = [[network.columns[n][k] for n in names] for k in (3, 1)]
    columns = str(names).replace("'", '"')
    asked = f"{network.stated('batch_size = 1')}\n[samples.asked]\ncolumns = {columns}\n"
    t = run.trace(read(f"{asked}rows = {rows}\n"), iterations=0)
    other = run.on(t, "asked")
    for place, k in enumerate((3, 1)):
        alone = run.trace(read(network.alone(k).text), iterations=0)
        for step in other.program.steps():
            assert alone[step.name] == other.at(sample=place)[step.name], step.name


def test_what_overflows_for_other_samples_is_told_with_the_file():
    text = SCALED.replace("CONVENTIONS", "").replace("[[16]", "[[1e308]")
    t = run.trace(read(text.replace("w = 0.5", "w = 1e10")), iterations=0)
    with pytest.raises(NotFinite, match=r"^batch\.toml: z at iteration 0: overflow"):
        run.on(t, "asked")


# ---- readings --------------------------------------------------------------------------


def reading(text, conventions="", base=SMALL):
    return read(base.replace("CONVENTIONS", conventions) + f'[readings."other"]\n{text}\n')


def test_a_pinned_step_has_its_value_in_every_sample_and_what_follows_uses_it():
    """With o = 0.9994 held, E_n = ½(t - 0.9994)², and its slope is that at 0.9994."""
    t = run.trace(reading("pins = { out_o1 = 0.9994 }"), reading="other", iterations=3)
    usual = run.trace(small(), iterations=0)
    for k in (0, 3):
        for n, (_, _, target) in enumerate(ROWS):
            at = t.at(k, n)
            assert 0.9994 == at["out_o1"]
            assert 0.5 * (target - 0.9994) ** 2 == pytest.approx(at["E_n"], rel=1e-12)
            slope = (0.9994 - target) * 0.9994 * (1 - 0.9994)
            assert slope * at["out_h1"] == pytest.approx(at["dE_n/dw5"], rel=1e-12)
    assert t["net_o1"] == usual["net_o1"]
    assert math.fsum(t.column("E_n")) == pytest.approx(t["E"], rel=1e-15)


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("name", ["net_h1", "out_h2", "net_o1", "E"])
def test_all_samples_of_a_batch_share_what_is_pinned(name, size):
    s = reading(f"pins = {{ {name} = 0.25 }}", f"batch_size = {size}")
    t = run.trace(s, reading="other", iterations=2)
    assert [0.25, 0.25, 0.25] == t.series(name).tolist()
    assert t.data.finite
    updated = [t.at(0)[f"w{k}+"] for k in range(1, 7)]
    assert updated == [t.at(1)[f"w{k}"] for k in range(1, 7)]


def test_everything_that_samples_had_of_their_own_may_be_pinned():
    """With the output and its net held nothing depends on the sample but the targets."""
    s = reading("pins = { out_h1 = 0.5, out_h2 = 0.25, net_o1 = 1, out_o1 = 0.75 }")
    t = run.trace(s, reading="other", iterations=0)
    slope = sum((0.75 - target) * 0.75 * 0.25 for _, _, target in ROWS)
    assert (0.5 * slope, 0.25 * slope) == pytest.approx((t["dE/dw5"], t["dE/dw6"]), rel=1e-14)


def test_a_pin_is_found_by_the_authors_spelling():
    s = read(SMALL.replace("CONVENTIONS", "").replace(
        'weights = [["w5", "w6"]]', 'weights = [["w5", "w6"]]\nout = "Out y"'
    ) + '[readings."other"]\npins = { "Out y" = 0.5 }\n')  # fmt: skip
    assert 0.5 == run.trace(s, reading="other")["Out y"]


def test_pinned_steps_under_a_sequential_update_keep_their_places():
    s = reading("pins = { out_h1 = 0.5 }", 'update = "sequential"')
    t = run.trace(s, reading="other", iterations=1)
    assert (0.5, 0.5) == (t["out_h1"], t.at(1)["out_h1"])
    sequential = run.trace(small('update = "sequential"'), iterations=0)
    simultaneous = run.trace(small(), iterations=0)
    assert sequential["dE/dw1"] != simultaneous["dE/dw1"]


DRAWN = """
title = "drawn"
[random]
generator = "numpy.random.seed"
seed = 7
draw = [
  { name = "W", function = "rand", shape = [1, 2] },
  { name = "V", function = "randn", shape = [1, 2] },
  { name = "b", function = "randn" },
]
[givens.all]
x1 = 0.5
x2 = 2
t = 1
eta = 0.1
[network]
inputs = ["x1", "x2"]
targets = ["t"]
[[network.layers]]
weights = "W"
bias = "b"
activation = "identity"
out = "o"
[readings."V for W"]
givens = { W = "V" }
[readings."b = 0.25"]
givens = { b = 0.25 }
"""


def test_a_reading_puts_another_drawn_matrix_in_the_place_of_one():
    state = np.random.RandomState(7)
    w, v, b = state.rand(1, 2)[0], state.randn(1, 2)[0], state.randn()
    s = read(DRAWN)
    for name, matrix in ((None, w), ("V for W", v)):
        t = run.trace(s, reading=name)
        assert matrix.tolist() == [t["W[1,1]"], t["W[1,2]"]]
        assert matrix[0] * 0.5 + matrix[1] * 2 + b == pytest.approx(t["o"], rel=1e-15)


def test_a_reading_states_a_number_that_is_drawn_otherwise():
    """It was taken without a word, and changed nothing."""
    s = read(DRAWN)
    assert 0.25 == run.trace(s, reading="b = 0.25")["b"] != run.trace(s)["b"]


def test_a_reading_takes_the_rounding_away():
    s = reading('rounding = "none"', "rounding = { decimals = 3 }")
    rounded, plain = run.trace(s), run.trace(s, reading="other")
    assert plain["E"] == run.trace(small())["E"] != rounded["E"]
    assert Decimal(repr(rounded["E"])).as_tuple().exponent >= -3


@pytest.mark.parametrize(
    ("expected", "stated"),
    [(3, "iterations = 3"), (8, "epochs = 2\nbatch_size = 1"), (2, "epochs = 2"),
     (4, "batch_size = 1\norder = [1, 0]")],
)  # fmt: skip
def test_a_reading_runs_as_long_as_it_says(expected, stated):
    """Over a scenario of two epochs: stating iterations replaces them."""
    t = run.trace(reading(stated, "epochs = 2"), reading="other")
    assert expected == t.recorded[-1]


def test_a_reading_feeds_the_samples_in_its_order():
    s = reading("batch_size = 1\norder = [2, 0]")
    t = run.trace(s, reading="other", iterations=5)
    assert [ROWS[k][0] for k in (2, 0, 2, 0, 2, 0)] == t.series("x1").tolist()
    weights = loop([2, 0], 1, 5)[-1][1]
    assert weights == pytest.approx([t.at(5)[f"w{k}"] for k in range(1, 7)], rel=1e-12)
    assert START == tuple(t[f"w{k}"] for k in range(1, 7))


# ---- replicas --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("iterations", [[0], [0, 3, 50]])
def test_the_first_replica_is_the_run_itself_to_the_last_bit(iterations, size):
    s = small(f"batch_size = {size}")
    usual = run.trace(s, iterations=50, record=iterations)
    first, *others = replicas(s, iterations, ["out_o1"]).variants()
    assert REPLICAS - 1 == len(others)
    kept = [n for n in usual.names if n in ("E", "out_o1") or n.startswith(("w", "dE/dw"))]
    for iteration in iterations:
        for name in kept:
            assert usual.at(iteration).column(name).tolist() == (
                first.at(iteration).column(name).tolist()
            )


def test_replicas_start_a_few_last_bits_away_and_stay_near():
    usual, *others = replicas(small(), [0, 20], []).variants()
    for t in others:
        for k in range(1, 7):
            gap = abs(t[f"w{k}"] - usual[f"w{k}"])
            assert 0 < gap <= 5 * math.ulp(usual[f"w{k}"])
        assert t.at(20)["E"] == pytest.approx(usual.at(20)["E"], rel=1e-12)
    assert 1 < len({t["w1"] for t in others})


def test_a_step_that_samples_have_of_their_own_is_kept_by_any_of_its_names():
    s = read(SMALL.replace("CONVENTIONS", "").replace(
        'weights = [["w5", "w6"]]', 'weights = [["w5", "w6"]]\nout = "Out y"'
    ))  # fmt: skip
    for name in ("Out y", "out_y", "Out_y"):
        found = [v.at(sample=2)["Out_y"] for v in replicas(s, [0], [name]).variants()]
        assert (REPLICAS, 2) <= (len(found), len(set(found)))


def test_replicas_of_a_run_rounded_by_hand_are_runs_rounded_by_hand():
    s = small("rounding = { decimals = 4 }")
    found = list(replicas(s, [0, 5], []).variants())
    usual = run.trace(s, iterations=5)
    assert usual.at(5)["E"] == found[0].at(5)["E"]
    made = run.built(s)
    for t in found[1:]:
        own = {c: t.series(c)[0] for c in made.program.carry}
        how = s.conventions.how
        alone = evaluate.run(made.program, {**made.givens, **own}, [0, 5], how=how)
        for cell in (made.program.root, *made.program.carry):
            assert alone.of(cell)[:, 0, 0].tolist() == t.series(cell).tolist()


LEDGER = """
[readings."two decimals"]
rounding = { decimals = 2 }
[published]
"out_o1" = [
  { printed = 0.4, sample = 1, iteration = 3 },
  { printed = 0.9, iteration = 2, samples = "asked", sample = 1, LOST },
]
E = { printed = 0.9, reading = "two decimals", LOST }
""".replace("LOST", 'reproducible = false, reason = "?"')


def test_a_ledger_finds_samples_sets_and_replicas():
    s = read(SMALL.replace("CONVENTIONS", "") + """
[samples.asked]
columns = ["x1", "x2"]
rows = [[0.5, 0.5], [1, 2]]
""" + LEDGER)  # fmt: skip
    found = tracer.verify(s).numbers
    weights = [w for _, w in loop([0, 1, 2, 3], 4, 3)]
    assert forward(weights[3], ROWS[1]) == pytest.approx(found[0].value, rel=1e-12)
    assert forward(weights[2], (1, 2)) == pytest.approx(found[1].value, rel=1e-12)
    assert ["differs"] * 2 == [n.verdict.value for n in found[1:]]  # called lost, and it is not


def test_a_ledger_is_looked_up_under_a_reading_that_runs_longer_than_the_scenario():
    """The scenario stops early, the reading goes on: its entry is no mistake."""
    s = read(
        SMALL.replace("CONVENTIONS", "iterations = 20\nstop_below = 0.499")
        + '[readings."on"]\nstop_below = 0\n'
        + '[published]\nE = { printed = 0.4787, iteration = 20, reading = "on" }\n'
    )
    assert run.trace(s, record="last").iteration < 20
    (found,) = tracer.verify(s).numbers
    assert run.trace(s, reading="on").at(20)["E"] == found.value
