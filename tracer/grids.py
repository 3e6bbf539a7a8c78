"""Numbers that share a name and differ by an index, as the rows and columns of matrices.

W1[2,3] is row 2 and column 3 of W1; h[t=2,1] a row a time; net_h1 … net_h4 a row of four; of
more indices there is a matrix for each of the first. The same of ∂E/∂W1[2,3] and of W1[2,3]⁺.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tracer.labels import (
    Belonging,
    Delta,
    Derivative,
    Label,
    OfSample,
    Own,
    Tangent,
    Updated,
    name,
    whole,
)
from tracer.numbers import Shown

MOST = 8  # rows and columns of a matrix; of more the first and the last are shown
MAPS = 4  # matrices of one name; of more the first

Index = tuple[int, ...]
Entry = Shown | None  # None: there is no such element


class Member(NamedTuple):
    """An element: what all of its family are called, and its place among them."""

    stem: Label
    place: Index


@dataclass(frozen=True)
class Grid:
    """Some elements of a family in rows and columns."""

    label: Label
    rows: tuple[tuple[Entry, ...], ...]
    wide: bool = False  # columns are left out before the last
    tall: bool = False  # and rows


@dataclass(frozen=True)
class Grids:
    """A whole family."""

    label: Label
    maps: tuple[Grid, ...]
    count: int
    more: int = 0  # maps that are left out


_ANY = "_k"  # the index of elements that are numbered in their names
_ELEMENT = re.compile(r"(.+?)\[((?:t=)?\d+(?:,(?:t=)?\d+)*)\]")
_NUMBERED = re.compile(r"((?:.*_)?[^\d_]+)_?(\d+)")


def member(label: Label) -> Member | None:
    """The family of a label; None for one that has no index."""
    match label:
        case Own(own, shown, _):
            if by_index := _ELEMENT.fullmatch(own):
                index = tuple(int(k.removeprefix("t=")) for k in by_index[2].split(","))
                return Member(whole(by_index[1], shown.partition("[")[0]), index)
            numbered = _NUMBERED.fullmatch(own)
            return numbered and Member(Own(numbered[1].rstrip("_") + _ANY), (int(numbered[2]),))
        case Derivative(_, bottom, "") | Belonging(_, bottom):
            inner: Label = bottom
        case Updated(of) | Delta(of) | OfSample(of) | Tangent(of):
            inner = of
        case _:
            return None
    found = member(inner)
    return found and Member(_around(label, found.stem), found.place)


def _around(label: Label, inner: Label) -> Label:
    """A label like another, of something else: ∂E/∂W for ∂E/∂W[2,3]."""
    match label:
        case Derivative(top, _, note):
            return Derivative(top, inner, note)
        case Belonging(what, _):
            return Belonging(what, inner)
        case Updated() | Delta() | OfSample() | Tangent():
            return type(label)(inner)
    return inner


def _inner(label: Label) -> Own:
    """The author's name in a label."""
    match label:
        case Own():
            return label
        case Derivative(_, bottom, _) | Belonging(_, bottom):
            return _inner(bottom)
        case Updated(of) | Delta(of) | OfSample(of) | Tangent(of):
            return _inner(of)
    raise AssertionError(f"{name(label)} is in no family")


def grids(values: Iterable[tuple[Label, Shown]]) -> tuple[list[Grids], list[tuple[Label, Shown]]]:
    """Families of two elements or more as matrices, and all that is in no family."""
    families: dict[str, tuple[Label, dict[Index, tuple[Label, Shown]]]] = {}
    alone: list[tuple[Label, Shown]] = []
    for label, shown in values:
        found = member(label)
        if found is None:
            alone.append((label, shown))
            continue
        key = f"{name(found.stem)} {len(found.place)}"
        families.setdefault(key, (found.stem, {}))[1][found.place] = (label, shown)
    whole = []
    for stem, members in families.values():
        elements = _placed(
            {k: shown for k, (_, shown) in members.items()},
            by_name=_inner(stem).name.endswith(_ANY),
        )
        if elements is None:
            alone += members.values()
        else:
            whole.append(_arranged(stem, elements))
    return whole, alone


def _placed(elements: dict[Index, Shown], by_name: bool) -> dict[Index, Shown] | None:
    """The elements by row and column, y21 in row 2; None where there is no whole row of them."""
    if len(elements) < (3 if by_name else 2):
        return None
    numbers = [index[0] for index in elements]
    if not by_name or numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return elements
    if not all(11 <= number <= 99 for number in numbers):
        return None
    table: dict[Index, Shown] = {(k // 10, k % 10): s for (k,), s in elements.items()}
    rows, columns = (max(index[axis] for index in table) for axis in (0, 1))
    return table if len(table) == rows * columns else None


def _arranged(stem: Label, elements: Mapping[Index, Shown]) -> Grids:
    heads = list(dict.fromkeys(index[:-2] for index in elements))
    maps = []
    for head in heads[:MAPS]:
        own = {index[len(head) :]: s for index, s in elements.items() if index[: len(head)] == head}
        maps.append(_grid(_of_map(stem, head), own))
    return Grids(stem, tuple(maps), len(elements), max(len(heads) - MAPS, 0))


def _grid(label: Label, elements: Mapping[Index, Shown]) -> Grid:
    rows = _whole(index[:-1] for index in elements)
    columns = [last for (last,) in _whole(index[-1:] for index in elements)]
    tall, wide = len(rows) > MOST, len(columns) > MOST
    if tall:
        rows = [*rows[: MOST - 2], rows[-1]]
    if wide:
        columns = [*columns[: MOST - 2], columns[-1]]
    table = tuple(tuple(elements.get((*row, column)) for column in columns) for row in rows)
    return Grid(label, table, wide, tall)


def _whole(met: Iterable[Index]) -> list[Index]:
    """The indices up to the last that is met, those that are missing too; they count from 1."""
    found = set(met)
    if found == {()}:
        return [()]
    return [(k,) for k in range(min(1, *(k for (k,) in found)), 1 + max(k for (k,) in found))]


def _of_map(stem: Label, head: Index) -> Label:
    """`K[1,2]` for the matrix of the first filter's second channel."""
    if not head:
        return stem
    own, index = _inner(stem), f"[{','.join(map(str, head))}]"
    return _replaced(stem, Own(own.name + index, (own.shown or own.name) + index))


def _replaced(label: Label, own: Own) -> Label:
    """A label with another name of the author's in it."""
    match label:
        case Own():
            return own
        case Derivative(_, inner, _) | Belonging(_, inner):
            return _around(label, _replaced(inner, own))
        case Updated(of) | Delta(of) | OfSample(of) | Tangent(of):
            return _around(label, _replaced(of, own))
    return label


# ---- in LaTeX --------------------------------------------------------------------------


def matrix(grid: Grid, value: Callable[[Shown], str]) -> str:
    """The rows of a grid as a matrix; `value` writes a number."""
    lines = []
    for k, row in enumerate(grid.rows):
        if grid.tall and k == len(grid.rows) - 1:
            gaps = len(row) + grid.wide
            lines.append(" & ".join([r"\vdots"] * gaps))
        cells = ["" if entry is None else value(entry) for entry in row]
        if grid.wide:
            cells.insert(len(cells) - 1, r"\dots")
        lines.append(" & ".join(cells))
    body = r" \cr ".join(lines)
    return rf"\begin{{bmatrix}} {body} \end{{bmatrix}}"
