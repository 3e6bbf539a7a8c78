"""The derivative of a formula as a person writes it, by the rules of differentiation.

    u v  parts of a formula      du dv  their derivatives      n  an exponent

It ends soon for every formula that is read: each node takes one rule, and each result is
tidied as a person does. No sympy: a page of a user's formulas needs none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from math import prod
from typing import NamedTuple

from tracer.errors import RuleError
from tracer.expression import (
    CHOICES,
    EULER,
    ONE,
    PICKS,
    ZERO,
    Call,
    Expr,
    Name,
    Neg,
    Num,
    OfGroup,
    Power,
    Product,
    Quotient,
    Sum,
    children,
    leaves,
    names,
    rename,
)
from tracer.parsing import MAX_LEAVES, parse

# ---- rules of differentiation ----------------------------------------------------------

TOO_LONG = "longer than a formula may be; write the formula in several steps"

#: The derivatives of functions by `u`; `max` and `min` have rules of their own.
SLOPES: Mapping[str, Expr] = {
    name: parse(text)
    for name, text in {
        "exp": "exp(u)",
        "ln": "1/u",
        "log10": "1/(u*ln(10))",
        "sqrt": "1/(2*sqrt(u))",
        "sin": "cos(u)",
        "cos": "-sin(u)",
        "tan": "1 + tan(u)^2",
        "tanh": "1 - tanh(u)^2",
        "erf": "2/sqrt(pi())*e^(-u^2)",
        "abs": "sign(u)",
    }.items()
}
#: Functions that are constant on either side of a jump.
JUMPS = ("step", "reached", "sign", *PICKS)
KINKED = (*CHOICES, "abs", *JUMPS)  # where the arguments are equal, or the only one is 0

_MINUS = Neg(ONE)


def differentiate(e: Expr, by: str) -> Expr:
    """∂e/∂by as a person writes it: z of x*z by x, -(y - o) of 1/2*(y - o)^2 by o.

    Right wherever the derivative exists and the operations written down do; where it does
    not exist, `kinks` has the value taken.

    raises    RuleError for a derivative of more than MAX_LEAVES numbers and names, or one
              through all of a group or a batch
    """
    if by not in names(e):
        return ZERO
    found = _slope(e, by)
    if leaves(found) > MAX_LEAVES:
        raise _too_long(by)
    return found


def chained(terms: Iterable[tuple[Expr, ...]]) -> Expr:
    """The sum of products of derivatives, as the chain rule has it, tidied as one."""
    return _plus((_times(*factors), False) for factors in terms)


def _too_long(by: str) -> RuleError:
    return RuleError(f"the derivative by {by} is {TOO_LONG}")


def kinks(e: Expr, by: str) -> Iterator[tuple[Call, Expr]]:
    """The calls whose derivative does not exist where `sides(call)` are equal, its value there."""
    for part in children(e):
        yield from kinks(part, by)
    if isinstance(e, Call) and e.function in KINKED and by in names(e):
        slopes = [differentiate(u, by) for u in e.args if e.function in CHOICES]
        if not slopes or any(slope != slopes[0] for slope in slopes):
            yield e, ZERO if not slopes or _is_0_at_a_tie(e, slopes) else slopes[0]


def _is_0_at_a_tie(e: Call, slopes: list[Expr]) -> bool:
    return len(slopes) == 2 and ZERO in slopes and not isinstance(e, OfGroup)


def sides(call: Call) -> tuple[Expr, ...]:
    """What is equal at the kink of a call: x and y of max(x, y), x and 0 of step(x)."""
    args = call.args[1:] if call.function in PICKS else call.args
    return args if len(args) > 1 else (*args, ZERO)


def gap(call: Call) -> Sum:
    """What is 0 at the kink of a call, or at the first one of several."""
    return Sum(sides(call)[:2], (False, True))


def _slope(e: Expr, by: str) -> Expr:
    """One rule of differentiation, for an expression that names `by`."""
    match e:
        case Name():
            return ONE
        case Neg(u):
            return _times(_MINUS, differentiate(u, by))
        case Sum(terms, minus):
            return _plus((differentiate(u, by), m) for u, m in zip(terms, minus, strict=True))
        case Quotient(u, Name() | Sum() as v) if by in names(u) and by in names(v):
            return _quotient(u, v, by)
        case Power(u, n) if _whole(n) is None:
            return _power(u, n, by)
        case Product() | Quotient() | Power():
            return _product(e, by)
        case OfGroup(function, args):
            return _chosen(function, args, by)
        case Call(function, (u, v)) if function in CHOICES:
            return _chosen_of_two(function, u, v, by)
        case Call(function, args) if function in CHOICES:
            return _chosen(function, args, by)
        case Call(function) if function in JUMPS:
            return ZERO
        case Call(function, (u,)):
            return _times(differentiate(u, by), at(SLOPES[function], u))
    raise RuleError(f"no derivative by {by} through all of a group or a batch")


def at(e: Expr, u: Expr) -> Expr:
    """An expression in `u` with a part of a formula put in."""
    return rename(e, lambda _: u)


def _product(e: Expr, by: str) -> Expr:
    """A product of whole powers: n*u^(n - 1)*du in place of each u^n, in turn.

    Factors that are divided by have a negative n: that of 1/x is -1*x^(-2).
    """
    if isinstance(e, Product) and sum(by in names(u) for u in e.factors) == 1:
        return _times(*(differentiate(u, by) if by in names(u) else u for u in e.factors))
    if (term := _term([(e, 1)])) is None:
        return ZERO
    powers = list(term.powers.items())
    turns = [k for k, (u, _) in enumerate(powers) if by in names(u)]
    if len(turns) * (len(powers) - 1) > MAX_LEAVES:
        raise _too_long(by)
    number = [(_MINUS if term.minus else ONE, 1), *term.numbers()]
    return _plus(
        (_joined([*number, *powers[:k], *_lowered(*powers[k], by), *powers[k + 1 :]]), False)
        for k in turns
    )


def _lowered(u: Expr, n: int, by: str) -> tuple[tuple[Expr, int], ...]:
    sign = ONE if n > 0 else _MINUS
    return (sign, 1), (Num(str(abs(n))), 1), (u, n - 1), (differentiate(u, by), 1)


def _quotient(u: Expr, v: Expr, by: str) -> Expr:
    """(du*v - u*dv)/v^2"""
    du, dv = differentiate(u, by), differentiate(v, by)
    top = _plus([(_times(du, v), False), (_times(u, dv), True)])
    return _joined([(top, 1), (v, -2)])


def _power(u: Expr, n: Expr, by: str) -> Expr:
    """n*u^(n - 1)*du, dn*u^n*ln(u), or both; dn*e^n."""
    e, du, dn = Power(u, n), differentiate(u, by), differentiate(n, by)
    if u == Name(EULER):
        return _times(dn, e)
    if dn == ZERO:
        return _times(n, Power(u, _plus([(n, False), (ONE, True)])), du)
    if du == ZERO:
        return _times(dn, e, Call("ln", (u,)))
    inner = [_times(dn, Call("ln", (u,))), _joined([(n, 1), (du, 1), (u, -1)])]
    return _times(e, _plus((term, False) for term in inner))


def _chosen_of_two(function: str, u: Expr, v: Expr, by: str) -> Expr:
    """The derivative of the greater one, or of the lesser one.

    Where u = v: 0 if only one of them varies, as PyTorch has it for relu; else that of u,
    which evaluation takes too. So max(x, x) has 1, and max(0.1*z, z) has 0.1 at 0.
    """
    du, dv = differentiate(u, by), differentiate(v, by)
    if du == dv:
        return du
    first, second = (where_greater(*pair) for pair in ((u, v), (v, u)))
    if function == "min":
        first, second = second, first
    if dv == ZERO:
        return _times(du, first)
    other = _plus([(ONE, False), (second, True)])
    return _plus([(_times(du, other), False), (_times(dv, second), False)])


def _chosen(function: str, args: tuple[Expr, ...], by: str) -> Expr:
    """The derivative of the first that is the greatest, or the least, as PyTorch pools."""
    slopes = [differentiate(u, by) for u in args]
    if all(slope == slopes[0] for slope in slopes):
        return slopes[0]
    (pick,) = (pick for pick, of in PICKS.items() if of == function)
    return _plus(
        (_times(slope, Call(pick, (Num(str(k)), *args))), False)
        for k, slope in enumerate(slopes, 1)
    )


def where_greater(u: Expr, v: Expr) -> Call:
    """1 where u > v, computed as `max` compares them: the difference is not tidied."""
    if v == ZERO:
        return Call("step", (u,))
    less, minus = (v.body, False) if isinstance(v, Neg) else (v, True)
    return Call("step", (Neg(v) if u == ZERO else Sum((u, less), (False, minus)),))


# ---- what a person tidies --------------------------------------------------------------

_LONGEST = 10**15  # whole numbers up to here are multiplied out; a float64 holds them exactly


class _Term(NamedTuple):
    """±above/below · u^n · v^m …: the numbers, and each base once with its whole power."""

    minus: bool
    above: tuple[Expr, ...]  # numbers as written, and fractions of two; none is 0 or 1
    below: tuple[Expr, ...]
    powers: dict[Expr, int]

    def numbers(self) -> list[tuple[Expr, int]]:
        return [*((x, 1) for x in self.above), *((x, -1) for x in self.below)]


def _times(*factors: Expr) -> Expr:
    return _joined([(factor, 1) for factor in factors])


def _joined(parts: Iterable[tuple[Expr, int]]) -> Expr:
    """The product of expressions to whole powers, without factors 0 and 1."""
    term = _term(parts)
    return ZERO if term is None else _written(term)


def _term(parts: Iterable[tuple[Expr, int]]) -> _Term | None:
    """The product of expressions to whole powers; None for 0. What is divided by may be 0."""
    minus = False
    numbers: dict[int, list[Expr]] = {1: [], -1: []}
    powers: dict[Expr, int] = {}
    for part, power in parts:
        for base, n in _factors(part, power):
            value = _value(base)
            if base == _MINUS:
                minus ^= n % 2 == 1
            elif value == 0 and n > 0:
                return None
            elif value and abs(n) == 1:
                numbers[n] += [base] if value != 1 else []
            else:
                powers[base] = powers.get(base, 0) + n
    kept = {base: n for base, n in powers.items() if n}
    return _Term(minus, tuple(numbers[1]), tuple(numbers[-1]), kept)


def _factors(e: Expr, n: int) -> Iterator[tuple[Expr, int]]:
    """Bases and whole powers whose product is e^n."""
    match e:
        case Neg(u) if abs(n) == 1 and e != _MINUS:
            yield _MINUS, 1
            yield from _factors(u, n)
        case Product(factors) if abs(n) == 1:
            for factor in factors:
                yield from _factors(factor, n)
        case Quotient(u, v) if abs(n) == 1 and _value(e) is None:
            yield from _factors(u, n)
            yield from _factors(v, -n)
        case Power(u, exponent) if (whole := _whole(exponent)) is not None:
            yield from _factors(u, n * whole)
        case _:
            yield e, n


def _whole(n: Expr) -> int | None:
    """The whole number that an exponent is."""
    sign, number = (-1, n.body) if isinstance(n, Neg) else (1, n)
    value = Fraction(number.text) if isinstance(number, Num) else None
    return sign * int(value) if value is not None and value.denominator == 1 else None


def _value(e: Expr) -> Fraction | None:
    """The value of a number as written, or of a fraction of two."""
    match e:
        case Num(text):
            return Fraction(text)
        case Quotient(Num(above), Num(below)) if Fraction(below):
            return Fraction(above) / Fraction(below)
    return None


def _written(term: _Term) -> Expr:
    """±above·u·v/(below·w)"""
    above, below = _coefficient(term)
    above += [_raised(u, n) for u, n in term.powers.items() if n > 0]
    below += [_raised(u, -n) for u, n in term.powers.items() if n < 0]
    found = Quotient(_row(above), _row(below)) if below else _row(above)
    return Neg(found) if term.minus else found


def _row(factors: list[Expr]) -> Expr:
    if len(factors) < 2:
        return factors[0] if factors else ONE
    return Product(tuple(factors))


def _raised(u: Expr, n: int) -> Expr:
    return u if n == 1 else Power(u, Num(str(n)))


def _coefficient(term: _Term) -> tuple[list[Expr], list[Expr]]:
    """The numbers above and below the line, multiplied out where there are several."""
    numbers = [*term.above, *term.below]
    value = _multiplied(term.above) / _multiplied(term.below)
    divided = bool(term.below) or any(n < 0 for n in term.powers.values())
    alone = len(numbers) == 1 and not (divided and isinstance(numbers[0], Quotient))
    if alone or max(value.numerator, value.denominator) > _LONGEST:
        return list(term.above), list(term.below)
    if value == 1:
        return [], []
    written = _number(value, decimal=any(map(_is_decimal, numbers)))
    if divided and isinstance(written, Quotient):
        return [number for number in (written.top,) if number != ONE], [written.bottom]
    return [written], []


def _multiplied(numbers: Iterable[Expr]) -> Fraction:
    return prod(filter(None, map(_value, numbers)), start=Fraction(1))


def _is_decimal(e: Expr) -> bool:
    return isinstance(e, Num) and not e.text.isdigit()


def _number(value: Fraction, *, decimal: bool) -> Expr:
    """A number that is not negative: whole, as a decimal where it ends, or as a fraction."""
    if value.denominator == 1:
        return Num(str(value.numerator))
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    if decimal and Fraction(exact) == value:
        return Num(f"{exact:f}")
    return Quotient(Num(str(value.numerator)), Num(str(value.denominator)))


def _plus(terms: Iterable[tuple[Expr, bool]]) -> Expr:
    """A sum of (term, subtracted) without terms 0; equal terms are added up."""
    near = list(_opened(terms, deep=False))
    every = list(_opened(near, deep=True))
    added = _added(every)
    kept = added if len(added) < len(every) else near
    if not kept:
        return ZERO
    (first, minus), rest = kept[0], kept[1:]
    first = Neg(first) if minus else first
    if not rest:
        return first
    return Sum((first, *(u for u, _ in rest)), (False, *(m for _, m in rest)))


def _opened(terms: Iterable[tuple[Expr, bool]], *, deep: bool) -> Iterator[tuple[Expr, bool]]:
    """Terms without the brackets of sums after a plus; if deep, after a minus too."""
    for term, minus in terms:
        if isinstance(term, Neg):
            yield from _opened([(term.body, not minus)], deep=deep)
        elif isinstance(term, Sum) and (deep or not minus):
            inner = zip(term.terms, (m ^ minus for m in term.minus), strict=True)
            yield from _opened(inner, deep=deep)
        elif term != ZERO:
            yield term, minus


def _added(terms: list[tuple[Expr, bool]]) -> list[tuple[Expr, bool]]:
    """Terms with those added up that differ by a number only."""
    groups: dict[frozenset[tuple[Expr, int]], list[tuple[Expr, bool, _Term]]] = {}
    for e, minus in terms:
        if term := _term([(e, 1)]):
            groups.setdefault(frozenset(term.powers.items()), []).append((e, minus, term))
    return [found for group in groups.values() for found in _total(group)]


def _total(group: list[tuple[Expr, bool, _Term]]) -> list[tuple[Expr, bool]]:
    """The sum of terms that differ by a number only, or the terms where it is too long."""
    total = sum(
        (-1 if minus ^ term.minus else 1) * _multiplied(term.above) / _multiplied(term.below)
        for _, minus, term in group
    )
    if len(group) == 1 or max(abs(total.numerator), total.denominator) > _LONGEST:
        return [(e, minus) for e, minus, _ in group]
    if not total:
        return []
    decimal = any(_is_decimal(x) for _, _, term in group for x in (*term.above, *term.below))
    number = _number(abs(Fraction(total)), decimal=decimal)
    powers = group[0][2].powers
    return [(_joined([(number, 1), *powers.items()]), total < 0)]
