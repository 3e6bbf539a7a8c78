"""Pages as their readers get them: true, complete, readable Markdown, LaTeX that compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from reader import claims, displayed, is_true, value_of
from test_networks import Network

import tracer
from tracer import courses, pages, run
from tracer.computed import built
from tracer.course import Course
from tracer.errors import TooLarge, UsageError
from tracer.folded import too_long
from tracer.ledger import Verification
from tracer.lines import IN_TEXT
from tracer.program import Phase
from tracer.scenario import Scenario, read
from tracer.shipped import scenario_names
from tracer.traces import Trace

OUT = Path(__file__).parent.parent / "out"
SHIPPED = scenario_names()
UNFOLDED = [  # test_folded has the others
    name for name in SHIPPED if not too_long(built(tracer.load(name)).program)
]


def scenario_text(
    *, conventions: str = "", activation: str = "sigmoid", out: str = "sigmoid",
    bias1: str = '["b1", "b2"]', title: str = "A net", x1: str = "0.5",
) -> str:  # fmt: skip
    """A 2-2-2 net with negative numbers; biases one a unit and one a layer."""
    return f"""
title = "{title}"
[conventions]
{conventions}
[givens.All]
x1 = {x1}
x2 = -0.2
w1 = 0.1
w2 = -0.4
w3 = -0.3
w4 = 0.2
v1 = 0.7
v2 = -0.5
v3 = 0.25
v4 = 1.5
b1 = 0.1
b2 = -0.1
c = 0.2
t1 = 1
t2 = -0.25
eta = 0.5
[network]
inputs = ["x1", "x2"]
targets = ["t1", "t2"]
[[network.layers]]
weights = [["w1", "w2"], ["w3", "w4"]]
bias = {bias1}
activation = "{activation}"
[[network.layers]]
weights = [["v1", "v2"], ["v3", "v4"]]
bias = "c"
activation = "{out}"
"""


VARIANTS = {
    "deltas": scenario_text(conventions='chain = "deltas"'),
    "tanh, mean": scenario_text(conventions='loss = "mean squared error"', activation="tanh"),
    "relu, o - t": scenario_text(conventions='sign = "o - t"', activation="relu", out="identity"),
    "shared bias": scenario_text(conventions='loss = "squared error"', bias1='"b1"').replace(
        "b2 = -0.1\n", ""
    ),
    "sequential": scenario_text(conventions='update = "sequential"\nsign = "o - t"'),
    "by hand": scenario_text(conventions="rounding = { decimals = 4 }\ndecimals = 4"),
    "significant": scenario_text(conventions="significant = 4", activation="tanh"),
    "tiny numbers": scenario_text(conventions="decimals = 3", x1="0.0000123"),
    "deltas, relu": scenario_text(
        conventions='chain = "deltas"\nbiases = "frozen"', activation="relu", out="tanh"
    ),
}  # fmt: skip


def scenario_of(name: str) -> Scenario:
    return tracer.load(name) if name in SHIPPED else read(VARIANTS[name], "test.toml", "test")


@cache
def verified(name: str) -> Verification:
    return run.verify(scenario_of(name))


@cache
def course_of(name: str, reading: str | None) -> Course | None:
    return courses.course(scenario_of(name), reading)


@cache
def trace_of(name: str, reading: str | None) -> Trace:
    scenario = scenario_of(name)
    t = run.trace(scenario, iterations=1, reading=reading)
    return t.at(sample=scenario.run.sample if t.program.samples > 1 else 0)


@cache
def page_of(name: str, format: str, detail: str = "auto", reading: str | None = None) -> str:
    t = trace_of(name, reading)
    return pages.page(t, format, detail, verified(name), course_of(name, reading))


def substituted(name: str, detail: str = "full") -> int:
    """How many steps have numbers to show; of a first page, those before the gradients."""
    t = trace_of(name, None)
    phases = () if detail == "full" else (Phase.FORWARD, Phase.ERROR)
    # a mistake may leave steps of the backward pass that nothing uses
    needed = t.program.cone([*t.program.carry.values(), *t.program.gradients.values()])
    lines = [
        t.line(step.index) for step in t.program.steps(*phases)
        if step.phase is not Phase.BACKWARD or step.index in needed
    ]  # fmt: skip
    found = sum(
        line.substituted and IN_TEXT.substitution(line) != IN_TEXT.value(line.value)
        for line in lines
    )
    assert found or detail == "first"  # of stated gradients nothing stands before the update
    return found


# ---- every printed line is true --------------------------------------------------------


@pytest.mark.parametrize("detail", ["full", "first"])
@pytest.mark.parametrize("format", ["md", "tex"])
@pytest.mark.parametrize("name", [*SHIPPED, *VARIANTS])
def test_every_printed_line_is_true_or_says_so(name: str, format: str, detail: str) -> None:
    """`=` where the printed numbers give the printed value, `≈` exactly where they do not."""
    found = claims(page_of(name, format, detail))
    assert len(found) >= substituted(name, "first" if detail == "first" else "full")
    for claim in found:
        assert is_true(claim) == (claim.sign == "="), claim
        if claim.sign == "≈":
            right, value = value_of(claim.numbers), value_of(claim.value)
            assert abs(right - value) <= abs(value) / 10, claim


@pytest.mark.parametrize("shown", ["decimals = 4", "decimals = 12", "significant = 5"])
@pytest.mark.parametrize("seed", range(12))
def test_every_printed_line_of_a_random_network_is_true(seed: int, shown: str) -> None:
    text = Network(seed).text.replace("[conventions]", f"[conventions]\n{shown}")
    found = claims(pages.page(run.trace(read(text, "random.toml", "random")), "md"))
    assert found
    assert not [claim for claim in found if claim.sign == "=" and not is_true(claim)]


@pytest.mark.parametrize("name", [*SHIPPED, *VARIANTS])
def test_markdown_and_latex_print_the_same_claims(name: str) -> None:
    in_markdown = {(c.numbers, c.sign, c.value) for c in claims(page_of(name, "md"))}
    in_latex = {
        (" ".join(c.numbers.split()), c.sign, c.value) for c in claims(page_of(name, "tex"))
    }
    assert in_markdown == in_latex


def test_every_step_with_numbers_stands_on_the_full_page() -> None:
    """16 forward, error and update lines and every gradient of thinkinfi, with its value."""
    t, text = tracer.trace("thinkinfi"), page_of("thinkinfi", "md")
    for step in t.program.steps():
        if step.formula is not None:
            assert t.line(step.index).value.text in text, step.name


@pytest.mark.parametrize("name", [*UNFOLDED, *VARIANTS])
def test_every_number_in_a_substitution_stands_above_it(name: str) -> None:
    """A reader with a pencil finds each operand as a given, in a table or in an earlier line."""
    tracer_scenario = scenario_of(name)
    first = r"\n## (?:Forward pass|Update|The value to differentiate)\n"
    head, body = re.split(first, page_of(name, "md"), maxsplit=1)
    known = {Decimal(m) for m in re.findall(r"= (-?[\d.]+)\$", head)} | {Decimal(1), Decimal(2)}
    known |= {n for row in re.findall(r"^\|.*\|$", head + body, re.M) for n in numbers_in(row)}
    known |= {Decimal(tracer_scenario.rows)}  # what a mean divides by
    constant = (re.fullmatch(r"[^=]+ = (-?[\d.]+)", line) for line in displayed(body))
    known |= {abs(Decimal(found[1])) for found in constant if found}
    for claim in claims(body):
        known |= constants_of(claim.line)
        missing = {n for n in numbers_in(claim.numbers) if n not in known and -n not in known}
        assert not missing, (claim, missing)
        known |= numbers_in(claim.value) | {-n for n in numbers_in(claim.value)}
        known |= numbers_in(claim.line.rsplit("=", 1)[1])
    assert len(claims(body)) >= substituted(name)


def constants_of(line: str) -> set[Decimal]:
    """The numbers that a line's formula has of its own: 10.0 of 10.0/f."""
    formula = re.split(r" (?:=|\\approx) ", line)[1]
    symbols = re.sub(r"_\{[^{}]*\}|\^\{\[\d+\]\}", "", formula)
    return numbers_in(symbols) if re.search(r"[A-Za-z]", symbols) else set()


def numbers_in(formula: str) -> set[Decimal]:
    """The numbers of a formula, exponents of powers apart."""
    found = re.finditer(
        r"(?<![\d.])(\d+(?:\.\d+)?)(?: \\times 10\^\{(-?\d+)\})?",
        re.sub(r"\}\^\{2\}|\^\{2\}", "", formula),
    )
    return {Decimal(m[1]).scaleb(int(m[2] or 0)) for m in found} - {Decimal(0)}


# ---- the reader's questions ------------------------------------------------------------


def test_the_page_shows_the_tutorials_own_table_of_givens() -> None:
    text = page_of("thinkinfi", "md")
    assert "| Input value | Bias | Weights 1st layer | Weights 2nd layer | Target output |" in text
    assert (
        "| $x_{1} = 0.03$ | $b_{1} = 0.39$ | $w_{1} = 0.11$ | $w_{5} = 0.44$ | $T_{1} = 0.01$"
        in text
    )


@pytest.mark.parametrize(
    ("name", "weight", "value"),
    [
        ("w5", "w_{5}^{+}", "0.41425240"), ("w6", "w_{6}^{+}", "0.45399848"),
        ("w7", "w_{7}^{+}", "0.24244203"), ("w8", "w_{8}^{+}", "0.30256473"),
        ("w1", "w_{1}^{+}", "0.10989913"), ("w2", "w_{2}^{+}", "0.26969739"),
        ("w3", "w_{3}^{+}", "0.18989630"), ("w4", "w_{4}^{+}", "0.51968891"),
    ],
)  # fmt: skip
def test_what_the_lost_pictures_held_is_on_the_page(name: str, weight: str, value: str) -> None:
    """The updated weights as recomputed independently of tracer from the tutorial's givens."""
    lines = [line for line in displayed(page_of("thinkinfi", "md")) if line.startswith(weight)]
    assert any(line.endswith(value) for line in lines), lines


def test_a_first_page_shows_one_weight_of_each_layer_and_the_rest_in_a_table() -> None:
    text = page_of("thinkinfi", "md", "first")
    assert re.findall(r"#### The gradient for \$(.*?)\$", text) == ["w_{5}", "w_{1}"]
    assert "| $w_{6}$ | $0.48$ | $0.08667172$ | $0.45399848$ |" in text


def test_slips_of_the_source_are_told_with_the_right_value_and_the_reason() -> None:
    text = page_of("mazur", "md").split("## What the source printed")[1]
    assert "Of 34 printed numbers, 25 come out" in text
    assert re.search(r"\| -0\.01904919 \| misprint \| -0\.01904912 \| A digit 1 is missing", text)
    assert re.search(
        r"\| 0\.291027924 \| reproduced, under \*sequential update\* \| 0\.291027774", text
    )


def test_a_page_under_a_reading_says_so_and_uses_it() -> None:
    text = page_of("mazur", "md", reading="sequential update")
    assert "**Reading: sequential update.**" in text
    assert r"{\partial \mathrm{out_{h1}}} = w_{5}^{+} = 0.358916480" in text


def test_the_kink_of_relu_is_stated_as_a_convention() -> None:
    text = " ".join(page_of("relu, o - t", "md").split())
    assert "At a kink there is no derivative; by convention that of relu is 0 at z = 0." in text


def test_only_kinks_of_derivatives_that_are_taken_are_told() -> None:
    """Not of a threshold, of which none is; of a loss as of an activation."""
    assert "kink" not in page_of("or-gate", "md")
    hinge = scenario_text(conventions='loss = "hinge"', out="identity")
    text = pages.page(run.trace(read(hinge, "h.toml", "h")), "md")
    assert "by convention that of the error is 0 at t\\*o = 1." in text
    assert "A bracket [ ] around a comparison is 1 where it is true" in text
    absolute = pages.page(run.trace(read(hinge.replace("hinge", "absolute error"), "h", "h")), "md")
    assert "by convention that of the error is 0 at t = o." in absolute
    assert "A bracket" not in absolute


def test_a_page_can_show_a_later_pass() -> None:
    t = tracer.trace("mazur", iterations=8, record=(7, 8)).at(7)
    view = pages.page(t, "md")
    assert f"$w_{{5}} = {t['w5']:.9f}$" in view


# ---- Markdown and LaTeX ----------------------------------------------------------------


@pytest.mark.parametrize("name", [*SHIPPED, *VARIANTS])
def test_markdown_leaves_the_mathematics_alone(name: str) -> None:
    """Even a renderer that knows no mathematics must hand it over unchanged to MathJax."""
    page = page_of(name, "md")
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    inline = [t for t in tokens if t.type == "inline" and "$" in t.content]
    assert len(inline) > 5
    for token in inline:
        inside = re.findall(r"\$+([^$]+)\$+", token.content)
        shown = "".join(
            "\n" if c.type in ("softbreak", "hardbreak") else c.content
            for c in token.children or ()
        )
        for formula in inside:
            assert formula in shown, token.content


@pytest.mark.parametrize("name", [*SHIPPED, *VARIANTS])
def test_no_backslash_stands_before_punctuation_in_markdown(name: str) -> None:
    formulas = re.findall(r"\$+([^$]+)\$+", page_of(name, "md"))
    assert not [f for f in formulas if re.search(r"\\[^A-Za-z ]", f)]


TEX = shutil.which("pdflatex")
needs_tex = pytest.mark.skipif(
    TEX is None, reason="pdflatex is not installed: CI compiles the LaTeX"
)

WIDE = """
title = "A wide net: 50 % & more_ #1"
[givens.Inputs]
x = [0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, 0.8]
t = [1, 0, 1]
eta = 0.1
[givens."Weights"]
W1 = [
  [0.11111, 0.2, 0.3, -0.4, 0.5, 0.6, 0.7, -0.8],
  [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1],
  [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
]
W2 = [[1, -1.5, 0.5], [0.3, 0.2, 0.1], [-0.1, -0.2, -0.3]]
W3 = [[1, -1.5, 0.5], [0.3, 0.2, 0.1], [-0.1, -0.2, -0.3]]
[network]
inputs = "x"
targets = "t"
[[network.layers]]
weights = "W1"
activation = "tanh"
[[network.layers]]
weights = "W2"
activation = "sigmoid"
[[network.layers]]
weights = "W3"
activation = "sigmoid"
"""


def compile_log(text: str, folder: Path) -> str:
    assert TEX
    (folder / "page.tex").write_text(text, "utf-8")
    done = subprocess.run(
        [TEX, "-interaction=nonstopmode", "-no-shell-escape", "page.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace", timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    return (folder / "page.log").read_text("utf-8", errors="replace")


@needs_tex
@pytest.mark.parametrize("name", [*SHIPPED, *VARIANTS])
def test_latex_compiles_without_errors_or_overfull_boxes(name: str, tmp_path: Path) -> None:
    log = compile_log(page_of(name, "tex"), tmp_path)
    assert not re.findall(r"^!.*|^Overfull.*", log, re.M)


@needs_tex
@pytest.mark.parametrize("detail", ["full", "first"])
def test_a_wide_deep_net_breaks_its_lines(detail: str, tmp_path: Path) -> None:
    scenario = read(WIDE, "wide.toml", "wide")
    log = compile_log(pages.page(run.trace(scenario), "tex", detail), tmp_path)
    assert not re.findall(r"^!.*|^Overfull.*", log, re.M)


def test_words_of_a_scenario_cannot_become_markup() -> None:
    title = r"<script> $x$ \\input{a} | *b* [c](d) `e` _f_ # g"
    scenario = read(scenario_text(title=title), "t.toml", "t")
    t = run.trace(scenario)
    markdown, latex = pages.page(t, "md"), pages.page(t, "tex")
    assert markdown.startswith(r"# \<script\> \$x\$ \\input{a} \| \*b\* \[c\](d) \`e\` \_f\_ \# g")
    assert (
        r"\title{\textless{}script\textgreater{} \$x\$ \textbackslash{}input\{a\} \textbar{} "
        r"*b* [c](d) `e` \_f\_ \# g}"
    ) in latex


# ---- committed pages -------------------------------------------------------------------


@pytest.mark.parametrize("format", ["md", "tex"])
@pytest.mark.parametrize("name", SHIPPED)
def test_committed_pages_are_what_is_rendered_now(name: str, format: str) -> None:
    """Regenerate with `tracer render --all -o out`, and read the difference."""
    committed = (OUT / f"{name}.{format}").read_bytes()
    assert committed == page_of(name, format).encode()


@pytest.mark.parametrize("name", SHIPPED)
def test_committed_drawings_are_what_is_drawn_now(name: str) -> None:
    for file, text in drawings_of(name).items():
        assert (OUT / file).read_text("utf-8") == text, file


def drawings_of(name: str) -> dict[str, str]:
    return pages.drawings(trace_of(name, None), course_of(name, None))


@pytest.mark.parametrize("format", ["md", "tex", "svg"])
def test_python_renders_the_same_page_as_the_command_line(format: str) -> None:
    committed = (OUT / f"mazur.{format}").read_text("utf-8")
    assert committed == tracer.render(tracer.trace("mazur"), format)


def test_nothing_else_is_committed_beside_the_pages() -> None:
    expected = {f"{name}.{format}" for name in SHIPPED for format in ("md", "tex")}
    expected |= {file for name in SHIPPED for file in drawings_of(name)}
    assert expected == {path.name for path in OUT.iterdir()}


# ---- refusals --------------------------------------------------------------------------


def test_an_unknown_format_or_detail_is_refused_with_those_there_are() -> None:
    t = tracer.trace("thinkinfi")
    with pytest.raises(UsageError, match=r"no format 'mdd'; did you mean 'md'\?"):
        tracer.render(t, "mdd")
    with pytest.raises(UsageError, match="'auto', 'full', 'first', 'folded'"):
        tracer.render(t, "md", detail="some")


def test_a_page_nobody_would_read_is_refused_with_its_size() -> None:
    big = "[" + ", ".join("[" + ", ".join(["0.01"] * 60) + "]" for _ in range(20)) + "]"
    text = f"""
title = "big"
[givens.All]
x = [{", ".join(["0.5"] * 60)}]
t = [{", ".join(["1"] * 20)}]
W = {big}
eta = 1
[network]
inputs = "x"
targets = "t"
[[network.layers]]
weights = "W"
activation = "sigmoid"
"""
    with pytest.raises(TooLarge, match=r"a page of [\d,]+ steps is too long to read"):
        pages.page(run.trace(read(text, "big.toml", "big")), "md", "full")


def test_render_needs_no_sympy() -> None:
    code = (
        "import sys, tracer; t = tracer.trace('mazur'); tracer.render(t, 'md'); "
        "tracer.render(t, 'tex'); assert 'sympy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_verification_counts_what_stands_as_printed() -> None:
    found: Verification = tracer.verify("mazur")
    assert 34 == len(found.numbers)
    assert 9 == len(found.remarkable)


@needs_tex
def test_a_long_table_of_givens_is_split_into_columns(tmp_path: Path) -> None:
    """Sixty givens in one table would not fit a page."""
    names = [f"w{k}" for k in range(1, 61)]
    rows = [names[k : k + 20] for k in (0, 20, 40)]
    text = "\n".join((
        'title = "long"', "[givens.All]", "eta = 1", f"x = {[0.5] * 20}", "t = [1, 0, 1]",
        *(f"{name} = 0.{k:02}" for k, name in enumerate(names, 1)),
        "[network]", 'inputs = "x"', 'targets = "t"',
        "[[network.layers]]", f"weights = {rows}".replace("'", '"'), 'activation = "sigmoid"',
    ))  # fmt: skip
    page = pages.page(run.trace(read(text, "long.toml", "long")), "tex", "first")
    assert not re.findall(r"^!.*|^Overfull.*", compile_log(page, tmp_path), re.M)
