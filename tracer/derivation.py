"""A rule's derivative worked out as on paper: one rule of differentiation per line.

    u v  parts of a formula that depend on the variable      c n  parts that do not

The lines are data: an expression, in which a `Diff` is what remains to be worked out, and the
reason why it equals the line before. No algebra happens on the way but what a pencil does not
even write: a term 0, a factor 1, `+ -`. The algebraic ending is the catalog's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from tracer.differentiation import JUMPS, SLOPES, at, where_greater
from tracer.errors import RuleError, nearest
from tracer.expression import (
    EULER,
    ONE,
    ZERO,
    Call,
    Diff,
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
from tracer.printers import TEXT, Leaf, fill, source, template
from tracer.rules import Rule, inputs


class Reason(Enum):
    """Why a line equals the one before; the value is the phrase for the reader."""

    START = "the definition"
    CONSTANT = "a constant has derivative 0"
    VARIABLE = "the derivative of {by} is 1"
    MINUS = "the derivative of -{by} is -1"  # -z
    SIGN = "a minus sign stays in front"  # -u
    FACTOR = "a constant factor stays"  # c*u, u/c
    SUM = "sum rule"  # u + v
    PRODUCT = "product rule"  # u*v
    QUOTIENT = "quotient rule"  # u/v
    FRACTION = "write the fraction as a power"  # c/u
    POWER = "power rule"  # u^n
    EXPONENTIAL = "exponential rule"  # e^u
    FUNCTION = "the derivative of {subject}"  # tanh(u)
    CASES = "1 where {subject} > 0, 0 where {subject} < 0{kink}"  # max(0, u), min(u, c)
    GREATER = "the derivative of the greater one{kink}"  # max(u, v)
    LESSER = "the derivative of the lesser one{kink}"  # min(u, v)
    SIGN_OF = "1 where {subject} > 0, -1 where {subject} < 0{kink}"  # |u|
    JUMP = "constant on either side of the jump{kink}"  # step(u)
    CHAIN = "chain rule"  # never alone: joined to the reason for the outer function
    ENDING = "simplify"  # to the teaching form, where the catalog states no ending


#: The derivatives of the language's functions, by `u`; `exp` and `abs` are rules of their own.
KNOWN = {name: slope for name, slope in SLOPES.items() if name not in ("exp", "abs")}


@dataclass(frozen=True)
class DerivationLine:
    """`= expression`, because of `reason`; a `Diff` in it is still to be worked out."""

    expression: Expr
    reason: str


@dataclass(frozen=True)
class Derivation:
    """The derivative of `output = formula` by `by`, line by line."""

    output: str
    by: str
    formula: Expr
    lines: tuple[DerivationLine, ...]  # the first is the derivative of the definition
    result: Expr  # the last line's expression; may mention the output


def derivation(rule: Rule, by: str = "z") -> Derivation:
    """The rule's derivative by one of its formals, to the teaching form where there is one.

    raises    RuleError for a formal the rule does not have, or a formula beyond the rules
              of `Reason`: a repetition, `u^v`, a `max` of three
    """
    if by not in inputs(rule):
        raise RuleError(f"{rule.name}: no formal {by!r}{nearest(by, inputs(rule))}")
    start = Diff(rule.definition or rule.formula, by)
    lines = [DerivationLine(start, Reason.START.value), *_differentiated(start, rule)]
    lines += _ending(rule, by, lines[-1].expression)
    return Derivation(rule.output, by, rule.formula, tuple(lines), lines[-1].expression)


def prove(d: Derivation) -> None:
    """Let sympy check each line against the one before, the first against the formula.

    raises    RuleError naming the first line not proven
    """
    from tracer import algebra  # 0.4 s: a page shows lines that a test has proven

    expressions = (Diff(d.formula, d.by), *(line.expression for line in d.lines), d.result)
    for k, (before, after) in enumerate(pairwise(expressions), 1):
        if not algebra.equal(_without_output(before, d), _without_output(after, d)):
            raise RuleError(
                f"d{d.output}/d{d.by}, line {min(k, len(d.lines))}: {source(after)}"
                f" is not proven equal to {source(before)}"
            )


def _without_output(e: Expr, d: Derivation) -> Expr:
    return rename(e, lambda s: d.formula if s == d.output else Name(s))


def _differentiated(e: Expr, rule: Rule) -> Iterator[DerivationLine]:
    kink = "" if rule.teaching and not rule.kink else f" (by convention {rule.kink or _USUAL})"
    while found := {diff: _applied(diff, kink) for diff in _diffs(e)}:
        # constants first, as everybody does after a sum rule; else from left to right
        reasons = [reason for reason, _ in found.values()]
        reason = Reason.CONSTANT.value if Reason.CONSTANT.value in reasons else reasons[0]
        e = _worked(e, {diff: result for diff, (why, result) in found.items() if why == reason})
        yield DerivationLine(e, reason)


def _ending(rule: Rule, by: str, found: Expr) -> Iterator[DerivationLine]:
    for reason, text in rule.ending:
        yield DerivationLine(parse(text), reason)
    stated = rule.teaching.get(by, found)
    if not rule.ending and stated != found:
        yield DerivationLine(stated, Reason.ENDING.value)


def _diffs(e: Expr) -> Iterator[Diff]:
    if isinstance(e, Diff):
        yield e
    else:
        for part in children(e):
            yield from _diffs(part)


def _worked(e: Expr, results: dict[Diff, Expr]) -> Expr:
    """The line with these derivatives worked out, tidy around them and untouched elsewhere."""
    if isinstance(e, Diff):
        return results.get(e, e)
    parts = tuple(_worked(part, results) for part in children(e))
    return e if parts == children(e) else _tidy(rebuild(e, parts))


# ---- rules of differentiation ----------------------------------------------------------


_USUAL = "0 at {subject} = 0"  # the value at a kink where a rule states no other


class _Outcome(NamedTuple):
    """What one rule makes of a derivative; `inner` is left to the chain rule."""

    reason: Reason
    result: Expr
    inner: Expr | None = None
    subject: str = ""  # what the reason speaks of


def _applied(diff: Diff, kink: str) -> tuple[str, Expr]:
    """One rule applied to one derivative: the reason as the reader sees it, and the result."""
    reason, result, inner, subject = _outcome(diff.body, diff.by)
    said = kink.format(subject=subject)
    phrase = reason.value.format(by=diff.by, subject=subject, kink=said)
    if inner is None or inner == Name(diff.by):
        return phrase, result
    return f"{phrase} and {Reason.CHAIN.value}", _times((result, Diff(inner, diff.by)))


def _outcome(body: Expr, by: str) -> _Outcome:
    if by not in names(body):
        return _Outcome(Reason.CONSTANT, ZERO)
    match body:
        case Name():
            return _Outcome(Reason.VARIABLE, ONE)
        case Neg(Name()):
            return _Outcome(Reason.MINUS, Neg(ONE))
        case Neg(u):
            return _Outcome(Reason.SIGN, Neg(Diff(u, by)))
        case Sum(terms, minus):
            return _Outcome(Reason.SUM, Sum(tuple(Diff(u, by) for u in terms), minus))
        case Product(factors):
            return _product(factors, by)
        case Quotient(u, v):
            return _quotient(u, v, by)
        case Power(u, n):
            return _power(u, n, by)
        case Call(function, args):
            return _call(function, args, by)
    raise _beyond(body, by)


def _beyond(body: Expr, by: str) -> RuleError:
    return RuleError(f"no rule here to differentiate {source(body)} by {by}")


def _product(factors: tuple[Expr, ...], by: str) -> _Outcome:
    """A derivative is the last factor, so that nothing after it seems to belong to it."""
    kept = [c for c in factors if by not in names(c)]
    if kept:
        varying = _times(u for u in factors if by in names(u))
        return _Outcome(Reason.FACTOR, _times((*kept, Diff(varying, by))))
    terms = (_times((*factors[:k], *factors[k + 1 :], Diff(u, by))) for k, u in enumerate(factors))
    return _Outcome(Reason.PRODUCT, _plus((term, False) for term in terms))


def _quotient(u: Expr, v: Expr, by: str) -> _Outcome:
    if by not in names(v):
        return _Outcome(Reason.FACTOR, Product((Quotient(ONE, v), Diff(u, by))))
    if by not in names(u):
        base, n = (v.base, v.exponent) if isinstance(v, Power) else (v, ONE)
        return _Outcome(Reason.FRACTION, Diff(_times((u, Power(base, _negated(n)))), by))
    top = _plus(((_times((v, Diff(u, by))), False), (_times((u, Diff(v, by))), True)))
    return _Outcome(Reason.QUOTIENT, Quotient(top, Power(v, Num("2"))))


def _power(u: Expr, n: Expr, by: str) -> _Outcome:
    if u == Name(EULER):
        return _Outcome(Reason.EXPONENTIAL, Power(u, n), n)
    if by in names(n):
        raise _beyond(Power(u, n), by)
    return _Outcome(Reason.POWER, _lowered(u, n), u)


def _call(function: str, args: tuple[Expr, ...], by: str) -> _Outcome:
    match function, args:
        case "exp", (u,):
            return _Outcome(Reason.EXPONENTIAL, Call("exp", (u,)), u)
        case "abs", (u,):
            return _Outcome(Reason.SIGN_OF, Call("sign", (u,)), u, _shown(u))
        case (("max" | "min"), (u, v)):
            return _choice(function, u, v, by)
        case _, (u, *_) if function in JUMPS:
            return _Outcome(Reason.JUMP, ZERO, subject=_shown(u))
        case _, (u,) if function in KNOWN:
            return _Outcome(Reason.FUNCTION, at(KNOWN[function], u), u, function)
    raise _beyond(Call(function, args), by)


def _choice(function: str, u: Expr, v: Expr, by: str) -> _Outcome:
    """Of a number and what varies: whether that is the one; of two that vary, the one's."""
    first, second = where_greater(u, v), where_greater(v, u)
    if function == "min":
        first, second = second, first
    for chosen, inner, other in ((first, u, v), (second, v, u)):
        if by not in names(other):
            return _Outcome(Reason.CASES, chosen, inner, _shown(chosen.args[0]))
    reason = Reason.GREATER if function == "max" else Reason.LESSER
    rest: Expr = Sum((ONE, second), (False, True))
    shares: tuple[tuple[Expr, Expr], ...] = ((rest, u), (second, v))
    terms = ((_times((share, Diff(part, by))), False) for share, part in shares)
    return _Outcome(reason, _plus(terms), subject=f"{_shown(u)} - {_shown(v)}")


def _shown(e: Expr) -> str:
    return fill(template(e, TEXT), Leaf)


def _lowered(u: Expr, n: Expr) -> Expr:
    """n*u^(n - 1), the sign of n in front."""
    less = _less_one(n)
    power = u if less == ONE else ONE if less == ZERO else Power(u, less)
    return _times((n, power))


def _less_one(n: Expr) -> Expr:
    match n:
        case Num(text):
            return _number(Decimal(text) - 1)
        case Neg(Num(text)):
            return _number(-Decimal(text) - 1)
        case Quotient(Num(top), Num(bottom)):
            return _over(_number(Decimal(top) - Decimal(bottom)), Num(bottom))
        case Neg(Quotient(Num(top), Num(bottom))):
            return _over(_number(-Decimal(top) - Decimal(bottom)), Num(bottom))
    return Sum((n, ONE), (False, True))


def _number(value: Decimal) -> Expr:
    return Neg(Num(f"{-value:f}")) if value < 0 else Num(f"{value:f}")


# ---- what a pencil does not write ------------------------------------------------------


def _tidy(e: Expr) -> Expr:
    match e:
        case Neg(u):
            return _negated(u)
        case Sum(terms, minus):
            return _plus(zip(terms, minus, strict=True))
        case Product(factors):
            return _times(factors)
        case Quotient(u, v):
            return _over(u, v)
    return e


def _negated(u: Expr) -> Expr:
    if isinstance(u, Neg):
        return u.body
    return ZERO if u == ZERO else Neg(u)


def _over(u: Expr, v: Expr) -> Expr:
    if isinstance(u, Neg):
        return Neg(Quotient(u.body, v))
    return ZERO if u == ZERO else Quotient(u, v)


def _times(factors: Iterable[Expr]) -> Expr:
    """A product without inner products and factors 1; a minus sign at its start leads it.

    A minus sign further back stays where it is: multiplying signs is a line of its own.
    """
    flat: list[Expr] = []
    for factor in factors:
        flat += factor.factors if isinstance(factor, Product) else (factor,)
    if flat and isinstance(flat[0], Neg):
        return _negated(_times((flat[0].body, *flat[1:])))
    if ZERO in flat:
        return ZERO
    flat = [factor for factor in flat if factor != ONE]
    return Product(tuple(flat)) if len(flat) > 1 else flat[0] if flat else ONE


def _plus(terms: Iterable[tuple[Expr, bool]]) -> Expr:
    """A sum of (term, subtracted) without terms 0, inner sums after `+`, and `+ -`."""
    flat = list(_terms(terms))
    if not flat:
        return ZERO
    (first, minus), rest = flat[0], flat[1:]
    first = Neg(first) if minus else first
    if not rest:
        return first
    return Sum((first, *(term for term, _ in rest)), (False, *(minus for _, minus in rest)))


def _terms(terms: Iterable[tuple[Expr, bool]]) -> Iterator[tuple[Expr, bool]]:
    for term, minus in terms:
        if isinstance(term, Neg):
            yield from _terms([(term.body, not minus)])
        elif isinstance(term, Sum) and not minus:
            yield from _terms(zip(term.terms, term.minus, strict=True))
        elif term != ZERO:
            yield term, minus
