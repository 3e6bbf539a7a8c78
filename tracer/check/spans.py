"""What a step can come out as, whatever it is computed from: a sigmoid's output is from 0 to 1.

Interval arithmetic on a formula whose names may be anything: never too narrow, often too wide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from itertools import product
from typing import NamedTuple

from tracer.expression import (
    EULER,
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
)

_INF = math.inf


class Span(NamedTuple):
    """All numbers from one to another."""

    low: float
    high: float

    def holds(self, value: float, radius: float = 0.0) -> bool:
        """Whether a number that is known to a radius may be one of them."""
        return self.low <= value + radius and value - radius <= self.high


ANYTHING = Span(-_INF, _INF)


@lru_cache(maxsize=4096)
def span(e: Expr) -> Span:
    """What a formula's value is among."""
    match e:
        case Num(text):
            return Span(float(text), float(text))
        case Name(text):
            return Span(math.e, math.e) if text == EULER else ANYTHING
        case Neg(body):
            return _negated(span(body))
        case Sum(terms, minus):
            parts = [
                _negated(span(t)) if less else span(t) for t, less in zip(terms, minus, strict=True)
            ]
            return Span(sum(p.low for p in parts), sum(p.high for p in parts))
        case Product(factors):
            return reduce(_product, map(span, factors))
        case Quotient(top, bottom):
            return _product(span(top), _inverse(span(bottom)))
        case Power(base, exponent):
            return _power(base, exponent)
        case Call(function, arguments) if function in _CALLS:
            return _CALLS[function](*map(span, arguments))
        case _:
            return ANYTHING


#: Functions that give whole numbers of anything.
_COUNTS = frozenset(("step", "reached", "picked", "picked_min", "sign"))


@lru_cache(maxsize=4096)
def whole(e: Expr) -> bool | None:
    """Whether a formula gives whole numbers: of anything, None of whole numbers, False neither."""
    match e:
        case Num(text):
            return float(text).is_integer()
        case Name(text):
            return False if text == EULER else None
        case Call(function, _) if function in _COUNTS:
            return True
        case Power(base, Num(exponent)) if float(exponent).is_integer() and float(exponent) > 0:
            return whole(base)
        case Neg() | Sum() | Product() | Call("max" | "min" | "abs"):
            parts = {whole(part) for part in children(e)}
            return False if False in parts else None if None in parts else True
        case _:
            return False


def _negated(a: Span) -> Span:
    return Span(-a.high, -a.low)


def _product(a: Span, b: Span) -> Span:
    ends = [x * y if x and y else 0.0 for x, y in product(a, b)]
    return Span(min(ends), max(ends))


def _inverse(a: Span) -> Span:
    if a.low < 0 < a.high or a == (0, 0):
        return ANYTHING
    low, high = (1 / end if end else _INF for end in (a.high, a.low))
    return Span(low, high) if a.low >= 0 else Span(low if a.high else -_INF, high)


def _power(base: Expr, exponent: Expr) -> Span:
    if base == Name(EULER):
        return _growing(_exp)(span(exponent))
    even = isinstance(exponent, Num) and float(exponent.text) % 2 == 0
    return Span(0.0, _INF) if even or span(base).low >= 0 else ANYTHING


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return _INF


def _growing(function: Callable[[float], float]) -> Callable[[Span], Span]:
    return lambda a: Span(function(a.low), function(a.high))


def _within(low: float, high: float) -> Callable[..., Span]:
    return lambda *_: Span(low, high)


_CALLS: Mapping[str, Callable[..., Span]] = {
    "max": lambda *a: Span(max(s.low for s in a), max(s.high for s in a)),
    "min": lambda *a: Span(min(s.low for s in a), min(s.high for s in a)),
    "tanh": _growing(math.tanh),
    "erf": _growing(math.erf),
    "abs": _within(0.0, _INF),
    "sqrt": _within(0.0, _INF),
    "sin": _within(-1.0, 1.0),
    "cos": _within(-1.0, 1.0),
    "sign": _within(-1.0, 1.0),
    "step": _within(0.0, 1.0),
    "reached": _within(0.0, 1.0),
    "picked": _within(0.0, 1.0),
    "picked_min": _within(0.0, 1.0),
}
