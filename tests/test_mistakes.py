"""The catalog of mistakes: each against the mistaken calculation written by hand."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
from exercises import KINDS, exercise
from sheets import Person
from test_networks import Network

import tracer
from tracer import scenario
from tracer.arithmetic import FLOAT, apply
from tracer.check.graph import unrolled
from tracer.check.hypotheses import LAYER, THROUGHOUT, UNIT, hypotheses
from tracer.errors import ProgramError
from tracer.evaluate import run as evaluated
from tracer.expression import names
from tracer.mistakes.anatomy import anatomy_of
from tracer.mistakes.catalog import MISTAKES, by_id
from tracer.mistakes.sites import merge
from tracer.rewrite import changed

# ---- the 2-2-2 network by hand ---------------------------------------------------------

X, T = np.array([0.35, -0.6]), np.array([0.2, 0.9])
W, B = np.array([[0.15, 0.4], [-0.25, 0.3]]), 0.35
V, C = np.array([[0.5, -0.45], [0.7, 0.55]]), 0.6
ETA = 0.4

TEXT = f"""
title = "two layers"
[conventions]
biases = "{{biases}}"
chain = "{{chain}}"
loss = "{{loss}}"
[givens.all]
x1 = {X[0]}
x2 = {X[1]}
t1 = {T[0]}
t2 = {T[1]}
w = {W.tolist()}
v = {V.tolist()}
b = {B}
c = {C}
eta = {ETA}
[network]
inputs = ["x1", "x2"]
targets = ["t1", "t2"]
[[network.layers]]
weights = "w"
bias = "b"
activation = "{{activation}}"
net = "z{{{{j}}}}"
out = "a{{{{j}}}}"
[[network.layers]]
weights = "v"
bias = "c"
activation = "{{activation}}"
net = "y{{{{j}}}}"
out = "o{{{{j}}}}"
"""


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Usual:
    """The calculation as it should be; each mistake replaces one of its parts."""

    f = staticmethod(sigmoid)
    slope = staticmethod(lambda z, a: a * (1 - a))  # of the hidden layer and the output layer
    x, t = X, T
    w, v = W, V  # in the weighted sums
    biases = (B, C)
    back_v = V  # on the way back
    loss = staticmethod(lambda t, o: (t - o) ** 2 / 2)
    total = staticmethod(np.sum)
    passes_on = staticmethod(lambda z, a: a)  # to the next layer
    by_output = staticmethod(lambda t, o: o - t)
    error_of_output = staticmethod(lambda d: d)  # in the gradients of its weights
    error_of_hidden = staticmethod(lambda d: d)
    error_on_the_way = staticmethod(lambda d: d)
    paths = staticmethod(lambda v, d: v.T @ d)
    factor = staticmethod(lambda x, weights, nets: np.tile(x, (2, 1)))  # ∂net/∂w
    rate = ETA
    step = staticmethod(lambda w, eta, g: w - eta * g)
    shared = staticmethod(np.sum)  # what the units say of a layer's bias
    moves = True  # the biases

    def values(self, chain="full"):
        """Every number by its name.

        Written out in full, a gradient takes ∂E/∂out from elsewhere and goes on from there;
        with deltas it takes another delta.
        """
        z = self.w @ self.x + self.biases[0]
        a = self.f(z)
        y = self.v @ self.passes_on(z, a) + self.biases[1]
        o = self.f(y)
        e = self.loss(self.t, o)
        do, (so, sa) = self.by_output(self.t, o), self.slopes(y, o, z, a)
        delta = self.taken(self.error_of_output, do, so, chain)
        gv, gc = delta[:, None] * self.factor(a, V, z), self.shared(do * so)
        vs = self.step(V, self.rate, gv)
        da = self.paths(self.back(vs), self.error_on_the_way(do * so))
        delta = self.taken(self.error_of_hidden, da, sa, chain)
        gw, gb = delta[:, None] * self.factor(self.x, W, self.x), self.shared(da * sa)
        ws = self.step(W, self.rate, gw)
        bias = self.step if self.moves else lambda w, eta, g: w
        return {
            "E": self.total(e), "z": z, "a": a, "y": y, "o": o, "dE/da": da,
            "dE/dv": gv, "dE/dw": gw, "v+": vs, "w+": ws, "dE/db": gb, "dE/dc": gc,
            "b+": bias(B, self.rate, gb), "c+": bias(C, self.rate, gc),
        }  # fmt: skip

    @staticmethod
    def taken(error, by_out, slope, chain):
        return error(by_out) * slope if chain == "full" else error(by_out * slope)

    def slopes(self, y, o, z, a):
        """Of the outputs, of the hidden units."""
        return self.slope(y, o), self.slope(z, a)

    def back(self, updated):
        return self.back_v


#: Names of the program -> the place in what `values` gives.
NAMES = {
    "E": ("E", ()),
    **{f"{n}{j + 1}": (n, j) for n in "zayo" for j in range(2)},
    **{f"dE/da{j + 1}": ("dE/da", j) for j in range(2)},
    **{f"dE/d{n}[{j + 1},{i + 1}]": (f"dE/d{n}", (j, i))
       for n in "wv" for j in range(2) for i in range(2)},
    **{f"{n}[{j + 1},{i + 1}]+": (f"{n}+", (j, i))
       for n in "wv" for j in range(2) for i in range(2)},
    **{name: (name, ()) for name in ("dE/db", "dE/dc", "b+", "c+")},
}  # fmt: skip


def _but(**parts):
    return type("Mistaken", (Usual,), {
        name: staticmethod(part) if callable(part) and name not in ("slopes", "back") else part
        for name, part in parts.items()
    })()  # fmt: skip


def _swapped(d):
    return d[::-1]


def _first_path(v, d):
    return v[0] * d[0]


#: Mistake -> the calculation with that one part changed. All of it is worked out by hand here.
BY_HAND = {
    "activation-missing": _but(f=lambda z: z),
    "net-passed-on": _but(passes_on=lambda z, a: z),
    "sigmoid-sign": _but(f=lambda z: 1 / (1 + np.exp(z))),
    "sigmoid-brackets": _but(f=lambda z: 1 / 1 + np.exp(-z)),
    "other-activation": _but(f=np.tanh),
    "bias-forgotten": _but(biases=(0.0, 0.0)),
    "other-bias": _but(biases=(C, B)),
    "weights-transposed": _but(w=W.T, v=V.T, back_v=V.T),
    "inputs-exchanged": _but(x=X[::-1]),
    "targets-exchanged": _but(t=T[::-1]),
    "half-missing": _but(loss=lambda t, o: (t - o) ** 2),
    "half-twice": _but(loss=lambda t, o: (t - o) ** 2 / 4),
    "square-missing": _but(loss=lambda t, o: (t - o) / 2),
    "mean-for-sum": _but(total=np.mean),
    "first-error-only": _but(total=lambda e: e[0]),
    "error-sign": _but(by_output=lambda t, o: t - o),
    "two-kept": _but(by_output=lambda t, o: -2 * (t - o)),
    "gradient-halved": _but(by_output=lambda t, o: -(t - o) / 2),
    "error-for-derivative": _but(by_output=lambda t, o: (t - o) ** 2 / 2),
    "derivative-missing": _but(slope=lambda z, a: np.ones(2)),
    "derivative-of-output": _but(slope=lambda z, a: sigmoid(a) * (1 - sigmoid(a))),
    "derivative-at-net": _but(slope=lambda z, a: z * (1 - z)),
    "derivative-is-output": _but(slope=lambda z, a: a),
    "derivative-is-rest": _but(slope=lambda z, a: 1 - a),
    "derivative-elsewhere": _but(slopes=lambda self, y, o, z, a: (a * (1 - a), o * (1 - o))),
    "input-forgotten": _but(factor=lambda x, w, z: np.ones((2, 2))),
    "other-input": _but(factor=lambda x, w, z: np.tile(x[::-1], (2, 1))),
    "weight-for-input": _but(factor=lambda x, w, z: w),
    "net-for-input": _but(factor=lambda x, w, z: np.tile(z, (2, 1))),
    "other-error": _but(error_of_output=_swapped),
    "other-error-path": _but(error_on_the_way=_swapped),
    "other-unit": _but(error_of_hidden=_swapped),
    "path-weight-forgotten": _but(paths=lambda v, d: np.full(2, d.sum())),
    "backward-transposed": _but(paths=lambda v, d: v @ d),
    "one-path": _but(paths=_first_path),
    "own-path": _but(paths=lambda v, d: np.diag(v) * d),
    "shared-part": _but(shared=lambda d: d[0]),
    "updated-weights": _but(back=lambda self, updated: updated),
    "gradient-added": _but(step=lambda w, eta, g: w + eta * g),
    "rate-forgotten": _but(rate=1.0),
    "rate-twice": _but(rate=ETA**2),
    "weight-forgotten": _but(step=lambda w, eta, g: -eta * g),
    "bias-not-updated": _but(moves=False),
}


@cache
def two_layers(chain="full", activation="sigmoid", biases="trained", loss="half squared error"):
    text = TEXT.format(chain=chain, activation=activation, biases=biases, loss=loss)
    return unrolled(tracer.trace(scenario.read(text, "two.toml", "two"), iterations=0), [0])


def patched(graph, hypothesis):
    """Every node of a graph under a hypothesis, in floats."""
    person, found = Person(graph, hypothesis), {}
    for n in person.order:
        node = person.nodes[n]
        if node.bound is None:
            found[n] = graph.values[n]
        elif node.formula is None:
            found[n] = found[node.operands[0]]
        else:
            env = dict(zip(names(node.formula), (found[o] for o in node.operands), strict=True))
            found[n] = apply(node.formula, env, FLOAT)
    return found


def throughout(graph, mistake):
    found = [h for h in hypotheses(graph, [mistake]) if h.scope == THROUGHOUT]
    assert found, f"{mistake.id} cannot be made here"
    return found[0]


def by_name(graph, values):
    cells = graph.trace.names
    return {cells[place.cell]: values[n] for n, place in enumerate(graph.places)}


def agree(ours, hand):
    compared = [name for name in NAMES if name in ours]
    assert len(compared) > 20
    for name in compared:
        kind, place = NAMES[name]
        expected = float(np.asarray(hand[kind])[place])
        assert expected == pytest.approx(ours[name], rel=1e-12, abs=1e-14), name


@pytest.mark.parametrize("chain", ["full", "deltas"])
def test_the_calculation_by_hand_is_the_right_one(chain):
    graph = two_layers(chain)
    agree(by_name(graph, graph.values), Usual().values(chain))


@pytest.mark.parametrize("chain", ["full", "deltas"])
@pytest.mark.parametrize("wrong", BY_HAND)
def test_a_mistake_gives_what_somebody_who_makes_it_computes(wrong, chain):
    graph = two_layers(chain)
    made = patched(graph, throughout(graph, by_id()[wrong]))
    agree(by_name(graph, made), BY_HAND[wrong].values(chain))


@pytest.mark.parametrize("wrong", BY_HAND)
def test_every_mistake_by_hand_gives_other_numbers(wrong):
    usual, mistaken = Usual().values(), BY_HAND[wrong].values()
    assert any(not np.allclose(usual[k], mistaken[k], rtol=1e-6) for k in usual)


def test_most_mistakes_are_worked_out_by_hand():
    assert len(BY_HAND) >= 40


# ---- another convention ----------------------------------------------------------------


@pytest.mark.parametrize("chain", ["full", "deltas"])
def test_a_mean_that_is_forgotten_gives_the_numbers_of_the_sum(chain):
    graph, summed = (
        two_layers(chain, loss=f"{loss} error") for loss in ("mean squared", "squared")
    )
    ours = by_name(graph, patched(graph, throughout(graph, by_id()["mean-forgotten"])))
    theirs = by_name(summed, summed.values)
    assert {n: ours[n] for n in NAMES} == pytest.approx({n: theirs[n] for n in NAMES}, rel=1e-12)


def batch(reduction, penalty):
    text = Network(7, samples=3).stated(f'reduction = "{reduction}"')
    if penalty:
        text = text.replace("[givens.all]", "[givens.all]\nrho = 0.01")
        text = text.replace("[conventions]", '[conventions]\npenalty = { l2 = "rho" }')
    return unrolled(tracer.trace(scenario.read(text, "b.toml", "b"), iterations=0), [0])


@pytest.mark.parametrize("penalty", [False, True])
@pytest.mark.parametrize(
    ("mistake", "right", "made"),
    [("batch-added", "mean", "sum"), ("batch-averaged", "sum", "mean")],
)
def test_a_batch_reduced_the_other_way_gives_the_numbers_of_that_way(mistake, right, made, penalty):
    graph, other = batch(right, penalty), batch(made, penalty)
    ours = by_name(graph, patched(graph, throughout(graph, by_id()[mistake])))
    theirs = by_name(other, other.values)
    whole = [n for n in theirs if n == "E" or n.endswith("+") or n in gradients_of(other)]
    assert len(whole) > 5
    assert {n: ours[n] for n in whole} == pytest.approx({n: theirs[n] for n in whole}, rel=1e-9)
    assert ours["E"] != pytest.approx(graph.values[graph.find(0, graph.trace.program.root, 0)])


def gradients_of(graph):
    return {graph.trace.names[cell] for cell in graph.trace.program.gradients.values()}


# ---- the same in a program -------------------------------------------------------------


def _run(graph, hypothesis):
    """The values of the changed program, by name."""
    trace = graph.trace
    program = trace.program
    site = merge(hypothesis.sites)
    cells = anatomy_of(program).cells
    changes = {cell: edit(cells[cell].change) for cell, edit in site.edits.items()}
    other, copies = changed(program, changes, site.carry)
    first = trace.at(graph.iterations[0])
    givens = {}
    for block in other.blocks:
        for cell in block.cells.tolist() if block.rule is None else ():
            old = copies[cell].cell if cell in copies else program.index[other.step(cell).name]
            givens[cell] = _given(first, old, block)
    return other, evaluated(other, givens, list(graph.iterations))


def _given(first, cell, block):
    column = first.column(cell)
    return column if block.per_sample else float(column[0])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "online"])  # fed anew
@pytest.mark.parametrize("seed", range(3))
def test_a_mistake_made_in_the_program_gives_the_numbers_of_the_changed_graph(kind, seed):
    graph = exercise(kind, seed)
    for h in (h for h in hypotheses(graph) if h.scope != UNIT):
        try:
            nodes = patched(graph, h)
            other, values = _run(graph, h)
        except (ProgramError, AssertionError, ArithmeticError, ValueError):
            continue  # no order of the steps is left, or e^900
        assert_same(graph, nodes, other, values, h)


def assert_same(graph, nodes, other, values, h):
    program = graph.trace.program
    for n, place in enumerate(graph.places):
        cell = other.index[program.step(place.cell).name]
        found = values.of(cell)[graph.iterations.index(place.iteration), 0]
        mine = found[place.sample] if len(found) > 1 else found[0]
        scale = max(1e-3, abs(nodes[n]))
        assert abs(mine - nodes[n]) <= 1e-9 * scale, (h.ids, other.step(cell).name, place)


# ---- the table -------------------------------------------------------------------------


def test_ids_are_unique_and_plain():
    ids = [m.id for m in MISTAKES]
    assert len(ids) == len(set(ids)) > 50
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", i) for i in ids)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.id)
def test_what_is_said_of_a_mistake_reads_well(mistake):
    assert mistake.says.endswith((".", "?"))
    assert mistake.says[0].isupper() or mistake.says.startswith(("∂", "−", "relu"))
    assert not mistake.explains.endswith(".")
    assert "  " not in mistake.says + mistake.explains
    assert len(mistake.explains) <= 80


#: Where a mistake can be made, if not in a network with one sample.
ELSEWHERE = {
    "log10": "formulas", "softmax-without-exp": "formulas", "softmax-diagonal": "formulas",
    "batch-added": "batch", "batch-averaged": "batch",
    "not-averaged": "batch", "not-summed": "batch", "original-weights": "sequential",
    "bias-updated": "several", "penalty-forgotten": "penalised",
    "stale-forward": "several", "initial-weights": "several", "previous-sample": "online",
    "first-sample-outputs": "online",
    "own-maximum": "prediction", "relu-negative": "random", "relu-mask": "random",
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.id)
def test_every_mistake_can_be_made_somewhere(mistake):
    kind = ELSEWHERE.get(mistake.id, "tutorial")
    graphs = [prediction()] if kind == "prediction" else (exercise(kind, k) for k in range(25))
    assert any(hypotheses(graph, [mistake]) for graph in graphs)


def prediction():
    """The graph of another sample set than the one that is trained on."""
    t = tracer.predict(tracer.trace("enlight-training", iterations=0), "prediction")
    return unrolled(t, [0])


def test_a_mistake_is_known_throughout_by_layer_and_by_unit():
    graph = two_layers()
    found = hypotheses(graph, [by_id()["derivative-missing"]])
    assert [THROUGHOUT] + [LAYER] * 2 + [UNIT] * 4 == [h.scope for h in found]
    assert {"", "hidden layer", "output layer", "z1", "z2", "y1", "y2"} >= {
        h.mistakes[0][1] for h in found if h.scope != UNIT
    }


def test_no_hypothesis_changes_nothing():
    graph = two_layers()
    for h in hypotheses(graph):
        changes, _ = h.changes
        assert changes
        assert all(node != graph.nodes[n] for n, node in changes.items())


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_penalty_that_is_forgotten_leaves_the_gradients_of_the_data(reduction):
    graph, plain = batch(reduction, True), batch(reduction, False)
    ours = by_name(graph, patched(graph, throughout(graph, by_id()["penalty-forgotten"])))
    theirs, right = by_name(plain, plain.values), by_name(graph, graph.values)
    gradients = [f"dE/d{n[:-1]}" for n in theirs if n.endswith("+") and n[0] != "b"]
    assert len(gradients) > 3
    for name in gradients:
        assert theirs[name] == pytest.approx(ours[name], rel=1e-12)
        assert right[name] != pytest.approx(ours[name], rel=1e-6)
    assert right["E"] == ours["E"]


def test_a_penalty_is_no_unit_that_shares_a_parameter():
    assert not [h for h in hypotheses(batch("mean", True), [by_id()["shared-part"]])
                if h.scope == THROUGHOUT]  # fmt: skip
