"""How a parameter is updated.

w  parameter      g  its gradient      eta  learning rate      v  the updated parameter
"""

from __future__ import annotations

from tracer.rules import rule

DESCENT = rule("gradient descent", "v = w - eta*g")
