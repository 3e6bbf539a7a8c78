"""Charts as files: SVG for a web page, TikZ for a LaTeX document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from jinja2 import Environment

from tracer import labels, markup
from tracer.charts import captions
from tracer.charts.captions import Caption
from tracer.charts.chart import Chart
from tracer.drawing import NOT_XML, PT, SPACE, Span, decimals_of, spans
from tracer.labels import Label
from tracer.markup import Filters

LINE = 422.0  # pt: 15 cm have 426


def svg(chart: Chart) -> str:
    """A chart as an SVG file: no scripts, no fonts of its own, the same bytes every time."""
    return NOT_XML.sub("\ufffd", _svg_environment().get_template("chart.svg").render(c=chart))


def tikz(chart: Chart) -> str:
    """A chart as a `tikzpicture` at most 15 cm wide; it needs tikz alone."""
    scale = min(PT, LINE / chart.width)
    return _tikz_environment().get_template("chart.tikz").render(c=chart, scale=scale)


def caption_spans(caption: Caption, size: float) -> Iterator[Span]:
    """A caption's words and symbols as runs at a font size, in px from where the last one ended."""
    gap, low = 0.0, 0.0  # what the next run has to skip, how far below the line the last one is
    for part in caption:
        found, before, after = _part(part, size)
        gap += before
        if found:
            yield replace(found[0], dx=found[0].dx + gap, dy=found[0].dy - low)
            yield from found[1:]
            gap, low = after, sum(span.dy for span in found)


def _part(part: str | Label, size: float) -> tuple[list[Span], float, float]:
    """Words or a symbol as runs, and the distances that stand for spaces before and after."""
    if not isinstance(part, str):
        return list(spans(part, size)), 0.0, 0.0
    word, space = part.strip(), SPACE * size
    before = space * (len(part) - len(part.lstrip()))
    after = space * (len(part) - len(part.rstrip()))
    return [Span(word, False, size, 0.0, 0.0)] if word else [], before, after


def latex(caption: Caption) -> str:
    """A caption's words and symbols in LaTeX."""
    return "".join(
        _prose(part) if isinstance(part, str) else f"${labels.latex(part)}$" for part in caption
    )


def _prose(words: str) -> str:
    """Words in LaTeX with the spaces that part them from a symbol."""
    return " " * words[:1].isspace() + markup.latex(words) + " " * words[-1:].isspace()


def _number(value: float) -> str:
    return captions.text(captions.number(value))


@cache
def _svg_environment() -> Environment:
    filters: Filters = {
        "spans": caption_spans, "px": decimals_of, "text": captions.text, "number": _number,
    }  # fmt: skip
    return markup.environment(filters, xml=True)


@cache
def _tikz_environment() -> Environment:
    filters: Filters = {"latex": latex, "px": decimals_of}
    return markup.environment(filters, latex=True)
