"""The error of one output, by loss and by the order in which the author subtracts.

    t  target      o  output      E  error

Source: Rumelhart, Hinton, Williams (1986) for the squared errors.
"""

from __future__ import annotations

from tracer.rules import Rule, rule

#: One output's error, by loss and by the order in which the author subtracts.
LOSSES: dict[tuple[str, str], Rule] = {
    ("half squared error", "t - o"): rule("error", "E = 1/2*(t - o)^2", o="-(t - o)"),
    ("half squared error", "o - t"): rule("error", "E = 1/2*(o - t)^2", o="o - t"),
    ("squared error", "t - o"): rule("error", "E = (t - o)^2", o="-2*(t - o)"),
    ("squared error", "o - t"): rule("error", "E = (o - t)^2", o="2*(o - t)"),
}
