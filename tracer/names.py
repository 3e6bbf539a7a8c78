"""Finding a step by what a person types.

Exact names first; then ignoring spaces and underscores; then case too. `∂` is d, `⁺` and
`_new` are +, δ is delta; E, E_total and whatever the scenario calls the error are one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from tracer import labels
from tracer.errors import LookupFailed, nearest
from tracer.program import Program

_SPELLINGS = (("∂", "d"), ("⁺", "+"), ("δ", "delta_"), ("·", ""))
_NEW = re.compile(r"(?:[_ ]?new|\^\+)$")
_RATIO = re.compile(r"d(.+?)/ *d(.+)")
_GAP = re.compile(r"(?<=\d)_(?=\d)")  # w1_1 is not w11


class Names:
    """The names of one program, ready to be looked up."""

    def __init__(self, program: Program) -> None:
        self._exact = {**program.index, **program.aliases}
        shown = ((labels.text(program.label(c)), c) for c in program.index.values())
        for text, cell in shown:
            self._exact.setdefault(text, cell)
        for name in program.root_names if program.root is not None else ():
            self._exact.setdefault(name, program.root or 0)
        self._root_names = {_fold(_tight(name)) for name in program.root_names}
        self._canonical = program.step(program.root).name if program.root is not None else ""
        self.listed = tuple(program.index)  # every step, in order
        self._tight = _by(self._exact, _tight)
        self._folded = _by(self._exact, lambda name: _fold(_tight(name)))

    def find(self, typed: str) -> int:
        """The cell meant by `typed`.

        raises    LookupFailed: unknown (with the nearest name) or ambiguous (with all)
        """
        if not isinstance(typed, str):
            raise LookupFailed(f"a name is a text, not {typed!r}")
        for spelling in dict.fromkeys((typed, self.spelled(typed))):
            if spelling in self._exact:
                return self._exact[spelling]
            for table, key in (
                (self._tight, _tight(spelling)),
                (self._folded, _fold(_tight(spelling))),
            ):
                cells = table.get(key, [])
                if len(set(cells)) == 1:
                    return cells[0]
                if cells:
                    names = ", ".join(n for n, c in self._exact.items() if c in cells)
                    raise LookupFailed(f"{typed!r} may be any of: {names}")
        raise LookupFailed(f"no step is called {typed!r}{nearest(typed, self._exact)}")

    def get(self, typed: str) -> int | None:
        """The cell meant by `typed`, or None."""
        try:
            return self.find(typed)
        except LookupFailed:
            return None

    def spelled(self, typed: str) -> str:
        """The name in our letters: `∂E_total/∂w5` as dE/dw5, `w5_new` as w5+."""
        for other, ours in _SPELLINGS:
            typed = typed.replace(other, ours)
        typed = _NEW.sub("+", typed.strip())
        ratio = _RATIO.fullmatch(typed)
        if ratio and _fold(_tight(ratio[1])) in self._root_names:
            return f"d{self._canonical}/d{ratio[2].strip()}"
        return typed


@lru_cache(maxsize=32)
def names_of(program: Program) -> Names:
    """The names of a program, prepared once."""
    return Names(program)


def _tight(name: str) -> str:
    return _GAP.sub("\0", name).replace(" ", "").replace("_", "").replace("\0", "_")


def _fold(name: str) -> str:
    return name.casefold()


def _by(names: dict[str, int], key: Callable[[str], str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for name, cell in names.items():
        found.setdefault(key(name), []).append(cell)
    return found
