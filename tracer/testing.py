"""Tests for people who write a network from scratch: does it compute what the scenario says?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tracer
from tracer.check.arrays import filled
from tracer.check.difference import difference
from tracer.check.precision import Precision
from tracer.check.telling import told
from tracer.errors import UsageError
from tracer.ledger import Verification
from tracer.run import Recorded
from tracer.scenario import Scenario
from tracer.traces import Trace

__all__ = ["Api", "assert_matches"]


def assert_matches(
    trace: Trace,
    values: Mapping[object, object] | object,
    *,
    decimals: int | None = None,
    significant: int | None = None,
) -> None:
    """Fail with the first number that differs, in order of computation, and the mistake behind it.

    values      a dict by name, {"out_h1": 0.59, "W1": array, "dE/dW1": array, "W1+": array}, or an
                object whose attributes are called as steps: net.out_h1, net.W1, net.dW1,
                net.W1_new. Attributes that are no steps are left alone. Arrays may be lists,
                numpy's, PyTorch's tensors, anything with `__array__`
    W1          all of W1[1,1], W1[1,2], …; where a layer's weights have names of their own, W1
                is the matrix of the first layer as the scenario writes it, b1 its biases
    out_h       out_h1, out_h2, …; ("w1", "w2") names the steps of an array one by one
    samples     of a batch: a row for each sample, or the selected sample's alone
    decimals, significant
                the numbers are rounded to so many digits; else they are a program's own

    The pass is the one selected: `trace.at(iteration=100)`. Its W1 is as the pass starts, W1+
    after its update.

    There is no tolerance to choose. How far each number may be off follows from its type (half
    a unit in the last place of float64, float32, float16) and from the calculation before it.
    A fixed one would pass a wrong ∂E/∂w of 0.0001, or fail a right error of 0.9 in float32.

    raises      AssertionError; LookupFailed for a name that is no step; UsageError for what is
                no number, and where nothing can be compared; TooLarge
    """
    __tracebackhide__ = True
    wrong = _wrong(trace, values, decimals, significant)
    if wrong:
        raise AssertionError(wrong)


def _wrong(trace: Trace, values: object, decimals: int | None, significant: int | None) -> str:
    """What is wrong, in words; empty where nothing is."""
    if not isinstance(trace, Trace):
        raise UsageError(f"trace: expected a trace, as of tracer.trace('mazur'), not {trace!r}")
    if decimals is not None and significant is not None:
        raise UsageError("decimals and significant: choose one")
    given = filled(trace, values)
    if given.misfits:
        return "; ".join(given.misfits)
    stated = decimals is not None or significant is not None
    found = difference(trace, given, Precision(decimals, significant) if stated else None)
    return told(found) if found else ""


@dataclass(frozen=True)
class Api:
    """The functions of `tracer` as a test wants them: paths may be relative to the root folder."""

    root: Path

    def _found(self, source: str | Path | Scenario) -> str | Path | Scenario:
        if isinstance(source, Scenario) or Path(source).exists():
            return source
        return beside if (beside := self.root / source).exists() else source

    def load(self, source: str | Path) -> Scenario:
        """A scenario by shipped name or path, as `tracer.load`."""
        found = self._found(source)
        return found if isinstance(found, Scenario) else tracer.load(found)

    def trace(
        self,
        source: str | Path | Scenario,
        *,
        iterations: int | None = None,
        record: Recorded = "all",
        reading: str | None = None,
        only: Sequence[str] | None = None,
    ) -> Trace:
        """The recorded passes of a scenario, as `tracer.trace`."""
        return tracer.trace(
            self._found(source), iterations=iterations, record=record, reading=reading, only=only
        )

    def predict(self, t: Trace, samples: str) -> Trace:
        """Another sample set with the weights of the selected pass, as `tracer.predict`."""
        return tracer.predict(t, samples)

    def verify(self, source: str | Path | Scenario) -> Verification:
        """The verdict on every published number, as `tracer.verify`."""
        return tracer.verify(self._found(source))

    def assert_matches(
        self,
        trace: Trace,
        values: Mapping[object, object] | object,
        *,
        decimals: int | None = None,
        significant: int | None = None,
    ) -> None:
        """Fail with the first number that differs, as `tracer.testing.assert_matches`."""
        __tracebackhide__ = True
        assert_matches(trace, values, decimals=decimals, significant=significant)
