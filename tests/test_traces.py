"""A trace from Python: values, records, other passes, JSON and CSV."""

import csv
import io
import json

import numpy as np
import pytest

import tracer
from tracer import run, scenario
from tracer.errors import LookupFailed
from tracer.traces import COLUMNS, SCHEMA


@pytest.fixture(scope="module")
def trace():
    return tracer.trace("thinkinfi", iterations=3)


def test_a_trace_is_looked_up_by_name(trace):
    """w5⁺ = 0.44 − 0.3 · 0.08582533, printed as 0.41425240."""
    assert 0.4142524 == round(trace["w5+"], 8)
    assert isinstance(trace["w5+"], float)


def test_a_record_says_everything_about_a_step(trace):
    r = trace.record("dE/dw5")
    assert ("dE/dw5", "∂ETotal/∂w5", "backward", 0, 0) == (
        r.name, r.symbol, r.phase, r.iteration, r.sample,
    )  # fmt: skip
    assert 0.08582533 == round(r.value, 8)
    assert 3 == len(r.operands)
    product = 1.0
    for value in r.operands.values():
        product *= value
    assert product == r.value
    assert list(r.operands) == [n for n in trace.names if n in r.operands]
    assert 2 == r.formula.count("·") == r.substitution.count("×")


def test_a_records_operands_are_looked_up_by_their_names(trace):
    for name in trace:
        for operand, value in trace.record(name).operands.items():
            assert trace[operand] == value


def test_the_substitution_shows_what_is_printed_for_the_operands(trace):
    r = trace.record("h1")
    assert "x1 · w1 + x2 · w2 + b1" == r.formula
    assert "0.03 × 0.11 + 0.09 × 0.27 + 0.39" == r.substitution


def test_a_given_has_no_formula(trace):
    r = trace.record("w5")
    assert ("", "", "given", {}, 0.44) == (r.formula, r.substitution, r.phase, r.operands, r.value)


def test_a_step_found_by_an_alias_is_recorded_under_its_own_name(trace):
    assert trace.record("dE/dOut_y1") == trace.record("dE1/dOut_y1")


def test_another_pass_is_selected_by_its_iteration(trace):
    assert trace["w5+"] == trace.at(1)["w5"] != trace["w5"]
    assert (0, 2) == (trace.iteration, trace.at(2).iteration)
    assert trace.at(2).at(1).values.tolist() == trace.at(1).values.tolist()
    assert 2 == trace.at(2).record("E").iteration
    assert trace.at().values.tolist() == trace.values.tolist()


@pytest.mark.parametrize("iteration", [-1, 4, 10**9])
def test_a_pass_that_is_not_recorded_says_which_are(trace, iteration):
    with pytest.raises(
        LookupFailed, match=f"iteration {iteration} is not recorded; 0, 1, 2, 3 are"
    ):
        trace.at(iteration)


def test_many_recorded_passes_are_not_all_listed():
    t = tracer.trace("thinkinfi", iterations=100, record=10)
    with pytest.raises(LookupFailed, match="iteration 5 is not recorded; 0, 10 … 100 are"):
        t.at(5)


def test_a_trace_starts_at_its_first_recorded_pass():
    t = tracer.trace("thinkinfi", iterations=9, record=[4, 9])
    assert (4, 2, t.at(4)["w5"]) == (t.iteration, len(t.data.batch), t["w5"])


@pytest.mark.parametrize("sample", [-1, 2])
def test_a_sample_that_is_not_there_is_refused(sample):
    with pytest.raises(LookupFailed, match=f"no sample {sample}; there are 2, from 0"):
        _two_samples().at(sample=sample)


TWO = """
title = "two samples"
[samples.training]
columns = ["x", "t"]
rows = [[0.03, 1], [0.04, 0.5]]
[givens.all]
w = 0.5
eta = 0.1
[network]
inputs = ["x"]
targets = ["t"]
[[network.layers]]
weights = [["w"]]
activation = "sigmoid"
net = "z"
out = "o"
"""


def _two_samples():
    return run.trace(scenario.read(TWO, "two.toml", "two"))


def test_a_sample_is_selected():
    t = _two_samples()
    assert (0.03, 0.04) == (t["x"], t.at(sample=1)["x"])
    assert 0.04 == t.at(1, sample=1).at(0)["x"]
    own = {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert own | {(0, None), (1, None)} == {(r.iteration, r.sample) for r in t.records()}
    assert own == {(r.iteration, r.sample) for r in t.records() if r.name in ("x", "z", "E_n")}
    assert {None} == {r.sample for r in t.records() if r.name in ("w", "E", "dE/dw", "w+")}


def test_a_column_has_every_sample_and_a_series_every_pass():
    t = _two_samples()
    assert ([0.03, 0.04], [0.5]) == (t.column("x").tolist(), t.column("w").tolist())
    assert [t.at(k)["w"] for k in (0, 1)] == t.series("w").tolist()
    assert [t.at(k, 1)["z"] for k in (0, 1)] == t.at(sample=1).series("z").tolist()
    assert [t.at(sample=k)["E_n"] for k in (0, 1)] == t.column("E_n").tolist()


def test_names_and_values_go_together(trace):
    assert len(trace) == len(trace.names) == len(trace.values) == len(list(trace))
    assert dict(zip(trace.names, trace.values.tolist(), strict=True)) == {
        n: trace[n] for n in trace
    }
    assert len(set(trace)) == len(trace)
    assert np.float64 == trace.values.dtype


def test_a_name_is_in_a_trace_or_not(trace):
    assert "w5⁺" in trace
    assert "dE/dw9" not in trace
    assert 5 not in trace


def test_a_trace_shows_what_it_is():
    t = tracer.trace("mazur", reading="sequential update")
    size = f"{len(t)} steps × 2 passes, at iteration 0"
    assert f"<Trace mazur, reading 'sequential update': {size}>" == repr(t)


def test_json_holds_every_value_to_its_last_bit(trace):
    held = json.loads(trace.to_json())
    assert (SCHEMA, "thinkinfi") == (held["schema"], held["title"])
    assert 4 * len(trace) == len(held["steps"])
    for row in held["steps"]:
        at = trace.at(row["iteration"])
        assert set(COLUMNS) == set(row)
        assert at[row["name"]] == row["value"]
        assert all(at[name] == value for name, value in row["operands"].items())


def test_csv_holds_every_value_to_its_last_bit(trace):
    rows = list(csv.DictReader(io.StringIO(trace.to_csv())))
    assert 4 * len(trace) == len(rows)
    for row in rows:
        at = trace.at(int(row["iteration"]))
        assert at[row["name"]] == float(row["value"])
        operands = [part.partition("=") for part in row["operands"].split(";") if part]
        assert all(at[name] == float(value) for name, _, value in operands)
        assert at.record(row["name"]).substitution == row["substitution"]


def test_csv_and_json_hold_the_same(trace):
    ours = [r["symbol"] for r in json.loads(trace.to_json())["steps"]]
    assert ours == [r["symbol"] for r in csv.DictReader(io.StringIO(trace.to_csv()))]


def test_the_same_scenario_twice_is_the_same_to_the_byte(trace):
    assert trace.to_json() == tracer.trace("thinkinfi", iterations=3).to_json()
    assert trace.to_csv() == tracer.trace("thinkinfi", iterations=3).to_csv()
