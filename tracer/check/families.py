"""Which steps a name of somebody's program stands for: one, or all that an array holds.

    W1      W1[1,1] … W1[2,3]          by element; K of K[1,1,1,1] …, h of h[t=1,2] …
    out_h   out_h1 … out_h4            numbered
    w       w11, w12 … w23             numbered by row and column
    W2      w5 … w8                    the weights of the second layer, as the scenario writes them
    b2      its biases, one a unit

The same of gradients (`dE/dW1`, `dE_dW1`, `dW1`) and of what an update leads to (`W1+`, `W1_new`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracer import labels
from tracer.errors import LookupFailed
from tracer.names import names_of
from tracer.program import Program
from tracer.traces import Trace

Cells = NDArray[np.intp]  # of any shape; of a single step none

_Index = tuple[int, ...]


class _Stem(NamedTuple):
    """What the names of a family have in common, folded: `dE/dW1` and `+` of dE/dW1[2,3]+."""

    text: str
    end: str


def cells_of(t: Trace, name: str, several: bool) -> Cells:
    """The steps that a name stands for; whether it comes with several numbers decides between two.

    raises    LookupFailed for a name that is no step and no family of steps
    """
    names = names_of(t.program)
    spelled = list(dict.fromkeys(_spellings(t.program, name)))
    exact = [t.program.index[s] for s in spelled if s in t.program.index]
    if exact:
        return np.array(exact[0])
    families = (found for s in spelled if (found := _family(t, s)) is not None)
    single = (cell for s in spelled if (cell := names.get(s)) is not None)
    family, cell = next(families, None), next(single, None)
    if family is not None and (several or cell is None):
        return family
    return np.array(names.find(name) if cell is None else cell)


def cells_named(t: Trace, name: object) -> Cells:
    """The steps of a key that names each: ("w1", "w2"), or (("w1", "w2"), ("w3", "w4")).

    raises    LookupFailed, also where rows have different lengths
    """
    if isinstance(name, str):
        return np.array(names_of(t.program).find(name))
    assert isinstance(name, tuple)
    rows = [cells_named(t, part) for part in name]
    if not rows or len({row.shape for row in rows}) > 1:
        raise LookupFailed(f"{name!r}: as many names in each row, please")
    return np.array(rows)


# ---- spellings -------------------------------------------------------------------------

_RATIO = re.compile(r"d(.+)_d(.+)")
_GRADIENT = re.compile(r"d(?=[^\W_])(.+)|grad_(.+)|(.+)_grad")


def _spellings(program: Program, name: str) -> Iterator[str]:
    """A name as it is, and as a Python identifier may have to write it."""
    spelled = names_of(program).spelled(name)
    yield from (name, spelled)
    if ratio := _RATIO.fullmatch(name):
        yield names_of(program).spelled(f"d{ratio[1]}/d{ratio[2]}")
    gradient = _GRADIENT.fullmatch(name)
    if gradient and "/" not in name and program.root is not None:
        of = next(filter(None, gradient.groups()))
        yield f"d{labels.name(program.label(program.root))}/d{of}"


# ---- families --------------------------------------------------------------------------

#: How a name ends that belongs to a family; of several the first that gives a whole one.
_KINDS = tuple(map(re.compile, (
    r"(.+)\[((?:t=)?\d+(?:,(?:t=)?\d+)*)\]",
    r"(.*\D)(\d+)",
    r"(.*\D)(\d+)_(\d+)",
    r"(.*\D)(\d)(\d)",
)))  # fmt: skip
_NUMBER = re.compile(r"\d+")


def _family(t: Trace, name: str) -> Cells | None:
    body, end = _split(name)
    found = _families(t.program).get(_Stem(_folded(body), end))
    return _of_layer(t, body, end) if found is None else found


def _split(name: str) -> tuple[str, str]:
    return (name[:-1], "+") if name.endswith("+") else (name, "")


def _folded(text: str) -> str:
    return text.replace(" ", "").replace("_", "").casefold()


@lru_cache(maxsize=32)
def _families(program: Program) -> Mapping[_Stem, Cells]:
    """Every family whose members are there without a gap."""
    tables: dict[_Stem, list[dict[_Index, int]]] = {}
    members: dict[_Stem, set[str]] = {}
    for name, cell in {**program.aliases, **program.index}.items():
        body, end = _split(name)
        for kind, pattern in enumerate(_KINDS):
            if found := pattern.fullmatch(body):
                text, *index = found.groups()
                stem = _Stem(_folded(text), end)
                kinds = tables.setdefault(stem, [{} for _ in _KINDS])
                kinds[kind][tuple(map(int, _NUMBER.findall(",".join(index))))] = cell
                members.setdefault(stem, set()).add(name)
    whole = ((stem, _whole(kinds, len(members[stem]))) for stem, kinds in tables.items())
    return {stem: cells for stem, cells in whole if cells is not None}


def _whole(kinds: Sequence[Mapping[_Index, int]], members: int) -> Cells | None:
    """The first kind that has all members of all kinds, as an array."""
    for table in kinds:
        if len(table) == members and (cells := _array(table)) is not None:
            return cells
    return None


def _array(table: Mapping[_Index, int]) -> Cells | None:
    """Members by their index, from 0 or 1; None where some are missing."""
    if len({len(index) for index in table}) != 1:
        return None
    first = np.array([min(axis) for axis in zip(*table, strict=True)])
    shape = tuple(
        max(axis) - low + 1 for axis, low in zip(zip(*table, strict=True), first, strict=True)
    )
    if np.prod(shape) != len(table) or first.max() > 1:
        return None
    cells = np.empty(shape, np.intp)
    for index, cell in table.items():
        cells[tuple(np.array(index) - first)] = cell
    return cells


# ---- layers ----------------------------------------------------------------------------

_LAYER = re.compile(r"(d.+/d)?([Ww]|[Bb])_?(\d+)")


def _of_layer(t: Trace, body: str, end: str) -> Cells | None:
    """The weights or biases of a layer that has a name for each: W2, dE/dW2, b2."""
    asked = _LAYER.fullmatch(body)
    network = t.scenario.network if t.scenario else None
    if not asked or not network or not 0 < int(asked[3]) <= len(network.layers):
        return None
    layer = network.layers[int(asked[3]) - 1]
    names = getattr(layer, "weights" if asked[2] in "Ww" else "bias", None)
    if not isinstance(names, list):
        return None
    find = names_of(t.program).get
    rows = [row if isinstance(row, list) else [row] for row in names]
    cells = [[find(f"{asked[1] or ''}{name}{end}") for name in row] for row in rows]
    if any(cell is None for row in cells for cell in row):
        return None
    found = np.array(cells, np.intp)
    return found if isinstance(names[0], list) else found[:, 0]
