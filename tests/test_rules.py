"""Every rule of the catalog: its derivatives against sympy and against differences."""

import json
import subprocess
import sys

import pytest
import sympy

from tracer import algebra
from tracer.arithmetic import FLOAT, apply
from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.losses import LOSSES
from tracer.catalog.shipped import shipped
from tracer.catalog.sums import NETS, TOTALS, net
from tracer.derive_catalog import derived
from tracer.errors import FormulaError, RuleError
from tracer.expression import Name, expand, group_of, names, rename
from tracer.parsing import parse
from tracer.partials import partials
from tracer.printers import source
from tracer.rules import (
    DERIVED,
    formals,
    has_group,
    inputs,
    is_one,
    is_zero,
    member_of,
    partial_rule,
    rule,
    written_out,
)

POINTS = (-2.3, -0.7, 0.4, 0.8, 1.1, 2.9)
EVERY = [
    (r, formal, size)
    for r in shipped()
    if not r.member  # of vectors: test_vectors
    for formal in inputs(r)
    for size in ((1, 2, 3, 4) if has_group(r) else (0,))
]
CALLED = [f"{r.name} {source(r.formula)} by {formal} of {size}" for r, formal, size in EVERY]


def _partial(r, formal, size, member):
    """A partial in the names of the rule's operands and its output."""
    found = partials(r, formal, size)[max(member - 1, 0)]
    back = dict(zip(names(found.rule.formula), found.operands, strict=True))
    return rename(found.rule.formula, lambda s: Name(back.get(s, s)))


def _value(r, formal, size, member, env):
    """A partial's value at a point, the output included among its names."""
    found = _partial(r, formal, size, member)
    return apply(found, {**env, r.output: apply(written_out(r, size), env, FLOAT)}, FLOAT)


@pytest.mark.parametrize(("r", "formal", "size"), EVERY, ids=CALLED)
def test_every_partial_is_the_slope_between_two_near_points(r, formal, size):
    """Central differences: the error is of the order h² = 1e-10."""
    for member in range(1, size + 1) if group_of(formal) else (0,):
        place, found = member_of(formal, member), 0
        for k, point in enumerate(POINTS):
            env = {f: 0.9 + 0.23 * j - 0.1 * k for j, f in enumerate(formals(r, size))}
            env[place], h = point, 1e-5
            try:
                up, down = (
                    apply(written_out(r, size), {**env, place: point + d}, FLOAT) for d in (h, -h)
                )
            except ValueError:
                continue  # no logarithm of a negative number
            expected, found = (up - down) / (2 * h), found + 1
            assert expected == pytest.approx(
                _value(r, formal, size, member, env), rel=1e-7, abs=1e-8
            )
        assert found


@pytest.mark.parametrize(("r", "formal", "size"), EVERY, ids=CALLED)
def test_every_partial_is_what_sympy_finds(r, formal, size):
    """With sympy called here, not through `algebra.equal`, at points given as fractions."""
    whole = written_out(r, size)
    symbols = {f: sympy.Symbol(f, real=True) for f in formals(r, size)}
    output = algebra.to_sympy(whole, symbols)
    for member in range(1, size + 1) if group_of(formal) else (0,):
        slope = sympy.diff(output, symbols[member_of(formal, member)])
        found = _partial(r, formal, size, member)
        ours = algebra.to_sympy(found, {**symbols, r.output: output})
        for k in (-3, -1, 2, 5):
            point = {s: sympy.Rational(k, 3 + j) for j, s in enumerate(symbols.values())}
            assert 1e-25 > abs(sympy.N((slope - ours).subs(point), 30))


def test_the_derived_file_is_current():
    assert derived() == DERIVED.read_text("utf-8")


def test_the_derived_file_holds_every_shipped_partial_once():
    held = json.loads(DERIVED.read_text("utf-8"))
    every = {(source(r.formula), r.output, f): r for r in shipped() for f in inputs(r)}
    stable = {(source(r.formula), r.output) for r in shipped() if r.stable}
    assert len(held) == sum(_is_one_formula(r, f) for (_, _, f), r in every.items()) + len(stable)


def _is_one_formula(r, formal):
    """Whether a partial is the same for groups of every size; any other has a group."""
    try:
        partial_rule(r, formal)
    except RuleError:
        assert has_group(r)
        return False
    return True


def test_a_shipped_rule_needs_no_sympy():
    code = (
        "import sys; from tracer.catalog.shipped import shipped\n"
        "from tracer.partials import partials; from tracer.rules import inputs\n"
        "for r in shipped():\n  for f in inputs(r): partials(r, f, 3)\n"
        "sys.exit('sympy' in sys.modules)"
    )
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode


@pytest.mark.parametrize(
    ("equation", "teaching"),
    [
        ("a = 1/(1 + e^(-z))", {"z": "a*(1 + a)"}),
        ("a = 1/(1 + e^(-z))", {"z": "a*(1 - z)"}),
        ("a = tanh(z)", {"z": "1 - z^2"}),
        ("a = max(0, z)", {"z": "1"}),
        ("a = max(0, z)", {"z": "step(-z)"}),
        ("E = 1/2*(t - o)^2", {"o": "t - o"}),
        ("E = 1/2*(t - o)^2", {"o": "-(t - o) + 1e-30"}),
        ("E = sum(e_i)/n", {"e_i": "1"}),
        ("E = sum(e_i)/n", {"e_i": "1/3"}),  # right at one size only
        ("z = sum(w_i*x_i) + b", {"w_i": "w_i"}),
        ("z = (sum(w_i*x_i) + b)^900", {"b": "900*b"}),
    ],
)
def test_a_false_teaching_form_is_refused(equation, teaching):
    r = rule("false", equation, **teaching)
    (formal,) = teaching
    with pytest.raises(RuleError, match="false: d"):
        partial_rule(r, formal)


@pytest.mark.parametrize(
    ("expected", "equation", "formal"),
    [
        ("-1", "z = sum(w_i*x_i) - b", "b"),
        ("e", "z = sum(w_i*x_i) + e*b", "b"),
        ("2*z", "a = z^2", "z"),
        ("-1/z^2", "a = 1/z", "z"),
        ("1/z", "a = ln(z)", "z"),
        ("e^z", "a = e^z", "z"),
        ("x", "z = x*y", "y"),
        ("-x/y^2", "z = x/y", "y"),
        ("0", "a = 3 + 0*z", "z"),
        ("1", "a = z + 0.25", "z"),
    ],
)
def test_a_rule_seen_for_the_first_time_is_derived_by_sympy(expected, equation, formal):
    found = partial_rule(rule("new", equation), formal).formula
    assert algebra.equal(parse(expected), found)
    assert is_zero(partial_rule(rule("new", equation), formal)) is (expected == "0")
    assert is_one(partial_rule(rule("new", equation), formal)) is (expected == "1")


@pytest.mark.parametrize(
    ("equation", "formal"),
    [
        ("z = (sum(w_i*x_i))^2", "w_i"),
        ("z = prod(x_i)", "x_i"),
        ("z = max(x_i)", "x_i"),
        ("z = min(2*x_i)", "x_i"),
        ("z = sqrt(sum(x_i^2))", "x_i"),
        ("z = sum((x_i - m)^2)/n", "x_i"),
        ("z = sum((x_i - m)^2)/n", "m"),
        ("z = sum(x_i^2)*prod(x_i + y)", "y"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_derivative_that_needs_its_siblings_is_written_out_for_each_member(
    equation, formal, size
):
    """d/dw_1 of (w_1 x_1 + w_2 x_2)² mentions w_2: no formula for one member says that."""
    r = rule("several", equation)
    with pytest.raises(RuleError):
        partial_rule(r, formal)
    test_every_partial_is_the_slope_between_two_near_points(r, formal, size)
    test_every_partial_is_what_sympy_finds(r, formal, size)


def test_siblings_that_differ_in_nothing_but_their_names_have_one_rule():
    found = partials(rule("product", "z = prod(x_i)"), "x_i", 3)
    assert 1 == len({partial.rule for partial in found})
    assert [("x_2", "x_3"), ("x_1", "x_3"), ("x_1", "x_2")] == [p.operands for p in found]
    assert "x_1*x_2" == source(found[0].rule.formula)


def test_a_partial_of_a_group_may_repeat_all_of_it():
    top = rule("soft maximum", "a = ln(sum(e^(x_i)))", x_i="e^x_i/sum(e^(x_i))")
    assert ("x_2", "x_1", "x_3") == partials(top, "x_i", 3)[1].operands
    test_every_partial_is_the_slope_between_two_near_points(top, "x_i", 3)
    with pytest.raises(RuleError, match="soft maximum: da/dx_1 is not"):
        partial_rule(rule("soft maximum", "a = ln(sum(e^(x_i)))", x_i="1/sum(e^(x_i))"), "x_i")


@pytest.mark.parametrize(
    ("expected", "equation", "formal", "each"),
    [
        ("1/4", "m = average(x)", "x", True),
        ("1", "s = total(x)", "x", True),
        ("1/2*(x - m)", "v = average((x - m)^2)", "x", True),
        ("average(-2*(x - m))", "v = average((x - m)^2)", "m", False),
        ("4", "s = total(w)", "w", False),
        ("1", "s = average(w)", "w", False),
        ("total(x)", "s = total(w*x)", "w", False),
        ("1 + average(x)", "s = w + average(w*x)", "w", False),
    ],
)
def test_what_runs_over_four_samples_is_differentiated_by_one_or_by_all(
    expected, equation, formal, each
):
    (found,) = partials(rule("over", equation), formal, 0, 4, each)
    assert expected == source(found.rule.formula)


@pytest.mark.parametrize("formula", ["x_i*w_i + b", "w_i*sum(x_i)", "sum(w_i*x_i) + b_i"])
def test_a_member_outside_of_a_repetition_is_refused(formula):
    with pytest.raises(FormulaError, match="_i is outside of sum"):
        net(formula)


def test_the_derivative_of_relu_at_its_kink_is_0_and_stated():
    relu = partial_rule(ACTIVATIONS["relu"], "z")
    assert "0 at z = 0" == relu.kink
    assert (0.0, 0.0, 1.0) == tuple(apply(relu.formula, {"z": z}, FLOAT) for z in (-1.0, 0.0, 1e-9))


def test_the_size_of_a_group_is_proven_up_to_three_and_right_at_four():
    r = TOTALS["mean"]
    assert ("e_1", "e_2", "e_3", "e_4") == formals(r, 4)
    assert 0.25 == _value(r, "e_i", 4, 2, dict.fromkeys(formals(r, 4), 1.0))


def test_operands_are_in_the_order_they_are_written():
    assert ("x_1", "w_1", "x_2", "w_2", "b") == formals(net("sum(x_i*w_i) + b"), 2)
    assert ("b", "w_1", "x_1") == formals(net("b + sum(w_i*x_i)"), 1)
    assert ("o", "t") == formals(LOSSES["squared error", "o - t"], 0)


@pytest.mark.parametrize("formula", NETS)
def test_every_usual_net_is_a_weighted_sum(formula):
    env = {"w_1": 2.0, "x_1": 3.0, "w_2": 5.0, "x_2": 7.0, "b": 11.0}
    expected = 2 * 3 + 5 * 7 + (11 if "b" in formula else 0)
    assert expected == apply(expand(parse(formula), 2), env, FLOAT)


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_every_line_of_a_derivation_is_equal_to_the_derivative(name):
    r = ACTIVATIONS[name]
    whole = r.definition or r.formula
    if r.definition:
        assert algebra.equal(r.formula, r.definition)
    for _, text in r.ending:
        line = rename(parse(text), lambda s: whole if s == r.output else parse(s))
        assert algebra.equal(algebra.partial(whole, "z"), line)


def test_two_formulas_are_equal_only_if_they_are():
    assert algebra.equal(parse("(a + b)^2"), parse("a^2 + 2*a*b + b^2"))
    assert algebra.equal(parse("e^(2*a)"), parse("(e^a)^2"))
    assert not algebra.equal(parse("max(0, a)"), parse("a"))
    assert not algebra.equal(parse("sqrt(a^2)"), parse("a"))
    assert ("a", "b") == names(parse("(a + b)^2"))
