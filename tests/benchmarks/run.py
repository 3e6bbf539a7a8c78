"""Prints how long tracer takes compared to others, in one run: `python tests/benchmarks/run.py`.

A ratio is tracer's time divided by the peer's, so below 1 tracer is quicker. Only ratios
count; the times beside them are those of this machine in this minute. Before anything is
timed, every peer's numbers are compared to tracer's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]  # this checkout's tracer, not another's

import numpy as np  # noqa: E402  after the path is set
import regression  # noqa: E402
from peers import BY_HAND, EVERYTHING, PEERS, Peer, Rows  # noqa: E402
from timing import Ratio, Work, compare, rows, shown  # noqa: E402

import tracer  # noqa: E402
from tracer import evaluate  # noqa: E402
from tracer.arithmetic import Machine  # noqa: E402
from tracer.computed import built  # noqa: E402
from tracer.values import allocated  # noqa: E402

PASSES = 10_000  # updates of the long run; one more pass is recorded
TOLERANCE = 1e-12  # relative, every number of every pass
HEAD = ("work", "against", "tracer", "peer", "ratio", "aim")

#: What a command must do without: it needs seconds of imports for nothing.
FORBIDDEN = {
    "--help": ("numpy", "pydantic", "jinja2", "sympy", "rich"),
    "show thinkinfi w5+": ("sympy", "jinja2", "rich"),
    "render mazur": ("sympy", "rich"),
    "verify mazur": ("sympy", "jinja2"),
}

Line = tuple[str, str, str, str, str, str]


# ---- right before quick ------------------------------------------------------------------


def difference(peer: Peer, passes: int) -> float:
    """The largest relative difference of a peer's numbers from tracer's, over all passes."""
    t = tracer.trace("mazur", iterations=passes - 1)
    ours = np.stack([t.series(name) for name in peer.names], axis=1)
    theirs = np.empty((passes, len(peer.names)))
    peer.prepare()(theirs)
    return float(np.max(np.abs(ours - theirs) / np.abs(ours)))


def checked(peer: Peer, passes: int) -> Peer:
    found = difference(peer, passes)
    if not found <= TOLERANCE:
        sys.exit(f"{peer.title}: differs from tracer by {found:.1e}; nothing was timed")
    return peer


# ---- A and B: passes ---------------------------------------------------------------------


def one_pass(rounds: int) -> Iterator[Line]:
    """A: one pass, everything recorded, compiled and as a user calls it."""
    scenario = tracer.load("mazur")
    made = built(scenario)
    kept = allocated(made.program, 1, 1, None)
    engine = evaluate._engine(made.program, made.givens, kept, Machine.FLOAT64)
    ways: list[tuple[str, str, Work]] = [
        ("one pass, compiled", "", lambda: engine.keep(engine.start, 0, 1, kept, 0)),
        ("one pass, trace(scenario)", "", lambda: tracer.trace(scenario, iterations=0)),
        ('one pass, trace("mazur")', "", lambda: tracer.trace("mazur", iterations=0)),
    ]
    for work, aim, ours in ways:
        for peer in _installed(1):
            passes, rows_ = peer.prepare(), np.empty((1, len(peer.names)))
            yield _line(work, peer.title, compare(ours, _bound(passes, rows_), rounds), aim)


def long_run(rounds: int, passes: int = PASSES) -> Iterator[Line]:
    """B: many iterations, every scalar of every pass in one array."""
    made = built(tracer.load("mazur"))
    ways: list[tuple[str, Work]] = [
        ("evaluate.run", lambda: evaluate.run(made.program, made.givens, range(passes + 1))),
        ("trace()", lambda: tracer.trace("mazur", iterations=passes, record="all")),
    ]
    for work, ours in ways:
        for peer in _installed(passes + 1):
            count = passes // peer.share + 1
            scale = (passes + 1) / count
            theirs = _allocating(peer, count)
            aim = "1.5" if peer is BY_HAND else ""
            title = peer.title + (f", {count:,} scaled" if peer.share > 1 else "")
            found = compare(ours, theirs, rounds, scale=scale)
            yield _line(f"{passes:,} iterations, {work}", title, found, aim)


def many_samples(rounds: int, updates: int = 500) -> Iterator[Line]:
    """10,000 samples: many updates, only the weights kept."""
    if not regression.difference(20) <= 1e-9:
        sys.exit("sum-regression: numpy differs from tracer; nothing was timed")
    found = compare(
        regression.evaluation(updates), lambda: regression.by_numpy(updates), max(1, rounds // 3)
    )
    yield _line(f"sum-regression, {updates} updates", "plain numpy", found, "1.5")


def memory(updates: int = 500) -> str:
    """The most that a process needs for the same, everything of the last pass kept."""
    kilobytes = int(python("-c", regression.MEASURE.format(count=updates)))
    return f"sum-regression, {updates} updates, one pass kept: {kilobytes / 1024:.0f} MiB at most"


def _installed(passes: int) -> Iterator[Peer]:
    """The peers that are there, checked over as many passes as they will run."""
    return (checked(peer, (passes - 1) // peer.share + 1) for peer in PEERS if peer.installed)


def _bound(passes: Callable[[Rows], None], kept: Rows) -> Work:
    return lambda: passes(kept)


def _allocating(peer: Peer, count: int) -> Work:
    """A peer's long run as tracer's: with a new array for its rows."""
    passes, width = peer.prepare(), len(peer.names)
    return lambda: passes(np.empty((count, width)))


def _line(work: str, against: str, found: Ratio, aim: str = "") -> Line:
    missed = " missed" if aim and found.ratio > float(aim) else ""
    ratio = f"{found.ratio:.2f}" if found.ratio < 100 else f"{found.ratio:.0f}"
    return (
        work, against, shown(found.ours), shown(found.peer), ratio, aim and f"< {aim}{missed}"
    )  # fmt: skip


# ---- C: whole processes ------------------------------------------------------------------


def python(*arguments: str) -> str:
    """What a new Python says on stderr; it finds this checkout's tracer."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, *arguments], env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT, capture_output=True, check=True, text=True,
    )  # fmt: skip
    return done.stderr


def commands(rounds: int) -> Iterator[Line]:
    """C: cold commands, against a Python that only imports sympy."""
    with tempfile.TemporaryDirectory() as out:
        for command, share, aim in (
            ("render mazur", 1, "2"), ("--help", 2, ""), ("verify", 2, ""),
            ("show thinkinfi w5+", 2, ""),
        ):  # fmt: skip
            found = compare(
                lambda c=command: python("-m", "tracer", *_arguments(c, out)),
                lambda: python("-c", "import sympy"),
                max(1, rounds // share),
            )
            yield _line(f"tracer {command}", "import sympy", found, aim)


def _arguments(command: str, out: str) -> Sequence[str]:
    return [*command.split(), *(("-o", out) if command.startswith("render") else ())]


def imported(command: str) -> Counter[str]:
    """Milliseconds that every package took to import for a command, its own modules only."""
    with tempfile.TemporaryDirectory() as out:
        said = python("-X", "importtime", "-m", "tracer", *_arguments(command, out))
    spent: Counter[str] = Counter()
    for line in said.splitlines():
        own, _, name = line.removeprefix("import time:").split("|") if "|" in line else ("", "", "")
        if own.strip().isdigit():
            spent[name.strip().partition(".")[0]] += int(own)
    return spent


def imports() -> Iterator[str]:
    """What every command imports, the dear packages first, and what it should not."""
    for command, forbidden in FORBIDDEN.items():
        spent = imported(command)
        dear = ", ".join(f"{p} {us / 1000:.0f}" for p, us in spent.most_common(7))
        needless = [p for p in forbidden if p in spent]
        verdict = f"NEEDLESS: {', '.join(needless)}" if needless else f"no {', '.join(forbidden)}"
        yield f"tracer {command:<20} {spent.total() / 1000:4.0f} ms: {dear}; {verdict}"


# ---- the table ---------------------------------------------------------------------------


def main(rounds: int = 9, passes: int = PASSES) -> None:
    """Check, time, print."""
    missing = [peer.title for peer in PEERS if not peer.installed]
    print(f"The 2-2-2 network, {len(EVERYTHING)} scalars a pass; ratio = tracer / peer")
    print(f"Skipped, not installed: {', '.join(missing) or 'none'}\n")
    lines = [
        *one_pass(rounds), *long_run(rounds, passes), *many_samples(rounds), *commands(rounds)
    ]  # fmt: skip
    print(*rows([HEAD, *lines]), sep="\n")
    print(f"\nMemory: {memory()}")
    print("\nscaled: the peer does that many passes, its time is multiplied")
    print("\nImports of a cold command, ms by package (traced imports are slower than usual)")
    print(*imports(), sep="\n")


if __name__ == "__main__":
    main()
