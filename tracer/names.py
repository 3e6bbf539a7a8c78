"""Finding a step by what a person types.

Exact names first; then ignoring spaces and underscores; then case too. `∂` is d, `⁺` and
`_new` are +, δ is delta, ẋ is dot_x; E, E_total and whatever the scenario calls the error are
one. `W_{1,1}` and `W(1,1)` are W[1,1], `w_{5}^{+}` is w5+.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate

from tracer import labels
from tracer.errors import LookupFailed, nearest
from tracer.labels import DOT, TANGENT
from tracer.program import Program

_SPELLINGS = (("∂", "d"), ("⁺", "+"), ("δ", "delta_"), ("·", ""))
_NEW = re.compile(r"(?:[_ ]?new|\^\+)$")
_RATIO = re.compile(r"d(.+?)/ *d(.+)")
_TIMES = str.maketrans("·×", "**")
_PLUS = re.compile(r"\^\{\+\}")  # W_{1,1}^{+}
_NUMBERS = r"\d+(?: *, *\d+)*"
_INDEX = re.compile(  # of an element: W_{1,1}, W(1,1), W_1,1, b_1
    rf"_?\{{({_NUMBERS})\}}|(?<=\w)\(({_NUMBERS})\)|(?<=\w)_({_NUMBERS})(?=$|[+^/ ])"
)
_LOWERED = re.compile(r"_\{(\w+)\}")  # w_{5}, E_{o1}
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
        products = self.spelled(typed.translate(_TIMES))
        indexed, joined = (self.spelled(form(typed)) for form in (_indexed, _joined))
        for spelling in dict.fromkeys((typed, self.spelled(typed), products, indexed, joined)):
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
        """The name in our letters: `∂E_total/∂w5` as dE/dw5, `w5_new` as w5+, `ẋ1` as dot_x1.

        What a formula is derived by may be in brackets: `df/d(w*x)`.
        """
        typed = _undotted(typed.strip())
        for other, ours in _SPELLINGS:
            typed = typed.replace(other, ours)
        typed = _NEW.sub("+", typed.strip())
        ratio = _RATIO.fullmatch(typed)
        if ratio:
            top, bottom = map(_bare, ratio.groups())
            whole = _fold(_tight(top)) in self._root_names
            return f"d{self._canonical if whole else top}/d{bottom}"
        moved = typed.removeprefix(TANGENT)
        if moved != typed and _fold(_tight(moved)) in self._root_names:
            return f"{TANGENT}{self._canonical}"
        return typed


@lru_cache(maxsize=32)
def names_of(program: Program) -> Names:
    """The names of a program, prepared once."""
    return Names(program)


def _undotted(typed: str) -> str:
    """A name with a dot above its first letter as we write it."""
    plain = unicodedata.normalize("NFD", typed)
    if DOT not in plain[1:4]:
        return typed
    return TANGENT + unicodedata.normalize("NFC", plain.replace(DOT, "", 1))


def _indexed(typed: str) -> str:
    """An element as we write it: `W_{1,1}^{+}` and `W(1,1)+` as W[1,1]+."""
    return _INDEX.sub(lambda m: f"[{next(filter(None, m.groups()))}]", _PLUS.sub("+", typed))


def _joined(typed: str) -> str:
    """A name whose end is set lower: `w_{5}^{+}` as w5+."""
    return _LOWERED.sub(r"\1", _PLUS.sub("+", typed))


def _bare(part: str) -> str:
    """A text without brackets around all of it."""
    part = part.strip()
    inside = part[1:-1]
    opened = accumulate({"(": 1, ")": -1}.get(c, 0) for c in inside)
    return inside if part[:1] + part[-1:] == "()" and min(opened, default=0) >= 0 else part


def _tight(name: str) -> str:
    return _GAP.sub("\0", name).replace(" ", "").replace("_", "").replace("\0", "_")


def _fold(name: str) -> str:
    return name.casefold()


def _by(names: dict[str, int], key: Callable[[str], str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for name, cell in names.items():
        found.setdefault(key(name), []).append(cell)
    return found
