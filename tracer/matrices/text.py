"""Matrix equations in LaTeX: in symbols, in numbers line by line, in shapes.

It is the LaTeX of formulas, with `∘` between matrices that are multiplied element by element.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from tracer import labels
from tracer.expression import EULER, Expr, Name, Num, names
from tracer.lines import IN_LATEX
from tracer.markup import Filters
from tracer.matrices.views import Equation, Factor, Matrix
from tracer.numbers import Shown
from tracer.printers import (
    POWER,
    PRODUCT,
    QUOTIENT,
    Latex,
    Literal,
    Place,
    Slot,
    Template,
    template,
)

ROOM = 68.0  # digits that fit beside the symbol on a line of a page
_TIMES, _EACH = r" \cdot ", r" \circ "
_SIGMOID = {"sigmoid": r"\sigma"}


class _Symbols(Latex):
    """A formula of matrices by their symbols."""

    def product(self, factors: tuple[Expr, ...], place: Place) -> Template:
        parts = [*self.print(factors[0], Place(QUOTIENT, place.leading))]
        for before, factor in pairwise(factors):
            each = names(before) and names(factor)
            parts += (Literal(_EACH if each else _TIMES), *self.print(factor, Place(POWER)))
        return tuple(parts)

    def power(self, base: Expr, exponent: Expr) -> Template:
        if base == Name(EULER):
            return self.call("exp", [self.print(exponent)])
        factor = self.print(base, Place(PRODUCT + 1))
        if exponent == Num("2"):
            return (*factor, Literal(_EACH), *factor)
        return (*factor, Literal(r"^{\circ "), *self.print(exponent), Literal("}"))

    def quotient(self, top: Expr, bottom: Expr, place: Place) -> Template:
        if isinstance(top, Num) or names(bottom):
            return super().quotient(top, bottom, place)
        share = super().quotient(Num("1"), bottom, place)
        return (*share, Literal(_TIMES), *self.print(top, Place(PRODUCT)))

    def function(self, name: str) -> str:
        return _SIGMOID.get(name) or super().function(name.replace(" ", r"\ "))


class _Numbers(_Symbols):
    """A formula of matrices by their entries: tall brackets, none but the matrix's own in σ(Z)."""

    marks: Mapping[str, tuple[str, ...]] = {
        **Latex.marks,
        "step": (r"\left[", r" > 0\right]"),
        "reached": (r"\left[", r" \ge ", r"\right]"),
        "abs": (r"\left\lvert ", r" \right\rvert"),
    }

    def bracket(self, parts: Template) -> Template:
        return (Literal(self.open), *parts, Literal(self.close))

    def call(self, function: str, args: list[Template]) -> Template:
        alone = function not in self.marks and len(args) == 1 and len(args[0]) == 1
        if alone and isinstance(args[0][0], Slot):
            return (Literal(f"{self.function(function)} "), *args[0])
        return super().call(function, args)


_SYMBOLS, _NUMBERS = _Symbols(), _Numbers()


def formula(e: Equation) -> str:
    """The formula with the symbols of its matrices."""
    return _filled(e, template(e.formula, _SYMBOLS), _symbol)


def numbers(e: Equation) -> list[str]:
    """The formula with the entries of its matrices, in lines that fit a page."""
    written = template(e.formula, _NUMBERS)
    lines = [""]
    for piece in _pieces(_filled(e, written, lambda f: _entries(f.rows, f.matrix.elided))):
        if lines[-1] and width(lines[-1] + piece) > ROOM:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines]


def value(m: Matrix) -> str:
    """The entries of a matrix, the gap in a long one as dots; or a number."""
    if m.scalar:
        return IN_LATEX.value(m.rows[0][0])
    return _entries(m.rows, gap=m.elided)


def shapes(e: Equation) -> str:
    """(4 × 2) · (2 × 2) + (1 × 2) → (4 × 2): what is multiplied, what is added to every row."""
    found = _TIMES.join(_shape(f.shape) for f in e.product)
    if "b" in e.operands:
        found += f" + {_shape(e.operands['b'][0].shape)}"
    return rf"{found} \to {_shape((e.product[0].shape[0], e.product[-1].shape[1]))}"


def size(m: Matrix) -> str:
    """4 × 2: rows and columns."""
    return rf"{m.shape[0]} \times {m.shape[1]}"


def layout(m: Matrix) -> str:
    """A matrix with the names of its entries."""
    return _pmatrix([["0" if x is None else labels.latex(x) for x in row] for row in m.entries])


#: What templates say of matrices and their equations.
FILTERS: Filters = {
    "matrix_formula": formula,
    "matrix_numbers": numbers,
    "matrix_value": value,
    "matrix_shapes": shapes,
    "matrix_size": size,
    "matrix_layout": layout,
}


def _filled(e: Equation, parts: Template, text: Callable[[Factor], str]) -> str:
    """A formula with its matrices put in; a product of them in brackets where it is a factor."""

    def place(slot: Slot) -> str:
        factors = e.operands[slot.name]
        found = _TIMES.join(map(text, factors))
        loose = len(factors) > 1 and slot.place.level > PRODUCT
        return rf"\left({found}\right)" if loose else found

    return "".join(p.text if isinstance(p, Literal) else place(p) for p in parts)


def _symbol(f: Factor) -> str:
    return labels.latex(f.matrix.label) + (r"^{\mathsf T}" if f.transposed else "")


def _entries(rows: Sequence[Sequence[Shown]], gap: bool) -> str:
    table = [[IN_LATEX.value(x) for x in row] for row in rows]
    if gap:
        table.insert(-1, [r"\vdots"] * len(rows[0]))
    return _pmatrix(table)


def _pmatrix(table: Sequence[Sequence[str]]) -> str:
    """A matrix; Markdown would take the second backslash of `\\\\` away."""
    rows = r" \cr ".join(map(" & ".join, table))
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"


def _shape(shape: tuple[int, int]) -> str:
    return rf"{{({shape[0]} \times {shape[1]})}}"  # braces: no line ends inside


# ---- lines that fit --------------------------------------------------------------------

_PMATRIX = re.compile(r"\\begin\{pmatrix\} (.*?) \\end\{pmatrix\}")
_OPERATOR = re.compile(r"\\(left|begin)|\\(right|end)|(?<= )([+-]|\\cdot|\\circ)(?= )")


def width(tex: str) -> float:
    """Roughly how wide a formula with matrices is, in digits."""
    inside = sum(map(_matrix_width, _PMATRIX.findall(tex)))
    return inside + _plain_width(_PMATRIX.sub("", tex))


def _matrix_width(body: str) -> float:
    columns = zip(*(row.split(" & ") for row in body.split(r" \cr ")), strict=True)
    widths = [max(map(_plain_width, column)) for column in columns]
    return sum(widths) + 1.9 * len(widths) + 1.6


def _plain_width(tex: str) -> float:
    return len(re.sub(r"\\[a-z]+", "xx", re.sub(r"\\(?:left|right|frac)|[{}^_ ]", "", tex)))


def _pieces(tex: str) -> Iterator[str]:
    """A formula cut before every operator that stands outside of brackets."""
    depth, start = 0, 0
    for found in _OPERATOR.finditer(tex):
        depth += bool(found[1]) - bool(found[2])
        if found[3] and not depth:
            yield tex[start : found.start()]
            start = found.start()
    yield tex[start:]
