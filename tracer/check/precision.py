"""How many digits somebody carries, told from the numbers they typed.

Who rounds to decimals types numbers with as many digits after the point, who rounds to
significant digits as many from the first that is not zero; zeros at the end may be dropped.
Where both could be, what was not typed may be rounded as coarsely as either would.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tracer.check.bounds import Half
from tracer.check.typed import Typed
from tracer.errors import UsageError

_SHORT = 0.5  # of the numbers may have lost digits to zeros at their end
_CLEAR, _SHARE = 3, 0.25  # numbers, and a share of them, that settle which digits are counted
_FLOAT = 14  # significant digits from which numbers are a program's own


@dataclass(frozen=True)
class Precision:
    """Digits carried: after the point, significant, or either."""

    decimals: int | None
    significant: int | None
    cut: bool = False  # further digits are dropped, not rounded

    @property
    def rounding(self) -> Half:
        """By how much rounding may change a value that is known to a radius.

        It goes to the nearest number with so many digits, or, by whoever keeps more of them, to
        one between: 0.25 stays what it is.
        """
        half = self.half

        def change(value: float, radius: float) -> float:
            most = half(value)
            if self.cut or not radius < most or not math.isfinite(value):
                return most
            return min(most, abs(math.remainder(value, 2 * most)) + radius)

        return change

    @property
    def half(self) -> Callable[[float], float]:
        """Half a unit of the last digit kept of a value; all of it where digits are dropped."""
        share = 1.0 if self.cut else 0.5
        fixed = 0.0 if self.decimals is None else share * 10.0**-self.decimals
        if self.significant is None:
            return lambda value: fixed
        places = self.significant - 1

        def half(value: float) -> float:
            if not value or not math.isfinite(value):
                return fixed
            unit: float = share * 10.0 ** (math.floor(math.log10(abs(value))) - places)
            return max(fixed, unit)

        return half

    def known(self, typed: Typed) -> float:
        """How far what a number stands for may be from it; 0 for an exact fraction."""
        if typed.unit is None:
            return 0.0
        if not typed.value:
            return self.half(0.0)
        own = float(typed.unit) * (1.0 if self.cut else 0.5)
        vague = self.significant and _filled(typed)
        return max(own, self.half(typed.number)) if vague else own

    def dropping(self, typed: Iterable[Typed]) -> Precision | None:
        """The same with further digits dropped; None where somebody typed more than are kept."""
        seen = [t for t in typed if t.unit is not None and not _filled(t)]
        decimals = _at_most(self.decimals, [t.decimals or 0 for t in seen])
        significant = _at_most(self.significant, [t.significant or 0 for t in seen])
        if decimals is None and significant is None:
            return None
        return Precision(decimals, significant, cut=True)

    def words(self) -> str:
        """`4 decimals`, `3 significant digits`."""
        if self.decimals is not None:
            return f"{self.decimals} decimal{'' if self.decimals == 1 else 's'}"
        return f"{self.significant} significant digit{'' if self.significant == 1 else 's'}"


def declared(decimals: int | None, significant: int | None, cut: bool = False) -> Precision | None:
    """The digits that everybody carries; None where nothing is agreed.

    raises    UsageError for both at once, or digits cut off without saying where
    """
    if decimals is not None and significant is not None:
        raise UsageError("decimals and significant digits: choose one")
    if decimals is None and significant is None:
        if cut:
            raise UsageError("cut: how many digits are kept? state decimals or significant digits")
        return None
    return Precision(decimals, significant, cut)


def carried(typed: Sequence[Typed], cut: bool = False) -> Precision:
    """What the numbers of a sheet say about the digits carried."""
    told = [t for t in typed if t.unit is not None and t.value]
    rounded = [t for t in told if not _filled(t)] or told
    if not rounded:
        return Precision(None, _FLOAT, cut)
    decimals = [t.decimals or 0 for t in rounded]
    significant = [t.significant or 0 for t in rounded]
    if _most(significant) >= _FLOAT:
        return Precision(None, _FLOAT, cut)
    clear = max(_CLEAR, _SHARE * len(rounded))
    surplus = _usual(decimals) - _usual(significant)
    return Precision(
        None if surplus <= -clear else _most(decimals),
        None if surplus >= clear else _most(significant),
        cut,
    )


def _at_most(kept: int | None, digits: Iterable[int]) -> int | None:
    """The digits kept, if no number has more."""
    return kept if kept is not None and all(d <= kept for d in digits) else None


def _filled(typed: Typed) -> bool:
    """Whether the zeros at the end may only fill up: 8900 has two digits, or four."""
    return typed.unit == 1 and typed.value % 10 == 0


def _most(digits: Sequence[int]) -> int:
    """The digits that all but a few have."""
    return sorted(digits)[int(_SHORT * len(digits))]


def _usual(digits: Sequence[int]) -> int:
    """How many numbers have the digits that most have."""
    return max(Counter(digits).values())
