'''Rules of your own, from Python: everything an activation, a loss, an optimizer or a layer needs.

Activations, losses and optimizers that one scenario uses stand best in the scenario itself, under
[activations], [losses] and [optimizers]. From Python they are there for all scenarios:

    from tracer.extending import ACTIVATIONS, LOSSES, OPTIMIZERS, SIGNS, optimizer, rule

    ACTIVATIONS["swish"] = rule("swish", "a = z/(1 + e^(-z))")
    for sign in SIGNS:
        LOSSES["quartic", sign] = rule("error", "E = (t - o)^4")
    OPTIMIZERS["signed"] = optimizer("signed", "w = w - eta*sign(g)")

Derivatives follow from the formula. A nicer form of one is stated by what it is by, and proven:
`rule("swish", "a = z/(1 + e^(-z))", z="1/(1 + e^(-z))*(1 + z - a)")`.

A layer is a class whose fields are the keys of its table:

    SCALED = rule("scaled", "y = a*x")

    class Scale(Layer):
        """Every input times a number of its own, which is trained."""

        kind: Literal["scale"] = "scale"
        factors: NameText  # the name of a given
        out: PatternOrNames | None = None  # what its steps are called

        def uses(self):  # which givens it uses; a WEIGHT and a BIAS are trained, a CONSTANT is not
            yield Use(WEIGHT, "factors", [self.factors])

        def shape(self, s, before):  # yields what is wrong, returns the shape of what comes out
            found = parameter(s, self.factors)
            if found is None or found.size != before[-1].count:
                yield f"factors: {not_given(s, self.factors, f'{before[-1].count} numbers')}"
            if wrong := wrongly_named(self.out, before[-1], "number"):
                yield f"out: {wrong}"
            return before[-1]

        def steps(self, s, before, found, place):  # the names of its steps, by key
            return {"out": spread(self.out or f"y{place.mark}", found, place.number)}

        def emit(self, on, x):  # writes its steps: a rule, names, and operands by formal
            a = on.cells(self.factors).reshape(x.shape)
            return on.emit(SCALED, on.names["out"], a=a, x=x)

    KINDS["scale"] = Scale

`on.emit(rule, names, z=…)` writes one step a name; `on.sums` weighted sums as the scenario writes
them, `on.activated` activations. A formal `x_i` is a group, along one more axis: "y = sum(x_i)".
What goes backward, the updates, pages, tables and checks follow from the steps.
'''

from __future__ import annotations

from tracer.build.network import Bench
from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.losses import LOSSES, SIGNS
from tracer.catalog.optimizers import OPTIMIZERS, optimizer
from tracer.fields import (
    Count,
    NameOrNames,
    NameText,
    Number,
    PatternOrNames,
    Positive,
    Text,
    Title,
    choice,
)
from tracer.inventory import counted, not_given
from tracer.layers.base import BIAS, CONSTANT, WEIGHT, Checked, Layer, Named, Place, Use, listed
from tracer.layers.kinds import KINDS
from tracer.layers.parameters import check_biases, matrix, offsets, oriented, parameter
from tracer.layers.shapes import Names, Shape, spread, wrongly_named
from tracer.program import Cells
from tracer.rules import Rule, rule
from tracer.scenario import Scenario

__all__ = [
    "ACTIVATIONS", "BIAS", "CONSTANT", "KINDS", "LOSSES", "OPTIMIZERS", "SIGNS", "WEIGHT", "Bench",
    "Cells", "Checked", "Count", "Layer", "NameOrNames", "NameText", "Named", "Names", "Number",
    "PatternOrNames", "Place", "Positive", "Rule", "Scenario", "Shape", "Text", "Title", "Use",
    "check_biases", "choice", "counted", "listed", "matrix", "not_given", "offsets", "optimizer",
    "oriented", "parameter", "rule", "spread", "wrongly_named",
]  # fmt: skip
