"""What a box of operands can lead to, against points of the box and another arithmetic."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracer.arithmetic import FLOAT, apply
from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.losses import LOSSES
from tracer.catalog.optimizers import DESCENT
from tracer.catalog.sums import CHAIN, NETS, PATHS, TOTALS, net
from tracer.check.bounds import bound, formula_of
from tracer.check.judge import fits
from tracer.check.precision import Precision
from tracer.errors import FormulaError, RuleError
from tracer.exact import digits_arithmetic
from tracer.expression import Expr, names
from tracer.parsing import parse
from tracer.rules import formals, has_group, inputs, partial_rule, stable_form

EXACT = digits_arithmetic(30)


def _nothing(value, radius):
    return 0.0


def bounded(e: Expr, centre, radii, half=_nothing):
    return bound(e)(list(centre), list(radii), range(len(centre)), half)


def points(centre, radii, r, inside=30):
    """The corners of a box, its middle, and points inside."""
    box = list(zip(centre, radii, strict=True))
    yield centre
    yield from product(*((x - e, x, x + e) for x, e in box))
    yield from ([x + e * r.uniform(-1, 1) for x, e in box] for _ in range(inside))


def exactly(e, point):
    env = {name: EXACT.number(repr(float(x))) for name, x in zip(names(e), point, strict=True)}
    return float(apply(e, env, EXACT))


def holds_the_box(e, centre, radii, seed=0):
    """Every point of the box that has a value is within the radius."""
    value, radius = bounded(e, centre, radii)
    for point in points(centre, radii, random.Random(seed)):
        try:
            off = abs(exactly(e, point) - value)
        except (ZeroDivisionError, ValueError, OverflowError):
            continue  # nobody has a number there
        assert fits(off, value, radius), (e, centre, radii, point, off, radius)


# ---- formulas at random ----------------------------------------------------------------

_LEAVES = st.sampled_from(["x", "y", "x", "y", "2", "1/2", "0.3"])


def _larger(parts):
    pair = st.tuples(parts, parts)
    return st.one_of(
        pair.map("({0[0]} + {0[1]})".format), pair.map("({0[0]} - {0[1]})".format),
        pair.map("({0[0]}*{0[1]})".format), pair.map("({0[0]}/{0[1]})".format),
        parts.map("({0})^2".format), parts.map("({0})^3".format), parts.map("(-{0})".format),
        parts.map("e^({0})".format), parts.map("tanh({0})".format), parts.map("ln({0})".format),
        parts.map("sqrt({0})".format), pair.map("max({0[0]}, {0[1]})".format),
        parts.map("log10({0})".format), parts.map("abs({0})".format),
        parts.map("sin({0})".format), parts.map("cos({0})".format), parts.map("tan({0})".format),
        parts.map("erf({0})".format), parts.map("sign({0})".format),
        pair.map("min({0[0]}, {0[1]}, 0.3)".format), pair.map("max(x, {0[0]}, {0[1]})".format),
        pair.map("picked(2, {0[0]}, {0[1]}, y)".format),
        pair.map("picked_min(1, {0[0]}, {0[1]})".format),
        parts.map("step({0})".format), pair.map("({0[0]})^({0[1]})".format),
    )  # fmt: skip


def _readable(text):
    try:
        return bool(parse(text))
    except FormulaError:
        return False


_TEXTS = st.recursive(_LEAVES, _larger, max_leaves=6).map("{0} + x*y".format)
FORMULAS = _TEXTS.filter(_readable).map(parse)
_FLOATS = st.one_of(st.floats(-5, 5), st.floats(-1e-3, 1e-3)).map(lambda x: round(x, 9))
NUMBERS = st.one_of(_FLOATS, st.sampled_from([0.0, 0.5, 1.0, -1.0, 1e-4, -1e-4]))
RADII = st.sampled_from([0.0, 5e-9, 5e-5, 5e-4, 5e-3, 0.05, 0.5])


@given(FORMULAS, st.tuples(NUMBERS, NUMBERS), st.tuples(RADII, RADII), st.integers(0, 99))
@settings(max_examples=1_500)
@example(parse("x*(1 - x) + 0*y"), (0.5, 0.0), (0.05, 0.0), 1)
@example(parse("1/x + y"), (1e-4, 0.0), (5e-4, 0.0), 1)
def test_every_point_of_the_box_is_within_the_radius(e, centre, radii, seed):
    holds_the_box(e, centre, radii, seed)


# ---- the catalog -----------------------------------------------------------------------

RULES = [
    *ACTIVATIONS.values(), *LOSSES.values(), *TOTALS.values(), *map(net, NETS), CHAIN, PATHS,
    DESCENT,
]  # fmt: skip


def _partials(rule):
    for formal in inputs(rule):
        try:
            yield partial_rule(rule, formal)
        except RuleError:
            continue


ALL_RULES = [r for own in RULES for r in (own, *_partials(own))]


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda r: f"{r.name}: {r.output}")
def test_every_rule_of_the_catalog_holds_its_box(rule):
    e, stable = formula_of(rule, 3, 1), stable_form(rule, 3)
    r, found = random.Random(rule.name), 0
    for _ in range(25):
        centre = [r.choice([r.uniform(-5, 5), r.uniform(0.01, 0.99), 0.5]) for _ in names(e)]
        radii = [r.choice([0.5, 0.05, 5e-4, 5e-6]) for _ in names(e)]
        found += holds(e, stable, centre, radii, r)
    assert found


LARGE = [r for r in ALL_RULES if r.stable]


@pytest.mark.parametrize("rule", LARGE, ids=lambda r: f"{r.name}: {r.output}")
def test_a_stable_form_is_bounded_where_it_is_computed(rule):
    e, stable, r = formula_of(rule, 3, 1), stable_form(rule, 3), random.Random(rule.name)
    for _ in range(25):
        centre = [r.choice([-1, 1]) * r.uniform(590, 2_000) for _ in names(e)]
        radii = [r.choice([20.0, 0.5, 5e-4]) for _ in names(e)]
        assert holds(e, stable, centre, radii, r)
        _, radius = bound(e, stable)(centre, radii, range(len(centre)), _nothing)
        assert math.isfinite(radius)


def holds(e, stable, centre, radii, r):
    """How many points of the box have a value; each is within the radius."""
    value, radius = bound(e, stable)(centre, radii, range(len(centre)), _nothing)
    found = 0
    for _ in range(40):
        point = [
            x + h * r.choice([-1, 1, r.uniform(-1, 1)]) for x, h in zip(centre, radii, strict=True)
        ]
        try:
            exact = exactly(e, point)
        except (ZeroDivisionError, ValueError):
            continue  # nobody has a number there
        found += 1
        assert fits(abs(exact - value), value, radius), (centre, radii, point)
    return found


def test_the_catalog_is_all_there():
    assert len(ALL_RULES) > 40
    assert {"a", "E"} <= {r.output for r in ALL_RULES}
    assert all(formals(r, 3 if has_group(r) else 0) for r in RULES)


# ---- how close -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at", "radius"),
    [
        ("x + y", (0.3, 0.4), 0.002),  # h + h
        ("x - y", (0.3, 0.3), 0.002),
        ("x*y", (2.0, 3.0), 0.005001),  # 3h + 2h + h²
        ("x*x", (3.0,), 0.006001),
        ("x*(1 - x)", (0.5,), 2e-6),  # the steepest slope of the box is 2h: h·2h
        ("max(0, x)", (-0.0004,), 0.0006),
        ("max(0, x)", (-0.5,), 0.0),
        ("step(x)", (0.0005,), 1.0),
        ("step(x)", (0.5,), 0.0),
        ("1/x", (0.0005,), math.inf),  # the box holds the pole
        ("1/x", (0.0,), math.inf),
        ("ln(x)", (0.0005,), math.inf),
        ("e^x", (0.0,), math.expm1(0.001)),
        ("abs(x)", (0.0004,), 0.001),
        ("sign(x)", (0.0005,), 2.0),
        ("sign(x)", (0.0,), 1.0),
        ("sin(x)", (math.pi / 2,), 1 - math.cos(0.001)),
        ("cos(x)", (3 * math.pi,), 1 - math.cos(0.001)),
        ("sin(x)", (2 * math.pi,), math.sin(0.001)),
        ("tan(x)", (math.pi / 2,), math.inf),
        ("tan(x)", (0.0,), math.tan(0.001)),
        ("log10(x)", (1.0,), -math.log10(0.999)),
        ("max(x, y, 5)", (1.0, 2.0), 0.0),
        ("min(x, y, 5)", (1.0, 2.0), 0.001),
        ("picked(1, x, y)", (1.0, 1.0015), 1.0),
        ("picked(1, x, y)", (1.0, 1.0025), 0.0),
        ("picked_min(2, x, y)", (1.0, 0.9985), 1.0),
        ("2*pi()", (), 0.0),
        ("7", (), 0.0),
    ],
)
def test_the_radius_worked_out_by_hand(text, at, radius):
    _, found = bounded(parse(text), at, [0.001] * len(at))
    assert found == pytest.approx(radius, rel=1e-9, abs=1e-15)


def test_the_second_order_counts_where_the_slope_vanishes():
    """x(1 - x) has no slope at 1/2, yet x off by e is off by e² there."""
    _, radius = bounded(parse("x*(1 - x)"), (0.5,), (0.1,))
    assert 0.01 == pytest.approx(0.25 - 0.4 * 0.6)
    assert 0.01 <= radius <= 0.0201


@given(st.lists(st.floats(-5, 5), min_size=8, max_size=8), st.sampled_from([2, 3, 4]))
def test_products_rounded_inside_a_sum_are_within_it(numbers, places):
    """w1*x1 + … with every product rounded before it is added, to so many places or more."""
    e = formula_of(net("sum(w_i*x_i)"), 4, 1)
    kept = [round(n, places) for n in numbers]
    value, radius = bounded(e, kept, [0.0] * 8, Precision(places, None).rounding)
    by_name = dict(zip(names(e), kept, strict=True))
    products = [by_name[f"w_{k}"] * by_name[f"x_{k}"] for k in range(1, 5)]
    assert value == pytest.approx(apply(e, by_name, FLOAT), rel=1e-12, abs=1e-12)
    for more in range(4):
        assert fits(abs(sum(round(p, places + more) for p in products) - value), value, radius)
    changed = sum(abs(p - round(p, places)) for p in products)
    assert radius == pytest.approx(changed, abs=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.25, math.inf, math.nan])
@pytest.mark.parametrize("radius", [0.0, 1.0, math.inf, math.nan])
def test_rounding_what_is_not_known_is_no_error(value, radius):
    for precision in (Precision(None, 3), Precision(1, None), Precision(400, None)):
        assert 0 <= precision.rounding(value, radius) <= precision.half(value)


def test_what_has_no_more_digits_than_are_kept_is_not_rounded():
    """0.2·0.5 + 0.3·1.5 = 0.1 + 0.45 to one decimal: only the second product changes, by 0.05."""
    e, operands = parse("w1*x1 + w2*x2"), (0.2, 0.5, 0.3, 1.5)
    to_one = Precision(1, None)
    assert bounded(e, operands, [0.0] * 4, to_one.rounding)[1] == pytest.approx(0.05)
    cut = replace(to_one, cut=True)  # where 0.1 may be 0.09999…
    assert bounded(e, operands, [0.0] * 4, cut.rounding)[1] == pytest.approx(0.2)
    # off by 0.000701 and 0.001801, the first may be rounded by as much, the second by no more
    known = bounded(e, operands, [0.001] * 4, to_one.rounding)[1]
    assert known == pytest.approx(0.000701 * 2 + 0.001801 + 0.05)
    assert bounded(e, operands, [0.0] * 4, Precision(None, 1).rounding)[1] == pytest.approx(0.05)
    assert bounded(e, operands, [0.0] * 4, Precision(2, None).rounding)[1] == pytest.approx(
        0.0, abs=1e-15
    )
