"""How names become symbols."""

from __future__ import annotations

import re

import pytest

from tracer.expression import Name, Neg, Num, Power, Sum
from tracer.labels import (
    Delta,
    Derivative,
    Gate,
    Label,
    OfSample,
    Own,
    Part,
    Tangent,
    Updated,
    Version,
    latex,
    latex_leaf,
    name,
    text,
    text_leaf,
)
from tracer.printers import LATEX, TEXT, fill, template
from tracer.symbols import runs


@pytest.mark.parametrize(
    ("shown", "symbol"),
    [
        ("w5", "w_{5}"),
        ("w1_1", "w_{1,1}"),
        ("net_h1", r"\mathrm{net_{h1}}"),
        ("Out h1", r"\mathrm{Out}\ h_{1}"),
        ("E_total", "E_{total}"),
        ("eta", r"\eta"),
        ("η", r"\eta"),
        ("theta_4", r"\theta_{4}"),
        ("ψ1", r"\psi_{1}"),
        ("x[2]", "x_{2}"),
        ("W1[2,3]", r"\mathrm{W1_{2,3}}"),
        ("y'", "y'"),
        ("h'1", "h'_{1}"),
        ("ŷ", r"\hat y"),
        ("ŷ1", r"\hat y_{1}"),
        ("y_hat", r"\hat y"),
        ("αβ1", r"\mathrm{\alpha \beta 1}"),
    ],
)
def test_a_name_becomes_the_symbol_it_stands_for(shown: str, symbol: str) -> None:
    assert symbol == latex(Own(shown.replace(" ", "_"), shown))
    assert "}_" not in symbol, "Markdown may take it for emphasis"


def test_a_hat_is_drawn_above_its_letter() -> None:
    (hat, index) = runs(Own("ŷ1"))
    assert ("y\u0302", "1") == (hat.text, index.text)
    (dot, index) = runs(Tangent(Own("x1")))
    assert ("x\u0307", "1") == (dot.text, index.text)


@pytest.mark.parametrize(
    ("of", "called", "shown", "symbol"),
    [
        (Own("x1"), "dot_x1", "ẋ1", r"\dot x_{1}"),
        (Own("E", "E_total"), "dot_E", "Ė_total", r"\dot E_{total}"),
        (Own("Out_h1", "Out h1"), "dot_Out_h1", "Ȯut h1", r"\mathrm{\dot Out}\ h_{1}"),
        (Own("net_h1"), "dot_net_h1", "ṅet_h1", r"\mathrm{\dot net_{h1}}"),
        (Own("eta"), "dot_eta", "η\u0307", r"\dot \eta"),
        (Own("W1[2,3]"), "dot_W1[2,3]", "Ẇ1[2,3]", r"\mathrm{\dot W1_{2,3}}"),
        (Own("y_hat"), "dot_y_hat", "ẏ_hat", r"\dot{\hat y}"),
        (Own("v", tex=r"v_{-1}"), "dot_v", "v\u0307", r"\dot v_{-1}"),
        (Own("h", tex=r"\mathbf{h}_2"), "dot_h", "ḣ", r"\mathbf{\dot h}_2"),
        (Own("L", tex=r"\text{loss}"), "dot_L", "L\u0307", r"\dot{\text{loss}}"),
        (OfSample(Own("E")), "dot_E_n", "Ė(n)", r"\dot E^{(n)}"),
        (Version(Own("c"), 1), "dot_c#1", "ċ#1", r"\dot c^{[1]}"),
    ],
)
def test_a_tangent_has_a_dot_above_the_first_letter(
    of: Label, called: str, shown: str, symbol: str
) -> None:
    assert (called, shown, symbol) == (name(Tangent(of)), text(Tangent(of)), latex(Tangent(of)))


E1, W = Own("E", "ETotal", "E_{Total}"), Own("w5")


@pytest.mark.parametrize(
    ("label", "called", "shown", "symbol"),
    [
        (Derivative(E1, W), "dE/dw5", "∂ETotal/∂w5", r"\frac{\partial E_{Total}}{\partial w_{5}}"),
        (Updated(W), "w5+", "w5⁺", "w_{5}^{+}"),
        (Delta(Own("y1")), "delta_y1", "δ(y1)", r"\delta_{y_{1}}"),
        (
            Derivative(E1, W, "via net_h1"),
            "dE/dw5 via net_h1",
            "∂ETotal/∂w5 via net_h1",
            r"\frac{\partial E_{Total}}{\partial w_{5}}\ (\text{via}\ \mathrm{net_{h1}})",
        ),
    ],
)
def test_a_derived_label_is_made_of_its_parts(
    label: Derivative | Updated | Delta, called: str, shown: str, symbol: str
) -> None:
    assert (called, shown, symbol) == (name(label), text(label), latex(label))


def test_no_symbol_has_a_backslash_that_markdown_would_take() -> None:
    for shown in ("Out h1", "a b c", "net_o1'"):
        assert not re.search(r"\\[^A-Za-z ]", latex(Own(shown)))


# ---- formulas --------------------------------------------------------------------------

C1 = Version(Own("c"), 1)
SUM = Gate("a+c#1", Sum((Name("a"), Name("c#1")), (False, False)), (Own("a"), C1))


@pytest.mark.parametrize(
    ("label", "called", "shown", "symbol"),
    [
        (C1, "c#1", "c#1", "c^{[1]}"),
        (Version(Own("y'"), 2), "y'#2", "y'#2", "{y'}^{[2]}"),
        (Version(Own("eta"), 3), "eta#3", "η#3", r"\eta^{[3]}"),
        (Derivative(Own("f"), C1), "df/dc#1", "∂f/∂c#1", r"\frac{\partial f}{\partial c^{[1]}}"),
        (SUM, "a+c#1", "a + c#1", "a + c^{[1]}"),
        (
            Derivative(Own("f"), SUM), "df/da+c#1", "∂f/∂(a + c#1)",
            r"\frac{\partial f}{\partial (a + c^{[1]})}",
        ),
        (Part(Own("f1"), 2), "f1.2", "f1.2", "f_{1}.2"),
        (
            Derivative(Own("f"), Own("x"), "via a+c#1 place 2"),
            "df/dx via a+c#1 place 2", "∂f/∂x via a+c#1 place 2",
            r"\frac{\partial f}{\partial x}\ (\text{via}\ a + c^{[1]}\ \text{place}\ 2)",
        ),
    ],
)  # fmt: skip
def test_what_formulas_are_made_of_is_called_as_it_is_written(label, called, shown, symbol):
    assert (called, shown, symbol) == (name(label), text(label), latex(label))


def test_a_formula_as_an_operand_is_in_brackets_where_it_must():
    square = Power(Name("u"), Num("2"))
    for leaf, language, expected in (
        (text_leaf, TEXT, "(a + c#1)^2"), (latex_leaf, LATEX, "(a + c^{[1]})^{2}"),
    ):  # fmt: skip
        assert expected == fill(template(square, language), lambda _, leaf=leaf: leaf(SUM))
    negative = Gate("-a", Neg(Name("a")), (Own("a"),))
    total = Sum((Name("b"), Name("u")), (False, False))
    leaves = {"b": text_leaf(Own("b")), "u": text_leaf(negative)}
    assert "b + (-a)" == fill(template(total, TEXT), leaves.__getitem__)
