"""What tutorials do differently, stated by a scenario; and readings, which change some of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    WithJsonSchema,
)

from tracer.arithmetic import How, Machine, Precise
from tracer.catalog.losses import SIGNS
from tracer.errors import nearest
from tracer.fields import (
    Count,
    Model,
    NameText,
    Net,
    Number,
    NumberOrName,
    Places,
    Positive,
    Significant,
    Text,
    Title,
    choice,
    quoted,
)
from tracer.mistakes import stated
from tracer.mistakes.applied import Slip
from tracer.mistakes.catalog import Mistake
from tracer.numbers import HALF_UP, MODES, Digits

MEAN = "mean "


def made_of(loss: str) -> tuple[str, str]:
    """What a loss is made of: one output's error, and how the outputs' errors become one."""
    return (loss.removeprefix(MEAN), "mean") if loss.startswith(MEAN) else (loss, "sum")


class Rounding(Model):
    """Rounding by hand after every step: to decimals, or to significant digits."""

    decimals: Places | None = None
    significant: Significant | None = None
    mode: Annotated[str, *choice(*MODES)] = HALF_UP

    @property
    def stated(self) -> bool:
        """Whether it is decimals or significant digits, and not both."""
        return (self.decimals is None) != (self.significant is None)

    @property
    def digits(self) -> Digits:
        return Digits(self.decimals, self.significant, self.mode)


def _rounding(value: object) -> object:
    """`"none"` takes away the rounding that a reading would have from its scenario."""
    return None if value == "none" else value


_ROUNDING: Any = {"anyOf": [Rounding.model_json_schema(), {"const": "none"}]}


class Precision(Model):
    """Every operation to so many significant digits."""

    digits: Annotated[int, Field(ge=1, le=100)]


def _digits(value: object) -> object:
    """`30` is short for `{ digits = 30 }`."""
    return {"digits": value} if isinstance(value, int) and not isinstance(value, bool) else value


def _machine_or_digits(value: object) -> str:
    return "(digits)" if isinstance(value, dict | Precision) else "(machine)"


#: `"float64"`, `"float32"`, or a number of digits.
_Arithmetic = Annotated[
    Annotated[str, *choice(*(m.value for m in Machine)), Tag("(machine)")]
    | Annotated[Precision, Tag("(digits)")],
    Discriminator(_machine_or_digits),
    BeforeValidator(_digits),
]
_ARITHMETIC: Any = {
    "anyOf": [
        {"enum": [m.value for m in Machine]},
        {"type": "integer", "minimum": 1, "maximum": 100},
        Precision.model_json_schema(),
    ]
}


class Made(Model):
    """A mistake that is made, and where: everywhere it can be, if no place is named."""

    id: Title  # or the words that explain it
    at: Annotated[list[Title], Field(min_length=1)] | None = None
    decimals: Places | None = None  # of rounded gradients

    @property
    def slip(self) -> Slip:
        return Slip(self._mistake, tuple(self.at or ()))

    @property
    def _mistake(self) -> Mistake:
        if self.decimals is not None:
            return stated.rounded_gradients(self.decimals)
        found = stated.named(self.id)
        assert found, f"{self.id} was checked"
        return found


def _tables(value: object) -> object:
    """`"updated-weights"` is short for `{ id = "updated-weights" }`."""
    if not isinstance(value, list):
        return value
    return [{"id": made} if isinstance(made, str) else made for made in value]


_MADE: Any = {
    "type": "array",
    "items": {"anyOf": [{"type": "string"}, Made.model_json_schema()]},
}


def _direction(value: object) -> object:
    """`"x1"` is short for `{ x1 = 1 }`."""
    return {value: 1} if isinstance(value, str) else value


_DIRECTION: Any = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "additionalProperties": {"type": "number"}},
    ]
}


class Penalty(Model):
    """What large weights add to the error: how strongly, by the names of givens."""

    l1: NameText | None = None  # the sum of their sizes, times this
    l2: NameText | None = None  # the sum of their squares, times this
    half: list[Annotated[str, *choice("l1", "l2")]] = Field(["l2"])  # which are times a half
    biases: bool = False  # whether biases count as weights

    @property
    def strengths(self) -> dict[str, str]:
        """The givens that say how strongly, by kind."""
        return {kind: name for kind in ("l1", "l2") if (name := getattr(self, kind))}


class Conventions(Model):
    """What tutorials do differently; a scenario states it, a reading may change it."""

    loss: Title = "half squared error"  # of the catalog or of the scenario's own
    sign: Annotated[str, *choice(*SIGNS)] = "t - o"
    # of squared errors: whether the 2 of the derivative is written
    factor: Annotated[str, *choice("kept", "dropped")] = "kept"
    net: Net = "sum(w_i*x_i) + b"
    biases: Annotated[str, *choice("trained", "frozen")] = "trained"
    chain: Annotated[str, *choice("full", "deltas")] = "full"
    softmax: Annotated[str, *choice("whole", "steps")] = "whole"  # one step an output, or several
    output_gradient: Annotated[str, *choice("chain", "short")] = "chain"  # p - t in one step
    learning: Annotated[str, *choice("gradient", "perceptron")] = "gradient"
    update: Annotated[str, *choice("simultaneous", "sequential")] = "simultaneous"
    batch_size: Positive | None = None  # samples an update; None: all of them
    reduction: Annotated[str, *choice("sum", "mean")] = "sum"  # over the samples of a batch
    order: Annotated[list[Count], Field(min_length=1)] | None = None  # of an epoch's samples
    learning_rate: NameText = "eta"
    penalty: Penalty | None = None
    iterations: Count = 1  # updates
    epochs: Count | None = None  # or updates as rounds through all samples
    stop_below: Number | None = None  # stop before the update when the error is less
    detail: Annotated[str, *choice("formulas", "gates")] = "formulas"  # what of formulas is a step
    decimals: Places | None = None  # digits shown after the point; 8 if nothing is said
    significant: Significant | None = None  # or significant digits shown
    rounding: Annotated[
        Rounding | None, BeforeValidator(_rounding), WithJsonSchema(_ROUNDING, mode="validation")
    ] = None  # by hand, after every step
    arithmetic: Annotated[_Arithmetic, WithJsonSchema(_ARITHMETIC, mode="validation")] = "float64"
    tangents: Annotated[
        dict[NameText, Number] | None,
        BeforeValidator(_direction),
        WithJsonSchema(_DIRECTION, mode="validation"),
    ] = None  # forward mode: how fast some givens move, all others stay; by name, that one by 1
    # that the source makes; of several at one step the later changes the earlier
    mistakes: Annotated[
        list[Made], BeforeValidator(_tables), WithJsonSchema(_MADE, mode="validation")
    ] = Field(default_factory=list)

    @property
    def slips(self) -> tuple[Slip, ...]:
        """The mistakes as they are made."""
        return tuple(made.slip for made in self.mistakes)

    @property
    def how(self) -> How:
        """How the steps are computed."""
        if self.rounding:
            return self.rounding.digits
        if isinstance(self.arithmetic, Precision):
            return Precise(self.arithmetic.digits)
        return Machine(self.arithmetic)

    @property
    def digits(self) -> Digits:
        if self.significant is not None:
            return Digits(None, self.significant)
        return Digits(8 if self.decimals is None else self.decimals)


#: Stating one of these replaces the other.
_EITHER = (("decimals", "significant"), ("iterations", "epochs"), ("rounding", "arithmetic"))


class Reading(Conventions):
    """A named override of conventions, givens and steps."""

    says: Text = ""
    givens: dict[NameText, NumberOrName] = Field(default_factory=dict)
    pins: dict[Title, Number] = Field(default_factory=dict)  # values that steps are held at

    @property
    def changed(self) -> dict[str, object]:
        """The conventions this reading states."""
        own = self.model_fields_set - {"says", "givens", "pins"}
        found: dict[str, object] = {}
        for pair in _EITHER:
            if any(getattr(self, field) is not None for field in own & set(pair)):
                found |= {field: type(self).model_fields[field].default for field in pair}
        return {**found, **{field: getattr(self, field) for field in own}}


# ---- readings that need no definition --------------------------------------------------

_Changes = Callable[[int], dict[str, object]]


def _by_hand(key: str, mode: str) -> _Changes:
    return lambda n: {"rounding": {key: n, "mode": mode}}


#: What a name says by itself, in words, and what such a reading changes, by the number named.
_IMPLICIT: tuple[tuple[str, str, _Changes], ...] = (
    (
        "float64",
        "Every operation is rounded to double precision (float64).",
        lambda _: {"arithmetic": "float64"},
    ),
    (
        "float32",
        "Every operation is rounded to single precision (float32).",
        lambda _: {"arithmetic": "float32"},
    ),
    (
        "{digits}",
        "Every operation is rounded to {significant}.",
        lambda n: {"arithmetic": n},
    ),
    (
        "rounded to {decimals}",
        "Every value is rounded to {decimals} before it is used.",
        _by_hand("decimals", HALF_UP),
    ),
    (
        "rounded to {significant}",
        "Every value is rounded to {significant} before it is used.",
        _by_hand("significant", HALF_UP),
    ),
    (
        "cut to {decimals}",
        "Every value is cut off after {decimals} before it is used.",
        _by_hand("decimals", "truncate"),
    ),
    (
        "cut to {significant}",
        "Every value is cut off after {significant} before it is used.",
        _by_hand("significant", "truncate"),
    ),
)


def implicit(name: str) -> Reading | None:
    """The reading that a name states by itself.

    `float32`, `rounded to 4 decimals`, `30 digits`, or a mistake by its id or its words.
    """
    return _stated(name).get(name) or _mistaken(name)


def in_words(name: str) -> str:
    """What a reading that needs no definition is called: of a mistake, what happened."""
    mistake = stated.named(name)
    return mistake.explains if mistake else name


def _mistaken(name: str) -> Reading | None:
    """The reading under which a mistake is made."""
    mistake = stated.named(name)
    return Reading(says=mistake.says, mistakes=[Made(id=mistake.id)]) if mistake else None


def no_reading(name: str, readings: Iterable[str]) -> str:
    """That there is no reading of this name, and the nearest of those there are."""
    # its number may be too large
    known = [*readings, *_stated(name), *_stated(""), *stated.names()]
    return f"no reading {quoted(name)}{nearest(name, known)}"


def _stated(name: str) -> dict[str, Reading]:
    """The readings that names with the number in this one state."""
    number = re.search(r"[0-9]{1,9}", name)
    n = int(number[0]) if number else 4
    end = "" if n == 1 else "s"
    amounts = {
        "decimals": f"{n} decimal{end}",
        "significant": f"{n} significant digit{end}",
        "digits": f"{n} digit{end}",
    }
    found = {}
    for named, says, changes in _IMPLICIT:
        with suppress(ValidationError):  # so many digits are none of a convention
            table = {"says": says.format_map(amounts), **changes(n)}
            found[named.format_map(amounts)] = Reading.model_validate(table)
    return found
