"""Fewer points for the same picture: what a curve keeps when it is drawn.

x y  right and down, in px; x never goes back
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from math import hypot

Point = tuple[float, float]

FINE, COARSE = 500, 150  # strips in which a drawing is looked at
PER_STRIP = 4  # points that a strip keeps at most
UNSEEN = 0.1  # px that a point may lie off the line and not be missed


def thinned(points: Sequence[Point], strips: int = COARSE) -> tuple[Point, ...]:
    """The curve through fewer points, its ends and its highest and lowest among them.

    returns   at most PER_STRIP points a strip
    """
    fine = _straightened(_striped(points, FINE))
    return fine if len(fine) <= PER_STRIP * strips else _straightened(_striped(fine, strips))


def _striped(points: Sequence[Point], strips: int) -> list[Point]:
    """Of every strip the first point, the last, the highest and the lowest."""
    left, right = points[0][0], points[-1][0]
    wide = (right - left) / strips or 1.0
    kept: list[Point] = []
    for _, same in groupby(points, lambda point: min(int((point[0] - left) / wide), strips - 1)):
        strip = list(same)
        kept += (strip[k] for k in sorted({0, len(strip) - 1, *_extremes(strip)}))
    return kept


def _straightened(points: Sequence[Point]) -> tuple[Point, ...]:
    """The curve without the points that its line would pass anyway (Douglas, Peucker 1973)."""
    kept = {0, len(points) - 1, *_extremes(points)}
    todo = list(pairwise(sorted(kept)))
    while todo:
        start, end = todo.pop()
        off, k = max(
            ((_distance(points[k], points[start], points[end]), k) for k in range(start + 1, end)),
            default=(0.0, start),
        )
        if off > UNSEEN:
            kept.add(k)
            todo += [(start, k), (k, end)]
    return tuple(points[k] for k in sorted(kept))


def _extremes(points: Sequence[Point]) -> tuple[int, int]:
    """Where the curve is highest and lowest, for the first time."""
    heights = [y for _, y in points]
    return heights.index(min(heights)), heights.index(max(heights))


def _distance(point: Point, start: Point, end: Point) -> float:
    """How far a point is from the stretch between two others."""
    (x, y), (x0, y0), (x1, y1) = point, start, end
    across, down = x1 - x0, y1 - y0
    square = across * across + down * down
    along = ((x - x0) * across + (y - y0) * down) / square if square else 0.0
    along = min(max(along, 0.0), 1.0)
    return hypot(x - x0 - along * across, y - y0 - along * down)
