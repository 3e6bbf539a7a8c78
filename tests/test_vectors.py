"""Softmax and log-softmax: every partial, in one step and in several, and the short form p - t.

Against sympy, and against PyTorch in float64.
"""

from __future__ import annotations

import numpy as np
import pytest
import sympy
import torch

from tracer import algebra, run, scenario
from tracer.backprop import Cut, Shortcut, backprop
from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.losses import LOSSES
from tracer.catalog.sums import TOTALS
from tracer.catalog.vectors import SHORT, VECTORS
from tracer.errors import ProgramError, RuleError, ScenarioError
from tracer.evaluate import run as evaluate
from tracer.labels import Own
from tracer.program import Draft, Phase
from tracer.rules import partial_rule, rule

# ---- the rules -------------------------------------------------------------------------


def _vector(function, size):
    """The nets and outputs of a vector in sympy, written here once more."""
    z = sympy.symbols(f"z1:{size + 1}", real=True)
    total = sum(map(sympy.exp, z))
    if function == "softmax":
        return z, [sympy.exp(x) / total for x in z]
    return z, [x - sympy.log(total) for x in z]


@pytest.mark.parametrize("function", VECTORS)
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_the_partials_of_a_vector_are_what_sympy_finds(function, size):
    z, outputs = _vector(function, size)
    own = partial_rule(VECTORS[function], "z").formula
    other = partial_rule(VECTORS[function], "z_i").formula
    for j, a in enumerate(outputs):
        for k, b in enumerate(outputs):
            ours = algebra.to_sympy(own if j == k else other, {"a": a, "b": b})
            point = {x: sympy.Rational(3 - 2 * i, 4 + i) for i, x in enumerate(z)}
            assert abs(sympy.N((sympy.diff(a, z[k]) - ours).subs(point), 30)) < 1e-25


@pytest.mark.parametrize(
    ("formal", "own", "other"),
    [("z", "a*(1 + a)", "-a*b"), ("z", "a - b", "-a*b"), ("z_i", "a*(1 - a)", "a*b"),
     ("z_i", "a*(1 - a)", "-a*a")],
)  # fmt: skip
def test_a_false_partial_of_a_vector_is_refused(formal, own, other):
    false = rule("false", "a = e^z/sum(e^(z_i))", member="z", z=own, z_i=other)
    with pytest.raises(RuleError, match="false: da/dz_"):
        partial_rule(false, formal)


# ---- the short form --------------------------------------------------------------------


def _error_in_sympy(loss, o, t):
    """The loss of one output, written here once more."""
    return {
        "cross-entropy": lambda: -t * sympy.log(o),
        "negative log-likelihood": lambda: -t * o,
        "binary cross-entropy": lambda: -t * sympy.log(o) - (1 - t) * sympy.log(1 - o),
        "binary cross-entropy from logits": lambda: sympy.log(1 + sympy.exp(o)) - t * o,
        "half squared error": lambda: (t - o) ** 2 / 2,
    }[loss]()


def _outputs_in_sympy(activation, size):
    if activation in VECTORS:
        return _vector(activation, size)
    z = sympy.symbols(f"z1:{size + 1}", real=True)
    return z, [1 / (1 + sympy.exp(-x)) if activation == "sigmoid" else x for x in z]


def _chain_minus_short(activation, loss, size, whole):
    """∂E/∂z_k less the short form, for every k; `whole`: the targets' sum is 1."""
    z, outputs = _outputs_in_sympy(activation, size)
    t = list(sympy.symbols(f"t1:{size + 1}", real=True))
    if whole:
        t[-1] = 1 - sum(t[:-1])
    error = sum(_error_in_sympy(loss, o, u) for o, u in zip(outputs, t, strict=True))
    short = SHORT[activation, loss].formula
    for k in range(size):
        yield sympy.diff(error, z[k]) - algebra.to_sympy(short, {"o": outputs[k], "t": t[k]})


@pytest.mark.parametrize(("activation", "loss"), SHORT)
@pytest.mark.parametrize("size", [2, 3])
def test_the_short_form_is_the_chain_multiplied_out(activation, loss, size):
    for difference in _chain_minus_short(activation, loss, size, activation in VECTORS):
        assert sympy.simplify(difference) == 0


@pytest.mark.parametrize(("activation", "loss"), [pair for pair in SHORT if pair[0] in VECTORS])
def test_the_short_form_of_a_vector_needs_targets_whose_sum_is_1(activation, loss):
    point = dict.fromkeys(sympy.symbols("z1 z2 t1 t2", real=True), sympy.Rational(1, 3))
    differences = _chain_minus_short(activation, loss, 2, whole=False)
    assert any(abs(sympy.N(d.subs(point))) > 0.01 for d in differences)


# ---- networks --------------------------------------------------------------------------

X = [[0.5, -1.2], [1.5, 0.3], [-0.4, 0.8], [0.9, -0.1]]
T = [[0, 1, 0], [1, 0, 0], [0, 0.25, 0.75], [0.5, 0.25, 0.25]]
W, B = [[0.1, 0.2], [-0.3, 0.4], [0.5, -0.6]], [0.1, -0.2, 0.3]
NETWORK = """
title = "vector"
[conventions]
loss = "LOSS"
reduction = "mean"
OTHERS
[samples.training]
columns = ["x1", "x2", "t1", "t2", "t3"]
rows = ROWS
[givens.all]
W = WEIGHTS
b = BIASES
eta = 0.1
[network]
inputs = ["x1", "x2"]
targets = ["t1", "t2", "t3"]
[[network.layers]]
weights = "W"
bias = "b"
activation = "ACTIVATION"
out = "p{k}"
net = "z{k}"
"""


def network(activation, loss, samples, *others, targets=T):
    rows = [[*x, *map(float, t)] for x, t in zip(X[:samples], targets, strict=False)]
    text = NETWORK
    for key, value in {
        "LOSS": loss, "OTHERS": "\n".join(others), "ROWS": rows, "WEIGHTS": W, "BIASES": B,
        "ACTIVATION": activation,
    }.items():  # fmt: skip
        text = text.replace(key, str(value))
    return scenario.read(text, "vector.toml", "vector")


def in_torch(activation, loss, samples):
    """The error, and the gradients of W and b."""
    w, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (W, B))
    x, t = (torch.tensor(v[:samples], dtype=torch.float64) for v in (X, T))
    z = x @ w.T + b
    functional, base = torch.nn.functional, loss.removeprefix("mean ")
    if base in ("cross-entropy", "negative log-likelihood"):
        each = -t * z.log_softmax(1)
    elif base == "half squared error":
        each = 0.5 * (t - z) ** 2
    else:
        each = functional.binary_cross_entropy_with_logits(z, t, reduction="none")
    error = (each.sum(1) if base == loss else each.mean(1)).mean()
    error.backward()
    return error.item(), w.grad.numpy(), b.grad.numpy()


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("softmax", ["whole", "steps"])
@pytest.mark.parametrize("gradient", ["chain", "short"])
@pytest.mark.parametrize("chain", ["full", "deltas"])
@pytest.mark.parametrize(("activation", "loss"), SHORT)
@pytest.mark.parametrize("mean", ["", "mean "])
def test_every_way_to_write_the_output_layer_has_the_gradients_of_torch(
    mean, activation, loss, chain, gradient, softmax, samples
):
    others = (f'softmax = "{softmax}"', f'output_gradient = "{gradient}"', f'chain = "{chain}"')
    t = run.trace(network(activation, mean + loss, samples, *others))
    error, w, b = in_torch(activation, mean + loss, samples)
    assert error == pytest.approx(t["E"], rel=1e-12)
    for (j, i), slope in np.ndenumerate(w):
        assert slope == pytest.approx(t[f"dE/dW[{j + 1},{i + 1}]"], rel=1e-10, abs=1e-14)
    for j, slope in enumerate(b):
        assert slope == pytest.approx(t[f"dE/db[{j + 1}]"], rel=1e-10, abs=1e-14)


def program_of(*others, activation="softmax", loss="cross-entropy", samples=1):
    return run.built(network(activation, loss, samples, *others)).program


def made_of(program, name):
    cell = program.index.get(name, program.aliases.get(name))
    return [program.step(c).name for c in program.step(cell).operands.values()]


def test_the_chain_through_a_softmax_has_a_path_for_every_output():
    program = program_of()
    assert ["dE1/dz2", "dE2/dz2", "dE3/dz2"] == made_of(program, "dE/dz2")
    assert ["dE1/dp1", "dp1/dz2"] == made_of(program, "dE1/dz2")
    assert ["p2"] == made_of(program, "dp2/dz2")  # a(1 - a)
    assert ["p1", "p2"] == made_of(program, "dp1/dz2")  # -a·b


def test_a_log_softmax_names_the_sibling_alone():
    program = program_of(activation="log-softmax", loss="negative log-likelihood")
    assert ["p2"] == made_of(program, "dp1/dz2")  # -e^b


def test_a_softmax_in_steps_has_exponentials_and_their_sum():
    program = program_of('softmax = "steps"', 'chain = "deltas"')
    assert ["exp_p1", "sum_exp_p"] == made_of(program, "p1")
    assert ["exp_p1", "exp_p2", "exp_p3"] == made_of(program, "sum_exp_p")
    assert ["z2"] == made_of(program, "exp_p2")
    assert ["dE/dexp_p2", "dexp_p2/dz2"] == made_of(program, "delta_z2")
    program = program_of(
        'softmax = "steps"', activation="log-softmax", loss="negative log-likelihood"
    )
    assert ["z1", "ln_sum_exp_p"] == made_of(program, "p1")


@pytest.mark.parametrize("softmax", ["whole", "steps"])
def test_the_short_form_is_one_step_of_output_and_target(softmax):
    program = program_of(f'softmax = "{softmax}"', 'output_gradient = "short"')
    assert ["p2", "t2"] == made_of(program, "dE/dz2")
    assert ["dE/dz2", "dz2/dW[2,1]"] == made_of(program, "dE/dW[2,1]")
    names = {step.name for step in program.steps(Phase.BACKWARD)}
    assert not [name for name in names if "/dp" in name or "dp1/" in name]


def test_the_short_form_of_a_mean_is_a_factor_of_the_chain():
    program = program_of('output_gradient = "short"', 'chain = "deltas"', loss="mean cross-entropy")
    assert ["dE/dE1", "dE/dz1 short"] == made_of(program, "delta_z1")
    assert ["p1", "t1"] == made_of(program, "dE/dz1 short")


def test_large_nets_have_finite_outputs():
    s = network("softmax", "cross-entropy", 1)
    t = run.trace(s.model_copy(update={"givens": s.givens}))
    z = np.array([t["z1"], t["z2"], t["z3"]])
    draft = Draft()
    cells = draft.given([Own("z1"), Own("z2"), Own("z3")])
    rows = [[own, *cells] for own in cells]
    for function, rule_ in VECTORS.items():
        draft.emit(rule_, rows, [Own(f"{function[0]}{k}") for k in range(3)], Phase.FORWARD)
    big = z * 3000
    found = evaluate(draft.finish(), dict(enumerate(big)), [0]).at(0, 0)
    expected = torch.tensor(big, dtype=torch.float64)
    assert found[3:6] == pytest.approx(expected.softmax(0).numpy(), rel=1e-12, abs=1e-300)
    assert found[6:9] == pytest.approx(expected.log_softmax(0).numpy(), rel=1e-12)


# ---- blocks of vectors -----------------------------------------------------------------


def test_siblings_are_those_of_the_same_vector():
    """Two vectors that share a net in one block, and one net twice in a vector."""
    draft = Draft()
    z = draft.given([Own(f"z{k}") for k in range(4)])
    vectors = [[z[0], z[1]], [z[1], z[2]], [z[3], z[3]]]
    rows = [[own, *vector] for vector in vectors for own in vector]
    p = draft.emit(VECTORS["softmax"], rows, [Own(f"p{k}") for k in range(6)], Phase.FORWARD)
    weights = draft.given([Own(f"c{k}") for k in range(6)])
    weighted = rule("weighted", "E = sum(c_i*x_i)")
    operands = [cell for pair in zip(weights, p, strict=True) for cell in pair]
    (root,) = draft.emit(weighted, [operands], [Own("E")], Phase.ERROR)
    gradients = backprop(draft, int(root), z, {})
    nets, factors = [0.3, -0.8, 1.1, 0.2], [1.0, -2.0, 0.5, 3.0, 0.7, -1.4]
    start = dict(zip([*z.tolist(), *weights.tolist()], [*nets, *factors], strict=True))
    found = evaluate(draft.finish(int(root)), start, [0]).at(0, 0)
    x = torch.tensor(nets, dtype=torch.float64, requires_grad=True)
    parts = [x[[0, 1]].softmax(0), x[[1, 2]].softmax(0), x[[3, 3]].softmax(0)]
    (torch.cat(parts) * torch.tensor(factors, dtype=torch.float64)).sum().backward()
    for cell, slope in zip(z.tolist(), x.grad.tolist(), strict=True):
        assert slope == pytest.approx(found[gradients[cell]], abs=1e-15)


def test_a_vector_without_one_of_its_outputs_has_no_siblings():
    draft = Draft()
    z = draft.given([Own("z1"), Own("z2")])
    (p,) = draft.emit(VECTORS["softmax"], [[z[0], *z]], [Own("p1")], Phase.FORWARD)
    (root,) = draft.emit(ACTIVATIONS["tanh"], [[p]], [Own("E")], Phase.ERROR)
    with pytest.raises(ProgramError, match="a vector lacks an output"):
        backprop(draft, int(root), z, {})


def test_a_shortcut_past_another_way_to_the_error_is_refused():
    draft = Draft()
    z, t = draft.given([Own("z1"), Own("z2")]), draft.given([Own("t1"), Own("t2")])
    half = rule("half", "h = 1/2*z")
    nets = draft.emit(half, z[:, None], [Own("h1"), Own("h2")], Phase.FORWARD)
    rows = [[own, *nets] for own in nets]
    p = draft.emit(VECTORS["softmax"], rows, [Own("p1"), Own("p2")], Phase.FORWARD)
    loss = LOSSES["cross-entropy", "t - o"]
    e = draft.emit(loss, np.stack([t, p], 1), [Own("E1"), Own("E2")], Phase.ERROR)
    short = SHORT["softmax", "cross-entropy"]
    shortcuts = {
        int(net): Shortcut(short, (int(o), int(u)), tuple(map(int, e)))
        for net, o, u in zip(nets, p, t, strict=True)
    }
    plain = draft.emit(TOTALS["sum"], [e], [Own("E")], Phase.ERROR)
    backprop(draft, int(plain[0]), z, dict.fromkeys(map(int, nets), Cut.DELTA), shortcuts)
    assert ["p1", "t1"] == made_of(draft.finish(int(plain[0])), "delta_h1")

    other = Draft()
    other.blocks, other.size, other.starts = draft.blocks[:5], int(plain[0]), draft.starts[:5]
    other.per_sample = draft.per_sample[: other.size]
    (root,) = other.emit(TOTALS["sum"], [[*e, nets[0]]], [Own("E")], Phase.ERROR)
    with pytest.raises(ProgramError, match="h1 reaches the error on other ways than through"):
        backprop(other, int(root), z, {}, shortcuts)


# ---- what a scenario may state ---------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "loss", "says"),
    [
        (
            "softmax", "half squared error",
            "conventions.output_gradient: there is no short form of softmax with half squared "
            "error; state 'chain'",
        ),
        (
            "tanh", "cross-entropy",
            "conventions.output_gradient: there is no short form of tanh with cross-entropy; "
            "state 'chain'",
        ),
    ],
)  # fmt: skip
def test_a_short_form_there_is_not_is_refused(activation, loss, says):
    with pytest.raises(ScenarioError) as refused:
        network(activation, loss, 1, 'output_gradient = "short"')
    assert f"vector.toml: {says}" == str(refused.value)


def test_targets_of_a_softmax_whose_sum_is_not_1_have_no_short_form():
    with pytest.raises(ScenarioError) as refused:
        network(
            "softmax", "cross-entropy", 2, 'output_gradient = "short"',
            targets=[[0, 1, 0], [0.5, 0.6, 0]],
        )  # fmt: skip
    assert (
        "vector.toml: conventions.output_gradient: the targets of sample 2 sum up to 1.1, not 1, "
        "so that the short form is not the derivative; state 'chain'"
    ) == str(refused.value)
    network("softmax", "cross-entropy", 2, targets=[[0, 1, 0], [0.5, 0.6, 0]])
    network(
        "sigmoid", "binary cross-entropy", 2, 'output_gradient = "short"',
        targets=[[0, 1, 0], [0.5, 0.6, 0]],
    )  # fmt: skip
