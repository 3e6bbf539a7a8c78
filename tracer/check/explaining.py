"""Diagnoses as sentences a student understands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tracer.check.answers import Answer
from tracer.check.diagnosis import HiddenSlip
from tracer.check.graph import Graph
from tracer.check.hypotheses import LAYER, THROUGHOUT, Hypothesis
from tracer.check.marks import Explanation
from tracer.numbers import Digits, show

_SHOWN = Digits(None, 4)
_TOLD = 3  # quantities that may have been wrong where nobody asked


class _Labels(Protocol):
    """What calls nodes by the names a reader knows."""

    @property
    def graph(self) -> Graph: ...

    def label(self, node: int) -> str: ...


def explained(found: Sequence[Hypothesis]) -> tuple[tuple[Explanation, ...], bool]:
    """The explanations, and whether they are two mistakes made together."""
    if len(found) == 1:
        parts = [_part(found[0], k) for k in range(len(found[0].mistakes))]
        return tuple(parts), len(parts) > 1
    return tuple(_whole(h) for h in found), False


def _part(h: Hypothesis, k: int) -> Explanation:
    mistake, at = h.mistakes[k]
    return Explanation(mistake.id, _place(h, at), mistake.explains, mistake.says)


def _whole(h: Hypothesis) -> Explanation:
    """One of several explanations; two mistakes are told as one."""
    parts = [_part(h, k) for k in range(len(h.mistakes))]
    return Explanation(
        " + ".join(p.id for p in parts),
        ", ".join(p.at for p in parts if p.at),
        ", and ".join(p.explains for p in parts),
        " ".join(p.says for p in parts),
    )


def _place(h: Hypothesis, at: str) -> str:
    return {THROUGHOUT: "", LAYER: f"the {at}"}.get(h.scope, at) if at else ""


def hidden_says(by: _Labels, slips: Sequence[HiddenSlip]) -> str:
    """Which number nobody asked for must have been another one."""
    told = [
        f"{by.label(s.node)} was {show(s.value, _SHOWN).plain} instead of "
        f"{show(by.graph.values[s.node], _SHOWN).plain}"
        for s in slips[:_TOLD]
    ]
    return f"It fits if {' or '.join(told)}: look there first."


def remark(label: str, first: Answer, second: Answer) -> str:
    """What to say of a question that is answered twice."""
    if not second.text or first.text == second.text:
        return f"{label} is answered twice."
    return f"{label} is answered twice, {first.text} and {second.text}; the first counts."
