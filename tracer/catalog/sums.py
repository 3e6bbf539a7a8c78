"""Weighted sums, what several errors and several samples say together, the chain rule.

z  weighted sum (net)     x w b  inputs, weights, bias      y  class     t  target
E e  error, one output's error      g  gradient      f p  factors, paths of a chain
"""

from __future__ import annotations

from functools import cache

from tracer.expression import Expr, Neg, Sum, names
from tracer.printers import source
from tracer.rules import Rule, rule

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

#: Whether all outputs of a sample are right, by the lower of its two classes; how often they are.
CORRECT = {
    0: rule("correct", "r = prod(1 - (y_i - t_i)^2)"),
    -1: rule("correct", "r = prod(1 - ((y_i - t_i)/2)^2)"),
}
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
NO_CHANGE = rule("no change", "g = 0")  # of x - x by x: no path is left


NET, CLASS = "weighted sum", "class of the output"


def threshold(least: str, lower: int) -> Rule:
    """The class of an output, 1 where it reaches a number, below it 0 or -1."""
    reached = f"reached(o, {least})"
    return rule(CLASS, f"y = 2*{reached} - 1" if lower else f"y = {reached}")


#: Of several outputs the largest, as 1; the others as 0.
LARGEST = rule(CLASS, "y = reached(o, max(o_i))")


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
