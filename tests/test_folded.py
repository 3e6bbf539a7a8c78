"""Long passes folded: every line is true, every number stands above where it is used."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from reader import claims, is_true
from test_pages import compile_log, needs_tex

import tracer
from tracer import grids, labels, pages, run, scenario
from tracer.errors import ScenarioError
from tracer.folded import Entry, Folded, Section
from tracer.grids import Grids
from tracer.labels import Belonging, Derivative, Own, Updated
from tracer.lines import Line
from tracer.numbers import Shown
from tracer.shipped import scenario_names
from tracer.traces import Trace
from tracer.views import Local
from tracer.walkthrough import walkthrough

SHORT = ["mazur", "thinkinfi", "or-gate", "adam_by_hand_w2", "micrograd_expression"]


def traced(name: str) -> Trace:
    return run.trace(tracer.load(name), iterations=1)


def view(name: str) -> Folded:
    found = walkthrough(traced(name), "folded", None).folded
    assert found
    return found


FOLDS = [
    name for name in scenario_names()
    if name != "sum-regression" and walkthrough(traced(name), "auto", None).folded
]  # fmt: skip


def sections(folded: Folded) -> list[Section]:
    parts = (folded.givens, folded.forward, folded.error, folded.backward, folded.update)
    return [section for part in parts for section in part]


def line_of(entry: Entry) -> Line | None:
    if isinstance(entry, Grids):
        return None
    return entry.line if isinstance(entry, Local) else entry


def test_networks_of_layers_are_folded_and_tutorials_are_not() -> None:
    assert {"cnn-by-hand", "lstm-by-hand", "attention-by-hand", "cs231n_conv_pool_conv"} <= set(
        FOLDS
    )
    assert not set(FOLDS) & set(SHORT)


@pytest.mark.parametrize(
    ("name", "givens", "folds"),
    [
        ("a matrix of 12", 'w = { first = 0, last = 1, shape = [3, 4] }', False),
        ("a matrix of 15", 'w = { first = 0, last = 1, shape = [3, 5] }', True),
        ("a row of 15", 'w = { first = 0, last = 1, shape = [15] }', False),
    ],
)  # fmt: skip
def test_the_updates_of_a_large_matrix_are_folded(name: str, givens: str, folds: bool) -> None:
    text = f"""
title = "{name}"
[givens.All]
{givens}
{givens.replace("w", "g", 1)}
eta = 0.1
[gradients]
w = "g"
"""
    found = walkthrough(run.trace(scenario.read(text, "m.toml", "m")), "auto", None).folded
    assert bool(found) is folds


@pytest.mark.parametrize("format", ["md", "tex"])
@pytest.mark.parametrize("name", [*FOLDS, *SHORT])
def test_every_line_of_a_folded_page_is_true_or_says_so(name: str, format: str) -> None:
    """But for the lines with dots, whose terms are not all there."""
    page = pages.page(traced(name), format, "folded")
    found = [claim for claim in claims(page) if r"\dots" not in claim.numbers]
    assert found or r"\dots" in page
    for claim in found:
        assert is_true(claim) == (claim.sign == "="), claim


@pytest.mark.parametrize("name", [n for n in (*FOLDS, *SHORT) if traced(n).program.samples == 1])
def test_every_number_of_a_folded_page_stands_above_where_it_is_used(name: str) -> None:
    """In a line, a matrix or the givens; what an optimizer keeps is told in words."""
    program, found = traced(name).program, sections(view(name))
    kept = {labels.name(program.label(cell)) for cell in program.carry}
    met: set[str] = set()
    for section in found:
        met |= {shown.text for _, shown in section.numbers}
        met |= {text for entry in section.entries for text in numbers_of(entry)}
        for line in filter(None, map(line_of, section.entries)):
            for formal, shown in line.numbers.items():
                called = labels.name(line.operands[formal]) if formal in line.operands else ""
                assert shown.text in met or called in kept or any(map(elided, found)), line


def numbers_of(entry: Entry) -> list[str]:
    """The numbers that an entry shows as results."""
    if line := line_of(entry):
        return [line.value.text]
    assert isinstance(entry, Grids)
    return [e.text for m in entry.maps for row in m.rows for e in row if e]


def elided(section: Section) -> bool:
    """Whether a matrix of a section has numbers that are left out."""
    families = [e for e in section.entries if isinstance(e, Grids)]
    return any(f.more or any(m.wide or m.tall for m in f.maps) for f in families)


@pytest.mark.parametrize(
    "name", ["cnn-by-hand", "lstm-by-hand", "attention-by-hand", "cs231n_optimizers_adam"]
)
def test_the_matrices_hold_the_numbers_of_the_trace(name: str) -> None:
    t, checked = traced(name), 0
    for section in sections(view(name)):
        for family in (e for e in section.entries if isinstance(e, Grids)):
            for m in family.maps:
                rows = len(m.rows) - 1 if m.tall else len(m.rows)
                columns = len(m.rows[0]) - 1 if m.wide else len(m.rows[0])
                for i, j in ((i, j) for i in range(rows) for j in range(columns)):
                    entry = m.rows[i][j]
                    called = _element(labels.name(m.label), i + 1, j + 1, len(m.rows))
                    if entry is not None and called in t:
                        assert entry.decimal == pytest.approx(
                            Decimal(t[called]), abs=Decimal("0.0001")
                        ), called
                        checked += 1
    assert checked >= 3


def _element(name: str, i: int, j: int, rows: int) -> str:
    """`dE/dW[2,3]+` for row 2 and column 3 of dE/dW+."""
    body, end = (name[:-1], "+") if name.endswith("+") else (name, "")
    if body.endswith("]"):
        return f"{body[:-1]},{i},{j}]{end}"
    return f"{body}[{j}]{end}" if rows == 1 else f"{body}[{i},{j}]{end}"


@needs_tex
@pytest.mark.parametrize("name", [*FOLDS, *SHORT])
def test_folded_latex_compiles_without_errors_or_overfull_boxes(name: str, tmp_path) -> None:
    log = compile_log(pages.page(traced(name), "tex", "folded"), tmp_path)
    assert not re.findall(r"^!.*|^Overfull.*", log, re.M)


# ---- matrices --------------------------------------------------------------------------


def whole(*names: str) -> tuple[list[Grids], list[str]]:
    """The families of some names, each with its place as its value, and what is in none."""
    found, alone = grids.grids((Own(n), Shown(str(k))) for k, n in enumerate(names))
    return found, [labels.name(label) for label, _ in alone]


def rows(grid: grids.Grid) -> list[list[str]]:
    return [[e.text if e else "" for e in row] for row in grid.rows]


def test_elements_are_rows_and_columns() -> None:
    (found,), alone = whole("W[1,1]", "W[1,2]", "W[2,1]", "W[2,2]", "b")
    assert rows(found.maps[0]) == [["0", "1"], ["2", "3"]]
    assert alone == ["b"]


def test_times_and_gaps_keep_their_places() -> None:
    (found,), _ = whole("h[t=2,1]", "h[t=2,2]")
    assert rows(found.maps[0]) == [["", ""], ["0", "1"]]


def test_more_than_two_indices_are_several_matrices() -> None:
    names = [f"K[{f},{i},{j}]" for f in (1, 2) for i in (1, 2) for j in (1, 2)]
    (found,), _ = whole(*names)
    assert [labels.name(m.label) for m in found.maps] == ["K[1]", "K[2]"]


def test_numbered_names_are_a_row_if_none_is_missing() -> None:
    (found,), alone = whole("h1", "h2", "h3", "x1", "x4", "x9", "v1")
    assert rows(found.maps[0]) == [["0", "1", "2"]]
    assert alone == ["x1", "x4", "x9", "v1"]
    (square,), _ = whole("y11", "y12", "y21", "y22")
    assert rows(square.maps[0]) == [["0", "1"], ["2", "3"]]


def test_a_large_matrix_leaves_out_its_middle() -> None:
    (found,), _ = whole(*(f"W[{i},{j}]" for i in range(1, 13) for j in range(1, 11)))
    (m,) = found.maps
    assert (m.tall, m.wide) == (True, True)
    assert (len(m.rows), len(m.rows[0])) == (grids.MOST - 1, grids.MOST - 1)
    assert m.rows[-1][-1] == Shown("119")
    tex = grids.matrix(m, lambda shown: shown.text)
    assert (tex.count(r"\vdots"), tex.count(r"\dots")) == (8, 7)


@pytest.mark.parametrize("detail", ["auto", "full", "folded"])
def test_an_element_that_is_none_is_told_on_every_page(detail: str) -> None:
    text = 'title = "t"\nerror = "f"\n[givens.A]\nx = 2\n[formulas]\nf = "x^2"\n'
    t = run.trace(scenario.read(f'{text}[run]\nelements = ["x", "g"]', "t.toml", "t"))
    with pytest.raises(ScenarioError, match=r"^t.toml: run.elements\[1\]: no step is called 'g'"):
        tracer.render(t, detail=detail)


@pytest.mark.parametrize(
    "label",
    [
        Derivative(Own("E"), Own("W[2,3]")),
        Updated(Own("W[2,3]")),
        Belonging(Own("m"), Own("W[2,3]")),
    ],
)
def test_what_belongs_to_an_element_is_in_a_family_too(label: labels.Label) -> None:
    found = grids.member(label)
    assert found
    assert found.place == (2, 3)
    assert "[" not in labels.name(found.stem)


@pytest.mark.parametrize(
    ("own", "tex"), [("h0[1]", r"\mathrm{h0}"), ("W1[2,3]", r"\mathrm{W1}"), ("b[1]", "b")]
)
def test_a_matrix_is_called_as_its_elements_are(own: str, tex: str) -> None:
    found = grids.member(Own(own))
    assert found
    assert tex == labels.latex(found.stem)
    assert labels.latex(Own(own)).startswith(tex.removesuffix("}"))


# ---- the order of a page ---------------------------------------------------------------

LOOKED_UP = """
title = "Three letters"
[conventions]
loss = "cross-entropy"
penalty = { l2 = "lambda" }
[givens.All]
x = [1, 4, 4]
T = [[0, 1], [1, 0], [0, 1]]
C = [[0.1, 0.2], [-0.3, 0.4], [0.5, -0.1], [0.0, 0.3]]
W = [[0.3, -0.2], [0.4, 0.1]]
U = [[0.1, 0.2], [0.0, 0.3]]
V = [[0.5, -0.3], [0.1, 0.4]]
eta = 0.1
lambda = 0.01
[network]
inputs = "x"
targets = "T"
[[network.layers]]
kind = "embedding"
table = "C"
[[network.layers]]
kind = "recurrent"
weights = "W"
recurrent = "U"
activation = "tanh"
[[network.layers]]
weights = "V"
activation = "softmax"
"""


def test_a_derivative_stands_above_all_that_it_is_used_for() -> None:
    """The parts too: from the error back, a penalty's derivatives where they are added."""
    t = run.trace(scenario.read(LOOKED_UP, "l.toml", "l"))
    folded = walkthrough(t, "folded", None).folded
    assert folded
    assert ["dense layer", "recurrent layer", "embedding"] == [
        section.part for section in folded.backward
    ]
    lines = [line for s in folded.backward for line in map(line_of, s.entries) if line]
    places = {labels.name(line.label): k for k, line in enumerate(lines)}
    for k, line in enumerate(lines):
        for operand in map(labels.name, line.operands.values()):
            assert places.get(operand, -1) < k, (operand, line.name)


def test_a_row_that_nobody_looks_up_stays_as_it_is() -> None:
    text = LOOKED_UP.replace('penalty = { l2 = "lambda" }\n', "").replace("lambda = 0.01\n", "")
    t = run.trace(scenario.read(text, "l.toml", "l"), iterations=1)
    for name, value in {"C[2,1]": -0.3, "C[2,2]": 0.4, "C[3,1]": 0.5, "C[3,2]": -0.1}.items():
        assert (0, value) == (t[f"dE/d{name}"], t[f"{name}+"])
    backward, _, update = pages.page(t.at(0), "md", "folded").partition("\n## Update\n")
    assert r"\cr 0 & 0 \cr 0 & 0 \cr" in backward
    assert r"\cr -0.3 & 0.4 \cr 0.5 & -0.1 \cr" in update


def test_what_no_window_sees_has_the_derivative_0() -> None:
    """Of 3 × 3 numbers a window of 2 × 2 fits once; 1 - 0 + 0.25 + 3 = 4.25 is its greatest."""
    text = """
title = "Pooled"
[givens.All]
X = [[1, 2, 0, 1], [0, 1, 3, 1], [2, 1, 0, 1], [1, 0, 1, 2]]
K = [[0.5, -1], [0.25, 1]]
t = [1]
eta = 0.1
[network]
inputs = "X"
targets = "t"
[[network.layers]]
kind = "convolution"
kernel = "K"
out = "a"
[[network.layers]]
kind = "pooling"
size = 2
out = "p"
"""
    found = walkthrough(run.trace(scenario.read(text, "p.toml", "p")), "folded", None).folded
    assert found
    families = [e for s in found.backward for e in s.entries if isinstance(e, Grids)]
    (m,) = next(f.maps for f in families if labels.name(f.label) == "dE/da")
    shown = [[entry.text if entry else None for entry in row] for row in m.rows]
    assert [["0", "3.25", "0"], ["0", "0", "0"], ["0", "0", "0"]] == shown
