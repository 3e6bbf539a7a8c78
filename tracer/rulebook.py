"""The activations and losses that a scenario may use: those of the catalog, and its own.

[activations]
swish = "a = z/(1 + e^(-z))"       # an output `a` of a net `z`

[losses]
quartic = "E = (t - o)^4"          # an error `E` of a target `t` and an output `o`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.losses import ERROR, LOSSES, SIGNS
from tracer.catalog.vectors import VECTORS
from tracer.conventions import MEAN
from tracer.errors import FormulaError, RuleError
from tracer.expression import calls, names, overs
from tracer.parsing import parse_equation
from tracer.printers import source
from tracer.rules import Rule, inputs, partial_rule, rule

if TYPE_CHECKING:
    from tracer.scenario import Scenario


@cache
def _own(name: str, equation: str) -> Rule:
    return rule(name, equation)


def activations(s: Scenario) -> Mapping[str, Rule]:
    """Every activation of one net, by name."""
    return ACTIVATIONS | {name: _own(name, text) for name, text in s.activations.items()}


def known_activations(s: Scenario) -> Mapping[str, Rule]:
    """Every activation, those of a whole vector too."""
    return {**activations(s), **VECTORS}


def losses(s: Scenario) -> Mapping[tuple[str, str], Rule]:
    """One output's error, by loss and by the order in which the author subtracts."""
    own = {(name, sign): _own(ERROR, text) for name, text in s.losses.items() for sign in SIGNS}
    return LOSSES | own


def _of(what: str, output: str, *formals: str, example: str) -> AfterValidator:
    """A check that an equation makes one formal of some others, and can be differentiated."""
    wanted = f"{what} makes {output} of {' and '.join(formals)}, as '{output} = {example}' does"

    def check(text: str) -> str:
        try:
            left, formula = parse_equation(text)
            if left != output:
                raise ValueError(f"{left!r} is not {output!r}; {wanted}")
            used = names(formula)
            for name in used:
                if name not in formals:
                    raise ValueError(f"{name!r} is not known; {wanted}")
            for name in formals:
                if name not in used:
                    raise ValueError(f"{text!r} is made without {name!r}; {wanted}")
            if over := next(overs(formula), None):
                raise ValueError(f"{source(over)} runs over all samples; {wanted}, of one sample")
            if calls(formula, "reached"):
                raise ValueError("reached() has no derivative to learn from")
            made = rule(output, text)
            for formal in inputs(made):
                partial_rule(made, formal)
        except (FormulaError, RuleError) as wrong:
            raise ValueError(str(wrong)) from wrong
        return text

    return AfterValidator(check)


ActivationText = Annotated[str, _of("an activation", "a", "z", example="z/(1 + e^(-z))")]
LossText = Annotated[str, _of("a loss", "E", "t", "o", example="(t - o)^4")]


def check_rules(s: Scenario) -> Iterator[str]:
    """A rule of one's own has a name of its own."""
    for name in s.activations:
        if name in ACTIVATIONS or name in VECTORS:
            yield f"activations.{name}: there is one of this name already; choose another"
    for name in s.losses:
        if any(name == known for known, _ in LOSSES):
            yield f"losses.{name}: there is one of this name already; choose another"
        if name.startswith(MEAN):
            mean = name.removeprefix(MEAN)
            yield f"losses.{name}: call it {mean!r}; {name!r} is then its mean over the outputs"
