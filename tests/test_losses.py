"""Every loss against PyTorch, against 50 digits, at its kinks and far out."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import mpmath
import pytest
from alone import by_every_engine, computed
from reader import claims, is_true

import tracer
from tracer import run
from tracer.arithmetic import apply
from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.losses import LOSSES, SIGNS
from tracer.catalog.optimizers import OPTIMIZERS
from tracer.conventions import MEAN, made_of
from tracer.errors import ELSEWHERE, NotFinite, ScenarioError, nearest
from tracer.exact import DECIMAL, decimal_context, digits_arithmetic
from tracer.layers.kinds import KINDS
from tracer.rules import inputs, partial_rule
from tracer.scenario import read

torch = pytest.importorskip("torch")
nn = torch.nn.functional

LN10 = math.log(10)
Peer = Callable[[Any, Any], Any]


def _cross_entropy(o: Any, t: Any) -> Any:
    """PyTorch's, from logits that are logarithms of two probabilities: targets t and none."""
    log = torch.log(torch.stack([o, 1 - o], -1))
    return nn.cross_entropy(log, torch.stack([t, 0 * t], -1), reduction="none")


def _binary(o: Any, t: Any) -> Any:
    return nn.binary_cross_entropy(o, t, reduction="none")


def _divergence(o: Any, t: Any) -> Any:
    return nn.kl_div(torch.log(o), t, reduction="none")


#: PyTorch's loss of output o and target t.
PEERS: dict[str, Peer] = {
    "half squared error": lambda o, t: nn.mse_loss(o, t, reduction="none") / 2,
    "squared error": lambda o, t: nn.mse_loss(o, t, reduction="none"),
    "absolute error": lambda o, t: nn.l1_loss(o, t, reduction="none"),
    "huber": lambda o, t: nn.huber_loss(o, t, reduction="none"),
    "binary cross-entropy": _binary,
    "binary cross-entropy with log10": lambda o, t: _binary(o, t) / LN10,
    "binary cross-entropy from logits": lambda o, t: nn.binary_cross_entropy_with_logits(
        o, t, reduction="none"
    ),
    "cross-entropy": _cross_entropy,
    "cross-entropy with log10": lambda o, t: _cross_entropy(o, t) / LN10,
    "negative log-likelihood": lambda o, t: t * nn.nll_loss(
        o[:, None], torch.zeros(len(o), dtype=torch.long), reduction="none"
    ),
    "hinge": lambda o, t: torch.relu(1 - t * o),
    "kl divergence": _divergence,
    "kl divergence with log10": lambda o, t: _divergence(o, t) / LN10,
}  # fmt: skip
LOGARITHMS = [name for name in PEERS if "entropy" in name or "kl" in name]
PROBABILITIES = [name for name in LOGARITHMS if "logits" not in name]

#: (output, target)
SHARES = [(0.01, 0.9), (0.3, 0.25), (0.5, 0.5), (0.75136507, 0.01), (0.9999, 0.7), (1e-9, 0.2)]
SCORES = [(-3.0, 1.0), (-0.4, 0.2), (0.0, 0.5), (0.7, -1.0), (1.9, 0.01), (12.0, 0.99)]
FAR = [(-1000.0, 0.0), (-1000.0, 1.0), (-650.0, 0.3), (650.0, 0.3), (1000.0, 1.0), (1000.0, 0.0)]

every = pytest.mark.parametrize(("name", "sign"), LOSSES)


def points(name: str) -> list[tuple[float, float]]:
    return SHARES if name in PROBABILITIES else [*SHARES, *SCORES, *FAR]


def columns(pairs: list[tuple[float, float]]) -> dict[str, list[float]]:
    return {"o": [o for o, _ in pairs], "t": [t for _, t in pairs]}


def test_every_loss_has_a_peer():
    print("checked against PyTorch:", ", ".join(PEERS))  # noqa: T201
    assert set(PEERS) == {name for name, _ in LOSSES}
    assert set(SIGNS) == {sign for _, sign in LOSSES}


def theirs(name: str, pairs: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """PyTorch's values and derivatives by the output."""
    o = torch.tensor([o for o, _ in pairs], dtype=torch.float64, requires_grad=True)
    found = PEERS[name](o, torch.tensor([t for _, t in pairs], dtype=torch.float64))
    (slope,) = torch.autograd.grad(found.sum(), o)
    return found.tolist(), slope.tolist()


@every
@pytest.mark.parametrize("times", [1, 2, 20])
def test_values_and_derivatives_are_pytorchs(name, sign, times):
    """As floats, as columns, and as long columns, which use numpy's functions."""
    pairs = points(name) * times
    values, slopes = theirs(name, pairs)
    ours = computed(LOSSES[name, sign], columns(pairs))
    assert values == pytest.approx(ours["E"], rel=1e-9, abs=1e-12)
    assert slopes == pytest.approx(ours["o"], rel=1e-9, abs=1e-12)


@every
def test_the_derivative_by_the_target_is_the_slope_between_two_near_ones(name, sign):
    pairs, h = points(name), 1e-6
    pairs = [(o, t) for o, t in pairs if abs(abs(t - o) - 1) > h and t > h]
    near = ([(o, t + d) for o, t in pairs] for d in (h, -h))
    up, down = (computed(LOSSES[name, sign], columns(row))["E"] for row in near)
    found = computed(LOSSES[name, sign], columns(pairs))["t"]
    for above, below, slope, (o, t) in zip(up, down, found, pairs, strict=True):
        if o != t:
            assert (above - below) / (2 * h) == pytest.approx(slope, rel=1e-5, abs=1e-5)


@every
@pytest.mark.parametrize("chosen", [slice(6), slice(None), slice(-3, None)])
def test_all_engines_agree_bit_for_bit(name, sign, chosen):
    tables = by_every_engine(LOSSES[name, sign], columns(points(name)[chosen]))
    assert len(tables) >= 2
    assert all(repr(table) == repr(tables[0]) for table in tables)


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize(
    ("name", "o", "t"),
    [
        ("absolute error", 0.5, 0.5), ("huber", 0.5, 0.5), ("huber", 1.5, 0.5),
        ("huber", -0.5, 0.5), ("hinge", 1.0, 1.0), ("hinge", -1.0, -1.0), ("hinge", 2.0, 0.5),
    ],
)  # fmt: skip
def test_at_a_kink_the_derivative_is_pytorchs(name, sign, o, t):
    (value,), (slope,) = theirs(name, [(o, t)])
    found = computed(LOSSES[name, sign], columns([(o, t)]))
    assert ([value], [slope]) == (found["E"], found["o"])


# ---- 50 digits -------------------------------------------------------------------------

_MP = mpmath.MPContext()
_MP.dps = 70


def _logistic(o: Any, t: Any) -> Any:
    p = 1 / (1 + _MP.exp(-o))
    return -(t * _MP.ln(p) + (1 - t) * _MP.ln(1 - p))


def _entropy(o: Any, t: Any) -> Any:
    return _MP.ln(o**-t * (1 - o) ** (t - 1))


EXACT: dict[str, Peer] = {
    "half squared error": lambda o, t: (t * t - 2 * t * o + o * o) / 2,
    "squared error": lambda o, t: t * t - 2 * t * o + o * o,
    "absolute error": lambda o, t: max(o, t) - min(o, t),
    "huber": lambda o, t: (o - t) ** 2 / 2 if abs(o - t) <= 1 else abs(o - t) - _MP.mpf(1) / 2,
    "binary cross-entropy": _entropy,
    "binary cross-entropy with log10": lambda o, t: _entropy(o, t) / _MP.ln(10),
    "binary cross-entropy from logits": _logistic,
    "cross-entropy": lambda o, t: _MP.ln(o**-t),
    "cross-entropy with log10": lambda o, t: _MP.log(o**-t, 10),
    "negative log-likelihood": lambda o, t: -(o * t),
    "hinge": lambda o, t: 1 - t * o if t * o < 1 else 0 * o,
    "kl divergence": lambda o, t: t * (_MP.ln(t) - _MP.ln(o)),
    "kl divergence with log10": lambda o, t: t * (_MP.ln(t) - _MP.ln(o)) / _MP.ln(10),
}
PLACES = [("0.3141", "0.2718"), ("0.9", "0.01"), ("0.0004", "0.99"), ("0.7513", "0.5")]
WIDE = [("-1.25", "0.8"), ("3.5", "-1"), ("1.2", "1")]


CASES = [
    (name, sign, *place)
    for name, sign in LOSSES
    for place in (PLACES if name in PROBABILITIES else [*PLACES, *WIDE])
]


@pytest.mark.parametrize(("name", "sign", "at", "target"), CASES)
def test_50_digits_of_the_value_and_of_the_derivatives(name, sign, at, target):
    """Decimals and mpmath's numbers, against formulas written another way; h² is 1e-40."""
    r, h, exact = LOSSES[name, sign], _MP.mpf("1e-20"), EXACT[name]
    o, t = _MP.mpf(at), _MP.mpf(target)
    expected = {
        "E": exact(o, t),
        "o": (exact(o + h, t) - exact(o - h, t)) / (2 * h),
        "t": (exact(o, t + h) - exact(o, t - h)) / (2 * h),
    }
    how = digits_arithmetic(60)
    with localcontext(decimal_context()):
        by_hand = {"o": Decimal(at), "t": Decimal(target)}
        precise = {"o": how.number(at), "t": how.number(target)}
        for env, arithmetic in ((by_hand, DECIMAL), (precise, how)):
            found = {"E": apply(r.formula, env, arithmetic)}
            for f in inputs(r):
                found[f] = apply(partial_rule(r, f).formula, env, arithmetic)
            for key, value in found.items():
                bound = "1e-45" if key == "E" else "1e-27"
                assert abs(_MP.mpf(str(value)) - expected[key]) <= _MP.mpf(bound)


# ---- stated by a scenario --------------------------------------------------------------

NET = """
title = "one layer"
[conventions]
loss = "{loss}"
sign = "{sign}"
[givens.all]
x = 0.7
w1 = 0.3
w2 = -0.6
t1 = {t[0]}
t2 = {t[1]}
eta = 0.5
[network]
inputs = ["x"]
targets = ["t1", "t2"]
[[network.layers]]
weights = [["w1"], ["w2"]]
activation = "{activation}"
"""


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("loss", [f"{mean}{name}" for name in PEERS for mean in ("", MEAN)])
def test_a_network_has_the_error_and_the_gradients_that_pytorch_has(loss, sign):
    name, total = made_of(loss)
    s = read(NET.format(loss=loss, sign=sign, t=(0.2, 0.9), activation="sigmoid"), "n.toml", "n")
    w = torch.tensor([0.3, -0.6], dtype=torch.float64, requires_grad=True)
    errors = PEERS[name](torch.sigmoid(0.7 * w), torch.tensor([0.2, 0.9], dtype=torch.float64))
    error = errors.sum() if total == "sum" else errors.mean()
    (slopes,) = torch.autograd.grad(error, w)
    t = run.trace(s)
    assert error.item() == pytest.approx(t["E"], rel=1e-12)
    assert slopes.tolist() == pytest.approx([t["dE/dw1"], t["dE/dw2"]], rel=1e-12)


BATCH = """
title = "one layer"
[conventions]
loss = "{loss}"
[samples.training]
columns = ["x", "t1", "t2"]
rows = [[0.7, 0.25, 0.9], [-0.4, 0.6, 0.1]]
[givens.all]
W = [[0.3], [-0.6]]
eta = 0.5
[network]
inputs = ["x"]
targets = ["t1", "t2"]
[[network.layers]]
weights = "W"
activation = "sigmoid"
"""


@pytest.mark.parametrize("loss", [*PEERS, "mean hinge"])
def test_the_page_of_a_net_with_it_claims_nothing_false(loss):
    page = tracer.render(run.trace(read(BATCH.format(loss=loss), "n.toml", "n")), "md")
    found = claims(page)
    assert len(found) > 15
    assert [] == [claim for claim in found if claim.sign == "=" and not is_true(claim)]
    assert r"\mathbf D" in page


def test_a_loss_that_is_misspelt_is_refused_with_the_nearest():
    with pytest.raises(ScenarioError, match="did you mean 'binary cross-entropy'") as refused:
        read(
            NET.format(loss="binary crossentropy", sign="t - o", t=(0, 1), activation="tanh"),
            "n",
            "n",
        )
    assert 1 == len(str(refused.value).splitlines())


@pytest.mark.parametrize("word", ELSEWHERE)
def test_what_others_call_it_is_understood(word):
    losses = {name for name, _ in LOSSES}
    known = {*losses, *(f"{MEAN}{name}" for name in losses), *ACTIVATIONS, *OPTIMIZERS, *KINDS}
    assert word not in known
    assert nearest(word.upper(), known) == f"; did you mean {ELSEWHERE[word]!r}?"


@pytest.mark.parametrize(("loss", "t"), [("kl divergence", 0), ("binary cross-entropy", 0.5)])
def test_a_logarithm_of_nothing_is_told_in_one_line(loss, t):
    text = NET.format(loss=loss, sign="t - o", t=(t, t), activation="relu")
    with pytest.raises(NotFinite, match=r"no real value|division by zero") as refused:
        run.trace(read(text, "n.toml", "n"))
    assert 1 == len(str(refused.value).splitlines())
