"""Whole networks from TOML, against PyTorch, autograd, plain loops and published digits."""

import copy
import importlib
import math
import random
from decimal import Decimal

import numpy as np
import pytest

from tracer import run, scenario
from tracer.errors import ScenarioError
from tracer.numbers import agrees

RATE = 0.25


# ---- random networks -------------------------------------------------------------------


class Network:
    """A network drawn at random: its TOML, and its numbers as arrays with their names.

    With samples some or all of its inputs and targets have a number for each of them.
    """

    def __init__(self, seed, samples=0):
        self.r = r = random.Random(seed)
        self.samples = samples
        self.widths = [r.randint(1, 5) for _ in range(r.randint(2, 5))]
        self.activations = [
            r.choice(["sigmoid", "tanh", "relu", "identity"]) for _ in self.widths[1:]
        ]
        self.loss = r.choice(["half squared error", "squared error", "mean squared error"])
        self.sign = r.choice(["t - o", "o - t"])
        self.trained = r.random() < 0.7
        self.chain = r.choice(["full", "deltas"])
        self.net = r.choice(["sum(w_i*x_i) + b", "b + sum(x_i*w_i)", "sum(x_i*w_i) + b*1"])
        self.numbers = {}
        self.givens, self.layers, self.weights, self.biases = [], [], [], []
        self.x = self._vector("x", self.widths[0])
        self.t = self._vector("t", self.widths[-1])
        for number, (inputs, units) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            self._layer(number, inputs, units)
        data = [*self.x, *self.t]
        varied = [n for n in data if r.random() < 0.8] or data
        self.columns = {
            n: [round(r.uniform(-1.2, 1.2), 4) for _ in range(samples)] for n in varied if samples
        }

    def _new(self, name):
        self.numbers[name] = round(self.r.uniform(-1.2, 1.2), 4)
        return name

    def _vector(self, name, size):
        """Names of a vector's numbers, written as a list or one by one."""
        if not self.samples and self.r.random() < 0.5:
            names = [self._new(f"{name}[{k}]") for k in range(1, size + 1)]
            self.givens.append(f"{name} = {[self.numbers[n] for n in names]}")
            self.layers.append((name, f'"{name}"'))
            return names
        names = [self._new(f"{name}{k}") for k in range(1, size + 1)]
        self.givens += [f"{n} = {self.numbers[n]}" for n in names]
        self.layers.append((name, str(names).replace("'", '"')))
        return names

    def _layer(self, number, inputs, units):
        rows = self._by_matrix if self.r.random() < 0.4 else self._by_name
        names, lines = rows(number, inputs, units)
        self.weights.append(names)
        kind = self.r.choice(["none", "one", "each", "list"])
        biases = {"none": [None] * units, "one": [f"b{number}"] * units}.get(
            kind, [f"b{number}_{j}" for j in range(units)]
        )
        if kind == "list":
            biases = [f"b{number}[{j}]" for j in range(1, units + 1)]
            values = [self.numbers[self._new(b)] for b in biases]
            self.givens.append(f"b{number} = {values}")
        for name in dict.fromkeys(b for b in biases if b and kind != "list"):
            self.givens.append(f"{self._new(name)} = {self.numbers[name]}")
        if kind in ("one", "list"):
            lines.append(f'bias = "b{number}"')
        elif kind == "each":
            lines.append(f"bias = {biases}".replace("'", '"'))
        self.biases.append(biases)
        lines.append(f'activation = "{self.activations[number]}"')
        self.layers.append(("[[network.layers]]", "\n".join(lines)))

    def _by_matrix(self, number, inputs, units):
        by_units = self.r.random() < 0.5
        shape = (units, inputs) if by_units else (inputs, units)
        names = [[f"W{number}[{a + 1},{b + 1}]" for b in range(shape[1])] for a in range(shape[0])]
        values = [[self.numbers[self._new(n)] for n in row] for row in names]
        self.givens.append(f"W{number} = {values}")
        lines = [f'weights = "W{number}"', f'rows = "{"units" if by_units else "inputs"}"']
        return (names if by_units else [list(row) for row in zip(*names, strict=True)]), lines

    def _by_name(self, number, inputs, units):
        """Weights by name, in any order, some shared, some missing."""
        pool = [f"v{number}_{k}" for k in range(inputs * units)]
        self.r.shuffle(pool)
        names = [[pool.pop() for _ in range(inputs)] for _ in range(units)]
        for j in range(units):
            for i in range(inputs):
                if self.r.random() < 0.15:
                    names[j][i] = self.r.choice(self.r.choice(names))
                elif self.r.random() < 0.15 and sum(n != "-" for n in names[j]) > 1:
                    names[j][i] = "-"
            if set(names[j]) == {"-"}:
                names[j][0] = f"u{number}_{j}"
        for i in range(inputs):  # nothing may be left that no unit reads
            if all(row[i] == "-" for row in names):
                names[0][i] = f"s{number}_{i}"
        for name in dict.fromkeys(n for row in names for n in row if n != "-"):
            self.givens.append(f"{self._new(name)} = {self.numbers[name]}")
        return names, [f"weights = {names}".replace("'", '"')]

    @property
    def text(self):
        vectors = {name: value for name, value in self.layers if name in ("x", "t")}
        tables = [f"{name}\n{body}" for name, body in self.layers if name not in ("x", "t")]
        lines = [
            'title = "random"', "[conventions]", f'loss = "{self.loss}"', f'sign = "{self.sign}"',
            f'chain = "{self.chain}"', f'net = "{self.net}"',
            f'biases = "{"trained" if self.trained else "frozen"}"',
            "[givens.all]", f"eta = {RATE}",
            *(g for g in self.givens if g.partition(" =")[0] not in self.columns),
            *self._samples(),
            "[network]", f"inputs = {vectors['x']}", f"targets = {vectors['t']}", *tables,
        ]  # fmt: skip
        return "\n".join(lines)

    def _samples(self):
        if not self.columns:
            return ()
        rows = [list(row) for row in zip(*self.columns.values(), strict=True)]
        names = str(list(self.columns)).replace("'", '"')
        return ("[samples.training]", f"columns = {names}", f"rows = {rows}")

    def stated(self, *conventions):
        """The text with further conventions."""
        return self.text.replace("[conventions]", "\n".join(("[conventions]", *conventions)))

    def alone(self, sample):
        """The network whose only sample is one of these."""
        found = copy.copy(self)
        found.columns, found.samples = {}, 0
        found.numbers = {**self.numbers, **{n: c[sample] for n, c in self.columns.items()}}
        found.givens = [
            f"{n} = {found.numbers[n]}" if (n := g.partition(" =")[0]) in self.columns else g
            for g in self.givens
        ]
        return found

    @property
    def parameters(self):
        """Names of what is trained."""
        rows = [n for layer in self.weights for row in layer for n in row if n != "-"]
        biases = [b for layer in self.biases for b in layer if b] if self.trained else []
        return list(dict.fromkeys([*rows, *biases]))

    def error(self, values, functions):
        """The error from named scalars, or columns with a number a sample, for any engine.

        `functions` has tanh, sigmoid, relu.
        """
        out = [values[n] for n in self.x]
        for weights, biases, activation in zip(
            self.weights, self.biases, self.activations, strict=True
        ):
            nets = [
                sum(values[w] * x for w, x in zip(row, out, strict=True) if w != "-")
                + (values[bias] if bias else 0.0)
                for row, bias in zip(weights, biases, strict=True)
            ]
            out = [functions[activation](z) for z in nets]
        terms = [(values[t] - o) ** 2 for t, o in zip(self.t, out, strict=True)]
        scale = {"half squared error": 0.5, "mean squared error": 1 / len(out)}
        return scale.get(self.loss, 1.0) * sum(terms)


def _by_torch(network, numbers=None, reduction="sum"):
    """The error and its gradients; `numbers` may stand in for some, as columns of a batch."""
    torch = importlib.import_module("torch")
    numbers = {**network.numbers, **(numbers or {})}
    values = {n: torch.tensor(v, dtype=torch.float64) for n, v in numbers.items()}
    for name in network.parameters:
        values[name].requires_grad_()
    functions = {
        "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "identity": lambda z: z,
    }  # fmt: skip
    errors = network.error(values, functions)
    error = errors.mean() if reduction == "mean" else errors.sum()
    error.backward()
    return float(error.detach()), {
        n: 0.0 if values[n].grad is None else float(values[n].grad) for n in network.parameters
    }


def _by_autograd(network, numbers=None, reduction="sum"):
    anp, autograd = importlib.import_module("autograd.numpy"), importlib.import_module("autograd")
    functions = {
        "sigmoid": lambda z: (1 + anp.tanh(z / 2)) / 2, "tanh": anp.tanh, "identity": lambda z: z,
        "relu": lambda z: anp.where(z > 0, z, 0.0 * z),
    }  # fmt: skip
    numbers = {n: anp.array(v) for n, v in {**network.numbers, **(numbers or {})}.items()}

    def error(parameters):
        errors = network.error({**numbers, **parameters}, functions)
        return anp.mean(errors) if reduction == "mean" else anp.sum(errors)

    at = {n: float(numbers[n]) for n in network.parameters}
    with np.errstate(over="ignore"):  # a slope of tanh far from 0 is 1/cosh², and cosh is infinite
        return float(error(at)), {n: float(g) for n, g in autograd.grad(error)(at).items()}


ENGINES = {"torch": _by_torch, "autograd": _by_autograd}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seeds", [range(k, k + 25) for k in range(0, 200, 25)], ids=str)
def test_a_random_network_has_the_gradients_of_another_engine(engine, seeds):
    pytest.importorskip(engine, reason=f"{engine} is not installed: a second engine did not run")
    for seed in seeds:
        network = Network(seed)
        t = run.trace(scenario.read(network.text, "random.toml", "random"))
        error, gradients = ENGINES[engine](network)
        assert error == pytest.approx(t["E"], rel=1e-12, abs=1e-15), seed
        scale = max([1e-3, *map(abs, gradients.values())])
        for name, gradient in gradients.items():
            ours = t[f"dE/d{name}"]
            assert abs(gradient - ours) <= 1e-9 * scale, f"seed {seed}: dE/d{name}\n{network.text}"
            updated = network.numbers[name] - RATE * gradient
            assert abs(updated - t[f"{name}+"]) <= 1e-9 * max(scale, abs(updated)), (seed, name)
            assert t[f"{name}+"] == t.at(1)[name]


def test_frozen_biases_have_no_gradient_and_do_not_move():
    for seed in range(200):
        network = Network(seed)
        if network.trained or not any(b for layer in network.biases for b in layer):
            continue
        t = run.trace(scenario.read(network.text, "random.toml", "random"))
        name = next(b for layer in network.biases for b in layer if b)
        assert f"dE/d{name}" not in t
        assert t[name] == t.at(1)[name]


# ---- published numbers -----------------------------------------------------------------


def _two_layers(conventions, x, w, b, t, rate, **names):
    """A 2-2-2 network named as the tutorials name theirs."""
    given = {"x1": x[0], "x2": x[1], "b1": b[0], "b2": b[1], "T1": t[0], "T2": t[1], "eta": rate}
    given |= {f"w{k}": v for k, v in enumerate(w, 1)}
    layers = "".join(
        f'[[network.layers]]\nweights = {rows}\nbias = "b{k}"\nactivation = "sigmoid"\n'
        f'net = "{net}"\nout = "{out}"\n'
        for k, rows, net, out in (
            (1, '[["w1", "w2"], ["w3", "w4"]]', "h{j}", "Out h{j}"),
            (2, '[["w5", "w6"], ["w7", "w8"]]', "y{j}", "Out y{j}"),
        )
    )
    lines = [f"{name} = {value}" for name, value in given.items()]
    return scenario.read(
        'title = "two layers"\n[conventions]\nbiases = "frozen"\n' + conventions
        + "\n[givens.all]\n" + "\n".join(lines)
        + '\n[network]\ninputs = ["x1", "x2"]\ntargets = ["T1", "T2"]\n' + layers,
        "two.toml", "two",
    )  # fmt: skip


THINKINFI = {
    "h1": "0.4176", "h2": "0.4425", "Out h1": "0.60290881", "Out h2": "0.60885457",
    "y1": "0.97753007", "y2": "0.73523685", "Out y1": "0.72661785", "E1": "0.25677057",
    "E2": "0.04931263", "ETotal": "0.3060832", "dOut y1/dy1": "0.19864435",
    "dE/dw5": "0.08582533", "w5+": "0.41425240", "Out y2": "0.67595341", "w6+": "0.45399848",
    "w7+": "0.24244203", "w8+": "0.30256473", "w1+": "0.10989913", "w2+": "0.26969739",
    "w3+": "0.1898963", "w4+": "0.51968891",
}  # fmt: skip

MAZUR = {
    "h1": "0.3775", "Out h1": "0.593269992", "Out h2": "0.596884378", "y1": "1.105905967",
    "Out y1": "0.75136507", "Out y2": "0.772928465", "E1": "0.274811083", "E2": "0.023560026",
    "E": "0.298371109", "dE/dOut y1": "0.74136507", "dOut y1/dy1": "0.186815602",
    "dE/dw5": "0.082167041", "w5+": "0.35891648", "w6+": "0.408666186", "w7+": "0.511301270",
    "w8+": "0.561370121", "dE1/dy1": "0.138498562", "dE1/dOut h1": "0.055399425",
    "dE/dOut h1": "0.036350306", "dOut h1/dh1": "0.241300709", "dE/dw1": "0.000438568",
    "w1+": "0.149780716", "w2+": "0.19956143", "w3+": "0.24975114", "w4+": "0.29950229",
}  # fmt: skip


def _mazur(conventions=""):
    return _two_layers(
        conventions, (0.05, 0.1), (0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55), (0.35, 0.6),
        (0.01, 0.99), 0.5,
    )  # fmt: skip


def _thinkinfi(conventions=""):
    return _two_layers(
        conventions, (0.03, 0.09), (0.11, 0.27, 0.19, 0.52, 0.44, 0.48, 0.23, 0.29), (0.39, 0.42),
        (0.01, 0.99), 0.3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("made", "published"), [(_thinkinfi, THINKINFI), (_mazur, MAZUR)], ids=["thinkinfi", "mazur"]
)
@pytest.mark.parametrize("chain", ["full", "deltas"])
def test_the_published_digits_come_out(made, published, chain):
    t = run.trace(made(f'chain = "{chain}"'))
    for name, printed in published.items():
        assert agrees(t[name], Decimal(printed)), (name, t[name], printed)


@pytest.mark.parametrize(
    ("printed", "iteration", "update"),
    [
        ("0.291027774", 1, "simultaneous"),
        ("0.291027924", 1, "sequential"),
        ("0.0000351085", 9_999, "simultaneous"),
        ("0.0000351019", 10_000, "simultaneous"),
        ("0.000035085", 10_000, "sequential"),
    ],
)
def test_the_errors_mazur_prints_after_training_come_out(printed, iteration, update):
    s = _mazur(f'update = "{update}"')
    t = run.trace(s, iterations=iteration, record="last")
    assert agrees(t["E"], Decimal(printed))


def _sigmoid(z):
    return 1 / (1 + math.exp(-z))


def _loop(w, updates):
    """Mazur's network as a plain loop, the hidden gradients with the updated w5 … w8."""
    (i1, i2), (b1, b2), (t1, t2), eta = (0.05, 0.1), (0.35, 0.6), (0.01, 0.99), 0.5
    w = list(w)
    for _ in range(updates + 1):
        before = tuple(w)
        h1 = _sigmoid(w[0] * i1 + w[1] * i2 + b1)
        h2 = _sigmoid(w[2] * i1 + w[3] * i2 + b1)
        o1 = _sigmoid(w[4] * h1 + w[5] * h2 + b2)
        o2 = _sigmoid(w[6] * h1 + w[7] * h2 + b2)
        error = 0.5 * (t1 - o1) ** 2 + 0.5 * (t2 - o2) ** 2
        d1, d2 = -(t1 - o1) * o1 * (1 - o1), -(t2 - o2) * o2 * (1 - o2)
        w[4:] = [
            w[4] - eta * d1 * h1,
            w[5] - eta * d1 * h2,
            w[6] - eta * d2 * h1,
            w[7] - eta * d2 * h2,
        ]
        g1 = (d1 * w[4] + d2 * w[6]) * h1 * (1 - h1)
        g2 = (d1 * w[5] + d2 * w[7]) * h2 * (1 - h2)
        w[:4] = [
            w[0] - eta * g1 * i1,
            w[1] - eta * g1 * i2,
            w[2] - eta * g2 * i1,
            w[3] - eta * g2 * i2,
        ]
    return error, before


@pytest.mark.parametrize("chain", ["full", "deltas"])
@pytest.mark.parametrize("updates", [0, 1, 2, 100])
def test_sequential_update_is_the_loop_that_updates_the_output_weights_first(updates, chain):
    s = _mazur(f'update = "sequential"\nchain = "{chain}"')
    t = run.trace(s, iterations=updates, record="last")
    error, weights = _loop((0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55), updates)
    assert error == pytest.approx(t["E"], rel=1e-12)
    assert weights == pytest.approx([t[f"w{k}"] for k in range(1, 9)], rel=1e-12)


def test_a_minus_before_the_weighted_sum_stays_without_a_bias():
    """z = b − Σ w x for a layer that has no b is −Σ w x."""
    text = Network(3).text
    lines = [line for line in text.splitlines() if not line.startswith(("net =", "bias ="))]
    lines.insert(lines.index("[conventions]") + 1, 'net = "b - sum(w_i*x_i)"')
    used = "\n".join(line for line in lines if not line.startswith("b"))
    minus = run.trace(scenario.read(used, "x", "x"))
    plus = run.trace(scenario.read(used.replace("b - sum", "b + sum"), "x", "x"))
    first = next(n for n in minus if n.startswith("net"))
    assert minus[first] == -plus[first] != 0


@pytest.mark.parametrize(
    "formula",
    ["x_i*w_i + b", "sum(w_i*x_i) + b*9^9^9^9", "sum(sum(w_i*x_i)) + b", "sum(w_i*x_i)*b",
     "(sum(w_i*x_i) + b)^2", "sum(w_i*x_i) + 1e999999999*b", "sum(w_i*x_i + b)"],
)  # fmt: skip
def test_a_net_that_is_no_weighted_sum_is_refused_with_the_file(formula):
    text = Network(3).text.replace('net = "', f'net = "{formula}"\n# "')
    with pytest.raises(ScenarioError, match=r"^random\.toml: "):
        run.trace(scenario.read(text, "random.toml", "random"))


def test_a_wide_network_agrees_with_numpy():
    """50-40-10 by matrix: 10,832 steps, so that blocks are computed as columns."""
    r = np.random.default_rng(0)
    x, t = r.random(50).round(4), r.random(10).round(4)
    w1, w2 = r.normal(size=(40, 50)).round(4) / 4, r.normal(size=(10, 40)).round(4) / 4
    givens = {"x": x, "t": t, "W1": w1, "W2": w2}
    text = "\n".join([
        'title = "wide"', "[givens.all]", "eta = 0.5",
        *(f"{name} = {value.tolist()}" for name, value in givens.items()),
        "[network]", 'inputs = "x"', 'targets = "t"',
        *('[[network.layers]]', 'weights = "W1"', 'activation = "tanh"'),
        *('[[network.layers]]', 'weights = "W2"', 'activation = "sigmoid"'),
    ])  # fmt: skip
    found = run.trace(scenario.read(text, "wide.toml", "wide"))
    assert 5_000 < len(found)
    a = np.tanh(w1 @ x)
    o = 1 / (1 + np.exp(-w2 @ a))
    d2 = (o - t) * o * (1 - o)
    g2, g1 = np.outer(d2, a), np.outer((w2.T @ d2) * (1 - a**2), x)
    for name, gradients in (("W1", g1), ("W2", g2)):
        for (j, i), gradient in np.ndenumerate(gradients):
            ours = found.values[found.program.index[f"dE/d{name}[{j + 1},{i + 1}]"]]
            assert abs(gradient - ours) <= 1e-12 * np.abs(gradients).max()
    assert 0.5 * np.sum((t - o) ** 2) == pytest.approx(found["E"], rel=1e-13)
