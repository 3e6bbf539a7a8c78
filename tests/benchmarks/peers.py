"""The 2-2-2 network of Matt Mazur's page in other people's tools, every pass kept in a row.

i  inputs   w b  weights, biases   t  targets   eta  learning rate
net out  a unit's weighted sum and its activation   g_x  dE/dx   h o  hidden, output layer

A peer is `prepare() -> passes`; `passes(rows)` starts from the page's numbers and writes row k
with the numbers of the pass after k updates, in the order of the peer's `names`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from math import exp
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Passes = Callable[[Rows], None]

INPUTS = (0.05, 0.10)
HIDDEN = (0.15, 0.20, 0.25, 0.30)  # w1 … w4, a row a unit
OUTPUT = (0.40, 0.45, 0.50, 0.55)  # w5 … w8
BIASES = (0.35, 0.60)
TARGETS = (0.01, 0.99)
ETA = 0.5

# What an autograd engine has to give: values, and the gradient of everything.
_VALUES = (
    "w1 w2 w3 w4 w5 w6 w7 w8 net_h1 net_h2 out_h1 out_h2 net_o1 net_o2 out_o1 out_o2 "
    "E_o1 E_o2 E"
)  # fmt: skip
_GRADIENTS = (
    "dE/dnet_o1 dE/dnet_o2 dE/dout_h1 dE/dout_h2 "
    "dE/dw1 dE/dw2 dE/dw3 dE/dw4 dE/dw5 dE/dw6 dE/dw7 dE/dw8"
)  # fmt: skip
_UPDATED = "w1+ w2+ w3+ w4+ w5+ w6+ w7+ w8+"
GRAPH = tuple(f"{_VALUES} {_GRADIENTS} {_UPDATED}".split())

# What tracer records: these, the givens, and every factor of every chain.
EVERYTHING = tuple(
    f"i1 i2 b1 b2 target_o1 target_o2 eta {_VALUES} "
    "dE_o1/dout_o1 dE_o2/dout_o2 dout_o1/dnet_o1 dout_o2/dnet_o2 "
    "dnet_o1/dw5 dnet_o1/dw6 dnet_o2/dw7 dnet_o2/dw8 "
    "dnet_o1/dout_h1 dnet_o1/dout_h2 dnet_o2/dout_h1 dnet_o2/dout_h2 "
    "dE_o1/dout_h1 dE_o2/dout_h1 dE_o1/dout_h2 dE_o2/dout_h2 "
    "dout_h1/dnet_h1 dout_h2/dnet_h2 dnet_h1/dw1 dnet_h1/dw2 dnet_h2/dw3 dnet_h2/dw4 "
    f"{_GRADIENTS} {_UPDATED}".split()
)


class Peer(NamedTuple):
    """Somebody else's way to the same numbers."""

    title: str
    names: tuple[str, ...]  # what its rows hold
    prepare: Callable[[], Passes]
    share: int = 1  # of long work it does 1/share; its time is scaled
    module: str = ""  # what must be installed for it

    @property
    def installed(self) -> bool:
        return not self.module or find_spec(self.module) is not None


# ---- straight-line Python, as somebody in a hurry writes it ------------------------------


def by_hand() -> Passes:
    """One line a number; a number that is another one is not computed, only kept."""
    row = Struct(f"{len(EVERYTHING)}d")
    pack, size = row.pack_into, row.size

    def passes(rows: Rows) -> None:
        i1, i2 = INPUTS
        w1, w2, w3, w4 = HIDDEN
        w5, w6, w7, w8 = OUTPUT
        b1, b2 = BIASES
        t1, t2 = TARGETS
        eta = ETA
        at = 0
        for _ in range(len(rows)):
            net_h1 = w1 * i1 + w2 * i2 + b1
            net_h2 = w3 * i1 + w4 * i2 + b1
            out_h1 = 1 / (1 + exp(-net_h1))
            out_h2 = 1 / (1 + exp(-net_h2))
            net_o1 = w5 * out_h1 + w6 * out_h2 + b2
            net_o2 = w7 * out_h1 + w8 * out_h2 + b2
            out_o1 = 1 / (1 + exp(-net_o1))
            out_o2 = 1 / (1 + exp(-net_o2))
            g_out_o1 = out_o1 - t1
            g_out_o2 = out_o2 - t2
            E1 = 0.5 * g_out_o1 * g_out_o1
            E2 = 0.5 * g_out_o2 * g_out_o2
            E = E1 + E2
            slope_o1 = out_o1 * (1 - out_o1)
            slope_o2 = out_o2 * (1 - out_o2)
            g_net_o1 = g_out_o1 * slope_o1
            g_net_o2 = g_out_o2 * slope_o2
            g_w5 = g_net_o1 * out_h1
            g_w6 = g_net_o1 * out_h2
            g_w7 = g_net_o2 * out_h1
            g_w8 = g_net_o2 * out_h2
            g1_out_h1 = g_net_o1 * w5
            g2_out_h1 = g_net_o2 * w7
            g1_out_h2 = g_net_o1 * w6
            g2_out_h2 = g_net_o2 * w8
            g_out_h1 = g1_out_h1 + g2_out_h1
            g_out_h2 = g1_out_h2 + g2_out_h2
            slope_h1 = out_h1 * (1 - out_h1)
            slope_h2 = out_h2 * (1 - out_h2)
            g_net_h1 = g_out_h1 * slope_h1
            g_net_h2 = g_out_h2 * slope_h2
            g_w1 = g_net_h1 * i1
            g_w2 = g_net_h1 * i2
            g_w3 = g_net_h2 * i1
            g_w4 = g_net_h2 * i2
            n1, n2, n3, n4 = w1 - eta * g_w1, w2 - eta * g_w2, w3 - eta * g_w3, w4 - eta * g_w4
            n5, n6, n7, n8 = w5 - eta * g_w5, w6 - eta * g_w6, w7 - eta * g_w7, w8 - eta * g_w8
            pack(
                rows, at,
                i1, i2, b1, b2, t1, t2, eta, w1, w2, w3, w4, w5, w6, w7, w8,
                net_h1, net_h2, out_h1, out_h2, net_o1, net_o2, out_o1, out_o2, E1, E2, E,
                g_out_o1, g_out_o2, slope_o1, slope_o2,
                out_h1, out_h2, out_h1, out_h2, w5, w6, w7, w8,
                g1_out_h1, g2_out_h1, g1_out_h2, g2_out_h2, slope_h1, slope_h2, i1, i2, i1, i2,
                g_net_o1, g_net_o2, g_out_h1, g_out_h2,
                g_w1, g_w2, g_w3, g_w4, g_w5, g_w6, g_w7, g_w8, n1, n2, n3, n4, n5, n6, n7, n8,
            )  # fmt: skip
            at += size
            w1, w2, w3, w4, w5, w6, w7, w8 = n1, n2, n3, n4, n5, n6, n7, n8

    return passes


# ---- arrays ------------------------------------------------------------------------------


def with_numpy() -> Passes:
    """Layers as arrays of 2 and 2×2, joined into the row."""
    i, t = np.array(INPUTS), np.array(TARGETS)
    b1, b2 = BIASES
    givens, twice = np.array((*INPUTS, *BIASES, *TARGETS, ETA)), np.tile(i, 2)

    def passes(rows: Rows) -> None:
        w, v = np.reshape(HIDDEN, (2, 2)), np.reshape(OUTPUT, (2, 2))
        for row in rows:
            net_h = w @ i + b1
            out_h = 1 / (1 + np.exp(-net_h))
            net_o = v @ out_h + b2
            out_o = 1 / (1 + np.exp(-net_o))
            g_out_o = out_o - t
            terms = 0.5 * g_out_o * g_out_o
            slope_o = out_o * (1 - out_o)
            g_net_o = g_out_o * slope_o
            g_v = np.outer(g_net_o, out_h)
            by_error = g_net_o * v.T
            g_out_h = by_error.sum(1)
            slope_h = out_h * (1 - out_h)
            g_w = np.outer(g_out_h * slope_h, i)
            before = w.ravel(), v.ravel()
            w, v = w - ETA * g_w, v - ETA * g_v
            np.concatenate((
                givens, *before, net_h, out_h, net_o, out_o, terms, [terms.sum()],
                g_out_o, slope_o, out_h, out_h, before[1], by_error.ravel(), slope_h, twice,
                g_net_o, g_out_h, g_w.ravel(), g_v.ravel(), w.ravel(), v.ravel(),
            ), out=row)  # fmt: skip

    return passes


# ---- engines that record a graph ---------------------------------------------------------


def with_micrograd() -> Passes:
    """A graph of `Value`s a pass; micrograd has no exponential, so it gets one in its style."""
    from micrograd.engine import Value

    def sigmoid(x: Value) -> Value:
        a = 1 / (1 + exp(-x.data))
        out = Value(a, (x,), "sigmoid")

        def backward() -> None:
            x.grad += a * (1 - a) * out.grad

        out._backward = backward
        return out

    def one(w: list[float]) -> list[float]:
        w1, w2, w3, w4, w5, w6, w7, w8 = weights = [Value(x) for x in w]
        (i1, i2), (b1, b2), (t1, t2) = INPUTS, BIASES, TARGETS
        net_h1, net_h2 = w1 * i1 + w2 * i2 + b1, w3 * i1 + w4 * i2 + b1
        h1, h2 = sigmoid(net_h1), sigmoid(net_h2)
        net_o1, net_o2 = w5 * h1 + w6 * h2 + b2, w7 * h1 + w8 * h2 + b2
        o1, o2 = sigmoid(net_o1), sigmoid(net_o2)
        E1, E2 = (t1 - o1) ** 2 * 0.5, (t2 - o2) ** 2 * 0.5
        E = E1 + E2
        E.backward()
        kept = [*weights, net_h1, net_h2, h1, h2, net_o1, net_o2, o1, o2, E1, E2, E]
        return [
            *(v.data for v in kept),
            *(v.grad for v in (net_o1, net_o2, h1, h2, *weights)),
            *(v.data - ETA * v.grad for v in weights),
        ]

    def passes(rows: Rows) -> None:
        w = [*HIDDEN, *OUTPUT]
        for k in range(len(rows)):
            rows[k] = row = one(w)
            w = row[-8:]

    return passes


def with_torch() -> Passes:
    """Vectors of float64 on one thread; intermediates keep their gradients."""
    import torch

    torch.set_num_threads(1)
    i = torch.tensor(INPUTS, dtype=torch.float64)
    t = torch.tensor(TARGETS, dtype=torch.float64)
    b1, b2 = BIASES

    def passes(rows: Rows) -> None:
        kept = torch.from_numpy(rows)
        w = torch.tensor(HIDDEN, dtype=torch.float64).view(2, 2).requires_grad_()
        v = torch.tensor(OUTPUT, dtype=torch.float64).view(2, 2).requires_grad_()
        for k in range(len(rows)):
            net_h = w @ i + b1
            out_h = torch.sigmoid(net_h)
            net_o = v @ out_h + b2
            out_o = torch.sigmoid(net_o)
            terms = 0.5 * (t - out_o) ** 2
            E = terms.sum()
            out_h.retain_grad()
            net_o.retain_grad()
            E.backward()
            with torch.no_grad():
                after_w, after_v = w - ETA * w.grad, v - ETA * v.grad
                kept[k] = torch.cat((
                    w.view(4), v.view(4), net_h, out_h, net_o, out_o, terms, E.view(1),
                    net_o.grad, out_h.grad, w.grad.view(4), v.grad.view(4),
                    after_w.view(4), after_v.view(4),
                ))  # fmt: skip
            w, v = after_w.requires_grad_(), after_v.requires_grad_()

    return passes


BY_HAND = Peer("hand-written loop", EVERYTHING, by_hand)
PEERS = (
    BY_HAND,
    Peer("numpy arrays", EVERYTHING, with_numpy, share=5),
    Peer("micrograd", GRAPH, with_micrograd, share=20, module="micrograd"),
    Peer("PyTorch", GRAPH, with_torch, share=20, module="torch"),
)
