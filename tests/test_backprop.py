"""The reverse pass over any program, against an object tape and central differences."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from promptly import promptly

from tracer import labels
from tracer.backprop import Cut, backprop
from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.losses import LOSSES
from tracer.catalog.sums import TOTALS, net
from tracer.catalog.vectors import VECTORS
from tracer.evaluate import run
from tracer.labels import Derivative, Own
from tracer.program import Draft, Phase
from tracer.rules import rule

RULES = {
    "times": (2, rule("times", "z = x*y")),
    "plus": (2, rule("plus", "z = x + y")),
    "minus": (2, rule("minus", "z = x - y")),
    "ratio": (2, rule("ratio", "z = x/(1 + y^2)")),
    "half": (1, rule("half", "z = 1/2*x")),
    "sigmoid": (1, ACTIVATIONS["sigmoid"]),
    "tanh": (1, ACTIVATIONS["tanh"]),
    "identity": (1, ACTIVATIONS["identity"]),
    "sum": (3, rule("sum", "z = sum(x_i)")),
    "net": (5, net("sum(w_i*x_i) + b")),
    "product": (3, rule("product", "z = prod(x_i)")),
    "largest": (3, rule("largest", "z = max(x_i)")),
    "norm": (3, rule("norm", "z = sqrt(1 + sum(x_i^2))")),
    "spread": (4, rule("spread", "z = sum((x_i - m)^2)/n")),
    "softmax": (3, VECTORS["softmax"]),
    "log-softmax": (3, VECTORS["log-softmax"]),
}


# ---- an engine of its own: values that remember where they come from --------------------


class Value:
    """A number with the slopes towards what it was made of."""

    def __init__(self, number, *slopes):
        self.number, self.slopes = number, slopes

    def gradients(self):
        """∂self/∂v for every v it depends on, by identity."""
        order, seen = [], set()

        def visit(v):
            if id(v) not in seen:
                seen.add(id(v))
                for part, _ in v.slopes:
                    visit(part)
                order.append(v)

        visit(self)
        found = {id(self): 1.0}
        for v in reversed(order):
            for part, slope in v.slopes:
                found[id(part)] = found.get(id(part), 0.0) + slope * found[id(v)]
        return found


def tape(kind, *of):
    """The step `kind` on values, its slopes written by hand."""
    x, y, *_ = (*(v.number for v in of), 0.0)
    if kind == "times":
        return Value(x * y, (of[0], y), (of[1], x))
    if kind in ("plus", "minus"):
        sign = 1.0 if kind == "plus" else -1.0
        return Value(x + sign * y, (of[0], 1.0), (of[1], sign))
    if kind == "ratio":
        return Value(
            x / (1 + y * y), (of[0], 1 / (1 + y * y)), (of[1], -2 * x * y / (1 + y * y) ** 2)
        )
    if kind in ("half", "identity"):
        scale = 0.5 if kind == "half" else 1.0
        return Value(scale * x, (of[0], scale))
    if kind == "sigmoid":
        a = 1 / (1 + math.exp(-x))
        return Value(a, (of[0], a * (1 - a)))
    if kind == "tanh":
        return Value(math.tanh(x), (of[0], 1 / math.cosh(x) ** 2))
    if kind in ("sum", "mean"):
        scale = 1 / len(of) if kind == "mean" else 1.0
        return Value(scale * sum(v.number for v in of), *((v, scale) for v in of))
    if kind in GROUPS:
        return Value(*GROUPS[kind](of, [v.number for v in of]))
    u, v, w, z, b = of
    total = u.number * v.number + w.number * z.number + b.number
    return Value(total, (u, v.number), (v, u.number), (w, z.number), (z, w.number), (b, 1.0))


def _largest(of, x):
    first = x.index(max(x))
    return max(x), (of[first], 1.0)


def _norm(of, x):
    length = math.sqrt(1 + sum(v * v for v in x))
    return length, *((v, a / length) for v, a in zip(of, x, strict=True))


def _spread(of, x):
    """Operands in the order they are written: x_1, m, x_2, x_3."""
    (m, mean), members = (of[1], x[1]), [(of[k], x[k]) for k in (0, 2, 3)]
    slopes = [(v, 2 * (a - mean) / 3) for v, a in members]
    by_mean = (m, -sum(2 * (a - mean) / 3 for _, a in members))
    return sum((a - mean) ** 2 for _, a in members) / 3, *slopes, by_mean


def _softmax(of, x):
    """Operands: the output's own net, then all three."""
    top = max(x[1:])
    powers = [math.exp(a - top) for a in x[1:]]
    p, own = [power / sum(powers) for power in powers], of[1:].index(of[0])
    return p[own], *((v, p[own] * ((k == own) - p[k])) for k, v in enumerate(of[1:]))


def _log_softmax(of, x):
    p, *slopes = _softmax(of, x)
    return math.log(p), *((v, slope / p) for v, slope in slopes)


GROUPS = {
    "product": lambda of, x: (
        math.prod(x), *((v, math.prod(x[:k] + x[k + 1 :])) for k, v in enumerate(of))
    ),
    "largest": _largest, "norm": _norm, "spread": _spread,
    "softmax": _softmax, "log-softmax": _log_softmax,
}  # fmt: skip


# ---- random programs -------------------------------------------------------------------

GIVENS = {"p1": 0.7, "p2": -1.1, "p3": 0.4, "x1": 1.3, "x2": -0.6}
TRAINED = ("p1", "p2", "p3")


@st.composite
def plans(draw):
    """(blocks of steps, terms, how the terms are joined); steps as (kind, operands)."""
    blocks, size = [], len(GIVENS)
    for _ in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(sorted(RULES)))
        cells = st.lists(st.integers(0, size - 1), min_size=RULES[kind][0], max_size=RULES[kind][0])
        rows = draw(st.lists(cells, min_size=1, max_size=2))
        if kind in VECTORS:  # an output for every net
            rows = [[own, *rows[0]] for own in rows[0]]
        blocks.append((kind, rows))
        size += len(rows)
    steps = st.integers(0, size - 1)
    terms = draw(st.lists(steps, min_size=1, max_size=3, unique=draw(st.booleans())))
    return blocks, terms, draw(st.sampled_from(["sum", "mean", "times"]))


def _written(plan):
    """The plan as a draft, its error, and the same on the tape: values by cell."""
    draft = Draft()
    draft.given([Own(name) for name in GIVENS])
    values = [Value(number) for number in GIVENS.values()]
    blocks, terms, join = plan
    for kind, rows in blocks:
        called = [Own(f"s{len(values) + k}") for k in range(len(rows))]
        draft.emit(RULES[kind][1], rows, called, Phase.FORWARD)
        values += [tape(kind, *(values[c] for c in row)) for row in rows]
    if join == "times":
        ends = (terms[0], terms[-1])
        root = draft.emit(RULES["times"][1], [ends], [Own("E")], Phase.ERROR)
        values.append(tape("times", *(values[c] for c in ends)))
    else:
        root = draft.emit(TOTALS[join], [terms], [Own("E")], Phase.ERROR)
        values.append(tape(join, *(values[c] for c in terms)))
    return draft, int(root[0]), values


def _cuts(draft, chosen):
    kinds = [None, Cut.ALWAYS, Cut.PATHS, Cut.DELTA]
    found = {cell: kinds[k] for cell, k in enumerate(chosen) if len(GIVENS) <= cell < draft.size}
    return {cell: kind for cell, kind in found.items() if kind}


def _checked(plan, chosen):
    """Back-propagate a plan; every claim of the program against the tape."""
    draft, root, values = _written(plan)
    trained = np.array([list(GIVENS).index(name) for name in TRAINED])
    gradients = backprop(draft, root, trained, _cuts(draft, chosen))
    program = draft.finish(root)
    found = run(program, dict(enumerate(GIVENS.values())), [0]).at(0, 0)
    slopes = values[root].gradients()
    expected = {int(c): slopes.get(id(values[c]), 0.0) for c in trained}
    scale = max(1.0, *map(abs, expected.values()))
    for cell, slope in expected.items():
        assert slope == pytest.approx(found[gradients[cell]] if cell in gradients else 0.0,
                                      abs=1e-9 * scale)  # fmt: skip
    _check_order(program)
    _check_names(program, found, values, {root} if plan[2] == "times" else {root, *plan[1]})
    return {cell: float(found[g]) for cell, g in gradients.items()}


def _check_order(program):
    names = [step.name for step in program.steps()]
    assert len(set(names)) == len(names)
    assert not set(names) & set(program.aliases)
    for step in program.steps():
        assert all(operand < step.index for operand in step.operands.values())


def _check_names(program, found, values, terms):
    """Whatever is called ∂E_k/∂x is the whole derivative of E_k by x."""
    cells = {labels.name(program.label(cell)): cell for cell in range(len(values))}
    called = [(program.label(c), c) for c in range(len(values), len(program))]
    called += [(label, c) for c, more in program.also.items() for label in more]
    for label, cell in called:
        if not isinstance(label, Derivative) or label.note:
            continue
        top, bottom = (cells[labels.name(part)] for part in (label.top, label.bottom))
        if top in terms:
            true = values[top].gradients().get(id(values[bottom]), 0.0)
            assert true == pytest.approx(found[cell], rel=1e-9, abs=1e-9), labels.name(label)


CHOSEN = st.lists(st.integers(0, 3), min_size=25, max_size=25)


@given(plans(), CHOSEN)
@settings(max_examples=400, deadline=None)
def test_every_gradient_and_every_name_of_a_random_program_is_true(plan, chosen):
    _checked(plan, chosen)


@given(plans(), CHOSEN)
@settings(deadline=None)
def test_cuts_change_the_steps_and_not_the_gradients(plan, chosen):
    whole = _checked(plan, [0] * 25)
    for other in (chosen, [1] * 25, [2] * 25, [3] * 25):
        cut = _checked(plan, other)
        assert whole.keys() == cut.keys()
        for cell, gradient in whole.items():
            assert gradient == pytest.approx(cut[cell], rel=1e-9, abs=1e-9)


@given(plans())
@settings(max_examples=60, deadline=None)
def test_every_gradient_is_the_slope_between_two_near_points(plan):
    draft, root, _ = _written(plan)
    trained = np.array([list(GIVENS).index(name) for name in TRAINED])
    gradients = backprop(draft, root, trained, {})
    program, start = draft.finish(root), dict(enumerate(GIVENS.values()))
    found = run(program, start, [0]).at(0, 0)
    scale = max(1.0, *np.abs(found))
    for cell in map(int, trained):
        up, down = (
            run(program, {**start, cell: start[cell] + h}, [0]).at(0, 0)[root]
            for h in (1e-6, -1e-6)
        )
        slope = found[gradients[cell]] if cell in gradients else 0.0
        assert (up - down) / 2e-6 == pytest.approx(slope, abs=1e-7 * scale)


# ---- cases worth a name ----------------------------------------------------------------


@pytest.mark.parametrize(
    "plan",
    [
        ([("times", [[0, 0]])], [5], "sum"),  # x·x: two contributions of one operand
        ([("times", [[0, 1]]), ("times", [[5, 5]])], [5, 6], "sum"),  # E2 depends on E1
        ([("times", [[0, 1]]), ("times", [[5, 5]])], [5, 6], "mean"),
        ([("times", [[0, 1]])], [5, 5], "sum"),  # the same term twice
        ([("times", [[0, 1]])], [5], "times"),  # E = s²
        ([("identity", [[0]])], [5], "sum"),  # the gradient is 1 itself
        ([("net", [[0, 3, 1, 4, 2], [1, 3, 0, 4, 2]])], [5, 6], "sum"),  # crossed weights, a bias
        ([("net", [[0, 3, 0, 3, 0]])], [5], "sum"),  # one weight in every place
        ([("half", [[0]]), ("plus", [[5, 0]])], [5, 6], "mean"),
        ([("minus", [[0, 0]])], [5], "sum"),  # the gradient is 0
        ([("plus", [[3, 4]]), ("times", [[0, 3]])], [5, 6], "sum"),  # a term nothing trains
    ],
)
@pytest.mark.parametrize("kind", range(4))
def test_shared_and_repeated_operands_sum_their_paths(plan, kind):
    _checked(plan, [kind] * 25)


def _small_net(chain, biases_trained=False):
    """The 2-2-2 net of the tutorials, named as they name it."""
    draft = Draft()

    def own(*texts):
        return [Own(text) for text in texts]

    x, w1 = draft.given(own("x1", "x2")), draft.given(own("w1", "w2", "w3", "w4"))
    w2, b = draft.given(own("w5", "w6", "w7", "w8")), draft.given(own("b1", "b2"))
    t = draft.given(own("T1", "T2"))
    sigmoid, weighted = ACTIVATIONS["sigmoid"], net("sum(w_i*x_i) + b")

    def layer(x, w, b, nets, outs):
        rows = [[w[0], x[0], w[1], x[1], b], [w[2], x[0], w[3], x[1], b]]
        z = draft.emit(weighted, rows, own(*nets), Phase.FORWARD)
        return z, draft.emit(sigmoid, z[:, None], own(*outs), Phase.FORWARD)

    h, oh = layer(x, w1, b[0], ("h1", "h2"), ("Out_h1", "Out_h2"))
    y, oy = layer(oh, w2, b[1], ("y1", "y2"), ("Out_y1", "Out_y2"))
    terms = draft.emit(
        LOSSES["half squared error", "t - o"], np.stack([t, oy], 1), own("E1", "E2"), Phase.ERROR
    )
    root = int(draft.emit(TOTALS["sum"], [terms], own("E"), Phase.ERROR)[0])
    cuts = {int(c): Cut.DELTA for c in (*h, *y)}
    if chain == "full":
        cuts = dict.fromkeys(map(int, (*h, *y)), Cut.PATHS)
        cuts |= dict.fromkeys(map(int, (*oh, *oy)), Cut.ALWAYS)
    trained = np.concatenate([w1, w2, b] if biases_trained else [w1, w2])
    backprop(draft, root, trained, cuts)
    return draft.finish(root)


def _product(program, name):
    """The names of the factors of a step."""
    names = [step.name for step in program.steps()]
    cell = program.index.get(name, program.aliases.get(name))
    return [names[operand] for operand in program.step(cell).operands.values()]


def test_the_full_chain_spells_each_factor_as_the_tutorials_do():
    program = _small_net("full")
    assert ["dE1/dOut_y1", "dOut_y1/dy1", "dy1/dw5"] == _product(program, "dE/dw5")
    assert program.aliases["dE/dOut_y1"] == program.index["dE1/dOut_y1"]
    assert ["dE1/dOut_h1", "dE2/dOut_h1"] == _product(program, "dE/dOut_h1")
    assert ["dE/dy1", "dy1/dOut_h1"] == _product(program, "dE1/dOut_h1")
    assert ["dE/dOut_h1", "dOut_h1/dh1", "dh1/dw1"] == _product(program, "dE/dw1")
    assert ["Out_h1"] == _product(program, "dy1/dw5")
    assert ["w5"] == _product(program, "dy1/dOut_h1")


def test_the_chain_of_deltas_names_each_net():
    program = _small_net("deltas")
    assert ["delta_y1", "dy1/dw5"] == _product(program, "dE/dw5")
    assert ["dE1/dOut_y1", "dOut_y1/dy1"] == _product(program, "delta_y1")
    assert ["dE/dOut_h1", "dOut_h1/dh1"] == _product(program, "delta_h1")
    assert ["delta_h1", "dh1/dw1"] == _product(program, "dE/dw1")
    assert program.aliases["dE/dy1"] == program.index["delta_y1"]


def test_a_bias_of_a_layer_sums_a_path_for_each_unit():
    program = _small_net("full", biases_trained=True)
    assert ["dE1/db2", "dE2/db2"] == _product(program, "dE/db2")
    assert ["dE/db1 via h1", "dE/db1 via h2"] == _product(program, "dE/db1")


def test_a_partial_lists_only_the_operands_its_formula_mentions():
    program = _small_net("full")
    assert ["T1", "Out_y1"] == _product(program, "dE1/dOut_y1")
    assert ["Out_y1"] == _product(program, "dOut_y1/dy1")  # a(1 - a) names the output alone
    assert ["x2"] == _product(program, "dh1/dw2")


# ---- large programs --------------------------------------------------------------------


def _convolution(size, filters=4, kernel=3):
    """Filters over an image, the greatest of every 2 × 2, one output; a block for every step."""
    draft = Draft()
    image = draft.given([Own(f"x{k}") for k in range(size**2)]).reshape(size, size)
    trained, last = [], []
    side = size - kernel + 1

    def emit(rule_, rows, name):
        steps = (draft.emit(rule_, [r], [Own(f"{name}{k}")], Phase.FORWARD) for k, r in rows)
        return np.concatenate(list(steps))

    for f in range(filters):
        weights = draft.given([Own(f"w{f}_{k}") for k in range(kernel**2 + 1)])
        trained += weights.tolist()
        windows = (
            [*np.stack([weights[:-1], image[i : i + kernel, j : j + kernel].ravel()], 1).ravel()]
            for i, j in np.ndindex(side, side)
        )
        z = emit(net("sum(w_i*x_i) + b"), enumerate([*w, weights[-1]] for w in windows), f"z{f}_")
        a = emit(ACTIVATIONS["relu"], enumerate(z[:, None]), f"a{f}_").reshape(side, side)
        pools = (
            a[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] for i, j in np.ndindex(side // 2, side // 2)
        )
        last += emit(RULES["largest"][1], enumerate(p.ravel() for p in pools), f"p{f}_").tolist()
    (root,) = draft.emit(TOTALS["sum"], [last], [Own("E")], Phase.ERROR)
    return draft, int(root), np.array(trained)


def test_a_convolution_of_a_block_a_step_is_differentiated_soon():
    """The time grows with the number of contributions, not with its square."""
    draft, root, trained = _convolution(18)
    with promptly():
        gradients = backprop(draft, root, trained, {})
    assert len(draft.blocks) > 2_000
    program = draft.finish(root)
    rng = np.random.default_rng(3)
    start = {c: rng.normal() for b in program.blocks if not b.rule for c in b.cells.tolist()}
    found = run(program, start, [0]).at(0, 0)
    for cell in trained[[0, 9, 17, 30]].tolist():
        up, down = (
            run(program, {**start, cell: start[cell] + h}, [0], only=[root]).of(root)[0, 0, 0]
            for h in (1e-6, -1e-6)
        )
        assert (up - down) / 2e-6 == pytest.approx(found[gradients[cell]], abs=1e-6)
