"""Templates and prose: one environment for all of them, and a scenario's words made harmless."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tracer.labels import GREEK
from tracer.shipped import folder

Filters = Mapping[str, Callable[..., Any]]

#: LaTeX is full of braces and per cents.
_TEX_DELIMITERS: dict[str, Any] = {
    "block_start_string": "<%", "block_end_string": "%>", "variable_start_string": "<<",
    "variable_end_string": ">>", "comment_start_string": "<#", "comment_end_string": "#>",
}  # fmt: skip


def environment(filters: Filters, *, latex: bool = False, xml: bool = False) -> Environment:
    """The shipped templates, strict about names; only XML is escaped without being asked.

    In Markdown and LaTeX a scenario's words go through the filter `prose`.
    """
    found = Environment(
        loader=FileSystemLoader(folder("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=xml,
        **(_TEX_DELIMITERS if latex else {}),
    )
    found.filters.update(filters)
    return found


_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|$~])")
_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "∂": r"$\partial$", "≈": r"$\approx$", "×": r"$\times$", "−": "$-$", "⁺": "$^{+}$",
    **{letter: rf"$\{name}$" for name, letter in GREEK.items()},
}  # fmt: skip
_MINUS = re.compile(r"(?<![\w$)])-(?=[\w.$])")
_LATIN = 0x180  # letters below it are in every LaTeX font


def markdown(text: str) -> str:
    """A text as Markdown prose."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def latex(text: str) -> str:
    """A text as LaTeX prose; what a plain LaTeX cannot print becomes a question mark."""
    plain = "".join(_TEX.get(c, c) for c in " ".join(text.split()))
    plain = _MINUS.sub("$-$", plain)
    return "".join(c if ord(c) < _LATIN or c in "–—‘’“”…" else "?" for c in plain)


def latex_url(text: str) -> str:
    """An address inside \\href."""
    return text.replace("%", r"\%").replace("#", r"\#").replace("&", r"\&")
