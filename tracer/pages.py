"""Pages: a view and a template become a file's text. The only place that makes markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment

from tracer import labels, markup
from tracer.course import Course
from tracer.derivation import Derivation, derivation, prove
from tracer.diagram import diagram
from tracer.drawing import svg, tikz
from tracer.errors import TooLarge, UsageError, nearest
from tracer.expression import Expr
from tracer.grids import Grid, Grids, matrix
from tracer.ledger import Verification
from tracer.lines import IN_LATEX, IN_TEXT, Language, Line
from tracer.markup import Filters
from tracer.printers import LATEX, TEXT, Leaf, fill, template
from tracer.rules import Rule
from tracer.traces import Trace
from tracer.views import Detail, Local, Paths, Walkthrough
from tracer.walkthrough import derivation_of, walkthrough

if TYPE_CHECKING:
    from tracer.figures import Figure

# Charts, matrices and index notation are imported where a page has them: most have none.

MAX_STEPS = 3_000  # a page of more lines is not read by anybody
LINE_WIDTH = 74.0  # digits that fit a line of a page

FORMATS = ("md", "tex", "svg")
DETAILS: dict[str, Detail] = {
    "auto": "auto", "full": "full", "first": "first", "folded": "folded",
}  # fmt: skip


def page(
    t: Trace, format: str = "md", detail: str = "auto", verification: Verification | None = None,
    course: Course | None = None,
) -> str:  # fmt: skip
    """A trace's selected pass as Markdown, as a LaTeX document, or its network as SVG.

    With the course of the run it belongs to, a section on that.

    raises    UsageError for another format or detail, TooLarge for a page nobody would read
    """
    if format not in FORMATS:
        raise UsageError(f"no format {format!r}{nearest(format, FORMATS)}; there are md, tex, svg")
    if detail not in DETAILS:
        known = ", ".join(map(repr, DETAILS))
        raise UsageError(f"no detail {detail!r}{nearest(detail, DETAILS)}; there are {known}")
    if format == "svg":
        drawn = diagram(t.program)
        if not drawn.nodes:
            raise UsageError(f"{t.title}: no drawing; only networks of dense layers have one")
        return svg(drawn)
    if len(t) > MAX_STEPS and detail in ("full", "first"):
        raise TooLarge(
            f"a page of {len(t):,} steps is too long to read (at most {MAX_STEPS:,}); leave out "
            "--detail, or look at single values with t.record(name) or `tracer show`"
        )
    view = walkthrough(t, DETAILS[detail], verification, course)
    context = _context(t, view)
    environment = _ENVIRONMENTS[format]()
    if view.matrices:
        from tracer.matrices.text import FILTERS

        environment.filters.update(FILTERS)
    text = environment.get_template(f"walkthrough.{format}").render(context)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _context(t: Trace, view: Walkthrough) -> dict[str, Any]:
    words = {"w": view, "scenario": view.scenario, "conventions": view.scenario.conventions}
    bullets = _markdown_environment().get_template("conventions.md").render(words)
    return {
        **words,
        "image": quote(f"{file_name(t)}.svg"),
        "sentences": [line.removeprefix("- ") for line in bullets.splitlines() if line.strip()],
        "derivations": [_derived(rule) for rule in view.activations],
        "tikz": lambda: tikz(diagram(t.program)),
        "drawn": bool(diagram(t.program).nodes),
        "charts": _charts(t, view.history.figures) if view.history else [],
        "indexed": _index_page,
        "running": _running(words) if view.history else [],
    }


def drawings(t: Trace, course: Course | None = None) -> dict[str, str]:
    """The drawings that a Markdown page refers to, by the name of their file."""
    assert t.scenario, "a page needs the scenario's words"
    found = {f"{file_name(t)}.svg": page(t, "svg")} if diagram(t.program).nodes else {}
    from tracer.charts import charting
    from tracer.figures import figures

    drawn = figures(course, t.scenario.under(t.reading)) if course else ()
    return found | {f"{file_name(t)}-{f.name}.svg": charting.svg(f.chart) for f in drawn}


def _charts(t: Trace, drawn: Sequence[Figure]) -> list[dict[str, Any]]:
    """What templates need to know of charts."""
    from tracer.charts import charting

    return [
        {
            "name": figure.name, "title": figure.title, "says": figure.says,
            "file": quote(f"{file_name(t)}-{figure.name}.svg"),
            "tikz": partial(charting.tikz, figure.chart),
        }
        for figure in drawn
    ]  # fmt: skip


def _running(words: dict[str, Any]) -> list[str]:
    """What is said of a run, a paragraph an entry."""
    text = _markdown_environment().get_template("run.txt").render(words)
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def _index_page(format: str) -> str:
    from tracer.indexed.page import index_page

    return index_page(format, level=3)


def _derived(rule: Rule) -> dict[str, Any]:
    found = derivation(rule)
    left = rf"\frac{{d{found.output}}}{{d{found.by}}}"
    return {
        "name": rule.name, "output": found.output, "formula": found.formula, "left": left,
        "lines": found.lines, "room": _room(found),
    }  # fmt: skip


def _room(found: Derivation) -> float:
    """What a derivation leaves for its reasons, in cm of a LaTeX line of 16."""
    widest = max(width(_in_latex(line.expression)) for line in found.lines)
    return round(min(max(14.5 - 0.2 * widest, 3.2), 7.0), 1)


def gradient_text(t: Trace, parameter: int) -> str:
    """The derivation of one parameter's gradient, for a terminal."""
    if t.program.root is None:
        raise UsageError(f"{t.title}: its gradients are stated, not derived")
    work, root = derivation_of(t, parameter), t.program.label(t.program.root)
    return _text_environment().get_template("derive.txt").render(work=work, root=root)


def rule_text(rule: Rule) -> str:
    """A rule's derivative, one rule of differentiation a line, proven now."""
    found = derivation(rule)
    prove(found)
    widest = max(len(_in_text(line.expression)) for line in found.lines)
    return (
        _text_environment()
        .get_template("rule.txt")
        .render(rule=rule, derivation=found, widest=widest)
    )


def file_name(t: Trace) -> str:
    """What the page of a trace is called, without its ending."""
    if not t.reading or not t.scenario:
        return t.title
    reading = re.sub(r"[^a-z0-9]+", "-", t.reading.lower()).strip("-")
    if not reading:
        reading = f"reading-{list(t.scenario.readings).index(t.reading) + 1}"
    return f"{t.title}-{reading}"


# ---- what templates may say ------------------------------------------------------------


def _in_latex(e: Expr) -> str:
    return fill(template(e, LATEX), lambda s: Leaf(labels.latex(labels.Own(s))))


def _in_text(e: Expr) -> str:
    return fill(template(e, TEXT), Leaf)


def _filters(language: Language) -> Filters:
    """What a template says of a line in one language."""
    return {
        "symbol": language.symbol,
        "formula": language.formula,
        "equation": language.equation,
        "numbers": language.substitution,
        "whole": language.whole,
        "sign": language.sign,
        "value": language.value,
    }


_IN_LATEX: Filters = {
    **_filters(IN_LATEX),
    "label": labels.latex,
    "matrix": partial(matrix, value=IN_LATEX.value),
    "expression": _in_latex,
    "grouped": "{:,}".format,
}
_IN_TEXT: Filters = {
    **_filters(IN_TEXT),
    "label": labels.text,
    "alone": lambda label: labels.alone(label, labels.text),
    "expression": _in_text,
}


def _kind(group: object) -> str:
    """Which kind of group a template has before it."""
    return {Line: "line", Local: "local", Paths: "paths", Grids: "grids"}[type(group)]


@cache
def _markdown_environment() -> Environment:
    return _environment({**_IN_LATEX, "prose": markup.markdown, "fits": fits})


@cache
def _text_environment() -> Environment:
    return _environment(_IN_TEXT)


@cache
def _tex_environment() -> Environment:
    words: Filters = {
        "prose": markup.latex,
        "url": markup.latex_url,
        "broken": broken,
        "fits": fits,
        "slim": slim,
    }
    return _environment({**_IN_LATEX, **words}, latex=True)


def _environment(filters: Filters, *, latex: bool = False) -> Environment:
    found = markup.environment(filters, latex=latex)
    found.globals["kind"] = _kind
    return found


_ENVIRONMENTS = {"md": _markdown_environment, "tex": _tex_environment}


# ---- lines that fit --------------------------------------------------------------------

_PIECE = re.compile(r"\\(?:[A-Za-z]+| )|[{}^_]|\s+|.")
_NO_WIDTH = {r"\mathrm", r"\text", r"\left", r"\right", r"\frac", "\\ ", "{", "}", "^", "_"}
_WIDE = {r"\cdot": 1.6, r"\times": 2.6, r"\approx": 2.8, "+": 2.6, "=": 2.8, "-": 2.0}


@lru_cache(maxsize=4096)
def width(tex: str) -> float:
    """Roughly how wide a formula is, in digits."""
    fraction = re.search(r"\\frac\{", tex)
    if fraction:
        top, rest = _braced(tex, fraction.end() - 1)
        bottom, after = _braced(tex, rest)
        return width(tex[: fraction.start()]) + max(width(top), width(bottom)) + width(tex[after:])
    pieces = (m[0] for m in _PIECE.finditer(tex))
    return sum(_WIDE.get(p, 0.0 if p in _NO_WIDTH or p.isspace() else 1.0) for p in pieces)


def _braced(tex: str, at: int) -> tuple[str, int]:
    """The group that opens at `at`, and where it ends."""
    depth = 0
    for end in range(at, len(tex)):
        depth += {"{": 1, "}": -1}.get(tex[end], 0)
        if depth == 0:
            return tex[at + 1 : end], end + 1
    raise AssertionError(f"unbalanced braces in {tex}")


def fits(tex: str) -> bool:
    """Whether a formula fits one line."""
    return width(tex) <= LINE_WIDTH


def slim(grid: Grid) -> bool:
    """Whether a matrix fits one line."""
    columns = zip(*grid.rows, strict=True)
    each = (max((width(IN_LATEX.value(e)) for e in c if e), default=1.0) for c in columns)
    return sum(w + 2.0 for w in each) + width(labels.latex(grid.label)) <= LINE_WIDTH - 8


def broken(tex: str, indent: float = 12.0) -> str:
    """A long formula broken before a + or a product sign that stands outside all brackets."""
    lines, room = [""], LINE_WIDTH - indent
    for part in _breakable(tex):
        if lines[-1] and width(lines[-1] + part) > room:
            lines.append("")
        lines[-1] += part
    return " \\\\\n&\\qquad {} ".join(line.strip() for line in lines)


def _breakable(tex: str) -> list[str]:
    """The formula cut before every operator at depth 0."""
    depth, start, parts = 0, 0, []
    for found in re.finditer(r"[{}()]|(?<= )(?:[+-]|\\times|\\cdot)(?= )", tex):
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(found[0], 0)
        if depth == 0 and found[0] not in "{}()":
            parts.append(tex[start : found.start()])
            start = found.start()
    return [*parts, tex[start:]]
