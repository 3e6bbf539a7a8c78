"""Reports of checked sheets: true to the marks, readable, and harmless whatever a student typed.

Every report here is made by hand; the numbers are those of the thinkinfi example.
"""

from __future__ import annotations

import csv
import html
import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pydantic import ValidationError

from tracer.check import gradescope, screen, wording
from tracer.check.feedback import feedback
from tracer.check.marks import Explanation, Judged, Mark, Report, Sheet
from tracer.check.points import Points, award, read_points
from tracer.check.reports import gradebook_csv, to_json
from tracer.check.summary import summary, summary_markdown
from tracer.errors import LookupFailed, ScenarioError, UsageError

HTML = MarkdownIt("commonmark").enable("table")

OLD = Explanation(
    "updated-weights",
    "the hidden layer",
    "hidden gradients use the updated weights",
    "Use w5, not w5⁺: ∂E/∂Out h1 = 0.1424 × 0.44 = 0.0626.",
)
SIGN = Explanation("sign", "∂E/∂w5", "the sign is lost", "The error is T1 - Out y1.")
EVIL = [
    "<script>alert(1)</script>", "a | b | c", "`code`", "![x](http://evil.test/x.png)",
    "[x](javascript:alert)", "**bold** _it_ ~~gone~~", "# head", "- item", "1. item", "1) item",
    "=====", "---", "> quote", "&lt;b&gt;", "$x$", "https://evil.test", "www.evil.test",
    "a@evil.test", "{{ 7*7 }}{% raw %}", "\x1b[31mred", "a\nb\n\n# c", "\u202egnp.exe", "\\", "```",
    "[red]x[/red]", ":smile:", "\x00", "+ item", "<!-- x", "\ud800",
]  # fmt: skip


def judged(name: str = "w5+", typed: str = "0.41", mark: Mark = Mark.RIGHT, **more: Any) -> Judged:
    fields: dict[str, Any] = {
        "label": name, "symbol": "", "iteration": 0, "sample": None, "value": 0.41425240,
        "accepted": (0.41, 0.42), "enough_digits": True, "testable": True, "mistakes": (),
        "follows": "", "says": "", "line": "", "points": 0.0, "worth": 0.0,
    }  # fmt: skip
    return Judged(name=name, typed=typed, mark=mark, **(fields | more))


def sheet(*answers: Judged, name: str = "maria.csv", **more: Any) -> Sheet:
    fields: dict[str, Any] = {"explanations": (), "together": False, "says": (), "remarks": ()}
    return Sheet(sheet=name, judged=answers, **(fields | more))


def report(*sheets: Sheet) -> Report:
    return Report("thinkinfi", "Neural network from scratch", sheets)


def one_mistake() -> Sheet:
    """A right answer, the first wrong one, what follows from it, another by the same mistake."""
    return sheet(
        judged("h1", "0.4176", value=0.4176, accepted=(0.4176, 0.4176)),
        judged(
            "dE/dOut_h1", "0.0453", Mark.MISTAKE, label="∂E/∂Out h1", value=0.0468,
            accepted=(0.04671, 0.04691), mistakes=("updated-weights",), says="The weights are new.",
            line="∂E/∂Out h1 = 0.0626 + (-0.0158) = 0.0468",
        ),
        judged("dE/dw1", "0.0003", Mark.GIVEN_YOURS, label="∂E/∂w1", value=0.00033623,
               accepted=(0.0003, 0.0005), follows="∂E/∂Out h1"),
        judged("dE/dw2", "0.001", Mark.MISTAKE, label="∂E/∂w2", mistakes=("updated-weights",)),
        judged("w2+", "", Mark.MISSING, label="w2⁺", accepted=None, enough_digits=None),
        explanations=(OLD,),
        says=("You wrote 4 digits.",),
        remarks=("row 7: no step is called 'w9'",),
    )  # fmt: skip


def awarded(*sheets: Sheet, **points: Any) -> Report:
    return award(report(*sheets), Points(**points), str)


# ---- points ----------------------------------------------------------------------------

MARKS = list(Mark)


@pytest.mark.parametrize(
    ("mark", "points"),
    list(zip(MARKS, (1, 0.75, 1, 0.5, 0.25, 0, 0, 0), strict=True)),
)
def test_each_mark_gets_its_share(mark: Mark, points: float) -> None:
    shares = {"given_yours": Decimal("0.75"), "slip": Decimal("0.25")}
    found = awarded(sheet(judged(mark=mark)), **shares).sheets[0].judged[0]
    assert (points, 1) == (found.points, found.worth)


def test_too_few_digits_multiply_the_points() -> None:
    few = judged(enough_digits=False, mark=Mark.MISTAKE)
    assert 0.25 == awarded(sheet(few), digits=Decimal("0.5")).sheets[0].points
    assert 0.5 == awarded(sheet(few)).sheets[0].points


def test_an_unreadable_answer_is_not_one_of_too_few_digits() -> None:
    assert 0 == awarded(sheet(judged(mark=Mark.UNREADABLE, enough_digits=None))).sheets[0].points


def test_worth_is_found_by_any_spelling() -> None:
    spelled = {"w5_new": "w5+", "E_total": "E"}
    points = Points(each={"w5_new": Decimal(2), "E_total": Decimal("0.3")}, default=Decimal(3))
    found = award(
        report(sheet(judged("w5+"), judged("E"), judged("h1"))), points, spelled.__getitem__
    )
    assert [2, 0.3, 3] == [j.worth for j in found.sheets[0].judged]


def test_unknown_names_are_told_all_at_once() -> None:
    def find(name: str) -> str:
        raise LookupFailed(f"no step is called {name!r}; did you mean 'w5+'?")

    with pytest.raises(ScenarioError) as wrong:
        award(report(), Points(each={"w5x": Decimal(1), "w6x": Decimal(1)}), find, "marks.toml")
    assert str(wrong.value).splitlines() == [
        "marks.toml: each: no step is called 'w5x'; did you mean 'w5+'?",
        "marks.toml: each: no step is called 'w6x'; did you mean 'w5+'?",
    ]


def test_one_step_is_not_worth_two_things() -> None:
    points = Points(each={"w5+": Decimal(1), "w5_new": Decimal(2)})
    with pytest.raises(ScenarioError, match=r"'w5\+' and 'w5_new' are the same step"):
        award(report(), points, lambda _: "w5+")


decimals = st.decimals(0, 1, places=3)


@given(worth=st.decimals(0, 100, places=4), share=decimals, digits=decimals, n=st.integers(1, 30))
def test_points_add_up_as_they_are_displayed(
    worth: Decimal, share: Decimal, digits: Decimal, n: int
) -> None:
    answers = [judged(f"s{k}", mark=Mark.SLIP, enough_digits=False) for k in range(n)]
    found = awarded(sheet(*answers), default=worth, slip=share, digits=digits).sheets[0]
    assert all(0 <= j.points <= j.worth for j in found.judged)
    shown = [Decimal(wording.points(j.points)) for j in found.judged]
    assert str(sum(shown).normalize()) == str(Decimal(wording.points(found.points)).normalize())


@pytest.mark.parametrize(
    "text", ["[points]\nslip = 0.25\neach = {E = 2}", "slip=0.25\n[each]\nE=2"]
)
def test_a_marks_file_has_the_table_or_its_keys(tmp_path: Path, text: str) -> None:
    file = tmp_path / "marks.toml"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert Points(slip=Decimal("0.25"), each={"E": Decimal(2)}) == read_points(file)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("slpi = 1", "slpi: unknown key; did you mean 'slip'?"),
        ("[point]\nslip = 1", "point: unknown key; did you mean 'points'?"),
        ("[points]\nmistakes = 1", "points.mistakes: unknown key; did you mean 'mistake'?"),
        ("slip = 1.5", "slip: expected 1 or less, found 1.5"),
        ("default = -1", "default: expected 0 or more, found -1"),
        ("mistake = 'half'", "mistake: expected a number, found the text 'half'"),
        ("slip = inf", "slip: expected a finite number, found Infinity"),
        ("[each]\nE = 'x'", "each.E: expected a number, found the text 'x'"),
        ("points = 3", "points: expected a table, found 3"),
        ("slip = ", "not valid TOML: Invalid value (at end of document)"),
        ("a" * 30_000, "larger than 20,000 bytes, not a marks file"),
    ],
)
def test_a_bad_marks_file_is_told_by_file_and_key(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "marks.toml"
    file.write_text(text)
    with pytest.raises(ScenarioError) as wrong:
        read_points(file)
    assert f"{file}: {problem}" == str(wrong.value)


def test_a_marks_file_that_cannot_be_read_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'"\xe9" = 1')
    for name, problem in (("none.toml", "No such file"), ("latin.toml", "not UTF-8"), ("", "Is a")):
        with pytest.raises(ScenarioError, match=problem) as wrong:
            read_points(tmp_path / name)
        assert 1 == len(wrong.value.problems)


def test_shares_are_between_nothing_and_all() -> None:
    with pytest.raises(ValidationError):
        Points(given_yours=Decimal("1.01"))


# ---- words and numbers -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ((0.0003, 0.0005), "0.0003 … 0.0005"),
        ((0.08568123, 0.08597321), "0.08569 … 0.08597"),  # inwards: both ends are accepted
        ((0.30000000000000004, 0.5), "0.3 … 0.5"),
        ((-0.0858, -0.0856), "-0.0858 … -0.0856"),
        ((-0.5, 0.5), "-0.5 … 0.5"),
        ((0.4176, 0.4176), "0.4176"),
        ((1e-7, 2e-7), "0.0000001 … 0.0000002"),
        ((1e-30, 2e-30), "1.0e-30 … 2.0e-30"),
        ((0, 5e-324), "0"),
        ((120_000.0, 180_000.0), "120000 … 180000"),
        ((1e300, 2e300), "1.0e+300 … 2.0e+300"),
        ((-1e308, 1e308), "–"),
        ((math.nan, 1.0), "–"),
        ((1.0, math.inf), "–"),
        (None, "–"),
    ],
)
def test_a_range_shows_the_digits_that_matter(
    bounds: tuple[float, float] | None, text: str
) -> None:
    assert text == wording.accepted(bounds)


@given(st.floats(-1e6, 1e6), st.floats(1e-9, 1e3))
def test_a_shown_range_is_accepted_and_not_much_smaller(low: float, width: float) -> None:
    high = low + width
    ends = [float(end) for end in wording.accepted((low, high)).split(" … ")]
    slack = 1e-5 * width + 1e-9 * abs(low)
    assert low - slack <= ends[0] <= ends[-1] <= high + slack
    assert len(ends) == 1 or ends[1] - ends[0] >= 0.5 * width - slack


@pytest.mark.parametrize(
    ("value", "text"), [(1.5, "1.5"), (2.0, "2"), (0.1 * 3, "0.3"), (1 / 3, "0.3333"), (0, "0")]
)
def test_points_are_printed_without_idle_zeros(value: float, text: str) -> None:
    assert text == wording.points(value)
    assert text == json.dumps(wording.as_points(value))


@pytest.mark.parametrize(
    ("n", "text"),
    [(0, ""), (1, "s0"), (2, "s0 and s1"), (3, "s0, s1 and s2"), (4, "s0, s1, s2 and s3"),
     (5, "s0, s1, s2 and 2 more")],
)  # fmt: skip
def test_long_lists_are_cut(n: int, text: str) -> None:
    assert text == wording.listed([f"s{k}" for k in range(n)], most=3)


def test_steps_are_told_apart_only_where_they_differ() -> None:
    alone, batch = judged("E", sample=0), judged("E", sample=1, iteration=3)
    assert "E" == wording.names([sheet(alone)]).name(alone)
    namer = wording.names([sheet(alone, batch)])
    assert ["E[0] @0", "E[1] @3"] == [namer.name(alone), namer.name(batch)]


# ---- escaping --------------------------------------------------------------------------


def shown(source: str) -> str:
    """What a reader of Markdown sees, without HTML's tags."""
    return html.unescape(re.sub(r"<[^>]*>", "", HTML.render(source))).strip()


def tags(source: str) -> set[str]:
    return set(re.findall(r"<(\w+)", HTML.render(source)))


@pytest.mark.parametrize("text", EVIL)
def test_evil_text_is_shown_and_does_nothing(text: str) -> None:
    check_escaped(text)


@given(st.text() | st.text("<>&|`*_[]()#-+=~$\\!:@.{}1 \n\tab"))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    check_escaped(text)


def check_escaped(text: str) -> None:
    safe, plain = wording.writable(wording.escaped(text)), wording.seen(text)
    assert plain == shown(safe)
    assert tags(safe) <= {"p"}
    assert tags(f"# {safe}") == {"h1"}
    table = f"| a | b |\n| - | - |\n| {safe} | end |"
    assert re.findall("<td>", HTML.render(table)) == ["<td>"] * 2
    assert tags(table) == {"table", "thead", "tbody", "tr", "th", "td"}
    cell = re.findall("<td>(.*?)</td>", HTML.render(table))[0]
    assert plain == html.unescape(cell)


@pytest.mark.parametrize("text", ["https://evil.test", "www.evil.test", "a@evil.test", ":smile:"])
def test_nothing_becomes_a_link_by_itself(text: str) -> None:
    assert not re.search(r"(?<!\\)[:@]\S|www\.", wording.escaped(text))


@given(st.text())
def test_a_terminal_obeys_no_text(text: str) -> None:
    safe = wording.seen(text, 50)
    assert re.sub("[\u200c\u200d]", "", safe).isprintable()
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u202a-\u202e\u2066-\u2069]", safe)
    assert len(safe) <= 50


def test_numbers_stay_readable_in_the_source() -> None:
    for text in ("-0.0858", "0.41", "1e-5", "∂E/∂w5 = 0.5 × 0.2 = 0.1", "+3"):
        assert text == wording.escaped(text)


# ---- JSON ------------------------------------------------------------------------------


def test_json_has_every_field() -> None:
    found = json.loads(to_json(awarded(one_mistake())))
    assert ["schema", "scenario", "title", "sheets"] == list(found)
    assert (1, "thinkinfi", "Neural network from scratch") == tuple(found.values())[:3]
    (s,) = found["sheets"]
    marks = s.pop("marks")
    assert s == {
        "sheet": "maria.csv",
        "first_wrong": "dE/dOut_h1",
        "mistakes": [{"id": OLD.id, "at": OLD.at, "explains": OLD.explains, "says": OLD.says}],
        "together": False,
        "says": ["You wrote 4 digits."],
        "remarks": ["row 7: no step is called 'w9'"],
        "unknown": [],
        "points": 3,
        "worth": 5,
    }
    assert marks[1] == {
        "name": "dE/dOut_h1", "iteration": 0, "sample": None, "typed": "0.0453", "value": 0.0468,
        "accepted": [0.04671, 0.04691], "mark": "mistake", "enough_digits": True,
        "testable": True, "mistakes": ["updated-weights"], "follows": "",
        "says": "The weights are new.", "line": "∂E/∂Out h1 = 0.0626 + (-0.0158) = 0.0468",
        "points": 0.5, "worth": 1,
    }  # fmt: skip
    assert None is marks[4]["accepted"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_json_has_no_number_that_is_none(bad: float) -> None:
    found = json.loads(to_json(report(sheet(judged(value=bad, accepted=(0.0, bad))))))
    mark = found["sheets"][0]["marks"][0]
    assert (None, None) == (mark["value"], mark["accepted"])


def test_every_form_can_be_written_as_utf8() -> None:
    """A file's name that is no UTF-8 has half a surrogate pair."""
    r = awarded(sheet(judged(typed="\ud800"), name="caf\udce9.csv"))
    for text in (to_json(r), gradebook_csv(r), feedback(r.sheets[0], r), screen.report_text(r),
                 json.dumps(gradescope.results(r.sheets[0]), ensure_ascii=False)):  # fmt: skip
        assert text.encode()
    assert "caf?.csv" in to_json(r)


# ---- gradebook -------------------------------------------------------------------------


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_the_gradebook_has_a_row_a_student() -> None:
    second = sheet(judged("h1"), name="jo.csv", explanations=(OLD, SIGN))
    both = replace(second, sheet="k.csv", together=True)
    assert gradebook_csv(awarded(one_mistake(), second, both)) == (
        "sheet,points,worth,percent,mistakes,h1,dE/dOut_h1,dE/dw1,dE/dw2,w2+\n"
        "maria.csv,3,5,60,updated-weights,right,mistake,given-yours,mistake,missing\n"
        "jo.csv,1,1,100,updated-weights | sign,right,,,,\n"
        "k.csv,1,1,100,updated-weights + sign,right,,,,\n"
    )


def test_percent_is_empty_where_nothing_is_worth_anything() -> None:
    assert ["maria.csv", "0", "0", ""] == rows(gradebook_csv(report(one_mistake())))[1][:4]


def test_samples_and_iterations_are_columns_of_their_own() -> None:
    found = gradebook_csv(report(sheet(judged("E", sample=0), judged("E", sample=1))))
    assert ["E[0]", "E[1]"] == rows(found)[0][5:]


@pytest.mark.parametrize(
    "name", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1"]
)
def test_no_cell_is_a_formula(name: str) -> None:
    (_, row) = rows(gradebook_csv(report(sheet(name=name))))
    assert f"'{name.strip()}" == row[0]


def test_numbers_stay_numbers_and_names_stay_names() -> None:
    for name in ("-12", "+7.5", "1234", 'O\'Neil, "Jo"', "Ana-Lena"):
        assert name == rows(gradebook_csv(report(sheet(name=name))))[1][0]


@given(st.text(st.characters(codec="utf-8")))
def test_a_gradebook_reads_back(name: str) -> None:
    (_, row) = rows(gradebook_csv(report(sheet(judged(), name=name))))
    assert wording.seen(name) in (row[0], row[0][1:])
    assert row[0].lstrip()[:1] not in ("=", "@")
    assert len(row) == 6


# ---- a terminal ------------------------------------------------------------------------


def test_a_sheet_on_a_terminal() -> None:
    assert screen.report_text(awarded(one_mistake()), 80) == SHEET_80


SHEET_80 = """\
maria.csv

step         you wrote   mark            accepted
─────────────────────────────────────────────────────────────
h1              0.4176   ✓ right         0.4176
∂E/∂Out h1      0.0453   ✗ mistake       0.04671 … 0.04691
                                         The weights are new.
∂E/∂w1          0.0003   ↳ given yours   0.0003 … 0.0005
∂E/∂w2           0.001   ✗ mistake       0.41 … 0.42
w2⁺                  –   – no answer     –

The first wrong step is ∂E/∂Out h1.
It should have been:
    ∂E/∂Out h1 = 0.0626 + (-0.0158) = 0.0468

What explains these numbers:
hidden gradients use the updated weights (the hidden layer)
    Use w5, not w5⁺: ∂E/∂Out h1 = 0.1424 × 0.44 = 0.0626.

The same mistake: ∂E/∂w2.
Right given ∂E/∂Out h1 as written: ∂E/∂w1.

You wrote 4 digits.
row 7: no step is called 'w9'

1 of 5 answers right, 1 right given earlier numbers; 3 of 5 points
"""


def test_a_class_on_a_terminal() -> None:
    good = sheet(judged("h1", "0.4176"), name="jo.csv")
    assert screen.report_text(awarded(one_mistake(), good), 80) == CLASS_80


CLASS_80 = """\
sheet       right   points   first wrong   why
────────────────────────────────────────────────────────────────────────────────
maria.csv     2/5      3/5   ∂E/∂Out h1    hidden gradients use the updated
                                           weights
jo.csv        1/1      1/1

2 sheets, 1 without a mistake.
On average 2 of 3 points (67 %).
Most often ∂E/∂Out h1 is the first wrong step (1).
Digits after the point: 4 (2 sheets).

step         first wrong   wrong   of sheets   no answer
────────────────────────────────────────────────────────
∂E/∂Out h1             1       1       100 %
∂E/∂w2                 0       1       100 %

sheets   mistake
─────────────────────────────────────────────────
     1   hidden gradients use the updated weights
"""


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_no_line_is_longer_than_the_terminal_and_no_word_is_lost(width: int) -> None:
    says = "a sentence that is long enough to be broken into several lines of its column " * 3
    s = replace(one_mistake(), sheet="x" * 30)
    s = replace(s, judged=tuple(replace(j, says=says, typed="0.414252401913") for j in s.judged))
    for r in (awarded(s), awarded(s, s)):
        found = screen.report_text(r, width)
        assert max(map(len, found.splitlines())) <= width
        assert found.count("column") >= (15 if width >= 80 and len(r.sheets) == 1 else 0)


@pytest.mark.parametrize("text", EVIL)
def test_a_terminal_is_not_told_what_to_do(text: str) -> None:
    s = sheet(judged(typed=text, says=text, mark=Mark.WRONG, label=text, line=text),
              name=text, says=(text,), remarks=(text,),
              explanations=(replace(OLD, explains=text),))  # fmt: skip
    for r in (report(s), report(s, s)):
        found = screen.report_text(r, 80)
        assert all(c == "\n" or c.isprintable() for c in found)
    if text == "[red]x[/red]":
        assert "[red]x[/red]" in screen.report_text(report(s), 80)


def test_alternatives_and_two_mistakes_at_once_are_told_apart() -> None:
    s = replace(one_mistake(), explanations=(OLD, SIGN))
    tie, both = report(s), report(replace(s, together=True))
    for said in (screen.report_text(tie, 80), feedback(s, tie)):
        assert "Your numbers fit any of these:" in said
    for said in (screen.report_text(both, 80), feedback(both.sheets[0], both)):
        assert "Two things at once:" in said
        assert OLD.explains in said
        assert SIGN.explains in said
    assert f"{OLD.explains}, or {SIGN.explains}" == wording.why(s)
    assert f"{OLD.explains} and {SIGN.explains}" == wording.why(both.sheets[0])


def test_show_prints_the_same_text_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    r = awarded(one_mistake())
    screen.show(r)
    assert screen.report_text(r) == capsys.readouterr().out


def test_a_sheet_without_answers_is_told() -> None:
    empty = report(sheet(remarks=("the file is empty",)))
    assert "the file is empty" in screen.report_text(empty, 80)
    assert "No answer is right yet" in feedback(empty.sheets[0], empty)
    assert "0 sheets" in screen.report_text(report(), 80)


# ---- feedback --------------------------------------------------------------------------


def test_feedback_tells_what_is_right_then_what_to_fix() -> None:
    r = awarded(one_mistake())
    assert feedback(r.sheets[0], r) == FEEDBACK


FEEDBACK = """\
# maria.csv

Neural network from scratch

## What is right

1 of 5 answers is right: **h1**.

1 answer is right given your earlier numbers: **∂E/∂w1**.

## What to fix first

The first step that is wrong is **∂E/∂Out h1**: you wrote 0.0453. The weights are new.

What explains your numbers: **hidden gradients use the updated weights** (the hidden layer). \
Use w5, not w5⁺: ∂E/∂Out h1 = 0.1424 × 0.44 = 0.0626.

**∂E/∂Out h1** should have been:

> ∂E/∂Out h1 = 0.0626 + (-0.0158) = 0.0468

## What follows from it

The same mistake is in **∂E/∂w2**.

From your number for **∂E/∂Out h1** you worked out **∂E/∂w1** correctly; \
it comes out right once **∂E/∂Out h1** is.

## What is left

- No answer: **w2⁺**.

You wrote 4 digits.

row 7: no step is called 'w9'

## All your answers

| step | you wrote | mark | accepted | |
| --- | --- | --- | --- | --- |
| h1 | 0.4176 | ✓ right | 0.4176 |  |
| ∂E/∂Out h1 | 0.0453 | ✗ mistake | 0.04671 … 0.04691 | The weights are new. |
| ∂E/∂w1 | 0.0003 | ↳ given yours | 0.0003 … 0.0005 |  |
| ∂E/∂w2 | 0.001 | ✗ mistake | 0.41 … 0.42 |  |
| w2⁺ | – | – no answer | – |  |

## Points

3 of 5 points.
"""


def test_feedback_of_a_faultless_sheet_is_short() -> None:
    r = report(sheet(judged(enough_digits=False)))
    found = feedback(r.sheets[0], r)
    assert "All your numbers are right." in found
    assert "fix" not in found
    assert "Points" not in found
    assert "| Too few digits. |" in found


def test_a_line_that_an_explanation_says_is_not_said_again() -> None:
    line = "∂E/∂Out h1 = 0.1424 × 0.44 = 0.0626"
    s = one_mistake()
    s = replace(s, judged=tuple(replace(j, line=line) for j in s.judged))
    assert 1 == feedback(s, report(s)).count("0.0626")


@pytest.mark.parametrize("text", EVIL)
def test_feedback_is_made_of_our_markup_only(text: str) -> None:
    s = sheet(
        judged(typed=text, says=text, mark=Mark.WRONG, label=text, line=text, mistakes=("a",)),
        judged(typed=text, says=text, mark=Mark.GIVEN_YOURS, label=text, follows=text),
        judged(typed=text, says=text, mark=Mark.SLIP, label=text),
        judged(typed=text, label=text),
        name=text, says=(text,), remarks=(text,),
        explanations=(Explanation("a", text, text, text), Explanation("b", text, text, text)),
    )  # fmt: skip
    found = feedback(s, replace(report(s), title=text))
    assert tags(found) <= {"h1", "h2", "p", "ul", "li", "strong", "blockquote", "table", "thead",
                           "tbody", "tr", "th", "td"}  # fmt: skip
    assert 4 * 5 == HTML.render(found).count("<td>")
    assert 1 == HTML.render(found).count("<h1>")
    assert 5 == HTML.render(found).count("<h2>")


# ---- a class ---------------------------------------------------------------------------


def test_a_summary_counts_sheets() -> None:
    jo = replace(one_mistake(), sheet="jo.csv", explanations=(OLD, SIGN))
    good = sheet(judged("h1", "0.42"), name="good.csv")
    odd = sheet(judged("h1", "7", Mark.WRONG), name="odd.csv")
    s = summary(awarded(one_mistake(), jo, good, odd))
    assert (4, 1, 1) == (s.sheets, s.fine, s.unexplained)
    assert (1.75, 3) == (s.points, s.worth)  # (3 + 3 + 1 + 0)/4 of (5 + 5 + 1 + 1)/4
    steps = [(f.label, f.first, f.wrong, f.missing, f.sheets) for f in s.steps]
    assert steps == [
        ("h1", 1, 1, 0, 4),
        ("∂E/∂Out h1", 2, 2, 0, 2),
        ("∂E/∂w1", 0, 0, 0, 2),
        ("∂E/∂w2", 0, 2, 0, 2),
        ("w2⁺", 0, 0, 2, 2),
    ]
    assert ["∂E/∂Out h1", "h1", "∂E/∂w2"] == [f.label for f in s.failing]
    assert [("updated-weights", "1 (and 1 possible)"), ("sign", "0 (and 1 possible)")] == [
        (m.id, m.often) for m in s.mistakes
    ]
    assert ((0, 1), (2, 1), (4, 2)) == s.decimals


def test_a_summary_as_markdown() -> None:
    assert summary_markdown(summary(awarded(one_mistake()))) == (
        "# Neural network from scratch\n\n"
        "1 sheet, 0 without a mistake.\n\n"
        "On average 3 of 5 points (60 %).\n\n"
        "Most often ∂E/∂Out h1 is the first wrong step (1).\n\n"
        "Digits after the point: 4 (1 sheet).\n\n"
        "## Steps\n\n"
        "| step | first wrong step | wrong | of the sheets | no answer |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| ∂E/∂Out h1 | 1 | 1 | 100 % | 0 |\n"
        "| ∂E/∂w2 | 0 | 1 | 100 % | 0 |\n\n"
        "## Mistakes\n\n"
        "| mistake | sheets | id |\n"
        "| --- | --- | --- |\n"
        "| hidden gradients use the updated weights | 1 | updated-weights |\n"
    )


@pytest.mark.parametrize("text", EVIL)
def test_a_summary_is_made_of_our_markup_only(text: str) -> None:
    wrong = judged(label=text, mark=Mark.WRONG)
    s = sheet(wrong, explanations=(Explanation(text, text, text, text),))
    found = summary_markdown(summary(replace(report(s), title=text)))
    assert 5 + 3 == HTML.render(found).count("<td>")
    assert tags(found) <= {"h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td"}


# ---- Gradescope ------------------------------------------------------------------------

# The fields of gradescope/autograder_samples/docs/specs.md, and what each may hold.
FORMATS = ("text", "html", "simple_format", "md", "ansi")
VISIBILITY = ("hidden", "after_due_date", "after_published", "visible")
TOP: dict[str, Any] = {
    "score": (int, float), "execution_time": (int, float), "output": str, "tests": list,
    "output_format": FORMATS, "test_output_format": FORMATS, "test_name_format": FORMATS,
    "visibility": VISIBILITY, "stdout_visibility": VISIBILITY, "extra_data": dict,
    "leaderboard": list,
}  # fmt: skip
TEST: dict[str, Any] = {
    "score": (int, float), "max_score": (int, float), "status": ("passed", "failed"), "name": str,
    "name_format": FORMATS, "number": str, "output": str, "output_format": FORMATS, "tags": list,
    "visibility": VISIBILITY, "extra_data": dict,
}  # fmt: skip


def check_fields(table: dict[str, Any], fields: dict[str, Any]) -> None:
    for key, value in table.items():
        allowed = fields[key]
        if isinstance(allowed, tuple) and isinstance(allowed[0], str):
            assert value in allowed, key
        else:
            assert isinstance(value, allowed), key
            assert not isinstance(value, bool), key


def check_results(found: dict[str, Any]) -> dict[str, Any]:
    """Strictly what Gradescope documents."""
    assert found == json.loads(json.dumps(found, allow_nan=False))
    check_fields(found, TOP)
    for test in found["tests"]:
        check_fields(test, TEST)
        assert all(isinstance(tag, str) for tag in test["tags"])
        assert 0 <= test["score"] <= test["max_score"]
    assert ("score" in found) == (not any("score" in test for test in found["tests"]))
    return found


def test_results_have_a_test_an_answer() -> None:
    found = check_results(gradescope.results(awarded(one_mistake()).sheets[0], seconds=0.41234))
    assert 0.412 == found["execution_time"]
    assert "hidden" == found["stdout_visibility"]
    assert found["output"].startswith("## What is right")
    assert "All your answers" not in found["output"]
    assert found["tests"][1] == {
        "name": "∂E/∂Out h1",
        "number": "2",
        "score": 0.5,
        "max_score": 1,
        "status": "failed",
        "output_format": "md",
        "output": "You wrote 0.0453. The weights are new.\n\nIt should have been:\n\n"
        "> ∂E/∂Out h1 = 0.0626 + (-0.0158) = 0.0468",
        "tags": ["mistake", "updated-weights"],
        "visibility": "visible",
    }
    said = [test["output"] for test in found["tests"]]
    assert "You wrote 0.4176. Right." == said[0]
    assert "You wrote 0.0003. Right **given** your earlier numbers." == said[2]
    assert "No answer." == said[4]
    assert ["passed", "failed", "passed", "failed", "failed"] == [
        test["status"] for test in found["tests"]
    ]


def test_results_without_answers_have_a_score() -> None:
    found = check_results(gradescope.results(sheet(remarks=("the file is empty",))))
    assert (0, []) == (found["score"], found["tests"])
    assert "the file is empty" in found["output"]
    assert "execution_time" not in found


@pytest.mark.parametrize("text", EVIL)
def test_results_are_harmless(text: str) -> None:
    s = sheet(judged(typed=text, says=text, mark=Mark.WRONG, label=text, line=text), name=text)
    (test,) = check_results(gradescope.results(s))["tests"]
    assert tags(test["output"]) <= {"p", "blockquote"}
    assert test["name"].isprintable()


# ---- the autograder --------------------------------------------------------------------

SCENARIO = b'title = "One unit"\n'
BASH = shutil.which("bash")


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_bundle_is_ready_to_be_uploaded(tmp_path: Path) -> None:
    path, wheel = (
        tmp_path / "new" / "autograder.zip",
        tmp_path / "backprop_tracer-1-py3-none-any.whl",
    )
    wheel.write_bytes(b"wheel")
    points = Points(each={'w"5\\+': Decimal("2.5"), "∂E": Decimal("1e-7")}, slip=Decimal("0.25"))
    gradescope.bundle(path, SCENARIO, "mine\n$(rm -rf)", points, wheel=wheel)
    files = contents(path)
    assert {
        "setup.sh", "run_autograder", "scenario.toml", "points.toml", wheel.name, "about.txt",
    } == set(files)  # fmt: skip
    assert SCENARIO == files["scenario.toml"]
    assert b"wheel" == files[wheel.name]
    (tmp_path / "points.toml").write_bytes(files["points.toml"])
    assert points == read_points(tmp_path / "points.toml")
    for name in ("setup.sh", "run_autograder"):
        assert files[name].startswith(b"#!/usr/bin/env bash\n")
        assert b"\r" not in files[name]


def test_programs_of_a_bundle_are_executable(tmp_path: Path) -> None:
    gradescope.bundle(tmp_path / "a.zip", SCENARIO, "mine")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert modes == {
        "setup.sh": 0o100755, "run_autograder": 0o100755, "scenario.toml": 0o100644,
        "about.txt": 0o100644,
    }  # fmt: skip


def test_the_same_bundle_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        gradescope.bundle(tmp_path / name, SCENARIO, "mine", Points())
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_bundle_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.mkdir()
    with pytest.raises(OSError, match=r"a\.zip"):
        gradescope.bundle(path, SCENARIO, "mine")
    with pytest.raises(UsageError, match="no wheel"):
        gradescope.bundle(tmp_path / "b.zip", SCENARIO, "mine", wheel=tmp_path / "x.tar.gz")
    assert [path] == list(tmp_path.iterdir())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An unpacked autograder, as Gradescope lays it out, its tracer says how it was called."""
    if not BASH:
        pytest.skip("bash is not installed")
    gradescope.bundle(tmp_path / "a.zip", SCENARIO, "mine", Points())
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        archive.extractall(tmp_path / "source")
    (tmp_path / "submission").mkdir()
    tracer(
        tmp_path,
        "import sys, json; json.dump({'score': 0, 'output': str(sys.argv[1:])}, sys.stdout)",
    )
    return tmp_path


def tracer(root: Path, code: str) -> None:
    (root / "bin").mkdir(exist_ok=True)
    program = root / "bin" / "tracer"
    program.write_text(f"#!{sys.executable}\n{code}\n")
    program.chmod(0o755)


def graded(root: Path) -> dict[str, Any]:
    path = f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [str(BASH), root / "source" / "run_autograder"],
        env={"PATH": path, "AUTOGRADER": str(root), "LC_ALL": "C.UTF-8"},
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    found = json.loads((root / "results" / "results.json").read_text("utf-8"))
    return check_results({"tests": [], **found})


def test_the_autograder_checks_the_one_file(root: Path) -> None:
    (root / "submission" / "--help it's $HOME `x`.csv").write_text("h1,0.4")
    (root / "submission" / ".DS_Store").write_text("")
    (root / "submission" / "__MACOSX").mkdir()
    (root / "submission" / "__MACOSX" / "x.csv").write_text("")
    called = [
        "check", f"{root}/source/scenario.toml", f"{root}/submission/--help it's $HOME `x`.csv",
        "--points", f"{root}/source/points.toml", "--gradescope",
    ]  # fmt: skip
    assert str(called) == graded(root)["output"]


def test_without_a_marks_file_the_scenario_has_the_points(root: Path) -> None:
    (root / "source" / "points.toml").unlink()
    (root / "submission" / "a.csv").write_text("")
    assert "--points" not in graded(root)["output"]


@pytest.mark.parametrize(("names", "said"), [([], "no file"), (["a.csv", 'b "x".csv'], "2 files")])
def test_the_autograder_asks_for_one_file(root: Path, names: list[str], said: str) -> None:
    for name in names:
        (root / "submission" / name).write_text("")
    found = graded(root)
    assert said in found["output"]
    assert 0 == found["score"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "import sys; print('tracer: \"a.csv\": <b>\\n', file=sys.stderr); sys.exit(2)",
            '"a.csv": <b>',
        ),
        ("raise SystemExit(1)", "not because of your numbers"),
        ("print('{'); raise SystemExit(0)", "not because of your numbers"),
        ("raise SystemExit(137)", "not because of your numbers"),
    ],
)
def test_a_failure_is_told_in_valid_results(root: Path, code: str, said: str) -> None:
    (root / "submission" / "a.csv").write_text("")
    tracer(root, code)
    assert said in graded(root)["output"]


def test_wrong_answers_are_no_failure(root: Path) -> None:
    (root / "submission" / "a.csv").write_text("")
    found = json.dumps(gradescope.results(awarded(one_mistake()).sheets[0]))
    tracer(root, f"print({found!r}); raise SystemExit(1)")
    assert 5 == len(graded(root)["tests"])


def test_the_setup_is_a_program_of_bash(root: Path) -> None:
    subprocess.run([str(BASH), "-n", root / "source" / "setup.sh"], check=True)
