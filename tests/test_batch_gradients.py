"""Gradients through what runs over the samples of a batch, against PyTorch in float64.

Random programs with totals and averages in several places; batch norm as a course writes it.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer import labels, run, scenario
from tracer.backprop import Cut, backprop, through_batch
from tracer.catalog.sums import BATCHES, TOTALS
from tracer.catalog.vectors import VECTORS
from tracer.errors import ProgramError, ScenarioError
from tracer.evaluate import run as evaluate
from tracer.labels import Derivative, OfSample, Own
from tracer.program import Draft, Phase
from tracer.rules import rule
from tracer.tables import gradients_table, of_batch

# ---- random programs -------------------------------------------------------------------

SHARED = {"p1": 0.7, "p2": -1.1, "p3": 0.4}
DATA = ("x1", "x2")
FREE = len(SHARED) + len(DATA)

#: Steps by kind: the rule, the places that all samples are gathered from, the same in torch.
KINDS = {
    "times": ("z = x*y", (), lambda m, x, y: x * y),
    "minus": ("z = x - y", (), lambda m, x, y: x - y),
    "tanh": ("z = tanh(x)", (), lambda m, x: torch.tanh(x)),
    "ratio": ("z = x/sqrt(1 + y^2)", (), lambda m, x, y: x / torch.sqrt(1 + y**2)),
    "total": ("z = total(x)", (0,), lambda m, x: x.expand(m).sum()),
    "average": ("z = average(x)", (0,), lambda m, x: x.expand(m).mean()),
    "variance": (
        "z = average((x - y)^2)", (0, 1), lambda m, x, y: ((x - y) ** 2).expand(m).mean(),
    ),
    "size": ("z = sqrt(1 + average(x^2))", (0,), lambda m, x: (1 + (x**2).expand(m).mean()).sqrt()),
    "share": (
        "z = total(x*y)/total(1 + y^2)", (0, 1),
        lambda m, x, y: (x * y).expand(m).sum() / (1 + y**2).expand(m).sum(),
    ),
    "pairs": ("z = average(prod(x_i))", (0, 1), lambda m, x, y: (x * y).expand(m).mean()),
    "scaled": ("z = y*average(x)", (1,), lambda m, y, x: y * x.expand(m).mean()),
}  # fmt: skip
RULES = {kind: rule(kind, equation) for kind, (equation, _, _) in KINDS.items()}
KINDLY = sorted([*KINDS, "softmax"])


@st.composite
def plans(draw):
    """Steps as (kind, operands), the error's two parts, how they are joined, the samples."""
    steps, size = [], FREE
    for _ in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(KINDLY))
        count = 3 if kind == "softmax" else RULES[kind].formula and len(_operands(kind))
        cells = draw(st.lists(st.integers(0, size - 1), min_size=count, max_size=count))
        steps.append((kind, cells))
        size += 3 if kind == "softmax" else 1
    ends = draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2))
    join = draw(st.sampled_from(["total", "average", "sum", "times"]))
    return steps, ends, join, draw(st.sampled_from([1, 2, 5]))


def _operands(kind):
    return KINDS[kind][2].__code__.co_varnames[1 : KINDS[kind][2].__code__.co_argcount]


class Written:
    """A plan as a draft and in torch."""

    def __init__(self, plan):
        steps, ends, join, self.m = plan
        self.draft = Draft(samples=self.m)
        self.draft.given([Own(name) for name in SHARED])
        self.draft.given([Own(name) for name in DATA], data=True)
        columns = np.random.default_rng(7).normal(0, 1, (len(DATA), self.m))
        self.givens = dict(enumerate([*SHARED.values(), *columns]))
        shared = (torch.tensor(v, dtype=torch.float64) for v in SHARED.values())
        self.values = [v.requires_grad_() for v in (*shared, *map(torch.tensor, columns))]
        for kind, cells in steps:
            self.vector(cells) if kind == "softmax" else self.step(kind, cells)
        if join in ("total", "average"):
            self.root = self.step(join, ends[:1], "E")
        else:  # of the batch: what is a sample's own is averaged before
            ends = [self.averaged(end) for end in ends]
            self.root = self.step("times", ends, "E") if join == "times" else self.sum(ends)
        self.terms = {self.root, *(ends if join == "sum" else ())}

    def called(self):
        return Own(f"s{len(self.values)}")

    def step(self, kind, cells, name=""):
        """A step; one sample's own is averaged before it is read beside an average."""
        over = KINDS[kind][1]
        if over and any(k not in over for k in range(len(cells))):
            cells = [c if k in over else self.averaged(c) for k, c in enumerate(cells)]
        label = Own(name) if name else self.called()
        (cell,) = self.draft.emit(RULES[kind], [cells], [label], Phase.FORWARD)
        self.values.append(KINDS[kind][2](self.m, *(self.values[c] for c in cells)))
        return int(cell)

    def averaged(self, cell):
        return self.step("average", [cell]) if self.draft.per_sample[cell] else cell

    def sum(self, ends):
        (cell,) = self.draft.emit(TOTALS["sum"], [ends], [Own("E")], Phase.ERROR)
        self.values.append(sum(self.values[end] for end in ends))
        return int(cell)

    def vector(self, cells):
        first = len(self.values)
        rows = [[own, *cells] for own in cells]
        called = [Own(f"s{first + k}") for k in range(3)]
        self.draft.emit(VECTORS["softmax"], rows, called, Phase.FORWARD)
        nets = torch.broadcast_tensors(*(self.values[c] for c in cells))
        self.values += list(torch.stack(nets).softmax(0))

    def slope(self, top, bottom):
        """∂top/∂bottom, a value a sample where the bottom has one."""
        if not self.values[top].requires_grad:
            return torch.zeros(())
        (found,) = torch.autograd.grad(
            self.values[top], self.values[bottom], retain_graph=True, allow_unused=True
        )
        return torch.zeros(()) if found is None else found


def _close(expected, found, scale):
    expected = expected.detach().numpy()
    assert np.allclose(expected, found, rtol=1e-9, atol=1e-9 * scale)


CHOSEN = st.lists(st.integers(0, 4), min_size=30, max_size=30)


@given(plans(), CHOSEN)
@settings(max_examples=300, deadline=None)
def test_every_gradient_and_every_name_of_a_random_batch_is_what_torch_finds(plan, chosen):
    w = Written(plan)
    kinds = [None, *Cut]
    cuts = {c: kinds[k] for c, k in enumerate(chosen) if FREE <= c < w.draft.size and kinds[k]}
    gradients = backprop(w.draft, w.root, np.arange(len(SHARED)), cuts)
    program = w.draft.finish(w.root)
    found = evaluate(program, w.givens, [0])
    cells = {labels.name(program.label(c)): c for c in range(len(w.values))}
    scale = max(1.0, *(float(abs(v.detach()).max()) for v in w.values))
    for cell in range(len(SHARED)):
        expected = w.slope(w.root, cell)
        if cell in gradients:
            _close(expected, found.of(gradients[cell])[0, 0], scale)
        else:
            assert float(expected) == pytest.approx(0, abs=1e-9 * scale)
    called = [(program.label(c), c) for c in range(len(w.values), len(program))]
    called += [(label, c) for c, more in program.also.items() for label in more]
    for label, cell in called:
        if not isinstance(label, Derivative) or label.note:
            continue
        top, bottom = (cells[labels.name(part)] for part in (label.top, label.bottom))
        if top in w.terms:
            values = found.of(cell)[0, 0]
            each = w.values[bottom].ndim or values.size == 1
            _close(w.slope(top, bottom), values if each else values.sum(), scale)


@given(plans())
@settings(max_examples=60, deadline=None)
def test_every_step_of_a_random_batch_has_a_name_of_its_own_and_comes_after_its_operands(plan):
    w = Written(plan)
    backprop(w.draft, w.root, np.arange(len(SHARED)), {})
    program = w.draft.finish(w.root)
    names = [step.name for step in program.steps()]
    assert len(set(names)) == len(names)
    assert not set(names) & set(program.aliases)
    for step in program.steps():
        assert all(operand < step.index for operand in step.operands.values())


# ---- batch norm ------------------------------------------------------------------------

U = (0.126, -0.132, 0.64, 0.105, -0.536)
T = (0.362, 1.304, 0.947, -0.704, -1.265)
TARGET = torch.tensor(T, dtype=torch.float64)

NORM = """
title = "batch norm"
[conventions]
reduction = "REDUCTION"
[samples.training]
columns = ["u", "t"]
rows = ROWS
[givens.all]
w = 0.7
v = -0.4
gamma = 1.5
beta = 0.3
[formulas]
x = "w*u + v"
mu = "average(x)"
var = "average((x - mu)^2)"
xhat = "(x - mu)/sqrt(var + 0.00001)"
y = "gamma*xhat + beta"
"""
ALONE = 'E = "1/2*(y - t)^2"'
MORE = ("gamma = 1.5", "gamma = 1.5\nk = 0.9\nc = -0.2")
NET = """
a = "tanh(y)"
o = "1/(1 + e^(-(k*a + c)))"
E = "-(t^2*ln(o) + (1 - t^2)*ln(1 - o))"
"""


def read(text):
    return scenario.read(text, "norm.toml", "norm")


def norm(formulas, reduction="mean", *edits):
    rows = [list(row) for row in zip(U, T, strict=True)]
    text = NORM + formulas
    for old, new in (("REDUCTION", reduction), ("ROWS", str(rows)), *edits):
        text = text.replace(old, new)
    return read(text)


def torch_norm():
    """x, what BatchNorm1d makes of it, and the parameters by name."""
    w, v = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.7, -0.4))
    layer = torch.nn.BatchNorm1d(1, dtype=torch.float64)
    layer.weight.data[:], layer.bias.data[:] = 1.5, 0.3
    x = w * torch.tensor(U, dtype=torch.float64) + v
    y = layer(x[:, None])[:, 0]
    x.retain_grad()
    y.retain_grad()
    return x, y, {"w": w, "v": v, "gamma": layer.weight, "beta": layer.bias}


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_batch_norm_in_plain_formulas_is_that_of_torch(reduction):
    t = run.trace(norm(ALONE, reduction))
    x, y, parameters = torch_norm()
    each = 0.5 * (y - TARGET) ** 2
    error = each.sum() if reduction == "sum" else each.mean()
    error.backward()
    assert error.item() == pytest.approx(t["E"], rel=1e-12)
    for name, parameter in parameters.items():
        assert float(parameter.grad) == pytest.approx(t[f"dE/d{name}"], rel=1e-9, abs=1e-9)
    for name, values in (("x", x), ("y", y)):
        found = t.data.of(t.cell(f"dE/d{name}"))[0, 0]
        assert found == pytest.approx(values.grad.numpy(), rel=1e-9, abs=1e-12)


def test_a_net_around_a_batch_norm_is_that_of_torch_and_of_differences():
    t = run.trace(norm(NET, "mean", MORE))
    _, y, parameters = torch_norm()
    k, c = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.9, -0.2))
    o, target = torch.sigmoid(k * torch.tanh(y) + c), TARGET**2
    error = -(target * o.log() + (1 - target) * (1 - o).log()).mean()
    error.backward()
    assert error.item() == pytest.approx(t["E"], rel=1e-12)
    for name, parameter in {**parameters, "k": k, "c": c}.items():
        assert float(parameter.grad) == pytest.approx(t[f"dE/d{name}"], rel=1e-9, abs=1e-9)
    for name, value in (("w", 0.7), ("v", -0.4), ("beta", 0.3)):
        up, down = (
            run.trace(norm(NET, "mean", (f"\n{name} = {value}", f"\n{name} = {value + h}"), MORE))[
                "E"
            ]
            for h in (1e-6, -1e-6)
        )
        assert (up - down) / 2e-6 == pytest.approx(t[f"dE/d{name}"], abs=1e-7)


def test_what_a_sample_adds_to_a_shared_derivative_has_the_total_beside_it():
    t = run.trace(norm(ALONE))
    program = t.program

    def operands(name):
        return [program.step(c).name for c in program.step(t.cell(name)).operands.values()]

    assert ["dE/dw_n"] == operands("dE/dw")
    assert ["dE/dx", "dx/dw"] == operands("dE/dw_n")
    assert ["dE/dmu via samples", "dE/dmu via var"] == operands("dE/dmu")
    assert ["dE/dx via mu", "dE/dx via var", "dE/dx via xhat"] == operands("dE/dx")
    assert t["dE/dw"] == pytest.approx(t.data.of(t.cell("dE/dw_n"))[0, 0].sum(), rel=1e-15)
    label = OfSample(Derivative(Own("E"), Own("w")))
    assert ("(∂E/∂w)(n)", r"\left(\frac{\partial E}{\partial w}\right)^{(n)}") == (
        labels.text(label), labels.latex(label)
    )  # fmt: skip


def test_a_batch_of_one_has_a_variance_of_nothing():
    t = run.trace(
        norm(ALONE, "sum", (str([list(r) for r in zip(U, T, strict=True)]), str([[U[0], T[0]]])))
    )
    assert (0.0, 0.0, 0.3) == (t["var"], t["dE/dw"], t["y"])
    assert 0.3 - T[0] == pytest.approx(t["dE/dbeta"], rel=1e-15)


def test_a_page_shows_what_each_sample_adds():
    t = run.trace(norm(ALONE))
    table = gradients_table(t)
    called = {labels.name(label) for label in table.labels}
    assert called == {"dE/dw_n", "dE/dx", "dE/dgamma_n", "dE/dy"}  # by v and beta: a factor 1
    assert len(U) == len(table.rows)
    assert of_batch(t.program)
    plain = norm('s = "average(u)"\nE = "1/2*(w*u/s - t)^2"')
    assert not of_batch(run.trace(plain).program)


# ---- errors of the batch ---------------------------------------------------------------


def test_an_error_that_is_an_average_with_a_penalty_is_differentiated_as_it_stands():
    """E = D + P: the samples say D, P reads the weight itself."""
    formulas = """
D = "average((y - t)^2)"
P = "1/2*0.3*w^2"
E = "D + P"
"""
    t = run.trace(norm(formulas))
    _, y, parameters = torch_norm()
    w = parameters["w"]
    (((y - TARGET) ** 2).mean() + 0.15 * w**2).backward()
    assert w.grad.item() == pytest.approx(t["dE/dw"], rel=1e-9)
    assert t["dD/dw"] + t["dP/dw"] == pytest.approx(t["dE/dw"], rel=1e-14)
    assert 0.3 * 0.7 == pytest.approx(t["dP/dw"], rel=1e-15)


def test_a_penalty_in_the_formula_of_the_error_is_another_path():
    formulas = 'E = "average((w*u - t)^2) + 1/2*0.3*w^2"'
    t = run.trace(norm(formulas))
    u, target = np.array(U), np.array(T)
    expected = (2 * (0.7 * u - target) * u).mean() + 0.3 * 0.7
    assert expected == pytest.approx(t["dE/dw"], rel=1e-12)


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("w - largest(w*u)", "E: no derivative through the largest of all samples"),
        ("w*average(u)/largest(w*u)", "E: no derivative through the largest of all samples"),
    ],
)
def test_the_largest_of_all_samples_has_no_derivative(formula, says):
    with pytest.raises(ScenarioError, match=says):
        run.trace(norm(f'E = "{formula}"'))


def test_a_sample_that_reads_all_others_in_one_formula_is_refused():
    draft = Draft(samples=3)
    (w,), (x,) = draft.given([Own("w")]), draft.given([Own("x")], data=True)
    (y,) = draft.emit(rule("times", "z = x*y"), [[w, x]], [Own("y")], Phase.FORWARD)
    (e,) = draft.emit(rule("e", "z = x - average(x)"), [[y]], [Own("e")], Phase.FORWARD)
    (root,) = draft.emit(BATCHES["sum"], [[e]], [Own("E")], Phase.ERROR)
    with pytest.raises(ProgramError, match="e: no derivative of a sample's own step through"):
        backprop(draft, int(root), np.array([w]), {})


def test_what_runs_over_data_alone_leaves_the_error_that_of_one_sample():
    t = run.trace(norm('s = "average(u)"\nE = "1/2*(w*u/s - t)^2"'))
    assert {"dE_n/dw", "dE/dw"} <= t.program.index.keys()
    program = t.program
    assert not through_batch(_again(program), t.cell("E_n"), np.array([t.cell("w")]))


def _again(program):
    draft = Draft(samples=program.samples)
    draft.blocks, draft.size = list(program.blocks), len(program)
    return draft
