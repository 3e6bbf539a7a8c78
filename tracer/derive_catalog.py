"""Write `derived.json`: `python -m tracer.derive_catalog`. A test holds it current."""

from __future__ import annotations

import json

from tracer.catalog.shipped import shipped
from tracer.rules import DERIVED, derive, inputs, key_of


def derived() -> str:
    """The partials of every shipped rule, derived and proven now, as JSON."""
    found = {key_of(r, formal): derive(r, formal) for r in shipped() for formal in inputs(r)}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DERIVED.write_text(derived(), "utf-8")
