"""A label's symbol as runs of text in one style, for languages without LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from tracer import labels
from tracer.labels import GREEK, Label


@dataclass(frozen=True)
class Run:
    """A piece of a symbol in one style; sizes in em of the symbol."""

    text: str
    italic: bool
    size: float = 1.0
    rise: float = 0.0  # of its baseline, upwards


@dataclass(frozen=True)
class _Style:
    upright: bool = False
    size: float = 1.0
    rise: float = 0.0
    accent: str = ""


_FONTS = {r"\mathrm": True, r"\text": True, r"\mathbf": True, r"\mathit": False}
_ACCENTS = {
    r"\hat": "\u0302", r"\bar": "\u0304", r"\tilde": "\u0303", r"\vec": "\u20d7",
    r"\dot": "\u0307",
}  # fmt: skip
_LETTERS = {rf"\{name}": letter for name, letter in GREEK.items()} | {
    r"\varepsilon": "ε", r"\Delta": "Δ", r"\Sigma": "Σ", r"\ell": "ℓ", r"\prime": "′",
    r"\ ": " ", r"\thinspace": " ", r"\quad": " ", "'": "′", "-": "−",
}  # fmt: skip
_TOKEN = re.compile(r"\\(?:[A-Za-z]+| )|.", re.DOTALL)


def runs(label: Label) -> tuple[Run, ...]:
    """A label's symbol as its LaTeX has it: `w5` is an italic w and a lowered 5."""
    if isinstance(label, labels.Derivative):
        return (Run(labels.text(label), False),)
    style, after, outside = _Style(), None, list[_Style]()
    pieces: list[Run] = []
    for token in _TOKEN.findall(labels.latex(label)):
        now = after or style
        if token == "{":
            outside.append(style)
            style, after = now, None
        elif token == "}":
            style, after = outside.pop() if outside else style, None
        elif changed := _restyled(token, now):
            after = changed
        elif token != " " or now.upright:
            piece = _LETTERS.get(token, token) + now.accent
            italic = piece[0].isalpha() and not now.upright
            pieces.append(Run(piece, italic, now.size, now.rise))
            after = None
    return _joined(pieces)


def _restyled(token: str, now: _Style) -> _Style | None:
    """The style a token gives to what follows it; None for a letter."""
    if token in ("_", "^"):
        rise = now.rise + now.size * (0.38 if token == "^" else -0.24)
        return replace(now, size=0.72 * now.size, rise=rise)
    if token in _FONTS:
        return replace(now, upright=_FONTS[token])
    return replace(now, accent=_ACCENTS[token]) if token in _ACCENTS else None


def _joined(pieces: Sequence[Run]) -> tuple[Run, ...]:
    styles = groupby(pieces, key=lambda piece: (piece.italic, piece.size, piece.rise))
    return tuple(Run("".join(p.text for p in same), *style) for style, same in styles)


_NARROW, _BROAD = frozenset("fijlrt.,:;'′|()[] I"), frozenset("mwMW@%−+=—")


def breadth(label: Label, size: float) -> float:
    """Roughly how wide a label is, in px, in the widest of the usual sans-serif fonts."""
    return sum(text_breadth(run.text, run.size * size) for run in runs(label))


def text_breadth(text: str, size: float) -> float:
    """Roughly how wide a text is, in px."""
    return size * sum(0.41 if c in _NARROW else 0.94 if c in _BROAD else 0.65 for c in text)


def fitted(label: Label, size: float, room: float) -> float:
    """The font size at which a label fits into a room."""
    wide = breadth(label, size)
    return size * min(1.0, room / wide) if wide else size
