"""Lines and records of batches: sums over the samples are written out, and are true."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from reader import claims, is_true, value_of
from test_batches import read
from test_networks import Network

from tracer import run
from tracer.lines import IN_LATEX, IN_TEXT, MAX_SPREAD

DIGITS = ["decimals = 3", "decimals = 8", "significant = 5"]

OVER = """
title = "over"
[conventions]
CONVENTIONS
[samples.training]
columns = ["x", "t"]
rows = ROWS
[givens.all]
w = -0.75
b = 0.3125
[formulas]
most = "largest(x)"
least = "-largest(-x)"
middle = "average(x)"
off = "sqrt(average((x - middle)^2))"
squares = "total((x - middle)^2)/2 - 1"
shared = "total(w) - 3*largest(b)"
u = "(x - middle)/off"
f = "(t - (w*u + b))^2"
"""


def displayed(lines):
    """Lines as a page has them."""
    return "\n".join(f"$$\n{line}\n$$" for line in lines)


def every_line(t, samples):
    """Every step of the selected pass, in some samples, as LaTeX."""
    for sample in samples:
        selected = t.at(sample=sample)
        for step in t.program.steps():
            if step.formula is not None:
                yield IN_LATEX.whole(selected.line(step.index))


@pytest.mark.parametrize("shown", DIGITS)
@pytest.mark.parametrize("samples", [1, 2, 5, MAX_SPREAD, MAX_SPREAD + 1])
@pytest.mark.parametrize("seed", range(6))
def test_every_printed_line_of_a_batch_is_true_or_says_so(seed, samples, shown):
    network = Network(seed, samples)
    mean = 'reduction = "mean"' if seed % 2 else 'reduction = "sum"'
    t = run.trace(read(network.stated(shown, mean)), iterations=0)
    found = claims(displayed(every_line(t, {0, samples - 1})))
    assert found
    for claim in found:
        assert is_true(claim) == (claim.sign == "="), claim


@pytest.mark.parametrize("shown", DIGITS)
@pytest.mark.parametrize("samples", [1, 3, MAX_SPREAD, MAX_SPREAD + 1])
def test_every_printed_line_over_the_samples_is_true_or_says_so(samples, shown):
    rows = [[round(0.37 * k * (-1) ** k + 1, 2), round(0.21 * k, 2)] for k in range(samples)]
    conventions = "\n".join((shown, "batch_size = " + str(samples)))
    if samples == 1:
        rows = [[1.37, 0.21]]
    text = OVER.replace("ROWS", str(rows)).replace("CONVENTIONS", conventions)
    if samples == 1:
        text = text.replace("/off", "")  # of one sample it is 0
    t = run.trace(read(text), iterations=0)
    found = claims(displayed(every_line(t, {0, samples - 1})))
    for claim in found:
        assert is_true(claim) == (claim.sign == "="), claim
    written = {c.line.split(" = ")[0] for c in found}
    over = {r"\mathrm{most}", r"\mathrm{squares}", r"\mathrm{off}", r"\mathrm{shared}"}
    over -= {r"\mathrm{most}"} if samples == 1 else set()  # the largest of one number is shown once
    assert (over <= written) == (samples <= MAX_SPREAD)


def three(mean=False):
    """By hand: w·x = 0.25, 0.5, 1; t - o = 0.75, -0.5, 0; ½(t - o)² = 0.28125, 0.125, 0."""
    return run.trace(read(f"""
title = "three"
[conventions]
reduction = "{"mean" if mean else "sum"}"
[samples.training]
columns = ["x", "t"]
rows = [[0.5, 1], [1, 0], [2, 1]]
[givens.all]
w = 0.5
eta = 0.1
[network]
inputs = ["x"]
targets = ["t"]
[[network.layers]]
weights = [["w"]]
activation = "identity"
net = "z"
out = "o"
"""), iterations=1)  # fmt: skip


def test_a_sum_over_the_samples_is_written_out():
    r = three().record("E")
    assert ("Σ_n E(n)", "0.28125 + 0.125 + 0", 0.40625) == (r.formula, r.substitution, r.value)
    assert {"E_n of sample 0": 0.28125, "E_n of sample 1": 0.125, "E_n of sample 2": 0.0} == (
        r.operands
    )
    line = three().line(three().cell("E"))
    assert "E = Σ_n E(n) = 0.28125 + 0.125 + 0 = 0.40625" == IN_TEXT.whole(line)


def test_a_mean_over_the_samples_is_their_sum_divided_by_their_number():
    r = three(mean=True).record("E")
    assert "(0.28125 + 0.125 + 0)/3" == r.substitution
    assert 0.40625 / 3 == r.value


def test_many_samples_are_not_written_out():
    network = Network(0, MAX_SPREAD + 1)
    r = run.trace(read(network.text), iterations=0).record("E")
    assert ("", {}) == (r.substitution, r.operands)
    assert r.formula


def test_a_step_of_one_sample_shows_that_samples_numbers():
    t = three()
    for k, (x, o) in enumerate(((0.5, 0.25), (1, 0.5), (2, 1))):
        r = t.at(sample=k).record("z")
        assert (k, o, {"w": 0.5, "x": x}) == (r.sample, r.value, r.operands)


# ---- rows for other programs -----------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 4])
def test_json_holds_every_value_of_every_sample_to_its_last_bit(size):
    network = Network(5, 4)
    t = run.trace(read(network.stated(f"batch_size = {size}")), iterations=2)
    held = json.loads(t.to_json())["steps"]
    own = sum(len(b) for b in t.program.blocks if b.per_sample)
    assert 3 * (len(t) - own + own * size) == len(held)
    assert len({(r["iteration"], r["sample"], r["name"]) for r in held}) == len(held)
    for row in held:
        at = t.at(row["iteration"], row["sample"] or 0)
        shared = size > 1 and not t.program.step(t.cell(row["name"])).per_sample
        assert shared == (row["sample"] is None)
        assert at[row["name"]] == row["value"]
        for name, value in row["operands"].items():
            found = re.fullmatch(r"(.*) of sample (\d+)", name)
            operand = at.at(sample=int(found[2]))[found[1]] if found else at[name]
            assert operand == value, (row["name"], name)


def test_csv_and_json_of_a_batch_hold_the_same():
    t = three()
    rows = list(csv.DictReader(io.StringIO(t.to_csv())))
    held = json.loads(t.to_json())["steps"]
    assert len(held) == len(rows)
    for ours, theirs in zip(held, rows, strict=True):
        sample = "" if ours["sample"] is None else str(ours["sample"])
        assert sample == theirs["sample"]
        for key in ("name", "symbol", "phase", "formula", "substitution"):
            assert ours[key] == theirs[key]
        assert ours["value"] == float(theirs["value"])
        joined = ";".join(f"{name}={value!r}" for name, value in ours["operands"].items())
        assert joined == theirs["operands"]


def test_a_substitution_in_text_comes_to_the_value():
    t = run.trace(read(Network(5, 4).stated("decimals = 12")), iterations=0)
    checked = 0
    for r in t.records():
        if r.substitution and re.fullmatch(r"[-+×/() .\d]+", r.substitution):
            found = value_of(r.substitution.replace("×", r"\times"))
            assert float(found) == pytest.approx(r.value, abs=1e-9)
            checked += 1
    assert 50 < checked
