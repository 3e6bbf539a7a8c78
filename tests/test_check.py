"""`tracer check` and `tracer lint` as people use them: files in, marks out."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import tracer
from tracer import checking
from tracer.check import screen
from tracer.check.answers import read_answers_text
from tracer.check.marks import Mark, Report
from tracer.check.precision import Precision
from tracer.check.typed import read
from tracer.cli import main

E, T = math.exp, 0.5


def mazur(**changed):
    """Mazur's pass by hand, to 4 decimals after every step; `changed` are wrong numbers."""
    made = {}

    def put(name, value):
        made[name] = changed.get(name, round(value, 4))
        return made[name]

    def s(z):
        return 1 / (1 + E(-z))

    h1 = put("out_h1", s(put("net_h1", 0.15 * 0.05 + 0.2 * 0.1 + 0.35)))
    h2 = put("out_h2", s(put("net_h2", 0.25 * 0.05 + 0.3 * 0.1 + 0.35)))
    o1 = put("out_o1", s(put("net_o1", 0.4 * h1 + 0.45 * h2 + 0.6)))
    o2 = put("out_o2", s(put("net_o2", 0.5 * h1 + 0.55 * h2 + 0.6)))
    e1 = put("E_o1", 0.5 * (0.01 - o1) ** 2)
    e2 = put("E_o2", 0.5 * (0.99 - o2) ** 2)
    put("E_total", e1 + e2)
    d1 = put("dE/dnet_o1", (o1 - 0.01) * o1 * (1 - o1))
    d2 = put("dE/dnet_o2", (o2 - 0.99) * o2 * (1 - o2))
    w5 = put("dE/dw5", d1 * h1)
    back = put("dE/dout_h1", d1 * 0.4 + d2 * 0.5)
    w1 = put("dE/dw1", back * h1 * (1 - h1) * 0.05)
    put("w5+", 0.4 - T * w5)
    put("w1+", 0.15 - T * w1)
    return made


def text(numbers):
    return "name,value\n" + "".join(f"{n},{v}\n" for n, v in numbers.items())


def marks(numbers, scenario="mazur", **options):
    """(marks by name, sheet) of numbers, or of a text as it is."""
    raw = (numbers if isinstance(numbers, str) else text(numbers)).encode()
    answers = read_answers_text(raw, "one")
    exercise = checking.exercise_of(tracer.load(scenario), answers, **options)
    (sheet,) = checking.check(exercise, answers).sheets
    return {j.name: j for j in sheet.judged}, sheet


# ---- marks -----------------------------------------------------------------------------


def test_honest_work_is_right():
    found, sheet = marks(mazur())
    assert {j.mark for j in found.values()} == {Mark.RIGHT}
    assert not sheet.explanations
    assert not sheet.remarks
    assert "dE/dw1" not in found["w1+"].says


def test_the_tolerance_is_told():
    _, sheet = marks(mazur())
    (told,) = sheet.says
    assert told.startswith("Working to 4 decimals, ∂E_total/∂w1 can honestly be off by 1")
    assert "we accept 0.0003" in told


def test_what_follows_from_a_slip_is_right_given_yours():
    found, sheet = marks(mazur(net_o1=1.1509))  # two digits exchanged
    assert found["net_o1"].mark is Mark.SLIP
    assert found["net_o1"].says == "Two digits are exchanged."
    assert sheet.first_wrong.name == "net_o1"
    following = {n for n, j in found.items() if j.mark is Mark.GIVEN_YOURS}
    assert following >= {"out_o1", "E_o1", "E"}
    assert found["out_o1"].follows == "net_o1"
    assert found["E"].follows == "net_o1"
    rest = {n for n, j in found.items() if j.mark not in (Mark.RIGHT, Mark.GIVEN_YOURS)}
    assert rest == {"net_o1"}


def test_a_number_written_wrong_and_used_right_is_one_slip():
    found, _ = marks({**mazur(), "out_h1": 0.5393})
    assert [n for n, j in found.items() if j.mark is not Mark.RIGHT] == ["out_h1"]
    for j in found.values():
        low, high = j.accepted
        assert j.name == "out_h1" or low <= float(j.typed) <= high


def test_a_mistake_is_named_with_the_line_that_should_stand_there():
    numbers = mazur()
    for name in ("dE/dw5", "dE/dnet_o1", "dE/dnet_o2", "dE/dout_h1", "dE/dw1", "w5+", "w1+"):
        del numbers[name]
    numbers |= {"dE/dw5": 0.4399, "w5+": 0.18}  # without out·(1 - out)
    found, sheet = marks(numbers)
    assert found["dE/dw5"].mark is Mark.MISTAKE
    assert found["dE/dw5"].mistakes == ("derivative-missing",)
    assert found["w5+"].mark is Mark.GIVEN_YOURS
    assert "0.186815602" in found["dE/dw5"].line
    assert [e.id for e in sheet.explanations] == ["derivative-missing"]


@pytest.mark.parametrize(
    ("typed", "mark", "says"),
    [
        ("-0.3775", Mark.SLIP, "The sign is wrong."),
        ("3.775", Mark.SLIP, "The decimal point is in the wrong place."),
        ("0.7375", Mark.SLIP, "Two digits are exchanged."),
        ("0.3875", Mark.SLIP, "One digit is wrong."),
        ("0.5933", Mark.SLIP, "This is the value of out_h1."),
        ("0.9", Mark.WRONG, ""),
        ("abc", Mark.UNREADABLE, None),
        ("", Mark.MISSING, ""),
        ("0.38", Mark.RIGHT, ""),
    ],
)
def test_one_wrong_number(typed, mark, says):
    found, _ = marks({**mazur(), "net_h1": typed})
    assert found["net_h1"].mark is mark
    assert says is None or found["net_h1"].says == says
    others = {j.mark for n, j in found.items() if n not in ("net_h1", "net_h2")}
    assert others == {Mark.RIGHT}


def test_too_few_digits_are_told_apart_from_wrong_ones():
    found, _ = marks({**mazur(), "net_h1": "0.38"})
    assert found["net_h1"].enough_digits is False
    assert found["out_h1"].enough_digits is True


def test_zeros_at_the_end_may_be_left_out():
    numbers = {n: repr(v) for n, v in mazur().items()}  # a spreadsheet's: 0.291 for 0.2910
    found, _ = marks(numbers)
    assert {j.mark for j in found.values()} == {Mark.RIGHT}
    assert all(j.enough_digits for j in found.values())


def test_a_factor_made_zero_earns_nothing():
    numbers = {n: f"{v:.4f}" for n, v in mazur().items()} | {"dE/dw5": "0.0000", "w5+": "0.4000"}
    found, _ = marks(numbers)
    assert found["dE/dw5"].mark is Mark.WRONG
    assert found["w5+"].mark is Mark.WRONG
    assert "only because" in found["w5+"].says
    follows, _ = marks(numbers | {"dE/dw5": "0.1822", "w5+": "0.3089"})
    assert follows["w5+"].mark is Mark.GIVEN_YOURS


def test_a_given_copied_wrong_is_found_though_nobody_asked():
    numbers = mazur()
    numbers["net_h1"] = 0.3875  # with i2 = 0.15: 0.15·0.05 + 0.2·0.15 + 0.35
    numbers["net_h2"] = 0.4075
    for name in [n for n in numbers if n not in ("net_h1", "net_h2")]:
        del numbers[name]
    found, _ = marks(numbers)
    assert found["net_h1"].mark is Mark.SLIP
    assert "i2 was 0.15 instead of 0.1" in found["net_h1"].says


@pytest.mark.parametrize(
    ("scenario", "factor", "name"),
    [("enlight-training", 3, "dE/dW2[1,1]"), ("cnn-by-hand", 0.18, "dE/dm[1,1]")],
)
def test_no_number_is_named_that_nobody_has_on_the_page(scenario, factor, name):
    """The error and a gradient times 3 came out also of 3263 hours of sleep instead of 9."""
    t = tracer.trace(scenario, iterations=0)
    found, sheet = marks({n: f"{t[n] * factor:.5f}" for n in ("E", name)}, scenario)
    assert {Mark.WRONG} == {j.mark for j in found.values()}
    assert not sheet.explanations


ADAM = """
title = "Two layers, the first step of Adam"
[givens.all]
x = [1.0, -0.5]
W = [[0.2, -1.0], [-0.6, 1.9]]
V = [[0.3, 0.4], [-0.7, 0.6]]
t = [0.8, -0.2]
eta = 0.01
[conventions]
loss = "mean squared error"
[network]
inputs = "x"
targets = "t"
[[network.layers]]
weights = "W"
activation = "tanh"
out = "h{j}"
[[network.layers]]
weights = "V"
activation = "identity"
out = "o{j}"
[optimizer]
kind = "adam"
beta1 = 0.9
beta2 = 0.999
epsilon = 1e-8
"""


@pytest.fixture
def adam(tmp_path):
    path = tmp_path / "adam.toml"
    path.write_text(ADAM)
    return path


def test_a_mistake_after_which_anything_may_come_out_explains_nothing(adam):
    """Adam divides by about the gradient: of a new weight by another way nothing is known."""
    t = tracer.trace(adam, iterations=0)
    numbers = {n: f"{t[n]:.4f}" for n in ("h1", "o1", "E")}
    wrong = {n: f"{3 * t[n]:.4f}" for n in ("dE/dh1", "dE/dh2", "dE/dW[1,1]", "dE/dW[2,1]")}
    found, sheet = marks({**numbers, **wrong}, adam)
    assert not sheet.explanations
    assert {"dE/dh1", "dE/dh2"} <= {n for n, j in found.items() if not j.mark.accepted}


def cut(decimals, monkeypatch):
    """Mazur's pass by somebody who drops further digits."""

    def dropped(value, _):
        return math.trunc(value * 10**decimals + math.copysign(1e-9, value)) / 10**decimals

    with monkeypatch.context() as m:
        m.setattr("builtins.round", dropped)
        return mazur()


@pytest.mark.parametrize("decimals", [4, 6])
def test_who_cuts_digits_off_is_told_so(decimals, monkeypatch):
    found, sheet = marks(cut(decimals, monkeypatch))
    assert {j.mark for j in found.values()} == {Mark.RIGHT}
    assert sheet.says[0].startswith(f"Your digits are cut off after {decimals} decimals")


def test_digits_dropped_once_are_a_slip():
    found, _ = marks({**mazur(), "out_h2": 0.5968})  # 0.596884…
    slips = {n: j.says for n, j in found.items() if j.mark is not Mark.RIGHT}
    assert list(slips) == ["out_h2"]
    assert slips["out_h2"].startswith("Further digits were dropped")


DROPOUT = """
title = "Two units, one of which stays"
[givens.all]
x = [1.0, -0.5]
W1 = [[0.2, -1.0], [-0.6, -1.9]]
W2 = [[0.3, 0.4]]
m = [1, 1]
t = 1.5
eta = 0.1
[network]
inputs = "x"
targets = ["t"]
[[network.layers]]
weights = "W1"
activation = "relu"
out = "h{j}"
[[network.layers]]
kind = "dropout"
mask = "m"
rate = 0.25
out = "d{j}"
[[network.layers]]
weights = "W2"
activation = "identity"
out = "y"
"""


@pytest.fixture
def dropout(tmp_path):
    path = tmp_path / "dropout.toml"
    path.write_text(DROPOUT)
    return path


def test_who_drops_digits_types_no_more_of_them(dropout):
    """0.35 has two decimals: nobody typed it who drops all but one. d = h/0.75 was forgotten."""
    wrong = {"h1": "0.7", "h2": "0.35", "d1": "0.7", "d2": "0.35", "y": "0.3", "E": "0.7"}
    found, sheet = marks(wrong, dropout)
    assert not any("cut off" in said for said in sheet.says)
    assert {"d1", "d2"} == {n for n, j in found.items() if not j.mark.accepted}


def test_digits_dropped_are_those_after_the_most_that_were_typed():
    typed = [read(text) for text in ("0.7", "-0.2", "0")]
    assert Precision(1, None, cut=True) == Precision(1, None).dropping(typed)
    assert Precision(1, 2).dropping([read("0.25"), *typed]) == Precision(None, 2, cut=True)
    assert Precision(1, None).dropping([read("0.25"), *typed]) is None


def test_digits_are_not_taken_for_dropped_where_that_would_allow_anything():
    """0.5933, 0.5969 and 0.7729 to one decimal are 0.6, 0.6 and 0.8, cut off 0.5, 0.5 and 0.7."""
    found, sheet = marks({"out_h1": "0.4", "out_h2": "0.4", "out_o2": "0.3", "E_o2": "0.0"})
    assert not any("cut off" in said for said in sheet.says)
    assert {"out_h1", "out_h2", "out_o2"} == {n for n, j in found.items() if not j.mark.accepted}


MARGIN = """
title = "A linear unit with the hinge loss and a penalty"
[conventions]
reduction = "mean"
loss = "hinge"
penalty = { l2 = "lambda", half = ["l2"], biases = false }
[samples.training]
columns = ["x1", "x2", "y"]
rows = [[1, 2, 1], [2, -1, -1], [-1, 0.5, 1], [0.5, -1.5, -1]]
[givens.all]
w = [[0.1, -0.2]]
b = 0.05
eta = 0.5
lambda = 0.1
[network]
inputs = ["x1", "x2"]
targets = ["y"]
[[network.layers]]
weights = "w"
bias = "b"
activation = "identity"
out = "s"
"""


def test_what_comes_out_exactly_is_not_rounded_on_the_way(tmp_path):
    """Every margin is below 1, so ∂E/∂w1 = (-1 + 2 + 1 + 0.5)/4 + 0.1·0.1 = 0.635, no digit lost.

    0.625 forgets the penalty, and so does ∂E/∂w2 = -1.25; the updates follow from them.
    """
    path = tmp_path / "margin.toml"
    path.write_text(MARGIN)
    wrong = {"dE/dw[1,1]": "0.625", "w[1,1]+": "-0.2125", "dE/dw[1,2]": "-1.25", "w[1,2]+": "0.425"}
    found, _ = marks({"s": "-0.25", "E": "1.315", **wrong}, path)
    assert {"dE/dw[1,1]", "dE/dw[1,2]"} == {n for n, j in found.items() if not j.mark.accepted}
    assert found["w[1,1]+"].mark is Mark.GIVEN_YOURS
    right = {"dE/dw[1,1]": "0.635", "w[1,1]+": "-0.2175", "dE/dw[1,2]": "-1.27", "w[1,2]+": "0.435"}
    found, _ = marks({"s": "-0.25", "E": "1.315", **right}, path)
    assert {j.mark for j in found.values()} == {Mark.RIGHT}


def test_a_number_without_further_digits_says_nothing_of_those_carried():
    """0.355 is all of 0.4 - 0.5·0.09; who wrote 0.2984 carries four decimals."""
    _, sheet = marks({"E": "0.2984", "dE/dw5": "0.09", "w5+": "0.355"})
    assert any(said.startswith("Working to 4 decimals") for said in sheet.says)


COUNTED = """
title = "A classifier and how often it is right"
[samples.training]
columns = ["x1", "x2", "t"]
rows = [[1, 0.5, 1], [-0.5, 1.5, 0], [0.3, -0.8, 0]]
[givens.all]
w = [[0.2, -0.4]]
b = 0.1
eta = 0.1
[network]
inputs = ["x1", "x2"]
targets = ["t"]
threshold = 0.5
[[network.layers]]
weights = "w"
bias = "b"
activation = "sigmoid"
out = "p"
"""


@pytest.mark.parametrize("others", ["", "p,0.52,0\n", "p,0.52497919,0\n"])
@pytest.mark.parametrize(("sample", "right"), [(0, 1), (1, 1), (2, 0)])
def test_what_can_only_be_a_whole_number_is_not_rounded(sample, right, others, tmp_path):
    """σ(0.1) and σ(0.48) are above 1/2, σ(-0.6) is not; the last of the targets is 0."""
    path = tmp_path / "counted.toml"
    path.write_text(COUNTED)
    for typed in (0, 1):
        lines = f"name,value,sample\n{others}class1,{[1, 0, 1][sample]},{sample}\n"
        found, sheet = marks(f"{lines}correct,{typed},{sample}\n", path)
        correct = found["correct"]
        assert correct.mark is (Mark.RIGHT if typed == right else Mark.WRONG)
        assert correct.accepted == pytest.approx((right, right), abs=1e-12)
        assert (correct.says, correct.enough_digits, correct.testable) == ("", True, True)
        assert not any("0 decimals" in said for said in sheet.says)


def test_what_cannot_be_tested_is_said():
    t = tracer.trace("mazur", iterations=0)
    numbers = {n: round(t[n], 2) for n in ("out_h1", "out_o1", "dE/dw1", "E")}
    found, sheet = marks(numbers, precision=Precision(2, None))
    assert found["dE/dw1"].testable is False
    assert any("not testable at this precision" in said for said in sheet.says)


@pytest.mark.parametrize(
    ("typed", "mark"), [("99.1", Mark.OPEN), ("0.5", Mark.OPEN), ("0.4", Mark.RIGHT)]
)
def test_what_cannot_be_tested_is_right_only_to_the_digit(typed, mark):
    """With one decimal all the way, rounding may make anything of the error 0.43115."""
    found, sheet = marks({"E": typed}, "cnn-by-hand")
    assert mark is found["E"].mark
    assert found["E"].testable is False
    assert sheet.first_wrong is None
    assert bool(sheet.counts[Mark.OPEN]) is ("0 of 1 answers right, 1 not testable" in shown(sheet))


def shown(sheet):
    return screen.report_text(Report("s", "S", (sheet,)))


def test_unknown_names_are_remarks_with_the_nearest_spelling():
    _, sheet = marks("name,value\nout_h3,0.5\nout_h1,0.5933\n")
    assert any("out_h3" in r and "did you mean" in r for r in sheet.remarks)


def test_an_answer_to_no_step_is_counted():
    raw = "name,value\nout_h1,0.5933\nout_h3,0.5\nloss,\nseen by,Ada\n"
    found, sheet = marks(raw)
    assert {Mark.RIGHT} == {j.mark for j in found.values()}
    assert ("out_h3",) == sheet.unknown
    assert "1 of 1 answers right, 1 to no step" in shown(sheet)
    assert not sheet.fine
    assert 1 == run("check", "mazur", "-", input=raw).exit_code
    rest = raw.replace("out_h3,0.5\n", "")
    assert 0 == run("check", "mazur", "-", input=rest).exit_code
    assert 0 == run("check", "mazur", "-", input="name,value\nout_h1,0.5933\n").exit_code


def test_asked_steps_that_are_not_there_are_missing():
    found, _ = marks({"out_h1": 0.5933}, ask=("E", "w5+"))
    assert {n: j.mark for n, j in found.items()} == {
        "out_h1": Mark.RIGHT, "E": Mark.MISSING, "w5+": Mark.MISSING,
    }  # fmt: skip


# ---- several passes and samples --------------------------------------------------------


def test_answers_of_two_iterations():
    t = tracer.trace("mazur", iterations=1)
    rows = [("E", 0), ("w5+", 0), ("net_h1", 1), ("E", 1)]
    lines = [f"{n},{round(t.at(k)[n], 5)},{k}" for n, k in rows]
    found, sheet = marks("name,value,iteration\n" + "\n".join(lines))
    assert {j.mark for j in sheet.judged} == {Mark.RIGHT}
    assert found["E"].iteration == 1


def test_a_forward_pass_not_repeated():
    t = tracer.trace("mazur", iterations=1)
    lines = [f"{n},{round(t.at(0)[n], 6)},{k}" for k in (0, 1) for n in ("out_o1", "out_o2", "E")]
    updates = [f"w{k}+,{round(t.at(0)[f'w{k}+'], 6)},0" for k in range(1, 9)]
    _, sheet = marks("name,value,iteration\n" + "\n".join([*lines, *updates]))
    assert "stale-forward" in {e.id for e in sheet.explanations}


def test_samples_of_a_batch():
    t = tracer.trace("or-gate", iterations=0)
    lines = [f"out_o,{t.at(sample=k)['out_o']:.4f},{k}" for k in range(4)]
    gradient = f"dE/dw1,{4 * -0.0241:.4f},"  # four times one sample's: not the sum
    found, sheet = marks("name,value,sample\n" + "\n".join([*lines, gradient]), "or-gate")
    assert [j.sample for j in sheet.judged] == [0, 1, 2, 3, None]
    assert found["out_o"].mark is Mark.RIGHT
    assert found["dE/dw1"].mark is not Mark.RIGHT


def test_a_late_iteration_is_compared_with_the_run():
    t = tracer.trace("mazur", iterations=3000, record="last")
    found, _ = marks(f"name,value,iteration\nE,{t['E']:.9f},3000\nout_o1,0.5,3000\n")
    assert found["E"].mark is Mark.RIGHT
    assert found["out_o1"].mark is not Mark.RIGHT


# ---- the command -----------------------------------------------------------------------


def run(*args, **options):
    return CliRunner().invoke(main, [str(a) for a in args], **options)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "good.csv").write_text(text(mazur()))
    (tmp_path / "bad.csv").write_text(text({**mazur(), "w5+": 0.9}))
    return tmp_path


def test_exit_codes(folder):
    assert run("check", "mazur", folder / "good.csv").exit_code == 0
    assert run("check", "mazur", folder / "bad.csv").exit_code == 1
    missing = run("check", "mazur", folder / "none.csv")
    assert missing.exit_code == 2
    assert "none.csv" in missing.stderr
    assert len(missing.stderr.splitlines()) == 1


def test_standard_input():
    found = run("check", "mazur", "-", input=text(mazur()))
    assert found.exit_code == 0, found.output
    assert "18 of 18 answers right" in found.output


def test_json_has_the_promised_keys(folder):
    found = json.loads(run("check", "mazur", folder, "--json").stdout)
    assert [s["sheet"] for s in found["sheets"]] == ["bad", "good"]
    keys = {"name", "typed", "value", "accepted", "mark", "enough_digits", "mistakes", "says"}
    for sheet in found["sheets"]:
        assert {"sheet", "marks", "first_wrong", "mistakes", "points"} <= sheet.keys()
        assert all(keys <= mark.keys() for mark in sheet["marks"])
    assert found["sheets"][0]["first_wrong"] == "w5+"
    assert found["sheets"][1]["first_wrong"] is None


def test_the_class_has_a_gradebook_and_feedback(folder):
    out = folder / "out"
    done = run(
        "check", "mazur", folder / "good.csv", "--gradebook", out / "grades.csv", "--feedback", out
    )
    assert done.exit_code == 0, done.output
    assert (out / "grades.csv").read_text().splitlines()[1].startswith("good,18,18,100")
    assert (out / "good.md").read_text().startswith("# good")


def test_a_wide_table_of_a_class():
    numbers = {n: v for n, v in mazur().items() if n in ("out_h1", "out_o1", "E_total")}
    rows = [["student", *numbers], ["ada", *numbers.values()], ["bob", 0.5933, 0.7514, 0.5967]]
    raw = "\n".join(",".join(map(str, row)) for row in rows)
    found = json.loads(run("check", "mazur", "-", "--json", input=raw).stdout)
    assert [s["sheet"] for s in found["sheets"]] == ["ada", "bob"]
    assert found["sheets"][1]["mistakes"][0]["id"] == "half-missing"


def test_points_of_a_scenario_file(tmp_path):
    path = tmp_path / "mine.toml"
    source = Path(tracer.load("mazur").file)
    root = Path(__file__).parent.parent
    path.write_text((root / source).read_text() + '\n[points]\ndefault = 1\neach = { "w5+" = 5 }\n')
    sheet = tmp_path / "a.csv"
    sheet.write_text(text({**mazur(), "out_h1": 0.9}))
    found = json.loads(run("check", path, sheet, "--json").stdout)["sheets"][0]
    assert found["worth"] == 22
    assert {m["name"]: m["worth"] for m in found["marks"]}["w5+"] == 5


def test_options_that_contradict_each_other(folder):
    for args in (
        ("--decimals", 4, "--significant", 3),
        ("--cut",),
        ("--json", "--gradescope"),
        ("--ask", "w99+"),
        ("--points", folder / "none.toml"),
    ):
        found = run("check", "mazur", folder / "good.csv", *args)
        assert found.exit_code == 2, args
        assert found.stderr.startswith("tracer: "), args
        assert "Traceback" not in found.stderr


def test_gradescope_results(folder):
    found = run("check", "mazur", folder / "bad.csv", "--gradescope")
    results = json.loads(found.stdout)
    assert found.exit_code == 1
    assert len(results["tests"]) == 18
    assert sum(t["score"] for t in results["tests"]) == 17


# ---- lint ------------------------------------------------------------------------------


def test_lint_finds_nothing_where_all_steps_are_asked():
    found = run("lint", "mazur")
    assert found.exit_code == 0, found.output
    assert "every known mistake shows" in found.output


def test_lint_names_what_few_numbers_cannot_tell_apart():
    found = run("lint", "mazur", "--ask", "w5+", "--ask", "E", "--json")
    assert found.exit_code == 1
    told = json.loads(found.stdout)
    assert "one-path" in {a["ids"][0] for a in told["silent"]}
    assert ["error-sign", "gradient-added"] in [sorted(a["ids"]) for a in told["alike"]]
    assert told["extra"]


def test_lint_sees_zeros_and_saturation():
    told = json.loads(run("lint", "enlight", "--json").stdout)
    assert "δ(z_1)" in told["zero"]
    assert told["vague"]


def test_what_lint_suggests_helps():
    exercise = checking.exercise_of(
        tracer.load("mazur"), (), precision=Precision(4, None), ask=("w5+", "w1+", "E")
    )
    from tracer.check.lint import lint

    first = lint(exercise)
    wider = replace(
        exercise,
        asked=tuple(
            sorted(
                {
                    *exercise.asked,
                    *(n for n in range(len(exercise.graph)) if exercise.label(n) in first.extra),
                }
            )
        ),
    )
    second = lint(wider)
    assert len(second.silent) + len(second.alike) < len(first.silent) + len(first.alike)
    assert len(second.silent) + len(second.alike) == len(first.left)


def test_a_prediction_scaled_by_its_own_maximum():
    """Tutorial 001 divides the hours (4, 8) by 8, not by the largest of its training rows."""
    t = tracer.predict(tracer.trace("enlight-training", iterations=10, record="last"), "prediction")
    z = {f"z_{j}": 0.5 * t[f"W1[1,{j}]"] + 1 * t[f"W1[2,{j}]"] for j in (1, 2, 3)}
    raw = text({n: f"{v:.5f}" for n, v in z.items()}).encode()
    answers = read_answers_text(raw, "one")
    exercise = checking.exercise_of(
        tracer.load("enlight-training"), answers, iteration=10, samples="prediction"
    )
    (sheet,) = checking.check(exercise, answers).sheets
    assert [e.id for e in sheet.explanations] == ["own-maximum"]
    assert {j.mark for j in sheet.judged} == {Mark.MISTAKE}


def test_the_known_mistakes_are_listed():
    every, here = run("mistakes"), run("mistakes", "mazur")
    assert (0, 0) == (every.exit_code, here.exit_code)
    assert "updated-weights" in here.output
    assert "hidden gradients use the updated weights" in here.output
    assert "relu-mask" in every.output
    assert "relu-mask" not in here.output
    assert {line.split()[0] for line in here.output.splitlines()} < {
        line.split()[0] for line in every.output.splitlines()
    }


def test_a_column_that_a_whole_class_has_beside_the_answers_is_no_answer(tmp_path):
    """A number of the student's, say; what only one has typed is one to no step."""
    both = "student,id,out_h1,w5+\nAda,1001,0.5933,0.3589\nBob,1002,0.5933,0.3589\n"
    one = "name,value\nout_h1,0.5933\nid,1001\n"
    for text, code in ((both, 0), (one, 1)):
        (tmp_path / "a.csv").write_text(text)
        done = CliRunner().invoke(main, ["check", "mazur", str(tmp_path / "a.csv")])
        assert code == done.exit_code, done.output
        assert ("to no step" in done.output) is bool(code)
