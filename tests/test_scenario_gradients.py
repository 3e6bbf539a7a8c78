"""The gradients of every shipped scenario are the slopes of its error."""

from __future__ import annotations

import numpy as np
import pytest

import tracer
from tracer import evaluate, run
from tracer.scenario import Scenario
from tracer.shipped import scenario_names

STEP = 1e-3  # the five-point rule is off by the step to the fourth: 1e-12 of what it measures
PLACES, WEIGHTS = (-2, -1, 1, 2), np.array([1, -8, 8, -1]) / (12 * STEP)

BY_GRADIENT = [
    name for name in scenario_names() if tracer.load(name).conventions.learning == "gradient"
]


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
        beside = float(made.givens[cell]) + STEP * np.array(PLACES)
        givens = {**made.givens, cell: beside[:, None]}
        errors = evaluate.run(made.program, givens, [0], only=[root]).of(root)[0, :, 0]
        slopes.append(float(WEIGHTS @ errors))
        found.append(float(t.values[gradient]))
    scale = np.max(np.abs(found))
    assert scale > 0
    assert np.max(np.abs(np.subtract(slopes, found))) <= 1e-9 * scale
