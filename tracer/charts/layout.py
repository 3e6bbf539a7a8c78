"""Where everything in a chart stands: frame, ticks and captions, the legend above the frame.

x y  right and down, in px
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tracer.charts.axes import TICK
from tracer.charts.captions import breadth
from tracer.charts.chart import (
    RADIUS,
    Anchor,
    Chart,
    Curve,
    Group,
    Marker,
    Path,
    Plot,
    Segment,
    Shape,
    Text,
)
from tracer.charts.thinning import COARSE, Point, thinned
from tracer.figure import Box, meet
from tracer.symbols import text_breadth

TITLE, WORDS, COUNT = 15.0, 13.0, 10.0  # font sizes, px
MARGIN = 18.0
TITLE_ROW, KEY_ROW, CAPTION_ROW = 21.0, 22.0, 20.0
ABOVE = 13.0  # between what stands above the frame and the frame
MARK = 5.0  # length of a tick's mark
BESIDE, BELOW = 9.0, 17.0  # from the frame to the texts of ticks: their ends, their middles
UNDER = 40.0  # … and to the middle of the horizontal axis's caption
SAMPLE, AFTER_SAMPLE, AFTER_KEY = 28.0, 7.0, 14.0  # of the legend


def laid_out(plot: Plot) -> Chart:
    """A plot with a place for everything; the legend stands above the frame."""
    left, width = _breadths(plot)
    room = width - 2 * MARGIN
    titles = tuple(_titles(plot, width))
    keys, legend = _legend(plot, MARGIN + TITLE_ROW * len(titles), room)
    bottom = max(
        (text.y + KEY_ROW / 2 for text in legend), default=MARGIN + TITLE_ROW * len(titles)
    )
    top = bottom + CAPTION_ROW + ABOVE
    frame = (left, top, left + plot.wide, top + plot.high)
    captions = (
        Text(plot.y.caption, MARGIN, bottom + CAPTION_ROW / 2, WORDS),
        Text(plot.x.caption, left + plot.wide / 2, frame[3] + UNDER, WORDS, Anchor.MIDDLE),
    )
    markers = tuple(_markers(plot, frame))
    return Chart(
        plot, width, frame[3] + UNDER + MARGIN, frame,
        tuple(_grid(plot, frame)), tuple(_marks(plot, frame)), tuple(_paths(plot, frame)),
        tuple(_in_order(markers)), tuple(_counts(markers, frame)), keys,
        (*titles, *legend, *(_fitted(text, room) for text in captions), *_numerals(plot, frame)),
    )  # fmt: skip


# ---- around the frame ------------------------------------------------------------------


def _breadths(plot: Plot) -> tuple[float, float]:
    """Where the frame starts, and how wide the drawing is."""
    beside = max(breadth(tick.caption, TICK) for tick in plot.y.ticks)
    first, *_, last = (breadth(tick.caption, TICK) / 2 for tick in plot.x.ticks)
    left = MARGIN + max(beside + BESIDE, first)
    return left, left + plot.wide + max(MARGIN, MARGIN / 2 + last)


def _fitted(text: Text, room: float) -> Text:
    """The text, smaller if it has to be."""
    wide = breadth(text.caption, text.size)
    return replace(text, size=text.size * room / wide) if wide > room else text


def _rows(widths: Sequence[float], room: float) -> Iterator[list[int]]:
    """What stands in each row, from what comes first."""
    row, used = list[int](), 0.0
    for k, wide in enumerate(widths):
        if row and used + wide > room:
            yield row
            row, used = [], 0.0
        row.append(k)
        used += wide
    if row:
        yield row


def _titles(plot: Plot, width: float) -> Iterator[Text]:
    words, room = plot.title.split(), width - 2 * MARGIN
    for number, row in enumerate(_rows([text_breadth(f"{word} ", TITLE) for word in words], room)):
        line = " ".join(words[k] for k in row)
        y = MARGIN + TITLE_ROW * (number + 0.5)
        yield _fitted(Text((line,), width / 2, y, TITLE, Anchor.MIDDLE), room)


def _legend(
    plot: Plot, top: float, room: float
) -> tuple[tuple[Path | Marker, ...], tuple[Text, ...]]:
    """A sample and a caption for every curve and group that has one."""
    every: tuple[Curve | Group, ...] = (*plot.groups, *plot.curves)
    named = [shown for shown in every if shown.caption]
    lead = SAMPLE + AFTER_SAMPLE
    wide = [lead + breadth(shown.caption, WORDS) + AFTER_KEY for shown in named]
    samples, texts = list[Path | Marker](), list[Text]()
    for number, row in enumerate(_rows(wide, room + AFTER_KEY)):
        x, y = MARGIN, top + KEY_ROW * (number + 0.5)
        for k in row:
            samples.append(_sample(named[k], x, y))
            texts.append(_fitted(Text(named[k].caption, x + lead, y, WORDS), room - lead))
            x += wide[k]
    return tuple(samples), tuple(texts)


def _sample(shown: Curve | Group, x: float, y: float) -> Path | Marker:
    if isinstance(shown, Group):
        return Marker(x + SAMPLE / 2, y, shown.shape, shown.look)
    return Path(((x, y), (x + SAMPLE, y)), shown.look)


def _numerals(plot: Plot, frame: Box) -> Iterator[Text]:
    """What is written at the ticks."""
    for tick in plot.x.ticks:
        x, _ = _at(frame, plot.x.part(tick.at), 0)
        yield Text(tick.caption, x, frame[3] + BELOW, TICK, Anchor.MIDDLE, faint=True)
    for tick in plot.y.ticks:
        _, y = _at(frame, 0, plot.y.part(tick.at))
        yield Text(tick.caption, frame[0] - BESIDE, y, TICK, Anchor.END, faint=True)


# ---- inside the frame ------------------------------------------------------------------


def _at(frame: Box, right: float, up: float) -> Point:
    """A place in the frame, by parts of its sides."""
    return frame[0] + right * (frame[2] - frame[0]), frame[3] - up * (frame[3] - frame[1])


def _places(plot: Plot, frame: Box, points: Sequence[Point]) -> list[Point]:
    return [_at(frame, plot.x.place(x), plot.y.place(y)) for x, y in points]


def _grid(plot: Plot, frame: Box) -> Iterator[Segment]:
    """A line at every tick of the vertical axis; of both, where points are scattered."""
    for tick in plot.y.ticks:
        _, y = _at(frame, 0, plot.y.part(tick.at))
        yield frame[0], y, frame[2], y
    for tick in plot.x.ticks if plot.groups else ():
        x, _ = _at(frame, plot.x.part(tick.at), 0)
        yield x, frame[1], x, frame[3]


def _marks(plot: Plot, frame: Box) -> Iterator[Segment]:
    """The short lines at the axes."""
    for tick in plot.x.ticks:
        x, _ = _at(frame, plot.x.part(tick.at), 0)
        yield x, frame[3], x, frame[3] + MARK
    for at in plot.y.minor:
        _, y = _at(frame, 0, plot.y.part(at))
        yield frame[0] - MARK, y, frame[0], y


def _paths(plot: Plot, frame: Box) -> Iterator[Path]:
    strips = COARSE // max(len(plot.curves), 1)
    for curve in plot.curves:
        yield Path(thinned(_places(plot, frame, curve.points), strips), curve.look)


def _markers(plot: Plot, frame: Box) -> Iterator[Marker]:
    """A marker for every point that has one; equal where points coincide."""
    for curve in plot.curves:
        if curve.dotted:
            for x, y in _places(plot, frame, curve.points):
                yield Marker(x, y, Shape.DOT, curve.look)
    for group in plot.groups:
        for x, y in _places(plot, frame, group.points):
            yield Marker(round(x, 1), round(y, 1), group.shape, group.look)


def _in_order(markers: Sequence[Marker]) -> list[Marker]:
    """The markers once a place, open circles last: they cover nothing."""
    return sorted(dict.fromkeys(markers), key=lambda marker: marker.shape is Shape.CIRCLE)


def _counts(markers: Sequence[Marker], frame: Box) -> Iterator[Text]:
    """How many points stand in one place, beside it, off every marker and other count."""
    counts: list[Text] = []
    for marker, number in Counter(markers).items():
        if number > 1:
            places = list(_beside(marker, number))
            free = (
                text for text in places
                if _inside(text.box, frame)
                and not any(meet(text.box, other.box) for other in counts)
                and not any(map(text.touches, markers))
            )  # fmt: skip
            counts.append(next(free, places[0]))
    yield from counts


def _beside(marker: Marker, number: int) -> Iterator[Text]:
    """The places for a count: across the marker's corners from the upper right, then its sides."""
    for down, x in ((-1, RADIUS - 1), (1, RADIUS - 1), (0, RADIUS + 2)):
        for anchor, way in ((Anchor.START, 1), (Anchor.END, -1)):
            at = marker.x + way * x, marker.y + down * (RADIUS + COUNT / 2)
            yield Text((f"×{number}",), *at, COUNT, anchor, look=marker.look)


def _inside(box: Box, frame: Box) -> bool:
    return frame[0] < box[0] and frame[1] < box[1] and box[2] < frame[2] and box[3] < frame[3]
