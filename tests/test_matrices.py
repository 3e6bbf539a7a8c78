"""Matrix equations: as numpy has them, true as printed, left out where no matrix can show it."""

from __future__ import annotations

import random
import re
import shutil
from fractions import Fraction
from itertools import chain
from pathlib import Path

import mpmath
import numpy as np
import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt
from test_pages import compile_log

import tracer
from tracer import courses, labels, markup, run
from tracer.cli import main
from tracer.matrices.form import matrix_form
from tracer.matrices.text import FILTERS, formula, numbers, shapes, value, width
from tracer.matrices.views import Equation, Kind, MatrixForm
from tracer.scenario import read
from tracer.traces import Trace

mpmath.mp.dps = 50

needs_tex = pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="pdflatex is not installed: CI compiles the LaTeX"
)

# The four rows of "Neural network from scratch in Python", all at once.
THINKINFI = """
title = "thinkinfi"
[conventions]
chain = "deltas"
biases = "frozen"
[samples.training]
columns = ["x1", "x2", "T1", "T2"]
rows = [[0.03, 0.09, 0.01, 0.99], [0.04, 0.1, 0.99, 0.01], [0.05, 0.11, 0.01, 0.99],
        [0.06, 0.12, 0.99, 0.01]]
[givens.all]
b1 = 0.39
b2 = 0.42
w1 = 0.11
w2 = 0.27
w3 = 0.19
w4 = 0.52
w5 = 0.44
w6 = 0.48
w7 = 0.23
w8 = 0.29
eta = 0.3
[network]
inputs = ["x1", "x2"]
targets = ["T1", "T2"]
total_error = "ETotal"
[[network.layers]]
weights = [["w1", "w2"], ["w3", "w4"]]
bias = "b1"
net = "h{j}"
activation = "sigmoid"
out = "Out h{j}"
[[network.layers]]
weights = [["w5", "w6"], ["w7", "w8"]]
bias = "b2"
net = "y{j}"
activation = "sigmoid"
out = "Out y{j}"
"""


class Net:
    """A network and a batch drawn at random: its TOML, and its matrices as numpy has them."""

    def __init__(
        self, seed: int, widths: list[int] | None = None, rows: int | None = None,
        *, chain: str = "deltas", decimals: int | None = 12, extra: str = "", apart: bool = False,
    ) -> None:  # fmt: skip
        self.r = random.Random(seed)
        self.widths = widths or [self.r.randint(1, 5) for _ in range(self.r.randint(2, 4))]
        self.rows = rows or self.r.choice([1, 1, 2, 3, 4, 8])
        self.activations = [
            self.r.choice(["sigmoid", "tanh", "relu", "identity"]) for _ in self.widths[1:]
        ]
        self.loss = self.r.choice(["half squared error", "squared error", "mean squared error"])
        self.sign, self.mean = self.r.choice(["t - o", "o - t"]), self.r.random() < 0.5
        self.chain, self.decimals, self.extra = chain, decimals, extra
        self.apart = apart  # activations as layers of their own
        self.x, self.t = (
            self.matrix(self.rows, self.widths[0]),
            self.matrix(self.rows, self.widths[-1]),
        )
        pairs = list(zip(self.widths, self.widths[1:], strict=False))
        self.w = [self.matrix(units, inputs) for inputs, units in pairs]
        self.across = [self.r.random() < 0.4 for _ in pairs]
        self.bias = [self.r.choice(["none", "one", "each"]) for _ in pairs]
        self.b = [
            {"none": np.zeros((1, n)), "one": np.full((1, n), 0.3), "each": self.matrix(1, n)}[kind]
            for kind, n in zip(self.bias, self.widths[1:], strict=True)
        ]

    def matrix(self, rows: int, columns: int) -> np.ndarray:
        return np.array(
            [[round(self.r.uniform(-1.2, 1.2), 3) for _ in range(columns)] for _ in range(rows)]
        )

    @property
    def text(self) -> str:
        xs = [f"x{i + 1}" for i in range(self.widths[0])]
        ts = [f"t{i + 1}" for i in range(self.widths[-1])]
        lines = [
            'title = "random"', "[conventions]", f'loss = "{self.loss}"', f'sign = "{self.sign}"',
            f'chain = "{self.chain}"', f'reduction = "{"mean" if self.mean else "sum"}"',
            self.extra,
            f"decimals = {self.decimals}" if self.decimals is not None else "",
            "[samples.training]", f"columns = {xs + ts}".replace("'", '"'),
            f"rows = {np.hstack([self.x, self.t]).tolist()}", "[givens.all]", "eta = 0.1",
        ]  # fmt: skip
        layers = [
            "[network]",
            f"inputs = {xs}".replace("'", '"'),
            f"targets = {ts}".replace("'", '"'),
        ]
        for k, w in enumerate(self.w):
            lines.append(f"W{k + 1} = {(w.T if self.across[k] else w).tolist()}")
            activation = f'activation = "{self.activations[k]}"'
            layers += ["[[network.layers]]", f'weights = "W{k + 1}"']
            layers += ['activation = "identity"' if self.apart else activation]
            layers += ['rows = "inputs"'] if self.across[k] else []
            if self.bias[k] != "none":
                b = self.b[k][0].tolist()
                lines.append(f"b{k + 1} = {b if self.bias[k] == 'each' else b[0]}")
                layers.append(f'bias = "b{k + 1}"')
            if self.apart:
                layers += ["[[network.layers]]", 'kind = "activation"', activation]
        return "\n".join([*lines, *layers])

    def trace(self) -> Trace:
        return run.trace(read(self.text, "random.toml", "random"))

    def form(self) -> MatrixForm:
        found = matrix_form(self.trace())
        assert found
        return found

    def expected(self) -> dict[str, np.ndarray]:
        """Every matrix of the pass by the name of its symbol, from numpy alone."""
        found = {"X": self.x, "T": self.t, "A_0": self.x}
        for k, w in enumerate(self.w, 1):
            found[f"W_{k}"], found[f"b_{k}"] = (w.T if self.across[k - 1] else w), self.b[k - 1]
            found[f"Z_{k}"] = found[f"A_{k - 1}"] @ w.T + self.b[k - 1]
            found[f"A_{k}"] = VALUE[self.activations[k - 1]](found[f"Z_{k}"])
        last, outputs = len(self.w), self.widths[-1]
        half = 0.5 if self.loss == "half squared error" else 1.0
        share = 1 / outputs if self.loss == "mean squared error" else 1.0
        samples = self.rows if self.mean else 1
        found["E of outputs"] = half * (self.t - found[f"A_{last}"]) ** 2
        found["e"] = share * found["E of outputs"].sum(axis=1, keepdims=True)
        found["E"] = found["e"].sum(keepdims=True) / samples
        d = 2 * half * share * (found[f"A_{last}"] - self.t)
        for k in range(last, 0, -1):
            d = d * SLOPE[self.activations[k - 1]](found[f"Z_{k}"])
            found[f"D_{k}"] = d
            gradient = d.T @ found[f"A_{k - 1}"] / samples
            found[f"dE/dW_{k}"] = gradient.T if self.across[k - 1] else gradient
            found[f"dE/db_{k}"] = d.sum(axis=0, keepdims=True) / samples
            found[f"dE/db{k}"] = d.sum(keepdims=True) / samples
            d = d @ self.w[k - 1]
        return found


VALUE = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0), "identity": lambda z: z,
}  # fmt: skip
SLOPE = {
    "sigmoid": lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2, "tanh": lambda z: 1 / np.cosh(z) ** 2,
    "relu": lambda z: z > 0, "identity": np.ones_like,
}  # fmt: skip


def entries(rows) -> np.ndarray:
    return np.array([[float(x.decimal) for x in row] for row in rows])


def key_of(e: Equation) -> str:
    """The name of an equation's result, the errors of the outputs apart from the error."""
    name = labels.name(e.result.label)
    return "E of outputs" if name == "E" and not e.result.scalar else name


def by_kind(form: MatrixForm, kind: Kind) -> Equation:
    """The first equation of a kind."""
    return next(e for e in form.equations if e.kind is kind)


# ---- the numbers -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_every_matrix_is_what_numpy_has(seed: int) -> None:
    net = Net(seed)
    assert_numpys(net.form(), net)


def assert_numpys(form: MatrixForm, net: Net) -> None:
    expected = net.expected()
    for m in form.matrices:
        assert expected[labels.name(m.label)].shape == m.shape
        np.testing.assert_allclose(entries(m.rows), expected[labels.name(m.label)], atol=1e-11)
    for e in form.equations:
        assert expected[key_of(e)].shape == e.result.shape
        np.testing.assert_allclose(entries(e.result.rows), expected[key_of(e)], atol=1e-11)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("apart", [False, True])
def test_no_equation_of_a_pass_is_left_out(seed: int, apart: bool) -> None:
    net = Net(seed, apart=apart)
    layers = range(1, len(net.w) + 1)
    wanted = [f"{letter}_{k}" for k in layers for letter in "ZA"]
    wanted += ["E of outputs"] * (net.widths[-1] > 1) + ["e"] * (net.rows > 1) + ["E"]
    for k in reversed(layers):
        wanted += [f"D_{k}", f"dE/dW_{k}"]
        one = net.bias[k - 1] == "one" and net.widths[k] > 1
        wanted += [] if net.bias[k - 1] == "none" else [f"dE/db{k}" if one else f"dE/db_{k}"]
    assert wanted == [key_of(e) for e in net.form().equations]


@pytest.mark.parametrize("seed", range(60))
def test_an_activation_of_its_own_is_that_of_the_layer_before(seed: int) -> None:
    net = Net(seed, apart=True)
    assert_numpys(net.form(), net)


def test_the_outputs_are_those_of_the_activation_of_its_own() -> None:
    net = Net(0, [2, 2, 1], 3, apart=True)
    net.activations = ["tanh", "sigmoid"]
    form = net.form()
    named = {labels.name(m.label): [labels.name(x) for x in m.entries[0]] for m in form.matrices}
    assert ["x1", "x2"] == named["X"]
    assert ["a2[1]", "a2[2]"] == named["A_1"]
    assert ["tanh", "sigmoid"] == [e.part for e in form.forward if e.kind is Kind.OUTPUTS]


@pytest.mark.parametrize("seed", range(60))
def test_the_shapes_stated_are_those_of_numpys_operands(seed: int) -> None:
    net = Net(seed)
    for e in net.form().equations:
        if not e.product:
            continue
        *operands, result = re.findall(r"\((\d+) \\times (\d+)\)", shapes(e))
        stated = [np.zeros((int(a), int(b))) for a, b in operands]
        product = np.linalg.multi_dot([*stated[: len(e.product)], np.eye(int(result[1]))])
        added = product + stated[-1] if "b" in e.operands else product
        assert added.shape == (int(result[0]), int(result[1])) == e.result.shape


@pytest.mark.parametrize("seed", range(60))
def test_the_operands_of_a_product_are_numpys_too(seed: int) -> None:
    net = Net(seed)
    expected = net.expected() | {"1": np.ones((1, 1))}
    for e in net.form().equations:
        for factor in (f for factors in e.operands.values() for f in factors):
            name = labels.name(factor.matrix.label)
            name = "E of outputs" if name == "E" and not factor.matrix.scalar else name
            right = expected[name].T if factor.transposed else expected[name]
            np.testing.assert_allclose(
                entries(factor.rows), right * np.ones(factor.shape), atol=1e-11
            )


def test_the_first_row_of_thinkinfi_has_the_numbers_the_tutorial_prints() -> None:
    form = matrix_form(run.trace(read(THINKINFI, "t.toml", "t")))
    assert form
    first = {
        labels.name(e.result.label) + str(e.result.shape): [x.text for x in e.result.rows[0]]
        for e in form.equations
    }
    assert ["0.4176", "0.4425"] == first["Z_1(4, 2)"]
    assert ["0.60290881", "0.60885457"] == first["A_1(4, 2)"]
    assert ["0.97753007", "0.73523685"] == first["Z_2(4, 2)"]
    assert ["0.25677057", "0.04931263"] == first["E(4, 2)"]
    assert ["0.30608320"] == first["e(4, 1)"]
    # dE/dy1 = dE/dOut y1 * dOut y1/dy1 = 0.71661785 * 0.19864435
    assert "0.14235208"[:8] == first["D_2(4, 2)"][0][:8]


def test_a_later_pass_has_its_own_weights() -> None:
    t = run.trace(read(THINKINFI, "t.toml", "t"), iterations=3).at(3)
    form = matrix_form(t)
    assert form
    w = entries(by_kind(form, Kind.NETS).product[1].rows).T
    np.testing.assert_allclose(w, [[t["w1"], t["w2"]], [t["w3"], t["w4"]]], atol=1e-8)
    assert abs(t["w1"] - 0.11) > 1e-6


# ---- what is said of them --------------------------------------------------------------


def formulas_of(form: MatrixForm) -> list[str]:
    return [f"{labels.latex(e.result.label)} = {formula(e)}" for e in form.equations]


def test_the_equations_of_thinkinfi() -> None:
    form = matrix_form(run.trace(read(THINKINFI, "t.toml", "t")))
    assert form
    assert [
        r"\mathbf Z_1 = \mathbf X \cdot \mathbf W_1^{\mathsf T} + \mathbf b_1",
        r"\mathbf A_1 = \sigma(\mathbf Z_1)",
        r"\mathbf Z_2 = \mathbf A_1 \cdot \mathbf W_2^{\mathsf T} + \mathbf b_2",
        r"\mathbf A_2 = \sigma(\mathbf Z_2)",
        r"\mathbf E = \frac{1}{2} \cdot (\mathbf T - \mathbf A_2) \circ (\mathbf T - \mathbf A_2)",
        r"\mathbf e = \mathbf E \cdot \mathbf 1",
        r"\mathrm{ETotal} = \mathbf 1^{\mathsf T} \cdot \mathbf e",
        r"\mathbf D_2 = -(\mathbf T - \mathbf A_2) \circ \mathbf A_2 \circ (1 - \mathbf A_2)",
        r"\frac{\partial \mathrm{ETotal}}{\partial \mathbf W_2} "
        r"= \mathbf D_2^{\mathsf T} \cdot \mathbf A_1",
        r"\mathbf D_1 = \left(\mathbf D_2 \cdot \mathbf W_2\right) "
        r"\circ \mathbf A_1 \circ (1 - \mathbf A_1)",
        r"\frac{\partial \mathrm{ETotal}}{\partial \mathbf W_1} "
        r"= \mathbf D_1^{\mathsf T} \cdot \mathbf X",
    ] == formulas_of(form)
    assert (r"{(4 \times 2)} \cdot {(2 \times 2)} + {(1 \times 2)} \to {(4 \times 2)}") == shapes(
        form.forward[0]
    )


@pytest.mark.parametrize(
    ("activation", "loss", "sign", "expected"),
    [
        ("tanh", "squared error", "o - t",
         r"2 \cdot (\mathbf A_1 - \mathbf T) \circ (1 - \mathbf A_1 \circ \mathbf A_1)"),
        ("relu", "half squared error", "o - t",
         r"(\mathbf A_1 - \mathbf T) \circ [\mathbf Z_1 > 0]"),
        ("identity", "squared error", "t - o", r"-2 \cdot (\mathbf T - \mathbf A_1)"),
        ("sigmoid", "half squared error", "t - o",
         r"-(\mathbf T - \mathbf A_1) \circ \mathbf A_1 \circ (1 - \mathbf A_1)"),
    ],
)  # fmt: skip
def test_the_last_deltas_follow_loss_and_sign(
    activation: str, loss: str, sign: str, expected: str
) -> None:
    net = Net(1, [2, 1], 3)
    net.activations, net.loss, net.sign = [activation], loss, sign
    assert expected == formula(by_kind(net.form(), Kind.LAST_DELTAS))


def test_a_matrix_of_the_authors_keeps_its_orientation() -> None:
    """The tutorial of `np.dot(X, W1)` multiplies by W itself, and back by its transpose."""
    net = Net(3, [2, 3, 1], 4)
    net.across, net.bias = [True, True], ["none", "none"]
    net.b = [np.zeros((1, 3)), np.zeros((1, 1))]
    found = {e.kind: formula(e) for e in reversed(net.form().equations)}
    assert r"\mathbf X \cdot \mathbf W_1" == found[Kind.NETS]
    assert found[Kind.DELTAS].startswith(r"\left(\mathbf D_2 \cdot \mathbf W_2^{\mathsf T}\right)")
    assert found[Kind.WEIGHTS].endswith(r"\mathbf A_1^{\mathsf T} \cdot \mathbf D_2")


def test_a_mean_over_samples_is_divided_by_their_number() -> None:
    net = Net(3, [2, 1], 4)
    net.mean, net.bias, net.b = True, ["each"], [np.array([[0.1]])]
    for kind in (Kind.OVER_SAMPLES, Kind.WEIGHTS, Kind.BIASES):
        e = by_kind(net.form(), kind)
        assert e.averaged
        assert formula(e).startswith(r"\frac{1}{4} \cdot ")


def test_sequential_update_goes_back_through_the_new_weights() -> None:
    text = THINKINFI.replace('chain = "deltas"', 'chain = "deltas"\nupdate = "sequential"')
    t = run.trace(read(text, "t.toml", "t"))
    form = matrix_form(t)
    assert form
    e = by_kind(form, Kind.DELTAS)
    assert e.updated
    assert r"\mathbf D_2 \cdot \mathbf W_2^{+}" in formula(e)
    assert abs(entries(e.product[1].rows)[0, 0] - t["w5+"]) < 1e-8
    assert not by_kind(matrix_form(run.trace(read(THINKINFI, "t", "t"))), Kind.DELTAS).updated


def test_the_columns_are_named_as_in_the_lines() -> None:
    form = matrix_form(run.trace(read(THINKINFI, "t.toml", "t")))
    assert form
    named = {labels.name(m.label): [[labels.name(x) for x in row] for row in m.entries]
             for m in form.matrices}  # fmt: skip
    assert [["x1", "x2"]] == named["X"]
    assert [["w5", "w6"], ["w7", "w8"]] == named["W_2"]
    assert [["b2", "b2"]] == named["b_2"]
    assert [["Out_h1", "Out_h2"]] == named["A_1"]
    assert [["T1", "T2"]] == named["T"]


# ---- every printed equation is true ----------------------------------------------------


class S(Fraction):
    """A number before matrices."""

    def __neg__(self) -> S:
        return S(-Fraction(self))

    def __matmul__(self, other):
        return S(self * other) if isinstance(other, S) else NotImplemented


class M:
    """A matrix of exact fractions; `@` multiplies matrices, `*` and functions each entry."""

    def __init__(self, rows: list[list[Fraction]]) -> None:
        self.rows = rows

    def each(self, f) -> M:
        return M([[f(x) for x in row] for row in self.rows])

    def with_other(self, other, f) -> M:
        if isinstance(other, Fraction):
            return self.each(lambda x: f(x, other))
        rows = other.rows * len(self.rows) if len(other.rows) == 1 else other.rows
        return M([[f(a, b) for a, b in zip(r, s, strict=True)]
                  for r, s in zip(self.rows, rows, strict=True)])  # fmt: skip

    def __matmul__(self, other: M) -> M:
        columns = list(zip(*other.rows, strict=True))
        return M([[sum((a * b for a, b in zip(row, c, strict=True)), Fraction(0)) for c in columns]
                  for row in self.rows])  # fmt: skip

    def __rmatmul__(self, other: Fraction) -> M:
        return self.each(lambda x: other * x)

    def __mul__(self, other) -> M:
        return self.with_other(other, lambda a, b: a * b)

    def __add__(self, other) -> M:
        return self.with_other(other, lambda a, b: a + b)

    def __sub__(self, other) -> M:
        return self.with_other(other, lambda a, b: a - b)

    def __rsub__(self, other: Fraction) -> M:
        return self.each(lambda x: other - x)

    def __neg__(self) -> M:
        return self.each(lambda x: -x)


def _exactly(f):
    """A function of a fraction to 50 digits."""
    return lambda m: m.each(lambda x: Fraction(str(f(mpmath.mpf(x.numerator) / x.denominator))))


FUNCTIONS = {
    "S": S,
    "sigma": _exactly(lambda z: 1 / (1 + mpmath.exp(-z))), "tanh": _exactly(mpmath.tanh),
    "relu": lambda zero, m: m.each(lambda x: max(zero, x)),
    "positive": lambda m: m.each(lambda x: Fraction(x > 0)),
}  # fmt: skip
_MATRIX = r"\\begin\{pmatrix\} (.*?) \\end\{pmatrix\}"


def entry(text: str) -> Fraction:
    mantissa, _, exponent = text.partition(r" \times 10^{")
    return Fraction(mantissa) * Fraction(10) ** int(exponent.rstrip("}") or 0)


def table(body: str) -> list[list[str]]:
    rows = [row.split(" & ") for row in body.split(r" \cr ")]
    return [row for row in rows if row[0] != r"\vdots"]


def value_of(tex: str) -> M:
    """What a side of printed matrices comes to, read with no help of tracer's."""
    found: list[M] = []

    def keep(m: re.Match[str]) -> str:
        found.append(M([[entry(x) for x in row] for row in table(m[1])]))
        return f" m[{len(found) - 1}]"

    text = " ".join(re.sub(_MATRIX, keep, tex).split())
    text = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r" S(\1,\2)", text)
    text = re.sub(r"(?<![\w\[(,])(\d+)(?=[ ,])", r"S(\1)", text.replace(r"\left(", r"( "))
    text = re.sub(r"\\(sigma|tanh) (m\[\d+\])", r"\1(\2)", text)
    text = re.sub(r"\\left\[ (m\[\d+\]) > 0\\right\]", r"positive(\1)", text)
    text = text.replace(r"\max(", "relu(").replace(r"\right)", ")").replace("{}", "")
    text = text.replace(r"\qquad", "").replace(r"\cdot", "@").replace(r"\circ", "*")
    return eval(text.strip(), {"__builtins__": {}}, {**FUNCTIONS, "m": found})


def is_true(e: Equation, decimals: int) -> bool:
    """Whether every printed entry is the exact one, rounded half away from zero."""
    exact, shown = value_of(" ".join(numbers(e))), value(e.result)
    inside = re.fullmatch(_MATRIX, shown)
    printed = table(inside[1]) if inside else [[shown]]
    pairs = zip(chain(*exact.rows), chain(*printed), strict=True)
    return all(_rounds(x, text, decimals) for x, text in pairs)


def _rounds(exact: Fraction, text: str, decimals: int) -> bool:
    places = decimals
    if r"\times" in text:
        mantissa, _, exponent = text.partition(r" \times 10^{")
        places = len(mantissa.partition(".")[2]) - int(exponent.rstrip("}"))
    scaled = abs(exact) * 10**places
    rounded = int(scaled) + (2 * (scaled - int(scaled)) >= 1)
    return rounded == abs(entry(text)) * 10**places and (not rounded or exact * entry(text) > 0)


@pytest.mark.parametrize("decimals", [3, 4, 8, 12])
@pytest.mark.parametrize("seed", range(20))
def test_an_equation_is_printed_with_equals_exactly_where_its_entries_bear_it_out(
    seed: int, decimals: int
) -> None:
    form = Net(seed, decimals=decimals).form()
    shown = [e for e in form.equations if e.substituted]
    assert len(shown) > 4
    for e in shown:
        assert is_true(e, decimals) == e.exact, (formula(e), numbers(e), value(e.result))


@pytest.mark.parametrize("seed", range(60))
def test_no_equation_is_only_about_true(seed: int) -> None:
    """≈ is for rounded entries: with twelve decimals the formula gives the result to nine."""
    for e in Net(seed).form().equations:
        if e.substituted:
            exact = np.array(value_of(" ".join(numbers(e))).rows, float)
            np.testing.assert_allclose(exact, entries(e.result.rows), atol=1e-9)


def test_both_signs_occur() -> None:
    found = {e.exact for seed in range(8) for e in Net(seed, decimals=4).form().equations}
    assert found == {True, False}


@pytest.mark.parametrize("seed", range(6))
def test_rounding_by_hand_prints_what_it_calculated_with(seed: int) -> None:
    form = Net(seed, decimals=4, extra="rounding = { decimals = 4 }").form()
    for e in form.equations:
        if e.substituted:
            assert is_true(e, 4) == e.exact


def test_the_reader_of_this_test_finds_a_wrong_entry() -> None:
    e = by_kind(Net(2, [2, 2, 1], 3, decimals=8).form(), Kind.NETS)
    wrong = numbers(e)[0].replace("0.", "1.", 1)
    assert is_true(e, 8)
    assert value_of(wrong).rows != value_of(numbers(e)[0]).rows


# ---- many samples ----------------------------------------------------------------------


def test_of_many_samples_the_first_three_and_the_last_are_shown() -> None:
    net = Net(5, [2, 3, 2], 12)
    form, expected = net.form(), net.expected()
    assert form.elided
    for m in form.matrices:
        right = expected[labels.name(m.label)]
        assert right.shape == m.shape
        np.testing.assert_allclose(
            entries(m.rows), right[[0, 1, 2, -1]] if len(right) == 12 else right, atol=1e-11
        )
    z = value(by_kind(form, Kind.NETS).result)
    assert [r"\vdots"] * 3 == z.split(r" \cr ")[3].split(" & ")


def test_what_adds_up_over_samples_that_are_not_shown_has_no_numbers_and_no_equals_sign() -> None:
    form = Net(5, [2, 3, 2], 12).form()
    over = {Kind.OVER_SAMPLES, Kind.WEIGHTS, Kind.BIASES, Kind.SHARED_BIAS}
    for e in form.equations:
        assert e.substituted == (e.kind not in over)
        assert not (e.kind in over and e.exact)
        if e.substituted:
            assert is_true(e, 12) == e.exact


def test_eight_samples_are_shown_in_full() -> None:
    form = Net(5, [2, 1], 8).form()
    assert not form.elided
    assert all(e.substituted or e.kind is Kind.OUTPUTS for e in form.equations)


# ---- no matrix form, or not all of it --------------------------------------------------


def form_of(text: str) -> MatrixForm | None:
    return matrix_form(run.trace(read(text, "t.toml", "t"), iterations=0))


def test_formulas_without_layers_have_no_matrix_form() -> None:
    assert form_of('title = "f"\n[givens.a]\nx = 2\n[formulas]\ny = "x^2"') is None


def test_a_layer_wider_than_a_page_has_no_matrix_form() -> None:
    assert matrix_form(Net(0, [9, 2], 2).trace()) is None
    assert matrix_form(Net(0, [2, 9, 1], 2).trace()) is None
    assert matrix_form(Net(0, [8, 8], 2).trace()) is not None


@pytest.mark.parametrize("step", ["Out h1", "y2", "E1", "delta_y1"])
def test_a_pass_with_a_step_held_at_a_value_has_no_matrix_form(step: str) -> None:
    text = THINKINFI + f'[readings.held]\npins = {{ "{step}" = 0.6 }}\n'
    assert matrix_form(run.trace(read(text, "t.toml", "t"), reading="held")) is None


def test_a_shared_weight_stands_twice_and_has_no_backward_part() -> None:
    form = form_of(THINKINFI.replace('["w7", "w8"]', '["w7", "w5"]').replace("w8 = 0.29\n", ""))
    assert form
    assert form.error
    assert not form.backward
    assert [["0.44", "0.23"], ["0.48", "0.44"]] == [
        [x.text for x in row] for row in form.forward[2].product[1].rows
    ]


def test_a_missing_weight_is_a_zero_and_has_no_backward_part() -> None:
    form = form_of(THINKINFI.replace('"w8"', '"-"').replace("w8 = 0.29\n", ""))
    assert form
    e = form.forward[2]
    assert [["0.44", "0.23"], ["0.48", "0"]] == [[x.text for x in r] for r in e.product[1].rows]
    assert is_true(e, 8) == e.exact
    assert not form.backward
    assert "0" in FILTERS["matrix_layout"](form.matrices[5])


def test_a_bias_of_two_layers_has_no_backward_part() -> None:
    text = THINKINFI.replace('bias = "b2"', 'bias = "b1"').replace("b2 = 0.42\n", "")
    form = form_of(text.replace('"frozen"', '"trained"'))
    assert form
    assert not form.backward


def test_a_pass_without_deltas_has_no_backward_part() -> None:
    form = matrix_form(Net(4, [3, 2], 3, chain="full").trace())
    assert form
    assert form.error
    assert not form.backward


def test_other_samples_have_a_forward_part_only() -> None:
    other = '[samples.prediction]\ncolumns = ["x1", "x2"]\nrows = [[0.1, 0.2], [0.3, 0.4]]\n'
    t = run.trace(read(THINKINFI + other, "t.toml", "t"))
    form = matrix_form(run.on(t, "prediction"))
    assert form
    assert (2, 4, (), ()) == (form.samples, len(form.forward), form.error, form.backward)


PERCEPTRON = """
title = "AND"
[conventions]
learning = "perceptron"
[samples.training]
columns = ["x1", "x2", "y"]
rows = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1]]
[givens.all]
W = [[0.4], [0.2]]
b = 1
eta = 0.1
[network]
inputs = ["x1", "x2"]
targets = ["y"]
threshold = 0.5
[[network.layers]]
weights = "W"
rows = "inputs"
bias = "b"
activation = "sigmoid"
"""


def test_a_perceptron_has_a_forward_part_only() -> None:
    """Its error is of the answers 0 and 1, and it follows no derivative."""
    form = form_of(PERCEPTRON)
    assert form
    # published: z = 1 1.4 1.2 1.6, s = .73105858 .80218389 .76852478 .83201839, rows in our order
    assert ["1", "1.4", "1.2", "1.6"] == [row[0].text for row in form.forward[0].result.rows]
    assert ["0.73105858", "0.80218389", "0.76852478", "0.83201839"] == [
        row[0].text for row in form.forward[1].result.rows
    ]
    assert not form.error
    assert not form.backward


DENSE = '[[network.layers]]\nweights = "{}"\nactivation = "{}"\n'
FIRST, LAST = DENSE.format("W", "identity"), DENSE.format("V", "identity")
OWN = '[[network.layers]]\nkind = "activation"\nactivation = "{}"\n'
OTHERS = {
    kind: f'[[network.layers]]\nkind = "{kind}"\n{more}\n'
    for kind, more in {
        "batch norm": "", "layer norm": "", "dropout": 'mask = "m"', "residual": "over = 1",
    }.items()
}  # fmt: skip


def layered(*layers: str, conventions: str = "") -> MatrixForm | None:
    """The matrix form of layers of two units, the last dense one of one."""
    used = "".join(layers)
    given = {"b": 0.1, "m": [1, 1] if used.endswith(LAST) else [1]}
    return form_of(f"""
title = "layers"
[conventions]
chain = "deltas"
{conventions}
[samples.training]
columns = ["x1", "x2", "t"]
rows = [[1.0, 2.0, 1], [0.5, -1.0, 0], [-1.5, 0.3, 0.5]]
[givens.all]
W = [[0.4, -0.2], [0.3, 0.5]]
V = [[0.6, -0.7]]
{"".join(f"{name} = {value}{chr(10)}" for name, value in given.items() if f'"{name}"' in used)}
eta = 0.2
[network]
inputs = ["x1", "x2"]
targets = ["t"]
{used}""")


@pytest.mark.parametrize("kind", OTHERS)
def test_where_another_layer_computes_there_is_no_matrix_form(kind: str) -> None:
    other = OTHERS[kind]
    assert layered(FIRST, LAST)
    assert not layered(FIRST, other, LAST)
    assert not layered(FIRST, other, OWN.format("sigmoid"), LAST)
    assert not layered(FIRST, OWN.format("sigmoid"), other, LAST)
    if kind != "residual":  # which has to have a layer to go over
        assert not layered(other, FIRST, LAST)
    assert not layered(FIRST, LAST, OWN.format("sigmoid"), other)


def test_an_activation_that_no_single_layer_has_leaves_no_matrix_form() -> None:
    tanh, sigmoid = OWN.format("tanh"), OWN.format("sigmoid")
    assert layered(FIRST, OWN.format("identity"), tanh, LAST, sigmoid)
    assert not layered(tanh, FIRST, LAST)
    assert not layered(DENSE.format("W", "tanh"), sigmoid, LAST)
    assert not layered(FIRST, tanh, sigmoid, LAST)
    assert not layered(FIRST, OWN.format("softmax"), LAST)


@pytest.mark.parametrize(
    ("net", "shown"),
    [("b + sum(x_i*w_i)", True), ("sum(w_i*x_i) - b", False), ("2*sum(w_i*x_i) + b", False),
     ("sum(w_i*x_i^2) + b", False)],
)  # fmt: skip
def test_a_sum_that_is_no_product_plus_a_bias_has_no_matrix_form(net: str, shown: bool) -> None:
    biased = DENSE.format("V", 'identity"\nbias = "b')
    assert shown == bool(layered(FIRST, biased, conventions=f'net = "{net}"'))


def test_a_matrix_of_two_layers_stands_in_both() -> None:
    """Forward as numpy has it; no backward part, for its gradient is that of both places."""
    form = layered(DENSE.format("W", "tanh"), DENSE.format("W", "tanh"), LAST)
    assert form
    w, a = np.array([[0.4, -0.2], [0.3, 0.5]]), np.array([[1.0, 2.0], [0.5, -1.0], [-1.5, 0.3]])
    for z in (e for e in form.forward[:4] if e.kind is Kind.NETS):
        np.testing.assert_allclose(entries(z.product[1].rows), w.T)
        np.testing.assert_allclose(entries(z.result.rows), a @ w.T, atol=1e-8)
        a = np.tanh(a @ w.T)
    assert form.error
    assert not form.backward


ELSEWHERE = {
    "embedding": """
[samples.training]
columns = ["t"]
rows = [[1], [0]]
[givens.all]
W = [[0.1, 0.2], [0.3, -0.4]]
V = [[0.5, 0.3]]
k = [2]
[network]
inputs = "k"
targets = ["t"]
[[network.layers]]
kind = "embedding"
table = "W"
""",
    "convolution": """
[samples.training.arrays]
x = [[[1, 2], [0, 1]], [[0.5, 0.2], [0.3, -1]]]
y = [[1], [0]]
[givens.all]
K = [[0.5, 0.1]]
V = [[0.7, -0.5]]
[network]
inputs = "x"
targets = "y"
[[network.layers]]
kind = "convolution"
kernel = "K"
[[network.layers]]
kind = "flatten"
""",
    "recurrent": """
[samples.training.arrays]
x = [[[0.5, -1.0], [1.0, 0.2]], [[0.1, 0.3], [-0.4, 0.8]]]
y = [[1], [0]]
[givens.all]
W = [[0.3, -0.2], [0.4, 0.1]]
U = [[0.5, -0.1], [0.2, 0.3]]
V = [[0.7, -0.5]]
[network]
inputs = "x"
targets = "y"
[[network.layers]]
kind = "recurrent"
weights = "W"
recurrent = "U"
returns = "last"
""",
    "attention": """
[samples.training.arrays]
x = [[[0.5, -1.0], [1.0, 0.2]], [[0.1, 0.3], [-0.4, 0.8]]]
y = [[1, 0], [0, 1]]
[givens.all]
W = [[0.3, -0.2], [0.4, 0.1]]
V = [[0.7, -0.5]]
[network]
inputs = "x"
targets = "y"
[[network.layers]]
kind = "attention"
queries = "W"
keys = "W"
values = "W"
""",
}


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_a_dense_layer_after_one_of_another_kind_has_no_matrix_form(kind: str) -> None:
    text = ELSEWHERE[kind].replace("[network]", "eta = 0.1\n[network]", 1)
    assert form_of(f'title = "t"\n{text}{LAST}') is None


def test_inputs_that_are_formulas_stand_in_x() -> None:
    form = form_of("""
title = "features"
[samples.training]
columns = ["x", "t"]
rows = [[1.5, 1], [-0.5, 0], [2, 1]]
[givens.all]
c = 0.5
W = [[0.6, -0.7]]
eta = 0.1
[formulas]
square = "c*x^2"
cube = "x^3"
after = "1/(1 + e^(-net_o1))"
[network]
inputs = ["square", "cube"]
targets = ["t"]
[[network.layers]]
weights = "W"
activation = "identity"
""")
    assert form
    x = np.array([1.5, -0.5, 2.0])
    z = form.forward[0]
    np.testing.assert_allclose(entries(z.product[0].rows), np.stack([x**2 / 2, x**3], 1))
    np.testing.assert_allclose(entries(z.result.rows)[:, 0], 0.3 * x**2 - 0.7 * x**3, atol=1e-8)
    assert [Kind.NETS, Kind.OUTPUTS] == [e.kind for e in form.forward]


# ---- of which pass ---------------------------------------------------------------------

ORDER = [4, 1, 5, 0, 3, 2]


def told(net: Net, iteration: int = 0) -> MatrixForm:
    """The matrix form on the page of a pass."""
    course = courses.course(read(net.text, "random.toml", "random"), iteration=iteration)
    assert course
    assert course.matrices
    found = matrix_form(course.matrices)
    assert found
    return found


def fed(net: Net, batch: int, iteration: int) -> Net:
    """The network as it is after some updates, with the samples of the pass alone: by numpy."""
    x, t = net.x, net.t
    for k in range(iteration + 1):
        rows = [ORDER[(k * batch + n) % len(ORDER)] for n in range(batch)]
        net.x, net.t, net.rows = x[rows], t[rows], batch
        now = net.expected()
        if k < iteration:
            for n in range(len(net.w)):
                slope = now[f"dE/dW_{n + 1}"]
                net.w[n] = net.w[n] - 0.1 * (slope.T if net.across[n] else slope)
    return net


@pytest.mark.parametrize("iteration", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("batch", [2, 3, 6])
@pytest.mark.parametrize("chain", ["full", "deltas"])
def test_the_matrices_have_the_samples_that_the_pass_is_fed(
    batch: int, iteration: int, chain: str
) -> None:
    def drawn() -> Net:
        how = f"batch_size = {batch}\norder = {ORDER}\niterations = 5"
        found = Net(7, [2, 3, 1], 6, chain=chain, extra=how)
        found.mean, found.loss, found.activations = True, "half squared error", ["tanh", "sigmoid"]
        found.bias, found.b = ["none", "none"], [np.zeros((1, 3)), np.zeros((1, 1))]
        return found

    form, right = told(drawn(), iteration), fed(drawn(), batch, iteration)
    assert batch == form.samples
    assert form.backward
    assert form.averaged
    assert_numpys(form, right)


def test_samples_fed_one_by_one_are_taken_all_at_once() -> None:
    net = Net(7, [2, 3, 1], 6, extra=f"batch_size = 1\norder = {ORDER}\niterations = 5")
    assert_numpys(told(net, 3), net)


@pytest.mark.parametrize("rounding", [False, True])
@pytest.mark.parametrize("chain", ["full", "deltas"])
def test_the_gradients_are_those_of_the_lines(rounding: bool, chain: str) -> None:
    """Rounded steps give others by another way there, which is then not gone."""
    extra = "rounding = { decimals = 3 }" if rounding else ""
    net = Net(8, [2, 2, 1], 4, decimals=3, chain=chain, extra=extra)
    net.activations, net.across = ["sigmoid", "sigmoid"], [False, False]
    form, t = told(net), net.trace()
    found = {labels.name(e.result.label): e.result for e in form.backward}
    assert bool(found) == (not rounding or chain == "deltas")
    for k, w in enumerate(net.w, 1) if found else ():
        names = [[f"dE/dW{k}[{j + 1},{i + 1}]" for i in range(w.shape[1])] for j in range(len(w))]
        lines = [[t.record(name).value for name in row] for row in names]
        np.testing.assert_allclose(entries(found[f"dE/dW_{k}"].rows), lines, atol=5.1e-4)
        assert not rounding or (entries(found[f"dE/dW_{k}"].rows) == np.array(lines)).all()


# ---- on the page -----------------------------------------------------------------------

CASES = {
    "thinkinfi": THINKINFI,
    "2-3-1, three rows": Net(11, [2, 3, 1], 3, decimals=8).text,
    "2-1, four rows": Net(12, [2, 1], 4, decimals=8).text,
    "4-1, eight rows": Net(13, [4, 1], 8, decimals=8).text,
    "one row": Net(14, [2, 2, 2], 1, decimals=8).text,
    "wide": Net(15, [8, 8, 8], 20, decimals=12).text,
    "deep": Net(16, [5, 8, 4, 2], 8, decimals=5).text,
}  # fmt: skip


def part_of(name: str, format: str) -> str:
    """The part of a page, with the filters that pages have."""
    latex = format == "tex"
    prose = markup.latex if latex else markup.markdown
    filters = {"label": labels.latex, "prose": prose, **FILTERS}
    template = markup.environment(filters, latex=latex).get_template(f"matrices.{format}")
    form = form_of(CASES[name])
    assert form
    return re.sub(r"\n{3,}", "\n\n", template.render(matrices=form)).strip() + "\n"


@pytest.mark.parametrize("format", ["md", "tex"])
@pytest.mark.parametrize("name", CASES)
def test_every_equation_stands_on_the_page_with_its_sign_and_numbers(
    name: str, format: str
) -> None:
    page, form = part_of(name, format), form_of(CASES[name])
    assert form
    for e in form.equations:
        assert f"{labels.latex(e.result.label)} &= {formula(e)}" in page
        assert value(e.result) in page
        assert all(line in page for line in numbers(e) if e.substituted)
        assert not e.product or shapes(e) in page
    results = re.findall(r"^&(=|\\approx) [^%\n]*\n\\end", page, re.M)
    assert ["=" if e.exact else r"\approx" for e in form.equations] == results


@pytest.mark.parametrize("name", CASES)
def test_markdown_leaves_the_matrices_alone(name: str) -> None:
    page = part_of(name, "md")
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    inline = [t for t in tokens if t.type == "inline" and "$" in t.content]
    assert len(inline) > 12
    for token in inline:
        shown = "".join(
            "\n" if c.type in ("softbreak", "hardbreak") else c.content
            for c in token.children or ()
        )
        for part in re.findall(r"\$+([^$]+)\$+", token.content):
            assert part in shown, token.content
    assert len(re.findall(r"^\$\$$", page, re.M)) == 2 * page.count(r"\begin{aligned}")
    assert not re.search(r"\\[^A-Za-z ]|\}_\{", page)


def test_a_sentence_says_what_every_equation_is_for() -> None:
    page = part_of("thinkinfi", "md")
    before = re.findall(r"([^\n]+)\n\n\$\$\n", page)
    assert len(before) == page.count(r"\begin{aligned}")
    assert all(sentence[-1] in ".:" for sentence in before), before
    assert "all 4 samples" in page
    assert "The errors of the samples are added up" in page


ALL_AT_ONCE = "Here all samples are taken at once with the starting values"
UNUSED = "over all of them, which this run does not use."


def section(text: str, format: str) -> str:
    """The part of a scenario's page that has matrices."""
    page = tracer.render(run.trace(read(text, "t.toml", "t"), iterations=1).at(0), format)
    found = page.partition("as matrices}" if format == "tex" else "as matrices\n")[2]
    return found.partition("\\section" if format == "tex" else "\n## ")[0]


@pytest.mark.parametrize("format", ["md", "tex"])
@pytest.mark.parametrize(
    ("batch", "mean", "weight", "said"),
    [
        (1, False, "w8", f"{ALL_AT_ONCE}: the error and the gradients are the sums {UNUSED}"),
        (1, True, "w8", f"{ALL_AT_ONCE}: the error and the gradients are the averages {UNUSED}"),
        (1, False, "w5", f"{ALL_AT_ONCE}: the error is the sum {UNUSED}"),  # no gradient matrices
        (1, True, "w5", f"{ALL_AT_ONCE}: the error is the average {UNUSED}"),
        (2, False, "w8", "The matrices have the 2 samples that this pass is fed, in the order"),
        (4, False, "w8", ""),
    ],
)
def test_a_page_says_of_which_samples_its_matrices_are(
    batch: int, mean: bool, weight: str, said: str, format: str
) -> None:
    how = f'[conventions]\nbatch_size = {batch}\nreduction = "{"mean" if mean else "sum"}"'
    text = THINKINFI.replace("[conventions]", how).replace('"w7", "w8"', f'"w7", "{weight}"')
    shown = section(text if weight == "w8" else text.replace("w8 = 0.29\n", ""), format)
    assert said in shown
    assert bool(said) == any(words in shown for words in ("taken at once", "is fed"))
    assert (weight == "w8") == ("Backward, from" in shown)


@pytest.mark.parametrize("format", ["md", "tex"])
def test_a_page_without_error_and_gradients_in_matrices_speaks_of_none(format: str) -> None:
    one_by_one = PERCEPTRON.replace("[conventions]", "[conventions]\nbatch_size = 1")
    shown = section(one_by_one, format)
    assert ALL_AT_ONCE + "." in shown
    assert not re.search("error|gradient", shown)


@pytest.mark.parametrize("format", ["md", "tex"])
def test_a_run_without_updates_has_none_after_every_sample(format: str) -> None:
    text = THINKINFI.replace('chain = "deltas"\nbiases = "frozen"', "batch_size = 1")
    learning = r"(?m)^(targets|total_error|eta)\b.*\n"
    shown = section(re.sub(learning, "", text), format)
    assert "The pass takes one sample. Here all samples are taken at once." in shown


def test_the_page_of_a_later_pass_has_its_samples_and_weights(tmp_path: Path) -> None:
    """Rows 3 and 4 of the four, and w5 as the first two leave it."""
    path = tmp_path / "t.toml"
    path.write_text(THINKINFI.replace("[conventions]", "[conventions]\nbatch_size = 2"), "utf-8")
    t = run.trace(tracer.load(path), iterations=1)
    CliRunner().invoke(main, ["render", str(path), "-i", "1", "-o", str(tmp_path)])
    for page in (tracer.render(t.at(1)), next(tmp_path.glob("*.md")).read_text("utf-8")):
        shown = page.partition("as matrices\n")[2]
        assert r"\begin{pmatrix} 0.05 & 0.11 \cr 0.06 & 0.12 \end{pmatrix}" in shown
        assert f"{t.at(1)['w5']:.8f}" in shown


def test_a_page_with_too_many_samples_says_which_are_shown() -> None:
    page = " ".join(part_of("wide", "md").split())
    assert "Of the 20 samples the first three and the last are shown." in page
    assert "Of the" not in part_of("thinkinfi", "md")


def test_lines_of_numbers_are_broken_before_an_operator_outside_of_brackets() -> None:
    form = form_of(CASES["2-3-1, three rows"])
    assert form
    for e in form.equations:
        lines = numbers(e)
        whole = " ".join(lines)
        assert all(line.startswith((r"\cdot", r"\circ", "+", "-")) for line in lines[1:])
        assert all(line.count(r"\left") == line.count(r"\right") for line in lines)
        assert len(lines) > 1 or width(whole) <= 68


@needs_tex
@pytest.mark.parametrize("name", CASES)
def test_latex_of_matrices_compiles_and_fits_the_page(name: str, tmp_path: Path) -> None:
    head = (Path(__file__).parent.parent / "templates" / "walkthrough.tex").read_text("utf-8")
    packages = re.findall(r"^\\(?:usepackage|setlength|allowdisplaybreaks).*$", head, re.M)
    lines = [r"\documentclass[11pt,a4paper]{article}", *packages, r"\begin{document}"]
    page = "\n".join([*lines, part_of(name, "tex"), r"\end{document}"])
    assert not re.findall(r"^!.*|^Overfull.*", compile_log(page, tmp_path), re.M)
