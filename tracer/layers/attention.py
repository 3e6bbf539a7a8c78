"""Attention: every row of the inputs asks all rows, and gets their values by how well they match.

q k v  queries, keys, values      s  scores      a  attention weights, a softmax of a row's
o      what a row gets            y  that through the output matrix
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from tracer.catalog.cells import CONTEXT, SCORES
from tracer.errors import nearest
from tracer.fields import NameText, PatternOrNames, Positive, choice
from tracer.inventory import counted, not_given
from tracer.layers.base import (
    BIAS,
    CONSTANT,
    WEIGHT,
    Checked,
    Counted,
    Layer,
    Named,
    Place,
    Use,
    listed,
)
from tracer.layers.parameters import (
    Rows,
    check_biases,
    matrix,
    offsets,
    oriented,
    other_than_mask,
    parameter,
)
from tracer.layers.shapes import Names, Shape, spread, wrongly_named
from tracer.limits import MAX_OPERANDS
from tracer.program import Cells

if TYPE_CHECKING:
    from tracer.build.network import Bench
    from tracer.scenario import Scenario

_MADE = {"queries": "q", "keys": "k", "values": "v"}  # the matrices, and what they make
_MATRICES = (*_MADE, "output")
CAUSAL = "causal"  # a mask: a row sees itself and those before


class Attention(Layer):
    """Dot-product attention of the rows of its inputs, in one head or several."""

    kind: Literal["attention"] = "attention"
    queries: NameText | None = None  # the matrix that makes them; the inputs themselves without
    keys: NameText | None = None
    values: NameText | None = None
    output: NameText | None = None  # the matrix that the heads together go through
    queries_bias: NameText | None = None
    keys_bias: NameText | None = None
    values_bias: NameText | None = None
    output_bias: NameText | None = None
    rows: Rows = "inputs"
    heads: Positive = 1
    scores: Annotated[str, *choice(*SCORES)] = "scaled"
    mask: NameText | None = None  # 1 where a row sees another, 0 where not; or "causal"
    q: PatternOrNames | None = None  # what its steps are called
    k: PatternOrNames | None = None
    v: PatternOrNames | None = None
    s: PatternOrNames | None = None
    a: PatternOrNames | None = None
    o: PatternOrNames | None = None
    out: PatternOrNames | None = None

    def uses(self) -> Iterator[Use]:
        for part in _MATRICES:
            yield Use(WEIGHT, part, listed(getattr(self, part)))
        for part in _MATRICES:
            yield Use(BIAS, f"{part}_bias", listed(getattr(self, f"{part}_bias")))
        if self.mask != CAUSAL:
            yield Use(CONSTANT, "mask", listed(self.mask))

    # ---- shapes --------------------------------------------------------------------------

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        x = before[-1]
        if len(x.sizes) != 2:
            yield f"kind: {x.in_words} inputs; attention takes several rows of numbers"
            return None
        for part in _MATRICES:
            if getattr(self, part) is None and getattr(self, f"{part}_bias") is not None:
                yield f"{part}: missing; {part}_bias is added to what this matrix makes"
                return None
        widths: dict[str, int] = {}
        for part in _MADE:
            widths[part] = yield from self._check_matrix(s, part, x.sizes[1])
        if not all(widths.values()):
            return None
        if widths["queries"] != widths["keys"]:
            yield f"keys: of length {widths['keys']}, the queries are of {widths['queries']}"
            return None
        for part, width in widths.items():
            if width % self.heads:
                numbers = counted(width, "number")
                yield f"heads: {part} of {numbers} cannot be split into {self.heads} heads"
                return None
        factors = x.sizes[0] ** 2 * widths["queries"]
        if factors > MAX_OPERANDS:
            yield f"kind: scores of {factors:,} products; at most {MAX_OPERANDS:,}"
            return None
        wrong = [*self._check_mask(s, x.sizes[0])]
        yield from wrong
        units = yield from self._check_matrix(s, "output", widths["values"])
        if wrong or not units:
            return None
        found = Shape((x.sizes[0], units), x.axes)
        for key, shape in self._shapes(s, x, found).items():
            if wrongly := wrongly_named(getattr(self, key), shape, "number"):
                yield f"{key}: {wrongly}"
        return found

    def _check_matrix(self, s: Scenario, part: str, width: int) -> Counted:
        """Yields what is wrong with one of the matrices; returns how long its rows come out."""
        name = getattr(self, part)
        units = width
        if name is not None:
            units = yield from matrix(s, part, name, self.rows, width)
        yield from check_biases(s, f"{part}_bias", getattr(self, f"{part}_bias"), units)
        return units

    def _check_mask(self, s: Scenario, rows: int) -> Iterator[str]:
        if self.mask in (None, CAUSAL):
            return
        assert self.mask
        found = parameter(s, self.mask)
        if found is None or found.ndim != 2:
            meant = nearest(self.mask, [CAUSAL]) if found is None else ""
            yield f"mask: {not_given(s, self.mask, 'a matrix')}{meant}"
        elif found.shape != (rows, rows):
            has = " × ".join(map(str, found.shape))
            yield f"mask: {self.mask} is {has}, expected {rows} × {rows}, a row a row of the inputs"
        else:
            for name in other_than_mask(s, found):
                yield f"mask: {name} is {s.numbers[name]}; expected 0 or 1"
            for i, row in enumerate(found):
                if not any(s.numbers[name] for name in row):
                    yield f"mask: row {i + 1} of {self.mask} sees nothing"

    def _seen(self, s: Scenario, rows: int) -> NDArray[np.bool_]:
        """Whether a row sees another."""
        every = np.ones((rows, rows), bool)
        if self.mask is None:
            return every
        if self.mask == CAUSAL:
            return np.tril(every)
        names = s.elements(self.mask)
        assert names is not None, self.mask
        return np.array([[bool(s.numbers[name]) for name in row] for row in names])

    def _shapes(self, s: Scenario, x: Shape, found: Shape) -> dict[str, Shape]:
        """The shapes of the steps, by the key that names them; of what is not seen too."""
        rows, width = x.sizes
        widths = {
            part: width if name is None else len(oriented(s, name, self.rows))
            for part, name in ((part, getattr(self, part)) for part in _MADE)
        }
        made = [part for part in _MADE if getattr(self, part) is not None]
        pairs = Shape((self.heads, rows, rows), "hij")
        shapes = {_MADE[part]: Shape((rows, widths[part]), x.axes) for part in made}
        shapes |= {"s": pairs, "a": pairs}
        if self.output is not None:
            shapes["o"] = Shape((rows, widths["values"]), x.axes)
        return {**shapes, "out": found}

    # ---- steps ---------------------------------------------------------------------------

    def steps(self, s: Scenario, before: Sequence[Shape], found: Shape, place: Place) -> Named:
        usual = {"out": "o" if self.output is None else "y"}
        names = {
            key: spread(getattr(self, key) or usual.get(key, key) + place.mark, shape, place.number)
            for key, shape in self._shapes(s, before[-1], found).items()
        }
        seen = self._seen(s, found.sizes[0])
        return {**names, "s": names["s"][:, seen], "a": names["a"][:, seen]}

    def told(self, s: Scenario, before: Sequence[Shape]) -> Iterator[str]:
        if self.mask is not None:
            own = "itself and those before it" if self.mask == CAUSAL else "where the mask is 1"
            yield f"a row asks only {own}"
        if self.heads > 1:
            yield f"queries, keys and values are split among {self.heads} heads"
            yield "the indices of a score are the head, the row that asks and the row that is asked"

    def emit(self, on: Bench, x: Cells) -> Cells:
        rows, heads, names = len(x), self.heads, on.names
        parts = [self._through(on, part, x, names.get(key)) for part, key in _MADE.items()]
        q, k, v = (part.reshape(rows, heads, -1) for part in parts)
        seen = self._seen(on.s, rows)
        head, i, j = np.nonzero(np.broadcast_to(seen, (heads, rows, rows)))
        called = {key: names[key].ravel() for key in "sa"}
        scores = on.emit(SCORES[self.scores], called["s"], q_i=q[i, head], k_i=k[j, head])
        weights = np.full((rows, heads, 1, rows), -1)
        for h, row in np.ndindex(heads, rows):
            own = (head == h) & (i == row)
            weights[row, h, 0, j[own]] = on.activated("softmax", scores[own], called["a"][own])
        context = "out" if self.output is None else "o"
        each = names[context].reshape(rows, heads, -1)
        o = on.emit(CONTEXT, each, a_i=weights, v_i=np.moveaxis(v, 0, -1))
        return self._through(on, "output", o.reshape(rows, -1), names["out"])

    def _through(self, on: Bench, part: str, x: Cells, names: Names | None) -> Cells:
        """Every row through a matrix; without one as it is."""
        matrix_of = getattr(self, part)
        if matrix_of is None:
            return x
        assert names is not None
        w = on.named(oriented(on.s, matrix_of, self.rows))
        bias = offsets(on, getattr(self, f"{part}_bias"), len(w))
        return on.sums(x[:, None], w, bias, names)
