"""The numbers of somebody's program: from a dict, arrays or an object's attributes to steps.

Arrays are whatever numpy understands, and PyTorch's tensors. Each number keeps how exactly its
type can hold it: that is what it is judged by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracer import labels
from tracer.check.families import Cells, cells_named, cells_of
from tracer.errors import LookupFailed, UsageError
from tracer.traces import Trace

DOUBLE, SINGLE = 2.0**-53, 2.0**-24  # half a unit of the last place, of the number itself
_ROUNDING = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": SINGLE}  # else as float64
SHORT = 12  # digits of a number that may have been typed or rounded
_ATTRIBUTES = 4  # that an error names


class Number(NamedTuple):
    value: float
    rounding: float  # half a unit of the last place its type has, of the number itself


@dataclass(frozen=True)
class Part:
    """One name with its array and the steps it stands for."""

    name: str
    cells: Cells
    array: NDArray[np.float64]  # as given
    samples: tuple[int, ...]  # that it has a number for; the selected one, or all of them
    rounding: float

    def numbers(self) -> Iterator[tuple[tuple[int, int], Number]]:
        """((cell, sample), number), in the order of the array."""
        places = [(cell, sample) for sample in self.samples for cell in self.cells.ravel().tolist()]
        for place, value in zip(places, self.array.ravel().tolist(), strict=True):
            yield place, Number(value, self.rounding)


@dataclass
class Filled:
    """What somebody's program gave."""

    parts: list[Part] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)  # arrays of the wrong shape, a line each

    def numbers(self) -> dict[tuple[int, int], Number]:
        """The numbers by cell and sample; single precision that Python's floats hide is seen."""
        found = dict(place for part in self.parts for place in part.numbers())
        single = any(n.rounding >= SINGLE or _seen_single(n.value) for n in found.values())
        return {place: _single(n) for place, n in found.items()} if single else found


def filled(t: Trace, values: object) -> Filled:
    """The numbers of a dict by name, or of an object's attributes that are called as steps.

    raises    LookupFailed for names of a dict that are no steps; UsageError for what is no number,
              and where there is nothing to compare
    """
    found = _of_dict(t, values) if isinstance(values, Mapping) else _of_object(t, values)
    if not found.parts and not found.misfits:
        raise UsageError("values: nothing to compare: the dict is empty")
    return found


def _of_dict(t: Trace, values: Mapping[Any, object]) -> Filled:
    found, unknown = Filled(), []
    for name, value in values.items():
        array, rounding = _array(name, value)
        try:
            cells = _cells(t, name, array)
        except LookupFailed as wrong:
            unknown.append(str(wrong))
            continue
        _add(found, t, _called(name), cells, array, rounding)
    if unknown:
        raise LookupFailed("; ".join(unknown))
    return found


def _of_object(t: Trace, values: object) -> Filled:
    """Attributes that are no steps are the program's own business."""
    found, own = Filled(), _attributes(values)
    for name, value in own.items():
        try:
            array, rounding = _array(name, value)
            cells = cells_of(t, name, array.size > 1)
        except (UsageError, LookupFailed):
            continue
        _add(found, t, name, cells, array, rounding)
    if not found.parts and not found.misfits:
        raise UsageError(_nothing(t, values, own))
    return found


def _cells(t: Trace, name: object, array: NDArray[np.float64]) -> Cells:
    if isinstance(name, str):
        return cells_of(t, name, array.size > 1)
    if isinstance(name, tuple):
        return cells_named(t, name)
    raise LookupFailed(f"a name is a text, or a tuple of them for an array, not {name!r}")


def _called(name: object) -> str:
    return name if isinstance(name, str) else ", ".join(map(_called, name))  # type: ignore[call-overload]


def _attributes(values: object) -> dict[str, object]:
    """The public attributes of an object, in order."""
    if hasattr(values, "_asdict"):
        return dict(values._asdict())
    slots = [s for kind in type(values).__mro__ for s in getattr(kind, "__slots__", ())]
    own = {s: getattr(values, s) for s in slots if hasattr(values, s)} | getattr(
        values, "__dict__", {}
    )
    return {name: value for name, value in own.items() if not name.startswith("_")}


def _nothing(t: Trace, values: object, own: Mapping[str, object]) -> str:
    kind = type(values).__name__
    has = ", ".join(list(own)[:_ATTRIBUTES]) + (", …" if len(own) > _ATTRIBUTES else "")
    steps = ", ".join(t.names[-_ATTRIBUTES:])
    said = f"its attributes are {has}" if own else "it has no attributes"
    return (
        f"values: nothing to compare: no attribute of this {kind} is a step ({said}; "
        f"steps are called …, {steps})"
    )


# ---- numbers of all kinds --------------------------------------------------------------


def _array(name: object, value: object) -> tuple[NDArray[np.float64], float]:
    """A value as an array, and how exactly its type holds numbers.

    raises    UsageError for what is no number and no array of numbers
    """
    try:
        plain = _plain(value)
        kind = str(getattr(value, "dtype", plain.dtype)).rpartition(".")[2]
        found = plain.astype(np.float64)
    except (TypeError, ValueError):
        raise UsageError(
            f"{_called(name)}: no number and no array of numbers, but {_kind(value)}"
        ) from None
    if not found.size:
        raise UsageError(f"{_called(name)}: an empty array")
    return found, _ROUNDING.get(kind, DOUBLE)


def _plain(value: Any) -> NDArray[Any]:
    """A value as numpy has it: a tensor without its history, a number in its object."""
    if hasattr(value, "detach"):  # PyTorch
        value = value.detach().cpu()
        value = value.float() if "float16" in str(value.dtype) else value
    found = np.asarray(value)
    if found.dtype.kind == "O":  # Decimals, or numbers wrapped as in micrograd
        found = np.frompyfunc(_unwrapped, 1, 1)(found)
        found = np.asarray(found, np.float64)
    if found.dtype.kind not in "biuf":
        raise TypeError
    return found


def _unwrapped(value: Any) -> float:
    return float(getattr(value, "data", value))


def _kind(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{type(value).__name__} {text[:30]}…"


def _single(n: Number) -> Number:
    return Number(n.value, max(n.rounding, SINGLE)) if _fits_single(n.value) else n


def _seen_single(value: float) -> bool:
    """Whether a float can only come from single precision: one of 2^29 others looks so."""
    return not is_short(value) and _fits_single(value)


def _fits_single(value: float) -> bool:
    with np.errstate(over="ignore"):
        return float(np.float32(value)) == value


def is_short(value: float) -> bool:
    """Whether a number may have been typed, or is not finite."""
    return len(Decimal(repr(value)).as_tuple().digits) <= SHORT


# ---- shapes ----------------------------------------------------------------------------


def _add(
    found: Filled, t: Trace, name: str, cells: Cells, array: NDArray[np.float64], rounding: float
) -> None:
    """Add an array whose shape fits its steps; sides of length 1 do not count."""
    each = all(t.program.block(cell).per_sample for cell in cells.ravel().tolist())
    every = tuple(range(t.program.samples))
    layouts = [((len(every), *cells.shape), every)] if each and len(every) > 1 else []
    layouts.append((cells.shape, (t.sample,)))
    for shape, samples in layouts:
        if _long(shape) == _long(array.shape):
            found.parts.append(Part(name, cells, array, samples, rounding))
            return
    found.misfits.append(_misfit(t, name, cells, array.shape, layouts[0][0]))


def _long(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(side for side in shape if side != 1)


def _misfit(t: Trace, name: str, cells: Cells, shape: tuple[int, ...], due: tuple[int, ...]) -> str:
    """`W1 is given as 3×2, expected 2×3: transposed?`"""
    line = f"{name} is given as {_sides(shape)}, expected {_sides(due)}"
    if len(_long(shape)) > 1 and _long(shape) == _long(due)[::-1]:
        return f"{line}: transposed?"
    steps = [labels.text(t.program.label(cell)) for cell in cells.ravel().tolist()]
    told = steps[0] if len(steps) == 1 else f"{steps[0]} … {steps[-1]}"
    return f"{line} ({told})" if told != name else line


def _sides(shape: tuple[int, ...]) -> str:
    """`2×3`; a single row as its length."""
    if len(shape) > 1:
        return "×".join(map(str, shape))
    return f"{shape[0]} numbers" if shape and shape[0] != 1 else "one number"
