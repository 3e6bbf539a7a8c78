"""Gradescope: one sheet as its results.json, and a zip that makes an autograder of a scenario."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from tracer import __version__
from tracer.check.feedback import in_short
from tracer.check.marks import Judged, Mark, Sheet
from tracer.check.points import Points
from tracer.check.wording import Namer, as_points, escaped, names, note, seen, typed, writable
from tracer.errors import UsageError
from tracer.shipped import folder

_TITLE = 200  # characters of a test's name


# ---- results.json ----------------------------------------------------------------------


def results(sheet: Sheet, *, seconds: float | None = None) -> dict[str, Any]:
    """What Gradescope reads of a sheet, a test an answer; all text is harmless.

    seconds   how long checking took, if that is to be told
    """
    namer = names([sheet])
    tests = [_test(str(number), j, namer) for number, j in enumerate(sheet.judged, 1)]
    return {
        **({} if tests else {"score": 0}),
        **({} if seconds is None else {"execution_time": round(seconds, 3)}),
        "output": in_short(sheet),
        "output_format": "md",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _test(number: str, j: Judged, namer: Namer) -> dict[str, Any]:
    return {
        "name": writable(seen(namer.label(j), _TITLE)),
        "number": number,
        "score": as_points(j.points),
        "max_score": as_points(j.worth),
        "status": "passed" if j.mark.accepted else "failed",
        "output_format": "md",
        "output": writable("\n\n".join(_output(j))),
        "tags": [j.mark.value, *j.mistakes],
        "visibility": "visible",
    }


_VERDICTS = {
    Mark.RIGHT: "Right.",
    Mark.GIVEN_YOURS: "Right **given** your earlier numbers.",
    Mark.OPEN: "Not testable.",
}


def _output(j: Judged) -> list[str]:
    """What was written, what is to be said of it, and the line that should stand there."""
    wrote = f"You wrote {escaped(typed(j))}." if j.typed else "No answer."
    first = " ".join(filter(None, (wrote, _verdict(j), escaped(note(j)))))
    return [first, *_should(j)]


def _verdict(j: Judged) -> str:
    return _VERDICTS.get(j.mark, "")


def _should(j: Judged) -> list[str]:
    if j.mark.accepted or not j.line or j.line in j.says:
        return []
    return ["It should have been:", f"> {escaped(j.line)}"]


# ---- the autograder --------------------------------------------------------------------

_BEGINNING = (1980, 1, 1, 0, 0, 0)  # of time in a zip file: the same bundle has the same bytes
_FILE, _PROGRAM = 0o100644, 0o100755
_UNIX = 3  # the system whose permissions a zip entry has
_PROGRAMS = ("setup.sh", "run_autograder")


def bundle(
    path: Path, scenario_text: bytes, scenario_name: str, points: Points | None = None,
    *, wheel: Path | None = None,
) -> None:  # fmt: skip
    """Write a zip that Gradescope takes as an autograder for a scenario.

    points    in place of those of the scenario
    wheel     of tracer, installed in place of the one on PyPI
    raises    UsageError for a file that is no wheel, OSError with the name of the file
    """
    files = {name: _template(name) for name in _PROGRAMS}
    files["scenario.toml"] = scenario_text
    if points is not None:
        files["points.toml"] = to_toml(points).encode()
    if wheel is not None:
        files |= _wheel(wheel)
    files["about.txt"] = _about(scenario_name).encode()
    try:
        _write(path, files)
    except OSError as wrong:
        raise OSError(wrong.errno, wrong.strerror, str(path)) from wrong


def _template(name: str) -> bytes:
    """A program with the line ends that bash needs, wherever tracer was installed."""
    return (folder("templates") / "gradescope" / name).read_text("utf-8").encode()


def _wheel(path: Path) -> dict[str, bytes]:
    if path.suffix != ".whl":
        raise UsageError(f"{path}: no wheel; expected a file like backprop_tracer-1.0-….whl")
    return {path.name: path.read_bytes()}


def _about(scenario_name: str) -> str:
    return (
        f"An autograder for {writable(seen(scenario_name))}, made by tracer {__version__}.\n"
        "Upload this zip in Gradescope: Configure Autograder, Zip file upload.\n"
        "A submission is one file with the student's numbers.\n"
    )


def to_toml(points: Points) -> str:
    """Points as a marks file."""
    plain = points.model_dump(exclude={"each"})
    lines = [f"{key} = {_number(value)}" for key, value in plain.items()]
    each = [f"{json.dumps(k, ensure_ascii=False)} = {_number(v)}" for k, v in points.each.items()]
    return "\n".join(["[points]", *lines, *(["", "[points.each]", *each] if each else [])]) + "\n"


def _number(value: Decimal) -> str:
    return f"{value:f}"


def _write(path: Path, files: Mapping[str, bytes]) -> None:
    """Write the zip whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(temporary, "x", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(_entry(name), content)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _BEGINNING)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = _UNIX
    entry.external_attr = (_PROGRAM if name in _PROGRAMS else _FILE) << 16
    return entry
