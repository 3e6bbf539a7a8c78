"""The formulas of a scenario, in one sequence: a table, a list or lines of assignments.

    c = "a + b"                      a table of names and formulas
    ["c = a + b", "c += 1"]          a list
    c = a + b   # in a text          lines

A name may be bound again: every version is a number of its own, and a formula reads the one
that is current where it stands. The last has the plain name, earlier ones are c#1, c#2.
A vector has a name a member: `p = softmax(z1, z2)` binds p1 and p2.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    GetPydanticSchema,
    Tag,
    WithJsonSchema,
)

from tracer.errors import FormulaError
from tracer.expression import (
    SIZE,
    Expr,
    Product,
    Quotient,
    Sum,
    children,
    group_of,
    names,
)
from tracer.fields import NameText, checked_name, quoted
from tracer.inventory import joined
from tracer.parsing import MAX_LENGTH, parse
from tracer.printers import source

MAX_ASSIGNMENTS = 2_000
MAX_STEPS = 20_000  # of all formulas together
MAX_LETTERS = 200_000  # as they are written
MAX_MEMBERS = 100  # of a vector

VECTORS = {"softmax": "softmax", "log_softmax": "log-softmax"}  # as written -> in the catalog


@dataclass(frozen=True, slots=True)
class Assignment:
    """A name, and what it stands for from here on."""

    name: str  # as its author writes it
    parts: tuple[Expr, ...]  # the formula, or what a vector is made of
    vector: str = ""  # the function of the catalog that makes one
    place: str = ""  # where it stands: formulas.c, formulas[3], formulas: line 4

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names it binds."""
        if not self.vector:
            return (self.name,)
        stem = f"{self.name}_" if self.name[-1].isdigit() else self.name
        return tuple(f"{stem}{k}" for k in range(1, len(self.parts) + 1))

    def steps(self, gates: bool) -> int:
        """How many steps it makes at most, its slopes not counted but those of a vector."""
        own = sum(map(operations, self.parts)) if gates else 0
        return own + len(self.parts) ** 2 if self.vector else max(1, own)


class Bound(NamedTuple):
    """One of the numbers that a name is bound to."""

    name: str  # as its author writes it
    version: int  # from 1
    versions: int  # in all

    @property
    def last(self) -> bool:
        return self.version == self.versions

    @property
    def key(self) -> str:
        """The name of its step: `c`, of an earlier version `c#1`."""
        return joined(self.name) if self.last else f"{joined(self.name)}#{self.version}"


class Binding(NamedTuple):
    """An assignment with what its names mean where it stands."""

    of: Assignment
    outputs: tuple[Bound, ...]
    reads: Mapping[str, str]  # a name in its formula -> the step it means, or the name itself

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of its steps."""
        return tuple(bound.key for bound in self.outputs)

    def needs(self, of: Callable[[Expr], tuple[str, ...]] = names) -> set[str]:
        """The steps and givens that its formula reads; `of` a formula all names or some."""
        return {self.reads[name] for part in self.of.parts for name in of(part)}


@dataclass(frozen=True)
class Formulas:
    """Assignments in order; `in` and iteration are over the names they bind."""

    assignments: tuple[Assignment, ...] = ()

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def __contains__(self, name: object) -> bool:
        return name in self._last

    def __len__(self) -> int:
        return len(self._last)

    @cached_property
    def bindings(self) -> tuple[Binding, ...]:
        """Every assignment with its versions."""
        return tuple(_bindings(self.assignments))

    @cached_property
    def _last(self) -> Mapping[str, Binding]:
        """The last assignment to every name, in the order in which names are first bound."""
        return {bound.name: b for b in self.bindings for bound in b.outputs}

    @cached_property
    def _by_key(self) -> Mapping[str, Binding]:
        return {key: b for b in self.bindings for key in b.keys}

    def place(self, name: str) -> str:
        """Where a name or a step is bound: `formulas.c`; nothing where that is nowhere."""
        found = self._last.get(name) or self._by_key.get(name)
        return found.of.place if found else ""

    def needed(self, wanted: set[str], of: Callable[[Expr], tuple[str, ...]] = names) -> set[str]:
        """Some steps and all that they are made of; `of` a formula all names or some."""
        found = set(wanted)
        for b in reversed(self.bindings):
            if not found.isdisjoint(b.keys):
                found |= b.needs(of)
        return found


def _bindings(assignments: tuple[Assignment, ...]) -> Iterator[Binding]:
    versions = Counter(joined(name) for a in assignments for name in a.outputs)
    met = Counter[str]()
    current: dict[str, str] = {}  # a name -> the step it means
    members: dict[str, str] = {}  # p[2] -> p2
    for a in assignments:
        used = dict.fromkeys(name for part in a.parts for name in names(part))
        reads = {name: current.get(members.get(name, name), name) for name in used}
        met.update(map(joined, a.outputs))
        outputs = tuple(Bound(n, met[joined(n)], versions[joined(n)]) for n in a.outputs)
        yield Binding(a, outputs, reads)
        current |= {joined(bound.name): bound.key for bound in outputs}
        if a.vector:
            each = enumerate(a.outputs, 1)
            members |= {f"{joined(a.name)}[{k}]": joined(name) for k, name in each}


def operations(e: Expr) -> int:
    """How many operations of two operands a formula is made of; one on numbers is none."""
    if not names(e):
        return 0
    own = max(1, len(children(e)) - 1) if children(e) else 0
    return own + sum(map(operations, children(e)))


# ---- reading an assignment -------------------------------------------------------------

_INTO: dict[str, Callable[[Expr, Expr], Expr]] = {
    "+": lambda name, e: Sum((name, e), (False, False)),
    "-": lambda name, e: Sum((name, e), (False, True)),
    "*": lambda name, e: Product((name, e)),
    "/": Quotient,
}
_SAME = {"−": "-", "·": "*", "×": "*"}
_CALL = re.compile(rf"\b({'|'.join(VECTORS)})\s*\(")


def _assignment(text: str) -> Assignment:
    """`c = a + b`, or with `+=`, `-=`, `*=`, `/=`; raises ValueError."""
    if len(text) > 2 * MAX_LENGTH:
        raise ValueError(f"{quoted(text)}: longer than {2 * MAX_LENGTH:,} characters")
    left, equals, right = text.partition("=")
    if left.count("[") > left.count("]"):  # h[t=2] = tanh(z)
        index, equals, right = right.partition("=")
        left = f"{left}={index}"
    if not equals or right.startswith("="):
        raise ValueError(f"{quoted(text)}: expected 'name = formula'")
    left = left.strip()
    sign = _SAME.get(left[-1:], left[-1:])
    if sign in _INTO:
        name = checked_name(left[:-1].rstrip())
        return Assignment(name, (_into(sign, name, right),))
    return _named(checked_name(left), _formula(right.strip()))


def _named(name: str, found: Assignment) -> Assignment:
    if found.vector and name.endswith("]"):
        raise ValueError(f"{quoted(name)} is an element, and cannot name a vector")
    return replace(found, name=name)


def _into(sign: str, name: str, text: str) -> Expr:
    """`c += a` is `c = c + a`, its right side in brackets where they are needed."""
    right = _formula(text.strip())
    if right.vector:
        raise ValueError(f"{quoted(text.strip())} makes a vector, and stands alone after =")
    (e,) = right.parts
    try:
        return parse(source(_INTO[sign](parse(joined(name)), e)))
    except FormulaError as wrong:
        raise ValueError(str(wrong)) from wrong


def _formula(text: str) -> Assignment:
    """What a formula is made of, without a name yet; raises ValueError."""
    vector, parts = _vector(text) or ("", (text,))
    try:
        found = tuple(map(parse, parts))
        _check_scalars(found)
    except FormulaError as wrong:
        raise ValueError(str(wrong) if vector else _with_remedy(str(wrong), text)) from wrong
    if len(found) > MAX_MEMBERS:
        raise ValueError(f"{vector} of {len(found)} numbers; at most {MAX_MEMBERS}")
    return Assignment("", found, vector)


def _check_scalars(parts: tuple[Expr, ...]) -> None:
    """Refuse what only formulas of the catalog have: groups of operands."""
    for name in (name for part in parts for name in names(part)):
        if group_of(name) or name == SIZE:
            raise FormulaError(f"{name!r} stands for no number here")


def _with_remedy(wrong: str, text: str) -> str:
    """What is wrong with a formula, and how a vector is written where it calls for one."""
    called = _CALL.search(text[:MAX_LENGTH])
    if not called:
        return wrong
    plain = re.sub(r"; did you mean '\w+'\?", "", wrong)
    return f"{plain}; {called[1]} makes a vector, and stands alone: p = {called[1]}(z1, z2)"


def _vector(text: str) -> tuple[str, tuple[str, ...]] | None:
    """The function and the arguments of a formula that makes a vector."""
    text = text.strip()
    found = _CALL.match(text[:MAX_LENGTH])
    if not found or len(text) > MAX_LENGTH or not text.endswith(")"):
        return None
    arguments, depth = [""], 0
    for c in text[found.end() : -1]:
        depth += (c in "([") - (c in ")]")
        if depth < 0:  # the last bracket is another's: softmax(a) + f(b)
            return None
        if c == "," and not depth:
            arguments.append("")
        else:
            arguments[-1] += c
    return VECTORS[found[1]], tuple(map(str.strip, arguments))


# ---- reading formulas ------------------------------------------------------------------


def _table(value: dict[str, Assignment]) -> Formulas:
    spelt: dict[str, str] = {}
    for name in value:
        other = spelt.setdefault(joined(name), name)
        if other != name:
            raise ValueError(f"{name!r} and {other!r} are the same name in formulas")
    found = (replace(_named(n, a), place=f"formulas.{n}") for n, a in value.items())
    return Formulas(tuple(found))


def _list(value: list[Assignment]) -> Formulas:
    return Formulas(tuple(replace(a, place=f"formulas[{k}]") for k, a in enumerate(value)))


def _lines(value: str) -> list[tuple[int, str]]:
    """The lines of a text that hold an assignment, numbered from 1."""
    lines = ((k, line.partition("#")[0]) for k, line in enumerate(value.splitlines(), 1))
    return [(k, line) for k, line in lines if line.strip()]


def _line(value: tuple[int, str]) -> Assignment:
    number, text = value
    try:
        return replace(_assignment(text.strip()), place=f"formulas: line {number}")
    except ValueError as wrong:
        raise ValueError(f"line {number}: {wrong}") from wrong


def _shape(value: object) -> str:
    other = "(text)" if isinstance(value, str) else "(table)"
    return "(list)" if isinstance(value, list) else other


def _table_or_list(value: object) -> object:
    """Refuse what is too much before any of it is read."""
    if isinstance(value, list | dict):
        texts = value.values() if isinstance(value, dict) else value
        _check_sizes([len(text) for text in texts if isinstance(text, str)])
    return value


def _text(value: str) -> list[tuple[int, str]]:
    found = _lines(value)
    _check_sizes([len(line) for _, line in found])
    return found


def _check_sizes(lengths: Sequence[int]) -> None:
    if len(lengths) > MAX_ASSIGNMENTS:
        raise ValueError(f"{len(lengths):,} assignments; at most {MAX_ASSIGNMENTS:,}")
    total = sum(min(length, MAX_LENGTH) for length in lengths)  # a longer one is refused itself
    if total > MAX_LETTERS:
        raise ValueError(f"{total:,} letters and signs; at most {MAX_LETTERS:,}")


_Written = Annotated[
    Annotated[
        dict[NameText, Annotated[str, AfterValidator(_formula)]],
        AfterValidator(_table), BeforeValidator(_table_or_list), Tag("(table)"),
    ]
    | Annotated[
        list[Annotated[str, AfterValidator(_assignment)]],
        AfterValidator(_list), BeforeValidator(_table_or_list), Tag("(list)"),
    ]
    | Annotated[
        list[Annotated[tuple[int, str], AfterValidator(_line)]],
        AfterValidator(lambda found: Formulas(tuple(found))),
        BeforeValidator(_text), Tag("(text)"),
    ],
    Discriminator(_shape),
]  # fmt: skip

_STRING: dict[str, Any] = {"type": "string"}
_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "object", "additionalProperties": _STRING},
        {"type": "array", "items": _STRING},
        _STRING,
    ]
}

#: The field of a scenario: a table, a list or a text.
FormulasField = Annotated[
    Formulas,
    GetPydanticSchema(lambda _, handler: handler.generate_schema(_Written)),
    WithJsonSchema(_SCHEMA, mode="validation"),
]
