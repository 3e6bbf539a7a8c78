"""Scenarios and readings that make mistakes: the listings of tutorials as they run."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import tracer
from tracer import cli, courses, evaluate, run
from tracer.arithmetic import COLUMNS, FLOAT, apply
from tracer.catalog.activations import ACTIVATIONS
from tracer.computed import built, values
from tracer.conventions import Made, implicit
from tracer.errors import MistakeError, ScenarioError
from tracer.exact import DECIMAL, digits_arithmetic
from tracer.ledger import Verdict
from tracer.mistakes import edits
from tracer.mistakes.anatomy import anatomy_of
from tracer.mistakes.applied import Slip, mistaken
from tracer.mistakes.catalog import MISTAKES, Mistake
from tracer.mistakes.sites import Site
from tracer.mistakes.stated import named, names
from tracer.pages import page
from tracer.replicas import replicas
from tracer.scenario import Scenario, read
from tracer.straight import Columns, Scalars
from tracer.values import Fed, Values, allocated

LISTINGS = ("thinkinfi-listing", "or-gate-listing", "virus-listing")
SCENARIOS = Path(__file__).parent.parent / "scenarios"


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# ---- the listings, programmed again ----------------------------------------------------

X = np.array([[0.03, 0.09], [0.04, 0.10], [0.05, 0.11], [0.06, 0.12]])
T = np.array([[0.01, 0.99], [0.99, 0.01], [0.01, 0.99], [0.99, 0.01]])
FIRST = np.array([[0.11, 0.27], [0.19, 0.52]])
SECOND = np.array([[0.44, 0.48], [0.23, 0.29]])


def listing(updates: int, decimals: int | None = 8) -> dict[str, float]:
    """The weights of tutorial 000's program after some updates.

    It rounds the slope of an output too where it multiplies it into a gradient; that is seen in
    none of the gradients, which are rounded themselves.
    """

    def rounded(v):
        return v if decimals is None else round(v, decimals)

    hidden = sigmoid(X @ FIRST.T + 0.39)
    out = sigmoid(hidden @ SECOND.T + 0.42)
    by_out, slope, slope_h = -(T - out), out * (1 - out), hidden * (1 - hidden)
    w_h, w_y = FIRST.copy(), SECOND.copy()
    for k in range(updates):
        row = k % 4
        for j in range(2):
            for i in range(2):
                of_output = by_out[row][0] * rounded(slope[row][j]) * hidden[0][i]
                w_y[j, i] -= 0.3 * rounded(of_output)
        delta = by_out[row] * slope[row]
        by_first = delta[0] * SECOND[0, 0] + delta[1] * SECOND[1, 0]  # ∂E/∂Out h1, for both units
        for j in range(2):
            for i in range(2):
                w_h[j, i] -= 0.3 * rounded(by_first * slope_h[row][j] * X[row][i])
    return {f"w{k + 1}": w for k, w in enumerate((*w_h.ravel(), *w_y.ravel()))}


def trained(x, t, w, bias, rounds):
    """Weights and bias of tutorial 004's program: σ(out)(1 − σ(out))."""
    w = np.array(w)
    for _ in range(rounds):
        out = sigmoid(x @ w + bias)
        delta = (out - t) * sigmoid(out) * (1 - sigmoid(out))
        w = w - 0.05 * (x.T @ delta)
        for d in delta:
            bias = bias - 0.05 * d
    return w, bias


@pytest.mark.parametrize("updates", [1, 2, 3, 4, 5, 37, 400])
def test_the_listing_of_thinkinfi_is_run_as_it_stands(updates):
    t = tracer.trace("thinkinfi-listing", iterations=updates, record="last")
    for name, expected in listing(updates).items():
        assert t[name] == pytest.approx(expected, rel=0, abs=1e-13), name


def test_without_its_rounding_the_listing_ends_elsewhere_in_the_seventh_decimal():
    plain = tracer.trace("thinkinfi-listing", record="last", reading="without the rounding")
    exact, rounded = listing(400, None), listing(400)
    for name, expected in exact.items():
        assert plain[name] == pytest.approx(expected, rel=0, abs=1e-12)
    assert "-2.8213136 -2.8213138" == f"{exact['w5']:.7f} {rounded['w5']:.7f}"
    assert "0.1557483 0.1557481" == f"{exact['w3']:.7f} {rounded['w3']:.7f}"


def test_without_its_mistakes_the_listing_is_the_training_of_the_text():
    text = tracer.trace("thinkinfi-training", iterations=60, record=[60])
    right = tracer.trace("thinkinfi-listing", iterations=60, record=[60], reading=RIGHT)
    assert [text[f"w{k}"] for k in range(1, 9)] == [right[f"w{k}"] for k in range(1, 9)]


RIGHT = "without its mistakes"
GATE = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
SIGNS = np.array([[1, 0, 0, 1], [1, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 0],
                  [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 1, 0]], float)  # fmt: skip
PERSONS = {
    "or-gate-listing": (GATE, [0, 1, 1, 1], [0.1, 0.2], [(1, 0), (1, 1), (0, 0)], "out_o"),
    "virus-listing": (SIGNS, [1, 1, 0, 0, 1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4],
                      [(1, 0, 0, 1), (0, 0, 1, 0), (1, 0, 1, 0)], "pred_out"),
}  # fmt: skip


@pytest.mark.parametrize("name", PERSONS)
@pytest.mark.parametrize("rounds", [1, 10_000])
def test_the_listings_with_the_derivative_at_the_output(name, rounds):
    x, target, start, asked, out = PERSONS[name]
    w, bias = trained(x, np.array(target), start, 0.3, rounds)
    t = tracer.trace(name, iterations=rounds, record="last")
    found = [*(t[f"w{k + 1}"] for k in range(len(w))), t["bias"]]
    assert found == pytest.approx([*w, bias], rel=0, abs=1e-9)
    predicted = sigmoid(np.array(asked) @ w + bias)
    assert predicted == pytest.approx(tracer.predict(t, "prediction").column(out), abs=1e-9)


@pytest.mark.parametrize("name", LISTINGS)
def test_their_ledgers_hold(name):
    found = tracer.verify(name)
    assert {n.verdict for n in found.numbers} == {Verdict.REPRODUCED}


# ---- every mistake, in every engine ----------------------------------------------------


class Blocks(evaluate._Blocks):
    def __init__(self, program, givens, kept: Values) -> None:
        super().__init__(program, givens, kept.variants)


def engines(s: Scenario, passes: int) -> list[Values]:
    """All steps of some passes, computed by each engine."""
    made, found = built(s), []
    for engine in (Scalars, Columns, Blocks):
        kept = allocated(made.program, passes, 1, None)
        evaluate._fill(engine(made.program, made.givens, kept), range(passes), kept, None)
        found.append(kept)
    return found


@cache
def possible(name: str) -> list[str]:
    """The mistakes that have a place in a program and change something there."""
    return [m.id for m in MISTAKES if _can_be_made(name, m.id)]


def _can_be_made(name: str, id: str) -> bool:
    try:
        return bool(built(tracer.load(name).under(id)).slips)
    except ScenarioError:
        return False


CASES = [(name, id) for name in ("mazur", "thinkinfi", "thinkinfi-training", "or-gate", "virus")
         for id in possible(name)]  # fmt: skip


def test_most_mistakes_can_be_made_in_the_two_by_two_nets():
    assert len(possible("mazur")) > 40
    assert len(possible("thinkinfi-training")) > 40


@pytest.mark.parametrize(("name", "id"), CASES)
def test_a_mistake_gives_the_same_numbers_in_every_engine(name, id):
    s = tracer.load(name).under(id)
    scalars, columns, blocks = engines(s, 7)
    for other in (columns, blocks):
        assert np.array_equal(scalars.batch, other.batch, equal_nan=True)
        assert np.array_equal(scalars.each, other.each, equal_nan=True)
    by_run = values(s, built(s), built(s).givens, range(7))
    assert np.array_equal(by_run.batch, scalars.batch)


@pytest.mark.parametrize(("name", "id"), [c for c in CASES if c[0] != "virus"])
def test_a_mistake_by_hand_is_near_the_same_in_floats(name, id):
    """12 decimals kept by hand are as good as floats for two passes; n digits better."""
    s = tracer.load(name).under(id)
    floats = run.trace(s, iterations=1)
    for stated in ({"rounding": implicit("rounded to 12 decimals").rounding},
                   {"arithmetic": implicit("30 digits").arithmetic}):  # fmt: skip
        other = s.model_copy(update={"conventions": s.conventions.model_copy(update=stated)})
        t = run.trace(other, iterations=1)
        assert np.allclose(t.data.batch, floats.data.batch, rtol=0, atol=1e-9)
        assert np.allclose(t.data.each, floats.data.each, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("name", "id"), CASES)
def test_a_mistake_changes_something(name, id):
    """In the first two rounds, so that one of the first pass or of the pass before is seen."""
    s = tracer.load(name)
    wrong = tracer.trace(s, iterations=5, reading=id)
    right, common = tracer.trace(s, iterations=5), []
    for k in range(6):
        common += [right.at(k).column(n).tolist() == wrong.at(k).column(n).tolist()
                   for n in right.names if n in wrong.names]  # fmt: skip
    assert not all(common)


def test_rounding_is_the_same_in_every_engine():
    scalars, columns, blocks = engines(tracer.load("thinkinfi-listing"), 9)
    assert np.array_equal(scalars.batch, columns.batch)
    assert np.array_equal(scalars.batch, blocks.batch)
    decimal = tracer.trace("thinkinfi-listing", iterations=8, reading="30 digits")
    floats = tracer.trace("thinkinfi-listing", iterations=8)
    for k in range(9):
        assert decimal.at(k)["dE/dw5"] == floats.at(k)["dE/dw5"] == round(floats["dE/dw5"], 8) or k
        assert decimal.at(k)["w5"] == pytest.approx(floats.at(k)["w5"], abs=1e-14)


@pytest.mark.parametrize("x", [0.285, 2.5e-8, 1.5e-8, -0.0858253349, 0.012345675, 1e300, 3.0])
def test_a_number_is_rounded_as_python_does(x):
    """To the nearest decimal of the binary number, a tie to even."""
    rule = edits.rounded(8)(ACTIVATIONS["identity"])
    assert round(x, 8) == apply(rule.formula, {"z": x}, FLOAT)
    column = np.array([x, -x, 0.5])
    expected = [round(v, 8) for v in column.tolist()]
    assert expected == apply(rule.formula, {"z": column}, COLUMNS).tolist()
    assert round(x, 8) == float(apply(rule.formula, {"z": Decimal(x)}, DECIMAL))
    mp = digits_arithmetic(30)
    assert round(x, 8) == float(apply(rule.formula, {"z": mp.number(str(Decimal(x)))}, mp))


# ---- values of the past ----------------------------------------------------------------


def test_what_is_fed_comes_a_pass_late():
    fed = Fed(np.array([[1.0], [2.0], [3.0]]))
    late = replace(fed, late=1)
    assert [1, 2, 3, 1, 2] == [fed.at(k)[0] for k in range(5)]
    assert [1, 1, 2, 3, 1] == [late.at(k)[0] for k in range(5)]


def test_the_sample_before_is_the_first_at_the_start():
    t = tracer.trace("thinkinfi-training", iterations=5, reading="previous-sample")
    assert [0.03, 0.03, 0.04, 0.05, 0.06, 0.03] == t.series("x1@-1").tolist()
    assert [0.03, 0.04, 0.05, 0.06, 0.03, 0.04] == t.series("x1").tolist()
    for k in range(6):
        at = t.at(k)
        assert at["h1"] == at["x1@-1"] * at["w1"] + at["x2@-1"] * at["w2"] + at["b1"]


def test_a_stale_forward_pass_keeps_its_outputs_while_the_weights_move():
    t = tracer.trace("mazur", iterations=3, reading="stale-forward")
    assert 1 == len(set(t.series("out_o1").tolist()))
    assert 4 == len(set(t.series("w5").tolist()))
    assert [0.4] * 4 == t.series("w5@0").tolist()


def test_last_bits_of_a_copy_change_with_those_of_the_parameter():
    s = tracer.load("thinkinfi-listing")
    for t in replicas(s, [0], ["w1", "w1@0"]).variants():
        assert t["w1"] == t["w1@0"]


def test_a_bias_that_is_updated_by_mistake_is_trained():
    s = tracer.load("thinkinfi-training")
    trained = s.model_copy(
        update={"conventions": s.conventions.model_copy(update={"biases": "trained"})}
    )
    right = tracer.trace(trained, iterations=9)
    wrong = tracer.trace(s, iterations=9, reading="bias-updated")
    for name in ("b1", "b2", "w1", "w8"):
        assert wrong.series(name) == pytest.approx(right.series(name), rel=0, abs=1e-14)
    assert "0.38318118" == f"{wrong.at(1)['b1']:.8f}"


# ---- places ----------------------------------------------------------------------------


def gradients(*made: Slip) -> set[str]:
    """The weights of thinkinfi whose updates some mistakes change."""
    s = tracer.load("thinkinfi")
    right = tracer.trace(s)
    conventions = s.conventions.model_copy(update={"mistakes": [_made(m) for m in made]})
    wrong = tracer.trace(s.model_copy(update={"conventions": conventions}))
    return {f"w{k}" for k in range(1, 9) if right[f"w{k}+"] != wrong[f"w{k}+"]}


def _made(slip: Slip):
    return Made(id=slip.mistake.id, at=list(slip.at) or None)


def slip(id: str, *at: str) -> Slip:
    mistake = named(id)
    assert mistake
    return Slip(mistake, at)


@pytest.mark.parametrize(
    ("made", "changed"),
    [
        (slip("other-error"), "w5 w6 w7 w8"),
        (slip("other-error", "w7"), "w7"),
        (slip("other-error", "dE/dw7"), "w7"),
        (slip("other-error", "∂ETotal/∂w7", "w8"), "w7 w8"),
        (slip("other-unit", "w3", "w4"), "w3 w4"),
        (slip("gradient-added", "hidden layer"), "w1 w2 w3 w4"),
        (slip("gradient-added", "w2", "output layer"), "w2 w5 w6 w7 w8"),
        (slip("gradient-added", "w6+"), "w6"),
        (slip("input-forgotten", "w1"), "w1"),
        (slip("derivative-missing", "Out y1"), "w1 w2 w3 w4 w5 w6"),
        (slip("derivative-missing", "w5"), "w5"),
        (slip("derivative-missing", "output layer"), "w1 w2 w3 w4 w5 w6 w7 w8"),
        (slip("derivative-missing", "hidden layer"), "w1 w2 w3 w4"),
        (slip("updated-weights", "hidden layer"), "w1 w2 w3 w4"),
        (slip("weight-for-input", "w8"), "w8"),
        (slip("activation-missing", "Out y2"), "w1 w2 w3 w4 w7 w8"),
    ],
)
def test_a_place_is_a_layer_a_step_or_a_parameter(made, changed):
    assert set(changed.split()) == gradients(made)


def test_several_mistakes_are_made_at_one_step():
    s = tracer.load("thinkinfi")
    update = {"mistakes": [_made(slip("rate-twice", "w5")), _made(slip("gradient-added", "w5"))]}
    t = tracer.trace(s.model_copy(update={"conventions": s.conventions.model_copy(update=update)}))
    assert t["w5+"] == 0.44 + 0.3 * 0.3 * t["dE/dw5"]
    assert (0, 1) == t.line(t.cell("w5+")).slips
    assert () == t.line(t.cell("w6+")).slips


# ---- readings --------------------------------------------------------------------------


def test_a_mistake_is_a_reading_by_its_id_and_by_its_words():
    by_id = tracer.trace("mazur", reading="updated-weights")
    words = "hidden gradients use the updated weights"
    assert by_id["w1+"] == tracer.trace("mazur", reading=words)["w1+"]
    sequential = tracer.trace("mazur", reading="sequential update")
    assert by_id["w1+"] == sequential["w1+"] != tracer.trace("mazur")["w1+"]


def ledger(tmp_path: Path, entry: str) -> Path:
    text = (SCENARIOS / "mazur.toml").read_text("utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("[published]\n", f"[published]\n{entry}\n", 1), "utf-8")
    return path


@pytest.mark.parametrize("cited", ["updated-weights", "hidden gradients use the updated weights"])
def test_verify_says_what_happened(tmp_path, cited):
    path = ledger(tmp_path, f'"w1+" = {{ printed = 0.149817639, reading = "{cited}" }}')
    path.write_text(path.read_text("utf-8").replace('"w1+" = 0.1', '"w1_new" = 0.1'), "utf-8")
    found = {n.name: n for n in tracer.verify(path).numbers}["w1+"]
    assert found.verdict is Verdict.REPRODUCED
    assert "hidden gradients use the updated weights" == found.under
    done = CliRunner().invoke(cli.main, ["verify", str(path)])
    assert 0 == done.exit_code
    assert "hidden gradients use the updated weights" in done.output


def test_a_ledger_that_cites_the_wrong_mistake_differs(tmp_path):
    path = ledger(tmp_path, 'w2 = { printed = 0.5, reading = "gradient-added", iteration = 1 }')
    found = {n.name: n for n in tracer.verify(path).numbers}["w2"]
    assert Verdict.DIFFERS is found.verdict
    assert "the gradient is added, not subtracted" == found.under


# ---- pages -----------------------------------------------------------------------------


@cache
def pages_of(name: str, format: str, reading: str | None = None) -> str:
    s = tracer.load(name)
    t = run.trace(s, iterations=1, reading=reading)
    return page(t, format, "full", tracer.verify(name), courses.course(s, reading))


@pytest.mark.parametrize("format", ["md", "tex"])
def test_a_page_says_at_its_top_which_mistakes_it_makes(format):
    text = pages_of("thinkinfi-listing", format)
    top = text[: text.index("What is given")]
    slips = tracer.load("thinkinfi-listing").conventions.slips
    assert 5 == len(slips) == top.count(r"\item" if format == "tex" else ". *")
    for mistake, _ in slips:
        assert mistake.explains[1:] in top
        assert mistake.says.split("∂")[0] in top
    assert "mistakes 3 and 5" in text
    assert "mistakes 4 and 5" in text


def test_a_changed_line_shows_what_it_is_computed_by():
    text = pages_of("or-gate-listing", "md")
    sigma = r"\text{sigmoid}(\mathrm{out_{o}})"
    assert rf"{sigma} \cdot (1 - {sigma})" in text
    assert "(the derivative of sigmoid is worked out in a section below), by mistake 1:" in text
    text = pages_of("thinkinfi-listing", "md")
    assert r"= \mathrm{round} \left(\frac{\partial E_{Total}}{" in text
    assert r"{w_{1}}^{(0)}" in text


def test_a_page_under_a_mistake_tells_it():
    text = pages_of("mazur", "md", "updated-weights")
    assert "**A mistake is made here on purpose**" in text
    assert "*Hidden gradients use the updated weights*" in text


def test_a_page_without_mistakes_mentions_none():
    assert "istake" not in pages_of("thinkinfi", "md")


@pytest.mark.parametrize("id", [*possible("thinkinfi-training")])
def test_every_mistake_has_a_page(id):
    s = tracer.load("thinkinfi-training")
    t = run.trace(s, iterations=1, reading=id)
    assert "on purpose" in page(t, "md")
    assert "on purpose" in page(t, "tex")


@pytest.mark.parametrize("id", ["stale-forward", "previous-sample", "first-sample-outputs"])
def test_the_past_is_not_in_the_drawing(id):
    s = tracer.load("thinkinfi-training")
    assert page(run.trace(s), "svg") == page(run.trace(s, reading=id), "svg")


# ---- what cannot be --------------------------------------------------------------------


def scenario(line: str) -> str:
    text = (SCENARIOS / "thinkinfi-training.toml").read_text("utf-8")
    return text.replace("decimals = 8\n", f"decimals = 8\n{line}\n", 1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('mistakes = ["updated-weight"]',
         "conventions.mistakes[0]: no mistake 'updated-weight'; did you mean 'updated-weights'?"),
        ('mistakes = ["stale-forward", { id = "zzz" }]',
         "conventions.mistakes[1]: no mistake 'zzz'"),
        ('mistakes = [{ id = "other-error", att = ["w7"] }]',
         "conventions.mistakes[0].att: unknown key; did you mean 'at'?"),
        ('mistakes = [{ at = ["w7"] }]', "conventions.mistakes[0].id: missing"),
        ('mistakes = [{ id = "other-error", at = [] }]', "conventions.mistakes[0].at: empty"),
        ('mistakes = [{ id = "other-error", at = "w7" }]',
         "conventions.mistakes[0].at: expected a list, found the text 'w7'"),
        ('mistakes = "updated-weights"',
         "conventions.mistakes: expected a list like ['updated-weights', { id = 'other-error', "
         "at = ['w7'] }], found the text 'updated-weights'"),
        ("mistakes = [3]", "conventions.mistakes[0]: expected a table, found 3"),
        ('mistakes = ["rounded-gradients"]',
         "conventions.mistakes[0]: rounded-gradients needs decimals"),
        ('mistakes = [{ id = "log10", decimals = 3 }]',
         "conventions.mistakes[0]: decimals belong to rounded-gradients alone"),
    ],
)  # fmt: skip
def test_a_mistake_that_is_not_stated_rightly_is_refused(line, said):
    with pytest.raises(ScenarioError) as wrong:
        read(scenario(line), "mine.toml", "mine")
    assert [f"mine.toml: {said}"] == str(wrong.value).splitlines()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('mistakes = ["relu-mask"]', "relu-mask: cannot be made in this program"),
        ('mistakes = ["not-averaged"]', "not-averaged: cannot be made in this program"),
        ('mistakes = [{ id = "other-error", at = ["w9"] }]',
         "other-error: no layer or step is called 'w9'; it can be at w5, w6, w7, w8"),
        ('mistakes = [{ id = "other-error", at = ["hiden layer"] }]',
         "other-error: no layer or step is called 'hiden layer'; did you mean 'hidden layer'?"),
        ('mistakes = [{ id = "other-error", at = ["w7", "w1"] }]',
         "other-error: not made at 'w1'; it can be at w5, w6, w7, w8"),
        ('mistakes = [{ id = "other-error", at = ["hidden layer"] }]',
         "other-error: not made at 'hidden layer'; it can be at w5, w6, w7, w8"),
        ('mistakes = [{ id = "activation-missing", at = ["w1"] }]',
         "activation-missing: not made at 'w1'; it can be at Out_h1, Out_h2, Out_y1, Out_y2"),
        ('update = "sequential"\nmistakes = ["updated-weights"]',
         "updated-weights: cannot be made in this program"),
    ],
)  # fmt: skip
def test_a_mistake_that_cannot_be_made_is_refused_in_a_line(line, said):
    text = scenario(line)
    if "sequential" in line:
        text = text.replace('update = "simultaneous"', "", 1)
    s = read(text, "mine.toml", "mine")
    with pytest.raises(ScenarioError) as wrong:
        tracer.trace(s)
    assert [f"mine.toml: mistakes: {said}"] == str(wrong.value).splitlines()


def test_mistakes_that_leave_no_order_are_refused():
    """The forward pass cannot read what only the update computes from it."""
    program = built(tracer.load("thinkinfi")).program
    a = anatomy_of(program)
    h1, w1 = program.index["h1"], program.index["w1"]
    loop = Site({h1: edits.redirected({w1: program.carry[w1]})}, a.part(h1), "h1")
    with pytest.raises(MistakeError, match="leave no order"):
        mistaken(program, [Slip(Mistake("loop", "a loop", "A loop.", lambda a: [loop]))])


def test_an_unknown_reading_is_told_the_nearest_mistake():
    with pytest.raises(ScenarioError, match="no reading 'stale-forwrd'; did you mean 'stale-fo"):
        tracer.trace("mazur", reading="stale-forwrd")


def test_no_two_mistakes_are_called_alike():
    assert len(set(names())) == len(names())
    assert all(implicit(name) for name in names())


def test_a_listing_that_overflows_nothing_is_finite():
    t = tracer.trace("thinkinfi-listing", record="last")
    assert all(math.isfinite(v) for v in t.values)
