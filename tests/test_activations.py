"""Every activation against PyTorch, against 50 digits, at its kinks and far out."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import mpmath
import pytest
from alone import by_every_engine, computed
from click.testing import CliRunner
from reader import claims, is_true

import tracer
from tracer import run
from tracer.arithmetic import FLOAT, Machine, apply
from tracer.catalog.activations import ACTIVATIONS, known_as
from tracer.cli import main
from tracer.errors import RuleError, ScenarioError
from tracer.exact import DECIMAL, decimal_context, digits_arithmetic
from tracer.parsing import parse
from tracer.partials import partials
from tracer.rules import formals, partial_rule, rule, stable_form
from tracer.scenario import read

torch = pytest.importorskip("torch")
nn = torch.nn.functional

PEERS: dict[str, Callable[[Any], Any]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": nn.relu,
    "leaky relu": nn.leaky_relu,
    "elu": nn.elu,
    "selu": nn.selu,
    "gelu": nn.gelu,
    "gelu tanh": lambda z: nn.gelu(z, approximate="tanh"),
    "silu": nn.silu,
    "softplus": lambda z: nn.softplus(z, threshold=40),  # a line from there on
    "softsign": nn.softsign,
    "hard sigmoid": lambda z: nn.relu6(z + 3) / 6,  # hardsigmoid's own slope is a float32
    "threshold": lambda z: torch.heaviside(z.detach(), torch.zeros_like(z)) + 0 * z,
    "identity": lambda z: 1 * z,
}
#: Where a derivative jumps, or the formula has a bend.
BENDS = {
    "relu": [0.0, -0.0], "leaky relu": [0.0, -0.0], "elu": [0.0, -0.0], "selu": [0.0, -0.0],
    "softsign": [0.0, -0.0], "hard sigmoid": [-3.0, 3.0], "threshold": [0.0, -0.0],
}  # fmt: skip
NEAR = [-8.0, -5.5, -3.3, -2.9, -1.0, -0.5, -1e-3, 1e-3, 0.25, 0.7, 1.0, 2.9, 3.1, 4.0, 6.5, 9.0]
FAR = [-1000.0, -700.0, -650.0, -599.0, -100.0, -40.0, 40.0, 100.0, 599.0, 650.0, 700.0, 1000.0]

every = pytest.mark.parametrize("name", ACTIVATIONS)


def test_every_activation_has_a_peer():
    print("checked against PyTorch:", ", ".join(ACTIVATIONS))  # noqa: T201
    assert set(PEERS) == set(ACTIVATIONS)


def theirs(name: str, arguments: list[float]) -> tuple[list[float], list[float]]:
    """PyTorch's values and derivatives."""
    z = torch.tensor(arguments, dtype=torch.float64, requires_grad=True)
    a = PEERS[name](z)
    (slope,) = torch.autograd.grad(a.sum(), z)
    return a.tolist(), slope.tolist()


@every
@pytest.mark.parametrize("arguments", [NEAR, FAR, NEAR[:5], FAR[:5], (NEAR + FAR) * 3])
def test_values_and_derivatives_are_pytorchs(name, arguments):
    """As floats, as columns, and as long columns, which use numpy's functions."""
    values, slopes = theirs(name, arguments)
    ours = computed(ACTIVATIONS[name], {"z": arguments})
    assert values == pytest.approx(ours["a"], rel=1e-9, abs=1e-12)
    assert slopes == pytest.approx(ours["z"], rel=1e-9, abs=1e-12)


@every
@pytest.mark.parametrize("arguments", [NEAR[:10], NEAR, FAR[:6], FAR[6:], [599.0, 601.0, -601.0]])
def test_all_engines_agree_bit_for_bit(name, arguments):
    tables = by_every_engine(ACTIVATIONS[name], {"z": arguments})
    assert len(tables) >= 2
    assert all(repr(table) == repr(tables[0]) for table in tables)


@pytest.mark.parametrize(("name", "at"), [(n, at) for n, bends in BENDS.items() for at in bends])
def test_at_a_kink_the_derivative_is_pytorchs(name, at):
    (value,), (slope,) = theirs(name, [at])
    ours = computed(ACTIVATIONS[name], {"z": [at]})
    assert [value] == pytest.approx(ours["a"], abs=1e-15)
    assert [slope] == pytest.approx(ours["z"], rel=1e-12)


@pytest.mark.parametrize("name", [n for n, r in ACTIVATIONS.items() if r.kink])
def test_the_stated_kink_is_where_the_derivative_jumps_and_what_it_is_there(name):
    r = ACTIVATIONS[name]
    stated, _, places = r.kink.partition(" at ")
    for place in places.replace("z = ", "").split(" and "):
        at = float(place)
        left, there, right = computed(r, {"z": [at - 1e-6, at, at + 1e-6]})["z"]
        assert there == pytest.approx(float(stated), rel=1e-15)
        assert abs(left - right) > 0.1 or name == "threshold"


# ---- 50 digits -------------------------------------------------------------------------

_MP = mpmath.MPContext()
_MP.dps = 70
_SCALE = _MP.mpf("1.0507009873554805")
_CUBE = _MP.mpf("0.044715")
_ALPHA = _MP.mpf("1.6732632423543772")
EXACT: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda z: 1 / (1 + _MP.exp(-z)),
    "tanh": lambda z: 1 - 2 / (_MP.exp(2 * z) + 1),
    "relu": lambda z: z if z > 0 else 0 * z,
    "leaky relu": lambda z: z if z > 0 else z / 100,
    "elu": lambda z: z if z > 0 else _MP.expm1(z),
    "selu": lambda z: _SCALE * (z if z > 0 else _ALPHA * _MP.expm1(z)),
    "gelu": lambda z: z * _MP.ncdf(z),
    "gelu tanh": lambda z: z / (1 + _MP.exp(-_MP.sqrt(8 / _MP.pi) * (z + z**3 * _CUBE))),
    "silu": lambda z: z - z / (1 + _MP.exp(z)),
    "softplus": lambda z: z + _MP.ln(1 + _MP.exp(-z)),
    "softsign": lambda z: z / (1 + abs(z)),
    "hard sigmoid": lambda z: min(max(z / 6 + _MP.mpf(1) / 2, _MP.mpf(0)), _MP.mpf(1)),
    "threshold": lambda z: _MP.mpf(z > 0),
    "identity": lambda z: z,
}
PLACES = ("-7.31", "-2.25", "-0.6", "-0.013", "0.4", "1.73", "2.9", "8.4")


@every
@pytest.mark.parametrize("at", PLACES)
def test_50_digits_of_the_value_and_of_the_derivative(name, at):
    """Decimals and mpmath's numbers, against formulas written another way; h² is 1e-40."""
    r, z, h = ACTIVATIONS[name], _MP.mpf(at), _MP.mpf("1e-20")
    value = EXACT[name](z)
    slope = (EXACT[name](z + h) - EXACT[name](z - h)) / (2 * h)
    how = digits_arithmetic(60)
    with localcontext(decimal_context()):
        env = {"z": Decimal(at)}
        env["a"] = apply(r.formula, env, DECIMAL)
        by_hand = [str(env["a"]), str(apply(partial_rule(r, "z").formula, env, DECIMAL))]
    more = {"z": how.number(at)}
    more["a"] = apply(r.formula, more, how)
    precise = [str(more["a"]), str(apply(partial_rule(r, "z").formula, more, how))]
    for found in (by_hand, precise):
        assert abs(_MP.mpf(found[0]) - value) <= max(1, abs(value)) * _MP.mpf("1e-48")
        assert abs(_MP.mpf(found[1]) - slope) <= _MP.mpf("1e-30")


# ---- far out ---------------------------------------------------------------------------


@pytest.mark.parametrize("at", [-1e6, -1000.0, -601.0, 601.0, 1000.0, 1e6])
def test_softplus_does_not_overflow(at):
    (found,) = computed(ACTIVATIONS["softplus"], {"z": [at]})["a"]
    assert max(at, 0.0) == found


def test_the_printed_form_is_computed_up_to_600_and_the_stable_one_beyond():
    r = ACTIVATIONS["softplus"]
    stable = stable_form(r, 0)
    for z, form in ((-600.0, r.formula), (-600.1, stable), (600.0, r.formula), (600.1, stable)):
        expected = apply(form, {"z": z}, FLOAT)
        for table in by_every_engine(r, {"z": [z]}):
            assert [expected] == table["a"]


def test_float32_has_a_limit_of_its_own():
    zs = [-1000.0, -90.0, -81.0, 3.0, 81.0, 90.0, 1000.0]
    found = computed(ACTIVATIONS["softplus"], {"z": zs}, Machine.FLOAT32)["a"]
    expected = torch.nn.functional.softplus(torch.tensor(zs), threshold=20).tolist()
    assert expected == pytest.approx(found, rel=1e-6, abs=1e-6)


def test_a_sigmoid_far_out_is_0_or_1():
    assert [0.0, 0.0, 1.0] == computed(ACTIVATIONS["sigmoid"], {"z": [-8e2, -1e6, 1e6]})["a"]


def test_a_stable_form_that_is_another_function_is_refused():
    wrong = rule("softplus", "a = ln(1 + e^z)", stable="max(0, z) + ln(1 + e^(abs(z)))")
    with pytest.raises(RuleError, match="is not ln"):
        stable_form(wrong, 0)


# ---- the first of several ------------------------------------------------------------------


@pytest.mark.parametrize(
    "x", [[1.0, 3.0, 2.0], [2.0, 2.0, 2.0], [0.0, 5.0, 5.0], [-0.0, 0.0, -1.0], [7.0, 1.0, 7.0]]
)
def test_of_equal_numbers_the_first_is_the_max_as_pytorch_pools(x):
    at = torch.tensor([[x]], dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(nn.max_pool1d(at, 3).sum(), at)
    found = computed(
        rule("max", "a = max(x, y, z)"), dict(zip("xyz", ([v] for v in x), strict=True))
    )
    assert [expected.tolist()[0][0], max(x)] == [[found[k][0] for k in "xyz"], found["a"][0]]
    least = computed(
        rule("min", "a = min(x, y, z)"), dict(zip("xyz", ([-v] for v in x), strict=True))
    )
    assert expected.tolist()[0][0] == [least[k][0] for k in "xyz"]


@pytest.mark.parametrize("x", [[2.0, 1.0], [1.0, 2.0], [3.0, 3.0], [0.5], [1.0, 4.0, 4.0, 4.0]])
def test_of_equal_members_of_a_group_the_first_is_the_max_as_pytorch_pools(x):
    """Also of two, where max(x, y) of a formula has 0 for both."""
    at = torch.tensor([[x]], dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(nn.max_pool1d(at, len(x)).sum(), at)
    members, slopes = {f"x_{k}": value for k, value in enumerate(x, 1)}, []
    for partial in partials(rule("pool", "a = max(x_i)"), "x_i", len(x)):
        values = (members[name] for name in partial.operands)
        env = dict(zip(formals(partial.rule, 0), values, strict=True))
        slopes.append(apply(partial.rule.formula, env, FLOAT))
    assert expected.tolist()[0][0] == slopes


# ---- names -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sigmoid", "sigmoid(h)"), ("sigmoid", "1/(1 + e^(-h))"), ("tanh", "tanh(h)"),
        ("relu", "max(0, h)"), ("relu", "relu(h)"), ("softplus", "softplus(h)"),
        ("silu", "silu(h)"), ("threshold", "step(h)"),
    ],
)  # fmt: skip
def test_a_formula_that_is_an_activation_is_known_as_it(name, text):
    assert (ACTIVATIONS[name], "h") == known_as(parse(text))


@pytest.mark.parametrize("text", ["h", "tanh(2*h)", "tanh(h) + 1", "max(h, 0)", "tanh(2)"])
def test_any_other_formula_is_known_as_none(text):
    assert known_as(parse(text)) is None


# ---- on a page -------------------------------------------------------------------------

NET = """
title = "two layers"
[samples.training]
columns = ["x1", "x2", "t"]
rows = [[0.35, 0.9, 0.21], [0.1, -0.4, 0.6], [-0.5, -0.8, 0.3]]
[givens.all]
W = [[0.5, 0.2], [-0.25, 0.3]]
b = [0.1, -0.3]
V = [[0.4, -0.45]]
c = 0.05
eta = 0.5
[network]
inputs = ["x1", "x2"]
targets = ["t"]
[[network.layers]]
weights = "W"
bias = "b"
activation = "{name}"
[[network.layers]]
weights = "V"
bias = "c"
activation = "{name}"
"""


@every
def test_the_page_of_a_net_with_it_claims_nothing_false(name):
    t = run.trace(read(NET.format(name=name), "n.toml", "n"))
    page = tracer.render(t, "md")
    found = claims(page)
    assert len(found) >= 8
    assert [] == [claim for claim in found if claim.sign == "=" and not is_true(claim)]
    assert (name == "threshold") is not (r"\mathbf D_1" in page)


@every
def test_its_derivation_is_a_page(name):
    done = CliRunner().invoke(main, ["derive", name])
    assert 0 == done.exit_code
    assert f"The derivative of {name}, a = " in done.output
    assert "Every line is proven equal to the one before." in done.output


def test_an_activation_that_is_misspelt_is_refused_with_the_nearest():
    with pytest.raises(ScenarioError, match="did you mean 'leaky relu'") as refused:
        read(NET.format(name="leaky-relu"), "n.toml", "n")
    assert all(1 == len(line.splitlines()) for line in refused.value.problems)
