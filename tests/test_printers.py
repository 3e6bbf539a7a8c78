"""One expression, many languages: the text, the brackets, and the value of what is printed."""

import math
import re
from decimal import localcontext

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_expression import trees

from tracer import labels
from tracer.arithmetic import COLUMNS, FLOAT, apply
from tracer.exact import DECIMAL, decimal_context
from tracer.expression import Diff, Name, Power, names, rename
from tracer.labels import Delta, Derivative, Own, Updated
from tracer.lines import _latex_number, _text_number
from tracer.numbers import Shown
from tracer.parsing import parse
from tracer.printers import (
    LATEX,
    LATEX_NUMBERS,
    PYTHON,
    TEXT,
    TEXT_NUMBERS,
    Leaf,
    fill,
    template,
)


def printed(text, language):
    return fill(template(parse(text), language), Leaf)


@pytest.mark.parametrize(
    ("latex", "text", "python", "formula"),
    [
        ("a + b", "a + b", "a + b", "a + b"),
        ("a - (b - c)", "a - (b - c)", "a - (b - c)", "a - (b - c)"),
        ("-a", "-a", "-a", "-a"),
        ("-(a + b)", "-(a + b)", "-(a + b)", "-(a + b)"),
        (r"a \cdot b \cdot c", "a · b · c", "a*b*c", "a*b*c"),
        (r"a \cdot (-b)", "a · (-b)", "a*(-b)", "a*-b"),
        (r"a \cdot (1 - a)", "a · (1 - a)", "a*(1.0 - a)", "a*(1 - a)"),
        ("(a + b) (c + a)", "(a + b) (c + a)", "(a + b)*(c + a)", "(a + b)*(c + a)"),
        (r"(a + b) \cdot 2", "(a + b) · 2", "(a + b)*2.0", "(a + b)*2"),
        (r"a \cdot (b \cdot c)", "a · (b · c)", "a*(b*c)", "a*(b*c)"),
        (r"\frac{a}{b}", "a/b", "a/b", "a/b"),
        (r"\frac{a + b}{c - a}", "(a + b)/(c - a)", "(a + b)/(c - a)", "(a + b)/(c - a)"),
        (r"\frac{\frac{a}{b}}{c}", "a/b/c", "a/b/c", "a/b/c"),
        (r"\frac{a}{b \cdot c}", "a/(b · c)", "a/(b*c)", "a/(b*c)"),
        (r"\frac{1}{2} a", "1/2 · a", "1.0/2.0*a", "1/2*a"),
        (r"\frac{1}{2} \cdot 3", "1/2 · 3", "1.0/2.0*3.0", "1/2*3"),
        (r"a^{b}", "a^b", "pow(a, b)", "a^b"),
        (r"(-a)^{b}", "(-a)^b", "pow(-a, b)", "(-a)^b"),
        (r"(a + b)^{2}", "(a + b)^2", "((u := a + b)*u)", "(a + b)^2"),
        (r"\left(\frac{a}{b}\right)^{2}", "(a/b)^2", "((u := a/b)*u)", "(a/b)^2"),
        (r"(a^{2})^{3}", "(a^2)^3", "pow(((u := a)*u), 3.0)", "(a^2)^3"),
        (r"a^{-b}", "a^(-b)", "pow(a, -b)", "a^(-b)"),
        (r"\frac{1}{1 + e^{-z}}", "1/(1 + e^(-z))", "1.0/(1.0 + exp(-z))", "1/(1 + e^(-z))"),
        (r"\ln(a + b)", "ln(a + b)", "ln(a + b)", "ln(a + b)"),
        (r"\max(0, z)", "max(0, z)", "max(0.0, z)", "max(0, z)"),
        ("[z > 0]", "[z > 0]", "(1.0 if z > 0 else 0.0)", "step(z)"),
        (r"\sqrt{a} b", "sqrt(a) b", "sqrt(a)*b", "sqrt(a)*b"),
    ],
)
def test_each_construct_has_its_form_in_each_language(latex, text, python, formula):
    assert latex == printed(formula, LATEX)
    assert text == printed(formula, TEXT)
    assert python == printed(formula, PYTHON)


def test_a_derivative_not_yet_worked_out_is_written_with_d():
    e = Diff(parse("1/z"), "z")
    assert "d/dz (1/z)" == fill(template(e, TEXT), Leaf)
    assert r"\frac{d}{dz} \left(\frac{1}{z}\right)" == fill(template(e, LATEX), Leaf)


# ---- substitution ----------------------------------------------------------------------

NEGATIVE = Shown("-0.5")
TINY = Shown("-3.51", -5)


@pytest.mark.parametrize(
    ("latex", "text", "formula"),
    [
        ("-0.5 + b", "-0.5 + b", "x + b"),  # leading: no brackets
        ("b + (-0.5)", "b + (-0.5)", "b + x"),
        ("b - (-0.5)", "b - (-0.5)", "b - x"),
        (r"-0.5 \times b", "-0.5 × b", "x*b"),
        (r"b \times (-0.5)", "b × (-0.5)", "b*x"),
        (r"\frac{-0.5}{b}", "-0.5/b", "x/b"),
        (r"\frac{b}{-0.5}", "b/(-0.5)", "b/x"),
        ("(-0.5)^{2}", "(-0.5)^2", "x^2"),
        ("2^{-0.5}", "2^(-0.5)", "2^x"),
        ("-(-0.5)", "-(-0.5)", "-x"),
        ("e^{-(-0.5)}", "e^(-(-0.5))", "e^(-x)"),
        (r"\ln(-0.5)", "ln(-0.5)", "ln(x)"),
        (r"2 \times (-0.5 + b)", "2 × (-0.5 + b)", "2*(x + b)"),
        ("[-0.5 > 0]", "[-0.5 > 0]", "step(x)"),
    ],
)
def test_a_negative_number_is_in_brackets_exactly_where_it_must_be(latex, text, formula):
    assert latex == _substituted(formula, LATEX_NUMBERS, _latex_number, NEGATIVE)
    assert text == _substituted(formula, TEXT_NUMBERS, _text_number, NEGATIVE)


@pytest.mark.parametrize(
    ("latex", "text", "formula"),
    [
        (r"b + (-3.51 \times 10^{-5})", "b + (-3.51e-5)", "b + x"),
        (r"-3.51 \times 10^{-5} + b", "-3.51e-5 + b", "x + b"),
        (r"b \times (-3.51 \times 10^{-5})", "b × (-3.51e-5)", "b*x"),
        (r"(-3.51 \times 10^{-5})^{2}", "(-3.51e-5)^2", "x^2"),
        (r"\frac{-3.51 \times 10^{-5}}{b}", "-3.51e-5/b", "x/b"),
    ],
)
def test_a_number_with_a_power_of_ten_holds_together(latex, text, formula):
    assert latex == _substituted(formula, LATEX_NUMBERS, _latex_number, TINY)
    assert text == _substituted(formula, TEXT_NUMBERS, _text_number, TINY)


def _substituted(formula, language, leaf, shown):
    parts = template(parse(formula), language)
    return fill(parts, lambda name: leaf(shown) if name == "x" else Leaf(name))


# ---- symbols ---------------------------------------------------------------------------

E, W5, OUT = Own("E"), Own("w5"), Own("Out_h1", "Out h1")


@pytest.mark.parametrize(
    ("latex", "text", "name", "label"),
    [
        ("w_{5}", "w5", "w5", W5),
        ("w_{1,1}", "w1_1", "w1_1", Own("w1_1")),
        (r"\eta", "η", "eta", Own("eta")),
        (r"\theta_{1}", "θ1", "θ1", Own("θ1")),
        (r"\mathrm{net_{h1}}", "net_h1", "net_h1", Own("net_h1")),
        (r"\mathrm{Out}\ h_{1}", "Out h1", "Out_h1", OUT),
        ("E_{total}", "E_total", "E", Own("E", "E_total", "E_{total}")),
        (r"\frac{\partial E}{\partial w_{5}}", "∂E/∂w5", "dE/dw5", Derivative(E, W5)),
        ("w_{5}^{+}", "w5⁺", "w5+", Updated(W5)),
        ("{w^{(1)}}^{+}", "w⁺", "w+", Updated(Own("w", "", "w^{(1)}"))),  # TeX: no x^{a}^{b}
        ("{w'}^{+}", "w'⁺", "w'+", Updated(Own("w'"))),
        (r"\delta_{w_{5}}", "δ(w5)", "delta_w5", Delta(W5)),
    ],
)
def test_a_label_has_a_symbol_a_text_and_a_name(latex, text, name, label):
    assert (latex, text, name) == (labels.latex(label), labels.text(label), labels.name(label))


@pytest.mark.parametrize(
    ("expected", "label"),
    [
        (r"(\frac{\partial E}{\partial w_{5}})^{2}", Derivative(E, W5)),
        ("(w_{5}^{+})^{2}", Updated(W5)),
        ("(w^{(1)})^{2}", Own("w", "", "w^{(1)}")),
        ("w_{5}^{2}", W5),
    ],
)
def test_a_raised_symbol_or_a_fraction_is_squared_in_brackets(expected, label):
    assert expected == fill(template(parse("x^2"), LATEX), lambda _: labels.latex_leaf(label))


@given(trees())
def test_no_latex_has_a_backslash_before_punctuation(e):
    """Markdown would take it for an escape: `\\,` `\\_` `\\{` `\\!` lose their backslash."""
    for language, leaf in ((LATEX, Leaf), (LATEX_NUMBERS, lambda _: _latex_number(TINY))):
        found = fill(template(e, language), leaf)
        assert not re.search(r"\\[^A-Za-z]", found)
        assert found.count("{") == found.count("}")
        assert len(re.findall(r"\\left\(", found)) == len(re.findall(r"\\right\)", found))


# ---- what is printed has the value of what is meant ------------------------------------

SPACE = {**FLOAT.calls, "pow": FLOAT.power, "e": math.e}
VALUES = st.floats(-3, 3) | st.sampled_from([0.0, -0.0, 1.0, 800.0, -800.0])


def _named(e):
    """The expression with Python's names for its operands, and those names."""
    found = {name: f"v{k}" for k, name in enumerate(names(e))}
    return rename(e, lambda s: Name(found.get(s, s))), list(found.values())


def _or_error(compute):
    try:
        return compute()
    except (OverflowError, ZeroDivisionError, ValueError) as wrong:
        return type(wrong)


@given(trees(), st.lists(VALUES, min_size=8, max_size=8))
def test_python_text_has_the_value_of_the_expression_bit_for_bit(e, values):
    e, used = _named(e)
    env = dict(zip(used, values, strict=False))
    text = fill(template(e, PYTHON), Leaf)
    ours = _or_error(lambda: apply(e, env, FLOAT))
    theirs = _or_error(lambda: eval(f"(lambda: {text})()", {**SPACE, **env}))
    assert repr(ours) == repr(theirs), text


@given(trees(), st.lists(VALUES, min_size=24, max_size=24))
def test_columns_have_the_values_of_floats_bit_for_bit(e, values):
    e, used = _named(e)
    columns = {v: np.array(values[3 * k : 3 * k + 3]) for k, v in enumerate(used)}
    with np.errstate(all="ignore"):
        found = np.broadcast_to(apply(e, columns, COLUMNS), 3).tolist()
    for row in range(3):
        env = {name: float(column[row]) for name, column in columns.items()}
        one = _or_error(lambda env=env: apply(e, env, FLOAT))
        if isinstance(one, float):
            assert repr(one) == repr(found[row])


def test_powers_of_columns_are_those_of_floats():
    """`np.power` differs from `math.pow` by an ulp in 5 of 100 cases."""
    xs = np.random.default_rng(0).random(2000) * 10
    for exponent in ("3", "1.7", "-2"):
        e = Power(Name("x"), parse(exponent))
        ours = apply(e, {"x": xs}, COLUMNS).tolist()
        assert [math.pow(x, float(exponent)) for x in xs.tolist()] == ours


def test_the_greater_of_0_and_minus_0_is_the_first():
    e = parse("max(0, z)")
    assert "0.0" == repr(apply(e, {"z": -0.0}, FLOAT))
    assert ["0.0"] == [repr(v) for v in apply(e, {"z": np.array([-0.0])}, COLUMNS).tolist()]


def test_a_root_of_a_negative_number_is_no_complex_number():
    with pytest.raises(ValueError, match="math domain error"):
        apply(parse("x^0.5"), {"x": -1.0}, FLOAT)


FORMULAS = [
    "1/(1 + e^(-z))", "tanh(z)", "max(0, z)", "step(z)", "1/2*(t - z)^2", "z*(1 - z)", "1 - z^2",
    "e^(-z)/(1 + e^(-z))^2", "exp(z) - t", "ln(z^2 + 1)", "sqrt(z^2 + t^2)", "z^3/t", "-(t - z)",
]  # fmt: skip


@pytest.mark.parametrize("formula", FORMULAS)
@given(st.floats(-20, 20), st.floats(0.1, 20))
def test_decimals_agree_with_fifty_digits_of_mpmath(formula, z, t):
    with localcontext(decimal_context()):
        env = {"z": DECIMAL.number(repr(z)), "t": DECIMAL.number(repr(t))}
        ours = apply(parse(formula), env, DECIMAL)
    with mpmath.workdps(50):
        theirs = _by_mpmath(formula, mpmath.mpf(repr(z)), mpmath.mpf(repr(t)))
        assert abs(mpmath.mpf(str(ours)) - theirs) <= mpmath.mpf("1e-40") * (1 + abs(theirs))


def _by_mpmath(formula, z, t):
    calls = {n: getattr(mpmath, n) for n in ("exp", "ln", "sqrt", "tanh")}
    space = {**calls, "max": max, "step": lambda x: int(x > 0), "e": mpmath.e, "z": z, "t": t}
    return eval(formula.replace("^", "**").replace("1/2", "mpf(1)/2"), {**space, "mpf": mpmath.mpf})


@pytest.mark.parametrize("z", ["1e-12", "-1e-120", "0", "3", "-60", "1e7", "-1e300"])
def test_tanh_in_decimals_keeps_fifty_digits(z):
    with localcontext(decimal_context()):
        ours = apply(parse("tanh(z)"), {"z": DECIMAL.number(z)}, DECIMAL)
    with mpmath.workdps(400):
        theirs = mpmath.tanh(mpmath.mpf(z))
        assert abs(mpmath.mpf(str(ours)) - theirs) <= mpmath.mpf("1e-48") * abs(theirs)
