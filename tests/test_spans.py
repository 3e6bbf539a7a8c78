"""What a step can come out as, against what its formula gives at points drawn at random."""

from __future__ import annotations

import random

import pytest

from tracer.arithmetic import FLOAT, apply
from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.losses import LOSSES
from tracer.check.bounds import formula_of
from tracer.check.spans import span, whole
from tracer.expression import names
from tracer.parsing import parse

RULES = [*ACTIVATIONS.values(), *LOSSES.values()]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_value_of_a_formula_is_within_its_span(rule):
    formula, r, seen = formula_of(rule, 3, 1), random.Random(rule.name), 0
    for scale in (0.1, 1, 10, 100) * 50:
        env = {n: r.uniform(-scale, scale) for n in names(formula)}
        try:
            value = apply(formula, env, FLOAT)
        except (ZeroDivisionError, ValueError, OverflowError):
            continue
        seen += 1
        assert span(formula).holds(value, 1e-12 * abs(value)), env
    assert seen > 10


@pytest.mark.parametrize(
    ("formula", "found"),
    [
        ("step(z)", True), ("1 - 2*reached(o, 1/2)", True), ("1 - (y - t)^2", None),
        ("y + 1", None), ("y/2", False), ("0.5*step(z)", False), ("e^step(z)", False),
        ("max(0, z)", None),
    ],
)  # fmt: skip
def test_which_formulas_give_whole_numbers(formula, found):
    assert whole(parse(formula)) is found


@pytest.mark.parametrize(
    ("formula", "low", "high"),
    [
        ("1/(1 + e^(-z))", 0, 1),
        ("tanh(z)", -1, 1),
        ("max(0, z)", 0, float("inf")),
        ("max(-1, min(1, z))", -1, 1),
        ("1/2*(t - o)^2", 0, float("inf")),
        ("1 - tanh(z)^2", float("-inf"), 1),
        ("3*step(z) - 1", -1, 2),
        ("e^a/(e^a + e^b)", 0, float("inf")),  # not seen to be below 1
        ("-1/(2 + e^z)", -0.5, 0),
        ("1/z", float("-inf"), float("inf")),
        ("w*x + b", float("-inf"), float("inf")),
    ],
)
def test_the_span_of_a_formula(formula, low, high):
    assert span(parse(formula)) == pytest.approx((low, high))
