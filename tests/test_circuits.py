"""Formulas without a network and beside one: published circuits, autograd, numpy, plain loops."""

from __future__ import annotations

import importlib
import math
import random
import re
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest

import tracer
from tracer import run, scenario
from tracer.errors import LookupFailed, ScenarioError
from tracer.program import Phase


def written(givens, formulas, *, top="", conventions="", samples=""):
    """A scenario of formulas alone."""
    numbers = "\n".join(f'"{name}" = {value}' for name, value in givens.items())
    lines = "\n".join(f'"{name}" = "{text}"' for name, text in formulas.items())
    table = f"[givens.all]\n{numbers}\n" if givens else ""
    return scenario.read(
        f'title = "circuit"\n{top}\n[conventions]\n{conventions}\n{samples}\n{table}'
        f"[formulas]\n{lines}\n",
        "circuit.toml", "circuit",
    )  # fmt: skip


def traced(*args, iterations=None, **tables):
    return run.trace(written(*args, **tables), iterations=iterations)


# ---- circuits by hand ------------------------------------------------------------------


def test_the_first_circuit_of_cs231n():
    """https://cs231n.github.io/optimization-2/: f = (x + y)z; by hand q = 3, f = -12."""
    t = traced({"x": -2, "y": 5, "z": -4}, {"q": "x + y", "f": "q*z"})
    assert (3.0, -12.0) == (t["q"], t["f"])
    assert (-4.0, 3.0) == (t["df/dq"], t["df/dz"])
    assert (-4.0, -4.0) == (t["df/dx"], t["df/dy"])


def test_a_circuit_has_no_updates_without_a_learning_rate():
    t = traced({"x": -2, "y": 5, "z": -4}, {"q": "x + y", "f": "q*z"}, iterations=2)
    assert not list(t.program.steps(Phase.UPDATE))
    assert {"x", "y", "z"} == {t.names[cell] for cell in t.program.gradients}
    for given, cell in t.program.gradients.items():
        assert t.values[cell] == t[f"df/d{t.names[given]}"]
    assert [-12.0] * 3 == t.series("f").tolist()


def test_a_learning_rate_makes_a_circuit_learn():
    """x ← x - 0.1·(-4), y ← y - 0.1·(-4), z ← z - 0.1·3: 'the gates want the output lower'."""
    givens = {"x": -2, "y": 5, "z": -4, "eta": 0.1}
    t = traced(givens, {"q": "x + y", "f": "q*z"}, iterations=1)
    assert (-1.6, 5.4, -4.3) == pytest.approx((t["x+"], t["y+"], t["z+"]), rel=1e-15)
    assert -16.34 == pytest.approx(t.at(1)["f"], rel=1e-15)  # (-1.6 + 5.4)·(-4.3)
    assert "df/deta" not in t


def test_only_what_is_trained_has_a_gradient():
    t = traced(
        {"x": -2, "y": 5, "z": -4, "eta": 0.1}, {"q": "x + y", "f": "q*z"}, top='trained = ["z"]'
    )
    assert ({"z"}, 3.0) == ({t.names[c] for c in t.program.gradients}, t["df/dz"])
    with pytest.raises(LookupFailed):
        t["df/dx"]
    assert (-2.0, 5.0) == (t["x"], t["y"])


def test_another_formula_than_the_last_may_be_the_error():
    t = traced({"x": -2, "y": 5, "z": -4}, {"q": "x + y", "f": "q*z"}, top='error = "q"')
    assert (1.0, 1.0, -12.0) == (t["dq/dx"], t["dq/dy"], t["f"])
    assert "dq/dz" not in t


def test_the_neuron_of_cs231n():
    """w = 2, -3, -3, x = -1, -2: the page prints 0.73 and slopes 0.2·x, 0.2·w."""
    t = traced(
        {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3},
        {"dot": "w0*x0 + w1*x1 + w2", "f": "1/(1 + e^(-dot))"},
    )
    s = 1 / (1 + math.exp(-1))
    g = s * (1 - s)
    expected = {"w0": -g, "w1": -2 * g, "w2": g, "x0": 2 * g, "x1": -3 * g}
    assert (1.0, s) == (t["dot"], t["f"])
    for name, slope in expected.items():
        assert slope == pytest.approx(t[f"df/d{name}"], rel=1e-15)
    printed = {"w0": -0.20, "w1": -0.39, "w2": 0.20, "x0": 0.39, "x1": -0.59}
    assert printed == {name: round(t[f"df/d{name}"], 2) for name in printed}


def test_the_gates_of_cs231n():
    """Add, max and multiply: x = 3, y = -4, z = 2, w = -1 give -20 and slopes -8, 6, 2, 0."""
    t = traced({"x": 3, "y": -4, "z": 2, "w": -1}, {"f": "(x*y + max(z, w))*2"})
    assert -20.0 == t["f"]
    assert (-8.0, 6.0, 2.0, 0.0) == tuple(t[f"df/d{name}"] for name in "xyzw")


def test_a_number_and_a_name_with_a_space():
    t = traced({"my x": 3}, {"half": "0.5", "the square": "my_x^2", "f": "half*the_square"})
    assert (0.5, 9.0, 4.5, 3.0) == (t["half"], t["the square"], t["f"], t["df/dmy_x"])


def test_a_given_that_no_error_depends_on_has_no_gradient():
    t = traced({"x": 3, "u": 2}, {"f": "x^2", "g": "u*f"}, top='error = "f"')
    assert (6.0, 18.0) == (t["df/dx"], t["g"])
    assert "df/du" not in t


def test_formulas_rounded_by_hand():
    def keep(v):
        return v.quantize(Decimal("0.001"), rounding=ROUND_HALF_UP)

    d = Decimal
    t = traced(
        {"x": "0.12345", "w": "0.7"},
        {"z": "w*x", "y": "1/(1 + e^(-z))", "f": "(y - 0.3)^2/2"},
        conventions="rounding = { decimals = 3 }",
    )
    z = keep(d("0.7") * d("0.12345"))
    y = keep(1 / (1 + (-z).exp()))
    assert (float(z), float(y)) == (t["z"], t["y"])
    assert float(keep((y - d("0.3")) ** 2 / 2)) == t["f"]


# ---- samples ---------------------------------------------------------------------------

X = np.random.default_rng(3).normal(0, 1, 9).round(2)
Y = (2 * X - 0.5 + np.random.default_rng(4).normal(0, 0.1, 9)).round(2)


def samples(count=9):
    rows = [[float(x), float(y)] for x, y in zip(X[:count], Y[:count], strict=True)]
    return f'[samples.training]\ncolumns = ["x", "y"]\nrows = {rows}\n'


LINE = {"guess": "w*x + b", "miss": "guess - y", "f": "miss^2"}


@pytest.mark.parametrize("size", [1, 3, 9])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_a_line_is_fitted_as_numpy_fits_it(reduction, size):
    conventions = f'reduction = "{reduction}"\nbatch_size = {size}'
    givens = {"w": 0.3, "b": 0.1, "eta": 0.02}
    t = traced(givens, LINE, conventions=conventions, samples=samples(), iterations=60)
    w, b = 0.3, 0.1
    share = 1 / size if reduction == "mean" else 1
    for k in range(61):
        chosen = [(k * size + n) % 9 for n in range(size)]
        miss = w * X[chosen] + b - Y[chosen]
        at = t.at(k)
        assert (w, b) == pytest.approx((at["w"], at["b"]), rel=1e-12)
        assert share * np.sum(miss**2) == pytest.approx(at["f"], rel=1e-11)
        dw, db = share * 2 * np.sum(miss * X[chosen]), share * 2 * np.sum(miss)
        assert (dw, db) == pytest.approx((at["df/dw"], at["df/db"]), rel=1e-9, abs=1e-13)
        w, b = w - 0.02 * dw, b - 0.02 * db


def test_a_line_that_learns_for_long_is_the_one_of_least_squares():
    givens = {"w": 0, "b": 0, "eta": 0.1}
    t = traced(
        givens, LINE, conventions='reduction = "mean"', samples=samples(), iterations=500
    ).at(500)
    slope, offset = np.polyfit(X, Y, 1)
    assert (slope, offset) == pytest.approx((t["w"], t["b"]), rel=1e-9)


def test_the_error_of_a_sample_and_of_the_batch_are_two_names():
    t = traced({"w": 0.3, "b": 0.1}, LINE, samples=samples(3))
    miss = 0.3 * X[:3] + 0.1 - Y[:3]
    assert (miss**2).tolist() == pytest.approx(t.column("f_n").tolist(), rel=1e-14)
    assert np.sum(miss**2) == pytest.approx(t["f"], rel=1e-14)
    assert (2 * miss * X[:3]).tolist() == pytest.approx(t.column("df_n/dw").tolist(), rel=1e-13)


def test_what_runs_over_the_samples_is_a_number_in_a_gradient():
    """f = (w·x/m)² with m the mean of x: df_n/dw = 2w(x/m)², m taken as it is."""
    t = traced({"w": 3}, {"m": "average(x)", "f": "(w*x/m)^2"}, samples=samples())
    assert (6 * (X / X.mean()) ** 2).tolist() == pytest.approx(
        t.column("df_n/dw").tolist(), rel=1e-12
    )


# ---- random circuits -------------------------------------------------------------------

SHAPES = (
    "A + B", "A - B", "A*B", "A/(2 + B^2)", "tanh(A)", "exp(-A^2)", "1/(1 + e^(-A))", "-A*B^2",
    "ln(1 + A^2)", "sqrt(1 + A^2)", "max(A, B)", "A^3 - 2*A*B", "(A - B)^2/2", "0.5*A + 1.5",
)  # fmt: skip


def random_circuit(seed, data=()):
    """Formulas, each of two earlier names; the last one of the two last."""
    r = random.Random(seed)
    known, formulas = ["p", "q", "r", *data], {}
    for k in range(r.randint(2, 8)):
        a, b = r.choice(known), r.choice(known)
        formulas[f"s{k}"] = r.choice(SHAPES).replace("A", a).replace("B", b)
        known.append(f"s{k}")
    formulas["f"] = f"{known[-1]}*{known[-2]} + p*r + {r.choice(known)}^2"
    used = {word for text in formulas.values() for word in re.findall(r"\w+", text)}
    return {n: round(r.uniform(-1.2, 1.2), 3) for n in "pqr" if n in used}, formulas


def by_autograd(givens, formulas, columns, reduction="sum"):
    """The error and its gradients: the texts as Python, on columns."""
    anp, autograd = importlib.import_module("autograd.numpy"), importlib.import_module("autograd")
    functions = {
        "tanh": anp.tanh, "exp": anp.exp, "ln": anp.log, "sqrt": anp.sqrt, "e": math.e,
        "max": anp.maximum,
    }  # fmt: skip

    def error(parameters):
        values = {**functions, **{n: anp.array(c) for n, c in columns.items()}, **parameters}
        for name, text in formulas.items():
            values[name] = eval(text.replace("^", "**"), {"__builtins__": {}}, values)
        count = len(next(iter(columns.values()))) if columns else 1
        total = anp.sum(values["f"] + np.zeros(count))
        return total / count if reduction == "mean" else total

    return float(error(givens)), {n: float(g) for n, g in autograd.grad(error)(givens).items()}


def slope_of(t, name):
    """A gradient; 0 where the error is reached on no way that has one."""
    try:
        return t[f"df/d{name}"]
    except LookupFailed:
        return 0.0


@pytest.mark.parametrize("seeds", [range(k, k + 25) for k in range(0, 100, 25)], ids=str)
def test_a_random_circuit_has_the_gradients_of_autograd(seeds):
    pytest.importorskip("autograd", reason="autograd is not installed")
    for seed in seeds:
        givens, formulas = random_circuit(seed)
        t = traced(givens, formulas)
        error, gradients = by_autograd(givens, formulas, {})
        assert error == pytest.approx(t["f"], rel=1e-12, abs=1e-13)
        scale = max(1.0, *map(abs, gradients.values()))
        for name, slope in gradients.items():
            found = slope_of(t, name)
            assert abs(slope - found) <= 1e-9 * scale, (seed, name, formulas)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("count", [2, 5, 20])
@pytest.mark.parametrize("seed", range(200, 215))
def test_a_random_circuit_over_samples_has_the_gradients_of_autograd(seed, count, reduction):
    """Also where a slope is the same for all samples, or the error for none of them its own."""
    pytest.importorskip("autograd", reason="autograd is not installed")
    givens, formulas = random_circuit(seed, ("x", "y"))
    formulas["f"] += " + x*0.1"  # what the samples have of their own
    r = random.Random(seed)
    rows = [[round(r.uniform(-1, 1), 3), round(r.uniform(-1, 1), 3)] for _ in range(count)]
    table = f'[samples.training]\ncolumns = ["x", "y"]\nrows = {rows}\n'
    t = traced(givens, formulas, conventions=f'reduction = "{reduction}"', samples=table)
    columns = {"x": [row[0] for row in rows], "y": [row[1] for row in rows]}
    error, gradients = by_autograd(givens, formulas, columns, reduction)
    assert error == pytest.approx(t["f"], rel=1e-12, abs=1e-13)
    scale = max(1.0, *map(abs, gradients.values()))
    for name, slope in gradients.items():
        found = slope_of(t, name)
        assert abs(slope - found) <= 1e-9 * scale, (name, formulas)


# ---- beside a network ------------------------------------------------------------------

NET = """
title = "beside"
[conventions]
CONVENTIONS
[samples.training]
columns = ["x1", "x2", "t"]
rows = [[2, 9, 92], [1, 5, 86], [3, 6, 89], [4, 8, 70]]
[givens.all]
w1 = 0.1
w2 = -0.2
w3 = 0.3
w4 = 0.4
v1 = 0.5
v2 = -0.6
eta = 0.9
[formulas]
FORMULAS
[network]
inputs = ["INPUT1", "INPUT2"]
targets = ["TARGET"]
total_error = "J"
[[network.layers]]
weights = [["w1", "w2"], ["w3", "w4"]]
activation = "tanh"
[[network.layers]]
weights = [["v1", "v2"]]
activation = "sigmoid"
out = "o"
"""


def beside(formulas, inputs=("x1", "x2"), target="t", conventions=""):
    lines = "\n".join(f'{name} = "{text}"' for name, text in formulas.items())
    text = NET.replace("CONVENTIONS", conventions).replace("FORMULAS", lines)
    for place, name in zip(("INPUT1", "INPUT2", "TARGET"), (*inputs, target), strict=True):
        text = text.replace(place, name)
    return scenario.read(text, "beside.toml", "beside")


SCALING = {
    "most1": "largest(x1)", "most2": "largest(x2)", "u1": "x1/most1", "u2": "x2/most2",
    "score": "t/100", "mse": "average((score - o)^2)", "half": "J/2", "mistake": "o - score",
}  # fmt: skip


def test_inputs_and_targets_may_be_computed():
    """Each of the steps has the bits it has where the numbers are given as they come out."""
    t = run.trace(beside(SCALING, ("u1", "u2"), "score"), iterations=3)
    rows = [[float(t.column(n)[k]) for n in ("u1", "u2", "score")] for k in range(4)]
    assert [
        [2 / 4, 9 / 9, 0.92],
        [1 / 4, 5 / 9, 0.86],
        [3 / 4, 6 / 9, 0.89],
        [1.0, 8 / 9, 0.7],
    ] == rows
    text = NET.replace("CONVENTIONS", "").replace("[formulas]\nFORMULAS\n", "")
    text = text.replace('"INPUT1", "INPUT2"', '"x1", "x2"').replace("TARGET", "t")
    text = text.replace("[[2, 9, 92], [1, 5, 86], [3, 6, 89], [4, 8, 70]]", str(rows))
    plain = run.trace(scenario.read(text, "plain.toml", "plain"), iterations=3)
    called = {"x1": "u1", "x2": "u2", "t": "score"}
    for k in range(4):
        for name in plain.names:
            beside_it = called.get(name, name)
            assert plain.at(k).column(name).tolist() == t.at(k).column(beside_it).tolist(), name


def test_formulas_after_a_network_read_its_outputs_and_its_error():
    t = run.trace(beside(SCALING, ("u1", "u2"), "score"), iterations=2).at(2)
    o, score = t.column("o"), np.array([0.92, 0.86, 0.89, 0.7])
    assert np.mean((score - o) ** 2) == pytest.approx(t["mse"], rel=1e-14)
    assert 0.5 * np.sum((score - o) ** 2) == pytest.approx(t["J"], rel=1e-14)
    assert t["J"] / 2 == t["half"] == t["E"] / 2
    assert (o - score).tolist() == t.column("mistake").tolist()


def test_formulas_beside_a_network_change_none_of_its_gradients():
    plain = run.trace(beside({"unused_by_it": "x1 + x2"}), iterations=2)
    more = run.trace(
        beside({"l2": "w1^2 + v1^2", "p": "o*x1", "q": "total(p)", "r": "sqrt(J) + v1*w1"}),
        iterations=2,
    )
    for cell in plain.program.gradients.values():
        name = plain.names[cell]
        assert plain.at(2)[name] == more.at(2)[name]


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_target_made_of_a_weight_sends_its_slope_there(size):
    """The error then reaches w1 on two ways: through the output and through the target."""
    pytest.importorskip("autograd", reason="autograd is not installed")
    anp, autograd = importlib.import_module("autograd.numpy"), importlib.import_module("autograd")
    s = beside({"goal": "t/100 + w1*x1"}, target="goal", conventions=f"batch_size = {size}")
    t = run.trace(s, iterations=0)
    rows = np.array([[2, 9, 92], [1, 5, 86], [3, 6, 89], [4, 8, 70]], float)[:size]

    def error(w):
        h1 = anp.tanh(w["w1"] * rows[:, 0] + w["w2"] * rows[:, 1])
        h2 = anp.tanh(w["w3"] * rows[:, 0] + w["w4"] * rows[:, 1])
        o = 1 / (1 + anp.exp(-(w["v1"] * h1 + w["v2"] * h2)))
        return anp.sum(0.5 * (rows[:, 2] / 100 + w["w1"] * rows[:, 0] - o) ** 2)

    start = {"w1": 0.1, "w2": -0.2, "w3": 0.3, "w4": 0.4, "v1": 0.5, "v2": -0.6}
    for name, slope in autograd.grad(error)(start).items():
        assert slope == pytest.approx(t[f"dE/d{name}"], rel=1e-10, abs=1e-14), name


def test_an_online_network_reads_formulas_of_its_row():
    formulas = {"u1": "x1/4", "u2": "x2/9", "score": "t/100"}
    t = run.trace(beside(formulas, ("u1", "u2"), "score", "batch_size = 1"), iterations=5)
    assert [2 / 4, 1 / 4, 3 / 4, 1.0, 2 / 4, 1 / 4] == t.series("u1").tolist()
    assert [0.92, 0.86, 0.89, 0.7, 0.92, 0.86] == t.series("score").tolist()


# ---- a formula as the error of a network -----------------------------------------------

LOSS = """
title = "a loss of its own"
error = "L"
formulas = [
  "d = o - t",
  "sq = d*d",
  "sq += 0.1*w1^2*x1",
  "L = sq/2 + max(0, h1 - 0.2)",
  "twice = 2*L",
]
[conventions]
CONVENTIONS
[samples.training]
columns = ["x1", "x2", "t"]
rows = [[1, 2, 1], [0.5, -1, 0], [0.3, 0.1, 1], [-1.5, 0.7, 0.25]]
[givens.all]
w1 = 0.1
w2 = 0.2
w3 = -0.4
w4 = 0.3
v1 = 0.6
v2 = -0.3
eta = 0.5
[network]
inputs = ["x1", "x2"]
[[network.layers]]
weights = [["w1", "w2"], ["w3", "w4"]]
activation = "tanh"
out = "h{j}"
[[network.layers]]
weights = [["v1", "v2"]]
activation = "sigmoid"
out = "o"
"""


def with_loss(conventions="", *edits):
    text = LOSS.replace("CONVENTIONS", conventions)
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return scenario.read(text, "loss.toml", "loss")


def loss_by_torch(torch, weights, rows, reduction):
    """The error of a batch and its gradients."""
    w = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in weights.items()}
    x1, x2, t = torch.tensor(rows, dtype=torch.float64).T
    h1 = torch.tanh(w["w1"] * x1 + w["w2"] * x2)
    h2 = torch.tanh(w["w3"] * x1 + w["w4"] * x2)
    o = torch.sigmoid(w["v1"] * h1 + w["v2"] * h2)
    each = ((o - t) ** 2 + 0.1 * w["w1"] ** 2 * x1) / 2 + torch.relu(h1 - 0.2)
    error = each.sum() if reduction == "sum" else each.mean()
    error.backward()
    return error.item(), {name: value.grad.item() for name, value in w.items()}


@pytest.mark.parametrize("detail", ["formulas", "gates"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_formula_of_the_outputs_is_the_error_of_a_network(size, reduction, detail):
    """Without targets of its own; two updates of it against PyTorch."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    told = f'batch_size = {size}\nreduction = "{reduction}"\ndetail = "{detail}"'
    t = run.trace(with_loss(told), iterations=2)
    rows = [[1, 2, 1], [0.5, -1, 0], [0.3, 0.1, 1], [-1.5, 0.7, 0.25]]
    weights = {"w1": 0.1, "w2": 0.2, "w3": -0.4, "w4": 0.3, "v1": 0.6, "v2": -0.3}
    for k in range(3):
        chosen = [rows[(k * size + n) % 4] for n in range(size)]
        error, gradients = loss_by_torch(torch, weights, chosen, reduction)
        at = t.at(k)
        assert error == pytest.approx(at["L"], rel=1e-12)
        for name, slope in gradients.items():
            assert slope == pytest.approx(at[f"dL/d{name}"], rel=1e-9, abs=1e-14), (k, name)
        weights = {name: w - 0.5 * gradients[name] for name, w in weights.items()}


def test_a_formula_may_be_the_mean_of_all_samples():
    """A loss that is an average of its own is that of the batch."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    mine = ('"L = sq/2 + max(0, h1 - 0.2)"', '"l = sq/2 + max(0, h1 - 0.2)", "L = average(l)"')
    t = run.trace(with_loss("", mine), iterations=0)
    rows = [[1, 2, 1], [0.5, -1, 0], [0.3, 0.1, 1], [-1.5, 0.7, 0.25]]
    weights = {"w1": 0.1, "w2": 0.2, "w3": -0.4, "w4": 0.3, "v1": 0.6, "v2": -0.3}
    error, gradients = loss_by_torch(torch, weights, rows, "mean")
    assert error == pytest.approx(t["L"], rel=1e-12)
    for name, slope in gradients.items():
        assert slope == pytest.approx(t[f"dL/d{name}"], rel=1e-9), name


def test_the_error_of_a_network_may_be_called_E_where_it_is_a_formula():
    named = (('error = "L"', 'error = "E"'), ('"L = ', '"E = '), ("2*L", "2*E"))
    t, same = (run.trace(s) for s in (with_loss("", *named), with_loss()))
    assert (t["E"], t["dE/dw1"]) == (same["L"], same["dL/dw1"])


def test_the_page_of_a_network_with_a_formula_as_its_error_says_nothing_of_targets():
    page = tracer.render(run.trace(with_loss("batch_size = 1")))
    assert "target" not in page.replace("The samples", "")
    assert "## Error\n\n$$\nL = \\frac{sq}{2}" in page.replace("\\mathrm{sq}", "sq")
    assert "half the squared difference" not in page


@pytest.mark.parametrize(
    ("says", "conventions", "edits"),
    [
        ("error: no formula 'M'", "", [('error = "L"', 'error = "M"')]),
        (
            "error: 'L' is not made of what the network computes", "",
            [('"L = sq/2 + max(0, h1 - 0.2)"', '"L = x1*w1"'), ('"d = o - t",', '"d = t",')],
        ),
        (
            "conventions.loss: the error is the formula 'L'; state one of them",
            'loss = "squared error"', [],
        ),
        ("formulas[3]: 'E' is not given", "", [("sq/2 + max", "E/2 + max")]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_formula_as_an_error_is_said(says, conventions, edits):
    with pytest.raises(ScenarioError) as wrong:
        with_loss(conventions, *edits)
    assert f"loss.toml: {says}" == wrong.value.problems[0]
