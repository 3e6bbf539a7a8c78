"""Every kind of layer drawn at random, and how PyTorch computes it; networks made of them."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
from peer_models import LINKS, Model, by_element

# ---- kinds of layers ---------------------------------------------------------------------

PEERS: dict[str, Callable] = {}


def peer(kind):
    """Name the kind of layer that a function draws."""

    def known(draw):
        PEERS[kind] = draw
        return draw

    return known


@peer("dense")
def dense(m, units=0, activation=""):
    """Of the last axis; any activation."""
    inputs, units = m.sizes[-1], units or m.whole(1, 3)
    activation, rows = (
        activation or m.r.choice([*LINKS, "softmax"]),
        m.r.choice(["units", "inputs"]),
    )
    w = m.matrix(f"W{m.number}", units, inputs, rows)
    table = {"activation": activation, "weights": w, "rows": rows}
    b = bias(m, table, "bias", f"b{m.number}", units)
    axes = [*m.axes[:-1], (m.axes[-1][0], units)]
    table |= {"net": f"n{m.number}", "out": f"u{m.number}"}  # the usual ones tell the last layer
    nets, outs = by_element(table["net"], axes), by_element(table["out"], axes)

    def forward(v, x):
        z = v.torch.nn.functional.linear(x, v.oriented(w, rows))
        z = z + v.v[b] if b else z
        a = v.link(activation, z)
        v.see(nets, z)
        v.see(outs, a)
        return a

    m.add(table, forward, *axes)


def bias(m, table, key, name, units, one=True):
    """A bias for every unit, for all of them, or none."""
    way = m.r.choice(["each", "each", "one", "none"] if one else ["each", "none"])
    if way == "none":
        return None
    table[key] = m.new(name, *([units] if way == "each" else []))
    return name


@peer("convolution")
def convolution(m, activation="", filters=0):
    """Of rows and columns or a list, with or without channels; strides, padding."""
    channelled = m.axes[0][0] == "c"
    channels, space = m.sizes[0] if channelled else 1, m.axes[channelled:]
    size = [m.whole(1, min(n, 3)) for _, n in space]
    stride, padding = [m.whole(1, 2) for _ in space], [m.whole(0, k - 1) for k in size]
    filters = filters or m.whole(1, 2)
    forms = [[filters, channels]]
    forms += [[filters]] if channels == 1 else [[channels]]
    forms += [[]] if channels == 1 else []
    form = m.r.choice(forms)
    many = len(form) == 2 or (len(form) == 1 and channels == 1)  # else one map without a channel
    filters = form[0] if many else 1
    k = m.new(f"K{m.number}", *form, *size)
    table = {"kind": "convolution", "kernel": k}
    for key, pair, usual in (("stride", stride, [1, 1]), ("padding", padding, [0, 0])):
        whole = [0 if key == "padding" else 1] * (2 - len(pair)) + pair
        if whole != usual or m.maybe():
            table[key] = pair[0] if len(set(pair)) == 1 and m.maybe() else whole
    b = bias(m, table, "bias", f"b{m.number}", filters)
    activation = activation or m.r.choice(["", *LINKS])
    if activation:
        table["activation"] = activation
    out = [
        (letter, (n + 2 * p - k) // s + 1)
        for (letter, n), p, k, s in zip(space, padding, size, stride, strict=True)
    ]
    axes = ([("c", filters)] if many else []) + out
    nets, outs = None, m.called(table, "out", f"a{m.number}", axes)
    if activation not in ("", "identity"):
        nets = m.called(table, "net", f"z{m.number}", axes)

    def forward(v, x):
        F = v.torch.nn.functional
        kernel = v.v[k].reshape(filters, channels, *size)
        maps = x.reshape(len(x), channels, *(n for _, n in space))
        convolved = F.conv1d if len(space) == 1 else F.conv2d
        own = v.v[b].expand(filters) if b else None
        z = convolved(maps, kernel, own, stride, padding).reshape(len(x), *(n for _, n in axes))
        a = v.link(activation or "identity", z)
        if nets is not None:
            v.see(nets, z)
        v.see(outs, a)
        return a

    m.add(table, forward, *axes)


@peer("pooling")
def pooling(m):
    """The greatest or the average of a window; a place of the padding counts for neither."""
    channelled = m.axes[0][0] == "c"
    space, lead = m.axes[channelled:], m.axes[:channelled]
    size = [m.whole(1, min(n, 3)) for _, n in space]
    padding = [m.whole(0, k // 2) for k in size]
    stride = [m.whole(1, 3) for _ in space] if m.maybe() else size
    of = m.r.choice(["maximum", "average"])
    pair = [1] * (2 - len(size)) + size
    table = {"kind": "pooling", "size": size[0] if len(set(size)) == 1 else pair, "of": of}
    if stride != size:
        table["stride"] = [1] * (2 - len(size)) + stride
    if any(padding):
        table["padding"] = [0] * (2 - len(size)) + padding
    axes = lead + [
        (letter, (n + 2 * p - k) // s + 1)
        for (letter, n), p, k, s in zip(space, padding, size, stride, strict=True)
    ]
    outs = m.called(table, "out", f"p{m.number}", axes)

    def forward(v, x):
        F = v.torch.nn.functional
        maps = x.reshape(len(x), -1, *(n for _, n in space))
        if of == "maximum":
            pooled = F.max_pool1d if len(space) == 1 else F.max_pool2d
            y = pooled(maps, size, stride, padding)
        else:
            pooled = F.avg_pool1d if len(space) == 1 else F.avg_pool2d
            y = pooled(maps, size, stride, padding, count_include_pad=False)
        y = y.reshape(len(x), *(n for _, n in axes))
        v.see(outs, y)
        return y

    m.add(table, forward, *axes)


@peer("flatten")
def flatten(m):
    m.add({"kind": "flatten"}, lambda v, x: x.flatten(1), ("j", prod(m.sizes)))


def sequence(m):
    """How many inputs and units at each time, the axes of the states, whether the last returns."""
    times, inputs = m.sizes if len(m.sizes) == 2 else (*m.sizes, 1)
    units = m.whole(1, 3)
    every = [("t", times), ("j", units)]
    last = m.maybe(0.4)
    return inputs, units, every, last


def rows_of(x):
    """[sample, time, input] of a row or a number a time."""
    return x if x.ndim == 3 else x[..., None]


@peer("recurrent")
def recurrent(m, activation="", returns=""):
    inputs, units, every, last = sequence(m)
    last = returns == "last" if returns else last
    activation, rows = (
        activation or m.r.choice(["tanh", "relu", "sigmoid"]),
        m.r.choice(["units", "inputs"]),
    )
    w = m.matrix(f"W{m.number}", units, inputs, rows)
    u = m.matrix(f"U{m.number}", units, units, rows)
    table = {
        "kind": "recurrent",
        "weights": w,
        "recurrent": u,
        "activation": activation,
        "rows": rows,
    }
    b = bias(m, table, "bias", f"b{m.number}", units)
    start = m.new(f"s{m.number}", units, trained=False) if m.maybe() else None
    table |= {"start": start} if start else {}
    table |= {"returns": "last"} if last else {}
    nets, outs = m.called(table, "net", "z", every), m.called(table, "out", "h", every)

    def forward(v, x):
        torch, x = v.torch, rows_of(x)
        own = v.v[b].expand(units) if b else torch.zeros(units, dtype=torch.float64)
        first = v.v[start] if start else torch.zeros(units, dtype=torch.float64)
        W, U, h = v.oriented(w, rows), v.oriented(u, rows), first.expand(len(x), units)
        z, a = [], []
        for t in range(x.shape[1]):
            z.append(x[:, t] @ W.T + h @ U.T + own)
            h = v.link(activation, z[-1])
            a.append(h)
        z, a = torch.stack(z, 1), torch.stack(a, 1)
        v.see(nets, z)
        v.see(outs, a)
        if activation != "sigmoid":
            given = {"weight_ih_l0": W, "weight_hh_l0": U, "bias_ih_l0": own}
            given["bias_hh_l0"] = torch.zeros_like(own)
            settings = {"input_size": inputs, "hidden_size": units, "batch_first": True}
            theirs, _ = v.module(
                "RNN", given, x, first.expand(1, len(x), units), **settings, nonlinearity=activation
            )
            assert torch.allclose(a, theirs, 1e-12, 1e-14)
            a = theirs
        return a[:, -1] if last else a

    m.add(table, forward, *(every[1:] if last else every))


def gated(m, table, gates):
    """The parameters of gates, in one matrix or by gate; how PyTorch gets them in another order."""
    inputs, units, every, last = sequence(m)
    rows = m.r.choice(["units", "inputs"])
    order = m.r.sample(gates, len(gates)) if m.maybe() else list(gates)
    table |= {"rows": rows} | ({"gates": order} if order != list(gates) else {})
    table |= {"returns": "last"} if last else {}
    found = {}
    for key, letter, width in (
        ("weights", "W", inputs),
        ("recurrent", "U", units),
        ("bias", "b", 0),
    ):
        if key == "bias" and m.maybe(0.3):
            found[key] = None
        elif m.maybe():
            name = f"{letter}{m.number}"
            table[key] = (
                m.matrix(name, units * len(gates), width, rows) if width
                else m.new(name, units * len(gates))
            )  # fmt: skip
            found[key] = name
        else:
            found[key] = {g: f"{letter}{m.number}{g}" for g in gates}
            for name in found[key].values():
                m.matrix(name, units, width, rows) if width else m.new(name, units)
            table[key] = found[key]

    def by_gate(v, key):
        value = found[key]
        if value is None:
            return {g: v.torch.zeros(units, dtype=v.torch.float64) for g in gates}
        get = v.v.__getitem__ if key == "bias" else lambda name: v.oriented(name, rows)
        if isinstance(value, dict):
            return {g: get(name) for g, name in value.items()}
        return dict(zip(order, get(value).split(units), strict=True))

    return inputs, units, every, last, order, by_gate


def gate_names(m, table, key, usual, letters, every):
    """The names of something that every gate has."""
    if m.maybe():
        key_of = f"{'abcdefghij'[m.number]}{key}"
        table[key] = f"{key_of}_{{g}}"
        return {g: m.noted(by_element(f"{key_of}_{g}", every)) for g in letters}
    return {g: m.usual(usual.replace("{g}", g), every) for g in letters}


@peer("lstm")
def lstm(m):
    table = {"kind": "lstm"}
    inputs, units, every, last, order, by_gate = gated(m, table, "ifgo")
    start = m.new(f"s{m.number}", units, trained=False) if m.maybe() else None
    cell = m.new(f"k{m.number}", units, trained=False) if m.maybe() else None
    table |= {"start": start} if start else {}
    table |= {"start_cell": cell} if cell else {}
    nets = gate_names(m, table, "net", "z_{g}", order, every)
    gates = gate_names(m, table, "gate", "{g}", order, every)
    cells, outs = m.called(table, "cell", "c", every), m.called(table, "out", "h", every)

    def forward(v, x):
        torch, x = v.torch, rows_of(x)
        W, U, b = (by_gate(v, key) for key in ("weights", "recurrent", "bias"))
        zeros = torch.zeros(units, dtype=torch.float64)
        h, c = ((v.v[name] if name else zeros).expand(len(x), units) for name in (start, cell))
        given = {
            name: torch.cat([table[g] for g in "ifgo"])
            for name, table in (("weight_ih_l0", W), ("weight_hh_l0", U), ("bias_ih_l0", b))
        }
        given["bias_hh_l0"] = torch.zeros_like(given["bias_ih_l0"])
        settings = {"input_size": inputs, "hidden_size": units, "batch_first": True}
        theirs, _ = v.module(
            "LSTM", given, x, (h[None].contiguous(), c[None].contiguous()), **settings
        )
        for t in range(x.shape[1]):
            a = {}
            for g in order:
                z = x[:, t] @ W[g].T + h @ U[g].T + b[g]
                a[g] = torch.tanh(z) if g == "g" else torch.sigmoid(z)
                v.see(nets[g][t], z)
                v.see(gates[g][t], a[g])
            c = a["f"] * c + a["i"] * a["g"]
            h = a["o"] * torch.tanh(c)
            v.see(cells[t], c)
            v.see(outs[t], h)
            assert torch.allclose(h, theirs[:, t], 1e-12, 1e-14)
        return theirs[:, -1] if last else theirs

    m.add(table, forward, *(every[1:] if last else every))


BLENDS = ["(1 - z)*n + z*h", "z*h + (1 - z)*n", "(1 - z)*h + z*n", "z*n + (1 - z)*h"]


@peer("gru")
def gru(m):
    table = {"kind": "gru"}
    inputs, units, every, last, order, by_gate = gated(m, table, "rzn")
    start = table["start"] = m.new(f"s{m.number}", units, trained=False)
    after = m.maybe(0.6)
    inner = m.new(f"c{m.number}", units) if after and m.maybe() else None
    table |= {} if after else {"reset": "before"}
    table |= {"recurrent_bias": inner} if inner else {}
    blend = m.r.choice(BLENDS)
    if blend != BLENDS[0]:
        table["blend"] = blend
    nets = gate_names(m, table, "net", "net_{g}", [*order, *(["nx", "nh"] if after else [])], every)
    gates = gate_names(m, table, "gate", "{g}", [*order, *([] if after else ["rh"])], every)
    outs = m.called(table, "out", "h", every)

    def forward(v, x):
        torch, x = v.torch, rows_of(x)
        W, U, b = (by_gate(v, key) for key in ("weights", "recurrent", "bias"))
        zeros = torch.zeros(units, dtype=torch.float64)
        hidden, a = v.v[start].expand(len(x), units), []
        h = hidden
        for t in range(x.shape[1]):
            z = {g: x[:, t] @ W[g].T + h @ U[g].T + b[g] for g in "rz"}
            r, u = torch.sigmoid(z["r"]), torch.sigmoid(z["z"])
            nx = x[:, t] @ W["n"].T + b["n"]
            if after:
                nh = h @ U["n"].T + (v.v[inner] if inner else 0)
                z["n"] = nx + r * nh
                v.see(nets["nx"][t], nx)
                v.see(nets["nh"][t], nh)
            else:
                v.see(gates["rh"][t], r * h)
                z["n"] = nx + (r * h) @ U["n"].T
            n = torch.tanh(z["n"])
            for g, value in (("r", r), ("z", u), ("n", n)):
                v.see(nets[g][t], z[g])
                v.see(gates[g][t], value)
            h = (1 - u) * n + u * h if blend in BLENDS[:2] else (1 - u) * h + u * n
            v.see(outs[t], h)
            a.append(h)
        a = torch.stack(a, 1)
        if after and blend in BLENDS[:2]:
            given = {
                name: torch.cat([table[g] for g in "rzn"])
                for name, table in (("weight_ih_l0", W), ("weight_hh_l0", U), ("bias_ih_l0", b))
            }
            given["bias_hh_l0"] = torch.cat([zeros, zeros, v.v[inner] if inner else zeros])
            settings = {"input_size": inputs, "hidden_size": units, "batch_first": True}
            theirs, _ = v.module("GRU", given, x, hidden[None].contiguous(), **settings)
            assert torch.allclose(a, theirs, 1e-12, 1e-14)
            a = theirs
        return a[:, -1] if last else a

    m.add(table, forward, *(every[1:] if last else every))


@peer("attention")
def attention(m):
    """In one head or several, masked or not, with some of the matrices or all."""
    rows, width = m.sizes
    heads = m.r.choice([1, 1, 2])
    by, whole = m.r.choice(["units", "inputs"]), m.maybe()
    table = {"kind": "attention", "rows": by} | ({"heads": heads} if heads > 1 else {})
    parts = ("queries", "keys", "values", "output")
    length, given = heads * m.whole(1, 2), {}
    if whole and not width % heads:  # as torch.nn.MultiheadAttention has it
        given, length = dict.fromkeys(parts, width), width
    else:
        lengths = {"queries": length, "keys": length, "values": heads * m.whole(1, 2)}
        lengths["output"] = m.whole(1, 3)
        given = {p: n for p, n in lengths.items() if width % heads or m.maybe(0.7)}
        if ("queries" in given) != ("keys" in given) and length != width:
            given |= {"queries": length, "keys": length}
    biased = m.maybe()
    names, before = {}, dict.fromkeys(parts, width) | {"output": given.get("values", width)}
    for part, units in given.items():
        names[part] = table[part] = m.matrix(
            f"{part[0].upper()}{m.number}", units, before[part], by
        )
    for part, units in given.items() if biased else ():
        key = f"{part}_bias"
        names[key] = table[key] = m.new(f"b{part[0]}{m.number}", units)
    scaled = m.maybe(0.7)
    table |= {} if scaled else {"scores": "unscaled"}
    seen = np.ones((rows, rows))
    if m.maybe():
        seen, table["mask"] = np.tril(seen), "causal"
    elif m.maybe():
        seen = np.array([[float(m.maybe(0.6) or i == j) for j in range(rows)] for i in range(rows)])
        m.numbers[f"M{m.number}"], table["mask"] = seen, f"M{m.number}"
    axes, mark = m.axes[0], m.axes[1][0]
    called = {
        part[0]: m.called(table, part[0], part[0], [axes, (mark, given[part])])
        for part in parts[:3] if part in given
    }  # fmt: skip
    pairs = [("h", heads), ("i", rows), ("j", rows)]
    called |= {key: m.called(table, key, key, pairs) for key in "sa"}
    inner = [axes, (mark, given.get("values", width))]
    outer = [axes, (mark, given.get("output", inner[1][1]))]
    if "output" in given:
        called["o"] = m.called(table, "o", "o", inner)
    called["out"] = m.called(table, "out", "y" if "output" in given else "o", outer)

    def forward(v, x):
        torch = v.torch

        def through(part, value, key):
            if part not in given:
                return value
            own = v.v[names[f"{part}_bias"]] if biased else None
            found = torch.nn.functional.linear(value, v.oriented(names[part], by), own)
            v.see(called[key], found)
            return found

        q, k, w = (
            through(p, x, p[0]).unflatten(-1, (heads, -1)).transpose(1, 2) for p in parts[:3]
        )
        allowed = torch.tensor(seen, dtype=torch.bool)
        scale = q.shape[-1] ** -0.5 if scaled else 1.0
        s = q @ k.transpose(-1, -2) * scale
        a = s.masked_fill(~allowed, -torch.inf).softmax(-1)
        for key, values in (("s", s), ("a", a)):
            v.see(called[key][:, allowed.numpy()], values[:, :, allowed])
        o = torch.nn.functional.scaled_dot_product_attention(q, k, w, allowed, scale=scale)
        assert torch.allclose(o, a @ w, 1e-12, 1e-14)
        o = o.transpose(1, 2).flatten(2)
        if "output" in given:
            v.see(called["o"], o)
        else:
            v.see(called["out"], o)
        y = through("output", o, "out")
        if len(given) == 4 and scaled and set(given.values()) == {width}:
            own = {p: v.oriented(names[p], by) for p in parts}
            theirs = {"in_proj_weight": torch.cat([own[p] for p in parts[:3]])}
            theirs["out_proj.weight"] = own["output"]
            if biased:
                both = [v.v[names[f"{p}_bias"]] for p in parts]
                theirs |= {"in_proj_bias": torch.cat(both[:3]), "out_proj.bias": both[3]}
            settings = {"embed_dim": width, "num_heads": heads, "bias": biased, "batch_first": True}
            whole, _ = v.module(
                "MultiheadAttention", theirs, x, x, x, None, True, ~allowed, **settings
            )
            assert torch.allclose(y, whole, 1e-12, 1e-14)
            y = whole
        return y

    m.add(table, forward, *outer)


def norm(m, kind, features, means, forward):
    """A normalisation; `forward` is PyTorch's, and how its statistics are taken."""
    table = {"kind": kind}
    epsilon = m.r.choice([None, 1e-3, 0.01])
    table |= {} if epsilon is None else {"epsilon": epsilon}
    scaled = m.maybe(0.7)
    if scaled:
        table["scale"] = m.new(f"g{m.number}", *features)
        table["shift"] = m.new(f"b{m.number}", *features)
    axes = list(m.axes)
    mean, variance = m.called(table, "mean", "mu", means), m.called(table, "variance", "var", means)
    hats = m.called(table, "normalised", "xhat", axes) if scaled else None
    outs = m.called(table, "out", "y", axes)

    def through(v, x):
        gamma, beta = (v.v[table[key]] if scaled else None for key in ("scale", "shift"))
        own = 1e-5 if epsilon is None else epsilon
        plain, mu, var = forward(v, x, None, None, own)
        y, _, _ = forward(v, x, gamma, beta, own)
        v.see(mean, mu)
        v.see(variance, var)
        if scaled:
            v.see(hats, plain)
        v.see(outs, y)
        return y

    m.add(table, through, *axes)


@peer("layer norm")
def layer_norm(m):
    """Over the last axis."""

    def forward(v, x, gamma, beta, epsilon):
        y = v.torch.nn.functional.layer_norm(x, x.shape[-1:], gamma, beta, epsilon)
        return y, x.mean(-1), x.var(-1, correction=0)

    norm(m, "layer norm", m.sizes[-1:], m.axes[:-1], forward)


@peer("batch norm")
def batch_norm(m):
    """Over the samples; of channels over their places too."""
    channelled = m.axes[0][0] == "c"
    features = m.sizes[:1] if channelled else m.sizes

    def forward(v, x, gamma, beta, epsilon):
        maps = x if channelled else x.flatten(1)
        own = [None if p is None else p.flatten() for p in (gamma, beta)]
        y = v.torch.nn.functional.batch_norm(maps, None, None, *own, training=True, eps=epsilon)
        over = [0, *range(2, x.ndim)] if channelled else [0]
        return y.reshape(x.shape), x.mean(over), x.var(over, correction=0)

    norm(m, "batch norm", features, m.axes[:1] if channelled else m.axes, forward)


@peer("activation")
def activation(m, name=""):
    name, axes = name or m.r.choice([*LINKS, "softmax"]), list(m.axes)
    table = {"kind": "activation", "activation": name}
    outs = m.called(table, "out", f"a{m.number}", axes)

    def forward(v, x):
        a = v.link(name, x)
        v.see(outs, a)
        return a

    m.add(table, forward, *axes)


@peer("residual")
def residual(m):
    """Over as many layers as change no shape; over one or more of those before."""
    fits = [k for k in range(1, len(m.came) + 1) if [s for _, s in m.came[-k]] == list(m.sizes)]
    if not fits:
        dense(m, m.sizes[-1])
        fits = [1]
    over, axes = m.r.choice(fits), list(m.axes)
    table = {"kind": "residual", "over": over}
    outs = m.called(table, "out", f"a{m.number}", axes)

    def forward(v, x):
        y = v.came[-1 - over] + x
        v.see(outs, y)
        return y

    m.add(table, forward, *axes)


@peer("dropout")
def dropout(m):
    axes, rate = list(m.axes), m.r.choice([None, 0.25, 0.0, 0.2])
    mask = m.new(f"M{m.number}", *m.sizes, trained=False)
    m.numbers[mask] = np.array(
        [float(m.maybe(0.7)) for _ in range(prod(m.sizes))]
    ).reshape(m.sizes)  # fmt: skip
    table = {"kind": "dropout", "mask": mask} | ({} if rate is None else {"rate": rate})
    outs = m.called(table, "out", f"a{m.number}", axes)

    def forward(v, x):
        y = x * v.v[mask] / (1 - (0.5 if rate is None else rate))
        v.see(outs, y)
        return y

    m.add(table, forward, *axes)


@peer("embedding")
def embedding(m):
    """The inputs are numbers of rows, the same for all samples."""
    words, rows, width = m.whole(1, 4), m.whole(2, 4), m.whole(1, 3)
    m.arrays.pop("x", None)
    m.numbers["x"] = np.array([m.whole(1, rows) for _ in range(words)])
    table = {"kind": "embedding", "table": m.new(f"T{m.number}", rows, width)}

    def forward(v, x):
        found = v.torch.nn.functional.embedding(x.long() - 1, v.v[table["table"]])
        return found.expand(max(len(v.batch), 1), -1, -1)

    m.add(table, forward, ("i", words), ("j", width))


# ---- networks ----------------------------------------------------------------------------


def _maps(m):
    """A list, rows and columns, or channels of them."""
    space = [("i", m.whole(2, 4)), ("j", m.whole(2, 4))]
    return m.r.choice([space, [("c", m.whole(2, 3)), *space], [("j", m.whole(2, 5))]])


def _times(m):
    """A row a time step, or one number each."""
    return m.r.choice([[("i", m.whole(1, 3)), ("j", m.whole(1, 3))], [("j", m.whole(1, 3))]])


def _rows(m):
    return [("i", m.whole(2, 3)), ("j", m.whole(1, 4))]


def _several(m):
    """More than one number in a row: the mean of one is that number."""
    rows = [("i", 2), ("j", m.whole(2, 3))]
    return m.r.choice([[("j", m.whole(2, 4))], rows, [("c", 2), *rows]])


def _any(m):
    return m.r.choice([_maps(m), _rows(m), [("j", m.whole(1, 4))]])


INPUTS = {
    "convolution": _maps, "pooling": _maps, "recurrent": _times, "lstm": _times, "gru": _times,
    "attention": _rows, "layer norm": _several, "batch norm": _any,
}  # fmt: skip


def alone(kind, seed, samples=0, batch=0):
    """A network of one layer of a kind; dense layers around it where it has no parameters."""
    m = Model(f"{kind} {seed}", samples, batch)
    m.inputs(*INPUTS.get(kind, _any)(m))
    if kind not in ("embedding", "convolution") and m.maybe(0.3):
        dense(m, m.sizes[-1])
    PEERS[kind](m)
    if not m.trained:
        dense(m)
    return m


def image(m):
    m.inputs(*_maps(m))
    convolution(m)
    activation(m, "relu")
    pooling(m)
    flatten(m)
    dense(m)


def normalised_image(m):
    m.inputs(("i", 4), ("j", 4))
    convolution(m, "identity", filters=2)
    batch_norm(m)
    activation(m, "relu")
    residual(m)
    pooling(m)


def words(m):
    m.inputs(("j", 1))
    embedding(m)
    m.axes = [m.axes[0], ("j", m.axes[1][1])]
    attention(m)
    layer_norm(m)
    residual(m)
    dense(m)


def last_state(m):
    m.inputs(*_times(m))
    lstm(m)
    recurrent(m, returns="last")
    dense(m, activation="softmax")


def every_time(m):
    m.inputs(*_times(m))
    recurrent(m, returns="sequence")
    dense(m)


def stacked(m):
    """Layers whose names would be the same without their numbers."""
    m.inputs(*_rows(m))
    for draw in m.r.sample([lstm, gru, recurrent, attention, layer_norm], 3):
        if draw is attention and len(m.axes) < 2:
            continue
        draw(m)
    dense(m)


def regular(m):
    m.inputs(("j", m.whole(2, 4)))
    dense(m, activation="identity")
    batch_norm(m)
    activation(m, "relu")
    dropout(m)
    dense(m)


NETWORKS = {
    "image": image, "normalised image": normalised_image, "words": words,
    "last state": last_state, "every time": every_time, "stacked": stacked, "regular": regular,
}  # fmt: skip


def network(kind, seed, samples=0, batch=0):
    """Several layers on each other."""
    m = Model(f"{kind} {seed}", samples, batch)
    NETWORKS[kind](m)
    return m
