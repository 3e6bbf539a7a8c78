"""Published numbers guarded one by one: what each is called, where it stands, why it differs.

The pytest plugin makes a test of each; nothing here knows of pytest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tracer import labels, run
from tracer.check.slips import Wrong, slip
from tracer.check.typed import read
from tracer.computed import built
from tracer.consistency import entry_key
from tracer.conventions import implicit
from tracer.errors import LookupFailed, ScenarioError, TracerError
from tracer.ledger import Checked, Verdict
from tracer.lines import IN_TEXT
from tracer.names import names_of
from tracer.numbers import Digits, agrees, as_printed, decimals, show
from tracer.scenario import Published, Scenario
from tracer.toml_places import Path
from tracer.traces import Trace

MORE = 3  # digits of a value beside the printed number
_LONG = 60  # letters of an entry's place that its id repeats
_WORK = 2_000_000  # values computed to find a reading that gives a number
_SLOWER = 100  # times as long as a float64 takes a number rounded by hand


@dataclass(frozen=True)
class Entry:
    """A published number, in the order of the file."""

    id: str  # "w5+", or "E[after the first round]" where a name has several
    line: int  # of the file, from 0


# ---- what they are called ----------------------------------------------------------------


def entries(scenario: Scenario, lines: Mapping[Path, int]) -> list[Entry]:
    """Every published number with an id of its own; `lines` says what stands where."""
    found = []
    for name, group in scenario.published.items():
        table = lines.get(("published", name), lines.get(("published",), 0))
        for k, own in enumerate(_told_apart(group)):
            id = f"{name}[{own}]" if own else name
            found.append(Entry(id, lines.get(("published", name, k), table)))
    return found


def _told_apart(group: Sequence[Published]) -> Sequence[str]:
    """Short texts that tell the entries of one name apart; one of them may be empty."""
    where = [" ".join(entry.where.split())[:_LONG].strip() for entry in group]
    passes = [_pass(entry, group) for entry in group]
    both = [", ".join(filter(None, texts)) for texts in zip(where, passes, strict=True)]
    if len(group) == 1:
        return [""]
    return next((t for t in (where, passes, both) if len(set(t)) == len(t)), list(_numbered(both)))


def _pass(entry: Published, group: Sequence[Published]) -> str:
    """Iteration, sample and reading of an entry, as far as those of its name differ in them."""
    samples = f"{entry.samples} " if entry.samples else ""
    one_sample = len({(e.samples, e.sample) for e in group}) == 1
    one_reading = len({e.reading for e in group}) == 1
    parts = (
        f"@{entry.iteration}" if entry.iteration else "",
        "" if one_sample else f"{samples}sample {entry.sample}",
        "" if one_reading else entry.reading,
    )
    return ", ".join(filter(None, parts))


def _numbered(texts: Sequence[str]) -> Iterator[str]:
    """The texts, those that occur more than once with their number."""
    often, seen = Counter(texts), Counter[str]()
    for text in texts:
        seen[text] += 1
        yield f"{text} #{seen[text]}".strip() if often[text] > 1 else text


# ---- what is wrong before anything is computed -------------------------------------------


def check_names(scenario: Scenario) -> None:
    """See that every published name is a step.

    raises    ScenarioError with a line for each that is not, or why there are no steps
    """
    readings = {entry.reading for group in scenario.published.values() for entry in group}
    known = {r: names_of(built(scenario.under(r)).program) for r in readings}
    problems = []
    for name, group in scenario.published.items():
        for k, entry in enumerate(group):
            try:
                known[entry.reading].find(name)
            except LookupFailed as wrong:
                problems.append(f"{scenario.file}: {entry_key(name, group, k)}: {wrong}")
    if problems:
        raise ScenarioError(dict.fromkeys(problems))


# ---- why a number differs ----------------------------------------------------------------


def digits_beside(n: Checked) -> str:
    """The engine's value, to a few digits more than the source prints."""
    places = max(decimals(n.printed), 0) + MORE
    return show(n.value, Digits(places)).plain


def headline(n: Checked) -> str:
    """`printed 0.42, computed 0.41425240`, for a summary of one line."""
    under = f", under {n.under!r}" if n.under else ""
    return f"printed {as_printed(n.printed)}, computed {digits_beside(n)}{under}"


def account(scenario: Scenario, n: Checked) -> list[str]:
    """Why a number differs: what the engine computes, how, and what might explain it."""
    lines = [
        f"{labels.text(n.label)}{_of(n)}",
        f"  printed   {as_printed(n.printed)}" + (f"   ({n.where})" if n.where else ""),
        f"  computed  {digits_beside(n)}   ({_under(n)})",
        *_right(n),
    ]
    with suppress(TracerError):
        lines += _line(_selected(scenario, n, n.under))
    return [*lines, *_remarks(scenario, n)]


def _of(n: Checked) -> str:
    """Which pass and sample a number belongs to, where it is not the first."""
    samples = f"of {n.samples} " if n.samples else ""
    told = f", {samples}sample {n.sample}" if n.samples or n.sample else ""
    return told + (f", iteration {n.iteration}" if n.iteration else "")


def _under(n: Checked) -> str:
    return f"under the reading {n.under!r}" if n.under else "under the scenario's own conventions"


def _right(n: Checked) -> list[str]:
    return [] if n.right is None else [f"  right     {as_printed(n.right)}   (as the entry claims)"]


def _selected(s: Scenario, n: Checked, reading: str | None) -> tuple[Trace, str]:
    """The pass that a number is of, and its name there."""
    t = run.trace(s, iterations=n.iteration, record="last", reading=reading)
    t = run.on(t, n.samples) if n.samples else t
    return t.at(sample=n.sample), n.name


def _line(selected: tuple[Trace, str]) -> list[str]:
    """The step with its formula and numbers."""
    t, name = selected
    return ["", f"    {IN_TEXT.whole(t.line(t.cell(name)))}", ""]


def _remarks(s: Scenario, n: Checked) -> Iterator[str]:
    if n.claim is Verdict.NOT_REPRODUCIBLE:
        yield (
            "The entry says that no float64 reproduces the number. But changing last bits of the "
            "parameters does not change it so far."
        )
        return
    if n.right is not None:
        yield _misprint(n)
        return
    reading = _reading(s, n)
    if reading:
        yield f"It comes out under another reading: is `reading = {_quoted(reading)}` meant?"
    elif says := slip(Wrong(read(as_printed(n.printed)), n.value, 0.0), {}):
        right = show(n.value, Digits(max(decimals(n.printed), 0))).plain
        yield f"{says} If it is a misprint of the source: `right = {right}`."


def _misprint(n: Checked) -> str:
    if agrees(n.value, n.printed):
        return "The printed number comes out, so it is no misprint: take `right` away."
    return "The entry calls it a misprint, but its `right` value does not come out either."


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _reading(s: Scenario, n: Checked) -> str | None:
    """A reading under which a number comes out, of those that do not take long."""
    for name in (*s.readings, *_usual(n)):
        with suppress(TracerError):
            if name != n.under and _quick(s, n, name):
                t, step = _selected(s, n, name)
                if agrees(t[step], n.printed):
                    return name
    return None


def _usual(n: Checked) -> Iterator[str]:
    """Readings that people often mean and do not say."""
    yield "float32"
    places = decimals(n.printed)
    for d in dict.fromkeys((places, *range(2, 7))):
        names = (f"rounded to {d} decimals", f"cut to {d} decimals")
        yield from (name for name in names if implicit(name))


def _quick(s: Scenario, n: Checked, reading: str) -> bool:
    made = built(s.under(reading)).program
    work = len(made) * made.samples * (n.iteration + 1)
    return work * (1 if reading in s.readings else _SLOWER) <= _WORK
