"""The benchmarks run, their peers agree with tracer, and no command imports what it need not.

No wall clock is asserted: `python tests/benchmarks/run.py` prints the times.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import regression
import run
from peers import EVERYTHING, PEERS, Peer
from timing import compare, shown

import tracer

_by_title = pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.title)


def test_the_peer_of_the_aims_keeps_every_scalar_that_tracer_records():
    assert sorted(tracer.trace("mazur", iterations=0).names) == sorted(EVERYTHING)


@_by_title
@pytest.mark.filterwarnings("ignore")  # what torch warns of while it loads is not ours
def test_peers_agree_with_tracer_to_twelve_digits(peer: Peer):
    if not peer.installed:
        pytest.skip(f"{peer.module} is not installed")
    assert run.difference(peer, 50) <= run.TOLERANCE


def test_a_wrong_peer_is_not_timed():
    def prepare():
        def passes(rows):
            rows[:] = 0.375

        return passes

    with pytest.raises(SystemExit, match=r"slip: differs from tracer by .*; nothing was timed"):
        run.checked(Peer("slip", ("net_h1",), prepare), 1)  # 0.15*0.05 + 0.2*0.1 + 0.35 = 0.3775


@pytest.mark.filterwarnings("ignore")
def test_every_part_of_the_table_has_a_line_a_comparison():
    installed = sum(peer.installed for peer in PEERS)
    assert len([*run.one_pass(1)]) == 3 * installed
    assert len([*run.long_run(1, passes=40)]) == 2 * installed


def test_the_regression_of_the_benchmark_is_the_same_in_numpy():
    """The sums over 10,000 samples are added in another order."""
    assert regression.difference(20) <= 1e-9
    assert [line[:2] for line in run.many_samples(1, updates=3)] == [
        ("sum-regression, 3 updates", "plain numpy")
    ]


def test_memory_is_told():
    assert "MiB at most" in run.memory(updates=1)


@pytest.mark.slow
def test_commands_are_timed():
    assert [work for work, *_ in run.commands(1)] == [
        "tracer render mazur", "tracer --help", "tracer verify", "tracer show thinkinfi w5+",
    ]  # fmt: skip


@pytest.mark.parametrize("command", run.FORBIDDEN)
def test_commands_import_only_what_they_need(command: str):
    assert [p for p in run.FORBIDDEN[command] if p in run.imported(command)] == []


def test_the_ratio_is_the_median_of_the_rounds(monkeypatch: pytest.MonkeyPatch):
    """We take 3 s, the peer 1 s for half of the work: 3/(2*1). One disturbed round is ignored."""
    clock, disturbed = [0.0], iter([*[0.0] * 4, 100.0, *[0.0] * 9])

    def ours():
        clock[0] += 3 + next(disturbed)

    def peer():
        clock[0] += 1

    monkeypatch.setattr("timing.time", SimpleNamespace(perf_counter=lambda: clock[0]))
    assert compare(ours, peer, 5, scale=2) == (3, 2, 1.5)


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.5, "2.5 s"), (0.0123, "12.3 ms"), (1.5e-6, "1.5 µs")]
)
def test_times_are_shown_in_the_unit_a_person_would_choose(seconds: float, text: str):
    assert text == shown(seconds)
