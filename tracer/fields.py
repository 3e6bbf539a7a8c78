"""Fields of a scenario: numbers as written, names, symbols, formulas, each with its check."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from math import prod
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)

from tracer.catalog.sums import net
from tracer.errors import FormulaError, RuleError, nearest
from tracer.expression import inside, names
from tracer.labels import ACCENTS, GREEK
from tracer.limits import MAX_STEPS
from tracer.rules import partial_rule

MAX_DIGITS = 400  # of a number written out; every float64 of 17 digits has fewer


# ---- what was found instead ------------------------------------------------------------


def quoted(text: str) -> str:
    """A text of the author's in quotes, shortened, nothing in it that a terminal obeys."""
    short = text if len(text) <= 60 else text[:57] + "..."
    return f"'{short}'" if short.isprintable() else repr(short)


def found(value: object) -> str:
    """What a value of a TOML file is, to say what stands there instead."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f"the text {quoted(value)}"
        case int() | Decimal():
            return str(Decimal(value))[:30]
        case list():
            return "a list"
        case dict():
            return "a table"
    return "a date or time"


# ---- numbers ---------------------------------------------------------------------------


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"expected a number, found {found(value)}")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"expected a finite number, found {number}")
    if abs(float(number)) == float("inf") or (number and not float(number)):
        raise ValueError(f"{number:.3e} does not fit a float64")
    if _length(number) > MAX_DIGITS:
        raise ValueError(f"a number of more than {MAX_DIGITS} digits")
    return number


def _length(number: Decimal) -> int:
    """Digits of a number that is written out."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), number
    return max(len(digits) + exponent, len(digits), -exponent)


# ---- texts -----------------------------------------------------------------------------


def choice(*allowed: str) -> Any:
    """A text that is one of `allowed`, refused with the nearest."""

    def check(value: str) -> str:
        if value not in allowed:
            close = nearest(value, allowed) or f"; expected one of {', '.join(map(repr, allowed))}"
            raise ValueError(f"no {quoted(value)}{close}")
        return value

    return (AfterValidator(check), Field(json_schema_extra={"enum": list(allowed)}))


_LETTER = "[A-Za-z" + "".join(GREEK.values()) + "][" + "".join(ACCENTS) + "]?"
_NAME = re.compile(rf"{_LETTER}(?:{_LETTER}|[0-9_ '])*(\[(?:t=)?[0-9]+(?:,(?:t=)?[0-9]+)*\])?")


def checked_name(value: str) -> str:
    """The name itself; raises ValueError for a text that cannot be one."""
    plain = unicodedata.normalize("NFD", value)
    if not _NAME.fullmatch(plain) or value != value.strip() or len(value) > 60:
        raise ValueError(
            f"{quoted(value)} cannot be a name: a letter (also Greek, or with a hat as ŷ), then "
            "letters, digits, _, ' and spaces"
        )
    return value


def _pattern(value: str) -> str:
    checked_name(re.sub(r"\{[a-z]\}", "1", value))
    return value


_HIDDEN = ("Cc", "Cf", "Zl", "Zp")  # what a terminal obeys or a reader cannot see
_SEEN = frozenset("\n\t\u200c\u200d")  # the joiners of Persian words and of emoji are harmless


def _text(value: str) -> str:
    for c in value:
        if unicodedata.category(c) in _HIDDEN and c not in _SEEN:
            raise ValueError(f"a text holds no control characters, found U+{ord(c):04X}")
    return value


def _title(value: str) -> str:
    _text(value)
    if not value.strip():
        raise ValueError("empty")
    if "\n" in value or len(value) > 200:
        raise ValueError("expected one line of at most 200 characters")
    return value


def _url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]+", value):
        raise ValueError(
            f"expected an address like https://example.org/page (spaces and brackets as %20, %28), "
            f"found {quoted(value)}"
        )
    return value


# ---- formulas and symbols --------------------------------------------------------------


def _net(value: str) -> str:
    try:
        formula = net(value).formula
    except FormulaError as wrong:
        raise ValueError(str(wrong)) from wrong
    used = set(names(formula))
    if inside(formula) or not {"x_i", "w_i"} <= used <= {"x_i", "w_i", "b"}:
        raise ValueError(f"{value!r} must be made of x_i, w_i and b: 'sum(w_i*x_i) + b'")
    try:
        for formal in used:
            partial_rule(net(value), formal)
    except RuleError as wrong:  # of one input by another: not a sum of weighted inputs
        raise ValueError(f"{value!r} is no weighted sum like 'sum(w_i*x_i) + b'") from wrong
    return value


# A symbol is read from its innermost braces outwards: a group becomes one atom, @, until none
# is left. So braces are paired, every _ and ^ has one argument, and text holds no mathematics.
_WORDS = re.compile(r"\\text\{[A-Za-z0-9 ,'()+=-]*\}")
_ACCENT = re.compile(r"\\(?:mathrm|mathbf|mathit|hat|bar|tilde|vec) ?@")
_GROUP = re.compile(r"\{([^{}]*)\}")
_SIGNS = ("prime", "ell", "ast", "star", "thinspace", "quad", "varepsilon", "Delta", "Sigma")
_ARGUMENT = rf"(?:[A-Za-z0-9,()+=@-]|\\(?:{'|'.join((*GREEK, *_SIGNS))})(?![A-Za-z]))"
_SCRIPTS = rf"(?:'*(?:_{_ARGUMENT}'*)?(?:\^{_ARGUMENT})?|\^{_ARGUMENT}_{_ARGUMENT})"
_FLAT = re.compile(rf"(?:{_ARGUMENT}{_SCRIPTS}| )+")


def _is_symbol(tex: str) -> bool:
    tex = _WORDS.sub("@", tex)
    while group := _GROUP.search(tex):
        if not _FLAT.fullmatch(_ACCENT.sub("@", group[1])):
            return False
        tex = f"{tex[: group.start()]}@{tex[group.end() :]}"
    return bool(_FLAT.fullmatch(_ACCENT.sub("@", tex)))


def _symbol(value: str) -> str:
    if len(value) > 100 or "@" in value or not value.strip() or not _is_symbol(value):
        raise ValueError(
            f"{quoted(value)} is not a plain LaTeX symbol (letters, digits, one _ and ^ each, "
            "{ }, Greek letters, \\mathrm, \\text, \\hat, \\bar)"
        )
    return value


Number = Annotated[
    Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number"}, mode="validation")
]
NameText = Annotated[str, AfterValidator(checked_name)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Text = Annotated[str, AfterValidator(_text)]
Title = Annotated[str, AfterValidator(_title), Field(json_schema_extra={"minLength": 1})]
Symbol = Annotated[str, AfterValidator(_symbol)]
Net = Annotated[str, AfterValidator(_net)]
Address = Annotated[str, AfterValidator(_url)]
Count = Annotated[int, Field(ge=0, le=10**9)]
Positive = Annotated[int, Field(ge=1, le=10**9)]
Places = Annotated[int, Field(ge=0, le=15)]
Significant = Annotated[int, Field(ge=1, le=15)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


# ---- one of several shapes -------------------------------------------------------------

# The shape of what is written chooses the type, so that a problem is told once. Tags are in
# brackets: they appear in pydantic's locations, and no key of a scenario is called so.


def _one_or_list(value: object) -> str:
    return "(list)" if isinstance(value, list) else "(one)"


_LISTS = ("(number)", "(list)", "(matrix)", "(maps)", "(filters)")  # by how deep they are


def _shape(value: object) -> str:
    if isinstance(value, dict):
        return "(spaced)" if {"first", "last", "shape"} & set(value) else "(stated)"
    return _LISTS[min(_depth(value), len(_LISTS) - 1)]


def _depth(value: object, deepest: int = len(_LISTS)) -> int:
    if not isinstance(value, list) or not deepest:
        return 0
    return 1 + max((_depth(part, deepest - 1) for part in value), default=0)


class Stated(Model):
    """A given with a remark: `{ value = 0.3, assumed = true }`."""

    value: Number
    assumed: bool = False


def _bounded(shape: list[int]) -> list[int]:
    if prod(shape) > MAX_STEPS:
        raise ValueError(f"{prod(shape):,} numbers; at most {MAX_STEPS:,}")
    return shape


class Spaced(Model):
    """Numbers at equal distances, row after row: `{ first = -0.1, last = 0.5, shape = [2, 3] }`."""

    first: Number
    last: Number
    shape: Annotated[list[Positive], Field(min_length=1, max_length=4), AfterValidator(_bounded)]

    def array(self) -> NDArray[np.float64]:
        """The numbers, as numpy.linspace has them."""
        spaced = np.linspace(float(self.first), float(self.last), prod(self.shape))
        return spaced.reshape(self.shape)


Given = Annotated[
    Annotated[Number, Tag("(number)")]
    | Annotated[Stated, Tag("(stated)")]
    | Annotated[list[Number], Tag("(list)"), Field(min_length=1)]
    | Annotated[list[list[Number]], Tag("(matrix)")]
    | Annotated[list[list[list[Number]]], Tag("(maps)")]
    | Annotated[list[list[list[list[Number]]]], Tag("(filters)")]
    | Annotated[Spaced, Tag("(spaced)")],
    Discriminator(_shape),
]


def _name_or_number(value: object) -> str:
    return "(one)" if isinstance(value, str) else "(number)"


#: A number, or the name of another given.
NumberOrName = Annotated[
    Annotated[NameText, Tag("(one)")] | Annotated[Number, Tag("(number)")],
    Discriminator(_name_or_number),
]

_List = Annotated[list[NameText], Tag("(list)")]

#: A name, or names: `b1`, `["b1", "b2"]`.
NameOrNames = Annotated[Annotated[NameText, Tag("(one)")] | _List, Discriminator(_one_or_list)]
#: A vector's name, or the names of its numbers.
Vector = Annotated[
    Annotated[NameText, Tag("(one)")] | Annotated[_List, Field(min_length=1)],
    Discriminator(_one_or_list),
]
#: `h{j}`, or the names themselves.
PatternOrNames = Annotated[Annotated[Pattern, Tag("(one)")] | _List, Discriminator(_one_or_list)]
#: A matrix's name, or the names of weights: a row a unit, `-` where there is none.
Weights = Annotated[
    Annotated[NameText, Tag("(one)")]
    | Annotated[list[list[str]], Tag("(list)"), Field(min_length=1)],
    Discriminator(_one_or_list),
]
