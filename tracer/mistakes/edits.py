"""How a mistake changes one step: a factor dropped, an operand replaced, a formula altered.

An edit takes what a step is computed by and gives what it is computed by instead, so that
several mistakes at one step are made one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from tracer.catalog.sums import without_term as termless
from tracer.expression import (
    ROUND,
    Call,
    Expr,
    Name,
    Neg,
    Num,
    Power,
    Product,
    Quotient,
    Sum,
    children,
    names,
    rebuild,
    rename,
)
from tracer.parsing import parse
from tracer.program import group_size
from tracer.rewrite import Change, Operand
from tracer.rules import Rule, formals

Edit = Callable[[Change], Change]
Transform = Callable[[Rule], Rule]


def redirected(changes: Mapping[int, Operand]) -> Edit:
    """The same formula on other operands."""

    def edit(was: Change) -> Change:
        return Change(was.rule, tuple(_other(c, changes) for c in was.operands))

    return edit


def _other(operand: Operand, changes: Mapping[int, Operand]) -> Operand:
    return changes.get(operand, operand) if isinstance(operand, int) else operand


def without(*factors: int) -> Edit:
    """A product or sum of a group of operands without some of them."""

    def edit(was: Change) -> Change:
        left = tuple(c for c in was.operands if c not in factors)
        return Change(was.rule, left) if left else Change(ONE, ())

    return edit


def only(place: int) -> Edit:
    """Of a group of operands the one in some place."""

    def edit(was: Change) -> Change:
        return Change(was.rule, was.operands[place : place + 1] or was.operands[-1:])

    return edit


def those(places: Sequence[int]) -> Edit:
    """Of a group of operands those in some places."""
    return lambda was: Change(was.rule, tuple(was.operands[k] for k in places))


def computed_by(rule: Rule, *operands: Operand) -> Edit:
    """Another formula altogether."""
    return lambda was: Change(rule, operands)


def altered(transform: Transform) -> Edit:
    """The formula altered; its operands follow their names."""

    def edit(was: Change) -> Change:
        size = group_size(was.rule, len(was.operands))
        by_formal = dict(zip(formals(was.rule, size), was.operands, strict=True))
        rule = transform(was.rule)
        return Change(rule, tuple(by_formal[f] for f in formals(rule, size)))

    return edit


# ---- formulas --------------------------------------------------------------------------


def _rule(was: Rule, formula: Expr) -> Rule:
    return Rule(was.name, was.output, formula, {}, kink=was.kink)


ONE = Rule("one", "g", Num("1"), {})


@cache
def negated(rule: Rule) -> Rule:
    """The formula with the other sign."""
    body = rule.formula.body if isinstance(rule.formula, Neg) else Neg(rule.formula)
    return _rule(rule, body)


@cache
def scaled(factor: str) -> Transform:
    """The formula times a constant."""
    return cache(lambda rule: _rule(rule, Product((parse(factor), rule.formula))))


@cache
def rounded(places: int) -> Transform:
    """The formula rounded to some decimals."""
    return cache(lambda rule: _rule(rule, Call(ROUND, (rule.formula, Num(str(places))))))


@cache
def substituted(formal: str, formula: str) -> Transform:
    """The formula with something else in a formal's place."""
    other = parse(formula)
    return cache(lambda r: _rule(r, rename(r.formula, lambda s: other if s == formal else Name(s))))


@cache
def without_factor(rule: Rule) -> Rule:
    """The formula without the number it begins with: (t - o)^2 of 1/2·(t - o)^2."""
    first, *rest = _factors(rule.formula)
    if names(first):
        return rule
    return _rule(rule, rest[0] if len(rest) == 1 else Product(tuple(rest)))


def leading(rule: Rule) -> float | None:
    """The number that a formula begins with as its factor: 0.5 of 1/2·(t - o)^2."""
    first, *rest = _factors(rule.formula)
    match first:
        case Num(text) if rest:
            return float(text)
        case Quotient(Num(top), Num(bottom)) if rest:
            return float(top) / float(bottom)
    return None


def _factors(e: Expr) -> tuple[Expr, ...]:
    return e.factors if isinstance(e, Product) else (e,)


@cache
def without_square(rule: Rule) -> Rule:
    """The formula with the bases of its squares."""
    return _rule(rule, _unsquared(rule.formula))


def _unsquared(e: Expr) -> Expr:
    if isinstance(e, Power) and e.exponent == Num("2"):
        return e.base
    return rebuild(e, tuple(map(_unsquared, children(e))))


@cache
def others_flipped(formal: str) -> Transform:
    """The formula with the other sign before all terms after a formal: w + eta·g."""
    return cache(lambda rule: _rule(rule, _others_flipped(rule.formula, formal)))


def _others_flipped(e: Expr, formal: str) -> Expr:
    if not isinstance(e, Sum) or e.terms[0] != Name(formal):
        return e
    return Sum(e.terms, (False, *(not m for m in e.minus[1:])))


@cache
def without_term(formal: str) -> Transform:
    """The formula without the term of a formal: w of w - eta*g."""
    return cache(lambda rule: _rule(rule, termless(rule.formula, formal)))


@cache
def by_log10(rule: Rule) -> Rule:
    """The formula with logarithms to base 10."""
    return _rule(rule, _with(rule.formula, "ln", lambda e: Quotient(e, parse("ln(10)"))))


@cache
def without_exp(rule: Rule) -> Rule:
    """The formula with the exponents of e alone: z1/(z1 + z2)."""
    return _rule(rule, _exponents(rule.formula))


def _exponents(e: Expr) -> Expr:
    same = rebuild(e, tuple(map(_exponents, children(e))))
    if isinstance(same, Power) and same.base == Name("e"):
        return same.exponent
    return same.args[0] if isinstance(same, Call) and same.function == "exp" else same


def _with(e: Expr, function: str, other: Callable[[Call], Expr]) -> Expr:
    parts = tuple(_with(part, function, other) for part in children(e))
    same = rebuild(e, parts)
    return other(same) if isinstance(same, Call) and same.function == function else same


def is_share(e: Expr) -> bool:
    """Whether a formula is an exponential divided by a sum of such: a softmax written out."""
    return isinstance(e, Quotient) and _exp(e.top) and isinstance(e.bottom, Sum) and all(
        map(_exp, e.bottom.terms)
    )  # fmt: skip


def _exp(e: Expr) -> bool:
    return (isinstance(e, Call) and e.function == "exp") or (
        isinstance(e, Power) and e.base == Name("e")
    )
