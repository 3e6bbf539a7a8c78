"""Activation functions of a whole vector: every output is made of all nets.

    z  own net     z_i  all nets      a  output      b  another output of the same vector

A keyword is a derivative: by the own net, and by the net of the output b. `STEPS` are the same
functions in single steps, `SHORT` is what the derivative of the error by a net comes to.
"""

from __future__ import annotations

from tracer.rules import Rule, rule

VECTORS: dict[str, Rule] = {
    r.name: r
    for r in (
        rule(
            "softmax",
            "a = e^z/sum(e^(z_i))",
            member="z",
            z="a*(1 - a)",
            z_i="-a*b",
            stable="e^(z - max(z_i))/sum(e^(z_i - max(z_i)))",
        ),
        rule(
            "log-softmax",
            "a = z - ln(sum(e^(z_i)))",
            member="z",
            z="1 - e^a",
            z_i="-e^b",
            stable="z - max(z_i) - ln(sum(e^(z_i - max(z_i))))",
        ),
    )
}

#: The parts of a vector's function, where each is a step.
EXPONENTIAL = rule("exponential", "a = e^z", z="a")
SUM = rule("sum", "s = sum(x_i)")
SHARE = rule("share", "a = x/s", s="-a/s")
LOGARITHM = rule("logarithm", "a = ln(x)")
DIFFERENCE = rule("difference", "a = z - s")
STEPS: tuple[Rule, ...] = (EXPONENTIAL, SUM, SHARE, LOGARITHM, DIFFERENCE)

_SHORT = "output and error together"

#: The derivative of all errors by one net, by activation and loss: the chain multiplied out.
#: Of a vector it holds where the targets' sum is 1.
SHORT: dict[tuple[str, str], Rule] = {
    ("softmax", "cross-entropy"): rule(_SHORT, "g = o - t"),
    ("log-softmax", "negative log-likelihood"): rule(_SHORT, "g = e^o - t"),
    ("sigmoid", "binary cross-entropy"): rule(_SHORT, "g = o - t"),
    ("identity", "binary cross-entropy from logits"): rule(_SHORT, "g = 1/(1 + e^(-o)) - t"),
    ("identity", "half squared error"): rule(_SHORT, "g = o - t"),
}
