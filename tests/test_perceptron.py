"""The perceptron's rule against a plain loop in numpy and in fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tracer import run, scenario


def written(rows, w, b, *conventions, rate="0.1", threshold="0", lower=0):
    """A perceptron of one output or more: w[unit][input], b[unit] or none, samples with targets."""
    units, inputs = len(w), len(w[0])
    given = {f"w{j}{i}": w[j][i] for j in range(units) for i in range(inputs)}
    given |= {f"b{j}": b[j] for j in range(units)} if b else {}
    xs, ts = [f"x{i}" for i in range(inputs)], [f"t{j}" for j in range(units)]
    names = str([[f"w{j}{i}" for i in range(inputs)] for j in range(units)])
    biases = f"bias = {[f'b{j}' for j in range(units)]}\n" if b else ""
    lines = "\n".join(f"{name} = {value}" for name, value in given.items())
    text = "\n".join((
        'title = "perceptron"', "[conventions]", 'learning = "perceptron"', *conventions,
        "[samples.training]", f"columns = {xs + ts}", f"rows = {rows}",
        "[givens.all]", lines, f"eta = {rate}",
        "[network]", f"inputs = {xs}", f"targets = {ts}", f"threshold = {threshold}",
        f"classes = [{lower}, 1]", "[[network.layers]]", f"weights = {names}",
        f'{biases}activation = "identity"',
    ))  # fmt: skip
    return scenario.read(text.replace("'", '"'), "perceptron.toml", "perceptron")


def learnt(rows, w, b, size, updates, rate=0.1, threshold=0.0, mean=False, lower=0):
    """(w, b, mistakes) of every pass, as a person programs it: w += η·(t - y)·x."""
    w, b = np.array(w, float), None if b is None else np.array(b, float)
    x, t = np.split(np.array(rows, float), [w.shape[1]], axis=1)
    found = []
    for k in range(updates + 1):
        chosen = [(k * size + n) % len(rows) for n in range(size)]
        y = np.zeros((size, len(w)))
        dw, db = np.zeros_like(w), np.zeros(len(w))
        for n, row in enumerate(chosen):
            for j in range(len(w)):
                z = sum(w[j, i] * x[row, i] for i in range(w.shape[1])) + (
                    b[j] if b is not None else 0
                )
                y[n, j] = 1 if z >= threshold else lower
                dw[j] += x[row] * (y[n, j] - t[row, j])
                db[j] += y[n, j] - t[row, j]
        found.append((w.copy(), None if b is None else b.copy(), y - t[chosen]))
        share = size if mean else 1
        w = w - rate * (dw / share)
        b = None if b is None else b - rate * (db / share)
    return found


@pytest.mark.parametrize("size", [1, 3, 12])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("lower", [0, -1])
@pytest.mark.parametrize("seed", range(12))
def test_a_perceptron_learns_as_a_plain_loop(seed, lower, reduction, biased, size):
    chance = np.random.default_rng(seed)
    inputs, units = 1 + seed % 4, 1 + seed % 3
    x = chance.normal(0, 1, (12, inputs)).round(2)
    t = np.where(chance.integers(0, 2, (12, units)), 1.0, lower)
    w = chance.normal(0, 0.3, (units, inputs)).round(2).tolist()
    b = chance.normal(0, 0.3, units).round(2).tolist() if biased else None
    rows = np.hstack([x, t]).tolist()
    s = written(rows, w, b, f"batch_size = {size}", f'reduction = "{reduction}"', lower=lower)
    trace = run.trace(s, iterations=40)
    loop = learnt(rows, w, b, size, 40, mean=reduction == "mean", lower=lower)
    for k, (weights, biases, mistakes) in enumerate(loop):
        at = trace.at(k)
        for j in range(units):
            for i in range(inputs):
                assert weights[j, i] == pytest.approx(at[f"w{j}{i}"], abs=1e-13), (k, j, i)
            if biases is not None:
                assert biases[j] == pytest.approx(at[f"b{j}"], abs=1e-13)
            d = "d" if units == 1 else f"d{j + 1}"
            assert mistakes[:, j].tolist() == at.column(d).tolist()
        right = (mistakes == 0).all(axis=1).astype(float)
        assert right.tolist() == at.column("correct").tolist()
        assert size == 1 or right.mean() == pytest.approx(at["accuracy"], rel=1e-15)


GATES = {
    "and": ([(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 1)], True),
    "or": ([(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1)], True),
    "xor": ([(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)], False),
}


@pytest.mark.parametrize("gate", GATES)
def test_what_a_line_separates_is_learnt_and_what_none_separates_is_not(gate):
    """Rosenblatt's theorem; with numbers that floats hold exactly a loop in fractions agrees."""
    rows, separable = GATES[gate]
    table = [list(map(float, row)) for row in rows]
    s = written(table, [[0.25, -0.5]], [0.125], "batch_size = 1", rate="0.5")
    t = run.trace(s, iterations=120)
    w, b = [Fraction(1, 4), Fraction(-1, 2)], Fraction(1, 8)
    for k in range(121):
        assert (float(w[0]), float(w[1]), float(b)) == (
            t.at(k)["w00"], t.at(k)["w01"], t.at(k)["b0"],
        )  # fmt: skip
        x1, x2, target = rows[k % 4]
        mistake = (w[0] * x1 + w[1] * x2 + b >= 0) - target
        w = [w[0] - Fraction(1, 2) * mistake * x1, w[1] - Fraction(1, 2) * mistake * x2]
        b -= Fraction(1, 2) * mistake
    mistakes = [t.at(k)["d"] for k in range(117, 121)]
    assert separable == (mistakes == [0, 0, 0, 0])


@pytest.mark.parametrize(
    ("expected", "x", "threshold"),
    [
        (1.0, "0.5", "0.25"),  # 0.5·0.5 is the threshold itself: reached
        (0.0, "0.4999999999999999", "0.25"),
        (1.0, "0.5000000000000001", "0.25"),
        (1.0, "-0.5", "-0.25"),
        (1.0, "0", "0"),
        (1.0, "-0.0", "0"),
        (0.0, "-5e-324", "0"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("samples", [1, 2, 20])
def test_a_threshold_is_reached_where_the_output_equals_it(samples, expected, x, threshold):
    rows = [[float(x), 0.0]] * samples
    weight = "1" if threshold == "0" else "0.5"
    t = run.trace(written(rows, [[weight]], None, threshold=threshold), iterations=0)
    assert [expected] * samples == t.column("class1").tolist()
    assert [expected] * samples == t.column("d").tolist()
    assert [1.0 - expected] * samples == t.column("correct").tolist()


def test_a_threshold_is_reached_by_hand_where_the_rounded_output_equals_it():
    """0.5·0.496 = 0.248, to two decimals 0.25."""
    rows = [[0.496, 0.0]]
    for kept, expected in (("rounding = { decimals = 2 }", 1.0), ("decimals = 2", 0.0)):
        t = run.trace(written(rows, [["0.5"]], None, kept, threshold="0.25"), iterations=0)
        assert expected == t["class1"]


def test_classes_beside_gradient_descent_change_nothing():
    rows = [[0.5, 1.0], [-0.25, 0.0], [1.5, 0.0]]
    text = written(rows, [["0.5"]], ["0.1"], threshold="0.5")
    gradient = text.conventions.model_copy(update={"learning": "gradient"})
    with_classes = text.model_copy(update={"conventions": gradient})
    network = with_classes.network.model_copy(update={"threshold": None})
    without = with_classes.model_copy(update={"network": network})
    one, other = (run.trace(s, iterations=5) for s in (with_classes, without))
    assert {"class1", "correct", "accuracy"} == set(one.names) - set(other.names)
    for name in other.names:
        assert one.at(5).column(name).tolist() == other.at(5).column(name).tolist()
    assert [0.0, 0.0, 1.0] == one.column("class1").tolist()  # z = 0.35, -0.025, 0.85
    assert ([0.0, 1.0, 0.0], 1 / 3) == (one.column("correct").tolist(), one["accuracy"])


def test_a_frozen_bias_of_a_perceptron_stays():
    s = written([[1.0, 0.0], [2.0, 0.0]], [["0.5"]], ["0.1"], 'biases = "frozen"')
    t = run.trace(s, iterations=3)
    assert [0.1, 0.1, 0.1, 0.1] == t.series("b0").tolist()
    assert "b0+" not in t
    assert t.at(1)["w00"] == 0.5 - 0.1 * 3.0
