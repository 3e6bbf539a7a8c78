"""Weights and biases that layers are given: matrices by units or by inputs, biases in any form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import numpy as np

from tracer.fields import choice
from tracer.inventory import counted, not_given
from tracer.layers.base import Counted, listed
from tracer.layers.shapes import Names
from tracer.program import Cells

if TYPE_CHECKING:
    from tracer.build.network import Bench
    from tracer.scenario import Scenario

Rows = Annotated[str, *choice("units", "inputs")]  # what a row of the matrix is


def parameter(s: Scenario, name: str) -> Names | None:
    """The names of a given's elements; None for what is measured in samples, or not there."""
    found = s.elements(name)
    return None if found is None or not set(found.ravel()) <= s.numbers.keys() else found


def oriented(s: Scenario, name: str, rows: str) -> Names:
    """The names of a matrix, a row a unit; a number or a list is a unit's weight of one input."""
    found = s.elements(name)
    assert found is not None, name
    table = found.reshape(-1, 1) if found.ndim < 2 else found
    return table if rows == "units" or found.ndim < 2 else table.T


def matrix(s: Scenario, field: str, name: str, rows: str, width: int) -> Counted:
    """Yields what is wrong with a matrix for so many inputs; returns the units, 0 if unknown."""
    found = parameter(s, name)
    if found is None or found.ndim > 2 or (found.ndim < 2 and width > 1):
        yield f"{field}: {not_given(s, name, 'a matrix')}"
        return 0
    units, inputs = oriented(s, name, rows).shape
    if inputs != width:
        yield f"{field}: {name} is for {counted(inputs, 'input')}, the layer has {width}"
        return 0
    return int(units)


def check_biases(
    s: Scenario, field: str, bias: str | list[str] | None, units: int
) -> Iterator[str]:
    """What is wrong with the biases of so many units."""
    names = listed(bias)
    if isinstance(bias, str):
        found = parameter(s, bias)
        if found is None or found.ndim > 1:
            yield f"{field}: {not_given(s, bias, 'a number')}"
            return
        names = found.tolist() if found.ndim else []
    else:
        for k, name in enumerate(names):
            if name not in s.numbers:
                yield f"{field}[{k}]: {not_given(s, name, 'a number')}"
    if names and units and len(names) != units:
        yield f"{field}: {counted(len(names), 'bias')} for {counted(units, 'unit')}"


def bias_names(s: Scenario, bias: str | list[str] | None, units: int) -> list[str]:
    """The bias of every unit by name; empty names without biases."""
    if bias is None:
        return [""] * units
    if isinstance(bias, list):
        return bias
    found = s.elements(bias)
    return [bias] * units if found is None or not found.ndim else list(found)


def other_than_mask(s: Scenario, names: Names) -> list[str]:
    """The first given of a mask that is neither 0 nor 1, if one is not."""
    given = (str(name) for name in names.flat if name in s.numbers)
    return [name for name in given if s.numbers[name] not in (0, 1)][:1]


def offsets(on: Bench, bias: str | list[str] | None, units: int) -> Cells:
    """The cells of the biases of every unit, -1 without."""
    return on.named(np.array(bias_names(on.s, bias, units), object))
