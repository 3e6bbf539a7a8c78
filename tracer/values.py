"""The values of a program: what it starts from, and what is kept of every recorded pass.

Per-batch steps have one value a pass, per-sample steps one a sample; both have one a variant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tracer import labels
from tracer.errors import LookupFailed, TooLarge
from tracer.program import Program

Column = NDArray[np.float64]

MAX_BYTES = 4 * 2**30


@dataclass(frozen=True, eq=False)
class Fed:
    """A given with other values in every pass, row after row and again from the first."""

    rows: Column  # [row, sample]
    late: int = 0  # passes that every row comes too late; until then the first one is fed
    once: bool = False  # the last row stays, no first one comes again

    def at(self, iteration: int) -> Column:
        """What is fed in a pass, a value a sample."""
        since, last = max(iteration - self.late, 0), len(self.rows) - 1
        row: Column = self.rows[min(since, last) if self.once else since % len(self.rows)]
        return row


Given = Decimal | float | Column | Fed  # one value, or one a sample


@dataclass(frozen=True, eq=False)
class Values:
    """What is kept of some passes; a cell has its place among the batch's or the samples'."""

    batch_cells: tuple[int, ...]
    each_cells: tuple[int, ...]
    batch: Column  # [pass, variant, place]
    each: Column  # [pass, variant, place, sample]
    size: int  # cells of the program

    @property
    def variants(self) -> int:
        return int(self.batch.shape[1])

    @property
    def samples(self) -> int:
        return int(self.each.shape[3])

    @property
    def finite(self) -> bool:
        """Whether every value kept is a number."""
        return bool(np.isfinite(self.batch).all() and np.isfinite(self.each).all())

    @cached_property
    def _places(self) -> dict[int, tuple[bool, int]]:
        batch = {cell: (False, place) for place, cell in enumerate(self.batch_cells)}
        return batch | {cell: (True, place) for place, cell in enumerate(self.each_cells)}

    def rows(self, row: int, passes: int) -> Values:
        """A view of some passes."""
        chosen = slice(row, row + passes)
        return Values(
            self.batch_cells, self.each_cells, self.batch[chosen], self.each[chosen], self.size
        )

    def variant(self, variant: int) -> Values:
        """A view of one variant."""
        chosen = slice(variant, variant + 1)
        return Values(
            self.batch_cells, self.each_cells, self.batch[:, chosen], self.each[:, chosen],
            self.size,
        )  # fmt: skip

    def put(self, row: int, values: Column) -> None:
        """Keep a pass given as [cell, variant, sample]."""
        self.batch[row] = values[list(self.batch_cells), :, 0].T
        self.each[row] = values[list(self.each_cells)].transpose(1, 0, 2)

    def __contains__(self, cell: int) -> bool:
        return cell in self._places

    def of(self, cell: int) -> Column:
        """A step's values: [pass, variant, sample], one sample for a per-batch step.

        raises    LookupFailed for a step that is not kept
        """
        if cell not in self._places:
            raise LookupFailed("this step was not recorded; record it with only=[…]")
        per_sample, place = self._places[cell]
        found: Column = self.each[:, :, place] if per_sample else self.batch[:, :, place, None]
        return found

    def at(self, row: int, sample: int, variant: int = 0) -> Column:
        """Every step of one pass and sample, [cell]; not a number where it is not kept."""
        found = np.full(self.size, np.nan)
        found[list(self.batch_cells)] = self.batch[row, variant]
        found[list(self.each_cells)] = self.each[row, variant, :, sample]
        return found


def variants_of(program: Program, givens: Mapping[int, Given]) -> int:
    """How many variants are computed side by side: rows of a given [variant, 1] or [variant, s]."""
    arrays = (given for given in givens.values() if isinstance(given, np.ndarray))
    return max((given.shape[0] for given in arrays if given.ndim == 2), default=1)


def check_columns(program: Program, givens: Mapping[int, Given]) -> None:
    """A column has a number for each of a given's samples: for all of them, or one."""
    for cell, given in givens.items():
        if isinstance(given, Decimal | float):
            continue
        shape = (given.rows if isinstance(given, Fed) else given).shape
        samples = program.samples if program.block(cell).per_sample else 1
        name = labels.name(program.label(cell))
        assert shape[-1] in (1, samples), f"{name}: {shape[-1]} samples, expected {samples}"


def of_variant(given: Given, variant: int) -> Given:
    """A given of one variant: a number, one a sample, or what is fed."""
    if isinstance(given, np.ndarray) and given.ndim == 2:
        row: Column = given[variant % len(given)]
        return row
    return given


def allocated(program: Program, passes: int, variants: int, only: Sequence[int] | None) -> Values:
    """Room for some passes of all steps, or of `only` some.

    raises    TooLarge with the size that was asked for
    """
    chosen = range(len(program)) if only is None else sorted(set(only))
    per_sample = np.zeros(len(program), np.bool_)
    for block in program.blocks:
        per_sample[block.cells] = block.per_sample
    batch = tuple(int(cell) for cell in chosen if not per_sample[cell])
    each = tuple(int(cell) for cell in chosen if per_sample[cell])
    size = passes * variants * (len(batch) + len(each) * program.samples) * 8
    if size > MAX_BYTES:
        steps = f"{len(batch) + len(each):,} steps"
        samples = f"{program.samples:,} samples × " if each else ""
        raise TooLarge(
            f"recording {passes:,} passes × {samples}{steps} takes {size / 2**30:,.1f} GiB; "
            "record fewer passes (record='last' or every k-th) or fewer steps (only=[…])"
        )
    return Values(
        batch, each, np.empty((passes, variants, len(batch))),
        np.empty((passes, variants, len(each), program.samples)), len(program),
    )  # fmt: skip
