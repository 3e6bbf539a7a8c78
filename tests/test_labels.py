"""How names become symbols."""

from __future__ import annotations

import re

import pytest

from tracer.labels import Delta, Derivative, Own, Updated, latex, name, text
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
