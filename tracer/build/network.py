"""The layers of a network, written on a sheet one after the other."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import groupby
from math import prod

import numpy as np

from tracer.backprop import Cut
from tracer.build.sheet import Sheet
from tracer.build.vectors import emit_activation
from tracer.catalog.sums import net, unbiased
from tracer.catalog.vectors import VECTORS
from tracer.errors import ProgramError
from tracer.expression import group_of
from tracer.layers.base import BIAS, CONSTANT, WEIGHT
from tracer.layers.shapes import Names, Shape
from tracer.limits import MAX_OPERANDS
from tracer.program import Cells, Phase
from tracer.rules import Rule, formals, member_of
from tracer.walk import Walk

#: Which adjoints are named, by chain style: of a unit's output, of its net.
CHAINS: dict[str, tuple[Cut | None, Cut]] = {
    "full": (Cut.ALWAYS, Cut.PATHS),
    "deltas": (None, Cut.DELTA),
}


class Bench:
    """What a layer emits with: the sheet, its names, and what all layers have in common.

    Cells come as arrays in the shape of the numbers; -1 stands where there is none.
    """

    def __init__(self, sheet: Sheet) -> None:
        assert sheet.s.network
        self.sheet, self.s = sheet, sheet.s
        self.walk: Walk = sheet.s.walk
        self.cuts: dict[int, Cut] = {}
        self.came: list[Cells] = []  # what went into every layer so far
        self.number = 0

    @property
    def title(self) -> str:
        """What the layer at work is called."""
        return self.walk.titles[self.number]

    @property
    def names(self) -> Mapping[str, Names]:
        """The names of the steps of the layer at work, by key."""
        return self.walk.steps[self.number]

    @property
    def before(self) -> Shape:
        """The shape of what goes into the layer at work."""
        return self.walk.shapes[self.number]

    def givens(self) -> None:
        """Emit all parameters, the weights first."""
        trained = self.s.conventions.biases == "trained"
        for role, learned in ((WEIGHT, True), (BIAS, trained), (CONSTANT, False)):
            for layer, title in zip(self.walk.layers, self.walk.titles, strict=True):
                used = [n for use in layer.uses() if use.role == role for n in use.names]
                self.sheet.parameters(self._elements(used), title, learned)

    def _elements(self, names: Sequence[str]) -> list[str]:
        found = (self.s.elements(name) for name in names)
        each = (np.ravel(e).tolist() for e in found if e is not None)
        return list(dict.fromkeys(name for names in each for name in names))

    def run(self, x: Cells) -> Cells:
        """Emit every layer; returns the outputs."""
        for number, layer in enumerate(self.walk.layers):
            self.number = number
            self.came.append(x)
            x = layer.emit(self, x)
        return x

    # ---- for layers ----------------------------------------------------------------------

    def cells(self, name: str) -> Cells:
        """The cells of a given's elements, in its shape."""
        names = self.s.elements(name)
        assert names is not None, name
        return self.named(names)

    def named(self, names: Names) -> Cells:
        """The cells of givens, in the shape of their names; -1 for an empty name."""
        called = np.ravel(names).tolist()
        found = dict.fromkeys(called, -1)
        there = [name for name in found if name]
        found.update(zip(there, self.sheet.given(there, self.title).tolist(), strict=True))
        return np.array([found[name] for name in called], np.int64).reshape(names.shape)

    def emit(self, rule: Rule, names: Names, /, **operands: Cells) -> Cells:
        """Emit a step a name, with operands by formal, each spread to the shape of the names.

        Those of a group lie along one more axis; a member of which one is -1 is left out.
        """
        cells = self._written(rule, names.ravel(), self._rows(operands, names))
        self.cuts.update(dict.fromkeys(cells.tolist(), Cut.ALWAYS))
        return cells.reshape(names.shape)

    def sums(self, x: Cells, w: Cells, b: Cells, names: Names) -> Cells:
        """Emit sums along the last axis of x, weighted by w, as the scenario writes them."""
        whole, called = net(self.s.conventions.net), names.ravel()
        rows = self._rows({"x_i": x, "w_i": w, "b": b}, names)
        found = []
        for run in _runs((rows["b"] < 0).tolist()):
            rule = unbiased(whole) if rows["b"][run[0]] < 0 else whole
            own = {formal: cells[run] for formal, cells in rows.items()}
            found.append(self._written(rule, called[run], own))
        z = np.concatenate(found)
        _, at_net = CHAINS[self.s.conventions.chain]
        if at_net is Cut.PATHS and not self.walk.layers[self.number].spelled:
            at_net = Cut.ALWAYS
        self.cuts.update(dict.fromkeys(z.tolist(), at_net))
        return z.reshape(names.shape)

    def _rows(self, operands: Mapping[str, Cells], names: Names) -> dict[str, Cells]:
        """Operands by formal: [name], those of a group [name, member]."""
        found = {}
        for formal, cells in operands.items():
            members = cells.shape[-1:] if group_of(formal) else ()
            if names.size * prod(members) > MAX_OPERANDS:
                raise ProgramError(f"{self.title}: more than {MAX_OPERANDS:,} operands")
            spread = np.broadcast_to(cells, (*names.shape, *members))
            found[formal] = spread.reshape(names.size, *members)
        return found

    def _written(self, rule: Rule, called: Names, rows: Mapping[str, Cells]) -> Cells:
        """Emit a step a row; those that follow each other and have as many members as one block."""
        groups = [cells >= 0 for formal, cells in rows.items() if group_of(formal)]
        there = np.all(groups, axis=0) if groups else np.empty((len(called), 0), bool)
        found = []
        for run in _runs(there.sum(1).tolist()):
            size = int(there[run[0]].sum())
            columns: dict[str, Cells] = {}
            for formal, cells in rows.items():
                if group_of(formal):
                    members = cells[run][there[run]].reshape(len(run), size)
                    columns |= {member_of(formal, k): c for k, c in enumerate(members.T, 1)}
                else:
                    columns[formal] = cells[run]
            table = np.stack([columns[formal] for formal in formals(rule, size)], 1)
            found.append(
                self.sheet.emit(rule, table, called[run].tolist(), Phase.FORWARD, self.title)
            )
        return np.concatenate(found)

    def activated(self, activation: str, z: Cells, names: Names) -> Cells:
        """Emit the outputs of nets; an activation of vectors runs along the last axis."""
        width = z.shape[-1] if activation in VECTORS else z.size
        rows = zip(z.reshape(-1, width), names.reshape(-1, width), strict=True)
        found = [
            emit_activation(self.sheet, activation, row, own.tolist(), self.title)
            for row, own in rows
        ]
        a = np.concatenate(found)
        at_out, _ = CHAINS[self.s.conventions.chain]
        if at_out:
            self.cuts.update(dict.fromkeys(a.tolist(), at_out))
        return a.reshape(z.shape)


def _runs(keys: Sequence[Hashable]) -> Iterator[list[int]]:
    """The places of equal keys that follow each other."""
    for _, run in groupby(range(len(keys)), keys.__getitem__):
        yield list(run)
