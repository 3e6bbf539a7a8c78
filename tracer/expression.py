"""Expressions as a person wrote them, and the one parser that reads them.

The tree keeps the author's order, signs and brackets: `x*w + b` is not `b + w*x`.
The parser is a whitelist: numbers, names, + - * / ^, brackets and the functions of
`FUNCTIONS`. Nothing is ever executed; length, depth, numbers and exponents are bounded, so
that whatever is done to an expression later (sympy writes numbers out exactly) ends soon.

`sum(w_i*x_i)` and `prod(f_i)` repeat their body once per operand of a group; names that
end in `_i` are the group, `n` is its size. `expand` writes a repetition out.
`total(e)`, `average(e)` and `largest(x)` run over the samples of a batch: they lead from one
value a sample to one a batch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from tracer.errors import FormulaError, nearest

MAX_LENGTH = 2_000  # characters
MAX_DEPTH = 60  # levels of brackets, and of the tree: a/b/c has three
MAX_DIGITS = 400  # of a number written out: no float64 needs more
MAX_EXPONENT = 1_000
MAX_WRITTEN = 20_000  # leaves of the formula with its powers written out as products

#: Functions the language knows, with the number of their arguments.
FUNCTIONS = {"exp": 1, "ln": 1, "sqrt": 1, "tanh": 1, "max": 2, "step": 1, "reached": 2}
ROUND = "round"  # to some decimals: in no formula that a person writes, a scenario may state it
REPEATS = ("sum", "prod")
OVERS = ("total", "average", "largest")
EULER, SIZE = "e", "n"


@dataclass(frozen=True, slots=True)
class Num:
    text: str  # as written: 0.50 keeps its zero


@dataclass(frozen=True, slots=True)
class Name:
    text: str


@dataclass(frozen=True, slots=True)
class Neg:
    body: Expr


@dataclass(frozen=True, slots=True)
class Sum:
    terms: tuple[Expr, ...]
    minus: tuple[bool, ...]  # which terms are subtracted; the first never is


@dataclass(frozen=True, slots=True)
class Product:
    factors: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Quotient:
    top: Expr
    bottom: Expr


@dataclass(frozen=True, slots=True)
class Power:
    base: Expr
    exponent: Expr


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Each:
    """A body repeated for every operand of a group: `sum(w_i*x_i)`."""

    repeat: str  # "sum" or "prod"
    body: Expr


@dataclass(frozen=True, slots=True)
class Over:
    """A body over all samples of a batch: their total, average or largest."""

    how: str
    body: Expr


@dataclass(frozen=True, slots=True)
class Diff:
    """The derivative of `body` by `by`, not yet worked out: a line of a derivation."""

    body: Expr
    by: str


Expr = Num | Name | Neg | Sum | Product | Quotient | Power | Call | Each | Over | Diff

ZERO, ONE = Num("0"), Num("1")


def children(e: Expr) -> tuple[Expr, ...]:
    """The parts of an expression, in the order they are written."""
    match e:
        case Num() | Name():
            return ()
        case Neg(body) | Each(_, body) | Over(_, body) | Diff(body, _):
            return (body,)
        case Sum(parts, _) | Product(parts) | Call(_, parts):
            return parts
        case Quotient(a, b) | Power(a, b):
            return (a, b)


def rebuild(e: Expr, parts: tuple[Expr, ...]) -> Expr:
    """The same node over other parts; `parts` as many as `children(e)`."""
    match e:
        case Num() | Name():
            return e
        case Neg():
            return Neg(*parts)
        case Each(repeat, _):
            return Each(repeat, *parts)
        case Over(how, _):
            return Over(how, *parts)
        case Diff(_, by):
            return Diff(parts[0], by)
        case Sum(_, minus):
            return Sum(parts, minus)
        case Product():
            return Product(parts)
        case Call(function, _):
            return Call(function, parts)
        case Quotient():
            return Quotient(*parts)
        case Power():
            return Power(*parts)


def rename(e: Expr, leaf: Callable[[str], Expr]) -> Expr:
    """The expression with every name replaced by `leaf(name)`."""
    if isinstance(e, Name):
        return leaf(e.text)
    return rebuild(e, tuple(rename(part, leaf) for part in children(e)))


def _walk(e: Expr) -> Iterator[str]:
    if isinstance(e, Name):
        yield e.text
    if isinstance(e, Diff):
        yield e.by
    for part in children(e):
        yield from _walk(part)


def names(e: Expr) -> tuple[str, ...]:
    """The names of an expression in the order of their first appearance, without `e`."""
    return tuple(dict.fromkeys(name for name in _walk(e) if name != EULER))


def calls(e: Expr, function: str) -> bool:
    """Whether an expression calls a function."""
    own = isinstance(e, Call) and e.function == function
    return own or any(calls(part, function) for part in children(e))


def loose(e: Expr) -> tuple[str, ...]:
    """The names of an expression that stand outside of what runs over the samples."""
    if isinstance(e, Over):
        return ()
    if isinstance(e, Name):
        return names(e)
    return tuple(dict.fromkeys(name for part in children(e) for name in loose(part)))


def overs(e: Expr) -> Iterator[Over]:
    """The parts of an expression that run over the samples."""
    if isinstance(e, Over):
        yield e
    for part in children(e):
        yield from overs(part)


def inside(e: Expr) -> tuple[str, ...]:
    """The names of an expression that stand in what runs over the samples."""
    if isinstance(e, Over):
        return names(e)
    return tuple(dict.fromkeys(name for part in children(e) for name in inside(part)))


def group_of(name: str) -> str | None:
    """`w` for the group member `w_i`, None for any other name."""
    return name[:-2] if name.endswith("_i") else None


def expand(e: Expr, size: int) -> Expr:
    """The expression with repetitions written out: `w_1*x_1 + w_2*x_2 + b` for size 2."""
    if e == Name(SIZE):
        return Num(str(size))
    if isinstance(e, Each):
        body = expand(e.body, size)
        parts = tuple(_member(body, k) for k in range(1, size + 1))
        if size == 1:
            return parts[0]
        return Product(parts) if e.repeat == "prod" else Sum(parts, (False,) * size)
    parts = tuple(expand(part, size) for part in children(e))
    return _flatten(e, parts) if isinstance(e, Sum) else rebuild(e, parts)


@lru_cache(maxsize=1024)
def spread(e: Expr, samples: int) -> Expr:
    """The expression with what runs over the samples written out, a name a sample."""
    if not isinstance(e, Over):
        parts = tuple(spread(part, samples) for part in children(e))
        return e if parts == children(e) else rebuild(e, parts)
    each = tuple(
        rename(e.body, lambda s, k=k: Name(s if s == EULER else member(s, k)))  # type: ignore[misc]
        for k in range(samples)
    )
    if samples == 1:
        return each[0]
    return Call("max", each) if e.how == "largest" else Sum(each, (False,) * samples)


def member(name: str, sample: int) -> str:
    """What `spread` calls a name in one sample; no formula can hold such a name."""
    return f"{name}@{sample}"


def _member(body: Expr, k: int) -> Expr:
    return rename(body, lambda s: Name(f"{s[:-1]}{k}") if group_of(s) else Name(s))


def _flatten(e: Sum, parts: tuple[Expr, ...]) -> Expr:
    """A written-out repetition joins the sum it stands in: no brackets nobody wrote."""
    terms: list[Expr] = []
    minus: list[bool] = []
    for old, new, negative in zip(e.terms, parts, e.minus, strict=True):
        if isinstance(old, Each) and isinstance(new, Sum) and not negative:
            terms += new.terms
            minus += new.minus
        else:
            terms.append(new)
            minus.append(negative)
    return Sum(tuple(terms), tuple(minus))


# ---- parser ----------------------------------------------------------------------------

_TOKEN = re.compile(
    r"\s*(?:(?P<num>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-zΑ-ΡΣ-Ωα-ω][A-Za-z0-9_Α-ΡΣ-Ωα-ω]*)"  # between Ρ and Σ is no letter
    r"|(?P<op>\*\*|[-+*/^(),=]))"
)
_SAME = str.maketrans({"−": "-", "·": "*", "×": "*", "\u00a0": " "})


class _Parser:
    """Recursive descent over the tokens of one formula; `at` is the next token."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.at = 0
        self.depth = 0

    def fail(self, what: str) -> FormulaError:
        place = self.tokens[self.at][2] if self.at < len(self.tokens) else len(self.text)
        return FormulaError(f"{_short(self.text)}: {what} at character {place + 1}")

    def too_deep(self) -> FormulaError:
        return self.fail(f"nested deeper than {MAX_DEPTH}")

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def accept(self, *wanted: str) -> str:
        found = self.peek()
        if found in wanted and self.tokens[self.at][0] == "op":
            self.at += 1
            return found
        return ""

    def expect(self, wanted: str) -> None:
        if not self.accept(wanted):
            raise self.fail(f"expected {wanted!r}, found {_short(self.peek() or 'the end')}")

    def sum(self) -> Expr:
        terms, minus = [self.nested(self.product)], [False]
        while op := self.accept("+", "-"):
            terms.append(self.nested(self.product))
            minus.append(op == "-")
        found = terms[0] if len(terms) == 1 else Sum(tuple(terms), tuple(minus))
        if _levels(found) > MAX_DEPTH:
            raise self.too_deep()
        return found

    def product(self) -> Expr:
        if self.accept("-"):
            return Neg(self.nested(self.product))
        left, growing = self.power(), False  # growing: `left` is this very product
        while op := self.accept("*", "/"):
            right = self.signed()
            if op == "/":
                left, growing = Quotient(left, right), False
            elif growing and isinstance(left, Product):
                left = Product((*left.factors, right))
            else:
                left, growing = Product((left, right)), True
        return left

    def nested(self, read: Callable[[], Expr]) -> Expr:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.too_deep()
        found = read()
        self.depth -= 1
        return found

    def signed(self) -> Expr:
        if self.accept("-"):
            return Neg(self.nested(self.signed))
        return self.power()

    def power(self) -> Expr:
        base = self.atom()
        if self.accept("^", "**"):
            exponent = self.nested(self.signed)
            if not names(exponent) and not _number(exponent) <= MAX_EXPONENT:
                raise self.fail(f"an exponent is names, or one number up to {MAX_EXPONENT},")
            base = Power(base, exponent)
        return base

    def atom(self) -> Expr:
        if self.at >= len(self.tokens):
            raise self.fail("expected a number or a name, found the end")
        kind, text, _ = self.tokens[self.at]
        if kind == "op":
            if not self.accept("("):
                raise self.fail(f"expected a number or a name, found {text!r}")
            inner = self.sum()
            self.expect(")")
            return inner
        self.at += 1
        if kind == "num":
            if not _digits(text) <= MAX_DIGITS:
                raise self.fail(f"a number of more than {MAX_DIGITS} digits")
            return Num(text)
        return self.call(text) if self.peek() == "(" else Name(text)

    def call(self, function: str) -> Expr:
        wanted = 1 if function in (*REPEATS, *OVERS) else FUNCTIONS.get(function)
        if wanted is None:
            self.at -= 1
            known = (*FUNCTIONS, *REPEATS, *OVERS)
            raise self.fail(f"no function {_short(function)}{nearest(function, known)}")
        self.expect("(")
        args = [self.sum()]
        while self.accept(","):
            args.append(self.sum())
        self.expect(")")
        if len(args) != wanted:
            raise self.fail(f"{function} takes {wanted} argument(s), not {len(args)}")
        if function in OVERS:
            return self.over(function, args[0])
        return self.each(function, args[0]) if function in REPEATS else Call(function, tuple(args))

    def over(self, how: str, body: Expr) -> Expr:
        if _has(body, Over) or not names(body):
            raise self.fail(f"{how} of {'another' if names(body) else 'no value'}")
        return Over(how, body)

    def each(self, repeat: str, body: Expr) -> Expr:
        if _has(body, Each):
            raise self.fail(f"{repeat} around another repetition")
        if not any(map(group_of, names(body))):
            raise self.fail(f"{repeat} over no group: write x_i for its members")
        return Each(repeat, body)


def _short(text: str) -> str:
    """A text in quotes, shortened as it is shown: an invisible character takes up to ten."""
    shown = repr(text if len(text) <= 60 else text[:57] + "...")
    return shown if len(shown) <= 80 else f"{shown[:77]}...'"


def _number(e: Expr) -> float:
    """The size of a number with its sign, or of a fraction of two; infinite for any other."""
    match e:
        case Num(text):
            return float(text)
        case Neg(body):
            return _number(body)
        case Quotient(Num(_) as top, Num(bottom)) if float(bottom) >= 1:
            return _number(top)
    return math.inf


def _digits(number: str) -> float:
    """How many digits a number takes when it is written out."""
    mantissa, _, exponent = number.lower().partition("e")
    return len(mantissa) + abs(float(exponent or 0))


def _has(e: Expr, kind: type) -> bool:
    return isinstance(e, kind) or any(_has(part, kind) for part in children(e))


def _written(e: Expr) -> float:
    """How many leaves an expression has, its powers written out as products."""
    if isinstance(e, Power) and not names(e.exponent):
        return _written(e.base) * max(1, _number(e.exponent))
    return sum(map(_written, children(e))) or 1


def _levels(e: Expr) -> int:
    """How deep a tree is; without recursion, for one that may be too deep."""
    row, found = [e], 0
    while row:
        row, found = [part for e in row for part in children(e)], found + 1
    return found


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    text = text.translate(_SAME).rstrip()
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found or not found.lastgroup:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise FormulaError(f"{_short(text)}: {text[at]!r} is not allowed at character {at + 1}")
        yield found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)
        at = found.end()


@lru_cache(maxsize=1024)
def parse(text: str) -> Expr:
    """Read one expression.

    raises    FormulaError naming the place: unknown character or function, bad syntax, a
              repetition without a group or in another, more than one of the MAX_ allow
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"{_short(text)}: longer than {MAX_LENGTH} characters")
    parser = _Parser(text)
    found = parser.sum()
    if parser.at < len(parser.tokens):
        raise parser.fail(f"unexpected {_short(parser.peek())}")
    if _written(found) > MAX_WRITTEN:
        raise FormulaError(f"{_short(text)}: powers of more than {MAX_WRITTEN:,} factors")
    return found


def parse_equation(text: str) -> tuple[str, Expr]:
    """Read `a = 1/(1 + e^(-z))`: the name on the left and the expression on the right."""
    left, equals, right = text.partition("=")
    if not equals or not isinstance(name := parse(left), Name):
        raise FormulaError(f"{_short(text)}: expected 'name = formula'")
    return name.text, parse(right.strip())
