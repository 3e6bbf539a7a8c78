"""A step as a line to be shown: formula = numbers substituted = value.

The sign before the value is `=` only where the printed operands give the printed value,
computed exactly and rounded as a person does; otherwise `≈`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import DecimalException, localcontext

import numpy as np

from tracer import labels
from tracer.arithmetic import apply
from tracer.exact import DECIMAL, decimal_context
from tracer.expression import Expr, Name, member, spread
from tracer.labels import Derivative, Gate, Label
from tracer.numbers import Digits, Shown, decimals, rounded, show
from tracer.printers import (
    LATEX,
    LATEX_NUMBERS,
    PRODUCT,
    TEXT,
    TEXT_NUMBERS,
    Leaf,
    Text,
    fill,
    template,
)
from tracer.program import Program
from tracer.values import Column

GAP = "…"  # in a formula: terms that are not written out

MAX_SPREAD = 8  # samples of a batch whose numbers are written out in one line


@dataclass(frozen=True)
class Line:
    """One step as shown, without markup: what it is called, its formula, its numbers."""

    name: str
    label: Label
    formula: Expr | None
    written: Expr | None  # the formula that the numbers are put into, if they can be shown
    operands: Mapping[str, Label]
    numbers: Mapping[str, Shown]
    value: Shown
    exact: bool  # the printed operands give the printed value
    also: Label | None = None  # a further name to show before its own: ∂E/∂out = ∂E1/∂out = …
    slips: tuple[int, ...] = ()  # the mistakes made here, by their place among the scenario's

    @property
    def trivial(self) -> bool:
        """Whether the formula is one name, so that substituting it gives the value itself."""
        return isinstance(self.formula, Name)

    @property
    def substituted(self) -> bool:
        """Whether the formula is shown with its numbers."""
        return self.written is not None and bool(self.operands) and not self.trivial

    @property
    def spelled(self) -> bool:
        """Whether it is called by its formula."""
        return isinstance(self.label, Gate)

    @property
    def constant(self) -> bool:
        """Whether the formula has no operands."""
        return not self.operands


class Language:
    """How a line is written in one language: symbols, the formula, the numbers, the value."""

    def __init__(
        self,
        symbols: Text,
        numbers: Text,
        label: Callable[[Label], Leaf],
        number: Callable[[Shown], Leaf],
        signs: tuple[str, str],
        gap: str = GAP,
    ) -> None:
        self._symbols, self._numbers, self._gap = symbols, numbers, {GAP: Leaf(gap)}
        self._label, self._number, self._signs = label, number, signs

    def symbol(self, line: Line) -> str:
        """The step's symbol, after the further name it is asked for by."""
        own = self._label(line.label).text
        return f"{self._label(line.also).text} = {own}" if line.also else own

    def formula(self, line: Line) -> str:
        """The formula with the operands' symbols."""
        if line.formula is None:  # a step that a reading holds at a value
            return self.value(line.value)
        leaf = {f: self._label(label) for f, label in line.operands.items()} | self._gap
        return fill(template(line.formula, self._symbols), leaf.__getitem__)

    def equation(self, line: Line) -> str:
        """Symbol and formula, where the one is not the other."""
        named = line.spelled or line.formula is None
        return self.symbol(line) if named else f"{self.symbol(line)} = {self.formula(line)}"

    def substitution(self, line: Line) -> str:
        """The formula with the operands' numbers."""
        assert line.written is not None, f"{line.name} has no numbers to show"
        leaf = {f: self._number(shown) for f, shown in line.numbers.items()} | self._gap
        return fill(template(line.written, self._numbers), leaf.__getitem__)

    def whole(self, line: Line) -> str:
        """Symbol, formula, numbers and value in one line, each where there is one."""
        parts = [self.symbol(line)]
        if line.formula is not None and not line.constant and not line.spelled:
            parts.append(f"= {self.formula(line)}")
        value = self.value(line.value)
        if line.substituted and self.substitution(line) != value:
            parts.append(f"= {self.substitution(line)}")
        return " ".join((*parts, self.sign(line), value))

    def value(self, shown: Shown) -> str:
        """A number."""
        return self._number(shown).text

    def sign(self, line: Line) -> str:
        """`=` or `≈`."""
        return self._signs[0] if line.exact else self._signs[1]


def _text_number(shown: Shown) -> Leaf:
    return Leaf(shown.plain, negative=shown.text.startswith("-"))


def _latex_number(shown: Shown) -> Leaf:
    negative = shown.text.startswith("-")
    if not shown.exponent:
        return Leaf(shown.text, negative=negative)
    return Leaf(rf"{shown.text} \times 10^{{{shown.exponent}}}", PRODUCT, negative)


IN_TEXT = Language(TEXT, TEXT_NUMBERS, labels.text_leaf, _text_number, ("=", "≈"))
IN_LATEX = Language(
    LATEX, LATEX_NUMBERS, labels.latex_leaf, _latex_number, ("=", r"\approx"), r"\dots"
)


def line(
    program: Program,
    cell: int,
    value: Callable[[int], float],
    column: Callable[[int], Column],
    digits: Digits,
    called: Label | None = None,
) -> Line:
    """A cell as a line, from its operands' values, or their columns where all samples count.

    `called` chooses one of its labels.

    Operands with a name in the same numerator are called by that name: a path's ∂E1/∂out
    is the product of ∂E1/∂net and ∂net/∂out, though ∂E1/∂net is also ∂E/∂net.
    """
    step = program.step(cell)
    label = called or step.label
    operands = {f: called_by(program, o, label) for f, o in step.operands.items()}
    block, samples = program.block(cell), program.samples
    written = _written(step.formula, samples) if block.over else step.formula
    numbers: dict[str, Shown] = {}
    for formal, operand in step.operands.items() if written else ():
        if formal in block.over:
            each = np.broadcast_to(column(operand), samples).tolist()
            numbers |= {member(formal, k): show(v, digits) for k, v in enumerate(each)}
        if formal in block.own:
            numbers[formal] = show(value(operand), digits)
    shown = show(value(cell), digits)
    exact = written is None or bears(written, numbers, shown, digits)
    return Line(step.name, label, step.formula, written, operands, numbers, shown, exact)


def _written(formula: Expr | None, samples: int) -> Expr | None:
    """A formula over all samples as its numbers are written out, if they are few."""
    return spread(formula, samples) if formula and samples <= MAX_SPREAD else None


def same(program: Program, cell: int, value: float, digits: Digits, called: Label) -> Line:
    """A step under another of its names, as equal to the step: ∂E/∂b = δ."""
    shown = show(value, digits)
    operands, numbers = {"x": program.label(cell)}, {"x": shown}
    return Line(labels.name(called), called, Name("x"), Name("x"), operands, numbers, shown, True)


def called_by(program: Program, cell: int, by: Label) -> Label:
    """What a step is called where `by` is computed: the name in the same numerator, if any."""
    label = program.label(cell)
    if isinstance(by, Derivative) and isinstance(label, Derivative):
        for other in (label, *program.also.get(cell, ())):
            if isinstance(other, Derivative) and other.top == by.top and not other.note:
                return other
    return label


def bears(formula: Expr, numbers: Mapping[str, Shown], value: Shown, digits: Digits) -> bool:
    """Whether the printed operands, computed exactly, round to the printed value.

    They are rounded as a person does, a final 5 away from zero; a value shown short (0.5) must
    be right to all the digits shown elsewhere.
    """
    env = {formal: shown.decimal for formal, shown in numbers.items()}
    places = decimals(value.decimal)
    if not value.exponent and digits.decimals is not None:
        places = max(places, digits.decimals)
    try:
        with localcontext(decimal_context()):
            exact = apply(formula, env, DECIMAL)
        return rounded(exact, Digits(places)) == value.decimal
    except DecimalException:
        return False
