"""Files of answers: every format, and whatever else somebody hands in."""

from __future__ import annotations

import builtins
import datetime
import io
import json
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promptly import promptly

from tracer.check import answers as module
from tracer.check.answers import (
    MAX_SIZE,
    Answer,
    Answers,
    read_answers,
    read_answers_text,
)
from tracer.check.workbooks import MAX_UNPACKED
from tracer.errors import UsageError


def sheets(text: str | bytes, ending: str | None = "csv", name: str = "a.csv") -> list[Answers]:
    return read_answers_text(text.encode() if isinstance(text, str) else text, name, ending)


def one(text: str | bytes, ending: str | None = "csv") -> Answers:
    (sheet,) = sheets(text, ending)
    return sheet


def said(answer: Answer) -> tuple[str, float | str | None]:
    """The name with the number, why there is none, or None where the cell is empty."""
    return answer.name, answer.typed.number if answer.typed else answer.problem or None


def pairs(sheet: Answers) -> list[tuple[str, float | str | None]]:
    return [said(answer) for answer in sheet.answers]


def by_sheet(found: list[Answers]) -> dict[str, list[tuple[str, float | str | None]]]:
    return {sheet.sheet: pairs(sheet) for sheet in found}


W5_W6 = [("w5+", 0.41), ("w6+", 0.5)]

# ---- a name and a value a row ----------------------------------------------------------

LONG = {
    "csv": "w5+,0.41\nw6+,0.5\n",
    "header": "name,value\nw5+,0.41\nw6+,0.5\n",
    "other words": "Step,Your Answer\nw5+,0.41\nw6+,0.5\n",
    "quantity": "quantity,result\nw5+,0.41\nw6+,0.5\n",
    "order of columns": "value,name\n0.41,w5+\n0.5,w6+\n",
    "further columns": "id,name,remark,value\n1,w5+,sure,0.41\n2,w6+,,0.5\n",
    "an unnamed index": ",name,value\n0,w5+,0.41\n1,w6+,0.5\n",
    "semicolons": "name;value\nw5+;0,41\nw6+;0,5\n",
    "tabs": "name\tvalue\nw5+\t0,41\nw6+\t0.5\n",
    "told separator": "sep=;\nw5+;0.41\nw6+;0.5\n",
    "decimal commas": "w5+,0,41\nw6+,0,5\n",
    "decimal commas under a header": "name,value\nw5+,0,41\nw6+,0,5\n",
    "quoted decimal commas": 'w5+,"0,41"\nw6+,"0,5"\n',
    "quoted names": '"w5+","0.41"\n"w6+" , "0.5"\n',
    "blanks": " w5+ , 0.41 \n w6+ , 0.5 \n",
    "blank lines and comments": '# mine\n\n w5+,0.41\n,\n  # more, "of it\n\nw6+,0.5\n\n',
    "CRLF": "w5+,0.41\r\nw6+,0.5\r\n",
    "CR": "w5+,0.41\rw6+,0.5",
    "mixed line ends": "w5+,0.41\r\n\rw6+,0.5\n",
    "no end of line": "w5+,0.41\nw6+,0.5",
    "empty columns": ",,w5+,0.41,,\n,,w6+,0.5,,\n",
    "a title above": "Exercise 3\n\nname,value\nw5+,0.41\nw6+,0.5\n",
    "files put together": "name,value\nw5+,0.41\nname,value\nw6+,0.5\n",
    "equals": "w5+ = 0.41\nw6+ = 0,5\n",
    "equals with comments": "w5+ = 0.41  # sure\nw6+=0,5\n",
    "colons": "w5+: 0,41\nw6+: 0.5\n",
    "narrow colons": "w5+:0.41\nw6+:0.5\n",
    "blanks between": "w5+ 0.41\nw6+   0,5\n",
    "marked numbers": "w5+,$0.41$\nw6+,**0.5**\n",
    "said twice": "w5+,0.41\nw6+,0.5\nw5+,0.410\n",
    "empty first": "w5+,\nw6+,0.5\nw5+,0.41\n",
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize("ending", ["csv", "txt", None, "dat"])
def test_rows_of_a_name_and_a_value_are_one_sheet(text, ending) -> None:
    assert W5_W6 == pairs(one(text, ending))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_every_usual_encoding_is_read(encoding) -> None:
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    text = (mark + "größe,0.41\nw6+,0.5\n").encode(encoding)
    assert [("größe", 0.41), ("w6+", 0.5)] == pairs(one(text))


def test_an_answer_says_where_it_stands() -> None:
    found = one("# mine\n\nname,value\nw5+,0.410\nw6+,abc\nw7+,\n")
    typed = found.answers[0].typed
    assert typed
    assert Answer("w5+", "0.410", typed, "", "a.csv:4") == found.answers[0]
    assert (3, 3) == (typed.decimals, typed.significant)
    assert Answer("w6+", "abc", None, "not a number", "a.csv:5") == found.answers[1]
    assert Answer("w7+", "", None, "", "a.csv:6") == found.answers[2]


def test_an_iteration_and_a_sample_are_told_in_columns() -> None:
    found = one("name,value,iteration,sample\nE,0.4,10,2\nE,0.3,11,\nE,0.2,x,-1\nE,0.1,1.5,1\n")
    assert [(10, 2), (11, None), (None, None), (None, 1)] == [
        (a.iteration, a.sample) for a in found.answers
    ]
    assert ["", "", "its sample is not a whole number", "its iteration is not a whole number"] == [
        a.problem for a in found.answers
    ]


def test_an_index_may_have_a_comma() -> None:
    assert [("W1[2,3]", 0.5), ("W1[2,4]", 0.41)] == pairs(one("W1[2,3],0.5\nW1[2,4],0,41\n"))


@pytest.mark.parametrize("text", ["h[t=2,3] = 0.5\nh[t=1] = 4", "h[t=2,3],0.5\nh[t=1],4"])
def test_a_time_is_part_of_a_name(text) -> None:
    assert [("h[t=2,3]", 0.5), ("h[t=1]", 4)] == pairs(one(text))


def test_a_short_name_may_be_broken_in_quotes() -> None:
    assert [("w5 new", 0.41), ("w6+", 0.5)] == pairs(one('"w5\nnew",0.41\nw6+,0.5\n'))


def test_an_open_quote_swallows_nothing() -> None:
    found = pairs(one('"w5+,0.41\nw6+,0.5\nw7+,"0.3\nw8+,0.2\n'))
    assert ["w5+", "w6+", "w7+", "w8+"] == [name for name, _ in found]
    assert (0.5, 0.2) == (found[1][1], found[3][1])


def test_names_alone_are_asked_and_not_answered() -> None:
    assert [("w5+", None), ("Out h1", None)] == pairs(one("w5+\nOut h1\n"))


def test_too_many_cells_in_a_row_are_that_rows_problem() -> None:
    found = one("w5+,1,0.4\nw6+,0.5\nw7+,0.3\n")
    assert ("w5+", "more cells than there are columns") == pairs(found)[0]
    assert "1, 0.4" == found.answers[0].text
    assert ("w6+", 0.5) == pairs(found)[1]


def test_different_numbers_for_one_name_are_told_and_the_first_counts() -> None:
    found = one("w5+,0.41\nw5+,0.42\n")
    assert [("w5+", 0.41)] == pairs(found)
    assert ("w5+ is answered twice, 0.41 and 0.42; the first counts",) == found.remarks


def test_a_number_counts_before_what_is_none() -> None:
    found = one("w5+,abc\nw5+,0.42\n")
    assert [("w5+", 0.42)] == pairs(found)
    assert ("w5+ is answered twice, abc and 0.42; the number counts",) == found.remarks


@pytest.mark.parametrize("rows", ["w5+,0.41\nw5+,\n", "w5+,\nw5+,0.41\n", "w5+,\nw5+,\nw5+,0.41\n"])
def test_an_empty_cell_contradicts_nothing(rows) -> None:
    found = one(rows)
    assert [("w5+", 0.41)] == pairs(found)
    assert () == found.remarks


def test_other_iterations_contradict_nothing() -> None:
    found = one("name,value,iteration\nE,0.41,1\nE,0.42,2\n")
    assert ([("E", 0.41), ("E", 0.42)], ()) == (pairs(found), found.remarks)


def test_a_value_without_a_name_is_told() -> None:
    assert ("a.csv:2: a value without a name",) == one("w5+,0.41\n,0.5\n").remarks


def test_remarks_are_not_too_many() -> None:
    found = one("".join(f"w5+,{i}\n" for i in range(100)))
    assert (30, "and more of this kind") == (len(found.remarks), found.remarks[-1])


@pytest.mark.parametrize("letters", ["\x1b[31m", "\x07", "\u202e", "\x9b", "\u2028", "\x7f"])
def test_what_is_shown_is_printable_and_short(letters) -> None:
    found = one(f"name,value\n{letters}w{'w' * 300},{letters}x{'x' * 300}\n{letters}w,1\n")
    for answer in found.answers:
        for text in (answer.name, answer.text):
            assert text.isprintable()
            assert len(text) <= 200


# ---- several people --------------------------------------------------------------------

CLASS = {"Ada": W5_W6, "Ben": [("w5+", None), ("w6+", "not a number")]}
WIDE = {
    "student": "student,w5+,w6+\nAda,0.41,0.5\nBen,,abc\n",
    "name": "Name,w5+,w6+\nAda,0.41,0.5\nBen,,abc\n",
    "any header": "Gruppe,w5+,w6+\nAda,0.41,0.5\nBen,,abc\n",
    "not first": "w5+,student id,w6+\n0.41,Ada,0.5\n,Ben,abc\n",
    "semicolons": "student;w5+;w6+\nAda;0,41;0,5\nBen;;abc\n",
    "quoted": 'student,w5+,w6+\nAda,"0,41","0,5"\nBen,,abc\n',
    "blank lines": "\nstudent,w5+,w6+\n\nAda,0.41,0.5\n,,\nBen,,abc\n",
    "turned": "step,Ada,Ben\nw5+,0.41,\nw6+,0.5,abc\n",
    "tidy": "student,step,value\nAda,w5+,0.41\nAda,w6+,0.5\nBen,w5+,\nBen,w6+,abc\n",
    "named": "name,step,value\nAda,w5+,0.41\nAda,w6+,0.5\nBen,w5+,\nBen,w6+,abc\n",
    "Markdown": "| student | $w5+$ | `w6+` |\n|---|--:|:-:|\n| Ada | 0.41 | 0.5 |\n"
    "| Ben | | abc |\n",
    "JSON": '{"Ada": {"w5+": 0.41, "w6+": 0.5}, "Ben": {"w5+": null, "w6+": "abc"}}',
    "JSON answers": '{"Ada": {"answers": {"w5+": 0.41, "w6+": 0.5}}, "Ben": '
    '[{"name": "w5+", "value": null}, {"name": "w6+", "value": "abc"}]}',
    "JSON people": '[{"student": "Ada", "answers": {"w5+": 0.41, "w6+": 0.5}},'
    '{"student": "Ben", "answers": {"w5+": null, "w6+": "abc"}}]',
    "JSON rows": '[{"id": "Ada", "w5+": 0.41, "w6+": 0.5}, {"id": "Ben", "w6+": "abc"}]',
    "TOML": '[Ada]\n"w5+" = 0.41\n"w6+" = 0.5\n[Ben]\n"w5+" = ""\n"w6+" = "abc"\n',
}


@pytest.mark.parametrize("text", WIDE.values(), ids=WIDE)
def test_a_class_is_a_sheet_for_each_person(text) -> None:
    assert CLASS == by_sheet(sheets(text, None))


def test_a_wide_row_that_is_too_long_is_unreadable_for_a_decimal_comma_may_be_in_it() -> None:
    found = sheets("student,w5+,w6+\nAda,0,41,0.5\nBen,0.4,0.5\n")
    assert {"its row has more cells than the header"} == {a.problem for a in found[0].answers}
    assert [("w5+", 0.4), ("w6+", 0.5)] == pairs(found[1])


def test_a_wide_row_that_is_short_has_empty_answers() -> None:
    assert [("w5+", 0.4), ("w6+", None)] == pairs(one("student,w5+,w6+\nAda,0.4\n"))


def test_people_of_one_name_are_kept_apart() -> None:
    found = sheets("student,w5+,w6+\nAda,1,2\nAda,3,4\nAda (2),5,6\n,7,8\n")
    assert ["Ada", "Ada (2)", "Ada (2) (2)", "row 4"] == [sheet.sheet for sheet in found]


@pytest.mark.parametrize("step", ["w5+", "E", "E_total", "out_o", "∂E/∂w5"])
def test_a_class_may_have_a_single_step(step: str) -> None:
    found = by_sheet(sheets(f"student,{step}\nAda,0.41\nBen,0.5\n"))
    assert {"Ada": [(step, 0.41)], "Ben": [(step, 0.5)]} == found


def test_no_two_sheets_have_one_name() -> None:
    people = [{"student": "Ada", "answers": {"w5+": k}} for k in range(3)]
    found = sheets(json.dumps(people), "json")
    assert ["Ada", "Ada (2)", "Ada (3)"] == [sheet.sheet for sheet in found]


def test_a_cell_that_nobody_sees_is_empty_and_one_that_cannot_be_shown_is_not() -> None:
    unseen, bell, late = one(json.dumps({"a": "\u200b", "b": "\x07", "c": " " * 999 + "x"}),
                             "json").answers  # fmt: skip
    assert ("", "") == (unseen.text, unseen.problem)
    assert ("\ufffd", "not a number") == (bell.text, bell.problem)
    assert "x" == late.text


def test_rows_of_one_person_are_one_sheet_if_they_tell_the_iteration() -> None:
    found = one("student,iteration,w5+\nAda,0,0.4\nAda,1,0.5\n")
    assert [(0, 0.4), (1, 0.5)] == [(a.iteration, said(a)[1]) for a in found.answers]


def test_a_row_of_numbers_alone_is_the_files() -> None:
    assert {"a.csv": [("w4+", 0.3), ("w5+", 0.41), ("w6+", 0.5)]} == by_sheet(
        sheets("w4+,w5+,w6+\n0.3,0.41,0.5\n")
    )


def test_a_line_with_the_students_name_is_no_header() -> None:
    assert [("student", "not a number"), ("w5+", 0.41)] == pairs(one("student,Ada\nw5+,0.41\n"))


# ---- JSON, TOML, Markdown --------------------------------------------------------------


def test_json_keeps_the_digits() -> None:
    found = one('{"a": 0.4100, "b": 1, "c": 4.10e-5, "d": "0,5", "e": -0.0}', "json")
    assert ["0.4100", "1", "4.10e-5", "0,5", "-0.0"] == [a.text for a in found.answers]
    assert [4, 0, 7, 1, 1] == [a.typed and a.typed.decimals for a in found.answers]


JSON = {
    "object": '{"w5+": 0.41, "w6+": 0.5}',
    "answers": '{"course": "x", "answers": {"w5+": 0.41, "w6+": 0.5}}',
    "entries": '[{"name": "w5+", "value": 0.41}, {"name": "w6+", "value": "0.5"}]',
    "answers as entries": '{"answers": [{"step": "w5+", "answer": 0.41}, '
    '{"step": "w6+", "answer": 0.5}]}',
    "values": '{"w5+": {"value": 0.41}, "w6+": {"value": 0.5}}',
    "byte order mark": '\ufeff{"w5+": 0.41, "w6+": 0.5}',
}


@pytest.mark.parametrize("text", JSON.values(), ids=JSON)
@pytest.mark.parametrize("ending", ["json", ".JSON", None])
def test_json_may_have_one_sheet(text, ending) -> None:
    assert W5_W6 == pairs(one(text, ending))


def test_json_entries_may_tell_the_iteration() -> None:
    text = '{"w5+": {"value": 0.41, "iteration": 3, "sample": 2}}'
    assert [(3, 2)] == [(a.iteration, a.sample) for a in one(text, "json").answers]
    text = '[{"name": "w5+", "value": 0.41, "iteration": "3"}]'
    assert [3] == [a.iteration for a in one(text, "json").answers]


def test_what_is_no_number_in_json_is_unreadable() -> None:
    found = one('{"a": true, "b": [1, 2], "c": NaN, "d": Infinity, "e": null, "f": []}', "json")
    assert [
        ("a", "not a number"), ("b", "a list, not a number"), ("c", "not a number"),
        ("d", "infinite"), ("e", None), ("f", "a list, not a number"),
    ] == pairs(found)  # fmt: skip


def test_a_name_twice_in_json_is_told() -> None:
    assert one('{"w": 1, "w": 2}', "json").remarks == (
        "w is answered twice, 1 and 2; the first counts",
    )


@pytest.mark.parametrize("text", [
    '"w5+" = 0.41\n"w6+" = 0.5\n',
    '# mine\n[answers]\n"w5+" = 0.41\n"w6+" = 0.5\n',
    'w5+ = 0.41\nw6+ = 0,5\n',
    '"w5+" = .41\n"w6+" = 0.5  # sure\n',
    '"w5+" = 4_1e-2\n"w6+" = 0.5\n',
])  # fmt: skip
@pytest.mark.parametrize("ending", ["toml", None])
def test_toml_may_have_one_sheet(text, ending) -> None:
    assert W5_W6 == pairs(one(text, ending))


def test_toml_keeps_the_digits() -> None:
    assert "0.4100" == one("a = 0.4100\n", "toml").answers[0].text


def test_what_is_no_number_in_toml_is_unreadable() -> None:
    found = one("a = 2024-01-03\nb = [1]\nc = nan\nd = true\n", "toml")
    assert [
        ("a", "a date, not a number"), ("b", "a list, not a number"), ("c", "not a number"),
        ("d", "not a number"),
    ] == pairs(found)  # fmt: skip


MARKDOWN = """# Mine

| name | value |
|------|------:|
| $w_5^+$ | 0.41 |
| `w6+` | $0{,}5$ |

and then

| Größe | Wert |
|:-:|:-:|
| a\\|b | **4.1·10⁻⁴** |
| c |
"""


def test_tables_of_a_markdown_file_are_one_sheet() -> None:
    assert [("w_5^+", 0.41), ("w6+", 0.5), ("a|b", 0.00041), ("c", None)] == pairs(
        one(MARKDOWN, "md")
    )


def test_a_markdown_table_needs_no_header() -> None:
    assert W5_W6 == pairs(one("| w5+ | 0.41 |\n| w6+ | 0.5\n", None))


# ---- XLSX ------------------------------------------------------------------------------


def book(*worksheets: list[list[object]]) -> bytes:
    openpyxl = pytest.importorskip("openpyxl")
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for i, rows in enumerate(worksheets, 1):
        sheet = workbook.create_sheet(f"Sheet{i}")
        for row in rows:
            sheet.append(row)
    return saved(workbook)


def saved(workbook) -> bytes:
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def test_cells_of_a_workbook_are_read_as_shown_by_python() -> None:
    rows = [
        ["name", "value"], ["a", 0.1], ["b", 1 / 3], ["c", 4.1e-05], ["d", 2], ["e", "0,410"],
        ["f", None], ["g", True], ["h", datetime.date(2024, 1, 3)], ["i", "#DIV/0!"],
        ["j", "=B2*2"], ["k", datetime.time(1, 2)],
    ]  # fmt: skip
    found = one(book(rows), "xlsx")
    assert [
        ("a", 0.1), ("b", 1 / 3), ("c", 4.1e-05), ("d", 2), ("e", 0.41), ("f", None),
        ("g", "not a number"), ("h", "a date, not a number"),
        ("i", "an error of the spreadsheet program"),
        ("j", "a formula without a value: save the file in your spreadsheet program first"),
        ("k", "a date, not a number"),
    ] == pairs(found)  # fmt: skip
    assert "a.csv: Sheet1!B2" == found.answers[0].where
    assert "=B2*2" == found.answers[9].text


def test_a_formula_with_its_value_is_read() -> None:
    raw = with_worksheet(
        '<row r="1"><c r="A1" t="str"><v>w</v></c><c r="B1"><f>1+1</f><v>0.25</v></c></row>'
    )
    assert [("w", 0.25)] == pairs(one(raw, "xlsx"))


def test_worksheets_are_one_sheet_wherever_the_table_stands() -> None:
    raw = book([["w5+", 0.41]], [], [[], [], [None, None, "w6+", 0.5]])
    found = one(raw, None)
    assert W5_W6 == pairs(found)
    assert ["a.csv: Sheet1!B1", "a.csv: Sheet3!D3"] == [a.where for a in found.answers]


def test_a_worksheet_that_is_no_table_is_told() -> None:
    found = one(book([["w5+", 0.41]], [[1], [2]]), "xlsx")
    assert [("w5+", 0.41)] == pairs(found)
    assert found.remarks[0].startswith("a.csv: Sheet2!A1: numbers without names")


def test_a_workbook_may_have_a_class() -> None:
    raw = book([["student", "w5+", "w6+"], ["Ada", 0.41, 0.5], ["Ben", None, "abc"]])
    assert CLASS == by_sheet(sheets(raw, "xlsx"))


def test_a_workbook_under_another_ending_is_one() -> None:
    assert [("w5+", 0.41)] == pairs(one(book([["w5+", 0.41]]), "csv"))


def test_a_column_far_to_the_right_has_its_letters() -> None:
    raw = book([["student", *(f"w{i}" for i in range(30))], ["Ada", *(i / 10 for i in range(30))]])
    assert "a.csv: Sheet1!AE2" == one(raw, "xlsx").answers[-1].where


def test_without_openpyxl_the_extra_is_named(monkeypatch) -> None:
    raw, imported = book([["w5+", 0.41]]), builtins.__import__

    def without(name, *rest):
        if name == "openpyxl":
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install 'backprop-tracer\[xlsx\]'"):
        one(raw, "xlsx")


def zipped(files: dict[str, bytes | str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


_XMLNS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def with_worksheet(rows: str, doctype: str = "") -> bytes:
    """A workbook whose only worksheet has these rows."""
    with zipfile.ZipFile(io.BytesIO(book([["w", 1]]))) as archive:
        files: dict[str, bytes | str] = {name: archive.read(name) for name in archive.namelist()}
    files["xl/worksheets/sheet1.xml"] = (
        f"{doctype}<worksheet {_XMLNS}><sheetData>{rows}</sheetData></worksheet>"
    )
    return zipped(files)


def laughs() -> bytes:
    entities = "".join(
        f'<!ENTITY {chr(98 + i)} "{("&" + chr(97 + i) + ";") * 10}">' for i in range(9)
    )
    doctype = f'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">{entities}]>'
    row = '<row><c t="inlineStr"><is><t>&j;</t></is></c></row>'
    return with_worksheet(row, doctype)


def outside() -> bytes:
    doctype = '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    return with_worksheet('<row><c t="inlineStr"><is><t>&a;</t></is></c></row>', doctype)


WORKBOOKS = {
    "bomb": lambda: zipped({"xl/workbook.xml": b"0" * (MAX_UNPACKED + 1)}),
    "nested bombs": lambda: zipped({f"xl/{i}": b"0" * 1_000_000 for i in range(12)}),
    "document": lambda: zipped({"word/document.xml": "x"}),
    "archive": lambda: zipped({"answers.csv": "w5+,0.41"}),
    "hollow": lambda: zipped({"xl/workbook.xml": "x"}),
    "nothing": lambda: zipped({}),
    "cut": lambda: book([["w5+", 0.41]])[:-100],
    "half": lambda: book([["w5+", 0.41]])[:2_000],
    "start only": lambda: b"PK\x03\x04",
    "damaged": lambda: book([["w5+", 0.41]]).replace(b"\x50\x4b\x01\x02", b"\x50\x4b\x01\x03"),
    "text": lambda: b"w5+,0.41\n",
    "web page": lambda: b"<html><table><tr><td>w5+</td></tr></table></html>",
    "old or protected": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1_000),
    "empty file": lambda: b"",
    "empty workbook": lambda: book([]),
    "numbers only": lambda: book([[1], [2]]),
    "laughs": laughs,
    "outside": outside,
    "far cell": lambda: with_worksheet('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
    "wide row": lambda: with_worksheet('<row r="1"><c r="XFD1"><v>1</v></c></row>'),
    "many rows": lambda: with_worksheet("<row/>" * 20_001),
    "row number": lambda: with_worksheet('<row r="999999999"><c r="A999999999"><v>1</v></c></row>'),
    "broken XML": lambda: with_worksheet("<row><c>"),
    "bad place": lambda: with_worksheet('<row r="x"><c r="!!"><v>1</v></c></row>'),
    "long integer": lambda: with_worksheet(f'<row r="1"><c r="B1"><v>{"9" * 5_000}</v></c></row>'),
    "no such string": lambda: with_worksheet('<row r="1"><c r="B1" t="s"><v>99</v></c></row>'),
}


@pytest.mark.parametrize("raw", WORKBOOKS.values(), ids=WORKBOOKS)
@pytest.mark.parametrize("ending", ["xlsx", "XLSM"])
def test_a_bad_workbook_is_one_clear_error(raw, ending) -> None:
    refused(raw(), ending)


# ---- hostile files ---------------------------------------------------------------------


def refused(raw: bytes, ending: str | None) -> str:
    """The one line that refuses a file."""
    with promptly(), pytest.raises(UsageError) as wrong:
        read_answers_text(raw, "a.csv", ending)
    line = str(wrong.value)
    assert line.startswith("a.csv: ")
    assert line.isprintable()
    assert len(line) < 300
    return line


_HEADER = "expected a name and a value in each row, or a header name,value"
REFUSED = {
    "empty": (b"", "csv", f"empty; {_HEADER}"),
    "blank": (b" \n\t\r\n ", "csv", f"empty; {_HEADER}"),
    "byte order mark only": (b"\xef\xbb\xbf", "csv", f"empty; {_HEADER}"),
    "separators only": (b",,,\n,,\n", "csv", f"no answers in it; {_HEADER}"),
    "comments only": (b"# a\n# b", "csv", f"no answers in it; {_HEADER}"),
    "header only": (b"name,value\n", "csv", f"no answers in it; {_HEADER}"),
    "wide header only": (b"student,w5+,w6+\n", "csv", "only a header, no answers"),
    "numbers only": (b"0.41\n0.5\n0.6\n", "csv", f"numbers without names; {_HEADER}"),
    "no table": (b"a,b,c\nd,e,f\ng,h,i\n", "csv", f"rows of more than two cells; {_HEADER}"),
    "numbers in rows": (b"1,2,3\n4,5,6\n", "csv", f"numbers without names; {_HEADER}"),
    "NULs": (b"w5+,0.41\0\n", "csv", "not a text file"),
    "all NULs": (bytes(10_000), "csv", "not a text file"),
    "random": (random.Random(1).randbytes(10_000), "csv", "not a text file"),
    "random without NUL": (
        random.Random(2).randbytes(10_000).replace(b"\0", b"1"), "csv", "not a text file",
    ),
    "PNG": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(50), "csv", "not a text file"),
    "ELF": (b"\x7fELF\x02\x01\x01" + bytes(50), "csv", "not a text file"),
    "gzip": (b"\x1f\x8b\x08\x00" + random.Random(3).randbytes(500), "csv", "not a text file"),
    "half UTF-16": (b"\xff\xfea", "csv", "not a text file"),
    "UTF-16 without a mark": ("w5+,0.41".encode("utf-16-le"), "csv", "not a text file"),
    "UTF-32": ("w5+,0.41".encode("utf-32"), "csv", "not a text file"),
    "marked and not UTF-8": (b"\xef\xbb\xbf\xff\xfe,1", "csv", "not a text file"),
    "PDF": (b"%PDF-1.7\n1 0 obj", "csv", "a PDF; export it as CSV or XLSX"),
    "RTF": (b"{\\rtf1 w5+ 0.41}", None, "a text document; export it as CSV or XLSX"),
    "old Excel": (b"\xd0\xcf\x11\xe0" + bytes(100), "csv", "an old Office file"),
    "HTML": (b"<!DOCTYPE html><html></html>", "csv", "a web page, not a table"),
    "XML": (b"<?xml version='1.0'?><a/>", None, "a web page, not a table"),
    "large": (b"1" * (MAX_SIZE + 1), "csv", "larger than 10 MB"),
    "many cells": (b"a,1\n" * 60_000, "csv", "more than 100,000 cells; split the file"),
    "many cells in a row": (b"," * 5_000_000, "csv", "more than 100,000 cells"),
    "many tabs": (b"a" + b"\t" * 5_000_000 + b"a", "csv", "more than 100,000 cells"),
    "many bars": (b"|" * 5_000_000, "md", "more than 100,000 cells"),
    "many lines of bars": (b"|x|\n" * 500_000, "md", "more than 100,000 cells"),
    "bars and dashes": (b"| - " * 1_000_000 + b"x", "md", "more than 100,000 cells"),
    "quotes and commas": (b'",' * 2_000_000, "csv", "more than 100,000 cells"),
    "empty quotes": (b'"",' * 1_000_000, "csv", "more than 100,000 cells"),
    "JSON nothing": (b"{}", "json", "no answers in it"),
    "JSON list of nothing": (b"[]", "json", "no answers in it"),
    "JSON number": (b"0.41", "json", "no answers in it"),
    "JSON text": (b'"w5+"', "json", "no answers in it"),
    "JSON null": (b"null", "json", "no answers in it"),
    "JSON numbers": (b"[1, 2]", "json", "no answers in it"),
    "JSON of what": (b'[{"w5+": 0.41}, {"w6+": 0.5}]', "json", "a list of what?"),
    "JSON empty answers": (b'{"answers": {}}', "json", "no answers in it"),
    "JSON cut": (b'{"w5+": 0.41', "json", "not valid JSON: line 1: "),
    "JSON comma": (b'{"w5+": 0,41}', "json", "not valid JSON: line 1: "),
    "JSON quotes": (b"{'w5+': 0.41}", "json", "not valid JSON: line 1: "),
    "JSON twice": (b'{"a": 1}\n{"a": 2}', "json", "not valid JSON: line 2: "),
    "not JSON": (b"w5+,0.41", "json", "not valid JSON: line 1: "),
    "deep JSON lists": (b"[" * 100_000, "json", "nested too deeply"),
    "deep JSON objects": (b'{"a":' * 100_000, "json", "nested too deeply"),
    "deep closed JSON": (b"[" * 50_000 + b"]" * 50_000, None, "nested too deeply"),
    "wide JSON": (
        json.dumps([{"id": i, f"w{i}": i} for i in range(1_000)]).encode(), "json",
        "more than 100,000 cells",
    ),
    "many in JSON": (
        json.dumps(dict.fromkeys(map(str, range(100_001)), 0)).encode(), "json",
        "more than 100,000 answers",
    ),
    "many people in JSON": (
        json.dumps({str(i): {} for i in range(100_001)}).encode(), "json",
        "more than 100,000 answers",
    ),
    "TOML nothing": (b"# nothing", "toml", "no answers in it"),
    "not TOML": (b"w5+,0.41\n", "toml", "not valid TOML: "),
    "TOML names": (b"[answers]\nw5+ = 0.41\n", "toml", 'needs quotes: "w5+" = 0.41'),
    "TOML cut": (b"[answers\n", "toml", "not valid TOML: "),
    "deep TOML": (b"a = " + b"[" * 100_000, "toml", "nested too deeply"),
    "deep TOML tables": (b"a = " + b"{a=" * 100_000, "toml", "nested too deeply"),
    "deep TOML keys": (b"a." * 100_000 + b"a = 1", "toml", "nested too deeply"),
    "deep TOML headers": (b"[" + b"a." * 100_000 + b"a]", "toml", "nested too deeply"),
    "long TOML integer": (b"a = " + b"9" * 5_000 + b"\n", "toml", "too many digits"),
    "large TOML": (b"a = 1\n" * 200_000, "toml", "larger than 1 MB"),
    "Markdown without a table": (b"# Mine\n\nw5+ is 0.41\n", "md", "no table in it"),
    "Markdown rule": (b"|---|---|\n", "md", "no table in it"),
    "Markdown header": (b"| name | value |\n|---|---|\n", "md", "no answers in it"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "ending", "says"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_cannot_be_read_is_one_clear_error(raw, ending, says) -> None:
    assert says in refused(raw, ending)


BAD_CELLS = {
    "command": ("=CMD|' /C calc'!A0", "a formula: write its value"),
    "link": ('=HYPERLINK("http://example.org")', "a formula: write its value"),
    "at": ("@SUM(1)", "a formula: write its value"),
    "plus": ("+1+cmd|' /C calc'!A0", None),
    "HTML": ("<b>0.41</b>", "not a number"),
    "script": ("<script>alert(1)</script>", "not a number"),
    "SQL": ("'; DROP TABLE answers; --", "not a number"),
    "template": ("{{7*7}}", "a formula: write its value"),
    "Python": ("__import__('os').system('ls')", "a formula: write its value"),
    "NaN": ("NaN", "not a number"),
    "infinite": ("inf", "infinite"),
    "1e400": ("1e400", "too large: the largest numbers here have 308 digits"),
    "10^400": ("10^400", "too large: the largest numbers here have 308 digits"),
    "10^400000": ("10^400000", "too large: the largest numbers here have 308 digits"),
    "1e-400": ("1e-400", "too small: closer to zero than 1e-323"),
    "5000 digits": ("9" * 5_000, "too long for a number"),
    "500 digits": ("9" * 500, "more than 400 digits"),
    "1 MB": ("9" * 1_000_000, "too long for a number"),
    "1 MB of letters": ("x" * 1_000_000, "too long for a number"),
    "1/0": ("1/0", "divides by zero"),
    "two points": ("0.4.1", "not one number: look at its points and commas"),
    "two numbers": ("0.4 0.5", "more than one number"),
    "error": ("#DIV/0!", "an error of the spreadsheet program"),
    "text": ("I don't know", "not a number"),
    "dash": ("-", "not a number"),
    "question": ("?", "not a number"),
    "date": ("2024-01-03", "a date"),
    "month": ("3. Jan", "more than a number"),
    "colour": ("\x1b[31m0.41\x1b[0m", "more than a number"),
    "turned": ("\u202e0.41", ""),
    "unit": ("0.41 V", "more than a number"),
    "emoji": ("\U0001f600", "not a number"),
    "true": ("TRUE", "not a number"),
}
FORMS = {
    "csv": lambda cell: "w5+,0.41\nbad,\"" + cell.replace('"', '""') + '"\nw6+,0.5\n',
    "tsv": lambda cell: f"w5+\t0.41\nbad\t{cell}\nw6+\t0.5\n",
    "json": lambda cell: json.dumps({"w5+": 0.41, "bad": cell, "w6+": 0.5}),
    "md": lambda cell: "| n | v |\n|-|-|\n| w5+ | 0.41 |\n| bad | {} |\n| w6+ | 0.5 |".format(
        cell.replace("|", "\\|")
    ),
    "toml": lambda cell: (
        f'"w5+" = 0.41\nbad = {json.dumps(cell, ensure_ascii=False)}\n"w6+" = 0.5\n'
    ),
}  # fmt: skip


@pytest.mark.parametrize(("cell", "problem"), BAD_CELLS.values(), ids=BAD_CELLS)
@pytest.mark.parametrize("form", FORMS)
def test_a_bad_cell_never_stops_the_rest(form, cell, problem) -> None:
    cell = cell[:900_000] if form == "toml" else cell  # all of a TOML file is 1 MB
    with promptly():
        found = one(FORMS[form](cell), form)
    first, bad, last = found.answers
    assert W5_W6 == [said(first), said(last)]
    assert problem is None or problem == bad.problem
    assert (bad.typed is None) == bool(bad.problem)
    assert bad.text.isprintable()
    assert len(bad.text) <= 200


LONG_LINES = {
    "one long name": "x" * 1_000_000,
    "quotes": '"' * 1_000_000,
    "quotes and letters": '"a' * 500_000,
    "brackets": "[" * 1_000_000,
    "equals": "=" * 1_000_000,
    "colons": ":" * 1_000_000,
    "blanks": " " * 1_000_000 + "x",
    "words": "a " * 500_000,
    "assignments": "a = b # " * 100_000,
}


@pytest.mark.parametrize("text", LONG_LINES.values(), ids=LONG_LINES)
@pytest.mark.parametrize("ending", ["csv", None])
def test_a_long_line_takes_no_long_time(text, ending) -> None:
    with promptly():
        try:
            found = sheets(text, ending)
        except UsageError as wrong:
            text = str(wrong)
        else:
            text = "".join(a.name + a.text for sheet in found for a in sheet.answers)
    assert len(text) <= 400


_ENDINGS = st.sampled_from(["csv", "tsv", "json", "toml", "md", "txt", "xlsx", None])
_PIECES = st.sampled_from([
    "w5+", "0.41", "0,5", ",", ";", "\t", "\n", "\r\n", '"', "|", "|-|", "=", ":", "#", "name",
    "value", "student", "step", "iteration", "{", "}", "[", "]", "[[", "null", "\ufeff", " ", "'",
    "[2,3]", "\\", "1/3", "\x1b", "\0", "answers", '"a": 1', "é",
])  # fmt: skip


def _checked(raw: bytes, ending: str | None) -> None:
    try:
        found = read_answers_text(raw, "a.csv", ending)
    except UsageError as wrong:
        line = str(wrong)
        found = []
    else:
        line = "fine"
        assert found
    assert line.isprintable()
    for sheet in found:
        assert all(map(str.isprintable, (sheet.sheet, *sheet.remarks)))
        for a in sheet.answers:
            assert a.name.isprintable() and a.text.isprintable()  # noqa: PT018 as one
            assert not (a.typed and a.problem)
            assert a.text or a.typed is None


@given(st.binary(max_size=200), _ENDINGS)
def test_any_bytes_are_answers_or_one_error(raw: bytes, ending: str | None) -> None:
    _checked(raw, ending)


@given(st.lists(_PIECES, max_size=30).map("".join), _ENDINGS)
def test_any_text_is_answers_or_one_error(text: str, ending: str | None) -> None:
    _checked(text.encode(), ending)


_JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["answers", "name", "value", "student", "w5+", "iteration", "x"]), inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(_JSON_VALUES)
def test_any_json_is_answers_or_one_error(value: object) -> None:
    _checked(json.dumps(value).encode(), "json")


_NAMES = st.text("abcwhEδ_ +/0123456789", min_size=1, max_size=8).map(str.strip).filter(
    lambda name: name and not name[0].isdigit() and name[0] not in "+/_"
    and name not in ("a", "what", "id")
)  # fmt: skip
_VALUES = st.decimals(-1000, 1000, allow_nan=False, places=4)


@given(st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=6), st.sampled_from(",;\t"))
def test_written_answers_read_back(numbers, sign) -> None:
    rows = "".join(f"{name}{sign}{value}\n" for name, value in numbers.items())
    text = f"name{sign}value\n{rows}"
    assert {name: float(v) for name, v in numbers.items()} == dict(pairs(one(text)))
    as_json = json.dumps({name: str(v) for name, v in numbers.items()})
    assert {name: float(v) for name, v in numbers.items()} == dict(pairs(one(as_json, "json")))


# ---- files and folders -----------------------------------------------------------------


def test_a_file_is_called_by_its_stem(tmp_path: Path) -> None:
    (tmp_path / "ada.csv").write_text("w5+,0.41\nw6+,0.5\n")
    (sheet,) = read_answers(tmp_path / "ada.csv")
    assert ("ada", W5_W6) == (sheet.sheet, pairs(sheet))
    assert "ada.csv:2" == sheet.answers[1].where


FILES = {
    "missing": ("none.csv", None, "no such file or folder"),
    "empty": ("a.csv", b"", "empty; "),
    "binary": ("a.csv", bytes(100), "not a text file"),
    "wrong kind": ("a.docx", b"\x50\x4b\x03\x04", "damaged"),
    "image": ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(100), "not a text file"),
    "control characters in its name": ("a\x1b[31m.csv", b"", "empty; "),
}


@pytest.mark.parametrize(("name", "raw", "says"), FILES.values(), ids=FILES)
def test_an_error_names_the_file(tmp_path: Path, name, raw, says) -> None:
    path = tmp_path / name
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(UsageError) as wrong:
        read_answers(path)
    line = str(wrong.value)
    assert says in line
    assert name.replace("\x1b", " ") in line
    assert line.isprintable()


def test_a_path_that_cannot_be_one_is_an_error() -> None:
    for path in (Path("a\0b"), Path("x" * 5_000)):
        with pytest.raises(UsageError):
            read_answers(path)


def test_no_more_of_a_large_file_is_read_than_tells_it(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate(10**11)  # sparse
    with pytest.raises(UsageError, match="larger than 10 MB"):
        read_answers(tmp_path / "a.csv")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "ada.csv": b"w5+,0.41\nw6+,0.5\n",
        "ben.json": b'{"w5+": null, "w6+": "abc"}',
        "cyd.docx": b"PK\x03\x04",
        "dan.csv": b"",
        ".hidden.csv": b"w5+,0.41\n",
        "~$ada.xlsx": b"x",
        ".DS_Store": b"x",
        "README.md": b"| a | 1 |",
        "photo.JPG": b"x",
        "Thumbs.db": b"x",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_folder_is_read_in_order_and_no_file_stops_the_rest(folder: Path) -> None:
    found = read_answers(folder)
    assert {
        **{name.lower(): said for name, said in CLASS.items()},
        "cyd": [],
        "dan": [],
    } == by_sheet(found)
    assert ("cyd.docx: not a kind of file that is read; save it as CSV or XLSX",) == found[
        2
    ].remarks
    assert (f"dan.csv: empty; {_HEADER}",) == found[3].remarks


def test_a_folder_may_have_a_folder_for_each_person(tmp_path: Path) -> None:
    for name in ("ada", "ben"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "answers.csv").write_text("w5+,0.41\nw6+,0.5\n")
    assert {"ada/answers": W5_W6, "ben/answers": W5_W6} == by_sheet(read_answers(tmp_path))


def test_files_of_one_stem_are_called_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "ada.csv").write_text("w5+,0.41\n")
    (tmp_path / "ada.txt").write_text("w5+,0.42\n")
    assert ["ada.csv", "ada.txt"] == [sheet.sheet for sheet in read_answers(tmp_path)]


@pytest.mark.parametrize("files", [(), (".hidden.csv",), ("README.md", "photo.png")])
def test_a_folder_without_answers_is_an_error(tmp_path: Path, files) -> None:
    for name in files:
        (tmp_path / name).write_text("w5+,0.41\n")
    with pytest.raises(UsageError, match="no files of answers in this folder"):
        read_answers(tmp_path)


def test_a_folder_has_not_too_many_files(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 2)
    for i in range(3):
        (tmp_path / f"{i}.csv").write_text("w5+,0.41\n")
    with pytest.raises(UsageError, match="more than 2 files"):
        read_answers(tmp_path)
