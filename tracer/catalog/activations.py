"""Activation functions of one net, in the order in which a person writes them.

    z  net (weighted sum)      a  output

A keyword is a teaching form of the derivative, which may mention the output and is proven. At
a kink the derivative is PyTorch's.
"""

from __future__ import annotations

from tracer.rules import Rule, rule

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
        rule("identity", "a = z"),
    )
}
