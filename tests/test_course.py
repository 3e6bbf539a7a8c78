"""What a page shows of a run: which passes, which digits, which tables and charts."""

from __future__ import annotations

from decimal import Decimal

import pytest

import tracer
from tracer import courses, run
from tracer.course import decades, points
from tracer.errors import UsageError
from tracer.figures import figures
from tracer.history import history, readings, surviving
from tracer.numbers import Digits
from tracer.pages import page
from tracer.replicas import replicas
from tracer.scenario import Scenario, read
from tracer.tables import data_tables, forward_table, gradients_table, outputs_table

# One weight, o = w·x with targets 2x: E = 1/2 (x - 2x)² + … at w = 1 is (1 + 4)/2 = 2.5, the
# gradient of the sum is -(1 + 4), and w⁺ = 1 + 0.1·5 = 1.5: the distance to 2 halves each time.
HALVING = """
title = "halving"
[conventions]
iterations = {iterations}
{conventions}
[samples.training]
columns = ["x", "t"]
rows = [[1, 2], [2, 4]]
[samples.further]
columns = ["x"]
rows = [[10]]
[givens.All]
w = 1
eta = 0.1
[network]
inputs = ["x"]
targets = ["t"]
layers = [{{ weights = [["w"]], activation = "identity", net = "z", out = "o" }}]
[run]
{shown}
[readings.twice]
says = "Twice the rate."
givens = {{ eta = 0.2 }}
"""


def halving(iterations: int = 20, conventions: str = "", shown: str = "") -> Scenario:
    text = HALVING.format(iterations=iterations, conventions=conventions, shown=shown)
    return read(text, "halving.toml", "halving")


# ---- which passes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "expected"),
    [(0, [0]), (1, [0, 1]), (7, [0, 1, 7]), (1000, [0, 1, 10, 100, 1000]), (20, [0, 1, 10, 20])],
)
def test_a_table_nobody_chose_has_the_powers_of_ten(last: int, expected: list[int]) -> None:
    assert decades(last) == expected


@pytest.mark.parametrize(("last", "every"), [(0, 1), (300, 1), (10_000, 1), (400, 4), (40_003, 4)])
def test_a_curve_has_its_ends_and_few_points_in_order(last: int, every: int) -> None:
    found = list(points(last, every))
    assert (found[0], sorted(set(found))) == (0, found)
    assert found[-1] <= last
    assert len(found) <= 303 * every
    assert last - found[-1] < every
    if every > 1:  # a curve for every sample: all of an epoch or none
        epochs = {k // every for k in found}
        assert found == [k for e in sorted(epochs) for k in range(e * every, e * every + every)
                         if k <= last]  # fmt: skip


def test_one_pass_of_one_sample_is_no_run() -> None:
    assert courses.course(tracer.load("thinkinfi")) is None


def test_the_table_has_the_iterations_chosen_and_the_ends() -> None:
    course = courses.course(halving(20, shown="show = [3, 5]"))
    assert course
    assert [0, 3, 5, 20] == list(course.table.recorded)
    # the distance to 2 is 1/2^k, and the error 5/2 of its square
    assert [2.5 / 4**k for k in (0, 3, 5)] == pytest.approx(
        [course.table.at(k)["E"] for k in (0, 3, 5)], rel=1e-12
    )


def test_a_run_that_stops_ends_where_the_error_is_small_enough() -> None:
    """2.5/4^k is less than 0.01 for the first time at k = 4: 0.00977."""
    s = halving(20, conventions="stop_below = 0.01")
    course = courses.course(s)
    assert course
    assert (4, 4) == (course.last, course.ends)
    assert history(course, s).stopped


def test_a_page_waits_for_no_endless_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courses, "LONGEST", 30)
    s = halving(1_000_000)
    course = courses.course(s)
    assert course
    assert (30, 1_000_000) == (course.last, course.ends)
    assert not history(course, s).chaotic


# ---- which digits ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "digits", "expected"),
    [
        ([0.123456781, 0.123456779], Digits(8), Digits(8)),
        ([0.12345678, 0.12345679], Digits(8), Digits(7)),  # both are 0.1234568
        ([1.0, 0.9999999999999991], Digits(8), Digits(8)),
        ([0.1, 0.9], Digits(8), None),
        ([1234.5, 1234.6], Digits(None, 5), Digits(None, 4)),
        ([478.7, 470.6], Digits(None, 5), None),
    ],
)
def test_digits_survive_as_far_as_all_values_are_shown_alike(
    values: list[float], digits: Digits, expected: Digits | None
) -> None:
    assert surviving(values, digits) == expected


def test_the_regression_is_reproducible_as_far_as_its_scenario_says() -> None:
    """Up to there all digits shown survive, to twelve and more; soon after none does."""
    s = tracer.load("sum-regression")
    last = s.run.reproducible
    assert last == 300
    t = replicas(s, [last, 600], [])
    for name in ("J", "W1[1,1]", "W2[3,1]"):
        cell = t.cell(name)
        near, far = (t.data.of(cell)[row, :, 0].tolist() for row in (0, 1))
        assert surviving(near, Digits(None, 12)) == Digits(None, 12), name
        assert surviving(far, Digits(None, 12)) in (None, *(Digits(None, k) for k in (1, 2, 3)))
    assert len(set(t.data.of(t.cell("J"))[0, :, 0].tolist())) > 1, "the replicas are no replicas"


def test_the_page_of_the_regression_says_why_it_stops() -> None:
    s = tracer.load("sum-regression")
    course = courses.course(s)
    assert course
    assert (300, 10_000) == (course.last, course.ends)
    assert history(course, s).chaotic
    assert max(course.curve.recorded) == max(course.table.recorded) == 300


def test_the_exact_run_of_a_perceptron_is_the_one_in_floats() -> None:
    """Its numbers are multiples of 0.025: computed in decimals the ties at 0 are ties."""
    s = tracer.load("and-perceptron")
    exact = tracer.scenario.read(_by_hand(s), "exact.toml", "exact")
    a, b = (tracer.trace(which, record=(1000,)) for which in (s, exact))
    for name in ("W[1,1]", "W[2,1]", "b", "accuracy"):
        assert b[name] == pytest.approx(a[name], abs=1e-12)


def _by_hand(s: Scenario) -> str:
    from tracer.shipped import folder

    text = (folder("scenarios") / f"{s.name}.toml").read_text("utf-8")
    return text.replace("[conventions]", "[conventions]\nrounding = { decimals = 15 }", 1)


# ---- tables ----------------------------------------------------------------------------


def test_data_are_shown_as_they_are_written() -> None:
    training, further = data_tables(halving())
    assert [(0, ("1", "2")), (1, ("2", "4"))] == [
        (k, tuple(shown.text for shown in row)) for k, row in training.rows
    ]
    assert ("further", 1, True) == (further.title, further.count, further.whole)


def test_many_samples_are_shown_by_the_first_few() -> None:
    table = data_tables(tracer.load("sum-regression"))[0]
    assert (10_000, 5, False) == (table.count, len(table.rows), table.whole)


def test_the_tables_of_a_batch_have_every_number_of_it() -> None:
    t = tracer.trace(halving(), iterations=0)
    forward, gradients = forward_table(t), gradients_table(t)
    assert [Decimal(row[-1].text) for _, row in forward.rows] == [Decimal("0.5"), 2]
    assert gradients
    assert [row[0].text for _, row in gradients.rows] == ["-1", "-4"]


def test_the_outputs_of_another_set_come_with_its_inputs() -> None:
    t = run.on(tracer.trace(halving(), record="last"), "further")
    (row,) = outputs_table(t).rows
    assert (0, "10") == (row[0], row[1][0].text)
    assert float(row[1][-1].text) == pytest.approx(20, abs=1e-4)
    with pytest.raises(UsageError, match="no samples 'furthr'; did you mean 'further'"):
        run.on(tracer.trace(halving()), "furthr")


def test_readings_are_shown_with_their_first_pass() -> None:
    s = halving()
    course = courses.course(s)
    assert course
    (found,) = readings(course, s)
    assert ("twice", "Twice the rate.", "2.5") == (found.name, found.says, found.root.value.text)


# ---- charts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("or-gate", ["loss", "border", "weight", "bias"]),
        ("or-gate-no-bias", ["loss", "border", "weight"]),
        ("virus", ["loss"]),
        ("thinkinfi-training", ["samples"]),
        ("enlight-training", ["loss"]),
    ],
)
def test_a_page_has_the_charts_that_its_run_has_something_to_say_in(
    name: str, expected: list[str]
) -> None:
    s = tracer.load(name)
    course = courses.course(s)
    assert course
    assert expected == [figure.name for figure in figures(course, s)]


# ---- pages that were refused once ------------------------------------------------------


def rendered(s: Scenario, reading: str | None = None) -> str:
    t = run.trace(s, iterations=1, reading=reading)
    return page(t, "md", "full", None, courses.course(s, reading))


def test_a_run_by_hand_has_no_replicas_for_its_ties_are_meant() -> None:
    course = courses.course(halving(3, conventions="rounding = { decimals = 1 }"))
    assert course
    assert course.replicas is None


def test_a_parameter_without_a_surviving_digit_has_a_dash_on_the_page() -> None:
    """o = w1·w2·x at a rate of 0.9 is a cubic map in its chaotic range."""
    text = """
title = "chaos"
[conventions]
iterations = 400
[samples.training]
columns = ["x", "t"]
rows = [[1, 1], [1, 1]]
[givens.All]
w = 0.3
eta = 0.5
[network]
inputs = ["x"]
targets = ["t"]
layers = [
  { weights = [["w"]], activation = "identity", net = "z", out = "a" },
  { weights = [["w"]], activation = "identity", net = "y", out = "o" },
]
"""
    found = rendered(read(text, "chaos.toml", "chaos"))
    assert "| $w$ | $0.3$ | $\\text{–}$ |" in found
    assert "Only digits are shown that survive" in found
    assert "### Outputs" not in found


def test_a_step_held_at_a_value_is_shown_with_it() -> None:
    text = HALVING.format(iterations=1, conventions="", shown="").replace(
        "givens = { eta = 0.2 }", "pins = { o = 1.5 }"
    )
    s = read(text, "held.toml", "held")
    assert "o = 1.5" in rendered(s, "twice")


def test_samples_that_no_formula_uses_have_no_outputs() -> None:
    text = """
title = "unused"
[samples.training]
columns = ["x"]
rows = [[1], [2]]
[givens.All]
w = 0.5
[formulas]
m = "average(x)"
E = "(w - m)^2"
"""
    s = read(text, "unused.toml", "unused")
    course = courses.course(s)
    assert course
    assert course.outputs == ()
    assert "= -2" in rendered(s)
