"""Fields of a scenario: numbers as written, names, symbols, formulas, each with its check."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from tracer.catalog import net
from tracer.errors import FormulaError, nearest
from tracer.expression import names
from tracer.labels import GREEK


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"expected a number, found {_kind(value)}")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"{value} is not a finite number")
    if abs(float(number)) == float("inf"):
        raise ValueError(f"{number:.3e} does not fit a float64")
    return number


def _kind(value: object) -> str:
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    return {bool: "true or false", list: "a list", dict: "a table"}.get(type(value), "no number")


def choice(*allowed: str) -> Any:
    """A text that is one of `allowed`, refused with the nearest."""

    def check(value: str) -> str:
        if value not in allowed:
            close = nearest(value, allowed) or f"; expected one of {', '.join(map(repr, allowed))}"
            raise ValueError(f"no {value!r}{close}")
        return value

    return (AfterValidator(check), Field(json_schema_extra={"enum": list(allowed)}))


_LETTERS = "A-Za-z" + "".join(GREEK.values())
_NAME = re.compile(rf"[{_LETTERS}][{_LETTERS}0-9_ ]*'*(\[[0-9,]+\])?")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value) or value != value.strip() or len(value) > 60:
        raise ValueError(f"{value[:60]!r} cannot be a name: letters, digits, _ and spaces")
    return value


def _pattern(value: str) -> str:
    _name(value.replace("{j}", "1").replace("{l}", "1").replace("{k}", "1"))
    return value


_SYMBOL = re.compile(
    r"(?:[A-Za-z0-9 ,'()+*=-]|[_^]|\{|\}|"
    r"\\(?:mathrm|mathbf|mathit|text|hat|bar|tilde|vec|prime|ell|thinspace|quad|"
    + "|".join((*GREEK, "varepsilon"))
    + r")(?![A-Za-z]))+"
)


def _symbol(value: str) -> str:
    opened = value.count("{") - value.count("}")
    if not _SYMBOL.fullmatch(value) or "^^" in value or opened or len(value) > 100:
        raise ValueError(
            f"{value[:60]!r} is not a plain LaTeX symbol (letters, digits, _ ^ {{ }}, Greek "
            "letters, \\mathrm, \\text, \\hat, \\bar)"
        )
    return value


def _net(value: str) -> str:
    try:
        used = set(names(net(value).formula))
    except FormulaError as wrong:
        raise ValueError(str(wrong)) from wrong
    if not {"x_i", "w_i"} <= used <= {"x_i", "w_i", "b"}:
        raise ValueError(f"{value!r} must be made of x_i, w_i and b: 'sum(w_i*x_i) + b'")
    return value


def _text(value: str) -> str:
    if any(ord(c) < 32 and c != "\n" for c in value):
        raise ValueError("a text holds no control characters")
    return value


def _url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]+", value):
        raise ValueError("expected an address that starts with https://")
    return value


Number = Annotated[
    Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number"}, mode="validation")
]
NameText = Annotated[str, AfterValidator(_name)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Text = Annotated[str, AfterValidator(_text)]
Symbol = Annotated[str, AfterValidator(_symbol)]
Net = Annotated[str, AfterValidator(_net)]
Address = Annotated[str, AfterValidator(_url)]
Count = Annotated[int, Field(ge=0, le=10**9)]
Places = Annotated[int, Field(ge=0, le=15)]
Significant = Annotated[int, Field(ge=1, le=15)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Stated(Model):
    """A given with a remark: `{ value = 0.3, assumed = true }`."""

    value: Number
    assumed: bool = False


def _given(value: object) -> object:
    if isinstance(value, dict):
        return Stated.model_validate(value)
    if isinstance(value, list):
        return [_given(v) if isinstance(v, list) else _number(v) for v in value]
    return _number(value)


_VECTOR = {"type": "array", "items": {"type": "number"}}
Given = Annotated[
    Decimal | Stated | list[Decimal] | list[list[Decimal]],
    BeforeValidator(_given),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number"},
                _VECTOR,
                {"type": "array", "items": _VECTOR},
                Stated.model_json_schema(),
            ]
        },
        mode="validation",
    ),
]
