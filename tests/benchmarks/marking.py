"""Prints how many sheets a second are judged and diagnosed: `python tests/benchmarks/marking.py`.

A class of 1,000 sheets of the 2-2-2 network, all steps asked to 4 decimals: 60 % honest, 30 %
with one mistake, 10 % with several slips that nothing explains; and the whole command on as many
files, reading and printing included. Times are this machine's.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parents[1])]  # this checkout's, not another's

from sheets import ALL, Person, Style, asked, numbers  # noqa: E402  after the path is set

import tracer  # noqa: E402
from tracer.check.diagnosis import Examiner  # noqa: E402
from tracer.check.graph import unrolled  # noqa: E402
from tracer.check.hypotheses import THROUGHOUT  # noqa: E402
from tracer.check.judge import Numbers  # noqa: E402

CLASS = {"honest": 600, "one mistake": 300, "unexplainable": 100}
SLIPS = (3, 8)  # wrong numbers of a sheet that nothing explains
REPEATS = 5


def sheets(examiner: Examiner, kind: str, count: int, r: random.Random) -> list[Numbers]:
    """Sheets of one kind."""
    graph, style = examiner.graph, Style(4)
    made = [h for h in examiner.known if h.scope == THROUGHOUT] if kind == "one mistake" else [None]
    people = [Person(graph, h) for h in made]
    found = []
    for k in range(count):
        typed, _ = people[k % len(people)].fill(style, r)
        if kind == "unexplainable":
            for n in r.sample(sorted(typed), r.randint(*SLIPS)):
                typed[n] += Decimal(r.randint(100, 9_999)).scaleb(-4)
        found.append(numbers(typed, style, asked(graph, ALL)))
    return found


def seconds(examiner: Examiner, chosen: list[Numbers]) -> float:
    """The least time that a class takes, of several."""
    return min(_once(examiner, chosen) for _ in range(REPEATS))


def _once(examiner: Examiner, chosen: list[Numbers]) -> float:
    started = time.perf_counter()
    for sheet in chosen:
        examiner.examine(sheet)
    return time.perf_counter() - started


def command(examiner: Examiner, chosen: list[Numbers]) -> float:
    """The time of `tracer check` on a folder with a file for each sheet."""
    graph = examiner.graph
    names = {n: graph.trace.names[graph.places[n].cell] for n in chosen[0].typed}
    with tempfile.TemporaryDirectory() as folder:
        for number, sheet in enumerate(chosen):
            lines = (f"{names[n]},{t.value:.4f}" for n, t in sheet.typed.items())
            Path(folder, f"{number:04}.csv").write_text("\n".join(lines) + "\n", "utf-8")
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "tracer", "check", "mazur", folder],
            cwd=ROOT, stdout=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        return time.perf_counter() - started


def main() -> None:
    examiner = Examiner(unrolled(tracer.trace("mazur", iterations=0), [0]))
    r, total = random.Random(1), 0.0
    everything: list[Numbers] = []
    first = sheets(examiner, "unexplainable", 1, r)
    print(f"the first sheet, with all that is learnt of mistakes: {_once(examiner, first):.3f} s")
    for kind, count in CLASS.items():
        chosen = sheets(examiner, kind, count, r)
        everything += chosen
        spent = seconds(examiner, chosen)
        total += spent
        print(f"{kind:<14} {1e6 * spent / count:8.0f} µs a sheet")
    print(f"{'a class':<14} {sum(CLASS.values()) / total:8.0f} sheets a second")
    print(
        f"{'the command':<14} {command(examiner, everything):8.1f} s on {len(everything):,} files"
    )


if __name__ == "__main__":
    main()
