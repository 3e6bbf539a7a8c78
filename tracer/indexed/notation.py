"""Formulas in index notation: their tree, the parser that reads them, and their printers.

    w_jk  a_j  δ_k     a name and its indices           z_j^(l+1)    the layer is raised
    g_k(z_k)           an activation function           g'_k(z_k)    its derivative
    Σ_{k∈K} δ_k · w_jk     a sum, up to the next + or -
    ∂E/∂w_jk           a partial derivative of a name   ∂/∂w_jk (…)  of anything else

What a terminal shows is what the parser reads: `parse(text(e)) == e`. A product needs its `·`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from tracer.errors import FormulaError


@dataclass(frozen=True, slots=True)
class Num:
    top: int
    bottom: int = 1  # 1/2 is one number


@dataclass(frozen=True, slots=True)
class Var:
    base: str  # "w", "δ"; "g'" for a derivative
    below: tuple[str, ...] = ()  # indices of units, or one layer: ("j", "k"), ("l+1",)
    layer: str = ""  # "l+1"


@dataclass(frozen=True, slots=True)
class Apply:
    function: Var
    argument: Expr


@dataclass(frozen=True, slots=True)
class Plus:
    terms: tuple[Expr, ...]
    minus: tuple[bool, ...]  # which terms are subtracted; the first never is


@dataclass(frozen=True, slots=True)
class Times:
    factors: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Power:
    base: Expr
    exponent: int


@dataclass(frozen=True, slots=True)
class Sigma:
    """The sum of `body` over every unit `index` of a set: K, or N_l, the units of layer l."""

    index: str
    over: Var
    body: Expr


@dataclass(frozen=True, slots=True)
class Partial:
    body: Expr
    by: Var


Expr = Num | Var | Apply | Plus | Times | Power | Sigma | Partial


def children(e: Expr) -> tuple[Expr, ...]:
    """The parts of an expression, in the order they are written."""
    match e:
        case Num() | Var():
            return ()
        case Apply(function, argument):
            return (function, argument)
        case Plus(parts, _) | Times(parts):
            return parts
        case Power(part, _) | Sigma(_, _, part):
            return (part,)
        case Partial(body, by):
            return (body, by)


# ---- parser ----------------------------------------------------------------------------

_NAME = (
    r"(?P<base>[A-Za-zδ]'?)"
    r"(?:_(?:\((?P<group>[A-Za-z][+-]\d+)\)|(?P<letters>[A-Za-z]+)))?"
    r"(?:\^(?:\((?P<raised>[A-Za-z][+-]\d+)\)|(?P<letter>[A-Za-z])))?"
)
_VAR = re.compile(_NAME)
_NUMBER = re.compile(r"(\d+)(?:/(\d+))?")
_EXPONENT = re.compile(r"\^(\d+)")
_SIGMA = re.compile(r"Σ_\{([A-Za-z])∈")
_SIGN = re.compile(r" ([+-]) ")


class _Parser:
    """Recursive descent over the characters of one formula; `at` is the next."""

    def __init__(self, formula: str) -> None:
        self.formula = formula
        self.at = 0

    def fail(self, wanted: str) -> FormulaError:
        return FormulaError(f"{self.formula!r}: expected {wanted} at character {self.at + 1}")

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        if found := pattern.match(self.formula, self.at):
            self.at = found.end()
        return found

    def accept(self, wanted: str) -> bool:
        found = self.formula.startswith(wanted, self.at)
        self.at += len(wanted) * found
        return found

    def expect(self, wanted: str) -> None:
        if not self.accept(wanted):
            raise self.fail(repr(wanted))

    def plus(self) -> Expr:
        terms, minus = [self.times()], [False]
        while sign := self.match(_SIGN):
            terms.append(self.times())
            minus.append(sign[1] == "-")
        return terms[0] if len(terms) == 1 else Plus(tuple(terms), tuple(minus))

    def times(self) -> Expr:
        factors = [self.factor()]
        while self.accept(" · "):
            factors.append(self.factor())
        return factors[0] if len(factors) == 1 else Times(tuple(factors))

    def factor(self) -> Expr:
        if found := self.match(_SIGMA):
            over = self.var()
            self.expect("} ")
            return Sigma(found[1], over, self.times())
        return self.partial() if self.accept("∂") else self.power()

    def partial(self) -> Expr:
        if self.accept("/∂"):
            by = self.var()
            self.expect(" ")
            return Partial(self.factor(), by)
        body = self.var()
        self.expect("/∂")
        return Partial(body, self.var())

    def power(self) -> Expr:
        base = self.atom()
        found = self.match(_EXPONENT)
        return Power(base, int(found[1])) if found else base

    def atom(self) -> Expr:
        if self.accept("("):
            return self.closed()
        if found := self.match(_NUMBER):
            return Num(int(found[1]), int(found[2] or 1))
        name = self.var()
        return Apply(name, self.closed()) if self.accept("(") else name

    def closed(self) -> Expr:
        inner = self.plus()
        self.expect(")")
        return inner

    def var(self) -> Var:
        found = self.match(_VAR)
        if not found:
            raise self.fail("a number or a name")
        below = (found["group"],) if found["group"] else tuple(found["letters"] or "")
        return Var(found["base"], below, found["raised"] or found["letter"] or "")


@lru_cache(maxsize=1024)
def parse(formula: str) -> Expr:
    """Read one formula; raises FormulaError naming the place."""
    parser = _Parser(formula)
    found = parser.plus()
    if parser.at < len(formula):
        raise parser.fail("the end")
    return found


# ---- printers --------------------------------------------------------------------------

#: How tightly a part holds together. OPEN reaches on to the right: it may only come last.
SUM, PRODUCT, OPEN, POWER, ATOM = range(1, 6)


def level(e: Expr) -> int:
    """How tightly an expression holds together when it is printed."""
    match e:
        case Plus():
            return SUM
        case Times():
            return PRODUCT
        case Sigma():
            return OPEN
        case Partial(body, _):
            return POWER if isinstance(body, Var) else OPEN
        case Num(_, bottom):
            return ATOM if bottom == 1 else POWER
        case Var(_, _, layer):
            return POWER if layer else ATOM
        case Power():
            return POWER
        case Apply():
            return ATOM


class Text:
    """Unicode for a terminal, and the base of LaTeX."""

    d = "∂"

    def print(self, e: Expr, least: int = SUM) -> str:
        """The expression where a part of at least this level is needed."""
        printed = self.node(e)
        return self.bracket(printed) if level(e) < least else printed

    def node(self, e: Expr) -> str:
        match e:
            case Num(top, bottom):
                return str(top) if bottom == 1 else self.fraction(str(top), str(bottom))
            case Var():
                return self.var(e)
            case Apply(function, argument):
                return self.var(function) + self.bracket(self.print(argument))
            case Plus(terms, minus):
                signs = ("", *(" - " if m else " + " for m in minus[1:]))
                parts = (self.print(term, PRODUCT) for term in terms)
                return "".join(sign + part for sign, part in zip(signs, parts, strict=True))
            case Times(factors):
                return self.times(factors)
            case Power(base, exponent):
                return f"{self.print(base, ATOM)}^{self.group(str(exponent))}"
            case Sigma(index, over, body):
                return f"{self.sigma(index, self.var(over))} {self.print(body, PRODUCT)}"
            case Partial(body, by):
                return self.partial(body, self.var(by))

    def var(self, v: Var) -> str:
        below = f"_{self.below(v.below)}" if v.below else ""
        return v.base + below + (f"^{self.layer(v.layer)}" if v.layer else "")

    def below(self, indices: tuple[str, ...]) -> str:
        return "".join(map(self.layer, indices))

    def layer(self, layer: str) -> str:
        return layer if len(layer) == 1 else f"({layer})"

    def group(self, inner: str) -> str:
        return inner

    def bracket(self, inner: str) -> str:
        return f"({inner})"

    def fraction(self, top: str, bottom: str) -> str:
        return f"{top}/{bottom}"

    def times(self, factors: tuple[Expr, ...]) -> str:
        return " · ".join(self.factors(factors))

    def factors(self, factors: tuple[Expr, ...]) -> list[str]:
        """Each factor printed; one that reaches on to the right keeps no brackets at the end."""
        *before, last = factors
        return [*(self.print(factor, POWER) for factor in before), self.print(last, OPEN)]

    def sigma(self, index: str, over: str) -> str:
        return f"Σ_{{{index}∈{over}}}"

    def partial(self, body: Expr, by: str) -> str:
        if isinstance(body, Var):
            return self.fraction(self.d + self.var(body), self.d + by)
        return f"{self.fraction(self.d.strip(), self.d + by)} {self.print(body, OPEN)}"


class Latex(Text):
    """LaTeX that Markdown leaves alone: no backslash before punctuation, no `}_{`, no `'_{`."""

    d = r"\partial "

    def var(self, v: Var) -> str:
        base = v.base.replace("δ", r"\delta").rstrip("'")
        below = f"_{{{''.join(v.below)}}}" if v.below else ""
        prime = "'" * v.base.count("'")
        return base + below + prime + (f"^{{{v.layer}}}" if v.layer else "")

    def group(self, inner: str) -> str:
        return f"{{{inner}}}"

    def bracket(self, inner: str) -> str:
        tall = r"\frac" in inner or r"\sum" in inner
        return rf"\left({inner}\right)" if tall else f"({inner})"

    def fraction(self, top: str, bottom: str) -> str:
        return rf"\frac{{{top}}}{{{bottom}}}"

    def times(self, factors: tuple[Expr, ...]) -> str:
        """Factors side by side; a dot where they would read as a call, one number or fraction."""
        printed, *parts = self.factors(factors)
        for (before, factor), part in zip(pairwise(factors), parts, strict=True):
            called = isinstance(before, Var) and part.startswith(("(", r"\left("))
            fractions = isinstance(before, Partial) and isinstance(factor, Partial)
            dotted = called or fractions or isinstance(factor, Num)
            printed += (r" \cdot " if dotted else " ") + part
        return printed

    def sigma(self, index: str, over: str) -> str:
        return rf"\sum_{{{index} \in {over}}}"


class Inline(Latex):
    """LaTeX for a line of prose: ∂E/∂w with a slash."""

    def fraction(self, top: str, bottom: str) -> str:
        return f"{top}/{bottom}"


TEXT, LATEX, INLINE = Text(), Latex(), Inline()


def text(e: Expr) -> str:
    """The formula as a terminal shows it and the parser reads it."""
    return TEXT.print(e)


def latex(e: Expr) -> str:
    """The displayed formula in LaTeX, safe inside Markdown."""
    return LATEX.print(e)


def inline(e: Expr) -> str:
    """The formula in LaTeX in a line of prose, safe inside Markdown."""
    return INLINE.print(e)
