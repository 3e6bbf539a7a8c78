"""Drawings as files: a diagram as SVG for a web page, as TikZ for a LaTeX document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment

from tracer import labels, markup
from tracer.figure import Diagram
from tracer.labels import Label
from tracer.markup import Filters
from tracer.symbols import runs

LINE = 450.0  # pt: a line of an A4 page with margins of 2.5 cm has 455
PT = 0.75  # of a px
SPACE = 0.2  # em between the words of a name

NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg(d: Diagram) -> str:
    """A diagram as an SVG file: no scripts, no fonts of its own, the same bytes every time."""
    return NOT_XML.sub("\ufffd", _svg_environment().get_template("network.svg").render(d=d))


def tikz(d: Diagram) -> str:
    """A diagram as a `tikzpicture` that fits the line of an A4 page; it needs tikz alone."""
    scale = min(PT, LINE / d.width) if d.width else PT
    return _tikz_environment().get_template("network.tikz").render(d=d, scale=scale)


@dataclass(frozen=True)
class Span:
    """A run as SVG has it, in px from where the last one ended."""

    text: str
    italic: bool
    size: float
    dx: float  # for spaces, which some renderers drop at the ends of a span
    dy: float


def spans(label: Label, size: float) -> Iterator[Span]:
    """A label's runs at a font size."""
    rise, spaces = 0.0, 0
    for run in runs(label):
        word = run.text.strip()
        if word:
            spaces += run.text.index(word)
            step = (rise - run.rise) * size
            yield Span(word, run.italic, run.size * size, spaces * SPACE * size, step)
            rise, spaces = run.rise, -len(word) - run.text.index(word)
        spaces += len(run.text)


def decimals_of(value: float, places: int = 1) -> str:
    """A number with fixed decimals and never -0.0."""
    return f"{round(value, places) + 0.0:.{places}f}"


@cache
def _svg_environment() -> Environment:
    filters: Filters = {"spans": spans, "px": decimals_of}
    return markup.environment(filters, xml=True)


@cache
def _tikz_environment() -> Environment:
    words: Filters = {"symbol": labels.latex, "prose": markup.latex, "px": decimals_of}
    return markup.environment(words, latex=True)
