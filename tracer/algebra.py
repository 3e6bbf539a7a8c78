"""sympy, and nothing but sympy: differentiate, prove, translate. It never prints.

For what is proven once and kept in `derived.json`, as nothing bounds its time; a user's
formulas are differentiated by `differentiation`. sympy takes 0.4 s to start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import sympy  # type: ignore[import-untyped]  # ships no types

from tracer.differentiation import KINKED, gap
from tracer.errors import RuleError
from tracer.expression import (
    EULER,
    ONE,
    PICKS,
    ZERO,
    Call,
    Diff,
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
    names,
    rebuild,
)

MAX_KINKS = 6  # of a proof, which has a case for either side of each

_CALLS = {
    "exp": sympy.exp,
    "ln": sympy.log,
    "log10": lambda x: sympy.log(x) / sympy.log(10),
    "sqrt": sympy.sqrt,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "tanh": sympy.tanh,
    "erf": sympy.erf,
    "pi": lambda: sympy.pi,
    "abs": sympy.Abs,
    "sign": sympy.sign,
    "max": sympy.Max,
    "min": sympy.Min,
    "picked": lambda k, *x: _picked(int(k), x),
    "picked_min": lambda k, *x: _picked(int(k), [-u for u in x]),
    "step": lambda x: sympy.Heaviside(x, 0),
    "reached": lambda x, least: sympy.Heaviside(x - least, 1),
}

_WRITTEN = {
    sympy.log: "ln", sympy.sin: "sin", sympy.cos: "cos", sympy.tan: "tan", sympy.tanh: "tanh",
    sympy.erf: "erf", sympy.Abs: "abs", sympy.sign: "sign", sympy.Max: "max", sympy.Min: "min",
    sympy.Heaviside: "step",
}  # fmt: skip


def _picked(k: int, x: Sequence[sympy.Expr]) -> sympy.Expr:
    """1 where the k-th is the first of the greatest, else 0."""
    own = x[k - 1]
    earlier = (sympy.Heaviside(own - u, 0) for u in x[: k - 1])
    return sympy.Mul(*earlier, *(sympy.Heaviside(own - u, 1) for u in x[k:]))


def to_sympy(e: Expr, symbols: Mapping[str, sympy.Expr]) -> sympy.Expr:
    """The expression in sympy, its names looked up in `symbols`."""

    def go(part: Expr) -> sympy.Expr:
        return to_sympy(part, symbols)

    match e:
        case Num(text):
            return sympy.Rational(text)
        case Name(text):
            return sympy.E if text == EULER else symbols[text]
        case Neg(body):
            return -go(body)
        case Sum(terms, minus):
            return sympy.Add(*(-go(t) if m else go(t) for t, m in zip(terms, minus, strict=True)))
        case Product(factors):
            return sympy.Mul(*(go(f) for f in factors))
        case Quotient(top, bottom):
            return go(top) / go(bottom)
        case Power(base, exponent):
            return go(base) ** go(exponent)
        case Call(function, args):
            return _CALLS[function](*(go(a) for a in args))
        case Diff(body, by):
            return sympy.diff(go(body), symbols[by])
        case Each() | Over():
            raise AssertionError(f"expand repetitions before algebra: {e}")


def from_sympy(x: sympy.Expr) -> Expr:
    """A sympy result in our tree; only for what differentiating catalog formulas yields."""
    if x.is_Symbol:
        return Name(x.name)
    if x.is_Integer:
        return Num(str(x)) if x >= 0 else Neg(Num(str(-x)))
    if x.is_Rational:
        return Quotient(from_sympy(sympy.Integer(x.p)), Num(str(x.q)))
    if x == sympy.E:
        return Name(EULER)
    if x.is_Add:
        parts = x.as_ordered_terms()
        signs = tuple(t.could_extract_minus_sign() for t in parts)
        first = from_sympy(parts[0])
        rest = [from_sympy(-t if s else t) for t, s in zip(parts[1:], signs[1:], strict=True)]
        return Sum((first, *rest), (False, *signs[1:]))
    if x.is_Mul:
        return _from_product(x)
    if x.func == sympy.exp:
        return Power(Name(EULER), from_sympy(x.args[0]))
    if x.is_Pow:
        if x.exp.could_extract_minus_sign():
            return Quotient(ONE, from_sympy(1 / x))
        return Power(from_sympy(x.base), from_sympy(x.exp))
    if x == sympy.pi:
        return Call("pi", ())
    if x.func in _WRITTEN:
        args = x.args[:1] if x.func == sympy.Heaviside else x.args
        return Call(_WRITTEN[x.func], tuple(from_sympy(a) for a in args))
    raise RuleError(f"cannot write the derivative {x} back; state a teaching form for it")


def _from_product(x: sympy.Expr) -> Expr:
    if x.could_extract_minus_sign():
        return Neg(from_sympy(-x))
    top, bottom = sympy.fraction(x)
    if bottom != 1:
        return Quotient(from_sympy(top), from_sympy(bottom))
    return Product(tuple(from_sympy(f) for f in x.as_ordered_factors()))


def partial(e: Expr, by: str) -> Expr:
    """∂e/∂by as sympy finds it."""
    symbols = {name: sympy.Symbol(name, real=True) for name in names(e)}
    return from_sympy(sympy.diff(to_sympy(e, symbols), symbols[by]))


def equal(left: Expr, right: Expr) -> bool:
    """Whether two expressions are proven equal, on either side of every kink."""
    if len({*_kinked(left), *_kinked(right)}) > MAX_KINKS:
        return False
    free = sorted({*names(left), *names(right)})
    symbols = {name: sympy.Symbol(name, real=True) for name in free}
    return all(map(_is_zero, _differences(left, right, symbols)))


Symbols = Mapping[str, sympy.Symbol]


def _differences(left: Expr, right: Expr, symbols: Symbols) -> Iterator[sympy.Expr]:
    """left - right, once for either sign of each difference that decides a max or a step."""
    call = next(chain(_kinked(left), _kinked(right)), None)
    if call is None:
        yield to_sympy(left, symbols) - to_sympy(right, symbols)
        return
    decider = _decider(call, symbols)
    for sign in _signs(decider):
        there = (_decided(left, decider, sign, symbols), _decided(right, decider, sign, symbols))
        yield from _differences(*there, _signed(symbols, decider, sign))


def _kinked(e: Expr) -> Iterator[Call]:
    """The calls that have a kink, inner ones first."""
    for part in children(e):
        yield from _kinked(part)
    if isinstance(e, Call) and e.function in KINKED:
        yield e


def _signs(decider: sympy.Expr) -> tuple[int, ...]:
    """The signs that a decider may have."""
    if decider.is_number:
        return (sympy.sign(decider),)
    return (1,) if decider.is_positive else (-1,) if decider.is_negative else (1, -1)


def _decider(call: Call, symbols: Symbols) -> sympy.Expr:
    """The gap of a call without a positive factor: x - y of max(2*x, 2*y), and of e^x - e^y."""
    found = sympy.expand(to_sympy(gap(call), symbols)).primitive()[1]
    x = sympy.Wild("x")
    for shape, sign in ((sympy.exp(x) - 1, 1), (1 - sympy.exp(x), -1)):
        if (matched := found.match(shape)) and matched[x].free_symbols == found.free_symbols:
            return sign * matched[x]
    return found


def _decided(e: Expr, decider: sympy.Expr, sign: int, symbols: Symbols) -> Expr:
    """The expression with every call replaced that the decider's sign decides."""
    e = rebuild(e, tuple(_decided(part, decider, sign, symbols) for part in children(e)))
    if not isinstance(e, Call) or [e] != list(_kinked(e)):
        return e  # no kink, or one inside that another difference decides
    own = _decider(e, symbols)
    if own not in (decider, -decider):
        return e
    return _side(e, sign if own == decider else -sign)


def _side(call: Call, sign: int) -> Expr:
    """What a call with a kink is where its gap has a sign."""
    match call.function, call.args:
        case "abs", (u,):
            return u if sign >= 0 else Neg(u)
        case "sign", _:
            return _whole(sign)
        case ("step" | "reached") as function, _:
            return ONE if sign > 0 or (sign == 0 and function == "reached") else ZERO
        case ("max" | "min") as function, (u, v, *rest):
            chosen = u if _first(function, sign) else v
            return Call(function, (chosen, *rest)) if rest else chosen
        case pick, (Num(text), *args):
            return _picked_side(pick, int(text), args, _first(PICKS[pick], sign))
    raise AssertionError(f"no kink: {call}")


def _first(function: str, sign: int) -> bool:
    """Whether the first of two is chosen where their difference has a sign."""
    return sign == 0 or (sign > 0) == (function == "max")


def _picked_side(pick: str, k: int, args: Sequence[Expr], first: bool) -> Expr:
    """Whether argument k is picked, once the first two are known to be in an order."""
    if k == (2 if first else 1):
        return ZERO
    left = [args[0 if first else 1], *args[2:]]
    return Call(pick, (Num(str(max(k - 1, 1))), *left)) if len(left) > 1 else ONE


def _whole(sign: int) -> Expr:
    return Neg(ONE) if sign < 0 else Num(str(sign))


def _signed(symbols: Symbols, decider: sympy.Expr, sign: int) -> Symbols:
    """The symbols, with the sign of a decider that is one of them or its negative."""
    for name, symbol in symbols.items():
        if decider in (symbol, -symbol):
            positive = (sign > 0) == (decider == symbol)
            return {**symbols, name: sympy.Symbol(name, positive=positive, negative=not positive)}
    return symbols


def _is_zero(x: sympy.Expr) -> bool:
    if x == 0:
        return True
    if _is_refuted(x):
        return False
    if sympy.expand(x) == 0:
        return True
    if sympy.simplify(x.rewrite(sympy.exp)) == 0 or sympy.simplify(x) == 0:
        return True
    return bool(x.has(sympy.log) and sympy.simplify(sympy.exp(x)) == 1)  # ln(u*v) - ln(u) - ln(v)


def _is_refuted(x: sympy.Expr) -> bool:
    """Whether it is another number than 0 at one point; simplifying it might take for ever."""
    point = {
        symbol: sympy.Rational(k + 3, 3 * k + 10) * (-1 if symbol.is_negative else 1)
        for k, symbol in enumerate(sorted(x.free_symbols, key=str))
    }
    value = x.subs(point)
    return bool(value != 0 and value.is_comparable)  # comparable: known to some digit, not 0
