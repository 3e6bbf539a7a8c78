"""Formulas under attack: refused in one line, soon, in little memory, and nothing is ever run."""

from __future__ import annotations

import random
import re
import tracemalloc
from contextlib import suppress
from pathlib import Path

import hostile
import pytest
from promptly import promptly
from test_formulas import HOSTILE

from tracer import run, scenario
from tracer.errors import ScenarioError, TracerError

LONGEST = 400  # characters of a line that says what is wrong
GIVENS = "[givens.all]\nx = 0.5\ny = 2\n"


def text_of(value: object, detail: str = "formulas") -> str:
    """A scenario with formulas in one of their three forms."""
    top = f'title = "h"\nconventions.detail = "{detail}"\n'
    if isinstance(value, dict):
        rows = (f"{quoted(name)} = {quoted(text)}\n" for name, text in value.items())
        return f"{top}{GIVENS}[formulas]\n{''.join(rows)}"
    written = quoted(value) if isinstance(value, str) else f"[{', '.join(map(quoted, value))}]"
    return f"{top}formulas = {written}\n{GIVENS}"


def quoted(text: str) -> str:
    """A text of TOML, without any letter that is not plain."""
    escaped = re.sub(r'[^ -~]|["\\]', lambda found: f"\\U{ord(found[0]):08x}", text)
    return f'"{escaped}"'


def in_toml(text: str) -> bool:
    """Whether a text can stand in a file at all."""
    return not any(0xD800 <= ord(c) < 0xE000 for c in text)


def refused(value: object, detail: str = "formulas") -> list[str]:
    """The lines that a scenario is refused with, each short and printable."""
    text = text_of(value, detail)
    with promptly(), pytest.raises(ScenarioError) as wrong:
        scenario.read(text, "h.toml", "h")
    for line in wrong.value.problems:
        assert line.startswith(("h.toml: formulas", "h.toml: and more problems")), line
        assert line.isprintable(), line
        assert len(line) < LONGEST, line
    return list(wrong.value.problems)


# ---- one formula -----------------------------------------------------------------------

TEXTS = {name: text for name, text in HOSTILE.items() if in_toml(text)}
#: What is harmless where lines are read: a remark, a line of its own.
REMARKS = {"comment", "two lines", "nothing", "only spaces", "no character"}


def test_there_are_enough_hostile_texts():
    assert 100 < len(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_formula_is_refused_in_every_form(name):
    text = TEXTS[name]
    for value, place in (
        ({"q": "x + y", "f": text}, "formulas.f"),
        (["q = x + y", f"f = {text}"], "formulas[1]"),
        (["q = x + y", f"q += {text}"], "formulas[1]"),
        (["q = x + y", f"p = softmax(q, {text})", "f = p1"], "formulas[1]"),
    ):
        (line,) = refused(value)
        assert line.startswith(f"h.toml: {place}: "), line
    if name not in REMARKS and "\n" not in text and "#" not in text:
        lines = refused(f"q = x + y\n\nf = {text}\n")
        assert lines[0].startswith("h.toml: formulas: line 3: "), lines


# ---- assignments -----------------------------------------------------------------------

ASSIGNMENTS = {
    # what Python would run
    "attribute of a name": "q.real = x",
    "subscript of a slice": "q[0:1] = x",
    "unpacking": "q, r = x, y",
    "starred": "*q = x",
    "walrus": "(q := x)",
    "lambda": "q = lambda: x",
    "comprehension": "q = [x for x in (y,)]",
    "generator": "q = sum(x for x in y)",
    "import": "import os",
    "import by call": "q = __import__('os').system('id')",
    "dunder on the left": "__builtins__ = x",
    "dunder call": "q = ().__class__.__bases__[0].__subclasses__()",
    "exec": "exec('q = x')",
    "eval": "q = eval('x')",
    "function": "def q(): x",
    "for loop": "for q in x: y",
    "while": "while x: q = y",
    "with": "with open('f') as q: x",
    "del": "del x",
    "global": "global x",
    "assert": "assert x == y",
    "return": "return x",
    "annotation": "q: float = x",
    "semicolon": "q = x; r = y",
    "augmented power": "x **= y",
    "augmented floor": "x //= y",
    "augmented matrix product": "x @= y",
    "augmented or": "x |= y",
    "augmented shift": "x <<= y",
    "f-string": "q = f'{x}'",
    "backquotes": "q = `id`",
    "shell": "q = $(id)",
    "template": "q = {{ x }}",
    "template on the left": "{{ q }} = x",
    "LaTeX on the left": r"\input{q} = x",
    "markup on the left": "<b>q</b> = x",
    "a link on the left": "[q](http://e.org) = x",
    "a path on the left": "../q = x",
    "TOML": 'q = """',
    "a call on the left": "q(x) = x",
    # names
    "no name": "= x",
    "no formula": "q =",
    "no equals sign": "q x",
    "two equals signs": "q == x",
    "three names": "q = r = x",
    "a number as a name": "5 = x",
    "a sum as a name": "x + y = q",
    "Euler's number": "e = x + y",
    "Euler's number changed": "e += x",
    "a given": "x = y + 1",
    "a given changed": "x += 1",
    "the size of a group": "q = n*x",
    "a member of a group": "q = x_i",
    "a name from nowhere": "q = nowhere + x",
    "itself": "q = q + x",
    "an element of a number": "q = x[1]",
    "an element too far": "q = x[999999999]",
    "an index that is a name": "q = x[y]",
    "an index that is negative": "q = x[-1]",
    "a name of 61 letters": f"{'q' * 61} = x",
    "a million letters": f"{'q' * 1_000_000} = x",
    "a million spaces": f"q{' ' * 1_000_000}= x",
    "a million equals signs": "=" * 1_000_000,
    "a million brackets": f"q = {'(' * 1_000_000}x{')' * 1_000_000}",
    "a million open index brackets": "[" * 1_000_000 + " = x",
    "a million minus signs": f"q = {'-' * 1_000_000}x",
    "a million arguments": f"q = softmax({'x,' * 1_000_000}x)",
    "a million terms": "q = " + "x+" * 1_000_000 + "x",
    "NUL in the name": "q\0 = x",
    "NUL in the formula": "q = x\0",
    "escape in the name": "\x1b[31mq = x",
    "right to left": "\u202eq = x",
    "Cyrillic name": "\u0441 = x",  # с
    "Cyrillic read": "q = \u0445",  # х
    "fullwidth equals sign": "q ＝ x",
    "fullwidth name": "ｑ = x",
    "mathematical letter": "\U0001d465 = x",
    "space without width": "q\u200b = x",
    "byte order mark": "\ufeffq = x",
    "line separator": "q = x\u2028r = y",
    "emoji": "😀 = x",
    "combining accents": f"q{chr(0x301) * 50} = x",
    # powers and numbers
    "a tower of powers": "q = 9^9^9^9^9",
    "a tower of names": "q = x" + "^x" * 500,
    "a power of 10000": "q = x^10000",
    "powers of powers": "q = ((x^1000)^1000)^1000",
    "a number beyond all floats": "q = 1e9999999999*x",
    "a number of a million digits": f"q = {'9' * 1_000_000}*x",
    "a million decimals": f"q = 0.{'1' * 1_000_000}*x",
    "nested functions": f"q = {'tanh(' * 200}x{')' * 200}",
    "nested brackets": f"q = {'(' * 900}x{')' * 900}",
    # vectors
    "a vector in a formula": "q = 1 + softmax(x, y)",
    "a vector of a vector": "q = softmax(softmax(x, y), x)",
    "a vector of nothing": "q = softmax()",
    "a vector with a hole": "q = softmax(x,, y)",
    "a vector without an end": "q = softmax(x, y",
    "a vector and more": "q = softmax(x, y)(x)",
    "a vector that is added": "x += softmax(x, y)",
    "a vector of strings": "q = softmax('x', 'y')",
    "a vector with a keyword": "q = softmax(x, axis=0)",
    "a vector of 101": f"q = softmax({', '.join(['x'] * 101)})",
}  # fmt: skip


def test_there_are_a_hundred_hostile_assignments():
    assert 100 <= len(ASSIGNMENTS)


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_hostile_assignment_is_refused(name):
    text = ASSIGNMENTS[name]
    for detail in ("formulas", "gates"):
        lines = refused([text, "f = x*y"], detail)
        assert lines[0].startswith("h.toml: formulas[0]: "), lines
    if len(text.splitlines()) == 1 and "\0" not in text:
        lines = refused(f"{text}\nf = x*y\n")
        assert lines[0].startswith("h.toml: formulas: line 1: "), lines


@pytest.mark.parametrize("name", random.Random(5).sample(sorted(ASSIGNMENTS), 24))
def test_the_command_line_refuses_it_with_exit_code_2(name, tmp_path: Path):
    path = tmp_path / "h.toml"
    path.write_text(text_of([ASSIGNMENTS[name], "f = x*y"]), "utf-8")
    before = hostile.files_in(tmp_path)
    for command in (["show", path], ["render", path, "-o", tmp_path / "out"], ["verify", path]):
        ran = hostile.run(*command)
        assert 2 == ran.code
        assert ": formulas" in ran.err or ": larger than 1000000 bytes" in ran.err.replace(",", "")
    assert before == hostile.files_in(tmp_path)


# ---- many assignments ------------------------------------------------------------------

DOUBLED = ["c = x", *["c = c + c"] * 1_100]
CIRCLES = {
    "each made of the other": ["a = b + x", "b = a + y", "f = a + b"],
    "a circle of three": ["a = c*x", "b = a*y", "c = b + 1", "f = c"],
    "a circle of a thousand": [f"a{k} = a{(k + 1) % 1000} + x*y" for k in range(1_000)],
}


@pytest.mark.parametrize("name", CIRCLES)
def test_formulas_in_a_circle_are_refused(name):
    lines = refused(CIRCLES[name])
    assert "is not given; it comes later" in lines[0]


@pytest.mark.parametrize("detail", ["formulas", "gates"])
@pytest.mark.parametrize(
    ("says", "lines"),
    [
        ("c#1026 at iteration 0: overflow", DOUBLED),
        ("c#11 at iteration 0: overflow", ["c = 4*x", *["c *= c"] * 1_000]),
        ("c at iteration 0: division by zero", ["c = x", *["c /= 10"] * 500, "c = 1/(c*0)"]),
    ],
)
def test_values_that_leave_all_bounds_are_told_in_one_line(says, lines, detail):
    with promptly(), pytest.raises(TracerError) as told:
        run.trace(scenario.read(text_of([*lines, "f = c + y"], detail), "h.toml", "h"))
    assert str(told.value).startswith(f"h.toml: {says}"), told.value
    assert len(str(told.value)) < LONGEST


@pytest.mark.parametrize(
    ("says", "value"),
    [
        ("2,001 assignments; at most 2,000", ["f = x*y"] * 2_001),
        ("100,000 assignments; at most 2,000", "f = x*y\n" * 100_000),
        ("2,001 assignments; at most 2,000", {f"f{k}": "x*y" for k in range(2_001)}),
        ("4,000,001 steps; at most 20,000",
         [*[f"p{k}_ = softmax({','.join(['x*y'] * 100)})" for k in range(400)], "f = p1_1"]),
        ("722,700 letters and signs; at most 200,000",
         [f"c{k:03} = {'+'.join(['x*y'] * 400)}" for k in range(450)]),
        ("4,000,000 letters and signs; at most 200,000", ["f = " + "x+y" * 700] * 2_000),
    ],
)  # fmt: skip
def test_too_many_are_counted_and_refused(says, value):
    assert [f"h.toml: formulas: {says}"] == refused(value)


@pytest.mark.parametrize("detail", ["formulas", "gates"])
def test_long_formulas_by_the_hundred_are_computed_or_refused_soon(detail):
    """As much as there may be, each formula as long as one may be."""
    lines = [f"c{k} = {'+'.join(['x*y'] * 490)}" for k in range(100)]
    text = text_of([*lines, "f = c0"], detail)
    with promptly(), suppress(ScenarioError):  # so many gates are too many
        scenario.read(text, "h.toml", "h")


@pytest.mark.parametrize("name", ["a million letters", "a million brackets", "a million arguments"])
def test_what_is_long_takes_little_memory(name):
    text = text_of([ASSIGNMENTS[name], "f = x*y"])
    tracemalloc.start()
    try:
        with pytest.raises(ScenarioError):
            scenario.read(text, "h.toml", "h")
        assert tracemalloc.get_traced_memory()[1] < 20 * len(text) + 20_000_000
    finally:
        tracemalloc.stop()


# ---- what is only odd ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "lines"),
    [
        (1.0, ["exp = x*y", "f = exp"]),
        (2.5, ["f =x+y"]),
        (2.5, ["  f  =  x  +  y  "]),
        (0.25, ["f = x**2 + 0*y"]),
        (4.5, ["c = x + y", "c = c", "c = c", "f = c + y"]),
        (1.0, ["softmax = x*y", "f = softmax"]),
        (1.0, ["p = softmax(x*y)", "f = p1 + 0*x"]),
        (2.5, ["f = x\t+\u00a0y"]),
        (1.0, ["o = x", "O = y", "f = o*O"]),
    ],
)
def test_what_is_only_odd_is_computed(expected, lines):
    t = run.trace(scenario.read(text_of(lines), "h.toml", "h"))
    assert expected == pytest.approx(t["f"], rel=1e-15)
