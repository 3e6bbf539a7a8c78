"""Matrix equations as plain data without markup: operands, result, and whether it is borne out.

An equation is exact if its printed entries give every printed entry of the result. Of more
than eight samples only the first three and the last are shown; a product that adds up over all
of them cannot be done again from those: it has no numbers and is never called exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from tracer.expression import Expr, Name, Product, Quotient, Sum, rename
from tracer.labels import Derivative, Label, Updated
from tracer.lines import bears
from tracer.numbers import Digits, Shown


class Kind(Enum):
    """What an equation says, for the sentence beside it."""

    NETS = "nets"
    OUTPUTS = "outputs"
    ERRORS = "errors"  # of every output in every sample
    OVER_OUTPUTS = "over outputs"
    OVER_SAMPLES = "over samples"
    LAST_DELTAS = "last deltas"
    DELTAS = "deltas"
    WEIGHTS = "weights"
    BIASES = "biases"
    SHARED_BIAS = "shared bias"


@dataclass(frozen=True)
class Matrix:
    """A matrix with its entries as shown, or a single number."""

    label: Label
    shape: tuple[int, int]
    rows: tuple[tuple[Shown, ...], ...]  # the first and the last if there are too many
    entries: tuple[tuple[Label | None, ...], ...] = ()  # their names; None: no such weight
    by_sample: bool = False  # a row a sample, with the same names in every row
    scalar: bool = False

    @property
    def elided(self) -> bool:
        """Whether only some rows are shown."""
        return len(self.rows) < self.shape[0]


@dataclass(frozen=True)
class Factor:
    """A matrix where it is multiplied."""

    matrix: Matrix
    transposed: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.matrix.shape
        return (columns, rows) if self.transposed else (rows, columns)

    @property
    def rows(self) -> tuple[tuple[Shown, ...], ...]:
        rows = self.matrix.rows
        return tuple(zip(*rows, strict=True)) if self.transposed else rows


Operands = Mapping[str, tuple[Factor, ...]]  # a matrix, or the matrices of a product


@dataclass(frozen=True)
class Equation:
    """Result = formula of matrices, element by element but for the product in it."""

    kind: Kind
    part: str  # of the network
    formula: Expr
    operands: Operands
    result: Matrix
    exact: bool
    meaning: Derivative | None = None  # what a D is: ∂E/∂Z

    @property
    def product(self) -> tuple[Factor, ...]:
        """The matrices multiplied, if any."""
        return next((found for found in self.operands.values() if len(found) > 1), ())

    @property
    def substituted(self) -> bool:
        """Whether the formula is shown with its numbers."""
        alone = isinstance(self.formula, Name) and not self.product
        return complete(self.operands) and not alone

    @property
    def averaged(self) -> bool:
        """Whether what is added up is divided by its number."""
        return isinstance(self.formula, Quotient)

    @property
    def updated(self) -> bool:
        """Whether it reads weights that are new already."""
        return any(isinstance(factor.matrix.label, Updated) for factor in self.product)


@dataclass(frozen=True)
class MatrixForm:
    """The pass of a batch in matrices."""

    samples: int
    matrices: tuple[Matrix, ...]  # whose entries the page names: X, T and those of the layers
    forward: tuple[Equation, ...]
    error: tuple[Equation, ...]
    backward: tuple[Equation, ...]

    @property
    def equations(self) -> tuple[Equation, ...]:
        return (*self.forward, *self.error, *self.backward)

    @property
    def averaged(self) -> bool:
        """Whether the error of all samples is the average of theirs."""
        return any(e.averaged for e in self.error if e.kind is Kind.OVER_SAMPLES)

    @property
    def elided(self) -> bool:
        """Whether only some samples are shown."""
        return any(matrix.elided for matrix in self.matrices)

    @property
    def approximate(self) -> bool:
        """Whether any equation needs ≈."""
        return not all(equation.exact for equation in self.equations)


# ---- printed entries -------------------------------------------------------------------


def complete(operands: Operands) -> bool:
    """Whether the entries shown are all that is needed: nothing is added up over a gap."""
    factors = (factor for found in operands.values() for factor in found)
    return not any(factor.transposed and factor.matrix.elided for factor in factors)


def borne_out(formula: Expr, operands: Operands, result: Matrix, digits: Digits) -> bool:
    """Whether the printed entries give every printed entry of the result."""
    return complete(operands) and all(
        bears(*_entry(formula, operands, r, c), value, digits)
        for r, row in enumerate(result.rows)
        for c, value in enumerate(row)
    )


def _entry(formula: Expr, operands: Operands, r: int, c: int) -> tuple[Expr, dict[str, Shown]]:
    """The formula of one entry, and the numbers of what it names."""
    numbers: dict[str, Shown] = {}

    def leaf(name: str) -> Expr:
        return _placed(name, operands[name], r, c, numbers) if name in operands else Name(name)

    return rename(formula, leaf), numbers


def _placed(
    name: str, factors: Sequence[Factor], r: int, c: int, numbers: dict[str, Shown]
) -> Expr:
    """An entry of a product: the sum over a row of the first times a column of the rest."""
    first, rest = factors[0].rows, factors[1:]
    if not rest:
        called = f"{name}@{r},{c}"
        numbers[called] = first[r if len(first) > 1 else 0][c]  # one row stands for all samples
        return Name(called)
    terms = tuple(
        Product((
            _placed(f"{name}{len(rest)}", factors[:1], r, k, numbers),
            _placed(name, rest, k, c, numbers),
        ))
        for k in range(len(first[0]))
    )  # fmt: skip
    return Sum(terms, (False,) * len(terms))
