"""A network without targets: its forward pass alone, no error, nothing that is learned."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import tracer
from tracer import run, scenario
from tracer.cli import main
from tracer.errors import ScenarioError
from tracer.program import Phase

ONE = """
title = "One unit"
[givens.All]
x1 = 0.5
x2 = -1
w1 = 0.3
w2 = 0.7
b = 0.1
[network]
inputs = ["x1", "x2"]
[[network.layers]]
weights = [["w1", "w2"]]
bias = "b"
net = "z"
activation = "sigmoid"
out = "y"
[formulas]
twice = "2*y"
[samples.more]
columns = ["x1", "x2"]
rows = [[1, 2], [3, -4]]
"""
Z = 0.3 * 0.5 + 0.7 * -1 + 0.1

#: A convolution of two samples, with padding.
BATCH = """
title = "A batch"
[conventions]
decimals = 3
[samples.training.arrays]
x = { first = -1, last = 1, shape = [2, 3, 3] }
[givens.Kernel]
k = [[1, -2], [0.5, 3]]
[network]
inputs = "x"
[[network.layers]]
kind = "convolution"
kernel = "k"
padding = 1
out = "out"
"""


def read(text: str) -> scenario.Scenario:
    return scenario.read(text, "one.toml", "one")


def test_there_is_a_forward_pass_and_nothing_after_it():
    t = run.trace(read(ONE))
    assert {Phase.GIVEN, Phase.FORWARD} == {block.phase for block in t.program.blocks}
    assert t.program.root is None
    assert not t.program.carry
    assert not t.program.gradients
    assert t["y"] == pytest.approx(1 / (1 + math.exp(-Z)), rel=1e-15)
    assert t["twice"] == 2 * t["y"]


def test_an_update_more_changes_nothing():
    t = run.trace(read(ONE), iterations=3)
    assert 1 == len(set(t.series("y").tolist()))


def test_another_sample_set_goes_through_it():
    t = run.on(run.trace(read(ONE)), "more")
    expected = [1 / (1 + math.exp(-(0.3 * a + 0.7 * b + 0.1))) for a, b in ((1, 2), (3, -4))]
    assert t.column("y").tolist() == pytest.approx(expected, rel=1e-15)


@given(st.lists(st.floats(-9, 9), min_size=18, max_size=18))
def test_a_batch_is_computed_sample_by_sample(numbers):
    """Against a window that numpy moves over the padded numbers."""
    x = np.array(numbers).reshape(2, 3, 3)
    rows = "rows = " + str([[float(v) for v in sample.ravel()] for sample in x])
    names = ", ".join(f'"x[{i},{j}]"' for i in (1, 2, 3) for j in (1, 2, 3))
    arrays = BATCH.splitlines()[5]
    t = run.trace(read(
        BATCH.replace("training.arrays", "training").replace(arrays, f"columns = [{names}]\n{rows}")
    ))  # fmt: skip
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2, 2), (1, 2))
    expected = (windows * np.array([[1, -2], [0.5, 3]])).sum((3, 4))
    for i in range(4):
        for j in range(4):
            found = t.column(f"out[{i + 1},{j + 1}]")
            assert np.broadcast_to(found, 2) == pytest.approx(expected[:, i, j], abs=1e-12)


@pytest.mark.parametrize("text", [ONE, BATCH])
@pytest.mark.parametrize("format", ["md", "tex"])
def test_its_page_speaks_of_no_error_and_no_derivative(text, format, tmp_path):
    path = tmp_path / "one.toml"
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(main, ["render", str(path), "--format", format, "-o", str(tmp_path)])
    assert 0 == done.exit_code, done.output
    page = (tmp_path / f"one.{format}").read_text(encoding="utf-8").lower()
    assert "forward pass" in page
    words = ("error", "derivative", "gradient", "backward", "update", "learn", "trained", "target")
    assert [] == [word for word in words if word in page]


def test_answers_are_marked(tmp_path):
    path = tmp_path / "one.toml"
    path.write_text(ONE, encoding="utf-8")
    report = tracer.mark(path, {"z": "-0.45", "y": "0.9"})
    (sheet,) = report.sheets
    assert ["right", "wrong"] == [judged.mark.value for judged in sheet.judged]


@pytest.mark.parametrize(
    ("added", "key"),
    [
        ('[conventions]\nloss = "squared error"', "conventions.loss"),
        ('[conventions]\ntangents = "x1"', "conventions.tangents"),
        ("[conventions]\nstop_below = 0.1", "conventions.stop_below"),
        ('[readings.other]\nloss = "squared error"', "readings.other.loss"),
        ('[optimizer]\nkind = "momentum"', "optimizer"),
    ],
)
def test_nothing_is_said_of_an_error_that_is_not_there(added, key):
    with pytest.raises(ScenarioError) as refused:
        read(f"{ONE}\n{added}\n")
    assert f"one.toml: {key}: there is no error; state network.targets" in str(refused.value)


@pytest.mark.parametrize("key", ["errors", "total_error"])
def test_an_error_that_is_not_there_has_no_name(key):
    with pytest.raises(ScenarioError) as refused:
        read(ONE.replace("[network]", f'[network]\n{key} = "F"'))
    assert f"network.{key}: there is no error" in str(refused.value)


def test_targets_that_were_forgotten_are_not_used():
    with pytest.raises(ScenarioError) as refused:
        read(ONE.replace("b = 0.1", "b = 0.1\nt = 1\neta = 0.5"))
    expected = [f"one.toml: givens.All.{name}: given but not used" for name in ("t", "eta")]
    assert expected == [line.partition(";")[0] for line in str(refused.value).splitlines()]


def test_it_has_no_gradients_to_derive(tmp_path: Path):
    path = tmp_path / "one.toml"
    path.write_text(ONE, encoding="utf-8")
    done = CliRunner().invoke(main, ["derive", str(path)])
    assert 2 == done.exit_code
    assert "tracer: one: there is no error to differentiate\n" == done.stderr


# ---- derivatives held at a value ---------------------------------------------------------

LEARNING = ONE.replace("b = 0.1", "b = 0.1\nt = 1\neta = 0.5").replace(
    '"x2"]\n[[', '"x2"]\ntargets = ["t"]\n[[', 1
)


def test_what_follows_from_a_derivative_that_is_held_follows_from_it():
    s = read(LEARNING + '[readings.held]\npins = { "dE/dy" = -0.5, "dy/dz" = 0.25 }\n')
    t = run.trace(s, reading="held")
    assert t["y"] == run.trace(s)["y"]
    assert t["dE/dw2"] == pytest.approx(-0.5 * 0.25 * -1, rel=1e-15)
    assert t["w2+"] == pytest.approx(0.7 - 0.5 * 0.125, rel=1e-15)


def test_a_derivative_by_no_step_is_not_held():
    with pytest.raises(ScenarioError) as refused:
        read(LEARNING + '[readings.held]\npins = { "dE/dq" = 1 }\n')
    assert "readings.held.pins.dE/dq: no step is called 'dE/dq'" in str(refused.value)
