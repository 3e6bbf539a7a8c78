"""Exercises done by simulated people in every way: honestly, with mistakes, with slips.

What is found out about each sheet is counted: `Count` is what was done, then how it was told.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from decimal import InvalidOperation

from exercises import exercise
from sheets import (
    ALL,
    CARRIED,
    CUT,
    EVEN,
    FEW,
    MIXED,
    SHOWN,
    SLIPS,
    TYPICAL,
    UP,
    Person,
    Style,
    asked,
    inferred,
    numbers,
)

from tracer.check.diagnosis import Diagnosis, Examiner, Tier
from tracer.check.hypotheses import LAYER, THROUGHOUT, UNIT, Hypothesis
from tracer.errors import ProgramError

ASKS, DIGITS = (ALL, TYPICAL, FEW), (4, 6)
PAIRS, SLIPPED, HIDDEN, HONEST, OUTSIDE = 8, 2, 12, 104, 4  # of an exercise
NAMING = (Tier.MISTAKE, Tier.UNIT, Tier.TWO)

#: A person computes nothing from these: e^900, ln(-1), 1/0; or a mistake leaves no order.
IMPOSSIBLE = (
    OverflowError, ValueError, ZeroDivisionError, AssertionError, ProgramError, InvalidOperation,
)  # fmt: skip

STYLES = [
    Style(decimals, significant, mode, carries, products)
    for decimals, significant in [
        *((d, None) for d in (3, 4, 5, 6, 8)), (None, 3), (None, 4), (None, 5),
    ]
    for mode in (UP, EVEN, CUT) for carries in (CARRIED, SHOWN, MIXED)
    for products in (False, True)
]  # fmt: skip

Count = tuple[object, ...]


class Sitting:
    """An exercise that simulated people do in every way."""

    def __init__(self, kind: str, seed: int) -> None:
        self.graph = exercise(kind, seed)
        self.examiner = Examiner(self.graph)
        self.asked = {ask: asked(self.graph, ask) for ask in ASKS}
        self.r = random.Random(f"{kind} {seed}")
        self.found: Counter[Count] = Counter()
        self.notes: list[str] = []
        self.where = f"{kind} {seed}"

    def mistaken(self) -> Counter[Count]:
        """Everything but honest work."""
        self.single()
        self.pairs()
        self.slips()
        self.hidden()
        self.outside()
        return self.found

    def of_scope(self, scope: str) -> list[Hypothesis]:
        return [h for h in self.examiner.known if h.scope == scope]

    def filled(self, h: Hypothesis | None, style: Style, forced=None):
        """What a person types at every step, or nothing where that cannot be computed."""
        try:
            return Person(self.graph, h).fill(style, self.r, forced)[0]
        except IMPOSSIBLE:
            return None

    def diagnosed(self, sheet, digits: int) -> Iterator[tuple[str, Diagnosis]]:
        for ask in ASKS:
            yield ask, self.examiner.examine(numbers(sheet, Style(digits), self.asked[ask]))

    # ---- what is counted ---------------------------------------------------------------

    def honest(self) -> Counter[Count]:
        for style in self.r.sample(STYLES, HONEST):
            sheet = self.filled(None, style)
            if sheet is None:
                continue
            share = self.r.choice([1.0, 1.0, 0.5, 0.25])
            wanted = {n for n in sheet if self.r.random() < share}
            for way, own in (
                ("declared", numbers(sheet, style, wanted)),
                ("inferred", self.inferred(sheet, style, wanted)),
            ):
                fine = self.examiner.examine(own).tier is Tier.FINE
                self.count("honest", way, "accepted" if fine else "rejected")
                if not fine:
                    self.note(f"honest, {way}: {style}")
        return self.found

    def inferred(self, sheet, style: Style, wanted):
        exact = self.graph.values if self.r.random() < 0.5 else None
        return inferred(sheet, style, wanted, self.r.random() < 0.5, exact)

    def single(self) -> None:
        for scope in (THROUGHOUT, LAYER, UNIT):
            known = self.of_scope(scope)
            chosen = known if scope == THROUGHOUT else self.r.sample(known, min(8, len(known)))
            for h in chosen:
                for digits in DIGITS:
                    self.one(h, digits)

    def one(self, h: Hypothesis, digits: int) -> None:
        sheet = self.filled(h, Style(digits))
        for ask, d in self.diagnosed(sheet, digits) if sheet else ():
            self.count(h.scope, h.ids[0], digits, ask, self.outcome(d, set(h.ids), h.scope))

    def outcome(self, d: Diagnosis, ids: set[str], what: str) -> str:
        if d.tier is Tier.FINE:
            return "silent"
        if d.tier is Tier.SLIP:
            return "a slip"
        named = {frozenset(e.ids) for e in d.explanations}
        if ids in named:
            return "alone" if len(named) == 1 else "tied"
        if len(ids) == 2 and any(len(n) == 1 and n < ids for n in named):
            return "reduced"
        self.note(f"{what} lost {sorted(ids)}: {d.tier.value} {sorted(map(sorted, named))[:3]}")
        return "lost"

    def pairs(self) -> None:
        known = self.of_scope(THROUGHOUT)
        for _ in range(PAIRS if len(known) > 1 else 0):
            first, second = self.r.sample(known, 2)
            for digits in DIGITS:
                try:
                    sheet = self.filled(first.and_also(second), Style(digits))
                except IMPOSSIBLE:
                    sheet = None
                for ask, d in self.diagnosed(sheet, digits) if sheet else ():
                    self.count(
                        "two", digits, ask, self.outcome(d, {*first.ids, *second.ids}, "two")
                    )

    def slips(self) -> None:
        for digits in DIGITS:
            plain = self.filled(None, Style(digits))
            for _ in range(SLIPPED if plain else 0):
                for kind in SLIPS:
                    self.slip(plain, kind, digits)

    def slip(self, plain, kind: str, digits: int) -> None:
        node = self.r.choice(sorted(self.asked[self.r.choice(ASKS)]))
        wrong = SLIPS[kind](plain[node], self.r, list(plain.values()))
        for carried in (False, True):
            style = Style(digits)
            sheet = self.filled(None, style, {node: float(wrong)}) if carried else dict(plain)
            if sheet is None:
                continue
            sheet[node] = style.rounded(float(wrong))
            for ask, d in self.diagnosed(sheet, digits):
                if node in self.asked[ask]:
                    how = "carried on" if carried else "written only"
                    self.count("slip", kind, how, digits, ask, self.slipped(d, node, sheet, digits))

    def hidden(self) -> None:
        """Slips at steps that nobody asked for, and what is computed from them."""
        for ask in (TYPICAL, FEW):
            unasked = sorted(self.asked[ALL] - self.asked[ask])
            for node in self.r.sample(unasked, min(HIDDEN, len(unasked))):
                self.one_hidden(ask, node)

    def one_hidden(self, ask: str, node: int) -> None:
        for digits in DIGITS:
            style = Style(digits)
            plain = self.filled(None, style)
            if not plain:
                continue
            kind = SLIPS[self.r.choice(list(SLIPS))]
            wrong = float(kind(plain[node], self.r, list(plain.values())))
            sheet = self.filled(None, style, {node: wrong})
            if sheet:
                d = self.examiner.examine(numbers(sheet, style, self.asked[ask]))
                self.count("hidden", digits, ask, self.unasked(d, node, sheet, digits))

    def unasked(self, d: Diagnosis, node: int, sheet, digits: int) -> str:
        if d.tier is Tier.HIDDEN_SLIP:
            return "found" if node in {s.node for s in d.hidden} else "another"
        if d.tier not in NAMING:
            return d.tier.value
        if any(self.same(h, sheet, digits, d) for h in d.explanations):
            return "a mistake's sheet"
        self.note(f"hidden slip at {self.name(node)}: {self.told(d)}, {len(d.bad)} bad")
        return "named"

    def slipped(self, d: Diagnosis, node: int, sheet, digits: int) -> str:
        if d.tier is Tier.FINE:
            return "silent"
        if d.tier in NAMING:
            if any(self.same(h, sheet, digits, d) for h in d.explanations):
                return "a mistake's sheet"
            self.note(f"slip at {self.name(node)}: {self.told(d)}")
            return "named"
        if not sheet[node]:
            return "made 0"
        if len(d.bad) > 1:
            self.note(f"slip at {self.name(node)}, bad {[self.name(n) for n in sorted(d.bad)]}")
        return "other marks" if len(d.bad) > 1 else "one mark"

    def same(self, h: Hypothesis, sheet, digits: int, d: Diagnosis) -> bool:
        """Whether somebody who makes a mistake fills in this very sheet, but for last digits."""
        other = self.filled(h, Style(digits))
        near = 1.5 * 10.0**-digits
        return other is not None and all(
            abs(float(sheet[n]) - float(other[n])) <= near for n in d.own.expected
        )

    def outside(self) -> None:
        """Mistakes that are not known: each is left out in turn."""
        known = self.of_scope(THROUGHOUT)
        for h in self.r.sample(known, min(OUTSIDE, len(known))):
            left = [k for k in self.examiner.known if k.ids != h.ids]
            examiner = Examiner(self.graph, left)
            for digits in DIGITS:
                sheet = self.filled(h, Style(digits))
                for ask in ASKS if sheet else ():
                    own = numbers(sheet, Style(digits), self.asked[ask])
                    d = examiner.examine(own)
                    self.count("outside", h.ids[0], digits, ask, self.unknown(d, h, sheet, digits))
                    if d.tier is not Tier.FINE:
                        right = min(d.bad) == self.first_wrong(sheet, ask, digits)
                        self.count("first", digits, ask, "right" if right else "other")

    def unknown(self, d: Diagnosis, h: Hypothesis, sheet, digits: int) -> str:
        if d.tier is Tier.FINE:
            return "silent"
        if d.tier not in NAMING:
            return "told as a slip" if d.tier in (Tier.SLIP, Tier.HIDDEN_SLIP) else "unknown"
        if any(self.same(e, sheet, digits, d) for e in d.explanations):
            return "a mistake's sheet"
        self.note(f"outside {h.ids}: {self.told(d)}")
        return "named"

    def first_wrong(self, sheet, ask: str, digits: int) -> int | None:
        """The first step that is not what an honest person has there, given the numbers before."""
        own = {n: float(sheet[n]) for n in self.asked[ask]}
        try:
            honest = Person(self.graph).follow(Style(digits), own)
        except IMPOSSIBLE:
            return None
        return next((n for n in sorted(own) if float(honest[n]) != own[n]), None)

    def name(self, node: int) -> str:
        return str(self.graph.trace.names[self.graph.places[node].cell])

    @staticmethod
    def told(d: Diagnosis) -> str:
        return f"{d.tier.value} {[e.ids for e in d.explanations][:3]}"

    def count(self, *key: object) -> None:
        self.found[key] += 1

    def note(self, text: str) -> None:
        self.notes.append(f"{self.where}: {text}")
