"""Exercises drawn at random: networks of all sizes, batches, several passes, formulas alone."""

from __future__ import annotations

import random
from functools import lru_cache
from itertools import pairwise

from peer_layers import alone
from test_networks import Network

import tracer
from tracer import scenario
from tracer.check.graph import unrolled

SIZES = [(2, 2, 2), (2, 2, 2), (2, 3, 1), (3, 2, 2), (2, 2, 2, 2), (3, 3, 3), (1, 2, 1), (2, 2, 1)]
LOSSES = ["half squared error", "squared error", "mean squared error"]
NETS = ["sum(w_i*x_i) + b", "sum(w_i*x_i) + b*1", "b + sum(x_i*w_i)"]


# ---- networks --------------------------------------------------------------------------


class Stressed(Network):
    """A network of large and tiny numbers, and of round ones, whose sums meet relu's kink."""

    def _new(self, name):
        drawn = self.r.choice([
            lambda: round(self.r.uniform(-5, 5), 4), lambda: round(self.r.uniform(-1, 1), 1),
            lambda: round(self.r.uniform(-0.01, 0.01), 5), lambda: round(self.r.uniform(-1, 1), 3),
        ])  # fmt: skip
        self.numbers[name] = drawn()
        return name


def random_net(seed):
    return Network(seed).text


def stressed(seed):
    return Stressed(seed).text


def batch(seed):
    reduction = random.Random(seed).choice(["sum", "mean"])
    return Network(seed, samples=3 + seed % 2).stated(f'reduction = "{reduction}"')


def penalised(seed):
    """A network or a batch whose error has a penalty, or two."""
    r = random.Random(seed)
    kinds = r.choice(['l2 = "rho"', 'l1 = "rho"', 'l1 = "rho", l2 = "rho"'])
    text = Network(seed, samples=seed % 3 and 3).stated(
        f"penalty = {{ {kinds} }}", f'reduction = "{r.choice(["sum", "mean"])}"'
    )
    return text.replace("[givens.all]", "[givens.all]\nrho = 0.05")


def online(seed):
    return Network(seed, samples=2 + seed % 2).stated("batch_size = 1")


def sequential(seed):
    return Network(seed).stated('update = "sequential"')


def tutorial(seed):
    """A network as tutorials have it: 2-2-2 or near it, a bias a layer, numbers of two digits."""
    r = random.Random(seed)
    widths = r.choice(SIZES)
    activation = r.choice(["sigmoid", "sigmoid", "sigmoid", "tanh", "relu"])
    x, t = _row("x", widths[0], r), _row("t", widths[-1], r, low=0)
    lines, layers = [], []
    for k, (inputs, units) in enumerate(pairwise(widths), 1):
        rows = [_row(f"w{k}_{j}_", inputs, r) for j in range(1, units + 1)]
        bias = _row(f"b{k}", 1, r)
        lines += [line for row in [*rows, bias] for line in row.values()]
        kind = activation if k < len(widths) - 1 else r.choice(["sigmoid", activation])
        layers.append(
            f"[[network.layers]]\nweights = {_texts([list(row) for row in rows])}\n"
            f'bias = "{next(iter(bias))}"\nactivation = "{kind}"'
        )
    return "\n".join([
        'title = "tutorial"', "[conventions]", f'loss = "{r.choice(LOSSES)}"',
        f'sign = "{r.choice(["t - o", "o - t"])}"', f'net = "{r.choice(NETS)}"',
        f'chain = "{r.choice(["full", "deltas"])}"',
        f'biases = "{r.choice(["trained", "frozen"])}"', "[givens.all]",
        f"eta = {r.choice([0.5, 0.1, 0.25, 0.3, 1.0, 0.05])}",
        *x.values(), *t.values(), *lines,
        "[network]", f"inputs = {_texts(list(x))}", f"targets = {_texts(list(t))}", *layers,
    ])  # fmt: skip


def _row(name, size, r, low=-1):
    names = [f"{name}{k}" for k in range(1, size + 1)]
    return {n: f"{n} = {round(r.uniform(low, 1), 2)}" for n in names}


def _texts(names):
    return str(names).replace("'", '"')


# ---- formulas --------------------------------------------------------------------------

#: Formulas of two earlier names.
LINKS = [
    "{a}*{b}", "{a}*{b} + {a}", "{a} - 2*{b}", "{a}/(1 + {b}^2)", "1/(1 + e^(-{a}))*{b}",
    "tanh({a}) + {b}", "ln(1 + {a}^2)*{b}", "sqrt(1 + {a}^2)", "max({a}, {b})", "{a}*(1 - {a})",
    "e^({a}/3)", "({a} - {b})^2", "{a}^3/5 + {b}", "max(0, {a})*{b}", "{a}/(e^{b} + 1)",
]  # fmt: skip

#: Whole calculations with their givens.
CALCULATIONS = [
    ("z1 z2 z3 y1 y2", {
        "p1": "e^z1/(e^z1 + e^z2 + e^z3)", "p2": "e^z2/(e^z1 + e^z2 + e^z3)",
        "p3": "e^z3/(e^z1 + e^z2 + e^z3)", "L": "-y1^2*ln(p1) - y2^2*ln(p2) - ln(p3)",
    }),
    ("w b x y", {
        "z": "w*x + b", "p": "1/(1 + e^(-z))", "L": "-(y^2*ln(p) + (1 + y^2)*ln(1 - p))",
    }),
    ("x y z w", {"q": "x + y", "m": "max(z, w)", "f": "(q*m)*2 + x*w"}),
    ("w1 w2 b x1 x2 y", {
        "z": "w1*x1 + w2*x2 + b", "a": "tanh(z)", "penalty": "1/2*(w1^2 + w2^2)",
        "L": "1/2*(y - a)^2 + 0.1*penalty",
    }),
]  # fmt: skip


def formulas(seed):
    """A calculation of formulas: a known one, or links chosen at random."""
    r = random.Random(seed)
    if r.random() < 0.5:
        givens, lines = r.choice(CALCULATIONS)
    else:
        givens, lines = "u v w", _links(r)
    numbers = [f"{name} = {round(r.uniform(-2, 2), 2)}" for name in givens.split()]
    return "\n".join([
        'title = "formulas"', "[conventions]", "[givens.all]", "eta = 0.1", *numbers,
        "[formulas]", *(f'{name} = "{text}"' for name, text in lines.items()),
    ])  # fmt: skip


def _links(r):
    names, lines = ["u", "v", "w"], {}
    for k in range(r.randint(3, 8)):
        a, b = r.sample(names, 2)
        lines[f"f{k}"] = r.choice(LINKS).format(a=a, b=b)
        names.append(f"f{k}")
    a, b = r.sample(names, 2)
    return {**lines, "F": f"({a} - {b})^2 + f{k} + u*v*w/50"}


# ---- layers ----------------------------------------------------------------------------


def layers(*kinds):
    """A layer of one of the kinds, with one sample or three."""

    def drawn(seed):
        kind = kinds[seed % len(kinds)]
        return alone(kind, seed, 3 if kind == "batch norm" or seed % 4 == 3 else 0).text()

    return drawn


# ---- all -------------------------------------------------------------------------------

#: Kind -> its scenario, and the updates it is asked for.
KINDS = {
    "random": (random_net, 0), "stressed": (stressed, 0), "tutorial": (tutorial, 0),
    "batch": (batch, 0), "penalised": (penalised, 0), "online": (online, 2),
    "sequential": (sequential, 0),
    "formulas": (formulas, 0), "several": (tutorial, 1),
    "windows": (layers("convolution", "pooling", "flatten"), 0),
    "recurrent": (layers("recurrent"), 0), "gates": (layers("lstm", "gru"), 0),
    "attention": (layers("attention", "embedding"), 0),
    "norms": (layers("layer norm", "batch norm"), 0),
    "passing": (layers("activation", "residual", "dropout"), 0),
}  # fmt: skip


@lru_cache(maxsize=8)
def exercise(kind, seed):
    """The graph of an exercise."""
    text, updates = KINDS[kind][0](seed), KINDS[kind][1]
    trace = tracer.trace(scenario.read(text, f"{kind}.toml", kind), iterations=updates)
    return unrolled(trace, range(updates + 1))
