"""An activation, a loss, an optimizer and a layer from outside: in a scenario, and from Python."""

from __future__ import annotations

import re
import textwrap
from typing import Literal

import numpy as np
import pytest
from click.testing import CliRunner

import tracer
from tracer import cli, extending
from tracer.errors import ScenarioError
from tracer.extending import (
    ACTIVATIONS,
    KINDS,
    LOSSES,
    OPTIMIZERS,
    SIGNS,
    WEIGHT,
    Layer,
    NameText,
    PatternOrNames,
    Use,
    not_given,
    optimizer,
    parameter,
    rule,
    spread,
    wrongly_named,
)

SWISH, QUARTIC = "a = z/(1 + e^(-z))", "E = (t - o)^4"
SIGNED = ("v = mu*v + g", "w = w - eta*v/(abs(v) + epsilon)")
SETTINGS = {"mu": 0.5, "epsilon": 0.25}

OWN = f"""
[activations]
swish = "{SWISH}"

[losses]
quartic = "{QUARTIC}"

[optimizers.signed]
equations = {list(SIGNED)}
state = {{ v = 0 }}
settings = {{ mu = 0.5, epsilon = 0.25 }}
"""
LAYER = """
[[network.layers]]
kind = "scale"
factors = "a"
out = "s{j}"
"""
NETWORK = """
title = "Rules of its own"
{own}
[conventions]
loss = "mean quartic"
iterations = 3

[optimizer]
kind = "signed"

[givens.all]
x = [0.5, -1.25]
W = [[0.3, -0.4], [0.2, 0.7], [-0.6, 0.15]]
a = [1.5, -0.75, 0.4]
V = [[0.6, -0.9, 0.35], [0.25, 0.8, -0.1]]
b = [0.1, -0.2]
t = [0.8, -0.3]
eta = 0.05

[network]
inputs = "x"
targets = "t"

[[network.layers]]
weights = "W"
activation = "swish"
net = "z{j}"
out = "h{j}"
{layer}
[[network.layers]]
weights = "V"
bias = "b"
activation = "identity"
net = "y{j}"
out = "o{j}"
"""


class Scale(Layer):
    """Every input times a number of its own, which is trained."""

    kind: Literal["scale"] = "scale"
    factors: NameText
    out: PatternOrNames | None = None

    def uses(self):
        yield Use(WEIGHT, "factors", [self.factors])

    def shape(self, s, before):
        found = parameter(s, self.factors)
        if found is None or found.size != before[-1].count:
            yield f"factors: {not_given(s, self.factors, f'{before[-1].count} numbers')}"
        if wrong := wrongly_named(self.out, before[-1], "number"):
            yield f"out: {wrong}"
        return before[-1]

    def steps(self, s, before, found, place):
        return {"out": spread(self.out or f"y{place.mark}", found, place.number)}

    def emit(self, on, x):
        a = on.cells(self.factors).reshape(x.shape)
        return on.emit(SCALED, on.names["out"], a=a, x=x)


SCALED = rule("scaled", "y = a*x")


@pytest.fixture(autouse=True)
def _undone():
    """What a test registers is gone after it."""
    tables = [ACTIVATIONS, LOSSES, OPTIMIZERS, KINDS]
    before = [dict(table) for table in tables]
    yield
    for table, old in zip(tables, before, strict=True):
        table.clear()
        table.update(old)


def registered():
    """The rules of the scenario, for all scenarios."""
    ACTIVATIONS["swish"] = rule("swish", SWISH)
    for sign in SIGNS:
        LOSSES["quartic", sign] = rule("error", QUARTIC)
    OPTIMIZERS["signed"] = optimizer("signed", *SIGNED, state={"v": 0}, settings=SETTINGS)


def written(path, own=OWN, layer="", change=("", "")):
    text = NETWORK.replace("{own}", own).replace("{layer}", layer)
    path.write_text(text.replace(*change) if change[0] else text, "utf-8")
    return path


@pytest.fixture
def scenario(tmp_path):
    return written(tmp_path / "own.toml", change=("a = [1.5, -0.75, 0.4]\n", ""))


@pytest.fixture
def layered(tmp_path):
    registered()
    KINDS["scale"] = Scale
    return written(tmp_path / "layered.toml", own="", layer=LAYER)


# ---- an independent engine -------------------------------------------------------------


class ByHand:
    """The network of the scenario in numpy, with central differences."""

    def __init__(self, scaled):
        self.parameters = {
            "W": np.array([[0.3, -0.4], [0.2, 0.7], [-0.6, 0.15]]),
            "V": np.array([[0.6, -0.9, 0.35], [0.25, 0.8, -0.1]]),
            "b": np.array([0.1, -0.2]),
        }
        if scaled:
            self.parameters["a"] = np.array([1.5, -0.75, 0.4])
        self.state = {name: np.zeros_like(p) for name, p in self.parameters.items()}

    def error(self):
        p = self.parameters
        z = p["W"] @ np.array([0.5, -1.25])
        out = p["V"] @ (z / (1 + np.exp(-z)) * p.get("a", 1)) + p["b"]
        return np.mean((np.array([0.8, -0.3]) - out) ** 4)

    def gradients(self, step=1e-5):
        found = {}
        for name, p in self.parameters.items():
            found[name] = np.zeros_like(p)
            for index in np.ndindex(p.shape):
                kept, ends = p[index], []
                for sign in (1, -1):
                    p[index] = kept + sign * step
                    ends.append(self.error())
                p[index] = kept
                found[name][index] = (ends[0] - ends[1]) / (2 * step)
        return found

    def descend(self, gradients):
        for name, p in self.parameters.items():
            v = self.state[name] = 0.5 * self.state[name] + gradients[name]
            p -= 0.05 * v / (np.abs(v) + 0.25)


def compare(t, scaled):
    """Errors, gradients and parameters of all passes."""
    other = ByHand(scaled)
    for iteration in range(4):
        now = t.at(iteration)
        assert other.error() == pytest.approx(now["E"], rel=1e-7)
        gradients = other.gradients()
        for name, p in other.parameters.items():
            for index in np.ndindex(p.shape):
                called = f"{name}[{','.join(str(k + 1) for k in index)}]"
                assert p[index] == pytest.approx(now[called], rel=1e-7)
                assert gradients[name][index] == pytest.approx(now[f"dE/d{called}"], rel=1e-6)
        other.descend(gradients)


# ---- numbers ---------------------------------------------------------------------------


def test_rules_of_a_scenario_have_gradients_and_updates(scenario):
    compare(tracer.trace(scenario), scaled=False)


def test_rules_from_python_are_there_for_every_scenario(tmp_path, scenario):
    registered()
    own = written(tmp_path / "other.toml", own="", change=("a = [1.5, -0.75, 0.4]\n", ""))
    ours, theirs = tracer.trace(own), tracer.trace(scenario_without_clash(scenario))
    assert ours.names == theirs.names
    for k in range(4):
        assert (ours.at(k).values == theirs.at(k).values).all()


def scenario_without_clash(path):
    """A scenario read before the names of its rules were taken."""
    for table, name in ((ACTIVATIONS, "swish"), (OPTIMIZERS, "signed")):
        del table[name]
    for sign in SIGNS:
        del LOSSES["quartic", sign]
    return path


def test_a_layer_from_outside_has_gradients_and_updates(layered):
    compare(tracer.trace(layered), scaled=True)


def test_a_layer_from_outside_of_many_samples_against_pytorch(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    KINDS["scale"] = Scale
    x, t = [[0.5, -1.0], [2.0, 0.3], [-0.7, 1.1]], [0.2, -0.4, 0.9]
    text = f"""title = "samples"
[conventions]
reduction = "mean"
[samples.training]
arrays = {{ x = {x}, t = {[[v] for v in t]} }}
[givens.all]
a = [1.5, -0.5]
c = [0.75, 2]
w = [[0.3, -0.8]]
eta = 0.1
[network]
inputs = "x"
targets = "t"
layers = [
  {{ kind = "scale", factors = "a" }},
  {{ kind = "activation", activation = "tanh" }},
  {{ kind = "scale", factors = "c" }},
  {{ weights = "w", activation = "identity" }},
]
"""
    path = tmp_path / "samples.toml"
    path.write_text(text, "utf-8")
    trace = tracer.trace(path)
    a, c, w = (
        torch.tensor(v, dtype=torch.float64, requires_grad=True)
        for v in ([1.5, -0.5], [0.75, 2], [0.3, -0.8])
    )
    out = (torch.tanh(torch.tensor(x, dtype=torch.float64) * a) * c) @ w
    error = (0.5 * (torch.tensor(t, dtype=torch.float64) - out) ** 2).mean()
    error.backward()
    now = trace.at(0)
    assert error.item() == pytest.approx(now["E"], rel=1e-12)
    tracer.testing.assert_matches(now, {"da": a.grad, "dc": c.grad, "dw": w.grad[None]})


# ---- pages -----------------------------------------------------------------------------


def test_a_page_shows_the_formulas_as_their_author_wrote_them(scenario):
    t = tracer.trace(scenario, iterations=1)
    page = tracer.render(t, "md")
    assert r"h_{1} = \frac{z_{1}}{1 + e^{-z_{1}}}" in page
    assert r"(t_{1} - o_{1})^{4}" in page
    assert "swish" in page
    assert "quartic" in page
    assert "signed" in page
    tex = tracer.render(t, "tex")
    assert r"\frac{z_{1}}{1 + e^{-z_{1}}}" in tex


def test_a_page_shows_a_layer_from_outside(layered):
    t = tracer.trace(layered, iterations=1)
    for format in ("md", "tex"):
        assert r"s_{1} = a_{1} \cdot h_{1}" in tracer.render(t, format), format
    assert "### Forward: scale" in tracer.render(t, "md")


def test_the_derivative_of_an_own_activation_is_worked_out(scenario):
    shown = CliRunner().invoke(cli.main, ["derive", str(scenario), "W[1,1]"])
    assert shown.exit_code == 0, shown.output
    told = CliRunner().invoke(cli.main, ["show", str(scenario), "h1", "dh1/dz1"])
    assert told.exit_code == 0, told.output
    assert "h1 = z1/(1 + e^(-z1))" in told.output


# ---- a person's numbers ----------------------------------------------------------------


def checked(path, values):
    answers = path.with_suffix(".csv")
    answers.write_text("".join(f'"{name}",{value!r}\n' for name, value in values.items()), "utf-8")
    return CliRunner().invoke(cli.main, ["check", str(path), str(answers)])


ASKED = ["h1", "h2", "h3", "E", "dE/dV[1,1]", "dE/dW[1,1]", "dE/dW[2,2]", "W[1,1]+"]


@pytest.mark.parametrize("kind", ["scenario", "layered"])
def test_right_numbers_are_right_and_a_wrong_one_is_found(kind, request):
    path = request.getfixturevalue(kind)
    t = tracer.trace(path).at(0)
    right = {name: round(t[name], 6) for name in ASKED}
    done = checked(path, right)
    assert done.exit_code == 0, done.output
    assert done.output.count("✓ right") == len(ASKED)
    done = checked(path, {**right, "h2": right["h2"] + 0.01})
    assert done.exit_code == 1
    assert "The first wrong step is h2" in done.output


@pytest.mark.parametrize("kind", ["scenario", "layered"])
def test_a_mistake_with_an_own_rule_is_named(kind, request):
    path = request.getfixturevalue(kind)
    right = tracer.trace(path).at(0)
    wrong = tracer.trace(path, reading="derivative-missing").at(0)
    answers = {name: round(right[name], 6) for name in ASKED[:5]}
    answers |= {name: round(wrong[name], 6) for name in ASKED[5:]}
    assert any(answers[name] != round(right[name], 6) for name in ASKED[5:])
    done = checked(path, answers)
    assert done.exit_code == 1
    assert "the derivative of the activation function is missing" in done.output


# ---- what is wrong with one ------------------------------------------------------------


def problems(path):
    with pytest.raises(ScenarioError) as told:
        tracer.load(path)
    return [line.removeprefix(f"{path}: ") for line in str(told.value).splitlines()]


MAKES = "an activation makes a of z, as 'a = z/(1 + e^(-z))' does"
LOSES = "a loss makes E of t and o, as 'E = (t - o)^4' does"


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        (SWISH, "a = z/(1 + e^(-x))", f"activations.swish: 'x' is not known; {MAKES}"),
        (SWISH, "y = z^2", f"activations.swish: 'y' is not 'a'; {MAKES}"),
        (SWISH, "a = 3", f"activations.swish: 'a = 3' is made without 'z'; {MAKES}"),
        (SWISH, "z^2", "activations.swish: 'z^2': expected 'name = formula'"),
        (
            SWISH, "a = sinus(z)",
            "activations.swish: 'sinus(z)': no function 'sinus'; did you mean 'sin'?",
        ),
        (SWISH, "a = z - average(z)", "activations.swish: average(z) runs over all samples"),
        (SWISH, "a = reached(0, z)", "activations.swish: reached() has no derivative"),
        (SWISH, "a = sum(z_i)", f"activations.swish: 'z_i' is not known; {MAKES}"),
        (SWISH, "a = __import__('os')", "activations.swish: \"__import__('os')\": '_' is not"),
        (QUARTIC, "E = (t - y)^4", f"losses.quartic: 'y' is not known; {LOSES}"),
        (QUARTIC, "E = o^2", f"losses.quartic: 'E = o^2' is made without 't'; {LOSES}"),
        (QUARTIC, "L = (t - o)^4", f"losses.quartic: 'L' is not 'E'; {LOSES}"),
        ("/(abs(v) + epsilon)", "*lr", "optimizers.signed.equations[1]: 'lr' is not known"),
    ],
)  # fmt: skip
def test_a_rule_that_is_none_is_told_alone_with_its_key(scenario, right, wrong, says):
    text = scenario.read_text("utf-8")
    assert right in text
    scenario.write_text(text.replace(right, wrong), "utf-8")
    (told,) = problems(scenario)
    assert told.startswith(says)


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("\nswish =", "\nsigmoid =", "activations.sigmoid: there is one of this name already"),
        ("\nswish =", "\nsoftmax =", "activations.softmax: there is one of this name already"),
        ("\nquartic =", '\n"squared error" =', "losses.squared error: there is one of this name"),
        ("\nquartic =", '\n"mean quartic" =', "losses.mean quartic: call it 'quartic'"),
        ("rs.signed", "rs.adam", "optimizers.adam: there is an optimizer 'adam'; choose another"),
        ('n = "swish', 'n = "swisch', "network.layers[0].activation: no 'swisch'; did you mean"),
        ("mean quartic", "mean quart", "conventions.loss: no 'mean quart'; did you mean 'mean qua"),
        ('kind = "signed', 'kind = "sign', "optimizer.kind: no 'sign'; did you mean 'signed'?"),
    ],
)  # fmt: skip
def test_a_name_that_is_taken_or_misspelt_is_told(scenario, right, wrong, says):
    text = scenario.read_text("utf-8")
    assert right in text
    scenario.write_text(text.replace(right, wrong), "utf-8")
    assert any(told.startswith(says) for told in problems(scenario))


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ('factors = "a"', 'factor = "a"', "factor: unknown key; did you mean 'factors'?"),
        ('factors = "a"\n', "", "factors: missing"),
        ('factors = "a"', "factors = 3", "factors: expected a text, found 3"),
        ('factors = "a"', 'factors = "b"', "factors: 'b' is given as a list, expected 3 numbers"),
        ('"s{j}"', '"s{i}"', "out: 's{i}' has {i}; there is {j}, {l}"),
        ('"s{j}"', '["p", "q"]', "out: 2 names for 3 numbers"),
        ('"scale"', '"scales"', "kind: no 'scales'; did you mean 'scale'?"),
    ],
)
def test_the_table_of_a_layer_from_outside_is_checked_as_ours(layered, right, wrong, says):
    text = layered.read_text("utf-8")
    assert right in text
    layered.write_text(text.replace(right, wrong), "utf-8")
    assert f"network.layers[1].{says}" in problems(layered)


def test_a_stated_derivative_is_proven_or_refused(scenario):
    right = rule("swish", SWISH, z="1/(1 + e^(-z))*(1 + z - a)")
    wrong = rule("swish", SWISH, z="1/(1 + e^(-z))*(1 + z + a)")
    text = scenario.read_text("utf-8").replace(f'[activations]\nswish = "{SWISH}"\n', "")
    scenario.write_text(text, "utf-8")
    ACTIVATIONS["swish"] = right
    compare(tracer.trace(scenario), scaled=False)
    ACTIVATIONS["swish"] = wrong
    with pytest.raises(ScenarioError, match=r"swish: da/dz is not"):
        tracer.trace(scenario)


# ---- the recipe ------------------------------------------------------------------------


def test_the_recipe_is_what_it_says(tmp_path):
    """The blocks of the docstring, run as they stand; the layer is the one of this file."""
    blocks = re.findall(r"(?:^    .*\n|^\n)+", extending.__doc__, re.M)
    code = textwrap.dedent("\n".join(block for block in blocks if block.strip()))
    longest = max(blocks, key=len)
    assert len([line for line in longest.splitlines() if line.strip()]) <= 30
    space = {"Literal": Literal, **vars(extending), "__name__": "recipe"}
    exec(compile(code, "recipe.py", "exec", dont_inherit=True), space)
    assert "signed" in OPTIMIZERS
    assert KINDS["scale"] is space["Scale"]
    assert set(KINDS["scale"].model_fields) == set(Scale.model_fields)
    OPTIMIZERS["signed"] = optimizer("signed", *SIGNED, state={"v": 0}, settings=SETTINGS)
    compare(tracer.trace(written(tmp_path / "recipe.toml", own="", layer=LAYER)), scaled=True)


def test_what_an_author_needs_is_there():
    for name in extending.__all__:
        assert hasattr(extending, name), name
    assert set(extending.__all__) == {
        name for name in vars(extending) if name[0].isalpha() and name != "annotations"
    }
