"""The formula language: what is read, what is refused, and how fast."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promptly import promptly

from tracer.errors import FormulaError
from tracer.expression import (
    FUNCTIONS,
    MANY,
    PICKS,
    Call,
    Each,
    Name,
    Neg,
    Num,
    Power,
    Product,
    Quotient,
    Sum,
    expand,
    names,
    rename,
)
from tracer.parsing import MAX_DEPTH, parse, parse_equation
from tracer.printers import source

a, b, c = Name("a"), Name("b"), Name("c")


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (Num("0.50"), "0.50"),
        (Num(".5"), ".5"),
        (Num("1e-3"), "1e-3"),
        (a, " a "),
        (Name("η"), "η"),
        (Sum((a, b, c), (False, True, False)), "a - b + c"),
        (Sum((a, Sum((b, c), (False, False))), (False, True)), "a - (b + c)"),
        (Product((a, b, c)), "a*b*c"),
        (Product((a, Product((b, c)))), "a*(b*c)"),
        (Product((Product((a, b)), c)), "(a*b)*c"),
        (Quotient(Quotient(a, b), c), "a/b/c"),
        (Product((Quotient(Product((a, b)), c), a)), "a*b/c*a"),
        (Power(a, Power(b, c)), "a^b^c"),
        (Power(a, b), "a**b"),
        (Neg(Power(a, Num("2"))), "-a^2"),
        (Power(Neg(a), Num("2")), "(-a)^2"),
        (Neg(Product((a, b))), "-a*b"),
        (Sum((Neg(a), b), (False, False)), "-a + b"),
        (Product((a, Neg(b))), "a*-b"),
        (Power(a, Neg(b)), "a^-b"),
        (Neg(Neg(a)), "--a"),
        (Call("max", (Num("0"), a)), "max(0, a)"),
        (Each("sum", Product((Name("w_i"), Name("x_i")))), "sum(w_i*x_i)"),
        (Name("W1[2,3]"), "W1[2 , 3]"),
        (Sum((Name("h[t=2]"), Name("x[1]")), (False, False)), "h[t=2] + x[1]"),
        (Name("δ[t=2,3]"), "δ[t=2,3]"),
        (Sum((a, b), (False, True)), "a − b"),
        (Product((a, b)), "a·b"),
        (Product((a, b)), "a×b"),
    ],
)
def test_a_text_is_read_as_written(tree, text):
    assert tree == parse(text)


def test_an_equation_is_a_name_and_an_expression():
    assert ("a", Quotient(Num("1"), b)) == parse_equation("a = 1/b")
    assert ("h[t=2]", Name("h[t=1]")) == parse_equation("h[t=2] = h[t=1]")


def test_names_come_in_the_order_they_are_written_and_without_e():
    assert ("z", "w", "b") == names(parse("e^(-z) + w*b + z"))


def test_a_repetition_is_written_out_into_the_sum_it_stands_in():
    assert parse("w_1*x_1 + w_2*x_2 + b") == expand(parse("sum(w_i*x_i) + b"), 2)
    assert parse("b + w_1*x_1 + w_2*x_2") == expand(parse("b + sum(w_i*x_i)"), 2)
    assert parse("b - (w_1 + w_2)") == expand(parse("b - sum(w_i)"), 2)
    assert parse("w_1*w_2*w_3") == expand(parse("prod(w_i)"), 3)
    assert parse("w_1") == expand(parse("sum(w_i)"), 1)


def test_n_is_the_size_of_the_group_inside_a_repetition_too():
    assert parse("(e_1 + e_2)/2") == expand(parse("sum(e_i)/n"), 2)
    assert parse("e_1/2 + e_2/2") == expand(parse("sum(e_i/n)"), 2)


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        ("a + b + c", "sum(a, b, c)"),
        ("a + (b - c) + a*b", "sum(a, b - c, a*b)"),
        ("a*(b + c)", "prod(a, b + c)"),
        ("(a + b)/2", "mean(a, b)"),
        ("(a + b + c)/3", "mean(a, b, c)"),
        ("1/(1 + e^(-a))", "sigmoid(a)"),
        ("1/(1 + e^(-(u + x_1)))", "sigmoid(u + x_1)"),
        ("max(0, a - b)", "relu(a - b)"),
        ("ln(1 + e^(2*a))", "softplus(2*a)"),
        ("a/(1 + e^(-a))", "silu(a)"),
        ("ln(3*a)", "log(3*a)"),
        ("1/(1 + e^(-max(0, a)))", "sigmoid(relu(a))"),
        ("sum(max(0, x_i))/n", "sum(relu(x_i))/n"),
    ],
)
def test_a_macro_stands_for_what_it_spells_out(spelled, text):
    assert parse(spelled) == parse(text)


def test_a_max_over_a_group_is_one_of_its_members():
    assert "max(x_1, x_2, x_3)" == source(expand(parse("max(x_i)"), 3))
    assert "min(2*x_1, 2*x_2)" == source(expand(parse("min(2*x_i)"), 2))
    assert "x_1" == source(expand(parse("max(x_i)"), 1))
    shifted = "e^(x_1 - max(x_1, x_2)) + e^(x_2 - max(x_1, x_2))"
    assert shifted == source(expand(parse("sum(e^(x_i - max(x_i)))"), 2))


def test_renaming_reaches_every_name_but_e():
    assert parse("e^2") == rename(parse("e^a"), lambda _: Num("2"))
    assert parse("2 + max(2, 2)/2^2") == rename(parse("a + max(b, c)/a^b"), lambda _: Num("2"))


# ---- round trip ------------------------------------------------------------------------

_NUMBERS = st.sampled_from(["0", "1", "2", "0.50", ".5", "3.", "12", "1e-3", "2E5"]).map(Num)
_NAMES = st.sampled_from(["a", "b", "w_1", "η", "e", "n", "Out_h1", "W1[2,3]", "h[t=2]"]).map(Name)


@st.composite
def called(draw, args):
    """A function of the language, of as many arguments as it takes."""
    function = draw(st.sampled_from(sorted(FUNCTIONS)))
    size = FUNCTIONS[function] + (draw(st.integers(0, 2)) if function in MANY else 0)
    if function not in PICKS:
        return Call(function, tuple(draw(args) for _ in range(size)))
    number = Num(str(draw(st.integers(1, size - 1))))
    return Call(function, (number, *(draw(args) for _ in range(size - 1))))


@st.composite
def trees(draw, depth=4):
    """Any expression the parser can give, but for repetitions (which must not nest)."""
    kind = draw(st.sampled_from([None, Neg, Sum, Product, Quotient, Power, Call]))
    if kind is None or not depth:
        return draw(_NUMBERS | _NAMES)
    several = st.lists(trees(depth - 1), min_size=2, max_size=3).map(tuple)
    if kind is Sum:
        terms = draw(several)
        return Sum(terms, (False, *(draw(st.booleans()) for _ in terms[1:])))
    if kind is Product:
        return Product(draw(several))
    if kind is Power:
        exponent = draw(st.sampled_from(["2", "-a", "b/2", "(1/2)", "a^b", "-0.5", "a+b"]))
        return Power(draw(trees(depth - 1)), parse(exponent))
    if kind is Call:
        return draw(called(trees(depth - 1)))
    return kind(*(draw(trees(depth - 1)) for _ in range(1 + (kind is Quotient))))


@given(trees())
def test_an_expression_written_out_is_read_back_as_itself(e):
    assert e == parse(source(e))


# ---- hostile texts ---------------------------------------------------------------------

HOSTILE = [
    "", " ", "\0", "a\0b", "a b", "2 a", "a.b", "a.__class__", "().__class__", "__import__('os')",
    "_a", "eval(a)", "exec(a)", "open(a)", "lambda x: x", "a if b else c", "[a]", "{a}", "a[b]",
    "a[]", "a[1", "a[1]b", "a[1,]", "a[,1]", "a[1][2]", "a[-1]", "a[t=]", "a[s=1]", "a[t=t]",
    "a[1.5]", "a['b']", "a [1]", "2[1]", "(a)[1]", "a[٣]",
    "'a'", '"a"', "a;b", "a:=b", "a=b", "a==b", "a<b", "a!", "a%b", "a//b", "a@b", "a&b", "a|b",
    "~a", "a,b", "a,", "(", ")", "()", "(a", "a)", "a+", "*a", "a*/b", "a^", "^a", "1..2", "1e",
    "0x10", "max(a)", "max()", "exp()", "exp(a,b)", "pi(1)", "picked(a, b, c)", "picked(0, b, c)",
    "picked(1.0, b, c)", "picked(3, b, c)", "sigmoid()", "mean()", "mean(a)", "sum()",
    "sum(max(w_i))", "sigmoid(2000)", "softplus(1e9)",
    "silu(" * 20 + "a" + ")" * 20, "sigmoid(" * 50 + "a" + ")" * 50,
    "silu(" * 9 + "a" + ")" * 9 + "+" + "silu(" * 9 + "b" + ")" * 9,
    "mean(" + "silu(silu(silu(silu(silu(a))))), " * 40 + "b)", "max(" * 300 + "a, b" + ")" * 300,
    "softplus(" * 30 + "a^1000" + ")" * 30,
    "exp(a,b)", "sigmod(a)", "sum(a)", "sum(sum(w_i))",
    "prod(sum(w_i*x_i))", "２+２", "٣", "еxp(a)", "a\u037eb", "ａ", "a\u200bb", "\u202ea", "𝑎",
    "a\ud800", "9^9^9", "9^9^9^9^9^9", "9^(9^9)", "x^1001", "x^-1e9", "x^(1000*1000)", "x^(1/1e-9)",
    "((x^1000)^1000)^1000", "((9^1000)^1000)^1000", "1e999999999", "1e-999999999", "1" * 500,
    "(" * 100_000, "(" * 100_000 + "a" + ")" * 100_000, "(" * 900 + "a" + ")" * 900,
    "-" * 1500 + "a", "a" + "/a" * 900, "a" + "^a" * 900,
    "exp(" * 400 + "a" + ")" * 400, "a" * 1_000_000,
    "a" * 1990 + "(", "a\n" * 100_000, "a" + "/a*a" * 400,
    "((((a" + "/a*a)" * 4 + "/a*a" * 200, "f" * 1900 + "(a)",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_is_refused_at_once_and_in_one_line(text):
    with promptly(), pytest.raises(FormulaError) as refused:
        parse(text)
    assert 1 == len(str(refused.value).splitlines())
    assert 300 > len(str(refused.value))


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        found = parse(text)
    except FormulaError:
        return
    assert found == parse(source(found))


@pytest.mark.parametrize(
    ("says", "text"),
    [
        ("'a + ?': '?' is not allowed at character 5", "a + ?"),
        ("no function 'sqr'; did you mean 'sqrt'? at character 5", "1 + sqr(a)"),
        ("expected ')', found 'the end' at character 6", "exp(a"),
        ("tanh takes 1 argument(s), not 2", "tanh(a, b)"),
        ("picked takes 3 or more argument(s), not 2", "picked(1, a)"),
        ("picked starts with the number of one of its other arguments", "picked(3, a, b)"),
        ("pi takes 0 argument(s), not 1", "pi(a)"),
        ("sigmoid takes 1 argument(s), not 2", "sigmoid(a, b)"),
        ("mean takes 2 or more argument(s), not 1", "mean(a)"),
        ("max over no group: write x_i for its members, or several values", "max(a)"),
        ("unexpected 'b' at character 3", "a b"),
        ("sum over no group: write x_i", "sum(a)"),
        ("sum around another repetition", "sum(x_i*prod(w_i))"),
        ("nested deeper than 60", "(" * 61 + "a" + ")" * 61),
    ],
)
def test_a_refusal_says_what_and_where(says, text):
    with pytest.raises(FormulaError) as refused:
        parse(text)
    assert says in str(refused.value)


def test_the_deepest_formula_allowed_can_be_printed_and_renamed():
    text = "a" + "/a" * (MAX_DEPTH - 1)
    e = parse(text)
    assert text == source(e)
    assert ("b",) == names(rename(e, lambda _: b))


@pytest.mark.parametrize(
    "text",
    ["= a", "a =", "a", "a + b = c", "2 = a", "a = b = c", "e(a) = b", "a[t = b", "a[t=b] = c"],
)
def test_an_equation_needs_one_name_on_the_left(text):
    with pytest.raises(FormulaError):
        parse_equation(text)
