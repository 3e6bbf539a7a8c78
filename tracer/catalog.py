"""Every formula of tracer, once, in the order a person writes it.

    z  weighted sum (net)    a  activation      x w b  inputs, weights, bias
    t  target                o  output          E e    error, one output's error
    g  gradient              f p  factors, paths of a chain      eta  learning rate

A keyword is a teaching form of a partial, by the formal it belongs to; it may mention the
output and is proven. Sources: Rumelhart, Hinton, Williams (1986) for the errors and the
update; the derivatives at a kink follow PyTorch.
"""

from __future__ import annotations

from functools import cache

from tracer.expression import Expr, Neg, Sum, names
from tracer.printers import source
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

#: One output's error, by loss and by the order in which the author subtracts.
LOSSES: dict[tuple[str, str], Rule] = {
    ("half squared error", "t - o"): rule("error", "E = 1/2*(t - o)^2", o="-(t - o)"),
    ("half squared error", "o - t"): rule("error", "E = 1/2*(o - t)^2", o="o - t"),
    ("squared error", "t - o"): rule("error", "E = (t - o)^2", o="-2*(t - o)"),
    ("squared error", "o - t"): rule("error", "E = (o - t)^2", o="2*(o - t)"),
}

#: How the outputs' errors become one.
TOTALS: dict[str, Rule] = {
    "sum": rule("total error", "E = sum(e_i)"),
    "mean": rule("mean error", "E = sum(e_i)/n", e_i="1/n"),
}

#: How what the samples of a batch say becomes one.
BATCHES: dict[str, Rule] = {
    "sum": rule("sum over the samples", "g = total(p)"),
    "mean": rule("mean over the samples", "g = average(p)"),
}

#: Whether all outputs of a sample are right, and how often they are.
CORRECT = rule("correct", "r = prod(1 - (y_i - t_i)^2)")
ACCURACY = rule("accuracy", "r = average(c)")

#: The perceptron's learning rule (Rosenblatt, 1958): no derivative of anything.
MISTAKE = rule("mistake", "d = y - t")
CORRECTION = rule("perceptron rule", "g = x*d")
CORRECTION_OF_BIAS = rule("perceptron rule of a bias", "g = d")

#: The usual ways to write a weighted sum; a scenario may state another order.
NETS: tuple[str, ...] = (
    "sum(w_i*x_i) + b",
    "sum(x_i*w_i) + b",
    "sum(w_i*x_i) + b*1",
    "b + sum(w_i*x_i)",
    "b + sum(x_i*w_i)",
    "sum(w_i*x_i)",
    "sum(x_i*w_i)",
)

CHAIN = rule("chain rule", "g = prod(f_i)")
PATHS = rule("sum over paths", "g = sum(p_i)")
DESCENT = rule("gradient descent", "v = w - eta*g")


NET, THRESHOLD = "weighted sum", "threshold"


def threshold(least: str) -> Rule:
    """An output as 0 or 1: whether it reaches a number."""
    return rule(THRESHOLD, f"y = reached(o, {least})")


@cache
def net(formula: str) -> Rule:
    """The weighted sum as the author writes it, from `x_i`, `w_i` and perhaps `b`."""
    return rule(NET, f"z = {formula}")


def unbiased(weighted_sum: Rule) -> Rule:
    """A weighted sum as it is written where a layer has no bias."""
    return net(source(without_term(weighted_sum.formula, "b")))


def without_term(e: Expr, name: str) -> Expr:
    """A sum without the terms that mention a name; what is no sum, or nothing else, as it is."""
    if not isinstance(e, Sum):
        return e
    pairs = zip(e.terms, e.minus, strict=True)
    (first, negative), *rest = [(t, m) for t, m in pairs if name not in names(t)] or [(e, False)]
    first = Neg(first) if negative else first
    return Sum((first, *(t for t, _ in rest)), (False, *(m for _, m in rest))) if rest else first


def shipped() -> tuple[Rule, ...]:
    """Every rule that is ever differentiated: what `derived.json` holds."""
    rules = (*ACTIVATIONS.values(), *LOSSES.values(), *TOTALS.values())
    return (*rules, *(net(formula) for formula in NETS))
