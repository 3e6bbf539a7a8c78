"""Derivations in index notation: how they are read and printed, that they are true, their pages."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from decimal import Decimal, localcontext
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tracer import run, scenario
from tracer.errors import FormulaError, RuleError, UsageError
from tracer.indexed import check as index_check
from tracer.indexed.check import DEEP_SIZES, SIZES, check, places
from tracer.indexed.derivation import EQUATIONS, Chain, Equation, Line
from tracer.indexed.notation import (
    Apply,
    Expr,
    Num,
    Partial,
    Plus,
    Power,
    Sigma,
    Times,
    Var,
    children,
    inline,
    latex,
    parse,
    text,
)
from tracer.indexed.page import index_page
from tracer.indexed.values import (
    FUNCTIONS,
    Dual,
    Key,
    Network,
    Place,
    forward,
    random_network,
    slope,
    value,
)

BY_NAME = {equation.name: equation for equation in EQUATIONS}
FORMULAS = [
    formula
    for equation in EQUATIONS
    for chain in equation.chains
    for formula in (chain.left, *(line.formula for line in chain.lines))
]


# ---- reading and printing --------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "tex"),
    [
        ("E", "E"),
        ("δ_k", r"\delta_{k}"),
        ("w_jk", "w_{jk}"),
        ("w_jk^(l+1)", "w_{jk}^{l+1}"),
        ("(z_j^l)^2", "(z_{j}^{l})^{2}"),
        ("z_j^2", "z_{j}^{2}"),
        ("N_(l+1)", "N_{l+1}"),
        ("g'_k(z_k)", "g_{k}'(z_{k})"),
        ("g'_(l+1)(z_k^(l+1))", "g_{l+1}'(z_{k}^{l+1})"),
        ("g_k(z_k)^2", "g_{k}(z_{k})^{2}"),
        ("1/2 · 2 · a_k", r"\frac{1}{2} \cdot 2 a_{k}"),
        ("a_k - t_k", "a_{k} - t_{k}"),
        ("a_k - (t_k - b_k)", "a_{k} - (t_{k} - b_{k})"),
        ("(a_k - t_k)^2", "(a_{k} - t_{k})^{2}"),
        ("(a_k - t_k) · δ_k", r"(a_{k} - t_{k}) \delta_{k}"),
        ("δ_k · (a_k - t_k)", r"\delta_{k} \cdot (a_{k} - t_{k})"),
        ("a_j · (b_j · w_jk)", r"a_{j} \cdot (b_{j} w_{jk})"),
        ("Σ_{k∈K} δ_k · w_jk", r"\sum_{k \in K} \delta_{k} w_{jk}"),
        ("Σ_{k∈K} (δ_k + b_k)", r"\sum_{k \in K} (\delta_{k} + b_{k})"),
        ("Σ_{k∈K} δ_k + b_j", r"\sum_{k \in K} \delta_{k} + b_{j}"),
        ("(Σ_{k∈K} δ_k) · a_i", r"\left(\sum_{k \in K} \delta_{k}\right) a_{i}"),
        ("a_i · Σ_{k∈N_(l+1)} δ_k", r"a_{i} \sum_{k \in N_{l+1}} \delta_{k}"),
        ("Σ_{j∈J} Σ_{k∈K} w_jk", r"\sum_{j \in J} \sum_{k \in K} w_{jk}"),
        ("∂E/∂w_jk", r"\frac{\partial E}{\partial w_{jk}}"),
        ("(∂E/∂w_jk)^2", r"\left(\frac{\partial E}{\partial w_{jk}}\right)^{2}"),
        (
            "∂z_k/∂a_j · ∂a_j/∂w_ij",
            r"\frac{\partial z_{k}}{\partial a_{j}} \cdot \frac{\partial a_{j}}{\partial w_{ij}}",
        ),
        ("∂/∂w_jk g_k(z_k)", r"\frac{\partial}{\partial w_{jk}} g_{k}(z_{k})"),
        ("∂/∂w_jk (a_j · w_jk)", r"\frac{\partial}{\partial w_{jk}} (a_{j} w_{jk})"),
        ("∂/∂w_jk (a_k - t_k)^2", r"\frac{\partial}{\partial w_{jk}} (a_{k} - t_{k})^{2}"),
        ("∂/∂b_k Σ_{m∈K} a_m", r"\frac{\partial}{\partial b_{k}} \sum_{m \in K} a_{m}"),
        (
            "(∂/∂a_j (a_j · w_jk)) · a_i",
            r"\left(\frac{\partial}{\partial a_{j}} (a_{j} w_{jk})\right) a_{i}",
        ),
    ],
)
def test_a_formula_is_read_and_printed_in_both_languages(printed: str, tex: str) -> None:
    assert printed == text(parse(printed))
    assert tex == latex(parse(printed))


def test_in_prose_a_fraction_has_a_slash() -> None:
    assert r"\partial E/\partial w_{jk}" == inline(parse("∂E/∂w_jk"))
    assert "1/2" == inline(parse("1/2"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("", "a number or a name at character 1"),
        ("a_k - ", "a number or a name at character 7"),
        ("a_k t_k", "the end at character 4"),
        ("(a_k - t_k", r"'\)' at character 11"),
        ("Σ_{k∈K δ_k", "'} ' at character 7"),
        ("∂E", "'/∂' at character 3"),
        ("∂/∂w_jk", "' ' at character 8"),
        ("a_k^(l + 1)", "the end at character 4"),
    ],
)
def test_what_is_no_formula_is_refused_with_the_place(wrong: str, message: str) -> None:
    with pytest.raises(FormulaError, match=f"expected {message}"):
        parse(wrong)


LAYERS = st.sampled_from(["", "l", "L", "l+1", "l-1"])
VARS = st.one_of(
    st.builds(Var, st.just("w"), st.sampled_from([("i", "j"), ("j", "k")]), LAYERS),
    st.builds(Var, st.sampled_from("azδb"), st.sampled_from([("j",), ("k",)]), LAYERS),
    st.just(Var("E")),
)
SETS = st.sampled_from([Var("K"), Var("N", ("l",)), Var("N", ("l+1",))])
FUNCTION = st.builds(Var, st.sampled_from(["g", "g'"]), st.sampled_from([("k",), ("l",), ("l+1",)]))


def grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    signs = several.flatmap(
        lambda terms: st.tuples(st.just(terms), st.tuples(*(st.booleans() for _ in terms[1:])))
    )
    return st.one_of(
        signs.map(lambda found: Plus(found[0], (False, *found[1]))),
        several.map(Times),
        st.builds(Power, inner, st.integers(0, 3)),
        st.builds(Apply, FUNCTION, inner),
        st.builds(Sigma, st.sampled_from("km"), SETS, inner),
        st.builds(Partial, inner, VARS),
    )


TREES = st.recursive(st.one_of(VARS, st.builds(Num, st.integers(0, 9), st.integers(1, 3))), grown)


@given(TREES)
def test_what_is_printed_reads_back_as_the_same_formula(e: Expr) -> None:
    assert e == parse(text(e))


@given(TREES)
def test_latex_has_nothing_that_markdown_takes_for_its_own(e: Expr) -> None:
    for printed in (latex(e), inline(e)):
        assert not re.search(r"\\[^A-Za-z]|[^\w]_|[*|<$`]", printed), printed
        assert printed.count("{") == printed.count("}")


# ---- numbers ---------------------------------------------------------------------------

NETWORK = random_network((3, 2, 4), 5, by_layer=False)
TWO_LAYERS = Place(NETWORK, {"I": 0, "J": 1, "K": 2}, {"i": (0, 2), "j": (1, 1), "k": (2, 3)})


def number(formula: str, place: Place = TWO_LAYERS) -> Decimal:
    return value(parse(formula), place)


def test_a_formula_by_hand() -> None:
    """One input 2, w = 3 and b = 1 give z = 7; g is the identity; then w = -1, b = 4, t = -5."""
    given = {
        Key("a", 0, (0,)): 2, Key("w", 1, (0, 0)): 3, Key("b", 1, (0,)): 1,
        Key("w", 2, (0, 0)): -1, Key("b", 2, (0,)): 4, Key("t", 2, (0,)): -5,
    }  # fmt: skip
    identity = dict.fromkeys([(1, 0), (2, 0)], lambda z: z)
    network = Network((1, 1, 1), {key: Decimal(v) for key, v in given.items()}, identity)
    place = Place(network, TWO_LAYERS.layers, {"i": (0, 0), "j": (1, 0), "k": (2, 0)})
    assert 7 == number("z_j", place)
    assert -3 == number("a_k", place)
    assert 2 == number("E", place)  # ½(-3 + 5)²
    assert 14 == number("∂E/∂w_jk", place)  # (a_k - t_k)·a_j = 2·7
    assert -4 == number("∂E/∂w_ij", place)  # 2·w_jk·a_i = 2·(-1)·2
    assert 98 == number("2 · Σ_{m∈J} z_m^2", place)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("at", ["-1.7", "0.4"])
def test_duals_differentiate_like_differences(name: str, at: str) -> None:
    """And twice: the derivative of the derivative, by the difference of derivatives."""
    g, z, h = FUNCTIONS[name], Decimal(at), Decimal("1e-15")

    def prime(z: Decimal | Dual) -> Decimal | Dual:
        return slope(g(Dual(z, Decimal(1))))

    with localcontext(prec=50):
        for f, exact in ((g, prime(z)), (prime, slope(prime(Dual(z, Decimal(1)))))):
            difference = (f(z + h) - f(z - h)) / (2 * h)
            assert abs(difference - exact) < Decimal("1e-25")


MOVABLE = ("w_ij", "w_jk", "b_j", "b_k", "a_i")


@pytest.mark.parametrize("of", ["E", "z_k", "a_k", "a_j"])
@pytest.mark.parametrize("by", MOVABLE)
def test_a_partial_derivative_is_the_limit_of_differences(of: str, by: str) -> None:
    key, h = TWO_LAYERS.key(Var(by[0], tuple(by[2:]))), Decimal("1e-15")

    def moved(by: Decimal) -> Decimal:
        given = {**NETWORK.given, key: NETWORK.given[key] + by}
        network = Network(NETWORK.sizes, given, NETWORK.functions)
        return number(of, Place(network, TWO_LAYERS.layers, TWO_LAYERS.units))

    with localcontext(prec=50):
        difference = (moved(h) - moved(-h)) / (2 * h)
        assert abs(difference - number(f"∂{of}/∂{by}")) < Decimal("1e-25")


def test_an_intermediate_value_is_moved_alone() -> None:
    """∂z_k/∂a_j is w_jk, whatever a_j was computed from, and ∂a_m/∂a_j is 0."""
    assert number("w_jk") == number("∂z_k/∂a_j")
    assert 1 == number("∂a_j/∂a_j")
    assert number("∂/∂a_j (Σ_{m∈J} a_m)") == 1
    assert 0 == number("∂z_j/∂a_j")


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("a_m", "nothing is called m"),
        ("t_j", "nothing is called"),
        ("w_ik", "indices of other layers"),
        ("w_kj", "indices of other layers"),
        ("a_jk", "indices of other layers"),
        ("a_j^l", "a unit of another layer"),
        ("Σ_{k∈K} a_k", "a sum over k, which already stands for a unit"),
        ("Σ_{m∈N_(l+1)} a_m", "nothing is called l"),
        ("∂/∂w_ij ∂E/∂w_jk", "a derivative of a derivative"),
        ("∂/∂w_ij δ_k", "a derivative of a derivative"),
        ("∂E/∂δ_k", "nothing is called"),
        ("f_k(z_k)", "no activation function"),
    ],
)
def test_a_formula_that_means_nothing_is_refused(formula: str, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        number(formula)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("z_j", "another layer"),
        ("z_j^(l+1)", "another layer"),
        ("Σ_{k∈N_(l+2)} z_k^(l+2)", "no layer"),
    ],
)
def test_a_layer_that_does_not_fit_is_refused(formula: str, message: str) -> None:
    place = Place(NETWORK, {"l": 1, "L": 2}, {"j": (1, 0)})
    with pytest.raises(RuleError, match=message):
        number(formula, place)


# ---- truth -----------------------------------------------------------------------------


def test_every_line_of_the_derivation_is_true() -> None:
    check()


def test_all_equations_of_the_tutorial_are_there_and_then_the_recursion() -> None:
    numbered = [e.name for e in EQUATIONS if e.name.startswith("Equation")]
    assert [f"Equation {k}" for k in range(1, 17)] == numbered


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_of_the_derivation_stands_as_a_terminal_shows_it(formula: str) -> None:
    assert formula == text(parse(formula))


def test_every_equation_is_checked_for_every_unit() -> None:
    """On 3-2-4 units ∂E/∂w_jk has 8 places; δ_j^l on 2-2-3-1-2 with l < L has 2 + 3 + 1."""
    shallow = random_network((3, 2, 4), 0, by_layer=False)
    deep = random_network((2, 2, 3, 1, 2), 0, by_layer=True)
    equation, recursion = BY_NAME["Equation 2"], BY_NAME["Equation 13"]
    assert 8 == len(list(places(equation, equation.chains[0], shallow)))
    assert 6 == len(list(places(recursion, recursion.chains[0], deep)))
    for equation in EQUATIONS:
        sizes, by_layer = (DEEP_SIZES, True) if equation.deep else (SIZES, False)
        for chain in equation.chains:
            networks = (random_network(s, 0, by_layer=by_layer) for s in sizes)
            assert all(any(places(equation, chain, network)) for network in networks)


def claims(reason: str) -> list[str]:
    """The equalities a reason states: `a_k = g_k(z_k)`, but not the choice of an index, `m = k`."""
    found = re.findall("`([^`]+ = [^`]+)`", reason)
    return [claim for claim in found if not re.match("[mkl] = ", claim)]


def test_every_equality_in_a_reason_is_true() -> None:
    stated = 0
    for equation in EQUATIONS:
        size = (2, 2, 3, 1, 2) if equation.deep else (3, 2, 4)
        network = random_network(size, 1, by_layer=equation.deep)
        for chain in equation.chains:
            for claim in (c for line in chain.lines for c in claims(line.reason)):
                left, right = claim.split(" = ")
                wanted = Equation("", (Chain(left, ()),), equation.deep, equation.until)
                for place in places(wanted, wanted.chains[0], network):
                    assert abs(number(left, place) - number(right, place)) < Decimal("1e-40")
                    stated += 1
    assert stated >= 30


# ---- falsehood -------------------------------------------------------------------------


def falsified(name: str, chain: int, line: int, formula: str) -> tuple[Equation, ...]:
    """The equations with one line replaced."""
    equation = BY_NAME[name]
    old = equation.chains[chain]
    lines = list(old.lines)
    lines[line - 1] = lines[line - 1]._replace(formula=formula)
    chains = list(equation.chains)
    chains[chain] = old._replace(lines=tuple(lines))
    changed = equation._replace(chains=tuple(chains))
    return tuple(changed if e.name == name else e for e in EQUATIONS)


@pytest.mark.parametrize(
    ("name", "chain", "line", "formula"),
    [
        ("Forward pass", 0, 1, "b_j + Σ_{i∈I} a_i"),
        ("Equation 1", 0, 1, "Σ_{k∈K} (a_k - t_k)^2"),
        ("Equation 2", 0, 3, "1/2 · ∂/∂w_jk (a_k + t_k)^2"),
        ("Equation 2", 0, 5, "(t_k - a_k) · ∂/∂w_jk (a_k - t_k)"),
        ("Equation 3", 0, 3, "(a_k - t_k) · g_k(z_k) · ∂z_k/∂w_jk"),
        ("Equation 4", 0, 3, "(a_k - t_k) · g'_k(z_k)"),
        ("Equation 5", 0, 3, "(a_k - t_k) · g'_k(a_k)"),
        ("Equation 6", 0, 1, "δ_k · z_j"),
        ("Equation 7", 0, 3, "1/2 · Σ_{k∈K} (a_k - t_k) · ∂/∂w_ij (a_k - t_k)"),
        ("Equation 9", 0, 9, "w_jk · g'_j(z_j) · a_j"),
        ("Equation 10", 0, 2, "g'_j(z_j) · a_i · Σ_{k∈K} (a_k - t_k) · g'_k(z_k)"),
        ("Equation 11", 0, 2, "Σ_{k∈K} δ_k · w_jk"),
        ("Equation 11", 1, 2, "δ_j · a_j"),
        ("Equation 12", 0, 4, "(a_j^L - t_j) · g'_(L-1)(z_j^L)"),
        ("Equation 13", 0, 6, "g'_l(z_j^l) · Σ_{k∈N_(l+1)} δ_k^l · w_jk^(l+1)"),
        ("Equation 14", 0, 3, "δ_j^l · a_i^l"),
        ("Equation 15", 0, 2, "δ_j^(l+1)"),
        # the slips of the tutorial
        ("Equation 2", 0, 1, "1/2 · Σ_{m∈K} (a_m - t_m)^2"),
        ("Equation 2", 0, 1, "∂/∂w_jk (1/2 · Σ_{k∈K} (a_k - t_k)^2)"),
        ("Equation 7", 0, 1, "1/2 · Σ_{k∈K} (a_k - t_k)^2"),
        ("Equation 8", 0, 3, "b_k + Σ_{i∈I} g_j(b_j + Σ_{i∈I} a_i · w_ij) · w_jk"),
        ("Equation 8", 0, 3, "b_k + Σ_{j∈J} g_j(b_i + Σ_{i∈I} a_i · w_ij) · w_jk"),
        ("Equation 8", 0, 3, "b_k + Σ_{j∈J} g_j(b_j + Σ_{i∈I} z_i · w_ij) · w_jk"),
        ("Equation 9", 0, 8, "w_jk · g'_j(z_j) · ∂/∂w_ij (b_i + Σ_{m∈I} a_m · w_mj)"),
        # true by its derivative alone
        ("Equation 9", 0, 8, "w_jk · g'_j(z_j) · ∂/∂w_ij (b_k + Σ_{m∈I} a_m · w_mj)"),
        ("Equation 4", 0, 1, "(a_k - t_k) · g'_k(z_k) · ∂/∂w_jk Σ_{m∈J} a_m · w_mk"),
    ],
)
def test_a_false_line_is_refused_by_its_number(
    name: str, chain: int, line: int, formula: str
) -> None:
    with pytest.raises(RuleError, match=f"^{name}, line {line}: "):
        check(falsified(name, chain, line, formula))


def mutants(e: Expr) -> Iterator[Expr]:
    """The expression with one slip: a factor or term dropped, a sign, an index, a prime wrong."""
    yield from _slips(e)
    parts = children(e)
    for k, part in enumerate(parts):
        for changed in mutants(part):
            yield _rebuilt(e, (*parts[:k], changed, *parts[k + 1 :]))


def _slips(e: Expr) -> Iterator[Expr]:
    match e:
        case Num(top, bottom):
            yield Num(top + 1, bottom)
        case Var(base, below, layer):
            for k, index in enumerate(below):
                others = "ijkm" if len(index) == 1 else ("l",)
                yield from (Var(base, (*below[:k], o, *below[k + 1 :]), layer) for o in others)
            if layer:
                yield from (Var(base, below, other) for other in ("l", "l+1", "L"))
            swapped = {"g": "g'", "g'": "g", "a": "z", "z": "a"}.get(base, base)
            yield Var(swapped, below, layer)
        case Plus(terms, minus):
            yield from terms
            for k in range(1, len(terms)):
                yield Plus(terms, (*minus[:k], not minus[k], *minus[k + 1 :]))
        case Times(factors):
            for k in range(len(factors)):
                rest = (*factors[:k], *factors[k + 1 :])
                yield rest[0] if len(rest) == 1 else Times(rest)
        case Power(base, exponent):
            yield from (base, Power(base, exponent + 1))
        case Apply(_, argument):
            yield argument
        case Partial(body, _):
            yield body
        case Sigma(index, over, body):
            yield body
            yield from (Sigma(index, Var(other), body) for other in "IJK" if over != Var(other))


def _rebuilt(e: Expr, parts: tuple[Expr, ...]) -> Expr:
    match e:
        case Apply():
            return Apply(Var("z") if not isinstance(parts[0], Var) else parts[0], parts[1])
        case Plus(_, minus):
            return Plus(parts, minus)
        case Times():
            return Times(parts)
        case Power(_, exponent):
            return Power(parts[0], exponent)
        case Sigma(index, over, _):
            return Sigma(index, over, parts[0])
        case Partial(_, by):
            return Partial(parts[0], parts[1] if isinstance(parts[1], Var) else by)
    raise AssertionError(e)


#: Other true lines, not slips: t_k left out early, a factor 1; ∂a_m/∂w_ij is 0 but for m = j.
ALSO_TRUE = {
    ("Equation 2", "1/2 · 2 · (a_k - t_k) · ∂a_k/∂w_jk"),
    ("Equation 2", "(a_k - t_k) · ∂a_k/∂w_jk"),
    ("Equation 7", "1/2 · Σ_{k∈K} 2 · (a_k - t_k) · ∂a_k/∂w_ij"),
    ("Bias of an output", "(a_k - t_k) · g'_k(z_k)"),
    ("Bias of a hidden unit", "δ_j"),
    ("Equation 9", "Σ_{m∈J} ∂z_k/∂a_j · ∂a_m/∂w_ij"),
    ("Equation 15", "∂E/∂z_j^l"),
}


def _refused(equation: Equation, chain: Chain, line: int, formula: str) -> bool:
    """Whether the check refuses a line with its formula replaced, after what stands before it."""
    earlier = EQUATIONS[: EQUATIONS.index(equation)]
    before = [e for e in earlier if chain.left in (c.left for c in e.chains)]
    lines = (*chain.lines[:line], Line(formula, ""))
    try:
        check([*before, equation._replace(chains=(chain._replace(lines=lines),))])
    except RuleError:
        return True
    return False


@pytest.mark.parametrize("equation", EQUATIONS, ids=lambda e: e.name)
def test_every_slip_in_any_line_is_refused(
    equation: Equation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one network alone, to save time; of the deep ones by the deepest."""
    monkeypatch.setattr(index_check, "SIZES", SIZES[:1])
    monkeypatch.setattr(index_check, "DEEP_SIZES", DEEP_SIZES[-1:])
    tried, passed = 0, set()
    for chain in equation.chains:
        for number, line in enumerate(chain.lines):
            assert not _refused(equation, chain, number, line.formula)
            for formula in {text(m) for m in mutants(parse(line.formula))} - {line.formula}:
                tried += 1
                if not _refused(equation, chain, number, formula):
                    passed.add((equation.name, formula))
    assert tried >= 5
    assert {known for known in ALSO_TRUE if known[0] == equation.name} == passed


# ---- the engine's gradients ------------------------------------------------------------


def network_and_trace(sizes: tuple[int, ...], activations: list[str], seed: int):
    """The same network twice: for formulas, and traced by the engine from a scenario's text."""
    r, last = random.Random(seed), len(sizes) - 1
    keys = {Key("a", 0, (i,)): f"x[{i + 1}]" for i in range(sizes[0])}
    keys |= {Key("t", last, (k,)): f"t[{k + 1}]" for k in range(sizes[-1])}
    lines = []
    for n, (before, here) in enumerate(pairwise(sizes), 1):
        units, inputs = range(here), range(before)
        keys |= {Key("b", n, (j,)): f"b{n}[{j + 1}]" for j in units}
        keys |= {Key("w", n, (i, j)): f"W{n}[{i + 1},{j + 1}]" for i in inputs for j in units}
        lines += [
            "[[network.layers]]", f'weights = "W{n}"', 'rows = "inputs"', f'bias = "b{n}"',
            f'activation = "{activations[n - 1]}"',
        ]  # fmt: skip
    given = {key: round(r.uniform(-1.5, 1.5), 3) for key in keys}
    head = ['title = "indices"', "[givens.all]", "eta = 0.1"]
    head += [f"x = {[given[Key('a', 0, (i,))] for i in range(sizes[0])]}"]
    head += [f"t = {[given[Key('t', last, (k,))] for k in range(sizes[-1])]}"]
    for n, (before, here) in enumerate(pairwise(sizes), 1):
        rows = [[given[Key("w", n, (i, j))] for j in range(here)] for i in range(before)]
        head += [f"W{n} = {rows}", f"b{n} = {[given[Key('b', n, (j,))] for j in range(here)]}"]
    head += ["[network]", 'inputs = "x"', 'targets = "t"']
    toml = "\n".join([*head, *lines])
    functions = {
        (n, j): FUNCTIONS[activations[n - 1]] for n in range(1, last + 1) for j in range(sizes[n])
    }
    network = Network(sizes, {key: Decimal(v) for key, v in given.items()}, functions)
    return network, keys, run.trace(scenario.read(toml, "indices.toml", "indices"))


def assert_gradients(name: str, base: str, network: Network, keys: dict[Key, str], t) -> int:
    """Every line of an equation for ∂E/∂w or ∂E/∂b against the engine's number."""
    equation = BY_NAME[name]
    chain = equation.chains[-1]
    by = parse(chain.left).by
    compared = 0
    for place in places(equation, chain, network):
        parameter = keys[place.key(by)]
        assert parameter.startswith(base)
        for line in chain.lines:
            ours = float(number(line.formula, place))
            assert t[f"dE/d{parameter}"] == pytest.approx(ours, rel=1e-9, abs=1e-15), line
        compared += 1
    return compared


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_equations_give_the_gradients_of_the_engine(sizes: tuple[int, ...], seed: int) -> None:
    network, keys, t = network_and_trace(sizes, ["tanh", "sigmoid"], seed)
    assert t["E"] == pytest.approx(float(forward(network)[Key("E")]), rel=1e-12)
    inputs, hidden, outputs = sizes
    assert hidden * outputs == assert_gradients("Equation 4", "W2", network, keys, t)
    assert hidden * outputs == assert_gradients("Equation 6", "W2", network, keys, t)
    assert outputs == assert_gradients("Bias of an output", "b2", network, keys, t)
    assert inputs * hidden == assert_gradients("Equation 10", "W1", network, keys, t)
    assert inputs * hidden == assert_gradients("Equation 11", "W1", network, keys, t)
    assert hidden == assert_gradients("Bias of a hidden unit", "b1", network, keys, t)


@pytest.mark.parametrize("sizes", DEEP_SIZES, ids=str)
def test_the_recursion_gives_the_gradients_of_the_engine(sizes: tuple[int, ...]) -> None:
    activations = ["sigmoid", "tanh", "sigmoid", "tanh"][: len(sizes) - 1]
    network, keys, t = network_and_trace(sizes, activations, 7)
    weights = sum(before * here for before, here in pairwise(sizes))
    assert weights == assert_gradients("Equation 14", "W", network, keys, t)
    assert sum(sizes[1:]) == assert_gradients("Equation 15", "b", network, keys, t)


# ---- pages -----------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["md", "tex", "txt"])
def test_every_equation_stands_once_on_every_page(format: str) -> None:
    page = index_page(format)
    marks = {"md": "\n| | {} | |\n", "tex": r"\textbf{{{}}}", "txt": "\n\n{}\n\n"}
    for equation in EQUATIONS:
        assert 1 == page.count(marks[format].format(equation.name)), equation.name


@pytest.mark.parametrize("format", ["md", "tex", "txt"])
def test_every_line_and_reason_stands_on_every_page(format: str) -> None:
    shown = text if format == "txt" else latex
    page = " ".join(index_page(format).split())
    for equation in EQUATIONS:
        for line in (line for chain in equation.chains for line in chain.lines):
            assert f"= {shown(parse(line.formula))} " in page.replace("$", " ")
            words = re.split("`[^`]+`", line.reason)
            if format != "txt":
                assert all(word.strip() in page for word in words), line.reason


def test_a_page_for_a_terminal_fits_100_columns_and_has_no_marks() -> None:
    page = index_page("txt")
    assert max(map(len, page.splitlines())) <= 100
    assert not re.search(r"[`$\\]| $", page, re.M)


def test_markdown_is_tables_headings_and_paragraphs_without_stray_emphasis() -> None:
    html = MarkdownIt("commonmark").enable("table").render(index_page("md"))
    assert len(EQUATIONS) + 1 == html.count("<table>")
    assert not re.search("<(em|strong|code|a|ul|pre|h1)[ >]", html)
    assert 6 == html.count("<h2>")
    for cell in re.findall("<t[dh].*?>(.*?)</t[dh]>", html):
        assert cell.count("$") % 2 == 0, cell


def test_the_level_of_the_headings_can_be_chosen() -> None:
    assert "\n### Any number of layers\n" in index_page("md", 3)
    assert "\n## " not in index_page("md", 3)
    assert "\\subsection{Any number of layers}\n" in index_page("tex", level=3)


def test_another_format_or_level_is_refused() -> None:
    with pytest.raises(UsageError, match="no format 'latex'; did you mean 'tex'"):
        index_page("latex")
    with pytest.raises(UsageError, match="level=0: expected 1 to 4"):
        index_page("md", 0)


DOCUMENT = r"""
\documentclass[11pt,a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern}
\usepackage[margin=2.5cm]{geometry}
\usepackage{amsmath}
\usepackage{array}
\usepackage{longtable}
\begin{document}
%s
\end{document}
"""


@pytest.mark.skipif(
    not shutil.which("pdflatex"), reason="pdflatex is not installed: CI compiles the LaTeX"
)
def test_the_latex_compiles_and_every_formula_fits_its_column(tmp_path: Path) -> None:
    (tmp_path / "page.tex").write_text(DOCUMENT % index_page("tex"), "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    for _ in range(2):  # longtable needs a second run
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    log = (tmp_path / "page.log").read_text("utf-8", errors="replace")
    assert not re.search(r"Overfull|LaTeX Warning|Missing character", log), log
