"""Prints how often a simulated person's mistakes are found: `python tests/benchmarks/rates.py`.

    python tests/benchmarks/rates.py [SCENARIOS] [PROCESSES] > tests/benchmarks/RATES.md

Every sheet is filled in by `tests/sheets.py`, which shares no code with the judging. Counted
are sheets; shares are of the visible ones, where a number differs from what is right by more
than the digits carried allow.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parents[1])]  # this checkout's, not another's

from exercises import KINDS  # noqa: E402  after the path is set
from sheets import FEW, SLIPS, TYPICAL  # noqa: E402
from sittings import ASKS, DIGITS, Count, Sitting  # noqa: E402

from tracer.check.hypotheses import LAYER, THROUGHOUT, UNIT  # noqa: E402
from tracer.mistakes.catalog import MISTAKES  # noqa: E402

SCENARIOS, PROCESSES = 500, 2

#: Of twenty exercises.
MIXTURE = [
    *["random"] * 9, *["tutorial"] * 4, *["batch"] * 2, *["formulas"] * 2, "online", "sequential",
    "several",
]  # fmt: skip


def _sitting(number: int) -> tuple[Counter[Count], list[str]]:
    """One exercise done with mistakes, and another one honestly."""
    kinds = list(KINDS)
    at = Sitting(MIXTURE[number % len(MIXTURE)], number)
    honest = Sitting(kinds[number % len(kinds)], number)
    return at.mistaken() + honest.honest(), at.notes + honest.notes


# ---- the tables ------------------------------------------------------------------------


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "–"


def _table(head: list[str], rows: list[list[object]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |"
    yield ""


class Tables:
    """What was counted, as Markdown."""

    def __init__(self, found: Counter[Count]) -> None:
        self.found = found

    def outcomes(self, *start: object) -> Counter[str]:
        """Outcome -> sheets, of the keys that begin so; None stands for anything."""
        sums: Counter[str] = Counter()
        for key, count in self.found.items():
            if all(s is None or s == k for s, k in zip(start, key, strict=False)):
                sums[str(key[-1])] += count
        return sums

    def lines(self) -> Iterator[str]:
        yield from self.honest()
        for title, start in (
            ("One mistake, throughout", (THROUGHOUT, None)), ("In one layer", (LAYER, None)),
            ("At one unit", (UNIT, None)), ("Two mistakes", ("two",)),
        ):  # fmt: skip
            yield f"## {title}\n"
            yield from self.found_again(*start)
        yield from self.slips()
        yield from self.hidden()
        yield from self.outside()
        yield from self.each()

    def honest(self) -> Iterator[str]:
        yield "## Honest work\n"
        rows: list[list[object]] = []
        for way in ("declared", "inferred"):
            o = self.outcomes("honest", way)
            rows.append([f"precision {way}", o.total(), o["rejected"]])
        yield from _table(["", "sheets", "rejected"], rows)

    def found_again(self, *start: object) -> Iterator[str]:
        rows: list[list[object]] = []
        for digits in DIGITS:
            for ask in ASKS:
                o = self.outcomes(*start, digits, ask)
                visible = o.total() - o["silent"] - o["reduced"] - o["a slip"]
                rows.append([
                    digits, ask, o.total(), o["silent"], o["reduced"], o["a slip"], o["lost"],
                    _share(visible - o["lost"], visible), _share(o["alone"], visible),
                ])  # fmt: skip
        yield from _table(
            ["decimals", "asked", "sheets", "silent", "reduced to one", "one wrong step", "lost",
             "in the set", "alone"], rows,
        )  # fmt: skip

    def slips(self) -> Iterator[str]:
        yield "## A slip at a shown step\n"
        rows: list[list[object]] = []
        for kind in (*SLIPS, None):
            for how in ("written only", "carried on") if kind else (None,):
                o = self.outcomes("slip", kind, how)
                same = o["a mistake's sheet"]
                told = o.total() - o["silent"] - same - o["made 0"]
                rows.append([
                    kind or "all", how or "", o.total(), o["silent"], same, o["made 0"],
                    o["other marks"], o["named"],
                    _share(o["one mark"] + o["named"], told), _share(o["named"], told),
                ])  # fmt: skip
        yield from _table(
            ["slip", "", "sheets", "silent", "a mistake's sheet", "made 0", "other marks", "named",
             "one mark lost", "false name"], rows,
        )  # fmt: skip

    def hidden(self) -> Iterator[str]:
        yield "## A slip at a step that is not asked for\n"
        kinds = ["fine", "found", "another", "slip", "unknown", "a mistake's sheet", "named"]
        rows: list[list[object]] = []
        for digits in DIGITS:
            for ask in (TYPICAL, FEW):
                o = self.outcomes("hidden", digits, ask)
                rows.append([digits, ask, o.total(), *(o[kind] for kind in kinds),
                             _share(o["named"], o.total() - o["fine"])])  # fmt: skip
        yield from _table(
            ["decimals", "asked", "sheets", "silent", "that step in the set", "others only",
             "one shown step", "unknown", "a mistake's sheet", "named", "false name"], rows,
        )  # fmt: skip

    def outside(self) -> Iterator[str]:
        yield "## Mistakes that are not in the catalog\n"
        rows: list[list[object]] = []
        for digits in DIGITS:
            for ask in ASKS:
                o = self.outcomes("outside", None, digits, ask)
                visible = o.total() - o["silent"]
                first = self.outcomes("first", digits, ask)
                rows.append([
                    digits, ask, o.total(), o["silent"], o["unknown"], o["told as a slip"],
                    o["a mistake's sheet"], o["named"],
                    _share(o["named"], visible), _share(first["right"], first.total()),
                ])  # fmt: skip
        yield from _table(
            ["decimals", "asked", "sheets", "silent", "unknown", "told as a slip",
             "another mistake's sheet", "wrong name",
             "wrong name", "first wrong step right"], rows,
        )  # fmt: skip

    def each(self) -> Iterator[str]:
        yield "## Mistake by mistake\n"
        yield "Silent / in the set / alone, as shares of the sheets and of the visible sheets.\n"
        head = ["mistake", "sheets", *(f"{a}, {d}" for d in DIGITS for a in ASKS)]
        rows: list[list[object]] = []
        for mistake in MISTAKES:
            cells = []
            for digits in DIGITS:
                for ask in ASKS:
                    o = self.outcomes(THROUGHOUT, mistake.id, digits, ask)
                    visible = o.total() - o["silent"]
                    shares = [(o["silent"], o.total()), (visible - o["lost"], visible),
                              (o["alone"], visible)]  # fmt: skip
                    cells.append(" / ".join(f"{100 * a / b:.0f}" if b else "–" for a, b in shares))
            rows.append([mistake.id, o.total(), *cells])
        yield from _table(head, rows)


def main(scenarios: int = SCENARIOS, processes: int = PROCESSES) -> None:
    started = time.perf_counter()
    found: Counter[Count] = Counter()
    notes: list[str] = []
    with Pool(processes) as pool:
        for own, said in pool.imap_unordered(_sitting, range(scenarios), chunksize=5):
            found += own
            notes += said
    print(f"# How often mistakes are found\n\n{scenarios} random scenarios, as\n"
          "`python tests/benchmarks/rates.py` prints them.\n")  # fmt: skip
    print("\n".join(Tables(found).lines()))
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)
    print("\n".join(sorted(notes)), file=sys.stderr)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
