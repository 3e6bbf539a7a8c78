"""Broken samples, batches, draws, formulas, perceptrons and readings: one clear line a problem."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_bad_input import (
    GOOD,
    LAYER,
    NET,
    NO_NAME,
    NO_NETWORK,
    OUTPUT,
    ROUNDING,
    USED,
    V,
    changed,
    refused,
)
from test_scenario import VALUES, _toml, lines_of, parts

from tracer import run, scenario
from tracer.errors import TracerError

#: Samples that are lists.
LISTS = """\
title = "t"
[samples.training]
arrays = { x = [[1, 2], [3, 4]], t = [1, 0] }
[samples.prediction]
arrays = { x = [[3, 4]] }
[givens.All]
w = [[0.1, 0.2]]
eta = 0.1
[network]
inputs = "x"
targets = ["t"]
[[network.layers]]
weights = "w"
activation = "sigmoid"
"""
#: The good network trained on four samples, and asked about another.
DATA = changed(
    ("[givens.Inputs]\nx1 = 0.5\nx2 = -0.2\n", """\
[samples.training]
columns = ["x1", "x2", "t"]
rows = [[0.5, -0.2, 1], [0.1, 0.3, 0], [0.2, 0.4, 1], [0.6, -0.5, 0]]

[samples.prediction]
columns = ["x1", "x2"]
rows = [[0.5, 0.5]]
"""),
    ("t = 1\n", ""),
)  # fmt: skip

#: The good network with inputs and weights that are drawn.
DRAWN = changed(
    ("[givens.Inputs]\nx1 = 0.5\nx2 = -0.2\n", """\
[random]
generator = "numpy.random.seed"
seed = 4
draw = [
  { name = "X", function = "rand", shape = [4, 2], samples = "training", columns = ["x1", "x2"] },
  { name = "V", function = "randn", shape = [1, 2] },
]
"""),
    (f"{V}\n", ""), (USED, '"V"'),
)  # fmt: skip

#: No network: formulas, the last one differentiated by the givens.
CIRCUIT = """\
title = "Circuit"
[conventions]
decimals = 4
[givens.All]
x = -2
y = 5
z = -4
[formulas]
q = "x + y"
f = "q*z"
[readings.other]
givens = { x = 3 }
[published]
f = -12
"""

#: The same over samples.
LINE = """\
title = "Line"
[samples.training]
columns = ["x", "t"]
rows = [[1, 2], [2, 3], [3, 5]]
[givens.All]
w = 1
[formulas]
E = "{error}"
"""

PERCEPTRON = """\
title = "And"
[conventions]
learning = "perceptron"
batch_size = 1
epochs = 2
[samples.training]
columns = ["x1", "x2", "t"]
rows = [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1]]
[givens.All]
w1 = 0.1
w2 = 0.2
b = 0.3
eta = 0.1
[network]
inputs = ["x1", "x2"]
targets = ["t"]
threshold = 0.5
[[network.layers]]
weights = [["w1", "w2"]]
bias = "b"
activation = "identity"
"""

DRAW = '{ name = "V", function = "randn", shape = [1, 2] },'
COLUMNS = 'columns = ["x1", "x2", "t"]'
INPUTS = 'inputs = ["x1", "x2"]'
ASKED = 'columns = ["x1", "x2"]\nrows = [[0.5, 0.5]]'
TWO_UNITS = (
    ('[["w1", "w2"]]', '[["w1", "w2"], ["w3", "w4"]]'),
    ("w2 = 0.2", "w2 = 0.2\nw3 = 0.1\nw4 = 0.5"), ('["t"]', '["t", "t"]'),
)  # fmt: skip


def data(*edits: tuple[str, str]) -> str:
    return changed(*edits, base=DATA)


def drawn(*edits: tuple[str, str]) -> str:
    return changed(*edits, base=DRAWN)


def circuit(*edits: tuple[str, str]) -> str:
    return changed(*edits, base=CIRCUIT)


def perceptron(*edits: tuple[str, str]) -> str:
    return changed(*edits, base=PERCEPTRON)


def line(error: str, *edits: tuple[str, str]) -> str:
    return changed(*edits, base=LINE.format(error=error))


def beside(formulas: str, *edits: tuple[str, str]) -> str:
    """The network with samples, and formulas beside it."""
    return changed(*edits, base=f"{DATA}[formulas]\n{formulas}\n")


def stated(convention: str, base: str = DATA) -> str:
    return changed(("[conventions]\n", f"[conventions]\n{convention}\n"), base=base)


def reading(what: str, base: str = GOOD) -> str:
    return changed((ROUNDING, what), base=base)


def published(entry: str, base: str = DATA) -> str:
    return changed(("z1 = 0.01", f"z1 = {{ printed = 0.01, {entry} }}"), base=base)


#: What is broken: the file, and its lines on stderr without `tracer: bad.toml: `.
BROKEN: dict[str, tuple[str, ...]] = {
    # ---- sample sets
    "samples of unequal length": (
        data(("[0.1, 0.3, 0]", "[0.1, 0.3]")),
        "samples.training.rows[1]: 2 numbers for 3 columns",
    ),
    "a column twice": (
        data((COLUMNS, 'columns = ["x1", "x1", "t"]')), "samples.training.columns: a name twice",
    ),
    "a text among the samples": (
        data(("[0.1, 0.3, 0]", '[0.1, "a", 0]')),
        "samples.training.rows[1][1]: expected a number, found the text 'a'",
    ),
    "a number for a sample": (
        data(("[0.1, 0.3, 0]", "5")), "samples.training.rows[1]: expected a list, found 5",
    ),
    "no samples": (data(("[[0.5, 0.5]]", "[]")), "samples.prediction.rows: empty"),
    "misspelt columns": (
        data((COLUMNS, COLUMNS.replace("columns", "colums"))),
        "samples.training.columns: missing",
        "samples.training.colums: unknown key; did you mean 'columns'?",
    ),
    "misspelt rows": (
        data(("rows = [[0.5, 0.5]]", "row = [[0.5, 0.5]]")),
        "samples.prediction.rows: missing",
        "samples.prediction.row: unknown key; did you mean 'rows'?",
    ),
    "samples without a title": (
        data(("[samples.training]", "[samples]")),
        "samples.columns: expected a table, found a list",
        "samples.rows: expected a table, found a list",
    ),
    "samples under another title": (
        data(("samples.training", "samples.traning")),
        *(f"network.{place}: '{name}' is not given; it is in samples.traning, not in "
          "samples.training" for place, name in (
              ("inputs[0]", "x1"), ("inputs[1]", "x2"), ("targets[0]", "t"))),
    ),
    "a column called like an update": (
        data((COLUMNS, 'columns = ["x1", "x2", "t+"]'), ('["t"]', '["t+"]')),
        f"samples.training.columns[2]: 't+' {NO_NAME}", f"network.targets[0]: 't+' {NO_NAME}",
    ),
    "a column called like the error": (
        data((COLUMNS, 'columns = ["x1", "x2", "E"]'), ('["t"]', '["E"]')),
        "samples.training.columns: the name 'E' is taken by the error; choose another",
    ),
    "a column called like a given": (
        data(("c = 0.2", "x1 = 0.2"), ('"c"', '"x1"')),
        "samples.training.columns: the name 'x1' is taken by givens.Rest.x1; choose another",
        f"{OUTPUT}.bias: 'x1' is an input; it cannot be a bias too",
    ),
    "a column for a weight": (
        data(("v2 = -0.5\n", ""), (USED, '[["v1", "x2"]]')),
        f"{OUTPUT}.weights[0][1]: 'x2' is a column of samples, expected a number",
        f"{OUTPUT}.weights: 'x2' is an input; it cannot be a weight too",
    ),
    "a column for the learning rate": (
        data(("eta = 0.5\n", ""), ('"eta"', '"t"')),
        "conventions.learning_rate: 't' is a target; it cannot be the learning rate too",
        "conventions.learning_rate: 't' is a column of samples, expected one number",
    ),
    "a prediction without an input": (
        data((ASKED, 'columns = ["x1"]\nrows = [[0.5]]')),
        "samples.prediction.columns: without 'x2', which the inputs need",
    ),
    "a prediction of a longer list than is trained on": (
        LISTS.replace("[[3, 4]]", "[[3, 4, 5]]"),
        "samples.prediction: 'x[3]' is no element of x in samples.training",
    ),
    "a prediction of a shorter list than is trained on": (
        LISTS.replace("[[3, 4]]", "[[3]]"),
        "samples.prediction.columns: without 'x[2]', which the inputs need; did you mean 'x[1]'?",
    ),
    "a prediction with a misspelt input": (
        data((ASKED, ASKED.replace("x2", "x22"))),
        "samples.prediction.columns: without 'x2', which the inputs need; did you mean 'x22'?",
    ),
    # ---- batches
    "a batch that does not divide the samples": (
        stated("batch_size = 3"),
        "conventions.batch_size: 4 samples cannot be split into batches of 3",
    ),
    "a batch of more than all samples": (
        reading("batch_size = 8", DATA),
        "readings.rounded.batch_size: 4 samples cannot be split into batches of 8",
    ),
    "a batch where there is one sample": (
        stated("batch_size = 2", GOOD),
        "conventions.batch_size: 1 sample cannot be split into batches of 2",
    ),
    "a batch of none": (
        stated("batch_size = 0"), "conventions.batch_size: expected 1 or more, found 0",
    ),
    "a word for a batch": (
        stated('batch_size = "all"'),
        "conventions.batch_size: expected a whole number, found the text 'all'",
    ),
    "an order of samples that are not there": (
        stated("order = [0, 4]"), "conventions.order: no sample 4; there are 4, from 0",
    ),
    "an order that counts backwards": (
        stated("order = [0, -1]"), "conventions.order[1]: expected 0 or more, found -1",
    ),
    "a word for an order": (
        stated('order = "shuffled"\nbatch_size = 3'),
        "conventions.order: expected a list, found the text 'shuffled'",
    ),
    "an order of nothing": (stated("order = []"), "conventions.order: empty"),
    "unknown reduction": (
        stated('reduction = "men"'), "conventions.reduction: no 'men'; did you mean 'mean'?",
    ),
    "unknown learning": (
        stated('learning = "perceptrn"'),
        "conventions.learning: no 'perceptrn'; did you mean 'perceptron'?",
    ),
    "iterations and epochs": (
        stated("iterations = 3\nepochs = 4"),
        "conventions.epochs: state iterations or epochs, not both",
    ),
    "iterations and epochs of a reading": (
        reading("iterations = 3\nepochs = 4", DATA),
        "readings.rounded.epochs: state iterations or epochs, not both",
    ),
    "half an epoch": (
        stated("epochs = 0.5"), "conventions.epochs: expected a whole number, found 0.5",
    ),
    "a word for a bound": (
        stated('stop_below = "small"'),
        "conventions.stop_below: expected a number, found the text 'small'",
    ),
    "a misspelt bound": (
        stated("stop_belov = 1"),
        "conventions.stop_belov: unknown key; did you mean 'stop_below'?",
    ),
    "a batch too small for a maximum": (
        beside('m = "largest(x1)"\nq = "y/m"', ("[conventions]", "[conventions]\nbatch_size = 2")),
        "conventions.batch_size: 2, but formulas.m runs over all 4 samples",
    ),
    "a reading's batch too small for a maximum": (
        beside('m = "largest(x1)"\nq = "y/m"', (ROUNDING, "batch_size = 1")),
        "readings.rounded.batch_size: 1, but formulas.m runs over all 4 samples",
    ),
    # ---- drawn numbers
    "unknown generator": (
        drawn(("numpy.random.seed", "numpy.random.sed")),
        "random.generator: no 'numpy.random.sed'; did you mean 'numpy.random.seed'?",
    ),
    "unknown function": (
        drawn(("randn", "radn")),
        "random.draw[1].function: numpy.random.seed has no 'radn'; did you mean 'randn'?",
    ),
    "function of no generator": (
        drawn(("randn", "poisson")),
        "random.draw[1].function: numpy.random.seed has no 'poisson'; there are rand, randn, "
        "random, random_sample, uniform, normal, standard_normal, randint",
    ),
    "misspelt seed": (
        drawn(("seed = 4", "sed = 4")),
        "random.seed: missing", "random.sed: unknown key; did you mean 'seed'?",
    ),
    "misspelt key of a draw": (
        drawn(('"V", function', '"V", functon')),
        "random.draw[1].function: missing",
        "random.draw[1].functon: unknown key; did you mean 'function'?",
    ),
    "a word for a seed": (
        drawn(("seed = 4", 'seed = "4"')),
        "random.seed: expected a whole number, found the text '4'",
    ),
    "a seed below zero": (
        drawn(("seed = 4", "seed = -4")), "random.seed: expected 0 or more, found -4",
    ),
    "a seed that the generator does not take": (
        drawn(("seed = 4", "seed = 10_000_000_000_000")),
        "random: seed 10,000,000,000,000: numpy.random.seed takes whole numbers 0 to 4,294,967,295",
    ),
    "samples drawn without columns": (
        drawn((', columns = ["x1", "x2"]', "")),
        "random.draw[0]: samples and columns go together",
    ),
    "columns drawn for no samples": (
        drawn((', samples = "training"', "")), "random.draw[0]: samples and columns go together",
    ),
    "samples drawn in another shape": (
        drawn(("[4, 2]", "[2, 4]")), "random.draw[0].shape: expected [rows, 2], a column a name",
    ),
    "a column drawn twice": (
        drawn(('columns = ["x1", "x2"]', 'columns = ["x1", "x1"]')),
        "random.draw[0].columns: a name twice",
    ),
    "columns drawn in different lengths": (
        drawn((DRAW, f"""{DRAW}
  {{ name = "T", function = "rand", shape = [3, 1], samples = "training", columns = ["t"] }},
"""), ("t = 1\n", "")),
        "random.draw[2].shape: 3 rows, but 'training' has 4",
    ),
    "samples written and drawn": (
        DRAWN + "[samples.training]\ncolumns = ['q']\nrows = [[1]]\n",
        "random.draw[0].samples: 'training' has rows already",
    ),
    "a draw of nothing": (
        drawn(("[1, 2]", "[0, 2]")), "random.draw[1].shape[0]: expected 1 or more, found 0",
    ),
    "a draw of a cube": (
        drawn(("[1, 2]", "[1, 2, 3]")),
        "random.draw[1].shape: expected at most 2 numbers, found a list",
    ),
    "a draw of one length": (
        drawn(("[1, 2]", "2")),
        "random.draw[1].shape: expected a list of lengths like [2, 3], found 2",
    ),
    "ten thousand million draws": (
        drawn(("[1, 2]", "[100_000, 100_000]")),
        "random: V: 10,000,000,008 numbers drawn up to here; at most 10,000,000",
    ),
    "a name drawn twice": (
        drawn((DRAW, DRAW + DRAW)), "random.draw[2].name: 'V' is given already",
    ),
    "a given drawn": (
        drawn(('"V", function', '"w1", function'), ('weights = "V"', 'weights = [["w1", "w2"]]')),
        "random.draw[1].name: 'w1' is given already",
    ),
    "a draw without what it needs": (
        drawn(('"randn"', '"randint"')), "random: V: randint needs high",
    ),
    "a draw with what it does not take": (
        drawn(("shape = [1, 2] }", "shape = [1, 2], low = 0 }")), "random: V: randn takes no low",
    ),
    "a word for a bound of a draw": (
        drawn(("shape = [1, 2] }", "shape = [1, 2], low = 'a' }")),
        "random.draw[1].low: expected a number, found the text 'a'",
    ),
    # ---- formulas
    "neither network nor formulas": (
        circuit(('[formulas]\nq = "x + y"\nf = "q*z"\n', "")), NO_NETWORK,
    ),
    "misspelt formulas": (
        circuit(("[formulas]", "[formula]")), "formula: unknown key; did you mean 'formulas'?",
    ),
    "a formula of an unknown name": (
        circuit(('"q*z"', '"q*z*yy"')), "formulas.f: 'yy' is not given; did you mean 'y'?",
    ),
    "a formula of a later one": (
        circuit(('"x + y"', '"f + x + y"'), ('"q*z"', '"z"')),
        "formulas.q: 'f' is not given; it comes later",
    ),
    "a formula of itself": (circuit(('"q*z"', '"q*z*f"')), "formulas.f: made of itself"),
    "formulas in a circle": (
        circuit(('"x + y"', '"f + x + y"')), "formulas.q: 'f' is not given; it comes later",
    ),
    "a formula called like a given": (
        circuit(('q = "x + y"', 'x = "y"'), ('"q*z"', '"x*z"')),
        "formulas.x: the name 'x' is taken by givens.All.x; choose another",
    ),
    "a formula called like a unit": (
        beside('z1 = "x1 + x2"'),
        f"{LAYER}.net: the name 'z1' is taken by formulas.z1; choose another",
    ),
    "a formula called like Euler's number": (
        circuit(("q = ", "e = "), ('"q*z"', '"e*z"')),
        "formulas.e: in formulas e is Euler's number; choose another name",
    ),
    "a given called like Euler's number": (
        circuit(("x = -2", "e = -2"), ('"x + y"', '"e + y"'), ("x = 3", "y = 3")),
        "givens.All.e: in formulas e is Euler's number; choose another name",
        "givens.All.e: given but not used",
    ),
    "a formula of a list": (
        circuit(("x = -2", "x = [1, 2]"), ("x = 3", "y = 3")),
        "formulas.q: 'x' is given as a list, expected a number",
    ),
    "a formula of n": (
        circuit(('"q*z"', '"q*z*n"')), "formulas.f: 'n' stands for no number here",
    ),
    "a formula of a group": (
        circuit(('"x + y"', '"x + y + sum(x_i)"')), "formulas.q: 'x_i' stands for no number here",
    ),
    "a formula that imports": (
        circuit(('"x + y"', "\"__import__('os').system('id')\"")),
        "formulas.q: \"__import__('os').system('id')\": '_' is not allowed at character 1",
    ),
    "a formula with an attribute": (
        circuit(('"x + y"', '"x.real + y"')),
        "formulas.q: 'x.real + y': '.' is not allowed at character 2",
    ),
    "a formula that is a tower": (
        circuit(('"x + y"', '"x + y + 9^9^9^9"')),
        "formulas.q: 'x + y + 9^9^9^9': an exponent is names, or one number up to 1000, at "
        "character 16",
    ),
    "a formula of 5,000 brackets": (
        circuit(('"x + y"', f'"{"(" * 5000}x{")" * 5000}"')),
        f"formulas.q: '{'(' * 57}...': longer than 2000 characters",
    ),
    "a formula with an unknown function": (
        circuit(('"x + y"', '"sqr(x) + y"')),
        "formulas.q: 'sqr(x) + y': no function 'sqr'; did you mean 'sqrt'? at character 1",
    ),
    "an equation for a formula": (
        circuit(('"x + y"', '"q = x + y"')),
        "formulas.q: 'q = x + y': unexpected '=' at character 3",
    ),
    "a number for a formula": (
        circuit(('"x + y"', "5")), "formulas.q: expected a text, found 5",
    ),
    "a formula for a weight": (
        beside('q = "x1*2"', ("v2 = -0.5\n", ""), (USED, '[["v1", "q"]]')),
        f"{OUTPUT}.weights[0][1]: 'q' is a formula, expected a number",
    ),
    "a target made of the output": (
        beside('q = "2*y"', ('["t"]', '["q"]')),
        "network.targets[0]: formula 'q' is made of what the network computes",
    ),
    "an input made of the output": (
        beside('p = "2*y"\nq = "p + 1"', (INPUTS, 'inputs = ["x1", "q"]')),
        "network.inputs[1]: formula 'q' is made of what the network computes",
    ),
    "a maximum inside a sample's formula": (
        beside('q = "x1/largest(x1)"', (INPUTS, 'inputs = ["q", "x2"]')),
        "formulas.q: largest(x1) is the same for all samples; give it a formula of its own",
    ),
    "an error that is not there": ('error = "g"\n' + CIRCUIT, "error: no formula 'g'"),
    "a misspelt error": (
        'error = "ff"\n' + CIRCUIT, "error: no formula 'ff'; did you mean 'f'?",
    ),
    "an error of a network that is no formula": (
        'error = "z"\n' + GOOD, "error: no formula 'z'",
    ),
    "trained beside a network's weights": (
        'trained = ["w1"]\n' + GOOD,
        "trained: a network's weights are trained; see conventions.biases",
    ),
    "trained is not given": (
        'trained = ["xx"]\n' + CIRCUIT, "trained[0]: 'xx' is not given; did you mean 'x'?",
    ),
    "trained is a formula": (
        'trained = ["q"]\n' + CIRCUIT, "trained[0]: 'q' is a formula, expected a number",
    ),
    "trained is a column": (
        'trained = ["x"]\n' + line("(t - w*x)^2"),
        "trained[0]: 'x' is a column of samples, expected a number",
    ),
    "trained is no part of the error": (
        'trained = ["z"]\nerror = "q"\n' + CIRCUIT, "trained[0]: 'q' is not made of 'z'",
    ),
    "nothing is trained": ("trained = []\n" + CIRCUIT, "trained: empty"),
    "an error made of nothing given": (
        line("(t - x)^2", ("[givens.All]\nw = 1\n", "")),
        "formulas.E: made of no given, so that there is no derivative",
    ),
    "an error that is the largest": (
        line("w - largest(w*x)"),
        "formulas.E: no derivative through the largest of all samples",
    ),
    "an error with a threshold": (
        line("(reached(w*x, 1) - t)^2"),
        "formulas.E: a threshold has no derivative to learn from",
    ),
    "a net that runs over the samples": (
        changed((NET, '"sum(w_i*x_i) + total(b)"')),
        "conventions.net: 'sum(w_i*x_i) + total(b)' must be made of x_i, w_i and b: "
        "'sum(w_i*x_i) + b'",
    ),
    "division by zero in one sample": (
        beside('q = "1/x1"', ("[0.1, 0.3, 0]", "[0, 0.3, 0]")),
        "q at iteration 0: division by zero in 1/x1 with x1 = 0",
    ),
    # ---- perceptrons and thresholds
    "a perceptron without a threshold": (
        perceptron(("threshold = 0.5\n", "")),
        "conventions.learning: a perceptron has one dense layer and a network.threshold",
    ),
    "a perceptron of two layers": (
        reading('learning = "perceptron"', data((INPUTS, f"threshold = 0.5\n{INPUTS}"))),
        "readings.rounded.learning: a perceptron has one dense layer and a network.threshold",
    ),
    "a perceptron whose units share a bias": (
        perceptron(*TWO_UNITS), f"{LAYER}.bias: 'b' twice; the perceptron's rule moves it once",
    ),
    "a perceptron whose inputs share a weight": (
        perceptron(('[["w1", "w2"]]', '[["w1", "w1"]]'), ("w2 = 0.2\n", "")),
        f"{LAYER}.weights: 'w1' twice; the perceptron's rule moves it once",
    ),
    "a word for a threshold": (
        perceptron(("threshold = 0.5", 'threshold = "half"')),
        "network.threshold: expected a number or 'largest', found the text 'half'",
    ),
    "misspelt threshold": (
        data((INPUTS, f"treshold = 0.5\n{INPUTS}")),
        "network.treshold: unknown key; did you mean 'threshold'?",
    ),
    "a threshold without targets": (
        perceptron(('targets = ["t"]\n', "")),
        "network.targets: missing; with a threshold the outputs are compared to them",
    ),
    "a target between two classes": (
        perceptron(("[1, 1, 1]", "[1, 1, 0.9]")),
        "network.targets[0]: 't' is 0.9; with a threshold it is 0 or 1 (network.classes)",
    ),
    "a target between two classes in another set": (
        perceptron(("[network]", "[samples.test]\ncolumns = ['x1', 'x2', 't']\n"
                    "rows = [[1, 0, 1], [0, 1, 3]]\n[network]")),
        "samples.test: 't' is 3.0; with a threshold it is 0 or 1 (network.classes)",
    ),
    "classes that are none": (
        perceptron(("threshold", "classes = [1, 2]\nthreshold")),
        "network.classes: expected [0, 1] or [-1, 1], found '1, 2'",
    ),
    "targets that are no such classes": (
        perceptron(("threshold", "classes = [-1, 1]\nthreshold")),
        "network.targets[0]: 't' is 0.0; with a threshold it is -1 or 1 (network.classes)",
    ),
    "classes of the largest": (
        perceptron(("threshold = 0.5", "classes = [-1, 1]\nthreshold = 'largest'")),
        "network.threshold: 'largest' of one output; state a number",
        "network.classes: with the largest output they are 0 and 1",
        "network.targets[0]: 't' is 0.0; with a threshold it is -1 or 1 (network.classes)",
    ),
    "classes without a threshold": (
        data((INPUTS, f"classes = [-1, 1]\n{INPUTS}")),
        "network.classes: there are no classes; state network.threshold",
    ),
    "a number for the classes": (
        perceptron(("threshold", "predictions = 5\nthreshold")),
        "network.predictions: expected a pattern like 'class{k}', or a list of names, found 5",
    ),
    "a class called like a weight": (
        perceptron(("threshold", 'predictions = "w1"\nthreshold')),
        "network.predictions: the name 'w1' is taken by givens.All.w1; choose another",
    ),
    # ---- readings, runs, published numbers
    "a pin of no step": (
        reading("pins = { h11 = 0.5 }"),
        "readings.rounded.pins.h11: no step is called 'h11'; did you mean 'h1'?",
    ),
    "a pin of a given": (
        reading("pins = { w1 = 0.5 }"),
        "readings.rounded.pins.w1: 'w1' is given, not computed; a reading states it under givens",
    ),
    "a pin of a column": (
        reading("pins = { x1 = 0.5 }", DATA),
        "readings.rounded.pins.x1: 'x1' is given, not computed; a reading states it under givens",
    ),
    "a pin of a gradient": (
        reading('pins = { "dE/dw1" = 0.5 }'),
        "readings.rounded.pins.dE/dw1: no step is called 'dE/dw1'",
    ),
    "a pin at a word": (
        reading("pins = { h1 = 'half' }"),
        "readings.rounded.pins.h1: expected a number, found the text 'half'",
    ),
    "misspelt pins": (
        reading("pin = { h1 = 0.5 }"),
        "readings.rounded.pin: unknown key; did you mean 'pins'?",
    ),
    "a reading's given that is a column": (
        reading("givens = { x1 = 3 }", DATA),
        "readings.rounded.givens.x1: 'x1' is a column of samples, expected one number",
    ),
    "a reading's other given unknown": (
        reading('givens = { V = "VV" }', DRAWN),
        "readings.rounded.givens.V: 'VV' is not given; did you mean 'V'?",
    ),
    "a reading's other given of another shape": (
        reading('givens = { V = "c" }', DRAWN),
        "readings.rounded.givens.V: 'c' has another shape than 'V'",
    ),
    "a number for a matrix": (
        reading("givens = { V = 3 }", DRAWN),
        "readings.rounded.givens.V: 'V' is given as a matrix, expected one number",
    ),
    "rounding that is nearly none": (
        reading('rounding = "non"'),
        "readings.rounded.rounding: expected a table like { decimals = 4 }, or 'none', found the "
        "text 'non'",
    ),
    "an iteration that is not run": (
        GOOD + "[run]\nshow = [0, 100]\n", "run.show[1]: no iteration 100; the run ends with 1",
    ),
    "misspelt key of the run": (
        GOOD + "[run]\nshw = [1]\n", "run.shw: unknown key; did you mean 'show'?",
    ),
    "published samples unknown": (
        published("samples = 'predicton'"),
        "published.z1.samples: no samples 'predicton'; did you mean 'prediction'?",
    ),
    "published sample of a batch unknown": (
        published("sample = 4"), "published.z1: no sample 4; there are 4, from 0",
    ),
    "published sample of a set unknown": (
        published("samples = 'prediction', sample = 1"),
        "published.z1: no sample 1; there are 1, from 0",
    ),
    "published after the run has stopped": (
        published("iteration = 5", stated("stop_below = 0.4985\niterations = 20")),
        "published.z1: no iteration 5; the run stops at 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_scenario_is_refused_line_by_line(broken: str, tmp_path: Path) -> None:
    text, *expected = BROKEN[broken]
    refused(tmp_path, text.encode(), tuple(expected))


#: Files that are unusual and right.
ACCEPTED = {
    "a network with samples": DATA,
    "a network with samples that are lists": LISTS,
    "a network with drawn numbers": DRAWN,
    "formulas alone": CIRCUIT,
    "formulas over samples": line("(t - w*x)^2"),
    "a perceptron": PERCEPTRON,
    "a draw for the stream alone": drawn(
        (DRAW, '{ name = "unused", function = "rand", shape = [3] },\n' + DRAW)
    ),
    "columns of one set drawn one after the other": drawn(
        (DRAW, f"""{DRAW}
  {{ name = "T", function = "rand", shape = [4, 1], samples = "training", columns = ["t"] }},
"""), ("t = 1\n", ""),
    ),
    "a column that nothing reads": data(
        (COLUMNS, 'columns = ["x1", "x2", "t", "x3"]'), ("-0.2, 1]", "-0.2, 1, 9]"),
        ("0.3, 0]", "0.3, 0, 9]"), ("0.4, 1]", "0.4, 1, 9]"), ("-0.5, 0]", "-0.5, 0, 9]"),
    ),
    "a reading with another weight for a weight": reading('givens = { w1 = "w2" }', DATA),
    "some samples in another order, some twice": stated("order = [3, 0, 0]"),
    "a maximum of all the samples that are in order": beside(
        'm = "largest(x1)"\nq = "y/m"', ("[conventions]", "[conventions]\norder = [1, 2]")
    ),
    "a formula of the error by the author's name": beside(
        'm = "sqrt(Loss_so_far)"', (INPUTS, f'total_error = "Loss so far"\n{INPUTS}')
    ),
    "an error with a factor that runs over the samples": line("(t - w*x)*average(x)").replace(
        'E = "(t - w*x)*average(x)"', 'm = "average(x)"\nE = "(t - w*x)^2*m"'
    ),
}  # fmt: skip


@pytest.mark.parametrize("unusual", ACCEPTED)
def test_what_is_only_unusual_is_computed(unusual: str) -> None:
    s = scenario.read(ACCEPTED[unusual], "good.toml", "good")
    for name in (None, *s.readings):
        assert run.trace(s, reading=name).data.finite
    run.verify(s)


# ---- any value -------------------------------------------------------------------------

#: A scenario with something under every key that data and formulas have.
WHOLE = changed(
    ("[conventions]\n", """[conventions]
batch_size = 2
reduction = "mean"
order = [0, 1, 2, 3]
epochs = 2
stop_below = 0.01
learning = "gradient"
"""),
    ("z1 = 0.01", "z1 = { printed = 0.01, samples = 'prediction', sample = 0 }"),
    ("[network]", "[network]\nthreshold = 0.5\npredictions = 'yhat'"),
    base=beside('p = "x1/2 + w1"\nq = "y - p"'),
) + """
[run]
show = [0, 1]
reproducible = 1
[readings.pinned]
pins = { h1 = 0.5 }
givens = { w1 = "w2" }
[random]
generator = "random"
seed = 1
draw = [{ name = "u", function = "random", shape = [2] }]
"""  # fmt: skip
KEYS = [
    *(f"conventions.{key}" for key in (
        "batch_size", "reduction", "order", "epochs", "stop_below", "learning")),
    "samples", "samples.training", "samples.training.columns", "samples.training.rows",
    "samples.prediction", "samples.prediction.columns", "samples.prediction.rows",
    "random", "random.generator", "random.seed", "random.draw", "random.other",
    "formulas", "formulas.p", "formulas.x1", "error", "trained", "run", "run.show",
    "run.reproducible", "network.threshold", "network.predictions", "readings.pinned.pins",
    "readings.pinned.pins.h2", "readings.pinned.givens.w1", "published.z1",
]  # fmt: skip


def test_what_any_value_is_put_into_is_right() -> None:
    assert () == lines_of(WHOLE)


#: Also values that come near what is meant.
NEAR = VALUES | st.sampled_from([
    ["x1", "x2"], [[0, 1]], [[1, 2, 3]], [[]], [0, 1], [4], [], "x1", "x1 + x2", "y", "largest(x1)",
    {"x1": "x2"}, {"h1": 1}, {"columns": ["x1", "x1"], "rows": [[1, 2]]}, {"rows": [[1]]},
    [{"name": "x1", "function": "random"}], [{"name": "W", "function": "gauss", "shape": [2, 2],
     "samples": "training", "columns": ["x1", "x2"]}], {"p": "p"}, {"a": "b", "b": "a"}, 0.5, 1e300,
])  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
@given(value=NEAR)
@settings(max_examples=40, deadline=None)
def test_no_value_of_a_key_causes_anything_but_a_line(key: str, value: object) -> None:
    """Whatever stands for a key: it is computed, or every problem is one line with its place."""
    table = tomllib.loads(WHOLE)
    *outer, last = parts(key)
    place = table
    for part in outer:
        place = place.setdefault(part, {})
    place[last] = value
    text = "\n".join(f'"{k}" = {_toml(v)}' for k, v in table.items())
    for line in lines_of(text) or computed(text):
        assert line.startswith("any.toml: ")
        assert line.isprintable()


def computed(text: str) -> tuple[str, ...]:
    """What is wrong with a scenario that could be read."""
    s = scenario.read(text, "any.toml", "any")
    try:
        for name in (None, *s.readings):
            t = run.trace(s, iterations=min(1, s.under(name).iterations), reading=name)
            for title in s.columns:
                run.on(t, title)
        run.verify(s)
    except TracerError as wrong:
        return tuple(str(wrong).splitlines())
    return ()
