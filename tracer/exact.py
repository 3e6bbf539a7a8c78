"""Numbers one by one: decimals as a person rounds them, and mpmath's of any number of digits."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from functools import cache
from typing import Any, Generic, TypeVar

from tracer.arithmetic import Arithmetic, Precise, comparing
from tracer.numbers import Digits, rounded

V = TypeVar("V")

PRECISION = 50  # significant digits of decimal arithmetic before a person rounds
_HUGE = 64  # bits of an exponent beyond which a power of n digits is infinite, or 0
_MOST_TURNS = 3_000  # digits before the point of what has a sine


# ---- decimals --------------------------------------------------------------------------


def _decimal_round(x: Decimal, places: Decimal) -> Decimal:
    return rounded(x, Digits(int(places), mode="half even"))


def _decimal_tanh(x: Decimal) -> Decimal:
    lost = max(-x.adjusted(), 0)  # digits that cancel in e^(2x) - 1 for a small x
    if lost > PRECISION:
        return +x
    with localcontext(prec=PRECISION + lost + 2):
        up = (2 * min(x, Decimal(PRECISION * 2))).exp()  # tanh 100 is 1 to 86 digits
        found = (up - 1) / (up + 1)
    return +found


def _of_mpmath(name: str) -> Callable[..., Decimal]:
    """A function that `decimal` does not have, by mpmath, to all digits of the context."""

    def found(*x: Decimal) -> Decimal:
        before = max((v.adjusted() for v in x), default=0)  # digits before the point
        how = digits_arithmetic(2 * PRECISION + min(max(before, 0), _MOST_TURNS))
        return +Decimal(str(how.calls[name](*(_exactly(v, how) for v in x))))

    return found


def _exactly(x: Decimal, how: Arithmetic[Any]) -> Any:
    """A decimal in other numbers; its exponent may be too large to be written out."""
    _, digits, exponent = x.as_tuple()
    whole = how.number("".join(map(str, digits)))
    found = how.mul(whole, how.power(how.number("10"), how.number(str(exponent))))
    return how.neg(found) if x.is_signed() else found


DECIMAL: Arithmetic[Decimal] = Arithmetic(
    Decimal,
    operator.pow,
    {
        "exp": Decimal.exp,
        "ln": Decimal.ln,
        "log10": Decimal.log10,
        "sqrt": Decimal.sqrt,
        "tanh": _decimal_tanh,
        **{name: _of_mpmath(name) for name in ("sin", "cos", "tan", "erf", "pi")},
        **comparing(Decimal),
        "round": _decimal_round,
    },
)


def decimal_context() -> Context:
    """The context in which decimals are computed before they are rounded."""
    return Context(prec=PRECISION, Emax=MAX_EMAX, Emin=MIN_EMIN)


# ---- numbers of n digits ---------------------------------------------------------------


@cache
def digits_arithmetic(digits: int) -> Arithmetic[Any]:
    """mpmath's numbers in a context of their own: every operation is rounded to `digits` digits.

    They are binary, of as many bits as one digit more is worth, so that what is written with
    `digits` digits is kept. Their exponents have no bound; beyond e^(2^64) a power overflows.
    """
    from mpmath import MPContext  # type: ignore[import-untyped]  # no types; 0.1 s to import

    mp = MPContext()
    mp.dps, mp.trap_complex = digits, True  # a root of a negative number is an error

    def exp(x: Any) -> Any:
        if mp.mag(x) <= _HUGE:
            return mp.exp(x)
        if x > 0:
            raise OverflowError(x)
        return mp.zero

    def power(base: Any, exponent: Any) -> Any:
        if mp.mag(exponent) > _HUGE:
            raise OverflowError(exponent)
        return base**exponent

    def ln(x: Any) -> Any:
        if x <= 0:
            raise ValueError(x)
        return mp.ln(x)

    def turning(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def turned(x: Any) -> Any:
            if mp.mag(x) > 4 * _MOST_TURNS:
                raise OverflowError(x)
            return function(x)

        return turned

    def squashing(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda x: mp.sign(x) if mp.mag(x) > _HUGE else function(x)

    return Arithmetic(
        mp.mpf,
        power,
        {
            "exp": exp,
            "ln": ln,
            "log10": lambda x: ln(x) and mp.log10(x),
            "sqrt": mp.sqrt,
            **{name: turning(getattr(mp, name)) for name in ("sin", "cos", "tan")},
            **{name: squashing(getattr(mp, name)) for name in ("tanh", "erf")},
            "pi": lambda: +mp.pi,
            **comparing(lambda x: mp.mpf(int(x))),
            "round": lambda x, places: mp.nint(x * 10 ** int(places)) / 10 ** int(places),
        },
    )


# ---- step by step ----------------------------------------------------------------------


@dataclass(frozen=True)
class Stepwise(Generic[V]):
    """Numbers that a program is computed in step by step."""

    arithmetic: Arithmetic[V]
    context: Callable[[], AbstractContextManager[object]]  # in which operations are made
    finish: Callable[[V], V]  # what becomes of a step's value before it is used


def _by_hand(how: Digits) -> Stepwise[Decimal]:
    return Stepwise(DECIMAL, lambda: localcontext(decimal_context()), lambda v: rounded(v, how))


def _precise(how: Precise) -> Stepwise[Any]:
    return Stepwise(digits_arithmetic(how.digits), nullcontext, lambda v: v)


_STEPWISE: Mapping[type, Callable[[Any], Stepwise[Any]]] = {Digits: _by_hand, Precise: _precise}


def stepwise(how: Digits | Precise) -> Stepwise[Any]:
    """The numbers that steps are computed in one by one."""
    return _STEPWISE[type(how)](how)
