"""The derivation in index notation as a page: Markdown, a part of a LaTeX document, plain text.

The words are those of the template `indexed.prose`, the equations those of `index_derivation`;
in both, what stands between backquotes is maths.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

from tracer.errors import UsageError, nearest
from tracer.indexed.check import DEEP_SIZES, DIGITS, SIZES
from tracer.indexed.derivation import EQUATIONS
from tracer.indexed.notation import inline, latex, parse
from tracer.markup import environment

FORMATS = ("md", "tex", "txt")
WIDTH = 100  # columns of a terminal
SECTIONS = ("part", "section", "subsection", "subsubsection")  # LaTeX for levels 1 to 4

#: What may stand between two formulas, in LaTeX.
_RELATIONS = {" = ": " = ", " < ": " < ", ", ": ", ", " ∈ ": r" \in ", " → ": r" \to "}
_RELATION = re.compile("|".join(_RELATIONS))


def index_page(format: str = "md", level: int = 2) -> str:
    """The derivation of the gradients for two layers and for any number of them.

    level     of the headings: `##` or `\\section` is 2
    raises    UsageError for another format, or a level that is not 1 to 4
    """
    if format not in FORMATS:
        raise UsageError(f"no format {format!r}{nearest(format, FORMATS)}; there are md, tex, txt")
    if not 1 <= level <= len(SECTIONS):
        raise UsageError(f"level={level}: expected 1 to {len(SECTIONS)}")
    said = _in_text if format == "txt" else _in_latex
    filters: dict[str, Callable[[str], str]] = {
        "said": said,
        "maths": lambda formula: latex(parse(formula)),
        "paragraph": lambda words: _paragraph(said(words), format),
    }
    page = (
        environment(filters)
        .get_template(f"indexed.{format}")
        .render(
            equations={equation.name: equation for equation in EQUATIONS},
            level=level,
            command=SECTIONS[level - 1],
            row=_row,
            digits=DIGITS,
            sizes=_listed(SIZES),
            deep_sizes=_listed(DEEP_SIZES),
        )
    )
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def _listed(sizes: tuple[tuple[int, ...], ...]) -> str:
    """2-3-2, 1-1-1 and 3-2-4"""
    *before, last = ("-".join(map(str, units)) for units in sizes)
    return f"{', '.join(before)} and {last}"


def _in_text(words: str) -> str:
    return words.replace("`", "")


def _in_latex(words: str) -> str:
    return re.sub("`(.+?)`", lambda found: f"${_inline(found[1])}$", words)


def _inline(maths: str) -> str:
    """A formula, or several with relations between them: `l = 1, …, L`."""
    formulas = (r"\ldots" if m == "…" else inline(parse(m)) for m in _RELATION.split(maths))
    relations = (_RELATIONS[m] for m in _RELATION.findall(maths))
    return next(formulas) + "".join(r + f for r, f in zip(relations, formulas, strict=True))


def _paragraph(words: str, format: str) -> str:
    line = " ".join(words.split())
    return ("\n".join(_wrapped(line, WIDTH)) if format == "txt" else line) + "\n\n"


def _row(left: str, right: str, column: int) -> str:
    """Two columns; what is too long on the left pushes the right one to the next line."""
    lines, reasons = _broken(left), _wrapped(right, WIDTH - column)
    if len(lines[-1]) <= column - 2:
        lines[-1] = lines[-1].ljust(column) + reasons.pop(0)
    return "\n".join([*lines, *(" " * column + reason for reason in reasons)])


def _broken(line: str) -> list[str]:
    """A line too long for a terminal is broken before a product sign."""
    if len(line) <= WIDTH:
        return [line]
    at = line.rindex(" · ", 0, WIDTH)
    return [line[:at], " " * (line.index("=") + 1) + line[at:]]


def _wrapped(words: str, width: int) -> list[str]:
    return textwrap.wrap(words, width, break_on_hyphens=False)
