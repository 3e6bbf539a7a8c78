"""An independent reader of printed mathematics: LaTeX back to numbers, with mpmath.

It knows nothing of tracer: it finds the displayed lines of a page, cuts them at = and ≈, and
computes every side that is made of numbers alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import mpmath

mpmath.mp.dps = 50


@dataclass(frozen=True)
class Printed:
    """One side-by-side claim of a page: `numbers sign value`."""

    line: str
    numbers: str
    sign: str  # "=" or "≈"
    value: str


def displayed(page: str) -> list[str]:
    """Displayed lines of a Markdown or LaTeX page, rows of an alignment joined, and tangents."""
    if r"\documentclass" not in page:
        lines = [m.strip() for m in re.findall(r"^\$\$\n(.*?)\n\$\$$", page, re.S | re.M)]
        return lines + re.findall(r"^\| .*\| \$([^$]*\\dot [^$]*)\$ \|$", page, re.M)
    single = re.findall(r"\\\[ (.*?) \\\]", page, re.S)
    rows = re.findall(r"\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}", page, re.S)
    joined = [row.replace(r"\qquad {}", "").replace("&", " ") for row in rows]
    claims = [row for row in joined if re.search(r"=[^=]*\d\.\d|= -?\d+$", row)]
    tangents = re.findall(r"& \$([^$]*\\dot [^$]*)\$ \\\\\[4pt\]$", page, re.M)
    return single + [re.sub(r"\\\\(\[4pt\])?\n", " ", row) for row in claims] + tangents


def claims(page: str) -> list[Printed]:
    """Every printed pair of numbers and value."""
    found = []
    for line in displayed(page):
        line = line.replace(r"\mathrm{round}", r"\round")
        line = re.sub(r"\[([^\[\]=]*) = ([^\[\]=]*)\]", r"[\1 \\same \2]", line)
        sides = re.split(r"(?: |^)(=|\\approx)(?= )", line)
        texts, signs = [s.strip() for s in sides[::2]], sides[1::2]
        for left, sign, right in zip(texts, signs, texts[1:], strict=False):
            if is_numeric(left) and is_numeric(right):
                found.append(Printed(line, left, "≈" if "approx" in sign else "=", right))
    return found


_FUNCTIONS = "max|min|exp|ln|sin|cos|tan|tanh|sqrt|pi|lvert|rvert"
_NAMED = r"\\mathrm\{(erf|sign)\}"
_WORDS = rf"\\(?:round|frac|times|left|right|cdot|ge|same|log_|{_FUNCTIONS})(?![A-Za-z])|{_NAMED}"


def is_numeric(side: str) -> bool:
    """Whether a side holds no symbol of the author's."""
    rest = re.sub(_WORDS, " ", side)
    rest = re.sub(r"e\^", " ", rest)
    return bool(re.search(r"\d", rest)) and not re.search(r"[A-Za-z\\]", rest)


def value_of(side: str) -> mpmath.mpf:
    """What a numeric side comes to, at fifty digits."""
    names = {
        "exp": mpmath.exp, "tanh": mpmath.tanh, "sqrt": mpmath.sqrt, "mpf": mpmath.mpf, "max": max,
        "ln": mpmath.ln, "lg": mpmath.log10, "sin": mpmath.sin, "cos": mpmath.cos, "min": min,
        "tan": mpmath.tan, "erf": mpmath.erf, "sign": mpmath.sign, "abs": abs, "pi": mpmath.pi,
        "round": lambda x, places: mpmath.nint(x * 10**places) / 10**places,
    }  # fmt: skip
    return eval(_python(side), {"__builtins__": {}}, names)


def _python(side: str) -> str:
    text = side.replace(r"\left", "").replace(r"\right", "").replace("{}", "")
    text = text.replace(r"\log_{10}", "lg").replace(r"\lvert", "abs(").replace(r"\rvert", ")")
    text = re.sub(_NAMED, r"\1", text)
    while found := re.search(r"\\frac\{", text):
        top, middle = _braced(text, found.end() - 1)
        bottom, end = _braced(text, middle)
        text = f"{text[: found.start()]}(({top})/({bottom})){text[end:]}"
    while found := re.search(r"e\^\{", text):
        inner, end = _braced(text, found.end() - 1)
        text = f"{text[: found.start()]}exp({inner}){text[end:]}"
    text = re.sub(r"\[([^\[\]>]+)>([^\[\]>]+)\]", r"(1 if (\1) > (\2) else 0)", text)
    text = re.sub(r"\[([^\[\]]+)\\ge([^\[\]]+)\]", r"(1 if (\1) >= (\2) else 0)", text)
    text = re.sub(r"\[([^\[\]]+)\\same([^\[\]]+)\]", r"(1 if (\1) == (\2) else 0)", text)
    text = text.replace(r"\times", "*").replace(r"\cdot", "*").replace("^", "**")
    text = text.replace("{", "(").replace("}", ")").replace("\\", "")
    return re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)", r"mpf('\1')", text)


def _braced(text: str, at: int) -> tuple[str, int]:
    depth = 0
    for end in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if not depth:
            return text[at + 1 : end], end + 1
    raise AssertionError(f"unbalanced: {text}")


def half_unit(value: str) -> mpmath.mpf:
    """Half a unit of the last digit printed."""
    found = re.search(r"\d+(?:\.(\d+))?(?: \\times 10\^\{(-?\d+)\})?", value)
    assert found, value
    return mpmath.mpf(10) ** (int(found[2] or 0) - len(found[1] or "")) / 2


def is_true(claim: Printed) -> bool:
    """Whether the printed numbers give the printed value, a final 5 rounded away from zero."""
    exact, shown = value_of(claim.numbers), value_of(claim.value)
    gap = (abs(exact) - abs(shown)) / half_unit(claim.value)
    noise = mpmath.mpf(10) ** -30
    return -1 - noise <= gap < 1 - noise and exact * shown >= 0
