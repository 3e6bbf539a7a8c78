"""Charts: axes and ticks, thinned curves, borders of two inputs, SVG and TikZ."""

from __future__ import annotations

import math
import random
import re
import shutil
import subprocess
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tracer.catalog.activations import ACTIVATIONS
from tracer.charts import captions
from tracer.charts.axes import MAX_TICKS, NARROW, TICK, TICK_GAP, across, linear, logarithmic
from tracer.charts.borders import Border, clipped, equation
from tracer.charts.captions import breadth, is_rounded, number
from tracer.charts.chart import LOOKS, Chart, Path, Shape
from tracer.charts.charting import caption_spans, svg, tikz
from tracer.charts.plots import (
    Function,
    Losses,
    bias_chart,
    decision_chart,
    function_chart,
    loss_chart,
    losses_chart,
    weight_chart,
)
from tracer.charts.thinning import COARSE, FINE, PER_STRIP, UNSEEN, thinned
from tracer.figure import meet
from tracer.labels import Derivative, Own
from tracer.shipped import folder

SVG = "{http://www.w3.org/2000/svg}"
TAGS = {
    "svg", "title", "desc", "rect", "text", "tspan", "g", "path", "polyline", "circle"
}  # fmt: skip

numbers = st.floats(-1e15, 1e15) | st.floats(-1, 1) | st.sampled_from([0.0, 1e-18, 1e12, 5e-324])
positive = st.floats(1e-300, 1e300) | st.floats(1e-3, 1e3) | st.sampled_from([5e-324, 1e-18, 1e12])


def texts(axis) -> list[str]:
    return [captions.text(tick.caption) for tick in axis.ticks]


# ---- ticks -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "most", "expected"),
    [
        ((0, 1), 6, "0 0.2 0.4 0.6 0.8 1.0"),
        ((0, 1), 11, "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0"),
        ((0.1 + 0.2, 0.6), 6, "0.3 0.4 0.5 0.6"),
        ((-6, 6), 8, "−6 −4 −2 0 2 4 6"),
        ((-1, 1), 3, "−1 0 1"),
        ((0.15, 0.5), 8, "0.15 0.20 0.25 0.30 0.35 0.40 0.45 0.50"),
        ((0, 10_000), 6, "0 2,000 4,000 6,000 8,000 10,000"),
        ((0, 3_000_000), 4, "0 1,000,000 2,000,000 3,000,000"),
        ((3, 97), 6, "0 20 40 60 80 100"),
        ((0, 1e12), 3, "0 0.5 × 10^12 1.0 × 10^12"),
        ((-2e-18, 1e-18), 4, "−2 × 10^-18 −1 × 10^-18 0 1 × 10^-18"),
        ((0.0002, 0.0004), 3, "0.0002 0.0003 0.0004"),
        ((1_000_000, 1_000_002), 3, "1,000,000 1,000,001 1,000,002"),
        ((5, 5), 3, "0 5 10"),
        ((-5, -5), 3, "−10 −5 0"),
        ((0, 0), 3, "0 0.5 1.0"),
        ((5e-324, 5e-324), 3, "0 0.5 1.0"),
        ((0.25, 0.25 + 1e-9), 3, "0 0.5 1.0"),
    ],
)
def test_ticks_are_1_2_or_5_apart_and_written_without_noise(values, most, expected):
    assert expected == " ".join(texts(linear((), values, most)))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1], "0 1"),
        ([0, 3], "0 1 2 3"),
        ([1, 7], "1 2 3 4 5 6 7"),
        ([0], "0 1"),
        ([0, 9_999], "0 2,000 4,000 6,000 8,000 10,000"),
    ],
)
def test_iterations_have_whole_ticks(values, expected):
    assert expected == " ".join(texts(across((), values, 460, whole=True)))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0000351, 0.298], "10^-5 10^-4 10^-3 10^-2 10^-1 10^0"),
        ([1, 1000], "10^0 10^1 10^2 10^3"),
        ([10, 10], "10^1 10^2"),
        ([1e-18, 1e12], "10^-20 10^-15 10^-10 10^-5 10^0 10^5 10^10 10^15"),
        ([5e-324, 1e300], "10^-400 10^-300 10^-200 10^-100 10^0 10^100 10^200 10^300"),
    ],
)
def test_logarithmic_ticks_are_powers_of_ten(values, expected):
    assert expected == " ".join(texts(logarithmic((), values)))


def test_few_decades_have_marks_at_2_to_9():
    axis = logarithmic((), [1, 1000])
    assert 3 * 8 == len(axis.minor)
    assert math.log10(2) == axis.minor[0]
    assert not logarithmic((), [1e-9, 1]).minor


def sound(axis, values) -> None:
    ats = [tick.at for tick in axis.ticks]
    assert 2 <= len(ats) <= MAX_TICKS
    assert all(a < b for a, b in pairwise(ats))
    assert len(set(texts(axis))) == len(ats)
    assert all(0 <= axis.place(value) <= 1 for value in values)
    gaps = [b - a for a, b in pairwise(ats)]
    assert all(math.isclose(gap, gaps[0], rel_tol=1e-6) for gap in gaps)


@given(st.lists(numbers, min_size=1), st.booleans())
@example([0.1, 0.1 + 1e-15], False)
@example([1e15, 1e15 - 1e9], True)
def test_linear_ticks_are_few_rise_and_cover_the_values(values, whole):
    axis = linear((), values, whole=whole)
    sound(axis, values)
    slack = NARROW * (axis.high - axis.low)
    assert axis.low - slack <= min(values) <= max(values) <= axis.high + slack
    assert not whole or all(tick.at == int(tick.at) for tick in axis.ticks)


@given(st.lists(positive, min_size=1))
def test_logarithmic_ticks_are_few_rise_and_cover_the_values(values):
    axis = logarithmic((), values)
    sound(axis, values)
    assert axis.low <= math.log10(min(values)) <= math.log10(max(values)) <= axis.high


@given(st.lists(numbers, min_size=1), st.sampled_from([320.0, 460.0]))
def test_texts_of_ticks_side_by_side_keep_apart(values, room):
    axis = across((), values, room)
    widths = [breadth(tick.caption, TICK) for tick in axis.ticks]
    step = room / (len(widths) - 1)
    assert all((a + b) / 2 + TICK_GAP <= step for a, b in pairwise(widths))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(value):
    for call in (
        lambda: loss_chart([0, 1, 2], [1, value, 2]),
        lambda: loss_chart([0, 1, value], [1, 1, 2]),
        lambda: decision_chart([(0, 0), (1, value)], [False, True]),
        lambda: decision_chart([(0, 0), (1, 1)], [False, True], [Border(1, value, 1)]),
    ):
        with pytest.raises(AssertionError, match=r"nan|inf|do not rise"):
            call()


def test_nothing_to_show_is_refused():
    for call in (
        lambda: loss_chart([], []),
        lambda: losses_chart([]),
        lambda: weight_chart([]),
        lambda: decision_chart([], []),
    ):
        with pytest.raises(AssertionError, match="no values to show"):
            call()


# ---- thinning --------------------------------------------------------------------------


def off(point, start, end) -> float:
    """The least of 2001 distances from a point to a stretch."""
    return min(
        math.dist(point, [a + k / 2000 * (b - a) for a, b in zip(start, end, strict=True)])
        for k in range(2001)
    )


curves = st.lists(st.floats(0, 250), min_size=1, max_size=300)


@given(curves, st.floats(0.001, 5), st.integers(2, 20))
def test_thinning_keeps_ends_and_extremes_and_never_adds(heights, step, strips):
    points = [(k * step, y) for k, y in enumerate(heights)]
    kept = thinned(points, strips)
    assert set(kept) <= set(points)
    assert list(kept) == sorted(kept, key=points.index)
    assert (points[0], points[-1]) == (kept[0], kept[-1])
    assert (min(heights), max(heights)) == (min(y for _, y in kept), max(y for _, y in kept))
    assert len(kept) <= PER_STRIP * strips


@given(curves)
def test_what_a_short_curve_loses_cannot_be_seen(heights):
    points = [(3.0 * k, y) for k, y in enumerate(heights)]
    kept = thinned(points)
    for start, end in pairwise(kept):
        between = points[points.index(start) + 1 : points.index(end)]
        assert all(off(point, start, end) <= UNSEEN + 0.07 for point in between)


def test_a_straight_line_is_two_points():
    assert ((0, 0), (99, 198)) == thinned([(k, 2 * k) for k in range(100)])


def test_a_single_outlier_among_ten_thousand_points_is_kept():
    points = [(k * 0.046, 100.0) for k in range(10_000)]
    points[7_654] = (7_654 * 0.046, 3.0)
    start, before, outlier, after, end = thinned(points)
    assert [points[k] for k in (0, 7_654, -1)] == [start, outlier, end]
    assert after[0] - before[0] < 1


def test_a_curve_of_noise_keeps_its_outline_in_every_strip():
    r = random.Random(1)
    points = [(k * 0.046, r.random()) for k in range(10_000)]
    kept = thinned(points, COARSE)
    assert FINE < len(kept) <= PER_STRIP * COARSE
    for left in range(0, 450, 46):
        here = [y for x, y in kept if left <= x < left + 46]
        assert min(here) < 0.03
        assert max(here) > 0.97


# ---- captions --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected", "rounded"),
    [
        (0.5, "0.5", False),
        (-4, "−4", False),
        (0, "0", False),
        (0.298371109, "0.2984", True),
        (12_000, "12,000", False),
        (1_234_567.8, "1,234,568", True),
        (0.0000351, "3.51 × 10^-5", False),
        (-0.000035102, "−3.51 × 10^-5", True),
        (1e12, "1 × 10^12", False),
        (123_456_789.0, "1.235 × 10^8", True),
        (0.1 + 0.2, "0.3", True),
    ],
)
def test_numbers_in_captions_have_four_digits(value, expected, rounded):
    assert expected == captions.text(number(value))
    assert rounded == is_rounded(value)


@pytest.mark.parametrize(
    ("border", "expected"),
    [
        (Border(0.5, -0.3, 1), "0.5 x1 − 0.3 x2 + 1 = 0"),
        (Border(1, 1, -1.5), "x1 + x2 − 1.5 = 0"),
        (Border(-1, 0, 0), "−x1 = 0"),
        (Border(0, 2, 1), "2 x2 + 1 = 0"),
        (Border(-2.5, -1, 0), "−2.5 x1 − x2 = 0"),
        (Border(1 / 3, 1, 0), "0.3333 x1 + x2 ≈ 0"),
        (Border(1e-7, 1, 0), "1 × 10^-7 x1 + x2 = 0"),
    ],
)
def test_the_equation_of_a_border(border, expected):
    assert expected == captions.text(equation(border, (Own("x1"),), (Own("x2"),)))


def test_words_and_symbols_share_a_line():
    """A lowered 1 is followed by a step back up; spaces at the ends of words are distances."""
    found = list(caption_spans((Own("x1"), " + 2 ", Own("w")), 10))
    assert ["x", "1", "+ 2", "w"] == [span.text for span in found]
    assert [0, 2.4, -2.4, 0] == [round(span.dy, 2) for span in found]
    assert [0, 0, 2, 2] == [round(span.dx, 2) for span in found]


# ---- curves ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([0.3, 0.001], True),
        ([100, 1], False),  # two decades, not more
        ([101, 1], True),
        ([0.3, 0], False),
        ([1000, -1], False),
        ([5, 5], False),
        ([1e-18, 1e12], True),
    ],
)
def test_a_range_of_more_than_two_decades_is_logarithmic(errors, expected):
    assert expected == loss_chart([0, 1], errors).plot.y.logarithmic


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=80, unique=True),
    st.lists(numbers | positive.filter(lambda y: y < 1e290), min_size=80, max_size=80),
)
def test_every_point_of_a_loss_curve_is_inside_the_frame(iterations, errors):
    chart = loss_chart(sorted(iterations), errors[: len(iterations)])
    left, top, right, bottom = chart.frame
    for path in chart.paths:
        assert all(left <= x <= right + 1e-9 and top - 1e-9 <= y <= bottom for x, y in path.points)


def test_a_point_stands_where_its_axes_say():
    """x: 3 of 0 … 4; y: 10^-1 on a scale from 10^-3 to 10^1, half way up."""
    chart = loss_chart([0, 3, 4], [10, 0.1, 0.001])
    left, top, right, bottom = chart.frame
    assert ((left + 0.75 * (right - left)), (top + bottom) / 2) == pytest.approx(
        chart.paths[0].points[1]
    )


def test_a_single_iteration_is_a_dot():
    chart = loss_chart([0], [0.298371109])
    assert [Shape.DOT] == [marker.shape for marker in chart.markers]


def test_few_iterations_have_dots_and_many_have_none():
    assert len(loss_chart(range(11), range(11)).markers) == 11
    assert not loss_chart(range(100), range(100)).markers


def test_iterations_that_go_back_are_refused():
    with pytest.raises(AssertionError, match="do not rise"):
        loss_chart([0, 2, 1], [1, 1, 1])
    with pytest.raises(ValueError, match="shorter"):
        loss_chart([0, 1, 2], [1, 1])


def test_a_curve_more_than_can_be_told_apart_is_refused():
    assert len(weight_chart(range(LOOKS)).paths) == LOOKS
    with pytest.raises(AssertionError, match="more than 6"):
        weight_chart(range(LOOKS + 1))
    with pytest.raises(AssertionError, match="more than 6"):
        losses_chart([Losses("", [0], [0])] * 7)


def values(chart: Chart, k: int) -> dict[float, float]:
    return {round(x, 6): y for x, y in chart.plot.curves[k].points}


def test_a_weight_makes_the_sigmoid_steeper_and_a_bias_moves_it():
    """1/(1 + e^-1) = 0.731058579; 1/(1 + e^-2) = 0.880797078."""
    steep, moved = weight_chart([1, 2]), bias_chart([0, 1])
    assert [0.731058579, 0.880797078] == pytest.approx([values(steep, k)[1] for k in (0, 1)])
    assert [0.5, 0.731058579] == pytest.approx([values(moved, k)[0] for k in (0, 1)])
    assert [["w = 1", "w = 2"], ["b = 0", "b = 1"]] == [
        [captions.text(curve.caption) for curve in c.plot.curves] for c in (steep, moved)
    ]
    assert "sigmoid(w·x + b) with b = 0" == captions.text(steep.plot.y.caption)
    assert "sigmoid(w·x + b) with w = 1" == captions.text(moved.plot.y.caption)


def test_a_unit_as_steep_as_a_step_does_not_overflow():
    """e^6000 is too large for a float; 1/(1 + e^6000) is 0 all the same."""
    chart = weight_chart([1000])
    assert (0, 0.5, 1) == tuple(values(chart, 0)[x] for x in (-6, 0, 6))


def test_other_activations_are_drawn_too():
    relu = weight_chart([1, 2], activation=ACTIVATIONS["relu"], between=(-2, 2))
    assert [0, 2, 4] == [values(relu, 0)[-2], values(relu, 0)[2], values(relu, 1)[2]]


# ---- borders ---------------------------------------------------------------------------

unit = linear((), [0, 1])


@given(*[st.floats(-10, 10)] * 3, *[st.lists(numbers, min_size=1, max_size=4)] * 2)
def test_a_border_ends_at_the_frame_and_on_its_line(w1, w2, b, across_at, up_at):
    x, y = linear((), across_at), linear((), up_at)
    scale = abs(w1) * max(-x.low, x.high) + abs(w2) * max(-y.low, y.high) + abs(b)
    assume(scale == 0 or scale > 1e-290)
    ends = clipped(Border(w1, w2, b), x, y)
    for right, up in ends or ():
        assert abs(w1 * right + w2 * up + b) <= 1e-6 * scale
        sides = [abs(x.part(right)), abs(x.part(right) - 1), abs(y.part(up)), abs(y.part(up) - 1)]
        assert min(sides) < 1e-9
    if ends is None:  # then all corners are on one side, or as good as
        corners = [w1 * cx + w2 * cy + b for cx in (x.low, x.high) for cy in (y.low, y.high)]
        assert min(corners) >= -1e-5 * scale or max(corners) <= 1e-5 * scale


@pytest.mark.parametrize(
    ("border", "expected"),
    [
        (Border(1, 1, -1), ((0, 1), (1, 0))),  # from corner to corner
        (Border(1, -1, 0), ((0, 0), (1, 1))),
        (Border(0.1, 0.1, -0.1), ((0, 1), (1, 0))),
        (Border(1, 0, -0.5), ((0.5, 0), (0.5, 1))),
        (Border(0, 1, -0.25), ((0, 0.25), (1, 0.25))),
        (Border(2, 1, -1), ((0, 1), (0.5, 0))),
        (Border(0, 1, 0), ((0, 0), (1, 0))),  # along the frame
        (Border(1, 1, 0), None),  # touches a corner
        (Border(1, 1, 1), None),
        (Border(0, 0, 1), None),
        (Border(0, 0, 0), None),
    ],
)
def test_where_a_border_crosses_the_unit_square(border, expected):
    assert expected == clipped(border, unit, unit)


AND = [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_points_are_open_circles_and_filled_squares():
    chart = decision_chart(AND, [0, 0, 0, 1])
    assert [Shape.SQUARE, *[Shape.CIRCLE] * 3] == [m.shape for m in chart.markers]
    square = chart.markers[0]
    assert all(m.x <= square.x and m.y >= square.y for m in chart.markers)


def test_a_border_that_is_not_seen_is_not_in_the_legend_either():
    seen, unseen = decision_chart(AND, [0, 0, 0, 1], [Border(1, 1, -1.5), Border(1, 1, 9)]), None
    assert (1, 3) == (len(seen.paths), len(seen.keys))
    unseen = decision_chart(AND, [0, 0, 0, 1], [Border(0, 0, -1.5)])
    assert (0, 2) == (len(unseen.paths), len(unseen.keys))


def test_points_of_both_classes_in_one_place_are_both_drawn():
    """The open circle after the filled square, which fits into it."""
    chart = decision_chart([(1, 1), (1, 1)], [0, 1])
    (square, circle), none = chart.markers, chart.counts
    assert (Shape.SQUARE, Shape.CIRCLE) == (square.shape, circle.shape)
    assert (square.x, square.y) == (circle.x, circle.y)
    assert none == ()


def test_points_of_one_class_in_one_place_are_counted_in_its_colour():
    chart = decision_chart([(1, 1)] * 5 + [(2, 3)], [0, 1, 1, 0, 0, 1])
    assert 3 == len(chart.markers)
    assert {("×3", 1), ("×2", 0)} == {(captions.text(c.caption), c.look) for c in chart.counts}


def test_a_class_that_is_neither_0_nor_1_is_refused():
    with pytest.raises(AssertionError, match="-1"):
        decision_chart(AND, [-1, 1, 1, 1])


# ---- where it is drawn -----------------------------------------------------------------


def noise(n: int, seed: int = 1) -> list[float]:
    r = random.Random(seed)
    return [abs(r.gauss(1, 0.3)) / (1 + k / 900) for k in range(n)]


def crowd() -> Chart:
    r = random.Random(2)
    points = [(r.randrange(8), r.randrange(8)) for _ in range(90)]
    return decision_chart(
        points, [x + y > 7 for x, y in points], [Border(0.12345, 0.2, -1.4, Own("h1"))],
        ("temperature yesterday", "humidity"), ("dry", "wet"), "A long title " * 9,
    )  # fmt: skip


CHARTS = {
    "10,000 errors": lambda: loss_chart(
        range(10_001), [0.3 * math.exp(-k / 1100) + 3.5e-5 for k in range(10_001)], Own("E_total")
    ),
    "11 errors": lambda: loss_chart(range(11), [0.5 * 0.9**k for k in range(11)], title="Eleven"),
    "noise": lambda: loss_chart(range(10_001), noise(10_001), "mean squared error", "epoch"),
    "runs of noise": lambda: losses_chart(
        [Losses((Own("eta"), f" = {k}"), range(2000), noise(2000, k)) for k in range(6)]
    ),
    "one error": lambda: loss_chart([0], [0.298371109]),
    "constant": lambda: loss_chart(range(6), [0.5] * 6),
    "tiny": lambda: loss_chart([0, 1, 2], [1e-18, 2e-18, 2.5e-18]),
    "huge": lambda: loss_chart([0, 10**6, 3 * 10**6], [1e12, 5e11, 1e10 * 7]),
    "narrow": lambda: loss_chart([0, 1], [1.0000013e12, 1e12], Derivative(Own("E"), Own("w5"))),
    "weights": lambda: weight_chart([-1, 0.5, 1, 2, 5, 1000], title="Steeper"),
    "biases": lambda: bias_chart([-4, -2, 0, 2, 4], 2, title="Moved"),
    "functions": lambda: function_chart(
        [Function("a function with a name too long for the line of a legend by far" * 2, abs)],
        (-1, 1),
        "an axis with far too much to say about what it shows " * 2,
        "y" * 99,
    ),
    "and": lambda: decision_chart(AND, [0, 0, 0, 1], [Border(1, 1, -1.5)], title="AND"),
    "crowd": crowd,
}
every_chart = pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)


def inside(box, frame) -> bool:
    return all(a >= b - 1e-6 for a, b in zip(box[:2], frame[:2], strict=True)) and all(
        a <= b + 1e-6 for a, b in zip(box[2:], frame[2:], strict=True)
    )


def box_of(key) -> tuple[float, float, float, float]:
    if isinstance(key, Path):
        (left, y), (right, _) = key.points
        return left, y - 1, right, y + 1
    return key.box


@every_chart
def test_no_text_covers_another_or_leaves_the_drawing(chart):
    c = chart()
    boxes = [text.box for text in c.texts] + [box_of(key) for key in c.keys]
    assert all(inside(box, (0, 0, c.width, c.height)) for box in boxes)
    for a, b in combinations(boxes, 2):
        assert not meet(a, b), (a, b)


@every_chart
def test_legend_and_captions_stand_outside_of_the_frame(chart):
    c = chart()
    boxes = [text.box for text in c.texts] + [box_of(key) for key in c.keys]
    assert not [box for box in boxes if meet(box, c.frame)]


@every_chart
def test_everything_drawn_is_inside_of_the_frame(chart):
    c = chart()
    points = [p for path in c.paths for p in path.points] + [(m.x, m.y) for m in c.markers]
    assert all(inside((x, y, x, y), c.frame) for x, y in points)
    assert all(inside(count.box, c.frame) for count in c.counts)


def test_counts_keep_off_markers_and_each_other_where_there_is_room():
    """49 places, 32 px apart; a circle and its line have a radius of 8."""
    points = [(x, y) for x in range(7) for y in range(7)]
    c = decision_chart(points * 3, [0] * 147)
    assert 49 == len(c.counts)
    assert not [(a, b) for a, b in combinations(c.counts, 2) if meet(a.box, b.box)]
    for marker in c.markers:
        for left, top, right, bottom in (count.box for count in c.counts):
            near = min(max(marker.x, left), right), min(max(marker.y, top), bottom)
            assert math.dist(near, (marker.x, marker.y)) >= 8


# ---- SVG -------------------------------------------------------------------------------


@every_chart
def test_the_svg_is_well_formed_and_says_what_it_shows(chart):
    root = ElementTree.fromstring(svg(chart()))
    assert f"{SVG}svg" == root.tag
    assert [f"{SVG}title", f"{SVG}desc", f"{SVG}rect"] == [part.tag for part in root][:3]
    assert root.get("aria-label") == root[0].text
    assert root.get("viewBox").split()[2] == root.get("width") == root[2].get("width")
    assert root[2].get("fill") == "#ffffff"


def test_the_svg_tells_those_who_cannot_see_it():
    def told(c: Chart) -> list[str]:
        return [part.text for part in ElementTree.fromstring(svg(c))][:2]

    assert [
        "E by iteration",
        "E by iteration, on a logarithmic scale. E: 0.2984 at 0, 3.51 × 10^-5 at 10,000.",
    ] == told(loss_chart([0, 10_000], [0.298371109, 0.0000351]))
    assert [
        "AND",
        "x2 by x1. target 0: 3 points. target 1: 1 point. x1 + x2 − 1.5 = 0: 1.5 at 0, 0 at 1.5.",
    ] == told(CHARTS["and"]())


@every_chart
def test_the_svg_is_small_and_has_nothing_that_runs_or_loads(chart):
    text = svg(chart())
    assert len(text.encode()) < 12_000 + 100 * len(chart().markers)
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    tags = {e.tag.removeprefix(SVG) for e in ElementTree.fromstring(text).iter()}
    assert tags <= TAGS


@every_chart
def test_coordinates_have_one_decimal_and_the_same_chart_the_same_bytes(chart):
    text = svg(chart())
    drawn = re.findall(r' (?:d|x|y|cx|cy|dx|dy|points|font-size|viewBox)="([^"]*)"', text)
    assert not [word for word in drawn if re.search(r"\.\d\d|nan|inf|e|-0\.0", word)]
    assert text == svg(chart())
    assert tikz(chart()) == tikz(chart())


def test_hostile_names_stay_text():
    name = "</text><script>alert('1')</script>&\"\x00\uffff"
    chart = losses_chart([Losses(name, [0, 1], [1, 2])], Own(name), name, name)
    root = ElementTree.fromstring(svg(chart))
    assert not [e for e in root.iter() if "script" in e.tag]
    assert any("<script>" in "".join(e.itertext()) for e in root.iter(f"{SVG}text"))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def looks(template: str) -> list[tuple[str, str]]:
    text = (folder("templates") / template).read_text("utf-8")
    return re.findall(r'\("#?([0-9a-fA-F]{6})", "([^"]*)"\)', text)


def test_looks_differ_in_colour_and_dashes_and_stand_out_from_white():
    """4.5 is what WCAG asks of text."""
    assert LOOKS + 1 == len(looks("chart.svg"))
    assert len({dashes for _, dashes in looks("chart.svg")[:LOOKS]}) == LOOKS
    assert len({colour for colour, _ in looks("chart.svg")[:LOOKS]}) == LOOKS
    assert all(1.05 / (luminance(colour) + 0.05) > 4.5 for colour, _ in looks("chart.svg"))


def test_both_languages_have_the_same_colours():
    assert [c for c, _ in looks("chart.svg")] == [c.lower() for c, _ in looks("chart.tikz")]


# ---- TikZ ------------------------------------------------------------------------------


def test_the_tikz_has_symbols_in_latex_and_escaped_words():
    chart = loss_chart([0, 1], [1, 2], Own("E_o1"), title=r"50 % \input{x} #1_2 − θ 中")
    text = tikz(chart)
    assert r"{$E_{o1}$}" in text
    assert r"50 \% \textbackslash{}input\{x\} \#1\_2 $-$ $\theta$ ?" in text


HEAD = re.compile(r"\\documentclass.*?(?=\\title)", re.DOTALL)
PICTURE = r"\sbox{\drawing}{\input{%s}\unskip}\typeout{WIDTH \the\wd\drawing}"


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_every_tikz_picture_compiles_under_the_walkthroughs_head_and_fits(tmp_path):
    """All in one document; 15 cm are 426.8 pt."""
    charts = [chart() for chart in CHARTS.values()]
    charts.append(loss_chart([0, 1], [1, 2], Own("x", tex=r"\theta_{\text{a b}}"), title="a & b"))
    for k, chart in enumerate(charts):
        (tmp_path / f"chart{k}.tikz").write_text(tikz(chart), "utf-8")
    shown = [
        PICTURE % f"chart{k}.tikz" + r"\begin{center}\usebox{\drawing}\end{center}"
        for k in range(len(charts))
    ]
    head = HEAD.search((folder("templates") / "walkthrough.tex").read_text("utf-8"))[0]
    body = "\n\n".join([r"\newsavebox{\drawing}\begin{document}", *shown, r"\end{document}"])
    (tmp_path / "page.tex").write_text(head + body, "utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=tmp_path, capture_output=True, timeout=120,
    )  # fmt: skip
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-3000:]
    assert "Overfull" not in log
    widths = [float(width) for width in re.findall(r"WIDTH ([\d.]+)pt", log)]
    assert len(charts) == len(widths)
    assert max(widths) <= 426.8
