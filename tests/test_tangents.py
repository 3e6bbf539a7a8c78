"""Forward mode: tangents as steps, against PyTorch, central differences and reverse mode."""

import importlib
import math
import random
import re
from decimal import Decimal

import exercises
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reader import claims, is_true
from test_networks import Network

import tracer
from tracer import expression, labels, pages, run, scenario
from tracer.build.programs import build
from tracer.errors import LookupFailed, ProgramError, ScenarioError
from tracer.labels import Own, Tangent
from tracer.numbers import agrees
from tracer.program import Draft, Phase
from tracer.rules import rule
from tracer.shipped import scenario_names
from tracer.tangents import emit_tangents

STEP = 1e-6


def read(text):
    return scenario.read(text, "moved.toml", "moved")


def moved(text, direction):
    """A scenario's text with a direction."""
    table = ", ".join(f'"{name}" = {number!r}' for name, number in direction.items())
    return text.replace("[conventions]", f"[conventions]\ntangents = {{ {table} }}", 1)


def tangents(t):
    """The tangents that are computed, by the name of what they are of."""
    return {
        step.name.removeprefix("dot_"): step.index
        for step in t.program.steps(Phase.TANGENT)
        if step.of is None
    }


def drawn(names, r, least=1):
    """A direction that moves some of the givens."""
    some = r.sample(names, r.randint(least, len(names)))
    return {name: round(r.uniform(-2, 2), 3) or 1.0 for name in some}


# ---- networks --------------------------------------------------------------------------


def by_torch(network, direction, columns=()):
    """The error of every sample, and its tangent, by PyTorch."""
    torch = importlib.import_module("torch")

    def tensor(number):
        return torch.tensor(number, dtype=torch.float64)

    values = {n: tensor(v) for n, v in {**network.numbers, **dict(columns)}.items()}
    functions = {
        "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "identity": lambda z: z,
    }  # fmt: skip
    names = list(direction)

    def error(*numbers):
        return network.error({**values, **dict(zip(names, numbers, strict=True))}, functions)

    at = tuple(values[name] for name in names)
    speeds = tuple(torch.full_like(values[n], v) for n, v in direction.items())
    found = torch.autograd.functional.jvp(error, at, speeds)
    return [np.atleast_1d(part.numpy()) for part in found]


@pytest.mark.parametrize("seeds", [range(k, k + 20) for k in range(0, 100, 20)], ids=str)
def test_a_network_has_the_tangents_of_torch(seeds):
    pytest.importorskip("torch", reason="torch is not installed: jvp did not run")
    for seed in seeds:
        network = Network(seed)
        direction = drawn(list(network.numbers), random.Random(seed), least=2)
        t = tracer.trace(read(moved(network.text, direction)))
        _, (speed,) = by_torch(network, direction)
        assert t["dot_E"] == pytest.approx(float(speed), rel=1e-11, abs=1e-13), seed


@pytest.mark.parametrize("seeds", [range(k, k + 10) for k in range(0, 40, 10)], ids=str)
def test_every_sample_of_a_batch_has_its_tangents_and_the_batch_its_own(seeds):
    pytest.importorskip("torch", reason="torch is not installed: jvp did not run")
    for seed in seeds:
        network, r = Network(seed, samples=3), random.Random(seed)
        reduction = r.choice(["sum", "mean"])
        direction = drawn([*network.numbers], r, least=2)
        t = tracer.trace(read(moved(network.stated(f'reduction = "{reduction}"'), direction)))
        _, speeds = by_torch(network, direction, network.columns)
        ours = np.broadcast_to(t.column("dot_E_n"), 3)
        assert ours == pytest.approx(speeds, rel=1e-11, abs=1e-13), seed
        whole = speeds.mean() if reduction == "mean" else speeds.sum()
        assert t["dot_E"] == pytest.approx(float(whole), rel=1e-11, abs=1e-13), seed


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_both_modes_find_the_same_derivative_in_any_direction(data):
    network = Network(data.draw(st.integers(0, 40)))
    speed = st.floats(-3, 3).filter(lambda x: x == 0 or abs(x) > 1e-3)
    names = network.parameters
    direction = {n: round(data.draw(speed), 4) for n in data.draw(st.sets(
        st.sampled_from(names), min_size=1, max_size=5
    ))}  # fmt: skip
    direction[names[0]] = 1.0
    t = tracer.trace(read(moved(network.text, direction)))
    if "dot_E" in t:
        whole = math.fsum(t[f"dE/d{n}"] * v for n, v in direction.items())
        scale = max(abs(t[f"dE/d{n}"] * v) for n, v in direction.items())
        assert abs(t["dot_E"] - whole) <= 1e-12 * max(scale, 1e-3)


# ---- formulas --------------------------------------------------------------------------


def numbers_of(text):
    return {n: float(v) for n, v in re.findall(r"^(\w+) = (-?[0-9.]+)$", text, re.M) if n != "eta"}


def by_jvp(text, direction):
    """Every formula's tangent by torch, the formulas read as Python."""
    torch = importlib.import_module("torch")
    lines = re.findall(r'^(\w+) = "(.*)"$', text.partition("[formulas]")[2], re.M)
    known = {
        "e": math.e, "ln": torch.log, "sqrt": torch.sqrt, "tanh": torch.tanh, "torch": torch,
        "max": lambda a, b: torch.maximum(torch.as_tensor(a, dtype=torch.float64), b),
    }  # fmt: skip
    numbers = {n: torch.tensor(v, dtype=torch.float64) for n, v in numbers_of(text).items()}

    def calculation(*values):
        found = {**numbers, **dict(zip(direction, values, strict=True))}
        for name, formula in lines:
            found[name] = eval(formula.replace("^", "**"), {**known, **found})
        return tuple(found[name] for name, _ in lines)

    at = tuple(numbers[name] for name in direction)
    speeds = tuple(torch.tensor(v, dtype=torch.float64) for v in direction.values())
    _, found = torch.autograd.functional.jvp(calculation, at, speeds)
    return {name: float(speed) for (name, _), speed in zip(lines, found, strict=True)}


@pytest.mark.parametrize("seeds", [range(k, k + 20) for k in range(0, 60, 20)], ids=str)
def test_every_step_of_a_calculation_has_the_tangent_of_torch(seeds):
    pytest.importorskip("torch", reason="torch is not installed: jvp did not run")
    for seed in seeds:
        text = exercises.formulas(seed)
        direction = drawn(list(numbers_of(text)), random.Random(seed), least=2)
        t = tracer.trace(read(moved(text, direction)))
        ours = tangents(t)
        for name, speed in by_jvp(text, direction).items():
            found = t.values[ours[name]] if name in ours else 0.0
            assert found == pytest.approx(speed, rel=1e-10, abs=1e-12), (seed, name)


def differences(text, direction):
    """How fast every step changes, by central differences of the forward pass alone."""
    ends = []
    for sign in (1, -1):
        changed = text
        for name, speed in direction.items():
            before = re.search(rf"^{name} = (\S+)", changed, re.M)
            value = Decimal(before[1]) + Decimal(repr(sign * STEP * speed))
            changed = changed.replace(before[0], f"{name} = {value:f}")
        ends.append(tracer.trace(read(changed)))
    steps = [s for s in ends[0].program.steps(Phase.FORWARD, Phase.ERROR) if s.rule]
    return {s.name: (ends[0].column(s.name) - ends[1].column(s.name)) / (2 * STEP) for s in steps}


def assert_like_differences(text, direction):
    t = tracer.trace(read(moved(text, direction)))
    ours = tangents(t)
    for name, slope in differences(text, direction).items():
        found = t.column(ours[name]) if name in ours else np.zeros(1)
        assert np.broadcast_to(found, slope.shape) == pytest.approx(slope, rel=2e-6, abs=2e-7), name


@pytest.mark.parametrize("seed", range(12))
def test_tangents_are_the_slopes_of_calculations(seed):
    text = exercises.formulas(seed)
    assert_like_differences(text, drawn(list(numbers_of(text)), random.Random(seed), least=2))


@pytest.mark.parametrize("seed", range(8))
def test_tangents_are_the_slopes_of_every_step_of_a_network(seed):
    text = exercises.tutorial(seed)
    names = re.findall(r"^([xwbt][0-9_]+) = ", text, re.M)
    direction = drawn(names, random.Random(seed), least=len(names) // 2)
    assert_like_differences(text, direction)


NORMALISED = """
title = "normalised"
error = "L"
trained = ["w", "g"]
[conventions]
[givens.all]
w = 0.7
g = 1.3
[samples.training]
columns = ["x", "t"]
rows = [[0.5, 1.0], [-1.25, 0.5], [2.0, -0.75]]
[formulas]
z = "w*x + 0.1*x^2"
m = "average(z)"
v = "average((z - m)^2)"
s = "sqrt(0.01 + average((z - m)^2))"
u = "g*(z - m)/sqrt(v + 0.1)"
q = "total(w*u^2) + w"
L = "1/2*(u - t)^2 + q/10 + s"
"""


@pytest.mark.parametrize("direction", [{"w": 1}, {"g": 1}, {"w": -0.5, "g": 2}])
def test_tangents_go_through_totals_and_averages_over_the_samples(direction):
    assert_like_differences(NORMALISED, direction)


def test_data_moves_in_every_sample():
    t = tracer.trace(read(moved(NORMALISED, {"x": 1})))
    changed = [
        tracer.trace(read(NORMALISED.replace(
            "[[0.5, 1.0], [-1.25, 0.5], [2.0, -0.75]]",
            f"[[{0.5 + h:f}, 1.0], [{-1.25 + h:f}, 0.5], [{2 + h:f}, -0.75]]",
        ))) for h in (STEP, -STEP)
    ]  # fmt: skip
    for name in ("z", "m", "v", "s", "u", "q", "L"):
        slope = (changed[0].column(name) - changed[1].column(name)) / (2 * STEP)
        found = np.broadcast_to(t.column(f"dot_{name}"), slope.shape)
        assert found == pytest.approx(slope, rel=2e-6, abs=2e-7), name


# ---- the steps -------------------------------------------------------------------------

SURVEY = tracer.load("baydin")


def test_the_numbers_of_the_survey_come_out():
    t = tracer.trace(SURVEY)
    exact = {  # v1 = ln x1, v2 = x1*x2, v3 = sin x2, v4 = v1 + v2, y = v4 - v3 at (2, 5)
        "dot_v1": 1 / 2, "dot_v2": 5, "dot_v3": 0, "dot_v4": 5.5, "dot_y": 5.5,
        "dy/dx2": 2 - math.cos(5),
    }  # fmt: skip
    for name, value in exact.items():
        assert t[name] == pytest.approx(value, abs=1e-15)
    assert agrees(t["y"], Decimal("11.652"))
    assert tracer.verify(SURVEY).ok


def test_another_reading_moves_the_givens_in_another_direction():
    t = tracer.trace(SURVEY, reading="along x2")
    assert t["dot_y"] == pytest.approx(2 - math.cos(5), abs=1e-15)
    assert t["dot_y"] == t["dy/dx2"]


def test_a_tangent_is_written_as_a_person_writes_it():
    t = tracer.trace(SURVEY)
    formulas = {name: t.record(name).formula for name in ("dot_v1", "dot_v2", "dot_v4", "dot_y")}
    assert formulas == {
        "dot_v1": "∂v1/∂x1 · ẋ1", "dot_v2": "x2 · ẋ1 + x1 · ẋ2", "dot_v4": "v̇1 + v̇2",
        "dot_y": "v̇4 - v̇3",
    }  # fmt: skip
    assert t.record("dot_v2").phase == "tangent"
    assert t.record("dot_x1").phase == "given"


def test_no_partial_is_emitted_that_the_reverse_pass_has():
    t, plain = tracer.trace(SURVEY), tracer.trace(SURVEY.model_copy(
        update={"conventions": SURVEY.conventions.model_copy(update={"tangents": None})}
    ))  # fmt: skip
    new = {n for n in t.names if n not in plain.names}
    assert all(name.startswith("dot_") for name in new)
    partial = t.cell("dv3/dx2")
    assert partial in t.program.step(t.cell("dot_v3")).operands.values()


@pytest.mark.parametrize(
    "typed", ["dot_net_h1", "dot net_h1", "ṅet_h1", "n\u0307et_h1", "dnet_h1/dw1", "∂net_h1/∂w1"]
)
def test_a_tangent_is_found_by_its_name_and_along_one_given_as_a_derivative(typed):
    t = tracer.trace(read(mazur('tangents = "w1"')))
    assert t[typed] == 0.05


def test_the_tangent_of_the_error_has_the_names_of_the_error():
    t = tracer.trace(read(mazur('tangents = "w1"')))
    assert len({t[name] for name in ("dot_E", "dot_E_total", "dot_ETotal", "Ė", "Ė_total")}) == 1
    assert t["dot_E"] == pytest.approx(t["dE/dw1"], rel=1e-14)
    assert t["dE_o1/dw1"] == t["dot_E_o1"]


def test_no_derivative_is_promised_where_more_than_one_given_moves():
    t = tracer.trace(read(mazur("tangents = { w1 = 1, w2 = 1 }")))
    assert t["dot_net_h1"] == pytest.approx(0.15)
    with pytest.raises(LookupFailed):
        t["dnet_h1/dw3"]
    assert t["dnet_h1/dw1"] == 0.05  # the partial of the reverse pass


def mazur(*conventions):
    text = tracer.shipped.folder("scenarios").joinpath("mazur.toml").read_text("utf-8")
    plain = text.partition("[published]")[0]
    return plain.replace("[conventions]", "\n".join(("[conventions]", *conventions)))


def test_a_sequential_update_leaves_the_tangents_right():
    text = mazur('tangents = "w1"')
    t = tracer.trace(read(text), reading="sequential update")
    assert t["dot_E"] == pytest.approx(tracer.trace(read(text))["dE/dw1"], rel=1e-14)
    assert t["dot_E"] != pytest.approx(t["dE/dw1"], rel=1e-6)


SQUARES = """
title = "squares"
error = "E"
trained = ["a", "w"]
[conventions]
update = "sequential"
tangents = "x"
[givens.all]
eta = 0.5
a = 1.5
w = 0.8
x = 0.6
[formulas]
z = "w^2*x"
h = "z^3*a^2"
E = "h^2*a"
"""


def test_partials_that_read_updated_parameters_are_not_used_again():
    t = tracer.trace(read(SQUARES))
    a, w, x = 1.5, 0.8, 0.6  # E = (w²x)⁶·a⁵
    assert t["dot_E"] == pytest.approx(6 * w**12 * x**5 * a**5, rel=1e-13)


# ---- what is refused -------------------------------------------------------------------

THRESHOLD = """
title = "threshold"
[conventions]
[givens.all]
a = 2
b = 3
[samples.training]
columns = ["x"]
rows = [[1], [2]]
[formulas]
top = "largest(x)"
E = "(a*x/top + b)^2"
[readings.other]
tangents = "b"
"""


@pytest.mark.parametrize(
    ("direction", "says"),
    [
        ('"c"', "conventions.tangents: 'c' is not given"),
        ("{ a = 1, bb = 2 }", "conventions.tangents: 'bb' is not given; did you mean 'b'?"),
        ('"E"', "conventions.tangents: 'E' is a formula, expected a number"),
        ("{ a = 0 }", "conventions.tangents: nothing moves; at least one number is not 0"),
        ('{ a = "b" }', "conventions.tangents.a: expected a number, found the text 'b'"),
        ("3", "conventions.tangents"),
        ('"x"', "top: no tangent goes through the largest of all samples"),
    ],
)
def test_what_cannot_be_a_direction_is_told_in_one_line(direction, says):
    text = THRESHOLD.replace("[conventions]", f"[conventions]\ntangents = {direction}")
    with pytest.raises(ScenarioError) as wrong:
        tracer.trace(read(text))
    (line,) = str(wrong.value).splitlines()
    assert says in line
    assert line.startswith("moved.toml: ")


def test_a_samples_own_step_through_all_samples_is_refused():
    draft = Draft(samples=2)
    x = draft.given([Own("x")], data=True)
    seed = draft.given([Tangent(Own("x"))])
    y = draft.emit(rule("own", "y = x - average(x)"), [x], [Own("y")], Phase.FORWARD)
    with pytest.raises(ProgramError, match="y: no tangent of a sample's own step"):
        emit_tangents(draft, {int(x[0]): int(seed[0])}, [int(y[0])])
    assert emit_tangents(draft, {int(x[0]): int(seed[0])}, []) == {int(x[0]): int(seed[0])}


def test_a_direction_in_which_nothing_changes_is_told():
    with pytest.raises(ScenarioError, match=r"conventions\.tangents: E does not depend on eta"):
        tracer.trace(read(mazur('tangents = "eta"')))


def test_a_reading_may_take_the_tangents_away():
    text = moved(NORMALISED, {"w": 1}) + "[readings.plain]\ntangents = {}\n"
    assert "dot_L" in tracer.trace(read(text))
    assert "dot_L" not in tracer.trace(read(text), reading="plain")


def test_what_does_not_lead_to_the_error_may_have_no_derivative():
    text = moved(THRESHOLD, {"a": 1}).replace(
        'E = "(', 'least = "reached(a, 1)"\nafter = "least*a"\nE = "('
    ).replace("title", 'error = "E"\ntitle')  # fmt: skip
    t = tracer.trace(read(text))
    assert {"dot_least", "dot_after"}.isdisjoint(t.names)
    assert "dot_E" in t


# ---- answers ---------------------------------------------------------------------------


def test_a_persons_tangents_are_checked_like_any_numbers():
    honest = {"dot_v1": "0.500", "dot_v2": "5.000", "dot_v4": "5.500", "dot_y": "5.500"}
    report = tracer.mark(SURVEY, honest)
    assert {row.mark.value for row in report.sheets[0].judged} == {"right"}
    report = tracer.mark(SURVEY, {**honest, "dot_v2": "7.000", "dot_v4": "7.500", "dot_y": "7.500"})
    found = {row.name: row.mark.value for row in report.sheets[0].judged}
    assert found["dot_v1"] == "right"
    assert found["dot_v2"] not in ("right", "given-yours")
    assert found["dot_v4"] == found["dot_y"] == "given-yours"


# ---- pages -----------------------------------------------------------------------------

PAGES = {
    "survey": (SURVEY, None), "other": (SURVEY, "along x2"),
    "weight": (read(mazur('tangents = "w1"')), None),
    "input": (read(mazur("tangents = { i1 = 1, w5 = -0.5 }")), None),
    "samples": (read(moved(NORMALISED, {"w": 1, "g": 0.5})), None),
}  # fmt: skip


def section(page, ends):
    return re.split(ends, re.split(r"^(?:## |\\section\{)Forward mode\}?$", page, flags=re.M)[1])[0]


def page_of(case, format="md"):
    s, reading = PAGES[case]
    return pages.page(run.trace(s, reading=reading, iterations=0), format)


def rows_of(page):
    """The cells of the table, each without its dollars."""
    lines = [line for line in section(page, "\n## ").splitlines() if line.startswith("| ")][2:]
    return [[cell.strip().strip("$") for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("case", PAGES)
def test_a_page_has_every_tangent_beside_its_step(case):
    s, reading = PAGES[case]
    t = run.trace(s, reading=reading, iterations=0)
    rows = rows_of(page_of(case))
    assert len(rows) == len(tangents(t)) + len(s.under(reading).conventions.tangents)
    for step, tangent in rows:
        assert re.match(r"\\?(\{|mathrm\{)*\\dot", tangent)
        if step:
            plain = tangent.partition(" =")[0].replace(r"\dot ", "")
            assert step.startswith(plain)


@pytest.mark.parametrize("format", ["md", "tex"])
@pytest.mark.parametrize("case", PAGES)
def test_what_a_page_prints_of_tangents_is_true(case, format):
    found = [claim for claim in claims(page_of(case, format)) if r"\dot" in claim.line]
    assert len(found) >= 3
    for claim in found:
        assert is_true(claim) == (claim.sign == "="), claim


def test_a_page_compares_both_modes_where_both_have_a_number():
    assert "Reverse mode finds the same number" in page_of("survey")
    assert "Reverse mode finds the same number" in page_of("samples")
    without = section(page_of("input"), "\n## ")
    assert "it finds no gradient for $i_{1}$, which is not trained" in without


def test_a_page_says_why_the_modes_differ():
    t = run.trace(read(mazur('tangents = "w1"')), reading="sequential update", iterations=0)
    said = "another number here, because its gradients read weights that are updated already"
    assert said in pages.page(t)


@pytest.mark.parametrize("case", PAGES)
def test_a_document_has_the_same_table(case):
    found = section(page_of(case, "tex"), r"\n\\section\{")
    for step, tangent in rows_of(page_of(case)):
        assert f"${tangent}$" in found
        assert f"${step}$" in found or not step
    assert found.count("{") == found.count("}")


def test_a_direction_is_among_what_is_given():
    assert r"| Inputs | Direction |" in page_of("survey")
    assert r"$\dot x_{2} = 0$" in page_of("survey").partition("## Forward")[0]


@pytest.mark.parametrize("case", PAGES)
def test_markdown_does_not_take_a_tangent_for_emphasis(case):
    assert "}_{" not in section(page_of(case), "\n## ")


# ---- every scenario --------------------------------------------------------------------


def original(label):
    """The name of a given as its author writes it."""
    return original(label.of) if hasattr(label, "of") else label.shown or label.name


def plainly(s, direction):
    """A scenario that moves some of its givens and has nothing that blurs the derivatives."""
    plain = {"update": "simultaneous", "rounding": None, "arithmetic": "float64", "mistakes": []}
    changed = s.conventions.model_copy(update={**plain, "tangents": direction})
    return s.model_copy(update={"conventions": changed})


@pytest.mark.parametrize("name", scenario_names())
def test_in_every_scenario_tangents_are_slopes_and_both_modes_agree(name):
    s, r = tracer.load(name), random.Random(name)
    program = build(plainly(s, None)).program
    movable = sorted(program.gradients) or [
        step.index for step in program.steps(Phase.GIVEN) if step.name in s.numbers
    ]
    cells = r.sample(movable, min(4, len(movable)))
    direction = {
        original(program.label(c)): Decimal(repr(round(r.uniform(0.2, 1), 3))) for c in cells
    }
    why = "a threshold has no derivative" if s.conventions.learning == "perceptron" else ""
    if not list(program.steps(Phase.FORWARD, Phase.ERROR)):
        why = "no step depends on"  # the gradients are stated
    if why:
        with pytest.raises(ProgramError, match=why):
            build(plainly(s, direction))
        return
    made = build(plainly(s, direction))
    found = run.values(s, made, made.givens, [0]).at(0, 0)
    moves = [made.program.index[labels.name(program.label(c))] for c in cells]
    speeds = [float(v) for v in direction.values()]
    ends = []
    for h in (STEP, -STEP):
        shifted = {c: float(made.givens[c]) + h * v for c, v in zip(moves, speeds, strict=True)}
        ends.append(run.values(s, made, {**made.givens, **shifted}, [0]).at(0, 0))
    slopes = (ends[0] - ends[1]) / (2 * STEP)
    ours = {step.label.of: step.index for step in made.program.steps(Phase.TANGENT)
            if isinstance(step.label, Tangent)}  # fmt: skip
    for step in made.program.steps(Phase.FORWARD, Phase.ERROR):
        if step.rule and not expression.calls(step.formula, "reached"):
            tangent = found[ours[step.label]] if step.label in ours else 0.0
            assert tangent == pytest.approx(slopes[step.index], rel=1e-4, abs=1e-6), step.name
    if made.program.root is not None:
        gradients = [found[made.program.gradients[c]] for c in moves]
        whole = math.fsum(g * v for g, v in zip(gradients, speeds, strict=True))
        assert found[ours[made.program.label(made.program.root)]] == pytest.approx(whole, rel=1e-10)


def test_a_part_of_a_formula_stands_once_beside_its_tangent():
    text = """
title = "Gates"
formulas = "f = ln(a) + a*b"
[conventions]
detail = "gates"
tangents = "a"
[givens.All]
a = 2
b = 5
"""
    t = run.trace(scenario.read(text, "g.toml", "g"))
    for format in ("md", "tex"):
        table = pages.page(t, format).partition("Forward mode")[2]
        assert table.count(r"\ln(a) = 0.693147") == 1
        assert r"\ln(a) = \ln(a)" not in table
