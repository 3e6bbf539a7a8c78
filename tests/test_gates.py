"""Formulas gate by gate: which gates there are, what they are called, and that they are true."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tracer
from tracer import labels, run, scenario
from tracer.errors import TracerError
from tracer.program import Phase


def circuit(lines, givens, detail="gates", top="", conventions=""):
    numbers = "\n".join(f"{name} = {value}" for name, value in givens.items())
    listed = ",\n".join(f"'{line}'" for line in lines)
    return scenario.read(
        f'title = "c"\n{top}\nformulas = [\n{listed}\n]\n[conventions]\ndetail = "{detail}"\n'
        f"{conventions}\n[givens.all]\n{numbers}\n",
        "c.toml", "c",
    )  # fmt: skip


def gates(t) -> list[str]:
    """The names of the steps of a forward pass, in order."""
    return [step.name for step in t.program.steps(Phase.FORWARD, Phase.ERROR)]


# ---- which gates there are -------------------------------------------------------------

XYZ = {"x": 3, "y": -2, "z": 0.5}


@pytest.mark.parametrize(
    ("expected", "formula"),
    [
        (["x*y", "f"], "x*y + z"),
        (["x+y", "f"], "x + y + z"),
        (["x-y", "f"], "x - y - z"),
        (["x*y", "f"], "x*y*z"),
        (["x*y", "f"], "x*y/z"),
        (["y/z", "f"], "x*(y/z)"),
        (["-x", "-x+y", "f"], "-x + y - z"),
        (["-y", "f"], "x*(-y)"),
        (["x^2", "y^3", "f"], "x^2 + y^3"),
        (["2*x", "f"], "2*x + 1"),
        (["2*x", "2*x*y", "f"], "2*x*y - 3*4"),
        (["1/2*x", "f"], "1/2*x + y"),
        (["x/2", "e^(x/2)", "f"], "2*e^(x/2)"),
        (["x+y", "(x+y)*z", "f"], "-((x + y)*z)"),
        (["x*x", "f"], "tanh(x*x)"),
        (["x-y", "max(x-y,z)", "f"], "max(x - y, z)^2"),
        (["x^y", "f"], "2*x^y"),
        (["2*x", "1+2*x", "f"], "ln(1 + 2*x)"),
        (["f"], "1/x"),
        (["f"], "x"),
    ],
)  # fmt: skip
def test_every_operation_is_a_gate_called_by_its_formula(expected, formula):
    used = {name: value for name, value in XYZ.items() if name in formula.replace("max", "")}
    assert expected == gates(run.trace(circuit([f"f = {formula}"], used)))


def test_the_gates_of_the_neuron_of_cs231n_are_those_of_its_drawing():
    """Values above and gradients below every wire, as the page prints them."""
    drawn = {
        "w0": ("2.00", "-0.20"), "x0": ("-1.00", "0.39"), "w1": ("-3.00", "-0.39"),
        "x1": ("-2.00", "-0.59"), "w2": ("-3.00", "0.20"), "w0*x0": ("-2.00", "0.20"),
        "w1*x1": ("6.00", "0.20"), "w0*x0+w1*x1": ("4.00", "0.20"), "dot": ("1.00", "0.20"),
        "-dot": ("-1.00", "-0.20"), "e^(-dot)": ("0.37", "-0.53"),
        "1+e^(-dot)": ("1.37", "-0.53"), "f": ("0.73", "1.00"),
    }  # fmt: skip
    t = tracer.trace("cs231n_circuits_B")
    assert [name for name in drawn if name[0] not in "wx" or "*" in name] == gates(t)
    for name, (value, gradient) in drawn.items():
        assert value == f"{t[name]:.2f}", name
        assert gradient == f"{t[f'df/d{name}']:.2f}", name


def test_the_same_from_the_same_is_one_gate():
    """f = (x·y)² + x·y/z: df/dx = 2xy² + y/z = 24 - 4."""
    t = run.trace(circuit(["f = (x*y)^2 + x*y/z"], XYZ))
    assert ["x*y", "(x*y)^2", "x*y/z", "f"] == gates(t)
    assert 2 * 3 * 4 - 2 / 0.5 == t["df/dx"]


def test_what_is_read_before_and_after_a_name_is_bound_again_are_two_gates():
    t = run.trace(circuit(["c = x*y", "d = 2*c + 1", "c = c + z", "f = 2*c + d"], XYZ))
    assert ["c#1", "2*c#1", "d", "c", "2*c", "f"] == gates(t)
    assert (-12.0, -11.0) == (t["2*c#1"], t["2*c"])
    assert 4 * -2 == t["df/dx"]


def test_an_assignment_is_a_step_of_its_own():
    t = run.trace(circuit(["q = x + y", "r = x + y", "f = (x + y)*q*r*z"], XYZ))
    assert ["q", "r", "x+y", "(x+y)*q", "(x+y)*q*r", "f"] == gates(t)


def test_a_long_gate_has_a_number():
    t = run.trace(circuit(["f = tanh(x*y + y*z + z*x + 0.125*x*z) + 1"], XYZ))
    names = ["x*y", "y*z", "x*y+y*z", "z*x", "x*y+y*z+z*x", "0.125*x", "0.125*x*z"]
    names += ["f.1", "f.2", "f"]  # of more than 20 letters
    assert names == gates(t)
    assert t["x*y+y*z+z*x"] + t["0.125*x*z"] == t["f.1"]
    assert "tanh(f.1)" == t.record("f.2").formula


def test_a_gate_that_would_look_like_a_derivative_has_a_number():
    t = run.trace(circuit(["f = 2*(x/dx)"], {"x": 3, "dx": 2}))
    assert ["f.1", "f"] == gates(t)


def test_a_sum_of_many_terms_is_folded_without_a_loop_too_deep():
    lines = [f"f = {' + '.join(['x'] * 400)}"]
    t = run.trace(circuit(lines, {"x": 0.5}))
    assert (200.0, 400.0) == (t["f"], t["df/dx"])
    assert 399 == len(gates(t))


# ---- what they are called --------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("w0*x0", -2.0), ("w0 * x0", -2.0), ("w0 · x0", -2.0), ("w0·x0", -2.0), ("w0×x0", -2.0),
        ("w0*x0 + w1*x1", 4.0), ("W0*X0", -2.0), ("-dot", -1.0), ("1 + e^(-dot)", 1.367879441),
        ("df/dw0*x0", 0.196611933), ("df/d(w0*x0)", 0.196611933), ("df/d (w0 * x0)", 0.196611933),
        ("∂f/∂(w0 · x0)", 0.196611933), ("df / d(w0·x0 + w1·x1)", 0.196611933),
        ("df/d(-dot)", -0.196611933), ("∂f/∂(1 + e^(-dot))", -0.534446645), ("df/df", 1.0),
        ("d(w0*x0)/dw0", -1.0), ("∂(w0 · x0)/∂w0", -1.0), ("de^(-dot)/d-dot", 0.367879441),
        ("d(e^(-dot))/d(-dot)", 0.367879441),
    ],
)  # fmt: skip
def test_a_gate_is_found_as_people_write_it(typed, expected):
    assert expected == pytest.approx(tracer.trace("cs231n_circuits_B")[typed], abs=5e-10)


def test_a_gate_is_printed_as_its_formula():
    t = tracer.trace("cs231n_circuits_B")
    label = t.program.label(t.cell("1+e^(-dot)"))
    assert "1 + e^(-dot)" == labels.text(label)
    assert r"1 + e^{-\mathrm{dot}}" == labels.latex(label)
    gradient = labels.Derivative(t.program.label(t.cell("f")), label)
    assert "df/d1+e^(-dot)" == labels.name(gradient)
    assert "∂f/∂(1 + e^(-dot))" == labels.text(gradient)
    assert r"\frac{\partial f}{\partial (1 + e^{-\mathrm{dot}})}" == labels.latex(gradient)


def test_a_gate_stands_in_brackets_where_it_needs_them():
    t = run.trace(circuit(["f = (x + y)*(x - y)^2/(-z)"], XYZ))
    assert "(x + y) · (x - y)^2" == t.record("(x+y)*(x-y)^2").formula
    assert "(x + y) (x - y)^2/(-z)" == t.record("f").formula


def test_no_line_says_a_formula_twice():
    page = tracer.render(tracer.trace("cs231n_circuits_B"))
    assert "$$\nw_{0} \\cdot x_{0} = 2 \\times (-1) = -2\n$$" in page
    assert "-\\mathrm{dot} = -1\n" in page


def test_answers_may_name_gates_and_versions():
    s = circuit(["c = x*y + z", "c = 2*(c - 1)", "f = c^2*z"], XYZ)
    right = run.trace(s)
    names = ["x*y", "c#1", "c#1-1", "c", "c^2", "f", "df/dc", "df/d(c#1 - 1)"]
    given_ = {name: repr(right[name]) for name in names}
    (sheet,) = tracer.mark(s, given_).sheets
    assert len(names) * ["right"] == [judged.mark.value for judged in sheet.judged]
    (sheet,) = tracer.mark(s, {**given_, "c#1-1": "99"}).sheets
    assert ["c#1-1"] == [
        j.name for j in sheet.judged if j.mark.value not in ("right", "given yours")
    ]


# ---- that they are true ----------------------------------------------------------------

NUMBERS = st.integers(-20, 20).map(lambda k: (2 * k + 1) / 16)
SHAPES = (
    "A + B", "A - B + C", "A*B*C", "A/(2 + B^2)", "tanh(A*B)", "exp(-A^2)", "1/(1 + e^(-A))",
    "-A*B^2", "ln(1 + A^2)", "sqrt(1 + B*B)", "max(A, B + 0.3)", "A^3 - 2*A*B", "(A - B)^2/2",
    "0.5*A + 1.5*(B + C)", "A - A/3", "max(0, A - C)",
)  # fmt: skip


@st.composite
def programs(draw):
    """Assignments that bind four names again and again, the last one to the result."""
    names = ["x", "y", "w"]
    lines = []
    for _ in range(draw(st.integers(1, 9))):
        target = draw(st.sampled_from(["a", "b", "c"]))
        formula = draw(st.sampled_from(SHAPES))
        for letter in "ABC":
            formula = formula.replace(letter, draw(st.sampled_from(names)))
        sign = draw(st.sampled_from(["=", "=", "+=", "-=", "*="])) if target in names else "="
        lines.append(f"{target} {sign} {formula}")
        names = [*dict.fromkeys([*names, target])]
    read = draw(st.lists(st.sampled_from(names), min_size=2, max_size=3))
    return [*lines, f"f = {' + '.join(read)} + 0*x*y*w"], names


def by_torch(torch, lines, givens):
    """The result, and its derivative by every number that is bound, in order by name."""
    space = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in givens.items()}
    bound = {name: [value] for name, value in space.items()}
    functions = {
        "tanh": torch.tanh, "exp": torch.exp, "ln": torch.log, "sqrt": torch.sqrt,
        "e": torch.tensor(2.718281828459045, dtype=torch.float64),
        "max": lambda a, b: torch.relu(a - b) + b if not isinstance(a, int) else torch.relu(b),
    }  # fmt: skip
    for line in lines:
        name, sign, formula = line.split(" ", 2)
        value = eval(formula.replace("^", "**"), {"__builtins__": {}}, {**functions, **space})
        old = space.get(name)
        new = {"=": lambda o, v: v, "+=": lambda o, v: o + v, "-=": lambda o, v: o - v,
               "*=": lambda o, v: o * v}[sign](old, value)  # fmt: skip
        new.retain_grad()
        space[name] = new
        bound.setdefault(name, []).append(new)
    space["f"].backward()
    return bound


@settings(max_examples=150, deadline=None)
@given(
    programs(), st.lists(NUMBERS, min_size=3, max_size=3), st.sampled_from(["formulas", "gates"])
)
def test_names_bound_again_have_the_gradients_of_torch(program, values, detail):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    lines, _ = program
    givens = dict(zip("xyw", values, strict=True))
    t = run.trace(circuit(lines, givens, detail))
    bound = by_torch(torch, lines, givens)
    for name, versions in bound.items():
        for number, tensor in enumerate(versions, 1):
            key = name if number == len(versions) else f"{name}#{number}"
            assert tensor.item() == pytest.approx(t[key], rel=1e-12, abs=1e-12), (key, lines)
            if tensor.grad is not None and (name in givens or f"df/d{key}" in t):
                scale = max(1.0, abs(tensor.grad.item()))
                assert abs(tensor.grad.item() - t[f"df/d{key}"]) <= 1e-9 * scale, (key, lines)


@settings(max_examples=60, deadline=None)
@given(programs(), st.lists(NUMBERS, min_size=3, max_size=3))
def test_gates_change_no_number(program, values):
    lines, _ = program
    givens = dict(zip("xyw", values, strict=True))
    plain, fine = (run.trace(circuit(lines, givens, detail)) for detail in ("formulas", "gates"))
    for name in plain.names:
        if name in fine.names and not name.startswith("d"):
            assert plain[name] == fine[name], (name, lines)
    for name in givens:
        slope = plain[f"df/d{name}"]
        assert slope == pytest.approx(fine[f"df/d{name}"], rel=1e-10, abs=1e-10), lines


@pytest.mark.parametrize("detail", ["formulas", "gates"])
def test_a_derivative_that_is_0_is_a_number(detail):
    t = run.trace(circuit(["f = x - x + 0*y + max(z, 1)*max(z, w)"], {**XYZ, "w": 4}, detail))
    assert (0.0, 0.0, 0.0, 1.0) == tuple(t[f"df/d{name}"] for name in "xyzw")


@pytest.mark.parametrize("detail", ["formulas", "gates"])
def test_a_derivative_that_is_1_is_a_number(detail):
    t = run.trace(circuit(["q = x*y", "r = q + z", "f = r + 1"], XYZ, detail))
    assert (1.0, 1.0, 1.0, 1.0) == tuple(t[f"df/d{name}"] for name in ("f", "r", "q", "z"))


@pytest.mark.parametrize("detail", ["formulas", "gates"])
def test_a_gate_that_is_not_finite_is_named(detail):
    with pytest.raises(TracerError) as told:
        run.trace(circuit(["f = x*(1/(y + 2))"], {"x": 3, "y": -2}, detail))
    name = {"formulas": "f", "gates": "1/(y+2)"}[detail]
    assert str(told.value).startswith(f"c.toml: {name} at iteration 0: division by zero")


def test_gates_over_samples_are_those_of_every_sample():
    """The mean of (w·x - t)² over the samples, by numpy's gradient."""
    import numpy as np

    text = """
title = "line"
formulas = ["m = average(x*x)", "f = (w*x - t)^2/m"]
[conventions]
detail = "gates"
reduction = "mean"
[samples.training]
columns = ["x", "t"]
rows = [[1, 2], [3, 5], [-2, 1]]
[givens.all]
w = 0.5
"""
    t = run.trace(scenario.read(text, "line.toml", "line"))
    x, target = np.array([1, 3, -2.0]), np.array([2, 5, 1.0])
    m = np.mean(x * x)
    assert (x * x).tolist() == t.column("x*x").tolist()
    assert (0.5 * x - target).tolist() == t.column("w*x-t").tolist()
    assert np.mean((0.5 * x - target) ** 2 / m) == pytest.approx(t["f"], rel=1e-14)
    slope = np.mean(2 * (0.5 * x - target) * x / m)
    assert slope == pytest.approx(t["df/dw"], rel=1e-13)
