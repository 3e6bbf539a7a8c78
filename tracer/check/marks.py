"""What checking a sheet says: a mark on every answer, and what explains the wrong ones.

A sheet is one person's numbers. Nothing here computes: `check` makes these, reports show them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Mark(Enum):
    """What an answer is; the true value is tried before anything else."""

    RIGHT = "right"
    GIVEN_YOURS = "given-yours"  # the step's rule on the person's own earlier numbers
    OPEN = "not-testable"  # rounding alone explains it, and would explain nearly any number
    MISTAKE = "mistake"  # a named one
    SLIP = "slip"  # sign, decimal point, digits exchanged, another quantity's value, too coarse
    WRONG = "wrong"
    MISSING = "missing"
    UNREADABLE = "unreadable"

    @property
    def accepted(self) -> bool:
        """Whether nothing is wrong at this very step."""
        return self in (Mark.RIGHT, Mark.GIVEN_YOURS, Mark.OPEN)


@dataclass(frozen=True)
class Explanation:
    """A mistake that explains a sheet's wrong numbers."""

    id: str  # of the catalog: "updated-weights"
    at: str  # where: "" throughout, "the hidden layer", "w7"
    explains: str  # the mistake in a few words: "hidden gradients use the updated weights"
    says: str  # a sentence or two for the student, with the line that should have been written


@dataclass(frozen=True)
class Judged:
    """One answer with its mark."""

    name: str  # of the step: "dE/dw5"
    label: str  # as a terminal shows it: ∂E/∂w5
    symbol: str  # in LaTeX
    iteration: int
    sample: int | None  # None for a step that all samples of a batch share
    typed: str  # as typed; empty where it is missing
    value: float  # the true value
    accepted: tuple[float, float] | None  # what is right on the person's own numbers; None unread
    mark: Mark
    enough_digits: bool | None  # None where there is no number
    testable: bool  # whether a wrong number could have been told from a right one
    mistakes: tuple[str, ...]  # ids of the mistakes that explain it
    follows: str  # the label of the wrong step that this one follows from, if any
    says: str  # one sentence for the student; empty for what is simply right
    line: str  # the step as it should have been written: ∂E/∂w5 = … = 0.08582533
    points: float = 0
    worth: float = 0


@dataclass(frozen=True)
class Sheet:
    """One person's marks, in the order of computation."""

    sheet: str  # the file's or the row's name
    judged: tuple[Judged, ...]
    explanations: tuple[Explanation, ...]  # all that are left: one or several together, or ties
    together: bool  # the explanations are two mistakes made at once, not alternatives
    says: tuple[str, ...]  # sentences about the whole sheet: how many digits, what cannot be tested
    remarks: tuple[str, ...]  # about the file: names that are no steps, cells that are no numbers
    unknown: tuple[str, ...] = ()  # names that are no steps but have a number

    @property
    def fine(self) -> bool:
        """Whether nothing is wrong, missing or unreadable, and every answer is to a step."""
        return not self.unknown and all(j.mark.accepted for j in self.judged)

    @property
    def first_wrong(self) -> Judged | None:
        """The first step that is wrong in itself; all before it are fine."""
        bad = (j for j in self.judged if not j.mark.accepted and j.mark is not Mark.MISSING)
        return next(bad, None)

    @property
    def points(self) -> float:
        return sum(j.points for j in self.judged)

    @property
    def worth(self) -> float:
        return sum(j.worth for j in self.judged)

    @property
    def counts(self) -> Mapping[Mark, int]:
        """How many answers have each mark."""
        return {mark: sum(j.mark is mark for j in self.judged) for mark in Mark}


@dataclass(frozen=True)
class Report:
    """All sheets of a check."""

    scenario: str  # its name
    title: str
    sheets: tuple[Sheet, ...]

    @property
    def ok(self) -> bool:
        """Whether no answer of any sheet is wrong, missing, unreadable or to no step."""
        return all(s.fine for s in self.sheets)
