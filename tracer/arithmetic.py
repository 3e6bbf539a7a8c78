"""Ways to compute one and the same expression: floats, and columns of them; others in `exact`.

`How` says which for the steps of a program. Machines round every operation to a binary float;
`Precise` to a number of digits; by hand (`Digits`) a whole step is computed to 50 digits, then
rounded as a person does.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import reduce
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
from tracer.numbers import Digits

V = TypeVar("V")
Column = NDArray[np.float64]

_LIMITS = 600.0, 80.0  # below these the exponential fits a float64, a float32, with room


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
    limit: float = math.inf  # of operands, beyond which a rule's stable form is computed


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


def steadily(
    limit: float, operands: Iterable[Column], usual: Callable[[], Column],
    stable: Callable[[], Column],
) -> Column:  # fmt: skip
    """A column in its usual form, and in its stable one where an operand is beyond the limit."""
    large = reduce(np.logical_or, (np.abs(x) > limit for x in operands))
    return np.where(large, stable(), usual()) if np.any(large) else usual()


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


def _greatest_of(first: Column, *others: Column) -> Column:
    """The greatest of some columns, the first where they are 0 and -0, as FLOAT has it."""
    return reduce(lambda a, b: np.asarray(np.where(b > a, b, a), np.float64), others, first)


def _least_of(first: Column, *others: Column) -> Column:
    """The least of some columns, the first where they are 0 and -0."""
    return reduce(lambda a, b: np.asarray(np.where(b < a, b, a), np.float64), others, first)


def _picked_of(choice: Callable[..., Column]) -> Callable[..., Column]:
    """Whether the k-th column is the first that is the one chosen, as 1 or 0."""

    def picked(k: Column, *columns: Column) -> Column:
        chosen, own = choice(*columns), int(k) - 1
        earlier = [column == chosen for column in columns[:own]]
        late = reduce(np.logical_or, earlier, np.bool_(False))
        return np.asarray((columns[own] == chosen) & ~late, np.float64)

    return picked


def _largest(x: Column) -> Column:
    """The greatest over the samples, the first where they are 0 and -0."""
    return np.take_along_axis(x, x.argmax(axis=-1, keepdims=True), axis=-1)


def _greatest(found: V, *others: V) -> V:
    """The greatest number, the first where they are 0 and -0."""
    for x in others:
        if x > found:  # type: ignore[operator]  # numbers of every kind
            found = x
    return found


def _least(found: V, *others: V) -> V:
    """The least number, the first where they are 0 and -0."""
    for x in others:
        if x < found:  # type: ignore[operator]  # numbers of every kind
            found = x
    return found


def comparing(number: Callable[[int], V]) -> dict[str, Callable[..., V]]:
    """The functions that only compare numbers; those that say yes or no as 1 or 0."""

    def picked(choice: Callable[..., V]) -> Callable[..., V]:
        return lambda k, *x: number(x.index(choice(*x)) == int(k) - 1)

    return {
        "max": _greatest,
        "min": _least,
        "step": lambda x: number(x > 0),
        "sign": lambda x: number((x > 0) - (x < 0)),
        "reached": lambda x, least: number(x >= least),
        "picked": picked(_greatest),
        "picked_min": picked(_least),
        "abs": abs,
    }


def _rounded(x: Column, places: float) -> Column:
    """Every number of a column as Python rounds it."""
    return _each(lambda v: round(v, int(places)))(x)


FLOAT: Arithmetic[float] = Arithmetic(
    float,
    math.pow,  # not **: a root of a negative number is an error, no complex number
    {
        "exp": math.exp,
        "ln": math.log,
        "log10": math.log10,
        "sqrt": math.sqrt,
        "sin": math.sin,
        "cos": math.cos,
        "tan": math.tan,
        "tanh": math.tanh,
        "erf": math.erf,
        "pi": lambda: math.pi,
        **comparing(float),
        "round": lambda x, places: round(x, int(places)),  # a tie of the binary number to even
    },
    limit=_LIMITS[0],
)

COLUMNS: Arithmetic[Column] = Arithmetic(
    lambda text: np.float64(text),  # type: ignore[arg-type, return-value]
    _powers,
    {
        "exp": _mapped(math.exp, np.exp),
        "ln": _mapped(math.log, np.log),
        "log10": _mapped(math.log10, np.log10),
        "sqrt": np.sqrt,
        "sin": _mapped(math.sin, np.sin),
        "cos": _mapped(math.cos, np.cos),
        "tan": _mapped(math.tan, np.tan),
        "tanh": _mapped(math.tanh, np.tanh),
        "erf": _each(math.erf),
        "pi": lambda: np.asarray(math.pi),
        "abs": np.abs,
        "sign": np.sign,
        "max": _greatest_of,
        "min": _least_of,
        "picked": _picked_of(_greatest_of),
        "picked_min": _picked_of(_least_of),
        "step": lambda x: np.greater(x, 0).astype(np.float64),
        "reached": lambda x, least: np.greater_equal(x, least).astype(np.float64),
        "round": _rounded,
        "total": _total,
        "largest": _largest,
    },
    limit=_LIMITS[0],
)

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
    limit=_LIMITS[1],
)

#: What columns hold, and how they are computed.
MACHINES: Mapping[Machine, tuple[type[np.floating[Any]], Arithmetic[Any]]] = {
    Machine.FLOAT64: (np.float64, COLUMNS),
    Machine.FLOAT32: (np.float32, COLUMNS32),
}
