"""How a step is called: a name to look it up, a text for a terminal, a symbol in LaTeX.

Own("Out_h1", "Out h1")            Out_h1         Out h1        \\mathrm{Out}\\ h_{1}
Derivative(E, w5)                  dE/dw5         ∂E/∂w5        \\frac{\\partial E}{\\partial w_{5}}
Derivative(E, b1, "via h2")        dE/db1 via h2  ∂E/∂b1 via h2
Updated(w5)                        w5+            w5⁺           w_{5}^{+}
Delta(y1)                          delta_y1       δ(y1)         \\delta_{y_{1}}
OfSample(E)                        E_n            E(n)          E^{(n)}
Tangent(h1)                        dot_h1         ḣ1            \\dot h_{1}
Belonging(m_hat, w5)               m_hat_w5       m_hat_w5      \\hat m_{w_{5}}
Version(c, 1)                      c#1            c#1           c^{[1]}
Gate("w*x", …)                     w*x            w · x         w \\cdot x
Part(f, 2)                         f.2            f.2           f.2
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from tracer.errors import FormulaError
from tracer.expression import Expr, Neg, names
from tracer.parsing import parse
from tracer.printers import ATOM, LATEX, POWER, QUOTIENT, TEXT, Leaf, Text, fill, template


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


@dataclass(frozen=True, slots=True)
class Tangent:
    """How fast a step changes in the direction that the givens are moved in."""

    of: Label


@dataclass(frozen=True, slots=True)
class Belonging:
    """What there is of every parameter: m_w5, the m of w5."""

    what: Own
    to: Label


@dataclass(frozen=True, slots=True)
class Version:
    """What a name stood for before it was bound again."""

    of: Label
    number: int  # from 1


@dataclass(frozen=True, slots=True)
class Gate:
    """A part of a formula that is called as it is written."""

    name: str
    formula: Expr
    names: tuple[Label, ...]  # what it is made of, in the order of its names


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a formula that is too long to be called as it is written."""

    of: Label  # what the formula stands for
    number: int  # from 1


Label = Own | Derivative | Updated | Delta | OfSample | Tangent | Belonging | Version | Gate | Part

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ",
    "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ",
    "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
_LETTERS = {letter: name for name, letter in GREEK.items()}
TANGENT, DOT = "dot_", "\u0307"  # what a tangent's name starts with; a dot above a letter


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
        case Tangent(of):
            return f"{TANGENT}{name(of)}"
        case Belonging(what, to):
            return f"{name(what)}_{name(to)}"
        case Version(of, number):
            return f"{name(of)}#{number}"
        case Gate(own):
            return own
        case Part(of, number):
            return f"{name(of)}.{number}"


def text(label: Label) -> str:
    """The label as a terminal shows it."""
    match label:
        case Own(own, shown):
            return GREEK.get(own, shown or own)
        case Derivative(top, bottom, note):
            return f"∂{alone(top, text)}/∂{alone(bottom, text)}" + (f" {note}" if note else "")
        case Updated(of):
            return f"{text(of)}⁺"
        case Delta(of):
            return f"δ({text(of)})"
        case OfSample(Derivative() as of):
            return f"({text(of)})(n)"
        case OfSample(of):
            return f"{text(of)}(n)"
        case Tangent(of):
            whole = alone(of, text)
            if not whole[0].isalpha():
                return f"{whole}˙"
            return unicodedata.normalize("NFC", f"{whole[0]}{DOT}{whole[1:]}")
        case Belonging(what, to):
            return f"{text(what)}_{text(to)}"
        case Version(of, number):
            return f"{text(of)}#{number}"
        case Gate():
            return _filled(label, TEXT, text_leaf)
        case Part(of, number):
            return f"{text(of)}.{number}"


def latex(label: Label) -> str:
    """The label's symbol in LaTeX, safe inside Markdown."""
    match label:
        case Own(own, shown, tex):
            return _TURNED.sub(r"\2\1", tex) or r"\ ".join(_word(w) for w in (shown or own).split())
        case Derivative(top, bottom, note):
            above, below = alone(top, latex), alone(bottom, latex)
            fraction = rf"\frac{{\partial {above}}}{{\partial {below}}}"
            return fraction + (rf"\ ({_note(note)})" if note else "")
        case Updated(of):
            return _raise(latex(of), "+")
        case Delta(of):
            return rf"\delta_{{{latex(of)}}}"
        case OfSample(Derivative() as of):
            return rf"\left({latex(of)}\right)^{{(n)}}"
        case OfSample(of):
            return _raise(latex(of), "(n)")
        case Tangent(OfSample(of)):
            return latex(OfSample(Tangent(of)))
        case Tangent(of):
            return _dotted(alone(of, latex))
        case Belonging(what, to):
            return _below(latex(what), latex(to))
        case Version(of, number):
            return _raise(latex(of), f"[{number}]")
        case Gate():
            return _filled(label, LATEX, latex_leaf)
        case Part(of, number):
            return f"{latex(of)}.{number}"


def alone(label: Label, written: Callable[[Label], str]) -> str:
    """A label where it stands behind a sign: a formula in brackets."""
    return f"({written(label)})" if isinstance(label, Gate) else written(label)


def _filled(gate: Gate, language: Text, leaf: Callable[[Label], Leaf]) -> str:
    """A gate's formula with the labels of what it is made of."""
    found = dict(zip(names(gate.formula), map(leaf, gate.names), strict=True))
    return fill(template(gate.formula, language), found.__getitem__)


def _note(note: str) -> str:
    """`via net_h1 place 2` in LaTeX: our words as text, the author's names as symbols."""
    ours = ("via", "samples", "short", "place", "direct", "forward")
    words = (rf"\text{{{w}}}" if w in ours else _step(w) for w in note.split())
    return r"\ ".join(words)


_PART = re.compile(r"([^\W\d][\w'#]*)\.(\d+)")
_NUMBER = re.compile(r"#(\d+)")  # of a version; in a formula that can be read it is __1__
_OLD = re.compile(r"(.*)__(\d+)__")


def _step(called: str) -> str:
    """The symbol of a step by its name: a part of a formula, a version, or a plain name."""
    if part := _PART.fullmatch(called):
        return f"{_step(part[1])}.{part[2]}"
    try:
        formula = parse(_NUMBER.sub(r"__\1__", called))
    except FormulaError:  # a name with a hat, or a prime
        return _word(called)

    def leaf(word: str) -> Leaf:
        old = _OLD.fullmatch(word)
        return latex_leaf(Version(Own(old[1]), int(old[2])) if old else Own(word))

    return fill(template(formula, LATEX), leaf)


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
    if sub and index and not sub.isalpha():  # indices stand alone below the matrix's own name
        base, sub = f"{base}{sub.replace('_', '')}", ""
    base = _LETTERS.get(base, base)
    below = ",".join(filter(None, ((sub or "").replace("_", ","), index[1:-1])))
    below = f"_{{{_latin(below)}}}" if below else ""
    single = base in GREEK or len(base) == 1
    symbol = rf"\{base}" if base in GREEK else base
    if accent:
        symbol = rf"\{accent} {symbol}"  # no braces: Markdown takes }_{ for emphasis
    symbol += inner_primes + below
    return (symbol if single else rf"\mathrm{{{symbol}}}") + primes


def whole(own: str, shown: str) -> Own:
    """A matrix, called as its elements are: h0[1] is \\mathrm{h0_{1}}, so that h0 is no h_{0}."""
    return Own(own, shown, _word(f"{own}[1]").replace("_{1}", "") if own[-1].isdigit() else "")


def _latin(text: str) -> str:
    """Text whose Greek letters and accents are LaTeX commands."""
    plain = re.sub(rf"(.)({_ACCENT})", lambda m: rf"\{ACCENTS[m[2]]} {m[1]}", text)
    return "".join(rf"\{_LETTERS[c]} " if c in _LETTERS else c for c in plain)


def _raise(symbol: str, mark: str) -> str:
    return f"{{{symbol}}}^{{{mark}}}" if _raised(symbol) else f"{symbol}^{{{mark}}}"


def _below(symbol: str, index: str) -> str:
    """A symbol with a further index: m_{w}, s_{fix,w}, \\mathrm{cache_{w}}."""
    if symbol.startswith(r"\mathrm{") and symbol.endswith("}"):
        return rf"\mathrm{{{_below(symbol[8:-1], index)}}}"
    if "_{" in symbol and symbol.endswith("}"):
        return f"{symbol[:-1]},{index}}}"
    return f"{symbol}_{{{index}}}"


#: What opens a symbol, and the letter it starts with, which may be a command.
_FIRST = re.compile(
    r"((?:(?:\\math(?:rm|bf|it))?\{)*)(?:[A-Za-z]|\\(?!math|hat|bar|tilde|vec|text))"
)


def _dotted(symbol: str) -> str:
    """A symbol with a dot over its first letter; over all of it where that has an accent."""
    found = _FIRST.match(symbol)
    if not found:
        return rf"\dot{{{symbol}}}"
    return rf"{found[1]}\dot {symbol[found.end(1) :]}"


def _raised(symbol: str) -> bool:
    """Whether a symbol ends with a superscript, so that TeX refuses another."""
    return "^" in symbol or "'" in symbol


def text_leaf(label: Label) -> Leaf:
    """The label as an operand in a line of text."""
    if isinstance(label, Gate):
        return _gate_leaf(label, TEXT, text(label))
    return Leaf(text(label), QUOTIENT + 1 if isinstance(label, Derivative) else ATOM)


def latex_leaf(label: Label) -> Leaf:
    """The label as an operand in a LaTeX formula."""
    symbol = latex(label)
    if isinstance(label, Gate):
        return _gate_leaf(label, LATEX, symbol)
    loose = isinstance(label, Derivative | Part) or _raised(symbol)
    return Leaf(symbol, POWER if loose else ATOM)


def _gate_leaf(gate: Gate, language: Text, symbol: str) -> Leaf:
    return Leaf(symbol, language.level(gate.formula), isinstance(gate.formula, Neg))
