"""sympy, and nothing but sympy: differentiate, prove, translate. It never prints.

Imported only where something is not already in `derived.json`: sympy takes 0.4 s to start.
"""

from __future__ import annotations

import sympy  # type: ignore[import-untyped]  # ships no types

from tracer.errors import RuleError
from tracer.expression import (
    EULER,
    ONE,
    Call,
    Diff,
    Each,
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
)

_CALLS = {
    "exp": sympy.exp,
    "ln": sympy.log,
    "sqrt": sympy.sqrt,
    "tanh": sympy.tanh,
    "max": sympy.Max,
    "step": lambda x: sympy.Heaviside(x, 0),
}

#: A formula with a kink is proven on either side of it.
_SIGNS = ({"positive": True}, {"negative": True})


def to_sympy(e: Expr, symbols: dict[str, sympy.Expr]) -> sympy.Expr:
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
        case Each():
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
        return _product(x)
    if x.func == sympy.exp:
        return Power(Name(EULER), from_sympy(x.args[0]))
    if x.is_Pow:
        if x.exp.could_extract_minus_sign():
            return Quotient(ONE, from_sympy(1 / x))
        return Power(from_sympy(x.base), from_sympy(x.exp))
    known = {sympy.log: "ln", sympy.tanh: "tanh", sympy.Max: "max", sympy.Heaviside: "step"}
    if x.func in known:
        args = x.args[:1] if x.func == sympy.Heaviside else x.args
        return Call(known[x.func], tuple(from_sympy(a) for a in args))
    raise RuleError(f"cannot write the derivative {x} back; state a teaching form for it")


def _product(x: sympy.Expr) -> Expr:
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
    """Whether two expressions are proven equal, for either sign of every name they kink in."""
    free = sorted({*names(left), *names(right)})
    kinked = _has_kink(left) or _has_kink(right)
    cases = _SIGNS if kinked else ({"real": True},)
    return all(
        _is_zero(left, right, {name: sympy.Symbol(name, **case) for name in free}) for case in cases
    )


def _has_kink(e: Expr) -> bool:
    if isinstance(e, Call) and e.function in ("max", "step"):
        return True
    return any(_has_kink(part) for part in children(e))


def _is_zero(left: Expr, right: Expr, symbols: dict[str, sympy.Expr]) -> bool:
    gap = to_sympy(left, symbols) - to_sympy(right, symbols)
    if gap == 0:
        return True
    if _is_refuted(gap):
        return False
    if sympy.expand(gap) == 0:
        return True
    return bool(sympy.simplify(gap.rewrite(sympy.exp)) == 0 or sympy.simplify(gap) == 0)


def _is_refuted(gap: sympy.Expr) -> bool:
    """Whether a gap is another number than 0 at one point; simplifying it might take for ever."""
    point = {
        symbol: sympy.Rational(k + 3, 3 * k + 10) * (-1 if symbol.is_negative else 1)
        for k, symbol in enumerate(sorted(gap.free_symbols, key=str))
    }
    value = gap.subs(point)
    return bool(value != 0 and value.is_comparable)  # comparable: known to some digit, not 0
