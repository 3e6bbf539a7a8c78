"""What layers are made of besides weighted sums and activations.

    x  input      o  output gate      f i g r z  gates      c p  cell state, now and before
    h  hidden state before            n  candidate          m s  mean, variance      k q v  keys …

Sources: Hochreiter, Schmidhuber (1997) with the forget gate of Gers (2000); Cho et al. (2014);
Vaswani et al. (2017); Ioffe, Szegedy (2015); Ba et al. (2016); Srivastava et al. (2014).
"""

from __future__ import annotations

from functools import cache

from tracer.rules import Rule, rule

MAXIMUM = rule("maximum", "y = max(x_i)", kink="1 for the first of equal numbers, 0 for the others")
AVERAGE = rule("average", "y = sum(x_i)/n", x_i="1/n")

#: The cell state of an LSTM, at the first step and later; what it shows of it.
FIRST_STATE = rule("cell state", "c = i*g")
STATE = rule("cell state", "c = f*p + i*g")
SHOWN = rule("hidden state", "h = o*tanh(c)", c="o*(1 - tanh(c)^2)")

#: The hidden state of a GRU, by how the author weighs old and new.
BLENDS: dict[str, Rule] = {
    text: rule("hidden state", f"y = {text.replace('n', 'g')}")  # n is the size of a group
    for text in ("(1 - z)*n + z*h", "z*h + (1 - z)*n", "(1 - z)*h + z*n", "z*n + (1 - z)*h")
}
RESET = rule("reset state", "y = r*h")
CANDIDATE = rule("candidate's net", "y = a + r*b")

SCORES: dict[str, Rule] = {
    "scaled": rule("scaled score", "s = sum(q_i*k_i)/sqrt(n)"),
    "unscaled": rule("score", "s = sum(q_i*k_i)"),
}
CONTEXT = rule("context", "o = sum(a_i*v_i)")

MEAN = rule("mean", "m = sum(x_i)/n", x_i="1/n")
VARIANCE = rule("variance", "s = sum((x_i - m)^2)/n")
BATCH_MEAN = rule("mean over the batch", "m = average(x)")
BATCH_VARIANCE = rule("variance over the batch", "s = average((x - m)^2)")
BATCH_MEANS = rule("mean over the batch", "m = average(sum(x_i)/n)")
BATCH_VARIANCES = rule("variance over the batch", "s = average(sum((x_i - m)^2)/n)")
SCALED = rule("scaled and shifted", "y = gamma*x + beta")

ADDED = rule("residual sum", "y = x + f")

#: Those that state a derivative, which is proven.
STATED = (AVERAGE, SHOWN, MEAN)


@cache
def normalised(epsilon: str) -> Rule:
    """A number without its mean, in standard deviations; `epsilon` keeps them from being 0."""
    below = "sqrt(s)" if float(epsilon) == 0 else f"sqrt(s + {epsilon})"
    return rule("normalised", f"y = (x - m)/{below}")


@cache
def dropped(rate: str) -> Rule:
    """A masked number, scaled up by what is left of the others."""
    return rule("dropout", "y = x*m" if float(rate) == 0 else f"y = x*m/(1 - {rate})")
