"""What a reader sees, as plain data without markup: the parts of a walkthrough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tracer.labels import Label
from tracer.lines import Line
from tracer.numbers import Shown
from tracer.rules import Rule
from tracer.scenario import Scenario

COLUMN = 20  # givens in one column of a printed page

Detail = Literal["full", "first"]


@dataclass(frozen=True)
class Local:
    """∂c/∂x with the formula of c, where that kind of derivative is shown first."""

    line: Line
    consumer: Line
    by: Label
    derived: str  # the activation whose derivative has a section of its own, or nothing


@dataclass(frozen=True)
class Path:
    """One way from a value to the error."""

    contribution: Label
    through: Label | None  # the step that the value acts on; None where a factor 1 hides it
    lines: tuple[Line | Local, ...]  # the last is the contribution


@dataclass(frozen=True)
class Paths:
    """A derivative that is the sum over several ways to the error."""

    of: Label
    paths: tuple[Path, ...]
    total: Line

    @property
    def known(self) -> bool:
        """Whether every path stands above."""
        return not any(path.lines for path in self.paths)


Group = Line | Local | Paths


@dataclass(frozen=True)
class Work:
    """Everything shown for one parameter: chain rule, factors, numbers, update."""

    parameter: Label
    gradient: Line
    groups: tuple[Group, ...]  # what the gradient needs and is not shown yet
    update: Line
    summed: bool  # the gradient is the sum that ends the groups


@dataclass(frozen=True)
class Row:
    """A parameter in a table."""

    parameter: Label
    before: Shown
    gradient: Shown
    after: Shown


@dataclass(frozen=True)
class Backward:
    """The backward pass for the parameters of one part of the network."""

    part: str
    works: tuple[Work, ...]
    rest: tuple[Row, ...]  # parameters without their own work, if detail is "first"


@dataclass(frozen=True)
class Forward:
    """The forward pass of one part: the lines of every unit."""

    part: str
    units: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True)
class Given:
    label: Label
    value: Shown
    assumed: bool


@dataclass(frozen=True)
class GivenTable:
    title: str
    givens: tuple[Given, ...]


@dataclass(frozen=True)
class Published:
    """A row of "What the source printed"."""

    label: Label
    where: str
    iteration: int
    printed: str
    verdict: str
    under: str
    usual: Shown
    right: str
    reason: str


@dataclass(frozen=True)
class Walkthrough:
    """One pass and its update, from the givens to the next error."""

    scenario: Scenario
    reading: str
    says: str
    iteration: int
    givens: tuple[GivenTable, ...]
    forward: tuple[Forward, ...]
    error: tuple[Line, ...]
    backward: tuple[Backward, ...]
    frozen: tuple[Label, ...]  # biases that are not trained
    table: tuple[Row, ...]
    root: Line
    next_root: Shown | None  # the error of the next pass, if recorded
    equations: tuple[tuple[str, tuple[Line, ...]], ...]
    functions: tuple[str, ...]  # the activations by name
    activations: tuple[Rule, ...]  # those with a derivation
    kinks: tuple[Rule, ...]
    published: tuple[Published, ...]
    checked: int  # numbers of the ledger
    approximate: bool  # whether any line needs ≈
    biased: bool  # whether the network has biases
    rate: Label  # the learning rate

    @property
    def trains_biases(self) -> bool:
        """Whether biases are among the parameters."""
        return self.biased and not self.frozen

    @property
    def longest(self) -> int:
        """Rows of the table of givens."""
        return self.longest_of(self.givens)

    @staticmethod
    def longest_of(tables: Sequence[GivenTable]) -> int:
        """Rows that some tables of givens need side by side."""
        return max(len(table.givens) for table in tables)

    @property
    def givens_in_rows(self) -> list[tuple[GivenTable, ...]]:
        """The tables of givens, as many side by side and as long as fit a printed page."""
        columns = [
            GivenTable(table.title, table.givens[k : k + COLUMN])
            for table in self.givens
            for k in range(0, len(table.givens), COLUMN)
        ]
        return [tuple(columns[k : k + 4]) for k in range(0, len(columns), 4)]

    @property
    def ledger_title(self) -> str:
        """The heading of the ledger: not every scenario has a source."""
        known = self.scenario.source or self.scenario.author
        return "What the source printed" if known else "Numbers that should come out"

    @property
    def plain(self) -> int:
        """Numbers of the ledger that come out as they stand."""
        return self.checked - len(self.published)
