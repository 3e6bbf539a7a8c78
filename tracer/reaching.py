"""What of a program reaches its error: which terms of it, and on how many ways.

A name ∂E_k/∂x promises that x reaches no other term, that ∂E/∂E_k = 1, and of a contribution
that it is all there is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from tracer.errors import ProgramError
from tracer.expression import ONE
from tracer.limits import MAX_REACHED
from tracer.partials import partials
from tracer.program import Block, Cells
from tracer.rules import inputs

Mask = NDArray[np.bool_]  # [cell]


def sending(block: Block) -> list[int] | range:
    """The operand columns of a block; its own member is one of a vector's already."""
    columns = range(block.operands.shape[1])
    if not block.rule or not block.rule.member:
        return columns
    return [k for k in columns if block.formals[k] != block.rule.member]


def needing(blocks: Sequence[Block], sources: Cells, size: int, held: Collection[int] = ()) -> Mask:
    """Which cells depend on `sources`, except through those held."""
    needs = np.zeros(size, np.bool_)
    needs[sources] = True
    kept = list(held)
    for block in blocks:
        if block.operands.size:
            open_ = ~np.isin(block.operands, kept) if kept else True
            needs[block.cells] |= (needs[block.operands] & open_).any(axis=1)
    return needs


def leading(blocks: Sequence[Block], root: int, size: int, without: Collection[int] = ()) -> Mask:
    """Which cells the root is made of, except through those left out."""
    found = np.zeros(size, np.bool_)
    found[root] = True
    barred = np.zeros(size, np.bool_)
    barred[list(without)] = True
    for block in reversed(blocks):
        rows = found[block.cells] & ~barred[block.cells]
        if rows.any():
            found[block.operands[rows]] = True
    return found


class Reach:
    """The ends of a program's paths: the error, and its terms if it is a plain sum of them."""

    def __init__(self, blocks: Sequence[Block], root: int, size: int) -> None:
        self.blocks, self.root = blocks, root
        lengths = [len(block) for block in blocks]
        self.number = np.repeat(np.arange(len(blocks)), lengths)  # the place of a cell's block
        self.terms, self.seed_is_one = self._terms()
        self.ends = np.unique([*self.terms, root])  # what a name ∂c/∂x may promise of
        self.place = {end: k for k, end in enumerate(self.ends.tolist())}
        self.reach, self.routes = self._reached(size)
        self.only = self._only()

    def block(self, cell: int) -> Block:
        """The block a cell belongs to."""
        return self.blocks[int(self.number[cell])]

    def _terms(self) -> tuple[Cells, bool]:
        """The error's terms (the root itself if it is no plain sum or mean), and if ∂E/∂E_k = 1."""
        block, alone = self.block(self.root), np.array([self.root])
        assert block.rule, "the error is a step"
        if block.over or block.rule.member:
            return alone, True
        found = [p for f in inputs(block.rule) for p in partials(block.rule, f, block.size)]
        if any(partial.operands for partial in found):
            return alone, True
        operands = block.operands[self.root - block.start]
        terms = np.unique(operands)
        plain = len(terms) == len(operands) and all(p.rule.formula == ONE for p in found)
        return terms, plain

    def _reached(self, size: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which ends a cell reaches, [cell, end], and through how many operand places."""
        if size * len(self.ends) > MAX_REACHED:
            raise ProgramError(
                f"too large to differentiate: {size:,} steps of {len(self.ends):,} outputs"
            )
        reach = np.zeros((size, len(self.ends)), np.bool_)
        routes = np.zeros((size, len(self.ends)), np.int64)
        reach[self.ends, np.arange(len(self.ends))] = True
        for block in reversed(self.blocks):
            on = reach[block.cells]
            for column in block.operands.T[list(sending(block))] if on.any() else ():
                np.logical_or.at(reach, column, on)
                np.add.at(routes, column, on)
        return reach, routes

    def _only(self) -> Cells:
        """The one term a cell reaches, if ∂E/∂cell is that term's derivative too; else -1."""
        which = np.isin(self.ends, self.terms)
        reach = self.reach[:, which]
        alone = (reach.sum(axis=1) == 1) & self.seed_is_one
        return np.where(alone, self.ends[which][reach.argmax(axis=1)], -1)
