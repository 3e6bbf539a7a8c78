"""The network's diagram: what is drawn, where, and as SVG and TikZ."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest

from tracer import labels
from tracer.computed import built
from tracer.diagram import diagram
from tracer.drawing import spans, svg, tikz
from tracer.figure import Diagram, Edge, Kind, Node
from tracer.labels import Delta, Derivative, Label, Own, Updated
from tracer.program import Draft
from tracer.scenario import read
from tracer.shipped import load
from tracer.symbols import Run, runs

SVG = "{http://www.w3.org/2000/svg}"


def dense(*sizes: int, bias: str = "", activation: str = "sigmoid", more: str = "") -> str:
    """A network by named weights w1 …; bias "" for none, "layer" for one each, "unit" for all."""
    x = [f"x{i}" for i in range(1, sizes[0] + 1)]
    t = [f"t{k}" for k in range(1, sizes[-1] + 1)]
    given = [f"{name} = 1" for name in (*x, *t, "eta")]
    layers, count = [], 0
    for number, (width, units) in enumerate(pairwise(sizes), 1):
        rows = [[f"w{count + j * width + i + 1}" for i in range(width)] for j in range(units)]
        given += [f"{name} = 1" for row in rows for name in row]
        count += width * units
        layers.append(f'[[network.layers]]\nactivation = "{activation}"\nweights = {quoted(rows)}')
        if bias:
            own = [f"b{number}_{j}" for j in range(1, units + 1)]
            given += [f"{name} = 1" for name in (own if bias == "unit" else [f"b{number}"])]
            layers.append(f"bias = {quoted(own if bias == 'unit' else f'b{number}')}")
    net = "sum(w_i*x_i) + b" if bias else "sum(w_i*x_i)"
    return "\n".join((
        'title = "net"', f'[conventions]\nnet = "{net}"', "[givens.all]", *given,
        f"[network]\ninputs = {quoted(x)}\ntargets = {quoted(t)}", *layers, more,
    ))  # fmt: skip


def quoted(value: object) -> str:
    return str(value).replace("'", '"') if isinstance(value, list) else f'"{value}"'


def drawn(text: str) -> Diagram:
    return diagram(built(read(text, "net.toml", "net")).program)


def shipped(name: str) -> Diagram:
    return diagram(built(load(name)).program)


def called(label: Label | None) -> str:
    return labels.name(label) if label else ""


def wires(d: Diagram) -> list[tuple[str, str, str]]:
    """(label, from, to) of every edge that comes from no bias and leads to no error."""
    ends = [(e, d.nodes[e.start], d.nodes[e.end]) for e in d.edges]
    return [
        (called(e.label), called(a.label), called(b.label))
        for e, a, b in ends
        if a.kind is not Kind.BIAS and b.kind is not Kind.ERROR
    ]


def of_kind(d: Diagram, kind: Kind) -> list[Node]:
    return [node for node in d.nodes if node.kind is kind]


# ---- what is drawn ---------------------------------------------------------------------


def test_every_weight_of_thinkinfi_labels_one_edge_between_its_ends():
    """A row of weights a unit: w2 leads from x2 to h1."""
    assert sorted(wires(shipped("thinkinfi"))) == [
        ("w1", "x1", "Out_h1"),
        ("w2", "x2", "Out_h1"),
        ("w3", "x1", "Out_h2"),
        ("w4", "x2", "Out_h2"),
        ("w5", "Out_h1", "Out_y1"),
        ("w6", "Out_h2", "Out_y1"),
        ("w7", "Out_h1", "Out_y2"),
        ("w8", "Out_h2", "Out_y2"),
    ]


def test_a_unit_shows_its_output_and_its_net():
    units = [node for node in shipped("thinkinfi").nodes if node.net]
    assert [(called(node.label), called(node.net)) for node in units] == [
        ("Out_h1", "h1"),
        ("Out_h2", "h2"),
        ("Out_y1", "y1"),
        ("Out_y2", "y2"),
    ]


def test_columns_are_titled_inputs_layers_and_error():
    d = shipped("mazur")
    assert [c.title for c in d.columns] == ["inputs", "hidden layer", "output layer", "error"]
    assert [c.count for c in d.columns] == [2, 2, 2, 2]


def test_the_bias_of_a_layer_is_one_node_with_an_edge_to_every_unit():
    d = shipped("thinkinfi")
    ends = [
        (called(d.nodes[e.start].label), called(d.nodes[e.end].label))
        for e in d.edges
        if d.nodes[e.start].kind is Kind.BIAS
    ]
    assert ends == [("b1", "Out_h1"), ("b1", "Out_h2"), ("b2", "Out_y1"), ("b2", "Out_y2")]
    assert len(of_kind(d, Kind.BIAS)) == 2


def test_every_output_leads_to_its_error_term():
    d = shipped("thinkinfi")
    ends = [(d.nodes[e.start], d.nodes[e.end]) for e in d.edges]
    assert [(called(a.label), called(b.label)) for a, b in ends if b.kind is Kind.ERROR] == [
        ("Out_y1", "E1"),
        ("Out_y2", "E2"),
    ]


def test_a_single_output_leads_to_the_error_itself():
    assert [called(node.label) for node in of_kind(drawn(dense(2, 1)), Kind.ERROR)] == ["E"]


def test_few_biases_of_units_are_named_and_many_are_not():
    few, many = drawn(dense(2, 3, bias="unit")), drawn(dense(2, 4, bias="unit"))
    assert [called(n.label) for n in of_kind(few, Kind.BIAS)] == ["b1_1", "b1_2", "b1_3"]
    assert [called(n.label) for n in of_kind(many, Kind.BIAS)] == ["", "", "", ""]


def test_a_missing_connection_has_no_edge():
    text = dense(2, 2).replace('["w1", "w2"]', '["w1", "-"]').replace("w2 = 1\n", "")
    assert sorted(wires(drawn(text))) == [
        ("w1", "x1", "out_o1"),
        ("w3", "x1", "out_o2"),
        ("w4", "x2", "out_o2"),
    ]


def test_a_perceptron_without_biases_has_inputs_and_one_layer():
    d = drawn(dense(2, 1, activation="relu"))
    assert [node.kind for node in d.nodes] == [Kind.INPUT, Kind.INPUT, Kind.OUTPUT, Kind.ERROR]
    assert wires(d) == [("w1", "x1", "out_o1"), ("w2", "x2", "out_o1")]


def test_an_identity_output_is_still_the_units_output():
    assert [
        (called(n.label), called(n.net))
        for n in of_kind(drawn(dense(1, 1, activation="identity")), Kind.OUTPUT)
    ] == [("out_o1", "net_o1")]


def test_a_deep_net_has_a_column_a_layer_from_left_to_right():
    d = drawn(dense(4, 3, 3, 2, bias="layer"))
    assert [c.title for c in d.columns] == [
        "inputs",
        "hidden layer 1",
        "hidden layer 2",
        "output layer",
        "error",
    ]
    assert [c.x for c in d.columns] == sorted(c.x for c in d.columns)
    assert len({label for label, _, _ in wires(d)} - {""}) == 4 * 3 + 3 * 3 + 3 * 2


def matrix(rows: int, columns: int) -> str:
    return str([[1] * columns] * rows)


def test_weights_of_a_matrix_carry_their_row_and_column():
    text = (
        f'title = "net"\n[conventions]\nnet = "sum(w_i*x_i)"\n[givens.all]\nx = [1, 1, 1]\n'
        f"W1 = {matrix(2, 3)}\nt = [1, 1]\neta = 1\n"
        '[network]\ninputs = "x"\ntargets = "t"\n'
        '[[network.layers]]\nweights = "W1"\nactivation = "tanh"\n'
    )
    assert ("W1[2,3]", "x[3]", "out_o2") in wires(drawn(text))


def test_a_wide_layer_shows_its_first_three_units_dots_and_the_last():
    d = drawn(dense(9, 12, 3, bias="layer"))
    hidden = [called(n.label) for n in of_kind(d, Kind.HIDDEN)]
    assert hidden == ["out_h1", "out_h2", "out_h3", "out_h12"]
    assert len(of_kind(d, Kind.MORE)) == 2
    assert [c.count for c in d.columns] == [9, 12, 3, 3]
    assert {""} == {label for label, _, _ in wires(d)}
    assert all(e.faint for e in d.edges if d.nodes[e.end].kind is not Kind.ERROR)


def test_a_narrow_gap_keeps_its_labels_beside_a_wide_one():
    d = drawn(dense(12, 3, 2, bias="layer"))
    assert {"", "w37", "w38", "w39", "w40", "w41", "w42"} == {label for label, _, _ in wires(d)}


def test_names_that_would_cover_one_another_are_left_out():
    """64 names between 8 and 8 units help nobody."""
    d = drawn(dense(8, 8, bias="layer"))
    assert len(wires(d)) == 64
    assert {""} == {label for label, _, _ in wires(d)}


def test_a_program_without_a_network_has_an_empty_diagram():
    d = diagram(Draft().finish())
    assert Diagram(0, 0, (), (), ()) == d
    ElementTree.fromstring(svg(d))
    assert "tikzpicture" in tikz(d)


FIRST = {
    "layer norm": ("x = [1, 2]\ng = [1, 1]\ns = [0, 0]", 'scale = "g"\nshift = "s"'),
    "embedding": ("x = [2]\ng = [[1, 2], [3, 4]]", 'table = "g"'),
}


@pytest.mark.parametrize("kind", FIRST)
def test_what_is_learned_is_no_input(kind):
    """Nothing is drawn where learned numbers come before the first weighted sum."""
    givens, layer = FIRST[kind]
    text = f"""
title = "first"
[givens.All]
{givens}
W = [[0.1, 0.2], [0.5, 0.4]]
t = [1, 0]
eta = 0.1
[network]
inputs = "x"
targets = "t"
[[network.layers]]
kind = "{kind}"
{layer}
[[network.layers]]
weights = "W"
activation = "sigmoid"
"""
    assert () == drawn(text).nodes


def test_a_sequential_update_has_the_same_diagram():
    scenario = load("mazur").under("sequential update")
    assert shipped("mazur") == diagram(built(scenario).program)


# ---- where it is drawn -----------------------------------------------------------------

NETS = {
    "thinkinfi": lambda: shipped("thinkinfi"),
    "mazur": lambda: shipped("mazur"),
    "1-1-1": lambda: drawn(dense(1, 1, 1, bias="layer")),
    "2-1": lambda: drawn(dense(2, 1)),
    "3-3-2": lambda: drawn(dense(3, 3, 2, bias="layer")),
    "2-3-2 by unit": lambda: drawn(dense(2, 3, 2, bias="unit")),
    "4-3-3-2": lambda: drawn(dense(4, 3, 3, 2, bias="layer")),
    "5-4-1": lambda: drawn(dense(5, 4, 1, bias="layer")),
    "9-12-3": lambda: drawn(dense(9, 12, 3, bias="layer")),
}
every_net = pytest.mark.parametrize("net", NETS.values(), ids=NETS)


def named(d: Diagram) -> list[Edge]:
    return [edge for edge in d.edges if edge.label]


def points(d: Diagram, edge: Edge) -> list[tuple[float, float]]:
    """400 points along an edge."""
    a, b = d.nodes[edge.start], d.nodes[edge.end]
    return [(a.x + k / 400 * (b.x - a.x), a.y + k / 400 * (b.y - a.y)) for k in range(401)]


@every_net
def test_no_label_covers_another(net):
    d = net()
    for e, f in combinations(named(d), 2):
        (al, at, ar, ab), (bl, bt, br, bb) = d.box(e), d.box(f)
        apart = ar <= bl or br <= al or ab <= bt or bb <= at
        assert apart, (called(e.label), called(f.label))


@every_net
def test_no_label_reaches_into_a_circle(net):
    d = net()
    for e in named(d):
        left, top, right, bottom = d.box(e)
        corners = [(x, y) for x in (left, right) for y in (top, bottom)]
        for n in d.nodes:
            assert not (left < n.x < right and top < n.y < bottom)
            assert all((x - n.x) ** 2 + (y - n.y) ** 2 > n.r**2 for x, y in corners)


@every_net
def test_only_its_own_line_passes_through_a_label(net):
    d = net()
    for e in named(d):
        left, top, right, bottom = d.box(e)
        through = [
            f for f in d.edges
            if any(left < x < right and top < y < bottom for x, y in points(d, f))
        ]  # fmt: skip
        assert [e] == through, called(e.label)


@every_net
def test_no_line_passes_through_a_circle_that_is_not_its_end(net):
    d = net()
    for e in d.edges:
        for k, n in enumerate(d.nodes):
            if k not in (e.start, e.end):
                assert all((x - n.x) ** 2 + (y - n.y) ** 2 > n.r**2 for x, y in points(d, e))


@every_net
def test_circles_keep_apart_and_inside_the_frame(net):
    d = net()
    for a, b in combinations(d.nodes, 2):
        assert (a.x - b.x) ** 2 + (a.y - b.y) ** 2 > (a.r + b.r) ** 2
    for n in d.nodes:
        assert n.r < n.x < d.width - n.r
        assert 40 + n.r < n.y < d.height - n.r


def test_a_long_name_is_written_smaller():
    text = dense(1, 1).replace("x1", "temperature_yesterday")
    long, short = drawn(text).nodes[0], drawn(dense(1, 1)).nodes[0]
    assert long.size < short.size == 16


# ---- symbols ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (Own("w5"), [("w", True, 0), ("5", False, -1)]),
        (Own("net_h1"), [("net", False, 0), ("h1", False, -1)]),
        (Own("E_o1"), [("E", True, 0), ("o", True, -1), ("1", False, -1)]),
        (
            Own("Out_h1", "Out h1"),
            [("Out ", False, 0), ("h", True, 0), ("1", False, -1)],
        ),
        (Own("theta_1"), [("θ", True, 0), ("1", False, -1)]),
        (Own("w'"), [("w", True, 0), ("′", False, 0)]),
        (Own("E", tex="E_{total}"), [("E", True, 0), ("total", True, -1)]),
        (Own("E", tex=r"E_\text{all of it}"), [("E", True, 0), ("all of it", False, -1)]),
        (
            Own("w", tex=r"\hat{w}_{1}^{(2)}"),
            [("w\u0302", True, 0), ("1", False, -1), ("(2)", False, 1)],
        ),
        (Updated(Own("w5")), [("w", True, 0), ("5", False, -1), ("+", False, 1)]),
        (Delta(Own("y1")), [("δ", True, 0), ("y", True, -1), ("1", False, -1)]),
        (Derivative(Own("E"), Own("w5")), [("∂E/∂w5", False, 0)]),
    ],
    ids=labels.name,
)
def test_a_symbol_in_runs_of_text(label, expected):
    """Text, italic, and whether it stands below, on or above the line."""
    found = [(r.text, r.italic, (r.rise > 0) - (r.rise < 0)) for r in runs(label)]
    assert expected == found


def test_a_subscript_of_a_subscript_is_smaller_and_lower():
    _, first, second = runs(Delta(Own("y1")))
    assert second.size < first.size < 1
    assert second.rise < first.rise < 0


@pytest.mark.parametrize("name", ["}", "{{{", "_", "^", "a\\", "\\frac", "", "_{", "<&>"])
def test_any_name_at_all_has_runs(name):
    assert all(isinstance(run, Run) for run in runs(Own(name, tex=name)))


def test_spans_step_down_to_a_subscript_and_back():
    """0.24 em down to the subscript and back up to the line."""
    steps = [round(s.dy, 2) for s in spans(Own("a_1 b"), 10)]
    assert steps == [0, 2.4, -2.4]


def test_a_space_between_spans_is_a_distance():
    """Some renderers drop a space at the end of a span."""
    assert [(s.text, s.dx) for s in spans(Own("Out_h1", "Out h1"), 10)] == [
        ("Out", 0),
        ("h", 2),
        ("1", 0),
    ]


# ---- SVG -------------------------------------------------------------------------------


def written(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


@every_net
def test_the_svg_is_well_formed_and_says_what_it_shows(net):
    root = ElementTree.fromstring(svg(net()))
    assert f"{SVG}svg" == root.tag
    assert root.get("role") == "img"
    assert root[0].tag == f"{SVG}title"
    assert root.get("aria-label") == root[0].text
    assert float(root.get("viewBox").split()[2]) == float(root.get("width"))


def test_the_svg_counts_the_units_for_those_who_cannot_see_it():
    title = ElementTree.fromstring(svg(shipped("thinkinfi")))[0].text
    assert title == "Network: inputs (2), hidden layer (2), output layer (2), error (2)"


def test_the_svg_shows_every_name_once():
    """8 weights, 2 inputs, 2 biases, 4 outputs, 4 nets, 2 error terms and 4 titles."""
    texts = [
        written(t) for t in ElementTree.fromstring(svg(shipped("thinkinfi"))).iter(f"{SVG}text")
    ]
    assert 8 + 2 + 2 + 4 + 4 + 2 + 4 == len(texts) == len(set(texts))
    assert {"w5", "Outh1", "y2", "E1", "hidden layer"} <= set(texts)


def test_the_svg_brings_its_own_ground_and_nothing_that_runs_or_loads():
    text = svg(shipped("thinkinfi"))
    tags = {e.tag.removeprefix(SVG) for e in ElementTree.fromstring(text).iter()}
    assert {"svg", "title", "rect", "text", "tspan", "g", "line", "circle"} == tags
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    ground = ElementTree.fromstring(text).find(f"{SVG}rect")
    assert (ground.get("fill"), ground.get("width")) == ("#ffffff", "702.0")


def test_hostile_names_and_titles_stay_text():
    d = shipped("thinkinfi")
    name = Own("</text><script>alert('1')</script>&\"")
    nodes = tuple(replace(node, label=name, net=name) for node in d.nodes)
    edges = tuple(replace(edge, label=name) for edge in d.edges)
    columns = tuple(replace(c, title='"/><script>\x00\uffff') for c in d.columns)
    root = ElementTree.fromstring(svg(replace(d, nodes=nodes, edges=edges, columns=columns)))
    assert not [e for e in root.iter() if "script" in e.tag]
    assert any("<script>" in written(t) for t in root.iter(f"{SVG}text"))


@every_net
def test_the_same_net_gives_the_same_bytes(net):
    assert svg(net()) == svg(net())
    assert tikz(net()) == tikz(net())
    assert "-0.0" not in svg(net())


# ---- TikZ ------------------------------------------------------------------------------


def test_the_tikz_has_the_symbols_in_latex():
    text = tikz(shipped("mazur"))
    assert r"{$w_{5}$}" in text
    assert r"{$\mathrm{net_{h1}}$}" in text


def test_titles_are_escaped_for_latex():
    d = shipped("mazur")
    columns = tuple(replace(c, title=r"50 % \input{x} #1_2 θ 中") for c in d.columns)
    assert r"50 \% \textbackslash{}input\{x\} \#1\_2 $\theta$ ?" in tikz(
        replace(d, columns=columns)
    )


PAGE = r"""\documentclass[a4paper]{article}
\usepackage[margin=2.5cm]{geometry}
\usepackage{tikz}
\newsavebox{\drawing}
\begin{document}
%s
\end{document}
"""
PICTURE = r"\sbox{\drawing}{\input{%s}}\typeout{WIDTH \the\wd\drawing}\noindent\usebox{\drawing}"


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_every_tikz_picture_compiles_with_tikz_alone_and_fits_a_line(tmp_path):
    """All in one document; 15.9 cm are 452.4 pt."""
    odd = dense(2, 2, more='[symbols]\nw1 = "\\\\theta_{\\\\text{a b}}"').replace("x1", "it_is_it")
    pictures = [*(net() for net in NETS.values()), drawn(odd)]
    for k, d in enumerate(pictures):
        (tmp_path / f"net{k}.tikz").write_text(tikz(d), "utf-8")
    body = "\n\n".join(PICTURE % f"net{k}.tikz" for k in range(len(pictures)))
    (tmp_path / "page.tex").write_text(PAGE % body, "utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=tmp_path, capture_output=True, timeout=120,
    )  # fmt: skip
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-3000:]
    assert "Overfull" not in log
    widths = [float(w) for w in re.findall(r"WIDTH ([\d.]+)pt", log)]
    assert len(pictures) == len(widths)
    assert max(widths) <= 452.4
