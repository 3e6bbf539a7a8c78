"""Every command and every line of the README does what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

import tracer
from tracer import cli, run
from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.losses import LOSSES
from tracer.catalog.optimizers import OPTIMIZERS
from tracer.catalog.sums import NETS
from tracer.catalog.vectors import VECTORS
from tracer.conventions import Conventions
from tracer.layers.kinds import KINDS
from tracer.scenario import read
from tracer.shipped import scenario_names
from tracer.testing import assert_matches

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def commands() -> list[str]:
    """The lines of shell blocks, without their remarks."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [re.sub(r"\s+#.*", "", line) for line in lines if line.strip()]


TOUR = [line for line in commands() if line.startswith(("tracer ", "printf "))]
FINDING = ("check", "lint")  # commands that exit with 1 where they find something


def test_the_tour_of_the_readme_runs_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, in one folder: `new` comes before what uses its file."""
    monkeypatch.chdir(tmp_path)
    assert len(TOUR) >= 10
    for line in TOUR:
        if line.startswith("printf "):
            subprocess.run(["bash", "-c", line], check=True)
            continue
        command, *args = shlex.split(line)[1:]
        done = CliRunner().invoke(cli.main, [command, *args])
        assert done.exit_code in ((0, 1) if command in FINDING else (0,)), (line, done.output)
        assert not isinstance(done.exception, Exception), (line, done.exception)
        assert done.output, line
        if line == "tracer check mazur answers.csv":
            assert blocks("text")[0].strip() in done.output
    assert (tmp_path / "pages" / "mazur.md").exists()
    assert (tmp_path / "out" / "mine.svg").exists()


def test_the_rest_of_the_commands_are_the_two_that_do_everything() -> None:
    """CI runs the second as it stands here; the first is its install and a command of the tour."""
    first, second = (line for line in commands() if line not in TOUR)
    assert first.endswith(".venv/bin/pip install -q . && .venv/bin/tracer render thinkinfi")
    assert second.endswith(".venv/bin/pip install -q '.[test]' && .venv/bin/python -m pytest")
    assert "README.md" in (ROOT / ".ci" / "run").read_text("utf-8")


def test_the_scenario_of_the_readme_renders_and_verifies(tmp_path: Path) -> None:
    whole = [text for text in blocks("toml") if text.startswith("title")]
    assert len(whole) >= 5
    for text in whole:
        path = tmp_path / "unit.toml"
        path.write_text(text, "utf-8")
        for command in (["render", str(path), "-o", str(tmp_path)], ["verify", str(path)]):
            done = CliRunner().invoke(cli.main, command)
            assert done.exit_code == 0, done.output
    assert read(whole[0], "unit.toml", "unit").conventions.decimals == 4
    path.write_text(whole[1], "utf-8")
    assert tracer.trace(path)["df/dx"] == -4


def test_the_samples_and_draws_of_the_readme_are_read() -> None:
    """They go into the scenario of the one unit, in place of what it is given."""
    unit = next(text for text in blocks("toml") if text.startswith("title"))
    points, samples, draws = (text for text in blocks("toml") if not text.startswith("title"))
    bare = "\n".join(x for x in unit.splitlines() if not x.startswith(("x1", "x2", "t =", "z =")))
    s = read(f"{bare}\n{samples}", "unit.toml", "unit")
    worth = read(
        f"{unit}\n{points.replace('w5+', 'z').replace('E =', 'y =')}", "u.toml", "u"
    ).points
    assert worth is not None
    assert worth.slip == Decimal("0.5")
    assert run.on(tracer.trace(s), "prediction")["y"] > 0
    assert len(s.data["t"]) == 4
    net = """[givens.All]
eta = 1
[network]
inputs = ["x1", "x2"]
targets = ["x1", "x2", "x1"]
layers = [{ weights = "W1", rows = "inputs", activation = "identity" }]
"""
    drawn = read(f'title = "drawn"\n{draws}\n{net}', "drawn.toml", "drawn")
    first = tracer.trace(drawn, iterations=0)
    assert (10_000, 0.9670298390136767) == (first.program.samples, first["x1"])


def test_the_python_of_the_readme_gives_what_it_says() -> None:
    tables = (ACTIVATIONS, KINDS)
    before = [dict(table) for table in tables]
    try:
        for text in blocks("python"):
            exec(compile(text, "README.md", "exec"), {"__name__": "readme"})
        assert {"cube"} == ACTIVATIONS.keys() - before[0].keys()
        assert {"scale"} == KINDS.keys() - before[1].keys()
    finally:
        for table, old in zip(tables, before, strict=True):
            table.clear()
            table.update(old)
    for line in blocks("python")[-1].splitlines():
        if found := re.fullmatch(r"(t\[.*?\]) +# ([\d.]+)", line):
            import tracer

            assert float(found[2]) == eval(found[1], {"t": tracer.trace("thinkinfi")})


def test_the_test_of_the_readme_says_what_it_says() -> None:
    """A network whose hidden gradients use the updated weights."""
    (text,) = blocks("py")
    t, wrong = tracer.trace("mazur"), tracer.trace("mazur", reading="sequential update")
    net = SimpleNamespace(
        h=[t["out_h1"], t["out_h2"]],
        dW1=[[wrong["dE/dw1"], wrong["dE/dw2"]], [wrong["dE/dw3"], wrong["dE/dw4"]]],
        W1=[[wrong["w1+"], wrong["w2+"]], [wrong["w3+"], wrong["w4+"]]],
    )
    space: dict[str, Any] = {"net": net}
    exec(compile(text, "README.md", "exec"), space)
    fixture = SimpleNamespace(trace=tracer.trace, assert_matches=assert_matches)
    with pytest.raises(AssertionError) as told:
        space["test_my_network"](fixture)
    assert str(told.value).splitlines()[0] == blocks("text")[1].strip()


def test_the_excerpt_is_on_the_page() -> None:
    page = (ROOT / "out" / "thinkinfi.md").read_text("utf-8")
    excerpt = [line.removeprefix("> ") for line in README.splitlines() if line.startswith("> ")]
    assert len(excerpt) > 10
    for line in excerpt:
        assert line in page, line


def test_files_that_the_readme_names_exist() -> None:
    for target in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_readme_lists_every_scenario_module_and_convention() -> None:
    for name in scenario_names():
        assert f"| `{name}` |" in README
    for convention in Conventions.model_fields:
        assert f"`{convention}`" in README, convention
    for choice in (*ACTIVATIONS, *VECTORS, *OPTIMIZERS, *KINDS):
        assert f"`{choice}`" in " ".join(README.split()), choice
    for choice in (*(name for name, _ in LOSSES), NETS[0]):
        assert choice.replace(" with log10", "").replace(" from logits", "") in README, choice
    shown = set(re.findall(r"`([a-z_]+)/?`", README.split("## How it is built")[1]))
    modules = {p.stem for p in (ROOT / "tracer").glob("*.py")} - {"__init__", "__main__"}
    modules |= {p.parent.name for p in (ROOT / "tracer").glob("*/__init__.py")}
    small = {"errors", "numbers", "shipped", "terminal", "derive_catalog"}
    assert modules - small <= shown


def test_versions_and_dependencies_are_stated_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    assert "Python 3.11 or newer" in README
