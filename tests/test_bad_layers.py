"""Mistakes in a layer's table: one clear line each, with the key and the remedy."""

from __future__ import annotations

import pytest

from tracer import run, scenario
from tracer.errors import ScenarioError, TooLarge
from tracer.layers.kinds import KINDS
from tracer.pages import gradient_text
from tracer.rulebook import known_activations

GOOD = {
    "convolution": """\
title = "one"
[givens.all]
eta = 0.1
x = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]
K = [[0.1, -0.2], [0.3, 0.4]]
b = 0.5
t = [[1, 0], [0, 1]]
[network]
inputs = "x"
targets = "t"
[[network.layers]]
kind = "convolution"
kernel = "K"
bias = "b"
activation = "relu"
""",
    "pooling": """\
title = "one"
[givens.all]
eta = 0.1
x = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]
W = [[0.1, 0.2, 0.3, 0.4]]
t = [1]
[network]
inputs = "x"
targets = "t"
[[network.layers]]
kind = "pooling"
size = 2
stride = 1
[[network.layers]]
kind = "flatten"
[[network.layers]]
weights = "W"
activation = "sigmoid"
""",
    "recurrent": """\
title = "one"
[givens.all]
eta = 0.1
x = [[0.1, 0.2], [0.3, 0.4]]
W = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
U = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]
b = [0.1, 0.2, 0.3]
s = [0, 0, 0]
t = [1, 0, 1]
[network]
inputs = "x"
targets = "t"
[[network.layers]]
kind = "recurrent"
weights = "W"
recurrent = "U"
bias = "b"
start = "s"
returns = "last"
""",
    "lstm": """\
title = "one"
[givens.all]
eta = 0.1
x = [0.1, 0.2]
W = [0.1, 0.2, 0.3, 0.4]
U = [0.5, 0.6, 0.7, 0.8]
b = [0.1, 0.2, 0.3, 0.4]
h0 = 0.1
t = [1]
[network]
inputs = "x"
targets = "t"
[[network.layers]]
kind = "lstm"
weights = "W"
recurrent = "U"
bias = "b"
start = "h0"
returns = "last"
""",
    "gru": """\
title = "one"
[givens.all]
eta = 0.1
x = [0.1, 0.2]
W = [0.1, 0.2, 0.3]
U = [0.5, 0.6, 0.7]
h0 = 0
c = 0.1
t = [1]
[network]
inputs = "x"
targets = "t"
[[network.layers]]
kind = "gru"
weights = "W"
recurrent = "U"
start = "h0"
recurrent_bias = "c"
returns = "last"
""",
    "attention": """\
title = "one"
[givens.all]
eta = 0.1
x = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
Q = [[0.1, 0.2], [0.3, 0.4]]
K = [[0.5, 0.6], [0.7, 0.8]]
V = [[0.9, 1.0], [1.1, 1.2]]
M = [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
t = [[1, 0], [0, 1], [1, 1]]
[network]
inputs = "x"
targets = "t"
[[network.layers]]
kind = "attention"
queries = "Q"
keys = "K"
values = "V"
mask = "M"
""",
    "layer norm": """\
title = "one"
[givens.all]
eta = 0.1
x = [0.1, 0.2, 0.4]
g = [1, 1, 1]
b = [0, 0, 0]
t = [1, 0, 1]
[network]
inputs = "x"
targets = "t"
[[network.layers]]
kind = "layer norm"
scale = "g"
shift = "b"
""",
    "batch norm": """\
title = "one"
[givens.all]
eta = 0.1
g = [1, 1]
b = [0, 0]
[samples.training.arrays]
x = [[0.1, 0.2], [0.3, 0.5], [0.4, -0.1]]
t = [[0, 1], [1, 0], [1, 1]]
[network]
inputs = "x"
targets = "t"
[[network.layers]]
kind = "batch norm"
scale = "g"
shift = "b"
""",
    "dropout": """\
title = "one"
[givens.all]
eta = 0.1
x = [0.1, 0.2]
W = [[0.1, 0.2], [0.3, 0.4]]
M = [1, 0]
t = [1, 0]
[network]
inputs = "x"
targets = "t"
[[network.layers]]
weights = "W"
activation = "tanh"
[[network.layers]]
kind = "dropout"
mask = "M"
rate = 0.5
[[network.layers]]
kind = "residual"
over = 2
""",
    "embedding": """\
title = "one"
[givens.all]
eta = 0.1
x = [2, 1, 2]
T = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
t = [[1, 0], [0, 1], [1, 1]]
[network]
inputs = "x"
targets = "t"
[[network.layers]]
kind = "embedding"
table = "T"
[[network.layers]]
kind = "activation"
activation = "softmax"
""",
}

#: Of a good scenario: what is replaced, by what; and every problem, without the file.
BAD = [
    ("convolution", {'kind = "convolution"': 'kind = "convolutoin"'},
     "{L}.kind: no 'convolutoin'; did you mean 'convolution'?"),
    ("convolution", {'kind = "convolution"': 'kind = "transformer"'},
     "{L}.kind: no 'transformer'; there are {kinds}"),
    ("convolution", {'kind = "convolution"': "kind = 5"},
     "{L}.kind: expected a text, found 5"),
    ("convolution", {'kernel = "K"': 'kernal = "K"'},
     "{L}.kernel: missing",
     "{L}.kernal: unknown key; did you mean 'kernel'?"),
    ("convolution", {'kernel = "K"': 'weights = "K"'},
     "{L}.kernel: missing",
     "{L}.weights: unknown key; known are kind, title, stride, padding, out, kernel, "
     "bias, activation, net"),
    ("convolution", {'kernel = "K"\n': ""},
     "{L}.kernel: missing"),
    ("convolution", {'kernel = "K"': 'kernel = "k"'},
     "{L}.kernel: 'k' is not given; did you mean 'K'?",
     "givens.all.K: given but not used; did you mean 'k'?"),
    ("convolution", {'kernel = "K"': 'kernel = "b"'},
     "{L}.kernel: 'b' is given as 0.5, expected rows and columns, perhaps by filter and channel",
     "{L}.bias: 'b' is a weight; it cannot be a bias too",
     "givens.all.K: given but not used"),
    ("convolution", {'kernel = "K"': 'kernel = "x"'},
     "network.targets: 4 targets for 1 output",
     "{L}.kernel: 'x' is an input; it cannot be a weight too",
     "givens.all.K: given but not used"),
    ("convolution", {"K = [[0.1, -0.2], [0.3, 0.4]]": "K = [[1, 2, 3, 4], [1, 2, 3, 4]]"},
     "{L}.kernel: a window of 2 × 4 does not fit into 3 × 3 inputs; see padding"),
    ("convolution", {"K = [[0.1, -0.2], [0.3, 0.4]]": "K = [[[[0.1, -0.2]], [[0.3, 0.4]]]]"},
     "{L}.kernel: K is for 2 channels, the inputs have 1"),
    ("convolution", {"K = [[0.1, -0.2], [0.3, 0.4]]": "K = [0.1, 0.2]"},
     "{L}.kernel: 'K' is given as a list, expected rows and columns, perhaps by filter "
     "and channel"),
    ("convolution", {"K = [[0.1, -0.2], [0.3, 0.4]]": "K = [[0.1, -0.2], [0.3]]"},
     "givens.all.K: rows of 1 and 2"),
    ("convolution", {'bias = "b"': 'bias = "b"\nstride = 0'},
     "{L}.stride: expected 1 or more, found 0"),
    ("convolution", {'bias = "b"': 'bias = "b"\nstride = "two"'},
     "{L}.stride: expected a whole number, found the text 'two'"),
    ("convolution", {'bias = "b"': 'bias = "b"\nstride = [1, 2, 3]'},
     "{L}.stride: expected at most 2 numbers, found a list"),
    ("convolution", {'bias = "b"': 'bias = "b"\npadding = 2'},
     "{L}.padding: as large as the kernel, which would see nothing at some places"),
    ("convolution", {'bias = "b"': 'bias = "b"\npadding = -1'},
     "{L}.padding: expected 0 or more, found -1"),
    ("convolution", {'bias = "b"': 'bias = "b"\nstride = 1000000000'},
     "network.targets: 4 targets for 1 output"),
    ("convolution", {"b = 0.5": "b = [0.5, 0.6]"},
     "{L}.bias: 2 biases for 1 unit"),
    ("convolution", {'bias = "b"': 'bias = "c"'},
     "{L}.bias: 'c' is not given",
     "givens.all.b: given but not used"),
    ("convolution", {'activation = "relu"': 'activation = "rellu"'},
     "{L}.activation: no 'rellu'; did you mean 'relu'?"),
    ("convolution", {'activation = "relu"': 'activation = "frobnicate"'},
     "{L}.activation: no 'frobnicate'; known are {activations}"),
    ("convolution", {'activation = "relu"': 'activation = "relu"\nout = "a{t}"'},
     "{L}.out: 'a{t}' has {t}; there is {i}, {j}, {l}"),
    ("convolution", {'activation = "relu"': 'activation = "relu"\nout = "a{j}"'},
     "{L}.out: 'a{j}' names 4 units; write {i} for the number"),
    ("convolution", {'activation = "relu"': 'activation = "relu"\nout = "a{m}"'},
     "{L}.out: 'a{m}' has {m}; there is {i}, {j}, {l}"),
    ("convolution", {'activation = "relu"': 'activation = "relu"\nout = ["a", "b2"]'},
     "{L}.out: 2 names for 4 units"),
    ("convolution", {'activation = "relu"': 'activation = "relu"\nnet = "x"'},
     "{L}.net: the name 'x[1,1]' is taken by givens.all.x; choose another"),
    ("convolution", {"t = [[1, 0], [0, 1]]": "t = [1, 0]"},
     "network.targets: 2 targets for 4 outputs"),
    ("convolution",
     {"x = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]": "x = [[[[1, 2], [3, 4]]]]"},
     "{L}.kind: 1 × 1 × 2 × 2 inputs; a window moves over rows and columns, or a list"),
    ("pooling", {"size = 2": "size = 4"},
     "{L}.size: a window of 4 × 4 does not fit into 3 × 3 inputs; see padding"),
    ("pooling", {"size = 2": "size = 0"},
     "{L}.size: expected 1 or more, found 0"),
    ("pooling", {"size = 2\n": ""},
     "{L}.size: missing"),
    ("pooling", {"size = 2": "size = [1, 2, 3]"},
     "{L}.size: expected at most 2 numbers, found a list"),
    ("pooling", {"stride = 1": "stride = 1\npadding = 2"},
     "{L}.padding: more than half of the window"),
    ("pooling", {"stride = 1": 'stride = 1\nof = "max"'},
     "{L}.of: no 'max'; did you mean 'maximum'?"),
    ("pooling", {"stride = 1": 'stride = 1\nof = "median"'},
     "{L}.of: no 'median'; expected one of 'maximum', 'average'"),
    ("pooling", {'kind = "flatten"': 'kind = "flatten"\nout = "f"'},
     "network.layers[1].out: unknown key; known are kind, title"),
    ("pooling", {'[[network.layers]]\nkind = "flatten"\n': ""},
     "network.layers[1].weights: W is for 4 inputs, the layer has 2"),
    ("recurrent", {'weights = "W"': 'weights = "U"'},
     "{L}.weights: U is for 3 inputs, the layer has 2",
     "givens.all.W: given but not used"),
    ("recurrent", {'recurrent = "U"': 'recurrent = "W"'},
     "{L}.recurrent: W is for 2 inputs, the layer has 3",
     "givens.all.U: given but not used"),
    ("recurrent", {'recurrent = "U"\n': ""},
     "{L}.recurrent: missing"),
    ("recurrent", {"b = [0.1, 0.2, 0.3]": "b = [0.1, 0.2]"},
     "{L}.bias: 2 biases for 3 units"),
    ("recurrent", {"s = [0, 0, 0]": "s = [0, 0]"},
     "{L}.start: 2 numbers for 3 units"),
    ("recurrent", {'start = "s"': 'start = "S"'},
     "{L}.start: 'S' is not given; did you mean 's'?",
     "givens.all.s: given but not used; did you mean 'S'?"),
    ("recurrent", {'start = "s"': 'rows = "inputs"\nstart="s"'},
     "{L}.weights: W is for 3 inputs, the layer has 2"),
    ("recurrent", {'returns = "last"': 'returns = "first"'},
     "{L}.returns: no 'first'; expected one of 'sequence', 'last'"),
    ("recurrent", {'returns = "last"': 'returns = "last"\nout = "h{j}"'},
     "{L}.out: 'h{j}' names 6 states; write {t} for the number"),
    ("recurrent", {'returns = "last"': 'returns = "last"\nactivation = "tahn"'},
     "{L}.activation: no 'tahn'; did you mean 'tanh'?"),
    ("recurrent", {"x = [[0.1, 0.2], [0.3, 0.4]]": "x = [[[0.1, 0.2], [0.3, 0.4]]]"},
     "{L}.kind: 1 × 2 × 2 inputs; a recurrent layer takes a row a time step"),
    ("recurrent", {"x = [[0.1, 0.2], [0.3, 0.4]]": "x = [[0.1, 0.2], [0.3]]"},
     "givens.all.x: rows of 1 and 2"),
    ("lstm", {'weights = "W"': 'weights = { i = "b", f = "b", g = "b" }'},
     "{L}.weights.o: missing",
     "{L}.bias: 'b' is a weight; it cannot be a bias too",
     "givens.all.W: given but not used"),
    ("lstm", {'weights = "W"': 'weights = { i = "b", f = "b", g = "b", c = "Wo" }'},
     "{L}.weights: no gate 'c'; there are i, f, g and o",
     "{L}.weights.o: missing",
     "{L}.bias: 'b' is a weight; it cannot be a bias too",
     "givens.all.W: given but not used; did you mean 'Wo'?"),
    ("lstm", {'weights = "W"': 'weights = { i = "b", f = "b", g = "b", o = "x" }'},
     "{L}.weights.o: 2 units, but 4 for gate i",
     "{L}.weights: 'x' is an input; it cannot be a weight too",
     "{L}.bias: 'b' is a weight; it cannot be a bias too",
     "givens.all.W: given but not used"),
    ("lstm", {'weights = "W"': 'weights = ["b", "b"]'},
     "{L}.weights: expected the name of a matrix, or a table of names, one for every gate"),
    ("lstm", {"W = [0.1, 0.2, 0.3, 0.4]": "W = [0.1, 0.2, 0.3]"},
     "{L}.weights: 3 units in W, for 4 gates"),
    ("lstm", {"U = [0.5, 0.6, 0.7, 0.8]": "U = [0.5, 0.6, 0.7]"},
     "{L}.recurrent: 3 units in U, for 4 gates"),
    ("lstm", {"U = [0.5, 0.6, 0.7, 0.8]": "U = [0.5, 0.6, 0.7, 0.8, 1, 1, 1, 1]"},
     "{L}.recurrent: for 2 units, weights have 1"),
    ("lstm", {"b = [0.1, 0.2, 0.3, 0.4]": "b = [0.1, 0.2]"},
     "{L}.bias: 2 biases for 4 units"),
    ("lstm", {'returns = "last"': 'returns = "last"\ngates = ["i", "f", "o"]'},
     "{L}.gates: 'i, f, o'; expected i, f, g and o in some order"),
    ("lstm", {'returns = "last"': 'returns = "last"\ngates = "ifgo"'},
     "{L}.gates: expected a list, found the text 'ifgo'"),
    ("lstm", {'returns = "last"': 'returns = "last"\ngate = "g{t}"'},
     "{L}.gate: 'g{t}' names several gates; write {g} for the gate"),
    ("lstm", {'returns = "last"': 'returns = "last"\nnet = "z_{g}_{t}_{j}_{c}"'},
     "{L}.net: 'z_g_{t}_{j}_{c}' has {c}; there is {t}, {j}, {l}"),
    ("lstm", {'returns = "last"': 'returns = "last"\ncell = "h"'},
     "{L}.out: the name 'h[t=1]' is taken by {L}.cell; choose another"),
    ("lstm", {'returns = "last"': 'returns = "last"\nnet = ["a", "b"]'},
     "{L}.net: expected a pattern like 'z_{g}{j}', found a list"),
    ("gru", {'start = "h0"\n': ""},
     "{L}.start: missing; a GRU blends in the hidden state before, such as h0 = [0, 0]",
     "givens.all.h0: given but not used"),
    ("gru", {'start = "h0"': 'start = "h0"\nreset = "befor"'},
     "{L}.reset: no 'befor'; did you mean 'before'?"),
    ("gru", {'start = "h0"': 'start = "h0"\nreset = "before"'},
     "{L}.recurrent_bias: only where the reset comes after the recurrent weights"),
    ("gru", {'start = "h0"': 'start = "h0"\nblend = "z*h + n"'},
     "{L}.blend: no 'z*h + n'; did you mean 'z*h + (1 - z)*n'?"),
    ("gru", {'recurrent_bias = "c"': 'recurrent_bias = "x"'},
     "{L}.recurrent_bias: 2 biases for 1 unit",
     "{L}.recurrent_bias: 'x' is an input; it cannot be a bias too",
     "givens.all.c: given but not used"),
    ("attention", {"M = [[1, 0, 0], [1, 1, 0], [1, 1, 1]]": "M = [[1, 0], [1, 1]]"},
     "{L}.mask: M is 2 × 2, expected 3 × 3, a row a row of the inputs"),
    ("attention",
     {"M = [[1, 0, 0], [1, 1, 0], [1, 1, 1]]": "M = [[0, 0, 0], [1, 1, 0], [1, 1, 1]]"},
     "{L}.mask: row 1 of M sees nothing"),
    ("attention",
     {"M = [[1, 0, 0], [1, 1, 0], [1, 1, 1]]": "M = [[1, 0, 0], [1, 0.5, 0], [1, 1, 1]]"},
     "{L}.mask: M[2,2] is 0.5; expected 0 or 1"),
    ("attention", {"M = [[1, 0, 0], [1, 1, 0], [1, 1, 1]]": "M = [1, 0, 1]"},
     "{L}.mask: 'M' is given as a list, expected a matrix"),
    ("attention", {'mask = "M"': 'mask = "casual"'},
     "{L}.mask: 'casual' is not given; did you mean 'causal'?",
     "givens.all.M: given but not used"),
    ("attention", {'mask = "M"': 'mask = "M"\nheads = 3'},
     "{L}.heads: queries of 2 numbers cannot be split into 3 heads"),
    ("attention", {'mask = "M"': 'mask = "M"\nheads = 0'},
     "{L}.heads: expected 1 or more, found 0"),
    ("attention", {'mask = "M"': 'mask = "M"\nscores = "scaledd"'},
     "{L}.scores: no 'scaledd'; did you mean 'scaled'?"),
    ("attention", {'mask = "M"': 'mask = "M"\nvalues_bias = "x"'},
     "{L}.values_bias: 'x' is given as a matrix, expected a number",
     "{L}.values_bias: 'x' is an input; it cannot be a bias too"),
    ("attention", {'mask = "M"': 'mask = "M"\noutput_bias = "eta"'},
     "{L}.output: missing; output_bias is added to what this matrix makes",
     "conventions.learning_rate: 'eta' is a bias; it cannot be the learning rate too"),
    ("attention", {"K = [[0.5, 0.6], [0.7, 0.8]]": "K = [[0.5, 0.6, 0.1], [0.7, 0.8, 0.2]]"},
     "{L}.keys: of length 3, the queries are of 2"),
    ("attention", {"V = [[0.9, 1.0], [1.1, 1.2]]": "V = [[0.9, 1.0], [1.1, 1.2], [1, 2]]"},
     "{L}.values: V is for 3 inputs, the layer has 2"),
    ("attention", {'mask = "M"': 'mask = "M"\ns = "s{i}"'},
     "{L}.s: 's{i}' names 9 numbers; write {j} for the number"),
    ("attention", {'mask = "M"': 'mask = "M"\nq = "t"'},
     "{L}.q: the name 't[1,1]' is taken by givens.all.t; choose another"),
    ("attention", {"x = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]": "x = [0.1, 0.2]"},
     "{L}.kind: 2 inputs; attention takes several rows of numbers"),
    ("layer norm", {'shift = "b"\n': ""},
     "{L}.shift: missing; state scale and shift, or neither",
     "givens.all.b: given but not used"),
    ("layer norm", {"b = [0, 0, 0]": "b = [0, 0]"},
     "{L}.shift: 2 numbers for 3 features"),
    ("layer norm", {'scale = "g"': 'scale = "gamma"'},
     "{L}.scale: 'gamma' is not given",
     "givens.all.g: given but not used"),
    ("layer norm", {'scale = "g"': 'scale = "g"\nepsilon = -1'},
     "{L}.epsilon: -1; expected 0 or more"),
    ("layer norm", {'scale = "g"': 'scale = "g"\nmean = "mu{j}"'},
     "{L}.mean: 'mu{j}' has {j}; there is {l}"),
    ("dropout", {"rate = 0.5": 'out = "d"', "over = 2": 'over = 2\nout = "d"'},
     "network.layers[2].out: the name 'd[1]' is taken by network.layers[1].out; choose another"),
    ("lstm", {"x = [0.1, 0.2]": "x = [[[0.1], [0.2]], [[0.1]]]"},
     "givens.all.x: rows of 1 and 2"),
    ("batch norm",
     {"[0.1, 0.2], [0.3, 0.5], [0.4, -0.1]": "[0.1, 0.2]", "[0, 1], [1, 0], [1, 1]": "[0, 1]"},
     "{L}.kind: batch norm takes the mean over several samples; there is one in a batch"),
    ("batch norm", {"[0, 1], [1, 0], [1, 1]": "[0, 1]"},
     "samples.training: arrays of 1 and 3 samples"),
    ("batch norm", {"[0.1, 0.2], [0.3, 0.5]": "[0.1, 0.2], [0.3]"},
     "samples.training: arrays.x: expected rows of one length, a row a sample"),
    ("batch norm", {'title = "one"': 'title = "one"\n[conventions]\nbatch_size = 1'},
     "{L}.kind: batch norm takes the mean over several samples; there is one in a batch"),
    ("batch norm", {'scale = "g"': 'scale = "x"'},
     "{L}.scale: 'x' is measured in samples, expected a list",
     "{L}.scale: 'x' is an input; it cannot be a weight too",
     "givens.all.g: given but not used"),
    ("dropout", {"M = [1, 0]": "M = [1, 0, 1]"},
     "network.layers[1].mask: M has 3 numbers for 2"),
    ("dropout", {"M = [1, 0]": "M = [1, 2]"},
     "network.layers[1].mask: M[2] is 2; expected 0 or 1, or rate = 0"),
    ("dropout", {'mask = "M"': 'mask = "N"'},
     "network.layers[1].mask: 'N' is not given",
     "givens.all.M: given but not used"),
    ("dropout", {'mask = "M"': 'mask = "W"'},
     "network.layers[1].mask: W has 4 numbers for 2",
     "network.layers[1].mask: 'W' is a weight; it cannot be a constant too",
     "givens.all.M: given but not used"),
    ("dropout", {"rate = 0.5": "rate = 1"},
     "network.layers[1].rate: 1; expected from 0 to less than 1"),
    ("dropout", {"rate = 0.5": "rate = -0.1"},
     "network.layers[1].rate: -0.1; expected from 0 to less than 1"),
    ("dropout", {"over = 2": "over = 5"},
     "network.layers[2].over: 5, but there are 2 layers before"),
    ("dropout", {"over = 2": "over = 0"},
     "network.layers[2].over: expected 1 or more, found 0"),
    ("dropout", {"over = 2\n": ""},
     "network.layers[2].over: missing"),
    ("dropout", {"W = [[0.1, 0.2], [0.3, 0.4]]": "W = [[0.1, 0.2]]", "M = [1, 0]": "M = [1]"},
     "network.layers[2].over: adds 2 numbers to 1"),
    ("embedding", {"x = [2, 1, 2]": "x = [2, 1, 4]"},
     "{L}.table: T has 3 rows, counted from 1; x[3] is 4"),
    ("embedding", {"x = [2, 1, 2]": "x = [2, 1, 0]"},
     "{L}.table: T has 3 rows, counted from 1; x[3] is 0"),
    ("embedding", {"x = [2, 1, 2]": "x = [2, 1, 1.5]"},
     "{L}.table: T has 3 rows, counted from 1; x[3] is 1.5"),
    ("embedding", {'table = "T"': 'table = "x"'},
     "{L}.table: 'x' is given as a list, expected a matrix",
     "{L}.table: 'x' is an input; it cannot be a weight too",
     "givens.all.T: given but not used"),
    ("embedding", {'table = "T"': 'table = "T"\nindices = [1, 2]'},
     "{L}.indices: unknown key; known are kind, title, table"),
    ("embedding", {'kind = "activation"': 'kind = "embedding"\ntable = "T"'},
     "network.layers[1].activation: unknown key; known are kind, title, table"),
    ("embedding", {'activation = "softmax"': 'activation = "softmx"'},
     "network.layers[1].activation: no 'softmx'; did you mean 'softmax'?"),
    ("embedding", {'kind = "activation"\n': ""},
     "network.layers[1].weights: missing"),
]  # fmt: skip


def huge(*shape):
    return f"{{ first = 0, last = 1, shape = {list(shape)} }}"


BAD += [
    ("layer norm", {'kind = "layer norm"\nscale = "g"\nshift = "b"\n':
                    'weights = [["g1", "g2", "g3"]]\nrows = "inputs"\nactivation = "relu"\n',
                    "g = [1, 1, 1]\nb = [0, 0, 0]": "g1 = 1\ng2 = 1\ng3 = 1",
                    "t = [1, 0, 1]": "t = [1]"},
     "{L}.rows: rows of names are a unit each; rows of inputs are a matrix"),
    ("pooling", {'targets = "t"': 'targets = "t"\nthreshold = "largest"'},
     "network.threshold: 'largest' of one output; state a number"),
]  # fmt: skip
_MAPS = "x = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]"
#: A few lines that ask for more than a machine holds.
BAD += [
    ("pooling", {_MAPS: f"x = {huge(100_000, 100_000)}"},
     "givens.all.x.shape: 10,000,000,000 numbers; at most 1,000,000"),
    ("pooling", {"size = 2": "size = 100_000_000\npadding = 50_000_000"},
     "{L}.padding: more than all 3 × 3 inputs",
     "{L}.size: the windows see 160,000,000,000,000,000 numbers; at most 5,000,000"),
    ("pooling", {_MAPS: f"x = {huge(300, 300)}", "size = 2": "size = 101"},
     "{L}.size: the windows see 408,040,000 numbers; at most 5,000,000"),
    ("convolution", {_MAPS: f"x = {huge(201, 201)}", "K = [[": f"K = {huge(30, 1, 2, 2)} # [["},
     "network: 30 × 200 × 200 numbers; at most 1,000,000 are named"),
    ("attention", {"x = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]": f"x = {huge(5000, 2)}"},
     "{L}.kind: scores of 50,000,000 products; at most 5,000,000"),
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_the_scenarios_are_good(text):
    assert run.trace(scenario.read(text, "good.toml", "good"))["E"] > 0


@pytest.mark.parametrize(("base", "edits", "problems"), [(b, e, p) for b, e, *p in BAD])
def test_a_mistake_is_told_with_its_key_and_the_remedy(base, edits, problems):
    text = GOOD[base]
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(ScenarioError) as wrong:
        run.trace(scenario.read(text, "bad.toml", "bad"))
    known = known_activations(scenario.read(GOOD[base], "good.toml", "good"))
    lists = {"kinds": ", ".join(KINDS), "activations": ", ".join(known)}
    expected = (f"bad.toml: {filled(line, lists)}" for line in problems)
    assert list(expected) == str(wrong.value).split("\n")


def test_a_derivative_through_very_many_steps_is_refused_in_one_line():
    text = GOOD["recurrent"].replace("x = [[0.1, 0.2], [0.3, 0.4]]", f"x = {huge(600, 2)}")
    t = run.trace(scenario.read(text, "long.toml", "long"))
    with pytest.raises(TooLarge, match=r"^dE/dW\[1,1\] goes through too many steps"):
        gradient_text(t, t.program.index["W[1,1]"])


def filled(line, lists):
    """A line with the key of the first layer and the lists that are too long to write."""
    line = line.replace("{L}", "network.layers[0]")
    for name, found in lists.items():
        line = line.replace(f"{{{name}}}", found)
    return line
