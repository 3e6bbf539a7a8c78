"""The error of one output, by loss and by the order in which the author subtracts.

    t  target      o  output      E  error

A keyword is a teaching form of a derivative, which is proven. At a kink it is PyTorch's.
Source: Rumelhart, Hinton, Williams (1986) for the squared errors.
"""

from __future__ import annotations

from tracer.rules import Rule, rule

SIGNS = ("t - o", "o - t")

#: Losses that subtract the target from the output, or the output from the target.
_OF_A_DIFFERENCE: dict[tuple[str, str], Rule] = {
    ("half squared error", "t - o"): rule("error", "E = 1/2*(t - o)^2", o="-(t - o)"),
    ("half squared error", "o - t"): rule("error", "E = 1/2*(o - t)^2", o="o - t"),
    ("squared error", "t - o"): rule("error", "E = (t - o)^2", o="-2*(t - o)"),
    ("squared error", "o - t"): rule("error", "E = (o - t)^2", o="2*(o - t)"),
    ("absolute error", "t - o"): rule(
        "error", "E = abs(t - o)", o="-sign(t - o)", t="sign(t - o)", kink="0 at t = o"
    ),
    ("absolute error", "o - t"): rule(
        "error", "E = abs(o - t)", o="sign(o - t)", t="-sign(o - t)", kink="0 at o = t"
    ),
    ("huber", "t - o"): rule(
        "error",
        "E = 1/2*min(abs(t - o), 1)^2 + max(0, abs(t - o) - 1)",
        o="-sign(t - o)*min(abs(t - o), 1)",
        t="sign(t - o)*min(abs(t - o), 1)",
    ),
    ("huber", "o - t"): rule(
        "error",
        "E = 1/2*min(abs(o - t), 1)^2 + max(0, abs(o - t) - 1)",
        o="sign(o - t)*min(abs(o - t), 1)",
        t="-sign(o - t)*min(abs(o - t), 1)",
    ),
}

#: Losses in which nothing is subtracted: of probabilities, their logarithms, scores.
_OTHERS: dict[str, Rule] = {
    "binary cross-entropy": rule(
        "error", "E = -(t*ln(o) + (1 - t)*ln(1 - o))", o="-(t/o - (1 - t)/(1 - o))"
    ),
    "binary cross-entropy with log10": rule(
        "error",
        "E = -(t*log10(o) + (1 - t)*log10(1 - o))",
        o="-(t/o - (1 - t)/(1 - o))/ln(10)",
        t="-(log10(o) - log10(1 - o))",
    ),
    "binary cross-entropy from logits": rule(
        "error",
        "E = ln(1 + e^o) - t*o",
        o="1/(1 + e^(-o)) - t",
        stable="max(0, o) - t*o + ln(1 + e^(-abs(o)))",
    ),
    "cross-entropy": rule("error", "E = -t*ln(o)", o="-t/o"),
    "cross-entropy with log10": rule(
        "error", "E = -t*log10(o)", o="-t/(o*ln(10))", t="-log10(o)"
    ),
    "negative log-likelihood": rule("error", "E = -t*o", o="-t"),
    "hinge": rule(
        "error", "E = max(0, 1 - t*o)", o="-t*step(1 - t*o)", t="-o*step(1 - t*o)",
        kink="0 at t*o = 1",
    ),
    "kl divergence": rule("error", "E = t*ln(t/o)", o="-t/o", t="ln(t/o) + 1"),
    "kl divergence with log10": rule(
        "error", "E = t*log10(t/o)", o="-t/(o*ln(10))", t="log10(t/o) + 1/ln(10)"
    ),
}  # fmt: skip

ERROR = "error"  # the name of every loss's rule

#: One output's error, by loss and by the order in which the author subtracts.
LOSSES: dict[tuple[str, str], Rule] = _OF_A_DIFFERENCE | {
    (name, sign): loss for name, loss in _OTHERS.items() for sign in SIGNS
}
