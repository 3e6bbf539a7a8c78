"""The kinds of layers there are, and how a table of a scenario becomes one of them.

A kind from outside is put into `KINDS` under its name.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    Discriminator,
    PlainValidator,
    Tag,
    WithJsonSchema,
)

from tracer.errors import nearest
from tracer.fields import found, quoted
from tracer.layers.attention import Attention
from tracer.layers.base import Layer
from tracer.layers.convolution import Convolution, Flatten, Pooling
from tracer.layers.dense import Dense
from tracer.layers.gated import GRU, LSTM
from tracer.layers.norms import BatchNorm, LayerNorm
from tracer.layers.recurrent import Simple
from tracer.layers.simple import Activation, Dropout, Embedding, Residual

_SHIPPED = (
    Dense, Convolution, Pooling, Flatten, Simple, LSTM, GRU, Attention, BatchNorm, LayerNorm,
    Activation, Residual, Dropout, Embedding,
)  # fmt: skip
KINDS: dict[str, type[Layer]] = {kind.model_fields["kind"].default: kind for kind in _SHIPPED}
_OURS = frozenset(KINDS)


def kind_of(table: object) -> str:
    """The kind that a layer says it is; dense if it says none."""
    kind = table.get("kind", "dense") if isinstance(table, dict) else getattr(table, "kind", "")
    return kind if isinstance(kind, str) else found(kind)


def _tag(table: object) -> str:
    kind = kind_of(table)
    return f"({kind})" if kind in _OURS else "(outside)"


def _known(kind: str) -> str:
    if kind not in KINDS:
        close = nearest(kind, KINDS) or f"; there are {', '.join(KINDS)}"
        raise ValueError(f"no {quoted(kind)}{close}")
    return kind


class _Unknown(BaseModel):
    kind: Annotated[str, AfterValidator(_known)]


def _outside(table: object) -> Layer:
    """A layer of a kind that somebody added; its problems are told as those of the layer."""
    if isinstance(table, Layer):
        return table
    if not isinstance(table, dict):
        raise ValueError(f"expected a table, found {found(table)}")
    return KINDS[_Unknown.model_validate(table, strict=True).kind].model_validate(table)


_SCHEMA = {
    "type": "object",
    "properties": {"kind": {"type": "string", "not": {"enum": sorted(_OURS)}}},
    "required": ["kind"],
}
_OUTSIDE: Any = Annotated[Any, PlainValidator(_outside), WithJsonSchema(_SCHEMA), Tag("(outside)")]
if TYPE_CHECKING:
    AnyLayer = Layer
else:
    AnyLayer = Annotated[
        reduce(or_, (Annotated[k, Tag(f"({name})")] for name, k in KINDS.items()), _OUTSIDE),
        Discriminator(_tag),
    ]
