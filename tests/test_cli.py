"""The command line: what it prints, writes and answers, in process and as a process."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import tracer
from tracer import cli, terminal
from tracer.shipped import folder, scenario_names

COMMANDS = ("list", "show", "render", "verify", "derive", "schema", "new")


def invoke(*args: str, stdin: bytes | None = None, env: dict[str, str] | None = None) -> Result:
    return CliRunner(env=env).invoke(cli.main, args, input=stdin)


def said(*args: str, stdin: bytes | None = None) -> str:
    """What a command prints that ends well."""
    done = invoke(*args, stdin=stdin)
    assert (0, "") == (done.exit_code, done.stderr), done.output
    return done.stdout


def refused(*args: str, stdin: bytes | None = None) -> str:
    """The lines on stderr of a command that is refused."""
    done = invoke(*args, stdin=stdin)
    assert (2, "") == (done.exit_code, done.stdout), done.output
    return done.stderr


def process(*args: str, **how: object) -> subprocess.Popen[bytes]:
    """`python -m tracer …` as a process."""
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parent.parent)}
    return subprocess.Popen(
        [sys.executable, "-m", "tracer", *args],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment, **how},  # type: ignore[call-overload]
    )


# ---- help ------------------------------------------------------------------------------


def test_the_version_is_told():
    assert f"tracer, version {tracer.__version__}\n" == said("--version")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example(command):
    text = said(command, "--help")
    assert f"  tracer {command}" in text.split("Examples:")[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_says_every_command_in_one_whole_sentence(command):
    (line,) = (x for x in said("--help").splitlines() if x.startswith(f"  {command} "))
    assert line.endswith(".")
    assert not line.endswith("...")
    assert len(line) <= 80


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_terminal(command):
    assert max(map(len, said(*command.split(), "--help").splitlines())) <= 80


def test_help_needs_no_numpy_pydantic_or_sympy():
    code = (
        "import sys; from click.testing import CliRunner; from tracer import cli; "
        "CliRunner().invoke(cli.main, ['--help']); "
        "assert not {'numpy', 'pydantic', 'sympy', 'rich'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("typed", "meant"), [("rendr", "render"), ("sho", "show"), ("verfy", "verify")]
)
def test_a_misspelt_command_suggests_the_nearest(typed, meant):
    assert f"No such command '{typed}'; did you mean '{meant}'?" in refused(typed)


def test_a_command_like_no_other_is_refused():
    assert "No such command 'qqq'." in refused("qqq")


# ---- list ------------------------------------------------------------------------------


WIDEST = max(map(len, scenario_names()))


def test_list_names_every_scenario_and_its_readings():
    text = said("list")
    for name in scenario_names():
        s = tracer.load(name)
        author = f" ({s.author})" if s.author else ""
        assert f"\n{name:<{WIDEST}} {s.title}{author}\n" in f"\n{text}"
        assert all(f"reading: {reading}\n" in text for reading in s.readings)


# ---- show ------------------------------------------------------------------------------


def test_show_prints_every_step_of_a_pass():
    lines = said("show", "thinkinfi").splitlines()
    assert "x1 = 0.03" == lines[0]
    assert "h1 = x1 · w1 + x2 · w2 + b1 = 0.03 × 0.11 + 0.09 × 0.27 + 0.39 = 0.4176" in lines
    assert len(tracer.trace("thinkinfi", record=[0])) == len(lines)


def test_show_gives_named_values_to_full_precision():
    (line,) = said("show", "thinkinfi", "w5_new").splitlines()
    assert line.endswith("= 0.41425240   [0.41425240191309903]")


def test_show_gives_another_pass_under_a_reading():
    """Mazur's last error, under the reading that his program has."""
    (line,) = said(
        "show", "mazur", "E_total", "--iteration", "10000", "--reading", "sequential update"
    ).splitlines()
    assert line.endswith("[3.5084786296312774e-05]")


def test_show_writes_json_and_csv_to_full_precision():
    """w5⁺ of the first tutorial, to all its digits; 0.41425240 is printed."""
    steps = json.loads(said("show", "thinkinfi", "w5+", "E", "--json"))["steps"]
    assert [("w5+", 0.41425240191309903)] == [
        (s["name"], s["value"]) for s in steps if s["name"] != "E"
    ]
    rows = list(csv.DictReader(io.StringIO(said("show", "thinkinfi", "--csv"))))
    assert {"w5+": "0.41425240191309903", "h1": "0.4176"} == {
        row["name"]: row["value"] for row in rows if row["name"] in ("w5+", "h1")
    }


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["mazzur"], "mazzur: no scenario of that name and no such file; did you mean 'mazur'?"),
        (["mazur", "w55"], "no step is called 'w55'; did you mean 'w5'?"),
        (["mazur", "-r", "sequental"],
         "scenarios/mazur.toml: no reading 'sequental'; did you mean 'sequential update'?"),
        (["mazur", "--json", "--csv"], "--json and --csv: choose one"),
    ],
)  # fmt: skip
def test_show_refuses_what_is_not_there(args, line):
    assert f"tracer: {line}\n" == refused("show", *args)


@pytest.mark.parametrize("iteration", ["-1", "1.5", "1000000001", "x"])
def test_an_iteration_is_a_whole_number_in_reach(iteration):
    assert "Error: Invalid value for '--iteration'" in refused("show", "mazur", "-i", iteration)


def test_show_without_a_scenario_says_what_is_missing():
    assert "Missing argument 'SCENARIO'" in refused("show")


# ---- standard input and output ---------------------------------------------------------

SHIPPED = (folder("scenarios") / "thinkinfi.toml").read_bytes()


def test_a_minus_reads_standard_input():
    assert said("show", "thinkinfi") == said("show", "-", stdin=SHIPPED)
    assert said("derive", "thinkinfi", "w5") == said("derive", "-", "w5", stdin=SHIPPED)
    assert said("verify", "thinkinfi").replace("thinkinfi", "stdin", 1) == said(
        "verify", "-", stdin=SHIPPED
    )


def test_problems_of_standard_input_are_told_under_its_sign():
    assert "tracer: -: title: missing" == refused("show", "-", stdin=b"").splitlines()[0]
    assert "tracer: -: line 1: not UTF-8; save it as UTF-8 text\n" == refused(
        "show", "-", stdin=b"\xff"
    )
    assert "larger than" in refused("show", "-", stdin=b"#" * 2_000_000)


def test_a_page_can_go_to_standard_output(tmp_path):
    said("render", "thinkinfi", "-o", str(tmp_path))
    for format in ("md", "tex"):
        page = said("render", "thinkinfi", "--format", format, "-o", "-")
        assert (tmp_path / f"thinkinfi.{format}").read_text("utf-8") == page


@pytest.mark.parametrize("args", [["mazur"], ["mazur", "thinkinfi", "--format", "md"]])
def test_only_one_page_can_go_to_standard_output(args):
    assert "tracer: -o -: one scenario and one --format at a time\n" == refused(
        "render", *args, "-o", "-"
    )


def test_pages_in_a_pipe_are_utf_8_whatever_the_locale():
    """∂, ≈ and η must come out the same where the locale knows no such letters."""
    env = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parent.parent)}
    env |= {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    out, err = process("show", "thinkinfi", env=env).communicate(timeout=120)
    assert (said("show", "thinkinfi"), b"") == (out.decode("utf-8"), err)


# ---- render ----------------------------------------------------------------------------


def test_render_writes_pages_and_says_where(tmp_path):
    out = tmp_path / "new" / "folder"
    written = said("render", "thinkinfi", "-o", str(out)).splitlines()
    assert [f"{out}/thinkinfi.{ending}" for ending in ("md", "tex", "svg")] == written
    assert {"thinkinfi.md", "thinkinfi.svg", "thinkinfi.tex"} == set(os.listdir(out))


def test_render_all_writes_every_shipped_scenario(tmp_path):
    said("render", "--all", "thinkinfi", "--format", "tex", "-o", str(tmp_path))
    assert {f"{name}.tex" for name in scenario_names()} == set(os.listdir(tmp_path))


def test_render_writes_a_reading_beside_the_scenario(tmp_path):
    said("render", "mazur", "-r", "sequential update", "--format", "md", "-o", str(tmp_path))
    assert {"mazur-sequential-update.md", "mazur-sequential-update.svg"} == set(
        os.listdir(tmp_path)
    )


def test_render_in_less_detail_is_shorter(tmp_path):
    full, first = (
        said("render", "mazur", "--format", "md", "--detail", detail, "-o", "-")
        for detail in ("full", "first")
    )
    assert len(first) < len(full)


def test_two_scenarios_for_one_page_are_refused(tmp_path):
    other = tmp_path / "mazur.toml"
    other.write_bytes(SHIPPED)
    line = f"tracer: {other}: another scenario writes mazur.md\n"
    assert line == refused("render", "mazur", str(other), "-o", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_render_replaces_a_file_whole_and_leaves_no_other(tmp_path):
    (tmp_path / "thinkinfi.md").write_text("old")
    said("render", "thinkinfi", "-o", str(tmp_path))
    assert (tmp_path / "thinkinfi.md").read_text("utf-8").startswith("# Neural network")
    assert 3 == len(os.listdir(tmp_path))
    assert (tmp_path / "thinkinfi.md").stat().st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ([], "name a scenario, or use --all; `tracer list` shows what is shipped"),
        (["mazur", "--format", "pdf"], "--format pdf: expected md, tex or md,tex"),
        (["mazur", "--format", ""], "--format : expected md, tex or md,tex"),
    ],
)
def test_render_refuses_what_it_cannot_write(args, line):
    assert f"tracer: {line}\n" == refused("render", *args)


def test_a_place_that_is_no_folder_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert f"tracer: {file}: a file, not a folder\n" == refused("render", "mazur", "-o", str(file))
    inside = file / "out"
    assert f"tracer: {inside / 'mazur.md'}: Not a directory\n" == refused(
        "render", "mazur", "-o", str(inside)
    )
    (tmp_path / "thinkinfi.md").mkdir()
    assert (
        f"tracer: {tmp_path / 'thinkinfi.md'}: a folder, not a file that can be written anew\n"
        == refused("render", "thinkinfi", "-o", str(tmp_path))
    )
    assert {"file", "thinkinfi.md"} == set(os.listdir(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a folder of Linux")
def test_a_place_one_may_not_write_to_is_refused():
    line = refused("render", "mazur", "-o", "/proc/pages")
    assert line.startswith("tracer: /proc/pages/mazur.md: ")
    assert 1 == len(line.splitlines())


def test_a_file_that_cannot_be_finished_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    line = f"tracer: {tmp_path / 'thinkinfi.md'}: No space left on device\n"
    assert line == refused("render", "thinkinfi", "-o", str(tmp_path))
    assert [] == os.listdir(tmp_path)


# ---- verify ----------------------------------------------------------------------------


def test_verify_counts_the_verdicts_of_every_shipped_scenario():
    text = said("verify")
    assert "34 numbers: 31 reproduced, 2 misprint, 1 rounded-path" in text
    assert "16 numbers: 16 reproduced" in text


def test_verify_shows_printed_and_computed_beside_each_other():
    rows = [" ".join(line.split()) for line in said("verify", "mazur").splitlines()]
    assert "w5+ 0.35891648 0.3589164797 reproduced" in rows
    assert "E_total @1 0.291027924 0.29102792391 reproduced sequential update" in rows


def test_verify_looks_at_a_scenario_once():
    assert said("verify", "mazur") == said("verify", "mazur", "mazur")


def test_a_name_like_markup_is_only_a_name(tmp_path):
    path = tmp_path / "[red].toml"
    path.write_bytes(SHIPPED)
    assert said("verify", str(path)).startswith("[red]\n")


# ---- derive ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "last"), [("sigmoid", "a (1 - a)"), ("tanh", "1 - a^2"), ("relu", "[z > 0]"),
                             ("identity", "1")],
)  # fmt: skip
def test_derive_ends_at_the_derivative_in_teaching_form(activation, last):
    text = said("derive", activation)
    assert f"The derivative of {activation}, a = " in text
    lines = (line.strip().replace(" ·", "") for line in text.splitlines())
    assert any(line.startswith(f"= {last} ") for line in lines)


def test_derive_shows_the_chain_of_a_weight():
    text = said("derive", "thinkinfi", "w5")
    chain = "∂ETotal/∂w5 = ∂ETotal/∂Out y1 · ∂Out y1/∂y1 · ∂y1/∂w5"
    assert f"  {chain}\n" in text
    assert said("derive", "thinkinfi", "dE/dw5") == text


def test_derive_without_a_name_shows_every_weight():
    text = said("derive", "thinkinfi")
    assert all(f"How ETotal changes with w{k}\n" in text for k in range(1, 9))


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["sigmod"], "sigmod: no activation or scenario"),
        (["sigmoid", "w1"], "derive sigmoid: an activation has no 'w1'"),
        (["thinkinf"], "thinkinf: no activation or scenario"),
        (["thinkinfi", "b1"],
         "b1 is not a trained parameter; there are w1, w2, w3, w4, w5, w6, w7, w8"),
        (["thinkinfi", "w9"], "no step is called 'w9'"),
    ],
)  # fmt: skip
def test_derive_refuses_what_has_no_derivation(args, line):
    (found,) = refused("derive", *args).splitlines()
    assert f"tracer: {line}" == found.partition("; did you mean")[0]


# ---- schema and new --------------------------------------------------------------------


def test_schema_prints_json():
    found = json.loads(said("schema"))
    assert "https://json-schema.org/draft/2020-12/schema" == found["$schema"]
    assert {"title"} == set(found["required"])  # a network or formulas: problems say so


def test_a_new_scenario_renders_and_verifies(tmp_path):
    path = tmp_path / "my own.toml"
    assert f"{path}: change it, then run `tracer render '{path}'`\n" == said("new", str(path))
    assert f"tracer render '{path}'" in path.read_text("utf-8")
    said("render", str(path), "-o", str(tmp_path))
    assert {"my own.toml", "my own.md", "my own.svg", "my own.tex"} == set(os.listdir(tmp_path))
    assert "1 number: 1 reproduced" in said("verify", str(path))


def test_a_new_scenario_can_go_to_standard_output():
    text = said("new", "-")
    assert "tracer render -" in text
    assert said("show", "-", stdin=text.encode())


def test_a_new_scenario_replaces_nothing(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    assert f"tracer: {path}: exists already; choose another name\n" == refused("new", str(path))
    assert "mine" == path.read_text()


def test_a_new_scenario_needs_a_folder_and_a_name(tmp_path):
    path = tmp_path / "none" / "mine.toml"
    assert f"tracer: {path}: no such folder\n" == refused("new", str(path))
    assert "cannot be a file's name" in refused("new", str(tmp_path / "a\nb.toml"))
    assert [] == os.listdir(tmp_path)


# ---- terminals, pipes and signals ------------------------------------------------------


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, name: str, columns: int = 80) -> Terminal:
    stream = Terminal()
    monkeypatch.setattr(sys, name, stream)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    return stream


@pytest.mark.parametrize("columns", [80, 100])
def test_verdicts_fit_a_terminal(monkeypatch, columns):
    monkeypatch.setenv("NO_COLOR", "1")
    stream = on_terminal(monkeypatch, "stdout", columns)
    terminal.report(tracer.verify("mazur"))
    lines = re.sub(r"\x1b\[[\d;]*m", "", stream.getvalue()).splitlines()
    assert max(map(len, lines)) <= columns
    assert "…" not in stream.getvalue()


def test_verdicts_have_colours_on_a_terminal_unless_they_are_unwanted(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = on_terminal(monkeypatch, "stdout")
    terminal.report(tracer.verify("thinkinfi"))
    assert "\x1b[32mreproduced" in stream.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = on_terminal(monkeypatch, "stdout")
    terminal.report(tracer.verify("thinkinfi"))
    assert "\x1b[32m" not in plain.getvalue()


def test_verdicts_in_a_pipe_have_no_colours():
    assert "\x1b" not in said("verify", "mazur")


def test_progress_is_shown_to_a_person_who_waits(monkeypatch):
    monkeypatch.setattr(terminal, "PATIENCE", 0.0)
    stream = on_terminal(monkeypatch, "stderr")
    with terminal.progress("[b]mazur") as tell:
        tell(50, 100)
        time.sleep(0.2)
        tell(100, 100)
    assert "[b]mazur" in stream.getvalue()
    assert "100%" in stream.getvalue()


def test_progress_is_not_shown_before_a_second_or_in_a_pipe(monkeypatch):
    quick = on_terminal(monkeypatch, "stderr")
    with terminal.progress("mazur") as tell:
        tell(1, 2)
    assert "mazur" not in quick.getvalue()
    monkeypatch.setattr(terminal, "PATIENCE", 0.0)
    monkeypatch.setattr(sys, "stderr", pipe := io.StringIO())
    with terminal.progress("mazur") as tell:
        tell(1, 2)
    assert "" == pipe.getvalue()


@pytest.mark.parametrize(
    "args", [["show", "mazur"], ["verify", "mazur"], ["derive", "mazur"], ["schema"]]
)
def test_a_reader_who_stops_reading_causes_no_traceback(args):
    """As `| head -1`: the pipe is closed after the first bytes, or before any."""
    running = process(*args)
    assert running.stdout
    assert running.stderr
    running.stdout.close()
    assert b"" == running.stderr.read()
    running.stderr.close()
    assert 0 == running.wait(timeout=120)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is a device of Linux")
def test_a_full_disk_behind_standard_output_is_one_line():
    with open("/dev/full", "wb") as full:
        _, err = process("verify", "mazur", stdout=full).communicate(timeout=120)
    assert b"tracer: No space left on device\n" == err


@pytest.mark.parametrize("args", [["show", "mazur"], ["verify", "mazur"], ["show", "-"]])
def test_closed_streams_cause_no_traceback(args):
    command = f"{sys.executable} -m tracer {' '.join(args)} <&- >&-"
    env = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parent.parent)}
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, env=env, timeout=120)
    expected = b"tracer: -: standard input is closed\n" if "-" in args else b""
    assert expected == done.stderr


def test_an_interrupt_ends_a_long_run_without_a_traceback():
    running = process("show", "mazur", "E", "--iteration", "900000000")
    time.sleep(1.0)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert (130, b"", b"") == (running.returncode, out, err)


def test_debug_shows_a_traceback():
    done = invoke("--debug", "show", "mazzur")
    assert isinstance(done.exception, tracer.TracerError)


# ---- determinism -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ["list"], ["show", "mazur"], ["show", "mazur", "--json"], ["verify", "mazur"],
        ["verify", "mazur", "--json"],
        ["derive", "tanh"], ["derive", "mazur", "w1"], ["schema"], ["new", "-"],
        ["render", "mazur", "--format", "md", "-o", "-"],
        ["render", "mazur", "--format", "tex", "-o", "-"],
    ],
)  # fmt: skip
def test_a_command_prints_the_same_bytes_twice(args):
    assert invoke(*args).stdout_bytes == invoke(*args).stdout_bytes


def test_hashes_do_not_decide_what_is_printed():
    """The order of sets and of problems is the same under every seed of Python's hashes."""
    broken = SHIPPED.replace(b"w1 = 0.11", b"").replace(b"x2 = 0.09", b"x2 = nan")
    env = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parent.parent)}
    found = {
        process(
            "show", "-", stdin=subprocess.PIPE, env={**env, "PYTHONHASHSEED": seed}
        ).communicate(broken + b"[symbols.x]\n", timeout=120)[1]
        for seed in ("1", "2")
    }
    assert 1 == len(found)
