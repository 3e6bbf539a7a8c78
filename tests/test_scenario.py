"""Scenarios: numbers as written, readings, symbols, the schema, and what is said of problems."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tracer
from tracer import run
from tracer.errors import ScenarioError
from tracer.fields import MAX_DIGITS
from tracer.problems import MAX_PROBLEMS
from tracer.scenario import Scenario, json_schema, read, read_bytes
from tracer.shipped import folder, scenario_names

TEXT = """
title = "One unit"
[conventions]
decimals = 4
[givens."What goes in"]
x1 = 0.50
x2 = { value = -2, assumed = true }
[givens."What is learned"]
W = [[1.0, 0.25]]
b = [1e-3]
[givens.Rest]
t = 1
eta = 0.1
alpha = 0.2
[network]
inputs = ["x1", "x2"]
targets = ["t"]
[[network.layers]]
weights = "W"
bias = "b"
activation = "identity"
net = "z"
out = "y"
[readings."α"]
says = "Another step."
learning_rate = "alpha"
[readings."half as much"]
significant = 3
givens = { eta = 0.05, x1 = 0.25 }
"""


def one(text: str = TEXT) -> Scenario:
    return read(text, "one.toml", "one")


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ScenarioError) as wrong:
        one(text)
    return wrong.value.problems


def edited(*edits: tuple[str, str]) -> str:
    text = TEXT
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text


# ---- what a scenario holds -------------------------------------------------------------


def test_numbers_keep_the_digits_they_are_written_with():
    assert {
        "x1": "0.50", "x2": "-2", "W[1,1]": "1.0", "W[1,2]": "0.25", "b[1]": "0.001",
        "t": "1", "eta": "0.1", "alpha": "0.2",
    } == {name: f"{number:f}" for name, number in one().numbers.items()}  # fmt: skip


def test_a_given_that_the_source_does_not_state_is_marked():
    assert {"x2"} == one().assumed


def test_a_scenario_computes_what_it_says():
    """z = 1.0·0.50 + 0.25·(-2) + 0.001 = 0.001; E = ½(1 - 0.001)² = 0.4990005."""
    t = run.trace(one())
    assert (0.001, 0.4990005) == pytest.approx((t["z"], t["E"]), rel=1e-12)


def test_a_reading_changes_conventions():
    chosen = one().under("α")
    assert "alpha" == chosen.conventions.learning_rate
    # w⁺ = 1 - 0.2·(-0.999)·0.5
    assert 1.0999 == pytest.approx(run.trace(one(), reading="α")["W[1,1]+"], rel=1e-12)


def test_a_reading_changes_givens():
    """z = 1.0·0.25 + 0.25·(-2) + 0.001 = -0.249."""
    s = one()
    assert Decimal("0.50") == s.numbers["x1"]
    assert Decimal("0.25") == s.under("half as much").numbers["x1"]
    assert -0.249 == pytest.approx(run.trace(s, reading="half as much")["z"], rel=1e-12)
    assert Decimal("0.50") == s.numbers["x1"]


def test_a_reading_in_significant_digits_replaces_the_decimals():
    assert (4, None) == one().conventions.digits[:2]
    assert (None, 3) == one().under("half as much").conventions.digits[:2]


def test_no_reading_is_the_scenario_itself():
    s = one()
    assert s.under(None) is s


def test_an_unknown_reading_is_refused_with_the_nearest():
    with pytest.raises(
        ScenarioError, match=r"^one\.toml: no reading 'half as'; did you mean 'half as"
    ):
        one().under("half as")
    with pytest.raises(ScenarioError, match=r"no reading 'full'"):
        one().under("full")


def test_units_are_called_by_their_layer_if_the_author_does_not_name_them():
    s = tracer.load("mazur")
    unnamed = s.network.model_copy(
        update={"layers": [
            layer.model_copy(update={"net": None, "out": None}) for layer in s.network.layers
        ]}
    )  # fmt: skip
    (nets, outs), last = unit_names(s, unnamed)
    assert (["net_h1", "net_h2"], ["out_h1", "out_h2"]) == (nets, outs)
    assert (["net_o1", "net_o2"], ["out_o1", "out_o2"]) == last
    deep = unnamed.model_copy(update={"layers": [unnamed.layers[0]] * 3})
    assert ["net_h2_1", "net_h2_2"] == unit_names(s, deep)[1][0]


def unit_names(s, network):
    """The names of the nets and outputs of every layer."""
    steps = s._with(network=network).walk.steps
    return [tuple(names.tolist() for names in layer.values()) for layer in steps]


@pytest.mark.parametrize("name", scenario_names())
def test_shipped_scenarios_are_found_by_name_and_by_path(name):
    by_name, by_path = tracer.load(name), tracer.load(folder("scenarios") / f"{name}.toml")
    assert by_name.numbers == by_path.numbers
    assert f"scenarios/{name}.toml" == by_name.file


def test_a_byte_order_mark_and_line_ends_of_windows_change_nothing():
    raw = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    assert one() == read_bytes(raw, "one.toml", "one")


# ---- symbols ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tex",
    ["w", "w_1", "w_{1}", "w_{1,2}^{(2)}", r"\mathrm{Out}_{h_1}", r"\hat{y}", r"\bar{x}_1",
     r"\mathrm{Out} \thinspace h_{1}", r"\eta_0", r"E_{\text{Total error}}", r"\theta^{(1)}_{ij}",
     "x'", "x_1''", r"w^\ast", r"\delta_{y_{1}}", r"\mathbf{W}^{[2]}".replace("[2]", "(2)")],
)  # fmt: skip
def test_a_plain_symbol_is_taken_as_it_is(tex):
    assert tex == one(TEXT + f"[symbols]\nx1 = {json.dumps(tex)}\n").symbols["x1"]


@pytest.mark.parametrize(
    "tex",
    ["", " ", "w_", "w^", "_1", "^2", "w__1", "w^2^3", "w_1_2", "{", "}", "}{", "{}", "w_{1", "a@b",
     "a%b", "a&b", "a#b", "a~b", "a$b", "a\\\\\\\\b", r"\frac{1}{2}", r"\text{a_b}", r"\text{\eta}",
     r"\mathrm", r"\hat", r"\eta\input", r"\etaa", r"\def\a{b}", r"\csname a\endcsname", "<b>",
     "a|b", "a*b", "`a`", "[a]", "x" * 101, "x^2'", r"\hat{}"],
)  # fmt: skip
def test_what_is_no_symbol_is_refused(tex):
    (problem,) = problems(TEXT + f"[symbols]\nx1 = {json.dumps(tex)}\n")
    assert problem.startswith("one.toml: symbols.x1: ")


@given(st.text(alphabet="w1_^{}' \\etahm", max_size=100))
@settings(max_examples=200, deadline=500)
def test_a_symbol_is_judged_in_no_time(tex):
    """No text makes the check run long; braces of what is accepted are paired."""
    try:
        accepted = one(TEXT + f"[symbols]\nx1 = {json.dumps(tex)}\n").symbols["x1"]
    except ScenarioError:
        return
    depth = 0
    for c in accepted:
        depth += {"{": 1, "}": -1}.get(c, 0)
        assert depth >= 0
    assert 0 == depth


def test_a_long_symbol_of_primes_is_judged_in_no_time():
    assert problems(TEXT + f'[symbols]\nx1 = "{"a" + chr(39) * 2}{"a_1" * 30}!"\n')


# ---- several problems ------------------------------------------------------------------


def test_a_misspelt_key_does_not_hide_what_else_is_wrong():
    text = edited(('activation = "identity"', 'activaton = "identity"'), ("t = 1\n", ""))
    assert problems(text) == (
        "one.toml: network.layers[0].activation: missing",
        "one.toml: network.layers[0].activaton: unknown key; did you mean 'activation'?",
        "one.toml: network.targets[0]: 't' is not given",
    )


def test_a_misspelt_key_causes_no_problem_that_is_not_there():
    """The key is read as what it was meant to be: the bias fits, the learning rate is given."""
    for key, meant in (("bais", "bias"), ("netz", "net"), ("wieghts", "weights")):
        found = problems(edited((f"{meant} = ", f"{key} = ")))
        assert all(key in line or f"{meant}: missing" in line for line in found), found
    assert 1 == len(problems(edited(("learning_rate", "learning_rte"), ("says =", "says ="))))


def test_a_wrong_value_causes_no_problem_that_is_not_there():
    for edit in (
        ("W = [[1.0, 0.25]]", "W = []"), ('weights = "W"', "weights = 1"),
        ("x1 = 0.50", "x1 = nan"), ('net = "z"', "net = 1"),
        ('learning_rate = "alpha"', "learning_rate = 1"),
        ('inputs = ["x1", "x2"]', "inputs = 2"), ("decimals = 4", "decimals = 99"),
        ("significant = 3\n", 'significant = "three"\n'),
    ):  # fmt: skip
        assert 1 == len(problems(edited(edit))), edit


def test_of_very_many_problems_the_first_are_told():
    text = edited(('title = "One unit"', "".join(f"k{i} = 1\n" for i in range(5000))))
    found = problems(text)
    assert MAX_PROBLEMS + 1 == len(found)
    assert "one.toml: and more problems; these come first" == found[-1]


@given(st.binary(max_size=200))
def test_no_bytes_cause_anything_but_a_refusal(raw):
    with pytest.raises(ScenarioError):
        read_bytes(raw, "any.toml", "any")


VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["printed", "value"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


def _toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str | bool):
        return json.dumps(value)
    return str(value).lower()


KEYS = [
    "title", "author", "source", "about", "conventions", "givens", "network", "symbols", "readings",
    "published", "conventions.net", "conventions.rounding", "conventions.learning_rate",
    "conventions.iterations", 'givens."What goes in"', "givens.Rest.c", "network.inputs",
    "network.layers", "network.errors", "network.total_error", "symbols.x1", 'readings."α"',
    'readings."α".givens', "published.z", "published.E",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
@given(value=VALUES)
@settings(max_examples=15, deadline=None)
def test_no_value_of_a_key_causes_anything_but_a_line(key, value):
    """Whatever stands for a key: it is accepted, or every problem is one line with its place."""
    table = tomllib.loads(TEXT)
    *outer, last = parts(key)
    place = table
    for part in outer:
        place = place.setdefault(part, {})
    place[last] = value
    text = "\n".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in table.items())
    for line in lines_of(text):
        assert line.startswith("any.toml: ")
        assert line.isprintable()


def lines_of(text: str) -> tuple[str, ...]:
    try:
        read(text, "any.toml", "any")
    except ScenarioError as wrong:
        return wrong.problems
    return ()


def parts(key: str) -> list[str]:
    """The parts of a dotted key."""
    found, table = [], tomllib.loads(f"{key} = 0")
    while isinstance(table, dict):
        ((name, table),) = table.items()
        found.append(name)
    return found


# ---- the schema ------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A TOML table as JSON has it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


def table_of(path: Path) -> Any:
    return plain(tomllib.loads(path.read_text("utf-8"), parse_float=Decimal))


VALIDATOR = jsonschema.Draft202012Validator(json_schema())
SHIPPED = [*folder("scenarios").glob("*.toml"), folder("templates") / "new.toml"]


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_schema_accepts_what_is_shipped(path):
    VALIDATOR.validate(table_of(path))


def test_the_schema_accepts_every_form_of_a_given():
    VALIDATOR.validate(plain(tomllib.loads(TEXT, parse_float=Decimal)))


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ((), "titel"), (("conventions",), "los"), (("network",), "input"),
        (("network", "layers", 0), "activaton"), (("readings", "sequential update"), "updat"),
        (("readings", "rounded to 9 decimals", "rounding"), "decimal"),
        (("published", "E_total", 1), "raeding"),
    ],
)  # fmt: skip
def test_the_schema_refuses_a_misspelt_key(place, key):
    table = table_of(folder("scenarios") / "mazur.toml")
    inner = table
    for part in place:
        inner = inner[part]
    inner[key] = 1
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(table)


def test_the_schema_refuses_a_misspelt_choice():
    table = table_of(folder("scenarios") / "mazur.toml")
    table["conventions"]["chain"] = "ful"
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(table)


# ---- numbers that are barely numbers ---------------------------------------------------


@pytest.mark.parametrize(
    "written", ["5e-324", "-1.7976931348623157e308", "0", "-0.0", "0xff", "1_000"]
)
def test_every_float_can_be_given(written):
    assert float(Decimal(int(written, 16)) if "x" in written else Decimal(written)) == float(
        one(edited(("x1 = 0.50", f"x1 = {written}"))).numbers["x1"]
    )


def test_a_number_has_as_many_digits_as_are_compared():
    digits = "0." + "1" * MAX_DIGITS
    assert Decimal(digits) == one(edited(("x1 = 0.50", f"x1 = {digits}"))).numbers["x1"]
    assert problems(edited(("x1 = 0.50", f"x1 = {digits}1")))


def test_an_input_that_no_unit_reads_is_refused() -> None:
    """Its weights would have no gradient, and nobody would notice."""
    text = "\n".join((
        'title = "unread"', "[givens.All]", "x1 = 1", "x2 = 2", "w = 0.5", "t = 1", "eta = 1",
        "[network]", 'inputs = ["x1", "x2"]', 'targets = ["t"]',
        "[[network.layers]]", 'weights = [["w", "-"]]', 'activation = "sigmoid"',
    ))  # fmt: skip
    with pytest.raises(ScenarioError) as refused:
        read(text, "unread.toml", "unread")
    key = "unread.toml: network.layers[0].weights: "
    assert f"{key}'-' for input 2 in every row, so that nothing depends on it" == str(refused.value)
