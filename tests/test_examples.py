"""Eighteen published examples: every number that one prints is in the ledgers of its scenarios.

data/examples.json has the printed numbers of each as strings, with the digits that were printed,
under names that say where they stand. A ledger may call them otherwise, and may hold more.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

import tracer

PRINTED: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "data" / "examples.json").read_text(encoding="utf-8")
)

#: The scenarios that an example became.
SCENARIOS = {
    "adam_by_hand_w2": ["adam_by_hand_w2", "adam_by_hand_w2_average"],
    "batchnorm_by_hand": ["batchnorm_by_hand", "batchnorm_by_hand_features"],
    "chain_111_bias": ["chain_111_bias_A", "chain_111_bias_B"],
    "cs231n_circuits": [f"cs231n_circuits_{part}" for part in "ABC"],
    "cs231n_conv_pool": [
        f"cs231n_conv_pool_{part}" for part in ("conv", "maxpool", "affine", "relu")
    ],
    "cs231n_optimizers": [f"cs231n_optimizers_{part}" for part in ("momentum", "rmsprop", "adam")],
    "cs231n_rnn_lstm": [
        f"cs231n_rnn_lstm_{part}" for part in ("rnn_step", "rnn", "lstm_step", "lstm")
    ],
    "deepml_optimizers": [
        f"deepml_optimizers_{part}"
        for part in ("adagrad", "momentum", "adamax", "adadelta", "nesterov", "adam")
    ],
    "eva6_excel": ["eva6_excel"],
    "geoj_two_layer_softmax": ["geoj_two_layer_softmax"],
    "han_kamber": ["han_kamber"],
    "hmkcode": ["hmkcode"],
    "mazur": ["mazur"],
    "melfm_mazur_copy": ["melfm_mazur_copy"],
    "micrograd": ["micrograd_expression", "micrograd_neuron"],
    "prakash_jay": ["prakash_jay"],
    "rnn_bptt_scalar": ["rnn_bptt_scalar"],
    "schiendorfer": ["schiendorfer", "schiendorfer_parabola"],
}


def digits(number: Decimal) -> object:
    """A number as it was printed: 0.50 is not 0.5, .5 and 5e-1 are."""
    return number.as_tuple()


def ledger(example: str) -> Counter[object]:
    """How often each number stands in the ledgers of an example's scenarios."""
    return Counter(
        digits(entry.printed)
        for name in SCENARIOS.get(example, ())
        for entries in tracer.load(name).published.values()
        for entry in entries
        if not entry.recomputed
    )


def lacking(example: str) -> list[str]:
    """The numbers of an example that are not in its ledgers, or not as often as it prints them."""
    found = ledger(example)
    names: list[str] = []
    for name, printed in PRINTED[example].items():
        key = digits(Decimal(printed))
        if not found[key]:
            names.append(f"{name}: {printed}")
        found[key] -= 1
    return names


def test_there_are_eighteen_examples_with_928_numbers():
    assert 18 == len(PRINTED)
    assert 928 == sum(map(len, PRINTED.values()))
    assert set(PRINTED) == set(SCENARIOS)


@pytest.mark.parametrize("example", PRINTED)
def test_every_number_of_an_example_is_in_a_ledger(example):
    assert [] == lacking(example)


def test_a_number_that_stands_twice_needs_two_entries():
    assert (
        2 == ledger("hmkcode")[digits(Decimal("0.85"))]
    )  # of the first pass; copied to the second
    assert not ledger("mazur")[digits(Decimal("0.5113012700"))]  # printed with nine decimals


# ---- the same numbers by other means ---------------------------------------------------


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def sheet(eta: float, targets: list[float]) -> list[float]:
    """The column E_tot of the sheet, a row for each second target."""
    w, column = [0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55], []
    i1, i2, t1 = 0.05, 0.1, 0.01
    for t2 in targets:
        h1, h2 = sigmoid(i1 * w[0] + i2 * w[1]), sigmoid(i1 * w[2] + i2 * w[3])
        o1, o2 = sigmoid(h1 * w[4] + h2 * w[5]), sigmoid(h1 * w[6] + h2 * w[7])
        column.append(1 / 2 * (t1 - o1) ** 2 + 1 / 2 * (t2 - o2) ** 2)
        d1, d2 = (o1 - t1) * o1 * (1 - o1), (o2 - t2) * o2 * (1 - o2)
        g1 = h1 * (1 - h1) * (d1 * w[4] + d2 * w[6])
        g2 = h2 * (1 - h2) * (d1 * w[5] + d2 * w[7])
        gradients = g1 * i1, g1 * i2, g2 * i1, g2 * i2, d1 * h1, d1 * h2, d2 * h1, d2 * h2
        w = [before - eta * g for before, g in zip(w, gradients, strict=True)]
    return column


@pytest.mark.parametrize("eta", ["0.1", "0.2", "0.5", "0.8", "1", "2"])
def test_the_last_row_of_the_sheet_needs_the_target_that_was_dragged(eta):
    """With 0.99 throughout it is off by more than 3 parts in 10^15, otherwise by a last bit."""
    printed = float(PRINTED["eva6_excel"][f"Summary eta={eta} E_tot epoch 69"])
    dragged = [0.99] * 58 + [0.989999999999999] * 6 + [0.989999999999998] * 6
    reading = None if eta == "0.5" else f"eta = {eta}"
    for name, targets in (("eva6_excel", [0.99] * 70), ("eva6_excel_dragged", dragged)):
        found = tracer.trace(name, reading=reading, only=["E_tot"]).series("E_tot")
        assert sheet(float(eta), targets) == pytest.approx([float(e) for e in found], rel=1e-15)
        off = abs(found[69] - printed) / printed
        assert (off < 1e-15) == (name == "eva6_excel_dragged")


def test_the_book_adds_what_others_subtract():
    """Han and Kamber: Err_j is -delta_j, w += l Err_j O_i and theta += l Err_j."""
    t = tracer.trace("han_kamber")
    sources = {"1": "x1", "2": "x2", "3": "x3", "4": "O4", "5": "O5"}
    for unit, inputs in {"4": "123", "5": "123", "6": "45"}.items():
        step = t["l"] * t[f"Err{unit}"]
        assert t[f"delta_I{unit}"] == pytest.approx(-t[f"Err{unit}"], rel=1e-14)
        assert t[f"theta{unit}+"] == pytest.approx(t[f"theta{unit}"] + step, rel=1e-14)
        for i in inputs:
            moved = t[f"w{i}{unit}"] + step * t[sources[i]]
            assert t[f"w{i}{unit}+"] == pytest.approx(moved, rel=1e-14)


@pytest.mark.parametrize(
    ("scenario", "hat", "column"),
    [
        ("batchnorm_by_hand", "xhat", [2, 4, 6, 8]),
        ("batchnorm_by_hand_features", "xhat1", [1, 3, 5]),
        ("batchnorm_by_hand_features", "xhat2", [10, 20, 30]),
    ],
)
def test_a_normalized_feature_has_average_0_and_deviation_1(scenario, hat, column):
    found = tracer.trace(scenario).column(hat).tolist()
    mean, deviation = statistics.fmean(column), statistics.pstdev(column)
    assert found == pytest.approx([(x - mean) / deviation for x in column], rel=1e-14)
