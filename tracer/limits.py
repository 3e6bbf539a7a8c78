"""How large a network may be: within some gigabytes and a minute."""

from __future__ import annotations

MAX_STEPS = 1_000_000  # of a program, givens included
MAX_OPERANDS = 5_000_000  # of all steps together
MAX_REACHED = 100_000_000  # steps times outputs, of which every pair is looked at
