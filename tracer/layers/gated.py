"""Recurrent layers with gates, which say how much of something passes: LSTM and GRU.

LSTM   i f o  input, forget, output gate    g  candidate    c  cell state
GRU    r z    reset and update gate         n  candidate, its net made of nx and nh
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, Discriminator, Field, Tag

from tracer.catalog.cells import BLENDS, CANDIDATE, FIRST_STATE, RESET, SHOWN, STATE
from tracer.fields import NameText, Pattern, PatternOrNames, choice, found, quoted
from tracer.inventory import counted
from tracer.layers.base import BIAS, WEIGHT, Checked, Counted, Named, Place, Use, listed
from tracer.layers.parameters import check_biases, matrix, offsets, oriented
from tracer.layers.recurrent import Recurrent, every, joined
from tracer.layers.shapes import Names, Shape, spread, wrongly_named
from tracer.program import Cells

if TYPE_CHECKING:
    from tracer.build.network import Bench
    from tracer.scenario import Scenario


def _one_or_each(value: object) -> str | None:
    return "(one)" if isinstance(value, str) else "(each)" if isinstance(value, dict) else None


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"expected a pattern like 'z_{{g}}{{j}}', found {found(value)}")
    return value


_EXPECTED = "expected the name of a matrix, or a table of names, one for every gate"
#: A matrix with the rows of all gates one below the other, or a matrix for each gate.
ByGate = Annotated[
    Annotated[NameText, Tag("(one)")] | Annotated[dict[str, NameText], Tag("(each)")],
    Discriminator(_one_or_each, "by_gate", _EXPECTED),
]
GatePattern = Annotated[Pattern, BeforeValidator(_text)]


class _Gated(Recurrent):
    """What has a weighted sum for every gate."""

    weights: ByGate
    recurrent: ByGate
    bias: ByGate | None = None
    gates: list[str]  # in the order in which one matrix has them
    net: GatePattern | None = None
    gate: GatePattern | None = None

    def _nets(self) -> tuple[str, ...]:
        """What stands for {g} in the names of nets, gate by gate."""
        return tuple(self.gates)

    def _outs(self) -> tuple[str, ...]:
        """What stands for {g} in the names of gates."""
        return tuple(self.gates)

    def _usual(self, place: Place) -> tuple[str, str]:
        """What nets and gates are called if nothing is said."""
        return f"net_{{g}}{place.mark}", f"{{g}}{place.mark}"

    def uses(self) -> Iterator[Use]:
        for role, field in ((WEIGHT, "weights"), (WEIGHT, "recurrent"), (BIAS, "bias")):
            value = getattr(self, field)
            names = list(value.values()) if isinstance(value, dict) else listed(value)
            yield Use(role, field, names)
        yield from super().uses()

    # ---- what is wrong -------------------------------------------------------------------

    def shape(self, s: Scenario, before: Sequence[Shape]) -> Checked:
        usual = type(self).model_fields["gates"].default
        if sorted(self.gates) != sorted(usual):
            yield f"gates: {quoted(', '.join(self.gates))}; expected {_all(usual)} in some order"
            return None
        return (yield from super().shape(s, before))

    def _check_patterns(self, shape: Shape) -> Iterator[str]:
        yield from super()._check_patterns(shape)
        for key in ("net", "gate"):
            pattern = getattr(self, key)
            if pattern and "{g}" not in pattern:
                yield f"{key}: {pattern!r} names several gates; write {{g}} for the gate"
            elif wrong := wrongly_named(pattern and pattern.replace("{g}", "g"), shape, "gate"):
                yield f"{key}: {wrong}"

    def _check_units(self, s: Scenario, width: int) -> Counted:
        wrong = [w for field in ("weights", "recurrent", "bias") for w in self._wrong_gates(field)]
        yield from wrong
        if wrong:
            return 0
        units = yield from self._units(s, "weights", width)
        if not units:
            return 0
        again = yield from self._units(s, "recurrent", units)
        if again and again != units:
            yield f"recurrent: for {counted(again, 'unit')}, weights have {units}"
        if isinstance(self.bias, dict):
            for gate, name in self.bias.items():
                yield from check_biases(s, f"bias.{gate}", name, units)
        else:
            yield from check_biases(s, "bias", self.bias, units * len(self.gates))
        return units

    def _wrong_gates(self, field: str) -> Iterator[str]:
        value = getattr(self, field)
        if isinstance(value, dict):
            for gate in value:
                if gate not in self.gates:
                    yield f"{field}: no gate {quoted(gate)}; there are {_all(self.gates)}"
            for gate in self.gates:
                if gate not in value:
                    yield f"{field}.{gate}: missing"

    def _units(self, s: Scenario, field: str, width: int) -> Counted:
        """Yields what is wrong with the matrices of all gates; returns the units of each."""
        value, gates = getattr(self, field), self.gates
        if isinstance(value, str):
            rows = yield from matrix(s, field, value, self.rows, width)
            if rows % len(gates):
                yield f"{field}: {counted(rows, 'unit')} in {value}, for {len(gates)} gates"
                return 0
            return rows // len(gates)
        units = {}
        for gate in gates:
            units[gate] = yield from matrix(s, f"{field}.{gate}", value[gate], self.rows, width)
        first, *others = gates
        for gate in others:
            if all(units.values()) and units[gate] != units[first]:
                own = counted(units[gate], "unit")
                yield f"{field}.{gate}: {own}, but {units[first]} for gate {first}"
                return 0
        return units[first] if all(units.values()) else 0

    # ---- names and parameters by gate ----------------------------------------------------

    def steps(self, s: Scenario, before: Sequence[Shape], found: Shape, place: Place) -> Named:
        shape = every(before[-1], found.sizes[-1])
        net, gate = self._usual(place)

        def called(pattern: str, letters: Sequence[str]) -> Names:
            each = (pattern.replace("{g}", letter) for letter in letters)
            return np.stack([spread(p, shape, place.number) for p in each])

        return {
            "net": called(self.net or net, self._nets()),
            "gate": called(self.gate or gate, self._outs()),
            **super().steps(s, before, found, place),
        }

    def _tables(self, on: Bench, field: str) -> dict[str, Cells]:
        """The weights of every gate: [unit, input]."""
        value, gates = getattr(self, field), self.gates
        if isinstance(value, dict):
            return {g: on.named(oriented(on.s, value[g], self.rows)) for g in gates}
        whole = on.named(oriented(on.s, value, self.rows))
        return dict(zip(gates, np.split(whole, len(gates)), strict=True))

    def _offsets(self, on: Bench, units: int) -> dict[str, Cells]:
        """The biases of every gate, -1 without."""
        if isinstance(self.bias, dict):
            return {g: offsets(on, self.bias[g], units) for g in self.gates}
        whole = offsets(on, self.bias, units * len(self.gates))
        return dict(zip(self.gates, np.split(whole, len(self.gates)), strict=True))


class LSTM(_Gated):
    """A cell state that a forget gate keeps and an input gate adds to."""

    kind: Literal["lstm"] = "lstm"
    gates: list[str] = Field(default=["i", "f", "g", "o"])
    start_cell: NameText | None = None  # the first cell state
    cell: PatternOrNames | None = None

    @property
    def word(self) -> str:
        return "LSTM"

    def _starts(self) -> Mapping[str, str | None]:
        return {**super()._starts(), "start_cell": self.start_cell}

    def _usual(self, place: Place) -> tuple[str, str]:
        return f"z_{{g}}{place.mark}", f"{{g}}{place.mark}"

    def _patterns(self, place: Place) -> Mapping[str, str | list[str]]:
        return {"cell": self.cell or f"c{place.mark}", **super()._patterns(place)}

    def _through(self, on: Bench, x: Cells, *start: Cells | None) -> Cells:
        w, u = self._tables(on, "weights"), self._tables(on, "recurrent")
        b = self._offsets(on, len(w["i"]))
        nets = dict(zip(self._nets(), on.names["net"], strict=True))
        outs = dict(zip(self._outs(), on.names["gate"], strict=True))
        (h, c), states = start, []
        for t, now in enumerate(x):
            a = {}
            for gate in self.gates:
                z = on.sums(*joined(now, w[gate], h, u[gate]), b[gate], nets[gate][t])
                a[gate] = on.activated("tanh" if gate == "g" else "sigmoid", z, outs[gate][t])
            cells = on.names["cell"][t]
            if c is None:
                c = on.emit(FIRST_STATE, cells, i=a["i"], g=a["g"])
            else:
                c = on.emit(STATE, cells, f=a["f"], p=c, i=a["i"], g=a["g"])
            h = on.emit(SHOWN, on.names["out"][t], o=a["o"], c=c)
            states.append(h)
        return np.stack(states)


class GRU(_Gated):
    """A hidden state that an update gate blends from the one before and a candidate.

    nx and nh are the candidate's sums of the inputs and of the hidden state; rh is what a reset
    before the sum leaves of the hidden state.
    """

    kind: Literal["gru"] = "gru"
    gates: list[str] = Field(default=["r", "z", "n"])
    reset: Annotated[str, *choice("after", "before")] = "after"  # the recurrent weights of n
    blend: Annotated[str, *choice(*BLENDS)] = "(1 - z)*n + z*h"
    recurrent_bias: NameText | None = None  # of the candidate, inside of what is reset

    @property
    def word(self) -> str:
        return "GRU"

    def _nets(self) -> tuple[str, ...]:
        return (*self.gates, "nx", "nh") if self.reset == "after" else tuple(self.gates)

    def _outs(self) -> tuple[str, ...]:
        return tuple(self.gates) if self.reset == "after" else (*self.gates, "rh")

    def uses(self) -> Iterator[Use]:
        yield from super().uses()
        yield Use(BIAS, "recurrent_bias", listed(self.recurrent_bias))

    def _check_units(self, s: Scenario, width: int) -> Counted:
        if self.start is None:
            yield "start: missing; a GRU blends in the hidden state before, such as h0 = [0, 0]"
        if self.recurrent_bias and self.reset == "before":
            yield "recurrent_bias: only where the reset comes after the recurrent weights"
        units = yield from super()._check_units(s, width)
        yield from check_biases(s, "recurrent_bias", self.recurrent_bias, units)
        return units

    def _through(self, on: Bench, x: Cells, *start: Cells | None) -> Cells:
        w, u = self._tables(on, "weights"), self._tables(on, "recurrent")
        b = self._offsets(on, len(w["r"]))
        inner = offsets(on, self.recurrent_bias, len(w["r"]))
        nets = dict(zip(self._nets(), on.names["net"], strict=True))
        outs = dict(zip(self._outs(), on.names["gate"], strict=True))
        (h,), states = start, []
        assert h is not None, "checked"
        for t, now in enumerate(x):
            a = {}
            for gate in ("r", "z"):
                z = on.sums(*joined(now, w[gate], h, u[gate]), b[gate], nets[gate][t])
                a[gate] = on.activated("sigmoid", z, outs[gate][t])
            if self.reset == "after":
                new = on.sums(now, w["n"], b["n"], nets["nx"][t])
                old = on.sums(h, u["n"], inner, nets["nh"][t])
                net = on.emit(CANDIDATE, nets["n"][t], a=new, r=a["r"], b=old)
            else:
                kept = on.emit(RESET, outs["rh"][t], r=a["r"], h=h)
                net = on.sums(*joined(now, w["n"], kept, u["n"]), b["n"], nets["n"][t])
            n = on.activated("tanh", net, outs["n"][t])
            h = on.emit(BLENDS[self.blend], on.names["out"][t], z=a["z"], g=n, h=h)
            states.append(h)
        return np.stack(states)


def _all(gates: Sequence[str]) -> str:
    *some, last = gates
    return f"{', '.join(some)} and {last}"
