"""How far a step may honestly be off: its value and a radius, from what its operands may be.

    v, r   a value and how far the true one may be from it, so that |true - v| <= r
    half   by how much somebody who keeps so many digits may change a value; of one that is known
           exactly (its radius is 0) what rounding changes, which may be nothing

Every operation passes radii on exactly or from above (ball arithmetic), so the whole box of
the operands is covered, kinks and poles included. A formula that names an operand twice is
also bounded by its partials over the box, which is closer: out(1 - out) near out = 1/2. Every
product, quotient, power and function inside a formula may have been rounded by itself.
The code is generated from the rule; no text of a scenario or an answer gets in.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count, product

from tracer.arithmetic import FLOAT
from tracer.differentiation import JUMPS, differentiate
from tracer.errors import RuleError
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
    calls,
    children,
    names,
    spread,
)
from tracer.rules import Rule, written_out

#: (value, radius) -> by how much rounding may change a value that is known to a radius.
Half = Callable[[float, float], float]
#: Values and radii of all steps, the operands' places, half a unit -> value and radius.
Bound = Callable[[list[float], list[float], Sequence[int], Half], tuple[float, float]]

_INF = math.inf


@lru_cache(maxsize=4096)
def formula_of(rule: Rule, size: int, samples: int) -> Expr:
    """A rule's formula with nothing left to repeat; `p@3` is p of sample 3."""
    return spread(written_out(rule, size, samples), samples)


@lru_cache(maxsize=4096)
def bound(formula: Expr, stable: Expr | None = None) -> Bound:
    """The function that bounds a formula; operands in the order of its names.

    What has no value, as 1/0, may be anything: its radius is infinite. A stable form is bounded
    instead where an operand is so large that evaluation takes it.
    """
    own = names(formula)
    lines = [f"x{k} = V[o[{k}]]; e{k} = R[o[{k}]]" for k in range(len(own))]
    if stable is not None:
        large = " or ".join(f"abs(x{k}) + e{k} > {FLOAT.limit}" for k in range(len(own)))
        lines += [f"if {large}:", *(f"    {line}" for line in _lines(stable, own))]
    lines += _lines(formula, own)
    body = "".join(f"        {line}\n" for line in lines)
    text = (
        f"def bounded(V, R, o, half):\n    try:\n{body}    except FAILURES:\n        return NOTHING"
    )
    space: dict[str, object] = dict(_FUNCTIONS)
    exec(compile(text, "<bound>", "exec"), space)
    made = space["bounded"]
    assert callable(made)
    return made


def _lines(formula: Expr, own: Sequence[str]) -> list[str]:
    """Python lines that return a formula's value and radius."""
    code = _Code({name: k for k, name in enumerate(own)})
    value, radius = code.ball(formula, top=True)
    closer = _closer(code, formula, own)
    last = [f"r = min(r, {closer})"] if closer else []
    return [*code.lines, f"r = {radius}", *last, f"return {value}, r"]


def _closer(code: _Code, formula: Expr, own: Sequence[str]) -> str:
    """The bound by partials, where a formula names an operand twice; empty where it cannot be."""
    if max(_mentions(formula).values(), default=0) < 2:
        return ""
    if calls(formula, *JUMPS):
        return ""
    parts = []
    for k, name in enumerate(own):
        try:
            slope = differentiate(formula, name)
        except RuleError:
            return ""
        value, radius = code.ball(slope, rounds=False)
        parts.append(f"(abs({value}) + {radius})*e{k}")
    _, roundings = _Code(code.places, code.lines, code.numbers, exact=True).ball(formula, top=True)
    return " + ".join([*parts, roundings])


def _mentions(e: Expr) -> Counter[str]:
    own = Counter([e.text]) if isinstance(e, Name) and e.text != EULER else Counter()
    return sum((_mentions(part) for part in children(e)), own)


@dataclass
class _Code:
    """Python lines that bound an expression, part by part."""

    places: Mapping[str, int]  # of the operands
    lines: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)  # of the names given so far
    exact: bool = False  # whether operands have no radius

    def ball(self, e: Expr, *, top: bool = False, rounds: bool = True) -> tuple[str, str]:
        """(value, radius) of a part, as names or numbers; `top` is rounded by whoever asks."""
        match e:
            case Num(text):
                return f"({text})", "0.0"
            case Name(text):
                return self._name(text)
            case Neg(body):
                value, radius = self.ball(body, rounds=rounds)
                return self._kept(f"-{value}", radius)
            case Sum(terms, minus):
                return self._sum([self.ball(t, rounds=rounds) for t in terms], minus)
            case Product(factors):
                found = self.ball(factors[0], rounds=rounds)
                for k, factor in enumerate(factors[1:], 2):
                    last = top and k == len(factors)
                    found = self._product(
                        found, self.ball(factor, rounds=rounds), rounds and not last
                    )
                return found
            case _:
                return self._called(e, rounds and not top, rounds)

    def _name(self, text: str) -> tuple[str, str]:
        if text == EULER:
            return "math.e", "0.0"
        place = self.places[text]
        return f"x{place}", "0.0" if self.exact else f"e{place}"

    def _called(self, e: Expr, rounded: bool, rounds: bool) -> tuple[str, str]:
        """A part that one of `_FUNCTIONS` bounds."""
        name, args = _function(e)
        balls = [part for arg in args for part in self.ball(arg, rounds=rounds)]
        value, radius = self._new(), self._new()
        self.lines.append(f"{value}, {radius} = ball_{name}({', '.join(balls)})")
        return (value, self._rounded(value, radius)) if rounded else (value, radius)

    def _rounded(self, value: str, radius: str) -> str:
        name = self._new()
        known = "math.inf" if self.exact else radius  # it is the box's middle that is exact
        self.lines.append(f"{name} = {radius} + half({value}, {known})")
        return name

    def _sum(self, parts: list[tuple[str, str]], minus: Sequence[bool]) -> tuple[str, str]:
        value = parts[0][0] + "".join(
            f" {'-' if negative else '+'} {part}"
            for (part, _), negative in zip(parts[1:], minus[1:], strict=True)
        )
        radii = [radius for _, radius in parts if radius != "0.0"]
        return self._kept(value, " + ".join(radii) or "0.0")

    def _product(self, a: tuple[str, str], b: tuple[str, str], rounded: bool) -> tuple[str, str]:
        (x, rx), (y, ry) = a, b
        parts = []
        if ry != "0.0":
            parts.append(f"abs({x})*{ry}")
        if rx != "0.0":
            parts.append(f"abs({y})*{rx}")
        if len(parts) == 2:
            parts.append(f"{rx}*{ry}")
        value, radius = self._kept(f"{x}*{y}", " + ".join(parts) or "0.0")
        return (value, self._rounded(value, radius)) if rounded else (value, radius)

    def _kept(self, value: str, radius: str) -> tuple[str, str]:
        """Value and radius under names of their own."""
        name = self._new()
        self.lines.append(f"{name} = {value}")
        if radius == "0.0" or radius.isidentifier():
            return name, radius
        other = self._new()
        self.lines.append(f"{other} = {radius}")
        return name, other

    def _new(self) -> str:
        return f"t{next(self.numbers)}"


def _function(e: Expr) -> tuple[str, tuple[Expr, ...]]:
    """Which of `_FUNCTIONS` a part is, and of what."""
    match e:
        case Power(Name("e"), exponent):
            return "exp", (exponent,)
        case Power(base, Num("2")):
            return "square", (base,)
        case Power(base, exponent):
            return "power", (base, exponent)
        case Quotient(a, b):
            return "quotient", (a, b)
        case Call(function, arguments):
            return function, arguments
        case _:
            raise AssertionError(f"not an arithmetic expression: {e}")


# ---- functions -------------------------------------------------------------------------


def _between(function: Callable[[float], float]) -> Callable[[float, float], tuple[float, float]]:
    """A growing function: the ends of the interval are its extremes."""

    def ball(x: float, r: float) -> tuple[float, float]:
        v = function(x)
        return v, max(function(x + r) - v, v - function(x - r)) if r else 0.0

    return ball


def _exp(x: float, r: float) -> tuple[float, float]:
    v = math.exp(x)
    return v, v * math.expm1(r)


def _square(x: float, r: float) -> tuple[float, float]:
    return x * x, (2 * abs(x) + r) * r


def _quotient(x: float, rx: float, y: float, ry: float) -> tuple[float, float]:
    v = x / y
    return v, (rx + abs(v) * ry) / (abs(y) - ry) if abs(y) > ry else _INF


def _power(x: float, rx: float, y: float, ry: float) -> tuple[float, float]:
    v = math.pow(x, y)
    if not ry and y == int(y) > 0:
        return v, math.pow(abs(x) + rx, y) - abs(v)
    if x <= rx:
        return v, _INF if rx or ry else 0.0
    corners = (math.pow(x + i * rx, y + j * ry) for i, j in product((-1, 1), repeat=2))
    return v, max(abs(c - v) for c in corners)


def _ln(x: float, r: float) -> tuple[float, float]:
    return math.log(x), -math.log1p(-r / x) if r < x else _INF


def _log10(x: float, r: float) -> tuple[float, float]:
    _, radius = _ln(x, r)
    return math.log10(x), radius / math.log(10)


def _turning(
    function: Callable[[float], float], top: float
) -> Callable[[float, float], tuple[float, float]]:
    """A sine, or one that is moved: greatest at `top`, least half a turn later."""

    def ball(x: float, r: float) -> tuple[float, float]:
        v = function(x)
        ends = [function(x - r), function(x + r)]
        ends += [sign for sign, at in ((1.0, top), (-1.0, top + math.pi)) if _meets(x, r, at, 2)]
        return v, max(abs(end - v) for end in ends) if r else 0.0

    return ball


def _meets(x: float, r: float, at: float, halves: int) -> bool:
    """Whether an interval meets `at`, or what is any number of half turns, or turns, away."""
    turn, noise = halves * math.pi, 1e-12 * (1 + abs(x) + r)
    return abs(math.remainder(x - at, turn)) <= r + noise


def _tan(x: float, r: float) -> tuple[float, float]:
    if r and _meets(x, r, math.pi / 2, 1):
        return math.tan(x), _INF
    return _between(math.tan)(x, r)


def _abs(x: float, r: float) -> tuple[float, float]:
    return abs(x), r


def _sign(x: float, r: float) -> tuple[float, float]:
    v = float((x > 0) - (x < 0))
    return v, 1.0 + abs(v) if abs(x) <= r and r > 0 else 0.0


def _sqrt(x: float, r: float) -> tuple[float, float]:
    v = math.sqrt(x)
    return v, max(math.sqrt(x + r) - v, v - math.sqrt(max(x - r, 0.0))) if r else 0.0


def _choosing(choice: Callable[..., float]) -> Callable[..., tuple[float, float]]:
    """The greatest, or the least: it grows with each of the numbers."""

    def ball(*balls: float) -> tuple[float, float]:
        pairs = list(zip(balls[::2], balls[1::2], strict=True))
        v = choice(x for x, _ in pairs)
        low, high = (choice(x + sign * r for x, r in pairs) for sign in (-1, 1))
        return v, max(high - v, v - low)

    return ball


def _picking(sign: int) -> Callable[..., tuple[float, float]]:
    """Whether the k-th number is the first that is the greatest; with sign -1, the least."""

    def ball(k: float, _: float, *balls: float) -> tuple[float, float]:
        pairs = [(sign * x, r) for x, r in zip(balls[::2], balls[1::2], strict=True)]
        values = [x for x, _ in pairs]
        picked = values.index(max(values)) == int(k) - 1
        (own, off), others = pairs.pop(int(k) - 1), pairs
        least, most = max(x - r for x, r in others), max(x + r for x, r in others)
        sure = most < own - off if picked else least > own + off
        return float(picked), float(not sure and any(r > 0 for _, r in ((own, off), *others)))

    return ball


def _step(x: float, r: float) -> tuple[float, float]:
    return float(x > 0), float(abs(x) <= r and r > 0)


def _reached(x: float, rx: float, y: float, ry: float) -> tuple[float, float]:
    return float(x >= y), float(abs(x - y) <= rx + ry and rx + ry > 0)


def _round(x: float, r: float, places: float, _: float) -> tuple[float, float]:
    """To decimals, which are a number of the formula; rounding never goes down as x grows."""
    return _between(lambda v: round(v, int(places)))(x, r)


_FUNCTIONS: dict[str, object] = {
    "math": math,
    "FAILURES": (ZeroDivisionError, ValueError, OverflowError),
    "NOTHING": (0.0, _INF),
    "ball_exp": _exp,
    "ball_square": _square,
    "ball_quotient": _quotient,
    "ball_power": _power,
    "ball_ln": _ln,
    "ball_log10": _log10,
    "ball_sqrt": _sqrt,
    "ball_sin": _turning(math.sin, math.pi / 2),
    "ball_cos": _turning(math.cos, 0.0),
    "ball_tan": _tan,
    "ball_tanh": _between(math.tanh),
    "ball_erf": _between(math.erf),
    "ball_pi": lambda: (math.pi, 0.0),
    "ball_abs": _abs,
    "ball_sign": _sign,
    "ball_max": _choosing(max),
    "ball_min": _choosing(min),
    "ball_picked": _picking(1),
    "ball_picked_min": _picking(-1),
    "ball_step": _step,
    "ball_reached": _reached,
    "ball_round": _round,
}
