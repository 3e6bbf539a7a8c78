"""Formulas as a table, a list or lines: one sequence of assignments, names that are bound again."""

from __future__ import annotations

import math
import re

import pytest

import tracer
from tracer import run, scenario
from tracer.errors import ScenarioError
from tracer.parsing import parse
from tracer.printers import source
from tracer.statements import MAX_ASSIGNMENTS, MAX_MEMBERS, MAX_STEPS

TABLE = '[formulas]\nq = "x + y"\n"the square" = "q^2"\nf = "the_square*z"\n'
LIST = 'formulas = ["q = x + y", "the square = q^2", "f = the_square*z"]\n'
LINES = '''formulas = """
q = x + y             # a sum
   the square=q^2

# and a product
f = the_square*z
"""
'''
GIVENS = "[givens.all]\nx = -2\ny = 5\nz = -4\n"


def read(formulas: str, givens: str = GIVENS, top: str = "") -> scenario.Scenario:
    table = formulas.startswith("[")
    before, after = ("", formulas) if table else (formulas, "")
    return scenario.read(f'title = "c"\n{top}\n{before}\n{givens}\n{after}', "c.toml", "c")


def listed(*lines: str, givens: str = GIVENS, top: str = "") -> scenario.Scenario:
    quoted = ", ".join("'" + line + "'" for line in lines)
    return read(f"formulas = [{quoted}]\n", givens, top)


def refused(formulas: str, **more: str) -> str:
    with pytest.raises(ScenarioError) as wrong:
        read(formulas, **more)
    (line,) = wrong.value.problems
    return line.removeprefix("c.toml: ")


def formulas_of(s: scenario.Scenario) -> list[tuple[str, str]]:
    return [(a.name, source(a.parts[0])) for a in s.formulas.assignments]


# ---- three ways to write them ----------------------------------------------------------


@pytest.mark.parametrize("text", [TABLE, LIST, LINES], ids=["table", "list", "lines"])
def test_a_table_a_list_and_lines_are_one_sequence(text):
    s = read(text)
    assert [("q", "x + y"), ("the square", "q^2"), ("f", "the_square*z")] == formulas_of(s)
    assert ["q", "the square", "f"] == list(s.formulas)
    t = run.trace(s)
    assert (3.0, 9.0, -36.0) == (t["q"], t["the square"], t["f"])
    assert (-24.0, 9.0) == (t["df/dx"], t["df/dz"])


def test_the_author_reads_the_place_of_a_formula():
    assert ["formulas.q", "formulas.the square", "formulas.f"] == places(TABLE)
    assert ["formulas[0]", "formulas[1]", "formulas[2]"] == places(LIST)
    assert ["formulas: line 1", "formulas: line 2", "formulas: line 5"] == places(LINES)


def places(text: str) -> list[str]:
    return [a.place for a in read(text).formulas.assignments]


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("c + a", "c += a"), ("c - a", "c -= a"), ("c*a", "c *= a"), ("c/a", "c /= a"),
        ("c + (a + b)", "c += a + b"), ("c - (a - b)", "c -= a - b"), ("c*(a + b)", "c*=a + b"),
        ("c*(a*b)", "c *= a*b"), ("c/(a*b)", "c /= a*b"), ("c/(a/b)", "c /= a/b"),
        ("c - (-a)", "c -= -a"), ("c*(-a)", "c *= -a"), ("c + (c + 1)", "c += c + 1"),
        ("c - 2", "c −= 2"), ("c*2", "c ·= 2"), ("c*2", "c ×= 2"), ("c + a^2", "c += a**2"),
        ("a + b", "c=a+b"), ("-a", "c =-a"),
    ],
)  # fmt: skip
def test_an_assignment_is_read_as_python_reads_it(expected, text):
    s = listed("a = 2*x", "b = 3*y", "c = a*b", text, "f = a*b*c*z")
    assert ("c", expected) == formulas_of(s)[-2]
    assert parse(expected) == s.formulas.assignments[-2].parts[0]


def test_a_name_may_have_spaces_and_indices():
    s = listed("the sum = x + y", "the sum *= z", "h[t=1] = 2*the_sum", "L = h[t=1]^2")
    t = run.trace(s)
    assert (-12.0, -24.0, 576.0) == (t["the sum"], t["h[t=1]"], t["L"])
    assert 3.0 == t["the sum#1"]


@pytest.mark.parametrize(
    ("says", "formulas"),
    [
        ("formulas[1]: 'a ++ b': expected 'name = formula'", "formulas = ['q = x', 'a ++ b']\n"),
        ("formulas[0]: 'q == x': expected 'name = formula'", "formulas = ['q == x']\n"),
        (
            "formulas[0]: 'q :' cannot be a name: a letter (also Greek, or with a hat as ŷ), then "
            "letters, digits, _, ' and spaces",
            "formulas = ['q := x']\n",
        ),
        (
            "formulas[0]: 'q = y': unexpected '=' at character 3", "formulas = ['f = q = y']\n",
        ),
        (
            "formulas: line 3: 'x +': expected a number or a name, found the end at character 4",
            'formulas = """\nq = x\n\nf = x +\n"""\n',
        ),
        (
            "formulas.f: 'sqr(x)': no function 'sqr'; did you mean 'sqrt'? at character 1",
            '[formulas]\nf = "sqr(x)"\n',
        ),
        ("formulas[0]: made of itself", "formulas = ['q += x']\n"),
        (
            "formulas[0]: 'q' is not given; it comes later",
            "formulas = ['f = q', 'q = x', 'f *= q']\n",
        ),
        (
            "formulas[1]: the name 'x' is taken by givens.all.x; choose another",
            "formulas = ['q = x*y', 'x = q + z']\n",
        ),
        (
            "formulas[1]: in formulas e is Euler's number; choose another name",
            "formulas = ['q = x', 'e = q + y', 'f = q*y']\n",
        ),
        ("formulas[0]: 'xx' is not given; did you mean 'x'?", "formulas = ['q = xx + y + x']\n"),
        (
            "formulas: 'a_b' and 'a b' are the same name in formulas",
            '[formulas]\n"a b" = "x"\na_b = "y"\n',
        ),
        ("formulas[0]: expected a text, found 5", "formulas = [5]\n"),
        (
            "formulas: expected a table, a list like ['c = a + b'], or lines of a text, found 5",
            "formulas = 5\n",
        ),
        ("formulas[0]: 'n' stands for no number here", "formulas = ['q = x*n']\n"),
        ("formulas[0]: 'x_i' stands for no number here", "formulas = ['q = sum(x_i)']\n"),
        (
            "formulas[0]: made of no given, so that there is no derivative",
            "error = 'q'\nformulas = ['q = 1 + 2', 'f = x']\n",
        ),
        ("error: no formula 'g'", "error = 'g'\nformulas = ['q = x*y']\n"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(says, formulas):
    used = [name for name in "xyz" if re.search(rf"\b{name}\b", formulas)] or ["other"]
    numbers = "".join(f"{name} = 1\n" for name in used)
    found = refused(formulas, givens=f"[givens.all]\n{numbers}")
    assert says == found


def test_every_line_with_a_problem_is_told():
    with pytest.raises(ScenarioError) as wrong:
        read('formulas = """\na = $\nb = x\nc = sin\nd = 1 +\n"""\n')
    assert [
        "c.toml: formulas: line 1: '$': '$' is not allowed at character 1",
        "c.toml: formulas: line 4: '1 +': expected a number or a name, found the end at "
        "character 4",
    ] == list(wrong.value.problems)


def test_there_may_be_some_thousand_assignments_and_no_more():
    assert MAX_ASSIGNMENTS == len(listed("c = x*y*z", *["c += 1"] * 1999).formulas.bindings)
    for text in (
        "formulas = [" + "'c = x',\n" * 2001 + "]\n",
        'formulas = """\n' + "c = x\n" * 2001 + '"""\n',
    ):
        assert "formulas: 2,001 assignments; at most 2,000" == refused(text)


def test_so_many_gates_are_refused_before_they_are_made():
    text = "formulas = [" + ", ".join(f"'c{k} = {'+'.join(['x*y'] * 400)}'" for k in range(26))
    found = refused(f"{text}, 'f = z']\n", top='conventions.detail = "gates"')
    assert f"formulas: 20,775 steps; at most {MAX_STEPS:,}" == found
    assert 26 == len(read(f"{text}]\n", "[givens.all]\nx = 1\ny = 2\n").formulas)


# ---- bound again -----------------------------------------------------------------------


def test_a_name_that_is_bound_again_means_its_last_version():
    """By hand: c = 3, then 3·2 + 1 = 7, then 7² = 49; d reads the second."""
    t = run.trace(listed("c = x + y", "c = 2*c + 1", "d = c*z", "c = c^2", "f = c + d"))
    assert (3.0, 7.0, 49.0, -28.0, 21.0) == (t["c#1"], t["c#2"], t["c"], t["d"], t["f"])
    assert t["c"] == t["c#3"]
    assert "c#4" not in t
    # f = (2(x + y) + 1)² + (2(x + y) + 1)z; df/dx = 4·7 + 2·(-4) = 20
    assert (20.0, 7.0) == (t["df/dx"], t["df/dz"])
    assert (1.0, 14.0 + -4.0, 20.0) == (t["df/dc"], t["df/dc#2"], t["df/dc#1"])


def test_the_readme_of_micrograd():
    """It prints 24.7041, 138.8338 and 645.5773; the digits are those of plain Python here."""

    def g(a, b):
        c, d = a + b, a * b + b**3
        c += c + 1
        c += 1 + c + (-a)
        d += d * 2 + max(b + a, 0.0)
        d += 3 * d + max(b - a, 0.0)
        diff = c - d
        f = diff**2
        return f / 2.0 + 10.0 / f

    t = run.trace(tracer.load("micrograd_expression"))
    assert g(-4.0, 2.0) == pytest.approx(t["g"], rel=1e-15)
    for name, slope in {
        "a": (g(-4 + 1e-6, 2.0) - g(-4 - 1e-6, 2.0)) / 2e-6,
        "b": (g(-4.0, 2 + 1e-6) - g(-4.0, 2 - 1e-6)) / 2e-6,
    }.items():
        assert slope == pytest.approx(t[f"dg/d{name}"], rel=1e-7)
    assert (24.7041, 138.8338, 645.5773) == tuple(
        round(t[name], 4) for name in ("g", "dg/da", "dg/db")
    )


def test_versions_have_symbols_with_one_superscript():
    s = listed("c = x*y*z", "c *= c", top='symbols.c = "c\'"')
    t = run.trace(s)
    symbol = r"{c'}^{[1]}"
    page = tracer.render(t)
    assert f"c' = {symbol} \\cdot {symbol} = 40 \\times 40 = 1600" in page
    assert "^{[1]}^" not in page
    assert ("c#1", "c#1") == (t.record("c#1").name, t.record("c#1").symbol)


def test_a_published_number_may_be_that_of_an_earlier_version():
    text = 'formulas = ["c = x*y*z", "c += 1"]\n[published]\n"c#1" = 40\nc = 41\n"c#2" = 41\n'
    found = tracer.verify(scenario.read(f'title = "c"\n{text}{GIVENS}', "c.toml", "c"))
    assert ["c#1", "c", "c#2"] == [n.name for n in found.numbers]
    assert found.ok


# ---- vectors ---------------------------------------------------------------------------


def softmax(*z):
    total = sum(map(math.exp, z))
    return [math.exp(x) / total for x in z]


@pytest.mark.parametrize("detail", ["formulas", "gates"])
def test_a_softmax_has_a_step_a_member(detail):
    """L = -ln(p2): ∂L/∂z_k = p_k - [k = 2]."""
    givens = "[givens.all]\nz1 = 0.2\nz2 = -1.3\nz3 = 0.9\n"
    s = listed("p = softmax(z1, z2, z3)", "L = -ln(p2)", givens=givens,
               top=f'conventions.detail = "{detail}"')  # fmt: skip
    t = run.trace(s)
    p = softmax(0.2, -1.3, 0.9)
    assert p == pytest.approx([t[f"p{k}"] for k in (1, 2, 3)], rel=1e-14)
    expected = [p[0], p[1] - 1, p[2]]
    assert expected == pytest.approx([t[f"dL/dz{k}"] for k in (1, 2, 3)], rel=1e-12)


@pytest.mark.parametrize("detail", ["formulas", "gates"])
def test_a_vector_takes_any_expressions_and_its_members_are_numbers(detail):
    """log_softmax(a, b) = a - ln(e^a + e^b); p[1] is p1, also after it is bound again."""
    s = listed("p = log_softmax(x*y, 2 - z, 0)", "p1 += x", "f = p[1] + 2*p[2] + p3",
               givens="[givens.all]\nx = 0.7\ny = -0.4\nz = 1.6\n",
               top=f'conventions.detail = "{detail}"')  # fmt: skip
    t = run.trace(s)
    z = [0.7 * -0.4, 2 - 1.6, 0]
    log = [math.log(p) for p in softmax(*z)]
    assert log == pytest.approx([t["p1#1"], t["p2"], t["p3"]], rel=1e-13)
    assert log[0] + 0.7 + 2 * log[1] + log[2] == pytest.approx(t["f"], rel=1e-13)
    p = softmax(*z)
    inner = [1 - 4 * p[0], 2 - 4 * p[1]]  # Σ_k c_k (δ_kj - p_j) with Σ c = 4
    assert 1 + inner[0] * -0.4 == pytest.approx(t["df/dx"], rel=1e-12)
    assert -inner[1] == pytest.approx(t["df/dz"], rel=1e-12)


def test_the_members_of_a_name_that_ends_in_a_digit_are_set_apart():
    t = run.trace(listed("p1 = softmax(x, y)", "f = p1_1*p1_2*z"))
    assert softmax(-2, 5) == pytest.approx([t["p1_1"], t["p1_2"]], rel=1e-14)


def test_elements_of_givens_are_numbers_in_formulas():
    givens = "[givens.all]\nx = [1, 2, 3]\nW = [[0.5, -1], [2, 4]]\n"
    t = run.trace(listed("f = x[1]*W[1,2] + x[3]*W[2, 1]^2", givens=givens))
    assert (11.0, -1.0, 1.0, 12.0) == (t["f"], t["df/dx[1]"], t["df/dW[1,2]"], t["df/dW[2,1]"])
    assert "df/dx[2]" not in t


@pytest.mark.parametrize(
    ("says", "formulas"),
    [
        (
            "formulas[0]: '-ln(softmax(x, y))': no function 'softmax' at character 5; softmax "
            "makes a vector, and stands alone: p = softmax(z1, z2)",
            "formulas = ['L = -ln(softmax(x, y))']\n",
        ),
        (
            "formulas[0]: 'softmax(x, y)[1]': '[' is not allowed at character 14; softmax makes a "
            "vector, and stands alone: p = softmax(z1, z2)",
            "formulas = ['L = softmax(x, y)[1]']\n",
        ),
        ("formulas[1]: 'p' is a vector; its members are p1 and p2",
         "formulas = ['p = softmax(x, y)', 'L = p*x']\n"),
        ("formulas[0]: '': expected a number or a name, found the end at character 1",
         "formulas = ['p = softmax()', 'L = x*y']\n"),
        (
            "error: missing; formulas[0] makes a vector: state what to differentiate",
            "formulas = ['p = softmax(x, y)']\n",
        ),
        (f"formulas[0]: softmax of 101 numbers; at most {MAX_MEMBERS}",
         f"formulas = ['p = softmax({', '.join(['x*y'] * 101)})', 'L = p1']\n"),
        ("formulas[1]: the name 'p1' is taken by givens.all.p1; choose another",
         "formulas = ['q = x*y*p1', 'p = softmax(x, q)', 'L = p2']\n"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_vector_is_said(says, formulas):
    more = "p1 = 1\n" if "p1;" in says or "'p1'" in says else ""
    assert refused(formulas, givens=f"[givens.all]\nx = 1\ny = 2\n{more}").startswith(says)
