"""The gradients of every shipped scenario are the slopes of its error."""

from __future__ import annotations

import numpy as np
import pytest

import tracer
from tracer import evaluate, run
from tracer.scenario import Scenario
from tracer.shipped import scenario_names

#: The five-point rule is off by the step to the fourth, and by rounding over the step.
STEPS = (1e-3, 1e-4)
PLACES, WEIGHTS = np.array([-2, -1, 1, 2]), np.array([1, -8, 8, -1]) / 12

LOADED = {name: tracer.load(name) for name in scenario_names()}
BY_GRADIENT = [
    name for name, s in LOADED.items()
    if s.conventions.learning == "gradient" and not s.forward_only and not s.gradients
]  # fmt: skip


def _without_mistakes(s: Scenario) -> Scenario:
    """A listing's scenario as it would be right: its own gradients are no slopes."""
    right = s.conventions.model_copy(update={"mistakes": []})
    return s.model_copy(update={"conventions": right})


@pytest.mark.parametrize("name", BY_GRADIENT)
def test_every_gradient_of_a_scenario_is_the_slope_of_its_error(name: str) -> None:
    """By the error alone, at four places beside every parameter; no backward step is looked at."""
    s = _without_mistakes(tracer.load(name))
    made, t = run.built(s), tracer.trace(s, iterations=0)
    root = made.program.root
    assert root is not None
    slopes, found = [], []
    for cell, gradient in made.program.gradients.items():
        beside = [float(made.givens[cell]) + step * PLACES for step in STEPS]
        givens = {**made.givens, cell: np.concatenate(beside)[:, None]}
        errors = evaluate.run(made.program, givens, [0], only=[root]).of(root)[0, :, 0]
        slopes.append(errors.reshape(len(STEPS), -1) @ WEIGHTS / STEPS)
        found.append(float(t.values[gradient]))
    scale = np.max(np.abs(found))
    assert scale > 0
    off = np.abs(slopes - np.array(found)[:, None]).max(axis=0)
    assert off.min() <= 1e-9 * scale
