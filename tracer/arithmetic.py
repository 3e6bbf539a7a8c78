"""Ways to compute one and the same expression: floats, columns of them, numbers one by one.

`How` says which for the steps of a program. Machines round every operation to a binary float;
`Precise` to a number of digits; by hand (`Digits`) a whole step is computed to 50 digits, then
rounded as a person does.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from enum import Enum
from functools import cache
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tracer.expression import (
    EULER,
    Call,
    Expr,
    Name,
    Neg,
    Num,
    Over,
    Power,
    Product,
    Quotient,
    Sum,
)
from tracer.numbers import Digits, rounded

V = TypeVar("V")
Column = NDArray[np.float64]

PRECISION = 50  # significant digits of decimal arithmetic before a person rounds
_HUGE = 64  # bits of an exponent beyond which a power of n digits is infinite, or 0


# ---- how the steps of a program are computed -------------------------------------------


class Machine(Enum):
    """Binary floats: a processor rounds every operation to one."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"


@dataclass(frozen=True)
class Precise:
    """Every operation to so many significant digits."""

    digits: int


How = Machine | Precise | Digits


# ---- one expression --------------------------------------------------------------------


@dataclass(frozen=True)
class Arithmetic(Generic[V]):
    """What the operations mean for one kind of value."""

    number: Callable[[str], V]
    power: Callable[[V, V], V]
    calls: Mapping[str, Callable[..., V]]
    add: Callable[[V, V], V] = operator.add
    sub: Callable[[V, V], V] = operator.sub
    mul: Callable[[V, V], V] = operator.mul
    div: Callable[[V, V], V] = operator.truediv
    neg: Callable[[V], V] = operator.neg  # type: ignore[assignment]  # typeshed: a protocol


def apply(e: Expr, env: Mapping[str, V], how: Arithmetic[V]) -> V:
    """The value of an expression, operation by operation in the printed order."""

    def go(part: Expr) -> V:
        return apply(part, env, how)

    match e:
        case Num(text):
            return how.number(text)
        case Name(text):
            return how.calls["exp"](how.number("1")) if text == EULER else env[text]
        case Neg(body):
            return how.neg(go(body))
        case Sum(terms, minus):
            total = go(terms[0])
            for term, negative in zip(terms[1:], minus[1:], strict=True):
                total = (how.sub if negative else how.add)(total, go(term))
            return total
        case Product(factors):
            total = go(factors[0])
            for factor in factors[1:]:
                total = how.mul(total, go(factor))
            return total
        case Quotient(top, bottom):
            return how.div(go(top), go(bottom))
        case Power(base, exponent):
            if base == Name(EULER):
                return how.calls["exp"](go(exponent))
            if exponent == Num("2"):
                root = go(base)
                return how.mul(root, root)
            return how.power(go(base), go(exponent))
        case Call(function, args):
            return how.calls[function](*map(go, args))
        case Over(function, body):
            return how.calls[function](go(body))
        case _:
            raise AssertionError(f"not an arithmetic expression: {e}")


def _each(function: Callable[[float], float]) -> Callable[[Column], Column]:
    """A float function over a column, bit for bit the same: numpy's own differs by an ulp."""

    def mapped(x: Column) -> Column:
        values = np.asarray(x, np.float64)
        return np.array([_quiet(function, v) for v in values.ravel().tolist()]).reshape(
            values.shape
        )

    return mapped


def _quiet(function: Callable[..., float], *x: float) -> float:
    try:
        return function(*x)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def _powers(base: Column, exponent: Column) -> Column:
    """`math.pow` over two columns: numpy's own differs by an ulp."""
    pairs = np.broadcast_arrays(base, exponent)
    values = [
        _quiet(math.pow, *pair) for pair in zip(*(p.ravel().tolist() for p in pairs), strict=True)
    ]
    return np.array(values, np.float64).reshape(pairs[0].shape)


LARGE = 64  # values of a column from which numpy's own functions are used


def _mapped(function: Callable[[float], float], by_numpy: Callable[[Column], Column]) -> Any:
    """A function over columns: bit for bit `math`'s, or numpy's own for long columns.

    They differ by an ulp in some 5 % of the values; a long column takes a twentieth of the time.
    """
    exact = _each(function)
    return lambda x: by_numpy(x) if np.shape(x)[-1:] > (LARGE,) else exact(x)


def _total(x: Column) -> Column:
    """The sum over the samples, in their order; by numpy's pairwise sum for long columns."""
    if x.shape[-1] > LARGE:
        return np.asarray(x.sum(axis=-1, keepdims=True))
    return np.asarray(np.add.accumulate(x, axis=-1)[..., -1:])


def _greater(a: Column, b: Column) -> Column:
    """The greater of two columns, the first where they are 0 and -0, as FLOAT has it."""
    return np.asarray(np.where(b > a, b, a), np.float64)


def _largest(x: Column) -> Column:
    """The greatest over the samples, the first where they are 0 and -0."""
    return np.take_along_axis(x, x.argmax(axis=-1, keepdims=True), axis=-1)


def _greatest(found: float, *others: float) -> float:
    """The greatest number, the first where they are 0 and -0."""
    for x in others:
        if x > found:
            found = x
    return found


def _rounded(x: Column, places: float) -> Column:
    """Every number of a column as Python rounds it."""
    return _each(lambda v: round(v, int(places)))(x)


def _decimal_round(x: Decimal, places: Decimal) -> Decimal:
    return rounded(x, Digits(int(places), mode="half even"))


def _decimal_tanh(x: Decimal) -> Decimal:
    lost = abs(x.adjusted())  # digits that cancel in e^(2x) - 1 for a small x
    with localcontext(prec=PRECISION + lost + 2):
        up = (2 * min(x, Decimal(PRECISION * 2))).exp()  # tanh 100 is 1 to 86 digits
        found = (up - 1) / (up + 1)
    return +found


FLOAT: Arithmetic[float] = Arithmetic(
    float,
    math.pow,  # not **: a root of a negative number is an error, no complex number
    {
        "exp": math.exp,
        "ln": math.log,
        "sqrt": math.sqrt,
        "tanh": math.tanh,
        "max": _greatest,
        "step": lambda x: 1.0 if x > 0 else 0.0,
        "reached": lambda x, least: 1.0 if x >= least else 0.0,
        "round": lambda x, places: round(x, int(places)),  # a tie of the binary number to even
    },
)

COLUMNS: Arithmetic[Column] = Arithmetic(
    lambda text: np.float64(text),  # type: ignore[arg-type, return-value]
    _powers,
    {
        "exp": _mapped(math.exp, np.exp),
        "ln": _mapped(math.log, np.log),
        "sqrt": np.sqrt,
        "tanh": _mapped(math.tanh, np.tanh),
        "max": _greater,
        "step": lambda x: np.greater(x, 0).astype(np.float64),
        "reached": lambda x, least: np.greater_equal(x, least).astype(np.float64),
        "round": _rounded,
        "total": _total,
        "largest": _largest,
    },
)

DECIMAL: Arithmetic[Decimal] = Arithmetic(
    Decimal,
    operator.pow,
    {
        "exp": Decimal.exp,
        "ln": Decimal.ln,
        "sqrt": Decimal.sqrt,
        "tanh": _decimal_tanh,
        "max": max,
        "step": lambda x: Decimal(x > 0),
        "reached": lambda x, least: Decimal(x >= least),
        "round": _decimal_round,
    },
)


def decimal_context() -> Context:
    """The context in which decimals are computed before they are rounded."""
    return Context(prec=PRECISION, Emax=MAX_EMAX, Emin=MIN_EMIN)


# ---- float32 ---------------------------------------------------------------------------


def _narrowed(function: Callable[..., Column]) -> Callable[..., Any]:
    """A function of columns computed in float64 and rounded to float32.

    That is the float32 nearest to the exact value, but for one in some 10^8 that lies so near
    the middle of two that the rounding to float64 decides.
    """

    def narrow(*columns: Any) -> Any:
        return np.float32(function(*(np.asarray(x, np.float64) for x in columns)))

    return narrow


#: Of 1/3 + x every operation is rounded to float32, also the one on constants.
COLUMNS32: Arithmetic[Any] = Arithmetic(
    np.float32,
    _narrowed(_powers),
    {
        **{name: _narrowed(call) for name, call in COLUMNS.calls.items()},
        "total": _total,  # these two take float32 as they are, and add in float32
        "largest": _largest,
    },
)

#: What columns hold, and how they are computed.
MACHINES: Mapping[Machine, tuple[type[np.floating[Any]], Arithmetic[Any]]] = {
    Machine.FLOAT64: (np.float64, COLUMNS),
    Machine.FLOAT32: (np.float32, COLUMNS32),
}


# ---- numbers one by one ----------------------------------------------------------------


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

    return Arithmetic(
        mp.mpf,
        power,
        {
            "exp": exp,
            "ln": ln,
            "sqrt": mp.sqrt,
            "tanh": mp.tanh,
            "max": max,
            "step": lambda x: mp.mpf(int(x > 0)),
            "reached": lambda x, least: mp.mpf(int(x >= least)),
            "round": lambda x, places: mp.nint(x * 10 ** int(places)) / 10 ** int(places),
        },
    )


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
