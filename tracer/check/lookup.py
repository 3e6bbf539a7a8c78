"""Steps by the names that a class calls them, looked up once."""

from __future__ import annotations

from functools import lru_cache

from tracer.errors import LookupFailed
from tracer.names import names_of
from tracer.program import Program


def cell_of(program: Program, name: str) -> int:
    """The cell meant by a name; all of a class call the same things by the same names.

    raises    LookupFailed
    """
    found = _looked_up(program, name)
    if isinstance(found, str):
        raise LookupFailed(found)
    return found


@lru_cache(maxsize=20_000)
def _looked_up(program: Program, name: str) -> int | str:
    try:
        return names_of(program).find(name)
    except LookupFailed as wrong:
        return str(wrong)
