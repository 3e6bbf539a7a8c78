"""Derivations: the form of every line, and its truth by sympy and by numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, DecimalException, InvalidOperation, localcontext
from itertools import pairwise

import mpmath
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tracer import algebra
from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.losses import LOSSES
from tracer.catalog.sums import TOTALS
from tracer.derivation import KNOWN, Derivation, Reason, derivation, prove
from tracer.errors import RuleError
from tracer.expression import (
    ONE,
    Call,
    Diff,
    Expr,
    Name,
    Neg,
    Num,
    Power,
    Product,
    Quotient,
    Sum,
    children,
    names,
    rename,
)
from tracer.parsing import parse
from tracer.printers import LATEX, TEXT, Leaf, fill, source, template
from tracer.rules import rule

POINTS = ("-2.3", "-0.7", "0.4", "1.1", "2.9")
OTHERS = {"t": "0.8", "o": "0.3", "c": "1.7", "n": "3", "w": "-0.4"}

MADE_UP = (
    "z/(1 + z^2)",
    "ln(1 + e^z)",
    "z/(1 + e^(-z))",
    "z*tanh(ln(1 + e^z))",
    "(1 - e^(-2*z))/(1 + e^(-2*z))",
    "-3*z^2 - z + 4 - 2*(-z)",
    "z^3*e^(-2*z)*tanh(z)",
    "sqrt(1 + z^2) + exp(-z^2/2)",
    "c/(z^2 + c)^3",
    "1/z^2 + 1/e^z - 1/(c - 4*z)",
    "c*z*w*z",
    "(z^2 + 1)^n",
    "(z^2 + 1)^(1/2)/(z^2 + 1)^(-0.5)",
    "z^1 + z^0*c",
    "max(0, z)^2",
    "min(z^2, 3*z)*abs(z - 1)",
    "sin(z)*cos(2*z)/(2 + erf(z))",
    "1 + z",
)


def lines(d: Derivation) -> list[tuple[str, str]]:
    """Every line in the formula language, with its reason."""
    return [(source(line.expression), line.reason) for line in d.lines]


def made_up(formula: str) -> Derivation:
    return derivation(rule("made up", f"a = {formula}"))


def reasons(formula: str) -> list[str]:
    return [line.reason for line in made_up(formula).lines]


def last(formula: str) -> str:
    return source(made_up(formula).result)


EVERY = [
    *(pytest.param(derivation(r), id=name) for name, r in ACTIVATIONS.items()),
    *(pytest.param(derivation(r, "o"), id=f"{k[0]}, {k[1]}") for k, r in LOSSES.items()),
    *(pytest.param(made_up(formula), id=formula) for formula in MADE_UP),
]
every_derivation = pytest.mark.parametrize("d", EVERY)


# ---- form ------------------------------------------------------------------------------


def test_sigmoid_is_derived_as_on_paper():
    assert lines(derivation(ACTIVATIONS["sigmoid"])) == [
        ("d/dz (1/(1 + e^(-z)))", "the definition"),
        ("d/dz ((1 + e^(-z))^(-1))", "write the fraction as a power"),
        ("-(1 + e^(-z))^(-2)*d/dz (1 + e^(-z))", "power rule and chain rule"),
        ("-(1 + e^(-z))^(-2)*(d/dz (1) + d/dz (e^(-z)))", "sum rule"),
        ("-(1 + e^(-z))^(-2)*d/dz (e^(-z))", "a constant has derivative 0"),
        ("-(1 + e^(-z))^(-2)*e^(-z)*d/dz (-z)", "exponential rule and chain rule"),
        ("-(1 + e^(-z))^(-2)*e^(-z)*(-1)", "the derivative of -z is -1"),
        ("(1 + e^(-z))^(-2)*e^(-z)", "two minus signs make a plus"),
        ("e^(-z)/(1 + e^(-z))^2", "write the negative power as a fraction"),
        ("(1 + e^(-z) - 1)/(1 + e^(-z))^2", "add and subtract 1"),
        ("(1 + e^(-z))/(1 + e^(-z))^2 - 1/(1 + e^(-z))^2", "split the fraction"),
        ("1/(1 + e^(-z)) - 1/(1 + e^(-z))^2", "cancel"),
        ("1/(1 + e^(-z))*(1 - 1/(1 + e^(-z)))", "factor out"),
        ("a*(1 - a)", "recognise the function"),
    ]


def test_tanh_is_derived_as_on_paper():
    """p = e^z + e^(-z) and m = e^z - e^(-z) shorten the expectation, not the lines."""
    expected = [
        ("d/dz (m/p)", "the definition"),
        ("(p*d/dz m - m*d/dz p)/p^2", "quotient rule"),
        (
            "(p*(d/dz (e^z) - d/dz (e^(-z))) - m*(d/dz (e^z) + d/dz (e^(-z))))/p^2",
            "sum rule",
        ),
        ("(p*(e^z - d/dz (e^(-z))) - m*(e^z + d/dz (e^(-z))))/p^2", "exponential rule"),
        (
            "(p*(e^z - e^(-z)*d/dz (-z)) - m*(e^z + e^(-z)*d/dz (-z)))/p^2",
            "exponential rule and chain rule",
        ),
        ("(p*(e^z - e^(-z)*(-1)) - m*(e^z + e^(-z)*(-1)))/p^2", "the derivative of -z is -1"),
        ("(p*p - m*m)/p^2", "multiply the signs"),
        ("(p^2 - m^2)/p^2", "write the products as squares"),
        ("p^2/p^2 - m^2/p^2", "split the fraction"),
        ("1 - m^2/p^2", "cancel"),
        ("1 - (m/p)^2", "write the squares as one"),
        ("1 - a^2", "recognise the function"),
    ]
    long = {"p": "(e^z + e^(-z))", "m": "(e^z - e^(-z))"}
    assert lines(derivation(ACTIVATIONS["tanh"])) == [
        (re.sub(r"\b[pm]\b", lambda found: long[found[0]], text), reason)
        for text, reason in expected
    ]


def test_relu_states_its_cases_and_its_convention():
    assert lines(derivation(ACTIVATIONS["relu"])) == [
        ("d/dz (max(0, z))", "the definition"),
        ("step(z)", "1 where z > 0, 0 where z < 0 (by convention 0 at z = 0)"),
    ]


def test_identity_has_derivative_1():
    assert lines(derivation(ACTIVATIONS["identity"])) == [
        ("d/dz (z)", "the definition"),
        ("1", "the derivative of z is 1"),
    ]


def test_squared_error_is_derived_by_its_output():
    d = derivation(LOSSES["half squared error", "t - o"], "o")
    assert lines(d) == [
        ("d/do (1/2*(t - o)^2)", "the definition"),
        ("1/2*d/do ((t - o)^2)", "a constant factor stays"),
        ("1/2*2*(t - o)*d/do (t - o)", "power rule and chain rule"),
        ("1/2*2*(t - o)*(d/do (t) - d/do (o))", "sum rule"),
        ("1/2*2*(t - o)*(-d/do (o))", "a constant has derivative 0"),
        ("1/2*2*(t - o)*(-1)", "the derivative of o is 1"),
        ("-(t - o)", "simplify"),
    ]


def test_a_made_up_fraction_takes_the_quotient_rule():
    assert lines(made_up("z/(1 + z^2)")) == [
        ("d/dz (z/(1 + z^2))", "the definition"),
        ("((1 + z^2)*d/dz (z) - z*d/dz (1 + z^2))/(1 + z^2)^2", "quotient rule"),
        ("(1 + z^2 - z*d/dz (1 + z^2))/(1 + z^2)^2", "the derivative of z is 1"),
        ("(1 + z^2 - z*(d/dz (1) + d/dz (z^2)))/(1 + z^2)^2", "sum rule"),
        ("(1 + z^2 - z*d/dz (z^2))/(1 + z^2)^2", "a constant has derivative 0"),
        ("(1 + z^2 - z*2*z)/(1 + z^2)^2", "power rule"),
    ]


def test_softplus_is_derived_mechanically():
    assert lines(made_up("ln(1 + e^z)")) == [
        ("d/dz (ln(1 + e^z))", "the definition"),
        ("1/(1 + e^z)*d/dz (1 + e^z)", "the derivative of ln and chain rule"),
        ("1/(1 + e^z)*(d/dz (1) + d/dz (e^z))", "sum rule"),
        ("1/(1 + e^z)*d/dz (e^z)", "a constant has derivative 0"),
        ("1/(1 + e^z)*e^z", "exponential rule"),
    ]


@pytest.mark.parametrize(
    ("formula", "derivative"),
    [
        ("z^2", "2*z"),
        ("z^1", "1"),
        ("z^(-2)", "-2*z^(-3)"),
        ("z^(1/2)", "1/2*z^(-1/2)"),
        ("z^0.50", "0.50*z^(-0.50)"),
        ("z^n", "n*z^(n - 1)"),
        ("1/z", "-z^(-2)"),
        ("1/z^2", "-2*z^(-3)"),
        ("1/e^z", "e^(-z)*(-1)"),
        ("z/2", "1/2"),
        ("c*z*w*z", "c*w*(z + z)"),
        ("4 - (-z)", "1"),
        ("c - (z - z^2)", "-(1 - 2*z)"),
        ("z - (c - z)", "1 + 1"),
        ("-(1/z)", "z^(-2)"),
        ("tanh(z)", "1 - tanh(z)^2"),
        ("sqrt(z)", "1/(2*sqrt(z))"),
        ("exp(3*z)", "exp(3*z)*3"),
        ("max(0, 2*z)", "step(2*z)*2"),
        ("max(z, 1)", "step(z - 1)"),
        ("min(2*z, 1)", "step(1 - 2*z)*2"),
        ("max(z, c*z)", "1 - step(c*z - z) + step(c*z - z)*c"),
        ("abs(3*z)", "sign(3*z)*3"),
        ("erf(2*z)", "2/sqrt(pi())*e^(-(2*z)^2)*2"),
        ("z + step(z)", "1"),
        ("-(z^0)", "0"),
        ("z^0/z^0", "0"),
    ],
)
def test_no_zero_no_one_and_no_double_sign_is_left_behind(formula, derivative):
    assert derivative == last(formula)


def test_equal_neighbours_are_worked_out_in_one_line():
    assert ("2*z - 3*z^2", "power rule") in lines(made_up("z^2 - z^3"))


def test_different_rules_take_different_lines_from_left_to_right():
    assert reasons("z^2 - e^z")[2:] == ["power rule", "exponential rule"]


def test_constants_go_first():
    assert reasons("z^2 + 5")[2:] == ["a constant has derivative 0", "power rule"]


@every_derivation
def test_a_derivative_is_the_last_factor(d):
    """Otherwise `d/dz (u) (v)` reads as the derivative of the product."""

    def held(e: Expr) -> bool:
        before = e.factors[:-1] if isinstance(e, Product) else ()
        return not any(isinstance(f, Diff) for f in before) and all(map(held, children(e)))

    assert all(held(line.expression) for line in d.lines)


@every_derivation
@pytest.mark.parametrize("language", [TEXT, LATEX], ids=["text", "latex"])
def test_printed_lines_are_tidy(d, language):
    for line in d.lines:
        printed = fill(template(line.expression, language), Leaf)
        assert not re.search(r"[-+] ?-|(?<![\d.])1 (·|\\cdot)|\\[^A-Za-z]", printed), printed
        assert "{" not in line.reason


@every_derivation
def test_every_derivation_starts_with_the_derivative_and_works_it_out(d):
    first, *rest = (line.expression for line in d.lines)
    assert isinstance(first, Diff)
    assert d.lines[0].reason == Reason.START.value
    assert "d/d" not in source(rest[-1])
    assert rest[-1] == d.result


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_the_last_line_is_the_teaching_form(name):
    assert derivation(ACTIVATIONS[name]).result == ACTIVATIONS[name].teaching["z"]


@pytest.mark.parametrize("key", LOSSES)
def test_the_derivative_of_an_error_ends_in_its_teaching_form(key):
    assert derivation(LOSSES[key], "o").result == LOSSES[key].teaching["o"]


# ---- truth -----------------------------------------------------------------------------


def expressions(d: Derivation) -> list[Expr]:
    """The lines without the output's name: what it stands for instead."""
    written = (line.expression for line in d.lines)
    return [rename(e, lambda s: d.formula if s == d.output else Name(s)) for e in written]


@every_derivation
def test_every_line_is_proven_equal_to_the_one_before(d):
    assert all(algebra.equal(before, after) for before, after in pairwise(expressions(d)))
    assert algebra.equal(Diff(d.formula, d.by), expressions(d)[-1])
    prove(d)


def value(e: Expr, at: dict[str, Decimal]) -> Decimal:
    """The expression's number; a derivative by central difference, good to some 35 digits."""
    if isinstance(e, Diff):
        h = Decimal("1e-20")
        above, below = ({**at, e.by: at[e.by] + step} for step in (h, -h))
        return (value(e.body, above) - value(e.body, below)) / (2 * h)
    parts = [value(part, at) for part in children(e)]
    match e:
        case Num(text):
            return Decimal(text)
        case Name(text):
            return Decimal(1).exp() if text == "e" else at[text]
        case Neg():
            return -parts[0]
        case Sum(_, minus):
            return sum((-p if m else p for p, m in zip(parts, minus, strict=True)), Decimal(0))
        case Product():
            return product(parts)
        case Quotient():
            return parts[0] / parts[1]
        case Power():
            return Decimal(1) if parts[1] == 0 else parts[0] ** parts[1]
        case Call(function, _):
            return FUNCTIONS[function](*parts)
    raise AssertionError(e)


def product(factors: list[Decimal]) -> Decimal:
    found = Decimal(1)
    for factor in factors:
        found *= factor
    return found


FUNCTIONS = {
    "exp": Decimal.exp,
    "ln": Decimal.ln,
    "sqrt": Decimal.sqrt,
    "log10": Decimal.log10,
    "tanh": lambda u: 1 - 2 / ((2 * u).exp() + 1),
    "erf": lambda u: by_mpmath(mpmath.erf, u),
    "sin": lambda u: by_mpmath(mpmath.sin, u),
    "cos": lambda u: by_mpmath(mpmath.cos, u),
    "tan": lambda u: by_mpmath(mpmath.tan, u),
    "pi": lambda: by_mpmath(mpmath.acos, Decimal(-1)),
    "abs": abs,
    "sign": lambda u: Decimal((u > 0) - (u < 0)),
    "max": max,
    "min": min,
    "step": lambda u: Decimal(u > 0),
    "reached": lambda u, v: Decimal(u >= v),
}


def by_mpmath(function: Callable[[mpmath.mpf], mpmath.mpf], u: Decimal) -> Decimal:
    with mpmath.workdps(70):
        return Decimal(str(function(mpmath.mpf(str(u)))))


def gap(d: Derivation, at: str) -> Decimal:
    """How far the lines' numbers lie apart at a point, relative to the largest."""
    with localcontext() as context:
        context.prec = 60
        given = {**OTHERS, d.by: at}
        found = [value(e, {k: Decimal(v) for k, v in given.items()}) for e in expressions(d)]
        return (max(found) - min(found)) / max(1, *map(abs, found))


@every_derivation
@pytest.mark.parametrize("at", POINTS)
def test_every_line_has_the_same_number(d, at):
    try:
        assert gap(d, at) < Decimal("1e-30")
    except InvalidOperation:
        assert "ln" in source(d.formula) or "log10" in source(d.formula)  # of no negative number


@pytest.mark.parametrize("function", KNOWN)
def test_the_known_derivatives_of_functions_are_proven(function):
    assert algebra.equal(Diff(Call(function, (Name("u"),)), "u"), KNOWN[function])


def positive(u: Expr) -> Expr:
    return Sum((ONE, Power(u, Num("2"))), (False, False))


def grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    pairs, sign = st.tuples(inner, inner), st.booleans()
    return st.one_of(
        st.builds(lambda uv, minus: Sum(uv, (False, minus)), pairs, sign),
        st.builds(Product, pairs),
        st.builds(lambda uv: Quotient(uv[0], positive(uv[1])), pairs),
        st.builds(Neg, inner),
        st.builds(lambda u, n: Power(positive(u), n), inner, st.sampled_from(EXPONENTS)),
        st.builds(lambda u: Power(Name("e"), u), inner),
        st.builds(lambda f, u: Call(f, (u,)), st.sampled_from(["tanh", "sin", "abs"]), inner),
        st.builds(lambda f, uv: Call(f, uv), st.sampled_from(["max", "min"]), pairs),
        st.builds(lambda u: Call("ln", (positive(u),)), inner),
        st.builds(lambda u: Call("sqrt", (positive(u),)), inner),
    )


EXPONENTS = [parse(n) for n in ("2", "3", "-1", "-2", "0.5", "3/2", "-1/2", "1", "0")]
FORMULAS = st.recursive(
    st.sampled_from([Name("z"), Name("z"), Name("c"), Num("2"), ONE, Num("0")]), grown, max_leaves=6
)


@settings(deadline=None)
@given(FORMULAS)
def test_any_formula_is_differentiated_truly(formula):
    assume("z" in names(formula))
    d = derivation(replace(rule("any", "a = z"), formula=formula))
    try:
        assert gap(d, "0.7") < Decimal("1e-15")
    except DecimalException:
        assume(False)  # e^(e^(e^…)) beyond all numbers


# ---- refusals --------------------------------------------------------------------------

SIGMOID = derivation(ACTIVATIONS["sigmoid"])


def falsified(d: Derivation, k: int) -> Derivation:
    """The derivation with 1/1000 added to its k-th line."""
    wrong = Sum((d.lines[k].expression, Num("0.001")), (False, False))
    changed = replace(d.lines[k], expression=wrong)
    return replace(d, lines=(*d.lines[:k], changed, *d.lines[k + 1 :]))


@pytest.mark.parametrize("k", range(len(SIGMOID.lines)))
def test_one_false_line_is_refused_by_its_number(k):
    with pytest.raises(RuleError, match=rf"^da/dz, line {k + 1}: .*0\.001 is not proven equal to"):
        prove(falsified(SIGMOID, k))


def test_a_false_result_is_refused():
    with pytest.raises(RuleError, match="line 14"):
        prove(replace(SIGMOID, result=parse("a*(1 + a)")))


def test_a_definition_of_another_function_is_refused():
    wrong = rule("tanh", "a = tanh(z)", definition="e^z/(e^z + e^(-z))")
    with pytest.raises(RuleError, match="line 1: "):
        prove(derivation(wrong))


def test_a_false_teaching_form_is_refused():
    wrong = rule("square", "a = z^2", z="3*z")
    with pytest.raises(RuleError, match=r"line 3: 3\*z is not proven equal to 2\*z"):
        prove(derivation(wrong))


def test_an_unknown_formal_is_refused_with_the_nearest():
    with pytest.raises(RuleError, match="sigmoid: no formal 'Z'; did you mean 'z'"):
        derivation(ACTIVATIONS["sigmoid"], "Z")


@pytest.mark.parametrize("formula", ["z^z", "2^z", "max(z, 1, 2)", "picked(1, z, 1)^z"])
def test_a_formula_beyond_the_rules_is_refused(formula):
    with pytest.raises(RuleError, match=re.escape(f"differentiate {formula} by z")):
        made_up(formula)


def test_a_repetition_is_refused():
    with pytest.raises(RuleError, match=re.escape("differentiate sum(e_i) by e_i")):
        derivation(TOTALS["mean"], "e_i")
