"""What `tracer lint` says, as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from tracer.check.lint import Alike, Findings
from tracer.check.wording import listed

WIDTH = 100


def findings_text(name: str, found: Findings) -> str:
    """The findings as lines for a terminal."""
    asked = f"{len(found.asked)} value{'' if len(found.asked) == 1 else 's'}"
    head = f"{name}, {asked} to {found.digits}"
    if found.ok:
        return f"{head}: every known mistake shows, and no two look alike.\n"
    return "\n".join([f"{head}:", *_parts(found)]) + "\n"


def _parts(found: Findings) -> Iterator[str]:
    yield from _section("No number asked for shows this mistake:", map(_words, found.silent))
    yield from _section("These look alike:", map(_words, found.alike))
    yield from _section("0 to these digits, so that a factor is lost:", found.zero)
    yield from _section("At the end of their activation, where nothing moves:", found.saturated)
    yield from _section("The same digits by coincidence:", map(listed, found.equal))
    yield from _section("Honest rounding alone may change these by half or more:", found.vague)
    if found.extra:
        rest = f"; {_count(found.left)} would be left" if found.left else " to tell all of it apart"
        yield from _section(f"Ask for these too{rest}:", found.extra)
    elif found.left:
        yield from _section("No further number would help.", ())


def _section(title: str, items: Iterable[str]) -> Iterator[str]:
    lines = [line for item in items for line in _item(item)]
    if lines or title.endswith("."):
        yield from ("", title, *lines)


def _item(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  - ", subsequent_indent="    ")


def _words(alike: Alike) -> str:
    return " | ".join(alike.mistakes)


def _count(left: tuple[Alike, ...]) -> str:
    return f"{len(left)} case{'' if len(left) == 1 else 's'}"
