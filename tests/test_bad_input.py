"""Broken scenario files through the command line: one clear line a problem, nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from promptly import promptly

from tracer import cli
from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.vectors import VECTORS
from tracer.problems import MAX_PROBLEMS
from tracer.scenario import MAX_SIZE

GOOD = """\
title = "Base"
source = "https://example.org/page"

[conventions]
loss = "half squared error"
net = "sum(w_i*x_i) + b"
learning_rate = "eta"

[givens.Inputs]
x1 = 0.5
x2 = -0.2

[givens.Weights]
w1 = 0.1
w2 = 0.4
w3 = -0.3
w4 = 0.2
v1 = 0.7
v2 = -0.5

[givens.Rest]
b1 = 0.1
c = 0.2
t = 1
eta = 0.5

[network]
inputs = ["x1", "x2"]
targets = ["t"]

[[network.layers]]
weights = [["w1", "w2"], ["w3", "w4"]]
bias = "b1"
activation = "tanh"
net = "z{j}"
out = "h{j}"

[[network.layers]]
weights = [["v1", "v2"]]
bias = "c"
activation = "sigmoid"
net = "z"
out = "y"

[readings.rounded]
rounding = { decimals = 4 }

[published]
z1 = 0.01
"""
V = "v1 = 0.7\nv2 = -0.5"  # the output's weights, and where they are used
USED = '[["v1", "v2"]]'
NET = '"sum(w_i*x_i) + b"'
ROUNDING = "rounding = { decimals = 4 }"
SECOND = 'net = "z"\nout = "y"'
NO_NAME = (
    "cannot be a name: a letter (also Greek, or with a hat as ŷ), then letters, digits, _, "
    "' and spaces"
)
NO_SYMBOL = (
    "is not a plain LaTeX symbol (letters, digits, one _ and ^ each, { }, Greek letters, "
    "\\mathrm, \\text, \\hat, \\bar)"
)
NO_ADDRESS = "expected an address like https://example.org/page (spaces and brackets as %20, %28)"
LAYER = "network.layers[0]"
OUTPUT = "network.layers[1]"


def changed(*edits: tuple[str, str], base: str = GOOD) -> str:
    """The good scenario with some of its text replaced."""
    for old, new in edits:
        assert old in base, old
        base = base.replace(old, new)
    return base


def without(start: str, end: str | None = None) -> str:
    """The good scenario without what stands from one mark to another."""
    stop = GOOD.index(end) if end else len(GOOD)
    return GOOD[: GOOD.index(start)] + GOOD[stop:]


def conventions(line: str) -> str:
    return changed(("[conventions]\n", f"[conventions]\n{line}\n"))


def matrix(rows: str) -> str:
    """The output's weights as a matrix."""
    return changed((V, f"V = {rows}"), (USED, '"V"'))


def symbol(tex: str) -> str:
    return GOOD + f"[symbols]\nw1 = '{tex}'\n"


def published(entry: str) -> str:
    return changed(("z1 = 0.01", f"z1 = {entry}"))


def two_outputs(*edits: tuple[str, str]) -> str:
    return changed(
        (USED, '[["v1", "v2"], ["v2", "v1"]]'), ('["t"]', '["t", "t"]'),
        (SECOND, 'net = "q{j}"\nout = "y{j}"'), *edits,
    )  # fmt: skip


#: What is broken: the file, and its lines on stderr without `tracer: bad.toml: `.
NO_NETWORK = "network: missing; a scenario has a network, formulas or gradients"

BROKEN: dict[str, tuple[str, ...]] = {
    # ---- keys
    "no title": (changed(('title = "Base"\n', "")), "title: missing"),
    "misspelt at the top": (
        changed(("title =", "titel =")),
        "title: missing", "titel: unknown key; did you mean 'title'?",
    ),
    "misspelt convention": (
        changed(("loss =", "los =")), "conventions.los: unknown key; did you mean 'loss'?",
    ),
    "misspelt key of the network": (
        changed(("inputs = [", "input = [")),
        "network.inputs: missing", "network.input: unknown key; did you mean 'inputs'?",
    ),
    "misspelt key of a layer": (
        changed(('activation = "sigmoid"', 'activaton = "sigmoid"')),
        f"{OUTPUT}.activation: missing",
        f"{OUTPUT}.activaton: unknown key; did you mean 'activation'?",
    ),
    "misspelt key of a reading": (
        changed(("rounding =", "ronding =")),
        "readings.rounded.ronding: unknown key; did you mean 'rounding'?",
    ),
    "misspelt key of a rounding": (
        changed(("{ decimals", "{ decimal")),
        "readings.rounded.rounding.decimal: unknown key; did you mean 'decimals'?",
    ),
    "misspelt key of a published number": (
        published("[0.01, { printed = 0.01, raeding = 'rounded' }]"),
        "published.z1[1].raeding: unknown key; did you mean 'reading'?",
    ),
    "misspelt key of a given": (
        changed(("eta = 0.5", "eta = { value = 0.5, asumed = true }")),
        "givens.Rest.eta.asumed: unknown key; did you mean 'assumed'?",
    ),
    "key like nothing known": (
        "zzz = 1\n" + GOOD,
        "zzz: unknown key; known are title, author, source, about, conventions, givens, "
        "samples, random, activations, losses, formulas, network, error, trained, gradients, "
        "optimizer, optimizers, run, index_notation, symbols, "
        "readings, published, points",
    ),
    "keys that are ours": ('name = "a"\nfile = "b"\n' + GOOD, "name: unknown key",
                           "file: unknown key"),
    "no network": (without("[network]"), NO_NETWORK),
    "no givens": (without("[givens.Inputs]", "[network]"), "givens: missing"),
    "no layers": (without("[[network.layers]]"), "network.layers: missing"),
    "nothing": ("", "title: missing", "givens: missing", NO_NETWORK),
    # ---- the wrong kind of value
    "text for a number": (
        changed(("w1 = 0.1", 'w1 = "0.1"')),
        "givens.Weights.w1: expected a number, found the text '0.1'",
    ),
    "true for a number": (
        changed(("w1 = 0.1", "w1 = true")), "givens.Weights.w1: expected a number, found true",
    ),
    "date for a number": (
        changed(("w1 = 0.1", "w1 = 2020-01-01")),
        "givens.Weights.w1: expected a number, found a date or time",
    ),
    "text for true": (
        changed(("eta = 0.5", 'eta = { value = 0.5, assumed = "yes" }')),
        "givens.Rest.eta.assumed: expected true or false, found the text 'yes'",
    ),
    "a given without value": (
        changed(("eta = 0.5", "eta = { assumed = true }")), "givens.Rest.eta.value: missing",
    ),
    "number for weights": (
        changed((USED, "5")),
        f"{OUTPUT}.weights: expected the name of a matrix, or rows of names, found 5",
    ),
    "weights in one row": (
        changed((USED, '["v1", "v2"]')),
        f"{OUTPUT}.weights[0]: expected a list, found the text 'v1'",
        f"{OUTPUT}.weights[1]: expected a list, found the text 'v2'",
    ),
    "numbers for names": (
        changed((USED, "[[0.7, -0.5]]")),
        f"{OUTPUT}.weights[0][0]: expected a text, found 0.7",
        f"{OUTPUT}.weights[0][1]: expected a text, found -0.5",
    ),
    "number for a bias": (
        changed(('bias = "c"', "bias = 0.2")),
        f"{OUTPUT}.bias: expected a name, or a list of names, found 0.2",
    ),
    "number for inputs": (
        changed(('["x1", "x2"]', "2")),
        "network.inputs: expected the name of a list, or a list of names, found 2",
    ),
    "layers that are texts": (
        without("[[network.layers]]", "[readings").replace(
            "[readings", 'layers = ["sigmoid", 5]\n[readings'
        ),
        f"{LAYER}: expected a table, found the text 'sigmoid'",
        f"{OUTPUT}: expected a table, found 5",
    ),
    "a layer that is no list": (
        without("[[network.layers]]", "[readings").replace(
            "[readings", '[network.layers]\nactivation = "tanh"\n[readings'
        ),
        "network.layers: expected tables [[network.layers]], found a table",
    ),
    "number for a rounding": (
        changed(("{ decimals = 4 }", "4")),
        "readings.rounded.rounding: expected a table like { decimals = 4 }, or 'none', found 4",
    ),
    "givens without tables": (
        changed(("[givens.Inputs]", "[givens]")),
        "givens.x1: expected a table, found 0.5", "givens.x2: expected a table, found -0.2",
    ),
    "published text": (
        published("'0.01'"), "published.z1: expected a number, found the text '0.01'",
    ),
    "published text in a list": (
        published("[0.01, '0.01']"), "published.z1[1]: expected a number, found the text '0.01'",
    ),
    "published truth": (published("true"), "published.z1: expected a number, found true"),
    "published nothing": (published("[]"), "published.z1: empty"),
    "published without its digits": (published("{ where = 'x' }"), "published.z1.printed: missing"),
    "published iteration of 1.5": (
        published("{ printed = 0.01, iteration = 1.5 }"),
        "published.z1.iteration: expected a whole number, found 1.5",
    ),
    # ---- numbers
    "nan": (
        changed(("w1 = 0.1", "w1 = nan")),
        "givens.Weights.w1: expected a finite number, found NaN",
    ),
    "minus infinity": (
        changed(("w1 = 0.1", "w1 = -inf")),
        "givens.Weights.w1: expected a finite number, found -Infinity",
    ),
    "too large": (
        changed(("w1 = 0.1", "w1 = 1e400")),
        "givens.Weights.w1: 1.000e+400 does not fit a float64",
    ),
    "too small": (
        changed(("w1 = 0.1", "w1 = 1e-999999999")),
        "givens.Weights.w1: 1.000e-999999999 does not fit a float64",
    ),
    "zero with a thousand million digits": (
        changed(("w1 = 0.1", "w1 = 0e-999999999")),
        "givens.Weights.w1: a number of more than 400 digits",
    ),
    "exponent that no Decimal has": (
        changed(("w1 = 0.1", "w1 = 1e99999999999999999999")),
        "not valid TOML: a number with too many digits",
    ),
    "integer of 5,000 digits": (
        changed(("w1 = 0.1", f"w1 = {'9' * 5000}")),
        "not valid TOML: a number with too many digits",
    ),
    "fraction of 2,000 digits": (
        changed(("w1 = 0.1", f"w1 = 0.{'1' * 2000}")),
        "givens.Weights.w1: a number of more than 400 digits",
    ),
    # ---- choices
    "unknown activation": (
        changed(('"tanh"', '"tahn"')), f"{LAYER}.activation: no 'tahn'; did you mean 'tanh'?",
    ),
    "activation like no other": (
        changed(('"tanh"', '"quake"')),
        f"{LAYER}.activation: no 'quake'; known are {', '.join((*ACTIVATIONS, *VECTORS))}",
    ),
    "unknown loss": (
        changed(("half squared error", "half squared eror")),
        "conventions.loss: no 'half squared eror'; did you mean 'half squared error'?",
    ),
    "unknown chain": (
        conventions('chain = "ful"'), "conventions.chain: no 'ful'; did you mean 'full'?",
    ),
    "unknown sign": (
        conventions('sign = "t-o"'), "conventions.sign: no 't-o'; did you mean 't - o'?",
    ),
    "unknown update": (
        conventions('update = "sequental"'),
        "conventions.update: no 'sequental'; did you mean 'sequential'?",
    ),
    "unknown biases": (
        conventions('biases = "none"'),
        "conventions.biases: no 'none'; expected one of 'trained', 'frozen'",
    ),
    "unknown rows": (
        changed(('bias = "c"', 'bias = "c"\nrows = "columns"')),
        f"{OUTPUT}.rows: no 'columns'; expected one of 'units', 'inputs'",
    ),
    "minus one iteration": (
        conventions("iterations = -1"), "conventions.iterations: expected 0 or more, found -1",
    ),
    "iterations beyond patience": (
        conventions("iterations = 10_000_000_000"),
        "conventions.iterations: expected 1,000,000,000 or less, found 10000000000",
    ),
    "too many decimals": (
        conventions("decimals = 99"), "conventions.decimals: expected 15 or less, found 99",
    ),
    "decimals and significant digits": (
        conventions("decimals = 3\nsignificant = 3"),
        "conventions.significant: state decimals or significant, not both",
    ),
    "rounding to both": (
        changed(("{ decimals = 4 }", "{ decimals = 4, significant = 3 }")),
        "readings.rounded.rounding: state decimals or significant, one of them",
    ),
    "rounding to nothing": (
        changed(("{ decimals = 4 }", "{ mode = 'truncate' }")),
        "readings.rounded.rounding: state decimals or significant, one of them",
    ),
    "misspelt way of rounding": (
        changed(("{ decimals = 4 }", "{ decimals = 4, mode = 'half evn' }")),
        "readings.rounded.rounding.mode: no 'half evn'; did you mean 'half even'?",
    ),
    "a way of rounding that is gone": (
        changed(("{ decimals = 4 }", "{ decimals = 4, truncate = true }")),
        "readings.rounded.rounding.truncate: unknown key; known are decimals, significant, mode",
    ),
    "misspelt arithmetic": (
        conventions('arithmetic = "float16"'),
        "conventions.arithmetic: no 'float16'; did you mean 'float64'?",
    ),
    "arithmetic of a reading that is none": (
        changed((ROUNDING, 'arithmetic = "double"')),
        "readings.rounded.arithmetic: no 'double'; expected one of 'float64', 'float32'",
    ),
    "arithmetic in a list": (
        conventions('arithmetic = ["float32"]'),
        "conventions.arithmetic: expected 'float64', 'float32' or a number of digits like "
        "{ digits = 30 }, found a list",
    ),
    "arithmetic that is true": (
        conventions("arithmetic = true"),
        "conventions.arithmetic: expected 'float64', 'float32' or a number of digits like "
        "{ digits = 30 }, found true",
    ),
    "no digits": (
        conventions("arithmetic = { digits = 0 }"),
        "conventions.arithmetic.digits: expected 1 or more, found 0",
    ),
    "too many digits, in short": (
        conventions("arithmetic = 1000"),
        "conventions.arithmetic: expected 100 or less, found 1000",
    ),
    "digits that are half a number": (
        conventions("arithmetic = { digits = 7.5 }"),
        "conventions.arithmetic.digits: expected a whole number, found 7.5",
    ),
    "digits missing": (
        conventions("arithmetic = {}"), "conventions.arithmetic.digits: missing",
    ),
    "misspelt digits": (
        conventions("arithmetic = { digts = 30 }"),
        "conventions.arithmetic.digits: missing",
        "conventions.arithmetic.digts: unknown key; did you mean 'digits'?",
    ),
    "rounding in another arithmetic": (
        conventions('rounding = { decimals = 4 }\narithmetic = "float32"'),
        "conventions.arithmetic: state rounding or another arithmetic, not both",
    ),
    "a reading that rounds in another arithmetic": (
        changed((ROUNDING, f"{ROUNDING}\narithmetic = 30")),
        "readings.rounded.arithmetic: state rounding or another arithmetic, not both",
    ),
    # ---- what is given
    "missing weight": (
        changed(("w3 = -0.3\n", "")), f"{LAYER}.weights[1][0]: 'w3' is not given",
    ),
    "misspelt weight": (
        changed(("w3 = -0.3", "weight3 = -0.3"), ('"w3"', '"wieght3"')),
        f"{LAYER}.weights[1][0]: 'wieght3' is not given; did you mean 'weight3'?",
        "givens.Weights.weight3: given but not used; did you mean 'wieght3'?",
    ),
    "missing bias": (
        changed(('bias = "b1"', 'bias = "b2"')),
        f"{LAYER}.bias: 'b2' is not given", "givens.Rest.b1: given but not used",
    ),
    "missing target": (
        changed(("t = 1\n", "")), "network.targets[0]: 't' is not given",
    ),
    "no learning rate": (
        changed(("eta = 0.5\n", "")), "conventions.learning_rate: 'eta' is not given",
    ),
    "other learning rate": (
        changed(('learning_rate = "eta"\n', ""), ("eta = 0.5", "alpha = 0.5")),
        "conventions.learning_rate: 'eta' is not given", "givens.Rest.alpha: given but not used",
    ),
    "list of learning rates": (
        changed(("eta = 0.5", "eta = [0.5, 0.1]")),
        "conventions.learning_rate: 'eta' is given as a list, expected one number",
    ),
    "number for a list": (
        changed(('["t"]', '"t"')),
        "network.targets: 't' is given as 1, expected a list",
    ),
    "unused given": (
        changed(("eta = 0.5", "eta = 0.5\nw9 = 1")), "givens.Rest.w9: given but not used",
    ),
    "five thousand names": (
        changed(("eta = 0.5", "eta = 0.5\n" + "".join(f"g{i} = 1\n" for i in range(5000)))),
        "givens: 5,012 names; write matrices where there are more than 5,000",
        *(f"givens.Rest.g{i}: given but not used" for i in range(MAX_PROBLEMS - 1)),
        "and more problems; these come first",
    ),
    "four thousand weights that are not given": (
        changed(
            ("eta = 0.5", "eta = 0.5\n" + "".join(f"g{i} = 1\n" for i in range(4000))),
            ('[["w1", "w2"], ["w3", "w4"]]', "[" + '["q1", "q2"],' * 2000 + "]"),
        ),
        *(f"{LAYER}.weights[{j}][{i}]: 'q{i + 1}' is not given"
          for j in range(MAX_PROBLEMS // 2) for i in range(2)),
        "and more problems; these come first",
    ),
    # ---- shapes
    "row too short": (
        changed(('["w3", "w4"]', '["w3"]')),
        f"{LAYER}.weights[1]: 1 weight for 2 inputs", "givens.Weights.w4: given but not used",
    ),
    "row too long": (
        changed(('["w3", "w4"]', '["w3", "w4", "w1"]')),
        f"{LAYER}.weights[1]: 3 weights for 2 inputs",
    ),
    "unit without weights": (
        changed((USED, '[["-", "-"]]')),
        f"{OUTPUT}.weights[0]: a unit without any weight",
        "givens.Weights.v1: given but not used", "givens.Weights.v2: given but not used",
    ),
    "no rows": (changed((USED, "[]")), f"{OUTPUT}.weights: empty"),
    "ragged matrix": (matrix("[[0.7, -0.5], [0.1]]"), "givens.Weights.V: rows of 1 and 2"),
    "matrix of another shape": (
        matrix("[[0.7, -0.5, 0.1]]"), f"{OUTPUT}.weights: V is for 3 inputs, the layer has 2",
    ),
    "matrix with a text": (
        matrix('[[0.7, "x"]]'), "givens.Weights.V[0][1]: expected a number, found the text 'x'",
    ),
    "matrix with a number for a row": (
        matrix("[[0.7, 0.1], 0.3]"), "givens.Weights.V[1]: expected a list, found 0.3",
    ),
    "matrix of matrices": (
        matrix("[[[0.7], 0.1]]"), "givens.Weights.V[0][1]: expected a list, found 0.1",
    ),
    "vector for a matrix": (
        matrix("[0.7, 0.1]"), f"{OUTPUT}.weights: 'V' is given as a list, expected a matrix",
    ),
    "empty matrix": (matrix("[]"), "givens.Weights.V: empty"),
    "matrix of no columns": (
        matrix("[[]]"), f"{OUTPUT}.weights: V is for 0 inputs, the layer has 2",
    ),
    "three biases for two units": (
        changed(("b1 = 0.1", "b1 = [0.1, 0.2, 0.3]")), f"{LAYER}.bias: 3 biases for 2 units",
    ),
    "two targets for one output": (
        changed(('["t"]', '["t", "x1"]')), "network.targets: 2 targets for 1 output",
    ),
    "no targets": (changed(('["t"]', "[]")), "network.targets: empty"),
    "bias that the net leaves out": (
        changed((NET, '"sum(w_i*x_i)"')),
        "conventions.net: 'sum(w_i*x_i)' has no b, but there are biases",
    ),
    "units called by element": (
        changed(('"z{j}"', '"z"'), (SECOND, 'net = "q"\nout = "y"')),
        "published.z1: no step is called 'z1'; did you mean 'z[1]'?",
    ),
    "three names for two units": (
        changed(('"z{j}"', '["k", "l", "m"]')), f"{LAYER}.net: 3 names for 2 units",
    ),
    "no names for the errors": (
        changed(("[network]", "[network]\nerrors = []")), "network.errors: 0 names for 1 output",
    ),
    # ---- names
    "given called E": (
        changed(("c = 0.2", "E = 0.2"), ('"c"', '"E"')),
        "givens.Rest.E: the name 'E' is taken by the error; choose another",
    ),
    "matrix called E": (
        changed(("c = 0.2", "E = [0.2]"), ('"c"', '"E"')),
        "givens.Rest.E: the name 'E' is taken by the error; choose another",
        "network.errors: 'E1' would look like 'E[1]': E_{1}; choose another",
    ),
    "given called ETotal": (
        changed(("c = 0.2", "ETotal = 0.2"), ('"c"', '"ETotal"')),
        "givens.Rest.ETotal: the name 'ETotal' is taken by the error; choose another",
    ),
    "given like a derivative": (
        changed(("c = 0.2", '"dE/dw1" = 0.2'), ('"c"', '"dE/dw1"')),
        f"givens.Rest.dE/dw1: 'dE/dw1' {NO_NAME}", f"{OUTPUT}.bias: 'dE/dw1' {NO_NAME}",
    ),
    "given like an update": (
        changed(("c = 0.2", '"w1+" = 0.2'), ('"c"', '"w1+"')),
        f"givens.Rest.w1+: 'w1+' {NO_NAME}", f"{OUTPUT}.bias: 'w1+' {NO_NAME}",
    ),
    "given like a delta": (
        changed(("c = 0.2", "delta_z1 = 0.2"), ('"c"', '"delta_z1"'),
                ("[conventions]", '[conventions]\nchain = "deltas"')),
        "network: the name 'delta_z1' is written twice; choose another name",
    ),
    "given like an error": (
        two_outputs(("c = 0.2", "E1 = 0.2"), ('"c"', '"E1"')),
        "network.errors: the name 'E1' is taken by givens.Rest.E1; choose another",
    ),
    "given twice": (
        changed(("c = 0.2", "c = 0.2\nw1 = 0.3")),
        "givens.Rest.w1: the name 'w1' is taken by givens.Weights.w1; choose another",
    ),
    "given like an element": (
        changed((V, 'v = [0.7]\n"v[1]" = 0.3'), (USED, '[["v[1]", "v[1]"]]')),
        "givens.Weights.v[1]: the name 'v[1]' is taken by givens.Weights.v; choose another",
        "givens.Weights.v[1]: given but not used",
    ),
    "given that looks like another": (
        changed(("c = 0.2", "w_1 = 0.2"), ('"c"', '"w_1"')),
        "givens.Rest.w_1: 'w_1' would look like 'w1': w_{1}; choose another",
    ),
    "unit called like a given": (
        changed(('out = "y"', 'out = "x1"')),
        f"{OUTPUT}.out: the name 'x1' is taken by givens.Inputs.x1; choose another",
    ),
    "two layers with the same names": (
        changed((SECOND, 'net = "z{j}"\nout = "h{j}"')),
        f"{OUTPUT}.net: the name 'z1' is taken by {LAYER}.net; choose another",
        f"{OUTPUT}.out: the name 'h1' is taken by {LAYER}.out; choose another",
    ),
    "a unit's two names the same": (
        changed(('out = "y"', 'out = "z"')),
        f"{OUTPUT}.out: the name 'z' is taken by {OUTPUT}.net; choose another",
    ),
    "two units with one name": (
        changed(('"z{j}"', '["a", "a"]')), f"{LAYER}.net: a name twice",
    ),
    "error called like an input": (
        changed(("[network]", '[network]\ntotal_error = "x1"')),
        "network.total_error: the name 'x1' is taken by givens.Inputs.x1; choose another",
    ),
    "pattern with an unknown letter": (
        changed(('"z{j}"', '"z{i}"')), f"{LAYER}.net: 'z{{i}}' has {{i}}; there is {{j}}, {{l}}",
    ),
    "name with markup": (
        changed(("c = 0.2", '"<b>" = 0.2'), ('"c"', '"<b>"')),
        f"givens.Rest.<b>: '<b>' {NO_NAME}", f"{OUTPUT}.bias: '<b>' {NO_NAME}",
    ),
    "name that is the sign for none": (
        changed(("c = 0.2", '"-" = 0.2'), ('"c"', '"-"')),
        f"givens.Rest.-: '-' {NO_NAME}", f"{OUTPUT}.bias: '-' {NO_NAME}",
    ),
    "weight that is an input": (
        changed(('["x1", "x2"]', '["x1", "w1"]'), ("x2 = -0.2\n", "")),
        f"{LAYER}.weights: 'w1' is an input; it cannot be a weight too",
    ),
    "bias that is a weight": (
        changed(('bias = "c"', 'bias = "w1"'), ("c = 0.2\n", "")),
        f"{OUTPUT}.bias: 'w1' is a weight; it cannot be a bias too",
    ),
    "learning rate that is a weight": (
        changed(('"eta"', '"w1"'), ("eta = 0.5\n", "")),
        "conventions.learning_rate: 'w1' is a weight; it cannot be the learning rate too",
    ),
    # ---- formulas
    "formula that imports": (
        changed((NET, "\"__import__('os').system('id')\"")),
        "conventions.net: \"__import__('os').system('id')\": '_' is not allowed at character 1",
    ),
    "formula with an attribute": (
        changed((NET, '"w_i.__class__"')),
        "conventions.net: 'w_i.__class__': '.' is not allowed at character 4",
    ),
    "formula that is a tower": (
        changed((NET, '"9^9^9^9^9*sum(w_i*x_i) + b"')),
        "conventions.net: '9^9^9^9^9*sum(w_i*x_i) + b': an exponent is names, or one number up "
        "to 1000, at character 10",
    ),
    "formula of 5,000 brackets": (
        changed((NET, f'"{"(" * 5000}b{")" * 5000}"')),
        f"conventions.net: '{'(' * 57}...': longer than 2000 characters",
    ),
    "formula of other names": (
        changed((NET, '"sum(w_i*x_i) + c"')),
        "conventions.net: 'sum(w_i*x_i) + c' must be made of x_i, w_i and b: 'sum(w_i*x_i) + b'",
    ),
    "number for a formula": (
        changed((NET, "5")),
        "conventions.net: expected a formula like 'sum(w_i*x_i) + b', found 5",
    ),
    "division by zero": (
        changed((NET, '"sum(w_i/x_i) + b"'), ("x1 = 0.5", "x1 = 0")),
        "z1 at iteration 0: division by zero in w_1/x_1 + w_2/x_2 + b with w_1 = 0.1, x_1 = 0, "
        "w_2 = 0.4, x_2 = -0.2, b = 0.1",
    ),
    "overflow": (
        changed(("w1 = 0.1", "w1 = 1e308"), ("x1 = 0.5", "x1 = 1e308")),
        "z1 at iteration 0: overflow in w_1*x_1 + w_2*x_2 + b with w_1 = 1e+308, x_1 = 1e+308, "
        "w_2 = 0.4, x_2 = -0.2, b = 0.1",
    ),
    # ---- texts
    "symbol that reads a file": (
        symbol(r"\input{/etc/passwd}"), rf"symbols.w1: '\input{{/etc/passwd}}' {NO_SYMBOL}",
    ),
    "symbol that runs a program": (
        symbol(r"\write18{rm}"), rf"symbols.w1: '\write18{{rm}}' {NO_SYMBOL}",
    ),
    "symbol that ends mathematics": (symbol("w$x"), f"symbols.w1: 'w$x' {NO_SYMBOL}"),
    "symbol with braces the wrong way": (symbol("w}{"), f"symbols.w1: 'w}}{{' {NO_SYMBOL}"),
    "symbol with two subscripts": (symbol("w_1_2"), f"symbols.w1: 'w_1_2' {NO_SYMBOL}"),
    "symbol that ends open": (symbol("w_"), f"symbols.w1: 'w_' {NO_SYMBOL}"),
    "symbol by character codes": (symbol("^^5cinput"), f"symbols.w1: '^^5cinput' {NO_SYMBOL}"),
    "symbol for nothing": (
        GOOD + '[symbols]\nw17 = "w"\n',
        "symbols.w17: no number is called 'w17'; did you mean 'w1'?",
    ),
    "bell in a title": (
        changed(('"Base"', '"Ba\\u0007se"')),
        "title: a text holds no control characters, found U+0007",
    ),
    "escape sequence in a title": (
        changed(('"Base"', '"Ba\\u009b31mse"')),
        "title: a text holds no control characters, found U+009B",
    ),
    "text that runs backwards": (
        changed(('"Base"', '"Ba\\u202ese"')),
        "title: a text holds no control characters, found U+202E",
    ),
    "escape in a key": (
        changed(("[readings.rounded]", '[readings."ro\\u001b[31m"]')),
        "readings.'ro\\x1b[31m': a text holds no control characters, found U+001B",
    ),
    "empty title": (changed(('"Base"', '" "')), "title: empty"),
    "title of two lines": (
        changed(('"Base"', '"a\\nb"')), "title: expected one line of at most 200 characters",
    ),
    "reading without a name": (
        changed(("[readings.rounded]", '[readings.""]')), "readings.'': empty",
    ),
    "address that is a program": (
        changed(("https://example.org/page", "javascript:alert(1)")),
        f"source: {NO_ADDRESS}, found 'javascript:alert(1)'",
    ),
    "address with a link": (
        changed(("https://example.org/page", "https://a.org/x)[click](http://evil")),
        f"source: {NO_ADDRESS}, found 'https://a.org/x)[click](http://evil'",
    ),
    # ---- readings and published numbers
    "reading of no given": (
        changed((ROUNDING, "givens = { w11 = 3 }")),
        "readings.rounded.givens.w11: 'w11' is not given; did you mean 'w1'?",
    ),
    "reading that changes nothing": (
        changed((ROUNDING, 'says = "nothing"')), "readings.rounded: changes nothing",
    ),
    "reading with another learning rate": (
        changed((ROUNDING, 'learning_rate = "ata"')),
        "readings.rounded.learning_rate: 'ata' is not given; did you mean 'eta'?",
    ),
    "published name unknown": (
        changed(("z1 = 0.01", '"dE/dw9" = 0.07')),
        "published.dE/dw9: no step is called 'dE/dw9'; did you mean 'dE/dw4'?",
    ),
    "published reading with too many decimals": (
        published("{ printed = 0.01, reading = 'rounded to 16 decimals' }"),
        "published.z1.reading: no reading 'rounded to 16 decimals'; did you mean "
        "'rounded to 4 decimals'?",
    ),
    "published reading nearly implicit": (
        published("{ printed = 0.01, reading = 'flaot32' }"),
        "published.z1.reading: no reading 'flaot32'; did you mean 'float32'?",
    ),
    "published reading with a number of its own": (
        published("{ printed = 0.01, reading = 'round to 6 decimals' }"),
        "published.z1.reading: no reading 'round to 6 decimals'; did you mean "
        "'rounded to 6 decimals'?",
    ),
    "published reading unknown": (
        published("{ printed = 0.01, reading = 'roundd' }"),
        "published.z1.reading: no reading 'roundd'; did you mean 'rounded'?",
    ),
    "published sample unknown": (
        published("[0.01, { printed = 0.01, sample = 3 }]"),
        "published.z1[1]: no sample 3; there are 1, from 0",
    ),
    "misprint without a reason": (
        published("{ printed = 0.02, right = 0.01 }"),
        "published.z1.reason: missing; say why 0.02 is wrong",
    ),
    "misprint with fewer digits": (
        published("{ printed = 0.0200, right = 0.01, reason = 'slip' }"),
        "published.z1.right: fewer digits than the printed 0.0200",
    ),
    "misprint that is right": (
        published("{ printed = 0.01, right = 0.010, reason = 'slip' }"),
        "published.z1.right: the same as the printed 0.01",
    ),
    "unreproducible without a reason": (
        published("{ printed = 0.02, reproducible = false }"),
        "published.z1.reason: missing; say why 0.02 cannot be reproduced",
    ),
    "unreproducible and right": (
        published("{ printed = 0.02, reproducible = false, right = 0.01, reason = 'x' }"),
        "published.z1.right: a number that nobody can reproduce has no right value",
    ),
    # ---- TOML
    "key twice": (
        changed(("c = 0.2", "c = 0.2\nc = 0.3")),
        "not valid TOML: Cannot overwrite a value (at line 24, column 8)",
    ),
    "brackets 50,000 deep": (
        changed(("w1 = 0.1", f"w1 = {'[' * 50_000}{']' * 50_000}")), "nested too deeply",
    ),
    "tables 3,000 deep": (
        changed(("w1 = 0.1", f"w1 = {'{a=' * 3000}1{'}' * 3000}")), "nested too deeply",
    ),
    "a key of 50,000 parts": (GOOD + ".".join("a" * 50_000) + " = 1\n", "nested too deeply"),
    "a table of 20,000 parts": (GOOD + f"[{'.'.join('a' * 20_000)}]\n", "nested too deeply"),
    "larger than a scenario": (
        "#" * MAX_SIZE + "\n", f"larger than {MAX_SIZE:,} bytes, not a scenario",
    ),
    # ---- several
    "several problems": (
        changed(("loss", "lss"), ("x2 = -0.2", "x2 = nan"), ("w3 = -0.3\n", ""),
                ('"tanh"', '"tahn"'), ("z1 = 0.01", "z1 = 'x'")),
        "conventions.lss: unknown key; did you mean 'loss'?",
        "givens.Inputs.x2: expected a finite number, found NaN",
        "published.z1: expected a number, found the text 'x'",
        f"{LAYER}.activation: no 'tahn'; did you mean 'tanh'?",
        f"{LAYER}.weights[1][0]: 'w3' is not given",
    ),
    "several parts that do not fit": (
        changed(("w3 = -0.3\n", ""), ('"c"', '"d"'), ('["t"]', '["q"]'),
                ("z1 = 0.01", "z1 = { printed = 0.01, reading = 'q' }")),
        f"{LAYER}.weights[1][0]: 'w3' is not given", f"{OUTPUT}.bias: 'd' is not given",
        "network.targets[0]: 'q' is not given", "published.z1.reading: no reading 'q'",
        "givens.Rest.c: given but not used", "givens.Rest.t: given but not used",
    ),
}  # fmt: skip

#: The same for files that are no text.
NO_TEXT: dict[str, tuple[bytes, str]] = {
    "binary": (bytes(range(256)), "line 2: not UTF-8; save it as UTF-8 text"),
    "UTF-16": (GOOD.encode("utf-16"), "line 1: not UTF-8; save it as UTF-8 text"),
    "Latin-1": (
        GOOD.replace("Base", "Süd").encode("latin-1"), "line 1: not UTF-8; save it as UTF-8 text",
    ),
    "a zero byte": (
        b'title = "a\0b"', "not valid TOML: Illegal character '\\x00' (at line 1, column 11)",
    ),
    "a page of the web": (
        b"<!doctype html>", "not valid TOML: Invalid statement (at line 1, column 1)",
    ),
}  # fmt: skip

#: Files that are unusual and right.
ACCEPTED = {
    "as it is": GOOD.encode(),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "line ends of Windows": GOOD.replace("\n", "\r\n").encode(),
    "no conventions": without("[conventions]", "[givens.Inputs]").encode(),
    "a thousand million iterations": conventions("iterations = 1_000_000_000").encode(),
    "the same input twice": changed(('["x1", "x2"]', '["x1", "x1"]'), ("x2 = -0.2\n", "")).encode(),
    "the input as target": changed(('["t"]', '["x1"]'), ("t = 1\n", "")).encode(),
    "elements of a matrix as weights": changed(
        (V, "V = [[0.7, -0.5]]"), (USED, '[["V[1,1]", "V[1,2]"]]')
    ).encode(),
    "words between two bytes": changed(('"Base"', '"Kin\\u200cder \\U0001F469\\u200D"')).encode(),
}


def rendered(folder: Path, content: bytes) -> Result:
    """`tracer render bad.toml -o out` in a folder."""
    (folder / "bad.toml").write_bytes(content)
    here = os.getcwd()
    try:
        os.chdir(folder)
        return CliRunner().invoke(cli.main, ["render", "bad.toml", "-o", "out"])
    finally:
        os.chdir(here)


def refused(folder: Path, content: bytes, expected: tuple[str, ...]) -> None:
    with promptly():
        done = rendered(folder, content)
    assert 2 == done.exit_code, done.output
    assert [f"tracer: bad.toml: {line}" for line in expected] == done.stderr.splitlines()
    assert "" == done.stdout
    assert ["bad.toml"] == os.listdir(folder)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_scenario_is_refused_line_by_line(broken: str, tmp_path: Path) -> None:
    text, *expected = BROKEN[broken]
    refused(tmp_path, text.encode(), tuple(expected))


@pytest.mark.parametrize("broken", NO_TEXT)
def test_a_file_that_is_no_text_is_refused(broken: str, tmp_path: Path) -> None:
    content, expected = NO_TEXT[broken]
    refused(tmp_path, content, (expected,))


@pytest.mark.parametrize("unusual", ACCEPTED)
def test_what_is_only_unusual_is_rendered(unusual: str, tmp_path: Path) -> None:
    done = rendered(tmp_path, ACCEPTED[unusual])
    assert (0, "") == (done.exit_code, done.stderr)
    curve = {"bad-loss.svg"} if "iterations" in unusual else set()
    assert {"bad.md", "bad.svg", "bad.tex"} | curve == set(os.listdir(tmp_path / "out"))


def test_there_are_enough_ways_to_be_wrong() -> None:
    assert 100 < len(BROKEN) + len(NO_TEXT)


# ---- places that hold no scenario ------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("mazzur", "mazzur: no scenario of that name and no such file; did you mean 'mazur'?"),
        ("x/mazzur.toml",
         "x/mazzur.toml: no scenario of that name and no such file; did you mean 'mazur'?"),
        ("qq.toml",
         "qq.toml: no scenario of that name and no such file; `tracer list` names those shipped"),
        (".", ".: a folder, not a scenario file"),
        ("/dev/zero", "/dev/zero: a device, not a file"),
    ],
)  # fmt: skip
def test_a_place_without_a_scenario_is_refused(source: str, expected: str) -> None:
    done = CliRunner().invoke(cli.main, ["render", source, "-o", "-", "--format", "md"])
    assert (2, "", f"tracer: {expected}\n") == (done.exit_code, done.stdout, done.stderr)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_one_may_not_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.toml"
    path.write_text(GOOD)
    path.chmod(0)
    done = CliRunner().invoke(cli.main, ["show", str(path)])
    assert (2, f"tracer: {path}: Permission denied\n") == (done.exit_code, done.stderr)


def test_a_broken_file_among_good_ones_keeps_all_from_being_written(tmp_path: Path) -> None:
    bad, out = tmp_path / "bad.toml", tmp_path / "out"
    bad.write_text(GOOD.replace("tanh", "tahn"))
    done = CliRunner().invoke(cli.main, ["render", "mazur", str(bad), "-o", str(out)])
    assert 2 == done.exit_code
    assert not out.exists()


# ---- as a process ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken", ["nothing", "brackets 50,000 deep", "overflow", "symbol that reads a file"]
)
def test_a_process_ends_with_2_and_no_traceback(broken: str, tmp_path: Path) -> None:
    text, *expected = BROKEN[broken]
    (tmp_path / "bad.toml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "tracer", "render", "bad.toml", "-o", "out"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, env=_environment(),
    )  # fmt: skip
    assert (2, "") == (done.returncode, done.stdout)
    assert [f"tracer: bad.toml: {line}" for line in expected] == done.stderr.splitlines()
    assert ["bad.toml"] == os.listdir(tmp_path)


def _environment() -> dict[str, str]:
    package = str(Path(cli.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": package}
