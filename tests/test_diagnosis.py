"""What is said of sheets with mistakes and slips; in large numbers in benchmarks/RATES.md."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import permutations

import pytest
from exercises import exercise
from sheets import ALL, FEW, TYPICAL, Person, Style, asked, numbers
from sittings import NAMING, Sitting

import tracer
from tracer.check.diagnosis import Examiner, Tier
from tracer.check.graph import unrolled
from tracer.check.hypotheses import LAYER, THROUGHOUT, UNIT
from tracer.check.judge import Numbers, Typed, judged, rejudged

ASKS = (ALL, TYPICAL, FEW)
SITTINGS = [
    ("random", 0), ("random", 12), ("tutorial", 2), ("tutorial", 9), ("batch", 7), ("online", 1),
    ("penalised", 2), ("penalised", 5), ("sequential", 4), ("several", 2), ("windows", 0),
    ("recurrent", 1), ("gates", 0), ("attention", 1), ("norms", 3), ("passing", 0),
]  # fmt: skip


@cache
def mazur():
    return Examiner(unrolled(tracer.trace("mazur", iterations=0), [0]))


def node(examiner, name):
    graph = examiner.graph
    return graph.find(graph.iterations[0], graph.trace.cell(name), 0)


def named(examiner, nodes):
    graph = examiner.graph
    return {graph.trace.names[graph.places[n].cell] for n in nodes}


def known(examiner, mistake, scope=THROUGHOUT, at=""):
    return next(
        h for h in examiner.known
        if h.ids == (mistake,) and h.scope == scope and at in h.mistakes[0][1]
    )  # fmt: skip


def sheet(examiner, hypothesis=None, forced=None, decimals=6):
    """What somebody types; `forced` numbers by name are written there and gone on with."""
    by_node = {node(examiner, name): value for name, value in (forced or {}).items()}
    return Person(examiner.graph, hypothesis).fill(Style(decimals), forced=by_node)[0]


def examined(examiner, typed, ask=ALL, decimals=6):
    chosen = asked(examiner.graph, ask)
    return examiner.examine(numbers(typed, Style(decimals), chosen))


# ---- one sheet at a time ---------------------------------------------------------------


def test_the_right_numbers_are_fine():
    found = examined(mazur(), sheet(mazur()))
    assert (Tier.FINE, frozenset(), ()) == (found.tier, found.bad, found.explanations)


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("mistake", ["updated-weights", "bias-forgotten", "activation-missing"])
def test_a_mistake_is_told_by_its_name(mistake, ask):
    found = examined(mazur(), sheet(mazur(), known(mazur(), mistake)), ask)
    assert (Tier.MISTAKE, [(mistake,)]) == (found.tier, [h.ids for h in found.explanations])


def test_mistakes_that_give_the_same_sheet_are_all_told():
    """t - o for o - t in the error's slope, or + for - in the update: the weights are the same."""
    found = examined(mazur(), sheet(mazur(), known(mazur(), "gradient-added")), FEW)
    assert {("error-sign",), ("gradient-added",)} == {h.ids for h in found.explanations}


def test_at_a_rate_of_one_half_forgetting_it_is_as_good_as_a_2_too_many():
    found = examined(mazur(), sheet(mazur(), known(mazur(), "rate-forgotten")), FEW)
    assert {("two-kept",), ("rate-forgotten",)} == {h.ids for h in found.explanations}


def test_a_mistake_in_one_layer_is_told_with_the_layer():
    made = known(mazur(), "derivative-missing", LAYER, "hidden")
    found = examined(mazur(), sheet(mazur(), made))
    assert [(("derivative-missing",), "hidden layer")] == [
        (h.ids, h.mistakes[0][1]) for h in found.explanations
    ]


def test_a_mistake_at_one_unit_is_told_with_the_unit():
    made = known(mazur(), "other-input", UNIT)
    found = examined(mazur(), sheet(mazur(), made))
    assert found.tier in (Tier.UNIT, Tier.SLIP)
    made = known(mazur(), "derivative-missing", UNIT, "h1")
    found = examined(mazur(), sheet(mazur(), made))
    assert Tier.UNIT is found.tier
    assert ("derivative-missing",) in {h.ids for h in found.explanations}


@pytest.mark.parametrize("ask", ASKS)
def test_two_mistakes_are_told_together(ask):
    first, second = known(mazur(), "path-weight-forgotten"), known(mazur(), "half-missing")
    found = examined(mazur(), sheet(mazur(), first.and_also(second)), ask)
    assert Tier.TWO is found.tier
    assert {"path-weight-forgotten", "half-missing"} in [set(h.ids) for h in found.explanations]


def by_trying_all(examiner, own):
    """The pairs of mistakes that leave no step wrong, of all there are."""
    judged_before, found = judged(examiner.graph, examiner.graph.values, own), set()
    for first, second in permutations(examiner.known, 2):
        plan = first.and_also(second).plan(frozenset(own.typed))
        if judged_before.bad <= plan.reached and not rejudged(
            plan.steps, judged_before, own, plan.extra, first=True
        ):
            found.add(frozenset((*first.ids, *second.ids)))
    return found


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize(
    "pair", [("error-sign", "half-missing"), ("other-input", "inputs-exchanged"),
             ("derivative-missing", "path-weight-forgotten"), ("one-path", "rate-twice")],
    ids=" and ".join,
)  # fmt: skip
def test_the_search_for_two_mistakes_finds_what_trying_all_pairs_finds(pair, ask):
    some = {"gradient-added", "two-kept", "other-error", "bias-forgotten", "derivative-at-net"}
    throughout = [h for h in mazur().known if h.scope == THROUGHOUT]
    examiner = Examiner(mazur().graph, [h for h in throughout if {*h.ids} & {*some, *pair}])
    first, second = (known(examiner, mistake) for mistake in pair)
    typed = sheet(examiner, first.and_also(second), decimals=4)
    own = numbers(typed, Style(4), asked(examiner.graph, ask))
    found = examiner.examine(own)
    assert Tier.TWO is found.tier
    assert by_trying_all(examiner, own) == {frozenset(h.ids) for h in found.explanations}


def test_a_slip_costs_one_mark_and_the_rest_follows():
    found = examined(mazur(), sheet(mazur(), forced={"net_h1": 0.7375}))
    assert (Tier.SLIP, {"net_h1"}) == (found.tier, named(mazur(), found.bad))
    assert {"out_h1", "net_o1", "E", "w5+", "w1+"} <= named(mazur(), found.follows)


def test_what_a_slip_on_paper_only_leaves_right_is_right_given_nothing():
    """The number is written wrong but gone on with as it was: the steps that read it follow."""
    typed = sheet(mazur())
    typed[node(mazur(), "net_h1")] = Style(6).rounded(0.7375)
    found = examined(mazur(), typed)
    assert (Tier.SLIP, {"net_h1"}) == (found.tier, named(mazur(), found.bad))
    assert "out_h1" in named(mazur(), found.own.bad)


def test_a_factor_made_0_earns_nothing_for_the_products_with_it():
    found = examined(mazur(), sheet(mazur(), forced={"dE_o1/dout_o1": 0.0}))
    assert "dE_o1/dout_o1" in named(mazur(), found.bad)
    assert len(found.bad) > 1


def test_a_slip_that_nobody_sees_is_found_from_what_follows():
    """∂E/∂out_h1 is not asked for; w1⁺ and w2⁺ are both off."""
    found = examined(mazur(), sheet(mazur(), forced={"dE/dout_h1": 0.5}), FEW)
    assert (Tier.HIDDEN_SLIP, {"w1+", "w2+"}) == (found.tier, named(mazur(), found.bad))
    slip = next(s for s in found.hidden if s.node == node(mazur(), "dE/dout_h1"))
    assert 0.5 == pytest.approx(slip.value, abs=1e-3)


@pytest.mark.parametrize(("value", "told"), [(0.95, True), (1.05, False), (-0.3, False)])
def test_a_sigmoid_that_nobody_sees_was_between_0_and_1(value, told):
    """out_h1 is not asked for; out_o1, out_o2 and w5⁺ are computed from it."""
    typed = sheet(mazur(), forced={"out_h1": value})
    seen = {node(mazur(), n) for n in ("net_h1", "out_o1", "out_o2", "w5+", "w6+")}
    found = mazur().examine(numbers(typed, Style(6), seen))
    slips = {s.node: s.value for s in found.hidden}
    assert told is (node(mazur(), "out_h1") in slips)
    assert not told or 0.95 == pytest.approx(slips[node(mazur(), "out_h1")], abs=1e-3)


def test_what_nothing_explains_is_unknown_from_its_first_wrong_step():
    typed = sheet(mazur())
    for k, name in enumerate(("net_h2", "E_o1", "dE_total/dw5", "w3+")):
        typed[node(mazur(), name)] += Style(6).rounded(0.123 * (k + 1))
    found = examined(mazur(), typed)
    assert (Tier.UNKNOWN, ()) == (found.tier, found.explanations)
    assert node(mazur(), "net_h2") == min(found.bad)


def test_an_examiner_that_knows_nothing_names_nothing():
    examiner = Examiner(mazur().graph, [])
    found = examined(examiner, sheet(mazur(), known(mazur(), "updated-weights")))
    assert (Tier.UNKNOWN, ()) == (found.tier, found.explanations)


def test_a_given_may_be_typed_wrong():
    w1 = node(mazur(), "w1")
    found = mazur().examine(Numbers({w1: Typed(0.25, 0.005)}, lambda value, radius: 0.0))
    assert (Tier.SLIP, {w1}) == (found.tier, found.bad)


def test_plans_are_not_kept_for_ever():
    """Every student leaves out something else."""
    examiner, typed = Examiner(mazur().graph), sheet(mazur(), known(mazur(), "rate-forgotten"))
    for n in sorted(typed)[:40]:
        found = examiner.examine(numbers(typed, Style(6), set(typed) - {n}))
        assert [("rate-forgotten",)] == [h.ids for h in found.explanations]
    assert len(examiner._reach) <= 32


# ---- many sheets -----------------------------------------------------------------------


@cache
def sitting(kind, seed):
    at = Sitting(kind, seed)
    at.single()
    at.pairs()
    at.slips()
    at.hidden()
    at.outside()
    return at


def counted(*start):
    """Outcome -> how many, over all sittings, of the keys that begin so."""
    sums = Counter()
    for kind, seed in SITTINGS:
        for key, count in sitting(kind, seed).found.items():
            if key[: len(start)] == start:
                sums[key[-1]] += count
    return sums


def test_a_mistake_is_always_among_those_told():
    found = counted(THROUGHOUT)
    assert 0 == found["lost"]
    assert found["alone"] > 1_000
    assert found["alone"] >= 0.9 * (found.total() - found["silent"])


def test_two_mistakes_are_among_those_told():
    found = counted("two")
    assert found["lost"] <= 0.005 * found.total()
    assert found["alone"] > 100


def test_a_slip_costs_one_mark_and_gets_no_name():
    found = counted("slip")
    assert (0, 0) == (found["other marks"], found["named"])
    assert found["one mark"] > 500


def test_a_mistake_that_is_not_known_gets_no_other_name():
    for digits in (4, 6):
        for ask in (ALL, TYPICAL):
            named = sum(
                count for kind, seed in SITTINGS for key, count in sitting(kind, seed).found.items()
                if key[0] == "outside" and key[2:] == (digits, ask, "named")
            )  # fmt: skip
            assert 0 == named, (digits, ask)
        first = counted("first", digits)
        assert first["right"] >= 0.96 * first.total() > 20


def test_a_slip_at_a_step_that_is_not_asked_for_rarely_gets_a_name():
    found = counted("hidden")
    assert found["named"] <= 0.02 * found.total()
    assert found["found"] > 50


@pytest.mark.parametrize(("kind", "seed"), SITTINGS)
def test_what_follows_from_a_single_slip_keeps_its_marks(kind, seed):
    """A number made half as large again at some steps, all that follows computed from it."""
    graph = exercise(kind, seed)
    examiner = sitting(kind, seed).examiner
    steps = sorted(asked(graph, ALL))
    for at in steps[:: max(1, len(steps) // 12)]:
        wrong = graph.values[at] * 1.5 + 0.25
        typed, _ = Person(graph).fill(Style(6), forced={at: wrong})
        found = examiner.examine(numbers(typed, Style(6)))
        if found.tier not in NAMING:
            assert {at} == found.bad
