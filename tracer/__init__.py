"""tracer: worked examples of small neural networks, every number true to its last digit.

import tracer
t = tracer.trace("thinkinfi")     # a shipped scenario or a path
t["w5+"]                          # 0.41425240191309903
t.record("dE/dw5")                # formula, substitution, value, operands
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tracer import errors
from tracer.errors import TracerError

if TYPE_CHECKING:
    from tracer import testing
    from tracer.check.marks import Report
    from tracer.ledger import Verification
    from tracer.models import from_arrays
    from tracer.pytorch.model import from_torch
    from tracer.run import Recorded
    from tracer.scenario import Scenario
    from tracer.traces import Record, Trace

__version__ = "0.1.0"
__all__ = [
    "Record", "Scenario", "Trace", "TracerError", "errors", "from_arrays", "from_torch", "load",
    "mark", "predict", "render", "testing", "trace", "verify",
]  # fmt: skip

# Imports inside functions: `import tracer` costs nothing until something is asked for.


def __getattr__(name: str) -> object:
    homes = {
        "Scenario": "tracer.scenario", "Trace": "tracer.traces", "Record": "tracer.traces",
        "from_arrays": "tracer.models", "from_torch": "tracer.pytorch.model",
    }  # fmt: skip
    if name in homes:
        from importlib import import_module

        return getattr(import_module(homes[name]), name)
    if name == "testing":
        from importlib import import_module

        return import_module("tracer.testing")
    raise AttributeError(f"module 'tracer' has no attribute {name!r}")


def load(source: str | Path) -> Scenario:
    """A scenario by shipped name or path; raises ScenarioError with every problem found."""
    from tracer.shipped import load

    return load(source)


def trace(
    source: str | Path | Scenario,
    *,
    iterations: int | None = None,
    record: Recorded = "all",
    reading: str | None = None,
    only: Sequence[str] | None = None,
) -> Trace:
    """The recorded passes of a scenario.

    iterations  updates; the scenario's own number if None. Iteration k has the weights after
                k updates, so N iterations give passes 0 … N
    record      "all", "last", k for every k-th pass, or the iterations themselves
    reading     one of the scenario's readings, such as "sequential update"
    only        the steps to keep, by name; all of them if None
    raises      ScenarioError, NotFinite, TooLarge, UsageError, LookupFailed (all TracerError)
    """
    from tracer import run

    scenario = load(source) if isinstance(source, str | Path) else source
    return run.trace(scenario, iterations=iterations, record=record, reading=reading, only=only)


def predict(t: Trace, samples: str) -> Trace:
    """The forward pass of another sample set with the parameters of a trace's selected pass.

    raises      UsageError for a set that the scenario does not have
    """
    from tracer import run

    return run.on(t, samples)


def render(t: Trace, format: str = "md", *, detail: str = "auto") -> str:
    """A trace as a page: "md", "tex", or "svg" for the network's diagram.

    The page shows the selected pass, and what became of the scenario's published numbers.

    detail      "full": every weight; "first": one of a layer, the rest in a table; "folded": one
                way through the pass, the rest as matrices; "auto": folded if it is long
    raises      UsageError for another format or detail, TooLarge, ScenarioError
    """
    from tracer import courses, run
    from tracer.pages import page

    if format == "svg" or not t.scenario:
        return page(t, format, detail)
    course = courses.course(t.scenario, t.reading or None, iteration=t.iteration)
    return page(t, format, detail, run.verify(t.scenario), course)


def verify(source: str | Path | Scenario) -> Verification:
    """Every published number of a scenario with its verdict."""
    from tracer import run

    return run.verify(load(source) if isinstance(source, str | Path) else source)


def mark(
    source: str | Path | Scenario, answers: str | Path | Mapping[str, object], *,
    decimals: int | None = None, significant: int | None = None, reading: str | None = None,
) -> Report:  # fmt: skip
    """A person's numbers, or a class's, with a mark on each and what explains the wrong ones.

    answers     a file, a folder, or numbers by name; a text keeps the digits that were typed
    decimals    digits that everybody carries, or `significant` ones; else told from each sheet
    raises      UsageError for answers that cannot be read; ScenarioError
    """
    from tracer import checking
    from tracer.check.precision import declared

    given = (
        checking.answers_by_name(answers) if isinstance(answers, Mapping)
        else checking.answers_of(str(answers))
    )  # fmt: skip
    scenario = load(source) if isinstance(source, str | Path) else source
    precision = declared(decimals, significant)
    exercise = checking.exercise_of(scenario, given, reading=reading, precision=precision)
    return checking.check(exercise, given, points=scenario.points)
