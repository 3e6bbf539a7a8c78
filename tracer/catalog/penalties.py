"""What large weights add to the error.

lambda  how strongly      w  weights      P  penalty      d  error of the data      E  error
"""

from __future__ import annotations

from typing import Any

from tracer.rules import Rule, rule

PENALTY = "penalty"  # the name of all of their rules


def _penalty(factor: str, size: str, slope: str, kink: str = "") -> Rule:
    times = f"{factor}*" if factor else ""
    own: dict[str, Any] = {"w_i": slope, "lambda": f"{times}sum({size})"}
    return rule(PENALTY, f"P = {times}lambda*sum({size})", kink=kink, **own)


#: By the kind and by whether it is halved.
PENALTIES: dict[tuple[str, bool], Rule] = {
    ("l1", True): _penalty("1/2", "abs(w_i)", "1/2*lambda*sign(w_i)", "0 at w = 0"),
    ("l1", False): _penalty("", "abs(w_i)", "lambda*sign(w_i)", "0 at w = 0"),
    ("l2", True): _penalty("1/2", "w_i^2", "lambda*w_i"),
    ("l2", False): _penalty("", "w_i^2", "2*lambda*w_i"),
}

PENALISED = rule("error with penalties", "E = d + sum(p_i)")
