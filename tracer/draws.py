"""Numbers drawn from a named generator and seed, as the source that is followed drew them.

All draws of one list come from one stream, in their order: each goes on where the one before
stopped, so what nobody needs must be drawn too. No global state is read or changed.

How long a seed gives the same numbers:
- `numpy.random.seed` is numpy's legacy stream, frozen for good (NEP 19).
- `numpy.random.default_rng` may change with a version of numpy (NEP 19): less durable.
- `random` keeps `random()` for a whole number as seed; its other functions may change.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracer.errors import TooLarge, UsageError, nearest

MAX_NUMBERS = 10_000_000
MAX_AXES = 8
_EXACT = 2**53  # whole numbers beyond this are no float64

Values = NDArray[np.float64]
Fill = Callable[[Callable[..., object], tuple[float, ...], tuple[int, ...]], object]


@dataclass(frozen=True)
class Draw:
    """One draw: `Draw("W1", "randn", (2, 3))`; a parameter not stated has numpy's default."""

    name: str
    function: str
    shape: tuple[int, ...] = ()  # () is one number
    low: float | None = None
    high: float | None = None  # of randint, integers: left out by numpy, drawn by random
    mean: float | None = None
    deviation: float | None = None


@dataclass(frozen=True)
class _Function:
    method: str
    takes: Mapping[str, float | None]  # parameters with their defaults; None: must be stated
    whole: bool = False  # whether the parameters are whole numbers


@dataclass(frozen=True)
class _Generator:
    start: Callable[[int], object]
    seeds: range
    fill: Fill
    functions: Mapping[str, _Function]


def _by_size(
    function: Callable[..., object], arguments: tuple[float, ...], shape: tuple[int, ...]
) -> object:
    return function(*arguments, size=shape)


def _one_by_one(
    function: Callable[..., object], arguments: tuple[float, ...], shape: tuple[int, ...]
) -> object:
    """Row by row, one call a number."""
    return np.reshape([function(*arguments) for _ in range(math.prod(shape))], shape)


_RANGE: dict[str, float | None] = {"low": 0.0, "high": 1.0}
_BELL: dict[str, float | None] = {"mean": 0.0, "deviation": 1.0}
_WHOLE: dict[str, float | None] = {"low": 0.0, "high": None}

_GENERATORS = {
    "numpy.random.seed": _Generator(
        lambda seed: np.random.RandomState(seed),  # numpy loads its random module when asked
        range(2**32),
        _by_size,
        {
            "rand": _Function("random_sample", {}),
            "randn": _Function("standard_normal", {}),
            "random": _Function("random_sample", {}),
            "random_sample": _Function("random_sample", {}),
            "uniform": _Function("uniform", _RANGE),
            "normal": _Function("normal", _BELL),
            "standard_normal": _Function("standard_normal", {}),
            "randint": _Function("randint", _WHOLE, whole=True),
        },
    ),
    "numpy.random.default_rng": _Generator(
        lambda seed: np.random.default_rng(seed),
        range(2**128),
        _by_size,
        {
            "random": _Function("random", {}),
            "uniform": _Function("uniform", _RANGE),
            "normal": _Function("normal", _BELL),
            "standard_normal": _Function("standard_normal", {}),
            "integers": _Function("integers", _WHOLE, whole=True),
        },
    ),
    "random": _Generator(
        random.Random,
        range(1 - 2**128, 2**128),
        _one_by_one,
        {
            "random": _Function("random", {}),
            "uniform": _Function("uniform", _RANGE),
            "gauss": _Function("gauss", _BELL),
            "normalvariate": _Function("normalvariate", _BELL),
            "randint": _Function("randint", _WHOLE, whole=True),
        },
    ),
}


def generators() -> tuple[str, ...]:
    """The generators a scenario may name."""
    return tuple(_GENERATORS)


def functions(generator: str) -> tuple[str, ...]:
    """The functions of a generator; raises UsageError for an unknown one."""
    return tuple(_generator(generator).functions)


def parameters(generator: str, function: str) -> tuple[str, ...]:
    """The parameters that a function takes; raises UsageError for an unknown one."""
    return tuple(_function(generator, function).takes)


def drawn(generator: str, seed: int, draws: Sequence[Draw]) -> dict[str, Values]:
    """The numbers of every draw by name, each an array of the draw's shape.

    raises    UsageError for an unknown generator or function, a seed the generator does not
              take, a shape or parameter that makes no sense, a name used twice;
              TooLarge for more than MAX_NUMBERS in all
    """
    chosen = _generator(generator)
    if seed not in chosen.seeds:
        least, most = (_size(s) for s in (chosen.seeds.start, chosen.seeds.stop - 1))
        raise UsageError(f"seed {_size(seed)}: {generator} takes whole numbers {least} to {most}")
    _check_names(draws)
    _check_sizes(draws)
    arguments = [_arguments(generator, draw) for draw in draws]
    stream = chosen.start(seed)
    return {
        draw.name: _drawn(chosen, stream, draw, given)
        for draw, given in zip(draws, arguments, strict=True)
    }


def _drawn(chosen: _Generator, stream: object, draw: Draw, arguments: tuple[float, ...]) -> Values:
    method = getattr(stream, chosen.functions[draw.function].method)
    try:
        found = np.asarray(chosen.fill(method, arguments, draw.shape), np.float64)
    except (ValueError, OverflowError) as wrong:
        raise UsageError(f"{draw.name}: {draw.function}: {wrong}") from wrong
    if not np.isfinite(found).all():
        raise UsageError(f"{draw.name}: {draw.function} gives numbers that are not finite")
    return found


# ---- what is refused -------------------------------------------------------------------


def _generator(name: str) -> _Generator:
    if name not in _GENERATORS:
        raise UsageError(f"no generator {name[:40]!r}{_instead(name, _GENERATORS)}")
    return _GENERATORS[name]


def _function(generator: str, name: str) -> _Function:
    known = _generator(generator).functions
    if name not in known:
        raise UsageError(f"no function {name[:40]!r} of {generator}{_instead(name, known)}")
    return known[name]


def _instead(word: str, known: Mapping[str, object]) -> str:
    return nearest(word, known) or f"; expected one of {', '.join(known)}"


def _check_names(draws: Sequence[Draw]) -> None:
    seen: set[str] = set()
    for draw in draws:
        if draw.name in seen:
            raise UsageError(f"{draw.name}: drawn twice; what nobody needs has a name too")
        seen.add(draw.name)


def _check_sizes(draws: Sequence[Draw]) -> None:
    total = 0
    for draw in draws:
        if len(draw.shape) > MAX_AXES or any(length < 1 for length in draw.shape):
            raise UsageError(
                f"{draw.name}: a shape is at most {MAX_AXES} whole numbers of 1 or more"
            )
        total += math.prod(draw.shape)
        if total > MAX_NUMBERS:
            raise TooLarge(
                f"{draw.name}: {_size(total)} numbers drawn up to here; at most {MAX_NUMBERS:,}"
            )


def _size(number: int) -> str:
    """A whole number, by its power of 2 where it is too long to read."""
    sign = "-" if number < 0 else ""
    return f"{number:,}" if abs(number) < 10**30 else f"about {sign}2^{number.bit_length()}"


def _arguments(generator: str, draw: Draw) -> tuple[float, ...]:
    """What a function is called with, in the order it takes them."""
    try:
        function = _function(generator, draw.function)
    except UsageError as wrong:
        raise UsageError(f"{draw.name}: {wrong}") from wrong
    for name in ("low", "high", "mean", "deviation"):
        if getattr(draw, name) is not None and name not in function.takes:
            raise UsageError(f"{draw.name}: {draw.function} takes no {name}")
    return tuple(
        _argument(draw, name, default, function.whole) for name, default in function.takes.items()
    )


def _argument(draw: Draw, name: str, default: float | None, whole: bool) -> float:
    stated: float | None = getattr(draw, name)
    value = default if stated is None else stated
    if value is None:
        raise UsageError(f"{draw.name}: {draw.function} needs {name}")
    if not whole:
        return value
    if not abs(value) <= _EXACT or value != int(value):
        raise UsageError(f"{draw.name}: {name} = {value:g} is no whole number up to 2^53")
    return int(value)
