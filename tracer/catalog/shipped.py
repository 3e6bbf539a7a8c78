"""Every rule that is ever differentiated: what `derived.json` holds."""

from __future__ import annotations

from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.cells import STATED
from tracer.catalog.losses import LOSSES
from tracer.catalog.penalties import PENALISED, PENALTIES
from tracer.catalog.sums import NETS, TOTALS, net
from tracer.catalog.vectors import STEPS, VECTORS
from tracer.rules import Rule


def shipped() -> tuple[Rule, ...]:
    """The rules whose partials are derived and proven once."""
    rules = (*ACTIVATIONS.values(), *LOSSES.values(), *TOTALS.values())
    parts = (*VECTORS.values(), *STEPS, *STATED, *PENALTIES.values(), PENALISED)
    return (*rules, *parts, *(net(formula) for formula in NETS))
