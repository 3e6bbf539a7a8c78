"""Places for the labels of edges: near their start, off every circle, off each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tracer.figure import Box, Edge, Node, along, crosses, ground, meet, named, touches

BEST = 0.3  # near the start, where the lines of one source have parted
PLACES = tuple(k / 50 for k in range(8, 41))  # 0.16 … 0.8
CROSSED, COVERED = 10.0, 1000.0  # what it costs when a line crosses a label, a label another
MAX_CROSSED = 0.2  # lines through a label, on average, from where names help nobody
SWEEPS = 12


def placed(nodes: Sequence[Node], edges: Sequence[Edge]) -> Iterator[Edge]:
    """The edges with their labels where they are read best, gap by gap; unlabelled if nowhere."""
    spots: dict[int, float] = {}
    named = [k for k, edge in enumerate(edges) if edge.label]
    gaps = sorted({(nodes[edges[k].start].x, nodes[edges[k].end].x) for k in named})
    for ends in gaps:
        own = [k for k in named if (nodes[edges[k].start].x, nodes[edges[k].end].x) == ends]
        spots.update(_spots(nodes, edges, own))
    for k, edge in enumerate(edges):
        if k in spots:
            yield replace(edge, at=spots[k])
        else:
            yield replace(edge, label=None, faint=edge.faint or bool(edge.label))


def _spots(nodes: Sequence[Node], edges: Sequence[Edge], own: Sequence[int]) -> dict[int, float]:
    """A place for every label of a gap, or for none: the cheapest, changed until none improves."""
    choices = {k: list(_choices(nodes, edges, k)) for k in own}
    if not all(choices.values()):
        return {}
    chosen = {k: min(choices[k], key=lambda choice: choice[0]) for k in own}
    for _ in range(SWEEPS):
        before = dict(chosen)
        for k in own:
            others = [chosen[other][2] for other in own if other != k]
            chosen[k] = min(
                choices[k],
                key=lambda choice: choice[0] + COVERED * sum(meet(choice[2], o) for o in others),
            )
        if chosen == before:
            break
    boxes = [chosen[k][2] for k in own]
    covered = any(meet(a, b) for i, a in enumerate(boxes) for b in boxes[:i])
    crossed = sum(chosen[k][0] // CROSSED for k in own) / len(own)
    return {} if covered or crossed > MAX_CROSSED else {k: chosen[k][1] for k in own}


_Choice = tuple[float, float, Box]  # cost, place on the edge, box


def _choices(nodes: Sequence[Node], edges: Sequence[Edge], k: int) -> Iterator[_Choice]:
    """Places of an edge's label that touch no node."""
    edge = edges[k]
    start, end = nodes[edge.start], nodes[edge.end]
    near = [n for n in nodes if start.x - n.r <= n.x <= end.x + n.r]
    lines = [
        (nodes[e.start], nodes[e.end])
        for e in edges
        if (e.start, e.end) != (edge.start, edge.end)
        and nodes[e.start].x < end.x and nodes[e.end].x > start.x
    ]  # fmt: skip
    for at in PLACES:
        box = ground(named(edge), *along(start, end, at), edge.size)
        if not any(touches(box, node) for node in near):
            crossings = sum(crosses(box, a, b) for a, b in lines)
            yield CROSSED * crossings + 8 * abs(at - BEST), at, box
