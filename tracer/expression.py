"""Expressions as a person wrote them.

The tree keeps the author's order, signs and brackets: `x*w + b` is not `b + w*x`.

`sum(w_i*x_i)`, `prod(f_i)` and `max(x_i)` repeat their body once per operand of a group; names
that end in `_i` are the group, `n` is its size. `expand` writes a repetition out.
`total(e)`, `average(e)` and `largest(x)` run over the samples of a batch: they lead from one
value a sample to one a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

#: Functions the language knows, with the number of their arguments, or the least number.
FUNCTIONS = {
    "exp": 1, "ln": 1, "log10": 1, "sqrt": 1, "sin": 1, "cos": 1, "tan": 1, "tanh": 1, "erf": 1,
    "abs": 1, "sign": 1, "max": 2, "min": 2, "step": 1, "reached": 2, "picked": 3,
    "picked_min": 3, "pi": 0,
}  # fmt: skip
CHOICES = ("max", "min")  # functions that are one of their arguments
#: Whether an argument is the first that is the max, or the min: `picked(2, a, b, c)` is about b.
PICKS = {"picked": "max", "picked_min": "min"}
MANY = (*CHOICES, *PICKS)  # functions that take any number of arguments from the least on
ROUND = "round"  # to some decimals: in no formula that a person writes, a scenario may state it
REPEATS = ("sum", "prod", *CHOICES)
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
class OfGroup(Call):
    """A max or min over a group: where members are equal, the first of them is the one."""


@dataclass(frozen=True, slots=True)
class Each:
    """A body repeated for every operand of a group: `sum(w_i*x_i)`."""

    repeat: str  # one of REPEATS
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
            return type(e)(function, parts)
        case Quotient():
            return Quotient(*parts)
        case Power():
            return Power(*parts)


def rename(e: Expr, leaf: Callable[[str], Expr]) -> Expr:
    """The expression with every name but `e` replaced by `leaf(name)`."""
    if isinstance(e, Name):
        return e if e.text == EULER else leaf(e.text)
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


def parts(e: Expr) -> Iterator[Expr]:
    """An expression and every part of it, inner ones first."""
    for part in children(e):
        yield from parts(part)
    yield e


def calls(e: Expr, *functions: str) -> bool:
    """Whether an expression calls one of some functions."""
    return any(isinstance(part, Call) and part.function in functions for part in parts(e))


def leaves(e: Expr) -> int:
    """How many numbers and names an expression has."""
    return sum(map(leaves, children(e))) or 1


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
        return parts[0] if size == 1 else _repeated(e.repeat, parts)
    parts = tuple(expand(part, size) for part in children(e))
    return _flatten(e, parts) if isinstance(e, Sum) else rebuild(e, parts)


def _repeated(repeat: str, parts: tuple[Expr, ...]) -> Expr:
    if repeat in CHOICES:
        return OfGroup(repeat, parts)
    return Product(parts) if repeat == "prod" else Sum(parts, (False,) * len(parts))


@lru_cache(maxsize=1024)
def spread(e: Expr, samples: int) -> Expr:
    """The expression with what runs over the samples written out, a name a sample."""
    if not isinstance(e, Over):
        parts = tuple(spread(part, samples) for part in children(e))
        return e if parts == children(e) else rebuild(e, parts)
    each = tuple(
        rename(e.body, lambda s, k=k: Name(member(s, k)))  # type: ignore[misc]
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
