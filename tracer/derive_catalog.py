"""Write `derived.json`: `python -m tracer.derive_catalog`. A test holds it current."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tracer.catalog.shipped import shipped
from tracer.errors import RuleError
from tracer.rules import DERIVED, derive, has_group, inputs, key_of, prove_stable, stable_key


def derived() -> str:
    """The partials of every shipped rule, derived and proven now, as JSON."""
    found = dict(_partials())
    found |= {stable_key(r): prove_stable(r) for r in shipped() if r.stable}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _partials() -> Iterator[tuple[str, str]]:
    """Key and text of every partial that is one formula for groups of every size."""
    for r in shipped():
        for formal in inputs(r):
            try:
                yield key_of(r, formal), derive(r, formal)
            except RuleError:
                if formal in r.teaching or not has_group(r):
                    raise


if __name__ == "__main__":
    DERIVED.write_text(derived(), "utf-8")
