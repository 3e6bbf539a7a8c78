"""What can go wrong, as one tree.

TracerError                     everything a caller may want to catch
├── ScenarioError               a scenario file: every problem found, one line each
├── FormulaError                a formula that is not in the small language of `expression`
├── RuleError                   a rule whose stated derivative is not the derivative
├── ProgramError                a program that would not be one (double name, later operand)
│   ├── NameTaken               a name that another step has
│   └── MistakeError            a mistake that cannot be made in it, or not there
├── LookupFailed                an unknown or ambiguous name (also a KeyError)
├── NotFinite                   a step that overflowed, divided by zero or gave no number
├── TooLarge                    a request that would not fit in memory
└── UsageError                  an argument that makes no sense
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TracerError(Exception):
    """Base of all errors meant for the person using tracer; `str` is one clear line."""


class ScenarioError(TracerError):
    """Every problem of one scenario file, each a line `file: key: what, and the remedy`."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class FormulaError(TracerError):
    """A text that the formula parser does not accept, with the place."""


class RuleError(TracerError):
    """A rule whose teaching form could not be proven."""


class ProgramError(TracerError):
    """A step that cannot be added to a program."""


class NameTaken(ProgramError):
    """A name that another step has."""


class MistakeError(ProgramError):
    """A mistake that a program leaves no room for, or not at the place named."""


class LookupFailed(TracerError, KeyError):
    """No such name, or several."""

    def __str__(self) -> str:
        return str(self.args[0])


class NotFinite(TracerError):
    """The first step of the first pass whose value is not a finite number."""


class TooLarge(TracerError):
    """A request refused with its size."""


class UsageError(TracerError):
    """An argument that makes no sense, with what would."""


#: What others call it.
ELSEWHERE = {
    "sgd": "gradient descent", "gd": "gradient descent", "nag": "nesterov",
    "mse": "mean squared error", "l2 loss": "mean squared error", "sse": "squared error",
    "mae": "mean absolute error", "l1 loss": "mean absolute error", "smooth l1": "huber",
    "bce": "binary cross-entropy", "log loss": "binary cross-entropy", "ce": "cross-entropy",
    "categorical cross-entropy": "cross-entropy", "nll": "negative log-likelihood",
    "kl": "kl divergence", "kld": "kl divergence",
    "bce with logits": "binary cross-entropy from logits",
    "logistic": "sigmoid", "linear": "identity", "none": "identity", "swish": "silu",
    "lrelu": "leaky relu", "heaviside": "threshold", "step": "threshold",
    "conv": "convolution", "conv2d": "convolution", "maxpool": "pooling", "max pooling": "pooling",
    "average pooling": "pooling", "fully connected": "dense",
    "rnn": "recurrent", "self-attention": "attention", "batchnorm": "batch norm",
    "layernorm": "layer norm", "skip": "residual",
}  # fmt: skip


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to `word`, if one is near."""
    by_lower = {k.lower(): k for k in known}
    if (meant := ELSEWHERE.get(word.lower(), "")) in by_lower:
        return by_lower[meant]
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the known word nearest to `word`, or nothing."""
    found = closest(word, known)
    return f"; did you mean {found!r}?" if found else ""
