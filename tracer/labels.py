"""How a step is called: a name to look it up, a text for a terminal, a symbol in LaTeX.

Own("Out_h1", "Out h1")            Out_h1         Out h1        \\mathrm{Out}\\ h_{1}
Derivative(E, w5)                  dE/dw5         ∂E/∂w5        \\frac{\\partial E}{\\partial w_{5}}
Derivative(E, b1, "via h2")        dE/db1 via h2  ∂E/∂b1 via h2
Updated(w5)                        w5+            w5⁺           w_{5}^{+}
Delta(y1)                          delta_y1       δ(y1)         \\delta_{y_{1}}
OfSample(E)                        E_n            E(n)          E^{(n)}
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from tracer.printers import ATOM, POWER, QUOTIENT, Leaf


@dataclass(frozen=True, slots=True)
class Own:
    """A name of the author's."""

    name: str
    shown: str = ""  # with the author's spaces; the name if empty
    tex: str = ""  # the author's own symbol, checked when the scenario is read


@dataclass(frozen=True, slots=True)
class Derivative:
    top: Label
    bottom: Label
    note: str = ""  # "via h2": one of several contributions; "place 1": one of two operands


@dataclass(frozen=True, slots=True)
class Updated:
    of: Label


@dataclass(frozen=True, slots=True)
class Delta:
    of: Label


@dataclass(frozen=True, slots=True)
class OfSample:
    """A step of one sample whose batch has a step of the same name: E_n of E."""

    of: Label


Label = Own | Derivative | Updated | Delta | OfSample

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ",
    "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ",
    "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
_LETTERS = {letter: name for name, letter in GREEK.items()}


def name(label: Label) -> str:
    """The canonical name: ASCII where the author's name is, no spaces of its own."""
    match label:
        case Own(own):
            return own
        case Derivative(top, bottom, note):
            return f"d{name(top)}/d{name(bottom)}" + (f" {note}" if note else "")
        case Updated(of):
            return f"{name(of)}+"
        case Delta(of):
            return f"delta_{name(of)}"
        case OfSample(of):
            return f"{name(of)}_n"


def text(label: Label) -> str:
    """The label as a terminal shows it."""
    match label:
        case Own(own, shown):
            return GREEK.get(own, shown or own)
        case Derivative(top, bottom, note):
            return f"∂{text(top)}/∂{text(bottom)}" + (f" {note}" if note else "")
        case Updated(of):
            return f"{text(of)}⁺"
        case Delta(of):
            return f"δ({text(of)})"
        case OfSample(of):
            return f"{text(of)}(n)"


def latex(label: Label) -> str:
    """The label's symbol in LaTeX, safe inside Markdown."""
    match label:
        case Own(own, shown, tex):
            return _TURNED.sub(r"\2\1", tex) or r"\ ".join(_word(w) for w in (shown or own).split())
        case Derivative(top, bottom, note):
            fraction = rf"\frac{{\partial {latex(top)}}}{{\partial {latex(bottom)}}}"
            return fraction + (rf"\ ({_note(note)})" if note else "")
        case Updated(of):
            return _raise(latex(of), "+")
        case Delta(of):
            return rf"\delta_{{{latex(of)}}}"
        case OfSample(of):
            return _raise(latex(of), "(n)")


def _note(note: str) -> str:
    """`via net_h1 place 2` in LaTeX: our words as text, the author's names as symbols."""
    ours = ("via", "place", "direct")
    words = (rf"\text{{{w}}}" if w in ours else _word(w) for w in note.split())
    return r"\ ".join(words)


#: A raised and a lowered part in the order that Markdown does not take for emphasis.
_TURNED = re.compile(r"(\^(?:\{[^{}]*\}|[^{}\\]))(_(?:\{[^{}]*\}|[^{}\\]))")

_LETTER = "[" + "".join(GREEK.values()) + "]"
ACCENTS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar"}  # combining marks
_ACCENT = "[" + "".join(ACCENTS) + "]"
_WORD = re.compile(
    rf"([A-Za-z]+?|{_LETTER})({_ACCENT}?)('*)_?(\d\w*|(?<=_)\w+)?((?:\[[^\]]*\])?)('*)"
)


def _word(word: str) -> str:
    """`w5` → w_{5}, `net_h1` → \\mathrm{net_{h1}}, `eta` → \\eta, `W1[2,3]` → \\mathrm{W1_{2,3}}.

    `ŷ` and `y_hat` are \\hat y, `h'1` is h'_{1}.
    """
    word = unicodedata.normalize("NFD", word)
    found = _WORD.fullmatch(word)
    if not found:
        return rf"\mathrm{{{_latin(word.replace('_', ''))}}}"
    base, mark, inner_primes, sub, index, primes = found.groups()
    accent = ACCENTS.get(mark, "")
    if sub in ACCENTS.values():
        accent, sub = sub, ""
    if sub and index:  # the indices of an element stand alone below the matrix's own name
        base, sub = f"{base}{sub.replace('_', '')}", ""
    base = _LETTERS.get(base, base)
    below = (sub or "").replace("_", ",") or index[1:-1]
    below = f"_{{{_latin(below)}}}" if below else ""
    single = base in GREEK or len(base) == 1
    symbol = rf"\{base}" if base in GREEK else base
    if accent:
        symbol = rf"\{accent} {symbol}"  # no braces: Markdown takes }_{ for emphasis
    symbol += inner_primes + below
    return (symbol if single else rf"\mathrm{{{symbol}}}") + primes


def _latin(text: str) -> str:
    """Text whose Greek letters and accents are LaTeX commands."""
    plain = re.sub(rf"(.)({_ACCENT})", lambda m: rf"\{ACCENTS[m[2]]} {m[1]}", text)
    return "".join(rf"\{_LETTERS[c]} " if c in _LETTERS else c for c in plain)


def _raise(symbol: str, mark: str) -> str:
    return f"{{{symbol}}}^{{{mark}}}" if _raised(symbol) else f"{symbol}^{{{mark}}}"


def _raised(symbol: str) -> bool:
    """Whether a symbol ends with a superscript, so that TeX refuses another."""
    return "^" in symbol or "'" in symbol


def text_leaf(label: Label) -> Leaf:
    """The label as an operand in a line of text."""
    return Leaf(text(label), QUOTIENT + 1 if isinstance(label, Derivative) else ATOM)


def latex_leaf(label: Label) -> Leaf:
    """The label as an operand in a LaTeX formula."""
    symbol = latex(label)
    return Leaf(symbol, POWER if isinstance(label, Derivative) or _raised(symbol) else ATOM)
