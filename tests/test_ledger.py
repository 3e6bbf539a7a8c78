"""The ledger: verdicts that no entry can talk itself into, and the two shipped ledgers."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from click.testing import CliRunner

import tracer
from tracer import cli, run
from tracer.errors import NotFinite, ScenarioError
from tracer.ledger import Checked, Verdict, to_json
from tracer.scenario import read

# One weight used twice, y = w·w·x with x = t = 1: gradient descent on E = (1 - w²)²/2 is the
# cubic map w ← w + 2η(1 - w²)w. By hand: w = 0.5, y = 0.25, E = 0.75²/2 = 0.28125,
# dE/dw = -2(1 - w²)w = -0.75, w⁺ = 0.5 + 0.1·0.75 = 0.575.
CUBIC = """
title = "cubic"
[givens.All]
x = 1
w = {w}
t = 1
eta = {eta}
[network]
inputs = ["x"]
targets = ["t"]
layers = [
  {{ weights = [["w"]], activation = "identity", net = "z", out = "a" }},
  {{ weights = [["w"]], activation = "identity", net = "y", out = "o" }},
]
[readings."η = 0.2"]
givens = {{ eta = 0.2 }}
[readings."two decimals"]
rounding = {{ decimals = 2 }}
[readings."two decimals, η = 0.2"]
rounding = {{ decimals = 2 }}
givens = {{ eta = 0.2 }}
[readings."deltas"]
chain = "deltas"
[published]
{published}
"""


def checked(published: str, w: str = "0.5", eta: str = "0.1") -> Checked:
    """The verdict on one published number."""
    text = CUBIC.format(w=w, eta=eta, published=published)
    (found,) = run.verify(read(text, "cubic.toml", "cubic")).numbers
    return found


def verdict(published: str, **givens: str) -> str:
    return checked(published, **givens).verdict.value


# ---- as printed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "printed", ["0.28125", "0.281250", "0.2813", "0.281", "0.28", "0.3", "0", "2.8125e-1"]
)
def test_a_number_is_reproduced_to_the_last_digit_printed(printed):
    assert "reproduced" == verdict(f"E = {printed}")


@pytest.mark.parametrize("printed", ["0.28126", "0.2814", "0.29", "-0.28125", "1", "0.282"])
def test_a_number_that_does_not_come_out_differs(printed):
    assert "differs" == verdict(f"E = {printed}")


def test_either_way_of_rounding_a_tie_is_reproduced():
    """0.28125 to four digits is 0.2813 by hand and 0.2812 for a machine."""
    assert ["reproduced"] * 2 == [verdict(f"E = {p}") for p in ("0.2812", "0.2813")]


def test_a_number_of_a_later_pass_is_looked_up_there():
    """w⁺ = 0.575, so E = (1 - 0.330625)²/2 = 0.224031… at iteration 1."""
    assert "reproduced" == verdict("E = { printed = 0.224031, iteration = 1 }")
    assert "differs" == verdict("E = { printed = 0.224031 }")


# ---- under a reading -------------------------------------------------------------------


def test_a_number_that_needs_a_reading_says_which():
    """w⁺ = 0.5 + 0.2·0.75 = 0.65 with the larger step."""
    found = checked('"w+" = { printed = 0.65, reading = "η = 0.2" }')
    assert (Verdict.REPRODUCED, "η = 0.2") == (found.verdict, found.under)
    assert (0.65, 0.575) == pytest.approx((found.value, found.usual), rel=1e-15)


def test_a_number_of_another_reading_differs():
    assert "differs" == verdict('"w+" = { printed = 0.575, reading = "η = 0.2" }')
    assert "differs" == verdict('"w+" = 0.65')


def test_a_name_that_only_a_reading_has_is_looked_up_there():
    """δ(y) = -(1 - 0.25) = -0.75; with full chains no step is called so."""
    found = checked('"delta_y" = { printed = -0.75, reading = "deltas" }')
    assert (Verdict.REPRODUCED, "deltas") == (found.verdict, found.under)


def test_a_name_that_only_a_reading_has_is_on_the_page(tmp_path):
    published = '"delta_y" = { printed = -0.75, reading = "deltas" }'
    path = tmp_path / "cubic.toml"
    path.write_text(CUBIC.format(w="0.5", eta="0.1", published=published), "utf-8")
    done = CliRunner().invoke(cli.main, ["render", str(path), "--format", "md", "-o", "-"])
    assert 0 == done.exit_code, done.output
    assert r"| $\delta_{y}$" in done.stdout


# ---- rounded by hand -------------------------------------------------------------------


def test_a_number_that_only_rounding_gives_took_a_rounded_path():
    """By hand w⁺ = 0.5 + round(0.075) = 0.5 + 0.08 = 0.58, and E = 0.28 from 0.75² = 0.5625."""
    found = checked('"w+" = { printed = 0.580, reading = "two decimals" }')
    assert (Verdict.ROUNDED_PATH, "two decimals") == (found.verdict, found.under)


def test_a_number_that_also_holds_unrounded_took_no_rounded_path():
    found = checked('E = { printed = 0.28, reading = "two decimals" }')
    assert (Verdict.REPRODUCED, None) == (found.verdict, found.under)


def test_a_rounding_that_a_reading_has_besides_explains_nothing():
    """w⁺ = 0.65 needs η = 0.2 and no rounding: the reading holds, its rounding is idle."""
    found = checked('"w+" = { printed = 0.65, reading = "two decimals, η = 0.2" }')
    assert (Verdict.REPRODUCED, "two decimals, η = 0.2") == (found.verdict, found.under)


# ---- misprints -------------------------------------------------------------------------


def test_a_misprint_needs_a_right_value_that_comes_out():
    found = checked('E = { printed = 0.28215, right = 0.28125, reason = "swapped" }')
    assert (Verdict.MISPRINT, Decimal("0.28125")) == (found.verdict, found.right)


def test_a_misprint_with_a_wrong_right_value_differs():
    assert "differs" == verdict('E = { printed = 0.28215, right = 0.28152, reason = "x" }')


def test_a_right_number_called_a_misprint_differs():
    assert "differs" == verdict('E = { printed = 0.28125, right = 0.281250001, reason = "x" }')
    assert "differs" == verdict('E = { printed = 0.28125, right = 0.3000000, reason = "x" }')


# ---- not reproducible ------------------------------------------------------------------

CHAOS = {"w": "0.3", "eta": "0.95"}
LOST = '{ printed = PRINTED, iteration = ITERATION, reproducible = false, reason = "chaotic" }'


def lost(printed: str, iteration: int, name: str = "E") -> str:
    return f"{name} = {LOST.replace('PRINTED', printed).replace('ITERATION', str(iteration))}"


def cubic(w: float, eta: float, updates: int) -> float:
    for _ in range(updates):
        w += 2 * eta * (1 - w * w) * w
    return w


def test_the_cubic_map_loses_every_digit_in_200_updates():
    """The map of this scenario in plain Python: one part in 10¹⁶ decides it."""
    near = [cubic(w, 0.95, 200) for w in (0.3, 0.3 + 2e-16, 0.3 - 2e-16)]
    assert 0.1 < max(near) - min(near)
    early = [cubic(w, 0.95, 10) for w in (0.3, 0.3 + 2e-16, 0.3 - 2e-16)]
    assert max(early) - min(early) < 1e-10


def test_a_number_that_last_bits_decide_is_not_reproducible():
    assert "not-reproducible" == verdict(lost("0.1234", 200), **CHAOS)


def test_a_number_that_last_bits_decide_needs_to_be_called_so():
    assert "differs" == verdict("E = { printed = 0.1234, iteration = 200 }", **CHAOS)


@pytest.mark.parametrize("printed", ["0.1234", "0.28125"])
def test_a_reproducible_number_called_unreproducible_differs(printed):
    """Whether it is wrong or right: the claim is what does not hold."""
    assert "differs" == verdict(lost(printed, 0))


def test_a_chaotic_run_excuses_nothing_in_its_first_passes():
    assert "differs" == verdict(lost("0.1234", 10), **CHAOS)


def test_digits_that_no_float_has_are_no_excuse():
    """Beyond 17 digits replicas always disagree; 0.999… is off by far more than they do."""
    assert "differs" == verdict(lost("0.99999999999999999999999", 10), **CHAOS)


def test_a_number_far_from_all_replicas_is_not_excused_by_chaos():
    assert "differs" == verdict(lost("4711.5", 200), **CHAOS)


def test_verdicts_are_the_same_every_time():
    assert checked(lost("0.1234", 200), **CHAOS) == checked(lost("0.1234", 200), **CHAOS)


# ---- all together ----------------------------------------------------------------------

MIXED = """\
E = [
  0.28125,
  { printed = 0.28215, where = "line 2", right = 0.28125, reason = "swapped" },
  { printed = 0.9 },
]
"w+" = { printed = 0.580, reading = "two decimals" }
"""


def test_json_has_every_number_with_its_verdict(tmp_path):
    path = tmp_path / "mixed.toml"
    path.write_text(CUBIC.format(w="0.5", eta="0.1", published=MIXED))
    done = CliRunner().invoke(cli.main, ["verify", str(path), "--json"])
    assert 1 == done.exit_code
    (found,) = json.loads(done.stdout)["scenarios"]
    assert "mixed" == found["scenario"]
    rows = [(n["name"], n["printed"], n["verdict"], n["under"]) for n in found["numbers"]]
    assert rows == [
        ("E", "0.28125", "reproduced", None),
        ("E", "0.28215", "misprint", None),
        ("E", "0.9", "differs", None),
        ("w+", "0.580", "rounded-path", "two decimals"),
    ]
    slip = found["numbers"][1]
    assert ("swapped", "line 2", 0, "0.28125", 0.28125) == tuple(
        slip[key] for key in ("reason", "where", "iteration", "right", "value")
    )


def test_the_exit_code_is_1_only_for_what_differs(tmp_path):
    path = tmp_path / "mixed.toml"
    path.write_text(
        CUBIC.format(w="0.5", eta="0.1", published=MIXED.replace("  { printed = 0.9 },\n", ""))
    )
    assert 0 == CliRunner().invoke(cli.main, ["verify", str(path)]).exit_code


def test_a_claim_that_does_not_hold_is_told(tmp_path):
    path = tmp_path / "cubic.toml"
    path.write_text(CUBIC.format(w="0.5", eta="0.1", published=lost("0.28125", 0)))
    done = CliRunner().invoke(cli.main, ["verify", str(path)])
    assert 1 == done.exit_code
    assert (
        "E: printed 0.28125. The ledger calls it not-reproducible; that does not hold. chaotic"
    ) in done.stdout


def test_an_entry_for_no_step_says_which_entry_it_is():
    with pytest.raises(ScenarioError) as wrong:
        checked('E = [0.28125, { printed = 0.1, sample = 1 }]\n"w++" = 1\nq = 1')
    assert wrong.value.problems == (
        "cubic.toml: published.E[1]: no sample 1; there are 1, from 0",
        "cubic.toml: published.w++: no step is called 'w++'; did you mean 'w+'?",
        "cubic.toml: published.q: no step is called 'q'",
    )


def test_a_ledger_whose_run_overflows_says_where():
    with pytest.raises(NotFinite, match=r"^cubic\.toml: .* at iteration \d+: overflow"):
        verdict("E = { printed = 1, iteration = 50 }", w="9", eta="5")


# ---- the shipped ledgers ---------------------------------------------------------------

#: Every number of the first tutorial's hand pass.
THINKINFI = """
h1 0.4176 | h2 0.4425 | Out h1 0.60290881 | Out h2 0.60885457 | Out h2 0.60885456921
y1 0.97753007 | y2 0.73523685 | Out y1 0.72661785 | E1 0.25677057 | E2 0.04931263
ETotal 0.3060832 | dOut y1/dy1 0.19864435 | dE/dw5 0.08582533 | w5+ 0.41425240
"""

#: Every number that Mazur prints: name, digits, iteration, verdict, reading.
MAZUR = """
net_h1           0.3775        0      reproduced
out_h1           0.593269992   0      reproduced
out_h2           0.596884378   0      reproduced
net_o1           1.105905967   0      reproduced
net_o1           1.1059059067  0      misprint
out_o1           0.75136507    0      reproduced
out_o2           0.772928465   0      reproduced
E_o1             0.274811083   0      reproduced
E_o2             0.023560026   0      reproduced
E_total          0.298371109   0      reproduced
dE/dout_o1       0.74136507    0      reproduced
dout_o1/dnet_o1  0.186815602   0      reproduced
dE/dw5           0.082167041   0      reproduced
w5+              0.35891648    0      reproduced
w6+              0.408666186   0      reproduced
w7+              0.511301270   0      reproduced
w8+              0.561370121   0      reproduced
dE_o1/dnet_o1    0.138498562   0      reproduced
dE_o1/dout_h1    0.055399425   0      reproduced
dE_o2/dout_h1    -0.01904919   0      misprint
dE_o2/dout_h1    -0.019049119  0      rounded-path  rounded to 9 decimals
dE_total/dout_h1 0.036350306   0      reproduced
dout_h1/dnet_h1  0.241300709   0      reproduced
dE/dw1           0.000438568   0      reproduced
w1+              0.149780716   0      reproduced
w2+              0.19956143    0      reproduced
w3+              0.24975114    0      reproduced
w4+              0.29950229    0      reproduced
E_total          0.291027774   1      reproduced    simultaneous
E_total          0.291027924   1      reproduced    sequential update
E_total          0.0000351085  9999   reproduced    simultaneous
E_total          0.000035085   10000  reproduced    sequential update
out_o1           0.015912196   10000  reproduced    sequential update
out_o2           0.984065734   10000  reproduced    sequential update
"""


def test_the_first_tutorial_comes_out_to_its_last_digit():
    found = tracer.verify("thinkinfi")
    expected = {
        tuple(e.strip().rsplit(" ", 1)) for e in THINKINFI.replace("\n", "|").split("|") if e
    }
    assert expected == {(n.name, f"{n.printed:f}") for n in found.numbers}
    assert {Verdict.REPRODUCED} == {n.verdict for n in found.numbers}
    assert {None} == {n.under for n in found.numbers}


def test_every_number_of_mazur_has_the_verdict_it_deserves():
    found = tracer.verify("mazur")
    assert found.ok
    rows = [line.split(maxsplit=4) for line in MAZUR.strip().splitlines()]
    assert sorted(tuple([*row, ""][:5]) for row in rows) == sorted(
        (n.name, f"{n.printed:f}", str(n.iteration), n.verdict.value, n.under or "")
        for n in found.numbers
    )


def test_every_verdict_but_reproduced_has_its_reason():
    for name in ("mazur", "thinkinfi"):
        for n in tracer.verify(name).numbers:
            assert n.reason or n.verdict is Verdict.REPRODUCED, n


def test_the_same_ledger_gives_the_same_json():
    assert to_json([tracer.verify("mazur")]) == to_json([tracer.verify("mazur")])


SEEDED = """
title = "seeded"
[conventions]
iterations = 2
[random]
generator = "numpy.random.seed"
seed = 6
{assumed}
draw = [{{ name = "W", function = "randn", shape = [1, 1] }}]
[givens.All]
x = 1
t = 1
eta = 0.1
[network]
inputs = ["x"]
targets = ["t"]
layers = [{{ weights = "W", activation = "identity", net = "z", out = "o" }}]
[published]
o = {{ printed = {printed}, iteration = 2, reproducible = false, reason = "no seed stated" }}
"""


@pytest.mark.parametrize(
    ("assumed", "printed", "expected"),
    [
        ("assumed = true", "0.5", "not-reproducible"),  # other seeds lead to other outputs
        ("assumed = true", "1000.5", "differs"),  # but none of them as far away
        ("", "0.5", "differs"),  # a seed that is stated leads to one output
    ],
)
def test_a_start_that_is_not_stated_excuses_a_number_and_not_any(
    assumed: str, printed: str, expected: str
) -> None:
    text = SEEDED.format(assumed=assumed, printed=printed)
    (found,) = run.verify(read(text, "seeded.toml", "seeded")).numbers
    assert expected == found.verdict.value
