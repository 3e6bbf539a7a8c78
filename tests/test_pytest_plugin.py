"""The pytest plugin: which files it collects, what its tests are called, what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from decimal import Decimal
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tracer import guarding  # whatever a run inside ours needs is imported before it
from tracer.shipped import folder, load
from tracer.toml_places import places

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
INSTALLED = bool(entry_points(group="pytest11", name="tracer"))
LOADED = [] if INSTALLED else ["-p", "tracer.pytest_plugin"]

#: y = 1/(1 + e^-0.55) = 0.634135591, by hand.
UNIT = """\
title = "One unit"

[givens."Given"]
x1 = 1.5
x2 = -0.5
w1 = 0.4
w2 = 0.3
b = 0.1
t = 1
eta = 0.2

[network]
inputs = ["x1", "x2"]
targets = ["t"]

[[network.layers]]
weights = [["w1", "w2"]]
bias = "b"
activation = "sigmoid"
net = "z"
out = "y"

[published]
z = 0.55
y = [
  0.6341,
  { printed = 0.634136, where = "in the error" },
]
"""
WRONG = UNIT.replace("0.6341,", "0.6431,")


@pytest.fixture(autouse=True)
def _from_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that are started find the plugin, wherever they start."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path.strip(os.pathsep))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def ran(pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(*LOADED, *args)


def write(pytester: pytest.Pytester, name: str, text: str) -> Path:
    path = pytester.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def ids(pytester: pytest.Pytester, *args: str) -> list[str]:
    """The node ids that a run collects."""
    found = ran(pytester, "--collect-only", "-q", *args)
    return [line for line in found.outlines if ".toml::" in line]


# ---- which files ------------------------------------------------------------------------

ALL = ["scenarios/unit.toml::z", "scenarios/unit.toml::y", "scenarios/unit.toml::y[in the error]"]


def test_a_folder_that_is_named_is_collected_number_by_number(pytester: pytest.Pytester) -> None:
    write(pytester, "scenarios/unit.toml", UNIT)
    assert ALL == ids(pytester, "scenarios/")
    ran(pytester, "scenarios/").assert_outcomes(passed=3)


@pytest.mark.parametrize("formulas", ['["q = x*x"]', "'''q = x*x'''", '{ q = "x*x" }'])
def test_formulas_in_any_form_are_collected(pytester: pytest.Pytester, formulas: str) -> None:
    text = f'title = "q"\nformulas = {formulas}\ngivens.all.x = 3\n[published]\nq = 9\n'
    write(pytester, "scenarios/square.toml", text)
    ran(pytester, "scenarios/").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("args", "ini", "found"),
    [
        ([], "", 0),
        (["."], "", 0),
        (["scenarios/unit.toml"], "", 3),
        (["scenarios/unit.toml::z"], "", 1),
        (["scenarios/unit.toml::y[in the error]"], "", 1),
        (["--tracer"], "", 3),
        ([], "tracer_scenarios = scenarios/*.toml", 3),
        ([], "tracer_scenarios = unit.toml", 3),
        ([], "tracer_scenarios = other/*.toml", 0),
        (["scenarios"], "tracer_scenarios = other/*.toml", 0),
        (["scenarios/unit.toml"], "tracer_scenarios = other/*.toml", 3),
        ([], "testpaths = scenarios", 0),
        (["scenarios", "-m", "tracer"], "", 3),
        (["scenarios", "-m", "not tracer"], "", 0),
    ],
)  # fmt: skip
def test_files_are_collected_where_they_are_named_or_matched(
    pytester: pytest.Pytester, args: list[str], ini: str, found: int
) -> None:
    write(pytester, "scenarios/unit.toml", UNIT)
    pytester.makeini(f"[pytest]\naddopts = --strict-markers --strict-config\n{ini}\n")
    assert found == len(ids(pytester, *args))


@pytest.mark.parametrize(
    "text",
    [
        "[project]\nname = 'a'\n[tool.pytest.ini_options]\n",
        "published = true\nnetwork = 'home'\n",
        "[published]\nz = 1\n",
        "# [published] [network]\na = 1\n",
        "[published\nz = \n[network]\n",
        "[network]\nlayers = 3\n",
        "a = '''\n[published]\nz = 1\n[network]\nb = 1\n'''\n",
        "a = " + "[" * 5000,
    ],
)
def test_other_peoples_toml_is_left_alone(pytester: pytest.Pytester, text: str) -> None:
    write(pytester, "other.toml", text)
    pytester.makepyfile("def test_it(): pass")
    ran(pytester, "--tracer").assert_outcomes(passed=1)


def test_a_file_that_is_no_text_or_too_large_is_left_alone(pytester: pytest.Pytester) -> None:
    (pytester.path / "binary.toml").write_bytes(b"\xff\xfe[published]\x00[network]" * 10)
    (pytester.path / "large.toml").write_text(UNIT + "#" * 1_000_001)
    ran(pytester, "--tracer").assert_outcomes()


def test_without_the_plugin_nothing_is_collected(pytester: pytest.Pytester) -> None:
    write(pytester, "scenarios/unit.toml", UNIT)
    done = as_installed(pytester, "-p", "no:tracer", "scenarios/")
    assert "3 passed" not in done.stdout
    assert "unrecognized" not in done.stderr


def as_installed(pytester: pytest.Pytester, *args: str) -> subprocess.CompletedProcess[str]:
    """A run as after `pip install`: the plugin comes by its entry point alone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [f"{name} = {home}" for name, home in project["entry-points"]["pytest11"].items()]
    info = pytester.path / "site" / "backprop_tracer-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: backprop-tracer\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("\n".join(("[pytest11]", *lines)) + "\n")
    path = os.pathsep.join((str(info.parent), os.environ["PYTHONPATH"]))
    return subprocess.run(
        [sys.executable, "-m", "pytest", *args],
        capture_output=True, text=True, encoding="utf-8", env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def test_the_entry_point_alone_loads_the_plugin(pytester: pytest.Pytester) -> None:
    write(pytester, "scenarios/unit.toml", UNIT)
    done = as_installed(pytester, "-W", "error", "scenarios/")
    assert (0, "") == (done.returncode, done.stderr)
    assert "3 passed" in done.stdout


# ---- what it costs ----------------------------------------------------------------------


def test_loading_the_plugin_imports_nothing_but_pytest() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import tracer.pytest_plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    allowed = {"difflib", "tracer", "tracer.errors", "tracer.pytest_plugin"}
    assert set(done.stdout.split()) <= allowed


def test_a_run_without_scenarios_imports_nothing_of_ours(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing_is_loaded():
            ours = {name for name in sys.modules if name.startswith("tracer.")}
            assert ours <= {"tracer.errors", "tracer.pytest_plugin"}
            assert not {"numpy", "sympy", "pydantic"} & set(sys.modules)
        """
    )
    write(pytester, "pyproject.toml", "[project]\nname = 'a'\nversion = '1'\n")
    args = [sys.executable, "-m", "pytest", *LOADED, "-p", "no:hypothesispytest", "--tracer"]
    done = subprocess.run(args, capture_output=True, text=True, cwd=pytester.path)
    assert 0 == done.returncode, done.stdout


# ---- what a test says -------------------------------------------------------------------


def test_a_number_that_differs_fails_with_its_line(pytester: pytest.Pytester) -> None:
    write(pytester, "scenarios/unit.toml", WRONG)
    done = ran(pytester, "scenarios")
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines([
        "*unit.toml: y*",
        "y",
        "  printed   0.6431",
        "  computed  0.6341356*under the scenario's own conventions*",
        "    y = 1/(1 + e^(-z)) = 1/(1 + e^(-0.55)) = 0.63413559",
        "Two digits are exchanged. If it is a misprint of the source: `right = 0.6341`.",
        "scenarios/unit.toml:26",
        "FAILED scenarios/unit.toml::y - printed 0.6431, computed 0.6341356",
    ])  # fmt: skip
    done.stdout.no_fnmatch_line("*Traceback*")
    done.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_a_line_for_a_number_that_differs(pytester: pytest.Pytester) -> None:
    """What editors and CI services read."""
    path = write(pytester, "unit.toml", WRONG)
    done = ran(pytester, "unit.toml", "--tb=line")
    done.stdout.fnmatch_lines([f"{path}:26: printed 0.6431, computed 0.6341356"])


def test_the_reading_that_gives_the_number_is_named(pytester: pytest.Pytester) -> None:
    reading = '\n[readings."more bias"]\ngivens = { b = 0.2 }\n'
    wrong = UNIT.replace("z = 0.55", "z = 0.65").replace("\n[published]", f"{reading}\n[published]")
    write(pytester, "unit.toml", wrong)
    ran(pytester, "unit.toml").stdout.fnmatch_lines([
        'It comes out under another reading: is `reading = "more bias"` meant?',
    ])  # fmt: skip


def test_rounding_by_hand_is_tried_too(pytester: pytest.Pytester) -> None:
    """0.126 is 0.13 to two places, and ten times that is 1.30, not 1.26."""
    text = (
        'title = "A sum"\n[givens."Given"]\na = 0.126\nb = 10\n[formulas]\nc = "a*1"\nd = "c*b"\n'
        "[published]\nd = 1.30\n"
    )
    write(pytester, "sum.toml", text)
    ran(pytester, "sum.toml").stdout.fnmatch_lines(
        ['*is `reading = "rounded to 2 decimals"` meant?']
    )


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (
            "{ printed = 0.65, right = 0.56, REASON }",
            "*its `right` value does not come out either.",
        ),
        (
            "{ printed = 0.55, right = 0.56, REASON }",
            "*so it is no misprint: take `right` away.",
        ),
        (
            "{ printed = 0.65, reproducible = false, REASON }",
            "The entry says that no float64*",
        ),
    ],
)
def test_a_claim_that_does_not_hold_fails(pytester: pytest.Pytester, entry: str, says: str) -> None:
    write(
        pytester,
        "unit.toml",
        UNIT.replace("z = 0.55", f"z = {entry}").replace("REASON", "reason = 'r'"),
    )
    done = ran(pytester, "unit.toml")
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines([says])


def test_other_verdicts_pass_and_are_reported(pytester: pytest.Pytester) -> None:
    entry = '{ printed = 0.65, right = 0.55, reason = "A slip of the pen." }'
    write(pytester, "unit.toml", UNIT.replace("z = 0.55", f"z = {entry}"))
    done = ran(pytester, "unit.toml", "-rP", "--junitxml=found.xml")
    done.assert_outcomes(passed=3)
    done.stdout.fnmatch_lines(["misprint", "A slip of the pen."])
    cases = ElementTree.parse(pytester.path / "found.xml").getroot().iter("testcase")
    found = {case.get("name"): properties(case) for case in cases}
    assert {"verdict": "misprint", "printed": "0.65", "value": "0.55"} == found["z"]
    assert "reproduced" == found["y"]["verdict"]


def properties(case: ElementTree.Element) -> dict[str, str]:
    found = {p.get("name", ""): p.get("value", "") for p in case.iter("property")}
    value = f"{float(found['tracer_value']):.10g}"
    return {k.removeprefix("tracer_"): v for k, v in {**found, "tracer_value": value}.items()}


def test_a_broken_scenario_is_one_error_with_all_its_problems(pytester: pytest.Pytester) -> None:
    broken = UNIT.replace("activation", "activatoin").replace('inputs = ["x1"', 'inputs = ["x3"')
    write(pytester, "scenarios/unit.toml", broken)
    done = ran(pytester, "scenarios")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([
        "scenarios/unit.toml: network.layers*.activatoin: unknown key; did you mean 'activation'?",
    ])  # fmt: skip
    done.stdout.no_fnmatch_line("*Traceback*")


def test_names_that_are_no_steps_are_one_error(pytester: pytest.Pytester) -> None:
    write(pytester, "unit.toml", UNIT.replace("z = 0.55", "zz = 0.55\nq = 1"))
    done = ran(pytester, "unit.toml")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([
        "unit.toml: published.zz: no step is called 'zz'; did you mean 'z'?",
        "unit.toml: published.q: no step is called 'q'*",
    ])  # fmt: skip


def test_a_run_that_fails_says_why_without_traceback(pytester: pytest.Pytester) -> None:
    wrong = UNIT.replace("z = 0.55", "z = { printed = 0.55, samples = 'others' }")
    write(pytester, "unit.toml", wrong)
    done = ran(pytester, "unit.toml")
    assert 0 != done.ret
    done.stdout.no_fnmatch_line("*Traceback*")
    done.stdout.no_fnmatch_line("*pytest_plugin.py*")


# ---- with other plugins and our own tests -------------------------------------------------


@pytest.mark.skipif(find_spec("xdist") is None, reason="pytest-xdist is not installed")
@pytest.mark.parametrize(("args", "passed"), [(["scenarios"], 3), ([], 1)])
def test_workers_collect_the_same(pytester: pytest.Pytester, args: list[str], passed: int) -> None:
    """Workers are given the folders of `testpaths` as if they were named; they are not."""
    write(pytester, "scenarios/unit.toml", UNIT)
    write(pytester, "tests/test_it.py", "def test_it(): pass")
    pytester.makeini("[pytest]\ntestpaths = tests scenarios\n")
    done = pytester.runpytest_subprocess(*LOADED, "-n", "2", *args)
    done.assert_outcomes(passed=passed)


@pytest.mark.skipif(find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_a_failure_survives_the_way_from_a_worker(pytester: pytest.Pytester) -> None:
    path = write(pytester, "scenarios/unit.toml", WRONG)
    done = pytester.runpytest_subprocess(*LOADED, "-n", "2", "scenarios", "--tb=line")
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines([f"{path}:26: printed 0.6431, computed 0.6341356"])


def test_the_fixture_gives_traces_and_compares(pytester: pytest.Pytester) -> None:
    """A path is relative to the root folder, wherever the tests are started."""
    write(pytester, "scenarios/unit.toml", UNIT)
    write(pytester, "tests/test_it.py", """\
def test_right(tracer):
    trace = tracer.trace("scenarios/unit.toml")
    tracer.assert_matches(trace, {"z": 0.55})
    assert tracer.verify("scenarios/unit.toml").ok
    assert tracer.load("mazur").title

def test_wrong(tracer):
    tracer.assert_matches(tracer.trace("mazur"), {"out_h1": 0.4})
""")  # fmt: skip
    pytester.makeini("[pytest]\n")
    os.chdir(pytester.path / "tests")
    done = ran(pytester, "test_it.py")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["E*AssertionError: out_h1 is 0.4, not 0.59327*"])
    done.stdout.no_fnmatch_line("*testing.py*")


# ---- where things stand, and what they are called -----------------------------------------


def test_every_shipped_number_has_an_id_and_its_own_line() -> None:
    for path in sorted(folder("scenarios").glob("*.toml")):
        text = path.read_text("utf-8")
        lines = text.splitlines()
        scenario = load(path)
        found = guarding.entries(scenario, places(text))
        assert len(found) == len({entry.id for entry in found})
        numbers = [entry for group in scenario.published.values() for entry in group]
        for entry, number in zip(found, numbers, strict=True):
            written = re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", lines[entry.line].replace("_", ""))
            assert number.printed in {Decimal(w) for w in written}, (path.name, entry)


PLACES = """\
top = 1  # [published]

[published."w5+"]
printed = 0.1   # "x" = 1

[[published.x]]
printed = 1

[[published.x]]  # 8
"printed" = 2

[published]
"a.b" . c = 3
'd"e' = [
  # a comment with ] and ,
  1.5, { printed = 2, where = "a ] , } \\" b" },
  {
    printed = 3 },

]
"\\u00e9" = "x"
long = \"\"\"
[published]
f = 1
\"\"\"
f = [[1, 2],
 [3]]
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("published", "w5+"), 2),
        (("published", "w5+", "printed"), 3),
        (("published", "x", 0), 5),
        (("published", "x", 1), 8),
        (("published", "x", 1, "printed"), 9),
        (("published", "a.b", "c"), 12),
        (("published", 'd"e'), 13),
        (("published", 'd"e', 0), 15),
        (("published", 'd"e', 1), 15),
        (("published", 'd"e', 2), 16),
        (("published", 'd"e', 2, "printed"), 17),
        (("published", "é"), 20),
        (("published", "f"), 25),
        (("published", "f", 1, 0), 26),
    ],
)  # fmt: skip
def test_where_everything_stands(place: tuple[str | int, ...], line: int) -> None:
    assert line == places(PLACES)[place]
    assert line == places(PLACES.replace("\n", "\r\n"))[place]


def test_places_are_those_of_a_toml_reader() -> None:
    for path in sorted(folder("scenarios").glob("*.toml")):
        text = path.read_text("utf-8")
        assert set(places(text)) <= set(walked(tomllib.loads(text)))


def walked(value: object, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if not isinstance(value, dict | list):
        return [place]
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return [place, *(p for key, part in pairs for p in walked(part, (*place, key)))]
