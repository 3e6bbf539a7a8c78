"""The one parser of formulas.

It is a whitelist: numbers, names, + - * / ^, brackets and the functions of `FUNCTIONS`. Nothing
is ever executed; length, depth, numbers and exponents are bounded, so that whatever is done to
an expression later (sympy writes numbers out exactly) ends soon.

A name may have indices: `W1[2,3]`, `h[t=2]`. What `MACROS` spell out nobody else has to know.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from tracer.errors import FormulaError, nearest
from tracer.expression import (
    CHOICES,
    FUNCTIONS,
    MANY,
    OVERS,
    PICKS,
    REPEATS,
    Call,
    Each,
    Expr,
    Name,
    Neg,
    Num,
    Over,
    Power,
    Product,
    Quotient,
    Sum,
    children,
    expand,
    group_of,
    leaves,
    names,
    parts,
    rename,
)

MAX_LENGTH = 2_000  # characters
MAX_DEPTH = 60  # levels of brackets, and of the tree: a/b/c has three
MAX_DIGITS = 400  # of a number written out: no float64 needs more
MAX_EXPONENT = 1_000
MAX_WRITTEN = 20_000  # leaves of the formula with its powers written out as products
MAX_LEAVES = MAX_LENGTH // 2  # numbers and names; what macros spell out is no longer either

#: What functions of any number of arguments `x_i`, or of one `u`, stand for.
MACROS = {
    "sum": "sum(x_i)",
    "prod": "prod(x_i)",
    "mean": "sum(x_i)/n",
    "log": "ln(u)",
    "sigmoid": "1/(1 + e^(-u))",
    "relu": "max(0, u)",
    "softplus": "ln(1 + e^u)",
    "silu": "u/(1 + e^(-u))",
}

_INDEX = "(?:t=)?[0-9]+"
_TOKEN = re.compile(
    r"\s*(?:(?P<num>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-zΑ-ΡΣ-Ωα-ω][A-Za-z0-9_Α-ΡΣ-Ωα-ω]*"  # between Ρ and Σ is no letter
    rf"(?:\[{_INDEX}(?: *, *{_INDEX})*\])?)"
    r"|(?P<op>\*\*|[-+*/^(),=]))"
)
_EXPONENT = f"an exponent is names, or one number up to {MAX_EXPONENT},"
_SAME = str.maketrans({"−": "-", "·": "*", "×": "*", "\u00a0": " "})


class _Parser:
    """Recursive descent over the tokens of one formula; `at` is the next token."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.at = 0
        self.depth = 0
        self.spelled = 0  # leaves of what macros stand for

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
            if not _bounded(exponent):
                raise self.fail(_EXPONENT)
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
        known = (*FUNCTIONS, *REPEATS, *OVERS, *MACROS)
        if function not in known:
            self.at -= 1
            raise self.fail(f"no function {_short(function)}{nearest(function, known)}")
        args = self.arguments()
        if function in OVERS and len(args) == 1:
            return self.over(function, args[0])
        if function in REPEATS and len(args) == 1:
            return self.each(function, args[0])
        if function in MACROS:
            return self.spelled_out(function, args)
        least = FUNCTIONS.get(function, 1)
        if len(args) != least and not (function in MANY and len(args) > least):
            wanted = f"{least} or more" if function in MANY else least
            raise self.fail(f"{function} takes {wanted} argument(s), not {len(args)}")
        if function in PICKS and args[0] not in [*map(Num, map(str, range(1, len(args))))]:
            raise self.fail(f"{function} starts with the number of one of its other arguments,")
        return Call(function, args)

    def arguments(self) -> tuple[Expr, ...]:
        self.expect("(")
        if self.accept(")"):
            return ()
        args = [self.sum()]
        while self.accept(","):
            args.append(self.sum())
        self.expect(")")
        return tuple(args)

    def spelled_out(self, macro: str, args: tuple[Expr, ...]) -> Expr:
        """What a macro stands for, with its arguments put in."""
        body = parse(MACROS[macro])
        least, most = (2, MAX_LENGTH) if _has(body, Each) else (1, 1)
        if not least <= len(args) <= most:
            wanted = "2 or more" if most > 1 else 1
            raise self.fail(f"{macro} takes {wanted} argument(s), not {len(args)}")
        formals = {f"x_{k}": arg for k, arg in enumerate(args, 1)} | {"u": args[0]}
        found = rename(expand(body, len(args)), lambda name: formals.get(name, Name(name)))
        self.spelled += leaves(found)
        if self.spelled > MAX_LEAVES:
            raise self.fail(
                f"more than {MAX_LEAVES:,} numbers and names when {macro} is spelled out"
            )
        if not all(_bounded(part.exponent) for part in parts(found) if isinstance(part, Power)):
            raise self.fail(_EXPONENT)
        return found

    def over(self, how: str, body: Expr) -> Expr:
        if _has(body, Over) or not names(body):
            raise self.fail(f"{how} of {'another' if names(body) else 'no value'}")
        return Over(how, body)

    def each(self, repeat: str, body: Expr) -> Expr:
        inner = [part for part in parts(body) if isinstance(part, Each)]
        if any(part.repeat not in CHOICES for part in inner):
            raise self.fail(f"{repeat} around another repetition")
        if not _members(body):
            raise self.fail(f"{repeat} over no group: write x_i for its members, or several values")
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
    return any(isinstance(part, kind) for part in parts(e))


def _members(e: Expr) -> tuple[str, ...]:
    """The members of groups that stand in no repetition; a max of all of them may."""
    if isinstance(e, Each):
        return ()
    own = (e.text,) if isinstance(e, Name) and group_of(e.text) else ()
    return own or tuple(name for part in children(e) for name in _members(part))


def _bounded(exponent: Expr) -> bool:
    return bool(names(exponent)) or _number(exponent) <= MAX_EXPONENT


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
        kind = found.lastgroup
        word = found[kind].replace(" ", "") if kind == "name" else found[kind]
        yield kind, word, found.start(kind)
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
    if left.count("[") > left.count("]"):  # h[t=2] = tanh(z)
        index, equals, right = right.partition("=")
        left = f"{left}={index}"
    if not equals or not isinstance(name := parse(left), Name):
        raise FormulaError(f"{_short(text)}: expected 'name = formula'")
    return name.text, parse(right.strip())
