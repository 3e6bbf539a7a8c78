"""From a scenario and answers to marks: which passes are needed, what is asked, its worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tracer import labels, run
from tracer.check.answers import Answer, Answers, read_answers, read_answers_text
from tracer.check.examination import Exercise, examined
from tracer.check.graph import unrolled
from tracer.check.marks import Report, Sheet
from tracer.check.points import Points, award
from tracer.check.precision import Precision
from tracer.check.typed import Unreadable, read
from tracer.errors import LookupFailed, UsageError
from tracer.evaluate import Progress
from tracer.names import names_of
from tracer.scenario import Scenario
from tracer.traces import Trace

MAX_WORK = 3 * 10**9  # values of a run up to the last pass asked for; minutes
_FEW = 6_000  # values up to which the passes before those asked for are judged along


def answers_of(source: str, text: Callable[[], bytes] | None = None) -> list[Answers]:
    """The answers of a file or a folder, or of `text` where that is standard input's."""
    if source == "-" and text:
        return read_answers_text(text(), "stdin")
    return read_answers(Path(source))


def answers_by_name(numbers: Mapping[str, object]) -> list[Answers]:
    """One sheet of numbers, or of texts as they were typed."""
    return [Answers("answers", tuple(_answer(name, str(n)) for name, n in numbers.items()))]


def _answer(name: str, text: str) -> Answer:
    try:
        return Answer(name, text, read(text) if text else None, "", name)
    except Unreadable as wrong:
        return Answer(name, text, None, str(wrong), name)


def check(
    exercise: Exercise, answers: Sequence[Answers], *, points: Points | None = None,
    progress: Progress | None = None,
) -> Report:  # fmt: skip
    """The marks of one or many sheets, with points where they are given."""
    sheets = []
    for done, own in enumerate(answers, 1):
        sheets.append(examined(exercise, own))
        if progress:
            progress(done, len(answers))
    t = exercise.trace
    title = t.scenario.title if t.scenario else t.title
    report = Report(t.title, title, _without_columns(sheets))
    return report if points is None else award(report, points, _canonical(t))


def _without_columns(sheets: Sequence[Sheet]) -> tuple[Sheet, ...]:
    """Sheets of a class; what all of them have beside the answers, as an id, is no answer."""
    common = set.intersection(*(set(s.unknown) for s in sheets)) if len(sheets) > 1 else set()
    return tuple(
        replace(s, unknown=tuple(name for name in s.unknown if name not in common)) for s in sheets
    )


def _canonical(t: Trace) -> Callable[[str], str]:
    """The name of a step by whatever it is called."""
    return lambda name: labels.name(t.program.label(names_of(t.program).find(name)))


def exercise_of(
    scenario: Scenario, answers: Iterable[Answers], *, reading: str | None = None,
    iteration: int = 0, samples: str | None = None, precision: Precision | None = None,
    ask: Sequence[str] = (), progress: Progress | None = None,
) -> Exercise:  # fmt: skip
    """What some answers are to be compared with.

    iteration  the pass of answers that do not say theirs
    samples    another sample set than the one trained on: its forward pass at that iteration
    precision  the digits carried, where they are agreed; else they are told from each sheet
    ask        steps that every sheet should have; if nothing is said those that any sheet names,
               and without sheets all that are computed
    raises     LookupFailed for a name in `ask` that is no step, UsageError for an iteration that
               takes too long to compute
    """
    given = [a for sheet in answers for a in sheet.answers]
    questions = [_question(name) for name in ask]
    meant = {iteration, *(a.iteration for a in (*given, *questions) if a.iteration is not None)}
    t = _trace(scenario, [iteration] if samples else sorted(meant), reading, progress)
    if samples:
        t = run.on(t.at(iteration), samples)
    graph = unrolled(t, t.recorded)
    blank = Exercise(graph, (), precision, iteration)
    wanted = set(map(blank.find, questions))
    if not wanted and given:
        wanted = set(_meant(blank, given))
    if not wanted and not given:
        wanted = {n for n, node in enumerate(graph.nodes) if node.formula}
    return Exercise(graph, tuple(sorted(wanted)), precision, iteration)


def _question(name: str) -> Answer:
    """A step as it is asked for: `w5+`, or `E@1` for that of another iteration."""
    step, at, iteration = name.rpartition("@")
    numbered = at and iteration.isdecimal()
    return Answer(
        step if numbered else name, "", None, "", "", int(iteration) if numbered else None
    )


def _meant(exercise: Exercise, given: Iterable[Answer]) -> Iterator[int]:
    for answer in given:
        with suppress(LookupFailed):
            yield exercise.find(answer)


def _trace(
    scenario: Scenario, iterations: Sequence[int], reading: str | None, progress: Progress | None
) -> Trace:
    """The passes asked for, and those before them where they are few."""
    first = run.trace(scenario, iterations=0, reading=reading)
    size = len(first) * first.program.samples
    if size * iterations[-1] > MAX_WORK:
        raise UsageError(
            f"iteration {iterations[-1]:,} is too late to compute; "
            f"ask for one up to {MAX_WORK // size:,}"
        )
    every = size * (iterations[-1] + 1) <= _FEW
    record: Sequence[int] = range(iterations[-1] + 1) if every else iterations
    return run.trace(
        scenario, iterations=iterations[-1], record=record, reading=reading, progress=progress
    )
