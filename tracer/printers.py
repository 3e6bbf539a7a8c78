"""Expressions in a language: LaTeX, text for a terminal, the formula language, Python.

An expression is printed once into a template: literal text and slots. A slot knows where
its operand stands, so that filling it with a name or with a number puts brackets exactly
where they are needed: around a negative number after an operator, a fraction that is squared.

The level of a part says how tightly it holds together; a place asks for a least level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import chain, pairwise, zip_longest
from typing import NamedTuple

from tracer.expression import (
    EULER,
    PICKS,
    ROUND,
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
)

SUM, NEG, PRODUCT, QUOTIENT, POWER, ATOM = 1, 2, 3, 4, 5, 6
_LEVELS = {Sum: SUM, Neg: NEG, Product: PRODUCT, Over: PRODUCT, Power: POWER, Diff: POWER}


class Leaf(NamedTuple):
    """What fills a slot."""

    text: str
    level: int = ATOM
    negative: bool = False


class Place(NamedTuple):
    """Where a part stands: the least level it needs there, and whether it leads the line."""

    level: int
    leading: bool = False


class Slot(NamedTuple):
    name: str
    place: Place


class Literal(NamedTuple):
    text: str


Template = tuple[Slot | Literal, ...]

TOP = Place(0, True)


class Text:
    """Unicode for a terminal, and the base of the other languages."""

    numeric = False  # operands will be numbers: a sign between all factors
    times = " · "
    quotient_level = QUOTIENT
    open, close = "(", ")"
    opening: tuple[str, ...] = ("(",)  # what may start or end a factor like a bracket
    closing: tuple[str, ...] = (")",)
    #: Functions that are not written as f(x, y): what stands around their arguments.
    marks: Mapping[str, tuple[str, ...]] = {
        "step": ("[", " > 0]"),
        "reached": ("[", " ≥ ", "]"),
        "abs": ("|", "|"),
        "pi": ("π",),
    }
    called: Mapping[str, str] = {"log10": "log₁₀"}  # functions whose name is written otherwise
    overs: Mapping[str, str] = {"total": "Σ_n ", "average": "mean_n ", "largest": "max_n "}

    def print(self, e: Expr, place: Place = TOP) -> Template:
        level = self.level(e)  # before printing: to print twice doubles with every bracket
        if level < place.level or (level == NEG and not place.leading):
            return self.bracket(self.node(e, TOP))
        return self.node(e, place)

    def level(self, e: Expr) -> int:
        """How tightly an expression holds together."""
        return self.quotient_level if isinstance(e, Quotient) else _LEVELS.get(type(e), ATOM)

    def bracket(self, parts: Template) -> Template:
        return (Literal(self.open), *parts, Literal(self.close))

    def node(self, e: Expr, place: Place) -> Template:
        """The parts of a node, as they stand at a place."""
        match e:
            case Num(text):
                return (Literal(text),)
            case Name(text):
                return (Literal(EULER) if text == EULER else Slot(text, place),)
            case Neg(body):
                return (Literal("-"), *self.print(body, Place(PRODUCT)))
            case Sum():
                return self.sum(e, place)
            case Product(factors):
                return self.product(factors, place)
            case Quotient(top, bottom):
                return self.quotient(top, bottom, place)
            case Power(base, exponent):
                return self.power(base, exponent)
            case Call(function, args):
                return self.call(function, [self.print(a) for a in args])
            case Each(repeat, body):
                return (Literal(f"{repeat}("), *self.print(body), Literal(")"))
            case Over(how, body):
                return self.over(how, body)
            case Diff(body, by):
                return self.diff(body, by)

    def over(self, how: str, body: Expr) -> Template:
        return (Literal(self.overs[how]), *self.print(body, Place(PRODUCT)))

    def sum(self, e: Sum, place: Place) -> Template:
        parts = list(self.print(e.terms[0], Place(NEG, place.leading)))
        for term, minus in zip(e.terms[1:], e.minus[1:], strict=True):
            parts.append(Literal(" - " if minus else " + "))
            parts += self.print(term, Place(PRODUCT))
        return tuple(parts)

    def product(self, factors: tuple[Expr, ...], place: Place) -> Template:
        parts = list(self.print(factors[0], Place(QUOTIENT, place.leading)))
        for before, factor in pairwise(factors):
            right = self.print(factor, Place(POWER))
            # after 1/2 a bare bracket would seem to stand below the line
            slash = isinstance(before, Quotient) and self.quotient_level == QUOTIENT
            sign = self.times if slash else self.between(parts[-1], right[0])
            parts += (Literal(sign), *right)
        return tuple(parts)

    def between(self, left: Slot | Literal, right: Slot | Literal) -> str:
        """The sign between two factors; none next to a bracket when nothing is a number.

        A name before a bracket keeps it: y (1 - y) would read as a function of 1 - y.
        """
        named = isinstance(left, Slot) and _text(right) in self.opening
        bracket = _text(left) in self.closing or _text(right) in self.opening
        number = self.numeric or _text(right)[:1].isdigit()
        return " " if bracket and not number and not named else self.times

    def quotient(self, top: Expr, bottom: Expr, place: Place) -> Template:
        above = self.print(top, Place(PRODUCT, place.leading))
        return (*above, Literal("/"), *self.print(bottom, Place(POWER)))

    def power(self, base: Expr, exponent: Expr) -> Template:
        return (*self.print(base, Place(ATOM)), Literal("^"), *self.print(exponent, Place(ATOM)))

    def call(self, function: str, args: list[Template]) -> Template:
        if function in PICKS:
            number, *of = args
            own, chosen = of[int(_text(number[0])) - 1], self.call(PICKS[function], of)
            return (Literal("["), *own, Literal(" = "), *chosen, Literal("]"))
        if function in self.marks:
            marks = ((Literal(mark),) for mark in self.marks[function])
            return tuple(chain(*chain(*zip_longest(marks, args, fillvalue=()))))
        return (Literal(self.function(function)), *self.bracket(_joined(args)))

    def function(self, name: str) -> str:
        return self.called.get(name, name)

    def diff(self, body: Expr, by: str) -> Template:
        return (Literal(f"d/d{by} "), *self.bracket(self.print(body)))


class TextNumbers(Text):
    """Text whose operands are numbers."""

    numeric = True
    times = " × "


class Latex(Text):
    """LaTeX that Markdown leaves alone: no backslash before punctuation, no `}_{`."""

    times = r" \cdot "
    quotient_level = POWER
    open, close = r"\left(", r"\right)"
    opening, closing = ("(", open), (")", close, "}")
    marks: Mapping[str, tuple[str, ...]] = {
        **Text.marks,
        "reached": ("[", r" \ge ", "]"),
        "abs": (r"\lvert ", r" \rvert"),
        "sqrt": (r"\sqrt{", "}"),
        "pi": (r"\pi",),
        ROUND: (r"\mathrm{round} \left(", ", ", r"\right)"),
    }
    called: Mapping[str, str] = {"log10": r"\log_{10}"}
    known = ("exp", "ln", "sin", "cos", "tan", "tanh", "max", "min")  # to LaTeX
    overs: Mapping[str, str] = {
        "total": r"\sum_{n} ",
        "average": r"\mathrm{mean}_{n} ",
        "largest": r"\max_{n} ",
    }

    def bracket(self, parts: Template) -> Template:
        tall = any(isinstance(p, Literal) and r"\frac" in p.text for p in parts)
        marks = (self.open, self.close) if tall else ("(", ")")
        return (Literal(marks[0]), *parts, Literal(marks[1]))

    def quotient(self, top: Expr, bottom: Expr, place: Place) -> Template:
        above, below = self.print(top), self.print(bottom)
        return (Literal(r"\frac{"), *above, Literal("}{"), *below, Literal("}"))

    def power(self, base: Expr, exponent: Expr) -> Template:
        return (
            *self.print(base, Place(ATOM)),
            Literal("^{"),
            *self.print(exponent),
            Literal("}"),
        )

    def function(self, name: str) -> str:
        found = rf"\{name}" if name in self.known else rf"\mathrm{{{name}}}"
        return self.called.get(name, found)

    def diff(self, body: Expr, by: str) -> Template:
        return (Literal(rf"\frac{{d}}{{d{by}}} "), *self.bracket(self.print(body)))


class LatexNumbers(Latex):
    """LaTeX whose operands are numbers."""

    numeric = True
    times = r" \times "


class Source(Text):
    """The formula language itself: `parse(source(e)) == e`."""

    times = "*"
    numeric = True

    def call(self, function: str, args: list[Template]) -> Template:
        return (Literal(f"{function}("), *_joined(args), Literal(")"))

    def over(self, how: str, body: Expr) -> Template:
        return self.call(how, [self.print(body)])


class Python(Source):
    """Straight-line Python on floats, each operation rounded in the printed order."""

    def node(self, e: Expr, place: Place) -> Template:
        if isinstance(e, Num):
            return (Literal(repr(float(e.text))),)
        return super().node(e, place)

    def power(self, base: Expr, exponent: Expr) -> Template:
        if base == Name(EULER):
            return self.call("exp", [self.print(exponent)])
        if exponent == Num("2"):
            # one multiplication: what ** does for a square depends on the platform's pow
            return (Literal("((u := "), *self.print(base), Literal(")*u)"))
        return self.call("pow", [self.print(base), self.print(exponent)])

    def call(self, function: str, args: list[Template]) -> Template:
        if function == "step":
            return (Literal("(1.0 if "), *args[0], Literal(" > 0 else 0.0)"))
        return super().call(function, args)


class Columns(Python):
    """Straight-line Python on columns of floats, one value a sample."""

    def call(self, function: str, args: list[Template]) -> Template:
        return (Literal(f"{function}s("), *_joined(args), Literal(")"))


TEXT, TEXT_NUMBERS, LATEX, LATEX_NUMBERS = Text(), TextNumbers(), Latex(), LatexNumbers()
SOURCE, PYTHON, COLUMNS = Source(), Python(), Columns()


def _text(part: Slot | Literal) -> str:
    return part.text if isinstance(part, Literal) else ""


def _joined(args: list[Template]) -> Template:
    parts: list[Slot | Literal] = []
    for k, arg in enumerate(args):
        parts += (Literal(", "), *arg) if k else arg
    return tuple(parts)


@lru_cache(maxsize=4096)
def template(e: Expr, language: Text) -> Template:
    """The expression printed once, its operands left open."""
    return language.print(e)


def fill(parts: Template, leaf: Callable[[str], Leaf]) -> str:
    """A template with its slots filled by `leaf(name)`."""
    return "".join(p.text if isinstance(p, Literal) else _place(p, leaf) for p in parts)


def _place(slot: Slot, leaf: Callable[[str], Leaf]) -> str:
    text, level, negative = leaf(slot.name)
    loose = level < slot.place.level or (negative and not slot.place.leading)
    return f"({text})" if loose else text


def source(e: Expr) -> str:
    """The expression in the formula language."""
    return fill(template(e, SOURCE), Leaf)
