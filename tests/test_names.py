"""Finding a step by what a person types."""

import pytest
from promptly import promptly

import tracer
from tracer import run, scenario
from tracer.errors import LookupFailed, TracerError
from tracer.names import names_of

TEXT = """
title = "names"
[conventions]
chain = "{chain}"
biases = "frozen"
[givens.all]
x1 = 0.03
x2 = 0.09
w1 = 0.11
w2 = 0.27
w3 = 0.19
w4 = 0.52
w5 = 0.44
w6 = 0.48
w7 = 0.23
w8 = 0.29
b1 = 0.39
b2 = 0.42
T1 = 0.01
T2 = 0.99
eta = 0.3
[network]
inputs = ["x1", "x2"]
targets = ["T1", "T2"]
total_error = "ETotal"
[[network.layers]]
weights = [["w1", "w2"], ["w3", "w4"]]
bias = "b1"
net = "h{{j}}"
activation = "sigmoid"
out = "Out h{{j}}"
[[network.layers]]
weights = [["w5", "w6"], ["w7", "w8"]]
bias = "b2"
net = "y{{j}}"
activation = "sigmoid"
out = "Out y{{j}}"
"""


@pytest.fixture(scope="module", params=["full", "deltas"])
def trace(request):
    return run.trace(scenario.read(TEXT.format(chain=request.param), "names.toml", "names"))


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Out_h1", "Out h1"),
        ("Out_h1", "Out_h1"),
        ("Out_h1", "out_h1"),
        ("Out_h1", "OUT H1"),
        ("Out_h1", "outh1"),
        ("Out_h1", " Out  h1 "),
        ("w5", "W5"),
        ("w5+", "w5⁺"),
        ("w5+", "w5_new"),
        ("w5+", "w5 new"),
        ("w5+", "w5new"),
        ("w5+", "w5^+"),
        ("w5+", "W5+"),
        ("dE/dw5", "∂E/∂w5"),
        ("dE/dw5", "dETotal/dw5"),
        ("dE/dw5", "dE_total/dw5"),
        ("dE/dw5", "∂ETotal/∂w5"),
        ("dE/dw5", "de/dw5"),
        ("dE/dw5", "detotal/dw5"),
        ("dE/dw5", "∂E / ∂w5"),
        ("dE/dw5", "dE_total / dw5"),
        ("dE/dw5", "∂ E_total / ∂ w5"),
        ("dE/dOut_h1", "dE/dOut h1"),
        ("dE/dOut_h1", "∂ETotal/∂Out h1"),
        ("dE1/dOut_h1", "∂E1/∂Out h1"),
        ("dOut_y1/dy1", "∂Out y1/∂y1"),
        ("dOut_y1/dy1", "dout_y1/dy1"),
        ("E", "ETotal"),
        ("E", "E_total"),
        ("E", "e total"),
        ("eta", "η"),
        ("eta", "ETA"),
    ],
)
def test_a_step_is_found_by_the_ways_people_write_it(trace, name, typed):
    assert trace.program.index.get(name, trace.program.aliases.get(name)) == trace.cell(typed)


def test_a_delta_is_found_by_its_letter():
    t = run.trace(scenario.read(TEXT.format(chain="deltas"), "names.toml", "names"))
    cell = t.program.index["delta_y1"]
    for typed in ("delta_y1", "δ(y1)", "δ_y1", "δy1", "delta y1", "Delta_y1", "dE/dy1", "dE1/dy1"):
        assert cell == t.cell(typed)


def test_every_name_every_symbol_and_every_alias_finds_its_own_step(trace):
    for name, cell in {**trace.program.index, **trace.program.aliases}.items():
        assert cell == trace.cell(name)
    for name in trace:
        assert trace.cell(name) == trace.cell(trace.record(name).symbol)


def _matrix(*weights):
    """One layer of two units with the weights' names given."""
    given = "\n".join(f"{name} = 0.{k}" for k, name in enumerate(weights, 1))
    return run.trace(scenario.read(f"""
title = "names"
[givens.all]
{given}
x1 = 0.5
x2 = 0.6
t1 = 0.1
t2 = 0.2
eta = 0.5
[network]
inputs = ["x1", "x2"]
targets = ["t1", "t2"]
[[network.layers]]
weights = [["{weights[0]}", "{weights[1]}"], ["{weights[2]}", "{weights[3]}"]]
activation = "tanh"
""", "names.toml", "names"))  # fmt: skip


def test_w1_1_and_w11_are_two_names():
    t = _matrix("w1_1", "w11", "w2_1", "w21")
    assert (0.1, 0.2) == (t["w1_1"], t["w11"])
    assert (t["w1_1+"], t["w11+"]) == (t["w1_1_new"], t["W11 new"])


def test_an_exact_name_is_taken_before_a_similar_one():
    t = _matrix("w1", "W1", "w_b", "wb")
    assert (0.1, 0.2, 0.3, 0.4) == (t["w1"], t["W1"], t["w_b"], t["wb"])


def test_an_ambiguous_name_lists_the_candidates():
    t = _matrix("wa", "WA", "w_b", "wb")
    with pytest.raises(LookupFailed, match=r"^'Wa' may be any of: wa, WA$"):
        t["Wa"]
    with pytest.raises(LookupFailed, match=r"^'w b' may be any of: w_b, wb$"):
        t["w b"]


@pytest.mark.parametrize(
    ("nearest", "typed"),
    [("dE/dw5", "dE/dw55"), ("Out_h1", "Out_h12"), ("eta", "etaa"), ("w5+", "w5++")],
)
def test_an_unknown_name_suggests_the_nearest(trace, nearest, typed):
    with pytest.raises(LookupFailed) as failed:
        trace[typed]
    assert str(failed.value).startswith(f"no step is called {typed!r}; did you mean '")
    assert nearest[:2] in str(failed.value).partition("did you mean")[2]


@pytest.mark.parametrize("typed", ["", " ", "+", "d/d", "zebra", "\0", "w" * 10_000, "∂", "dE/d"])
def test_nonsense_is_an_error_in_one_line(trace, typed):
    assert typed not in trace
    with pytest.raises(TracerError) as failed:
        trace[typed]
    assert isinstance(failed.value, KeyError)
    assert 1 == len(str(failed.value).splitlines())


@pytest.mark.parametrize("typed", [None, 0, ("w5",), b"w5"])
def test_what_is_no_text_is_no_name(trace, typed):
    assert typed not in trace
    with pytest.raises(LookupFailed, match="a name is a text"):
        trace[typed]


def test_looking_up_is_quick():
    t = _matrix("w1", "w2", "w3", "w4")
    t["w1"]
    with promptly(50):
        for _ in range(10_000):
            t["w1+"]


@pytest.mark.parametrize("form", ["W1_{{{}}}", "W1({})", "W1_{}", "W1_({})", "W1 [{}]"])
@pytest.mark.parametrize(("around", "name"), [
    ("{}", "W1[1,2]"), ("{}+", "W1[1,2]+"), ("{}^{{+}}", "W1[1,2]+"), ("dE/d{}", "dE/dW1[1,2]"),
    ("∂E/∂{}", "dE/dW1[1,2]"),
])  # fmt: skip
def test_an_element_is_found_as_a_page_shows_it(form, around, name):
    program = tracer.trace("enlight-training", iterations=0).program
    typed = around.format(form.format("1,2"))
    assert program.index[name] == names_of(program).find(typed)


@pytest.mark.parametrize(
    ("typed", "name"), [("w_{5}", "w5"), ("w_{5}^{+}", "w5+"), ("w_{9}", None), ("w(9)", None)]
)
def test_a_name_set_lower_is_the_name(trace, typed, name):
    found = names_of(trace.program).get(typed)
    assert found == (None if name is None else trace.program.index[name])
