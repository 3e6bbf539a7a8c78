"""Activation functions of one net, in the order in which a person writes them.

    z  net (weighted sum)      a  output

A keyword is a teaching form of the derivative, which may mention the output and is proven.
Constants, and the derivative at a kink, are PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable

from tracer.expression import Expr, Name, names, rename
from tracer.rules import Rule, inputs, rule

_SCALE, _ALPHA = "1.0507009873554805", "1.6732632423543772"  # all digits of a float64

ACTIVATIONS: dict[str, Rule] = {
    r.name: r
    for r in (
        rule(
            "sigmoid",
            "a = 1/(1 + e^(-z))",
            z="a*(1 - a)",
            ending=(
                ("two minus signs make a plus", "(1 + e^(-z))^(-2)*e^(-z)"),
                ("write the negative power as a fraction", "e^(-z)/(1 + e^(-z))^2"),
                ("add and subtract 1", "(1 + e^(-z) - 1)/(1 + e^(-z))^2"),
                ("split the fraction", "(1 + e^(-z))/(1 + e^(-z))^2 - 1/(1 + e^(-z))^2"),
                ("cancel", "1/(1 + e^(-z)) - 1/(1 + e^(-z))^2"),
                ("factor out", "1/(1 + e^(-z))*(1 - 1/(1 + e^(-z)))"),
                ("recognise the function", "a*(1 - a)"),
            ),
        ),
        rule(
            "tanh",
            "a = tanh(z)",
            z="1 - a^2",
            definition="(e^z - e^(-z))/(e^z + e^(-z))",
            ending=(
                (
                    "multiply the signs",
                    "((e^z + e^(-z))*(e^z + e^(-z)) - (e^z - e^(-z))*(e^z - e^(-z)))"
                    "/(e^z + e^(-z))^2",
                ),
                (
                    "write the products as squares",
                    "((e^z + e^(-z))^2 - (e^z - e^(-z))^2)/(e^z + e^(-z))^2",
                ),
                (
                    "split the fraction",
                    "(e^z + e^(-z))^2/(e^z + e^(-z))^2 - (e^z - e^(-z))^2/(e^z + e^(-z))^2",
                ),
                ("cancel", "1 - (e^z - e^(-z))^2/(e^z + e^(-z))^2"),
                ("write the squares as one", "1 - ((e^z - e^(-z))/(e^z + e^(-z)))^2"),
                ("recognise the function", "1 - a^2"),
            ),
        ),
        rule("relu", "a = max(0, z)", z="step(z)", kink="0 at z = 0"),
        rule(
            "leaky relu",
            "a = max(0.01*z, z)",
            z="step(z) + 0.01*reached(0, z)",
            kink="0.01 at z = 0",
        ),
        rule("elu", "a = max(0, z) + min(0, e^z - 1)", z="min(1, a + 1)"),
        rule(
            "selu",
            f"a = {_SCALE}*(max(0, z) + min(0, {_ALPHA}*(e^z - 1)))",
            z=f"{_SCALE}*step(z) + reached(0, z)*(a + {_SCALE}*{_ALPHA})",
            kink="1.7580993408473766 at z = 0",
            source="Klambauer, Unterthiner, Mayr, Hochreiter (2017)",
        ),
        rule(
            "gelu",
            "a = 1/2*z*(1 + erf(z/sqrt(2)))",
            z="1/2*(1 + erf(z/sqrt(2))) + z*e^(-z^2/2)/sqrt(2*pi())",
            source="Hendrycks, Gimpel (2016)",
        ),
        rule(
            "gelu tanh",
            "a = 1/2*z*(1 + tanh(sqrt(2/pi())*(z + 0.044715*z^3)))",
            z="1/2*(1 + tanh(sqrt(2/pi())*(z + 0.044715*z^3)))"
            " + 1/2*z*(1 - tanh(sqrt(2/pi())*(z + 0.044715*z^3))^2)*sqrt(2/pi())"
            "*(1 + 0.134145*z^2)",
            source="Hendrycks, Gimpel (2016)",
        ),
        rule("silu", "a = z/(1 + e^(-z))", z="1/(1 + e^(-z))*(1 + z - a)"),
        rule(
            "softplus",
            "a = ln(1 + e^z)",
            z="1/(1 + e^(-z))",
            stable="max(0, z) + ln(1 + e^(-abs(z)))",
        ),
        rule("softsign", "a = z/(1 + abs(z))", z="1/(1 + abs(z))^2"),
        rule(
            "hard sigmoid",
            "a = min(max(z + 3, 0), 6)/6",
            z="step(z + 3)*step(3 - z)/6",
            kink="0 at z = -3 and z = 3",
        ),
        rule("threshold", "a = step(z)", z="0", kink="0 at z = 0"),
        rule("identity", "a = z"),
    )
}


def known_as(formula: Expr) -> tuple[Rule, str] | None:
    """The activation that a formula is of one name, and that name: sigmoid of `1/(1 + e^(-h))`."""
    own = names(formula)
    if len(own) != 1 or isinstance(formula, Name):
        return None
    alike = (r for r in ACTIVATIONS.values() if rename(r.formula, _put(own[0])) == formula)
    found = next(alike, None)
    return (found, own[0]) if found else None


def _put(name: str) -> Callable[[str], Expr]:
    return lambda formal: Name(name if formal == "z" else formal)


def is_activation(r: Rule | None) -> bool:
    """Whether a rule makes an output `a` of one net `z`, as every activation is written."""
    return r is not None and r.output == "a" and inputs(r) == ("z",)
