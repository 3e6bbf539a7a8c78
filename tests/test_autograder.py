"""The autograder for Gradescope from end to end: made, unpacked, run as Gradescope runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hostile import check_markdown, run
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parent.parent
BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")

GOOD = "name,value\nnet_h1,0.3775\nout_h1,0.5933\nE,0.2984\nw5+,0.3589\n"
WRONG = GOOD.replace("0.2984", "0.9").replace("0.3589", "-0.3589").replace("0.5933", "?")
MARKS = '[points]\neach = { "w5+" = 3 }\nslip = 0.25\n'

_POINTS = {"type": "number", "minimum": 0}
_FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
_VISIBLE = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
#: The fields that Gradescope documents, and no others.
SCHEMA = Draft202012Validator({
    "type": "object",
    "additionalProperties": False,
    "required": ["tests", "output", "output_format", "visibility", "stdout_visibility"],
    "properties": {
        "score": _POINTS, "execution_time": _POINTS, "output": {"type": "string", "minLength": 1},
        "output_format": _FORMAT, "visibility": _VISIBLE, "stdout_visibility": _VISIBLE,
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "number", "score", "max_score", "status", "output"],
                "properties": {
                    "score": _POINTS, "max_score": _POINTS, "visibility": _VISIBLE,
                    "status": {"enum": ["passed", "failed"]}, "output_format": _FORMAT,
                    "name": {"type": "string", "minLength": 1},
                    "number": {"type": "string", "pattern": r"^\d+(\.\d+)*$"},
                    "output": {"type": "string", "minLength": 1},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
})  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `tracer check mazur --bundle` makes, unpacked, and `tracer` on the path."""
    root = tmp_path_factory.mktemp("made")
    (root / "marks.toml").write_text(MARKS)
    made = run("check", "mazur", "--points", root / "marks.toml", "--bundle", root / "auto.zip")
    assert (0, "") == (made.code, made.err)
    with zipfile.ZipFile(root / "auto.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(root / "source")
    (root / "bin").mkdir()
    shim = root / "bin" / "tracer"
    shim.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m tracer "$@"\n')
    shim.chmod(0o755)
    return root


def graded(source: Path, root: Path, files: dict[str, bytes | str]) -> dict[str, Any]:
    """The results of a submission, checked against what Gradescope takes."""
    (root / "submission").mkdir()
    for name, content in files.items():
        raw = content.encode() if isinstance(content, str) else content
        (root / "submission" / name).write_bytes(raw)
    shutil.copytree(source / "source", root / "source")
    ran = subprocess.run(
        [str(BASH), root / "source" / "run_autograder"],
        env={"PATH": f"{source / 'bin'}{os.pathsep}{os.environ['PATH']}", "AUTOGRADER": str(root)},
        cwd=root, capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    assert b"Traceback" not in ran.stderr + ran.stdout
    text = (root / "results" / "results.json").read_text("utf-8")
    found = json.loads(text, parse_constant=pytest.fail)
    SCHEMA.validate(found)
    assert ("score" in found) == (not found["tests"])
    assert all(test["score"] <= test["max_score"] for test in found["tests"])
    for said in (found, *found["tests"]):
        if said["output_format"] == "md":
            check_markdown(said["output"])
    assert {"source", "submission", "results"} == {p.name for p in root.iterdir()}
    return found


def by_name(found: dict[str, Any]) -> dict[str, tuple[float, float, str]]:
    return {t["name"]: (t["score"], t["max_score"], t["tags"][0]) for t in found["tests"]}


def test_a_good_submission(source: Path, tmp_path: Path) -> None:
    found = graded(source, tmp_path, {"answers.csv": GOOD})
    assert {
        "net_h1": (1, 1, "right"), "out_h1": (1, 1, "right"), "E_total": (1, 1, "right"),
        "w5⁺": (3, 3, "right"),
    } == by_name(found)  # fmt: skip
    assert {"passed"} == {test["status"] for test in found["tests"]}
    assert "All your numbers are right." in found["output"]


def test_a_wrong_submission(source: Path, tmp_path: Path) -> None:
    found = graded(source, tmp_path, {"my answers é.csv": WRONG})
    assert {
        "net_h1": (1, 1, "right"), "out_h1": (0, 1, "unreadable"), "E_total": (0, 1, "wrong"),
        "w5⁺": (0.75, 3, "slip"),
    } == by_name(found)  # fmt: skip
    assert ["passed", "failed", "failed", "failed"] == [t["status"] for t in found["tests"]]
    assert "The sign is wrong." in found["tests"][-1]["output"]


HOSTILE = {
    "formula": "name,value\nE,=CMD|' /C calc'!A0\n",
    "HTML": "name,value\n<script>alert(1)</script>,<img src=x onerror=alert(1)>\nE,<b>\n",
    "Markdown": "name,value\nE,![x](http://evil.test/x.png)\n[x](http://evil.test),1\n",
    "shell": "name,value\n$(touch owned),`touch owned`\nE,'; touch owned\n",
    "no step": "name,value\nnothing,1\n",
    "late": "name,value,iteration\nE,1,1000000000\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_submission(source: Path, tmp_path: Path, text: str) -> None:
    found = graded(source, tmp_path, {"$(touch owned) <b>.csv": text})
    assert 0 == sum(test["score"] for test in found["tests"])
    assert not list(tmp_path.rglob("owned"))


UNREADABLE: dict[str, tuple[dict[str, bytes | str], str]] = {
    "binary": ({"a.csv": bytes(999)}, "a.csv: not a text file"),
    "PDF": ({"a.pdf": b"%PDF-1.7\n"}, "a.pdf: a PDF; export it as CSV or XLSX"),
    "empty": ({"a.csv": b""}, "a.csv: empty"),
    "damaged": ({"a.xlsx": b"PK\x03\x04"}, "a.xlsx: a damaged XLSX file"),
    "class": ({"a.csv": "student,E_total\nada,1\nzoe,2\n"}, "one sheet at a time, not 2"),
    "none": ({}, "Your submission holds no file."),
    "hidden only": ({".DS_Store": b"x"}, "Your submission holds no file."),
    "two": ({"a.csv": GOOD, "b.csv": GOOD}, "Your submission holds 2 files."),
}


@pytest.mark.parametrize(("files", "said"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_submission_that_cannot_be_read(source: Path, tmp_path: Path, files, said) -> None:
    found = graded(source, tmp_path, files)
    assert (0, []) == (found["score"], found["tests"])
    assert said in found["output"]
    assert str(tmp_path) not in found["output"]
    assert "tracer: " not in found["output"]


def test_a_scenario_that_has_gone_is_not_the_students_fault(source: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(source, broken)
    (broken / "bin" / "tracer").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "root").mkdir()
    found = graded(broken, tmp_path / "root", {"a.csv": GOOD})
    assert "not because of your numbers" in found["output"]
