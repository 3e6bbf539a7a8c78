"""A difference in words: what is the first, how it is computed, and why it may be so."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from tracer.check.arrays import Part, is_short
from tracer.check.diagnosis import Tier
from tracer.check.difference import Difference, searched
from tracer.check.explaining import explained, hidden_says
from tracer.check.judge import fits
from tracer.check.marks import Explanation
from tracer.check.wording import listed

WIDTH = 88  # columns of a message
_ALIKE = 1e-5  # of a value: by how little a transposed matrix may be off
_LEAST, _MOST = 4, 17  # digits that a difference is shown to
_TINY = 1e-308


class Reason(NamedTuple):
    """Why a number differs, in a few words for the first line and at length; or either."""

    short: str
    says: str


def told(d: Difference) -> str:
    """The difference in words: one line for a summary, then the step and what explains it."""
    return _Telling(d).text()


class _Telling:
    def __init__(self, d: Difference) -> None:
        self.d, self.by, self.graph = d, d.exercise, d.exercise.graph
        self.first, self.found = d.first, d.found

    def label(self, node: int) -> str:
        """What a reader calls a node; of the pass compared without its number."""
        return self.by.label(node).removesuffix(f" @{self.by.iteration}")

    def text(self) -> str:
        found = (reason for kind in self._kinds() if (reason := kind()))
        reason = next(found, Reason("", ""))
        paragraphs = [self._headline(reason), self._step(), reason.says, *self._others()]
        return "\n\n".join(p for p in paragraphs if p)

    # ---- the first difference ----------------------------------------------------------

    def _headline(self, reason: Reason) -> str:
        yours, due = _beside(self.d.given[self.first].value, self.graph.values[self.first])
        said = f"{self.label(self.first)} is {yours}, not {due}"
        return f"{said}: {reason.short}" if reason.short else said

    def _step(self) -> str:
        t = self.by.trace
        under = f" (reading {t.reading!r})" if t.reading else ""
        where = f"{t.title or 'the program'}{under} at iteration {self.by.iteration}"
        count = len(self.d.given)
        several = f"It is the first difference among the {count} values compared with {where}:"
        intro = several if count > 1 else f"Compared with {where}:"
        return f"{_wrapped(intro)}\n{self._line()}"

    def _line(self) -> str:
        """The step, its parts below each other where they are too long for one line."""
        line = self.by.question(self.first).line
        if self._is_given(self.first):
            return f"    {line}   ({'at the start of the pass' if self.by.iteration else 'given'})"
        if len(line) <= WIDTH - 4:
            return f"    {line}"
        name, *parts = line.replace(" ≈ ", " = ≈ ").split(" = ")
        signs = [part if part.startswith("≈ ") else f"= {part}" for part in parts]
        return "\n".join((f"    {name}", *(_wrapped(sign, 8 * " ", 10) for sign in signs)))

    def _is_given(self, node: int) -> bool:
        return self.by.trace.program.block(self.graph.places[node].cell).rule is None

    # ---- what explains it --------------------------------------------------------------

    def _kinds(self) -> Sequence[Callable[[], Reason | None]]:
        """What may be the reason, to be tried in this order."""
        if self.first in self.d.undefined:
            return (self._undefined,)
        if self._is_given(self.first):
            return (self._mistake, self._transposed, self._updated, self._given)
        return (self._mistake, self._looks, self._hidden, self._unknown)

    def _undefined(self) -> Reason:
        return Reason("", "It is no finite number: look for an overflow or a division by zero.")

    def _mistake(self) -> Reason | None:
        """What the catalog of mistakes says."""
        found, together = explained(self.found.explanations)
        if not found:
            return None
        count = len(self.found.bad)
        what = {1: "it", 2: "both values that differ"}.get(count, f"all {count} that differ")
        if len(found) == 1:
            return Reason(_few(found[0]), _wrapped(f"That explains {what}. {found[0].says}"))
        each = "\n".join(_wrapped(f"{_few(e)}. {e.says}", "  - ", 4) for e in found)
        if together:
            return Reason(", and ".join(map(_few, found)), f"Together they explain {what}:\n{each}")
        return Reason("", f"Any of these mistakes explains {what}:\n{each}")

    def _hidden(self) -> Reason | None:
        if self.found.tier is not Tier.HIDDEN_SLIP or self.d.undefined:
            return None
        return Reason("", _wrapped(hidden_says(self, self.found.hidden)))

    def _unknown(self) -> Reason:
        if not searched(self.by):
            return Reason("", "Among so many values tracer looks for no mistakes: compare fewer.")
        several = len(self.found.bad) > 1
        return Reason("", "No mistake that tracer knows explains the numbers." if several else "")

    # ---- of a number that is given -----------------------------------------------------

    def _transposed(self) -> Reason | None:
        """That a square matrix came the other way round."""
        cell = self.graph.places[self.first].cell
        for part in self.d.parts:
            if part.cells.ndim == 2 and cell in part.cells and self._turned(part):
                return Reason(f"{part.name} has its rows and columns exchanged", "")
        return None

    def _turned(self, part: Part) -> bool:
        """Whether the numbers of a matrix are right the other way round."""
        if part.array.shape != part.cells.T.shape:
            return False
        nodes = [self._node(cell, part.samples[0]) for cell in part.cells.T.ravel().tolist()]
        pairs = zip(nodes, part.array.ravel().tolist(), strict=True)
        return all(math.isclose(self.graph.values[n], x, rel_tol=_ALIKE) for n, x in pairs)

    def _updated(self) -> Reason | None:
        """That a parameter was read after its update."""
        after = self._after()
        if after is None or not self._is_value_of(after):
            return None
        name, following = self.label(after), self.by.iteration + 1
        return Reason(
            f"it is {name}, the value after the update",
            _wrapped(f"Give it as {name}, or compare with trace.at(iteration={following})."),
        )

    def _given(self) -> Reason:
        if self.by.iteration and self._after() is not None:
            return Reason("", _wrapped(
                "The pass starts from this value, so an earlier one differs already: begin with "
                "trace.at(iteration=0)."
            ))  # fmt: skip
        return Reason("", "")

    def _after(self) -> int | None:
        """The step whose value a parameter has in the next pass."""
        after = self.by.trace.program.carry.get(self.graph.places[self.first].cell)
        return None if after is None else self._node(after, 0)

    def _node(self, cell: int, sample: int) -> int:
        found = self.graph.find(self.by.iteration, cell, sample)
        assert found is not None
        return found

    # ---- of a number that no mistake explains ------------------------------------------

    def _looks(self) -> Reason | None:
        """Rounded digits, a factor that all have in common, or another step's value."""
        if all(self._is_times(1.0, node) for node in self.found.bad):
            return self._rounded()
        for factor, says in self._factors():
            if all(self._is_times(factor, node) for node in self.found.bad):
                return Reason(says if len(self.found.bad) == 1 else f"like the others, {says}", "")
        if self.found.tier is not Tier.SLIP:
            return None
        nodes = (n for n in range(len(self.graph)) if n != self.first and self.graph.values[n])
        same = [self.label(n) for n in nodes if self._is_value_of(n)]
        return Reason(f"this is the value of {same[0]}", "") if len(set(same)) == 1 else None

    def _is_times(self, factor: float, node: int) -> bool:
        """Whether a number is so many times what it should be."""
        value, radius = self.found.own.expected[node]
        yours, half = self.d.numbers.typed[node]
        reach = radius + max(half, _half_digit(yours)) / abs(factor)
        return bool(value) and fits(abs(yours / factor - value), value, reach)

    def _rounded(self) -> Reason:
        """That the numbers are right to the digits they have."""
        decimals = min(_decimals(self.d.numbers.typed[node].value) for node in self.found.bad)
        return Reason(
            f"right to {decimals} decimals",
            f"Are your numbers rounded? Then say so: decimals={decimals}.",
        )

    def _is_value_of(self, node: int) -> bool:
        """Whether the first number that differs is another step's."""
        yours, half = self.d.numbers.typed[self.first]
        other = self.graph.values[node]
        return fits(abs(other - yours), other, max(half, _half_digit(yours)))

    def _factors(self) -> Iterator[tuple[float, str]]:
        yield -1.0, "its sign is wrong"
        samples = self.by.trace.program.samples
        for k, what in {samples: f"{samples}, the number of samples", 2: "2"}.items():
            if k > 1:
                yield float(k), f"it is what it should be, times {what}"
                yield 1 / k, f"it is what it should be, divided by {what}"

    # ---- the others --------------------------------------------------------------------

    def _others(self) -> Iterator[str]:
        bad = sorted({*self.found.bad, *self.d.undefined} - {self.first})
        if bad:
            also = "Also different" if len(bad) == 1 else f"Also different, {len(bad)} values"
            yield _wrapped(f"{also}: {listed(list(map(self.label, bad)))}.")
        follows = list(map(self.label, sorted(self.found.follows)))
        if follows:
            yield _wrapped(f"What follows from these is right on your numbers: {listed(follows)}.")


def _decimals(value: float) -> int:
    """Digits after the point."""
    exponent = Decimal(repr(value)).as_tuple().exponent
    assert isinstance(exponent, int), value
    return max(-exponent, 0)


def _half_digit(value: float) -> float:
    """Half a unit of the last digit of a number that may have been typed; 0 of any other."""
    return 0.5 * 10.0 ** -_decimals(value) if is_short(value) and value != int(value) else 0.0


def _few(e: Explanation) -> str:
    return f"{e.explains} ({e.at})" if e.at else e.explains


def _wrapped(text: str, first: str = "", further: int = 0) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=" " * further,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _beside(yours: float, due: float) -> tuple[str, str]:
    """Two numbers to the digits that show how they differ."""
    if not math.isfinite(yours):
        return str(yours), f"{due:.9g}"
    off = abs(yours - due) / max(abs(yours), abs(due), _TINY)
    digits = min(_LEAST + max(0, math.ceil(-math.log10(off))), _MOST) if off else _MOST
    return f"{yours:.{digits}g}", f"{due:.{digits}g}"
