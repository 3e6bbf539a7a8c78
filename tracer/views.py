"""What a reader sees, as plain data without markup: the parts of a walkthrough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from tracer.labels import Label, text
from tracer.lines import Line
from tracer.numbers import Shown
from tracer.rules import Rule
from tracer.scenario import Scenario

if TYPE_CHECKING:
    from tracer.figures import Figure
    from tracer.folded import Folded
    from tracer.matrices.form import MatrixForm

WIDE = 88  # letters side by side on a printed page
COLUMN = 20  # givens in one column of a printed page
BROAD = 8  # columns of samples on a page that is folded

Detail = Literal["auto", "full", "first", "folded"]


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
    gradient: Line  # of the sample that is shown
    groups: tuple[Group, ...]  # what the gradient needs and is not shown yet
    batch: Line | None  # the gradients of all samples together, if there are several
    updates: tuple[Line, ...]  # from the gradient to the parameter's new value
    summed: bool  # the gradient is the sum that ends the groups


@dataclass(frozen=True)
class Row:
    """A parameter in a table."""

    parameter: Label
    before: Shown
    gradient: Shown | None
    after: Shown | None


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
class Dual:
    """A step beside its tangent."""

    step: Line | None  # None for what a sample says of the tangent of all
    tangent: Line  # with the formulas of its partials


@dataclass(frozen=True)
class ForwardMode:
    """The tangents of a pass, and what reverse mode finds for the last of them."""

    direction: tuple[Line, ...]  # how the givens are moved
    rows: tuple[Dual, ...]
    more: int  # rows that are left out of a long table
    last: Line | None  # the tangent of the error, where there is one
    reverse: Line | None  # the same as a sum of gradients times tangents, if all are known
    unknown: tuple[Label, ...]  # givens that are moved and have no gradient
    agrees: bool  # whether both give the same number

    @property
    def lines(self) -> tuple[Line, ...]:
        """The tangents that are computed."""
        return tuple(row.tangent for row in self.rows if row.tangent.formula is not None)


@dataclass(frozen=True)
class Given:
    label: Label
    value: Shown
    assumed: bool


@dataclass(frozen=True)
class GivenTable:
    title: str
    givens: tuple[Given, ...]

    @property
    def breadth(self) -> int:
        """Roughly how many letters stand side by side."""
        entries = (len(text(g.label)) + len(g.value.text) + 3 + 8 * g.assumed for g in self.givens)
        return max(len(self.title), *entries) + 2


@dataclass(frozen=True)
class SampleTable:
    """Some steps of several samples, a row a sample."""

    title: str
    labels: tuple[Label, ...]
    rows: tuple[tuple[int, tuple[Shown, ...]], ...]
    count: int  # samples, of which not all may be shown
    says: str = ""
    summary: tuple[tuple[Label, Shown], ...] = ()  # what holds of all samples together

    @property
    def whole(self) -> bool:
        """Whether every sample has a row."""
        return len(self.rows) == self.count

    def parts(self, columns: int) -> list[SampleTable]:
        """The table cut into tables of a few columns that fit a page."""
        cuts = column_cuts([row for _, row in self.rows], len(self.labels), columns)
        return [self._cut(chosen) for chosen in cuts]

    def _cut(self, chosen: slice) -> SampleTable:
        rows = tuple((k, row[chosen]) for k, row in self.rows)
        return replace(self, labels=self.labels[chosen], rows=rows)


def column_cuts(rows: Sequence[Sequence[Shown | None]], columns: int, most: int) -> list[slice]:
    """Runs of columns that stand side by side: at most so many, and no wider than a page."""
    cuts, start, room = [], 0, WIDE
    for k in range(columns):
        breadth = 3 + max((_breadth(row[k]) for row in rows), default=0)
        if k - start == most or (breadth > room and k > start):
            cuts.append(slice(start, k))
            start, room = k, WIDE
        room -= breadth
    return [*cuts, slice(start, columns)]


def _breadth(shown: Shown | None) -> int:
    """Roughly how many letters a number takes."""
    return 1 if shown is None else len(shown.text) + (10 if shown.exponent else 0)


@dataclass(frozen=True)
class History:
    """A run: some of its passes, its curve, what it started from and led to."""

    last: int  # the last iteration shown
    ends: int  # the iteration it ends with
    chaotic: bool  # what follows the last iteration shown hangs on last bits
    stopped: bool  # before its number of iterations, because the error was small enough
    batches: int  # updates in an epoch
    labels: tuple[Label, ...]  # the columns of the table
    rows: tuple[tuple[int, tuple[Shown | None, ...]], ...]  # None: no digit survives
    lost: bool  # whether digits are left out that hang on the last bits
    parameters: tuple[Row, ...]  # before and after
    outputs: tuple[SampleTable, ...]
    figures: tuple[Figure, ...]

    def parts(self, most: int) -> list[History]:
        """The table of iterations cut into tables of a few columns that fit a page."""
        cuts = column_cuts([row for _, row in self.rows], len(self.labels), most)
        return [
            replace(
                self, labels=self.labels[chosen],
                rows=tuple((k, row[chosen]) for k, row in self.rows),
            )
            for chosen in cuts
        ]  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """What comes out under a reading."""

    name: str
    says: str
    root: Line | None
    outputs: SampleTable | None  # of few samples, if they are other than the page's
    ends: int  # the iteration its run ends with
    final: Shown | None  # the error there


@dataclass(frozen=True)
class Published:
    """A row of "What the source printed"."""

    label: Label
    where: str
    iteration: int
    sample: str  # which, where it is another than the first
    printed: str
    verdict: str
    under: str
    right: str  # nothing where last bits decide
    recomputed: bool
    reason: str


@dataclass(frozen=True)
class Slip:
    """A mistake that a page makes on purpose."""

    explains: str
    says: str
    at: tuple[Label | str, ...]  # steps, and layers by their title; nothing: wherever it can be


@dataclass(frozen=True)
class Walkthrough:
    """One pass and its update, from the givens to the next error."""

    scenario: Scenario
    reading: str
    says: str
    slips: tuple[Slip, ...]  # mistakes made on purpose
    past: tuple[str, ...]  # how values of other passes are marked, of those that there are
    iteration: int
    givens: tuple[GivenTable, ...]
    data: tuple[SampleTable, ...]  # the sample sets
    sample: int  # the sample whose lines are shown
    samples: int  # of a batch
    folded: Folded | None  # a long pass, instead of the lines of all steps
    forward: tuple[Forward, ...]
    together: SampleTable | None  # the forward pass of all samples of the batch
    gradients: SampleTable | None  # and their gradients
    of_batch: bool  # whether these are parts of the batch's gradients, not of errors of their own
    error: tuple[Line, ...]
    outputs: int  # of the network
    backward: tuple[Backward, ...]
    tangents: ForwardMode | None
    frozen: tuple[Label, ...]  # biases that are not trained
    table: tuple[Row, ...]
    root: Line | None  # the error, if there is one
    next_root: Shown | None  # the error of the next pass, if recorded
    equations: tuple[tuple[str, tuple[Line, ...]], ...]
    functions: tuple[str, ...]  # the activations by name
    activations: tuple[Rule, ...]  # those with a derivation
    kinks: tuple[tuple[str, str], ...]  # rules by name, and their derivative where there is none
    brackets: bool  # whether derivatives are written as [z > 0]
    ones: bool  # whether a derivative that is 1 is left out, other than by a bias
    published: tuple[Published, ...]
    checked: int  # numbers of the ledger that the source prints
    recomputed: int  # and those that it does not
    used: tuple[tuple[str, str], ...]  # readings that the ledger cites, and what they say
    approximate: bool  # whether any line needs ≈
    weighted: bool  # whether the network has weighted sums
    biased: bool  # whether it has biases
    rate: Label | None  # the learning rate of plain gradient descent
    updates: bool  # whether parameters get new values
    keeps: str  # what an optimizer keeps from pass to pass, in words
    learns: bool  # by a rule that is no derivative
    history: History | None
    readings: tuple[Reading, ...]
    matrices: MatrixForm | None

    @property
    def trains_biases(self) -> bool:
        """Whether biases are among the parameters."""
        return self.biased and not self.frozen

    @property
    def told_data(self) -> list[SampleTable]:
        """The sample sets as tables; on a folded page without those that are too wide to read."""
        return [table for table in self.data if not self.folded or len(table.labels) <= BROAD]

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
        rows: list[list[GivenTable]] = [[]]
        for column in columns:
            if len(rows[-1]) == 4 or sum(t.breadth for t in (*rows[-1], column)) > WIDE:
                rows.append([])
            rows[-1].append(column)
        return [tuple(row) for row in rows if row]

    @property
    def ledger_title(self) -> str:
        """The heading of the ledger: not every scenario has a source."""
        known = self.scenario.source or self.scenario.author
        return "What the source printed" if known and self.checked else "Numbers to check against"

    @property
    def plain(self) -> int:
        """Printed numbers that come out as they stand."""
        return self.checked - sum(not p.recomputed for p in self.published)
