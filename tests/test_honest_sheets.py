"""Honest work is never marked wrong: any exercise, any digits, any way to round and go on."""

from __future__ import annotations

import random
from collections import Counter
from itertools import product

import pytest
from exercises import KINDS, exercise
from sheets import CARRIED, CUT, EVEN, MIXED, SHOWN, UP, Person, Style, inferred, numbers
from sittings import IMPOSSIBLE, STYLES

from tracer import labels
from tracer.check.answers import Answer, Answers
from tracer.check.diagnosis import Examiner, Tier
from tracer.check.examination import Exercise, examined
from tracer.check.precision import Precision, carried
from tracer.check.typed import read

SEEDS, SHEETS = range(12), 8


def sheets_of(kind, seed, count=SHEETS):
    """Sheets of one exercise, filled in differently: what was typed, how, at which nodes."""
    graph, r = exercise(kind, seed), random.Random(f"{kind} {seed}")
    for style in r.sample(STYLES, count):
        try:
            typed, _ = Person(graph).fill(style, r)
        except IMPOSSIBLE:
            continue  # ln(1 - p) where p was rounded to 1
        share = r.choice([1, 1, 0.5, 0.25])
        yield typed, style, {n for n in typed if r.random() < share}


def assert_fine(graph, own, about):
    found = Examiner(graph).examine(own)
    wrong = [graph.trace.names[graph.places[n].cell] for n in sorted(found.bad)]
    assert found.tier is Tier.FINE, (about, wrong)


def test_every_way_to_work_is_there():
    assert {3, 4, 5, 6, 8} <= {s.decimals for s in STYLES}
    assert {3, 4, 5} <= {s.significant for s in STYLES}
    assert {UP, EVEN, CUT} == {s.mode for s in STYLES}
    assert {CARRIED, SHOWN, MIXED} == {s.carries for s in STYLES}
    assert {False, True} == {s.products for s in STYLES}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_sheet_is_fine_to_the_digits_declared(kind, seed):
    for typed, style, asked in sheets_of(kind, seed):
        assert_fine(exercise(kind, seed), numbers(typed, style, asked), style)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_sheet_is_fine_to_the_digits_it_shows(kind, seed, exact):
    graph = exercise(kind, seed)
    for k, (typed, style, asked) in enumerate(sheets_of(kind, seed, SHEETS // 2)):
        own = inferred(typed, style, asked, k % 2 == 0, graph.values if exact else None)
        assert_fine(graph, own, style)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_sheet_is_marked_right_with_nothing_declared(kind, seed):
    """From the texts to the marks: how many digits are carried is told from the sheet alone."""
    graph, r = exercise(kind, seed), random.Random(f"{kind} {seed} marked")
    for typed, style, asked in sheets_of(kind, seed):
        if style.mode == CUT or not asked:
            continue
        chosen = r.sample(sorted(asked), min(len(asked), 30))
        sheet = examined(
            Exercise(graph, (), None), answers(graph, {n: typed[n] for n in chosen}, r)
        )
        assert not sheet.remarks
        assert {j.name: j.typed for j in sheet.judged if not j.mark.accepted} == {}, style


def test_who_cuts_all_digits_off_is_nearly_always_seen_to():
    """Cut numbers are nearer to 0, but differences of them are not; all steps are asked for."""
    seen = Counter()
    for kind, seed, digits in product(KINDS, range(4), [(5, None), (None, 5), (4, None)]):
        graph, r = exercise(kind, seed), random.Random(f"{kind} {seed} cut")
        try:
            typed, _ = Person(graph).fill(Style(*digits, mode=CUT, carries=CARRIED), r)
        except IMPOSSIBLE:
            continue
        chosen = r.sample(sorted(typed), min(len(typed), 60))
        sheet = examined(
            Exercise(graph, (), None), answers(graph, {n: typed[n] for n in chosen}, r)
        )
        seen["right" if sheet.fine else "accused"] += 1
    assert seen["accused"] <= 0.05 * seen.total() > 5


def answers(graph, typed, r):
    """A person's answers, perhaps without the zeros at their ends."""
    program, zeros = graph.trace.program, r.random() < 0.5
    found = []
    for n, number in typed.items():
        text = f"{number:f}" if zeros or "." not in f"{number:f}" else f"{number:f}".rstrip("0")
        place = graph.places[n]
        name = labels.name(program.label(place.cell))
        found.append(Answer(name, text, read(text), "", "", place.iteration, place.sample))
    return Answers("one", tuple(found))


@pytest.mark.parametrize("kind", KINDS)
def test_somebody_who_rounds_nothing_is_right(kind):
    graph = exercise(kind, 1)
    typed, _ = Person(graph).fill(Style(15, carries=SHOWN))
    assert_fine(graph, numbers(typed, Style(15)), "15 decimals")


def test_products_rounded_inside_a_sum_stand_out_without_their_allowance():
    """Else the tests above would show nothing: with no rounding allowed inside, many fail."""
    failures = 0
    for seed in range(20):
        graph = exercise("random", seed)
        typed, _ = Person(graph).fill(Style(4, products=True))
        own = numbers(typed, Style(4))
        strict = type(own)(own.typed, lambda value, radius: 0.0)
        failures += Examiner(graph).examine(strict).tier is not Tier.FINE
    assert failures > 5


# ---- how many digits somebody carries --------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "decimals", "significant"),
    [
        ("0.5933 0.0012 1.1059 0.7513 12.3000", 4, None),
        ("0.593 0.00124 1.11 0.751 12.3 0.0000351", None, 3),
        ("0.5933 0.5969 0.7514 0.7729", 4, 4),  # either: all have as many
        ("0.59327 0.5968843 0.751365069552 0.77", 7, 7),  # no rule in it
        ("1/3 2/7", None, 14),
        ("0.59326999210718 0.596884378259767 1.10590596705977", None, 14),
        ("0 0.00", None, 14),
        ("15100 -143000 9290 122 6.16 0.0515 -22.1 14200 9.48 411", None, 3),  # zeros fill up
    ],
)
def test_the_digits_carried_are_told_from_those_typed(texts, decimals, significant):
    assert Precision(decimals, significant) == carried([read(text) for text in texts.split()])


@pytest.mark.parametrize(
    ("text", "precision", "known"),
    [
        ("0.42", Precision(4, None), 0.005),  # what was typed counts
        ("8900", Precision(None, 3), 5.0),  # zeros before the point may say nothing
        ("8900", Precision(0, None), 0.5),
        ("8950", Precision(None, 2), 50.0),
        ("8951", Precision(None, 2), 0.5),
        ("0", Precision(4, None), 0.00005),
        ("0", Precision(None, 3), 0.0),  # nothing but 0 has no first digit
        ("1/3", Precision(4, None), 0.0),
        ("0.42", Precision(4, None, cut=True), 0.01),
    ],
)
def test_how_far_a_typed_number_is_known(text, precision, known):
    assert precision.known(read(text)) == pytest.approx(known)
